"""Doubtful labels at a station in Gujarat, and the hour of day at which these events happened.

Needs the recordings: SEISCLF_DATA must name the folder that holds ``gujarat/``.
"""

import json
from pathlib import Path

import numpy as np
from scipy.stats import chi2, fisher_exact, ks_2samp, mannwhitneyu
from sklearn.base import clone

from benchmarks.gujarat import _models, _tasks
from seisclf.inspection import LabelReview
from seisclf.model_selection import CalendarKFold

RESULTS = Path(__file__).parent / "results"
UTC_OFFSET = 5.5  # hours, Indian Standard Time
# The hours at which most labelled blasts are fired, chosen after a look at the hours of all events
# (8 to 18 cuts off the second peak); half of the day, so that half of what does not know the hour
# falls into it.
DAY = (8, 20)
METHODS = ("margin", "confident_learning", "cleanlab")
N_REPEATS = 3


def run(quick=False):
    """Review the labels "earthquake" and "blast" in folds of whole months.

    Blasts are fired by day and earthquakes do not know the hour. The classifier sees 15 s of
    ground motion and no clock, so the hour is evidence of its own: if events that are labelled
    earthquake and doubted by the classifier happen by day, and the others do not, the doubt is
    justified.

    Parameters
    ----------
    quick : bool, default=False
        Few trees.

    Returns
    -------
    figures : dict
        ``n_events``, ``n_suspects [method]``, ``n_suspects [method given -> predicted]``. Of
        events labelled earthquake, suspected and not, and of those labelled blast: ``n``,
        ``day_share`` (8 to 20 h local time) and its 95 % interval; ``fisher_p``: whether
        suspected and unsuspected earthquakes differ in it. For "confident_learning" also
        ``ks_statistic`` and ``ks_p``: two-sample Kolmogorov-Smirnov test of their local hours;
        and, without any threshold, ``doubt_auc``: how often an earthquake by day is more in
        doubt than one by night (0.5: the doubt knows nothing of the hour) and ``doubt_p``
        (Mann-Whitney). ``repeats``: with other seeds of the forest.

        ``earthquakes_by_clock``: twice the number of earthquakes by night, which is how many
        there should be in all if they do not know the hour, with a 95 % interval (Poisson), and
        ``mislabelled_by_clock``: the rest of the events with this label. Written to
        ``results/gujarat_labels.*`` with a picture.
    """
    events = _tasks()["two"]
    model = _models(quick)["forest"].set_params(random_state=0)
    hours = _local_hours(events.metadata["start_time"])
    figures = {"n_events": len(events.target)}
    review = None
    for method in METHODS:
        review = _review(model, method, events) if review is None else _again(review, method)
        figures |= _figures(review, hours, method)
        if method == "confident_learning":
            table = review.table().assign(local_hour=lambda t: hours[t["row"]])
            masks = _masks(review)
            figures |= _test(hours, masks) | _by_clock(hours, review)
    figures["repeats"] = [
        _shares(clone(model).set_params(random_state=seed), events, hours)
        for seed in range(1, 2 if quick else N_REPEATS)
    ]
    if not quick:
        _write(figures, table, hours, masks)
    return figures


def _review(model, method, events):
    review = LabelReview(
        model, cv=CalendarKFold(5, by="month"), method=method, n_neighbors=0, sampling_rate=50.0
    )
    return review.fit(events.data, events.target, events.metadata)


def _again(review, method):
    """The same probabilities by another rule."""
    review.method_ = method
    review._judge(np.searchsorted(review.classes_, review.labels_))
    return review


def _local_hours(times):
    utc = times.dt.hour + times.dt.minute / 60 + times.dt.second / 3600
    return ((utc + UTC_OFFSET) % 24).to_numpy()


def _masks(review):
    earthquake = review.labels_ == "earthquake"
    return {
        "earthquake, suspected": earthquake & review.suspect_,
        "earthquake, not suspected": earthquake & ~review.suspect_,
        "blast, suspected": ~earthquake & review.suspect_,
        "blast, not suspected": ~earthquake & ~review.suspect_,
    }


def _figures(review, hours, method):
    figures = {f"n_suspects [{method}]": int(review.suspect_.sum())}
    for line in review.summary().itertuples():
        figures[f"n_suspects [{method}, {line.label} -> {line.predicted}]"] = line.n_suspects
    masks = _masks(review)
    day = (hours >= DAY[0]) & (hours < DAY[1])
    for name, mask in masks.items():
        n, k = int(mask.sum()), int(day[mask].sum())
        low, high = _wilson(k, n)
        figures[f"n [{method}: {name}]"] = n
        figures[f"day_share [{method}: {name}]"] = round(k / max(n, 1), 3)
        figures[f"day_share_interval [{method}: {name}]"] = [round(low, 3), round(high, 3)]
    doubted, trusted = masks["earthquake, suspected"], masks["earthquake, not suspected"]
    counts = [[day[m].sum(), (~day)[m].sum()] for m in (doubted, trusted)]
    figures[f"fisher_p [{method}]"] = float(fisher_exact(counts).pvalue)
    return figures


def _test(hours, masks):
    test = ks_2samp(
        hours[masks["earthquake, suspected"]], hours[masks["earthquake, not suspected"]]
    )
    return {"ks_statistic": round(float(test.statistic), 3), "ks_p": float(test.pvalue)}


def _by_clock(hours, review):
    """What the hours alone say of the label "earthquake", and whether the doubt agrees."""
    earthquake = review.labels_ == "earthquake"
    night = (hours < DAY[0]) | (hours >= DAY[1])
    n = int((earthquake & night).sum())
    # Exact interval of a Poisson mean, by the distribution's relation to chi squared.
    low = _poisson_bound(n, 0.975) if n else 0.0
    high = _poisson_bound(n + 1, 0.025)
    doubt = review.doubt_
    test = mannwhitneyu(doubt[earthquake & ~night], doubt[earthquake & night])
    total = int(earthquake.sum())
    return {
        "earthquakes_labelled": total,
        "earthquakes_by_clock": 2 * n,
        "earthquakes_by_clock_interval": [round(2 * low), round(2 * high)],
        "mislabelled_by_clock": total - 2 * n,
        "doubt_auc": round(float(test.statistic) / ((total - n) * n), 3),
        "doubt_p": float(test.pvalue),
    }


def _poisson_bound(n, tail):
    return float(chi2.isf(tail, 2 * n) / 2)


def _shares(model, events, hours):
    review = _review(model, "confident_learning", events)
    figures = _figures(review, hours, "confident_learning")
    kept = {"n_suspects": figures["n_suspects [confident_learning]"]}
    for name in ("earthquake, suspected", "earthquake, not suspected"):
        kept[f"day_share, {name}"] = figures[f"day_share [confident_learning: {name}]"]
    return kept | {"doubt_auc": _by_clock(hours, review)["doubt_auc"]}


def _wilson(k, n, z=1.959964):
    """95 % interval of a share."""
    if n == 0:
        return 0.0, 1.0
    centre = (k + z**2 / 2) / (n + z**2)
    half = z / (n + z**2) * np.sqrt(k * (n - k) / n + z**2 / 4)
    return float(centre - half), float(centre + half)


def _write(figures, table, hours, masks):
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(figures, indent=2)
    (RESULTS / "gujarat_labels.json").write_text(text + "\n")
    columns = ["event_id", "label", "predicted", "p_label", "doubt", "suspect", "local_hour"]
    table[columns].round(3).to_csv(RESULTS / "gujarat_labels.csv", index=False)
    _draw(hours, masks, RESULTS / "gujarat_labels.png")


def _draw(hours, masks, path):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = ["blast, not suspected", "earthquake, suspected", "earthquake, not suspected"]
    colors = ["#b2182b", "#ef8a62", "#2166ac"]
    figure, axes = plt.subplots(3, 1, sharex=True, figsize=(6.4, 6.0), layout="constrained")
    for ax, name, color in zip(axes, names, colors):
        values = hours[masks[name]]
        ax.axvspan(*DAY, color="0.93", zorder=0)
        ax.hist(values, bins=np.arange(25), color=color, edgecolor="white", linewidth=0.5)
        day = np.mean((values >= DAY[0]) & (values < DAY[1])) if len(values) else 0.0
        title = f"Labelled {name}: {len(values)} events, {day:.0%} between {DAY[0]} and {DAY[1]} h"
        ax.set_title(title, fontsize=10, loc="left")
        ax.set_ylabel("Events")
        ax.spines[["top", "right"]].set_visible(False)
    axes[-1].set(xlabel="Local hour of day (UTC+5:30)", xlim=(0, 24), xticks=range(0, 25, 3))
    figure.savefig(path, dpi=150)
    plt.close(figure)
