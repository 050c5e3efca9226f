"""Contributions of features to what a forest says of one event, as a picture."""

import numpy as np

from ._forest_contributions import forest_contributions
from ._relevance_display import one_event

__all__ = ["ForestContributionDisplay"]

_FOR, _AGAINST, _REST = "#b2182b", "#2166ac", "0.6"


class ForestContributionDisplay:
    """One event: what raised the probability of a class (red), and what lowered it (blue).

    Parameters
    ----------
    contributions : ForestContributions
        Of any number of events.
    event : int, default=0
        Which of them is drawn.
    target : label, optional
        Class whose probability is drawn. Default: the most probable one.
    by : {"feature", "family", "group", "channel"}, default="feature"
        What a bar stands for.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes, after :meth:`plot`.
    figure_ : matplotlib.figure.Figure
        Its figure.

    See Also
    --------
    forest_contributions : The numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.ensemble import FeatureForestClassifier
    >>> from seisclf.inspection import ForestContributionDisplay
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(40, 1, 300)), np.repeat(["noise", "quake"], 20)
    >>> X[20:] *= np.hanning(300)
    >>> forest = FeatureForestClassifier(n_estimators=20, random_state=0).fit(X, y)
    >>> display = ForestContributionDisplay.from_estimator(forest, X[30], by="family")
    >>> display.ax_.get_xlabel()
    'change of the probability of quake'
    """

    def __init__(self, contributions, *, event=0, target=None, by="feature"):
        self.contributions = contributions
        self.event = event
        self.target = target
        self.by = by

    @classmethod
    def from_estimator(cls, estimator, X, *, target=None, by="feature", max_bars=15, ax=None):
        """Explain one event and draw it.

        Parameters
        ----------
        estimator : FeatureForestClassifier or Pipeline
            Fitted.
        X : array-like of shape (n_channels, n_samples) or (1, n_channels, n_samples)
            One event.
        target : label, optional
            Class whose probability is drawn. Default: the most probable one.
        by : {"feature", "family", "group", "channel"}, default="feature"
            What a bar stands for.
        max_bars : int, default=15
            Largest number of bars; the others are added up.
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default in a new figure.

        Returns
        -------
        display : ForestContributionDisplay
            The picture.
        """
        found = forest_contributions(estimator, one_event(X))
        return cls(found, target=target, by=by).plot(max_bars=max_bars, ax=ax)

    def plot(self, *, max_bars=15, ax=None):
        """Draw the bars, the largest at the top.

        Parameters
        ----------
        max_bars : int, default=15
            Largest number of bars; the others are added up.
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default in a new figure.

        Returns
        -------
        display : ForestContributionDisplay
            This object, with ``ax_`` and ``figure_``.
        """
        from matplotlib import pyplot as plt

        found, row = self.contributions, self.event
        column = found.column(row, self.target)
        label = found.classes[column]
        table = found.event(row, target=label, by=self.by)
        values = table["contribution"].to_numpy()[:max_bars]
        names = [self._name(line) for line in table.iloc[:max_bars].itertuples()]
        rest = table["contribution"].to_numpy()[max_bars:]
        if len(rest):
            values, names = np.append(values, rest.sum()), [*names, f"{len(rest)} others"]
        if ax is None:
            _, ax = plt.subplots(figsize=(7.0, 1.5 + 0.28 * len(values)), layout="constrained")
        colors = np.where(values > 0, _FOR, _AGAINST)
        if len(rest):
            colors[-1] = _REST
        ax.barh(np.arange(len(values)), values, height=0.7, color=colors, zorder=2)
        ax.axvline(0, color="0.3", linewidth=0.8, zorder=3)
        ax.set_yticks(np.arange(len(values)), names)
        ax.set_ylim(len(values) - 0.4, -0.6)
        ax.set_xlabel(f"change of the probability of {label}")
        probability = found.probabilities[row, column]
        ax.set_title(
            f"{label}: {found.bias[column]:.2f} before any feature, {probability:.2f} after all",
            loc="left",
            fontsize="medium",
        )
        ax.grid(axis="x", color="0.9", zorder=0)
        for side in ("top", "right", "left"):
            ax.spines[side].set_visible(False)
        ax.tick_params(axis="y", length=0)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _name(self, line):
        if self.by == "feature":
            return f"{line.Index} = {line.value:.3g}"
        return f"{line.Index} ({line.n_features})"
