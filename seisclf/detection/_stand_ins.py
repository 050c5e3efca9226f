"""Channels that are other names of one component: which of them counts when."""

from ._windows import runs


def apart(longest_gap):
    """Samples between two names of a component.

    No window of which `longest_gap` samples may be missing sees both, nor what a longer gap is
    bridged with, see :func:`bridge`.
    """
    return 2 * longest_gap + 1


def stand_in(present, other, longest_gap):
    """Let another channel stand in where a component has nothing.

    Of a component that has two names, the preferred one counts wherever it is. Where the other
    one follows it, the other's first samples are left out; where it follows the other, its own
    first samples. So a stream, which does not know what comes, finds the same as the whole record.

    Parameters
    ----------
    present : ndarray of bool, shape (n_samples,)
        Where the component has data; changed to what it is then.
    other : ndarray of bool, shape (n_samples,)
        Where the other channel has data.
    longest_gap : int
        Samples of a gap that a window may have. Twice of that lie between the two, and gaps that
        leave less than that again are not filled.

    Returns
    -------
    taken : list of tuple of int
        Begin and end of what the other channel fills.
    open_at : int or None
        Where a gap begins of which only samples after the end could tell whether it is filled.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.detection._stand_ins import stand_in
    >>> present, other = np.arange(12) < 4, np.arange(12) >= 4
    >>> stand_in(present, other, longest_gap=1)
    ([(7, 12)], None)
    >>> present.astype(int).tolist()
    [1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1]
    """
    away, taken, open_at = apart(longest_gap), [], None
    for begin, end in runs(other & ~present).tolist():
        if present[max(begin - away, 0) : begin].any():
            if end - begin <= 2 * away:
                open_at = begin if end == len(present) else None
                continue
            begin += away
        taken.append((begin, end))
    for _, end in taken:
        present[end : end + away] = False
    for begin, end in taken:
        present[begin:end] = True
    return taken, open_at
