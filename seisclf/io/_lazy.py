"""Waveforms that stay on disk until a batch of them is needed."""

import sys

import numpy as np

from ._hdf5 import RowTable
from ._lazy_array import LazyArray


class LazyWaveforms(LazyArray):
    """Waveforms in HDF5 files that look like an array and are read batch by batch.

    Rows can be selected as with an array (slices, integers, masks): the selection is another
    `LazyWaveforms` that reads nothing. :meth:`read`, an integer index or :func:`numpy.asarray`
    bring waveforms to memory. Pickles hold paths and row numbers, never waveforms, and every
    process opens the files for itself, so scikit-learn's splitters, searches and ``n_jobs`` work.

    Parameters
    ----------
    table : RowTable
        Where the rows lie; :func:`seisclf.datasets.read_seisbench` and :meth:`from_hdf5` make it.
    rows : ndarray of int of shape (n_events,) or (n_events, n_stations), optional
        Rows of the table, in order; -1 stands for a missing station (all NaN). Default: all.
    n_samples : int, optional
        Length of the window in samples. Default: the longest row. Shorter rows are padded with
        zeros at the end, see :meth:`valid`.
    first : int or ndarray of shape of `rows`, default=0
        First sample of the window, counted from the first sample of each row.
    sampling_rate : float, optional
        Rate in Hz to which rows of another rate are resampled as they are read. Default: the
        common rate of all rows.
    dtype : {"float32", "float64"}, default="float32"
        dtype of what is read.

    Examples
    --------
    >>> import tempfile, h5py, numpy as np
    >>> from seisclf.io import LazyWaveforms
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = folder.name + "/waveforms.hdf5"
    >>> with h5py.File(path, "w") as file:
    ...     file["x"] = np.arange(60).reshape(5, 3, 4)
    >>> X = LazyWaveforms.from_hdf5(path, "x", sampling_rate=100.0)
    >>> X
    LazyWaveforms(shape=(5, 3, 4), dtype=float32, sampling_rate=100.0)
    >>> X[X.shape[0] - 2 :].read().shape
    (2, 3, 4)
    >>> X[4, 2]
    array([56., 57., 58., 59.], dtype=float32)
    >>> X.close(); folder.cleanup()
    """

    def __init__(
        self, table, *, rows=None, n_samples=None, first=0, sampling_rate=None, dtype="float32"
    ):
        self._table = table
        self._rows = np.arange(len(table)) if rows is None else np.asarray(rows, dtype=np.int64)
        self._first = np.broadcast_to(np.asarray(first, dtype=np.int64), self._rows.shape)
        self._dtype = np.dtype(dtype)
        if self._dtype.kind != "f":
            raise TypeError(f"dtype must be a floating point type, got {self._dtype}")
        used = table.rate[self._rows[self._rows >= 0]]
        rates = np.unique(used[np.isfinite(used)])
        if sampling_rate is None:
            if len(rates) > 1:
                raise ValueError(
                    f"the rows have {len(rates)} sampling rates, {rates[:5]} Hz: give the one to "
                    f"resample to, e.g. sampling_rate={rates.min():g}"
                )
            sampling_rate = rates[0] if len(rates) else np.nan
        self.sampling_rate = float(sampling_rate)
        self._n_samples = int(self._lengths().max(initial=0)) if n_samples is None else n_samples

    @classmethod
    def from_hdf5(cls, path, dataset, *, sampling_rate=np.nan, **params):
        """Open one dataset of an HDF5 file.

        Parameters
        ----------
        path : str or pathlib.Path
            The file.
        dataset : str
            Name of a dataset of shape (n_events, n_samples) or (n_events, n_channels, n_samples);
            the former becomes one channel.
        sampling_rate : float, optional
            Rate of the recordings in Hz.
        **params
            Further parameters of `LazyWaveforms`.

        Returns
        -------
        waveforms : LazyWaveforms
            Of shape (n_events, n_channels, n_samples).
        """
        table = RowTable.of_dataset(path, dataset, sampling_rate)
        return cls(table, sampling_rate=sampling_rate, **params)

    # What an array has --------------------------------------------------------------------------

    @property
    def shape(self):
        """(n_events, n_channels, n_samples), or with n_stations as second axis."""
        return (*self._rows.shape, self._table.n_components, self._n_samples)

    @property
    def dtype(self):
        """dtype of what is read."""
        return self._dtype

    def __repr__(self):
        return (
            f"LazyWaveforms(shape={self.shape}, dtype={self._dtype}, "
            f"sampling_rate={self.sampling_rate})"
        )

    def __getstate__(self):
        """Hold this selection only: a fold of a large set makes a small pickle."""
        used, inverse = np.unique(self._rows, return_inverse=True)
        missing = int(len(used) > 0 and used[0] < 0)
        rows = inverse.reshape(self._rows.shape) - missing
        return {
            **vars(self),
            "_table": self._table.take(used[missing:]),
            "_rows": rows,
            "_first": np.array(self._first),
        }

    def __sizeof__(self):
        """Bytes of the rows, not of the waveforms: what a pickle takes.

        joblib's backend for dask asks, and sends what is large to each worker once.
        """
        return sys.getsizeof(self._table) + self._rows.nbytes + self._first.nbytes

    # What it adds -------------------------------------------------------------------------------

    def read(self, rows=None):
        """Bring waveforms to memory.

        Parameters
        ----------
        rows : slice, array of int or mask of shape (n_events,), optional
            Which events, in this order; default all. A batch costs least if its rows lie near
            each other on disk.

        Returns
        -------
        waveforms : ndarray of shape (n, n_channels, n_samples)
            A new, writeable array; a missing station is NaN.
        """
        if rows is not None:
            return self[rows].read() if isinstance(rows, slice) else self[np.asarray(rows)].read()
        flat, first = self._rows.ravel(), self._first.ravel()
        out = np.zeros((len(flat), *self.shape[-2:]), dtype=self._dtype)
        out[flat < 0] = np.nan
        known = flat >= 0
        same_rate = known.copy()
        same_rate[known] = ~self._resampled(flat[known])
        at = np.flatnonzero(same_rate)
        if len(at) == len(flat):
            self._table.read(flat, first, self._n_samples, out)
        elif len(at):
            part = np.zeros((len(at), *out.shape[1:]), dtype=self._dtype)
            self._table.read(flat[at], first[at], self._n_samples, part)
            out[at] = part
        for i in np.flatnonzero(known & ~same_rate):
            self._read_resampled(flat[i], first[i], out[i])
        return out.reshape(self.shape)

    def valid(self, rows=None):
        """Tell recorded samples from padding, without reading.

        Parameters
        ----------
        rows : slice, array of int or mask of shape (n_events,), optional
            Which events; default all.

        Returns
        -------
        mask : ndarray of bool of shape (n, n_samples)
            True where the recording has a sample (for a network: (n, n_stations, n_samples)).
        """
        if rows is not None:
            return self[rows if isinstance(rows, slice) else np.asarray(rows)].valid()
        samples = np.arange(self._n_samples) + self._first[..., np.newaxis]
        return (samples >= 0) & (samples < self._lengths()[..., np.newaxis])

    def recorded_lengths(self):
        """Count the recorded samples of each event, inside and outside the window.

        Returns
        -------
        n : ndarray of int of shape (n_events,)
            At the common rate; 0 for a missing station.
        """
        return self._lengths()

    def n_valid(self):
        """Count the recorded samples in the window of each event, without reading.

        Returns
        -------
        n : ndarray of int of shape (n_events,)
            Never more than n_samples.
        """
        end = np.minimum(self._first + self._n_samples, self._lengths())
        return np.maximum(end - np.maximum(self._first, 0), 0)

    def window(self, first, n_samples):
        """Select a part of each event, without reading.

        Parameters
        ----------
        first : int or array of int of shape (n_events,)
            First sample of the new window, counted from the first sample of the present one. What
            lies outside the recording is zero.
        n_samples : int
            Length of the new window in samples.

        Returns
        -------
        waveforms : LazyWaveforms
            Of the same events, n_samples long.
        """
        first = np.asarray(first, dtype=np.int64)
        if first.ndim and self._rows.ndim == 2:
            first = first.reshape(len(first), -1)
        return self._view(slice(None), first=first, n_samples=int(n_samples))

    def astype(self, dtype, copy=True):
        """Read as another floating point dtype.

        Parameters
        ----------
        dtype : dtype
            A floating point dtype.
        copy : bool, default=True
            Ignored; nothing is copied.

        Returns
        -------
        waveforms : LazyWaveforms
            The same events.
        """
        return self._view(slice(None), dtype=dtype)

    def close(self):
        """Close the files; the next read opens them again."""
        self._table.close()

    # Details ------------------------------------------------------------------------------------

    def _view(self, index, *, first=0, n_samples=None, dtype=None):
        rows = self._rows[index]
        return LazyWaveforms(
            self._table,
            rows=rows,
            first=self._first[index] + first,
            n_samples=self._n_samples if n_samples is None else n_samples,
            sampling_rate=self.sampling_rate,
            dtype=self._dtype if dtype is None else dtype,
        )

    def _resampled(self, rows):
        rate = self._table.rate[rows]
        return np.isfinite(rate) & np.isfinite(self.sampling_rate) & (rate != self.sampling_rate)

    def _lengths(self):
        """Recorded samples of each row at the common rate; 0 for a missing station."""
        known = self._rows[self._rows >= 0]
        rate = self._table.rate[known]
        factor = np.where(self._resampled(known), self.sampling_rate / rate, 1.0)
        lengths = np.zeros(self._rows.shape, dtype=np.int64)
        # The slack keeps 3000 * (100 / 50) from becoming 6001 by rounding.
        lengths[self._rows >= 0] = np.ceil(self._table.lengths[known] * factor - 1e-6)
        return lengths

    def _read_resampled(self, row, first, out):
        from ..signal import resample

        n_raw = int(self._table.lengths[row])
        raw = np.zeros((1, len(out), n_raw), dtype=np.float64)
        self._table.read(np.array([row]), np.array([0]), n_raw, raw)
        new = resample(raw[0], old_rate=self._table.rate[row], new_rate=self.sampling_rate)
        begin, end = max(first, 0), min(first + out.shape[-1], new.shape[-1])
        if end > begin:
            out[:, begin - first : end - first] = new[:, begin:end]
