"""Pure torch modules; they know shapes in samples and nothing of scikit-learn."""

from .layers import (
    RandomTimeShift,
    SpectrogramDropout,
    SpectrogramScale,
    STFTMagnitude,
    WaveformNormalization,
    count_parameters,
    fold_batch_norms,
    he_initialization,
)
from .losses import MultiTaskCrossEntropy
from .rocknet import RockNet, RockNetWaveform
from .rocknet_association import RockNetAssociation
from .stft_cnn import STFTCNN
from .wavelets import MorletScalogram

__all__ = [
    "STFTCNN",
    "MorletScalogram",
    "MultiTaskCrossEntropy",
    "RandomTimeShift",
    "RockNet",
    "RockNetAssociation",
    "RockNetWaveform",
    "STFTMagnitude",
    "SpectrogramDropout",
    "SpectrogramScale",
    "WaveformNormalization",
    "count_parameters",
    "fold_batch_norms",
    "he_initialization",
]
