"""Which of several thresholds is best, by counts of hits, detections and events."""

import numpy as np


def score_function(scoring):
    """Function of ``matched``, ``detected`` and ``known`` (arrays) to scores.

    Parameters
    ----------
    scoring : str or callable
        "precision", "recall", "f1", or "f" with another beta; a callable is returned.

    Returns
    -------
    score : callable
        NaN where there is nothing to score.

    Examples
    --------
    >>> import numpy as np
    >>> score_function("f2")(np.array([3]), np.array([4]), np.array([6])).round(3).tolist()
    [0.536]
    """
    if callable(scoring):
        return scoring
    if scoring == "precision":
        return lambda matched, detected, known: _ratio(matched, detected)
    if scoring == "recall":
        return lambda matched, detected, known: _ratio(matched, known)
    try:
        beta = float(scoring.removeprefix("f")) if scoring.startswith("f") else None
    except (AttributeError, ValueError):
        beta = None
    if beta is None or not 0 < beta < np.inf:
        raise ValueError(
            f"scoring must be 'f1', 'f0.5', 'f2', 'precision', 'recall' or a callable; got "
            f"{scoring!r}"
        )
    weight = beta**2
    return lambda matched, detected, known: _ratio(
        (1 + weight) * np.asarray(matched), np.asarray(detected) + weight * np.asarray(known)
    )


def best_threshold(counts, score, days, max_false_per_day=None):
    """Index of the best of several thresholds; of neighbours that are alike the middle one.

    Parameters
    ----------
    counts : ndarray of int, shape (n_thresholds, 3)
        Matched, detected and known, thresholds ascending.
    score : callable
        See :func:`score_function`.
    days : float
        Days of the record.
    max_false_per_day : float, optional
        Thresholds with more false alarms are left out; if all have more, the highest is taken.

    Returns
    -------
    index : int or None
        None if there is nothing to choose by.

    Examples
    --------
    >>> import numpy as np
    >>> counts = np.array([[5, 9, 5], [5, 5, 5], [5, 5, 5], [5, 5, 5], [3, 3, 5]])
    >>> best_threshold(counts, score_function("f1"), days=1.0)
    2
    """
    matched, detected, known = np.asarray(counts).T
    values = np.asarray(score(matched, detected, known), dtype=float)
    if np.isnan(values).all():
        return None
    if max_false_per_day is not None:
        quiet = (detected - matched) <= max_false_per_day * days
        if not quiet.any():
            return len(values) - 1
        values = np.where(quiet, values, np.nan)
        if np.isnan(values).all():
            return int(np.flatnonzero(quiet)[0])
    best = np.nan_to_num(values, nan=-np.inf) >= np.nanmax(values) - 1e-12
    edges = np.flatnonzero(np.diff(np.concatenate(([0], best.astype(int), [0]))))
    first, last = edges.reshape(-1, 2)[np.diff(edges.reshape(-1, 2), axis=1).ravel().argmax()]
    return int((first + last - 1) // 2)


def _ratio(top, bottom):
    top, bottom = np.asarray(top, dtype=float), np.asarray(bottom, dtype=float)
    return np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0)
