"""Where the windows of a scan stand, and how overlapping predictions become one."""

import numpy as np

STACKS = ("mean", "center", "max", "window")


def runs(mask):
    """First and last+1 index of each unbroken stretch of True.

    Parameters
    ----------
    mask : ndarray of bool, shape (n,)
        What to look through.

    Returns
    -------
    runs : ndarray of int, shape (n_runs, 2)
        Half-open intervals, in order.

    Examples
    --------
    >>> import numpy as np
    >>> runs(np.array([True, True, False, True])).tolist()
    [[0, 2], [3, 4]]
    """
    padded = np.concatenate(([False], np.asarray(mask, bool), [False])).astype(np.int8)
    edges = np.flatnonzero(np.diff(padded))
    return edges.reshape(-1, 2)


def window_starts(valid, *, length, step, min_valid=None, open_begin=False, open_end=False):
    """First samples of windows that together cover every usable sample.

    A regular grid from the first sample on, one right-aligned window at the end, and around gaps
    one window that begins and one that ends with each unbroken stretch, so that no data beside a
    gap is left out because the grid happened to fall across it.

    Parameters
    ----------
    valid : ndarray of bool, shape (n_samples,)
        Where there is data.
    length : int
        Samples of a window. A record shorter than that gets the one window at 0.
    step : int
        Samples between windows.
    min_valid : int, optional
        Stretches shorter than a window that hold at least so many samples get a window around
        them. Default: `length`, so none do.
    open_begin, open_end : bool, default=False
        Whether more of the record lies before the first sample, and is still to come after the
        last. Only windows that the rest of the record cannot change are given then: those that
        lie within the samples, and stand at begins and ends of stretches that are seen.

    Returns
    -------
    starts : ndarray of int, shape (n_windows,)
        Ascending, without repetition.

    Examples
    --------
    >>> import numpy as np
    >>> window_starts(np.ones(25, bool), length=10, step=5).tolist()
    [0, 5, 10, 15]
    >>> window_starts(np.ones(28, bool), length=10, step=5).tolist()
    [0, 5, 10, 15, 18]
    >>> window_starts(np.ones(28, bool), length=10, step=5, open_end=True).tolist()
    [0, 5, 10, 15]
    """
    last = len(valid) - length
    if last <= 0 and not open_end:
        return np.zeros(1, dtype=int)
    starts = [np.arange(0, last + 1, step), [] if open_end else [last]]
    starts.append(_starts_at_stretches(valid, length, min_valid, open_begin, open_end))
    return np.unique(np.concatenate(starts)).astype(int)


def padded_window_starts(valid, *, length, step, min_valid=None, open_begin=False, open_end=False):
    """First samples of windows on a record whose edges are padded, as RockNet is run.

    A regular grid on which the first window ends one step into the record and the last begins
    within its last step, so that each sample lies in ``length / step`` windows; and around gaps
    one window that ends and one that begins with each unbroken stretch, as in
    :func:`window_starts`.

    Parameters
    ----------
    valid : ndarray of bool, shape (n_samples,) or (n_stations, n_samples)
        Where there is data.
    length, step : int
        Samples of a window, and between windows.
    min_valid : int, optional
        See :func:`window_starts`.
    open_begin, open_end : bool, default=False
        See :func:`window_starts`. `valid` must begin at a sample of the grid.

    Returns
    -------
    starts : ndarray of int, shape (n_windows,)
        Ascending, without repetition; negative where a window begins before the record.

    Examples
    --------
    >>> import numpy as np
    >>> padded_window_starts(np.ones(12, bool), length=10, step=5).tolist()
    [-5, 0, 5, 10]
    """
    valid = np.atleast_2d(valid)
    n_samples = valid.shape[1]
    before = 0 if open_begin else (length - 1) // step * step
    last = n_samples - length
    starts = [np.arange(-before, last + 1 if open_end else n_samples, step)]
    for row in valid:
        if not row.all():
            inner = _starts_at_stretches(row, length, min_valid, open_begin, open_end)
            starts.append(inner[(inner > 0) & (inner < last)])
    return np.unique(np.concatenate(starts)).astype(int)


def _starts_at_stretches(valid, length, min_valid, open_begin, open_end):
    """Windows that begin or end with an unbroken stretch, or hold a short one in their middle."""
    last = len(valid) - length
    stretches = runs(valid)
    size = stretches[:, 1] - stretches[:, 0]
    long = size >= length
    short = ~long & (size >= (length if min_valid is None else min_valid))
    # Where these stretches begin or end is not known.
    cut_begin = open_begin & (stretches[:, 0] == 0)
    cut_end = open_end & (stretches[:, 1] == len(valid))
    begins = stretches[long & ~cut_begin, 0]
    ends = stretches[long & ~cut_end, 1] - length
    short = stretches[short & ~cut_begin & ~cut_end]
    centred = (short[:, 0] + short[:, 1] - length) // 2
    centred = centred[centred <= last] if open_end else np.minimum(centred, max(last, 0))
    return np.concatenate([begins, ends, np.maximum(centred, 0)])


class Stacker:
    """Combine the predictions of overlapping windows on a grid of frames.

    Frame k is made of the samples from ``k * step`` up to ``(k + 1) * step``. With ``"mean"`` its
    probabilities are the average over its samples of the average over the windows that contain
    the sample; ``"center"`` weights each window by a triangle that falls from 1 in its middle to
    0.05 at its edges; both are divided by the sum of weights, so classes sum to one. ``"max"``
    takes the largest probability of each class and divides by their sum. With ``"window"`` nothing
    is combined: a frame has the probabilities of the window whose middle lies in it, if there are
    several those of the one closest to the frame's own middle, and if there is none it is NaN.

    Parameters
    ----------
    n_samples, n_classes : int
        Size of the record and of a prediction.
    length, step : int
        Samples of a window and of a frame.
    stack : {"mean", "center", "max", "window"}
        Weighting.
    first_frame : int, default=0
        Frames before it are not kept; they keep their numbers.
    """

    def __init__(self, n_samples, n_classes, *, length, step, stack, first_frame=0):
        self.length, self.step, self.stack = length, step, stack
        self.first_frame = first_frame
        self._sum = np.zeros((0, n_classes))
        self._weight = np.zeros(0)
        self.extend(n_samples)

    def extend(self, n_samples):
        """Let the record go on to `n_samples`."""
        more = -(-n_samples // self.step) - self.first_frame - len(self._weight)
        if more > 0:
            self._sum = np.concatenate([self._sum, np.zeros((more, self._sum.shape[1]))])
            self._weight = np.concatenate([self._weight, np.zeros(more)])

    def forget(self, frame):
        """Drop the frames before `frame`."""
        drop = min(max(frame - self.first_frame, 0), len(self._weight))
        self._sum, self._weight = self._sum[drop:].copy(), self._weight[drop:].copy()
        self.first_frame = max(frame, self.first_frame)

    def add(self, starts, probabilities):
        """Enter windows that start at `starts` with `probabilities` (n_windows, n_classes)."""
        starts = starts - self.first_frame * self.step
        if self.stack == "window":
            self._place(starts, probabilities)
            return
        first = starts // self.step
        for offset in range(self.length // self.step + 2):
            frame = first + offset
            inside = (frame >= 0) & (frame < len(self._weight))
            weight = self._overlap(starts[inside], frame[inside])
            touching = weight > 0
            frame, weight = frame[inside][touching], weight[touching]
            entry = probabilities[inside][touching]
            if (frame[1:] > frame[:-1]).all():  # as on a regular grid, and much faster
                if self.stack == "max":
                    self._sum[frame] = np.maximum(self._sum[frame], entry)
                else:
                    self._sum[frame] += weight[:, np.newaxis] * entry
                self._weight[frame] += weight
                continue
            if self.stack == "max":
                np.maximum.at(self._sum, frame, entry)
            else:
                np.add.at(self._sum, frame, weight[:, np.newaxis] * entry)
            np.add.at(self._weight, frame, weight)

    def result(self):
        """Probabilities (n_frames, n_classes), NaN in frames that no window has reached."""
        total = self._sum.sum(axis=1, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            stacked = self._sum / (1 if self.stack == "window" else total)
        stacked[self._weight == 0] = np.nan
        return stacked

    def _place(self, starts, probabilities):
        # Counted in half samples, in which every middle is a whole number.
        middle = 2 * starts + self.length
        kept = middle >= 0
        starts, middle, probabilities = starts[kept], middle[kept], probabilities[kept]
        frame = np.minimum(middle // (2 * self.step), len(self._weight) - 1)
        # 1 in the middle of the frame, and above 0 wherever the window's middle may fall.
        nearness = 1 / (1 + np.abs(middle - (2 * frame + 1) * self.step))
        order = np.lexsort((starts, -nearness, frame))
        frame, nearest = np.unique(frame[order], return_index=True)
        row = order[nearest]
        better = nearness[row] > self._weight[frame]
        frame, row = frame[better], row[better]
        self._sum[frame], self._weight[frame] = probabilities[row], nearness[row]

    def _overlap(self, starts, frame):
        """Weight of each window in its frame: the integral of the window's taper over it."""
        begin = np.clip(frame * self.step - starts, 0, self.length)
        end = np.clip((frame + 1) * self.step - starts, 0, self.length)
        return self._integral(end) - self._integral(begin)

    def _integral(self, position):
        if self.stack != "center":
            return position.astype(float)
        u = position / self.length
        triangle = np.where(u <= 0.5, u**2, 2 * u - u**2 - 0.5)
        return self.length * (0.05 * u + 0.95 * triangle)
