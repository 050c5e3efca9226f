"""Similar events, as the classifier sees similarity."""

import numpy as np
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import Pipeline

from ..base import WaveformEstimator

_ROWS_AT_ONCE = 1000


def honest_neighbors(estimators, fold, X, probabilities, codes, n_neighbors):
    """The most similar events of each, where it lies for a classifier that has not seen it.

    A network trained on an event moves it to the others of its label, a wrong one as well.

    Parameters
    ----------
    estimators : list of estimators
        One for each fold, and one fitted on all events.
    fold : ndarray of int of shape (n_events,)
        Whose place counts for each event; -1 for the last of `estimators`.
    X, probabilities, codes, n_neighbors
        See `embedding` and `nearest`.

    Returns
    -------
    rows, distances : ndarray of shape (n_events, n_neighbors)
        As of `nearest`.
    space : {"embedding", "features", "probabilities"}
        Where similarity was measured.
    """
    table, space = embedding(estimators[-1], X, probabilities)
    rows, distances = nearest(table, codes, n_neighbors)
    if space != "embedding" or n_neighbors == 0:
        return (
            rows,
            distances,
            space,
        )  # nothing in it was learned from labels, or they are held out
    for k, estimator in enumerate(estimators[:-1]):
        own = np.flatnonzero(fold == k)
        table, _ = embedding(estimator, X, probabilities)
        rows[own], distances[own] = nearest(table, codes, n_neighbors, of=own)
    return rows, distances, space


def embedding(estimator, X, probabilities):
    """Where the classifier places each event, (n_events, n_dimensions), and what that is.

    What the last layer of a network sees; else the features of a forest or what the last step
    of a Pipeline is given, scaled to unit variance; else the probabilities.
    """
    best = getattr(estimator, "best_estimator_", estimator)
    last = best
    if isinstance(best, Pipeline):
        last = best.steps[-1][1]
        if len(best.steps) > 1:
            X = best[:-1].transform(X)
    if hasattr(last, "embed"):
        return np.asarray(last.embed(X), dtype=np.float64), "embedding"
    if hasattr(last, "extract_features"):
        return _scaled(last.extract_features(X)), "features"
    if np.ndim(X) == 2 and not isinstance(last, WaveformEstimator):
        return _scaled(X), "features"
    return np.nan_to_num(probabilities, nan=0.0), "probabilities"


def nearest(table, codes, n_neighbors, of=None):
    """Rows and distances of the nearest rows of other events.

    Parameters
    ----------
    table : ndarray of shape (n_events, n_dimensions)
        Where each row lies.
    codes : ndarray of int of shape (n_events,) or None
        Event of each row.
    n_neighbors : int
        How many.
    of : ndarray of int of shape (n,), optional
        Rows whose neighbours are asked for. Default: all.

    Returns
    -------
    rows : ndarray of int of shape (n, n_neighbors)
        -1 where there are no more events.
    distances : ndarray of float of shape (n, n_neighbors)
        Euclidean; NaN where there are no more events.
    """
    of = np.arange(len(table)) if of is None else of
    rows = np.full((len(of), n_neighbors), -1)
    distances = np.full((len(of), n_neighbors), np.nan)
    if n_neighbors == 0 or not len(of):
        return rows, distances
    codes = np.arange(len(table)) if codes is None else codes
    most = min(len(table), n_neighbors + int(np.bincount(codes).max()))
    index = NearestNeighbors(n_neighbors=most).fit(table)
    for first in range(0, len(of), _ROWS_AT_ONCE):
        block = slice(first, min(first + _ROWS_AT_ONCE, len(of)))
        far, near = index.kneighbors(table[of[block]])
        other = codes[near] != codes[of[block], None]
        # Other events first, each part still by distance.
        order = np.argsort(~other, axis=1, kind="stable")[:, :n_neighbors]
        kept = np.take_along_axis(other, order, axis=1)
        width = order.shape[1]
        rows[block, :width] = np.where(kept, np.take_along_axis(near, order, axis=1), -1)
        distances[block, :width] = np.where(kept, np.take_along_axis(far, order, axis=1), np.nan)
    return rows, distances


def _scaled(table):
    """Columns of zero mean and unit variance; unknown values at the mean."""
    table = np.asarray(table, dtype=np.float64)
    table = np.where(np.isfinite(table), table, np.nan)
    known = np.isfinite(table).sum(axis=0)
    filled = np.nan_to_num(table)
    mean = filled.sum(axis=0) / np.maximum(known, 1)
    centred = np.nan_to_num(table - mean)
    scale = np.sqrt((centred**2).sum(axis=0) / np.maximum(known, 1))
    return centred / np.where(scale > 0, scale, 1.0)
