"""SeismicFeatures against tsfresh, a per-trace SciPy loop of the same features, and one FFT."""

import os
import time
import warnings

import numpy as np
from scipy import fft

from benchmarks._loop_features import event_features
from seisclf.feature_extraction import SeismicFeatures, TsfreshFeatures

RATE = 100.0


def run(quick=False):
    """Speed on three-component events of 3000 samples (30 s at 100 Hz), float32.

    Each competitor gets its default number of jobs; every figure is the best of several runs
    except tsfresh's, which runs once.

    Returns
    -------
    figures : dict
        ``ratio_vs_tsfresh`` and ``ratio_vs_loop``: how many times faster per event; ``ffts``:
        time as a multiple of one real FFT of the same data; and the times behind them.
    """
    n_events = 64 if quick else 512
    X = make_events(n_events)
    features = SeismicFeatures(sampling_rate=RATE).fit(X)
    ours = _best(lambda: features.transform(X), 3 if quick else 7) / n_events
    one_fft = _best(lambda: fft.rfft(X, axis=-1), 7) / n_events

    n_loop = 8 if quick else 64
    loop = _best(lambda: [event_features(event, RATE) for event in X[:n_loop]], 3) / n_loop

    figures = {
        "ratio_vs_loop": loop / ours,
        "ffts": ours / one_fft,
        "ms_per_event": ours * 1e3,
        "loop_ms_per_event": loop * 1e3,
        "fft_ms_per_event": one_fft * 1e3,
        "n_features": int(features.transform(X[:1]).shape[1]),
        "n_events": n_events,
        "cpus": os.cpu_count(),
    }
    n_tsfresh = 1 if quick else 4
    tsfresh = _tsfresh_seconds(X[:n_tsfresh]) / n_tsfresh
    return {
        "ratio_vs_tsfresh": tsfresh / ours,
        **figures,
        "tsfresh_ms_per_event": tsfresh * 1e3,
    }


def make_events(n_events, n_samples=3000, random_state=0):
    """Noise under an emergent envelope with a coda, coloured so that it is not white."""
    rng = np.random.default_rng(random_state)
    time_s = np.arange(n_samples) / RATE
    onset = rng.uniform(3, 10, size=(n_events, 1, 1))
    decay = rng.uniform(2, 8, size=(n_events, 1, 1))
    since = np.maximum(time_s - onset, 0)
    envelope = 0.05 + since * np.exp(-since / decay)
    noise = rng.standard_normal((n_events, 3, n_samples))
    spectrum = fft.rfft(noise) / (1 + (fft.rfftfreq(n_samples, 1 / RATE) / 8) ** 2)
    return (envelope * fft.irfft(spectrum, n_samples)).astype(np.float32)


def _tsfresh_seconds(X):
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        TsfreshFeatures(settings="efficient", select=False).fit_transform(X)
    return time.perf_counter() - start


def _best(function, repeats):
    function()  # caches, page faults
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)
