"""Layers, against what they promise."""

import numpy as np
import pytest
import torch

from seisclf.nets import (
    RandomTimeShift,
    SpectrogramDropout,
    SpectrogramScale,
    STFTMagnitude,
    WaveformNormalization,
)
from seisclf.nets.layers import Dropout
from seisclf.signal import stft


@pytest.mark.parametrize(
    ("n_samples", "rate", "window_length", "hop", "window"),
    [
        (3750, 250.0, 0.512, 0.16, "boxcar"),
        (6000, 100.0, 1.0, 0.1, "hann"),
        (751, 50.0, 0.5, 0.16, "hamming"),
        (5, 100.0, 0.05, 0.01, "boxcar"),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_stft_layer_equals_the_function(n_samples, rate, window_length, hop, window, dtype):
    x = np.random.default_rng(0).normal(size=(2, 3, n_samples)).astype(dtype)
    settings = dict(sampling_rate=rate, window_length=window_length, hop=hop, window=window)
    frequencies, times, expected = stft(x, **settings, output="magnitude")
    layer = STFTMagnitude(n_samples, **settings)
    got = layer(torch.from_numpy(x))
    assert str(got.dtype) == f"torch.{dtype}"
    tolerance = 1e-6 if dtype == "float32" else 1e-13
    np.testing.assert_allclose(got.numpy(), expected, atol=tolerance)
    np.testing.assert_allclose(layer.frequencies, frequencies)
    np.testing.assert_allclose(layer.times, times)


def test_stft_layer_keeps_a_band():
    x = torch.randn(1, 1, 1000)
    settings = dict(sampling_rate=100.0, window_length=0.5, hop=0.1)
    whole = STFTMagnitude(1000, **settings)
    band = STFTMagnitude(1000, **settings, freq_min=5.0, freq_max=20.0)
    rows = (whole.frequencies >= 5) & (whole.frequencies <= 20)
    np.testing.assert_array_equal(band(x), whole(x)[:, :, rows])
    with pytest.raises(ValueError, match="no frequency of the transform"):
        STFTMagnitude(1000, **settings, freq_min=60.0)


def test_normalization_keeps_or_loses_the_ratio_of_channels():
    x = torch.randn(4, 2, 100, dtype=torch.float64)
    x[:, 1] *= 10
    x[3] = 7.0  # a dead station
    by_event = WaveformNormalization("event")(x)
    by_channel = WaveformNormalization("channel")(x)
    peaks = by_event.abs().amax(-1)
    np.testing.assert_allclose(peaks[:3].amax(-1), 1)
    assert (peaks[:3, 0] < 0.5).all()
    np.testing.assert_allclose(by_channel[:3].abs().amax(-1), 1)
    assert not by_event[3].any()
    assert not by_channel[3].any()
    np.testing.assert_allclose(by_event[:3].mean(-1), 0, atol=1e-12)


def test_log_scale_is_standardised_decibels_below_the_peak():
    x = torch.tensor([1.0, 0.1, 0.001, 1e-9], dtype=torch.float64).reshape(1, 1, 2, 2)
    got = SpectrogramScale("log", 60.0)(x * 37).ravel().numpy()
    decibels = np.array([0.0, -20.0, -60.0, -60.0])
    np.testing.assert_allclose(got, (decibels - decibels.mean()) / decibels.std(), atol=1e-12)


def test_magnitude_scale_is_linear():
    x = (
        torch.rand(3, 2, 4, 5, dtype=torch.float64)
        * torch.tensor([1, 1e-6, 1e6])[:, None, None, None]
    )
    got = SpectrogramScale("magnitude")(x)
    np.testing.assert_allclose(got.square().mean((1, 2, 3)), 1)
    ratio = x / got
    np.testing.assert_allclose(ratio, ratio[:, :1, :1, :1].expand_as(ratio))


@pytest.mark.parametrize("scaling", ["log", "magnitude"])
def test_silence_stays_silent(scaling):
    assert not SpectrogramScale(scaling)(torch.zeros(1, 1, 2, 2)).any()


def test_shift_moves_all_channels_alike_and_only_while_training():
    x = torch.zeros(50, 2, 30)
    x[:, :, 15] = 1
    layer = RandomTimeShift(5)
    layer.eval()
    assert layer(x) is x
    layer.train()
    where = layer(x).argmax(-1)
    assert (where[:, 0] == where[:, 1]).all()
    assert set(where[:, 0].tolist()) <= set(range(10, 21))
    assert len(set(where[:, 0].tolist())) > 5
    assert layer(x).sum() == x.sum()


def test_spectrogram_dropout_blanks_a_band_and_a_span():
    x = torch.ones(20, 2, 40, 60)
    layer = SpectrogramDropout(0.5)
    out = layer(x)
    blank_rows = (out == 0).all(-1).all(1).sum(-1)
    blank_frames = (out == 0).all(-2).all(1).sum(-1)
    assert blank_rows.max() <= 20
    assert blank_frames.max() <= 30
    assert blank_rows.sum() > 0
    assert blank_frames.sum() > 0
    layer.eval()
    assert layer(x) is x


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("shape", [(7, 3, 1001), (4, 6, 9, 40)])
def test_dropout_drops_at_its_rate_and_keeps_the_mean(rate, shape):
    dropout = Dropout(rate)
    torch.manual_seed(0)
    for x in (torch.ones(shape), torch.ones(shape).transpose(1, 2)):
        y = dropout(x)
        assert y.stride() == x.stride()
        assert set(y.unique().tolist()) == {0.0, y.max().item()}
        assert abs((y == 0).float().mean().item() - rate) < 0.02
        assert y.max().item() == pytest.approx(1 / (1 - rate), rel=1e-4)
        assert not torch.equal(y, dropout(x))
    x = torch.randn(shape, requires_grad=True)
    y = dropout(x)
    y.sum().backward()
    torch.testing.assert_close(x.grad, y.detach() / x.detach())
    assert torch.equal(dropout.eval()(x), x)


def test_dropout_is_fixed_by_the_seed():
    x = torch.ones(2, 3, 500)
    torch.manual_seed(5)
    one = Dropout(0.3)(x)
    torch.manual_seed(5)
    assert torch.equal(one, Dropout(0.3)(x))
