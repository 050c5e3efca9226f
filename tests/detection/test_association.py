"""Detections of stations become events, and parts of a scan one catalogue."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from seisclf.detection import Detections, EventDetector, merge_detections

from .test_detector import Loudness, record, with_gap

START = pd.Timestamp("2020-03-28T12:00:00Z")
PLACES = {"XX.A": (46.0, 8.0), "XX.B": (46.2, 8.1), "XX.C": (45.9, 8.4), "YY.D": (46.1, 7.8)}
KM = 111.195


def table_of(rows):
    """Detections of (station, seconds[, class[, probability[, duration]]])."""
    full = [(*row, *("quake", 0.9, 2.0)[len(row) - 2 :]) for row in rows]
    table = pd.DataFrame(full, columns=["stations", "seconds", "class", "probability", "duration"])
    onset = START + pd.to_timedelta(table.pop("seconds"), unit="s")
    table["onset"] = pd.DatetimeIndex(onset).as_unit("ns")
    table["end"] = table["onset"] + pd.to_timedelta(table.pop("duration"), unit="s")
    table["event_probability"] = table["probability"]
    table["coverage"] = 1.0
    table["p_quake"] = table["probability"] / 2
    return table


def distance(place, source):
    """Kilometres on a plane, good to a per mille at this size."""
    (a, b), (c, d) = place, source
    return KM * np.hypot(a - c, (b - d) * np.cos(np.radians((a + c) / 2)))


def arrivals(source, velocity, at=0.0, stations=PLACES):
    return [(code, at + distance(place, source) / velocity) for code, place in stations.items()]


_source = st.tuples(st.floats(45.0, 47.0), st.floats(7.0, 9.0))


@settings(max_examples=12, deadline=None)
@given(source=_source, velocity=st.floats(1.5, 6.0), seed=st.integers(0, 99))
def test_an_event_with_true_travel_times_is_joined_and_another_one_is_not(source, velocity, seed):
    rows = arrivals(source, velocity) + arrivals(source, velocity, at=120.0)
    rows = [rows[i] for i in np.random.default_rng(seed).permutation(len(rows))]
    events = Detections(table_of(rows)).associate(
        stations=PLACES, velocity=velocity, onset_error=0.1
    )
    frame = events.to_frame()
    assert [len(names.split()) for names in frame["stations"]] == [4, 4]
    seconds = (frame["onset"] - START).dt.total_seconds()
    first = min(t for _, t in arrivals(source, velocity))
    np.testing.assert_allclose(seconds, [first, first + 120], atol=1e-6)


_rows = st.lists(
    st.tuples(
        st.sampled_from(sorted(PLACES)),
        st.integers(0, 400).map(lambda n: n / 10),
        st.sampled_from(["quake", "slide"]),
        st.integers(1, 9).map(lambda n: n / 10),
    ),
    max_size=25,
)


@settings(max_examples=12, deadline=None)
@given(rows=_rows, seed=st.integers(0, 99), travel=st.booleans(), least=st.integers(1, 3))
def test_sets_agree_and_the_order_of_rows_does_not_matter(rows, seed, travel, least):
    how = {"stations": PLACES, "velocity": 3.0} if travel else {"max_delay": 4.0}
    table = table_of(rows)
    events = Detections(table).associate(min_stations=least, **how).to_frame()
    shuffled = table.iloc[np.random.default_rng(seed).permutation(len(table))]
    again = Detections(shuffled).associate(min_stations=least, **how).to_frame()
    assert_frame_equal(events, again)
    longest = 4.0 if not travel else distance(PLACES["YY.D"], PLACES["XX.C"]) * 1.01 / 3 + 1
    for event in events.to_dict("records"):
        names = event["stations"].split()
        assert len(names) == len(set(names)) >= least
        near = table[table["stations"].isin(names)]["onset"]
        assert ((near >= event["onset"]) & (near <= event["onset"] + pd.Timedelta(longest, "s"))
                ).sum() >= len(names)  # fmt: skip
    # Whatever is detected is in an event of its own at least.
    if least == 1 and rows:
        assert set(" ".join(events["stations"]).split()) == {row[0] for row in rows}


def test_a_detection_by_chance_does_not_break_an_event():
    source, velocity = (46.3, 8.6), 3.0
    true = arrivals(source, velocity)
    first = min(t for _, t in true)
    rows = [*true, ("YY.D", first + 1.0), ("XX.A", first - 20.0)]
    frame = Detections(table_of(rows)).associate(
        stations=PLACES, velocity=velocity, onset_error=0.2, min_stations=4
    )
    assert len(frame) == 1
    assert (frame.to_frame()["onset"][0] - START).total_seconds() == pytest.approx(first)


def test_far_stations_are_given_more_time_than_near_ones():
    near = {"XX.A": (46.0, 8.0), "XX.B": (46.009, 8.0)}
    far = {"XX.A": (46.0, 8.0), "XX.B": (46.9, 8.0)}
    detections = Detections(table_of([("XX.A", 0.0), ("XX.B", 20.0)]))
    assert len(detections.associate(stations=far, velocity=4.0)) == 1
    assert len(detections.associate(stations=near, velocity=4.0)) == 0
    assert len(detections.associate(stations=far, velocity=4.0, max_delay=10.0)) == 0


def test_class_and_probabilities_of_an_event():
    rows = [("XX.A", 0.0, "quake", 0.5), ("XX.B", 1.0, "slide", 0.9), ("XX.C", 1.5, "quake", 0.6)]
    frame = Detections(table_of(rows)).associate(max_delay=2.0).to_frame()
    assert frame["class"].tolist() == ["quake"] and frame["stations"].tolist() == [
        "XX.A XX.B XX.C"
    ]
    assert frame["probability"][0] == pytest.approx(1.1 / 3)
    assert frame["p_quake"][0] == pytest.approx(1.0 / 3)
    assert "recording" not in frame


def test_stations_in_a_gap_do_not_count_as_silent():
    stream = record(event=(1000, 1300)) + record(station="B", event=(1010, 1300), seed=3)
    stream += with_gap(record(station="C", seed=4), 900, 1500)
    detections = EventDetector(Loudness(), step=0.5).detect(stream)
    spans = detections.coverage_spans()
    assert spans["station"].tolist() == ["XX.A", "XX.B", "XX.C", "XX.C"]
    frame = detections.associate(max_delay=2.0, min_stations=0.9).to_frame()
    assert frame["recording"].tolist() == [2]
    stream = stream.select(station="A") + stream.select(station="B") + record(station="C", seed=4)
    detections = EventDetector(Loudness(), step=0.5).detect(stream)
    assert len(detections.associate(max_delay=2.0, min_stations=0.9)) == 0
    assert len(detections.associate(max_delay=2.0, min_stations=0.6)) == 1


def test_what_cannot_be_associated_says_why():
    detections = Detections(table_of([("XX.A", 0.0), ("XX.B", 1.0)]))
    for message, how in {
        "belong together": {"velocity": 3.0},
        "lacks XX.B": {"stations": {"XX.A": (46.0, 8.0)}, "velocity": 3.0},
        "velocity must": {"stations": PLACES, "velocity": 0.0},
        "onset_error": {"stations": PLACES, "velocity": 3.0, "onset_error": -1},
        "share": {"min_stations": 0.5},
        "min_stations must": {"min_stations": 0},
        "max_delay": {"max_delay": -1},
        "not on the Earth": {"stations": {"XX.A": (460.0, 8.0)}, "velocity": 3.0},
    }.items():
        with pytest.raises(ValueError, match=message):
            detections.associate(**how)
    with pytest.raises(TypeError, match="Inventory"):
        detections.associate(stations=[1], velocity=3.0)
    events = detections.associate()
    with pytest.raises(ValueError, match="single stations"):
        events.associate(stations=PLACES, velocity=3.0)


@settings(max_examples=12, deadline=None)
@given(
    rows=st.lists(st.tuples(st.sampled_from(["XX.A", "XX.B"]), st.integers(0, 50)), max_size=8),
    cuts=st.lists(st.integers(1, 60), min_size=1, max_size=3, unique=True),
    seed=st.integers(0, 9),
)
def test_days_in_any_order_make_the_catalogue_of_the_whole(rows, cuts, seed):
    rows = sorted({(code, 10.0 * n) for code, n in rows})
    whole = table_of([(*row, "quake", 0.9, 7.0) for row in rows]).sort_values(
        ["onset", "stations"]
    )
    whole = whole.reset_index(drop=True)
    edges = [-1.0, *sorted(10.0 * cut + 3.0 for cut in cuts), 1e4]
    parts = []
    for first, last in zip(edges[:-1], edges[1:], strict=True):
        first, last = START + pd.Timedelta(first, "s"), START + pd.Timedelta(last, "s")
        part = whole[(whole["onset"] < last) & (whole["end"] > first)].reset_index(drop=True)
        part["onset"], part["end"] = part["onset"].clip(lower=first), part["end"].clip(upper=last)
        picks = pd.DataFrame(
            {"detection": range(len(part)), "station": part["stations"], "phase": "P",
             "time": part["onset"], "probability": 0.5},
        )  # fmt: skip
        parts.append(Detections(part, settings={"step": 1.0}, picks=picks))
    parts = [parts[i] for i in np.random.default_rng(seed).permutation(len(parts))]
    merged = merge_detections([*parts, parts[0]])
    frame = merged.to_frame()
    assert_frame_equal(frame, whole[list(frame)], check_exact=False)
    assert merged.settings == {"step": 1.0}
    owner = frame.loc[merged.picks["detection"]].reset_index(drop=True)
    assert (merged.picks["time"] >= owner["onset"]).all()
    assert (merged.picks["time"] < owner["end"]).all()
    assert (merged.picks["station"] == owner["stations"]).all()


def test_merging_keeps_classes_and_stations_apart():
    part = Detections(table_of([("XX.A", 0.0), ("XX.A", 1.0, "slide"), ("XX.B", 1.0)]))
    late = Detections(table_of([("XX.A", 3.0)]), settings={"step": 2.0})
    assert len(merge_detections([part, late])) == 4
    joined = merge_detections([late, part], gap=1.0)
    assert len(joined) == 3 and joined.settings == {"step": [2.0, None]}
    with pytest.raises(ValueError, match="empty"):
        merge_detections([])
    with pytest.raises(TypeError, match="DataFrame"):
        merge_detections([part.to_frame()])
