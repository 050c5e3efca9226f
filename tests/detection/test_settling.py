"""A record that is divided at a cut gives the events of the whole."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import FunctionTransformer

from seisclf.detection import (
    EventDetector,
    FunctionsOverTime,
    GaussianSmoother,
    MedianFilter,
    PeakSelector,
    ProbabilityFunction,
    ProbabilityFunctions,
    StationFunctions,
    stft_cnn_postprocessing,
)
from seisclf.detection._settling import cut_frames, cut_reach, part_of

from .stubs import NetworkStub, StationStub

START = pd.Timestamp("2021-03-04T05:06:07.123456Z")
CLASSES = np.array(["noise", "quake", "rockfall"])
LEVELS = [0.0, 0.0, 0.0, 0.2, 0.6, 0.9]


class Classes:
    classes_ = CLASSES

    def predict_proba(self, X):
        raise AssertionError("nothing is predicted")


def detector(**options):
    return EventDetector(
        Classes(), window=6.0, step=1.0, sampling_rate=20.0, components="Z", **options
    )


def walk(rng, n, levels, *, stay):
    """Levels that last for a while."""
    values = rng.choice(levels, n)
    keep = rng.random(n) < stay
    first = np.where(keep, 0, np.arange(n))
    return values[np.maximum.accumulate(first)]


def probability_function(seed, n=160, stay=0.6):
    rng = np.random.default_rng(seed)
    quake, rockfall = walk(rng, n, LEVELS, stay=stay), walk(rng, n, LEVELS, stay=stay)
    values = np.column_stack([quake, rockfall])
    values /= np.maximum(values.sum(axis=1, keepdims=True), 1)
    values = np.column_stack([1 - values.sum(axis=1), values])
    quiet = walk(rng, n, [True, True, False], stay=0.9)
    values[quiet] = [1.0, 0.0, 0.0]
    coverage = np.where(walk(rng, n, [0] * 1 + [1] * 12, stay=0.7), 1.0, 0.0)
    values[coverage == 0] = np.nan
    energy = rng.choice([1.0, 1.0, 2.0, 30.0], n * 20)
    energy[np.repeat(coverage == 0, 20)] = np.nan
    return ProbabilityFunction(
        station="XX.A",
        start_time=START,
        end_time=START + pd.Timedelta(seconds=n),
        step=1.0,
        classes=CLASSES,
        probabilities=values,
        coverage=coverage,
        n_windows=1,
        n_empty=0,
        energy=energy,
        energy_step=0.05,
    )


def wrapped(function):
    if isinstance(function, FunctionsOverTime):
        return function
    return ProbabilityFunctions([function])


def assert_cuts_change_nothing(function, detector, most=4):
    whole = detector.pick(wrapped(function))
    cuts = np.flatnonzero(cut_frames(function, detector))
    for cut in cuts[1:-1][:: max(1, len(cuts) // most)]:
        parts = [part_of(function, 0, cut), part_of(function, cut, cuts[-1])]
        found = [detector.pick(wrapped(part)) for part in parts]
        assert sum(map(len, found)) == len(whole), cut
        if len(whole):
            table = pd.concat([p.to_frame() for p in found if len(p)], ignore_index=True)
            table = table.sort_values(["onset", "stations"], ignore_index=True, kind="stable")
            pd.testing.assert_frame_equal(table, whole.to_frame(), rtol=0, atol=1e-9)
        picks = [p.picks.drop(columns="detection") for p in found if len(p.picks)]
        if picks or len(whole.picks):
            pd.testing.assert_frame_equal(
                pd.concat(picks, ignore_index=True),
                whole.picks.drop(columns="detection"),
            )
    return whole, cuts


OPTIONS = [
    {},
    {"refine": False, "merge_gap": 3.0, "min_duration": 2.0},
    {"pick_by": "class", "merge_gap": 2.0, "min_duration": 3.0},
    {"threshold": {"quake": 0.2, "rockfall": 0.3}, "refine": False, "min_duration": 2.0},
    {"postprocessing": stft_cnn_postprocessing()},
    {"postprocessing": stft_cnn_postprocessing("code"), "refine": False},
    {"postprocessing": MedianFilter(size=3), "threshold": 0.3},
    {"postprocessing": GaussianSmoother(length=5, std=1.0), "threshold": 0.2},
    {"postprocessing": PeakSelector(min_height=0.1)},
]


@pytest.mark.parametrize("options", OPTIONS)
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), stay=st.sampled_from([0.2, 0.6, 0.85]))
def test_events_of_both_parts_are_those_of_the_whole(options, seed, stay):
    assert_cuts_change_nothing(probability_function(seed, stay=stay), detector(**options))


def test_there_are_events_and_cuts_between_them():
    for options in OPTIONS:
        whole, cuts = assert_cuts_change_nothing(
            probability_function(5, n=2000), detector(**options), most=3
        )
        assert len(whole) > 10
        assert len(cuts) > 20


@pytest.mark.parametrize("options", OPTIONS)
def test_cuts_are_told_from_what_lies_around_them(options):
    function, own = probability_function(11, n=1000), detector(**options)
    reach = cut_reach(own)
    for alone in (True, False):
        whole = cut_frames(function, own, alone=alone)
        first, last = 300, 700
        part = cut_frames(part_of(function, first, last), own, alone=alone)
        inside = slice(reach, last - first + 1 - reach)
        np.testing.assert_array_equal(part[inside], whole[first : last + 1][inside])


def test_a_step_that_does_not_say_how_far_it_looks_is_refused():
    own = detector(postprocessing=FunctionTransformer())
    with pytest.raises(ValueError, match="FunctionTransformer an attribute reach_frames"):
        cut_frames(probability_function(0), own)


def station_functions(rng, n, station, stay):
    functions = {
        name: walk(rng, n, LEVELS, stay=stay).astype(np.float32)
        for name in ("P", "S", "earthquake", "rockfall")
    }
    quiet = walk(rng, n, [True, True, False], stay=0.985)
    for name in ("earthquake", "rockfall"):
        functions[name][quiet] = 0.1
    coverage = walk(rng, n, [0] + [1] * 20, stay=0.9).astype(bool)
    for values in functions.values():
        values[~coverage] = np.nan
    persistent = {
        name: np.nan_to_num(functions[name]) * rng.choice([0.5, 1.0]).astype(np.float32)
        for name in ("earthquake", "rockfall")
    }
    return StationFunctions(
        station=station, start_time=START, sampling_rate=20.0, functions=functions,
        coverage=coverage, n_windows=1, n_empty=0, persistent=persistent,
    )  # fmt: skip


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    stay=st.sampled_from([0.9, 0.97]),
    persistence=st.sampled_from([None, 2]),
)
def test_masks_of_one_station(seed, stay, persistence):
    function = station_functions(np.random.default_rng(seed), 3000, "XX.A", stay)
    functions = FunctionsOverTime(
        [function], classes=["earthquake", "rockfall"], persistence=persistence or 1
    )
    own = EventDetector(StationStub(), persistence=persistence)
    assert_cuts_change_nothing(functions, own, most=4)


def network_functions(seed, n, stay, peaks):
    rng = np.random.default_rng(seed)
    stations = [station_functions(rng, n, f"XX.{code}", stay) for code in "AB"]
    occurrence = {}
    for label in ("earthquake", "rockfall"):
        values = np.zeros(n, np.float32)
        for at in rng.integers(10, n - 10, peaks):
            values[at : at + rng.integers(1, 6)] = rng.choice([0.6, 0.8, 0.8, 1.0])
        occurrence[f"occurrence_{label}"] = values
    network = StationFunctions(
        station="", start_time=START, sampling_rate=20.0, functions=occurrence,
        coverage=np.ones(n, bool), n_windows=1, n_empty=0, persistent=occurrence,
    )  # fmt: skip
    return FunctionsOverTime(stations, classes=["earthquake", "rockfall"], network=network)


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    peaks=st.integers(0, 30),
    lead=st.sampled_from([0.0, 0.5, 2.0]),
    min_distance=st.sampled_from([0.0, 3.0, 8.0]),
)
def test_occurrences_of_a_network(seed, peaks, lead, min_distance):
    own = EventDetector(NetworkStub(2), lead=lead, min_distance=min_distance)
    assert_cuts_change_nothing(network_functions(seed, 4000, 0.97, peaks), own, most=4)


def test_a_network_has_cuts_that_are_told_from_around():
    own = EventDetector(NetworkStub(2))
    functions = network_functions(3, 20000, 0.97, 30)
    whole, cuts = assert_cuts_change_nothing(functions, own, most=5)
    assert len(whole) > 10
    assert len(cuts) > 100
    reach = cut_reach(own)
    part = cut_frames(part_of(functions, 5000, 9000), own)
    inside = slice(reach, 4001 - reach)
    np.testing.assert_array_equal(part[inside], cut_frames(functions, own)[5000:9001][inside])


def test_stations_of_unlike_length_are_not_divided_together():
    rng = np.random.default_rng(0)
    each = [station_functions(rng, n, f"XX.{n}", 0.9) for n in (100, 120)]
    functions = FunctionsOverTime(each, classes=["earthquake", "rockfall"])
    with pytest.raises(ValueError, match="begin and end together"):
        cut_frames(functions, EventDetector(StationStub()))
