"""Scan a continuous record with STFT-CNN: EventDetector against a loop over its windows."""

import statistics
import time

import numpy as np

from benchmarks.rocknet import _matrix_rate

RATE, WINDOW, STEP = 250.0, 15.0, 1.0
# Also of a prediction: maps of so many windows stay in the cache of a core.
BATCH_SIZE = 32
CLASSES = ("earthquake", "noise", "quake", "rockfall")


def run(quick=False, n_threads=None):
    """Time a scan as the paper makes it: three components, 250 Hz, windows of 15 s every second.

    The loop takes window after window, reduces it by its mean and divides it by its largest
    absolute value, computes SciPy's STFT of each channel and gives the magnitudes to the same
    network. Both scan the same record in turns. The network was trained for an epoch on noise:
    what it says does not matter, and how long it takes does not depend on it.

    Parameters
    ----------
    quick : bool, default=False
        Three minutes instead of fifteen, and fewer rounds.
    n_threads : int, optional
        Threads of PyTorch, for both; by default those it takes by itself.

    Returns
    -------
    figures : dict
        ``times_real_time``: seconds of record per second of the whole scan, from the Stream to
        probabilities over time. ``ratio_vs_loop``: time of the loop over that of the scan, median
        of rounds; ``max_difference`` of their probabilities. ``scan_ms``, ``network_ms`` and
        ``spectrogram_ms``: per window, the whole scan, the network in it, and of that the part up
        to the spectrogram; ``limit_ms``: what the network's floating-point operations
        (``mflop_per_window``) take at the rate of float32 matrix products. ``detector_share``:
        what the detector adds to ``predict_proba`` on windows that are cut already. ``chain_ms``:
        the paper's post-processing of the whole record, and picking.
    """
    import torch

    before = torch.get_num_threads()
    n_threads = n_threads or before
    torch.set_num_threads(n_threads)
    try:
        return _measure(180 if quick else 900, 3 if quick else 5) | {"threads": n_threads}
    finally:
        torch.set_num_threads(before)


def _measure(seconds, rounds):
    from seisclf.detection import EventDetector, stft_cnn_postprocessing

    classifier = _classifier()
    data = _noise(seconds)
    stream = _stream(data)
    detector = EventDetector(classifier, step=STEP, stack="window")
    windows = _windows(data)
    methods = {
        "scan": lambda: detector.predict_functions(stream),
        "loop": lambda: _loop(classifier, data),
        "predict_proba": lambda: classifier.predict_proba(windows),
    }
    answers = {name: method() for name, method in methods.items()}
    function = answers["scan"]["XX.A"]
    scanned = function.probabilities[~np.isnan(function.probabilities).any(axis=1)]
    if len(scanned) != len(answers["loop"]) or function.n_windows != len(windows):
        raise RuntimeError(
            f"{len(scanned)} windows of the scan, {len(answers['loop'])} of the loop"
        )
    times = {name: [] for name in methods}
    for i in range(rounds):
        for name in sorted(methods, reverse=bool(i % 2)):
            start = time.perf_counter()
            methods[name]()
            times[name].append(time.perf_counter() - start)
    scan = np.array(times["scan"])
    per_window = 1e3 / len(windows)
    chain = EventDetector(
        classifier, step=STEP, stack="window", postprocessing=stft_cnn_postprocessing()
    )
    network_ms, spectrogram_ms, mflop = _parts(classifier, windows)
    return {
        "times_real_time": round(seconds / float(np.median(scan)), 1),
        "ratio_vs_loop": round(float(np.median(np.array(times["loop"]) / scan)), 2),
        "max_difference": float(np.abs(scanned - answers["loop"]).max()),
        "scan_ms": round(float(np.median(scan)) * per_window, 3),
        "loop_ms": round(statistics.median(times["loop"]) * per_window, 3),
        "spectrogram_ms": round(spectrogram_ms, 3),
        "network_ms": round(network_ms, 3),
        "limit_ms": round(mflop / _matrix_rate(), 3),
        "mflop_per_window": round(mflop, 1),
        "detector_share": round(1 - float(np.median(np.array(times["predict_proba"]) / scan)), 3),
        "chain_ms": round(1e3 * _best(lambda: chain.pick(answers["scan"])), 2),
        "record_s": seconds,
        "n_windows": len(windows),
        "rounds": rounds,
    }


def _classifier():
    from seisclf.neural_network import STFTCNNClassifier

    rng = np.random.default_rng(0)
    X = rng.normal(size=(32, 3, round(WINDOW * RATE))).astype(np.float32)
    return STFTCNNClassifier(
        sampling_rate=RATE, max_epochs=1, batch_size=BATCH_SIZE, random_state=0, device="cpu"
    ).fit(X, np.resize(CLASSES, 32))


def _noise(seconds):
    """Noise with a slow trend and a loud stretch (3, n_samples), as counts of a digitizer."""
    rng = np.random.default_rng(1)
    data = np.cumsum(rng.normal(size=(3, round(seconds * RATE))), axis=1) * 0.1
    data += rng.normal(size=data.shape)
    data[:, 5000:9000] += 10 * rng.normal(size=(3, 4000))
    return data.astype(np.float32)


def _stream(data):
    from obspy import Stream, Trace

    header = {"network": "XX", "station": "A", "sampling_rate": RATE}
    return Stream(
        Trace(row, {**header, "channel": f"HH{letter}"})
        for letter, row in zip("ZNE", data, strict=True)
    )


def _windows(data):
    length, step = round(WINDOW * RATE), round(STEP * RATE)
    view = np.lib.stride_tricks.sliding_window_view(data, length, axis=1)[:, ::step]
    return np.ascontiguousarray(view.swapaxes(0, 1))


def _loop(classifier, data):
    """Probabilities (n_windows, n_classes), the way one writes it down first."""
    import torch
    from scipy.signal import stft
    from scipy.special import softmax

    module = classifier.net_.module_.eval()
    length, step = round(WINDOW * RATE), round(STEP * RATE)
    answers = []
    with torch.no_grad():
        for start in range(0, data.shape[1] - length + 1, step):
            window = data[:, start : start + length].astype(float)
            window -= window.mean(axis=1, keepdims=True)
            window /= np.abs(window).max()
            maps = []
            for channel in window:
                _, _, Z = stft(channel, fs=RATE, window="boxcar", nperseg=128, noverlap=88)
                maps.append(np.abs(Z))
            maps = np.array(maps)
            maps /= np.sqrt(np.mean(maps**2))
            x = torch.from_numpy(maps[np.newaxis].astype(np.float32))
            logits = module.head(module.blocks(x)).numpy()
            answers.append(softmax(logits.astype(float), axis=1)[0])
    return np.array(answers)


def _parts(classifier, windows):
    """Milliseconds per window of the network and of its spectrogram, and its MFLOP."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    module = classifier.net_.module_.eval()
    x = torch.from_numpy(windows[:BATCH_SIZE])
    with torch.no_grad():
        whole, first = _best(lambda: module(x)), _best(lambda: module.spectrogram(x))
        with FlopCounterMode(display=False) as counter:
            module(x[:1])
    return 1e3 * whole / len(x), 1e3 * first / len(x), counter.get_total_flops() / 1e6


def _best(function, n_repeats=9):
    times = []
    for _ in range(n_repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)
