"""Refuse folds in which train and test share something."""

import numpy as np

from ._base import PURGES
from ._rows import as_datetimes, overlaps, read_rows, shared_events


class LeakageError(ValueError):
    """Train and test of a fold share an event, or a stretch of the same record."""


def check_leakage(splits, metadata, *, allow_leakage=()):
    """Refuse folds in which train and test share an event or a stretch of the same record.

    Parameters
    ----------
    splits : iterable of (train, test)
        Row numbers of each fold, as ``cv.split`` yields them.
    metadata : DataFrame of n_events rows
        Read are ``event_id``; ``station`` (or else ``site``), ``start_time`` and ``end_time``.
        Without a station all rows count as recorded by one instrument. Windows that only touch
        do not overlap.
    allow_leakage : tuple of {"event", "overlap"}, default=()
        What is known and wanted.

    Returns
    -------
    notes : list of str
        What could not be checked, and what leaks by permission.

    Raises
    ------
    LeakageError
        If a fold leaks; the message names rows and the splitter to use.

    Examples
    --------
    >>> import pandas as pd
    >>> from seisclf.model_selection import check_leakage
    >>> metadata = pd.DataFrame({"event_id": ["a", "a", "b"]})
    >>> check_leakage([([2], [0, 1])], metadata)
    ['metadata have no start_time and end_time: overlapping windows cannot be recognised']
    >>> check_leakage([([1, 2], [0])], metadata)
    Traceback (most recent call last):
        ...
    seisclf.model_selection._leakage.LeakageError: Train and test share 1 event in fold 0: ...
    """
    allowed = (allow_leakage,) if isinstance(allow_leakage, str) else tuple(allow_leakage)
    unknown = [name for name in allowed if name not in PURGES]
    if unknown:
        raise ValueError(f"allow_leakage may name {list(PURGES)}; got {unknown}.")
    rows = read_rows(metadata)
    notes = list(rows.notes)
    for fold, (train, test) in enumerate(splits):
        train, test = np.asarray(train), np.asarray(test)
        for kind, find, explain in (
            ("event", shared_events, _explain_events),
            ("overlap", overlaps, _explain_overlaps),
        ):
            leaking = train[find(rows, train, test)]
            if not len(leaking):
                continue
            if kind not in allowed:
                raise LeakageError(explain(rows, leaking, test, fold))
            notes.append(f"fold {fold}: {len(leaking)} training rows leak by {kind}, as allowed")
    return notes


def _explain_events(rows, leaking, test, fold):
    codes = np.unique(rows.event[leaking])
    examples = "; ".join(
        f"event {rows.event_names[code]!r} in training row "
        f"{leaking[rows.event[leaking] == code][0]} and tested row "
        f"{test[rows.event[test] == code][0]}"
        for code in codes[:3]
    )
    events = "1 event" if len(codes) == 1 else f"{len(codes)} events"
    return (
        f"Train and test share {events} in fold {fold}: {examples}. A classifier would be tested "
        f"on what it was trained on. Use cv=EventKFold(), which keeps events together, or with "
        f"the metadata CalendarKFold(), LeaveOneStationOut() or LeaveOneSiteOut(), which drop the "
        f'shared rows from train. If this is wanted: allow_leakage=("event",).'
    )


def _explain_overlaps(rows, leaking, test, fold):
    examples = []
    for row in leaking[:3]:
        partner = test[overlaps(rows, test, np.array([row]))][0]
        place = rows.station[row]
        name = repr(rows.station_names[place]) if place < len(rows.station_names) else "unknown"
        times = as_datetimes(rows.start[[row, partner]]).strftime("%Y-%m-%dT%H:%M:%S")
        examples.append(
            f"training row {row} (from {times[0]}) and tested row {partner} (from {times[1]}) "
            f"at station {name}"
        )
    n = "1 training row overlaps" if len(leaking) == 1 else f"{len(leaking)} training rows overlap"
    return (
        f"{n} in time with tested rows of the same station in fold {fold}: {'; '.join(examples)}. "
        f"Use cv=EventKFold() with the metadata, which keeps overlapping windows together, or for "
        f"a continuous record CalendarKFold() or ForwardInTimeSplit(gap=...), which drop them "
        f'from train. If this is wanted: allow_leakage=("overlap",).'
    )
