"""The split inside one fit that early stopping looks at."""

import warnings

import numpy as np
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit


def inner_split(n_events, fraction, *, labels=None, groups=None, seed=0):
    """Set rows aside for validation, whole groups where there are groups.

    Parameters
    ----------
    n_events : int
        Number of rows.
    fraction : float
        Part of the rows to set aside, in (0, 1); nearly so with groups.
    labels : ndarray of int of shape (n_events,), optional
        Classes whose proportions both parts should have. Training keeps every class.
    groups : array-like of shape (n_events,), optional
        Rows of one group (an event, a month, a site) never stand on both sides.
    seed : int, default=0
        Fixes the split.

    Returns
    -------
    train, valid : ndarray of int
        Sorted row numbers.

    Raises
    ------
    ValueError
        If no such split exists.

    Warns
    -----
    UserWarning
        If the proportions of the classes could not be kept.
    """
    if n_events < 2:
        raise ValueError(_too_few(f"{n_events} event{'s' if n_events != 1 else ''}"))
    if groups is not None:
        valid = _split_groups(np.asarray(groups), fraction, labels, seed)
    else:
        valid = _split_rows(n_events, fraction, labels, seed)
    held_out = np.zeros(n_events, dtype=bool)
    held_out[valid] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def _too_few(found):
    return (
        f"early stopping needs events for validation besides those for training, but there is "
        f"only {found}: give more, or set early_stopping=False and validation_fraction=None"
    )


def _split_rows(n_events, fraction, labels, seed):
    n_valid = min(max(1, round(fraction * n_events)), n_events - 1)
    if labels is not None:
        counts = np.bincount(labels)
        counts = counts[counts > 0]
        if counts.min() >= 2 and min(n_valid, n_events - n_valid) >= len(counts):
            split = StratifiedShuffleSplit(1, test_size=n_valid, random_state=seed)
            return next(split.split(labels, labels))[1]
        warnings.warn(
            f"{n_valid} of {n_events} events for validation cannot hold each of {len(counts)} "
            f"classes (the rarest has {counts.min()}): the split does not keep the proportions of "
            f"the classes",
            UserWarning,
            stacklevel=6,
        )
        return _keeping_classes(labels, n_valid, seed)
    split = ShuffleSplit(1, test_size=n_valid, random_state=seed)
    return next(split.split(np.empty(n_events)))[1]


def _keeping_classes(labels, n_valid, seed):
    """Random rows, except that one row of each class stays in training."""
    order = np.random.default_rng(seed).permutation(len(labels))
    stays = np.zeros(len(labels), dtype=bool)
    stays[order[np.unique(labels[order], return_index=True)[1]]] = True
    free = order[~stays[order]]
    return free[:n_valid] if len(free) else order[:n_valid]


def _split_groups(groups, fraction, labels, seed):
    names, of_row = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        raise ValueError(_too_few(f"one group, {names.tolist()}"))
    counts = np.zeros((len(names), 1 if labels is None else labels.max() + 1))
    np.add.at(counts, (of_row, 0 if labels is None else labels), 1)
    chosen = _choose_groups(counts, fraction, seed, keep=True)
    if not chosen.any():
        warnings.warn(
            "some classes occur in one group only, so that no group can be set aside without "
            "losing a class from training: the validation split keeps groups together but not "
            "the classes",
            UserWarning,
            stacklevel=6,
        )
        chosen = _choose_groups(counts, fraction, seed, keep=False)
    return np.flatnonzero(chosen[of_row])


def _choose_groups(counts, fraction, seed, *, keep):
    """Best of some greedy choices, each in another random order of the groups."""
    rng = np.random.default_rng(seed)
    shares = counts / np.maximum(counts.sum(axis=0), 1)  # of each class, so that rare ones count
    orders = [rng.permutation(len(shares)) for _ in range(10)]
    choices = [_greedy_choice(shares, fraction, order, keep) for order in orders]
    return min(choices, key=lambda chosen: np.sum((shares[chosen].sum(axis=0) - fraction) ** 2))


def _greedy_choice(shares, fraction, order, keep):
    """Take each group that brings the classes nearer to `fraction` and leaves some of each."""
    chosen = np.zeros(len(shares), dtype=bool)
    missing, left = np.full(shares.shape[1], float(fraction)), shares.sum(axis=0)
    nearest, nearest_distance = None, np.inf
    for group in order:
        share = shares[group]
        if chosen.sum() == len(shares) - 1:
            break
        if keep and np.any((share > 0) & (left - share < 1e-9)):
            continue
        distance = np.sum((missing - share) ** 2)
        if distance < np.sum(missing**2):
            chosen[group] = True
            missing, left = missing - share, left - share
        elif distance < nearest_distance:
            nearest, nearest_distance = group, distance
    # Every group is larger than what was asked for: the one that exceeds it least.
    if not chosen.any() and nearest is not None:
        chosen[nearest] = True
    return chosen
