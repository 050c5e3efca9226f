"""Pictures of functions over time, like figure 1 (c) of the RockNet paper."""

import numpy as np

from ._drawing import hatch, label_times, matplotlib_times, outline, peak_outline, traces_of
from ._time_functions import OCCURRENCE
from ._windows import runs

# The paper's colours as far as colour-blind readers can tell them apart: P blue, S red,
# earthquakes green, rockfalls black.
_PHASES = {"P": "#0072b2", "S": "#d55e00"}
_KNOWN = {"earthquake": "#009e73", "rockfall": "#222222"}
_OTHERS = ("#cc79a7", "#e69f00", "#56b4e9", "#b8a800")


def draw_functions(detections, chosen, *, stream=None, span=None, figure=None):
    """Draw stations below one another and the network's occurrence at the bottom.

    Parameters
    ----------
    detections : Detections
        What was found, with its functions.
    chosen : list of StationFunctions
        Stations to draw.
    stream : obspy.Stream, optional
        The record.
    span : tuple of pandas.Timestamp, optional
        First and last time. None: the whole record, without spectrograms.
    figure : matplotlib.figure.Figure, optional
        Figure to draw into.

    Returns
    -------
    figure : matplotlib.figure.Figure
        The figure.
    axes : ndarray of matplotlib.axes.Axes
        From top to bottom.
    """
    from matplotlib import pyplot as plt

    picture = _Picture(detections, stream, span)
    rows = picture.rows(chosen)
    heights = [height for height, _, _ in rows]
    if figure is None:
        figure = plt.figure(figsize=(10, 1.1 + 0.85 * sum(heights)), layout="constrained")
        figure.get_layout_engine().set(h_pad=0.01, hspace=0.0)
    axes = figure.subplots(
        len(rows), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights}
    )[:, 0]
    for ax, (_, draw, function) in zip(axes, rows, strict=True):
        draw(ax, function)
    picture.finish(figure, axes)
    return figure, axes


def function_colors(classes):
    """Colours of P, S and of the masks of classes, a dict."""
    others = iter(_OTHERS * (1 + len(classes) // len(_OTHERS)))
    return _PHASES | {str(c): _KNOWN.get(str(c)) or next(others) for c in classes}


class _Picture:
    def __init__(self, detections, stream, span):
        self.detections, self.stream = detections, stream
        self.functions, self.zoomed = detections.functions, span is not None
        self.colors = function_colors(self.functions.classes)
        whole = (
            min(f.start_time for f in self.functions.values()),
            max(f.end_time for f in self.functions.values()),
        )
        self.span = whole if span is None else (max(span[0], whole[0]), min(span[1], whole[1]))
        if self.span[0] >= self.span[1]:
            raise ValueError(f"span lies outside the record, {whole[0]} to {whole[1]}")

    def rows(self, chosen):
        """Height, function to draw with, and what to draw, from top to bottom."""
        rows = []
        for function in chosen:
            if self.stream is not None:
                rows.append((1.0, self._waveform, function))
                if self.zoomed:
                    rows.append((0.8, self._spectrogram, function))
            rows.append((0.6, self._station_functions, function))
        if self.functions.network is not None:
            known = self.functions.network.functions
            rows += [
                (0.6, self._occurrence, label)
                for label in self.functions.classes
                if OCCURRENCE + str(label) in known
            ]
        return rows

    def finish(self, figure, axes):
        from matplotlib.lines import Line2D

        for ax in axes[:-1]:
            ax.tick_params(bottom=False, labelbottom=False)
        label_times(axes[-1], *self.span)
        if self.functions.network is not None:
            self._mark_detections(axes[0], self._found())
        names = dict.fromkeys(
            name
            for function in self.functions.values()
            for name in function.functions
            if self.zoomed or name not in _PHASES
        )
        names = [name for name in names if name in self.colors]
        handles = [Line2D([], [], color=self.colors[name], linewidth=3) for name in names]
        labels = [name if name in _PHASES else f"{name} mask" for name in names]
        figure.legend(
            handles, labels, loc="outside upper center", ncols=max(len(names), 1), frameon=False
        )

    def _waveform(self, ax, function):
        largest = 0.0
        for piece in traces_of(self.stream, function.seed_id, self.span):
            times, values = outline(piece)
            ax.plot(times, values, color="0.15", linewidth=0.5)
            largest = max(largest, np.abs(values).max(initial=0.0))
        if largest:
            ax.set_ylim(-1.08 * largest, 1.08 * largest)
        self._shade_masks(ax, function)
        self._mark_picks(ax, function)
        self._mark_gaps(ax, function)
        self._mark_own(ax, function)
        ax.set_yticks([])
        channel = function.seed_id.split(".")[-1]
        self._name(ax, f"{function.station}\n{channel}")

    def _spectrogram(self, ax, function):
        from ..signal import stft

        rate = None
        for piece in traces_of(self.stream, function.seed_id, self.span):
            rate, seconds = piece.stats.sampling_rate, piece.stats.npts * piece.stats.delta
            if piece.stats.npts < rate:
                continue
            data = np.asarray(piece.data, dtype=float)
            hop = max(0.05, seconds / 2000)
            frequencies, times, power = stft(
                data - data.mean(), sampling_rate=rate, window_length=max(0.4, 2 * hop), hop=hop,
                output="power",
            )  # fmt: skip
            level = 10 * np.log10(power + 1e-12 * max(power.max(), 1e-300))
            low, high = np.percentile(level, [20, 99.7])
            begin = piece.stats.starttime.datetime
            edges = matplotlib_times(begin, [times[0] - hop / 2, times[-1] + hop / 2])
            half = frequencies[1] / 2
            ax.imshow(
                level, vmin=low, vmax=high, cmap="magma", origin="lower", aspect="auto",
                extent=(*edges, -half, frequencies[-1] + half), interpolation="nearest",
            )  # fmt: skip
        ax.set_facecolor("0.9")
        self._name(ax, "Hz")
        if rate:
            ax.set_ylim(0, rate / 2)
            ax.set_yticks([0, rate / 4])

    def _station_functions(self, ax, function):
        for name, values in function.functions.items():
            if name in _PHASES and not self.zoomed:
                continue  # hairs in a picture of an hour
            times, values = self._cut(function, values)
            color = self.colors.get(name, "0.5")
            ax.plot(times, values, color=color, linewidth=1.2 if name in _PHASES else 1.0)
            if name not in _PHASES:
                ax.fill_between(times, 0, values, color=color, alpha=0.2, linewidth=0)
        self._mark_gaps(ax, function)
        if self.stream is None:
            self._mark_own(ax, function)
        self._unit_axis(ax)
        self._name(ax, "p" if self.stream is not None else function.station)

    def _occurrence(self, ax, label):
        network = self.functions.network
        times, values = self._cut(network, network.functions[OCCURRENCE + str(label)])
        ax.plot(times, values, color=self.colors[str(label)], linewidth=1.2)
        ax.fill_between(times, 0, values, color=self.colors[str(label)], alpha=0.2, linewidth=0)
        threshold = self.detections.settings.get("threshold")
        if isinstance(threshold, dict):
            threshold = threshold.get(label, 0.5)
        if threshold is not None:
            ax.axhline(threshold, color="0.5", linestyle=":", linewidth=1)
        self._mark_gaps(ax, network)
        self._unit_axis(ax)
        self._name(ax, f"{label}\noccurrence")
        for row in self._found():
            if row["class"] == label:
                self._triangle(ax, row)

    def _shade_masks(self, ax, function):
        threshold = self.detections.settings.get("mask_threshold", 0.5)
        for label in self.functions.classes:
            values = function.functions.get(str(label))
            if values is None:
                continue
            first, last = self._samples(function)
            for a, b in runs(np.nan_to_num(values[first:last]) >= threshold):
                edges = matplotlib_times(
                    function.start_time, np.array([first + a, first + b]) * function.step
                )
                ax.axvspan(*edges, color=self.colors[str(label)], alpha=0.18, linewidth=0)

    def _mark_picks(self, ax, function):
        picks = self.detections.picks
        for pick in picks[picks["station"] == function.station].itertuples():
            if self.zoomed and self.span[0] <= pick.time <= self.span[1]:
                time = matplotlib_times(pick.time, [0.0])[0]
                ax.axvline(time, color=_PHASES[pick.phase], linewidth=1.3)

    def _mark_gaps(self, ax, function):
        first, last = self._samples(function)
        for a, b in runs(~function.coverage[first:last]):
            hatch(
                ax,
                *matplotlib_times(
                    function.start_time, np.array([first + a, first + b]) * function.step
                ),
            )

    def _mark_own(self, ax, function):
        """Detections of a single station, where stations are detected one by one."""
        if self.functions.network is None:
            rows = self._found()
            self._mark_detections(
                ax, [row for row in rows if function.station in row["stations"].split()]
            )

    def _mark_detections(self, ax, rows):
        """Onsets above an axis, and names where there is room for them."""
        times = [matplotlib_times(row["onset"], [0.0])[0] for row in rows]
        duration = (self.span[1] - self.span[0]).total_seconds() / 86400
        height = 4
        for i, (row, time) in enumerate(zip(rows, times, strict=True)):
            self._triangle(ax, row)
            if not self.zoomed:
                continue
            # Names of events that are close stand on two lines.
            close = i > 0 and time - times[i - 1] < 0.15 * duration
            height = 14 if close and height == 4 else 4
            ax.annotate(
                f"{row['class']} {row['probability']:.2f}", (time, 1.0),
                xycoords=ax.get_xaxis_transform(), xytext=(7, height), textcoords="offset points",
                color=self.colors[str(row["class"])], fontsize="small", annotation_clip=False,
            )  # fmt: skip

    def _triangle(self, ax, row):
        ax.plot(
            matplotlib_times(row["onset"], [0.0]), [1.0], "v",
            color=self.colors[str(row["class"])], markersize=7, clip_on=False, zorder=5,
            transform=ax.get_xaxis_transform(),
        )  # fmt: skip

    def _found(self):
        rows = self.detections.to_frame().to_dict("records")
        return [row for row in rows if self.span[0] <= row["onset"] <= self.span[1]]

    def _cut(self, function, values):
        """Times and values within the span; of a long one the maxima of bins."""
        first, last = self._samples(function)
        samples, values = peak_outline(values[first:last])
        return matplotlib_times(function.start_time, (first + samples) * function.step), values

    def _samples(self, function):
        edges = [
            round((time - function.start_time).total_seconds() / function.step)
            for time in self.span
        ]
        return np.clip(edges, 0, len(function.coverage))

    def _unit_axis(self, ax):
        ax.set_ylim(-0.03, 1.08)
        ax.set_yticks([0, 1])

    def _name(self, ax, text):
        ax.set_ylabel(text, rotation=0, ha="right", va="center", fontsize="small")
