"""
==================
Training a network
==================

What a network sees, how its training goes, where it should stop, and what it then knows.
"""

# %%
# Events of two years at three sites, weak ones among them. The last quarter is kept for the test.

import numpy as np

from seisclf.datasets import make_seismic_events

events = make_seismic_events(
    240, duration=16.0, sampling_rate=50.0, snr_db=(0, 15), days=730, random_state=0
)
X, y = events.data, events.target
month = events.metadata["start_time"].dt.strftime("%Y-%m")
past, future = slice(0, 180), slice(180, None)

# %%
# Training with an eye on other months
# ------------------------------------
#
# A fifth of the events is set aside, in whole months, because ``groups`` says what belongs
# together. Training stops when their loss has not fallen for 8 epochs, and the best weights come
# back.

from seisclf.neural_network import STFTCNNClassifier

network = STFTCNNClassifier(
    sampling_rate=50.0,
    max_epochs=60,
    lr=2e-3,
    batch_size=16,
    early_stopping=8,
    validation_fraction=0.2,
    random_state=0,
)
network.fit(X[past], y[past], groups=month[past])
print(f"{network.n_iter_} epochs, weights of epoch {network.best_epoch_}")

# %%
# The loss of the training events goes on falling after that of the others has turned: from there
# on the network learns these events, not these classes.

from seisclf.neural_network import TrainingDisplay

TrainingDisplay.from_estimator(network).plot()

# %%
# What it sees
# ------------
#
# The first layers of the network normalise the event and compute its spectrogram, here of the
# vertical component of one event of each class.

import matplotlib.pyplot as plt

rows = [np.flatnonzero(y == label)[0] for label in network.classes_]
frequencies, times, maps = network.spectrogram(X[rows])

figure, axes = plt.subplots(1, len(rows), figsize=(10, 2.6), sharey=True, layout="constrained")
for axis, label, spectrogram in zip(axes, network.classes_, maps[:, 0], strict=True):
    axis.pcolormesh(times, frequencies, spectrogram, rasterized=True)
    axis.set(title=label, xlabel="time (s)")
axes[0].set_ylabel("frequency (Hz)")
figure.show()

# %%
# What it knows
# -------------
#
# The best validation loss chose the epoch, so it flatters. Events that nobody has looked at give
# the score to report.

from sklearn.metrics import ConfusionMatrixDisplay, f1_score

print(f"macro-F1 {f1_score(y[future], network.predict(X[future]), average='macro'):.2f}")
ConfusionMatrixDisplay.from_estimator(network, X[future], y[future], cmap="Blues", colorbar=False)
plt.tight_layout()

# %%
# A second session
# ----------------
#
# Later there are new events that an expert has verified. ``continue_fit`` goes on from these
# weights with the memory of the optimizer, here at a lower rate, until the accuracy on them has
# not risen for five epochs: the second session of the published system.

network.set_params(lr=2e-4)
network.continue_fit(X[future], y[future], max_epochs=20)
print(f"{network.n_iter_} epochs in all")
TrainingDisplay.from_estimator(network).plot()
