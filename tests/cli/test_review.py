"""``seisclf review`` and ``seisclf correct``."""

import json
import os
import signal
import subprocess
import sys
import urllib.request

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from seisclf.cli._app import app
from seisclf.datasets import make_seismic_events, write_seisbench

RATE = 50.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Sixty synthetic events, eight of them with the other label."""
    events = make_seismic_events(
        60, n_sites=2, duration=12.0, sampling_rate=RATE, snr_db=(10.0, 30.0),
        classes=("earthquake", "rockfall"), random_state=0,
    )  # fmt: skip
    target = events.target.copy()
    wrong = np.random.default_rng(1).choice(60, 8, replace=False)
    target[wrong] = np.where(target[wrong] == "rockfall", "earthquake", "rockfall")
    path = tmp_path_factory.mktemp("data") / "set"
    write_seisbench(
        path, events.data, events.metadata, sampling_rate=RATE, target=target,
        component_order="ZNE",
    )  # fmt: skip
    return path


@pytest.fixture(scope="module")
def page(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("review") / "page"
    ok("review", folder, "forest", "--quick", "--cv", "3", "--out", out, "--title", "A & B")
    return out


def run(*args):
    return CliRunner().invoke(app, [str(arg) for arg in args])


def ok(*args):
    result = run(*args)
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result


def decisions_of(page, tmp_path, expert="ada"):
    """The model is right, says the expert about all suspects."""
    table = pd.read_csv(page / "predictions.csv", dtype={"event_id": str})
    suspects = table[table["suspect"]]
    made = pd.DataFrame(
        {
            "event_id": suspects["event_id"], "row": suspects["row"],
            "old_label": suspects["label"], "new_label": suspects["predicted"],
            "confidence": 0.9, "note": "", "expert": expert, "time": "2026-01-01T00:00:00Z",
            "seconds": 3.0, "action": "change",
        }
    )  # fmt: skip
    path = tmp_path / f"{expert}.csv"
    made.to_csv(path, index=False)
    return path, made


def test_review_writes_a_page(page):
    assert json.loads((page / "review.json").read_text())["title"] == "A & B"
    assert "A &amp; B" in (page / "index.html").read_text()
    table = pd.read_csv(page / "predictions.csv")
    assert table["row"].tolist() == list(range(60))
    assert len(list((page / "events").iterdir())) == table["suspect"].sum() > 0
    assert len(pd.read_csv(page / "catalogue.csv")) == 60


def test_corrections_of_two_experts(page, tmp_path):
    files = [decisions_of(page, tmp_path, name)[0] for name in ("ada", "ben")]
    made = decisions_of(page, tmp_path)[1]
    result = ok("correct", page, *files, "--out", tmp_path / "out")
    assert "2 experts" in result.output
    catalog = pd.read_csv(tmp_path / "out" / "catalogue.csv", dtype={"event_id": str})
    changed = catalog.set_index("row").loc[made["row"]]
    assert changed["label"].tolist() == made["new_label"].tolist()
    assert (changed["expert"] == "ada, ben").all() and changed["verified"].all()
    assert (changed["model"] == "forest").all()
    report = (tmp_path / "out" / "report.md").read_text()
    for words in ("Before and after", "Agreement of experts", "Changed labels", "macro average"):
        assert words in report


def test_corrections_of_a_data_folder(folder, page, tmp_path):
    path, made = decisions_of(page, tmp_path)
    ok("correct", folder, path, "--out", tmp_path / "out")
    changes = pd.read_csv(tmp_path / "out" / "changes.csv")
    assert sorted(changes["row"]) == sorted(made["row"])


def test_a_set_of_one_component(tmp_path):
    events = make_seismic_events(
        24, n_sites=2, duration=8.0, sampling_rate=RATE, classes=("earthquake", "rockfall"),
        n_components=1, random_state=0,
    )  # fmt: skip
    write_seisbench(
        tmp_path / "set", events.data, events.metadata, sampling_rate=RATE,
        target=events.target, component_order="Z",
    )  # fmt: skip
    ok("review", tmp_path / "set", "forest", "--quick", "--cv", "2", "--all", "--out",
       tmp_path / "page")  # fmt: skip
    assert len(list((tmp_path / "page" / "events").iterdir())) == 24
    assert "1 component (Z)" in " ".join(ok("info", tmp_path / "set").output.split())


def test_relevance_of_a_network_enters_the_provenance(folder, tmp_path):
    page = tmp_path / "page"
    ok("review", folder, "stft-cnn", "--quick", "--cv", "2", "--all", "--out", page)
    first = pd.read_csv(page / "predictions.csv", dtype={"event_id": str}).iloc[0]
    assert first["relevance"].startswith(f"{first['predicted']}: 1-2 Hz 0.")
    decision = {"event_id": first["event_id"], "old_label": first["label"], "new_label": "other"}
    path = tmp_path / "ada.csv"
    pd.DataFrame([decision | {"expert": "ada", "action": "change"}]).to_csv(path, index=False)
    ok("correct", page, path, "--out", tmp_path / "out")
    changes = pd.read_csv(tmp_path / "out" / "changes.csv")
    assert changes["relevance"].tolist() == [first["relevance"]]
    assert changes["model"].tolist() == ["stft-cnn"]


def test_bad_input(folder, page, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("x")
    for args, words in [
        (["review", folder], "no MODEL"),
        (["review", page], "--serve"),
        (["review", folder, "forest", "--port", "8000"], "--port is for --serve"),
        (["review", tmp_path / "nowhere", "forest"], "no such folder"),
        (["review", folder, "rainforest"], "no such model"),
        (["review", folder, "forest", "--cv", "1"], "at least 2"),
        (["review", folder, "forest", "--out", tmp_path / "full"], "no review page"),
        (["correct", tmp_path / "full"], "neither"),
        (["correct", page], "no DECISIONS"),
        (["correct", page, tmp_path / "full" / "thesis.txt"], "thesis.txt"),
    ]:
        result = run(*args)
        assert result.exit_code == 2, args
        assert words in " ".join(result.stderr.split()), result.stderr
        assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.slow
def test_serving_a_page_again(page):
    code = "from seisclf.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", code, "review", str(page), "--serve"],
        stdout=subprocess.PIPE, text=True,
        # Tests that run in the background are deaf to Ctrl-C, and so would be what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    try:
        line = process.stdout.readline()
        url = next(word for word in line.split() if word.startswith("http://127.0.0.1:"))
        with urllib.request.urlopen(url) as answer:
            assert b"seisclf-server" in answer.read()
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(10) == 0
    finally:
        process.kill()
    assert (page / "decisions.sqlite").is_file()
