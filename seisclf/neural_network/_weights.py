"""How much each event counts in the loss."""

import numpy as np
from sklearn.utils.validation import _check_sample_weight


def row_weights(X, sample_weight):
    """Check `sample_weight`; None means that all events count alike.

    Parameters
    ----------
    X : array-like
        Only its length is used.
    sample_weight : array-like of shape (n_events,) or None
        Weights, not negative.

    Returns
    -------
    weights : ndarray of float64 of shape (n_events,)
        A copy.

    Raises
    ------
    ValueError
        If the weights do not fit X, are negative, or are all zero.
    """
    if sample_weight is None:
        return np.ones(len(X))
    weights = _check_sample_weight(
        sample_weight, np.empty((len(X), 0)), dtype=np.float64, copy=True, ensure_non_negative=True
    )
    if not weights.any():
        raise ValueError("sample_weight is zero for every event: at least one must count")
    return weights


def mean_one(weights):
    """Scale to a mean of one, so that a weighted loss has the size of an unweighted one."""
    mean = weights.mean()
    return weights / mean if mean > 0 else np.ones_like(weights)
