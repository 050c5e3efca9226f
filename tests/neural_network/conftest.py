"""A network small enough to train a hundred times, and events to train it on."""

import numpy as np
import pytest
import torch

from seisclf.neural_network import NeuralClassifier


class TinyModule(torch.nn.Module):
    """One hidden layer on the samples themselves."""

    def __init__(self, n_inputs, n_outputs, dropout=0.0):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Flatten(),
            torch.nn.Linear(n_inputs, 16),
            torch.nn.ReLU(),
            torch.nn.Dropout(dropout),
            torch.nn.Linear(16, n_outputs),
        )

    def forward(self, x):
        return self.layers(x)


class TinyClassifier(NeuralClassifier):
    """The smallest child of the engine that is of any use."""

    def __init__(
        self,
        *,
        dropout=0.0,
        class_weight=None,
        max_epochs=10,
        lr=0.05,
        batch_size=128,
        optimizer="adam",
        weight_decay=0.0,
        lr_schedule="constant",
        lr_schedule_params=None,
        early_stopping=False,
        validation_fraction=None,
        augmenter=None,
        callbacks=None,
        net_params=None,
        dtype="float32",
        device="cpu",
        warm_start=False,
        random_state=None,
        verbose=0,
    ):
        self.dropout = dropout
        super().__init__(
            class_weight=class_weight,
            max_epochs=max_epochs,
            lr=lr,
            batch_size=batch_size,
            optimizer=optimizer,
            weight_decay=weight_decay,
            lr_schedule=lr_schedule,
            lr_schedule_params=lr_schedule_params,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            augmenter=augmenter,
            callbacks=callbacks,
            net_params=net_params,
            dtype=dtype,
            device=device,
            warm_start=warm_start,
            random_state=random_state,
            verbose=verbose,
        )

    def _module(self):
        return TinyModule, {
            "n_inputs": self.n_channels_in_ * self.n_samples_in_,
            "n_outputs": len(self.classes_),
            "dropout": self.dropout,
        }


@pytest.fixture
def Tiny():
    """Class of the small classifier."""
    return TinyClassifier


@pytest.fixture
def Module():
    """Class of its module."""
    return TinyModule


@pytest.fixture
def events():
    """60 events of three classes, 2 channels, 20 samples; two events a group."""
    rng = np.random.default_rng(0)
    y = np.tile(["a", "b", "c"], 20)
    X = rng.normal(size=(60, 2, 20)) + np.array([-1, 0, 1])[np.tile([0, 1, 2], 20), None, None]
    return X.astype(np.float32), y, np.arange(60) // 6
