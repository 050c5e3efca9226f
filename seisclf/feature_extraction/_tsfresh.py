"""The general-purpose features of tsfresh, selected inside the fold, without its data frames."""

import warnings

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ..base import WaveformEstimator, validate_waveforms
from ..io import LazyWaveforms
from ..utils import limit_threads
from ._tsfresh_calculators import apply, only, relevant_columns, resolve_settings

# Events that one task computes: large enough to hide the cost of sending it to another process.
_EVENTS_PER_TASK = 8


class TsfreshFeatures(TransformerMixin, WaveformEstimator):
    """Features of the tsfresh library, with its selection of relevant ones.

    Every channel of every event is given to the calculators of tsfresh [1]_ as an array: no long
    table is built, and no process is started unless `n_jobs` asks for one. With ``select=True``
    the features are tested against y in ``fit`` [1]_, so that inside a cross-validation only the
    training fold decides, and ``transform`` computes only those that were kept.

    Needs the optional library: ``pip install seisclf[tsfresh]``.

    Parameters
    ----------
    settings : {"efficient", "minimal", "comprehensive"}, sequence of str or dict, \
            default="efficient"
        Which calculators: one of the sets of tsfresh (some 10, 780 and 780 features a channel;
        "comprehensive" includes very slow ones), names of calculators, which then run with all
        parameters of the comprehensive set, or a dictionary of tsfresh,
        ``{"quantile": [{"q": 0.1}], "maximum": None}``.
    components : str or sequence of str, default="ZNE"
        Letters of the channels, in order. They name the columns if there are as many as channels;
        otherwise these are "ch0", "ch1", …
    select : bool, default=True
        Whether to keep only features that depend on y: each is tested by itself and the false
        discovery rate is controlled (Benjamini and Yekutieli). ``fit`` then requires y. With more
        than two classes a feature is kept if it tells any class from the rest. If y is continuous
        the test is one of regression.
    fdr_level : float, default=0.05
        Expected share of irrelevant features among those kept, between 0 and 1.
    n_jobs : int, optional
        Number of processes. Default: none beside this one, or as ``joblib.parallel_config`` says.

    Attributes
    ----------
    feature_names_ : list of str
        Names of the columns, ``"<channel>_<name in tsfresh>"``.
    calculators_ : list of dict
        For each channel the calculators that ``transform`` runs, with their parameters.
    n_candidates_ : int
        Number of features before the selection.
    n_features_in_ : int
        Size of the second axis of the X that ``fit`` saw.
    n_channels_in_, n_samples_in_ : int
        Its channels and samples.

    See Also
    --------
    SeismicFeatures : Features of seismology, several hundred times faster.

    Notes
    -----
    What tsfresh cannot define is NaN, and so is an infinite value. A sample weight plays no part
    in the selection. BLAS and OpenMP are held to one thread while features are computed: the
    arrays are short, and more threads make tsfresh several times slower.

    References
    ----------
    .. [1] Christ, M., Braun, N., Neuffer, J., Kempa-Liehr, A. W. (2018). Time series feature
       extraction on basis of scalable hypothesis tests (tsfresh – a Python package).
       Neurocomputing, 307, 72–77. https://doi.org/10.1016/j.neucom.2018.03.067

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.feature_extraction import TsfreshFeatures
    >>> X = np.random.default_rng(0).normal(size=(6, 2, 50))
    >>> features = TsfreshFeatures(settings=["maximum", "mean"], components="ZN", select=False)
    >>> features.fit_transform(X).shape
    (6, 4)
    >>> features.get_feature_names_out()
    array(['Z_maximum', 'Z_mean', 'N_maximum', 'N_mean'], dtype=object)
    """

    def __init__(
        self, *, settings="efficient", components="ZNE", select=True, fdr_level=0.05, n_jobs=None
    ):
        self.settings = settings
        self.components = components
        self.select = select
        self.fdr_level = fdr_level
        self.n_jobs = n_jobs

    def fit(self, X, y=None):
        """Learn which features there are, and with ``select=True`` which are relevant.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_samples) or \
                (n_events, n_channels, n_samples)
            Waveforms, without NaN.
        y : array-like of shape (n_events,), optional
            Classes, or values of a regression; required by ``select=True``.

        Returns
        -------
        self : TsfreshFeatures
            The fitted transformer.

        Raises
        ------
        ImportError
            If tsfresh is not installed.
        ValueError
            If X, y or a parameter cannot be used.
        """
        self._fit(X, y)
        return self

    def fit_transform(self, X, y=None):
        """Fit, and return the features, which are computed only once.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_samples) or \
                (n_events, n_channels, n_samples)
            Waveforms, without NaN.
        y : array-like of shape (n_events,), optional
            Classes, or values of a regression; required by ``select=True``.

        Returns
        -------
        features : ndarray of shape (n_events, n_output_features)
            In the dtype of X (float32 or float64).
        """
        X, table = self._fit(X, y)
        if table is None:
            table = self._extract(X)
        return _in_dtype(table, X.dtype)

    def transform(self, X):
        """Compute the features that ``fit`` settled on.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_samples) or \
                (n_events, n_channels, n_samples)
            Waveforms of the shape that ``fit`` saw.

        Returns
        -------
        features : ndarray of shape (n_events, n_output_features)
            In the dtype of X (float32 or float64).
        """
        check_is_fitted(self)
        X = validate_waveforms(self, X, reset=False)
        return _in_dtype(self._extract(X), X.dtype)

    def get_feature_names_out(self, input_features=None):
        """Names of the columns.

        Parameters
        ----------
        input_features : array-like of str, optional
            Only checked: against the names, or their number, that ``fit`` saw.

        Returns
        -------
        names : ndarray of str objects of shape (n_output_features,)
            ``"<channel>_<name in tsfresh>"``.
        """
        check_is_fitted(self)
        if input_features is not None:
            self._check_input_names(np.asarray(input_features, dtype=object))
        return np.array(self.feature_names_, dtype=object)

    def output_table(self):
        """Say what each output column is.

        Returns
        -------
        table : pandas.DataFrame
            One row per column of the output: ``column``, ``station`` (empty), ``channel``,
            ``name`` (in tsfresh), ``group`` ("tsfresh") and ``family`` (the calculator).
        """
        import pandas as pd

        check_is_fitted(self)
        rows = []
        for column in self.feature_names_:
            channel, _, name = column.partition("_")
            family = name.partition("__")[0]
            rows.append((column, "", channel, name, "tsfresh", family))
        return pd.DataFrame(
            rows, columns=["column", "station", "channel", "name", "group", "family"]
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = bool(self.select)
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @classmethod
    def _get_test_params(cls):
        return [
            {"settings": "minimal", "select": False},
            {"settings": ["mean", "maximum"], "fdr_level": 0.5},
        ]

    def _fit(self, X, y):
        """Learn; returns X at least 3-D and, if they had to be computed, the features."""
        if not 0 < self.fdr_level < 1:
            raise ValueError(f"fdr_level must lie between 0 and 1; got {self.fdr_level!r}")
        # Before any attribute is set: an estimator that can't work stays unfitted.
        calculators = resolve_settings(self.settings)
        if not self.select:
            X = validate_waveforms(self, X, reset=True)
            self._learn_columns(X, calculators)
            return X, None
        X, y = validate_waveforms(self, X, y, reset=True)
        self._learn_columns(X, calculators)
        table = self._extract(X)
        return X, table[:, self._keep_relevant(table, y)]

    def _learn_columns(self, X, calculators):
        self.calculators_ = [calculators] * self.n_channels_in_
        self.feature_names_ = []
        with limit_threads(1):
            first = next(_batches(X[:1], 1))[0].astype(np.float64)
            for channel, trace in zip(self._channel_names(), first, strict=True):
                found = apply(calculators, trace)
                self.feature_names_ += [f"{channel}_{name}" for name in found]
        self.n_candidates_ = len(self.feature_names_)

    def _keep_relevant(self, table, y):
        """Restrict columns and calculators to those that depend on y; returns their indices."""
        relevant = relevant_columns(table, y, self.fdr_level)
        if not len(relevant):
            warnings.warn(
                f"none of {table.shape[1]} features depends on y at fdr_level="
                f"{self.fdr_level:g}: all are kept. Give more events, a higher fdr_level, or "
                f"select=False.",
                UserWarning,
                stacklevel=4,
            )
            return np.arange(table.shape[1])
        names = [self.feature_names_[i] for i in relevant]
        self.feature_names_ = names
        self.calculators_ = [
            only(names, channel, calculators)
            for channel, calculators in zip(self._channel_names(), self.calculators_, strict=True)
        ]
        return relevant

    def _extract(self, X):
        """Table of float64 with NaN for what is not defined."""
        columns, n_columns = self._columns_by_channel(), len(self.feature_names_)
        size = _EVENTS_PER_TASK * max(1, effective_n_jobs(self.n_jobs))
        with Parallel(n_jobs=self.n_jobs) as parallel:
            parts = []
            for batch in _batches(X, size if isinstance(X, LazyWaveforms) else len(X)):
                starts = range(0, len(batch), _EVENTS_PER_TASK)
                parts += parallel(
                    delayed(_compute_rows)(
                        batch[i : i + _EVENTS_PER_TASK], self.calculators_, columns, n_columns
                    )
                    for i in starts
                )
        return np.concatenate(parts)

    def _columns_by_channel(self):
        """For each channel, the position of each of its features in the output."""
        position = {name: i for i, name in enumerate(self.feature_names_)}
        found = []
        for channel in self._channel_names():
            start = f"{channel}_"
            found.append(
                {name[len(start) :]: i for name, i in position.items() if name.startswith(start)}
            )
        return found

    def _channel_names(self):
        names = [str(name) for name in self.components]
        distinct = len(set(names)) == len(names) and not any("_" in name for name in names)
        if len(names) == self.n_channels_in_ and distinct:
            return names
        return [f"ch{i}" for i in range(self.n_channels_in_)]

    def _check_input_names(self, names):
        seen = getattr(self, "feature_names_in_", None)
        if seen is not None and not np.array_equal(seen, names):
            raise ValueError("input_features is not equal to feature_names_in_")
        if len(names) != self.n_features_in_:
            raise ValueError(
                f"input_features should have length equal to number of features "
                f"({self.n_features_in_}), got {len(names)}"
            )


def _batches(X, size):
    """Events as arrays of shape (n, n_channels, n_samples), read from disk a few at a time."""
    if not isinstance(X, LazyWaveforms):
        yield X
        return
    for start in range(0, len(X), size):
        batch = np.asarray(X[start : start + size])
        if not np.isfinite(batch).all():
            raise ValueError(
                f"X contains NaN or infinity among events {start} to {start + len(batch) - 1}: "
                f"fill the gaps or leave these events out"
            )
        yield batch[:, np.newaxis] if batch.ndim == 2 else batch


def _compute_rows(events, calculators, columns, n_columns):
    table = np.full((len(events), n_columns), np.nan)
    with limit_threads(1):
        for row, event in zip(table, events.astype(np.float64), strict=True):
            for trace, of_channel, column in zip(event, calculators, columns, strict=True):
                for name, value in apply(of_channel, trace).items():
                    if name in column:
                        row[column[name]] = value
    return table


def _in_dtype(table, dtype):
    with np.errstate(over="ignore"):
        table = table.astype(dtype)
    table[~np.isfinite(table)] = np.nan
    return table
