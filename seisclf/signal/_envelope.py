"""Envelopes and smoothing."""

import numpy as np
from scipy.fft import irfft, rfft
from scipy.ndimage import uniform_filter1d

from ._arrays import as_float, map_traces


def envelope(x, *, workers=None):
    """Amplitude of the analytic signal, ``|x + i H(x)|``.

    Parameters
    ----------
    x : array-like of shape (..., n_samples)
        Traces; subtract their mean first (:func:`detrend`).
    workers : int, optional
        Threads. By default what ``OMP_NUM_THREADS`` allows, at most one per core.

    Returns
    -------
    envelope : ndarray of shape (..., n_samples)
        Equal to ``abs(scipy.signal.hilbert(x))``; float32 if `x` is float32, else float64.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.signal import envelope
    >>> sine = 3 * np.sin(2 * np.pi * 5 * np.arange(200) / 100)
    >>> np.allclose(envelope(sine), 3)
    True
    """
    return map_traces(_envelope_of_rows, as_float(x), workers=workers, cost=5)


def _envelope_of_rows(rows):
    # The quadrature component is real, so half-spectra are enough: about half the work of
    # scipy.signal.hilbert.
    n_samples = rows.shape[-1]
    spectrum = rfft(rows, axis=-1)
    spectrum *= -1j
    spectrum[..., 0] = 0
    if n_samples % 2 == 0:
        spectrum[..., -1] = 0
    quadrature = irfft(spectrum, n_samples, axis=-1, overwrite_x=True)
    return np.hypot(rows, quadrature, out=quadrature)


def moving_average(x, n, *, workers=None):
    """Centred moving average; near the ends, the mean of the samples that exist.

    Parameters
    ----------
    x : array-like of shape (..., n_samples)
        Traces.
    n : int
        Length of the window in samples. For an even `n` the two outermost samples count half, so
        that the window stays centred and nothing moves in time.
    workers : int, optional
        Threads. By default what ``OMP_NUM_THREADS`` allows, at most one per core.

    Returns
    -------
    smoothed : ndarray of shape (..., n_samples)
        float32 if `x` is float32, else float64.

    Raises
    ------
    ValueError
        If `n` is not an integer of at least 1.

    Examples
    --------
    >>> from seisclf.signal import moving_average
    >>> moving_average([0.0, 0.0, 3.0, 0.0, 0.0], 3)
    array([0., 1., 1., 1., 0.])
    """
    x = as_float(x)
    if int(n) != n or n < 1:
        raise ValueError(f"n must be an integer number of samples of at least 1, got {n!r}")
    n = int(n)
    if n == 1:
        return x.copy()
    weight = _window_sum(np.ones((1, x.shape[-1])), n)
    # Where x is not negative, neither is its average: rounding must not change that.
    inverse = (1 / weight).astype(x.dtype)
    return map_traces(lambda rows: _window_sum(rows, n) * inverse, x, workers=workers)


def _window_sum(rows, n):
    """Sum over n samples around each one, in units of n, with nothing beyond the ends."""
    total = uniform_filter1d(rows, n, axis=-1, mode="constant")
    if n % 2 == 0:
        total += uniform_filter1d(rows, n, axis=-1, mode="constant", origin=-1)
        total *= 0.5
    return total
