"""Whether a mosaic could pass for a record: its joints, and the P waves on top of others."""

import functools

import numpy as np
from scipy.signal.windows import tukey

from ..signal import highpass


def filtered_for_control(window, *, sampling_rate, corner, taper):
    """High-pass (causal, so that no onset reaches back over its joint) and taper a window.

    Parameters
    ----------
    window : ndarray of shape (n_channels, n_samples)
        The centred window.
    sampling_rate : float
        Hz.
    corner : float or None
        Corner in Hz; None, or one at or above the Nyquist frequency, leaves the filter out.
    taper : float
        Part of the window inside the cosine taper of a Tukey window.

    Returns
    -------
    filtered : ndarray of shape (n_channels, n_samples)
        A new array.
    """
    if corner is not None and corner < sampling_rate / 2:
        window = highpass(
            window, sampling_rate=sampling_rate, corner=corner, zero_phase=False, workers=1
        )
    return window * _taper(window.shape[-1], float(taper)).astype(window.dtype)


@functools.lru_cache(maxsize=8)
def _taper(n_samples, fraction):
    return tukey(n_samples, fraction)


def step_ratios(traces, positions, length):
    """Standard deviation after a position over that before it.

    Parameters
    ----------
    traces : ndarray of shape (n_channels, n_samples)
        Waveforms.
    positions : sequence of int
        Samples at which to compare.
    length : int
        Samples to compare on either side; at the edge of the window what there is.

    Returns
    -------
    ratios : ndarray of shape (n_positions, n_channels)
        1 where both sides are silent, NaN where a side lies outside the window.
    """
    n_samples = traces.shape[-1]
    ratios = np.full((len(positions), len(traces)), np.nan)
    for i, position in enumerate(positions):
        before = traces[:, max(position - length, 0) : max(position, 0)]
        after = traces[:, max(position, 0) : max(min(position + length, n_samples), 0)]
        if before.shape[-1] > 1 and after.shape[-1] > 1:
            quiet, loud = before.std(axis=-1), after.std(axis=-1)
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = loud / quiet
            ratios[i] = np.where((quiet == 0) & (loud == 0), 1.0, ratio)
    return ratios
