"""Each step of the chain on series worked out by hand, and what holds for any series."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from seisclf.detection import (
    GaussianSmoother,
    MedianFilter,
    PeakSelector,
    ThresholdFilter,
    stft_cnn_postprocessing,
)

NAN = np.nan
# Standard deviation at which the kernel of three frames is 1/4, 1/2, 1/4.
HALF = 1 / np.sqrt(2 * np.log(2))

some_series = hnp.arrays(
    float,
    st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 40)),
    elements=st.one_of(st.floats(0, 1), st.just(NAN)),
)
steps = st.sampled_from(
    [
        ThresholdFilter(threshold=0.5),
        MedianFilter(size=5),
        GaussianSmoother(length=7, std=2.0),
        PeakSelector(min_height=0.3),
        PeakSelector(min_height=0.0, min_overlap=0.4),
    ]
)


def select(*classes, **parameters):
    return PeakSelector(**parameters).fit_transform([classes])[0].tolist()


def box(n_frames, first, length, value=1.0):
    series = np.zeros(n_frames)
    series[first : first + length] = value
    return series


# --- threshold ---


def test_threshold_keeps_what_reaches_it():
    found = ThresholdFilter(threshold=0.5).fit_transform([[0.49, 0.5, NAN, 0.51, 1.0]])
    assert_array_equal(found, [[0, 0.5, NAN, 0.51, 1.0]])


# --- median ---


def test_median_of_five_drops_two_frames_keeps_three_and_closes_short_gaps():
    series = [0, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0, 0]
    #         two frames      three      gap of two, of which the median leaves one frame each side
    found = MedianFilter(size=5).fit_transform([series])[0]
    assert_array_equal(found, [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0])


def test_median_takes_the_middle_value():
    found = MedianFilter(size=3).fit_transform([[0.1, 0.9, 0.5, 0.7, 0.2]])
    assert_allclose(found, [[0.1, 0.5, 0.7, 0.5, 0.2]])  # 0 stands beyond the ends


def test_median_treats_classes_and_series_apart():
    X = np.random.default_rng(0).random((2, 3, 30))
    found = MedianFilter().fit_transform(X)
    for row in range(2):
        for column in range(3):
            alone = MedianFilter().fit_transform(X[row : row + 1, column])
            assert_array_equal(found[row, column], alone[0])


def test_median_does_not_count_across_a_gap():
    # Three frames, of which a gap parts one: neither side lasts long enough by itself.
    found = MedianFilter(size=5).fit_transform([[0, 1, 1, NAN, 1, 0, 0]])
    assert_array_equal(found, [[0, 0, 0, NAN, 0, 0, 0]])


# --- gauss ---


def test_kernel_by_hand():
    assert_allclose(GaussianSmoother(length=3, std=HALF).kernel, [0.25, 0.5, 0.25])
    kernel = GaussianSmoother().kernel
    assert len(kernel) == 15
    assert_allclose(kernel.sum(), 1)
    # exp(-k^2 / 50) at k = 0, ..., 7, by hand
    weights = np.array([1, 0.9802, 0.9231, 0.8353, 0.7261, 0.6065, 0.4868, 0.3753])
    assert_allclose(kernel[7:], weights / (weights[0] + 2 * weights[1:].sum()), rtol=2e-4)


def test_smoothing_by_hand():
    found = GaussianSmoother(length=3, std=HALF).fit_transform([[0, 0, 1, 0, 0, 0.4, 0.8]])
    assert_allclose(found, [[0, 0.25, 0.5, 0.25, 0.1, 0.4, 0.5]])


def test_smoothing_stops_at_a_gap():
    found = GaussianSmoother(length=5, std=2.0).fit_transform([[0, 0, 1, NAN, 0, 0]])
    assert_array_equal(found[0, 3:], [NAN, 0, 0])
    assert (found[0, :3] > 0).all()


def test_a_long_event_is_higher_than_a_short_one():
    kernel = GaussianSmoother().kernel
    for length in (1, 3, 7, 15):
        peak = GaussianSmoother().fit_transform([box(60, 20, length)]).max()
        assert_allclose(peak, kernel[7 - length // 2 : 8 + length // 2].sum())
    assert_allclose(GaussianSmoother().fit_transform([box(60, 20, 30)]).max(), 1)


# --- peaks ---


def test_of_two_that_overlap_the_higher_stays_as_it_is():
    assert select([0.2, 0.5, 0.4, 0, 0], [0, 0, 0.3, 0.6, 0.3]) == [
        [0, 0, 0, 0, 0],
        [0, 0, 0.3, 0.6, 0.3],
    ]


def test_peaks_that_do_not_overlap_both_stay_and_low_values_go():
    assert select([0.5, 0.5, 0.1, 0, 0], [0, 0.1, 0.1, 0.3, 0]) == [
        [0.5, 0.5, 0, 0, 0],
        [0, 0, 0, 0.3, 0],
    ]


def test_height_that_is_reached_exactly_counts():
    assert select([0.18, 0.17]) == [[0.18, 0]]
    assert select([0.18, 0.17, 0.0], min_height=0) == [[0.18, 0.17, 0]]


def test_one_that_is_beaten_beats_no_other():
    a, b, c = box(20, 0, 8, 0.9), box(20, 6, 8, 0.8), box(20, 12, 8, 0.7)
    assert_array_equal(select(a, b, c), [a, 0 * b, c])
    # The middle one highest: it beats both.
    assert_array_equal(select(a, b / 0.8, c), [0 * a, b / 0.8, 0 * c])


def test_equally_high_peaks_the_longer_then_the_earlier_then_the_first_class():
    long, short = box(20, 5, 8, 0.5), box(20, 4, 7, 0.5)
    assert_array_equal(select(short, long), [0 * short, long])
    early, late = box(20, 4, 7, 0.5), box(20, 5, 7, 0.5)
    assert_array_equal(select(late, early), [0 * late, early])
    assert_array_equal(select(early, early), [early, 0 * early])


def test_min_overlap_lets_neighbours_touch():
    a, b = box(20, 0, 8, 0.9), box(20, 6, 8, 0.8)  # 2 of 8 frames in common
    assert_array_equal(select(a, b, min_overlap=0.25), [a, b])
    assert_array_equal(select(a, b, min_overlap=0.24), [a, 0 * b])


def test_a_gap_parts_two_peaks_of_a_class():
    quake = np.array([0.9, 0.8, NAN, 0.3, 0.3])
    rockfall = np.array([0.0, 0.0, NAN, 0.5, 0.0])
    assert_array_equal(
        select(quake, rockfall), [[0.9, 0.8, NAN, 0, 0], [0, 0, NAN, 0.5, 0]]
    )  # the second half of the quake is lower than the rockfall


def brute_force(series, min_height):
    """The rule as it is told: repeatedly the highest peak, without what overlaps with it."""
    peaks = []
    for label, values in enumerate(series):
        frames = [k for k, v in enumerate(values) if v >= min_height and v > 0]
        stretches = np.split(frames, np.flatnonzero(np.diff(frames) > 1) + 1) if frames else []
        peaks += [(-values[s].max(), -len(s), s[0], label, set(s)) for s in stretches]
    out = np.where(np.isnan(series), NAN, 0.0)
    taken = []
    for *_, label, frames in sorted(peaks, key=lambda peak: peak[:4]):
        if not any(frames & others for others in taken):
            taken.append(frames)
            out[label, sorted(frames)] = series[label, sorted(frames)]
    return out


@settings(max_examples=30, deadline=None)
@given(X=some_series, min_height=st.sampled_from([0.0, 0.2, 0.5]))
def test_selection_is_the_rule_as_it_is_told(X, min_height):
    found = PeakSelector(min_height=min_height).fit_transform(X)
    for row, own in zip(X, found, strict=True):
        assert_array_equal(own, brute_force(row, min_height))
    assert ((found > 0).sum(axis=1) <= 1).all()


# --- all steps ---


@settings(max_examples=30, deadline=None)
@given(X=some_series, step=steps)
def test_missing_stays_missing_and_nothing_else_becomes_so(X, step):
    before = X.copy()
    found = clone(step).fit_transform(X)
    assert_array_equal(np.isnan(found), np.isnan(X))
    assert_array_equal(X, before)
    inside = found[~np.isnan(found)]
    assert ((inside >= 0) & (inside <= 1 + 1e-12)).all()


@settings(max_examples=30, deadline=None)
@given(X=some_series, step=steps)
def test_a_gap_is_like_the_end_of_a_record(X, step):
    n = X.shape[-1]
    parted = np.concatenate([X, np.full((*X.shape[:2], 1), NAN), X[..., ::-1]], axis=-1)
    found = clone(step).fit_transform(parted)
    assert_allclose(found[..., :n], clone(step).fit_transform(X), atol=1e-15)
    assert_allclose(found[..., n + 1 :], clone(step).fit_transform(X[..., ::-1]), atol=1e-15)


@settings(max_examples=20, deadline=None)
@given(X=some_series, step=steps)
def test_later_is_the_same_later(X, step):
    pad = np.zeros((*X.shape[:2], 10))
    early = clone(step).fit_transform(np.concatenate([pad, X, pad, pad], axis=-1))
    late = clone(step).fit_transform(np.concatenate([pad, pad, X, pad], axis=-1))
    assert_allclose(late[..., 10:], early[..., :-10], atol=1e-15)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (ThresholdFilter(threshold="high"), "threshold must be a finite number"),
        (MedianFilter(size=4), "size must be an odd number"),
        (MedianFilter(size=2.5), "size must be an odd number"),
        (GaussianSmoother(length=0), "length must be an odd number"),
        (GaussianSmoother(std=0), "std must be positive"),
        (PeakSelector(min_height=-0.1), "min_height must be at least 0"),
        (PeakSelector(min_overlap=1.0), "min_overlap must be below 1"),
    ],
)
def test_bad_parameters_are_refused_by_name(step, message):
    with pytest.raises(ValueError, match=message):
        step.fit([[0.0, 1.0]])


# --- the chain ---


def test_the_paper_and_its_code():
    paper, code = stft_cnn_postprocessing(), stft_cnn_postprocessing("code")
    assert paper["threshold"].threshold == 0.5 and code["threshold"].threshold == 0.7
    assert paper["median"].size == code["median"].size == 5
    assert paper["smooth"].length == code["smooth"].length == 15
    assert paper["smooth"].std == 5 and code["smooth"].std == 4
    assert paper["select"].min_height == 0 and code["select"].min_height == 0.18
    with pytest.raises(ValueError, match="paper, code"):
        stft_cnn_postprocessing("notebook")


def test_the_chain_by_hand():
    quake = box(80, 20, 9, 0.8) + box(80, 60, 2, 1.0)  # the second is too short for the median
    rockfall = box(80, 26, 15, 0.6) + box(80, 70, 8, 0.4)  # the second is below the threshold
    quake, rockfall = stft_cnn_postprocessing().fit_transform([[quake, rockfall]])[0]
    # Nine frames of 0.8 peak at 0.8 times the nine weights in the middle, 0.57; fifteen of 0.6 at
    # 0.6: the rockfall lasts longer and wins, although the network was less sure of it.
    assert 0.8 * GaussianSmoother().kernel[3:12].sum() < 0.6
    assert_array_equal(quake, 0)
    assert_allclose(rockfall.max(), 0.6)
    assert rockfall.argmax() == 33
    assert np.flatnonzero(rockfall)[[0, -1]].tolist() == [26 - 7, 40 + 7]


def test_the_authors_code_asks_for_more():
    sure, unsure = box(60, 20, 10, 0.75), box(60, 20, 10, 0.65)
    code = stft_cnn_postprocessing("code")
    assert code.fit_transform([[unsure]]).max() == 0
    found = code.fit_transform([[sure]])[0, 0]
    assert found[found > 0].min() >= 0.18
