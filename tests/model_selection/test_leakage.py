"""The guard finds planted leaks, names them, and passes clean folds."""

import time

import numpy as np
import pandas as pd
import pytest

from seisclf.model_selection import LeakageError, check_leakage


def frame(event, station, start, length=30.0):
    begin = pd.Timestamp("2024-05-01", tz="UTC") + pd.to_timedelta(start, unit="s")
    return pd.DataFrame(
        {
            "event_id": event,
            "station": station,
            "start_time": begin,
            "end_time": begin + pd.to_timedelta(length, unit="s"),
        }
    )


def test_a_shared_event_is_named_with_its_rows_and_its_mend():
    metadata = frame(["q7", "q8", "q7"], ["XX.A", "XX.A", "XX.B"], [0.0, 100.0, 1.0])
    with pytest.raises(LeakageError, match=r"event 'q7' in training row 2 and tested row 0"):
        check_leakage([([1, 2], [0])], metadata)
    with pytest.raises(ValueError, match="EventKFold"):
        check_leakage([([1, 2], [0])], metadata)
    assert check_leakage([([1], [0, 2])], metadata) == []


def test_overlap_counts_at_one_station_only():
    same = frame(["a", "b"], ["XX.A", "XX.A"], [0.0, 29.0])
    with pytest.raises(LeakageError, match="training row 1 .*tested row 0 .*'XX.A'"):
        check_leakage([([1], [0])], same)
    check_leakage([([1], [0])], frame(["a", "b"], ["XX.A", "XX.B"], [0.0, 29.0]))
    check_leakage([([1], [0])], frame(["a", "b"], ["XX.A", "XX.A"], [0.0, 30.0]))


def test_without_stations_all_rows_count_as_one_recorder():
    metadata = frame(["a", "b"], ["XX.A", "XX.B"], [0.0, 29.0]).drop(columns="station")
    with pytest.raises(LeakageError, match="overlap"):
        check_leakage([([1], [0])], metadata)


def test_a_short_window_inside_a_long_one_is_found():
    metadata = frame(
        ["long", "short", "other"], "XX.A", [0.0, 500.0, 200.0], length=[1000.0, 1.0, 1.0]
    )
    with pytest.raises(LeakageError, match="training row 0"):
        check_leakage([([0], [1, 2])], metadata)
    with pytest.raises(LeakageError):
        check_leakage([([1], [0, 2])], metadata)


@pytest.mark.parametrize("seed", range(5))
def test_overlaps_agree_with_all_pairs_compared(seed):
    from seisclf.model_selection._rows import overlaps, read_rows

    rng = np.random.default_rng(seed)
    n = 80
    start, length = rng.uniform(0, 2000, n).round(), rng.uniform(1, 60, n).round()
    station = rng.choice(["A", "B"], n)
    metadata = frame(np.arange(n).astype(str), station, start, length)
    part = rng.random(n) < 0.5
    train, test = np.flatnonzero(part), np.flatnonzero(~part)
    expected = [
        any(
            station[i] == station[j]
            and start[i] < start[j] + length[j]
            and start[j] < start[i] + length[i]
            for j in test
        )
        for i in train
    ]
    np.testing.assert_array_equal(overlaps(read_rows(metadata), train, test), expected)
    assert any(expected) and not all(expected)


def test_leaks_pass_only_by_name():
    metadata = frame(["q7", "q7"], ["XX.A", "XX.A"], [0.0, 10.0])
    splits = [([1], [0])]
    with pytest.raises(LeakageError, match="overlap"):
        check_leakage(splits, metadata, allow_leakage=("event",))
    notes = check_leakage(splits, metadata, allow_leakage=("event", "overlap"))
    assert notes == [
        "fold 0: 1 training rows leak by event, as allowed",
        "fold 0: 1 training rows leak by overlap, as allowed",
    ]
    with pytest.raises(ValueError, match="allow_leakage may name"):
        check_leakage(splits, metadata, allow_leakage=("everything",))


def test_what_cannot_be_checked_is_said():
    metadata = frame(["a", "b"], "XX.A", [0.0, 10.0])
    notes = check_leakage([([1], [0])], metadata.drop(columns="end_time"))
    assert "no end_time" in notes[0]
    metadata.loc[1, "start_time"] = pd.NaT
    notes = check_leakage([([1], [0])], metadata)
    assert "1 rows have no start_time or end_time" in notes[0]
    metadata["event_id"] = None
    assert check_leakage([([1], [0])], metadata)  # unnamed events are not one event


def test_times_in_the_wrong_order_are_refused():
    metadata = frame(["a", "b"], "XX.A", [0.0, 100.0], length=[10.0, -5.0])
    with pytest.raises(ValueError, match="before metadata..start_time.. in 1 rows.*row 1"):
        check_leakage([([1], [0])], metadata)


def test_a_hundred_thousand_rows_take_no_time():
    rng = np.random.default_rng(0)
    n = 100_000
    start = np.arange(n) * 40.0
    metadata = frame(np.arange(n), rng.choice(["A", "B", "C"], n), start)
    fold = rng.integers(0, 5, n)
    splits = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(5)]
    started = time.perf_counter()
    check_leakage(splits, metadata)
    assert time.perf_counter() - started < 8  # about one second on an idle core
