"""Networks as estimators: one training engine, one class for each architecture."""

from ._associator import RockNetAssociator
from ._base import NeuralEstimator
from ._classifier import NeuralClassifier
from ._cnn import CNNClassifier
from ._cnn_regressor import CNNRegressor
from ._display import TrainingDisplay
from ._multitask import DynamicWeightAverage
from ._rocknet import RockNetClassifier
from ._stft_cnn import STFTCNNClassifier
from ._trained_encoder import TrainedEncoder

__all__ = [
    "CNNClassifier",
    "CNNRegressor",
    "DynamicWeightAverage",
    "NeuralClassifier",
    "NeuralEstimator",
    "RockNetAssociator",
    "RockNetClassifier",
    "STFTCNNClassifier",
    "TrainedEncoder",
    "TrainingDisplay",
]
