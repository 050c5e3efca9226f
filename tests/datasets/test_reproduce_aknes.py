"""The script that reproduces the tables of the Åknes paper runs, on a set of the same form."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from seisclf.datasets._aknes_files import CLASSES

SCRIPT = Path(__file__).parents[2] / "examples" / "reproduce_aknes.py"


@pytest.fixture(scope="module")
def names():
    """What the script defines."""
    if not SCRIPT.is_file():
        pytest.skip("the examples are not here")
    return runpy.run_path(str(SCRIPT))


@pytest.fixture
def script(names, aknes):
    """The script's names, and arguments that find a set."""
    rng = np.random.default_rng(0)
    for number, name in enumerate(CLASSES):
        for event in range(5):
            counts = rng.normal(0, 1000, (24, 16_000))
            aknes.write(f"20{10 + event}_{number + 1:03d}_00_{100 + event}", name, counts)
    arguments = ["--data-home", str(aknes.home), "--store", str(aknes.home / "runs"), "--quick"]
    return names, [*arguments, "--device", "cpu", "--repeats", "1"]


def test_the_first_tables_and_going_on(script, capsys):
    names, arguments = script
    names["main"]([*arguments, "--tables", "3"])
    first = capsys.readouterr().out
    assert "44 events, 43 of them with a class" in first
    for name in ("AlexNet, aggregate", "AlexNet, ensemble", "ResNet34, ensemble"):
        assert name in first
    assert "0.928 (0.005)" in first
    assert "ensemble, ResNet34 #0 …" in first
    names["main"]([*arguments, "--tables", "3"])
    again = capsys.readouterr().out
    assert "…" not in again
    assert again.split("Table 3")[1] == first.split("Table 3")[1]
    with pytest.raises(SystemExit, match="other settings"):
        names["main"]([*arguments, "--tables", "3", "--epochs", "2"])


@pytest.mark.slow
def test_all_tables(script, capsys):
    names, arguments = script
    names["main"](arguments)
    out = capsys.readouterr().out
    for text in ("Table 2", "Table 5", "VNIbCReg, 5%", "0.717 (0.037)", "batch norm frozen"):
        assert text in out


def test_every_row_of_the_paper_is_there(names):
    rows = {table: list(names["rows_of"](table)) for table in (2, 3, 4, 5)}
    assert [len(rows[table]) for table in (2, 3, 4, 5)] == [4, 4, 6, 18 + 2]
    by_name = {row.name: row for row in rows[5]}
    few, many = by_name["VNIbCReg, 5%"], by_name["VNIbCReg, 80%"]
    assert few.params == {"freeze_batch_norm": True, "lr": 1e-3, "encoder_lr": 5e-4}
    assert many.params == {"lr": 1e-3, "encoder_lr": 5e-4}
    # What is the same in two tables is done once.
    assert by_name["random, 80%"].key == rows[3][3].key
    assert rows[3][2].key == rows[2][1].key
    weights = [row.params["class_weight"] for row in rows[2]]
    assert weights == [names["CLASS_WEIGHT"]] * 2 + [None] * 2
