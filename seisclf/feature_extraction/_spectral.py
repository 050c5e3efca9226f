"""The 17 features of the amplitude spectrum of a whole trace."""

import numpy as np

from ._kernels import centroids, median, moments, ratio
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
    relative = amplitude / largest[:, np.newaxis]

    features = {
        "fft_mean": relative.mean(axis=-1),
        "fft_max": largest * traces.scale,
        "fft_freq_max": f[amplitude.argmax(axis=-1)],
        "fft_median": median(relative),
        "fft_var": _variance(relative),
    }
    features |= _frequencies(relative, f)
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


def _frequencies(relative, f):
    centroid, below, above = centroids(relative, f, moments(relative, f))
    m0, m1, m2 = np.moveaxis(moments(relative * relative, f, 3), -1, 0)
    gamma1 = m1 / m0
    return {
        "fft_centroid": centroid,
        "fft_quartile1": below,
        "fft_quartile3": above,
        "gamma1": gamma1,
        "gamma2": np.sqrt(m2 / m0),
        # Cauchy-Schwarz: m2/m0 is never below gamma1², so only the modulus can be rooted.
        "gammas": np.sqrt(np.abs(gamma1 * gamma1 - m2 / m0)),
    }


def _quarters(relative, f, spacing):
    """Integrals over the four quarters of the band from zero to the Nyquist frequency."""
    edges = np.searchsorted(f, f[-1] * np.array([0.25, 0.5, 0.75]))
    bounds = [0, *edges, len(f)]
    return {
        f"fft_energy_q{k + 1}": relative[:, bounds[k] : bounds[k + 1]].sum(axis=-1) * spacing
        for k in range(4)
    }
