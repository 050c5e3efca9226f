"""The review page: written, opened in a browser, worked with by keyboard."""

import base64
import json
import re

import numpy as np
import pytest

from seisclf.inspection import read_decisions, write_page
from seisclf.inspection._page._arrays import pack_relevance, pack_waveform, small_map
from seisclf.inspection._page._scripts import component_names, filtered, script


@pytest.fixture(scope="module")
def index(make_review, tmp_path_factory):
    """A page of 24 events."""
    return write_page(make_review(), tmp_path_factory.mktemp("page") / "review")


def row_of(page):
    return int(page.get_attribute("body", "data-row"))


def press(page, *keys):
    """Press keys; after a decision wait for the next event."""
    for key in keys:
        before = page.get_attribute("body", "data-row")
        page.keyboard.press(key)
        if key in ("1", "2", "3", "4", "Enter", "k", "u", "x", "ArrowRight", "ArrowLeft", "End"):
            page.wait_for_selector(f'body:not([data-row="{before}"])')


def exported(page, tmp_path, kind="csv"):
    with page.expect_download() as download:
        page.click(f"#export-{kind}")
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    return path


# ---- what is written ----------------------------------------------------------------------
def test_arrays_survive_packing():
    rng = np.random.default_rng(0)
    waveform = rng.normal(size=(2, 500)) * [[1.0], [1e-9]]
    waveform[0, 100:110] = np.nan
    packed = pack_waveform(waveform)
    counts = np.frombuffer(base64.b64decode(packed["data"]), "<i2").reshape(packed["shape"])
    assert (counts[0, 100:110] == -32768).all()
    known = np.isfinite(waveform)
    back = counts * np.array(packed["scale"])[:, None]
    error = np.abs(back - waveform) / np.nanmax(np.abs(waveform), axis=1, keepdims=True)
    assert error[known].max() < 1e-4
    maps = rng.normal(size=(2, 5, 7))
    packed = pack_relevance(maps)
    levels = np.frombuffer(base64.b64decode(packed["data"]), "i1").reshape(packed["shape"])
    assert np.abs(levels * packed["scale"] - maps).max() < 0.02 * np.abs(maps).max()


def test_long_waveforms_keep_their_extremes():
    waveform = np.zeros((1, 100_000))
    waveform[0, 54_321] = -3.0
    packed = pack_waveform(waveform)
    counts = np.frombuffer(base64.b64decode(packed["data"]), "<i2")
    assert len(counts) <= 6000
    assert counts.min() * packed["scale"][0] == pytest.approx(-3.0)


def test_large_maps_shrink_and_lowest_frequency_comes_first():
    values = np.zeros((1, 400, 1000))
    values[0, 0] = 1.0
    small, frequencies, times = small_map(values, np.linspace(50, 0, 400), np.arange(1000.0))
    assert small.shape == (1, len(frequencies), len(times)) and small.size < 20_000
    assert (np.diff(frequencies) > 0).all()
    assert small[0, -1].min() > 0 and small[0, :-1].max() == 0


def test_gaps_do_not_spread_by_the_filter():
    waveform = np.random.default_rng(0).normal(size=(2, 500)) + 5
    waveform[0, 50:60] = np.nan
    shown = filtered(waveform, 50.0, (1.0, 20.0))
    assert np.isnan(shown[0]).sum() == 10
    assert np.isfinite(shown[1]).all()


def test_component_names_fit_the_channels():
    assert component_names("ZNE", 3) == ["Z", "N", "E"]
    assert component_names("ZN", 4) == ["Z1", "N1", "Z2", "N2"]
    assert component_names("ZNE", 2) == component_names(None, 2) == ["ch0", "ch1"]


def test_scripts_hold_nothing_that_ends_them():
    text = script("event", "</script><!--\u2028\u2029é")
    assert text.isascii() and "<" not in text
    inside = re.fullmatch(r"seisclf\.event\((.*)\);\n", text).group(1)
    assert json.loads(inside) == "</script><!--\u2028\u2029é"


def test_a_folder_of_others_is_left_alone(make_review, tmp_path):
    (tmp_path / "thesis.txt").write_text("two years of work")
    with pytest.raises(FileExistsError, match="no review page"):
        write_page(make_review(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_what_cannot_be_shown_is_refused(make_review, tmp_path):
    with pytest.raises(ValueError, match="nothing to review"):
        write_page(make_review(0), tmp_path / "a")
    with pytest.raises(ValueError, match="half the sampling rate"):
        write_page(make_review(2), tmp_path / "b", bandpass=(1.0, 40.0))
    with pytest.raises(ValueError, match="auto"):
        write_page(make_review(2), tmp_path / "c", bandpass="wide")
    assert not (tmp_path / "a" / "events.new").exists()


def test_writing_again_keeps_the_identity_and_removes_old_events(make_review, tmp_path):
    folder = write_page(make_review(5), tmp_path / "page", title="Über <b>Beben</b>").parent
    first = json.loads((folder / "review.json").read_text())
    (folder / "decisions.sqlite").write_bytes(b"precious")
    write_page(make_review(3), folder)
    again = json.loads((folder / "review.json").read_text())
    assert again["id"] == first["id"] and again["title"] == "Über <b>Beben</b>"
    assert sorted(p.name for p in (folder / "events").iterdir())[-1] == "000002.js"
    assert (folder / "decisions.sqlite").read_bytes() == b"precious"
    assert "<b>" not in (folder / "index.html").read_text(encoding="utf-8")


def test_a_stopped_run_leaves_the_old_page(make_review, tmp_path):
    folder = write_page(make_review(3), tmp_path / "page").parent
    review = make_review(5)
    events = review.events

    def broken(**options):
        yield from list(events(**options))[:2]
        raise KeyboardInterrupt

    review.events = broken
    with pytest.raises(KeyboardInterrupt):
        write_page(review, folder)
    assert len(list((folder / "events").iterdir())) == 3
    assert not (folder / "events.new").exists()


def test_the_page_names_no_other_machine(index):
    for path in index.parent.rglob("*"):
        if path.suffix in (".html", ".css", ".js"):
            assert not re.search(r"https?:|wss?:|url\(|@import", path.read_text()), path


# ---- in a browser -------------------------------------------------------------------------
def test_twenty_events_by_keyboard(index, open_page, tmp_path):
    page = open_page(index, expert='Ana "the eye" O\'Neill')
    assert row_of(page) == 0
    press(page, "2", "Enter", "u", "x", "k")  # rows 0 to 4
    assert row_of(page) == 5
    page.keyboard.press("n")
    page.keyboard.type("S is weak, 1 of 3;\n=SUM(A1) é", delay=0)
    page.keyboard.press("Escape")
    page.keyboard.press("Shift+Digit3")
    press(page, "1")  # row 5
    press(page, "4", "Backspace")  # row 6, taken back
    assert row_of(page) == 6
    assert page.inner_text("#progress-words") == "6 of 24 decided"
    page.reload()
    page.wait_for_selector("body[data-row]")
    assert not page.is_visible("#who"), "the name is asked once"
    assert page.inner_text("#progress-words") == "6 of 24 decided"
    press(page, *["3"] * 14)  # rows 6 to 19
    page.keyboard.press("Control+z")
    page.wait_for_selector('body[data-row="19"]')
    press(page, "Enter")
    assert page.inner_text("#progress-words") == "20 of 24 decided"

    tables = [read_decisions(exported(page, tmp_path, kind)) for kind in ("csv", "json")]
    for table in tables:
        table = table.sort_values("row").reset_index(drop=True)
        assert table["row"].tolist() == list(range(20))
        assert (table["expert"] == 'Ana "the eye" O\'Neill').all()
        assert table["action"].tolist()[:6] == [
            "change",
            "keep",
            "unsure",
            "drop",
            "keep",
            "change",
        ]
        assert table["new_label"].tolist()[:3] == ["quarry blast", "quarry blast", "rockfall"]
        assert table["note"][5] == "S is weak, 1 of 3;\n=SUM(A1) é"
        assert table["confidence"].tolist()[4:7] == [1.0, 0.6, 1.0]
        # The class that is the label already counts as kept: rows 6, 10, 14, 18 and 19.
        kept = table.index[table["action"] == "keep"].tolist()
        assert kept == [1, 4, 6, 10, 14, 18, 19]


def test_import_brings_decisions_to_another_browser(index, open_page, tmp_path):
    page = open_page(index)
    press(page, "2", "x", "u")
    files = [exported(page, tmp_path, kind) for kind in ("csv", "json")]
    other = open_page(index)
    assert other.inner_text("#progress-words") == "0 of 24 decided"
    other.set_input_files("#import-file", files[0])
    other.wait_for_selector("#progress-words:has-text('3 of 24')")
    other.set_input_files("#import-file", files[1])  # the same once more changes nothing
    other.wait_for_selector("#warning:has-text('3 left out')")
    broken = tmp_path / "broken.csv"
    broken.write_text("event_id,row\n1,2\n")
    other.set_input_files("#import-file", broken)
    other.wait_for_selector("#warning:has-text('no file of decisions')")
    assert other.inner_text("#progress-words") == "3 of 24 decided"


def test_filters_and_undo(index, open_page):
    page = open_page(index)
    page.select_option("#pair", label="rockfall → noise (6)")
    page.wait_for_selector('body[data-row="2"]')
    assert page.inner_text("#position") == "1 of 6"
    page.select_option("#state", "undecided")
    press(page, "4")
    assert row_of(page) == 6 and page.inner_text("#position") == "1 of 5"
    page.select_option("#pair", "")
    page.select_option("#state", "change")
    page.wait_for_selector('body[data-row="2"]')
    assert "changed to noise" in page.inner_text("#decision")
    page.select_option("#state", "all")
    page.select_option("#order", "least")
    page.wait_for_selector('body[data-row="23"]')
    page.keyboard.press("Backspace")
    page.wait_for_selector('body[data-row="2"]')
    assert page.inner_text("#decision") == ""


def test_experts_do_not_see_each_others_decisions(index, open_page):
    page = open_page(index, expert="Ana")
    press(page, "2")
    page.click("#expert")
    page.fill("#who-name", "Ben")
    page.keyboard.press("Enter")
    page.wait_for_selector("#progress-words:has-text('0 of 24')")
    page.click("#expert")
    page.fill("#who-name", "Ana")
    page.keyboard.press("Enter")
    page.wait_for_selector("#progress-words:has-text('1 of 24')")


def test_what_one_sees_is_the_event(index, open_page):
    page = open_page(index)
    press(page, "ArrowRight")
    assert page.inner_text("#given") == "quarry blast"
    assert page.inner_text("#predicted") == "rockfall"
    assert page.inner_text(".class:nth-child(3) .number") == "60 %"
    neighbors = page.query_selector_all(".neighbor")
    assert [one.is_disabled() for one in neighbors] == [False, True]
    neighbors[0].click()
    page.wait_for_selector('body[data-row="2"]')
    # Nothing needs scrolling, and the picture is no empty one.
    assert page.evaluate("document.documentElement.scrollHeight") == 800
    assert page.evaluate("document.querySelector('aside').scrollHeight <= 800")
    colours = page.evaluate(
        "(() => { const c = document.getElementById('plot');"
        " const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        " const s = new Set(); for (let i = 0; i < d.length; i += 400)"
        " s.add(d[i] << 16 | d[i + 1] << 8 | d[i + 2]); return s.size; })()"
    )
    assert colours > 100


def test_markup_in_metadata_stays_text(make_review, open_page, tmp_path):
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>\u2028</script>"
    index = write_page(make_review(3, note=evil), tmp_path / "p", title=f"Title {evil}")
    page = open_page(index, expert=evil)
    press(page, "ArrowRight")
    assert evil.replace("\u2028", "") in page.inner_text("#metadata").replace("\u2028", "")
    assert page.title().startswith("Title <script>")
    assert page.inner_text("#title").startswith("Title <script>")
    assert page.query_selector("#metadata script, img, #metadata img, header script") is None


def test_two_thousand_events(make_review, open_page, tmp_path):
    index = write_page(make_review(2000), tmp_path / "p", relevance=False, bandpass=None)
    page = open_page(index)
    assert page.inner_text("#position") == "1 of 2000"
    press(page, "End")
    assert row_of(page) == 1999
    # From the middle as well, where nothing was fetched ahead.
    page.evaluate("seisclf.show(1000)")
    page.wait_for_function("document.body.dataset.row === '1000'")


@pytest.mark.slow
def test_two_thousand_decisions(make_review, open_page, tmp_path):
    index = write_page(make_review(2000), tmp_path / "p", relevance=False, bandpass=None)
    page = open_page(index)
    page.evaluate(
        "(async () => { for (let i = 0; i < 2000; i++) {"
        " seisclf.decideClass(1); await seisclf.load(seisclf.current.row);"
        " while (!seisclf.record) await new Promise((r) => setTimeout(r, 1)); } })()"
    )
    assert page.inner_text("#progress-words") == "all 2000 decided"
    page.reload()
    page.wait_for_selector("body[data-row]")
    assert len(read_decisions(exported(page, tmp_path))) == 2000
