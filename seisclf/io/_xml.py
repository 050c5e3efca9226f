"""The door for XML: no document types, no entities, limits on size and depth."""

import io
import re
from pathlib import Path
from xml.parsers import expat

from ._limits import check_limits

# Names of encodings that expat and libxml2 read alike; both then get UTF-8.
_ENCODINGS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "ascii",
    "ascii": "ascii",
    "iso-8859-1": "iso-8859-1",
    "latin-1": "iso-8859-1",
    "utf-16": "utf-16",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
    "windows-1252": "cp1252",
}
_PART = 2**20
_DECLARATION = re.compile(r"^\s*<\?xml\s[^>]*?\?>")
_SECOND = re.compile("^[\\s\ufeff]*<\\?xml\\s")
_DECLARED = re.compile(rb"""^\s*<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")


def read_xml(source, *, limits=None):
    """Read XML and refuse what can do harm, before any other parser sees it.

    Document types and entities (which can grow without bound or name files and addresses),
    elements nested too deep, files over the size limit and unusual encodings are refused.

    Parameters
    ----------
    source : str, pathlib.Path, bytes or binary file
        Path, content or open file. A ``str`` is a path, never an address.
    limits : Limits, optional
        Default: those of :class:`seisclf.io.Limits`.

    Returns
    -------
    content : bytes
        The same document in UTF-8, without declaration.
    root : str
        Local name of the outermost element, such as ``"quakeml"``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no XML, or is refused.

    Examples
    --------
    >>> from seisclf.io._xml import read_xml
    >>> read_xml(b"<?xml version='1.0'?><a><b/></a>")
    (b'<a><b/></a>', 'a')
    >>> read_xml(b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>")
    Traceback (most recent call last):
        ...
    ValueError: XML: a document type (DOCTYPE) is refused: remove it; no catalogue or station ...
    """
    limits = check_limits(limits)
    content, name = _content(source, limits)
    content = _as_utf8(content, name)
    return content, _scan(content, name, limits)


def read_quakeml(source, *, limits=None):
    """Read a QuakeML catalogue through the door.

    Parameters
    ----------
    source : str, pathlib.Path, bytes or binary file
        See `read_xml`.
    limits : Limits, optional
        Default: those of :class:`seisclf.io.Limits`.

    Returns
    -------
    catalog : obspy.Catalog
        All events.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no QuakeML, is damaged or refused.
    """
    content, root = read_xml(source, limits=limits)
    if root != "quakeml":
        raise ValueError(f"{_name(source)} is no QuakeML: its outermost element is {root!r}")
    return read_catalog_bytes(content, "QUAKEML", _name(source))


def read_stationxml(source, *, limits=None, level="response"):
    """Read a StationXML inventory through the door.

    Parameters
    ----------
    source : str, pathlib.Path, bytes or binary file
        See `read_xml`.
    limits : Limits, optional
        Default: those of :class:`seisclf.io.Limits`.
    level : {"network", "station", "channel", "response"}, default="response"
        How much is read.

    Returns
    -------
    inventory : obspy.Inventory
        All networks.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no StationXML, is damaged or refused.
    """
    from obspy import read_inventory

    content, root = read_xml(source, limits=limits)
    if root != "FDSNStationXML":
        raise ValueError(f"{_name(source)} is no StationXML: its outermost element is {root!r}")
    try:
        return read_inventory(io.BytesIO(content), format="STATIONXML", level=level)
    except Exception as error:
        # ObsPy's readers raise whatever the content makes them stumble over.
        raise ValueError(
            f"{_name(source)} cannot be read as StationXML: {_short(error)}"
        ) from error


def read_catalog_bytes(content, format, name):
    """Events of a file's content by ObsPy, with the format named.

    Parameters
    ----------
    content : bytes
        Of the file.
    format : str
        Name that ObsPy has for it.
    name : str
        Of the file, for the message.

    Returns
    -------
    catalog : obspy.Catalog
        All events.

    Raises
    ------
    ValueError
        If ObsPy cannot read it, whatever its reason.
    """
    import obspy

    try:
        return obspy.read_events(io.BytesIO(content), format=format)
    except Exception as error:
        # ObsPy's readers raise whatever the content makes them stumble over.
        raise ValueError(f"{name} cannot be read as {format}: {_short(error)}") from error


def read_bytes(source, limit, limits):
    """Content of a file that is no larger than a limit.

    Parameters
    ----------
    source : str, pathlib.Path, bytes or binary file
        Path, content or open file.
    limit : str
        Name of the limit.
    limits : Limits
        Where it stands.

    Returns
    -------
    content : bytes
        Whole.
    """
    name = _name(source)
    if isinstance(source, str | Path):
        path = Path(source)
        if not path.is_file():
            raise FileNotFoundError(f"no such file: {path}")
        limits.check(limit, path.stat().st_size, f"{name}, bytes")
        with open(path, "rb") as file:
            return _read_all(file, limit, limits, name)
    if isinstance(source, bytes | bytearray | memoryview):
        limits.check(limit, len(source), f"{name}, bytes")
        return bytes(source)
    return _read_all(source, limit, limits, name)


def _read_all(file, limit, limits, name):
    # In parts: room for all that is allowed would be made at once.
    parts, n_bytes = [], 0
    while part := file.read(_PART):
        parts.append(part)
        n_bytes += len(part)
        limits.check(limit, n_bytes, f"{name}, bytes")
    return b"".join(parts)


def _content(source, limits):
    return read_bytes(source, "max_xml_bytes", limits), _name(source)


def _as_utf8(content, name):
    """The document in UTF-8 without declaration, so that all parsers read the same characters."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif content[:3] == b"\xef\xbb\xbf":
        encoding = "utf-8-sig"
    else:
        declared = _DECLARED.match(content[:400])
        word = declared.group(1).decode("ascii") if declared else "utf-8"
        encoding = _ENCODINGS.get(word.lower(), "")
        if not encoding or encoding.startswith("utf-16"):
            raise ValueError(f"{name}: the encoding {word!r} is not read: save it as UTF-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} is no text in {encoding}: {error.reason}") from error
    text = _DECLARATION.sub("", text, count=1)
    if _SECOND.match(text):
        # The parser after this one would take its encoding for that of the document.
        raise ValueError(f"{name}: XML has one declaration at most, this has two: it is damaged")
    return text.encode("utf-8")


def _scan(content, name, limits):
    """Go through all elements without building anything; returns the name of the first."""
    parser = expat.ParserCreate("utf-8")
    depth, roots = [0], []

    def start(tag, attributes):
        if not roots:
            roots.append(tag.rpartition(":")[2])
        depth[0] += 1
        if depth[0] > limits.max_xml_depth:
            limits.check("max_xml_depth", depth[0], f"{name}, depth of elements")

    def end(tag):
        depth[0] -= 1

    def refuse_doctype(*_):
        raise ValueError(
            f"{name}: a document type (DOCTYPE) is refused: remove it; no catalogue or station "
            f"file needs one"
        )

    def refuse_entity(*_):
        raise ValueError(f"{name}: entities are refused: write the characters themselves")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = refuse_doctype
    parser.EntityDeclHandler = refuse_entity
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise ValueError(f"{name} is no XML: {error}") from error
    return roots[0]


def _name(source):
    if isinstance(source, str | Path):
        return str(source)
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "XML"


def _short(error):
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__
