"""CNNClassifier: learning, encoders from elsewhere, what is frozen, rates, unlabelled rows."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import seisclf
from seisclf.inspection import layerwise_relevance
from seisclf.io import RandomChannels
from seisclf.nets import EventEncoder, ResNet
from seisclf.neural_network import CNNClassifier, TrainedEncoder
from seisclf.preprocessing import Spectrogram

TINY = {"backbone": "resnet18", "width": 2, "size": 16, "log": "db"}
RUN = {"max_epochs": 2, "lr": 0.01, "batch_size": 16, "device": "cpu", "random_state": 0}


@pytest.fixture(scope="module")
def tones():
    """40 events of 2 channels: tones of 4 or 20 Hz in noise, 3 s at 100 Hz."""
    rng = np.random.default_rng(0)
    t = np.arange(300) / 100
    X = rng.normal(size=(40, 2, 300)).astype(np.float32)
    y = np.tile(["low", "high"], 20)
    X += 4 * np.sin(2 * np.pi * np.where(y == "low", 4, 20)[:, None, None] * t)
    return X, y


@pytest.fixture(scope="module")
def trained(tones):
    X, y = tones
    settings = {**TINY, **RUN, "width": 4, "max_epochs": 8}
    return CNNClassifier(**settings).fit(X, y)


class Pretraining(BaseEstimator):
    """Stands for a self-supervised encoder: weights by a seed, and a note of what it saw."""

    def __init__(self, *, seed=0, width=2):
        self.seed = seed
        self.width = width

    def fit(self, X, y=None):
        torch.manual_seed(self.seed)
        settings = {**TINY, "width": self.width}
        encoder = EventEncoder(in_channels=1, shape=(X.shape[-1],), **settings)
        self.n_seen_ = len(X)
        self.encoder_ = TrainedEncoder.from_module(encoder)
        return self


def weights_of(net):
    return {name: value.numpy().copy() for name, value in net.net_.module_.state_dict().items()}


def changed(before, after):
    return {name for name in before if not np.array_equal(before[name], after[name])}


# Learning ---------------------------------------------------------------------------------------


def test_it_learns(trained, tones):
    X, y = tones
    rng = np.random.default_rng(1)
    assert trained.score(X + rng.normal(size=X.shape), y) > 0.9
    assert trained.embed(X[:5]).shape == (5, 32)
    probabilities = trained.predict_proba(X[:5])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    frequencies, times, maps = trained.pictures(X[:3])
    assert maps.shape == (3, 2, len(frequencies), len(times)) and len(frequencies) == 16
    # The picture of a tone is bright at its frequency.
    brightest = frequencies[maps.mean(axis=(1, 3)).argmax(axis=1)]
    np.testing.assert_allclose(brightest, np.where(y[:3] == "low", 4, 20), atol=3)


def test_alexnet_learns(tones):
    X, y = tones
    settings = {**RUN, "backbone": "alexnet", "width": 8, "size": 64, "log": "db"}
    settings |= {"lr": 1e-3, "max_epochs": 20}
    assert CNNClassifier(**settings).fit(X, y).score(X, y) > 0.9


def test_waveforms_themselves(tones, tmp_path):
    X, y = tones
    settings = {**RUN, "backbone": "resnet18", "width": 4, "max_epochs": 8}
    net = CNNClassifier(**settings, representation="waveform").fit(X, y)
    rng = np.random.default_rng(1)
    assert net.score(X + rng.normal(size=X.shape), y) > 0.9
    frequencies, times, maps = net.pictures(X[:3])
    assert frequencies is None and maps.shape == (3, 2, 300) and len(times) == 300
    np.testing.assert_allclose(maps, (X[:3] - X.mean()) / X.std(), atol=0.02)
    same = CNNClassifier(**settings, representation="waveform").fit(1e-9 * X, y)
    np.testing.assert_allclose(same.predict_proba(1e-9 * X), net.predict_proba(X), atol=0.02)
    loaded = seisclf.load(net.save(tmp_path / "net.seisclf"))
    np.testing.assert_array_equal(loaded.predict_proba(X), net.predict_proba(X))
    np.testing.assert_allclose(net.encoder_.transform(X), net.embed(X), atol=1e-5)
    one = CNNClassifier(encoder=net.encoder_, freeze_encoder=True, **RUN).fit(X[:, :1], y)
    assert one.encoder_settings_["representation"] == "waveform"
    with pytest.raises(ValueError, match="no form for waveforms"):
        net.set_params(backbone="alexnet").fit(X, y)


def test_relevance_of_waveforms(tones):
    X, y = tones
    settings = {**RUN, "backbone": "resnet18", "width": 2, "dtype": "float64"}
    net = CNNClassifier(**settings, representation="waveform").fit(X, y)
    relevance = layerwise_relevance(net, X[:3])
    assert relevance.relevance.shape == (3, 2, 300)
    taken = relevance.bias_share + relevance.epsilon_share
    np.testing.assert_allclose(relevance.conservation_error, -taken, rtol=1e-6)


def test_pictures_computed_before_give_what_is_computed_inside(tones):
    X, y = tones
    maker = Spectrogram.from_preset("aknes", sampling_rate=100.0, window_length=0.8, log="db")
    X = X.astype(float)
    pictures = maker.set_params(size=16).fit_transform(X)
    inside = CNNClassifier(**TINY, **RUN, dtype="float64").fit(X, y)
    outside = CNNClassifier(**TINY, **RUN, dtype="float64", representation="picture")
    outside.fit(pictures, y)
    assert outside.picture_shape_ == pictures.shape[2:] and outside.n_channels_in_ == 2
    np.testing.assert_allclose(inside.predict_proba(X), outside.predict_proba(pictures), atol=1e-6)


def test_pictures_of_one_channel_need_no_axis_for_it(tones):
    pictures = np.random.default_rng(0).random((20, 8, 12)).astype(np.float32)
    y = tones[1][:20]
    settings = {**TINY, **RUN, "representation": "picture"}
    flat = CNNClassifier(**settings).fit(pictures, y)
    lifted = CNNClassifier(**settings).fit(pictures[:, None], y)
    np.testing.assert_array_equal(flat.predict_proba(pictures), lifted.predict_proba(pictures))
    with pytest.raises(ValueError, match=r"\(1, 8, 11\), fit saw \(1, 8, 12\)"):
        flat.predict(pictures[:, :, :-1])
    with pytest.raises(ValueError, match=r"needs pictures \(n_events, height, width\)"):
        flat.predict(pictures[0])
    with pytest.raises(ValueError, match="NaN"):
        flat.predict(np.full_like(pictures, np.nan))


def test_random_channels_are_read_in_batches(tones):
    X, y = tones
    net = CNNClassifier(**TINY, **RUN, early_stopping=5).fit(RandomChannels(X, seed=0), y)
    assert net.n_channels_in_ == 1
    assert net.predict(X[:, :1]).shape == y.shape
    assert CNNClassifier._reads_batches is True


@pytest.mark.parametrize("backbone", ["resnet18", "resnet50", "alexnet"])
def test_relevance_reaches_the_picture(backbone, tones):
    X, y = tones
    net = CNNClassifier(**{**TINY, "backbone": backbone}, **RUN, dtype="float64").fit(X, y)
    relevance = layerwise_relevance(net, X[:3])
    assert relevance.relevance.shape == net.pictures(X[:3])[2].shape
    assert len(relevance.frequencies) == 16
    assert np.abs(relevance.relevance).sum() > 0
    # What does not arrive is what biases and the stabiliser have taken: no layer was passed by.
    taken = relevance.bias_share + relevance.epsilon_share
    np.testing.assert_allclose(relevance.conservation_error, -taken, rtol=1e-6)


def test_relevance_of_pictures(tones):
    pictures = np.random.default_rng(0).random((20, 2, 8, 12))
    net = CNNClassifier(**TINY, **RUN, representation="picture").fit(pictures, tones[1][:20])
    relevance = layerwise_relevance(net, pictures[:3])
    assert relevance.relevance.shape == (3, 2, 8, 12)
    np.testing.assert_array_equal(relevance.times, np.arange(12))


# The encoder it starts from ---------------------------------------------------------------------


def test_fine_tuning_starts_from_the_encoder(trained, tones):
    """With a rate of next to nothing, the embedding is that of the encoder."""
    X, y = tones
    settings = {**RUN, "lr": 1e-12, "max_epochs": 1, "freeze_batch_norm": True}
    net = CNNClassifier(encoder=trained.encoder_, **settings).fit(X, y)
    np.testing.assert_allclose(net.embed(X), trained.embed(X), atol=1e-5)
    assert net.encoder_settings_ == trained.encoder_settings_
    assert net.encoder_settings_["width"] == 4


def test_a_frozen_encoder_stays_as_it_is(trained, tones):
    X, y = tones
    net = CNNClassifier(encoder=trained.encoder_, freeze_encoder=True, **RUN)
    net.set_params(lr=0.1, max_epochs=10).fit(X, y)
    before, after = trained.encoder_.weights, net.encoder_.weights
    assert changed(before, after) == set()
    assert net.score(X, y) == 1.0
    np.testing.assert_array_equal(net.embed(X), trained.embed(X))


def test_frozen_batch_normalisation_keeps_its_statistics(trained, tones):
    X, y = tones
    net = CNNClassifier(encoder=trained.encoder_, freeze_batch_norm=True, **RUN).fit(X, y)
    moved = changed(trained.encoder_.weights, net.encoder_.weights)
    assert not any("running" in name or "tracked" in name for name in moved)
    assert "backbone.bn1.weight" in moved and "backbone.conv1.weight" in moved


def test_an_encoder_of_one_channel_sees_two(tones):
    """Shared out evenly: two equal channels are what one was."""
    X, y = tones
    X = np.repeat(X[:, :1], 2, axis=1)
    one = CNNClassifier(**TINY, **RUN).fit(X[:, 0], y)
    settings = {**RUN, "freeze_encoder": True, "max_epochs": 1}
    two = CNNClassifier(encoder=one.encoder_, **settings).fit(X, y)
    assert two.encoder_.weights["backbone.conv1.weight"].shape[1] == 2
    np.testing.assert_allclose(two.embed(X), one.embed(X[:, 0]), atol=1e-3)


def test_a_frozen_estimator_gives_its_encoder(trained, tones):
    X, y = tones
    settings = {**RUN, "freeze_encoder": True}
    by_attribute = CNNClassifier(encoder=trained.encoder_, **settings).fit(X, y)
    by_estimator = clone(CNNClassifier(encoder=FrozenEstimator(trained), **settings)).fit(X, y)
    np.testing.assert_array_equal(by_estimator.predict_proba(X), by_attribute.predict_proba(X))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_of_weights_with_three_channels(suffix, tmp_path, tones):
    X, y = tones
    torch.manual_seed(0)
    net = ResNet(18, n_outputs=1000, width=2).eval()
    path = tmp_path / f"resnet18{suffix}"
    if suffix == ".pth":
        torch.save(net.state_dict(), path)
    else:
        from safetensors.torch import save_file

        save_file(net.state_dict(), path)
    settings = {**TINY, **RUN, "freeze_encoder": True}
    del settings["width"]  # the file knows it
    found = CNNClassifier(encoder=path, **settings).fit(X, y)
    weights = found.encoder_.weights["backbone.conv1.weight"]
    total = net.state_dict()["conv1.weight"].sum(dim=1).numpy()
    np.testing.assert_allclose(weights.sum(axis=1), total, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(weights[:, 0], weights[:, 1])
    seisclf.save(found, tmp_path / "net.seisclf")
    path.unlink()  # a model's own file needs no other
    loaded = seisclf.load(tmp_path / "net.seisclf")
    np.testing.assert_array_equal(loaded.predict_proba(X), found.predict_proba(X))


@pytest.mark.parametrize(
    ("settings", "needed"),
    [
        ({"width": 8}, "width=4"),
        ({"backbone": "alexnet"}, "backbone='resnet18'"),
        ({"sampling_rate": 50.0}, "sampling_rate=100.0"),
        ({"representation": "picture"}, "representation='spectrogram'"),
    ],
)
def test_what_the_encoder_settles_cannot_be_otherwise(settings, needed, trained, tones):
    net = CNNClassifier(encoder=trained.encoder_, **RUN, **settings)
    with pytest.raises(ValueError, match=f"its encoder was trained otherwise: set {needed}"):
        net.fit(*tones)
    agreeing = {"backbone": "resnet18", "width": 4, "sampling_rate": 100.0}
    net.set_params(**agreeing, representation="spectrogram").fit(*tones)


# Rates ------------------------------------------------------------------------------------------


def rates(net):
    groups = net.net_.optimizer_.param_groups
    head = net.net_.module_.head.weight
    at = {any(p is head for p in group["params"]): group["lr"] for group in groups}
    return at[False], at[True]


def test_encoder_and_head_learn_at_their_rates(trained, tones):
    settings = {**RUN, "lr": 0.01, "lr_schedule": "constant", "max_epochs": 1}
    encoder = trained.encoder_
    cases = [
        ({**TINY}, 0.01, 0.01),
        ({"encoder": encoder}, 0.005, 0.01),
        ({"encoder": encoder, "encoder_lr": 1e-4, "head_lr": 0.1}, 1e-4, 0.1),
        ({**TINY, "head_lr": 0.05}, 0.01, 0.05),
    ]
    for more, encoder_lr, head_lr in cases:
        net = CNNClassifier(**{**settings, **more}).fit(*tones)
        np.testing.assert_allclose(rates(net), (encoder_lr, head_lr))
        assert net.history_[0]["lr"] == pytest.approx(0.01)


def test_all_rates_follow_the_schedule(trained, tones):
    net = CNNClassifier(encoder=trained.encoder_, **{**RUN, "max_epochs": 4, "head_lr": 0.1})
    net.fit(*tones)
    np.testing.assert_allclose(
        [row["lr"] for row in net.history_],
        0.01 * 0.5 * (1 + np.cos(np.pi * np.arange(4) / 4)),
    )
    net.set_params(lr_schedule="plateau", warm_start=True, max_epochs=1, encoder_lr=0.002)
    net.fit(*tones)
    np.testing.assert_allclose(rates(net), (0.002, 0.1))


def test_a_rate_of_nothing_changes_nothing(tones):
    """The rate that the optimizer shows is the one it takes."""
    net = CNNClassifier(**TINY, **RUN, encoder_lr=1e-30, warm_start=True).fit(*tones)
    before = weights_of(net)
    after = weights_of(net.fit(*tones))
    moved = {name for name in before if not np.allclose(before[name], after[name], atol=1e-20)}
    learned = {name for name in moved if "running" not in name and "tracked" not in name}
    assert learned == {"head.weight", "head.bias"}


# Pre-training and unlabelled rows ---------------------------------------------------------------


@pytest.mark.parametrize("kind", ["int", "object", "str", "mixed"])
def test_unlabelled_rows_are_learned_from_without_labels_only(kind, tones):
    X, y = tones
    codes = np.where(y == "low", 0, 1)
    full = {"int": codes, "object": codes.astype(object), "str": y, "mixed": y.astype(object)}
    marked = full[kind].copy()
    marked[10:] = "-1" if kind == "str" else -1
    net = CNNClassifier(encoder=Pretraining(), **RUN).fit(X, marked, groups=np.arange(40))
    assert net.pretraining_.n_seen_ == 40 and not hasattr(net.encoder, "n_seen_")
    assert len(net.classes_) == 2
    known = np.array(full[kind][:10].tolist())
    by_hand = CNNClassifier(encoder=Pretraining().fit(X).encoder_, **RUN).fit(X[:10], known)
    np.testing.assert_array_equal(net.predict_proba(X), by_hand.predict_proba(X))


def test_weights_and_groups_of_unlabelled_rows_are_left_out(tones):
    X, y = tones
    marked = np.where(np.arange(40) % 4 == 0, "-1", y)
    rows = np.flatnonzero(marked != "-1")
    rng = np.random.default_rng(0)
    weights, groups = rng.random(40), np.arange(40) // 4
    settings = {**RUN, "validation_fraction": 0.3}
    net = CNNClassifier(encoder=Pretraining(), **settings)
    net.fit(X, marked, sample_weight=weights, groups=groups)
    by_hand = CNNClassifier(encoder=Pretraining().fit(X).encoder_, **settings)
    by_hand.fit(X[rows], y[rows], sample_weight=weights[rows], groups=groups[rows])
    np.testing.assert_array_equal(net.predict_proba(X), by_hand.predict_proba(X))
    with pytest.raises(ValueError, match="inconsistent numbers"):
        net.fit(X, marked, groups=groups[rows])


def test_minus_one_is_a_class_where_nothing_is_pretrained(tones, trained):
    X, y = tones
    marked = np.where(y == "low", -1, 1)
    for encoder in (None, trained.encoder_):
        settings = TINY if encoder is None else {}
        net = CNNClassifier(encoder=encoder, **settings, **RUN).fit(X, marked)
        assert net.classes_.tolist() == [-1, 1]


def test_labels_are_needed(tones):
    X, _ = tones
    with pytest.raises(ValueError, match="y marks all 40 events as unlabelled"):
        CNNClassifier(encoder=Pretraining(), **RUN).fit(X, np.full(40, -1))


def test_labels_are_checked_before_the_pretraining(tones):
    X, y = tones
    net = CNNClassifier(encoder=Pretraining(), **RUN)
    with pytest.raises(ValueError, match="at least 2 classes; y has 1 class"):
        net.fit(X, np.where(y == "low", "-1", y))
    assert not hasattr(net, "pretraining_")
    # In the first of several parts one class may be there alone.
    net.partial_fit(X[::2], y[::2], classes=["high", "low"])
    assert net.classes_.tolist() == ["high", "low"]


def test_labels_of_several_types_are_refused_with_the_reason(tones):
    X, y = tones
    marked = y.astype(object)
    marked[10:] = -1
    with pytest.raises(ValueError, match=r"y has labels of several types.*encoder=SelfSuperv"):
        CNNClassifier(**TINY, **RUN).fit(X, marked)


def test_a_fitted_estimator_is_trained_anew_with_a_warning(tones):
    X, y = tones
    fitted = Pretraining(seed=3).fit(X[:5])
    with pytest.warns(UserWarning, match=r"pretraining\.encoder_"):
        net = CNNClassifier(encoder=fitted, **RUN).fit(X, y)
    assert net.pretraining_.n_seen_ == 40


def test_a_search_over_the_pretraining(tones):
    X, y = tones
    marked = np.where(np.arange(40) >= 30, "-1", y)
    net = CNNClassifier(encoder=Pretraining(), **RUN)
    grid = {"encoder__width": [2, 3], "encoder__seed": [0, 5], "freeze_encoder": [True]}
    search = GridSearchCV(net, grid, cv=[(np.arange(10, 40), np.arange(10))], refit=True)
    search.fit(X, marked)
    best = search.best_estimator_
    assert best.encoder_settings_["width"] == search.best_params_["encoder__width"]
    assert len(search.cv_results_["params"]) == 4
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_an_encoder_that_is_none_is_refused(tones):
    with pytest.raises(TypeError, match="encoder must be None, a TrainedEncoder, the path"):
        CNNClassifier(encoder=3, **RUN).fit(*tones)
    with pytest.raises(TypeError, match="has no attribute encoder_"):
        CNNClassifier(encoder=Spectrogram(), **RUN).fit(*tones)
    with pytest.raises(TypeError, match="encoder=CNNClassifier learns from labels"):
        CNNClassifier(encoder=CNNClassifier(), **RUN).fit(*tones)
    with pytest.raises(TypeError, match="has no attribute encoder_"):
        CNNClassifier(encoder=FrozenEstimator(Pretraining()), **RUN).fit(*tones)
    with pytest.raises(ValueError, match="has no settings or no weights"):
        CNNClassifier(encoder=TrainedEncoder(), **RUN).fit(*tones)
    with pytest.raises(FileNotFoundError, match="no weights file"):
        CNNClassifier(encoder="nowhere.pth", **RUN).fit(*tones)


# Sessions and files -----------------------------------------------------------------------------


def test_training_goes_on_where_it_stopped(tones):
    X, y = tones
    settings = {**RUN, "lr_schedule": "constant", "batch_size": 64}
    settings |= {"encoder": Pretraining(), "freeze_batch_norm": True, "dtype": "float64"}
    marked = np.where(np.arange(40) >= 30, "-1", y)
    whole = CNNClassifier(**{**settings, "max_epochs": 4}).fit(X, marked)
    halves = CNNClassifier(**settings, warm_start=True).fit(X, marked)
    first = halves.pretraining_
    halves.fit(X, marked)
    assert halves.pretraining_ is first  # the encoder is not looked at again
    np.testing.assert_allclose(halves.predict_proba(X), whole.predict_proba(X), atol=1e-6)
    halves.continue_fit(X, marked, max_epochs=1)
    assert len(halves.history_) == 5 and "train_acc" in halves.history_[-1]
    halves.partial_fit(X, marked)
    assert len(halves.history_) == 6


def test_an_encoder_can_be_thawed(trained, tones):
    X, y = tones
    net = CNNClassifier(encoder=trained.encoder_, freeze_encoder=True, warm_start=True, **RUN)
    before = weights_of(net.fit(X, y))
    net.set_params(freeze_encoder=False).fit(X, y)
    assert changed(before, weights_of(net)) == set(before)


def test_a_file_keeps_everything(tmp_path, tones):
    X, y = tones
    net = CNNClassifier(encoder=Pretraining(), head_lr=0.1, warm_start=True, **RUN)
    net = make_pipeline(net).fit(X, y)[-1].set_params(encoder=TrainedEncoder())
    net.pretraining_ = net.pretraining_.encoder_  # a stand-in of the tests cannot be loaded
    loaded = seisclf.load(net.save(tmp_path / "net.seisclf"))
    np.testing.assert_array_equal(loaded.predict_proba(X), net.predict_proba(X))
    np.testing.assert_array_equal(loaded.embed(X), net.embed(X))
    assert loaded.encoder_settings_ == net.encoder_settings_
    for each in (net, loaded):
        each.fit(X, y)
    np.testing.assert_array_equal(loaded.predict_proba(X), net.predict_proba(X))
    assert rates(loaded) == rates(net)


def test_global_generators_are_not_touched(trained, tones):
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    CNNClassifier(encoder=trained.encoder_, **RUN).fit(*tones)
    trained.encoder_.transform(tones[0])
    assert torch.equal(torch.rand(3), expected)


# What is said -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"representation": "stft"}, "representation must be one of"),
        ({"backbone": "vgg"}, "backbone must be one of"),
        ({"log": "ln"}, "log must be one of"),
        ({"width": 0}, "width must be an integer >= 1"),
        ({"dropout": 1}, r"dropout must lie in \[0, 1\)"),
        ({"dropout": "a"}, r"dropout must lie in \[0, 1\); got 'a'"),
        ({"head_lr": "x"}, "head_lr must be a number > 0 or None; got 'x'"),
        ({"sampling_rate": 0}, "sampling_rate must be a number > 0"),
        ({"sampling_rate": "100"}, "sampling_rate must be a number > 0 .* got '100'"),
        ({"window": ["tuckey", 0.25]}, r"window must be .* such as .*; got \('tuckey', 0.25\)"),
        ({"window": [0.25, "tukey"]}, "window must be a name, a tuple"),
        ({"window": 3}, "window must be a name, a tuple .*; got 3"),
        ({"window_length": "x"}, "window_length must be a number of seconds or None; got 'x'"),
        ({"overlap": "x"}, r"overlap is a fraction of the window in \[0, 1\), got 'x'"),
        ({"size": 2.5}, "size must be a height, or .* got 2.5"),
        ({"size": "x"}, "size must be a height, or .* got 'x'"),
        ({"net_params": 3}, "net_params must be a dict"),
        ({"callbacks": 3}, "callbacks must be a list"),
        ({"head_lr": 0}, "head_lr must be a number > 0 or None; got 0"),
        ({"encoder_lr": 0}, "encoder_lr .* set freeze_encoder=True"),
        ({"freeze_encoder": True}, "freeze_encoder=True without encoder"),
    ],
)
def test_impossible_parameters_are_refused(params, message, tones):
    with pytest.raises(ValueError, match=message):
        CNNClassifier(**{**TINY, **RUN, **params}).fit(*tones)


def test_a_logarithm_that_is_none_is_said(tones):
    X, y = tones
    net = CNNClassifier(**{**TINY, **RUN, "log": "log10p1", "max_epochs": 1})
    with pytest.warns(UserWarning, match=r"log='log10p1' is no logarithm .* Set log='db'"):
        net.fit(1e-6 * X, y)
    for more, scale in (({}, 1e4), ({"log": "db"}, 1e-6), ({"log": None}, 1e-6)):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            clone(net).set_params(**more).fit(scale * X, y)


def test_a_frame_longer_than_the_events_is_said(tmp_path, tones):
    X, y = tones
    net = CNNClassifier(**TINY, **RUN, window_length=5.0)
    with pytest.warns(UserWarning, match=r"window_length=5.0 s is longer than the events, 3 s"):
        net.fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        seisclf.load(net.save(tmp_path / "net.seisclf")).predict(X)
        CNNClassifier(**TINY, **RUN).fit(X[..., :30], y)  # the default adapts itself


def test_it_prints_in_a_line_or_two(trained):
    assert len(repr(CNNClassifier(encoder=trained.encoder_))) < 500
