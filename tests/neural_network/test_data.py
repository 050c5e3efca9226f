"""Batches, augmentation, data on disk, the inner split, schedules and devices."""

import math
import multiprocessing

import h5py
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.model_selection import GridSearchCV, GroupKFold

from seisclf.io import LazyWaveforms
from seisclf.neural_network import STFTCNNClassifier
from seisclf.neural_network import _device as device_module
from seisclf.neural_network._batches import BatchIterator, EventDataset
from seisclf.neural_network._inner_split import inner_split


@pytest.fixture
def lazy(events, tmp_path):
    path = tmp_path / "waveforms.hdf5"
    with h5py.File(path, "w") as file:
        file["x"] = events[0]
    return LazyWaveforms.from_hdf5(path, "x", sampling_rate=100.0)


def test_batches_hold_every_row_once_in_a_new_order_each_time(events):
    X = events[0]
    batches = BatchIterator(EventDataset(X, np.arange(60)), 16, shuffle=True, seed=1)
    passes = [[int(i) for _, y in batches for i in y] for _ in range(2)]
    assert sorted(passes[0]) == sorted(passes[1]) == list(range(60))
    assert passes[0] != passes[1]
    assert len(batches) == 4
    for inputs, y in batches:
        assert_array_equal(inputs["x"], X[y])


def test_a_single_last_row_joins_the_batch_before():
    X = np.zeros((33, 1, 4))
    train = BatchIterator(EventDataset(X), 16, shuffle=True)
    assert [len(inputs["x"]) for inputs, _ in train] == [16, 17]
    predict = BatchIterator(EventDataset(X), 16)
    assert [len(inputs["x"]) for inputs, _ in predict] == [16, 16, 1]


def test_a_batch_never_shares_memory_with_the_callers_array():
    X = np.zeros((8, 1, 4), dtype=np.float32)
    for inputs, _ in BatchIterator(EventDataset(X), 4):
        inputs["x"] += 1
    assert not X.any()


def test_batch_norm_survives_one_event_too_many(events):
    X, y, _ = events
    rows = np.r_[0:33]
    net = STFTCNNClassifier(
        n_filters=(2, 2, 2, 2, 2),
        window_length=0.04,
        hop=0.02,
        batch_norm=True,
        batch_size=16,
        max_epochs=1,
    )
    net.fit(X[rows], y[rows])
    assert np.isfinite(net.predict_proba(X)).all()


def test_data_on_disk_train_as_those_in_memory(Tiny, events, lazy):
    X, y, groups = events
    settings = dict(batch_size=16, early_stopping=True, random_state=0)
    in_memory = Tiny(**settings).fit(X, y, groups=groups)
    on_disk = Tiny(**settings).fit(lazy, y, groups=groups)
    assert_array_equal(on_disk.predict_proba(lazy), in_memory.predict_proba(X))
    assert_array_equal(on_disk.predict_proba(X), in_memory.predict_proba(lazy))


def test_grid_search_on_data_on_disk(Tiny, events, lazy):
    _, y, _ = events
    search = GridSearchCV(Tiny(random_state=0), {"lr": [1e-4, 0.05]}, cv=3).fit(lazy, y)
    assert search.best_params_ == {"lr": 0.05}


def test_values_on_disk_are_checked_when_they_are_read(Tiny, events, tmp_path):
    X, y, _ = events
    X = X.copy()
    X[37, 0, 3] = np.nan
    with h5py.File(tmp_path / "gaps.hdf5", "w") as file:
        file["x"] = X
    lazy = LazyWaveforms.from_hdf5(tmp_path / "gaps.hdf5", "x", sampling_rate=100.0)
    with pytest.raises(ValueError, match=r"1 events of one batch \(row 37\)"):
        Tiny().fit(lazy, y)


class Flip:
    def __init__(self):
        self.calls = []

    def augment(self, X, y, rng):
        self.calls.append(rng.random())
        X *= -1  # its own copy
        return X, y


def test_augmenter_sees_training_batches_only(Tiny, events):
    X, y, _ = events
    before = X.copy()
    flip = Flip()
    settings = dict(batch_size=20, max_epochs=2, random_state=0)
    net = Tiny(augmenter=flip, **settings).fit(X, y)
    assert len(flip.calls) == len(set(flip.calls)) == 6
    assert_array_equal(X, before)
    flipped = Tiny(**settings)
    flipped.fit(-X, y)
    assert_array_equal(net.predict_proba(X), flipped.predict_proba(X))


def test_augmenter_may_return_probabilities_as_targets(Tiny, events):
    class Soft:
        def augment(self, X, y, rng):
            return X, np.eye(3, dtype=np.float32)[y]

    X, y, _ = events
    soft = Tiny(augmenter=Soft(), random_state=0).fit(X, y)
    hard = Tiny(random_state=0).fit(X, y)
    np.testing.assert_allclose(soft.predict_proba(X), hard.predict_proba(X), atol=1e-5)


def test_augmenter_must_keep_the_rows(Tiny, events):
    class Double:
        def augment(self, X, y, rng):
            return np.concatenate([X, X]), np.concatenate([y, y])

    with pytest.raises(ValueError, match="turned 60 rows into 120"):
        Tiny(augmenter=Double()).fit(*events[:2])


# The inner split


def test_groups_stay_together_and_classes_keep_their_shares():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 60, size=600)
    labels = rng.choice(3, p=[0.7, 0.2, 0.1], size=600)
    train, valid = inner_split(600, 0.2, labels=labels, groups=groups, seed=1)
    assert not set(groups[train]) & set(groups[valid])
    assert_array_equal(np.sort(np.r_[train, valid]), np.arange(600))
    assert 0.15 < len(valid) / 600 < 0.25
    shares = np.bincount(labels[valid]) / len(valid)
    np.testing.assert_allclose(shares, [0.7, 0.2, 0.1], atol=0.06)


def test_split_without_groups_is_stratified_and_exact():
    labels = np.repeat([0, 1], [80, 20])
    train, valid = inner_split(100, 0.1, labels=labels, seed=0)
    assert_array_equal(np.bincount(labels[valid]), [8, 2])
    assert not set(train) & set(valid)


def test_training_keeps_a_class_that_has_one_event():
    labels = np.r_[np.zeros(30, int), 1]
    with pytest.warns(UserWarning, match="does not keep the proportions"):
        train, valid = inner_split(31, 0.2, labels=labels, seed=0)
    assert 30 in train
    assert len(valid) == 6


def test_training_keeps_a_class_that_has_one_group():
    groups, labels = np.repeat(np.arange(6), 5), np.repeat([0, 0, 0, 0, 0, 1], 5)
    for seed in range(10):
        train, valid = inner_split(30, 0.5, labels=labels, groups=groups, seed=seed)
        assert set(labels[train]) == {0, 1}
        assert len(valid) > 0


def test_classes_that_coincide_with_groups_are_divided_with_a_message():
    groups = np.repeat([0, 1, 2], 5)
    with pytest.warns(UserWarning, match="keeps groups together but not the classes"):
        train, valid = inner_split(15, 0.3, labels=groups, groups=groups, seed=0)
    assert set(groups[valid]).isdisjoint(groups[train])


def test_nothing_to_set_aside_is_an_error():
    with pytest.raises(ValueError, match="only one group"):
        inner_split(10, 0.1, labels=np.arange(10) % 2, groups=np.zeros(10), seed=0)
    with pytest.raises(ValueError, match="1 event"):
        inner_split(1, 0.1, seed=0)


def test_groups_reach_the_split_through_a_nested_search(Tiny, events):
    import sklearn

    seen = []

    class Watching(Tiny):
        def fit(self, X, y, sample_weight=None, groups=None):
            seen.append(groups)
            return super().fit(X, y, sample_weight=sample_weight, groups=groups)

        __init__ = Tiny.__init__

    X, y, groups = events
    with sklearn.config_context(enable_metadata_routing=True):
        net = Watching(early_stopping=3, max_epochs=3).set_fit_request(groups=True)
        GridSearchCV(net, {"lr": [0.01, 0.05]}, cv=GroupKFold(2)).fit(X, y, groups=groups)
    assert len(seen) == 5
    assert all(g is not None for g in seen)


# Learning rates


def test_cosine_with_warmup(Tiny, events):
    X, y, _ = events
    params = {"min_lr": 0.001, "warmup": 2}
    net = Tiny(lr_schedule="cosine", lr_schedule_params=params, lr=0.09, max_epochs=6).fit(X, y)
    expected = [0.03, 0.06] + [
        0.001 + 0.089 * (1 + math.cos(math.pi * k / 4)) / 2 for k in range(4)
    ]
    np.testing.assert_allclose([row["lr"] for row in net.history_], expected)


def test_plateau_waits_and_then_lowers(Tiny, events):
    X, y, _ = events
    params = {"patience": 2, "factor": 0.5, "min_lr": 0.02, "min_delta": 1e9}
    net = Tiny(lr_schedule="plateau", lr_schedule_params=params, lr=0.08, max_epochs=8).fit(X, y)
    # The first epoch is the best one so far; after two more without gain the rate halves.
    rates = [row["lr"] for row in net.history_]
    np.testing.assert_allclose(rates, [0.08, 0.08, 0.08, 0.04, 0.04, 0.02, 0.02, 0.02])


def test_plateau_leaves_the_rate_alone_while_the_loss_falls(Tiny, events):
    X, y, _ = events
    net = Tiny(lr_schedule="plateau", lr=0.01, max_epochs=8, random_state=0).fit(X, y)
    assert {row["lr"] for row in net.history_} == {0.01}


# Devices


def test_a_gpu_in_a_worker_process_is_refused_with_the_reason(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert device_module.resolve_device("auto") == torch.device("cuda")
    monkeypatch.setattr(multiprocessing.current_process(), "_name", "LokyProcess-1")
    with pytest.raises(RuntimeError, match="n_jobs > 1"):
        device_module.resolve_device("auto")
    assert device_module.resolve_device("cuda:0") == torch.device("cuda:0")
    assert device_module.resolve_device("cpu") == torch.device("cpu")
    with pytest.raises(ValueError, match="only 1 GPUs"):
        device_module.resolve_device("cuda:3")


def test_workers_of_joblib_are_recognised():
    from joblib import Parallel, delayed

    assert not device_module.in_worker_process()
    names = Parallel(2)(delayed(lambda: multiprocessing.current_process().name)() for _ in "ab")
    assert all(name.startswith(device_module._WORKER_NAMES) for name in names)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_missing_gpu_is_named(Tiny, events):
    X, y, _ = events
    with pytest.raises(ValueError, match="finds no CUDA GPU"):
        Tiny(device="cuda").fit(X, y)
    net = Tiny().fit(X, y).set_params(device="cuda")  # as if it had been trained on one
    assert net.predict(X).shape == (60,)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")
def test_gpu_to_cpu_and_generators(Tiny, events, tmp_path):
    X, y, _ = events
    before = torch.cuda.get_rng_state()
    settings = dict(dropout=0.5, device="cuda", random_state=0)
    one, two = Tiny(**settings).fit(X, y), Tiny(**settings).fit(X, y)
    assert one.net_.device.startswith("cuda")
    assert_array_equal(torch.cuda.get_rng_state(), before)
    np.testing.assert_allclose(one.predict_proba(X), two.predict_proba(X), atol=1e-5)
    on_gpu = one.predict_proba(X)
    on_cpu = one.set_params(device="cpu").predict_proba(X)
    np.testing.assert_allclose(on_gpu, on_cpu, atol=1e-5)
    one.partial_fit(X, y)
    cnn = STFTCNNClassifier(n_filters=(2,), max_epochs=1, device="cuda").fit(X, y)
    loaded = STFTCNNClassifier.load(cnn.save(tmp_path / "net.seisclf"))
    assert loaded.net_.device == "cpu"
    np.testing.assert_allclose(loaded.predict_proba(X), cnn.predict_proba(X), atol=1e-5)
