"""
Scan a continuous record
========================

A classifier of windows becomes a detector: every sample of a continuous record is looked at, and
what comes out is a table of events, with the probabilities and the coverage they come from.
"""

# %%
# A classifier needs a class for what is no event. Here it learns from synthetic events of three
# sites; the record comes from one of them, with other events.

from seisclf.datasets import make_continuous_record, make_seismic_events
from seisclf.ensemble import FeatureForestClassifier

X, y = make_seismic_events(
    300, duration=12.0, sampling_rate=50.0, snr_db=(0, 25), random_state=0, return_X_y=True
)
forest = FeatureForestClassifier(sampling_rate=50.0, n_estimators=100, random_state=0).fit(X, y)

record = make_continuous_record(
    duration=720.0, n_stations=2, sampling_rate=50.0, event_rate=25.0, snr_db=(8, 25), gaps=1,
    random_state=0,
)  # fmt: skip
print(record.stream)

# %%
# Window, sampling rate and components come from the classifier. ``detect`` scans each station for
# itself.

from seisclf.detection import EventDetector

detector = EventDetector(forest, step=1.0)
detections = detector.detect(record.stream)
detections

# %%
# Detections are coloured by class; beneath each waveform stand the class probabilities, which sum
# to one at all times. Where a gap leaves no window, there is no data (hatched), which is not the
# same as no event.

detections.plot(record.stream)

# %%
# Events that both stations saw, beside the catalogue of the record:

events = detections.associate(min_stations=2, max_delay=5.0)
events.to_frame()[["class", "onset", "probability", "stations"]]

# %%
record.catalog[["class", "onset", "end", "snr_db"]]

# %%
# Nothing is left out in silence:

detections.coverage_report()[["station", "covered", "windows", "windows_without_data", "notes"]]
