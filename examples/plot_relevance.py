"""
=======================
What a network looks at
=======================

A network that names the right class may do so for the wrong reason. Relevance shows where in time
and frequency it found what speaks for a class, and what speaks against it.
"""

# %%
# Three components of 16 s, four classes. A small network learns them in half a minute.

import numpy as np

from seisclf.datasets import make_seismic_events
from seisclf.neural_network import STFTCNNClassifier

events = make_seismic_events(
    240, duration=16.0, sampling_rate=50.0, snr_db=(5, 20), random_state=0
)
X, y = events.data, events.target
train, test = slice(0, 180), slice(180, None)

network = STFTCNNClassifier(
    sampling_rate=50.0,
    window_length=1.28,
    hop=0.16,
    n_filters=(8, 16, 32),
    max_epochs=25,
    lr=2e-3,
    batch_size=16,
    random_state=0,
)
network.fit(X[train], y[train])
print(f"accuracy {network.score(X[test], y[test]):.2f}")

# %%
# One event
# ---------
#
# The logit of the predicted class is divided among the cells of the spectrogram. Red cells speak
# for the class, blue ones against it. The sum of all cells is the logit, apart from what the
# biases of the network keep, and the title says how much that is.

from seisclf.inspection import RelevanceDisplay

label, predicted = y[test], network.predict(X[test])
row = 180 + np.flatnonzero((label == "earthquake") & (predicted == label))[0]
RelevanceDisplay.from_estimator(network, X[row])

# %%
# A mistake
# ---------
#
# Where network and label differ, both classes are explained side by side on one scale: what
# speaks for the label, and what for the prediction.

row = 180 + np.flatnonzero(predicted != label)[0]
RelevanceDisplay.from_estimator(network, X[row], target=[y[row], None])

# %%
# A class as a whole
# ------------------
#
# Single events have their chances. Which bands speak for a class shows over many: the share of
# relevance, for and against, in each band.

import matplotlib.pyplot as plt

from seisclf.inspection import layerwise_relevance

found = layerwise_relevance(network, X[test], bias="distribute")
print(f"largest conservation error {abs(found.conservation_error).max():.1e}")

bands = {"1-4 Hz": (1, 4), "4-8 Hz": (4, 8), "8-16 Hz": (8, 16), "16-25 Hz": (16, 25)}
shares = found.band_summary(bands)
print(shares.head())

# %%
# The maps themselves, averaged over the rightly classified events of each class and over the
# components.

right = predicted == label
figure, axes = plt.subplots(1, 4, figsize=(11, 2.8), sharey=True, layout="constrained")
for ax, name in zip(axes, network.classes_, strict=True):
    mean = found.relevance[right & (label == name)].mean(axis=(0, 1))
    limit = abs(mean).max()
    ax.pcolormesh(found.times, found.frequencies, mean, cmap="RdBu_r", vmin=-limit, vmax=limit)
    ax.set(title=f"{name} ({np.sum(right & (label == name))} events)", xlabel="time (s)")
axes[0].set_ylabel("frequency (Hz)")
figure.show()

# %%
# Down to the waveform
# --------------------
#
# ``space="waveform"`` goes on through the spectrogram to each sample of each component.

RelevanceDisplay.from_estimator(network, X[row], space="waveform")

# %%
# A forest
# --------
#
# A forest has no map, but each of its probabilities is a sum: the share of the class among the
# training events, and what every feature added on the way down the trees.

from seisclf.ensemble import FeatureForestClassifier
from seisclf.inspection import ForestContributionDisplay

forest = FeatureForestClassifier(sampling_rate=50.0, n_estimators=200, random_state=0)
forest.fit(X[train], y[train])
ForestContributionDisplay.from_estimator(forest, X[row])
