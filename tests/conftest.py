"""What all tests share: where real recordings are, and quiet threads."""

import os
from pathlib import Path

# Before SciPy is imported: scikit-learn's check of array-API input is skipped without it.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

import matplotlib
import pytest

matplotlib.use("Agg")


@pytest.fixture(scope="session")
def data_dir():
    """Folder of real recordings, from the environment variable SEISCLF_DATA."""
    folder = os.environ.get("SEISCLF_DATA")
    if not folder:
        pytest.skip("set SEISCLF_DATA to the folder of real recordings to run this test")
    path = Path(folder)
    if not path.is_dir():
        pytest.fail(f"SEISCLF_DATA={folder} is no folder")
    return path


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    from matplotlib import pyplot as plt

    plt.close("all")


@pytest.fixture(scope="session", autouse=True)
def _one_thread_per_worker():
    """Workers of pytest-xdist share the cores: each takes one thread."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        import torch

        torch.set_num_threads(1)
