"""Batch normalisation for few events: rows that count, and running means that keep up."""

from contextlib import contextmanager
from functools import partial

import torch
from skorch.callbacks import Callback
from torch.nn.modules.batchnorm import _BatchNorm

_SLOWEST, _FASTEST = 0.01, 0.5


class RunningStatistics(Callback):
    """Let batch normalisations average over about the last epoch.

    Keras averages over the last hundred batches, starting from mean 0 and variance 1. With a few
    hundred events that is many epochs, and the network that predicts is not the one that was
    trained. Here it is the batches of an epoch, at most those hundred, and the first ones count
    alike.
    """

    def on_train_begin(self, net, X=None, **kwargs):
        """Find the normalisations, and how long an epoch is."""
        self.norms_ = [m for m in net.module_.modules() if isinstance(m, _BatchNorm)]
        n_batches = -(-len(X) // net.batch_size)
        self.momentum_ = min(max(1 / n_batches, _SLOWEST), _FASTEST)

    def on_batch_begin(self, net, training=None, **kwargs):
        """Set how much this batch counts."""
        if not training:
            return
        for norm in self.norms_:
            norm.momentum = max(self.momentum_, 1 / (1 + int(norm.num_batches_tracked)))

    def on_train_end(self, net, **kwargs):
        """Let go of the modules, which a pickle would hold twice."""
        self.norms_ = []


@contextmanager
def counted_norms(module, count):
    """For the length of a ``with``, batch normalisations in training count rows by `count`.

    Means and variances become what they would be if each row stood in the batch that many times,
    so that a row of weight zero has no influence, and weights are the same as repetition.

    Parameters
    ----------
    module : torch.nn.Module
        Whose batch normalisations are meant.
    count : torch.Tensor of shape (n,) or None
        Not negative. None, or the same for all rows, changes nothing.
    """
    if count is None or bool((count == count[0]).all()):
        yield
        return
    norms = [norm for norm in module.modules() if isinstance(norm, _BatchNorm) and norm.training]
    for norm in norms:
        norm.forward = partial(_counted_norm, norm, count)
    try:
        yield
    finally:
        for norm in norms:
            del norm.forward


def _counted_norm(norm, count, x):
    # A row of the batch may be several rows here, one for each station.
    share = count.to(x).repeat_interleave(len(x) // len(count))
    axes = (0, *range(2, x.ndim))
    n_positions = x[0, 0].numel()
    n = share.sum() * n_positions
    share = (share / n).view(-1, *(1,) * (x.ndim - 1))
    mean = (x * share).sum(dim=axes, keepdim=True)
    centred = x - mean
    variance = (centred.square() * share).sum(dim=axes, keepdim=True)
    with torch.no_grad():
        norm.num_batches_tracked += 1
        unbiased = variance * torch.where(n > 2, n / (n - 1), 1.0)
        norm.running_mean.lerp_(mean.flatten(), norm.momentum)
        norm.running_var.lerp_(unbiased.flatten(), norm.momentum)
    shape = (1, -1, *(1,) * (x.ndim - 2))
    scaled = centred * torch.rsqrt(variance + norm.eps)
    return scaled * norm.weight.view(shape) + norm.bias.view(shape)
