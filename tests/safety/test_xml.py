"""QuakeML and StationXML: no document types, no entities, limits, and clear errors."""

import io
import time

import obspy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisclf.io import Limits
from seisclf.io._catalog import read_events
from seisclf.io._xml import read_quakeml, read_stationxml, read_xml

LAUGHS = '<!DOCTYPE q [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.fixture(scope="module")
def quakeml():
    out = io.BytesIO()
    obspy.read_events().write(out, format="QUAKEML")
    return out.getvalue()


@pytest.fixture(scope="module")
def stationxml():
    out = io.BytesIO()
    obspy.read_inventory().write(out, format="STATIONXML")
    return out.getvalue()


def test_what_obspy_writes_is_read(quakeml, stationxml, tmp_path):
    path = tmp_path / "events.xml"
    path.write_bytes(quakeml)
    assert len(read_events(path)) == len(read_quakeml(path)) == len(obspy.read_events())
    assert len(read_stationxml(stationxml)) == len(obspy.read_inventory())


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "iso-8859-1"])
def test_other_encodings_are_read(encoding, quakeml):
    text = quakeml.decode().replace("utf-8", encoding.removesuffix("-sig"), 1)
    assert len(read_quakeml(text.encode(encoding))) == 3


@pytest.mark.parametrize(
    "head",
    [
        LAUGHS + "]>",
        '<!DOCTYPE q SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE q [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE q [<!ENTITY % a SYSTEM "http://127.0.0.1:9/x"> %a;]>',
        "<!DOCTYPE q>",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_document_types_are_refused(head, encoding, quakeml, tmp_path):
    declaration, _, rest = quakeml.decode().partition("?>")
    bad = (declaration.replace("utf-8", encoding) + "?>" + head + rest).encode(encoding)
    path = tmp_path / "events.xml"
    path.write_bytes(bad)
    for read in (read_events, read_quakeml, read_stationxml):
        with pytest.raises(ValueError, match="DOCTYPE"):
            read(path)


def test_entities_that_nobody_declared_are_refused(quakeml):
    with pytest.raises(ValueError, match="no XML"):
        read_quakeml(quakeml.replace(b"<event ", b"&b;<event ", 1))


@pytest.mark.parametrize("word", ["UTF-7", "ebcdic-cp-us", "utf-32", "x" * 30])
def test_encodings_that_hide_characters_are_refused(word):
    with pytest.raises(ValueError, match="encoding"):
        read_xml(f'<?xml version="1.0" encoding="{word}"?><a/>'.encode())


@pytest.mark.parametrize("between", ["", "\n", "\ufeff"])
def test_a_second_declaration_hides_no_encoding(between, quakeml):
    # In UTF-7 a document type looks like plain text to whoever reads UTF-8.
    head = "<?xml version='1.0' encoding='utf-8'?>"
    hidden = "<?xml version='1.0' encoding='UTF-7'?>"
    text = (head + between + hidden).encode() + quakeml[quakeml.index(b"?>") + 2 :]
    with pytest.raises(ValueError, match="two: it is damaged"):
        read_quakeml(text)


def test_depth_and_size_have_limits():
    deep = b"<a>" * 10_000 + b"</a>" * 10_000
    with pytest.raises(ValueError, match="max_xml_depth=100.*raise the limit"):
        read_xml(deep)
    with pytest.raises(ValueError, match="max_xml_bytes=100"):
        read_xml(b"<a>" + b" " * 200 + b"</a>", limits=Limits(max_xml_bytes=100))
    content, root = read_xml(deep, limits=Limits(max_xml_depth=10_000))
    assert (root, content) == ("a", deep)


def test_a_path_is_never_an_address(tmp_path):
    for name in ("http://127.0.0.1:9/events.xml", "file:///etc/hostname"):
        with pytest.raises(FileNotFoundError):
            read_quakeml(name)


@pytest.mark.parametrize("root", ["html", "FDSNStationXML", "sc"])
def test_other_xml_is_named(root, tmp_path):
    path = tmp_path / "events.xml"
    path.write_text(f"<{root}/>")
    with pytest.raises(ValueError, match=f"outermost element is '{root}'"):
        read_events(path)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_broken_quakeml_gives_a_sentence(data, quakeml):
    at = data.draw(st.integers(0, len(quakeml) - 1))
    new = data.draw(st.binary(max_size=8))
    broken = quakeml[:at] + new + quakeml[at + len(new) :]
    start = time.perf_counter()
    try:
        read_quakeml(broken)
    except ValueError as error:
        assert str(error)
    assert time.perf_counter() - start < 5
