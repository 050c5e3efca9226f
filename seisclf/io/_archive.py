"""Any number of waveform files to one array and mask per channel, and a report of all of it."""

import os
import warnings
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..utils import progress_bar
from ._components import RATE_TOLERANCE, component_letter, nominal_rate
from ._door import Merging
from ._files import list_files, named_elsewhere
from ._grid import sample_index, sample_time
from ._limits import check_limits
from ._read_file import read_waveform_file
from ._read_report import ReadReport
from ._recordings import Recordings
from ._selection import check_patterns, matches, span_ns
from ._streams import SENTINELS, merge_traces

_THREADS = 2
# Pieces this far apart, in samples, are kept apart until someone asks for all of them at once.
_FAR_APART = 2**20


def read_archive(
    source,
    *,
    start=None,
    end=None,
    stations=None,
    channels=None,
    rate_tolerance=RATE_TOLERANCE,
    sentinels=SENTINELS,
    constant_gap=5.0,
    dtype=np.float32,
    limits=None,
    progress=False,
):
    """Read waveform files of any number, kind and condition.

    Everything that is found amiss is dealt with in the same way (see :ref:`archives`) and is a row
    of the report; so is every file and every trace of it. Nothing of one file or channel harms
    another.

    Parameters
    ----------
    source : path, glob pattern, list of these, obspy.Stream, or ArchiveIndex
        A file; a folder, which is searched to any depth (such as the root of an SDS archive);
        a pattern; a list of these; a stream; an index of an archive.
    start, end : datetime-like, optional
        Only samples in [start, end): text, `obspy.UTCDateTime`, timestamps, in UTC. Of files that
        are named as in SDS archives only those of these days, and of one more on both sides, are
        opened.
    stations : list of str, optional
        Codes or patterns such as ``"LH01"``, ``"TW.LH0?"``; by default all.
    channels : list of str, optional
        Codes or patterns such as ``"HHZ"``, ``"HH?"``, ``"00.HH?"``, ``"*.LH0?.*.HHZ"``.
    rate_tolerance : float, default=1e-4
        Largest relative difference of rates that is taken for clock error.
    sentinels : tuple of int, default=(-2147483648,)
        Values that stand for "not recorded".
    constant_gap : float or None, default=5.0
        Stretches of one value longer than so many seconds (and than ten samples) are gaps. None:
        they are data.
    dtype : dtype, default=numpy.float32
        dtype of the arrays. float32 holds counts of up to 24 bits exactly.
    limits : Limits, optional
        Sizes above which a file or channel is refused.
    progress : bool, default=False
        Show a bar.

    Returns
    -------
    recordings : Recordings
        Mapping of ``"NET.STA.LOC.CHA"`` to :class:`Record`, with the ``report``.

    Raises
    ------
    FileNotFoundError
        If a path does not exist, or no file matches.
    TypeError, ValueError
        If a parameter is of the wrong kind.

    Examples
    --------
    >>> import tempfile
    >>> from seisclf.datasets import make_archive
    >>> from seisclf.io import read_archive
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = make_archive(folder, duration=600, n_stations=1, faults=["gap"],
    ...                         random_state=0)
    ...     recordings = read_archive(folder)
    >>> recordings
    Recordings of 3 channels of 1 station, 3 files (3 read), 1 finding
    >>> recordings.report.findings[["kind", "action"]]
      kind  action
    0  gap  masked
    """
    limits = check_limits(limits)
    start_ns, end_ns = span_ns(start, end)
    stations = check_patterns(stations, "stations")
    channels = check_patterns(channels, "channels")
    if constant_gap is not None and not constant_gap > 0:
        raise ValueError(f"constant_gap must be None or more than 0 s, got {constant_gap!r}")
    if not rate_tolerance >= 0:
        raise ValueError(f"rate_tolerance must be 0 or more, got {rate_tolerance!r}")
    if np.dtype(dtype).kind != "f":
        raise ValueError(f"dtype must be float32 or float64, got {np.dtype(dtype)}")
    report = ReadReport()
    wanted = _Wanted(start_ns, end_ns, stations, channels)
    traces = _traces(source, wanted, report, limits, progress)
    merging = Merging(
        start_ns, end_ns, rate_tolerance, tuple(sentinels), np.dtype(dtype), None, constant_gap,
        limits.max_samples,
    )  # fmt: skip
    return Recordings(_merged(traces, merging, report), report, limits)


class _Wanted:
    def __init__(self, start_ns, end_ns, stations, channels):
        self.span = start_ns, end_ns
        self.codes = stations, channels

    def reason(self, file):
        return named_elsewhere(file, *self.span, *self.codes)

    def has(self, id):
        return matches(id, *self.codes)


def _traces(source, wanted, report, limits, progress):
    """Traces by identifier, of whatever the source is."""
    from obspy import Stream, Trace

    if isinstance(source, Trace):
        source = Stream([source])
    if isinstance(source, Stream):
        streams = [source]
    elif hasattr(source, "read") and hasattr(source, "span"):
        stations, channels = wanted.codes
        start, end = wanted.span
        first, last = source.span()
        start = first.value if start is None else start
        end = last.value if end is None else end
        streams = [source.read(start, end, stations=stations, channels=channels, report=report)]
    else:
        streams = _of_files(_paths(source, report), wanted, report, limits, progress)
    by_id, others = {}, set()
    for stream in streams:
        for trace in stream:
            if wanted.has(trace.id):
                by_id.setdefault(trace.id, []).append(trace)
            else:
                others.add(trace.id)
    if others and not by_id:
        _warn_of_nothing(wanted, others)
    return by_id


def _warn_of_nothing(wanted, others):
    stations, channels = wanted.codes
    shown = ", ".join(sorted(others)[:5]) + (", ..." if len(others) > 5 else "")
    warnings.warn(
        f"nothing matches stations={stations!r} and channels={channels!r}: there are {shown}",
        UserWarning,
        stacklevel=4,
    )


def _paths(source, report):
    if isinstance(source, str | Path):
        source = [source]
    if not isinstance(source, list | tuple) or not all(isinstance(p, str | Path) for p in source):
        raise TypeError(
            f"source must be a file, a folder, a pattern, a list of these, an obspy.Stream or an "
            f"ArchiveIndex; got {type(source).__name__}"
        )
    files = {}
    for path in source:
        for file in list_files(path):
            same = os.path.realpath(file)
            if same in files:
                what = f"the same file as {files[same]}"
                report.add(file, "", what, "read once", kind="duplicate")
                report.add_file(file, status="skipped", reason=what)
            else:
                files[same] = file
    return sorted(files.values())


def _of_files(files, wanted, report, limits, progress):
    """Streams of files in their order; threads read ahead."""
    start_ns, end_ns = wanted.span

    def read(file):
        own = ReadReport()
        stream = read_waveform_file(
            file, start_ns=start_ns, end_ns=end_ns, report=own, limits=limits
        )
        return stream, own

    chosen = []
    for file in files:
        reason = wanted.reason(file)
        if reason:
            report.add_file(file, size=_size(file), status="skipped", reason=reason)
        else:
            chosen.append(file)
    bar = progress_bar(total=len(chosen), desc="reading", disable=False) if progress else None
    with ThreadPoolExecutor(_THREADS) as pool:
        ahead, waiting = deque(), iter(chosen)
        for file in waiting:
            ahead.append(pool.submit(read, file))
            if len(ahead) > 2 * _THREADS:
                break
        while ahead:
            stream, own = ahead.popleft().result()
            following = next(waiting, None)
            if following is not None:
                ahead.append(pool.submit(read, following))
            if bar is not None:
                bar.update()
            _mark(own, wanted)
            report.extend(own)
            yield stream
    if bar is not None:
        bar.close()


def _size(file):
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _mark(report, wanted):
    """Say of traces that nobody has asked for that they are left out."""
    report.mark_traces(lambda id: "" if wanted.has(id) else "another station or channel")


def _merged(traces, merging, report):
    """Records by identifier; where pieces lie far apart, several."""
    ids = sorted(traces)

    def merge(id):
        own = ReadReport()
        _component(id, own)
        return _parts(id, traces.pop(id), merging, own), own

    records, unusable = {}, set()
    with ThreadPoolExecutor(_THREADS) as pool:
        for id, (parts, own) in zip(ids, pool.map(merge, ids), strict=True):
            report.extend(own)
            if parts:
                records[id] = parts
            else:
                unusable.add(id)
    report.mark_traces(lambda id: "nothing usable" if id in unusable else "")
    return records


def _parts(id, traces, merging, report):
    starts = [trace.stats.starttime.ns for trace in traces if trace.stats.npts]
    # All parts of a channel lie on one grid.
    merging = replace(merging, anchor_ns=min(starts, default=None))
    parts = []
    for group in _groups(traces, merging.rate_tolerance):
        parts += merge_traces({id: group}, merging, report).values()
    for before, after in zip(parts[:-1], parts[1:], strict=True):
        seconds = (after.start_ns - before.end_ns) / 1e9
        samples = sample_index(after.start_ns - before.end_ns, before.sampling_rate)
        report.add(
            "", id, f"gap of {seconds:g} s", "recordings kept apart", kind="gap",
            start_ns=before.end_ns, end_ns=after.start_ns, samples=samples,
        )  # fmt: skip
    return parts


def _groups(traces, tolerance):
    """Traces of a channel, in groups so far apart that one array would mostly be empty."""
    traces = sorted(traces, key=lambda t: t.stats.starttime.ns)
    groups, end_ns = [], None
    for trace in traces:
        stats = trace.stats
        rate = nominal_rate(stats.sampling_rate, tolerance)
        begin = stats.starttime.ns
        sound = 0 < rate < 1e9
        if not groups or (sound and (begin - end_ns) * rate / 1e9 > _FAR_APART):
            groups.append([])
            end_ns = begin
        groups[-1].append(trace)
        end_ns = max(end_ns, begin + (sample_time(stats.npts, rate) if sound else 0))
    return groups


def _component(id, report):
    """Report other names of components than Z, N, E."""
    code = id.split(".")[3]
    letter = component_letter(code)
    if letter in "ZNE" and letter and code == code.upper() and len(code) == 3:
        return
    if not code:
        report.add("", id, "no channel code", "kept; it is no component", kind="component")
        return
    meant = {"1": "N", "2": "E", "3": "Z", "U": "Z", "V": "Z", "X": "E", "Y": "N"}.get(letter)
    meant = letter if letter in "ZNE" else meant
    if meant:
        turned = ", not rotated" if letter in "12" else ""
        action = f"taken for {meant} where {meant} is asked for{turned}"
        report.add("", id, f"channel {code!r}", action, kind="component")
