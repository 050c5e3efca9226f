"""Pure torch modules; they know shapes in samples and nothing of scikit-learn."""

from .layers import (
    RandomTimeShift,
    SpectrogramDropout,
    SpectrogramScale,
    STFTMagnitude,
    WaveformNormalization,
    count_parameters,
    he_initialization,
)
from .stft_cnn import STFTCNN

__all__ = [
    "STFTCNN",
    "RandomTimeShift",
    "STFTMagnitude",
    "SpectrogramDropout",
    "SpectrogramScale",
    "WaveformNormalization",
    "count_parameters",
    "he_initialization",
]
