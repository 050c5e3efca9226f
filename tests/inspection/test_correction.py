"""Corrected catalogues, worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from seisclf.inspection import apply_decisions, read_decisions

START = pd.Timestamp("2024-05-01T00:00:00Z")


def catalogue(*lines):
    """Lines of (event_id, label, seconds after midnight, station); windows of 10 s."""
    frame = pd.DataFrame(lines, columns=["event_id", "label", "start_time", "station"])
    frame["start_time"] = START + pd.to_timedelta(frame["start_time"], unit="s")
    frame["end_time"] = frame["start_time"] + pd.Timedelta("10s")
    return frame


CATALOG = catalogue(
    ("a", "quake", 0, "XX.A"),
    ("b", "quake", 1000, "XX.A"),
    ("c", "rockfall", 2000, "XX.A"),
    ("d", "noise", 3000, "XX.A"),
    ("e", "noise", 4000, "XX.A"),
)


def decision(event, old, new, expert="ada", **more):
    return {"event_id": event, "old_label": old, "new_label": new, "expert": expert} | more


def test_changes_carry_their_provenance():
    lines = [
        decision("b", "quake", "rockfall", time="2024-06-01T08:00:00Z", note="long, no S", row=1),
        decision("c", "rockfall", "rockfall", expert="ben"),
    ]
    found = apply_decisions(
        CATALOG, lines, model="STFTCNNClassifier", relevance={1: "1-5 Hz 0.80"}
    )
    assert found.catalog["label"].tolist() == ["quake", "rockfall", "rockfall", "noise", "noise"]
    assert CATALOG["label"][1] == "quake"  # the one that came is not touched
    line = found.catalog.loc[1]
    assert line["old_label"] == "quake" and line["new_label"] == "rockfall"
    assert line["expert"] == "ada" and line["note"] == "long, no S"
    assert line["time"] == "2024-06-01T08:00:00Z"
    assert line["model"] == "STFTCNNClassifier" and line["relevance"] == "1-5 Hz 0.80"
    assert line["action"] == "change" and line["n_experts"] == 1 and line["agreement"] == 1
    assert found.catalog.loc[2, "action"] == "keep"
    assert found.catalog.loc[0, ["old_label", "expert", "action"]].tolist() == ["", "", ""]
    assert found.changes["row"].tolist() == [1]
    assert found.verified.tolist() == [1, 2]
    assert found.catalog["verified"].tolist() == [False, True, True, False, False]
    assert len(found.dropped) == len(found.unresolved) == len(found.unmatched) == 0


def test_unsure_stays_and_drop_goes():
    lines = [
        decision("a", "quake", "", action="unsure"),
        decision("b", "quake", "", action="drop"),
    ]
    found = apply_decisions(CATALOG, lines)
    assert found.catalog["event_id"].tolist() == ["a", "c", "d", "e"]
    assert found.catalog.index.tolist() == [0, 2, 3, 4]
    assert found.catalog["row"].tolist() == [0, 2, 3, 4]
    assert found.unresolved[["event_id", "label", "reason"]].values.tolist() == [
        ["a", "quake", "no expert is sure"]
    ]
    assert found.dropped.values.tolist() == [[1, "b", "quake", "dropped by ada"]]
    assert found.kept.tolist() == [True, False, True, True, True]
    assert len(found.verified) == 0


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (decision("z", "quake", "noise"), "no event z"),
        (decision("a", "rockfall", "noise"), "the label of row 0 is quake"),
        (decision("", "quake", "noise", row=17), "5 rows, no row 17"),
    ],
)
def test_decisions_that_fit_nowhere_are_reported(line, reason):
    found = apply_decisions(CATALOG, [line, decision("b", "quake", "noise")])
    assert found.changes["event_id"].tolist() == ["b"]
    assert len(found.unmatched) == 1
    assert reason in found.unmatched["reason"][0]
    assert found.unmatched["old_label"][0] == line["old_label"]


def test_applying_twice_changes_nothing_more():
    lines = [decision("a", "quake", "rockfall")]
    once = apply_decisions(CATALOG, lines).catalog[list(CATALOG)]
    twice = apply_decisions(once, lines)
    assert len(twice.unmatched) == 0 and len(twice.changes) == 0
    assert twice.catalog["label"].tolist() == once["label"].tolist()


def test_rows_of_one_event_at_several_stations():
    catalog = catalogue(("a", "quake", 0, "A"), ("a", "quake", 1, "B"), ("b", "quake", 99, "A"))
    one = apply_decisions(catalog, [decision("a", "quake", "rockfall", row=1)])
    assert one.catalog["label"].tolist() == ["quake", "rockfall", "quake"]
    both = apply_decisions(catalog, [decision("a", "quake", "rockfall")])
    assert both.catalog["label"].tolist() == ["rockfall", "rockfall", "quake"]
    none = apply_decisions(catalog, [decision("a", "quake", "rockfall", row=2)])
    assert "event a has the rows [0, 1], not 2" in none.unmatched["reason"][0]


def test_event_ids_win_over_row_numbers_of_another_page():
    shuffled = CATALOG.iloc[::-1]
    found = apply_decisions(shuffled, [decision("a", "quake", "rockfall", row=0)])
    assert found.catalog.set_index("event_id").loc["a", "label"] == "rockfall"
    assert found.catalog.index.tolist() == [4, 3, 2, 1, 0]


def test_experts_are_weighed_by_confidence():
    lines = [
        decision("a", "quake", "rockfall", "ada", confidence=0.9),
        decision("a", "quake", "quake", "ben", confidence=0.5),
        decision("a", "quake", "quake", "cyd", confidence=0.3),
        decision("b", "quake", "rockfall", "ada", confidence=0.6),
        decision("b", "quake", "noise", "ben", confidence=0.6),
        decision("c", "rockfall", "", "ada", action="drop", confidence=0.6),
        decision("c", "rockfall", "quake", "ben", confidence=0.5),
    ]
    found = apply_decisions(CATALOG, lines)
    assert found.catalog.loc[0, "label"] == "rockfall"  # 0.9 against 0.8
    assert found.catalog.loc[0, "agreement"] == pytest.approx(0.9 / 1.7)
    assert found.catalog.loc[0, "expert"] == "ada"
    assert found.catalog.loc[0, "n_experts"] == 3
    assert "cyd: quake (0.30)" in found.catalog.loc[0, "votes"]
    assert found.catalog.loc[1, "expert"] == "ada, ben"
    assert found.catalog.loc[1, "label"] == "quake"  # a tie changes nothing
    assert found.catalog.loc[1, "action"] == "tie"
    assert found.unresolved["event_id"].tolist() == ["b"]
    assert "ben: noise (0.60)" in found.unresolved["votes"][0]
    assert found.dropped["event_id"].tolist() == ["c"]
    assert found.verified.tolist() == [0]


def near(distance=30.0, **more):
    catalog = catalogue(
        ("event", "quake", 1000, "A"),
        ("overlaps", "noise", 1005, "A"),
        ("29 s after", "noise", 1039, "A"),
        ("31 s after", "noise", 1041, "A"),
        ("29 s before", "noise", 961, "A"),
        ("31 s before", "noise", 959, "A"),
        ("elsewhere", "noise", 1005, "B"),
    )
    decisions = more.pop("decisions", [])
    return apply_decisions(catalog, decisions, noise_distance=distance, **more)


def test_noise_near_events_is_dropped():
    found = near()
    assert found.dropped["event_id"].tolist() == ["overlaps", "29 s after", "29 s before"]
    assert found.dropped["reason"].tolist() == [
        "noise overlaps with quake event",
        "noise 29.0 s from quake event",
        "noise 29.0 s from quake event",
    ]
    assert found.catalog["event_id"].tolist() == [
        "event", "31 s after", "31 s before", "elsewhere"
    ]  # fmt: skip
    assert len(near(32.0).dropped) == 5
    assert len(near(None).dropped) == 0


def test_labels_after_correction_say_what_is_noise():
    """The event turns out to be noise; one noise turns out to be an event."""
    changes = [decision("event", "quake", "noise"), decision("31 s after", "noise", "rockfall")]
    found = near(decisions=changes)
    # Verified noise stays, though it is 31 s away from nothing but a rockfall 31 s later.
    assert found.dropped["event_id"].tolist() == ["overlaps", "29 s after"]
    assert found.dropped["reason"][1] == "noise overlaps with rockfall 31 s after"


def test_noise_that_an_expert_has_seen_stays():
    found = near(decisions=[decision("overlaps", "noise", "noise")])
    assert found.dropped["event_id"].tolist() == ["29 s after", "29 s before"]


def test_without_times_noise_cannot_be_judged():
    found = apply_decisions(CATALOG[["event_id", "label"]], [])
    assert len(found.dropped) == 0
    assert "no start_time" in found.notes[0]


def test_scores_before_and_after():
    predicted = ["quake", "rockfall", "rockfall", "noise", "quake"]
    lines = [decision("b", "quake", "rockfall"), decision("e", "noise", "", action="drop")]
    found = apply_decisions(CATALOG, lines, predicted=predicted)
    before, after = found.confusion_before, found.confusion_after
    assert before.loc["quake", "rockfall"] == 1 and before.loc["noise", "quake"] == 1
    assert before.to_numpy().sum() == 5
    np.testing.assert_array_equal(after.to_numpy(), np.diag([1, 1, 2]))
    scores = found.before_after
    assert scores.loc["quake", "recall_before"] == 0.5
    assert scores.loc["quake", "recall_after"] == 1
    assert scores.loc["rockfall", "n_after"] == 2
    # Recalls of quake, rockfall, noise before: 1/2, 1, 1/2.
    assert scores.loc["macro average", "recall_before"] == pytest.approx(2 / 3)
    assert scores.loc["macro average", "f1_after"] == 1
    assert scores.loc["macro average", ["n_before", "n_after"]].tolist() == [5, 4]
    assert "1 labels changed" in str(found)


def test_labels_keep_their_type():
    catalog = pd.DataFrame({"event_id": ["a", "b", "c"], "label": [0, 1, 1]})
    found = apply_decisions(catalog, [decision("b", "1", "0")], noise="2")
    assert found.labels.tolist() == [0, 0, 1]
    assert found.catalog["label"].tolist() == [0, 0, 1]


def test_new_classes_are_allowed():
    found = apply_decisions(CATALOG, [decision("a", "quake", "tremor")])
    assert found.catalog["label"][0] == "tremor"


def test_from_a_file(tmp_path):
    pd.DataFrame([decision("a", "quake", "rockfall")]).to_csv(tmp_path / "d.csv", index=False)
    for way in (tmp_path / "d.csv", [tmp_path / "d.csv"], read_decisions(tmp_path / "d.csv")):
        assert apply_decisions(CATALOG, way).changes["event_id"].tolist() == ["a"]
    assert len(apply_decisions(CATALOG, read_decisions(tmp_path / "d.csv", history=True)).changes)


def test_wrong_input_is_explained():
    with pytest.raises(ValueError, match="no column 'label'"):
        apply_decisions(CATALOG.rename(columns={"label": "type"}), [])
    with pytest.raises(ValueError, match="noise_distance"):
        apply_decisions(CATALOG, [], noise_distance=-1)
    with pytest.raises(ValueError, match="predicted has 1 rows"):
        apply_decisions(CATALOG, [], predicted=["quake"])


@pytest.mark.parametrize(
    ("labels", "kind"),
    [([1, 2, 1], "i"), ([True, False, True], "b"), ([0.5, 1.5, 0.5], "f")],
)
def test_labels_come_back_as_the_type_that_went_in(labels, kind):
    catalog = pd.DataFrame({"label": labels})
    found = apply_decisions(catalog, [decision("0", str(labels[0]), str(labels[1]), row=0)])
    assert found.catalog["label"].dtype == catalog["label"].dtype
    assert found.labels.dtype.kind == kind
    assert found.labels.tolist() == [labels[1], labels[1], labels[2]]


def test_a_new_class_among_other_types():
    categories = pd.DataFrame({"label": pd.Categorical(["quake", "noise"])})
    found = apply_decisions(categories, [decision("0", "quake", "blast")])
    assert found.catalog["label"].tolist() == ["blast", "noise"]
    truths = pd.DataFrame({"label": [True, False]})
    found = apply_decisions(truths, [decision("0", "True", "blast")])
    assert found.labels.tolist() == ["blast", False]


def test_events_without_a_label_can_get_one():
    catalog = pd.DataFrame({"event_id": ["a", "b"], "label": ["quake", None]})
    found = apply_decisions(catalog, [decision("b", "", "rockfall")])
    assert found.labels.tolist() == ["quake", "rockfall"]
    assert not len(found.unmatched)


def test_one_expert_on_two_pages_does_not_outvote_itself():
    # The pages numbered the event otherwise; the last word counts.
    lines = [
        decision("c", "rockfall", "quake", row=7, time="2024-06-01T08:00:00Z"),
        decision("c", "rockfall", "rockfall", row=2, time="2024-06-02T08:00:00Z"),
    ]
    found = apply_decisions(CATALOG, lines)
    line = found.catalog.loc[2]
    assert (line["label"], line["action"], line["n_experts"]) == ("rockfall", "keep", 1)
    assert not len(found.unresolved)


def test_columns_of_the_catalogue_are_not_overwritten():
    catalog = CATALOG.assign(time="origin", note="mine", note_before="older")
    found = apply_decisions(catalog, [decision("a", "quake", "rockfall", note="seen")])
    assert (found.catalog["time_before"] == "origin").all()
    assert (found.catalog["note_before_before"] == "mine").all()
    assert (found.catalog["note_before"] == "older").all()
    assert found.catalog["note"].tolist() == ["seen", "", "", "", ""]
    assert "time as time_before" in found.notes[0]


def test_a_second_session_keeps_what_the_first_said(tmp_path):
    first = apply_decisions(CATALOG, [decision("d", "noise", "noise", time="2024-06-01")])
    path = tmp_path / "catalogue.csv"
    first.catalog.to_csv(path, index=False)
    lines = [decision("a", "quake", "rockfall", expert="ben")]
    found = apply_decisions(pd.read_csv(path), lines).catalog.set_index("event_id")
    assert found.loc["d", ["verified", "expert", "action"]].tolist() == [True, "ada", "keep"]
    assert found.loc["a", ["verified", "expert", "action"]].tolist() == [True, "ben", "change"]
    assert not found.loc["b", "verified"]
    assert found.loc["b", "old_label"] == ""
    # Verified noise stays also where the other session says so.
    near_noise = first.catalog.assign(start_time=START, end_time=START)
    assert apply_decisions(near_noise, []).catalog["event_id"].tolist() == ["a", "b", "c", "d"]
