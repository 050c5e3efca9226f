"""Splitters by event and by calendar."""

import numpy as np

from seisclf.utils import check_seed

from ._base import (
    MetadataSplitter,
    check_enough,
    check_n_splits,
    check_purge,
    class_codes,
    deal,
    purged,
)
from ._rows import NO_TIME, as_datetimes, as_nanoseconds, blocks, codes_of, read_rows

_UNITS = {"day": "D", "week": "W", "month": "M", "year": "Y"}


class EventKFold(MetadataSplitter):
    """K folds in which the rows of one event stay together.

    An event recorded at several stations, cut into several windows or augmented has several
    rows; trained on one and tested on another, a classifier is rewarded for remembering.

    With the metadata as `groups`, windows that overlap in time at one station stay together
    too, whatever event they are ascribed to.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    stratified : bool, default=True
        Balance the classes of `y` over folds (where `y` is given and holds classes);
        otherwise only the number of rows.
    shuffle : bool, default=False
        Deal events at random, rather than in their order.
    random_state : int, RandomState, Generator or None, default=None
        Fixes the shuffling.

    See Also
    --------
    CalendarKFold : Keeps whole months (days, weeks, years) together.
    sklearn.model_selection.StratifiedGroupKFold : The same idea for any groups.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.model_selection import EventKFold
    >>> events = ["a", "a", "b", "c", "c", "d"]
    >>> y = ["rockfall", "rockfall", "rockfall", "noise", "noise", "noise"]
    >>> for train, test in EventKFold(n_splits=2).split(np.zeros((6, 1)), y, groups=events):
    ...     print(train, test)
    [2 3 4] [0 1 5]
    [0 1 5] [2 3 4]
    """

    def __init__(self, n_splits=5, *, stratified=True, shuffle=False, random_state=None):
        self.n_splits = n_splits
        self.stratified = stratified
        self.shuffle = shuffle
        self.random_state = random_state

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
        return check_n_splits(self.n_splits)

    def _folds(self, metadata, y):
        n_splits = check_n_splits(self.n_splits)
        block = blocks(read_rows(metadata))
        check_enough(
            block.max(initial=-1) + 1,
            n_splits,
            "events that share nothing",
            "Windows that overlap at one station count as one block: for a continuous record use "
            "CalendarKFold or ForwardInTimeSplit, which drop the overlapping rows instead.",
        )
        fold = deal(
            block,
            class_codes(y if self.stratified else None, len(metadata)),
            n_splits,
            rng=np.random.default_rng(check_seed(self.random_state)) if self.shuffle else None,
        )
        for k in range(n_splits):
            yield np.flatnonzero(fold != k), np.flatnonzero(fold == k)


class CalendarKFold(MetadataSplitter):
    """K folds of whole months (or days, weeks, years).

    Neighbours in time are alike: the same swarm, the same quarry, the same weather, the same
    state of the sensor. Cutting along the calendar asks how well a classifier does in a month
    it has not seen. Months are dealt over folds so that each fold gets its share of each class.

    With the metadata as `groups`, all rows of an event belong to the month in which the event
    begins, and training rows that share an event or overlap in time at one station with tested
    rows are dropped (a window across midnight at the end of a month).

    Parameters
    ----------
    n_splits : int or None, default=5
        Number of folds, at least 2. None makes every month a fold of its own.
    by : {"month", "day", "week", "year"}, default="month"
        Unit that stays together, in UTC; weeks begin on Monday.
    shuffle : bool, default=False
        Deal units of like size and classes at random, rather than in their order. Balance goes
        first, so large units that differ always fall alike (as in
        :class:`sklearn.model_selection.StratifiedGroupKFold`); for repeats that differ take
        ``GroupKFold(shuffle=True)`` with the units as groups.
    purge : tuple of {"event", "overlap"}, default=("event", "overlap")
        What may not be shared between train and test; rows of train that do are dropped.
    random_state : int, RandomState, Generator or None, default=None
        Fixes the shuffling.

    See Also
    --------
    ForwardInTimeSplit : Trains on the past only.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from seisclf.model_selection import CalendarKFold
    >>> times = pd.to_datetime(["2024-01-03", "2024-01-28", "2024-02-02", "2024-03-01"])
    >>> for train, test in CalendarKFold(3, by="month").split(np.zeros((4, 1)), groups=times):
    ...     print(train, test)
    [2 3] [0 1]
    [0 1 3] [2]
    [0 1 2] [3]
    """

    _column = "start_time"

    def __init__(
        self,
        n_splits=5,
        *,
        by="month",
        shuffle=False,
        purge=("event", "overlap"),
        random_state=None,
    ):
        self.n_splits = n_splits
        self.by = by
        self.shuffle = shuffle
        self.purge = purge
        self.random_state = random_state

    def get_n_splits(self, X=None, y=None, groups=None):
        """Number of folds.

        Parameters
        ----------
        X, y : object, optional
            Ignored.
        groups : DataFrame or array-like, optional
            Needed if `n_splits` is None: metadata or times.

        Returns
        -------
        n_splits : int
            Folds that :meth:`split` yields.
        """
        if self.n_splits is not None:
            return check_n_splits(self.n_splits)
        n = 0 if groups is None else len(groups)
        return int(self._units(self._metadata(groups, n)).max() + 1)

    def units(self, groups):
        """Name of the calendar unit of each row.

        Parameters
        ----------
        groups : DataFrame of n_events rows or array-like of shape (n_events,)
            The metadata, or times.

        Returns
        -------
        units : ndarray of str of shape (n_events,)
            Such as "2024-01" for a month, the Monday for a week.
        """
        metadata = self._metadata(groups, len(groups))
        periods = as_datetimes(event_starts(metadata)).tz_localize(None).to_period(self._freq())
        if self.by == "week":
            return periods.start_time.strftime("%Y-%m-%d").to_numpy(dtype=str)
        return periods.astype(str).to_numpy(dtype=str)

    def _freq(self):
        if self.by not in _UNITS:
            raise ValueError(f"by must be one of {list(_UNITS)}; got {self.by!r}.")
        return _UNITS[self.by]

    def _units(self, metadata):
        return codes_of(self.units(metadata))[0]

    def _folds(self, metadata, y):
        purge = check_purge(self.purge)
        unit = self._units(metadata)
        n_units = int(unit.max(initial=-1) + 1)
        n_splits = n_units if self.n_splits is None else check_n_splits(self.n_splits)
        check_enough(
            n_units,
            max(n_splits, 2),
            f"{self.by}s with events",
            "Take fewer folds or a shorter unit, such as by='day'.",
        )
        fold = deal(
            unit,
            class_codes(y, len(metadata)),
            n_splits,
            rng=np.random.default_rng(check_seed(self.random_state)) if self.shuffle else None,
        )
        for k in range(n_splits):
            test = np.flatnonzero(fold == k)
            yield purged(np.flatnonzero(fold != k), test, metadata, purge), test


def event_starts(metadata):
    """Start of the event each row belongs to (its first row's start), in nanoseconds."""
    start = as_nanoseconds(metadata["start_time"], name="start times (groups)")
    unknown = np.flatnonzero(start == NO_TIME)
    if len(unknown):
        raise ValueError(
            f"{len(unknown)} rows have no start_time, the first of them row {unknown[0]}: they "
            f"cannot be placed in time. Leave them out, or split by event with EventKFold."
        )
    if "event_id" not in metadata:
        return start
    event = codes_of(metadata["event_id"])[0]
    first = np.full(event.max(initial=-1) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, event, start)
    return first[event]
