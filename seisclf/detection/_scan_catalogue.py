"""The catalogue of a scan, read back from its SQLite file."""

import json
import sqlite3
from pathlib import Path

import numpy as np

from ._detections import Detections
from ._records import missing_note
from ._scan_findings import merged
from ._scan_store import STORE_NAME, ScanStore

# What a file that somebody changed may bring about.
_DAMAGED = (sqlite3.Error, ValueError, TypeError, LookupError, AttributeError, ArithmeticError)


def read_scan(output):
    """The catalogue of a scan, also of one that is not finished.

    Parameters
    ----------
    output : str or pathlib.Path
        Folder that was the `output` of :meth:`EventDetector.scan`, or the ``catalogue.sqlite`` in
        it.

    Returns
    -------
    detections : Detections
        As the scan returned them, with the attributes ``complete`` (whether all tasks are done),
        ``tasks`` and ``findings``; see :meth:`EventDetector.scan`.

    Raises
    ------
    FileNotFoundError
        If there is no scan.
    ValueError
        If the file is something else.
    """
    output = Path(output)
    with ScanStore(output.parent if output.name == STORE_NAME else output) as store:
        try:
            found = detections_of(store)
            repr(found)  # looks at times, classes and coverage: a damaged one is found out here
            _check_cells(found)
        except _DAMAGED as error:
            if "locked" in str(error):
                raise
            raise ValueError(
                f"{store.path} is damaged, or was not written by seisclf ({error!r:.200}): the "
                f"events of whole days are in {store.folder / 'detections'}, for read_detections; "
                f"scan(..., resume=False) begins anew"
            ) from error
    return found


def _check_cells(detections):
    table = detections.to_frame()
    for name in table.select_dtypes(exclude=["number", "datetimetz"]):
        for value in table[name]:
            if not isinstance(value, str | int | float | bool | None):
                raise TypeError(f"{name} is {value!r:.50}")


def detections_of(store):
    """All detections of a store, with what is known of the tasks and the data."""
    with store.reading():
        told = store.settings()
        detections = _detections(store, told)
        detections.tasks = _task_table(store.task_columns())
        detections.complete = bool(told) and store.n_done() >= told["planned"]
        detections.findings = _finding_table(merged(store.findings()))
    return detections


def detections_of_day(store, told, *, start_ns, end_ns, longest_ns):
    """Detections with an onset in a span, for a file of their own.

    Parameters
    ----------
    store : ScanStore
        Where they are.
    told : dict
        What the run was told.
    start_ns, end_ns : int
        UTC nanoseconds.
    longest_ns : int
        No task that holds data is longer.

    Returns
    -------
    detections : Detections
        What they say of coverage is that of the tasks with data which overlap the span.
    """
    with store.reading():
        return _detections(store, told, start_ns, end_ns, longest_ns)


def _detections(store, told, start_ns=None, end_ns=None, longest_ns=None):
    rows = store.detections(start_ns=start_ns, end_ns=end_ns)
    picks = store.picks(start_ns=start_ns, end_ns=end_ns)
    days = None if start_ns is None else (start_ns, end_ns, longest_ns)
    settings = dict(told.get("settings", {}))
    coverage = _coverage(store, told, days)
    if told.get("traces"):
        stations = told["traces"] if days is None else coverage["station"]
        settings["traces"] = {name: told["traces"][name] for name in stations}
    return Detections(
        _table(rows, told),
        settings=settings,
        picks=_pick_table(picks, rows),
        coverage=coverage,
        spans=_spans(store, days),
    )


def _table(rows, told):
    import pandas as pd

    labels = {str(label): label for label in told.get("classes", [])}
    columns = ["class", "onset", "end", "probability", "event_probability", "stations", "coverage"]
    table = pd.DataFrame([row[1:8] for row in rows], columns=columns)
    table["class"] = [labels.get(name, name) for name in table["class"]]
    for name in ("onset", "end"):
        table[name] = _times(table[name].astype("int64"))
    # Where there are no rows too.
    table = table.astype(dict.fromkeys(("probability", "event_probability", "coverage"), float))
    more = pd.DataFrame([json.loads(row[8]) for row in rows], index=table.index)
    return pd.concat([table, more], axis=1)


def _pick_table(picks, rows):
    import pandas as pd

    number = {row[0]: i for i, row in enumerate(rows)}
    picks = [(number[row[0]], *row[1:]) for row in picks]
    picks = pd.DataFrame(picks, columns=["detection", "station", "phase", "time", "probability"])
    picks["time"] = _times(picks["time"].astype("int64"))
    picks = picks.astype({"detection": np.int64, "probability": float})
    return picks.sort_values("detection", kind="stable", ignore_index=True)


def _spans(store, days):
    """When stations recorded: stretches of tasks, those that touch as one."""
    import pandas as pd

    spans = [
        (station, start, end, min(seconds * 1e9 / max(end - start, 1), 1.0))
        for station, start, end, seconds in _touching(store.spans("scanned", days))
    ]
    table = pd.DataFrame(spans, columns=["station", "start", "end", "covered"])
    for name in ("start", "end"):
        table[name] = _times(table[name].astype("int64"))
    return table


def _touching(rows):
    """Stretches (station, start, end, seconds), in order, joined where they touch."""
    joined = None
    for station, start, end, seconds in rows:
        if joined and joined[0] == station and start <= joined[2]:
            joined[2] = max(end, joined[2])
            joined[3] += seconds
            continue
        if joined:
            yield joined
        joined = [station, start, end, seconds]
    if joined:
        yield joined


def _coverage(store, told, days):
    """As :meth:`ProbabilityFunctions.coverage_report`, one row per station."""
    import pandas as pd

    missing, notes = {}, {}
    for station, _, _, seconds in _touching(store.spans("missing", days)):
        total, count = missing.get(station, (0.0, 0))
        missing[station] = total + seconds, count + 1
    for station, note, count in store.notes(days):
        notes.setdefault(station, []).append((note, count))
    rows = []
    for station, n_tasks, start, end, length, seconds, windows, without in store.coverage(days):
        said = list(told.get("notes", {}).get(station, []))
        if station in missing:
            said.append(missing_note(*missing[station]))
        said += [f"{note} in {count} of {n_tasks} tasks" for note, count in notes.get(station, ())]
        covered = min(seconds * 1e9 / length, 1.0) if length else 0.0
        rows.append((station, start, end, covered, windows, without, "; ".join(said)))
    if days is None:
        rows += [
            (station, None, None, 0.0, 0, 0, f"not scanned: {reason}")
            for station, reason in told.get("skipped", {}).items()
        ]
    columns = ["station", "start", "end", "covered", "windows", "windows_without_data", "notes"]
    frame = pd.DataFrame(rows, columns=columns)
    for place, name in enumerate(("start", "end"), start=1):
        frame[name] = _times_or_none([row[place] for row in rows])
    return frame


def _task_table(columns):
    """One row per task: texts are categories, of which there may be millions."""
    import pandas as pd

    return pd.DataFrame(
        {
            "stations": _texts(*columns["stations"]),
            "start": _times(columns["start_ns"]),
            "end": _times(columns["end_ns"]),
            "status": _texts(*columns["status"]),
            "error": _texts(*columns["error"]),
            "note": _texts(*columns["note"]),
            "recorded": columns["recorded"],
            "seconds": columns["seconds"],
        },
        copy=False,
    )


def _texts(numbers, words):
    import pandas as pd

    return pd.Categorical.from_codes(numbers, categories=pd.Index(words, dtype="str"))


def _finding_table(rows):
    import pandas as pd

    columns = ["file", "trace", "kind", "what", "action", "start", "end", "samples"]
    frame = pd.DataFrame(rows, columns=columns, dtype=object).astype({"samples": "int64"})
    for place, name in enumerate(("start", "end"), start=5):
        frame[name] = _times_or_none([row[place] for row in rows])
    return frame


def _times(ns):
    import pandas as pd

    return pd.to_datetime(ns, unit="ns", utc=True)


def _times_or_none(ns):
    import pandas as pd

    # None beside numbers would make floats of them, which hold no nanoseconds.
    times = [np.datetime64("NaT") if t is None else np.datetime64(t, "ns") for t in ns]
    return pd.to_datetime(np.array(times, dtype="datetime64[ns]"), utc=True)
