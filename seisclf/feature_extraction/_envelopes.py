"""Band envelopes of many events on a coarse time axis, and what is read off after the onset."""

import numpy as np

from ..signal import bandpass, detrend, envelope, moving_average

CELL = 0.05  # seconds over which power is averaged first
QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9)
STEPS = (1.0, 3.0, 6.0)  # lengths in seconds of the averages that a step is between
_SMOOTHING = 0.5  # seconds
_ONSET_STEP = 2.0
_NOISE = (18.0, 1.0)  # from and to so many seconds before the onset
_AFTER_ONSET = 0.5  # seconds in which no second wave is sought
_FLOOR = 1e-13  # of the largest power of the event: what a dead channel has


def cell_length(sampling_rate, n_samples):
    """Samples that are averaged; fewer where the window is very short."""
    return max(1, min(round(CELL * sampling_rate), n_samples // 8))


def band_power(X, *, sampling_rate, bands):
    """Smoothed power in bands, averaged over cells, the largest of each event 1.

    Parameters
    ----------
    X : ndarray of shape (n_events, n_channels, n_samples)
        Waveforms.
    sampling_rate : float
        In Hz.
    bands : sequence of (float, float)
        In Hz.

    Returns
    -------
    power : ndarray of float64, shape (n_events, n_channels, n_bands, n_cells)
        Square of the modulus of the analytic signal.
    """
    n_samples = X.shape[-1]
    peak = np.abs(X).max(axis=(1, 2), keepdims=True).astype(np.float64)
    motion = detrend(X / np.where(peak > 0, peak, 1))
    # What rounding leaves of a constant is no motion.
    motion[np.abs(motion).max(axis=-1) < 1e-12] = 0
    cell = cell_length(sampling_rate, n_samples)
    n_cells = n_samples // cell
    power = np.empty((*X.shape[:2], len(bands), n_cells))
    for k, (low, high) in enumerate(bands):
        filtered = _in_band(motion, sampling_rate, low, high)
        square = envelope(filtered, workers=1)[..., : n_cells * cell] ** 2
        power[:, :, k] = square.reshape(*square.shape[:2], n_cells, cell).mean(axis=-1)
    n_smooth = min(max(1, round(_SMOOTHING * sampling_rate / cell)), n_cells)
    power = np.maximum(moving_average(power, n_smooth, workers=1), 0)
    largest = power.max(axis=(1, 2, 3), keepdims=True)
    return power / np.where(largest > 0, largest, 1)


def _in_band(motion, sampling_rate, low, high):
    low, high = low if low > 0 else None, high if high < sampling_rate / 2 else None
    if low is None and high is None:
        return motion
    return bandpass(motion, sampling_rate=sampling_rate, low=low, high=high, workers=1)


def log_power(power):
    return np.log(power + _FLOOR)


def step_onset(trace, *, rate, first, last):
    """Cell of the largest step of a curve (n_events, n_cells), between two cells."""
    at, _ = _largest_step(trace, np.full(len(trace), first), last, _width(_ONSET_STEP, rate))
    return at


def _width(seconds, rate):
    return max(1, round(seconds * rate))


def _largest_step(curve, first, last, width):
    """Cell from which on the mean exceeds that before it most, and by how much.

    Parameters
    ----------
    curve : ndarray of shape (n_events, ..., n_cells)
        Curves.
    first : ndarray of int, shape (n_events,)
        First cell that may be taken.
    last : int or ndarray of int, shape (n_events,)
        Last one.
    width : int
        Cells in the two averages; fewer if the curve is short.
    """
    n_cells = curve.shape[-1]
    width = max(1, min(width, n_cells // 4))
    total = _from_zero(curve)
    i = np.arange(width, max(width, n_cells - width) + 1)
    after = total[..., np.minimum(i + width, n_cells)] - total[..., i]
    step = (after - (total[..., i] - total[..., i - width])) / width
    first, last = (np.clip(edge, i[0], i[-1]) for edge in (first, last))
    first, last = (_as_column(edge, curve) for edge in (first, last))
    step = np.where((i >= first) & (i <= np.maximum(first, last)), step, -np.inf)
    best = step.argmax(axis=-1)
    height = np.take_along_axis(step, best[..., np.newaxis], -1)[..., 0]
    return i[best], height


def _as_column(values, like):
    """One value for each event, with as many axes as the curves."""
    return np.reshape(values, (-1, *[1] * (like.ndim - 1)))


def _from_zero(x):
    """Cumulative sum along the last axis, with a zero before it."""
    total = np.zeros((*x.shape[:-1], x.shape[-1] + 1))
    np.cumsum(x, axis=-1, out=total[..., 1:])
    return total


def binned(power, onset, edges):
    """Mean power between edges (in cells after the onset): (n_events, ..., n_edges - 1).

    A bin that reaches over an end of the window has the mean of what is inside; one that lies
    outside has the value at that end.
    """
    n_cells = power.shape[-1]
    total = _from_zero(power)
    cells = onset[:, np.newaxis] + edges
    begin = np.clip(cells[:, :-1], 0, n_cells - 1)
    end = np.maximum(np.clip(cells[:, 1:], 0, n_cells), begin + 1)
    shape = (len(power), *[1] * (power.ndim - 2), -1)
    begin, end = begin.reshape(shape), end.reshape(shape)
    sums = np.take_along_axis(total, end, -1) - np.take_along_axis(total, begin, -1)
    return np.maximum(sums, 0) / (end - begin)


def signal_to_noise(power, onset, rate):
    """Log-ratio of the power in two seconds after the onset to that before it."""
    edges = np.array([0, _width(2.0, rate)])
    wave = binned(power, onset, edges)[..., 0]
    return log_power(wave) - log_power(_noise(power, onset, rate))


def _noise(power, onset, rate):
    """Mean power of the 17 s until a second before the onset; nothing if there is no time."""
    begin, end = (_as_column(onset - _width(t, rate), power) for t in _NOISE)
    i = np.arange(power.shape[-1])
    before = (i >= begin) & (i < end)
    return (power * before).sum(axis=-1) / np.maximum(before.sum(axis=-1), 1)


def energy_times(power, onset, n_after, rate):
    """Seconds after the onset at which parts of the energy above noise have arrived.

    Returns
    -------
    times : ndarray of shape (n_events, n_channels, n_bands, n_quantiles + 1)
        The last one is the time of the largest power.
    """
    i = np.arange(power.shape[-1])
    start = _as_column(onset, power)
    after = (i >= start) & (i < start + n_after)
    clear = np.where(after, power - _noise(power, onset, rate)[..., np.newaxis], 0)
    total = np.cumsum(np.maximum(clear, 0), axis=-1)
    cells = [(total >= q * total[..., -1:]).argmax(axis=-1) for q in QUANTILES]
    cells.append(np.where(after, power, -1).argmax(axis=-1))
    times = np.stack(cells, axis=-1) - start
    return np.maximum(times, 0) / rate


def steps(curve, onset, n_after, rate, lengths):
    """Time after the onset and height of the largest step: two arrays (..., n_lengths)."""
    first = onset + _width(_AFTER_ONSET, rate)
    found = [
        _largest_step(curve, first, onset + n_after, _width(length, rate)) for length in lengths
    ]
    times = np.stack([at for at, _ in found], axis=-1) - _as_column(onset, curve)
    return times / rate, np.stack([height for _, height in found], axis=-1)
