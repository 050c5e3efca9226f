"""Weights of events and of classes in one."""

import numpy as np
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import _check_sample_weight

_EXACT = 2.0**20


def event_weights(y, class_weight, sample_weight=None):
    """Weight of each event.

    Parameters
    ----------
    y : ndarray of shape (n_events,)
        Labels.
    class_weight : {"balanced", "balanced_subsample"}, dict or None
        "balanced_subsample" is left to the forest.
    sample_weight : array-like of shape (n_events,), optional
        Weights that the user gave.

    Returns
    -------
    weight : ndarray of shape (n_events,) or None
        None if all events weigh the same.
    """
    if sample_weight is not None:
        sample_weight = _check_sample_weight(sample_weight, y)
    if class_weight is None or class_weight == "balanced_subsample":
        return sample_weight
    by_class = (
        _balanced(y, sample_weight)
        if class_weight == "balanced"
        else compute_sample_weight(class_weight, y)
    )
    return by_class if sample_weight is None else by_class * sample_weight


def _balanced(y, sample_weight):
    """As in scikit-learn, but an event of weight two counts twice."""
    _, codes = np.unique(y, return_inverse=True)
    totals = np.bincount(codes, weights=sample_weight)
    present = totals > 0
    share = np.ones(len(totals))
    share[present] = totals.sum() / (present.sum() * totals[present])
    # Sums of such numbers are exact in any order, so that splits of equal worth stay equal and
    # trees do not depend on the order of events.
    return np.maximum(np.round(share * _EXACT), 1)[codes] / _EXACT
