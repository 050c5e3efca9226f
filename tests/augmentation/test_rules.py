"""Each rule that rejects rows and mosaics, on a case made for it."""

import numpy as np
import pandas as pd
import pytest

from seisclf.augmentation import EarlyWarningAugmenter, MosaicAugmenter
from seisclf.augmentation._quality import filtered_for_control, step_ratios

RATE, N_SAMPLES = 50.0, 1000
LENIENT = {"max_joint_ratio": None, "min_p_snr": None}


def run(X, arrivals, **params):
    """Ask for six more rows of one class; say what was made and why not more."""
    params = {"sampling_rate": RATE, "sampling_strategy": 6, "max_attempts": 20, **params}
    augmenter = MosaicAugmenter(random_state=0, **params)
    augmenter.fit_resample(X, np.zeros(len(X), dtype=int), arrivals=arrivals)
    return augmenter.report_


def events(p, s, n_events=8, noise=1.0, jolt=0.0, seed=0):
    """Noise, louder by `jolt` from P on."""
    X = noise * np.random.default_rng(seed).normal(size=(n_events, 3, N_SAMPLES))
    after = np.arange(N_SAMPLES) >= p * RATE
    return X * np.where(after, 1 + jolt, 1), pd.DataFrame({"P": [p] * n_events, "S": s})


@pytest.mark.parametrize(
    ("reason", "p", "s"),
    [
        ("no P and S", 5.0, np.nan),
        ("S not after P", 5.0, 5.0),
        ("begins too early in its window", 0.3, 2.0),
        ("ends after its window", 15.0, 19.0),
    ],
)
def test_row_is_left_out(reason, p, s):
    with pytest.warns(UserWarning, match=reason):
        report = run(*events(p, s), **LENIENT)
    assert report["rows_left_out"] == {reason: 8}
    assert report["made"] == {"0": 0}


def test_row_with_several_events_is_left_out():
    X, arrivals = events(5.0, 6.0)
    arrivals.loc[:2, ["P_1", "S_1"]] = 10.0, 11.0
    report = run(X, arrivals, **LENIENT)
    assert report["rows_left_out"] == {"several events in the window": 3}
    assert report["made"] == {"0": 6}


def test_envelope_needs_an_onset_and_an_end():
    X, arrivals = events(5.0, 6.0)
    with pytest.warns(UserWarning, match="no onset"):
        report = run(X, arrivals * np.nan, mode="envelope", **LENIENT)
    assert report["rows_left_out"] == {"no onset": 8}
    with pytest.warns(UserWarning, match="no end"):  # noise does not stand out
        report = run(X, arrivals, mode="envelope", **LENIENT)
    assert report["rows_left_out"] == {"no end": 8}


def test_events_longer_than_the_window():
    X, arrivals = events(4.0, 11.0)  # twice 0.5 + 10.5 s > 20 s
    with pytest.warns(UserWarning, match="longer than the window"):
        report = run(X, arrivals, **LENIENT)
    assert report["mosaics_rejected"] == {"events longer than the window": 20}
    assert run(X, arrivals, n_events=1, **LENIENT)["made"] == {"0": 6}


def test_too_little_noise_to_go_on_with():
    X, arrivals = events(1.0, 2.0)
    with pytest.warns(UserWarning, match="too little noise"):
        report = run(X, arrivals, **LENIENT)
    assert set(report["mosaics_rejected"]) == {"too little noise before the first onset"}
    assert run(X, arrivals, min_noise=0.4, **LENIENT)["made"] == {"0": 6}


def test_step_at_a_joint():
    # The onset, 0.5 s after the joint, is twenty times as loud as what was before it.
    X, arrivals = events(4.0, 5.0, jolt=0.0)
    X[:, :, 200:260] *= 20
    rules = {"min_p_snr": None, "marching": False}
    with pytest.warns(UserWarning, match="step at a joint"):
        report = run(X, arrivals, **rules)
    assert report["mosaics_rejected"]["step at a joint"] >= 20
    assert run(X, arrivals, **rules | {"max_joint_ratio": 100})["made"] == {"0": 6}
    # One component is enough.
    X[:, :2, 200:260] /= 20
    with pytest.warns(UserWarning, match="step at a joint"):
        run(X, arrivals, **rules)


def test_onset_that_is_lost():
    X, arrivals = events(4.0, 5.0)  # "events" that are only noise, and less than the base's
    rules = {"max_joint_ratio": None, "amplitude": (0.3, 0.3), "taper": 0}
    with pytest.warns(UserWarning, match="onset lost"):
        report = run(X, arrivals, **rules)
    assert set(report["mosaics_rejected"]) == {"onset lost in what lies under it"}
    assert run(X, arrivals, **rules | {"min_p_snr": 0.1})["made"] == {"0": 6}


def test_only_the_vertical_component_shows_onsets():
    X, arrivals = events(4.0, 5.0)
    X[:, 1, 200:400] *= 20
    rules = {"max_joint_ratio": None, "amplitude": (0.3, 0.3), "taper": 0}
    with pytest.warns(UserWarning, match="onset lost"):
        run(X, arrivals, **rules)
    assert run(X, arrivals, vertical=1, **rules)["made"] == {"0": 6}


def test_quality_is_judged_above_the_high_pass():
    X, arrivals = events(4.0, 5.0, noise=0.1)
    X[:, :, 200:400] += np.sin(2 * np.pi * 0.2 * np.arange(200) / RATE)  # below 2 Hz
    rules = {"max_joint_ratio": None, "amplitude": (0.3, 0.3), "taper": 0}
    with pytest.warns(UserWarning, match="onset lost"):
        run(X, arrivals, **rules)
    assert run(X, arrivals, highpass=None, **rules)["made"] == {"0": 6}


def test_window_without_any_event():
    X, arrivals = events(4.0, 4.5)
    report = run(X, arrivals, n_events=1, shift=(19.5, 19.5), **LENIENT)
    assert report["mosaics_rejected"]["no event in the window"] > 0
    assert report["made"] == {"0": 6}


def test_s_too_soon_after_p():
    X, arrivals = events(4.0, 4.4)
    augmenter = EarlyWarningAugmenter(sampling_rate=RATE, sampling_strategy=6, random_state=0)
    with pytest.warns(UserWarning, match="S too soon after P"):
        augmenter.fit_resample(X, np.zeros(8), arrivals=arrivals)
    augmenter.set_params(margin=0.1).fit_resample(X, np.zeros(8), arrivals=arrivals)
    assert augmenter.report_["made"] == {"0.0": 6}


def test_warning_says_what_is_missing():
    X, arrivals = events(5.0, 6.0)
    arrivals.loc[4:, "P"] = np.nan
    y = np.array(["rockfall"] * 4 + ["noise"] * 4)
    augmenter = MosaicAugmenter(
        sampling_rate=RATE, sampling_strategy={"noise": 9}, random_state=0, **LENIENT
    )
    with pytest.warns(UserWarning, match="0 of 5 rows of class 'noise', in which 0 of 4"):
        augmenter.fit_resample(X, y, arrivals=arrivals)
    assert augmenter.report_["wanted"] == {"noise": 5, "rockfall": 0}


def test_joint_near_the_edge_is_compared_with_what_there_is():
    traces = np.ones((1, 100)) * np.resize([1, -1], 100)
    traces[:, 10:] *= 5
    assert step_ratios(traces, [10], 50)[0, 0] == pytest.approx(5)
    assert np.isnan(step_ratios(traces, [0, 100, 150, -5], 50)).all()
    assert step_ratios(np.zeros((1, 50)), [20], 10)[0, 0] == 1
    silent = np.zeros((1, 50))
    silent[:, 20:] = np.resize([1, -1], 30)
    assert step_ratios(silent, [20], 10)[0, 0] == np.inf


def test_filter_does_not_reach_back():
    window = np.zeros((2, 400))
    window[:, 200:] = np.random.default_rng(0).normal(size=(2, 200))
    filtered = filtered_for_control(window, sampling_rate=RATE, corner=2.0, taper=0.1)
    assert not filtered[:, :200].any() and filtered[:, 200:].std() > 0.5
    assert not filtered[:, -1].any()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_events", 0), ("n_events", (3, 2)), ("n_events", 1.5), ("n_events", (1, 2, 3)),
        ("mode", "coda"), ("ps_residual", 0.5), ("lead", -1), ("shift", 3), ("shift", (6, 1)),
        ("amplitude", (-1, 1)), ("amplitude_per", "trace"), ("max_joint_ratio", -1),
        ("min_p_snr", "no"), ("sampling_rate", 0), ("taper", 2), ("probability", 1.5),
        ("max_attempts", 0), ("fade", None), ("snr_window", 0),
    ],
)  # fmt: skip
def test_parameter_out_of_range_is_named(name, value):
    with pytest.raises(ValueError, match=f"^{name} must be"):
        run(*events(5.0, 6.0), **{name: value})
