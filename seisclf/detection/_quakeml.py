"""Detections as QuakeML events, with all that QuakeML has no word for in comments.

A comment holds one line of JSON, ``{"seisclf": {"version": 1, ...}}``; what stands in it is
described in the user guide, "Catalogues".
"""

import json
import re

import numpy as np

from ._exact_json import encoded, frame_to_json
from ._identifiers import content_id, event_ids, pick_ids

# Of the JSON in comments. Readers refuse a newer one; keys may be added without a new version.
COMMENT_VERSION = 1
QUAKEML_ID = "smi:local/seisclf/{kind}/{name}"

# Words of data sets for which QuakeML has a word of its own.
_EVENT_TYPES = {
    "blast": "quarry blast",
    "quarry": "quarry blast",
    "icequake": "ice quake",
    "rockburst": "rock burst",
    "local": "earthquake",
    "regional": "earthquake",
    "teleseism": "earthquake",
    "teleseismic": "earthquake",
    "rock avalanche": "debris avalanche",
    "eruption": "volcanic eruption",
}
# What XML cannot hold, not even as an entity.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def event_type_of(label, event_types=None):
    """QuakeML event type of a class: its own word, a synonym, or ``"other event"``.

    Parameters
    ----------
    label : object
        Class label.
    event_types : dict, optional
        Types that go before the built-in ones.

    Returns
    -------
    event_type : str
        A word of QuakeML's enumeration.

    Examples
    --------
    >>> event_type_of("earthquake"), event_type_of("snow_avalanche"), event_type_of("rockfall")
    ('earthquake', 'snow avalanche', 'other event')
    """
    from obspy.core.event.header import EventType

    if event_types and label in event_types:
        chosen = event_types[label]
        if chosen not in set(EventType):
            raise ValueError(
                f"event_types[{label!r}] = {chosen!r} is no QuakeML event type; one of "
                f"{', '.join(sorted(EventType))}"
            )
        return chosen
    word = str(label).lower().replace("_", " ").replace("-", " ")
    word = _EVENT_TYPES.get(word, word)
    return word if word in set(EventType) else "other event"


def catalog_of(detections, *, event_types=None, agency="local", id_format=QUAKEML_ID, place=None):
    """ObsPy Catalog of detections, with P and S at the stations.

    Parameters
    ----------
    detections : Detections
        What was found.
    event_types : dict, optional
        See :func:`event_type_of`.
    agency : str, default="local"
        Who says so.
    id_format : str
        Of public ids, with places for ``kind`` and ``name``.
    place : callable, optional
        Latitude, longitude, depth (km or NaN) and a remark (or "") for a row of the table (a
        dict), or None. Then the event has an origin there.

    Returns
    -------
    catalog : obspy.core.event.Catalog
        The same for the same detections, to the last letter.
    """
    from obspy.core.event import Catalog

    builder = _Builder(detections, event_types, agency, id_format, place)
    return Catalog(
        events=builder.events(),
        description="events detected by seisclf",
        resource_id=builder.id("catalogue", content_id(builder.ids)),
        creation_info=builder.creation_info(),
        comments=[builder.comment(remark(scan_of(detections)), "scan")],
    )


def scan_of(detections, *, coverage=True):
    """What concerns all detections of a table at once.

    Parameters
    ----------
    detections : Detections
        What was found.
    coverage : bool, default=True
        Whether to include the table of coverage.

    Returns
    -------
    scan : dict
        ``settings``, ``columns`` and ``pick_columns`` (names to types), ``coverage`` and
        ``spans``.
    """
    table = detections.to_frame()
    scan = {
        "settings": encoded(detections.settings),
        "columns": [[str(name), str(dtype)] for name, dtype in table.dtypes.items()],
        "pick_columns": [[str(n), str(dtype)] for n, dtype in detections.picks.dtypes.items()],
    }
    if coverage:
        scan["coverage"] = frame_to_json(detections.coverage_report())
        scan["spans"] = frame_to_json(detections.coverage_spans())
    return scan


class _Builder:
    """Events, picks and their ids."""

    def __init__(self, detections, event_types, agency, id_format, place):
        from seisclf import __version__

        self.table = detections.to_frame()
        self.functions = detections.functions
        self.picks = detections.picks
        self.traces = dict(detections.settings.get("traces") or {})
        self.event_types, self.agency = event_types, agency
        self.id_format, self.place = id_format, place
        self.author = f"seisclf {__version__}"
        self.ids = event_ids(self.table)

    def creation_info(self):
        from obspy.core.event import CreationInfo

        # No time of creation: writing the same detections twice gives the same file.
        return CreationInfo(agency_id=self.agency, author=self.author)

    def events(self):
        of_event = {}
        for pick in self.picks.to_dict("records"):
            of_event.setdefault(pick.pop("detection"), []).append(pick)
        rows = self.table.to_dict("records")
        return [
            self._event(row, event, of_event.get(number, []))
            for number, (row, event) in enumerate(zip(rows, self.ids, strict=True))
        ]

    def _event(self, row, event, own):
        from obspy.core.event import Event, EventDescription

        label = row["class"]
        # The onset is that of the first station. Of an event of the network that no station's
        # own functions show, any station may stand for all.
        stations = row["stations"].split()
        wanted = [((stations or [*self.functions, "network"])[0], "", row["onset"])]
        wanted += [(pick["station"], pick["phase"], pick["time"]) for pick in own]
        names = pick_ids(event, [("".join(stations[:1]), *wanted[0][1:]), *wanted[1:]])
        picks = [self._pick(*pick, name) for pick, name in zip(wanted, names, strict=True)]
        for pick, found in zip(picks[1:], own, strict=True):
            told = {"event": event} | found | {"time": found["time"].isoformat()}
            pick.comments = [self.comment(remark(encoded(told)), f"pick-{pick_name(pick)}")]
        made = Event(
            event_type=event_type_of(label, self.event_types),
            event_type_certainty="suspected",
            resource_id=self.id("event", event),
            creation_info=self.creation_info(),
            event_descriptions=[EventDescription(text=_xml(label))],
            picks=picks,
            comments=[self.comment(remark(_told(row)), f"event-{event}")],
        )
        self._put_origin(made, row, event)
        return made

    def _pick(self, station, phase, time, name):
        from obspy import UTCDateTime
        from obspy.core.event import Pick, QuantityError, WaveformStreamID

        function = self.functions.get(station)
        network, _, code = station.rpartition(".")
        # A scan of an archive keeps no functions, but the trace of each station.
        trace = function.seed_id if function else self.traces.get(station, "")
        seed = trace.split(".") if trace.count(".") == 3 else []
        network, code, location, channel = seed or [network, code, None, None]
        return Pick(
            resource_id=self.id("pick", name),
            time=UTCDateTime(time.isoformat()),
            time_errors=QuantityError(uncertainty=function.step if function else None),
            # Codes of QuakeML have at most 8 letters; the comment has all of them.
            waveform_id=WaveformStreamID(
                network_code=_xml(network)[:8],
                station_code=_xml(code)[:8],
                location_code=None if location is None else _xml(location)[:8],
                channel_code=None if channel is None else _xml(channel)[:8],
            ),
            phase_hint=_xml(phase) or None,
            evaluation_mode="automatic",
            evaluation_status="preliminary",
            creation_info=self.creation_info(),
        )

    def _put_origin(self, event, row, name):
        from obspy import UTCDateTime
        from obspy.core.event import Arrival, Origin

        place = self.place(row) if self.place else None
        if place is None:
            return
        latitude, longitude, depth, words = place
        origin = Origin(
            resource_id=self.id("origin", name),
            time=UTCDateTime(row["onset"].isoformat()),
            latitude=float(latitude),
            longitude=float(longitude),
            depth=float(depth) * 1e3 if np.isfinite(depth) else None,
            evaluation_mode="automatic",
            evaluation_status="preliminary",
            creation_info=self.creation_info(),
            comments=[self.comment(words, f"origin-{name}")] if words else [],
        )
        origin.arrivals = [
            Arrival(
                resource_id=self.id("arrival", pick_name(pick)),
                pick_id=pick.resource_id,
                # What carries no phase is the onset of the event at its first station.
                phase=pick.phase_hint or "P",
                time_weight=0.0,
            )
            for pick in event.picks
        ]
        event.origins = [origin]
        event.preferred_origin_id = origin.resource_id

    def comment(self, text, name):
        from obspy.core.event import Comment

        return Comment(text=text, resource_id=self.id("comment", name))

    def id(self, kind, name):
        from obspy.core.event import ResourceIdentifier

        return ResourceIdentifier(self.id_format.format(kind=kind, name=name))


def _told(row):
    """All that a row of the table holds."""
    probabilities = {k[2:]: v for k, v in row.items() if str(k).startswith("p_")}
    told = {k: v for k, v in row.items() if not str(k).startswith("p_")}
    told |= {
        "onset": row["onset"].isoformat(),
        "end": row["end"].isoformat(),
        "stations": row["stations"].split(),
        "probabilities": probabilities,
    }
    return encoded(told)


def pick_name(pick):
    """The last part of a pick's public id."""
    return str(pick.resource_id.id).rpartition("/")[2]


def remark(content):
    """Text of a comment."""
    return json.dumps({"seisclf": {"version": COMMENT_VERSION} | content}, allow_nan=False)


def _xml(text):
    """Text without characters that XML cannot hold."""
    return _NOT_XML.sub("\ufffd", str(text))
