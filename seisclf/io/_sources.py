"""Where waveforms of a time span come from: streams, files, archives, clients."""

from pathlib import Path

import numpy as np

from ._files import list_files
from ._read_file import read_waveform_file
from ._read_report import ReadReport
from ._report import Report


def open_source(waveforms, report=None, limits=None):
    """Make one kind of source of everything that holds waveforms.

    Parameters
    ----------
    waveforms : obspy.Stream, path, glob pattern, list of paths, or client
        A stream; a file, a folder (searched to any depth) or a pattern; or an object with
        ``get_waveforms`` such as `obspy.clients.filesystem.sds.Client` or an FDSN client.
    report : Report, optional
        Takes the files that cannot be read.
    limits : Limits, optional
        Sizes above which a file is refused.

    Returns
    -------
    source : object
        With ``get(start_ns, end_ns, station=None)`` that returns an `obspy.Stream` of the
        traces that overlap the span.

    Raises
    ------
    FileNotFoundError
        If there are no such files, or none can be read.
    TypeError
        If `waveforms` is none of these.
    """
    from obspy import Stream, Trace

    report = Report() if report is None else report
    if isinstance(waveforms, Trace):
        waveforms = Stream([waveforms])
    if isinstance(waveforms, Stream):
        return _StreamSource(waveforms)
    if hasattr(waveforms, "get_waveforms"):
        return _ClientSource(waveforms)
    if isinstance(waveforms, str | Path):
        return _FileSource(list_files(waveforms, "waveforms"), report, limits)
    if isinstance(waveforms, list | tuple) and all(isinstance(w, str | Path) for w in waveforms):
        files = [file for path in waveforms for file in list_files(path, "waveforms")]
        return _FileSource(files, report, limits)
    raise TypeError(
        f"waveforms must be an obspy.Stream, a path or pattern, a list of paths, or a client "
        f"with get_waveforms; got {type(waveforms).__name__}"
    )


class _StreamSource:
    """Slices of a stream in memory."""

    def __init__(self, stream):
        self.stream = stream

    def get(self, start_ns, end_ns, station=None):
        from obspy import Stream

        traces = [t for t in self.stream if _is_station(t.stats, station) and t.stats.npts]
        overlapping = [t for t in traces if _overlaps(t.stats, start_ns, end_ns)]
        return Stream([t.slice(*_utc(start_ns, end_ns)) for t in overlapping])


class _ClientSource:
    """Anything with ObsPy's ``get_waveforms``."""

    def __init__(self, client):
        self.client = client

    def get(self, start_ns, end_ns, station=None):
        network, _, code = (station or "*.*").rpartition(".")
        return self.client.get_waveforms(network or "*", code, "*", "*", *_utc(start_ns, end_ns))


class _FileSource:
    """Files whose headers are read once; later only those of the span are opened."""

    def __init__(self, files, report, limits):
        self.report, self.limits, self.told = report, limits, set()
        entries = []
        for file in files:
            entries += [
                (file, t.stats.network, t.stats.station, t.stats.starttime.ns, t.stats.endtime.ns)
                for t in self._read(file, headonly=True)
            ]
        if not entries:
            raise FileNotFoundError(
                f"waveforms: none of {len(files)} files can be read (first: {files[0]})"
            )
        self.entries = entries
        self.spans = np.array([entry[3:] for entry in entries], dtype=np.int64)

    def get(self, start_ns, end_ns, station=None):
        from obspy import Stream

        hit = np.flatnonzero((self.spans[:, 0] < end_ns) & (self.spans[:, 1] >= start_ns))
        wanted = [i for i in hit if station is None or _matches(station, *self.entries[i][1:3])]
        stream = Stream()
        for file in dict.fromkeys(self.entries[i][0] for i in wanted):
            part = self._read(file, start_ns=start_ns, end_ns=end_ns)
            stream.extend([t for t in part if _is_station(t.stats, station)])
        return stream

    def _read(self, file, **options):
        """What is in a file; what is amiss in it is told once, however often it is read."""
        own = ReadReport()
        stream = read_waveform_file(file, report=own, limits=self.limits, **options)
        for row in own.findings.itertuples():
            finding = (row.trace or file.name, row.what, row.action)
            if (file, *finding) not in self.told:
                self.told.add((file, *finding))
                self.report.add("all", *finding)
        return stream


def _is_station(stats, station):
    return station is None or _matches(station, stats.network, stats.station)


def _matches(station, network, code):
    return station in (code, f"{network}.{code}")


def _overlaps(stats, start_ns, end_ns):
    return stats.starttime.ns < end_ns and stats.endtime.ns >= start_ns


def _utc(start_ns, end_ns):
    from obspy import UTCDateTime

    return UTCDateTime(ns=int(start_ns)), UTCDateTime(ns=int(end_ns))
