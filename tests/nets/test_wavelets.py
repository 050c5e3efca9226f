"""The wavelet layer, against the function that defines the amplitudes."""

import numpy as np
import pytest
import torch

from seisclf.nets import MorletScalogram
from seisclf.nets.wavelets import scalogram_frequencies
from seisclf.signal import cwt


def by_hand(x, hop, **settings):
    """Means of the magnitudes in columns of `hop` samples, the trace continued by zeros."""
    n_frames = -(-x.shape[-1] // hop)
    padded = np.pad(x, ((0, 0), (0, 0), (0, n_frames * hop - x.shape[-1])))
    W = cwt(padded, **settings)
    return W.reshape(*W.shape[:-1], n_frames, hop).mean(axis=-1)


@pytest.mark.parametrize(
    ("n_samples", "rate", "hop", "w0"),
    [(3750, 250.0, 40, 6.0), (1500, 100.0, 16, 6.0), (751, 50.0, 20, 4.0), (1200, 40.0, 9, 8.0)],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equals_the_mean_over_all_samples(n_samples, rate, hop, w0, dtype):
    x = np.random.default_rng(0).normal(size=(2, 3, n_samples)).astype(dtype)
    x[0, :, : n_samples // 2] *= 0.01  # an onset
    frequencies = scalogram_frequencies(n_samples, sampling_rate=rate, w0=w0, n_frequencies=24)
    settings = dict(sampling_rate=rate, frequencies=frequencies, w0=w0)
    layer = MorletScalogram(n_samples, hop=hop / rate, **settings)
    got = layer(torch.from_numpy(x))
    assert str(got.dtype) == f"torch.{dtype}"
    expected = by_hand(x, hop, **settings)
    assert got.shape == expected.shape == (2, 3, len(layer.frequencies), len(layer.times))
    error = got.numpy() - expected
    assert np.abs(error).max() < 0.015 * expected.max()
    assert np.sqrt(np.mean(error**2)) < 0.003 * np.sqrt(np.mean(expected**2))
    np.testing.assert_allclose(layer.times[:2], (np.array([0, hop]) + (hop - 1) / 2) / rate)


@pytest.mark.parametrize("hop", [1, 2, 4])
def test_is_exact_where_every_sample_is_computed(hop):
    x = np.random.default_rng(1).normal(size=(2, 1, 500))
    settings = dict(sampling_rate=50.0, frequencies=[2.0, 7.0, 20.0])
    got = MorletScalogram(500, hop=hop / 50, **settings)(torch.from_numpy(x)).numpy()
    # What is cut off the wavelets' spectra, beyond 4.5 standard deviations, is all that differs.
    np.testing.assert_allclose(got, by_hand(x, hop, **settings), atol=2e-4)


def test_a_sine_has_its_amplitude_in_its_row():
    t = np.arange(3000) / 100
    x = torch.from_numpy(3 * np.sin(2 * np.pi * 12 * t))[None, None]
    layer = MorletScalogram(3000, sampling_rate=100.0, frequencies=[6, 12, 24], hop=0.2)
    middle = layer(x)[0, 0, :, 40:110]
    np.testing.assert_allclose(middle[1], 3, rtol=1e-4)
    assert middle[0].max() < 0.01
    assert 0.01 < middle[2].max() < 0.1  # wavelets of high frequency are broad


def test_an_impulse_shows_at_its_time():
    x = torch.zeros(1, 1, 2000)
    x[..., 1234] = 1
    layer = MorletScalogram(2000, sampling_rate=100.0, frequencies=[5, 10, 20, 40], hop=0.1)
    columns = layer(x)[0, 0].argmax(dim=-1)
    np.testing.assert_allclose(layer.times[columns], 12.34, atol=0.05)


def test_silence_stays_silent_and_gradients_are_finite():
    x = torch.zeros(2, 1, 400)
    x[1] = torch.randn(1, 400)
    layer = MorletScalogram(400, sampling_rate=100.0, frequencies=[5, 20], hop=0.1).float()
    assert not layer(x)[0].any()
    plain = layer(x)
    x.requires_grad_()
    scalogram = layer(x)
    torch.testing.assert_close(scalogram, plain)
    scalogram.sum().backward()
    assert torch.isfinite(x.grad).all()
    assert x.grad[1].any()


def test_frequencies_by_default_fit_the_window():
    quarter = 3750 / 250 / 4
    frequencies = scalogram_frequencies(3750, sampling_rate=250.0)
    # Two standard deviations of the longest wavelet to either side fill a quarter of the window.
    assert 4 * 6 / (2 * np.pi * frequencies[0]) == pytest.approx(quarter)
    assert frequencies[-1] == pytest.approx(100)
    assert len(frequencies) == 64
    np.testing.assert_allclose(
        np.diff(np.log(frequencies)), np.log(frequencies[1] / frequencies[0])
    )
    for n_samples in (1, 2, 20):
        short = scalogram_frequencies(n_samples, sampling_rate=100.0, n_frequencies=5)
        assert short[0] > 0
        assert (np.diff(short) > 0).all()
        assert short[-1] <= 50


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"freq_min": 0.0}, "0 < freq_min < freq_max"),
        ({"freq_min": 30.0, "freq_max": 20.0}, "0 < freq_min < freq_max"),
        ({"freq_max": 60.0}, r"<= 50 Hz, the Nyquist frequency"),
        ({"n_frequencies": 0}, "n_frequencies must be an integer >= 1; got 0"),
        ({"n_frequencies": 2.5}, "n_frequencies must be an integer"),
        ({"w0": 0.0}, "w0"),
    ],
)
def test_impossible_ranges_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        scalogram_frequencies(1000, sampling_rate=100.0, **settings)


def test_frequencies_must_ascend():
    with pytest.raises(ValueError, match="must ascend"):
        MorletScalogram(100, sampling_rate=100.0, frequencies=[20, 10], hop=0.1)
