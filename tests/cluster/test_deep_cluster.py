"""Alternating between a division and a network that learns it."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import adjusted_rand_score
from sklearn.metrics.cluster import contingency_matrix

import seisclf
from seisclf.cluster import DeepCluster
from seisclf.cluster._alternation import changed_part
from seisclf.neural_network import CNNClassifier
from seisclf.preprocessing import Spectrogram
from seisclf.self_supervised import SelfSupervisedEncoder

TINY = {
    "n_clusters": 2,
    "n_components": 2,
    "window_length": 0.16,
    "width": 4,
    "size": 32,
    "log": "db",
    "batch_size": 8,
    "reassign_every": 2,
    "max_epochs": 4,
    "device": "cpu",
    "random_state": 0,
}


@pytest.fixture(scope="module")
def events():
    """Two pitches under noise."""
    rng = np.random.default_rng(0)
    t = np.arange(400) / 100
    X = rng.normal(size=(40, 400))
    X[:20] += 5 * np.sin(2 * np.pi * 4 * t)
    X[20:] += 5 * np.sin(2 * np.pi * 20 * t)
    return X.astype(np.float32), np.repeat([0, 1], 20)


@pytest.fixture(scope="module")
def fitted(events):
    return DeepCluster(**TINY).fit(events[0])


def test_alternation_finds_what_random_weights_only_hint_at(events):
    X, y = events
    before, after = [], []
    for seed in range(3):
        settings = TINY | {"random_state": seed}
        before.append(
            adjusted_rand_score(y, DeepCluster(**settings | {"max_epochs": 0}).fit_predict(X))
        )
        after.append(adjusted_rand_score(y, DeepCluster(**settings).fit_predict(X)))
    assert min(after) > 0.9
    assert np.mean(after) > np.mean(before)


def test_history_tells_of_every_division(fitted):
    first, second, third, _ = fitted.history_
    assert first["n_reassigned"] == 0
    assert "changed" not in first  # there was nothing before
    assert "n_reassigned" not in second  # the same division once more
    assert 0 <= third["changed"] <= 0.5
    assert 0 <= third["nmi"] <= 1
    assert all(np.isfinite(epoch["train_loss"]) for epoch in fitted.history_)


def test_events_of_fit_are_predicted_as_labelled(fitted, events):
    X, _ = events
    np.testing.assert_array_equal(fitted.predict(X), fitted.labels_)
    assert fitted.labels_.dtype == np.int64
    distances = fitted.transform(X)
    assert distances.shape == (40, 2)
    np.testing.assert_array_equal(distances.argmin(axis=1), fitted.labels_)
    np.testing.assert_array_equal(fitted.get_feature_names_out(), ["deepcluster0", "deepcluster1"])
    embedding = fitted.embed(X)
    np.testing.assert_allclose(np.linalg.norm(embedding, axis=1), 1)
    np.testing.assert_allclose(
        distances[:, 1], np.linalg.norm(embedding - fitted.cluster_centers_[1], axis=1)
    )


def test_centers_are_means_of_their_events(fitted, events):
    embedding = fitted.embed(events[0])
    for cluster, center in enumerate(fitted.cluster_centers_):
        mean = embedding[fitted.labels_ == cluster].mean(axis=0)
        np.testing.assert_allclose(center, mean, atol=1e-3)


def test_seed_fixes_everything(fitted, events):
    again = clone(fitted).fit(events[0])
    np.testing.assert_array_equal(again.embed(events[0]), fitted.embed(events[0]))
    assert [e["train_loss"] for e in again.history_] == [e["train_loss"] for e in fitted.history_]
    other = clone(fitted).set_params(random_state=1).fit(events[0])
    assert not np.array_equal(other.embed(events[0]), fitted.embed(events[0]))


def test_file_and_pickle_keep_what_was_found(events, tmp_path):
    X, _ = events
    settings = TINY | {"n_clusters": range(2, 4), "selection": "silhouette", "max_epochs": 1}
    fitted = DeepCluster(**settings).fit(X)
    for copy in (
        seisclf.load(fitted.save(tmp_path / "clusters.seisclf")),
        pickle.loads(pickle.dumps(fitted)),
    ):
        np.testing.assert_array_equal(copy.predict(X), fitted.predict(X))
        np.testing.assert_array_equal(copy.labels_, fitted.labels_)
        assert copy.selection_.equals(fitted.selection_)
        assert copy.choices_ == fitted.choices_
        assert copy.histories_.keys() == {2, 3}
        assert copy.n_clusters == range(2, 4)


def test_numbers_of_clusters_are_all_reported(events):
    X, _ = events
    settings = TINY | {"max_epochs": 1}
    fitted = DeepCluster(**settings | {"n_clusters": range(1, 5), "selection": "silhouette"}).fit(
        X
    )
    table = fitted.selection_
    assert table["n_clusters"].tolist() == [1, 2, 3, 4]
    assert np.isnan(table.loc[0, ["loss", "silhouette", "stability"]].astype(float)).all()
    assert (
        table.loc[1:, ["loss", "silhouette", "gap", "gap_std", "stability"]]
        .notna()
        .to_numpy()
        .all()
    )
    np.testing.assert_allclose(
        table["relative_loss"][1:], table["loss"][1:] / np.log(table["n_clusters"][1:])
    )
    best = int(table.loc[table["silhouette"].idxmax(), "n_clusters"])
    assert fitted.n_clusters_ == best == fitted.choices_["silhouette"]
    assert len(fitted.cluster_centers_) == best
    # Each training begins from the same weights, alone or in a row.
    alone = DeepCluster(**settings | {"n_clusters": best}).fit(X)
    np.testing.assert_array_equal(alone.labels_, fitted.labels_)
    assert np.isclose(alone.selection_["silhouette"][0], table["silhouette"].max())


def test_loss_rule_takes_the_smallest(events):
    settings = TINY | {"n_clusters": [2, 6], "max_epochs": 2}
    fitted = DeepCluster(**settings).fit(events[0])
    table = fitted.selection_
    assert fitted.n_clusters_ == table.loc[table["loss"].idxmin(), "n_clusters"]


def test_without_training_it_is_kmeans_on_whitened_vectors(events):
    X, _ = events
    fitted = DeepCluster(**TINY | {"max_epochs": 0}).fit(X)
    assert fitted.history_ == []
    assert fitted.n_iter_ == 0
    assert np.isnan(fitted.selection_["loss"]).all()
    vectors = fitted.encoder_.transform(X)
    white = (vectors - fitted.whitening_["mean"]) @ fitted.whitening_["components"].T
    white /= fitted.whitening_["scale"]
    np.testing.assert_allclose(np.cov(white.T), np.eye(2), atol=1e-3)


def test_frozen_encoder_stays(events):
    X, y = events
    trained = CNNClassifier(
        window_length=0.16, backbone="resnet18", width=4, size=32, log="db", max_epochs=3,
        device="cpu", random_state=0,
    ).fit(X, y)  # fmt: skip
    settings = {"n_clusters": 2, "n_components": 2, "random_state": 0, "device": "cpu"}
    fitted = DeepCluster(**settings, encoder=trained.encoder_, freeze_encoder=True).fit(X)
    assert fitted.history_ == []
    np.testing.assert_array_equal(fitted.encoder_.transform(X), trained.encoder_.transform(X))
    moved = DeepCluster(**settings, encoder=trained.encoder_, max_epochs=1).fit(X)
    assert not np.array_equal(moved.encoder_.transform(X), trained.encoder_.transform(X))


def test_starts_from_an_encoder_that_learns_without_labels(events):
    X = np.stack([events[0], events[0][:, ::-1]], axis=1)
    pretraining = SelfSupervisedEncoder(
        window_length=0.16, backbone="resnet18", width=2, size=16, n_projector=8, log="db",
        max_epochs=1, device="cpu", random_state=0,
    )  # fmt: skip
    settings = {"n_clusters": 3, "max_epochs": 1, "random_state": 0, "device": "cpu"}
    fitted = DeepCluster(encoder=pretraining, **settings).fit(X)
    assert fitted.pretraining_.history_
    frozen = FrozenEstimator(clone(pretraining).fit(X))
    again = DeepCluster(encoder=frozen, **settings).fit(X)
    np.testing.assert_array_equal(again.labels_, fitted.labels_)


@pytest.mark.parametrize("representation", ["picture", "waveform"])
def test_other_representations(events, representation):
    X, _ = events
    if representation == "picture":
        X = Spectrogram(window_length=0.16, size=16, log="db").fit_transform(X[:, None])
    settings = TINY | {"max_epochs": 1, "representation": representation}
    fitted = DeepCluster(**settings).fit(X)
    np.testing.assert_array_equal(fitted.predict(X), fitted.labels_)


def test_uniform_sampling_draws_alike(events):
    """Of small and large clusters, the network sees as many events."""
    X, _ = events
    seen = []

    class Watch:
        def augment(self, X, y, rng):
            seen.extend(y.tolist())
            return X, y

    for uniform in (True, False):
        seen.clear()
        settings = TINY | {"n_clusters": 5, "max_epochs": 1, "uniform_sampling": uniform}
        DeepCluster(**settings, augmenter=Watch()).fit(X)
        assert len(seen) == len(X)
        counts = np.bincount(seen)
        assert (np.ptp(counts) <= 1) == uniform, counts


def test_changed_part_does_not_depend_on_names():
    before = np.array([0, 0, 0, 1, 1, 2])
    assert changed_part(before, (before + 1) % 3) == 0
    after = np.array([5, 5, 7, 7, 7, 6])
    assert changed_part(before, after) == pytest.approx(1 / 6)
    assert contingency_matrix(before, after).sum() == 6


def test_equal_events_leave_clusters_empty_and_say_so():
    X = np.tile(np.sin(np.arange(200.0)), (6, 1))
    with pytest.warns(ConvergenceWarning, match="only 1 groups"):
        fitted = DeepCluster(**TINY | {"max_epochs": 0}).fit(X)
    np.testing.assert_array_equal(fitted.labels_, 0)


def test_repeated_events_are_predicted_as_labelled(events):
    X = np.repeat(events[0][::8], 3, axis=0)
    with pytest.warns(ConvergenceWarning, match="only 5 groups"):
        fitted = DeepCluster(**TINY | {"n_clusters": 7, "n_components": 4}).fit(X)
    np.testing.assert_array_equal(fitted.predict(X), fitted.labels_)


def test_rule_without_figures_keeps_the_smallest_and_says_so(events):
    settings = TINY | {"n_clusters": [1, 8], "selection": "silhouette", "max_epochs": 0}
    with pytest.warns(UserWarning, match="has no figures"):
        fitted = DeepCluster(**settings).fit(events[0][::5])
    assert fitted.n_clusters_ == 1
    assert fitted.choices_["silhouette"] is None


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_clusters": 0}, "n_clusters must be an integer >= 1"),
        ({"n_clusters": [2, 2.5]}, "n_clusters"),
        ({"n_clusters": []}, "n_clusters"),
        ({"n_clusters": 41}, "41"),
        ({"selection": "elbow"}, "selection must be one of"),
        ({"kmeans": "elkan"}, "kmeans must be one of"),
        ({"n_components": 0}, "n_components"),
        ({"reassign_every": 0}, "reassign_every"),
        ({"max_epochs": -1}, "max_epochs"),
        ({"n_clusters": [2, 3], "max_epochs": 0}, "selection='silhouette'"),
        ({"freeze_encoder": True}, "encoder"),
    ],
)
def test_errors_name_the_parameter(events, params, message):
    with pytest.raises(ValueError, match=message):
        DeepCluster(**TINY | params).fit(events[0])
