"""Functions of overlapping windows become one function of the record, in flat memory."""

from collections import deque
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

    Attributes
    ----------
    result : ndarray of float32, shape (n_rows, n_samples)
        NaN where no window says anything.
    persistent : ndarray of float32, shape (n_followed, n_samples), or None
        The highest level that is reached, within `spread` samples, in `persistence` consecutive
        windows (in all, where fewer windows hold the sample). None if `persistence` is 1.
    """

    def __init__(
        self, n_rows, n_samples, *, length, stack, persistence=1, followed=None, spread=0
    ):
        self.length, self.stack = length, stack
        self.persistence, self.spread = persistence, spread
        self.followed = np.asarray([] if followed is None else followed, dtype=int)
        self.result = np.full((n_rows, n_samples), np.nan, dtype=np.float32)
        self.persistent = None
        if persistence > 1:
            self.persistent = np.full((len(self.followed), n_samples), np.nan, dtype=np.float32)
        self._open = deque()
        self._done = 0

    def add(self, start, rows):
        """Enter a window of functions (n_rows, length); rows that say nothing are NaN."""
        self._finish(start)
        self._open.append(_Window(start, rows, not np.isnan(rows).any(), self._widened(rows)))

    def close(self):
        """Combine what is left; to be called after the last window."""
        self._finish(self.result.shape[1])
        self._open.clear()

    def _finish(self, end):
        """Combine all samples before `end`, which no later window reaches."""
        end = min(end, self.result.shape[1])
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
        self.result[:, first:last] = combined
        if self.persistent is not None:
            wide = np.stack([window.wide[:, piece] for window, piece in each])
            self.persistent[:, first:last] = _persistent_level(wide, self.persistence)

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
class _Window:
    start: int
    rows: np.ndarray
    complete: bool
    wide: np.ndarray | None


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
