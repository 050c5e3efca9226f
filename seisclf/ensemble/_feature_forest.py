"""Features of seismograms and a forest in one classifier: the baseline that is hard to beat."""

import numbers

import numpy as np
from sklearn.base import ClassifierMixin, clone
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from ..base import WaveformEstimator, validate_waveforms
from ..feature_extraction import SeismicFeatures
from ..utils import check_seed
from ._importances import grouped_importances
from ._weights import event_weights

_FORESTS = {"random_forest": RandomForestClassifier, "extra_trees": ExtraTreesClassifier}
_STATISTICS = {"mean": np.nanmean, "median": np.nanmedian}


class FeatureForestClassifier(ClassifierMixin, WaveformEstimator):
    """Random forest on features of seismograms.

    The classifier of Provost et al. [1]_: features that say in numbers what an analyst sees,
    then many decision trees. It needs no scaling and no tuning to be good, trains in seconds on
    a few hundred events, and says which features it relies on.

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
        thresholds at random on all events [2]_, which are faster and often as good where
        features are many.
    n_estimators : int, default=500
        Number of trees.
    criterion : {"gini", "entropy", "log_loss"}, default="gini"
        What makes a split good.
    max_depth : int, optional
        Depth at which trees stop; by default they grow until leaves are pure.
    min_samples_split : int or float, default=2
        Events (or their share) a node needs to be split.
    min_samples_leaf : int or float, default=1
        Events (or their share) a leaf must hold.
    min_weight_fraction_leaf : float, default=0.0
        Share of the sum of weights that a leaf must hold.
    max_features : {"sqrt", "log2", None}, int or float, default="sqrt"
        Features looked at for each split.
    max_leaf_nodes : int, optional
        Largest number of leaves of a tree.
    bootstrap : bool, optional
        Whether each tree sees events drawn with replacement. Default: yes for a random forest,
        no for extra trees.
    max_samples : int or float, optional
        Events (or their share) drawn for each tree, if `bootstrap`; by default as many as there
        are.
    oob_score : bool, default=False
        Whether to estimate the accuracy on events that trees did not see. Windows of one event
        that are rows of their own make it too good; a grouped cross-validation does not.
    class_weight : {"balanced", "balanced_subsample"}, dict, ("balanced", dict) or None, \
            default="balanced"
        Weights of classes; "balanced" gives all classes the same sum of weights,
        "balanced_subsample" does so for the events that each tree sees.
        ``("balanced", {"noise": 0.0})`` balances all but the classes named, which get their
        factor.
    imputation : {"native", "mean", "median"} or float, default="native"
        What to do with features that are NaN, i.e. not defined. "native": trees learn at each
        split to which side NaN belongs, so that "not defined" is information and nothing is made
        up. Otherwise they get the mean or median of the training events, or a constant.
    n_jobs : int, optional
        Number of threads that grow and ask the trees. Default: one, or as
        ``joblib.parallel_config`` says. Features have an `n_jobs` of their own.
    random_state : int, RandomState, Generator or None, default=None
        Seed of the forest; None draws a fresh one.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels.
    features_ : transformer
        Fitted features.
    fill_values_ : ndarray of shape (n_features,) or None
        What stands for NaN in each feature; None if it stays.
    forest_ : sklearn forest
        Fitted trees.
    feature_names_ : ndarray of str objects of shape (n_features,)
        Names of the features.
    feature_importances_ : ndarray of shape (n_features,)
        Mean decrease of impurity. Quick, but it favours features of many values, splits credit
        among correlated ones and knows only the training events; see
        :meth:`grouped_importances`.
    oob_score_ : float
        Accuracy on events out of the bag, with ``oob_score=True``.
    n_features_in_ : int
        Size of the second axis of the X that ``fit`` saw.
    n_channels_in_, n_samples_in_, n_stations_in_ : int
        Its channels, samples and, in four dimensions, stations.

    See Also
    --------
    seisclf.feature_extraction.SeismicFeatures : The default features.
    seisclf.feature_extraction.TsfreshFeatures : Generic ones.
    FeatureImportanceDisplay : The importances as a picture.

    Notes
    -----
    A sample weight of two is the same as an event given twice only without `bootstrap`, as in
    scikit-learn: a random draw of events depends on their number. ``class_weight="balanced"``
    counts events by their sample weights.

    References
    ----------
    .. [1] Provost, F., Hibert, C., Malet, J.-P. (2017). Automatic classification of endogenous
       landslide seismicity using the Random Forest supervised classifier. Geophysical Research
       Letters, 44, 113–120. https://doi.org/10.1002/2016GL070709
    .. [2] Geurts, P., Ernst, D., Wehenkel, L. (2006). Extremely randomized trees. Machine
       Learning, 63, 3–42. https://doi.org/10.1007/s10994-006-6226-1

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.ensemble import FeatureForestClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(40, 3, 400))
    >>> y = np.repeat(["quake", "rockfall"], 20)
    >>> X[20:] *= np.hanning(400)  # an event with a beginning and an end
    >>> forest = FeatureForestClassifier(n_estimators=20, random_state=0).fit(X[::2], y[::2])
    >>> forest.score(X[1::2], y[1::2])
    1.0
    """

    def __init__(
        self,
        *,
        features=None,
        sampling_rate=100.0,
        components="ZNE",
        forest="random_forest",
        n_estimators=500,
        criterion="gini",
        max_depth=None,
        min_samples_split=2,
        min_samples_leaf=1,
        min_weight_fraction_leaf=0.0,
        max_features="sqrt",
        max_leaf_nodes=None,
        bootstrap=None,
        max_samples=None,
        oob_score=False,
        class_weight="balanced",
        imputation="native",
        n_jobs=None,
        random_state=None,
    ):
        self.features = features
        self.sampling_rate = sampling_rate
        self.components = components
        self.forest = forest
        self.n_estimators = n_estimators
        self.criterion = criterion
        self.max_depth = max_depth
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf
        self.min_weight_fraction_leaf = min_weight_fraction_leaf
        self.max_features = max_features
        self.max_leaf_nodes = max_leaf_nodes
        self.bootstrap = bootstrap
        self.max_samples = max_samples
        self.oob_score = oob_score
        self.class_weight = class_weight
        self.imputation = imputation
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        """Compute the features and grow the trees.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_samples), \
                (n_events, n_channels, n_samples) or \
                (n_events, n_stations, n_components, n_samples)
            Waveforms, in whatever of these shapes the features take.
        y : array-like of shape (n_events,)
            Labels.
        sample_weight : array-like of shape (n_events,), optional
            Weights of events. Features that learn from y do not see them.

        Returns
        -------
        self : FeatureForestClassifier
            The fitted classifier.

        Raises
        ------
        ValueError
            If X, y or a parameter cannot be used.
        """
        features = self._make_features()
        X, y = self._validate(X, y, features=features, reset=True)
        check_classification_targets(y)
        if len(np.unique(y)) < 2:
            raise ValueError(
                "y holds one class; FeatureForestClassifier needs at least 2 classes: give events "
                "of another one, e.g. noise (seisclf.datasets.add_noise_class)"
            )
        self._check_imputation()
        forest = self._make_forest()
        weight = event_weights(y, self.class_weight, sample_weight)

        self.features_ = features
        table = _as_table(features.fit_transform(X, y))
        self.feature_names_ = _names(features, table.shape[1])
        self.fill_values_ = self._fill_values(table)
        self.forest_ = forest.fit(self._fill(table), y, sample_weight=weight)
        self.classes_ = self.forest_.classes_
        return self

    def predict_proba(self, X):
        """Probabilities of the classes: the mean over trees.

        Parameters
        ----------
        X : array-like or LazyWaveforms of the shape of the events in ``fit``
            Waveforms.

        Returns
        -------
        probabilities : ndarray of shape (n_events, n_classes)
            In the order of ``classes_``.
        """
        table = self.extract_features(X)
        return self.forest_.predict_proba(table)

    def predict(self, X):
        """Most probable classes.

        Parameters
        ----------
        X : array-like or LazyWaveforms of the shape of the events in ``fit``
            Waveforms.

        Returns
        -------
        labels : ndarray of shape (n_events,)
            Labels as they were given to ``fit``.
        """
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def extract_features(self, X):
        """The table that the trees see.

        Parameters
        ----------
        X : array-like or LazyWaveforms of the shape of the events in ``fit``
            Waveforms.

        Returns
        -------
        table : ndarray of shape (n_events, n_features)
            Features, imputed; columns are named by ``feature_names_``.
        """
        check_is_fitted(self)
        X = self._validate(X, features=self.features_, reset=False)
        return self._fill(_as_table(self.features_.transform(X)))

    @property
    def feature_importances_(self):
        """Mean decrease of impurity, of shape (n_features,); sums to one."""
        check_is_fitted(self)
        return self.forest_.feature_importances_

    @property
    def oob_score_(self):
        """Accuracy on events out of the bag."""
        return self.forest_.oob_score_

    def feature_table(self):
        """Say what each feature is and how much the trees use it.

        Returns
        -------
        table : pandas.DataFrame
            One row per feature: ``column``, ``station``, ``channel``, ``name``, ``group``,
            ``family`` and whatever else the features tell of themselves, and ``importance``
            (``feature_importances_``).
        """
        import pandas as pd

        check_is_fitted(self)
        if hasattr(self.features_, "output_table"):
            table = self.features_.output_table()
        else:
            table = pd.DataFrame({"column": self.feature_names_, "name": self.feature_names_})
            table = table.assign(station="", channel="", group="", family=table["name"])
        return table.assign(importance=self.feature_importances_)

    def grouped_importances(
        self,
        X,
        y,
        *,
        by="family",
        n_repeats=10,
        scoring=None,
        sample_weight=None,
        random_state=None,
    ):
        """How much worse predictions get when features of one kind are shuffled together.

        Features of seismograms are strongly correlated: shuffled one at a time, each seems
        useless, because the others know the same. Shuffled as a group they show what the group is
        worth.

        Parameters
        ----------
        X : array-like or LazyWaveforms of the shape of the events in ``fit``
            Events that were not trained on, or importances show what was learned by heart.
        y : array-like of shape (n_events,)
            Their labels.
        by : {"family", "group", "channel", "station", "feature"}, sequence of str or callable, \
                default="family"
            What is shuffled together: a column of :meth:`feature_table` ("feature": each by
            itself), several columns (``("channel", "family")``), or a function that gives the
            name of the group for a row of that table.
        n_repeats : int, default=10
            Number of times each group is shuffled.
        scoring : str or callable, optional
            Score, by scikit-learn's name. Default: the mean probability of the true class, over
            the events of each class and then over classes, which shows more on few events than
            a score of labels.
        sample_weight : array-like of shape (n_events,), optional
            Weights of events in the score.
        random_state : int, RandomState, Generator or None, default=None
            Seed of the shuffling.

        Returns
        -------
        importances : Bunch
            ``names`` of the groups, most important first; ``importances`` of shape (n_groups,
            n_repeats), the loss of score at each repetition; ``importances_mean`` and
            ``importances_std`` of shape (n_groups,); ``n_features`` of each group; ``score``
            without shuffling; ``by``.

        References
        ----------
        .. [1] Au, Q., Herbinger, J., Stachl, C., Bischl, B., Casalicchio, G. (2022). Grouped
           feature importance and combined features effect plot. Data Mining and Knowledge
           Discovery, 36, 1401–1450. https://doi.org/10.1007/s10618-022-00840-5
        """
        features = self.extract_features(X)
        return grouped_importances(
            self.forest_,
            features,
            np.asarray(y),
            table=self.feature_table(),
            by=by,
            n_repeats=n_repeats,
            scoring=scoring,
            sample_weight=sample_weight,
            random_state=random_state,
        )

    def explain(self, X, y, **params):
        """Draw :meth:`grouped_importances`.

        Parameters
        ----------
        X : array-like or LazyWaveforms of the shape of the events in ``fit``
            Events that were not trained on.
        y : array-like of shape (n_events,)
            Their labels.
        **params : dict
            Passed to :meth:`FeatureImportanceDisplay.from_estimator`.

        Returns
        -------
        display : FeatureImportanceDisplay
            The picture and what it shows.
        """
        from ._importance_display import FeatureImportanceDisplay

        return FeatureImportanceDisplay.from_estimator(self, X, y, **params)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = _takes_nan(self._features_or_default())
        return tags

    @classmethod
    def _get_test_params(cls):
        # Without detrending, or nothing is left of the two "samples" of scikit-learn's tables.
        small = SeismicFeatures(features=["fft_centroid", "kurt_sig", "rms"], detrend=None)
        # Without random draws of events and features a weight of two is exactly an event twice.
        exact = {"bootstrap": False, "max_features": None, "random_state": 0}
        return [
            {"features": small, "n_estimators": 5, **exact},
            {"features": small, "n_estimators": 5, "imputation": -1.0, **exact},
        ]

    def _validate(self, X, y="no_validation", *, features, reset):
        return validate_waveforms(
            self, X, y, reset=reset, ndim=(2, 3, 4), allow_nan=_takes_nan(features)
        )

    def _features_or_default(self):
        if self.features is not None:
            return self.features
        return SeismicFeatures(sampling_rate=self.sampling_rate, components=self.components)

    def _make_features(self):
        features = self._features_or_default()
        if not hasattr(features, "fit") or not hasattr(features, "transform"):
            raise TypeError(
                f"features must be a transformer, e.g. SeismicFeatures(sampling_rate=100.0); got "
                f"{features!r}"
            )
        # Trees want an array, whatever the session's set_output configuration says.
        features = clone(features)
        return features.set_output(transform="default") if _names_outputs(features) else features

    def _make_forest(self):
        if self.forest not in _FORESTS:
            raise ValueError(f"forest must be one of {sorted(_FORESTS)}; got {self.forest!r}")
        bootstrap = self.forest == "random_forest" if self.bootstrap is None else self.bootstrap
        if self.oob_score and not bootstrap:
            raise ValueError(
                "oob_score=True needs events left out of each tree: set bootstrap=True"
            )
        subsample = self.class_weight == "balanced_subsample"
        return _FORESTS[self.forest](
            n_estimators=self.n_estimators,
            criterion=self.criterion,
            max_depth=self.max_depth,
            min_samples_split=self.min_samples_split,
            min_samples_leaf=self.min_samples_leaf,
            min_weight_fraction_leaf=self.min_weight_fraction_leaf,
            max_features=self.max_features,
            max_leaf_nodes=self.max_leaf_nodes,
            bootstrap=bootstrap,
            max_samples=self.max_samples if bootstrap else None,
            oob_score=self.oob_score,
            class_weight="balanced_subsample" if subsample else None,
            n_jobs=self.n_jobs,
            random_state=check_seed(self.random_state),
        )

    def _check_imputation(self):
        named = isinstance(self.imputation, str) and self.imputation in ("native", *_STATISTICS)
        if not named and not isinstance(self.imputation, numbers.Real):
            raise ValueError(
                f'imputation must be "native", {", ".join(map(repr, _STATISTICS))} or a number; '
                f"got {self.imputation!r}"
            )

    def _fill_values(self, table):
        if self.imputation == "native":
            return None
        if self.imputation not in _STATISTICS:
            return np.full(table.shape[1], self.imputation, dtype=table.dtype)
        # A feature that no training event has can't be learned from: any value will do.
        values = np.zeros(table.shape[1], dtype=table.dtype)
        defined = ~np.isnan(table).all(axis=0)
        values[defined] = _STATISTICS[self.imputation](table[:, defined], axis=0)
        return values

    def _fill(self, table):
        if self.fill_values_ is None:
            return table
        return np.where(np.isnan(table), self.fill_values_, table)


def _as_table(features):
    table = np.asarray(features)
    if table.ndim != 2:
        raise ValueError(
            f"features must give a table of shape (n_events, n_features); got shape {table.shape}"
        )
    table = table.astype(np.float32)  # what trees compare; a copy, so that the next line may write
    table[np.isinf(table)] = np.nan
    return table


def _names(features, n_columns):
    if hasattr(features, "get_feature_names_out"):
        return np.asarray(features.get_feature_names_out(), dtype=object)
    return np.array([f"feature{i}" for i in range(n_columns)], dtype=object)


def _names_outputs(features):
    return hasattr(features, "set_output") and hasattr(features, "get_feature_names_out")


def _takes_nan(features):
    tags = getattr(features, "__sklearn_tags__", None)
    return bool(tags is not None and tags().input_tags.allow_nan)
