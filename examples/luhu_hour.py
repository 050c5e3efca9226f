"""
============================================
A real hour with RockNet's published weights
============================================

The weights that RockNet's authors published, on the hour that they published with them: 28 March
2020 at the Luhu slope in Taiwan. This script is not run with the documentation, because it
downloads 60 MB once (or reads them where ``SEISCLF_DATA`` says). It takes about a minute on two
cores.
"""

# %%
# Record and weights
# ------------------
#
# The record is cut to the hour with a minute on either side and filtered as the authors do it.
# Which station stands at which place of the network is part of the weights.

import argparse

import numpy as np

from seisclf.datasets import fetch_rocknet_weights, load_luhu_hour
from seisclf.detection import EventDetector, rocknet_record
from seisclf.neural_network import RockNetAssociator

parser = argparse.ArgumentParser(description="RockNet's published weights on a published hour.")
parser.add_argument("--minutes", type=float, default=62.0, help="of the record, from 12:59 UTC")
parser.add_argument("--out", default="luhu_hour", help="beginning of the names of all files")
options = parser.parse_args()

stations = ["LH01", "LH02", "LH03", "LH04"]
hour = load_luhu_hour()
begin = hour.start_time - 60
end = min(begin + 60 * options.minutes, hour.end_time + 60)
stream = rocknet_record(hour.stream, stations=stations, starttime=begin, endtime=end)

network = RockNetAssociator.from_published(fetch_rocknet_weights("association"))
detector = EventDetector(network, stations=stations, threshold=0.3)

# %%
# Functions over time
# -------------------
#
# Occurrence of rockfalls and earthquakes in the network; P, S and two masks at each station. One
# scan serves all that follows; ``detector.annotate(stream)`` and ``detector.detect(stream)`` are
# the same in one step each.

functions = detector.predict_functions(stream)
annotations = functions.to_stream()
print(annotations)

# %%
# How far they are from those of the authors: 2e-5 on the whole hour, more on an excerpt, which has
# another mean. An excerpt also ends where they had more record, so that its last minute is left
# out of the comparison.

complete = end == hour.end_time + 60
last = end if complete else end - 60
largest = 0.0
for published in hour.functions:
    stats = published.stats
    (ours,) = annotations.select(station=stats.station, channel=stats.channel)
    theirs = published.slice(begin, last - stats.delta).data
    difference = float(np.abs(ours.data[: len(theirs)] - theirs).max())
    print(f"{stats.station:>4}.{stats.channel:<3} {difference:.1e}")
    largest = max(largest, difference)
print(f"largest difference from the published functions: {largest:.1e}")

# %%
# Catalogue
# ---------

detections = detector.pick(functions)
print(detections)
print(detections.picks.head(12).to_string())
detections.to_csv(f"{options.out}.csv")
detections.to_quakeml(f"{options.out}.xml")

# %%
# Pictures
# --------
#
# The whole record, and the clearest detection with its spectrograms.

detections.plot(stream).figure_.savefig(f"{options.out}.png", dpi=120)
if len(detections):
    clearest = int(detections.to_frame()["probability"].idxmax())
    picture = detections.plot(stream, detection=clearest)
    picture.figure_.savefig(f"{options.out}_event.png", dpi=120)

# %%
# The same from the command line:
#
# .. code-block:: console
#
#     $ seisclf detect sac_2020.088.13/ --model rocknet --start 2020-03-28T12:59 \
#           --end 2020-03-28T14:01 --output hour
