"""Bring traces to a common scale."""

import numpy as np

from ._arrays import as_float

_METHODS = ("zscore", "max_abs", "min_max", "robust")


def scale(x, method="zscore", axis=-1, *, center=True):
    """Shift and scale traces so that their amplitudes can be compared.

    Parameters
    ----------
    x : array-like of shape (..., n_samples)
        Traces, spectrograms or any array. They are not changed.
    method : {"zscore", "max_abs", "min_max", "robust"}, default="zscore"
        - "zscore": divide by the standard deviation (``ddof=0``);
        - "max_abs": divide by the largest absolute value;
        - "min_max": map the smallest value to 0 and the largest to 1;
        - "robust": divide by the interquartile range.
    axis : int or tuple of int, default=-1
        Axes that share one scale: -1 for every trace on its own, (-2, -1) for all channels of an
        event together.
    center : bool, default=True
        Subtract the mean first ("robust": the median). Without it, "zscore" still divides by the
        deviation from the mean. Not used by "min_max".

    Returns
    -------
    scaled : ndarray of the shape of `x`
        float32 if `x` is float32, else float64. Where all values along `axis` are equal, or their
        spread is too small for a number to hold, the result is 0. A slice that contains NaN
        becomes NaN.

    Raises
    ------
    ValueError
        If `method` is unknown.

    Notes
    -----
    A trace whose interquartile range is zero though it is not constant (a few spikes on a dead
    channel), or too small to divide the largest value by, is divided by its largest deviation
    from the median.

    Examples
    --------
    >>> from seisclf.signal import scale
    >>> scale([[0.0, 2.0, 4.0], [7.0, 7.0, 7.0]], "max_abs")
    array([[-1.,  0.,  1.],
           [ 0.,  0.,  0.]])
    """
    x = as_float(x)
    if method not in _METHODS:
        raise ValueError(f"method must be one of {_METHODS}, got {method!r}")
    if x.size == 0:
        return x.copy()
    low, high = x.min(axis=axis, keepdims=True), x.max(axis=axis, keepdims=True)
    if method == "min_max":
        return _divided(x - low, high - low)
    middle = _middle(x, method, axis)
    # Rounding can put the mean outside the values, which would make constants not quite zero.
    middle = np.clip(middle, low, high).astype(x.dtype)
    deviations = x - middle
    peak = np.maximum(high - middle, middle - low)
    spread = _spread(deviations, peak, method, axis)
    if center:
        return _divided(deviations, spread)
    if method == "max_abs":
        spread = np.maximum(np.abs(low), np.abs(high))
    return _divided(x, np.where(peak == 0, 0, spread))


def _middle(x, method, axis):
    if method == "robust":
        with np.errstate(invalid="ignore"):
            return np.median(x, axis=axis, keepdims=True)
    return x.mean(axis=axis, keepdims=True, dtype=np.float64)


def _spread(deviations, peak, method, axis):
    if method == "max_abs":
        return peak
    if method == "robust":
        quarter = np.quantile(deviations, [0.25, 0.75], axis=axis, keepdims=True)
        between = (quarter[1] - quarter[0]).astype(peak.dtype)
        return np.where(between <= np.finfo(peak.dtype).eps * peak, peak, between)
    # Relative to the peak, squares neither overflow nor vanish.
    relative = _divided(deviations, peak)
    return peak * np.sqrt(np.mean(np.square(relative, out=relative), axis=axis, keepdims=True))


def _divided(values, divisor):
    """Values over divisor, 0 where the divisor is 0 or subnormal."""
    usable = ~(np.abs(divisor) < np.finfo(values.dtype).tiny)
    return np.where(usable, values, 0) / np.where(usable, divisor, 1)
