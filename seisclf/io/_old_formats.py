"""AH, SEISAN and Q: told from their bytes, and looked through before ObsPy reads them.

ObsPy's readers of these are plain Python, so that broken files are errors. What they would pass
over in silence is looked for here.
"""

import struct

_AH1_LENGTHS = {0: 6, 12: 6, 24: 8, 700: 80, 784: 202}  # of its texts, and where these stand
_AH1_EXTRAS = 992
_AH_BYTES = {1: 4, 6: 8}
_SEISAN_LINE = 80


def is_ah(head, size):
    """Whether a file of the format AH, version 1 or 2, begins so."""
    (first, length) = struct.unpack_from(">iI", head)
    if first == 1100:
        return 8 + length <= size
    return all(struct.unpack_from(">i", head, at)[0] == n for at, n in _AH1_LENGTHS.items())


def ah_fault(content):
    """Why AH must not be decoded; empty if nothing speaks against it.

    ObsPy leaves a last trace that is cut off out without a word.

    Examples
    --------
    >>> from seisclf.io._old_formats import ah_fault
    >>> ah_fault(bytes([0, 0, 4, 76, 0, 0, 0, 9]) + bytes(8))
    'byte 0: the trace is cut off'
    """
    at = 0
    while at < len(content):
        try:
            end = _ah_end(content, at)
        except struct.error:
            end = len(content) + 1
        if end is None:
            return f"byte {at}: no trace of real numbers"
        if end > len(content):
            return f"byte {at}: the trace is cut off"
        at = end
    return ""


def _ah_end(content, at):
    first, length = struct.unpack_from(">iI", content, at)
    if first == 1100:
        return at + 8 + length
    if first != 6:
        return None
    kind, n_samples = struct.unpack_from(">iI", content, at + 656)
    (extras,) = struct.unpack_from(">I", content, at + _AH1_EXTRAS)
    if kind not in _AH_BYTES:
        return None
    return at + _AH1_EXTRAS + 4 + 4 * extras + _AH_BYTES[kind] * n_samples


def is_seisan(head, size):
    """Whether a SEISAN file of any compiler begins so: lines of 80, with marks around each."""
    if size < 12 * _SEISAN_LINE:
        return False
    if head[:2] == b"KP":
        begin, marks = 2, head[82:83] == b"P"
    else:
        begin, marks = _seisan_marks(head)
    line = head[begin : begin + _SEISAN_LINE]
    return marks and line.isascii() and int(line[30:33]) > 0


def _seisan_marks(head):
    """Where the first line begins, and whether there is a mark before and after it."""
    for order in ("big", "little"):
        for n_bytes in (8, 4):
            mark = _SEISAN_LINE.to_bytes(n_bytes, order)
            end = n_bytes + _SEISAN_LINE
            if head[:n_bytes] == mark and head[end : end + n_bytes] == mark:
                return n_bytes, True
    return 0, False


def is_q(head, size):
    """Whether the header of a Q file of SeismicHandler begins so."""
    return head.startswith(b"43981") and head[5:7].strip().isdigit()
