"""Headers of miniSEED 2 records, read by NumPy for a whole file at once, without its samples."""

from dataclasses import dataclass, field

import numpy as np

RECORD_DTYPE = np.dtype(
    [
        ("offset", "i8"),  # bytes from the begin of the file
        ("length", "i4"),  # bytes
        ("code", "S12"),  # station (5), location (2), channel (3), network (2)
        ("quality", "S1"),
        ("start_ns", "i8"),
        ("rate", "f8"),
        ("samples", "i4"),
        ("encoding", "i2"),
    ]
)
MIN_LENGTH, MAX_LENGTH = 128, 2**20
_HEADER = np.dtype(
    [
        ("number", "S6"),
        ("quality", "S1"),
        ("reserved", "S1"),
        ("code", "S12"),
        ("year", ">u2"),
        ("day", ">u2"),
        ("hour", "u1"),
        ("minute", "u1"),
        ("second", "u1"),
        ("unused", "u1"),
        ("fraction", ">u2"),
        ("samples", ">u2"),
        ("factor", ">i2"),
        ("multiplier", ">i2"),
        ("activity", "u1"),
        ("io", "u1"),
        ("data_quality", "u1"),
        ("n_blockettes", "u1"),
        ("correction", ">i4"),
        ("data_begin", ">u2"),
        ("blockette_begin", ">u2"),
    ]
)


def _allowed():
    """For the first bytes of a header, which values they may have (27, 256)."""
    allowed = np.zeros((27, 256), dtype=bool)
    allowed[:6, list(b"0123456789 \0")] = True
    allowed[6, list(b"DRQM")] = True
    allowed[7, list(b" \0")] = True
    allowed[24, :24] = allowed[25, :60] = allowed[26, :61] = True
    return allowed


_ALLOWED = _allowed()
_CHECKED = np.flatnonzero(_ALLOWED.any(axis=1)).tolist()
_BLOCK = 32 * 2**20
_SEARCH = 2**20
_RECORDS = (16, 4096)  # looked at in one go, least and most
_MAX_BLOCKETTES = 16
_TIME_CORRECTED = 0x02


@dataclass
class RecordScan:
    """Records of a file in its order, and the stretches of bytes that hold none.

    Parameters
    ----------
    records : ndarray of RECORD_DTYPE of shape (n_records,)
        What the headers say; times in UTC nanoseconds since 1970, rates in Hz, times and rates
        with their corrections in blockettes 100 and 1001.
    bad : list of (int, int, str)
        Offset, bytes and reason: ``"no record"`` or ``"incomplete record"``.
    size : int
        Bytes that were looked at.
    reasons : ndarray of shape (n_records,)
        What `check` said of each record; zero without one.
    """

    records: np.ndarray
    bad: list = field(default_factory=list)
    size: int = 0
    reasons: np.ndarray | None = None


def scan_file(path, *, size=None, start=0, check=None):
    """Read the headers of all records of a file.

    Parameters
    ----------
    path : path
        A miniSEED file; control headers of a full SEED volume are passed over.
    size : int, optional
        Only so many bytes, for a file that is being written.
    start : int, default=0
        Byte to begin at.
    check : callable, optional
        Called with bytes (as an array), where in them each record begins, and the records; what
        it returns for each record is kept.

    Returns
    -------
    scan : RecordScan
    """
    records, bad, reasons, rest, position = [], [], [], b"", start
    with open(path, "rb") as file:
        file.seek(start)
        while True:
            wanted = _BLOCK if size is None else min(_BLOCK, size - position - len(rest))
            block = file.read(wanted) if wanted > 0 else b""
            final = len(block) < _BLOCK
            content = rest + block
            found, wrong, used = parse_records(content, base=position, final=final)
            records.append(found)
            bad += wrong
            said = np.zeros(len(found), dtype=np.int8)
            if check is not None and len(found):
                data = np.frombuffer(content, dtype=np.uint8)
                said = check(data, found["offset"] - position, found)
            reasons.append(said)
            rest = content[used:]
            position += used
            if final:
                return RecordScan(
                    np.concatenate(records),
                    _joined(bad),
                    position + len(rest),
                    np.concatenate(reasons),
                )


def parse_records(buffer, *, base=0, final=True):
    """Read the headers of the records in a buffer.

    Bytes that are no record are passed over up to the next header, so that one corrupt record
    loses only itself.

    Parameters
    ----------
    buffer : bytes-like
        Records one after another.
    base : int, default=0
        Offset of the buffer in its file, added to the offsets.
    final : bool, default=True
        Whether the file ends here. If not, a record that is cut off is left for the next buffer.

    Returns
    -------
    records : ndarray of RECORD_DTYPE
    bad : list of (int, int, str)
        Offset, bytes and reason of what is no record.
    used : int
        Bytes that are dealt with; the next buffer begins with the others.
    """
    data = np.frombuffer(buffer, dtype=np.uint8)
    runs, bad, at, length, n_block = [], [], 0, 0, _RECORDS[1]
    while len(data) - at >= MIN_LENGTH:
        length = _record_length(data, at, length)
        if not length:
            following = _next_header(data, at + 1)
            if not _is_control(data[at : at + 8]):
                bad.append((base + at, following - at, "no record"))
            at = following
            continue
        if at + length > len(data):
            break
        run, n_records = _run(data, at, length, n_block)
        # Where lengths or breaks take turns, long looks ahead would be for nothing.
        n_block = min(_RECORDS[1], max(_RECORDS[0], 2 * n_records))
        run["offset"] += base
        runs.append(run)
        at += n_records * length
    rest = len(data) - at
    if final and rest:
        reason = "incomplete record" if _headers_at(data, at) else "no record"
        if data[at:].any():
            bad.append((base + at, rest, reason))
        at = len(data)
    records = np.concatenate(runs) if runs else np.zeros(0, dtype=RECORD_DTYPE)
    return records, _joined(bad), at


def trace_ids(codes):
    """Return the SEED identifier ``"NET.STA.LOC.CHA"`` of each code of a record."""
    names, which = np.unique(codes, return_inverse=True)
    ids = []
    for name in names.tolist():
        text = name.ljust(12).decode("ascii", "replace").replace("\0", " ")
        parts = (text[10:12], text[:5], text[5:7], text[7:10])
        # A dot inside a code would make two of it.
        ids.append(".".join(part.strip().replace(".", "_") for part in parts))
    return np.array(ids, dtype=object)[which]


def _run(data, at, length, n_block):
    """Records of one length, one after another, from `at`: as many as there are."""
    most = (len(data) - at) // length
    parts, n_records = [], 0
    while n_records < most:
        n = min(n_block, most - n_records)
        first = at + n_records * length
        block = data[first : first + n * length].reshape(n, length)
        good = _are_headers(block)
        records, own = _parse(block)
        good &= (own == length) | (own == 0)
        # The caller has looked at the first one, and may know its length better.
        good[0] |= n_records == 0
        n_good = n if good.all() else int(good.argmin())
        records["offset"] = first + length * np.arange(n)
        records["length"] = length
        parts.append(records[:n_good])
        n_records += n_good
        if n_good < n:
            break
        n_block = min(_RECORDS[1], 4 * n_block)
    return np.concatenate(parts), n_records


def _parse(block):
    """Records of a block (n, length) without their offsets, and the lengths they state."""
    header = np.ascontiguousarray(block[:, : _HEADER.itemsize]).view(_HEADER)[:, 0]
    little = ~_is_date(header["year"], header["day"])
    if little.any():
        header = _swapped(header, little)
    names = ("year", "day", "hour", "minute", "second", "fraction", "correction")
    year, day, hour, minute, second, fraction, correction = (
        header[name].astype(np.int64) for name in names
    )
    days = (year - 1970).astype("M8[Y]").astype("M8[D]").astype(np.int64) + day - 1
    seconds = ((days * 24 + hour) * 60 + minute) * 60 + second
    correction[(header["activity"] & _TIME_CORRECTED) > 0] = 0
    start_ns = seconds * 1_000_000_000 + (fraction + correction) * 100_000
    records = np.zeros(len(block), dtype=RECORD_DTYPE)
    for name in ("code", "quality", "samples"):
        records[name] = header[name]
    records["rate"] = _rate(header["factor"].astype(float), header["multiplier"].astype(float))
    records["encoding"] = -1
    records["start_ns"] = start_ns
    own = _blockettes(block, header["blockette_begin"].astype(np.int64), little, records)
    return records, own


def _blockettes(block, at, little, records):
    """Follow the chains of blockettes: length and encoding, microseconds, true rate."""
    n, length = block.shape
    own = np.zeros(n, dtype=np.int64)
    rows = np.flatnonzero((at >= 48) & (at <= length - 8))
    at = at[rows]
    for _ in range(_MAX_BLOCKETTES):
        if not len(rows):
            break
        kind = _u2(block, rows, at, little)
        main, micro, rate = rows[kind == 1000], rows[kind == 1001], rows[kind == 100]
        where = at[kind == 1000]
        exponent = block[main, where + 6]
        fits = (exponent >= 7) & (exponent <= 20)
        own[main] = np.where(fits, 1 << np.minimum(exponent, 20).astype(np.int64), 0)
        records["encoding"][main] = block[main, where + 4]
        micros = block[micro, at[kind == 1001] + 5].astype(np.int8).astype(np.int64)
        records["start_ns"][micro] += micros * 1000
        if len(rate):
            raw = block[rate[:, np.newaxis], at[kind == 100][:, np.newaxis] + np.arange(4, 8)]
            big = np.ascontiguousarray(raw).view(">f4")[:, 0].astype(float)
            small = np.ascontiguousarray(raw).view("<f4")[:, 0].astype(float)
            true = np.where(little[rate], small, big)
            usable = np.isfinite(true) & (true > 0)
            records["rate"][rate[usable]] = true[usable]
        following = _u2(block, rows, at + 2, little)
        goes_on = (following > at) & (following <= length - 8)
        rows, at = rows[goes_on], following[goes_on]
    return own


def _u2(block, rows, at, little):
    high, low = block[rows, at].astype(np.int64), block[rows, at + 1].astype(np.int64)
    value = high * 256 + low
    if little.any():
        value = np.where(little[rows], low * 256 + high, value)
    return value


def _swapped(header, little):
    """Numbers of the little-endian rows the other way round."""
    header = header.copy()
    for name in _HEADER.names:
        if _HEADER[name].kind in "iu" and _HEADER[name].itemsize > 1:
            header[name][little] = header[name][little].byteswap()
    return header


def _rate(factor, multiplier):
    with np.errstate(divide="ignore", invalid="ignore"):
        # In the order of libmseed, so that no bit differs.
        rate = np.where(factor > 0, factor, -1.0 / factor)
        rate = np.where(multiplier > 0, rate * multiplier, -rate / multiplier)
    return np.where((factor == 0) | (multiplier == 0) | ~np.isfinite(rate), 0.0, rate)


def _is_date(year, day):
    return (year >= 1900) & (year <= 2100) & (day >= 1) & (day <= 366)


def _are_headers(block):
    """Whether each row (n, >= 48) begins as a data record does."""
    good = np.ones(len(block), dtype=bool)
    for column in _CHECKED:
        good &= _ALLOWED[column][block[:, column]]
    date = np.ascontiguousarray(block[:, 20:24])
    big, little = date.view(">u2"), date.view("<u2")
    return good & (_is_date(big[:, 0], big[:, 1]) | _is_date(little[:, 0], little[:, 1]))


def _headers_at(data, at):
    """Whether a data record begins at a byte: `_are_headers` for one, without arrays."""
    head = data[at : at + 48].tobytes()
    if len(head) < 48 or not all(_ALLOWED[i, head[i]] for i in _CHECKED):
        return False
    year, day = head[20:22], head[22:24]
    return any(
        _is_date(int.from_bytes(year, order), int.from_bytes(day, order))
        for order in ("big", "little")
    )


def _stated_length(head):
    """Length that the blockettes of one record state; 0 if none does."""
    big = _is_date(int.from_bytes(head[20:22], "big"), int.from_bytes(head[22:24], "big"))
    order = "big" if big else "little"
    at = int.from_bytes(head[46:48], order)
    for _ in range(_MAX_BLOCKETTES):
        if not 48 <= at <= len(head) - 8:
            return 0
        if int.from_bytes(head[at : at + 2], order) == 1000:
            exponent = head[at + 6]
            return 1 << exponent if 7 <= exponent <= 20 else 0
        following = int.from_bytes(head[at + 2 : at + 4], order)
        if following <= at:
            return 0
        at = following
    return 0


def _is_control(first):
    """Whether a control header of a SEED volume begins so."""
    return bytes(first[6:7]) in (b"V", b"A", b"S", b"T") and bytes(first[:6]).isdigit()


def _record_length(data, at, previous):
    """Length of the record at a byte; 0 if there is none."""
    if not _headers_at(data, at):
        return 0
    own = _stated_length(data[at : at + 4096].tobytes())
    if own and (own == previous or at + own == len(data) or _headers_at(data, at + own)):
        return own
    # The length is missing or wrong: the next record says where this one ends.
    if previous and (at + previous == len(data) or _headers_at(data, at + previous)):
        return previous
    if own:
        return own
    for exponent in range(7, 21):
        end = at + (1 << exponent)
        if end == len(data) or _headers_at(data, end):
            return 1 << exponent
    return 0


def _next_header(data, at):
    """First byte from `at` where a record begins; the end if none does."""
    while len(data) - at >= 48:
        window = data[at : at + _SEARCH + 48]
        marks = _ALLOWED[6][window[6:-41]] & _ALLOWED[7][window[7:-40]]
        for begin in np.flatnonzero(marks):
            if _headers_at(window, begin):
                return at + int(begin)
        at += len(window) - 47
    return len(data)


def _joined(bad):
    """Stretches that touch as one."""
    joined = []
    for offset, length, reason in bad:
        if joined and joined[-1][2] == reason and sum(joined[-1][:2]) == offset:
            joined[-1] = (joined[-1][0], joined[-1][1] + length, reason)
        else:
            joined.append((offset, length, reason))
    return joined
