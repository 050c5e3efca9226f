"""WIN (DATAMARK) of Japanese networks: seconds of differences of each channel, one after another.

ObsPy's reader takes ten microseconds for each sample, and joins whatever seconds there are, also
where some are missing. This one takes a twentieth of it, and a missing second is a gap.
"""

import struct
from datetime import UTC, datetime

import numpy as np

# Bytes of a difference; 0 stands for half a byte.
_WIDTHS = (0, 1, 2, 3, 4)
_CENTURY = 2000  # files have two digits of the year
_SECOND = 10**9


def is_win(head, size):
    """Whether a WIN file begins so.

    Parameters
    ----------
    head : bytes
        Its first 64 KiB, or all of it.
    size : int
        Bytes of the file.

    Returns
    -------
    is_win : bool
    """
    _, blocks, end = _second(head, 0)
    if not blocks or end > size:
        return False
    return end + 10 > len(head) or _time_ns(head, end + 4) is not None


def read_win(content, *, headonly=False):
    """Decode a WIN file.

    Parameters
    ----------
    content : bytes
        All of it.
    headonly : bool, default=False
        Traces without samples.

    Returns
    -------
    stream : obspy.Stream
        A trace for each stretch of seconds of a channel, whose code is its number in hexadecimal
        digits, as ObsPy has it.
    fault : str
        Why the rest of the file is left out; empty if there is none.
    """
    from obspy import Stream

    runs, at, fault = {}, 0, ""
    while at < len(content) and not fault:
        time_ns, blocks, end = _second(content, at)
        if not blocks or end > len(content):
            fault = f"byte {at}: no whole second of samples, {len(content) - at} bytes are left"
            break
        for number, width, rate, begin in blocks:
            own = runs.setdefault(number, [])
            if not own or not own[-1].goes_on(time_ns, rate):
                own.append(_Run(number, rate, time_ns))
            own[-1].add(content, begin, width, headonly)
        at = end
    return Stream([run.trace(headonly) for own in runs.values() for run in own]), fault


class _Run:
    """Seconds of a channel without a gap."""

    def __init__(self, number, rate, start_ns):
        self.number, self.rate, self.start_ns = number, rate, start_ns
        self.n_seconds, self.parts = 0, []

    def goes_on(self, time_ns, rate):
        return rate == self.rate and time_ns == self.start_ns + self.n_seconds * _SECOND

    def add(self, content, begin, width, headonly):
        self.n_seconds += 1
        if not headonly:
            self.parts.append(_samples(content, begin, width, self.rate))

    def trace(self, headonly):
        from obspy import Trace, UTCDateTime

        header = {"channel": self.number.hex(), "sampling_rate": float(self.rate)}
        header["starttime"] = UTCDateTime(ns=self.start_ns)
        if headonly:
            return Trace(header=header | {"npts": self.rate * self.n_seconds})
        return Trace(np.concatenate(self.parts), header)


def _second(content, at):
    """Time of a second, blocks (channel, width, rate, byte of samples), and where it ends.

    Blocks are None if it is not one. Where its end is not there any more, they are those that
    are.
    """
    time_ns = _time_ns(content, at + 4)
    if time_ns is None:
        return None, None, 0
    end = at + struct.unpack_from(">i", content, at)[0]
    blocks, numbers, at = [], set(), at + 10
    while at < end and at + 8 <= len(content):
        number = content[at : at + 2]
        width, rate = content[at + 2] >> 4, (content[at + 2] & 15) << 8 | content[at + 3]
        if width not in _WIDTHS or not rate or number in numbers:
            return time_ns, None, end
        numbers.add(number)
        blocks.append((number, width, rate, at + 4))
        at += 8 + (width * (rate - 1) if width else rate // 2)
    return time_ns, (blocks if at == end or at > len(content) - 8 else None), end


def _time_ns(content, at):
    """Nanoseconds since 1970 of a time, a byte for two decimal digits; None if it is none."""
    try:
        year, *rest = (int(f"{byte:x}") for byte in content[at : at + 6])
        return int(datetime(_CENTURY + year, *rest, tzinfo=UTC).timestamp()) * _SECOND
    except (ValueError, TypeError):
        return None


def _samples(content, begin, width, rate):
    """Samples of a second: the first one, and differences."""
    first = np.frombuffer(content, dtype=">i4", count=1, offset=begin)
    begin += 4
    if width == 0:
        pairs = np.frombuffer(content, dtype=np.int8, count=rate // 2, offset=begin)
        low = ((pairs & 15) ^ 8) - 8
        steps = np.column_stack([pairs >> 4, low]).reshape(-1)[: rate - 1]
    elif width == 3:
        triples = np.frombuffer(content, dtype=np.uint8, count=3 * (rate - 1), offset=begin)
        parts = triples.reshape(-1, 3).astype(np.int32)
        steps = (parts[:, 0] << 24 | parts[:, 1] << 16 | parts[:, 2] << 8) >> 8
    else:
        steps = np.frombuffer(content, dtype=f">i{width}", count=rate - 1, offset=begin)
    # Sums that 32 bits cannot hold are of broken files; they wrap, as other readers have it.
    return np.cumsum(np.concatenate([first, steps]), dtype=np.int64).astype(np.int32)
