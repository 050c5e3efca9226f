"""Trends and ends of traces: detrend, taper."""

import numpy as np
from scipy.signal.windows import tukey

from ._arrays import as_float


def detrend(x, *, kind="linear"):
    """Remove the mean or the best straight line from each trace.

    Parameters
    ----------
    x : array-like of shape (..., n_samples)
        Traces. They are not changed.
    kind : {"linear", "constant"}, default="linear"
        What to remove: the least-squares line, or the mean.

    Returns
    -------
    detrended : ndarray of shape (..., n_samples)
        float32 if `x` is float32, else float64.

    Raises
    ------
    ValueError
        If `kind` is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.signal import detrend
    >>> np.abs(detrend([1.0, 2.0, 3.0, 4.0])).max() < 1e-12
    np.True_
    """
    x = as_float(x)
    if kind not in ("linear", "constant"):
        raise ValueError(f'kind must be "linear" or "constant", got {kind!r}')
    # The mean of counts with a large offset needs double precision to come out as zero.
    result = x - x.mean(axis=-1, keepdims=True, dtype=np.float64).astype(x.dtype)
    if kind == "linear" and x.shape[-1] > 1:
        ramp = np.linspace(-1.0, 1.0, x.shape[-1])
        slope = (result @ ramp.astype(x.dtype)) / np.dot(ramp, ramp)
        result -= slope[..., np.newaxis].astype(x.dtype) * ramp.astype(x.dtype)
        result -= result.mean(axis=-1, keepdims=True)
    return result


def taper(x, *, fraction=0.05):
    """Bring both ends of each trace smoothly to zero with a cosine.

    Parameters
    ----------
    x : array-like of shape (..., n_samples)
        Traces. They are not changed.
    fraction : float, default=0.05
        Part of the trace tapered at each end, between 0 and 0.5.

    Returns
    -------
    tapered : ndarray of shape (..., n_samples)
        float32 if `x` is float32, else float64.

    Raises
    ------
    ValueError
        If `fraction` is outside [0, 0.5].

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.signal import taper
    >>> taper(np.ones(9), fraction=0.25).round(2)
    array([0. , 0.5, 1. , 1. , 1. , 1. , 1. , 0.5, 0. ])
    """
    x = as_float(x)
    if not 0 <= fraction <= 0.5:
        raise ValueError(f"fraction must lie between 0 and 0.5 (each end), got {fraction}")
    return x * tukey(x.shape[-1], 2 * fraction).astype(x.dtype)
