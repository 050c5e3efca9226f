"""Spectrograms against batch SciPy, SciPy trace by trace, and torch.stft."""

import os
import time

import numpy as np

N_EVENTS, N_CHANNELS, N_SAMPLES = 500, 3, 3000
# (window, hop, n_fft) in samples: the three papers', and common ones at 100 Hz.
SETTINGS = {
    "rocknet": (20, 10, 100),
    "stft_cnn": (128, 40, 128),
    "aknes": (80, 70, 80),
    "1.28 s, half": (128, 64, 128),
    "1 s, half": (100, 50, 100),
    "2.56 s, three quarters": (256, 64, 256),
}
HEADLINE = "1.28 s, half"


def run(quick=False, n_threads=2):
    """Time magnitude spectrograms of 500 x 3 x 3000 float32 samples.

    Parameters
    ----------
    quick : bool, default=False
        Fewer events, settings and repetitions.
    n_threads : int, default=2
        Threads for us, for ``torch.stft`` and for ``scipy.fft``.

    Returns
    -------
    figures : dict
        ``ratio_vs_fastest``: seconds of the fastest other batch method over ours, in the
        `HEADLINE` setting (at least 1 is good), and ``ratio_vs_fastest_worst``, the smallest over
        all settings; ``ratio_vs_scipy_per_trace``; seconds of each. Medians of interleaved
        repetitions.
    """
    import torch

    n_threads = min(n_threads, len(os.sched_getaffinity(0)))
    torch.set_num_threads(n_threads)
    shape = (60 if quick else N_EVENTS, N_CHANNELS, N_SAMPLES)
    X = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    names = [HEADLINE, "rocknet"] if quick else list(SETTINGS)
    figures = {"shape": list(shape), "threads": n_threads}
    ratios = {}
    for name in names:
        methods = _methods(X, *SETTINGS[name], n_threads)
        _check_equal(methods)
        seconds = _medians(methods, 3 if quick else 9)
        others = [seconds[m] for m in seconds if m not in ("seisclf", "scipy_per_trace")]
        ratios[name] = min(others) / seconds["seisclf"]
        figures[f"seconds [{name}]"] = {m: round(s, 5) for m, s in seconds.items()}
        figures[f"ratio [{name}]"] = round(ratios[name], 3)
        if name == HEADLINE:
            per_trace = seconds["scipy_per_trace"] / seconds["seisclf"]
            figures["ratio_vs_scipy_per_trace"] = round(per_trace, 3)
    figures["ratio_vs_fastest"] = round(ratios[HEADLINE], 3)
    figures["ratio_vs_fastest_worst"] = round(min(ratios.values()), 3)
    return figures


def _methods(X, length, hop, n_fft, n_threads):
    """Functions that return (n_events, n_channels, n_frequencies, n_frames) magnitudes."""
    import scipy.fft
    import scipy.signal as ss
    import torch

    from seisclf.preprocessing import Spectrogram

    window = ss.get_window("hann", length)
    spectrogram = Spectrogram(
        sampling_rate=1.0,
        window=window,
        window_length=None,
        hop=hop,
        n_fft=n_fft,
        n_threads=n_threads,
    ).fit(X)
    window = np.array(window, X.dtype)
    options = {
        "window": window,
        "nperseg": length,
        "noverlap": length - hop,
        "nfft": n_fft,
        "detrend": False,
        "mode": "magnitude",
    }
    transform = ss.ShortTimeFFT(window, hop, 1.0, mfft=n_fft)
    tensor, tensor_window = torch.from_numpy(X), torch.tensor(window)

    def with_torch():
        Z = torch.stft(
            tensor.reshape(-1, X.shape[-1]),
            n_fft,
            hop,
            length,
            tensor_window,
            pad_mode="constant",
            return_complex=True,
        )
        return Z.abs().reshape(X.shape[:2] + Z.shape[1:]).numpy()

    def with_scipy():
        with scipy.fft.set_workers(n_threads):
            return ss.spectrogram(X, **options)[2]

    def with_short_time_fft():
        with scipy.fft.set_workers(n_threads):
            return np.abs(transform.stft(X))

    def per_trace():
        traces = X.reshape(-1, X.shape[-1])
        return np.array([ss.spectrogram(trace, **options)[2] for trace in traces])

    methods = {
        "seisclf": lambda: spectrogram.transform(X),
        "torch_stft": with_torch,
        "scipy_spectrogram": with_scipy,
        "scipy_per_trace": per_trace,
    }
    if n_fft == length:  # ShortTimeFFT (SciPy 1.17) cannot append zeros to frames of N-D input
        methods["scipy_short_time_fft"] = with_short_time_fft
    return methods


def _check_equal(methods):
    """All do the same work: up to gain and a few frames at the ends, levels agree."""
    reference = None
    for name, method in methods.items():
        Z = np.asarray(method())
        level = Z.reshape(-1, *Z.shape[-2:])[..., 4:-4].mean(axis=(0, 2))
        level /= level.mean()
        reference = level if reference is None else reference
        if not np.allclose(level, reference, rtol=0.05):
            raise AssertionError(f"{name} computes something else")


def _medians(methods, n_repetitions):
    seconds = {name: [] for name in methods}
    for repetition in range(n_repetitions):
        for name, method in methods.items():
            if name == "scipy_per_trace" and repetition > 2:
                continue  # slow, and not what the headline compares with
            start = time.perf_counter()
            method()
            seconds[name].append(time.perf_counter() - start)
    return {name: float(np.median(times)) for name, times in seconds.items()}
