"""How many rows to add to each class."""

import numbers

import numpy as np

_WORDS = ("auto", "balance", "not majority", "minority", "all")


def wanted_rows(strategy, labels):
    """Number of rows to add to each class.

    Parameters
    ----------
    strategy : str, float, int, dict or callable
        See `MosaicAugmenter`.
    labels : ndarray of shape (n_events,)
        Classes.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
        The classes, sorted.
    wanted : ndarray of int, shape (n_classes,)
        Rows to add.

    Raises
    ------
    ValueError
        If `strategy` is unknown, out of range, or would take rows away.
    """
    classes, counts = np.unique(labels, return_counts=True)
    if callable(strategy):
        strategy = strategy(labels)
    is_number = isinstance(strategy, numbers.Real) and not isinstance(strategy, bool)
    if isinstance(strategy, str) and strategy in _WORDS:
        wanted = counts.max() - counts
        if strategy == "minority":
            wanted = np.where(np.arange(len(counts)) == counts.argmin(), wanted, 0)
    elif isinstance(strategy, dict):
        wanted = _from_totals(strategy, classes, counts)
    elif is_number and isinstance(strategy, numbers.Integral):
        if strategy < 0:
            raise ValueError(f"sampling_strategy must not be negative, got {strategy}")
        wanted = np.full(len(classes), int(strategy))
    elif is_number and 0 < strategy <= 1:
        wanted = np.maximum(np.round(strategy * counts.max()).astype(int) - counts, 0)
    else:
        raise ValueError(
            f"sampling_strategy must be one of {_WORDS}, a ratio in (0, 1], a number of rows to "
            f"add (int), a dictionary of class and total number, or a function of y that gives "
            f"one; got {strategy!r}"
        )
    return classes, wanted


def _from_totals(totals, classes, counts):
    known = classes.tolist()
    unknown = [label for label in totals if label not in known]
    if unknown:
        raise ValueError(
            f"sampling_strategy names the classes {unknown}, which y does not contain; it has "
            f"{known}"
        )
    wanted = np.array(
        [totals.get(label, n) - n for label, n in zip(known, counts.tolist(), strict=True)]
    )
    if (wanted < 0).any():
        label = known[int(wanted.argmin())]
        raise ValueError(
            f"sampling_strategy gives the number of rows after resampling: {totals[label]} for "
            f"class {label!r} is less than the {counts[wanted.argmin()]} there are"
        )
    return wanted
