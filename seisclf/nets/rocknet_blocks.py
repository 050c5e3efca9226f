"""Blocks of RockNet's networks: recurrent-residual units, joins, the decoder."""

import math

import torch
from torch import nn

from .layers import ConvUnit, SameConv1d, SameConv2d, batch_norm, join_channels

__all__ = [
    "Decoder",
    "RecurrentResidual",
    "UpsampleConcat",
    "crop",
    "keras_initialization",
    "normalized",
    "start_at_background",
    "stretch",
]

_KERNEL = 7


class RecurrentResidual(nn.Module):
    """A convolution unit, repeated on its own output, and a convolution past the repetitions.

    Each repetition has weights of its own and sees the sum of the first unit's output and the
    last repetition's.

    Parameters
    ----------
    first : ConvUnit
        The first unit.
    repeats : list of ConvUnit
        The repetitions.
    skip : torch.nn.Module
        What leads past them.
    """

    def __init__(self, first, repeats, skip):
        super().__init__()
        self.first = first
        self.repeats = nn.ModuleList(repeats)
        self.skip = skip
        self.folded = False

    @classmethod
    def of_waveforms(cls, n_in, n_out, stride=1, *, n_repeats=2, dropout=0.1):
        """The block for maps over time: kernels of 7 everywhere."""
        return cls(
            ConvUnit(SameConv1d(n_in, n_out, _KERNEL, stride), dropout),
            [ConvUnit(SameConv1d(n_out, n_out, _KERNEL), dropout) for _ in range(n_repeats)],
            SameConv1d(n_out, n_out, _KERNEL),
        )

    @classmethod
    def of_pictures(cls, n_in, n_out, stride=1, *, n_repeats=2, dropout=0.1):
        """The block for spectrograms: kernels of 3 x 3, and 1 x 1 past the repetitions."""
        return cls(
            ConvUnit(SameConv2d(n_in, n_out, 3, stride), dropout),
            [ConvUnit(SameConv2d(n_out, n_out, 3), dropout) for _ in range(n_repeats)],
            SameConv2d(n_out, n_out, 1),
        )

    def forward(self, x):
        """Maps (n, n_in, ...) to (n, n_out, ...)."""
        entered = self.first(x)
        repeated = self.repeats[0](entered if self.folded else entered + entered)
        for unit in self.repeats[1:]:
            repeated = unit(_sum(repeated, entered))
        return _sum(self.skip(entered), repeated)

    def fold(self):
        """Let the first repetition's weights double its input."""
        self.repeats[0].get_parameter("conv.weight").data.mul_(2)
        self.folded = True


def _sum(own, other):
    """Add, without taking new memory where no gradient will be asked for."""
    return own + other if torch.is_grad_enabled() else own.add_(other)


class UpsampleConcat(nn.Module):
    """Stretch a map in time, convolve it, and append it to the map that skipped the depth.

    Parameters
    ----------
    n_in, n_out : int
        Channels of the deeper map, and after the convolution.
    factor : int
        How many times each sample is repeated.
    alignment : {"published", "aligned"}
        "published": always stretched by `factor`, and what is longer than the skipping map is cut
        off at both ends. Where the deeper map is not shorter (the lowest level), only its central
        fifth survives, stretched five times. "aligned": stretched to the length of the skipping
        map, so that each sample stays at its time.
    dropout : float
        Of the convolution unit.
    """

    def __init__(self, n_in, n_out, *, factor, alignment, dropout):
        super().__init__()
        self.factor = factor
        self.alignment = alignment
        self.unit = ConvUnit(SameConv1d(n_in, n_out, _KERNEL), dropout)
        self.phases: SameConv1d | None = None

    def forward(self, x, skip):
        """Join (n, n_in, short) with (n, n_skip, n_samples)."""
        n_samples = skip.shape[-1]
        if self.phases is None:
            x = self.unit(stretch(x, n_samples, self.factor, self.alignment))
        else:
            x = nn.functional.relu(self.phases(x)).transpose(1, 2)
            x = x.reshape(len(x), -1, self.unit.conv.out_channels).transpose(1, 2)
        return join_channels(skip, crop(x, n_samples))

    def fold(self):
        """Convolve before stretching, with a filter for each of the repeated samples."""
        if self.alignment == "published":
            self.unit.fold()
            self.phases = _phase_convolution(self.unit.conv, self.factor)


def _phase_convolution(conv, factor):
    """A convolution on what is to be stretched: output r of `factor` belongs to repetition r."""
    n_out, n_in, size = conv.weight.shape
    reach = -(-(size // 2) // factor)
    weight = conv.weight.new_zeros(factor, n_out, n_in, 2 * reach + 1)
    for phase in range(factor):
        for k in range(size):
            weight[phase, :, :, (phase + k - size // 2) // factor + reach] += conv.weight[..., k]
    phases = SameConv1d(n_in, factor * n_out, 2 * reach + 1).to(weight)
    phases.load_state_dict({"weight": weight.flatten(0, 1), "bias": conv.bias.repeat(factor)})
    return phases.requires_grad_(False)


def stretch(x, n_samples, factor, alignment):
    """Repeat samples in time: `factor` times ("published"), or up to `n_samples` ("aligned")."""
    if alignment == "aligned":
        return nn.functional.interpolate(x, size=n_samples, mode="nearest")
    return x.repeat_interleave(factor, dim=-1)


def crop(x, n_samples):
    """Cut a map to its central `n_samples`."""
    first = (x.shape[-1] - n_samples) // 2
    return x[..., first : first + n_samples]


class Decoder(nn.Module):
    """From the deepest map back to the length of the waveform.

    Parameters
    ----------
    n_in : int
        Channels of the deepest map.
    filters : tuple of int
        Channels of the skipping maps, longest first.
    n_repeats : int
        Of the blocks.
    factor, alignment, dropout
        See `UpsampleConcat`.
    """

    def __init__(self, n_in, filters, *, n_repeats, factor, alignment, dropout):
        super().__init__()
        settings = {"factor": factor, "alignment": alignment, "dropout": dropout}
        self.joins, self.blocks = nn.ModuleList(), nn.ModuleList()
        for n_out in reversed(filters):
            self.joins.append(UpsampleConcat(n_in, n_out, **settings))
            block = RecurrentResidual.of_waveforms
            self.blocks.append(block(2 * n_out, n_out, n_repeats=n_repeats, dropout=dropout))
            n_in = n_out

    def forward(self, x, skips):
        """Decode (n, n_in, short) with `skips`, longest first.

        Returns
        -------
        decoded : torch.Tensor of shape (n, filters[0], n_samples)
            The map of the last block.
        joined : torch.Tensor of shape (n, 2 * filters[0], n_samples)
            What went into it.
        """
        for join, block, skip in zip(self.joins, self.blocks, reversed(skips), strict=True):
            joined = join(x, skip)
            x = block(joined)
        return x, joined


def normalized(conv):
    """A convolution with batch normalisation, without ReLU."""
    return nn.Sequential(conv, batch_norm(conv))


def keras_initialization(module):
    """The authors' draws: He's uniform for convolutions over time, Glorot's for the others."""
    if isinstance(module, nn.LSTM):
        _initialize_lstm(module)
        return
    if not isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear):
        return
    if isinstance(module, nn.Conv1d):
        nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
    else:
        nn.init.xavier_uniform_(module.weight)
    if module.bias is not None:
        nn.init.zeros_(module.bias)


def start_at_background(layer, prior=0.02):
    """Let a new network begin with the answer that is right nearly always: nothing.

    Picks and occurrences fill a few hundredths of a window. Starting from even odds, the first
    hundreds of steps go into learning just that.

    Parameters
    ----------
    layer : torch.nn.Module
        The last one before the softmax over classes, the last of which is "nothing"; its bias is
        changed.
    prior : float, default=0.02
        Probability of all other classes together, where the logits are equal otherwise.

    References
    ----------
    .. [1] Lin, T.-Y. et al. (2017). Focal loss for dense object detection. ICCV. (section 4.1)
    """
    n_events = len(layer.bias) - 1
    layer.bias.data[-1] += math.log((1 - prior) / (prior / n_events))


def _initialize_lstm(lstm):
    for name, parameter in lstm.named_parameters():
        if name.startswith("weight_ih"):
            nn.init.xavier_uniform_(parameter)
        elif name.startswith("weight_hh"):
            nn.init.orthogonal_(parameter)
        else:
            nn.init.zeros_(parameter)
            if name.startswith("bias_ih"):
                forget = slice(lstm.hidden_size, 2 * lstm.hidden_size)
                parameter.data[forget] = 1.0
