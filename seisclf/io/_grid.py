"""Samples and times on one grid, in whole numbers: nothing depends on where a record is cut."""

from fractions import Fraction
from functools import lru_cache

import numpy as np

_SECOND = 1_000_000_000
# Times of samples are whole nanoseconds: one that lies between two samples, but for the rounding
# of its time, must go where it would without.
_ROUNDING_NS = 1


@lru_cache(maxsize=256)
def exact_rate(rate):
    """Return a rate in Hz as a fraction: 62.5 is 125/2, 0.1 is 1/10."""
    return Fraction(rate).limit_denominator(1_000_000)


def sample_index(offset_ns, rate):
    """Return the sample nearest to an offset; halfway between two it is the later one.

    Parameters
    ----------
    offset_ns : int
        Nanoseconds after sample 0 of the grid.
    rate : float
        Hertz.

    Returns
    -------
    index : int

    Examples
    --------
    >>> from seisclf.io._grid import sample_index
    >>> [sample_index(ns, 100.0) for ns in (0, 4_999_998, 5_000_000, -5_000_000, -5_000_002)]
    [0, 0, 1, 0, -1]
    """
    ratio = exact_rate(rate)
    up, down = ratio.numerator, ratio.denominator * _SECOND
    return (2 * (int(offset_ns) + _ROUNDING_NS) * up + down) // (2 * down)


def sample_time(index, rate):
    """Return nanoseconds between sample 0 of a grid and another, to the nearest.

    Parameters
    ----------
    index : int
        Sample.
    rate : float
        Hertz.

    Returns
    -------
    offset_ns : int

    Examples
    --------
    >>> from seisclf.io._grid import sample_time
    >>> sample_time(3, 100.0), sample_time(1, 3.0)
    (30000000, 333333333)
    """
    ratio = exact_rate(rate)
    up, down = ratio.denominator * _SECOND, ratio.numerator
    return (2 * int(index) * up + down) // (2 * down)


def sample_times(indices, rate):
    """Return what :func:`sample_time` does, for an array of samples.

    Parameters
    ----------
    indices : array-like of int
        Samples.
    rate : float
        Hertz.

    Returns
    -------
    offsets_ns : ndarray of int64

    Examples
    --------
    >>> from seisclf.io._grid import sample_times
    >>> sample_times([1, 3, 9_000_000_001], 3.0)
    array([          333333333,          1000000000, 3000000000333333333])
    """
    ratio = exact_rate(rate)
    up, down = ratio.denominator * _SECOND, ratio.numerator
    whole, rest = np.divmod(np.asarray(indices, dtype=np.int64), down)
    if 2 * up * down >= 2**62:
        rest = rest.astype(object)  # a rate with many digits: Python's numbers have no end
    return whole * up + ((2 * rest * up + down) // (2 * down)).astype(np.int64)


def first_sample(offset_ns, rate):
    """Return the first sample at or after an offset; one that is a thousandth early counts."""
    ratio = exact_rate(rate)
    down = ratio.denominator * _SECOND
    position = int(offset_ns) * ratio.numerator  # in units of 1 / down samples
    return -((-position + down // 1000) // down)
