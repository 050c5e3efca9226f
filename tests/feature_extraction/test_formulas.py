"""The vectorised features against the same formulas written plainly, one trace at a time."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import signal, stats

from seisclf.feature_extraction import SeismicFeatures
from seisclf.feature_extraction._kernels import boxcar, interquartile_range, median
from seisclf.feature_extraction._peaks import count_peaks
from seisclf.feature_extraction._waveform import waveform_features

_SPEC = importlib.util.spec_from_file_location(
    "_loop_features", Path(__file__).parents[2] / "benchmarks" / "_loop_features.py"
)
loop = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(loop)

RATE = 100.0


def coloured_events(n_events, n_channels, n_samples, seed=0):
    """Coloured noise under an emergent envelope."""
    rng = np.random.default_rng(seed)
    time = np.arange(n_samples) / RATE
    onset = rng.uniform(0.1, 0.5, (n_events, 1, 1)) * time[-1]
    since = np.maximum(time - onset, 0)
    noise = signal.lfilter([1], [1, -0.7], rng.standard_normal((n_events, n_channels, n_samples)))
    return (0.1 + since * np.exp(-10 * since / time[-1])) * noise * 1e3 + 50


def expected(event, names, bands=loop.BANDS, rate=RATE):
    """The reference, as one dictionary with the names of the columns."""
    parts = loop.event_features(event, rate, bands)
    prefixes = (
        ["Z_", "N_", "E_", ""] if len(event) == 3 else [f"ch{i}_" for i in range(len(event))]
    )
    found = {
        prefix + name: value
        for prefix, part in zip(prefixes, parts, strict=True)
        for name, value in part.items()
    }
    assert set(found) == set(names)
    return [found[name] for name in names]


@pytest.mark.parametrize("n_samples", [3000, 2917, 1600, 401])
@pytest.mark.parametrize("n_channels", [1, 2, 3])
def test_equal_to_plain_reference(n_samples, n_channels):
    X = coloured_events(3, n_channels, n_samples, seed=n_samples + n_channels)
    features = SeismicFeatures(sampling_rate=RATE, keep_constant=True)
    table = features.fit_transform(X)
    names = features.get_feature_names_out()
    for row, event in zip(table, X, strict=True):
        np.testing.assert_allclose(row, expected(event, names), rtol=1e-8, atol=1e-10)


def test_equal_to_plain_reference_with_other_bands_and_rate():
    bands = ((0.5, 2.0), (2.0, 8.0), (1.0, 25.0))
    X = coloured_events(2, 3, 1500)
    features = SeismicFeatures(sampling_rate=50.0, bands=bands, keep_constant=True)
    table = features.fit_transform(X)
    names = features.get_feature_names_out()
    for row, event in zip(table, X, strict=True):
        reference = expected(event, names, bands=bands, rate=50.0)
        np.testing.assert_allclose(row, reference, rtol=1e-8, atol=1e-10)


def test_moments_are_those_of_scipy():
    X = coloured_events(4, 1, 1000)
    names = ["kurt_sig", "skew_sig"]
    kurt, skew = SeismicFeatures(features=names, detrend="constant").fit_transform(X).T
    np.testing.assert_allclose(kurt, stats.kurtosis(X[:, 0], axis=-1, fisher=False), rtol=1e-10)
    np.testing.assert_allclose(skew, stats.skew(X[:, 0], axis=-1), rtol=1e-8, atol=1e-12)


def test_chunks_do_not_show(monkeypatch):
    from seisclf.feature_extraction import _engine

    X = coloured_events(11, 3, 600)
    whole = SeismicFeatures().fit_transform(X)
    monkeypatch.setattr(_engine, "_CHUNK_BYTES", X[:2].nbytes)
    assert _engine.events_per_chunk(X.shape[1:], X.itemsize) == 2
    np.testing.assert_allclose(SeismicFeatures().fit_transform(X), whole, rtol=1e-9, atol=1e-12)
    threaded = SeismicFeatures(n_jobs=2).fit_transform(X)
    np.testing.assert_allclose(threaded, whole, rtol=1e-9, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(
    hnp.arrays(
        np.int64, st.tuples(st.integers(1, 5), st.integers(1, 30)), elements=st.integers(0, 6)
    ),
    st.integers(0, 6),
    st.integers(1, 8),
)
def test_count_peaks_is_find_peaks_of_each_row(curves, threshold, distance):
    # Few integer heights make plateaus and peaks of equal height likely.
    curves = curves.astype(float)
    count, height_sum = count_peaks(curves, threshold, distance)
    for row, n, total in zip(curves, count, height_sum, strict=True):
        peaks, found = signal.find_peaks(row, height=threshold + 0.5, distance=distance)
        every = row[signal.find_peaks(row, height=threshold + 0.5)[0]]
        # Which of two equal peaks SciPy keeps depends on its way of sorting.
        if distance == 1 or len(set(every)) == len(every):
            assert n == len(peaks)
            assert total == pytest.approx(found["peak_heights"].sum())
        # The others make no difference, also where peaks are equal.
        alone, alone_sum = count_peaks(row[None], threshold, distance)
        assert (n, total) == (alone[0], alone_sum[0])


def test_of_two_equal_peaks_the_later_stays():
    curves = np.zeros((40, 9))
    curves[:, [1, 4, 7]] = 1.0, 1.0, 0.5
    count, height_sum = count_peaks(curves, 0.0, 4)
    assert (count == 1).all()
    assert (height_sum == 1.0).all()


@settings(max_examples=30, deadline=None)
@given(
    hnp.arrays(
        np.float64,
        st.tuples(st.integers(1, 3), st.integers(2, 12), st.integers(2, 12)),
        elements=st.floats(-1e3, 1e3),
    ),
    st.sampled_from(["reflect", "mirror"]),
    st.sampled_from([-1, -2]),
)
def test_short_boxcar_is_that_of_ndimage(x, mode, axis):
    from scipy.ndimage import uniform_filter1d

    expected = uniform_filter1d(x, 3, axis=axis, mode=mode)
    np.testing.assert_allclose(boxcar(x, 3, mode=mode, axis=axis), expected, atol=1e-9)


@pytest.mark.parametrize("n", [1, 2, 3, 10, 11])
def test_order_statistics_are_those_of_numpy(n):
    x = np.random.default_rng(n).standard_normal((4, n))
    np.testing.assert_allclose(median(x), np.median(x, axis=-1))
    q75, q25 = np.percentile(x, [75, 25], axis=-1)
    np.testing.assert_allclose(interquartile_range(x), q75 - q25, atol=1e-14)


def test_unwanted_parts_are_not_computed():
    class Silent:
        def __getattr__(self, name):
            if name == "settings":
                return type("Settings", (), {"band_responses": (None,)})
            if name == "signal":
                return np.zeros((2, 3))
            raise AssertionError(f"{name} was computed for nothing")

    assert waveform_features(Silent(), frozenset({"fft_mean"})) == {}
