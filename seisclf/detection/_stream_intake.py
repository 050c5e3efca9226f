"""Packets of a stream: which are sound, and to which station they belong."""

import time

import numpy as np

from ..io._components import RATE_TOLERANCE, nominal_rate
from ._network_record import is_station
from ._stream_checks import EARLIEST_NS, LATEST_NS
from ._stream_group import StreamGroup

# Packets in a row that are needed to believe that the time has jumped.
_BELIEVED = 4
_HELD = 16
_MOST_STATIONS = 4096


class StreamIntake:
    """The door for packets, and the stations that have come.

    Parameters
    ----------
    detector : EventDetector
        What is asked.
    report : StreamReport
        Takes the findings.
    max_delay, max_jump, max_ahead : float
        See :class:`StreamingDetector`.

    Attributes
    ----------
    groups : dict of str to StreamGroup
        Stations that are scanned together, by instrument; of a network one group, ``""``.
    """

    def __init__(self, detector, report, *, max_delay, max_jump, max_ahead):
        self.detector, self.report = detector, report
        self.max_delay, self.max_jump, self.max_ahead = max_delay, max_jump, max_ahead
        self.groups = {}

    def flush(self):
        """Let all records end, and begin anew; returns the groups that there were."""
        groups, self.groups = list(self.groups.values()), {}
        for group in groups:
            held, group.held = group.held, []
            for trace, row in held:
                if group.n_normal:
                    self._refuse_time(trace)
                else:
                    group.push(trace, row)
                    group.process()
            if group.zero_ns is not None:
                group.end()
                self._tell_unused(group)
        return groups

    def take(self, trace):
        """Give a packet to its group; None if it is refused."""
        stats = trace.stats
        if not self._is_sound(trace):
            return None
        found = self._place_of(trace.id)
        if found is None:
            return None
        group, row = found
        newest, jump = group.newest_ns, round(self.max_jump * 1e9)
        if newest is not None and stats.starttime.ns > newest + jump:
            self._hold(group, trace, row)
            return group
        if group.held:
            group.n_normal += 1
            if group.n_normal >= _BELIEVED:
                for held, _ in group.held:
                    self._refuse_time(held)
                group.held = []
        group.push(trace, row)
        return group

    def _is_sound(self, trace):
        """Whether a packet can be used at all."""
        stats, add = trace.stats, self.report.add
        if not len(trace.data):
            return False
        span = stats.starttime.ns, stats.endtime.ns
        if trace.id.count(".") != 3:
            add(trace.id, "unreadable", "a dot within a code", "left out", span=span)
            return False
        if trace.data.dtype.kind not in "iufb":
            what = f"samples are of dtype {trace.data.dtype}, which is no number"
            add(trace.id, "unreadable", what, "left out", span=span)
            return False
        rate, expected = stats.sampling_rate, self.detector.sampling_rate
        snapped = nominal_rate(rate, RATE_TOLERANCE) if np.isfinite(rate) and rate > 0 else 0.0
        if abs(snapped - expected) > RATE_TOLERANCE * expected:
            what = f"{rate:g} Hz, the classifier expects {expected:g} Hz"
            action = "left out; resample before the push, trace.resample"
            add(trace.id, "rate differs", what, action, samples=len(trace.data), span=span)
            return False
        if not EARLIEST_NS <= span[0] <= span[1] <= LATEST_NS:
            what = f"from {stats.starttime} to {stats.endtime}"
            add(trace.id, "time", what, "left out", samples=len(trace.data))
            return False
        ahead = None if self.max_ahead is None else span[1] / 1e9 - time.time()
        if ahead is not None and ahead > self.max_ahead:
            what = f"{ahead:.0f} s after this machine's clock"
            action = "left out; max_ahead allows more"
            add(trace.id, "time", what, action, samples=len(trace.data), span=span)
            return False
        return True

    def _hold(self, group, trace, row):
        """Wait for more packets that say that the time has jumped."""
        if group.n_normal:
            group.n_normal = 0
            group.n_ahead = 0
        group.held.append((trace.copy(), row))
        group.n_ahead += 1
        if group.n_ahead >= _BELIEVED:
            held, group.held = group.held, []
            group.n_ahead = 0
            for other, its_row in sorted(held, key=lambda pair: pair[0].stats.starttime.ns):
                group.push(other, its_row)
        elif len(group.held) > _HELD:
            self._refuse_time(group.held.pop(0)[0])

    def _refuse_time(self, trace):
        what = "far ahead of the packets before and after it"
        span = trace.stats.starttime.ns, trace.stats.endtime.ns
        self.report.add(trace.id, "time", what, "left out", samples=len(trace), span=span)

    def _place_of(self, id):
        """Group and row of a channel, None if it has none."""
        network, station, location, channel = id.split(".")
        name = f"{network}.{station}" if network else station
        instrument = f"{location}.{channel[:-1] if len(channel) == 3 else ''}"
        full = f"{name}.{instrument}"
        wanted = self.detector.stations
        if wanted is not None and not any(n and is_station(full, n) for n in wanted):
            self.report.add(id, "station", "not among stations", "left out")
            return None
        if self.detector.n_stations is None:
            group, slot = self._group(full, name, id), 0
        else:
            group = self._network()
            slot = next(i for i, n in enumerate(wanted) if n and is_station(full, n))
        if group is None:
            what = f"more than {_MOST_STATIONS} stations"
            self.report.add(id, "limit", what, "left out; name them, stations=[...]")
            return None
        place = group.slots[slot]
        if not place.instrument:
            place.instrument = instrument
            place.station = place.station if self.detector.n_stations is None else name
        elif place.instrument != instrument:
            what = f"of another instrument than {place.instrument}, which came first"
            action = f"left out; stations=[{full!r}, ...] takes this one"
            self.report.add(id, "component", what, action)
            return None
        row = group.row_of(id, slot)
        if row is None:
            what = f"not one of components={self.detector.components!r}, or one name too many"
            self.report.add(id, "component", what, "left out")
            return None
        return group, row

    def _group(self, full, name, id):
        if full not in self.groups:
            if len(self.groups) >= _MOST_STATIONS:
                return None
            group = StreamGroup(self.detector, 1, max_delay=self.max_delay, report=self.report)
            # A station with one instrument is called by its code alone.
            alone = not any(other.rsplit(".", 2)[0] == name for other in self.groups)
            group.slots[0].station = name if alone else full
            if not alone:
                what = f"another instrument of {name} than the one that came first"
                self.report.add(id, "component", what, f"scanned for itself, as {full}")
            self.groups[full] = group
        return self.groups[full]

    def _network(self):
        if "" not in self.groups:
            detector = self.detector
            n = detector.n_stations
            group = StreamGroup(detector, n, max_delay=self.max_delay, report=self.report)
            names = [*detector.stations, *[None] * n][:n]
            for slot, name in zip(group.slots, names, strict=True):
                slot.station, slot.awaited = name or "", bool(name)
            self.groups[""] = group
        return self.groups[""]

    def _tell_unused(self, group):
        for slot in group.slots:
            missing = [
                c for c, id in zip(self.detector.components, slot.ids, strict=True) if not id
            ]
            if any(slot.ids) and missing:
                what = f"no component {', '.join(missing)}"
                self.report.add(slot.station, "component", what, "not scanned")
