"""The arithmetic of a mosaic: where its pieces lie, their sum, and the times in it.

All positions are samples on the time line of the mosaic, whose zero is the first sample of the
centred window.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def draw_begins(lengths, n_samples, rng):
    """Spread pieces over a window, with random gaps between, before and after them.

    Parameters
    ----------
    lengths : sequence of int
        Samples that each event needs. Their sum must be less than `n_samples`.
    n_samples : int
        Samples of the window.
    rng : numpy.random.Generator
        Draws how the free samples are shared out: multinomially, with probabilities from a flat
        Dirichlet distribution.

    Returns
    -------
    begins : ndarray of int, shape (n_pieces,)
        First sample of each event. From the second on these are the joints, where another record
        sets in.
    """
    lengths = np.asarray(lengths)
    free = n_samples - lengths.sum()
    gaps = rng.multinomial(free, rng.dirichlet(np.ones(len(lengths) + 1)))
    return np.cumsum(gaps[:-1]) + np.concatenate([[0], np.cumsum(lengths[:-1])])


def superpose(records, offsets, joints, span, *, noise_length, lead, fade, rng):
    """Sum of records on the time line of a mosaic.

    Parameters
    ----------
    records : sequence of ndarray of shape (n_channels, n_samples)
        The pieces, without their means. They are not changed.
    offsets : sequence of int
        Where the first sample of each record falls.
    joints : sequence of int
        Where the second and later records set in; they fade in over half of `lead` from there.
    span : tuple of int
        First sample of the mosaic and the one after its last.
    noise_length : int
        The first record lies under all of the mosaic: where it ends, its own noise goes on, made
        from so many of its first samples.
    lead, fade : int
        Samples before an onset that belong to the event; samples over which a record fades into
        noise where it ends.
    rng : numpy.random.Generator
        Draws the noise.

    Returns
    -------
    mosaic : ndarray of shape (n_channels, span[1] - span[0])
        The sum.
    """
    first, stop = span
    n_samples = records[0].shape[-1]
    mosaic = extend_with_noise(
        records[0],
        before=offsets[0] - first,
        after=stop - offsets[0] - n_samples,
        noise_length=noise_length,
        fade=fade,
        rng=rng,
    )
    for record, offset, joint in zip(records[1:], offsets[1:], joints, strict=True):
        begin, end = max(joint, offset, first), min(offset + n_samples, stop)
        if begin < end:
            ramps = _ramp_up(lead // 2, n_samples - (joint - offset))
            ramps *= _ramp_up(fade, len(ramps))[::-1]
            piece = record[:, begin - offset : end - offset]
            mosaic[:, begin - first : end - first] += piece * ramps[
                begin - joint : end - joint
            ].astype(record.dtype)
    return mosaic


def extend_with_noise(record, *, before, after, noise_length, fade, rng):
    """Continue a record at both ends with noise like that in its first samples.

    Parameters
    ----------
    record : ndarray of shape (n_channels, n_samples)
        Waveforms.
    before, after : int
        Samples to put at either end; a negative number cuts samples away.
    noise_length : int
        Samples at the beginning of `record` that are nothing but noise.
    fade : int
        Samples over which record and noise fade into each other.
    rng : numpy.random.Generator
        Draws the pieces of noise.

    Returns
    -------
    extended : ndarray of shape (n_channels, before + n_samples + after)
        A new array.
    """
    n_samples = record.shape[-1]
    kept = record[:, max(-before, 0) : n_samples + min(after, 0)]
    before, after, n_kept = max(before, 0), max(after, 0), kept.shape[-1]
    extended = np.empty((len(record), before + n_kept + after), record.dtype)
    extended[:, before : before + n_kept] = kept
    noise = record[:, :noise_length]
    if before:
        # The onset may come soon after the noise: no more than the noise may fade in.
        _continue(extended[:, ::-1], before, min(fade, noise_length, n_kept), noise, rng)
    if after:
        _continue(extended, after, min(fade, n_kept), noise, rng)
    return extended


def _continue(traces, n_samples, fade, noise, rng):
    """Fill the last samples of traces with noise that fades in before them, in place."""
    added = like_noise(noise, fade + n_samples, rng)
    traces[:, -n_samples:] = added[:, fade:]
    ramp = _ramp_up(fade, fade).astype(traces.dtype)
    overlap = traces[:, -n_samples - fade : -n_samples]
    overlap *= ramp[::-1]
    # Noise and record are independent: their powers, not their amplitudes, add up to one.
    overlap += added[:, :fade] * np.sqrt(1 - ramp[::-1] ** 2)


def like_noise(noise, n_samples, rng):
    """Noise of any length that sounds like a short piece of noise.

    Random pieces, half as long as `noise`, are laid over each other by half their length, with
    the square roots of Hann windows, so that power, spectrum and the relation of the channels
    stay what they are.

    Parameters
    ----------
    noise : ndarray of shape (n_channels, n_noise)
        At least four samples.
    n_samples : int
        Samples wanted.
    rng : numpy.random.Generator
        Draws the pieces.

    Returns
    -------
    longer : ndarray of shape (n_channels, n_samples)
        dtype of `noise`.
    """
    n_channels, n_noise = noise.shape
    hop = max(1, n_noise // 4)
    n_grains = 2 * (n_samples // (2 * hop) + 2)
    starts = rng.integers(0, n_noise - 2 * hop + 1, size=n_grains)
    window = np.sin(np.pi * (np.arange(2 * hop) + 0.5) / (2 * hop)).astype(noise.dtype)
    centred = noise - noise.mean(axis=-1, keepdims=True)
    grains = sliding_window_view(centred, 2 * hop, axis=-1)[:, starts] * window
    even, odd = (grains[:, k::2].reshape(n_channels, -1) for k in (0, 1))
    # The odd pieces begin one hop later; the first hop, where only one piece lies, is cut off.
    total = even[:, hop:] + odd[:, : even.shape[-1] - hop]
    return np.ascontiguousarray(total[:, :n_samples])


def shift_arrivals(arrivals, seconds, duration):
    """Move arrivals in time, and forget events that lie wholly outside a window.

    An event stays, with times before 0 or after the end of the window if need be, as long as some
    of the time from P to S or from start to end lies inside. A label over time is then cut off at
    the edge of the window, and nobody takes a P before the window for one that is unknown.

    Parameters
    ----------
    arrivals : ndarray of shape (..., 4)
        P, S, start, end in seconds.
    seconds : float or ndarray
        What to add.
    duration : float
        Seconds from the first to the last sample of the window.

    Returns
    -------
    shifted : ndarray of shape (..., 4)
        All NaN where the event lies outside.
    """
    shifted = arrivals + seconds
    pairs = shifted.reshape(*shifted.shape[:-1], 2, 2)
    first, last = np.fmin(pairs[..., 0], pairs[..., 1]), np.fmax(pairs[..., 0], pairs[..., 1])
    inside = ((last >= 0) & (first <= duration)).any(axis=-1)
    shifted[~inside] = np.nan
    return shifted


def _ramp_up(length, n_samples):
    """Half a cosine from 0 to 1 over `length` samples, then ones."""
    ramp = np.ones(n_samples)
    length = min(length, n_samples)
    ramp[:length] = 0.5 - 0.5 * np.cos(np.pi * (np.arange(length) + 0.5) / max(length, 1))
    return ramp
