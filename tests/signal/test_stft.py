import numpy as np
import pytest
import scipy.signal as ss
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from seisclf.signal import _stft as implementation
from seisclf.signal import cwt, resize, stft

seeds = st.integers(0, 2**32 - 1)
quick = settings(max_examples=20, deadline=None)
WAYS = ["matrix", "fft"]


def noise(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


@pytest.fixture(params=WAYS)
def way(request, monkeypatch):
    """Both ways to transform, whatever is faster here."""
    choose = request.param == "matrix"
    monkeypatch.setattr(implementation, "_matrix_is_faster", lambda *_: choose)
    return request.param


LAYOUTS = [
    (20, 10, 100, 6000),
    (128, 40, 128, 3750),
    (64, 64, 64, 500),
    (33, 7, 33, 200),
    (33, 7, 50, 200),
    (50, 1, 51, 120),
    (5, 3, 8, 5),
    (1, 1, 1, 4),
]


@pytest.mark.parametrize(("length", "hop", "n_fft", "n_samples"), LAYOUTS)
def test_padded_transform_equals_scipy(way, length, hop, n_fft, n_samples):
    x = noise(2, 3, n_samples)
    frequencies, times, Z = stft(
        x, sampling_rate=50, window_length=length / 50, hop=hop / 50, n_fft=n_fft
    )
    f, t, expected = ss.stft(x, fs=50, nperseg=length, noverlap=length - hop, nfft=n_fft)
    assert_allclose(Z, expected, atol=1e-13)
    assert_allclose(frequencies, f)
    assert_allclose(times, t, atol=1e-12)
    assert Z.flags.c_contiguous


@pytest.mark.parametrize(("length", "hop", "n_fft", "n_samples"), LAYOUTS)
@pytest.mark.parametrize("detrend", [None, "constant"])
def test_unpadded_density_equals_scipy(way, length, hop, n_fft, n_samples, detrend):
    x = noise(2, 3, n_samples) + 10
    options = {"padding": "none", "output": "psd", "detrend": detrend, "n_fft": n_fft}
    frequencies, times, Z = stft(
        x, sampling_rate=50, window_length=length / 50, hop=hop / 50, **options
    )
    f, t, expected = ss.spectrogram(
        x,
        fs=50,
        window="hann",
        nperseg=length,
        noverlap=length - hop,
        nfft=n_fft,
        detrend=detrend or False,
    )
    assert_allclose(Z, expected, atol=1e-12)
    assert_allclose(frequencies, f)
    assert_allclose(times, t)


def test_outputs_agree(way):
    x = noise(3, 400, dtype=np.float32)
    options = {"sampling_rate": 100, "window_length": 0.5, "window": "hamming"}
    Z = stft(x, output="complex", **options)[2]
    assert Z.dtype == np.complex64
    assert_allclose(stft(x, output="magnitude", **options)[2], np.abs(Z), atol=1e-6)
    assert_allclose(stft(x, output="power", **options)[2], np.abs(Z) ** 2, atol=1e-6)
    window = ss.get_window("hamming", 50)
    density = np.abs(Z) ** 2 * window.sum() ** 2 / (100 * (window**2).sum())
    density[:, 1:-1] *= 2
    assert_allclose(stft(x, output="psd", **options)[2], density, rtol=1e-4, atol=1e-7)


def test_threads_and_chunks_change_nothing(way, monkeypatch):
    x = noise(37, 300, dtype=np.float32)
    options = {"sampling_rate": 100, "window_length": 0.3, "output": "magnitude"}
    expected = stft(x, workers=1, **options)[2]
    monkeypatch.setattr("seisclf.signal._arrays._CHUNK_BYTES", 1)
    assert_allclose(stft(x, workers=2, **options)[2], expected, atol=1e-6)


def test_matrix_is_chosen_for_short_frames_only():
    def chosen(n_fft):
        settings = implementation.frame_settings(
            sampling_rate=1.0, window_length=n_fft, padding="zeros"
        )
        return implementation._matrix_is_faster(settings, np.dtype(np.float32))

    assert chosen(32)
    assert not chosen(512)


@pytest.mark.parametrize("strided", [False, True])
def test_read_only_and_strided_input(way, strided):
    x = noise(4, 3, 800)
    expected = stft(x[..., ::2].copy(), sampling_rate=100, window_length=0.4, padding="none")[2]
    x.flags.writeable = False
    view = x[..., ::2] if strided else np.ascontiguousarray(x[..., ::2])
    before = view.copy()
    assert_allclose(stft(view, sampling_rate=100, window_length=0.4, padding="none")[2], expected)
    assert_array_equal(view, before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16])
def test_dtype(way, dtype):
    x = (100 * noise(300)).astype(dtype)
    Z = stft(x, sampling_rate=100, window_length=0.4, output="power")[2]
    assert Z.dtype == (np.float64 if dtype == np.int16 else dtype)


@quick
@given(seed=seeds, factor=st.floats(-100, 100))
def test_linear(seed, factor):
    a, b = noise(2, 256, seed=seed)

    def transform(x):
        return stft(x, sampling_rate=64, window_length=0.5)[2]

    assert_allclose(transform(factor * a + b), factor * transform(a) + transform(b), atol=1e-11)


@quick
@given(seed=seeds, n_hops=st.integers(1, 8))
def test_delay_by_whole_hops_moves_frames(seed, n_hops):
    x = np.zeros(480)
    x[100:200] = noise(100, seed=seed)
    options = {"sampling_rate": 100, "window_length": 0.4, "hop": 0.2, "output": "magnitude"}
    Z = stft(x, **options)[2]
    later = stft(np.roll(x, 20 * n_hops), **options)[2]
    assert_allclose(later[:, n_hops:], Z[:, :-n_hops], atol=1e-13)


@quick
@given(seed=seeds)
def test_parseval(seed):
    """Boxcar frames side by side: the density integrates to the power of the trace."""
    x = noise(640, seed=seed)
    frequencies, _, Z = stft(
        x,
        sampling_rate=100,
        window_length=0.64,
        overlap=0,
        window="boxcar",
        padding="none",
        output="psd",
    )
    power = Z.sum(axis=0).mean() * (frequencies[1] - frequencies[0])
    assert_allclose(power, np.mean(x**2))


@quick
@given(bin_=st.integers(3, 40), amplitude=st.floats(1e-3, 1e3))
def test_sine_peaks_at_its_frequency_with_half_its_amplitude(bin_, amplitude):
    x = amplitude * np.cos(2 * np.pi * bin_ * np.arange(1000) / 100)
    frequencies, _, Z = stft(x, sampling_rate=100, window_length=1.0, output="magnitude")
    assert frequencies[Z[:, 10].argmax()] == pytest.approx(bin_)
    assert Z[:, 10].max() == pytest.approx(amplitude / 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hop": 0.1, "overlap": 0.5}, "not both"),
        ({"hop": 2.0}, "no sample is skipped"),
        ({"overlap": 1.0}, r"\[0, 1\)"),
        ({"n_fft": 10}, "n_fft=10 is smaller"),
        ({"padding": "reflect"}, "padding"),
        ({"output": "phase"}, "output"),
        ({"detrend": "linear"}, "detrend"),
        ({"window_length": 1e-5}, "shorter than one sample"),
        ({"window_length": 9.0, "padding": "none"}, "shorter than the window"),
        ({"sampling_rate": 0}, "sampling_rate must be positive"),
        ({"window": "nope"}, "window must be .* scipy.signal.get_window knows"),
        ({"window": ["tukey", "x"]}, r"window must be .*; got \('tukey', 'x'\)"),
        ({"window": [1.0, 2.0]}, "leave window_length=None"),
        ({"window": [1.0, -1.0], "window_length": None}, "sums to zero"),
    ],
)
def test_impossible_settings_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        stft(np.zeros(500), **{"sampling_rate": 100, "window_length": 1.0, **changes})


def test_cwt_keeps_amplitude_and_finds_frequency():
    t = np.arange(4000) / 200
    frequencies = np.geomspace(2, 80, 60)
    x = np.stack([3 * np.sin(2 * np.pi * f * t) for f in (5, 20)])
    W = cwt(x, sampling_rate=200, frequencies=frequencies)
    assert W.shape == (2, 60, 4000)
    for row, f in zip(W[..., 2000], (5, 20), strict=True):
        assert frequencies[row.argmax()] == pytest.approx(f, rel=0.04)
        assert row.max() == pytest.approx(3, rel=0.03)


def test_cwt_equals_convolution():
    x, rate, f, w0 = noise(700), 100.0, 8.0, 5.0
    scale = w0 / (2 * np.pi * f)
    t = np.arange(-400, 401) / rate
    wavelet = np.exp(1j * 2 * np.pi * f * t - 0.5 * (t / scale) ** 2)
    wavelet *= 2 / (np.sqrt(2 * np.pi) * scale * rate)
    expected = ss.fftconvolve(x, wavelet, mode="full")[400:1100]
    W = cwt(x, sampling_rate=rate, frequencies=[f], w0=w0, output="complex")[0]
    assert_allclose(W, expected, atol=1e-4)


@quick
@given(seed=seeds, factor=st.floats(-50, 50), shift=st.integers(1, 100))
def test_cwt_is_linear_and_moves_with_the_signal(seed, factor, shift):
    x = np.zeros(600)
    x[200:260] = noise(60, seed=seed)
    options = {"sampling_rate": 100, "frequencies": [5.0, 20.0]}
    W = cwt(x, output="complex", **options)
    later = cwt(factor * np.roll(x, shift), output="complex", **options)
    assert_allclose(later[:, 200:500], factor * np.roll(W, shift, axis=-1)[:, 200:500], atol=1e-8)
    assert_allclose(cwt(x, output="power", **options), np.abs(W) ** 2, atol=1e-12)


def test_cwt_dtype_leading_axes_and_errors():
    x = noise(2, 3, 100, dtype=np.float32)
    x.flags.writeable = False
    W = cwt(x, sampling_rate=100, frequencies=[1, 50])
    assert W.dtype == np.float32
    assert W.shape == (2, 3, 2, 100)
    for frequencies in ([0, 1], [60], []):
        with pytest.raises(ValueError, match="frequencies"):
            cwt(x, sampling_rate=100, frequencies=frequencies)


@pytest.mark.parametrize(
    ("old", "new"), [((41, 228), (128, 711)), ((30, 40), (7, 9)), ((10, 5), (3, 20))]
)
def test_resize_equals_torch(old, new):
    functional = pytest.importorskip("torch").nn.functional
    torch = pytest.importorskip("torch")
    x = noise(2, 3, *old)
    expected = functional.interpolate(
        torch.from_numpy(x), new, mode="bilinear", align_corners=False, antialias=True
    )
    assert_allclose(resize(x, new), expected.numpy(), atol=1e-12)


@quick
@given(height=st.integers(1, 60), width=st.integers(1, 60), value=st.floats(-1e3, 1e3))
def test_resize_keeps_constants_and_bounds(height, width, value):
    # Weights times the smallest numbers are zero.
    assert_allclose(resize(np.full((13, 17), value), (height, width)), value, atol=1e-300)
    x = noise(13, 17)
    small = resize(x, (height, width))
    assert small.min() >= x.min() - 1e-12
    assert small.max() <= x.max() + 1e-12


def test_resize_by_height_keeps_the_ratio():
    assert resize(np.zeros((41, 228)), 128).shape == (128, 711)
    with pytest.raises(ValueError, match="at least one pixel"):
        resize(np.zeros((4, 4)), (0, 3))


def test_a_list_names_a_window_as_a_tuple_does():
    x = np.random.default_rng(0).normal(size=300)
    options = {"sampling_rate": 100, "window_length": 0.5}
    found = stft(x, window=["tukey", 0.25], **options)[2]
    np.testing.assert_array_equal(found, stft(x, window=("tukey", 0.25), **options)[2])
