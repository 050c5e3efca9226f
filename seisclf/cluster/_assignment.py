"""k-means without empty clusters, and events drawn alike from all clusters."""

import warnings

import numpy as np
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.exceptions import ConvergenceWarning

ALGORITHMS = ("auto", "lloyd", "minibatch")
#: From so many events on, "auto" takes mini-batches.
_MANY = 20_000
#: Length of the step between the two halves of a split cluster, as part of its own spread.
_STEP = 1e-2
_ATTEMPTS = 5


def assign_clusters(vectors, n_clusters, *, n_init=5, algorithm="auto", seed=0):
    """Divide vectors by k-means, no cluster empty if that can be.

    Parameters
    ----------
    vectors : ndarray of shape (n_events, n_features)
        At least `n_clusters` of them.
    n_clusters : int
        Groups.
    n_init : int, default=5
        Beginnings, of which the best result counts.
    algorithm : {"auto", "lloyd", "minibatch"}, default="auto"
        scikit-learn's ``KMeans`` or ``MiniBatchKMeans``; "auto" the second from 20 000 events on.
    seed : int, default=0
        Fixes the result.

    Returns
    -------
    labels : ndarray of int64 of shape (n_events,)
        Group of each event, from 0: that of the nearest centre. Clusters that had to remain empty
        are the last ones.
    centers : ndarray of shape (n_clusters, n_features)
        Their centres; of an empty cluster that of the first.
    n_reassigned : int
        Clusters that were empty and got a part of another one.
    """
    if algorithm == "auto":
        algorithm = "minibatch" if len(vectors) >= _MANY else "lloyd"
    kmeans_class = MiniBatchKMeans if algorithm == "minibatch" else KMeans
    kmeans = kmeans_class(n_clusters, n_init=n_init, random_state=seed % 2**32)
    with warnings.catch_warnings():
        # Fewer distinct vectors than clusters: the caller says so in its own words.
        warnings.simplefilter("ignore", ConvergenceWarning)
        kmeans.fit(vectors)
        labels, centers, n_reassigned = fill_empty_clusters(
            vectors, kmeans.labels_.astype(np.int64), kmeans.cluster_centers_, seed=seed
        )
        found = np.unique(labels)
        if n_reassigned or len(found) < n_clusters:
            # The halves of a split cluster need not be nearest to their own means, and of equal
            # vectors k-means may give centres that no longer belong to its labels.
            means = np.array([vectors[labels == cluster].mean(axis=0) for cluster in found])
            settled = KMeans(len(found), init=means, n_init=1).fit(vectors)
            labels, centers = settled.labels_.astype(np.int64), settled.cluster_centers_
    # Empty clusters come last, equally near as the first, which is found before them.
    empty = np.repeat(centers[:1], n_clusters - len(centers), axis=0)
    return labels, np.concatenate([centers, empty]), n_reassigned


def fill_empty_clusters(vectors, labels, centers, *, seed=0):
    """Give each empty cluster a part of a populated one [1]_.

    The centre of an empty cluster becomes that of a populated one, drawn at random, moved by a
    small random step; the events of the populated one go to the nearer of the two centres, which
    then are the means of what they got.

    Parameters
    ----------
    vectors : ndarray of shape (n_events, n_features)
        What is divided.
    labels : ndarray of int of shape (n_events,)
        Group of each event.
    centers : ndarray of shape (n_clusters, n_features)
        Centres, also of empty clusters.
    seed : int, default=0
        Fixes which clusters are split.

    Returns
    -------
    labels, centers : ndarray
        New arrays.
    n_reassigned : int
        Clusters filled. Those of equal vectors cannot be split: a cluster may remain empty.

    References
    ----------
    .. [1] Caron, M., Bojanowski, P., Joulin, A. and Douze, M. (2018). Deep clustering for
       unsupervised learning of visual features. ECCV. arXiv:1807.05520, section 3.3
    """
    labels, centers = np.array(labels), np.array(centers, dtype=np.float64)
    rng = np.random.default_rng(seed)
    n_reassigned = 0
    for empty in np.flatnonzero(np.bincount(labels, minlength=len(centers)) == 0):
        for _ in range(_ATTEMPTS):
            populated = np.flatnonzero(np.bincount(labels, minlength=len(centers)) > 1)
            if not len(populated):
                break
            full = rng.choice(populated)
            rows = np.flatnonzero(labels == full)
            moved = rows[_farther_half(vectors[rows], rng)]
            if 0 < len(moved) < len(rows):
                labels[moved] = empty
                for cluster in (full, empty):
                    centers[cluster] = vectors[labels == cluster].mean(axis=0)
                n_reassigned += 1
                break
    return labels, centers, n_reassigned


def _farther_half(vectors, rng):
    """Which vectors lie nearer to a moved copy of their mean."""
    mean = vectors.mean(axis=0)
    step = rng.normal(size=len(mean)) * _STEP * vectors.std()
    # Nearer to mean + step than to mean - step: the two centres move apart by the step.
    return (vectors - mean) @ step > 0


def uniform_rows(labels, n_rows, rng):
    """Draw rows so that every cluster is as likely as every other [1]_.

    Parameters
    ----------
    labels : ndarray of int of shape (n_events,)
        Group of each event.
    n_rows : int
        How many to draw. Clusters differ by at most one row; rows of a cluster that is larger
        than its part are drawn without repetition, those of a smaller one all equally often but
        for one.
    rng : numpy.random.Generator
        Draws.

    Returns
    -------
    rows : ndarray of int of shape (n_rows,)
        Row numbers, in random order.

    References
    ----------
    .. [1] Caron et al. (2018), as above, section 3.3
    """
    clusters = rng.permutation(np.unique(labels))
    parts = np.full(len(clusters), n_rows // len(clusters))
    parts[: n_rows % len(clusters)] += 1
    drawn = []
    for cluster, part in zip(clusters, parts, strict=True):
        members = np.flatnonzero(labels == cluster)
        rounds = -(-part // len(members))
        order = np.concatenate([rng.permutation(members) for _ in range(rounds)] or [members[:0]])
        drawn.append(order[:part])
    return rng.permutation(np.concatenate(drawn))
