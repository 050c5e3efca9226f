"""Picture of what each channel says about one event."""

import numpy as np

from ._channel_votes import combine, decide, first_best

_TALLEST = 14  # inches: beyond it rows and letters get smaller instead
_TRUE, _CHOSEN = "#d55e00", "0.1"
_MEANS = {
    "soft": "mean",
    "hard": "share of votes",
    "weighted": "weighted mean",
    "geometric": "geometric mean",
}


class ChannelVotesDisplay:
    """Channels times classes: the probabilities of one event, with their mean below.

    Make one with :meth:`from_estimator`.

    Parameters
    ----------
    probabilities : ndarray of shape (n_channels, n_classes)
        Of one event; NaN for channels that have no vote.
    classes : array-like of shape (n_classes,)
        Labels.
    combined : ndarray of shape (n_classes,), optional
        Answer of all channels; default the mean.
    predicted : label, optional
        Default: the class of the largest answer.
    y_true : label, optional
        True class, which is marked.
    channel_names : sequence of str, optional
        Default: 1, 2, ….
    waveform : ndarray of shape (n_channels, n_samples), optional
        What the channels saw.
    sampling_rate : float, optional
        Of `waveform`, in Hz.
    mean_name : str, default="mean"
        Name of the last row.

    Attributes
    ----------
    figure_ : matplotlib Figure
        Figure of the picture, after :meth:`plot`.
    ax_ : matplotlib Axes
        Axes of the matrix.
    mean_ax_ : matplotlib Axes
        Axes of the row below it.
    waveform_ax_ : matplotlib Axes or None
        Axes of the traces.

    See Also
    --------
    ChannelEnsembleClassifier.predict_proba_channels : The numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from seisclf.ensemble import ChannelEnsembleClassifier, ChannelVotesDisplay
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(20, 4, 50)), np.repeat(["quake", "rockfall"], 10)
    >>> ensemble = ChannelEnsembleClassifier(LogisticRegression()).fit(X, y)
    >>> display = ChannelVotesDisplay.from_estimator(ensemble, X[3], y_true=y[3])
    >>> display.probabilities.shape
    (4, 2)
    """

    def __init__(
        self,
        probabilities,
        classes,
        *,
        combined=None,
        predicted=None,
        y_true=None,
        channel_names=None,
        waveform=None,
        sampling_rate=None,
        mean_name="mean",
    ):
        self.probabilities = np.asarray(probabilities)
        self.classes = np.asarray(classes)
        if self.probabilities.shape[1:] != self.classes.shape:
            raise ValueError(
                f"probabilities must have the shape (n_channels, {len(self.classes)}), got "
                f"{self.probabilities.shape}"
            )
        self.combined = np.nanmean(self.probabilities, axis=0) if combined is None else combined
        best = self.classes[np.argmax(self.combined)]
        self.predicted = best if predicted is None else predicted
        self.y_true = y_true
        self.channel_names = channel_names
        self.waveform = waveform
        self.sampling_rate = sampling_rate
        self.mean_name = mean_name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        event,
        *,
        y_true=None,
        channel_names=None,
        show=None,
        sampling_rate=None,
        ax=None,
    ):
        """Ask all channels about one event, and draw what they say.

        Parameters
        ----------
        estimator : ChannelEnsembleClassifier or Pipeline ending in one
            Fitted.
        event : array-like of shape (n_channels, n_samples), or (n_stations, n_components, \
                n_samples)
            One event; with a leading axis of length one, as from ``X[i : i + 1]``, as well.
        y_true : label, optional
            True class, which is marked.
        channel_names : sequence of str, optional
            Names of the channels (or stations), in order.
        show : {"waveform", "spectrogram"}, optional
            What to draw of each channel at the side, as it is given.
        sampling_rate : float, optional
            Of the event, in Hz; by default what the estimator says.
        ax : matplotlib Axes, optional
            Where to draw the matrix; the mean is then its last row, and nothing stands at the
            side.

        Returns
        -------
        display : ChannelVotesDisplay
            The picture and what it shows.

        Raises
        ------
        ValueError
            If it is more than one event, or names or `show` cannot be used.
        TypeError
            If `estimator` is no ensemble over channels.
        """
        ensemble, steps = _last_step(estimator)
        if not hasattr(ensemble, "predict_proba_channels"):
            raise TypeError(
                f"estimator must be a ChannelEnsembleClassifier, or a Pipeline that ends in one; "
                f"got a {type(ensemble).__name__}"
            )
        X = _one_event(event, 4 if _has_four_axes(ensemble) else 3)
        seen = X if steps is None else steps.transform(X)
        probabilities, weights = ensemble._votes(seen)
        combined = combine(probabilities, voting=ensemble.voting, weights=weights)
        choice = decide(combined, probabilities, voting=ensemble.voting)
        n_channels = probabilities.shape[1]
        if channel_names is None:
            channel_names = _default_names(X, n_channels)
        elif len(channel_names) != n_channels:
            raise ValueError(f"channel_names has {len(channel_names)} of {n_channels} names")
        display = cls(
            probabilities[0],
            ensemble.classes_,
            combined=combined[0],
            predicted=ensemble.classes_[choice[0]],
            y_true=y_true,
            channel_names=list(channel_names),
            waveform=_traces(X, n_channels) if show else None,
            sampling_rate=_rate(ensemble) if sampling_rate is None else sampling_rate,
            mean_name=_MEANS[ensemble.voting],
        )
        return display.plot(show=show, ax=ax)

    def plot(self, *, show=None, ax=None):
        """Draw the matrix.

        Parameters
        ----------
        show : {"waveform", "spectrogram"}, optional
            What to draw of each channel at the side.
        ax : matplotlib Axes, optional
            Where to draw the matrix, without anything at the side. By default in a new figure.

        Returns
        -------
        display : ChannelVotesDisplay
            This object, with ``figure_``, ``ax_``, ``mean_ax_`` and ``waveform_ax_``.
        """
        if show not in (None, "waveform", "spectrogram"):
            raise ValueError(f'show must be "waveform", "spectrogram" or None, got {show!r}')
        if show and self.waveform is None:
            raise ValueError(f"show={show!r} needs waveform=, (n_channels, n_samples)")
        matrix, mean, side, colors = self._axes(show, ax)
        self._draw_matrix(matrix, mean is None)
        if mean is not None:
            self._draw_mean(mean)
        if side is not None:
            self._draw_side(side, show)
        self._draw_frame(matrix, mean or matrix, colors)
        self.figure_, self.ax_, self.mean_ax_ = matrix.figure, matrix, mean or matrix
        self.waveform_ax_ = side
        return self

    # Layout -------------------------------------------------------------------------------------

    def _axes(self, show, ax):
        if ax is not None:
            return ax, None, None, ax
        from matplotlib import pyplot as plt

        n_channels, n_classes = self.probabilities.shape
        row = min(0.3, _TALLEST / (n_channels + 2))
        longest = max(len(str(label)) for label in self.classes)
        cell = max(0.55, 0.055 * longest + 0.25) if n_classes * longest < 70 else 0.55
        width = 1.6 + cell * n_classes + (3.6 if show else 0)
        figure = plt.figure(figsize=(max(5.0, width), 1.5 + row * (n_channels + 1.5)))
        figure.set_layout_engine("constrained", h_pad=0.03, w_pad=0.03, rect=(0.01, 0, 0.98, 1))
        ratios = [3.6, cell * n_classes] if show else [1.0]
        grid = figure.add_gridspec(
            2, len(ratios), height_ratios=[n_channels, 1.15], width_ratios=ratios
        )
        matrix = figure.add_subplot(grid[0, -1])
        mean = figure.add_subplot(grid[1, -1], sharex=matrix)
        side = figure.add_subplot(grid[0, 0]) if show else None
        return matrix, mean, side, [matrix, mean]

    def _letters(self):
        return float(np.clip(8.5 * _TALLEST / 0.3 / 1.6 / max(len(self.probabilities), 1), 4, 8))

    # Parts --------------------------------------------------------------------------------------

    def _draw_matrix(self, ax, with_mean):
        from matplotlib.patches import Rectangle

        values = self.probabilities
        if with_mean:
            values = np.vstack([values, np.asarray(self.combined)[np.newaxis]])
        self._cells(ax, values)
        best = first_best(self.probabilities)
        for channel in np.flatnonzero(~np.isnan(self.probabilities[:, 0])):
            corner = (best[channel] - 0.5, channel - 0.5)
            ax.add_patch(
                Rectangle(corner, 1, 1, fill=False, edgecolor=_CHOSEN, linewidth=0.9, zorder=4)
            )
        for channel in np.flatnonzero(np.isnan(self.probabilities[:, 0])):
            corner = (-0.5, channel - 0.5)
            ax.add_patch(
                Rectangle(
                    corner, len(self.classes), 1, facecolor="0.92", edgecolor="0.75", hatch="////"
                )
            )
            ax.text(
                -0.4,
                channel,
                "no vote",
                ha="left",
                va="center",
                fontsize=self._letters(),
                color="0.35",
                bbox={"facecolor": "0.92", "edgecolor": "none", "pad": 0.5},
            )
        names = self.channel_names or list(range(1, len(self.probabilities) + 1))
        names = [str(name) for name in names] + ([self.mean_name] if with_mean else [])
        ax.set_yticks(range(len(names)), names, fontsize=self._letters() + 0.5)
        if with_mean:
            ax.axhline(len(names) - 1.5, color="0.1", linewidth=1.5, zorder=5)

    def _draw_mean(self, ax):
        self._cells(ax, np.asarray(self.combined)[np.newaxis], weight="bold")
        ax.set_yticks([0], [self.mean_name], fontsize=self._letters() + 1, fontweight="bold")

    def _cells(self, ax, values, weight="normal"):
        self._image = ax.imshow(
            values, cmap="Blues", vmin=0, vmax=1, aspect="auto", interpolation="nearest"
        )
        for row, column in zip(*np.nonzero(~np.isnan(values)), strict=True):
            value = values[row, column]
            ax.text(
                column,
                row,
                f"{value:.2f}",
                ha="center",
                va="center",
                fontsize=self._letters(),
                fontweight=weight,
                # What is nearly nothing need not be read.
                color="white" if value > 0.55 else ("0.15" if value >= 0.05 else "0.7"),
            )

    def _draw_frame(self, ax, last, colors):
        from matplotlib.patches import Rectangle

        labels = [str(label) for label in self.classes]
        turned = len(labels) * max(map(len, labels)) > 70
        last.set_xticks(
            range(len(labels)),
            labels,
            rotation=45 if turned else 0,
            ha="right" if turned else "center",
            rotation_mode="anchor" if turned else "default",
            fontsize=9,
        )
        if ax is not last:
            ax.tick_params(axis="x", bottom=False, labelbottom=False)
        for axes in {ax, last}:
            axes.tick_params(axis="both", length=0)
            for side in axes.spines.values():
                side.set_visible(False)
        title = f"predicted: {self.predicted} ({np.max(self.combined):.2f})"
        if self.y_true is not None:
            title += f"   true: {self.y_true}"
            for column in np.flatnonzero(self.classes == self.y_true):
                last.get_xticklabels()[column].set(color=_TRUE, fontweight="bold")
                for axes in {ax, last}:
                    height = np.ptp(axes.get_ylim())
                    axes.add_patch(
                        Rectangle(
                            (column - 0.5, -0.5),
                            1,
                            height,
                            fill=False,
                            edgecolor=_TRUE,
                            linewidth=2,
                            zorder=6,
                            clip_on=False,
                        )
                    )
        frames = "framed: what each channel votes for"
        if self.y_true is not None:
            frames += "; orange: true class"
        ax.set_title(f"{title}\n", loc="left", fontsize=10)
        ax.annotate(
            frames, (0, 1), (0, 4), "axes fraction", "offset points", fontsize=7.5, color="0.35"
        )
        ax.figure.colorbar(
            self._image, ax=colors, label="probability", fraction=0.05, pad=0.02, aspect=30
        )

    def _draw_side(self, ax, show):
        traces = np.asarray(self.waveform, dtype=np.float64)
        rate = self.sampling_rate or 1.0
        duration = traces.shape[-1] / rate
        for channel, trace in enumerate(traces):
            if not np.isfinite(trace).all():
                continue
            if show == "waveform":
                _draw_trace(ax, trace, channel, duration)
            else:
                _draw_spectrogram(ax, trace, channel, duration, rate)
        ax.set_xlim(0, duration)
        ax.set_ylim(len(traces) - 0.5, -0.5)
        ax.set_yticks([])
        unit = "s" if self.sampling_rate else "samples"
        ax.set_xlabel(f"time ({unit})", fontsize=9)
        if show == "spectrogram":
            top = f"0 to {rate / 2:g} Hz upwards" if self.sampling_rate else "upwards"
            ax.set_title(f"spectrograms, {top}", loc="left", fontsize=9)
        else:
            ax.set_title("waveforms, each to its own scale", loc="left", fontsize=9)
        # The axis may use the room beside the mean instead of pushing it down.
        ax.xaxis.set_in_layout(False)
        for side in ("top", "right", "left"):
            ax.spines[side].set_visible(False)


def _draw_trace(ax, trace, channel, duration):
    trace = trace - np.median(trace)
    peak = np.abs(trace).max() or 1.0
    time = np.arange(len(trace)) / len(trace) * duration
    ax.plot(time, channel - 0.46 * trace / peak, color="0.2", linewidth=0.5)


def _draw_spectrogram(ax, trace, channel, duration, rate):
    from ..signal import stft

    length = min(len(trace), max(16, len(trace) // 100))
    magnitude = stft(trace, sampling_rate=rate, window_length=length / rate, output="magnitude")[2]
    decibel = 20 * np.log10(np.maximum(magnitude, magnitude.max() * 1e-3 or 1.0))
    ax.imshow(
        decibel,
        extent=(0, duration, channel + 0.47, channel - 0.47),
        origin="lower",
        aspect="auto",
        cmap="magma",
        interpolation="nearest",
    )


def _last_step(estimator):
    """A pipeline's last step, and what comes before it."""
    if not hasattr(estimator, "steps"):
        return estimator, None
    return estimator[-1], estimator[:-1] if len(estimator.steps) > 1 else None


def _has_four_axes(ensemble):
    return getattr(ensemble, "n_stations_in_", None) is not None


def _one_event(event, ndim):
    event = np.asarray(event)
    if event.ndim == ndim - 1:
        return event[np.newaxis]
    if event.ndim == 1:
        return event[np.newaxis, np.newaxis]
    if event.ndim in (3, 4) and len(event) == 1:
        return event
    if event.ndim == 3:  # stations, for an ensemble of channels that saw none
        return event[np.newaxis]
    raise ValueError(
        f"event must be one event, (n_channels, n_samples) or (n_stations, n_components, "
        f"n_samples), got the shape {event.shape}: take one row, X[i]"
    )


def _default_names(X, n_channels):
    if X.ndim == 4 and n_channels == X.shape[1] * X.shape[2]:
        return [f"{s + 1}.{c + 1}" for s in range(X.shape[1]) for c in range(X.shape[2])]
    return [str(i + 1) for i in range(n_channels)]


def _traces(X, n_channels):
    """One trace for each row of the matrix: of a station, its first component."""
    if X.ndim == 3:
        return X[0]
    return X[0].reshape(n_channels, -1, X.shape[-1])[:, 0]


def _rate(ensemble):
    inner = getattr(ensemble, "estimator_", None)
    parts = [inner, *[step for _, step in getattr(inner, "steps", [])]]
    return next((p.sampling_rate for p in parts if hasattr(p, "sampling_rate")), None)
