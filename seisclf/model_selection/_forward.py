"""Splits that train on the past and test on the future."""

import numbers

import numpy as np
import pandas as pd

from ._base import MetadataSplitter, check_n_splits
from ._rows import NO_TIME, as_nanoseconds
from ._split import event_starts


class ForwardInTimeSplit(MetadataSplitter):
    """Train on everything before a time, test on what follows, and move on.

    The rows are cut, in the order of time, into `n_splits` + 1 blocks of about equal size. Fold
    k tests block k and trains on the blocks before it, less the gap: this is how a monitoring
    system lives, and how classifiers were found to fail that looked perfect within one period
    [1]_.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 1.
    gap : float, str or timedelta, default=0
        Time between the last training row and the first tested row, in seconds or as pandas
        understands it ("7D", "12h"). Rows within it are used in neither.
    max_train : float, str, timedelta or None, default=None
        Train only on rows that start within this time before the first tested row.

    See Also
    --------
    CalendarKFold : Whole months, from past and future.

    Notes
    -----
    With the metadata as `groups`, a training row ends (``end_time``) before the gap begins, and
    all rows of an event lie in the block in which the event begins. With times only, rows are
    taken to have no length.

    References
    ----------
    .. [1] Hibert, C., et al. (2017). Automatic identification of rockfalls and volcano-tectonic
       earthquakes at the Piton de la Fournaise volcano using a Random Forest algorithm. Journal
       of Volcanology and Geothermal Research, 340, 130-142.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from seisclf.model_selection import ForwardInTimeSplit
    >>> times = pd.date_range("2024-01-01", periods=6, freq="D")
    >>> cv = ForwardInTimeSplit(n_splits=2, gap="36h")
    >>> for train, test in cv.split(np.zeros((6, 1)), groups=times):
    ...     print(train, test)
    [0] [2 3]
    [0 1 2] [4 5]
    """

    _column = "start_time"

    def __init__(self, n_splits=5, *, gap=0, max_train=None):
        self.n_splits = n_splits
        self.gap = gap
        self.max_train = max_train

    def get_n_splits(self, X=None, y=None, groups=None):
        """Number of folds.

        Parameters
        ----------
        X, y, groups : object, optional
            Ignored.

        Returns
        -------
        n_splits : int
            As given at construction.
        """
        return check_n_splits(self.n_splits, least=1)

    def _folds(self, metadata, y):
        n_splits = check_n_splits(self.n_splits, least=1)
        gap = _nanoseconds(self.gap, "gap")
        event_start = event_starts(metadata)
        start = as_nanoseconds(metadata["start_time"], name="start_time")
        end = start
        if "end_time" in metadata:
            known_end = as_nanoseconds(metadata["end_time"], name="end_time")
            end = np.where(known_end == NO_TIME, start, known_end)
        block = _blocks_in_time(event_start, n_splits + 1)
        for k in range(1, n_splits + 1):
            test = np.flatnonzero(block == k)
            first = start[test].min()
            use = (block < k) & (end <= first - gap)
            if self.max_train is not None:
                use &= start >= first - _nanoseconds(self.max_train, "max_train")
            yield np.flatnonzero(use), test


def _blocks_in_time(times, n_blocks):
    """Number the rows' blocks, cutting only between different times."""
    ordered = np.sort(times)
    cuts = ordered[(np.arange(1, n_blocks) * len(times)) // n_blocks]
    if len(np.unique(cuts)) < n_blocks - 1 or cuts[0] == ordered[0]:
        raise ValueError(
            f"The rows begin at {len(np.unique(times))} different times, which do not make "
            f"{n_blocks} blocks of about equal size. Take fewer folds."
        )
    return np.searchsorted(cuts, times, side="right")


def _nanoseconds(duration, name):
    try:
        seconds = (
            float(duration)
            if isinstance(duration, numbers.Real)
            else pd.Timedelta(duration).total_seconds()
        )
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{name} must be seconds or a duration such as '7D'; got {duration!r}."
        ) from error
    if not np.isfinite(seconds) or seconds < 0:
        raise ValueError(f"{name} must be a duration of at least 0 s; got {duration!r}.")
    return np.int64(round(seconds * 1e9))
