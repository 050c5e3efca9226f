"""Catalogues of any kind to one table of events."""

import re
from importlib import import_module
from pathlib import Path

import numpy as np

from ._limits import check_limits
from ._tables import read_table
from ._xml import read_bytes, read_catalog_bytes, read_xml

# Outermost elements, and what ObsPy calls the format.
_ROOTS = {"quakeml": "QUAKEML", "seiscomp": "SCML"}
_XML = re.compile(rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[\s\0]*<")
# Bulletins in text and ObsPy's test of each, in the order in which ObsPy asks. None of them can
# hold code or name other files.
_TEXT_FORMATS = {
    "NLLOC_HYP": "nlloc.core:is_nlloc_hyp",
    "CMTSOLUTION": "cmtsolution.core:_is_cmtsolution",
    "FNETMT": "nied.fnetmt:_is_fnetmt_catalog",
    "FOCMEC": "focmec.core:_is_focmec",
    "GSE2": "gse2.bulletin:_is_gse2",
    "HYPODDPHA": "hypodd.pha:_is_pha",
    "IMS10BULLETIN": "iaspei.core:_is_ims10_bulletin",
    "MCHEDR": "pde.mchedr:_is_mchedr",
    "NDK": "ndk.core:_is_ndk",
    "NORDIC": "nordic.core:_is_sfile",
    "SCARDEC": "scardec.core:_is_scardec",
    "ZMAP": "zmap.core:_is_zmap",
}

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


def read_events(catalog, *, label=None, limits=None):
    """Turn a catalogue into a table with one row per event.

    Parameters
    ----------
    catalog : obspy.Catalog, DataFrame, or path
        A path ending in ``.csv``, ``.txt`` or ``.tsv`` is a table; other files are QuakeML,
        SeisComP's XML or a bulletin in text (Nordic, NonLinLoc, ZMAP, …), by their content.
    label : str or callable, optional
        Column of the class, or a function of an ObsPy event that returns it. Default: the first
        column of label, class, type, event_type, …; for ObsPy the event type.
    limits : seisclf.io.Limits, optional
        Sizes above which a file is refused.

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
        If the table has no column of times, or not the one named by `label`; if a file cannot be
        read, holds a document type or entities, or is over a limit.
    """
    import pandas as pd

    if isinstance(catalog, str | Path):
        catalog = _read(Path(catalog), limits)
    if isinstance(catalog, pd.DataFrame):
        return _from_table(catalog.reset_index(drop=True), label)
    if hasattr(catalog, "events"):
        return _from_obspy(catalog, label)
    raise TypeError(
        f"catalog must be an obspy Catalog, a DataFrame or a path, got {type(catalog).__name__}"
    )


def _read(path, limits):
    if not path.is_file():
        raise FileNotFoundError(f"catalog: {path} does not exist")
    if path.suffix.lower() in (".csv", ".txt", ".tsv"):
        return read_table(path, limits=limits, dtype={"event_id": str, "id": str})
    with open(path, "rb") as file:
        head = file.read(1024)
    if _XML.match(head):
        content, root = read_xml(path, limits=limits)
        if root not in _ROOTS:
            raise ValueError(
                f"{path} is no catalogue: its outermost element is {root!r}, not one of "
                f"{', '.join(_ROOTS)}"
            )
        return read_catalog_bytes(content, _ROOTS[root], str(path))
    return _read_text(path, read_bytes(path, "max_table_bytes", check_limits(limits)))


def _read_text(path, content):
    """A bulletin in a format that is no XML, whichever of those ObsPy recognizes it as."""
    for format, test in _TEXT_FORMATS.items():
        if _is_format(test, path):
            return read_catalog_bytes(content, format, str(path))
    raise ValueError(
        f"{path} is no catalogue that can be read: give QuakeML, a table (.csv, .txt), or one of "
        f"{', '.join(_TEXT_FORMATS)}; of another format the catalogue that obspy.read_events "
        f"returns"
    )


def _is_format(test, path):
    module, _, name = test.partition(":")
    try:
        return getattr(import_module(f"obspy.io.{module}"), name)(str(path))
    except Exception:
        # Of content that they do not know some of these tests raise what they like.
        return False


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
