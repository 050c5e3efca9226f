"""Pure torch modules; they know shapes in samples and nothing of scikit-learn."""

from .alexnet import AlexNet
from .backbones import BACKBONES, make_backbone
from .encoder import EncoderClassifier, EventEncoder
from .iter_norm import IterNorm
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
from .pictures import SpectrogramPicture
from .resnet import ResNet
from .rocknet import RockNet, RockNetWaveform
from .rocknet_association import RockNetAssociation
from .stft_cnn import STFTCNN
from .wavelets import MorletScalogram

__all__ = [
    "BACKBONES",
    "STFTCNN",
    "AlexNet",
    "EncoderClassifier",
    "EventEncoder",
    "IterNorm",
    "MorletScalogram",
    "MultiTaskCrossEntropy",
    "RandomTimeShift",
    "ResNet",
    "RockNet",
    "RockNetAssociation",
    "RockNetWaveform",
    "STFTMagnitude",
    "SpectrogramDropout",
    "SpectrogramPicture",
    "SpectrogramScale",
    "WaveformNormalization",
    "count_parameters",
    "fold_batch_norms",
    "he_initialization",
    "make_backbone",
]
