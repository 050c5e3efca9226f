"""Labels over time: what a network that marks picks and events is to learn."""

import numpy as np

from ._arrays import check_positive

# Rows are worked on in pieces that stay in the processor's cache.
_CHUNK = 1 << 19


def gaussian_function(times, n_samples, *, sampling_rate, width):
    """Functions over time that are 1 at given times and fall off as truncated Gaussians.

    This is the label of a pick or of the occurrence of an event [1]_. With ``w`` the samples of
    `width`, a Gaussian reaches ``h = w // 2`` samples to either side of the sample nearest to the
    time, with standard deviation ``h // 2`` samples (at least 1), and is zero beyond.

    Parameters
    ----------
    times : array-like of shape (..., k)
        Times in seconds after the first sample, k for each function, in any order. NaN stands
        for none. A time outside the window shows as much of its Gaussian as reaches inside.
    n_samples : int
        Length of the functions.
    sampling_rate : float
        In Hz.
    width : float
        Width of the Gaussian in seconds. Published: 0.2 for P, 0.3 for S, 1.0 for occurrence.

    Returns
    -------
    function : ndarray of float32, shape (..., n_samples)
        Where Gaussians overlap, the larger value. All zeros without any time.

    Raises
    ------
    ValueError
        If `n_samples` or `sampling_rate` is not positive, or `width` is negative.

    See Also
    --------
    mask_function : Label of the time between two picks.
    estimate_arrivals : Times where none are known.

    References
    ----------
    .. [1] Liao, W.-Y. et al. (2023). RockNet: Rockfall and Earthquake Detection and Association
       via Multitask Learning and Transfer Learning. IEEE Transactions on Geoscience and Remote
       Sensing, 61, 1-12. doi:10.1109/TGRS.2023.3284008

    Examples
    --------
    >>> from seisclf.signal import gaussian_function
    >>> gaussian_function([0.5], 100, sampling_rate=10, width=0.8)[:11].round(3)
    array([0.   , 0.135, 0.325, 0.607, 0.882, 1.   , 0.882, 0.607, 0.325,
           0.135, 0.   ], dtype=float32)
    """
    times = _times(times, "times")
    n_samples = _length(n_samples)
    slope = _slope(width, "width", sampling_rate)
    kernel = np.concatenate([slope[:0:-1], slope])
    half = len(slope) - 1
    center = _nearest(times, n_samples, half, sampling_rate).reshape(_flat(times))
    known = ~np.isnan(times).reshape(_flat(times))
    # Room for whole Gaussians at both ends, cut off afterwards.
    padded = np.zeros((len(center), n_samples + 4 * half + 2), dtype=np.float32)
    offset = np.arange(len(kernel))
    for j in range(center.shape[1]):
        rows = np.flatnonzero(known[:, j])
        at = (rows[:, np.newaxis], center[rows, j][:, np.newaxis] + half + 1 + offset)
        padded[at] = np.maximum(padded[at], kernel)
    inside = padded[:, 2 * half + 1 : 2 * half + 1 + n_samples]
    return np.ascontiguousarray(inside).reshape(times.shape[:-1] + (n_samples,))


def mask_function(starts, ends, n_samples, *, sampling_rate, rise, fall):
    """Functions over time that are 1 between two times, with half-Gaussians outside them.

    This is the label of the stretch of an event [1]_: from P to S for an earthquake, from start
    to end for a rockfall. The half-Gaussians are those of `gaussian_function`. (In the authors'
    own labels the fall begins one sample early; here the sample of the end is 1 too.)

    Parameters
    ----------
    starts, ends : array-like of shape (..., k)
        First and last time of k stretches for each function, in seconds after the first sample;
        both ends belong to the stretch. NaN in either stands for none; infinite times and times
        outside the window are allowed, what lies outside is cut off.
    n_samples : int
        Length of the functions.
    sampling_rate : float
        In Hz.
    rise, fall : float
        Widths in seconds of the Gaussians whose halves lead up to the start and away from the
        end. Published: 0.2 and 0.3 for earthquakes, 1.0 and 1.0 for rockfalls.

    Returns
    -------
    function : ndarray of float32, shape (..., n_samples)
        Where stretches overlap, the larger value.

    Raises
    ------
    ValueError
        If a stretch ends before it starts, `n_samples` or `sampling_rate` is not positive, or
        `rise` or `fall` is negative.

    See Also
    --------
    gaussian_function : Label of a pick.

    References
    ----------
    .. [1] Liao, W.-Y. et al. (2023). RockNet: Rockfall and Earthquake Detection and Association
       via Multitask Learning and Transfer Learning. IEEE Transactions on Geoscience and Remote
       Sensing, 61, 1-12. doi:10.1109/TGRS.2023.3284008

    Examples
    --------
    >>> from seisclf.signal import mask_function
    >>> mask_function([0.4], [0.6], 10, sampling_rate=10, rise=0.4, fall=0.8).round(3)
    array([0.   , 0.   , 0.135, 0.607, 1.   , 1.   , 1.   , 0.882, 0.607,
           0.325], dtype=float32)
    """
    starts, ends = np.broadcast_arrays(_times(starts, "starts"), _times(ends, "ends"))
    n_samples = _length(n_samples)
    if np.any(ends < starts):
        raise ValueError(
            f"{int(np.sum(ends < starts))} of the stretches end before they start: starts must "
            "not exceed ends"
        )
    # A last value of 0 stands for all that is farther away.
    up, down = (
        np.append(_slope(value, name, sampling_rate), np.float32(0))
        for value, name in ((rise, "rise"), (fall, "fall"))
    )
    reach = max(len(up), len(down))
    shape = _flat(starts)
    first = _nearest(starts, n_samples, reach, sampling_rate).reshape(shape)
    last = _nearest(ends, n_samples, reach, sampling_rate).reshape(shape)
    known = ~(np.isnan(starts) | np.isnan(ends)).reshape(shape)
    function = np.zeros((len(first), n_samples), dtype=np.float32)
    samples = np.arange(n_samples)
    size = max(1, _CHUNK // n_samples)
    for j in range(first.shape[1]):
        members = np.flatnonzero(known[:, j])
        for begin in range(0, len(members), size):
            rows = members[begin : begin + size]
            before = np.clip(first[rows, j][:, np.newaxis] - samples, 0, len(up) - 1)
            after = np.clip(samples - last[rows, j][:, np.newaxis], 0, len(down) - 1)
            # One of the two factors is 1 everywhere.
            function[rows] = np.maximum(function[rows], up[before] * down[after])
    return function.reshape(starts.shape[:-1] + (n_samples,))


def _times(times, name):
    times = np.asarray(times, dtype=np.float64)
    if times.ndim == 0:
        raise ValueError(f"{name} must have shape (..., k), k times for each function; got one")
    return times


def _flat(times):
    return int(np.prod(times.shape[:-1])), times.shape[-1]


def _length(n_samples):
    if int(n_samples) != n_samples or n_samples < 1:
        raise ValueError(f"n_samples must be an integer of at least 1, got {n_samples!r}")
    return int(n_samples)


def _slope(width, name, sampling_rate):
    """Values of the Gaussian from its peak to its edge."""
    if not 0 <= width < np.inf:
        raise ValueError(f"{name} must be at least 0 s and finite, got {width!r}")
    half = round(float(width) * check_positive(sampling_rate, "sampling_rate")) // 2
    sigma = max(half // 2, 1)
    return np.exp(-0.5 * (np.arange(half + 1) / sigma) ** 2).astype(np.float32)


def _nearest(times, n_samples, reach, sampling_rate):
    """Sample nearest to each time; those out of reach are brought just out of reach."""
    with np.errstate(invalid="ignore"):
        nearest = np.floor(
            np.nan_to_num(times, posinf=np.inf, neginf=-np.inf) * sampling_rate + 0.5
        )
    return np.clip(nearest, -reach - 1, n_samples + reach).astype(np.int64)
