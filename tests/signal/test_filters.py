import numpy as np
import pytest
import scipy.signal as ss
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from seisclf.signal import bandpass, detrend, envelope, highpass, lowpass, moving_average, taper

RATE = 100.0
seeds = st.integers(0, 2**32 - 1)
quick = settings(max_examples=20, deadline=None)


def noise(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


@pytest.mark.parametrize("zero_phase", [True, False])
def test_bandpass_equals_scipy_on_every_leading_axis(zero_phase):
    x = noise(2, 3, 4, 400)
    sos = ss.butter(3, (2, 20), "bandpass", fs=RATE, output="sos")
    expected = (ss.sosfiltfilt if zero_phase else ss.sosfilt)(sos, x)
    options = {"sampling_rate": RATE, "low": 2, "high": 20, "order": 3, "zero_phase": zero_phase}
    assert_allclose(bandpass(x, **options), expected, atol=1e-12)
    assert_array_equal(bandpass(x, workers=2, **options), bandpass(x, workers=1, **options))


def test_one_sided_corners():
    x = noise(500)
    assert_allclose(
        highpass(x, sampling_rate=RATE, corner=5) + 0,
        bandpass(x, sampling_rate=RATE, low=5, high=None),
        atol=0,
    )
    assert_allclose(
        lowpass(x, sampling_rate=RATE, corner=5) + 0,
        bandpass(x, sampling_rate=RATE, low=None, high=5),
        atol=0,
    )


@pytest.mark.parametrize("zero_phase", [True, False])
@pytest.mark.parametrize("n_samples", [1, 2, 5, 27])
def test_short_traces_are_filtered(n_samples, zero_phase):
    x = noise(2, n_samples)
    result = bandpass(x, sampling_rate=RATE, low=1, high=20, zero_phase=zero_phase)
    assert result.shape == x.shape
    assert np.isfinite(result).all()


@pytest.mark.parametrize(
    ("low", "high", "message"),
    [
        (1, 50, "high=50 Hz.*Nyquist frequency, 50 Hz"),
        (60, None, "low=60 Hz.*Nyquist"),
        (0, 10, "low=0 Hz"),
        (20, 10, "low must lie below high"),
        (None, None, "at least one corner"),
    ],
)
def test_impossible_corners_are_named(low, high, message):
    with pytest.raises(ValueError, match=message):
        bandpass(np.zeros(100), sampling_rate=RATE, low=low, high=high)


def test_very_low_corner_is_stable_in_single_precision():
    x = noise(6000, dtype=np.float32)
    result = bandpass(x, sampling_rate=RATE, low=0.05, high=45)
    expected = bandpass(x.astype(np.float64), sampling_rate=RATE, low=0.05, high=45)
    assert result.dtype == np.float32
    assert_allclose(result, expected, atol=1e-5)


@quick
@given(seed=seeds, factor=st.floats(-1e3, 1e3))
def test_bandpass_is_linear(seed, factor):
    a, b = noise(2, 300, seed=seed)
    both = bandpass(factor * a + b, sampling_rate=RATE, low=2, high=30)
    apart = factor * bandpass(a, sampling_rate=RATE, low=2, high=30) + bandpass(
        b, sampling_rate=RATE, low=2, high=30
    )
    assert_allclose(both, apart, atol=1e-9 * (1 + abs(factor)))


@quick
@given(seed=seeds, shift=st.integers(1, 200))
def test_causal_filter_commutes_with_delay(seed, shift):
    x = np.zeros(600)
    x[:100] = noise(100, seed=seed)
    options = {"sampling_rate": RATE, "low": 2, "high": 30, "zero_phase": False}
    delayed = bandpass(np.roll(x, shift), **options)
    assert_allclose(delayed[shift:], bandpass(x, **options)[:-shift], atol=1e-12)
    assert_allclose(delayed[:shift], 0, atol=1e-12)


@quick
@given(seed=seeds)
def test_zero_phase_filter_commutes_with_time_reversal(seed):
    x = np.zeros(1000)
    x[400:600] = noise(200, seed=seed)
    options = {"sampling_rate": RATE, "low": 4, "high": 30}
    assert_allclose(bandpass(x[::-1], **options)[::-1], bandpass(x, **options), atol=1e-6)


@pytest.mark.parametrize("kind", ["linear", "constant"])
def test_detrend_equals_scipy(kind):
    x = noise(3, 2, 101) + np.arange(101) * 3 + 1e4
    assert_allclose(detrend(x, kind=kind), ss.detrend(x, type=kind), atol=1e-8)


def test_detrend_of_large_counts_in_single_precision():
    x = (noise(5000) + 1e6).astype(np.float32)
    assert abs(detrend(x).mean(dtype=np.float64)) < 1e-3


@quick
@given(offset=st.floats(-1e6, 1e6), slope=st.floats(-1e3, 1e3), n=st.integers(1, 50))
def test_detrend_removes_lines(offset, slope, n):
    line = offset + slope * np.arange(n)
    assert_allclose(detrend(line), 0, atol=1e-9 * (1 + np.abs(line).max()))


@pytest.mark.parametrize("n_samples", [1, 2, 100, 101, 127])
def test_envelope_equals_hilbert(n_samples):
    x = noise(3, n_samples)
    assert_allclose(envelope(x), np.abs(ss.hilbert(x)), atol=1e-12)


@quick
@given(seed=seeds, factor=st.floats(1e-6, 1e6))
def test_envelope_scales_and_bounds_the_trace(seed, factor):
    x = noise(128, seed=seed)
    assert_allclose(envelope(-factor * x), factor * envelope(x), rtol=1e-9)
    assert (envelope(x) >= np.abs(x) - 1e-12).all()


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 50, 80])
def test_moving_average_is_the_weighted_mean_around_each_sample(n):
    x = noise(2, 50)
    weights = np.ones(n) if n % 2 else np.r_[0.5, np.ones(n - 1), 0.5]
    half = len(weights) // 2
    expected = np.empty_like(x)
    for i in range(x.shape[-1]):
        inside = [j for j in range(i - half, i + half + 1) if 0 <= j < x.shape[-1]]
        w = weights[[j - i + half for j in inside]]
        expected[:, i] = x[:, inside] @ w / w.sum()
    assert_allclose(moving_average(x, n), expected, atol=1e-12)


@quick
@given(seed=seeds, n=st.integers(1, 60))
def test_moving_average_does_not_move_in_time(seed, n):
    x = noise(101, seed=seed)
    assert_allclose(moving_average(x[::-1], n)[::-1], moving_average(x, n), atol=1e-12)
    assert_allclose(moving_average(np.full(40, 3.0), n), 3.0)


def test_taper_brings_ends_to_zero_and_leaves_the_middle():
    x = noise(100) + 5
    tapered = taper(x, fraction=0.1)
    assert_allclose(tapered[[0, -1]], 0, atol=1e-12)
    assert_array_equal(tapered[15:85], x[15:85])
    with pytest.raises(ValueError, match="fraction"):
        taper(x, fraction=0.6)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: bandpass(x, sampling_rate=RATE, low=1, high=20),
        lambda x: bandpass(x, sampling_rate=RATE, low=1, high=20, zero_phase=False),
        detrend,
        envelope,
        taper,
        lambda x: moving_average(x, 5),
        lambda x: moving_average(x, 1),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
def test_input_is_left_alone_and_dtype_kept(function, dtype):
    x = (10 * noise(2, 3, 200)).astype(dtype)
    x.flags.writeable = False
    before = x.copy()
    result = function(x)
    assert result.dtype == (np.float64 if dtype == np.int32 else dtype)
    assert result.shape == x.shape
    assert not np.shares_memory(result, x)
    assert_array_equal(x, before)
    result[...] = 0  # the result is ours to change


def test_what_is_no_trace_is_refused():
    with pytest.raises(TypeError, match="real numbers"):
        envelope(np.zeros(5, complex))
    with pytest.raises(ValueError, match="no samples"):
        envelope(np.zeros((3, 0)))
