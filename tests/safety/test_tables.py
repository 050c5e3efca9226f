"""CSV: limits, no guessing, nothing lost without a word, no formulas for spreadsheets."""

import time

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisclf.io import Limits
from seisclf.io._catalog import read_events
from seisclf.io._tables import read_table


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "table.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", " "])
def test_the_separator_is_that_of_the_first_line(separator, write):
    path = write("time class\n2020-01-01 rockfall\n".replace(" ", separator))
    assert read_table(path).to_numpy().tolist() == [["2020-01-01", "rockfall"]]


def test_separators_in_quotes_do_not_count(write):
    path = write('time;"a,b,c";class\n1;2;3\n')
    assert list(read_table(path)) == ["time", "a,b,c", "class"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "no table"),
        ("a,b\n1,2,3\n", "no table"),
        ("a,b\n1,2\n1,2,3\n", "no table"),
        ('a,b\n"1,2\n3,4\n', "no table"),
        (b"a,b\n1,\xff\n", "UTF-8"),
        (b"\x1f\x8b\x08\x00abc", "UTF-8"),
    ],
)
def test_what_is_no_table_is_refused(content, words, write):
    with pytest.raises(ValueError, match=words):
        read_table(write(content))


@pytest.mark.parametrize(
    "content",
    [
        b"a," * 300_000 + b"\n1\n",
        b"a,b\n" + b"1," * 300_000 + b"\n",
        b'x"a,b"' + b",1" * 300_000 + b'"\n',
        b"a,b\n" + b'"\n",' * 300_000 + b"\n",
        b"a,b\n" + b"\n" * 300_000,
    ],
    ids=["header", "row", "stray quote", "quoted line breaks", "empty lines"],
)
def test_a_million_columns_do_not_take_minutes(content, write):
    path, start = write(content), time.perf_counter()
    with pytest.raises(ValueError, match=r"max_table_columns|first rows|first line"):
        read_table(path)
    assert time.perf_counter() - start < 10


def test_limits_can_be_raised(write):
    path = write("a,b,c\n1,2,3\n")
    with pytest.raises(ValueError, match=r"Limits\(max_table_columns=3\)"):
        read_table(path, limits=Limits(max_table_columns=2))
    assert read_table(path, limits=Limits(max_table_columns=3)).shape == (1, 3)
    with pytest.raises(ValueError, match="max_table_bytes=5"):
        read_table(path, limits=Limits(max_table_bytes=5))


def test_names_are_never_addresses_or_archives(write, tmp_path):
    with pytest.raises(FileNotFoundError):
        read_table("http://127.0.0.1:9/table.csv")
    packed = tmp_path / "table.csv.gz"
    pd.DataFrame({"time": [1]}).to_csv(packed, index=False)
    with pytest.raises(ValueError, match="UTF-8"):
        read_table(packed)


@settings(max_examples=25, deadline=None)
@given(rows=st.lists(st.lists(st.text(max_size=6), min_size=1, max_size=4), max_size=6))
def test_any_text_is_a_table_or_refused(rows, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text("\n".join(",".join(row) for row in rows), encoding="utf-8")
    try:
        read_events(path)
    except ValueError as error:
        assert str(error)
