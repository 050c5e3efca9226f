"""Permutation importance of groups of features."""

import numpy as np
from sklearn.metrics import check_scoring, f1_score
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
):
    """Loss of score when all features of a group are shuffled by the same permutation.

    Parameters
    ----------
    model : classifier
        Fitted on features.
    features : ndarray of shape (n_events, n_features)
        Of events that were not trained on.
    y : ndarray of shape (n_events,)
        Labels.
    table : pandas.DataFrame
        What each feature is, one row per column of `features`.
    by : str, sequence of str or callable
        Columns of `table` that make a group, or a function from a row to a name.
    n_repeats : int
        Permutations per group.
    scoring : str, callable or None
        None: macro-averaged F1.
    sample_weight : ndarray of shape (n_events,), optional
        Weights of events in the score.
    random_state : int, RandomState, Generator or None
        Seed.

    Returns
    -------
    importances : Bunch
        See `FeatureForestClassifier.grouped_importances`.
    """
    if n_repeats < 1:
        raise ValueError(f"n_repeats must be at least 1; got {n_repeats!r}")
    if len(features) != len(y):
        raise ValueError(f"X has {len(features)} events and y {len(y)} labels: give one for each")
    score = _scorer(model, scoring, sample_weight)
    names, members = _groups(table, by)
    # Each group gets the same permutations, so that their differences are not those of the draws.
    rng = np.random.default_rng(check_seed(random_state))
    orders = [rng.permutation(len(features)) for _ in range(n_repeats)]

    baseline = score(model, features, y)
    losses = np.empty((len(names), n_repeats))
    shuffled = features.copy()
    for row, columns in zip(losses, members, strict=True):
        for repeat, order in enumerate(orders):
            shuffled[:, columns] = features[np.ix_(order, columns)]
            row[repeat] = baseline - score(model, shuffled, y)
        shuffled[:, columns] = features[:, columns]

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


def _scorer(model, scoring, sample_weight):
    extra = {} if sample_weight is None else {"sample_weight": sample_weight}
    if scoring is not None:
        scorer = check_scoring(model, scoring=scoring)
        return lambda model, features, y: scorer(model, features, y, **extra)
    return lambda model, features, y: f1_score(
        y, model.predict(features), average="macro", zero_division=0.0, **extra
    )


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
