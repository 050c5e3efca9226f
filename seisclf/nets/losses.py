"""Losses of networks with several tasks."""

import torch
from torch import nn

__all__ = ["MultiTaskCrossEntropy"]


class MultiTaskCrossEntropy(nn.Module):
    """Weighted sum of the cross-entropies of several functions over time, one loss per row.

    For each task, ``-sum_c target_c log softmax(logits)_c`` is averaged over time (and over
    stations, where there are any). Targets are soft; the last class of each task is "nothing",
    and its target is what the others leave of one.

    Parameters
    ----------
    tasks : sequence of tuple (name, output, part)
        Number of the network's output, and the part of it along the third axis from the end, or
        None where an output is one task.
    weight : sequence of float, optional
        Weight of each task in validation, and in training until `train_weight` is changed. By
        default ones.

    Attributes
    ----------
    train_weight, weight : torch.Tensor of shape (n_tasks,)
        Weights in training and in evaluation. They differ where the weights of training change
        from epoch to epoch: validation losses stay comparable.

    References
    ----------
    .. [1] Liao, W.-Y. et al. (2023). RockNet: rockfall and earthquake detection and association
       via multitask learning and transfer learning. IEEE TGRS 61.

    Examples
    --------
    >>> import torch
    >>> from seisclf.nets.losses import MultiTaskCrossEntropy
    >>> loss = MultiTaskCrossEntropy([("pick", 0, None), ("mask", 1, 0)])
    >>> logits = torch.zeros(4, 3, 50), torch.zeros(4, 1, 2, 50)
    >>> targets = torch.zeros(4, 2, 50), torch.zeros(4, 1, 1, 50)
    >>> loss(logits, targets)  # log 3 + log 2
    tensor([1.7918, 1.7918, 1.7918, 1.7918])
    """

    weight: torch.Tensor
    train_weight: torch.Tensor

    def __init__(self, tasks, weight=None):
        super().__init__()
        self.tasks = tuple(tasks)
        weight = torch.ones(len(self.tasks)) if weight is None else torch.as_tensor(weight)
        if weight.shape != (len(self.tasks),):
            raise ValueError(
                f"weight must hold one number for each of the {len(self.tasks)} tasks; got shape "
                f"{tuple(weight.shape)}"
            )
        self.register_buffer("weight", weight.double())
        self.register_buffer("train_weight", weight.double().clone())

    @property
    def names(self):
        """Names of the tasks."""
        return [name for name, *_ in self.tasks]

    def task_losses(self, logits, targets):
        """Loss of each task.

        Parameters
        ----------
        logits : tuple of torch.Tensor of shape (n, ..., n_classes, n_samples)
            Outputs of the network.
        targets : tuple of torch.Tensor of shape (n, ..., n_classes - 1, n_samples)
            For each output, probabilities of all classes but the last.

        Returns
        -------
        losses : torch.Tensor of shape (n, n_tasks)
            Means over time.
        """
        losses = []
        for _, output, part in self.tasks:
            own, target = logits[output], targets[output]
            if part is not None:
                own, target = own.select(-3, part), target.select(-3, part)
            losses.append(_cross_entropy(own, target.to(own.dtype)))
        return torch.stack(losses, dim=1)

    def weighted(self, losses):
        """Sum over the tasks of (n, n_tasks) losses, with the weights of the present mode."""
        weight = self.train_weight if self.training else self.weight
        return losses @ weight.to(losses.dtype)

    def forward(self, logits, targets):
        """Loss of each row, of shape (n,); arguments as of `task_losses`."""
        return self.weighted(self.task_losses(logits, targets))


def _cross_entropy(logits, target):
    log_p = nn.functional.log_softmax(logits, dim=-2)
    events, nothing = log_p[..., :-1, :], log_p[..., -1, :]
    loss = -(target * events).sum(dim=-2) - (1 - target.sum(dim=-2)) * nothing
    return loss.flatten(1).mean(dim=1)
