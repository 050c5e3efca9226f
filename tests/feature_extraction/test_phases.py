"""The group "phases": onsets, and ratios of energy between segments, against known signals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisclf.feature_extraction import SeismicFeatures

RATE = 100.0
BANDS = [(2.0, 8.0), (8.0, 20.0)]


def phases(**params):
    return SeismicFeatures(sampling_rate=RATE, groups=("phases",), bands=BANDS, **params)


def events(amplitudes, *, onset=5.0, duration=20.0, noise=0.02, seed=0):
    """Three-component events of 5 Hz whose amplitude changes 2, 6 and 12 s after the onset.

    amplitudes has shape (3 components, 3 segments).
    """
    time = np.arange(round(duration * RATE)) / RATE - onset
    segment = np.digitize(time, [0.0, 2.0, 6.0, 12.0]) - 1
    levels = np.concatenate([amplitudes, np.zeros((3, 1))], axis=1)
    size = np.where(segment >= 0, levels[:, np.clip(segment, 0, 3)], 0.0)
    rng = np.random.default_rng(seed)
    x = size * np.sin(2 * np.pi * 5.0 * time) + noise * rng.normal(size=size.shape)
    return x[np.newaxis]


def test_ratios_of_segments_and_components_are_the_true_ones():
    amplitudes = np.array([[1.0, 2.0, 0.5], [1.0, 4.0, 1.0], [1.0, 4.0, 1.0]])
    features = phases(phase_segments=(0.0, 2.0, 6.0, 12.0))
    row = features.fit_transform(events(amplitudes))[0]
    found = dict(zip(features.feature_names_, row, strict=True))
    for name, expected in {
        "Z_seg_mean_2_1_1": 2 * np.log10(2.0),
        "N_seg_mean_2_1_1": 2 * np.log10(4.0),
        "Z_seg_mean_3_2_1": 2 * np.log10(0.25),
        "Z_seg_peak_2_1_1": 2 * np.log10(2.0),
        "seg_hv_1_1": np.log10(2.0),
        "seg_hv_2_1": np.log10(2 * 16.0 / 4.0),
        "seg_h2_z1_1": np.log10(2 * 16.0),
    }.items():
        # The filter and the smoothing carry some energy across the edges of segments.
        assert found[name] == pytest.approx(expected, abs=0.35), name
    assert found["Z_seg_mean_1_0_1"] > 1.5


@settings(max_examples=15, deadline=None)
@given(onset=st.floats(3.0, 7.0), scale=st.floats(1e-9, 1e9))
def test_nothing_depends_on_when_the_event_begins_or_on_the_unit(onset, scale):
    amplitudes = np.array([[1.0, 2.0, 0.5], [0.5, 3.0, 1.0], [0.7, 2.0, 1.0]])
    features = phases(phase_segments=(-0.1, 2.0, 6.0, 10.0))
    first, second = features.fit_transform(
        np.concatenate([events(amplitudes, onset=5.0), scale * events(amplitudes, onset=onset)])
    )
    # Outside the band of the signal there is only noise; peaks may lie on the edge of a segment.
    inside = [
        i
        for i, name in enumerate(features.feature_names_)
        if name.endswith("_1") and "1_0" not in name and "peak" not in name
    ]
    np.testing.assert_allclose(first[inside], second[inside], atol=0.15)


def test_all_channels_share_the_onset():
    from seisclf.feature_extraction._time_frequency import PhaseEnergies
    from seisclf.feature_extraction._traces import Settings, Traces, prepare

    x = events(np.array([[1.0, 1.0, 1.0], [0.0, 1.0, 1.0], [0.0, 1.0, 1.0]]))[0]
    settings_ = Settings(sampling_rate=RATE, n_samples=x.shape[-1], bands=tuple(BANDS))
    signal, scale, _ = prepare(x, "linear")
    energies = PhaseEnergies(Traces(signal, scale, settings_), np.zeros(3, dtype=int))
    assert len(set(energies.onset.tolist())) == 1
    alone = PhaseEnergies(Traces(signal, scale, settings_), np.arange(3))
    assert alone.onset[0] == pytest.approx(500, abs=30)
    assert alone.onset[1] == pytest.approx(700, abs=30)


def test_undefined_where_there_is_nothing_to_compare():
    X = events(np.ones((3, 3)))
    late = phases(phase_segments=(0.0, 2.0, 16.0, 18.0))  # the coda lies beyond the window
    table = late.fit_transform(X)[0]
    names = late.feature_names_
    assert np.isnan(table[names.index("Z_seg_mean_3_1_1")])
    assert np.isfinite(table[names.index("Z_seg_mean_2_1_1")])

    dead = np.concatenate([X, X])
    dead[1, 2] = 0.0
    features = phases().fit(dead)
    with pytest.warns(UserWarning, match="1 constant"):
        table = features.transform(dead)
    by_name = dict(zip(features.feature_names_, table.T, strict=True))
    assert np.isfinite(by_name["Z_seg_mean_2_1_1"]).all()
    assert np.isnan(by_name["seg_hv_1_1"]).tolist() == [False, True]
    assert np.isnan(by_name["E_seg_mean_2_1_1"]).tolist() == [False, True]

    high = SeismicFeatures(sampling_rate=RATE, groups=("phases",), bands=[(2, 8), (30, 60)])
    with pytest.warns(UserWarning, match="Nyquist"):
        high.fit(X)
    table = dict(zip(high.feature_names_, high.transform(X)[0], strict=True))
    assert np.isnan(table["Z_seg_mean_2_1_2"]) and np.isfinite(table["Z_seg_mean_2_1_1"])


def test_one_channel_has_no_horizontals():
    features = phases().fit(np.random.default_rng(0).normal(size=(2, 300)))
    assert not any("hv" in name or "h2_z1" in name for name in features.feature_names_)
    assert len(features.feature_names_) == 7 * len(BANDS)


def test_segments_must_ascend():
    with pytest.raises(ValueError, match="four ascending times"):
        phases(phase_segments=(0.0, 5.0, 2.0, 9.0)).fit(np.ones((2, 3, 300)))
