"""Functions of overlapping windows become one function of the record, in flat memory."""

from collections import deque
from copy import copy
from dataclasses import dataclass

import numpy as np

from ._median import median_rows, nanmedian_rows

FUNCTION_STACKS = ("median", "mean", "center", "max")


class OverlapStack:
    """Combine windows that come in the order of their starts.

    Between the start or end of one window and the next, the windows that hold a sample are the
    same for all samples: each such piece is combined in one go, as soon as no further window can
    reach it, and a window is forgotten once it is left behind. So the memory needed depends on
    the overlap, not on the length of the record; starts need not be regular.

    Parameters
    ----------
    n_rows, n_samples : int
        Functions, and samples of the record.
    length : int
        Samples of a window.
    stack : {"median", "mean", "center", "max"}
        What is made of the values that a sample has in its windows; "center" is the mean weighted
        by a triangle that falls from 1 in the middle of a window to 0.05 at its edges.
    persistence : int, default=1
        Consecutive windows for `persistent`.
    followed : array-like of int, optional
        Rows for which `persistent` is kept.
    spread : int, default=0
        Samples by which a peak may move between windows and still be the same.
    first : int, default=0
        Samples before it are not kept; they keep their numbers.

    Attributes
    ----------
    result : ndarray of float32, shape (n_rows, n_samples - first)
        NaN where no window says anything.
    persistent : ndarray of float32, shape (n_followed, n_samples - first), or None
        The highest level that is reached, within `spread` samples, in `persistence` consecutive
        windows (in all, where fewer windows hold the sample). None if `persistence` is 1.
    """

    def __init__(
        self,
        n_rows,
        n_samples,
        *,
        length,
        stack,
        persistence=1,
        followed=None,
        spread=0,
        first=0,
    ):
        self.length, self.stack = length, stack
        self.persistence, self.spread = persistence, spread
        self.followed = np.asarray([] if followed is None else followed, dtype=int)
        self.first = self._done = first
        self.result = np.zeros((n_rows, 0), dtype=np.float32)
        self.persistent = None
        if persistence > 1:
            self.persistent = np.zeros((len(self.followed), 0), dtype=np.float32)
        self._open = deque()
        self.extend(n_samples)

    @property
    def n_samples(self):
        """Length of the record so far."""
        return self.first + self.result.shape[1]

    def extend(self, n_samples):
        """Let the record go on to `n_samples`."""
        more = n_samples - self.n_samples
        if more > 0:
            self.result = _longer(self.result, more)
            if self.persistent is not None:
                self.persistent = _longer(self.persistent, more)

    def forget(self, first):
        """Drop the samples before `first`, which are finished."""
        drop = first - self.first
        self.result = self.result[:, drop:].copy()
        if self.persistent is not None:
            self.persistent = self.persistent[:, drop:].copy()
        self.first = first
        self._done = max(self._done, first)

    def add(self, start, rows):
        """Enter a window of functions (n_rows, length); rows that say nothing are NaN."""
        self.finish(start)
        self._open.append(Window(start, rows, not np.isnan(rows).any(), self._widened(rows)))

    def close(self):
        """Combine what is left; to be called after the last window."""
        self.finish(self.n_samples)
        self._open.clear()

    def closed(self):
        """A copy with all combined that is known; this one can go on."""
        other = copy(self)
        other._open = deque(self._open)
        other.result = self.result.copy()
        other.persistent = None if self.persistent is None else self.persistent.copy()
        other.close()
        return other

    def finish(self, end):
        """Combine all samples before `end`, which no later window reaches."""
        end = min(end, self.n_samples)
        while self._done < end:
            while self._open and self._open[0].start + self.length <= self._done:
                self._open.popleft()
            if not self._open:
                self._done = end  # stays NaN
                return
            last = min(end, self._open[0].start + self.length)
            self._combine(self._done, last)
            self._done = last

    def _combine(self, first, last):
        pieces = [slice(first - w.start, last - w.start) for w in self._open]
        each = list(zip(self._open, pieces, strict=True))
        rows = np.stack([window.rows[:, piece] for window, piece in each])
        complete = all(window.complete for window in self._open)
        if self.stack == "median":
            combined = median_rows(rows) if complete else nanmedian_rows(rows)
        elif self.stack == "max":
            combined = np.fmax.reduce(rows, axis=0)
        else:
            weights = np.stack([self._taper(piece) for piece in pieces])[:, np.newaxis]
            combined = _weighted_mean(rows, weights)
        there = slice(first - self.first, last - self.first)
        self.result[:, there] = combined
        if self.persistent is not None:
            wide = np.stack([window.wide[:, piece] for window, piece in each])
            self.persistent[:, there] = _persistent_level(wide, self.persistence)

    def _taper(self, piece):
        if self.stack == "mean":
            return np.ones(piece.stop - piece.start)
        middle = (np.arange(piece.start, piece.stop) + 0.5) / self.length
        return 0.05 + 0.95 * (1 - np.abs(2 * middle - 1))

    def _widened(self, rows):
        if self.persistent is None:
            return None
        from scipy.ndimage import maximum_filter1d

        # A row is NaN as a whole or not at all: nothing spreads from one to the next.
        return maximum_filter1d(rows[self.followed], 2 * self.spread + 1, axis=1, mode="nearest")


@dataclass
class Window:
    start: int
    rows: np.ndarray
    complete: bool
    wide: np.ndarray | None


def _longer(rows, more):
    return np.concatenate([rows, np.full((len(rows), more), np.nan, dtype=rows.dtype)], axis=1)


def _weighted_mean(rows, weights):
    known = ~np.isnan(rows)
    total = np.where(known, weights, 0.0).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(known, weights * rows, 0.0).sum(axis=0) / total


def _persistent_level(rows, persistence):
    """Highest level that `persistence` consecutive windows, rows (n_windows, n, t), all reach."""
    # A window that says nothing says so for a whole row.
    silent = np.isnan(rows[:, :, 0])
    if silent.any():
        each = zip(np.moveaxis(rows, 1, 0), ~silent.T, strict=True)
        return np.stack([_level(row[known], persistence) for row, known in each])
    return _level(rows, persistence)


def _level(rows, persistence):
    if not len(rows):
        return np.zeros(rows.shape[1:], dtype=rows.dtype)
    n = min(persistence, len(rows))
    lowest = np.lib.stride_tricks.sliding_window_view(rows, n, axis=0).min(axis=-1)
    return lowest.max(axis=0)
