"""The two faces of a report."""

import html

import numpy as np
import pandas as pd

from seisclf.utils._document import Document, _inline, _plain, cell, literal


def test_page_and_markdown_hold_the_same(tmp_path):
    from matplotlib import pyplot as plt

    document = Document(tmp_path / "out", "Title <1>", "Lead")
    document.section("First part")
    document.text("Words with `code`, **weight** and [a link](file.csv); 1 < 2.")
    document.key("Look.")
    document.bullets(["one", "two"])
    document.code("x < 1")
    frame = pd.DataFrame({"name": ["a|b"], "value": [0.123456], "when": [pd.Timestamp("2020")]})
    document.table(frame, caption="A table.", csv="table.csv")
    document.figure(plt.figure(), "picture", "What `it` shows")
    page = document.write().read_text()
    markdown = (tmp_path / "out" / "report.md").read_text()

    assert "<title>Title &lt;1&gt;</title>" in page
    assert '<h2 id="first-part">' in page and 'href="#first-part"' in page
    assert "<code>code</code>" in page and "<strong>weight</strong>" in page
    assert '<a href="file.csv">a link</a>' in page and "1 &lt; 2" in page
    assert '<img src="picture.png" alt="What it shows">' in page
    assert "| a\\|b | 0.123 | 2020-01-01 00:00:00 |" in markdown
    assert "## First part" in markdown and "![What it shows](picture.png)" in markdown
    assert (tmp_path / "out" / "picture.png").stat().st_size > 0
    assert "0.123456" in (tmp_path / "out" / "table.csv").read_text()
    assert "http" not in page  # nothing is fetched from elsewhere


def test_cells():
    values = [np.float64(0.12345), 1.5e-7, 12345.6, np.nan, None, True, np.bool_(False), 3, "x"]
    shown = ["0.123", "1.5e-07", "1.23e+04", "–", "–", "yes", "no", "3", "x"]
    assert [cell(value) for value in values] == shown


def test_text_from_data_marks_nothing(tmp_path):
    from hypothesis import given, settings
    from hypothesis import strategies as st

    bad = "[a](javascript:alert(1)) `b` **c** <img src=x onerror=alert(1)> \\ & \"q\" 'p'"
    document = Document(tmp_path, "T")
    document.text(f'{literal(bad)} and [ok](a.csv) but [no](javascript:alert) [q](x"onload=y)')
    document.table(pd.DataFrame({literal(bad): [literal(bad)]}), caption=literal(bad))
    page = document.write().read_text()
    assert page.count("<a href") == 1 and '<a href="a.csv">ok</a>' in page
    assert "<img" not in page and "<code>" not in page and "<strong>" not in page
    assert html.escape(bad) in page

    @settings(max_examples=50, deadline=None)
    @given(st.text("\\`*[]()<a&\"'", max_size=12))
    def shown(text):
        assert _inline(literal(text)) == html.escape(text)
        assert _plain(literal(text)) == text

    shown()
