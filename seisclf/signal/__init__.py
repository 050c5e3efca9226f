"""Pure NumPy and SciPy functions on arrays of shape (..., n_samples)."""

from ._envelope import envelope, moving_average
from ._filters import bandpass, highpass, lowpass
from ._polarization import Polarization, polarization
from ._stft import stft
from ._trend import detrend, taper

__all__ = [
    "Polarization",
    "bandpass",
    "detrend",
    "envelope",
    "highpass",
    "lowpass",
    "moving_average",
    "polarization",
    "stft",
    "taper",
]
