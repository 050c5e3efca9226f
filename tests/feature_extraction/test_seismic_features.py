"""SeismicFeatures as an estimator: columns, selection, missing data, batches, errors."""

import pickle
import warnings

import h5py
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from seisclf.feature_extraction import SeismicFeatures
from seisclf.io import LazyWaveforms


def words(text):
    return text.split()


TRACE_NAMES = words("""
env_max_over_mean env_max_over_median asc_desc_ratio kurt_sig kurt_env skew_sig skew_env
acf_n_peaks acf_energy_first_third acf_energy_last_two_thirds acf_energy_ratio
band_energy_1 band_energy_2 band_energy_3 band_energy_4 band_energy_5
band_kurt_1 band_kurt_2 band_kurt_3 band_kurt_4 band_kurt_5 decay_line_rms
fft_mean fft_max fft_freq_max fft_centroid fft_quartile1 fft_quartile3 fft_median fft_var
fft_n_peaks fft_peaks_mean fft_energy_q1 fft_energy_q2 fft_energy_q3 fft_energy_q4
gamma1 gamma2 gammas
spg_kurt_max spg_kurt_median spg_max_over_mean spg_max_over_median
spg_n_peaks_max spg_n_peaks_mean spg_n_peaks_median spg_ratio_45_46 spg_ratio_45_47
spg_n_peaks_centroid_freq spg_n_peaks_max_freq spg_ratio_50_51
spg_dist_max_mean spg_dist_max_median spg_dist_q2_q1 spg_dist_q3_q2 spg_dist_q3_q1
""")
POLARITY_NAMES = ["pol_rectilinearity", "pol_azimuth_deg", "pol_dip_deg", "pol_planarity"]
NETWORK_NAMES = words("rms_ratio iqr_ratio coh_mean coh_max lag_mean lag_std wd_mean wd_std")
EXTRA_NAMES = words("""
rms iqr_abs max_abs crest_factor env_max env_mean env_area env_max_over_duration
env_max_over_std rise_time_s zero_crossing_rate
band_energy_diff_1_2 band_energy_diff_1_3 band_energy_diff_1_4 band_energy_diff_1_5
band_energy_diff_2_3 band_energy_diff_2_4 band_energy_diff_2_5 band_energy_diff_3_4
band_energy_diff_3_5 band_energy_diff_4_5
""")


def events(*shape, seed=0, dtype=np.float64):
    noise = np.random.default_rng(seed).standard_normal(shape)
    return (noise * np.hanning(shape[-1])).astype(dtype)


def test_names_of_version_1_never_change():
    """If this fails, a name or the order changed: that needs another version of the set."""
    assert SeismicFeatures().feature_set == "provost2017.v1"
    by_station = [f"{c}_{name}" for c in "ZNE" for name in TRACE_NAMES] + POLARITY_NAMES
    names = SeismicFeatures().fit(events(2, 3, 500)).get_feature_names_out()
    assert names.tolist() == by_station

    network = SeismicFeatures().fit(events(2, 4, 3, 500)).get_feature_names_out()
    expected = [f"st{i}_{name}" for i in range(4) for name in by_station]
    assert network.tolist() == expected + [f"network_{name}" for name in NETWORK_NAMES]

    extra = SeismicFeatures(groups=("extra",)).fit(events(2, 500)).get_feature_names_out()
    assert extra.tolist() == [f"ch0_{name}" for name in EXTRA_NAMES]


def test_table_has_every_feature_with_number_and_tags():
    table = SeismicFeatures.feature_table()
    assert table["group"].value_counts(sort=False).to_dict() == {
        "waveform": 23, "spectral": 17, "spectrogram": 17, "polarity": 4, "network": 10,
        "extra": 23, "phases": 55,
    }  # fmt: skip
    assert table["name"].is_unique
    numbered = table[table["number"].str.isdigit()]
    published = [*range(1, 58), *range(68, 72)]
    assert numbered["number"].astype(int).tolist() == published
    assert table.loc[table["needs_3c"], "group"].isin({"polarity", "extra", "phases"}).all()
    assert table.loc[table["needs_network"], "group"].eq("network").all()
    assert table.loc[table["constant_for_fixed_window"], "name"].tolist() == ["duration_s"]
    assert len(SeismicFeatures.feature_table(n_bands=3).query("group == 'waveform'")) == 19
    with pytest.raises(ValueError, match="feature_set must be one of"):
        SeismicFeatures.feature_table(feature_set="provost2017.v0")


def test_output_table_describes_the_columns():
    features = SeismicFeatures(stations=["AA", "BB"]).fit(events(2, 2, 3, 300))
    output = features.output_table()
    assert output["column"].tolist() == features.feature_names_
    assert output["station"].value_counts().to_dict() == {"AA": 172, "BB": 172, "network": 8}
    assert output.iloc[0][["column", "channel", "group"]].tolist() == [
        "AA_Z_env_max_over_mean", "Z", "waveform",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "components", "prefixes"),
    [
        ((2, 300), "ZNE", ["ch0"]),
        ((2, 1, 300), "Z", ["Z"]),
        ((2, 2, 300), "ZNE", ["ch0", "ch1"]),
        ((2, 3, 300), ["HHZ", "HH1", "HH2"], ["HHZ", "HH1", "HH2"]),
    ],
)
def test_channels_name_the_columns(shape, components, prefixes):
    features = SeismicFeatures(features=["rms"], components=components).fit(events(*shape))
    assert features.feature_names_ == [f"{prefix}_rms" for prefix in prefixes]


def test_groups_and_names_select_columns():
    X = events(3, 3, 600)
    everything = SeismicFeatures(
        groups=("waveform", "spectral", "spectrogram", "polarity", "extra"), keep_constant=True
    )
    table = dict(zip(everything.fit(X).feature_names_, everything.transform(X).T, strict=True))
    assert len(table) == 3 * (57 + 21) + 4 + 2
    for params in (
        {"groups": ("spectral",)},
        {"groups": ("extra", "polarity")},
        {"features": ("spg_dist_q2_q1", "kurt_sig", "pol_azimuth_sin2", "band_energy_diff_1_2")},
        {"features": ("spg_ratio_50_51",)},
        {"features": ("spg_ratio_45_47", "spg_n_peaks_max_freq")},
    ):
        part = SeismicFeatures(**params).fit(X)
        for name, column in zip(part.feature_names_, part.transform(X).T, strict=True):
            np.testing.assert_allclose(column, table[name], rtol=1e-9, atol=1e-12)


def test_what_x_lacks_is_left_out_unless_asked_for():
    X = events(3, 600)
    assert len(SeismicFeatures().fit(X).feature_names_) == 56
    with pytest.raises(ValueError, match="groups asks for polarity.*three channels.*ch0"):
        SeismicFeatures(groups=("waveform", "polarity")).fit(X)
    with pytest.raises(ValueError, match="features asks for coh_max.*n_stations"):
        SeismicFeatures(features=["coh_max"]).fit(X)
    with pytest.raises(ValueError, match="groups asks for polarity"):
        SeismicFeatures(groups=("polarity",), components="ABC").fit(events(2, 3, 300))


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"groups": ("wavefrom",)}, ValueError, "groups has no 'wavefrom': did you mean waveform"),
        ({"features": ["fft_centroit"]}, ValueError, "did you mean fft_centroid"),
        ({"groups": "waveform"}, TypeError, "groups must be a sequence"),
        ({"groups": ("waveform",), "features": ["rms"]}, ValueError, "not both"),
        ({"features": []}, ValueError, "features is empty"),
        ({"sampling_rate": 0}, ValueError, "sampling_rate must be above 0, got 0"),
        ({"smoothing": -1}, ValueError, "smoothing must be 0"),
        ({"spectrogram_overlap": 1.0}, ValueError, "spectrogram_overlap"),
        ({"detrend": "quadratic"}, ValueError, "detrend must be"),
        ({"undefined": "zero"}, ValueError, "undefined must be"),
        ({"bands": [(5.0, 1.0)]}, ValueError, r"bands must be pairs .* got \(5.0, 1.0\)"),
        ({"polarity_window": (3, 1)}, ValueError, "polarity_window must be"),
        ({"feature_set": "provost2018"}, ValueError, "feature_set must be one of"),
        ({"stations": ["A"]}, ValueError, "stations names 1 stations and X has 2"),
    ],
)
def test_parameters_that_cannot_be_used(params, error, message):
    with pytest.raises(error, match=message):
        SeismicFeatures(**params).fit(events(2, 2, 3, 300))


def test_missing_station_is_nan_and_touches_nothing_else():
    X = events(4, 4, 3, 500)
    features = SeismicFeatures(station_ids=True).fit(X)
    complete = features.transform(X)
    X[1, 2] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a missing station is no news
        table = features.transform(X)
    station = features.output_table()["station"].to_numpy()
    assert np.isnan(table[1, station == "st2"]).all()
    others = ~np.isin(station, ["st2", "network"])
    np.testing.assert_allclose(table[1, others], complete[1, others], rtol=1e-9)
    np.testing.assert_allclose(table[[0, 2, 3]], complete[[0, 2, 3]], rtol=1e-9)

    # The network is what it would be without that station.
    smaller = SeismicFeatures(groups=("network",)).fit_transform(X[1:2, [0, 1, 3]])
    network = [f"network_{name}" for name in NETWORK_NAMES]
    columns = [features.feature_names_.index(name) for name in network]
    np.testing.assert_allclose(table[1, columns], smaller[0], rtol=1e-9)


def test_one_station_left_is_no_network():
    X = events(2, 3, 1, 400)
    X[0, 1:] = np.nan
    table = SeismicFeatures(groups=("network",)).fit_transform(X)
    assert np.isnan(table[0]).all()
    assert np.isfinite(table[1]).all()


def test_network_features_of_known_stations():
    x = events(1, 500)[0]
    X = np.stack([x, 2 * x, -4 * x])[np.newaxis, :, np.newaxis]
    features = SeismicFeatures(groups=("network",), station_ids=True)
    row = dict(zip(features.fit(X).feature_names_, features.transform(X)[0], strict=True))
    assert row["network_station_max_rms"] == 2
    assert row["network_station_min_rms"] == 0
    assert row["network_rms_ratio"] == pytest.approx(4)
    assert row["network_iqr_ratio"] == pytest.approx(4)
    assert row["network_coh_max"] == pytest.approx(1)
    assert row["network_wd_mean"] == pytest.approx(0, abs=1e-12)


def test_wasserstein_distance_is_that_of_scipy():
    from scipy.stats import wasserstein_distance

    X = events(1, 2, 1, 300) * np.array([1.0, 3.0])[:, None, None]
    X[0, 1] **= 3
    power = X[0, :, 0] ** 2
    power /= power.sum(axis=-1, keepdims=True)
    features = SeismicFeatures(features=["wd_mean"], detrend=None)
    found = features.fit_transform(X)[0, 0]
    assert found == pytest.approx(wasserstein_distance(*power), rel=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dead_and_gappy_traces_are_nan_and_counted(dtype):
    X = (events(4, 3, 500) + 1e4).astype(dtype)
    features = SeismicFeatures().fit(X)
    complete = features.transform(X)
    X[0, 0] = 12345.678
    X[1, 1] = 0
    X[2, 2, 100:120] = np.nan
    X[3] = np.nan
    with pytest.warns(UserWarning, match=r"2 constant and 1 with gaps .* of 12 traces") as caught:
        table = features.transform(X)
    assert len(caught) == 1
    output = features.output_table()
    for row, channel in ((0, "Z"), (1, "N"), (2, "E")):
        hit = output["channel"].isin([channel, ""]).to_numpy()
        assert np.isnan(table[row, hit]).all()
        np.testing.assert_allclose(table[row, ~hit], complete[row, ~hit], rtol=1e-4, atol=1e-5)
    assert np.isnan(table[3]).all()


@pytest.mark.parametrize("detrend", ["linear", "constant", None])
def test_trace_without_any_change_has_no_features(detrend):
    line = np.linspace(3.0, 7.0, 400) if detrend == "linear" else np.full(400, 3.3)
    with pytest.warns(UserWarning, match="2 constant of 2 traces"):
        table = SeismicFeatures(detrend=detrend).fit_transform(np.stack([line, 1e6 * line]))
    assert np.isnan(table).all()


def test_undefined_can_be_a_number():
    X = events(2, 300)
    X[0] = 1.0
    with pytest.warns(UserWarning, match="1 constant"):
        table = SeismicFeatures(undefined=-1).fit_transform(X)
    assert (table[0] == -1).all()
    assert np.isfinite(table).all()


@pytest.mark.parametrize("n_samples", [1, 2, 3, 5, 17, 60])
def test_very_short_traces_are_finite_or_nan(n_samples):
    X = np.random.default_rng(0).standard_normal((5, 3, n_samples))
    with pytest.warns(UserWarning, match="spectrogram_window=1 s is longer than the traces"):
        features = SeismicFeatures(groups=("waveform", "spectral", "spectrogram", "extra")).fit(X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("error", RuntimeWarning)
        assert not np.isinf(features.transform(X)).any()


def test_input_is_left_alone():
    X = events(3, 3, 400, dtype=np.float32)
    X.setflags(write=False)
    before = X.copy()
    table = SeismicFeatures(detrend=None).fit_transform(X)
    np.testing.assert_array_equal(X, before)
    assert table.flags.writeable
    # Views of other layouts and integers are the same waveforms.
    wide = np.zeros((3, 3, 800), dtype=np.float32)
    wide[..., ::2] = X
    same = SeismicFeatures(detrend=None).fit_transform(wide[..., ::2])
    np.testing.assert_array_equal(same, table)
    counts = np.round(events(2, 300) * 1000).astype(np.int32)
    as_float = SeismicFeatures().fit_transform(counts.astype(float))
    np.testing.assert_array_equal(SeismicFeatures().fit_transform(counts), as_float)


@pytest.mark.parametrize("shape", [(9, 300), (9, 3, 300), (9, 2, 3, 300)])
def test_lazy_waveforms_are_read_in_batches(tmp_path, monkeypatch, shape):
    from seisclf.feature_extraction import _seismic_features

    X = events(*shape).astype(np.float32)
    with h5py.File(tmp_path / "waveforms.hdf5", "w") as file:
        file["x"] = X.reshape(-1, *X.shape[-2:]) if X.ndim == 4 else X
    rows = np.arange(18).reshape(9, 2) if len(shape) == 4 else None
    lazy = LazyWaveforms.from_hdf5(
        tmp_path / "waveforms.hdf5", "x", sampling_rate=100.0, rows=rows
    )
    assert lazy.shape[0] == 9
    expected = SeismicFeatures().fit_transform(X)
    monkeypatch.setattr(_seismic_features, "_LAZY_BATCH_BYTES", 4 * X[0].nbytes)
    largest = []
    read = LazyWaveforms.read
    monkeypatch.setattr(
        LazyWaveforms,
        "read",
        lambda self, rows=None: largest.append(len(self)) or read(self, rows),
    )
    table = SeismicFeatures().fit(lazy).transform(lazy)
    np.testing.assert_allclose(table, expected, rtol=1e-4, atol=1e-5)
    assert not largest or max(largest) <= 4


def test_infinity_is_refused():
    X = events(3, 300)
    X[1, 5] = np.inf
    with pytest.raises(ValueError, match="inf"):
        SeismicFeatures().fit(X)


def test_shape_must_be_that_of_fit():
    features = SeismicFeatures().fit(events(2, 3, 300))
    with pytest.raises(ValueError, match="299"):
        features.transform(events(2, 3, 299))
    with pytest.raises(ValueError, match="2 channels"):
        features.transform(events(2, 2, 300))
    assert clone(features).fit(events(2, 2, 200)).transform(events(1, 2, 200)).shape == (1, 112)


def test_pandas_output_and_copies(tmp_path):
    X = events(4, 3, 300)
    features = SeismicFeatures(bands=[(1.0, 5.0)]).set_output(transform="pandas").fit(X)
    table = features.transform(X)
    assert table.columns.tolist() == features.feature_names_
    for copy in (
        pickle.loads(pickle.dumps(features)),
        SeismicFeatures.load(features.save(tmp_path / "features.seisclf")),
    ):
        np.testing.assert_array_equal(np.asarray(copy.transform(X)), table.to_numpy())
        assert copy.feature_names_ == features.feature_names_


@pytest.mark.parametrize("params", SeismicFeatures._get_test_params())
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_whole_battery_of_scikit_learn(params):
    results = check_estimator(SeismicFeatures(**params), on_fail="raise")
    assert sum(result["status"] == "passed" for result in results) >= 40
