"""File names made of what data say: station codes, classes, event names."""

import hashlib
import unicodedata

_LONGEST = 80  # characters; with a folder and an ending this fits every file system
_PLAIN = frozenset("._-+")
# Devices under Windows, with any ending.
_RESERVED = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(10))]
)


def safe_name(text):
    """Make a file name of any text, one that stays in its folder on every system.

    Letters, digits and ``._-+`` stay as they are; anything else becomes ``_``, and then, so that
    different texts keep different names, eight digits of their sum are added. A name never begins
    with a dot or a dash, is never a device of Windows, and has at most 80 characters.

    Parameters
    ----------
    text : str
        From a file, such as a station code or a class; other types are taken as their text.

    Returns
    -------
    name : str
        For one file or folder; never empty.

    Examples
    --------
    >>> from seisclf.utils import safe_name
    >>> safe_name("XX.LH01.00.HHZ")
    'XX.LH01.00.HHZ'
    >>> safe_name("../../etc/passwd")
    'etc_passwd-3754d6cb'
    """
    given = str(text)
    name = unicodedata.normalize("NFC", given)
    name = "".join(c if c.isalnum() or c in _PLAIN else "_" for c in name)
    name = name.lstrip("._-").rstrip("._-")[:_LONGEST]
    if name and name == given and name.partition(".")[0].lower() not in _RESERVED:
        return name
    digest = hashlib.sha256(given.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{name[: _LONGEST - 9] or 'name'}-{digest}"
