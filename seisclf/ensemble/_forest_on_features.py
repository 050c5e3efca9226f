"""What forests on features share: the table of features, how trees grow, what they rely on."""

import numbers

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from ..base import WaveformEstimator, validate_waveforms
from ..feature_extraction import SeismicFeatures
from ..utils import check_seed
from ._importances import grouped_importances

_STATISTICS = {"mean": np.nanmean, "median": np.nanmedian}


class ForestOnFeatures(WaveformEstimator):
    """Parent of the forests on features of seismograms.

    A child says which forests there are (`_forests`) and what more they are told
    (`_forest_params`).

    Parameters
    ----------
    features, sampling_rate, components, forest, n_estimators, criterion, max_depth, \
            min_samples_split, min_samples_leaf, min_weight_fraction_leaf, max_features, \
            max_leaf_nodes, bootstrap, max_samples, oob_score, imputation, n_jobs, \
            random_state : object
        As of :class:`FeatureForestClassifier`. A child names them in its own constructor.
    """

    _is_base = True
    #: Classes of scikit-learn by the name that `forest` has.
    _forests: dict[str, type] = {}
    #: What the scores of `grouped_importances` are called where none is asked for.
    _score_name = "R²"

    def __init__(
        self,
        *,
        features,
        sampling_rate,
        components,
        forest,
        n_estimators,
        criterion,
        max_depth,
        min_samples_split,
        min_samples_leaf,
        min_weight_fraction_leaf,
        max_features,
        max_leaf_nodes,
        bootstrap,
        max_samples,
        oob_score,
        imputation,
        n_jobs,
        random_state,
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
        self.imputation = imputation
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _forest_params(self):
        """Parameters of the forest that only this kind of it has."""
        return {}

    def _begin_fit(self, X, y):
        """Checked events and targets, and unfitted features."""
        features = self._make_features()
        X, y = self._validate(X, y, features=features, reset=True)
        return X, y, features

    def _grow(self, X, y, features, weight):
        """Fit the features, and the trees on them."""
        forest = self._make_forest()
        self.features_ = features
        table = _as_table(features.fit_transform(X, y))
        self.feature_names_ = _names(features, table.shape[1])
        self.fill_values_ = self._fill_values(table)
        self.forest_ = forest.fit(self._fill(table), y, sample_weight=weight)

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
        """Score on events out of the bag."""
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
            Their labels, or numbers.
        by : {"family", "group", "channel", "station", "feature"}, sequence of str or callable, \
                default="family"
            What is shuffled together: a column of :meth:`feature_table` ("feature": each by
            itself), several columns (``("channel", "family")``), or a function that gives the
            name of the group for a row of that table.
        n_repeats : int, default=10
            Number of times each group is shuffled.
        scoring : str or callable, optional
            Score, by scikit-learn's name. Default for a classifier: the mean probability of the
            true class, over the events of each class and then over classes, which shows more on
            few events than a score of labels; for a regressor R².
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
        # All trees are alike then: two are as good as many.
        return [
            {"features": small, "n_estimators": 2, **exact},
            {"features": small, "n_estimators": 2, "imputation": -1.0, **exact},
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
        if self.forest not in self._forests:
            raise ValueError(f"forest must be one of {sorted(self._forests)}; got {self.forest!r}")
        bootstrap = self.forest == "random_forest" if self.bootstrap is None else self.bootstrap
        if self.oob_score and not bootstrap:
            raise ValueError(
                "oob_score=True needs events left out of each tree: set bootstrap=True"
            )
        return self._forests[self.forest](
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
            **self._forest_params(),
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
