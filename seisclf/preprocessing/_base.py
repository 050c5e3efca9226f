"""What the transformers of waveforms share."""

from abc import abstractmethod

import numpy as np
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ..base import WaveformEstimator, validate_waveforms
from ..io._network_events import NetworkEvents

_BATCH = 256


class WaveformTransformer(TransformerMixin, WaveformEstimator):
    """Parent of the stateless transformers: a child writes `_prepare` and `_apply`.

    Events over a network, (n_events, n_stations, n_components, n_samples), may have traces that
    are all NaN: a station that is missing stays so. Anything else must be finite.
    """

    _is_base = True
    _ndim = (2, 3, 4)
    # Numbers of axes where traces may be missing.
    _missing_ndim = (4,)
    # Whether a two-dimensional X comes back two-dimensional.
    _keeps_shape = True

    def fit(self, X, y=None):
        """Check the parameters and learn the shape of the waveforms.

        Parameters
        ----------
        X : array-like of shape (n_events, n_samples), (n_events, n_channels, n_samples) or \
                (n_events, n_stations, n_components, n_samples)
            Waveforms.
        y : None
            Ignored; there for the sake of pipelines.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        ValueError
            If a parameter or X cannot be used.
        """
        X = self._validate(X, reset=True)
        self._prepare(X.shape[-1])
        return self

    def transform(self, X):
        """Transform waveforms; `X` is never changed.

        Parameters
        ----------
        X : array-like of shape (n_events, n_samples), (n_events, n_channels, n_samples) or \
                (n_events, n_stations, n_components, n_samples)
            Waveforms of the shape seen by ``fit``.

        Returns
        -------
        X_new : ndarray or NetworkEvents
            float32 if X is float32, else float64; see the class for its shape. Of NetworkEvents
            what stays waveforms of the stations keeps their distances and places.

        Raises
        ------
        ValueError
            If X does not have the shape seen by ``fit``, or holds values that are not finite.
        """
        check_is_fitted(self)
        ndim, given = _n_axes(X), X
        X = self._validate(X, reset=False)
        result = self._apply(X) if isinstance(X, np.ndarray) else self._apply_lazily(X)
        if isinstance(given, NetworkEvents) and _is_of_stations(result, given):
            return NetworkEvents(result, offsets=given.offsets, stations=given.stations)
        return result[:, 0] if ndim == 2 and self._keeps_shape else result

    def _validate(self, X, *, reset):
        some_missing = _n_axes(X) in self._missing_ndim
        X = validate_waveforms(self, X, reset=reset, ndim=self._ndim, allow_nan=some_missing)
        if some_missing and isinstance(X, np.ndarray):
            check_missing_traces(X)
        return X

    def _apply_lazily(self, X):
        """Read and transform batch by batch; only the result is held in memory."""
        result = None
        for start in range(0, len(X), _BATCH):
            rows = np.asarray(X[start : start + _BATCH])
            if rows.ndim == 2:
                rows = rows[:, np.newaxis]
            _check_read(rows, start, some_missing=rows.ndim in self._missing_ndim)
            part = self._apply(rows)
            if result is None:
                result = np.empty((len(X),) + part.shape[1:], part.dtype)
            result[start : start + len(part)] = part
        return result

    def _prepare(self, n_samples):
        """Check parameters against the length of the traces; set fitted attributes."""

    @abstractmethod
    def _apply(self, X):
        """Transform an array of three or four axes."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.requires_fit = True
        return tags


def _is_of_stations(result, events):
    """Whether a result is still waveforms, of the components of the same stations."""
    return result.ndim == 4 and result.shape[:3] == events.shape[:3]


def _n_axes(X):
    return X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim


def check_missing_traces(X, start=0):
    """Refuse traces that are partly NaN: only a trace that is missing altogether may be.

    Infinity is refused as well; of what is lazy nobody has looked for it.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        suspicious = ~np.isfinite(X.sum(axis=-1))
    if not suspicious.any():
        return
    infinite = suspicious & np.isinf(X).any(axis=-1)
    if infinite.any():
        raise ValueError(
            f"{infinite.sum()} traces contain infinity (inf), first in event "
            f"{start + np.nonzero(infinite)[0][0]}: mend them or leave the events out"
        )
    suspicious &= np.isnan(X).any(axis=-1)
    missing = np.isnan(X).all(axis=-1)
    partial = suspicious & ~missing
    if partial.any():
        rows = np.unique(np.nonzero(partial)[0])
        raise ValueError(
            f"{partial.sum()} traces are partly NaN (gaps), first in event {start + rows[0]}: a "
            f"missing station must be NaN throughout; fill gaps when reading, "
            f"seisclf.datasets.from_streams(..., gaps='interpolate'), or leave the events out"
        )


def _check_read(rows, start, *, some_missing):
    if some_missing:
        check_missing_traces(rows, start)
    elif not np.isfinite(rows.sum()) and not np.isfinite(rows).all():
        bad = np.nonzero(~np.isfinite(rows).all(axis=tuple(range(1, rows.ndim))))[0]
        raise ValueError(
            f"event {start + bad[0]} contains NaN or infinity: leave it out or fill its gaps"
        )
