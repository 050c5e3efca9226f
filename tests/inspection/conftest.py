"""A review without a model behind it, and a browser."""

import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from seisclf.inspection import ReviewEvent

CLASSES = ("earthquake", "quarry blast", "rockfall", "noise")


def made_event(row, metadata, n_events, relevance):
    """An event that depends on its row only."""
    rng = np.random.default_rng(row)
    n_samples, rate = 600, 50.0
    label, predicted = CLASSES[row % 4], CLASSES[(row + 1) % 4]
    spectrogram = rng.random((3, 17, 24)).astype(np.float32)
    maps = {name: spectrogram - 0.5 for name in (label, predicted)} if relevance else {}
    return ReviewEvent(
        row=row,
        event_id=f"ev{row:04d}",
        label=label,
        predicted=predicted,
        probabilities={name: 0.6 if name == predicted else 0.4 / 3 for name in CLASSES},
        doubt=1 - row / n_events,
        reason=f"{predicted} is likelier than {label}",
        metadata={"event_id": f"ev{row:04d}", "p_onset": "2.0", **metadata},
        waveform=rng.normal(size=(3, n_samples)).astype(np.float32),
        sampling_rate=rate,
        components=["Z", "N", "E"],
        start_time="2012-07-01T20:51:35Z",
        frequencies=np.linspace(0, 25, 17),
        times=np.linspace(0.25, 11.75, 24),
        spectrogram=spectrogram,
        relevance=maps,
        conservation_error=dict.fromkeys(maps, 1e-6),
        neighbors=[
            {"row": other, "event_id": f"ev{other:04d}", "label": CLASSES[other % 4],
             "distance": 0.5}
            for other in ((row + 1) % n_events, n_events + 3)
        ],
        suspect=True,
    )  # fmt: skip


@pytest.fixture(scope="session")
def make_review():
    """Something with the attributes of a fitted LabelReview that a page is written from."""

    def make(n_events=24, **metadata):
        def events(rows=None, which="suspects", relevance=True):
            for row in range(n_events) if rows is None else rows:
                yield made_event(int(row), metadata, n_events, relevance)

        suspects = pd.DataFrame({"row": range(n_events)})
        return SimpleNamespace(
            classes_=np.array(CLASSES), n_events_=n_events, suspects_=suspects, bandpass=None,
            events=events,
        )  # fmt: skip

    return make


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.skip("needs the browser Chromium on the path")
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def open_page(browser):
    """Open a page as a new visitor; every script error and dialog of the browser fails."""
    contexts, problems = [], []

    def opened(address, *, expert="Ana", context=None):
        if context is None:
            context = browser.new_context(viewport={"width": 1280, "height": 800})
            contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(8000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: (problems.append(dialog.message), dialog.dismiss()))
        page.goto(str(address) if "://" in str(address) else address.as_uri())
        if expert:
            page.fill("#who-name", expert)
            page.keyboard.press("Enter")
        page.wait_for_selector("body[data-row]")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not problems
