"""Detections from a stream of packets."""

import os
import time
from copy import copy

import numpy as np

from ..io._components import RATE_TOLERANCE, nominal_rate
from ._classifier import labels_of_functions
from ._detections import Detections
from ._detector import EventDetector
from ._function_picking import pick_network, pick_stations
from ._functions import ProbabilityFunctions
from ._network_record import is_station
from ._settling import cut_reach
from ._stream_group import StreamGroup
from ._stream_report import StreamReport
from ._time_functions import FunctionsOverTime

# Packets in a row that are needed to believe that the time has jumped.
_BELIEVED = 4
_HELD = 16
_MOST_STATIONS = 4096


class StreamingDetector:
    """Find events in packets as they come, the same as in the whole record.

    Packets are put into the record of their station by the rules of :func:`read_records`, in
    whatever order they come; each window is given to the classifier once, as soon as it is
    complete; an event is returned once no later packet can change it. What :meth:`push` and
    :meth:`flush` return, taken together, is what ``detector.detect`` finds in the whole record,
    if no packet is later than `max_delay`.

    Parameters
    ----------
    detector : EventDetector
        What to look for. For functions of a network its ``stations`` must name the stations.
    state : str or pathlib.Path, optional
        File that :meth:`save` writes to. If it is there, the stream goes on where it was saved.
    max_delay : float, default=30.0
        Seconds from the first sample of a packet to the newest sample of its station (of a
        network: of all its stations) at most: the length of packets counts, so that packets of
        20 s that are up to 10 s late need 30 s. What is older is left out, and reported as
        "late". Where data is missing, windows wait for so long before the gap counts as one,
        and so does the first window of a stream.
    max_jump : float, default=600.0
        A packet that begins by more seconds than that after the newest one is held back until
        four in a row say so: one wrong time must not make all that follow late.
    max_ahead : float or None, default=300.0
        Packets that end by more seconds than that after this machine's clock are refused. None:
        the clock is not looked at.

    Attributes
    ----------
    detector : EventDetector
        As given.

    Raises
    ------
    TypeError
        If `detector` is no EventDetector.
    ValueError
        If a parameter is out of range, or the stations of a network are not named, or the file
        `state` is of another detector.

    See Also
    --------
    EventDetector.detect : The same for a record in memory.
    seisclf.io.seedlink_packets : Packets of a SeedLink server.

    Examples
    --------
    A classifier that calls loud windows an event, and ten minutes that come in packets of 3 s:

    >>> import numpy as np
    >>> from obspy import Trace
    >>> from seisclf.detection import EventDetector, StreamingDetector
    >>> class Loudness:
    ...     classes_ = np.array(["noise", "rockfall"])
    ...     def predict_proba(self, X):
    ...         loud = np.clip(X.std(axis=-1), 0.0, 1.0)
    ...         return np.column_stack([1 - loud, loud])
    >>> x = np.random.default_rng(0).normal(size=12000) * 0.01
    >>> x[4000:4400] *= 200
    >>> record = Trace(x, {"sampling_rate": 20.0, "network": "XX", "station": "A",
    ...                    "channel": "HHZ"})
    >>> detector = EventDetector(Loudness(), window=4.0, step=1.0, sampling_rate=20.0,
    ...                          components="Z")
    >>> streaming = StreamingDetector(detector)
    >>> for packet in record.slide(window_length=2.95, step=3.0):
    ...     found = streaming.push(packet)
    ...     if len(found):
    ...         print(packet.stats.endtime.time, found.to_frame()["onset"][0].time())
    00:03:50.950000 00:03:20
    >>> len(streaming.flush()), len(streaming.report)
    (0, 0)
    """

    def __init__(self, detector, *, state=None, max_delay=30.0, max_jump=600.0, max_ahead=300.0):
        if not isinstance(detector, EventDetector):
            raise TypeError(
                f"detector must be an EventDetector, got {type(detector).__name__}: "
                f"StreamingDetector(EventDetector(classifier, ...))"
            )
        if detector.n_stations is not None and detector.stations is None:
            raise ValueError(
                f"the classifier was fitted on a network of {detector.n_stations} stations, and "
                f"packets do not tell which comes first: name them in the order of training, "
                f"EventDetector(classifier, stations=[...])"
            )
        for name, value in (("max_delay", max_delay), ("max_jump", max_jump)):
            if not 0 <= value < np.inf:
                raise ValueError(f"{name} must be a number of seconds from 0 on; got {value!r}")
        if max_jump < max_delay:
            raise ValueError(
                f"max_jump={max_jump:g} s must not be shorter than max_delay={max_delay:g} s"
            )
        cut_reach(detector)  # refuses post-processing that does not say how far it looks
        self.detector, self.state = detector, state
        self.max_delay, self.max_jump, self.max_ahead = max_delay, max_jump, max_ahead
        self._report = StreamReport()
        self._groups = {}
        self._nothing = None
        if state is not None and os.path.exists(state):
            from ._stream_state import restore

            restore(self, state)

    def __repr__(self):
        return (
            f"StreamingDetector({type(self.detector.classifier).__name__}, "
            f"max_delay={self.max_delay:g} s, latency={self.latency:g} s, "
            f"{len(self._groups)} groups of stations)"
        )

    @property
    def latency(self):
        """Seconds of data after an onset by which :meth:`pending` shows the event.

        The window and a step: the step until a window begins after the onset, and the time until
        it is complete. With ``stack="window"`` half a window and a step, since a window stands
        for its middle. An event that is shorter than ``min_duration`` is none, so that this many
        seconds count where they are more than a step. What `postprocessing` looks ahead comes on
        top. Nothing in this is computing time or the way of the packets, and where data is
        missing, `max_delay` comes on top.
        """
        detector = self.detector
        window = detector.window / 2 if detector.stack == "window" else detector.window
        return window + max(detector.step, detector.min_duration) + self._chain_reach

    @property
    def _chain_reach(self):
        from ._settling import _reach_of, steps_of

        steps = steps_of(self.detector.postprocessing)
        return sum(_reach_of(step) for step in steps) * self.detector.step

    @property
    def report(self):
        """What was found in packets, a pandas.DataFrame: one row for each trace and kind.

        Columns: ``trace``, ``kind``, ``what``, ``action``, ``packets``, ``samples``, ``start``
        and ``end``. Kinds: "late", "duplicate", "overlap", "out of order", "gap", "sentinel",
        "not finite", "rate differs", "rate snapped", "off grid", "component", "station", "time"
        (far ahead), "unreadable", "limit".
        """
        return self._report.to_frame()

    def push(self, packet):
        """Take a packet.

        Parameters
        ----------
        packet : obspy.Trace or obspy.Stream
            Of any length, in any order; not changed. The traces of a Stream come all at once:
            push long pieces of several channels as a Stream, since of channels that are pushed
            one after another the second may be late.

        Returns
        -------
        detections : Detections
            Events that have become final by it, mostly none. Their ``functions`` are the parts
            of the record that have become final.

        Raises
        ------
        TypeError
            If `packet` is something else.
        """
        from obspy import Stream, Trace

        traces = [packet] if isinstance(packet, Trace) else packet
        if not isinstance(traces, list | Stream):
            raise TypeError(
                f"packet must be an ObsPy Trace or Stream, got {type(packet).__name__}"
            )
        touched = {}
        for trace in sorted(traces, key=lambda trace: trace.stats.starttime.ns):
            group = self._take(trace)
            if group is not None:
                touched[id(group)] = group
        # Only now: what comes together is not late, however long it is.
        for group in touched.values():
            group.process()
        return self._final(touched.values())

    def flush(self):
        """End of the stream: what is there is all there is.

        Returns
        -------
        detections : Detections
            The events that were not final. Packets that come later begin a new record.
        """
        groups = list(self._groups.values())
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
        self._groups = {}
        return self._final(groups)

    def pending(self):
        """Events under way, as they look by now.

        Returns
        -------
        detections : Detections
            Events that no :meth:`push` has returned yet, of all windows that are complete. They
            may still grow, change their class, or become none.
        """
        begun = [group for group in self._groups.values() if group.origin is not None]
        return self._pick([group.functions(known=True) for group in begun])

    def save(self, path=None):
        """Write all that is needed to go on after a restart.

        Parameters
        ----------
        path : str or pathlib.Path, optional
            File; default: `state`. It is replaced in one go.

        Returns
        -------
        path : pathlib.Path
            The file written: safetensors, with JSON in its header.

        Raises
        ------
        ValueError
            If there is no path.
        """
        from ._stream_state import save

        path = self.state if path is None else path
        if path is None:
            raise ValueError(
                "save needs a path: streaming.save(path), or StreamingDetector(..., state=path)"
            )
        return save(self, path)

    @classmethod
    def load(cls, path, detector):
        """Go on where :meth:`save` was called.

        Parameters
        ----------
        path : str or pathlib.Path
            File.
        detector : EventDetector
            Of the same settings and model; its model is not in the file.

        Returns
        -------
        streaming : StreamingDetector
            With `path` as its `state`.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it was saved with another detector, or is no such file.
        """
        from ._stream_state import restore, settings_of

        if not os.path.exists(path):
            raise FileNotFoundError(f"path: {path} does not exist")
        streaming = cls(detector, **settings_of(path))
        streaming.state = path
        restore(streaming, path)
        return streaming

    # Packets

    def _take(self, trace):
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
        stats, add = trace.stats, self._report.add
        if not len(trace.data):
            return False
        span = stats.starttime.ns, stats.endtime.ns
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
        self._report.add(trace.id, "time", what, "left out", samples=len(trace), span=span)

    def _place_of(self, id):
        """Group and row of a channel, None if it has none."""
        network, station, location, channel = id.split(".")
        name = f"{network}.{station}" if network else station
        kind = channel[:-1] if len(channel) == 3 else ""
        full = f"{name}.{location}.{kind}"
        wanted = self.detector.stations
        if wanted is not None and not any(n and is_station(full, n) for n in wanted):
            self._report.add(id, "station", "not among stations", "left out")
            return None
        if self.detector.n_stations is None:
            group, slot = self._group(full, name), 0
        else:
            group = self._network()
            slot = next(i for i, n in enumerate(wanted) if n and is_station(full, n))
            if not any(group.slots[slot].ids):
                group.slots[slot].station = name
        if group is None:
            what = f"more than {_MOST_STATIONS} stations"
            self._report.add(id, "limit", what, "left out; name them, stations=[...]")
            return None
        row = group.row_of(id, slot)
        if row is None:
            what = f"not one of components={self.detector.components!r}, or its place is taken"
            self._report.add(id, "component", what, "left out")
            return None
        return group, row

    def _group(self, full, name):
        if full not in self._groups:
            if len(self._groups) >= _MOST_STATIONS:
                return None
            group = StreamGroup(self.detector, 1, max_delay=self.max_delay, report=self._report)
            # A station with one instrument is called by its code alone.
            alone = not any(other.startswith(f"{name}.") for other in self._groups)
            group.slots[0].station = name if alone else full
            self._groups[full] = group
        return self._groups[full]

    def _network(self):
        if "" not in self._groups:
            detector = self.detector
            n = detector.n_stations
            group = StreamGroup(detector, n, max_delay=self.max_delay, report=self._report)
            names = [*detector.stations, *[None] * n][:n]
            for slot, name in zip(group.slots, names, strict=True):
                slot.station, slot.awaited = name or "", bool(name)
            self._groups[""] = group
        return self._groups[""]

    def _tell_unused(self, group):
        for slot in group.slots:
            missing = [
                c for c, id in zip(self.detector.components, slot.ids, strict=True) if not id
            ]
            if any(slot.ids) and missing:
                what = f"no component {', '.join(missing)}"
                self._report.add(slot.station, "component", what, "not scanned")

    # Events

    def _final(self, groups):
        """Events of the parts that have become final."""
        queues = [group.take() for group in groups]
        found = []
        # Parts of one station one after another, of several stations together.
        while any(queues):
            found.append(self._pick([queue.pop(0) for queue in queues if queue]))
        return _joined(found) if found else self._pick([])

    def _pick(self, parts):
        """Events of parts; tables are made only where there are any, which is seldom."""
        functions = self._functions_of(parts)
        if self._nothing is None:
            self._nothing = self.detector.pick(self._functions_of([]))
        if not parts or self._is_quiet(functions):
            nothing = copy(self._nothing)
            nothing.functions = functions
            return nothing
        return self.detector.pick(functions)

    def _functions_of(self, parts):
        detector = self.detector
        if not detector.gives_functions:
            return ProbabilityFunctions(parts)
        return FunctionsOverTime(
            [function for part in parts for function in part.values()],
            classes=detector.events,
            network=next((part.network for part in parts if part.network), None),
            picked=labels_of_functions(detector.classifier, "picked", ("earthquake",)),
            persistence=detector.persistence or 1,
        )

    def _is_quiet(self, functions):
        detector = self.detector
        if not detector.gives_functions:
            return not any(detector._spans(f) for f in detector._processed(functions).values())
        by_occurrence = functions.network is not None and functions.network.functions
        pick = pick_network if by_occurrence else pick_stations
        return not pick(functions, detector._pick_settings())[0]


def _joined(found):
    """Detections of parts that follow each other, as one."""
    import pandas as pd

    some = [detections for detections in found if len(detections)]
    if len(some) < 2:
        return some[0] if some else found[-1]
    first, tables, picks = 0, [], []
    for detections in some:
        tables.append(detections.to_frame())
        picks.append(detections.picks.assign(detection=detections.picks["detection"] + first))
        first += len(detections)
    return Detections(
        pd.concat(tables, ignore_index=True),
        some[-1].functions,
        settings=some[-1].settings,
        picks=pd.concat(picks, ignore_index=True),
    )
