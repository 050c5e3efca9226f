"""Events from functions over time: networks by occurrence, stations by masks."""

import numpy as np
import pandas as pd
import pytest
from obspy import Stream, UTCDateTime

from seisclf.detection import EventDetector
from seisclf.detection._annotations import class_codes
from seisclf.detection._function_picking import peaks_of

from .stubs import (
    RATE,
    START,
    NetworkStub,
    StationStub,
    earthquake,
    put,
    remove,
    rockfall,
    station,
)


def seconds(times):
    return [round(UTCDateTime(time.isoformat()) - START, 3) for time in times]


@pytest.fixture
def slope():
    """A rockfall that both stations see, and an earthquake a little later at B."""
    a, b = station("A"), station("B", seed=1)
    rockfall(a, 10), rockfall(b, 10.5, duration=8)
    put(b, "N", 10.0, 10.05, 0)  # its mark would stand later than that of A
    put(b, "N", 9.5, 9.55, 7)
    earthquake(a, 40)
    earthquake(b, 40.2)
    put(b, "Z", 39.7, 39.75, 0)
    put(b, "Z", 39.5, 39.55, 7)
    return a + b


def test_occurrence_becomes_events_with_onset_end_and_stations(slope):
    detections = EventDetector(NetworkStub(), step=2.0, constant_gap=None).detect(slope)
    frame = detections.to_frame()
    assert frame["class"].tolist() == ["rockfall", "earthquake"]
    assert seconds(frame["onset"]) == [10.0, 40.0]  # half a second after the peak
    assert seconds(frame["end"]) == [18.5, 43.2]  # of the last station
    assert frame["stations"].tolist() == ["XX.A XX.B", "XX.A XX.B"]
    np.testing.assert_allclose(frame["probability"], 0.9, rtol=1e-6)
    np.testing.assert_allclose(frame["coverage"], 1)


def test_picks_of_each_station(slope):
    picks = EventDetector(NetworkStub()).detect(slope).picks
    assert picks["detection"].tolist() == [1, 1, 1, 1]  # rockfalls have none
    assert list(zip(picks["station"], picks["phase"], strict=True)) == [
        ("XX.A", "P"), ("XX.A", "S"), ("XX.B", "P"), ("XX.B", "S"),
    ]  # fmt: skip
    assert seconds(picks["time"]) == [40.0, 43.0, 40.2, 43.2]
    np.testing.assert_allclose(picks["probability"], [0.9, 0.8, 0.9, 0.8], rtol=1e-6)


def test_quakeml_carries_picks_with_phases(slope, tmp_path):
    from obspy import read_events

    detections = EventDetector(NetworkStub()).detect(slope)
    catalog = read_events(str(detections.to_quakeml(tmp_path / "events.xml")))
    assert [len(event.picks) for event in catalog] == [1, 5]
    phases = [(p.phase_hint, p.waveform_id.get_seed_string()) for p in catalog[1].picks]
    assert phases[0] == (None, "XX.A.10.EHZ")
    assert ("S", "XX.B.10.EHZ") in phases


def test_an_event_that_no_mask_shows_still_stands_in_the_catalogue(tmp_path):
    stream = station("A") + station("B")
    for code in "AB":
        put(stream.select(station=code), "N", 19.5, 19.55, 7)

    class NoMasks(NetworkStub):
        def predict_functions(self, X):
            functions = super().predict_functions(X)
            functions["rockfall"][:] = 0
            return functions

    detections = EventDetector(NoMasks()).detect(stream)
    frame = detections.to_frame()
    assert frame["stations"].tolist() == [""]
    assert seconds(frame["onset"]) == [20.0]
    assert seconds(frame["end"]) == [21.0]  # a second, where nobody knows
    assert len(detections.to_catalog()[0].picks) == 1
    assert len(detections.to_csv(tmp_path / "a.csv").read_text().splitlines()) == 2


def test_other_thresholds_need_no_new_scan(slope):
    classifier = NetworkStub()
    functions = EventDetector(classifier).predict_functions(slope)
    calls = len(classifier.seen)
    detector = EventDetector(classifier, threshold={"rockfall": 0.95, "earthquake": 0.5})
    assert detector.pick(functions).to_frame()["class"].tolist() == ["earthquake"]
    assert len(EventDetector(classifier, threshold=0.95).pick(functions)) == 0
    assert len(classifier.seen) == calls


def test_of_close_peaks_the_highest_stays():
    a, b = station("A"), station("B", seed=1)
    for stream in (a, b):
        put(stream, "N", 20, 20.05, 7)
    put(a, "Z", 21, 21.05, 7)  # half as high
    frame = EventDetector(NetworkStub(), threshold=0.3).detect(a + b).to_frame()
    assert frame["class"].tolist() == ["rockfall"]
    frame = EventDetector(NetworkStub(), threshold=0.3, min_distance=0.9).detect(a + b).to_frame()
    assert frame["class"].tolist() == ["rockfall", "earthquake"]


def test_persistence_asks_for_consecutive_windows():
    class Flicker(NetworkStub):
        """Every third window is blind: the median does not mind."""

        def predict_functions(self, X):
            functions = super().predict_functions(X)
            blind = np.arange(len(X)) % 3 == 0
            functions["occurrence_rockfall"][blind] = 0
            return functions

    stream = rockfall(station("A"), 20) + rockfall(station("B"), 20)
    options = {"batch_size": 300, "step": 1.0, "constant_gap": None}
    assert len(EventDetector(Flicker(), **options).detect(stream)) == 1
    assert len(EventDetector(Flicker(), persistence=2, **options).detect(stream)) == 1
    assert len(EventDetector(Flicker(), persistence=3, **options).detect(stream)) == 0
    assert len(EventDetector(NetworkStub(), persistence=12, **options).detect(stream)) == 1


def test_persistence_of_masks_at_one_station():
    class Flicker(StationStub):
        def predict_functions(self, X):
            functions = super().predict_functions(X)
            functions["rockfall"][np.arange(len(X)) % 3 == 0] = 0
            return functions

    stream = put(station(), "N", 20, 24, 2.0)
    assert len(EventDetector(Flicker(), persistence=2).detect(stream)) == 1
    assert len(EventDetector(Flicker(), persistence=3).detect(stream)) == 0


def test_persistence_must_be_known_when_scanning():
    stream = rockfall(station("A"), 20) + rockfall(station("B"), 20)
    plain, strict = EventDetector(NetworkStub()), EventDetector(NetworkStub(), persistence=3)
    with pytest.raises(ValueError, match="scan again"):
        strict.pick(plain.predict_functions(stream))
    assert len(plain.pick(strict.predict_functions(stream))) == 1


def test_papers_rule_of_four_windows():
    stream = rockfall(station("A"), 20) + rockfall(station("B"), 20)
    detector = EventDetector(NetworkStub(), step=3.0, persistence=4, constant_gap=None)
    assert len(detector.detect(stream)) == 1


def test_single_station_needs_p_and_s_for_an_earthquake_only():
    stream = put(earthquake(station(), 10), "N", 30, 34, 2.0)
    put(stream, "Z", 45, 48, 2.0)  # a mask without picks
    detections = EventDetector(StationStub()).detect(stream)
    frame = detections.to_frame()
    assert frame["class"].tolist() == ["earthquake", "rockfall"]
    assert seconds(frame["onset"]) == [10.0, 30.0]
    assert seconds(frame["end"]) == [13.0, 34.0]
    assert frame["stations"].tolist() == ["XX.A", "XX.A"]
    assert detections.picks["phase"].tolist() == ["P", "S"]
    assert seconds(detections.picks["time"]) == [10.0, 13.0]
    assert len(EventDetector(StationStub(), pick_threshold=0.85).detect(stream)) == 1


def test_masks_shorter_than_half_a_second_are_no_event():
    stream = put(put(station(), "N", 10, 10.4, 2.0), "N", 20, 20.5, 2.0)
    frame = EventDetector(StationStub()).detect(stream).to_frame()
    assert seconds(frame["onset"]) == [20.0]
    assert len(EventDetector(StationStub(), min_duration=0.4).detect(stream)) == 2


def test_gap_in_a_mask_is_bridged_but_not_a_gap_in_the_data():
    stream = put(put(station(), "N", 10, 14, 2.0), "N", 14.8, 18, 2.0)
    frame = EventDetector(StationStub()).detect(stream).to_frame()
    assert len(frame) == 1
    assert len(EventDetector(StationStub(), merge_gap=0.5).detect(stream)) == 2
    holed = remove(stream, "Z", 14.0, 14.8)
    assert len(EventDetector(StationStub()).detect(holed)) == 2


def test_stations_can_be_associated_with_their_picks():
    stream = earthquake(station("A"), 10) + earthquake(station("B", seed=1), 10.5)
    events = EventDetector(StationStub()).detect(stream).associate(max_delay=1.0)
    assert events.to_frame()["stations"].tolist() == ["XX.A XX.B"]
    assert events.picks["detection"].tolist() == [0, 0, 0, 0]
    assert seconds(events.picks["time"]) == [10.0, 10.5, 13.0, 13.5]
    assert len(events.to_catalog()[0].picks) == 5


def test_without_events_the_tables_are_empty_and_have_times():
    detections = EventDetector(NetworkStub()).detect(station("A") + station("B"))
    assert len(detections) == 0 and len(detections.picks) == 0
    assert isinstance(detections.to_frame()["onset"].dtype, pd.DatetimeTZDtype)
    assert "0 detections" in repr(detections)


def test_peaks_at_the_ends_and_beside_gaps_count():
    values = np.array([0.9, 0.1, np.nan, 0.2, 0.6, 0.3, np.nan, 0.8])
    assert peaks_of(values, height=0.5, distance=1).tolist() == [0, 4, 7]
    assert peaks_of(values, height=0.5, distance=5).tolist() == [0, 7]


def test_codes_of_classes_are_two_letters_and_differ():
    labels = ["earthquake", "rockfall", "rf", "regional_fall", *range(12)]
    codes = class_codes(labels)
    assert codes["earthquake"] == "eq" and codes["rockfall"] == "rf"
    assert len(set(codes.values())) == len(labels)
    assert {len(code) for code in codes.values()} == {2}


def test_to_frame_has_a_row_for_each_sample():
    functions = EventDetector(StationStub()).predict_functions(Stream(station()))
    frame = functions.to_frame()
    assert list(frame.columns) == [
        "time", "station", "P", "S", "earthquake", "rockfall", "coverage",
    ]  # fmt: skip
    assert len(frame) == 1200
    assert (frame["time"].diff().dropna() == pd.Timedelta(1 / RATE, "s")).all()
