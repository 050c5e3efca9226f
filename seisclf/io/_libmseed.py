"""Records of miniSEED 2 decoded by ObsPy's libmseed, without what ObsPy does around it."""

import ctypes
import threading
from functools import lru_cache

import numpy as np

from ._quiet import obspy_quiet

_told = threading.local()
# libmseed writes what it tells into one buffer of the process: two calls at once would lose each
# other's errors. A call takes milliseconds, and threads do all else meanwhile.
_ONE_AT_A_TIME = threading.Lock()
_MOST_BYTES = 2**31 - 2**20  # of one call
_RUN_BYTES = 2**20  # of records that are known to be one trace
_IDENTITY = ("network", "station", "location", "channel", "sampling_rate")


class DecodeError(ValueError):
    """What libmseed says of records that it cannot decode."""


def decode_records(content, *, headonly=False):
    """Decode whole records of miniSEED 2, one after another.

    Where the library is not as it is known here, ObsPy's own function is used.

    Parameters
    ----------
    content : ndarray of int8 of shape (n_bytes,)
        Records that have been looked at: nothing else is safe to be given to libmseed.
    headonly : bool, default=False
        Traces without samples.

    Returns
    -------
    stream : obspy.Stream
        Records that follow one another are one trace.

    Raises
    ------
    DecodeError, Exception
        If a record cannot be decoded.
    """
    library = _library()
    if library is None or len(content) > _MOST_BYTES:
        from obspy.io.mseed.core import _read_mseed

        with _ONE_AT_A_TIME, obspy_quiet():
            return _read_mseed(content, headonly=headonly)
    from obspy import Stream, Trace

    return Stream([Trace(data, header) for header, data in _Call(library, content).run(headonly)])


def decode_run(content, length, samples):
    """Decode records that are one trace, some of them at a time, into one array.

    libmseed takes five times the memory of what it is given, and that is slower than decoding.

    Parameters
    ----------
    content : ndarray of int8 of shape (n_records * length,)
        Records that have been looked at.
    length : int
        Bytes of each.
    samples : ndarray of int of shape (n_records,)
        Their counts of samples.

    Returns
    -------
    stream : obspy.Stream
        As :func:`decode_records` gives it.

    Raises
    ------
    DecodeError, Exception
        If a record cannot be decoded, or they are not one trace.
    """
    library, step = _library(), max(1, _RUN_BYTES // length)
    if library is None or len(samples) <= step:
        return decode_records(content)
    from obspy import Stream, Trace

    whole, header = _Whole(int(samples.sum())), None
    for first in range(0, len(samples), step):
        part = content[first * length : (first + step) * length]
        before = whole.at
        found = _Call(library, part, whole).run(headonly=False)
        expected = int(samples[first : first + step].sum())
        if len(found) != 1 or whole.at - before != expected or not whole.fits:
            raise DecodeError("the records are not one trace")
        own = found[0][0]
        if header is None:
            header = own
        elif any(header[name] != own[name] for name in _IDENTITY):
            raise DecodeError("the records are not one trace")
        else:
            header["mseed"]["number_of_records"] += own["mseed"]["number_of_records"]
    header["npts"] = whole.at
    header["mseed"]["filesize"] = len(content)
    return Stream([Trace(whole.array, header)])


class _Whole:
    """One array for the samples of several calls."""

    def __init__(self, n_samples):
        self.n_samples, self.at, self.fits, self.array = n_samples, 0, True, None

    def take(self, n_samples, dtype):
        """The next part of it, or another array where there is none such."""
        if self.array is None:
            self.array = np.empty(self.n_samples, dtype)
        part = self.array[self.at : self.at + n_samples]
        if len(part) < n_samples or part.dtype != np.dtype(dtype):
            self.fits = False
            return np.empty(n_samples, dtype)
        self.at += n_samples
        return part


class _Library:
    """Functions of the shared library, and what they call."""

    def __init__(self):
        from obspy.io.mseed.headers import DATATYPES, ENCODINGS, clibmseed

        self.raw = clibmseed.lib
        *arguments, self.allocator = self.raw.readMSEEDBuffer.argtypes
        if len(arguments) != 8:
            raise AttributeError("another function than the one that is known here")
        self.types = dict(DATATYPES)
        self.encodings = {number: entry[0] for number, entry in ENCODINGS.items()}
        # These live as long as the library, which keeps them until others take their place.
        kind = ctypes.CFUNCTYPE(None, ctypes.c_char_p)
        self.error, self.message = kind(_note), kind(_ignore)


@lru_cache(maxsize=1)
def _library():
    """The library; None if ObsPy's is not as it is known here."""
    try:
        return _Library()
    except (ImportError, AttributeError, TypeError, ValueError):
        return None


def _note(message):
    errors = getattr(_told, "errors", None)
    if errors is not None and message.startswith(b"ERROR: "):
        errors.append(message[7:].decode("ascii", "replace").strip())


def _ignore(message):
    """Messages that are no errors."""


class _Call:
    """One call of the library: arrays that it has asked for, and what came of it."""

    def __init__(self, library, content, whole=None):
        self.library, self.content, self.whole = library, content, whole
        self.arrays = []

    def run(self, headonly):
        """Headers and samples of the traces."""
        raw = self.library.raw
        allocate = self.library.allocator(self._allocate)
        unpack = ctypes.c_int8(not headonly)
        quiet, plain = ctypes.c_int8(0), ctypes.c_int8(0)
        with _ONE_AT_A_TIME:
            _told.errors = []
            # Others may have put their own in place.
            raw.setupLogging(self.library.error, self.library.message)
            found = raw.readMSEEDBuffer(
                self.content, len(self.content), None, unpack, -1, quiet, plain, -1, allocate
            )
            errors, _told.errors = _told.errors, None
        try:
            if errors:
                raise DecodeError("; ".join(errors[:3]))
            return self._traces(found, headonly)
        finally:
            raw.lil_free(found)

    def _allocate(self, n_samples, kind):
        # Where nothing can be decoded libmseed names no kind.
        if kind == b"\0":
            array = np.empty(0)
        elif self.whole is not None:
            array = self.whole.take(n_samples, self.library.types[kind])
        else:
            array = np.empty(n_samples, self.library.types[kind])
        self.arrays.append(array)
        return array.ctypes.data

    def _traces(self, channel, headonly):
        arrays, traces = iter(self.arrays), []
        while channel:
            segment = channel.contents.firstSegment
            while segment:
                data = np.array([]) if headonly else next(arrays)
                header = self._header(channel.contents, segment.contents)
                header["npts"] = segment.contents.samplecnt if headonly else len(data)
                traces.append((header, data))
                segment = segment.contents.next
            channel = channel.contents.next
        return traces

    def _header(self, channel, segment):
        from obspy import UTCDateTime

        names = ("network", "station", "location", "channel")
        header = {name: _text(getattr(channel, name)) for name in names}
        header["sampling_rate"] = segment.samprate
        header["starttime"] = UTCDateTime(ns=segment.starttime * 1000)
        header["mseed"] = {
            "dataquality": _text(channel.dataquality),
            "number_of_records": segment.recordcnt,
            "encoding": self.library.encodings[segment.encoding],
            "byteorder": ">" if segment.byteorder else "<",
            "record_length": segment.reclen,
            "filesize": len(self.content),
        }
        return header


def _text(code):
    return code.strip().decode("ascii", "ignore")
