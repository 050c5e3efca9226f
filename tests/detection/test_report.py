"""The page on a catalogue: complete, safe, and the same work for many events."""

from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from obspy import Stream, Trace, UTCDateTime

from seisclf.detection import DetectionReport, Detections, EventDetector, read_detections
from seisclf.detection import _report_pictures as pictures
from seisclf.detection._report_gallery import gallery, ranked_rows, with_record

from .test_detector import Loudness, record, with_gap

START = pd.Timestamp("2020-03-28T00:00:00Z")
PLACES = {"XX.A": (46.0, 8.0), "XX.B": (46.02, 8.01)}


class Page(HTMLParser):
    """Headings, pictures, links and scripts of a page."""

    def __init__(self, path):
        super().__init__()
        self.sections, self.images, self.links, self.tags = [], [], [], set()
        self.folder = path.parent
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.add(tag)
        assert not [name for name in attrs if name.startswith("on")]
        if tag == "h2":
            self.sections.append(attrs["id"])
        if tag == "img":
            self.images.append(attrs)
        if tag == "a":
            self.links.append(attrs["href"])

    def check(self):
        assert not self.tags & {"script", "iframe", "object", "embed", "style2", "link", "base"}
        for image in self.images:
            assert (self.folder / image["src"]).is_file() and len(image["alt"]) > 15
        for link in self.links:
            target = link.removeprefix("#")
            assert target in self.sections if link[0] == "#" else (self.folder / link).is_file()
        return self


def made(n=40, classes=("rockfall", "quake"), days=3.0, stations=("XX.A", "XX.B"), seed=0):
    rng = np.random.default_rng(seed)
    onset = START + pd.to_timedelta(np.sort(rng.uniform(0, days * 86400 - 60, n)), unit="s")
    probability = rng.uniform(0.5, 1, n)
    table = pd.DataFrame(
        {
            "class": rng.choice(np.array(classes, dtype=object), n),
            "onset": pd.DatetimeIndex(onset).as_unit("ns"),
            "end": onset + pd.to_timedelta(rng.lognormal(1, 1, n), unit="s"),
            "probability": probability,
            "event_probability": probability,
            "stations": rng.choice(np.array(stations, dtype=object), n),
            "coverage": 1.0,
        }
    )
    end = START + pd.Timedelta(days, "D")
    coverage = pd.DataFrame(
        {"station": list(stations), "start": START, "end": end, "covered": 1.0, "windows": 9,
         "notes": "gap of 3 s"},
    )  # fmt: skip
    return Detections(table, settings={"threshold": 0.5}, coverage=coverage)


def test_everything_at_once(tmp_path):
    stream = record(event=(1000, 1300)) + record(station="B", event=(500, 900), seed=3)
    stream = with_gap(stream.select(station="A"), 2000, 2400) + stream.select(station="B")
    detections = EventDetector(Loudness(), step=0.5).detect(stream)
    known = detections.to_frame()[["class", "onset"]].iloc[:1]
    findings = pd.DataFrame({"file": ["a.ms"], "kind": ["gap"], "what": ["<b>3 s</b>"]})
    path = DetectionReport(
        detections, catalogue=known, waveforms=stream, stations=PLACES, findings=findings,
        band=(1.0, 8.0),
    ).save(tmp_path / "report")  # fmt: skip
    page = Page(path).check()
    assert page.sections == [
        "classes", "scores", "time", "durations-and-probabilities", "gallery", "map", "coverage",
        "read-findings", "settings", "files",
    ]  # fmt: skip
    text = path.read_text()
    assert "1 of 1 known events were detected" in text and "&lt;b&gt;3 s" in text
    assert [i["src"] for i in page.images if "gallery" in i["src"]] == ["gallery_00_clearest.png"]
    back = read_detections(path.parent / "detections.xml")
    pd.testing.assert_frame_equal(back.to_frame(), detections.to_frame())
    assert (path.parent / "report.md").is_file()
    size = sum(file.stat().st_size for file in path.parent.iterdir())
    assert size < 1.5e6


@pytest.mark.parametrize("coverage", [False, True])
def test_nothing_was_detected(coverage, tmp_path):
    empty = made(40)
    empty = Detections(
        empty.to_frame().iloc[:0], coverage=empty.coverage_report() if coverage else None
    )
    known = pd.DataFrame({"onset": [START + pd.Timedelta(1, "h")], "class": ["quake"]})
    path = DetectionReport(empty, catalogue=known, stations=PLACES).save(tmp_path)
    page = Page(path).check()
    text = path.read_text()
    assert "Nothing was detected" in text
    assert ("timeline.png" in text) == coverage
    assert ("0 of 1 known events" in text) == coverage
    assert len(page.images) == (2 if coverage else 1)


def test_one_detection_of_which_nothing_else_is_known(tmp_path):
    one = Detections(made(1).to_frame().assign(stations=""))
    page = Page(DetectionReport(one).save(tmp_path)).check()
    assert "map" not in page.sections and "scores" not in page.sections


HOSTILE = (
    "<script>alert(1)</script>", "[a](javascript:alert(1))", '"><img src=x onerror=alert(1)>',
    "$\\frac{1}$", "_=cmd|' /C calc'!A0", "../../etc/passwd\x07\u202e", "a" * 500, "$|x|\n# y",
    "=1+1",
)  # fmt: skip


def test_hostile_names_are_only_text(tmp_path):
    codes = ("XX.<b>A</b>", "XX.$B")
    detections = made(60, classes=HOSTILE, stations=codes, days=0.5)
    detections.settings["<i>"] = "</td><script>alert(2)</script>"
    places = {code: place for code, place in zip(codes, PLACES.values(), strict=True)}
    known = detections.to_frame()[["class", "onset"]]
    report = DetectionReport(
        detections, stations=places, catalogue=known, title="<script>alert(3)</script>"
    )
    path = report.save(tmp_path / "page")
    page = Page(path).check()
    assert "javascript:" not in " ".join(page.links)
    assert all(name.parent == path.parent for name in path.parent.rglob("*"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["page"]
    cells = (path.parent / "detections.csv").read_text().splitlines()
    assert not any(line.startswith(("=", "+", "-", "@")) for line in cells)


def test_gallery_draws_what_there_is_a_record_of():
    detections = made(30, classes=("rockfall",), days=1.0)
    trace = Trace(
        np.random.default_rng(0).normal(size=3600 * 20 * 6).astype("float32"),
        {"network": "XX", "station": "A", "channel": "HHZ", "sampling_rate": 20.0,
         "starttime": UTCDateTime(START.timestamp() + 6 * 3600)},
    )  # fmt: skip
    frame = detections.to_frame()
    hour = (frame["onset"] - START).dt.total_seconds() / 3600
    there = frame[(frame["stations"] == "XX.A") & hour.between(6, 12)]
    assert 1 <= len(there) < 6
    ranked = ranked_rows(frame, "rockfall")
    drawn = with_record(frame, ranked, Stream([trace]), 3)
    assert list(drawn) == [row for row in ranked if row in there.index][:3]
    (pieces, onset), row = next(iter(drawn.values())), next(iter(drawn))
    assert abs(onset.timestamp - frame["onset"][row].timestamp()) < 1e-6
    assert pieces[0].stats.starttime <= onset <= pieces[0].stats.endtime
    assert len(gallery(frame, drawn, "red").axes) == 6
    assert with_record(frame, ranked, Stream(), 3) == {}


def test_an_index_of_an_archive_gives_the_pictures(tmp_path):
    stream = record(event=(1000, 1300))
    detections = EventDetector(Loudness(), step=0.5).detect(stream)
    (tmp_path / "archive").mkdir()
    stream.write(str(tmp_path / "archive" / "a.mseed"), format="MSEED")
    index = DetectionReport(detections, waveforms=tmp_path / "archive")._record()[0]
    assert list(with_record(detections.to_frame(), [0], index, 1)) == [0]


def test_many_events_are_drawn_as_few(tmp_path):
    few, many = (pictures.Catalogue(made(n, days=30.0)) for n in (1000, 20000))
    for catalogue, kind in ((few, "collections"), (many, "images")):
        axes = pictures.timeline(catalogue).axes[1]
        assert len(getattr(axes, kind)) >= 2
    for draw in (pictures.timeline, lambda c: pictures.rates(c, 6 * 3600), pictures.hours_of_day):
        counts = [
            sum(len(ax.get_children()) for ax in draw(catalogue).axes) for catalogue in (few, many)
        ]
        assert counts[1] <= counts[0] * 1.1
    for days, bins in ((0.05, [60]), (3.0, [3600, 86400]), (400.0, [86400, 7 * 86400])):
        seconds = days * 86400
        assert pictures.rate_bins(seconds)[0] <= seconds
        assert pictures.rate_bins(seconds)[-1] == bins[-1] or days < 1
        assert all(seconds / size <= 400 for size in pictures.rate_bins(seconds))
    number = np.histogram(many.onset, 50)[0].sum()
    assert number == 20000


def test_recorded_time_of_bins_is_exact():
    spans = pd.DataFrame(
        {"station": ["a", "b"], "start": [START, START + pd.Timedelta(30, "s")],
         "end": [START + pd.Timedelta(100, "s"), START + pd.Timedelta(60, "s")],
         "covered": [1.0, 0.5]},
    )  # fmt: skip
    catalogue = pictures.Catalogue(Detections(made(1).to_frame().iloc[:0], coverage=spans))
    edges = START.timestamp() + np.array([-10.0, 0.0, 20.0, 50.0, 100.0, 200.0])
    np.testing.assert_allclose(catalogue.recorded(edges), [0, 20, 40, 55, 0], atol=1e-3)


def test_what_is_no_catalogue_is_refused_before_a_page_is_begun():
    table = made(3).to_frame()
    for options, error, words in (
        ({"detections": table}, TypeError, r"read_scan\(folder\)"),
        ({"catalogue": "known.csv"}, TypeError, "pandas.read_csv"),
        ({"catalogue": table[["class"]]}, ValueError, "no column onset, it has class"),
        ({"waveforms": "gone"}, ValueError, "no folder of an archive"),
    ):
        with pytest.raises(error, match=words):
            DetectionReport(**({"detections": made(3)} | options))
