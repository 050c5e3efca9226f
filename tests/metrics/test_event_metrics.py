"""Rows of an event speak with one voice."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from seisclf.metrics import (
    aggregate_by_event,
    event_confusion_matrix,
    event_predictions,
    event_report,
)


def test_mean_and_vote_differ_where_one_row_is_very_sure():
    proba = [[0.4, 0.6], [0.45, 0.55], [0.99, 0.01]]
    _, mean = aggregate_by_event(proba, [1, 1, 1])
    _, vote = aggregate_by_event(proba, [1, 1, 1], how="vote")
    assert mean.argmax() == 0 and vote.argmax() == 1
    np.testing.assert_allclose(vote, [[1 / 3, 2 / 3]])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**20), st.sampled_from(["mean", "vote"]))
def test_joining_keeps_probabilities_and_ignores_order(seed, how):
    rng = np.random.default_rng(seed)
    proba, events = rng.dirichlet(np.ones(4), 30), rng.integers(0, 10, 30)
    names, joined = aggregate_by_event(proba, events, how=how)
    np.testing.assert_array_equal(names, np.unique(events))
    np.testing.assert_allclose(joined.sum(axis=1), 1)
    order = rng.permutation(30)
    np.testing.assert_allclose(aggregate_by_event(proba[order], events[order], how=how)[1], joined)


def test_single_row_events_are_plain_rows():
    rng = np.random.default_rng(0)
    y_true, y_pred = rng.choice(["a", "b", "c"], (2, 90))
    events = np.arange(90)
    np.testing.assert_array_equal(
        event_confusion_matrix(y_true, y_pred, events), confusion_matrix(y_true, y_pred)
    )
    report = event_report(y_true, y_pred, events)
    expected = precision_recall_fscore_support(y_true, y_pred)
    np.testing.assert_allclose(report.loc[["a", "b", "c"]].to_numpy(), np.array(expected).T)
    macro = precision_recall_fscore_support(y_true, y_pred, average="macro")
    np.testing.assert_allclose(
        report.loc["macro average", ["precision", "recall", "f1"]].to_numpy(float), macro[:3]
    )


def test_rows_of_one_event_with_two_classes_are_two_things():
    events = event_predictions(
        ["noise", "quake", "quake"], ["noise", "quake", "noise"], ["e1", "e1", "e1"],
        proba=[[0.9, 0.1], [0.1, 0.9], [0.6, 0.4]], classes=["noise", "quake"],
    )  # fmt: skip
    assert events["y_true"].tolist() == ["noise", "quake"]
    assert events["y_pred"].tolist() == ["noise", "quake"]
    assert events["n_rows"].tolist() == [1, 2]
    np.testing.assert_allclose(events["confidence"], [0.9, 0.65])


def test_a_class_never_predicted_or_never_there():
    report = event_report(["a", "a"], ["b", "b"], [1, 2], classes=["a", "b"])
    assert report.loc["a", "recall"] == 0 and report.loc["b", "events"] == 0
    assert not report.isna().any().any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: aggregate_by_event([0.5, 0.5], [1, 2]), "n_rows, n_classes"),
        (lambda: aggregate_by_event([[1.0]], [1], how="max"), "how must be"),
        (lambda: event_predictions(["a"], ["a", "b"], [1, 2]), "one entry a row"),
        (
            lambda: event_predictions(["a"], ["a"], [1], proba=[[1.0, 0.0]], classes=["a"]),
            r"proba must have shape \(1, 1\)",
        ),
    ],
)
def test_shapes_that_do_not_fit(call, message):
    with pytest.raises(ValueError, match=message):
        call()
