"""
===========================
Learning before the labels
===========================

Recordings come by themselves, labels do not. An encoder first learns, without any label, which
crops of which channels belong together (VNIbCReg, Lee et al. 2022). Then a few labels name what
it can tell apart. This is a small case for two cores; the published one is in
``examples/reproduce_aknes.py``.
"""

# %%
# Events of five classes on 24 channels, some of them much noisier than others. 40 events have a
# label, 240 have none, and 120 are kept for the test.

from seisclf.datasets import make_seismic_events

events = make_seismic_events(
    400,
    classes=("earthquake", "quake", "rockfall", "tremor", "noise"),
    n_sites=1,
    n_stations=8,
    duration=12.0,
    sampling_rate=50.0,
    snr_db=(0, 10),
    channel_snr_spread_db=6.0,
    random_state=0,
)
X, y = events.data.reshape(400, 24, -1), events.target
labelled, at_hand, test = slice(0, 40), slice(0, 280), slice(280, 400)

# %%
# Pre-training
# ------------
#
# Two crops of two channels of an event are to have the same embedding, and to be told from a crop
# further away. Nobody says what the event is.

from seisclf.self_supervised import SelfSupervisedEncoder

learner = SelfSupervisedEncoder(
    sampling_rate=50.0,
    window_length=0.32,
    log="db",
    size=16,
    backbone="resnet18",
    width=4,
    crop_width=0.25,
    n_projector=64,
    max_epochs=60,
    batch_size=140,
    lr=1e-2,
    random_state=0,
)
learner.fit(X[at_hand])

# %%
# The history has every term of the loss. Variance keeps the embedding from collapsing; "tnc" is
# the discriminator of near and distant crops, which knows nothing at 1.39.

import matplotlib.pyplot as plt

figure, axes = plt.subplots(1, 4, figsize=(10, 2.4), layout="constrained")
for axis, term in zip(axes, ("invariance", "variance", "tnc", "diagonal"), strict=True):
    axis.plot([epoch[f"train_{term}"] for epoch in learner.history_])
    axis.set(title=term, xlabel="epoch")
figure.show()

# %%
# What does the embedding know?
# -----------------------------
#
# Events that the encoder has never seen, coloured by classes that nobody has told it.

from seisclf.self_supervised import EmbeddingDisplay

EmbeddingDisplay.from_estimator(learner, X[test], y[test]).plot()

# %%
# *Linear evaluation*: a logistic regression on the embeddings of single channels, 40 labels, and
# all channels vote. An encoder with random weights is the opponent, and a strong one: it says
# what the architecture gives without having learned anything.

import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from seisclf.ensemble import ChannelEnsembleClassifier
from seisclf.nets import EventEncoder
from seisclf.neural_network import TrainedEncoder

torch.manual_seed(0)
untrained = TrainedEncoder.from_module(EventEncoder(**learner.encoder_.settings))
for name, encoder in {"random": untrained, "pre-trained": learner.encoder_}.items():
    regression = LogisticRegression(C=0.1, max_iter=3000)
    linear = ChannelEnsembleClassifier(make_pipeline(encoder, StandardScaler(), regression))
    linear.fit(X[labelled], y[labelled])
    print(f"{name:12} {linear.score(X[test], y[test]):.2f}")

# %%
# Fine-tuning
# -----------
#
# The encoder may go on learning with the labels. ``CNNClassifier`` takes it as it is, at half the
# learning rate of the new head; in an ensemble it sees a random channel of each event in each
# epoch.

from seisclf.neural_network import CNNClassifier

training = {"sampling_rate": 50.0, "max_epochs": 30, "batch_size": 20, "random_state": 0}
small = {"window_length": 0.32, "log": "db", "size": 16, "backbone": "resnet18", "width": 4}
networks = {
    "from the start": CNNClassifier(lr=5e-3, **small, **training),
    "fine-tuned": CNNClassifier(
        lr=5e-3, encoder=learner.encoder_, freeze_batch_norm=True, **training
    ),
}
for name, network in networks.items():
    ensemble = ChannelEnsembleClassifier(network, random_state=0)
    ensemble.fit(X[labelled], y[labelled])
    print(f"{name:14} {ensemble.score(X[test], y[test]):.2f}")

# %%
# All in one
# ----------
#
# A network that is given the learner itself runs the pre-training in its own ``fit``, on all
# rows, and learns the classes from those whose label is not -1. So it can be cross-validated as a
# whole: the events of a test fold are then seen by neither of the two trainings. Parameters of
# the learner are searched as ``encoder__crop_width`` and so on.

from sklearn.base import clone

partly = y[at_hand].astype(object)
partly[40:] = -1
short = clone(learner).set_params(max_epochs=3)
network = CNNClassifier(encoder=short, sampling_rate=50.0, max_epochs=5, random_state=0)
print(network.fit(X[at_hand, :3], partly).classes_)
