"""The parts of a scan: what one task reads, scans and owns."""

import time
import traceback
from dataclasses import dataclass, field

import numpy as np

from ..io import ReadReport, read_records
from ..io._grid import first_sample, sample_time
from ._network_record import choose_stations, fill_slots, reasons_asked_for
from ._records import StationRecord, instruments_of, is_rate, station_record
from ._scanner import collected, function_of, functions_of_network
from ._settling import cut_frames, cut_reach
from ._windows import padded_window_starts, runs, window_starts

# Seconds without a cut after which a record is divided all the same.
FORCED_AFTER = 3600.0
_NS = 1_000_000_000


@dataclass(frozen=True)
class Group:
    """Stations that are scanned together, on one grid of samples.

    Attributes
    ----------
    name : str
        Of the station; those of a network joined by blanks.
    instruments : tuple of Instrument or None
        One for each place; None for an empty one.
    anchor_ns : int
        UTC time of sample 0 in nanoseconds: windows, frames and samples count from it.
    n_samples : int
        Length of the record.
    """

    name: str
    instruments: tuple
    anchor_ns: int
    n_samples: int

    @property
    def present(self):
        """Instruments that are there."""
        return [instrument for instrument in self.instruments if instrument is not None]


@dataclass(frozen=True)
class Task:
    """Samples ``first`` up to but not including ``last`` of a group.

    `recorded` is the seconds of data that they hold, as far as is known before they are read; an
    `empty` one has none, also not as far around as its windows reach, and is not read.
    """

    group: int
    first: int
    last: int
    recorded: float
    empty: bool = False


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


@dataclass(frozen=True)
class Margins:
    """Samples that a task needs beside its own.

    Attributes
    ----------
    frame : int
        Samples of a frame.
    inner : int
        Beside the end of what was read, so many samples may give other events than the whole
        record.
    outer : int
        What is read on either side, a multiple of the step.
    forced : int
        Samples without a cut after which there is one all the same.
    """

    frame: int
    inner: int
    outer: int
    forced: int

    @property
    def more(self):
        """Samples that are read beyond the margin where no cut is found, longer and longer."""
        return 0, self.outer, min(6 * self.outer, self.forced), self.forced


def margins_of(detector):
    """Margins of a detector's tasks.

    Parameters
    ----------
    detector : EventDetector
        How to scan.

    Returns
    -------
    margins : Margins
        See there.
    """
    rate = detector.sampling_rate
    settings = detector._scan_settings()
    frame = 1 if detector.gives_functions else settings.step
    # Windows at an end of what was read stand elsewhere than in the whole record, a gap that is
    # cut there is filled otherwise, and a dead stretch may be too short to be called one.
    edge = 3 * settings.length + int(np.ceil((detector.constant_gap or 0) * rate))
    inner = edge + cut_reach(detector) * frame + detector._record_settings().resampling_reach
    step = settings.step
    outer = -(-(inner + 2 * settings.length) // step) * step
    return Margins(frame, inner, outer, -(-round(FORCED_AFTER * rate) // step) * step)


def plan_groups(detector, channels, *, start_ns=None, end_ns=None):
    """What there is to scan.

    Parameters
    ----------
    detector : EventDetector
        How to scan.
    channels : list of Channel
        All that the archive has.
    start_ns, end_ns : int, optional
        UTC nanoseconds; only samples in [start_ns, end_ns) are scanned.

    Returns
    -------
    groups : list of Group
        One for each station, or the network.
    skipped : dict of str to str
        Stations that cannot be scanned, and why.
    """
    rate = detector.sampling_rate
    instruments, skipped = instruments_of(channels, detector.components)
    if not detector.resample:
        for instrument in list(instruments):
            others = {c.rate for c in instrument.channels if not is_rate(c.rate, rate)}
            if others:
                found = ", ".join(f"{other:g}" for other in sorted(others))
                skipped[instrument.station] = (
                    f"{found} Hz, but the classifier expects {rate:g} Hz: "
                    f"EventDetector(classifier, resample=True)"
                )
                instruments.remove(instrument)
    skipped = reasons_asked_for(detector.stations, instruments, skipped)
    if detector.n_stations is not None:
        slots = fill_slots(instruments, detector.stations, detector.n_stations)
        sets = [tuple(slots)] if any(slots) else []
    else:
        chosen = choose_stations(instruments, detector.stations)
        sets = [(instrument,) for instrument in chosen if instrument]
    groups = []
    for members in sets:
        present = [member for member in members if member]
        group = _group(present, members, rate, start_ns, end_ns)
        if group is None:
            skipped |= {m.station: "nothing recorded between start and end" for m in present}
        else:
            groups.append(group)
    return groups, skipped


def _group(present, members, rate, start_ns, end_ns):
    anchor_ns = min(member.start_ns for member in present)
    if start_ns is not None and start_ns > anchor_ns:
        anchor_ns += sample_time(first_sample(start_ns - anchor_ns, rate), rate)
    last_ns = max(member.end_ns for member in present)
    n_samples = first_sample(last_ns - anchor_ns, rate)
    if end_ns is not None:
        n_samples = min(n_samples, first_sample(end_ns - anchor_ns, rate))
    if n_samples <= 0:
        return None
    name = " ".join(member.station for member in present)
    return Group(name, tuple(members), anchor_ns, n_samples)


def plan_tasks(detector, source, groups, *, chunk):
    """Cut the time of each group into tasks.

    Parameters
    ----------
    detector : EventDetector
        How to scan.
    source : object
        See :func:`source_of`.
    groups : list of Group
        What there is to scan.
    chunk : float
        Seconds of a task.

    Returns
    -------
    tasks : list of Task
        Group by group, in order of time. Time without data, however long, is one task.
    """
    from ._archive_source import recorded_seconds

    rate, outer = detector.sampling_rate, margins_of(detector).outer
    step = detector._scan_settings().step
    size = max(1, round(chunk * rate / step)) * step
    tasks = []
    for number, group in enumerate(groups):
        traces = {id for member in group.present for id in member.traces}
        spans = [source.spans(id) for id in sorted(traces)]
        near = _chunks_near(np.concatenate(spans), group, size, outer, rate)
        begins = np.flatnonzero(near | np.concatenate([[True], near[:-1]]))
        edges = [*(begins * size).tolist(), group.n_samples]
        edges_ns = [group.anchor_ns + sample_time(edge, rate) for edge in edges]
        # As much of a station as its best component has.
        seconds = np.max([recorded_seconds(own, edges_ns) for own in spans], axis=0)
        tasks += [
            Task(number, first, last, float(s), not full)
            for first, last, s, full in zip(
                edges[:-1], edges[1:], seconds, near[begins].tolist(), strict=True
            )
        ]
    return tasks


def _chunks_near(spans, group, size, outer, rate):
    """Whether each chunk of a group has data within its margins."""
    n_chunks = -(-group.n_samples // size)
    samples = (spans - group.anchor_ns) * (rate / _NS)
    # A sample more on either side: times are rounded, and samples moved to the grid.
    first = np.floor((samples[:, 0] - outer - 2) / size).astype(np.int64)
    last = np.floor((samples[:, 1] + outer + 2) / size).astype(np.int64)
    inside = (last >= 0) & (first < n_chunks)
    count = np.zeros(n_chunks + 1, dtype=np.int64)
    np.add.at(count, np.maximum(first[inside], 0), 1)
    np.add.at(count, np.minimum(last[inside], n_chunks - 1) + 1, -1)
    return np.cumsum(count[:-1]) > 0


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
        begin_ns = self._time(first - pad) - _NS * (settings.resample is True)
        end_ns = self._time(last + pad) + _NS * (settings.resample is True)
        begin_ns = max(begin_ns, group.anchor_ns)
        end_ns = min(end_ns, self._time(group.n_samples))
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
        begin, end = self._time(self.task.first), self._time(self.task.last)
        rows = []
        for row in report.findings.itertuples():
            if row.kind == "empty":  # of a part of the record: what is missing says it
                continue
            start = begin if row.start != row.start else row.start.value
            stop = max(end if row.end != row.end else row.end.value, start)
            own = max(start, begin), min(stop, end)
            if own[1] > own[0] or begin <= max(start, self.group.anchor_ns) == stop < end:
                share = (own[1] - own[0]) / (stop - start) if stop > start else 1.0
                samples = round(int(row.samples) * share)
                rows.append((row.file, row.trace, row.kind, row.what, row.action, *own, samples))
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
            start_time=pd.Timestamp(self._time(loaded.first), unit="ns", tz="UTC"),
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
        number = {int(row): i for i, row in enumerate(owned)}
        table = table.iloc[owned].assign(onset=onset[owned], end=_nanoseconds(table["end"])[owned])
        result.detections = table.to_dict("records")
        picks = picked.picks[picked.picks["detection"].isin(list(number))]
        for row in picks.itertuples():
            result.picks.append(
                (number[row.detection], row.station, row.phase, row.time.value, row.probability)
            )

    def _result(self, loaded, network, functions):
        result = TaskResult(self.task, findings=loaded.findings, read_to=loaded.last)
        known = {function.station: function for function in functions}
        for member, record in zip(self.group.instruments, loaded.records, strict=True):
            if member is not None:
                row = self._coverage(member.station, record, known.get(member.station), loaded)
                result.coverage.append(row)
                result.spans += self._spans(
                    member.station, record, known.get(member.station), loaded
                )
        return result

    def _spans(self, station, record, function, loaded):
        """When the station was scanned and when it has no data, in the task's own time."""
        task, frame = self.task, self.margins.frame
        own = slice(task.first - loaded.first, task.last - loaded.first)
        missing = [(0, task.last - task.first)] if record is None else runs(~record.valid[own])
        for begin, end in missing:
            times = [self._time(task.first + int(k)) for k in (begin, end)]
            yield station, "missing", *times, (times[1] - times[0]) / _NS
        if record is None or function is None:
            return
        share = function.coverage[own.start // frame : -(-own.stop // frame)]
        for begin, end in runs(share > 0):
            edges = task.first + np.arange(begin, end + 1) * frame
            edges[-1] = min(edges[-1], task.last)
            seconds = float(share[begin:end] @ np.diff(edges)) / self.rate
            times = [self._time(int(k)) for k in edges[[0, -1]]]
            yield station, "scanned", *times, seconds

    def _coverage(self, station, record, function, loaded):
        """Seconds scanned, windows, windows without data, notes of the task's own time."""
        task = self.task
        if function is None or record is None:
            # What is missing altogether is a gap, and said so.
            total = -(-(task.last - task.first) // self.detector._scan_settings().step)
            return station, 0.0, 0, total, "" if record is None else "nothing usable"
        frame = self.margins.frame
        part = slice((task.first - loaded.first) // frame, -(-(task.last - loaded.first) // frame))
        share = function.coverage[part]
        length = np.full(len(share), frame, dtype=float)
        if frame > 1 and len(share):
            length[-1] = task.last - task.first - frame * (len(share) - 1)
        seconds = float((share * length).sum() / self.rate)
        kept, total = self._windows(record.valid, loaded)
        return station, seconds, kept, total - kept, ""

    def _windows(self, valid, loaded):
        """Windows that begin in the task's own time: those with enough data, and all."""
        settings = self.detector._scan_settings()
        options = {"length": settings.length, "step": settings.step}
        options["min_valid"] = int(np.ceil(settings.length * settings.min_fraction - 1e-9))
        starts = padded_window_starts if settings.padded else window_starts
        starts = starts(valid, **options)
        if loaded.first:
            starts = starts[starts >= self.task.first - loaded.first]
        if self.task.last < self.group.n_samples:
            starts = starts[starts < self.task.last - loaded.first]
        total = np.concatenate([[0], np.cumsum(valid, dtype=np.int32)])
        begin = np.clip(starts, 0, len(valid))
        end = np.clip(starts + settings.length, 0, len(valid))
        inside = total[end] - total[begin]
        needed = settings.min_fraction * np.maximum(end - begin, 1)
        return int((inside >= np.maximum(needed - 1e-9, 1)).sum()), len(starts)

    def _time(self, sample):
        return self.group.anchor_ns + sample_time(sample, self.rate)


def _add_standing_in(report, to):
    for row in report.findings.itertuples():
        if row.kind == "component":
            to.add(
                row.file, row.trace, row.what, row.action, kind=row.kind,
                start_ns=row.start.value, end_ns=row.end.value, samples=row.samples,
            )  # fmt: skip


def _nanoseconds(times):
    return times.dt.as_unit("ns").astype("int64").to_numpy()
