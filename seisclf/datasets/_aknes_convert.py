"""Åknes event files to one array on disk, a few rows at a time, so that it can go on later."""

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..io._read_file import read_waveform_bytes
from ..io._read_report import ReadReport
from ..utils import progress_bar

N_CHANNELS = 24
N_SAMPLES = 16_000
SAMPLING_RATE = 1000.0
_BATCH = 32  # files between two notes of how far it has come: 50 MB
_VERSION = 1  # of what is written; another one is converted again


@dataclass
class Converted:
    """The array on disk, and what was read of each of its rows."""

    data: np.memmap
    rows: list


def read_event(file):
    """Read one file: channels in the order of their numbers, NaN where one cannot be used.

    Parameters
    ----------
    file : EventFile
        SEG2 of 24 traces.

    Returns
    -------
    data : ndarray of shape (24, 16000)
        float32.
    row : dict
        ``event_id``, ``label``, ``file``, and of the header ``start_ns``, ``delay``, ``shot``;
        ``findings``, pairs of what and action; ``bad``, whether a channel is NaN.
    """
    data = np.full((N_CHANNELS, N_SAMPLES), np.nan, dtype=np.float32)
    row = {"event_id": file.event_id, "label": file.label, "file": file.name}
    row |= {"start_ns": None, "delay": None, "shot": None, "findings": [], "bad": True}
    try:
        stream = _read_seg2(file.read(), file.name)
    except Exception as error:
        # Damaged files raise what they like, here and in ObsPy; the others must be read.
        row["findings"].append((f"cannot be read: {type(error).__name__}: {error}", "NaN"))
        return data, row
    findings = row["findings"]
    if len(stream) != N_CHANNELS:
        findings.append((f"{len(stream)} traces instead of {N_CHANNELS}", "others are NaN"))
    for trace, number in zip(stream, _numbers(stream), strict=True):
        if number < N_CHANNELS:
            problem = _take(trace, data[number])
            if problem:
                findings.append((f"channel {number + 1}: {problem}", "NaN"))
    row["bad"] = bool(np.isnan(data).any())
    _read_header(stream, row)
    return data, row


def _read_seg2(content, name):
    report = ReadReport()
    stream = read_waveform_bytes(content, name=name, report=report)
    if not len(stream):
        raise ValueError(report.files["reason"][0])
    return stream


def _numbers(stream):
    """Row of each trace: its channel number, or, if these are not all different, its place."""
    try:
        numbers = [int(trace.stats.seg2["CHANNEL_NUMBER"]) - 1 for trace in stream]
    except (KeyError, ValueError):
        numbers = []
    if len(set(numbers)) == len(stream) and all(0 <= n < N_CHANNELS for n in numbers):
        return numbers
    return list(range(len(stream)))


def _take(trace, out):
    """Copy a trace; what is wrong with it, or an empty text."""
    rate = trace.stats.sampling_rate
    if abs(rate / SAMPLING_RATE - 1) > 1e-4:
        return f"{rate:g} Hz instead of {SAMPLING_RATE:g}"
    if len(trace.data) != N_SAMPLES:
        return f"{len(trace.data)} samples instead of {N_SAMPLES}"
    samples = np.asarray(trace.data, dtype=np.float32)
    if not np.isfinite(samples).all():
        return "samples are not finite"
    out[:] = samples
    return ""


def _read_header(stream, row):
    if not len(stream):
        return
    stats = stream[0].stats
    header = stats.seg2
    row["shot"] = header.get("SHOT_SEQUENCE_NUMBER")
    try:
        row["delay"] = float(header.get("DELAY", "nan"))
    except ValueError:
        row["findings"].append((f"delay {header['DELAY']!r} is no number", "NaN"))
    if stats.starttime.ns == 0:
        row["findings"].append(("the header has no time", "NaT"))
        return
    row["start_ns"] = stats.starttime.ns
    # File names begin with year and day of the year.
    named = row["event_id"].split("_")[:2]
    day = [f"{stats.starttime.year:04d}", f"{stats.starttime.julday:03d}"]
    if named != day and all(part.isdigit() for part in named):
        what = f"the header's day is {'_'.join(day)}, the file name's {'_'.join(named)}"
        row["findings"].append((what, "time of the header"))


def convert(files, folder, *, n_jobs=None, progress=None):
    """Read all files into one array on disk, or find it there.

    Parameters
    ----------
    files : list of EventFile
        The rows.
    folder : pathlib.Path
        Where the array is put, 1.5 MB for each event.
    n_jobs : int, optional
        Processes that read.
    progress : bool, optional
        Show a bar; None does so on a terminal.

    Returns
    -------
    converted : Converted
        Read-only.
    """
    key = _key(files)
    array, notes = folder / f"aknes-{key}.npy", folder / f"aknes-{key}.json"
    if not (array.is_file() and notes.is_file()):
        _write(files, array, notes, n_jobs, progress)
    return _open(array, notes)


def find_converted(folder, n_rows):
    """The newest array of so many rows that is in a folder, or None."""
    for notes in sorted(folder.glob("aknes-*.json"), key=os.path.getmtime, reverse=True):
        array = notes.with_suffix(".npy")
        if array.is_file():
            found = _open(array, notes)
            if len(found.rows) == n_rows:
                return found
    return None


def _open(array, notes):
    data = np.load(array, mmap_mode="r")
    rows = json.loads(notes.read_text(encoding="utf-8"))["rows"]
    if data.shape != (len(rows), N_CHANNELS, N_SAMPLES) or data.dtype != np.float32:
        raise ValueError(
            f"{array} does not fit {notes.name}: it has shape {data.shape} and dtype "
            f"{data.dtype} for {len(rows)} events. Remove both to have them written again"
        )
    return Converted(data, rows)


def _key(files):
    """The same for the same files, wherever they are."""
    text = json.dumps([_VERSION, [(f.event_id, f.label, f.name, f.size) for f in files]])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _write(files, array, notes, n_jobs, progress):
    partial, log = array.with_suffix(".npy.part"), notes.with_suffix(".jsonl.part")
    _make_room(array.parent, len(files), partial)
    rows = _done(partial, log, len(files))
    if not rows:
        shape = (len(files), N_CHANNELS, N_SAMPLES)
        np.lib.format.open_memmap(partial, mode="w+", dtype=np.float32, shape=shape)
        log.write_text("", encoding="utf-8")
    _go_on(files, rows, partial, log, n_jobs, progress)
    whole = notes.with_suffix(".json.part")
    text = json.dumps({"version": _VERSION, "rows": rows})
    whole.write_text(text, encoding="utf-8")
    os.replace(whole, notes)
    os.replace(partial, array)
    log.unlink(missing_ok=True)


def _make_room(folder, n_rows, partial):
    """Refuse a folder that cannot hold the array: a mapped file would end the process."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial.touch()
    except OSError as error:
        raise OSError(
            f"cannot write the array to {folder}: {error}. Give another folder as cache"
        ) from error
    needed = n_rows * N_CHANNELS * N_SAMPLES * 4
    # A file of this size may be there from before, with holes in it or not.
    written = getattr(partial.stat(), "st_blocks", 0) * 512
    free = shutil.disk_usage(folder).free + written
    if free < needed:
        raise OSError(
            f"the array of {n_rows} events needs {needed / 1e9:.1f} GB and {folder} has "
            f"{free / 1e9:.1f} GB left. Give another folder as cache"
        )


def _go_on(files, rows, partial, log, n_jobs, progress):
    """Read the files that `rows` does not have yet, and add them."""
    from joblib import Parallel, delayed

    disable = None if progress is None else not progress
    with (
        progress_bar(total=len(files), desc="reading Åknes", disable=disable) as bar,
        Parallel(n_jobs=n_jobs) as parallel,
        log.open("a", encoding="utf-8") as journal,
    ):
        data = np.lib.format.open_memmap(partial, mode="r+")
        bar.update(len(rows))
        while len(rows) < len(files):
            first = len(rows)
            read = parallel(delayed(read_event)(file) for file in files[first : first + _BATCH])
            for number, (samples, _) in enumerate(read, first):
                data[number] = samples
            # What the journal names is on disk, whatever happens next.
            data.flush()
            journal.writelines(json.dumps(row) + "\n" for _, row in read)
            journal.flush()
            rows += [row for _, row in read]
            bar.update(len(read))


def _done(partial: Path, log: Path, n_rows):
    """Rows that an interrupted run has written."""
    if not (partial.is_file() and log.is_file()):
        return []
    try:
        shape = np.load(partial, mmap_mode="r").shape
    except (ValueError, EOFError):
        return []
    if shape != (n_rows, N_CHANNELS, N_SAMPLES):
        return []
    rows = []
    lines = log.read_text(encoding="utf-8").split("\n")
    for line in lines[:-1]:  # what follows the last line break is torn, or nothing
        rows.append(json.loads(line))
    # It goes on after its last whole line.
    log.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return rows
