"""Permutation importance of groups of features."""

import numpy as np
from sklearn.metrics import check_scoring
from sklearn.utils import Bunch

from ..utils import check_seed

_COLUMNS = ("family", "group", "channel", "station", "feature")


def grouped_importances(
    model,
    features,
    y,
    *,
    table,
    by="family",
    n_repeats=10,
    scoring=None,
    sample_weight=None,
    random_state=None,
    orders=None,
):
    """Loss of score when all features of a group are shuffled by the same permutation.

    Parameters
    ----------
    model : classifier or regressor
        Fitted on features.
    features : ndarray of shape (n_events, n_features)
        Of events that were not trained on.
    y : ndarray of shape (n_events,)
        Labels, or numbers.
    table : pandas.DataFrame
        What each feature is, one row per column of `features`.
    by : str, sequence of str or callable
        Columns of `table` that make a group, or a function from a row to a name.
    n_repeats : int
        Permutations per group.
    scoring : str, callable or None
        None: mean probability of the true class, macro-averaged; of a regressor R².
    sample_weight : ndarray of shape (n_events,), optional
        Weights of events in the score.
    random_state : int, RandomState, Generator or None
        Seed.
    orders : list of ndarray of int of shape (n_events,), optional
        For each repetition the row from which each row gets its features. Default: random ones.

    Returns
    -------
    importances : Bunch
        See `FeatureForestClassifier.grouped_importances`.
    """
    if n_repeats < 1:
        raise ValueError(f"n_repeats must be at least 1; got {n_repeats!r}")
    if len(features) != len(y):
        raise ValueError(f"X has {len(features)} events and y {len(y)} targets: give one for each")
    scores = _scorer(model, scoring, sample_weight, y)
    names, members = _groups(table, by)
    # Each group gets the same permutations, so that their differences are not those of the draws.
    if orders is None:
        rng = np.random.default_rng(check_seed(random_state))
        orders = [rng.permutation(len(features)) for _ in range(n_repeats)]

    baseline = scores(features[np.newaxis])[0]
    losses = np.empty((len(names), n_repeats))
    shuffled = np.repeat(features[np.newaxis], n_repeats, axis=0)
    for row, columns in zip(losses, members, strict=True):
        for repeat, order in zip(shuffled, orders, strict=True):
            repeat[:, columns] = features[np.ix_(order, columns)]
        row[:] = baseline - scores(shuffled)
        shuffled[:, :, columns] = features[:, columns]

    best_first = np.argsort(-losses.mean(axis=1), kind="stable")
    losses = losses[best_first]
    return Bunch(
        names=[names[i] for i in best_first],
        importances=losses,
        importances_mean=losses.mean(axis=1),
        importances_std=losses.std(axis=1),
        n_features=np.array([len(members[i]) for i in best_first]),
        score=float(baseline),
        by=by if isinstance(by, str) else " and ".join(by) if not callable(by) else "group",
    )


def _scorer(model, scoring, sample_weight, y):
    """Function from tables of shape (n_tables, n_events, n_features) to a score of each."""
    if scoring is None and hasattr(model, "predict_proba"):
        return lambda tables: _true_class_probability(model, tables, y, sample_weight)
    scorer = check_scoring(model, scoring=scoring)
    extra = {} if sample_weight is None else {"sample_weight": sample_weight}
    return lambda tables: np.array([scorer(model, table, y, **extra) for table in tables])


def _true_class_probability(model, tables, y, sample_weight):
    """Mean probability of the true class over the events of each class, and over classes.

    It changes with every event a little, where a score of labels changes with few events by much.
    """
    # One call for all tables: most of a call is not spent on events.
    probability = model.predict_proba(tables.reshape(-1, tables.shape[-1]))
    probability = probability.reshape(*tables.shape[:2], -1)
    of_true = (probability * (model.classes_ == y[:, np.newaxis])).sum(axis=-1)
    weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    by_class = [
        np.average(of_true[:, rows], weights=weight[rows], axis=1)
        for rows in (y == label for label in np.unique(y))
        if weight[rows].any()
    ]
    return np.mean(by_class, axis=0)


def _groups(table, by):
    """Names of the groups, and the columns of each."""
    if callable(by):
        labels = [str(by(row)) for _, row in table.iterrows()]
    else:
        columns = [by] if isinstance(by, str) else list(by)
        for column in columns:
            if column not in _COLUMNS:
                raise ValueError(
                    f"by must be one of {_COLUMNS}, several of them, or a function; got {by!r}"
                )
        columns = ["column" if column == "feature" else column for column in columns]
        labels = [" ".join(part for part in row if part) for row in table[columns].to_numpy()]
    # Features of a whole station belong to no channel.
    labels = [label or "all together" for label in labels]
    names = list(dict.fromkeys(labels))
    labels = np.array(labels, dtype=object)
    return names, [np.flatnonzero(labels == name) for name in names]
