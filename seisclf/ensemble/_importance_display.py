"""Picture of what a forest relies on."""

import numpy as np

_TALLEST = 12  # inches: beyond it labels get smaller instead


class FeatureImportanceDisplay:
    """Bars of grouped permutation importances, with the spread over repetitions.

    Make one with :meth:`from_estimator`, or with
    :meth:`FeatureForestClassifier.explain`.

    Parameters
    ----------
    importances : Bunch
        From :meth:`FeatureForestClassifier.grouped_importances`.
    score_name : str, default="probability of the true class"
        Name of the score, for the axis.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the picture.
    figure_ : matplotlib Figure
        Figure of the picture.

    See Also
    --------
    FeatureForestClassifier.grouped_importances : The numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.ensemble import FeatureForestClassifier, FeatureImportanceDisplay
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(40, 300)), np.repeat([0, 1], 20)
    >>> X[20:] *= np.hanning(300)
    >>> forest = FeatureForestClassifier(n_estimators=20, random_state=0).fit(X[::2], y[::2])
    >>> display = FeatureImportanceDisplay.from_estimator(
    ...     forest, X[1::2], y[1::2], n_repeats=2, random_state=0
    ... )
    >>> display.importances.names[0] in set(forest.feature_table()["family"])
    True
    """

    def __init__(self, importances, *, score_name="probability of the true class"):
        self.importances = importances
        self.score_name = score_name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        by="family",
        n_repeats=10,
        scoring=None,
        sample_weight=None,
        random_state=None,
        max_groups=20,
        ax=None,
    ):
        """Compute importances and draw them.

        Parameters
        ----------
        estimator : FeatureForestClassifier, FeatureForestRegressor or Pipeline ending in one
            Fitted.
        X : array-like of the shape of the events in ``fit``
            Events that were not trained on.
        y : array-like of shape (n_events,)
            Their labels, or numbers.
        by : str, sequence of str or callable, default="family"
            What is shuffled together, see :meth:`FeatureForestClassifier.grouped_importances`.
        n_repeats : int, default=10
            Number of times each group is shuffled.
        scoring : str or callable, optional
            Score, by scikit-learn's name; by default the mean probability of the true class, of
            a regressor R².
        sample_weight : array-like of shape (n_events,), optional
            Weights of events in the score.
        random_state : int, RandomState, Generator or None, default=None
            Seed of the shuffling.
        max_groups : int, default=20
            Largest number of groups to draw, most important first.
        ax : matplotlib Axes, optional
            Where to draw; by default in a new figure.

        Returns
        -------
        display : FeatureImportanceDisplay
            The picture and what it shows.

        Raises
        ------
        TypeError
            If `estimator` has no grouped importances.
        """
        forest, X = _last_step(estimator, X)
        if not hasattr(forest, "grouped_importances"):
            raise TypeError(
                f"estimator must be a FeatureForestClassifier, a FeatureForestRegressor, or a "
                f"Pipeline that ends in one; "
                f"got a {type(forest).__name__}"
            )
        importances = forest.grouped_importances(
            X,
            y,
            by=by,
            n_repeats=n_repeats,
            scoring=scoring,
            sample_weight=sample_weight,
            random_state=random_state,
        )
        score_name = forest._score_name if scoring is None else _name_of(scoring)
        return cls(importances, score_name=score_name).plot(max_groups=max_groups, ax=ax)

    def plot(self, *, max_groups=20, ax=None):
        """Draw the bars.

        Parameters
        ----------
        max_groups : int, default=20
            Largest number of groups to draw, most important first.
        ax : matplotlib Axes, optional
            Where to draw; by default in a new figure.

        Returns
        -------
        display : FeatureImportanceDisplay
            This object, with ``ax_`` and ``figure_``.
        """
        from matplotlib import pyplot as plt

        found = self.importances
        n_shown = min(max_groups, len(found.names))
        if ax is None:
            height = min(_TALLEST, 1.4 + 0.32 * n_shown)
            _, ax = plt.subplots(figsize=(7.5, height), layout="constrained")
        position = np.arange(n_shown)
        mean = found.importances_mean[:n_shown]
        ax.barh(position, mean, height=0.7, color=np.where(mean > 0, "C0", "0.75"), zorder=2)
        # Each repetition is a dot: with ten of them a box would hide as much as it shows.
        repeats = found.importances[:n_shown]
        ax.plot(
            repeats.ravel(),
            np.repeat(position, repeats.shape[1]),
            linestyle="none",
            marker="o",
            markersize=3,
            color="0.15",
            alpha=0.45,
            zorder=3,
        )
        ax.axvline(0, color="0.3", linewidth=0.8, zorder=4)
        ax.set_yticks(position, self._labels(n_shown))
        ax.set_ylim(n_shown - 0.4, -0.6)
        ax.set_xlabel(f"loss when shuffled, of {self.score_name}")
        ax.set_title(self._title(n_shown), loc="left", fontsize="medium")
        ax.grid(axis="x", color="0.9", zorder=0)
        for side in ("top", "right", "left"):
            ax.spines[side].set_visible(False)
        ax.tick_params(axis="y", length=0)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _labels(self, n_shown):
        found = self.importances
        if (found.n_features == 1).all():
            return list(found.names[:n_shown])
        counts = found.n_features[:n_shown]
        return [f"{name} ({n})" for name, n in zip(found.names, counts, strict=False)]

    def _title(self, n_shown):
        found = self.importances
        title = f"Importance by {found.by}; unshuffled {found.score:.3f}"
        left = len(found.names) - n_shown
        return title + (f" ({n_shown} of {len(found.names)} shown)" if left else "")


def _name_of(scoring):
    return scoring if isinstance(scoring, str) else getattr(scoring, "__name__", "score")


def _last_step(estimator, X):
    """A pipeline's last step, and X as that sees it."""
    if not hasattr(estimator, "steps"):
        return estimator, X
    return estimator[-1], estimator[:-1].transform(X) if len(estimator.steps) > 1 else X
