"""Similar events, as the classifier sees similarity."""

import numpy as np
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import Pipeline

from ..base import WaveformEstimator

_ROWS_AT_ONCE = 1000


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


def nearest(table, codes, n_neighbors):
    """Rows and distances of the nearest rows of other events.

    Returns
    -------
    rows : ndarray of int of shape (n_events, n_neighbors)
        -1 where there are no more events.
    distances : ndarray of float of shape (n_events, n_neighbors)
        Euclidean; NaN where there are no more events.
    """
    n = len(table)
    rows = np.full((n, n_neighbors), -1)
    distances = np.full((n, n_neighbors), np.nan)
    if n_neighbors == 0:
        return rows, distances
    codes = np.arange(n) if codes is None else codes
    most = min(n, n_neighbors + int(np.bincount(codes).max()))
    index = NearestNeighbors(n_neighbors=most).fit(table)
    for first in range(0, n, _ROWS_AT_ONCE):
        block = slice(first, min(first + _ROWS_AT_ONCE, n))
        far, near = index.kneighbors(table[block])
        other = codes[near] != codes[block, None]
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
