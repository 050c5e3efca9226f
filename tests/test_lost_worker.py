"""A worker that dies loses no fold of a review, and no vote of a channel."""

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from seisclf.ensemble import ChannelEnsembleClassifier
from seisclf.inspection._folds import make_splits, out_of_fold


class BrokenProcessPool(RuntimeError):
    """What joblib raises when a process has died; here a thread says so."""


class Mortal(ClassifierMixin, BaseEstimator):
    """Knows the mean of each class; the first call of a method that `dies` is in, is lost."""

    def __init__(self, *, dies=()):
        self.dies = dies  # a list that all copies share

    def __sklearn_clone__(self):
        return Mortal(dies=self.dies)

    def _die(self, where):
        if where in self.dies:
            self.dies.remove(where)
            raise BrokenProcessPool("a worker was killed")

    def fit(self, X, y):
        self._die("fit")
        self.classes_ = np.unique(y)
        self.means_ = np.array([X[y == label].mean() for label in self.classes_])
        return self

    def predict_proba(self, X):
        self._die("predict")
        far = np.abs(X.reshape(len(X), -1).mean(axis=1)[:, None] - self.means_)
        return far[:, ::-1] / far.sum(axis=1, keepdims=True)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def events():
    rng = np.random.default_rng(0)
    y = np.array(["quake", "rockfall"] * 12)
    return rng.normal(size=(24, 3, 40)) + (y == "quake")[:, None, None], y


def test_folds_and_votes_survive_a_worker_that_dies():
    X, y = events()
    classes = np.unique(y)
    splits = make_splits(4, X, y, None, None, 0)
    expected, _, fold = out_of_fold(Mortal(), X, y, classes, splits, None)
    ensemble = ChannelEnsembleClassifier(Mortal(), random_state=0).fit(X, y)
    votes = ensemble.predict_proba(X)
    with joblib.parallel_config(backend="threading"):
        with pytest.warns(UserWarning, match="worker of the joblib backend 'threading' was lost"):
            found, models, same = out_of_fold(
                Mortal(dies=["fit"]), X, y, classes, splits, None, n_jobs=2
            )
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(same, fold)
        assert [len(model.means_) for model in models] == [2] * 4
        ensemble.estimator_.dies = ["predict"]
        with pytest.warns(UserWarning, match="was lost"):
            found = ensemble.set_params(n_jobs=2).predict_proba(X)
        np.testing.assert_array_equal(found, votes)
        assert ensemble.estimator_.dies == []
