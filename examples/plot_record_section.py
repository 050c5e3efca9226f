"""
===============================
Record sections, drawn and seen
===============================

In a record section every trace of an event is drawn at its distance from the source. To a person
it shows at a glance what happened: two waves that move out, or a train of surface waves. Cheng
and Zhang let an image network look at such pictures. Here they are drawn, and here is what they
are worth beside features of the same waveforms.
"""

# %%
# Synthetic earthquakes, rockfalls and slides over networks of eight stations that reach 8 km.
# :func:`~seisclf.datasets.to_network_events` puts the distance of each station beside its
# waveforms, and wherever rows are selected, distances come along.

import matplotlib.pyplot as plt
import numpy as np

from seisclf.datasets import make_seismic_events, to_network_events

events = to_network_events(
    make_seismic_events(
        90,
        classes=("earthquake", "rockfall", "slide"),
        n_sites=2,
        n_stations=8,
        network_radius=8.0,
        duration=60.0,
        sampling_rate=50.0,
        snr_db=(5, 20),
        random_state=0,
    )
)
print(events.data)
print(events.data[:1].offsets.round(1))

# %%
# For people
# ----------
#
# One event of each class, with axes. A filter leaves the distances where they are.

from seisclf.preprocessing import Bandpass, RecordSectionDisplay

filtered = Bandpass(low=1.0, high=15.0, sampling_rate=50.0).fit_transform(events.data)

fig, axes = plt.subplots(1, 3, figsize=(13, 4.5), layout="constrained")
for label, ax in zip(np.unique(events.target), axes, strict=True):
    row = int(np.flatnonzero(events.target == label)[3])
    RecordSectionDisplay.from_events(filtered, row=row, sampling_rate=50.0, ax=ax)
    ax.set_title(label)

# %%
# For networks
# ------------
#
# :class:`~seisclf.preprocessing.RecordSection` draws the same layout without axes, hundreds of
# events in a second, as arrays of ink between 0 and 1. Amplitudes are those of each trace by
# itself, or of the section; lines, or strips that are the darker the louder it is.

from seisclf.preprocessing import RecordSection

settings = [{}, {"scale": "section"}, {"style": "density"}]
fig, axes = plt.subplots(3, 3, figsize=(9, 9), layout="constrained")
for label, column in zip(np.unique(events.target), axes.T, strict=True):
    row = np.flatnonzero(events.target == label)[[3]]
    for parameters, ax in zip(settings, column, strict=True):
        section = RecordSection(sampling_rate=50.0, size=160, **parameters)
        picture = section.fit_transform(filtered[row])[0, 0]
        ax.imshow(picture, cmap="gray_r", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
        ax.set_title(f"{label}\n{parameters or 'as it is'}", fontsize="small")

# %%
# Classes from pictures
# ---------------------
#
# A small ResNet looks at the sections, a forest at features of the traces; both are steps of a
# Pipeline like any other. With so few events the forest is the better one: it need not learn
# first what a line on a picture is. Deeper networks, and real mass movements, are in the user
# guide.

from sklearn.pipeline import make_pipeline

from seisclf.ensemble import FeatureForestClassifier
from seisclf.model_selection import compare_estimators
from seisclf.neural_network import CNNClassifier

resnet = CNNClassifier(
    representation="picture", backbone="resnet18", width=8, max_epochs=15, lr=5e-3, batch_size=16
)
comparison = compare_estimators(
    {
        "section, ResNet18": make_pipeline(
            RecordSection(sampling_rate=50.0, size=64, style="density"), resnet
        ),
        "features, forest": FeatureForestClassifier(n_estimators=60, sampling_rate=50.0),
    },
    events.data,
    events.target,
    cv=3,
    metadata=events.metadata,
    random_state=0,
)
print(comparison.summary()["f1_macro"].round(3))
plt.show()
