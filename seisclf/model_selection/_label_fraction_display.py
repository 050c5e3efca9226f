"""Picture of scores over the number of labels."""

import numpy as np

from ._displays import _WORDS
from ._label_fraction_curve import as_words

#: Colours that people with colour-blindness tell apart (Paul Tol's "bright"), and markers.
_COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#aa3377", "#66ccee", "#777777")
_MARKERS = "osD^vPX"


class LabelFractionDisplay:
    """Mean scores as lines over the number of labels, their spread as bands.

    Parameters
    ----------
    summary : DataFrame
        (estimator, fraction) down; columns "mean", "std" and "n_labelled_events".
    metric : str, default="score"
        Label of the axis.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Where it was drawn.
    figure_ : matplotlib.figure.Figure
        Its figure.

    Examples
    --------
    >>> import pandas as pd
    >>> from seisclf.model_selection import LabelFractionDisplay
    >>> index = pd.MultiIndex.from_product([["forest"], [0.1, 0.8]])
    >>> columns = {"mean": [0.5, 0.9], "std": [0.1, 0.02], "n_labelled_events": [20, 160]}
    >>> display = LabelFractionDisplay(pd.DataFrame(columns, index=index)).plot()
    """

    def __init__(self, summary, *, metric="score"):
        self.summary = summary
        self.metric = metric

    @classmethod
    def from_curve(cls, curve, *, metric=None):
        """Take mean and spread from a curve.

        Parameters
        ----------
        curve : LabelFractionCurve
            What :func:`label_fraction_curve` returned.
        metric : str, optional
            The first one by default.

        Returns
        -------
        display : LabelFractionDisplay
            Not drawn yet.
        """
        metric = curve._metric(metric)
        table = curve.table().groupby(["estimator", "fraction"], sort=False)
        numbers = table["n_labelled_events"].mean()
        return cls(curve.summary()[metric].assign(n_labelled_events=numbers), metric=metric)

    def plot(self, ax=None, *, colors=None):
        """Draw a line for each estimator.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default a new figure.
        colors : dict of {str: color}, optional
            Colours of estimators, in place of our own.

        Returns
        -------
        self : LabelFractionDisplay
            With ``ax_`` and ``figure_``.
        """
        import matplotlib.pyplot as plt

        if ax is None:
            ax = plt.subplots(figsize=(7.5, 4.6), layout="constrained")[1]
        names = list(dict.fromkeys(self.summary.index.get_level_values(0)))
        for line, name in enumerate(names):
            own = self.summary.loc[name].sort_values("n_labelled_events")
            colour = (colors or {}).get(name, _COLOURS[line % len(_COLOURS)])
            self._draw(ax, own, name, colour, _MARKERS[line % len(_MARKERS)])
        self._axes(ax)
        # Best at the right end on top, as the lines lie in the picture.
        last = self.summary["mean"].groupby(level=0, sort=False).last()
        handles = dict(zip(*reversed(ax.get_legend_handles_labels())))
        order = last.sort_values(ascending=False, kind="stable").index
        ax.legend(
            [handles[name] for name in order],
            order,
            loc="center left",
            bbox_to_anchor=(1, 0.5),
            frameon=False,
            fontsize=9,
        )
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _draw(self, ax, own, name, colour, marker):
        x, mean = own["n_labelled_events"].to_numpy(float), own["mean"].to_numpy()
        spread = np.nan_to_num(own["std"].to_numpy())
        ax.fill_between(x, mean - spread, mean + spread, color=colour, alpha=0.13, linewidth=0)
        ax.plot(x, mean, marker=marker, color=colour, markersize=6, linewidth=1.8, label=name)

    def _axes(self, ax):
        numbers = self.summary["n_labelled_events"].groupby(level=1).mean().sort_values()
        ax.set_xscale("log")
        ax.minorticks_off()
        ticks = [f"{n:.0f}" + (f"\n{as_words(f)}" if f < 1 else "") for f, n in numbers.items()]
        ax.set_xticks(numbers.to_numpy(), ticks)
        ax.set_xlabel("events whose label is known")
        ax.set_ylabel(_WORDS.get(self.metric, self.metric.replace("_", " ")))
        ax.grid(color="#e5e5e5")
        ax.set_axisbelow(True)
        ax.spines[["top", "right"]].set_visible(False)
        ax.margins(x=0.06)
