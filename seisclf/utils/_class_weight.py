"""What `class_weight` means, for every classifier that takes it."""

import warnings
from numbers import Real

import numpy as np

_BALANCED = "balanced"


def class_factors(class_weight, classes, totals, *, also=()):
    """Factor of each class.

    Parameters
    ----------
    class_weight : None, "balanced", dict or ("balanced", dict)
        "balanced" gives all classes that occur the same total weight, and events a mean factor
        of one. A dict holds a factor for each label, 1 where it has none.
        ``("balanced", {"noise": 0.0})`` balances all classes but those named, as if these were
        not there, and gives those their factor; they may be absent from `classes`.
    classes : ndarray of shape (n_classes,)
        Labels.
    totals : ndarray of shape (n_classes,)
        Sum of the weights of the events of each class; without weights their number.
    also : tuple of str, default=()
        Other values that the caller deals with itself, to be named in the error.

    Returns
    -------
    factors : ndarray of float64 of shape (n_classes,)
        To multiply the weights of events with.

    Raises
    ------
    ValueError
        If `class_weight` is none of these, names a label that does not exist, has a factor that
        is no number or negative, or leaves no event that counts.

    Warns
    -----
    UserWarning
        If ``("balanced", {...})`` names a label that is not among `classes`, which may be a slip
        of the pen.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.utils._class_weight import class_factors
    >>> classes, numbers = np.array(["noise", "quake", "rockfall"]), np.array([8, 10, 30])
    >>> class_factors("balanced", classes, numbers).round(3)
    array([2.   , 1.6  , 0.533])
    >>> class_factors(("balanced", {"noise": 0.0}), classes, numbers).round(3)
    array([0.   , 2.   , 0.667])
    """
    classes, totals = np.asarray(classes), np.asarray(totals, dtype=np.float64)
    if class_weight is None:
        return np.ones(len(classes))
    if isinstance(class_weight, dict):
        factors = _named(class_weight, classes, strict=True)
    elif _is(class_weight, _BALANCED):
        return _balanced(totals)
    elif _is_pair(class_weight):
        named = class_weight[1]
        apart = np.array([label in named for label in classes.tolist()], dtype=bool)
        factors = _named(named, classes, strict=False)
        factors[~apart] = _balanced(totals[~apart])
        _warn_of_unknown(named, classes)
    else:
        others = "".join(f", {value!r}" for value in also)
        raise ValueError(
            f"class_weight must be None, 'balanced'{others}, a dict from label to factor, or "
            f"('balanced', {{label: factor}}), which leaves the classes named out of the balance; "
            f"got {class_weight!r}"
        )
    if totals.any() and not (factors * totals).any():
        raise ValueError(
            f"class_weight={class_weight!r} is zero for every event of y (classes "
            f"{classes.tolist()}): give events of a class that counts, or another factor"
        )
    return factors


def is_balanced(class_weight):
    """Whether factors come from the numbers of events, of all classes or of some."""
    return _is(class_weight, _BALANCED) or _is_pair(class_weight)


def _balanced(totals):
    seen = totals > 0
    factors = np.ones(len(totals))
    factors[seen] = totals.sum() / (seen.sum() * totals[seen])
    return factors


def _named(named, classes, *, strict):
    """Factors of the labels that the dict names, 1 for all others."""
    for label, factor in named.items():
        if not isinstance(factor, Real) or not 0 <= float(factor) < np.inf:
            raise ValueError(
                f"class_weight has the factor {factor!r} for {label!r}: factors are finite "
                f"numbers >= 0"
            )
    labels = classes.tolist()
    unknown = [label for label in named if label not in labels]
    # A fold may lack a rare class. A dict that has all others can then be no slip of the pen.
    slip = bool(unknown) and any(label not in named for label in labels) if strict else False
    if slip or _of_another_kind(unknown, labels):
        raise ValueError(
            f"class_weight has factors for {unknown}, which are not among the classes {labels}"
        )
    return np.array([float(named.get(label, 1.0)) for label in labels])


def _warn_of_unknown(named, classes):
    labels = classes.tolist()
    if unknown := [label for label in named if label not in labels]:
        warnings.warn(
            f"class_weight names {unknown}, of which y has no event; its classes are {labels}. "
            f"Is it spelt as in y? If the class is only missing here, nothing is wrong",
            UserWarning,
            stacklevel=3,
        )


def _of_another_kind(unknown, labels):
    """Whether names meet numbers, so that the labels can never occur."""
    kinds = {isinstance(label, str) for label in labels}
    return len(kinds) == 1 and any(isinstance(label, str) not in kinds for label in unknown)


def _is(value, name):
    return isinstance(value, str) and value == name


def _is_pair(value):
    return (
        isinstance(value, (tuple, list))
        and len(value) == 2
        and _is(value[0], _BALANCED)
        and isinstance(value[1], dict)
    )
