"""Relevance of events: our estimators, where it lies, what is refused."""

import copy

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier
from torch import nn

from seisclf.datasets import make_seismic_events, read_seisbench, write_seisbench
from seisclf.ensemble import FeatureForestClassifier
from seisclf.inspection import RelevanceDisplay, layerwise_relevance
from seisclf.neural_network import RockNetAssociator, RockNetClassifier, STFTCNNClassifier
from seisclf.preprocessing import WaveformScaler

RATE = 50.0
BURST = {"low": (5.0, 2.0), "high": (17.0, 6.5)}  # Hz, s


def planted(n=60, seed=0):
    """Noise with one burst: where it lies, in time and frequency, makes the class."""
    rng = np.random.default_rng(seed)
    t = np.arange(450) / RATE
    y = np.resize(["high", "low"], n)
    X = 0.1 * rng.normal(size=(n, 2, len(t)))
    for trace, label in zip(X, y, strict=True):
        frequency, time = BURST[label]
        burst = np.exp(-0.5 * ((t - time) / 0.35) ** 2)
        trace[0] += burst * np.cos(2 * np.pi * frequency * t + rng.uniform(0, 6))
    return X.astype(np.float32), y


def fitted(representation="stft", **params):
    settings = {"sampling_rate": RATE, "window_length": 0.64, "hop": 0.16, "n_hidden": 16}
    settings |= {"n_filters": (6, 8), "lr": 5e-3, "max_epochs": 12, "batch_size": 16}
    settings |= {"device": "cpu", "random_state": 0, "dropout": 0.0}
    return STFTCNNClassifier(representation=representation, **(settings | params))


@pytest.fixture(scope="module")
def nets():
    X, y = planted()
    return {
        "stft": fitted().fit(X, y),
        "cwt": fitted("cwt", lr=2e-3).fit(X, y),
        "waveform": fitted("waveform").fit(X, y),
    }


@pytest.mark.parametrize("representation", ["stft", "cwt", "waveform"])
@pytest.mark.parametrize("space", ["input", "waveform"])
def test_relevance_lies_where_the_burst_is(nets, representation, space):
    X, y = planted(20, seed=1)
    net = nets[representation]
    assert net.score(X, y) == 1.0
    found = layerwise_relevance(net, X, space=space, explain="contrast")
    frequency, time = found.centroid()
    expected = np.array([BURST[label] for label in y])
    # The class is also seen by what is missing at the other burst: most, not all, lies here.
    assert np.mean(np.abs(time - expected[:, 1]) < 1.5) >= 0.9
    if representation == "stft" and space == "input":
        assert np.mean(np.abs(frequency - expected[:, 0]) < 4) >= 0.9
        bands = found.band_summary({"low": (2, 10), "high": (12, 22)})
        most = bands.loc[bands.groupby("event")["positive"].idxmax()]
        assert (most["band"].to_numpy() == y).mean() >= 0.9
    assert (found.frequencies is None) == (space == "waveform" or representation == "waveform")
    assert found.relevance.shape[-1] == len(found.times)
    assert found.relevance.shape[1] == 2


@pytest.mark.parametrize("representation", ["stft", "cwt", "waveform"])
@pytest.mark.parametrize("space", ["input", "waveform"])
def test_balance_of_trained_networks(nets, representation, space):
    X, _ = planted(6, seed=2)
    found = layerwise_relevance(nets[representation], X, space=space, dtype="float64")
    assert np.abs(found.unaccounted).max() < 1e-9
    assert np.abs(found.bias_share).max() > 1e-3
    logits = nets[representation]._logits(X)
    np.testing.assert_allclose(found.logit, logits.max(axis=1), rtol=1e-4)
    whole = layerwise_relevance(nets[representation], X, space=space, bias="distribute")
    assert np.abs(whole.conservation_error).max() < 1e-3
    total = whole.relevance.sum(axis=tuple(range(1, whole.relevance.ndim)), dtype=float)
    np.testing.assert_allclose(total, whole.logit, rtol=1e-3)


def test_targets_and_batches(nets):
    X, y = planted(7, seed=3)
    net = nets["stft"]
    predicted = layerwise_relevance(net, X)
    assert predicted.target.tolist() == net.predict(X).tolist()
    other = np.where(y == "low", "high", "low")
    one_by_one = layerwise_relevance(net, X, target=other, batch_size=2)
    assert one_by_one.target.tolist() == other.tolist()
    np.testing.assert_allclose(
        one_by_one.relevance, layerwise_relevance(net, X, target=other).relevance, atol=1e-5
    )
    all_low = layerwise_relevance(net, X, target="low")
    rows = y == "high"
    np.testing.assert_allclose(all_low.relevance[rows], one_by_one.relevance[rows], atol=1e-5)
    # With two classes, one contrast is the other, negative.
    up, down = (layerwise_relevance(net, X, target=c, explain="contrast") for c in BURST)
    np.testing.assert_allclose(up.explained, -down.explained, rtol=1e-5)
    np.testing.assert_allclose(predicted.probability, net.predict_proba(X).max(axis=1), rtol=1e-5)
    chosen = predicted.select([4, 1])
    assert len(chosen) == 2 and chosen.logit.tolist() == predicted.logit[[4, 1]].tolist()
    assert "7 events" in repr(predicted)


def test_maps_change_when_weights_are_randomised(nets):
    """Layer by layer, from the logits down: a map that stays does not explain the network."""
    X, _ = planted(6, seed=4)
    net = copy.deepcopy(nets["stft"])
    module = net.net_.module_
    layers = [m for m in module.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    original = layerwise_relevance(net, X, target="low").relevance.ravel()
    torch.manual_seed(0)
    for layer in reversed(layers):
        layer.reset_parameters()
        changed = layerwise_relevance(net, X, target="low").relevance.ravel()
        assert abs(np.corrcoef(original, changed)[0, 1]) < 0.8


def test_estimator_is_left_unchanged(nets):
    X, _ = planted(4, seed=5)
    net = nets["stft"]
    module, kept = net.net_.module_, X.copy()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    training, expected = module.training, net.predict_proba(X)
    layerwise_relevance(net, X, rule={"conv": "gamma", "*": "epsilon"}, space="waveform")
    assert module.training == training
    assert all(p.grad is None and p.requires_grad for p in module.parameters())
    assert all(torch.equal(before[k], v) for k, v in module.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in module.modules())
    assert np.array_equal(net.predict_proba(X), expected)
    assert np.array_equal(X, kept)


def test_pipelines_and_lazy_waveforms(nets, tmp_path):
    X, y = planted(8, seed=6)
    direct = layerwise_relevance(nets["stft"], X)
    scaled = make_pipeline(WaveformScaler(), fitted(max_epochs=1)).fit(X, y)
    inside = layerwise_relevance(scaled, X)
    expected = layerwise_relevance(scaled[-1], scaled[:-1].transform(X))
    np.testing.assert_allclose(inside.relevance, expected.relevance)
    bunch = make_seismic_events(8, n_samples=450, random_state=0)
    write_seisbench(tmp_path / "data", bunch.data, bunch.metadata, sampling_rate=100.0)
    lazy = read_seisbench(tmp_path / "data", lazy=True, label=None).data
    net = fitted(max_epochs=1).fit(bunch.data, bunch.target)
    found, again = layerwise_relevance(net, lazy), layerwise_relevance(net, bunch.data)
    np.testing.assert_allclose(found.relevance, again.relevance, atol=1e-6)
    assert found.components == ("Z", "N", "E")
    assert direct.components == ("channel 0", "channel 1")
    assert layerwise_relevance(nets["stft"], X, components="ZN").components == ("Z", "N")


@pytest.mark.parametrize("network", ["fusion", "waveform"])
def test_masks_of_rocknet(network):
    X, y = make_seismic_events(24, n_samples=600, random_state=0, return_X_y=True)
    net = RockNetClassifier(
        network=network, filters=(3, 4), max_epochs=1, random_state=0, device="cpu"
    ).fit(X, y)
    label = net.event_classes_[0]
    for space in ("input", "waveform"):
        found = layerwise_relevance(
            net, X[:4], target=label, space=space, span=(2.0, 4.0), dtype="float64"
        )
        assert found.relevance.shape == X[:4].shape
        assert np.abs(found.unaccounted).max() < 1e-9
        has_picture = network == "fusion" and space == "input"
        assert list(found.more) == (["spectrogram"] if has_picture else [])
        if has_picture:
            part = found.more["spectrogram"]
            shape = (len(part["frequencies"]), len(part["times"]))
            assert part["relevance"].shape == (4, 1, *shape)
            assert part["times"][0] >= 0 and part["times"][-1] <= 6
    assert np.isin(layerwise_relevance(net, X).target, net.event_classes_).all()
    with pytest.raises(ValueError, match="has no mask"):
        layerwise_relevance(net, X, target="noise")
    with pytest.raises(ValueError, match="span must be two times"):
        layerwise_relevance(net, X, span=(7, 8))


def test_association_is_refused_by_name():
    X, y = make_seismic_events(8, n_stations=2, n_samples=600, random_state=0, return_X_y=True)
    station = RockNetClassifier(filters=(3, 4), max_epochs=1, random_state=0, device="cpu")
    net = RockNetAssociator(station_model=station, max_epochs=1, random_state=0, device="cpu")
    with pytest.raises(TypeError, match=r"LSTM \(recurrent layers"):
        layerwise_relevance(net.fit(X, y), X)


def test_errors(nets):
    X, y = planted(4)
    net = nets["stft"]
    for params, message in [
        ({"target": "rockfall"}, r"target has the labels \['rockfall'\]; the classes are"),
        ({"target": ["low", "high"]}, "one for each of the 4 events"),
        ({"space": "pixels"}, "space must be one of"),
        ({"explain": "softmax"}, "explain must be one of"),
        ({"rule": "deeplift"}, "rule must be one of"),
        ({"batch_size": 0}, "batch_size"),
        ({"dtype": "float16"}, "dtype must be"),
        ({"span": (0, 1)}, "leave span out"),
        ({"components": "ZNE"}, "names 3 channels, but events have 2"),
    ]:
        with pytest.raises(ValueError, match=message):
            layerwise_relevance(net, X, **params)
    with pytest.raises(TypeError, match="forest_contributions"):
        forest = FeatureForestClassifier(sampling_rate=RATE, n_estimators=2, components="ZN")
        layerwise_relevance(forest.fit(X, y), X)
    with pytest.raises(TypeError, match="got DecisionTreeClassifier"):
        layerwise_relevance(DecisionTreeClassifier().fit(X[:, 0], y), X)
    with pytest.raises(ValueError, match="bands need relevance on a map"):
        layerwise_relevance(net, X, space="waveform").band_summary([(1, 5)])


def test_display(nets):
    X, y = planted(4, seed=7)
    other = "low" if y[0] == "high" else "high"
    display = RelevanceDisplay.from_estimator(nets["stft"], X[0], target=[other, None])
    assert display.axes_.shape == (2, 4)
    title = display.axes_[0, 2].get_title(loc="left")
    assert title.startswith(f"{other} (given): logit") and "conservation error" in title
    assert "(predicted)" in display.axes_[0, 3].get_title(loc="left")
    for ax in display.axes_[:, 2:].ravel():
        low, high = ax.collections[0].get_clim()
        assert low == -high == -display.limit_
    assert display.axes_[-1, 0].get_xlabel() == "time (s)"
    assert "frequency (Hz)" in display.axes_[0, 1].get_ylabel()
    same = RelevanceDisplay.from_estimator(nets["stft"], X[0], target=[y[0], None])
    assert same.axes_.shape == (2, 3)
    assert "(given and predicted)" in same.axes_[0, 2].get_title(loc="left")
    assert RelevanceDisplay.from_estimator(nets["cwt"], X[0]).axes_[0, 1].get_yscale() == "log"

    found = layerwise_relevance(nets["waveform"], X)
    _, axes = plt.subplots(2, 1)
    drawn = RelevanceDisplay.from_predictions(found, event=2, ax=axes)
    assert drawn.figure_ is axes[0].figure
    with pytest.raises(ValueError, match="2 x 1 axes"):
        RelevanceDisplay.from_predictions(found, event=2, ax=axes[0])
    with pytest.raises(ValueError, match="X must be one event"):
        RelevanceDisplay.from_estimator(nets["stft"], X)
