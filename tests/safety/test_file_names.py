"""Names from data stay in their folder, differ, and show as text in pages."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisclf.inspection._page._scripts import script
from seisclf.utils import safe_name
from seisclf.utils._cells import from_cell, from_cells, to_cell, to_cells
from seisclf.utils._document import Document

TEXTS = st.text(max_size=200) | st.sampled_from(
    ["..", ".", "/", "\\", "../../etc/passwd", "C:\\x", "CON", "nul.txt", "a\0b", "-rf", "~",
     "a/b", " ", "\u202ecod.exe", "COM1.sac", "x" * 300]
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(text=TEXTS)
def test_a_name_stays_in_its_folder(text):
    name = safe_name(text)
    assert Path("folder", name).parent == Path("folder")
    assert Path("folder", name).resolve().parent == Path("folder").resolve()
    assert 0 < len(name) <= 80
    assert not set(name) & set('/\\:*?"<>|\0\n\r ')
    assert name[0] not in ".-~"


@settings(max_examples=50, deadline=None)
@given(one=TEXTS, other=TEXTS)
def test_different_texts_have_different_names(one, other):
    assert (safe_name(one) == safe_name(other)) == (one == other)


def test_codes_keep_their_names():
    for code in ("XX.LH01.00.HHZ", "XX.LH01..HHZ", "rockfall", "Slope_HF", "2020-03-28", "Å"):
        assert safe_name(code) == code


@pytest.mark.parametrize(
    "text",
    ["</script><script>alert(1)</script>", "<!--", "\u2028", "]]>", "<img src=x onerror=1>"],
)
def test_pages_show_text(text, tmp_path):
    shown = script("event", {"label": text, text: [text]})
    assert "<" not in shown
    assert ">" not in shown
    assert shown.isascii()
    document = Document(tmp_path, text, text)
    document.section(text)
    document.text(text)
    document.table(pd.DataFrame({text: [text]}), caption=text)
    page = document.write().read_text(encoding="utf-8")
    assert "<script" not in page
    assert "<img" not in page
    assert "onerror=1>" not in page


@pytest.mark.parametrize(
    "text", ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3+cmd|' /C x'!A0", "\t=1", "\r=1"]
)
def test_formulas_become_text(text):
    assert to_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["-1.5", "--", "+3", "rockfall", "", "a=b", "'quoted'", "-HHZ"])
def test_other_text_stays(text):
    assert to_cell(text) == text


@settings(max_examples=100, deadline=None)
@given(text=st.text(alphabet="'=+-@(|!1a\t", max_size=6))
def test_cells_come_back(text):
    assert from_cell(to_cell(text)) == text
    assert to_cell(text)[:1] not in ("=", "@", "\t")


def test_tables_come_back():
    table = pd.DataFrame({"a": ["=1", None, "x"], "=b": [1, 2, 3], "c": ["'=1", "", "-2+3(x"]})
    assert from_cells(to_cells(table)).equals(table)
    assert to_cells(table).columns.tolist() == ["a", "'=b", "c"]
