"""Pure NumPy and SciPy functions on arrays of shape (..., n_samples)."""

from ._cwt import cwt
from ._envelope import envelope, moving_average
from ._filters import bandpass, highpass, lowpass
from ._labels import gaussian_function, mask_function
from ._onset import estimate_arrivals
from ._polarization import Polarization, polarization
from ._resample import resample, resampling_ratio
from ._resize import resize
from ._scaling import scale
from ._snr import snr
from ._stft import stft
from ._trend import detrend, taper
from ._windows import sliding_windows, window_starts

__all__ = [
    "Polarization",
    "bandpass",
    "cwt",
    "detrend",
    "envelope",
    "estimate_arrivals",
    "gaussian_function",
    "highpass",
    "lowpass",
    "mask_function",
    "moving_average",
    "polarization",
    "resample",
    "resampling_ratio",
    "resize",
    "scale",
    "sliding_windows",
    "snr",
    "stft",
    "taper",
    "window_starts",
]
