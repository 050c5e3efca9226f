"""
Detect events while the ground moves
====================================

Packets come as they please: a few seconds each, late, twice, in the wrong order. A
``StreamingDetector`` makes of them what ``detect`` makes of the whole record, and says so as soon
as it can be known.
"""

# %%
# A forest that knows rockfalls, earthquakes and quakes, and eight minutes of a slope.

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
    duration=480.0, n_stations=1, sampling_rate=50.0, event_rate=40.0, snr_db=(10, 25),
    random_state=0,
)  # fmt: skip

# %%
# A data logger would send packets of a few seconds, component by component. Here most of them are
# on their way for a second, some for fifteen more, so that they come after their successors.

import numpy as np

rng = np.random.default_rng(0)
packets = [
    packet for trace in record.stream for packet in trace.slide(window_length=3.98, step=4.0)
]
ends = np.array([packet.stats.endtime.timestamp for packet in packets])
arrivals = ends + rng.exponential(1.0, len(packets)) + 15.0 * (rng.random(len(packets)) < 0.02)
order = np.argsort(arrivals)
late = int((np.diff(ends[order]) < 0).sum())
print(f"{late} of {len(packets)} packets come after a later one")

# %%
# ``push`` returns events that no later packet can change; ``pending`` shows those under way. The
# first is for catalogues, the second for people who have to decide something. An event under way
# may still begin a little earlier or later: the one that becomes final is known by its time.

import pandas as pd

streaming = StreamingDetector(detector, max_delay=20.0, max_ahead=None)
under_way, final = [], []
for number, i in enumerate(order):
    now = pd.Timestamp(arrivals[i], unit="s", tz="UTC")
    final.append(streaming.push(packets[i]).to_frame().assign(final=now))
    if number % 3 == 0:
        under_way.append(streaming.pending().to_frame().assign(seen=now))
final.append(streaming.flush().to_frame().assign(final=now))
events = pd.concat([table for table in final if len(table)], ignore_index=True)
under_way = pd.concat([table for table in under_way if len(table)], ignore_index=True)
events["seen"] = [
    under_way.loc[
        (under_way["onset"] < event.end) & (under_way["end"] > event.onset), "seen"
    ].min()
    for event in events.itertuples()
]
events[["class", "onset", "end", "probability", "seen", "final"]]

# %%
# The same record in one piece gives the same events. (So small a forest gets some of the classes
# wrong, in a stream as in the whole record.)

whole = detector.detect(record.stream).to_frame()
print(len(whole), "events in the whole record,", len(events), "in the stream")
print("largest difference of onsets:", (whole["onset"] - events["onset"]).abs().max())

# %%
# How long did it take to know? The detector states how much data after an onset it needs to see an
# event: a window and a step. Strong events are seen in the first windows that they enter; where
# it takes longer, a packet was on its way. To become final, an event must be over, no window to
# come may reach it, and holes are waited for.

import matplotlib.pyplot as plt

trace = record.stream.select(component="Z")[0]
colours = dict(zip(sorted(set(events["class"])), ["C0", "C1", "C2"], strict=False))
begin = pd.Timestamp(trace.stats.starttime.ns, unit="ns", tz="UTC")
after_begin = {name: (events[name] - begin).dt.total_seconds() for name in ("onset", "end")}
after_onset = {
    name: (events[name] - events["onset"]).dt.total_seconds() for name in ("end", "seen", "final")
}

fig, (above, below) = plt.subplots(
    2, figsize=(7.5, 5), sharex=True, layout="constrained", height_ratios=(2, 3)
)
above.plot(trace.times(), trace.data / np.abs(trace.data).max(), lw=0.4, color="0.3")
for number, label in enumerate(events["class"]):
    span = after_begin["onset"][number], after_begin["end"][number]
    above.axvspan(*span, color=colours[label], alpha=0.4, lw=0)
above.legend(
    handles=[plt.Rectangle((0, 0), 1, 1, color=c, alpha=0.4) for c in colours.values()],
    labels=list(colours), loc="lower right", ncols=3, fontsize="small",
)  # fmt: skip
above.set(ylabel="vertical component", yticks=[], title="Eight minutes in packets of 4 s")

x = after_begin["onset"]
below.vlines(x, 0, after_onset["final"], color="0.8", lw=1)
below.vlines(x, 0, after_onset["end"], color="0.4", lw=4, label="event")
below.plot(x, after_onset["seen"], "o", color="C3", label="seen: pending()")
below.plot(x, after_onset["final"], "s", color="k", label="final: push()")
below.axhline(streaming.latency, color="C3", ls="--", lw=1, label="stated latency of being seen")
below.set(
    xlabel="onset, seconds of the record", ylabel="seconds after the onset", ylim=(0, None),
    xlim=(0, 480),
)  # fmt: skip
below.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=4, fontsize="small")
_ = fig

# %%
# Late, repeated and refused packets would be told here, in a row for each trace and kind. The
# state survives a restart in one file: ``streaming.save("state.seisclf")``, then
# ``StreamingDetector(detector, state="state.seisclf")``.

streaming.report
