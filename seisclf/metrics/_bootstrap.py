"""How sure a score is, when events and not rows are what was drawn."""

from typing import NamedTuple

import numpy as np

from seisclf.utils import check_seed


class Interval(NamedTuple):
    """A score, its interval, and the resampled scores the interval was taken from.

    Parameters
    ----------
    score : float
        Of all rows as they are.
    low, high : float
        Ends of the interval.
    resampled : ndarray of shape (n_resamples,)
        Scores of the resamples.
    """

    score: float
    low: float
    high: float
    resampled: np.ndarray


def bootstrap_interval(
    metric, y_true, y_pred, *, event_ids=None, n_resamples=1000, level=0.95, random_state=0
):
    """Percentile bootstrap interval of a score, resampling whole events.

    Rows of one event are alike, so resampling rows makes intervals that are too narrow.

    Parameters
    ----------
    metric : {"accuracy", "balanced_accuracy", "f1_macro"} or callable
        A callable takes ``(y_true, y_pred)`` and returns a number; the named ones are computed
        for all resamples at once.
    y_true, y_pred : array-like of shape (n_rows,)
        True and predicted values.
    event_ids : array-like of shape (n_rows,), optional
        Event of each row; by default each row is an event.
    n_resamples : int, default=1000
        Number of resamples.
    level : float, default=0.95
        Probability that the interval is to have.
    random_state : int, RandomState, Generator or None, default=0
        Fixes the resamples.

    Returns
    -------
    interval : Interval
        Fields score, low, high and resampled (ndarray of shape (n_resamples,)).

    Raises
    ------
    ValueError
        If shapes do not fit, or `level` is not between 0 and 1.

    References
    ----------
    .. [1] Davison, A. C. and Hinkley, D. V. (1997). Bootstrap Methods and their Application.
       Section 3.8. Cambridge University Press.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.metrics import bootstrap_interval
    >>> y = np.array(["quake", "noise"] * 50)
    >>> guess = np.where(np.arange(100) < 90, y, "noise")
    >>> interval = bootstrap_interval("accuracy", y, guess)
    >>> print(f"{interval.score:.2f} [{interval.low:.2f}, {interval.high:.2f}]")
    0.95 [0.91, 0.99]
    """
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    n = len(y_true)
    event_ids = np.arange(n) if event_ids is None else np.asarray(event_ids)
    if len(y_pred) != n or len(event_ids) != n:
        raise ValueError(
            f"y_true, y_pred and event_ids must have one entry a row; got {n}, {len(y_pred)} and "
            f"{len(event_ids)}."
        )
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, such as 0.95; got {level!r}.")
    code = np.unique(event_ids, return_inverse=True)[1]
    rng = np.random.default_rng(check_seed(random_state))
    if isinstance(metric, str):
        if metric not in CONFUSION_SCORES:
            raise ValueError(
                f"metric must be one of {sorted(CONFUSION_SCORES)} or a callable; got {metric!r}."
            )
        score, resampled = _from_confusions(metric, y_true, y_pred, code, n_resamples, rng)
    else:
        score = float(metric(y_true, y_pred))
        resampled = np.array(
            [metric(y_true[rows], y_pred[rows]) for rows in _draws(code, n_resamples, rng)]
        )
    tail = (1 - level) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return Interval(score, float(low), float(high), resampled)


def _draws(code, n_resamples, rng):
    """Rows of as many events as there are, drawn with replacement."""
    order = np.argsort(code, kind="stable")
    rows_of = np.split(order, np.cumsum(np.bincount(code))[:-1])
    for _ in range(n_resamples):
        drawn = rng.integers(len(rows_of), size=len(rows_of))
        yield np.concatenate([rows_of[event] for event in drawn])


def _from_confusions(metric, y_true, y_pred, code, n_resamples, rng):
    """Weigh the confusion matrix of each event by how often it was drawn."""
    classes, pair = np.unique(np.concatenate([y_true, y_pred]), return_inverse=True)
    k, n_events = len(classes), code.max() + 1
    cell = pair[: len(y_true)] * k + pair[len(y_true) :]
    from scipy.sparse import coo_array

    per_event = coo_array((np.ones(len(cell)), (code, cell)), shape=(n_events, k * k)).tocsr()
    resampled = np.empty(n_resamples)
    for start in range(0, n_resamples, 100):
        stop = min(start + 100, n_resamples)
        drawn = rng.multinomial(n_events, np.full(n_events, 1 / n_events), size=stop - start)
        resampled[start:stop] = CONFUSION_SCORES[metric]((drawn @ per_event).reshape(-1, k, k))
    total = np.bincount(cell, minlength=k * k).reshape(1, k, k).astype(float)
    return float(CONFUSION_SCORES[metric](total)[0]), resampled


def _parts(confusions):
    hits = np.diagonal(confusions, axis1=1, axis2=2).astype(float)
    return hits, confusions.sum(axis=2).astype(float), confusions.sum(axis=1).astype(float)


def _accuracy(confusions):
    hits, true, _ = _parts(confusions)
    return hits.sum(axis=1) / true.sum(axis=1)


def _balanced_accuracy(confusions):
    hits, true, _ = _parts(confusions)
    return _mean_where(hits, true, true > 0)


def _f1_macro(confusions):
    hits, true, predicted = _parts(confusions)
    return _mean_where(2 * hits, true + predicted, true + predicted > 0)


def _mean_where(top, bottom, use):
    """Mean of top / bottom over the classes that are there, as scikit-learn counts them."""
    ratio = np.divide(top, bottom, out=np.zeros_like(top), where=use)
    return ratio.sum(axis=1) / use.sum(axis=1)


CONFUSION_SCORES = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "f1_macro": _f1_macro,
}
