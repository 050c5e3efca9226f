"""Networks in the ensemble: random channels in training, all of them at prediction."""

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import check_estimator

import seisclf
from seisclf.ensemble import ChannelEnsembleClassifier
from seisclf.neural_network import CNNClassifier, STFTCNNClassifier
from seisclf.utils.estimator_checks import make_check_events, yield_waveform_checks

TINY = STFTCNNClassifier._get_test_params()[1]  # on waveforms: the fastest


def small(**params):
    settings = {
        "n_filters": (4, 4),
        "n_hidden": 8,
        "window_length": 0.2,
        "hop": 0.05,
        "max_epochs": 25,
        "lr": 0.01,
        "batch_size": 8,
        "device": "cpu",
    }
    return STFTCNNClassifier(**settings | params)


@pytest.fixture(scope="module")
def events():
    X, y = make_check_events(6)
    X[2, 3:] = np.nan
    X[5, 0] = 0.0
    return X, y


@pytest.fixture(scope="module")
def fitted(events):
    return ChannelEnsembleClassifier(small(), random_state=0).fit(*events)


def test_it_learns_and_answers_for_every_channel(events, fitted):
    X, y = events
    assert fitted.score(X, y) > 0.9
    probabilities = fitted.predict_proba_channels(X)
    assert np.isnan(probabilities[2, 3:]).all() and np.isnan(probabilities[5, 0]).all()
    # A channel's answer is that of the network on this channel alone.
    np.testing.assert_allclose(
        probabilities[:, 1], fitted.estimator_.predict_proba(X[:, 1]), atol=1e-6
    )
    np.testing.assert_allclose(fitted.predict_proba(X), np.nanmean(probabilities, axis=1))


def test_the_seed_fixes_channels_and_network(events, fitted):
    X, y = events
    again = ChannelEnsembleClassifier(small(), random_state=0).fit(X, y)
    other = ChannelEnsembleClassifier(small(), random_state=1).fit(X, y)
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    assert (other.predict_proba(X) != fitted.predict_proba(X)).any()
    # The network's own seed stays, the channels are others.
    seeded = small(random_state=5)
    first, second = (
        ChannelEnsembleClassifier(seeded, random_state=seed).fit(X, y) for seed in (0, 1)
    )
    assert first.estimator_.random_state == second.estimator_.random_state == 5
    assert (first.predict_proba(X) != second.predict_proba(X)).any()


@pytest.mark.parametrize("n_channels", [2, "all"])
def test_more_channels_in_an_epoch(events, n_channels):
    X, y = events
    network = small(max_epochs=8, early_stopping=True, validation_fraction=0.25)
    ensemble = ChannelEnsembleClassifier(network, n_channels_per_step=n_channels, random_state=0)
    ensemble.fit(X, y, sample_weight=np.linspace(1, 2, len(X)))
    # Validation has a fixed draw: had it not, its loss would jump with the channels.
    assert len(ensemble.estimator_.history_) > 0
    assert ensemble.predict(X).shape == (24,)


def test_validation_sets_do_not_change_their_channels(events):
    X, y = events
    still = small(max_epochs=4, lr=1e-12, validation_fraction=0.25, batch_norm=False, dropout=0.0)
    network = ChannelEnsembleClassifier(still, random_state=0).fit(X, y).estimator_
    valid = [epoch["valid_loss"] for epoch in network.history_]
    train = [epoch["train_loss"] for epoch in network.history_]
    # Without any learning, only the channels of the training set make a difference.
    np.testing.assert_allclose(valid, valid[0], rtol=1e-6)
    assert np.ptp(train) > 1e-5


def test_files_and_searches(events, fitted, tmp_path):
    X, y = events
    copy = seisclf.load(seisclf.save(fitted, tmp_path / "ensemble"))
    np.testing.assert_array_equal(copy.predict_proba(X), fitted.predict_proba(X))
    search = GridSearchCV(
        ChannelEnsembleClassifier(small(max_epochs=3), random_state=0),
        {"estimator__lr": [1e-9, 0.01], "voting": ["soft", "geometric"]},
        cv=2,
        error_score="raise",
    )
    assert search.fit(X, y).best_params_["estimator__lr"] == 0.01


def test_stations_and_pictures():
    X, y = make_check_events(3, n_stations=2)
    X[3, 1] = np.nan
    network = small(max_epochs=2)
    ensemble = ChannelEnsembleClassifier(network, members="stations", random_state=0).fit(X, y)
    assert ensemble.estimator_.n_channels_in_ == 3
    assert ensemble.channel_mask(X).sum() == 47
    assert ensemble.predict(X).shape == (24,)
    pictures = np.random.default_rng(0).normal(size=(8, 3, 12, 20)).astype(np.float32)
    cnn = CNNClassifier(
        representation="picture", backbone="resnet18", width=2, max_epochs=1, device="cpu"
    )
    votes = ChannelEnsembleClassifier(cnn, members="pictures", random_state=0)
    votes.fit(pictures, np.arange(8) % 2)
    assert votes.predict_proba_channels(pictures[:, :2]).shape == (8, 2, 2)


def test_cnn_on_random_channels(events):
    X, y = events
    cnn = CNNClassifier(
        sampling_rate=100.0, backbone="resnet18", width=4, size=16, max_epochs=2, device="cpu"
    )
    ensemble = ChannelEnsembleClassifier(cnn, random_state=0).fit(X, y)
    assert ensemble.predict_proba(X).shape == (24, 2)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_contract_holds_with_a_network():
    ensemble = ChannelEnsembleClassifier(STFTCNNClassifier(**TINY))
    check_estimator(ensemble, on_skip=None)
    for check in yield_waveform_checks(ensemble):
        check()
