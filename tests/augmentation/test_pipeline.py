"""Augmenters inside imbalanced-learn, scikit-learn and files."""

import pickle

import numpy as np
import pytest
import sklearn
from imblearn.base import is_sampler
from imblearn.pipeline import make_pipeline
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.model_selection import GridSearchCV, cross_val_score

import seisclf
from seisclf.augmentation import (
    EarlyWarningAugmenter,
    MissingStationFill,
    MosaicAugmenter,
    StationShuffler,
)
from seisclf.utils import EventLabels, all_estimators

SAMPLERS = [MosaicAugmenter, EarlyWarningAugmenter, StationShuffler, MissingStationFill]


class ReadsArrivals(ClassifierMixin, BaseEstimator):
    """Learns nothing but the number of events and picks that reach it."""

    def fit(self, X, y):
        self.n_rows_ = len(X)
        self.n_second_ = int(y.arrivals["P_1"].notna().sum())
        self.classes_ = np.unique(np.asarray(y))
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


@pytest.fixture
def mosaics(no_control):
    return MosaicAugmenter(**no_control)


def test_pipeline_hands_arrivals_on(jolts, mosaics):
    X, y = jolts
    pipeline = make_pipeline(mosaics, ReadsArrivals()).fit(X, y)
    assert pipeline[-1].n_rows_ == 48
    assert pipeline[-1].n_second_ > 0
    assert len(pipeline.predict(X)) == 36


def test_arrivals_by_metadata_routing(jolts, mosaics):
    X, y = jolts
    with sklearn.config_context(enable_metadata_routing=True):
        asking = mosaics.set_fit_resample_request(arrivals=True)
        pipeline = make_pipeline(asking, ReadsArrivals())
        pipeline.fit(X, np.asarray(y), arrivals=y.arrivals)
        assert pipeline[-1].n_rows_ == 48
        scores = cross_val_score(pipeline, X, np.asarray(y), params={"arrivals": y.arrivals}, cv=3)
        copy = clone(pipeline).fit(X, np.asarray(y), arrivals=y.arrivals)
    assert np.isfinite(scores).all() and copy[-1].n_rows_ == 48


def test_grid_search_over_the_augmenter(jolts, mosaics):
    X, y = jolts
    pipeline = make_pipeline(mosaics, ReadsArrivals())
    grid = {"mosaicaugmenter__sampling_strategy": [0.75, 1.0]}
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("cls", SAMPLERS)
def test_is_known_as_a_sampler(cls):
    assert is_sampler(cls())
    assert dict(all_estimators("sampler"))[cls.__name__] is cls
    assert cls().__sklearn_tags__().target_tags.required


def test_files_keep_parameters_report_and_request(jolts, mosaics, tmp_path):
    X, y = jolts
    with sklearn.config_context(enable_metadata_routing=True):
        mosaics.set_fit_resample_request(arrivals=True)
    first, _ = mosaics.fit_resample(X, y)
    for copy in (
        seisclf.load(mosaics.save(tmp_path / "mosaics.seisclf")),
        pickle.loads(pickle.dumps(mosaics)),
    ):
        assert copy.report_ == mosaics.report_
        np.testing.assert_array_equal(copy.sources_, mosaics.sources_)
        np.testing.assert_array_equal(copy.fit_resample(X, y)[0], first)
        with sklearn.config_context(enable_metadata_routing=True):
            assert copy.get_metadata_routing().fit_resample.requests == {"arrivals": True}


def test_lazy_waveforms_are_read(jolts, mosaics, tmp_path):
    h5py = pytest.importorskip("h5py")
    from seisclf.io import LazyWaveforms

    X, y = jolts
    with h5py.File(tmp_path / "x.hdf5", "w") as file:
        file["x"] = X
    lazy = LazyWaveforms.from_hdf5(tmp_path / "x.hdf5", "x", sampling_rate=50.0, dtype="float64")
    resampled, _ = mosaics.fit_resample(lazy, y)
    np.testing.assert_array_equal(resampled, mosaics.fit_resample(X, y)[0])
    lazy.close()


@pytest.mark.parametrize("n_axes", [2, 3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_axes_and_precision_come_back(jolts, mosaics, n_axes, dtype):
    X, y = jolts
    X = (X[:, 0] if n_axes == 2 else X).astype(dtype)
    resampled, labels = mosaics.fit_resample(X, y)
    assert resampled.ndim == n_axes and resampled.dtype == dtype
    assert isinstance(labels, EventLabels)


def test_wrong_input_is_refused(jolts, mosaics):
    X, y = jolts
    with pytest.raises(ValueError, match="4 axes"):
        mosaics.fit_resample(X[:, np.newaxis], y)
    with pytest.raises(ValueError, match="35 rows for 36 events"):
        mosaics.fit_resample(X, y, arrivals=y.arrivals[1:])
    with pytest.raises(ValueError, match="tuple of 3"):
        mosaics.augment(X, (np.asarray(y), None, None))
    broken = X.copy()
    broken[0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        mosaics.fit_resample(broken, y)
