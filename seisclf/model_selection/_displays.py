"""Pictures of a comparison."""

import numpy as np

_POINT, _MEAN, _BEST = "#9db4c8", "#4477aa", "#cc6677"
_WORDS = {"f1_macro": "macro F1", "f1_weighted": "weighted F1", "r2": "R²"}


class ComparisonDisplay:
    """Scores of every fold, their mean, and the bootstrap interval by event.

    Parameters
    ----------
    scores : DataFrame of shape (n_folds, n_estimators)
        Scores.
    intervals : DataFrame or None
        score, low and high for each estimator.
    metric : str
        Label of the axis.
    best_name : str or None
        Drawn in another colour.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Where it was drawn.
    figure_ : matplotlib.figure.Figure
        Its figure.
    """

    def __init__(self, scores, *, intervals=None, metric="score", best_name=None):
        self.scores = scores
        self.intervals = intervals
        self.metric = metric
        self.best_name = best_name

    @classmethod
    def from_comparison(cls, comparison, *, metric=None, level=0.95):
        """Take scores and intervals from a comparison.

        Parameters
        ----------
        comparison : Comparison
            What :func:`compare_estimators` returned.
        metric : str, optional
            The first metric by default.
        level : float, default=0.95
            Of the intervals.

        Returns
        -------
        display : ComparisonDisplay
            Not drawn yet.
        """
        metric = comparison._metric(metric)
        return cls(
            comparison._fold_scores(metric),
            intervals=comparison.intervals(metric, level=level),
            metric=metric,
            best_name=comparison.best_name_,
        )

    def plot(self, ax=None, *, sort=True):
        """Draw one line for each estimator.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default a new figure.
        sort : bool, default=True
            Best on top, rather than in the order given.

        Returns
        -------
        self : ComparisonDisplay
            With ``ax_`` and ``figure_``.
        """
        import matplotlib.pyplot as plt

        names = list(self.scores.columns)
        if sort:
            names = list(self.scores.mean().sort_values(ascending=False, kind="stable").index)
        if ax is None:
            size = (7.5, 1.3 + 0.62 * len(names))
            ax = plt.subplots(figsize=size, layout="constrained")[1]
        for line, name in enumerate(names):
            self._draw(ax, line, name)
        ax.set_yticks(range(len(names)), names)
        ax.set_ylim(len(names) - 0.55, -0.6)
        ax.set_xlabel(_WORDS.get(self.metric, self.metric.replace("_", " ")))
        ax.grid(axis="x", color="#e5e5e5")
        ax.set_axisbelow(True)
        ax.tick_params(axis="y", length=0)
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.margins(x=0.08)
        self._legend(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _draw(self, ax, line, name):
        scores = self.scores[name].to_numpy()
        colour = _BEST if name == self.best_name else _MEAN
        # Below the interval, and spread by fold number so that equal scores stay visible.
        at = line + 0.22 + np.linspace(-0.05, 0.05, len(scores))
        ax.plot(scores, at, "o", color=_POINT, markersize=5, zorder=2)
        mean = scores.mean()
        if self.intervals is not None:
            low, high = self.intervals.loc[name, ["low", "high"]]
            ax.plot([low, high], [line, line], color=colour, linewidth=2.5, zorder=3)
        ax.plot(mean, line, "D", color=colour, markersize=8, zorder=4)
        ax.annotate(
            f"{mean:.3f}",
            (mean, line),
            xytext=(0, 9),
            textcoords="offset points",
            ha="center",
            fontsize=9,
            color=colour,
        )

    def _legend(self, ax):
        from matplotlib.lines import Line2D

        handles = [
            Line2D([], [], marker="o", linestyle="", color=_POINT, label="fold"),
            Line2D([], [], marker="D", linestyle="", color=_MEAN, label="mean"),
        ]
        if self.intervals is not None:
            label = "interval by event"
            handles.append(Line2D([], [], color=_MEAN, linewidth=2.5, label=label))
        ax.legend(
            handles=handles,
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=len(handles),
            frameon=False,
            fontsize=9,
        )


class EventConfusionDisplay:
    """Confusion matrix with counts and shares.

    Parameters
    ----------
    confusion : DataFrame of shape (n_classes, n_classes)
        Counts; true classes down.
    title : str, default=""
        Title.
    counted : str, default="events"
        What is counted.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Where it was drawn.
    figure_ : matplotlib.figure.Figure
        Its figure.

    Examples
    --------
    >>> from seisclf.model_selection import EventConfusionDisplay
    >>> display = EventConfusionDisplay.from_predictions(["q", "r"], ["q", "q"], ["a", "b"])
    >>> display.plot().ax_.get_xlabel()
    'predicted'
    """

    def __init__(self, confusion, *, title="", counted="events"):
        self.confusion = confusion
        self.title = title
        self.counted = counted

    @classmethod
    def from_predictions(cls, y_true, y_pred, event_ids, *, title="", **kwargs):
        """Count predictions by event.

        Parameters
        ----------
        y_true, y_pred, event_ids : array-like of shape (n_rows,)
            True and predicted classes, and the event of each row.
        title : str, default=""
            Title.
        **kwargs
            Passed to :func:`seisclf.metrics.event_confusion_matrix`.

        Returns
        -------
        display : EventConfusionDisplay
            Not drawn yet.
        """
        from seisclf.metrics import event_confusion_matrix

        return cls(event_confusion_matrix(y_true, y_pred, event_ids, **kwargs), title=title)

    def plot(self, ax=None, *, cmap="Blues"):
        """Draw the matrix; colours are shares of the true class.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default a new figure.
        cmap : str or Colormap, default="Blues"
            Colours.

        Returns
        -------
        self : EventConfusionDisplay
            With ``ax_`` and ``figure_``.
        """
        import matplotlib.pyplot as plt

        counts = self.confusion.to_numpy().astype(float)
        total = counts.sum(axis=1, keepdims=True)
        share = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
        n = len(counts)
        if ax is None:
            size = (2.2 + 0.95 * n, 1.5 + 0.85 * n)
            ax = plt.subplots(figsize=size, layout="constrained")[1]
        ax.imshow(share, cmap=cmap, vmin=0, vmax=1)
        for i in range(n):
            for j in range(n):
                ax.text(
                    j,
                    i,
                    f"{counts[i, j]:.0f}\n{100 * share[i, j]:.0f} %",
                    ha="center",
                    va="center",
                    fontsize=9,
                    color="white" if share[i, j] > 0.55 else "#222222",
                )
        labels = [str(name) for name in self.confusion.index]
        long = max(map(len, labels)) > 7
        ax.set_xticks(range(n), labels)
        if long:
            ax.tick_params(axis="x", labelrotation=30)
            for label in ax.get_xticklabels():
                label.set_ha("right")
        ax.set_yticks(range(n), labels)
        ax.set_xlabel("predicted")
        ax.set_ylabel(f"true ({self.counted})")
        ax.set_title(self.title, fontsize=11)
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        self.ax_, self.figure_ = ax, ax.figure
        return self
