"""Detections to files and back."""

import json
from pathlib import Path

import numpy as np
import obspy
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from obspy import read_events
from pandas.testing import assert_frame_equal

from seisclf.detection import Detections, EventDetector, read_detections
from seisclf.detection._detections_files import guard, unguard

from .stubs import NetworkStub, StationStub, earthquake, rockfall, station
from .test_detector import Loudness, record

START = pd.Timestamp("2020-03-28T13:05:00.123456789Z")
WRITERS = {"csv": "to_csv", "parquet": "to_parquet", "xml": "to_quakeml"}
SCHEMA = Path(obspy.__file__).parent / "io" / "quakeml" / "data" / "QuakeML-1.2.xsd"


def some(n=3, classes=("rockfall", "quake"), onset=START, stations="XX.A YY.B"):
    """Detections with all that there can be."""
    times = [onset + pd.Timedelta(1.5 * i, unit="h") for i in range(n)]
    columns = {
        "class": [classes[i % len(classes)] for i in range(n)],
        "onset": times,
        "end": [time + pd.Timedelta(1e9 / 3, unit="ns") for time in times],
        "probability": np.linspace(1 / 3, 0.9, n),
        "event_probability": np.linspace(0.5, 1, n),
        "stations": [stations if i % 2 else stations.split()[0] for i in range(n)],
        "coverage": np.linspace(1, 2 / 3, n),
        "magnitude": [np.nan] * n,
        "checked": [i % 2 == 0 for i in range(n)],
    }
    columns |= {f"p_{label}": np.linspace(0.1, 0.7, n) for label in (*classes, "noise")}
    table = pd.DataFrame(columns)
    for name in ("onset", "end"):
        table[name] = pd.to_datetime(table[name], utc=True).dt.as_unit("ns")
    picks = pd.DataFrame(
        {
            "detection": np.repeat(np.arange(n), 2),
            "station": ["XX.A"] * 2 * n,
            "phase": ["P", "S"] * n,
            "time": [time + pd.Timedelta(s, unit="ns") for time in times for s in (1, 2 * 10**9)],
            "probability": np.linspace(0.3, 0.7, 2 * n),
        }
    )
    picks["time"] = pd.to_datetime(picks["time"], utc=True).dt.as_unit("ns")
    coverage = pd.DataFrame(
        {
            "station": ["XX.A", "YY.B"],
            "start": pd.to_datetime([START, None], utc=True),
            "covered": [0.97, 0.0],
            "windows": [10, 0],
            "notes": ["", "not scanned: =1+1"],
        }
    )
    how = {"threshold": {3: 0.1, "a": 0.5}, "window": 4.0, "size": (2, np.inf), "background": None}
    return Detections(table, settings=how, picks=picks, coverage=coverage)


def assert_same(back, first, coverage=True):
    assert_frame_equal(back.to_frame(), first.to_frame(), check_exact=True)
    assert_frame_equal(back.picks, first.picks, check_exact=True)
    assert back.settings == first.settings
    assert [type(v) for v in back.settings.values()] == [type(v) for v in first.settings.values()]
    assert back.ids == first.ids
    if coverage:
        assert_frame_equal(back.coverage_report(), first.coverage_report(), check_exact=True)
        assert_frame_equal(back.coverage_spans(), first.coverage_spans(), check_exact=True)


def write(detections, kind, folder):
    return getattr(detections, WRITERS[kind])(Path(folder) / f"events.{kind}")


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("n", [0, 1, 5])
def test_round_trip_is_exact(kind, n, tmp_path):
    first = some(n)
    assert_same(read_detections(write(first, kind, tmp_path)), first)


@pytest.mark.parametrize("kind", WRITERS)
def test_labels_of_integers_stay_integers(kind, tmp_path):
    first = some(4, classes=(3, -1))
    back = read_detections(write(first, kind, tmp_path))
    assert_same(back, first)
    assert back.to_frame()["class"].tolist() == [3, -1, 3, -1]


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("stub", [StationStub(), NetworkStub()])
def test_scans_of_functions_read_back_with_their_picks(kind, stub, tmp_path):
    a = rockfall(earthquake(station("A"), 20.0), 40.0)
    b = rockfall(earthquake(station("B", seed=1), 20.0), 40.0)
    first = EventDetector(stub).detect(a + b)
    assert len(first) >= 2 and len(first.picks) >= 2
    assert {"p_earthquake", "p_rockfall"} <= set(first.to_frame())
    back = read_detections(write(first, kind, tmp_path))
    assert_same(back, first)


def test_probabilities_of_classes_are_those_of_the_classifier():
    detections = EventDetector(Loudness(), step=0.5).detect(record(event=(1000, 1300)))
    row = detections.to_frame().iloc[0]
    function = detections.functions["XX.A"]
    inside = (function.times >= row["onset"]) & (function.times < row["end"])
    assert row["p_rockfall"] + row["p_noise"] == pytest.approx(1, abs=1e-6)
    # The refined onset may cut a frame off the detection.
    assert row["p_rockfall"] == pytest.approx(function.probabilities[inside, 1].mean(), abs=0.15)
    assert list(detections.to_frame())[-2:] == ["p_noise", "p_rockfall"]


_text = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs",)), min_size=1, max_size=6
) | st.sampled_from(
    ["=1+1", "'=x", "-2", "@a", "+", "NA", "nan", "1e3", "\t", "\r", "a\rb", "a,b\n", "</x>"]
)


@pytest.mark.parametrize("kind", WRITERS)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(labels=st.lists(_text, min_size=1, max_size=3, unique=True), code=_text)
def test_any_class_and_code_reads_back(kind, labels, code, tmp_path):
    code = "".join(code.split()) or "X"
    first = some(3, classes=tuple(labels), stations=f"{code} ={code}")
    assert_same(read_detections(write(first, kind, tmp_path)), first)


@given(text=st.text("'=+-@\ta1", max_size=5))
def test_no_cell_of_text_is_a_formula(text):
    assert not guard(text).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert unguard(guard(text)) == text


def test_csv_without_what_is_beside_it(tmp_path):
    first = some(3)
    path = first.to_csv(tmp_path / "events.csv")
    lines = path.read_text().splitlines()
    assert lines[0].startswith("class,onset,end,probability")
    assert "2020-03-28T13:05:00.123456789Z" in lines[1]
    (tmp_path / "events.csv.json").unlink()
    back = read_detections(path)
    assert_frame_equal(back.to_frame(), first.to_frame(), check_exact=True)
    assert back.settings == {} and len(back.picks) == 0


def test_times_of_whole_milliseconds_have_three_digits(tmp_path):
    table = some(1, onset=START.floor("ms")).to_frame().assign(end=START.ceil("s"))
    text = Detections(table).to_csv(tmp_path / "events.csv").read_text()
    assert "2020-03-28T13:05:00.123Z,2020-03-28T13:05:01.000Z" in text


def test_quakeml_is_valid_and_ids_are_stable(tmp_path):
    first = some(4, classes=("rockfall", "earthquake", "a<b&c"), stations="LONGNETWORK.STATION1 B")
    path = first.to_quakeml(tmp_path / "a.xml")
    schema = etree.XMLSchema(etree.parse(str(SCHEMA)))
    schema.assertValid(etree.parse(str(path)))
    assert path.read_bytes() == first.to_quakeml(tmp_path / "b.xml").read_bytes()
    ids = [event.resource_id.id for event in read_events(str(path))]
    assert ids == [f"smi:local/seisclf/event/{name}" for name in first.ids]
    names = [e.get("publicID") for e in etree.parse(str(path)).iter() if e.get("publicID")]
    assert len(names) == len(set(names))
    # The same event in a longer catalogue, and among others in another order.
    reversed_table = first.to_frame()[::-1]
    assert Detections(reversed_table).ids == first.ids[::-1]


def test_ids_tell_events_apart():
    table = pd.concat([some(1).to_frame()] * 3, ignore_index=True)
    table.loc[2, "class"] = "quake"
    ids = Detections(table).ids
    assert ids[1] == f"{ids[0]}-2" and len(set(ids)) == 3
    table["stations"] = "YY.B XX.A"
    swapped = table.assign(stations="XX.A YY.B")
    assert Detections(table).ids == Detections(swapped).ids != ids


def test_comment_is_json_of_a_stated_version():
    comment = some(1).to_catalog()[0].comments[0]
    told = json.loads(comment.text)["seisclf"]
    assert told["version"] == 1
    assert told["class"] == "rockfall" and told["stations"] == ["XX.A"]
    assert told["probabilities"] == {"rockfall": 0.1, "quake": 0.1, "noise": 0.1}
    assert told["onset"] == "2020-03-28T13:05:00.123456789+00:00"


@pytest.mark.parametrize("version", ["0.10", "0.12", "0.13"])
def test_seiscomp_is_valid_and_reads_back(version, tmp_path):
    first = some(3, classes=("rockfall", "earthquake"))
    path = first.to_seiscomp(tmp_path / "a.xml", version=version)
    data = Path(obspy.__file__).parent / "io" / "seiscomp" / "data"
    schema = etree.XMLSchema(etree.parse(str(data / f"sc3ml_{version}.xsd")))
    schema.assertValid(etree.parse(str(path)))
    assert_same(read_detections(path), first, coverage=False)
    text = path.read_text()
    assert 'event publicID="seisclf-event-20200328T130500123Z-' in text
    assert "<type>earthquake</type>" in text and text.count("<agencyID>local</agencyID>") >= 12


def test_seiscomp_ties_picks_to_events_by_an_origin(tmp_path):
    first = some(2)
    places = {"XX.A": (46.0, 8.0), "YY.B": (46.1, 8.1)}
    path = first.to_seiscomp(tmp_path / "a.xml", stations=places)
    event = read_events(str(path))[0]
    origin = event.preferred_origin()
    assert (origin.latitude, origin.longitude, origin.depth) == (46.0, 8.0, None)
    assert "not located" in origin.comments[0].text
    assert {a.pick_id.id for a in origin.arrivals} == {p.resource_id.id for p in event.picks}
    assert len(event.picks) == 3
    assert_same(read_detections(path), first, coverage=False)
    located = Detections(first.to_frame().assign(latitude=45.0, longitude=7.0, depth=2.0))
    origin = read_events(str(located.to_seiscomp(tmp_path / "b.xml")))[0].preferred_origin()
    assert (origin.latitude, origin.depth, origin.comments) == (45.0, 2000.0, [])
    with pytest.raises(ValueError, match="version must be"):
        first.to_seiscomp(tmp_path / "c.xml", version="2")


def test_catalogues_of_others_are_refused_and_mixed_ones_say_what_is_left_out(tmp_path):
    theirs = read_events()
    theirs.write(str(tmp_path / "theirs.xml"), format="QUAKEML")
    with pytest.raises(ValueError, match="read_events"):
        read_detections(tmp_path / "theirs.xml")
    (some(1).to_catalog() + theirs).write(str(tmp_path / "both.xml"), format="QUAKEML")
    with pytest.warns(UserWarning, match="3 events without"):
        assert len(read_detections(tmp_path / "both.xml")) == 1


def test_files_that_cannot_be_read_say_why(tmp_path):
    def refused(name, content, match):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=match):
            read_detections(tmp_path / name)

    with pytest.raises(FileNotFoundError):
        read_detections(tmp_path / "none.csv")
    refused("a.txt", b"", "ending")
    refused("a.parquet", b"PAR1 or not", "Parquet")
    refused("a.xml", b"<a", "XML")
    refused("b.xml", b"<a/>", "<a>")
    refused("b1.xml", b"<q:quakeml/>", "damaged")
    twice = b"<?xml version='1.0'?><?xml version='1.0' encoding='UTF-7'?><quakeml/>"
    refused("b2.xml", twice, "damaged")
    entities = b'<!DOCTYPE q [<!ENTITY a "aaaa">]><quakeml>&a;</quakeml>'
    refused("c.xml", entities, "DOCTYPE|entit")
    path = some(2).to_quakeml(tmp_path / "d.xml")
    text = path.read_text()
    refused("e.xml", text.replace('"version": 1', '"version": 99').encode(), "newer")
    refused("f.xml", text.replace('"class": ', '"klass": ').encode(), "damaged")
    some(2).to_csv(tmp_path / "g.csv")
    (tmp_path / "g.csv.json").write_text("{}")
    refused("g.csv", (tmp_path / "g.csv").read_bytes(), "beside")
