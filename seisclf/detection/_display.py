"""A picture of a scan: what was recorded, what was found, and why."""

import numpy as np

from ._drawing import (
    class_colors,
    hatch,
    label_times,
    matplotlib_times,
    outline,
    traces_of,
)
from ._time_functions import FunctionsOverTime


class DetectionDisplay:
    """Waveform with coloured detections, class probabilities beneath, for each station.

    After post-processing, what it left of the probabilities, and those it began with as thin pale
    lines.

    For functions over time the whole record shows waveforms and masks of all stations, and the
    occurrence of each class below; a detection or a stretch of time shows, like figure 1 (c) of
    the RockNet paper, for each station the waveform, its spectrogram, and P (blue), S (orange)
    and the masks (earthquake green, rockfall black).

    Parameters
    ----------
    detections : Detections
        What to draw.
    stream : obspy.Stream, optional
        The record that was scanned; without it only probabilities are drawn.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure, after :meth:`plot`.
    axes_ : ndarray of matplotlib.axes.Axes
        Its axes from top to bottom.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from seisclf.detection import DetectionDisplay
    >>> display = DetectionDisplay.from_estimator(detector, stream)  # doctest: +SKIP
    >>> display.plot()  # doctest: +SKIP
    """

    def __init__(self, detections, *, stream=None):
        self.detections = detections
        self.stream = stream

    @classmethod
    def from_estimator(cls, detector, stream):
        """Scan a record and draw what was found.

        Parameters
        ----------
        detector : EventDetector
            The detector.
        stream : obspy.Stream
            The record.

        Returns
        -------
        display : DetectionDisplay
            Already drawn.
        """
        return cls(detector.detect(stream), stream=stream).plot()

    @classmethod
    def from_predictions(cls, detections, stream=None):
        """Draw detections that were made before.

        Parameters
        ----------
        detections : Detections
            What was found.
        stream : obspy.Stream, optional
            The record it was found in.

        Returns
        -------
        display : DetectionDisplay
            Already drawn.
        """
        return cls(detections, stream=stream).plot()

    def plot(self, *, station=None, detection=None, span=None, figure=None):
        """Draw.

        Parameters
        ----------
        station : str or list of str, optional
            Stations to draw. Default: all.
        detection : int, optional
            Row of the table to draw, with what is around it. Default: the whole record.
        span : tuple of two times, optional
            First and last time to draw, in place of `detection`: anything that
            ``pandas.Timestamp`` reads, or ``obspy.UTCDateTime``.
        figure : matplotlib.figure.Figure, optional
            Figure to draw into. Default: a new one.

        Returns
        -------
        display : DetectionDisplay
            Itself, with ``figure_`` and ``axes_``.

        Raises
        ------
        KeyError
            If `station` was not scanned.
        IndexError
            If there is no such `detection`.
        """
        import matplotlib.pyplot as plt

        functions = self.detections.functions
        names = [station] if isinstance(station, str) else list(station or functions)
        chosen = [functions[name] for name in names]
        if not chosen:
            raise ValueError("nothing to draw: the detections carry no probability functions")
        span = self._span(detection, span)
        if isinstance(functions, FunctionsOverTime):
            from ._function_display import draw_functions

            self.figure_, self.axes_ = draw_functions(
                self.detections, chosen, stream=self.stream, span=span, figure=figure
            )
            return self
        heights = ([1.0] if self.stream is not None else []) + [0.8]
        if figure is None:
            height = 1.0 + 1.3 * sum(heights) * len(chosen)
            figure = plt.figure(figsize=(10, height), layout="constrained")
        axes = figure.subplots(
            len(heights) * len(chosen),
            1,
            sharex=True,
            squeeze=False,
            gridspec_kw={"height_ratios": heights * len(chosen)},
        )[:, 0]
        colors = class_colors(chosen[0].classes, background=self._background())
        for i, function in enumerate(chosen):
            own = axes[i * len(heights) : (i + 1) * len(heights)]
            if self.stream is not None:
                self._draw_waveform(own[0], function, colors, span)
            self._draw_probabilities(own[-1], function, colors, span)
        self._finish(figure, axes, colors, span)
        self.figure_, self.axes_ = figure, axes
        return self

    def _span(self, detection, span):
        """First and last time to draw, None for the whole record."""
        import pandas as pd

        if detection is not None and span is not None:
            raise ValueError("give detection or span, not both")
        if span is not None:
            first, last = (_timestamp(time) for time in span)
            if not first < last:
                raise ValueError(f"span must go from a time to a later one; got {span}")
            return first, last
        if detection is None:
            return None
        table = self.detections.to_frame()
        if not -len(table) <= detection < len(table):
            raise IndexError(f"no detection {detection}: there are {len(table)}")
        row = table.iloc[detection]
        # A third of the picture, and never less than 10 s, on either side.
        around = max(pd.Timedelta(10, "s"), (row["end"] - row["onset"]) / 2)
        return row["onset"] - around, row["end"] + around

    def _background(self):
        return self.detections.settings.get("background", ["noise"])

    def _draw_waveform(self, ax, function, colors, span):
        for piece in traces_of(self.stream, function.seed_id, span):
            ax.plot(*outline(piece), color="0.15", linewidth=0.5)
        self._draw_spans(ax, function, colors, span)
        ax.set_yticks([])
        ax.set_ylabel(function.station, rotation=0, ha="right", va="center")

    def _draw_probabilities(self, ax, function, colors, span):
        # Steps, because a frame's value holds for the whole frame.
        edges = np.append(np.arange(len(function.coverage)) * function.step, np.nan)
        edges[-1] = (function.end_time - function.start_time).total_seconds()
        times = matplotlib_times(function.start_time, edges)
        if function.raw is not None:
            for label, values in zip(function.classes, function.raw.T, strict=True):
                ax.stairs(
                    values, times, color=colors[label], linewidth=0.6, alpha=0.4, baseline=None
                )
        for label, values in zip(function.classes, function.probabilities.T, strict=True):
            ax.stairs(values, times, color=colors[label], linewidth=1.4, baseline=None)
        missing = np.isnan(function.probabilities).any(axis=1)
        for k in np.flatnonzero(missing):
            hatch(ax, times[k], times[k + 1])
        if self.stream is None:
            self._draw_spans(ax, function, colors, span)
            ax.set_title(function.station, loc="left", fontsize="medium")
        ax.set_ylim(-0.03, 1.03)
        ax.set_yticks([0, 0.5, 1])
        ax.set_ylabel("p", rotation=0, ha="right", va="center")

    def _draw_spans(self, ax, function, colors, span):
        table = self.detections.to_frame()
        for row in table.to_dict("records"):
            if function.station not in row["stations"].split():
                continue
            if span is not None and not (row["onset"] < span[1] and row["end"] > span[0]):
                continue
            first = matplotlib_times(row["onset"], [0.0])[0]
            last = matplotlib_times(row["end"], [0.0])[0]
            color = colors[row["class"]]
            ax.axvspan(first, last, color=color, alpha=0.25, linewidth=0)
            if span is not None and row["onset"] < span[0]:
                continue
            # An event of a second is a hair in a picture of an hour: its onset is marked above.
            ax.plot(
                [first], [1.0], "v", color=color, markersize=7, clip_on=False,
                transform=ax.get_xaxis_transform(),
            )  # fmt: skip

    def _finish(self, figure, axes, colors, span):
        from matplotlib.lines import Line2D

        functions = self.detections.functions.values()
        label_times(
            axes[-1],
            *(span or (min(f.start_time for f in functions), max(f.end_time for f in functions))),
        )
        handles = [Line2D([], [], color=color, linewidth=3) for color in colors.values()]
        labels = [str(label) for label in colors]
        figure.legend(
            handles, labels, loc="outside upper center", ncols=len(labels), frameon=False
        )


def _timestamp(time):
    import pandas as pd

    time = pd.Timestamp(time.ns) if hasattr(time, "ns") else pd.Timestamp(time)
    return time.tz_localize("UTC") if time.tzinfo is None else time.tz_convert("UTC")
