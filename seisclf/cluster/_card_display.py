"""Cluster cards as a picture."""

import numpy as np

from ._cards import cluster_card

_INK, _BAR, _ALL = "0.15", "#0b5fa5", "0.55"
_DYNAMIC_RANGE = 40.0  # dB of a mean spectrogram that are drawn


class ClusterCardDisplay:
    """Clusters below each other: typical waveforms, mean spectrogram, hours of the day.

    Make one with :meth:`from_labels` or :meth:`from_estimator`, or of cards.

    Parameters
    ----------
    cards : list of ClusterCard
        Of :func:`cluster_card`.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (n_clusters, 2) or (n_clusters, 3)
        Axes of the panels, after :meth:`plot`; the third column with times.
    figure_ : matplotlib.figure.Figure
        The figure, after :meth:`plot`.

    See Also
    --------
    cluster_card : What is drawn.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.cluster import ClusterCardDisplay
    >>> X = np.random.default_rng(0).normal(size=(6, 400))
    >>> display = ClusterCardDisplay.from_labels(X, [0, 0, 0, 1, 1, -1]).plot()
    >>> display.axes_.shape
    (3, 2)
    """

    def __init__(self, cards):
        self.cards = list(cards)
        if not self.cards:
            raise ValueError("cards must have at least one card, as cluster_card makes them")

    @classmethod
    def from_labels(cls, X, labels, **settings):
        """Describe clusters that any clusterer has found.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Waveforms or pictures.
        labels : array-like of shape (n_events,)
            Clusters, -1 for events that belong to none.
        **settings : dict
            Further parameters of :func:`cluster_card`.

        Returns
        -------
        display : ClusterCardDisplay
            Not yet drawn; call :meth:`plot`.
        """
        return cls(cluster_card(X, labels, **settings))

    @classmethod
    def from_estimator(cls, estimator, X, **settings):
        """Describe the clusters of events by a fitted :class:`DeepCluster`.

        Parameters
        ----------
        estimator : DeepCluster
            Fitted.
        X : array-like or LazyWaveforms
            Events as it takes them.
        **settings : dict
            Further parameters of :meth:`DeepCluster.cards`.

        Returns
        -------
        display : ClusterCardDisplay
            Not yet drawn; call :meth:`plot`.
        """
        return cls(estimator.cards(X, **settings))

    def plot(self, figure=None):
        """Draw the cards.

        Parameters
        ----------
        figure : matplotlib.figure.Figure, optional
            An empty one. By default a new one, as high as the clusters need.

        Returns
        -------
        display : ClusterCardDisplay
            This object, with ``axes_`` and ``figure_``.
        """
        import matplotlib.pyplot as plt

        with_hours = self.cards[0].hours is not None
        ratios = (3, 3, 2) if with_hours else (3, 3)
        if figure is None:
            size = (10.5 if with_hours else 8.0, 0.6 + 1.75 * len(self.cards))
            figure = plt.figure(figsize=size, layout="constrained")
        axes = figure.subplots(
            len(self.cards), len(ratios), squeeze=False, width_ratios=ratios, sharex="col"
        )
        for card, row in zip(self.cards, axes, strict=True):
            _draw_examples(row[0], card)
            _draw_spectrogram(row[1], card)
            if with_hours:
                _draw_hours(row[2], card, sum(other.hours for other in self.cards))
        pictures = self.cards[0].sampling_rate is None
        axes[-1, 0].set_xlabel("column" if pictures else "time (s)")
        axes[-1, 1].set_xlabel("column" if pictures else "time (s)")
        title = "mean picture" if pictures else f"mean spectrogram, {_DYNAMIC_RANGE:.0f} dB"
        axes[0, 1].set_title(title, fontsize=9)
        if with_hours:
            axes[-1, 2].set_xlabel(f"hour of the day ({self.cards[0].time_zone})")
            axes[0, 2].set_title("when its events begin (grey: all)", fontsize=9)
        self.axes_, self.figure_ = axes, figure
        return self


def _draw_examples(ax, card):
    ax.set_title(card.title, loc="left", fontsize=9, fontweight="bold")
    ax.set_yticks([])
    if card.sampling_rate is None:
        # Pictures beside each other, the nearest left.
        ax.imshow(np.concatenate(card.waveforms, axis=1), aspect="auto", origin="lower")
        ax.set_ylabel("row " + ", ".join(map(str, card.examples)), fontsize=7)
        return
    seconds = np.arange(card.waveforms.shape[1]) / card.sampling_rate
    for i, trace in enumerate(card.waveforms):
        trace = np.asarray(trace, dtype=float) - np.mean(trace)
        loudest = np.nanmax(np.abs(trace)) if np.isfinite(trace).any() else 0.0
        ax.plot(seconds, -i + 0.48 * trace / (loudest or 1.0), color=_INK, linewidth=0.5)
    ax.set_yticks(-np.arange(len(card.examples)), [f"row {row}" for row in card.examples])
    ax.tick_params(axis="y", length=0, labelsize=7)
    ax.set_xlim(0, seconds[-1])
    ax.set_ylim(-len(card.examples) + 0.45, 0.55)


def _draw_spectrogram(ax, card):
    top = card.spectrogram.max()
    bottom = None if card.sampling_rate is None else top - _DYNAMIC_RANGE
    ax.pcolormesh(
        card.times, card.frequencies, card.spectrogram, vmin=bottom, vmax=top, shading="nearest",
        rasterized=True,
    )  # fmt: skip
    ax.set_ylabel("row" if card.sampling_rate is None else "Hz", fontsize=8)


def _draw_hours(ax, card, everything):
    ax.bar(np.arange(24) + 0.5, card.hours, width=0.9, color=_BAR)
    expected = everything * card.size / everything.sum()
    ax.stairs(expected, np.arange(25), color=_ALL, linewidth=1.2)
    ax.set_xlim(0, 24)
    ax.set_xticks([0, 6, 12, 18, 24])
    ax.set_ylabel("events", fontsize=8)
