"""What an index keeps of one file: its pieces, where their bytes are, what is amiss."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ._components import RATE_TOLERANCE
from ._formats import HEAD, detect_format
from ._grid import sample_time
from ._limits import DEFAULT_LIMITS
from ._miniseed import _no_record
from ._miniseed_checks import (
    REASONS,
    check_times,
    data_begins,
    end_times,
    unsound_records,
)
from ._miniseed_headers import scan_file, trace_ids
from ._miniseed_pieces import _SAMPLES_OFF, _SECONDS_OFF
from ._miniseed_pieces import _cuts as time_cuts
from ._read_file import read_waveform_file
from ._read_report import ReadReport

# A window is read from the last of these points before it on: so many bytes are read too many.
POINT_BYTES = 2**16
MAX_FINDINGS = 100  # of one kind and file
RATES = (1e-6, 1e7)  # Hz; others are no rates
_FLOAT_ENCODINGS = (4, 5)


class Piece(NamedTuple):
    """One unbroken stretch of a trace in a file.

    `points` has rows (samples before, offset) of records of the piece, about every `POINT_BYTES`;
    `offset` and `length` are its bytes. All are None where a file can only be read as a whole.
    Samples count from `start_ns` at the rate of the file, in Hz, as they do when it is read whole.
    `end_ns` is the time after the last sample. A piece that `continues` goes on with the one
    before in the file, but a little earlier or later than its samples would have it.
    """

    trace: str
    start_ns: int
    end_ns: int
    rate: float
    samples: int
    offset: int | None = None
    length: int | None = None
    points: np.ndarray | None = None
    continues: bool = False


class Finding(NamedTuple):
    """One row of a report on a file."""

    trace: str
    kind: str
    what: str
    action: str
    start_ns: int | None = None
    end_ns: int | None = None
    samples: int | None = None


@dataclass
class FileEntry:
    """What was found in a file: ``status`` is ``"read"``, ``"partly"`` or ``"skipped"``."""

    path: str
    size: int
    mtime_ns: int
    format: str = ""
    status: str = "read"
    reason: str = ""
    pieces: list = field(default_factory=list)
    findings: list = field(default_factory=list)


def look_at(root, path):
    """Read the headers of a file.

    Parameters
    ----------
    root : path
        Folder of the archive.
    path : str
        File below `root`.

    Returns
    -------
    entry : FileEntry or None
        None if the file is not there any more. A file that cannot be read is an entry too.
    """
    full = Path(root, path)
    try:
        stat = os.stat(full)
    except FileNotFoundError:
        return None
    except OSError as error:
        return _skipped(FileEntry(path, 0, 0), "unreadable", _short(error))
    entry = FileEntry(path, stat.st_size, stat.st_mtime_ns)
    try:
        return _look(full, entry)
    except FileNotFoundError:
        return None
    except Exception as error:
        # Readers raise what they like; one bad file must not hide the others.
        entry.pieces, entry.findings = [], []
        return _skipped(entry, "unreadable", _short(error))


def not_looked_at(root, path, reason):
    """Entry of a file that nobody can look at, as :func:`look_at` gives those of others."""
    entry = FileEntry(path, 0, 0)
    try:
        stat = os.stat(Path(root, path))
        entry.size, entry.mtime_ns = stat.st_size, stat.st_mtime_ns
    except OSError as error:
        reason = _short(error)
    return _skipped(entry, "unreadable", reason)


def _look(full, entry):
    with open(full, "rb") as file:
        format, _ = detect_format(file.read(HEAD), entry.size)
    if format != "MSEED":
        return _headers(full, entry)
    entry.format = format
    _miniseed(full, entry)
    if not entry.pieces:
        return _skipped(entry, "empty", entry.reason or "no samples")
    return entry


def _miniseed(full, entry):
    scan = scan_file(full, size=entry.size, check=_check)
    records, wrong = _sound(scan.records, scan.reasons)
    entry.findings += wrong
    entry.pieces, odd = pieces_of(records)
    entry.findings += _no_records(full, scan)
    more = len(scan.bad) - MAX_FINDINGS
    if more > 0:
        what = f"{more} more stretches of bytes that are no record"
        entry.findings.append(Finding("", "corrupt records", what, "left out"))
    entry.findings += odd[:MAX_FINDINGS] + _repeated(records)
    n_bytes = sum(length for _, length, _ in scan.bad)
    n_bytes += int(scan.records["length"].sum() - records["length"].sum())
    if n_bytes:
        entry.status = "partly"
        entry.reason = f"{n_bytes} of {entry.size} bytes are no sound record"


def _check(data, at, records):
    return unsound_records(data, at, data_begins(data, at), records)


def _no_records(full, scan):
    """Findings of bytes that are no record, with the time that they leave."""
    ends, findings = end_times(scan.records), []
    for row in scan.bad[:MAX_FINDINGS]:
        offset, length, reason = row
        rest = b""
        if reason == "incomplete record":
            with open(full, "rb") as file:
                file.seek(offset)
                rest = file.read(min(length, HEAD))
        found = _no_record(scan.records, ends, rest, offset, *row)
        span = found["start_ns"], found["end_ns"]
        finding = Finding(found["trace"], "corrupt records", found["what"], "left out", *span)
        findings.append(finding)
    return findings


def _repeated(records):
    """Findings of records that a file holds twice, as far as their headers tell."""
    findings = []
    records = records[are_usable(records)]
    for code in np.unique(records["code"]):
        own = records[records["code"] == code]
        # Most files are in order of time and hold nothing twice.
        if (np.diff(own["start_ns"]) > 0).all():
            continue
        order = np.lexsort((own["offset"], own["samples"], own["start_ns"]))
        same = np.diff(own["start_ns"][order]) == 0
        same &= np.diff(own["samples"][order].astype(np.int64)) == 0
        again = np.sort(order[1:][same])
        name = str(trace_ids(np.array([code]))[0])
        for rows in np.split(again, np.flatnonzero(np.diff(again) > 1) + 1) if len(again) else ():
            twice = own[rows]
            what = f"{len(rows)} records from byte {twice['offset'][0]} on: there before"
            span = int(twice["start_ns"].min()), int(end_times(twice).max())
            n_samples = int(twice["samples"].sum(dtype=np.int64))
            findings.append(Finding(name, "duplicate", what, "kept once", *span, n_samples))
    return findings[:MAX_FINDINGS]


def _sound(records, reasons):
    """Records that can be what they say, and findings of those that cannot."""
    claimed = records.copy()  # check_times gives wrong ones the time that they left
    ends = end_times(claimed)
    check_times(claimed, ends, reasons)
    findings = []
    for i in np.flatnonzero(reasons)[:MAX_FINDINGS].tolist():
        name = str(trace_ids(claimed["code"][i : i + 1])[0])
        what = f"byte {claimed['offset'][i]}: {REASONS[reasons[i]]}"
        span = (int(claimed["start_ns"][i]), int(ends[i]), int(claimed["samples"][i]))
        findings.append(Finding(name, "corrupt records", what, "left out", *span))
    more = int((reasons > 0).sum()) - MAX_FINDINGS
    if more > 0:
        what = f"{more} more records that cannot be right"
        findings.append(Finding("", "corrupt records", what, "left out"))
    return records[reasons == 0], findings


def pieces_of(records):
    """Join the records of each trace that continue one another.

    Records continue if they are at most half a sample apart and their rates differ by clock
    error only, which is what libmseed takes for one segment. Where their times then leave those
    that the samples count, a piece ends, as it does when the file is read whole.

    Parameters
    ----------
    records : ndarray of RECORD_DTYPE
        In the order of the file.

    Returns
    -------
    pieces : list of Piece
    findings : list of Finding
        Records that hold no waveform, clocks that drift.
    """
    findings = []
    usable = are_usable(records)
    if not usable.all():
        odd = records[~usable]
        lying = int((odd["samples"] > odd["length"] * DEFAULT_LIMITS.max_samples_per_byte).sum())
        if lying:
            what = f"{lying} records claim more samples than fit into them"
            findings.append(Finding("", "limit", what, "left out"))
        if lying < len(odd):
            what = f"{len(odd) - lying} records without samples or without a sampling rate"
            findings.append(Finding("", "empty", what, "left out"))
        records = records[usable]
    if not len(records):
        return [], findings
    pieces = []
    codes = records["code"]
    for code in np.unique(codes) if (codes != codes[0]).any() else codes[:1]:
        own = records[codes == code]
        name = trace_ids(np.array([code]))[0]
        for part in np.split(own, np.flatnonzero(_breaks(own)) + 1):
            before = np.concatenate([[0], np.cumsum(part["samples"].astype(np.int64))])
            late, allowed = time_errors(part["start_ns"], before[:-1], float(part["rate"][0]))
            cuts = time_cuts(late, allowed)
            for k, own_part in enumerate(np.split(part, cuts[1:])):
                pieces.append(_piece(name, own_part, float(part["rate"][0]), bool(k)))
            if len(cuts) > 1:
                findings.append(_off_grid(name, part, late, allowed))
    return pieces, findings


def are_usable(records):
    """Whether each record holds a waveform: samples, a rate, and not more than it can hold."""
    usable = (records["rate"] >= RATES[0]) & (records["rate"] <= RATES[1])
    most = records["length"].astype(np.int64) * DEFAULT_LIMITS.max_samples_per_byte
    return usable & (records["samples"] > 0) & (records["samples"] <= most)


def _breaks(own):
    """Whether each record but the last is followed by something else."""
    rate, start = own["rate"], own["start_ns"]
    jump = np.diff(start) - own["samples"][:-1] * 1e9 / rate[:-1]
    apart = np.abs(jump) > 0.5e9 / rate[:-1]
    apart |= np.abs(rate[1:] / rate[:-1] - 1.0) > RATE_TOLERANCE
    apart |= own["quality"][1:] != own["quality"][:-1]
    kind = np.isin(own["encoding"], _FLOAT_ENCODINGS) * own["encoding"]
    return apart | (kind[1:] != kind[:-1])


def time_errors(start_ns, before, rate):
    """Samples by which records begin late against the first, and how many may be rounding."""
    late = (start_ns - start_ns[0]) * (rate / 1e9) - before
    return late, np.full(len(late), max(_SAMPLES_OFF, _SECONDS_OFF * rate))


def _piece(name, part, rate, continues):
    start_ns = int(part["start_ns"][0])
    before = np.concatenate([[0], np.cumsum(part["samples"].astype(np.int64))])
    n_samples = int(before[-1])
    blocks = (part["offset"] - part["offset"][0]) // POINT_BYTES
    chosen = np.flatnonzero(np.diff(blocks, prepend=-1))
    points = np.column_stack([before[:-1], part["offset"]])[chosen]
    begin = int(part["offset"][0])
    end = int(part["offset"][-1]) + int(part["length"][-1])
    end_ns = piece_end(start_ns, n_samples, rate)
    place = (begin, end - begin, points, continues)
    return Piece(name, start_ns, end_ns, rate, n_samples, *place)


def piece_end(start_ns, n_samples, rate):
    """Time after the last sample."""
    return start_ns + sample_time(n_samples, rate)


def _off_grid(name, part, late, allowed):
    off = np.abs(late) > allowed
    most = float(late[np.abs(late).argmax()])
    what = f"{off.sum()} records off the grid by up to {most:.2f} samples"
    rate = float(part["rate"][-1])
    end_ns = piece_end(int(part["start_ns"][-1]), int(part["samples"][-1]), rate)
    span = (int(part["start_ns"][0]), end_ns, int(part["samples"][off].sum(dtype=np.int64)))
    return Finding(name, "off grid", what, "kept at their own times", *span)


def _headers(full, entry):
    """A file that is read as a whole."""
    report = ReadReport()
    stream = read_waveform_file(full, headonly=True, report=report)
    file = report.files.iloc[0]
    entry.format, entry.status, entry.reason = file["format"], file["status"], file["reason"]
    entry.findings += findings_of(report)
    for trace in stream:
        rate, n_samples = float(trace.stats.sampling_rate), int(trace.stats.npts)
        if RATES[0] <= rate <= RATES[1]:
            start_ns = trace.stats.starttime.ns
            end_ns = piece_end(start_ns, n_samples, rate)
            entry.pieces.append(Piece(trace.id, start_ns, end_ns, rate, n_samples))
        else:
            what = f"sampling rate {rate!r} Hz"
            entry.findings.append(Finding(trace.id, "rate differs", what, "left out"))
    return entry


def findings_of(report):
    """Findings of a ReadReport as those of a file."""
    return [
        Finding(
            row.trace,
            row.kind,
            row.what,
            row.action,
            None if row.start != row.start else row.start.value,  # NaT
            None if row.end != row.end else row.end.value,
            int(row.samples),
        )
        for row in report.findings.itertuples()
    ]


def _skipped(entry, kind, reason):
    entry.status, entry.reason = "skipped", reason
    entry.findings.append(Finding("", kind, reason, "file left out"))
    return entry


def _short(error):
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:120]}" if text else type(error).__name__
