"""Where the traces of a record section go on its picture, and which of them go nowhere."""

from dataclasses import dataclass

import numpy as np

# Part of the axis of offsets left free on either side, as in ObsPy's section plot.
_MARGIN = 0.05
# The largest deflection of a trace, in units of the range of offsets over the number of traces.
_DEFLECTION = 2 / 3
# Part of an offset that is no distance.
_ROUNDING = 1e-9
#: Why a trace is not drawn, in the order of the codes from 1; 0 is drawn.
REASONS = ("missing", "dead", "no offset", "outside offset_range")
SCALES = ("trace", "section")


@dataclass
class Layout:
    """Traces of sections in pixels; arrays have the shape (n_events, n_channels, n_traces).

    Attributes
    ----------
    status : ndarray of int8
        0 where a trace is drawn, else one more than the index of the reason in `REASONS`.
    base : ndarray
        Place of each trace on the axis of offsets, in pixels.
    factor : ndarray
        Pixels for a unit of amplitude.
    mean : ndarray
        What is taken off each trace.
    peak : ndarray
        Amplitude that makes the largest deflection.
    width : ndarray of shape (n_events, 1, 1)
        The largest deflection in pixels.
    limits : ndarray of shape (n_events, 2)
        Offsets at the edges of the picture in km; NaN for an event without traces.
    """

    status: np.ndarray
    base: np.ndarray
    factor: np.ndarray
    mean: np.ndarray
    peak: np.ndarray
    width: np.ndarray
    limits: np.ndarray


def lay_out(mean, low, high, offsets, *, n_pixels, offset_range, scale, gain, strips):
    """Lay the traces of events out along the axis of offsets.

    Parameters
    ----------
    mean, low, high : ndarray of shape (n_events, n_channels, n_traces)
        Mean and extremes of each trace; NaN if it is missing.
    offsets : ndarray of shape (n_events, n_traces)
        Distances in km; NaN where not known.
    n_pixels : int
        Pixels along the axis of offsets.
    offset_range : tuple of float or None
        Ends of the axis in km; None: what the event takes and a margin.
    scale : {"trace", "section"}
        Traces that share one scale of amplitude.
    gain : float
        Factor of the deflections.
    strips : bool
        Whether a trace takes the whole width of its deflection on either side.

    Returns
    -------
    layout : Layout
        Everything in pixels.
    """
    mean, low, high = (np.asarray(values, dtype=np.float64) for values in (mean, low, high))
    status = _status(low, high, offsets, offset_range)
    drawn = status == 0
    own_peak = np.where(drawn, np.maximum(high - mean, mean - low), 0.0)
    peak = own_peak
    if scale == "section":
        peak = np.broadcast_to(own_peak.max(axis=(1, 2), keepdims=True), own_peak.shape)
    present = drawn.any(axis=1)
    place = np.where(present, offsets, 0.0)
    if offset_range is None:
        nearest = np.where(present, offsets, np.inf).min(axis=1, initial=np.inf)
        farthest = np.where(present, offsets, -np.inf).max(axis=1, initial=-np.inf)
        span = np.where(present.any(axis=1), farthest - nearest, 0.0)
        # Offsets that differ by the rounding of a distance are equal.
        span[span <= _ROUNDING * np.abs(farthest)] = 0.0
    else:
        span = np.full(len(offsets), float(offset_range[1] - offset_range[0]))
    # Where all offsets are equal any deflection will do: the picture is as wide as it.
    span[span == 0] = 1.0
    deflection = gain * _DEFLECTION * span / np.maximum(present.sum(axis=1), 1)
    deflection = deflection[:, np.newaxis, np.newaxis]
    place = np.broadcast_to(place[:, np.newaxis], drawn.shape)
    per_unit = deflection / np.where(peak > 0, peak, 1.0)
    if offset_range is None:
        reach = (low - mean, high - mean)
        if strips:
            reach = (-0.5 * peak, 0.5 * peak)
        start, stop = _own_range(place, per_unit, reach, drawn)
    else:
        start, stop = (np.full(len(offsets), float(end)) for end in offset_range)
    per_km = (n_pixels / np.where(stop > start, stop - start, 1.0))[:, np.newaxis, np.newaxis]
    limits = np.stack([start, stop], axis=1)
    limits[~present.any(axis=1)] = np.nan
    return Layout(
        status=status,
        base=(place - start[:, np.newaxis, np.newaxis]) * per_km,
        factor=per_unit * per_km,
        mean=mean,
        peak=peak,
        width=deflection * per_km,
        limits=limits,
    )


def _status(low, high, offsets, offset_range):
    status = np.zeros(low.shape, dtype=np.int8)
    offsets = np.broadcast_to(offsets[:, np.newaxis], low.shape)
    # From the weakest reason to the strongest: what is missing has no other fault.
    if offset_range is not None:
        status[(offsets < offset_range[0]) | (offsets > offset_range[1])] = 4
    status[~np.isfinite(offsets)] = 3
    status[high <= low] = 2
    status[np.isnan(low)] = 1
    return status


def _own_range(place, per_unit, reach, drawn):
    """Offsets from the first to the last ink of each event, and a margin."""
    axes = (1, 2)
    start = np.where(drawn, place + per_unit * reach[0], np.inf).min(axis=axes, initial=np.inf)
    stop = np.where(drawn, place + per_unit * reach[1], -np.inf).max(axis=axes, initial=-np.inf)
    blank = ~drawn.any(axis=axes)
    start[blank], stop[blank] = 0.0, 1.0
    margin = _MARGIN * (stop - start)
    return start - margin, stop + margin
