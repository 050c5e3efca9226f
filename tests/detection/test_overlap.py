"""Overlapping functions are combined sample by sample, as a plain loop does it."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisclf.detection._overlap import FUNCTION_STACKS, OverlapStack
from seisclf.detection._windows import padded_window_starts


def by_loop(starts, windows, n_samples, stack):
    """The same, one sample at a time."""
    length = windows.shape[-1]
    result = np.full((windows.shape[1], n_samples), np.nan, dtype=np.float32)
    taper = 0.05 + 0.95 * (1 - np.abs(2 * (np.arange(length) + 0.5) / length - 1))
    for i in range(n_samples):
        inside = [(k, i - s) for k, s in enumerate(starts) if 0 <= i - s < length]
        for row in range(windows.shape[1]):
            values = np.array([windows[k, row, j] for k, j in inside], dtype=np.float32)
            weights = np.array([taper[j] for _, j in inside])[~np.isnan(values)]
            values = values[~np.isnan(values)]
            if not len(values):
                continue
            if stack == "median":
                result[row, i] = np.median(values)
            elif stack == "max":
                result[row, i] = values.max()
            elif stack == "mean":
                result[row, i] = values.astype(float).mean()
            else:
                result[row, i] = weights @ values / weights.sum()
    return result


def by_stack(starts, windows, n_samples, **options):
    stacked = OverlapStack(windows.shape[1], n_samples, length=windows.shape[-1], **options)
    for start, window in zip(starts, windows, strict=True):
        stacked.add(int(start), window)
    stacked.close()
    return stacked


def test_median_of_twelve_windows_is_bit_equal_to_a_plain_loop():
    length, step, n_samples = 120, 10, 400
    starts = padded_window_starts(np.ones(n_samples, bool), length=length, step=step)
    windows = np.random.default_rng(0).random((len(starts), 2, length), dtype=np.float32)
    # Each sample lies in exactly twelve, as in the published scheme.
    assert all(((starts <= i) & (i < starts + length)).sum() == 12 for i in range(n_samples))
    result = by_stack(starts, windows, n_samples, stack="median").result
    np.testing.assert_array_equal(result, by_loop(starts, windows, n_samples, "median"))


@pytest.mark.parametrize("stack", FUNCTION_STACKS)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_any_starts_and_missing_rows(stack, data):
    length = data.draw(st.integers(2, 12))
    n_samples = data.draw(st.integers(1, 40))
    starts = data.draw(
        st.lists(st.integers(-length, n_samples), min_size=1, max_size=12, unique=True).map(sorted)
    )
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    windows = rng.random((len(starts), 2, length), dtype=np.float32)
    windows[rng.random(len(starts)) < 0.3, 1] = np.nan
    result = by_stack(starts, windows, n_samples, stack=stack).result
    expected = by_loop(starts, windows, n_samples, stack)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_allclose(result, expected, rtol=1e-6)


@pytest.mark.parametrize("step", [5, 7, 12])
def test_every_sample_is_reached_whatever_the_step(step):
    starts = padded_window_starts(np.ones(53, bool), length=12, step=step)
    windows = np.ones((len(starts), 1, 12), dtype=np.float32)
    assert (by_stack(starts, windows, 53, stack="median").result == 1).all()


def test_windows_left_behind_are_forgotten():
    stacked = OverlapStack(1, 100_000, length=60, stack="median")
    for start in range(0, 90_000, 5):
        stacked.add(start, np.zeros((1, 60), np.float32))
        assert len(stacked._open) <= 13


def test_persistent_level_is_what_consecutive_windows_agree_on():
    length, step, n_samples = 40, 10, 80
    starts = padded_window_starts(np.ones(n_samples, bool), length=length, step=step)
    windows = np.zeros((len(starts), 2, length), dtype=np.float32)
    heights = {20: 0.9, 30: 0.6, 40: 0.7}  # windows that see a peak at sample 45
    for start, height in heights.items():
        # The second row's peak moves by two samples from window to window.
        windows[starts == start, 0, 45 - start] = height
        windows[starts == start, 1, 45 - start + (start - 30) // 5] = height
    options = {"stack": "median", "followed": [0, 1]}
    level = by_stack(starts, windows, n_samples, persistence=3, **options).persistent
    assert level[0, 45] == np.float32(0.6)
    assert level[1, 45] == 0
    level = by_stack(starts, windows, n_samples, persistence=3, spread=2, **options).persistent
    assert level[1, 45] == np.float32(0.6)
    level = by_stack(starts, windows, n_samples, persistence=4, **options).persistent
    assert level[0, 45] == 0
    assert by_stack(starts, windows, n_samples, **options).persistent is None


def test_windows_that_say_nothing_do_not_break_persistence():
    windows = np.full((4, 2, 40), 0.8, dtype=np.float32)
    windows[1, 0] = np.nan
    windows[:, 1] = np.nan
    stacked = by_stack([0, 1, 2, 3], windows, 40, stack="median", persistence=3, followed=[0, 1])
    assert stacked.persistent[0, 20] == np.float32(0.8)
    assert stacked.persistent[1, 20] == 0
