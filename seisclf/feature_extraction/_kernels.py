"""Tight row-wise kernels that the feature formulas share; the last axis is the one of a curve."""

import numpy as np
from scipy.ndimage import uniform_filter1d


def odd_length(duration, step):
    """Odd number of points, at least one, that comes nearest to `duration`.

    Odd, because a centred mean over an even number of points shifts everything by half a point.
    """
    return 2 * int(round((duration / step - 1) / 2)) + 1 if duration > step else 1


def boxcar(x, length, *, mode="reflect", axis=-1):
    """Centred running mean over an odd `length`, along an axis counted from the end.

    Beyond its ends the curve goes on as its mirror image, with the end point twice
    (``"reflect"``) or once (``"mirror"``).
    """
    if length <= 1:
        return x
    if length != 3 or x.shape[axis] < 2:
        return uniform_filter1d(x, length, axis=axis, mode=mode)

    # The commonest length: three additions are several times faster than the running sum.
    def at(points):
        return (..., points, *(slice(None),) * (-1 - axis))

    mean = np.empty_like(x)
    inner = mean[at(slice(1, -1))]
    np.add(x[at(slice(None, -2))], x[at(slice(1, -1))], out=inner)
    inner += x[at(slice(2, None))]
    beyond = 0 if mode == "reflect" else 1
    mean[at(0)] = x[at(0)] + x[at(1)] + x[at(beyond)]
    mean[at(-1)] = x[at(-1)] + x[at(-2)] + x[at(-1 - beyond)]
    mean *= mean.dtype.type(1 / 3)
    return mean


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


def ratio(numerator, denominator, undefined):
    """numerator / denominator, and `undefined` where the denominator is zero."""
    zero = denominator == 0
    return np.where(zero, undefined, numerator / np.where(zero, 1, denominator))


def skewness_and_kurtosis(x):
    """Third and fourth standardised central moments; kurtosis is Pearson's (3 for a Gaussian)."""
    n = x.shape[-1]
    x = x - x.mean(axis=-1, keepdims=True)
    square = x * x
    variance = row_sum_of_products(x, x) / n
    third = row_sum_of_products(square, x) / n
    fourth = row_sum_of_products(square, square) / n
    return third / variance**1.5, fourth / variance**2


def kurtosis(x):
    """Fourth standardised central moment, Pearson's."""
    n = x.shape[-1]
    x = x - x.mean(axis=-1, keepdims=True)
    variance = row_sum_of_products(x, x) / n
    x *= x
    return row_sum_of_products(x, x) / n / variance**2


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


def moments(amplitude, frequencies, n_moments=2):
    """Σ f^j·A over the last axis, for j from 0 on, stacked along a new last axis."""
    powers = frequencies[:, np.newaxis] ** np.arange(n_moments)
    return amplitude @ powers.astype(amplitude.dtype)


def centroids(amplitude, frequencies, total):
    """Centroid of each spectrum, and those of the parts below and above it.

    Parameters
    ----------
    amplitude : ndarray of shape (..., n_frequencies)
        Spectra.
    frequencies : ndarray of shape (n_frequencies,)
        Frequencies in Hz, ascending.
    total : ndarray of shape (..., 2)
        ``moments(amplitude, frequencies)``.

    Returns
    -------
    centroid, below, above : ndarray of shape (...,)
        Σ f·A / ΣA over all frequencies, over those up to the centroid and over those above it;
        NaN where there is nothing to sum.
    """
    centroid = total[..., 1] / total[..., 0]
    # A line exactly at the centroid counts as up to it, whatever the rounding.
    limit = (centroid * (1 + 1e-6)).astype(amplitude.dtype)
    part = frequencies.astype(amplitude.dtype) <= limit[..., np.newaxis]
    low = moments(part * amplitude, frequencies)
    high = total - low
    return centroid, low[..., 1] / low[..., 0], high[..., 1] / high[..., 0]
