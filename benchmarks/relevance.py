"""Layer-wise relevance: its balance and its time for each architecture."""

import statistics
import time

import numpy as np
import torch
from torch import nn

from seisclf.inspection._lrp import propagate_relevance, working_copy
from seisclf.inspection._lrp_layers import RuleSettings
from seisclf.nets import STFTCNN, RockNet, RockNetWaveform, he_initialization

RATE = 250.0
BATCH = 16


def run(quick=False):
    """Explain events with random weights; the smallest logit makes the largest error.

    Parameters
    ----------
    quick : bool, default=False
        Fewer events and repetitions.

    Returns
    -------
    figures : dict
        ``conservation_error [architecture]``: largest ``|sum(R) - logit| / |logit|`` over events
        of the network without biases, in float32; ``max_conservation_error`` of all of them.
        ``unaccounted [architecture]``: with biases, what is left after counting what they keep.
        ``times_forward``: seconds of relevance (rule "epsilon", from the waveform to maps) over
        those of a forward pass of the same network on the same batch, of the slowest
        architecture, and of each. ``ms_per_event`` of the paper's network. ``times_forward
        [stft_cnn, rule]`` of the other rules. Medians of interleaved repetitions.
    """
    torch.set_num_threads(min(2, torch.get_num_threads()))
    torch.manual_seed(0)
    n_events, rounds = (8, 3) if quick else (BATCH, 5)
    figures = {"events": n_events, "threads": torch.get_num_threads()}
    errors, ratios = [], []
    for name, (network, x, target) in _networks(n_events).items():
        error, unaccounted = _balance(network, x, target)
        figures[f"conservation_error [{name}]"] = error
        figures[f"unaccounted [{name}]"] = unaccounted
        forward, backward = _seconds(network, x, target, rounds)
        ratios.append(backward / forward)
        errors.append(error)
        figures[f"ms_per_event [{name}]"] = round(1e3 * backward / len(x), 3)
        figures[f"times_forward [{name}]"] = round(ratios[-1], 2)
    network, x, target = _networks(n_events)["stft_cnn"]
    for rule in ("zero", "gamma", "alpha_beta", "z_plus"):
        forward, backward = _seconds(network, x, target, 3, rule)
        figures[f"times_forward [stft_cnn, {rule}]"] = round(backward / forward, 2)
    return figures | {
        "max_conservation_error": max(errors),
        "ms_per_event": figures["ms_per_event [stft_cnn]"],
        "times_forward": round(max(ratios), 2),
    }


def _networks(n):
    """Name, network, events and what is explained."""
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=(n, 3, 3750)).astype(np.float32))
    pictures = torch.from_numpy(np.abs(rng.normal(size=(n, 3, 65, 95))).astype(np.float32))
    minute = torch.from_numpy(rng.normal(size=(4, 3, 6000)).astype(np.float32))
    torch.manual_seed(0)
    frames = {"sampling_rate": RATE, "window_length": 0.512, "hop": 0.16}
    networks = {
        "stft_cnn": (STFTCNN(3, 3750, 4, **frames), x, 0),
        "stft_cnn, norms": (STFTCNN(3, 3750, 4, **frames, batch_norm=True), x, 0),
        "waveform": (STFTCNN(3, 3750, 4, **frames, representation="waveform"), x, 0),
        "cwt": (STFTCNN(3, 3750, 4, **frames, representation="cwt"), x, 0),
        "residual": (_residual(), pictures, 0),
        "alexnet": (_alexnet(), pictures, 0),
        "rocknet": (RockNet(3, 6000, n_masks=2), minute, _mask),
        "rocknet_waveform": (RockNetWaveform(3, 6000, n_masks=2), minute, _mask),
    }
    for name in ("residual", "alexnet"):
        networks[name][0].apply(he_initialization)
    for network, _, _ in networks.values():
        _spread_norms(network.eval())
    return networks


def _mask(outputs):
    return (outputs[1][:, 0, 0] - outputs[1][:, 0, 1]).mean(dim=-1)


class _Block(nn.Module):
    def __init__(self, n_in, n_out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(n_out)
        self.skip = nn.Conv2d(n_in, n_out, 1, stride, bias=False)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        out = self.norm2(self.conv2(self.relu(self.norm1(self.conv1(x)))))
        return self.relu(out + self.skip(x))


def _residual():
    blocks = [_Block(16, 16, 1), _Block(16, 32, 2), _Block(32, 64, 2)]
    first = [nn.Conv2d(3, 16, 7, 2, 3), nn.BatchNorm2d(16), nn.ReLU(inplace=True)]
    last = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 4)]
    return nn.Sequential(*first, nn.MaxPool2d(3, 2, 1), *blocks, *last)


def _alexnet():
    convolutions = [
        *(nn.Conv2d(3, 16, 11, 4, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(16, 48, 5, padding=2), nn.ReLU(inplace=True)),
        *(nn.Conv2d(48, 64, 3, padding=1), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(4)),
    ]
    dense = [nn.Flatten(), nn.Dropout(), nn.Linear(1024, 128), nn.ReLU(), nn.Linear(128, 4)]
    return nn.Sequential(*convolutions, *dense)


def _spread_norms(network):
    """Statistics as of a network that has been trained."""
    for part in network.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.2)
            part.running_var.uniform_(0.5, 2.0)
            part.bias.data.normal_(0, 0.2)


def _without_biases(network):
    network = working_copy(network)
    for part in network.modules():
        if isinstance(getattr(part, "bias", None), torch.Tensor):
            part.bias = nn.Parameter(torch.zeros_like(part.bias), requires_grad=False)
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            part.running_mean = torch.zeros_like(part.running_mean)
    return network


def _balance(network, x, target):
    bare = _explain(_without_biases(network), x, target)
    whole = _explain(working_copy(network), x, target)
    return bare.conservation_error.abs().max().item(), whole.unaccounted.abs().max().item()


def _explain(copied, x, target, rule="epsilon"):
    """From waveforms: what makes the maps takes its time, too."""
    settings = RuleSettings(rule)
    if hasattr(copied, "explain_from"):
        with torch.no_grad():
            maps = [copied.explained_input(x)]
        return propagate_relevance(copied, copied.explain_from, maps, target, settings)
    if not hasattr(copied, "input"):
        return propagate_relevance(copied, copied, [x], target, settings)
    with torch.no_grad():
        prepared = [part for part in copied.input(x) if part is not None]
    prepare, copied.input = copied.input, _Given()

    def run(*inputs):
        copied.input.prepared = (*inputs, None)[:2]
        return copied(inputs[0])

    try:
        return propagate_relevance(copied, run, prepared, target, settings)
    finally:
        copied.input = prepare


class _Given(nn.Module):
    prepared = None

    def forward(self, x):
        return self.prepared


def _seconds(network, x, target, rounds, rule="epsilon"):
    copied = working_copy(network)

    def forward():
        with torch.no_grad():
            network(x)

    def relevance():
        _explain(copied, x, target, rule)

    seconds = {forward: [], relevance: []}
    for round_ in range(rounds + 1):
        for method, taken in seconds.items():
            start = time.perf_counter()
            method()
            if round_:
                taken.append(time.perf_counter() - start)
    return [statistics.median(taken) for taken in seconds.values()]
