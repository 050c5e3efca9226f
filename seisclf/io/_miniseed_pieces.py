"""Time of each miniSEED record of its own: libmseed keeps that of the first of many only."""

import numpy as np

from ._miniseed_checks import by_channel

_BLOCK = 1024
_MOST_RUNS = 100
# BTIME counts tenths of milliseconds.
_SAMPLES_OFF, _SECONDS_OFF = 0.05, 2.5e-4


def allowed_error(rate):
    """Samples by which the time of a record may be off for rounding, at rates in Hz."""
    return np.maximum(_SAMPLES_OFF, _SECONDS_OFF * rate)


def repeated_records(data, at, records, rows):
    """Find records that the file holds before, byte for byte.

    Parameters
    ----------
    data : ndarray of uint8
        The file.
    at : ndarray of int
        Where each record begins.
    records : ndarray of RECORD_DTYPE
        All records.
    rows : ndarray of int
        Those to look at.

    Returns
    -------
    repeated : ndarray of int
        Rows of the later ones.
    """
    found = [np.zeros(0, dtype=np.int64)]
    for _, mine in by_channel(records[rows]):
        own = rows[mine]
        starts = records["start_ns"][own]
        if (np.diff(starts) > 0).all():
            continue
        order = np.argsort(starts, kind="stable")
        first, second = own[order[:-1]], own[order[1:]]
        same = np.ones(len(first), dtype=bool)
        for name in ("start_ns", "samples", "length"):
            same &= records[name][first] == records[name][second]
        first, second = first[same], second[same]
        for a, b in zip(first.tolist(), second.tolist(), strict=True):
            length = int(records["length"][a])
            # Without the sequence number.
            one, other = (data[at[k] + 6 : at[k] + length] for k in (a, b))
            if np.array_equal(one, other):
                found.append(np.array([b]))
    return np.unique(np.concatenate(found))


def timed_pieces(traces, records, ends):
    """Cut the traces of a channel where the times of their records say so.

    Parameters
    ----------
    traces : list of obspy.Trace
        As decoded.
    records : ndarray of RECORD_DTYPE
        Their records, in the same order.
    ends : ndarray of int
        Times after the last samples of the records.

    Returns
    -------
    pieces : list of obspy.Trace
        Traces, most of them as they were. One that goes on with the one before, but a little
        earlier or later than its samples would have it, has ``stats.continues``.
    found : list of dict
        What was found: ``trace, kind, what, action, start_ns, end_ns, samples``.
    """
    counts = records["samples"].astype(np.int64)
    begins = np.concatenate([[0], np.cumsum(counts)])
    lengths = np.array([trace.stats.npts for trace in traces])
    limits = np.concatenate([[0], np.cumsum(lengths)])
    which = np.searchsorted(limits, begins[:-1], side="right") - 1
    first = np.searchsorted(which, np.arange(len(traces)))
    rates = np.array([trace.stats.sampling_rate for trace in traces], dtype=float)
    if not (rates > 0).all() or (first >= len(records)).any():
        return traces, []
    if (begins[first] != limits[:-1]).any():
        return traces, []  # not as we think; they are left as they are
    base = first[which]
    late = (records["start_ns"] - records["start_ns"][base]) * (rates[which] / 1e9)
    late -= begins[:-1] - begins[base]
    allowed = allowed_error(rates)[which]
    other = records["rate"] != rates[which]
    strange = (np.abs(late) > allowed) | other
    if not strange.any():
        return traces, []
    pieces, found = [], []
    for k, trace in enumerate(traces):
        own = slice(first[k], first[k + 1] if k + 1 < len(traces) else len(records))
        if not strange[own].any():
            pieces.append(trace)
            continue
        found += _rates(trace, records[own], ends[own])
        found += _shifts(trace, records[own], ends[own], late[own], allowed[own])
        cuts = _cuts(late[own], allowed[own])
        edges = (begins[:-1][own][cuts] - limits[k]).tolist() + [int(lengths[k])]
        starts = records["start_ns"][own][cuts].tolist()
        pieces += _pieces(trace, edges, starts)
    return pieces, found


def _rates(trace, records, ends):
    """Findings of records whose rate is another than that of their trace."""
    found, rate = [], trace.stats.sampling_rate
    for other in np.unique(records["rate"][records["rate"] != rate])[:_MOST_RUNS].tolist():
        own = records["rate"] == other
        found.append(
            {
                "trace": trace.id,
                "kind": "rate snapped",
                "what": f"rate {other!r} Hz in {int(own.sum())} records among {rate!r} Hz",
                "action": f"taken as {rate:g} Hz",
                "start_ns": int(records["start_ns"][own].min()),
                "end_ns": int(ends[own].max()),
                "samples": int(records["samples"][own].sum()),
            }
        )
    return found


def _shifts(trace, records, ends, late, allowed):
    """Findings of records that lie between the samples of the first."""
    off = np.flatnonzero(np.abs(late) > allowed)
    if not len(off):
        return []
    runs = np.split(off, np.flatnonzero(np.diff(off) > 1) + 1)
    if len(runs) > _MOST_RUNS:
        runs = [*runs[: _MOST_RUNS - 1], np.concatenate(runs[_MOST_RUNS - 1 :])]
    found = []
    for run in runs:
        most = late[run][np.abs(late[run]).argmax()]
        found.append(
            {
                "trace": trace.id,
                "kind": "off grid",
                "what": f"{len(run)} records off the grid by up to {most:.2f} samples",
                "action": "moved to the grid",
                "start_ns": int(records["start_ns"][run].min()),
                "end_ns": int(ends[run].max()),
                "samples": int(records["samples"][run].sum()),
            }
        )
    return found


def _cuts(late, allowed):
    """Records with which a new piece begins: those off the time of the piece."""
    cuts, at = [0], 1
    while at < len(late):
        block = late[at : at + _BLOCK]
        off = np.abs(block - late[cuts[-1]]) > allowed[at : at + _BLOCK]
        if off.any():
            at += int(off.argmax())
            cuts.append(at)
            at += 1
        else:
            at += len(block)
    return np.array(cuts)


def _pieces(trace, edges, starts):
    from obspy import Trace, UTCDateTime

    header = dict(trace.stats)
    pieces = []
    for k, (a, b, start) in enumerate(zip(edges[:-1], edges[1:], starts, strict=True)):
        piece = Trace(trace.data[a:b], header | {"starttime": UTCDateTime(ns=start)})
        if k:
            piece.stats.continues = True
        pieces.append(piece)
    return pieces
