"""Named classes and others: tables, thresholds, and the published scores of RockNet."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import f1_score, precision_score, recall_score

from seisclf.datasets import load_rocknet_scores
from seisclf.metrics import classification_table, threshold_predictions, threshold_scan

CLASSES = ["earthquake", "rockfall"]
quick = settings(max_examples=30, deadline=None)
labels = st.sampled_from(["earthquake", "rockfall", "noise", "car"])
decimals = st.integers(0, 100).map(lambda value: value / 100)
rows = st.lists(st.tuples(labels, labels, decimals, decimals), min_size=1, max_size=40)


def test_table_by_hand():
    y_true = ["earthquake"] * 4 + ["rockfall"] * 2 + ["noise", "car"]
    y_pred = ["earthquake"] * 3 + ["noise"] + ["rockfall", "car"] + ["earthquake", "noise"]
    table = classification_table(y_true, y_pred, classes=CLASSES)
    assert table.index.tolist() == ["earthquake", "rockfall", "others", "macro average"]
    assert_allclose(table["precision"], [3 / 4, 1, 1 / 3, (3 / 4 + 1 + 1 / 3) / 3])
    assert_allclose(table["recall"], [3 / 4, 1 / 2, 1 / 2, 7 / 12])
    assert_allclose(table["f1"][:3], [3 / 4, 2 / 3, 2 / 5])
    assert table["events"].tolist() == [4, 2, 2, 8]


@quick
@given(rows)
def test_macro_average_is_that_of_scikit_learn(rows):
    y_true, y_pred = ([row[i] for row in rows] for i in (0, 1))
    table = classification_table(y_true, y_pred, classes=CLASSES)
    known = [[y if y in CLASSES else "others" for y in x] for x in (y_true, y_pred)]
    for column, score in (
        ("f1", f1_score),
        ("precision", precision_score),
        ("recall", recall_score),
    ):
        expected = score(*known, average="macro", zero_division=0)
        assert table.loc["macro average", column] == pytest.approx(expected)


@quick
@given(rows, st.booleans())
def test_scan_is_the_table_at_every_threshold(rows, given_classes):
    y_true, y_pred = ([row[i] for row in rows] for i in (0, 1))
    y_pred = y_pred if given_classes else None
    p = np.array([row[2:] for row in rows])
    thresholds = np.array([0.0, 0.13, 0.29, 0.5, 0.57, 1.0])
    scan = threshold_scan(y_true, p, CLASSES, thresholds=thresholds, y_pred=y_pred)
    assert scan.table["threshold"].tolist() == thresholds.tolist()
    for threshold, line in zip(thresholds, scan.table.to_dict("records"), strict=True):
        predicted = threshold_predictions(p, CLASSES, threshold=threshold, y_pred=y_pred)
        table = classification_table(y_true, predicted, classes=CLASSES)
        assert line["macro_f1"] == pytest.approx(table.loc["macro average", "f1"])
        for name in (*CLASSES, "others"):
            for column in ("precision", "recall", "f1"):
                assert line[f"{column}_{name}"] == pytest.approx(table.loc[name, column])
    assert scan.score == scan.table["macro_f1"].max()


def test_predictions_above_thresholds():
    p = [[0.5, 0.5], [0.49, 0.3], [0.2, 0.35], [0.0, 1.0]]
    assert threshold_predictions(p, CLASSES).tolist() == [
        "earthquake",
        "others",
        "others",
        "rockfall",
    ]
    each = threshold_predictions(p, CLASSES, threshold=[0.6, 0.35], others="noise")
    assert each.tolist() == ["noise", "noise", "rockfall", "rockfall"]
    kept = threshold_predictions(p, CLASSES, y_pred=["rockfall", "noise", "noise", "earthquake"])
    assert kept.tolist() == ["rockfall", "others", "others", "others"]


def test_the_best_threshold_is_the_middle_of_the_widest_plateau():
    p = [[0.15], [0.8], [0.9]]
    scan = threshold_scan(["noise", "rockfall", "rockfall"], p, ["rockfall"])
    assert scan.score == 1
    assert scan.best == 0.48  # of 0.16 to 0.80
    assert len(scan.table) == 99
    two = threshold_scan(["noise"], [[0.5]], ["rockfall"], thresholds=[0.1, 0.6, 0.7])
    assert two.best in (0.6, 0.7)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: threshold_predictions([[0.1]], CLASSES), "a column for each"),
        (lambda: threshold_predictions([[0.1, np.nan]], CLASSES), "NaN"),
        (lambda: threshold_predictions([[0.1, 0.2]], CLASSES, y_pred=["a", "b"]), "y_pred"),
        (lambda: classification_table(["a"], ["a", "b"], classes=["a"]), "y_pred"),
        (lambda: threshold_scan(["a"], [[0.1]], ["a"], thresholds=[]), "thresholds"),
        (lambda: threshold_scan(["a", "b"], [[0.1]], ["a"]), "y_true"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def published(model):
    table = load_rocknet_scores()[model]
    return table["y_true"], table[CLASSES].to_numpy(), table["y_pred"]


@pytest.mark.parametrize(
    ("model", "f1", "macro"),
    [
        ("fusion", [0.9950, 0.9698, 0.9851], 0.983),
        ("waveform", [0.9937, 0.9185, 0.9742], 0.962),
        ("association", [0.9964, 0.9637, 0.9899], 0.983),
        ("association_luhu", [0.9973, 0.8256, 0.9541], 0.926),
    ],
)
def test_the_authors_rule_on_their_scores(data_dir, model, f1, macro):
    y_true, p, y_pred = published(model)
    predicted = threshold_predictions(p, CLASSES, y_pred=y_pred)
    table = classification_table(y_true, predicted, classes=CLASSES)
    assert_allclose(table["f1"][:3], f1, atol=5e-5)
    assert round(table.loc["macro average", "f1"], 3) == macro


def test_the_published_association_needs_a_lower_threshold(data_dir):
    y_true, p, _ = published("association")
    scan = threshold_scan(y_true, p, CLASSES)
    best = scan.table[scan.table["macro_f1"] > scan.score - 1e-9]["threshold"]
    assert_array_equal(best, np.arange(13, 34) / 100)
    assert scan.best == 0.23
    assert round(scan.score, 3) == 0.990
