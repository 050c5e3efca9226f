"""What RockNet sees of an event: its z-score, and the spectrogram of one channel."""

import numpy as np
import torch
from scipy.fft import next_fast_len
from scipy.signal import butter, sosfilt
from torch import nn

from ..signal._frames import frame_settings

__all__ = ["RockNetInput"]


class RockNetInput(nn.Module):
    """Z-score of each trace, and the complex spectrogram of the vertical one.

    Parameters
    ----------
    n_samples : int
        Length of the waveforms.
    sampling_rate : float, default=100.0
        Hz.
    vertical : int or None, default=0
        Channel whose spectrogram is taken; None: there is none.
    window_length, hop : float, default=0.2, 0.1
        Frames of the spectrogram, in seconds.
    n_fft : int, optional
        Samples of the Fourier transform. Default: those of a second, for steps of 1 Hz.
    high_pass : float, default=0.1
        Hz; corner of the causal Butterworth filter of order 4 before the spectrogram.
    normalize : bool, default=True
        Whether the z-score is taken. Without, the waveform passes as it is.

    Attributes
    ----------
    n_frequencies, n_frames : int
        Shape of the spectrogram, if there is one.
    """

    response: torch.Tensor
    transform: torch.Tensor

    def __init__(
        self,
        n_samples,
        *,
        sampling_rate=100.0,
        vertical=0,
        window_length=0.2,
        hop=0.1,
        n_fft=None,
        high_pass=0.1,
        normalize=True,
    ):
        super().__init__()
        self.normalize = normalize
        self.vertical = vertical
        if vertical is None:
            return
        settings = frame_settings(
            sampling_rate=sampling_rate,
            window_length=window_length,
            hop=hop,
            n_fft=max(round(window_length * sampling_rate), round(sampling_rate))
            if n_fft is None
            else n_fft,
            padding="zeros",
        )
        if settings.length > n_samples:
            raise ValueError(
                f"a window of {n_samples} samples is shorter than one frame of the spectrogram, "
                f"{settings.length} samples ({window_length:g} s): take longer events, or a "
                f"shorter spectrogram_window"
            )
        self.length, self.hop = settings.length, settings.hop
        self.padding = (settings.pad_left, settings.pad_right(n_samples))
        self.n_frequencies = settings.n_frequencies
        self.n_frames = settings.n_frames(n_samples)
        self.n_padded = next_fast_len(2 * n_samples, real=True)
        impulse = np.zeros(n_samples)
        impulse[0] = 1.0
        sos = butter(4, high_pass, "highpass", fs=sampling_rate, output="sos")
        response = np.fft.rfft(sosfilt(sos, impulse), self.n_padded)
        # Real and imaginary parts one after the other: one product of matrices makes both.
        phase = -2j * np.pi * np.arange(settings.length)[:, None] / settings.n_fft
        basis = np.exp(phase * np.arange(settings.n_frequencies)) * settings.window[:, None]
        transform = np.concatenate([basis.real, basis.imag], axis=1)
        # As pairs of real numbers: a module that is cast to float32 would lose imaginary parts.
        pairs = torch.view_as_real(torch.from_numpy(response))
        self.register_buffer("response", pairs, persistent=False)
        self.register_buffer("transform", torch.from_numpy(transform), persistent=False)

    def forward(self, x):
        """Prepare waveforms.

        Parameters
        ----------
        x : torch.Tensor of shape (n, n_channels, n_samples)
            Waveforms.

        Returns
        -------
        waveform : torch.Tensor of shape (n, n_channels, n_samples)
            With mean 0 and standard deviation 1; zero where a trace was constant.
        spectrogram : torch.Tensor of shape (n, 2, n_frequencies, n_frames) or None
            Real and imaginary part, divided by the standard deviation of the complex numbers.
        """
        # In full precision also where the network is not: counts are large, and some cells small.
        with torch.autocast(x.device.type, enabled=False):
            if self.normalize:
                x = self._z_score(x)
            if self.vertical is None:
                return x, None
            return x, self._spectrogram(x[:, self.vertical])

    @staticmethod
    def _z_score(x):
        # The mean of a constant is exact to some digits only; what is left is no signal.
        constant = x.amax(dim=-1, keepdim=True) == x.amin(dim=-1, keepdim=True)
        x = x - x.mean(dim=-1, keepdim=True)
        std = x.square().mean(dim=-1, keepdim=True).sqrt()
        return torch.where(constant | (std == 0), 0.0, x / torch.where(std > 0, std, 1.0))

    def _spectrogram(self, x):
        cells = self.cells(x)
        return cells / spread_of(cells)

    def cells(self, x):
        """Spectrogram of (n, n_samples) before it is divided by its spread: linear in `x`."""
        n_samples = x.shape[-1]
        spectrum = torch.fft.rfft(x - x.mean(dim=-1, keepdim=True), self.n_padded)
        # The response is that of as many samples as an event has, so nothing wraps around, and
        # the product is the filter's output from a state of rest.
        spectrum = spectrum * torch.view_as_complex(self.response.to(x.dtype))
        x = torch.fft.irfft(spectrum, self.n_padded)[:, :n_samples]
        frames = nn.functional.pad(x, self.padding).unfold(-1, self.length, self.hop)
        cells = (frames @ self.transform.to(x.dtype)).transpose(-2, -1)
        return cells.unflatten(-2, (2, self.n_frequencies))


def spread_of(cells):
    """Standard deviation of complex cells, one where there is no signal."""
    centred = cells - cells.mean(dim=(-2, -1), keepdim=True)
    variance = centred.square().sum(dim=1, keepdim=True).mean(dim=(-2, -1), keepdim=True)
    return torch.where(variance > 0, variance.sqrt(), 1.0)
