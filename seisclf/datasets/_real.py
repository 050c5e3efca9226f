"""Sets of real recordings that lie on disk."""

import os
from pathlib import Path

from ._seisbench import class_counts, read_seisbench

_GUJARAT = """\
Quarry blasts and earthquakes in Gujarat, India
===============================================

665 events (338 earthquakes, 327 quarry blasts), 2012 to 2015, recorded at one station, SR.SUR:
three components Z N E, 60 s at 50 Hz, raw counts (velocity, not restituted), P about 20 s after
the first sample.

The classes share station, sensor, distance and magnitude. Many events called earthquake follow
working hours, so labels are noisy. The 20 s before P are noise of the same station, a third class
(`add_noise_class`). Compare with folds grouped by month.

Waveforms: Institute of Seismological Research, Gandhinagar, by way of
VedangW/GroundMotionClassifier (MIT licence).
"""
_KACHCHH = """\
Earthquakes of the Kachchh network, Gujarat, India
==================================================

383 earthquakes (M 3 to 5), 2007 to 2012, at up to five stations: 1057 recordings of three
components Z N E, 60 s at 50 Hz, raw counts (velocity, not restituted), P about 20 s after the
first sample. One row is one event at one station; group by `event_id`.

Coordinates of stations and sources, depth, magnitude, distance (km) and back-azimuth are in
`metadata`: a set for regression, location and leave-one-station-out. There is one class only.

Waveforms: Institute of Seismological Research, Gandhinagar, by way of
VedangW/GroundMotionClassifier (MIT licence).
"""


def load_gujarat(data_home=None, *, lazy=False, return_X_y=False):
    """Load 665 quarry blasts and earthquakes recorded at one station in Gujarat, India.

    The recordings must be on disk, in SeisBench's format; they are not downloaded.

    Parameters
    ----------
    data_home : str or pathlib.Path, optional
        Folder that holds ``gujarat/metadata.csv`` and ``gujarat/waveforms.hdf5``. Default: the
        environment variable ``SEISCLF_DATA``.
    lazy : bool, default=False
        Leave the waveforms on disk, see :func:`read_seisbench`.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        As :func:`read_seisbench` returns it: data of shape (665, 3, 3000), target ``"earthquake"``
        or ``"blast"``.

    (data, target) : tuple
        If `return_X_y` is true.

    Raises
    ------
    FileNotFoundError
        If the folder is not found; the message says what to set.

    Examples
    --------
    >>> from seisclf.datasets import load_gujarat
    >>> events = load_gujarat()  # doctest: +SKIP
    >>> events.data.shape  # doctest: +SKIP
    (665, 3, 3000)
    """
    return _load("gujarat", _GUJARAT, data_home, lazy, return_X_y)


def load_kachchh(data_home=None, *, lazy=False, return_X_y=False):
    """Load 383 earthquakes at up to five stations of the Kachchh network, Gujarat, India.

    The recordings must be on disk, in SeisBench's format; they are not downloaded.

    Parameters
    ----------
    data_home : str or pathlib.Path, optional
        Folder that holds ``kachchh/metadata.csv`` and ``kachchh/waveforms.hdf5``. Default: the
        environment variable ``SEISCLF_DATA``.
    lazy : bool, default=False
        Leave the waveforms on disk, see :func:`read_seisbench`.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        As :func:`read_seisbench` returns it: data of shape (1057, 3, 3000), one row for each
        event and station, all of class ``"earthquake"``.

    (data, target) : tuple
        If `return_X_y` is true.

    Raises
    ------
    FileNotFoundError
        If the folder is not found; the message says what to set.

    Examples
    --------
    >>> from seisclf.datasets import load_kachchh
    >>> events = load_kachchh()  # doctest: +SKIP
    >>> events.metadata[["distance", "magnitude"]].describe()  # doctest: +SKIP
    """
    return _load("kachchh", _KACHCHH, data_home, lazy, return_X_y)


def _load(name, description, data_home, lazy, return_X_y):
    bunch = read_seisbench(find_set(name, data_home), lazy=lazy)
    if return_X_y:
        return bunch.data, bunch.target
    bunch.DESCR = f"{description}\n{class_counts(bunch.target)}\n"
    return bunch


def find_set(name, data_home, files=("metadata.csv", "waveforms.hdf5")):
    """Folder of a set, in data_home or in the folder that SEISCLF_DATA names.

    Parameters
    ----------
    name : str
        The set, and its folder.
    data_home : str or pathlib.Path, optional
        Folder that holds the set's; the set's own will do as well.
    files : tuple of str
        What must be in the set's folder.

    Returns
    -------
    folder : pathlib.Path
        Where the files are.

    Raises
    ------
    FileNotFoundError
        If they are not there.
    """
    home = data_home if data_home is not None else os.environ.get("SEISCLF_DATA")
    if not home:
        raise FileNotFoundError(
            f"load_{name} does not know where the recordings are: give data_home, the folder that "
            f"holds {name}/{files[0]}, or set the environment variable SEISCLF_DATA to it"
        )
    home = Path(home).expanduser()
    # The folder of the set itself will do as well.
    for folder in (home / name, home):
        there = all((folder / file).exists() for file in files)
        if there and (folder == home / name or home.name == name):
            return folder
    given = "data_home" if data_home is not None else "SEISCLF_DATA"
    lacks = next(file for file in files if not (home / name / file).exists())
    raise FileNotFoundError(
        f"load_{name}: there is no {home / name / lacks}; {given} must be the folder "
        f"that holds {' and '.join(f'{name}/{file}' for file in files)}"
    )
