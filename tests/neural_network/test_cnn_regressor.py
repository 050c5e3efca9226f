"""CNNRegressor: numbers, angles, standard deviations, targets, sessions and files."""

import pickle

import numpy as np
import pytest
import torch
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline

import seisclf
from seisclf.inspection import layerwise_relevance
from seisclf.metrics import circular_mean_absolute_error, interval_coverage
from seisclf.nets import EventEncoder
from seisclf.neural_network import CNNClassifier, CNNRegressor, TrainedEncoder
from seisclf.preprocessing import WaveformScaler

TINY = {"backbone": "resnet18", "width": 2, "size": 16, "log": "db"}
RUN = {"max_epochs": 2, "lr": 0.01, "batch_size": 16, "device": "cpu", "random_state": 0}
LEARN = {**TINY, **RUN, "width": 4, "max_epochs": 12}


def make_events(n, seed=0):
    """Events of 2 channels, 3 s at 100 Hz: tones, and numbers that grow with their pitch."""
    rng = np.random.default_rng(seed)
    y = rng.uniform(2.4, 20.0, n)
    t = np.arange(300) / 100
    X = rng.normal(size=(n, 2, 300)) + 6 * np.sin(2 * np.pi * (5 + 1.9 * y[:, None, None]) * t)
    return X.astype(np.float32), y


@pytest.fixture(scope="module")
def events():
    return make_events(80)


@pytest.fixture(scope="module")
def trained(events):
    return CNNRegressor(**LEARN, loss="gaussian").fit(*events)


@pytest.fixture(scope="module")
def quick(events):
    """Hardly trained; nobody changes it."""
    return CNNRegressor(**TINY, **RUN).fit(*events)


class Pretraining(BaseEstimator):
    """Stands for a self-supervised encoder, with a note of what it saw."""

    def fit(self, X, y=None):
        torch.manual_seed(0)
        encoder = EventEncoder(in_channels=1, shape=(X.shape[-1],), **TINY)
        self.n_seen_ = len(X)
        self.encoder_ = TrainedEncoder.from_module(encoder)
        return self


# Learning ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "target_scaling"),
    [("huber", "standard"), ("squared_error", "log"), ("gaussian", "standard")],
)
def test_it_learns_a_distance(loss, target_scaling, events, trained):
    net = trained
    if (loss, target_scaling) != ("gaussian", "standard"):
        net = CNNRegressor(**LEARN, loss=loss, target_scaling=target_scaling).fit(*events)
    assert (net.loss, net.target_scaling) == (loss, target_scaling)
    X, y = make_events(60, seed=1)
    assert net.score(X, y) > 0.8
    assert net.predict(X).shape == y.shape and net.predict(X).dtype == np.float64
    assert net.score(X, y) == r2_score(y, net.predict(X))


def test_waveforms_of_any_amplitude_through_a_pipeline():
    X, y = make_events(80)
    net = CNNRegressor(**LEARN, representation="waveform", loss="gaussian")
    model = make_pipeline(WaveformScaler(scope="event"), net).fit(1e-7 * X, y)
    other, truth = make_events(60, seed=1)
    assert model.score(1e-7 * other, truth) > 0.5
    mean, std = model.predict(other, return_std=True)  # scaled by itself, whatever its unit
    np.testing.assert_allclose(mean, model.predict(1e-7 * other), rtol=1e-3)
    assert std.shape == mean.shape and (std > 0).all()


def test_several_targets_each_at_its_scale(events, quick):
    X, y = events
    both = np.column_stack([y, 1e4 - 300 * y])
    net = CNNRegressor(**LEARN, loss="gaussian").fit(X, both)
    np.testing.assert_allclose(net.target_mean_, both.mean(axis=0))
    np.testing.assert_allclose(net.target_scale_, both.std(axis=0))
    mean, std = net.predict(X, return_std=True)
    assert mean.shape == std.shape == both.shape
    assert (r2_score(both, mean, multioutput="raw_values") > 0.7).all()
    assert 30 < np.median(std[:, 1] / std[:, 0]) < 3000
    column = CNNRegressor(**TINY, **RUN).fit(X, y[:, None])
    assert column.predict(X).shape == (80, 1)
    np.testing.assert_allclose(column.predict(X)[:, 0], quick.predict(X))


def test_the_unit_of_the_targets_does_not_matter(events):
    X, y = events
    kilometres = CNNRegressor(**TINY, **RUN, dtype="float64", loss="gaussian").fit(X, y)
    metres = clone(kilometres).fit(X, 1000 * y + 5e6)
    mean, std = kilometres.predict(X, return_std=True)
    other_mean, other_std = metres.predict(X, return_std=True)
    np.testing.assert_allclose(other_mean, 1000 * mean + 5e6)
    np.testing.assert_allclose(other_std, 1000 * std)


# Standard deviations ----------------------------------------------------------------------------


def test_training_begins_at_the_mean_and_the_spread_of_the_targets(events):
    """With a rate of next to nothing, every event gets mean and standard deviation of y."""
    X, y = events
    settings = {**TINY, **RUN, "lr": 1e-12, "max_epochs": 1, "loss": "gaussian"}
    mean, std = CNNRegressor(**settings).fit(X, y).predict(X, return_std=True)
    np.testing.assert_allclose(mean, y.mean(), rtol=1e-5)
    np.testing.assert_allclose(std, y.std(), rtol=1e-3)
    logs = np.log1p(y)
    log = CNNRegressor(**settings, target_scaling="log").fit(X, y)
    mean, std = log.predict(X, return_std=True)
    np.testing.assert_allclose(mean, np.expm1(logs.mean()), rtol=1e-4)
    low, high = np.expm1(logs.mean() + np.array([-1, 1]) * logs.std())
    np.testing.assert_allclose(std, (high - low) / 2, rtol=1e-3)
    mean, std = CNNRegressor(**settings, period=20.0).fit(X, y).predict(X, return_std=True)
    np.testing.assert_allclose(std, 20 / np.sqrt(12), rtol=1e-4)


def test_standard_deviations_tell_events_that_cannot_be_known():
    """Of every other event the waveform says nothing of the target."""
    X, y = make_events(120)
    rng = np.random.default_rng(0)
    hidden = np.arange(120) % 2 == 0
    X[hidden] = rng.normal(size=X[hidden].shape)
    net = CNNRegressor(**LEARN, loss="gaussian").fit(X, y)
    _, std = net.predict(X, return_std=True)
    assert np.median(std[hidden]) > 1.5 * np.median(std[~hidden])
    assert np.median(std[hidden]) == pytest.approx(y.std(), rel=0.35)


def test_standard_deviations_cover(trained):
    X, y = make_events(150, seed=2)
    mean, std = trained.predict(X, return_std=True)
    assert 0.6 < interval_coverage(y, mean, std, level=0.9) <= 1.0
    assert (std > 0.009 * trained.target_scale_).all()


@pytest.mark.parametrize("loss", ["huber", "squared_error"])
def test_a_network_without_standard_deviations_says_what_to_set(loss, events, quick):
    net = quick if loss == quick.loss else CNNRegressor(**TINY, **RUN, loss=loss).fit(*events)
    with pytest.raises(ValueError, match=f"loss='{loss}': set loss='gaussian' and fit again"):
        net.predict(events[0], return_std=True)


def test_validation_is_by_the_plain_likelihood(events):
    """With a rate of nothing its mean is that of normal distributions of the spread."""
    X, y = events
    settings = {**TINY, **RUN, "lr": 1e-12, "max_epochs": 1, "validation_fraction": 0.5}
    for beta in (0.0, 0.5):
        net = CNNRegressor(**settings, loss="gaussian", net_params={"criterion__beta": beta})
        assert net.fit(X, y).history_[0]["valid_loss"] == pytest.approx(0.5, abs=0.1)


# Angles -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["huber", "gaussian"])
def test_angles_know_no_jump(loss, events):
    """All true angles lie around north, where numbers jump from 360 to 0."""
    X, y = events
    bearing = np.mod(15 * (y - y.mean()), 360)
    assert (bearing < 90).any() and (bearing > 270).any()
    net = CNNRegressor(**LEARN, loss=loss, period=360.0).fit(X, bearing)
    found = net.predict(X)
    assert (found >= 0).all() and (found < 360).all()
    assert circular_mean_absolute_error(bearing, found) < 25
    assert net.score(X, bearing) > 0.7
    short = clone(net).set_params(max_epochs=3).fit(X, bearing)
    shifted = clone(short).fit(X, bearing - 720)
    np.testing.assert_allclose(shifted.predict(X), short.predict(X), atol=0.5)
    if loss == "gaussian":
        _, std = net.predict(X, return_std=True)
        assert (std > 0).all() and (std <= 360 / np.sqrt(12)).all()
        assert np.median(std) < 60


def test_score_of_angles_by_hand(events, monkeypatch):
    X, y = events
    net = CNNRegressor(**TINY, **RUN, period=360.0).fit(X, y)
    monkeypatch.setattr(type(net), "predict", lambda self, X: np.array([10.0, 350.0]))
    # Differences of -10 and 10 around a mean direction of 0, predicted 10 degrees too far each.
    assert net.score(X[:2], [20.0, 340.0]) == pytest.approx(1 - 100 / 400)
    assert net.score(X[:2], [370.0, -10.0]) == pytest.approx(1.0)
    assert net.score(X[:2], [20.0, 350.0], sample_weight=[0, 1]) == 1.0


def test_score_of_angles_refuses_another_number_of_targets(events):
    X, y = events
    net = CNNRegressor(**TINY, **RUN, period=360.0).fit(X, np.stack([y, y], axis=1))
    with pytest.raises(ValueError, match="y has 1 targets per event, fit saw 2"):
        net.score(X, y)


# Weights, groups, sessions ----------------------------------------------------------------------


def test_weights_count_as_repetition_in_scale_and_loss(events):
    X, y = (array[:20] for array in events)
    weight = np.arange(20) % 3
    settings = {**TINY, **RUN, "dtype": "float64", "batch_size": 64, "freeze_batch_norm": True}
    weighted = CNNRegressor(**settings).fit(X, y, sample_weight=weight)
    rows = np.repeat(np.arange(20), weight)
    repeated = CNNRegressor(**settings).fit(X[rows], y[rows])
    np.testing.assert_allclose(weighted.target_scale_, repeated.target_scale_)
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-6)


def test_early_stopping_keeps_groups_together(events):
    X, y = events
    seen = []

    class Look:
        def augment(self, X, y, rng):
            seen.append(np.round(X[:, 0, 0], 5))
            return X, y

    groups = np.arange(80) // 4
    settings = {**TINY, **RUN, "max_epochs": 30, "validation_fraction": 0.25}
    net = CNNRegressor(**settings, early_stopping=2, augmenter=Look())
    net.fit(X, y, groups=groups)
    assert len(net.history_) < 30 and "valid_loss" in net.history_[0]
    trained_on = np.isin(np.round(X[:, 0, 0], 5), np.concatenate(seen))
    by_group = trained_on.reshape(20, 4)
    assert (by_group.all(axis=1) | ~by_group.any(axis=1)).all()
    assert 10 < (~trained_on).sum() < 30


def test_training_goes_on_where_it_stopped(events):
    X, y = events
    settings = {**TINY, **RUN, "lr_schedule": "constant", "batch_size": 128, "dtype": "float64"}
    whole = CNNRegressor(**{**settings, "max_epochs": 4}).fit(X, y)
    halves = CNNRegressor(**settings, warm_start=True).fit(X, y).fit(X, y)
    np.testing.assert_allclose(halves.predict(X), whole.predict(X), rtol=1e-5)
    scale = halves.target_scale_
    halves.partial_fit(X[:10], 5 * y[:10], epochs=2)
    assert len(halves.history_) == 6 and halves.target_scale_ is scale
    with pytest.raises(ValueError, match="y has 2 targets per event, fit saw 1"):
        halves.partial_fit(X, np.column_stack([y, y]))
    with pytest.raises(ValueError, match="training began with .* warm_start=False"):
        halves.set_params(loss="gaussian").fit(X, y)
    halves.set_params(warm_start=False).fit(X, y).predict(X, return_std=True)


def test_partial_fit_begins(events):
    net = CNNRegressor(**TINY, **RUN).partial_fit(*events)
    assert len(net.history_) == 1 and net.target_mean_ == pytest.approx(events[1].mean())


@pytest.mark.parametrize("params", [{"loss": "gaussian"}, {"period": 360.0}])
def test_copies_and_files_keep_everything(params, events, tmp_path):
    X, y = events
    net = CNNRegressor(**TINY, **RUN, **params, warm_start=True).fit(X, y)
    model = make_pipeline(WaveformScaler(), net).fit(X, y)
    loaded = seisclf.load(seisclf.save(model, tmp_path / "model.seisclf"))
    copied = pickle.loads(pickle.dumps(model))
    more = {"return_std": True} if "loss" in params else {}
    for copy in (loaded, copied):
        np.testing.assert_array_equal(copy.predict(X, **more), model.predict(X, **more))
        assert copy[-1].target_settings_ == model[-1].target_settings_
        np.testing.assert_array_equal(copy[-1].target_scale_, model[-1].target_scale_)
    np.testing.assert_array_equal(loaded.fit(X, y).predict(X), model.fit(X, y).predict(X))


def test_searches_and_cross_validation(events):
    X, y = events
    with config_context(enable_metadata_routing=True):
        net = CNNRegressor(**TINY, **RUN, early_stopping=1).set_fit_request(groups=True)
        search = GridSearchCV(net, {"loss": ["huber", "gaussian"]}, cv=2, error_score="raise")
        search.fit(X, y, groups=np.arange(80) // 2)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    scores = cross_val_score(
        CNNRegressor(**TINY, **RUN), X, y, cv=2, scoring="neg_mean_absolute_error"
    )
    assert (scores < 0).all()


# Encoders ---------------------------------------------------------------------------------------


def test_an_encoder_does_not_mind_lists(trained, events):
    X, y = events
    settings = {"encoder": trained.encoder_, "window": ["tukey", 0.25]}
    CNNRegressor(**{**RUN, **settings, "max_epochs": 1}).fit(X, y)


def test_encoders_pass_between_classes_and_numbers(trained, events):
    X, y = events
    labels = np.where(y > np.median(y), "far", "near")
    settings = {**RUN, "freeze_encoder": True, "max_epochs": 10, "lr": 0.1}
    classifier = CNNClassifier(encoder=trained.encoder_, **settings).fit(X, labels)
    assert classifier.score(X, labels) > 0.8
    back = CNNRegressor(encoder=classifier.encoder_, **settings).fit(X, y)
    assert back.score(X, y) > 0.5


def test_rows_without_a_number_are_pretrained_on_only(events):
    X, y = events
    holes = np.where(np.arange(80) < 30, y, np.nan)
    net = CNNRegressor(encoder=Pretraining(), **RUN).fit(X, holes, groups=np.arange(80))
    assert net.pretraining_.n_seen_ == 80
    by_hand = CNNRegressor(encoder=Pretraining().fit(X).encoder_, **RUN).fit(X[:30], y[:30])
    np.testing.assert_array_equal(net.predict(X), by_hand.predict(X))
    assert net.target_mean_ == pytest.approx(y[:30].mean())
    with pytest.raises(ValueError, match=r"y marks all 80 events as missing \(NaN\)"):
        net.fit(X, np.full(80, np.nan))
    # -1 is a number.
    lowered = CNNRegressor(encoder=Pretraining(), **RUN).fit(X, np.where(y > 9, -1.0, y))
    assert lowered.pretraining_.n_seen_ == 80 and lowered.target_mean_ < y.mean()


# What is said -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"loss": "mse"}, r"loss must be one of .*'squared_error'.*; got 'mse'"),
        ({"target_scaling": "sqrt"}, "target_scaling must be one of .*; got 'sqrt'"),
        ({"period": 0}, r"period must be a number > 0 \(360.0 for degrees\) or None; got 0"),
        ({"period": 360.0, "target_scaling": "log"}, "exclude each other.*leave target_scaling"),
        ({"representation": "stft"}, "representation must be one of"),
        ({"representation": "waveform", "backbone": "alexnet"}, "no form for waveforms"),
    ],
)
def test_impossible_parameters_are_refused(params, message, events):
    with pytest.raises(ValueError, match=message):
        CNNRegressor(**{**TINY, **RUN, **params}).fit(*events)


def test_impossible_targets_are_refused(events):
    X, y = events
    net = CNNRegressor(**TINY, **RUN)
    with pytest.raises(ValueError, match=r"smallest y is -[\d.]+: set target_scaling='standard'"):
        clone(net).set_params(target_scaling="log").fit(X, y - 10)
    with pytest.raises(ValueError, match=r"NaN for 1 of 80 events: .*fit\(X\[rows\], y\[rows\]\)"):
        net.fit(X, np.where(np.arange(80) == 3, np.nan, y))
    with pytest.raises(ValueError, match=r"\(n_events, n_targets\); got \(80, 1, 1\)"):
        net.fit(X, y[:, None, None])
    with pytest.raises(ValueError, match="inconsistent numbers"):
        net.fit(X, y[:-1])
    with pytest.raises(ValueError, match="minimum of 2 is required by CNNRegressor"):
        net.fit(X[:1], y[:1])
    flat = net.fit(X, np.full(80, 7.0))
    assert flat.target_scale_ == 1.0
    np.testing.assert_allclose(flat.predict(X), 7.0, atol=0.5)


def test_a_batch_of_one_event_is_refused(events):
    X, y = events
    net = CNNRegressor(**{**TINY, "size": 8, **RUN}).fit(X, y)
    with pytest.raises(ValueError, match=r"batch of one event.*\(1 came to train on\)"):
        net.partial_fit(X[:1], y[:1])
    # What failed has left nothing behind.
    assert len(net.partial_fit(X, y).history_) == 3
    assert all("train_loss" in epoch for epoch in net.history_)
    with pytest.raises(ValueError, match=r"batch_size of at least 2 \(it is 1\)"):
        clone(net).set_params(batch_size=1).fit(X, y)


def test_impossible_events_are_refused(trained, events):
    X, _ = events
    with pytest.raises(ValueError, match=r"4 axes where .*n_channels.* take one station"):
        trained.predict(X[:, None])
    broken = X.copy()
    broken[3, 0, 5] = np.nan
    with pytest.raises(ValueError, match=r"1 event \(row 3\) of 80 contain NaN"):
        trained.predict(broken)
    with pytest.raises(ValueError, match="290 samples, fit saw 300"):
        trained.predict(X[..., :290])


def test_relevance_is_of_classes(trained, events):
    with pytest.raises(TypeError, match="needs a classifier .* got CNNRegressor"):
        layerwise_relevance(trained, events[0][:2])
