"""Labelled events from a folder, and folds by name."""

import contextlib
import warnings
from pathlib import Path

import numpy as np

from ._errors import BadInput

# Windows are cut around P, or where that is not known around the start of the event.
_ONSETS = ("P", "start")
# Waveforms larger than this (bytes) stay on disk and are read batch by batch.
_IN_MEMORY = 2 * 2**30
GROUPS = ("event", "day", "week", "month", "year", "station", "site", "time")


def is_dataset(path):
    """Whether a folder holds a set in SeisBench's format."""
    path = Path(path)
    return path.is_dir() and any(path.glob("metadata*.csv")) and any(path.glob("waveforms*.hdf5"))


def components_of(path):
    """Which components to ask :func:`seisclf.datasets.read_seisbench` for.

    Parameters
    ----------
    path : pathlib.Path
        Folder in SeisBench's format.

    Returns
    -------
    options : dict
        ``component_order`` where all rows have the same one or two components, such as Z; else
        nothing, so that the three are asked for.
    """
    import pandas as pd

    from ..io._tables import read_table

    name = "trace_component_order"
    orders = set()
    for file in Path(path).glob("metadata*.csv"):
        wanted = {"usecols": lambda column: column == name, "dtype": str}
        table = read_table(file, separator=",", **wanted)
        orders |= set(table.get(name, pd.Series([None])).dropna())
    if len(orders) == 1 and 0 < len(next(iter(orders))) < 3:
        return {"component_order": orders.pop()}
    return {}


def load_events(path, *, window=None, noise=False, label=None, tell=None):
    """Read a set, cut windows around P, add a noise class.

    Parameters
    ----------
    path : pathlib.Path
        Folder in SeisBench's format.
    window : tuple of float, optional
        Start and end in seconds relative to P.
    noise : bool, default=False
        Whether stretches before P become a class of their own.
    label : str, optional
        Column of the metadata that holds the class.
    tell : callable, optional
        Called with one line for everything that was left out.

    Returns
    -------
    bunch : sklearn.utils.Bunch
        See :func:`seisclf.datasets.read_seisbench`.
    """
    from ..datasets import add_noise_class, cut_windows, read_seisbench

    check_dataset(path)
    if noise and not window:
        raise BadInput("--noise needs --window START END: noise is cut from before P")
    options = components_of(path) | ({} if label is None else {"label": label})
    bunch = read_seisbench(path, lazy=True, **options)
    if bunch.target is None:
        raise BadInput(f"{path} has no labels: name their column with --label")
    if window:
        start, end = window
        if not start < end:
            raise BadInput(f"--window {start:g} {end:g}: the start must lie before the end")
        cut = add_noise_class if noise else cut_windows
        with _told(tell):
            bunch = cut(bunch, start=start, end=end, relative_to=_ONSETS, outside="drop")
    if bunch.data.nbytes <= _IN_MEMORY:
        bunch.data = np.asarray(bunch.data)
    classes = np.unique(bunch.target)
    if len(classes) < 2:
        raise BadInput(
            f"{path} has only the class {classes[0]!r}: at least two are needed (--noise adds "
            f"one, --label names another column)"
        )
    return bunch


@contextlib.contextmanager
def _told(tell):
    """Hand warnings to `tell`, one line each."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield
    for warning in caught:
        if tell is not None:
            tell(" ".join(str(warning.message).split()))


def check_dataset(path):
    """Refuse what is no set, and say what one is."""
    path = Path(path)
    if not path.exists():
        raise BadInput(f"no such folder: {path}")
    if not is_dataset(path):
        raise BadInput(
            f"{path} holds no set in SeisBench's format (metadata.csv and waveforms.hdf5); "
            f"seisclf.datasets.write_seisbench writes one"
        )


def splitter(groups, n_folds, metadata, seed):
    """A splitter by name, or why it cannot be had.

    Parameters
    ----------
    groups : str
        One of `GROUPS`.
    n_folds : int
        Number of folds; stations and sites have one each.
    metadata : pandas.DataFrame
        Of the events.
    seed : int
        For shuffling.

    Returns
    -------
    cv : splitter
        Of :mod:`seisclf.model_selection`.
    """
    from ..model_selection import (
        CalendarKFold,
        EventKFold,
        ForwardInTimeSplit,
        LeaveOneSiteOut,
        LeaveOneStationOut,
    )

    if groups not in GROUPS:
        raise BadInput(f"--groups {groups!r} is unknown; one of {', '.join(GROUPS)}")
    if n_folds < 2:
        raise BadInput(f"--folds {n_folds}: at least 2 are needed")
    needed = {"event": "event_id", "station": "station", "site": "site"}.get(groups, "start_time")
    if needed not in metadata:
        raise BadInput(f"--groups {groups} needs the column {needed!r}, which the data lack")
    if groups == "event":
        return EventKFold(n_folds, shuffle=True, random_state=seed)
    if groups == "station":
        return LeaveOneStationOut()
    if groups == "site":
        return LeaveOneSiteOut()
    if groups == "time":
        return ForwardInTimeSplit(n_folds)
    return CalendarKFold(n_folds, by=groups, shuffle=True, random_state=seed)


def describe_events(bunch):
    """One sentence: events, classes, stations, shape, rate, time span."""
    classes, counts = np.unique(bunch.target, return_counts=True)
    each = ", ".join(f"{count} {name}" for name, count in zip(classes, counts, strict=True))
    n, channels, samples = bunch.data.shape
    metadata = bunch.metadata
    words = (
        f"{n} rows ({each}) of {channels} component{'s' if channels > 1 else ''} "
        f"({bunch.components}) and {samples / bunch.sampling_rate:g} s at "
        f"{bunch.sampling_rate:g} Hz"
    )
    for column, one in (("event_id", "event"), ("station", "station"), ("site", "site")):
        if column in metadata:
            number = metadata[column].nunique()
            words += f", {number} {one}{'' if number == 1 else 's'}"
    if "start_time" in metadata and metadata["start_time"].notna().any():
        first, last = metadata["start_time"].min(), metadata["start_time"].max()
        words += f", {first:%Y-%m-%d} to {last:%Y-%m-%d}"
    return words
