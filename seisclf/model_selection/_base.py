"""What the splitters share: how they read `groups`, purge, and deal blocks over folds."""

import inspect
from abc import abstractmethod
from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils.multiclass import type_of_target

from ._rows import overlaps, read_rows, shared_events

PURGES = ("event", "overlap")


class MetadataSplitter(BaseCrossValidator):
    """A scikit-learn splitter whose `groups` may be one column or the whole metadata frame."""

    # scikit-learn's routing then hands `groups` to `split` without being asked.
    __metadata_request__split = {"groups": True}

    #: Column of the metadata the splitter cuts along.
    _column = "event_id"

    def split(self, X, y=None, groups=None):
        """Generate the rows of each fold.

        Parameters
        ----------
        X : array-like of n_events rows
            Waveforms or features; only their number counts.
        y : array-like of shape (n_events,), optional
            Classes, to balance over folds.
        groups : DataFrame of n_events rows or array-like of shape (n_events,)
            The metadata, or only the column the splitter cuts along.

        Yields
        ------
        train : ndarray of int
            Rows to train on, ascending.
        test : ndarray of int
            Rows to test on, ascending.

        Raises
        ------
        ValueError
            If `groups` are missing, of another length, or cannot make the folds.
        """
        n = number_of_rows(X)
        metadata = self._metadata(groups, n)
        y = None if y is None else np.asarray(y)
        if y is not None and len(y) != n:
            raise ValueError(f"y has {len(y)} rows and X has {n}.")
        yield from self._folds(metadata, y)

    def __repr__(self):
        """Only what differs from the defaults, on one line."""
        parameters = inspect.signature(type(self).__init__).parameters
        shown = [
            f"{name}={getattr(self, name)!r}"
            for name, parameter in parameters.items()
            if name != "self" and getattr(self, name) != parameter.default
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def _metadata(self, groups, n):
        """The frame the splitter reads, with its own column present."""
        name = type(self).__name__
        if groups is None:
            raise ValueError(
                f"{name} needs groups: pass groups=metadata (a DataFrame with a column "
                f"{self._column!r}) or groups=metadata[{self._column!r}]."
            )
        if isinstance(groups, pd.DataFrame):
            metadata = groups.reset_index(drop=True)
            if self._column not in metadata:
                raise ValueError(
                    f"{name} cuts along the column {self._column!r}, which the metadata passed as "
                    f"groups do not have (columns: {list(metadata.columns)}). Rename the column "
                    f"that holds it, or pass groups=<that column>."
                )
        else:
            column = groups.reset_index(drop=True) if isinstance(groups, pd.Series) else groups
            if not isinstance(column, pd.Series):
                column = list(column)
            metadata = pd.DataFrame({self._column: column})
        if len(metadata) != n:
            raise ValueError(f"groups have {len(metadata)} rows and X has {n}.")
        return metadata

    @abstractmethod
    def _folds(self, metadata, y):
        """Yield rows of train and of test for each fold."""


def number_of_rows(X):
    """Rows of an array, a frame, a list of streams or waveforms on disk."""
    return X.shape[0] if hasattr(X, "shape") else len(X)


def check_n_splits(n_splits, *, least=2):
    """Refuse a number of folds that cannot be."""
    if not isinstance(n_splits, Integral) or isinstance(n_splits, bool) or n_splits < least:
        raise ValueError(f"n_splits must be an integer of at least {least}; got {n_splits!r}.")
    return int(n_splits)


def check_purge(purge):
    """Turn `purge` into a tuple of known names."""
    names = (purge,) if isinstance(purge, str) else tuple(purge or ())
    unknown = [name for name in names if name not in PURGES]
    if unknown:
        raise ValueError(f"purge may name {list(PURGES)} (or be empty); got {unknown}.")
    return names


def purged(train, test, metadata, purge):
    """Training rows that share neither an event nor a stretch of record with tested rows."""
    rows = read_rows(metadata)
    drop = np.zeros(len(train), dtype=bool)
    if "event" in purge:
        drop |= shared_events(rows, train, test)
    if "overlap" in purge:
        drop |= overlaps(rows, train, test)
    return train[~drop]


def class_codes(y, n):
    """Integer classes to balance over folds; a continuous target counts as one class."""
    if y is None or type_of_target(y) not in ("binary", "multiclass"):
        return np.zeros(n, dtype=np.int64)
    return np.unique(y, return_inverse=True)[1]


def deal(blocks, classes, n_splits, *, rng=None):
    """Deal whole blocks of rows over folds, so that each fold gets its share of each class.

    The largest blocks are dealt first; each goes where the classes it holds are scarcest, and
    on a tie where rows are scarcest. As an empty fold is always the scarcest, none stays empty.

    Parameters
    ----------
    blocks : ndarray of int of shape (n,)
        Codes 0..n_blocks-1.
    classes : ndarray of int of shape (n,)
        Codes of the classes.
    n_splits : int
        Number of folds, at most n_blocks.
    rng : numpy.random.Generator, optional
        Shuffles blocks of the same make-up.

    Returns
    -------
    fold : ndarray of int of shape (n,)
        Fold in which each row is tested.
    """
    n_blocks, n_classes = blocks.max() + 1, classes.max() + 1
    counts = np.bincount(blocks * n_classes + classes, minlength=n_blocks * n_classes)
    counts = counts.reshape(n_blocks, n_classes)
    share = counts / np.maximum(counts.sum(axis=0), 1)
    sizes = counts.sum(axis=1)
    order = np.arange(n_blocks) if rng is None else rng.permutation(n_blocks)
    order = order[np.argsort(-share[order].max(axis=1), kind="stable")]
    load, n_rows = np.zeros((n_splits, n_classes)), np.zeros(n_splits)
    fold_of_block = np.empty(n_blocks, dtype=np.int64)
    for block in order:
        cost = load @ share[block]
        fold = np.argmin(np.where(cost <= cost.min() + 1e-12, n_rows, np.inf))
        fold_of_block[block] = fold
        load[fold] += share[block]
        n_rows[fold] += sizes[block]
    return fold_of_block[blocks]


def check_enough(n_blocks, n_splits, what, mend):
    """Refuse fewer blocks than folds."""
    if n_blocks < n_splits:
        raise ValueError(
            f"{n_splits} folds need at least {n_splits} {what}; the rows make {n_blocks}. {mend}"
        )
