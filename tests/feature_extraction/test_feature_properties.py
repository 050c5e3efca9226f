"""What the features must do by their meaning: units, time, frequency, impacts, sampling rate."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal as sps

from seisclf.feature_extraction import SeismicFeatures

SEEDS = st.integers(0, 2**32 - 1)
BY_TRACE = ("waveform", "spectral", "spectrogram", "extra")


def some_events(seed, n_events=2, n_channels=3, n_samples=1500):
    """Coloured noise under a random envelope."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((n_events, n_channels, n_samples))
    noise = sps.lfilter([1], [1, -rng.uniform(0, 0.9)], noise)
    time = np.linspace(0, 1, n_samples)
    centre, width = rng.uniform(0.2, 0.8), rng.uniform(0.05, 0.5)
    return noise * (0.05 + np.exp(-(((time - centre) / width) ** 2)))


def one_trace(x, *names, sampling_rate=100.0, **params):
    """Named features of a single trace, in the order of the names."""
    features = SeismicFeatures(sampling_rate=sampling_rate, features=list(names), **params)
    row = features.fit_transform(x[np.newaxis])[0]
    found = dict(zip(features.feature_names_, row, strict=True))
    return np.array([found[f"ch0_{name}"] for name in names])


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.floats(-12, 12), st.sampled_from([1, -1]))
def test_unit_does_not_matter_unless_it_is_said(seed, exponent, sign):
    X = some_events(seed)
    features = SeismicFeatures(groups=(*BY_TRACE, "polarity"))
    table, factor = features.fit_transform(X), 10.0**exponent
    scaled = features.transform(X * factor * sign)
    output = features.output_table()

    free = ~output["unit_dependent"].to_numpy()
    signs = np.where(output["name"] == "skew_sig", sign, 1)
    np.testing.assert_allclose(scaled[:, free], (table * signs)[:, free], rtol=1e-6, atol=1e-8)

    is_log = output["unit"].str.startswith("log10").to_numpy()
    np.testing.assert_allclose(
        scaled[:, is_log], table[:, is_log] + exponent, rtol=1e-6, atol=1e-6
    )
    linear = ~free & ~is_log
    assert linear.any()
    np.testing.assert_allclose(scaled[:, linear], table[:, linear] * factor, rtol=1e-6)


@pytest.mark.parametrize("factor", [1e-30, 1e-9, 1.0, 1e9, 1e30])
def test_float32_holds_any_unit(factor):
    X = some_events(1).astype(np.float32)
    features = SeismicFeatures(groups=(*BY_TRACE, "polarity"))
    free = ~features.fit(X).output_table()["unit_dependent"].to_numpy()
    table, scaled = features.transform(X), features.transform(X * np.float32(factor))
    np.testing.assert_allclose(scaled[:, free], table[:, free], rtol=2e-3, atol=2e-4)
    assert np.isfinite(scaled).all()


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_single_precision_agrees_with_double(seed):
    X = some_events(seed).astype(np.float32)
    features = SeismicFeatures(groups=(*BY_TRACE, "polarity"))
    single, double = features.fit_transform(X), features.transform(X.astype(np.float64))
    assert single.dtype == np.float32
    assert double.dtype == np.float64
    # A count may differ by one where a peak stands at the threshold.
    near = np.isclose(single, double, rtol=5e-3, atol=1e-3)
    of_peaks = features.output_table()["name"].str.contains("peaks|ratio_|freq_max").to_numpy()
    assert near[:, ~of_peaks].all()
    assert near[:, of_peaks].mean() > 0.95


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_time_reversal(seed):
    X = some_events(seed)
    features = SeismicFeatures(groups=("waveform", "spectral"), keep_constant=True)
    forward, backward = features.fit_transform(X), features.transform(X[..., ::-1])
    names = features.output_table()["name"]
    turned = (names == "asc_desc_ratio").to_numpy()
    with np.errstate(divide="ignore"):
        expected = np.where(np.isinf(1 / forward), np.nan, 1 / forward)
    backward[backward == 0] = np.nan  # its inverse is the undefined one
    expected[expected == 0] = np.nan
    np.testing.assert_allclose(backward[:, turned], expected[:, turned], rtol=1e-9)
    # All else but the decay is blind to the direction of time.
    same = ~turned & (names != "decay_line_rms").to_numpy() & (names != "acf_n_peaks").to_numpy()
    backward[np.isnan(backward)] = 0
    np.testing.assert_allclose(backward[:, same], forward[:, same], rtol=1e-6, atol=1e-8)


def test_time_reversal_of_the_spectrogram():
    # The periodic window is lopsided by one sample, so averages agree, not to the last digit.
    X = some_events(5, n_samples=1500)
    names = ["spg_kurt_max", "spg_max_over_mean", "spg_dist_max_mean", "spg_dist_q3_q1"]
    features = SeismicFeatures(features=names)
    forward, backward = features.fit_transform(X), features.transform(X[..., ::-1])
    np.testing.assert_allclose(backward, forward, rtol=0.03)


@settings(max_examples=20, deadline=None)
@given(st.integers(40, 1100), st.floats(0, 2 * np.pi))
def test_sine_has_all_frequencies_at_its_own(n_cycles, phase):
    # Whole cycles in 30 s; less than the mean is not subtracted, for a line would tilt the sine.
    frequency = n_cycles / 30
    x = np.sin(2 * np.pi * frequency * np.arange(3000) / 100 + phase)
    names = ["fft_freq_max", "fft_centroid", "gamma1", "gamma2"]
    values = one_trace(x, *names, detrend="constant")
    np.testing.assert_allclose(values, frequency, atol=0.02)
    width, *rest = one_trace(
        x, "gammas", "fft_n_peaks", "fft_peaks_mean", "env_max_over_mean", detrend="constant"
    )
    assert width < 0.5  # of the triangle that smooths the spectrum
    assert rest == pytest.approx([1, 1, 1])


@settings(max_examples=20, deadline=None)
@given(st.floats(1.0, 45.0), st.sampled_from([50.0, 100.0, 200.0]))
def test_strongest_frequency_of_any_sine(frequency, sampling_rate):
    if frequency > 0.45 * sampling_rate:
        frequency /= 4
    x = np.sin(2 * np.pi * frequency * np.arange(int(30 * sampling_rate)) / sampling_rate)
    strongest, gamma1 = one_trace(x, "fft_freq_max", "gamma1", sampling_rate=sampling_rate)
    assert strongest == pytest.approx(frequency, abs=0.05)
    assert gamma1 == pytest.approx(frequency, abs=0.2)


def impacts(starts, n_samples=3000, frequency=10.0):
    """Decaying bursts that start at these seconds."""
    x = np.zeros(n_samples)
    time = np.arange(200) / 100
    for start in starts:
        first = int(start * 100)
        x[first : first + 200] += np.exp(-time / 0.3) * np.sin(2 * np.pi * frequency * time)
    return x


@pytest.mark.parametrize("n_impacts", [1, 2, 3, 5])
def test_number_of_impacts(n_impacts):
    starts = 2 + 5 * np.arange(n_impacts)
    values = one_trace(impacts(starts), "spg_n_peaks_max", "spg_n_peaks_mean", "acf_n_peaks")
    assert values[:2].tolist() == [n_impacts, n_impacts]
    # Of n equal impacts, the autocorrelation has peaks of (n - j)/n at the j-th distance.
    assert values[2] == sum((n_impacts - j) / n_impacts > 0.4 for j in range(1, n_impacts))


def test_single_impact_is_peakier_than_a_train():
    train = impacts(np.arange(1, 28, 1.5))
    names = ["kurt_sig", "kurt_env", "env_max_over_mean", "env_max_over_median", "spg_kurt_max"]
    assert (one_trace(impacts([10]), *names) > 2 * one_trace(train, *names)).all()
    assert one_trace(train, "acf_energy_ratio") < one_trace(impacts([10]), "acf_energy_ratio")


# The other features are about the Nyquist frequency (fft_mean, …), or count noise on curves.
FREE_OF_THE_RATE = [
    "duration_s", "env_max_over_mean", "env_max_over_median", "asc_desc_ratio", "kurt_sig",
    "kurt_env", "skew_env", "acf_energy_first_third", "acf_energy_last_two_thirds",
    "band_energy_1", "band_energy_2", "band_energy_3", "band_energy_4",
    "band_kurt_2", "band_kurt_3", "band_kurt_4", "decay_line_rms", "fft_max", "fft_freq_max",
    "gamma1", "gamma2", "gammas", "fft_n_peaks", "fft_peaks_mean", "spg_kurt_max",
    "spg_n_peaks_max", "rms", "env_area", "rise_time_s",
]  # fmt: skip


# Chosen seeds, not drawn ones: of two nearly equal maxima either rate may take its own.
@pytest.mark.parametrize("seed", range(8))
def test_resampling_changes_nothing(seed):
    x = some_events(seed, 1, 1, 3000)[0, 0] * sps.windows.tukey(3000, 0.2)
    sos = sps.butter(6, [1.0, 15.0], "bandpass", fs=100.0, output="sos")
    x = sps.sosfiltfilt(sos, x) * sps.windows.tukey(3000, 0.2)
    doubled = sps.resample(x, 6000)
    at_100 = one_trace(x, *FREE_OF_THE_RATE)
    at_200 = one_trace(doubled, *FREE_OF_THE_RATE, sampling_rate=200.0)
    np.testing.assert_allclose(at_200, at_100, rtol=0.04, atol=0.04)


def test_zeros_behind_an_event_change_no_frequency_and_no_band():
    x = some_events(3, 1, 1, 3000)[0, 0] * sps.windows.hann(3000)
    names = ["fft_max", "fft_freq_max", "fft_centroid", "fft_quartile1", "fft_quartile3", "gamma1",
             "gamma2", "gammas", "fft_median", "fft_energy_q1", "fft_energy_q4", "band_energy_3",
             "band_energy_4", "band_energy_5"]  # fmt: skip
    padded = np.concatenate([x, np.zeros(3000)])
    values, of_padded = (one_trace(trace, *names, detrend=None) for trace in (x, padded))
    np.testing.assert_allclose(of_padded, values, rtol=0.02)


def test_rotation_of_the_station_turns_the_azimuth():
    rng = np.random.default_rng(0)
    along = rng.standard_normal(2000) * np.hanning(2000)
    for azimuth in (-80.0, -30.0, 0.0, 45.0, 89.0):
        angle, dip = np.radians(azimuth), np.radians(20.0)
        z, n, e = np.sin(dip), np.cos(dip) * np.sin(angle), np.cos(dip) * np.cos(angle)
        X = np.multiply.outer([z, n, e], along)[np.newaxis]
        X += 1e-6 * rng.standard_normal(X.shape)
        for window in (None, (2.0, 8.0)):
            features = SeismicFeatures(groups=("polarity",), polarity_window=window)
            rectilinear, found, found_dip, planar = features.fit_transform(X)[0]
            assert found == pytest.approx(azimuth, abs=0.01)
            assert found_dip == pytest.approx(20.0, abs=0.01)
            assert rectilinear == pytest.approx(1.0, abs=1e-4)
            assert planar == pytest.approx(1.0, abs=1e-4)


def test_components_in_another_order_are_the_same_motion():
    X = some_events(8)
    zne = SeismicFeatures(groups=("polarity",)).fit_transform(X)
    for letters in ("ENZ", "21Z", "NZE"):
        order = ["ZNE".index({"1": "N", "2": "E"}.get(letter, letter)) for letter in letters]
        same = SeismicFeatures(groups=("polarity",), components=letters)
        np.testing.assert_allclose(same.fit_transform(X[:, order]), zne, rtol=1e-9)


def test_circular_motion_lies_in_a_plane():
    turn = np.linspace(0, 40 * np.pi, 3000)
    X = np.stack([np.cos(turn), np.sin(turn), np.zeros(3000)])[np.newaxis]
    X[:, 2] += 1e-3 * np.random.default_rng(0).standard_normal(3000)
    features = SeismicFeatures(groups=("polarity",), polarity_window=(0, 30))
    rectilinear, _, _, planar = features.fit_transform(X)[0]
    assert rectilinear == pytest.approx(0.5, abs=0.01)
    assert planar == pytest.approx(1.0, abs=0.01)
