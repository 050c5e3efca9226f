"""RockNet: picks and masks of one station, occurrence of events in a network."""

import numpy as np
import torch
from torch import nn

from .layers import ConvUnit, SameConv1d, SameConv2d, batch_norm, join_channels
from .rocknet_input import RockNetInput

__all__ = ["RockNet", "RockNetAssociation", "RockNetWaveform"]

_FILTERS = (6, 12, 18, 24, 30)
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
        if not self.folded:
            weight = self.repeats[0].conv.weight
            weight.data = 2 * weight.data
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
        self.phases = None

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
            self.unit.fold = lambda: None


def _phase_convolution(conv, factor):
    """A convolution on what is to be stretched: output r of `factor` belongs to repetition r."""
    n_out, n_in, size = conv.weight.shape
    reach = -(-(size // 2) // factor)
    weight = conv.weight.new_zeros(factor, n_out, n_in, 2 * reach + 1)
    for phase in range(factor):
        for k in range(size):
            weight[phase, :, :, (phase + k - size // 2) // factor + reach] += conv.weight[..., k]
    phases = SameConv1d(n_in, factor * n_out, 2 * reach + 1)
    phases.weight.data = weight.flatten(0, 1)
    phases.bias.data = conv.bias.repeat(factor)
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


class _Station(nn.Module):
    """What both networks of one station share: input, encoder of the waveform, decoder."""

    def __init__(
        self,
        n_channels,
        n_samples,
        *,
        filters,
        stride,
        alignment,
        dropout,
        deepest_expansion,
        **settings,
    ):
        super().__init__()
        if alignment not in ("published", "aligned"):
            raise ValueError(f"alignment must be 'published' or 'aligned'; got {alignment!r}")
        if len(filters) < 2 or min(filters) < 1:
            raise ValueError(f"filters must hold at least 2 positive numbers; got {filters!r}")
        if stride < 2:
            raise ValueError(f"stride must be at least 2; got {stride!r}")
        self.filters = tuple(filters)
        self.n_samples = n_samples
        self.stride, self.alignment, self.dropout = stride, alignment, dropout
        self.input = RockNetInput(n_samples, **settings)
        self.encoders, self.expansions = nn.ModuleList(), nn.ModuleList()
        block, n_in = RecurrentResidual.of_waveforms, n_channels
        for level, n_out in enumerate(self.filters):
            self.encoders.append(block(n_in, n_out, stride if level else 1, dropout=dropout))
            if level < len(self.filters) - 1 or deepest_expansion:
                self.expansions.append(block(n_out, n_out, dropout=dropout))
            n_in = n_out
        self.decoder = Decoder(
            n_in, self.filters, n_repeats=2, factor=stride, alignment=alignment, dropout=dropout
        )

    def _encode_waveform(self, x):
        """Maps of all levels, longest first: straight from the encoder, and expanded."""
        encoded, expanded = [], []
        for level, encoder in enumerate(self.encoders):
            x = encoder(x)
            encoded.append(x)
            if level < len(self.expansions):
                x = self.expansions[level](x)
                expanded.append(x)
        return encoded, expanded


class RockNet(_Station):
    """Picks and masks at one station, from the waveform and its spectrogram.

    A U-Net of recurrent-residual blocks over the waveform, an encoder of the same kind over the
    spectrogram of the vertical component, and a gate of attention that joins both at the bottom.

    Parameters
    ----------
    n_channels, n_samples : int
        Shape of an event. Every length that fills one frame of the spectrogram will do; the
        published one is 6000.
    n_masks : int, default=2
        Classes that get a mask.
    sampling_rate : float, default=100.0
        Hz.
    filters : tuple of int, default=(6, 12, 18, 24, 30)
        Channels of each level.
    stride : int, default=5
        From one level to the next, in time.
    alignment : {"published", "aligned"}, default="aligned"
        What the decoder does where lengths differ, see `UpsampleConcat`. The published weights
        were trained with "published".
    dropout : float, default=0.1
        After each convolution, while training.
    vertical : int, default=0
        Channel whose spectrogram is taken.
    spectrogram_window, spectrogram_hop : float, default=0.2, 0.1
        Seconds.
    normalize : bool, default=True
        Whether the waveform's z-score is taken, see `RockNetInput`.

    References
    ----------
    .. [1] Liao, W.-Y. et al. (2023). RockNet: rockfall and earthquake detection and association
       via multitask learning and transfer learning. IEEE TGRS 61.

    Examples
    --------
    >>> import torch
    >>> from seisclf.nets import RockNet, count_parameters
    >>> net = RockNet(3, 6000, alignment="published")
    >>> count_parameters(net)
    324283
    >>> picks, masks = net.eval()(torch.randn(1, 3, 6000))
    >>> picks.shape, masks.shape
    (torch.Size([1, 3, 6000]), torch.Size([1, 2, 2, 6000]))
    """

    def __init__(
        self,
        n_channels=3,
        n_samples=6000,
        *,
        n_masks=2,
        sampling_rate=100.0,
        filters=_FILTERS,
        stride=5,
        alignment="aligned",
        dropout=0.1,
        vertical=0,
        spectrogram_window=0.2,
        spectrogram_hop=0.1,
        normalize=True,
    ):
        super().__init__(
            n_channels,
            n_samples,
            filters=filters,
            stride=stride,
            alignment=alignment,
            dropout=dropout,
            deepest_expansion=True,
            sampling_rate=sampling_rate,
            vertical=vertical,
            window_length=spectrogram_window,
            hop=spectrogram_hop,
            normalize=normalize,
        )
        self.pictures = _picture_encoder(self.filters, dropout)
        n_frames, n_deep = self.input.n_frames, n_samples
        for _ in self.filters[1:]:
            n_frames, n_deep = -(-n_frames // 3), -(-n_deep // stride)
        self.fusion = _Fusion(self.filters[-1], n_frames, n_deep)
        self.pick_head = SameConv1d(self.filters[0], 3, 1)
        self.mask_heads = nn.ModuleList(SameConv1d(self.filters[0], 2, 1) for _ in range(n_masks))
        self.apply(_keras_initialization)

    def forward(self, x):
        """Logits of picks and masks.

        Parameters
        ----------
        x : torch.Tensor of shape (n, n_channels, n_samples)
            Waveforms of any size; constant traces count as zero.

        Returns
        -------
        picks : torch.Tensor of shape (n, 3, n_samples)
            P, S, neither.
        masks : torch.Tensor of shape (n, n_masks, 2, n_samples)
            The class, not the class.
        """
        return self.maps(x)[1]

    def maps(self, x):
        """What an association network needs: the encoded maps, and the outputs.

        Returns
        -------
        encoded : list of torch.Tensor
            One map for each level, longest first, and the fused one at the bottom.
        outputs : tuple of torch.Tensor
            As of `forward`.
        """
        waveform, picture = self.input(x)
        encoded, expanded = self._encode_waveform(waveform)
        fused = self.fusion(expanded[-1], self.pictures(picture))
        decoded, _ = self.decoder(fused, expanded)
        picks = self.pick_head(decoded)
        masks = torch.stack([head(decoded) for head in self.mask_heads], dim=1)
        return [*encoded, fused], (picks, masks)


def _picture_encoder(filters, dropout):
    block, blocks, n_in = RecurrentResidual.of_pictures, [], 2
    for level, n_out in enumerate(filters):
        blocks.append(block(n_in, n_out, dropout=dropout))
        blocks.append(block(n_out, n_out, 3 if level else 1, dropout=dropout))
        n_in = n_out
    return nn.Sequential(*blocks)


class _Fusion(nn.Module):
    """Join the deepest maps of waveform and spectrogram by a gate of attention.

    The gate's convolutions are as long as there are channels and have as many filters as there
    are samples: the authors' choice, kept because the published weights need it.
    """

    def __init__(self, n_channels, n_frames, n_samples):
        super().__init__()
        self.to_samples = nn.Linear(n_frames, n_samples)
        self.mix = SameConv1d(2 * n_channels, n_channels, 1)
        self.from_mix = _normalized(SameConv1d(n_channels, n_samples, n_channels))
        self.from_waveform = _normalized(SameConv1d(n_channels, n_samples, n_channels))
        self.gate = _normalized(SameConv1d(n_samples, n_channels, 1))
        self.norm = batch_norm(self.mix)

    def forward(self, waveform, picture):
        """Fuse (n, n_channels, n_samples) with (n, n_channels, n_frequencies, n_frames)."""
        # With the published settings one frequency is left, and its mean is itself.
        spectral = self.to_samples(picture.mean(dim=-2))
        mixed = self.mix(torch.cat([waveform, spectral], dim=1))
        gate = nn.functional.relu(self.from_mix(mixed) + self.from_waveform(waveform))
        return self.norm(mixed * torch.sigmoid(self.gate(gate)) + waveform)


def _normalized(conv):
    return nn.Sequential(conv, batch_norm(conv))


class RockNetWaveform(_Station):
    """Picks and masks at one station, from the waveform alone.

    The same U-Net without spectrogram; each task looks at the first and the last level through
    gates of its own.

    Parameters
    ----------
    n_channels, n_samples, n_masks, sampling_rate, filters, stride, alignment, dropout, normalize
        As of `RockNet`.

    References
    ----------
    .. [1] Liao, W.-Y. et al. (2023). RockNet: rockfall and earthquake detection and association
       via multitask learning and transfer learning. IEEE TGRS 61.
    .. [2] Liu, S., Johns, E. and Davison, A. J. (2019). End-to-end multi-task learning with
       attention. CVPR.

    Examples
    --------
    >>> from seisclf.nets import RockNetWaveform, count_parameters
    >>> count_parameters(RockNetWaveform(3, 6000))
    173017
    """

    def __init__(
        self,
        n_channels=3,
        n_samples=6000,
        *,
        n_masks=2,
        sampling_rate=100.0,
        filters=_FILTERS,
        stride=5,
        alignment="aligned",
        dropout=0.1,
        normalize=True,
    ):
        super().__init__(
            n_channels,
            n_samples,
            filters=filters,
            stride=stride,
            alignment=alignment,
            dropout=dropout,
            deepest_expansion=False,
            sampling_rate=sampling_rate,
            vertical=None,
            normalize=normalize,
        )
        settings = {"factor": stride, "alignment": alignment, "dropout": dropout}
        width = self.filters[0]
        self.pick_branch = _TaskBranch(width, 3, **settings)
        self.mask_branches = nn.ModuleList(
            _TaskBranch(width, 2, **settings) for _ in range(n_masks)
        )
        self.apply(_keras_initialization)

    def forward(self, x):
        """Logits of picks and masks, as of `RockNet`."""
        return self.maps(x)[1]

    def maps(self, x):
        """What an association network needs, as of `RockNet`; the deepest map stands twice."""
        waveform, _ = self.input(x)
        encoded, _ = self._encode_waveform(waveform)
        decoded, joined = self.decoder(encoded[-1], encoded)
        picks = self.pick_branch(encoded[0], joined, decoded)
        masks = [branch(encoded[0], joined, decoded) for branch in self.mask_branches]
        return [*encoded, encoded[-1]], (picks, torch.stack(masks, dim=1))


class _TaskBranch(nn.Module):
    """One task's view: a gate on the first level that makes a gate on the last."""

    def __init__(self, width, n_outputs, *, factor, alignment, dropout):
        super().__init__()
        self.factor, self.alignment = factor, alignment
        self.first_gate = _gate(2 * width, width)
        self.gated = ConvUnit(SameConv1d(width, width, _KERNEL), dropout)
        self.stretched = ConvUnit(SameConv1d(width, width, _KERNEL), dropout)
        self.last_gate = _gate(3 * width, width)
        self.head = SameConv1d(width, n_outputs, 1)

    def forward(self, first, joined, decoded):
        """Logits (n, n_outputs, n_samples) of three maps of that length."""
        n_samples = first.shape[-1]
        gated = self.gated(self.first_gate(torch.cat([first, first], dim=1)) * first)
        gated = self.stretched(stretch(gated, n_samples, self.factor, self.alignment))
        gate = self.last_gate(torch.cat([joined, crop(gated, n_samples)], dim=1))
        return self.head(gate * decoded)


def _gate(n_in, n_out):
    return nn.Sequential(
        ConvUnit(SameConv1d(n_in, n_out, 1), dropout=0.0),
        _normalized(SameConv1d(n_out, n_out, 1)),
        nn.Sigmoid(),
    )


class RockNetAssociation(nn.Module):
    """Occurrence of events in a network of stations, on top of one network per station.

    The maps of the stations' encoder are merged, level by level, by one weight for each station,
    decoded, and read by a recurrent network for each class. The weights belong to the place in
    the network: the order of the stations matters.

    Parameters
    ----------
    station : RockNet or RockNetWaveform
        The same for all stations; becomes part of this module.
    n_stations : int
        Number of stations.
    n_occurrences : int, default=2
        Classes whose occurrence is predicted.
    merge : {"published", "masked"}, default="published"
        What to do about missing stations, whose waveforms are NaN. "published": they are filled
        with uniform random numbers, the same each time, as the authors do. "masked": they are
        left out of the sum, and the others count for more by as much.
    freeze : bool, default=True
        Whether the station network stays as it is in training, dropout and batch normalisation
        included.
    seed : int, default=0
        Of the random numbers of missing stations.

    References
    ----------
    .. [1] Liao, W.-Y. et al. (2023). RockNet: rockfall and earthquake detection and association
       via multitask learning and transfer learning. IEEE TGRS 61.

    Examples
    --------
    >>> import torch
    >>> from seisclf.nets import RockNet, RockNetAssociation
    >>> net = RockNetAssociation(RockNet(3, 600), n_stations=2).eval()
    >>> occurrence, picks, masks = net(torch.randn(1, 2, 3, 600))
    >>> occurrence.shape, picks.shape, masks.shape
    (torch.Size([1, 2, 2, 600]), torch.Size([1, 2, 3, 600]), torch.Size([1, 2, 2, 2, 600]))
    """

    #: Events that go through the convolutions at once in prediction: as many as fit into caches.
    n_at_once = 2

    noise: torch.Tensor

    def __init__(
        self, station, n_stations, *, n_occurrences=2, merge="published", freeze=True, seed=0
    ):
        super().__init__()
        if merge not in ("published", "masked"):
            raise ValueError(f"merge must be 'published' or 'masked'; got {merge!r}")
        self.station = station.requires_grad_(not freeze)
        self.n_stations, self.merge, self.freeze = n_stations, merge, freeze
        filters = station.filters
        self.merges = nn.ModuleList(_Merge(n_stations) for _ in range(len(filters) + 1))
        self.decoder = Decoder(
            filters[-1],
            filters,
            n_repeats=3,
            factor=station.stride,
            alignment=station.alignment,
            dropout=station.dropout,
        )
        self.occurrences = _OccurrenceHeads(filters[0], n_occurrences)
        for part in (self.merges, self.decoder, self.occurrences):
            part.apply(_keras_initialization)
        shape = (n_stations, station.encoders[0].first.conv.in_channels, station.n_samples)
        noise = np.random.default_rng(seed).random(shape)
        self.register_buffer("noise", torch.from_numpy(noise).float(), persistent=False)

    def train(self, mode=True):
        """Switch to training; a frozen station network stays in evaluation."""
        super().train(mode)
        if self.freeze:
            self.station.eval()
        return self

    def forward(self, x):
        """Logits of occurrence, and of the picks and masks of each station.

        Parameters
        ----------
        x : torch.Tensor of shape (n, n_stations, n_channels, n_samples)
            Waveforms; all NaN where a station is missing.

        Returns
        -------
        occurrence : torch.Tensor of shape (n, n_occurrences, 2, n_samples)
            The class, not the class.
        picks : torch.Tensor of shape (n, n_stations, 3, n_samples)
            See `RockNet`.
        masks : torch.Tensor of shape (n, n_stations, n_masks, 2, n_samples)
            See `RockNet`.
        """
        small = not (self.training or x.is_cuda)
        parts = [self._decoded(part) for part in (x.split(self.n_at_once) if small else [x])]
        decoded, picks, masks = (torch.cat(part) for part in zip(*parts, strict=True))
        # Step by step through time, a recurrent network is as fast for many events as for one.
        return self.occurrences(decoded), picks, masks

    def _decoded(self, x):
        missing = torch.isnan(x[:, :, 0, 0])
        x = torch.where(missing[:, :, None, None], self.noise.to(x.dtype), x)
        n = len(x)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.freeze):
            maps, outputs = self.station.maps(x.flatten(0, 1))
        present = None
        if self.merge == "masked":
            present = (~missing).to(x.dtype)
            present = present * (self.n_stations / present.sum(dim=1, keepdim=True).clamp_min(1))
        merged = [
            merge(part.unflatten(0, (n, -1)), present)
            for merge, part in zip(self.merges, maps, strict=True)
        ]
        decoded, _ = self.decoder(merged[-1], merged[:-1])
        return decoded, *(output.unflatten(0, (n, -1)) for output in outputs)


class _Merge(nn.Module):
    """Sum over stations with one weight for each."""

    def __init__(self, n_stations):
        super().__init__()
        self.conv = SameConv1d(n_stations, 1, 1)

    def forward(self, maps, present=None):
        """Merge (n, n_stations, n_channels, n_samples)."""
        weight = self.conv.weight[:, :, 0]
        if present is not None:
            weight = (weight * present).unsqueeze(1)
        return torch.matmul(weight, maps.flatten(2)).view(len(maps), *maps.shape[2:]) + (
            self.conv.bias
        )


class _OccurrenceHeads(nn.Module):
    """A bidirectional LSTM of two units for each class."""

    n_units = 2

    def __init__(self, n_in, n_occurrences):
        super().__init__()
        self.dropout = nn.Dropout(0.1)
        self.recurrent = nn.ModuleList(
            nn.LSTM(n_in, self.n_units, batch_first=True, bidirectional=True)
            for _ in range(n_occurrences)
        )
        self.heads = nn.ModuleList(
            _normalized(SameConv1d(2 * self.n_units, 2, 1)) for _ in range(n_occurrences)
        )
        self.joined = None

    def forward(self, x):
        """Logits (n, n_occurrences, 2, n_samples) of a map (n, n_in, n_samples)."""
        if self.joined is not None:
            states = self._joined_states(x.transpose(1, 2))
        else:
            states = [lstm(self.dropout(x).transpose(1, 2))[0] for lstm in self.recurrent]
        outputs = [
            head(state.transpose(1, 2)) for head, state in zip(self.heads, states, strict=True)
        ]
        return torch.stack(outputs, dim=1)

    def fold(self):
        """Let one LSTM with block-diagonal weights do the steps of all of them."""
        n, u = len(self.recurrent), self.n_units
        first = self.recurrent[0]
        self.joined = nn.LSTM(first.input_size, n * u, batch_first=True, bidirectional=True)
        for name, target in self.joined.named_parameters():
            target.data.zero_()
            for i, lstm in enumerate(self.recurrent):
                source = getattr(lstm, name).data.unflatten(0, (4, u))
                gates = target.data.unflatten(0, (4, n * u))[:, i * u : (i + 1) * u]
                if name.startswith("weight_hh"):
                    gates = gates[..., i * u : (i + 1) * u]
                gates.copy_(source)
        self.joined.requires_grad_(False)

    def _joined_states(self, x):
        states = self.joined(x)[0].unflatten(-1, (2, len(self.recurrent), self.n_units))
        return [states[:, :, :, i].flatten(2) for i in range(len(self.recurrent))]


def _keras_initialization(module):
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
    nn.init.zeros_(module.bias)


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
