"""Network events look like an array, and keep distances and places with their rows."""

import pickle

import numpy as np
import pytest
from sklearn.model_selection import KFold, train_test_split

from seisclf.io import NetworkEvents


def make(n_events=5, n_stations=3):
    rng = np.random.default_rng(0)
    waveforms = rng.normal(size=(n_events, n_stations, 2, 20)).astype(np.float32)
    waveforms[1, 2] = np.nan
    offsets = rng.uniform(1, 50, (n_events, n_stations))
    stations = np.stack([rng.uniform(-60, 60, offsets.shape), offsets], axis=-1)
    return waveforms, offsets, stations


def test_rows_keep_everything_together():
    waveforms, offsets, stations = make()
    events = NetworkEvents(waveforms, offsets=offsets, stations=stations)
    for rows in ([3, 1], slice(1, 4), np.array([True, False, True, False, True])):
        part = events[rows]
        np.testing.assert_array_equal(np.asarray(part), waveforms[rows])
        np.testing.assert_array_equal(part.offsets, offsets[rows])
        np.testing.assert_array_equal(part.stations, stations[rows])
    np.testing.assert_array_equal(events[1], waveforms[1])
    np.testing.assert_array_equal(events[:, 0], waveforms[:, 0])


def test_scikit_learn_splits_them():
    waveforms, offsets, _ = make()
    events = NetworkEvents(waveforms, offsets=offsets)
    train, test = train_test_split(events, test_size=0.4, random_state=0)
    assert isinstance(train, NetworkEvents) and len(train) == 3 and len(test) == 2
    found = np.concatenate([train.offsets, test.offsets])
    np.testing.assert_array_equal(np.sort(found, axis=0), np.sort(offsets, axis=0))
    assert sum(1 for _ in KFold(5).split(events)) == 5


@pytest.mark.parametrize("which", [[2, 0], slice(1, None), np.array([True, False, True])])
def test_several_stations_keep_everything_together(which):
    waveforms, offsets, stations = make()
    events = NetworkEvents(waveforms, offsets=offsets, stations=stations)
    for rows in (slice(None), [1, 0]):
        some = events[rows, which]
        assert isinstance(some, NetworkEvents)
        np.testing.assert_array_equal(np.asarray(some), waveforms[rows][:, which])
        np.testing.assert_array_equal(some.offsets, offsets[rows][:, which])
        np.testing.assert_array_equal(some.stations, events.stations[rows][:, which])
    assert isinstance(events[:, 0], np.ndarray) and isinstance(events[0, which], np.ndarray)
    assert isinstance(events[:, which, 0], np.ndarray)


def test_missing_stations_are_known():
    waveforms, *_ = make()
    waveforms[0, 0, 0] = np.nan  # one component is not the whole station
    recorded = NetworkEvents(waveforms).recorded
    assert recorded.sum() == 14 and not recorded[1, 2]


def test_channels_are_stations_of_one_component():
    events = NetworkEvents(np.ones((4, 6, 30)), offsets=np.arange(6.0))
    assert events.shape == (4, 6, 1, 30) and np.asarray(events[:2]).shape == (2, 6, 1, 30)
    np.testing.assert_array_equal(events[2:].offsets, np.tile(np.arange(6.0), (2, 1)))


def test_ragged_events_are_filled_up():
    one, three = np.ones((1, 2, 9), dtype=np.float32), np.ones((3, 2, 9), dtype=np.float32)
    places = [[[1.0, 2.0]], [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]]
    events = NetworkEvents([one, three], offsets=[[4.0], [1.0, 2.0, 3.0]], stations=places)
    assert events.shape == (2, 3, 2, 9) and events.dtype == np.float32
    assert events.recorded.tolist() == [[True, False, False], [True, True, True]]
    np.testing.assert_array_equal(events.offsets[0], [4.0, np.nan, np.nan])
    assert events.stations.shape == (2, 3, 2)


def test_reads_are_copies_and_pickles_are_whole():
    waveforms, offsets, _ = make()
    events = NetworkEvents(waveforms, offsets=offsets)
    events.read()[:] = 0
    assert np.abs(waveforms).max() > 0 or np.isnan(waveforms).any()
    copy = pickle.loads(pickle.dumps(events[2:]))
    np.testing.assert_array_equal(np.asarray(copy), waveforms[2:])
    np.testing.assert_array_equal(copy.offsets, offsets[2:])


@pytest.mark.parametrize(
    ("waveforms", "more", "message"),
    [
        (np.ones((2, 30)), {}, "n_stations, n_components"),
        (np.ones((2, 3, 1, 30)), {"offsets": np.ones(2)}, r"offsets must have the shape \(2, 3\)"),
        (np.ones((2, 3, 1, 30)), {"offsets": -np.ones((2, 3))}, "not negative"),
        (np.ones((2, 1, 1, 30)), {"stations": [[[120.0, 23.0]]] * 2}, "exchanged"),
        ([np.ones((1, 1, 9)), np.ones((2, 1, 9))], {"offsets": [[1.0], [2.0]]}, "event 1"),
        ([np.ones((1, 1, 9)), np.ones((2, 1, 8))], {}, "equal shape"),
        ([np.ones((2, 1, 9)), np.ones((2, 1, 8))], {}, "equal shape.*cut or resample"),
        ([np.ones((1, 1, 9)), np.ones((2, 1, 9))], {"offsets": [1.0, 2.0]}, "one array for each"),
        (np.ones((2, 3, 1, 30)), {"offsets": "distance"}, "offsets must be numbers"),
        (np.ones((2, 2, 1, 30)), {"offsets": [[1.0], [1.0, 2.0]]}, "offsets must be numbers"),
    ],
)
def test_refusals(waveforms, more, message):
    with pytest.raises(ValueError, match=message):
        NetworkEvents(waveforms, **more)


def test_estimators_take_them_for_their_waveforms():
    from seisclf.ensemble import FeatureForestClassifier

    rng = np.random.default_rng(0)
    waveforms, y = rng.normal(size=(12, 2, 3, 200)), np.arange(12) % 2
    waveforms[3, 1] = np.nan
    events = NetworkEvents(waveforms, offsets=np.ones((12, 2)))
    forest = FeatureForestClassifier(n_estimators=5, random_state=0)
    plain = forest.fit(waveforms, y).predict_proba(waveforms)
    np.testing.assert_array_equal(forest.fit(events, y).predict_proba(events), plain)


def test_stored_comparisons_tell_other_distances_apart():
    from seisclf.model_selection._fingerprint import digest

    waveforms, offsets, _ = make()
    digests = {
        digest(NetworkEvents(waveforms, offsets=distances))
        for distances in (None, offsets, 2 * offsets)
    }
    assert len(digests) == 3
    assert digest(NetworkEvents(waveforms, offsets=offsets)) in digests
