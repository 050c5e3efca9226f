"""Bad input: one line on standard error, exit code 2, no traceback."""

import pytest
from typer.testing import CliRunner

from seisclf.cli._app import app
from seisclf.cli._errors import one_line


@pytest.fixture
def run():
    return lambda *args: CliRunner().invoke(app, [str(arg) for arg in args])


@pytest.fixture
def broken(tmp_path):
    """A file that is no model and no waveform."""
    path = tmp_path / "broken.bin"
    path.write_bytes(b"nothing of ours")
    return path


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["compare", "nowhere"], "no such folder: nowhere"),
        (["compare", "."], "no set in SeisBench's format"),
        (["compare", ".", "--folds", "many"], "--folds"),
        (["compare"], "DATA"),
        (["train", "nowhere", "--estimator", "forest"], "no such folder"),
        (["train", ".", "--estimator", "rainforest"], "known are forest"),
        (["predict", "nowhere.seisclf", "."], "nowhere.seisclf"),
        (["info", "nowhere"], "no such file or folder: nowhere"),
        (["info", "."], "no set in SeisBench's format"),
        (["demo", "--data", "nowhere"], "no such folder"),
        (["guess"], "guess"),
        (["--wrong"], "--wrong"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(run, tmp_path, monkeypatch, args, words):
    monkeypatch.chdir(tmp_path)
    result = run(*args)
    assert result.exit_code == 2
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("seisclf: ") and words in lines[0]
    assert "Traceback" not in result.output


def test_a_file_that_is_no_model(run, broken):
    for command in (["predict", broken, broken], ["info", broken]):
        result = run(*command)
        assert result.exit_code == 2
        assert "no model file of seisclf" in result.stderr


def test_debug_lets_the_traceback_through(run):
    result = run("compare", "nowhere", "--debug")
    assert result.exit_code == 1
    assert type(result.exception).__name__ == "BadInput"


def test_a_fault_of_ours_is_one_line_too_with_another_exit_code(run, monkeypatch):
    def fail(path):
        raise ZeroDivisionError("of all things\nthis")

    monkeypatch.setattr("seisclf.cli._info.run_info", fail)
    result = run("info")
    assert result.exit_code == 1
    assert result.stderr.strip() == (
        "seisclf: ZeroDivisionError: of all things this (--debug shows where)"
    )


def test_help_and_version_need_no_heavy_library(run):
    result = run("--help")
    assert result.exit_code == 0
    for command in ("demo", "compare", "train", "predict", "info"):
        assert command in result.stdout
    import seisclf

    assert run("--version").stdout.strip() == f"seisclf {seisclf.__version__}"
    assert run().stdout == result.stdout


def test_help_loads_nothing_heavy():
    import subprocess
    import sys

    code = (
        "import sys\n"
        "from seisclf.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as stop: assert not stop.code\n"
        "heavy = {'torch', 'obspy', 'pandas', 'sklearn', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_errors_of_several_lines_become_one():
    assert one_line(ValueError("a\n- b\n- c")) == "a - b - c"
    assert one_line(KeyError("key")) == "key"
    assert one_line(ValueError()) == "ValueError"
