"""Training that is interrupted gives what it would have given."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, EarlyStopping

import seisclf
from seisclf.preprocessing import WaveformScaler
from seisclf.self_supervised import SelfSupervisedEncoder

TINY = {
    "backbone": "resnet18",
    "width": 2,
    "size": 8,
    "n_projector": 8,
    "log": "db",
    "window_length": 0.16,
    "max_epochs": 5,
    "batch_size": 5,
    "random_state": 0,
}
X = np.random.default_rng(0).normal(size=(10, 3, 300)).astype(np.float32)


class PowerCut(Callback):
    def __init__(self, epoch, error=RuntimeError):
        self.epoch = epoch
        self.error = error

    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) == self.epoch:
            raise self.error("lights out")


class Interrupt(Callback):
    def on_batch_end(self, net, **kwargs):
        if len(net.history) == 4:
            raise KeyboardInterrupt


def encoder(path=None, **params):
    return SelfSupervisedEncoder(**{**TINY, "checkpoint": path, "checkpoint_every": 2, **params})


def without_time(history):
    return [{name: epoch[name] for name in epoch if name != "dur"} for epoch in history]


def assert_same(first, second):
    assert without_time(first.history_) == without_time(second.history_)
    for name, array in first.encoder_.weights.items():
        np.testing.assert_array_equal(second.encoder_.weights[name], array, err_msg=name)


@pytest.fixture(scope="module")
def whole():
    return encoder(None).fit(X)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("finished") / "pre.seisclf"
    encoder(path).fit(X)
    return path


def test_resumed_training_is_bit_for_bit_the_whole_one(tmp_path, whole):
    path = tmp_path / "folder" / "pre.seisclf"
    with pytest.raises(RuntimeError, match="lights out"):
        encoder(path, callbacks=[PowerCut(4)]).fit(X)
    assert len(seisclf.load(path).history_) == 2
    resumed = encoder(path).fit(X)
    assert len(resumed.history_) == 5
    assert_same(whole, resumed)


def test_every_epoch_is_a_place_to_stop(tmp_path, whole):
    """Several interruptions, other random numbers drawn between, another interval."""
    path = tmp_path / "pre.seisclf"
    for epoch in (2, 4):
        with pytest.raises(RuntimeError):
            encoder(path, checkpoint_every=1, callbacks=[PowerCut(epoch)]).fit(X)
        torch.rand(3)
    assert_same(whole, encoder(path, checkpoint_every=3).fit(X))


@pytest.mark.parametrize(
    "params",
    [
        {"lr_schedule": "plateau", "lr_schedule_params": {"patience": 1, "factor": 0.5}},
        {
            "optimizer": "sgd",
            "net_params": {"optimizer__momentum": 0.9},
            "lr_schedule": "constant",
        },
    ],
)
def test_schedules_and_optimizers_go_on(tmp_path, params):
    path = tmp_path / "pre.seisclf"
    with pytest.raises(RuntimeError):
        encoder(path, callbacks=[PowerCut(4)], **params).fit(X)
    assert_same(encoder(None, **params).fit(X), encoder(path, **params).fit(X))


def test_finished_training_is_returned_at_once(finished, whole):
    """Whatever changes nothing may differ: bars, callbacks, the interval, the device."""
    again = encoder(
        finished, callbacks=[PowerCut(1)], verbose=1, checkpoint_every=7, device="cpu"
    ).fit(X)
    assert_same(whole, again)
    np.testing.assert_array_equal(again.transform(X), whole.transform(X))


def test_keyboard_interrupt_keeps_what_there_is(tmp_path, whole):
    path = tmp_path / "pre.seisclf"
    with pytest.warns(UserWarning, match="interrupted in epoch 4"):
        stopped = encoder(path, callbacks=[Interrupt()]).fit(X)
    assert len(stopped.history_) == 3 and np.isfinite(stopped.transform(X)).all()
    assert_same(whole, encoder(path).fit(X))


def test_stopping_by_a_callback_finishes(tmp_path):
    path = tmp_path / "pre.seisclf"
    stop = EarlyStopping(monitor="train_loss", patience=1, threshold=1e9, sink=lambda text: None)
    stopped = encoder(path, callbacks=[stop]).fit(X)
    assert len(stopped.history_) < 5
    assert len(encoder(path, callbacks=[stop]).fit(X).history_) == len(stopped.history_)


def test_drawn_seed_is_the_one_in_the_file(tmp_path):
    path = tmp_path / "pre.seisclf"
    with pytest.raises(RuntimeError):
        encoder(path, random_state=None, callbacks=[PowerCut(4)]).fit(X)
    seed = seisclf.load(path)._seed
    resumed = encoder(path, random_state=None).fit(X)
    assert resumed._seed == seed
    assert_same(encoder(None, random_state=seed).fit(X), resumed)


@pytest.mark.parametrize(
    ("params", "other", "message"),
    [
        ({"crop_width": 0.2}, X, r"crop_width=0.2 here, 0.1 there"),
        ({"max_epochs": 6, "lr": 0.1}, X, r"lr=0.1 here, 0.001 there; max_epochs=6 here, 5 there"),
        ({"random_state": 1}, X, r"random_state=1 here, 0 there"),
        ({}, X[:9], r"X is float32 \(9, 3, 300\) hash .* here, float32 \(10, 3, 300\)"),
        ({}, X + 1e-3, r"X is float32 \(10, 3, 300\) hash \w+ here, float32 \(10, 3, 300\) hash"),
    ],
)
def test_another_training_is_refused(finished, params, other, message):
    written = finished.read_bytes()
    with pytest.raises(ValueError, match=message) as error:
        encoder(finished, **params).fit(other)
    assert "unlink()" in str(error.value)
    assert finished.read_bytes() == written


def test_file_of_something_else_is_refused(tmp_path):
    path = WaveformScaler().fit(X).save(tmp_path / "scaler.seisclf")
    with pytest.raises(ValueError, match="holds a WaveformScaler that is no checkpoint"):
        encoder(path).fit(X)


@pytest.mark.parametrize("n_bytes", [0, 100, 3000, -200])
def test_damaged_file_names_the_parameter_and_the_way_on(finished, tmp_path, n_bytes):
    path = tmp_path / "torn.seisclf"
    path.write_bytes(finished.read_bytes()[:n_bytes])
    with pytest.raises(ValueError, match=r"checkpoint='.*torn.* cannot be read .*unlink\(\)"):
        encoder(path).fit(X)


def test_interrupt_while_a_checkpoint_is_written_does_not_finish(tmp_path, whole, monkeypatch):
    path = tmp_path / "pre.seisclf"
    written = []

    def interrupted_at_epoch_4(estimator, place):
        if len(written) == 1 and len(estimator.history_) == 4:
            raise KeyboardInterrupt
        if estimator.history_:
            written.append(len(estimator.history_))
        return seisclf.save(estimator, place)

    monkeypatch.setattr("seisclf.self_supervised._checkpoint.save", interrupted_at_epoch_4)
    assert encoder(path).fit(X).n_iter_ == 4
    monkeypatch.undo()
    assert written == [2]
    assert_same(whole, encoder(path).fit(X))


@pytest.mark.parametrize("params", [{"optimizer": torch.optim.Adam}, {"net_params": {"x": print}}])
def test_what_cannot_be_written_is_found_before_the_training(tmp_path, params):
    path = tmp_path / "pre.seisclf"
    with pytest.raises(ValueError, match="checkpoint=.* cannot be written.*by name"):
        encoder(path, callbacks=[PowerCut(0, AssertionError)], **params).fit(X)
    path.touch()
    with pytest.raises(ValueError, match="checkpoint=.* cannot be written"):
        encoder(path / "below_a_file", callbacks=[PowerCut(0, AssertionError)]).fit(X)
    assert list(tmp_path.iterdir()) == [path]


def test_numbers_of_numpy_are_the_same_parameters(finished, whole):
    assert_same(whole, encoder(finished, random_state=np.int64(0), lr=np.float64(1e-3)).fit(X))


def test_event_without_channels_is_refused_with_a_call_that_mends_it():
    damaged = X.copy()
    damaged[4] = np.nan
    with pytest.raises(ValueError, match=r"row 4.*X\[~np.isnan\(X\).all\(axis=\(1, 2\)\)\]"):
        encoder().fit(damaged)
