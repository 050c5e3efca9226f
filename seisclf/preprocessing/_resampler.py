"""Change of sampling rate as a step of a pipeline."""

from ..signal import resample, resampling_ratio
from ._base import WaveformTransformer


class Resampler(WaveformTransformer):
    """Change the sampling rate, with a polyphase filter against aliasing.

    Parameters
    ----------
    sampling_rate : float, default=100.0
        Samples per second of what comes in (Hz).
    target_rate : float, default=50.0
        Samples per second of what goes out (Hz).
    tolerance : float, default=1e-6
        Largest relative error of the rational ratio of the two rates.
    n_threads : int, optional
        Threads; by default what ``OMP_NUM_THREADS`` allows, at most one per core.

    Attributes
    ----------
    n_samples_out_ : int
        Samples of a trace after resampling, ``ceil(n_samples * target_rate / sampling_rate)``.
    n_features_in_, n_channels_in_, n_samples_in_ : int
        Shape seen by ``fit``; ``n_stations_in_`` for events over a network.

    Notes
    -----
    Later steps of the pipeline take ``sampling_rate=target_rate``. The first sample keeps its
    time.

    See Also
    --------
    seisclf.signal.resample : The function behind it.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.preprocessing import Resampler
    >>> X = np.random.default_rng(0).normal(size=(4, 3, 500))
    >>> Resampler(sampling_rate=250, target_rate=100).fit_transform(X).shape
    (4, 3, 200)
    """

    def __init__(self, *, sampling_rate=100.0, target_rate=50.0, tolerance=1e-6, n_threads=None):
        self.sampling_rate = sampling_rate
        self.target_rate = target_rate
        self.tolerance = tolerance
        self.n_threads = n_threads

    def _prepare(self, n_samples):
        up, down = resampling_ratio(self.sampling_rate, self.target_rate, tolerance=self.tolerance)
        self.n_samples_out_ = -(-n_samples * up // down)

    def _apply(self, X):
        return resample(
            X,
            old_rate=self.sampling_rate,
            new_rate=self.target_rate,
            tolerance=self.tolerance,
            workers=self.n_threads,
        )
