"""A VGG-like network on the spectrogram, which it computes itself."""

import torch
from torch import nn

from .layers import (
    RandomTimeShift,
    SpectrogramDropout,
    SpectrogramScale,
    STFTMagnitude,
    WaveformNormalization,
    he_initialization,
)


class STFTCNN(nn.Module):
    """Waveforms in, logits out: normalisation, STFT, blocks of convolution, dense layers.

    Each block is ``convs_per_block`` convolutions of 3 x 3 with ReLU and one max-pooling of
    2 x 2 (along an axis that has become shorter than 2, none).

    Parameters
    ----------
    n_channels, n_samples, n_outputs : int
        Shape of an event, number of logits.
    sampling_rate : float
        Hz.
    window_length, hop : float
        Frames of the spectrogram in seconds, see `STFTMagnitude`.
    window : str
        By SciPy's name.
    freq_min, freq_max : float or None
        Range of the spectrogram in Hz.
    normalization : {"event", "channel"} or None
        See `WaveformNormalization`.
    scaling : {"magnitude", "log"}
        What the network sees of the magnitudes, see `SpectrogramScale`.
    n_filters : tuple of int
        Filters of each block.
    convs_per_block : int
        Convolutions in a block.
    n_hidden : int
        Units of the dense layer.
    pooling : {"flatten", "time", "average"}
        What the dense layer sees of the last block: all of its map, the mean over time of each
        filter and frequency, or the mean of each filter.
    batch_norm : bool
        Whether batch normalisation follows each convolution.
    dropout : float
        Part of the units dropped before and after the dense layer while training.
    spectrogram_dropout : float
        See `SpectrogramDropout`.
    max_shift : int
        Samples, see `RandomTimeShift`.

    Examples
    --------
    >>> import torch
    >>> from seisclf.nets import STFTCNN, count_parameters
    >>> net = STFTCNN(3, 3750, 4, sampling_rate=250.0, window_length=0.512, hop=0.16)
    >>> net.spectrogram(torch.zeros(2, 3, 3750)).shape
    torch.Size([2, 3, 65, 95])
    >>> net(torch.zeros(2, 3, 3750)).shape
    torch.Size([2, 4])
    >>> count_parameters(net) < 1_000_000
    True
    """

    def __init__(
        self,
        n_channels,
        n_samples,
        n_outputs,
        *,
        sampling_rate,
        window_length,
        hop,
        window="boxcar",
        freq_min=None,
        freq_max=None,
        normalization="event",
        scaling="magnitude",
        n_filters=(16, 32, 64, 64),
        convs_per_block=1,
        n_hidden=128,
        pooling="flatten",
        batch_norm=False,
        dropout=0.0,
        spectrogram_dropout=0.0,
        max_shift=0,
    ):
        super().__init__()
        normalize = WaveformNormalization(normalization) if normalization else nn.Identity()
        stft = STFTMagnitude(
            n_samples,
            sampling_rate=sampling_rate,
            window_length=window_length,
            hop=hop,
            window=window,
            freq_min=freq_min,
            freq_max=freq_max,
        )
        scale = SpectrogramScale(scaling)
        self.spectrogram = nn.Sequential(RandomTimeShift(max_shift), normalize, stft, scale)
        self.mask = SpectrogramDropout(spectrogram_dropout)
        shape = (len(stft.frequencies), len(stft.times))
        blocks, channels = [], n_channels
        for filters in n_filters:
            pool = (min(2, shape[0]), min(2, shape[1]))
            blocks.append(_block(channels, filters, convs_per_block, pool, batch_norm))
            channels, shape = filters, (shape[0] // pool[0], shape[1] // pool[1])
        self.blocks = nn.Sequential(*blocks)
        pool = {"flatten": (1, 1), "time": (1, shape[1]), "average": shape}[pooling]
        n_features = channels * (shape[0] // pool[0]) * (shape[1] // pool[1])
        dense = nn.Linear(n_features, n_hidden)
        self.head = nn.Sequential(
            nn.Identity() if pooling == "flatten" else nn.AvgPool2d(pool),
            nn.Flatten(),
            nn.Dropout(dropout),
            dense,
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(n_hidden, n_outputs),
        )
        self.blocks.apply(he_initialization)
        dense.apply(he_initialization)

    def forward(self, x):
        """Logits (n, n_outputs) of waveforms (n, n_channels, n_samples)."""
        return self.explain_from(self.mask(self.spectrogram(x)))

    def explained_input(self, x):
        """What the first convolution sees of waveforms; relevance is a map of this shape."""
        return self.spectrogram(x)

    def explain_from(self, maps):
        """Logits (n, n_outputs) of what `explained_input` returns."""
        return self.head(self.blocks(_channels_last(maps)))

    def features(self, x):
        """What the last dense layer sees of waveforms, (n, n_hidden), without dropout."""
        found = self.blocks(_channels_last(self.spectrogram(x)))
        # Up to the activation of the hidden layer, past the dropout before it.
        for layer in self.head[:-2]:
            found = found if isinstance(layer, nn.Dropout) else layer(found)
        return found

    def map_axes(self):
        """Axes of what `explained_input` returns: frequencies (Hz) and times (s), arrays."""
        stft = self.spectrogram[2]
        return stft.frequencies, stft.times


def _channels_last(maps):
    # Convolution and pooling are half as expensive on a CPU with the channels last.
    return maps.contiguous(memory_format=torch.channels_last)


def _block(n_in, n_out, n_convs, pool, batch_norm):
    layers: list[nn.Module] = []
    for i in range(n_convs):
        layers.append(nn.Conv2d(n_out if i else n_in, n_out, 3, padding=1, bias=not batch_norm))
        if batch_norm:
            layers.append(nn.BatchNorm2d(n_out))
        layers.append(nn.ReLU())
    layers.append(nn.MaxPool2d(pool))
    return nn.Sequential(*layers)
