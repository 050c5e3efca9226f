"""From waveforms to epicentres, with regressors and pickers whose errors are known."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_predict, cross_validate
from sklearn.pipeline import make_pipeline

import seisclf
from seisclf.datasets import make_seismic_events, to_network_events
from seisclf.feature_extraction import SeismicFeatures
from seisclf.io import NetworkEvents
from seisclf.location import SourceLocator, epicentral_error
from seisclf.location._geodesy import direct, inverse_many
from seisclf.model_selection import EventKFold
from seisclf.preprocessing import Resampler
from seisclf.utils import all_estimators

PLACES = np.array([direct((23.5, 70.5), a, 80.0) for a in (10.0, 90.0, 160.0, 220.0, 300.0)])


class Mean(RegressorMixin, BaseEstimator):
    """Says what stands in one component; the next one holds its standard deviation."""

    def __init__(self, component=0, states_std=False):
        self.component = component
        self.states_std = states_std

    def fit(self, X, y, groups=None):
        self.groups_ = groups
        return self

    def predict(self, X, return_std=False):
        values = X[:, self.component].mean(axis=-1)
        if return_std and not self.states_std:
            raise ValueError("no standard deviation")
        return (values, np.full(len(X), 1.0)) if return_std else values


class Picker(BaseEstimator):
    """P at 1 s; S after it by what stands in the third component."""

    fitted_ = True
    sampling_rate = 100.0
    n_samples_in_ = 8

    def pick(self, X):
        seconds = X[:, 2].mean(axis=-1)
        wrong = {"row": np.arange(len(X)), "P": 1.0, "S": 99.0, "P_probability": 0.2}
        right = {"row": np.arange(len(X)), "P": 1.0, "S": 1 + seconds, "P_probability": 0.9}
        tables = [pd.DataFrame(columns) for columns in (wrong, right)]
        return pd.concat(tables, ignore_index=True).assign(S_probability=0.8)


def events(n=40, *, error=2.0, shared=0.0, seed=0):
    """Traces whose first component is the distance with an error, then azimuth and S-P time."""
    rng = np.random.default_rng(seed)
    y = np.array([direct((23.5, 70.5), rng.uniform(0, 360), rng.uniform(0, 60)) for _ in range(n)])
    distance, azimuth = (
        np.array([inverse_many(PLACES, place)[which] for place in y]) for which in (0, 1)
    )
    noise = np.sqrt(shared) * rng.normal(size=(n, 1)) + np.sqrt(1 - shared) * rng.normal(
        size=distance.shape
    )
    said = np.stack([distance + error * noise, azimuth % 360, distance / 7.0], axis=-1)
    return np.repeat(said[..., np.newaxis], 8, axis=-1), y


def test_learns_the_spread_and_finds_the_place():
    X, y = events(error=4.0)
    locator = SourceLocator(Mean(), random_state=0).fit(X[:30], y[:30], PLACES)
    spread = locator.offset_errors_
    assert_allclose(spread["scale"] * (spread["constant"] + 80 * spread["slope"]), 4.0, rtol=0.25)
    assert spread["correlation"] < 0.15
    found = locator.predict(X[30:])
    assert np.median(epicentral_error(y[30:], found)) < 6
    assert found.covers(y[30:]).sum() >= 6
    assert_allclose(locator.score(X[30:], y[30:]), -np.median(epicentral_error(y[30:], found)))
    assert len(found.residuals) == 50


def test_a_regressor_that_is_too_sure_of_itself_is_corrected():
    X, y = events(60, error=5.0)
    sure = Mean(states_std=True)
    believed = SourceLocator(sure, calibrate=None).fit(X, y, PLACES)
    locator = SourceLocator(sure, random_state=0).fit(X, y, PLACES)
    assert believed.offset_errors_["scale"] == believed.std_factor_ == 1.0
    assert locator.offset_errors_["constant"] is None
    assert_allclose(locator.offset_errors_["scale"] * locator.std_factor_, 5.0, rtol=0.25)
    new, truth = events(25, error=5.0, seed=1)
    assert believed.predict(new).covers(truth).mean() < 0.4
    assert locator.predict(new).covers(truth).mean() > 0.7


class Careless(Mean):
    """States the given standard deviation for every tenth trace."""

    def __init__(self, component=0, states_std=True, wrong=0.0, every=10):
        super().__init__(component, states_std)
        self.wrong = wrong
        self.every = every

    def predict(self, X, return_std=False):
        found = super().predict(X, return_std)
        if return_std:
            found[1][:: self.every] = self.wrong
        return found


def test_standard_deviations_of_zero_are_not_believed():
    X, y = events(80)
    settings = {"n_starts": 2, "random_state": 0}
    locator = SourceLocator(Careless(every=100), **settings).fit(X, y, stations=PLACES)
    assert 0.5 < locator.std_factor_ < 3
    assert locator.offset_errors_["floor"] == pytest.approx(0.05)
    assert locator.predict(X[:4]).residuals["std"].min() > 0.05
    # Where nothing else is stated, the spread is measured.
    locator = SourceLocator(Careless(every=1), **settings).fit(X[:19], y[:19], stations=PLACES)
    assert locator.offset_errors_["constant"] == pytest.approx(2.0, rel=0.5)


@pytest.mark.parametrize(
    ("wrong", "words"), [(-1.0, "negative standard"), (np.nan, "finite standard deviation")]
)
def test_standard_deviations_that_are_none(wrong, words):
    X, y = events(12)
    with pytest.raises(ValueError, match=words):
        SourceLocator(Careless(wrong=wrong)).fit(X, y, stations=PLACES)


def test_tables_of_stations_and_epicentres():
    X, y = events(12)
    locator = SourceLocator(Mean(), random_state=0)
    epicentres = pd.DataFrame(y[:, ::-1], columns=["source_longitude", "source_latitude"])
    stations = pd.DataFrame(PLACES, columns=["latitude", "longitude"]).assign(
        station=list("abcde")
    )
    locator.fit(X, epicentres, stations=stations)
    assert_array_equal(locator.stations_, PLACES)
    assert locator.score(X, epicentres) > -10


def test_what_the_traces_of_an_event_share_is_measured():
    X, y = events(80, error=4.0, shared=0.7)
    locator = SourceLocator(Mean(), random_state=0).fit(X, y, PLACES)
    assert 0.5 < locator.offset_errors_["correlation"] < 0.85


def test_regressors_are_told_the_events_and_copies_are_trained():
    X, y = events(12)
    regressor = Mean()
    locator = SourceLocator(regressor).fit(X, y, PLACES)
    assert not hasattr(regressor, "groups_")
    assert_array_equal(locator.offset_regressor_.groups_, np.repeat(np.arange(12), 5))
    assert locator.n_traces_ == 60


def test_picks_are_further_distances():
    X, y = events(20, error=25.0)
    settings = {"n_starts": 2, "random_state": 0}
    alone = SourceLocator(Mean(), **settings).fit(X, y, PLACES)
    both = SourceLocator(Mean(), picker=Picker(), sp_velocity=None, **settings)
    both.fit(X, y, PLACES)
    assert_allclose(both.sp_velocity_, 7.0)
    assert both.score(X[:8], y[:8]) > 0.5 * alone.score(X[:8], y[:8])
    residuals = both.predict(X[:3]).residuals
    assert (residuals["kind"] == "S-P").sum() == 15
    only = SourceLocator(picker=Picker(), sp_velocity=7.0, sp_std=1.0).fit(X, y, PLACES)
    assert only.offset_regressor_ is None
    assert -only.score(X[:5], y[:5]) < 0.01


def test_pickers_that_do_not_fit():
    X, y = events(12)

    def fit(picker, **params):
        return SourceLocator(Mean(), picker=picker, **params).fit(X, y, PLACES)

    with pytest.raises(TypeError, match="must have a method pick"):
        fit(Mean())
    with pytest.raises(ValueError, match="FrozenEstimator"):
        fit(seisclf.neural_network.RockNetClassifier())
    wide = Picker()
    wide.n_samples_in_ = 16
    with pytest.raises(ValueError, match="takes windows of 16 samples at 100 Hz, and gets 8"):
        fit(FrozenEstimator(wide))
    before = Resampler(sampling_rate=50.0, target_rate=100.0).fit(X[0])
    fit(FrozenEstimator(make_pipeline(before, wide)), sp_std=1.0)
    with pytest.raises(ValueError, match="needed to measure their spread"):
        SourceLocator(picker=Picker()).fit(X[:1], y[:1], PLACES)


def test_a_direction_locates_from_one_station():
    X, y = events(20, error=1.0)
    locator = SourceLocator(Mean(), back_azimuth_regressor=Mean(1), random_state=0)
    locator.fit(X, y, PLACES)
    one = X[:1].copy()
    one[:, 1:] = np.nan
    found = locator.predict(one)
    assert found.table["status"][0] == "one station"
    assert epicentral_error(y[:1], found)[0] < 6
    plain = SourceLocator(Mean(), random_state=0).fit(X, y, PLACES)
    with pytest.raises(ValueError, match="event 0 cannot be located"):
        plain.predict(one)
    both = plain.set_params(too_few="nan").predict(np.concatenate([one, X[:1]]))
    assert both.table["status"].tolist() == ["too few stations", "ok"]
    assert plain.score(one, y[:1]) == -np.inf


def test_network_events_bring_their_stations_and_other_networks_may_come():
    X, y = events(20)
    network = NetworkEvents(X, stations=PLACES)
    locator = SourceLocator(Mean(), random_state=0).fit(network, y)
    assert locator.stations_ is None
    assert_array_equal(
        locator.predict(network[:3]), np.asarray(locator.predict(X[:3], stations=PLACES))
    )
    with pytest.raises(ValueError, match="where the stations stand"):
        locator.predict(X[:3])
    three = locator.predict(NetworkEvents(X[:3, :3], stations=PLACES[:3]))
    assert three.table["n_stations"].tolist() == [3, 3, 3]


def test_recordings_with_gaps_are_left_out_with_a_warning():
    X, y = events(20)
    X[3, 2, 0, 4] = np.nan
    X[5, 1] = np.nan  # simply not recorded
    before = X.copy()
    with pytest.warns(UserWarning, match=r"1 with gaps .*event 3 at station 2"):
        locator = SourceLocator(Mean(), random_state=0).fit(X, y, PLACES)
    assert_array_equal(X, before)
    assert locator.n_traces_ == 98
    places = np.tile(PLACES, (20, 1, 1))
    places[0, 0] = np.nan
    with pytest.warns(UserWarning, match="1 at stations without a place"):
        locator.predict(np.nan_to_num(X), places)


@pytest.mark.parametrize(
    ("params", "change", "words"),
    [
        ({}, {"y": np.zeros((12, 3))}, "y must hold latitude and longitude"),
        ({}, {"y": np.zeros((11, 2))}, r"shape \(12, 2\)"),
        ({}, {"y": np.full((12, 2), np.nan)}, "no epicentre for 12 events"),
        ({}, {"stations": PLACES[:4]}, "stations must have the shape"),
        ({}, {"X": np.zeros((12, 3, 8))}, "3 axes"),
        ({"offset_regressor": None}, {}, "needs an offset_regressor, a picker, or both"),
        ({"calibrate": 1}, {}, "calibrate must be a number of folds"),
        ({"calibrate": None}, {}, "states no standard deviation"),
        ({"sp_velocity": -1.0}, {}, "sp_velocity must be positive"),
        ({"level": 1.0}, {}, "level must lie between"),
    ],
)
def test_messages(params, change, words):
    X, y = events(12)
    given = {"X": X, "y": y, "stations": PLACES} | change
    with pytest.raises(ValueError, match=words):
        SourceLocator(**{"offset_regressor": Mean(), **params}).fit(**given)


def test_it_is_an_estimator_though_not_one_for_tables(tmp_path):
    assert "SourceLocator" not in dict(all_estimators())
    X, y = events(20)
    regressor = make_pipeline(
        SeismicFeatures(sampling_rate=100.0, groups=("waveform",)),
        ExtraTreesRegressor(9, random_state=0),
    )
    locator = SourceLocator(regressor, level=0.8, calibrate=2, n_starts=3, random_state=3)
    assert clone(locator).get_params()["level"] == 0.8
    copy = clone(locator).set_params(offset_regressor__extratreesregressor__max_depth=2, level=0.5)
    assert copy.offset_regressor.steps[-1][1].max_depth == 2
    assert locator.level == 0.8
    X = X + np.random.default_rng(0).normal(size=X.shape)
    X = np.repeat(X, 20, axis=-1)
    network = NetworkEvents(X, stations=PLACES)
    locator.fit(network, y)
    again = clone(locator).fit(network, y)
    few = network[:5]
    table = locator.predict(few).table
    pd.testing.assert_frame_equal(again.predict(few).table, table)
    unpickled = pickle.loads(pickle.dumps(locator))
    pd.testing.assert_frame_equal(unpickled.predict(few).table, table)
    path = locator.save(tmp_path / "locator.seisclf")
    for loaded in (SourceLocator.load(path), seisclf.load(path)):
        pd.testing.assert_frame_equal(loaded.predict(few).table, table)
    other = seisclf.save(LinearRegression(), tmp_path / "other.seisclf")
    with pytest.raises(TypeError, match="not a SourceLocator"):
        SourceLocator.load(other)


def test_cross_validation_keeps_stations_with_their_events():
    X, y = events(24)
    network = NetworkEvents(X, stations=PLACES)
    groups = [f"event {i}" for i in range(24)]
    locator = SourceLocator(Mean(), calibrate=2, random_state=0)
    cv = EventKFold(3, stratified=False)
    scores = cross_validate(locator, network, y, cv=cv, groups=groups, error_score="raise")
    assert (scores["test_score"] < 0).all()
    assert (scores["test_score"] > -10).all()
    assert cross_val_predict(locator, network, y, cv=3).shape == (24, 2)


def test_synthetic_earthquakes_with_trees_on_features():
    made = make_seismic_events(
        36,
        n_stations=5,
        classes=("earthquake",),
        sampling_rate=25.0,
        duration=20.0,
        n_sites=1,
        network_radius=40.0,
        random_state=0,
    )
    network = to_network_events(made)
    y = network.metadata[["source_latitude", "source_longitude"]].to_numpy()
    regressor = make_pipeline(
        SeismicFeatures(sampling_rate=25.0), ExtraTreesRegressor(30, random_state=0)
    )
    locator = SourceLocator(regressor, calibrate=2, random_state=0)
    locator.fit(network.data[:26], y[:26])
    error = epicentral_error(y[26:], locator.predict(network.data[26:]))
    centre = epicentral_error(y[26:], np.tile(y[:26].mean(axis=0), (10, 1)))
    assert np.median(error) < 0.7 * np.median(centre)
