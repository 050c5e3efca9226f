"""
===========================
One event, 24 channels vote
===========================

A slope is watched by many channels, and an event is strong on some of them and drowned on others.
Either the channels become one before one classification, or each is classified by itself and the
answers are averaged, which Lee et al. (2022) found much better at Åknes. Here are both, on
synthetic events of eight stations with three components, and what else the votes tell.
"""

# %%
# The signal-to-noise ratio differs from channel to channel. A tenth of the channels is missing,
# NaN, as :func:`seisclf.datasets.from_streams` leaves them.

import numpy as np

from seisclf.datasets import make_seismic_events

events = make_seismic_events(
    160,
    classes=("earthquake", "rockfall", "tremor", "noise"),
    n_sites=1,
    n_stations=8,
    duration=12.0,
    sampling_rate=50.0,
    snr_db=(-9, 0),
    channel_snr_spread_db=10.0,
    random_state=0,
)
X = events.data.reshape(160, 24, -1)
X[np.random.default_rng(0).random(X.shape[:2]) < 0.1] = np.nan
y = events.target

# %%
# First average, or first classify?
# ---------------------------------
#
# The same forest, once on the channels averaged by their signal-to-noise ratio, and once on every
# channel. An ensemble takes any classifier, of seisclf or of scikit-learn, and is one itself.

from sklearn.pipeline import make_pipeline

from seisclf.ensemble import ChannelEnsembleClassifier, FeatureForestClassifier
from seisclf.model_selection import compare_estimators
from seisclf.preprocessing import ChannelAggregator

forest = FeatureForestClassifier(n_estimators=60, sampling_rate=50.0, n_jobs=2)
comparison = compare_estimators(
    {
        "average, then classify": make_pipeline(ChannelAggregator(), forest),
        "classify, then average": ChannelEnsembleClassifier(forest),
    },
    X,
    y,
    cv=3,
    metadata=events.metadata,
    random_state=0,
)
print(comparison.summary()["f1_macro"].round(3))

# %%
# Who carries the class?
# ----------------------
#
# ``channel_scores`` asks each channel alone on events that were not trained on, and what the
# ensemble loses without it. Weak channels lie near chance, and the ensemble does not mind: hardly
# any channel is missed when it is gone.

ensemble = ChannelEnsembleClassifier(forest, random_state=0).fit(X[:100], y[:100])
scores = ensemble.channel_scores(X[100:], y[100:])
print(scores.sort_values("f1_macro", ascending=False).round(2).iloc[[0, 1, 2, -3, -2, -1]])

# %%
# How sure is it?
# ---------------
#
# The mean may be undecided for two reasons: each channel is (``expected_entropy``), or channels
# are sure of different classes (``disagreement``). The second kind is worth an expert's look.

uncertainty = ensemble.uncertainty(X[100:])
print(uncertainty.sort_values("disagreement").tail(3).round(2))

# %%
# The event about which the channels disagree most:

from seisclf.ensemble import ChannelVotesDisplay

row = 100 + int(uncertainty["disagreement"].idxmax())
ChannelVotesDisplay.from_estimator(ensemble, X[row], y_true=y[row])

# %%
# A network in the ensemble
# -------------------------
#
# A network sees one random channel of each event in each epoch, so that an epoch costs as much as
# with one channel, and 24 channels are 24 times the data. Its parameters are searched together
# with those of the vote.

from sklearn.model_selection import GridSearchCV

from seisclf.neural_network import CNNClassifier

network = CNNClassifier(
    sampling_rate=50.0,
    window_length=0.32,
    log="db",
    size=16,
    backbone="resnet18",
    width=4,
    max_epochs=20,
    batch_size=20,
    lr=5e-3,
    random_state=0,
)
search = GridSearchCV(
    ChannelEnsembleClassifier(network, random_state=0),
    {"voting": ["soft", "geometric"], "estimator__lr": [2e-3, 5e-3]},
    scoring="f1_macro",
    cv=2,
)
search.fit(X[:100], y[:100])
print(search.best_params_, "on later events:", round(search.score(X[100:], y[100:]), 3))
