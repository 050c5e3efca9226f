"""
===============================
Which number is the test score?
===============================

A search over parameters prints a score, training prints another, and a comparison a third. Only
one of them says how good the classifier will be on events nobody has seen.
"""

# %%
# Five small catalogues and the future
# ------------------------------------
#
# So that we need not believe in one lucky draw, everything is done on five catalogues of 60
# events. The 240 further events stand for the future, which we would not have.

import numpy as np

from seisclf.datasets import make_seismic_events
from seisclf.feature_extraction import SeismicFeatures

events = make_seismic_events(
    540, n_sites=2, duration=20.0, sampling_rate=50.0, snr_db=(-8, 4), random_state=5
)
X = SeismicFeatures(sampling_rate=50.0).fit_transform(events.data)
X = np.nan_to_num(X, nan=-1.0)
y, metadata = events.target, events.metadata

order = np.random.default_rng(0).permutation(len(y))
catalogues, future = np.split(order[:300], 5), order[300:]

# %%
# Many candidates
# ---------------
#
# The longer a choice is searched for, the more of its success is luck. To make that plain, the
# candidates are trees that differ in little but their random numbers.

from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeClassifier

from seisclf.model_selection import EventKFold, compare_estimators

tree = DecisionTreeClassifier(splitter="random", max_features=3)
grid = {"random_state": list(range(14)), "max_depth": [3, 6]}
search = GridSearchCV(tree, grid, cv=EventKFold(3), scoring="f1_macro")

# %%
# The search is itself an estimator, so the comparison holds out events that not even the search
# has seen, and hands the events on to the search's own folds.

from sklearn.metrics import f1_score

numbers = []
for rows in catalogues:
    comparison = compare_estimators(
        {"search": search}, X[rows], y[rows], metadata=metadata.iloc[rows], refit="best"
    )
    best = comparison.best_estimator_
    numbers.append(
        {
            "training score": f1_score(y[rows], best.predict(X[rows]), average="macro"),
            "best_score_ of the search": best.best_score_,
            "test score (outer folds)": comparison.summary().loc["search", ("f1_macro", "mean")],
            "the future": f1_score(y[future], best.predict(X[future]), average="macro"),
        }
    )
print(comparison.test_score())

# %%
# The numbers side by side
# ------------------------

import matplotlib.pyplot as plt
import pandas as pd

numbers = pd.DataFrame(numbers)
means = numbers.mean()
colours = ["#bbbbbb", "#bbbbbb", "#4477aa", "#cc6677"]

fig, ax = plt.subplots(figsize=(7.5, 2.9), layout="constrained")
ax.barh(means.index, means, color=colours, height=0.62)
for line, name in enumerate(numbers):
    ax.plot(numbers[name], np.full(len(numbers), line), "o", color="#222222", markersize=3.5)
    ax.text(1.0, line, f"{means[name]:.2f}", ha="right", va="center")
ax.axvline(means["the future"], color="#cc6677", linestyle=":", linewidth=1.5, zorder=0)
ax.invert_yaxis()
ax.set_xlabel("macro F1 (bars: mean of five catalogues, points: each)")
ax.set_xlim(0, 1)
ax.tick_params(axis="y", length=0)
ax.spines[["top", "right", "left"]].set_visible(False)

# %%
# The training score says how well it remembers. ``best_score_`` is the largest of 28 numbers, and
# the largest of 28 is partly luck. The outer folds took no part in any choice: theirs is the test
# score, and it is the one that tells the future. What the search found in each fold stays on
# record, apart:

comparison.inner_.round(3)
