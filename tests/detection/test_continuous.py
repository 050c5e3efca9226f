"""From synthetic training events to the catalogue of a synthetic continuous record."""

import numpy as np
import pandas as pd
import pytest

from seisclf.datasets import make_continuous_record, make_seismic_events
from seisclf.detection import EventDetector
from seisclf.ensemble import FeatureForestClassifier


@pytest.fixture(scope="module")
def scan():
    """A record of ten minutes with gaps at two stations, and what a forest found in it."""
    X, y = make_seismic_events(
        240, duration=10.0, sampling_rate=50.0, snr_db=(0, 25), random_state=0, return_X_y=True,
        classes=("quake", "rockfall", "noise"),
    )  # fmt: skip
    forest = FeatureForestClassifier(sampling_rate=50.0, n_estimators=60, random_state=0)
    record = make_continuous_record(
        duration=600.0, n_stations=2, sampling_rate=50.0, event_rate=40.0, snr_db=(10, 25),
        classes=("quake", "rockfall"), gaps=1, random_state=3,
    )  # fmt: skip
    detector = EventDetector(forest.fit(X, y), step=1.0)
    return record, detector.detect(record.stream)


def test_planted_events_are_found_where_they_are(scan):
    record, detections = scan
    events = detections.associate(min_stations=2, max_delay=5.0).to_frame()
    second = pd.Timedelta(1, "s")
    errors = []
    for row in record.catalog.to_dict("records"):
        near = (events["onset"] <= row["end"]) & (events["end"] >= row["onset"] - 2 * second)
        assert near.any(), f"{row['class']} at {row['onset']} was not found"
        errors.append((events["onset"][near].iloc[0] - row["onset"]) / second)
    assert len(errors) >= 4
    assert np.median(np.abs(errors)) < 1.0
    assert len(events) <= len(errors) + 1  # false events of the network


def test_coverage_is_what_the_gaps_leave(scan):
    record, detections = scan
    lengths = (record.gaps["end"] - record.gaps["start"]).dt.total_seconds()
    report = detections.coverage_report().set_index("station")["covered"]
    for station, seconds in lengths.groupby(record.gaps["station"]).sum().items():
        assert report[station] == pytest.approx(1 - seconds / 600.0, abs=1e-3)
    for function in detections.functions.values():
        total = function.probabilities.sum(axis=1)
        np.testing.assert_allclose(total[function.coverage > 0], 1, atol=1e-6)
        assert np.isnan(total[function.coverage == 0]).all()
