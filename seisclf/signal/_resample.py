"""Change the sampling rate."""

import functools
from fractions import Fraction

import numpy as np
from scipy.signal import firwin, resample_poly

from ._arrays import as_float, check_positive, map_traces

# Kaiser design: at least this attenuation (dB) from the lower Nyquist frequency on ...
_ATTENUATION = 80.0
# ... and flat up to this part of it.
_PASSBAND = 0.8
_LARGEST_TERM = 10_000


def resampling_ratio(old_rate, new_rate, *, tolerance=1e-6):
    """Ratio ``new_rate / old_rate`` as the simplest fraction within a tolerance.

    Parameters
    ----------
    old_rate, new_rate : float
        Sampling rates (Hz).
    tolerance : float, default=1e-6
        Largest relative error of the fraction. 1e-6 shifts the end of a record of 10,000 samples
        by a hundredth of a sample; clocks written as 99.999992 Hz become 100 Hz.

    Returns
    -------
    up, down : int
        Insert `up - 1` zeros between samples, then keep every `down`-th.

    Raises
    ------
    ValueError
        If no fraction with terms up to 10,000 is close enough.

    Examples
    --------
    >>> from seisclf.signal import resampling_ratio
    >>> resampling_ratio(250, 100)
    (2, 5)
    >>> resampling_ratio(99.999992, 100)
    (1, 1)
    """
    old_rate = check_positive(old_rate, "old_rate")
    new_rate = check_positive(new_rate, "new_rate")
    exact = Fraction(new_rate) / Fraction(old_rate)
    largest = 1
    while largest <= _LARGEST_TERM:
        ratio = exact.limit_denominator(largest)
        if ratio.numerator and abs(ratio / exact - 1) <= tolerance:
            break
        largest = largest + 1 if largest < 64 else largest * 5 // 4
    else:
        ratio = Fraction(_LARGEST_TERM + 1)
    if max(ratio.numerator, ratio.denominator) > _LARGEST_TERM:
        raise ValueError(
            f"{new_rate:g} Hz / {old_rate:g} Hz is no fraction with terms up to {_LARGEST_TERM} "
            f"within tolerance={tolerance:g}: choose a new_rate with a simpler ratio, or a larger "
            f"tolerance"
        )
    return ratio.numerator, ratio.denominator


def resample(x, *, old_rate, new_rate, tolerance=1e-6, workers=None):
    """Change the sampling rate with a polyphase filter that prevents aliasing.

    Parameters
    ----------
    x : array-like of shape (..., n_samples)
        Traces. They are not changed.
    old_rate, new_rate : float
        Sampling rates before and after (Hz).
    tolerance : float, default=1e-6
        As for :func:`resampling_ratio`.
    workers : int, optional
        Threads. By default what ``OMP_NUM_THREADS`` allows, at most one per core.

    Returns
    -------
    resampled : ndarray of shape (..., ceil(n_samples * new_rate / old_rate))
        float32 if `x` is float32, else float64. The first sample keeps its time.

    Raises
    ------
    ValueError
        If a rate is not positive, or their ratio is not (nearly) rational.

    Notes
    -----
    The filter is symmetric (no delay), flat up to 0.8 of the lower of the two Nyquist
    frequencies, and at least 60 dB down from that frequency on (designed for 80). Beyond its ends
    a trace is continued along the straight line through its first and last sample, so an offset
    leaves no step there.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.signal import resample
    >>> t = np.arange(500) / 250
    >>> slow = resample(np.sin(2 * np.pi * 5 * t), old_rate=250, new_rate=100)
    >>> slow.shape
    (200,)
    >>> bool(abs(slow - np.sin(2 * np.pi * 5 * np.arange(200) / 100))[20:-20].max() < 1e-3)
    True
    """
    x = as_float(x)
    up, down = resampling_ratio(old_rate, new_rate, tolerance=tolerance)
    if up == down:
        return x.copy()
    taps = _anti_alias_filter(up, down).astype(x.dtype)
    n_out = -(-x.shape[-1] * up // down)

    # One sample makes no line.
    ends = "line" if x.shape[-1] > 1 else "mean"

    def run(rows):
        return resample_poly(rows, up, down, axis=-1, window=taps, padtype=ends)

    return map_traces(run, x, n_out=n_out, workers=workers, cost=4 * max(1, up // down))


@functools.lru_cache(maxsize=32)
def _anti_alias_filter(up, down):
    """Symmetric low-pass at the rate ``up * old_rate``, of odd length."""
    stop = 1.0 / max(up, down)
    width = (1 - _PASSBAND) * stop
    half = int(np.ceil((_ATTENUATION - 7.95) / (2.285 * np.pi * width) / 2))
    beta = 0.1102 * (_ATTENUATION - 8.7)
    taps = firwin(2 * half + 1, stop - width / 2, window=("kaiser", beta))
    for branch in range(up):  # every output sample sees one branch, which must keep constants
        taps[branch::up] /= up * taps[branch::up].sum()
    return taps
