"""Pieces of one channel onto one grid of samples, with a mask and a list of what was found."""

from dataclasses import dataclass, field

import numpy as np

from ._components import nominal_rate
from ._filling import extremes_of, fill
from ._grid import first_sample, sample_index, sample_time
from ._pieces import Piece, drifting_pieces
from ._stretches import CLIPPED_SAMPLES, MIN_CONSTANT, clipped_runs, constant_runs

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
    # Of each file: its first and last sample, and their extremes; no extremes as soon as not all
    # of its samples count.
    spans: dict = field(default_factory=dict)

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
        reached, twice = first, 0
        for piece in inside:
            if not piece.exact and piece.at == reached - 1 and first < reached < piece.end:
                # A fast clock: of two samples for one place the earlier one stays.
                piece.at, piece.data, twice = reached, piece.data[1:], twice + 1
            self._put(piece, first, data, valid, piece.at < reached)
            reached = max(reached, piece.end)
        if twice:
            what = f"{twice} samples of a faster clock lie where there is one already"
            self._find("rate snapped", what, "left out")
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
        samples, snapped, nominals, spans = {}, {}, {}, {}
        for trace in traces:
            stats = trace.stats
            rate, npts = stats.sampling_rate, stats.npts
            nominal = nominals.get(rate)
            if nominal is None:
                if not (np.isfinite(rate) and rate > 0):
                    raise ValueError(f"sampling rate {rate!r} Hz")
                nominal = nominals[rate] = nominal_rate(rate, self.how.rate_tolerance)
            samples[nominal] = samples.get(nominal, 0) + npts
            if nominal != rate:
                snapped[rate] = max(snapped.get(rate, 0), npts)
                begin, n_all = stats.starttime.ns, npts
                end, file = begin + sample_time(npts, nominal), _file_of(trace)
                if rate in spans:
                    first, last, n_before, file_before = spans[rate]
                    begin, end, n_all = min(begin, first), max(end, last), npts + n_before
                    file = file if file == file_before else ""
                spans[rate] = begin, end, n_all, file
        for rate, most in snapped.items():
            nominal = nominals[rate]
            drift = abs(rate / nominal - 1.0) * most
            text = f", drifts by {drift:.1f} samples" if drift > 0.5 else ""
            what, action = f"rate {rate!r} Hz{text}", f"taken as {nominal:g} Hz"
            self.found.append(("rate snapped", what, action, *spans[rate]))
        if len(samples) <= 1:
            return traces
        main = max(samples, key=samples.get)
        kept = []
        for trace in traces:
            stats = trace.stats
            rate = nominals[stats.sampling_rate]
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
        goes_on = "continues" in trace.stats.__dict__  # and has been reported
        if abs(late) > _REPORTED_SHIFT and not goes_on:
            what = f"piece off the grid by {late:.2f} samples"
            self._find("off grid", what, "moved to the grid", at, at + len(data), file)
        own = float(trace.stats.sampling_rate)
        if own == self.rate:
            return [Piece(at, data, file, not goes_on)]
        return drifting_pieces(at, late, data, file, self.rate, own)

    def _put(self, piece, first, data, valid, overlaps):
        """Copy a piece into what is still free."""
        at = piece.at - first
        begin, end = max(at, 0), min(at + len(piece.data), len(data))
        values = piece.data[begin - at : end - at]
        out, there = data[begin:end], valid[begin:end]
        plain = np.ma.getdata(values)
        extremes = extremes_of(plain) if overlaps else fill(plain, out)
        good = self._recorded(values, extremes, first + begin, piece.file)
        self._note_span(piece.file, begin, end, extremes if good is None else None)
        if good is None and not overlaps:
            there[:] = True
            return
        if not overlaps:
            out[~good] = 0
        good = np.ones(len(out), dtype=bool) if good is None else good
        new = np.where(good, np.ma.getdata(values), 0).astype(data.dtype)
        both = there & good
        if both.any():
            self._overlap(both, out, new, good, first + begin, piece.file)
        free = good & ~there
        out[free] = new[free]
        there |= good

    def _note_span(self, file, begin, end, own):
        if file in self.spans:
            first, last, extremes = self.spans[file]
            begin, end = min(first, begin), max(last, end)
            both = own is not None and extremes is not None
            own = own.joined(extremes, self.how.dtype) if both else None
        self.spans[file] = begin, end, own

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

    def _recorded(self, piece, extremes, at, file):
        """Mask of what was recorded; None if everything was."""
        values, good = piece, None
        if isinstance(piece, np.ma.MaskedArray):
            values = np.ma.getdata(piece)
            good = ~np.ma.getmaskarray(piece) if np.ma.is_masked(piece) else None
        low, high = extremes[:2]
        for sentinel in self.how.sentinels:
            # Most pieces need no second look.
            if not (low <= sentinel <= high) and low == low:
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
            what = f"constant ({data[a]:.7g}) for {(b - a) / self.rate:g} s"
            self._find("constant", what, "taken as a gap", first + a, first + b, "", b - a)
            valid[a:b] = False
            data[a:b] = 0
            for file, span in self.spans.items():
                if span[0] < b and span[1] > a:
                    self.spans[file] = (*span[:2], None)

    def _clipped(self, first, data, valid):
        for file, (a, b, extremes) in self.spans.items():
            self._clipped_file(file, first + a, data[a:b], valid[a:b], extremes)

    def _clipped_file(self, file, first, data, valid, extremes):
        if extremes is not None:
            if not extremes.reached(CLIPPED_SAMPLES):
                return
            extremes = tuple(data.dtype.type(value) for value in extremes[:2])
        runs = clipped_runs(data, valid, extremes)
        if len(runs):
            n = int((runs[:, 1] - runs[:, 0]).sum())
            extremes = sorted({float(x) for x in data[runs[:, 0]]})
            what = f"{len(runs)} times at {' or '.join(f'{x:.7g}' for x in extremes)}"
            span = first + int(runs[0, 0]), first + int(runs[-1, 1])
            self._find("clipped", what, "data kept", *span, file, n)

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
    return trace.stats.__dict__.get("source_file", "")
