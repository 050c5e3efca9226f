"""
==================================
Comparing models on your catalogue
==================================

A forest on features, a network on spectrograms, and chance: which one is best on *your* events,
and is the difference more than luck? :func:`~seisclf.model_selection.compare_estimators` trains
all of them on the same folds, refuses folds that leak, and keeps what they predicted.
"""

# %%
# Events and what is known of them
# --------------------------------
#
# Synthetic here, so that the example needs no download; :func:`~seisclf.datasets.read_seisbench`
# and :func:`~seisclf.datasets.events_from_catalog` give the same three things for your own:
# waveforms, classes, and a table with one line for each event.

from seisclf.datasets import make_seismic_events

events = make_seismic_events(
    160, n_sites=2, duration=20.0, sampling_rate=50.0, snr_db=(0, 12), random_state=1
)
X, y, metadata = events.data, events.target, events.metadata
print(X.shape)
metadata[["event_id", "site", "start_time", "end_time"]].head()

# %%
# Look at the folds first
# -----------------------
#
# Whole months stay together: neighbours in time are alike, and a classifier that has seen this
# morning's swarm knows the one of this afternoon. The plan counts classes in every fold before
# anything is trained.

from seisclf.model_selection import CalendarKFold, plan_folds

cv = CalendarKFold(n_splits=4, by="month")
plan = plan_folds(cv, X, y, metadata=metadata)
plan

# %%

plan.plot()

# %%
# Compare
# -------
#
# With ``store="comparison"`` every finished fit is kept in that folder, and a run that was
# stopped continues where it was.

from sklearn.dummy import DummyClassifier

from seisclf.ensemble import FeatureForestClassifier
from seisclf.model_selection import compare_estimators
from seisclf.neural_network import STFTCNNClassifier

comparison = compare_estimators(
    {
        "forest": FeatureForestClassifier(sampling_rate=50.0, n_estimators=100),
        "STFT-CNN": STFTCNNClassifier(
            sampling_rate=50.0,
            n_filters=(8, 16, 32),
            n_hidden=64,
            dropout=0.3,
            max_epochs=25,
            batch_size=16,
            lr=1e-3,
        ),
        "chance": DummyClassifier(strategy="stratified"),
    },
    X,
    y,
    cv=cv,
    metadata=metadata,
    random_state=0,
)
comparison

# %%
# Points are folds. The line is the 95 % interval from resampling whole events: rows of one event
# are alike, and resampling rows would promise too much.

comparison.plot()

# %%
# Which events are confused, counted by event:

comparison.plot_confusion()

# %%

comparison.report().round(2)

# %%
# More than luck?
# ---------------
#
# The folds share most of their training events, so the plain t-test is too sure of itself; this
# one is corrected for that (Nadeau and Bengio, 2003). ``p_holm`` allows for testing several pairs.

comparison.ttest().round(3)

# %%
# And the sentence for your paper:

print(comparison.test_score())
