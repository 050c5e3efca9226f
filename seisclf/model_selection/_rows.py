"""What the metadata say about each row, as integers that can be compared quickly."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

#: Nanoseconds that stand for "time unknown".
NO_TIME = np.iinfo(np.int64).min


def as_nanoseconds(values, *, name="times"):
    """UTC times as int64 nanoseconds; unknown times become `NO_TIME`.

    Takes datetimes (naive ones are UTC), ISO 8601 strings, ObsPy ``UTCDateTime`` and numbers
    (seconds since 1970).
    """
    series = pd.Series(np.asarray(values)) if not isinstance(values, pd.Series) else values
    if pd.api.types.is_bool_dtype(series.dtype):
        raise ValueError(f"{name} must be times; got booleans.")
    if pd.api.types.is_numeric_dtype(series.dtype):
        seconds = series.to_numpy(dtype=float, na_value=np.nan)
        known = np.isfinite(seconds)
        return np.where(known, np.round(np.where(known, seconds, 0) * 1e9), NO_TIME).astype(
            np.int64
        )
    known_values = series.dropna()
    if len(known_values) and hasattr(known_values.iloc[0], "_ns"):  # ObsPy's UTCDateTime
        return np.array([getattr(v, "_ns", NO_TIME) for v in series], dtype=np.int64)
    try:
        form = None if pd.api.types.is_datetime64_any_dtype(series.dtype) else "ISO8601"
        times = pd.to_datetime(series, utc=True, format=form)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{name} must be times (datetimes, ISO 8601 strings, or seconds since 1970); "
            f"got values such as {known_values.iloc[0]!r}: {error}"
        ) from error
    return times.dt.tz_localize(None).to_numpy().astype("datetime64[ns]").astype(np.int64)


def as_datetimes(nanoseconds):
    """Back to UTC datetimes, for what people read."""
    return pd.to_datetime(np.asarray(nanoseconds), utc=True)


def codes_of(values):
    """Integer codes of labels and the labels; each missing label is a label of its own."""
    codes, labels = pd.factorize(pd.Series(np.asarray(values, dtype=object)), sort=True)
    codes = codes.astype(np.int64)
    missing = codes < 0
    codes[missing] = len(labels) + np.arange(missing.sum())
    return codes, np.asarray(labels, dtype=object)


@dataclass(frozen=True)
class Rows:
    """Columns of the metadata that decide whether two rows share anything.

    ``event`` and ``station`` are integer codes, ``start`` and ``end`` nanoseconds; each is
    None where the metadata have no such column.
    """

    n: int
    event: np.ndarray | None = None
    event_names: np.ndarray | None = None
    station: np.ndarray | None = None
    station_names: np.ndarray | None = None
    start: np.ndarray | None = None
    end: np.ndarray | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def has_windows(self):
        return self.start is not None and self.end is not None


def read_rows(metadata):
    """Read a metadata frame into `Rows`, with a note on everything that cannot be checked."""
    n = len(metadata)
    notes = []
    event = event_names = station = station_names = start = end = None
    if "event_id" in metadata:
        event, event_names = codes_of(metadata["event_id"])
    else:
        notes.append("metadata have no event_id: rows of one event cannot be recognised")
    place = next((name for name in ("station", "site") if name in metadata), None)
    if place is None:
        # One recorder is the careful assumption: it can only find more overlaps.
        station, station_names = np.zeros(n, dtype=np.int64), np.array(["(all)"], dtype=object)
    else:
        station, station_names = codes_of(metadata[place])
    if "start_time" in metadata:
        start = as_nanoseconds(metadata["start_time"], name="metadata['start_time']")
    if "end_time" in metadata:
        end = as_nanoseconds(metadata["end_time"], name="metadata['end_time']")
    if start is None or end is None:
        missing = " and ".join(c for c in ("start_time", "end_time") if c not in metadata)
        notes.append(f"metadata have no {missing}: overlapping windows cannot be recognised")
    else:
        _check_windows(start, end)
        unknown = int(((start == NO_TIME) | (end == NO_TIME)).sum())
        if unknown:
            notes.append(f"{unknown} rows have no start_time or end_time: not checked for overlap")
    return Rows(n, event, event_names, station, station_names, start, end, tuple(notes))


def _check_windows(start, end):
    wrong = np.flatnonzero((end < start) & (end != NO_TIME) & (start != NO_TIME))
    if len(wrong):
        raise ValueError(
            f"metadata['end_time'] is before metadata['start_time'] in {len(wrong)} rows, "
            f"the first of them row {wrong[0]}. Mend the times before splitting."
        )


def shared_events(rows, train, test):
    """Which of the training rows belong to an event that is also tested."""
    if rows.event is None:
        return np.zeros(len(train), dtype=bool)
    tested = np.zeros(rows.event.max(initial=-1) + 1, dtype=bool)
    tested[rows.event[test]] = True
    return tested[rows.event[train]]


def overlaps(rows, train, test):
    """Which of the training rows overlap in time with a tested row of the same station."""
    if not rows.has_windows or not len(train) or not len(test):
        return np.zeros(len(train), dtype=bool)
    start_key, end_key = _keys(rows)
    usable = (rows.start != NO_TIME) & (rows.end != NO_TIME)
    test = test[usable[test]]
    if not len(test):
        return np.zeros(len(train), dtype=bool)
    order = test[np.argsort(start_key[test], kind="stable")]
    latest_end = np.maximum.accumulate(end_key[order])
    # The last tested window that starts before this one ends: does any up to it reach in?
    before = np.searchsorted(start_key[order], end_key[train], side="left")
    reach = np.where(before > 0, latest_end[before - 1], -1)
    return usable[train] & (reach > start_key[train])


def time_clusters(rows):
    """A code for each chain of windows that overlap at one station."""
    if not rows.has_windows:
        return np.arange(rows.n)
    start_key, end_key = _keys(rows)
    order = np.argsort(start_key, kind="stable")
    latest_end = np.maximum.accumulate(end_key[order])
    first = np.ones(rows.n, dtype=bool)
    first[1:] = start_key[order][1:] >= latest_end[:-1]
    clusters = np.empty(rows.n, dtype=np.int64)
    clusters[order] = np.cumsum(first) - 1
    unknown = np.flatnonzero((rows.start == NO_TIME) | (rows.end == NO_TIME))
    clusters[unknown] = rows.n + np.arange(len(unknown))
    return clusters


def _keys(rows):
    """Order starts and ends within each station by one integer; no station reaches the next."""
    known = (rows.start != NO_TIME) & (rows.end != NO_TIME)
    start, end = np.where(known, rows.start, NO_TIME), np.where(known, rows.end, NO_TIME)
    ranks = np.unique(np.concatenate([start, end]), return_inverse=True)[1]
    step = np.int64(ranks.max(initial=0) + 1)
    return rows.station * step + ranks[: rows.n], rows.station * step + ranks[rows.n :]


def blocks(rows, *, keep_overlaps=True):
    """Codes of the smallest sets of rows that share no event (and no overlap) with others."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    event = rows.event if rows.event is not None else np.arange(rows.n)
    if not keep_overlaps or not rows.has_windows:
        return np.unique(event, return_inverse=True)[1]
    cluster = time_clusters(rows)
    n_events, n_clusters = event.max(initial=0) + 1, cluster.max(initial=0) + 1
    edges = coo_array(
        (np.ones(rows.n, dtype=np.int8), (event, n_events + cluster)),
        shape=(n_events + n_clusters, n_events + n_clusters),
    )
    component = connected_components(edges, directed=False)[1]
    return np.unique(component[event], return_inverse=True)[1]
