"""Whether miniSEED records can be what their headers say, all of a file at once."""

import numpy as np

from ._miniseed_headers import trace_ids

# Most samples in so many bytes of data, by encoding; of the Steim ones in a frame of 64 bytes.
_PER_FRAME = {10: 60, 11: 105, -1: 105}
_BYTES = {0: 1, 1: 2, 2: 3, 3: 4, 4: 4, 5: 8, 12: 3, 13: 2, 14: 2, 16: 2, 30: 2, 32: 2, 33: 2}
REASONS = (
    "",
    "the code is not text",
    "its data begin outside it",
    "its encoding is not known",
    "more samples than fit into it",
    "its time does not fit those of its neighbours",
)


def unsound_records(data, at, begin, records):
    """Number of the reason why the header of a record cannot be right, 0 for most."""
    reasons = np.zeros(len(records), dtype=np.int8)
    if not len(records):
        return reasons
    head = data[at[:, np.newaxis] + np.arange(8, 20)]
    text = ((head >= 32) & (head < 127)) | (head == 0)
    strange = ~text.all(axis=1)
    # Some digitizers write codes that are no text in all their records.
    if strange.sum() < len(records) / 2:
        reasons[strange] = 1
    space = records["length"].astype(np.int64) - begin
    samples, encoding = records["samples"].astype(np.int64), records["encoding"]
    holds = samples > 0
    outside = holds & ((begin < 48) | (space <= 0))
    room = np.full(len(records), -1, dtype=np.int64)
    for code in (*_PER_FRAME, *_BYTES):
        own = encoding == code
        if own.any():
            room[own] = data_room(space[own], code)
    reasons[holds & (samples > room) & (room >= 0)] = 4
    reasons[holds & (room < 0) & (space > 0)] = 3
    reasons[outside] = 2
    return reasons


def data_room(space, encoding):
    """Most samples that so many bytes can hold; None if the encoding is not known."""
    if encoding in _PER_FRAME:
        return -(-space // 64) * _PER_FRAME[encoding]
    return space // _BYTES[encoding] if encoding in _BYTES else None


def check_times(records, ends, reasons):
    """Find records that claim another time than the one that their neighbours leave for them.

    They are given that time, so that a report can say what is lost.
    """
    rows = np.flatnonzero(reasons == 0)
    if len(rows) < 3:
        return
    for _, mine in by_channel(records[rows]):
        own = rows[mine]
        begin, end, rate = records["start_ns"][own], ends[own], records["rate"][own]
        half = np.divide(5e8, rate, out=np.full(len(own), np.inf), where=rate > 0)
        left = begin[2:] - end[:-2]  # for the record between
        fits = np.abs(left - (end - begin)[1:-1]) <= half[1:-1]
        elsewhere = np.abs(begin[1:-1] - end[:-2]) > np.maximum(4 * half[1:-1], 10**9)
        wrong = np.flatnonzero(fits & elsewhere)
        reasons[own[wrong + 1]] = 5
        records["start_ns"][own[wrong + 1]], ends[own[wrong + 1]] = end[wrong], begin[wrong + 2]


def data_begins(data, at):
    """Byte of each record where its data begin, whatever the order of its bytes."""
    raw = data[at[:, np.newaxis] + np.array([20, 21, 22, 23, 44, 45])].astype(np.int64)
    year, day = raw[:, 0] * 256 + raw[:, 1], raw[:, 2] * 256 + raw[:, 3]
    big = (year >= 1900) & (year <= 2100) & (day >= 1) & (day <= 366)
    return np.where(big, raw[:, 4] * 256 + raw[:, 5], raw[:, 5] * 256 + raw[:, 4])


def end_times(records):
    """Time after the last sample of each record; where there is no rate, of the first."""
    rate = records["rate"]
    seconds = np.divide(records["samples"], rate, out=np.zeros(len(rate)), where=rate > 0)
    # Rates are whatever the headers say; times must stay within 64 bits.
    return records["start_ns"] + np.rint(seconds.clip(0, 1e9) * 1e9).astype(np.int64)


def by_channel(records):
    """Identifier and quality of each channel, and which records it has."""
    codes, qualities = records["code"], records["quality"]
    if (codes == codes[0]).all() and (qualities == qualities[0]).all():
        return [(_key(codes[0], qualities[0]), np.arange(len(records)))]
    # Codes may differ in blanks only.
    keys, which = np.unique(np.char.add(codes, qualities), return_inverse=True)
    channels = {}
    for k, name in enumerate(keys.tolist()):
        channels.setdefault(_key(name[:-1], name[-1:]), []).append(k)
    return [(key, np.flatnonzero(np.isin(which, own))) for key, own in channels.items()]


def _key(code, quality):
    return str(trace_ids(np.array([code]))[0]), bytes(quality).decode("ascii", "replace") or "D"
