"""From spectra to pictures: logarithm, scaling and size, in one pass through the cache."""

import numpy as np

from ..signal import scale
from ..signal._arrays import for_each_chunk, one_blas_thread
from ..signal._resize import resized_shape, resizer
from ._scaler import scaling_axes

LOGS = (None, "log1p", "log10p1", "db")
SCALINGS = (None, "zscore", "min_max", "max_abs", "robust", "std")
# Decibels below the loudest cell of a channel at which cells are cut off.
_RANGE_DB = 120.0


def check_picture_settings(log, scaling, scope, *, parts=1):
    """Refuse unknown settings, and those without meaning for real and imaginary parts."""
    if log not in LOGS:
        raise ValueError(f"log must be one of {LOGS}, got {log!r}")
    if scaling not in SCALINGS:
        raise ValueError(f"scaling must be one of {SCALINGS}, got {scaling!r}")
    scaling_axes(scope, 5)
    if parts == 2 and log is not None:
        raise ValueError(
            f'log={log!r} has no meaning for output="complex": use "magnitude", "power" or "psd"'
        )
    if parts == 2 and scaling not in (None, "std"):
        raise ValueError(
            f'scaling={scaling!r} has no meaning for output="complex": use "std" or None'
        )


def make_pictures(
    X, make_transform, shape, *, parts, row_bytes, log, amplitude, scaling, scope, size, workers
):
    """Pictures (n_events, ..., parts * n_channels, height, width) of waveforms.

    Parameters
    ----------
    X : ndarray of shape (n_events, ..., n_channels, n_samples)
        Waveforms.
    make_transform : callable
        ``make_transform(n_rows)`` returns a function ``(rows, out)``; `out` is (n_rows, *shape),
        complex if `parts` is 2.
    shape : tuple of int
        Frequencies and frames of the transform.
    parts : int
        1 for real spectra, 2 to make channels of the real and the imaginary part.
    row_bytes : int
        Memory that the transform of one trace touches.
    log, scaling, scope, size : object
        As in :class:`Spectrogram`.
    amplitude : bool
        Whether the spectra are amplitudes, of which decibels count twice.
    workers : int or None
        Threads.

    Returns
    -------
    pictures : ndarray
        dtype of `X`.
    """
    lead = X.shape[1:-1]
    n_traces = int(np.prod(lead))
    rows = np.ascontiguousarray(X).reshape(len(X) * n_traces, X.shape[-1])
    height, width = shape if size is None else resized_shape(shape, size)
    resized = (height, width) != tuple(shape)
    out = np.empty((len(X),) + lead + (parts, height, width), X.dtype)
    direct = parts == 1 and not resized
    axes = scaling_axes(scope, len(lead) + 4, n_last=3)
    enlarge = resizer(shape, (height, width), X.dtype) if resized else None
    spectra_dtype = X.dtype if parts == 1 else np.result_type(X.dtype, np.complex64)

    def make_worker(n_events):
        transform = make_transform(n_events * n_traces)
        buffer = None if direct else np.empty((n_events * n_traces, *shape), spectra_dtype)

        def run(start, stop):
            target = out[start:stop]
            n_rows = (stop - start) * n_traces
            spectra = target.reshape(n_rows, *shape) if direct else buffer[:n_rows]
            transform(rows[start * n_traces : stop * n_traces], spectra)
            pictures = _as_parts(spectra, (stop - start,) + lead, parts)
            apply_log(pictures, log, amplitude)
            pictures = _scaled(pictures, scaling, axes)
            if resized:
                enlarge(pictures, target)
            elif not (direct and scaling is None):
                np.copyto(target, pictures)

        return run

    per_event = n_traces * (row_bytes + parts * X.itemsize * (height * width + np.prod(shape)))
    # Also for a single chunk: products are small, and threads would wait for each other.
    with one_blas_thread():
        for_each_chunk(make_worker, len(X), per_event, workers=workers)
    return out.reshape((len(X),) + lead[:-1] + (lead[-1] * parts, height, width))


def _as_parts(spectra, lead, parts):
    """View (..., parts, n_frequencies, n_frames) of real or complex spectra."""
    pictures = spectra.reshape(lead + spectra.shape[-2:])
    if parts == 1:
        return pictures[..., np.newaxis, :, :]
    real = pictures.view(pictures.real.dtype).reshape(pictures.shape + (2,))
    return np.moveaxis(real, -1, -3)


def apply_log(pictures, log, amplitude):
    """Take logarithms in place."""
    if log == "log1p":
        np.log1p(pictures, out=pictures)
    elif log == "log10p1":
        pictures += 1
        np.log10(pictures, out=pictures)
    elif log == "db":
        factor = 20.0 if amplitude else 10.0
        loudest = pictures.max(axis=(-2, -1), keepdims=True)
        lowest = loudest * pictures.dtype.type(10 ** (-_RANGE_DB / factor))
        np.maximum(pictures, np.maximum(lowest, np.finfo(pictures.dtype).tiny), out=pictures)
        np.log10(pictures, out=pictures)
        pictures *= factor


def _scaled(pictures, scaling, axes):
    if scaling is None:
        return pictures
    if scaling != "std":
        return scale(pictures, scaling, axes)
    # Of complex numbers: the root mean square distance from their complex mean.
    mean = pictures.mean(axis=(-2, -1), keepdims=True)
    if axes[0] < pictures.ndim - 3:
        mean = mean.mean(axis=axes[:-3], keepdims=True)
    spread = np.sqrt(
        np.square(pictures - mean).mean(axis=axes, keepdims=True) * pictures.shape[-3]
    )
    return pictures / np.where(spread == 0, 1, spread)
