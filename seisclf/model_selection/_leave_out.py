"""Leave out a station, or a site, at a time."""

import numpy as np

from ._base import MetadataSplitter, check_purge, purged
from ._rows import codes_of


class LeaveOneStationOut(MetadataSplitter):
    """Each fold tests on one station and trains on the others.

    An event recorded at several stations would stand in train and in test: its training rows
    are dropped (purged). Events are recognised by ``event_id``, so pass the metadata as
    `groups`.

    Parameters
    ----------
    purge : tuple of {"event", "overlap"}, default=("event", "overlap")
        What may not be shared between train and test; rows of train that do are dropped. Empty
        if every event was recorded at one station only and `groups` are plain labels.

    See Also
    --------
    LeaveOneSiteOut : Keeps all stations of a site together.
    sklearn.model_selection.LeaveOneGroupOut : Without the purge.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from seisclf.model_selection import LeaveOneStationOut
    >>> metadata = pd.DataFrame({
    ...     "event_id": ["a", "a", "b", "b", "c", "d"],
    ...     "station": ["XX.ST1", "XX.ST2", "XX.ST1", "XX.ST2", "XX.ST1", "XX.ST2"],
    ... })
    >>> cv = LeaveOneStationOut()
    >>> for train, test in cv.split(np.zeros((6, 1)), groups=metadata):
    ...     print(train, test)
    [5] [0 2 4]
    [4] [1 3 5]
    """

    _column = "station"
    _word = "stations"

    def __init__(self, *, purge=("event", "overlap")):
        self.purge = purge

    def get_n_splits(self, X=None, y=None, groups=None):
        """Number of folds: one for each label.

        Parameters
        ----------
        X, y : object, optional
            Ignored.
        groups : DataFrame or array-like
            The metadata, or the labels.

        Returns
        -------
        n_splits : int
            Different labels.
        """
        n = 0 if groups is None else len(groups)
        return len(self._labels(self._metadata(groups, n))[1])

    def _labels(self, metadata):
        if metadata[self._column].isna().any():
            rows = np.flatnonzero(metadata[self._column].isna())
            raise ValueError(
                f"{len(rows)} rows have no {self._column}, the first of them row {rows[0]}. Fill "
                f"them in or leave these rows out."
            )
        return codes_of(metadata[self._column])

    def _folds(self, metadata, y):
        name, purge = type(self).__name__, check_purge(self.purge)
        if "event" in purge and "event_id" not in metadata:
            raise ValueError(
                f"{name} drops training rows of tested events and needs their event_id: pass "
                f"groups=metadata, a DataFrame with the columns {self._column!r} and 'event_id'. "
                f"If no event was recorded at two {self._word}, {name}(purge=()) does without."
            )
        code, labels = self._labels(metadata)
        if len(labels) < 2:
            raise ValueError(
                f"{name} needs at least two {self._word}; all rows are of {labels[0]!r}. Split by "
                f"event (EventKFold) or by time (CalendarKFold) instead."
            )
        for k in range(len(labels)):
            test = np.flatnonzero(code == k)
            yield purged(np.flatnonzero(code != k), test, metadata, purge), test


class LeaveOneSiteOut(LeaveOneStationOut):
    """Each fold tests on one site (a slope, a volcano, a network) and trains on the others.

    How a classifier does where it was never trained is what a new site wants to know. Training
    rows of events that were recorded at the tested site too are dropped (purged).

    Parameters
    ----------
    purge : tuple of {"event", "overlap"}, default=("event", "overlap")
        What may not be shared between train and test; rows of train that do are dropped. Empty
        if every event was recorded at one site only and `groups` are plain labels.

    See Also
    --------
    LeaveOneStationOut : The same for single stations.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.model_selection import LeaveOneSiteOut
    >>> sites = ["ridge", "ridge", "glacier"]
    >>> for train, test in LeaveOneSiteOut(purge=()).split(np.zeros((3, 1)), groups=sites):
    ...     print(train, test)
    [0 1] [2]
    [2] [0 1]
    """

    _column = "site"
    _word = "sites"
