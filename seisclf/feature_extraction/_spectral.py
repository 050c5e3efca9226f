"""The 17 features of the amplitude spectrum of a whole trace."""

import numpy as np

from ._kernels import median, ratio
from ._peaks import count_peaks

PEAK_THRESHOLD = 0.75


def spectral_features(traces, wanted):
    """Spectral features of a block of traces.

    Parameters
    ----------
    traces : Traces
        Prepared traces.
    wanted : set of str
        Names of the features that are needed.

    Returns
    -------
    features : dict of str to ndarray of shape (n_traces,)
        All seventeen.
    """
    settings = traces.settings
    f = settings.frequencies
    spacing = f[1] if len(f) > 1 else settings.sampling_rate
    amplitude = traces.amplitude
    largest = amplitude.max(axis=-1)
    relative = amplitude / np.where(largest > 0, largest, 1)[:, np.newaxis]

    features = {
        "fft_mean": relative.mean(axis=-1),
        "fft_max": largest * traces.scale,
        "fft_freq_max": f[amplitude.argmax(axis=-1)],
        "fft_median": median(relative),
        "fft_var": _variance(relative),
    }
    features |= _centroids(relative, f)
    features |= _moments(relative, f)
    features |= _quarters(relative, f, spacing)
    if wanted & {"fft_n_peaks", "fft_peaks_mean"}:
        distance = max(1, round(settings.spectrum_peak_distance / spacing))
        count, height_sum = count_peaks(relative, PEAK_THRESHOLD, distance)
        features["fft_n_peaks"] = count
        features["fft_peaks_mean"] = ratio(height_sum, count, undefined=0.0)
    return features


def _variance(relative):
    if relative.shape[1] < 2:
        return np.full(len(relative), np.nan)
    return relative.var(axis=-1, ddof=1)


def centroids(amplitude, frequencies):
    """Centroid of each spectrum, and those of the parts below and above it.

    Parameters
    ----------
    amplitude : ndarray of shape (..., n_frequencies)
        Spectra.
    frequencies : ndarray of shape (n_frequencies,)
        Frequencies in Hz, ascending.

    Returns
    -------
    centroid, below, above : ndarray of shape (...,)
        Σ f·A / ΣA over all frequencies, over those up to the centroid and over those from it on;
        NaN where the sum of the amplitudes is zero.
    """
    moments = np.stack([np.ones_like(frequencies), frequencies], axis=1).astype(amplitude.dtype)
    total = amplitude @ moments
    centroid = ratio(total[..., 1], total[..., 0])
    # In double precision on both sides, so that a line exactly at the centroid counts as up to it.
    low_part = (frequencies <= centroid[..., np.newaxis] * (1 + 1e-6)) * amplitude
    low = low_part @ moments
    high_part = np.subtract(amplitude, low_part, out=low_part)
    high = high_part @ moments
    return centroid, ratio(low[..., 1], low[..., 0]), ratio(high[..., 1], high[..., 0])


def _centroids(relative, f):
    centroid, below, above = centroids(relative, f)
    return {"fft_centroid": centroid, "fft_quartile1": below, "fft_quartile3": above}


def _moments(relative, f):
    powers = np.stack([np.ones_like(f), f, f * f], axis=1).astype(relative.dtype)
    moments = (relative * relative) @ powers
    gamma1 = ratio(moments[:, 1], moments[:, 0])
    squared = ratio(moments[:, 2], moments[:, 0])
    # Cauchy-Schwarz: the second moment is never below the square of the first, so the difference
    # is the variance of the frequency, negative only by rounding.
    return {
        "gamma1": gamma1,
        "gamma2": np.sqrt(squared),
        "gammas": np.sqrt(np.abs(gamma1 * gamma1 - squared)),
    }


def _quarters(relative, f, spacing):
    """Integrals over the four quarters of the band from zero to the Nyquist frequency."""
    edges = np.searchsorted(f, f[-1] * np.array([0.25, 0.5, 0.75]))
    bounds = [0, *edges, len(f)]
    return {
        f"fft_energy_q{k + 1}": relative[:, bounds[k] : bounds[k + 1]].sum(axis=-1) * spacing
        for k in range(4)
    }
