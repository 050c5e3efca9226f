"""Wavelet pictures as a step of a pipeline."""

import numpy as np

from ..signal._arrays import check_positive
from ..signal._cwt import check_frequencies, cwt_of_rows
from ..signal._resize import interpolation_matrix, resized_shape
from ._base import WaveformTransformer
from ._pictures import check_picture_settings, make_pictures


class Scalogram(WaveformTransformer):
    """Pictures of frequency against time, by continuous wavelet transform (Morlet).

    Wavelets of low frequency are long and those of high frequency short, so an onset is sharp at
    high frequencies and the rows may be spaced logarithmically.

    Parameters
    ----------
    sampling_rate : float, default=100.0
        Samples per second (Hz).
    frequencies : array-like of shape (n_frequencies,), optional
        Centre frequencies (Hz), ascending. By default `n_frequencies` of them, in equal ratios
        from `low` to `high`.
    n_frequencies : int, default=48
        Number of rows.
    low : float, default=1.0
        Lowest frequency (Hz).
    high : float, optional
        Highest frequency (Hz); by default 0.8 of the Nyquist frequency.
    w0 : float, default=6.0
        Oscillations in a wavelet; more resolve frequency better and time worse.
    hop : float, optional
        Seconds per column: coefficients are averaged over each. By default every sample is a
        column.
    output : {"magnitude", "power"}, default="magnitude"
        What a cell holds. A sine of amplitude ``a`` has magnitude ``a``.
    log : {"db", "log1p", "log10p1", None}, default=None
        As in :class:`Spectrogram`.
    scaling : {"zscore", "min_max", "max_abs", "robust", "std", None}, default=None
        As in :class:`Spectrogram`.
    scope : {"channel", "station", "event"}, default="channel"
        Which pictures share one scale.
    size : int or tuple of int (height, width), optional
        Resize the picture, last of all. One number is the height; the width keeps its ratio.
    n_threads : int, optional
        Threads; by default what ``OMP_NUM_THREADS`` allows, at most one per core.

    Attributes
    ----------
    frequencies_ : ndarray of shape (n_frequencies,)
        Frequency of each row (Hz), ascending.
    times_ : ndarray of shape (n_columns,)
        Centre of each column, in seconds after the first sample.
    n_features_in_, n_channels_in_, n_samples_in_ : int
        Shape seen by ``fit``; ``n_stations_in_`` for events over a network.

    See Also
    --------
    Spectrogram : The same with frames of one length.
    seisclf.signal.cwt : The transform behind it.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.preprocessing import Scalogram
    >>> X = np.random.default_rng(0).normal(size=(2, 3, 1000)).astype("float32")
    >>> scalogram = Scalogram(sampling_rate=100, n_frequencies=32, hop=0.1)
    >>> scalogram.fit_transform(X).shape
    (2, 3, 32, 100)
    >>> scalogram.frequencies_[[0, -1]].round(1)
    array([ 1., 40.])
    """

    _keeps_shape = False

    def __init__(
        self,
        *,
        sampling_rate=100.0,
        frequencies=None,
        n_frequencies=48,
        low=1.0,
        high=None,
        w0=6.0,
        hop=None,
        output="magnitude",
        log=None,
        scaling=None,
        scope="channel",
        size=None,
        n_threads=None,
    ):
        self.sampling_rate = sampling_rate
        self.frequencies = frequencies
        self.n_frequencies = n_frequencies
        self.low = low
        self.high = high
        self.w0 = w0
        self.hop = hop
        self.output = output
        self.log = log
        self.scaling = scaling
        self.scope = scope
        self.size = size
        self.n_threads = n_threads

    @classmethod
    def _get_test_params(cls):
        return [{"n_frequencies": 4}, {"n_frequencies": 4, "hop": 0.03, "log": "db", "size": 3}]

    def _prepare(self, n_samples):
        if self.output not in ("magnitude", "power"):
            raise ValueError(f'output must be "magnitude" or "power", got {self.output!r}')
        check_positive(self.w0, "w0")
        check_picture_settings(self.log, self.scaling, self.scope)
        frequencies, hop = self._centres(), self._hop()
        starts = np.arange(0, n_samples, hop)
        times = (starts + np.minimum(starts + hop, n_samples) - 1) / 2 / self.sampling_rate
        if self.size is not None:
            height, width = resized_shape((len(frequencies), len(times)), self.size)
            frequencies = interpolation_matrix(len(frequencies), height) @ frequencies
            times = interpolation_matrix(len(times), width) @ times
        self.frequencies_, self.times_ = frequencies, times

    def _centres(self):
        sampling_rate = check_positive(self.sampling_rate, "sampling_rate")
        if self.frequencies is not None:
            centres = check_frequencies(self.frequencies, sampling_rate)
            if (np.diff(centres) <= 0).any():
                raise ValueError("frequencies must ascend: give np.unique(frequencies)")
            return centres
        high = 0.4 * sampling_rate if self.high is None else self.high
        if not 0 < self.low < high <= sampling_rate / 2 or self.n_frequencies < 1:
            raise ValueError(
                f"need n_frequencies >= 1 and 0 < low < high <= {sampling_rate / 2:g} (Nyquist); "
                f"got low={self.low}, high={high}, n_frequencies={self.n_frequencies}"
            )
        return np.geomspace(self.low, high, int(self.n_frequencies))

    def _hop(self):
        if self.hop is None:
            return 1
        return max(1, round(check_positive(self.hop, "hop") * self.sampling_rate))

    def _apply(self, X):
        n_samples = X.shape[-1]
        frequencies, hop = self._centres(), self._hop()
        transform = cwt_of_rows(
            n_samples, X.dtype, self.sampling_rate, frequencies, self.w0, self.output
        )
        if hop > 1:
            transform = _averaged(transform, len(frequencies), n_samples, hop)
        return make_pictures(
            X,
            lambda size: transform,
            (len(frequencies), -(-n_samples // hop)),
            parts=1,
            row_bytes=4 * X.itemsize * len(frequencies) * n_samples,
            log=self.log,
            amplitude=self.output == "magnitude",
            scaling=self.scaling,
            scope=self.scope,
            size=self.size,
            workers=self.n_threads,
        )


def _averaged(transform, n_frequencies, n_samples, hop):
    """The transform, averaged over columns of `hop` samples (the last may be narrower)."""
    starts = np.arange(0, n_samples, hop)
    widths = np.minimum(starts + hop, n_samples) - starts

    def averaged(rows, out):
        for row in range(len(rows)):
            full = np.empty((1, n_frequencies, n_samples), out.dtype)
            transform(rows[row : row + 1], full)
            out[row] = np.add.reduceat(full[0], starts, axis=-1) / widths

    return averaged
