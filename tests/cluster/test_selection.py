"""What tells how many clusters there are, on embeddings that are given."""

import numpy as np
import pytest

from seisclf.cluster import cluster_stability, gap_statistic
from seisclf.cluster._assignment import assign_clusters
from seisclf.cluster._selection import choose, cluster_silhouette, rate_clusters


def _blobs(k=4, n=25, distance=12.0):
    y = np.repeat(np.arange(k), n)
    return distance * np.eye(k)[y] + np.random.default_rng(1).normal(size=(len(y), k)), y


def _table(vectors, numbers):
    rows = []
    for k in numbers:
        labels, _, _ = assign_clusters(vectors, k, n_init=5)
        rows.append(rate_clusters(vectors, labels, n_init=3, seed=0, normalised=False))
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def test_clear_clusters_are_counted_by_every_rule():
    vectors, _ = _blobs()
    numbers = range(2, 8)
    table = _table(vectors, numbers)
    for rule in ("silhouette", "gap", "stability"):
        assert numbers[choose(rule, table)] == 4, rule


def test_no_clusters_have_no_gap():
    """Of evenly spread events, the gap is within its own error; of blobs it is far from it."""
    rng = np.random.default_rng(0)
    # Longer than wide: the principal components of a square may be its diagonals.
    even = rng.uniform(size=(150, 2)) * [4, 1]
    labels, _, _ = assign_clusters(even, 3, n_init=5)
    gap, std = gap_statistic(even, labels, n_init=5, random_state=0)
    assert abs(gap) < 5 * std
    vectors, y = _blobs()
    gap, std = gap_statistic(vectors, y, random_state=0)
    assert gap > 10 * std


def test_sphere_is_the_reference_of_normalised_vectors():
    normal = np.random.default_rng(0).normal(size=(200, 6))
    sphere = normal / np.linalg.norm(normal, axis=1, keepdims=True)
    labels, _, _ = assign_clusters(sphere, 4, n_init=5)
    gap, std = gap_statistic(sphere, labels, reference="sphere", n_init=5, random_state=0)
    assert abs(gap) < 4 * std
    # The box around a sphere is larger than it, and would find clusters in nothing.
    box, _ = gap_statistic(sphere, labels, reference="box", n_init=5, random_state=0)
    assert box > gap + 10 * std


def test_gap_is_that_of_the_definition():
    """On one dimension and one reference, by hand."""
    vectors = np.array([[0.0], [0.0], [1.0], [1.0 + 1e-3]])
    gap, std = gap_statistic(vectors, [0, 0, 1, 1], n_references=1, random_state=5)
    assert std == 0
    within = 2 * 0.0005**2
    assert gap + np.log(within) < 0  # log W of four events in [0, 1.001]
    assert gap > 5


def test_stability_falls_where_there_is_nothing_to_find():
    vectors, _ = _blobs()
    clear, _ = cluster_stability(vectors, 4, n_init=5, random_state=0)
    many, spread = cluster_stability(vectors, 9, n_init=5, random_state=0)
    assert clear == 1
    assert many < 0.9
    assert spread > 0


def test_silhouette_without_comparison_is_nan():
    vectors, _ = _blobs()
    assert np.isnan(cluster_silhouette(vectors, np.zeros(len(vectors), int)))
    assert np.isnan(cluster_silhouette(vectors, np.arange(len(vectors))))


def test_gap_rule_is_the_published_one():
    table = {
        "gap": np.array([0.1, 0.5, 0.52, 0.9]),
        "gap_std": np.array([0.01, 0.01, 0.05, 0.01]),
    }
    # 0.5 >= 0.52 - 0.05: the second row, though the last has the largest gap.
    assert choose("gap", table) == 1
    assert choose("gap", {"gap": [0.1, 0.5], "gap_std": [0.0, 0.0]}) == 1


def test_rules_without_figures_choose_nothing():
    assert choose("loss", {"loss": [np.nan, np.nan]}) is None
    assert choose("loss", {"loss": [np.nan, 1.0, 2.0]}) == 1
    assert choose("stability", {"stability": [1.0, 0.9, 1.0, 0.3]}) == 2


def test_errors_name_the_parameter():
    with pytest.raises(ValueError, match="reference must be one of"):
        gap_statistic(np.ones((4, 2)), [0, 0, 1, 1], reference="ball")
    with pytest.raises(ValueError, match="n_references"):
        gap_statistic(np.eye(4), [0, 0, 1, 1], n_references=0)
    with pytest.raises(ValueError, match="labels contains NaN"):
        gap_statistic(np.eye(4), [0, 0, 1, np.nan])
    for settings, message in (
        ({"n_clusters": 5}, "n_clusters=5 is more than the 4 vectors"),
        ({"n_clusters": 0}, "n_clusters"),
        ({"n_clusters": 2, "n_repeats": 1}, "n_repeats"),
        ({"n_clusters": 2, "fraction": -1}, "fraction"),
        ({"n_clusters": 2, "fraction": 80}, "fraction"),
    ):
        with pytest.raises(ValueError, match=message):
            cluster_stability(np.eye(4), **settings)


def test_parts_without_common_events_say_nothing_of_stability():
    vectors, _ = _blobs()
    mean, std = cluster_stability(vectors, 1, fraction=0.01, n_repeats=2, random_state=0)
    assert np.isnan(mean)
    assert np.isnan(std)
