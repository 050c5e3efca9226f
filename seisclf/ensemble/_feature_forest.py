"""Features of seismograms and a forest in one classifier: the baseline that is hard to beat."""

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.utils.multiclass import check_classification_targets

from ._forest_on_features import ForestOnFeatures
from ._weights import event_weights


class FeatureForestClassifier(ClassifierMixin, ForestOnFeatures):
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

    _forests = {
        "random_forest": RandomForestClassifier,
        "extra_trees": ExtraTreesClassifier,
    }
    _score_name = "probability of the true class"

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
        self.class_weight = class_weight
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
        X, y, features = self._begin_fit(X, y)
        check_classification_targets(y)
        if len(np.unique(y)) < 2:
            raise ValueError(
                "y holds one class; FeatureForestClassifier needs at least 2 classes: give events "
                "of another one, e.g. noise (seisclf.datasets.add_noise_class)"
            )
        self._check_imputation()
        weight = event_weights(y, self.class_weight, sample_weight)
        self._grow(X, y, features, weight)
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

    def _forest_params(self):
        subsample = self.class_weight == "balanced_subsample"
        return {"class_weight": "balanced_subsample" if subsample else None}
