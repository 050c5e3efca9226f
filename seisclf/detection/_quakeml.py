"""Detections as QuakeML events."""

import json

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


def catalog_of(table, functions, *, picks=None, event_types=None):
    """ObsPy Catalog of a table of detections, and of P and S at the stations."""
    from obspy import UTCDateTime
    from obspy.core.event import (
        Catalog,
        Comment,
        Event,
        EventDescription,
        Pick,
        QuantityError,
        WaveformStreamID,
    )

    catalog = Catalog(description="events detected by seisclf")

    def pick_at(station, time, phase=None):
        function = functions.get(station) if station in functions else None
        return Pick(
            time=UTCDateTime(time.isoformat()),
            time_errors=QuantityError(uncertainty=function.step if function else None),
            waveform_id=WaveformStreamID(
                seed_string=function.seed_id if function else f"{station}.."
            ),
            phase_hint=phase,
            evaluation_mode="automatic",
        )

    for number, row in enumerate(table.to_dict("records")):
        # The onset is that of the first station. Of an event of the network that no station's
        # own functions show, any station may stand for all.
        station = (row["stations"].split() or [*functions, "network"])[0]
        own = [pick_at(station, row["onset"])]
        if picks is not None:
            of_event = picks[picks["detection"] == number]
            own += [pick_at(p.station, p.time, p.phase) for p in of_event.itertuples()]
        remark = {
            "class": str(row["class"]),
            "probability": round(float(row["probability"]), 4),
            "event_probability": round(float(row["event_probability"]), 4),
            "onset": row["onset"].isoformat(),
            "end": row["end"].isoformat(),
            "stations": row["stations"].split(),
            "coverage": round(float(row["coverage"]), 4),
        }
        catalog.append(
            Event(
                event_type=event_type_of(row["class"], event_types),
                event_type_certainty="suspected",
                event_descriptions=[EventDescription(text=str(row["class"]))],
                picks=own,
                comments=[Comment(text=json.dumps({"seisclf": remark}))],
            )
        )
    return catalog
