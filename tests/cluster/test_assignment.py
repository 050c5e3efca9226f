"""k-means whose clusters are not empty, and draws that are even."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.metrics import adjusted_rand_score

from seisclf.cluster._assignment import assign_clusters, fill_empty_clusters, uniform_rows


def _blobs(k=3, n=30, distance=10.0):
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(k), n)
    return distance * np.eye(k)[y] + rng.normal(size=(len(y), k)), y


@pytest.mark.parametrize("algorithm", ["auto", "lloyd", "minibatch"])
def test_blobs_are_found(algorithm):
    vectors, y = _blobs()
    labels, centers, n_reassigned = assign_clusters(vectors, 3, algorithm=algorithm)
    assert adjusted_rand_score(labels, y) == 1
    assert n_reassigned == 0
    assert labels.dtype == np.int64
    for cluster in range(3):
        np.testing.assert_allclose(
            centers[cluster], vectors[labels == cluster].mean(axis=0), atol=0.5
        )


def test_same_seed_same_division():
    vectors, _ = _blobs(distance=0.5)
    first, second = (assign_clusters(vectors, 5, seed=3)[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_empty_cluster_gets_part_of_another():
    vectors, y = _blobs(2)
    centers = np.array([vectors[y == 0].mean(0), vectors[y == 1].mean(0), [99, 99]])
    labels, centers, n_reassigned = fill_empty_clusters(vectors, y, centers, seed=0)
    assert n_reassigned == 1
    assert np.bincount(labels).min() > 0
    # One of the two old clusters was divided, the other is as it was.
    assert sum(len(np.unique(labels[y == cluster])) == 1 for cluster in range(2)) == 1
    for cluster in range(3):
        np.testing.assert_allclose(centers[cluster], vectors[labels == cluster].mean(axis=0))


def test_equal_vectors_cannot_be_divided():
    vectors = np.ones((6, 2))
    labels, _, n_reassigned = fill_empty_clusters(vectors, np.zeros(6, int), np.ones((3, 2)))
    assert n_reassigned == 0
    np.testing.assert_array_equal(labels, 0)


def test_labels_are_those_of_the_nearest_centre():
    """Also where mini-batches leave clusters empty, which then get halves of others."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(200, 3)) * [5, 1, 1]
    vectors[:150] *= 0.01
    labels, centers, n_reassigned = assign_clusters(
        vectors, 60, n_init=1, algorithm="minibatch", seed=0
    )
    assert n_reassigned > 0
    assert len(np.unique(labels)) == 60
    np.testing.assert_array_equal(cdist(vectors, centers).argmin(axis=1), labels)


def test_clusters_that_stay_empty_are_the_last():
    vectors = np.repeat(np.random.default_rng(0).normal(size=(5, 3)), 3, axis=0)
    for seed in range(5):
        labels, centers, _ = assign_clusters(vectors, 8, seed=seed)
        np.testing.assert_array_equal(np.unique(labels), np.arange(5))
        np.testing.assert_array_equal(cdist(vectors, centers).argmin(axis=1), labels)


def test_given_arrays_stay():
    vectors, y = _blobs(2)
    centers = np.zeros((3, 2))
    fill_empty_clusters(vectors, y, centers)
    assert y.max() == 1
    np.testing.assert_array_equal(centers, 0)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(0, 100), st.data())
def test_clusters_are_drawn_alike(sizes, seed, data):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    n_rows = data.draw(st.integers(1, 2 * len(labels)))
    rows = uniform_rows(labels, n_rows, np.random.default_rng(seed))
    assert len(rows) == n_rows
    counts = np.bincount(labels[rows], minlength=len(sizes))
    assert counts.max() - counts.min() <= 1
    for cluster in range(len(sizes)):
        times = np.bincount(rows, minlength=len(labels))[labels == cluster]
        assert times.max() - times.min() <= 1
