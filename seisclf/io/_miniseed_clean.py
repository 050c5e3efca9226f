"""Files of one channel whose records follow one another: their headers are looked at all at once.

Most files are like this, and need none of what broken ones do. Whatever is not exactly so is left
to the general way, which gives the same for these.
"""

from typing import NamedTuple

import numpy as np

from ._libmseed import decode_records, decode_run
from ._miniseed_checks import data_room
from ._miniseed_headers import (
    _ALLOWED,
    _HEADER,
    _TIME_CORRECTED,
    MIN_LENGTH,
    _is_date,
    _rate,
    _stated_length,
)
from ._miniseed_pieces import allowed_error

_BLOCK = 1024  # records
_LOOK = 80  # bytes of each record: header, two blockettes, the first words of compressed samples
_HEAD = np.dtype(
    [*((name, _HEADER[name]) for name in _HEADER.names), ("blockettes", "V16"), ("words", "V16")]
)
_KINDS = ([1000], [1000, 1001], [1001, 1000])
_STEIM = (10, 11)
_SLOWEST, _FASTEST = 1e-6, 1e7  # Hz


class Layout(NamedTuple):
    """How headers lie in the records of a clean file.

    `order` of their bytes is "big" or "little"; samples begin at byte `begin`, blockette 1000 at
    `main`, and blockette 1001 at `micro`, 0 if there is none.
    """

    order: str
    begin: int
    main: int
    micro: int

    def same(self):
        """Bytes that are the same in all records, as a mask."""
        mask = np.zeros(_LOOK, dtype=np.uint8)
        for first, last in ((6, 20), (32, 36), (44, 52), (self.main, self.main + 7)):
            mask[first:last] = 255  # quality and codes; rate; where things begin; blockettes
        if self.micro:
            mask[56:60] = 255
        return mask


class CleanRecords:
    """Headers of the records of one channel, one after another without gap, overlap or fault.

    Parameters
    ----------
    data : ndarray of uint8 of shape (n_records, length)
        The file.
    layout : Layout
        How headers lie.
    """

    def __init__(self, data, layout):
        self.data, self.layout, self.begin = data, layout, layout.begin
        self.encoding = int(data[0, layout.main + 4])
        self.rate = 0.0
        self._samples, self._start_ns, self._last_words = [], [], []

    def add(self, head):
        """Take the headers of the records that follow (n, 80)."""
        layout = self.layout
        header = head.view(_HEAD if layout.order == "big" else _HEAD.newbyteorder("<"))[:, 0]
        if not self._samples:
            first = header[:1]
            factor, multiplier = first["factor"].astype(float), first["multiplier"].astype(float)
            self.rate = float(_rate(factor, multiplier)[0])
        self._samples.append(header["samples"].astype(np.int64))
        start_ns = _times(header)
        if layout.micro:
            micros = head[:, layout.micro + 5].view(np.int8)
            start_ns += micros.astype(np.int64) * 1000
        self._start_ns.append(start_ns)
        at = self.begin + 8
        if at + 4 <= _LOOK:
            self._last_words.append(np.ascontiguousarray(head[:, at : at + 4]))

    def join(self):
        """All that were added as one."""
        self.samples = np.concatenate(self._samples)
        self.start_ns = np.concatenate(self._start_ns)
        self.before = np.concatenate([[0], np.cumsum(self.samples)])
        self.last_words = np.concatenate(self._last_words) if self._last_words else None

    @property
    def ends_ns(self):
        """Time after the last sample of each record."""
        return self.start_ns + np.rint(self.samples / self.rate * 1e9).astype(np.int64)

    def follow(self):
        """Whether each record begins where the one before ends, but for rounding."""
        if not _SLOWEST <= self.rate <= _FASTEST or not self.samples.all():
            return False
        length = self.data.shape[1]
        room = data_room(length - self.begin, self.encoding)
        if room is None or self.samples.max() > room:
            return False
        late = (self.start_ns - self.start_ns[0]) * (self.rate / 1e9) - self.before[:-1]
        in_order = (self.start_ns[1:] > self.start_ns[:-1]).all()
        return bool(in_order and (np.abs(late) <= allowed_error(self.rate)).all())

    def between(self, start_ns, end_ns):
        """First and last-plus-one record that overlap [start_ns, end_ns)."""
        first, last = 0, len(self.samples)
        if start_ns is not None:
            first = int(np.searchsorted(self.ends_ns, start_ns, side="right"))
        if end_ns is not None:
            last = int(np.searchsorted(self.start_ns, end_ns, side="left"))
        return first, last

    def decode(self, first, last, headonly):
        """Traces of records; one, if they are what their headers say."""
        content = self.data[first:last].reshape(-1).view(np.int8)
        if headonly:
            return decode_records(content, headonly=True)
        return decode_run(content, self.data.shape[1], self.samples[first:last])

    def fits(self, trace, first, last, headonly):
        """Whether a decoded trace is what the headers of its records say."""
        n_samples = int(self.before[last] - self.before[first])
        if trace.stats.npts != n_samples or trace.stats.sampling_rate != self.rate:
            return False
        if headonly or self.encoding not in _STEIM:
            return True
        if self.last_words is None:
            return False
        # Compressed records end with a known value; where most do not, their writer never does.
        ends = trace.data[self.before[first + 1 : last + 1] - self.before[first] - 1]
        words = self.last_words[first:last]
        bad = (words.view(">i4")[:, 0] != ends) & (words.view("<i4")[:, 0] != ends)
        n_bad = np.count_nonzero(bad)
        return n_bad == 0 or 2 * n_bad > len(bad)


def clean_records(content):
    """Look whether a file is clean.

    Parameters
    ----------
    content : bytes
        All of it, or a stretch of whole records.

    Returns
    -------
    records : CleanRecords or None
        None if anything is not as it is in most files.
    """
    length = _stated_length(content[:256]) if len(content) >= MIN_LENGTH else 0
    if length < MIN_LENGTH or len(content) % length:
        return None
    data = np.frombuffer(content, dtype=np.uint8).reshape(-1, length)
    layout = _layout(content)
    if layout is None:
        return None
    first, same = data[0, :_LOOK], layout.same()
    records = CleanRecords(data, layout)
    # One copy of what lies far apart; everything else then looks at bytes that are at hand.
    for begin in range(0, len(data), _BLOCK):
        head = np.ascontiguousarray(data[begin : begin + _BLOCK, :_LOOK])
        if ((head ^ first) & same).any() or not _headers_are_sound(head, layout.order):
            return None
        records.add(head)
    records.join()
    return records if records.follow() else None


def _layout(content):
    """Layout of the first record, if it has a blockette 1000 and perhaps a 1001; else None."""
    order = "big" if _dated(content, "big") else "little"
    begin, blockette, kind, following = (
        int.from_bytes(content[at : at + 2], order) for at in (44, 46, 48, 50)
    )
    kinds = [kind]
    if following == 56:
        second, following = (int.from_bytes(content[at : at + 2], order) for at in (56, 58))
        kinds.append(second)
    if blockette != 48 or following or kinds not in _KINDS or begin < 48 + 8 * len(kinds):
        return None
    if not all(byte == 0 or 32 <= byte < 127 for byte in content[8:20]):
        return None
    main = 48 + 8 * kinds.index(1000)
    return Layout(order, begin, main, 104 - main if len(kinds) == 2 else 0)


def _dated(content, order):
    year, day = (int.from_bytes(content[at : at + 2], order) for at in (20, 22))
    return _is_date(year, day)


def _headers_are_sound(head, order):
    """Whether what differs from record to record has values that it can have."""
    if not (_ALLOWED[6, head[0, 6]] and _ALLOWED[7, head[0, 7]]):
        return False
    number, time = head[:, :6], head[:, 24:27]
    digits = (number >= 48) & (number <= 57)
    if not digits.all() and not (digits | (number == 32) | (number == 0)).all():
        return False
    if (time > np.array([23, 59, 60], dtype=np.uint8)).any():
        return False
    dates = np.ascontiguousarray(head[:, 20:24])
    big, little = dates.view(">u2"), dates.view("<u2")
    if order == "big":
        good = _is_date(big[:, 0], big[:, 1])
    else:
        good = _is_date(little[:, 0], little[:, 1]) & ~_is_date(big[:, 0], big[:, 1])
    return bool(good.all())


def _times(header):
    """UTC nanoseconds since 1970 of each first sample."""
    year, day, hour, minute, second, fraction, correction = (
        header[name].astype(np.int64)
        for name in ("year", "day", "hour", "minute", "second", "fraction", "correction")
    )
    if (header["activity"] & _TIME_CORRECTED).any():
        correction[(header["activity"] & _TIME_CORRECTED) > 0] = 0
    days = (year - 1970).astype("M8[Y]").astype("M8[D]").astype(np.int64) + day - 1
    seconds = ((days * 24 + hour) * 60 + minute) * 60 + second
    return seconds * 1_000_000_000 + (fraction + correction) * 100_000
