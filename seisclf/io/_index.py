"""An index of an archive: windows of years of recordings without scanning its files again."""

import hashlib
import os
import time
from pathlib import Path

import numpy as np

from ..utils import LostWorkerError, progress_bar, spread
from ._index_files import look_at, not_looked_at
from ._index_read import read_pieces
from ._index_report import add_finding, tell
from ._index_store import IndexStore
from ._index_walk import walk
from ._index_whole import WholeFiles
from ._read_report import ReadReport
from ._selection import check_patterns, matches, time_ns

INDEX_NAME = ".seisclf-index.sqlite"
_BATCH = 32  # files of one task
_COMMIT = 2.0  # s between transactions


class ArchiveIndex:
    """SQLite index of a folder of waveform files, in any layout.

    The headers of all files are read once. Later only files that are new or whose size or time
    of modification changed are looked at again, and a window is read from the bytes that hold it.
    Files that cannot be read are rows with a reason.

    Nothing is built before :meth:`update`; :meth:`open_or_build` does both. An index is a file and
    may be used by several threads and processes, also while one of them updates it. It pickles
    to its paths.

    Parameters
    ----------
    archive : str or pathlib.Path
        Folder, searched to any depth. Files and folders whose names begin with a dot are left
        out.
    path : str or pathlib.Path, optional
        The index. Default: ``.seisclf-index.sqlite`` in the archive; where that cannot be
        written, a file in the user's cache.

    Raises
    ------
    NotADirectoryError
        If `archive` is no folder.

    See Also
    --------
    read_archive : Reads files without an index.

    Examples
    --------
    >>> import tempfile, obspy
    >>> from pathlib import Path
    >>> from seisclf.io import ArchiveIndex
    >>> folder = tempfile.TemporaryDirectory()
    >>> obspy.read().write(Path(folder.name, "example.mseed"), format="MSEED")
    >>> index = ArchiveIndex.open_or_build(folder.name)
    >>> index
    ArchiveIndex: 3 traces of 1 station, 1 file, 2009-08-24T00:20:03 to 2009-08-24T00:20:33
    >>> index.read("2009-08-24T00:20:10", "2009-08-24T00:20:20", channels="EHZ")[0].stats.npts
    1000
    >>> folder.cleanup()
    """

    def __init__(self, archive, *, path=None):
        self.archive = Path(archive).absolute()
        if not self.archive.is_dir():
            raise NotADirectoryError(f"archive: {archive} is no folder")
        self.path = _default_path(self.archive) if path is None else Path(path).absolute()
        self._store = IndexStore(self.path)
        self._whole = WholeFiles()

    @classmethod
    def open_or_build(cls, archive, *, path=None, progress=False, n_jobs=None):
        """Open the index of an archive and bring it up to date.

        Parameters
        ----------
        archive : str, pathlib.Path or ArchiveIndex
            Folder, or its index.
        path : str or pathlib.Path, optional
            The index; see the class.
        progress, n_jobs : optional
            See :meth:`update`.

        Returns
        -------
        index : ArchiveIndex
        """
        index = archive if isinstance(archive, cls) else cls(archive, path=path)
        index.update(progress=progress, n_jobs=n_jobs)
        return index

    def update(self, *, progress=False, n_jobs=None):
        """Look at files that are new or changed, and forget those that are gone.

        What was done is kept if it is interrupted. Two processes may update at the same time. An
        index of an older version of seisclf is built anew.

        Parameters
        ----------
        progress : bool, default=False
            Show a bar.
        n_jobs : int, optional
            Processes that look at files, through joblib. Default: one, or as
            `joblib.parallel_config` says. The files that a process was looking at when it died
            are looked at by another; one with which they die again and again is "failed".

        Returns
        -------
        changes : DataFrame
            Rows for files that changed: ``file`` (below the archive), ``change`` ("new",
            "changed", "removed" or "failed"), ``format``, ``traces``, ``pieces``, ``status``
            ("read", "partly", "skipped"), ``reason``.

        Raises
        ------
        OSError
            If the index cannot be written.
        ValueError
            If the file at its path is not an index of this version.
        """
        import pandas as pd

        if not self._store.exists:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        self._store.create()
        known, found, odd = self._store.files(), *walk(self.archive)
        removed = sorted(set(known) - set(found))
        self._store.remove(removed)
        todo = sorted(path for path, stamp in found.items() if known.get(path) != stamp)
        rows = [(path, "removed", "", 0, 0, "", "") for path in removed]
        for entry in self._looked_at(todo, progress, n_jobs):
            change = "changed" if entry.path in known else "new"
            change = "failed" if entry.status == "skipped" else change
            names = {piece.trace for piece in entry.pieces}
            counts = (len(names), len(entry.pieces))
            rows.append((entry.path, change, entry.format, *counts, entry.status, entry.reason))
        rows += [(name, "failed", "", 0, 0, "skipped", reason) for name, reason in odd]
        columns = ["file", "change", "format", "traces", "pieces", "status", "reason"]
        return pd.DataFrame(sorted(rows), columns=columns)

    def _looked_at(self, todo, progress, n_jobs):
        """Entries of files, stored as they come."""
        batches = [todo[i : i + _BATCH] for i in range(0, len(todo), _BATCH)]
        waiting, since = [], time.monotonic()
        answers = _spread(self.archive, batches, n_jobs)
        for entries in progress_bar(
            answers, total=len(batches), desc="index", disable=not progress
        ):
            waiting += entries
            yield from entries
            if time.monotonic() - since > _COMMIT:
                self._store.put(waiting)
                waiting, since = [], time.monotonic()
        self._store.put(waiting)

    def close(self):
        """Close the connection of this thread to the SQLite file, and forget what was read.

        Both come again when needed.
        """
        self._store.close()
        self._whole.clear()

    @property
    def channels(self):
        """DataFrame with a row per trace.

        ``trace`` (``"NET.STA.LOC.CHA"``), ``station`` (``"NET.STA"``), ``start``, ``end`` (UTC;
        of the first sample and after the last), ``sampling_rate`` (Hz; that of most samples),
        ``files``, ``pieces`` (counts).
        """
        import pandas as pd

        most = {}
        for trace, rate, samples in self._store.rates():
            most[trace] = max(most.get(trace, (0, 0.0)), (samples, rate))
        rows = [
            (trace, station_of(trace), start, end, most[trace][1], files, pieces)
            for trace, start, end, files, pieces in self._store.summary()
        ]
        columns = ["trace", "station", "start", "end", "sampling_rate", "files", "pieces"]
        return _with_times(pd.DataFrame(rows, columns=columns))

    @property
    def stations(self):
        """List of ``"NET.STA"``, sorted."""
        return sorted({station_of(trace) for trace in self._store.traces()})

    def span(self, stations=None, *, channels=None):
        """Return the times of the first sample and after the last one.

        Parameters
        ----------
        stations, channels : str or list of str, optional
            Codes or patterns; see :meth:`read`.

        Returns
        -------
        start, end : pandas.Timestamp
            UTC.

        Raises
        ------
        ValueError
            If there are no such traces.
        """
        import pandas as pd

        wanted = set(self._wanted(stations, channels))
        rows = [row for row in self._store.summary() if row[0] in wanted]
        if not rows:
            raise ValueError(
                f"the index {self.path} has no traces of stations={stations}, "
                f"channels={channels}; it has {self.stations[:10]}"
            )
        ends = (min(row[1] for row in rows), max(row[2] for row in rows))
        return tuple(pd.Timestamp(ns, tz="UTC") for ns in ends)

    def read(self, start, end, *, stations=None, channels=None, report=None):
        """Read a window, and no more bytes of the files than it needs.

        Of miniSEED only the records of the window are read. Files of other formats are read
        whole, and those read last are kept for the windows that follow (up to 256 MiB). Pieces
        come as they are, not merged. Windows that touch share no sample and miss none: a sample
        belongs to the window in which it lies once it is moved, by at most half a sample, to a
        grid through the window's start. Files of the window that changed since :meth:`update`
        are looked at again; what is new is not seen before it.

        Parameters
        ----------
        start, end : str, datetime, pandas.Timestamp, obspy.UTCDateTime or int
            UTC; an int is nanoseconds since 1970.
        stations : str or list of str, optional
            ``"NET.STA"`` or ``"STA"``, with ``*`` and ``?`` as patterns.
        channels : str or list of str, optional
            ``"CHA"``, ``"LOC.CHA"`` or the whole identifier, also as patterns.
        report : ReadReport, optional
            Takes what was found. Without it a warning says that something could not be read.

        Returns
        -------
        stream : obspy.Stream
            Sorted by identifier and time; empty if nothing was recorded.

        Raises
        ------
        ValueError
            If `start` or `end` is no time, or `end` is before `start`.
        """
        start_ns, end_ns = _window(start, end)
        return self._read(start_ns, end_ns, self._wanted(stations, channels), report)

    def _read(self, start_ns, end_ns, wanted, report):
        """Read a window of traces, as :meth:`IndexStore.traces` gives them."""
        from obspy import Stream

        by_file = {}
        for name, (number, longest) in wanted.items():
            for file, piece in self._store.pieces(number, name, start_ns, end_ns, longest):
                by_file.setdefault(file, []).append(piece)
        traces, rows = [], []
        for file, pieces in sorted(by_file.items()):
            found, findings = read_pieces(
                self.archive, file, pieces, start_ns, end_ns, self._whole
            )
            for trace in found:
                trace.stats.source_file = file[0]
            traces += found
            rows += [(file[0], finding) for finding in findings]
        tell(rows, report)
        return Stream(sorted(traces, key=lambda t: (t.id, t.stats.starttime.ns)))

    def gaps(self, start=None, end=None, *, stations=None, channels=None):
        """List where traces were not recorded.

        Parameters
        ----------
        start, end : time, optional
            As :meth:`read` takes them. Default: the span of the traces that are asked for.
        stations, channels : str or list of str, optional
            Codes or patterns; see :meth:`read`.

        Returns
        -------
        gaps : DataFrame
            ``trace``, ``start``, ``end`` (UTC), ``duration`` (s).
        """
        import pandas as pd

        rows = []
        for name, gaps, _ in self._gaps(start, end, stations, channels):
            rows += [(name, first, last, (last - first) / 1e9) for first, last in gaps]
        return _with_times(pd.DataFrame(rows, columns=["trace", "start", "end", "duration"]))

    def availability(self, start=None, end=None, *, stations=None, channels=None):
        """Say how much of a span each trace has.

        Parameters
        ----------
        start, end : time, optional
            As :meth:`read` takes them. Default: the span of the traces that are asked for.
        stations, channels : str or list of str, optional
            Codes or patterns; see :meth:`read`.

        Returns
        -------
        availability : DataFrame
            ``trace``, ``station``, ``share`` (0 to 1), ``recorded`` (s), ``gaps`` (count, also
            before the first and after the last sample), ``longest_gap`` (s).
        """
        import pandas as pd

        rows = []
        for name, gaps, length in self._gaps(start, end, stations, channels):
            missing = [(last - first) / 1e9 for first, last in gaps]
            recorded = length / 1e9 - sum(missing)
            share = recorded / (length / 1e9)
            longest = max(missing, default=0.0)
            rows.append((name, station_of(name), share, recorded, len(gaps), longest))
        columns = ["trace", "station", "share", "recorded", "gaps", "longest_gap"]
        return pd.DataFrame(rows, columns=columns)

    @property
    def report(self):
        """ReadReport of all files and traces, and of what was found while they were indexed."""
        report = ReadReport()
        for path, format, size, status, reason in self._store.file_rows():
            report.add_file(path, format=format, size=size, status=status, reason=reason)
        for path, trace, start, end, rate, samples in self._store.piece_rows():
            report.add_trace(
                path, trace, start_ns=start, end_ns=end, sampling_rate=rate, samples=samples
            )
        for path, finding in self._store.findings():
            add_finding(report, path, finding)
        return report

    def _wanted(self, stations, channels):
        """Traces that are asked for: identifier to (row number, longest piece)."""
        stations = check_patterns(stations, "stations")
        channels = check_patterns(channels, "channels")
        known = self._store.traces()
        if stations is None and channels is None:
            return known
        return {name: row for name, row in known.items() if matches(name, stations, channels)}

    def _gaps(self, start, end, stations, channels):
        """Yield (trace, gaps in ns, length of the span in ns)."""
        wanted = self._wanted(stations, channels)
        if not wanted:
            return
        ends = self.span(stations, channels=channels) if start is None or end is None else ()
        start_ns, end_ns = _window(
            ends[0] if start is None else start, ends[1] if end is None else end
        )
        for name, (number, longest) in wanted.items():
            spans = self._store.spans(number, start_ns, end_ns, longest)
            yield name, _between(spans, start_ns, end_ns), end_ns - start_ns

    def __repr__(self):
        if not self._store.exists:
            return f"ArchiveIndex of {self.archive}: not built, call update()"
        traces, n_files = self._store.traces(), len(self._store.files())
        text = f"ArchiveIndex: {_count(len(traces), 'trace')} of "
        text += f"{_count(len(self.stations), 'station')}, {_count(n_files, 'file')}"
        if not self._store.summary():
            return text
        return text + ", {:%Y-%m-%dT%H:%M:%S} to {:%Y-%m-%dT%H:%M:%S}".format(*self.span())


def station_of(trace):
    """``"NET.STA"`` of a SEED identifier; without a network the station alone."""
    network, station = trace.split(".")[:2]
    return f"{network}.{station}" if network else station


def _spread(root, batches, n_jobs):
    """Entries of batches of files, from whatever joblib is told to use."""
    alone = []
    calls = ((root, batch) for batch in batches)
    for number, entries in spread(_look_at_all, calls, n_jobs=n_jobs, give_up="yield"):
        if isinstance(entries, LostWorkerError):
            alone += batches[number]
        else:
            yield entries
    # One of a batch is the reason, and the others shall not go with it.
    calls = ((root, [path]) for path in alone)
    for number, entries in spread(_look_at_all, calls, n_jobs=n_jobs, give_up="yield"):
        if isinstance(entries, LostWorkerError):
            entries = [not_looked_at(root, alone[number], "processes died while they read it")]
        yield entries


def _look_at_all(root, paths):
    entries = [look_at(root, path) for path in paths]
    return [entry for entry in entries if entry is not None]


def _default_path(archive):
    """In the archive if it is there or can be, else in the user's cache."""
    inside = archive / INDEX_NAME
    if inside.exists() or os.access(archive, os.W_OK):
        return inside
    import pooch

    digest = hashlib.sha256(os.fsencode(archive.resolve())).hexdigest()[:16]
    return Path(pooch.os_cache("seisclf")) / "indexes" / f"{digest}.sqlite"


def _between(spans, start_ns, end_ns):
    """Gaps (first, last) between pieces (rate, start, end) that are sorted by start."""
    gaps, at = [], start_ns
    for rate, first, last in spans:
        if first - at > 0.5e9 / rate:
            gaps.append((at, first))
        at = max(at, last)
    if end_ns > at and (not spans or end_ns - at > 0.5e9 / spans[-1][0]):
        gaps.append((at, end_ns))
    return gaps


def _window(start, end):
    start_ns, end_ns = time_ns(start, "start"), time_ns(end, "end")
    if end_ns < start_ns:
        raise ValueError(f"end={end} is before start={start}")
    return start_ns, end_ns


def _with_times(table):
    import pandas as pd

    for column in ("start", "end"):
        ns = table[column].to_numpy(dtype=np.int64)
        table[column] = pd.to_datetime(ns, utc=True, unit="ns").astype("datetime64[ns, UTC]")
    return table


def _count(n, word):
    return f"{n} {word}" if n == 1 else f"{n} {word}s"
