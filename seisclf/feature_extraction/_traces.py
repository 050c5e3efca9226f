"""A block of traces with what the formulas share: spectrum, envelope, autocorrelation."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import fft

from ._kernels import boxcar, detrended, odd_length


@dataclass(frozen=True)
class Settings:
    """All that the formulas depend on, in seconds and hertz, for traces of one length."""

    sampling_rate: float
    n_samples: int
    bands: tuple
    detrend: str | None = "linear"
    smoothing: float = 1.0
    envelope_smoothing: float = 0.03
    spectrum_smoothing: float = 0.5
    spectrum_peak_distance: float = 1.0
    spectrogram_window: float = 1.0
    spectrogram_overlap: float = 0.8
    spectrogram_smoothing: float = 0.5
    polarity_window: tuple | None = None
    phase_segments: tuple | None = None

    @property
    def dt(self):
        return 1.0 / self.sampling_rate

    @property
    def nyquist(self):
        return self.sampling_rate / 2

    @cached_property
    def n_fft(self):
        """Length of the transform: never shorter than the trace, so nothing is cut off."""
        return fft.next_fast_len(self.n_samples, real=True)

    @cached_property
    def frequencies(self):
        return np.arange(self.n_fft // 2 + 1) * (self.sampling_rate / self.n_fft)

    @cached_property
    def smoothing_length(self):
        return odd_length(min(self.smoothing, self.n_samples * self.dt), self.dt)

    @cached_property
    def envelope_length(self):
        return odd_length(min(self.envelope_smoothing, self.n_samples * self.dt), self.dt)

    @cached_property
    def spectrum_length(self):
        return odd_length(self.spectrum_smoothing, self.sampling_rate / self.n_fft)

    @cached_property
    def one_sided(self):
        """Weights that make the analytic spectrum out of that of a real trace."""
        weights = np.full(self.n_fft // 2 + 1, 2.0)
        weights[0] = 1.0
        if self.n_fft % 2 == 0:
            weights[-1] = 1.0
        return weights

    @cached_property
    def band_responses(self):
        """Butterworth magnitude responses at `frequencies`, None for a band above Nyquist."""
        return tuple(
            butterworth_response(self.frequencies, low, high, nyquist=self.nyquist)
            if high <= self.nyquist * (1 + 1e-9)
            else None
            for low, high in self.bands
        )


def butterworth_response(frequencies, low, high, *, nyquist, order=2):
    """Magnitude of an analogue Butterworth filter, to be applied without phase.

    The analogue formula does not depend on the sampling rate, so the same trace gives the same
    band energy at 100 and at 200 Hz. A band from zero is a low-pass, one up to the Nyquist
    frequency a high-pass.
    """
    f = np.asarray(frequencies, dtype=float)
    if low <= 0 and high >= nyquist * (1 - 1e-9):
        return np.ones_like(f)
    with np.errstate(divide="ignore"):
        if low <= 0:
            offset = f / high
        elif high >= nyquist * (1 - 1e-9):
            offset = low / f
        else:
            offset = (f * f - low * high) / (f * (high - low))
        return 1 / np.sqrt(1 + offset ** (2 * order))


def prepare(x, detrend):
    """Detrended traces divided by their largest absolute value.

    The division makes every dimensionless feature independent of the unit, whatever the dtype:
    the fourth power of a ground velocity of 1e-9 m/s would vanish in float32.

    Parameters
    ----------
    x : ndarray of shape (n_traces, n_samples)
        Raw traces.
    detrend : {"linear", "constant", None}
        What to subtract.

    Returns
    -------
    signal : ndarray of shape (n_traces, n_samples)
        Traces between -1 and 1.
    scale : ndarray of shape (n_traces,)
        What they were divided by.
    alive : ndarray of bool of shape (n_traces,)
        False for constant traces and such with NaN; their signal and scale mean nothing.
    """
    signal = detrended(x, detrend)
    scale = np.maximum(signal.max(axis=-1), -signal.min(axis=-1))
    size = np.maximum(x.max(axis=-1), -x.min(axis=-1))
    # Subtracting a mean or a line from itself leaves rounding errors, which are not a signal.
    floor = 16 * np.finfo(x.dtype).eps * size
    alive = scale > np.maximum(floor, np.finfo(x.dtype).tiny)
    if detrend is None:
        alive &= x.max(axis=-1) > x.min(axis=-1)
    signal /= np.where(alive, scale, 1)[:, np.newaxis]
    return signal, scale, alive


class Traces:
    """Prepared traces; each shared quantity is computed when a formula first asks for it.

    Parameters
    ----------
    signal : ndarray of shape (n_traces, n_samples)
        Detrended traces between -1 and 1, see `prepare`.
    scale : ndarray of shape (n_traces,)
        Factor that gives their unit back.
    settings : Settings
        Parameters of the formulas.
    """

    def __init__(self, signal, scale, settings):
        self.signal = signal
        self.scale = scale
        self.settings = settings

    @cached_property
    def padded_spectrum(self):
        """Spectrum of the traces followed by as many zeros: for correlations that do not wrap."""
        return fft.rfft(self.signal, 2 * self.settings.n_fft, axis=-1)

    @cached_property
    def spectrum(self):
        """Spectrum of the traces, every second line of the padded one."""
        if "padded_spectrum" in vars(self):
            return np.ascontiguousarray(self.padded_spectrum[:, ::2])
        return fft.rfft(self.signal, self.settings.n_fft, axis=-1)

    def analytic(self, response=None):
        """Analytic signal s + iH(s) after a zero-phase filter with that magnitude response."""
        settings = self.settings
        weights = settings.one_sided if response is None else settings.one_sided * response
        spectrum = self._analytic_buffer
        np.multiply(
            self.spectrum,
            weights.astype(self.signal.dtype),
            out=spectrum[:, : len(weights)],
        )
        return fft.ifft(spectrum, axis=-1)[:, : settings.n_samples]

    @cached_property
    def _analytic_buffer(self):
        return np.zeros((len(self.signal), self.settings.n_fft), dtype=self.spectrum.dtype)

    @cached_property
    def envelope(self):
        """|s + iH(s)|."""
        return np.abs(self.analytic())

    @cached_property
    def smooth_envelope(self):
        """Envelope under a centred running mean of ``smoothing`` seconds."""
        return boxcar(self.envelope, self.settings.smoothing_length)

    @cached_property
    def maximum(self):
        """Sample at which the smooth envelope is largest."""
        return self.smooth_envelope.argmax(axis=-1)

    @cached_property
    def autocorrelation_envelope(self):
        """|a + iH(a)| for lags from zero on, smoothed; a is the autocorrelation with a(0) = 1."""
        settings, padded = self.settings, self.padded_spectrum
        # The analytic spectrum of a is the power spectrum, doubled, for positive frequencies and
        # zero for negative ones. It is real, so a forward real transform gives the same modulus
        # as the inverse complex one at half the price.
        power = np.zeros((len(padded), 2 * settings.n_fft), dtype=self.signal.dtype)
        positive = power[:, : padded.shape[1]]
        np.multiply(padded.real, padded.real, out=positive)
        positive += padded.imag**2
        positive[:, 1:-1] *= 2
        analytic = fft.rfft(power, axis=-1, overwrite_x=True)
        envelope = np.abs(analytic[:, : settings.n_samples])
        envelope /= envelope[:, :1]
        # The autocorrelation is symmetric, so it goes on beyond lag zero as its own mirror image.
        return boxcar(envelope, settings.smoothing_length, mode="mirror")

    @cached_property
    def amplitude(self):
        """Smoothed one-sided amplitude spectrum |FFT|·dt of the signal.

        Two running means in a row make a triangle, which leaves the top of a spectral line where
        it was; after a single one it would be flat.
        """
        settings = self.settings
        amplitude = np.abs(self.spectrum)
        amplitude *= amplitude.dtype.type(settings.dt)
        length = min(settings.spectrum_length, 2 * amplitude.shape[1] - 1)
        for _ in range(2):
            amplitude = boxcar(amplitude, length, mode="mirror")
        return amplitude
