"""Scores counted by event: the rows of one event speak with one voice."""

import numpy as np


def aggregate_by_event(proba, event_ids, *, how="mean"):
    """Join the probabilities of the rows of each event.

    Parameters
    ----------
    proba : array-like of shape (n_rows, n_classes)
        Probabilities, as ``predict_proba`` returns them.
    event_ids : array-like of shape (n_rows,)
        Event of each row.
    how : {"mean", "vote"}, default="mean"
        "mean" averages probabilities. "vote" gives each row one vote for its most probable
        class and returns the shares of votes.

    Returns
    -------
    events : ndarray of shape (n_events,)
        Events, sorted.
    proba : ndarray of shape (n_events, n_classes)
        Probabilities or shares of votes; rows sum to one if they did before.

    Raises
    ------
    ValueError
        If shapes do not fit or `how` is unknown.

    Examples
    --------
    >>> from seisclf.metrics import aggregate_by_event
    >>> events, proba = aggregate_by_event([[1.0, 0.0], [0.5, 0.5], [0.2, 0.8]], ["a", "a", "b"])
    >>> proba
    array([[0.75, 0.25],
           [0.2 , 0.8 ]])
    """
    proba = np.asarray(proba, dtype=float)
    event_ids = np.asarray(event_ids)
    if proba.ndim != 2 or len(proba) != len(event_ids):
        raise ValueError(
            f"proba must have shape (n_rows, n_classes) with one event id a row; got "
            f"{proba.shape} and {len(event_ids)} event_ids."
        )
    if how == "vote":
        proba = np.eye(proba.shape[1])[proba.argmax(axis=1)]
    elif how != "mean":
        raise ValueError(f"how must be 'mean' or 'vote'; got {how!r}.")
    events, code = np.unique(event_ids, return_inverse=True)
    total = np.zeros((len(events), proba.shape[1]))
    np.add.at(total, code, proba)
    return events, total / np.bincount(code)[:, np.newaxis]


def event_predictions(y_true, y_pred, event_ids, *, proba=None, classes=None, how="mean"):
    """One prediction for each event, from those of its rows.

    Rows of one event that carry different classes (a noise window cut before a rockfall) are
    different things: they are joined by event and class.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_rows,)
        True and predicted classes.
    event_ids : array-like of shape (n_rows,)
        Event of each row.
    proba : array-like of shape (n_rows, n_classes), optional
        Probabilities. Without them each row votes for its predicted class.
    classes : array-like of shape (n_classes,), optional
        Columns of `proba`; by default all classes that occur, sorted.
    how : {"mean", "vote"}, default="mean"
        See :func:`aggregate_by_event`. A tie goes to the first class.

    Returns
    -------
    events : DataFrame
        Columns event_id, y_true, y_pred, confidence (mean probability or share of votes of the
        predicted class) and n_rows.

    Examples
    --------
    >>> from seisclf.metrics import event_predictions
    >>> event_predictions(["q", "q", "q"], ["q", "r", "q"], ["a", "a", "a"])
      event_id y_true y_pred  confidence  n_rows
    0        a      q      q    0.666667       3
    """
    import pandas as pd

    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    event_ids = np.asarray(event_ids)
    if not len(y_true) == len(y_pred) == len(event_ids):
        raise ValueError(
            f"y_true, y_pred and event_ids must have one entry a row; got {len(y_true)}, "
            f"{len(y_pred)} and {len(event_ids)}."
        )
    if classes is None:
        classes = np.unique(np.concatenate([y_true, y_pred]))
    classes = np.asarray(classes)
    if proba is None:
        proba = (y_pred[:, np.newaxis] == classes).astype(float)
    elif np.asarray(proba).shape != (len(y_true), len(classes)):
        raise ValueError(
            f"proba must have shape ({len(y_true)}, {len(classes)}), a column for each of "
            f"{classes.tolist()}; got {np.asarray(proba).shape}."
        )
    event_code, events = pd.factorize(event_ids, sort=True)
    class_code, names = pd.factorize(y_true, sort=True)
    unit = event_code * len(names) + class_code
    units, joined = aggregate_by_event(proba, unit, how=how)
    best = joined.argmax(axis=1)
    return pd.DataFrame(
        {
            "event_id": events[units // len(names)],
            "y_true": names[units % len(names)],
            "y_pred": classes[best],
            "confidence": joined[np.arange(len(best)), best],
            "n_rows": np.unique(unit, return_counts=True)[1],
        }
    )


def event_confusion_matrix(
    y_true, y_pred, event_ids, *, proba=None, classes=None, how="mean", normalize=None
):
    """Confusion matrix counted by event.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_rows,)
        True and predicted classes.
    event_ids : array-like of shape (n_rows,)
        Event of each row.
    proba : array-like of shape (n_rows, n_classes), optional
        Probabilities. Without them each row votes for its predicted class.
    classes : array-like of shape (n_classes,), optional
        Columns of `proba` and order of the matrix.
    how : {"mean", "vote"}, default="mean"
        See :func:`aggregate_by_event`.
    normalize : {"true", "pred", "all"}, optional
        Divide by the sum of rows, of columns, or of all.

    Returns
    -------
    confusion : DataFrame of shape (n_classes, n_classes)
        True classes down, predicted classes across.

    Examples
    --------
    >>> from seisclf.metrics import event_confusion_matrix
    >>> event_confusion_matrix(["q", "q", "r", "r"], ["q", "r", "r", "r"], ["a", "a", "b", "c"])
    predicted  q  r
    true
    q          1  0
    r          0  2
    """
    import pandas as pd
    from sklearn.metrics import confusion_matrix

    if classes is None:
        classes = np.unique(np.concatenate([np.asarray(y_true), np.asarray(y_pred)]))
    events = event_predictions(y_true, y_pred, event_ids, proba=proba, classes=classes, how=how)
    matrix = confusion_matrix(
        events["y_true"], events["y_pred"], labels=classes, normalize=normalize
    )
    return pd.DataFrame(
        matrix,
        index=pd.Index(classes, name="true"),
        columns=pd.Index(classes, name="predicted"),
    )


def event_report(y_true, y_pred, event_ids, *, proba=None, classes=None, how="mean"):
    """Precision, recall and F1 of each class, counted by event.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_rows,)
        True and predicted classes.
    event_ids : array-like of shape (n_rows,)
        Event of each row.
    proba : array-like of shape (n_rows, n_classes), optional
        Probabilities. Without them each row votes for its predicted class.
    classes : array-like of shape (n_classes,), optional
        Columns of `proba` and order of the report.
    how : {"mean", "vote"}, default="mean"
        See :func:`aggregate_by_event`.

    Returns
    -------
    report : DataFrame
        Columns precision, recall (sensitivity), f1 and events; a line for each class, then
        "macro average". Precision of a class that is never predicted is 0.

    Examples
    --------
    >>> from seisclf.metrics import event_report
    >>> report = event_report(["q", "r", "r"], ["q", "q", "r"], ["a", "b", "c"])
    >>> report.round(3)
                   precision  recall     f1  events
    class
    q                   0.50    1.00  0.667       1
    r                   1.00    0.50  0.667       2
    macro average       0.75    0.75  0.667       3
    """
    import pandas as pd

    confusion = event_confusion_matrix(
        y_true, y_pred, event_ids, proba=proba, classes=classes, how=how
    )
    matrix = confusion.to_numpy().astype(float)
    hits, true, predicted = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    report = pd.DataFrame(
        {
            "precision": _ratio(hits, predicted),
            "recall": _ratio(hits, true),
            "f1": _ratio(2 * hits, true + predicted),
            "events": true.astype(int),
        },
        index=pd.Index(confusion.index, name="class"),
    )
    average = report[report["events"] > 0].mean()
    average["events"] = true.sum()
    report.loc["macro average"] = average
    return report.astype({"events": int})


def _ratio(a, b):
    return np.divide(a, b, out=np.zeros_like(a), where=b > 0)
