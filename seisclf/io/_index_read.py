"""Waveforms of pieces whose bytes an index knows: only the records of the window are read."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ._grid import sample_index, sample_time
from ._index_files import Finding, Piece, are_usable, look_at
from ._miniseed import read_miniseed
from ._miniseed_headers import parse_records, trace_ids

_JOIN = 2**16  # bytes between two ranges that are rather read than jumped over


class StaleFile(Exception):
    """The bytes are not those that the index knows."""


def read_pieces(root, file, pieces, start_ns, end_ns, whole):
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
    whole : WholeFiles
        Reads files that can only be read as a whole.

    Returns
    -------
    traces : list of obspy.Trace
    findings : list of Finding
    """
    path, _, size, mtime_ns = file
    try:
        full = _below(root, path)
        stat = os.stat(full)
        if (stat.st_size, stat.st_mtime_ns) == (size, mtime_ns):
            try:
                return _read(full, pieces, start_ns, end_ns, whole)
            except StaleFile:
                pass
        # Written since: what it holds now, for the traces that were asked for.
        entry = look_at(root, path)
        if entry is None:
            raise FileNotFoundError
        wanted = {piece.trace for piece in pieces}
        new = [p for p in entry.pieces if p.trace in wanted]
        new = [p for p in new if p.start_ns < end_ns and p.end_ns > start_ns]
        traces, findings = _read(full, new, start_ns, end_ns, whole) if new else ([], [])
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
    first = -sample_index(piece_ns - start_ns, rate)
    last = -sample_index(piece_ns - end_ns, rate)
    return max(0, first), min(n_samples, last)


def _read(full, pieces, start_ns, end_ns, whole):
    if all(piece.offset is not None for piece in pieces):
        return _read_records(full, pieces, start_ns, end_ns)
    return _read_whole(full, {p.trace for p in pieces}, start_ns, end_ns, whole)


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

    def stretches_of(self, records):
        """Content of records: pairs (byte of the file, bytes), those that touch as one."""
        ends = records["offset"] + records["length"]
        breaks = np.flatnonzero(records["offset"][1:] != ends[:-1]) + 1
        firsts = records["offset"][np.concatenate([[0], breaks])].tolist()
        lasts = ends[np.concatenate([breaks - 1, [len(records) - 1]])].tolist()
        return [
            (first, bytes(self.content[first - self.begin : last - self.begin]))
            for first, last in zip(firsts, lasts, strict=True)
        ]


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
        size = os.fstat(file.fileno()).st_size
        for begin, end in joined:
            if end > size:
                raise StaleFile
            file.seek(begin)
            content = file.read(end - begin)
            if len(content) < end - begin:
                raise StaleFile
            records, _, _ = parse_records(content, base=begin)
            blocks.append(_Block(begin, end, memoryview(content), records))
    return blocks


def _decode(block, records, begins, piece):
    """Pairs (first sample in the piece, Trace) of records, and what is wrong with them."""
    stream, found, _ = read_miniseed(block.stretches_of(records))
    where = dict(zip(records["start_ns"].tolist(), begins.tolist(), strict=True))
    parts = []
    for trace in sorted(stream, key=lambda t: t.stats.starttime.ns):
        start_ns = trace.stats.starttime.ns
        near = sample_index(start_ns - piece.start_ns, piece.rate)
        parts.append((where.get(start_ns, near), trace))
    findings = [
        Finding(
            row["trace"],
            row.get("kind", "corrupt records"),
            row["what"],
            row.get("action", "left out"),
            row["start_ns"],
            row["end_ns"],
            row["samples"],
        )
        for row in found
    ]
    return _joined(parts), findings


def _joined(parts):
    """Traces that continue one another as one; they were decoded apart for a corrupt record."""
    runs = []
    for at, trace in parts:
        begin, run = runs[-1] if runs else (0, [])
        follows = run and begin + sum(t.stats.npts for t in run) == at
        if follows and run[0].data.dtype == trace.data.dtype:
            run.append(trace)
        else:
            runs.append((at, [trace]))
    for _, run in runs:
        if len(run) > 1:
            run[0].data = np.concatenate([t.data for t in run])
    return [(at, run[0]) for at, run in runs]


def _cut(at, trace, first, last, piece):
    """Samples [first, last) of the piece, of a trace that begins with its sample `at`."""
    from obspy import UTCDateTime

    begin, end = max(first - at, 0), min(last - at, trace.stats.npts)
    if end <= begin:
        return None
    trace.data = trace.data[begin:end]
    offset = sample_time(at + begin, piece.rate)
    trace.stats.starttime = UTCDateTime(ns=piece.start_ns + offset)
    trace.stats.pop("continues", None)
    if piece.continues and at + begin == 0:
        trace.stats.continues = True
    return trace


def _read_whole(full, names, start_ns, end_ns, whole):
    from obspy import Trace, UTCDateTime

    stat = os.stat(full)
    found, findings = whole.read(full, (stat.st_size, stat.st_mtime_ns))
    traces = []
    for trace in found:
        stats = trace.stats
        if trace.id not in names or not stats.npts:
            continue
        piece = Piece(trace.id, stats.starttime.ns, 0, stats.sampling_rate, stats.npts)
        first, last = samples_between(piece.start_ns, piece.samples, piece.rate, start_ns, end_ns)
        if last > first:
            # What is kept for other windows stays as it is, whatever becomes of this one.
            own = Trace(trace.data[first:last].copy(), stats.copy())
            offset = sample_time(first, piece.rate)
            own.stats.starttime = UTCDateTime(ns=piece.start_ns + offset)
            traces.append(own)
    return traces, findings


def _below(root, path):
    """The file of a path in an index, which may have been made by anybody."""
    native = Path(path)
    if native.is_absolute() or native.drive or ".." in native.parts:
        raise ValueError(f"the index names a file outside the archive: {path!r}")
    return Path(root, native)
