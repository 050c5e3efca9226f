"""Why a forest says what it says of one event: contributions of features along the paths."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

__all__ = ["ForestContributions", "forest_contributions"]

_TREES_AT_ONCE = 32


@dataclass(frozen=True)
class ForestContributions:
    """What :func:`forest_contributions` finds.

    Parameters
    ----------
    contributions : ndarray of shape (n_events, n_features, n_classes)
        What each feature adds to, or takes from, each probability.
    bias : ndarray of shape (n_classes,)
        Probabilities before any feature is looked at: the mean over the roots of the trees.
    probabilities : ndarray of shape (n_events, n_classes)
        ``bias`` plus the sum of the contributions: what ``predict_proba`` says.
    features : ndarray of shape (n_events, n_features)
        The features.
    classes : ndarray of shape (n_classes,)
        Labels.
    table : pandas.DataFrame
        What each feature is: ``column``, ``channel``, ``group``, ``family`` and more.

    See Also
    --------
    forest_contributions : Makes it.
    """

    contributions: np.ndarray
    bias: np.ndarray
    probabilities: np.ndarray
    features: np.ndarray
    classes: np.ndarray
    table: Any

    def __len__(self):
        return len(self.contributions)

    def event(self, row, *, target=None, by="feature"):
        """Contributions to one probability of one event, largest first.

        Parameters
        ----------
        row : int
            Number of the event.
        target : label, optional
            The class. Default: the most probable one.
        by : {"feature", "family", "group", "channel"}, default="feature"
            What is added up.

        Returns
        -------
        table : pandas.DataFrame
            Indexed by name: ``contribution``, and ``value`` (of a feature) or ``n_features``.

        Raises
        ------
        ValueError
            If there is no such class or column.
        """
        import pandas as pd

        values = self.contributions[row, :, self.column(row, target)]
        if by == "feature":
            columns = {"contribution": values, "value": self.features[row]}
            found = pd.DataFrame(columns, index=self.table["column"].to_numpy())
        else:
            if by not in ("family", "group", "channel"):
                raise ValueError(
                    f"by must be 'feature', 'family', 'group' or 'channel'; got {by!r}"
                )
            names = self.table[by].to_numpy()
            grouped = pd.Series(values).groupby(names)
            found = pd.DataFrame({"contribution": grouped.sum(), "n_features": grouped.size()})
        order = np.argsort(-found["contribution"].abs().to_numpy(), kind="stable")
        return found.iloc[order].rename_axis(by)

    def column(self, row, target=None):
        """Column of a class; of the most probable one if none is named."""
        if target is None:
            return int(self.probabilities[row].argmax())
        found = np.flatnonzero(self.classes == target)
        if len(found) != 1:
            raise ValueError(f"target={target!r} is none of the classes {self.classes.tolist()}")
        return int(found[0])


def forest_contributions(estimator, X):
    """Divide the probabilities that a forest gives to each event among the features.

    On its way down a tree, an event passes splits; at each, the share of the classes changes, and
    the change belongs to the feature that was asked [1]_. Added up over the way and averaged over
    the trees, the changes lead from the shares at the roots to the probabilities, exactly.

    Parameters
    ----------
    estimator : FeatureForestClassifier or Pipeline
        Fitted; of a pipeline that ends in one, the other steps are applied to `X`.
    X : array-like or LazyWaveforms of the shape of the events in ``fit``
        Waveforms.

    Returns
    -------
    contributions : ForestContributions
        Of all features to all probabilities.

    Raises
    ------
    TypeError
        If `estimator` is no such forest.

    See Also
    --------
    forest_permutation_importance : What features are worth over many events.
    ForestContributionDisplay : The contributions as a picture.

    Notes
    -----
    Features that say the same share contributions as the trees happened to choose among them:
    look at families rather than at single features, ``contributions.event(row, by="family")``.

    References
    ----------
    .. [1] Palczewska, A. et al. (2014). Interpreting random forest classification models using a
       feature contribution method. In: Integration of Reusable Systems, Springer, 193-218.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.ensemble import FeatureForestClassifier
    >>> from seisclf.inspection import forest_contributions
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(40, 300)), np.repeat([0, 1], 20)
    >>> X[20:] *= np.hanning(300)
    >>> forest = FeatureForestClassifier(n_estimators=20, random_state=0).fit(X, y)
    >>> found = forest_contributions(forest, X)
    >>> total = found.bias + found.contributions.sum(axis=1)
    >>> bool(np.allclose(total, forest.predict_proba(X), rtol=0, atol=1e-12))
    True
    """
    forest, X = forest_of(estimator, X)
    if not hasattr(forest, "classes_"):
        raise TypeError(
            f"contributions are explained to probabilities of classes, of which "
            f"{type(forest).__name__} has none: ask forest_permutation_importance(estimator, X, "
            f"y) what it relies on"
        )
    features = forest.extract_features(X)
    trees = forest.forest_.estimators_
    # What trees compare with their thresholds is in single precision.
    narrow = np.ascontiguousarray(features, dtype=np.float32)
    n_classes = len(forest.classes_)
    found = np.zeros((n_classes, features.size))
    bias = np.zeros(n_classes)
    for first in range(0, len(trees), _TREES_AT_ONCE):
        part = trees[first : first + _TREES_AT_ONCE]
        steps = [_steps(tree.tree_, narrow) for tree in part]
        cells = np.concatenate([cell for cell, _, _ in steps])
        changes = np.concatenate([change for _, change, _ in steps])
        for row, change in zip(found, changes.T, strict=True):
            row += np.bincount(cells, weights=change, minlength=features.size)
        bias += sum(root for _, _, root in steps)
    contributions = found.T.reshape(*features.shape, n_classes) / len(trees)
    bias /= len(trees)
    return ForestContributions(
        contributions,
        bias,
        bias + contributions.sum(axis=1),
        features,
        forest.classes_,
        forest.feature_table(),
    )


def _steps(tree, features):
    """All steps of all events: flat cell (event, feature), change of shares; and the root's."""
    shares = tree.value[:, 0, :]
    shares = shares / shares.sum(axis=1, keepdims=True)
    asked = np.full(tree.node_count, -1)
    change = np.zeros_like(shares)
    inner = np.flatnonzero(tree.children_left >= 0)
    for children in (tree.children_left, tree.children_right):
        asked[children[inner]] = tree.feature[inner]
        change[children[inner]] = shares[children[inner]] - shares[inner]
    paths = tree.decision_path(features)
    events = np.repeat(np.arange(len(features)), np.diff(paths.indptr))
    moved = asked[paths.indices] >= 0  # nobody asked anything on the way to the root
    events, nodes = events[moved], paths.indices[moved]
    return events * features.shape[1] + asked[nodes], change[nodes], shares[0]


def forest_of(estimator, X):
    """The forest at the end of a pipeline, and X as it sees it."""
    check_is_fitted(estimator)
    forest = estimator
    if hasattr(estimator, "steps"):
        forest = estimator[-1]
        X = estimator[:-1].transform(X) if len(estimator.steps) > 1 else X
    if not hasattr(forest, "extract_features"):
        raise TypeError(
            f"estimator must be a FeatureForestClassifier, or a Pipeline that ends in one; got a "
            f"{type(forest).__name__}"
        )
    return forest, X
