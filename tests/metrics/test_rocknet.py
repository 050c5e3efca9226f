"""RockNet's rules of scoring, on functions over time worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from seisclf.metrics import rocknet_association_score, rocknet_station_score

RATE, N = 100, 6000


def functions(n, **stretches):
    """Functions that are zero but for (row, first sample, one after the last, value)."""
    made = {name: np.zeros((n, N)) for name in ("P", "S", "earthquake", "rockfall")}
    for name, parts in stretches.items():
        for row, first, stop, value in parts:
            made[name][row, first:stop] = value
    return made


def station(y_true, starts, ends, **stretches):
    y_true, starts, ends = (np.atleast_1d(x) for x in (y_true, starts, ends))
    made = functions(len(y_true), **stretches)
    return rocknet_station_score(made, y_true, starts, ends, sampling_rate=RATE).iloc[0]


def assert_score(score, y_pred, earthquake, rockfall):
    assert score["y_pred"] == y_pred
    assert score["earthquake"] == pytest.approx(earthquake)
    assert score["rockfall"] == pytest.approx(rockfall)


# A rockfall labelled from 10 s to 19 s: with its flanks it is judged on 1000 samples.
ROCKFALL = ("rockfall", 10.0, 19.0)
PICKS = {"P": [(0, 1500, 1501, 0.4)], "S": [(0, 1600, 1601, 0.4)]}


def test_a_rockfall_is_judged_by_the_mean_over_its_label():
    assert_score(station(*ROCKFALL, rockfall=[(0, 950, 1450, 1.0)]), "rockfall", 0, 0.5)
    assert_score(station(*ROCKFALL, rockfall=[(0, 950, 1449, 1.0)]), "noise", 0, 0.499)
    # What lies outside counts for nothing.
    assert_score(station(*ROCKFALL, rockfall=[(0, 0, 950, 1), (0, 1950, N, 1)]), "noise", 0, 0)


def test_a_rockfall_taken_for_an_earthquake_needs_picks():
    eq = [(0, 950, 1950, 0.7)]
    both = {"earthquake": eq, "rockfall": [(0, 950, 1950, 0.6)]}
    assert_score(station(*ROCKFALL, **both), "noise", 0.7, 0.6)
    assert_score(station(*ROCKFALL, **both, **PICKS), "earthquake", 0.7, 0.6)
    # The mean need not pass the threshold, the mask somewhere must.
    brief = {"earthquake": [(0, 1450, 1550, 0.7)]}
    assert_score(station(*ROCKFALL, **brief, **PICKS), "earthquake", 0.07, 0)
    low = {"earthquake": [(0, 950, 1950, 0.45)]}
    assert_score(station(*ROCKFALL, **low, **PICKS), "noise", 0.45, 0)


def test_the_picker_wants_half_a_second_and_p_and_s_within_one():
    def score(length=60, p=1450, s=1500, height=0.3):
        return station(
            *ROCKFALL,
            earthquake=[(0, 1400, 1400 + length, 0.7)],
            P=[(0, p, p + 1, height)],
            S=[(0, s, s + 1, 0.9)],
        )["y_pred"]

    assert score() == "earthquake"
    assert score(length=51) == "earthquake"
    assert score(length=50) == "noise"  # from first to last sample 49
    assert score(height=0.29) == "noise"
    assert score(p=1300) == "earthquake"
    assert score(p=1299) == "noise"
    assert score(s=1558) == "earthquake"
    assert score(s=1559) == "noise"


def test_an_earthquake_is_judged_from_p_to_s_and_rounded():
    quake = ("earthquake", 20.0, 30.0)  # 1000 samples, S is not one of them
    assert_score(station(*quake, earthquake=[(0, 2000, 2500, 1.0)]), "earthquake", 0.5, 0)
    assert_score(station(*quake, earthquake=[(0, 2000, 3000, 0.4996)]), "earthquake", 0.5, 0)
    assert_score(station(*quake, earthquake=[(0, 2000, 3000, 0.4994)]), "noise", 0.499, 0)
    both = {"earthquake": [(0, 2000, 3000, 0.5)], "rockfall": [(0, 2000, 3000, 0.9)]}
    assert_score(station(*quake, **both), "earthquake", 0.5, 0.9)
    both["earthquake"] = [(0, 2000, 3000, 0.4)]
    assert_score(station(*quake, **both), "rockfall", 0.4, 0.9)
    assert_score(station(*quake, earthquake=[(0, 3000, 4000, 1.0)]), "noise", 0, 0)


def test_noise_is_judged_by_the_whole_record():
    noise = ("car", np.nan, np.nan)
    assert_score(station(*noise), "noise", 0, 0)
    two = [(0, 100, 110, 0.6), (0, 500, 510, 0.8)]
    assert_score(station(*noise, rockfall=two), "rockfall", 0, 0.8)
    # One sample is a stretch, too; the authors' script keeps the class of the record before.
    assert_score(station(*noise, rockfall=[(0, 9, 10, 0.6)]), "rockfall", 0, 0.6)
    assert_score(station(*noise, rockfall=[(0, 0, N, 0.5)]), "noise", 0, 0)  # not above 0.5
    quake = {"earthquake": [(0, 1400, 1700, 0.7)]}
    assert_score(station(*noise, **quake), "noise", 0, 0)
    assert_score(station(*noise, **quake, **PICKS), "earthquake", 0.7, 0)
    both = quake | {"rockfall": [(0, 9, 10, 0.6)]}
    assert station(*noise, **both, **PICKS)["y_pred"] == "rockfall"


def test_no_record_is_scored_by_what_came_before_it():
    y_true = np.array(["car", "noise", "earthquake", "noise"])
    starts, ends = np.array([np.nan, np.nan, 20, np.nan]), np.array([np.nan, np.nan, 30, np.nan])
    made = functions(
        4,
        rockfall=[(0, 100, 200, 0.9), (1, 5, 6, 0.7)],
        earthquake=[(2, 2000, 3000, 0.8), (3, 1400, 1700, 0.7)],
        P=[(3, 1500, 1501, 0.4)],
        S=[(3, 1600, 1601, 0.4)],
    )
    together = rocknet_station_score(made, y_true, starts, ends, sampling_rate=RATE)
    for order in ([3, 2, 1, 0], [1, 3, 0, 2]):
        again = rocknet_station_score(
            {name: x[order] for name, x in made.items()},
            y_true[order], starts[order], ends[order], sampling_rate=RATE,
        )  # fmt: skip
        pd.testing.assert_frame_equal(again, together.iloc[order].reset_index(drop=True))
    assert together["y_pred"].tolist() == ["rockfall", "rockfall", "earthquake", "earthquake"]


def occurrence(*peaks):
    """One event; peaks are (class, sample, value)."""
    made = {f"occurrence_{name}": np.zeros((1, N)) for name in ("rockfall", "earthquake")}
    for name, sample, value in peaks:
        made[f"occurrence_{name}"][0, sample] = value
    return made


def test_association_within_20_s_of_the_truth():
    def score(time, *peaks):
        made = occurrence(*peaks)
        return rocknet_association_score(made, [time], sampling_rate=RATE).iloc[0]

    line = score(30.0, ("rockfall", 2000, 0.8), ("earthquake", 2500, 0.6))
    assert line["y_pred"] == "rockfall" and line["pick"] == 20.0
    assert line[["rockfall", "earthquake"]].tolist() == [0.8, 0.6]
    assert score(30.0, ("rockfall", 1000, 0.8))["y_pred"] == "rockfall"
    assert score(30.0, ("rockfall", 999, 0.8))["y_pred"] == "noise"
    assert score(30.0, ("rockfall", 4999, 0.8))["y_pred"] == "rockfall"
    assert score(30.0, ("rockfall", 5000, 0.8))["y_pred"] == "noise"
    assert score(10.0, ("earthquake", 0, 0.5))["y_pred"] == "earthquake"
    assert score(10.0, ("earthquake", 5, 0.49))["y_pred"] == "noise"
    tie = score(10.0, ("earthquake", 5, 0.7), ("rockfall", 9, 0.7))
    assert tie["y_pred"] == "noise" and np.isnan(tie["pick"])


def test_noise_is_searched_everywhere():
    made = occurrence(("rockfall", N - 1, 0.6))
    line = rocknet_association_score(made, [np.nan], sampling_rate=RATE).iloc[0]
    assert line["y_pred"] == "rockfall" and line["pick"] == 59.99


def test_what_does_not_fit_is_refused():
    made = functions(1)
    with pytest.raises(ValueError, match="no labelled stretch"):
        rocknet_station_score(made, ["rockfall"], [np.nan], [np.nan], sampling_rate=RATE)
    with pytest.raises(ValueError, match="no 'S'"):
        del made["S"]
        rocknet_station_score(made, ["noise"], [np.nan], [np.nan], sampling_rate=RATE)
    with pytest.raises(ValueError, match="occurrence_<class>"):
        rocknet_association_score(made, [1.0], sampling_rate=RATE)
    with pytest.raises(ValueError, match="times"):
        rocknet_association_score(occurrence(), [1.0, 2.0], sampling_rate=RATE)
    with pytest.raises(ValueError, match="outside the window"):
        rocknet_association_score(occurrence(), [99.0], sampling_rate=RATE)
