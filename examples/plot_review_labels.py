"""
=========================
Reviewing doubtful labels
=========================

Catalogues hold wrong labels, and a classifier trained on them learns the mistakes. Here a
classifier that has not seen an event doubts its label, an expert decides, and the catalogue
remembers who changed what.
"""

# %%
# A catalogue in which one label out of ten is wrong. The true ones are kept aside: they play the
# expert below.

import numpy as np

from seisclf.datasets import make_seismic_events

events = make_seismic_events(
    300, duration=16.0, sampling_rate=50.0, snr_db=(5, 20), random_state=0
)
truth = events.target
rng = np.random.default_rng(0)
wrong = rng.choice(len(truth), len(truth) // 10, replace=False)
labels = truth.copy()
for row in wrong:
    labels[row] = rng.choice([name for name in np.unique(truth) if name != truth[row]])

# %%
# Doubt
# -----
#
# Five classifiers, each trained on four fifths of the events, judge the last fifth. The events of
# one ``event_id`` are never on both sides.

from seisclf.ensemble import FeatureForestClassifier
from seisclf.inspection import LabelReview

forest = FeatureForestClassifier(sampling_rate=50.0, n_estimators=200, random_state=0)
review = LabelReview(forest, random_state=0)
review.fit(events.data, labels, metadata=events.metadata)

suspects = review.suspects_
found = np.isin(suspects["row"], wrong)
print(f"{len(suspects)} of {len(labels)} labels are suspect, by {review.method_}")
print(f"{found.sum()} of them are wrong, of {len(wrong)} wrong labels in all")
print(suspects[["row", "label", "predicted", "doubt"]].head(8))

# %%
# The most doubtful labels are the wrong ones: how the precision falls as the expert goes down the
# list.

import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(5.5, 3), layout="constrained")
n_seen = np.arange(1, len(suspects) + 1)
ax.plot(n_seen, found.cumsum() / n_seen, label="precision")
ax.plot(n_seen, found.cumsum() / len(wrong), label="recall")
ax.set(xlabel="suspects looked at", ylim=(0, 1.02))
ax.legend(frameon=False)
figure.show()

# %%
# The page
# --------
#
# ``write_page`` makes a folder that opens in any browser, without a server: one event at a time
# with its waveform, spectrogram, probabilities and the most similar events. Digits name a class,
# the arrows move, and decisions can be exported as CSV or JSON. With a network instead of a forest
# it also shows relevance for the label and for the prediction. The command
# ``seisclf review DATA MODEL --out DIR --serve`` does the same and keeps the decisions in a file.

import tempfile
from pathlib import Path

with tempfile.TemporaryDirectory() as folder:
    page = review.write_page(Path(folder) / "review")
    n_files = sum(1 for _ in page.parent.rglob("*.js"))
    print(f"{page.name} and {n_files} scripts")

# %%
# Decisions
# ---------
#
# Here the expert always knows. :func:`~seisclf.inspection.read_decisions` reads the real ones, of
# several experts if there are.

decisions = [
    {
        "row": row,
        "event_id": event_id,
        "old_label": labels[row],
        "new_label": truth[row],
        "action": "keep" if labels[row] == truth[row] else "change",
        "expert": "ada",
    }
    for row, event_id in zip(suspects["row"], suspects["event_id"], strict=True)
]
correction = review.apply_decisions(decisions)
print(correction)
print(correction.changes[["row", "old_label", "new_label", "expert"]].head())

# %%
# The same predictions, judged by the labels before and after.

print(correction.before_after.round(2))

# %%
# Going on
# --------
#
# With the corrected labels the classifier is trained again. Networks can instead go on from where
# they are, ``review.continue_fit(correction)``, which is the second session of the published
# system.

from sklearn.base import clone
from sklearn.metrics import f1_score

new = make_seismic_events(200, duration=16.0, sampling_rate=50.0, snr_db=(5, 20), random_state=1)
kept = correction.kept
for name, target, rows in (
    ("as labelled", labels, slice(None)),
    ("as corrected", correction.labels, kept),
    ("as it was in truth", truth, slice(None)),
):
    model = clone(forest).fit(events.data[rows], target[rows].astype(str))
    score = f1_score(new.target, model.predict(new.data), average="macro")
    print(f"trained {name}: macro-F1 {score:.3f} on new events")
