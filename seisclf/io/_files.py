"""Which files of an archive are wanted: folders, patterns, lists, and what SDS names tell."""

import re
from datetime import UTC, datetime, timedelta
from glob import glob, has_magic
from pathlib import Path

from ._selection import matches

# NET.STA.LOC.CHA.D.2023.152, as SeisComP and many others name files of a day.
_SDS = re.compile(r"([^.]*)\.([^.]+)\.([^.]*)\.([^.]+)\.D\.(\d{4})\.(\d{3})")


def list_files(path, name="source"):
    """Files of a path: the file itself, all of a folder to any depth, or those of a pattern.

    Hidden files, those whose name begins with a dot, are left out.

    Parameters
    ----------
    path : str or pathlib.Path
        File, folder or pattern.
    name : str, default="source"
        The parameter it was given as.

    Returns
    -------
    files : list of pathlib.Path
        Sorted.

    Raises
    ------
    FileNotFoundError
        If there are none.
    """
    text = str(path)
    if Path(text).is_dir():
        found = Path(text).rglob("*")
    elif Path(text).exists():
        return [Path(text)]
    elif has_magic(text):
        found = [Path(name) for name in glob(text, recursive=True)]
    else:
        raise FileNotFoundError(f"{name}: {text} does not exist")
    files = sorted(file for file in found if _is_wanted(file))
    if not files:
        raise FileNotFoundError(f"{name}: no files match {text}")
    return files


def _is_wanted(file):
    # A pipe is listed too: that it is not read must be said.
    return not file.name.startswith(".") and not file.is_dir()


def named_elsewhere(file, start_ns, end_ns, stations, channels):
    """Why a file cannot hold what is wanted, going by a name of SDS; empty if it may.

    Parameters
    ----------
    file : pathlib.Path
        Its name counts.
    start_ns, end_ns : int or None
        The time that is wanted. Files often begin or end a little outside their day: one day
        more on both sides is read.
    stations, channels : list of str or None
        Patterns, see :func:`matches`.

    Returns
    -------
    reason : str
    """
    name = _SDS.fullmatch(file.name)
    if name is None:
        return ""
    *codes, year, day = name.groups()
    if not matches(".".join(codes), stations, channels):
        return "another station or channel, by its name"
    try:
        begin = datetime(int(year), 1, 1, tzinfo=UTC) + timedelta(days=int(day) - 2)
    except (ValueError, OverflowError):
        return ""
    begin_ns = int(begin.timestamp()) * 10**9
    if end_ns is not None and begin_ns >= end_ns:
        return "a later day, by its name"
    if start_ns is not None and begin_ns + 3 * 86_400 * 10**9 <= start_ns:
        return "an earlier day, by its name"
    return ""
