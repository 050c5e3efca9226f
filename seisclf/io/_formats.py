"""Which format a file has, by our own look at its bytes: only these are handed to ObsPy."""

import struct

import numpy as np

from ._miniseed_headers import parse_records
from ._old_formats import is_ah, is_q, is_seisan
from ._win import is_win

# Formats that ObsPy is asked to read, and how many bytes are looked at to know them.
FORMATS = (
    "MSEED", "SAC", "SACXY", "SEG2", "GSE1", "GSE2", "SLIST", "TSPAIR", "SH_ASC", "SEGY", "SU",
    "REFTEK130", "GCF", "Y", "KNET", "AH", "SEISAN", "Q", "WIN",
)  # fmt: skip
HEAD = 65_536
COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2"}
_NOT_WAVEFORMS = (
    (b"PK\x03\x04", "a zip archive; unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive; unpack it first"),
    (b"\xfd7zXZ", "compressed with xz; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd; unpack it first"),
    (b"MS\x03", "miniSEED 3, which ObsPy does not read; convert it to miniSEED 2"),
    (b"\x89HDF", "HDF5"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"%PDF", "a PDF document"),
    (b"PAR1", "a Parquet table"),
    (b"\x7fELF", "a program"),
)
_PACKETS = {b"AD", b"CD", b"DS", b"DT", b"EH", b"ET", b"FD", b"OM", b"SC", b"SH"}
_SEGY_BYTES = {1: 4, 2: 4, 3: 2, 5: 4, 8: 1}


def detect_format(head, size):
    """Tell the format of a file.

    Parameters
    ----------
    head : bytes
        The first 64 KiB, or all of it.
    size : int
        Bytes of the file.

    Returns
    -------
    format : str or None
        One of ``FORMATS``, ``"gzip"`` or ``"bzip2"``; None if it is none of them.
    reason : str
        What the file is instead, as far as it can be told.

    Examples
    --------
    >>> from seisclf.io._formats import detect_format
    >>> detect_format(b"TIMESERIES BW_RJOB__EHZ_D, 10 samples, 100 sps, SLIST", 60)
    ('SLIST', '')
    >>> detect_format(b"Battery changed.", 16)
    (None, 'text')
    """
    if not size:
        return None, "empty"
    for magic, name in COMPRESSED.items():
        if head.startswith(magic):
            return name, ""
    for magic, reason in _NOT_WAVEFORMS:
        if head.startswith(magic):
            return None, reason
    if head[257:262] == b"ustar":
        return None, "a tar archive; unpack it first"
    for format, test in _TESTS:
        try:
            if test(head, size):
                return format, ""
        except (struct.error, ValueError, IndexError, OverflowError):
            continue  # too short, or no numbers where numbers should be
    if head[:1] == b"\x80" and head[1:2] in (b"\2", b"\3", b"\4", b"\5"):
        return None, "a pickle, which may hold code and is never read"
    # The first records may be corrupt.
    if _has_record(head, size):
        return "MSEED", ""
    return None, _text(head) or "no format that is known"


def _text(head):
    """What kind of text it is; empty if it is none."""
    part = head[:4096]
    if any(byte < 9 or 13 < byte < 32 for byte in part):
        return ""
    start = part.lstrip(b" \t\r\n\xef\xbb\xbf")
    return {b"<": "XML or HTML", b"{": "JSON"}.get(start[:1], "text")


def _is_miniseed(head, size):
    number, quality = head[:6].strip(b" \0"), head[6:8]
    if (number and not number.isdigit()) or quality[0] not in b"DRQM" or quality[1] not in b" \0":
        return False
    hour, minute, second = head[24:27]
    years = struct.unpack_from(">2H", head, 20), struct.unpack_from("<2H", head, 20)
    dates = any(1900 <= year <= 2100 and 1 <= day <= 366 for year, day in years)
    return dates and hour <= 23 and minute <= 59 and second <= 60


def _has_record(head, size):
    """Whether a record, perhaps one that is cut off, begins somewhere."""
    if len(head) < 48:
        return False
    records, bad, _ = parse_records(head, final=size <= len(head))
    return len(records) > 0 or any(reason == "incomplete record" for *_, reason in bad)


def _is_sac(head, size):
    if size < 632:
        return False
    for order in "<>":
        (version,) = struct.unpack_from(order + "i", head, 304)
        (delta,) = struct.unpack_from(order + "f", head, 0)
        n_samples, kind = struct.unpack_from(order + "i", head, 316)[0], head[340:344]
        if 1 <= version <= 20 and delta > 0 and np.isfinite(delta):
            (kind,) = struct.unpack(order + "i", kind)
            logical = struct.unpack_from(order + "5i", head, 420)
            fits = all(value in (0, 1, -12345) for value in logical)
            # A file that is shorter than it says is told as such when it is read.
            return fits and n_samples >= 0 and (kind == -12345 or 1 <= kind <= 100)
    return False


def _is_sac_text(head, size):
    lines = head.split(b"\n", 31)[:30]
    if len(lines) < 30 or any(len(line.split()) < 5 for line in lines[:14]):
        return False
    for line in lines[:14]:
        [float(word) for word in line.split()[:5]]
    for line in lines[14:22]:
        [int(word) for word in line.split()[:5]]
    n_samples = int(lines[15].split()[-1])
    # A sample takes two bytes at least.
    return 0 <= n_samples <= size // 2


def _is_seg2(head, size):
    return head[:4] in (b"\x55\x3a\x01\x00", b"\x3a\x55\x00\x01") and size >= 32


def _is_segy(head, size):
    if size < 3840:
        return False
    for order in "><":
        interval, n_samples, code = (
            struct.unpack_from(order + "H", head, at)[0] for at in (3216, 3220, 3224)
        )
        revision, fixed, extended = struct.unpack_from(order + "3h", head, 3500)
        if code not in _SEGY_BYTES or not interval or not n_samples:
            continue
        if revision not in (0, 0x0100, 0x0010, 0x0001) or fixed < 0 or not 0 <= extended < 1000:
            continue
        trace = 240 + n_samples * _SEGY_BYTES[code]
        begins = head[0] in (0xC3, ord("C"))  # "C 1 CLIENT" in EBCDIC or ASCII
        return begins or (size - 3600 - 3200 * extended) % trace == 0
    return False


def _is_su(head, size):
    for order in "<>":
        n_samples, interval = struct.unpack_from(order + "2H", head, 114)
        trace = 240 + 4 * n_samples
        if not n_samples or not interval or size % trace:
            continue
        year, day, hour, minute, second = struct.unpack_from(order + "5h", head, 156)
        if not (0 <= year <= 2100 and 0 <= day <= 366 and 0 <= hour <= 24):
            continue
        if not (0 <= minute <= 60 and 0 <= second <= 60):
            continue
        (number,) = struct.unpack_from(order + "i", head, 0)
        if not (year and day) and number != 1:
            continue
        if size > trace and len(head) >= trace + 118:
            return head[trace + 114 : trace + 118] == head[114:118]
        return True
    return False


def _is_reftek(head, size):
    if size < 1024 or size % 1024:
        return False
    return all(head[at : at + 2] in _PACKETS for at in range(0, min(len(head), 20 * 1024), 1024))


def _is_gcf(head, size):
    if size < 1024 or size % 1024:
        return False
    for at in range(0, min(len(head), 8 * 1024), 1024):
        system, stream, date = struct.unpack_from(">3I", head, at)
        rate, packing, n_records = head[at + 13], head[at + 14] & 0x07, head[at + 15]
        if not (system and stream) or (date & 0x1FFFF) >= 86_402 or n_records > 250:
            return False
        # Status blocks have no rate.
        if packing not in (1, 2, 4) or (rate and not n_records):
            return False
    return True


def _is_y(head, size):
    return head[:1] in (b"I", b"M") and head[1] == 31 and head[2:4] == b"\0\0" and size >= 16


def _begins(*words):
    return lambda head, size: head.startswith(words)


def _is_series(kind):
    return lambda head, size: (
        head.startswith(b"TIMESERIES") and kind in head.split(b"\n", 1)[0][:200]
    )


# Those with a name at their beginning come first, those that are weak last.
_TESTS = (
    ("SLIST", _is_series(b"SLIST")),
    ("TSPAIR", _is_series(b"TSPAIR")),
    ("GSE2", _begins(b"WID2")),
    ("GSE1", _begins(b"WID1", b"XW01")),
    ("SH_ASC", _begins(b"DELTA:")),
    ("KNET", _begins(b"Origin Time")),
    ("SEG2", _is_seg2),
    ("Y", _is_y),
    ("Q", is_q),
    ("AH", is_ah),
    ("SEISAN", is_seisan),
    ("MSEED", _is_miniseed),
    ("SAC", _is_sac),
    ("REFTEK130", _is_reftek),
    ("SACXY", _is_sac_text),
    ("SEGY", _is_segy),
    ("GCF", _is_gcf),
    ("SU", _is_su),
    ("WIN", is_win),
)
