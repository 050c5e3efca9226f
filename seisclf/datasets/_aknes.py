"""The Åknes set: microseismic events of an unstable slope on 24 channels."""

from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from ..io._report import Report
from ..io._times import to_utc
from ._aknes_convert import N_SAMPLES, SAMPLING_RATE, convert, find_converted
from ._aknes_files import (
    CLASSES,
    N_PUBLISHED,
    UNLABELLED,
    download,
    find_folder,
    find_source,
    shared_folder,
)
from ._seisbench import class_counts

_UNLABELLED = ("keep", "drop", "name")
_BAD = ("raise", "nan")
_DESCR = """\
Microseismic events of the Åknes rock slope, Norway
===================================================

Windows of 16 s at 1000 Hz that a trigger recorded on eight geophones with three components each,
24 channels, 2007 to 2021. Experts put those up to 2020 into eight classes, those of 2021 have
none. The samples are as in the files; multiplied by 4.27e-5 (the files' descaling factor) they
are millivolts.

Which component of which geophone a channel is, the files do not say. Windows exist because
amplitudes passed a threshold. "Noise" has 8 events only. Classes are unevenly spread over the
years (most tremors are of 2010, spikes of 2007 and 2011): folds by `year` are harder than folds at
random.

Lee, D., Aune, E., Langet, N. and Eidsvik, J. (2022). Ensemble and Self-supervised Learning for
Improved Classification of Seismic Signals from the Åknes Rockslope. Mathematical Geosciences,
doi:10.1007/s11004-022-10037-7. Data: doi:10.6084/m9.figshare.21340101. Code and file list:
ML4ITS/Aknes_clf (MIT licence).

{shape}
{counts}
"""


def fetch_aknes(
    data_home=None,
    *,
    unlabelled="keep",
    bad_files="raise",
    cache=None,
    n_jobs=None,
    progress=None,
    return_X_y=False,
):
    """Load 3429 events of the Åknes rock slope on 24 channels; they are downloaded if need be.

    The files (5 GB) are looked for in `data_home`, or without it in the folder that
    ``SEISCLF_DATA`` names and in the cache of the system; else they are downloaded once from
    figshare [1]_, with a check of their sums. They are read once into an array on disk (5 GB
    more), which stays there: ``data`` is mapped from it, so that little of it is in memory. A
    reading that was interrupted goes on where it stopped.

    Parameters
    ----------
    data_home : str or pathlib.Path, optional
        Folder that holds ``aknes/``, or that folder itself: the zip archive as published, or the
        unpacked ``.dat`` files in folders named as their class, and the list ``data_dir.csv`` if
        it is there. If neither is there, it is downloaded to ``aknes/``.
    unlabelled : {"keep", "drop", "name"}, default="keep"
        What to do about the 1611 events without a class: keep them with the target ``"-1"``, which
        stands for "not labelled" where unlabelled events are of use, drop them, or keep them as a
        class of their own, "Unlabeled" as published.
    bad_files : {"raise", "nan"}, default="raise"
        What to do if files are missing from the list, damaged, or too short: refuse, or go on,
        with NaN in the channels that cannot be read. ``report`` names them.
    cache : str or pathlib.Path, optional
        Folder for the array. Default: where the files are in `data_home`, or the cache of the
        system.
    n_jobs : int, optional
        Processes that read the files, see :class:`joblib.Parallel`.
    progress : bool, optional
        Show progress bars. Default: on a terminal or in a notebook.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        With the attributes

        data : numpy.memmap of shape (n_events, 24, 16000)
            float32, read-only, labelled events first. Channels in the order of their numbers.
        target : ndarray of str of shape (n_events,)
            "Noise", "Regional", "Rockfall", "Slope_HF", "Slope_LF", "Slope_Multi",
            "Slope_Tremor", "Spike", and ``"-1"`` for "not labelled".
        metadata : DataFrame
            ``event_id`` (file name without its ending), ``start_time`` (UTC, of the files'
            header), ``end_time``, ``year``, ``file``, ``delay`` (s, of the header: -3, see
            Notes), ``shot`` (number of the header), ``published_class``.
        report : DataFrame
            What was found: event, trace, what, action.
        channels : list of str
            Names of the channels in the files, "1" to "24".
        target_names : list of str
            The eight classes.
        sampling_rate : float
            1000 Hz.
        components : str
            Empty: which component a channel is, is not known.
        DESCR : str
            What the set is.

    (data, target) : tuple
        If `return_X_y` is true.

    Raises
    ------
    OSError
        If the download fails; the message says what to do instead.
    ValueError
        If files are missing or damaged and ``bad_files="raise"``, or a parameter is unknown.

    Notes
    -----
    Headers have a time to the second and a delay of -3 s: recording begins 3 s before the trigger.
    Whether their time is that of the first sample or of the trigger they do not say;
    ``start_time`` is the header's time, as it is.

    The estimators that learn from unlabelled events take the target as it is; for all others drop
    them. The archive is read as it is, never unpacked, and can be removed once the array is there.

    References
    ----------
    .. [1] Lee, D., Aune, E., Langet, N. and Eidsvik, J. (2022). Ensemble and Self-supervised
       Learning for Improved Classification of Seismic Signals from the Åknes Rockslope.
       Mathematical Geosciences. doi:10.1007/s11004-022-10037-7. Data:
       doi:10.6084/m9.figshare.21340101

    Examples
    --------
    >>> from seisclf.datasets import fetch_aknes
    >>> events = fetch_aknes(unlabelled="drop")  # doctest: +SKIP
    >>> events.data.shape  # doctest: +SKIP
    (1818, 24, 16000)
    """
    for name, value, known in (
        ("unlabelled", unlabelled, _UNLABELLED),
        ("bad_files", bad_files, _BAD),
    ):
        if value not in known:
            raise ValueError(f"{name} must be one of {known}, got {value!r}")
    converted, source = _find(data_home, cache, n_jobs, progress)
    report = _report(converted, source)
    _check(converted, source, bad_files)
    rows = converted.rows
    if unlabelled == "drop":
        rows = [row for row in rows if row["label"] not in ("", UNLABELLED)]
        if not rows:
            raise ValueError("no event has a class: give unlabelled='keep'")
    # Labelled events come first: the array need not be copied.
    data = converted.data[: len(rows)]
    published = np.array([row["label"] or UNLABELLED for row in rows])
    target = (
        published if unlabelled == "name" else np.where(published == UNLABELLED, "-1", published)
    )
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        metadata=_metadata(rows, published),
        report=report.to_frame(),
        channels=[str(number + 1) for number in range(data.shape[1])],
        target_names=list(CLASSES),
        sampling_rate=SAMPLING_RATE,
        components="",
        DESCR=_DESCR.format(
            shape=f"Shape {data.shape}; {len(report)} findings, see report.",
            counts=class_counts(published),
        ),
    )


def _find(data_home, cache, n_jobs, progress):
    """The array, and the files that it was read from where these are still there."""
    import pooch

    system = Path(pooch.os_cache("seisclf")) / "aknes"
    if data_home is not None:
        folder = find_folder(data_home)
        store = folder if cache is None else Path(cache).expanduser()
    else:
        folder = shared_folder()
        store = system if cache is None else Path(cache).expanduser()
    source = find_source(folder) if folder is not None else find_source(system)
    if data_home is None and folder is not None and not source.is_complete:
        folder, source = system, find_source(system)
    folder = system if folder is None else folder
    if not source.files:
        found = find_converted(store, N_PUBLISHED) if store.is_dir() else None
        if found is not None:
            return found, None
        if data_home is not None and folder == Path(data_home).expanduser():
            folder = folder if folder.name == "aknes" else folder / "aknes"
            store = folder if cache is None else store
        download(folder, progress=progress)
        source = find_source(folder)
        if not source.files:
            raise ValueError(f"there is no event in the archive that was downloaded to {folder}")
    return convert(source.files, store, n_jobs=n_jobs, progress=progress), source


def _report(converted, source):
    report = Report()
    if source is not None:
        for finding in source.findings:
            report.add(*finding)
        for event in source.missing:
            report.add(event, "", "in the list, but there is no file", "left out")
    for row in converted.rows:
        for what, action in row["findings"]:
            report.add(row["event_id"], row["file"], what, action)
    return report


def _check(converted, source, bad_files):
    if bad_files != "raise":
        return
    bad = [f"{row['event_id']} ({row['findings'][0][0]})" for row in converted.rows if row["bad"]]
    missing = [] if source is None else [f"{event} (no file)" for event in source.missing]
    problems = bad + missing
    if problems:
        more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise ValueError(
            f"{len(problems)} of {len(converted.rows) + len(missing)} events cannot be read: "
            f"{', '.join(problems[:5])}{more}. Give bad_files='nan' to go on without them"
        )


def _metadata(rows, published):
    import pandas as pd

    start = to_utc(pd.to_datetime([row["start_ns"] for row in rows], utc=True))
    return pd.DataFrame(
        {
            "event_id": [row["event_id"] for row in rows],
            "start_time": start,
            "end_time": start + pd.Timedelta(seconds=N_SAMPLES / SAMPLING_RATE),
            "year": start.dt.year.astype("Int64"),
            "file": [row["file"] for row in rows],
            "delay": pd.Series([row["delay"] for row in rows], dtype=float),
            "shot": pd.Series([row["shot"] for row in rows], dtype=object),
            "published_class": published,
        }
    )
