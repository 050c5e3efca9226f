"""Labels over time: Gaussians at picks, masks between them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from seisclf.signal import gaussian_function, mask_function

quick = settings(max_examples=30, deadline=None)
RATE = 100.0
seconds = st.floats(-5, 25) | st.just(float("nan"))


def loop_gaussian(times, n_samples, rate, width):
    half = round(width * rate) // 2
    sigma = max(half // 2, 1)
    out = np.zeros(n_samples)
    for time in times:
        if np.isnan(time):
            continue
        center = int(np.floor(time * rate + 0.5))
        for i in range(max(center - half, 0), min(center + half + 1, n_samples)):
            out[i] = max(out[i], np.exp(-((i - center) ** 2) / (2 * sigma**2)))
    return out


def loop_mask(starts, ends, n_samples, rate, rise, fall):
    out = np.zeros(n_samples)
    for start, end in zip(starts, ends, strict=True):
        if np.isnan(start) or np.isnan(end):
            continue
        first, last = (int(np.floor(t * rate + 0.5)) for t in (start, end))
        for i in range(n_samples):
            gap, width = (first - i, rise) if i < first else (max(i - last, 0), fall)
            half = round(width * rate) // 2
            sigma = max(half // 2, 1)
            if gap <= half:
                out[i] = max(out[i], np.exp(-(gap**2) / (2 * sigma**2)))
    return out


@pytest.mark.parametrize(
    ("width", "half", "sigma", "edge"),
    [(0.2, 10, 5, 0.135), (0.3, 15, 7, 0.101), (1.0, 50, 25, 0.135)],
)
def test_the_published_gaussians(width, half, sigma, edge):
    function = gaussian_function([10.0], 3000, sampling_rate=RATE, width=width)
    assert function.dtype == np.float32
    assert_array_equal(np.flatnonzero(function), np.arange(1000 - half, 1000 + half + 1))
    assert function[1000] == 1
    assert function[1000 - half] == function[1000 + half] == pytest.approx(edge, abs=5e-4)
    assert function[1001] == pytest.approx(np.exp(-1 / (2 * sigma**2)))


def test_the_published_masks():
    earthquake = mask_function([10.0], [12.0], 3000, sampling_rate=RATE, rise=0.2, fall=0.3)
    assert_array_equal(earthquake[1000:1201], 1)  # the sample before S too, unlike the authors'
    assert_array_equal(np.flatnonzero(earthquake), np.arange(990, 1216))
    assert_allclose(earthquake[[990, 1215]], [0.135, 0.101], atol=5e-4)
    rockfall = mask_function([10.0], [12.0], 3000, sampling_rate=RATE, rise=1.0, fall=1.0)
    assert_array_equal(np.flatnonzero(rockfall == 1), np.arange(1000, 1201))
    assert_array_equal(np.flatnonzero(rockfall), np.arange(950, 1251))


@quick
@given(
    times=st.lists(seconds, min_size=1, max_size=4),
    n_samples=st.integers(1, 400),
    rate=st.sampled_from([1.0, 20.0, 33.3]),
    width=st.sampled_from([0.0, 0.05, 0.2, 1.0, 3.0, 50.0]),
)
def test_gaussians_are_those_of_a_plain_loop(times, n_samples, rate, width):
    function = gaussian_function(times, n_samples, sampling_rate=rate, width=width)
    assert_allclose(function, loop_gaussian(times, n_samples, rate, width), atol=1e-6)


@quick
@given(
    pairs=st.lists(st.tuples(seconds, seconds), min_size=1, max_size=4),
    n_samples=st.integers(1, 300),
    rate=st.sampled_from([1.0, 20.0, 33.3]),
    rise=st.sampled_from([0.0, 0.2, 3.0]),
    fall=st.sampled_from([0.0, 0.3, 2.0]),
)
def test_masks_are_those_of_a_plain_loop(pairs, n_samples, rate, rise, fall):
    pairs = np.sort(pairs, axis=1)
    function = mask_function(*pairs.T, n_samples, sampling_rate=rate, rise=rise, fall=fall)
    assert_allclose(function, loop_mask(*pairs.T, n_samples, rate, rise, fall), atol=1e-6)
    assert np.isfinite(function).all() and function.min() >= 0 and function.max() <= 1


@quick
@given(start=st.floats(0, 5), length=st.floats(0, 5), shift=st.integers(-300, 300))
def test_labels_move_with_the_picks(start, length, shift):
    # Whole samples, so that rounding to the nearest sample is the same before and after.
    start, length = round(start * RATE) / RATE, round(length * RATE) / RATE
    args = {"sampling_rate": RATE, "rise": 0.2, "fall": 0.3}
    still = mask_function([start + 4], [start + length + 4], 2000, **args)
    moved = mask_function(
        [start + 4 + shift / RATE], [start + length + 4 + shift / RATE], 2000, **args
    )
    assert_array_equal(np.roll(still, shift), moved)


def test_leading_axes_are_kept_and_rows_are_apart():
    rng = np.random.default_rng(0)
    times = rng.uniform(-1, 11, (3, 2, 4))
    times[rng.random(times.shape) < 0.4] = np.nan
    function = gaussian_function(times, 1000, sampling_rate=RATE, width=0.3)
    mask = mask_function(times, times + 1, 1000, sampling_rate=RATE, rise=1.0, fall=1.0)
    assert function.shape == mask.shape == (3, 2, 1000)
    for index in np.ndindex(3, 2):
        one = gaussian_function(times[index], 1000, sampling_rate=RATE, width=0.3)
        assert_array_equal(function[index], one)
        one = mask_function(
            times[index], times[index] + 1, 1000, sampling_rate=RATE, rise=1.0, fall=1.0
        )
        assert_array_equal(mask[index], one)


def test_what_is_unknown_or_outside_leaves_zeros():
    nan = np.full((2, 3), np.nan)
    assert not gaussian_function(nan, 50, sampling_rate=10, width=1).any()
    assert not mask_function(nan, np.zeros(3), 50, sampling_rate=10, rise=1, fall=1).any()
    assert not gaussian_function([[-1e30, 1e30, np.inf]], 50, sampling_rate=10, width=1).any()
    assert gaussian_function(np.empty((4, 0)), 50, sampling_rate=10, width=1).shape == (4, 50)
    assert gaussian_function(np.empty((0, 2)), 50, sampling_rate=10, width=1).shape == (0, 50)


def test_a_stretch_that_reaches_outside_is_clipped():
    mask = mask_function([-np.inf], [1.0], 50, sampling_rate=10, rise=1, fall=0)
    assert_array_equal(np.flatnonzero(mask), np.arange(11))
    mask = mask_function([-100.0], [100.0], 50, sampling_rate=10, rise=1, fall=1)
    assert_array_equal(mask, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ends": [0.5]}, "end before they start"),
        ({"n_samples": 0}, "n_samples"),
        ({"sampling_rate": 0}, "sampling_rate"),
        ({"rise": -1}, "rise"),
        ({"fall": np.nan}, "fall"),
        ({"starts": 1.0}, "starts"),
    ],
)
def test_what_cannot_be_is_refused(change, message):
    given = {"starts": [1.0], "ends": [2.0], "n_samples": 50, "sampling_rate": 10}
    with pytest.raises(ValueError, match=message):
        mask_function(**(given | {"rise": 1, "fall": 1} | change))
