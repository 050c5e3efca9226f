"""
From an archive to a scored catalogue
=====================================

Nobody has arrays. What there is, is a folder of miniSEED files: with gaps, wrong rates, dead
channels, files that nobody knows where they came from, and stations that are missing for a day.
"""

# %%
# Such an archive is made here: three hours of two stations, with events, and with everything that
# goes wrong in archives planted at known places.

import tempfile
from pathlib import Path

from seisclf.datasets import make_archive

folder = Path(tempfile.mkdtemp())
archive = make_archive(
    folder / "archive",
    duration=3 * 3600.0,
    file_length=1800.0,
    n_stations=2,
    sampling_rate=50.0,
    event_rate=10.0,
    random_state=0,
)
archive.faults[["fault", "trace", "start", "end", "hides"]]

# %%
# One call reads all of it. Nothing is dropped without a row in the report: what was found, where,
# and what was done about it. Gaps become a mask beside the samples; they are never filled with
# zeros, and nothing is filtered across them.

from seisclf.io import read_archive

recordings = read_archive(archive.folder)
recordings

# %%

recordings.report.findings[["trace", "kind", "what", "action"]]

# %%
# For a scan, the archive need not fit into memory. A random forest learns from other events of the
# same kind of ground, and the detector goes through the archive task by task. What is done is kept
# in ``catalogue``: a scan that was killed goes on where it was when it is called again. Workers on
# this machine (``n_jobs=2``) or on a cluster give the same catalogue.

from seisclf.datasets import make_seismic_events
from seisclf.detection import EventDetector
from seisclf.ensemble import FeatureForestClassifier

X, y = make_seismic_events(
    300, duration=12.0, sampling_rate=50.0, snr_db=(0, 25), random_state=0, return_X_y=True
)
forest = FeatureForestClassifier(sampling_rate=50.0, n_estimators=50, random_state=0).fit(X, y)
detector = EventDetector(forest, step=2.0)
detections = detector.scan(archive.folder, output=folder / "catalogue")
detections

# %%
# The files of this archive are cut wherever half an hour is over. The scan does not see that: its
# events are those of the whole record. Coverage is part of the result.

detections.coverage_report()

# %%
# What both stations saw, joined by the time that a wave needs between them, and scored against the
# truth: one detection for one event, over the time that both recorded, with intervals from drawing
# whole hours.

from seisclf.metrics import catalogue_scores

events = detections.associate(stations=archive.stations, velocity=1.0, onset_error=3.0)
scores = catalogue_scores(
    events, archive.catalog, tolerance=5.0, min_stations=2, by="hour", random_state=0
)
scores[["known", "not_recorded", "detected", "matched", "precision", "recall", "false_per_day"]]

# %%
# Catalogues go to CSV, Parquet, QuakeML and SeisComP, and come back; events have names that stay
# the same when they are found again.

events.to_quakeml(folder / "events.xml")
events.ids[:3]

# %%
# For people there is a page: when, how many, how sure, waveforms of the clearest and the least
# certain events of each class, a map, the scores, and what was wrong with the files. Two of its
# pictures:

from matplotlib import pyplot as plt

from seisclf.detection import DetectionReport

page = DetectionReport(
    events, catalogue=archive.catalog, waveforms=archive.folder, stations=archive.stations
).save(folder / "report")
figure, axes = plt.subplots(2, 1, figsize=(9, 7), layout="constrained")
for ax, name in zip(axes, ("timeline", "gallery_00_clearest"), strict=True):
    ax.imshow(plt.imread(folder / "report" / f"{name}.png"))
    ax.axis("off")
plt.show()
