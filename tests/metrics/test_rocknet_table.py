"""The figures of RockNet's Table I, as the benchmark recomputes them."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "benchmarks" / "rocknet_scores.py"


@pytest.fixture(scope="module")
def benchmark():
    spec = spec_from_file_location("rocknet_scores", PATH)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_table_one(data_dir, benchmark, capsys):
    figures = benchmark.run()
    assert round(figures["fusion_f1_macro"], 3) == figures["fusion_paper"] == 0.983
    assert round(figures["waveform_f1_macro"], 3) == figures["waveform_paper"] == 0.962
    # At the thresholds of the paper, the best of its grid.
    for model, paper in (("association", 0.990), ("association_luhu", 0.968)):
        assert round(figures[f"{model}_f1_macro_paper"], 3) == figures[f"{model}_paper"] == paper
        assert figures[f"{model}_f1_macro_grid"] == figures[f"{model}_f1_macro_paper"]
    # At the one of the scripts.
    assert round(figures["association_f1_macro"], 3) == 0.983
    assert round(figures["association_luhu_f1_macro"], 3) == 0.926
    assert (figures["association_best_low"], figures["association_best_high"]) == (0.13, 0.33)
    table = capsys.readouterr().err.splitlines()
    assert len(table) == 1 + 4 + 2 * 2 + 4
    # F1 of every class agrees with the paper to its three digits.
    paper = [line.split()[-4:] for line in table if " paper," in line]
    ours = [
        line.split()[-4:]
        for line in table
        if line.startswith(("fusion", "waveform"))
        and "scripts" in line
        or "probabilities, 0.3 " in line
        or "probabilities, 0.1 " in line
    ]
    for row, printed in zip(ours, paper, strict=True):
        assert [float(x) for x in row] == pytest.approx([float(x) for x in printed], abs=5.1e-4)
