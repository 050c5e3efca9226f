"""Decisions read from files: types, order, the last of each expert, and what is refused."""

import json
import sqlite3

import pandas as pd
import pytest

from seisclf.inspection import read_decisions
from seisclf.inspection._decisions import COLUMNS


def decision(event="a", row=0, old="quake", new="rockfall", **more):
    return {
        "event_id": event, "row": row, "old_label": old, "new_label": new, "confidence": 0.8,
        "note": "", "expert": "ada", "time": "2024-05-01T10:00:00Z", "seconds": 3.5,
        "action": "change",
    } | more  # fmt: skip


LINES = [
    decision(note='says "no", 1st; <b>'),
    decision("007", 3, "NA", "NA", action="keep", time="2024-05-01T12:00:00+02:00"),
    decision("c", 5, new="", action="unsure", expert="ben", confidence=0.0),
]


def write(path, lines):
    if path.suffix == ".csv":
        pd.DataFrame(lines).to_csv(path, index=False)
    elif path.suffix == ".json":
        path.write_text(json.dumps(lines))
    else:
        with sqlite3.connect(path) as database:
            pd.DataFrame(lines).to_sql("decisions", database, index=False)
        database.close()
    return path


@pytest.mark.parametrize("suffix", [".csv", ".json", ".sqlite"])
def test_all_formats_say_the_same(tmp_path, suffix):
    found = read_decisions(write(tmp_path / f"d{suffix}", LINES))
    assert list(found.columns) == COLUMNS
    assert found["event_id"].tolist() == ["a", "007", "c"]
    assert found["old_label"].tolist() == ["quake", "NA", "quake"]
    assert found["note"][0] == 'says "no", 1st; <b>'
    assert found["row"].tolist() == [0, 3, 5]
    assert found["confidence"].tolist() == [0.8, 0.8, 0.0]
    assert found["time"][1] == pd.Timestamp("2024-05-01T10:00:00Z")
    assert str(found["time"].dtype) == "datetime64[ns, UTC]"


def test_json_may_have_a_head(tmp_path):
    path = tmp_path / "d.json"
    path.write_text(json.dumps({"title": "x", "decisions": LINES}))
    assert len(read_decisions(path)) == 3


def test_the_last_decision_of_an_expert_counts_and_none_is_lost(tmp_path):
    late = decision(new="noise", time="2024-05-02T00:00:00Z")
    other = decision(expert="ben", new="quake", action="keep")
    station = decision(row=1)  # the same event at another station
    paths = [
        write(tmp_path / "late.csv", [late]),
        write(tmp_path / "early.json", [decision(), other, station]),
    ]
    found = read_decisions(paths)
    ada = found[(found["expert"] == "ada") & (found["row"] == 0)]
    assert ada["new_label"].tolist() == ["noise"]
    assert len(found) == 3
    everything = read_decisions(paths, history=True)
    assert len(everything) == 4
    gone = everything[everything["superseded"]]
    assert gone["new_label"].tolist() == ["rockfall"]


def test_what_was_taken_back_does_not_count(tmp_path):
    back = decision(new="", action="undo", time="2024-05-01T11:00:00Z")
    path = write(tmp_path / "d.csv", [decision(), back, decision("b")])
    assert read_decisions(path)["event_id"].tolist() == ["b"]
    assert read_decisions(path, history=True)["superseded"].tolist() == [True, False, True]


def test_the_file_of_the_server_keeps_history(tmp_path):
    store = pytest.importorskip("seisclf.inspection._decision_store")
    file = store.DecisionStore(tmp_path / "d.sqlite")
    second = decision(new="noise", time="2024-05-01T10:00:05Z")
    back = decision("b", 1, action="undo", time="2024-05-01T10:00:09Z")
    lines = [decision(), second, decision("b", 1), back]
    file.add([{"uid": f"uid-{i:08d}", "decision": line} for i, line in enumerate(lines)])
    assert read_decisions(file.path)["new_label"].tolist() == ["noise"]
    assert len(read_decisions(file.path, history=True)) == 4


def test_few_columns_are_enough(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("event_id,old_label,new_label\na,quake,quake\nb,quake,noise\n")
    found = read_decisions(path)
    assert found["action"].tolist() == ["keep", "change"]
    assert found["confidence"].tolist() == [1.0, 1.0]
    assert found["row"].isna().all() and found["time"].isna().all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"confidence": 3}, "confidence must lie between 0 and 1"),
        ({"confidence": "high"}, "confidence is not a number"),
        ({"time": "yesterday"}, "time is not ISO 8601"),
        ({"action": "maybe"}, "action must be one of keep, change, unsure, drop"),
        ({"new_label": ""}, "a change needs a new_label"),
        ({"event_id": "", "row": ""}, "neither event_id nor row"),
    ],
)
def test_what_cannot_be_understood_is_named(tmp_path, wrong, message):
    path = write(tmp_path / "d.csv", [decision("b"), decision() | wrong])
    with pytest.raises(ValueError, match=message) as error:
        read_decisions(path)
    assert "line 1" in str(error.value) and "d.csv" in str(error.value)


def test_files_that_are_none(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.csv"):
        read_decisions(tmp_path / "nothing.csv")
    with pytest.raises(ValueError, match="read from .csv"):
        read_decisions(write(tmp_path / "d.csv", LINES).rename(tmp_path / "d.txt"))
    with pytest.raises(ValueError, match="lacks the columns"):
        read_decisions(write(tmp_path / "e.csv", [{"event_id": "a", "label": "x"}]))
    sqlite3.connect(tmp_path / "empty.sqlite").close()
    (tmp_path / "empty.sqlite").touch()
    with pytest.raises(ValueError, match="no table of decisions"):
        read_decisions(tmp_path / "empty.sqlite")
    with pytest.raises(ValueError, match="paths names no file"):
        read_decisions([])


@pytest.mark.parametrize("separator", [";", "\t"])
def test_spreadsheets_with_other_separators(tmp_path, separator):
    lines = ["event_id,old_label,new_label", "007,quake,rockfall"]
    path = tmp_path / "decisions.csv"
    path.write_text("\n".join(lines).replace(",", separator), encoding="utf-8-sig")
    assert read_decisions(path)["event_id"].tolist() == ["007"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "cannot be read as CSV"),
        ("a.csv", "event_id,new_label,old_label\na,q,Gr\u00fc\u00df".encode("latin1"), "UTF-8"),
        ("a.json", b"{nope", "is not JSON"),
    ],
)
def test_broken_files_are_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        read_decisions(tmp_path / name)
    assert name in str(error.value)
