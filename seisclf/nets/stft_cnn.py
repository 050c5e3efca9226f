"""A VGG-like network on spectrogram, scalogram or waveform, made from raw events inside."""

from math import prod
from operator import floordiv

import numpy as np
from torch import nn

from .layers import (
    RandomTimeShift,
    SpectrogramDropout,
    SpectrogramScale,
    STFTMagnitude,
    WaveformNormalization,
    he_initialization,
    picture_layout,
)
from .wavelets import MorletScalogram, scalogram_frequencies

REPRESENTATIONS = ("stft", "waveform", "cwt")


class STFTCNN(nn.Module):
    """Waveforms in, logits out: normalisation, representation, convolutions, dense layers.

    Each block is ``convs_per_block`` convolutions with ReLU and one max-pooling: 3 x 3 and 2 x 2
    of pictures, 11 samples and 4 of waveforms (an axis that has become shorter than that is
    pooled as a whole). The dense layers are the same for all representations.

    Parameters
    ----------
    n_channels, n_samples, n_outputs : int
        Shape of an event, number of logits.
    sampling_rate : float
        Hz.
    representation : {"stft", "waveform", "cwt"}, default="stft"
        What the first convolution sees: the magnitudes of the STFT, the normalised waveform, or
        the magnitudes of a wavelet transform.
    window_length, hop : float
        Frames of the spectrogram in seconds, see `STFTMagnitude`; `hop` also is the width of a
        column of the scalogram.
    window : str
        By SciPy's name; for "stft".
    n_frequencies : int
        Rows of the scalogram, see `scalogram_frequencies`.
    freq_min, freq_max : float or None
        Range of spectrogram or scalogram in Hz.
    w0 : float
        Oscillations in a wavelet; for "cwt".
    normalization : {"event", "channel"} or None
        See `WaveformNormalization`.
    scaling : {"magnitude", "log"}
        What the network sees of the magnitudes, see `SpectrogramScale`; not for "waveform".
    n_filters : tuple of int
        Filters of each block.
    convs_per_block : int
        Convolutions in a block.
    kernel_size : int or None
        Odd size of the convolutions along each axis; None: 3, for "waveform" 11.
    pool_size : int or None
        Size of the poolings along each axis; None: 2, for "waveform" 4.
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
        See `SpectrogramDropout`; not for "waveform".
    max_shift : int
        Samples, see `RandomTimeShift`.

    Examples
    --------
    >>> import torch
    >>> from seisclf.nets import STFTCNN, count_parameters
    >>> x = torch.zeros(2, 3, 3750)
    >>> for representation in ("stft", "waveform", "cwt"):
    ...     net = STFTCNN(3, 3750, 4, sampling_rate=250.0, representation=representation)
    ...     print(tuple(net.explained_input(x).shape), tuple(net(x).shape), count_parameters(net))
    (2, 3, 65, 95) (2, 4) 224996
    (2, 3, 3750) (2, 4) 189252
    (2, 3, 64, 94) (2, 4) 224996
    """

    def __init__(
        self,
        n_channels,
        n_samples,
        n_outputs,
        *,
        sampling_rate,
        representation="stft",
        window_length=0.512,
        hop=0.16,
        window="boxcar",
        n_frequencies=64,
        freq_min=None,
        freq_max=None,
        w0=6.0,
        normalization="event",
        scaling="magnitude",
        n_filters=(16, 32, 64, 64),
        convs_per_block=1,
        kernel_size=None,
        pool_size=None,
        n_hidden=128,
        pooling="flatten",
        batch_norm=False,
        dropout=0.0,
        spectrogram_dropout=0.0,
        max_shift=0,
    ):
        super().__init__()
        if representation not in REPRESENTATIONS:
            raise ValueError(
                f"representation must be one of {REPRESENTATIONS}; got {representation!r}"
            )
        pictures, self._axes = _pictures(
            representation,
            n_samples,
            sampling_rate,
            {"freq_min": freq_min, "freq_max": freq_max},
            {"window_length": window_length, "hop": hop, "window": window},
            {"n_frequencies": n_frequencies, "w0": w0},
        )
        normalize = WaveformNormalization(normalization) if normalization else nn.Identity()
        scale = [SpectrogramScale(scaling)] if pictures else []
        self.spectrogram = nn.Sequential(RandomTimeShift(max_shift), normalize, *pictures, *scale)
        self.mask = SpectrogramDropout(spectrogram_dropout) if pictures else nn.Identity()
        kernel_size = kernel_size or (3 if pictures else 11)
        pool_size = pool_size or (2 if pictures else 4)

        shape = tuple(len(axis) for axis in self._axes if axis is not None)
        blocks, channels = [], n_channels
        for filters in n_filters:
            pool = tuple(min(pool_size, size) for size in shape)
            blocks.append(
                _block(channels, filters, convs_per_block, kernel_size, pool, batch_norm)
            )
            channels, shape = filters, tuple(map(floordiv, shape, pool))
        self.blocks = nn.Sequential(*blocks)
        pool = _head_pool(pooling, shape)
        average = nn.AvgPool2d if len(shape) == 2 else nn.AvgPool1d
        dense = nn.Linear(channels * prod(map(floordiv, shape, pool)), n_hidden)
        self.head = nn.Sequential(
            nn.Identity() if pooling == "flatten" else average(pool),
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
        for layer in list(self.head)[:-2]:
            found = found if isinstance(layer, nn.Dropout) else layer(found)
        return found

    def map_axes(self):
        """Frequencies in Hz (of waveforms None) and times in s of the `explained_input`."""
        return self._axes


def _pictures(representation, n_samples, sampling_rate, band, frames, wavelets):
    """What makes a picture of a waveform, as a list of no or one layer, and its two axes."""
    if representation == "waveform":
        return [], (None, np.arange(n_samples) / sampling_rate)
    if representation == "stft":
        layer: STFTMagnitude | MorletScalogram = STFTMagnitude(
            n_samples, sampling_rate=sampling_rate, **frames, **band
        )
    else:
        frequencies = scalogram_frequencies(
            n_samples, sampling_rate=sampling_rate, **wavelets, **band
        )
        layer = MorletScalogram(
            n_samples,
            sampling_rate=sampling_rate,
            frequencies=frequencies,
            hop=frames["hop"],
            w0=wavelets["w0"],
        )
    return [layer], (layer.frequencies, layer.times)


def _head_pool(pooling, shape):
    """What is averaged of a map (..., n_frames) before the dense layers."""
    if pooling == "average":
        return shape
    whole = (1,) * (len(shape) - 1)
    return (*whole, shape[-1] if pooling == "time" else 1)


def _channels_last(maps):
    # Convolution and pooling of pictures are half as expensive on a CPU with the channels last.
    return maps.contiguous(memory_format=picture_layout(maps.dtype)) if maps.ndim == 4 else maps


def _block(n_in, n_out, n_convs, kernel_size, pool, batch_norm):
    two = len(pool) == 2
    layers: list[nn.Module] = []
    for i in range(n_convs):
        convolution = nn.Conv2d if two else nn.Conv1d
        layers.append(
            convolution(
                n_out if i else n_in,
                n_out,
                kernel_size,
                padding=kernel_size // 2,
                bias=not batch_norm,
            )
        )
        if batch_norm:
            layers.append(nn.BatchNorm2d(n_out) if two else nn.BatchNorm1d(n_out))
        if i < n_convs - 1:
            layers.append(nn.ReLU())
    # The largest of what is positive is what is positive of the largest, and less to compute.
    layers += [nn.MaxPool2d(pool) if two else nn.MaxPool1d(pool), nn.ReLU()]
    return nn.Sequential(*layers)
