"""A confusion matrix for continuous records, where events can be missed and invented."""

import numpy as np

from ._matching import _as_frame, match_events


def catalogue_confusion_matrix(
    detections,
    catalogue,
    *,
    tolerance=None,
    min_overlap=None,
    classes=None,
    noise="noise",
    recall=False,
    onset="onset",
    end="end",
    label="class",
):
    """Count what became of the events of a catalogue, and of what is none.

    Detections and catalogue are paired one to one, whatever their classes (see
    :func:`match_events`). A pair counts in the row of its class in the catalogue and the column of
    the detected one. An event without a partner counts as predicted noise, a detection without a
    partner as true noise. A catalogue may list stretches of noise, as the paper's [1]_ does: one
    without a detection counts as noise found to be noise; without such rows that cell is 0,
    because nobody counts silence.

    Parameters
    ----------
    detections, catalogue : DataFrame or Detections
        Tables with columns of onset times (seconds or datetimes) and classes. Detections of the
        class `noise` are none.
    tolerance : float, optional
        Largest difference of the onsets of a pair in seconds, itself included.
    min_overlap : float, optional
        Smallest overlap of a pair (0 to 1), see :func:`match_events`. Instead of `tolerance`, or
        as a second condition.
    classes : sequence, optional
        Order of the classes. Default: all that occur, sorted. `noise` goes last unless it is
        named.
    noise : str, default="noise"
        Label of what is no event.
    recall : bool, default=False
        Whether there is a column ``recall``: the part of each class that was recognised. NaN for
        a class that is not in the catalogue, which noise rarely is.
    onset, end, label : str, default="onset", "end", "class"
        Names of the columns. Ends are needed only for the overlap.

    Returns
    -------
    confusion : DataFrame
        Classes of the catalogue down, of the detections across, and the sums: a row and a column
        "all".

    Raises
    ------
    ValueError
        If classes are missing, `classes` lacks one that occurs, or `detections` and `catalogue`
        cannot be matched, see :func:`match_events`.

    See Also
    --------
    detection_scores : Precision, recall and false alarms a day.
    event_confusion_matrix : For windows that were cut around events.

    Notes
    -----
    Pairs are made without looking at classes, so that a rockfall taken for a quake is one
    confusion and not a miss with a false alarm. Events are paired first: a stretch of noise gets
    only what is left, so that it takes no detection away from an event nearby.

    References
    ----------
    .. [1] Jiang, J., Murray, D., Stankovic, V., Stankovic, L., Hibert, C., Pytharouli, S. and
       Malet, J.-P. (2025). A human-on-the-loop approach for labelling seismic recordings from
       landslide site via a multi-class deep-learning based classification model. Science of
       Remote Sensing. https://doi.org/10.1016/j.srs.2024.100189 (tables 1 and 2)

    Examples
    --------
    >>> import pandas as pd
    >>> from seisclf.metrics import catalogue_confusion_matrix
    >>> known = pd.DataFrame({"onset": [10, 50, 90], "class": ["quake", "quake", "rockfall"]})
    >>> found = pd.DataFrame({"onset": [11, 52, 70], "class": ["quake", "rockfall", "quake"]})
    >>> catalogue_confusion_matrix(found, known, tolerance=5, recall=True)
    predicted  quake  rockfall  noise  all  recall
    true
    quake          1         1      0    2     0.5
    rockfall       0         0      1    1     0.0
    noise          1         0      0    1     NaN
    all            2         1      1    4     NaN
    """
    import pandas as pd

    names = {"onset": onset, "end": end, "label": label}
    found, known = (
        _table(table, name, label)
        for table, name in ((detections, "detections"), (catalogue, "catalogue"))
    )
    found = found[found[label] != noise].reset_index(drop=True)
    labels = _order(classes, found[label], known[label], noise)
    of_event, of_noise = known[known[label] != noise], known[known[label] == noise]
    predicted = pd.Series(noise, index=known.index, dtype=object)
    free = np.ones(len(found), dtype=bool)
    for part in (of_event, of_noise):
        rows = np.flatnonzero(free)
        pairs = match_events(
            found.iloc[rows], part, tolerance=tolerance, min_overlap=min_overlap,
            same_class=False, **names,
        )  # fmt: skip
        partner = rows[pairs["detected"].to_numpy(dtype=int)]
        events = part.index[pairs["known"].to_numpy(dtype=int)]
        predicted.loc[events] = found[label].to_numpy()[partner]
        free[partner] = False
    true = np.concatenate([known[label].to_numpy(), np.full(free.sum(), noise, dtype=object)])
    answer = np.concatenate([predicted.to_numpy(), found[label].to_numpy()[free]])
    confusion = _counted(true, answer, labels)
    return confusion.assign(recall=_recall(confusion, set(known[label]))) if recall else confusion


def _counted(true, answer, labels):
    import pandas as pd

    place = {name: i for i, name in enumerate(labels)}
    counts = np.zeros((len(labels), len(labels)), dtype=int)
    np.add.at(counts, ([place[t] for t in true], [place[a] for a in answer]), 1)
    confusion = pd.DataFrame(
        counts,
        index=pd.Index(labels, name="true"),
        columns=pd.Index(labels, name="predicted"),
    )
    confusion["all"] = confusion.sum(axis=1)
    confusion.loc["all"] = confusion.sum(axis=0)
    return confusion


def _recall(confusion, known):
    """Part of each class that was recognised, NaN where the catalogue has none of it."""
    return [
        confusion.loc[name, name] / confusion.loc[name, "all"] if name in known else np.nan
        for name in confusion.index
    ]


def _table(table, name, label):
    import pandas as pd

    frame = _as_frame(table)
    if not isinstance(frame, pd.DataFrame) or label not in frame:
        raise ValueError(
            f"{name} must be a table with a column {label!r}, its classes; "
            f"got {type(table).__name__}. Pass label=<name> if it has another name."
        )
    if frame[label].isna().any():
        raise ValueError(f"{int(frame[label].isna().sum())} events in {name} have no class.")
    return frame.reset_index(drop=True)


def _order(classes, found, known, noise):
    occurring = set(found) | set(known)
    labels = sorted(occurring - {noise}) if classes is None else list(classes)
    unknown = sorted(map(str, occurring - {noise} - set(labels)))
    if unknown:
        raise ValueError(
            f"classes={labels} lacks {', '.join(unknown)}, which occur: name them too, or leave "
            f"the parameter out"
        )
    return labels if noise in labels else [*labels, noise]
