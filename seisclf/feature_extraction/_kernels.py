"""Tight row-wise kernels that the feature formulas share; every array is (n_traces, n_points)."""

import numpy as np
from scipy.ndimage import uniform_filter1d


def odd_length(duration, step):
    """Odd number of points, at least one, that comes nearest to `duration`.

    Odd, because a centred mean over an even number of points shifts everything by half a point.
    """
    return 2 * int(round((duration / step - 1) / 2)) + 1 if duration > step else 1


def boxcar(x, length, mode="reflect", axis=-1):
    """Centred running mean; ``mode`` says how the ends go on (as in SciPy's ndimage)."""
    if length <= 1:
        return x
    return uniform_filter1d(x, length, axis=axis, mode=mode)


def detrended(x, kind):
    """Copy of `x` without its mean (``"constant"``) or its straight line (``"linear"``)."""
    if kind is None:
        return x.copy()
    x = x - x.mean(axis=-1, keepdims=True)
    n = x.shape[-1]
    if kind == "linear" and n > 1:
        t = np.arange(n, dtype=x.dtype) - x.dtype.type((n - 1) / 2)
        t /= np.linalg.norm(t)
        x -= (x @ t)[..., np.newaxis] * t
    return x


def row_sum_of_products(x, y):
    """Sum over the last axis of x·y, without a temporary array."""
    return np.einsum("...i,...i->...", x, y)


def ratio(numerator, denominator, undefined=np.nan):
    """numerator / denominator, and `undefined` where the denominator is not above zero."""
    numerator, denominator = np.asarray(numerator), np.asarray(denominator)
    defined = denominator > 0
    return np.where(defined, numerator / np.where(defined, denominator, 1), undefined)


def skewness_and_kurtosis(x):
    """Third and fourth standardised central moments; kurtosis is Pearson's (3 for a Gaussian).

    Both are NaN where the variance is zero.
    """
    n = x.shape[-1]
    x = x - x.mean(axis=-1, keepdims=True)
    square = x * x
    variance = square.mean(axis=-1)
    third = row_sum_of_products(square, x) / n
    fourth = row_sum_of_products(square, square) / n
    # Squares of values near the rounding of the mean carry no information.
    variance = np.where(variance > np.finfo(x.dtype).tiny * n, variance, 0)
    return ratio(third, variance**1.5), ratio(fourth, variance**2)


def kurtosis(x):
    """Pearson's kurtosis, NaN where the variance is zero."""
    return skewness_and_kurtosis(x)[1]


def median_of_sorted(x):
    """Median over the last axis of rows that are already in order."""
    n = x.shape[-1]
    return (x[..., (n - 1) // 2] + x[..., n // 2]) / 2


def median(x):
    """Median over the last axis (a vectorised sort is several times faster than np.median)."""
    return median_of_sorted(np.sort(x, axis=-1))


def interquartile_range(x):
    """75th minus 25th percentile over the last axis, with linear interpolation."""
    ordered = np.sort(x, axis=-1)
    return _quantile_of_sorted(ordered, 0.75) - _quantile_of_sorted(ordered, 0.25)


def _quantile_of_sorted(x, q):
    position = q * (x.shape[-1] - 1)
    low = int(position)
    high = min(low + 1, x.shape[-1] - 1)
    return x[..., low] + (x[..., high] - x[..., low]) * x.dtype.type(position - low)
