"""
=========================
From windows to one class
=========================

A classifier that slides over a record answers once a second, and sometimes differently each time.
The published chain for STFT-CNN makes one class over time of it; any classifier can use it, whole
or in parts.
"""

# %%
# A record with events, and a forest that has learned windows of 12 s.

from seisclf.datasets import make_continuous_record, make_seismic_events
from seisclf.ensemble import FeatureForestClassifier

X, y = make_seismic_events(
    300, duration=12.0, sampling_rate=50.0, snr_db=(0, 20), random_state=0, return_X_y=True
)
forest = FeatureForestClassifier(sampling_rate=50.0, n_estimators=100, random_state=0).fit(X, y)
record = make_continuous_record(
    duration=480.0,
    n_stations=1,
    sampling_rate=50.0,
    event_rate=45.0,
    snr_db=(5, 20),
    random_state=3,
)

# %%
# One value for each window, every second: ``stack="window"``. Nothing is averaged over windows
# that overlap.

import numpy as np

from seisclf.detection import EventDetector

detector = EventDetector(forest, step=1.0, stack="window")
(function,) = detector.predict_functions(record.stream).values()
series = function.probabilities.T  # (n_classes, n_frames)
seconds = function.step * (0.5 + np.arange(series.shape[1]))

# %%
# Step by step
# ------------
#
# What is below the threshold goes; the median removes spikes and closes gaps; the Gaussian makes
# short peaks low; of peaks that overlap, the highest stays. Each step is a transformer of series,
# (n_series, n_classes, n_frames).

import matplotlib.pyplot as plt

from seisclf.detection import GaussianSmoother, MedianFilter, PeakSelector, ThresholdFilter

events = [i for i, label in enumerate(function.classes) if label != "noise"]
step = series[None, events]
figure, axes = plt.subplots(5, 1, figsize=(9, 8), sharex=True, sharey=True, layout="constrained")
steps = {
    "probabilities of the windows": None,
    "threshold 0.5": ThresholdFilter(threshold=0.5),
    "median of 5 s": MedianFilter(size=5),
    "Gaussian of 15 s": GaussianSmoother(length=15, std=5.0),
    "highest peak, at least 0.18": PeakSelector(min_height=0.18),
}
for ax, (title, transformer) in zip(axes, steps.items(), strict=True):
    step = step if transformer is None else transformer.fit_transform(step)
    for row, label in zip(step[0], function.classes[events], strict=True):
        ax.plot(seconds, row, label=label)
    ax.set_title(title, fontsize=9)
axes[0].legend(frameon=False, ncols=3, loc="upper right")
axes[-1].set(xlabel="time (s)", ylim=(0, 1.05))
figure.show()

# %%
# In one go
# ---------
#
# The same chain inside the detector, with the picture of what comes out.

from seisclf.detection import stft_cnn_postprocessing

detector = EventDetector(forest, step=1.0, postprocessing=stft_cnn_postprocessing("code"))
detections = detector.detect(record.stream)
detections.plot(record.stream)

# %%
# Against the catalogue
# ---------------------
#
# One-to-one matching; what is missed counts as called noise, what is found where nothing was as
# true noise. Other settings need no new scan.

from seisclf.metrics import catalogue_confusion_matrix

catalogue_confusion_matrix(detections, record.catalog, tolerance=8.0)

# %%
for height in (0.1, 0.18, 0.3):
    chain = stft_cnn_postprocessing("code").set_params(select__min_height=height)
    other = EventDetector(forest, step=1.0, postprocessing=chain)
    print(f"min_height {height}: {len(other.pick(detections.functions))} events")
