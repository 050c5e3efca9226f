"""RockNet's association network: occurrence of events in a network of stations."""

import numpy as np
import torch
from torch import nn

from .layers import Dropout, SameConv1d
from .rocknet_blocks import Decoder, keras_initialization, normalized, start_at_background

__all__ = ["RockNetAssociation"]


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

    #: Events that go through the convolutions at once in prediction: enough to keep all threads
    #: busy with short maps, few enough for memory.
    n_at_once = 16

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
        self.occurrences = _OccurrenceHeads(filters[0], n_occurrences, station.dropout)
        for part in (self.merges, self.decoder, self.occurrences):
            part.apply(keras_initialization)
        for norm in self.occurrences.norms:
            start_at_background(norm)
        shape = (n_stations, station.encoders[0].first.conv.in_channels, station.n_samples)
        noise = np.random.default_rng(seed).random(shape)
        self.register_buffer("noise", torch.from_numpy(noise).float(), persistent=False)
        self.train()  # also tells a frozen station network to stay in evaluation

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
        self.sum = nn.Linear(n_stations, 1)

    def forward(self, maps, present=None):
        """Merge (n, n_stations, n_channels, n_samples)."""
        weight = self.sum.weight
        if present is not None:
            weight = (weight * present).unsqueeze(1)
        flat = maps.transpose(2, 3).flatten(2)  # channels last, as they lie in memory
        merged = torch.matmul(weight, flat) + self.sum.bias
        return merged.view(len(maps), maps.shape[3], maps.shape[2]).transpose(1, 2)


class _OccurrenceHeads(nn.Module):
    """A bidirectional LSTM of two units for each class."""

    n_units = 2

    def __init__(self, n_in, n_occurrences, dropout):
        super().__init__()
        self.dropout = Dropout(dropout)
        self.recurrent = nn.ModuleList(
            nn.LSTM(n_in, self.n_units, batch_first=True, bidirectional=True)
            for _ in range(n_occurrences)
        )
        self.heads = nn.ModuleList(
            normalized(SameConv1d(2 * self.n_units, 2, 1)) for _ in range(n_occurrences)
        )
        self.joined: nn.LSTM | None = None

    @property
    def norms(self):
        """The last layers: batch normalisations, which take away any bias before them."""
        return [module for module in self.heads.modules() if isinstance(module, nn.BatchNorm1d)]

    def forward(self, x):
        """Logits (n, n_occurrences, 2, n_samples) of a map (n, n_in, n_samples)."""
        if self.joined is None:
            states = [lstm(self.dropout(x).transpose(1, 2))[0] for lstm in self.recurrent]
        else:
            together = self.joined(x.transpose(1, 2))[0]
            each = together.unflatten(-1, (2, len(self.recurrent), self.n_units)).unbind(-2)
            states = [state.flatten(2) for state in each]
        outputs = [
            head(state.transpose(1, 2)) for head, state in zip(self.heads, states, strict=True)
        ]
        return torch.stack(outputs, dim=1)

    def fold(self):
        """Let one LSTM with block-diagonal weights do the steps of all of them."""
        n, u = len(self.recurrent), self.n_units
        first = self.recurrent[0]
        self.joined = nn.LSTM(
            first.input_size,
            n * u,
            batch_first=True,
            bidirectional=True,
            dtype=first.weight_ih_l0.dtype,
        )
        for name, target in self.joined.named_parameters():
            target.data.zero_()
            for i, lstm in enumerate(self.recurrent):
                source = getattr(lstm, name).data.unflatten(0, (4, u))
                gates = target.data.unflatten(0, (4, n * u))[:, i * u : (i + 1) * u]
                if name.startswith("weight_hh"):
                    gates = gates[..., i * u : (i + 1) * u]
                gates.copy_(source)
        self.joined.requires_grad_(False)
