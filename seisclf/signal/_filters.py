"""Butterworth filters, zero-phase or causal."""

import functools

import numpy as np
from scipy.signal import butter, sosfilt, sosfiltfilt

from ._arrays import as_float, check_positive, map_traces


def bandpass(x, *, sampling_rate, low, high, order=4, zero_phase=True, workers=None):
    """Keep frequencies between two corners.

    Parameters
    ----------
    x : array-like of shape (..., n_samples)
        Traces. They are not changed.
    sampling_rate : float
        Samples per second (Hz).
    low, high : float or None
        Corner frequencies (Hz), where the amplitude response of one pass is -3 dB. None leaves
        that side open: a high-pass or a low-pass.
    order : int, default=4
        Order of the Butterworth prototype. A band-pass has `order` poles on each side.
    zero_phase : bool, default=True
        True runs forwards and backwards (no delay, each corner at -6 dB, sees the future);
        False runs once, causally, from a state of rest.
    workers : int, optional
        Threads. By default what ``OMP_NUM_THREADS`` allows, at most one per core.

    Returns
    -------
    filtered : ndarray of shape (..., n_samples)
        float32 if `x` is float32, else float64. The filter itself runs in double precision,
        because float32 sections become unstable for corners far below the Nyquist frequency.

    Raises
    ------
    ValueError
        If a corner is not inside (0, sampling_rate / 2), or ``low >= high``.

    See Also
    --------
    highpass, lowpass : One corner only.

    Notes
    -----
    Zero-phase filtering extends a trace at both ends by its odd reflection, as SciPy does. The
    extension shrinks to what a short trace offers.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.signal import bandpass
    >>> t = np.arange(1000) / 100
    >>> slow, fast = np.sin(2 * np.pi * 0.5 * t), np.sin(2 * np.pi * 10 * t)
    >>> kept = bandpass(slow + fast, sampling_rate=100, low=5, high=20)
    >>> bool(np.abs(kept - fast)[100:-100].max() < 0.01)
    True
    """
    x = as_float(x)
    sos = butterworth_sections(sampling_rate, low, high, order)
    if not zero_phase:
        return map_traces(lambda rows: sosfilt(sos, rows), x, workers=workers, cost=12)
    padlen = min(_default_padlen(sos), x.shape[-1] - 1)
    return map_traces(
        lambda rows: sosfiltfilt(sos, rows, padlen=padlen), x, workers=workers, cost=12
    )


def highpass(x, *, sampling_rate, corner, order=4, zero_phase=True, workers=None):
    """Keep frequencies above a corner.

    Parameters
    ----------
    x : array-like of shape (..., n_samples)
        Traces.
    sampling_rate : float
        Samples per second (Hz).
    corner : float
        Corner frequency (Hz).
    order : int, default=4
        Order of the filter.
    zero_phase : bool, default=True
        As for :func:`bandpass`.
    workers : int, optional
        Threads.

    Returns
    -------
    filtered : ndarray of shape (..., n_samples)
        Same dtype as `x` if that is floating.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.signal import highpass
    >>> bool(abs(highpass(np.full(500, 3.0), sampling_rate=100, corner=1)).max() < 1e-9)
    True
    """
    return bandpass(
        x,
        sampling_rate=sampling_rate,
        low=corner,
        high=None,
        order=order,
        zero_phase=zero_phase,
        workers=workers,
    )


def lowpass(x, *, sampling_rate, corner, order=4, zero_phase=True, workers=None):
    """Keep frequencies below a corner.

    Parameters
    ----------
    x : array-like of shape (..., n_samples)
        Traces.
    sampling_rate : float
        Samples per second (Hz).
    corner : float
        Corner frequency (Hz).
    order : int, default=4
        Order of the filter.
    zero_phase : bool, default=True
        As for :func:`bandpass`.
    workers : int, optional
        Threads.

    Returns
    -------
    filtered : ndarray of shape (..., n_samples)
        Same dtype as `x` if that is floating.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.signal import lowpass
    >>> np.round(lowpass(np.full(500, 3.0), sampling_rate=100, corner=1)[250], 6)
    np.float64(3.0)
    """
    return bandpass(
        x,
        sampling_rate=sampling_rate,
        low=None,
        high=corner,
        order=order,
        zero_phase=zero_phase,
        workers=workers,
    )


def butterworth_sections(sampling_rate, low, high, order):
    """Second-order sections of a Butterworth filter, (n_sections, 6); corners in Hz."""
    sampling_rate = check_positive(sampling_rate, "sampling_rate")
    if low is None and high is None:
        raise ValueError("low and high are both None: give at least one corner frequency in Hz")
    if int(order) != order or order < 1:
        raise ValueError(f"order must be an integer of at least 1, got {order!r}")
    for name, corner in (("low", low), ("high", high)):
        if corner is not None:
            _check_corner(name, corner, sampling_rate)
    if low is not None and high is not None and low >= high:
        raise ValueError(f"low must lie below high, got low={low} Hz and high={high} Hz")
    # A copy, because SciPy's filters want writable sections.
    return _design(float(sampling_rate), _float(low), _float(high), int(order)).copy()


def _float(corner):
    return None if corner is None else float(corner)


@functools.lru_cache(maxsize=128)
def _design(sampling_rate, low, high, order):
    if low is None:
        kind, corners = "lowpass", high
    elif high is None:
        kind, corners = "highpass", low
    else:
        kind, corners = "bandpass", (low, high)
    sos = butter(order, corners, btype=kind, fs=sampling_rate, output="sos")
    return sos


def _check_corner(name, corner, sampling_rate):
    nyquist = sampling_rate / 2
    if not 0 < corner < nyquist:
        raise ValueError(
            f"{name}={corner} Hz is not between 0 and the Nyquist frequency, {nyquist:g} Hz at "
            f"sampling_rate={sampling_rate:g} Hz: choose a corner inside, or None for no corner "
            f"on this side"
        )


def _default_padlen(sos):
    """Length of the extension that SciPy chooses, from the sections that are not first order."""
    at_origin = min(np.count_nonzero(sos[:, 2] == 0), np.count_nonzero(sos[:, 5] == 0))
    return 3 * (2 * len(sos) + 1 - int(at_origin))
