"""Detections of single stations become events of a network."""

import heapq

import numpy as np

from ._coverage_spans import CoverageIndex

# A sphere is up to so much shorter than the Earth; windows must not be too short.
_SPHERE = 1.006
_RADIUS = 6371.0


def associate_table(
    detections,
    *,
    min_stations,
    max_delay=None,
    stations=None,
    velocity=None,
    onset_error=1.0,
):
    """Join detections of several stations whose onsets agree, see `Detections.associate`.

    Parameters
    ----------
    detections : Detections
        Of single stations.
    min_stations : int or float
        Events seen by fewer stations are left out; below 1, a share of those that recorded.
    max_delay : float, optional
        Seconds between the first and the last onset of an event.
    stations : object, optional
        Where stations are, see :func:`station_places`.
    velocity : float, optional
        Slowest wave in km/s.
    onset_error : float
        Seconds by which the difference of two onsets may be wrong.

    Returns
    -------
    events : pandas.DataFrame
        The same columns and ``recording``, one row per event, in order of onset.
    rows : list of list of int
        Rows of the table that each event was made of.
    """
    import pandas as pd

    table = detections.to_frame()
    reach = _reach(table, max_delay, stations, velocity, onset_error)
    if not (min_stations >= 1 and min_stations == int(min_stations) or 0 < min_stations < 1):
        raise ValueError(
            f"min_stations must be at least 1, or a share between 0 and 1 of the stations that "
            f"were recording; got {min_stations}"
        )
    groups = _groups(table, reach)
    coverage = CoverageIndex(detections)
    if min_stations < 1 and not coverage.known:
        raise ValueError(
            f"min_stations={min_stations} is a share of the stations that were recording, but "
            f"these detections do not say which were: give a number"
        )
    events, rows = [], []
    records = table.to_dict("records")
    for group in groups:
        if len(group) < min_stations:
            continue
        members = [[records[row] for row in own] for own in group]
        event = _join(members, [name for name in table if str(name).startswith("p_")])
        n_recording = None
        if coverage.known:
            n_recording = max(coverage.recording(event["onset"], event["end"]), len(group))
            event["recording"] = n_recording
        if len(group) < _needed(min_stations, n_recording):
            continue
        events.append(event)
        rows.append(sorted(row for own in group for row in own))
    columns = list(table)
    if coverage.known and "recording" not in columns:
        columns.insert(columns.index("coverage") + 1, "recording")
    # Columns that were added to the table are those of single stations and say nothing here.
    known = ["class", "onset", "end", "probability", "event_probability", "stations", "coverage"]
    known += ["recording", *(name for name in columns if str(name).startswith("p_"))]
    columns = [name for name in columns if name in known]
    empty = table.iloc[:0].assign(recording=0)[columns]
    if not events:
        return empty, []
    joined = pd.DataFrame(events, columns=columns)
    order = joined.sort_values(["onset", "stations"], kind="stable").index
    return joined.loc[order].reset_index(drop=True), [rows[i] for i in order]


def _needed(min_stations, n_recording):
    # A share of one station is no agreement of stations.
    return min_stations if min_stations >= 1 else max(2, int(np.ceil(min_stations * n_recording)))


def _reach(table, max_delay, stations, velocity, onset_error):
    """Longest differences of onsets: one number, or a matrix with the number of each station."""
    if (stations is None) != (velocity is None):
        raise ValueError(
            "stations= and velocity= belong together: where stations are, and the slowest wave "
            "(km/s)"
        )
    if max_delay is not None and not max_delay >= 0:
        raise ValueError(f"max_delay must not be negative; got {max_delay:g} s")
    codes = sorted(set(table["stations"]))
    if stations is None:
        longest = 5.0 if max_delay is None else float(max_delay)
        return codes, np.full((len(codes), len(codes)), longest)
    from ._station_places import station_places

    if not (np.isscalar(velocity) and velocity > 0):
        raise ValueError(f"velocity must be a positive number, in km/s; got {velocity!r}")
    if not onset_error >= 0:
        raise ValueError(f"onset_error must not be negative; got {onset_error:g} s")
    places = station_places(stations)
    several = [code for code in codes if len(code.split()) != 1]
    if several:
        raise ValueError(
            f"travel times need detections of single stations; there are events of "
            f"{several[0]!r}, associated already or found by a network"
        )
    absent = [code for code in codes if code not in places.index]
    if absent:
        raise ValueError(
            f"stations lacks {', '.join(absent)}; it has {', '.join(places.index[:10])}"
        )
    reach = _distances(places.loc[codes]) * _SPHERE / float(velocity) + onset_error
    return codes, reach if max_delay is None else np.minimum(reach, max_delay)


def _distances(places):
    """Kilometres between all stations, along a sphere and in height."""
    latitude, longitude = np.radians(places[["latitude", "longitude"]].to_numpy().T)
    unit = np.stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude),
         np.sin(latitude)], axis=1,
    )  # fmt: skip
    chord = np.linalg.norm(unit[:, None] - unit[None], axis=2)
    arc = 2 * _RADIUS * np.arcsin(np.clip(chord / 2, 0, 1))
    height = np.nan_to_num(places["elevation"].to_numpy()) / 1e3
    return np.hypot(arc, height[:, None] - height[None])


def _groups(table, reach):
    """Groups of rows: for each event one list of rows for each station, by first onset."""
    codes, longest = reach
    if not len(table):
        return []
    place = {code: i for i, code in enumerate(codes)}
    order = _order(table)
    station = np.array([place[code] for code in table["stations"].to_numpy()[order]])
    onsets = table["onset"].dt.as_unit("ns").astype("int64").to_numpy()[order]
    seconds = (onsets - onsets[0]) / 1e9
    finder = _Finder(seconds, station, longest, table["probability"].to_numpy()[order])
    return [[[int(order[i]) for i in own] for own in group] for group in finder.groups()]


def _order(table):
    """Rows by onset; whatever else tells them apart decides between equal onsets."""
    keys = table.assign(**{"class": table["class"].astype(str)})
    keys = keys.sort_values(
        ["onset", "stations", "class", "end", "probability", "event_probability"], kind="stable"
    )
    return keys.index.to_numpy()


class _Finder:
    """Sets of detections, one a station, of which each two agree.

    The set of a detection begins with it and holds later ones. At every step the largest set of
    all is taken (of equally large ones that of the highest probabilities, then the first), and
    its members leave the game. A step looks no further than the longest window, so the work grows
    with the number of detections and not with its square.
    """

    # Rounding of times must not part what agrees to the last digit.
    _SLACK = 1e-6

    def __init__(self, seconds, station, longest, probability):
        self.seconds, self.station, self.longest = seconds, station, longest
        self.probability = np.nan_to_num(probability)
        self.free = np.ones(len(seconds), dtype=bool)
        farthest = longest.max(initial=0.0) + self._SLACK
        self.last = np.searchsorted(seconds, seconds + farthest, side="right")
        self.first = np.searchsorted(seconds, seconds - farthest, side="left")

    def groups(self):
        """All sets, those of one detection too."""
        heap = [(*self._worth(members), i) for i, members in self._all()]
        heapq.heapify(heap)
        found = []
        while heap:
            *worth, i = heapq.heappop(heap)
            if not self.free[i]:
                continue
            members = self._set_of(i)
            # Since it was put there, some of its members may have gone elsewhere.
            now = self._worth(members)
            if now != tuple(worth):
                heapq.heappush(heap, (*now, i))
                continue
            found.append(self._with_followers(members))
        return sorted(found, key=lambda group: group[0][0])

    def _all(self):
        return ((i, self._set_of(i)) for i in range(len(self.seconds)))

    def _worth(self, members):
        return -len(members), -float(self.probability[members].sum())

    def _set_of(self, i):
        """Detections that agree with `i` and with one another, one a station."""
        if self.last[i] == i + 1:
            return [i]
        near = np.arange(i + 1, self.last[i])
        near = near[self.free[near] & (self.station[near] != self.station[i])]
        near = near[self._agree(near, i)]
        if not len(near):
            return [i]
        both = self._agree(near[:, None], near[None])
        both &= self.station[near][:, None] != self.station[near][None]
        alive, members = np.ones(len(near), dtype=bool), [i]
        while alive.any():
            # First those that agree with most others: what came by chance agrees with few.
            others = np.where(alive, both[:, alive].sum(axis=1), -1)
            best = np.lexsort((-near, self.probability[near], others))[-1]
            members.append(int(near[best]))
            alive &= both[best]
        return sorted(members)

    def _agree(self, i, j):
        """Whether onsets differ by no more than a wave needs between the stations."""
        apart = np.abs(self.seconds[i] - self.seconds[j])
        return apart <= self.longest[self.station[i], self.station[j]] + self._SLACK

    def _with_followers(self, members):
        """Further detections at the same stations that agree too belong to the event."""
        self.free[members] = False
        own = {int(self.station[j]): [j] for j in members}
        for j in range(self.first[members[0]], self.last[members[0]]):
            if not self.free[j]:
                continue
            code = int(self.station[j])
            others = [k for k in members if self.station[k] != code] or members
            if code in own and self._agree(j, others).all():
                own[code].append(int(j))
                self.free[j] = False
        return [sorted(own[int(self.station[j])]) for j in members]


def _join(members, probabilities):
    """One row of the rows of each station."""
    # Of a station that detected twice the first detection counts, and the latest end.
    first = [own[0] for own in members]
    first.sort(key=lambda row: (row["onset"], row["stations"]))
    support = {}
    for row in first:
        support[row["class"]] = support.get(row["class"], 0.0) + row["probability"]
    label = max(support, key=lambda key: (support[key], str(key)))
    return {
        "class": label,
        "onset": first[0]["onset"],
        "end": max(row["end"] for own in members for row in own),
        # Stations that say otherwise count with nothing for this class.
        "probability": support[label] / len(first),
        "event_probability": float(np.mean([row["event_probability"] for row in first])),
        "stations": " ".join(row["stations"] for row in first),
        "coverage": float(np.mean([row["coverage"] for row in first])),
    } | {name: float(np.mean([row[name] for row in first])) for name in probabilities}
