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


def catalog_of(table, functions, *, event_types=None):
    """ObsPy Catalog of a table of detections."""
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
    for row in table.to_dict("records"):
        station = row["stations"].split()[0]  # the one with the first onset
        function = functions.get(station) if station in functions else None
        seed_id = function.seed_id if function else f"{station}.."
        step = function.step if function else None
        pick = Pick(
            time=UTCDateTime(row["onset"].isoformat()),
            time_errors=QuantityError(uncertainty=step),
            waveform_id=WaveformStreamID(seed_string=seed_id),
            evaluation_mode="automatic",
        )
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
                picks=[pick],
                comments=[Comment(text=json.dumps({"seisclf": remark}))],
            )
        )
    return catalog
