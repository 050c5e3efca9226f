"""Where rows of waveforms lie in HDF5 files, and how a batch of them is read."""

import os
import threading
from collections import OrderedDict
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import numpy as np

from ._hdf5_door import checked_shape, open_hdf5

_MAX_OPEN_FILES = 32
_MAX_READ_BYTES = 16 << 20
# Rows this close together are read in one go: cheaper than another call into HDF5.
_BRIDGE_BYTES = 1 << 16
_CHUNK_CACHE_BYTES = 8 << 20


@dataclass
class RowTable:
    """Location of every row: which file, dataset, entry of a block and span of samples.

    Parameters
    ----------
    paths : list of str
        HDF5 files.
    names : list of str
        Dataset names inside the files, with the leading group.
    layouts : list of ndarray of int
        For each output component the raw channel that holds it, -1 where there is none.
    fills : list of str
        What stands for a missing component, one per layout: ``"pad"`` (zeros) or ``"nan"``.
    file, dataset, entry, layout : ndarray of shape (n_rows,)
        Indices into `paths`, `names`, the first axis of the dataset (-1: the dataset is one row)
        and `layouts`.
    start, stop, step : ndarray of shape (n_rows,)
        Span of samples that belongs to the row; the rest of a block is padding.
    rate : ndarray of shape (n_rows,)
        Sampling rate in Hz.
    samples_first : bool
        Whether a row is stored as (samples, channels).
    """

    paths: list
    names: list
    layouts: list
    fills: list
    file: np.ndarray
    dataset: np.ndarray
    entry: np.ndarray
    layout: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    step: np.ndarray
    rate: np.ndarray
    samples_first: bool = False
    _files: "_OpenFiles" = field(default_factory=lambda: _OpenFiles(), repr=False, compare=False)

    @classmethod
    def of_dataset(cls, path, name, sampling_rate):
        """Return a table of all rows of one dataset, channels before samples."""
        path = str(Path(path).resolve())
        with open_hdf5(path) as file:
            shape = checked_shape(file, name)
        if shape is None:
            raise KeyError(f"{path} has no dataset {name!r}")
        if len(shape) not in (2, 3):
            raise ValueError(
                f"dataset {name!r} in {path} has shape {shape}; (n_events, n_samples) or "
                f"(n_events, n_channels, n_samples) is needed"
            )
        zeros = np.zeros(shape[0], dtype=np.int64)
        return cls(
            paths=[path],
            names=[name],
            layouts=[np.arange(shape[1] if len(shape) == 3 else 1)],
            fills=["pad"],
            file=zeros,
            dataset=zeros,
            entry=np.arange(shape[0]),
            layout=zeros,
            start=zeros,
            stop=zeros + shape[-1],
            step=zeros + 1,
            rate=zeros + float(sampling_rate),
        )

    def __len__(self):
        return len(self.entry)

    def __sizeof__(self):
        arrays = (value.nbytes for value in vars(self).values() if isinstance(value, np.ndarray))
        return object.__sizeof__(self) + sum(arrays) + sum(map(len, self.paths + self.names))

    def __getstate__(self):
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "_files"}

    def __setstate__(self, state):
        vars(self).update(state)
        self._files = _OpenFiles()

    @property
    def n_components(self):
        return len(self.layouts[0])

    @property
    def lengths(self):
        """Samples of each row at its own sampling rate, of shape (n_rows,)."""
        return np.maximum(-((self.start - self.stop) // self.step), 0)

    def n_bytes_on_disk(self):
        """Sum of the sizes of the files."""
        return sum(os.path.getsize(path) for path in self.paths)

    def take(self, rows):
        """Return a table of these rows only, for a small pickle."""
        per_row = {
            name: getattr(self, name)[rows]
            for name in ("file", "dataset", "entry", "layout", "start", "stop", "step", "rate")
        }
        return replace(self, **per_row, _files=_OpenFiles())

    def close(self):
        """Close the files; the next read opens them again."""
        self._files.close()

    def read(self, rows, first, n_samples, out):
        """Fill `out` with samples ``first`` to ``first + n_samples`` of each row.

        Parameters
        ----------
        rows : ndarray of shape (n,)
            Rows to read, in any order, repeats allowed.
        first : ndarray of shape (n,)
            First sample wanted, counted from the row's start; may lie outside.
        n_samples : int
            Length of the window.
        out : ndarray of shape (n, n_components, n_samples)
            Zeros on entry; samples outside the recording stay zero.
        """
        low = np.maximum(first, 0)
        high = np.minimum(first + n_samples, self.lengths[rows])
        wanted = np.flatnonzero(high > low)
        # Raw spans, in samples of the stored array.
        begin = self.start[rows] + low * self.step[rows]
        end = self.start[rows] + (high - 1) * self.step[rows] + 1
        group = np.stack([self.file[rows], self.dataset[rows], self.layout[rows], self.step[rows]])
        order = wanted[np.lexsort((begin[wanted], self.entry[rows][wanted], *group[::-1, wanted]))]
        for same in _split(order, (group[:, order[1:]] != group[:, order[:-1]]).any(axis=0)):
            self._read_group(
                rows[same], low[same] - first[same], begin[same], end[same], same, out
            )
        self._fill_missing(rows, out)

    def _read_group(self, rows, shift, begin, end, at, out):
        """Rows of one dataset, layout and step, sorted; `at` is where they go in `out`.

        `shift` is the sample of the window at which each recording begins, `begin` and `end` its
        span in the stored array.
        """
        path = self.paths[self.file[rows[0]]]
        dataset = self._files.get(path)[self.names[self.dataset[rows[0]]]]
        shape, itemsize = dataset.shape, dataset.dtype.itemsize
        entries, step = self.entry[rows], int(self.step[rows[0]])
        picks = self.layouts[self.layout[rows[0]]]
        key, n_channels = self._key(shape, blocked=entries[0] >= 0)
        whole = np.array_equal(picks, np.arange(n_channels))
        for run in _runs(entries, begin, end, n_channels * itemsize):
            lo, hi = int(begin[run].min()), int(end[run].max())
            source = self._read_block(dataset, key, entries[run], lo, hi)
            source = source if whole else source[:, picks]
            for i in range(run.start, run.stop):
                entry = entries[i] - entries[run.start]
                values = source[entry, :, begin[i] - lo : end[i] - lo : step]
                out[at[i], :, shift[i] : shift[i] + values.shape[-1]] = values

    def _key(self, shape, *, blocked):
        """Axes of one row of a dataset as text, and its number of channels."""
        row = shape[1:] if blocked else shape
        if len(row) == 1:
            return "W", 1
        return ("WC", row[1]) if self.samples_first else ("CW", row[0])

    @staticmethod
    def _read_block(dataset, axes, entries, lo, hi):
        """(n_entries, n_raw_channels, hi - lo), of the dtype on disk."""
        samples = slice(lo, hi)
        selection = {"W": (samples,), "WC": (samples, slice(None)), "CW": (slice(None), samples)}
        if entries[0] < 0:
            block = dataset[selection[axes]][np.newaxis]
        else:
            block = dataset[(slice(entries[0], entries[-1] + 1), *selection[axes])]
        if axes == "W":
            return block[:, np.newaxis]
        return block.swapaxes(1, 2) if axes == "WC" else block

    def _fill_missing(self, rows, out):
        """Overwrite what a pick of -1 left behind."""
        for index, (picks, fill) in enumerate(zip(self.layouts, self.fills, strict=True)):
            if (picks >= 0).all():
                continue
            at = np.flatnonzero(self.layout[rows] == index)
            out[np.ix_(at, np.flatnonzero(picks < 0))] = np.nan if fill == "nan" else 0.0


# Handles inherited through a fork share their file position and library state with the parent:
# they are neither used nor closed, only kept from being collected.
_INHERITED = []


class _OpenFiles:
    """Read-only HDF5 handles of one process, the least recently used closed first."""

    def __init__(self):
        self._pid = os.getpid()
        self._handles = OrderedDict()
        self._lock = threading.Lock()

    def get(self, path):
        import h5py

        if self._pid != os.getpid():
            _INHERITED.append(self._handles)
            self.__init__()
        with self._lock:
            handle = self._handles.pop(path, None)
            if not handle:
                if not Path(path).is_file():
                    raise FileNotFoundError(
                        f"{path} has gone: waveforms read with lazy=True stay in that file. Put "
                        f"it back, or read again with read_seisbench"
                    )
                handle = h5py.File(path, "r", rdcc_nbytes=_CHUNK_CACHE_BYTES)
            self._handles[path] = handle
            while len(self._handles) > _MAX_OPEN_FILES:
                self._handles.popitem(last=False)[1].close()
            return handle

    def close(self):
        if self._pid == os.getpid():
            with self._lock:
                for handle in self._handles.values():
                    handle.close()
                self._handles.clear()


def _runs(entries, begin, end, sample_bytes):
    """Slices of sorted entries that are read in one go."""
    width = int(end.max() - begin.min())
    apart = width > 2 * int((end - begin).max())  # windows lie far apart in their rows
    if entries[0] < 0 or apart:
        return [slice(k, k + 1) for k in range(len(entries))]
    row_bytes = max(1, width * sample_bytes)
    bridge = max(1, _BRIDGE_BYTES // row_bytes)
    most = max(1, _MAX_READ_BYTES // row_bytes)
    runs, first = [], 0
    for k in range(1, len(entries) + 1):
        if (
            k == len(entries)
            or entries[k] - entries[k - 1] > bridge
            or entries[k] - entries[first] >= most
        ):
            runs.append(slice(first, k))
            first = k
    return runs


def _split(order, breaks):
    return np.split(order, np.flatnonzero(breaks) + 1) if len(order) else []
