"""What all tests share: where real recordings are, and quiet threads."""

import os
from pathlib import Path

# Before SciPy is imported: scikit-learn's check of array-API input is skipped without it.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

import matplotlib
import pytest

matplotlib.use("Agg")


#: What is dealt out first, in this order. Tests on two processes stand together, so that those of
#: joblib, which import for seconds, are started once for all; a test that kills some comes last.
#: Files with tests of many seconds follow: no worker waits at the end for one of them while there
#: is nothing left that it could take over.
_FIRST = (
    "test_documentation.py::test_code_on_the_page_runs[README.md]",
    "-check_parallel_search",
    "datasets/test_aknes.py",
    "io/test_lazy.py",
    "model_selection/test_compare.py",
    "model_selection/test_label_fraction.py",
    "test_scikit_learn_tools.py",
    "detection/test_archive_scan.py",
    "utils/test_threads.py",
    "test_spread.py",
    "test_documentation.py",
    "datasets/test_esec.py",
    "inspection/test_server.py",
    "location/test_source_locator.py",
    "neural_network/test_associator.py",
    "neural_network/test_cnn_regressor.py",
    "neural_network/test_rocknet.py",
    "neural_network/test_rocknet_published.py",
)


def pytest_collection_modifyitems(items):
    """Files are moved as a whole, but for two whose tests share nothing that is made once."""

    def place(item):
        return next((i for i, part in enumerate(_FIRST) if part in item.nodeid), len(_FIRST))

    items.sort(key=place)


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
