"""Threads are held to their share, also inside workers, and given back."""

import joblib
import pytest
from threadpoolctl import threadpool_info

from seisclf.utils import limit_threads, threads_per_worker


def blas_threads():
    import numpy as np

    np.ones((8, 8)) @ np.ones((8, 8))
    return max((pool["num_threads"] for pool in threadpool_info()), default=1)


def test_torch_and_blas_are_limited_and_given_back():
    torch = pytest.importorskip("torch")
    torch_before, blas_before = torch.get_num_threads(), blas_threads()
    with limit_threads(2):
        assert torch.get_num_threads() == 2
    try:
        torch.set_num_threads(3)
        with pytest.raises(RuntimeError), limit_threads(1):
            assert torch.get_num_threads() == 1
            assert blas_threads() == 1
            raise RuntimeError
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(torch_before)
    assert blas_threads() == blas_before


def test_no_limit_and_no_threads():
    with limit_threads(None) as n:
        assert n is None
    with pytest.raises(ValueError, match="at least 1 thread"), limit_threads(0):
        pass


@pytest.mark.parametrize("n_cores", [1, 2, 3, 8, 64])
@pytest.mark.parametrize("n_jobs", [1, 2, 3, 8, 100, -1, -2])
def test_workers_times_threads_never_exceed_the_cores(n_jobs, n_cores):
    threads = threads_per_worker(n_jobs, n_cores=n_cores)
    workers = n_jobs if n_jobs > 0 else max(1, n_cores + 1 + n_jobs)
    assert threads >= 1
    assert threads == 1 or workers * threads <= n_cores


def test_n_jobs_as_scikit_learn_counts_them():
    assert threads_per_worker(None, n_cores=4) == 4
    assert threads_per_worker(-1, n_cores=4) == 1
    with joblib.parallel_config(n_jobs=2):
        assert threads_per_worker(None, n_cores=4) == 2
    with pytest.raises(ValueError, match="must not be 0"):
        threads_per_worker(0)


def test_threads_inside_workers_of_a_comparison():
    """Counted in the workers themselves, by an estimator sent there by value."""
    import numpy as np
    from sklearn.base import BaseEstimator, ClassifierMixin

    from seisclf.model_selection import EventKFold, compare_estimators

    class Counts(ClassifierMixin, BaseEstimator):
        def __init__(self, n_jobs=-1):
            self.n_jobs = n_jobs

        def fit(self, X, y):
            import os

            import threadpoolctl
            import torch

            X @ X.T
            pools = [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]
            self.counts_ = [max(pools), torch.get_num_threads(), self.n_jobs, os.getpid()]
            self.classes_ = np.unique(y)
            return self

        def predict(self, X):
            return np.full(len(X), self.classes_[0])

    def reads(which):
        return lambda estimator, X, y: estimator.counts_[which]

    rng = np.random.default_rng(0)
    comparison = compare_estimators(
        {"counts": Counts()},
        rng.normal(size=(40, 5)),
        np.array(["a", "b"] * 20),
        cv=EventKFold(2),
        groups=np.arange(40),
        scoring={name: reads(i) for i, name in enumerate(["blas", "torch", "n_jobs", "pid"])},
        n_jobs=2,
    )
    import os

    scores = comparison.per_fold_.pivot(index="fold", columns="metric", values="score")
    share = max(1, joblib.cpu_count() // 2)
    assert (scores["blas"] <= share).all()
    assert (scores["torch"] <= share).all()
    assert (scores["n_jobs"] <= share).all()
    assert os.getpid() not in set(scores["pid"])
