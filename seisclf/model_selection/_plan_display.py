"""Pictures of a fold plan."""

import numpy as np


class FoldPlanDisplay:
    """Picture of which rows each fold trains and tests on.

    Parameters
    ----------
    plan : FoldPlan
        What :func:`plan_folds` made.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Where it was drawn.
    figure_ : matplotlib.figure.Figure
        Its figure.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.model_selection import FoldPlanDisplay, plan_folds
    >>> plan = plan_folds(2, np.zeros((8, 3)), np.array(["a", "b"] * 4))
    >>> FoldPlanDisplay(plan).plot().figure_  # doctest: +ELLIPSIS
    <Figure size ... with 1 Axes>
    """

    def __init__(self, plan):
        self.plan = plan

    def plot(self, ax=None, *, kind="rows"):
        """Draw the plan.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default a new figure.
        kind : {"rows", "counts"}, default="rows"
            "rows": a strip for each fold, rows in the order of time (where the metadata have
            start_time; groups that take turns in time, such as sites, are put together)
            coloured as train, test or unused, and a strip of classes on top.
            "counts": tested rows of each class in each fold.

        Returns
        -------
        self : FoldPlanDisplay
            With ``ax_`` and ``figure_``.
        """
        if kind not in ("rows", "counts"):
            raise ValueError(f"kind must be 'rows' or 'counts'; got {kind!r}.")
        import matplotlib.pyplot as plt

        if ax is None:
            height = 1.6 + 0.38 * (self.plan.n_splits + 1)
            ax = plt.subplots(figsize=(8, height), layout="constrained")[1]
        getattr(self, f"_plot_{kind}")(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _plot_rows(self, ax):
        from matplotlib.patches import Patch

        plan = self.plan
        order, label, times = self._order()
        colours = {"train": "#4477aa", "test": "#ee7733", "unused": "#dddddd"}
        names = list(colours)
        codes = np.searchsorted(np.sort(names), plan.parts[:, order])
        used = np.array([_rgb(colours[name]) for name in np.sort(names)])
        ax.imshow(
            used[codes],
            aspect="auto",
            interpolation="nearest",
            extent=(0, len(order), plan.n_splits - 0.5, -0.5),
        )
        classes = {name: _class_colour(i) for i, name in enumerate(plan.classes)}
        strip = np.array([[_rgb(classes[c]) for c in plan._labels[order].tolist()]])
        ax.imshow(
            strip,
            aspect="auto",
            interpolation="nearest",
            extent=(0, len(order), -0.7, -1.5),
        )
        for k in range(plan.n_splits - 1):
            ax.axhline(k + 0.5, color="white", linewidth=3)
        ax.set_ylim(plan.n_splits - 0.5, -1.5)
        ax.set_xlim(0, len(order))
        ax.set_yticks([-1.1, *range(plan.n_splits)])
        ax.set_yticklabels(["class", *(f"fold {k}" for k in range(plan.n_splits))])
        ax.tick_params(length=0, axis="y")
        ax.set_xlabel(label)
        if times is not None:
            ticks = np.linspace(0, len(order) - 1, min(6, len(order))).astype(int)
            ax.set_xticks(ticks + 0.5)
            ax.set_xticklabels([str(times[t])[:10] for t in ticks])
        present = set(np.unique(plan.parts))
        handles = [Patch(color=colours[name], label=name) for name in names if name in present]
        handles += [Patch(color=colour, label=str(name)) for name, colour in classes.items()]
        ax.legend(
            handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=9
        )
        for side in ax.spines.values():
            side.set_visible(False)

    def _order(self):
        plan = self.plan
        order, times = np.arange(len(plan._labels)), None
        if plan.metadata is not None and "start_time" in plan.metadata:
            from ._rows import as_datetimes, as_nanoseconds

            start = as_nanoseconds(plan.metadata["start_time"])
            order = np.argsort(start, kind="stable")
            times = as_datetimes(start[order])
        groups = None if plan.groups is None else np.asarray(plan.groups).astype(str)
        if groups is not None and (times is None or _alternate(groups[order])):
            order = order[np.argsort(groups[order], kind="stable")]
            return order, f"rows in the order of {plan.group_name}", None
        return order, "rows" if times is None else "rows in the order of time", times

    def _plot_counts(self, ax):
        plan = self.plan
        tested = plan.counts[plan.counts["part"] == "test"]
        width = 0.8 / len(plan.classes)
        for i, name in enumerate(plan.classes):
            rows = tested.loc[tested["class"] == name, "rows"].to_numpy()
            at = np.arange(plan.n_splits) + (i - (len(plan.classes) - 1) / 2) * width
            bars = ax.bar(at, rows, width=0.92 * width, color=_class_colour(i), label=str(name))
            ax.bar_label(bars, fontsize=8, padding=1)
        ax.set_xticks(range(plan.n_splits), [f"fold {k}" for k in range(plan.n_splits)])
        ax.set_ylabel("rows tested")
        ax.margins(y=0.12)
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=9)
        ax.spines[["top", "right"]].set_visible(False)


def _rgb(colour):
    from matplotlib.colors import to_rgb

    return to_rgb(colour)


def _class_colour(i):
    # Colours of Paul Tol's "muted" scheme, told apart also by colour-blind readers.
    palette = (
        "#332288", "#88ccee", "#44aa99", "#117733", "#999933", "#ddcc77", "#cc6677", "#882255",
        "#aa4499",
    )  # fmt: skip
    return palette[i % len(palette)]


def _alternate(groups):
    """Whether groups, such as sites, take turns: in the order of time folds would be stripes."""
    changes = np.count_nonzero(groups[1:] != groups[:-1])
    return changes > 2 * len(np.unique(groups))
