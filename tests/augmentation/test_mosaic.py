"""Marching mosaics as a sampler and on the fly."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisclf.augmentation import MosaicAugmenter
from seisclf.datasets import make_seismic_events
from seisclf.signal import mask_function
from seisclf.utils import EventLabels, arrivals_to_array

RATE, N_SAMPLES = 50.0, 1000


def visible(window):
    """Samples of the jolts on each channel."""
    return [set(np.flatnonzero(channel > 0.5)) for channel in window]


def labelled(times):
    """Samples of P and of S that lie in the window, from arrivals (n_in_window, 4)."""
    samples = np.round(times[:, :2] * RATE)
    inside = (samples >= 0) & (samples < N_SAMPLES)
    return [set(samples[inside[:, i], i].astype(int)) for i in (0, 1)]


@pytest.mark.parametrize("n_events", [1, 2, (1, 4)])
def test_picks_move_with_the_waveform(jolts, no_control, n_events):
    """Every jolt of a new window has its pick, every pick its jolt, to the sample."""
    X, y = jolts
    augmenter = MosaicAugmenter(n_events=n_events, sampling_strategy=20, **no_control)
    resampled, labels = augmenter.fit_resample(X, y)
    assert len(resampled) == len(X) + 40
    times = arrivals_to_array(labels.arrivals, len(labels))
    for window, picks in zip(resampled[len(X) :], times[len(X) :], strict=True):
        assert visible(window) == labelled(picks)
        assert any(labelled(picks))


def test_windows_of_a_mosaic_are_shifts_of_each_other(jolts, no_control):
    X, y = jolts
    augmenter = MosaicAugmenter(sampling_strategy=3, shift=(1.0, 3.0), **no_control)
    resampled, labels = augmenter.fit_resample(X, y)
    forward, centred, backward = resampled[len(X) : len(X) + 3]
    times = labels[len(X) : len(X) + 3].arrivals
    steps = np.round(np.diff(times["S_1"]) * RATE).astype(int)
    assert (steps >= 50).all() and (steps <= 150).all()
    np.testing.assert_array_equal(forward[:, : -steps[0]], centred[:, steps[0] :])
    np.testing.assert_array_equal(centred[:, : -steps[1]], backward[:, steps[1] :])


def test_rows_come_first_and_unchanged(jolts, no_control):
    X, y = jolts
    X.flags.writeable = False
    resampled, labels = MosaicAugmenter(**no_control).fit_resample(X, y)
    np.testing.assert_array_equal(resampled[: len(X)], X)
    np.testing.assert_array_equal(labels[: len(X)], y)
    pd.testing.assert_frame_equal(labels[: len(X)].arrivals[["P", "S"]], y.arrivals)


def test_new_rows_are_made_of_their_class(jolts, no_control):
    """The height of a jolt says which row it is from."""
    X, y = jolts
    augmenter = MosaicAugmenter(n_events=(1, 3), sampling_strategy=15, **no_control)
    resampled, labels = augmenter.fit_resample(X, y)
    for window, label, members in zip(
        resampled[len(X) :], labels[len(X) :], augmenter.sources_, strict=True
    ):
        members = members[members >= 0]
        assert (y[members] == label).all()
        seen = np.round(window[window > 0.5]).astype(int) - 1
        assert set(seen) <= set(members)


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("auto", {0: 24, 1: 24}),
        ("balance", {0: 24, 1: 24}),
        ("minority", {0: 24, 1: 24}),
        (0.75, {0: 24, 1: 18}),
        (7, {0: 31, 1: 19}),
        ({1: 20}, {0: 24, 1: 20}),
        (lambda y: {0: len(y)}, {0: 36, 1: 12}),
    ],
)
def test_class_balance_is_reached(jolts, no_control, strategy, expected):
    X, y = jolts
    _, labels = MosaicAugmenter(sampling_strategy=strategy, **no_control).fit_resample(X, y)
    assert dict(zip(*np.unique(labels, return_counts=True), strict=True)) == expected


@pytest.mark.parametrize(
    ("strategy", "message"),
    [("most", "must be one of"), (1.5, "must be one of"), (-1, "negative"), (True, "must be one"),
     ({2: 5}, r"classes \[2\]"), ({0: 5}, "less than the 24")],
)  # fmt: skip
def test_strategy_that_makes_no_sense_is_refused(jolts, strategy, message):
    with pytest.raises(ValueError, match=message):
        MosaicAugmenter(sampling_strategy=strategy).fit_resample(*jolts)


def test_seed_fixes_everything(jolts, no_control):
    X, y = jolts
    first, second = (MosaicAugmenter(**no_control).fit_resample(X, y) for _ in range(2))
    np.testing.assert_array_equal(first[0], second[0])
    pd.testing.assert_frame_equal(first[1].arrivals, second[1].arrivals)
    other, _ = MosaicAugmenter(**no_control | {"random_state": 1}).fit_resample(X, y)
    assert not np.array_equal(first[0], other)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), n_events=st.integers(1, 3))
def test_masks_agree_with_picks(make_events, seed, n_events):
    """An event that is 1 from P to S and 0 elsewhere is its own mask, also when cut off."""
    _, arrivals = make_events(10, seed=seed)
    index = np.arange(N_SAMPLES)
    first, last = (np.round(arrivals[[name]].to_numpy() * RATE) for name in "PS")
    X = ((index >= first) & (index <= last)).astype(float)
    # Shifts of up to 12 s push events out of the window of 20 s.
    augmenter = MosaicAugmenter(
        sampling_rate=RATE, sampling_strategy=9, n_events=n_events, shift=(1.0, 12.0),
        max_joint_ratio=None, min_p_snr=None, random_state=seed,
    )  # fmt: skip
    resampled, labels = augmenter.fit_resample(X, np.zeros(10), arrivals=arrivals)
    times = arrivals_to_array(labels.arrivals, 19)
    masks = mask_function(
        times[..., 0], times[..., 1], N_SAMPLES, sampling_rate=RATE, rise=0, fall=0
    )
    # Means were subtracted: at most n_events times 3 s of 20 s.
    np.testing.assert_array_equal(resampled[10:] > 0.5, masks[10:] > 0.5)


def test_amplitudes_of_added_events(jolts, no_control):
    X, y = jolts
    X = np.sign(X)
    found = {}
    for per in ("event", "component"):
        augmenter = MosaicAugmenter(
            amplitude=(2.0, 4.0), amplitude_per=per, marching=False, sampling_strategy=20,
            **no_control,
        )  # fmt: skip
        resampled, labels = augmenter.fit_resample(X, y)
        new = labels[len(X) :].arrivals
        rows = np.arange(len(X), len(resampled))
        at = {
            name: np.round(new[name] * RATE).to_numpy().astype(int)
            for name in new
            if name[0] in "PS"
        }
        assert np.allclose(resampled[rows, 0, at["P"]], 1), "the first event is not scaled"
        found[per] = resampled[rows, 0, at["P_1"]], resampled[rows, 1, at["S_1"]]
        assert (found[per][0] >= 2).all() and (found[per][0] <= 4).all()
    np.testing.assert_allclose(*found["event"])
    assert not np.isclose(*found["component"]).any()


def test_normalize(jolts, no_control):
    X, y = jolts
    resampled, _ = MosaicAugmenter(normalize=True, **no_control).fit_resample(X, y)
    new = resampled[len(X) :]
    silent = new.std(axis=-1) == 0
    np.testing.assert_allclose(new.mean(axis=-1), 0, atol=1e-9)
    np.testing.assert_allclose(new.std(axis=-1)[~silent], 1)


def test_envelope_mode_takes_rockfalls():
    events = make_seismic_events(
        40, classes=["rockfall", "noise"], class_balance=[1, 3], snr_db=15, random_state=0
    )
    arguments = events.data, events.target, events.arrivals
    with pytest.warns(UserWarning, match='mode="envelope"'):
        MosaicAugmenter(random_state=0).fit_resample(*arguments)
    X, y = MosaicAugmenter(mode="envelope", random_state=0).fit_resample(*arguments)
    assert (y == "rockfall").sum() == (y == "noise").sum()
    new = y[len(events.data) :].arrivals
    assert new["start"].notna().all() and (new["end"] > new["start"]).all()
    assert X.dtype == np.float32


def test_envelope_measures_ends_that_are_unknown():
    events = make_seismic_events(20, classes=["rockfall"], snr_db=20, random_state=1)
    starts = events.arrivals[["start"]]
    augmenter = MosaicAugmenter(mode="envelope", sampling_strategy=10, random_state=0)
    _, y = augmenter.fit_resample(events.data, events.target, arrivals=starts)
    assert len(y) == 30 and (y.arrivals["start_1"][20:].notna().any())


def test_no_arrivals_are_estimated_with_a_warning():
    events = make_seismic_events(20, classes=["earthquake"], snr_db=20, random_state=0)
    augmenter = MosaicAugmenter(sampling_strategy=6, random_state=0)
    with pytest.warns(UserWarning, match="estimates them"):
        X, y = augmenter.fit_resample(events.data, events.target)
    assert len(X) == 26
    assert (y.arrivals["P"][:20] - events.arrivals["P"]).abs().median() < 0.3


def test_nothing_wanted_needs_no_arrivals(jolts):
    X, _ = jolts
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        resampled, _ = MosaicAugmenter().fit_resample(X[:10], np.arange(10) % 2)
    np.testing.assert_array_equal(resampled, X[:10])


def test_argument_goes_before_what_labels_carry(jolts, no_control):
    X, y = jolts
    wrong = EventLabels(y, y.arrivals + 100)
    given, carried = (
        MosaicAugmenter(**no_control).fit_resample(X, labels, arrivals=arrivals)[0]
        for labels, arrivals in ((wrong, y.arrivals), (y, None))
    )
    np.testing.assert_array_equal(given, carried)


class TestOnTheFly:
    def batch(self, make_events, n_events=16):
        X, arrivals = make_events(n_events)
        codes = np.arange(n_events) % 2
        return X, (codes, arrivals_to_array(arrivals, n_events))

    def test_keeps_rows_and_moves_picks(self, make_events, no_control):
        X, y = self.batch(make_events)
        before = X.copy(), y[1].copy()
        augmenter = MosaicAugmenter(probability=1.0, n_events=(1, 3), **no_control)
        augmented, (codes, times) = augmenter.augment(X, y, np.random.default_rng(0))
        assert augmented.shape == X.shape and times.shape == (16, 3, 4)
        np.testing.assert_array_equal(codes, y[0])
        for window, picks in zip(augmented, times, strict=True):
            assert visible(window) == labelled(picks)
        np.testing.assert_array_equal(X, before[0])
        np.testing.assert_array_equal(y[1], before[1])

    def test_probability(self, make_events, no_control):
        X, y = self.batch(make_events, 200)
        augmenter = MosaicAugmenter(probability=0.25, **no_control)
        augmented, _ = augmenter.augment(X, y, np.random.default_rng(0))
        assert 0.15 < (augmented != X).any(axis=(1, 2)).mean() < 0.35

    def test_generator_fixes_it(self, make_events, no_control):
        X, y = self.batch(make_events)
        first, second, other = (
            MosaicAugmenter(**no_control).augment(X, y, np.random.default_rng(seed))[0]
            for seed in (1, 1, 2)
        )
        np.testing.assert_array_equal(first, second)
        assert not np.array_equal(first, other)

    def test_labels_that_carry_arrivals(self, jolts, no_control):
        X, y = jolts
        augmented, labels = MosaicAugmenter(**no_control).augment(X, y, 0)
        assert isinstance(labels, EventLabels) and len(labels.arrivals) == len(X)
        np.testing.assert_array_equal(labels, y)

    def test_two_axes(self, make_events, no_control):
        X, y = self.batch(make_events)
        augmented, _ = MosaicAugmenter(**no_control).augment(X[:, 0], y, 0)
        assert augmented.shape == X[:, 0].shape

    def test_missing_arrivals_are_named(self, jolts):
        X, y = jolts
        with pytest.raises(ValueError, match="needs arrivals.*EventLabels"):
            MosaicAugmenter().augment(X, np.asarray(y), 0)

    def test_network_is_refused(self, jolts):
        X, y = jolts
        with pytest.raises(ValueError, match="2 or 3 axes"):
            MosaicAugmenter().augment(X[:, np.newaxis], y, 0)
