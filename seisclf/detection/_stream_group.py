"""Stations that are scanned together, from packets to parts of functions over time."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from ..io._door import Merging, _Door
from ..io._filling import extremes_of
from ..io._grid import sample_index, sample_time
from ..io._streams import SENTINELS
from ._classifier import labels_of_functions
from ._function_scan import FunctionScan
from ._network_record import NetworkRecord
from ._settling import cut_frames, cut_reach, part_of
from ._stream_buffer import NOBODY, StreamBuffer
from ._stream_slot import Slot
from ._tasks import FORCED_AFTER
from ._time_functions import FunctionsOverTime
from ._window_scan import WindowScan


class StreamGroup:
    """The stations of a network, or one station, as packets come.

    Parameters
    ----------
    detector : EventDetector
        What is asked.
    n_slots : int
        Places for stations.
    max_delay : float
        Seconds.
    report : StreamReport
        Takes the findings.
    """

    def __init__(self, detector, n_slots, *, max_delay, report):
        self.detector, self.report = detector, report
        self.rate = detector.sampling_rate
        self.settings = replace(detector._scan_settings(), progress=False)
        self.slots = [Slot(ids=[""] * len(detector.components)) for _ in range(n_slots)]
        self.shifts = {}  # of the grid of each trace, in samples and nanoseconds
        constant = getattr(detector, "constant_gap", None)
        constant = None if constant is None else max(int(np.floor(constant * self.rate)) + 1, 10)
        self.buffer = StreamBuffer(
            n_slots,
            len(detector.components),
            max_delay=round(max_delay * self.rate),
            constant=constant,
            longest_gap=detector._longest_gap,
            keep=2 * self.settings.length + self.settings.step,
        )
        self.zero_ns = None  # of sample 0 of the buffer
        self.origin = None  # sample at which the record begins
        self.parts = []
        self.scan = self._scanner()
        self.reach = cut_reach(detector)
        # Packets far ahead, how many came in a row, and how many others since.
        self.held, self.n_ahead, self.n_normal = [], 0, 0

    def _scanner(self):
        detector = self.detector
        if not detector.gives_functions:
            return WindowScan(detector.classifier, self.settings)
        of_network = detector.n_stations is not None
        predict = (
            detector._predictor if of_network else lambda X: detector._predict_station(X[:, 0])
        )
        n_slots = len(self.slots)
        return FunctionScan(predict, self.settings, n_stations=n_slots, of_network=of_network)

    # Packets

    def row_of(self, id, slot):
        """Row of a channel, made when it comes first; None if it is no component, or one more."""
        place, components = self.slots[slot], self.detector.components
        if id not in place.rows:
            component, rank = place.find(id, components)
            if component is None:
                return None
            row = component
            if place.ids[component]:
                row = self.buffer.add_row(slot, component, rank)
                what = f"another name of {place.ids[component]}"
                action = "one stands in where the other has nothing; no window holds both"
                self.report.add(id, "component", what, action)
            place.enter(id, component, row, components)
        return slot, place.rows[id][1]

    def push(self, trace, row):
        """Place the samples of a packet."""
        start_ns = trace.stats.starttime.ns
        if self.zero_ns is None:
            self.zero_ns = start_ns
        if trace.id not in self.shifts:
            shift = sample_index(start_ns - self.zero_ns, self.rate)
            self.shifts[trace.id] = shift, start_ns
        shift, grid_ns = self.shifts[trace.id]
        door = _door(trace.id, grid_ns, self.rate)
        pieces = []
        for piece in door._placed(trace, start_ns):
            extremes = extremes_of(np.ma.getdata(piece.data))
            pieces.append((piece, door._recorded(piece.data, extremes, piece.at, "")))
        self._tell(trace.id, door.found)
        end = max(piece.end for piece, _ in pieces) + shift
        self._make_room(pieces[0][0].at + shift, end)
        for piece, good in pieces:
            values = np.ma.getdata(piece.data)
            if values.dtype.kind not in "f":
                exact = np.can_cast(values.dtype, np.float32)
                values = values.astype(np.float32 if exact else np.float64)
            at = piece.at + shift
            counts = self.buffer.place(row, at, values, good, rough=not piece.exact)
            self._tell_placed(trace.id, self.time_ns(at), self.time_ns(at + len(values)), *counts)

    def time_ns(self, index):
        """Time of a sample of the buffer."""
        return self.zero_ns + sample_time(index, self.rate)

    @property
    def newest_ns(self):
        """End of the newest packet in nanoseconds, None before the first."""
        return None if self.zero_ns is None else self.time_ns(self.buffer.newest)

    def _tell(self, trace, found):
        for kind, what, action, begin, end, samples, _ in found:
            self.report.add(trace, kind, what, action, samples=samples, span=(begin, end))

    def _tell_placed(self, trace, begin, end, late, twice, differ, taken):
        span = begin, end
        if late:
            wait = self.buffer.max_delay / self.rate
            what = f"more than max_delay={wait:g} s older than the newest sample"
            action = "left out; a longer max_delay waits for them"
            self.report.add(trace, "late", what, action, samples=late, span=span)
        if differ:
            what = "overlap of samples that differ"
            self.report.add(trace, "overlap", what, "the earlier kept", samples=differ, span=span)
        if twice > differ:
            what = "samples twice, identical"
            n = twice - differ
            self.report.add(trace, "duplicate", what, "kept once", samples=n, span=span)
        if taken:
            what = "samples at times that another name of the component has taken"
            self.report.add(trace, "component", what, "left out", samples=taken, span=span)

    def _make_room(self, first, end):
        """Before a packet far ahead: end what is open, and leave out the time in between."""
        buffer, step = self.buffer, self.settings.step
        target = min(first, end - buffer.max_delay)
        spare = 2 * buffer.keep + (self.reach + 2) * self.frame_size
        if target - buffer.newest <= 2 * spare:
            return
        buffer.advance(until=buffer.newest + spare)
        self.process(force=True)
        begin = target - buffer.keep
        if self.origin is not None:
            begin = self.origin + (begin - self.origin) // step * step
            self.scan.skip(begin - self.origin)
        buffer.forget(begin)

    @property
    def frame_size(self):
        """Samples of a frame."""
        return 1 if self.detector.gives_functions else self.settings.step

    # The scan

    def process(self, *, ends=False, force=False):
        """Scan what is complete; at the end of the record, or in any case."""
        buffer = self.buffer
        buffer.awaited[:] = [slot.awaited for slot in self.slots]
        buffer.advance(ends=ends)
        if not (ends or force or self._is_due()):
            return
        before = buffer.settled
        settled, data, good = buffer.settle(ends=ends)
        self._tell_gaps(before, good)
        if self.origin is None and not self._begin(ends):
            # The record may still begin where a complete station does.
            buffer.forget(min(settled - buffer.keep, *self._firsts(), NOBODY))
            return
        begin, settled = buffer.begin, buffer.settled
        data, good = (x[..., data.shape[-1] - (settled - begin) :] for x in (data, good))
        valid = good.all(axis=1)
        if not self.detector.gives_functions:
            data, valid = data[0], valid[0]
        self.scan.advance(data, valid, begin=begin - self.origin, ends=ends)
        step = self.settings.step
        buffer.forget(self.origin + max(0, settled - buffer.keep - self.origin) // step * step)
        self._cut(ends)

    def _is_due(self):
        """Whether a window has been completed."""
        step, origin = self.settings.step, self.origin or 0
        begin = origin + self.settings.length
        return (self.buffer.reached - begin) // step > (self.buffer.settled - begin) // step

    def _begin(self, ends):
        """Let the record begin where the first complete station does, once that is known."""
        firsts = self._firsts()
        if not firsts or (min(firsts) >= self.buffer.final and not ends):
            return False
        self.origin = min(firsts)
        begin = max(self.origin, self.buffer.begin)
        begin += (self.origin - begin) % self.settings.step
        self.buffer.forget(begin)
        if begin > self.origin:
            self.scan.skip(begin - self.origin)
        return True

    def _firsts(self):
        """First sample of each station all components of which have come."""
        firsts = self.buffer.firsts[[slot.complete for slot in self.slots]]
        return [int(row.min()) for row in firsts if (row != NOBODY).all()]

    def _tell_gaps(self, before, good):
        """Report what is missing of each channel that has begun."""
        first = max(before - self.buffer.begin, 0)
        for i, slot in enumerate(self.slots):
            for j, id in enumerate(slot.ids):
                new = good[i, j, first:]
                begun = max(self.buffer.firsts[i, j] - self.buffer.begin - first, 0)
                missing = np.flatnonzero(~new[begun:]) + begun
                if id and len(missing):
                    at = self.buffer.begin + first
                    span = self.time_ns(at + missing[0]), self.time_ns(at + missing[-1] + 1)
                    n = len(missing)
                    self.report.add(id, "gap", "no data", "masked", samples=n, span=span)

    def _cut(self, ends):
        # What a forced cut leaves is a record of its own, in which all cuts are looked for anew.
        while self._cut_once(ends):
            pass

    def _cut_once(self, ends):
        """Make what lies before the last cut a part; whether there may be more of them."""
        n = self.scan.n_settled
        usable = n if ends else n - self.reach
        if usable < 1:
            return False
        functions = part_of(self.functions(), 0, n)
        cuts = np.flatnonzero(cut_frames(functions, self.detector)[: usable + 1])
        longest = round(FORCED_AFTER * self.rate / self.frame_size)
        # A cut that is too far away does not count, even if it has come in the same packet: so
        # the parts do not depend on packets.
        long = np.flatnonzero(np.diff([*cuts, usable]) > longest)
        last = int(cuts[long[0]] if len(long) else cuts[-1])
        if len(long) and not last:
            last = longest
            what = f"nothing but events for more than {FORCED_AFTER:g} s"
            for slot in self.slots:
                if slot.complete:
                    self.report.add(slot.station, "limit", what, "divided")
        if last:
            self.parts.append(part_of(functions, 0, last))
            self.scan.forget(last)
        return bool(len(long))

    # What is known

    def functions(self, *, known=False):
        """Functions over time since the last cut.

        Parameters
        ----------
        known : bool, default=False
            Whether what later windows may change is there too.

        Returns
        -------
        functions : ProbabilityFunction or FunctionsOverTime
            As a scan of the whole record gives them.
        """
        import pandas as pd

        detector = self.detector
        record = NetworkRecord(
            stations=[slot.station for slot in self.slots],
            seed_ids=[slot.ids[0] if slot.complete else "" for slot in self.slots],
            start_time=pd.Timestamp(self.time_ns(self.origin), unit="ns", tz="UTC"),
            data=None,
            valid=None,
            notes=[slot.notes for slot in self.slots],
        )
        if not detector.gives_functions:
            slot = self.slots[0]
            return self.scan.function(
                SimpleNamespace(
                    station=slot.station,
                    seed_id=slot.ids[0],
                    start_time=record.start_time,
                    notes=slot.notes,
                )
            )
        network, stations = self.scan.functions(record, known=known)
        return FunctionsOverTime(
            stations,
            classes=detector.events,
            network=network,
            picked=labels_of_functions(detector.classifier, "picked", ("earthquake",)),
            persistence=detector.persistence or 1,
        )

    def take(self):
        """Parts that have become final, and forget them."""
        parts, self.parts = self.parts, []
        return parts

    def end(self):
        """Let the record end here."""
        self.process(ends=True)


def _door(id, origin_ns, rate):
    """The rules of :func:`read_records` for one packet."""
    door = _Door(id, _merging(), detailed=True, event="")
    door.origin, door.rate = origin_ns, rate
    return door


def _merging():
    return Merging(
        start_ns=None,
        end_ns=None,
        rate_tolerance=1e-4,
        sentinels=SENTINELS,
        dtype=np.dtype(np.float64),
        anchor_ns=None,
        constant_gap=None,
        max_samples=0,
    )
