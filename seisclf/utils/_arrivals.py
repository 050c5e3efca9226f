"""Arrival times of events: tables that people read, and the arrays that code computes with."""

import numpy as np

PHASES = ("P", "S", "start", "end")
_CONVERSION = "array_to_arrivals(arrivals_to_array(arrivals, n_events, n_stations=...))"


class EventLabels(np.ndarray):
    """Class labels that carry the arrivals of their events with them.

    A sampler such as `seisclf.augmentation.MosaicAugmenter` changes the number of rows of X, y
    and arrivals together, but imbalanced-learn's Pipeline hands only X and y to the next step.
    An array of labels that has its arrivals attached gets both there; whatever takes rows of it
    takes the same rows of the arrivals.

    Parameters
    ----------
    labels : array-like of shape (n_events,)
        Class of each event.
    arrivals : pandas.DataFrame
        One row per event, see `arrivals_to_array`.

    Attributes
    ----------
    arrivals : pandas.DataFrame or None
        None once the rows can no longer be told, for instance after arithmetic.

    Raises
    ------
    ValueError
        If there are not as many rows as labels.

    Examples
    --------
    >>> import pandas as pd
    >>> from seisclf.utils import EventLabels
    >>> y = EventLabels(["earthquake", "rockfall"], pd.DataFrame({"P": [1.5, 2.0]}))
    >>> y[y == "rockfall"].arrivals["P"].tolist()
    [2.0]
    """

    def __new__(cls, labels, arrivals):
        """Attach `arrivals` to a view of `labels`."""
        self = np.asarray(labels).view(cls)
        if self.ndim != 1 or len(arrivals) != len(self):
            hint = ""
            if getattr(getattr(arrivals, "index", None), "nlevels", 1) == 2:
                hint = f". Of a table with a row for each station make one, {_CONVERSION}"
            raise ValueError(
                f"arrivals must have one row for each of the {self.shape} labels; it has "
                f"{len(arrivals)}{hint}"
            )
        self.arrivals = arrivals.reset_index(drop=True)
        return self

    def __array_finalize__(self, obj):
        """Start views and results of arithmetic without arrivals."""
        self.arrivals = None

    def __getitem__(self, index):
        """Labels of some rows, with the arrivals of these rows."""
        taken = super().__getitem__(index)
        if isinstance(taken, EventLabels) and taken.ndim == 1 and self.arrivals is not None:
            rows = np.arange(len(self))[np.asarray(index) if isinstance(index, list) else index]
            taken.arrivals = self.arrivals.iloc[rows].reset_index(drop=True)
        return taken

    def copy(self, order="C"):
        """An independent copy with the same arrivals."""
        copied = super().copy(order)
        copied.arrivals = None if self.arrivals is None else self.arrivals.copy()
        return copied

    def __reduce__(self):
        """Pickle the arrivals too, so that worker processes get them."""
        return EventLabels._rebuild, (np.asarray(self), self.arrivals)

    @staticmethod
    def _rebuild(labels, arrivals):
        return labels.view(EventLabels) if arrivals is None else EventLabels(labels, arrivals)


def arrivals_to_array(arrivals, n_events, *, n_stations=None):
    """Turn a table of arrivals into an array.

    Parameters
    ----------
    arrivals : pandas.DataFrame or ndarray
        One row per event. Columns ``P``, ``S``, ``start`` and ``end`` in seconds after the first
        sample, NaN (or no column) where unknown; further events in the same window stand in
        ``P_1``, ``S_1``, and so on. For events of a network the columns have two levels, station
        and phase; or the rows have two, (row, station), as `make_seismic_events` gives them. An
        array passes unchanged if its shape fits.
    n_events : int
        Rows that are needed.
    n_stations : int, optional
        For events of a network.

    Returns
    -------
    array : ndarray of float64, shape (n_events, n_in_window, 4)
        Last axis P, S, start, end. For a network (n_events, n_stations, n_in_window, 4).

    Raises
    ------
    TypeError
        If `arrivals` is neither a table nor an array.
    ValueError
        If the number of rows or stations does not fit, no column is known, a column is a phase
        but for its case, or values are no finite seconds.

    Examples
    --------
    >>> import pandas as pd
    >>> from seisclf.utils import arrivals_to_array
    >>> arrivals_to_array(pd.DataFrame({"P": [1.0], "S": [2.0], "P_1": [5.0]}), 1)
    array([[[ 1.,  2., nan, nan],
            [ 5., nan, nan, nan]]])
    """
    if isinstance(arrivals, np.ndarray):
        return _checked_array(arrivals, n_events, n_stations)
    if not hasattr(arrivals, "columns"):
        raise TypeError(
            f"arrivals must be a DataFrame with columns {', '.join(PHASES)}; got "
            f"{type(arrivals).__name__}"
        )
    if n_stations is not None:
        return _network_array(arrivals, n_events, n_stations)
    if len(arrivals) != n_events:
        raise ValueError(
            f"arrivals has {len(arrivals)} rows for {n_events} events: give one row per event"
        )
    suffixes = _suffixes(arrivals.columns)
    array = np.full((n_events, len(suffixes), 4), np.nan)
    for i, suffix in enumerate(suffixes):
        for j, phase in enumerate(PHASES):
            if phase + suffix in arrivals:
                array[:, i, j] = _seconds(arrivals[phase + suffix], phase + suffix)
    return array


def array_to_arrivals(array):
    """Turn an array of arrivals into a table, the inverse of `arrivals_to_array`.

    Parameters
    ----------
    array : ndarray of shape (n_events, n_in_window, 4) or (n_events, n_stations, n_in_window, 4)
        Last axis P, S, start, end.

    Returns
    -------
    arrivals : pandas.DataFrame
        One row per event; for a network with columns (station number, phase).

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.utils import array_to_arrivals
    >>> array_to_arrivals(np.array([[[1.0, 2.0, 1.0, 9.0]]]))
         P    S  start  end
    0  1.0  2.0    1.0  9.0
    """
    import pandas as pd

    array = np.asarray(array, dtype=float)
    if array.ndim == 4:
        parts = {i: array_to_arrivals(array[:, i]) for i in range(array.shape[1])}
        return pd.concat(parts, axis=1)
    suffixes = [""] + [f"_{i}" for i in range(1, array.shape[1])]
    columns = [phase + suffix for suffix in suffixes for phase in PHASES]
    return pd.DataFrame(array.reshape(len(array), -1), columns=columns)


def _seconds(column, name):
    """A column of a table as numbers."""
    try:
        if column.dtype.kind in "mM":  # would become nanoseconds
            raise TypeError(f"it holds {column.dtype}")
        seconds = column.to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"arrivals[{name!r}] must hold seconds after the first sample, NaN where unknown: "
            f"{error}. Of times, subtract metadata['start_time'] and take .dt.total_seconds()"
        ) from error
    _check_finite(seconds, f"arrivals[{name!r}]")
    return seconds


def _check_finite(seconds, name):
    if np.isinf(seconds).any():
        raise ValueError(f"{name} holds infinite times: give NaN for what is unknown")


def _checked_array(array, n_events, n_stations):
    shape = (n_events, "any", 4) if n_stations is None else (n_events, n_stations, "any", 4)
    fits = array.ndim == len(shape) and all(
        wanted in ("any", size) for wanted, size in zip(shape, array.shape, strict=True)
    )
    if not fits:
        raise ValueError(
            f"arrivals must have shape {shape}, the last axis P, S, start, end; got {array.shape}"
        )
    array = np.asarray(array, dtype=float)
    _check_finite(array, "arrivals")
    return array


def _network_array(arrivals, n_events, n_stations):
    if arrivals.index.nlevels == 2:
        parts = [part for _, part in arrivals.groupby(level=0, sort=True)]
        counts = {len(part) for part in parts}
        if len(parts) != n_events or counts != {n_stations}:
            raise ValueError(
                f"arrivals has {len(parts)} events of {sorted(counts)} stations; {n_events} "
                f"events of {n_stations} stations are needed. A table with a row for each station "
                f"cannot be cut into folds; one row per event can, "
                f"{_CONVERSION}"
            )
        flat = arrivals_to_array(arrivals.reset_index(drop=True), n_events * n_stations)
        return flat.reshape(n_events, n_stations, *flat.shape[1:])
    if arrivals.columns.nlevels != 2:
        raise ValueError(
            "arrivals of a network need columns with two levels, (station, phase), or rows with "
            "two, (row, station)"
        )
    stations = list(dict.fromkeys(arrivals.columns.get_level_values(0)))
    if len(stations) != n_stations:
        raise ValueError(
            f"arrivals has columns for {len(stations)} stations; {n_stations} are needed"
        )
    parts = [arrivals_to_array(arrivals[station], n_events) for station in stations]
    n_in_window = max(part.shape[1] for part in parts)
    array = np.full((n_events, n_stations, n_in_window, 4), np.nan)
    for i, part in enumerate(parts):
        array[:, i, : part.shape[1]] = part
    return array


def _suffixes(columns):
    """Endings of the columns of each event in the window: "", "_1", "_2", …"""
    numbers = set()
    columns = list(map(str, columns))
    phases = {phase.casefold(): phase for phase in PHASES}
    for column in columns:
        meant = phases.get(column.casefold())
        if meant and meant not in columns:
            raise ValueError(
                f"arrivals has a column {column!r} and none called {meant!r}: rename it, "
                f"arrivals.rename(columns={{{column!r}: {meant!r}}}), or leave it out"
            )
    for column in columns:
        name, _, number = column.partition("_")
        if name in PHASES and (not number or number.isdigit()):
            numbers.add(int(number or 0))
    if not numbers:
        raise ValueError(
            f"arrivals has none of the columns {', '.join(PHASES)}; it has {', '.join(columns)}"
        )
    return ["" if i == 0 else f"_{i}" for i in range(max(numbers) + 1)]
