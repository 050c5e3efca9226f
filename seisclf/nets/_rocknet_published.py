"""The weights that RockNet's authors published, read from their Keras files."""

from pathlib import Path

import h5py
import numpy as np
import torch

from .layers import ConvUnit
from .rocknet import RockNet, RockNetWaveform
from .rocknet_association import RockNetAssociation

_N_SAMPLES = 6000
_ORDER = "ENZ"


def load_published_station(path, *, components="ZNE"):
    """Network of one station with published weights.

    Parameters
    ----------
    path : str or pathlib.Path
        HDF5 file of the waveform-only network, or of an association network, which holds the
        fusion network of its stations.
    components : str, default="ZNE"
        Order in which the waveforms will come. The published one is ENZ.

    Returns
    -------
    network : RockNet or RockNetWaveform
        In evaluation mode; masks in the order earthquake, rockfall.

    Raises
    ------
    ValueError
        If the file holds something else.
    """
    with _opened(path) as layers:
        if _is_association(layers):
            network = _fusion(layers, components)
        elif "pred_EQ_pick" in layers:
            network = _waveform_only(layers, components)
        else:
            raise ValueError(f"{path} {_NOT_PUBLISHED}")
    return network.eval()


def load_published_association(path, *, components="ZNE", merge="published"):
    """Association network with published weights.

    Parameters
    ----------
    path : str or pathlib.Path
        HDF5 file.
    components : str, default="ZNE"
        Order in which the waveforms will come.
    merge : {"published", "masked"}, default="published"
        What to do about missing stations, see `RockNetAssociation`.

    Returns
    -------
    network : RockNetAssociation
        For stations LH01 to LH04, in evaluation mode; occurrences in the order rockfall,
        earthquake.

    Raises
    ------
    ValueError
        If the file holds something else.
    """
    with _opened(path) as layers:
        if not _is_association(layers):
            raise ValueError(
                f"{path} holds no association network: read it with "
                f"RockNetClassifier.from_published"
                if "pred_EQ_pick" in layers
                else f"{path} {_NOT_PUBLISHED}"
            )
        n_stations = layers["conv1d_69/conv1d_69/kernel:0"].shape[1]
        station = _fusion(layers, components)
        network = RockNetAssociation(station, n_stations, merge=merge)
        _Filler(layers).association(network)
    return network.eval()


_NOT_PUBLISHED = (
    "is not one of RockNet's published files (net_fusion_RF_60s, net_fusion_RF_60s_noINSTANCE, "
    "wf_RF_60s): get them with seisclf.datasets.fetch_rocknet_weights"
)


class _opened:
    """The layers of a Keras file, for the length of a ``with``."""

    def __init__(self, path):
        self.path = Path(path)
        if not self.path.is_file():
            raise FileNotFoundError(
                f"there is no file {self.path}: seisclf.datasets.fetch_rocknet_weights() gets it"
            )

    def __enter__(self):
        try:
            self.file = h5py.File(self.path, "r")
        except OSError as error:
            raise ValueError(f"{self.path} is not an HDF5 file; it {_NOT_PUBLISHED}") from error
        return self.file.get("model_weights", self.file)

    def __exit__(self, *error):
        self.file.close()


def _is_association(layers):
    return "functional_3" in layers and "bidirectional" in layers


def _fusion(layers, components):
    network = RockNet(3, _N_SAMPLES, alignment="published", vertical=components.index("Z"))
    _Filler(layers["functional_3"], prefix="").fusion(network)
    _reorder(network, components)
    return network


def _waveform_only(layers, components):
    network = RockNetWaveform(3, _N_SAMPLES, alignment="published")
    _Filler(layers).waveform_only(network)
    _reorder(network, components)
    return network


def _reorder(network, components):
    """Let the first convolution take the components as they will come."""
    if sorted(components) != sorted(_ORDER):
        raise ValueError(
            f"components={components!r}: the published networks take the three components E, N "
            f"and Z, each once"
        )
    weight = network.encoders[0].first.conv.weight.data
    weight.copy_(weight[:, [_ORDER.index(letter) for letter in components]])


class _Filler:
    """Copies Keras layers, found by their names, into ours.

    Keras numbers layers of one kind in the order in which they were made: ``conv1d``,
    ``conv1d_1``, ``conv1d_2``, … What follows says which number belongs where.
    """

    def __init__(self, layers, prefix=None):
        self.layers = layers
        self.prefix = prefix

    def fusion(self, network):
        for i, block in enumerate(network.pictures):
            self.block(block, "conv2d", 4 * i, 3 * i)
        chain = [
            block
            for pair in zip(network.encoders, network.expansions, strict=True)
            for block in pair
        ]
        for i, block in enumerate(chain):
            self.block(block, "conv1d", 4 * i, 30 + 3 * i)
        fusion = network.fusion
        self.weights(fusion.to_samples, "dense")
        self.weights(fusion.mix, "conv1d_40")
        gates = (fusion.from_mix, fusion.from_waveform, fusion.gate)
        for i, (conv, norm) in enumerate(gates):
            self.weights(conv, f"conv1d_{41 + i}")
            self.norm(norm, f"batch_normalization_{60 + i}")
        self.norm(fusion.norm, "CrossFusion_init")
        self.decoder(network.decoder, 44, 63)
        self.weights(network.pick_head, "pred_eqpick")
        for head, name in zip(network.mask_heads, ("eqmask", "rfmask"), strict=True):
            self.weights(head, f"pred_{name}")

    def association(self, network):
        for i, merge in enumerate(network.merges):
            _copy(merge.sum.weight, self.read(f"conv1d_{69 + i}", "kernel:0")[0].T)
            _copy(merge.sum.bias, self.read(f"conv1d_{69 + i}", "bias:0"))
        self.decoder(network.decoder, 75, 83)
        for i, kind in enumerate(("rf", "eq")):
            heads = network.occurrences
            self.lstm(heads.recurrent[i], "bidirectional" + ("_1" if i else ""))
            conv, norm = heads.heads[i]
            self.weights(conv, f"BiLSTM_{kind}occ")
            self.norm(norm, f"{kind}occ")

    def waveform_only(self, network):
        # Number of the first convolution and the first normalisation of each block.
        encoders = [(0, 0), (26, 24), (43, 39), (60, 54), (77, 69)]
        expansions = [(13, 12), (30, 27), (47, 42), (64, 57)]
        for block, numbers in zip(network.encoders, encoders, strict=True):
            self.block(block, "conv1d", *numbers)
        for block, numbers in zip(network.expansions, expansions, strict=True):
            self.block(block, "conv1d", *numbers)
        decoder = network.decoder
        joins = [(85, 75), (99, 88), (113, 101), (127, 114), (141, 127)]
        for join, block, (conv, norm) in zip(decoder.joins, decoder.blocks, joins, strict=True):
            self.unit(join.unit, "conv1d", conv, norm)
            self.block(block, "conv1d", conv + 1, norm + 1)
        branches = (network.pick_branch, *network.mask_branches)
        for i, (branch, name) in enumerate(
            zip(branches, ("EQ_pick", "EQ_mask", "RF_mask"), strict=True)
        ):
            self.gate(branch.first_gate, 4 + 3 * i, 3 + 3 * i)
            self.unit(branch.gated, "conv1d", 6 + 3 * i, 5 + 3 * i)
            self.unit(branch.stretched, "conv1d", 146 + 3 * i, 131 + 3 * i)
            self.gate(branch.last_gate, 147 + 3 * i, 132 + 3 * i)
            self.weights(branch.head, f"pred_{name}")

    def decoder(self, decoder, conv, norm):
        for join, block in zip(decoder.joins, decoder.blocks, strict=True):
            self.unit(join.unit, "conv1d", conv, norm)
            self.block(block, "conv1d", conv + 1, norm + 1)
            conv, norm = conv + 3 + len(block.repeats), norm + 2 + len(block.repeats)

    def block(self, block, kind, conv, norm):
        """Entrance, skip and repetitions of a recurrent-residual block, numbered in this order."""
        self.unit(block.first, kind, conv, norm)
        self.weights(block.skip, _numbered(kind, conv + 1))
        for i, unit in enumerate(block.repeats):
            self.unit(unit, kind, conv + 2 + i, norm + 1 + i)

    def gate(self, gate, conv, norm):
        unit, (last_conv, last_norm), _ = gate
        self.unit(unit, "conv1d", conv, norm)
        self.weights(last_conv, _numbered("conv1d", conv + 1))
        self.norm(last_norm, _numbered("batch_normalization", norm + 1))

    def unit(self, unit: ConvUnit, kind, conv, norm):
        self.weights(unit.conv, _numbered(kind, conv))
        self.norm(unit.norm, _numbered("batch_normalization", norm))

    def weights(self, layer, name):
        kernel = self.read(name, "kernel:0")
        # Keras keeps the axes of the kernel first, then inputs, then outputs.
        _copy(layer.weight, np.moveaxis(kernel, (-1, -2), (0, 1)))
        _copy(layer.bias, self.read(name, "bias:0"))

    def norm(self, layer, name):
        _copy(layer.weight, self.read(name, "gamma:0"))
        _copy(layer.bias, self.read(name, "beta:0"))
        _copy(layer.running_mean, self.read(name, "moving_mean:0"))
        _copy(layer.running_var, self.read(name, "moving_variance:0"))

    def lstm(self, lstm, name):
        parts: list[str] = []
        self.layers[name].visit(parts.append)
        for direction, suffix in (("forward", "l0"), ("backward", "l0_reverse")):
            names = {
                part.rpartition("/")[2]: f"{name}/{part}"
                for part in parts
                if f"{direction}_lstm" in part and part.endswith(":0")
            }
            kernel, recurrent, bias = (
                self.layers[names[key]][()] for key in ("kernel:0", "recurrent_kernel:0", "bias:0")
            )
            # The gates come in the same order; PyTorch has two biases, which it adds.
            _copy(getattr(lstm, f"weight_ih_{suffix}"), kernel.T)
            _copy(getattr(lstm, f"weight_hh_{suffix}"), recurrent.T)
            _copy(getattr(lstm, f"bias_ih_{suffix}"), bias)
            getattr(lstm, f"bias_hh_{suffix}").data.zero_()

    def read(self, layer, name):
        inside = layer if self.prefix == "" else f"{layer}/{layer}"
        return self.layers[f"{inside}/{name}"][()]


def _numbered(kind, number):
    return kind if number == 0 else f"{kind}_{number}"


def _copy(tensor, values):
    values = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
    if tensor.shape != values.shape:
        raise ValueError(
            f"the file's weights have shape {tuple(values.shape)} where the network needs "
            f"{tuple(tensor.shape)}: it is not the published network"
        )
    tensor.data.copy_(values)
