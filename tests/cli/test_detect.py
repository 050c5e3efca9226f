"""``seisclf detect``: from files to a catalogue and pictures."""

import numpy as np
import pandas as pd
import pytest
from obspy import Stream, Trace, UTCDateTime, read, read_events
from typer.testing import CliRunner

import seisclf
from seisclf.cli import _detect
from seisclf.cli._app import app
from seisclf.cli._models import load_model
from seisclf.datasets import make_seismic_events
from seisclf.ensemble import FeatureForestClassifier

RATE = 20.0
START = UTCDateTime(2020, 3, 28, 12, 59)


class Network:
    """Loud windows have an occurrence and masks where they are loud."""

    classes_ = np.array(["earthquake", "noise", "rockfall"])
    sampling_rate, n_samples_in_, n_channels_in_, n_stations_in_ = RATE, 240, 3, 2

    def predict_proba(self, X):
        raise AssertionError("functions over time are asked for")

    def predict_functions(self, X):
        loud = np.nan_to_num(np.abs(X[:, :, 0]) > 10).astype(np.float32)
        start = (np.diff(loud, axis=-1, prepend=0) > 0).max(axis=1)
        nothing = np.zeros_like(loud)
        return {
            "occurrence_rockfall": 0.4 * start,
            "occurrence_earthquake": 0 * start,
            "P": nothing, "S": nothing, "earthquake": nothing, "rockfall": loud,
        }  # fmt: skip


@pytest.fixture
def files(tmp_path):
    """A minute at two stations with something loud at 20 s."""
    rng = np.random.default_rng(0)
    paths = []
    for code in ("LH01", "LH02"):
        stream = Stream()
        for letter in "ENZ":
            data = rng.normal(size=1200)
            data[400:480] = 50
            header = {
                "network": "GG", "station": code, "channel": "EH" + letter, "starttime": START,
                "sampling_rate": RATE,
            }  # fmt: skip
            stream.append(Trace(data.astype(np.float32), header))
        paths.append(tmp_path / f"{code}.mseed")
        stream.write(str(paths[-1]), format="MSEED")
    return paths


@pytest.fixture
def network(monkeypatch):
    monkeypatch.setattr(_detect, "load_model", lambda model: (Network(), False))


def run(*args):
    return CliRunner().invoke(app, [str(arg) for arg in args])


def test_catalogue_quakeml_pictures_and_functions(files, network, tmp_path):
    out = tmp_path / "out"
    result = run("detect", *files, "--model", "x", "--output", out, "--functions", "mseed")
    assert result.exit_code == 0, result.output + repr(result.exception)
    table = pd.read_csv(out / "catalogue.csv", parse_dates=["onset"])
    assert table["class"].tolist() == ["rockfall"]
    assert table["stations"].tolist() == ["GG.LH01 GG.LH02"]
    assert UTCDateTime(table["onset"][0].isoformat()) - START == pytest.approx(20.5)
    assert len(read_events(str(out / "catalogue.xml"))) == 1
    for name in ("overview.png", "001_rockfall.png"):
        assert (out / name).read_bytes().startswith(b"\x89PNG")
    functions = read(str(out / "functions.mseed"))
    assert len(functions) == 2 + 2 * 4
    assert functions.select(id="GG.RF..occ")[0].data.max() == np.float32(0.4)
    assert "rockfall" in result.stdout and "0.40" in result.stdout
    assert "GG.LH02" in result.stdout and "1.000" in result.stdout  # coverage
    assert str(out / "catalogue.csv") in result.stdout


def test_sac_files_span_stations_and_no_pictures(files, network, tmp_path):
    result = run(
        "detect", *files, "--model", "x", "--output", tmp_path, "--stations", "LH02,LH09",
        "--start", START + 10, "--end", START + 50, "--functions", "sac", "--pictures", 0,
        "--threshold", "rockfall=0.35,earthquake=0.5", "--step", 2, "--stack", "mean",
    )  # fmt: skip
    assert result.exit_code == 0, result.output + repr(result.exception)
    assert "LH09: not in the record" in result.stdout
    assert pd.read_csv(tmp_path / "catalogue.csv")["stations"].tolist() == ["GG.LH02"]
    assert sorted(path.suffix for path in tmp_path.glob("*")) == sorted(
        [".csv", ".json", ".xml", ".png", ".mseed", ".mseed", ""]
    )
    saved = read(str(tmp_path / "functions" / "GG.LH02..rfM.*.sac"))
    assert saved[0].stats.starttime == START + 10 and saved[0].stats.npts in (800, 801)


def test_persistence_and_recipe_are_passed_on(files, network, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(_detect, "_prepared", lambda stream, *args: seen.append(args) or stream)
    options = ["--model", "x", "--output", tmp_path, "--recipe", "rocknet", "--pictures", 0]
    assert run("detect", *files, *options, "--persistence", 4).exit_code == 0
    assert seen == [(None, None, None)]
    refused = run("detect", *files, *options, "--persistence", 40)
    assert refused.exit_code == 2 and "persistence" in refused.stderr


@pytest.mark.filterwarnings("ignore:bands above the Nyquist")
@pytest.mark.parametrize("options", [["--step", 5], ["--step", 1, "--postprocessing", "code"]])
def test_a_forest_of_windows_works_too(files, tmp_path, options):
    X, y = make_seismic_events(
        40, duration=10.0, sampling_rate=RATE, random_state=0, return_X_y=True
    )
    forest = FeatureForestClassifier(sampling_rate=RATE, n_estimators=10, random_state=0)
    path = seisclf.save(forest.fit(X, y), tmp_path / "forest.seisclf")
    result = run("detect", *files, "--model", path, "--output", tmp_path / "out", *options)
    assert result.exit_code == 0, result.output + repr(result.exception)
    assert (tmp_path / "out" / "overview.png").exists()
    assert (tmp_path / "out" / "catalogue.csv").read_text().startswith("class,onset,end")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--functions", "wav"], "one of mseed, sac"),
        (["--recipe", "soup"], "one of auto, rocknet, none"),
        (["--postprocessing", "glue"], "one of paper, code"),
        (["--threshold", "much"], "neither a number"),
        (["--start", "noon"], "no time such as"),
        (["--start", "2021-01-01"], "no waveforms between"),
        (["--start", "2021-01-01", "--end", "2020-01-01"], "--end 2020-01-01 is not after"),
        (["--jobs", "0"], "--jobs 0: give a number"),
        (["--stations", "LH08"], "not in the record"),
        (["--threshold", "avalanche=0.5"], "does not have: avalanche"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(files, network, tmp_path, options, words):
    result = run("detect", *files, "--model", "x", "--output", tmp_path, *options)
    assert result.exit_code == 2, result.output
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_folder_is_an_archive_whose_scan_goes_on(files, network, tmp_path):
    folder, out = tmp_path / "archive", tmp_path / "out"
    folder.mkdir()
    for path in files:
        path.rename(folder / path.name)
    options = ["--model", "x", "--stations", "LH01,LH02", "--output", out]
    for _ in range(2):
        result = run("detect", folder, *options)
        assert result.exit_code == 0, result.output
        assert len(pd.read_csv(out / "catalogue.csv")) == 1
        assert (out / "catalogue.xml").exists()
    assert seisclf.detection.read_scan(out).complete
    result = run("detect", folder, *options, "--threshold", 0.2)
    assert result.exit_code == 2 and "threshold was 0.3" in result.output


def test_models_that_are_none_are_refused(files, tmp_path):
    other = tmp_path / "notes.txt"
    other.write_text("no model")
    for model, words in [(tmp_path / "none", "rocknet-station"), (other, "neither a model")]:
        result = run("detect", *files, "--model", model)
        assert result.exit_code == 2 and words in result.stderr


def test_published_files_are_known_by_what_is_in_them(data_dir):
    network, published = load_model(str(data_dir / "rocknet/net_fusion_RF_60s/train.hdf5"))
    assert published and network.n_stations_in_ == 4
    station, published = load_model(str(data_dir / "rocknet/wf_RF_60s/train.hdf5"))
    assert published and station.n_channels_in_ == 3
    assert type(load_model("rocknet-station")[0]) is type(station)
