"""Pictures of curves and strips, drawn for many traces at once."""

import numpy as np

# Ink is counted in steps of 2 ** -12 of a pixel, so that sums along a row are exact: paper without
# ink is exactly 0.
_STEPS = 4096.0
FILLS = (None, "positive", "negative", "both")


class RowCells:
    """Cells of time, one for each row of a picture, and what a trace does within them.

    The first sample lies on the first edge of the first cell, the last one on the last edge of the
    last. Between samples a trace is a straight line.

    Parameters
    ----------
    n_samples : int
        Samples of a trace.
    n_rows : int
        Rows of the picture.
    """

    def __init__(self, n_samples, n_rows):
        edges = np.arange(n_rows + 1) * ((n_samples - 1) / n_rows)
        edges[-1] = n_samples - 1
        self.n_rows = n_rows
        self._left = np.minimum(edges.astype(np.intp), max(n_samples - 2, 0))
        self._right = np.minimum(self._left + 1, n_samples - 1)
        self._fraction = edges - self._left
        first = np.ceil(edges[:-1]).astype(np.intp)
        last = np.floor(edges[1:]).astype(np.intp)
        self._empty = last < first
        # (most samples of a cell, n_rows): the smallest along the first axis is found fastest.
        n_most = max(1, int((last - first).max()) + 1)
        inside = np.minimum(first + np.arange(n_most)[:, np.newaxis], np.maximum(last, first))
        self._inside = np.minimum(inside, n_samples - 1).ravel()

    def extremes(self, traces):
        """Smallest and largest value in each cell, and how far the trace travels there.

        Parameters
        ----------
        traces : ndarray of shape (n_traces, n_samples)
            float32 or float64; a trace that is NaN gives NaN.

        Returns
        -------
        low, high : ndarray of shape (n_traces, n_rows)
            Extremes of the straight lines from sample to sample.
        travel : ndarray of shape (n_traces, n_rows)
            The shortest way from the value at one edge through both extremes to the value at the
            other edge.
        """
        fraction = self._fraction.astype(traces.dtype)
        # In this form a constant trace stays constant to the last digit.
        edges = traces[:, self._left]
        edges = edges + (traces[:, self._right] - edges) * fraction
        before, after = edges[:, :-1], edges[:, 1:]
        low, high = np.minimum(before, after), np.maximum(before, after)
        step = high - low
        inside = traces.take(self._inside, axis=1).reshape(len(traces), -1, self.n_rows)
        smallest, largest = inside.min(axis=1), inside.max(axis=1)
        if self._empty.any():
            smallest[:, self._empty] = low[:, self._empty]
            largest[:, self._empty] = high[:, self._empty]
        np.minimum(low, smallest, out=low)
        np.maximum(high, largest, out=high)
        return low, high, 2 * (high - low) - step


def draw_wiggles(low, high, travel, picture, *, n_pictures, n_columns, linewidth, base, fill):
    """Draw curves that go down the rows of pictures.

    In each row a curve leaves its ink evenly between its two extremes, and half a line width
    beyond them: as much as a line of this length and width has, and at most one on any spot. The
    ink of several curves adds up.

    Parameters
    ----------
    low, high, travel : ndarray of shape (n_traces, n_rows)
        Extremes of the curve within each row, and its way across the columns, in columns from the
        left edge of the picture.
    picture : ndarray of int, shape (n_traces,)
        On which picture each curve goes.
    n_pictures, n_columns : int
        Number of pictures, and their width.
    linewidth : float
        Width of the line in pixels.
    base : ndarray of shape (n_traces,)
        Where the curve would be at rest, in columns.
    fill : {None, "positive", "negative", "both"}
        Side of `base` on which the space between it and the curve is filled.

    Returns
    -------
    pictures : ndarray of shape (n_pictures, n_rows, n_columns), float64
        Part of each pixel that ink covers; above 1 where curves lie on each other.
    """
    start, stop = low - linewidth / 2, high + linewidth / 2
    ink = np.minimum(1, linewidth * np.sqrt(1 + np.square(travel)) / (stop - start))
    base = base[:, np.newaxis]
    if fill in ("positive", "both"):
        filled = high > base
        np.copyto(ink, 1, where=filled)
        np.copyto(start, np.minimum(start, base), where=filled)
    if fill in ("negative", "both"):
        filled = low < base
        np.copyto(ink, 1, where=filled)
        np.copyto(stop, np.maximum(stop, base), where=filled)
    return _draw_intervals(start, stop, ink, picture, n_pictures, n_columns)


def _draw_intervals(start, stop, ink, picture, n_pictures, n_columns):
    """Pictures of horizontal strokes, each as high as its row; ends lie within a pixel."""
    n_rows = start.shape[1]
    n_cells = n_columns + 1
    ends = np.concatenate([start, stop])
    np.clip(ends, 0, n_columns, out=ends)
    ink = np.rint(ink * _STEPS)
    ink = np.concatenate([ink, -ink]).astype(np.float64, copy=False)
    pixel = ends.astype(np.intp)
    within = np.rint((ends - pixel) * _STEPS)
    row = picture[:, np.newaxis] * n_rows + np.arange(n_rows)
    index = (pixel + np.concatenate([row, row]) * n_cells).ravel()
    size = n_pictures * n_rows * n_cells
    # All pixels right of an end are covered, and of its own pixel the part that is right of it.
    begun = np.bincount(index, ink.ravel(), size).reshape(n_pictures, n_rows, n_cells)
    cut = np.bincount(index, (ink * (within / _STEPS)).ravel(), size).reshape(begun.shape)
    pictures = np.cumsum(begun, axis=-1, out=begun)
    pictures -= cut
    return pictures[:, :, :-1] * (1 / _STEPS)


def draw_strips(values, start, stop, picture, *, n_pictures, n_columns):
    """Draw strips that go down the rows of pictures, each row with a grey of its own.

    Parameters
    ----------
    values : ndarray of shape (n_traces, n_rows)
        Grey, in [0, 1]. Where strips lie on each other it adds up.
    start, stop : ndarray of shape (n_traces,)
        Edges of the strips in columns.
    picture : ndarray of int, shape (n_traces,)
        On which picture each strip goes.
    n_pictures, n_columns : int
        Number of pictures, and their width.

    Returns
    -------
    pictures : ndarray of shape (n_pictures, n_rows, n_columns), float64
        Grey of each pixel.
    """
    start, stop = (np.broadcast_to(end[:, np.newaxis], values.shape) for end in (start, stop))
    return _draw_intervals(start, stop, values, picture, n_pictures, n_columns)
