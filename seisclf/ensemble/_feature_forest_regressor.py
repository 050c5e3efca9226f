"""Features of seismograms and a forest that predicts numbers, and how far off they may be."""

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.ensemble import ExtraTreesRegressor, RandomForestRegressor
from sklearn.utils.validation import _check_sample_weight

from ._forest_on_features import ForestOnFeatures

#: Criteria of which the impurity of a leaf is the variance of its events.
_VARIANCES = ("squared_error", "friedman_mse")
#: Leaves of all trees that are looked up at once, in numbers.
_AT_ONCE = 4_000_000


class FeatureForestRegressor(RegressorMixin, ForestOnFeatures):
    """Random forest on features of seismograms that predicts a number.

    The counterpart of :class:`FeatureForestClassifier` for distances, depths or magnitudes. The
    trees also say how far off they may be (``predict(X, return_std=True)``): the events of a leaf
    differ, and so do the trees.

    Parameters
    ----------
    features : transformer, optional
        What turns waveforms into a table of numbers, cloned in ``fit``. Default:
        ``SeismicFeatures(sampling_rate=sampling_rate, components=components)``.
    sampling_rate : float, default=100.0
        Sampling rate of X in Hz, for the default features.
    components : str or sequence of str, default="ZNE"
        Letters of the channels, in order, for the default features.
    forest : {"random_forest", "extra_trees"}, default="random_forest"
        Trees that search the best threshold on bootstrapped events, or trees that draw
        thresholds at random on all events.
    n_estimators : int, default=500
        Number of trees.
    criterion : {"squared_error", "friedman_mse", "absolute_error", "poisson"}, \
            default="squared_error"
        What makes a split good. Standard deviations need one of the first two.
    max_depth : int, optional
        Depth at which trees stop.
    min_samples_split : int or float, default=2
        Events (or their share) a node needs to be split.
    min_samples_leaf : int or float, default=3
        Events (or their share) a leaf must hold. With 1, leaves know nothing of the spread of
        their events, and standard deviations are those between trees alone.
    min_weight_fraction_leaf : float, default=0.0
        Share of the sum of weights that a leaf must hold.
    max_features : {"sqrt", "log2", None}, int or float, default=0.333
        Features looked at for each split; by default a third of them, as is usual in regression.
    max_leaf_nodes : int, optional
        Largest number of leaves of a tree.
    bootstrap : bool, optional
        Whether each tree sees events drawn with replacement. Default: yes for a random forest,
        no for extra trees.
    max_samples : int or float, optional
        Events (or their share) drawn for each tree, if `bootstrap`.
    oob_score : bool, default=False
        Whether to estimate R² on events that trees did not see. Recordings of one event that are
        rows of their own make it too good; a grouped cross-validation does not.
    imputation : {"native", "mean", "median"} or float, default="native"
        What to do with features that are NaN, see :class:`FeatureForestClassifier`.
    n_jobs : int, optional
        Number of threads that grow and ask the trees.
    random_state : int, RandomState, Generator or None, default=None
        Seed of the forest; None draws a fresh one.

    Attributes
    ----------
    features_ : transformer
        Fitted features.
    fill_values_ : ndarray of shape (n_features,) or None
        What stands for NaN in each feature; None if it stays.
    forest_ : sklearn forest
        Fitted trees.
    feature_names_ : ndarray of str objects of shape (n_features,)
        Names of the features.
    feature_importances_ : ndarray of shape (n_features,)
        Mean decrease of impurity; see :meth:`grouped_importances`.
    oob_score_ : float
        R² on events out of the bag, with ``oob_score=True``.
    n_features_in_ : int
        Size of the second axis of the X that ``fit`` saw.
    n_channels_in_, n_samples_in_, n_stations_in_ : int
        Its channels, samples and, in four dimensions, stations.

    See Also
    --------
    seisclf.neural_network.CNNRegressor : A network for the same.
    FeatureImportanceDisplay : The importances as a picture.

    Notes
    -----
    A prediction is the mean over trees of the means in their leaves. Its variance is taken as that
    of the mixture of all leaves, by the law of total variance: the mean of the variances inside
    leaves plus the variance of their means. The events of an event's leaves in all trees are its
    conditional distribution as [1]_ sees it; here only its first two moments are needed. It is
    the spread of single events, not the uncertainty of their mean, and it knows the training
    events only: compare :func:`seisclf.metrics.interval_coverage` on others.

    A forest does not extrapolate: it predicts nothing beyond the numbers it has seen.

    References
    ----------
    .. [1] Meinshausen, N. (2006). Quantile regression forests. Journal of Machine Learning
       Research, 7, 983-999.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.ensemble import FeatureForestRegressor
    >>> rng = np.random.default_rng(0)
    >>> seconds = rng.uniform(0.5, 3.0, size=80)  # the length of an event
    >>> t = np.arange(400) / 100
    >>> X = rng.normal(size=(80, 400)) * np.exp(-t / seconds[:, None])
    >>> forest = FeatureForestRegressor(n_estimators=30, random_state=0)
    >>> _ = forest.fit(X[::2], seconds[::2])
    >>> found, std = forest.predict(X[1::2], return_std=True)
    >>> bool(np.corrcoef(found, seconds[1::2])[0, 1] > 0.8), std.shape
    (True, (40,))
    """

    _forests = {"random_forest": RandomForestRegressor, "extra_trees": ExtraTreesRegressor}

    def __init__(
        self,
        *,
        features=None,
        sampling_rate=100.0,
        components="ZNE",
        forest="random_forest",
        n_estimators=500,
        criterion="squared_error",
        max_depth=None,
        min_samples_split=2,
        min_samples_leaf=3,
        min_weight_fraction_leaf=0.0,
        max_features=0.333,
        max_leaf_nodes=None,
        bootstrap=None,
        max_samples=None,
        oob_score=False,
        imputation="native",
        n_jobs=None,
        random_state=None,
    ):
        super().__init__(
            features=features,
            sampling_rate=sampling_rate,
            components=components,
            forest=forest,
            n_estimators=n_estimators,
            criterion=criterion,
            max_depth=max_depth,
            min_samples_split=min_samples_split,
            min_samples_leaf=min_samples_leaf,
            min_weight_fraction_leaf=min_weight_fraction_leaf,
            max_features=max_features,
            max_leaf_nodes=max_leaf_nodes,
            bootstrap=bootstrap,
            max_samples=max_samples,
            oob_score=oob_score,
            imputation=imputation,
            n_jobs=n_jobs,
            random_state=random_state,
        )

    def fit(self, X, y, sample_weight=None):
        """Compute the features and grow the trees.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_samples), \
                (n_events, n_channels, n_samples) or \
                (n_events, n_stations, n_components, n_samples)
            Waveforms, in whatever of these shapes the features take.
        y : array-like of shape (n_events,)
            Numbers to be predicted.
        sample_weight : array-like of shape (n_events,), optional
            Weights of events. Features that learn from y do not see them.

        Returns
        -------
        self : FeatureForestRegressor
            The fitted regressor.

        Raises
        ------
        ValueError
            If X, y or a parameter cannot be used.
        """
        X, y, features = self._begin_fit(X, y)
        self._check_imputation()
        weight = None if sample_weight is None else _check_sample_weight(sample_weight, y)
        self._grow(X, np.asarray(y, dtype=np.float64), features, weight)
        return self

    def predict(self, X, return_std=False):
        """Predict the numbers.

        Parameters
        ----------
        X : array-like or LazyWaveforms of the shape of the events in ``fit``
            Waveforms.
        return_std : bool, default=False
            Whether to return standard deviations as well. A Pipeline passes it on,
            ``pipeline.predict(X, return_std=True)``.

        Returns
        -------
        y : ndarray of float64 of shape (n_events,)
            Means over the trees.
        std : ndarray of float64 of shape (n_events,)
            Only with `return_std`: by the law of total variance over the leaves, see the Notes.

        Raises
        ------
        ValueError
            If X cannot be used, or the leaves do not know their variances.
        """
        table = self.extract_features(X)
        if not return_std:
            return self.forest_.predict(table)
        if (criterion := self.forest_.criterion) not in _VARIANCES:
            raise ValueError(
                f"return_std=True needs leaves that know the variance of their events; this "
                f"forest was grown with criterion={criterion!r}: set criterion='squared_error' "
                f"and fit again"
            )
        return _moments(self.forest_, table)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # Features of a waveform do not show the sums of ten samples that scikit-learn's targets
        # are.
        tags.regressor_tags.poor_score = True
        return tags

    @classmethod
    def _get_test_params(cls):
        # With leaves of several events a weight of two is not an event twice.
        return [{**params, "min_samples_leaf": 1} for params in super()._get_test_params()]


def _moments(forest, table):
    """Mean and standard deviation, each (n_events,), of the mixture of all leaves of an event.

    Parameters
    ----------
    forest : sklearn forest
        Fitted, of regression trees whose impurity is a variance.
    table : ndarray of shape (n_events, n_features)
        What the trees see.

    Returns
    -------
    mean, std : ndarray of shape (n_events,)
        By the law of total variance.
    """
    trees = [tree.tree_ for tree in forest.estimators_]
    first = np.cumsum([0, *(tree.node_count for tree in trees[:-1])])
    value = np.concatenate([tree.value[:, 0, 0] for tree in trees])
    variance = np.concatenate([tree.impurity for tree in trees])
    mean, std = np.empty(len(table)), np.empty(len(table))
    step = max(1, _AT_ONCE // len(trees))
    for start in range(0, len(table), step):
        rows = slice(start, start + step)
        leaf = forest.apply(table[rows]) + first
        means = value[leaf]
        mean[rows] = means.mean(axis=1)
        # Rounding may leave a little less than nothing.
        std[rows] = np.sqrt(np.maximum(variance[leaf].mean(axis=1) + means.var(axis=1), 0.0))
    return mean, std
