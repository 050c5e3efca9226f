"""
Synthetic events
================

:func:`~seisclf.datasets.make_seismic_events` makes events from physics: sources, paths, sites and
noise. Everything about them is known, so they show what a method sees, and where it fails.
"""

# %%
# One event of each class
# -----------------------
#
# Red and blue lines are the arrivals of P and S, the shaded stretch is the event. A quake is an
# earthquake so near that P and S run together; a rockfall is a train of impacts without a clear
# beginning; tremor and machinery fill the window.

from seisclf.datasets import WaveformDisplay, make_seismic_events

classes = ["earthquake", "quake", "rockfall", "tremor", "noise", "spike", "car", "machinery"]
events = make_seismic_events(48, classes=classes, snr_db=15, random_state=2)
WaveformDisplay.from_bunch(events, spectrogram=True)

# %%
# The truth comes along
# ---------------------
#
# ``metadata`` has one row for each event: place, time, magnitude, onsets.

columns = ["event_id", "site", "start_time", "magnitude", "distance", "p_onset", "s_onset"]
events.metadata[columns].head()

# %%
# Several stations
# ----------------
#
# With ``n_stations`` an event is recorded by a small network: waves arrive at each station in
# its turn, and a station may be missing.

network = make_seismic_events(
    8,
    classes=["quake", "rockfall"],
    n_stations=5,
    missing_station_probability=0.15,
    snr_db=18,
    duration=20,
    random_state=3,
)
print(network.data.shape)
WaveformDisplay.from_bunch(network, rows=[3, 6])

# %%
# How hard shall it be?
# ---------------------
#
# ``snr_db`` sets the ratio of signal to noise power over the event. The same earthquake source at
# three ratios needs three magnitudes: a larger one has lower frequencies, too.

import matplotlib.pyplot as plt

fig, axes = plt.subplots(3, 1, figsize=(7, 6), layout="constrained")
for ax, snr_db in zip(axes, (20, 5, -5), strict=True):
    one = make_seismic_events(3, classes=["earthquake"], snr_db=snr_db, random_state=4)
    WaveformDisplay.from_bunch(one, rows=[0], ax=ax)
    ax.set_title(f"{snr_db} dB: " + ax.get_title(loc="left"), loc="left", fontsize="medium")
for ax in axes[:-1]:
    ax.set_xlabel("")
