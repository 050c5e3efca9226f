"""The confusion matrix of a catalogue, counted by hand and laid out as the paper's."""

import numpy as np
import pandas as pd
import pytest

from seisclf.detection import Detections, ProbabilityFunctions
from seisclf.metrics import catalogue_confusion_matrix, detection_scores

CLASSES = ["quake", "earthquake", "rockfall", "noise"]
# Tables 2 and 3 of the paper: rows expert, columns model.
TABLE_2 = np.array([[26, 2, 8, 2], [0, 15, 1, 1], [2, 0, 73, 0], [95, 11, 37, 546]])


def table(rows):
    return pd.DataFrame(rows, columns=["onset", "class"])


def test_by_hand():
    known = table([(10, "quake"), (20, "quake"), (30, "rockfall"), (40, "earthquake")])
    found = table([(11, "quake"), (29, "quake"), (41, "earthquake"), (90, "rockfall")])
    matrix = catalogue_confusion_matrix(found, known, tolerance=2, classes=CLASSES)
    expected = [
        # quake, earthquake, rockfall, noise, all
        [1, 0, 0, 1, 2],  # one found, one missed
        [0, 1, 0, 0, 1],
        [1, 0, 0, 0, 1],  # taken for a quake
        [0, 0, 1, 0, 1],  # a rockfall that was none
        [2, 1, 1, 1, 5],
    ]
    assert matrix.to_numpy().tolist() == expected
    assert matrix.index.tolist() == matrix.columns.tolist() == [*CLASSES, "all"]
    assert (matrix.index.name, matrix.columns.name) == ("true", "predicted")


def test_the_papers_table_2():
    """A catalogue and detections that stand for its counts give its counts and its recall."""
    known, found, onset = [], [], 0.0
    for i, true in enumerate(CLASSES):
        for j, predicted in enumerate(CLASSES):
            for _ in range(TABLE_2[i, j]):
                onset += 60.0
                known.append((onset, true))
                if predicted != "noise":
                    found.append((onset + 1.5, predicted))
    rng = np.random.default_rng(0)
    found = table(found).iloc[rng.permutation(len(found))]
    matrix = catalogue_confusion_matrix(
        found, table(known), tolerance=5, classes=CLASSES, recall=True
    )
    np.testing.assert_array_equal(matrix.loc[CLASSES, CLASSES], TABLE_2)
    np.testing.assert_allclose(matrix["recall"][:4], [0.684, 0.882, 0.973, 0.792], atol=5e-4)
    precision = np.diag(matrix.loc[CLASSES, CLASSES]) / matrix.loc["all", CLASSES].astype(float)
    np.testing.assert_allclose(precision, [0.21, 0.54, 0.61, 0.99], atol=5.1e-3)


def test_a_pair_is_one_to_one():
    known = table([(10, "quake")])
    found = table([(9, "quake"), (10.5, "quake"), (12, "rockfall")])
    matrix = catalogue_confusion_matrix(found, known, tolerance=5)
    assert matrix.loc["quake", "quake"] == 1
    assert matrix.loc["noise"].tolist() == [1, 1, 0, 2]


def test_a_stretch_of_noise_takes_no_detection_away_from_an_event():
    known = table([(10.0, "noise"), (12.0, "quake")])
    found = table([(10.0, "quake")])
    matrix = catalogue_confusion_matrix(found, known, tolerance=5)
    assert matrix.loc["quake", "quake"] == 1
    assert matrix.loc["noise", "noise"] == 1


def test_detections_of_noise_are_none():
    known = table([(10.0, "noise"), (50.0, "quake")])
    found = table([(10.0, "noise"), (50.0, "noise")])
    matrix = catalogue_confusion_matrix(found, known, tolerance=5)
    assert matrix.loc["noise", "noise"] == matrix.loc["quake", "noise"] == 1
    assert matrix.loc["all", "all"] == 2


def test_sums_agree_with_detection_scores():
    rng = np.random.default_rng(0)
    known = table(list(zip(np.sort(rng.uniform(0, 1000, 40)), rng.choice(CLASSES[:3], 40))))
    found = table(list(zip(np.sort(rng.uniform(0, 1000, 60)), rng.choice(CLASSES[:3], 60))))
    matrix = catalogue_confusion_matrix(found, known, tolerance=8)
    scores = detection_scores(found, known, tolerance=8, same_class=False).loc["all"]
    events = matrix.drop(index=["noise", "all"], columns=["noise", "all"])
    assert events.to_numpy().sum() == scores["matched"]
    assert matrix.loc["noise", "all"] == 60 - scores["matched"]
    assert matrix.loc["all", "noise"] == 40 - scores["matched"]
    for name in CLASSES[:3]:
        assert matrix.loc[name, "all"] == (known["class"] == name).sum()
        assert matrix.loc["all", name] == (found["class"] == name).sum()


def test_nothing_found_and_nothing_known():
    known, none = table([(10.0, "quake")]), table([]).astype({"onset": float})
    missed = catalogue_confusion_matrix(none, known, tolerance=5, recall=True)
    assert missed.loc["quake", "noise"] == 1 and missed.loc["quake", "recall"] == 0
    invented = catalogue_confusion_matrix(known, none, tolerance=5, recall=True)
    assert invented.loc["noise", "quake"] == 1
    assert np.isnan(invented.loc["quake", "recall"])


def test_takes_detections_times_overlaps_and_other_names():
    onset = pd.Timestamp("2020-03-28T13:05:00Z")
    frame = pd.DataFrame(
        {
            "class": ["rockfall"], "onset": [onset], "end": [onset + pd.Timedelta(20, "s")],
            "probability": 0.9, "event_probability": 0.9, "stations": "A", "coverage": 1.0,
        }
    )  # fmt: skip
    found = Detections(frame, ProbabilityFunctions())
    known = pd.DataFrame(
        {"what": ["rockfall"], "begin": [onset], "until": [onset + pd.Timedelta(30, "s")]}
    )
    names = {"begin": "onset", "until": "end", "what": "class"}
    known = known.rename(columns=names)
    assert catalogue_confusion_matrix(found, known, min_overlap=0.6).iloc[0, 0] == 1
    assert catalogue_confusion_matrix(found, known, min_overlap=0.7).iloc[0, 0] == 0
    theirs = {"onset": "begin", "end": "until", "label": "what"}
    renamed = known.rename(columns={v: k for k, v in names.items()})
    again = frame.rename(columns={v: k for k, v in names.items()})
    assert catalogue_confusion_matrix(again, renamed, tolerance=1, **theirs).iloc[0, 0] == 1


@pytest.mark.parametrize(
    ("found", "options", "message"),
    [
        ([10.0, 20.0], {"tolerance": 1}, "detections must be a table"),
        (table([(1.0, None)]), {"tolerance": 1}, "1 events in detections have no class"),
        (table([(1.0, "wind")]), {"tolerance": 1, "classes": CLASSES}, "lacks wind"),
        (table([(1.0, "quake")]), {}, "give tolerance"),
    ],
)
def test_what_cannot_be_counted_is_refused(found, options, message):
    with pytest.raises(ValueError, match=message):
        catalogue_confusion_matrix(found, table([(1.0, "quake")]), **options)
