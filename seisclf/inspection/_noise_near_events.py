"""Noise that was recorded too close to an event to be noise."""

import numpy as np
import pandas as pd

_SECOND = 10**9


def noise_near_events(catalog, labels, noise, seconds):
    """Rows of noise whose window lies within `seconds` of an event of the same station.

    Returns
    -------
    found : list of tuple (row, row of the event, gap in s)
        The nearest event; a gap of 0 means that the windows overlap.
    notes : list of str
        What could not be checked.
    """
    is_noise = np.isin(labels, noise)
    if not is_noise.any() or is_noise.all():
        return [], []
    if "start_time" not in catalog:
        return [], ["the catalogue has no start_time: noise near events cannot be recognised"]
    start = _nanoseconds(catalog["start_time"])
    end = _nanoseconds(catalog["end_time"]) if "end_time" in catalog else start.copy()
    end = np.where(np.isnan(end), start, end)
    notes = []
    unknown = int(np.isnan(start[is_noise]).sum())
    if unknown:
        notes.append(f"{unknown} noise rows have no start_time: not compared with events")
    stations = (
        catalog["station"].astype(str).to_numpy() if "station" in catalog else np.zeros(len(start))
    )
    found = []
    for station in np.unique(stations):
        here = (stations == station) & ~np.isnan(start)
        noises, events = np.flatnonzero(here & is_noise), np.flatnonzero(here & ~is_noise)
        if len(noises) and len(events):
            found += _near(noises, events, start, end, seconds)
    return sorted(found), notes


def _near(noises, events, start, end, seconds):
    events = events[np.argsort(start[events], kind="stable")]
    starts, latest_end = start[events], np.maximum.accumulate(end[events])
    found = []
    for row in noises:
        last = np.searchsorted(starts, end[row] + seconds * _SECOND, side="right")
        if not last or latest_end[last - 1] < start[row] - seconds * _SECOND:
            continue
        before, after = start[row] - end[events[:last]], starts[:last] - end[row]
        gaps = np.maximum(0, np.maximum(before, after)) / _SECOND
        nearest = int(gaps.argmin())
        found.append((int(row), int(events[nearest]), float(gaps[nearest])))
    return found


def _nanoseconds(column):
    # As float: exact to 0.3 microseconds, and missing times can be NaN.
    times = pd.to_datetime(column, utc=True, errors="coerce").astype("datetime64[ns, UTC]")
    values = times.astype("int64").to_numpy().astype(float)
    return np.where(times.isna(), np.nan, values)
