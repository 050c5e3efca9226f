"""Signal-to-noise ratio."""

import numpy as np

from ._arrays import as_float
from ._envelope import moving_average

_QUIET = 0.2


def snr(x, *, signal=None, noise=None, window=None, decibel=False):
    """Signal-to-noise power ratio of each trace.

    Parameters
    ----------
    x : array-like of shape (..., n_samples)
        Traces, of which the mean is subtracted.
    signal, noise : tuple of int (start, stop), optional
        Samples that hold the signal and those that hold noise only, as for a slice. Without them
        the ratio is found blindly: the mean power over a sliding `window`, its largest value over
        its 20th percentile.
    window : int, optional
        Samples of the sliding window of the blind estimate; by default a fiftieth of the trace,
        at least 3.
    decibel : bool, default=False
        Give ``10 log10`` of the ratio.

    Returns
    -------
    ratio : ndarray of shape (...)
        NaN for a trace without any power; infinite where only the noise is zero.

    Raises
    ------
    ValueError
        If only one of `signal` and `noise` is given, or one selects no sample.

    Notes
    -----
    The blind estimate of pure noise is a little above 1, not 1; an event that fills the whole
    trace leaves no noise to compare with and gets a low value.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.signal import snr
    >>> trace = np.tile([1.0, -1.0], 100)
    >>> trace[100:] *= 10
    >>> print(f"{snr(trace, noise=(0, 100), signal=(100, 200), decibel=True):.1f} dB")
    20.0 dB
    """
    x = as_float(x)
    if (signal is None) != (noise is None):
        raise ValueError(
            f"give signal and noise together, or neither; got signal={signal}, noise={noise}"
        )
    centred = x - x.mean(axis=-1, keepdims=True, dtype=np.float64).astype(x.dtype)
    # Relative to the peak, squares neither overflow nor vanish.
    peak = np.abs(centred).max(axis=-1, keepdims=True)
    power = np.square(centred / np.where(peak > 0, peak, 1))
    if signal is not None:
        loud, quiet = _mean_power(power, signal, "signal"), _mean_power(power, noise, "noise")
    else:
        loud, quiet = loud_and_quiet(power, window)
    return _ratio(loud, quiet, decibel)


def loud_and_quiet(power, window):
    """Largest value and 20th percentile of a smoothed power, over the last axis."""
    n_samples = power.shape[-1]
    window = max(3, n_samples // 50) if window is None else int(window)
    if window < 1:
        raise ValueError(f"window must be at least one sample, got {window}")
    smooth = np.maximum(moving_average(power, min(window, n_samples)), 0)
    return smooth.max(axis=-1), np.quantile(smooth, _QUIET, axis=-1)


def _mean_power(power, span, name):
    part = power[..., slice(*span)]
    if part.shape[-1] == 0:
        raise ValueError(f"{name}={span} selects none of the {power.shape[-1]} samples")
    return part.mean(axis=-1)


def _ratio(loud, quiet, decibel):
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.asarray(loud / quiet)
        return 10 * np.log10(ratio) if decibel else ratio
