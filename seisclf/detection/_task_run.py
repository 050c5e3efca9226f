"""The run of a task: read, scan, and keep the events that are its own."""

import time
import traceback
from dataclasses import dataclass, field

import numpy as np

from ..io import ReadReport, read_records
from ..io._grid import sample_time
from ._records import StationRecord, station_record
from ._scanner import collected, function_of, functions_of_network
from ._settling import cut_frames
from ._task_coverage import coverage_row, span_rows
from ._tasks import FORCED_AFTER, Task, margins_of
from ._windows import runs

_NS = 1_000_000_000


@dataclass
class TaskResult:
    """What came of a task: rows for the store. With `error` there is nothing else."""

    task: Task
    detections: list = field(default_factory=list)
    picks: list = field(default_factory=list)
    coverage: list = field(default_factory=list)
    spans: list = field(default_factory=list)
    findings: list = field(default_factory=list)
    note: str = ""
    error: str = ""
    read_to: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class ScanContext:
    """All that tasks of one scan have in common.

    Attributes
    ----------
    detector : EventDetector
        How to scan.
    source : object
        See :func:`source_of`.
    groups : tuple of Group
        What there is to scan.
    prepare : callable or None
        Stream to Stream.
    """

    detector: object
    source: object
    groups: tuple
    prepare: object = None


def run_task(context, task, loaded=None):
    """Scan a task; whatever goes wrong becomes its error.

    Parameters
    ----------
    context : ScanContext
        See there.
    task : Task
        What to scan.
    loaded : Loaded, optional
        Its data, if it has been read ahead.

    Returns
    -------
    result : TaskResult
        Rows, or an error.
    """
    begin = time.perf_counter()
    try:
        result = _Run(context, task).run(loaded)
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        text = " ".join(f"{type(error).__name__}: {error}".split())[:500]
        where = f"{last.filename.rsplit('/', 1)[-1]}:{last.lineno}"
        result = TaskResult(task, error=f"{text} ({where})")
    result.seconds = time.perf_counter() - begin
    return result


def load_task(context, task):
    """Read what a task needs, to be given to :func:`run_task`.

    Parameters
    ----------
    context : ScanContext
        See there.
    task : Task
        What to scan.

    Returns
    -------
    loaded : Loaded
        Records.
    """
    run = _Run(context, task)
    return None if task.empty else run.load(*run.bounds(0))


@dataclass
class Loaded:
    """Records of the places of a group, from sample `first` to `last`, and what was found."""

    first: int
    last: int
    records: list
    findings: list = field(default_factory=list)


class _Run:
    def __init__(self, context, task):
        self.context, self.task = context, task
        self.group = context.groups[task.group]
        self.detector = context.detector
        self.rate = self.detector.sampling_rate
        self.margins = margins_of(self.detector)

    def bounds(self, more):
        """Samples to read."""
        outer = self.margins.outer
        first = max(0, self.task.first - outer)
        return first, min(self.group.n_samples, self.task.last + outer + more)

    def run(self, loaded):
        if self.task.empty:
            nothing = Loaded(self.task.first, self.task.last, [None] * len(self.group.instruments))
            return self._result(nothing, None, [])
        # More is read only where there is no cut: an event goes on beyond what was read.
        for more in self.margins.more:
            wanted = self.bounds(more)
            if loaded is None or (loaded.first, loaded.last) != wanted:
                loaded = self.load(*wanted)
            network, functions = self._functions(loaded)
            if not functions:
                return self._result(loaded, network, functions)
            both = self._owned(network, functions, loaded)
            if both is not None or loaded.last == self.group.n_samples:
                break
        result = self._result(loaded, network, functions)
        begin, end, forced = both
        if forced:
            result.note = (
                f"no quiet moment within {FORCED_AFTER / 60:g} min after a task: divided there"
            )
        self._pick(result, network, functions, begin, end)
        return result

    def load(self, first, last):
        """Records from `first` to `last`."""
        group, settings = self.group, self.detector._record_settings()
        warm_up = float(getattr(self.context.prepare, "warm_up", 0.0) or 0.0)
        pad = round(warm_up * self.rate)
        # A sample more than what is needed on either side: rates may differ, and be changed.
        begin_ns = self.time(first - pad) - _NS * (settings.resample is True)
        end_ns = self.time(last + pad) + _NS * (settings.resample is True)
        begin_ns = max(begin_ns, group.anchor_ns)
        end_ns = min(end_ns, self.time(group.n_samples))
        traces = sorted({id for member in group.present for id in member.traces})
        report = ReadReport()
        stream = self.context.source.read(begin_ns, end_ns, traces, report)
        own_report = report
        if self.context.prepare is not None:
            stream = self.context.prepare(self._cleaned(stream, settings, report))
            own_report = ReadReport()
        records = [
            None
            if member is None
            else station_record(
                member, stream, settings, anchor_ns=group.anchor_ns, first=first, last=last,
                report=own_report,
            )[0]
            for member in group.instruments
        ]  # fmt: skip
        if own_report is not report:
            # Everything else has been told before.
            _add_standing_in(own_report, report)
        return Loaded(first, last, records, self._findings(report))

    def _cleaned(self, stream, settings, report):
        """Unbroken stretches, so that no filter goes across a gap or a dead channel."""
        from obspy import Stream, Trace, UTCDateTime

        exact = all(np.can_cast(trace.data.dtype, np.float32) for trace in stream)
        records = read_records(
            stream,
            dtype=np.float32 if exact else np.float64,
            report=report,
            anchor_ns=self.group.anchor_ns,
            constant_gap=settings.constant_gap,
        )
        cleaned = Stream()
        for record in records.values():
            network, station, location, channel = record.id.split(".")
            for first, last in runs(record.valid):
                begin = record.start_ns + sample_time(int(first), record.sampling_rate)
                header = {
                    "network": network, "station": station, "location": location,
                    "channel": channel, "sampling_rate": record.sampling_rate,
                    "starttime": UTCDateTime(ns=begin),
                }  # fmt: skip
                cleaned.append(Trace(record.data[first:last], header))
        return cleaned

    def _findings(self, report):
        """Rows that concern the task's own time, as far as they do; neighbours tell the rest."""
        begin, end = self.time(self.task.first), self.time(self.task.last)
        rows = []
        # The rows as they are: a table of them takes longer to make than an hour to scan.
        for file, trace, kind, what, action, first, last, samples in report._rows["findings"]:
            if kind == "empty":  # of a part of the record: what is missing says it
                continue
            start = begin if first is None else first
            stop = max(end if last is None else last, start)
            own = max(start, begin), min(stop, end)
            if own[1] > own[0] or begin <= max(start, self.group.anchor_ns) == stop < end:
                share = (own[1] - own[0]) / (stop - start) if stop > start else 1.0
                rows.append((file, trace, kind, what, action, *own, round(samples * share)))
        return rows

    def _functions(self, loaded):
        """Functions of the network, and those of stations that were scanned anywhere."""
        if not any(record is not None for record in loaded.records):
            return None, []
        if self.detector.n_stations is None:
            function = function_of(self.detector, loaded.records[0])
            return None, [function] if function.n_windows else []
        records = [
            self._nothing(member, loaded) if record is None and member else record
            for member, record in zip(self.group.instruments, loaded.records, strict=True)
        ]
        network, functions = functions_of_network(self.detector, records, {})
        anything = any(function.n_windows for function in functions)
        return network, functions if anything else []

    def _nothing(self, member, loaded):
        """A station of the network that has no data here, and counts as missing."""
        import pandas as pd

        shape = len(self.detector.components), loaded.last - loaded.first
        return StationRecord(
            station=member.station,
            seed_id=member.traces[0],
            start_time=pd.Timestamp(self.time(loaded.first), unit="ns", tz="UTC"),
            data=np.zeros(shape, dtype=np.float32),
            valid=np.zeros(shape[1], dtype=bool),
            notes=[],
        )

    def _owned(self, network, functions, loaded):
        """First and last sample that events of this task may begin at; None if more is needed.

        Also whether there was no cut.
        """
        frame, inner, forced = self.margins.frame, self.margins.inner, self.margins.forced
        n_samples = self.group.n_samples
        together = functions[0]
        if network is not None or self.detector.gives_functions:
            together = collected(self.detector, functions, network=network)
        cuts = np.flatnonzero(cut_frames(together, self.detector, alone=False)) * frame
        cuts = cuts + loaded.first
        begin = loaded.first + inner if loaded.first else 0
        end = loaded.last - inner if loaded.last < n_samples else n_samples
        cuts = cuts[(cuts >= begin) & (cuts <= end)]
        found, without = [], False
        for edge in (self.task.first, self.task.last):
            if edge in (0, n_samples):
                found.append(edge)
                continue
            later = cuts[cuts >= edge]
            if len(later) and later[0] <= edge + forced:
                found.append(int(later[0]))
            elif end >= min(edge + forced, n_samples):
                found.append(min(edge + forced, n_samples))
                without = True
            else:
                return None
        return *found, without

    def _pick(self, result, network, functions, begin, end):
        together = collected(self.detector, functions, network=network)
        picked = self.detector.pick(together)
        table = picked.to_frame()
        if not len(table):
            return
        onset = _nanoseconds(table["onset"])
        # Onsets stand on samples, or on fractions of one that no rounding comes near to.
        position = (onset - self.group.anchor_ns) * (self.rate / _NS)
        first = -np.inf if begin == 0 else begin - 0.25
        last = np.inf if end == self.group.n_samples else end - 0.25
        owned = np.flatnonzero((position >= first) & (position < last))
        columns = {name: table[name].to_numpy()[owned].tolist() for name in table}
        columns["onset"] = onset[owned].tolist()
        columns["end"] = _nanoseconds(table["end"])[owned].tolist()
        rows = zip(*columns.values(), strict=True)
        result.detections = [dict(zip(columns, row, strict=True)) for row in rows]
        number = {int(row): i for i, row in enumerate(owned)}
        own = picked.picks[picked.picks["detection"].isin(list(number))]
        if len(own):
            columns = [number[row] for row in own["detection"]], own["station"], own["phase"]
            times = _nanoseconds(own["time"]).tolist()
            result.picks += zip(*columns, times, own["probability"], strict=True)

    def _result(self, loaded, network, functions):
        result = TaskResult(self.task, findings=loaded.findings, read_to=loaded.last)
        known = {function.station: function for function in functions}
        for member, record in zip(self.group.instruments, loaded.records, strict=True):
            if member is not None:
                seen = member.station, record, known.get(member.station), loaded.first
                result.coverage.append(coverage_row(self, *seen))
                result.spans += span_rows(self, *seen)
        return result

    def time(self, sample):
        return self.group.anchor_ns + sample_time(sample, self.rate)


def _add_standing_in(report, to):
    for file, trace, kind, what, action, start, end, samples in report._rows["findings"]:
        if kind == "component":
            to.add(
                file, trace, what, action, kind=kind, start_ns=start, end_ns=end, samples=samples
            )


def _nanoseconds(times):
    return times.dt.as_unit("ns").astype("int64").to_numpy()
