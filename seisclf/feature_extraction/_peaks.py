"""Counting peaks in many curves at once."""

import numpy as np
from scipy.signal import find_peaks


def count_peaks(x, threshold, min_distance=1):
    """Number of peaks above a threshold in each row.

    A peak is a point, or a plateau, that is higher than both its neighbours; the ends of a row are
    never peaks. All rows go through :func:`scipy.signal.find_peaks` as one long curve.

    Parameters
    ----------
    x : ndarray of shape (n_curves, n_points)
        Curves. NaN belongs to no peak.
    threshold : float
        Height that a peak must exceed.
    min_distance : int, default=1
        Smallest distance between two peaks, in points; of two that are nearer, the higher stays,
        of two equally high ones the later.

    Returns
    -------
    count : ndarray of shape (n_curves,)
        Number of peaks.
    height_sum : ndarray of shape (n_curves,)
        Sum of the heights of those peaks.
    """
    n_rows, n_points = x.shape
    # Between two rows stand points of infinite height: beside them the ends of a row are no
    # peaks, and there are enough of them that a peak keeps none of the next row away. Their own
    # height is above the upper limit, which find_peaks looks at before the distance.
    joined = np.full((n_rows, n_points + min_distance), np.inf)
    joined[:, :n_points] = x
    limits = (np.nextafter(threshold, np.inf), np.finfo(float).max)
    peaks, properties = find_peaks(joined.ravel(), height=limits)
    heights = properties["peak_heights"]
    if min_distance > 1:
        kept = _apart(peaks, heights, joined.size, min_distance)
        peaks, heights = peaks[kept], heights[kept]
    rows = peaks // joined.shape[1]
    count = np.bincount(rows, minlength=n_rows)
    return count, np.bincount(rows, weights=heights, minlength=n_rows)


def _apart(peaks, heights, n_points, min_distance):
    """Which peaks are kept where some are too near.

    Which of equal heights `find_peaks` keeps depends on how many peaks there are in all, so that
    the features of an event would depend on the others: ranks have no equals.
    """
    ranks = np.zeros(n_points)
    ranks[peaks[np.argsort(heights, kind="stable")]] = np.arange(1, len(peaks) + 1)
    return np.searchsorted(peaks, find_peaks(ranks, distance=min_distance)[0])
