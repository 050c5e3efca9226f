"""Catalogues of any kind to one table of events."""

from pathlib import Path

import numpy as np

# Names under which tables hold the same thing, the first that is there is taken.
_COLUMNS = {
    "time": ("time", "origin_time", "start_time", "starttime", "event_time", "datetime", "onset"),
    "label": ("label", "class", "type", "event_type", "target", "source_type"),
    "event_id": ("event_id", "id", "eventid", "source_id", "event"),
    "station": ("station", "station_id"),
    "source_latitude": ("source_latitude", "latitude", "lat"),
    "source_longitude": ("source_longitude", "longitude", "lon"),
    "source_depth": ("source_depth", "depth_km", "depth"),
    "magnitude": ("magnitude", "mag"),
}
_NUMBERS = ("source_latitude", "source_longitude", "source_depth", "magnitude")


def read_events(catalog, *, label=None):
    """Turn a catalogue into a table with one row per event.

    Parameters
    ----------
    catalog : obspy.Catalog, DataFrame, or path
        A path ending in ``.csv`` or ``.txt`` is a table, any other is read by ObsPy (QuakeML, …).
    label : str or callable, optional
        Column of the class, or a function of an ObsPy event that returns it. Default: the first
        column of label, class, type, event_type, …; for ObsPy the event type.

    Returns
    -------
    table : DataFrame
        With ``event_id`` (str), ``time`` (UTC, in ns), ``label`` (str or None); where known
        ``station``, ``source_latitude``, ``source_longitude``, ``source_depth`` (km),
        ``magnitude``, and of a table its other columns. ``picks`` holds for ObsPy events a
        dict of (station, phase) to UTC nanoseconds.

    Raises
    ------
    ValueError
        If the table has no column of times, or not the one named by `label`.
    """
    import pandas as pd

    if isinstance(catalog, str | Path):
        catalog = _read(Path(catalog))
    if isinstance(catalog, pd.DataFrame):
        return _from_table(catalog.reset_index(drop=True), label)
    if hasattr(catalog, "events"):
        return _from_obspy(catalog, label)
    raise TypeError(
        f"catalog must be an obspy Catalog, a DataFrame or a path, got {type(catalog).__name__}"
    )


def _read(path):
    import pandas as pd

    if not path.is_file():
        raise FileNotFoundError(f"catalog: {path} does not exist")
    if path.suffix.lower() in (".csv", ".txt"):
        return pd.read_csv(path, sep=None, engine="python", dtype={"event_id": str, "id": str})
    from obspy import read_events as read

    return read(str(path))


def _from_table(table, label):
    import pandas as pd

    from ._times import to_utc

    if isinstance(label, str) and label not in table:
        raise ValueError(f"label={label!r}: the catalogue has no such column; {list(table)}")
    if callable(label):
        raise TypeError("label must name a column when the catalogue is a table")
    new = {}
    for name, candidates in _COLUMNS.items():
        found = label if name == "label" and label else None
        lower = {str(column).lower(): column for column in table}
        found = found or next((lower[c] for c in candidates if c in lower), None)
        if found is not None:
            new[name] = table[found]
    if "time" not in new:
        raise ValueError(
            f"the catalogue has no column of times: name it 'time'; it has {list(table)}"
        )
    new["time"] = to_utc(new["time"])
    for name in _NUMBERS:
        if name in new:
            new[name] = pd.to_numeric(new[name], errors="coerce").astype(float)
    events = pd.DataFrame(new, index=table.index)
    if "event_id" in events:
        events["event_id"] = events["event_id"].astype(object).map(str)
    else:
        events["event_id"] = [str(i) for i in range(len(events))]
    if "label" not in events:
        events["label"] = None
    events["label"] = [None if pd.isna(v) else str(v) for v in events["label"]]
    if "station" in events:
        events["station"] = [None if pd.isna(v) else str(v) for v in events["station"]]
    events["picks"] = [{}] * len(events)
    return pd.concat([events, table[[c for c in table if c not in events]]], axis=1)


def _from_obspy(catalog, label):
    import pandas as pd

    if isinstance(label, str):
        raise TypeError(
            "label must be a function of an event for an ObsPy catalogue, e.g. label=lambda "
            f"event: event.event_type; got {label!r}"
        )
    rows = []
    for number, event in enumerate(catalog):
        origin = event.preferred_origin() or (event.origins or [None])[0]
        magnitude = event.preferred_magnitude() or (event.magnitudes or [None])[0]
        name = label(event) if label else event.event_type
        depth = getattr(origin, "depth", None)
        id = str(event.resource_id.id).rpartition("/")[2] if event.resource_id else str(number)
        rows.append(
            {
                "event_id": id,
                "time": _time(origin, event),
                "label": None if name is None else str(name),
                "source_latitude": getattr(origin, "latitude", None),
                "source_longitude": getattr(origin, "longitude", None),
                "source_depth": None if depth is None else depth / 1000.0,
                "magnitude": getattr(magnitude, "mag", None),
                "picks": _picks(event, origin),
            }
        )
    table = pd.DataFrame(rows, columns=None if rows else ["event_id", "time", "label", "picks"])
    table["time"] = pd.to_datetime(table["time"], unit="ns", utc=True).dt.as_unit("ns")
    for name in _NUMBERS:
        if name in table:
            table[name] = pd.to_numeric(table[name]).astype(float)
    table["label"] = table["label"].astype(object).where(table["label"].notna(), None)
    return table


def _time(origin, event):
    """Origin time, or without an origin the first pick, in UTC nanoseconds."""
    if origin is not None and origin.time is not None:
        return origin.time.ns
    return min((p.time.ns for p in event.picks), default=None)


def _picks(event, origin):
    """{(station, "P" or "S"): first time}; the phase from the arrival if the pick has none."""
    phases = {a.pick_id.id: a.phase for a in getattr(origin, "arrivals", ()) if a.pick_id}
    found = {}
    for pick in event.picks:
        phase = pick.phase_hint or phases.get(pick.resource_id.id) or ""
        code = pick.waveform_id
        if phase[:1].upper() not in ("P", "S") or code is None:
            continue
        network, station = code.network_code or "", code.station_code
        key = f"{network}.{station}" if network else station, phase[:1].upper()
        found[key] = int(min(found.get(key, np.iinfo(np.int64).max), pick.time.ns))
    return found
