"""
A first pipeline
================

Filter, scale, compute features, classify: four steps of a scikit-learn ``Pipeline``, trained on
some events and tested on others.
"""

# %%
# Events
# ------
#
# 240 events, each recorded at three stations: one row is one event at one station. Data of your
# own come in the same form from :func:`~seisclf.datasets.read_seisbench`,
# :func:`~seisclf.datasets.events_from_catalog` or :func:`~seisclf.datasets.from_streams`.

from seisclf.datasets import make_seismic_events

events = make_seismic_events(240, n_stations=3, as_rows=True, n_samples=2000, random_state=0)
X, y = events.data, events.target
print(X.shape, sorted(set(y.tolist())))

# %%
# Training and test hold different events
# ---------------------------------------
#
# Rows of one event look alike. Were one station's row in training and another's in test, the score
# would tell how well events are recognised that are already known. ``groups`` keeps them together.

from sklearn.model_selection import GroupShuffleSplit

groups = events.metadata["event_id"]
split = GroupShuffleSplit(n_splits=1, test_size=0.3, random_state=0)
train, test = next(split.split(X, y, groups))

# %%
# The pipeline
# ------------
#
# The filter and the scaler keep the shape (n_events, n_channels, n_samples); the features are a
# table of (n_events, n_features). Some are undefined for some events, and are filled with the
# median of the training set.

from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline

from seisclf.feature_extraction import SeismicFeatures
from seisclf.preprocessing import Bandpass, WaveformScaler

pipeline = make_pipeline(
    Bandpass(sampling_rate=events.sampling_rate, low=1.0, high=40.0),
    WaveformScaler(),
    SeismicFeatures(sampling_rate=events.sampling_rate),
    SimpleImputer(strategy="median", keep_empty_features=True),
    RandomForestClassifier(200, class_weight="balanced", random_state=0),
)
pipeline.fit(X[train], y[train])

# %%
# The score
# ---------

from sklearn.metrics import classification_report

predicted = pipeline.predict(X[test])
print(classification_report(y[test], predicted))

# %%
# Where it errs
# -------------

import matplotlib.pyplot as plt
from sklearn.metrics import ConfusionMatrixDisplay

fig, ax = plt.subplots(figsize=(5, 4.2), layout="constrained")
ConfusionMatrixDisplay.from_predictions(y[test], predicted, ax=ax, cmap="Blues", colorbar=False)

# %%
# The wrong ones, looked at: most are faint.

import numpy as np

from seisclf.datasets import WaveformDisplay

wrong = test[predicted != y[test]][:4]
display = WaveformDisplay.from_bunch(events, rows=wrong)
for ax, row in zip(display.axes_, wrong, strict=True):
    answer = predicted[np.flatnonzero(test == row)[0]]
    snr = events.metadata["snr_db"][row]
    ax.set_title(f"{y[row]}, taken for {answer} ({snr:.0f} dB)", loc="left", fontsize="medium")
