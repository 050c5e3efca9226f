"""Windows cover every sample; overlapping predictions stay probabilities."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisclf.detection._windows import Stacker, runs, window_starts

sizes = st.integers(1, 400)


def covered_by(starts, length, n_samples):
    mask = np.zeros(max(n_samples, length), dtype=bool)
    for start in starts:
        mask[start : start + length] = True
    return mask[:n_samples]


@settings(max_examples=30, deadline=None)
@given(n_samples=sizes, length=st.integers(1, 60), step=st.integers(1, 60))
def test_every_sample_of_a_record_is_covered(n_samples, length, step):
    starts = window_starts(np.ones(n_samples, bool), length=length, step=min(step, length))
    assert covered_by(starts, length, n_samples).all()
    assert (np.diff(starts) > 0).all()
    if n_samples >= length:
        assert starts[-1] == n_samples - length  # the last window is right-aligned


@settings(max_examples=30, deadline=None)
@given(valid=st.lists(st.booleans(), min_size=60, max_size=200), step=st.integers(1, 10))
def test_stretches_between_gaps_are_covered_by_windows_without_gaps(valid, step):
    valid, length = np.array(valid), 10
    valid[20:45] = True
    starts = window_starts(valid, length=length, step=step)
    clean = [start for start in starts if valid[start : start + length].all()]
    covered = covered_by(clean, length, len(valid))
    for first, last in runs(valid):
        if last - first >= length:
            assert covered[first:last].all()


def test_a_short_stretch_gets_a_window_around_it_if_enough_of_it_is_there():
    valid = np.zeros(100, bool)
    valid[43:51] = True
    starts = window_starts(valid, length=10, step=10, min_valid=8)
    assert any(start <= 43 and start + 10 >= 51 for start in starts)


@pytest.mark.parametrize("stack", ["mean", "center", "max"])
def test_classes_sum_to_one_and_stay_within_the_predictions(stack):
    rng = np.random.default_rng(0)
    n_samples, length, step = 1003, 100, 15
    starts = window_starts(np.ones(n_samples, bool), length=length, step=step)
    predictions = rng.dirichlet(np.ones(4), len(starts))
    stacker = Stacker(n_samples, 4, length=length, step=step, stack=stack)
    for first in range(0, len(starts), 7):  # batches must not matter
        stacker.add(starts[first : first + 7], predictions[first : first + 7])
    stacked = stacker.result()
    assert stacked.shape == (67, 4)
    np.testing.assert_allclose(stacked.sum(axis=1), 1, atol=1e-12)
    assert stacked.min() >= 0


@pytest.mark.parametrize("stack", ["mean", "center"])
def test_frames_hold_the_mean_over_samples_of_the_weighted_mean_over_windows(stack):
    n_samples, length, step = 210, 40, 10
    starts = np.array([0, 10, 45, 100, 170])
    predictions = np.random.default_rng(1).dirichlet(np.ones(2), len(starts))
    stacker = Stacker(n_samples, 2, length=length, step=step, stack=stack)
    stacker.add(starts, predictions)

    middles = (np.arange(length * 100) + 0.5) / (length * 100)
    taper = 0.05 + 0.95 * (1 - np.abs(2 * middles - 1)) if stack == "center" else middles * 0 + 1
    weight, total = np.zeros(n_samples * 100), np.zeros((n_samples * 100, 2))
    for start, row in zip(starts, predictions, strict=True):
        weight[start * 100 : (start + length) * 100] += taper
        total[start * 100 : (start + length) * 100] += taper[:, None] * row
    frames = (
        total.reshape(-1, step * 100, 2).sum(1)
        / np.maximum(weight.reshape(-1, step * 100).sum(1), 1e-300)[:, None]
    )
    unreached = weight.reshape(-1, step * 100).sum(1) == 0
    result = stacker.result()
    assert np.isnan(result[unreached]).all() and unreached.any()
    np.testing.assert_allclose(result[~unreached], frames[~unreached], atol=1e-5)
