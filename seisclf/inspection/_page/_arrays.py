"""Arrays small enough for a page: fewer samples, and integers with a scale."""

import base64

import numpy as np

# A canvas is some 1500 pixels wide; each needs the smallest and the largest value under it.
_MAX_SAMPLES = 6000
_MAX_FREQUENCIES, _MAX_FRAMES = 96, 192
# Value of a gap among 16-bit samples.
_GAP = -32768


def pack_waveform(waveform):
    """Samples as 16-bit integers, each channel with its own scale.

    Long waveforms become alternating minima and maxima, which look the same when drawn.

    Parameters
    ----------
    waveform : array of shape (n_channels, n_samples)
        NaN where there is a gap.

    Returns
    -------
    packed : dict
        ``type``, ``shape``, ``scale`` (one per channel) and ``data`` (base64).
    """
    waveform = _envelope(np.asarray(waveform, dtype=np.float64))
    known = np.isfinite(waveform)
    peak = np.where(known, np.abs(waveform), 0.0).max(axis=1, initial=0.0)
    scale = np.where(peak > 0, peak, 1.0) / 32767
    counts = np.where(known, np.rint(np.where(known, waveform, 0.0) / scale[:, None]), _GAP)
    return _packed(counts.astype("<i2"), [float(s) for s in scale])


def pack_thumbnail(waveform, *, n_bins=110):
    """One trace as 8-bit minima and maxima.

    Parameters
    ----------
    waveform : array of shape (n_samples,)
        NaN where there is a gap.
    n_bins : int, default=110
        Pairs of minimum and maximum.

    Returns
    -------
    data : str
        Base64 of signed bytes, minima and maxima in turn.
    """
    pairs = _envelope(np.nan_to_num(np.asarray(waveform, dtype=np.float64))[None], 2 * n_bins)
    peak = np.abs(pairs).max(initial=0.0)
    return _base64(np.rint(pairs / (peak or 1.0) * 127).astype("i1"))


def pack_spectrogram(spectrogram):
    """A map as bytes: amplitudes in decibels down to -60 dB, other values as they are.

    Parameters
    ----------
    spectrogram : array of shape (n_channels, n_frequencies, n_frames)
        Without negative values it is taken for amplitudes.

    Returns
    -------
    packed : dict
        As of :func:`pack_waveform`, with ``low``, ``high`` (of bytes 0 and 255) and ``unit``.
    """
    values = np.nan_to_num(np.asarray(spectrogram, dtype=np.float64))
    if values.min(initial=0.0) >= 0:
        largest = values.max(initial=0.0) or 1.0
        values = 20 * np.log10(np.maximum(values / largest, 1e-12))
        low, high, unit = -60.0, 0.0, "dB"
    else:
        low, high = (float(q) for q in np.percentile(values, [1, 99.8]))
        unit = ""
    span = (high - low) or 1.0
    levels = np.rint(np.clip((values - low) / span, 0, 1) * 255).astype("u1")
    return _packed(levels, span / 255) | {"low": low, "high": high, "unit": unit}


def pack_relevance(relevance):
    """A map as signed bytes around zero, with one scale for all channels.

    The largest thousandth is clipped, so that single cells do not make the others pale.

    Parameters
    ----------
    relevance : array of shape (n_channels, n_frequencies, n_frames)
        Positive where the input speaks for the class.

    Returns
    -------
    packed : dict
        As of :func:`pack_waveform`; ``scale`` is one number.
    """
    values = np.nan_to_num(np.asarray(relevance, dtype=np.float64))
    size = np.abs(values)
    peak = float(np.percentile(size, 99.9) or size.max()) or 1.0
    levels = np.rint(np.clip(values / peak, -1, 1) * 127).astype("i1")
    return _packed(levels, peak / 127)


def small_map(values, frequencies, times):
    """A map with at most 96 frequencies and 192 frames, lowest frequency first.

    Parameters
    ----------
    values : array of shape (n_channels, n_frequencies, n_frames)
        Neighbouring cells are averaged.
    frequencies, times : array or None
        Axes (Hz, s).

    Returns
    -------
    values : ndarray
        The same with fewer cells.
    frequencies, times : ndarray or None
        Averaged alike.
    """
    values = np.asarray(values, dtype=np.float64)
    if frequencies is not None:
        frequencies = np.asarray(frequencies, dtype=np.float64)
        if len(frequencies) > 1 and frequencies[0] > frequencies[-1]:
            values, frequencies = values[:, ::-1], frequencies[::-1]
    values = _mean_bins(values, 1, _MAX_FREQUENCIES)
    values = _mean_bins(values, 2, _MAX_FRAMES)
    if frequencies is not None:
        frequencies = _mean_bins(frequencies, 0, _MAX_FREQUENCIES)
    if times is not None:
        times = _mean_bins(np.asarray(times, dtype=np.float64), 0, _MAX_FRAMES)
    return values, frequencies, times


def _mean_bins(values, axis, most):
    size = values.shape[axis]
    if size <= most:
        return values
    edges = np.linspace(0, size, most + 1).round().astype(int)
    sums = np.add.reduceat(values, edges[:-1], axis=axis)
    shape = [1] * values.ndim
    shape[axis] = most
    return sums / np.diff(edges).reshape(shape)


def _envelope(waveform, most=_MAX_SAMPLES):
    n_channels, n_samples = waveform.shape
    if n_samples <= most:
        return waveform
    edges = np.linspace(0, n_samples, most // 2 + 1).round().astype(int)[:-1]
    # fmin and fmax pass over gaps and are silent where there is nothing else.
    pairs = [np.fmin.reduceat(waveform, edges, axis=1), np.fmax.reduceat(waveform, edges, axis=1)]
    return np.stack(pairs, axis=2).reshape(n_channels, -1)


def _packed(values, scale):
    return {
        "type": values.dtype.name,
        "shape": list(values.shape),
        "scale": scale,
        "data": _base64(values),
    }


def _base64(values):
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")
