"""What everything has in common that looks like an array and is read batch by batch."""

import numbers
from abc import ABC, abstractmethod

import numpy as np

_MAX_BATCH_BYTES = 32 << 20


class LazyArray(ABC):
    """Parent of arrays whose values come to memory when a batch of rows is read.

    A child has ``shape`` and ``dtype``, selects rows without reading (`_view`) and reads
    (`read`); estimators pass it on unread and check what each batch brings.
    """

    @property
    @abstractmethod
    def shape(self):
        """Number of rows and shape of one of them."""

    @property
    @abstractmethod
    def dtype(self):
        """dtype of what is read."""

    @abstractmethod
    def read(self, rows=None):
        """Bring rows to memory, as a new array."""

    @abstractmethod
    def _view(self, index):
        """Rows `index`, a slice or an array of int, without reading."""

    @property
    def ndim(self):
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self):
        """Number of values."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self):
        """Bytes that the array would take in memory."""
        return self.size * self.dtype.itemsize

    def __len__(self):
        return self.shape[0]

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __array__(self, dtype=None, copy=None):
        if copy is False:
            raise ValueError("waveforms that are read lazily cannot become an array uncopied")
        array = self.read()
        return array if dtype is None else array.astype(dtype, copy=False)

    def __getitem__(self, key):
        rows, rest = (key[0], key[1:]) if isinstance(key, tuple) and key else (key, ())
        if rows is Ellipsis or rows is None:
            raise IndexError("index the events first, e.g. X[:, 0] or X[rows]")
        if isinstance(rows, numbers.Integral):
            return self._view(self._row_index([int(rows)])).read()[(0, *rest)]
        view = self._view(rows if isinstance(rows, slice) else self._row_index(rows))
        if all(r is Ellipsis or (isinstance(r, slice) and r == slice(None)) for r in rest):
            return view
        # Only what was asked for comes together in memory, not the whole rows.
        key = (slice(None), *rest)
        parts = [part.read()[key] for part in view._batches()]
        return np.concatenate(parts) if parts else view.read()[key]

    def _row_index(self, rows):
        """Integer or boolean index array, checked against the number of events."""
        index = np.asarray(rows)
        if index.size == 0:
            return index.astype(np.int64).reshape(0)
        if index.ndim != 1 or index.dtype.kind not in "iub":
            raise IndexError(
                f"events are selected with a slice, integers or a mask of shape ({len(self)},); "
                f"got {index.dtype} of shape {index.shape}"
            )
        if index.dtype.kind == "b":
            if len(index) != len(self):
                raise IndexError(
                    f"a mask of {len(index)} entries cannot select {len(self)} events"
                )
            return np.flatnonzero(index)
        if index.min() < -len(self) or index.max() >= len(self):
            raise IndexError(f"event {index.max()} is out of range for {len(self)} events")
        return index

    def _batches(self):
        size = max(1, _MAX_BATCH_BYTES // max(1, self.nbytes // max(1, len(self))))
        return [self._view(slice(i, i + size)) for i in range(0, len(self), size)]
