"""Station order and missing stations."""

import numpy as np
import pytest

from seisclf.augmentation import MissingStationFill, StationShuffler
from seisclf.datasets import make_seismic_events
from seisclf.utils import EventLabels, array_to_arrivals, arrivals_to_array


@pytest.fixture
def network():
    """Values and arrivals tell the event and the station: 10 event + station."""
    name = 10.0 * np.arange(20)[:, np.newaxis] + np.arange(4)
    X = np.broadcast_to(name[..., np.newaxis, np.newaxis], (20, 4, 3, 50)).copy()
    times = np.stack([name, name + 0.5, name, name + 1], axis=-1)[:, :, np.newaxis]
    labels = np.array(["rockfall", "noise"])[np.arange(20) % 2]
    return X, EventLabels(labels, array_to_arrivals(times))


def arrivals_of(labels):
    return arrivals_to_array(labels.arrivals, len(labels), n_stations=4)


class TestShuffler:
    def test_traces_keep_their_arrivals(self, network):
        X, y = network
        shuffled, labels = StationShuffler(random_state=0).fit_resample(X, y)
        assert shuffled.shape == (40, 4, 3, 50)
        np.testing.assert_array_equal(shuffled[:, :, 0, 0], arrivals_of(labels)[:, :, 0, 0])
        np.testing.assert_array_equal(shuffled[:20], X)
        np.testing.assert_array_equal(labels[20:], y)
        new = shuffled[20:, :, 0, 0]
        np.testing.assert_array_equal(np.sort(new, axis=1), X[:, :, 0, 0])
        assert len(np.unique(new % 10, axis=0)) > 5

    def test_orders_say_where_stations_went(self, network):
        X, y = network
        shuffler = StationShuffler(n_copies=3, random_state=0)
        shuffled, _ = shuffler.fit_resample(X, y)
        assert len(shuffled) == 80
        np.testing.assert_array_equal(shuffled[20:, :, 0, 0] % 10, shuffler.orders_)

    def test_on_the_fly(self, network):
        X, y = network
        codes, times = np.arange(20), arrivals_of(y)
        shuffled, (same, moved) = StationShuffler().augment(X, (codes, times), 0)
        assert same is codes and (shuffled != X).any()
        np.testing.assert_array_equal(shuffled[:, :, 0, 0], moved[:, :, 0, 0])
        np.testing.assert_array_equal(times, arrivals_of(y))

    def test_needs_no_arrivals(self, network):
        X, y = network
        _, labels = StationShuffler(random_state=0).fit_resample(X, np.asarray(y))
        assert type(labels) is np.ndarray
        shuffled, same = StationShuffler().augment(X, np.arange(20), 0)
        assert shuffled.shape == X.shape and (same == np.arange(20)).all()

    def test_missing_stations_move_along(self):
        events = make_seismic_events(
            12, n_stations=4, n_samples=600, missing_station_probability=0.5, random_state=0
        )
        arguments = events.data, events.target, events.arrivals
        shuffled, y = StationShuffler(random_state=0).fit_resample(*arguments)
        missing = np.isnan(shuffled).all(axis=(2, 3))
        np.testing.assert_array_equal(missing[12:].sum(axis=1), missing[:12].sum(axis=1))
        assert np.isnan(arrivals_of(y)[missing]).all()

    def test_without_stations_nothing_is_done(self):
        X = np.ones((4, 3, 50))
        with pytest.warns(UserWarning, match="no axis of stations"):
            same, _ = StationShuffler().fit_resample(X, np.arange(4))
        np.testing.assert_array_equal(same, X)


class TestMissing:
    @pytest.fixture
    def gappy(self, network):
        X, y = network
        missing = np.random.default_rng(1).random((20, 4)) < 0.3
        X[missing] = np.nan
        return X, y, missing

    def test_stations_that_are_there_stay(self, gappy):
        X, y, missing = gappy
        before = X.copy()
        filler = MissingStationFill(random_state=0)
        filled, labels = filler.fit_resample(X, y)
        np.testing.assert_array_equal(filled[~missing], X[~missing])
        np.testing.assert_array_equal(filler.missing_, missing)
        np.testing.assert_array_equal(X, before)
        times = arrivals_of(labels)
        np.testing.assert_array_equal(times[~missing], arrivals_of(y)[~missing])
        assert np.isnan(times[missing]).all()

    def test_random_numbers_are_uniform_and_seeded(self, gappy):
        X, y, missing = gappy
        first, second = (MissingStationFill(random_state=3).fit_resample(X, y)[0] for _ in "ab")
        numbers = first[missing]
        assert numbers.min() >= 0 and numbers.max() < 1
        assert numbers.mean() == pytest.approx(0.5, abs=0.03)
        assert numbers.var() == pytest.approx(1 / 12, rel=0.1)
        np.testing.assert_array_equal(first, second)
        assert not np.array_equal(*(trace for trace in numbers[:2, 0]))

    def test_drop_probability(self):
        X = np.ones((2000, 4, 1, 2))
        filler = MissingStationFill(drop_probability=0.3, random_state=0)
        filler.fit_resample(X, np.zeros(2000))
        assert filler.missing_.mean() == pytest.approx(0.3, abs=0.02)

    def test_one_station_always_stays(self, gappy):
        X, y, missing = gappy
        filler = MissingStationFill(drop_probability=1.0, random_state=0)
        filled, labels = filler.fit_resample(X, y)
        some = ~missing.all(axis=1)
        np.testing.assert_array_equal((~filler.missing_).sum(axis=1), some)
        stays = ~filler.missing_
        np.testing.assert_array_equal(filled[stays], X[stays])
        np.testing.assert_array_equal(np.isfinite(arrivals_of(labels)).all(axis=(2, 3)), stays)

    def test_fill_with_nan(self, gappy):
        X, y, _ = gappy
        filler = MissingStationFill(fill="nan", drop_probability=0.5, random_state=0)
        filled, _ = filler.fit_resample(X, y)
        np.testing.assert_array_equal(np.isnan(filled).all(axis=(2, 3)), filler.missing_)

    def test_on_the_fly(self, gappy):
        X, y, missing = gappy
        times = arrivals_of(y)
        filled, (codes, moved) = MissingStationFill().augment(X, (np.arange(20), times), 0)
        assert np.isfinite(filled).all() and (codes == np.arange(20)).all()
        assert np.isnan(moved[missing]).all() and np.isfinite(times).all()

    @pytest.mark.parametrize("place", [(3, 1, 0), (3, 1, slice(None), slice(0, 5))])
    def test_gap_is_refused(self, network, place):
        X, y = network
        X[place] = np.nan
        for act in (MissingStationFill().fit_resample, MissingStationFill().augment):
            with pytest.raises(ValueError, match="station 1 of event 3 is NaN in parts"):
                act(X, y)

    @pytest.mark.parametrize("params", [{"drop_probability": 2}, {"fill": "zero"}])
    def test_wrong_parameter_is_named(self, network, params):
        with pytest.raises(ValueError, match=f"{next(iter(params))} must be"):
            MissingStationFill(**params).fit_resample(*network)
