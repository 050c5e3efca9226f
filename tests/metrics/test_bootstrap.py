"""Intervals hold what they promise when events, not rows, were drawn."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from seisclf.metrics import bootstrap_interval


def draw(rng, n_events=80, rows=5, accuracy=0.8):
    """Events that are right or wrong as a whole, in all their rows."""
    right = np.repeat(rng.random(n_events) < accuracy, rows)
    return np.zeros(len(right)), np.where(right, 0, 1), np.repeat(np.arange(n_events), rows)


def test_coverage_by_event_and_by_row():
    """Resampling rows of alike events promises too much; resampling events does not."""
    rng = np.random.default_rng(0)
    runs, by_event, by_row = 200, 0, 0
    for seed in range(runs):
        y_true, y_pred, events = draw(rng)
        options = {"n_resamples": 150, "random_state": seed}
        _, low, high, _ = bootstrap_interval(
            "accuracy", y_true, y_pred, event_ids=events, **options
        )
        by_event += low <= 0.8 <= high
        _, low, high, _ = bootstrap_interval("accuracy", y_true, y_pred, **options)
        by_row += low <= 0.8 <= high
    assert by_event / runs > 0.88
    assert by_row / runs < 0.75


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("accuracy", accuracy_score),
        ("balanced_accuracy", balanced_accuracy_score),
        ("f1_macro", lambda t, p: f1_score(t, p, average="macro")),
    ],
)
def test_fast_scores_are_those_of_scikit_learn(name, function):
    rng = np.random.default_rng(1)
    y_true = rng.choice(["a", "b", "c"], 300)
    y_pred = np.where(rng.random(300) < 0.6, y_true, rng.choice(["a", "b", "c"], 300))
    events = rng.integers(0, 100, 300)
    fast = bootstrap_interval(name, y_true, y_pred, event_ids=events, n_resamples=2000)
    slow = bootstrap_interval(function, y_true, y_pred, event_ids=events, n_resamples=200)
    assert fast.score == pytest.approx(slow.score)
    assert fast.score == pytest.approx(function(y_true, y_pred))
    assert fast.resampled.mean() == pytest.approx(slow.resampled.mean(), abs=0.01)
    assert fast.resampled.std() == pytest.approx(slow.resampled.std(), rel=0.25)


def test_seeds_and_levels():
    y_true, y_pred, events = draw(np.random.default_rng(2))
    one = bootstrap_interval("accuracy", y_true, y_pred, event_ids=events, random_state=5)
    two = bootstrap_interval("accuracy", y_true, y_pred, event_ids=events, random_state=5)
    np.testing.assert_array_equal(one.resampled, two.resampled)
    wide = bootstrap_interval("accuracy", y_true, y_pred, event_ids=events, level=0.99)
    narrow = bootstrap_interval("accuracy", y_true, y_pred, event_ids=events, level=0.5)
    assert wide.high - wide.low > narrow.high - narrow.low


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": "recall"}, "metric must be one of"),
        ({"level": 95}, "level must lie between 0 and 1"),
        ({"event_ids": [1]}, "one entry a row"),
    ],
)
def test_refusals(options, message):
    options = {"metric": "accuracy"} | options
    with pytest.raises(ValueError, match=message):
        bootstrap_interval(y_true=[0, 1], y_pred=[0, 1], **options)
