"""From an event to a vector: a picture of the event, a backbone, and a head that classifies."""

import numpy as np
import torch
from torch import nn

from .backbones import make_backbone
from .pictures import SpectrogramPicture

REPRESENTATIONS = ("spectrogram", "picture")


class EventEncoder(nn.Module):
    """Events in, vectors out: a spectrogram of each channel and a backbone that sees them.

    Parameters
    ----------
    in_channels : int
        Channels of an event.
    shape : tuple of int
        (n_samples,) of waveforms, or (height, width) of pictures.
    representation : {"spectrogram", "picture"}, default="spectrogram"
        Whether events are waveforms, of which a `SpectrogramPicture` is made, or are pictures
        already.
    sampling_rate, window_length, overlap, window, log, size : object
        As of `SpectrogramPicture`; ignored for pictures.
    backbone : str, default="resnet18"
        One of `BACKBONES`.
    width : int, default=64
        Filters of the first convolution, and with them of all others.

    Attributes
    ----------
    n_features : int
        Length of the vectors.
    settings : dict
        The parameters, as plain data.

    Examples
    --------
    >>> import torch
    >>> from seisclf.nets import EventEncoder
    >>> encoder = EventEncoder(in_channels=3, shape=(2000,), sampling_rate=100.0, width=4)
    >>> x = torch.randn(2, 3, 2000)
    >>> encoder.pictures(x).shape, encoder(x).shape
    (torch.Size([2, 3, 128, 87]), torch.Size([2, 32]))
    """

    def __init__(
        self,
        *,
        in_channels,
        shape,
        representation="spectrogram",
        sampling_rate=100.0,
        window_length=None,
        overlap=0.125,
        window=("tukey", 0.25),
        log="log10p1",
        size=128,
        backbone="resnet18",
        width=64,
    ):
        super().__init__()
        shape = tuple(int(n) for n in shape)
        if representation not in REPRESENTATIONS:
            raise ValueError(
                f"representation must be one of {REPRESENTATIONS}; got {representation!r}"
            )
        n_axes = 1 if representation == "spectrogram" else 2
        if len(shape) != n_axes:
            needed = "(n_samples,)" if n_axes == 1 else "(height, width)"
            raise ValueError(
                f"shape must be {needed} for representation={representation!r}; got {shape}"
            )
        frames = {
            "sampling_rate": sampling_rate,
            "window_length": window_length,
            "overlap": overlap,
            "window": window,
            "log": log,
            "size": size,
        }
        self.settings = {
            "in_channels": int(in_channels),
            "shape": shape,
            "representation": representation,
            **frames,
            "backbone": backbone,
            "width": width,
        }
        self.picture: nn.Module = nn.Identity()
        self._axes = tuple(np.arange(float(n)) for n in shape)
        if representation == "spectrogram":
            self.picture = picture = SpectrogramPicture(*shape, **frames)
            self._axes = (picture.frequencies, picture.times)
        self.backbone = make_backbone(backbone, in_channels=in_channels, width=width)
        # Convolutions of pictures are faster on a CPU with the channels last in memory.
        self.backbone.to(memory_format=torch.channels_last)
        self.n_features = self.backbone.n_features

    def forward(self, x):
        """Vectors (n, n_features) of events (n, in_channels, ...)."""
        return self.encode(self.pictures(x))

    def pictures(self, x):
        """Pictures (n, in_channels, height, width) of events."""
        return self.picture(x)

    def encode(self, pictures):
        """Vectors (n, n_features) of pictures."""
        return self.backbone(pictures.contiguous(memory_format=torch.channels_last))

    def map_axes(self):
        """Frequencies in Hz and times in s of the pictures, or their rows and columns."""
        return self._axes


class EncoderClassifier(nn.Module):
    """An encoder and a linear head.

    Parameters
    ----------
    n_outputs : int
        Number of logits.
    dropout : float, default=0.0
        Part of the vector dropped before the head while training.
    freeze_encoder : bool, default=False
        Whether only the head learns. The encoder then also keeps its statistics of batch
        normalisation, and drops nothing.
    freeze_batch_norm : bool, default=False
        Whether batch normalisation in the encoder goes by the statistics it has, also in
        training, and keeps them. Its scale and shift are learned.
    **settings : dict
        The parameters of `EventEncoder`.
    """

    def __init__(
        self, n_outputs, *, dropout=0.0, freeze_encoder=False, freeze_batch_norm=False, **settings
    ):
        super().__init__()
        self.encoder = EventEncoder(**settings)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(self.encoder.n_features, n_outputs)
        self.freeze(encoder=freeze_encoder, batch_norm=freeze_batch_norm)

    def freeze(self, *, encoder, batch_norm):
        """Say anew what is frozen."""
        self.freeze_encoder, self.freeze_batch_norm = encoder, batch_norm
        self.encoder.requires_grad_(not encoder)
        self.train(self.training)

    def train(self, mode=True):
        """Change to training or to prediction, all but what is frozen."""
        super().train(mode)
        if self.freeze_encoder:
            self.encoder.eval()
        elif self.freeze_batch_norm:
            for part in self.encoder.modules():
                if isinstance(part, nn.modules.batchnorm._BatchNorm):
                    part.eval()
        return self

    def forward(self, x):
        """Logits (n, n_outputs) of events (n, in_channels, ...)."""
        return self.explain_from(self.explained_input(x))

    def explained_input(self, x):
        """Pictures that the first convolution sees of events."""
        return self.encoder.pictures(x)

    def explain_from(self, maps):
        """Logits (n, n_outputs) of pictures."""
        return self.head(self.dropout(self.encoder.encode(maps)))

    def features(self, x):
        """What the head sees of events, (n, n_features), without dropout."""
        return self.encoder(x)

    def map_axes(self):
        """Frequencies in Hz and times in s of the pictures, or their rows and columns."""
        return self.encoder.map_axes()
