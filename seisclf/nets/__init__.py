"""Pure torch modules; they know shapes in samples and nothing of scikit-learn."""

from .layers import (
    LogScale,
    RandomTimeShift,
    SpectrogramDropout,
    STFTMagnitude,
    WaveformNormalization,
    count_parameters,
)
from .stft_cnn import STFTCNN

__all__ = [
    "STFTCNN",
    "LogScale",
    "RandomTimeShift",
    "STFTMagnitude",
    "SpectrogramDropout",
    "WaveformNormalization",
    "count_parameters",
]
