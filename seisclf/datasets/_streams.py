"""One ObsPy Stream per event to one array."""

import numpy as np
from sklearn.utils import Bunch

from ..io import read_records
from ..io._components import RATE_TOLERANCE, check_components
from ..io._report import Report
from ..io._streams import SENTINELS
from ..io._times import to_utc
from ._assemble import Assembler, EventRecords
from ._metadata import STANDARD_COLUMNS, arrivals_of
from ._seisbench import class_counts


def from_streams(
    streams,
    *,
    target=None,
    metadata=None,
    components="ZNE",
    sampling_rate=None,
    resample=False,
    starttime=None,
    duration=None,
    stations=None,
    as_rows=False,
    missing="raise",
    gaps="raise",
    rate_tolerance=RATE_TOLERANCE,
    sentinels=SENTINELS,
    dtype="float32",
    return_X_y=False,
):
    """Turn ObsPy streams, one for each event, into one array.

    Traces of one channel are merged, components and stations sorted, and everything that is not
    as it should be is listed in ``report``. Nothing is rotated, and nothing resampled unless
    asked. The streams are not changed.

    Parameters
    ----------
    streams : list of obspy.Stream, or dict of str to obspy.Stream
        One for each event; the keys of a dict are the event names.
    target : array-like of shape (n_events,), optional
        Class of each event.
    metadata : DataFrame of n_events rows, optional
        What else is known of each event; kept beside the columns found here.
    components : str, default="ZNE"
        Components wanted, one letter each. Channel codes may end in Z, N, E or Z, 1, 2 or be
        words such as UD, NS, EW, in any case.
    sampling_rate : float, optional
        Rate in Hz. Default: the traces' own, which must then be one, up to clock error.
    resample : bool, default=False
        Allow traces of another rate and resample them, with an anti-alias filter.
    starttime : time or list of n_events times, optional
        First sample: `obspy.UTCDateTime`, text or datetime, in UTC. Default: where the event's
        earliest trace begins.
    duration : float, optional
        Length in seconds. Default: what the streams have, which must then be one length.
    stations : str or list of str, optional
        ``"SR.SUR"`` or ``"SUR"``: this one, no station axis. A list: these, in this order, along
        the second axis. Default: all that appear; an axis only if there are several.
    as_rows : bool, default=False
        Make a row of each event at each station that recorded it instead of a station axis.
    missing : {"raise", "nan", "zero"}, default="raise"
        What to do about a component or station that was not recorded.
    gaps : {"raise", "interpolate", "zero", "nan"}, default="raise"
        What to do about samples that were not recorded inside the window, masked, not finite or
        sentinels.
    rate_tolerance : float, default=1e-4
        Largest relative difference of rates that is taken for clock error.
    sentinels : tuple of int, default=(-2147483648,)
        Values that stand for "not recorded".
    dtype : {"float32", "float64"}, default="float32"
        dtype of the waveforms.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        With the attributes

        data : ndarray
            Of shape (n_events, n_components, n_samples) or (n_events, n_stations, n_components,
            n_samples).
        valid : ndarray of bool of the same shape
            True where a sample was recorded.
        target : ndarray of str of shape (n_events,), or None
            Class of each event, if known.
        metadata : DataFrame
            ``event_id``, ``station``, ``start_time``, ``end_time``, ``channels``,
            ``n_components`` or ``n_stations``, and the columns given.
        arrivals : DataFrame
            ``P``, ``S``, ``start``, ``end`` in seconds after the first sample, if given.
        stations : DataFrame
            The stations, in the order of the second axis.
        report : DataFrame
            One row per finding: event, trace, what, action.
        sampling_rate : float
            Hz.
        components : str
            Components of the channels, in order.
        DESCR : str
            What the set is.

    (data, target) : tuple
        If `return_X_y` is true.

    Raises
    ------
    ValueError
        If events have different rates or lengths, gaps, or lack a component, and it was not said
        what to do; all such events are counted, the first are named.

    See Also
    --------
    events_from_catalog : Cut the events of a catalogue out of continuous records.

    Examples
    --------
    >>> from obspy import read
    >>> from seisclf.datasets import from_streams
    >>> events = from_streams({"first": read(), "second": read()}, target=["quake", "quake"])
    >>> events.data.shape, events.sampling_rate, events.metadata["station"][0]
    ((2, 3, 3000), 100.0, 'BW.RJOB')
    >>> gappy = read()
    >>> _ = gappy.cutout(gappy[0].stats.starttime + 5, gappy[0].stats.starttime + 6)
    >>> events = from_streams([gappy], gaps="interpolate")
    >>> events.report["what"][0], events.report["action"][0]
    ('a gap of 0.99 s at 5.01 s', 'interpolated')
    """
    ids, streams = _named(streams)
    for name, value in (("target", target), ("metadata", metadata)):
        if value is not None and len(value) != len(streams):
            raise ValueError(f"{name} has {len(value)} rows for {len(streams)} streams")
    starts = start_times(starttime, len(streams))
    report = Report()
    assembler = Assembler(
        components=check_components(components),
        sampling_rate=sampling_rate,
        duration=duration,
        stations=stations,
        as_rows=as_rows,
        missing=missing,
        gaps=gaps,
        resample=resample,
        dtype=np.dtype(dtype),
        report=report,
    )
    events = [
        EventRecords(
            id=id,
            records=read_records(
                stream,
                rate_tolerance=rate_tolerance,
                sentinels=sentinels,
                dtype=dtype,
                report=report,
                event=id,
            ),
            start_ns=start,
            row=row,
        )
        for row, (id, stream, start) in enumerate(zip(ids, streams, starts, strict=True))
    ]
    found = assembler.assemble(events)
    if found.problems:
        raise ValueError(problems_text(found.problems, len(events)))
    coordinates = {}
    for stream in streams:
        coordinates |= coordinates_of(stream)
    bunch = make_bunch(found, assembler, target, metadata, coordinates, "ObsPy streams")
    return (bunch.data, bunch.target) if return_X_y else bunch


def problems_text(problems, n_events):
    """One message about all events that cannot be cut."""
    each = "\n".join(f"- event {event.id}: {text}" for event, text in problems[:5])
    more = f"\n- and {len(problems) - 5} more" if len(problems) > 5 else ""
    return f"{len(problems)} of {n_events} events cannot be cut:\n{each}{more}"


def _named(streams):
    from obspy import Stream, Trace

    if isinstance(streams, Stream | Trace):
        raise TypeError(
            "streams must be a list with one Stream for each event, got a single "
            f"{type(streams).__name__}: give [stream], or cut a long record with "
            "events_from_catalog"
        )
    if isinstance(streams, dict):
        return [str(key) for key in streams], list(streams.values())
    streams = list(streams)
    for i, stream in enumerate(streams):
        if not isinstance(stream, Stream):
            raise TypeError(f"streams[{i}] is a {type(stream).__name__}, not an obspy.Stream")
    return [str(i) for i in range(len(streams))], streams


def start_times(times, n_events):
    """UTC nanoseconds, or None, for each event."""
    from obspy import UTCDateTime

    if times is None:
        return [None] * n_events
    if isinstance(times, str | UTCDateTime) or not hasattr(times, "__len__"):
        times = [times] * n_events
    if len(times) != n_events:
        raise ValueError(f"starttime has {len(times)} entries for {n_events} events")
    return [
        time.ns if isinstance(time, UTCDateTime) else int(to_utc([time]).astype("int64").iloc[0])
        for time in times
    ]


def coordinates_of(stream):
    """Latitude, longitude (deg) and elevation (m) of the stations that the headers tell."""
    found = {}
    for trace in stream:
        network, station = trace.stats.network, trace.stats.station
        own, sac = trace.stats.get("coordinates", {}), trace.stats.get("sac", {})
        place = (
            own.get("latitude", sac.get("stla")),
            own.get("longitude", sac.get("stlo")),
            own.get("elevation", sac.get("stel", np.nan)),
        )
        if place[0] is not None and place[1] is not None:
            found[f"{network}.{station}" if network else station] = tuple(map(float, place))
    return found


def make_bunch(found, assembler, target, metadata, coordinates, origin):
    """The Bunch of assembled events; `target` and `metadata` are those of all events."""
    import pandas as pd

    table = pd.DataFrame(found.rows, columns=None if found.rows else ["row", "event_id"])
    rows = table.pop("row").to_numpy(dtype=int)
    for name in ("start", "end"):
        if f"{name}_ns" in table:
            table[f"{name}_time"] = to_utc(pd.to_datetime(table.pop(f"{name}_ns"), utc=True))
    if metadata is not None:
        given = metadata.iloc[rows].reset_index(drop=True)
        # What was cut is known here; all else the caller knows better.
        cut = [c for c in given if c in table and c not in ("event_id", "station")]
        given = given.drop(columns=cut)
        if "station" in given and "station" in table:
            given = given.drop(columns="station")
        table = pd.concat([table.drop(columns=[c for c in given if c in table]), given], axis=1)
    if "station" in table:
        for k, name in enumerate(("latitude", "longitude", "elevation")):
            known = table["station"].map({s: place[k] for s, place in coordinates.items()})
            if known.notna().any() and f"station_{name}" not in table:
                table[f"station_{name}"] = known.astype(float)
    first = [name for name in STANDARD_COLUMNS if name in table]
    table = table[[*first, *(name for name in table if name not in first)]]
    place = [coordinates.get(name, (np.nan,) * 3) for name in found.stations]
    stations = pd.DataFrame(place, columns=["latitude", "longitude", "elevation"], dtype=float)
    stations.insert(0, "station", pd.Series(found.stations, dtype=str))
    target = None if target is None else np.asarray(target).astype(str)[rows]
    lines = [
        f"{len(found.data)} events cut out of {origin}: shape {found.data.shape}, "
        f"{found.sampling_rate:g} Hz, components {assembler.components}.",
        f"{len(assembler.report)} findings, see report.",
    ]
    if target is not None and len(target):
        lines.append(class_counts(target))
    return Bunch(
        data=found.data,
        valid=found.valid,
        target=target,
        metadata=table,
        arrivals=arrivals_of(table),
        stations=stations,
        report=assembler.report.to_frame(),
        sampling_rate=found.sampling_rate,
        components=assembler.components,
        DESCR="\n".join(lines),
    )
