"""A scan of an archive: planning, storing, resuming, and the catalogue that comes of it."""

import contextlib
import json
import tempfile
import warnings
from collections import Counter

import numpy as np

from ..io._grid import sample_time
from ._archive_source import source_of
from ._detections import Detections
from ._fingerprint import describe_run, differences
from ._prepare import preparation
from ._records import missing_note
from ._scan_findings import known_findings, merged
from ._scan_progress import ScanProgress
from ._scan_store import ScanStore
from ._scan_workers import results_of
from ._tasks import FORCED_AFTER, ScanContext, plan_groups, plan_tasks

_DAY_NS = 86_400 * 10**9
# Seconds of a task: enough for margins not to count, little enough for any machine's memory.
_CHUNK, _CHUNK_OF_FUNCTIONS = 6 * 3600.0, 2 * 3600.0


def scan_archive(
    detector, archive, *, output, start, end, chunk, n_jobs, prepare, progress, resume
):
    """Scan an archive, see :meth:`EventDetector.scan`."""
    show = detector.progress or None if progress is None else progress
    start_ns, end_ns = _span(start, end)
    prepare = preparation(prepare)
    source = source_of(archive, progress=bool(show), n_jobs=n_jobs)
    groups, skipped = plan_groups(detector, source.channels(), start_ns=start_ns, end_ns=end_ns)
    if not groups:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in skipped.items())
        raise ValueError(f"no station can be scanned. {reasons or 'The archive has none'}")
    if chunk is None:
        chunk = _CHUNK_OF_FUNCTIONS if detector.gives_functions else _CHUNK
    if not chunk > 0:
        raise ValueError(f"chunk must be positive, in seconds; got {chunk!r}")
    tasks = plan_tasks(detector, source, groups, chunk=chunk)
    told = describe_run(detector, prepare=prepare, chunk=chunk, start_ns=start_ns)
    told |= {"archive": source.describe(), "skipped": skipped, "planned": len(tasks)}
    members = [member for group in groups for member in group.present]
    told["traces"] = {member.station: member.traces[0] for member in members}
    told["notes"] = {member.station: list(member.notes) for member in members}
    findings = known_findings(source, groups, start_ns=start_ns, end_ns=end_ns)
    context = ScanContext(detector, source, tuple(groups), prepare)
    with contextlib.ExitStack() as stack:
        if output is None:
            output = stack.enter_context(tempfile.TemporaryDirectory(prefix="seisclf-scan-"))
        store = stack.enter_context(ScanStore(output, write=True))
        scan = _Scan(store, context, tasks, told, resume, findings)
        scan.run(n_jobs=n_jobs, show=show)
        detections = detections_of(store)
    _warn(detections, skipped)
    return detections


class _Scan:
    """Tasks that are to be done, and where their results go."""

    def __init__(self, store, context, tasks, told, resume, findings):
        self.store, self.context, self.tasks = store, context, tasks
        self.rate = context.detector.sampling_rate
        self._check(told, resume)
        self.rows = [self._row(task) for task in tasks]
        known = store.tasks()
        done = {
            (row["stations"], task.first)
            for task, row in zip(tasks, self.rows, strict=True)
            if self._is_done(task, row, known)
        }
        planned = {
            (row["stations"], task.first) for task, row in zip(tasks, self.rows, strict=True)
        }
        store.forget([old["id"] for key, old in known.items() if key not in planned])
        store.begin(told, findings)
        self.todo = [
            task
            for task, row in zip(tasks, self.rows, strict=True)
            if (row["stations"], task.first) not in done
        ]
        self.days = Counter(day for task in self.todo for day in self._days(task))

    def _check(self, told, resume):
        before = self.store.settings()
        if not before:
            return
        if not resume:
            self.store.forget([row["id"] for row in self.store.tasks().values()])
            for path in (self.store.folder / "detections").glob("*.parquet"):
                path.unlink()
            return
        others = differences(before, told)
        if others:
            raise ValueError(
                f"{self.store.folder} holds a scan with other settings ({'; '.join(others)}): "
                f"give another output, or resume=False to scan anew"
            )

    def _row(self, task):
        group = self.context.groups[task.group]
        times = [group.anchor_ns + sample_time(k, self.rate) for k in (task.first, task.last)]
        return {
            "stations": group.name, "anchor_ns": group.anchor_ns, "n_samples": group.n_samples,
            "start_ns": times[0], "end_ns": times[1],
        }  # fmt: skip

    def _is_done(self, task, row, known):
        """Whether a task was done, on the data that is there now."""
        old = known.get((row["stations"], task.first))
        if old is None or old["status"] != "done":
            return False
        same = old["last"] == task.last and old["anchor_ns"] == row["anchor_ns"]
        # One that read up to the end of the record does not know what has come since.
        grown = old["n_samples"] != row["n_samples"] and old["read_to"] >= old["n_samples"]
        return same and not grown and abs(old["recorded"] - task.recorded) < 1e-3

    def run(self, *, n_jobs, show):
        """Do what is to be done."""
        n_done = len(self.tasks) - len(self.todo)
        bar = ScanProgress(self.todo, n_skipped=n_done, show=show)
        rows = {
            (task.group, task.first): row for task, row in zip(self.tasks, self.rows, strict=True)
        }
        (self.store.folder / "detections").mkdir(exist_ok=True)
        self._write_settings()
        results = results_of(self.context, self.todo, n_jobs=n_jobs)
        try:
            for result in results:
                self.store.put(rows[result.task.group, result.task.first], result)
                bar.add(result)
                self._finish_days(result)
        finally:
            results.close()
            bar.close()
        self._write_days(missing_only=True)

    def _days(self, task):
        """UTC days that events of a task may begin on."""
        if task.empty:
            return ()
        group = self.context.groups[task.group]
        first = group.anchor_ns + sample_time(task.first, self.rate)
        last = group.anchor_ns + sample_time(task.last, self.rate) + round(FORCED_AFTER * 1e9)
        return range(first // _DAY_NS, last // _DAY_NS + 1)

    def _finish_days(self, result):
        if result.error:
            return
        for day in self._days(result.task):
            self.days[day] -= 1
            if self.days[day] == 0:
                del self.days[day]
                self._write_day(day)

    def _write_days(self, *, missing_only):
        """Days without open tasks that have no file yet, as after a kill."""
        days = {day for task in self.tasks for day in self._days(task)} - set(self.days)
        for day in sorted(days):
            if not (missing_only and self._path(day).exists()):
                self._write_day(day)

    def _path(self, day):
        name = str(np.datetime64(day, "D"))
        return self.store.folder / "detections" / f"{name}.parquet"

    def _write_day(self, day):
        span = {"start_ns": day * _DAY_NS, "end_ns": (day + 1) * _DAY_NS}
        path = self._path(day)
        made = path.with_suffix(".new")
        detections_of(self.store, **span).to_parquet(made)
        made.replace(path)

    def _write_settings(self):
        text = json.dumps(self.store.settings(), indent=2, default=str)
        (self.store.folder / "settings.json").write_text(text + "\n", encoding="utf-8")


def read_scan(output):
    """The catalogue of a scan, also of one that is not finished.

    Parameters
    ----------
    output : str or pathlib.Path
        Folder that was the `output` of :meth:`EventDetector.scan`.

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
    with ScanStore(output) as store:
        return detections_of(store)


def detections_of(store, *, start_ns=None, end_ns=None):
    """Detections of a store, those with an onset in a span or all."""
    with store.reading():
        return _detections_of(store, start_ns, end_ns)


def _detections_of(store, start_ns, end_ns):
    import pandas as pd

    told = store.settings()
    labels = {str(label): label for label in told.get("classes", [])}
    rows = store.detections(start_ns=start_ns, end_ns=end_ns)
    columns = ["class", "onset", "end", "probability", "event_probability", "stations", "coverage"]
    table = pd.DataFrame([row[1:8] for row in rows], columns=columns)
    table["class"] = [labels.get(name, name) for name in table["class"]]
    for name in ("onset", "end"):
        table[name] = pd.to_datetime(table[name].astype("int64"), unit="ns", utc=True)
    more = pd.DataFrame([json.loads(row[8]) for row in rows], index=table.index)
    table = pd.concat([table, more], axis=1)
    number = {row[0]: i for i, row in enumerate(rows)}
    picks = store.picks(start_ns=start_ns, end_ns=end_ns)
    picks = [(number[row[0]], *row[1:]) for row in picks]
    picks = pd.DataFrame(picks, columns=["detection", "station", "phase", "time", "probability"])
    picks["time"] = pd.to_datetime(picks["time"].astype("int64"), unit="ns", utc=True)
    picks = picks.sort_values("detection", kind="stable", ignore_index=True)
    tasks = store.tasks()
    if start_ns is not None or end_ns is not None:
        first = -(2**62) if start_ns is None else start_ns
        last = 2**62 if end_ns is None else end_ns
        tasks = {
            key: row for key, row in tasks.items()
            if row["start_ns"] < last and row["end_ns"] > first
        }  # fmt: skip
        own = [row["id"] for row in tasks.values()]
        coverage = [row for task in own for row in store.coverage(task)]
        spans = [row for task in own for row in store.spans(task)]
    else:
        coverage, spans = store.coverage(), store.spans()
    settings = dict(told.get("settings", {}))
    if told.get("traces"):
        settings["traces"] = told["traces"]
    detections = Detections(
        table,
        settings=settings,
        picks=picks,
        coverage=_coverage(coverage, spans, tasks, told),
        spans=_spans(spans),
    )
    detections.tasks = _task_table(tasks.values())
    done = (detections.tasks["status"] == "done").sum()
    detections.complete = bool(told) and int(done) >= told["planned"]
    detections.findings = _finding_table(merged(store.findings()))
    return detections


def _spans(rows):
    """When stations recorded: stretches of tasks, those that touch as one."""
    import pandas as pd

    spans = [
        (station, start, end, min(seconds * 1e9 / max(end - start, 1), 1.0))
        for station, start, end, seconds in _touching(rows, "scanned")
    ]
    table = pd.DataFrame(spans, columns=["station", "start", "end", "covered"])
    for name in ("start", "end"):
        table[name] = pd.to_datetime(table[name].astype("int64"), unit="ns", utc=True)
    return table.sort_values(["station", "start"], ignore_index=True)


def _touching(rows, kind):
    """Stretches (station, start, end, seconds) of a kind, joined where they touch."""
    joined = []
    for _, station, _, start, end, seconds in sorted(
        (row for row in rows if row[2] == kind), key=lambda row: (row[1], row[3])
    ):
        if joined and joined[-1][0] == station and start <= joined[-1][2]:
            joined[-1][2] = max(end, joined[-1][2])
            joined[-1][3] += seconds
        else:
            joined.append([station, start, end, seconds])
    return joined


def _coverage(rows, spans, tasks, told):
    """As :meth:`ProbabilityFunctions.coverage_report`, one row per station."""
    import pandas as pd

    times = {row["id"]: (row["start_ns"], row["end_ns"]) for row in tasks.values()}
    stations, missing = {}, {}
    for task, station, seconds, windows, without, note in rows:
        entry = stations.setdefault(station, [[], 0.0, 0, 0, Counter()])
        entry[0].append(times[task])
        entry[1] += seconds
        entry[2] += windows
        entry[3] += without
        if note:
            entry[4][note] += 1
    for station, _, _, seconds in _touching(spans, "missing"):
        missing.setdefault(station, []).append(seconds)
    rows = []
    for station, (own, seconds, windows, without, notes) in sorted(stations.items()):
        length = sum(last - first for first, last in own) / 1e9
        said = list(told.get("notes", {}).get(station, []))
        if station in missing:
            said.append(missing_note(sum(missing[station]), len(missing[station])))
        said += [f"{note} in {count} of {len(own)} tasks" for note, count in notes.items()]
        rows.append(
            {
                "station": station,
                "start": pd.Timestamp(min(first for first, _ in own), unit="ns", tz="UTC"),
                "end": pd.Timestamp(max(last for _, last in own), unit="ns", tz="UTC"),
                "covered": min(seconds / length, 1.0) if length else 0.0,
                "windows": windows,
                "windows_without_data": without,
                "notes": "; ".join(said),
            }
        )
    rows += [
        {"station": station, "covered": 0.0, "windows": 0, "windows_without_data": 0,
         "notes": f"not scanned: {reason}"}
        for station, reason in told.get("skipped", {}).items()
    ]  # fmt: skip
    columns = ["station", "start", "end", "covered", "windows", "windows_without_data", "notes"]
    frame = pd.DataFrame(rows, columns=columns)
    for name in ("start", "end"):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    return frame


def _task_table(rows):
    import pandas as pd

    columns = ["stations", "start", "end", "status", "error", "note", "recorded", "seconds"]
    rows = [dict(row, start=row["start_ns"], end=row["end_ns"]) for row in rows]
    frame = pd.DataFrame(rows, columns=columns)
    for name in ("start", "end"):
        frame[name] = pd.to_datetime(frame[name].astype("int64"), unit="ns", utc=True)
    return frame.sort_values(["stations", "start"], ignore_index=True)


def _finding_table(rows):
    import pandas as pd

    columns = ["file", "trace", "kind", "what", "action", "start", "end", "samples"]
    frame = pd.DataFrame(rows, columns=columns, dtype=object).astype({"samples": "int64"})
    for name in ("start", "end"):
        # None beside numbers would make floats of them, which hold no nanoseconds.
        times = [
            np.datetime64("NaT") if t is None else np.datetime64(t, "ns") for t in frame[name]
        ]
        frame[name] = pd.to_datetime(np.array(times, dtype="datetime64[ns]"), utc=True)
    return frame


def _span(start, end):
    from ..io._selection import time_ns

    start_ns = None if start is None else time_ns(start, "start")
    end_ns = None if end is None else time_ns(end, "end")
    if start_ns is not None and end_ns is not None and end_ns <= start_ns:
        raise ValueError(f"end={end!r} is not after start={start!r}")
    return start_ns, end_ns


def _warn(detections, skipped):
    if skipped:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in skipped.items())
        warnings.warn(f"stations that were not scanned: {reasons}", UserWarning, stacklevel=4)
    failed = detections.tasks[detections.tasks["status"] == "failed"]
    if len(failed):
        shown = "; ".join(
            f"{row.stations} from {row.start:%Y-%m-%dT%H:%M:%S}: {row.error}"
            for row in failed.head(3).itertuples()
        )
        more = f"; and {len(failed) - 3} more, see .tasks" if len(failed) > 3 else ""
        warnings.warn(
            f"{len(failed)} of {len(detections.tasks)} tasks failed and their time was not "
            f"scanned: {shown}{more}. The same call with the same output tries them again",
            UserWarning,
            stacklevel=4,
        )
