"""Weights of events and of classes in one."""

import numpy as np
from sklearn.utils.validation import _check_sample_weight

from seisclf.utils._class_weight import class_factors, is_balanced

_EXACT = 2.0**20


def event_weights(y, class_weight, sample_weight=None):
    """Weight of each event.

    Parameters
    ----------
    y : ndarray of shape (n_events,)
        Labels.
    class_weight : {"balanced", "balanced_subsample"}, dict, ("balanced", dict) or None
        "balanced_subsample" is left to the forest.
    sample_weight : array-like of shape (n_events,), optional
        Weights that the user gave; "balanced" counts an event of weight two twice.

    Returns
    -------
    weight : ndarray of shape (n_events,) or None
        None if all events weigh the same.
    """
    if sample_weight is not None:
        sample_weight = _check_sample_weight(sample_weight, y)
    if class_weight is None or (
        isinstance(class_weight, str) and class_weight == "balanced_subsample"
    ):
        return sample_weight
    classes, codes = np.unique(y, return_inverse=True)
    totals = np.bincount(codes, weights=sample_weight)
    factors = class_factors(class_weight, classes, totals, also=("balanced_subsample",))
    by_class = (_exact(factors) if is_balanced(class_weight) else factors)[codes]
    return by_class if sample_weight is None else by_class * sample_weight


def _exact(factors):
    """The nearest of the numbers whose sums are exact in any order; zero only where it was.

    Splits of equal worth then stay equal, and trees do not depend on the order of events.
    """
    rounded = np.round(factors * _EXACT) / _EXACT
    return np.where(factors > 0, np.maximum(rounded, 1 / _EXACT), 0.0)
