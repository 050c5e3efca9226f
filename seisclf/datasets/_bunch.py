"""Rows of a data set: waveforms, labels, metadata, picks and masks that stay together."""

import numpy as np
from sklearn.utils import Bunch

PER_SAMPLE = ("masks", "valid")  # arrays that go along with data, sample by sample


def take_rows(bunch, rows):
    """Select events of a data set, with all that is known about them.

    Parameters
    ----------
    bunch : :class:`~sklearn.utils.Bunch`
        As the functions of :mod:`seisclf.datasets` return it.
    rows : slice, array of int, or array of bool of shape (n_events,)
        Which events, in which order; an event may come more than once.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        ``data``, ``target``, ``metadata``, ``arrivals``, ``masks`` and ``valid`` of these rows;
        the rest is the same. Waveforms on disk stay there.

    Raises
    ------
    ValueError
        If a mask has another length than the data set.

    Examples
    --------
    >>> from seisclf.datasets import make_seismic_events, take_rows
    >>> events = make_seismic_events(8, n_samples=500, random_state=0)
    >>> rockfalls = take_rows(events, events.target == "rockfall")
    >>> rockfalls.data.shape, rockfalls.metadata.shape[0]
    ((2, 3, 500), 2)
    """
    rows = row_numbers(rows, len(bunch.data))
    taken = Bunch(**bunch)
    taken.data = bunch.data[rows]
    for key in ("target", *PER_SAMPLE):
        if bunch.get(key) is not None:
            taken[key] = bunch[key][rows]
    taken.metadata = bunch.metadata.iloc[rows].reset_index(drop=True)
    if bunch.get("arrivals") is not None:
        taken.arrivals = _take_arrivals(bunch.arrivals, rows)
    return taken


def row_numbers(rows, n_rows):
    """Turn a slice, mask or integers into row numbers."""
    if isinstance(rows, slice):
        return np.arange(n_rows)[rows]
    rows = np.asarray(rows)
    if rows.dtype == bool:
        if rows.shape != (n_rows,):
            raise ValueError(
                f"rows is a mask of shape {rows.shape}; the data set needs one of ({n_rows},)"
            )
        return np.flatnonzero(rows)
    return np.atleast_1d(rows if rows.size else rows.astype(int))


def _take_arrivals(arrivals, rows):
    import pandas as pd

    if arrivals.index.nlevels == 1:
        return arrivals.iloc[rows].reset_index(drop=True)
    n_rows = arrivals.index.get_level_values(0).nunique()
    each = len(arrivals) // max(n_rows, 1)
    positions = (np.asarray(rows)[:, None] * each + np.arange(each)).ravel()
    taken = arrivals.iloc[positions]
    stations = taken.index.get_level_values(1)
    index = [np.repeat(np.arange(len(rows)), each), stations]
    return taken.set_axis(pd.MultiIndex.from_arrays(index, names=arrivals.index.names))


def onset_of(bunch, name):
    """Seconds after the first sample of a named onset, or of a number of seconds: (n_rows,)."""
    n_rows = len(bunch.metadata)
    if not isinstance(name, str):
        return np.full(n_rows, float(name))
    arrivals = bunch.get("arrivals")
    if arrivals is not None and name in arrivals:
        column = arrivals[name]
        if column.index.nlevels > 1:  # of a network, the first station's
            column = column.groupby(level=0).min()
        return column.to_numpy(dtype=float)
    if name in bunch.metadata:
        return bunch.metadata[name].to_numpy(dtype=float)
    known = [] if arrivals is None else list(arrivals)
    raise ValueError(
        f"relative_to={name!r} is no onset of this data set; known are {known} and numeric "
        f"columns of metadata"
    )
