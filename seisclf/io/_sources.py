"""Where waveforms of a time span come from: streams, files, archives, clients."""

from glob import glob, has_magic
from pathlib import Path

import numpy as np

from ._report import Report


def open_source(waveforms, report=None):
    """Make one kind of source of everything that holds waveforms.

    Parameters
    ----------
    waveforms : obspy.Stream, path, glob pattern, list of paths, or client
        A stream; a file, a folder (searched to any depth) or a pattern; or an object with
        ``get_waveforms`` such as `obspy.clients.filesystem.sds.Client` or an FDSN client.
    report : Report, optional
        Takes the files that cannot be read.

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
        return _FileSource(_files(waveforms), report)
    if isinstance(waveforms, list | tuple) and all(isinstance(w, str | Path) for w in waveforms):
        files = [file for path in waveforms for file in _files(path)]
        return _FileSource(files, report)
    raise TypeError(
        f"waveforms must be an obspy.Stream, a path or pattern, a list of paths, or a client "
        f"with get_waveforms; got {type(waveforms).__name__}"
    )


def _files(path):
    text = str(path)
    if has_magic(text):
        found = [Path(name) for name in glob(text, recursive=True)]
    elif Path(text).is_dir():
        found = Path(text).rglob("*")
    else:
        found = [Path(text)]
        if not found[0].exists():
            raise FileNotFoundError(f"waveforms: {text} does not exist")
    files = sorted(file for file in found if file.is_file() and not file.name.startswith("."))
    if not files:
        raise FileNotFoundError(f"waveforms: no files match {text}")
    return files


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

    def __init__(self, files, report):
        from obspy import read

        entries, formats = [], {}
        for file in files:
            try:
                headers = read(str(file), headonly=True)
            except Exception as error:
                # Readers raise what they like; one bad file must not hide the others.
                report.add("all", file.name, f"cannot be read: {_short(error)}", "file left out")
                continue
            # Spares ObsPy from trying all its formats a second time.
            formats[file] = headers[0].stats.get("_format") if headers else None
            entries += [
                (file, t.stats.network, t.stats.station, t.stats.starttime.ns, t.stats.endtime.ns)
                for t in headers
            ]
        if not entries:
            raise FileNotFoundError(
                f"waveforms: none of {len(files)} files can be read by ObsPy (first: {files[0]})"
            )
        self.report = report
        self.entries = entries
        self.formats = formats
        self.spans = np.array([entry[3:] for entry in entries], dtype=np.int64)

    def get(self, start_ns, end_ns, station=None):
        from obspy import Stream, read

        hit = np.flatnonzero((self.spans[:, 0] < end_ns) & (self.spans[:, 1] >= start_ns))
        wanted = [i for i in hit if station is None or _matches(station, *self.entries[i][1:3])]
        start, end = _utc(start_ns, end_ns)
        stream = Stream()
        for file in dict.fromkeys(self.entries[i][0] for i in wanted):
            try:
                part = read(str(file), self.formats[file], starttime=start, endtime=end)
            except Exception as error:
                self.report.add("all", file.name, f"cannot be read: {_short(error)}", "left out")
                continue
            stream.extend([t for t in part if _is_station(t.stats, station)])
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


def _short(error):
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:120]}" if text else type(error).__name__
