"""What a page says of stations, of what they recorded, and of files."""

from seisclf.utils._document import literal

from . import _report_pictures as pictures
from ._report_words import MOST_LINES, by_station, cut_off, literal_table
from ._station_places import station_places


def map_section(document, data, stations):
    """Stations, and events that were located."""
    located = {"latitude", "longitude"} <= set(data.table)
    if stations is None and not located:
        return
    document.section("Map")
    places = station_places({} if stations is None else stations)
    seen = set(data.table["stations"].str.split().explode().dropna())
    seen |= set(data.spans["station"])
    unplaced = sorted(seen - set(places.index))
    used = places.loc[[code for code in places.index if code in seen]] if seen else places
    used = used if len(used) else places
    note = ""
    if unplaced and stations is not None:
        note = f" Without a place: {literal(', '.join(unplaced[:20]))}."
    document.figure(
        pictures.station_map(data, used, located=located), "map",
        "Triangles: stations, larger the more events they saw (how many, in brackets)."
        + (" Dots: places of events." if located else " Events were not located.") + note,
    )  # fmt: skip


def coverage_section(document, data, report):
    """When stations recorded."""
    document.section("Coverage")
    if not len(report):
        document.text("It is not known what was scanned: these detections do not say.")
        return
    if len(data.spans):
        first, last = data.spans["start"].min(), data.spans["end"].max()
        seconds = (data.spans["end"] - data.spans["start"]).dt.total_seconds()
        possible = (last - first).total_seconds() * data.spans["station"].nunique()
        share = float(data.spans["covered"] @ seconds) / possible if possible else 0.0
        document.text(
            f"{100 * min(share, 1.0):.1f} % of the time from the first to the last record, "
            f"over all stations that recorded, holds data and was scanned."
        )
    document.table(
        literal_table(by_station(report).head(MOST_LINES)),
        caption="`covered` is the share, from `start` to `end`, that holds data and was "
        f"scanned.{cut_off(report['station'].nunique())}",
    )


def findings_section(document, found):
    """What was wrong with files."""
    if found is None:
        return
    document.section("Read findings")
    frame = found if hasattr(found, "columns") else found.to_frame()
    if not len(frame):
        document.text("Nothing was wrong with any file.")
        return
    if "kind" in frame:
        counts = frame["kind"].value_counts().rename_axis("kind").reset_index(name="findings")
        document.table(literal_table(counts), caption="How often each kind was found.")
    names = ("kind", "what", "action", "trace", "start", "file")
    columns = [name for name in names if name in frame]
    document.table(
        literal_table(frame[columns or list(frame)].head(MOST_LINES)),
        caption=f"What was found while reading, and what was done.{cut_off(len(frame))}",
    )
