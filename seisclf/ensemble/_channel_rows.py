"""Events taken apart into the channels that vote on them."""

import sys

import numpy as np

from ..io import RandomChannels
from ..io._lazy_array import LazyArray

_CHUNK_BYTES = 128 << 20

#: Number of axes of X, and the mend for another, for each kind of member.
MEMBERS = {
    "channels": ((2, 3, 4), ""),
    "stations": ((4,), "a single station is X[:, np.newaxis]"),
    "pictures": ((4,), "a single picture of each event is X[:, np.newaxis]"),
}


class MergedStations(LazyArray):
    """Lazy events over a network, all traces of which are channels.

    Parameters
    ----------
    X : LazyArray of shape (n_events, n_stations, n_components, n_samples)
        Waveforms.
    """

    def __init__(self, X):
        self._X = X

    @property
    def shape(self):
        """(n_events, n_stations * n_components, n_samples)."""
        n, stations, components, n_samples = self._X.shape
        return n, stations * components, n_samples

    def __sizeof__(self):
        return sys.getsizeof(self._X)

    @property
    def dtype(self):
        """dtype of what is read."""
        return self._X.dtype

    def read(self, rows=None):
        """Bring events to memory, stations and components in one axis."""
        part = self._X.read(rows)
        return part.reshape(len(part), *self.shape[1:])

    def _view(self, index):
        return MergedStations(self._X[index])


def members_of(X, members):
    """Bring the members of the ensemble to the second axis, without copying or reading.

    Parameters
    ----------
    X : ndarray or LazyArray of shape (n_events, n_channels, n_samples) or \
            (n_events, n_stations, n_components, n_samples)
        Waveforms, or pictures of each channel.
    members : {"channels", "stations", "pictures"}
        What votes.

    Returns
    -------
    X : ndarray or LazyArray of shape (n_events, n_members, ...)
        The same values.
    """
    if members != "channels" or X.ndim == 3:
        return X
    if isinstance(X, LazyArray):
        return MergedStations(X)
    return X.reshape(len(X), -1, X.shape[-1])


def usable_members(X, members):
    """Which members can vote; X is read once, some events at a time.

    Parameters
    ----------
    X : ndarray or LazyArray of shape (n_events, n_members, ...)
        From `members_of`.
    members : {"channels", "stations", "pictures"}
        What they are.

    Returns
    -------
    usable : ndarray of bool of shape (n_events, n_members)
        False for what is NaN. Dead members, constant throughout, only vote where an event has
        nothing else.

    Raises
    ------
    ValueError
        If a trace is partly NaN or infinite, or an event has no member at all.
    """
    present = np.empty(X.shape[:2], dtype=bool)
    alive = np.empty(X.shape[:2], dtype=bool)
    for rows in chunks(X):
        present[rows], alive[rows] = _state(read(X, rows), rows.start, members)
    empty = np.flatnonzero(~present.any(axis=1))
    if len(empty):
        shown = ", ".join(map(str, empty[:5])) + (", …" if len(empty) > 5 else "")
        raise ValueError(
            f"{len(empty)} of {len(X)} events have no usable channel, all are NaN (row {shown}): "
            f"leave them out, X[~np.isnan(X).all(axis={tuple(range(1, X.ndim))})]"
        )
    alive &= present
    return np.where(alive.any(axis=1, keepdims=True), alive, present)


def chunks(X, n_parts=1):
    """Slices of events that fit into memory, at least `n_parts` where there are so many."""
    event_bytes = max(1, int(np.prod(X.shape[1:], dtype=np.int64)) * X.dtype.itemsize)
    size = max(1, min(_CHUNK_BYTES // event_bytes, -(-len(X) // n_parts)))
    return [slice(start, start + size) for start in range(0, len(X), size)]


def read(X, rows):
    """Events `rows` in memory."""
    return X[rows].read() if isinstance(X, LazyArray) else X[rows]


def rows_for(X, usable, events, channels, *, batches, keeps_axes, members):
    """Members as rows, in the form that the estimator takes.

    Parameters
    ----------
    X : ndarray or LazyArray of shape (n_events, n_members, ...)
        From `members_of`.
    usable : ndarray of bool of shape (n_events, n_members)
        Members that become rows.
    events, channels : ndarray of int of shape (n_rows,)
        Where `usable` is True, event by event.
    batches : bool
        Whether the estimator reads its batches itself; nothing is copied then.
    keeps_axes : bool
        Whether it takes channels; if not, rows are flat.
    members : {"channels", "stations", "pictures"}
        What they are.

    Returns
    -------
    rows : ndarray or RandomChannels of shape (n_rows, 1, n_samples), (n_rows, n_components, \
            n_samples), (n_rows, 1, height, width) or (n_rows, n_values)
        One row per member.
    """
    if batches:
        return RandomChannels.of_pairs(X, events, channels, keep_axis=members != "stations")
    if isinstance(X, LazyArray):
        rows = np.empty((len(events), *X.shape[2:]), dtype=X.dtype)
        at = 0
        for part in chunks(X):
            chosen = read(X, part)[usable[part]]
            rows[at : at + len(chosen)] = chosen
            at += len(chosen)
    elif usable.all():
        rows = X.reshape(-1, *X.shape[2:])  # not copied
    else:
        rows = X[usable]
    if not keeps_axes:
        return rows.reshape(len(rows), -1)
    return rows if members == "stations" else rows[:, np.newaxis]


def _state(part, start, members):
    """Whether each member is there, and whether it moves."""
    if members == "stations":
        traces, values = part.shape[:3], (3,)
    else:
        traces, values = part.shape[:2], tuple(range(2, part.ndim))
    missing = np.zeros(traces, dtype=bool)
    with np.errstate(over="ignore", invalid="ignore"):
        suspicious = ~np.isfinite(part.sum(axis=values))
    for at in zip(*np.nonzero(suspicious), strict=True):
        missing[at] = _is_missing(part[at], start + at[0], at[1:])
    first = part[(..., *(slice(1),) * len(values))]
    moving = (part != first).any(axis=values) & ~missing
    if members == "stations":
        # The estimator needs all components of a station; one that is dead can be borne.
        return ~missing.any(axis=2), moving.any(axis=2)
    return ~missing, moving


def _is_missing(trace, event, channel):
    """Whether all of a trace is NaN; partly is refused."""
    nan = np.isnan(trace)
    where = f"event {event}, channel {', '.join(map(str, channel))}"
    if np.isinf(trace).any():
        raise ValueError(f"X contains infinity (inf) in {where}: mend the trace or make it NaN")
    if nan.any() and not nan.all():
        raise ValueError(
            f"X is partly NaN in {where}: a channel that is missing must be NaN throughout; fill "
            f"gaps when reading, seisclf.datasets.from_streams(..., gaps='interpolate'), or make "
            f"the whole trace NaN"
        )
    return bool(nan.all())
