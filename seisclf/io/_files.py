"""Which files of an archive are wanted: folders, patterns, lists, and what SDS names tell."""

import re
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from glob import glob, has_magic
from pathlib import Path

# NET.STA.LOC.CHA.D.2023.152, as SeisComP and many others name files of a day.
_SDS = re.compile(r"([^.]*)\.([^.]+)\.([^.]*)\.([^.]+)\.D\.(\d{4})\.(\d{3})")


def list_files(path):
    """Files of a path: the file itself, all of a folder to any depth, or those of a pattern.

    Hidden files, those whose name begins with a dot, are left out.

    Parameters
    ----------
    path : str or pathlib.Path
        File, folder or pattern.

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
        raise FileNotFoundError(f"waveforms: {text} does not exist")
    files = sorted(file for file in found if _is_wanted(file))
    if not files:
        raise FileNotFoundError(f"waveforms: no files match {text}")
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


def matches(id, stations, channels):
    """Whether a trace is wanted.

    Parameters
    ----------
    id : str
        ``"NET.STA.LOC.CHA"``.
    stations : list of str or None
        Codes or patterns of ``"NET.STA"`` or of the station alone.
    channels : list of str or None
        Codes or patterns of the channel, of ``"LOC.CHA"`` or of the whole identifier.

    Returns
    -------
    wanted : bool

    Examples
    --------
    >>> from seisclf.io._files import matches
    >>> matches("TW.LH01.00.HHZ", ["LH0?"], ["HH?"]), matches("TW.LH01.00.HHZ", ["XX.*"], None)
    (True, False)
    """
    network, station, location, channel = id.split(".", 3)
    return _any((station, f"{network}.{station}"), stations) and _any(
        (channel, f"{location}.{channel}", id), channels
    )


def _any(names, patterns):
    return patterns is None or any(fnmatchcase(n, str(p)) for n in names for p in patterns)


def check_patterns(name, patterns):
    """A list of patterns, of one text or several; None stays None."""
    if patterns is None:
        return None
    if isinstance(patterns, str):
        return [patterns]
    patterns = list(patterns)
    if not all(isinstance(pattern, str) for pattern in patterns):
        raise TypeError(f"{name} must be a list of codes or patterns, got {patterns!r}")
    return patterns
