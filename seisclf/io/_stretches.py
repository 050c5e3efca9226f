"""Stretches of a channel that are no signal although samples are there: constant, clipped."""

import numpy as np

# Fewer equal samples than this are nothing strange at any rate.
MIN_CONSTANT = 10
_MANY = 10_000
CLIPPED_SAMPLES, _TIMES = 5, 3  # so many samples at the extreme value, so many times
_LEVELS, _STEEP = 200, 5  # smallest steps between the extremes, and into the extreme
_BLOCK = 2**18
_LOOK = 50_000


def constant_runs(data, valid, min_samples):
    """Find stretches of one value.

    Parameters
    ----------
    data : ndarray of shape (n_samples,)
        Waveform.
    valid : ndarray of bool of shape (n_samples,)
        True where a sample was recorded; stretches lie between gaps.
    min_samples : int
        Shortest stretch, at least 2.

    Returns
    -------
    runs : ndarray of int of shape (n_runs, 2)
        Half-open intervals, in order.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.io._stretches import constant_runs
    >>> data = np.array([1, 2, 2, 2, 2, 3, 3, 4])
    >>> constant_runs(data, np.ones(8, dtype=bool), 3).tolist()
    [[1, 5]]
    """
    n_samples, least = len(data), max(int(min_samples), 2)
    if n_samples < least:
        return np.empty((0, 2), dtype=np.int64)
    # A stretch holds at least two of these points next to each other: most signals are dealt with
    # by looking at few of their samples.
    step = least // 2
    points, there = data[::step].copy(), valid[::step].copy()
    same = (points[1:] == points[:-1]) & there[1:] & there[:-1]
    hits = np.flatnonzero(same)
    # Two points are often equal by chance; what lies between them is not.
    for part in (0.5, 0.25, 0.75):
        between = hits * step + int(step * part)
        hits = hits[data[between] == data[hits * step]]
    if not len(hits):
        return np.empty((0, 2), dtype=np.int64)
    breaks = np.flatnonzero(np.diff(hits) > 1)
    firsts = hits[np.concatenate([[0], breaks + 1])]
    lasts = hits[np.concatenate([breaks, [len(hits) - 1]])]
    if len(firsts) > _MANY:
        return _runs(data, valid, 0, n_samples, least)
    begins = np.maximum((firsts - 1) * step + 1, 0)
    ends = np.minimum((lasts + 2) * step, n_samples)
    found = [_runs(data, valid, a, b, least) for a, b in zip(begins, ends, strict=True)]
    return np.concatenate(found)


def _runs(data, valid, begin, end, least):
    """Stretches within a part, by looking at every sample of it."""
    x, there = data[begin:end], valid[begin:end]
    changes = np.flatnonzero((x[1:] != x[:-1]) | (there[1:] != there[:-1])) + 1
    edges = np.concatenate([[0], changes, [len(x)]])
    long = (np.diff(edges) >= least) & there[edges[:-1]]
    return np.column_stack([edges[:-1][long], edges[1:][long]]) + begin


def clipped_runs(data, valid, extremes=None):
    """Find where the amplitude ends at the range of the instrument.

    A channel is taken for clipped if five samples or more have its largest (or smallest) value,
    at three times or more, and it gets there and away in steps: by more than a third of what it
    usually moves from sample to sample, and than five of the smallest such steps. A channel with
    fewer than 200 of those between the extremes is quiet rather than clipped, one that turns
    gently at the top is smooth.

    Parameters
    ----------
    data : ndarray of shape (n_samples,)
        Waveform.
    valid : ndarray of bool of shape (n_samples,)
        True where a sample was recorded.
    extremes : (low, high), optional
        Smallest and largest value that was recorded, where they are known.

    Returns
    -------
    runs : ndarray of int of shape (n_runs, 2)
        Half-open intervals, in order; empty if the channel is not clipped.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.io._stretches import clipped_runs
    >>> x = np.random.default_rng(0).normal(0, 1000, 3000).round()
    >>> everywhere = np.ones(3000, dtype=bool)
    >>> len(clipped_runs(x, everywhere)), len(clipped_runs(x.clip(-2500, 9999), everywhere))
    (0, 21)
    """
    none = np.empty((0, 2), dtype=np.int64)
    if extremes is None:
        there = data if valid.all() else data[valid]
        extremes = (there.min(), there.max()) if len(there) else (0, 0)
    if not extremes[0] < extremes[1]:
        return none
    steps = _steps(data, valid)
    if not len(steps) or float(extremes[1]) - float(extremes[0]) < _LEVELS * steps.min():
        return none
    steep = max(_STEEP * steps.min(), np.median(steps) / 3)
    found = [none]
    for at in _positions(data, extremes):
        if len(at) < CLIPPED_SAMPLES:
            continue
        breaks = np.flatnonzero(np.diff(at) > 1)
        begins = at[np.concatenate([[0], breaks + 1])]
        ends = at[np.concatenate([breaks, [len(at) - 1]])] + 1
        inside = (begins > 0) & (ends < len(data)) & valid[begins]
        begins, ends = begins[inside], ends[inside]
        rise = np.abs(data[begins].astype(np.float64) - data[begins - 1])
        fall = np.abs(data[begins].astype(np.float64) - data[ends])
        steps_off = np.minimum(rise, fall) > steep
        begins, ends = begins[steps_off], ends[steps_off]
        if len(begins) >= _TIMES and (ends - begins).sum() >= CLIPPED_SAMPLES:
            found.append(np.column_stack([begins, ends]))
    runs = np.concatenate(found)
    return runs[np.argsort(runs[:, 0], kind="stable")]


def _positions(data, values):
    """Where each value is; block by block, so that a block is looked at while it is at hand."""
    found = [[np.zeros(0, dtype=np.int64)] for _ in values]
    buffer = np.empty(min(_BLOCK, len(data)), dtype=bool)
    for begin in range(0, len(data), _BLOCK):
        block = data[begin : begin + _BLOCK]
        hit = buffer[: len(block)]
        for own, value in zip(found, values, strict=True):
            if np.equal(block, value, out=hit).any():
                own.append(np.flatnonzero(hit) + begin)
    return [np.concatenate(own) for own in found]


def _steps(data, valid):
    """Differences between samples one after the other, of the first that there are; none is 0."""
    first = data[: 4 * _LOOK]
    steps = np.abs(np.diff(first[valid[: len(first)]][:_LOOK].astype(np.float64)))
    return steps[steps > 0]
