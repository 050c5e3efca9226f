"""RandomChannels: other channels at every read, and only those are touched."""

import pickle
import tracemalloc

import h5py
import numpy as np
import pytest
from sklearn.utils import _safe_indexing

from seisclf.io import LazyWaveforms, RandomChannels


@pytest.fixture
def X():
    """Every sample says which event and channel it belongs to."""
    events, channels = np.ogrid[:40, :6]
    return np.repeat((100.0 * events + channels)[..., np.newaxis], 5, axis=2).astype(np.float32)


def drawn(batch):
    """Channels that a batch shows."""
    return (batch[..., 0] % 100).astype(int)


def test_looks_like_an_array_of_few_channels(X):
    random = RandomChannels(X, n_channels=2)
    assert random.shape == (40, 2, 5) and random.ndim == 3 and len(random) == 40
    assert random.dtype == np.float32 and random.nbytes == 40 * 2 * 5 * 4
    batch = random.read([3, 1])
    assert batch.shape == (2, 2, 5) and batch.base is None and batch.flags.writeable
    np.testing.assert_array_equal(batch[:, 0, 0] // 100, [3, 1])
    assert np.asarray(random).shape == random.shape


def test_every_read_draws_anew_and_a_fixed_one_does_not(X):
    random = RandomChannels(X)
    first, second = random.read(), random.read()
    assert (drawn(first) != drawn(second)).mean() > 0.5
    fixed = random.fixed()
    np.testing.assert_array_equal(fixed.read(), fixed.read())
    np.testing.assert_array_equal(fixed.read([7, 2]), fixed.read()[[7, 2]])
    np.testing.assert_array_equal(fixed[[7, 2]].read(), fixed.read()[[7, 2]])
    assert len(np.unique(drawn(fixed.read()))) > 3


def test_the_seed_fixes_the_draws_also_in_a_pickle(X):
    random, again = RandomChannels(X, seed=3), RandomChannels(X, seed=3)
    for _ in range(3):
        np.testing.assert_array_equal(random.read(), again.read())
    copy = pickle.loads(pickle.dumps(random))
    np.testing.assert_array_equal(copy.read(), random.read())
    assert (RandomChannels(X, seed=4).read() != again.read()).any()


def test_unusable_channels_are_never_drawn_and_the_others_equally_often(X):
    X[:, 0] = np.nan
    X[::2, 1, 2] = np.nan
    random = RandomChannels(X)
    counts = np.zeros((40, 6), dtype=int)
    for _ in range(3000):
        np.add.at(counts, (np.arange(40), drawn(random.read())[:, 0]), 1)
    assert not counts[:, 0].any() and not counts[::2, 1].any()
    usable = np.where(np.arange(40)[:, np.newaxis] % 2 == 0, 4, 5)
    expected = np.where(counts > 0, 3000 / usable, 0)
    # Five standard deviations of a binomial count.
    assert np.abs(counts - expected).max() < 5 * np.sqrt(3000 * 0.25 * 0.75)
    assert ((counts > 0).sum(axis=1) == usable[:, 0]).all()


def test_no_channel_twice_as_long_as_there_are_enough(X):
    usable = np.ones((40, 6), dtype=bool)
    usable[5, 2:] = False
    channels = drawn(RandomChannels(X, usable, n_channels=4).read())
    distinct = np.array([len(set(row)) for row in channels])
    assert distinct[5] == 2 and (np.delete(distinct, 5) == 4).all()
    np.testing.assert_array_equal(np.sort(channels[5]), [0, 0, 1, 1])


def test_selected_rows(X):
    random = RandomChannels(X)
    part = random[10:14]
    assert isinstance(part, RandomChannels) and part.shape == (4, 1, 5)
    np.testing.assert_array_equal(part.read()[:, 0, 0] // 100, [10, 11, 12, 13])
    np.testing.assert_array_equal(part[[3, 0]].read()[:, 0, 0] // 100, [13, 10])
    mask = np.arange(40) % 20 == 0
    assert _safe_indexing(random, np.flatnonzero(mask)).shape == (2, 1, 5)
    assert random[mask].shape == (2, 1, 5) and random[5].shape == (1, 5)
    # An event given twice is drawn twice.
    twice = random[np.zeros(200, dtype=int)].read()
    assert len(np.unique(drawn(twice))) == 6
    assert len(pickle.dumps(random[:2])) < len(pickle.dumps(random)) / 3


def test_of_a_memory_map_only_the_channels_drawn_come_to_memory(tmp_path):
    X = np.random.default_rng(0).normal(size=(30, 24, 5000)).astype(np.float32)
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    random = RandomChannels(mapped)
    np.testing.assert_array_equal(random.read(), RandomChannels(X).read())
    tracemalloc.start()
    batch = random.read(np.arange(20))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert type(batch) is np.ndarray and batch.base is None
    assert peak < 1.5 * batch.nbytes


def test_waveforms_on_disk_and_pictures(tmp_path, X):
    with h5py.File(tmp_path / "w.hdf5", "w") as file:
        file["x"] = X
    lazy = LazyWaveforms.from_hdf5(tmp_path / "w.hdf5", "x", sampling_rate=1.0)
    rows = [4, 9, 4]
    np.testing.assert_array_equal(RandomChannels(lazy).read(rows), RandomChannels(X).read(rows))
    pictures = np.broadcast_to(X[..., np.newaxis], (*X.shape, 7))
    assert RandomChannels(pictures, n_channels=3).read([1, 2]).shape == (2, 3, 5, 7)
    stations = RandomChannels(pictures, keep_axis=False)
    assert stations.shape == (40, 5, 7) and stations.read([1]).shape == (1, 5, 7)


def test_pairs_are_not_left_to_chance(X):
    rows = RandomChannels.of_pairs(X, [3, 3, 0], [5, 1, 2])
    np.testing.assert_array_equal(rows.read()[:, 0, 0], [305, 301, 2])
    np.testing.assert_array_equal(rows[[2, 0]].read()[:, 0, 0], [2, 305])
    assert rows.fixed() is rows and pickle.loads(pickle.dumps(rows)).shape == (3, 1, 5)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"usable": np.ones((40, 5))}, "usable must have the shape"),
        ({"n_channels": 0}, "n_channels must be a positive integer"),
        ({"n_channels": 2, "keep_axis": False}, "keep_axis=False needs n_channels=1"),
    ],
)
def test_refusals(X, params, message):
    with pytest.raises(ValueError, match=message):
        RandomChannels(X, **params)


def test_events_without_a_channel_are_refused(X):
    X[[3, 8]] = np.nan
    with pytest.raises(ValueError, match=r"2 of 40 events have no usable channel \(row 3, 8\)"):
        RandomChannels(X)
    with pytest.raises(ValueError, match="one channel is"):
        RandomChannels(X[:, 0])
