"""Named classes and the rest: predictions above a threshold, tables, scans of the threshold."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


class ThresholdScan(NamedTuple):
    """Scores at each threshold, and the best threshold.

    Parameters
    ----------
    table : DataFrame
        One row per threshold: ``threshold``, ``macro_f1``, and ``precision_<class>``,
        ``recall_<class>``, ``f1_<class>`` of each class and of the others.
    best : float
        Threshold with the largest macro-F1.
    score : float
        Macro-F1 there.
    """

    table: "pd.DataFrame"
    best: float
    score: float


def threshold_predictions(probabilities, classes, *, threshold=0.5, y_pred=None, others="others"):
    """Classes of events whose probability is large enough; the rest are "others".

    Parameters
    ----------
    probabilities : array-like of shape (n_events, n_classes)
        They need not sum to one.
    classes : sequence of str, of length n_classes
        Columns of `probabilities`.
    threshold : float or array-like of shape (n_classes,), default=0.5
        Probability that a class needs, itself included.
    y_pred : array-like of shape (n_events,), optional
        Classes that were predicted. They are kept where their probability reaches the
        threshold. By default the most probable class, the first of several that are equal.
    others : str, default="others"
        What all else is called.

    Returns
    -------
    predictions : ndarray of shape (n_events,)
        Any of `classes`, or `others`.

    Raises
    ------
    ValueError
        If shapes do not fit.

    Examples
    --------
    >>> from seisclf.metrics import threshold_predictions
    >>> p = [[0.9, 0.0], [0.2, 0.3], [0.5, 0.7]]
    >>> threshold_predictions(p, ["earthquake", "rockfall"]).tolist()
    ['earthquake', 'others', 'rockfall']
    >>> kept = ["earthquake", "rockfall", "earthquake"]
    >>> threshold_predictions(p, ["earthquake", "rockfall"], y_pred=kept).tolist()
    ['earthquake', 'others', 'earthquake']
    """
    probabilities, classes = _checked(probabilities, classes)
    if y_pred is None:
        column = probabilities.argmax(axis=1)
    else:
        column = _codes(y_pred, classes, len(probabilities), "y_pred")
    own = np.append(probabilities, np.full((len(probabilities), 1), -np.inf), axis=1)
    own = own[np.arange(len(own)), column]
    needed = np.append(np.broadcast_to(np.asarray(threshold, dtype=float), len(classes)), np.inf)
    names = np.append(np.asarray(classes, dtype=object), others)
    return names[np.where(own >= needed[column], column, len(classes))].astype(str)


def classification_table(y_true, y_pred, *, classes, others="others"):
    """Precision, recall and F1 of named classes and of all others.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_events,)
        True and predicted classes. Whatever is not in `classes` counts as others: noise, cars
        and machines are one class.
    classes : sequence of str
        Classes in the order of the table.
    others : str, default="others"
        Name of the rest.

    Returns
    -------
    table : DataFrame
        Columns precision, recall, f1 and events; a line for each class, for the others, then
        "macro average", the plain mean of the lines (without classes that are neither true nor
        predicted). Undefined ratios are 0.

    Raises
    ------
    ValueError
        If lengths differ.

    See Also
    --------
    event_report : The same of all classes, counted by event where events have several rows.

    Examples
    --------
    >>> from seisclf.metrics import classification_table
    >>> y_true = ["earthquake", "rockfall", "rockfall", "car", "noise"]
    >>> y_pred = ["earthquake", "rockfall", "noise", "noise", "noise"]
    >>> classification_table(y_true, y_pred, classes=["earthquake", "rockfall"]).round(3)
                   precision  recall     f1  events
    class
    earthquake         1.000   1.000  1.000       1
    rockfall           1.000   0.500  0.667       2
    others             0.667   1.000  0.800       2
    macro average      0.889   0.833  0.822       5
    """
    import pandas as pd
    from sklearn.metrics import precision_recall_fscore_support

    classes = list(classes)
    true = _codes(y_true, classes, len(y_true), "y_true")
    predicted = _codes(y_pred, classes, len(y_true), "y_pred")
    columns = precision_recall_fscore_support(
        true, predicted, labels=np.arange(len(classes) + 1), zero_division=0.0
    )
    table = pd.DataFrame(
        dict(zip(["precision", "recall", "f1", "events"], columns, strict=True)),
        index=pd.Index([*classes, others], name="class"),
    )
    occurs = np.isin(np.arange(len(classes) + 1), np.concatenate([true, predicted]))
    average = table[occurs].mean()
    average["events"] = len(true)
    table.loc["macro average"] = average
    return table.astype({"events": int})


def threshold_scan(
    y_true, probabilities, classes, *, thresholds=None, y_pred=None, others="others"
):
    """Macro-F1 of named classes and others at every threshold, and the best threshold.

    Parameters
    ----------
    y_true : array-like of shape (n_events,)
        True classes; whatever is not in `classes` counts as others.
    probabilities : array-like of shape (n_events, n_classes)
        See :func:`threshold_predictions`.
    classes : sequence of str, of length n_classes
        Columns of `probabilities`.
    thresholds : array-like of shape (n_thresholds,), optional
        By default 0.01, 0.02, …, 0.99, each the closest number to its decimal (sums of steps
        are not, and probabilities of two decimals would miss them).
    y_pred : array-like of shape (n_events,), optional
        See :func:`threshold_predictions`.
    others : str, default="others"
        Name of the rest.

    Returns
    -------
    scan : ThresholdScan
        Fields table, best and score. Of several thresholds with the best score, `best` is the
        middle one of the longest run of neighbours (of runs of equal length the first), because
        it is the least likely to be there by chance. A threshold chosen on the events it is
        scored on makes the score too good: choose it on others.

    Raises
    ------
    ValueError
        If shapes do not fit or there is no threshold.

    Examples
    --------
    >>> from seisclf.metrics import threshold_scan
    >>> p = [[0.9], [0.4], [0.3], [0.1]]
    >>> y = ["rockfall", "rockfall", "noise", "noise"]
    >>> scan = threshold_scan(y, p, ["rockfall"], thresholds=[0.2, 0.35, 0.5])
    >>> scan.best, scan.score
    (0.35, 1.0)
    """
    import pandas as pd

    probabilities, classes = _checked(probabilities, classes)
    if thresholds is None:
        thresholds = np.arange(1, 100) / 100
    thresholds = np.sort(np.asarray(thresholds, dtype=float).ravel())
    if len(thresholds) == 0:
        raise ValueError("thresholds is empty: give at least one")
    n, k = len(probabilities), len(classes) + 1
    true = _codes(y_true, classes, n, "y_true")
    if y_pred is None:
        column = probabilities.argmax(axis=1)
    else:
        column = _codes(y_pred, classes, n, "y_pred")
    own = np.append(probabilities, np.full((n, 1), -np.inf), axis=1)[np.arange(n), column]
    # Lower the threshold step by step: each event leaves "others" once, at its own probability.
    step = np.searchsorted(thresholds, own, side="right")  # thresholds passed
    gained = np.zeros((len(thresholds) + 1, k, k))
    np.add.at(gained, (step, true, column), 1)
    passed = np.cumsum(gained[::-1], axis=0)[::-1][1:]  # as predicted at each threshold
    confusion = passed.copy()
    confusion[:, :, -1] = np.bincount(true, minlength=k) - passed[:, :, :-1].sum(axis=2)
    scores, occurs = _scores(confusion)
    names = [*classes, others]
    table = pd.DataFrame(
        {"threshold": thresholds, "macro_f1": scores[2].sum(axis=1) / occurs.sum(axis=1)}
    )
    for name, values in zip(("precision", "recall", "f1"), scores, strict=True):
        for j, label in enumerate(names):
            table[f"{name}_{label}"] = values[:, j]
    best = _middle_of_best(table["macro_f1"].to_numpy())
    return ThresholdScan(table, float(thresholds[best]), float(table["macro_f1"][best]))


def _scores(confusion):
    """Precision, recall, F1 and which classes occur, from confusion matrices (n, k, k)."""
    hits = np.diagonal(confusion, axis1=1, axis2=2)
    true, predicted = confusion.sum(axis=2), confusion.sum(axis=1)
    ratios = [
        np.divide(above, below, out=np.zeros_like(hits, dtype=float), where=below > 0)
        for above, below in ((hits, predicted), (hits, true), (2 * hits, true + predicted))
    ]
    return ratios, true + predicted > 0


def _middle_of_best(values):
    at_best = np.append(values >= values.max() - 1e-12, False)
    edges = np.flatnonzero(np.diff(at_best.astype(int), prepend=0))
    starts, stops = edges[::2], edges[1::2]
    longest = np.argmax(stops - starts)
    return (starts[longest] + stops[longest] - 1) // 2


def _checked(probabilities, classes):
    probabilities, classes = np.asarray(probabilities, dtype=float), list(classes)
    if probabilities.ndim != 2 or probabilities.shape[1] != len(classes):
        raise ValueError(
            f"probabilities must have shape (n_events, {len(classes)}), a column for each of "
            f"{classes}; got {probabilities.shape}"
        )
    if np.isnan(probabilities).any():
        raise ValueError(
            f"probabilities holds NaN in {int(np.isnan(probabilities).any(axis=1).sum())} rows"
        )
    return probabilities, classes


def _codes(labels, classes, n, name):
    """Number of each label in classes; what is not in them gets the number after the last."""
    labels = np.asarray(labels)
    if labels.shape != (n,):
        raise ValueError(f"{name} must have one entry for each of {n} events; got {labels.shape}")
    codes = np.full(n, len(classes))
    for code, label in enumerate(classes):
        codes[labels == label] = code
    return codes
