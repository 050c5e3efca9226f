"""Spectrograms as pictures of a fixed size, computed inside a network."""

import math

import numpy as np
import torch
from torch import nn

from ..signal._frames import frame_settings
from ..signal._resize import interpolation_matrix, resized_shape
from ..signal._stft import _dft_matrix

LOGS = ("log10p1", "db", "log1p", None)
#: Samples of a frame if nothing else is said, 0.08 s at the published 1000 Hz.
DEFAULT_FRAME = 80
#: Decibels below the loudest cell of a trace at which cells are cut off.
_RANGE_DB = 120.0


class SpectrogramPicture(nn.Module):
    """Power spectral density of each trace, its logarithm scaled to [0, 1] and resized [1]_.

    The same as :meth:`seisclf.preprocessing.Spectrogram.from_preset` with "aknes", in torch:
    complete frames less their mean, one-sided density, logarithm, least and largest cell of each
    trace to 0 and 1, linear interpolation. A gradient reaches the waveform.

    Parameters
    ----------
    n_samples : int
        Length of the traces.
    sampling_rate : float
        Hz.
    window_length : float, optional
        Length of a frame in seconds. None: 80 samples, which are 0.08 s at the published 1000 Hz.
        At most the length of the traces.
    overlap : float, default=0.125
        Part of a frame that it shares with the next, in [0, 1).
    window : str or tuple, default=("tukey", 0.25)
        Window, by SciPy's name.
    log : {"log10p1", "db", "log1p", None}, default="log10p1"
        ``log10(1 + S)``, as published; decibels, down to 120 below the loudest cell of the trace;
        ``ln(1 + S)``; or the density itself. Only decibels do not depend on the unit of the
        waveforms.
    size : int, tuple of int (height, width), or None, default=128
        Size of the pictures. One number is the height; the width keeps its ratio to it. None
        leaves one cell for each frequency and frame.

    Attributes
    ----------
    frequencies : ndarray of shape (height,)
        Hz, of the rows.
    times : ndarray of shape (width,)
        Centres of the columns, in seconds after the first sample.
    shape : tuple of int (height, width)
        Of a picture.

    References
    ----------
    .. [1] Lee, D., Aune, E., Langet, N. and Eidsvik, J. (2022). Ensemble and self-supervised
       learning for improved classification of seismic signals from the Åknes rockslope.
       Mathematical Geosciences.

    Examples
    --------
    >>> import torch
    >>> from seisclf.nets import SpectrogramPicture
    >>> picture = SpectrogramPicture(16000, sampling_rate=1000.0)
    >>> picture(torch.randn(1, 24, 16000)).shape
    torch.Size([1, 24, 128, 711])
    """

    transform: torch.Tensor
    rows: torch.Tensor
    columns: torch.Tensor

    def __init__(
        self,
        n_samples,
        *,
        sampling_rate,
        window_length=None,
        overlap=0.125,
        window=("tukey", 0.25),
        log="log10p1",
        size=128,
    ):
        super().__init__()
        if log not in LOGS:
            raise ValueError(f"log must be one of {LOGS}; got {log!r}")
        self.log = log
        settings = _frames(n_samples, sampling_rate, window_length, overlap, window)
        self.length, self.hop = settings.length, settings.hop
        frequencies, times = settings.frequencies(), settings.times(n_samples)
        cells = (len(frequencies), len(times))
        self.shape = cells if size is None else resized_shape(cells, size)
        rows = interpolation_matrix(cells[0], self.shape[0])
        columns = interpolation_matrix(cells[1], self.shape[1])
        self.frequencies, self.times = rows @ frequencies, columns @ times
        # Double until the module is cast, so that a network in double precision loses nothing.
        # Not persistent: a file of weights fits events of any length.
        self._constant("transform", _dft_matrix(settings, "psd").T)
        self._constant("rows", rows)
        self._constant("columns", columns.T)

    def _constant(self, name, array):
        self.register_buffer(name, torch.from_numpy(np.array(array)), persistent=False)

    def forward(self, x):
        """Turn (..., n_samples) into (..., height, width)."""
        # The columns first: a frame has fewer frequencies than the picture has rows.
        return self.rows.to(x.dtype) @ (self.cells(x) @ self.columns.to(x.dtype))

    def cells(self, x):
        """Scaled logarithms before resizing, (..., n_frequencies, n_frames)."""
        levels = self._logarithm(self.density(x))
        low = levels.amin(dim=(-2, -1), keepdim=True)
        spread = levels.amax(dim=(-2, -1), keepdim=True) - low
        # What rounding leaves of a constant trace is no signal.
        constant = x.amax(dim=-1) == x.amin(dim=-1)
        flat = (spread < torch.finfo(spread.dtype).tiny) | constant[..., None, None]
        return torch.where(flat, 0.0, levels - low) / torch.where(flat, 1.0, spread)

    def density(self, x):
        """Power spectral density (unit² per Hz), (..., n_frequencies, n_frames)."""
        frames = x.unfold(-1, self.length, self.hop)
        frames = frames - frames.mean(dim=-1, keepdim=True)
        real, imag = (frames @ self.transform.to(x.dtype)).chunk(2, dim=-1)
        return (real.square() + imag.square()).transpose(-1, -2)

    def _logarithm(self, density):
        if self.log is None:
            return density
        if self.log == "db":
            loudest = density.detach().amax(dim=(-2, -1), keepdim=True)
            tiny = torch.finfo(density.dtype).tiny
            floor = (loudest * 10 ** (-_RANGE_DB / 10)).clamp_min(tiny)
            return 10 * torch.log10(torch.maximum(density, floor))
        # Exact also where the density is so small that 1 + S would lose its digits.
        levels = torch.log1p(density)
        return levels / math.log(10) if self.log == "log10p1" else levels


def _frames(n_samples, sampling_rate, window_length, overlap, window):
    """Settings of the frames, shortened to the traces where those are shorter."""
    given = {"sampling_rate": sampling_rate, "window": window, "padding": "none"}
    wanted = DEFAULT_FRAME / sampling_rate if window_length is None else window_length
    settings = frame_settings(window_length=wanted, overlap=overlap, **given)
    if settings.length <= n_samples:
        return settings
    hop = max(1, settings.hop * n_samples // settings.length)
    return frame_settings(
        window_length=n_samples / sampling_rate, hop=hop / sampling_rate, **given
    )
