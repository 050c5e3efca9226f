"""Records of miniSEED 2 decoded by ObsPy's libmseed, by several threads at a time."""

import ctypes
import threading
from functools import lru_cache

import numpy as np

from ._quiet import obspy_quiet

_told = threading.local()
_ONE_AT_A_TIME = threading.Lock()
_MOST_BYTES = 2**31 - 2**20  # of one call


class DecodeError(ValueError):
    """What libmseed says of records that it cannot decode."""


def decode_records(content, *, headonly=False):
    """Decode whole records of miniSEED 2, one after another.

    ObsPy's own function sets up what libmseed tells anew for each call, so that only one can be
    under way. Where the library is not as it is known here, that function is used, call after
    call.

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
    return _Call(library, content, headonly).stream()


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
        # These live as long as the library: a thread that has just been told of an error may
        # still be calling them.
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

    def __init__(self, library, content, headonly):
        self.library, self.content, self.headonly = library, content, headonly
        self.arrays = []

    def stream(self):
        from obspy import Stream

        raw = self.library.raw
        allocate = self.library.allocator(self._allocate)
        _told.errors = []
        # Others may have put their own in place.
        raw.setupLogging(self.library.error, self.library.message)
        unpack = ctypes.c_int8(not self.headonly)
        quiet, plain = ctypes.c_int8(0), ctypes.c_int8(0)
        found = raw.readMSEEDBuffer(
            self.content, len(self.content), None, unpack, -1, quiet, plain, -1, allocate
        )
        try:
            errors, _told.errors = _told.errors, None
            if errors:
                raise DecodeError("; ".join(errors[:3]))
            return Stream(self._traces(found))
        finally:
            raw.lil_free(found)

    def _allocate(self, n_samples, kind):
        # Where nothing can be decoded libmseed names no kind.
        array = np.empty(0) if kind == b"\0" else np.empty(n_samples, self.library.types[kind])
        self.arrays.append(array)
        return array.ctypes.data

    def _traces(self, channel):
        arrays, traces = iter(self.arrays), []
        while channel:
            segment = channel.contents.firstSegment
            while segment:
                data = np.array([]) if self.headonly else next(arrays)
                traces.append(self._trace(channel.contents, segment.contents, data))
                segment = segment.contents.next
            channel = channel.contents.next
        return traces

    def _trace(self, channel, segment, data):
        from obspy import Trace, UTCDateTime

        names = ("network", "station", "location", "channel")
        header = {name: _text(getattr(channel, name)) for name in names}
        header["sampling_rate"] = segment.samprate
        header["starttime"] = UTCDateTime(ns=segment.starttime * 1000)
        header["npts"] = segment.samplecnt if self.headonly else len(data)
        header["mseed"] = {
            "dataquality": _text(channel.dataquality),
            "number_of_records": segment.recordcnt,
            "encoding": self.library.encodings[segment.encoding],
            "byteorder": ">" if segment.byteorder else "<",
            "record_length": segment.reclen,
            "filesize": len(self.content),
        }
        return Trace(data, header)


def _text(code):
    return code.strip().decode("ascii", "ignore")
