"""Filtering as a step of a pipeline."""

from ..signal import bandpass
from ..signal._filters import butterworth_sections
from ._base import WaveformTransformer


class Bandpass(WaveformTransformer):
    """Keep the frequencies between two corners (Butterworth).

    Parameters
    ----------
    sampling_rate : float, default=100.0
        Samples per second (Hz).
    low, high : float or None, default=1.0 and None
        Corner frequencies (Hz). None leaves that side open, so the default is a high-pass at
        1 Hz.
    order : int, default=4
        Order of the filter.
    zero_phase : bool, default=True
        True filters forwards and backwards: onsets stay where they are, but some signal appears
        before them. False filters causally, as in real time.
    n_threads : int, optional
        Threads; by default what ``OMP_NUM_THREADS`` allows, at most one per core.

    Attributes
    ----------
    n_features_in_, n_channels_in_, n_samples_in_ : int
        Shape seen by ``fit``; ``n_stations_in_`` for events over a network.

    See Also
    --------
    seisclf.signal.bandpass : The function behind it.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.preprocessing import Bandpass
    >>> X = np.random.default_rng(0).normal(size=(4, 3, 500))
    >>> Bandpass(sampling_rate=100, low=5, high=20).fit_transform(X).shape
    (4, 3, 500)
    """

    def __init__(
        self,
        *,
        sampling_rate=100.0,
        low=1.0,
        high=None,
        order=4,
        zero_phase=True,
        n_threads=None,
    ):
        self.sampling_rate = sampling_rate
        self.low = low
        self.high = high
        self.order = order
        self.zero_phase = zero_phase
        self.n_threads = n_threads

    def _prepare(self, n_samples):
        butterworth_sections(self.sampling_rate, self.low, self.high, self.order)

    def _apply(self, X):
        return bandpass(
            X,
            sampling_rate=self.sampling_rate,
            low=self.low,
            high=self.high,
            order=self.order,
            zero_phase=self.zero_phase,
            workers=self.n_threads,
        )
