"""Losses of several tasks, how they are weighted, and batch norms that count events."""

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from seisclf.nets.losses import MultiTaskCrossEntropy
from seisclf.neural_network import DynamicWeightAverage, RockNetClassifier, TrainingDisplay
from seisclf.neural_network._weighted_norms import counted_norms
from seisclf.utils.estimator_checks import make_check_events

SMALL = dict(sampling_rate=20.0, filters=(3, 3), stride=2, dropout=0.0, device="cpu")


@pytest.fixture(scope="module")
def events():
    X, y = make_check_events(3, n_samples=100)
    return X, np.array(["noise", "rockfall"])[y]


def test_loss_equals_the_sum_written_out():
    rng = np.random.default_rng(0)
    picks, masks = rng.normal(size=(2, 3, 7)), rng.normal(size=(2, 2, 2, 7))
    wanted_picks = rng.dirichlet(np.ones(3), size=(2, 7)).transpose(0, 2, 1)[:, :2]
    wanted_masks = rng.uniform(size=(2, 2, 1, 7))
    loss = MultiTaskCrossEntropy(
        [("P_S", 0, None), ("a", 1, 0), ("b", 1, 1)], weight=[1.0, 2.0, 0.5]
    )
    given = [
        tuple(map(torch.from_numpy, pair))
        for pair in ((picks, masks), (wanted_picks, wanted_masks))
    ]
    for row in range(2):
        expected = [0.0, 0.0, 0.0]
        for t in range(7):
            total = math.log(sum(math.exp(v) for v in picks[row, :, t]))
            p, s = wanted_picks[row, :, t]
            for share, logit in zip((p, s, 1 - p - s), picks[row, :, t], strict=True):
                expected[0] -= share * (logit - total) / 7
            for k in range(2):
                yes, no = masks[row, k, :, t]
                total = math.log(math.exp(yes) + math.exp(no))
                m = wanted_masks[row, k, 0, t]
                expected[1 + k] -= (m * (yes - total) + (1 - m) * (no - total)) / 7
        assert_allclose(loss.task_losses(*given)[row], expected, rtol=1e-12)
        assert_allclose(loss(*given)[row], np.dot(expected, [1, 2, 0.5]), rtol=1e-12)


def test_loss_is_least_where_the_prediction_is_the_target():
    target = torch.tensor([[[[0.2, 0.7, 0.95]]]])
    loss = MultiTaskCrossEntropy([("mask", 0, 0)])
    perfect = torch.stack([target[:, :, 0].log(), (1 - target[:, :, 0]).log()], dim=2)
    best = loss((perfect,), (target,))
    for shift in (-0.3, 0.3):
        moved = perfect + torch.tensor([shift, 0.0])[:, None]
        assert loss((moved,), (target,)) > best


def test_dynamic_weights_equal_those_by_hand():
    last, before = [0.9, 0.4, 0.2], [1.0, 0.8, 0.1]
    r = [0.9, 0.5, 2.0]
    total = sum(math.exp(x / 2) for x in r)
    expected = [3 * math.exp(x / 2) / total for x in r]
    assert_allclose(DynamicWeightAverage(2.0).weights(last, before), expected, rtol=1e-12)
    # A hot softmax is flat, a cold one takes the slowest task only.
    assert_allclose(DynamicWeightAverage(1e6).weights(last, before), 1, atol=1e-5)
    assert_allclose(DynamicWeightAverage(1e-3).weights(last, before), [0, 0, 3], atol=1e-9)
    assert_allclose(DynamicWeightAverage().weights([0, 1], [0, 1]), 1)


def test_weights_in_the_history_follow_from_the_losses_there(events):
    X, y = events
    net = RockNetClassifier(**SMALL, max_epochs=3, lr=0.02, warm_start=True, random_state=0)
    net.fit(X, y)
    net.fit(X, y)  # goes on with what the history says
    names = ["P_S", "rockfall"]
    rows = net.history_
    assert len(rows) == 6
    for row in rows[:2]:
        assert [row[f"weight_{name}"] for name in names] == [1, 1]
    for before, last, row in zip(rows, rows[1:], rows[2:], strict=False):
        expected = DynamicWeightAverage(2.0).weights(
            *([epoch[f"train_{name}_loss"] for name in names] for epoch in (last, before))
        )
        assert_allclose([row[f"weight_{name}"] for name in names], expected)
        losses = [row[f"train_{name}_loss"] for name in names]
        assert row["train_loss"] == pytest.approx(np.dot(expected, losses), rel=1e-5)
    assert not np.allclose([row["weight_P_S"] for row in rows[2:]], 1, atol=1e-6)


def test_a_saved_network_goes_on_with_the_same_weights(events, tmp_path):
    X, y = events
    net = RockNetClassifier(**SMALL, max_epochs=3, lr=0.02, random_state=0).fit(X, y)
    loaded = RockNetClassifier.load(net.save(tmp_path / "net.seisclf"))
    for one in (net, loaded):
        one.partial_fit(X, y, epochs=2)
    assert_array_equal(net.predict_proba(X), loaded.predict_proba(X))
    for a, b in zip(net.history_, loaded.history_, strict=True):
        assert {k: v for k, v in a.items() if k != "dur"} == {
            k: v for k, v in b.items() if k != "dur"
        }


def test_fixed_weights_hold_in_training_and_validation(events):
    X, y = events
    weights = {"P_S": 0.0, "rockfall": 3.0}
    net = RockNetClassifier(
        **SMALL, max_epochs=2, task_weighting=weights, validation_fraction=0.3, random_state=0
    ).fit(X, y)
    for row in net.history_:
        for part in ("train", "valid"):
            assert row[f"{part}_loss"] == pytest.approx(3 * row[f"{part}_rockfall_loss"], rel=1e-5)
        assert "weight_P_S" not in row


def test_validation_losses_stay_comparable_while_the_weights_change(events):
    X, y = events
    net = RockNetClassifier(
        **SMALL, max_epochs=4, lr=0.02, validation_fraction=0.3, random_state=0
    ).fit(X, y)
    for row in net.history_:
        total = row["valid_P_S_loss"] + row["valid_rockfall_loss"]
        assert row["valid_loss"] == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize(
    ("weighting", "message"),
    [
        ("fair", "task_weighting must be"),
        ({"quake": 1.0}, r"\['quake'\], which are not among the tasks \['P_S', 'rockfall'\]"),
        ({"P_S": -1.0}, "numbers >= 0"),
        ({"P_S": 0.0, "rockfall": 0.0}, "not all zero"),
    ],
)
def test_impossible_weights_are_named(events, weighting, message):
    with pytest.raises(ValueError, match=message):
        RockNetClassifier(**SMALL, task_weighting=weighting).fit(*events)


def test_temperature_must_be_positive(events):
    with pytest.raises(ValueError, match="dwa_temperature must be a number > 0"):
        RockNetClassifier(**SMALL, dwa_temperature=0).fit(*events)


def test_counted_norm_equals_repeated_rows():
    count = torch.tensor([2.0, 0.0, 1.0, 3.0])
    x = torch.randn(4, 5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    repeated = x.repeat_interleave(count.long(), dim=0)
    by_count, by_hand = (torch.nn.BatchNorm1d(5, dtype=torch.float64) for _ in range(2))
    with counted_norms(by_count, count):
        out = by_count(x)
    expected = by_hand(repeated)
    first = torch.tensor([0, 2, 3])
    assert_allclose(out[[0, 2, 3]].detach(), expected[first].detach(), atol=1e-12)
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        assert_allclose(getattr(by_count, name), getattr(by_hand, name), atol=1e-12)
    assert "forward" not in vars(by_count)
    # Stations are rows of their own there.
    both = torch.cat([x, x + 1], dim=1).reshape(8, 5, 6)
    with counted_norms(by_count, count):
        assert by_count(both).shape == both.shape


def test_picture_shows_the_tasks(events):
    X, y = events
    net = RockNetClassifier(**SMALL, max_epochs=3, validation_fraction=0.3, random_state=0)
    display = TrainingDisplay.from_estimator(net.fit(X, y)).plot()
    assert [axis.get_ylabel() for axis in display.axes_] == [
        "loss",
        "loss of tasks",
        "weight of tasks",
        "learning rate",
    ]
    tasks, weights = display.axes_[1:3]
    labels = [text.get_text() for text in tasks.get_legend().get_texts()]
    assert labels[:2] == ["P_S", "rockfall"]
    assert_allclose(tasks.lines[0].get_ydata(), [row["train_P_S_loss"] for row in net.history_])
    assert_allclose(weights.lines[1].get_ydata(), [row["weight_rockfall"] for row in net.history_])
