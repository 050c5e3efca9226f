"""One-to-one matching: optimal, symmetric, monotone."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisclf.metrics import detection_scores, match_events

times = st.lists(st.integers(0, 300).map(lambda t: t / 2), max_size=25)
quick = settings(max_examples=30, deadline=None)


@quick
@given(times, times, st.integers(0, 20))
def test_pairs_are_one_to_one_within_tolerance_and_symmetric(a, b, tolerance):
    pairs = match_events(a, b, tolerance=tolerance)
    assert pairs["detected"].is_unique and pairs["known"].is_unique
    assert (pairs["difference"].abs() <= tolerance).all()
    np.testing.assert_allclose(
        pairs["difference"],
        np.array(a, dtype=float)[pairs["detected"]] - np.array(b, dtype=float)[pairs["known"]],
    )
    swapped = match_events(b, a, tolerance=tolerance)
    assert len(swapped) == len(pairs)
    assert swapped["difference"].abs().sum() == pytest.approx(pairs["difference"].abs().sum())


@quick
@given(times, times, st.integers(0, 10), st.integers(0, 10))
def test_a_larger_tolerance_never_finds_fewer(a, b, tolerance, more):
    small = match_events(a, b, tolerance=tolerance)
    large = match_events(a, b, tolerance=tolerance + more)
    assert len(large) >= len(small)


@quick
@given(times, times, st.integers(0, 20))
def test_as_many_pairs_as_a_maximum_matching(a, b, tolerance):
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    if not a or not b:
        assert len(match_events(a, b, tolerance=tolerance)) == 0
        return
    close = np.abs(np.subtract.outer(np.array(a), np.array(b))) <= tolerance
    most = (maximum_bipartite_matching(csr_array(close.astype(int))) >= 0).sum()
    assert len(match_events(a, b, tolerance=tolerance)) == most


def test_greedy_matching_would_lose_a_pair():
    # The first detection is nearest to the entry that only the second one can reach.
    pairs = match_events([11.0, 14.0], [9.0, 12.0], tolerance=2.0)
    assert pairs[["detected", "known"]].to_numpy().tolist() == [[0, 0], [1, 1]]


def table(onsets, classes):
    onset = pd.Timestamp("2024-05-01", tz="UTC") + pd.to_timedelta(onsets, unit="s")
    return pd.DataFrame({"onset": onset, "class": classes})


def test_classes_must_agree_unless_told():
    detected, known = table([0.0, 50.0], ["quake", "rockfall"]), table([1.0, 51.0], ["quake"] * 2)
    assert len(match_events(detected, known, tolerance=5)) == 1
    assert len(match_events(detected, known, tolerance=5, same_class=False)) == 2


def test_scores_by_class():
    detected = table([0.0, 50.0, 200.0], ["quake", "rockfall", "rockfall"])
    known = table([1.0, 49.0, 500.0], ["quake", "rockfall", "quake"])
    scores = detection_scores(detected, known, tolerance=2.0, duration=43200.0)
    assert scores.index.tolist() == ["quake", "rockfall", "all"]
    assert scores.loc["quake", "recall"] == 0.5 and scores.loc["quake", "precision"] == 1
    assert scores.loc["rockfall", "precision"] == 0.5
    assert scores.loc["rockfall", "false_per_day"] == 2
    assert scores.loc["all", "f1"] == pytest.approx(2 / 3)
    assert scores.loc["quake", "delay"] == pytest.approx(-1.0)
    assert detection_scores([], [], tolerance=1.0).loc["all", "precision"] != 0  # NaN, not 0


def test_large_catalogues_are_quick():
    rng = np.random.default_rng(0)
    known = np.sort(rng.uniform(0, 1e7, 20_000))
    detected = known + rng.normal(0, 1, len(known))
    assert len(match_events(detected, known, tolerance=10.0)) == len(known)


@pytest.mark.parametrize(
    ("detected", "options", "message"),
    [
        ([1.0], {"tolerance": -1}, "tolerance must be at least 0"),
        ([np.nan], {"tolerance": 1}, "1 times in detected are unknown"),
        (pd.DataFrame({"time": [1.0]}), {"tolerance": 1}, "detected has no column 'onset'"),
    ],
)
def test_refusals(detected, options, message):
    with pytest.raises(ValueError, match=message):
        match_events(detected, [1.0], **options)


def spans(*pairs):
    return pd.DataFrame(pairs, columns=["onset", "end"], dtype=float)


def test_overlap_is_shared_time_over_all_time():
    pairs = match_events(spans((0, 10)), spans((5, 15)), min_overlap=0.3)
    assert pairs["overlap"].tolist() == [pytest.approx(1 / 3)]
    assert pairs["difference"].tolist() == [-5]
    assert len(match_events(spans((0, 10)), spans((5, 15)), min_overlap=0.34)) == 0
    assert len(match_events(spans((0, 10)), spans((5, 15)), min_overlap=0.3, tolerance=4)) == 0
    assert len(match_events(spans((0, 10)), spans((5, 15)), min_overlap=0.3, tolerance=5)) == 1
    assert len(match_events(spans((0, 10)), spans((10, 15)), min_overlap=0)) == 1
    assert len(match_events(spans((0, 10)), spans((10.1, 15)), min_overlap=0)) == 0
    assert match_events(spans((3, 3)), spans((3, 3)), min_overlap=1)["overlap"].tolist() == [1]


@quick
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=12),
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=12),
    st.sampled_from([0.0, 0.2, 0.5, 1.0]),
)
def test_overlapping_pairs_are_one_to_one_and_as_many_as_possible(a, b, least):
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    a, b = (spans(*[(t, t + length) for t, length in x]) for x in (a, b))
    pairs = match_events(a, b, min_overlap=least)
    assert pairs["detected"].is_unique and pairs["known"].is_unique
    if a.empty or b.empty:
        assert pairs.empty
        return
    first = np.maximum.outer(a["onset"].to_numpy(), b["onset"].to_numpy())
    last = np.minimum.outer(a["end"].to_numpy(), b["end"].to_numpy())
    union = np.add.outer((a["end"] - a["onset"]).to_numpy(), (b["end"] - b["onset"]).to_numpy())
    union = union - (last - first)
    share = np.where(union > 0, (last - first) / np.where(union > 0, union, 1), 1)
    most = (maximum_bipartite_matching(csr_array((share >= least - 1e-9).astype(int))) >= 0).sum()
    assert len(pairs) == most
    np.testing.assert_allclose(pairs["overlap"], share[pairs["detected"], pairs["known"]])


def test_scores_with_overlap_and_datetimes():
    known = table([100, 300], ["rockfall", "rockfall"])
    known["end"] = known["onset"] + pd.Timedelta(seconds=20)
    found = table([102, 306, 500], ["rockfall", "earthquake", "rockfall"])
    found["end"] = found["onset"] + pd.Timedelta(seconds=20)
    scores = detection_scores(found, known, min_overlap=0.5, duration=86400)
    assert scores.loc["rockfall", ["matched", "false_per_day"]].tolist() == [1, 1]
    assert scores.loc["all", "matched"] == 1
    any_class = detection_scores(found, known, min_overlap=0.5, same_class=False)
    assert any_class.loc["all", "matched"] == 2
    assert (
        detection_scores(found, known, min_overlap=0.6, same_class=False).loc["all", "matched"]
        == 1
    )


def test_conditions_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="give tolerance"):
        match_events([1.0], [1.0])
    with pytest.raises(ValueError, match="between 0 and 1"):
        match_events(spans((0, 1)), spans((0, 1)), min_overlap=2)
    with pytest.raises(ValueError, match="no column 'end'"):
        match_events([1.0], spans((0, 1)), min_overlap=0.5)
    with pytest.raises(ValueError, match="before their onset"):
        match_events(spans((1, 0)), spans((0, 1)), min_overlap=0.5)
