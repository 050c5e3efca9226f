"""Networks as estimators: one training engine, one class for each architecture."""

from ._base import NeuralEstimator
from ._classifier import NeuralClassifier
from ._display import TrainingDisplay
from ._stft_cnn import STFTCNNClassifier

__all__ = ["NeuralClassifier", "NeuralEstimator", "STFTCNNClassifier", "TrainingDisplay"]
