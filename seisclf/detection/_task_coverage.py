"""What a task says of its own time: what was scanned of it, and when nothing was recorded."""

import numpy as np

from ._windows import padded_window_starts, runs, window_starts


def span_rows(run, station, record, function, origin):
    """When the station was scanned and when it has no data, in the task's own time."""
    task, frame = run.task, run.margins.frame
    own = slice(task.first - origin, task.last - origin)
    missing = [(0, task.last - task.first)] if record is None else runs(~record.valid[own])
    for begin, end in missing:
        times = [run.time(task.first + int(k)) for k in (begin, end)]
        yield station, "missing", *times, (times[1] - times[0]) / 1e9
    if record is None or function is None:
        return
    share = function.coverage[own.start // frame : -(-own.stop // frame)]
    for begin, end in runs(share > 0):
        edges = task.first + np.arange(begin, end + 1) * frame
        edges[-1] = min(edges[-1], task.last)
        seconds = float(share[begin:end] @ np.diff(edges)) / run.rate
        times = [run.time(int(k)) for k in edges[[0, -1]]]
        yield station, "scanned", *times, seconds


def coverage_row(run, station, record, function, origin):
    """Seconds scanned, windows, windows without data, notes of the task's own time."""
    task = run.task
    if function is None or record is None:
        # What is missing altogether is a gap, and said so.
        total = -(-(task.last - task.first) // run.detector._scan_settings().step)
        return station, 0.0, 0, total, "" if record is None else "nothing usable"
    frame = run.margins.frame
    part = slice((task.first - origin) // frame, -(-(task.last - origin) // frame))
    share = function.coverage[part]
    length = np.full(len(share), frame, dtype=float)
    if frame > 1 and len(share):
        length[-1] = task.last - task.first - frame * (len(share) - 1)
    seconds = float((share * length).sum() / run.rate)
    kept, total = _windows(run, record.valid, origin)
    return station, seconds, kept, total - kept, ""


def _windows(run, valid, origin):
    """Windows that begin in the task's own time: those with enough data, and all."""
    settings = run.detector._scan_settings()
    options = {"length": settings.length, "step": settings.step}
    options["min_valid"] = int(np.ceil(settings.length * settings.min_fraction - 1e-9))
    starts = padded_window_starts if settings.padded else window_starts
    starts = starts(valid, **options)
    if origin:
        starts = starts[starts >= run.task.first - origin]
    if run.task.last < run.group.n_samples:
        starts = starts[starts < run.task.last - origin]
    total = np.concatenate([[0], np.cumsum(valid, dtype=np.int32)])
    begin = np.clip(starts, 0, len(valid))
    end = np.clip(starts + settings.length, 0, len(valid))
    inside = total[end] - total[begin]
    needed = settings.min_fraction * np.maximum(end - begin, 1)
    return int((inside >= np.maximum(needed - 1e-9, 1)).sum()), len(starts)
