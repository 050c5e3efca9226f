"""Thresholds of classes, chosen on some days and judged on others."""

import copy
from dataclasses import dataclass, field

import numpy as np

from seisclf.metrics._catalogue_scores import counts_by_block
from seisclf.metrics._coverage import DAY

from ._classifier import threshold_vector
from ._merging import merge_detections
from ._threshold_choice import best_threshold, score_function

_GRID = tuple(np.round(np.arange(0.05, 0.96, 0.05), 2).tolist())


@dataclass(frozen=True)
class ThresholdTuning:
    """What :func:`tune_thresholds` found.

    Parameters
    ----------
    thresholds : dict
        Threshold of each class, chosen on all days: ``EventDetector(..., threshold=thresholds)``.
    table : pandas.DataFrame
        One row per class: ``class``, ``threshold``, ``lowest`` and ``highest`` (of the folds),
        ``honest`` (score of days with the thresholds that the other days chose), ``naive`` (score
        of all days with the thresholds that they themselves chose), ``as_it_was`` (score with the
        detector's own), ``known``.
    folds : pandas.DataFrame
        One row per class and fold: ``class``, ``fold``, ``blocks`` (days that were left out),
        ``threshold``, ``inner`` and ``outer`` (scores of the days that chose, and of those left
        out), ``known`` (events in the days left out).
    curves : pandas.DataFrame
        One row per class and threshold that was tried, over all days: ``matched``, ``detected``,
        ``known``, ``precision``, ``recall``, ``f1``, ``false_per_day``.
    scoring : str
        What was made as large as possible.
    """

    thresholds: dict
    table: object = field(repr=False)
    folds: object = field(repr=False)
    curves: object = field(repr=False)
    scoring: str = "f1"

    def __repr__(self):
        table = self.table.to_string(index=False, float_format=lambda value: f"{value:.3f}")
        return f"Thresholds by {self.scoring}, {self.folds['fold'].nunique()} folds\n{table}"

    def _repr_html_(self):
        return self.table.to_html(index=False, float_format="%.3f", border=0)

    def plot(self, ax=None):
        """Precision, recall and F1 of each class over its threshold, with the spread over folds.

        Parameters
        ----------
        ax : array of matplotlib.axes.Axes, optional
            One for each class. Default: a new figure.

        Returns
        -------
        axes : ndarray of matplotlib.axes.Axes
            What was drawn into.
        """
        from matplotlib import pyplot as plt

        n = len(self.table)
        if ax is None:
            _, ax = plt.subplots(
                1, n, figsize=(3.6 * n + 0.6, 3.2), sharey=True, squeeze=False,
                layout="constrained",
            )  # fmt: skip
        axes = np.ravel(ax)
        for row, axis in zip(self.table.itertuples(index=False), axes, strict=True):
            own = self.curves[self.curves["class"] == row[0]]
            for name, color in (
                ("precision", "#0072b2"),
                ("recall", "#d55e00"),
                ("f1", "#333333"),
            ):
                axis.plot(own["threshold"], own[name], color=color, label=name, lw=1.8)
            axis.axvspan(row.lowest, row.highest, color="#888888", alpha=0.25, lw=0)
            axis.axvline(row.threshold, color="#333333", lw=1, ls="--")
            axis.set(title=str(row[0]), xlabel="threshold", ylim=(0, 1.02))
        axes[0].legend(frameon=False, fontsize=8)
        return axes


def tune_thresholds(
    detector,
    functions,
    catalogue,
    *,
    tolerance=None,
    min_overlap=None,
    grid=_GRID,
    scoring="f1",
    max_false_per_day=None,
    cv=5,
    by="day",
    associate=None,
    coverage=None,
):
    """Choose a threshold for each class against a catalogue, and say how good it is on other days.

    The record is divided into days, and days into folds. For each fold, thresholds are chosen on
    the days of all others and judged on its own: the *honest* score adds up what happened on days
    that had no say. The *naive* score, of the days that chose, is what is often published; it is
    higher the fewer events there are. Functions over time are kept from one scan, so that trying
    thresholds costs no prediction.

    Parameters
    ----------
    detector : EventDetector
        Its parameters but the threshold hold throughout; classes are picked by themselves
        (``pick_by="class"``).
    functions : ProbabilityFunctions, FunctionsOverTime, or list of these
        What ``detector.predict_functions`` gave for the record, or for its parts, such as days.
        The classifier must not have been trained on these days.
    catalogue : DataFrame or Detections
        Known events with ``onset`` and ``class``; also ``end`` for `min_overlap`.
    tolerance, min_overlap : float, optional
        When a detection is an event of the catalogue, see
        :func:`~seisclf.metrics.match_events`.
    grid : sequence of float, default=(0.05, 0.1, ..., 0.95)
        Thresholds to try.
    scoring : {"f1", "f0.5", "f2", "precision", "recall"} or callable, default="f1"
        What is made as large as possible, for each class. A callable gets arrays ``matched``,
        ``detected`` and ``known``, and returns scores. F0.5 minds false alarms more than misses,
        F2 the other way round.
    max_false_per_day : float, optional
        Thresholds with more false alarms a day of this class are not chosen.
    cv : int or splitter, default=5
        Number of folds, each of days in a row; or anything with ``split`` of days.
    by : {"day", "hour"} or float, default="day"
        What is kept together, or its seconds.
    associate : dict, optional
        Parameters of :meth:`Detections.associate`, if events of the network are to be scored.
    coverage : pandas.DataFrame, optional
        When there was a record, see :func:`~seisclf.metrics.catalogue_scores`. Default: what
        the functions say.

    Returns
    -------
    tuning : ThresholdTuning
        Thresholds, and tables of how they were found.

    Raises
    ------
    ValueError
        If there are fewer days than folds, or a parameter is out of range.

    Warns
    -----
    UserWarning
        For classes without an event in the catalogue: they keep the detector's threshold.

    Notes
    -----
    Thresholds of a fold are chosen for each class from scans in which all classes have the same
    threshold. Where classes compete for one stretch of time, the chosen thresholds together can
    act a little otherwise; the honest score is of the thresholds together. Among neighbours that
    score alike, the one in the middle is taken.

    Examples
    --------
    Ten days with three events each and a false alarm of 0.6, found in functions that are there:

    >>> import numpy as np, pandas as pd
    >>> from seisclf.detection import (EventDetector, ProbabilityFunction, ProbabilityFunctions,
    ...                                tune_thresholds)
    >>> class Classifier:
    ...     classes_ = np.array(["noise", "rockfall"])
    ...     def predict_proba(self, X):
    ...         raise NotImplementedError
    >>> detector = EventDetector(Classifier(), window=600, step=60, sampling_rate=1.0,
    ...                          components="Z", refine=False)
    >>> height = np.zeros(10 * 1440)
    >>> start, onsets = pd.Timestamp("2020-03-01T00:00Z"), []
    >>> for minute in range(100, 14400, 480):
    ...     height[minute : minute + 3] = 0.8
    ...     height[minute + 200] = 0.6
    ...     onsets.append(start + pd.Timedelta(minute, "min"))
    >>> function = ProbabilityFunction("XX.A", start, start + pd.Timedelta(10, "D"), 60.0,
    ...     Classifier.classes_, np.column_stack([1 - height, height]), np.ones(14400), 1, 0)
    >>> known = pd.DataFrame({"onset": onsets, "class": "rockfall"})
    >>> tuning = tune_thresholds(detector, ProbabilityFunctions([function]), known, tolerance=60)
    >>> tuning.thresholds
    {'rockfall': 0.7}
    >>> tuning.table[["honest", "as_it_was"]].to_numpy().round(2).tolist()
    [[1.0, 0.67]]
    """
    import warnings

    import pandas as pd

    score = score_function(scoring)
    grid = np.unique(np.asarray(grid, dtype=float))
    if not len(grid) or not ((grid > 0) & (grid <= 1)).all():
        raise ValueError(f"grid must hold thresholds above 0 and not above 1; got {grid.tolist()}")
    parts = list(functions) if isinstance(functions, list | tuple) else [functions]
    labels = list(detector.events)
    how = {
        "classes": labels, "coverage": coverage, "by": by, "noise": None,
        "min_stations": (associate or {}).get("min_stations", 2) if associate is not None else 1,
        "tolerance": tolerance, "min_overlap": min_overlap,
    }  # fmt: skip
    if how["min_stations"] < 1:  # a share of the stations that recorded
        how["min_stations"] = 2

    def counted(threshold):
        found = [(threshold and _with(detector, threshold) or detector).pick(p) for p in parts]
        found = found[0] if len(found) == 1 else merge_detections(found)
        if associate is not None:
            found = found.associate(**associate)
        return counts_by_block(found, catalogue, **how)

    tried, seconds = _stacked([counted(dict.fromkeys(labels, value)) for value in grid])
    blocks = seconds.index.to_numpy()
    absent = [label for label in labels if tried[label][0, :, 2].sum() == 0]
    if absent:
        warnings.warn(
            f"the catalogue has no recorded event of {', '.join(map(str, absent))}: their "
            f"thresholds stay as they are",
            UserWarning,
            stacklevel=2,
        )
    own = dict(zip(detector.classes.tolist(), detector._thresholds.tolist(), strict=True))

    def choose(days):
        chosen = {}
        for label in labels:
            counts = tried[label][:, days].sum(axis=1)
            recorded = seconds.to_numpy()[days].sum() / DAY
            best = best_threshold(counts, score, recorded, max_false_per_day)
            chosen[label] = own[label] if best is None or label in absent else float(grid[best])
        return chosen

    def of_days(counts, label, days):
        """Scores of one threshold for some days."""
        part = counts.loc[label].reindex(blocks[days], fill_value=0)
        return part.to_numpy().sum(axis=0)

    rows, outer = [], {label: np.zeros(3) for label in labels}
    for fold, (inside, outside) in enumerate(_folds(cv, len(blocks))):
        chosen = choose(inside)
        counts, _ = counted(chosen)
        for label in labels:
            left_out = of_days(counts, label, outside)
            outer[label] += left_out
            rows.append(
                {
                    "class": label,
                    "fold": fold,
                    "blocks": len(outside),
                    "threshold": chosen[label],
                    "inner": _one(score, of_days(counts, label, inside)),
                    "outer": _one(score, left_out),
                    "known": int(left_out[2]),
                }
            )
    everything = np.arange(len(blocks))
    final = choose(everything)
    naive, before = counted(final)[0], counted(None)[0]
    folds = pd.DataFrame(rows)
    lines = []
    for label in labels:
        spread = folds[folds["class"] == label]["threshold"]
        lines.append(
            {
                "class": label,
                "threshold": final[label],
                "lowest": spread.min(),
                "highest": spread.max(),
                "honest": _one(score, outer[label]),
                "naive": _one(score, of_days(naive, label, everything)),
                "as_it_was": _one(score, of_days(before, label, everything)),
                "known": int(outer[label][2]),
            }
        )
    name = scoring if isinstance(scoring, str) else getattr(scoring, "__name__", "scoring")
    curves = _curves(grid, tried, seconds.sum() / DAY)
    return ThresholdTuning(final, pd.DataFrame(lines), folds, curves, name)


def _with(detector, thresholds):
    """The detector with other thresholds."""
    other = copy.copy(detector)
    other.threshold, other.pick_by = thresholds, "class"
    other._thresholds = threshold_vector(detector.classes, thresholds, detector.background)
    return other


def _stacked(counted):
    """Counts of all thresholds, {class: (n_thresholds, n_blocks, 3)}, and seconds of blocks."""
    import pandas as pd

    seconds = pd.concat([own for _, own in counted]).groupby(level=0).max()
    labels = counted[0][0].index.get_level_values("class").unique()
    return {
        label: np.stack(
            [counts.loc[label].reindex(seconds.index, fill_value=0) for counts, _ in counted]
        )
        for label in labels
    }, seconds


def _folds(cv, n_blocks):
    from sklearn.model_selection import KFold

    if not hasattr(cv, "split"):
        if cv < 2 or cv > n_blocks:
            raise ValueError(
                f"cv={cv} folds of {n_blocks} days: there must be from 2 to {n_blocks}. Shorter "
                f"pieces than days are by='hour', or by=<seconds>"
            )
        cv = KFold(cv)
    return cv.split(np.arange(n_blocks).reshape(-1, 1))


def _one(score, counts):
    return float(score(*np.reshape(counts, (3, 1)))[0])


def _curves(grid, tried, days):
    import pandas as pd

    f1, precision, recall = (score_function(name) for name in ("f1", "precision", "recall"))
    parts = []
    for label, counts in tried.items():
        counts = counts.sum(axis=1).T
        parts.append(
            pd.DataFrame(
                {
                    "class": label,
                    "threshold": grid,
                    "matched": counts[0],
                    "detected": counts[1],
                    "known": counts[2],
                    "precision": precision(*counts),
                    "recall": recall(*counts),
                    "f1": f1(*counts),
                    "false_per_day": (counts[1] - counts[0]) / days,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)
