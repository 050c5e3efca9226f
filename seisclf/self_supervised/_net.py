"""The skorch net of self-supervised training: one loss a batch, random numbers by the epoch."""

import math
from types import SimpleNamespace

import numpy as np
import torch

from ..io import RandomChannels
from ..io._lazy_array import LazyArray
from ..nets.views import neighbor_accuracy
from ..neural_network._batches import EventDataset
from ..neural_network._callbacks import LearningRate, Progress
from ..neural_network._net import EventNet

_CHUNK_BYTES = 2**26


class ViewsDataset(EventDataset):
    """Events of which each batch shows one or two random channels.

    Parameters
    ----------
    X : ndarray or LazyWaveforms of shape (n_events, n_channels, ...)
        Waveforms or pictures.
    n_views : int
        Channels that a batch shows.
    """

    def __init__(self, X, n_views):
        self.events = X
        self.n_views = n_views
        self.usable = present_channels(X)
        super().__init__(X)
        self.draw(0)

    def draw(self, seed):
        """Fix by `seed` which channels the next pass shows."""
        self.X = RandomChannels(self.events, self.usable, n_channels=self.n_views, seed=seed)


def present_channels(X):
    """Which channels are there, not NaN throughout.

    Parameters
    ----------
    X : ndarray or LazyArray of shape (n_events, n_channels, ...)
        Read once, a part at a time.

    Returns
    -------
    present : ndarray of bool of shape (n_events, n_channels)
        False where a channel is missing.

    Raises
    ------
    ValueError
        If there is infinity, or NaN in a part of a channel, or an event has no channel.
    """
    present = np.ones(X.shape[:2], dtype=bool)
    for rows in row_slices(X):
        part = X.read(rows) if isinstance(X, LazyArray) else X[rows]
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(np.sum(part)):
                continue
        axes = tuple(range(2, part.ndim))
        missing = np.isnan(part).all(axis=axes)
        bad = np.flatnonzero((~np.isfinite(part).all(axis=axes) & ~missing).any(axis=1))
        if len(bad):
            shown = ", ".join(map(str, rows.start + bad[:5]))
            raise ValueError(
                f"X has channels with NaN in a part of them, or with infinity (row {shown}): fill "
                f"the gaps, or set the whole channel to NaN, which means that it is missing"
            )
        present[rows] = ~missing
    lost = np.flatnonzero(~present.any(axis=1))
    if len(lost):
        raise ValueError(
            f"{len(lost)} of {len(X)} events of X have no channel, all are NaN (row "
            f"{', '.join(map(str, lost[:5]))}): leave them out, "
            f"X[~np.isnan(X).all(axis={tuple(range(1, X.ndim))})]"
        )
    return present


def row_slices(X):
    """Cut the rows of X into slices of at most 64 MiB."""
    size = max(1, _CHUNK_BYTES // max(1, X.dtype.itemsize * math.prod(X.shape[1:])))
    return [slice(start, min(start + size, len(X))) for start in range(0, len(X), size)]


class ViewsEventNet(EventNet):
    """skorch's net whose loss is one number for a batch of at least two events.

    All random numbers of an epoch (order of the events, channels, crops, dropout) follow from
    `seed` and the number of the epoch. Training that goes on after an interruption so gives what
    it would have given without.

    Attributes
    ----------
    seed : int
        Set before training.
    """

    seed = 0

    def _epochs(self, train, valid, epochs):
        for _ in range(epochs):
            self._draw_epoch(train)
            finished = super()._epochs(train, valid, 1)
            if self._stopping or not finished:
                return finished
        return True

    def _draw_epoch(self, train):
        seeds = np.random.SeedSequence([self.seed, len(self.history)]).generate_state(3)
        torch.default_generator.manual_seed(int(seeds[0]))
        device = torch.device(self.device)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(int(seeds[0]))
        self.iterator_train__seed = int(seeds[1])
        train.draw(int(seeds[2]))

    def get_loss(self, y_pred, y_true, X=None, training=False):
        """Loss of a batch; its terms enter the history."""
        terms = self.criterion_.terms(y_pred)
        shown = dict(terms)
        if "near_logit" in y_pred:
            shown["near_accuracy"], shown["far_accuracy"] = neighbor_accuracy(y_pred)
        numbers = torch.stack([value.detach().double() for value in shown.values()]).tolist()
        for name, number in zip(shown, numbers, strict=True):
            self.history.record_batch(f"train_{name}", number)
        return self.criterion_.total(terms)


class ResumedLearningRate(LearningRate):
    """The schedule of a whole training, also where it starts in the middle."""

    def on_train_begin(self, net, **kwargs):
        """Start where the history ends."""
        super().on_train_begin(net, **kwargs)
        self.epoch_ = len(net.history)
        if self.schedule == "cosine":
            self._set(net, self._cosine(self.epoch_))
        elif self.schedule == "plateau":
            for last in range(self.epoch_):
                past = SimpleNamespace(history=net.history[: last + 1], optimizer_=net.optimizer_)
                self._plateau(past)


class ResumedProgress(Progress):
    """A bar over all epochs, those trained before counted in."""

    def on_train_begin(self, net, **kwargs):
        """Open the bar."""
        super().on_train_begin(net, **kwargs)
        if net.history and self.bar is not None:
            self.bar.n = self.bar.initial = len(net.history)
            self.bar.refresh()
