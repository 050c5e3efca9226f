"""Channels drawn at random each time an event is read."""

import numpy as np

from ._lazy_array import _MAX_BATCH_BYTES, LazyArray


class RandomChannels(LazyArray):
    """Events of which every read shows other channels, drawn at random.

    To a network in training it looks like an array of few channels: in each epoch it sees
    another channel of each event [1]_. Rows can be selected as with an array; only the channels
    drawn are copied, and of a memory map only they are touched.

    Parameters
    ----------
    X : ndarray or LazyWaveforms of shape (n_events, n_all_channels, ...)
        Waveforms (n_events, n_all_channels, n_samples), pictures of them (n_events,
        n_all_channels, height, width), or stations with their components. A memory map stays on
        disk; of `LazyWaveforms` all channels of the events of a batch are read.
    usable : array-like of bool of shape (n_events, n_all_channels), optional
        Channels that may be drawn. Default: those without NaN, for which X is read once.
    n_channels : int, default=1
        Channels of each event that come together; different ones as long as an event has enough.
    keep_axis : bool, default=True
        Whether X keeps the axis from which channels are drawn. Without it, and with
        ``n_channels=1``, a station (n_stations, n_components, n_samples) comes as an event
        (n_components, n_samples).
    seed : int, default=0
        Fixes the draws: the same reads in the same order bring the same channels. A selection
        of rows draws by itself, from the beginning.

    Raises
    ------
    ValueError
        If an event has no channel that may be drawn, or shapes or numbers cannot be used.

    References
    ----------
    .. [1] Lee et al. (2022), "Ensemble and Self-supervised Learning for Improved Classification
       of Seismic Signals from the Åknes Rockslope", Mathematical Geosciences.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.io import RandomChannels
    >>> X = np.arange(24).reshape(2, 4, 3) / 1.0
    >>> X[0, :3] = np.nan  # three dead traces
    >>> random = RandomChannels(X, seed=0)
    >>> random
    RandomChannels(shape=(2, 1, 3), dtype=float64, of 4 channels)
    >>> random.read()[0]
    array([[ 9., 10., 11.]])
    >>> [random.read([1])[0, 0, 0].item() for _ in range(5)]
    [21.0, 15.0, 18.0, 12.0, 15.0]
    """

    def __init__(self, X, usable=None, *, n_channels=1, keep_axis=True, seed=0):
        self._X = _checked_array(X)
        self._n_channels = _checked_number(n_channels, keep_axis)
        self._keep_axis = keep_axis
        self._seed = seed
        self._events = np.arange(len(X))
        self._usable = _without_nan(self._X) if usable is None else _checked_mask(usable, self._X)
        self._choice = None
        _refuse_empty(self._usable)
        self._rng = np.random.default_rng(seed)

    @classmethod
    def of_pairs(cls, X, events, channels, *, keep_axis=True):
        """Rows that are one channel of one event each, chosen by the caller.

        Parameters
        ----------
        X : ndarray or LazyWaveforms of shape (n_events, n_all_channels, ...)
            Waveforms or pictures.
        events, channels : array-like of int of shape (n_rows,)
            Which channel of which event each row shows.
        keep_axis : bool, default=True
            Whether a row keeps the axis of channels, of length one.

        Returns
        -------
        rows : RandomChannels
            Of shape (n_rows, 1, ...), nothing in it left to chance.
        """
        new = cls.__new__(cls)
        new._X, new._usable = _checked_array(X), None
        new._n_channels, new._keep_axis, new._seed, new._rng = 1, keep_axis, 0, None
        new._events = np.asarray(events, dtype=np.int64)
        new._choice = np.asarray(channels, dtype=np.int64).reshape(-1, 1)
        return new

    @property
    def shape(self):
        """(n_events, n_channels, ...), without the second axis if it is not kept."""
        axis = (self._n_channels,) if self._keep_axis else ()
        return (len(self._events), *axis, *self._X.shape[2:])

    @property
    def dtype(self):
        """dtype of what is read."""
        return self._X.dtype if self._X.dtype.kind == "f" else np.dtype(np.float64)

    def read(self, rows=None):
        """Draw channels and bring them to memory.

        Parameters
        ----------
        rows : slice, array of int or mask of shape (n_events,), optional
            Which events, in this order; default all. Repeated rows are drawn one by one.

        Returns
        -------
        waveforms : ndarray of shape (n, n_channels, ...)
            A new, writeable array.
        """
        if rows is None:
            rows = slice(None)
        rows = rows if isinstance(rows, slice) else self._row_index(rows)
        events = self._events[rows]
        choice = self._draw(events) if self._choice is None else self._choice[rows]
        chosen = _pick(self._X, events, choice).astype(self.dtype, copy=False)
        return chosen if self._keep_axis else chosen[:, 0]

    def fixed(self):
        """Draw once for all reads, as validation sets need it.

        Returns
        -------
        channels : RandomChannels
            The same events, each with channels that do not change any more.
        """
        if self._choice is not None:
            return self
        new = self._view(slice(None))
        new._choice = new._draw(new._events)
        return new

    def all_channels(self):
        """The events with every channel, for what compares the channels of an event.

        Returns
        -------
        X : ndarray or LazyWaveforms of shape (n_events, n_all_channels, ...)
            Each event of this selection once, in the order of X. Of stations, all their traces.
            Channels of an array that may not be drawn are NaN.
        """
        events = np.unique(self._events)
        X = self._X if len(events) == len(self._X) else self._X[events]
        if not self._keep_axis:
            X = np.asarray(X)
        if self._usable is not None and isinstance(X, np.ndarray):
            barred = ~self._usable[events]
            if not np.isnan(X[barred]).all():
                X = X.astype(self.dtype)
                X[barred] = np.nan
        return X if self._keep_axis else X.reshape(len(X), -1, X.shape[-1])

    def __repr__(self):
        return (
            f"RandomChannels(shape={self.shape}, dtype={self.dtype}, of {self._X.shape[1]} "
            f"channels)"
        )

    def __getstate__(self):
        """Hold the events of this selection only."""
        state = dict(vars(self))
        used, rows = np.unique(self._events, return_inverse=True)
        if len(used) < len(self._X):
            state["_X"], state["_events"] = self._X[used], rows
            state["_usable"] = None if self._usable is None else self._usable[used]
        return state

    def _view(self, index):
        new = object.__new__(type(self))
        new.__dict__.update(vars(self))
        new._events = self._events[index]
        new._choice = None if self._choice is None else self._choice[index]
        new._rng = np.random.default_rng(self._seed)
        return new

    def _draw(self, events):
        """Channels of each event, in random order; from the beginning again where they end."""
        usable = self._usable[events]
        keys = np.where(usable, self._rng.random(usable.shape), np.inf)
        order = keys.argsort(axis=1)
        turn = np.arange(self._n_channels) % usable.sum(axis=1, keepdims=True)
        return np.take_along_axis(order, turn, axis=1)


def _pick(X, events, choice):
    if isinstance(X, LazyArray):
        # An event of which several rows show channels is read once.
        used, at = np.unique(events, return_inverse=True)
        return X.read(used)[at[:, np.newaxis], choice]
    return np.asarray(X)[events[:, np.newaxis], choice]


def _checked_array(X):
    X = X if isinstance(X, np.ndarray | LazyArray) else np.asarray(X)
    if X.ndim < 3:
        raise ValueError(
            f"X must have the shape (n_events, n_channels, n_samples), got {tuple(X.shape)}: one "
            f"channel is X[:, np.newaxis]"
        )
    return X


def _checked_number(n_channels, keep_axis):
    if isinstance(n_channels, bool) or n_channels != int(n_channels) or n_channels < 1:
        raise ValueError(f"n_channels must be a positive integer, got {n_channels!r}")
    if not keep_axis and n_channels != 1:
        raise ValueError(f"keep_axis=False needs n_channels=1, got {n_channels}")
    return int(n_channels)


def _checked_mask(usable, X):
    usable = np.asarray(usable, dtype=bool)
    if usable.shape != X.shape[:2]:
        raise ValueError(
            f"usable must have the shape {tuple(X.shape[:2])} (n_events, n_channels) of X, got "
            f"{usable.shape}"
        )
    return usable


def _without_nan(X):
    """Channels without NaN, some events at a time."""
    usable = np.empty(X.shape[:2], dtype=bool)
    row_bytes = max(1, int(np.prod(X.shape[1:], dtype=np.int64)) * X.dtype.itemsize)
    size = max(1, _MAX_BATCH_BYTES // row_bytes)
    for start in range(0, len(X), size):
        part = X[start : start + size]
        part = part.read() if isinstance(part, LazyArray) else np.asarray(part)
        missing = np.isnan(part).any(axis=tuple(range(2, part.ndim)))
        usable[start : start + size] = ~missing
    return usable


def _refuse_empty(usable):
    rows = np.flatnonzero(~usable.any(axis=1))
    if len(rows):
        shown = ", ".join(map(str, rows[:5])) + (", …" if len(rows) > 5 else "")
        raise ValueError(
            f"{len(rows)} of {len(usable)} events have no usable channel (row {shown}): leave "
            f"them out, X[usable.any(axis=1)]"
        )
