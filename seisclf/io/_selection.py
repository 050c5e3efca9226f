"""Which traces and what time: the arguments that all readers of archives share."""

from collections.abc import Iterable
from fnmatch import fnmatchcase


def matches(trace, stations=None, channels=None):
    """Whether a trace is wanted.

    Parameters
    ----------
    trace : str
        SEED identifier, ``"NET.STA.LOC.CHA"``.
    stations : str or list of str, optional
        ``"NET.STA"`` or ``"STA"``; ``*`` and ``?`` stand for anything. Default: all.
    channels : str or list of str, optional
        ``"CHA"``, ``"LOC.CHA"`` or the whole identifier, also as patterns. Default: all.

    Returns
    -------
    wanted : bool

    Examples
    --------
    >>> from seisclf.io._selection import matches
    >>> matches("TW.LH01..EPZ", stations="TW.LH0?", channels=["EP?"])
    True
    >>> matches("TW.LH01..EPZ", stations=["LH02"])
    False
    """
    network, station, location, channel = (trace.split(".") + [""] * 4)[:4]
    names = (f"{network}.{station}", station)
    codes = (channel, f"{location}.{channel}", trace)
    return _any(names, stations) and _any(codes, channels)


def check_patterns(patterns, name):
    """Return the patterns as a list, or None for all; raise TypeError for anything else."""
    if patterns is None:
        return None
    if isinstance(patterns, str):
        return [patterns]
    if not isinstance(patterns, Iterable) or not all(isinstance(p, str) for p in patterns):
        raise TypeError(f"{name} must be a list of codes or patterns (str), got {patterns!r}")
    return list(patterns)


def time_ns(time, name="time"):
    """Return a UTC time of any kind as nanoseconds since 1970.

    Parameters
    ----------
    time : str, datetime, numpy.datetime64, pandas.Timestamp, obspy.UTCDateTime or int
        Times without a zone are UTC; an int is nanoseconds since 1970.
    name : str, default="time"
        What the message calls it.

    Returns
    -------
    ns : int

    Raises
    ------
    ValueError
        If it is no time.

    Examples
    --------
    >>> from seisclf.io._selection import time_ns
    >>> time_ns("1970-01-01T00:01:00")
    60000000000
    """
    import pandas as pd

    from ._times import to_utc

    utc = None
    if hasattr(time, "ns"):  # an UTCDateTime has no need to become text
        return int(time.ns)
    if time is not None and not isinstance(time, bool | float):
        try:
            utc = to_utc([time])[0]
        except (ValueError, TypeError, OverflowError):
            utc = None
    if utc is None or pd.isna(utc):
        raise ValueError(
            f"{name}={time!r} is no time: give ISO 8601 text, a datetime, an obspy.UTCDateTime "
            "or nanoseconds since 1970 (int)"
        )
    return int(utc.value)


def span_ns(start, end):
    """Return a span of time as nanoseconds since 1970, None where it is open.

    Parameters
    ----------
    start, end : time of any kind, see :func:`time_ns`, or None
        The end must be after the start.

    Returns
    -------
    start_ns, end_ns : int or None

    Raises
    ------
    ValueError
        If one is no time, or the end comes first.
    """
    start_ns = None if start is None else time_ns(start, "start")
    end_ns = None if end is None else time_ns(end, "end")
    if None not in (start_ns, end_ns) and end_ns <= start_ns:
        raise ValueError(f"end={end!r} is not after start={start!r}")
    return start_ns, end_ns


def _any(codes, patterns):
    if patterns is None:
        return True
    patterns = [patterns] if isinstance(patterns, str) else patterns
    return any(fnmatchcase(c, p) for p in patterns for c in codes)
