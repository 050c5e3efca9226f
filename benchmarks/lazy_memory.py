"""Peak memory of training from a file that is larger than it should ever need."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks._memory import peak_bytes

SAMPLING_RATE = 100.0
N_CHANNELS, N_SAMPLES = 3, 6000
_BLOCK = 512


def run(quick=False):
    """Write a set in SeisBench's format and train one epoch on it, read lazily.

    Parameters
    ----------
    quick : bool, default=False
        200 MB instead of 4 GB.

    Returns
    -------
    figures : dict
        ``peak_gb`` is the largest resident memory of a fresh process that opens the set and
        trains an STFTCNNClassifier for one epoch, so that every event is read once; ``base_gb``
        what the process had after importing and opening; ``file_gb`` the size of the file;
        ``seconds`` the time of ``fit``. GB are 1e9 bytes.
    """
    wanted = 200e6 if quick else 4e9
    n_events = int(np.ceil(wanted / (4 * N_CHANNELS * N_SAMPLES)))
    with tempfile.TemporaryDirectory(dir=_roomy_folder(1.2 * wanted)) as folder:
        file_bytes = _write(folder, n_events)
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        child = subprocess.run(
            [sys.executable, __file__, folder],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    figures = json.loads(child.stdout.splitlines()[-1])
    return figures | {"file_gb": file_bytes / 1e9}


def _roomy_folder(n_bytes):
    for folder in (tempfile.gettempdir(), os.getcwd()):
        if shutil.disk_usage(folder).free > n_bytes:
            return folder
    raise OSError(f"{n_bytes / 1e9:.1f} GB of free disk are needed: set TMPDIR to where they are")


class _Events:
    """Events made as they are written, so that the writer holds no 4 GB either."""

    def __init__(self, n_events):
        rng = np.random.default_rng(0)
        self.noise = rng.normal(size=(_BLOCK, N_CHANNELS, N_SAMPLES)).astype(np.float32)
        self.rows = np.arange(n_events)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, rows):
        rows = self.rows[rows]
        scale = (1 + rows % 7).astype(np.float32)
        return self.noise[rows % _BLOCK] * scale[..., np.newaxis, np.newaxis]


def _write(folder, n_events):
    from seisclf.datasets import write_seisbench

    target = np.where(np.arange(n_events) % 2, "rockfall", "earthquake")
    write_seisbench(
        folder, _Events(n_events), sampling_rate=SAMPLING_RATE, target=target, blocks=_BLOCK
    )
    return (Path(folder) / "waveforms.hdf5").stat().st_size


def _train(folder):
    """What the fresh process does."""
    from seisclf.datasets import read_seisbench
    from seisclf.neural_network import STFTCNNClassifier

    events = read_seisbench(folder, lazy=True)
    # A small network: reading is measured here, arithmetic in `training`.
    classifier = STFTCNNClassifier(
        sampling_rate=events.sampling_rate,
        n_filters=(4, 8, 8),
        n_hidden=16,
        hop=0.32,
        max_epochs=1,
        random_state=0,
        device="cpu",
    )
    base = peak_bytes()
    start = time.perf_counter()
    classifier.fit(events.data, events.target)
    figures = {
        "peak_gb": peak_bytes() / 1e9,
        "base_gb": base / 1e9,
        "seconds": time.perf_counter() - start,
        "n_events": len(events.data),
        "batch_size": classifier.batch_size,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    _train(sys.argv[1])
