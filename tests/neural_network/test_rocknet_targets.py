"""Functions over time against hand-made ones, and what is done about unknown arrivals."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from seisclf.neural_network import RockNetClassifier
from seisclf.neural_network._rocknet_targets import ArrivalFiller, EventTargets

NAN = np.nan
# Classes: earthquake (picked), noise, rockfall.
MASKS, PICKED = (0, -1, 1), (True, False, False)


def targets(n_samples=200, rate=50.0, **kwargs):
    return EventTargets(n_samples, rate, MASKS, PICKED, **kwargs)


def half_gaussian(width, rate):
    half = round(width * rate) // 2
    sigma = max(half // 2, 1)
    return [np.exp(-0.5 * (k / sigma) ** 2) for k in range(half + 1)]


def test_functions_equal_those_made_by_hand():
    codes = np.array([0, 1, 2])
    arrivals = np.array([[[1.0, 2.0, NAN, NAN]], [[1.0, 2.0, 1.0, 2.0]], [[0.5, 0.9, 1.0, 3.0]]])
    picks, masks = targets()((codes, arrivals))
    assert picks.shape == (3, 2, 200) and masks.shape == (3, 2, 1, 200)

    p, s, quake, fall = (np.zeros(200) for _ in range(4))
    for k, value in enumerate(half_gaussian(0.2, 50)):
        p[50 - k] = p[50 + k] = quake[50 - k] = value
    for k, value in enumerate(half_gaussian(0.3, 50)):
        s[100 - k] = s[100 + k] = quake[100 + k] = value
    quake[50:101] = 1
    for k, value in enumerate(half_gaussian(1.0, 50)):
        fall[50 - k] = fall[150 + k] = value
    fall[50:151] = 1
    assert_allclose(picks[0], [p, s], atol=1e-6)
    assert_allclose(masks[0, :, 0], [quake, np.zeros(200)], atol=1e-6)
    # Neither noise nor, for its picks, a rockfall has anything to learn from P and S.
    assert not picks[1:].any() and not masks[1].any()
    assert_allclose(masks[2, :, 0], [np.zeros(200), fall], atol=1e-6)


def test_several_events_in_a_window_and_parts_of_events():
    arrivals = np.array([[[0.2, 0.6, NAN, NAN], [2.0, 9.0, NAN, NAN], [-1.0, 0.0, NAN, NAN]]])
    picks, masks = targets()((np.array([0]), arrivals))
    assert_array_equal(np.flatnonzero(picks[0, 0] == 1), [10, 100])
    assert_array_equal(np.flatnonzero(picks[0, 1] == 1), [0, 30])
    inside = masks[0, 0, 0] == 1
    assert inside[:1].all() and inside[10:31].all() and inside[100:].all()
    assert not inside[40:90].any()


def test_near_p_and_s_share_what_there_is():
    picks, _ = targets()((np.array([0]), np.array([[[1.0, 1.02, NAN, NAN]]])))
    total = picks.sum(axis=1)
    assert total.max() <= 1 + 1e-6
    assert picks[0, 0, 50] < 1


def test_occurrence_is_half_a_second_before_the_first_station():
    arrivals = np.full((3, 2, 1, 4), NAN)
    arrivals[0, :, 0] = [[2.0, 3.0, NAN, NAN], [1.5, 2.5, NAN, NAN]]
    arrivals[1, 1, 0] = [NAN, NAN, 0.2, 3.0]  # begins with the window; station 0 is missing
    expand = targets(occurrences=(1, -1, 0))
    occurrence, picks, masks = expand((np.array([0, 2, 1]), arrivals))
    assert occurrence.shape == (3, 2, 1, 200)
    assert picks.shape == (3, 2, 2, 200) and masks.shape == (3, 2, 2, 1, 200)
    expected = np.zeros(200)
    for k, value in enumerate(half_gaussian(1.0, 50)):
        expected[50 - k] = expected[50 + k] = value
    assert_allclose(occurrence[0, 1, 0], expected, atol=1e-6)
    assert occurrence[1, 0, 0].argmax() == 0 and occurrence[1, 0, 0, 0] == 1
    assert not occurrence[0, 0].any() and not occurrence[1, 1].any() and not occurrence[2].any()
    assert not masks[1, 0].any()
    assert masks[1, 1, 1, 0, 10:151].min() == 1


def bursts(n=4, rate=50.0, n_samples=1500):
    """Noise with a burst from 10 s to 16 s."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3, n_samples))
    time = np.arange(n_samples) / rate
    inside = (time >= 10) & (time < 16)
    X[..., inside] *= 15
    return X.astype(np.float32), rate


def test_what_is_missing_is_estimated_and_counted():
    X, rate = bursts()
    y = np.array(["rockfall", "noise", "rockfall", "noise"])
    table = pd.DataFrame({"start": [NAN, NAN, 9.0, NAN], "end": [NAN, NAN, 17.0, NAN]})
    net = RockNetClassifier(sampling_rate=rate, filters=(2, 2), max_epochs=1, device="cpu")
    net.fit(X, y, arrivals=table)
    assert net.n_estimated_ == 1 and net.n_whole_window_ == 0
    filled = net._fill_arrivals(X, np.array([1, 0, 1, 0]), table)
    assert_allclose(filled[0, 0, 2:], [10, 16], atol=1.0)
    assert_array_equal(filled[2, 0, 2:], [9, 17])
    assert np.isnan(filled[[1, 3]]).all()
    net.fit(X, y)
    assert net.n_estimated_ == 2


def test_known_picks_are_kept_whatever_the_waveform_says():
    X, rate = bursts(3)
    filler = ArrivalFiller(picked=PICKED, masks=MASKS, sampling_rate=rate, vertical=0)
    given = np.array([[[1.0, NAN, NAN, NAN]], [[NAN, 25.0, NAN, NAN]], [[NAN, NAN, 2.0, 4.0]]])
    filled = filler.fill(lambda rows: X[rows], np.zeros(3, int), given)
    known = ~np.isnan(given)
    assert_array_equal(filled[known], given[known])
    first, last = np.where(np.isnan(filled[:, 0, :2]), filled[:, 0, 2:], filled[:, 0, :2]).T
    assert (first <= last).all() and np.isfinite(first).all() and np.isfinite(last).all()
    # The burst at 10 s is outside the stretch that was given.
    assert np.isnan(filled[2, 0, :2]).all()
    assert filler.n_estimated_ == 3


def test_where_nothing_stands_out_the_window_is_the_event():
    X = np.zeros((2, 3, 100), dtype=np.float32)
    filler = ArrivalFiller(picked=PICKED, masks=MASKS, sampling_rate=50.0, vertical=0)
    filled = filler.fill(lambda rows: X[rows], np.array([0, 2]), np.full((2, 1, 4), NAN))
    assert_array_equal(filled[:, 0, 2:], [[0, 1.98], [0, 1.98]])
    assert np.isnan(filled[:, 0, :2]).all()
    assert filler.whole_.sum() == 2


def test_an_end_before_the_start_is_refused():
    X, rate = bursts()
    y = np.array(["rockfall", "noise", "earthquake", "noise"])
    net = RockNetClassifier(sampling_rate=rate, max_epochs=1)
    table = pd.DataFrame({"start": [5.0, NAN, NAN, NAN], "end": [4.0, NAN, NAN, NAN]})
    with pytest.raises(ValueError, match=r"end before start in 1 events of class 'rockfall'"):
        net.fit(X, y, arrivals=table)
    table = pd.DataFrame({"P": [NAN, NAN, 5.0, NAN], "S": [NAN, NAN, 4.0, NAN]})
    with pytest.raises(ValueError, match=r"S before P in 1 events .* \(row 2\)"):
        net.fit(X, y, arrivals=table)
    with pytest.raises(ValueError, match="3 rows for 4 events"):
        net.fit(X, y, arrivals=table[:3])
