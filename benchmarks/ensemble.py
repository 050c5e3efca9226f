"""Channel ensembles: a training step, the pictures of 24 channels, and the forward of all."""

import copy
import os
import time

import numpy as np

# An event at Åknes: eight geophones of three components, 16 s at 1000 Hz.
N_CHANNELS, N_SAMPLES, SAMPLING_RATE = 24, 16_000, 1000.0
PICTURE = (128, 711)
# Interpolation in single precision, of pictures in [0, 1].
TOLERANCE = 2e-5


def run(quick=False):
    """Measure what the ensemble over channels costs.

    All is measured on one thread, in seconds of the processor: where others use the cores too,
    threads wait for each other, and seconds of the clock say nothing.

    Parameters
    ----------
    quick : bool, default=False
        Fewer events and repetitions, and a smaller network.

    Returns
    -------
    figures : dict
        Medians of interleaved repetitions, single precision.

        ``spectrogram_ratio_vs_loop``: seconds of pictures trace by trace with SciPy (spectrogram,
        log10(1 + S), minimum and maximum, ``scipy.ndimage.zoom`` with linear interpolation) over
        those of ``Spectrogram.from_preset("aknes")``, for events of 24 channels x 16 s x 1000 Hz;
        5 was asked for. ``spectrogram_ratio_vs_pillow_loop``: the same with Pillow's resize, a
        fast one, in its place, and ``spectrogram_ratio_vs_torch_loop`` with PyTorch's.
        ``spectrogram_ratio_vs_batch``: SciPy's spectrogram of all 24 channels at once, as in the
        authors' code, and Pillow trace by trace. ``picture_difference``: the largest difference
        between our pictures and those of each loop. ``spectrogram_ratio_all_cores``: against
        Pillow's loop in seconds of the clock, ours on all cores, which the loop cannot use.

        ``forward_ratio_vs_loop``: seconds of 24 forwards of ResNet34, one for each picture (1 x
        128 x 711), over one forward of all 24 as `EventEncoder` does it.

        ``step_ratio_vs_aggregate``: seconds of training on one random channel per event and epoch
        over those on the aggregated channel, with ``step_ratio_vs_aggregate_in_all`` counting the
        aggregation too; ``all_channels_ratio``: on all 24 channels in each epoch.
    """
    import torch
    from threadpoolctl import threadpool_limits

    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            figures = _spectrograms(4 if quick else 12, 2 if quick else 7)
            figures |= _forward("resnet18" if quick else "resnet34", 1 if quick else 5)
            figures |= _training(16 if quick else 64, 1 if quick else 3)
    finally:
        torch.set_num_threads(n_threads)
    return figures


# Pictures ---------------------------------------------------------------------------------------


def _spectrograms(n_events, n_repetitions):
    from seisclf.preprocessing import Spectrogram

    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_events, N_CHANNELS, N_SAMPLES)).astype(np.float32)
    X *= 10 ** rng.uniform(0, 3, (n_events, N_CHANNELS, 1)).astype(np.float32)  # counts
    spectrogram = Spectrogram.from_preset("aknes", n_threads=1).fit(X)
    methods = {
        "seisclf": lambda: spectrogram.transform(X),
        "loop": lambda: _loop(X, _zoomed),
        "pillow_loop": lambda: _loop(X, _with_pillow),
        "torch_loop": lambda: _loop(X, _with_torch),
        "batch": lambda: _by_event(X, _with_pillow),
    }
    ours = methods["seisclf"]()
    differences = {
        name: float(np.abs(method() - ours).max())
        for name, method in methods.items()
        if name != "seisclf"
    }
    if max(differences.values()) > TOLERANCE:
        raise AssertionError(f"the loops make other pictures: {differences}")
    seconds = _medians(methods, n_repetitions)
    figures = {
        f"spectrogram_ratio_vs_{name}": round(seconds[name] / seconds["seisclf"], 2)
        for name in differences
    }
    per_event = {name: round(1e3 * s / n_events, 2) for name, s in seconds.items()}
    everywhere = Spectrogram.from_preset("aknes", n_threads=os.cpu_count()).fit(X)
    by_clock = {"ours": lambda: everywhere.transform(X), "loop": methods["pillow_loop"]}
    by_clock = _medians(by_clock, n_repetitions, clock=time.perf_counter)
    figures["spectrogram_ratio_all_cores"] = round(by_clock["loop"] / by_clock["ours"], 2)
    return {
        **figures,
        "spectrogram milliseconds per event": per_event,
        "picture_difference": {name: float(f"{d:.1e}") for name, d in differences.items()},
    }


def _loop(X, resize):
    """Pictures trace by trace."""
    from scipy.signal import spectrogram

    pictures = np.empty((*X.shape[:2], *PICTURE), X.dtype)
    for event in range(X.shape[0]):
        for channel in range(X.shape[1]):
            S = spectrogram(X[event, channel], fs=SAMPLING_RATE, nperseg=80)[2]
            pictures[event, channel] = resize(_scaled(np.log10(1 + S)))
    return pictures


def _by_event(X, resize):
    """One transform for all channels of an event, but pictures resized one by one."""
    from scipy.signal import spectrogram

    pictures = np.empty((*X.shape[:2], *PICTURE), X.dtype)
    for event in range(X.shape[0]):
        S = spectrogram(X[event], fs=SAMPLING_RATE, nperseg=80)[2]
        np.log10(1 + S, out=S)
        for channel in range(X.shape[1]):
            pictures[event, channel] = resize(_scaled(S[channel]))
    return pictures


def _scaled(picture):
    low, high = picture.min(), picture.max()
    return (picture - low) / (high - low)


def _zoomed(picture):
    from scipy.ndimage import zoom

    factors = np.divide(PICTURE, picture.shape)
    return zoom(picture, factors, order=1, mode="nearest", grid_mode=True)


def _with_pillow(picture):
    from PIL import Image

    size = (PICTURE[1], PICTURE[0])
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR))


def _with_torch(picture):
    import torch

    tensor = torch.from_numpy(picture)[None, None]
    larger = torch.nn.functional.interpolate(tensor, PICTURE, mode="bilinear")
    return larger[0, 0].numpy()


# Forward ----------------------------------------------------------------------------------------


def _forward(backbone, n_repetitions):
    import torch

    from seisclf.nets import EventEncoder

    torch.manual_seed(0)
    encoder = EventEncoder(
        in_channels=1, shape=PICTURE, representation="picture", backbone=backbone
    ).eval()
    plain = copy.deepcopy(encoder.backbone).to(memory_format=torch.contiguous_format)
    pictures = torch.rand(N_CHANNELS, 1, *PICTURE)

    @torch.no_grad()
    def batched():
        return encoder.encode(pictures)

    @torch.no_grad()
    def loop():
        return torch.cat([plain(picture[None]) for picture in pictures])

    torch.testing.assert_close(batched(), loop(), rtol=1e-3, atol=1e-4)
    methods = {"batch": batched, "loop": loop}
    seconds = _medians(methods, n_repetitions)
    return {
        "forward_ratio_vs_loop": round(seconds["loop"] / seconds["batch"], 2),
        f"forward seconds per event [{backbone}]": {
            name: round(s, 3) for name, s in seconds.items()
        },
    }


# Training ---------------------------------------------------------------------------------------


def _training(n_events, n_repetitions):
    from seisclf.ensemble import ChannelEnsembleClassifier
    from seisclf.neural_network import CNNClassifier
    from seisclf.preprocessing import ChannelAggregator

    rng = np.random.default_rng(0)
    X = 100 * rng.normal(size=(n_events, N_CHANNELS, 4000)).astype(np.float32)
    y = np.arange(n_events) % 4
    network = CNNClassifier(
        sampling_rate=SAMPLING_RATE,
        backbone="resnet18",
        width=8,
        size=64,
        max_epochs=2,
        batch_size=16,
        random_state=0,
    )
    aggregator = ChannelAggregator().fit(X)
    aggregated = aggregator.transform(X)
    ensemble = ChannelEnsembleClassifier(network, random_state=0)
    everything = ChannelEnsembleClassifier(network, n_channels_per_step="all", random_state=0)
    methods = {
        "random channel": lambda: ensemble.fit(X, y),
        "aggregate": lambda: network.fit(aggregated, y),
        "aggregate, with aggregation": lambda: network.fit(aggregator.transform(X), y),
        "all channels": lambda: everything.fit(X, y),
    }
    methods["random channel"]()  # the first fit also prepares the libraries
    seconds = _medians(methods, n_repetitions)
    n_steps = 2 * -(-n_events // 16)
    plain, whole = seconds["aggregate"], seconds["aggregate, with aggregation"]
    return {
        "step_ratio_vs_aggregate": round(seconds["random channel"] / plain, 2),
        "step_ratio_vs_aggregate_in_all": round(seconds["random channel"] / whole, 2),
        "all_channels_ratio": round(seconds["all channels"] / plain, 2),
        "training seconds per step of 16 events": {
            name: round(s / n_steps, 4) for name, s in seconds.items()
        },
    }


def _medians(methods, n_repetitions, clock=time.thread_time):
    seconds = {name: [] for name in methods}
    for _ in range(n_repetitions):
        for name, method in methods.items():
            start = clock()
            method()
            seconds[name].append(clock() - start)
    return {name: float(np.median(times)) for name, times in seconds.items()}
