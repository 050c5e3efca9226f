"""What a scan reads from: an index, files or a stream, as traces and windows of time."""

from pathlib import Path

import numpy as np

from ..io import ArchiveIndex, ReadReport, read_waveform_file
from ..io._grid import first_sample, sample_time
from ._records import Channel, stream_channels


def source_of(archive, *, progress=False, n_jobs=None):
    """Open whatever a scan is given.

    Parameters
    ----------
    archive : path, glob pattern, list of these, obspy.Stream or ArchiveIndex
        A folder is indexed first.
    progress, n_jobs : optional
        Of the index.

    Returns
    -------
    source : object
        With ``channels()``, ``spans(trace)``, ``read(start_ns, end_ns, traces, report)``,
        ``findings()`` and ``describe()``; it pickles, and is used from several threads.

    Raises
    ------
    TypeError, FileNotFoundError, ValueError
        If there is nothing to read.
    """
    from obspy import Stream, Trace

    if isinstance(archive, Trace):
        archive = Stream([archive])
    if isinstance(archive, Stream):
        return StreamSource(archive)
    if isinstance(archive, ArchiveIndex):
        if not archive.path.exists():
            archive.update(progress=progress, n_jobs=n_jobs)
        return IndexSource(archive)
    if isinstance(archive, str | Path) and Path(archive).is_dir():
        return IndexSource(ArchiveIndex.open_or_build(archive, progress=progress, n_jobs=n_jobs))
    return FileSource(archive)


class IndexSource:
    """An archive through its index.

    Parameters
    ----------
    index : ArchiveIndex
        Up to date.
    """

    def __init__(self, index):
        self.index = index
        self.report = ReadReport()
        self._traces = None

    def __getstate__(self):
        # For the plan alone; workers need some few traces of it.
        return self.__dict__ | {"_traces": None}

    def channels(self):
        """All traces, a list of Channel."""
        rows = self.index.channels.itertuples()
        return [
            Channel(row.trace, row.sampling_rate, row.start.value, row.end.value) for row in rows
        ]

    def spans(self, trace):
        """Begin and end of each piece in nanoseconds, an array (n_pieces, 2)."""
        store = self.index._store
        if self._traces is None:
            self._traces = store.traces()
        number, longest = self._traces[trace]
        rows = store.spans(number, -(2**62), 2**62, longest)
        return _sorted([row[1:] for row in rows])

    def read(self, start_ns, end_ns, traces, report):
        """What was recorded in [start_ns, end_ns), an ObsPy Stream."""
        wanted = self.index._store.traces(traces)
        return self.index._read(start_ns, end_ns, wanted, report)

    def findings(self):
        """What was found while files were looked at, rows of a report with times in ns."""
        return [
            (path, f.trace, f.kind, f.what, f.action, f.start_ns, f.end_ns, f.samples or 0)
            for path, f in self.index._store.findings()
        ]

    def describe(self):
        """What this is, for people."""
        return str(self.index.archive)


class FileSource:
    """Single files, of which the headers are read once.

    Parameters
    ----------
    source : path, glob pattern, or list of these
        See :func:`~seisclf.io.read_archive`.
    """

    def __init__(self, source):
        from obspy import Stream

        from ..io._archive import _paths

        self.report = ReadReport()
        self.files = {}
        heads = Stream()
        for path in _paths(source, self.report):
            head = read_waveform_file(path, headonly=True, report=self.report)
            heads += head
            self.files[str(Path(path).absolute())] = [
                (t.id, *_span(t)) for t in head if t.stats.npts
            ]
        self._channels = stream_channels(heads)

    def channels(self):
        """All traces, a list of Channel."""
        return list(self._channels)

    def spans(self, trace):
        """Begin and end of each piece in nanoseconds, an array (n_pieces, 2)."""
        return _sorted([piece[1:] for own in self.files.values() for piece in own
                        if piece[0] == trace])  # fmt: skip

    def read(self, start_ns, end_ns, traces, report):
        """What was recorded in [start_ns, end_ns), an ObsPy Stream."""
        from obspy import Stream

        stream = Stream()
        for path, pieces in self.files.items():
            if any(id in traces and a < end_ns and b >= start_ns for id, a, b in pieces):
                stream += read_waveform_file(path, start_ns=start_ns, end_ns=end_ns, report=report)
        return Stream([trace for trace in stream if trace.id in traces])

    def findings(self):
        """What was found while files were looked at, rows of a report with times in ns."""
        return [tuple(row) for row in self.report._rows["findings"]]

    def describe(self):
        """What this is, for people."""
        return f"{len(self.files)} files"


class StreamSource:
    """A stream in memory.

    Parameters
    ----------
    stream : obspy.Stream
        Left unchanged.
    """

    def __init__(self, stream):
        self.stream = stream
        self.report = ReadReport()
        self._channels = stream_channels(stream)

    def channels(self):
        """All traces, a list of Channel."""
        return list(self._channels)

    def spans(self, trace):
        """Begin and end of each piece in nanoseconds, an array (n_pieces, 2)."""
        return _sorted([_span(t) for t in self.stream if t.id == trace and t.stats.npts])

    def read(self, start_ns, end_ns, traces, report):
        """What was recorded in [start_ns, end_ns), an ObsPy Stream; arrays are views."""
        from obspy import Stream, Trace, UTCDateTime

        out = Stream()
        for trace in self.stream:
            stats = trace.stats
            if trace.id not in traces or not stats.npts:
                continue
            begin, rate = stats.starttime.ns, stats.sampling_rate
            first = max(0, first_sample(start_ns - begin, rate))
            last = min(stats.npts, first_sample(end_ns - begin, rate))
            if last > first:
                header = {
                    name: stats[name]
                    for name in ("network", "station", "location", "channel", "sampling_rate")
                }
                header["starttime"] = UTCDateTime(ns=begin + sample_time(first, rate))
                out.append(Trace(trace.data[first:last], header))
        return out

    def findings(self):
        """Nothing: a stream is looked at when it is scanned."""
        return []

    def describe(self):
        """What this is, for people."""
        return "a stream in memory"


def recorded_seconds(spans, edges_ns):
    """Seconds of data between each two edges.

    Parameters
    ----------
    spans : ndarray of int, shape (n_pieces, 2)
        Begin and end of each piece; overlaps count once.
    edges_ns : ndarray of int, shape (n_chunks + 1,)
        Ascending.

    Returns
    -------
    seconds : ndarray of float, shape (n_chunks,)
        At most the length of each chunk.
    """
    edges_ns = np.asarray(edges_ns, dtype=np.int64)
    if not len(spans):
        return np.zeros(len(edges_ns) - 1)
    # No piece counts before where an earlier one has ended.
    ends = np.maximum.accumulate(spans[:, 1])
    begins = np.maximum(spans[:, 0], np.concatenate([[np.iinfo(np.int64).min], ends[:-1]]))
    length = np.maximum(ends - begins, 0)
    known = np.concatenate([[0], np.cumsum(length)])
    # Data before an edge: all pieces that begin before it, less what the last has beyond it.
    number = np.searchsorted(begins, edges_ns, side="left")
    beyond = np.where(number > 0, np.maximum(ends[number - 1] - edges_ns, 0), 0)
    return np.diff(known[number] - beyond) / 1e9


def _span(trace):
    """Times of the first sample and after the last one in nanoseconds."""
    begin = trace.stats.starttime.ns
    return begin, begin + sample_time(trace.stats.npts, trace.stats.sampling_rate)


def _sorted(spans):
    spans = np.array(sorted(spans), dtype=np.int64)
    return spans.reshape(-1, 2)
