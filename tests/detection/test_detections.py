"""What a table of detections can be turned into."""

import numpy as np
import pandas as pd
import pytest
from obspy import Stream, read_events
from obspy.core.event.header import EventType

from seisclf.detection import DetectionDisplay, EventDetector
from seisclf.detection._quakeml import event_type_of

from .test_detector import Loudness, record, with_gap


@pytest.fixture
def scan():
    stream = record(event=(1000, 1300)) + record(station="B", event=(500, 900), seed=3)
    return stream, EventDetector(Loudness(), step=0.5).detect(stream)


def test_csv_reads_back(scan, tmp_path):
    _, detections = scan
    back = pd.read_csv(detections.to_csv(tmp_path / "events.csv"), parse_dates=["onset", "end"])
    frame = detections.to_frame()
    assert back.columns.tolist() == frame.columns.tolist()
    assert (abs(back["onset"] - frame["onset"]) < pd.Timedelta("1ms")).all()
    np.testing.assert_allclose(back["probability"], frame["probability"], atol=1e-4)


def test_table_is_in_order_of_time_and_a_copy(scan):
    _, detections = scan
    frame = detections.to_frame()
    assert frame["stations"].tolist() == ["XX.B", "XX.A"]
    frame.loc[0, "class"] = "changed"
    assert detections.to_frame()["class"][0] == "rockfall"


def test_quakeml_reads_back_with_class_pick_and_probability(scan, tmp_path):
    _, detections = scan
    catalog = read_events(str(detections.to_quakeml(tmp_path / "events.xml")))
    event, row = catalog[0], detections.to_frame().iloc[0]
    assert event.event_type == "other event"
    assert event.event_descriptions[0].text == "rockfall"
    pick = event.picks[0]
    assert pick.waveform_id.get_seed_string() == "XX.B..HHZ"
    assert abs(pick.time.timestamp - row["onset"].timestamp()) < 1e-3
    assert f'"probability": {row["probability"]:.2f}'[:-1] in event.comments[0].text
    renamed = detections.to_catalog(event_types={"rockfall": "rockslide"})
    assert renamed[0].event_type == "rockslide"
    with pytest.raises(ValueError, match="rockslide"):
        detections.to_catalog(event_types={"rockfall": "falling rock"})


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("earthquake", "earthquake"),
        ("blast", "quarry blast"),
        ("Snow_Avalanche", "snow avalanche"),
        ("rockfall", "other event"),
        (3, "other event"),
    ],
)
def test_event_types_are_quakeml_words(label, expected):
    assert event_type_of(label) == expected
    assert expected in set(EventType)


def test_picture_has_waveform_and_probabilities_for_each_station(scan, tmp_path):
    stream, detections = scan
    display = detections.plot(stream)
    assert len(display.axes_) == 4
    assert len(display.axes_[0].patches) == 1  # one detection at this station
    display.figure_.savefig(tmp_path / "scan.png")
    assert len(detections.plot(station="XX.B").axes_) == 1
    with pytest.raises(KeyError, match="XX.A, XX.B"):
        detections.plot(station="XX.C")
    assert len(DetectionDisplay.from_predictions(detections).axes_) == 2


def test_picture_of_a_record_with_a_gap(tmp_path):
    stream = with_gap(record(event=(1000, 1300)), 2000, 2400)
    display = DetectionDisplay.from_estimator(EventDetector(Loudness(), step=0.5), stream)
    display.figure_.savefig(tmp_path / "gap.png")
    assert len(display.axes_[1].patches) > 2  # classes, and grey where there is no data


def test_words_in_a_notebook(scan):
    _, detections = scan
    assert "2 detections (2 rockfall)" in repr(detections)
    html = detections._repr_html_()
    assert "<table" in html and "rockfall" in html


def test_functions_become_one_frame(scan):
    stream, detections = scan
    frame = detections.functions.to_frame()
    assert frame.columns.tolist() == ["time", "station", "noise", "rockfall", "coverage"]
    assert len(frame) == 2 * 120
    assert frame["time"][0].timestamp() == pytest.approx(
        stream[0].stats.starttime.timestamp + 0.25
    )
    assert isinstance(stream, Stream)


def test_stations_that_saw_the_same_event_make_one_event():
    stream = record(event=(1000, 1300)) + record(station="B", event=(1040, 1300), seed=3)
    stream += record(station="C", event=(2500, 2700), seed=4)
    detections = EventDetector(Loudness(), step=0.5).detect(stream)
    assert len(detections) == 3
    events = detections.associate(min_stations=2, max_delay=2.0)
    frame = events.to_frame()
    assert frame["stations"].tolist() == ["XX.A XX.B"]
    assert frame["onset"][0] == detections.to_frame()["onset"][0]
    assert len(detections.associate(min_stations=1, max_delay=2.0)) == 2
    assert len(detections.associate(min_stations=2, max_delay=0.1)) == 0
    assert events.to_catalog()[0].picks[0].waveform_id.station_code == "A"
    drawn = [len(ax.patches) for ax in events.plot(stream).axes_[::2]]
    assert drawn == [1, 1, 0]
    with pytest.raises(ValueError, match="min_stations"):
        detections.associate(min_stations=0)


def test_zoom_into_one_detection(scan):
    stream, detections = scan
    display = detections.plot(stream, detection=0)
    row = detections.to_frame().iloc[0]
    first, last = display.axes_[-1].get_xlim()
    seconds = (row["end"] - row["onset"]).total_seconds()
    assert (last - first) * 86400 == pytest.approx(seconds + 20)
    # Of the waveform, no more than that.
    drawn = display.axes_[0].lines[0].get_xdata()
    assert first - 1e-6 <= drawn[0] and drawn[-1] <= last + 1e-6


def test_zoom_draws_no_event_that_lies_elsewhere(tmp_path):
    import warnings

    stream = record(n=20000, event=(1500, 1900))
    stream[0].data[15000:15400] *= 30
    detections = EventDetector(Loudness(), step=0.5).detect(stream)
    assert len(detections) > 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of a layout that markers far outside make impossible
        figure = detections.plot(stream, detection=0).figure_
        figure.savefig(tmp_path / "zoom.png")
    lines = figure.axes[0].get_lines()
    assert sum(line.get_marker() == "v" for line in lines) == 1
