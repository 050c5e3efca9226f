"""Archives: reading, scans beside inference alone, and memory for one day and for ten."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

RATE, START = 100.0, "2023-06-01"
# Numbers of stations: what is measured is time for each.
_STATIONS = {"forest": 1, "stft_cnn": 1, "rocknet": 1, "rocknet_network": 4}


def run(quick=False):
    """Time scans of an archive against inference alone on the same windows.

    The archive is made for it: noise of three components at 100 Hz in counts, miniSEED (Steim-2),
    a file for each channel and hour. The scan indexes it, reads it, cuts windows, asks the
    classifier, combines, picks and stores; inference alone is the classifier on the very batches
    that the scan gave it, lying in memory. Both are timed in turns. What the models were trained
    on makes no difference to the time they take.

    Parameters
    ----------
    quick : bool, default=False
        Minutes instead of hours, and one round.

    Returns
    -------
    figures : dict
        For each model ``<model>_station_days_per_hour`` and ``<model>_overhead_share``: (time of
        the scan - time of inference) / time of inference, median of rounds; ``overhead_share``,
        the largest of these. ``memory_mb_one`` and ``memory_mb_ten``: peak of a process that scans
        a day, and ten (quick: 40 min and 400), with a model that costs nothing;
        ``memory_growth``, their ratio. What ``benchmarks._archive_reading.reading`` says of
        reading.
    """
    rounds = 1 if quick else 3
    figures = _reading(quick)
    for name, n_stations in _STATIONS.items():
        seconds = 300 if quick else {"rocknet_network": 3600}.get(name, 7200)
        figures |= _scan(name, n_stations, seconds, rounds)
    shares = [value for key, value in figures.items() if key.endswith("_overhead_share")]
    figures["overhead_share"] = max(shares)
    return figures | memory(quick)


def _reading(quick):
    try:
        from benchmarks._archive_reading import reading
    except ImportError:
        return {}
    return reading(quick=quick)


def _scan(name, n_stations, seconds, rounds):
    import warnings

    from seisclf.detection import EventDetector

    warnings.simplefilter("ignore", UserWarning)
    model = _Kept(_model(name))
    detector = EventDetector(model)
    shares, speeds = [], []
    with tempfile.TemporaryDirectory() as folder:
        write_noise(folder, seconds, n_stations)
        for _ in range(rounds):
            model.kept.clear()
            for index in Path(folder).glob(".seisclf-index*"):
                index.unlink()
            begin = time.perf_counter()
            found = detector.scan(folder)
            scan = time.perf_counter() - begin
            if not found.complete:
                raise RuntimeError(", ".join(found.tasks["error"].unique()))
            own = model.kept[1:]  # the first windows are those that the model is known by
            begin = time.perf_counter()
            for X in own:
                model.inner(X)
            inference = time.perf_counter() - begin
            shares.append((scan - inference) / inference)
            speeds.append(n_stations * seconds / 86400 / (scan / 3600))
    return {
        f"{name}_station_days_per_hour": round(float(np.median(speeds)), 2),
        f"{name}_overhead_share": round(float(np.median(shares)), 3),
        f"{name}_windows": sum(map(len, own)),
    }


class _Kept:
    """A classifier that keeps what it is given; its own copy, since batches are views."""

    def __init__(self, model):
        self.model, self.kept = model, []
        functions = hasattr(model, "predict_functions")
        self.inner = model.predict_functions if functions else model.predict_proba
        if functions:
            self.predict_functions = self._call
        for name in (
            "classes_", "sampling_rate", "n_channels_in_", "n_samples_in_", "n_stations_in_",
            "background", "picked", "station_model_",
        ):  # fmt: skip
            if hasattr(model, name):
                setattr(self, name, getattr(model, name))

    def predict_proba(self, X):
        return self._call(X)

    def _call(self, X):
        self.kept.append(X)
        return self.inner(X)


def _model(name):
    from seisclf.datasets import make_seismic_events

    options = {"sampling_rate": RATE, "random_state": 0, "return_X_y": True}
    if name == "forest":
        from seisclf.ensemble import FeatureForestClassifier

        X, y = make_seismic_events(120, duration=15.0, **options)
        forest = FeatureForestClassifier(sampling_rate=RATE, n_estimators=500, random_state=0)
        return forest.fit(X, y)
    if name == "stft_cnn":
        from seisclf.neural_network import STFTCNNClassifier

        X, y = make_seismic_events(64, duration=15.0, **options)
        return STFTCNNClassifier(sampling_rate=RATE, max_epochs=1, random_state=0).fit(X, y)
    return _rocknet(name == "rocknet_network")


def _rocknet(network):
    """With published weights where they are, else with weights that were hardly trained."""
    from seisclf.neural_network import RockNetAssociator, RockNetClassifier

    data = os.environ.get("SEISCLF_DATA")
    weights = Path(data or ".", "rocknet", "net_fusion_RF_60s", "train.hdf5")
    if weights.is_file():
        cls = RockNetAssociator if network else RockNetClassifier
        return cls.from_published(weights)
    from seisclf.datasets import make_seismic_events

    X, y = make_seismic_events(
        8, classes=("earthquake", "noise", "rockfall"), duration=60.0, sampling_rate=RATE,
        n_stations=4 if network else 1, random_state=0, return_X_y=True,
    )  # fmt: skip
    model = RockNetAssociator if network else RockNetClassifier
    return model(sampling_rate=RATE, max_epochs=1, random_state=0).fit(X, y)


def write_noise(folder, seconds, n_stations, *, days=1, file_seconds=3600):
    """An archive of noise in counts: SDS-like names, Steim-2."""
    from obspy import Stream, Trace, UTCDateTime

    rng = np.random.default_rng(0)
    total = round(seconds * days * RATE)
    size = round(file_seconds * RATE)
    for station in range(n_stations):
        for letter in "ZNE":
            for number, first in enumerate(range(0, total, size)):
                n = min(size, total - first)
                data = np.cumsum(rng.integers(-9, 10, n)) % 4001 + rng.integers(-300, 300, n)
                header = {
                    "network": "XX", "station": f"LH{station + 1:02d}", "channel": f"EP{letter}",
                    "sampling_rate": RATE, "starttime": UTCDateTime(START) + first / RATE,
                }  # fmt: skip
                path = Path(folder, f"LH{station + 1:02d}", f"EP{letter}.{number:05d}.mseed")
                path.parent.mkdir(exist_ok=True)
                stream = Stream([Trace(data.astype(np.int32), header)])
                stream.write(str(path), format="MSEED", encoding="STEIM2")


def memory(quick=False):
    """Peak memory of a process that scans a day, and of one that scans ten days.

    Parameters
    ----------
    quick : bool, default=False
        40 and 400 minutes, in tasks that are as much shorter.

    Returns
    -------
    figures : dict
        ``memory_mb_one``, ``memory_mb_ten``, ``memory_growth``.
    """
    seconds, chunk = (2400, 600.0) if quick else (86400, None)
    peaks = {}
    for days in (1, 10):
        with tempfile.TemporaryDirectory() as folder:
            write_noise(folder, seconds, 1, days=days)
            code = f"from benchmarks.archive import _peak; _peak({folder!r}, {chunk!r})"
            environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
            done = subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True,
                env=environment,
            )  # fmt: skip
        peaks[days] = json.loads(done.stdout.splitlines()[-1])
    return {
        "memory_mb_one": round(peaks[1]["mb"]),
        "memory_mb_ten": round(peaks[10]["mb"]),
        "memory_growth": round(peaks[10]["mb"] / peaks[1]["mb"], 3),
        "free_model_station_days_per_hour": round(peaks[10]["speed"], 1),
    }


class _Free:
    """A classifier that costs nothing and finds nothing."""

    classes_ = np.array(["noise", "quake"])
    sampling_rate, n_channels_in_, n_samples_in_ = RATE, 3, 1500

    def predict_proba(self, X):
        return np.tile([0.9, 0.1], (len(X), 1))


def _peak(folder, chunk):
    from benchmarks._memory import peak_bytes
    from seisclf.detection import EventDetector

    begin = time.perf_counter()
    found = EventDetector(_Free()).scan(folder, chunk=chunk)
    hours = (time.perf_counter() - begin) / 3600
    days = found.tasks["recorded"].sum() / 86400
    print(json.dumps({"mb": peak_bytes() / 1e6, "speed": days / hours}))
