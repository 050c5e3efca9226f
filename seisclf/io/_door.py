"""Pieces of one channel onto one grid of samples, with a mask and a list of what was found."""

from dataclasses import dataclass, field

import numpy as np

from ._components import nominal_rate
from ._grid import exact_rate, first_sample, sample_index, sample_time
from ._stretches import MIN_CONSTANT, clipped_runs, constant_runs

_REPORTED_SHIFT = 0.01  # samples
_MOST_ROWS = 1000  # of one kind for one channel; the last of them counts the others


@dataclass(frozen=True)
class Merging:
    """What `read_records` was asked for."""

    start_ns: int | None
    end_ns: int | None
    rate_tolerance: float
    sentinels: tuple
    dtype: np.dtype
    anchor_ns: int | None
    constant_gap: float | None
    max_samples: int


@dataclass
class _Piece:
    """Samples that lie one after another on the grid, the first at `at`."""

    at: int
    data: np.ndarray
    file: str
    exact: bool  # whether its own rate is the grid's

    @property
    def end(self):
        return self.at + len(self.data)


def merge_channel(id, traces, merging, report, event):
    """Merge the traces of one channel.

    Parameters
    ----------
    id : str
        ``"NET.STA.LOC.CHA"``.
    traces : list of obspy.Trace
        In any order.
    merging : Merging
        How.
    report : Report or ReadReport
        Takes the findings.
    event : str
        What they are findings of, where a trace does not know its file.

    Returns
    -------
    merged : tuple or None
        Time of the first sample in nanoseconds, rate in Hz, data, and the mask of what was
        recorded.
    """
    door = _Door(id, merging, report.detailed, event)
    try:
        return door.merge(traces)
    finally:
        door.tell(report)


@dataclass
class _Door:
    id: str
    how: Merging
    detailed: bool
    event: str
    found: list = field(default_factory=list)
    origin: int = 0
    rate: float = 0.0
    # Of all pieces; None as soon as not all of their samples count.
    extremes: tuple | None = (np.inf, -np.inf)

    def merge(self, traces):
        how = self.how
        traces = self._of_one_rate([t for t in traces if t.stats.npts])
        if not traces:
            self._find("empty", "no samples", "channel left out")
            return None
        self.rate = nominal_rate(traces[0].stats.sampling_rate, how.rate_tolerance)
        starts = {id(t): t.stats.starttime.ns for t in traces}
        traces.sort(key=lambda t: (starts[id(t)], -t.stats.npts))
        self._check_dtypes(traces)
        self.origin = starts[id(traces[0])] if how.anchor_ns is None else int(how.anchor_ns)
        pieces = [p for t in traces for p in self._placed(t, starts[id(t)])]
        pieces.sort(key=lambda p: p.at)
        # The window, on the grid.
        first, last = pieces[0].at, max(p.end for p in pieces)
        if how.start_ns is not None:
            first = max(first, first_sample(how.start_ns - self.origin, self.rate))
        if how.end_ns is not None:
            last = min(last, first_sample(how.end_ns - self.origin, self.rate))
        if last <= first:
            return None
        if last - first > how.max_samples:
            self._find("limit", f"from the first to the last piece there are {last - first} "
                       f"samples, the limit is max_samples={how.max_samples}",
                       "channel left out; read less at once (start, end), or raise the limit",
                       first, last)  # fmt: skip
            return None
        inside = [p for p in pieces if p.at < last and p.end > first]
        data = np.zeros(last - first, dtype=how.dtype)
        valid = np.zeros(last - first, dtype=bool)
        reached = first
        for piece in inside:
            self._put(piece, first, data, valid, piece.at < reached)
            reached = max(reached, piece.end)
        self._gaps(inside, first, last, data, valid)
        if how.constant_gap is not None:
            self._constant(first, data, valid)
        if not valid.any():
            if inside:
                self._find("empty", "nothing recorded in the window", "channel left out")
            return None
        if self.detailed:
            self._clipped(first, data, valid)
        return self.origin + sample_time(first, self.rate), self.rate, data, valid

    def _of_one_rate(self, traces):
        """Traces whose rate is the one that most samples have."""
        samples, snapped = {}, {}
        for trace in traces:
            rate = trace.stats.sampling_rate
            if not (np.isfinite(rate) and rate > 0):
                raise ValueError(f"sampling rate {rate!r} Hz")
            nominal = nominal_rate(rate, self.how.rate_tolerance)
            samples[nominal] = samples.get(nominal, 0) + trace.stats.npts
            if nominal != rate:
                n, most = snapped.get(rate, (0, 0))
                snapped[rate] = n + 1, max(most, trace.stats.npts)
        for rate, (_, most) in snapped.items():
            nominal = nominal_rate(rate, self.how.rate_tolerance)
            drift = abs(rate / nominal - 1.0) * most
            text = f", drifts by {drift:.1f} samples" if drift > 0.5 else ""
            self._find("rate snapped", f"rate {rate!r} Hz{text}", f"taken as {nominal:g} Hz")
        if len(samples) <= 1:
            return traces
        main = max(samples, key=samples.get)
        kept = []
        for trace in traces:
            stats = trace.stats
            rate = nominal_rate(stats.sampling_rate, self.how.rate_tolerance)
            if rate == main:
                kept.append(trace)
                continue
            begin = stats.starttime.ns
            self.found.append((
                "rate differs", f"{stats.npts} samples at {rate:g} Hz among {main:g} Hz",
                "left out as a gap", begin, begin + sample_time(stats.npts, rate), stats.npts,
                _file_of(trace),
            ))  # fmt: skip
        return kept

    def _check_dtypes(self, traces):
        dtypes = {t.data.dtype for t in traces}
        for dtype in dtypes:
            if dtype.kind not in "iufb":
                raise TypeError(f"samples are of dtype {dtype}, which is no number")
        if len(dtypes) > 1:
            names = ", ".join(sorted(map(str, dtypes)))
            self._find("dtypes", f"dtypes {names}", f"joined as {self.how.dtype}")

    def _placed(self, trace, start_ns):
        """Pieces of a trace on the grid: one, or several where its clock drifts over samples."""
        at = sample_index(start_ns - self.origin, self.rate)
        late_ns = start_ns - self.origin - sample_time(at, self.rate)
        late = late_ns * self.rate / 1e9
        file, data = _file_of(trace), trace.data
        if abs(late) > _REPORTED_SHIFT:
            what = f"piece off the grid by {late:.2f} samples"
            self._find("off grid", what, "moved to the grid", at, at + len(data), file)
        own = float(trace.stats.sampling_rate)
        # So many samples of the grid lie between two of the trace.
        ratio = float(exact_rate(self.rate)) / own
        if abs(ratio - 1.0) < 1e-12:
            return [_Piece(at, data, file, True)]
        drift = (ratio - 1.0) * (len(data) - 1)
        steps = int(np.floor(late + drift + 0.5))
        if steps == 0:
            return [_Piece(at, data, file, False)]
        # Sample k lies at late + k * ratio after `at`; where that passes the middle between two
        # samples of the grid, one of them is skipped (slow clock) or would be taken twice (fast).
        levels = np.arange(1, steps + 1) - 0.5 if steps > 0 else -np.arange(1, -steps + 1) + 0.5
        cuts = np.ceil((levels - late) / (ratio - 1.0)).astype(np.int64)
        edges = np.concatenate([[0], cuts.clip(0, len(data)), [len(data)]])
        sign = 1 if steps > 0 else -1
        pieces = []
        for k, (a, b) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
            # Of two samples for one place the earlier one stays.
            a = a + 1 if sign < 0 and k else a
            if b > a:
                pieces.append(_Piece(int(at + a + sign * k), data[a:b], file, False))
        return pieces

    def _put(self, piece, first, data, valid, overlaps):
        """Copy a piece into what is still free."""
        at = piece.at - first
        begin, end = max(at, 0), min(at + len(piece.data), len(data))
        values = piece.data[begin - at : end - at]
        good = self._recorded(values, first + begin, piece.file)
        out, there = data[begin:end], valid[begin:end]
        if good is not None:
            self.extremes = None
        if good is None and not overlaps:
            out[:] = np.ma.getdata(values)
            there[:] = True
            return
        good = np.ones(len(out), dtype=bool) if good is None else good
        new = np.where(good, np.ma.getdata(values), 0).astype(data.dtype)
        both = there & good
        if both.any():
            self._overlap(both, out, new, good, first + begin, piece.file)
        free = good & ~there
        out[free] = new[free]
        there |= good

    def _overlap(self, both, old, new, good, at, file):
        n, differ = int(both.sum()), int((old[both] != new[both]).sum())
        where = np.flatnonzero(both)
        span = at + int(where[0]), at + int(where[-1]) + 1
        if differ:
            what = f"overlap of {n} samples, {differ} of them differ"
            self._find("overlap", what, "the earlier trace kept", *span, file, n)
        elif n == int(good.sum()):
            self._find("duplicate", f"{n} samples twice", "kept once", *span, file, n)
        else:
            self._find("overlap", f"overlap of {n} samples, identical", "joined", *span, file, n)

    def _recorded(self, piece, at, file):
        """Mask of what was recorded; None if everything was."""
        values = np.ma.getdata(piece)
        masked = np.ma.getmaskarray(piece) if np.ma.is_masked(piece) else None
        good = None if masked is None else ~masked
        low, high = values.min(), values.max()
        if self.extremes is not None:
            self.extremes = min(self.extremes[0], low), max(self.extremes[1], high)
        for sentinel in self.how.sentinels:
            # Most pieces need no second look.
            if not (low <= sentinel <= high) and not np.isnan(low):
                continue
            hit = values == sentinel
            good = self._lost("sentinel", f"samples are {sentinel}", hit, good, at, file)
        if values.dtype.kind == "f":
            largest = np.finfo(self.how.dtype).max if self.how.dtype.kind == "f" else np.inf
            if not (abs(low) <= largest and abs(high) <= largest):
                hit = ~np.isfinite(values)
                good = self._lost("not finite", "samples are not finite", hit, good, at, file)
                hit = np.isfinite(values) & (np.abs(values) > largest)
                what = f"samples are too large for {self.how.dtype}"
                good = self._lost("not finite", what, hit, good, at, file)
        return good

    def _lost(self, kind, what, hit, good, at, file):
        if good is not None:
            hit = hit & good
        if not hit.any():
            return good
        where = np.flatnonzero(hit)
        span = at + int(where[0]), at + int(where[-1]) + 1
        self._find(kind, f"{len(where)} {what}", "taken as a gap", *span, file, len(where))
        return ~hit if good is None else good & ~hit

    def _gaps(self, pieces, first, last, data, valid):
        """Report what no piece covers; single samples that a drifting clock skips are bridged."""
        begins = np.array([max(p.at, first) for p in pieces] + [last])
        ends = np.maximum.accumulate([first] + [min(p.end, last) for p in pieces])
        bridged = 0
        for k in np.flatnonzero(begins > ends):
            a, b = int(ends[k]), int(begins[k])
            i = a - first
            drifts = b - a == 1 and 0 < k < len(pieces)
            drifts = drifts and not (pieces[k - 1].exact and pieces[k].exact)
            if drifts and valid[i - 1] and valid[i + 1]:
                data[i], valid[i] = (data[i - 1] / 2 + data[i + 1] / 2), True
                bridged += 1
            elif self.detailed:
                seconds = sample_time(b - a, self.rate) / 1e9
                self._find("gap", f"gap of {seconds:g} s", "masked", a, b, "", b - a)
        if bridged:
            what = f"{bridged} samples of the grid lie between two of the slower clock"
            self._find("rate snapped", what, "mean of their neighbours")

    def _constant(self, first, data, valid):
        seconds = self.how.constant_gap
        least = max(int(np.floor(seconds * self.rate)) + 1, MIN_CONSTANT)
        for a, b in constant_runs(data, valid, least).tolist():
            what = f"constant ({data[a]:g}) for {(b - a) / self.rate:g} s"
            self._find("constant", what, "taken as a gap", first + a, first + b, "", b - a)
            valid[a:b] = False
            data[a:b] = 0
            self.extremes = None

    def _clipped(self, first, data, valid):
        extremes = self.extremes
        if extremes is not None:
            extremes = tuple(data.dtype.type(value) for value in extremes)
        runs = clipped_runs(data, valid, extremes)
        if len(runs):
            n = int((runs[:, 1] - runs[:, 0]).sum())
            extremes = sorted({float(x) for x in data[runs[:, 0]]})
            what = (
                f"{len(runs)} times at {' or '.join(f'{x:g}' for x in extremes)} for three "
                f"samples or more"
            )
            span = first + int(runs[0, 0]), first + int(runs[-1, 1])
            self._find("clipped", what, "data kept", *span, "", n)

    def _find(self, kind, what, action, first=None, last=None, file="", samples=0):
        times = [
            None if index is None else self.origin + sample_time(index, self.rate)
            for index in (first, last)
        ]
        self.found.append((kind, what, action, *times, samples, file))

    def tell(self, report):
        """Hand the findings over; of thousands of one kind the last row counts the rest."""
        shown, more = [], {}
        counts = {}
        for row in self.found:
            counts[row[0]] = counts.get(row[0], 0) + 1
            if counts[row[0]] < _MOST_ROWS:
                shown.append(row)
            else:
                more.setdefault(row[0], []).append(row)
        shown += [rows[0] if len(rows) == 1 else _summed(rows) for rows in more.values()]
        for kind, what, action, begin, end, samples, file in shown:
            report.add(
                file or self.event, self.id, what, action, kind=kind,
                start_ns=begin, end_ns=end, samples=samples,
            )  # fmt: skip


def _summed(rows):
    """Findings of one kind as one."""
    kind, what, action = rows[0][:3]
    begin = min((row[3] for row in rows if row[3] is not None), default=None)
    end = max((row[4] for row in rows if row[4] is not None), default=None)
    what = f"{len(rows)} more, the first of them: {what}"
    return kind, what, action, begin, end, sum(row[5] for row in rows), ""


def _file_of(trace):
    return trace.stats.get("source_file", "")
