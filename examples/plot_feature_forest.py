"""
What a forest relies on
=======================

:class:`~seisclf.ensemble.FeatureForestClassifier` computes features and grows trees on them. Which
features does it need, and would it do without?
"""

# %%
# Events of three sites, the later ones kept for the test.

from seisclf.datasets import make_seismic_events

events = make_seismic_events(200, duration=20.0, snr_db=(3, 15), days=365, random_state=0)
order = events.metadata["start_time"].argsort().to_numpy()
X, y = events.data[order], events.target[order]
X_train, y_train, X_test, y_test = X[:130], y[:130], X[130:], y[130:]

# %%
# Train
# -----
#
# The group ``"phases"`` finds the onset in each window and compares first arrivals, S and coda
# band by band. Features and forest are parameters of one estimator: a grid search reaches both.

from seisclf.ensemble import FeatureForestClassifier
from seisclf.feature_extraction import SeismicFeatures

features = SeismicFeatures(
    sampling_rate=events.sampling_rate,
    groups=("waveform", "spectral", "spectrogram", "polarity", "phases"),
)
forest = FeatureForestClassifier(features=features, n_estimators=200, random_state=0)
forest.fit(X_train, y_train)

# %%
# How well it does
# ----------------

import matplotlib.pyplot as plt
from sklearn.metrics import ConfusionMatrixDisplay

ConfusionMatrixDisplay.from_estimator(forest, X_test, y_test, cmap="Blues", colorbar=False)
plt.tight_layout()

# %%
# What it needs
# -------------
#
# All features of a family are shuffled together, on events of the test, and predicted again. Bars
# are means, dots are repetitions. Shuffled one at a time nearly every feature would seem useless,
# because others say the same.

forest.explain(X_test, y_test, n_repeats=5, max_groups=15, random_state=0)

# %%
# The same by channel: ratios of horizontal to vertical motion belong to all of them together.

forest.explain(X_test, y_test, by="channel", n_repeats=5, random_state=0)
plt.show()

# %%
# The numbers behind it
# ---------------------
#
# ``feature_table`` says what each column is; ``importance`` is the quick estimate that comes with
# the training events, to be taken with a grain of salt.

table = forest.feature_table()
table.nlargest(5, "importance")[["column", "family", "description", "importance"]]
