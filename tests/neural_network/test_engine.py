"""Training: against a loop by hand, random numbers, weights, going on, interruptions."""

import warnings
from copy import deepcopy

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError
from skorch.callbacks import Callback, EpochScoring, GradientNormClipping

from seisclf.neural_network._batches import BatchIterator, EventDataset
from seisclf.neural_network._device import private_generator


def weights_of(net):
    return torch.cat([p.detach().ravel() for p in net.net_.module_.parameters()]).numpy()


def test_equals_a_loop_written_by_hand(Tiny, Module, events):
    """Same seed, same batches: the same weights to the last bit."""
    X, y, _ = events
    net = Tiny(max_epochs=3, batch_size=16, dropout=0.3, random_state=5).fit(X, y)

    seeds = np.random.SeedSequence([5, 0]).generate_state(2)
    target = np.searchsorted(net.classes_, y)
    batches = BatchIterator(EventDataset(X, target), 16, shuffle=True, seed=int(seeds[1]))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(seeds[0]))
        module = Module(40, 3, dropout=0.3)
        optimizer = torch.optim.Adam(module.parameters(), lr=0.05)
        for _ in range(3):
            losses, sizes = [], []
            for inputs, labels in batches:
                module.train()
                optimizer.zero_grad()
                loss = torch.nn.functional.cross_entropy(module(inputs["x"]), labels)
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
                sizes.append(len(labels))
    by_hand = torch.cat([p.detach().ravel() for p in module.parameters()]).numpy()
    assert_array_equal(weights_of(net), by_hand)
    assert net.history_[-1]["train_loss"] == pytest.approx(np.average(losses, weights=sizes))


def test_seed_fixes_everything_and_another_seed_does_not(Tiny, events):
    X, y, groups = events
    settings = dict(dropout=0.5, batch_size=8, early_stopping=True)
    fits = [Tiny(random_state=s, **settings).fit(X, y, groups=groups) for s in (3, 3, 4)]
    assert_array_equal(weights_of(fits[0]), weights_of(fits[1]))
    losses = [[row["valid_loss"] for row in net.history_] for net in fits]
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


def test_without_a_seed_fits_differ(Tiny, events):
    X, y, _ = events
    assert not np.array_equal(weights_of(Tiny().fit(X, y)), weights_of(Tiny().fit(X, y)))


def test_global_generators_are_untouched(Tiny, events):
    X, y, _ = events
    before = np.random.get_state()[1].copy(), torch.get_rng_state()
    net = Tiny(dropout=0.5, early_stopping=True).fit(X, y)
    net.partial_fit(X, y)
    net.predict_proba(X)
    assert_array_equal(np.random.get_state()[1], before[0])
    assert_array_equal(torch.get_rng_state(), before[1])


def test_generator_comes_back_after_an_error():
    before = torch.get_rng_state()
    with pytest.raises(RuntimeError), private_generator(1, torch.device("cpu")):
        torch.rand(3)
        raise RuntimeError
    assert_array_equal(torch.get_rng_state(), before)


def test_class_weight_is_a_sample_weight(Tiny, events):
    X, y, _ = events
    keep = np.r_[0:60:3, 1:30:3, 2:15:3]  # unbalanced
    X, y = X[keep], y[keep]
    factor = {"a": 1.0, "b": 4.0, "c": 0.5}
    settings = dict(dtype="float64", random_state=0)
    by_class = Tiny(class_weight=factor, **settings).fit(X, y)
    by_row = Tiny(**settings).fit(X, y, sample_weight=[factor[label] for label in y])
    np.testing.assert_allclose(weights_of(by_class), weights_of(by_row), rtol=1e-9)
    plain = Tiny(**settings).fit(X, y)
    assert not np.allclose(weights_of(by_class), weights_of(plain), rtol=1e-3)

    counts = {label: np.sum(y == label) for label in "abc"}
    balanced = Tiny(class_weight="balanced", **settings).fit(X, y)
    by_row = Tiny(**settings).fit(X, y, sample_weight=[1 / counts[label] for label in y])
    np.testing.assert_allclose(weights_of(balanced), weights_of(by_row), rtol=1e-9)


def test_weights_only_matter_relative_to_each_other(Tiny, events):
    X, y, _ = events
    w = np.random.default_rng(0).uniform(0.5, 2, size=60)
    settings = dict(dtype="float64", batch_size=16, random_state=0)
    one = Tiny(**settings).fit(X, y, sample_weight=w)
    other = Tiny(**settings).fit(X, y, sample_weight=1000 * w)
    np.testing.assert_allclose(weights_of(one), weights_of(other), rtol=1e-9)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"class_weight": {"d": 2}}, r"\['d'\], which are not among the classes"),
        ({"class_weight": "auto"}, "class_weight must be"),
        ({"max_epochs": 0}, "max_epochs must be an integer >= 1"),
        ({"lr": -1}, "lr must be a number > 0"),
        ({"batch_size": 2.5}, "batch_size must be an integer"),
        ({"optimizer": "lion"}, "optimizer must be one of"),
        ({"dtype": "float16"}, "dtype must be"),
        ({"lr_schedule": "step"}, "lr_schedule must be one of"),
        ({"lr_schedule": "cosine", "lr_schedule_params": {"patience": 3}}, "knows only"),
        ({"early_stopping": -3}, "early_stopping must be"),
        ({"early_stopping": True, "validation_fraction": 0.0}, "validation_fraction must lie"),
        ({"augmenter": object()}, "no method augment"),
        ({"device": "gpu"}, "not a device of PyTorch"),
        ({"net_params": {"modul__x": 1}}, "net_params"),
    ],
)
def test_impossible_settings_are_named(Tiny, events, params, message):
    X, y, _ = events
    net = Tiny(**params)
    with pytest.raises(ValueError, match=message):
        net.fit(X, y)
    with pytest.raises(NotFittedError):
        net.predict(X)


def test_failed_refit_leaves_no_half_fitted_network(Tiny, events):
    X, y, _ = events
    net = Tiny().fit(X, y)
    with pytest.raises(ValueError, match="1 class"):
        net.fit(X, np.full(60, "a"))
    with pytest.raises(NotFittedError):
        net.predict(X)


def test_warm_start_goes_on_where_it_stopped(Tiny, events):
    X, y, _ = events
    net = Tiny(max_epochs=4, warm_start=True, random_state=0).fit(X, y)
    after_four = net.history_[-1]["train_loss"]
    net.fit(X, y)
    assert net.n_iter_ == 8
    assert net.history_[4]["train_loss"] < after_four
    fresh = Tiny(max_epochs=4, random_state=0).fit(X, y).fit(X, y)
    assert fresh.n_iter_ == 4
    with pytest.raises(ValueError, match="not among the classes"):
        net.fit(X, np.where(y == "a", "d", y))


def test_a_deep_copy_goes_on_by_itself(Tiny, events):
    X, y, _ = events
    settings = {"max_epochs": 4, "lr_schedule": "cosine", "warm_start": True, "random_state": 0}
    net = Tiny(**settings).fit(X, y)
    before = weights_of(net)
    copied = deepcopy(net).fit(X, y)
    assert_array_equal(weights_of(net), before)
    assert net.n_iter_ == 4 and copied.n_iter_ == 8
    held = {id(p) for group in copied.net_.optimizer_.param_groups for p in group["params"]}
    assert held == {id(p) for p in copied.net_.module_.parameters()}
    assert_array_equal(weights_of(copied), weights_of(net.fit(X, y)))
    assert not np.array_equal(weights_of(net), before)


def test_partial_fit_needs_no_class_twice(Tiny, events):
    X, y, _ = events
    net = Tiny(random_state=0)
    net.partial_fit(X[y == "a"], y[y == "a"], classes=["a", "b", "c"])
    assert_array_equal(net.classes_, ["a", "b", "c"])
    for _ in range(30):
        net.partial_fit(X, y)
    assert net.score(X, y) > 0.9
    assert net.n_iter_ == 31
    with pytest.raises(ValueError, match="differ from those of the first call"):
        net.partial_fit(X, y, classes=["a", "b"])
    with pytest.raises(ValueError, match=r"\['z'\]"):
        net.partial_fit(X, np.where(y == "a", "z", y))


def test_partial_fit_takes_changed_settings(Tiny, events):
    X, y, _ = events
    net = Tiny(max_epochs=2, random_state=0).fit(X, y).set_params(lr=0.001, batch_size=10)
    net.partial_fit(X, y, epochs=2)
    assert [row["lr"] for row in net.history_] == [0.05, 0.05, 0.001, 0.001]
    assert net.net_.history[-1, "train_batch_count"] == 6


def test_interruption_keeps_what_was_learned(Tiny, events):
    X, y, _ = events

    class Impatient(Callback):
        def on_batch_begin(self, net, **kwargs):
            if len(net.history) == 4:
                raise KeyboardInterrupt

    net = Tiny(callbacks=[Impatient()])
    with pytest.warns(UserWarning, match="interrupted in epoch 4"):
        net.fit(X, y)
    assert net.n_iter_ == 3
    assert net.predict(X).shape == (60,)


def test_loss_that_is_no_number_names_epoch_and_mend(Tiny, events):
    X, y, _ = events
    with pytest.raises(ValueError, match=r"in epoch [12]: lower lr"):
        Tiny(net_params={"optimizer__eps": 0.0}).fit(np.zeros_like(X) + 1e38, y)


def test_users_callbacks_run_and_are_not_changed(Tiny, events):
    X, y, _ = events
    score = EpochScoring("f1_macro", name="valid_f1", lower_is_better=False)
    before = dict(vars(score))
    net = Tiny(
        callbacks=[("f1", score), GradientNormClipping(1.0)], validation_fraction=0.3, max_epochs=3
    ).fit(X, y)
    assert all(0 <= row["valid_f1"] <= 1 for row in net.history_)
    assert vars(score) == before


def test_net_params_have_the_last_word(Tiny, events):
    X, y, _ = events
    net = Tiny(net_params={"module__dropout": 0.25, "criterion__label_smoothing": 0.1}).fit(X, y)
    assert net.net_.module_.layers[3].p == 0.25
    assert net.net_.criterion_.label_smoothing == 0.1
    with pytest.raises(ValueError, match="one loss per row"):
        Tiny(net_params={"criterion__reduction": "mean"}).fit(X, y)


def test_early_stopping_returns_to_the_best_weights(Tiny, events):
    X, y, groups = events
    noise = np.random.default_rng(1).normal(size=X.shape).astype(np.float32)
    net = Tiny(max_epochs=200, early_stopping=4, random_state=0).fit(noise, y, groups=groups)
    losses = [row["valid_loss"] for row in net.history_]
    assert net.best_epoch_ == 1 + int(np.argmin(losses))
    assert net.n_iter_ == net.best_epoch_ + 4 < 200
    again = Tiny(max_epochs=net.best_epoch_, validation_fraction=0.1, random_state=0)
    again.fit(noise, y, groups=groups)
    assert_array_equal(weights_of(net), weights_of(again))


def test_progress_bar_is_one_line_that_can_be_pickled_afterwards(Tiny, events, capsys):
    X, y, _ = events
    net = Tiny(max_epochs=2, verbose=1).fit(X, y)
    assert "train_loss" in capsys.readouterr().err
    assert dict(net.net_.callbacks_)["progress"].bar is None
    Tiny(max_epochs=2).fit(X, y)
    assert capsys.readouterr() == ("", "")


def test_training_emits_no_warning(Tiny, events):
    X, y, groups = events
    X = X.copy()
    X.flags.writeable = False
    before = X.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net = Tiny(early_stopping=True, max_epochs=2).fit(X, y, groups=groups)
        net.predict(X)
    assert_array_equal(X, before)
