"""Checks of the parameters of SeismicFeatures, and its bands."""

import difflib
import numbers
from itertools import pairwise

from ._registry import FEATURE_SETS, GROUPS

_DEFAULT_EDGES = (0.1, 1.0, 3.0, 10.0, 20.0, 50.0)
_POSITIVE = ("sampling_rate", "spectrogram_window")
_NOT_NEGATIVE = (
    "smoothing",
    "envelope_smoothing",
    "spectrum_smoothing",
    "spectrum_peak_distance",
    "spectrogram_smoothing",
)


def resolved_bands(bands, sampling_rate):
    """Bands in Hz; by default five, of which the last ends at the Nyquist frequency if it must."""
    if bands is not None:
        return tuple((float(low), float(high)) for low, high in bands)
    *edges, top = _DEFAULT_EDGES
    if edges[-1] < sampling_rate / 2 < top:
        top = sampling_rate / 2
    return tuple(zip(edges, [*edges[1:], top], strict=True))


def check_parameters(params):
    """Raise for the first parameter that cannot be used.

    Parameters
    ----------
    params : dict
        Parameters of the constructor.

    Raises
    ------
    ValueError or TypeError
        That names the parameter, what came and what is needed.
    """
    check_feature_set(params["feature_set"])
    for name in _POSITIVE:
        if not params[name] > 0:
            raise ValueError(f"{name} must be above 0, got {params[name]!r}")
    for name in _NOT_NEGATIVE:
        if not params[name] >= 0:
            raise ValueError(f"{name} must be 0 (none) or more, got {params[name]!r}")
    overlap, detrend, undefined = (
        params[name] for name in ("spectrogram_overlap", "detrend", "undefined")
    )
    if not 0 <= overlap < 1:
        raise ValueError(f"spectrogram_overlap must be from 0 to below 1, got {overlap!r}")
    if detrend not in ("linear", "constant", None):
        raise ValueError(f'detrend must be "linear", "constant" or None, got {detrend!r}')
    if undefined != "nan" and not isinstance(undefined, numbers.Real):
        raise ValueError(f'undefined must be "nan" or a number, got {undefined!r}')
    _check_selection(params["groups"], params["features"])
    _check_bands(params["bands"])
    _check_window(params["polarity_window"])
    _check_segments(params["phase_segments"])


def check_feature_set(name):
    """Raise unless there is that version."""
    if name not in FEATURE_SETS:
        raise ValueError(f"feature_set must be one of {list(FEATURE_SETS)}, got {name!r}")


def check_names(names, known, parameter):
    """Raise for a name that is not known, with those that are near."""
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else f"choose from {list(known)}"
            raise ValueError(f"{parameter} has no {name!r}: {hint}")


def _check_selection(groups, features):
    for parameter, value in (("groups", groups), ("features", features)):
        if isinstance(value, str):
            raise TypeError(f"{parameter} must be a sequence: {[value]!r}, not {value!r}")
        if value is not None and not len(value):
            raise ValueError(f"{parameter} is empty: name at least one, or leave it None")
    if groups is not None and features is not None:
        raise ValueError("give groups or features, not both: set one of them to None")
    if groups is not None:
        check_names(groups, GROUPS, "groups")


def _check_bands(bands):
    for band in bands if bands is not None else ():
        if len(band) != 2 or not 0 <= band[0] < band[1]:
            raise ValueError(
                f"bands must be pairs (low, high) in Hz with 0 <= low < high, got {tuple(band)}"
            )


def _check_window(window):
    if window is not None and (len(window) != 2 or not 0 <= window[0] < window[1]):
        raise ValueError(
            f"polarity_window must be (start, end) in seconds with 0 <= start < end, or None; "
            f"got {window!r}"
        )


def _check_segments(edges):
    if edges is not None and (len(edges) != 4 or any(a >= b for a, b in pairwise(edges))):
        raise ValueError(
            f"phase_segments must be four ascending times in seconds after the onset, e.g. "
            f"(-0.3, 2.0, 6.0, 11.0), or None; got {edges!r}"
        )
