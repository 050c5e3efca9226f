"""Detections from a stream of packets."""

import numbers
import os

import numpy as np

from ._detector import EventDetector
from ._settling import cut_reach
from ._stream_events import StreamEvents
from ._stream_intake import StreamIntake
from ._stream_report import StreamReport


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
        for name, value in (
            ("max_delay", max_delay), ("max_jump", max_jump), ("max_ahead", max_ahead),
        ):  # fmt: skip
            if name == "max_ahead" and value is None:
                continue
            if not isinstance(value, numbers.Real) or not 0 <= value < np.inf:
                raise ValueError(f"{name} must be a number of seconds from 0 on; got {value!r}")
        if detector.resample:
            raise ValueError(
                "resample=True is not for streams, whose packets are too short to be filtered: "
                "give EventDetector(..., resample=False), and packets of the classifier's rate"
            )
        if state is not None and not os.path.isdir(os.path.dirname(os.path.abspath(state))):
            raise FileNotFoundError(
                f"state={str(state)!r}: its folder does not exist. Make it, or give another file"
            )
        if max_jump < max_delay:
            raise ValueError(
                f"max_jump={max_jump:g} s must not be shorter than max_delay={max_delay:g} s"
            )
        cut_reach(detector)  # refuses post-processing that does not say how far it looks
        self.detector, self.state = detector, state
        self.max_delay, self.max_jump, self.max_ahead = max_delay, max_jump, max_ahead
        self._report, self._events = StreamReport(), StreamEvents(detector)
        self._intake = StreamIntake(
            detector, self._report, max_delay=max_delay, max_jump=max_jump, max_ahead=max_ahead
        )
        if state is not None and os.path.exists(state):
            from ._stream_state import restore

            restore(self, state)

    def __repr__(self):
        return (
            f"StreamingDetector({type(self.detector.classifier).__name__}, "
            f"max_delay={self.max_delay:g} s, latency={self.latency:g} s, "
            f"{len(self._intake.groups)} groups of stations)"
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
        several = isinstance(traces, list | Stream)
        strange = [one for one in traces if not isinstance(one, Trace)] if several else [packet]
        if strange:
            raise TypeError(
                f"packet must be an ObsPy Trace or Stream, got {type(strange[0]).__name__}: "
                f"obspy.read(path) reads files, seisclf.io.seedlink_packets a server, and "
                f"obspy.Trace(samples, header) is made of an array"
            )
        touched = {}
        for trace in sorted(traces, key=lambda trace: trace.stats.starttime.ns):
            group = self._intake.take(trace)
            if group is not None:
                touched[id(group)] = group
        # Only now: what comes together is not late, however long it is.
        for group in touched.values():
            group.process()
        return self._events.final(touched.values())

    def flush(self):
        """End of the stream: what is there is all there is.

        Returns
        -------
        detections : Detections
            The events that were not final. Packets that come later begin a new record.
        """
        return self._events.final(self._intake.flush())

    def pending(self):
        """Events under way, as they look by now.

        Returns
        -------
        detections : Detections
            Events that no :meth:`push` has returned yet, of all windows that are complete. They
            may still grow, change their class, or become none.
        """
        begun = [group for group in self._intake.groups.values() if group.origin is not None]
        return self._events.pick([group.functions(known=True) for group in begun])

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
