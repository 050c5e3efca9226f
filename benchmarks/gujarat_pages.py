"""Three events of the review page of a station in Gujarat, as pictures.

Needs the recordings: SEISCLF_DATA must name the folder that holds ``gujarat/``; and Playwright
with a Chromium that lies on the path.
"""

import json
import shutil
import tempfile
import time
from pathlib import Path

from benchmarks.gujarat import _tasks
from benchmarks.representations import SETTINGS
from seisclf.inspection import LabelReview
from seisclf.model_selection import CalendarKFold
from seisclf.neural_network import STFTCNNClassifier

RESULTS = Path(__file__).parent / "results"
SIZE = {"width": 1280, "height": 800}


def run(quick=False):
    """Review the labels with a network, write the page, and look at it in a browser.

    Folds are whole months. The pictures show the most doubtful earthquake that the network calls a
    blast, the most doubtful blast that it calls an earthquake, and the least doubtful suspect.

    Parameters
    ----------
    quick : bool, default=False
        One epoch.

    Returns
    -------
    figures : dict
        ``n_events``, ``n_suspects`` of them, by pair ``[given -> predicted]``; ``fit_seconds``,
        ``page_seconds`` and ``page_mb``. The pictures are ``results/gujarat_page_<i>.png``; they
        are not kept in the repository, since the recordings belong to others.
    """
    events = _tasks()["two"]
    model = STFTCNNClassifier(max_epochs=1 if quick else 30, **SETTINGS)
    review = LabelReview(model, cv=CalendarKFold(5, by="month"), random_state=0)
    start = time.perf_counter()
    review.fit(events.data, events.target, metadata=events.metadata)
    figures = {"n_events": review.n_events_, "n_suspects": len(review.suspects_)}
    for line in review.summary().itertuples():
        figures[f"n_suspects [{line.label} -> {line.predicted}]"] = line.n_suspects
    figures["fit_seconds"] = round(time.perf_counter() - start, 1)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        index = review.write_page(Path(folder) / "page", title="Gujarat: earthquake or blast?")
        figures["page_seconds"] = round(time.perf_counter() - start, 1)
        size = sum(path.stat().st_size for path in index.parent.rglob("*") if path.is_file())
        figures["page_mb"] = round(size / 1e6, 1)
        if not quick:
            _photograph(index, _chosen(review))
            text = json.dumps(figures, indent=1)
            (RESULTS / "gujarat_pages.json").write_text(text + "\n")
    return figures


def _chosen(review):
    """Places of three suspects on the page, which lists them by doubt."""
    suspects = review.suspects_
    first = [suspects.index[suspects["label"] == label][0] for label in review.classes_]
    return [*first, len(suspects) - 1]


def _photograph(index, places):
    from playwright.sync_api import sync_playwright

    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE)
        page.goto(index.as_uri())
        page.fill("#who-name", "Expert")
        page.keyboard.press("Enter")
        page.wait_for_selector("body[data-row]")
        for number, place in enumerate(places, start=1):
            page.keyboard.press("Home")
            for _ in range(place):
                page.keyboard.press("ArrowRight")
            page.wait_for_timeout(1000)
            page.screenshot(path=RESULTS / f"gujarat_page_{number}.png")
        browser.close()
