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


def class_factors(class_weight, classes, y, weights):
    """Factor of each class.

    Parameters
    ----------
    class_weight : None, "balanced" or dict
        "balanced" gives all classes that occur in `y` the same total weight; a dict holds a
        factor for each label, 1 where it has none.
    classes : ndarray of shape (n_classes,)
        Labels.
    y : ndarray of int of shape (n_events,)
        Indices into `classes`.
    weights : ndarray of shape (n_events,)
        Weight of each event; "balanced" balances sums of weights, not numbers of events.

    Returns
    -------
    factors : ndarray of shape (n_classes,)
        To multiply the weights with.

    Raises
    ------
    ValueError
        If `class_weight` is none of these or names a label that does not exist.
    """
    if class_weight is None:
        return np.ones(len(classes))
    if isinstance(class_weight, str) and class_weight == "balanced":
        total = np.bincount(y, weights=weights, minlength=len(classes))
        seen = total > 0
        factors = np.ones(len(classes))
        factors[seen] = total.sum() / (seen.sum() * total[seen])
        return factors
    if not isinstance(class_weight, dict):
        raise ValueError(
            f"class_weight must be None, 'balanced' or a dict from label to factor; got "
            f"{class_weight!r}"
        )
    labels = classes.tolist()
    unknown = [label for label in class_weight if label not in labels]
    if unknown:
        raise ValueError(
            f"class_weight has factors for {unknown}, which are not among the classes {labels}"
        )
    return np.array([float(class_weight.get(label, 1.0)) for label in labels])


def mean_one(weights):
    """Scale to a mean of one, so that a weighted loss has the size of an unweighted one."""
    mean = weights.mean()
    return weights / mean if mean > 0 else np.ones_like(weights)
