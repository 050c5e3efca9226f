"""From vectors of an encoder to the space in which k-means looks for groups."""

import numbers

import numpy as np

#: Directions of less than this part of the largest variance are rounding, and are left out.
_ROUNDING = 1e-8


def check_n_components(n_components):
    """Refuse what says neither how many directions nor how much of the variance."""
    if n_components is None:
        return
    if isinstance(n_components, numbers.Real) and not isinstance(n_components, bool):
        whole = isinstance(n_components, numbers.Integral)
        number = float(n_components)
        if number >= 1 if whole else 0 < number < 1:
            return
    raise ValueError(
        f"n_components must be an integer >= 1, a part of the variance in (0, 1), or None (all "
        f"directions); got {n_components!r}"
    )


def learn_whitening(vectors, n_components=16):
    """Learn principal components and their variances.

    Parameters
    ----------
    vectors : ndarray of shape (n_events, n_features)
        At least two.
    n_components : int, float or None, default=16
        How many directions to keep, at most as many as there are; of a number below one, those
        that hold this part of the variance. None: all.

    Returns
    -------
    whitening : dict of str to ndarray
        "mean" (n_features,), "components" (n_components, n_features), "scale" (n_components,).
        Directions without variance are left out; if there is none at all, one of scale one is
        kept, so that all vectors become zero.
    """
    check_n_components(n_components)
    vectors = np.asarray(vectors, dtype=np.float64)
    mean = vectors.mean(axis=0)
    _, singular, components = np.linalg.svd(vectors - mean, full_matrices=False)
    variance = singular**2 / max(1, len(vectors) - 1)
    # Rounding of the mean of large numbers is no variance either.
    floor = max(_ROUNDING * variance[0], (1e-10 * np.abs(mean).max()) ** 2)
    n_kept = int((variance > floor).sum())
    if isinstance(n_components, numbers.Integral):
        n_kept = min(n_kept, int(n_components))
    elif n_components is not None and n_kept:
        shares = np.cumsum(variance[:n_kept]) / variance[:n_kept].sum()
        n_kept = min(n_kept, int(np.searchsorted(shares, n_components)) + 1)
    scale = np.sqrt(variance[:n_kept]) if n_kept else np.ones(1)
    return {"mean": mean, "components": _signed(components[: len(scale)]), "scale": scale}


def _signed(components):
    """The sign of a component is arbitrary: its largest coefficient becomes positive."""
    largest = np.take_along_axis(components, np.abs(components).argmax(axis=1)[:, None], axis=1)
    return components * np.where(largest < 0, -1.0, 1.0)


def whiten(vectors, whitening):
    """Principal components of unit variance, each event then of length one.

    Parameters
    ----------
    vectors : ndarray of shape (n_events, n_features)
        Of an encoder.
    whitening : dict
        Of `learn_whitening`.

    Returns
    -------
    whitened : ndarray of float64 of shape (n_events, n_components)
        Of length one, unless there is one component alone: of it, a length of one would leave
        nothing but the sign. A vector at the mean stays zero.
    """
    centred = np.asarray(vectors, dtype=np.float64) - whitening["mean"]
    white = centred @ whitening["components"].T / whitening["scale"]
    if white.shape[1] < 2:
        return white
    length = np.linalg.norm(white, axis=1, keepdims=True)
    return white / np.where(length > 0, length, 1.0)
