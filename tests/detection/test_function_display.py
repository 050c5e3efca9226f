"""Pictures of functions over time."""

import pytest

from seisclf.detection import DetectionDisplay, EventDetector

from .stubs import START, NetworkStub, StationStub, earthquake, remove, rockfall, station


@pytest.fixture
def scan():
    stream = rockfall(station("A"), 10) + rockfall(remove(station("B"), "Z", 50, 55), 10)
    earthquake(stream.select(station="A"), 40), earthquake(stream.select(station="B"), 40)
    return stream, EventDetector(NetworkStub()).detect(stream)


def labels(display):
    return [ax.get_ylabel() for ax in display.axes_]


def test_overview_has_waveform_and_masks_of_stations_and_occurrence_below(scan):
    stream, detections = scan
    display = detections.plot(stream)
    assert labels(display) == [
        "XX.A\nEHZ", "p", "XX.B\nEHZ", "p", "earthquake\noccurrence", "rockfall\noccurrence",
    ]  # fmt: skip
    first, last = display.axes_[-1].get_xlim()
    assert (last - first) * 86400 == pytest.approx(60)
    assert [text.get_text() for text in display.figure_.legends[0].get_texts()] == [
        "earthquake mask", "rockfall mask",
    ]  # fmt: skip


def test_zoom_adds_spectrograms_and_names_the_detection(scan):
    stream, detections = scan
    display = detections.plot(stream, detection=1)
    assert labels(display)[:3] == ["XX.A\nEHZ", "Hz", "p"]
    assert len(display.axes_) == 8
    assert [text.get_text() for text in display.axes_[0].texts] == ["earthquake 0.90"]
    first, last = display.axes_[-1].get_xlim()
    assert (last - first) * 86400 == pytest.approx(23, abs=0.01)  # 10 s on either side
    # Waveform, P and S.
    assert len(display.axes_[0].lines) == 1 + 2 + 1


def test_a_span_a_station_and_no_stream(scan):
    stream, detections = scan
    display = detections.plot(span=(START + 30, "2020-03-28T12:59:58"), station="XX.B")
    assert labels(display) == ["XX.B", "earthquake\noccurrence", "rockfall\noccurrence"]
    assert display.axes_[0].patches  # the gap is hatched
    with pytest.raises(IndexError, match="there are 2"):
        detections.plot(stream, detection=2)
    with pytest.raises(ValueError, match="not both"):
        detections.plot(stream, detection=0, span=(START, START + 1))
    with pytest.raises(ValueError, match="outside the record"):
        detections.plot(stream, span=(START + 100, START + 200))
    with pytest.raises(ValueError, match="later one"):
        detections.plot(stream, span=(START + 2, START + 1))


def test_one_station_has_no_occurrence():
    stream = earthquake(station(), 20)
    display = DetectionDisplay.from_estimator(EventDetector(StationStub()), stream)
    assert labels(display) == ["XX.A\nEHZ", "p"]


def test_detections_of_single_stations_are_marked_at_their_own():
    stream = earthquake(station("A"), 20) + earthquake(station("B", seed=1), 22)
    display = EventDetector(StationStub()).detect(stream).plot(stream, span=(START, START + 40))
    texts = [[text.get_text() for text in ax.texts] for ax in display.axes_]
    assert texts == [["earthquake 1.00"], [], []] * 2
