"""Counting peaks in many curves at once."""

import numpy as np


def count_peaks(x, threshold, min_distance=1):
    """Number of peaks above a threshold in each row.

    A peak is a point, or a plateau, that is higher than both its neighbours; the ends of a row are
    never peaks. This is what :func:`scipy.signal.find_peaks` finds with ``height`` and
    ``distance``, except that a peak must exceed the threshold.

    Parameters
    ----------
    x : ndarray of shape (n_curves, n_points)
        Curves. NaN belongs to no peak.
    threshold : float
        Height that a peak must exceed.
    min_distance : int, default=1
        Smallest distance between two peaks, in points; of two that are nearer, the higher stays.

    Returns
    -------
    count : ndarray of shape (n_curves,)
        Number of peaks.
    height_sum : ndarray of shape (n_curves,)
        Sum of the heights of those peaks.
    """
    rows, columns = _peak_positions(x, threshold)
    heights = x[rows, columns]
    count = np.bincount(rows, minlength=len(x))
    if min_distance <= 1 or not len(rows):
        return count, np.bincount(rows, weights=heights, minlength=len(x))
    return _count_distant(rows, columns, heights, count, min_distance)


def _peak_positions(x, threshold):
    """Rows and columns of the peaks, in row order; of a plateau, its first point."""
    if x.shape[-1] < 3:
        return np.empty(0, dtype=int), np.empty(0, dtype=int)
    middle = x[:, 1:-1]
    candidate = middle > threshold
    candidate &= middle > x[:, :-2]
    candidate &= middle >= x[:, 2:]
    rows, columns = np.divmod(np.flatnonzero(candidate), middle.shape[1])
    columns += 1
    flat = x[rows, columns] == x[rows, columns + 1]
    if flat.any():
        keep = ~flat
        keep[flat] = _plateau_falls(x, rows[flat], columns[flat])
        rows, columns = rows[keep], columns[keep]
    return rows, columns


def _plateau_falls(x, rows, columns):
    """Whether the curve goes down, and neither up nor out of the row, after each plateau."""
    n = x.shape[1]
    changes = np.empty(x.shape, dtype=bool)
    changes[:, 0] = True
    np.not_equal(x[:, 1:], x[:, :-1], out=changes[:, 1:])
    starts = np.flatnonzero(changes)  # of every run of equal values, in the flattened rows
    here = rows * n + columns
    after = np.append(starts, x.size)[np.searchsorted(starts, here, side="right")]
    inside = after < (rows + 1) * n
    following = x.ravel()[np.where(inside, after, 0)]
    return inside & (following < x[rows, columns])


def _count_distant(rows, columns, heights, count, min_distance):
    """Keep the highest peak of each row, drop its neighbours, take the next highest, and so on."""
    n_rows, width = len(count), count.max()
    first = np.cumsum(count) - count
    place = np.arange(len(rows)) - first[rows]
    position = np.zeros((n_rows, width), dtype=int)
    height = np.full((n_rows, width), -np.inf)
    position[rows, place] = columns
    height[rows, place] = heights

    kept = np.zeros(n_rows, dtype=int)
    height_sum = np.zeros(n_rows)
    every = np.arange(n_rows)
    while True:
        best = height.argmax(axis=1)
        top = height[every, best]
        alive = top > -np.inf
        if not alive.any():
            return kept, height_sum
        kept += alive
        height_sum += np.where(alive, top, 0)
        near = np.abs(position - position[every, best][:, np.newaxis]) < min_distance
        height[near] = -np.inf
