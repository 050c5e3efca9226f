"""One test for each defect that was found in public codes of this feature family."""

import numpy as np
import pytest
from scipy import signal as sps

from seisclf.feature_extraction import SeismicFeatures
from seisclf.feature_extraction._spectrogram import amplitude_spectrogram
from seisclf.feature_extraction._traces import Settings


def compute(X, *names, sampling_rate=100.0, **params):
    """Columns of the named features, of one-channel events."""
    features = SeismicFeatures(sampling_rate=sampling_rate, features=list(names), **params)
    table = features.fit_transform(np.atleast_2d(X))
    order = [column.removeprefix("ch0_") for column in features.get_feature_names_out()]
    return np.squeeze(table[:, [order.index(name) for name in names]])


def sine(frequency, n_samples=3000, sampling_rate=100.0):
    return np.sin(2 * np.pi * frequency * np.arange(n_samples) / sampling_rate)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def test_a_long_traces_are_not_cut_off_before_the_spectrum():
    x = 0.01 * noise(20000)
    x[9000:] += sine(7.0, 11000)
    assert compute(x, "fft_freq_max") == pytest.approx(7.0, abs=0.1)


@pytest.mark.parametrize("sampling_rate", [50.0, 100.0, 250.0])
def test_b_spectrogram_window_and_frequencies_follow_the_sampling_rate(sampling_rate):
    n_samples = int(20 * sampling_rate)
    settings = Settings(sampling_rate=sampling_rate, n_samples=n_samples, bands=())
    x = sine(12.0, n_samples, sampling_rate)[np.newaxis]
    frequencies, amplitude = amplitude_spectrogram(x, settings)
    assert frequencies[-1] == pytest.approx(sampling_rate / 2)
    assert frequencies[1] == pytest.approx(1.0)  # a window of one second at every rate
    assert (frequencies[amplitude.argmax(axis=-1)] == 12.0).all()
    np.testing.assert_allclose(amplitude.max(axis=-1), 1.0, rtol=1e-3)


def test_c_every_name_holds_its_own_feature():
    X = noise(3, 3, 2000) * np.hanning(2000)
    everything = SeismicFeatures(groups=("waveform", "spectral", "spectrogram", "polarity"))
    table = everything.fit_transform(X)
    output = everything.output_table()
    for name in output["name"].unique():
        alone = SeismicFeatures(features=[name]).fit(X)
        columns = np.flatnonzero(output["name"] == name)
        assert output["column"][columns].tolist() == alone.feature_names_
        np.testing.assert_allclose(alone.transform(X), table[:, columns], rtol=1e-9, atol=1e-12)


def test_c_peak_counts_and_distances_are_not_swapped():
    x = np.zeros(3000)
    for start in (300, 1100, 1900, 2600):
        x[start : start + 60] += sine(10.0, 60) * np.exp(-np.arange(60) / 15)
    n_peaks, distance = compute(x, "spg_n_peaks_max", "spg_dist_q3_q1")
    assert n_peaks == 4
    assert distance != round(distance)


def test_d_smoothing_does_not_move_the_maximum():
    x = np.zeros(3001)
    x[1480:1521] = np.hanning(41) * sine(12.5, 41)
    ratio, rise = compute(x, "asc_desc_ratio", "rise_time_s")
    assert ratio == pytest.approx(1.0, abs=0.02)
    assert rise == pytest.approx(15.0, abs=0.1)


def test_e_turning_a_trace_upside_down_changes_only_its_skewness():
    # Mostly negative: its maximum is far smaller than its largest absolute value.
    x = np.abs(noise(2, 3, 2000)) ** 1.5 * -np.hanning(2000)
    features = SeismicFeatures(groups=("waveform", "spectral", "spectrogram", "polarity"))
    up, down = features.fit_transform(x), features.transform(-x)
    sign = np.where(features.output_table()["name"] == "skew_sig", -1, 1)
    np.testing.assert_allclose(down, up * sign, rtol=1e-9, atol=1e-12)


def test_f_polarity_has_columns_of_its_own():
    X = noise(4, 3, 1000)
    together = SeismicFeatures().fit(X)
    alone = SeismicFeatures(groups=("polarity",)).fit(X)
    assert together.transform(X).shape == (4, 3 * (22 + 17 + 17) + 4)
    np.testing.assert_array_equal(together.transform(X)[:, -4:], alone.transform(X))
    without = SeismicFeatures(groups=("waveform", "spectral", "spectrogram")).fit_transform(X)
    np.testing.assert_allclose(together.transform(X)[:, :-4], without, rtol=1e-9)


def test_g_bands_are_what_was_asked_for_and_nan_above_nyquist():
    names = [f"band_energy_{k}" for k in (1, 2, 3)] + [f"band_kurt_{k}" for k in (1, 2, 3)]
    bands = [(8.0, 12.0), (10.0, 50.0), (20.0, 51.0)]
    with pytest.warns(UserWarning, match="above the Nyquist frequency of 50 Hz give NaN: 20–51"):
        values = compute(noise(2000), *names, bands=bands)
    assert np.isnan(values).tolist() == [False, False, True] * 2
    # Half of the energy passes at the corners of a band, and all of it in the middle.
    inside, corner = (
        10 ** compute(sine(f, 4000), "band_energy_1", bands=[(8.0, 12.0)]) for f in (9.8, 12.0)
    )
    assert inside == pytest.approx(40 * 2**0 * 1.0, rel=0.02)
    assert corner == pytest.approx(inside / np.sqrt(2), rel=0.02)


def test_h_no_value_is_left_over_from_other_memory():
    X = noise(5, 3, 3000).astype(np.float32)
    features = SeismicFeatures(groups=("waveform", "spectral", "spectrogram", "extra", "polarity"))
    first = features.fit_transform(X)
    junk = [np.full(size, 1e30, dtype=np.float32) for size in (100, 1000, 10_000, 100_000)]
    del junk
    np.testing.assert_array_equal(features.transform(X), first)
    assert np.isfinite(first).all()
    slow, fast = compute(np.stack([sine(0.5), sine(8.0)]), "band_energy_1")
    assert slow > fast + 1


def test_h_width_is_defined_and_strongest_frequency_is_not_amplitude():
    gammas, gamma1, gamma2 = compute(noise(20, 1000), "gammas", "gamma1", "gamma2").T
    assert np.isfinite(gammas).all()
    assert (gamma2 >= gamma1).all()
    time = np.arange(6000) / 100
    # The frequency goes up and down three times while the amplitude stays.
    warble = np.sin(2 * np.pi * (15 * time - 5 * np.cos(2 * np.pi * time / 20) * 20 / 2 / np.pi))
    of_frequency, of_amplitude = compute(warble, "spg_n_peaks_max_freq", "spg_n_peaks_max")
    assert of_frequency == 3
    assert of_amplitude != of_frequency


@pytest.mark.filterwarnings("ignore:bands above")
@pytest.mark.parametrize("sampling_rate", [40.0, 50.0, 200.0])
def test_i_rate_comes_from_the_user_and_no_band_is_repeated(sampling_rate):
    x = noise(4000)
    features = SeismicFeatures(sampling_rate=sampling_rate, groups=("waveform",))
    row = dict(
        zip(features.fit(x[None]).feature_names_, features.transform(x[None])[0], strict=True)
    )
    values = [row[f"ch0_band_{kind}_{k}"] for kind in ("energy", "kurt") for k in range(1, 6)]
    defined = [value for value in values if np.isfinite(value)]
    assert len(set(defined)) == len(defined) >= 8
    assert compute(x, "duration_s", sampling_rate=sampling_rate) == 4000 / sampling_rate


@pytest.mark.filterwarnings("ignore:bands above")
def test_i_default_bands_end_at_the_nyquist_frequency():
    last = {rate: SeismicFeatures(sampling_rate=rate).fit(noise(2, 500)).bands_[-1].tolist()
            for rate in (200.0, 100.0, 50.0)}  # fmt: skip
    assert last == {200.0: [20.0, 50.0], 100.0: [20.0, 50.0], 50.0: [20.0, 25.0]}


def test_j_names_do_not_grow():
    X = noise(2, 3, 500)
    features = SeismicFeatures().fit(X)
    names = features.get_feature_names_out().tolist()
    for _ in range(3):
        features.fit(X).transform(X)
        SeismicFeatures().fit_transform(X)
    assert features.get_feature_names_out().tolist() == names
    assert len(set(names)) == len(names)


def test_k_components_are_not_rectified_and_skewness_keeps_its_sign():
    X = np.stack([sine(8.0), sine(5.0), sine(3.0)])[np.newaxis]
    features = SeismicFeatures(features=["fft_freq_max"])
    np.testing.assert_allclose(features.fit_transform(X)[0], [8.0, 5.0, 3.0], atol=0.05)
    spiky = -(np.abs(noise(3000)) ** 3)
    assert compute(spiky, "skew_sig") < -1


def test_offset_of_decay_line_starts_at_the_maximum():
    # A triangle that falls to zero at the end follows the line; one that ends early does not.
    time = np.arange(6000) / 100
    carrier = np.sin(2 * np.pi * 20 * time)
    follows = np.interp(time, [0, 20, 60], [0, 1, 0]) * carrier
    falls_early = np.interp(time, [0, 20, 30, 60], [0, 1, 0, 0]) * carrier
    first, second = compute(np.stack([follows, falls_early]), "decay_line_rms")
    assert first < 0.03
    assert second > 0.2


def test_lags_are_in_seconds():
    x = sps.lfilter([1], [1, -0.8], noise(2000))
    X = np.stack([x, np.roll(x, 150)])[np.newaxis, :, np.newaxis]  # 1.5 s later at 100 Hz
    features = SeismicFeatures(sampling_rate=100.0, features=["lag_mean", "coh_mean"])
    coherence, lag = features.fit_transform(X)[0]
    assert lag == pytest.approx(1.5)
    assert coherence > 0.5
