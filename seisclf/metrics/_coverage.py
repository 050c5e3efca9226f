"""What was recorded, when, and how long."""

from typing import NamedTuple

import numpy as np

DAY = 86400.0


class Stretches(NamedTuple):
    """Times in which enough stations recorded.

    Parameters
    ----------
    start, end : ndarray of float
        Seconds, ascending and apart from one another.
    share : ndarray of float
        Part of each that holds data, 0 to 1.
    """

    start: np.ndarray
    end: np.ndarray
    share: np.ndarray

    def contain(self, times):
        """Whether each time lies within, an ndarray of bool."""
        place = np.searchsorted(self.start, times, side="right") - 1
        inside = place >= 0
        inside[inside] = times[inside] < self.end[place[inside]]
        return inside

    def seconds_by_block(self, length):
        """Recorded seconds of blocks of a length: numbers of the blocks, and their seconds."""
        numbers, seconds = [], []
        for start, end, share in zip(*self, strict=True):
            first, last = int(start // length), int(np.ceil(end / length))
            edges = np.clip(np.arange(first, last + 1) * length, start, end)
            numbers.append(np.arange(first, last))
            seconds.append(np.diff(edges) * share)
        if not numbers:
            return np.zeros(0, dtype=int), np.zeros(0)
        blocks, place = np.unique(np.concatenate(numbers), return_inverse=True)
        return blocks, np.bincount(place, weights=np.concatenate(seconds))


def stretches(coverage, min_stations=1):
    """Times in which at least so many stations recorded.

    Parameters
    ----------
    coverage : DataFrame
        Columns ``start`` and ``end`` (seconds or datetimes), and perhaps ``station`` and
        ``covered`` (share of the stretch that holds data).
    min_stations : int, default=1
        Without a column ``station`` each stretch counts as one.

    Returns
    -------
    stretches : Stretches
        Sorted; what touches is joined.

    Examples
    --------
    >>> import pandas as pd
    >>> found = stretches(pd.DataFrame({"start": [0, 5, 20], "end": [10, 15, 30]}))
    >>> found.start.tolist(), found.end.tolist()
    ([0.0, 20.0], [15.0, 30.0])
    """
    missing = [name for name in ("start", "end") if name not in coverage]
    if missing:
        raise ValueError(
            f"coverage lacks the columns {', '.join(missing)}; it has {list(coverage.columns)}"
        )
    known = coverage[coverage["start"].notna() & coverage["end"].notna()]
    start, end = seconds_of(known["start"]), seconds_of(known["end"])
    share = np.ones(len(known))
    if "covered" in known:
        share = np.clip(known["covered"].to_numpy(dtype=float), 0, 1)
    of = known["station"].astype(str).to_numpy() if "station" in known else np.arange(len(known))
    use = (end > start) & (share > 0)
    return _swept(start[use], end[use], share[use], of[use], min_stations)


def seconds_of(times):
    """Numbers as they are, datetimes as seconds since 1970 (UTC)."""
    import pandas as pd

    times = pd.Series(times)
    if pd.api.types.is_numeric_dtype(times.dtype):
        return times.to_numpy(dtype=float)
    stamps = pd.to_datetime(times, utc=True)
    return (stamps - pd.Timestamp(0, tz="UTC")).dt.total_seconds().to_numpy()


def _swept(start, end, share, station, min_stations):
    """Go through all beginnings and ends in order, counting stations."""
    edges = np.unique(np.concatenate([start, end]))
    if not len(edges):
        return Stretches(*np.zeros((3, 0)))
    width = len(edges) - 1
    count, highest = np.zeros(width, dtype=int), np.zeros(width)
    for name in np.unique(station):
        own = np.flatnonzero(station == name)
        seen = np.zeros(width)
        first = np.searchsorted(edges, start[own])
        last = np.searchsorted(edges, end[own])
        for i, (a, b) in enumerate(zip(first, last, strict=True)):
            seen[a:b] = np.maximum(seen[a:b], share[own[i]])
        count += seen > 0
        highest = np.maximum(highest, seen)
    use = count >= min_stations
    # Neighbours with the same share are one stretch.
    begins = use & ~np.concatenate(([False], use[:-1] & (highest[1:] == highest[:-1])))
    ends = use & ~np.concatenate((use[1:] & (highest[1:] == highest[:-1]), [False]))
    return Stretches(edges[:-1][begins], edges[1:][ends], highest[begins])
