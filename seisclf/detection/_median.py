"""Medians over overlapping windows: a few rows, very many columns."""

from functools import lru_cache

import numpy as np


def median_rows(rows):
    """Median over the first axis, by a sorting network.

    A network of pairwise minima and maxima touches whole rows at a time, so that it runs at the
    speed of memory; sorting each column by itself takes an order of magnitude longer. The result
    equals :func:`numpy.median` to the last bit.

    Parameters
    ----------
    rows : ndarray of float, shape (n_rows, ...)
        Without NaN; overwritten.

    Returns
    -------
    median : ndarray of float, shape (...)
        In the dtype of `rows`; of an even number the mean of the two in the middle.

    Examples
    --------
    >>> import numpy as np
    >>> median_rows(np.array([[1.0, 9.0], [3.0, 7.0], [2.0, 8.0]]))
    array([2., 8.])
    """
    n = len(rows)
    wires = list(rows)
    spare = np.empty_like(wires[0])
    for low, high, need_low, need_high in _network(n):
        a, b = wires[low], wires[high]
        if need_low and need_high:
            np.minimum(a, b, out=spare)
            np.maximum(a, b, out=b)
            wires[low], spare = spare, a
        elif need_low:
            np.minimum(a, b, out=a)
        else:
            np.maximum(a, b, out=b)
    if n % 2:
        return wires[n // 2].copy()
    return (wires[n // 2 - 1] + wires[n // 2]) / 2


def nanmedian_rows(rows):
    """Median over the first axis of what is not NaN; NaN where everything is.

    Parameters
    ----------
    rows : ndarray of float, shape (n_rows, ...)
        Left unchanged.

    Returns
    -------
    median : ndarray of float, shape (...)
        In the dtype of `rows`.

    Examples
    --------
    >>> import numpy as np
    >>> nanmedian_rows(np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, np.nan]]))
    array([ 2., nan])
    """
    ordered = np.sort(rows, axis=0)  # NaN last
    n = (~np.isnan(rows)).sum(axis=0)[np.newaxis]
    low = np.take_along_axis(ordered, np.maximum((n - 1) // 2, 0), axis=0)
    high = np.take_along_axis(ordered, np.minimum(n // 2, len(rows) - 1), axis=0)
    # The very value where both are one: (x + x) / 2 would be the same, but not for NaN.
    return np.where(n % 2, low, (low + high) / 2)[0]


@lru_cache(maxsize=32)
def _network(n):
    """Comparators (low, high) of Batcher's odd-even merge sort that the median depends on.

    With each: whether its minimum, and whether its maximum, is used later.
    """
    comparators = []
    p = 1
    while p < n:
        k = p
        while k >= 1:
            for j in range(k % p, n - k, 2 * k):
                for i in range(min(k, n - j - k)):
                    if (i + j) // (2 * p) == (i + j + k) // (2 * p):
                        comparators.append((i + j, i + j + k))
            k //= 2
        p *= 2
    needed = {(n - 1) // 2, n // 2}
    kept = []
    for low, high in reversed(comparators):
        if low in needed or high in needed:
            kept.append((low, high, low in needed, high in needed))
            needed |= {low, high}
    return tuple(reversed(kept))
