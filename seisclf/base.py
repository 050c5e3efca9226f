"""What every estimator shares: the parent class and the one door for waveforms."""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import assert_all_finite, check_array, check_consistent_length, column_or_1d
from sklearn.utils.validation import validate_data

from .io._lazy_array import LazyArray
from .io._network_events import NetworkEvents

__all__ = ["WaveformEstimator", "validate_waveforms"]

_AXES = {
    2: "(n_events, n_samples)",
    3: "(n_events, n_channels, n_samples)",
    4: "(n_events, n_stations, n_components, n_samples)",
}


class WaveformEstimator(BaseEstimator):
    """Parent of all estimators: waveforms in, saved and loaded without pickle.

    A child lists scikit-learn's mixins first, ``class Bandpass(TransformerMixin,
    WaveformEstimator)``, calls :func:`validate_waveforms` in every method that takes X, and keeps
    what it learns in attributes that end in an underscore.
    """

    _is_base = True
    # Of "stations" and "channels", those of which X may have another number than in fit.
    _free_axes: tuple[str, ...] = ()

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # two_d_array stays true as well: a 3-D-only estimator would get one trivial check out of
        # scikit-learn's fifty.
        tags.input_tags.three_d_array = True
        return tags

    def save(self, path):
        """Write this estimator to one file, without pickle.

        Parameters
        ----------
        path : str or pathlib.Path
            File to write; the suffix ``.seisclf`` is customary.

        Returns
        -------
        path : pathlib.Path
            The file written.

        See Also
        --------
        seisclf.save : The same for pipelines and searches.
        """
        from .persistence import save

        return save(self, path)

    @classmethod
    def load(cls, path):
        """Read an estimator of this class from a file that :meth:`save` wrote.

        Parameters
        ----------
        path : str or pathlib.Path
            File to read.

        Returns
        -------
        estimator : object
            An instance of this class, as it was saved.

        Raises
        ------
        TypeError
            If the file holds another class.
        """
        from .persistence import load

        # Whoever has the class at hand trusts the package it comes from.
        estimator = load(path, trusted=[cls.__module__.partition(".")[0]])
        if not isinstance(estimator, cls):
            raise TypeError(
                f"{path} holds a {type(estimator).__name__}, not a {cls.__name__}: read it with "
                f"seisclf.load"
            )
        return estimator

    @classmethod
    def _get_test_params(cls):
        """Cheap constructor parameters; the common tests run once for each dictionary."""
        return [{}]

    def _get_fitted_state(self):
        """What a file must hold besides the constructor's parameters."""
        params = self.get_params(deep=False)
        return {name: value for name, value in vars(self).items() if name not in params}

    def _set_fitted_state(self, state):
        """Inverse of `_get_fitted_state`, on an unfitted instance with the same parameters."""
        self.__dict__.update(state)


def validate_waveforms(
    estimator,
    X,
    y="no_validation",
    *,
    reset,
    ndim=(2, 3),
    allow_nan=False,
    dtype=(np.float32, np.float64),
):
    """Check waveforms at the door of an estimator and give them a channel axis.

    Parameters
    ----------
    estimator : estimator
        The one that was called. With `reset` it learns ``n_features_in_``, ``n_channels_in_``,
        ``n_samples_in_`` and, for network events, ``n_stations_in_``.
    X : array-like, LazyWaveforms or NetworkEvents
        Waveforms, of shape (n_events, n_samples), (n_events, n_channels, n_samples) or
        (n_events, n_stations, n_components, n_samples). A lazy X is checked for its shape and
        passed on unread; what reads it must check the values.
    y : array-like of shape (n_events,), optional
        Targets; checked for length and missing values when given.
    reset : bool
        True in ``fit``: the shape is learned. False elsewhere: it is compared.
    ndim : tuple of int, default=(2, 3)
        Numbers of axes that the estimator can take.
    allow_nan : bool, default=False
        Whether NaN (never infinity) may pass, for missing stations and gaps.
    dtype : dtype or tuple of dtype, default=(numpy.float32, numpy.float64)
        dtypes that pass unchanged; anything else becomes the last of them.

    Returns
    -------
    X : ndarray or LazyWaveforms
        Waveforms with at least three axes: a two-dimensional X becomes one channel.
    y : ndarray of shape (n_events,)
        Only where `y` was given.

    Raises
    ------
    ValueError
        If X cannot be used. All problems stand in one message, each with the step that mends it.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.base import validate_waveforms
    >>> from seisclf.preprocessing import WaveformScaler
    >>> validate_waveforms(WaveformScaler(), np.ones((4, 100)), reset=True).shape
    (4, 1, 100)
    """
    if isinstance(X, NetworkEvents):
        X = X.waveforms  # who needs the distances looks at them before
    lazy = isinstance(X, LazyArray)
    array = X if lazy else _as_array(estimator, X, dtype)
    problems = _axis_problems(array, ndim)
    if not problems and not reset:
        problems = _shape_problems(estimator, array)
    if not lazy:
        problems += _value_problems(array, allow_nan)
    if problems:
        raise ValueError(_message(estimator, array, problems))

    if reset or (array.ndim == 2 and array.shape[1] == estimator.n_features_in_):
        # Sets or compares n_features_in_ and the column names of a DataFrame.
        validate_data(estimator, X, reset=reset, skip_check_array=True)
    if reset:
        _learn_shape(estimator, array)
    lifted = array[:, np.newaxis] if array.ndim == 2 and not lazy else array
    if isinstance(y, str) and y == "no_validation":
        return lifted
    return lifted, _checked_target(estimator, array, y)


def _as_array(estimator, X, dtype):
    dtypes = list(reversed(dtype)) if isinstance(dtype, tuple) else dtype
    return check_array(
        X,
        dtype=dtypes,
        allow_nd=True,
        ensure_all_finite=False,
        estimator=estimator,
        input_name="X",
    )


def _axis_problems(array, ndim):
    if array.ndim in ndim:
        return []
    expected = " or ".join(_AXES[n] for n in ndim)
    mend = {
        3: "reduce the channels first, e.g. X[:, 0], or use ChannelAggregator",
        4: "take one station, X[:, 0], or join the stations to channels, "
        "X.reshape(len(X), -1, X.shape[-1])",
    }.get(array.ndim, "reshape it")
    return [f"it has {array.ndim} axes where {expected} is needed: {mend}"]


def _shape_problems(estimator, array):
    n_samples, n_channels, n_stations = _shape_of(array)
    free = getattr(estimator, "_free_axes", ())
    problems = []
    if "stations" not in free and n_stations != getattr(estimator, "n_stations_in_", None):
        problems.append(
            f"it has {n_stations or 'no'} stations, fit saw "
            f"{getattr(estimator, 'n_stations_in_', None) or 'none'}: give events of the same "
            f"network (a missing station as NaN), or fit again"
        )
    if "channels" not in free and n_channels != estimator.n_channels_in_:
        problems.append(
            f"it has {n_channels} channels, fit saw {estimator.n_channels_in_}: select the same "
            f"channels in the same order, or fit again"
        )
    if n_samples != estimator.n_samples_in_:
        seen = estimator.n_samples_in_
        # scikit-learn's own words for a table, which its checks look for.
        found = (
            f"X has {n_samples} features, but {type(estimator).__name__} is expecting {seen} "
            f"features as input"
            if array.ndim == 2
            else f"it has {n_samples} samples, fit saw {seen}"
        )
        problems.append(
            f"{found}: cut or resample to windows of {seen} samples "
            f"(seisclf.datasets.cut_windows, seisclf.preprocessing.Resampler), or fit again"
        )
    return problems


def _value_problems(array, allow_nan):
    if array.dtype.kind != "f":
        return []
    # A sum is finite only if every term is (an overflow is looked at again below): one pass and
    # no boolean copy of the whole array in the usual case.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(np.sum(array)):
            return []
    axes = tuple(range(1, array.ndim))
    problems = []
    infinite = np.isinf(array).any(axis=axes)
    if infinite.any():
        problems.append(
            f"{_rows(infinite)} of {len(array)} contain infinity (inf): mend or leave out"
        )
    if not allow_nan:
        missing = np.isnan(array).any(axis=axes)
        if missing.any():
            problems.append(
                f"{_rows(missing)} of {len(array)} contain NaN (gaps or missing stations): leave "
                f"them out, X[~np.isnan(X).any(axis={axes})], or fill the gaps when reading, "
                f"seisclf.datasets.from_streams(..., gaps='interpolate')"
            )
    return problems


def _rows(mask):
    rows = np.flatnonzero(mask)
    shown = ", ".join(map(str, rows[:5])) + (", …" if len(rows) > 5 else "")
    return f"{len(rows)} event{'s' if len(rows) > 1 else ''} (row {shown})"


def _message(estimator, array, problems):
    name = type(estimator).__name__
    axes = _AXES.get(array.ndim, "")
    head = f"{name} cannot use X of shape {tuple(array.shape)} {axes}".rstrip()
    if len(problems) == 1:
        return f"{head}: {problems[0]}."
    return f"{head}, for {len(problems)} reasons:\n" + "\n".join(f"- {p}." for p in problems)


def _shape_of(array):
    """(n_samples, n_channels, n_stations), the last None unless X is a network's."""
    n_channels = array.shape[-2] if array.ndim > 2 else 1
    return array.shape[-1], n_channels, array.shape[1] if array.ndim == 4 else None


def _learn_shape(estimator, array):
    n_samples, n_channels, n_stations = _shape_of(array)
    estimator.n_samples_in_ = n_samples
    estimator.n_channels_in_ = n_channels
    if n_stations is not None:
        estimator.n_stations_in_ = n_stations
    elif hasattr(estimator, "n_stations_in_"):
        del estimator.n_stations_in_  # an earlier fit saw a network


def _checked_target(estimator, array, y):
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is None: give "
            f"one label per event, fit(X, y)"
        )
    y = column_or_1d(y, warn=True)
    assert_all_finite(y, input_name="y")
    check_consistent_length(array, y)
    return y
