"""The published hour: functions and catalogue, from the raw files."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from obspy import Stream, UTCDateTime, read

from seisclf.detection import EventDetector, rocknet_record
from seisclf.detection._function_picking import peaks_of
from seisclf.neural_network import RockNetAssociator, RockNetClassifier

START = UTCDateTime(2020, 3, 28, 12, 59)
STATIONS = ["LH01", "LH02", "LH03", "LH04"]
# Name of the function, and how the authors' files end.
OF_NETWORK = {"occurrence_rockfall": "rfocc", "occurrence_earthquake": "eqocc"}
OF_STATION = {"P": "P", "S": "S", "earthquake": "eqmask", "rockfall": "rfmask"}
# Seconds after START of three minutes with a rockfall and an earthquake; on the grid of windows.
EXCERPT = 2475
INNER = slice(5500, 12500)  # its samples that lie in twelve windows


@pytest.fixture(scope="module")
def weights(data_dir):
    return data_dir / "rocknet" / "net_fusion_RF_60s" / "train.hdf5"


@pytest.fixture(scope="module")
def prepared(data_dir):
    stream = Stream()
    for path in sorted((data_dir / "luhu" / "sac_2020.088.13").glob("*.sac")):
        stream += read(str(path))
    return rocknet_record(stream, starttime=START, endtime=START + 3720, stations=STATIONS)


@pytest.fixture(scope="module")
def published(data_dir):
    folder = data_dir / "luhu" / "published_2020.088.13"
    functions = {
        name: read(str(next(folder.glob(f"Luhu*.{ending}"))))[0].data
        for name, ending in OF_NETWORK.items()
    }
    for station in STATIONS:
        for name, ending in OF_STATION.items():
            path = next(folder.glob(f"{station}*.{ending}"))
            functions[station, name] = read(str(path))[0].data
    assert len(functions) == 18
    return functions


def excerpt(prepared, station="*"):
    first = START + EXCERPT
    return prepared.select(station=station).slice(first, first + 179.99)


def compared(functions, published, part=slice(None)):
    """Largest difference of each function."""
    inside = slice(None)
    if part != inside:
        inside = slice(EXCERPT * 100 + part.start, EXCERPT * 100 + part.stop)
    differences = {}
    for name in OF_NETWORK if functions.network else ():
        ours = functions.network.functions[name][part]
        differences[name] = np.abs(ours - published[name][inside]).max()
    for station, function in functions.items():
        for name in OF_STATION:
            theirs = published[station.split(".")[1], name][inside]
            differences[station, name] = np.abs(function.functions[name][part] - theirs).max()
    return differences


def test_one_station_agrees_with_the_published_functions(weights, prepared, published):
    detector = EventDetector(RockNetClassifier.from_published(weights), step=5, padding=None)
    functions = detector.predict_functions(excerpt(prepared, "LH01"))
    differences = compared(functions, published, INNER)
    assert len(differences) == 4
    assert max(differences.values()) <= 1e-4, differences
    frame = detector.pick(functions).to_frame()
    assert {"rockfall", "earthquake"} <= set(frame["class"])


def test_three_minutes_of_the_network_agree_with_the_published_functions(
    weights, prepared, published
):
    classifier = RockNetAssociator.from_published(weights)
    detector = EventDetector(
        classifier, step=5, padding=None, stations=STATIONS, threshold=0.3, persistence=3
    )
    functions = detector.predict_functions(excerpt(prepared))
    differences = compared(functions, published, INNER)
    assert len(differences) == 18
    assert max(differences.values()) <= 1e-4, differences
    detections = detector.pick(functions)
    frame = detections.to_frame()
    assert frame["class"].tolist() == ["rockfall", "earthquake"]
    assert [len(names.split()) for names in frame["stations"]] == [2, 4]
    assert detections.picks["phase"].value_counts().to_dict() == {"P": 4, "S": 4}


@pytest.mark.slow
def test_the_hour_agrees_and_becomes_its_catalogue(weights, prepared, published):
    classifier = RockNetAssociator.from_published(weights)
    detector = EventDetector(classifier, window=60, step=5, stations=STATIONS, threshold=0.3)
    functions = detector.predict_functions(prepared)
    differences = compared(functions, published)
    assert len(differences) == 18
    assert max(differences.values()) <= 1e-4, differences
    assert (functions.coverage_report()["covered"] == 1).all()
    assert functions.network.n_windows == 755

    frame = detector.pick(functions).to_frame()
    for label, ending in (("rockfall", 6), ("earthquake", 8)):
        peaks = peaks_of(published[f"occurrence_{label}"], height=0.3, distance=300)
        onsets = frame["onset"][frame["class"] == label].tolist()
        assert len(onsets) == len(peaks) == ending
        for onset, peak in zip(onsets, peaks, strict=True):
            expected = pd.Timestamp((START + 0.5 + peak / 100).ns, tz="UTC")
            assert abs(onset - expected) < pd.Timedelta(0.1, "s")
        probabilities = frame["probability"][frame["class"] == label]
        assert_allclose(probabilities, published[f"occurrence_{label}"][peaks], atol=1e-4)
    assert len(frame) == 14
