"""Detections as files that SeisComP can import."""

from pathlib import Path

import numpy as np

from ._quakeml import catalog_of, remark, scan_of

# ObsPy's stylesheet takes this beginning away, so that ids have no slash: SeisComP uses them as
# names of folders and on the command line.
_SEISCOMP_ID = "smi:org.gfz-potsdam.de/geofon/seisclf-{kind}-{name}"
_VERSIONS = ("0.10", "0.11", "0.12", "0.13")


def write_seiscomp(detections, path, *, stations, event_types, agency, version):
    """Write SCML, see :meth:`Detections.to_seiscomp`."""
    from obspy.core.event import Comment
    from obspy.core.util.base import ENTRY_POINTS

    if version not in _VERSIONS:
        raise ValueError(f"version must be one of {', '.join(_VERSIONS)}; got {version!r}")
    catalog = catalog_of(
        detections,
        event_types=event_types,
        agency=agency,
        id_format=_SEISCOMP_ID,
        place=_placer(detections, stations),
    )
    if len(catalog):
        # Its files have no comments on all events together: the first event carries it.
        catalog[0].comments.append(
            Comment(
                text=remark(scan_of(detections, coverage=False)),
                resource_id=_SEISCOMP_ID.format(kind="comment", name="scan"),
            )
        )
    path = Path(path)
    # ObsPy changed the name in 1.5.
    name = "SCML" if "SCML" in ENTRY_POINTS["event_write"] else "SC3ML"
    catalog.write(str(path), format=name, version=version)
    return path


def _placer(detections, stations):
    from ._station_places import station_places

    located = {"latitude", "longitude"} <= set(detections.to_frame())
    places = None if stations is None else station_places(stations)

    def place(row):
        if located and np.isfinite(row["latitude"]) and np.isfinite(row["longitude"]):
            return row["latitude"], row["longitude"], row.get("depth", np.nan), ""
        for station in row["stations"].split():
            if places is not None and station in places.index:
                at = places.loc[station]
                words = f"not located: this is the place of station {station}, not of the event"
                return at["latitude"], at["longitude"], np.nan, words
        return None

    return place if located or places is not None else None
