"""What pictures of scans are drawn with: colours, times, traces that fit the paper."""

import numpy as np

# Okabe and Ito's colours, which colour-blind readers can tell apart; grey is for the background.
_COLORS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442")
_BACKGROUND = "#999999"


def class_colors(classes, *, background=("noise",)):
    """One colour for each class, grey for the background.

    Parameters
    ----------
    classes : iterable
        Labels.
    background : iterable, default=("noise",)
        Labels that are drawn grey.

    Returns
    -------
    colors : dict
        Label to colour.
    """
    colors, used = {}, 0
    for label in classes:
        if label in list(background):
            colors[label] = _BACKGROUND
        else:
            colors[label] = _COLORS[used % len(_COLORS)]
            used += 1
    return colors


def traces_of(stream, seed_id, span=None):
    """Unbroken pieces of one channel.

    Parameters
    ----------
    stream : obspy.Stream
        Left unchanged.
    seed_id : str
        ``"NET.STA.LOC.CHA"``.
    span : tuple of pandas.Timestamp, optional
        Only what lies within.

    Returns
    -------
    pieces : obspy.Stream
        May be empty.
    """
    from obspy import UTCDateTime

    pieces = stream.select(id=seed_id)
    if span is not None:
        first, last = (UTCDateTime(ns=time.value) for time in span)
        pieces = pieces.slice(first, last)
    return pieces.split() if len(pieces) else pieces


def outline(trace, n_bins=4000):
    """Times and values of a trace, as its envelope of minima and maxima if it is long."""
    data = np.asarray(trace.data, dtype=float)
    data = data - np.median(data)
    times = np.arange(len(data)) * trace.stats.delta
    if len(data) > 2 * n_bins:
        size = len(data) // n_bins
        whole = data[: len(data) // size * size].reshape(-1, size)
        data = np.column_stack([whole.min(axis=1), whole.max(axis=1)]).ravel()
        times = np.repeat(times[: whole.size : size], 2)
    return matplotlib_times(trace.stats.starttime.datetime, times), data


def peak_outline(values, n_bins=4000):
    """Samples and values of a function, as the maxima of bins if it is long: no peak is lost.

    Parameters
    ----------
    values : ndarray of float, shape (n_samples,)
        NaN where there is no data.
    n_bins : int, default=4000
        Most values to draw.

    Returns
    -------
    samples : ndarray of float
        Middle of each bin.
    values : ndarray of float
        Its maximum.
    """
    size = -(-len(values) // n_bins)
    if size <= 1:
        return np.arange(len(values), dtype=float), values
    edges = np.arange(0, len(values), size)
    # NaN only where the whole bin is.
    highest = np.maximum.reduceat(np.nan_to_num(values, nan=-1.0), edges)
    return edges + (size - 1) / 2, np.where(highest < 0, np.nan, highest)


def matplotlib_times(start, seconds):
    """Times as matplotlib's days: `seconds` after `start`."""
    from matplotlib.dates import date2num

    if hasattr(start, "tz_localize") and start.tzinfo is not None:
        start = start.tz_localize(None)
    return date2num(start) + np.asarray(seconds) / 86400.0


def hatch(ax, first, last):
    """Mark a stretch of time without data."""
    ax.axvspan(first, last, facecolor="0.9", hatch="//", edgecolor="0.75", linewidth=0)


def label_times(ax, first, last):
    """Write UTC times under an axis from one pandas.Timestamp to another."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator()
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    ax.set_xlabel("time (UTC)")
    ax.set_xlim(*(matplotlib_times(time, [0.0])[0] for time in (first, last)))
