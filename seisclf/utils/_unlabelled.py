"""The label -1, which marks events that nobody has classified."""

import numpy as np

#: As in :mod:`sklearn.semi_supervised`.
UNLABELLED = -1


def is_unlabelled(y):
    """Which labels are -1, as a number or as the text that NumPy makes of it.

    Parameters
    ----------
    y : array-like
        Labels; objects of several types may stand side by side.

    Returns
    -------
    unlabelled : ndarray of bool of the shape of y
        Where there is no label.
    """
    y = np.asarray(y)
    if y.dtype.kind in "US":
        return y.astype(str) == str(UNLABELLED)
    if y.dtype.kind == "O":
        flags = [str(label) in ("-1", "-1.0") for label in y.ravel()]
        return np.array(flags, dtype=bool).reshape(y.shape)
    return y == UNLABELLED if y.dtype.kind in "iuf" else np.zeros(y.shape, dtype=bool)
