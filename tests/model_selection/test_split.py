"""What every splitter promises, on catalogues drawn at random."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GridSearchCV, cross_validate

from seisclf.model_selection import (
    CalendarKFold,
    EventKFold,
    ForwardInTimeSplit,
    LeaveOneSiteOut,
    LeaveOneStationOut,
    check_leakage,
)

quick = settings(max_examples=25, deadline=None)


@st.composite
def catalogues(draw, min_events=8):
    """Metadata with events at several stations, some windows overlapping."""
    n_events = draw(st.integers(min_events, 40))
    seed = draw(st.integers(0, 2**20))
    rng = np.random.default_rng(seed)
    n_rows = rng.integers(1, 4, n_events)
    event = np.repeat(np.arange(n_events), n_rows)
    begin = np.repeat(rng.uniform(0, 100 * 86400, n_events), n_rows)
    # Half of the events begin soon after another, so that windows of one station overlap.
    begin[event % 2 == 1] = begin[np.maximum(np.flatnonzero(event % 2 == 1) - 1, 0)] + 10
    start = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(begin, unit="s")
    metadata = pd.DataFrame(
        {
            "event_id": [f"e{i}" for i in event],
            "station": rng.choice(["XX.A", "XX.B", "XX.C"], len(event)),
            "start_time": start,
            "end_time": start + pd.Timedelta("30s"),
        }
    )
    metadata["site"] = np.where(metadata["station"] == "XX.A", "slope", "valley")
    order = rng.permutation(len(metadata))
    y = rng.choice(["earthquake", "rockfall"], n_events)[event]
    return metadata.iloc[order].reset_index(drop=True), y[order]


def folds_of(cv, metadata, y=None):
    return list(cv.split(np.zeros((len(metadata), 2)), y, metadata))


def test_sets(splits, n):
    return np.sort(np.concatenate([test for _, test in splits])), np.arange(n)


test_sets.__test__ = False


@quick
@given(catalogues(), st.booleans(), st.booleans())
def test_event_folds_partition_rows_and_share_nothing(drawn, stratified, shuffle):
    metadata, y = drawn
    cv = EventKFold(3, stratified=stratified, shuffle=shuffle, random_state=0)
    splits = folds_of(cv, metadata, y)
    np.testing.assert_array_equal(*test_sets(splits, len(y)))
    for train, test in splits:
        assert len(np.intersect1d(train, test)) == 0
        assert len(train) + len(test) == len(y)
        assert len(test)
    check_leakage(splits, metadata)


@quick
@given(catalogues(), st.sampled_from(["day", "week", "month"]))
def test_calendar_folds_keep_units_together(drawn, by):
    metadata, y = drawn
    cv = CalendarKFold(2, by=by)
    units = cv.units(metadata)
    if len(np.unique(units)) < 2:
        return
    splits = folds_of(cv, metadata, y)
    np.testing.assert_array_equal(*test_sets(splits, len(y)))
    for train, test in splits:
        assert not set(units[train]) & set(units[test])
    check_leakage(splits, metadata)


@quick
@given(catalogues(), st.sampled_from([LeaveOneStationOut, LeaveOneSiteOut]))
def test_leave_one_out_purges_shared_events_and_nothing_else(drawn, splitter):
    metadata, _ = drawn
    column = splitter()._column
    labels = metadata[column].to_numpy()
    if len(set(labels)) < 2:
        return
    events = metadata["event_id"].to_numpy()
    splits = folds_of(splitter(), metadata)
    assert len(splits) == len(set(labels)) == splitter().get_n_splits(groups=metadata)
    for (train, test), label in zip(splits, sorted(set(labels))):
        assert set(labels[test]) == {label}
        others = np.flatnonzero(labels != label)
        expected = [i for i in others if events[i] not in set(events[test])]
        np.testing.assert_array_equal(train, expected)


@quick
@given(catalogues(min_events=12), st.floats(0, 5), st.integers(1, 3))
def test_forward_split_trains_on_the_past_before_the_gap(drawn, gap_days, n_splits):
    metadata, _ = drawn
    cv = ForwardInTimeSplit(n_splits, gap=gap_days * 86400)
    splits = folds_of(cv, metadata)
    assert len(splits) == n_splits
    tested = np.concatenate([test for _, test in splits])
    assert len(np.unique(tested)) == len(tested)
    for train, test in splits:
        if len(train):
            last = metadata["end_time"].iloc[train].max()
            first = metadata["start_time"].iloc[test].min()
            # Times are kept to the nanosecond, the gap as given to the microsecond.
            assert (first - last).total_seconds() >= gap_days * 86400 - 1e-5
    check_leakage(splits, metadata)


def test_forward_split_forgets_what_is_older_than_max_train():
    times = pd.date_range("2024-01-01", periods=40, freq="D", tz="UTC")
    for train, test in ForwardInTimeSplit(3, max_train="5D").split(np.zeros(40), groups=times):
        assert len(train) == 5
        assert train[0] == test[0] - 5


def test_stratified_event_folds_balance_a_rare_class():
    events = np.arange(103)
    y = np.array(["common"] * 98 + ["rare"] * 5)
    for _, test in EventKFold(5).split(np.zeros((103, 1)), y, events):
        assert (y[test] == "rare").sum() == 1
        assert len(test) in (20, 21)


def test_shuffling_follows_its_seed():
    events, y = np.arange(40), np.array(["a", "b"] * 20)

    def tested(seed):
        cv = EventKFold(4, shuffle=True, random_state=seed)
        return [test.tolist() for _, test in cv.split(np.zeros((40, 1)), y, events)]

    assert tested(1) == tested(1)
    assert tested(1) != tested(2)


def test_windows_of_one_record_make_one_block():
    """Sliding windows overlap in a chain: by event they cannot be split at all."""
    start = pd.date_range("2024-01-01", periods=20, freq="10s", tz="UTC")
    metadata = pd.DataFrame(
        {
            "event_id": np.arange(20).astype(str),
            "station": "XX.A",
            "start_time": start,
            "end_time": start + pd.Timedelta("20s"),
        }
    )
    with pytest.raises(ValueError, match="rows make 1.*ForwardInTimeSplit"):
        folds_of(EventKFold(2), metadata)
    train, test = folds_of(ForwardInTimeSplit(1), metadata)[0]
    assert train.tolist() == list(range(9)) and test.tolist() == list(range(10, 20))


def test_an_event_across_midnight_belongs_to_the_month_it_begins_in():
    times = ["2024-01-31T23:59:59", "2024-02-01T00:00:01", "2024-02-10"]
    metadata = pd.DataFrame({"event_id": ["a", "a", "b"], "start_time": times})
    assert CalendarKFold().units(metadata).tolist() == ["2024-01", "2024-01", "2024-02"]


@pytest.mark.parametrize(
    "times",
    [
        pd.to_datetime(["2024-01-05", "2024-02-05"]),
        ["2024-01-05T00:00:00Z", "2024-02-05T00:00:00+00:00"],
        [1704412800.0, 1707091200.0],
        np.array(["2024-01-05", "2024-02-05"], dtype="datetime64[s]"),
    ],
    ids=["pandas", "text", "seconds", "numpy"],
)
def test_calendar_folds_understand_times(times):
    assert CalendarKFold(2).units(times).tolist() == ["2024-01", "2024-02"]


def test_calendar_folds_understand_obspy_times():
    obspy = pytest.importorskip("obspy")
    times = [obspy.UTCDateTime(2024, 1, 5), obspy.UTCDateTime(2024, 2, 5)]
    assert CalendarKFold(2).units(times).tolist() == ["2024-01", "2024-02"]


@pytest.mark.parametrize(
    ("cv", "groups", "message"),
    [
        (EventKFold(2), None, "EventKFold needs groups"),
        (EventKFold(5), ["a", "a", "b", "b"], "5 folds need at least 5 events"),
        (EventKFold(1), ["a", "a", "b", "b"], "n_splits must be an integer of at least 2"),
        (EventKFold(2), ["a", "b"], "groups have 2 rows and X has 4"),
        (CalendarKFold(by="decade"), ["2024-01-01"] * 4, "by must be one of"),
        (CalendarKFold(), ["2024-01-01"] * 4, "5 folds need at least 5 months.*make 1"),
        (CalendarKFold(), ["yesterday"] * 4, "must be times"),
        (CalendarKFold(2), ["2024-01-01", None, None, "2024-02-01"], "2 rows have no start_time"),
        (LeaveOneStationOut(), ["A", "A", "B", "B"], "needs their event_id"),
        (LeaveOneSiteOut(purge=()), ["A"] * 4, "at least two sites"),
        (LeaveOneSiteOut(purge=("time",)), ["A", "B"] * 2, "purge may name"),
        (ForwardInTimeSplit(2, gap="soon"), ["2024-01-01"] * 4, "gap must be seconds"),
        (ForwardInTimeSplit(2), ["2024-01-01"] * 4, "different times"),
        (LeaveOneStationOut(), pd.DataFrame({"event_id": list("abcd")}), "column 'station'"),
    ],
)
def test_refusals_name_what_is_wrong(cv, groups, message):
    with pytest.raises(ValueError, match=message):
        list(cv.split(np.zeros((4, 2)), None, groups))


def test_splitters_work_in_scikit_learn(catalogue):
    X, y, metadata = catalogue
    for cv in (EventKFold(3), CalendarKFold(3), LeaveOneSiteOut(), ForwardInTimeSplit(3)):
        scores = cross_validate(DummyClassifier(), X, y, cv=cv, groups=metadata)
        assert len(scores["test_score"]) == cv.get_n_splits(X, y, metadata)
        search = GridSearchCV(DummyClassifier(), {"strategy": ["prior", "uniform"]}, cv=cv)
        assert search.fit(X, y, groups=metadata).best_params_


def test_repr_shows_what_differs_from_the_defaults():
    assert repr(EventKFold()) == "EventKFold()"
    assert repr(CalendarKFold(4, by="week")) == "CalendarKFold(n_splits=4, by='week')"
