"""One-to-one matching of what was detected with what is known."""

from typing import Any

import numpy as np


def match_events(
    detected,
    known,
    *,
    tolerance=None,
    min_overlap=None,
    same_class=True,
    onset="onset",
    end="end",
    label="class",
):
    """Pair detections with catalogue entries, one to one.

    As many pairs as possible are made, and among those choices the one with the smallest sum of
    time differences: an optimal assignment, not a greedy one, so the result does not depend on
    the order of rows.

    Parameters
    ----------
    detected, known : DataFrame, Detections or array-like
        Tables with a column of onset times and, where classes count, of classes; or the times
        alone. Times are numbers (seconds) or datetimes.
    tolerance : float, optional
        Largest difference of the onsets of a pair in seconds, itself included.
    min_overlap : float, optional
        Smallest overlap of a pair: the time that both last together over the time from the
        earlier onset to the later end, from 0 (they touch) to 1 (they are the same). Instead of
        `tolerance`, or as a second condition.
    same_class : bool, default=True
        Pair only events of the same class. Without classes (times alone) it has no effect.
    onset, end, label : str, default="onset", "end", "class"
        Names of the columns. Ends are needed only for the overlap.

    Returns
    -------
    pairs : DataFrame
        A line for each pair in the order of known: ``detected`` and ``known`` (row numbers) and
        ``difference`` (s), detected minus known; with `min_overlap` also ``overlap``.

    Raises
    ------
    ValueError
        If neither `tolerance` nor `min_overlap` is given or one is out of range, a column is
        missing, a time is unknown, or an event ends before its onset.

    Examples
    --------
    >>> from seisclf.metrics import match_events
    >>> match_events([10.0, 11.5, 60.0], [11.0, 12.0], tolerance=2.0)
       detected  known  difference
    0         0      0        -1.0
    1         1      1        -0.5
    """
    import pandas as pd
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    _check_conditions(tolerance, min_overlap)
    (t_det, c_det), (t_known, c_known) = (
        _times_and_classes(table, onset, label, name)
        for table, name in ((detected, "detected"), (known, "known"))
    )
    overlap: Any = None
    if min_overlap is None:
        i, j = _close_pairs(t_det, t_known, tolerance)
    else:
        d_det = _lengths(detected, t_det, end, "detected")
        d_known = _lengths(known, t_known, end, "known")
        i, j, overlap = _overlapping_pairs(t_det, t_known, d_det, d_known, tolerance, min_overlap)
    if same_class and c_det is not None and c_known is not None:
        same = c_det[i] == c_known[j]
        i, j = i[same], j[same]
    # Events that cannot share a partner are settled apart, which keeps the assignments small.
    size = len(t_det) + len(t_known)
    graph = coo_array((np.ones(len(i), dtype=np.int8), (i, len(t_det) + j)), shape=(size, size))
    component = connected_components(graph, directed=False)[1][i] if len(i) else i
    alone = np.bincount(component, minlength=1)[component] == 1
    pairs = [np.column_stack([i[alone], j[alone]])]
    crowded = np.flatnonzero(~alone)
    crowded = crowded[np.argsort(component[crowded], kind="stable")]
    bounds = np.flatnonzero(np.diff(component[crowded])) + 1
    for part in np.split(crowded, bounds) if len(crowded) else ():
        pairs.append(_assign(i[part], j[part], t_det, t_known))
    chosen = np.concatenate(pairs)
    chosen = chosen[np.argsort(chosen[:, 1], kind="stable")]
    result = pd.DataFrame(
        {
            "detected": chosen[:, 0],
            "known": chosen[:, 1],
            "difference": t_det[chosen[:, 0]] - t_known[chosen[:, 1]],
        }
    )
    return result if overlap is None else result.assign(overlap=overlap(*chosen.T))


def detection_scores(
    detected,
    known,
    *,
    tolerance=None,
    min_overlap=None,
    same_class=True,
    duration=None,
    onset="onset",
    end="end",
    label="class",
):
    """Precision, recall and false alarms of detections against a catalogue.

    Parameters
    ----------
    detected, known : DataFrame, Detections or array-like
        As in :func:`match_events`.
    tolerance : float, optional
        Largest difference of the onsets of a pair in seconds, itself included.
    min_overlap : float, optional
        Smallest overlap of a pair, see :func:`match_events`.
    same_class : bool, default=True
        Pair only events of the same class, and score each class.
    duration : float, optional
        Length of the record that was searched, in seconds, for false alarms a day.
    onset, end, label : str, default="onset", "end", "class"
        Names of the columns.

    Returns
    -------
    scores : DataFrame
        A line for each class, then "all". Columns known, detected, matched, precision, recall,
        f1, delay (median of detected minus known, s) and, with `duration`, false_per_day.
        Undefined ratios are NaN. With ``same_class=False`` (or times alone) only "all".

    Examples
    --------
    >>> from seisclf.metrics import detection_scores
    >>> scores = detection_scores([10.0, 50.0], [10.5], tolerance=1.0, duration=86400.0)
    >>> scores[["precision", "recall", "false_per_day"]]
         precision  recall  false_per_day
    all        0.5     1.0            1.0
    """
    import pandas as pd

    if duration is not None and not duration > 0:
        raise ValueError(f"duration must be positive, in seconds; got {duration!r}.")
    pairs = match_events(
        detected,
        known,
        tolerance=tolerance,
        min_overlap=min_overlap,
        same_class=same_class,
        onset=onset,
        end=end,
        label=label,
    )
    c_det = _times_and_classes(detected, onset, label, "detected")[1]
    c_known = _times_and_classes(known, onset, label, "known")[1]
    lines = {}
    if same_class and c_det is not None and c_known is not None:
        for name in sorted(set(c_det.tolist()) | set(c_known.tolist())):
            own = pairs[c_known[pairs["known"]] == name]
            lines[name] = _scores(own, (c_det == name).sum(), (c_known == name).sum(), duration)
    lines["all"] = _scores(pairs, len(detected), len(known), duration)
    return pd.DataFrame.from_dict(lines, orient="index")


def _scores(pairs, n_detected, n_known, duration):
    matched = len(pairs)
    line = {
        "known": int(n_known),
        "detected": int(n_detected),
        "matched": matched,
        "precision": matched / n_detected if n_detected else np.nan,
        "recall": matched / n_known if n_known else np.nan,
        "f1": 2 * matched / (n_detected + n_known) if n_detected + n_known else np.nan,
        "delay": pairs["difference"].median() if matched else np.nan,
    }
    if duration is not None:
        line["false_per_day"] = (n_detected - matched) * 86400 / duration
    return line


def _check_conditions(tolerance, min_overlap):
    if tolerance is None and min_overlap is None:
        raise ValueError("give tolerance (s), min_overlap (0 to 1), or both")
    if tolerance is not None and not tolerance >= 0:
        raise ValueError(f"tolerance must be at least 0 s; got {tolerance!r}.")
    if min_overlap is not None and not 0 <= min_overlap <= 1:
        raise ValueError(f"min_overlap must lie between 0 and 1; got {min_overlap!r}.")


def _overlapping_pairs(a, b, length_a, length_b, tolerance, min_overlap):
    """All (i, j) that overlap enough, and a function that tells by how much."""

    def overlap(i, j):
        first, last = np.maximum(a[i], b[j]), np.minimum(a[i] + length_a[i], b[j] + length_b[j])
        # Two events of no length at the same time are the same.
        both = length_a[i] + length_b[j] - (last - first)
        return np.divide(last - first, both, out=np.ones(len(both)), where=both > 0)

    # Events that touch begin no farther apart than the longest one lasts.
    reach = max(np.max(length_a, initial=0), np.max(length_b, initial=0))
    i, j = _close_pairs(a, b, reach if tolerance is None else min(reach, tolerance))
    enough = overlap(i, j) >= min_overlap - 1e-9
    return i[enough], j[enough], overlap


def _close_pairs(a, b, tolerance):
    """All (i, j) with |a[i] - b[j]| <= tolerance."""
    order = np.argsort(b, kind="stable")
    # The slack admits differences that are the tolerance but for rounding.
    slack = tolerance + 1e-6
    first = np.searchsorted(b[order], a - 2 * slack, side="left")
    last = np.searchsorted(b[order], a + 2 * slack, side="right")
    count = last - first
    i = np.repeat(np.arange(len(a)), count)
    offset = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    j = order[np.repeat(first, count) + offset]
    close = np.abs(a[i] - b[j]) <= slack  # the same for (a, b) and (b, a), unlike the bounds
    return i[close], j[close]


def _assign(i, j, t_det, t_known):
    """Most pairs first, then least time difference, within one component."""
    from scipy.optimize import linear_sum_assignment

    rows, at_row = np.unique(i, return_inverse=True)
    columns, at_column = np.unique(j, return_inverse=True)
    gaps = np.abs(t_det[i] - t_known[j])
    # One more pair always outweighs any saving of time.
    bonus = (min(len(rows), len(columns)) + 1) * (gaps.max() + 1.0)
    cost = np.zeros((len(rows), len(columns)))
    cost[at_row, at_column] = gaps - bonus
    r, c = linear_sum_assignment(cost)
    real = cost[r, c] < 0
    return np.column_stack([rows[r[real]], columns[c[real]]])


def _lengths(table, onsets, end, name):
    """Seconds from onset to end of each event."""
    table = _as_frame(table)
    if end not in getattr(table, "columns", ()):
        raise ValueError(
            f"{name} has no column {end!r}, which min_overlap needs. Pass a table, and end=<name>."
        )
    lengths = _times_and_classes(table, end, end, name)[0] - onsets
    if np.any(lengths < 0):
        raise ValueError(f"{int(np.sum(lengths < 0))} events in {name} end before their onset.")
    return lengths


def _as_frame(table):
    import pandas as pd

    if hasattr(table, "to_frame") and not isinstance(table, (pd.DataFrame, pd.Series)):
        return table.to_frame()  # Detections
    return table


def _times_and_classes(table, onset, label, name):
    import pandas as pd

    table = _as_frame(table)
    classes = None
    if isinstance(table, pd.DataFrame):
        if onset not in table:
            raise ValueError(
                f"{name} has no column {onset!r}; it has {list(table.columns)}. Pass onset=<name>."
            )
        classes = table[label].to_numpy() if label in table else None
        times = table[onset]
    else:
        times = pd.Series(np.asarray(table)) if len(table) else pd.Series(dtype=float)
    if pd.api.types.is_numeric_dtype(times.dtype):
        seconds = times.to_numpy(dtype=float)
    else:
        stamps = pd.to_datetime(times, utc=True)
        seconds = (stamps - pd.Timestamp(0, tz="UTC")).dt.total_seconds().to_numpy()
    if np.isnan(seconds).any():
        raise ValueError(f"{int(np.isnan(seconds).sum())} times in {name} are unknown (NaN).")
    return seconds, classes
