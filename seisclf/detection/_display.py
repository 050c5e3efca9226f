"""A picture of a scan: what was recorded, what was found, and why."""

import numpy as np

# Okabe and Ito's colours, which colour-blind readers can tell apart; grey is for the background.
_COLORS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442")
_BACKGROUND = "#999999"


class DetectionDisplay:
    """Waveform with coloured detections, class probabilities beneath, for each station.

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

    def plot(self, *, station=None, figure=None):
        """Draw.

        Parameters
        ----------
        station : str or list of str, optional
            Stations to draw. Default: all.
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
        """
        import matplotlib.pyplot as plt

        functions = self.detections.functions
        names = [station] if isinstance(station, str) else list(station or functions)
        chosen = [functions[name] for name in names]
        if not chosen:
            raise ValueError("nothing to draw: the detections carry no probability functions")
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
                self._draw_waveform(own[0], function, colors)
            self._draw_probabilities(own[-1], function, colors)
        self._finish(figure, axes, colors)
        self.figure_, self.axes_ = figure, axes
        return self

    def _background(self):
        return self.detections.settings.get("background", ["noise"])

    def _draw_waveform(self, ax, function, colors):
        trace = _trace_of(self.stream, function)
        if trace is not None:
            for piece in trace:
                ax.plot(*_outline(piece), color="0.15", linewidth=0.5)
        self._draw_spans(ax, function, colors)
        ax.set_yticks([])
        ax.set_ylabel(function.station, rotation=0, ha="right", va="center")

    def _draw_probabilities(self, ax, function, colors):
        # Steps, because a frame's value holds for the whole frame.
        edges = np.append(np.arange(len(function.coverage)) * function.step, np.nan)
        edges[-1] = (function.end_time - function.start_time).total_seconds()
        times = _matplotlib_times(function.start_time, edges)
        for label, values in zip(function.classes, function.probabilities.T, strict=True):
            ax.stairs(values, times, color=colors[label], linewidth=1.4, baseline=None)
        missing = np.isnan(function.probabilities).any(axis=1)
        for k in np.flatnonzero(missing):
            ax.axvspan(
                times[k], times[k + 1], facecolor="0.9", hatch="//", edgecolor="0.75", linewidth=0
            )
        if self.stream is None:
            self._draw_spans(ax, function, colors)
            ax.set_title(function.station, loc="left", fontsize="medium")
        ax.set_ylim(-0.03, 1.03)
        ax.set_yticks([0, 0.5, 1])
        ax.set_ylabel("p", rotation=0, ha="right", va="center")

    def _draw_spans(self, ax, function, colors):
        table = self.detections.to_frame()
        for row in table.to_dict("records"):
            if function.station not in row["stations"].split():
                continue
            first = _matplotlib_times(row["onset"], [0.0])[0]
            last = _matplotlib_times(row["end"], [0.0])[0]
            color = colors[row["class"]]
            ax.axvspan(first, last, color=color, alpha=0.25, linewidth=0)
            # An event of a second is a hair in a picture of an hour: its onset is marked above.
            ax.plot(
                [first], [1.0], "v", color=color, markersize=7, clip_on=False,
                transform=ax.get_xaxis_transform(),
            )  # fmt: skip

    def _finish(self, figure, axes, colors):
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
        from matplotlib.lines import Line2D

        locator = AutoDateLocator()
        axes[-1].xaxis.set_major_locator(locator)
        axes[-1].xaxis.set_major_formatter(ConciseDateFormatter(locator))
        axes[-1].set_xlabel("time (UTC)")
        functions = self.detections.functions.values()
        axes[-1].set_xlim(
            _matplotlib_times(min(f.start_time for f in functions), [0.0])[0],
            _matplotlib_times(max(f.end_time for f in functions), [0.0])[0],
        )
        handles = [Line2D([], [], color=color, linewidth=3) for color in colors.values()]
        labels = [str(label) for label in colors]
        figure.legend(
            handles, labels, loc="outside upper center", ncols=len(labels), frameon=False
        )


def class_colors(classes, *, background=("noise",)):
    """One colour for each class, grey for the background.

    Parameters
    ----------
    classes : iterable
        Labels.
    background : iterable, default=("noise",)
        Labels that are drawn grey.

    Returns
    -------
    colors : dict
        Label to colour.
    """
    colors, used = {}, 0
    for label in classes:
        if label in list(background):
            colors[label] = _BACKGROUND
        else:
            colors[label] = _COLORS[used % len(_COLORS)]
            used += 1
    return colors


def _trace_of(stream, function):
    """Pieces of the trace that the station's first component was read from."""
    pieces = stream.select(id=function.seed_id)
    return pieces.split() if len(pieces) else None


def _outline(trace, n_bins=4000):
    """Times and values of a trace, as its envelope of minima and maxima if it is long."""
    data = np.asarray(trace.data, dtype=float)
    data = data - np.median(data)
    times = np.arange(len(data)) * trace.stats.delta
    if len(data) > 2 * n_bins:
        size = len(data) // n_bins
        whole = data[: len(data) // size * size].reshape(-1, size)
        data = np.column_stack([whole.min(axis=1), whole.max(axis=1)]).ravel()
        times = np.repeat(times[: whole.size : size], 2)
    return _matplotlib_times(trace.stats.starttime.datetime, times), data


def _matplotlib_times(start, seconds):
    from matplotlib.dates import date2num

    if hasattr(start, "tz_localize") and start.tzinfo is not None:
        start = start.tz_localize(None)
    return date2num(start) + np.asarray(seconds) / 86400.0
