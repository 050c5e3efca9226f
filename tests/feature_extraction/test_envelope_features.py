"""Envelopes after the onset: what the columns hold, and what they do not depend on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.pipeline import make_pipeline

from seisclf import load
from seisclf.datasets import make_seismic_events
from seisclf.feature_extraction import EnvelopeFeatures
from seisclf.signal import bandpass, envelope

RATE = 50.0


def earthquakes(s_minus_p, *, onset=20.0, n_samples=3000, seed=0):
    """Noise, a P wave on Z at `onset` and an S wave on N and E so many seconds later."""
    s_minus_p = np.atleast_1d(s_minus_p)
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(len(s_minus_p), 3, n_samples))
    since = np.arange(n_samples) / RATE - np.broadcast_to(onset, len(s_minus_p))[:, np.newaxis]
    x[:, 0] *= np.where(since >= 0, 1 + 10 * np.exp(-since / 10), 1)
    later = since - s_minus_p[:, np.newaxis]
    shape = np.where(later >= 0, 1 + 60 * np.exp(-np.maximum(later, 0) / 8), 1)
    x[:, 1:] *= shape[:, np.newaxis]
    return x


def features(**params):
    params = {"sampling_rate": RATE, "onset_range": (15.0, 25.0), **params}
    return EnvelopeFeatures(**params).set_output(transform="pandas")


@settings(max_examples=15, deadline=None)
@given(s_minus_p=st.floats(3, 25), onset=st.floats(16, 24), seed=st.integers(0, 9))
def test_s_minus_p_stands_in_the_steps(s_minus_p, onset, seed):
    table = features(groups=("steps",)).fit_transform(
        earthquakes(s_minus_p, onset=onset, seed=seed)
    )
    assert table["H_1-20Hz_step_1s_time"].iloc[0] == pytest.approx(s_minus_p, abs=0.5)
    assert table["HZ_1-20Hz_step_2s_time"].iloc[0] == pytest.approx(s_minus_p, abs=0.7)


def test_onset_is_found_within_its_range():
    onset = np.array([16.0, 20.0, 23.7])
    found = features().fit(earthquakes([8.0] * 3)).find_onset(earthquakes([8.0] * 3, onset=onset))
    np.testing.assert_allclose(found, onset, atol=0.4)
    early = features(onset_range=(15.0, 18.0)).fit(earthquakes([8.0]))
    assert 15 <= early.find_onset(earthquakes([8.0]))[0] <= 18


def test_features_do_not_depend_on_when_the_event_begins():
    """The same event, moved by two seconds: columns stay, but for noise at the edges."""
    x = earthquakes([9.0], n_samples=3200)
    a, b = x[..., :3000], x[..., 100:3100]
    made = features(duration=20.0)
    first, second = made.fit_transform(a), made.fit_transform(b)
    times = [name for name in first if name.endswith("time") and "H" in name]
    np.testing.assert_allclose(first[times], second[times], atol=0.3)


def test_size_does_not_matter():
    x = earthquakes([6.0, 14.0])
    made = EnvelopeFeatures(sampling_rate=RATE)
    np.testing.assert_allclose(made.fit_transform(1e-7 * x), made.fit_transform(x), atol=1e-6)


def test_bins_are_mean_powers_minus_the_mean_of_the_event():
    """Next to the definition, for noise that grows, so that half a second does not matter."""
    x = np.random.default_rng(3).normal(size=(2, 3, 3000)) * np.linspace(1, 30, 3000)
    x[:, 1] *= 5
    made = features(
        onset=20.0, lead=10.0, duration=40.0, bin_length=10.0, groups=("bins",),
        bands=((2.0, 8.0),), horizontals="separate",
    )  # fmt: skip
    found = made.fit_transform(x).to_numpy().reshape(2, 3, 5)
    power = envelope(bandpass(x, sampling_rate=RATE, low=2.0, high=8.0)) ** 2
    expected = np.log(power[..., 500:].reshape(2, 3, 5, 500).mean(axis=-1))
    expected -= expected.mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(found, expected, atol=0.15)


def test_joined_horizontals_do_not_see_the_direction():
    x = earthquakes([7.0, 12.0])
    angle = np.radians(37.0)
    turned = x.copy()
    turned[:, 1] = np.cos(angle) * x[:, 1] - np.sin(angle) * x[:, 2]
    turned[:, 2] = np.sin(angle) * x[:, 1] + np.cos(angle) * x[:, 2]
    made = EnvelopeFeatures(sampling_rate=RATE, onset_range=(15.0, 25.0), groups=("bins",))
    np.testing.assert_allclose(made.fit_transform(turned), made.fit_transform(x), atol=1e-4)
    made.set_params(horizontals="separate")
    assert not np.allclose(made.fit_transform(turned), made.fit_transform(x), atol=1e-2)


def test_names_say_channel_band_and_time():
    table = features(bands=((1.0, 4.0), (4.0, 25.0)), duration=10.0).fit_transform(
        earthquakes([4])
    )
    names = table.columns
    assert names.is_unique
    assert {"Z_1-4Hz_power_-3s", "H_4-25Hz_power_+9s", "H_1-4Hz_time_50%"} <= set(names)
    assert not [name for name in names if name[0] in "NE"]
    both = features(horizontals="both", groups=("times",)).fit_transform(earthquakes([4]))
    assert {name.partition("_")[0] for name in both} == {"Z", "N", "E", "H"}
    two = EnvelopeFeatures(sampling_rate=RATE).fit(earthquakes([4])[:, :2])
    assert {name.partition("_")[0] for name in two.get_feature_names_out()} == {"ch0", "ch1"}


def test_events_are_independent_and_files_keep_all(tmp_path):
    x = earthquakes([3.0, 8.0, 20.0]).astype(np.float32)
    made = EnvelopeFeatures(sampling_rate=RATE)
    whole = made.fit_transform(x)
    assert whole.dtype == np.float32
    np.testing.assert_allclose(whole[1:2], made.transform(x[1:2]), rtol=1e-5, atol=1e-5)
    made.save(tmp_path / "features.seisclf")
    np.testing.assert_array_equal(load(tmp_path / "features.seisclf").transform(x), whole)


def test_dead_channels_give_finite_numbers():
    x = earthquakes([5.0, 5.0])
    x[0, 1] = 4.0
    x[1] = 0.0
    assert np.isfinite(EnvelopeFeatures(sampling_rate=RATE).fit_transform(x)).all()


def test_distances_of_synthetic_earthquakes_can_be_learned():
    s_minus_p = np.random.default_rng(1).uniform(2, 25, size=60)
    x = earthquakes(s_minus_p, seed=2)
    trees = ExtraTreesRegressor(50, random_state=0)
    model = make_pipeline(EnvelopeFeatures(sampling_rate=RATE, onset_range=(15, 25)), trees)
    model.fit(x[:40], 8 * s_minus_p[:40])
    assert model.score(x[40:], 8 * s_minus_p[40:]) > 0.95


def test_default_bands_end_at_the_nyquist_frequency():
    x = make_seismic_events(2, sampling_rate=20.0, n_samples=600, random_state=0).data
    assert EnvelopeFeatures(sampling_rate=20.0).fit(x).bands_.max() == 10.0


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"bands": ((1.0, 30.0),)}, "25 Hz, the Nyquist"),
        ({"bands": ((5.0, 2.0),)}, "low < high"),
        ({"onset": 70.0}, "windows last 60 s"),
        ({"onset_range": (20.0, 90.0)}, "windows last 60 s"),
        ({"onset_range": (20.0, 10.0)}, "onset_range must be"),
        ({"groups": "bins"}, "groups must be a sequence"),
        ({"groups": ("bin",)}, "groups must be a sequence"),
        ({"horizontals": "turned"}, "horizontals must be"),
        ({"bin_length": 0}, "bin_length must be"),
    ],
)
def test_wrong_parameters_are_named(params, message):
    with pytest.raises(ValueError, match=message):
        EnvelopeFeatures(**{"sampling_rate": RATE, **params}).fit(earthquakes([5.0]))


def test_nan_is_refused_with_its_place():
    x = earthquakes([5.0, 5.0])
    x[1, 2, 7] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        EnvelopeFeatures(sampling_rate=RATE).fit(x)
