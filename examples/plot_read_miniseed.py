"""
Reading your miniSEED
=====================

A folder of miniSEED files and a list of times become ``X`` and ``y``. The records here are four
minutes of the stations BW.UH1 to UH4 in Bavaria, which come with ObsPy: real ones, with another
sampling rate at one station, and clocks that are not on the same sample.
"""

# %%
# A folder as you may have it: one miniSEED file per channel (here written first).
import tempfile
from pathlib import Path

import pandas as pd
from obspy import read
from obspy.core.util.base import get_example_file

folder = Path(tempfile.mkdtemp())
for channel in ("UH1._.SHZ", "UH2._.SHZ", "UH3._.SHZ", "UH4._.EHZ"):
    stream = read(get_example_file(f"BW.{channel}.D.2010.147.cut.slist.gz"))
    stream.write(str(folder / f"{stream[0].id}.mseed"), format="MSEED")
print(sorted(file.name for file in folder.iterdir()))

# %%
# And a catalogue: the time of each event and what it was. A CSV file, QuakeML or an ObsPy
# catalogue will do as well.
catalog = pd.DataFrame(
    {
        "time": [
            "2010-05-27T16:24:15",
            "2010-05-27T16:24:33",
            "2010-05-27T16:25:30",
            "2010-05-27T16:27:30",
            "2010-05-27T18:00:00",
        ],
        "class": ["noise", "quake", "noise", "quake", "noise"],
    }
)

# %%
# UH4 records at 100 Hz, the others at 50 Hz. Nothing is resampled unless asked:
from seisclf.datasets import events_from_catalog

try:
    events_from_catalog(catalog, folder, before=3.0, after=9.0, components="Z")
except ValueError as error:
    print(error)

# %%
# So we ask. Data have the shape (events, stations, components, samples).
events = events_from_catalog(
    catalog, folder, before=3.0, after=9.0, components="Z", sampling_rate=50.0, resample=True
)
print(events.DESCR)
print(events.metadata[["event_id", "start_time", "n_stations"]])

# %%
# The report says what was found and what was done about it: the last event has no record and was
# left out, UH4 was resampled, windows begin between two samples of a station.
print(events.report.drop_duplicates("what").to_string())

# %%
# For classifiers of single stations, make a row of each event at each station. Rows of one event
# must not be divided between training and test: ``event_id`` tells.
rows = events_from_catalog(
    catalog,
    folder,
    before=3.0,
    after=9.0,
    components="Z",
    sampling_rate=50.0,
    resample=True,
    as_rows=True,
)
print(rows.data.shape, rows.target[:5])
print(rows.metadata[["event_id", "station", "channels"]].head())

# %%
import matplotlib.pyplot as plt
import numpy as np

figure, axes = plt.subplots(
    1, len(events.data), sharey=True, figsize=(10, 4), layout="constrained"
)
time = np.arange(events.data.shape[-1]) / events.sampling_rate
for ax, event, label in zip(axes, events.data, events.target, strict=True):
    for k, trace in enumerate(event[:, 0]):
        trace = trace - trace.mean()
        ax.plot(time, 0.45 * trace / np.abs(trace).max() - k, color="black", linewidth=0.6)
    ax.set(title=label, xlabel="Time (s)")
axes[0].set_yticks(-np.arange(len(events.stations)), events.stations["station"])
plt.show()

# %%
# Cut once, then keep the events in SeisBench's format: the next run, or a colleague, reads them in
# one line. With ``lazy=True`` the waveforms stay on disk, and sets larger than memory can be used.
from seisclf.datasets import read_seisbench, write_seisbench

write_seisbench(
    folder / "events",
    rows.data,
    rows.metadata,
    sampling_rate=rows.sampling_rate,
    component_order=rows.components,
    target=rows.target,
)
again = read_seisbench(folder / "events", component_order="Z", lazy=True)
print(again.data, again.target)
