"""The 17 features of how the spectrum changes with time."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import fft
from scipy.signal import get_window

from ._kernels import boxcar, kurtosis, median_of_sorted, odd_length, ratio
from ._peaks import count_peaks
from ._spectral import centroids

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
    frequencies, amplitude = amplitude_spectrogram(traces.signal, traces.settings)
    features = {}
    if wanted & _FREQUENCY:
        features |= _frequency_curves(amplitude, frequencies)
    features |= _amplitude_curves(amplitude, traces.scale)
    if "spg_ratio_50_51" in wanted:
        features["spg_ratio_50_51"] = ratio(
            features["spg_n_peaks_centroid_freq"],
            features["spg_n_peaks_max_freq"],
            undefined=0.0,
        )
    return features


_FREQUENCY = frozenset(
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
    amplitude = boxcar(amplitude, min(smoothing, 2 * amplitude.shape[1] - 1), axis=1)
    frequencies = np.arange(amplitude.shape[-1]) * (settings.sampling_rate / length)
    return frequencies, amplitude


def frame_lengths(settings):
    """Window and hop in samples, smoothing in frames."""
    rate = settings.sampling_rate
    length = int(np.clip(round(settings.spectrogram_window * rate), 1, settings.n_samples))
    hop = max(1, round(length * (1 - settings.spectrogram_overlap)))
    return length, hop, odd_length(settings.spectrogram_smoothing, hop / rate)


def _frequency_curves(amplitude, frequencies):
    """How the centroid and the strongest frequency move."""
    centroid, below, above = centroids(amplitude, frequencies)
    strongest = frequencies[amplitude.argmax(axis=-1)]
    return {
        "spg_n_peaks_centroid_freq": _n_peaks(centroid),
        "spg_n_peaks_max_freq": _n_peaks(strongest),
        "spg_dist_q2_q1": _mean(np.abs(centroid - below)),
        "spg_dist_q3_q2": _mean(np.abs(above - centroid)),
        "spg_dist_q3_q1": _mean(np.abs(above - below)),
    }


def _amplitude_curves(amplitude, scale):
    """How the maximum, the mean and the median over frequency rise and fall (sorts in place)."""
    mean = amplitude.mean(axis=-1)
    amplitude.sort(axis=-1)
    largest, middle = amplitude[..., -1], median_of_sorted(amplitude)
    n_largest, n_mean, n_median = _n_peaks(largest), _n_peaks(mean), _n_peaks(middle)
    return {
        "spg_kurt_max": kurtosis(largest),
        "spg_kurt_median": kurtosis(middle),
        "spg_max_over_mean": _mean(ratio(largest, mean)),
        "spg_max_over_median": _mean(ratio(largest, middle)),
        "spg_n_peaks_max": n_largest,
        "spg_n_peaks_mean": n_mean,
        "spg_n_peaks_median": n_median,
        "spg_ratio_45_46": ratio(n_largest, n_mean, undefined=0.0),
        "spg_ratio_45_47": ratio(n_largest, n_median, undefined=0.0),
        "spg_dist_max_mean": np.abs(largest - mean).mean(axis=-1) * scale,
        "spg_dist_max_median": np.abs(largest - middle).mean(axis=-1) * scale,
    }


def _n_peaks(curve):
    """Peaks above three quarters of the largest value of each curve."""
    top = np.fmax.reduce(curve, axis=-1)
    top = np.where(top > 0, top, np.nan)
    return count_peaks(curve / top[:, np.newaxis], PEAK_THRESHOLD)[0]


def _mean(curve):
    """Mean over the frames where the curve is defined (a frame of zeros has no centroid)."""
    defined = ~np.isnan(curve)
    return ratio(np.where(defined, curve, 0).sum(axis=-1), defined.sum(axis=-1))
