"""Which events are tested and which keep their labels, stratified and nested."""

from numbers import Integral

import numpy as np


class Subsets:
    """Test rows, training rows, and nested sets of labelled rows of one repeat.

    Parameters
    ----------
    test : ndarray of int
        Rows to test on, ascending.
    train : ndarray of int
        Rows that may be trained on, ascending; also those without a label.
    labelled : list of ndarray of int
        Rows of train that keep their label, one array for each fraction.
    n_events : list of int
        Events among them.
    """

    def __init__(self, test, train, labelled, n_events):
        self.test, self.train = test, train
        self.labelled, self.n_events = labelled, n_events


def draw_subsets(block, y, labelled, *, sizes, n_test, rng):
    """Divide events into test and train, and order those of train into nested subsets.

    Parameters
    ----------
    block : ndarray of int of shape (n_rows,)
        Events, or what else stays together; codes 0..n_blocks-1.
    y : ndarray of int of shape (n_rows,)
        Classes; anything where there is no label.
    labelled : ndarray of bool of shape (n_rows,)
        Rows with a label.
    sizes : list of int
        Events that keep their label, one number for each subset.
    n_test : int
        Events to test on.
    rng : numpy.random.Generator
        Draws.

    Returns
    -------
    subsets : Subsets
        Of rows.
    """
    blocks, classes = _class_of_block(block[labelled], y[labelled])
    order = _stratified_order(classes, rng)
    tested, rest = blocks[order[:n_test]], order[n_test:]
    trained = blocks[rest][_stratified_order(classes[rest], rng)]
    in_test = np.isin(block, tested)
    rank = np.full(block.max() + 1, len(blocks))
    rank[trained] = np.arange(len(trained))
    return Subsets(
        np.flatnonzero(in_test & labelled),
        np.flatnonzero(~in_test),
        [np.flatnonzero((rank[block] < size) & labelled) for size in sizes],
        [min(size, len(trained)) for size in sizes],
    )


def _class_of_block(block, y):
    """Blocks with a label, and the class of each; of several classes the rarest."""
    count = np.bincount(y)
    rarest_first = np.lexsort((count[y], block))
    blocks, first = np.unique(block[rarest_first], return_index=True)
    return blocks, y[rarest_first][first]


def _stratified_order(classes, rng):
    """An order at random, any beginning of which holds each class by its share.

    The first of each class comes at the very beginning, so that rare ones are there early.
    """
    place, tie = np.empty(len(classes)), rng.random(len(classes))
    for code in np.unique(classes):
        own = rng.permutation(np.flatnonzero(classes == code))
        place[own] = (np.arange(len(own)) + 0.5) / len(own)
        place[own[0]] = -1.0
    return np.lexsort((tie, place))


def number_of_test_events(test_size, n_events):
    """Events to test on, from a share or a number."""
    whole = isinstance(test_size, Integral) and not isinstance(test_size, bool)
    if whole and 1 <= test_size < n_events:
        return int(test_size)
    if not whole and isinstance(test_size, (float, np.floating)) and 0 < test_size < 1:
        return min(max(1, round(test_size * n_events)), n_events - 1)
    raise ValueError(
        f"test_size must be a share of the events between 0 and 1, or a number of events from 1 "
        f"to {n_events - 1} (there are {n_events} with labels); got {test_size!r}"
    )


def number_of_labelled_events(fractions, n_events, n_train):
    """Events that keep their label, for each fraction.

    Raises
    ------
    ValueError
        If a fraction is none, or asks for more than there are in the training part.
    """
    values = list(fractions) if np.iterable(fractions) else [fractions]
    if not values:
        raise ValueError("fractions must name at least one share or number of events")
    sizes = [_size(value, n_events, n_train) for value in values]
    if len(set(sizes)) < len(sizes):
        raise ValueError(
            f"fractions={values} are {sizes} of {n_events} events: two of them are the same. "
            f"Leave one out"
        )
    return values, sizes


def _size(value, n_events, n_train):
    if isinstance(value, Integral) and not isinstance(value, bool):
        size, least = int(value), 2
    elif isinstance(value, (float, np.floating)) and 0 < value < 1:
        # A fraction that is all of the training part must not fail by one event of rounding.
        size, least = round(value * n_events), 1
        size = n_train if size == n_train + 1 else size
    else:
        raise ValueError(
            f"fractions must be shares of all events between 0 and 1, or numbers of events; got "
            f"{value!r}"
        )
    if size > n_train:
        raise ValueError(
            f"fraction {value!r} is {size} of {n_events} events, but only {n_train} are left for "
            f"training: take a smaller fraction or a smaller test_size"
        )
    if size < least:
        raise ValueError(f"fraction {value!r} of {n_events} events is less than {least}")
    return size
