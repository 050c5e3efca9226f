"""RockNet's networks of one station: picks and masks from waveform and spectrogram."""

import torch
from torch import nn

from .layers import ConvUnit, SameConv1d, batch_norm
from .rocknet_blocks import (
    Decoder,
    RecurrentResidual,
    crop,
    keras_initialization,
    normalized,
    start_at_background,
    stretch,
)
from .rocknet_input import RockNetInput

__all__ = ["RockNet", "RockNetWaveform"]

_FILTERS = (6, 12, 18, 24, 30)
_KERNEL = 7
_PICTURES_AT_ONCE = 8


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
        self.apply(keras_initialization)
        for head in (self.pick_head, *self.mask_heads):
            start_at_background(head)

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
        fused = self.fusion(expanded[-1], self._encode_picture(picture))
        decoded, _ = self.decoder(fused, expanded)
        picks = self.pick_head(decoded)
        masks = torch.stack([head(decoded) for head in self.mask_heads], dim=1)
        return [*encoded, fused], (picks, masks)

    def _encode_picture(self, picture):
        """Deepest map of the spectrogram."""
        if torch.is_grad_enabled() or picture.is_cuda:
            return self.pictures(picture)
        # The first two levels have large maps: as many events at once as fit into caches.
        parts = picture.split(_PICTURES_AT_ONCE)
        return self.pictures[4:](torch.cat([self.pictures[:4](part) for part in parts]))


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
        self.from_mix = normalized(SameConv1d(n_channels, n_samples, n_channels))
        self.from_waveform = normalized(SameConv1d(n_channels, n_samples, n_channels))
        self.gate = normalized(SameConv1d(n_samples, n_channels, 1))
        self.norm = batch_norm(self.mix)

    def forward(self, waveform, picture):
        """Fuse (n, n_channels, n_samples) with (n, n_channels, n_frequencies, n_frames)."""
        # With the published settings one frequency is left, and its mean is itself.
        spectral = self.to_samples(picture.mean(dim=-2))
        mixed = self.mix(torch.cat([waveform, spectral], dim=1))
        gate = nn.functional.relu(self.from_mix(mixed) + self.from_waveform(waveform))
        return self.norm(mixed * torch.sigmoid(self.gate(gate)) + waveform)


class RockNetWaveform(_Station):
    """Picks and masks at one station, from the waveform alone.

    The same U-Net without spectrogram; each task looks at the first and the last level through
    gates of its own.

    Parameters
    ----------
    n_channels, n_samples : int
        Shape of an event.
    n_masks : int, default=2
        Classes that get a mask.
    sampling_rate : float, default=100.0
        Hz.
    filters : tuple of int, default=(6, 12, 18, 24, 30)
        Channels of each level.
    stride : int, default=5
        From one level to the next, in time.
    alignment : {"published", "aligned"}, default="aligned"
        What the decoder does where lengths differ, as of `RockNet`.
    dropout : float, default=0.1
        After each convolution, while training.
    normalize : bool, default=True
        Whether the waveform's z-score is taken.

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
        self.apply(keras_initialization)
        for branch in (self.pick_branch, *self.mask_branches):
            start_at_background(branch.head)

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
        normalized(SameConv1d(n_out, n_out, 1)),
        nn.Sigmoid(),
    )
