"""
===================================
Where was it? From waveforms to map
===================================

How far away an event was can be heard at a single station: S comes later after P, high
frequencies are lost. A regressor learns it from events whose place is known, and the distances of
several stations meet in a point. :class:`seisclf.location.SourceLocator` does both, and says how
sure it is.
"""

# %%
# Earthquakes around a network of six stations that reaches 40 km from its middle. One of six
# recordings is missing.

import matplotlib.pyplot as plt
import numpy as np

from seisclf.datasets import make_seismic_events, to_network_events

events = to_network_events(
    make_seismic_events(
        200,
        classes=("earthquake",),
        n_sites=1,
        n_stations=6,
        network_radius=40.0,
        duration=60.0,
        sampling_rate=40.0,
        snr_db=(8, 25),
        missing_station_probability=1 / 6,
        random_state=0,
    )
)
places = events.metadata[["source_latitude", "source_longitude"]].to_numpy()
enough = events.data.recorded.sum(axis=1) >= 3
train, test = np.arange(140), np.flatnonzero(enough & (np.arange(200) >= 140))
print(events.data, len(test), "to be located")

# %%
# Distances
# ---------
#
# The forest of :class:`~seisclf.ensemble.FeatureForestRegressor` sees envelopes in narrow bands,
# counted from the onset, one recording at a time. Its trees disagree where they do not know, and
# that becomes the standard deviation.

from seisclf.ensemble import FeatureForestRegressor
from seisclf.feature_extraction import EnvelopeFeatures
from seisclf.location import SourceLocator, epicentral_error

forest = FeatureForestRegressor(
    features=EnvelopeFeatures(sampling_rate=40.0),
    sampling_rate=40.0,
    n_estimators=100,
    random_state=0,
    n_jobs=2,
)
locator = SourceLocator(forest, random_state=0).fit(events.data[train], places[train])
found = locator.predict(events.data[test])
print(found)

offsets = found.residuals[found.residuals["kind"] == "offset"]
true = events.data[test].offsets[offsets["event"].astype(int), offsets["station"].astype(int)]
fig, ax = plt.subplots(figsize=(5, 4.5), layout="constrained")
ax.errorbar(true, offsets["predicted"], yerr=offsets["std"], fmt=".", elinewidth=0.5)
ax.axline((40, 40), slope=1, color="0.5", zorder=0)
_ = ax.set(xlabel="true distance (km)", ylabel="predicted distance (km)")

# %%
# Places
# ------
#
# Where the circles meet is the epicentre, found by least squares that do not believe a circle
# which contradicts all others. The ellipse is to hold the true epicentre in nine of ten cases;
# its size was measured on events that the regressor had not learned from.

error = epicentral_error(places[test], found)
print(f"median error {np.median(error):.1f} km, 90 % below {np.quantile(error, 0.9):.1f} km")
print(f"in the ellipse: {found.covers(places[test]).sum()} of {len(test)}")

fig, axes = plt.subplots(1, 2, figsize=(13, 4.5), layout="constrained")
for rank, ax in zip((0.5, 0.95), axes, strict=True):  # a usual event, and one of the worst
    event = int(np.argsort(error)[int(rank * len(test))])
    found.plot(event, y_true=places[test], ax=ax)

# %%
# Two stations
# ------------
#
# Two circles meet twice. Both points are given, and the status says so.

pair = events.data[test][:, :2]
both = np.isfinite(pair).all(axis=(1, 2, 3))
two = locator.predict(pair[both], stations=events.data.stations[test][both][:, :2])
print(two.table["status"].value_counts().to_string())
plt.show()
