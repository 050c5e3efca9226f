"""``seisclf report``, and cells that no spreadsheet takes for formulas."""

import numpy as np
import pandas as pd
import pytest
from obspy import Stream, Trace, UTCDateTime
from typer.testing import CliRunner

from seisclf.cli._app import app
from seisclf.detection import Detections, EventDetector

START = UTCDateTime(2020, 3, 28, 13)


class Loudness:
    classes_ = np.array(["=noise()", "=rockfall()"])

    def predict_proba(self, X):
        loud = np.clip(X.std(axis=-1), 0.0, 1.0)
        return np.column_stack([1 - loud, loud])


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """An hour at one station with two events, and the folder of its scan."""
    folder = tmp_path_factory.mktemp("years of miniSEED")
    x = np.random.default_rng(0).normal(size=36000).astype("f4") * 0.01
    x[8000:8300] *= 200
    x[20000:20200] *= 100
    header = {"network": "XX", "station": "A", "channel": "HHZ", "sampling_rate": 10.0}
    Stream([Trace(x, header | {"starttime": START})]).write(
        str(folder / "a.mseed"), format="MSEED"
    )
    detector = EventDetector(
        Loudness(), window=8.0, step=2.0, sampling_rate=10.0, components="Z",
        background="=noise()",
    )  # fmt: skip
    out = tmp_path_factory.mktemp("scan")
    detections = detector.scan(folder, output=out)
    assert len(detections) == 2
    return folder, out, detections


def run(*args):
    return CliRunner().invoke(app, [str(arg) for arg in args])


def test_a_scan_becomes_a_page_with_waveforms_scores_and_a_map(archive, tmp_path):
    folder, scan, detections = archive
    onset = detections.to_frame()["onset"]
    known = pd.DataFrame(
        {"onset": onset.dt.strftime("%Y-%m-%dT%H:%M:%SZ"), "class": "'=rockfall()"}
    )
    known.to_csv(tmp_path / "known.csv", index=False)
    (tmp_path / "places.csv").write_text("station,latitude,longitude\nXX.A,46.5,8.0\n")
    result = run(
        "report", scan, "--waveforms", folder, "--known", tmp_path / "known.csv", "--stations",
        tmp_path / "places.csv", "--out", tmp_path / "page", "--title", "<b>Slope</b>",
    )  # fmt: skip
    assert result.exit_code == 0, result.output + repr(result.exception)
    assert str(tmp_path / "page" / "index.html") in result.stdout
    page = (tmp_path / "page" / "index.html").read_text()
    assert "&lt;b&gt;Slope&lt;/b&gt;" in page and "=rockfall()" in page
    assert "2 of 2 known events were" in page
    for name in ("gallery_00_clearest.png", "map.png", "timeline.png"):
        assert (tmp_path / "page" / name).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("ending", ["parquet", "sqlite", "folder"])
def test_any_catalogue_becomes_a_page(archive, ending, tmp_path):
    _, scan, detections = archive
    detections = Detections(detections.to_frame(), coverage=detections.coverage_report())
    source = scan / "catalogue.sqlite" if ending == "sqlite" else tmp_path / f"events.{ending}"
    if ending == "folder":
        source = tmp_path
        detections.to_csv(tmp_path / "catalogue.csv")
    elif ending == "parquet":
        detections.to_parquet(source)
    result = run("report", source, "--out", tmp_path / "page")
    assert result.exit_code == 0, result.output + repr(result.exception)
    assert "No waveforms were given" in (tmp_path / "page" / "index.html").read_text()


def test_what_is_wrong_is_said_in_one_line(archive, tmp_path):
    folder, scan, _ = archive
    table = tmp_path / "table.csv"
    table.write_text("time,type\n2020-01-01,quake\n")
    for args, words in [
        ([tmp_path / "nowhere"], "no such file or folder"),
        ([folder], "give a folder that `seisclf detect --output` wrote"),
        ([folder / "a.mseed"], "the ending must be one of"),
        ([scan, "--waveforms", tmp_path / "gone"], "--waveforms: no such"),
        ([scan, "--known", tmp_path / "gone.csv"], "--known: no such"),
        ([scan, "--known", table], "no column onset and class (it has time, type)"),
        ([scan, "--stations", tmp_path / "gone.xml"], "--stations: no such"),
        ([scan, "--stations", table], "station"),
    ]:
        result = run("report", *args, "--out", tmp_path / "page")
        assert result.exit_code == 2, (args, result.output, result.exception)
        assert words in result.stderr and len(result.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "page" / "index.html").exists()


def test_tables_hold_no_formulas(tmp_path):
    from seisclf.utils._document import Document

    frame = pd.DataFrame({"=class": ["=1+1", "quake"], "f1": [0.5, 1.0]})
    Document(tmp_path, "x").table(frame, csv="table.csv")
    lines = (tmp_path / "table.csv").read_text().splitlines()
    assert lines == ["'=class,f1", "'=1+1,0.5", "quake,1.0"]
