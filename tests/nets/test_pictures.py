"""The picture of a waveform inside a network, held to the transformer of the same name."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seisclf.nets import SpectrogramPicture
from seisclf.preprocessing import Spectrogram

LOGS = ("log10p1", "db", "log1p", None)


def reference(X, **changes):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # frames longer than the traces
        transformer = Spectrogram.from_preset("aknes", **changes).fit(X)
    return transformer, transformer.transform(X)


@pytest.mark.parametrize("log", LOGS)
@pytest.mark.parametrize("n_samples", [16000, 1001, 81, 60])
def test_it_is_the_transformer_of_the_preset(n_samples, log):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2, 3, n_samples)) * rng.uniform(0.1, 1000, size=(2, 3, 1)) + 7
    transformer, expected = reference(X, log=log)
    picture = SpectrogramPicture(n_samples, sampling_rate=1000.0, log=log)
    found = picture(torch.from_numpy(X)).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-9)
    np.testing.assert_allclose(picture.frequencies, transformer.frequencies_)
    np.testing.assert_allclose(picture.times, transformer.times_)
    assert picture.shape == expected.shape[-2:] == found.shape[-2:]


def test_the_published_size():
    picture = SpectrogramPicture(16000, sampling_rate=1000.0)
    assert (picture.length, picture.hop, picture.shape) == (80, 70, (128, 711))


def test_single_precision():
    X = np.random.default_rng(0).normal(size=(2, 2, 4000)).astype(np.float32) * 100
    _, expected = reference(X)
    found = SpectrogramPicture(4000, sampling_rate=1000.0).float()(torch.from_numpy(X))
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(
    n_samples=st.integers(1, 400),
    length=st.floats(0.01, 0.5),
    overlap=st.floats(0, 0.9),
    window=st.sampled_from(["hann", "boxcar", ("tukey", 0.25)]),
    size=st.sampled_from([None, 1, 16, (5, 9)]),
    seed=st.integers(0, 1000),
)
def test_it_is_the_transformer_whatever_the_frames(n_samples, length, overlap, window, size, seed):
    X = np.random.default_rng(seed).normal(size=(2, 1, n_samples))
    given_ = {"sampling_rate": 200.0, "window_length": length, "overlap": overlap}
    given_ |= {"window": window, "size": size}
    try:
        transformer, expected = reference(X, **given_)
    except ValueError:  # a window whose values are all zero
        with pytest.raises(ValueError):
            SpectrogramPicture(n_samples, **given_)
        return
    picture = SpectrogramPicture(n_samples, **given_)
    np.testing.assert_allclose(picture(torch.from_numpy(X)).numpy(), expected, atol=1e-5)
    np.testing.assert_allclose(picture.times, transformer.times_)


@pytest.mark.parametrize("log", LOGS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_constant_traces_are_zero(log, dtype):
    picture = SpectrogramPicture(1000, sampling_rate=100.0, log=log)
    x = torch.full((2, 3, 1000), 0.1, dtype=dtype)
    x[0, 0] = torch.randn(1000, dtype=dtype)
    found = picture(x)
    assert torch.isfinite(found).all()
    assert (found[1] == 0).all() and (found[0, 1:] == 0).all()
    assert found[0, 0].max() > 0.5


def test_cells_lie_between_zero_and_one_and_reach_both():
    cells = SpectrogramPicture(1000, sampling_rate=100.0, log="db").cells(torch.randn(4, 3, 1000))
    np.testing.assert_allclose(cells.amin((-2, -1)).numpy(), 0, atol=1e-6)
    np.testing.assert_allclose(cells.amax((-2, -1)).numpy(), 1, atol=1e-6)


@pytest.mark.parametrize("log", LOGS)
def test_a_gradient_reaches_the_waveform(log):
    torch.manual_seed(0)
    picture = SpectrogramPicture(50, sampling_rate=100.0, window_length=0.2, log=log, size=6)
    x = torch.randn(1, 50, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(picture, (x,))
    (gradient,) = torch.autograd.grad(picture(x).square().sum(), x)
    assert (gradient[0, :38] != 0).all()


def test_constant_traces_have_a_gradient_of_zero():
    picture = SpectrogramPicture(500, sampling_rate=100.0, log="db")
    x = torch.ones(1, 500, requires_grad=True)
    (gradient,) = torch.autograd.grad(picture(x).sum(), x)
    assert (gradient == 0).all()


def test_decibels_do_not_depend_on_the_unit():
    picture = SpectrogramPicture(1000, sampling_rate=100.0, log="db").double()
    x = torch.randn(2, 1000, dtype=torch.float64)
    torch.testing.assert_close(picture(x), picture(1e-9 * x))
    published = SpectrogramPicture(1000, sampling_rate=100.0)
    assert (published(x) - published(1e4 * x)).abs().max() > 0.1


def test_nothing_of_it_is_in_a_file_of_weights():
    assert not SpectrogramPicture(1000, sampling_rate=100.0).state_dict()


def test_an_unknown_logarithm_is_refused():
    with pytest.raises(ValueError, match=r"log must be one of .*; got 'ln'"):
        SpectrogramPicture(1000, sampling_rate=100.0, log="ln")
