"""
=======================
Splits that do not leak
=======================

The same events, the same classifier, four ways to cut them into folds, and four different
answers. Which one is right depends on what you want to know, but one of them is always wrong.
"""

# %%
# Events recorded at several stations
# -----------------------------------
#
# With ``as_rows=True`` each station's record is a row of its own, as in most catalogues.

import numpy as np
import pandas as pd

from seisclf.datasets import make_seismic_events
from seisclf.feature_extraction import SeismicFeatures

events = make_seismic_events(
    90,
    n_sites=3,
    n_stations=4,
    as_rows=True,
    duration=20.0,
    sampling_rate=50.0,
    snr_db=(-4, 6),
    random_state=3,
)
y, metadata = events.target, events.metadata
metadata[["event_id", "station", "site", "start_time"]].head(4)

# %%
# The features do not learn anything, so they can be computed once for all folds.

X = SeismicFeatures(sampling_rate=50.0).fit_transform(events.data)
X = np.nan_to_num(X, nan=-1.0)

# %%
# What a random split does
# ------------------------
#
# An event stands in train at one station and in test at another. The comparison refuses:

from sklearn.ensemble import ExtraTreesClassifier
from sklearn.model_selection import StratifiedKFold

from seisclf.model_selection import (
    CalendarKFold,
    EventKFold,
    ForwardInTimeSplit,
    LeakageError,
    LeaveOneSiteOut,
    compare_estimators,
    plan_folds,
)

random_rows = StratifiedKFold(5, shuffle=True, random_state=0)
trees = {"trees": ExtraTreesClassifier(100, random_state=0)}
try:
    compare_estimators(trees, X, y, cv=random_rows, metadata=metadata)
except LeakageError as error:
    print(error)

# %%
# The same question, asked properly
# ---------------------------------
#
# To see what the leak is worth, it is allowed here, by name.

ways = {
    "random rows (leaks)": random_rows,
    "by event": EventKFold(5),
    "by month": CalendarKFold(5),
    "forward in time": ForwardInTimeSplit(2, gap="7D"),
    "unseen site": LeaveOneSiteOut(),
}
scores = {}
for name, cv in ways.items():
    allowed = ("event", "overlap") if "leaks" in name else ()
    comparison = compare_estimators(trees, X, y, cv=cv, metadata=metadata, allow_leakage=allowed)
    scores[name] = comparison.per_fold_.query("metric == 'f1_macro'")["score"]
table = {name: {"mean": score.mean(), "std": score.std()} for name, score in scores.items()}
pd.DataFrame(table).T.round(3)

# %%

import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(7.5, 3.2), layout="constrained")
for line, (name, score) in enumerate(scores.items()):
    colour = "#cc6677" if "leaks" in name else "#4477aa"
    ax.plot(score, np.full(len(score), line + 0.2), "o", color=colour, alpha=0.4, markersize=5)
    ax.plot(score.mean(), line, "D", color=colour, markersize=8)
    ax.annotate(
        f"{score.mean():.2f}",
        (score.mean(), line),
        xytext=(0, 8),
        textcoords="offset points",
        ha="center",
        fontsize=9,
        color=colour,
    )
ax.set_yticks(range(len(scores)), list(scores))
ax.set_ylim(len(scores) - 0.4, -0.7)
ax.set_xlabel("macro F1 (small: folds, large: mean)")
ax.grid(axis="x", color="#e5e5e5")
ax.spines[["top", "right"]].set_visible(False)

# %%
# By event asks: how good is it on further events of these days? By month and forward in time: how
# good in a season it has not seen? Unseen site: how good where it was never trained? Report the
# one that is your question, and say which it was.
#
# What the folds look like
# ------------------------
#
# Rows within the gap are used in neither train nor test.

plan_folds(ways["forward in time"], X, y, metadata=metadata).plot()

# %%
# Leaving a station out drops ("purges") from train every event it recorded, wherever else that
# was recorded: here all events of its site, as each station of a site recorded all of them.
# What was dropped is counted as unused, never forgotten in silence:

from seisclf.model_selection import LeaveOneStationOut

plan = plan_folds(LeaveOneStationOut(), X, y, metadata=metadata)
plan.counts.pivot_table(index="fold", columns="part", values="rows", aggfunc="sum").head(4)
