"""What pre-training is worth, and how it composes with classifiers, searches and pipelines."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import seisclf
from seisclf.nets import EventEncoder
from seisclf.neural_network import CNNClassifier, TrainedEncoder
from seisclf.self_supervised import SelfSupervisedEncoder

TINY = {
    "backbone": "resnet18",
    "width": 4,
    "size": 16,
    "n_projector": 8,
    "log": "db",
    "window_length": 0.16,
    "max_epochs": 2,
    "batch_size": 16,
    "random_state": 0,
}


def make_pictures(n, seed):
    """A steady line that 24 channels share, its height the class; each has a line of its own."""
    rng = np.random.default_rng(seed)
    y, rows = np.arange(n) % 4, np.arange(16)

    def line(centre):
        return np.exp(-0.5 * (rows - centre[..., np.newaxis]) ** 2)

    shared = line(2 + 3.5 * y + rng.uniform(-0.5, 0.5, n))
    own = rng.uniform(0, 2, (n, 24, 1)) * line(rng.uniform(0, 15, (n, 24)))
    X = 1.5 * shared[:, np.newaxis] + own
    X = X[..., np.newaxis] + 0.5 * rng.normal(size=(n, 24, 16, 32))
    return X.astype(np.float32), y


@pytest.fixture(scope="module")
def pretrained():
    X, y = make_pictures(256, seed=0)
    encoder = SelfSupervisedEncoder(
        representation="picture",
        backbone="resnet18",
        width=4,
        n_projector=64,
        crop_width=0.25,
        max_epochs=40,
        batch_size=128,
        lr=1e-2,
        random_state=0,
    )
    return encoder.fit(X), X, y


def linear_score(encoder, X, y):
    """Accuracy on single channels of new events, with 64 labelled ones."""
    new_X, new_y = make_pictures(200, seed=99)
    rows, new_rows = (
        encoder.transform_channels(part[:, :4]).reshape(4 * len(part), -1)
        for part in (X[:64], new_X)
    )
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return linear.fit(rows, y[:64].repeat(4)).score(new_rows, new_y.repeat(4))


def test_embedding_beats_a_random_encoder(pretrained):
    """Linear evaluation, on a task where what the channels share is what counts."""
    encoder, X, y = pretrained
    random_scores = []
    for seed in range(2):
        torch.manual_seed(seed)
        module = EventEncoder(**encoder.encoder_.settings)
        random_scores.append(linear_score(TrainedEncoder.from_module(module), X, y))
    score = linear_score(encoder.encoder_, X, y)
    assert score > max(random_scores) + 0.03


def test_loss_falls_and_terms_add_up(pretrained):
    history = pretrained[0].history_
    assert history[-1]["train_loss"] < 0.8 * history[0]["train_loss"]
    assert history[-1]["train_diagonal"] < 0.6 * history[0]["train_diagonal"]
    assert history[-1]["train_tnc"] < 2 * np.log(2)  # where the discriminator guesses
    for epoch in history:
        vibcreg = sum(epoch[f"train_{name}"] for name in ("invariance", "variance", "covariance"))
        tnc = epoch["train_tnc"] + epoch["train_diagonal"]
        assert epoch["train_loss"] == pytest.approx(10 * vibcreg + 13 * tnc, rel=1e-5)
        assert 0 <= epoch["train_near_accuracy"] <= 1


def make_waveforms(n=40, n_channels=4, seed=0):
    """Two classes of tones."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    wave = np.sin(2 * np.pi * np.where(y, 10, 30)[:, np.newaxis] * np.arange(400) / 100)
    X = wave[:, np.newaxis] + 0.5 * rng.normal(size=(n, n_channels, 400))
    return X.astype(np.float32), y


def test_linear_evaluation_in_a_pipeline():
    X, y = make_waveforms()
    linear = make_pipeline(SelfSupervisedEncoder(**TINY), StandardScaler(), LogisticRegression())
    assert linear.fit(X[:24], y[:24]).score(X[24:], y[24:]) >= 0.9
    names = linear[0].get_feature_names_out()
    assert len(names) == 32 and names[0] == "selfsupervisedencoder0"


def test_encoder_is_trained_further_by_a_classifier():
    X, y = make_waveforms()
    encoder = SelfSupervisedEncoder(**TINY).fit(X).encoder_
    frozen = CNNClassifier(
        encoder=encoder, freeze_encoder=True, max_epochs=1, batch_size=16, random_state=0
    )
    one = X[:, :1]
    frozen.fit(one, y)
    np.testing.assert_allclose(frozen.embed(one), encoder.transform(one), atol=1e-5)
    tuned = frozen.set_params(freeze_encoder=False, max_epochs=12, lr=5e-3).fit(one, y)
    assert np.abs(tuned.embed(one) - encoder.transform(one)).max() > 1e-3
    assert tuned.score(one, y) > 0.9


def test_labelled_and_unlabelled_events_in_one_call():
    """Rows of -1 take part in pre-training and not in the classification."""
    X, y = make_waveforms()
    partly = np.where(np.arange(len(y)) < 20, y, -1)
    settings = {**TINY, "sensor_invariance": False}
    classifier = CNNClassifier(
        encoder=SelfSupervisedEncoder(**settings), max_epochs=12, lr=5e-3, batch_size=8,
        random_state=0,
    )  # fmt: skip
    classifier.fit(X[:, :1], partly)
    assert classifier.classes_.tolist() == [0, 1]
    assert classifier.score(X[:, :1], y) > 0.9
    alone = SelfSupervisedEncoder(**settings).fit(X[:, :1])
    for name, array in alone.encoder_.weights.items():
        np.testing.assert_array_equal(classifier.pretraining_.encoder_.weights[name], array)


def test_search_over_the_objective():
    X, y = make_waveforms(24, 1)
    settings = {**TINY, "sensor_invariance": False, "max_epochs": 1}
    search = GridSearchCV(
        CNNClassifier(
            encoder=SelfSupervisedEncoder(**settings), max_epochs=1, batch_size=8, random_state=0
        ),
        {"encoder__objective": ["tnc", "vicreg"]},
        cv=2,
        error_score="raise",
    )
    search.fit(X, y)
    assert search.best_estimator_.pretraining_.objective in ("tnc", "vicreg")
    assert len(search.cv_results_["params"]) == 2


def test_saved_encoder_embeds_the_same(tmp_path):
    X, _ = make_waveforms(16)
    encoder = SelfSupervisedEncoder(**TINY).fit(X)
    loaded = seisclf.load(encoder.save(tmp_path / "encoder.seisclf"))
    np.testing.assert_array_equal(loaded.transform(X), encoder.transform(X))
    assert loaded.history_ == encoder.history_
    # What only training needs is not in the file.
    n_weights = sum(array.size for array in encoder.encoder_.weights.values())
    assert (tmp_path / "encoder.seisclf").stat().st_size < 4 * n_weights + 60_000
    assert not hasattr(encoder, "net_")
