"""Scores of catalogues over recorded time, with intervals from whole days."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisclf.detection import Detections
from seisclf.metrics import catalogue_scores, detection_scores
from seisclf.metrics._catalogue_scores import _medians
from seisclf.metrics._coverage import stretches

DAY = 86400.0


def table(rows):
    return pd.DataFrame(rows, columns=["onset", "class"]).astype({"onset": float, "class": str})


def recorded(*spans):
    return pd.DataFrame(spans, columns=["start", "end"], dtype=float)


_events = st.lists(
    st.tuples(st.integers(0, 40).map(lambda n: n * 7200.0 + 100), st.sampled_from("ab")),
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(found=_events, known=_events, shift=st.floats(-3, 3))
def test_without_gaps_the_counts_are_those_of_detection_scores(found, known, shift):
    found, known = table(found), table(known)
    found["onset"] += shift
    whole = recorded((0.0, 4 * DAY))
    ours = catalogue_scores(found, known, tolerance=2.0, coverage=whole, n_bootstrap=0)
    plain = detection_scores(found, known, tolerance=2.0, duration=4 * DAY)
    columns = ["known", "detected", "matched", "precision", "recall", "f1", "false_per_day"]
    pd.testing.assert_frame_equal(
        ours.loc[plain.index, [*columns, "delay"]].rename_axis(None),
        plain[[*columns, "delay"]],
        check_dtype=False,
    )
    assert ours.attrs["recorded_days"] == pytest.approx(4.0)
    assert (ours["not_recorded"] == 0).all()


@settings(max_examples=25, deadline=None)
@given(found=_events, known=_events, first=st.floats(0, 3 * DAY), length=st.floats(1, DAY))
def test_events_in_a_gap_are_neither_hits_nor_misses(found, known, first, length):
    found, known = table(found), table(known)
    # Nothing is detected where there is no record.
    found = found[(found["onset"] < first) | (found["onset"] >= first + length)]
    spans = recorded((-1.0, first), (first + length, 4 * DAY))
    scores = catalogue_scores(found, known, tolerance=1.0, coverage=spans, n_bootstrap=0)
    inside = (known["onset"] >= first) & (known["onset"] < first + length)
    without = catalogue_scores(found, known[~inside], tolerance=1.0, coverage=spans, n_bootstrap=0)
    assert scores.loc["all", "not_recorded"] == inside.sum()
    both = scores.drop(columns="not_recorded").reindex(without.index)
    pd.testing.assert_frame_equal(both, without.drop(columns="not_recorded"))
    assert scores.attrs["recorded_days"] == pytest.approx((4 * DAY + 1 - length) / DAY)


def test_a_detection_at_the_edge_of_a_gap_counts_for_nothing():
    scores = catalogue_scores(
        table([(100.0, "a"), (500.0, "a")]),
        table([(99.0, "a")]),
        tolerance=2.0,
        coverage=recorded((0.0, 90.0), (100.0, DAY)),
    )
    assert scores.loc["a", ["known", "not_recorded", "detected"]].tolist() == [0, 1, 1]
    assert scores.loc["a", "precision"] == 0 and np.isnan(scores.loc["a", "recall"])


def test_intervals_are_those_of_drawing_whole_days():
    rng = np.random.default_rng(3)
    days = 12
    known = table([(d * DAY + 3600.0 * k, "a") for d in range(days) for k in range(1, 6)])
    # A bad day loses everything: events are not independent.
    seen = np.repeat(rng.random(days) < 0.7, 5)
    found = known[seen].assign(onset=lambda t: t["onset"] + rng.uniform(0, 1, len(t)))
    found = pd.concat([found, table([(0.5 * DAY + d * DAY, "a") for d in range(0, days, 3)])])
    whole = recorded((0.0, days * DAY))
    scores = catalogue_scores(
        found, known, tolerance=2.0, coverage=whole, n_bootstrap=4000, random_state=1
    ).loc["a"]
    # The slow way, day by day.
    draws = np.random.default_rng(9).integers(days, size=(3000, days))
    hit = seen.reshape(days, 5).sum(axis=1)
    false = np.array([d % 3 == 0 for d in range(days)])
    recall = hit[draws].sum(axis=1) / (5 * days)
    rate = false[draws].sum(axis=1) / days
    precision = hit[draws].sum(axis=1) / (hit + false)[draws].sum(axis=1)
    for name, drawn in (("recall", recall), ("false_per_day", rate), ("precision", precision)):
        assert scores[f"{name}_low"] == pytest.approx(np.quantile(drawn, 0.025), abs=0.03)
        assert scores[f"{name}_high"] == pytest.approx(np.quantile(drawn, 0.975), abs=0.03)
    assert scores["recall"] == pytest.approx(seen.mean())
    # Rows drawn one by one would make an interval less than half as wide.
    assert scores["recall_high"] - scores["recall_low"] > 0.4
    assert 0 < scores["delay_low"] < scores["delay"] < scores["delay_high"] < 1


@pytest.mark.parametrize("step", [-1.0, 1.0])
def test_a_pair_across_midnight_belongs_to_the_day_of_the_known_event(step):
    known = table([(DAY - 0.5 * step, "a"), (DAY + 40000.0, "a")])
    found = table([(DAY + 0.5 * step, "a")])
    drawn = catalogue_scores(
        found, known, tolerance=2.0, coverage=recorded((0.0, 2 * DAY)), n_bootstrap=200
    ).loc["a"]
    # Before midnight: days with one of one and none of one. After it: one of two and nothing.
    low = 0.0 if step > 0 else 0.5
    assert drawn["recall_low"] == low
    assert drawn["recall_high"] == (1.0 if step > 0 else 0.5)


def test_one_day_has_no_interval_but_hours_have():
    known, found = table([(100.0, "a"), (4000.0, "a")]), table([(100.5, "a")])
    how = {"tolerance": 1.0, "coverage": recorded((0.0, 7200.0))}
    scores = catalogue_scores(found, known, **how)
    assert scores.attrs["blocks"] == 1 and np.isnan(scores.loc["a", "recall_low"])
    scores = catalogue_scores(found, known, by="hour", **how)
    assert scores.attrs["blocks"] == 2
    assert scores.loc["a", ["recall_low", "recall_high"]].tolist() == [0.0, 1.0]


def test_lines_beside_the_classes():
    known = table([(100.0, "a"), (200.0, "a"), (300.0, "b"), (400.0, "noise")])
    found = table([(100.0, "a"), (200.0, "b"), (300.0, "b")])
    scores = catalogue_scores(found, known, tolerance=1.0, coverage=recorded((0, DAY)))
    assert scores.index.tolist() == ["a", "b", "macro", "all", "any class"]
    assert scores["known"].tolist() == [2, 1, 3, 3, 3]
    assert scores["matched"].tolist() == [1, 1, 2, 2, 3]
    assert scores.loc["macro", "precision"] == pytest.approx(0.75)
    assert scores.loc["macro", "f1"] == pytest.approx((2 / 3 + 2 / 3) / 2)
    only = catalogue_scores(
        found, known, tolerance=1.0, coverage=recorded((0, DAY)), classes=["b"]
    )
    assert only.loc["b", "precision"] == 0.5


def test_detections_bring_their_coverage_and_latency():
    start = pd.Timestamp("2020-03-28T00:00:00Z")
    onset = start + pd.to_timedelta([100.0, 900.0], unit="s")
    frame = pd.DataFrame(
        {"class": "a", "onset": onset, "end": onset + pd.Timedelta(5, "s"), "probability": 0.9,
         "event_probability": 0.9, "stations": "XX.A", "coverage": 1.0},
    )  # fmt: skip
    coverage = pd.DataFrame(
        {"station": ["XX.A", "XX.B"], "start": start, "covered": [1.0, 0.5],
         "end": [start + pd.Timedelta(1, "h"), start + pd.Timedelta(2, "h")]},
    )  # fmt: skip
    found = Detections(frame, coverage=coverage)
    known = pd.DataFrame({"onset": [onset[0] - pd.Timedelta(1, "s")], "class": ["a"]})
    scores = catalogue_scores(found, known, tolerance=2.0, wait=3.0)
    assert scores.loc["a", ["delay", "latency"]].tolist() == [1.0, 9.0]
    # An hour that one station recorded whole, and an hour of which another one has half.
    assert scores.attrs["recorded_days"] == pytest.approx(1.5 / 24)
    assert scores.loc["a", "false_per_day"] == pytest.approx(16.0)
    both = catalogue_scores(found, known, tolerance=2.0, min_stations=2)
    assert both.attrs["recorded_days"] == pytest.approx(1 / 24)


def test_times_that_enough_stations_recorded():
    spans = pd.DataFrame(
        {"station": ["a", "a", "b", "c"], "start": [0, 20, 5, 9], "end": [10, 30, 25, 21]}
    )
    assert stretches(spans, 1).start.tolist() == [0] and stretches(spans, 1).end.tolist() == [30]
    two = stretches(spans, 2)
    assert list(zip(two.start, two.end, strict=True)) == [(5, 25)]
    three = stretches(spans, 3)
    assert list(zip(three.start, three.end, strict=True)) == [(9, 10), (20, 21)]
    assert three.contain(np.array([8.9, 9.0, 9.99, 10.0, 20.5, 40.0])).tolist() == [
        False, True, True, False, True, False,
    ]  # fmt: skip
    blocks, seconds = two.seconds_by_block(10.0)
    assert blocks.tolist() == [0, 1, 2] and seconds.tolist() == [5, 10, 5]


def test_what_cannot_be_scored_says_why():
    events, spans = table([(1.0, "a")]), recorded((0, DAY))
    for message, change in {
        "not known when": {"coverage": None},
        "by must": {"by": "week"},
        "level": {"level": 1.0},
        "lacks the columns start": {"coverage": spans.drop(columns="start")},
        "tolerance": {"tolerance": None},
    }.items():
        how = {"tolerance": 1.0, "coverage": spans} | change
        with pytest.raises(ValueError, match=message):
            catalogue_scores(events, events, **how)
    with pytest.raises(ValueError, match="column 'class'"):
        catalogue_scores([1.0], events, tolerance=1.0, coverage=spans)
    with pytest.raises(ValueError, match="no class"):
        catalogue_scores(events.assign(**{"class": None}), events, tolerance=1.0, coverage=spans)


def test_no_detections_and_no_events():
    empty, spans = table([]), recorded((0, 2 * DAY))
    scores = catalogue_scores(empty, empty, tolerance=1.0, coverage=spans)
    assert scores.index.tolist() == ["macro", "all", "any class"]
    assert scores.loc["all", "false_per_day"] == 0
    missed = catalogue_scores(empty, table([(1.0, "a")]), tolerance=1.0, coverage=spans)
    assert missed.loc["a", "recall"] == 0 and np.isnan(missed.loc["a", "precision"])


def test_medians_of_draws_are_medians_of_what_was_drawn():
    rng = np.random.default_rng(0)
    for n, exact in ((7, True), (50, True), (5000, False)):
        values, block = rng.normal(size=n), rng.integers(6, size=n)
        draws = np.concatenate([np.ones((1, 6)), rng.multinomial(6, np.full(6, 1 / 6), size=20)])
        plain = [
            np.median(np.repeat(values, row[block].astype(int))) if row[block].sum() else np.nan
            for row in draws
        ]
        np.testing.assert_allclose(
            _medians(values, block, draws), plain, atol=1e-12 if exact else 0.005
        )
