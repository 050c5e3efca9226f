"""How a training went, as a picture."""

from itertools import cycle

from sklearn.utils.validation import check_is_fitted

_TRAIN, _VALID, _MARK = "#1f6fb4", "#d1495b", "0.35"
# Okabe and Ito's colours, which can be told apart by everybody; the first are those above.
_TASKS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_TASK_LOSS = "loss of tasks"


class TrainingDisplay:
    """Loss, validation accuracy and learning rate over the epochs, and the tasks if several.

    Parameters
    ----------
    history : list of dict
        ``history_`` of a network: one dictionary for each epoch with ``train_loss`` and, where
        they exist, ``train_acc``, ``valid_loss``, ``valid_acc`` and ``lr``; of several tasks also
        ``train_<task>_loss``, ``valid_<task>_loss`` and ``weight_<task>``.
    best_epoch : int, optional
        Epoch to mark.
    name : str, optional
        Title.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure, after :meth:`plot`.
    axes_ : ndarray of matplotlib.axes.Axes of shape (n_panels,)
        Panels from top to bottom: loss, losses of the tasks (validation dashed), weights of the
        tasks, accuracy (with validation or after ``continue_fit``), learning rate; those that have
        data.

    Examples
    --------
    >>> from seisclf.neural_network import TrainingDisplay
    >>> history = [{"epoch": i, "train_loss": 1 / i, "lr": 1e-3} for i in range(1, 6)]
    >>> display = TrainingDisplay(history).plot()
    >>> [axis.get_ylabel() for axis in display.axes_]
    ['loss', 'learning rate']
    """

    def __init__(self, history, *, best_epoch=None, name=None):
        self.history = history
        self.best_epoch = best_epoch
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, *, name=None):
        """Take the history of a fitted network.

        Parameters
        ----------
        estimator : NeuralEstimator or Pipeline
            A fitted network, or a pipeline that ends with one.
        name : str, optional
            Title. By default the name of the class.

        Returns
        -------
        display : TrainingDisplay
            Not yet drawn; call :meth:`plot`.

        Raises
        ------
        TypeError
            If there is no history.
        """
        check_is_fitted(estimator)
        network = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
        if not hasattr(network, "history_"):
            raise TypeError(
                f"{type(network).__name__} has no history_: TrainingDisplay draws the training of "
                f"the networks in seisclf.neural_network"
            )
        name = type(network).__name__ if name is None else name
        return cls(network.history_, best_epoch=network.best_epoch_, name=name)

    def plot(self, ax=None):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or array of them, optional
            One axis shows the losses only; otherwise one for each panel. By default a new figure.

        Returns
        -------
        display : TrainingDisplay
            This object, with ``figure_`` and ``axes_``.
        """
        import matplotlib.pyplot as plt
        import numpy as np

        panels = self._panels()
        if ax is None:
            heights = [2.2] + [1.8 if label == _TASK_LOSS else 1 for label, _ in panels[1:]]
            figure, axes = plt.subplots(
                len(panels),
                figsize=(6.4, 1.0 + 1.2 * sum(heights)),
                sharex=True,
                squeeze=False,
                height_ratios=heights,
                layout="constrained",
            )
            ax = axes[:, 0]
        self.axes_ = np.atleast_1d(ax)
        self.figure_ = self.axes_[0].figure
        for axis, (label, curves) in zip(self.axes_, panels, strict=False):
            self._draw(axis, label, curves)
        self.axes_[-1].set_xlabel("epoch")
        self.axes_[0].set_title(self.name or "", loc="left")
        return self

    def _panels(self):
        """Label and curves (column, legend, colour) of each panel that has data."""
        columns = {name for epoch in self.history for name in epoch}
        tasks = list(zip(self._task_names(), cycle(_TASKS), strict=False))
        several = len(tasks) > 1
        panels = [
            ("loss", [("train_loss", "training", _TRAIN), ("valid_loss", "validation", _VALID)]),
            (
                _TASK_LOSS,
                [
                    (f"{part}_{task}_loss", task if part == "train" else None, color)
                    for part in ("train", "valid")
                    for task, color in tasks
                    if several
                ],
            ),
            (
                "weight of tasks",
                [(f"weight_{task}", None, color) for task, color in tasks if several],
            ),
            (
                "accuracy",
                [("train_acc", "training", _TRAIN), ("valid_acc", "validation", _VALID)],
            ),
            ("learning rate", [("lr", None, "0.2")]),
        ]
        kept = [(label, [c for c in curves if c[0] in columns]) for label, curves in panels]
        return [(label, curves) for label, curves in kept if curves]

    def _task_names(self):
        first = self.history[0] if self.history else {}
        names = [name[len("train_") : -len("_loss")] for name in first if _is_task_loss(name)]
        return sorted(names, key=lambda name: (name != "P_S", name))

    def _draw(self, axis, label, curves):
        marker = "o" if len(self.history) < 3 else None
        for column, legend, color in curves:
            points = [(e["epoch"], e[column]) for e in self.history if column in e]
            # A rate holds for a whole epoch and then changes at once.
            steps = column == "lr" or column.startswith("weight_")
            style = {"drawstyle": "steps-mid"} if steps else {}
            if label == _TASK_LOSS and column.startswith("valid_"):
                style["linestyle"] = "--"
            axis.plot(
                *zip(*points, strict=True), color=color, label=legend, marker=marker, **style
            )
            if column in ("valid_loss", "valid_acc") and self.best_epoch:
                self._mark_best(axis, column, dict(points), color)
        axis.set_ylabel(label)
        axis.grid(color="0.9")
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
        if label in ("loss", _TASK_LOSS):
            self._scale(axis, curves)
            axis.legend(frameon=False, ncols=1 if len(curves) < 5 else 2, fontsize="small")
        if label == "accuracy":
            axis.set_ylim(top=1.02)
            if "train_acc" in {column for column, *_ in curves}:
                axis.legend(frameon=False, fontsize="small")
        if label == "learning rate":
            axis.set_ylim(bottom=0)
        axis.xaxis.get_major_locator().set_params(integer=True)

    def _scale(self, axis, curves):
        values = [e[column] for e in self.history for column, *_ in curves if column in e]
        if min(values) > 0 and max(values) > 20 * min(values):
            axis.set_yscale("log")

    def _mark_best(self, axis, column, points, color):
        if self.best_epoch not in points:
            return
        value = points[self.best_epoch]
        axis.axvline(self.best_epoch, color=_MARK, linewidth=0.8, linestyle=":")
        axis.plot(self.best_epoch, value, "o", color=color, markersize=5)
        text = f"{value:.3f}" if column == "valid_loss" else f"{value:.1%}"
        late = self.best_epoch > 0.6 * self.history[-1]["epoch"]
        axis.annotate(
            f"epoch {self.best_epoch}: {text}",
            (self.best_epoch, value),
            xytext=(-6 if late else 6, 6),
            textcoords="offset points",
            ha="right" if late else "left",
            fontsize="small",
            color=_MARK,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
        )


def _is_task_loss(name):
    return name.startswith("train_") and name.endswith("_loss") and name != "train_loss"
