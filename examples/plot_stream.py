"""
Detect events while the ground moves
====================================

Packets come as they please: a few seconds each, late, twice, in the wrong order. A
``StreamingDetector`` makes of them what ``detect`` makes of the whole record, and says so as soon
as it can be known.
"""

# %%
# A forest that knows rockfalls, earthquakes and quakes, and ten minutes of a slope.

from seisclf.datasets import make_continuous_record, make_seismic_events
from seisclf.detection import EventDetector, StreamingDetector
from seisclf.ensemble import FeatureForestClassifier
from seisclf.feature_extraction import SeismicFeatures

X, y = make_seismic_events(
    300, duration=12.0, sampling_rate=50.0, snr_db=(0, 25), random_state=0, return_X_y=True
)
features = SeismicFeatures(sampling_rate=50.0, groups=("spectral",))
forest = FeatureForestClassifier(
    features=features, sampling_rate=50.0, n_estimators=50, random_state=0
)
forest.fit(X, y)
detector = EventDetector(forest, step=1.0)
record = make_continuous_record(
    duration=600.0, n_stations=1, sampling_rate=50.0, event_rate=40.0, snr_db=(10, 25),
    random_state=0,
)  # fmt: skip

# %%
# A data logger would send packets of a few seconds, component by component. Some of them arrive
# after their successors.

import numpy as np

rng = np.random.default_rng(0)
packets = [
    packet for trace in record.stream for packet in trace.slide(window_length=3.98, step=4.0)
]
ends = np.array([packet.stats.endtime.timestamp for packet in packets])
arrivals = ends + rng.exponential(1.0, len(packets)) + 15.0 * (rng.random(len(packets)) < 0.02)
order = np.argsort(arrivals)

# %%
# ``push`` returns events that no later packet can change; ``pending`` shows those under way. The
# first is for catalogues, the second for people who have to decide something.

import pandas as pd

streaming = StreamingDetector(detector, max_ahead=None)
first_seen, final = {}, []
for i in order:
    now = pd.Timestamp(arrivals[i], unit="s", tz="UTC")
    found = streaming.push(packets[i]).to_frame()
    final.append(found.assign(final=now))
    for onset in streaming.pending().to_frame()["onset"]:
        first_seen.setdefault(onset.floor("5s"), now)
final.append(streaming.flush().to_frame())
events = pd.concat(final, ignore_index=True)
events[["class", "onset", "end", "probability", "final"]]

# %%
# The same record in one piece gives the same events.

whole = detector.detect(record.stream).to_frame()
print(len(whole), "events in the whole record,", len(events), "in the stream")
difference = (whole["onset"] - events["onset"]).abs().max()
print("largest difference of onsets:", difference)

# %%
# How long did it take to know? The detector states how much data after an onset it needs to see an
# event: a window and a step. The rest is the way of the packets.

print(f"stated latency: {streaming.latency:g} s of data")
onsets = events["onset"].dropna()
seen = [
    (first_seen[o.floor("5s")] - o).total_seconds() for o in onsets if o.floor("5s") in first_seen
]
done = (events["final"] - events["onset"]).dt.total_seconds().dropna()

import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(7, 2.6), layout="constrained")
ax.boxplot([seen, done], orientation="horizontal", tick_labels=["seen", "final"], widths=0.5)
ax.axvline(streaming.latency, color="C3", label="stated latency of being seen")
ax.set(xlabel="seconds after the onset", xlim=(0, None))
ax.legend(loc="lower right")
_ = fig

# %%
# Late, repeated and refused packets are told, and the state survives a restart in one file:
# ``streaming.save("state.seisclf")``, then ``StreamingDetector(detector, state="state.seisclf")``.

streaming.report
