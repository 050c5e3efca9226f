"""Scores of predicted numbers, against values computed by hand."""

import numpy as np
import pytest
from sklearn.metrics import make_scorer

from seisclf.metrics import accuracy_within, circular_mean_absolute_error, interval_coverage


def test_angles_go_the_shorter_way_round():
    error = circular_mean_absolute_error([350.0, 10.0, 0.0, -90.0], [10.0, 350.0, 180.0, 270.0])
    assert error == pytest.approx((20 + 20 + 180 + 0) / 4)
    assert circular_mean_absolute_error([0.1], [6.2], period=2 * np.pi) == pytest.approx(
        2 * np.pi - 6.1
    )
    assert circular_mean_absolute_error([0.0, 0.0], [30.0, 90.0], sample_weight=[3, 1]) == 45.0
    both = circular_mean_absolute_error([[0.0, 5.0], [350.0, 5.0]], [[10.0, 5.0], [20.0, 5.0]])
    assert both == pytest.approx((10 + 0 + 30 + 0) / 4)


def test_guessing_is_off_by_a_quarter():
    rng = np.random.default_rng(0)
    guess, truth = rng.uniform(0, 360, (2, 20_000))
    assert circular_mean_absolute_error(truth, guess) == pytest.approx(90, abs=1)


def test_accuracy_within_a_tolerance():
    truth, found = [100.0, 50.0, 10.0, 0.0], [105.0, 61.0, 10.5, 0.1]
    assert accuracy_within(truth, found, tolerance=5.0) == 0.75
    assert accuracy_within(truth, found, tolerance=0.05, relative=True) == 0.5
    assert accuracy_within(truth, found, tolerance=0.0) == 0.0
    assert accuracy_within(truth, found, tolerance=5.0, sample_weight=[0, 1, 1, 0]) == 0.5
    assert accuracy_within([-100.0], [-104.0], tolerance=0.05, relative=True) == 1.0
    assert accuracy_within([0.3, 0.7], [0.4, 0.8], tolerance=0.1) == 1.0
    assert accuracy_within([0.3, 110.0], [0.33, 121.0], tolerance=0.1, relative=True) == 1.0
    assert accuracy_within([359.0, 90.0], [3.0, 100.0], tolerance=5.0, period=360.0) == 0.5
    assert accuracy_within([[0.0, 0.0]], [[1.0, 9.0]], tolerance=2) == 0.5


def test_coverage_of_an_interval():
    # Errors of 1, 2 and 3 standard deviations; 0.9 reaches 1.645 of them, 0.99 2.576.
    truth, found, std = np.zeros(3), np.array([2.0, 4.0, 6.0]), np.full(3, 2.0)
    assert interval_coverage(truth, found, std) == pytest.approx(1 / 3)
    assert interval_coverage(truth, found, std, level=0.99) == pytest.approx(2 / 3)
    assert interval_coverage(truth, found, std, level=0.5) == 0.0
    assert interval_coverage(truth, found, std, sample_weight=[2, 1, 1]) == 0.5
    assert interval_coverage([1.0], [359.0], [2.0], period=360.0) == 1.0
    assert interval_coverage([1.0], [359.0], [2.0]) == 0.0
    assert interval_coverage([1.0, 2.0], [1.0, 2.5], [0.0, 0.0]) == 0.5


@pytest.mark.parametrize("level", [0.5, 0.683, 0.95])
def test_true_standard_deviations_cover_their_level(level):
    rng = np.random.default_rng(0)
    std = rng.uniform(0.1, 10, 20_000)
    truth = rng.normal(size=20_000) * std
    assert interval_coverage(truth, 0 * std, std, level=level) == pytest.approx(level, abs=0.01)


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (lambda: accuracy_within([1.0], [1.0], tolerance=-1), "tolerance must be a number >= 0"),
        (
            lambda: accuracy_within([1.0], [1.0], tolerance=1, relative=True, period=360.0),
            "relative=True has no meaning for angles",
        ),
        (lambda: circular_mean_absolute_error([1.0], [1.0], period=0), "period must be a number"),
        (lambda: circular_mean_absolute_error([1.0, 2.0], [1.0]), "inconsistent numbers"),
        (lambda: circular_mean_absolute_error([1.0], [np.nan]), "y_pred contains NaN"),
        (lambda: accuracy_within([[1.0, 2.0]], [[1.0]], tolerance=1), "targets; got 2 and 1"),
        (lambda: interval_coverage([1.0], [1.0], [1.0], level=90), "level must lie between"),
        (lambda: interval_coverage([1.0], [1.0], [[1.0, 1.0]]), "std must have one number"),
        (lambda: interval_coverage([1.0], [1.0], [-1.0]), "std must not be negative"),
    ],
)
def test_what_cannot_be_scored_is_refused(score, message):
    with pytest.raises(ValueError, match=message):
        score()


def test_they_work_as_scorers():
    from sklearn.dummy import DummyRegressor

    model = DummyRegressor().fit(np.zeros((3, 1)), [10.0, 20.0, 30.0])
    right = make_scorer(accuracy_within, tolerance=10.0)
    assert right(model, np.zeros((2, 1)), [11.0, 31.0]) == 0.5
    error = make_scorer(circular_mean_absolute_error, greater_is_better=False)
    assert error(model, np.zeros((1, 1)), [350.0]) == -30.0
