"""Going on with verified events, and what the last layer sees."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV

from seisclf.neural_network import RockNetClassifier, STFTCNNClassifier


@pytest.fixture
def verified():
    """30 events of the same kind as `events`, which shows only two of the three classes."""
    rng = np.random.default_rng(7)
    y = np.tile(["a", "c"], 15)
    X = rng.normal(size=(30, 2, 20)) + np.array([-1, 1])[np.tile([0, 1], 15), None, None]
    return X.astype(np.float32), y


def weights_of(net):
    return torch.cat([p.detach().ravel() for p in net.net_.module_.parameters()]).numpy()


def test_goes_on_from_the_weights_and_records_the_accuracy(Tiny, events, verified):
    X, y, _ = events
    net = Tiny(max_epochs=5, random_state=0).fit(X, y)
    first = [dict(row) for row in net.history_]
    before = weights_of(net)
    assert net.continue_fit(*verified, max_epochs=3) is net
    assert net.history_[:5] == first
    assert [row["epoch"] for row in net.history_] == list(range(1, 9))
    assert ["train_acc" in row for row in net.history_] == [False] * 5 + [True] * 3
    assert net.n_iter_ == net.best_epoch_ == 8
    # Neither the old weights nor new ones: 3 epochs of Adam with 0.05 move a weight by 0.15.
    assert 0 < np.abs(weights_of(net) - before).max() < 0.2
    assert_array_equal(net.classes_, ["a", "b", "c"])


def test_accuracy_is_the_share_of_hits_before_each_step(Tiny, events, verified):
    X, y, _ = events
    net = Tiny(max_epochs=1, lr=0.01, random_state=0).fit(X, y)
    V, labels = verified
    expected = np.mean(net.predict(V) == labels)
    assert 0 < expected < 1
    # One batch: the epoch counts what the weights before its only step predict.
    net.continue_fit(V, labels, max_epochs=1)
    assert net.history_[-1]["train_acc"] == pytest.approx(expected)


def test_events_of_weight_zero_neither_count_nor_teach(Tiny, events, verified):
    X, y, _ = events
    V, labels = verified
    keep = np.arange(30) < 20
    wrong = np.where(keep, labels, "b")
    settings = dict(max_epochs=2, dtype="float64", random_state=0)
    weighted = Tiny(**settings).fit(X, y)
    left_out = Tiny(**settings).fit(X, y)
    weighted.continue_fit(V, wrong, sample_weight=keep * 3.0, max_epochs=4)
    left_out.continue_fit(V[keep], labels[keep], max_epochs=4)
    np.testing.assert_allclose(weights_of(weighted), weights_of(left_out), rtol=1e-9)
    accuracies = [[row["train_acc"] for row in net.history_[2:]] for net in (weighted, left_out)]
    assert accuracies[0] == accuracies[1]


@pytest.mark.parametrize("patience", [1, 3])
def test_stops_when_the_accuracy_has_not_risen(Tiny, events, patience):
    X, y, _ = events
    net = Tiny(max_epochs=60, random_state=0).fit(X, y)
    assert net.score(X, y) == 1.0  # it cannot rise after the first epoch
    net.continue_fit(X, y, patience=patience)
    assert net.n_iter_ == 60 + 1 + patience


def test_stops_at_the_epoch_its_history_says(Tiny, events):
    noise = np.random.default_rng(3).normal(size=(60, 2, 20)).astype(np.float32)
    X, y, _ = events
    net = Tiny(max_epochs=1, batch_size=20, random_state=0).fit(X, y)
    net.continue_fit(noise, y, max_epochs=200, patience=4, min_delta=0.02)
    accuracy = [row["train_acc"] for row in net.history_[1:]]
    assert len(accuracy) < 200
    best, waited, stops = -1.0, 0, None
    for epoch, value in enumerate(accuracy):
        best, waited = (value, 0) if value > best + 0.02 else (best, waited + 1)
        if waited == 4:
            stops = epoch
            break
    assert stops == len(accuracy) - 1


def test_max_epochs_is_the_limit(Tiny, events, verified):
    X, y, _ = events
    net = Tiny(max_epochs=2, lr=1e-5, random_state=0).fit(X, y)
    net.continue_fit(*verified, max_epochs=4, patience=100)
    assert net.n_iter_ == 6


def test_rate_begins_anew_and_follows_the_schedule(Tiny, events, verified):
    X, y, _ = events
    plateau = {"factor": 0.5, "patience": 1, "min_delta": 100.0}  # falls in each epoch
    net = Tiny(max_epochs=3, lr=0.04, lr_schedule="plateau", lr_schedule_params=plateau)
    net.fit(X, y).continue_fit(*verified, max_epochs=3, patience=9)
    rates = [row["lr"] for row in net.history_]
    assert rates[0] == 0.04
    assert rates[2] < 0.04
    assert rates[3:] == rates[:3]
    net.set_params(lr=0.001).continue_fit(*verified, max_epochs=1)
    assert net.history_[-1]["lr"] == 0.001


def test_nothing_is_set_aside_whatever_the_first_session_did(Tiny, events, verified):
    X, y, groups = events
    net = Tiny(max_epochs=4, early_stopping=2, random_state=0).fit(X, y, groups=groups)
    n = net.n_iter_
    net.continue_fit(*verified, max_epochs=2)
    assert all("valid_loss" not in row for row in net.history_[n:])


def test_labels_must_be_known(Tiny, events, verified):
    X, y, _ = events
    net = Tiny(max_epochs=1, random_state=0).fit(X, y)
    before = weights_of(net)
    with pytest.raises(ValueError, match=r"\['landslide'\], which are not among the classes"):
        net.continue_fit(X, np.where(y == "a", "landslide", y))
    assert_array_equal(weights_of(net), before)
    net.continue_fit(X[y == "a"], y[y == "a"], max_epochs=1)  # one class is enough
    assert_array_equal(net.classes_, ["a", "b", "c"])


def test_without_a_first_session_it_refuses(Tiny, events):
    X, y, _ = events
    with pytest.raises(NotFittedError, match="call fit before continue_fit"):
        Tiny().continue_fit(X, y)
    with pytest.raises(NotFittedError, match="unfitted clone"):
        clone(Tiny(max_epochs=1).fit(X, y)).continue_fit(X, y)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"max_epochs": 0}, "max_epochs must be an integer >= 1"),
        ({"patience": 2.5}, "patience must be an integer >= 1"),
        ({"min_delta": -0.1}, "min_delta must be a number >= 0"),
        ({"min_delta": float("nan")}, "min_delta must be a number >= 0"),
    ],
)
def test_impossible_settings_are_named(Tiny, events, params, message):
    X, y, _ = events
    net = Tiny(max_epochs=1).fit(X, y)
    with pytest.raises(ValueError, match=message):
        net.continue_fit(X, y, **params)
    with pytest.raises(ValueError, match="1 channels, fit saw 2"):
        net.continue_fit(X[:, :1], y)


def test_after_save_and_load_it_goes_on_bit_equal(events, tmp_path):
    X, y, _ = events
    settings = dict(n_filters=(4,), window_length=0.1, hop=0.05, dropout=0.3, device="cpu")
    net = STFTCNNClassifier(max_epochs=3, random_state=0, **settings).fit(X, y)
    loaded = STFTCNNClassifier.load(net.save(tmp_path / "net.seisclf"))
    for one in (net, loaded):
        one.continue_fit(X, y, max_epochs=4)
    assert_array_equal(loaded.predict_proba(X), net.predict_proba(X))
    again = STFTCNNClassifier.load(loaded.save(tmp_path / "again.seisclf"))
    strip = [{k: v for k, v in row.items() if k != "dur"} for row in net.history_]
    assert [{k: v for k, v in row.items() if k != "dur"} for row in again.history_] == strip
    assert again.history_[-1]["train_acc"] == net.history_[-1]["train_acc"]


def test_augmented_probabilities_count_by_their_largest(Tiny, events):
    class Soft:
        def augment(self, X, y, rng):
            return X, 0.8 * np.eye(3, dtype=np.float32)[y] + 0.2 / 3

    X, y, _ = events
    net = Tiny(max_epochs=60, augmenter=Soft(), random_state=0).fit(X, y)
    net.continue_fit(X, y, max_epochs=1)
    assert net.history_[-1]["train_acc"] == 1.0


def test_curve_of_the_accuracy_is_drawn(Tiny, events):
    from seisclf.neural_network import TrainingDisplay

    X, y, _ = events
    net = Tiny(max_epochs=2).fit(X, y).continue_fit(X, y, max_epochs=3)
    display = TrainingDisplay.from_estimator(net).plot()
    assert [axis.get_ylabel() for axis in display.axes_] == ["loss", "accuracy", "learning rate"]
    assert_array_equal(display.axes_[1].lines[0].get_xdata(), [3, 4, 5])


# The embedding


@pytest.mark.parametrize("representation", ["stft", "waveform", "cwt"])
def test_last_layer_on_the_embedding_gives_the_logits(events, representation):
    X, y, _ = events
    net = STFTCNNClassifier(
        representation=representation,
        n_filters=(4,),
        window_length=0.1,
        hop=0.05,
        n_hidden=6,
        dropout=0.5,
        max_epochs=2,
        batch_size=16,
        random_state=0,
        device="cpu",
    ).fit(X, y)
    embedding = net.embed(X)
    assert embedding.shape == (60, 6)
    assert embedding.dtype == np.float32
    last = net.net_.module_.head[-1]
    logits = embedding @ last.weight.detach().numpy().T + last.bias.detach().numpy()
    np.testing.assert_allclose(logits, net.decision_function(X), atol=1e-5)
    assert_array_equal(net.embed(X), embedding)


def test_a_module_without_features_has_no_embedding(Tiny, events):
    X, y, _ = events
    with pytest.raises(NotFittedError):
        Tiny().embed(X)
    net = Tiny(max_epochs=1).fit(X, y)
    assert not hasattr(net, "embed")
    with pytest.raises(AttributeError) as error:
        net.embed(X)
    assert "TinyModule has no method features(x)" in str(error.value.__cause__)


def test_networks_of_functions_have_no_second_session():
    assert not hasattr(RockNetClassifier(), "continue_fit")
    with pytest.raises(AttributeError) as error:
        RockNetClassifier().continue_fit([], [])
    assert "warm_start=True" in str(error.value.__cause__)


# The representations, as parameters


def test_a_search_tries_the_representations():
    """What makes the classes is when something comes, and how high it is."""
    rng = np.random.default_rng(0)
    t = np.arange(300) / 100
    X = 0.3 * rng.normal(size=(48, 1, 300))
    y = np.tile(["low", "high"], 24)
    X[::2] += np.sin(2 * np.pi * 4 * t)
    X[1::2] += np.sin(2 * np.pi * 15 * t)
    net = STFTCNNClassifier(
        n_filters=(4, 8), max_epochs=12, lr=0.01, batch_size=16, hop=0.1, random_state=0
    )
    grid = {"representation": ["stft", "waveform", "cwt"]}
    search = GridSearchCV(net, grid, cv=2, refit=False).fit(X, y)
    assert (search.cv_results_["mean_test_score"] > 0.9).all()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"representation": "wavelet"}, "representation must be one of .*'waveform'"),
        ({"kernel_size": 4}, "kernel_size must be an odd integer >= 1, or None"),
        ({"pool_size": 0}, "pool_size must be an integer >= 1, or None"),
        ({"representation": "cwt", "freq_min": 0.0}, "0 < freq_min < freq_max"),
        ({"representation": "cwt", "freq_max": 80.0}, "50 Hz, the Nyquist frequency"),
        ({"representation": "cwt", "n_frequencies": 1.5}, "n_frequencies must be an integer"),
        ({"representation": "cwt", "w0": -1.0}, "w0"),
        ({"representation": "cwt", "hop": 0.0}, "hop"),
    ],
)
def test_impossible_architectures_are_named(events, params, message):
    X, y, _ = events
    with pytest.raises(ValueError, match=message):
        STFTCNNClassifier(max_epochs=1, window_length=0.1, **params).fit(X, y)


@pytest.mark.parametrize(
    ("representation", "ignored"),
    [
        (
            "waveform",
            {
                "window_length": 0.04,
                "hop": 0.02,
                "window": "hann",
                "freq_min": 30.0,
                "freq_max": 20.0,
                "n_frequencies": 3,
                "w0": 3.0,
                "scaling": "log",
                "spectrogram_dropout": 0.5,
            },
        ),
        ("cwt", {"window_length": 99.0, "window": "hann"}),
        ("stft", {"n_frequencies": 3, "w0": 3.0}),
    ],
)
def test_parameters_of_other_representations_are_ignored(events, representation, ignored):
    X, y, _ = events
    settings = dict(representation=representation, n_filters=(4,), max_epochs=2, random_state=0)
    settings |= {"window_length": 0.1, "hop": 0.05, "device": "cpu"}
    plain = STFTCNNClassifier(**settings).fit(X, y)
    other = STFTCNNClassifier(**{**settings, **ignored}).fit(X, y)
    assert_array_equal(plain.predict_proba(X), other.predict_proba(X))


def test_model_saved_before_there_were_representations_still_predicts():
    """Written by the first version of the classifier, with the same seed and events."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(12, 2, 60)).astype(np.float32), np.tile(["a", "b", "c"], 4)
    expected = [[-0.205575, 0.398028, -0.568581], [-0.066207, 0.496287, -0.518407]]
    saved = Path(__file__).parent / "fixtures" / "stft_cnn_first.seisclf"
    loaded = STFTCNNClassifier.load(saved)
    assert loaded.representation == "stft"
    np.testing.assert_allclose(loaded.decision_function(X[:2]), expected, atol=1e-5)
    anew = clone(loaded).fit(X, y)
    np.testing.assert_allclose(anew.decision_function(X[:2]), expected, atol=1e-4)
