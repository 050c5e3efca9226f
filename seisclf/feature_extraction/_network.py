"""The 10 features that compare the stations of a network event."""

import numpy as np
from scipy import fft

from ._kernels import interquartile_range, ratio


def network_features(signal, scale, spectrum, present, settings):
    """Features of the stations together, from one component of each.

    Parameters
    ----------
    signal : ndarray of shape (n_events, n_stations, n_samples)
        Detrended traces between -1 and 1.
    scale : ndarray of shape (n_events, n_stations)
        Factor that gives their unit back.
    spectrum : ndarray of shape (n_events, n_stations, n_frequencies)
        Their spectra after padding with as many zeros.
    present : ndarray of bool of shape (n_events, n_stations)
        False where a station is missing or dead; it then takes part in nothing.
    settings : Settings
        Parameters of the formulas.

    Returns
    -------
    features : dict of str to ndarray of shape (n_events,)
        All ten, NaN for events seen by fewer than two stations.
    """
    features = _strengths(signal, scale, present)
    features |= _pairs(signal, spectrum, present, settings)
    enough = present.sum(axis=-1) >= 2
    return {name: np.where(enough, value, np.nan) for name, value in features.items()}


def _strengths(signal, scale, present):
    rms = np.sqrt(np.einsum("est,est->es", signal, signal) / signal.shape[-1]) * scale
    iqr = interquartile_range(np.abs(signal)) * scale
    loudest, loudest_at = _largest(rms, present)
    faintest, faintest_at = _largest(-rms, present)
    widest, _ = _largest(iqr, present)
    narrowest, _ = _largest(-iqr, present)
    return {
        "station_max_rms": loudest_at,
        "station_min_rms": faintest_at,
        "rms_ratio": loudest / -faintest,
        "iqr_ratio": ratio(widest, -narrowest, undefined=1.0),
    }


def _largest(values, present):
    values = np.where(present, values, -np.inf)
    at = values.argmax(axis=-1)
    return np.take_along_axis(values, at[:, np.newaxis], axis=-1)[:, 0], at


def _pairs(signal, spectrum, present, settings):
    """Mean and spread over all pairs of stations that are present."""
    n_events, n_stations, _ = signal.shape
    first, second = np.triu_indices(n_stations, k=1)
    size = np.abs(spectrum)
    white = spectrum / np.where(size > 0, size, 1)
    power = signal * signal
    power /= np.maximum(power.sum(axis=-1, keepdims=True), np.finfo(power.dtype).tiny)
    power.sort(axis=-1)

    coherence, lag, distance = (np.full((n_events, len(first)), np.nan) for _ in range(3))
    n_lags = 2 * settings.n_fft
    # One pair at a time: all at once would need stations²/2 copies of the data.
    for pair, (i, j) in enumerate(zip(first, second, strict=True)):
        both = present[:, i] & present[:, j]
        if not both.any():
            continue
        cross = fft.irfft(white[both, i] * np.conj(white[both, j]), n_lags, axis=-1)
        at = cross.argmax(axis=-1)
        coherence[both, pair] = np.take_along_axis(cross, at[:, np.newaxis], axis=-1)[:, 0]
        lag[both, pair] = np.minimum(at, n_lags - at) * settings.dt
        distance[both, pair] = np.abs(power[both, i] - power[both, j]).mean(axis=-1)

    coherence_mean, _ = _mean_and_std(coherence)
    lag_mean, lag_std = _mean_and_std(lag)
    distance_mean, distance_std = _mean_and_std(distance)
    return {
        "coh_mean": coherence_mean,
        "coh_max": np.fmax.reduce(coherence, axis=-1, initial=-np.inf),
        "lag_mean": lag_mean,
        "lag_std": lag_std,
        "wd_mean": distance_mean,
        "wd_std": distance_std,
    }


def _mean_and_std(pairs):
    defined = ~np.isnan(pairs)
    count = defined.sum(axis=-1)
    mean = np.where(defined, pairs, 0).sum(axis=-1) / count
    deviation = np.where(defined, pairs - mean[:, np.newaxis], 0)
    return mean, np.sqrt((deviation**2).sum(axis=-1) / count)
