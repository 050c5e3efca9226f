"""A continuous hour at four stations through RockNet's published association network."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

STATIONS = ["LH01", "LH02", "LH03", "LH04"]


def run(quick=False, n_threads=2):
    """Time the way from SAC files to functions over time, and the network within.

    Parameters
    ----------
    quick : bool, default=False
        Five minutes instead of the hour, and fewer windows against the plain port.
    n_threads : int, default=2
        Threads of every part.

    Returns
    -------
    figures : dict
        ``hour_seconds`` and ``peak_gb`` (largest resident memory, 1e9 bytes) of a fresh process
        that reads the SAC files, prepares them and annotates the hour, without the start of
        Python and its imports (``import_seconds``); ``max_difference`` of its 18 functions from
        those that the authors published. ``network_seconds``: the network alone, on as many
        windows. ``times_flop_limit``: that, as a multiple of the time that its floating-point
        operations (``gflop_per_window``, the recurrent heads included) take at the rate of
        float32 matrix products (``matrix_gflops``). ``ratio_vs_plain``: milliseconds per window
        of a plain PyTorch port in batches of 8 (``plain_ms``) over ours (``ours_ms``), medians of
        interleaved repetitions, at outputs that differ by at most ``plain_difference``.
    """
    import torch

    n_threads = min(n_threads, len(os.sched_getaffinity(0)))
    torch.set_num_threads(n_threads)
    figures = {"threads": n_threads, **_whole_job(quick, n_threads)}
    windows = _windows(16 if quick else 48)
    figures |= _against_plain(windows, n_repeats=3)
    rate = _matrix_rate()
    n_windows = figures["n_windows"]
    figures["network_seconds"] = figures["ours_ms"] * n_windows / 1e3
    if not quick:
        figures["network_seconds"] = _network_seconds(windows, n_windows)
    per_window = _gflop(windows)
    seconds = figures["network_seconds"] / n_windows
    return figures | {
        "gflop_per_window": round(per_window, 3),
        "matrix_gflops": round(rate, 1),
        "times_flop_limit": round(seconds / (per_window / rate), 2),
    }


def _data():
    folder = os.environ.get("SEISCLF_DATA")
    if not folder:
        raise SystemExit("set SEISCLF_DATA to the folder of real recordings")
    return Path(folder)


def _whole_job(quick, n_threads):
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(part for part in sys.path if part),
        "OMP_NUM_THREADS": str(n_threads),
    }
    child = subprocess.run(
        [sys.executable, __file__, str(_data()), "quick" if quick else "whole"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(child.stdout.splitlines()[-1])


def _annotate(folder, quick):
    """What the fresh process does."""
    import resource

    start = time.perf_counter()
    import obspy

    from seisclf.detection import EventDetector, rocknet_record
    from seisclf.neural_network import RockNetAssociator

    imported = time.perf_counter()
    weights = folder / "rocknet" / "net_fusion_RF_60s" / "train.hdf5"
    model = RockNetAssociator.from_published(weights)
    begin = obspy.UTCDateTime("2020-03-28T12:59:00")
    record = obspy.Stream()
    for station in STATIONS:
        record += obspy.read(str(folder / "luhu" / "sac_2020.088.13" / f"*{station}*"))
    # The mean and the filter are those of the whole span, also if less of it is scanned.
    record = rocknet_record(record, starttime=begin, endtime=begin + 3720, stations=STATIONS)
    if quick:
        record.trim(endtime=begin + 300)
    detector = EventDetector(model, window=60.0, step=5.0, stations=STATIONS)
    functions = detector.annotate(record)
    done = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    n_samples = min(len(trace) for trace in functions)
    return {
        "hour_seconds": round(done - imported, 1),
        "import_seconds": round(imported - start, 1),
        "peak_gb": round(peak, 2),
        "max_difference": _difference(functions, folder, n_samples - (6000 if quick else 0)),
        "n_windows": n_samples // 500 + 11,
    }


def _difference(functions, folder, n_samples):
    from seisclf.datasets import load_luhu_hour

    worst, n_compared = 0.0, 0
    for published in load_luhu_hour(data_home=folder).functions:
        stats = published.stats
        ours = functions.select(station=stats.station, channel=stats.channel)[0]
        gap = np.abs(ours.data[:n_samples] - published.data[:n_samples])
        worst, n_compared = max(worst, float(gap.max())), n_compared + 1
    if n_compared != 18:
        raise RuntimeError(f"{n_compared} functions compared, not 18")
    return worst


def _windows(n):
    """Real windows of the hour (n, 4, 3, 6000), spread over it."""
    import obspy
    import torch

    from seisclf.detection import rocknet_record

    folder = _data() / "luhu" / "sac_2020.088.13"
    record = obspy.Stream()
    for station in STATIONS:
        record += obspy.read(str(folder / f"*{station}*"))
    begin = obspy.UTCDateTime("2020-03-28T12:59:00")
    record = rocknet_record(record, starttime=begin, endtime=begin + 3720, stations=STATIONS)
    traces = [
        [record.select(station=station, component=letter)[0].data for letter in "ZNE"]
        for station in STATIONS
    ]
    data = np.array(traces, dtype=np.float32)
    starts = np.linspace(0, data.shape[-1] - 6000, n).astype(int)
    return torch.from_numpy(np.stack([data[..., s : s + 6000] for s in starts]))


def _network():
    from seisclf.nets import _rocknet_published, fold_batch_norms

    path = _data() / "rocknet" / "net_fusion_RF_60s" / "train.hdf5"
    network = _rocknet_published.load_published_association(path)
    return network, fold_batch_norms(network)


def _against_plain(windows, n_repeats):
    import torch

    from benchmarks._plain_rocknet import contiguous, plain_association

    network, folded = _network()
    plain = contiguous(network)

    def ours():
        return folded(windows)

    def port():
        parts = [plain_association(plain, part) for part in windows.split(8)]
        return [torch.cat(part) for part in zip(*parts, strict=True)]

    seconds = {ours: [], port: []}
    with torch.no_grad():
        pairs = zip(port(), ours(), strict=True)
        difference = max(_probabilities_differ(*pair) for pair in pairs)
        for _ in range(n_repeats):
            for method, taken in seconds.items():
                start = time.perf_counter()
                method()
                taken.append(time.perf_counter() - start)
    ms = {method: 1e3 * np.median(taken) / len(windows) for method, taken in seconds.items()}
    return {
        "plain_ms": round(ms[port], 1),
        "ours_ms": round(ms[ours], 1),
        "ratio_vs_plain": round(ms[port] / ms[ours], 2),
        "plain_difference": difference,
    }


def _probabilities_differ(one, other):
    return (one.softmax(dim=-2) - other.softmax(dim=-2)).abs().max().item()


def _network_seconds(windows, n_windows):
    import torch

    _, folded = _network()
    batch = windows[torch.arange(64) % len(windows)]
    start = time.perf_counter()
    with torch.no_grad():
        for first in range(0, n_windows, 64):
            folded(batch[: min(64, n_windows - first)])
    return round(time.perf_counter() - start, 1)


def _gflop(windows):
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    network, _ = _network()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(windows[:1])
    # The counter does not know recurrent layers: 2 classes, 2 directions, 8 gates of 6 + 2 inputs.
    recurrent = 2 * 2 * 8 * (6 + 2) * 2 * windows.shape[-1]
    return (counter.get_total_flops() + recurrent) / 1e9


def _matrix_rate():
    """GFLOP/s of float32 matrix products: the best of some, as a limit should be."""
    import torch

    a = torch.randn(2048, 2048)
    best = np.inf
    for _ in range(10):
        start = time.perf_counter()
        a @ a
        best = min(best, time.perf_counter() - start)
    return 2 * 2048**3 / best / 1e9


if __name__ == "__main__":
    print(json.dumps(_annotate(Path(sys.argv[1]), sys.argv[2] == "quick")))
