"""Probabilities of events that the classifier has not seen, by folds that keep events whole."""

import warnings

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.base import clone
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, check_cv
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import has_fit_parameter

from ..utils import spread
from ._texts import as_text


def event_codes(n, groups, metadata):
    """Integer code of what must stay in one fold, or None where nothing is known.

    Rows that share a group or an ``event_id`` belong together, and so does what they share either
    with; a missing value is shared with nobody.
    """
    keys = []
    if groups is not None:
        groups = np.asarray(groups)
        if groups.ndim != 1 or len(groups) != n:
            raise ValueError(
                f"groups must name one group for each of the {n} events; got shape {groups.shape}"
            )
        keys.append(groups)
    if metadata is not None and "event_id" in metadata:
        names = metadata["event_id"].to_numpy(dtype=object)
        # An empty name is none: a file may have it where another has nothing.
        keys.append([None if as_text(name) == "" else name for name in names])
    if not keys:
        return None
    offset, owners, shared = n, [], []
    for key in keys:
        codes, labels = pd.factorize(np.asarray(key, dtype=object))
        known = np.flatnonzero(codes >= 0)
        owners.append(known)
        shared.append(offset + codes[known])
        offset += len(labels)
    rows, nodes = np.concatenate(owners), np.concatenate(shared)
    graph = coo_matrix((np.ones(len(rows), dtype=bool), (rows, nodes)), shape=(offset, offset))
    return connected_components(graph, directed=False)[1][:n]


def make_splits(cv, X, y, codes, metadata, seed):
    """List of (train, test), none of which divides an event."""
    if isinstance(cv, (int, np.integer)) and not isinstance(cv, bool):
        splits = _stratified(int(cv), y, codes, seed)
    else:
        ours = type(cv).__module__.partition(".")[0] == "seisclf"
        shared = metadata if ours and metadata is not None else codes
        with warnings.catch_warnings():
            # Whether the folds divide events all the same is checked below.
            warnings.filterwarnings("ignore", message="The groups parameter is ignored")
            splits = list(check_cv(cv, y, classifier=True).split(np.zeros(len(y)), y, shared))
    _check_whole(splits, np.arange(len(y)) if codes is None else codes)
    return splits


def _stratified(n_splits, y, codes, seed):
    if n_splits < 2:
        raise ValueError(f"cv must be at least 2 folds, or a splitter; got {n_splits}")
    units = pd.Series(np.arange(len(y)) if codes is None else codes)
    if units.nunique() < 2:
        raise ValueError(
            "all rows belong to one event (groups, metadata['event_id']), so that no fold can "
            "be held out: give rows of several events"
        )
    # What the largest class can fill; more folds would leave some empty.
    largest = int(units.groupby(y).nunique().max())
    possible = max(2, min(n_splits, largest))
    if possible < n_splits:
        warnings.warn(
            f"cv={n_splits} folds are more than the events of the largest class: "
            f"{possible} are made",
            UserWarning,
            stacklevel=4,
        )
    whole = codes is not None and units.duplicated().any()
    kind = StratifiedGroupKFold if whole else StratifiedKFold
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class")
        if largest < 2:  # every class a single event: nothing to stratify by
            order = np.random.default_rng(seed).permutation(len(y))
            halves = np.array_split(order, 2)
            return [(np.sort(halves[1]), np.sort(halves[0])), tuple(map(np.sort, halves))]
        return list(
            kind(possible, shuffle=True, random_state=seed).split(
                np.zeros(len(y)), y, codes if whole else None
            )
        )


def _check_whole(splits, codes):
    for k, (train, test) in enumerate(splits):
        shared = np.intersect1d(codes[train], codes[test])
        if len(shared):
            row = int(np.flatnonzero(codes == shared[0])[0])
            raise ValueError(
                f"cv divides {len(shared)} events (or groups) between training and test of fold "
                f"{k}, the first that of row {row}: a classifier that has seen an event says "
                f"nothing of its label. Use a number, cv=5, or a splitter by groups such as "
                f"StratifiedGroupKFold"
            )


def out_of_fold(estimator, X, y, classes, splits, codes, *, n_jobs=None):
    """Judge every row by a clone that was not trained on it.

    Returns
    -------
    probabilities : ndarray of shape (n_events, n_classes)
        NaN in rows that no fold tests; the mean for rows that several test.
    models : list of estimators
        One for each fold.
    fold : ndarray of int of shape (n_events,)
        The first fold that tests each row, -1 where there is none.
    """
    calls = ((clone(estimator), X, y, classes, train, test, codes) for train, test in splits)
    # A fold whose process dies is done again by another one.
    done = dict(spread(_one_fold, calls, n_jobs=n_jobs))
    results = [done[k] for k in range(len(splits))]
    total, count = np.zeros((len(y), len(classes))), np.zeros(len(y))
    fold = np.full(len(y), -1)
    for k, ((_, test), (_, probabilities)) in enumerate(zip(splits, results, strict=True)):
        total[test] += probabilities
        count[test] += 1
        fold[test] = np.where(fold[test] < 0, k, fold[test])
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(count[:, None] > 0, total / count[:, None], np.nan)
    return mean, [model for model, _ in results], fold


def _one_fold(model, X, y, classes, train, test, codes):
    fit_whole(model, X, y, train, codes)
    return model, aligned_probabilities(model, _safe_indexing(X, test), classes)


def fit_whole(model, X, y, rows, codes):
    """Fit on some rows; classifiers that hold out validation events are told the groups."""
    params = {}
    if codes is not None and has_fit_parameter(model, "groups"):
        params["groups"] = codes[rows]
    return model.fit(_safe_indexing(X, rows), y[rows], **params)


def aligned_probabilities(model, X, classes):
    """Probabilities in the order of `classes`; zero for those the model has not seen."""
    probabilities = np.zeros((len(X), len(classes)))
    columns = np.searchsorted(classes, model.classes_)
    probabilities[:, columns] = model.predict_proba(X)
    return probabilities
