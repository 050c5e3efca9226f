"""Spectrogram and Scalogram, and the published spectrograms."""

import numpy as np
import pytest
import scipy.signal as ss
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.pipeline import make_pipeline

from seisclf.preprocessing import Bandpass, Scalogram, Spectrogram, WaveformScaler
from seisclf.signal import cwt, resize, scale, stft


def waves(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


# --- the three papers


@pytest.mark.parametrize(("dtype", "atol"), [(np.float64, 1e-12), (np.float32, 2e-5)])
def test_rocknet_spectrogram_equals_scipy(dtype, atol):
    X = waves(2, 3, 6000, dtype=dtype)
    spectrogram = Spectrogram.from_preset("rocknet")
    Z = spectrogram.fit_transform(X)
    f, t, expected = ss.stft(X, fs=100, nperseg=20, noverlap=10, nfft=100)
    expected /= expected.std(axis=(-2, -1), keepdims=True)
    assert Z.shape == (2, 6, 51, 601)
    assert_allclose(Z[:, 0::2], expected.real, atol=atol)
    assert_allclose(Z[:, 1::2], expected.imag, atol=atol)
    assert_allclose(spectrogram.frequencies_, f)
    assert_allclose(spectrogram.times_, t, atol=1e-12)


@pytest.mark.parametrize(("dtype", "atol"), [(np.float64, 1e-13), (np.float32, 1e-6)])
def test_stft_cnn_spectrogram_equals_scipy(dtype, atol):
    X = waves(2, 3, 3750, dtype=dtype)
    spectrogram = Spectrogram.from_preset("stft_cnn")
    Z = spectrogram.fit_transform(X)
    f, t, expected = ss.stft(X, fs=250, window="boxcar", nperseg=128, noverlap=int(128 * 0.69))
    assert Z.shape == (2, 3, 65, 95)
    assert_allclose(Z, np.abs(expected), atol=atol)
    assert_allclose(spectrogram.frequencies_, f)
    assert_allclose(spectrogram.times_, t, atol=1e-12)


@pytest.mark.parametrize(("dtype", "atol"), [(np.float64, 1e-12), (np.float32, 2e-5)])
def test_aknes_spectrogram_equals_scipy(dtype, atol):
    X = 300 * waves(2, 2, 16000, dtype=dtype)
    spectrogram = Spectrogram.from_preset("aknes")
    Z = spectrogram.fit_transform(X)
    _, _, S = ss.spectrogram(X, fs=1000, nperseg=80)
    S = np.log10(S + 1)
    low, high = S.min(axis=(-2, -1), keepdims=True), S.max(axis=(-2, -1), keepdims=True)
    assert Z.shape == (2, 2, 128, 711)
    assert_allclose(Z, resize((S - low) / (high - low), (128, 711)), atol=atol)
    assert len(spectrogram.frequencies_) == 128
    assert len(spectrogram.times_) == 711
    assert (np.diff(spectrogram.times_) >= 0).all()


def test_rocknet_spectrogram_equals_the_inputs_of_the_published_networks(data_dir):
    folder = data_dir / "rocknet" / "golden"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    segments = np.moveaxis(np.load(folder / "filtered_segments.npz")["segments"], -1, 2)
    expected = np.load(folder / "inputs.npz")["spectrogram"]
    pipeline = make_pipeline(
        WaveformScaler(), Bandpass(low=0.1, zero_phase=False), Spectrogram.from_preset("rocknet")
    )
    vertical = pipeline.fit_transform(segments[:, :, [2]])
    assert_allclose(vertical, np.moveaxis(expected, -1, 2), atol=3e-6)


def test_presets_can_be_changed_and_are_named():
    assert Spectrogram.from_preset("aknes", size=64).size == 64
    with pytest.raises(ValueError, match=r"\['aknes', 'rocknet', 'stft_cnn'\]"):
        Spectrogram.from_preset("alexnet")


# --- settings


@pytest.mark.parametrize("shape", [(4, 3, 500), (2, 3, 2, 500)], ids=str)
@pytest.mark.parametrize("output", ["magnitude", "power", "psd", "complex"])
def test_pictures_are_the_transform(shape, output):
    X = waves(*shape)
    spectrogram = Spectrogram(window_length=0.5, overlap=0.75, output=output)
    Z = spectrogram.fit_transform(X)
    f, t, expected = stft(X, sampling_rate=100, window_length=0.5, overlap=0.75, output=output)
    if output == "complex":
        expected = np.stack([expected.real, expected.imag], axis=-3)
        expected = expected.reshape(shape[:-2] + (2 * shape[-2],) + expected.shape[-2:])
    assert_allclose(Z, expected, atol=1e-13)
    assert_array_equal(spectrogram.frequencies_, f)
    assert_array_equal(spectrogram.times_, t)


def test_logarithms():
    X = waves(2, 3, 500) * 30
    options = {"window_length": 0.5, "output": "power"}
    S = Spectrogram(**options).fit_transform(X)
    assert_allclose(Spectrogram(log="log1p", **options).fit_transform(X), np.log1p(S))
    assert_allclose(Spectrogram(log="log10p1", **options).fit_transform(X), np.log10(1 + S))
    loudest = S.max(axis=(-2, -1), keepdims=True)
    decibels = 10 * np.log10(np.maximum(S, loudest * 1e-12))
    assert_allclose(Spectrogram(log="db", **options).fit_transform(X), decibels)
    magnitude = Spectrogram(window_length=0.5, output="magnitude", log="db").fit_transform(X)
    assert_allclose(magnitude, decibels)


def test_decibels_of_silence_are_finite():
    for dtype in (np.float32, np.float64):
        Z = Spectrogram(window_length=0.2, log="db").fit_transform(np.zeros((2, 100), dtype))
        assert np.isfinite(Z).all()


@pytest.mark.parametrize("method", ["zscore", "min_max", "max_abs", "robust"])
@pytest.mark.parametrize(("scope", "axes"), [("channel", (-2, -1)), ("event", (-3, -2, -1))])
def test_scaling_and_scope(method, scope, axes):
    X = waves(3, 2, 400) * np.array([1.0, 5.0])[:, None]
    S = Spectrogram(window_length=0.5, log="log1p").fit_transform(X)
    Z = Spectrogram(window_length=0.5, log="log1p", scaling=method, scope=scope).fit_transform(X)
    assert_allclose(Z, scale(S, method, axes), atol=1e-10)


@pytest.mark.parametrize("scope", ["channel", "event"])
def test_standard_deviation_of_complex_pictures(scope):
    X = waves(3, 2, 400) + 2
    Z = stft(X, sampling_rate=100, window_length=0.4)[2]
    axes = (-2, -1) if scope == "channel" else (-3, -2, -1)
    expected = Z / Z.std(axis=axes, keepdims=True)
    spectrogram = Spectrogram(window_length=0.4, output="complex", scaling="std", scope=scope)
    result = spectrogram.fit_transform(X)
    assert_allclose(result[:, 0::2], expected.real, atol=1e-12)
    assert_allclose(result[:, 1::2], expected.imag, atol=1e-12)


@pytest.mark.parametrize("size", [64, (20, 30), (200, 10)])
def test_size_and_its_axes(size):
    X = waves(2, 2, 1000)
    plain = Spectrogram(window_length=0.6)
    sized = Spectrogram(window_length=0.6, size=size)
    Z = sized.fit_transform(X)
    assert_allclose(Z, resize(plain.fit_transform(X), size), atol=1e-12)
    assert Z.shape[-2:] == (len(sized.frequencies_), len(sized.times_))
    assert plain.frequencies_[0] <= sized.frequencies_[0]
    assert sized.times_[-1] <= plain.times_[-1]


def test_a_sine_is_where_the_axes_say():
    t = np.arange(3000) / 100
    X = np.where(t > 15, np.sin(2 * np.pi * 12.5 * t), 0)[None]
    for transformer in (
        Spectrogram(window_length=0.64, size=(40, 70)),
        Scalogram(n_frequencies=80, hop=0.2),
    ):
        Z = transformer.fit_transform(X)[0, 0]
        assert transformer.frequencies_[Z.sum(axis=1).argmax()] == pytest.approx(12.5, rel=0.08)
        loud = Z.max(axis=0) > 0.5 * Z.max()
        assert transformer.times_[loud][0] == pytest.approx(15, abs=0.5)


def test_long_windows_are_shortened_with_a_warning():
    X = waves(3, 50)
    spectrogram = Spectrogram(window_length=1.0, hop=0.5)
    with pytest.warns(UserWarning, match="shortened to their 50 samples, with a hop of 25"):
        spectrogram.fit(X)
    assert spectrogram.transform(X).shape == (3, 1, 26, 3)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"log": "ln"}, "log must be"),
        ({"scaling": "l2"}, "scaling must be"),
        ({"scope": "all"}, "scope must be"),
        ({"output": "complex", "log": "db"}, "no meaning"),
        ({"output": "complex", "scaling": "min_max"}, "no meaning"),
        ({"output": "phase"}, "output must be"),
        ({"hop": 1.0, "overlap": 0.5}, "not both"),
        ({"size": 0}, "at least one pixel"),
        ({"window": np.ones(300), "window_length": None, "padding": "none"}, "shorter"),
    ],
)
def test_settings_of_spectrograms_are_checked_in_fit(params, message):
    with pytest.raises(ValueError, match=message):
        Spectrogram(**params).fit(waves(2, 200))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"output": "complex"}, "output must be"),
        ({"low": 60}, "low < high"),
        ({"frequencies": [3, 2]}, "ascend"),
        ({"frequencies": [60.0]}, "Nyquist"),
        ({"w0": 0}, "w0 must be positive"),
        ({"hop": -1}, "hop must be positive"),
    ],
)
def test_settings_of_scalograms_are_checked_in_fit(params, message):
    with pytest.raises(ValueError, match=message):
        Scalogram(**params).fit(waves(2, 200))


def test_scalogram_is_the_transform_averaged_over_columns():
    X = waves(2, 3, 205)
    scalogram = Scalogram(frequencies=[2.0, 10.0, 30.0], hop=0.1, output="power")
    Z = scalogram.fit_transform(X)
    W = cwt(X, sampling_rate=100, frequencies=[2.0, 10.0, 30.0], output="power")
    assert Z.shape == (2, 3, 3, 21)
    assert_allclose(Z[..., :20], W[..., :200].reshape(2, 3, 3, 20, 10).mean(axis=-1))
    assert_allclose(Z[..., 20], W[..., 200:].mean(axis=-1))
    assert_allclose(scalogram.times_[[0, 20]], [0.045, 2.02])


def test_threads_change_nothing():
    X = waves(40, 3, 600, dtype=np.float32)
    for cls in (Spectrogram, Scalogram):
        options = {"log": "db", "scaling": "min_max", "size": 32, "scope": "event"}
        one = cls(n_threads=1, **options).fit_transform(X)
        assert_allclose(cls(n_threads=2, **options).fit_transform(X), one, atol=1e-5)


def test_lazy_waveforms_are_read_in_batches(monkeypatch):
    from seisclf.io import LazyWaveforms

    class Fake(LazyWaveforms):
        """Rows of an array, that count how many were read at once."""

        def __init__(self, array, log):
            self.array, self.log = array, log

        shape = property(lambda self: self.array.shape)
        ndim = property(lambda self: self.array.ndim)
        dtype = property(lambda self: self.array.dtype)

        def __len__(self):
            return len(self.array)

        def __getitem__(self, rows):
            return Fake(self.array[rows], self.log)

        def __array__(self, dtype=None, copy=None):
            self.log.append(len(self.array))
            return self.array if dtype is None else self.array.astype(dtype)

    monkeypatch.setattr("seisclf.preprocessing._base._BATCH", 4)
    X, log = waves(10, 2, 200), []
    spectrogram = Spectrogram(window_length=0.4)
    expected = spectrogram.fit_transform(X)
    assert_allclose(spectrogram.fit(Fake(X, log)).transform(Fake(X, log)), expected)
    assert log == [4, 4, 2]
    X[9, 1, 7] = np.inf
    with pytest.raises(ValueError, match="event 9"):
        spectrogram.transform(Fake(X, log))
