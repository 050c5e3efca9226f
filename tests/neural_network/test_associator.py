"""RockNetAssociator: missing stations, station models, what is trained and what is not."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

import seisclf
from seisclf.augmentation import MissingStationFill
from seisclf.io import LazyWaveforms
from seisclf.neural_network import RockNetAssociator, RockNetClassifier
from seisclf.utils import EventLabels, array_to_arrivals, arrivals_to_array

RATE = 20.0
SETTINGS = dict(sampling_rate=RATE, max_epochs=1, batch_size=8, device="cpu", random_state=0)
STATION = dict(SETTINGS, filters=(3, 3), stride=2)


def make_network(n=12, n_stations=3, n_samples=120, seed=0):
    """Bursts that reach one station after the other, and noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(n_samples) / RATE
    y = np.array(["noise", "rockfall"])[np.arange(n) % 2]
    X = rng.normal(size=(n, n_stations, 3, n_samples))
    arrivals = np.full((n, n_stations, 1, 4), np.nan)
    start = rng.uniform(1, 2.5, (n, 1)) + 0.3 * np.arange(n_stations)
    for i, j in zip(
        *np.nonzero((y == "rockfall")[:, None] & np.ones_like(start, bool)), strict=True
    ):
        inside = (time >= start[i, j]) & (time <= start[i, j] + 2)
        X[i, j] += 8 * inside * np.sin(2 * np.pi * 6 * time)
        arrivals[i, j, 0, 2:] = start[i, j], start[i, j] + 2
    return X.astype(np.float32), y, array_to_arrivals(arrivals)


@pytest.fixture(scope="module")
def network():
    return make_network()


@pytest.fixture(scope="module")
def station(network):
    X, y, _ = network
    return RockNetClassifier(**STATION).fit(X[:, 0], y)


@pytest.fixture(scope="module")
def associator(network, station):
    X, y, arrivals = network
    return RockNetAssociator(station_model=station, **SETTINGS).fit(X, y, arrivals=arrivals)


def weights(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(one, other):
    return all(torch.equal(value, other[name]) for name, value in one.items())


def test_occurrence_is_learned_at_the_first_station(network):
    X, y, arrivals = make_network(32)
    net = RockNetAssociator(
        station_model=RockNetClassifier(**dict(STATION, filters=(4, 6), max_epochs=2, lr=0.01)),
        **dict(SETTINGS, max_epochs=12, lr=0.04),
    ).fit(X, y, arrivals=arrivals)
    X, y, arrivals = make_network(20, seed=1)
    assert net.score(X, y) > 0.75
    peak = net.predict_functions(X)["occurrence_rockfall"][y == "rockfall"].argmax(axis=1) / RATE
    expected = arrivals[0]["start"].to_numpy()[y == "rockfall"] - 0.5
    assert np.median(np.abs(peak - expected)) < 0.5


def test_random_numbers_of_a_missing_station_are_no_event(network, station):
    X, y, arrivals = network
    filled, labels = MissingStationFill(drop_probability=0.3, random_state=0).fit_resample(
        X, EventLabels(y, arrivals)
    )
    net = RockNetAssociator(station_model=station, **SETTINGS).fit(filled, labels)
    assert net.n_whole_window_ == 0
    codes = (y == "rockfall").astype(int)
    targets = net._fill_arrivals(filled, codes, labels.arrivals)[:, :, 0, 2]
    given = arrivals_to_array(labels.arrivals, len(X), n_stations=3)[:, :, 0, 2]
    assert_array_equal(targets, given)
    # Nobody saw the event of row 1: it is the whole window, at all stations.
    nothing = np.random.default_rng(0).random((2, 3, 3, 120)).astype(np.float32)
    assert_array_equal(net._fill_arrivals(nothing, codes[:2], None)[1, :, 0, 2], 0.0)


def test_functions_come_in_order(associator, network):
    functions = associator.predict_functions(network[0][:5])
    assert list(functions) == ["occurrence_rockfall", "P", "S", "rockfall"]
    assert functions["occurrence_rockfall"].shape == (5, 120)
    assert functions["P"].shape == functions["rockfall"].shape == (5, 3, 120)
    assert all(f.dtype == np.float32 for f in functions.values())


def test_largest_occurrence_decides(associator, network):
    X, y, _ = network
    highest = associator.predict_functions(X)["occurrence_rockfall"].max(axis=1)
    for threshold in (np.quantile(highest, 0.3), np.quantile(highest, 0.7)):
        net = associator.set_params(occurrence_threshold=float(threshold))
        expected = np.where(highest >= np.float64(threshold), "rockfall", "noise")
        assert_array_equal(net.predict(X), expected)
    associator.set_params(occurrence_threshold=0.5)


def test_frozen_stations_stay_as_they_are(network, station):
    X, y, arrivals = network
    before = weights(station.net_.module_)
    for freeze in (True, False):
        net = RockNetAssociator(station_model=station, freeze=freeze, **SETTINGS)
        net.fit(X, y, arrivals=arrivals)
        after = weights(net.net_.module_.station)
        assert same(before, after) is freeze  # running means included
        assert same(before, weights(station.net_.module_))
        names = [name for name in net.history_[0] if name.startswith("train_")]
        expected = ["train_loss", "train_occurrence_rockfall_loss"]
        assert set(names) == set(
            expected if freeze else [*expected, "train_P_S_loss", "train_rockfall_loss"]
        )
        assert not same(
            weights(net.net_.module_.decoder), weights(net._new_net("cpu").module_.decoder)
        )


def test_station_functions_are_those_of_the_station_model(associator, station, network):
    X = network[0][:4]
    alone = station.predict_functions(X.reshape(12, 3, 120))["rockfall"]
    joined = associator.predict_functions(X)["rockfall"]
    assert_allclose(joined.reshape(12, 120), alone, atol=1e-6)


@pytest.mark.parametrize("missing", ["random", "masked"])
def test_missing_stations(network, station, missing, tmp_path):
    X, y, arrivals = network
    X = X.copy()
    X[::3, 1] = np.nan
    net = RockNetAssociator(station_model=station, missing=missing, **SETTINGS)
    net.fit(X, y, arrivals=arrivals)
    proba = net.predict_proba(X)
    assert np.isfinite(proba).all()
    order = np.random.default_rng(0).permutation(len(X))
    assert_allclose(net.predict_proba(X[order]), proba[order], atol=1e-6)
    assert_array_equal(net.predict_proba(X), proba)
    loaded = RockNetAssociator.load(net.save(tmp_path / "net.seisclf"))
    assert_array_equal(loaded.predict_proba(X), proba)
    assert not ((net.pick(X)["row"] % 3 == 0) & (net.pick(X)["station"] == 1)).any()


def test_missing_station_needs_no_arrivals(network, station):
    X, y, _ = network
    X = X.copy()
    X[1, 0] = np.nan
    net = RockNetAssociator(station_model=station, **SETTINGS).fit(X, y)
    assert net.n_estimated_ == 6 * 3 - 1
    filled = net._fill_arrivals(X, (y == "rockfall").astype(int), None)
    assert np.isnan(filled[1, 0]).all() and not np.isnan(filled[1, 1:, 0, 2:]).any()


def test_what_cannot_be_used_is_named(network, station, associator):
    X, y, _ = network
    net = RockNetAssociator(station_model=station, **SETTINGS)
    gap = X.copy()
    gap[5, 1, 2, 10:20] = np.nan
    for call in (lambda: net.fit(gap, y), lambda: associator.predict(gap)):
        with pytest.raises(ValueError, match=r"NaN in parts of a station in 1 event \(row 5\)"):
            call()
    nobody = X.copy()
    nobody[7] = np.nan
    with pytest.raises(ValueError, match=r"no station at all, in 1 event \(row 7\)"):
        associator.predict(nobody)
    infinite = X.copy()
    infinite[2, 0, 0, 0] = np.inf
    with pytest.raises(ValueError, match=r"1 event \(row 2\) of 12 contain infinity"):
        associator.predict(infinite)
    with pytest.raises(ValueError, match="2 stations, fit saw 3"):
        associator.predict(X[:, :2])


def test_waveforms_on_disk(network, station, tmp_path):
    import h5py

    X, y, arrivals = network
    X, arrivals = X[:, 0], arrivals[0]
    with h5py.File(tmp_path / "x.hdf5", "w") as file:
        file["x"] = X
        file["gap"] = np.where(np.arange(120) == 5, np.nan, X)
    lazy, gap = (
        LazyWaveforms.from_hdf5(tmp_path / "x.hdf5", name, sampling_rate=RATE)
        for name in ("x", "gap")
    )
    nets = [
        RockNetAssociator(station_model=station, **SETTINGS).fit(data, y, arrivals=arrivals)
        for data in (X, lazy)
    ]
    assert_array_equal(nets[0].predict_proba(X), nets[1].predict_proba(lazy))
    with pytest.raises(ValueError, match="parts of a station in 8 events"):
        nets[0].predict(gap)


def test_one_station_without_an_axis_for_it(network):
    X, y, arrivals = network
    net = RockNetAssociator(station_model=RockNetClassifier(**STATION), **SETTINGS)
    net.fit(X[:, 0], y, arrivals=arrivals[0])
    assert not hasattr(net, "n_stations_in_")
    assert net.predict_functions(X[:, 0])["P"].shape == (12, 1, 120)
    assert net.n_estimated_ == 0


# Station models


def test_a_fitted_station_model_survives_clone_search_and_file(network, station, tmp_path):
    X, y, arrivals = network
    expected = weights(station.net_.module_)
    net = RockNetAssociator(station_model=station, **SETTINGS)
    search = GridSearchCV(clone(net), {"lr": [1e-3]}, cv=2, error_score="raise")
    search.fit(X[:8], y[:8], arrivals=arrivals[:8])
    assert search.best_estimator_.station_model is not station
    frozen = clone(RockNetAssociator(station_model=FrozenEstimator(station), **SETTINGS))
    frozen.fit(X[:8], y[:8], arrivals=arrivals[:8])
    assert_array_equal(frozen.predict_proba(X), search.predict_proba(X))
    for one in (search.best_estimator_, frozen):
        assert same(expected, weights(one.station_model_.net_.module_))
        loaded = seisclf.load(seisclf.save(one, tmp_path / "net.seisclf"))
        assert_array_equal(loaded.predict_proba(X), one.predict_proba(X))
    loaded.set_params(warm_start=True).fit(X[:8], y[:8], arrivals=arrivals[:8])
    assert loaded.n_iter_ == 2


def test_an_unfitted_station_model_is_trained_first(network):
    X, y, arrivals = network
    X = X.copy()
    X[0, 1:] = np.nan
    model = RockNetClassifier(**STATION)
    net = RockNetAssociator(station_model=model, **SETTINGS).fit(X, y, arrivals=arrivals)
    assert not hasattr(model, "net_")
    present = ~np.isnan(X[:, :, 0, 0])
    by_hand = RockNetClassifier(**STATION)
    event, where = np.nonzero(present)
    table = pd.concat([arrivals[j].iloc[[i]] for i, j in zip(event, where, strict=True)])
    by_hand.fit(X[event, where], y[event], groups=event, arrivals=table)
    assert same(weights(by_hand.net_.module_), weights(net.net_.module_.station))


def test_without_a_station_model_one_is_made(network):
    X, y, _ = network
    net = RockNetAssociator(**SETTINGS).fit(X[:6], y[:6])
    assert net.station_model_.sampling_rate == RATE
    assert net.station_model_.n_iter_ == 1
    assert net.station_model_.lr == 1e-4
    net.partial_fit(X[:6], y[:6], epochs=2)
    assert net.n_iter_ == 3 and net.station_model_.n_iter_ == 1


def test_station_models_that_do_not_fit_are_named(network, station):
    X, y, _ = network
    with pytest.raises(TypeError, match="must be a RockNetClassifier"):
        RockNetAssociator(station_model=LogisticRegression(), **SETTINGS).fit(X, y)
    with pytest.raises(ValueError, match="set both to that of the waveforms"):
        RockNetAssociator(station_model=station).fit(X, y)
    with pytest.raises(
        ValueError, match="was fitted to 3 channels and 120 samples; X has 3 and 9"
    ):
        RockNetAssociator(station_model=station, **SETTINGS).fit(X[..., :90], y)
    with pytest.raises(ValueError, match=r"labels \['quake'\], but station_model was fitted"):
        wrong = np.where(y == "noise", "quake", y)
        RockNetAssociator(station_model=station, **SETTINGS).fit(X, wrong)
    with pytest.raises(ValueError, match="FrozenEstimator of a RockNetClassifier that is not"):
        frozen = FrozenEstimator(RockNetClassifier(**STATION))
        RockNetAssociator(station_model=frozen, **SETTINGS).fit(X, y)
    with pytest.raises(ValueError, match="missing must be 'random' or 'masked'"):
        RockNetAssociator(station_model=station, missing="zero", **SETTINGS).fit(X, y)
