"""Series of probabilities with gaps: filters that do not reach from one stretch to the next."""

from abc import abstractmethod

import numpy as np
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ..base import WaveformEstimator, validate_waveforms


class SeriesTransformer(TransformerMixin, WaveformEstimator):
    """Parent of the transformers of series: a child writes `_check` and `_apply`.

    Nothing is learned but the shape, and each series is transformed by itself.
    """

    _is_base = True

    def fit(self, X, y=None):
        """Check the parameters and learn the shape of the series.

        Parameters
        ----------
        X : array-like of shape (n_series, n_classes, n_frames) or (n_series, n_frames)
            Values over time, of each class. NaN where there is no data.
        y : None
            Ignored; there for the sake of pipelines.

        Returns
        -------
        self : object
            The transformer.

        Raises
        ------
        ValueError
            If a parameter is out of range, or X cannot be used.
        """
        self._check()
        validate_waveforms(self, X, reset=True, allow_nan=True)
        return self

    def transform(self, X):
        """Transform series; `X` is never changed.

        Parameters
        ----------
        X : array-like of shape (n_series, n_classes, n_frames) or (n_series, n_frames)
            Values over time, of the shape seen by ``fit``. NaN where there is no data.

        Returns
        -------
        X_new : ndarray of the shape of X
            float32 if X is float32, else float64. NaN where X is NaN, and nowhere else.

        Raises
        ------
        ValueError
            If X does not have the shape seen by ``fit``, or holds infinity.
        """
        check_is_fitted(self)
        self._check()
        flat = (X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim) == 2
        series = np.asarray(validate_waveforms(self, X, reset=False, allow_nan=True))
        if series.ndim == 2:  # a lazy X comes through as it is
            series = series[:, np.newaxis]
        result = self._apply(series)
        return result[:, 0] if flat else result

    def _check(self):
        """Refuse parameters that are out of range."""

    @abstractmethod
    def _apply(self, X):
        """Transform (n_series, n_classes, n_frames)."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.input_tags.allow_nan = True
        tags.requires_fit = True
        return tags


def filter_stretches(X, function, reach):
    """Filter each unbroken stretch of each row by itself, all of them in one call.

    Stretches are laid end to end with zeros between them, so that a filter sees zeros where a
    stretch ends: what was not recorded is no sign of an event.

    Parameters
    ----------
    X : ndarray of float, shape (..., n_frames)
        NaN between stretches; left unchanged.
    function : callable
        1-D array to an array of the same length; a value may depend on `reach` neighbours on
        either side.
    reach : int
        See `function`.

    Returns
    -------
    filtered : ndarray of the shape and dtype of X
        NaN where X is.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0, 2.0, np.nan, 4.0]])
    >>> filter_stretches(x, lambda v: np.convolve(v, [1, 1, 1], mode="same"), reach=1)
    array([[ 3.,  3., nan,  4.]])
    """
    known = ~np.isnan(X)
    begins = known.copy()
    begins[..., 1:] &= ~known[..., :-1]
    stretch = np.cumsum(begins.ravel())[known.ravel()]
    # Zeros stand before the first stretch, between any two, and after the last.
    place = np.arange(len(stretch)) + reach * stretch
    packed = np.zeros(place[-1] + 1 + reach if len(place) else 0, dtype=X.dtype)
    packed[place] = X[known]
    filtered = np.full(X.shape, np.nan, dtype=X.dtype)
    if len(place):
        filtered[known] = function(packed)[place]
    return filtered
