"""Waveforms of one file: the format by our own look at it, ObsPy to decode, never an exception."""

import bz2
import glob
import io
import os
import stat
import time
import zlib

import numpy as np

from ._formats import HEAD, detect_format
from ._grid import first_sample, sample_time
from ._gse_checks import gse_fault
from ._limits import check_limits
from ._miniseed import read_miniseed
from ._old_formats import ah_fault
from ._quiet import obspy_quiet
from ._read_report import ReadReport
from ._win import read_win

_DAY_NS = 86_400 * 10**9
_FARTHEST_NS = 2**63 - _DAY_NS
_CHUNK = 2**20
_MANY_BYTES = 2**22
# These readers of ObsPy open the file themselves.
_BY_PATH = ("Y", "SEISAN", "Q")
# Headers of these can claim any number of samples.
_CLAIMING = ("GSE1", "GSE2", "Y", "SH_ASC")


# ObsPy makes a Python number of each sample of these.
_LARGEST = {"AH": 2**27}
# What their decoders must not be given, or would pass over in silence.
_FAULTS = {"GSE1": gse_fault, "GSE2": gse_fault, "AH": ah_fault}


class _Refused(Exception):
    """A file that is not read: kind and reason."""

    def __init__(self, kind, reason):
        super().__init__(reason)
        self.kind = kind


def read_waveform_file(
    path,
    *,
    start_ns=None,
    end_ns=None,
    headonly=False,
    byte_range=None,
    report=None,
    limits=None,
):
    """Read one waveform file, whatever its state.

    The format is told from the bytes; ObsPy is then asked for just that format. Pickles, archives,
    addresses and everything else that is no waveform file is not touched. One file compressed with
    gzip or bzip2 is unpacked in memory, up to a limit. Corrupt miniSEED records are left out, and
    all others kept.

    Parameters
    ----------
    path : path
        The file.
    start_ns, end_ns : int, optional
        Only samples in [start_ns, end_ns); UTC nanoseconds since 1970.
    headonly : bool, default=False
        Traces without samples, of all times.
    byte_range : (int, int) or list of (int, int), optional
        Only these bytes of a miniSEED file: whole records from the first up to the last.
    report : ReadReport or Report, optional
        Takes what was found. A ReadReport gets a row for the file and for each of its traces.
    limits : Limits, optional
        Sizes above which the file is refused.

    Returns
    -------
    stream : obspy.Stream
        Empty if nothing can be read; the report says why. ``trace.stats.source_file`` names the
        file.
    """
    file = _File(os.fspath(path), check_limits(limits))
    return file.guarded(lambda: file.read(start_ns, end_ns, headonly, byte_range), report)


def read_waveform_bytes(content, *, name, report=None, limits=None):
    """Read the content of one waveform file, as :func:`read_waveform_file` reads a file.

    Parameters
    ----------
    content : bytes
        All of the file.
    name : str
        What to call it in the report.
    report : ReadReport or Report, optional
        Takes what was found.
    limits : Limits, optional
        Sizes above which it is refused.

    Returns
    -------
    stream : obspy.Stream
        Empty if nothing can be read; the report says why.
    """
    file = _File(name, check_limits(limits), content)
    return file.guarded(lambda: file.read(None, None, False, None), report)


class _File:
    def __init__(self, path, limits, content=None):
        self.path, self.limits, self.content = path, limits, content
        self.own = ReadReport()
        self.format, self.size, self.corrupt = "", 0, False

    def guarded(self, read, report):
        """What is read, or an empty stream and the reason in the report."""
        from obspy import Stream

        try:
            return read()
        except _Refused as refused:
            self.refuse(refused.kind, str(refused))
        except OSError as error:
            self.refuse("unreadable", error.strerror or type(error).__name__)
        except Exception as error:
            # Readers raise what they like; one bad file must not hide the others.
            reason = " ".join(str(error).split())[:160]
            name = type(error).__name__
            self.refuse("unreadable", f"{name}: {reason}" if reason else name)
        finally:
            self.tell(report)
        return Stream()

    def read(self, start_ns, end_ns, headonly, byte_range):
        parts = self._content(byte_range)
        whole = parts[0][1] if parts else b""
        if byte_range is None:
            self.format, reason = detect_format(bytes(whole[:HEAD]), len(whole))
            if self.format in ("gzip", "bzip2"):
                whole = self._unpacked(bytes(whole), self.format)
                parts = [(0, whole)]
                self.format, reason = detect_format(whole[:HEAD], len(whole))
            if self.format is None or self.format in ("gzip", "bzip2"):
                kind = "empty" if reason == "empty" else "unknown format"
                raise _Refused(kind, reason or "compressed twice")
        else:
            self.format = "MSEED"
        if self.format == "MSEED":
            stream = self._miniseed(parts, start_ns, end_ns, headonly)
        elif self.format == "WIN":
            stream = self._win(bytes(whole), headonly)
        else:
            stream = self._other(bytes(whole), headonly)
        return self._finished(stream, start_ns, end_ns, headonly)

    def _content(self, byte_range):
        """Bytes of the file, each stretch with its begin."""
        if self.content is not None:
            self.size = len(self.content)
            self._check_size()
            return [(0, bytes(self.content))]
        with open(self.path, "rb", opener=_open_regular) as file:
            self.size = os.fstat(file.fileno()).st_size
            if byte_range is None:
                self._check_size()
                return [(0, _content_of(file, self.size))]
            parts = []
            for begin, end in [byte_range] if isinstance(byte_range[0], int) else byte_range:
                file.seek(begin)
                parts.append((begin, file.read(max(0, end - begin))))
            return parts

    def _check_size(self, size=None):
        size = self.size if size is None else size
        if size > self.limits.max_file_bytes:
            limit = self.limits.max_file_bytes
            reason = f"{size} bytes are over the limit max_file_bytes={limit}"
            raise _Refused("limit", reason)

    def _unpacked(self, content, packing):
        """Uncompressed content, refused as soon as there is too much of it."""
        unpacker = zlib.decompressobj(31) if packing == "gzip" else bz2.BZ2Decompressor()
        parts, n_bytes, left = [], 0, content
        while left or not unpacker.eof:
            part = unpacker.decompress(left, _CHUNK)
            parts.append(part)
            n_bytes += len(part)
            if n_bytes > self.limits.max_file_bytes:
                limit = self.limits.max_file_bytes
                raise _Refused("limit", f"more than max_file_bytes={limit} when unpacked")
            self.limits.check_expansion(n_bytes, len(content), self.path)
            left = unpacker.unconsumed_tail if packing == "gzip" else b""
            if not part and not left and (packing == "gzip" or unpacker.needs_input):
                break  # cut off; what is there is looked at
        return b"".join(parts)

    def _miniseed(self, parts, start_ns, end_ns, headonly):
        stream, found, n_records = read_miniseed(
            parts, start_ns=start_ns, end_ns=end_ns, headonly=headonly
        )
        for row in found:
            kind = row.get("kind", "corrupt records")
            self.corrupt |= kind == "corrupt records"
            self.own.add(
                self.path, row["trace"], row["what"], row.get("action", "left out"), kind=kind,
                start_ns=row["start_ns"], end_ns=row["end_ns"], samples=row["samples"],
            )  # fmt: skip
        if not n_records:
            raise _Refused("corrupt records", "no sound record")
        return stream

    def _win(self, content, headonly):
        if 2 * len(content) > self.limits.max_samples:  # half a byte may be a sample
            self._check_claims(read_win(content, headonly=True)[0], self.limits.max_samples)
        stream, fault = read_win(content, headonly=headonly)
        if fault:
            self.corrupt = True
            self.own.add(self.path, "", fault, "left out", kind="corrupt records")
        return stream

    def _other(self, content, headonly):
        from obspy import read

        if len(content) > _LARGEST.get(self.format, len(content)):
            reason = f"files of {self.format} over {_LARGEST[self.format]} bytes are not read"
            raise _Refused("limit", f"{reason}; write it in another format")
        if self.format in _FAULTS and (fault := _FAULTS[self.format](content)):
            raise _Refused("corrupt records", fault)

        def obspy(headonly):
            source = io.BytesIO(content)
            if self.format in _BY_PATH:
                if self.content is not None or self.size != len(content):
                    raise _Refused("unknown format", f"{self.format} must be a file, unpacked")
                source = glob.escape(os.path.abspath(self.path))
            with obspy_quiet():
                return read(source, format=self.format, headonly=headonly, check_compression=False)

        if self.format in _CLAIMING:
            self._check_claims(obspy(True), self.limits.max_samples_per_byte * len(content))
        if self.format == "Q":
            heads = obspy(True)
            self._check_claims(heads, self._samples_beside())
            if heads and "BYTEORDER" not in heads[0].stats.sh:
                # ObsPy would take that of this machine.
                raise _Refused("unreadable", "it does not say in what order the bytes are")
        return obspy(headonly)

    def _check_claims(self, heads, most):
        counts = [trace.stats.npts for trace in heads]
        if min(counts, default=0) < 0 or sum(counts) > most:
            reason = f"{sum(counts)} samples claimed, {most} are possible"
            raise _Refused("limit", reason)

    def _samples_beside(self):
        """Samples in the file beside a Q header, where ObsPy looks for them."""
        path = os.path.splitext(self.path)[0] + ".QBN"
        try:
            found = os.stat(path)
        except OSError:
            raise _Refused("unreadable", f"its samples are not there: {path}") from None
        if not stat.S_ISREG(found.st_mode):
            raise _Refused("unreadable", f"its samples are no regular file: {path}")
        self._check_size(found.st_size)
        return found.st_size // 4

    def _finished(self, stream, start_ns, end_ns, headonly):
        """Check traces, cut them to the window, and give each its row."""
        from obspy import Stream

        limits = self.limits
        n_samples = sum(trace.stats.npts for trace in stream)
        if len(stream) > limits.max_traces:
            reason = f"{len(stream)} traces are over the limit max_traces={limits.max_traces}"
            raise _Refused("limit", reason)
        if n_samples > limits.max_samples and not headonly:
            reason = f"{n_samples} samples are over the limit max_samples={limits.max_samples}"
            raise _Refused("limit", reason)
        kept, by_id = [], {}
        for trace in stream:
            if trace.id.count(".") != 3:
                self._without_dots(trace)
            if not trace.stats.npts:
                self.own.add(self.path, trace.id, "no samples", "left out", kind="empty")
                continue
            if not _has_time(trace.stats):
                what = f"the time {trace.stats.starttime} cannot be held in nanoseconds"
                self.own.add(self.path, trace.id, what, "left out", kind="time")
                continue
            if not headonly:
                trace = _cut(trace, start_ns, end_ns)
            if trace is not None:
                trace.stats.source_file = self.path
                kept.append(trace)
                by_id.setdefault(trace.id, []).append(trace)
        for id, traces in by_id.items():
            self._row(id, traces)
        if not kept and start_ns is None and end_ns is None:
            raise _Refused("empty", "no samples")
        status = "partly" if self.corrupt else "read"
        reason = "corrupt records left out" if self.corrupt else ""
        reason = reason if kept else "nothing in the time that was asked for"
        self._file_row(status, reason)
        return Stream(kept)

    def _without_dots(self, trace):
        """Codes in which there is no dot, which would make two of one."""
        given = trace.id
        for name in ("network", "station", "location", "channel"):
            trace.stats[name] = str(trace.stats[name]).replace(".", "_")
        self.own.add(self.path, trace.id, f"called {given!r}", "dots replaced", kind="component")

    def _row(self, id, traces):
        stats = [trace.stats for trace in traces]
        starts = [own.starttime.ns for own in stats]
        rates = [own.sampling_rate for own in stats]
        ends = [_end_ns(own) for own in stats]
        n_samples = [own.npts for own in stats]
        self.own.add_trace(
            self.path, id, start_ns=min(starts), end_ns=max(ends),
            sampling_rate=rates[n_samples.index(max(n_samples))], samples=sum(n_samples),
        )  # fmt: skip
        if min(starts) < _DAY_NS:
            what = f"the time is {traces[0].stats.starttime}: the header has none"
        elif max(ends) > time.time_ns() + _DAY_NS:
            what = "the time lies in the future"
        else:
            return
        self.own.add(
            self.path, id, what, "kept", kind="time", start_ns=min(starts), end_ns=max(ends)
        )

    def refuse(self, kind, reason):
        self.own.add(self.path, "", reason, "file left out", kind=kind)
        self._file_row("skipped", reason)

    def _file_row(self, status, reason):
        self.own.add_file(
            self.path, format=self.format, size=self.size, status=status, reason=reason
        )

    def tell(self, report):
        if isinstance(report, ReadReport):
            report.extend(self.own)
        elif report is not None:
            name = os.path.basename(self.path)
            for row in self.own.findings.itertuples():
                report.add("all", row.trace or name, row.what, row.action)


def _content_of(file, size):
    """Bytes of a file, or a view of them where there are many."""
    if size < _MANY_BYTES:
        return file.read()
    # NumPy asks the system for large pages, which takes a fifth of the time.
    content = np.empty(size, dtype=np.uint8)
    return memoryview(content)[: file.readinto(content)]


def _open_regular(path, flags):
    """Open a file, but no pipe or device, which would never end."""
    file = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise _Refused("unreadable", "not a regular file")
    return file


def _end_ns(stats):
    """Time after the last sample; of impossible rates, that of the first."""
    rate, begin = stats.sampling_rate, stats.starttime.ns
    return begin + (sample_time(stats.npts, rate) if 0 < rate < 1e9 else 0)


def _has_time(stats):
    """Whether all of a trace lies where 64 bits hold nanoseconds: from 1677 to 2262."""
    return stats.starttime.ns > -_FARTHEST_NS and _end_ns(stats) < _FARTHEST_NS


def _cut(trace, start_ns, end_ns):
    """The samples of a trace in [start_ns, end_ns); None if there are none."""
    stats = trace.stats
    rate, begin = stats.sampling_rate, stats.starttime.ns
    if (start_ns is None and end_ns is None) or not 0 < rate < 1e9:
        return trace
    first = 0 if start_ns is None else max(first_sample(start_ns - begin, rate), 0)
    last = stats.npts if end_ns is None else min(first_sample(end_ns - begin, rate), stats.npts)
    if last <= first:
        return None
    if first or last < stats.npts:
        from obspy import UTCDateTime

        trace.data = trace.data[first:last]
        stats.starttime = UTCDateTime(ns=begin + sample_time(first, rate))
    return trace
