"""The frame convention of all spectrograms: where frames start, and how they are cut."""

import numbers
from typing import NamedTuple

import numpy as np
from scipy.signal import get_window

from ._arrays import check_positive


class FrameSettings(NamedTuple):
    """Settings of a short-time Fourier transform in samples; see :func:`seisclf.signal.stft`."""

    window: np.ndarray
    hop: int
    n_fft: int
    padding: str
    sampling_rate: float

    @property
    def length(self):
        """Samples in one frame."""
        return len(self.window)

    @property
    def n_frequencies(self):
        """Bins from 0 to the Nyquist frequency."""
        return self.n_fft // 2 + 1

    @property
    def pad_left(self):
        """Zeros before the first sample."""
        return self.length // 2 if self.padding == "zeros" else 0

    def n_frames(self, n_samples):
        """Frames of a trace of `n_samples` samples."""
        span = n_samples + 2 * self.pad_left - self.length
        if span < 0:
            raise ValueError(
                f"a trace of {n_samples} samples is shorter than the window of {self.length} "
                f'samples: choose a shorter window_length, or padding="zeros"'
            )
        if self.padding == "zeros":
            return -(-span // self.hop) + 1
        return span // self.hop + 1

    def pad_right(self, n_samples):
        """Zeros after the last sample, so that the last frame is complete."""
        end = (self.n_frames(n_samples) - 1) * self.hop + self.length
        return max(0, end - self.pad_left - n_samples)

    def frequencies(self):
        """Centre of each bin (Hz), ascending."""
        return np.fft.rfftfreq(self.n_fft, 1 / self.sampling_rate)

    def times(self, n_samples):
        """Centre of each frame, in seconds after the first sample."""
        starts = np.arange(self.n_frames(n_samples)) * self.hop - self.pad_left
        centre = self.length // 2 if self.padding == "zeros" else self.length / 2
        return (starts + centre) / self.sampling_rate


def frame_settings(
    *, sampling_rate, window_length, hop=None, overlap=None, window="hann", n_fft=None, padding
):
    """Check the settings in seconds and turn them into samples."""
    sampling_rate = check_positive(sampling_rate, "sampling_rate")
    window = _window(window, window_length, sampling_rate)
    length = len(window)
    hop = _hop(hop, overlap, length, sampling_rate)
    n_fft = length if n_fft is None else int(n_fft)
    if n_fft < length:
        raise ValueError(
            f"n_fft={n_fft} is smaller than the window of {length} samples: it may only add "
            f"zeros, so choose at least {length}"
        )
    if padding not in ("zeros", "none"):
        raise ValueError(f'padding must be "zeros" or "none", got {padding!r}')
    return FrameSettings(window, hop, n_fft, padding, sampling_rate)


def _window(window, window_length, sampling_rate):
    if isinstance(window, list) and window and isinstance(window[0], str):
        window = tuple(window)  # as a file of settings has it
    if isinstance(window, (str, tuple)):
        if not isinstance(window_length, numbers.Real) or isinstance(window_length, bool):
            raise ValueError(f"window_length must be a number of seconds, got {window_length!r}")
        length = round(check_positive(window_length, "window_length") * sampling_rate)
        if length < 1:
            raise ValueError(
                f"window_length={window_length} s is shorter than one sample at "
                f"sampling_rate={sampling_rate:g} Hz"
            )
        return _named_window(window, length)
    try:
        array = np.asarray(window, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.empty(0)
    if array.ndim != 1 or not len(array) or not np.isfinite(array).all():
        raise ValueError(
            f"window must be a name, a tuple (name, parameter) as of scipy.signal.get_window, or "
            f"a finite 1-D array; got {window!r}"
        )
    if window_length is not None and round(window_length * sampling_rate) != len(array):
        raise ValueError(
            f"window has {len(array)} samples but window_length={window_length} s means "
            f"{round(window_length * sampling_rate)}: leave window_length=None"
        )
    return array


def _named_window(window, length):
    try:
        values = get_window(window, length)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"window must be a name or a tuple (name, parameter) that scipy.signal.get_window "
            f"knows, such as 'hann' or ('tukey', 0.25); got {window!r}: {error}"
        ) from error
    if not np.isfinite(values).all():
        raise ValueError(
            f"window={window!r} has values that are not finite: its parameter is out of range"
        )
    return values


def _hop(hop, overlap, length, sampling_rate):
    if hop is not None and overlap is not None:
        raise ValueError(f"give hop or overlap, not both; got hop={hop}, overlap={overlap}")
    if hop is not None:
        hop = round(check_positive(hop, "hop") * sampling_rate)
    else:
        overlap = 0.5 if overlap is None else overlap
        if not isinstance(overlap, numbers.Real) or not 0 <= float(overlap) < 1:
            raise ValueError(f"overlap is a fraction of the window in [0, 1), got {overlap!r}")
        hop = length - int(overlap * length)
    if not 1 <= hop <= length:
        raise ValueError(
            f"the hop must be between one sample and the window's length, {length} samples, so "
            f"that no sample is skipped; got {hop} samples"
        )
    return hop
