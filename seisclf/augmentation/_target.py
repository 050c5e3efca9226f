"""What comes in as y: labels with or without arrivals, for samplers and for networks."""

import numpy as np

from ..utils import EventLabels, array_to_arrivals, arrivals_to_array

GIVE_ARRIVALS = (
    "give them to fit_resample(X, y, arrivals=...), in a Pipeline by set_fit_resample_request("
    "arrivals=True), or let y carry them, seisclf.utils.EventLabels(y, arrivals)"
)


def read_arrivals(y, arrivals, shape):
    """Arrivals of the rows of X as an array, from the argument or else carried by y.

    Parameters
    ----------
    y : array-like of shape (n_events,)
        Labels, perhaps `seisclf.utils.EventLabels`.
    arrivals : DataFrame, ndarray or None
        The argument; it goes before what y carries.
    shape : tuple of int
        Shape of X.

    Returns
    -------
    arrivals : ndarray of shape (n_events, n_in_window, 4) or None
        For X of four axes (n_events, n_stations, n_in_window, 4). None if there are none.
    """
    if arrivals is None:
        arrivals = getattr(y, "arrivals", None)
    if arrivals is None:
        return None
    return arrivals_to_array(arrivals, shape[0], n_stations=shape[1] if len(shape) == 4 else None)


def attach_arrivals(labels, arrivals):
    """Labels as `EventLabels`, or as they are if there are no arrivals."""
    if arrivals is None:
        return labels
    return EventLabels(labels, array_to_arrivals(arrivals))


def split_target(y, shape):
    """Labels and arrivals of the y of a batch, see `WaveformSampler.augment`.

    Returns
    -------
    labels : ndarray of shape (n_events,)
        Labels or codes of classes.
    arrivals : ndarray or None
        As from `read_arrivals`.
    join : callable
        Takes (labels, arrivals) and gives a y of the kind that came.
    """
    if isinstance(y, tuple):
        if len(y) != 2:
            raise ValueError(
                f"y must be an array of labels or a tuple (labels, arrivals); got a tuple of "
                f"{len(y)}"
            )
        labels, arrivals = y
        return np.asarray(labels), read_arrivals(None, arrivals, shape), lambda *pair: pair
    return np.asarray(y), read_arrivals(y, None, shape), attach_arrivals


def widen(arrivals, n_in_window):
    """Arrivals with room for `n_in_window` events in a window, NaN where there is none."""
    missing = n_in_window - arrivals.shape[-2]
    if missing <= 0:
        return arrivals
    room = np.full((*arrivals.shape[:-2], missing, 4), np.nan)
    return np.concatenate([arrivals, room], axis=-2)
