"""From waveforms in memory or on disk to batches of tensors."""

import numpy as np
import torch

from ..io import RandomChannels
from ..io._lazy_array import LazyArray


class EventDataset(torch.utils.data.Dataset):
    """Rows of X with their targets and weights; nothing is copied or read before a batch is cut.

    Parameters
    ----------
    X : ndarray, LazyWaveforms or RandomChannels of shape (n_events, ..., n_samples)
        Waveforms.
    y : ndarray of shape (n_events, ...) or tuple of them, optional
        Encoded targets; a tuple for a network of several heads.
    weight : ndarray of shape (n_events,), optional
        Weight of each row in the loss.
    rows : ndarray of int, optional
        The part of X this dataset consists of. By default all rows.
    count : ndarray of shape (n_events,), optional
        How many events each row stands for: its weight before scaling.
    n_axes : int, default=3
        Axes that a batch has at least.
    check : callable, default=check_finite
        ``check(X, rows)`` refuses values that come from disk and cannot be used.
    """

    def __init__(self, X, y=None, weight=None, rows=None, *, count=None, n_axes=3, check=None):
        self.X = X
        self.y = y
        self.weight = weight
        self.rows = rows
        self.count = count
        self.n_axes = n_axes
        self.check = check_finite if check is None else check

    def __len__(self):
        return len(self.X) if self.rows is None else len(self.rows)

    def __getitem__(self, i):
        """One row, as PyTorch's own loaders ask for it."""
        X, y, weight = self.batch(np.asarray([i]))
        inputs = {"x": X[0], "weight": 1.0 if weight is None else weight[0]}
        return inputs, 0 if y is None else y[0]

    def subset(self, rows):
        """The same events, `rows` of them."""
        rows = rows if self.rows is None else self.rows[rows]
        kept = {"count": self.count, "n_axes": self.n_axes, "check": self.check}
        return EventDataset(self.X, self.y, self.weight, rows, **kept)

    def fixed(self):
        """The same rows; what X draws at random (`seisclf.io.RandomChannels`), it draws once."""
        X = self.X.fixed() if isinstance(self.X, RandomChannels) else self.X
        kept = {"count": self.count, "n_axes": self.n_axes, "check": self.check}
        return EventDataset(X, self.y, self.weight, self.rows, **kept)

    def batch(self, index):
        """Waveforms, targets and weights of some rows.

        Parameters
        ----------
        index : slice or ndarray of int
            Rows of this dataset.

        Returns
        -------
        X : ndarray of shape (n, n_channels, n_samples)
            A new array, never a view of the caller's.
        y, weight : ndarray of length n, or None
            What belongs to them.

        Raises
        ------
        ValueError
            If waveforms read from disk are not finite.
        """
        rows = index if self.rows is None else self.rows[index]
        lazy = isinstance(self.X, LazyArray)
        X = self.X.read(rows) if lazy else self.X[rows]
        if X.ndim < self.n_axes:
            X = X.reshape(len(X), *(1,) * (self.n_axes - X.ndim), *X.shape[1:])
        if lazy:
            # What is in memory was checked at the door; what lies on disk is first seen here.
            self.check(X, np.arange(len(self.X))[rows] if isinstance(rows, slice) else rows)
        y = None if self.y is None else _map(lambda array: array[rows], self.y)
        return X, y, None if self.weight is None else self.weight[rows]

    def counts(self, index):
        """How many events some rows stand for, or None."""
        if self.count is None:
            return None
        return self.count[index if self.rows is None else self.rows[index]]


def check_finite(X, rows):
    """Refuse NaN and infinity.

    Parameters
    ----------
    X : ndarray of shape (n, ..., n_samples)
        Waveforms of one batch.
    rows : ndarray of int of shape (n,)
        Their row numbers, for the message.

    Raises
    ------
    ValueError
        If there are any.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(np.sum(X)):
            return
    bad = ~np.isfinite(X).all(axis=tuple(range(1, X.ndim)))
    if bad.any():
        shown = ", ".join(map(str, rows[bad][:5]))
        raise ValueError(
            f"X read from disk contains NaN or infinity in {bad.sum()} events of one batch "
            f"(row {shown}): leave these rows out, X[rows], or fill the gaps when the file is "
            f"written"
        )


class BatchIterator:
    """Cut a dataset into batches; skorch's ``iterator_train`` and ``iterator_valid``.

    A batch is one indexing operation on the array, where PyTorch's ``DataLoader`` visits every
    row by itself and stacks them again.

    Parameters
    ----------
    dataset : EventDataset
        What to cut.
    batch_size : int
        Rows in a batch. The last batch may be smaller; where training would be left with a
        single row, which batch normalisation cannot use, that row joins the batch before.
    shuffle : bool, default=False
        Draw a new order for each pass.
    seed : int, default=0
        Fixes the orders and the augmenter's random numbers.
    augmenter : object, optional
        Its method ``augment(X, y, rng)`` is called on each batch, see `NeuralEstimator`.
    dtype : {"float32", "float64"}, default="float32"
        Of the waveforms and weights that come out.
    expand : callable, optional
        Turns the targets of a batch, augmented ones too, into those of the criterion. What is
        long over time is so made for one batch at a time.
    """

    def __init__(
        self,
        dataset,
        batch_size,
        *,
        shuffle=False,
        seed=0,
        augmenter=None,
        dtype="float32",
        expand=None,
    ):
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.augmenter = augmenter
        self.dtype = np.dtype(dtype)
        self.expand = expand
        # Two streams: with an augmenter, the events still come in the same order.
        self._order_rng, self._augment_rng = np.random.default_rng(seed).spawn(2)

    def __len__(self):
        return len(self._edges()) - 1

    def __iter__(self):
        order = self._order_rng.permutation(len(self.dataset)) if self.shuffle else None
        edges = self._edges()
        for start, stop in zip(edges[:-1], edges[1:], strict=True):
            rows = slice(start, stop) if order is None else order[start:stop]
            yield self._batch(rows)

    def _edges(self):
        n = len(self.dataset)
        edges = [*range(0, n, self.batch_size), n]
        if self.shuffle and len(edges) > 2 and edges[-1] - edges[-2] == 1:
            del edges[-2]
        return edges

    def _batch(self, rows):
        X, y, weight = self.dataset.batch(rows)
        if self.augmenter is not None:
            X, y = self._augmented(X, y)
        # A copy also where the dtype fits: a slice is a view of the caller's array, which may be
        # read-only and must not change.
        owned = X.base is None and X.flags.writeable
        X = torch.from_numpy(X.astype(self.dtype, order="C", copy=not owned))
        inputs = {"x": X}
        if weight is not None:
            inputs["weight"] = torch.from_numpy(weight.astype(self.dtype))
            count = self.dataset.counts(rows)
            if count is not None:
                inputs["count"] = torch.from_numpy(count.astype(self.dtype))
        if y is None:
            return inputs, torch.zeros(len(X))
        if self.expand is not None:
            return inputs, _map(torch.from_numpy, self.expand(y))
        return inputs, _map(lambda array: torch.from_numpy(np.array(array)), y)

    def _augmented(self, X, y):
        n = len(X)
        X, y = self.augmenter.augment(np.array(X), _map(np.array, y), self._augment_rng)
        lengths = [len(target) for target in (y if isinstance(y, tuple) else (y,))]
        if len(X) != n or set(lengths) != {n}:
            raise ValueError(
                f"augmenter={self.augmenter!r} turned {n} rows into {len(X)} (and {lengths[0]} "
                f"targets): one that adds or drops rows belongs into an imblearn Pipeline before "
                f"the network"
            )
        return np.asarray(X), _map(np.asarray, y)


def _map(function, target):
    return tuple(map(function, target)) if isinstance(target, tuple) else function(target)
