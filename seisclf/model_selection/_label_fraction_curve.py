"""Scores by number of labels: tables, words and a picture."""

from html import escape

import pandas as pd


class LabelFractionCurve:
    """Scores of classifiers at several numbers of labels. Made by :func:`label_fraction_curve`.

    Parameters
    ----------
    cells : list of dict
        Estimator, repeat, fraction and numbers of labels of each fit.
    results : list of dict
        What each fit gave.
    metrics : list of str
        Names of the scores; the first is drawn and printed.
    subsets : list
        Rows of each repeat.
    classes : ndarray
        Labels.
    notes : list of str
        What the reader should know.

    Attributes
    ----------
    metrics_ : list of str
        Names of the scores.
    classes_ : ndarray
        Labels.
    splits_ : list of (train, test)
        Row numbers of each repeat; train holds rows without a label too.
    labelled_ : list of dict
        For each repeat, from fraction to the rows that keep their label.
    notes_ : list of str
        What could not be checked, which subsets lack a class, what was read from the store.
    """

    def __init__(self, cells, results, *, metrics, subsets, classes, notes):
        self.metrics_ = list(metrics)
        self.classes_ = classes
        self.notes_ = list(notes)
        self.splits_ = [(own.train, own.test) for own in subsets]
        fractions = list(dict.fromkeys(cell["fraction"] for cell in cells))
        self.labelled_ = [dict(zip(fractions, own.labelled)) for own in subsets]
        self._table = pd.DataFrame([_line(*pair) for pair in zip(cells, results)])

    def table(self):
        """One row for each estimator, repeat and fraction.

        Returns
        -------
        table : DataFrame
            estimator, repeat, fraction, n_labelled (rows), n_labelled_events, n_train (rows that
            ``fit`` saw, with a label or without), n_test, one column for each score, fit_time and
            score_time in seconds.
        """
        return self._table.copy()

    def summary(self):
        """Mean and spread of every score over the repeats.

        Returns
        -------
        table : DataFrame
            (estimator, fraction) down, in the order given; columns (score, "mean" | "std"). The
            spread is the standard deviation over repeats (ddof=1), NaN if there is one.
        """
        grouped = self._table.groupby(["estimator", "fraction"], sort=False)[self.metrics_]
        return grouped.agg(["mean", "std"])

    def plot(self, metric=None, ax=None, **kwargs):
        """Draw mean and spread over the number of labels.

        Parameters
        ----------
        metric : str, optional
            The first one by default.
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default a new figure.
        **kwargs
            Passed to :meth:`LabelFractionDisplay.plot`.

        Returns
        -------
        display : LabelFractionDisplay
            With ``ax_`` and ``figure_``.
        """
        from ._label_fraction_display import LabelFractionDisplay

        return LabelFractionDisplay.from_curve(self, metric=metric).plot(ax=ax, **kwargs)

    def __repr__(self):
        return f"{self._headline()}\n{self._pretty().to_string()}" + "".join(
            f"\nNote: {note}." for note in self.notes_
        )

    def _repr_html_(self):
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes_)
        return f"<p><b>{escape(self._headline())}</b></p>{self._pretty().to_html()}" + (
            f"<ul>{notes}</ul>" if notes else ""
        )

    def _headline(self):
        n_repeats = len(self.splits_)
        repeats = "1 repeat" if n_repeats == 1 else f"{n_repeats} repeats"
        return (
            f"{self.metrics_[0]} by labels known, mean ± standard deviation over {repeats}, "
            f"{len(self.splits_[0][1])} rows tested"
        )

    def _pretty(self):
        summary = self.summary()[self.metrics_[0]]
        table = pd.Series(summary.agg(_mean_and_spread, axis=1)).unstack("fraction", sort=False)
        numbers = self._table.groupby("fraction")["n_labelled_events"].mean()
        table.columns = [
            f"{as_words(f)} ({numbers[f]:.0f} events)" if f < 1 else f"{f:.0f} events"
            for f in pd.unique(self._table["fraction"]).tolist()
        ]
        return table

    def _metric(self, metric):
        metric = self.metrics_[0] if metric is None else metric
        if metric not in self.metrics_:
            raise ValueError(
                f"metric must be one of {self.metrics_}; got {metric!r}. Others are computed if "
                f"label_fraction_curve is given scoring=[...]."
            )
        return metric


def _line(cell, result):
    numbers = {key: result[key] for key in ("n_train", "n_test")}
    times = {key: result[key] for key in ("fit_time", "score_time")}
    return {**cell, **numbers, **result["scores"], **times}


def _mean_and_spread(line):
    spread = "" if pd.isna(line["std"]) else f" ± {line['std']:.3f}"
    return f"{line['mean']:.3f}{spread}"


def as_words(fraction):
    """A share in per cent, a number as it is."""
    return f"{100 * fraction:.3g} %" if fraction < 1 else f"{fraction:.0f}"
