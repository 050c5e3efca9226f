"""The 17 features of how the spectrum changes with time."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import fft
from scipy.signal import get_window

from ._kernels import boxcar, centroids, kurtosis, median_of_sorted, moments, odd_length, ratio
from ._peaks import count_peaks

PEAK_THRESHOLD = 0.75


def spectrogram_features(traces, wanted):
    """Spectrogram features of a block of traces.

    Parameters
    ----------
    traces : Traces
        Prepared traces.
    wanted : set of str
        Names of the features that are needed.

    Returns
    -------
    features : dict of str to ndarray of shape (n_traces,)
        At least the wanted ones that belong here.
    """
    f, amplitude = amplitude_spectrogram(traces.signal, traces.settings)
    total = moments(amplitude, f)
    features, curves = {}, {}
    if wanted & _OF_FREQUENCY:
        features, curves = _frequency_curves(amplitude, f, total)
    if wanted - _OF_FREQUENCY:
        amplitude.sort(axis=-1)
        curves |= {
            "max": amplitude[..., -1],
            "mean": total[..., 0] / len(f),
            "median": median_of_sorted(amplitude),
        }
        features |= _amplitude_curves(curves, traces.scale)
    return features | _peak_counts(curves)


_OF_FREQUENCY = frozenset(
    {
        "spg_n_peaks_centroid_freq",
        "spg_n_peaks_max_freq",
        "spg_ratio_50_51",
        "spg_dist_q2_q1",
        "spg_dist_q3_q2",
        "spg_dist_q3_q1",
    }
)


def amplitude_spectrogram(signal, settings):
    """|STFT| with a Hann window, smoothed along time, scaled so that a sine gives its amplitude.

    Parameters
    ----------
    signal : ndarray of shape (n_traces, n_samples)
        Traces.
    settings : Settings
        Window and smoothing in seconds, overlap as a fraction.

    Returns
    -------
    frequencies : ndarray of shape (n_frequencies,)
        In Hz, from zero to the Nyquist frequency.
    amplitude : ndarray of shape (n_traces, n_frames, n_frequencies)
        Only frames that lie inside the trace: nothing is padded.
    """
    length, hop, smoothing = frame_lengths(settings)
    window = get_window("hann", length) if length > 2 else np.ones(length)
    window = (window * (2 / window.sum())).astype(signal.dtype)
    frames = sliding_window_view(signal, length, axis=-1)[:, ::hop] * window
    amplitude = np.abs(fft.rfft(frames, axis=-1, overwrite_x=True))
    amplitude = boxcar(amplitude, min(smoothing, 2 * amplitude.shape[1] - 1), axis=-2)
    frequencies = np.arange(amplitude.shape[-1]) * (settings.sampling_rate / length)
    return frequencies, amplitude


def frame_lengths(settings):
    """Window and hop in samples, smoothing in frames."""
    rate = settings.sampling_rate
    length = int(np.clip(round(settings.spectrogram_window * rate), 1, settings.n_samples))
    hop = max(1, round(length * (1 - settings.spectrogram_overlap)))
    return length, hop, odd_length(settings.spectrogram_smoothing, hop / rate)


def _frequency_curves(amplitude, f, total):
    """How the centroid and the strongest frequency move."""
    centroid, below, above = centroids(amplitude, f, total)
    features = {
        "spg_dist_q2_q1": _mean(np.abs(centroid - below)),
        "spg_dist_q3_q2": _mean(np.abs(above - centroid)),
        "spg_dist_q3_q1": _mean(np.abs(above - below)),
    }
    return features, {"centroid_freq": centroid, "max_freq": f[amplitude.argmax(axis=-1)]}


def _amplitude_curves(curves, scale):
    """How the maximum, the mean and the median over frequency rise and fall."""
    largest, mean, middle = curves["max"], curves["mean"], curves["median"]
    return {
        "spg_kurt_max": kurtosis(largest),
        "spg_kurt_median": kurtosis(middle),
        "spg_max_over_mean": _mean(largest / mean),
        "spg_max_over_median": _mean(largest / middle),
        "spg_dist_max_mean": np.abs(largest - mean).mean(axis=-1) * scale,
        "spg_dist_max_median": np.abs(largest - middle).mean(axis=-1) * scale,
    }


def _peak_counts(curves):
    """Peaks above three quarters of the largest value of each curve, and their ratios."""
    stacked = np.concatenate(list(curves.values()))
    relative = stacked / np.fmax.reduce(stacked, axis=-1, keepdims=True)
    counts = np.split(count_peaks(relative, PEAK_THRESHOLD)[0], len(curves))
    n_peaks = dict(zip(curves, counts, strict=True))
    features = {f"spg_n_peaks_{curve}": count for curve, count in n_peaks.items()}
    for name, over, under in _RATIOS:
        if over in n_peaks and under in n_peaks:
            features[name] = ratio(n_peaks[over], n_peaks[under], undefined=0.0)
    return features


_RATIOS = (
    ("spg_ratio_45_46", "max", "mean"),
    ("spg_ratio_45_47", "max", "median"),
    ("spg_ratio_50_51", "centroid_freq", "max_freq"),
)


def _mean(curve):
    """Mean over the frames where the curve is defined (a frame of zeros has no centroid)."""
    mean = curve.mean(axis=-1)
    if np.isfinite(mean).all():
        return mean
    defined = np.isfinite(curve)
    return np.where(defined, curve, 0).sum(axis=-1) / defined.sum(axis=-1)
