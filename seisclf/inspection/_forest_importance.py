"""What kinds of features a forest needs, by shuffling them."""

import numpy as np

from ..ensemble._importances import grouped_importances
from ..utils import check_seed
from ._forest_contributions import forest_of

__all__ = ["forest_permutation_importance"]


def forest_permutation_importance(
    estimator,
    X,
    y,
    *,
    by="family",
    groups=None,
    n_repeats=10,
    scoring=None,
    sample_weight=None,
    random_state=None,
):
    """How much worse a forest gets when all features of a family are shuffled together.

    Features of seismograms are strongly correlated: shuffled one at a time, each seems useless,
    because others know the same (:func:`sklearn.inspection.permutation_importance` does that).
    All columns of a family are shuffled by the same permutation instead.

    Parameters
    ----------
    estimator : FeatureForestClassifier or Pipeline
        Fitted; of a pipeline that ends in one, the other steps are applied to `X`.
    X : array-like or LazyWaveforms of the shape of the events in ``fit``
        Events that were not trained on, or importances show what was learned by heart.
    y : array-like of shape (n_events,)
        Their labels.
    by : {"family", "group", "channel", "station", "feature"}, sequence of str or callable, \
            default="family"
        What is shuffled together, see :meth:`FeatureForestClassifier.grouped_importances
        <seisclf.ensemble.FeatureForestClassifier.grouped_importances>`.
    groups : array-like of shape (n_events,), optional
        Names of the events where several rows are windows of one, e.g. at several stations.
        Events are then shuffled as a whole: a row gets the features of a row of another event,
        never those of its own event at another station, which would say the same.
    n_repeats : int, default=10
        Number of times each family is shuffled.
    scoring : str or callable, optional
        Score, by scikit-learn's name. Default: the mean probability of the true class, over the
        events of each class and then over classes.
    sample_weight : array-like of shape (n_events,), optional
        Weights of events in the score.
    random_state : int, RandomState, Generator or None, default=None
        Seed of the shuffling.

    Returns
    -------
    table : pandas.DataFrame
        Indexed by family, the most important first: ``importance`` (mean loss of score), ``std``
        over the repetitions, ``n_features``, and ``repeat_0`` … with the loss of each repetition.
        ``table.attrs["score"]`` is the score without shuffling.

    Raises
    ------
    TypeError
        If `estimator` is no such forest.
    ValueError
        If `groups` names a single event.

    See Also
    --------
    forest_contributions : Why one event got its class.
    seisclf.ensemble.FeatureImportanceDisplay : Importances as a picture.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.ensemble import FeatureForestClassifier
    >>> from seisclf.inspection import forest_permutation_importance
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(40, 300)), np.repeat([0, 1], 20)
    >>> X[20:] *= np.hanning(300)
    >>> forest = FeatureForestClassifier(n_estimators=20, random_state=0).fit(X[::2], y[::2])
    >>> table = forest_permutation_importance(forest, X[1::2], y[1::2], random_state=0)
    >>> bool(table["importance"].is_monotonic_decreasing)
    True
    """
    import pandas as pd

    forest, X = forest_of(estimator, X)
    seed = check_seed(random_state)
    features, y = forest.extract_features(X), np.asarray(y)
    found = grouped_importances(
        forest.forest_,
        features,
        y,
        table=forest.feature_table(),
        by=by,
        n_repeats=n_repeats,
        scoring=scoring,
        sample_weight=sample_weight,
        random_state=seed,
        orders=None if groups is None else _orders(groups, len(features), n_repeats, seed),
    )
    repeats = {f"repeat_{i}": column for i, column in enumerate(found.importances.T)}
    table = pd.DataFrame(
        {
            "importance": found.importances_mean,
            "std": found.importances_std,
            "n_features": found.n_features,
            **repeats,
        },
        index=pd.Index(found.names, name=found.by),
    )
    table.attrs["score"] = found.score
    return table


def _orders(groups, n, n_repeats, seed):
    """Permutations by which no row gets a row of its own event."""
    groups = np.asarray(groups)
    if groups.shape != (n,):
        raise ValueError(f"groups must name the event of each of {n} rows; got {groups.shape}")
    _, events = np.unique(groups, return_inverse=True)
    members = [np.flatnonzero(events == event) for event in range(events.max() + 1)]
    if len(members) < 2:
        raise ValueError(f"groups names one event, {groups[0]!r}; shuffling needs at least 2")
    rng = np.random.default_rng(seed)
    orders = []
    for _ in range(n_repeats):
        # Events in a ring of random order: each gets the features of the next one.
        ring, order = rng.permutation(len(members)), np.empty(n, dtype=np.int64)
        for event, other in zip(ring, np.roll(ring, -1), strict=True):
            rows = rng.permutation(members[other])
            order[members[event]] = np.resize(rows, len(members[event]))
        orders.append(order)
    return orders
