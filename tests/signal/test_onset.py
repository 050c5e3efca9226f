"""The automatic picker of arrivals, against the truth of synthetic events and on odd input."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from seisclf.datasets import make_seismic_events
from seisclf.signal import bandpass, estimate_arrivals

quick = settings(max_examples=30, deadline=None)
RATE = 100.0


@pytest.fixture(scope="module")
def events():
    classes = ("earthquake", "quake", "rockfall", "noise")
    return make_seismic_events(120, classes=classes, n_samples=6000, random_state=0)


@pytest.fixture(scope="module")
def errors(events):
    picks = estimate_arrivals(events.data, sampling_rate=RATE)
    truth = events.arrivals[["P", "S", "start", "end"]].to_numpy(float)
    return np.abs(picks - truth)


@pytest.mark.parametrize(
    ("label", "phase", "limit"),
    [
        ("earthquake", "P", 0.05),
        ("earthquake", "S", 0.05),
        ("earthquake", "end", 2.0),
        ("quake", "P", 0.15),
        ("quake", "S", 0.3),
        ("quake", "end", 0.4),
        ("rockfall", "start", 0.5),
        ("rockfall", "end", 0.3),
    ],
)
def test_median_errors_on_synthetic_events(events, errors, label, phase, limit):
    column = ["P", "S", "start", "end"].index(phase)
    of_class = errors[events.target == label, column]
    # What was not found counts as far off.
    assert np.median(np.nan_to_num(of_class, nan=np.inf)) < limit


def test_most_p_waves_are_found_and_most_noise_is_not(events, errors):
    waves = np.isin(events.target, ["earthquake", "quake"])
    assert np.mean(errors[waves, 0] < 0.5) > 0.75
    picks = estimate_arrivals(events.data[events.target == "noise"], sampling_rate=RATE)
    assert np.mean(np.isfinite(picks[:, 0])) < 0.2


def test_order_of_the_arrivals_and_nothing_outside(events):
    picks = estimate_arrivals(events.data, sampling_rate=RATE)
    p, s, start, end = picks[np.isfinite(picks).all(axis=1)].T
    assert np.all((start <= p) & (p <= s) & (s <= end))
    assert start.min() >= 0 and end.max() < 60
    assert_array_equal(np.isnan(picks).any(axis=1), np.isnan(picks).all(axis=1))


def test_real_p_waves_stand_near_their_picks(data_dir):
    from seisclf.datasets import load_gujarat

    events = load_gujarat(data_dir)
    waveforms = bandpass(np.asarray(events.data[::5]), sampling_rate=50.0, low=2, high=20)
    picks = estimate_arrivals(waveforms, sampling_rate=50.0)
    error = picks[:, 0] - events.metadata["p_onset"].to_numpy()[::5]
    # The picks of this set are early by about a second.
    assert 0.8 < np.median(error) < 1.4
    assert np.mean(np.abs(error - 1.1) < 1) > 0.8


def test_a_real_earthquake_is_picked_as_by_rocknet(data_dir):
    golden = data_dir / "rocknet" / "golden"
    segments = np.load(golden / "filtered_segments.npz")["segments"][3]  # (4, 6000, E N Z)
    functions = np.load(golden / "single_fusion_RF_60s.npz")["eqpick"][3]  # (4, 6000, P S none)
    picks = estimate_arrivals(segments.transpose(0, 2, 1), sampling_rate=RATE, vertical=2)
    assert_allclose(picks[:, 0], functions[:, :, 0].argmax(axis=1) / RATE, atol=0.1)
    assert_allclose(picks[:, 1], functions[:, :, 1].argmax(axis=1) / RATE, atol=0.1)


@quick
@given(scale=st.sampled_from([1e-12, 1e-3, 7.0, 1e15]), offset=st.sampled_from([0.0, 6e4]))
def test_scale_and_offset_do_not_matter(events, scale, offset):
    x = events.data[:4].astype(float)
    before = estimate_arrivals(x, sampling_rate=RATE)
    assert_allclose(estimate_arrivals((x + offset) * scale, sampling_rate=RATE), before, atol=0.03)


def test_picks_move_with_the_waveform(events):
    x = events.data[events.target == "rockfall"][:6]
    picks = estimate_arrivals(x[..., 300:], sampling_rate=RATE)
    assert_allclose(
        np.median(estimate_arrivals(x, sampling_rate=RATE) - picks, axis=0), 3, atol=0.1
    )


def test_rows_do_not_influence_each_other(events):
    together = estimate_arrivals(events.data[:30], sampling_rate=RATE)
    alone = np.concatenate(
        [estimate_arrivals(x[None], sampling_rate=RATE) for x in events.data[:30]]
    )
    assert_array_equal(together, alone)


def test_shapes_and_the_vertical(events):
    x = events.data[:4]
    picks = estimate_arrivals(x, sampling_rate=RATE)
    network = estimate_arrivals(x.reshape(2, 2, 3, -1), sampling_rate=RATE)
    assert_array_equal(network, picks.reshape(2, 2, 4))
    assert_allclose(estimate_arrivals(x[:, ::-1], sampling_rate=RATE, vertical=2), picks)
    assert_allclose(estimate_arrivals(x[:, ::-1], sampling_rate=RATE, vertical=-1), picks)
    one = estimate_arrivals(x[:, 0], sampling_rate=RATE)
    assert_array_equal(one, estimate_arrivals(x[:, :1], sampling_rate=RATE))


def test_missing_channels_do_not_count(events):
    x = events.data[:4].astype(float)
    x[1] = np.nan
    x[2, 1, 5] = np.inf
    picks = estimate_arrivals(x, sampling_rate=RATE)
    assert np.isnan(picks[1]).all()
    quiet = events.data[2:3].astype(float)
    quiet[:, 1] = 0
    assert_allclose(picks[2:3], estimate_arrivals(quiet, sampling_rate=RATE))


@quick
@given(
    n_samples=st.integers(1, 40),
    n_channels=st.integers(1, 3),
    rate=st.sampled_from([1.0, 100.0]),
    kind=st.sampled_from(["zeros", "constant", "noise", "spike", "ramp"]),
    seed=st.integers(0, 99),
)
def test_anything_short_gets_an_answer_without_a_warning(n_samples, n_channels, rate, kind, seed):
    x = np.zeros((5, n_channels, n_samples))
    rng = np.random.default_rng(seed)
    x += {"constant": 1.1e5, "ramp": np.arange(n_samples)}.get(kind, 0)
    if kind == "noise":
        x += rng.normal(size=x.shape)
    if kind == "spike":
        x[..., n_samples // 2] = 1
    before = x.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picks = estimate_arrivals(x, sampling_rate=rate)
    assert_array_equal(x, before)
    assert picks.shape == (5, 4)
    if kind in ("zeros", "constant", "ramp"):
        assert np.isnan(picks).all()
    known = picks[np.isfinite(picks).all(axis=1)]
    assert np.all(np.diff(known[:, [2, 0, 1, 3]], axis=1) >= 0)
    assert known.size == 0 or (known.min() >= 0 and known.max() < n_samples / rate)


def test_no_events_no_picks():
    assert estimate_arrivals(np.empty((0, 3, 100)), sampling_rate=10).shape == (0, 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vertical": 3}, "vertical"),
        ({"sampling_rate": 0}, "sampling_rate"),
        ({"smoothing": -1}, "smoothing"),
        ({"min_ratio": 0}, "min_ratio"),
        ({"X": np.zeros(50)}, "one trace"),
    ],
)
def test_what_cannot_be_is_refused(change, message):
    given = {"X": np.zeros((2, 3, 50)), "sampling_rate": 10.0} | change
    with pytest.raises(ValueError, match=message):
        estimate_arrivals(given.pop("X"), **given)
