"""Cut long records into windows that leave nothing out."""

import numpy as np

from ._arrays import as_float


def window_starts(n_samples, *, length, step):
    """First samples of windows that together cover a record.

    Parameters
    ----------
    n_samples : int
        Length of the record.
    length, step : int
        Length of a window and distance between windows, in samples; ``step <= length``.

    Returns
    -------
    starts : ndarray of int, shape (n_windows,)
        Ascending multiples of `step`; the last window is moved left to end with the record if
        the multiples do not.

    Raises
    ------
    ValueError
        If the record is shorter than a window, or the step would skip samples.

    Examples
    --------
    >>> from seisclf.signal import window_starts
    >>> window_starts(100, length=40, step=25)
    array([ 0, 25, 50, 60])
    """
    for name, value in (("n_samples", n_samples), ("length", length), ("step", step)):
        if int(value) != value or value < 1:
            raise ValueError(f"{name} must be an integer of at least 1, got {value!r}")
    if n_samples < length:
        raise ValueError(
            f"the record has {n_samples} samples, fewer than one window of {length}: use shorter "
            f"windows or join records"
        )
    if step > length:
        raise ValueError(
            f"step={step} is larger than length={length} and would skip samples: use a step of at "
            f"most {length}"
        )
    starts = np.arange(0, n_samples - length + 1, step)
    if starts[-1] + length < n_samples:
        starts = np.append(starts, n_samples - length)
    return starts


def sliding_windows(x, *, length, step):
    """Windows of a record, the last one right-aligned so that every sample is covered.

    Parameters
    ----------
    x : array-like of shape (..., n_samples)
        Records.
    length, step : int
        Length of a window and distance between windows, in samples; ``step <= length``.

    Returns
    -------
    windows : ndarray of shape (..., n_windows, length)
        Copies, which may be changed.
    starts : ndarray of int, shape (n_windows,)
        First sample of each window.

    Raises
    ------
    ValueError
        As for :func:`window_starts`.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.signal import sliding_windows
    >>> windows, starts = sliding_windows(np.arange(7.0), length=4, step=2)
    >>> windows
    array([[0., 1., 2., 3.],
           [2., 3., 4., 5.],
           [3., 4., 5., 6.]])
    """
    x = as_float(x)
    starts = window_starts(x.shape[-1], length=length, step=step)
    views = np.lib.stride_tricks.sliding_window_view(x, int(length), axis=-1)
    return views[..., starts, :], starts
