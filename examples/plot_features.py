"""
Features that tell a rockfall from an earthquake
================================================

Numbers with a meaning, computed for all events at once, and which of them separate two classes.
"""

# %%
# Synthetic events at two sites: three components, 30 s at 100 Hz.

import matplotlib.pyplot as plt
import numpy as np

from seisclf.datasets import make_seismic_events

events = make_seismic_events(
    120, classes=("earthquake", "rockfall"), n_sites=2, snr_db=(10, 25), random_state=0
)
events.data.shape

# %%
# :class:`~seisclf.feature_extraction.SeismicFeatures` is a transformer. Its columns have names,
# and every name a documented formula.

from seisclf.feature_extraction import SeismicFeatures

features = SeismicFeatures(sampling_rate=events.sampling_rate).set_output(transform="pandas")
table = features.fit_transform(events.data)
table.iloc[:3, :6]

# %%
# How well does each feature separate the classes by itself? The area under the ROC curve is 0.5
# for a useless one, and 0 or 1 for a perfect one.

from sklearn.metrics import roc_auc_score

is_rockfall = events.target == "rockfall"
complete = table.dropna(axis="columns")
area = complete.apply(lambda column: roc_auc_score(is_rockfall, column))
best = (area - 0.5).abs().sort_values(ascending=False).index
area[best[:8]].round(2)

# %%
# One event of each class, and two features that part them: rockfalls are trains of impacts without
# the sharp onsets and the lasting coda of an earthquake.

time = np.arange(events.data.shape[-1]) / events.sampling_rate
figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
output = features.output_table().set_index("column")
second = next(name for name in best if output.family[name] != output.family[best[0]])
for row, name in enumerate(("earthquake", "rockfall")):
    chosen = events.target == name
    trace = events.data[np.flatnonzero(chosen)[0], 0]
    axes[0].plot(time, trace / np.abs(trace).max() / 2 - row, lw=0.4, color=f"C{row}")
    axes[1].plot(table.loc[chosen, best[0]], table.loc[chosen, second], "o", ms=4, label=name)
axes[0].set(xlabel="time (s)", yticks=[0, -1], yticklabels=["earthquake", "rockfall"])
axes[1].set(xlabel=best[0], ylabel=second)
axes[1].legend()
plt.show()

# %%
# Together they do better than any of them, even at a site that was not in the training set.
# Guessing would score 0.5.

from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import LeaveOneGroupOut, cross_val_score

forest = RandomForestClassifier(300, class_weight="balanced", random_state=0)
scores = cross_val_score(
    forest,
    complete,
    events.target,
    groups=events.metadata["site"],
    cv=LeaveOneGroupOut(),
    scoring="balanced_accuracy",
)
scores.round(2)

# %%
# What a column is, with the tags that say when to be careful: features that depend on the unit
# must not be compared between instruments.

output.loc[best[:8], ["description", "unit", "unit_dependent"]]
