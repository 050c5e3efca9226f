"""A stopped comparison continues, and only the same fit is reused."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.naive_bayes import GaussianNB

from seisclf.model_selection import CalendarKFold, EventKFold, compare_estimators
from seisclf.model_selection._fingerprint import digest
from seisclf.model_selection._store import FitStore

FITS = []


class Counted(ClassifierMixin, BaseEstimator):
    """Counts its fits, and stops the run at a chosen one as Ctrl-C would."""

    stop_at = None

    def __init__(self, depth=1, n_jobs=None, verbose=0):
        self.depth = depth
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(self, X, y):
        if len(FITS) == Counted.stop_at:
            raise KeyboardInterrupt
        FITS.append(self.depth)
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[self.depth % len(self.classes_)])

    def predict_proba(self, X):
        return np.tile(np.eye(len(self.classes_))[0], (len(X), 1))


@pytest.fixture(autouse=True)
def forget(monkeypatch):
    FITS.clear()
    monkeypatch.setattr(Counted, "stop_at", None)


@pytest.fixture
def run(catalogue, tmp_path):
    X, y, metadata = catalogue

    def run(estimators, **options):
        options = {"cv": EventKFold(3), "metadata": metadata, "store": tmp_path / "fits"} | options
        return compare_estimators(estimators, options.pop("X", X), y, **options)

    return run


def test_a_stopped_run_continues_with_what_is_missing(run, tmp_path):
    estimators = {"a": Counted(1), "b": Counted(2)}
    Counted.stop_at = 4
    with pytest.raises(KeyboardInterrupt):
        run(estimators)
    assert len(FITS) == 4
    Counted.stop_at = None
    second = run(estimators)
    assert len(FITS) == 6
    assert "4 of 6 fits were read from" in second.notes_[-1]
    third = run(estimators)
    assert len(FITS) == 6
    fresh = run(estimators, store=tmp_path / "other")
    for comparison in (third, fresh):
        pd.testing.assert_frame_equal(second.predictions_, comparison.predictions_)
    pd.testing.assert_frame_equal(second.per_fold_, third.per_fold_)


def test_names_jobs_and_order_do_not_matter(run):
    run({"a": Counted(1)})
    run({"renamed": Counted(1, n_jobs=1, verbose=3), "new": Counted(5)})
    assert FITS == [1, 1, 1, 5, 5, 5]


def test_whatever_changes_the_result_is_fitted_again(run, catalogue):
    X, y, metadata = catalogue
    run({"a": Counted(1)})
    changed = X.copy()
    changed[7, 2] += 1e-6
    for options in (
        {"X": changed},
        {"cv": EventKFold(3, shuffle=True, random_state=1)},
        {"scoring": "accuracy"},
        {"random_state": 1},
    ):
        FITS.clear()
        run({"a": Counted(1)}, **options)
        assert len(FITS) == 3, options
    # Two folds of three agree where splits agree: nothing is fitted for a column nobody reads.
    FITS.clear()
    run({"a": Counted(1)}, metadata=metadata.assign(comment="seen"))
    assert FITS == []


def test_broken_files_are_made_again(run, tmp_path):
    run({"a": Counted(1)})
    files = sorted((tmp_path / "fits").iterdir())
    assert len(files) == 3 and all(file.suffix == ".npz" for file in files)
    files[0].write_bytes(files[0].read_bytes()[:100])
    files[1].write_bytes(b"")
    run({"a": Counted(1)})
    assert len(FITS) == 5


def test_no_pickle_is_read(tmp_path):
    store = FitStore(tmp_path)
    np.savez(tmp_path / "key.npz", info=np.array([{"danger": 1}], dtype=object), y_pred=[1])
    assert store.load("key") is None
    with pytest.raises(ValueError, match="is a file"):
        FitStore(tmp_path / "key.npz")


def test_digests_tell_parameters_apart():
    rng = np.random.default_rng(0)
    different = [
        GaussianNB(),
        GaussianNB(var_smoothing=1e-3),
        Counted(),
        {"a": 1},
        [1.0],
        (1.0,),
        [1],
        np.ones(3),
        np.ones((3, 1)),
        np.ones(3, dtype=np.float32),
        lambda x: x + 1,
        lambda x: x + 2,
        np.log,
        np.random.RandomState(0),
        np.random.RandomState(1),
        np.random.default_rng(0),
        pd.DataFrame({"a": [1, 2]}),
        pd.DataFrame({"b": [1, 2]}),
        pd.Series([1, 2]),
        CalendarKFold(3),
        CalendarKFold(4),
        None,
        "None",
    ]
    assert len({digest(value) for value in different}) == len(different)
    assert digest(GaussianNB()) == digest(GaussianNB())
    big = rng.normal(size=(1000, 50))
    assert digest(big) == digest(big.copy(order="F"))
    with pytest.raises(TypeError, match="recognise"):
        digest([object()])
