"""Samples of a piece into the array of its channel, block by block, with their extremes."""

from typing import NamedTuple

import numpy as np

# A block is looked at while it is at hand: its samples come from memory once.
_BLOCK = 2**16


class Extremes(NamedTuple):
    """Smallest and largest value of a piece, and how many samples have them, at least.

    The counts are of the samples as they lie in the array of the channel; None where nobody
    counted.
    """

    low: float
    high: float
    n_low: int | None = None
    n_high: int | None = None

    def joined(self, other, dtype):
        """Extremes of this piece and another one, as values of the array."""
        low, n_low = _joined(self.low, self.n_low, other.low, other.n_low, dtype, np.less)
        high, n_high = _joined(self.high, self.n_high, other.high, other.n_high, dtype, np.greater)
        return Extremes(low, high, n_low, n_high)

    def reached(self, n_samples):
        """Whether so many samples may have one of the extremes."""
        return any(n is None or n >= n_samples for n in (self.n_low, self.n_high))


def extremes_of(values):
    """Extremes of samples that are not copied.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        At least one.

    Returns
    -------
    extremes : Extremes
        Without counts.
    """
    return Extremes(values.min(), values.max())


def fill(values, out):
    """Copy samples and find their extremes.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        At least one.
    out : ndarray of shape (n_samples,)
        Takes them.

    Returns
    -------
    extremes : Extremes
        Of `values`, as they were before; not a number if one of them is not.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.io._filling import fill
    >>> out = np.zeros(4, dtype=np.float32)
    >>> low, high, n_low, n_high = fill(np.array([3, 1, 1, 2]), out)
    >>> out.tolist(), int(low), int(high), n_low, n_high
    ([3.0, 1.0, 1.0, 2.0], 1, 3, 2, 1)
    """
    dtype = out.dtype
    low = high = lowest = highest = None
    n_low = n_high = 0
    with np.errstate(over="ignore", invalid="ignore"):  # values too large are found later
        for begin in range(0, len(values), _BLOCK):
            block, target = values[begin : begin + _BLOCK], out[begin : begin + _BLOCK]
            target[:] = block
            small, large = block.min(), block.max()
            if not small <= large:
                out[begin:] = values[begin:]
                return Extremes(small, large)
            # Most blocks do not reach what others have reached.
            if low is None or small <= low:
                lowest, n_low = _counted(dtype.type(small), target, lowest, n_low)
                low = small
            if high is None or large >= high:
                highest, n_high = _counted(dtype.type(large), target, highest, n_high)
                high = large
    return Extremes(low, high, n_low, n_high)


def _counted(value, block, before, n_before):
    n = int(np.count_nonzero(block == value))
    return value, n + n_before if value == before else n


def _joined(value, n, other, n_other, dtype, beyond):
    mine, its = dtype.type(value), dtype.type(other)
    if mine == its:
        return mine, None if n is None or n_other is None else n + n_other
    return (mine, n) if beyond(mine, its) else (its, n_other)
