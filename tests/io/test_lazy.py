"""LazyWaveforms: an array on disk that scikit-learn can split."""

import multiprocessing
import pickle

import h5py
import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.utils import _safe_indexing

from seisclf.io import LazyWaveforms


@pytest.fixture
def array():
    return np.random.default_rng(0).normal(size=(50, 3, 40)).astype(np.float32)


@pytest.fixture
def lazy(tmp_path, array):
    path = tmp_path / "w.hdf5"
    with h5py.File(path, "w") as file:
        file["x"] = array
    return LazyWaveforms.from_hdf5(path, "x", sampling_rate=100.0)


def test_looks_like_the_array(lazy, array):
    assert lazy.shape == array.shape
    assert (lazy.ndim, lazy.dtype, lazy.size, lazy.nbytes, len(lazy)) == (
        3,
        array.dtype,
        array.size,
        array.nbytes,
        50,
    )
    np.testing.assert_array_equal(np.asarray(lazy), array)
    np.testing.assert_array_equal(np.stack(list(lazy)), array)
    assert np.asarray(lazy, dtype=np.float64).dtype == np.float64


@pytest.mark.parametrize(
    "rows",
    [
        slice(3, 30, 4),
        slice(None, None, -1),
        [5, 1, 1, 49, -1],
        np.arange(50) % 3 == 0,
        np.array([], dtype=int),
        np.random.default_rng(1).permutation(50),
    ],
    ids=["slice", "reversed", "list", "mask", "empty", "permutation"],
)
def test_rows_make_a_lazy_view(lazy, array, rows):
    view = lazy[rows]
    assert isinstance(view, LazyWaveforms)
    np.testing.assert_array_equal(view.read(), array[rows])
    np.testing.assert_array_equal(lazy.read(rows), array[rows])
    np.testing.assert_array_equal(lazy[rows, ...].read(), array[rows])
    np.testing.assert_array_equal(lazy[::-1][rows].read(), array[::-1][rows])


@pytest.mark.parametrize(
    "key", [7, -1, (4, 2), (slice(None), 0), (slice(5, 9), slice(None), slice(3, 8)), ([3, 1], 2)]
)
def test_other_indexing_reads(lazy, array, key):
    found = lazy[key]
    assert isinstance(found, np.ndarray)
    np.testing.assert_array_equal(found, array[key])


@pytest.mark.parametrize("rows", [50, [0, 50], -51, np.ones(49, bool), [[0, 1]], [0.5]])
def test_bad_rows_raise(lazy, rows):
    with pytest.raises(IndexError):
        lazy[rows]


def test_what_is_read_is_the_callers(lazy, array):
    first = lazy.read()
    first[:] = 0
    np.testing.assert_array_equal(lazy.read(), array)


def test_scattered_rows_of_a_large_block(tmp_path):
    """Rows far apart are read in several runs; none may be lost or swapped."""
    array = np.arange(3000 * 2 * 500, dtype=np.int32).reshape(3000, 2, 500)
    with h5py.File(tmp_path / "w.hdf5", "w") as file:
        file.create_dataset("x", data=array, chunks=(64, 2, 500))
    lazy = LazyWaveforms.from_hdf5(tmp_path / "w.hdf5", "x")
    rows = np.random.default_rng(0).choice(3000, 300)
    np.testing.assert_array_equal(lazy.read(rows), array[rows].astype(np.float32))


def test_window_and_valid(lazy, array):
    first = np.r_[-5, 10, 39, 40, np.zeros(46, int)]
    window = lazy.window(first, 20)
    assert window.shape == (50, 3, 20)
    padded = np.pad(array, ((0, 0), (0, 0), (30, 30)))
    expected = np.stack([padded[i, :, 30 + f : 50 + f] for i, f in enumerate(first)])
    np.testing.assert_array_equal(window.read(), expected)
    np.testing.assert_array_equal(window.valid()[:4].sum(axis=1), [15, 20, 1, 0])
    # Windows of windows add up.
    np.testing.assert_array_equal(window.window(2, 5).read(), expected[..., 2:7])


def test_dtype(lazy):
    assert lazy.astype("float64").read().dtype == np.float64
    with pytest.raises(TypeError, match="floating"):
        lazy.astype(int)


def test_missing_stations_are_nan(lazy, array):
    network = LazyWaveforms(lazy._table, rows=[[0, 1], [2, -1], [-1, -1]])
    assert network.shape == (3, 2, 3, 40)
    read = pickle.loads(pickle.dumps(network)).read()
    np.testing.assert_array_equal(read[0], array[:2])
    np.testing.assert_array_equal(read[1, 0], array[2])
    assert np.isnan(read[1, 1]).all()
    assert np.isnan(read[2]).all()
    assert np.isnan(pickle.loads(pickle.dumps(network[2:])).read()).all()
    assert network.valid().sum() == 3 * 40


def test_pickle_is_small_and_reopens(lazy, array):
    lazy.read()
    rows = [40, 3, 3]
    text = pickle.dumps(lazy[rows])
    assert len(text) < 3000
    np.testing.assert_array_equal(pickle.loads(text).read(), array[rows])


def test_closed_files_reopen(lazy, array):
    lazy.read()
    lazy.close()
    np.testing.assert_array_equal(lazy[3], array[3])


def test_a_vanished_file_is_named(lazy, tmp_path):
    (tmp_path / "w.hdf5").unlink()
    with pytest.raises(FileNotFoundError, match="w.hdf5"):
        lazy.read()


def _sum_of(lazy):
    return float(np.abs(lazy.read()).sum())


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_fork_after_reading(lazy, array):
    expected = _sum_of(lazy)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(_sum_of, [lazy[:], lazy]) == [expected, expected]
    assert _sum_of(lazy) == expected


class NearestPeak(ClassifierMixin, BaseEstimator):
    """Smallest classifier that meets a lazy X unread."""

    def __init__(self, channel=0):
        self.channel = channel

    def fit(self, X, y):
        assert isinstance(X, LazyWaveforms)
        self.classes_, y = np.unique(y, return_inverse=True)
        level = X[:, self.channel].max(axis=1)
        self.levels_ = np.array([level[y == k].mean() for k in range(len(self.classes_))])
        return self

    def predict(self, X):
        level = X.read()[:, self.channel].max(axis=1)
        return self.classes_[np.abs(level[:, np.newaxis] - self.levels_).argmin(axis=1)]


def test_scikit_learn_splits_and_searches(lazy):
    y = np.where(np.asarray(lazy)[:, 1].max(axis=1) > 2.2, "high", "low")
    assert isinstance(_safe_indexing(lazy, np.array([3, 1])), LazyWaveforms)
    train, test, _, _ = train_test_split(lazy, y, test_size=10, stratify=y, random_state=0)
    assert (len(train), len(test)) == (40, 10)
    assert isinstance(train, LazyWaveforms)
    assert cross_val_score(NearestPeak(1), lazy, y, cv=3).mean() > 0.8
    search = GridSearchCV(NearestPeak(), {"channel": [0, 1, 2]}, cv=3, n_jobs=2).fit(lazy, y)
    assert search.best_params_ == {"channel": 1}


def test_one_rate_is_needed(lazy):
    table = lazy._table.take(np.arange(4))
    table.rate = np.array([50.0, 50.0, 100.0, 100.0])
    with pytest.raises(ValueError, match="sampling_rate=50"):
        LazyWaveforms(table)


def test_rows_are_resampled_when_asked(lazy, array):
    table = lazy._table.take(np.arange(4))
    table.rate = np.array([50.0, 50.0, 100.0, 100.0])
    mixed = LazyWaveforms(table, sampling_rate=100.0)
    assert mixed.shape == (4, 3, 80)
    read = mixed.read()
    np.testing.assert_array_equal(read[2:, :, :40], array[2:4])
    assert mixed.valid().sum(axis=1).tolist() == [80, 80, 40, 40]
    # Band-limited interpolation keeps the level of white noise below the old Nyquist frequency.
    assert np.ptp(read[0]) > 0.5 * np.ptp(array[0])
