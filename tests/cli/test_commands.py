"""Each command, once, on very little data."""

import numpy as np
import pandas as pd
import pytest
from obspy import Stream, Trace, UTCDateTime
from typer.testing import CliRunner

import seisclf
from seisclf.cli._app import app
from seisclf.cli._estimators import REGISTRY
from seisclf.datasets import make_seismic_events, write_seisbench

RATE = 50.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Forty synthetic events in SeisBench's format."""
    events = make_seismic_events(
        40, n_sites=2, duration=12.0, sampling_rate=RATE, snr_db=(10.0, 30.0),
        classes=("earthquake", "rockfall"), random_state=0,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("data") / "set"
    write_seisbench(
        path, events.data, events.metadata, sampling_rate=RATE, target=events.target,
        component_order="ZNE",
    )  # fmt: skip
    return path


@pytest.fixture(scope="module")
def model(folder, tmp_path_factory):
    """A forest on the vertical component, trained by the command."""
    out = tmp_path_factory.mktemp("model") / "model.seisclf"
    result = run("train", folder, "--quick", "--components", "Z", "--out", out)
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture
def record(tmp_path):
    """Two minutes at one station with something loud in it."""
    rng = np.random.default_rng(0)
    data = rng.normal(size=6000)
    data[3000:3300] *= 40 * np.hanning(300)
    header = {
        "network": "XX", "station": "A", "channel": "HHZ", "sampling_rate": RATE,
        "starttime": UTCDateTime(2021, 1, 1),
    }  # fmt: skip
    path = tmp_path / "record.mseed"
    Stream([Trace(data.astype(np.float32), header)]).write(str(path), format="MSEED")
    return path


def run(*args):
    return CliRunner().invoke(app, [str(arg) for arg in args])


def ok(*args):
    result = run(*args)
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result


def test_compare_writes_a_whole_report(folder, tmp_path):
    out = tmp_path / "report"
    options = ["--estimators", "forest,chance", "--groups", "event", "--folds", "2", "--quick"]
    result = ok("compare", folder, *options, "--out", out)
    assert "Test score of 'forest'" in " ".join(result.stdout.split())
    page = (out / "index.html").read_text()
    for words in ("Test score of", "95 % interval", "seisclf compare", "Corrected resampled"):
        assert words in page
    for name in ("scores.png", "folds.png", "confusion.png"):
        assert f'src="{name}"' in page
        assert (out / name).read_bytes().startswith(b"\x89PNG")
    scores = pd.read_csv(out / "scores.csv")
    assert set(scores["estimator"]) == {"forest", "chance"}
    predictions = pd.read_csv(out / "predictions.csv")
    assert len(predictions) == 2 * 40
    assert (out / "report.md").read_text().startswith("# Comparison of 2 estimators")
    assert set(seisclf.load(out / "model.seisclf").classes_) == {"earthquake", "rockfall"}
    again = ok("compare", folder, *options, "--out", out)
    assert "4 of 4 fits were read from" in (out / "report.md").read_text()
    assert again.exit_code == 0


def test_compare_by_site_with_windows_and_noise(folder, tmp_path):
    ok(
        "compare", folder, "--estimators", "chance,logistic", "--groups", "site", "--quick",
        "--window", "-1", "4", "--out", tmp_path,
    )  # fmt: skip
    assert "LeaveOneSiteOut" in (tmp_path / "report.md").read_text()


def test_compare_says_what_is_wrong(folder, tmp_path):
    for options, words in [
        (["--estimators", "forest,forest"], "more than once"),
        (["--estimators", ","], "--estimators is empty"),
        (["--groups", "planet"], "'planet' is unknown"),
        (["--folds", "1"], "at least 2"),
        (["--noise"], "--noise needs --window"),
        (["--window", "3", "1"], "must lie before"),
        (["--label", "colour"], "colour"),
    ]:
        result = run("compare", folder, *options, "--out", tmp_path)
        assert result.exit_code == 2, options
        assert words in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1


def test_train_says_what_is_wrong(folder, tmp_path):
    result = run("train", folder, "--components", "ZX", "--out", tmp_path / "m")
    assert result.exit_code == 2
    assert "the data have ZNE" in result.stderr


def test_predict_on_a_set(folder, model, tmp_path):
    three = tmp_path / "three.seisclf"
    ok("train", folder, "--estimator", "logistic", "--quick", "--out", three)
    out = tmp_path / "events.csv"
    ok("predict", three, folder, "--out", out)
    table = pd.read_csv(out)
    assert len(table) == 40
    assert {"event_id", "class", "labelled", "p_earthquake", "p_rockfall"} <= set(table)
    assert (table["class"] == table["labelled"]).mean() > 0.8
    wrong = run("predict", model, folder)  # one component where the set has three
    assert wrong.exit_code == 2
    assert "fit saw 1" in wrong.stderr


def test_predict_scans_a_record(model, record, tmp_path):
    out, plot, quakeml = (tmp_path / name for name in ("found.csv", "scan.png", "found.xml"))
    options = ["--step", "1", "--threshold", "0.6", "--plot", plot, "--quakeml", quakeml]
    result = ok("predict", model, record, *options, "--out", out)
    table = pd.read_csv(out, parse_dates=["onset", "end"])
    assert table.columns[0] == "class"
    assert set(table["stations"]) <= {"XX.A"}
    assert "100" in result.output and "XX.A" in result.output  # coverage
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert "quakeml" in quakeml.read_text()
    to_terminal = ok("predict", model, record)
    assert to_terminal.stdout.startswith("class,onset,end")


def test_predict_leaves_out_what_it_cannot_read_in_a_folder_and_says_so(model, record):
    (record.parent / "notes.txt").write_text("no waveform")
    result = ok("predict", model, record.parent)
    assert "left out" in result.stderr and "notes.txt" in result.stderr
    named = run("predict", model, record.parent / "notes.txt")
    assert named.exit_code == 2
    assert "no waveform file that ObsPy reads" in named.stderr


def test_predict_refuses_another_rate_unless_resampling_is_asked(model, record, tmp_path):
    stream = Stream([Trace(np.random.default_rng(1).normal(size=9000), {"sampling_rate": 100.0,
                     "network": "XX", "station": "B", "channel": "HHZ"})])  # fmt: skip
    path = tmp_path / "fast.mseed"
    stream.write(str(path), format="MSEED")
    result = run("predict", model, path)
    assert result.exit_code == 2
    assert "resample" in result.stderr
    ok("predict", model, path, "--resample")


def test_info(folder, model):
    assert "forest" in ok("info").stdout
    described = ok("info", folder).stdout
    assert "earthquake" in described and "50 Hz" in " ".join(described.split())
    assert "FeatureForestClassifier" in ok("info", model).stdout


def test_every_estimator_of_the_registry_trains(folder, tmp_path):
    for name in REGISTRY:
        out = tmp_path / f"{name}.seisclf"
        ok("train", folder, "--estimator", name, "--quick", "--out", out)
        assert seisclf.load(out).classes_.tolist() == ["earthquake", "rockfall"]


@pytest.mark.slow
def test_demo(tmp_path):
    result = ok("demo", "--quick", "--out", tmp_path)
    assert "bit-equal: True" in result.stdout
    page = (tmp_path / "index.html").read_text()
    assert "known events are detected" in page
    for name in ("scores", "events", "folds", "confusion", "scan"):
        assert (tmp_path / f"{name}.png").stat().st_size > 5000
    assert (tmp_path / "events.xml").exists()
