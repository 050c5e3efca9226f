"""Stretches of many series at once, and which of those that overlap are left."""

import numpy as np


def runs_of_rows(mask):
    """Unbroken stretches of True in each row.

    Parameters
    ----------
    mask : ndarray of bool, shape (n_rows, n_frames)
        What to look through.

    Returns
    -------
    row, first, last : ndarray of int, shape (n_runs,)
        Half-open intervals, row by row.

    Examples
    --------
    >>> import numpy as np
    >>> mask = np.array([[True, True, False], [True, False, True]])
    >>> [part.tolist() for part in runs_of_rows(mask)]
    [[0, 1, 1], [0, 0, 2], [2, 1, 3]]
    """
    edges = np.diff(mask.astype(np.int8), axis=1, prepend=0, append=0)
    row, first = np.nonzero(edges == 1)
    return row, first, np.nonzero(edges == -1)[1]


def overlapping(series, first, last, *, min_share=0.0):
    """All pairs of stretches of one series that overlap.

    Parameters
    ----------
    series, first, last : ndarray of int, shape (n,)
        Number of the series, and half-open intervals of frames.
    min_share : float, default=0.0
        Part of the shorter one that must be exceeded by what both have in common.

    Returns
    -------
    i, j : ndarray of int, shape (n_pairs,)
        Positions, ``i < j``.

    Examples
    --------
    >>> import numpy as np
    >>> first, last = np.array([0, 4, 6]), np.array([5, 9, 8])
    >>> [part.tolist() for part in overlapping(np.zeros(3, int), first, last)]
    [[0, 1], [1, 2]]
    """
    if not len(first):
        return np.zeros((2, 0), dtype=int)
    # Series one after the other on one axis, where they cannot touch.
    shift = series * (last.max() + 1)
    begin, end = first + shift, last + shift
    order = np.argsort(begin, kind="stable")
    after = np.arange(len(order)) + 1
    # Those that begin later, and before this one ends.
    count = np.searchsorted(begin[order], end[order], side="left") - after
    count = np.maximum(count, 0)
    i = np.repeat(np.arange(len(order)), count)
    offset = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    i, j = order[i], order[i + 1 + offset]
    common = np.minimum(end[i], end[j]) - np.maximum(begin[i], begin[j])
    length = last - first
    enough = common > min_share * np.minimum(length[i], length[j])
    i, j = i[enough], j[enough]
    return np.minimum(i, j), np.maximum(i, j)


def without_beaten(n, better, worse):
    """Go through candidates from the best to the worst, and leave out what one kept beats.

    Parameters
    ----------
    n : int
        Candidates, the best first.
    better, worse : ndarray of int, shape (n_pairs,)
        Pairs of which only one may stay, ``better < worse``.

    Returns
    -------
    kept : ndarray of bool, shape (n,)
        Which stay.

    Examples
    --------
    >>> import numpy as np
    >>> without_beaten(3, np.array([0, 1]), np.array([1, 2])).tolist()
    [True, False, True]
    """
    kept, open_ = np.zeros(n, dtype=bool), np.ones(n, dtype=bool)
    # All that no open one beats are decided together: few rounds, however many candidates.
    while open_.any():
        pending = open_[better] & open_[worse]
        wins = open_.copy()
        wins[worse[pending]] = False
        kept |= wins
        open_ &= ~wins
        open_[worse[wins[better]]] = False
    return kept
