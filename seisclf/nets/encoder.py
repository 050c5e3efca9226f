"""From an event to a vector: a picture or the waveform, a backbone, and a linear head."""

import numpy as np
import torch
from torch import nn

from .backbones import make_backbone
from .layers import picture_layout
from .pictures import SpectrogramPicture

#: What a backbone sees: a picture made of the waveform, a picture that was given, or samples.
PICTURES = ("spectrogram", "picture")
REPRESENTATIONS = (*PICTURES, "waveform")
#: Added to the variance of waveforms, which may be in m/s: nothing but a guard against zero.
_NO_VARIANCE = 1e-30


class EventEncoder(nn.Module):
    """Events in, vectors out: pictures of the channels, or waveforms, and a backbone.

    Parameters
    ----------
    in_channels : int
        Channels of an event.
    shape : tuple of int
        (n_samples,) of waveforms, or (height, width) of pictures.
    representation : {"spectrogram", "picture", "waveform"}, default="spectrogram"
        Whether events are waveforms, of which a `SpectrogramPicture` is made, are pictures
        already, or are waveforms that the one-dimensional form of the backbone sees as they are,
        divided by a typical amplitude of the training events.
    sampling_rate, window_length, overlap, window, log, size : object
        As of `SpectrogramPicture`; ignored for pictures, and but for the rate for waveforms.
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
        n_axes = 2 if representation == "picture" else 1
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
        self._axes: tuple = tuple(np.arange(float(n)) for n in shape)
        if representation == "spectrogram":
            self.picture = picture = SpectrogramPicture(*shape, **frames)
            self._axes = (picture.frequencies, picture.times)
        elif representation == "waveform":
            self.picture = InputNorm()
            self._axes = (None, np.arange(shape[0]) / sampling_rate)
        ndim = 1 if representation == "waveform" else 2
        self.backbone = make_backbone(backbone, in_channels=in_channels, width=width, ndim=ndim)
        # Convolutions of pictures are faster on a CPU with the channels last in memory.
        self.backbone.to(memory_format=torch.channels_last)
        self.n_features = self.backbone.n_features

    def forward(self, x):
        """Vectors (n, n_features) of events (n, in_channels, ...)."""
        return self.encode(self.pictures(x))

    def pictures(self, x):
        """What the backbone sees of events: pictures, or waveforms (n, in_channels, n_samples)."""
        return self.picture(x)

    def encode(self, pictures):
        """Vectors (n, n_features) of what `pictures` returns."""
        if pictures.ndim == 4:
            pictures = pictures.contiguous(memory_format=picture_layout(pictures.dtype))
        return self.backbone(pictures)

    def map_axes(self):
        """Frequencies in Hz (of waveforms None) and times in s, or rows and columns."""
        return self._axes


class InputNorm(nn.BatchNorm1d):
    """Take the unit away: subtract the mean of the training waveforms, divide by their spread.

    It is a batch normalisation with nothing to learn. All channels share one mean and one
    variance, so that ratios between components stay, and any number of channels will do.
    """

    def __init__(self):
        super().__init__(1, eps=_NO_VARIANCE, affine=False)

    def forward(self, x):
        """Normalise waveforms (n, in_channels, n_samples)."""
        return super().forward(x.reshape(len(x), 1, -1)).reshape(x.shape)


class EncoderClassifier(nn.Module):
    """An encoder and a linear head.

    Parameters
    ----------
    n_outputs : int
        Outputs of the head: logits of classes, or numbers of a regression.
    dropout : float, default=0.0
        Part of the vector dropped before the head while training.
    freeze_encoder : bool, default=False
        Whether only the head learns. The encoder then also keeps its statistics of batch
        normalisation, and drops nothing.
    freeze_batch_norm : bool, default=False
        Whether batch normalisation in the encoder goes by the statistics it has, also in
        training, and keeps them. Its scale and shift are learned.
    zero_head : bool, default=False
        Whether the head starts with weights of zero, so that the first outputs are zero whatever
        the event. Of scaled targets of a regression that is the mean.
    **settings : dict
        The parameters of `EventEncoder`.
    """

    def __init__(
        self,
        n_outputs,
        *,
        dropout=0.0,
        freeze_encoder=False,
        freeze_batch_norm=False,
        zero_head=False,
        **settings,
    ):
        super().__init__()
        self.encoder = EventEncoder(**settings)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(self.encoder.n_features, n_outputs)
        if zero_head:
            nn.init.zeros_(self.head.weight)
            nn.init.zeros_(self.head.bias)
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
        """Outputs (n, n_outputs) of events (n, in_channels, ...)."""
        return self.explain_from(self.explained_input(x))

    def explained_input(self, x):
        """What the first convolution sees of events."""
        return self.encoder.pictures(x)

    def explain_from(self, maps):
        """Outputs (n, n_outputs) of pictures."""
        return self.head(self.dropout(self.encoder.encode(maps)))

    def features(self, x):
        """What the head sees of events, (n, n_features), without dropout."""
        return self.encoder(x)

    def map_axes(self):
        """Frequencies in Hz (of waveforms None) and times in s, or rows and columns."""
        return self.encoder.map_axes()
