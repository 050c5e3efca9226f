"""`import seisclf` is instant and drags nothing along."""

import subprocess
import sys


def loaded_after(statement):
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_import_is_light():
    heavy = {"torch", "obspy", "pandas", "sklearn", "scipy", "matplotlib", "h5py"}
    assert not heavy & loaded_after("import seisclf")


def test_classical_parts_do_without_torch_and_obspy():
    statement = "import seisclf.preprocessing, seisclf.feature_extraction, seisclf.ensemble"
    assert not {"torch", "obspy", "matplotlib", "tsfresh"} & loaded_after(statement)


def test_command_line_starts_without_torch():
    assert not {"torch", "obspy", "sklearn"} & loaded_after("import seisclf.cli")


def test_every_subpackage_is_an_attribute():
    import seisclf

    assert all(
        getattr(seisclf, name).__name__ == f"seisclf.{name}" for name in seisclf._SUBPACKAGES
    )
    assert set(seisclf._SUBPACKAGES) <= set(dir(seisclf))
