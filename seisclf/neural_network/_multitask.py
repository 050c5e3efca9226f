"""Training of several tasks at once: their losses, and how much each of them counts."""

import numbers

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback

from ._net import EventNet
from ._weighted_norms import counted_norms


class MultiTaskNet(EventNet):
    """`EventNet` with a `MultiTaskCrossEntropy`; it records the loss of each task."""

    def train_step(self, batch, **fit_params):
        """One step of the optimizer."""
        count = batch[0].get("count")
        with counted_norms(self.module_, count):
            return super().train_step(batch, **fit_params)

    def get_loss(self, y_pred, y_true, X=None, training=False):
        """Weighted mean over the rows of the weighted sum over the tasks."""
        losses = self.criterion_.task_losses(y_pred, [y.to(self.device) for y in y_true])
        if "weight" in X:
            losses = losses * X["weight"].to(losses.device)[:, None]
        losses = losses.mean(dim=0)
        prefix = "train" if training else "valid"
        for name, loss in zip(self.criterion_.names, losses.tolist(), strict=True):
            self.history.record_batch(f"{prefix}_{name}_loss", loss)
        return self.criterion_.weighted(losses)

    def predict(self, X):
        """Logits of the first output; events are named by the estimator, not here."""
        return NeuralNet.predict(self, X)


class DynamicWeightAverage(Callback):
    """Give more weight to tasks whose loss falls slowly.

    Before epoch e, task k gets the weight ``K softmax_k(r / T)`` with ``r_k = L_k(e - 1) /
    L_k(e - 2)``, the ratio of its mean training losses in the last two epochs, and K the number
    of tasks. In the first two epochs all weights are 1. They stand in the history as
    ``weight_<task>``.

    Parameters
    ----------
    temperature : float, default=2.0
        T; the larger, the more alike the weights.

    References
    ----------
    .. [1] Liu, S., Johns, E. and Davison, A. J. (2019). End-to-end multi-task learning with
       attention. CVPR.

    Examples
    --------
    >>> from seisclf.neural_network import DynamicWeightAverage
    >>> DynamicWeightAverage(temperature=2.0).weights([0.5, 0.5], [1.0, 0.5]).round(3)
    array([0.876, 1.124])
    """

    def __init__(self, temperature=2.0):
        self.temperature = temperature

    def weights(self, last, before):
        """Weights that follow from the losses of two epochs.

        Parameters
        ----------
        last, before : array-like of shape (n_tasks,)
            Losses in the last epoch and in the one before.

        Returns
        -------
        weights : ndarray of shape (n_tasks,)
            Their mean is one.
        """
        last, before = np.asarray(last, dtype=float), np.asarray(before, dtype=float)
        # A task that is perfect, and stays so, counts as one that does not improve.
        ratio = np.divide(last, before, out=np.ones(len(last)), where=before > 0)
        share = np.exp((ratio - ratio.max()) / self.temperature)
        return len(share) * share / share.sum()

    def on_epoch_begin(self, net, **kwargs):
        """Set the weights of the epoch; all it needs stands in the history."""
        names = net.criterion_.names
        weights = np.ones(len(names))
        if len(net.history) > 2:
            before, last = (
                [net.history[epoch][f"train_{name}_loss"] for name in names] for epoch in (-3, -2)
            )
            weights = self.weights(last, before)
        net.criterion_.train_weight.copy_(torch.from_numpy(weights))
        for name, weight in zip(names, weights.tolist(), strict=True):
            net.history.record(f"weight_{name}", weight)


def task_weights(task_weighting, names):
    """Weights of the tasks in validation, and in training where they stay as they are.

    Parameters
    ----------
    task_weighting : {"dwa", "equal"} or dict
        From the name of a task to its weight; 1 where it has none.
    names : list of str
        The tasks.

    Returns
    -------
    weights : list of float
        In the order of `names`.

    Raises
    ------
    ValueError
        If `task_weighting` is none of these or names a task that does not exist.
    """
    if isinstance(task_weighting, dict):
        unknown = [name for name in task_weighting if name not in names]
        if unknown:
            raise ValueError(
                f"task_weighting has weights for {unknown}, which are not among the tasks {names}"
            )
        weights = [task_weighting.get(name, 1.0) for name in names]
        if not all(_is_weight(weight) for weight in weights) or not any(weights):
            raise ValueError(
                f"task_weighting must hold numbers >= 0, not all zero; got {task_weighting!r}"
            )
        return [float(weight) for weight in weights]
    if task_weighting in ("dwa", "equal"):
        return [1.0] * len(names)
    raise ValueError(
        f"task_weighting must be 'dwa', 'equal' or a dict from task to weight; got "
        f"{task_weighting!r}"
    )


def _is_weight(value):
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and 0 <= value < np.inf


def task_callbacks(task_weighting, temperature):
    """Callbacks that `task_weighting` needs."""
    if task_weighting != "dwa":
        return []
    if not _is_weight(temperature) or temperature == 0:
        raise ValueError(f"dwa_temperature must be a number > 0; got {temperature!r}")
    return [("task_weights", DynamicWeightAverage(float(temperature)))]
