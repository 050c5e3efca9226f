"""Thresholds are chosen on some days and judged on others."""

import numpy as np
import pandas as pd
import pytest

from seisclf.detection import (
    EventDetector,
    ProbabilityFunction,
    ProbabilityFunctions,
    tune_thresholds,
)

from .stubs import NetworkStub, earthquake, rockfall, station

START = pd.Timestamp("2020-03-01T00:00:00Z")
STEP, DAYS = 120.0, 10
PER_DAY = round(86400 / STEP)


class Classifier:
    """Never asked: the functions are there already."""

    classes_ = np.array(["noise", "quake", "slide"])

    def predict_proba(self, X):
        raise AssertionError("tuning must not scan again")


def detector(**parameters):
    return EventDetector(
        Classifier(), window=1200, step=STEP, sampling_rate=1.0, components="Z", refine=False,
        **parameters,
    )  # fmt: skip


def probabilities(seed=0, days=DAYS):
    """Events of heights around 0.8 (quakes) and 0.5 (slides), false alarms around 0.3 to 0.6."""
    rng = np.random.default_rng(seed)
    values, events = np.zeros((days * PER_DAY, 3)), []
    slots = rng.permutation(np.arange(30, days * PER_DAY - 30, 12))
    for i, slot in enumerate(slots[: 16 * days]):
        kind = i % 4
        label, height = (1, 0.8) if kind == 0 else (2, 0.5) if kind == 1 else (1 + kind % 2, 0.4)
        if kind == 3:
            height = 0.3
        values[slot : slot + 3, label] = np.clip(rng.normal(height, 0.1), 0.02, 0.98)
        if kind < 2:
            events.append((slot * STEP, Classifier.classes_[label]))
    values[:, 0] = 1 - values.sum(axis=1)
    catalogue = pd.DataFrame(sorted(events), columns=["onset", "class"])
    catalogue["onset"] = START + pd.to_timedelta(catalogue["onset"], unit="s")
    return values, catalogue


def functions_of(values, first=0, name="XX.A", coverage=None):
    start = START + pd.Timedelta(first * STEP, "s")
    end = start + pd.Timedelta(len(values) * STEP, "s")
    coverage = np.ones(len(values)) if coverage is None else coverage
    return ProbabilityFunctions(
        [ProbabilityFunction(name, start, end, STEP, Classifier.classes_, values, coverage, 1, 0)]
    )


@pytest.fixture(scope="module")
def tuned():
    values, catalogue = probabilities()
    return tune_thresholds(detector(), functions_of(values), catalogue, tolerance=120.0)


def test_each_class_has_its_own_threshold(tuned):
    table = tuned.table.set_index("class")
    assert tuned.thresholds["quake"] > tuned.thresholds["slide"]
    assert (table["lowest"] <= table["highest"]).all()
    assert (table["honest"] > table["as_it_was"]).all()
    # What chose and is judged is judged too well, if only by a little.
    assert (table["naive"] >= table["honest"] - 0.02).all()
    assert "quake" in repr(tuned) and "<table" in tuned._repr_html_()
    assert detector(threshold=tuned.thresholds).threshold == tuned.thresholds
    assert len(tuned.folds) == 2 * 5 and tuned.folds["blocks"].sum() == 2 * DAYS


def test_the_honest_score_is_that_of_the_days_that_had_no_say():
    values, catalogue = probabilities()
    how = {"tolerance": 120.0, "cv": 3, "grid": (0.3, 0.4, 0.5, 0.6, 0.7)}
    first = tune_thresholds(detector(), functions_of(values), catalogue, **how)
    # Another record on the days of the last fold: what was chosen for it stays.
    changed, other = values.copy(), probabilities(seed=5)[0]
    cut = 7 * PER_DAY
    changed[cut:] = other[cut:]
    catalogue = catalogue[catalogue["onset"] < START + pd.Timedelta(7, "D")]
    second = tune_thresholds(detector(), functions_of(changed), catalogue, **how)
    last = [tuning.folds[tuning.folds["fold"] == 2] for tuning in (first, second)]
    np.testing.assert_array_equal(last[0]["threshold"], last[1]["threshold"])
    np.testing.assert_array_equal(last[0]["inner"], last[1]["inner"])
    assert (last[1]["outer"] == 0).all() and (last[0]["outer"] > 0.5).all()


def test_days_in_parts_are_the_same_record():
    values, catalogue = probabilities(days=4)
    how = {"tolerance": 120.0, "cv": 4, "grid": (0.3, 0.5, 0.7)}
    whole = tune_thresholds(detector(), functions_of(values), catalogue, **how)
    days = [
        functions_of(values[day * PER_DAY : (day + 1) * PER_DAY], day * PER_DAY)
        for day in range(4)
    ]
    parts = tune_thresholds(detector(), days, catalogue, **how)
    assert parts.thresholds == whole.thresholds
    pd.testing.assert_frame_equal(parts.folds, whole.folds)


def test_events_in_gaps_have_no_say():
    values, catalogue = probabilities(days=4)
    coverage = np.ones(len(values))
    coverage[PER_DAY : 2 * PER_DAY] = 0
    values[coverage == 0] = np.nan
    tuning = tune_thresholds(
        detector(), functions_of(values, coverage=coverage), catalogue, tolerance=120.0, cv=3,
        grid=(0.3, 0.5, 0.7),
    )  # fmt: skip
    lost = catalogue["onset"].between(
        START + pd.Timedelta(1, "D"), START + pd.Timedelta(2, "D"), inclusive="left"
    )
    assert tuning.table["known"].sum() == (~lost).sum()


def test_a_limit_on_false_alarms_holds_where_it_was_chosen():
    values, catalogue = probabilities()
    how = {"tolerance": 120.0, "scoring": "recall", "cv": 2, "grid": (0.2, 0.3, 0.4, 0.5, 0.6)}
    free = tune_thresholds(detector(), functions_of(values), catalogue, **how)
    bound = tune_thresholds(
        detector(), functions_of(values), catalogue, max_false_per_day=0.5, **how
    )
    for label, threshold in bound.thresholds.items():
        assert threshold >= free.thresholds[label]
        curve = bound.curves[bound.curves["class"] == label].set_index("threshold")
        assert curve.loc[threshold, "false_per_day"] <= 0.5
    assert bound.scoring == "recall"


def test_functions_of_a_network_and_hours(tmp_path):
    stream = rockfall(earthquake(station("A", n=2400), 20.0), 70.0, 4.0)
    stream += rockfall(earthquake(station("B", n=2400, seed=1), 20.0), 70.0, 4.0)
    found = EventDetector(NetworkStub())
    functions = found.predict_functions(stream)
    start = functions.network.start_time
    catalogue = pd.DataFrame(
        {"onset": [start + pd.Timedelta(s, "s") for s in (20, 70)],
         "class": ["earthquake", "rockfall"]},
    )  # fmt: skip
    tuning = tune_thresholds(
        found, functions, catalogue, tolerance=2.0, cv=2, by=60.0, grid=(0.2, 0.5, 0.95)
    )
    # Occurrence is 0.9 high: 0.2 and 0.5 find it, 0.95 does not; the lower one of two is taken.
    assert set(tuning.thresholds.values()) == {0.2}
    axes = tuning.plot()
    axes[0].figure.savefig(tmp_path / "tuning.png")
    assert len(axes) == 2


def test_what_cannot_be_tuned_says_why():
    values, catalogue = probabilities(days=2)
    functions = functions_of(values)
    for message, how in {
        "cv=5 folds of 2 days": {},
        "grid": {"grid": (0.0, 0.5)},
        "scoring": {"scoring": "beauty"},
        "by must": {"by": "week", "cv": 2},
    }.items():
        with pytest.raises(ValueError, match=message):
            tune_thresholds(detector(), functions, catalogue, tolerance=1.0, **how)
    only = catalogue[catalogue["class"] == "quake"]
    with pytest.warns(UserWarning, match="no recorded event of slide"):
        tuning = tune_thresholds(
            detector(threshold={"slide": 0.35}), functions, only, tolerance=120.0, cv=2,
            grid=(0.4, 0.6),
        )  # fmt: skip
    assert tuning.thresholds["slide"] == 0.35
