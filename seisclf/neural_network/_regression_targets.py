"""Targets of a regression as the network learns them, and its outputs as the user reads them."""

import numpy as np
import torch
from scipy.special import i0e, i1e

from ..nets.regression_losses import GaussianNLL, VonMisesNLL

LOSSES = ("huber", "squared_error", "gaussian")
SCALINGS = ("standard", "log", None)
_PLAIN_LOSSES = {"huber": torch.nn.HuberLoss, "squared_error": torch.nn.MSELoss}


class LinearCoding:
    """Targets on a line: shifted and scaled, perhaps after a logarithm.

    Parameters
    ----------
    mean, scale : ndarray of shape (n_targets,)
        Of the targets (``target_scaling="log"``: of ``log(1 + y)``).
    log : bool
        Whether ``log(1 + y)`` is learned.
    gaussian : bool
        Whether the outputs hold variances.
    """

    def __init__(self, mean, scale, *, log, gaussian):
        self.mean, self.scale, self.log, self.gaussian = mean, scale, log, gaussian
        self.n_outputs = (1 + gaussian) * len(mean)

    def criterion(self, loss):
        """Class of the loss and its parameters."""
        if self.gaussian:
            return GaussianNLL, {}
        return _PLAIN_LOSSES[loss], {"reduction": "none"}

    def encode(self, y):
        """Targets (n, n_targets) as the criterion takes them, of the same shape."""
        return ((np.log1p(y) if self.log else y) - self.mean) / self.scale

    def decode(self, outputs):
        """Means and standard deviations (or None), both (n, n_targets), of outputs."""
        std = None
        if self.gaussian:
            outputs, variance = (part.numpy() for part in GaussianNLL.split(_tensor(outputs)))
            std = np.sqrt(variance) * self.scale
        mean = outputs * self.scale + self.mean
        if not self.log:
            return mean, std
        if std is not None:
            # Half of what lies between one standard deviation below and above, in the unit of y.
            std = np.exp(mean) * np.sinh(std)
        return np.maximum(np.expm1(mean), 0.0), std


class CircularCoding:
    """Targets on a circle: cosines, and then sines.

    Parameters
    ----------
    n_targets : int
        How many.
    period : float
        Circumference in the unit of the targets.
    gaussian : bool
        Whether the length of an output vector is a concentration.
    """

    def __init__(self, n_targets, period, *, gaussian):
        self.period, self.gaussian = period, gaussian
        self.n_outputs = 2 * n_targets

    def criterion(self, loss):
        """Class of the loss and its parameters."""
        if self.gaussian:
            return VonMisesNLL, {}
        return _PLAIN_LOSSES[loss], {"reduction": "none"}

    def encode(self, y):
        """Targets (n, n_targets) as the criterion takes them, (n, 2 n_targets)."""
        angle = 2 * np.pi * y / self.period
        return np.concatenate([np.cos(angle), np.sin(angle)], axis=1)

    def decode(self, outputs):
        """Means in [0, period) and standard deviations (or None), both (n, n_targets)."""
        cos, sin = np.split(outputs, 2, axis=1)
        unit = self.period / (2 * np.pi)
        mean = np.mod(np.arctan2(sin, cos) * unit, self.period)
        mean[mean >= self.period] = 0.0  # what is a little below zero is rounded up to a period
        if not self.gaussian:
            return mean, None
        concentration = np.hypot(cos, sin)
        length = i1e(concentration) / i0e(concentration)
        with np.errstate(divide="ignore"):
            std = np.sqrt(-2 * np.log(length)) * unit
        # Nothing is less certain than that all angles are alike.
        return mean, np.minimum(std, self.period / np.sqrt(12))


def weighted_scale(y, weights):
    """Mean and standard deviation of each column, 1 where it does not vary.

    Parameters
    ----------
    y : ndarray of shape (n, n_targets)
        Numbers.
    weights : ndarray of shape (n,)
        How much each row counts.

    Returns
    -------
    mean, scale : ndarray of shape (n_targets,)
        A row of weight two counts as two rows.
    """
    mean = np.average(y, axis=0, weights=weights)
    std = np.sqrt(np.average((y - mean) ** 2, axis=0, weights=weights))
    # The mean of equal numbers is exact to some digits only.
    flat = std <= 100 * np.finfo(np.float64).eps * np.abs(mean)
    return mean, np.where(flat, 1.0, std)


def _tensor(array):
    return torch.from_numpy(np.ascontiguousarray(array))
