"""Waveforms of pieces whose bytes an index knows: only the records of the window are read."""

import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ._components import nominal_rate
from ._grid import sample_index, sample_time
from ._index_files import Finding, Piece, are_usable, look_at
from ._miniseed_headers import parse_records, trace_ids

_JOIN = 2**16  # bytes between two ranges that are rather read than jumped over


class StaleFile(Exception):
    """The bytes are not those that the index knows."""


def read_pieces(root, file, pieces, start_ns, end_ns):
    """Read what pieces of one file have in a window.

    Parameters
    ----------
    root : path
        Folder of the archive.
    file : tuple of (str, str, int, int)
        Path below `root`, format, size and time of modification in ns as the index knows them.
    pieces : list of Piece
        Of the file.
    start_ns, end_ns : int
        UTC nanoseconds since 1970; see `samples_between`.

    Returns
    -------
    traces : list of obspy.Trace
    findings : list of Finding
    """
    path, format, size, mtime_ns = file
    try:
        full = _below(root, path)
        stat = os.stat(full)
        if (stat.st_size, stat.st_mtime_ns) == (size, mtime_ns):
            try:
                return _read(full, format, pieces, start_ns, end_ns)
            except StaleFile:
                pass
        # Written since: what it holds now, for the traces that were asked for.
        entry = look_at(root, path)
        if entry is None:
            raise FileNotFoundError
        wanted = {piece.trace for piece in pieces}
        new = [p for p in entry.pieces if p.trace in wanted]
        new = [p for p in new if p.start_ns < end_ns and p.end_ns > start_ns]
        traces, findings = _read(full, entry.format, new, start_ns, end_ns) if new else ([], [])
        skipped = entry.findings if entry.status == "skipped" else []
        return traces, skipped + findings
    except FileNotFoundError:
        return [], [Finding("", "unreadable", "the file is gone", "left out; update() the index")]
    except StaleFile:
        return [], [Finding("", "unreadable", "the file changes while it is read", "left out")]
    except Exception as error:
        # Readers raise what they like; one bad file must not hide the others.
        text = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        return [], [Finding("", "unreadable", text, "left out")]


def samples_between(piece_ns, n_samples, rate, start_ns, end_ns):
    """Return the first and last-plus-one sample of a piece that a window holds.

    On a grid through the start of the window, with the piece moved to it by at most half a
    sample, these are the samples in [start, end). Windows that touch share none and miss none.
    """
    rate = nominal_rate(rate)
    first = -sample_index(piece_ns - start_ns, rate)
    last = -sample_index(piece_ns - end_ns, rate)
    return max(0, first), min(n_samples, last)


def _read(full, format, pieces, start_ns, end_ns):
    if format == "MSEED":
        return _read_records(full, pieces, start_ns, end_ns)
    return _read_whole(full, format, {p.trace for p in pieces}, start_ns, end_ns)


def _read_records(full, pieces, start_ns, end_ns):
    wanted = []
    for piece in pieces:
        first, last = samples_between(piece.start_ns, piece.samples, piece.rate, start_ns, end_ns)
        if last > first:
            wanted.append((piece, first, last, *_byte_range(piece, first, last)))
    traces, findings = [], []
    blocks = _blocks(full, [w[3:5] for w in wanted])
    for piece, first, last, begin, end, before in wanted:
        block = next(b for b in blocks if b.begin <= begin and end <= b.end)
        own = block.records_of(piece.trace, begin, end)
        ends = before + np.cumsum(own["samples"].astype(np.int64))
        # The index counts samples: other records here would put all of them at a wrong time.
        if not len(own) or own["offset"][0] != begin or ends[-1] < last:
            raise StaleFile
        begins = ends - own["samples"]
        needed = (ends > first) & (begins < last)
        parts, wrong = _decode(block, own[needed], begins[needed], piece)
        findings += wrong
        traces += [t for t in (_cut(*part, first, last, piece) for part in parts) if t is not None]
    return traces, findings


def _byte_range(piece, first, last):
    """Bytes that hold samples first to last, and the samples of the piece before them."""
    before, offsets = piece.points.T
    i = max(0, int(np.searchsorted(before, first, side="right")) - 1)
    j = int(np.searchsorted(before, last, side="left"))
    end = int(offsets[j]) if j < len(offsets) else piece.offset + piece.length
    return int(offsets[i]), end, int(before[i])


@dataclass
class _Block:
    """A stretch of bytes of a file and its records."""

    begin: int
    end: int
    content: memoryview
    records: np.ndarray

    def records_of(self, trace, begin, end):
        """Records with samples of a trace in a range of bytes."""
        r = self.records
        r = r[(r["offset"] >= begin) & (r["offset"] < end)]
        r = r[are_usable(r)]
        return r[trace_ids(r["code"]) == trace] if len(r) else r

    def bytes_of(self, records):
        """Content of records."""
        spans = zip((records["offset"] - self.begin).tolist(), records["length"].tolist())
        return b"".join(self.content[at : at + length] for at, length in spans)


def _blocks(full, ranges):
    """Read ranges of a file, those that nearly touch at once."""
    joined = []
    for begin, end in sorted(ranges):
        if joined and begin <= joined[-1][1] + _JOIN:
            joined[-1][1] = max(joined[-1][1], end)
        else:
            joined.append([begin, end])
    blocks = []
    with open(full, "rb") as file:
        for begin, end in joined:
            file.seek(begin)
            content = file.read(end - begin)
            if len(content) < end - begin:
                raise StaleFile
            records, _, _ = parse_records(content, base=begin)
            blocks.append(_Block(begin, end, memoryview(content), records))
    return blocks


def _decode(block, records, begins, piece):
    """Pairs (first sample in the piece, Trace) of records, and what is wrong with them."""
    total = int(records["samples"].sum(dtype=np.int64))
    trace = _trace_of(block.bytes_of(records), piece.trace, total)
    if trace is not None:
        return [(int(begins[0]), trace)], []
    # One by one, so that a corrupt record loses only itself.
    parts, findings = [], []
    run, run_begin = [], 0
    for record, begin in zip(records, begins.tolist()):
        n_samples = int(record["samples"])
        trace = _trace_of(block.bytes_of(record[np.newaxis]), piece.trace, n_samples)
        if trace is None:
            findings.append(_corrupt(record, begin, piece))
        elif run and _continues(run, run_begin, begin, trace):
            run.append(trace)
        else:
            if run:
                parts.append((run_begin, _joined(run)))
            run, run_begin = [trace], begin
    if run:
        parts.append((run_begin, _joined(run)))
    return parts, findings


def _trace_of(content, name, n_samples):
    """The samples of records, or None if they do not come out as one trace of that many."""
    # Not through obspy.read, which goes through the list of all formats again and again.
    from obspy.io.mseed.core import _read_mseed

    try:
        stream = _read_mseed(io.BytesIO(content))
    except Exception:
        # ObsPy raises what libmseed makes of bytes; the caller reports it.
        return None
    if len(stream) != 1 or stream[0].id != name or stream[0].stats.npts != n_samples:
        return None
    return stream[0]


def _continues(run, run_begin, begin, trace):
    n_samples = sum(t.stats.npts for t in run)
    return run_begin + n_samples == begin and run[-1].data.dtype == trace.data.dtype


def _joined(run):
    trace = run[0]
    trace.data = np.concatenate([t.data for t in run])
    return trace


def _corrupt(record, begin, piece):
    rate = nominal_rate(piece.rate)
    n_samples = int(record["samples"])
    span = [piece.start_ns + sample_time(i, rate) for i in (begin, begin + n_samples)]
    what = f"the record at byte {record['offset']} cannot be decoded"
    return Finding(piece.trace, "corrupt records", what, "a gap", *span, n_samples)


def _cut(at, trace, first, last, piece):
    """Samples [first, last) of the piece, of a trace that begins with its sample `at`."""
    from obspy import UTCDateTime

    begin, end = max(first - at, 0), min(last - at, trace.stats.npts)
    if end <= begin:
        return None
    trace.data = trace.data[begin:end]
    offset = sample_time(at + begin, nominal_rate(piece.rate))
    trace.stats.starttime = UTCDateTime(ns=piece.start_ns + offset)
    return trace


def _read_whole(full, format, names, start_ns, end_ns):
    from obspy import read

    traces = []
    for trace in read(str(full), format=format):
        stats = trace.stats
        if trace.id not in names or not stats.npts:
            continue
        piece = Piece(trace.id, stats.starttime.ns, 0, stats.sampling_rate, stats.npts)
        span = samples_between(piece.start_ns, piece.samples, piece.rate, start_ns, end_ns)
        part = _cut(0, trace, *span, piece)
        if part is not None:
            traces.append(part)
    return traces, []


def _below(root, path):
    """The file of a path in an index, which may have been made by anybody."""
    native = Path(path)
    if native.is_absolute() or native.drive or ".." in native.parts:
        raise ValueError(f"the index names a file outside the archive: {path!r}")
    return Path(root, native)
