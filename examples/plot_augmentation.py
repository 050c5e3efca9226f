"""
================================
More events from those there are
================================

Rare events are what one looks for, and what one has few of. A mosaic puts several of them into
one window and shifts it; its picks and masks come along.
"""

# %%
# Few earthquakes, much noise
# ---------------------------
#
# Arrivals are a table: P and S in seconds after the first sample.

from seisclf.datasets import make_seismic_events

events = make_seismic_events(
    80,
    classes=["earthquake", "noise"],
    class_balance=[1, 3],
    duration=40.0,
    snr_db=(8, 20),
    random_state=1,
)
X, y, arrivals = events.data, events.target, events.arrivals
arrivals.round(2).head()

# %%
# A sampler adds mosaics until both classes have equally many rows. What comes back as ``y`` are
# the labels, and they carry the arrivals of all rows.

from seisclf.augmentation import MosaicAugmenter

augmenter = MosaicAugmenter(n_events=2, sampling_strategy={"earthquake": 60}, random_state=1)
X_more, y_more = augmenter.fit_resample(X, y, arrivals=arrivals)

print(f"{len(X)} rows before, {len(X_more)} after")
y_more.arrivals[["P", "S", "P_1", "S_1"]].round(2).tail(3)

# %%
# One mosaic
# ----------
#
# Two recorded earthquakes and the three windows that are cut from their mosaic. P is red, S blue;
# shaded is the mask from P to S, which a network learns. The second event sets in half a second
# before its P, at the dotted line, on top of the coda of the first.

import matplotlib.pyplot as plt
import numpy as np

from seisclf.signal import mask_function
from seisclf.utils import arrivals_to_array

times = arrivals_to_array(y_more.arrivals, len(y_more))
seconds = np.arange(X.shape[-1]) / 100.0


def draw(ax, trace, picks, title):
    mask = mask_function(
        picks[:, 0], picks[:, 1], len(trace), sampling_rate=100.0, rise=0.2, fall=0.3
    )
    ax.fill_between(seconds, -1, 2 * mask - 1, color="#e8a33d", alpha=0.35, linewidth=0)
    trace = trace - trace.mean()
    ax.plot(seconds, trace / np.abs(trace).max(), color="0.15", linewidth=0.5)
    for column, color in ((0, "#c1272d"), (1, "#0b5fa5")):
        ax.vlines(picks[:, column], -1, 1, color=color, linewidth=1.3)
    ax.set(xlim=(0, seconds[-1]), ylim=(-1.05, 1.05), yticks=[])
    ax.set_title(title, loc="left", fontsize="medium")


def show_mosaic(new):
    first, second = augmenter.sources_[new]
    rows = [first, second, *(len(X) + new + k for k in range(3))]
    titles = ["first event, as recorded", "second event, as recorded"]
    titles += ["mosaic, shifted forward", "mosaic, centred", "mosaic, shifted backward"]
    figure, axes = plt.subplots(5, 1, figsize=(8, 8), sharex=True, layout="constrained")
    for ax, row, title in zip(axes, rows, titles, strict=True):
        draw(ax, X_more[row, 0], times[row], title)
        if row >= len(X):
            ax.axvline(times[row, 1, 0] - augmenter.lead, color="0.4", linestyle=":")
    axes[-1].set_xlabel("time (s)")


show_mosaic(0)

# %%
# What was rejected
# -----------------
#
# A network must not learn how mosaics are made. If the noise steps up where the second event sets
# in, or its P is lost in the coda of the first, the mosaic is thrown away and another one drawn.

augmenter.report_

# %%
# Only P has arrived
# ------------------
#
# A network that scans a record sees events come in. Windows that end between P and S, or begin
# there, teach it that. An arrival outside the window keeps its time, so that the mask is cut off
# at the edge.

from seisclf.augmentation import EarlyWarningAugmenter

early = EarlyWarningAugmenter(sampling_strategy={"earthquake": 60}, random_state=0)
X_early, y_early = early.fit_resample(X, y, arrivals=arrivals)
times_early = arrivals_to_array(y_early.arrivals, len(y_early))

# Windows come in pairs; the event with the longest time between P and S shows most.
gap = (arrivals["S"] - arrivals["P"]).to_numpy()[early.sources_[:, 0]]
first = len(X) + 2 * (int(np.argmax(gap)) // 2)

figure, axes = plt.subplots(2, 1, figsize=(8, 3.6), sharex=True, layout="constrained")
for ax, row, word in zip(axes, (first, first + 1), ("begins", "ends"), strict=True):
    draw(ax, X_early[row, 0], times_early[row], f"window that {word} between P and S")
axes[-1].set_xlabel("time (s)")

# %%
# In a network of stations
# ------------------------
#
# Stations in random order keep a network from learning where each one stands; stations that are
# missing, or are taken away at random, get random numbers and lose their arrivals.

from seisclf.augmentation import MissingStationFill, StationShuffler

network = make_seismic_events(
    6, classes=["earthquake"], n_stations=4, duration=40.0, snr_db=15, random_state=3
)
shuffler = StationShuffler(random_state=0)
X_order, y_order = shuffler.fit_resample(network.data, network.target, network.arrivals)
filler = MissingStationFill(drop_probability=0.3, random_state=0)
X_fill, y_fill = filler.fit_resample(X_order, y_order)

event = 5
orders = [range(4), shuffler.orders_[event], shuffler.orders_[event]]
states = [(X_order, y_order, event), (X_order, y_order, 6 + event), (X_fill, y_fill, 6 + event)]
figure, columns = plt.subplots(4, 3, figsize=(9, 5), sharex=True, layout="constrained")
for axes, word, order, (waveforms, labels, row) in zip(
    columns.T, ("as recorded", "shuffled", "some taken away"), orders, states, strict=True
):
    at = arrivals_to_array(labels.arrivals, len(labels), n_stations=4)
    for place, ax in enumerate(axes):
        draw(ax, waveforms[row, place, 0], at[row, place], word if place == 0 else "")
        ax.set_ylabel(f"station {order[place] + 1}")
    axes[-1].set_xlabel("time (s)")

# %%
# All four can also be given to a network, ``augmenter=MosaicAugmenter()``: they then change every
# batch of every epoch anew, and keep the number of rows.
