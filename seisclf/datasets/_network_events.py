"""From rows that are one station of one event to events over a network."""

import warnings

import numpy as np
from sklearn.utils import Bunch

from ..io import NetworkEvents

# Of a station, not of the event it recorded.
_OF_STATIONS = (
    "station",
    "station_latitude",
    "station_longitude",
    "station_elevation",
    "distance",
    "back_azimuth",
    "p_onset",
    "s_onset",
    "event_start",
    "event_end",
    "snr_db",
    "n_valid",
    "n_components",
)


def to_network_events(bunch, stations=None, *, common_time=False):
    """Bring the recordings of each event together, with distances and places of the stations.

    Parameters
    ----------
    bunch : :class:`~sklearn.utils.Bunch`
        A set whose rows are one station of one event each, with ``event_id`` and ``station`` in
        its metadata (:func:`load_kachchh`, ``make_seismic_events(as_rows=True)``); or a set of
        network events, whose ``arrivals`` or ``metadata`` know distances
        (:func:`make_seismic_events` of several stations).
    stations : sequence of str, optional
        Stations in the order wanted, ``"NET.STA"``. Default: all that occur, sorted. Recordings
        of other stations are left out, and events that then have none. Network events are asked
        for stations only if all have the same.
    common_time : bool, default=False
        Whether the recordings of an event get the same time axis, by ``start_time`` in the
        metadata of rows, so that a record section shows how waves move out. Where a recording
        was cut around its own arrival, it is filled up with its mean on both sides, and
        ``n_samples`` grows to the longest time that the recordings of one event cover together.
        False: all are taken as they were cut.

    Returns
    -------
    network : :class:`~sklearn.utils.Bunch`
        With the attributes

        data : NetworkEvents of shape (n_events, n_stations, n_components, n_samples)
            Waveforms; a station that did not record is NaN. With ``offsets`` (km) and
            ``stations`` (degrees) as far as known.
        target : ndarray of shape (n_events,)
            Class of each event.
        metadata : DataFrame
            One row per event: what does not belong to a station, ``start_time`` the earliest,
            ``end_time`` the latest. Where recordings of one event differ, a warning says so.
        rows : ndarray of int of shape (n_events, n_stations)
            The row of ``bunch`` each recording comes from, -1 where there is none. Of network
            events: the event's row.
        stations : DataFrame or None
            One row for each place of the second axis, if all events have the same stations.
        sampling_rate, components, DESCR : object
            As in `bunch`.

    Raises
    ------
    TypeError
        If `bunch` is no such set.
    ValueError
        If the metadata do not say what is needed, an event has two recordings of one station, or
        classes within an event differ; or if `stations` or times do not fit.

    Examples
    --------
    >>> from seisclf.datasets import make_seismic_events, to_network_events
    >>> rows = make_seismic_events(
    ...     6, n_stations=4, missing_station_probability=0.2, as_rows=True, n_sites=1,
    ...     classes=["earthquake", "quake"], n_samples=500, random_state=0,
    ... )
    >>> rows.data.shape
    (22, 3, 500)
    >>> network = to_network_events(rows)
    >>> network.data
    NetworkEvents(shape=(6, 4, 3, 500), dtype=float32, with offsets and stations)
    >>> network.data.offsets[0].round(1)
    array([6.3, 5.8, 7.1, 6.3])
    """
    lacking = [name for name in ("data", "metadata", "sampling_rate") if not hasattr(bunch, name)]
    if lacking:
        raise TypeError(
            f"to_network_events needs a Bunch as of seisclf.datasets; this {type(bunch).__name__} "
            f"has no {' and no '.join(lacking)}. Arrays become network events by "
            f"seisclf.io.NetworkEvents(waveforms, offsets=...)"
        )
    if len(bunch.data) != len(bunch.metadata):
        raise ValueError(
            f"data has {len(bunch.data)} rows and metadata {len(bunch.metadata)}: select the same "
            f"of both"
        )
    if bunch.data.ndim == 4:
        return _of_networks(bunch, stations)
    return _of_rows(bunch, stations, common_time)


def _of_rows(bunch, stations, common_time):
    metadata = bunch.metadata
    lacking = [name for name in ("event_id", "station") if name not in metadata]
    if lacking or bunch.data.ndim != 3:
        raise ValueError(
            f"to_network_events needs rows (n_rows, n_components, n_samples) with the columns "
            f"event_id and station in their metadata; got data of shape {tuple(bunch.data.shape)}"
            f"{', without ' + ' and '.join(lacking) if lacking else ''}"
        )
    for name in ("event_id", "station"):
        if lacking := np.flatnonzero(metadata[name].isna() | (metadata[name] == "")).tolist():
            raise ValueError(
                f"to_network_events needs {name} of every row; {len(lacking)} of {len(metadata)} "
                f"have none, first row {lacking[0]}: leave them out, or give each its own"
            )
    names = np.asarray(metadata["station"], dtype=str)
    stations = _chosen(names, stations)
    kept = np.flatnonzero(np.isin(names, stations))
    ids, event = _numbered(np.asarray(metadata["event_id"], dtype=str)[kept])
    station = _index_of(names[kept], stations)
    rows = np.full((len(ids), len(stations)), -1)
    if len(np.unique(event * len(stations) + station)) < len(kept):
        raise ValueError(
            "to_network_events found events with two recordings of one station: leave out all "
            "but one of them, e.g. metadata.drop_duplicates(['event_id', 'station'])"
        )
    rows[event, station] = kept
    recorded = rows >= 0
    cut = np.asarray(bunch.data[rows[recorded]])
    if cut.dtype.kind != "f":
        cut = cut.astype(np.float64)  # whole numbers know no NaN
    if common_time:
        cut = _on_common_time(cut, metadata.iloc[rows[recorded]], bunch.sampling_rate)
    waveforms = np.full((*rows.shape, *cut.shape[1:]), np.nan, dtype=cut.dtype)
    waveforms[recorded] = cut

    def of_stations(column):
        values = np.full(rows.shape, np.nan)
        values[recorded] = metadata[column].to_numpy(dtype=float)[rows[recorded]]
        return values

    return _network_bunch(
        bunch,
        NetworkEvents(
            waveforms,
            offsets=of_stations("distance") if "distance" in metadata else None,
            stations=_places(metadata, stations),
        ),
        target=_agreed_target(bunch.target, event, kept, ids),
        metadata=_of_events(metadata.iloc[kept], event),
        rows=rows,
        stations=_station_table(bunch, stations),
    )


def _of_networks(bunch, stations):
    n_events, n_stations = bunch.data.shape[:2]
    arrivals = bunch.get("arrivals")
    offsets = places = table = None
    if arrivals is not None and "distance" in arrivals:
        offsets = arrivals["distance"].to_numpy(dtype=float).reshape(n_events, n_stations)
    if arrivals is not None and bunch.get("stations") is not None:
        names = arrivals.index.get_level_values("station")
        found = bunch.stations.set_index("station").loc[names, ["latitude", "longitude"]]
        places = found.to_numpy(dtype=float).reshape(n_events, n_stations, 2)
        same = np.reshape(names, (n_events, n_stations))
        if n_events and (same == same[0]).all():
            table = _station_table(bunch, same[0])
    rows = np.broadcast_to(np.arange(n_events)[:, np.newaxis], (n_events, n_stations))
    data = NetworkEvents(bunch.data, offsets=offsets, stations=places)
    target, metadata = bunch.target, bunch.metadata
    if stations is not None:
        if table is None:
            raise ValueError(
                "stations= needs events of which all have the same stations, by names in stations "
                "and arrivals: select by number in the result, data[:, [...]]"
            )
        stations = _chosen(np.asarray(table["station"], dtype=str), stations)
        which = _index_of(stations, np.asarray(table["station"], dtype=str))
        data, table = data[:, which], table.iloc[which].reset_index(drop=True)
        kept = data.recorded.any(axis=1)
        data, rows, target = data[kept], rows[kept][:, which], np.asarray(target)[kept]
        metadata = metadata[kept].reset_index(drop=True)
    return _network_bunch(bunch, data, target=target, metadata=metadata, rows=rows, stations=table)


def _on_common_time(waveforms, metadata, sampling_rate):
    """Recordings (n, n_components, n_samples), moved to the earliest start of their event."""
    if "start_time" not in metadata or metadata["start_time"].isna().any():
        raise ValueError(
            "common_time=True needs start_time of every recording in the metadata: give it, or "
            "leave the recordings as they were cut, common_time=False"
        )
    start = metadata["start_time"]
    if start.dtype.kind != "M":
        raise ValueError(
            f"common_time=True needs start_time as times, got {start.dtype}: "
            f"metadata['start_time'] = pandas.to_datetime(metadata['start_time'], utc=True)"
        )
    first = start.groupby(metadata["event_id"].to_numpy()).transform("min")
    delay = (start - first).dt.total_seconds().to_numpy()
    n = waveforms.shape[-1]
    if delay.max(initial=0.0) > 10 * n / sampling_rate:
        event = metadata["event_id"].iloc[int(delay.argmax())]
        raise ValueError(
            f"recordings of the event {event!r} begin {delay.max():.0f} s apart, windows of "
            f"{n / sampling_rate:g} s: are these one event? Leave it out, or common_time=False"
        )
    shift = np.round(delay * sampling_rate).astype(int)
    longer = np.empty((*waveforms.shape[:-1], n + shift.max(initial=0)), waveforms.dtype)
    longer[:] = waveforms.mean(axis=-1, dtype=np.float64, keepdims=True)
    place = shift[:, np.newaxis, np.newaxis] + np.arange(n)
    np.put_along_axis(longer, place, waveforms, axis=-1)
    return longer


def _network_bunch(bunch, data, **more):
    return Bunch(
        data=data,
        **more,
        sampling_rate=bunch.sampling_rate,
        components=bunch.components,
        DESCR=bunch.get("DESCR", ""),
    )


def _chosen(names, stations):
    if stations is None:
        return np.unique(names)
    if isinstance(stations, str) or len(stations) == 0 or len(set(stations)) < len(stations):
        raise ValueError(
            f"stations must be a list of names, at least one and none twice; got {stations!r}"
        )
    stations = np.asarray(stations, dtype=str)
    if unknown := sorted(set(stations.tolist()) - set(names.tolist())):
        raise ValueError(
            f"stations={stations.tolist()}: {unknown} recorded nothing; there are "
            f"{np.unique(names).tolist()}"
        )
    return stations


def _numbered(ids):
    """Different values in the order in which they come, and the number of each row."""
    values, first, number = np.unique(ids, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return values[order], np.argsort(order)[number]


def _index_of(names, stations):
    order = np.argsort(stations)
    return order[np.searchsorted(stations, names, sorter=order)]


def _places(metadata, stations):
    """Latitude and longitude of each station, also where it did not record; or None."""
    columns = ["station_latitude", "station_longitude"]
    if any(name not in metadata for name in columns):
        return None
    table = metadata.groupby("station")[columns]
    moved = (table.max() - table.min()).max(axis=1)
    if (moved > 1e-3).any():
        warnings.warn(
            f"the coordinates of {moved.index[moved > 1e-3].tolist()} change from row to row: "
            f"the first are taken for all events",
            UserWarning,
            stacklevel=4,
        )
    return table.first().loc[list(stations)].to_numpy(dtype=float)


def _station_table(bunch, stations):
    table = bunch.get("stations")
    if table is None:
        return None
    return table.set_index("station").loc[list(stations)].reset_index()


def _agreed_target(target, event, kept, ids):
    if target is None:
        return None
    target = np.asarray(target)[kept]
    first = np.unique(event, return_index=True)[1]
    of_event = target[first]
    differs = target != of_event[event]
    if target.dtype.kind == "f":
        differs &= ~(np.isnan(target) & np.isnan(of_event[event]))
    if (wrong := event[differs]).size:
        raise ValueError(
            f"recordings of the event {str(ids[wrong[0]])!r} have different classes (or other "
            f"targets): give each event one"
        )
    return of_event


def _of_events(metadata, event):
    """One row per event, of what does not belong to a station."""
    columns = [
        name
        for name in metadata.columns
        if name not in _OF_STATIONS and not name.startswith(("trace_", "station_", "path_"))
    ]
    groups = metadata[columns].groupby(event, sort=True)
    table = groups.first().reset_index(drop=True)
    for name, reduce in (("start_time", "min"), ("end_time", "max")):
        if name in table:
            table[name] = getattr(groups[name], reduce)().reset_index(drop=True)
    differ = {
        name: int((groups[name].nunique(dropna=False) > 1).sum())
        for name in columns
        if name not in ("start_time", "end_time")
    }
    if differ := {name: n for name, n in differ.items() if n}:
        named = ", ".join(f"{name} ({n} events)" for name, n in differ.items())
        warnings.warn(
            f"recordings of one event differ in {named}: the first is taken",
            UserWarning,
            stacklevel=4,
        )
    return table
