"""The wavelet transform as a layer, fast enough to be computed in every epoch."""

import numpy as np
import torch
from scipy.fft import next_fast_len
from torch import nn

from ..signal._arrays import check_positive
from ..signal._cwt import check_frequencies

__all__ = ["MorletScalogram", "scalogram_frequencies"]

#: Standard deviations of a wavelet's spectrum that are kept to either side.
_REACH = 4.5
#: Fewest samples of a band in one frame, for which the rule of the mean is good to a percent.
_FEWEST = 4


class MorletScalogram(nn.Module):
    """Magnitude of the wavelet transform, averaged in frames.

    Coefficients are those of :func:`seisclf.signal.cwt`: a sine of amplitude ``a`` has magnitude
    ``a`` in its row. A column is the mean over `hop` seconds; the last one may reach beyond the
    trace, which is continued by zeros.

    Parameters
    ----------
    n_samples : int
        Length of the waveforms.
    sampling_rate : float
        Hz.
    frequencies : array-like of shape (n_frequencies,)
        Centre frequencies in Hz, ascending; see `scalogram_frequencies`.
    hop : float
        Seconds in a column, rounded to whole samples.
    w0 : float, default=6.0
        Oscillations in a wavelet, as of :func:`seisclf.signal.cwt`.

    Attributes
    ----------
    frequencies : ndarray of shape (n_frequencies,)
        Hz.
    times : ndarray of shape (n_frames,)
        Centres of the columns, in seconds after the first sample.

    Notes
    -----
    The coefficients of a low frequency change slowly, so they are computed at as few instants as
    hold their spectrum, at least four in a column: one Fourier transform of the trace, and back
    from the part of the spectrum around each frequency, ten times as short where the frequency is
    ten times as low. The mean over the instants is corrected for the slope of the magnitude at
    both ends of the column. On white noise this differs from the mean over all samples by about
    0.2 % (root mean square); where there are as many instants as samples, not at all.

    Examples
    --------
    >>> import torch
    >>> from seisclf.nets import MorletScalogram
    >>> sine = 2 * torch.sin(2 * torch.pi * 10 * torch.arange(1000) / 100)
    >>> layer = MorletScalogram(1000, sampling_rate=100.0, frequencies=[5, 10, 20], hop=0.2)
    >>> layer(sine.reshape(1, 1, -1)).shape
    torch.Size([1, 1, 3, 50])
    >>> layer(sine.reshape(1, 1, -1))[0, 0, 1, 25].item()  # doctest: +ELLIPSIS
    2.0...
    """

    def __init__(self, n_samples, *, sampling_rate, frequencies, hop, w0=6.0):
        super().__init__()
        sampling_rate = check_positive(sampling_rate, "sampling_rate")
        self.frequencies = check_frequencies(frequencies, sampling_rate)
        w0 = check_positive(w0, "w0")
        if (np.diff(self.frequencies) <= 0).any():
            raise ValueError("frequencies must ascend: give np.unique(frequencies)")
        self.hop = min(max(1, round(check_positive(hop, "hop") * sampling_rate)), n_samples)
        self.n_frames = -(-n_samples // self.hop)
        self.times = (np.arange(self.n_frames) * self.hop + (self.hop - 1) / 2) / sampling_rate
        # As seisclf.signal.cwt, zeros for four standard deviations of the longest wavelet.
        reach = 4 * w0 / (2 * np.pi * self.frequencies[0]) * sampling_rate
        n_padded = n_samples + int(np.ceil(min(reach, n_samples)))
        self.n_periodic = next_fast_len(-(-n_padded // self.hop))  # frames of the transform
        self.n_fft = self.n_periodic * self.hop
        per_frame = _samples_per_frame(self.frequencies / sampling_rate * self.hop, w0, self.hop)
        self.groups = tuple(int(n) for n in np.unique(per_frame))
        n_bins = self.n_fft // 2 + 1
        self.n_beyond = 0  # bins beyond the Nyquist frequency that some runs of bins go on to
        for n in self.groups:
            cycles = self.frequencies[per_frame == n] / sampling_rate * self.n_fft
            first, wavelets = self._wavelets(cycles, n, w0)
            self.n_beyond = max(self.n_beyond, int(first.max()) + wavelets.shape[1] - n_bins)
            self.register_buffer(f"first_{n}", torch.from_numpy(first), persistent=False)
            # As pairs of real numbers: casting a module leaves complex ones as they are.
            pairs = torch.view_as_real(torch.from_numpy(wavelets)).contiguous()
            self.register_buffer(f"wavelets_{n}", pairs, persistent=False)

    def _wavelets(self, cycles, n, w0):
        """Spectra of wavelets of some `cycles` in n_fft samples, and where each spectrum starts.

        The start does not matter for the magnitude, so that each spectrum is a run of bins.
        """
        size = self.n_periodic * n
        first = np.maximum(0, np.round(cycles).astype(np.int64) - size // 2)
        bins = first[:, None] + np.arange(size)
        wavelets = 2 * np.exp(-0.5 * (w0 * (bins / cycles[:, None] - 1)) ** 2)
        wavelets[(bins == 0) | (bins > self.n_fft // 2)] = 0
        # n instants that divide the frame's samples evenly: the first lies between samples.
        offset = (self.hop / n - 1) / 2
        return first, wavelets * size / self.n_fft * np.exp(
            2j * np.pi * bins * offset / self.n_fft
        )

    def forward(self, x):
        """Turn (n, n_channels, n_samples) into (n, n_channels, n_frequencies, n_frames)."""
        spectrum = torch.fft.rfft(x, self.n_fft)
        spectrum = nn.functional.pad(spectrum, (0, self.n_beyond))
        rows = [self._frames(spectrum, n) for n in self.groups]
        return torch.cat(rows, dim=-2)[..., : self.n_frames]

    def _frames(self, spectrum, n):
        """Means of the bands with `n` instants in a frame, (..., n_bands, n_periodic)."""
        first, pairs = self.get_buffer(f"first_{n}"), self.get_buffer(f"wavelets_{n}")
        parts = spectrum.unfold(-1, pairs.shape[1], 1)[..., first, :]
        wavelets = torch.view_as_complex(pairs).to(spectrum.dtype)
        instants = _magnitude(torch.fft.ifft(parts * wavelets)).unflatten(-1, (-1, n))
        means = instants.mean(dim=-1)
        if n == self.hop:
            return means
        # Euler and Maclaurin: the midpoint rule errs by the difference of the slopes at the ends.
        first, last = instants[..., 0], instants[..., -1]
        bend = first.roll(-1, -1) - last - first + last.roll(1, -1)
        return means + (1 - (n / self.hop) ** 2) / (24 * n) * bend


def _samples_per_frame(cycles, w0, hop):
    """Instants in a frame that hold the spectrum of each band; `cycles` are those in a frame."""
    needed = np.maximum(_FEWEST, 2 * _REACH / w0 * cycles)
    # A few sizes only, so that many bands are transformed at once.
    sizes = np.unique(np.outer(2 ** np.arange(2, 32), [2, 3]) // 2)
    return np.minimum(sizes[np.searchsorted(sizes, needed)], hop)


def _magnitude(z):
    if z.requires_grad:
        return z.abs()  # whose derivative is finite where the root's is not, in silence
    return (z.real * z.real + z.imag * z.imag).sqrt()  # several times as fast


def scalogram_frequencies(
    n_samples, *, sampling_rate, n_frequencies=64, freq_min=None, freq_max=None, w0=6.0
):
    """Frequencies in equal ratios, by default as low and as high as a window can hold.

    Parameters
    ----------
    n_samples : int
        Length of the window.
    sampling_rate : float
        Hz.
    n_frequencies : int, default=64
        How many.
    freq_min : float, optional
        The lowest in Hz. By default the one whose wavelet, two standard deviations to either
        side, is as long as a quarter of the window (1 Hz for 15 s), at most half of `freq_max`.
    freq_max : float, optional
        The highest in Hz; by default 0.8 of the Nyquist frequency.
    w0 : float, default=6.0
        Oscillations in a wavelet.

    Returns
    -------
    frequencies : ndarray of shape (n_frequencies,)
        Hz, ascending.

    Raises
    ------
    ValueError
        If there is no such range.

    Examples
    --------
    >>> from seisclf.nets.wavelets import scalogram_frequencies
    >>> scalogram_frequencies(3750, sampling_rate=250.0, n_frequencies=3).round(2)
    array([  1.02,  10.09, 100.  ])
    """
    high = 0.4 * sampling_rate if freq_max is None else freq_max
    w0 = check_positive(w0, "w0")
    quarter = n_samples / sampling_rate / 4
    low = min(4 * w0 / (2 * np.pi * quarter), high / 2) if freq_min is None else freq_min
    whole = isinstance(n_frequencies, int | np.integer) and not isinstance(n_frequencies, bool)
    if not whole or n_frequencies < 1:
        raise ValueError(f"n_frequencies must be an integer >= 1; got {n_frequencies!r}")
    if not 0 < low < high <= sampling_rate / 2:
        raise ValueError(
            f"a scalogram needs 0 < freq_min < freq_max <= {sampling_rate / 2:g} Hz, the Nyquist "
            f"frequency; got freq_min={freq_min}, freq_max={freq_max}, that is from {low:g} to "
            f"{high:g} Hz"
        )
    return np.geomspace(low, high, n_frequencies)
