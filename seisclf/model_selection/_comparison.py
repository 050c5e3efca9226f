"""What a comparison found: scores, predictions, statistics, words and pictures."""

from html import escape
from typing import Any

import numpy as np
import pandas as pd

from seisclf.metrics import (
    bootstrap_interval,
    event_confusion_matrix,
    event_predictions,
    event_report,
)
from seisclf.metrics._bootstrap import CONFUSION_SCORES

from ._out_of_fold import Replay, inner, per_fold, predictions, probabilities
from ._statistics import all_pairs


class Comparison:
    """Scores of several estimators on the same folds. Made by :func:`compare_estimators`.

    Parameters
    ----------
    results : list of (name, fold, test, result)
        Of every fit.
    y : ndarray of shape (n_events,)
        What was to be predicted.
    classes : ndarray or None
        Classes; None for regression.
    scorers : dict
        The first one decides which estimator is best.
    plan : FoldPlan
        The folds.
    events : ndarray of shape (n_events,)
        Event of each row.
    events_known : bool
        Whether `events` say more than the row number.
    notes : list of str
        What the reader should know.
    estimators : dict
        As they were passed.

    Attributes
    ----------
    per_fold_ : DataFrame
        Tidy: estimator, fold, metric, score, fit_time, score_time (s), n_train, n_test.
    predictions_ : DataFrame
        Out-of-fold predictions: estimator, fold, row, event_id, y_true, y_pred and, where
        there are probabilities, ``proba_<class>``.
    inner_ : DataFrame
        For estimators that search: estimator, fold, inner score, parameters chosen.
    best_name_ : str
        Estimator with the highest mean of the first metric.
    metrics_ : list of str
        Names of the metrics; the first is the test score.
    classes_ : ndarray or None
        Classes in the order of all tables.
    plan_ : FoldPlan
        The folds.
    notes_ : list of str
        What could not be checked, and what was read from the store.
    best_estimator_ : estimator
        Fitted on all rows, if `refit` was asked for.
    refit_name_ : str
        Which of the estimators that is.
    """

    best_estimator_: Any
    refit_name_: str

    def __init__(
        self, results, *, y, classes, scorers, plan, events, events_known, notes, estimators
    ):
        self.plan_ = plan
        self.classes_ = classes
        self.metrics_ = list(scorers)
        self.notes_ = list(notes)
        self.estimators_ = estimators
        self._scorers = scorers
        self._events_known = events_known
        self.per_fold_ = per_fold(results)
        self.predictions_ = predictions(results, y, events, classes)
        self.inner_ = inner(results)
        self.best_name_ = str(self._fold_scores(self.metrics_[0]).mean().idxmax())

    # Tables -------------------------------------------------------------------------------------

    def summary(self):
        """Mean and spread of every metric, and times.

        Returns
        -------
        table : DataFrame
            Estimators down, best first. Columns (metric, "mean" | "std") and
            ("fit_time" | "score_time", "mean") in seconds. The spread is the standard deviation
            over folds (ddof=1).
        """
        scores = self.per_fold_.groupby(["estimator", "metric"], sort=False)["score"]
        parts = {}
        for metric in self.metrics_:
            parts[metric, "mean"] = scores.mean().xs(metric, level="metric")
            parts[metric, "std"] = scores.std(ddof=1).xs(metric, level="metric")
        times = self._one_line_a_fold().groupby("estimator", sort=False)
        parts["fit_time", "mean"] = times["fit_time"].mean()
        parts["score_time", "mean"] = times["score_time"].mean()
        table = pd.DataFrame(parts)
        table.columns = table.columns.set_names(["metric", None])
        table.index.name = "estimator"
        return table.sort_values((self.metrics_[0], "mean"), ascending=False, kind="stable")

    def to_frame(self):
        """The tidy frame of scores.

        Returns
        -------
        frame : DataFrame
            A copy of ``per_fold_``.
        """
        return self.per_fold_.copy()

    def events(self, name=None, *, how="mean"):
        """Out-of-fold predictions joined by event.

        Parameters
        ----------
        name : str, optional
            Estimator; the best by default.
        how : {"mean", "vote"}, default="mean"
            See :func:`seisclf.metrics.aggregate_by_event`.

        Returns
        -------
        events : DataFrame
            event_id, y_true, y_pred, confidence, n_rows. Rows predicted in several folds
            (repeated splits) count together.
        """
        return event_predictions(**self._for_metrics(name), how=how)

    def confusion(self, name=None, *, by="event", how="mean", normalize=None):
        """Confusion matrix of the out-of-fold predictions.

        Parameters
        ----------
        name : str, optional
            Estimator; the best by default.
        by : {"event", "row"}, default="event"
            What is counted.
        how : {"mean", "vote"}, default="mean"
            How the rows of an event are joined.
        normalize : {"true", "pred", "all"}, optional
            Divide by the sum of rows, of columns, or of all.

        Returns
        -------
        confusion : DataFrame
            True classes down, predicted classes across.
        """
        return event_confusion_matrix(**self._for_metrics(name, by), how=how, normalize=normalize)

    def report(self, name=None, *, by="event", how="mean"):
        """Precision, recall and F1 of each class.

        Parameters
        ----------
        name : str, optional
            Estimator; the best by default.
        by : {"event", "row"}, default="event"
            What is counted.
        how : {"mean", "vote"}, default="mean"
            How the rows of an event are joined.

        Returns
        -------
        report : DataFrame
            See :func:`seisclf.metrics.event_report`.
        """
        report = event_report(**self._for_metrics(name, by), how=how)
        return report if by == "event" else report.rename(columns={"events": "rows"})

    # Statistics ---------------------------------------------------------------------------------

    def ttest(self, metric=None):
        """Corrected resampled t-test of every pair of estimators.

        Parameters
        ----------
        metric : str, optional
            The first metric by default.

        Returns
        -------
        tests : DataFrame
            a, b, difference (mean of a - b), t, p (two-sided), p_holm (corrected for the number
            of pairs), df. See :func:`corrected_ttest`.
        """
        scores = self._fold_scores(self._metric(metric))
        sizes = self._one_line_a_fold().drop_duplicates("fold").set_index("fold")
        if len(scores) < 2:
            raise ValueError("A t-test needs at least two folds; there is one.")
        return all_pairs(scores, sizes["n_train"].to_numpy(), sizes["n_test"].to_numpy())

    def intervals(self, metric=None, *, level=0.95, n_resamples=1000, random_state=0):
        """Bootstrap interval of each estimator's score, resampling events.

        Parameters
        ----------
        metric : str, optional
            The first metric by default.
        level : float, default=0.95
            Probability that the interval is to have.
        n_resamples : int, default=1000
            Number of resamples.
        random_state : int, RandomState, Generator or None, default=0
            Fixes the resamples; they are the same events for every estimator.

        Returns
        -------
        intervals : DataFrame
            Estimators down; score, low, high. The score is that of all out-of-fold predictions
            together, which differs a little from the mean over folds.
        """
        metric = self._metric(metric)
        lines = {}
        for name, own in self.predictions_.groupby("estimator", sort=False):
            fast = metric in CONFUSION_SCORES and self.classes_ is not None
            interval = bootstrap_interval(
                metric if fast else Replay(own, self._scorers[metric], self.classes_),
                own["y_true"].to_numpy() if fast else np.arange(len(own)),
                own["y_pred"].to_numpy() if fast else np.arange(len(own)),
                event_ids=own["event_id"].to_numpy(dtype=str),
                level=level,
                n_resamples=n_resamples,
                random_state=random_state,
            )
            lines[name] = interval[:3]
        frame = pd.DataFrame.from_dict(lines, orient="index", columns=["score", "low", "high"])
        frame.index.name = "estimator"
        return frame

    # Words and pictures -------------------------------------------------------------------------

    def test_score(self, name=None, metric=None):
        """Say in one sentence which number is the test score.

        Parameters
        ----------
        name : str, optional
            Estimator; the best by default.
        metric : str, optional
            The first metric by default.

        Returns
        -------
        sentence : str
            With the number, its spread and its interval.
        """
        name, metric = self._name(name), self._metric(metric)
        scores = self._fold_scores(metric)[name]
        interval = self.intervals(metric).loc[name]
        unit = "events" if self._events_known else "rows (which events they belong to is unknown)"
        text = (
            f"Test score of {name!r}: {metric} = {scores.mean():.3f} ± {scores.std(ddof=1):.3f} "
            f"(mean ± standard deviation over {len(scores)} folds; 95 % interval "
            f"[{interval['low']:.3f}, {interval['high']:.3f}] from resampling {unit}). It is "
            f"measured on rows the model never saw in training."
        )
        if len(self.inner_) and name in set(self.inner_["estimator"]):
            average = self.inner_.loc[self.inner_["estimator"] == name, "inner_score"].mean()
            text += f" Its inner best_score_ ({average:.3f} on average) is not a test score."
        if name == self.best_name_ and self._n_estimators() > 1:
            text += (
                f" As {name!r} was chosen as best of {self._n_estimators()} by this same number, "
                f"it is slightly optimistic; confirm it on data kept aside."
            )
        return text

    def plot(self, metric=None, ax=None, **kwargs):
        """Draw the scores of every fold with mean and interval.

        Parameters
        ----------
        metric : str, optional
            The first metric by default.
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default a new figure.
        **kwargs
            Passed to :meth:`ComparisonDisplay.plot`.

        Returns
        -------
        display : ComparisonDisplay
            With ``ax_`` and ``figure_``.
        """
        from ._displays import ComparisonDisplay

        return ComparisonDisplay.from_comparison(self, metric=metric).plot(ax=ax, **kwargs)

    def plot_confusion(self, name=None, *, by="event", how="mean", ax=None, **kwargs):
        """Draw the confusion matrix of one estimator.

        Parameters
        ----------
        name : str, optional
            Estimator; the best by default.
        by : {"event", "row"}, default="event"
            What is counted.
        how : {"mean", "vote"}, default="mean"
            How the rows of an event are joined.
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default a new figure.
        **kwargs
            Passed to :meth:`EventConfusionDisplay.plot`.

        Returns
        -------
        display : EventConfusionDisplay
            With ``ax_`` and ``figure_``.
        """
        from ._displays import EventConfusionDisplay

        name = self._name(name)
        counted = "events" if by == "event" and self._events_known else "rows"
        confusion = self.confusion(name, by=by, how=how)
        return EventConfusionDisplay(confusion, title=name, counted=counted).plot(ax=ax, **kwargs)

    def __repr__(self):
        return f"{self._headline()}\n{self._pretty().to_string()}\n{self.test_score()}" + "".join(
            f"\nNote: {note}." for note in self.notes_
        )

    def _repr_html_(self):
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes_)
        return (
            f"<p><b>{escape(self._headline())}</b></p>{self._pretty().to_html()}"
            f"<p>{escape(self.test_score())}</p>" + (f"<ul>{notes}</ul>" if notes else "")
        )

    # Details ------------------------------------------------------------------------------------

    def _headline(self):
        return f"{self._n_estimators()} estimators compared on {self.plan_._headline()}"

    def _pretty(self):
        summary = self.summary()
        table = pd.DataFrame(index=summary.index)
        for metric in self.metrics_:
            mean, std = summary[metric, "mean"], summary[metric, "std"]
            table[metric] = [f"{m:.3f} ± {s:.3f}" for m, s in zip(mean, std)]
        table["fit (s)"] = summary["fit_time", "mean"].map("{:.2f}".format)
        table["predict (s)"] = summary["score_time", "mean"].map("{:.2f}".format)
        return table

    def _n_estimators(self):
        return self.per_fold_["estimator"].nunique()

    def _name(self, name):
        name = self.best_name_ if name is None else name
        known = list(pd.unique(self.per_fold_["estimator"]))
        if name not in known:
            raise ValueError(f"name must be one of {known}; got {name!r}.")
        return name

    def _metric(self, metric):
        metric = self.metrics_[0] if metric is None else metric
        if metric not in self.metrics_:
            raise ValueError(
                f"metric must be one of {self.metrics_}; got {metric!r}. Others are computed if "
                f"compare_estimators is given scoring=[...]."
            )
        return metric

    def _fold_scores(self, metric):
        rows = self.per_fold_[self.per_fold_["metric"] == metric]
        names = list(pd.unique(rows["estimator"]))
        return rows.pivot(index="fold", columns="estimator", values="score")[names]

    def _one_line_a_fold(self):
        return self.per_fold_[self.per_fold_["metric"] == self.metrics_[0]]

    def _for_metrics(self, name, by="event"):
        """Arguments of the functions that count by event."""
        if self.classes_ is None:
            raise ValueError("There are no classes to count: the estimators are regressors.")
        if by not in ("event", "row"):
            raise ValueError(f"by must be 'event' or 'row'; got {by!r}.")
        own = self.predictions_[self.predictions_["estimator"] == self._name(name)]
        return {
            "y_true": own["y_true"].to_numpy(),
            "y_pred": own["y_pred"].to_numpy(),
            "event_ids": own["event_id"].to_numpy() if by == "event" else np.arange(len(own)),
            "proba": probabilities(own, self.classes_),
            "classes": self.classes_,
        }
