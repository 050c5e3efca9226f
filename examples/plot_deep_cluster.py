"""
====================================
Groups among events nobody has named
====================================

Before anyone labels a month of recordings, it helps to know how many kinds of events are in it.
:class:`seisclf.cluster.DeepCluster` lets a network sort them: embeddings are divided by k-means,
the network learns to tell the divisions apart, and both are repeated (Caron et al. 2018; Cheng
and Zhang for record sections). The classes of these synthetic events are hidden from it.
"""

# %%
from seisclf.datasets import make_seismic_events
from seisclf.preprocessing import Spectrogram

events = make_seismic_events(
    240,
    classes=("earthquake", "rockfall", "tremor", "noise"),
    n_sites=1,
    duration=20.0,
    sampling_rate=50.0,
    snr_db=(8, 20),
    random_state=0,
)
spectrogram = Spectrogram(
    sampling_rate=50.0, window_length=1.0, output="psd", log="db", scaling="min_max", size=(32, 32)
)
pictures = spectrogram.fit_transform(events.data)

# %%
# A small ResNet begins with random weights. In ``history_`` stands how much of the division
# changes each time it is made; little at the end means that network and k-means agree.

import numpy as np

from seisclf.cluster import DeepCluster

clusters = DeepCluster(
    n_clusters=4,
    representation="picture",
    backbone="resnet18",
    width=8,
    batch_size=32,
    reassign_every=2,
    max_epochs=16,
    random_state=0,
)
labels = clusters.fit_predict(pictures)
for epoch in clusters.history_:
    if "changed" in epoch:
        print(f"epoch {epoch['epoch']}: {epoch['changed']:.0%} changed, NMI {epoch['nmi']:.2f}")

# %%
# What is in them?
# ----------------
#
# A card for each cluster: the events nearest to its centre, the mean spectrogram, the hours of
# the day. That is what an expert sees who is to give it a name.

import matplotlib.pyplot as plt

from seisclf.cluster import ClusterCardDisplay

display = ClusterCardDisplay.from_labels(
    events.data,
    labels,
    vectors=clusters.embed(pictures),
    sampling_rate=50.0,
    start_times=events.metadata["start_time"],
)
_ = display.plot()

# %%
# And what was hidden?
# --------------------
#
# Here the classes are known after all, and k-means on the features that were made for such events
# is a baseline that is hard to beat: on real and synthetic events of the user guide it was
# better.

import pandas as pd
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from seisclf.feature_extraction import SeismicFeatures

features = make_pipeline(SeismicFeatures(sampling_rate=50.0), StandardScaler())
vectors = np.nan_to_num(features.fit_transform(events.data))
found = {
    "deep clusters": labels,
    "k-means on features": KMeans(4, n_init=10, random_state=0).fit_predict(vectors),
}
print(pd.crosstab(events.target, labels, rownames=["class"], colnames=["cluster"]))
for name, division in found.items():
    ari = adjusted_rand_score(events.target, division)
    nmi = normalized_mutual_info_score(events.target, division)
    print(f"{name}: adjusted Rand index {ari:.2f}, mutual information {nmi:.2f}")
plt.show()
