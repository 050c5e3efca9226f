"""Lines of GSE1 and GSE2 data before ObsPy's decoder sees them: it trusts their length."""

import io
import re

# The decoder copies each line into 83 bytes, whatever the length of the line.
_LONGEST = 82
_END = (b"CHK1 ", b"CHK2 ")
# Headers, and where they say how samples are written. Plain integers have their own reader.
_HEADER = re.compile(rb"^WID[12][^\n]*", re.MULTILINE)
_WHERE = {b"WID1": slice(74, 78), b"WID2": slice(44, 48)}
_INTEGERS = (b"INT", b"INTV")
_ALIEN = re.compile(rb"[^\t\r\n\x20-\x7e]")


def gse_fault(content):
    """Why a GSE file must not be decoded.

    Parameters
    ----------
    content : bytes
        Of the file.

    Returns
    -------
    reason : str
        Empty if nothing speaks against it.

    Examples
    --------
    >>> from seisclf.io._gse_checks import gse_fault
    >>> gse_fault(b"WID2 2005/08/31 ...\\nDAT2\\nAl0VENl7V7kP\\nCHK2 7\\n")
    ''
    >>> gse_fault(b"WID2 2005/08/31 ...\\nDAT2\\n" + b"k" * 100 + b"\\nCHK2 7\\n")
    'line 3: 101 bytes, data lines have 80'
    """
    if all(kind in _INTEGERS for kind in map(_kind, _HEADER.findall(content))):
        return ""
    inside = data = False
    # As ObsPy reads them: only line feeds end a line. What follows a header is all copied, also
    # while the decoder still looks for where the data begins.
    for number, line in enumerate(io.BytesIO(content), 1):
        if line.startswith((b"WID1", b"WID2")):
            if inside:
                return f"line {number}: a header before the data before it has ended"
            inside, data = True, False
        elif inside and len(line) > _LONGEST:
            return f"line {number}: {len(line)} bytes, data lines have 80"
        elif inside and _ALIEN.search(line):
            return f"line {number}: bytes that are no text"
        elif data and line.startswith(_END):
            inside = data = False
        elif line.startswith((b"DAT1", b"DAT2")):
            data = True
    return ""


def _kind(header):
    return header[_WHERE[header[:4]]].strip()
