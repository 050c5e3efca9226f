"""Scaling as a step of a pipeline."""

import numpy as np

from ..signal import scale
from ._base import WaveformTransformer

_METHODS = ("zscore", "max_abs", "min_max", "robust")
_AXES = {"channel": (-1,), "station": (-2, -1), "event": None}


def scaling_axes(scope, ndim, n_last=1):
    """Axes that share one scale, for arrays whose last `n_last` axes belong to one channel."""
    if scope not in _AXES:
        raise ValueError(f"scope must be one of {tuple(_AXES)}, got {scope!r}")
    first = {"channel": ndim - n_last, "station": ndim - n_last - 1, "event": 1}[scope]
    return tuple(range(first, ndim))


class WaveformScaler(WaveformTransformer):
    """Bring every event to the same scale, from its own values alone.

    Nothing is learned from other events, so nothing leaks between training and test data.

    Parameters
    ----------
    method : {"zscore", "max_abs", "min_max", "robust"}, default="zscore"
        Divide by the standard deviation, by the largest absolute value, map to [0, 1], or divide
        by the interquartile range.
    scope : {"channel", "station", "event"}, default="channel"
        What shares one scale: every trace its own; all components of one station, which keeps
        their ratio (and with it the polarization); the whole event. The last two differ only for
        events over a network.
    center : bool, default=True
        Subtract the mean (for "robust" the median) first; not used by "min_max".

    Attributes
    ----------
    n_features_in_, n_channels_in_, n_samples_in_ : int
        Shape seen by ``fit``; ``n_stations_in_`` for events over a network.

    Notes
    -----
    Traces that are constant become zero. Missing stations (all NaN) stay missing and do not count
    in the scale of their event.

    See Also
    --------
    seisclf.signal.scale : The function behind it.

    Examples
    --------
    >>> from seisclf.preprocessing import WaveformScaler
    >>> X = [[[0.0, 2.0, -2.0], [5.0, 5.0, 5.0]]]
    >>> WaveformScaler(method="max_abs").fit_transform(X)
    array([[[ 0.,  1., -1.],
            [ 0.,  0.,  0.]]])
    """

    def __init__(self, *, method="zscore", scope="channel", center=True):
        self.method = method
        self.scope = scope
        self.center = center

    @classmethod
    def _get_test_params(cls):
        return [{}, {"method": "robust", "scope": "event"}]

    def _prepare(self, n_samples):
        scaling_axes(self.scope, 3)
        if self.method not in _METHODS:
            raise ValueError(f"method must be one of {_METHODS}, got {self.method!r}")

    def _apply(self, X):
        axes = scaling_axes(self.scope, X.ndim)
        scaled = scale(X, self.method, axes, center=self.center)
        if X.ndim == 4 and self.scope == "event":
            self._scale_without_missing(X, scaled)
        elif X.ndim == 4 and self.scope == "station":
            flat = X.reshape((-1, 1) + X.shape[2:]), scaled.reshape((-1, 1) + X.shape[2:])
            self._scale_without_missing(*flat)
        return scaled

    def _scale_without_missing(self, X, scaled):
        """Do again, from what is there, the events in which a trace is missing."""
        missing = np.isnan(X[..., 0])
        for row in np.flatnonzero(missing.any(axis=(1, 2)) & ~missing.all(axis=(1, 2))):
            present = ~missing[row]
            traces = X[row][present]
            scaled[row][present] = scale(traces, self.method, (0, 1), center=self.center)
