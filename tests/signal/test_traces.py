"""Scaling, resampling, signal-to-noise ratio, polarization, windows."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy.signal import freqz

from seisclf.signal import (
    polarization,
    resample,
    resampling_ratio,
    scale,
    sliding_windows,
    snr,
    window_starts,
)
from seisclf.signal._resample import _anti_alias_filter

seeds = st.integers(0, 2**32 - 1)
quick = settings(max_examples=30, deadline=None)
METHODS = ["zscore", "max_abs", "min_max", "robust"]


def noise(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


# --- scaling


@pytest.mark.parametrize("axis", [-1, (-2, -1)])
def test_scale_gives_what_its_name_says(axis):
    x = 7 * noise(4, 3, 500) + 100
    z = scale(x, "zscore", axis)
    assert_allclose(z.mean(axis=axis), 0, atol=1e-12)
    assert_allclose(z.std(axis=axis), 1)
    peak = scale(x, "max_abs", axis)
    assert_allclose(peak.mean(axis=axis), 0, atol=1e-12)
    assert_allclose(np.abs(peak).max(axis=axis), 1)
    ends = scale(x, "min_max", axis)
    assert_allclose(ends.min(axis=axis), 0)
    assert_allclose(ends.max(axis=axis), 1)
    robust = scale(x, "robust", axis)
    assert_allclose(np.median(robust, axis=axis), 0, atol=1e-12)
    assert_allclose(np.diff(np.quantile(robust, [0.25, 0.75], axis=axis), axis=0), 1)


def test_scale_without_centre_keeps_the_offset():
    x = noise(500) + 10
    assert_allclose(scale(x, "max_abs", center=False), x / np.abs(x).max())
    assert_allclose(scale(x, "zscore", center=False), x / x.std())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("center", [True, False])
def test_constants_become_zero_without_warning(method, dtype, center):
    values = np.array([0.0, 1.1, -3.7e5, 1e30, 1e-30, 0.1], dtype)
    x = np.repeat(values[:, None], 1001, axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_array_equal(scale(x, method, center=center), 0)


@pytest.mark.parametrize("method", METHODS)
@quick
@given(
    x=arrays(
        np.float32,
        array_shapes(min_dims=1, max_dims=3, max_side=12),
        elements=st.floats(-(2.0**120), 2.0**120, width=32),
    )
)
def test_scale_is_always_finite_and_bounded(method, x):
    before = x.copy()
    x.flags.writeable = False
    result = scale(x, method)
    assert result.dtype == np.float32
    assert np.isfinite(result).all()
    assert_array_equal(x, before)
    if method in ("max_abs", "min_max"):
        assert np.abs(result).max() <= 1


@pytest.mark.parametrize("method", METHODS)
@quick
@given(seed=seeds, factor=st.floats(1e-3, 1e3), offset=st.floats(-100, 100))
def test_scale_forgets_gain_and_offset(method, seed, factor, offset):
    x = noise(200, seed=seed)
    assert_allclose(scale(factor * x + offset, method), scale(x, method), atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_scale_of_missing_traces_is_missing(method):
    x = noise(2, 50)
    x[1] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = scale(x, method)
    assert np.isfinite(result[0]).all()
    assert np.isnan(result[1]).all()


def test_unknown_scaling_is_named():
    with pytest.raises(ValueError, match="'l2'"):
        scale(np.zeros(3), "l2")


# --- resampling


@pytest.mark.parametrize(("up", "down"), [(2, 5), (1, 10), (4, 1), (3, 2), (147, 160)])
def test_anti_alias_filter_holds_its_promise(up, down):
    taps = _anti_alias_filter(up, down)
    stop = np.pi / max(up, down)
    w, h = freqz(taps, worN=1 << 16)
    level = 20 * np.log10(np.abs(h) + 1e-300)
    assert level[w >= stop].max() < -60
    assert np.abs(level[w <= 0.8 * stop]).max() < 0.05


def test_what_lies_above_the_new_nyquist_frequency_is_gone():
    t = np.arange(5000) / 500
    for f in (51, 60, 90, 140, 240):
        residue = resample(np.sin(2 * np.pi * f * t), old_rate=500, new_rate=100)
        assert np.abs(residue[100:-100]).max() < 1e-3, f


@pytest.mark.parametrize(("old", "new"), [(250, 100), (100, 250), (1000, 100), (99.999992, 100)])
def test_sines_keep_amplitude_and_time(old, new):
    n = int(20 * old)
    x = np.sin(2 * np.pi * 7 * np.arange(n) / old + 0.3)
    y = resample(x, old_rate=old, new_rate=new)
    assert len(y) == np.ceil(n * resampling_ratio(old, new)[0] / resampling_ratio(old, new)[1])
    expected = np.sin(2 * np.pi * 7 * np.arange(len(y)) / new + 0.3)
    assert_allclose(y[2 * new : -2 * new], expected[2 * new : -2 * new], atol=2e-3)


@quick
@given(seed=seeds, factor=st.floats(-100, 100), up=st.integers(1, 6), down=st.integers(1, 6))
def test_resample_is_linear_and_keeps_lines(seed, factor, up, down):
    a, b = noise(2, 200, seed=seed)

    def change(x):
        return resample(x, old_rate=float(down), new_rate=float(up))

    assert_allclose(change(factor * a + b), factor * change(a) + change(b), atol=1e-9)
    assert_allclose(change(np.full(100, factor)), factor, atol=1e-9)


@quick
@given(up=st.integers(1, 500), down=st.integers(1, 500), error=st.floats(-5e-7, 5e-7))
def test_ratio_is_found_within_tolerance(up, down, error):
    p, q = resampling_ratio(100.0 * down, 100.0 * up * (1 + error))
    assert abs(p / q / (up / down) - 1) < 2e-6
    assert p <= up and q <= down


def test_rates_without_ratio_are_refused():
    with pytest.raises(ValueError, match="simpler ratio"):
        resampling_ratio(100, 100 * np.pi, tolerance=1e-12)
    with pytest.raises(ValueError, match="simpler ratio"):
        resampling_ratio(1e6, 1)
    with pytest.raises(ValueError, match="new_rate must be positive"):
        resample(np.zeros(5), old_rate=1, new_rate=-1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_resample_dtype_short_traces_and_input(dtype):
    for n in (1, 2, 3, 50):
        x = noise(2, 3, n, dtype=dtype)
        x.flags.writeable = False
        y = resample(x, old_rate=100, new_rate=40)
        assert y.dtype == dtype
        assert y.shape == (2, 3, -(-n * 2 // 5))
        assert np.isfinite(y).all()


# --- signal-to-noise ratio


def test_snr_of_given_spans():
    x = np.tile([1.0, -1.0], 500) * np.repeat([1.0, 3.0], 500)
    assert snr(x, noise=(0, 500), signal=(500, 1000)) == pytest.approx(9)
    assert snr(1e-20 * x, noise=(0, 500), signal=(500, 1000)) == pytest.approx(9)
    with pytest.raises(ValueError, match="together"):
        snr(x, noise=(0, 500))
    with pytest.raises(ValueError, match="signal="):
        snr(x, noise=(0, 500), signal=(1000, 1000))


def test_blind_snr_orders_channels_and_ignores_gain():
    gains = np.where(np.arange(3000) < 1000, 1, np.exp(-(np.arange(3000) - 1000) / 400))
    event = noise(3000, seed=1) * np.where(np.arange(3000) < 1000, 0, gains)
    x = np.stack([noise(3000), noise(3000) + 3 * event, noise(3000) + 20 * event])
    ratios = snr(x)
    assert (np.diff(ratios) > 0).all()
    assert ratios[0] < 3
    assert_allclose(snr(1e-3 * x + 5), ratios)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(snr(np.ones(100)))


# --- polarization


def test_directions():
    s = noise(400)
    for azimuth, dip in ((30, 20), (135, 60), (0.5, 0), (90, 45)):
        a, d = np.radians([azimuth, dip])
        x = np.stack([np.sin(d) * s, np.cos(d) * np.cos(a) * s, np.cos(d) * np.sin(a) * s])
        result = polarization(x)
        assert result.azimuth == pytest.approx(azimuth, abs=1e-4)
        assert result.dip == pytest.approx(dip, abs=1e-4)
        assert result.rectilinearity == pytest.approx(1)
        assert_allclose(polarization(x[[2, 1, 0]], components="ENZ").azimuth, result.azimuth)


def test_eigenvalues_are_those_of_the_covariance():
    x = noise(5, 4, 3, 200, seed=3) * np.array([1.0, 2.0, 3.0])[:, None] + 50
    result = polarization(x)
    expected = np.linalg.eigvalsh([[np.cov(s, bias=True) for s in event] for event in x])
    assert_allclose(result.eigenvalues, expected, rtol=1e-9)
    low, middle, high = np.moveaxis(expected, -1, 0)
    assert_allclose(result.rectilinearity, 1 - (low + middle) / (2 * high))
    assert_allclose(result.planarity, 1 - 2 * low / (middle + high))


def test_mask_selects_samples_per_event():
    x = noise(3, 3, 300)
    mask = np.arange(300) < np.array([[50], [100], [0]])
    result = polarization(x, mask=mask)
    for event, n in ((0, 50), (1, 100)):
        alone = polarization(x[event, :, :n])
        for masked, expected in zip(result, alone, strict=True):
            assert_allclose(masked[event], expected, rtol=1e-9)
    assert all(np.isnan(field[2]).all() for field in result)


def test_stillness_and_gaps_are_undefined_without_warning():
    x = noise(3, 3, 100)
    x[1], x[2, 0, 5] = 4.0, np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = polarization(x)
    assert np.isfinite(result.azimuth[0])
    assert np.isnan(result.rectilinearity[1:]).all()
    assert_array_equal(result.eigenvalues[1], 0)
    assert np.isnan(result.eigenvalues[2]).all()


@quick
@given(seed=seeds, exponent=st.integers(-25, 25))
def test_polarization_forgets_gain(seed, exponent):
    x = noise(3, 50, seed=seed, dtype=np.float32)
    a, b = polarization(x), polarization(x * np.float32(2.0**exponent))
    assert b.planarity.dtype == np.float32
    assert_allclose(b.rectilinearity, a.rectilinearity, atol=1e-5)
    assert_allclose(b.direction, a.direction, atol=1e-5)


def test_polarization_refuses_other_records():
    with pytest.raises(ValueError, match="three components"):
        polarization(np.zeros((2, 100)))
    with pytest.raises(ValueError, match="permutation"):
        polarization(np.zeros((3, 100)), components="Z12")


# --- windows


@quick
@given(n=st.integers(1, 500), length=st.integers(1, 100), step=st.integers(1, 100))
def test_windows_cover_every_sample(n, length, step):
    if n < length or step > length:
        with pytest.raises(ValueError):
            window_starts(n, length=length, step=step)
        return
    windows, starts = sliding_windows(np.arange(float(n)), length=length, step=step)
    assert set(windows.ravel()) == set(range(n))
    assert starts[-1] + length == n
    assert (np.diff(starts) > 0).all()
    assert_array_equal(windows[:, 0], starts)


def test_windows_are_copies():
    x = noise(2, 100)
    before = x.copy()
    windows, _ = sliding_windows(x, length=10, step=5)
    assert windows.shape == (2, 19, 10)
    windows[...] = 0
    assert_array_equal(x, before)
