"""The clearest and the least certain events of each class, as waveforms and spectrograms."""

from itertools import islice

import numpy as np

from ._report_pictures import shown

# Seconds of an event that are drawn at most, and around it.
_LONGEST, _AROUND = 240.0, 3.0
_MOST_SAMPLES = 200_000


def ranked_rows(table, label):
    """Rows of a class, the clearest first.

    Parameters
    ----------
    table : pandas.DataFrame
        Detections.
    label : object
        Class.

    Returns
    -------
    rows : list of int
        By probability, equal ones by onset.
    """
    own = table[(table["class"] == label).to_numpy()]
    return own.sort_values(
        ["probability", "onset"], ascending=[False, True], kind="stable"
    ).index.tolist()


def with_record(table, rows, waveforms, n, *, band=None):
    """The first rows that there is a record of, at most `n`, with it.

    Parameters
    ----------
    table : pandas.DataFrame
        Detections.
    rows : list of int
        In the order in which they are wanted. No more than five times `n` are tried.
    waveforms : obspy.Stream or ArchiveIndex
        Where the record is.
    n : int
        How many.
    band : tuple of float, optional
        Lowest and highest frequency (Hz) of the waveforms.

    Returns
    -------
    cuts : dict of int to tuple
        Row to what :func:`gallery` draws.
    """
    cuts = {}
    if hasattr(waveforms, "select"):
        extents = _extents(waveforms)
        rows = islice((row for row in rows if _may_be_in(table, row, extents)), 5 * n)
    for row in islice(rows, 5 * n):
        if len(cuts) == n:
            break
        cut = _cut(table.loc[row], waveforms, band)
        if cut is not None:
            cuts[row] = cut
    return cuts


def _extents(stream):
    """First and last time of each station of a Stream, in nanoseconds."""
    spans = {}
    for trace in stream:
        code = f"{trace.stats.network}.{trace.stats.station}"
        first, last = spans.get(code, (trace.stats.starttime.ns, trace.stats.endtime.ns))
        spans[code] = min(first, trace.stats.starttime.ns), max(last, trace.stats.endtime.ns)
    return spans


def _may_be_in(table, row, extents):
    code = (str(table.at[row, "stations"]).split() or [""])[0]
    spans = [extents.get(code)] if code else list(extents.values())
    onset = table.at[row, "onset"].value
    return any(span is not None and span[0] <= onset <= span[1] for span in spans)


def gallery(table, cuts, color):
    """Draw some events beside one another: waveforms, and spectrograms beneath.

    Parameters
    ----------
    table : pandas.DataFrame
        Detections.
    cuts : dict
        See :func:`with_record`.
    color : str
        Of the class.

    Returns
    -------
    figure : matplotlib.figure.Figure
        With a column for each event.
    """
    from matplotlib import pyplot as plt

    # As wide for one event as for three, so that letters are of one size on the page.
    n = max(len(cuts), 3)
    figure, axes = plt.subplots(
        2, n, figsize=(3.3 * n + 0.4, 3.5), sharex="col", squeeze=False,
        layout="constrained", height_ratios=[1, 1.3],
    )  # fmt: skip
    for (top, bottom), (row, cut) in zip(axes.T, cuts.items(), strict=False):
        event = table.loc[row]
        words = f"#{row}  {event['onset']:%Y-%m-%d %H:%M:%S}  p = {event['probability']:.2f}"
        top.set_title(words, fontsize=8.5)
        top.set_yticks([])
        _draw(top, bottom, event, *cut, color)
    for ax in axes[:, len(cuts) :].ravel():
        ax.set_axis_off()
    axes[1, 0].set_ylabel("frequency (Hz)")
    return figure


def _cut(event, waveforms, band):
    """The pieces of one trace around an event, and the time they count from, or None."""
    from obspy import UTCDateTime

    code = (str(event["stations"]).split() or [""])[0]
    network, _, station = code.rpartition(".")
    around = max(_AROUND, 0.3 * (event["end"] - event["onset"]).total_seconds())
    onset = UTCDateTime(ns=event["onset"].value)
    end = min(UTCDateTime(ns=event["end"].value), onset + _LONGEST)
    first, last = onset - min(around, 60), end + min(around, 60)
    if hasattr(waveforms, "select"):
        found = waveforms.select(network=network or None, station=station)
        found = found.slice(first, last) if station else waveforms.slice(first, last)
    else:
        found = waveforms.read(first, last, stations=[code] if code else None)
    if not len(found):
        return None
    found = found.copy().split()
    # The vertical component, or whatever comes first.
    names = sorted({t.id for t in found}, key=lambda name: (name[-1:].upper() != "Z", name))
    pieces = [t for t in found if t.id == names[0] and 1 < len(t) <= _MOST_SAMPLES]
    for piece in pieces:
        piece.data = np.asarray(piece.data, dtype=float)
        piece.detrend("demean")
        if band is not None:
            high = min(band[1], 0.45 * piece.stats.sampling_rate)
            if band[0] < high:
                piece.filter("bandpass", freqmin=band[0], freqmax=high, zerophase=True)
    return (pieces, onset) if pieces else None


def _draw(top, bottom, event, pieces, onset, color):
    for piece in pieces:
        times = piece.stats.starttime - onset + np.arange(len(piece)) * piece.stats.delta
        top.plot(times, piece.data, color="#333333", lw=0.6, rasterized=True)
        _spectrogram(bottom, piece, times[0])
    lasts = (event["end"] - event["onset"]).total_seconds()
    first = pieces[0].stats.starttime - onset
    last = pieces[-1].stats.endtime - onset
    top.axvspan(0, min(lasts, last), color=color, alpha=0.22, lw=0)
    bottom.axvline(0, color="white", lw=1, ls="--")
    top.set_xlim(first, last)
    top.set_xlabel("")
    bottom.set_xlabel(f"s after onset at {shown(pieces[0].id, 20)}", fontsize=8)
    for ax in (top, bottom):
        ax.tick_params(labelsize=8)


def _spectrogram(ax, piece, begin):
    from scipy.signal import spectrogram

    rate = piece.stats.sampling_rate
    length = int(min(max(len(piece) // 12, 16), max(rate, 16)))
    if len(piece) < length:
        return
    frequencies, times, power = spectrogram(
        piece.data, rate, nperseg=length, noverlap=length * 3 // 4, nfft=max(64, length)
    )
    # The eye sees 45 decibels beneath the loudest.
    level = 10 * np.log10(power + np.finfo(float).tiny)
    ax.pcolormesh(
        times + begin, frequencies, level, vmin=level.max() - 45, vmax=level.max(),
        cmap="magma", rasterized=True, shading="nearest",
    )  # fmt: skip
    ax.set_ylim(frequencies[1], frequencies[-1])
