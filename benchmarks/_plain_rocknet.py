"""RockNet's association network as one would port it: the same weights, nothing done for speed."""

import copy

import torch
import torch.nn.functional as F


def contiguous(network):
    """Copy a network with its weights as a plain module has them, channels before samples."""
    plain = copy.deepcopy(network)
    for parameter in plain.parameters():
        parameter.data = parameter.data.contiguous()
    return plain


def plain_association(network, x):
    """Run an association network layer by layer.

    Batch normalisation stays a layer of its own, maps keep their channels first, stretched maps
    are made in full, and each recurrent head walks through time by itself.

    Parameters
    ----------
    network : seisclf.nets.RockNetAssociation
        Where the weights are, made `contiguous`.
    x : torch.Tensor of shape (n, n_stations, n_channels, n_samples)
        Waveforms without missing stations.

    Returns
    -------
    occurrence, picks, masks : torch.Tensor
        Logits, as the network's own ``forward`` gives them.
    """
    n = len(x)
    maps, outputs = _station(network.station, x.flatten(0, 1))
    merged = [
        torch.einsum("nsct,s->nct", m.reshape(n, -1, *m.shape[1:]), merge.sum.weight[0])
        + merge.sum.bias
        for m, merge in zip(maps, network.merges, strict=True)
    ]
    decoded = _decode(network.decoder, merged[-1], merged[:-1])
    occurrence = []
    heads = network.occurrences
    for lstm, (conv, norm) in zip(heads.recurrent, heads.heads, strict=True):
        states = lstm(decoded.transpose(1, 2))[0].transpose(1, 2)
        occurrence.append(norm(_conv(conv, states)))
    picks, masks = (output.reshape(n, -1, *output.shape[1:]) for output in outputs)
    return torch.stack(occurrence, dim=1), picks, masks


def _station(station, x):
    waveform, picture = station.input(x)
    encoded, expanded = [], []
    for encoder, expansion in zip(station.encoders, station.expansions, strict=True):
        encoded.append(_block(encoder, waveform))
        waveform = _block(expansion, encoded[-1])
        expanded.append(waveform)
    for block in station.pictures:
        picture = _block(block, picture)
    fused = station.fusion(expanded[-1], picture)
    decoded = _decode(station.decoder, fused, expanded)
    picks = _conv(station.pick_head, decoded)
    masks = torch.stack([_conv(head, decoded) for head in station.mask_heads], dim=1)
    return [*encoded, fused], (picks, masks)


def _decode(decoder, x, skips):
    for join, block, skip in zip(decoder.joins, decoder.blocks, reversed(skips), strict=True):
        x = _unit(join.unit, x.repeat_interleave(join.factor, dim=-1))
        first = (x.shape[-1] - skip.shape[-1]) // 2
        x = torch.cat([skip, x[..., first : first + skip.shape[-1]]], dim=1)
        x = _block(block, x)
    return x


def _block(block, x):
    entered = repeated = _unit(block.first, x)
    for unit in block.repeats:
        repeated = _unit(unit, repeated + entered)
    return repeated + _conv(block.skip, entered)


def _unit(unit, x):
    norm = unit.norm
    mean, variance = norm.running_mean, norm.running_var
    x = F.batch_norm(_conv(unit.conv, x), mean, variance, norm.weight, norm.bias, eps=norm.eps)
    return F.relu(x)


def _conv(conv, x):
    pads, sizes = [], zip(x.shape[2:], conv.kernel_size, conv.stride, strict=True)
    for size, kernel, stride in sizes:
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        pads.append((total // 2, total - total // 2))
    convolve = F.conv1d if x.ndim == 3 else F.conv2d
    padding = tuple(left for left, _ in pads)
    if any(left != right for left, right in pads):
        x, padding = F.pad(x, [side for pair in reversed(pads) for side in pair]), 0
    return convolve(x, conv.weight, conv.bias, conv.stride, padding)
