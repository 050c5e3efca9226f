"""How many clusters: what each number of clusters is worth, and which one each rule names."""

import numbers

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.utils import assert_all_finite, check_array, check_consistent_length
from sklearn.utils.validation import column_or_1d

from ..neural_network._params import check_positive_integer
from ..utils import check_seed
from ._assignment import assign_clusters

RULES = ("loss", "silhouette", "gap", "stability")
REFERENCES = ("box", "sphere")
#: Silhouettes need all distances: of more events, so many are drawn.
_LOOKED_AT = 2000


def cluster_silhouette(vectors, labels, *, random_state=0):
    """Mean silhouette of events, NaN where there is nothing to compare.

    Parameters
    ----------
    vectors : array-like of shape (n_events, n_features)
        What was divided.
    labels : array-like of int of shape (n_events,)
        Groups.
    random_state : int, RandomState, Generator or None, default=0
        Draws 2000 events if there are more.

    Returns
    -------
    silhouette : float
        In [-1, 1]; NaN with one group, or as many as events.
    """
    n_groups = len(np.unique(labels))
    if not 2 <= n_groups < len(labels):
        return float("nan")
    some = min(len(labels), _LOOKED_AT)
    rows = np.random.default_rng(check_seed(random_state)).permutation(len(labels))[:some]
    if len(np.unique(labels[rows])) < 2:
        return float("nan")
    return float(silhouette_score(vectors[rows], labels[rows]))


def gap_statistic(
    vectors, labels, *, reference="box", n_references=10, n_init=1, random_state=None
):
    """How much closer the clusters are than those of events that have none [1]_.

    Parameters
    ----------
    vectors : array-like of shape (n_events, n_features)
        What was divided.
    labels : array-like of int of shape (n_events,)
        Groups, by k-means.
    reference : {"box", "sphere"}, default="box"
        Where events without clusters lie: evenly in the box around the principal components of
        `vectors`, as published, or evenly on the sphere of length one, where vectors that were
        whitened and normalised would lie.
    n_references : int, default=10
        Sets of such events.
    n_init : int, default=1
        Beginnings of k-means on each of them.
    random_state : int, RandomState, Generator or None, default=None
        Draws them.

    Returns
    -------
    gap : float
        Mean of the logarithms of the within-cluster sums of squares of the references, minus
        that of `vectors`. NaN if that is zero.
    std : float
        Standard deviation of the references, times ``sqrt(1 + 1 / n_references)``.

    Raises
    ------
    ValueError
        If vectors, labels or a parameter cannot be used.

    References
    ----------
    .. [1] Tibshirani, R., Walther, G. and Hastie, T. (2001). Estimating the number of clusters in
       a data set via the gap statistic. Journal of the Royal Statistical Society B 63.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.cluster import gap_statistic
    >>> rng = np.random.default_rng(0)
    >>> labels = np.repeat([0, 1, 2], 20)
    >>> vectors = 6 * np.eye(3)[labels] + rng.normal(size=(60, 3))
    >>> gap, std = gap_statistic(vectors, labels, random_state=0)
    >>> gap > std
    True
    """
    if reference not in REFERENCES:
        raise ValueError(f"reference must be one of {REFERENCES}; got {reference!r}")
    vectors = check_array(vectors, dtype=np.float64, input_name="vectors", ensure_min_samples=2)
    labels = column_or_1d(labels, input_name="labels")
    assert_all_finite(labels, input_name="labels")
    check_consistent_length(vectors, labels)
    check_positive_integer("n_references", n_references)
    within = _within(vectors, labels)
    if not within > 0:
        return float("nan"), float("nan")
    n_clusters = len(np.unique(labels))
    seeds = np.random.SeedSequence(check_seed(random_state)).spawn(n_references)
    logs = []
    for seed in seeds:
        drawn = _drawn(vectors, reference, np.random.default_rng(seed))
        found, _, _ = assign_clusters(
            drawn, n_clusters, n_init=n_init, seed=int(seed.generate_state(1)[0])
        )
        logs.append(np.log(_within(drawn, found)))
    spread = np.std(logs) * np.sqrt(1 + 1 / n_references)
    return float(np.mean(logs) - np.log(within)), float(spread)


def _drawn(vectors, reference, rng):
    if reference == "sphere":
        normal = rng.normal(size=vectors.shape)
        return normal / np.linalg.norm(normal, axis=1, keepdims=True)
    mean = vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(vectors - mean, full_matrices=False)
    turned = (vectors - mean) @ axes.T
    return rng.uniform(turned.min(axis=0), turned.max(axis=0), turned.shape) @ axes + mean


def _within(vectors, labels):
    """Sum of the squared distances to the mean of the own group."""
    return float(
        sum(
            ((vectors[rows] - vectors[rows].mean(axis=0)) ** 2).sum()
            for rows in (labels == cluster for cluster in np.unique(labels))
        )
    )


def cluster_stability(
    vectors, n_clusters, *, n_repeats=8, fraction=0.8, n_init=1, random_state=None
):
    """How alike k-means divides different parts of the events [1]_.

    Parameters
    ----------
    vectors : array-like of shape (n_events, n_features)
        What is divided.
    n_clusters : int
        Groups.
    n_repeats : int, default=8
        Random parts, each divided with another seed.
    fraction : float, default=0.8
        Size of a part.
    n_init : int, default=1
        Beginnings of k-means.
    random_state : int, RandomState, Generator or None, default=None
        Draws the parts.

    Returns
    -------
    mean : float
        Adjusted Rand index between two parts, on the events that are in both; mean over all
        pairs. 1 if every part is divided alike, 0 by chance.
    std : float
        Standard deviation over the pairs. Both are NaN if no two parts have two events in common.

    Raises
    ------
    ValueError
        If a parameter cannot be used, or there are fewer vectors than clusters.

    References
    ----------
    .. [1] Ben-Hur, A., Elisseeff, A. and Guyon, I. (2002). A stability based method for
       discovering structure in clustered data. Pacific Symposium on Biocomputing.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.cluster import cluster_stability
    >>> labels = np.repeat([0, 1, 2], 20)
    >>> vectors = 20 * np.eye(3)[labels] + np.random.default_rng(0).normal(size=(60, 3))
    >>> cluster_stability(vectors, 3, n_init=5, random_state=0)
    (1.0, 0.0)
    """
    vectors = check_array(vectors, dtype=np.float64, input_name="vectors", ensure_min_samples=2)
    check_positive_integer("n_clusters", n_clusters)
    if n_clusters > len(vectors):
        raise ValueError(
            f"n_clusters={n_clusters} is more than the {len(vectors)} vectors: ask for fewer"
        )
    check_positive_integer("n_repeats", n_repeats)
    if n_repeats < 2:
        raise ValueError("n_repeats must be at least 2, parts to compare; got 1")
    if not (isinstance(fraction, numbers.Real) and 0 < float(fraction) <= 1):
        raise ValueError(f"fraction must lie in (0, 1]; got {fraction!r}")
    n_part = min(len(vectors), max(n_clusters, round(float(fraction) * len(vectors))))
    rng = np.random.default_rng(check_seed(random_state))
    parts = []
    for _ in range(n_repeats):
        rows = rng.permutation(len(vectors))[:n_part]
        labels = np.full(len(vectors), -1)
        labels[rows], _, _ = assign_clusters(
            vectors[rows], n_clusters, n_init=n_init, seed=int(rng.integers(2**31))
        )
        parts.append(labels)
    scores = []
    for i, first in enumerate(parts):
        for second in parts[:i]:
            both = (first >= 0) & (second >= 0)
            if both.sum() > 1:  # one event is always divided alike
                scores.append(adjusted_rand_score(first[both], second[both]))
    if not scores:
        return float("nan"), float("nan")
    return float(np.mean(scores)), float(np.std(scores))


def rate_clusters(vectors, labels, *, n_init, seed, normalised):
    """Silhouette, gap and stability of one division, by name.

    Parameters
    ----------
    vectors : ndarray of shape (n_events, n_features)
        The space in which k-means looked.
    labels : ndarray of int of shape (n_events,)
        Its groups.
    n_init : int
        Beginnings of k-means.
    seed : int
        Fixes all that is drawn.
    normalised : bool
        Whether the vectors have length one.

    Returns
    -------
    figures : dict of str to float
        "silhouette", "gap", "gap_std", "stability", "stability_std".
    """
    n_clusters = len(np.unique(labels))
    reference = "sphere" if normalised else "box"
    gap, gap_std = gap_statistic(
        vectors, labels, reference=reference, n_init=n_init, random_state=seed
    )
    stability = stability_std = float("nan")
    if n_clusters > 1:  # one cluster is the same in every part
        stability, stability_std = cluster_stability(
            vectors, n_clusters, n_init=n_init, random_state=seed
        )
    return {
        "silhouette": cluster_silhouette(vectors, labels, random_state=seed),
        "gap": gap,
        "gap_std": gap_std,
        "stability": stability,
        "stability_std": stability_std,
    }


def choose(rule, table):
    """Row that a rule names.

    Parameters
    ----------
    rule : {"loss", "silhouette", "gap", "stability"}
        "loss": the smallest. "silhouette": the largest. "stability": the largest, of several
        alike the most clusters. "gap": the fewest clusters whose gap is at least that of the next
        number tried minus its standard deviation, as published; if there is none, the largest.
    table : dict of str to ndarray
        Columns, rows in ascending order of "n_clusters".

    Returns
    -------
    row : int or None
        None if the rule has no figures.
    """
    values = np.asarray(table[rule], dtype=float)
    if np.isnan(values).all():
        return None
    if rule == "loss":
        return int(np.nanargmin(values))
    if rule == "silhouette":
        return int(np.nanargmax(values))
    if rule == "stability":
        return int(np.flatnonzero(values >= np.nanmax(values) - 1e-9)[-1])
    enough = values[:-1] >= values[1:] - np.asarray(table["gap_std"], dtype=float)[1:]
    return int(np.flatnonzero(enough)[0]) if enough.any() else int(np.nanargmax(values))


def distances(vectors, centers):
    """Distances (n_events, n_clusters) of vectors to centres."""
    return cdist(vectors, centers)
