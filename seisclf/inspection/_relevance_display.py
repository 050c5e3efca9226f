"""What a network looked at, as a picture: waveform, its input, relevance."""

import numpy as np

from ._relevance import last_step, layerwise_relevance
from ._relevance_result import Relevance

__all__ = ["RelevanceDisplay"]

_COLORS = "RdBu_r"
_FLOOR = -60.0  # dB
_BINS = 240  # colours along a waveform


class RelevanceDisplay:
    """One event: for each channel the waveform, what the network sees, and relevance.

    Red speaks for the class, blue against it; the scale is symmetric around zero and shared by
    all channels and classes, so that colours can be compared.

    Parameters
    ----------
    relevance : Relevance or list of Relevance
        Of one event; several for several classes side by side, on the same map.
    waveform : ndarray of shape (n_channels, n_samples), optional
        The event.
    sampling_rate : float, default=1.0
        Of the waveform, in Hz.
    names : list of str, optional
        What stands before the class of each relevance, such as "predicted".

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure, after :meth:`plot`.
    axes_ : ndarray of matplotlib.axes.Axes of shape (n_channels, n_columns)
        Panels: a row for each channel; the waveform, the map if there is one, and a column for
        each class.
    limit_ : float
        End of the colour scale, in units of the logit.

    See Also
    --------
    layerwise_relevance : The numbers.

    Examples
    --------
    >>> from seisclf.datasets import make_seismic_events
    >>> from seisclf.inspection import RelevanceDisplay
    >>> from seisclf.neural_network import STFTCNNClassifier
    >>> X, y = make_seismic_events(24, n_samples=500, random_state=0, return_X_y=True)
    >>> net = STFTCNNClassifier(n_filters=(4, 4), n_hidden=8, max_epochs=2, random_state=0)
    >>> display = RelevanceDisplay.from_estimator(net.fit(X, y), X[0])
    >>> display.axes_.shape
    (3, 3)
    """

    def __init__(self, relevance, *, waveform=None, sampling_rate=1.0, names=None):
        self.relevance = relevance
        self.waveform = waveform
        self.sampling_rate = sampling_rate
        self.names = names

    @classmethod
    def from_estimator(cls, estimator, X, *, target=None, ax=None, **params):
        """Explain one event and draw it.

        Parameters
        ----------
        estimator : NeuralEstimator or Pipeline
            A fitted classifier, see `layerwise_relevance`.
        X : array-like of shape (n_channels, n_samples) or (1, n_channels, n_samples)
            One event.
        target : label or list of labels, optional
            Which class to explain; of a list, all side by side, where None is the one that is
            predicted: ``target=[y[0], None]`` shows the given label next to the prediction.
        ax : array of matplotlib.axes.Axes, optional
            Where to draw, as `axes_`. By default a new figure.
        **params : dict
            Further parameters of `layerwise_relevance`.

        Returns
        -------
        display : RelevanceDisplay
            The picture.

        Raises
        ------
        ValueError
            If X holds more than one event.
        """
        event = one_event(X)
        network, prepared = last_step(estimator, event)
        targets = list(target) if isinstance(target, (list, tuple)) else [target]
        found: list[Relevance] = []
        names: list[str] = []
        for label in targets:
            relevance = layerwise_relevance(network, prepared, target=label, **params)
            # The class may be both: given and predicted. Then it is shown once.
            if all(relevance.target[0] != other.target[0] for other in found):
                found.append(relevance)
                given = "given" if None in targets else ""
                names.append("predicted" if label is None else given)
            elif label is None:
                same = [other.target[0] for other in found].index(relevance.target[0])
                names[same] = "given and predicted"
        rate = float(getattr(network, "sampling_rate", 1.0))
        waveform = np.asarray(prepared, dtype=float)[0]
        shown = cls(found, waveform=waveform, sampling_rate=rate, names=names)
        return shown.plot(ax=ax)

    @classmethod
    def from_predictions(
        cls, relevance, *, waveform=None, sampling_rate=1.0, event=0, names=None, ax=None
    ):
        """Draw relevance that is there.

        Parameters
        ----------
        relevance : Relevance or list of Relevance
            Of any number of events; a list for several classes.
        waveform : ndarray of shape (n_channels, n_samples), optional
            The event.
        sampling_rate : float, default=1.0
            Of the waveform, in Hz.
        event : int, default=0
            Which event of `relevance` is drawn.
        names : list of str, optional
            What stands before the class of each relevance.
        ax : array of matplotlib.axes.Axes, optional
            Where to draw.

        Returns
        -------
        display : RelevanceDisplay
            The picture.
        """
        several = relevance if isinstance(relevance, (list, tuple)) else [relevance]
        chosen = [one.select(event) for one in several]
        shown = cls(chosen, waveform=waveform, sampling_rate=sampling_rate, names=names)
        return shown.plot(ax=ax)

    def plot(self, ax=None):
        """Draw all panels.

        Parameters
        ----------
        ax : array of matplotlib.axes.Axes, optional
            As many as `axes_` has. By default a new figure.

        Returns
        -------
        display : RelevanceDisplay
            This object, with ``figure_``, ``axes_`` and ``limit_``.
        """
        maps = self.relevance if isinstance(self.relevance, (list, tuple)) else [self.relevance]
        first, pictures = maps[0], maps[0].frequencies is not None
        if len(first) != 1:
            raise ValueError(
                f"relevance holds {len(first)} events, and one is drawn: use select(row), or "
                f"RelevanceDisplay.from_predictions(relevance, event=row)"
            )
        columns = [] if self.waveform is None else ["waveform"]
        columns += ["map"] if pictures else []
        self.axes_ = self._make_axes(ax, len(first.components), len(columns) + len(maps), columns)
        self.figure_ = self.axes_[0, 0].figure
        self.limit_ = _limit([m.relevance[0] if pictures else _sums(m)[1] for m in maps])

        for column, what in enumerate(columns):
            draw = self._waveforms if what == "waveform" else self._maps
            draw(self.axes_[:, column], first)
        names = [""] * len(maps) if self.names is None else self.names
        for column, (one, name) in enumerate(zip(maps, names, strict=True), len(columns)):
            drawn = self._relevance(self.axes_[:, column], one)
            self.axes_[0, column].set_title(_title(one, name), fontsize="small", loc="left")
        bar = self.figure_.colorbar(
            drawn, ax=self.axes_[:, len(columns) :].ravel().tolist(), extend="both", pad=0.02
        )
        bar.set_label("relevance (blue against, red for)" + ("" if pictures else " per strip"))
        self._finish(first)
        return self

    def _make_axes(self, ax, n_rows, n_columns, columns):
        import matplotlib.pyplot as plt

        if ax is None:
            width = {"waveform": 3.0, "map": 3.6}
            widths = [width[c] for c in columns] + [4.2] * (n_columns - len(columns))
            _, ax = plt.subplots(
                n_rows,
                n_columns,
                figsize=(sum(widths) + 0.8, 1.1 + 1.75 * n_rows),
                sharex=True,
                squeeze=False,
                width_ratios=widths,
                layout="constrained",
            )
        axes = np.array(ax, dtype=object).reshape(-1)
        if len(axes) != n_rows * n_columns:
            raise ValueError(
                f"ax must hold {n_rows} x {n_columns} axes, a row for each channel; got "
                f"{len(axes)}"
            )
        return axes.reshape(n_rows, n_columns)

    def _waveforms(self, axes, relevance):
        data = np.asarray(self.waveform, dtype=float)
        data = data - data.mean(axis=-1, keepdims=True)
        peak = np.abs(data).max() or 1.0
        times = np.arange(data.shape[-1]) / self.sampling_rate
        for ax, trace in zip(axes, data, strict=True):
            ax.plot(times, trace / peak, color="0.15", linewidth=0.5)
            ax.set_ylim(-1.08, 1.08)
            ax.set_yticks([-1, 0, 1])
        axes[0].set_title("waveform / maximum", fontsize="small", loc="left")

    def _maps(self, axes, relevance):
        shown, label = _levels(relevance.maps[0])
        low, high = np.min(shown), np.max(shown)
        edges = _edges(relevance.times), _edges(relevance.frequencies)
        for ax, channel in zip(axes, shown, strict=True):
            ax.pcolormesh(*edges, channel, cmap="magma", vmin=low, vmax=high, rasterized=True)
            _label_frequencies(ax, relevance.frequencies)
        axes[0].set_title(f"what the network sees, {label}", fontsize="small", loc="left")

    def _relevance(self, axes, relevance):
        pictures = relevance.frequencies is not None
        colors = {"cmap": _COLORS, "vmin": -self.limit_, "vmax": self.limit_}
        if pictures:
            edges = _edges(relevance.times), _edges(relevance.frequencies)
            values = relevance.relevance[0]
        else:
            times, values = _sums(relevance)
            edges, values = (times, np.array([-1.08, 1.08])), values[:, np.newaxis]
        for ax, channel, trace in zip(axes, values, relevance.maps[0], strict=True):
            drawn = ax.pcolormesh(*edges, channel, rasterized=True, **colors)
            if pictures:
                _label_frequencies(ax, relevance.frequencies)
            else:
                peak = np.abs(relevance.maps[0]).max() or 1.0
                ax.plot(relevance.times, trace / peak, color="0.15", linewidth=0.4)
                ax.set_yticks([-1, 0, 1])
        return drawn

    def _finish(self, relevance):
        for ax in self.axes_[-1]:
            ax.set_xlabel("time (s)")
            ax.set_xlim(max(0.0, _edges(relevance.times)[0]), _edges(relevance.times)[-1])
        for ax in self.axes_[:-1].ravel():
            ax.tick_params(labelbottom=False)
        for row, name in zip(self.axes_, relevance.components, strict=True):
            unit = row[0].get_ylabel()
            row[0].set_ylabel("\n".join(part for part in (name, unit) if part))
            for ax in row[1:]:
                if ax is not row[1] or self.waveform is None:
                    ax.set_ylabel("")
                    ax.tick_params(labelleft=False)


def one_event(X):
    event = np.asarray(X)
    event = event[np.newaxis] if event.ndim == 2 else event
    if event.ndim < 3 or len(event) != 1:
        raise ValueError(
            f"X must be one event, of shape (n_channels, n_samples) or (1, n_channels, "
            f"n_samples); got {np.shape(X)}: pass X[i]"
        )
    return event


def _title(relevance, name):
    text = f"{relevance.target[0]}" + (f" ({name})" if name else "")
    text += f": {relevance.explain} {relevance.explained[0]:.2f}"
    if np.isfinite(relevance.probability[0]):
        text += f", probability {relevance.probability[0]:.2f}"
    error, bias = relevance.conservation_error[0], relevance.bias_share[0]
    text += f"\nconservation error {_percent(error)}"
    return text + (f" (biases keep {_percent(bias)})" if abs(bias) >= 0.0005 else "")


def _percent(part):
    return f"{100 * part:.1f} %" if abs(part) >= 0.0005 else f"{part:.0e}" if part else "0"


def _levels(maps):
    """Magnitudes in decibels, other maps as they are; and what that is."""
    if maps.min() < 0 or maps.max() <= 0:
        return maps, "scaled"
    floor = maps.max() * 10 ** (_FLOOR / 20)
    return 20 * np.log10(np.maximum(maps, floor) / maps.max()), "dB below maximum"


def _limit(values):
    """End of the scale: a few cells may be beyond it, or they would be all that is seen."""
    size = np.abs(np.concatenate([v.ravel() for v in values]))
    return float(np.quantile(size, 0.998)) or float(size.max()) or 1.0


def _sums(relevance):
    """Relevance of samples, summed in strips that can be seen: edges in s, and sums."""
    values, times = relevance.relevance[0], relevance.times
    starts = np.linspace(0, len(times), min(_BINS, len(times)) + 1).astype(int)[:-1]
    step = times[1] - times[0] if len(times) > 1 else 1.0
    edges = np.append(times[starts], times[-1] + step)
    return edges, np.add.reduceat(values, starts, axis=-1)


def _edges(centres):
    """Borders of cells: half way between centres, in logarithms if these grow by ratios."""
    centres = np.asarray(centres, dtype=float)
    if len(centres) == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    if _geometric(centres):
        return np.exp(_edges_of(np.log(centres)))
    return _edges_of(centres)


def _edges_of(centres):
    between = (centres[1:] + centres[:-1]) / 2
    return np.concatenate(
        [[2 * centres[0] - between[0]], between, [2 * centres[-1] - between[-1]]]
    )


def _geometric(centres):
    if len(centres) < 3 or centres[0] <= 0:
        return False
    ratios = centres[1:] / centres[:-1]
    return bool(np.allclose(ratios, ratios[0]))


def _label_frequencies(ax, frequencies):
    ax.set_ylabel("frequency (Hz)")
    ax.set_ylim(max(0.0, _edges(frequencies)[0]), min(ax.get_ylim()[1], _edges(frequencies)[-1]))
    if _geometric(np.asarray(frequencies, dtype=float)):
        from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

        ax.set_yscale("log")
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        ax.yaxis.set_minor_formatter(NullFormatter())
