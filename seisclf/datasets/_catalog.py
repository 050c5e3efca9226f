"""Events of a catalogue cut out of continuous or event-wise recordings."""

import numpy as np

from ..io import read_records
from ..io._catalog import read_events
from ..io._components import RATE_TOLERANCE, check_components
from ..io._report import Report
from ..io._sources import open_source
from ..io._streams import SENTINELS
from ._assemble import Assembler, EventRecords
from ._streams import coordinates_of, make_bunch

# Beyond the window, for resampling filters and traces that begin between samples.
_MARGIN_S = 5.0


def events_from_catalog(
    catalog,
    waveforms,
    *,
    before,
    after,
    label=None,
    components="ZNE",
    sampling_rate=None,
    resample=False,
    stations=None,
    as_rows=False,
    missing="raise",
    gaps="raise",
    inventory=None,
    rate_tolerance=RATE_TOLERANCE,
    sentinels=SENTINELS,
    dtype="float32",
    limits=None,
    return_X_y=False,
):
    """Cut the events of a catalogue out of recordings.

    What cannot be cut (no data, gaps, missing components, no class) is left out and listed in
    ``report`` with the reason; the other events are not touched by it.

    Parameters
    ----------
    catalog : obspy.Catalog, DataFrame, str or pathlib.Path
        Events: an ObsPy catalogue or a file of one (QuakeML, …), or a table or CSV file with a
        column ``time`` (UTC) and, if known, ``class`` (or ``label``, ``type``), ``event_id``,
        ``station`` and further columns, which are kept. With ``station``, each row is an event
        at that station.
    waveforms : obspy.Stream, str, pathlib.Path, list of paths, dict, or client
        Recordings: a stream, a file, a folder (searched to any depth), a pattern such as
        ``"data/*.mseed"``; a client with ``get_waveforms`` (an SDS archive opened with
        `obspy.clients.filesystem.sds.Client`, an FDSN server); or a dict with one of these for
        each event name.
    before, after : float
        Window in seconds before and after the event's time: origin time of an ObsPy event,
        ``time`` of a table.
    label : str or callable, optional
        Column of the class, or for ObsPy events a function that returns it. Default: ``label``,
        ``class``, ``type``, …; ``event_type`` of ObsPy events.
    components : str, default="ZNE"
        Components wanted, one letter each.
    sampling_rate : float, optional
        Rate in Hz. Default: the recordings' own, which must then be one, up to clock error.
    resample : bool, default=False
        Allow recordings of another rate and resample them, with an anti-alias filter.
    stations : str or list of str, optional
        One station (no station axis), or several, along the second axis. Default: all that
        recorded any of the events; an axis only if there are several.
    as_rows : bool, default=False
        Make a row of each event at each station that recorded it instead of a station axis.
    missing : {"raise", "nan", "zero"}, default="raise"
        A missing component or station: leave the event out, or fill with NaN or zeros.
    gaps : {"raise", "interpolate", "zero", "nan"}, default="raise"
        Samples that were not recorded: leave the event out, or fill them.
    inventory : obspy.Inventory, optional
        Coordinates of stations, for those whose headers have none.
    rate_tolerance : float, default=1e-4
        Largest relative difference of rates that is taken for clock error.
    sentinels : tuple of int, default=(-2147483648,)
        Values that stand for "not recorded".
    dtype : {"float32", "float64"}, default="float32"
        dtype of the waveforms.
    limits : seisclf.io.Limits, optional
        Sizes above which a file, the catalogue's or one of recordings, is refused.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        As :func:`from_streams` returns it. ``metadata`` has ``origin_time`` (the catalogue's
        time), what the catalogue tells of the source, ``p_onset`` and ``s_onset`` from picks,
        and ``distance`` and ``back_azimuth`` where both ends are known. ``target`` is None if
        the catalogue has no classes.

    (data, target) : tuple
        If `return_X_y` is true.

    Raises
    ------
    ValueError
        If no event at all can be cut, or recordings have different rates and it was not said
        what to do.

    See Also
    --------
    from_streams : The same for one stream per event.
    cut_windows : Cut shorter windows around the onsets found here.

    Examples
    --------
    >>> import pandas as pd
    >>> from obspy import read
    >>> from seisclf.datasets import events_from_catalog
    >>> record = read()
    >>> catalog = pd.DataFrame({
    ...     "time": ["2009-08-24T00:20:07.7", "2009-08-24T00:20:20", "2009-08-24T12:00:00"],
    ...     "class": ["earthquake", "noise", "noise"]})
    >>> events = events_from_catalog(catalog, record, before=2.0, after=8.0)
    >>> events.data.shape, events.target.tolist()
    ((2, 3, 1000), ['earthquake', 'noise'])
    >>> events.report.iloc[0].tolist()
    ['2', 'all', 'no waveforms between 2009-08-24T11:59:58.000000Z and \
2009-08-24T12:00:08.000000Z', 'event left out']
    """
    if not before + after > 0:
        raise ValueError(f"before + after must be positive, got {before!r} + {after!r} seconds")
    report = Report()
    table = read_events(catalog, label=label, limits=limits)
    if not len(table):
        raise ValueError("catalog has no events: there is nothing to cut")
    by_station = "station" in table and table["station"].notna().any()
    assembler = Assembler(
        components=check_components(components),
        sampling_rate=sampling_rate,
        duration=before + after,
        stations=stations,
        as_rows=as_rows or by_station,
        missing=missing,
        gaps=gaps,
        resample=resample,
        dtype=np.dtype(dtype),
        report=report,
    )
    door = {"rate_tolerance": rate_tolerance, "sentinels": sentinels, "dtype": dtype}
    reader = _Reader(waveforms, report, before, after, door, limits)
    events = reader.read(_usable(table, report), stations)
    found = assembler.assemble(events)
    for event, text in found.problems:
        report.add(event.id, event.station or "all", text, "event left out")
    if not len(found.data):
        reasons = "\n".join(f"- {' | '.join(row)}" for row in report.rows[-5:])
        raise ValueError(
            f"none of the {len(table)} events can be cut. The last findings:\n{reasons}"
        )
    target = table["label"] if table["label"].notna().any() else None
    coordinates = _inventory_coordinates(inventory) | reader.coordinates
    bunch = make_bunch(found, assembler, target, _given(table), coordinates, "a catalogue")
    _add_onsets(bunch, table.loc[[row["row"] for row in found.rows], "picks"])
    _add_geometry(bunch.metadata)
    return (bunch.data, bunch.target) if return_X_y else bunch


def _usable(table, report):
    """Rows with a time and, in a catalogue of classes, a class."""
    keep = table["time"].notna()
    for row in table[~keep].itertuples():
        report.add(row.event_id, "all", "no time", "event left out")
    if table["label"].notna().any():
        unlabelled = keep & table["label"].isna()
        for row in table[unlabelled].itertuples():
            report.add(row.event_id, "all", "no class", "event left out")
        keep &= ~unlabelled
    return table[keep]


class _Reader:
    """Fetches the records around each event, one event after the other."""

    def __init__(self, waveforms, report, before, after, door, limits):
        if isinstance(waveforms, dict):
            self.sources = {str(k): open_source(w, report, limits) for k, w in waveforms.items()}
            self.source = None
        else:
            self.source = open_source(waveforms, report, limits)
        self.report, self.door = report, door
        self.before, self.after = before, after
        self.coordinates = {}

    def read(self, table, stations):
        times = table["time"].astype("int64").to_numpy()
        own = table["station"] if "station" in table else [None] * len(table)
        only = stations if isinstance(stations, str) else None
        events = []
        for row, id, time, station in zip(table.index, table["event_id"], times, own, strict=True):
            event = EventRecords(
                id=id,
                records={},
                start_ns=int(time) - round(self.before * 1e9),
                station=station or None,
                row=row,
            )
            event.records = self._records(event, station or only)
            if event.records:
                events.append(event)
        return events

    def _records(self, event, station):
        start, margin = event.start_ns, round(_MARGIN_S * 1e9)
        end = start + round((self.before + self.after) * 1e9)
        source = self.source or self.sources.get(event.id)
        if source is None:
            self._left_out(event, "waveforms has no entry of this name")
            return {}
        try:
            stream = source.get(start - margin, end + margin, station)
        except Exception as error:
            # Clients raise what they like; the other events must not suffer.
            self._left_out(event, f"{type(error).__name__}: {' '.join(str(error).split())[:160]}")
            return {}
        if not any(t.stats.starttime.ns < end and t.stats.endtime.ns >= start for t in stream):
            self._left_out(event, f"no waveforms between {_iso(start)} and {_iso(end)}")
            return {}
        self.coordinates |= coordinates_of(stream)
        return read_records(
            stream,
            start_ns=start - margin,
            end_ns=end + margin,
            report=self.report,
            event=event.id,
            **self.door,
        )

    def _left_out(self, event, what):
        self.report.add(event.id, event.station or "all", what, "event left out")


def _iso(ns):
    from obspy import UTCDateTime

    return str(UTCDateTime(ns=int(ns)))


def _given(table):
    """What the catalogue tells, under our names."""
    given = table.drop(columns=["picks", "label"]).rename(columns={"time": "origin_time"})
    return given.loc[:, ~given.columns.duplicated()]


def _inventory_coordinates(inventory):
    places = {}
    for network in inventory or ():
        for station in network:
            place = station.latitude, station.longitude, station.elevation
            places[f"{network.code}.{station.code}"] = tuple(map(float, place))
    return places


def _add_onsets(bunch, picks):
    """P and S of the row's station; in a network the first that any station has."""
    table = bunch.metadata
    for phase, name in (("P", "p_onset"), ("S", "s_onset")):
        onset = np.full(len(table), np.nan)
        for i, (start, found) in enumerate(zip(table["start_time"], picks, strict=True)):
            station = table["station"][i] if "station" in table else None
            times = [t for (s, p), t in found.items() if p == phase and station in (None, s)]
            if times:
                onset[i] = (min(times) - start.value) / 1e9
        if np.isfinite(onset).any() and name not in table:
            table[name] = onset
            bunch.arrivals[phase] = onset


def _add_geometry(table):
    """Epicentral distance in km and back-azimuth in degrees, where both ends are known."""
    from obspy.geodetics import gps2dist_azimuth

    ends = ("source_latitude", "source_longitude", "station_latitude", "station_longitude")
    if not all(name in table for name in ends):
        return
    known = table[list(ends)].notna().all(axis=1)
    found = np.full((len(table), 2), np.nan)
    for i in np.flatnonzero(known):
        metres, _, back = gps2dist_azimuth(*table.loc[i, list(ends)])
        found[i] = metres / 1000.0, back
    for k, name in enumerate(("distance", "back_azimuth")):
        if name not in table:
            table[name] = found[:, k]
