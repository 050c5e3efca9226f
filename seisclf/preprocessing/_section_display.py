"""A record section for people: axes, names, picks, predicted offsets."""

import numbers

import numpy as np

from ..io._network_events import NetworkEvents
from ..signal._raster import FILLS
from ._section_layout import REASONS, SCALES, lay_out

_TRACE, _PREDICTED = "0.1", "#b5460f"
_PICKS = ("#c1272d", "#0b5fa5", "#2e7d32", "#7b3fa0")
# Names of stations that are nearer to each other, in parts of the axis, share a place.
_SAME_PLACE = 0.025


class RecordSectionDisplay:
    """All traces of one event, each drawn at its distance from the source, with axes.

    Make one with :meth:`from_events`. The layout is that of :class:`RecordSection`.

    Parameters
    ----------
    traces : ndarray of shape (n_traces, n_samples)
        Waveforms; a trace that is NaN is not drawn.
    sampling_rate : float
        In Hz.
    offsets : ndarray of shape (n_traces,), optional
        Distances in km. Without them the traces are evenly spaced.
    names : list of str, optional
        Names of the stations.
    picks : dict of str to ndarray of shape (n_traces,), optional
        Times in seconds after the first sample of each trace, by the name of the phase.
    predicted_offsets : ndarray of shape (n_traces,), optional
        Distances in km to show next to `offsets`.
    start_times : ndarray of shape (n_traces,), optional
        Seconds at which each trace begins, where not all begin together.
    title : str, optional
        Title of the picture.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the section.
    figure_ : matplotlib Figure
        Figure of the picture.
    not_drawn_ : list of tuple (int, str)
        Traces that are not drawn, with the reason.

    See Also
    --------
    RecordSection : The same as pictures for a network.

    Examples
    --------
    >>> from seisclf.datasets import make_seismic_events, to_network_events
    >>> from seisclf.preprocessing import RecordSectionDisplay
    >>> events = to_network_events(
    ...     make_seismic_events(4, n_stations=5, n_samples=1000, random_state=0)
    ... )
    >>> display = RecordSectionDisplay.from_events(events.data, row=1)
    >>> display.ax_.get_xlabel()
    'offset (km)'
    """

    def __init__(
        self,
        traces,
        *,
        sampling_rate,
        offsets=None,
        names=None,
        picks=None,
        predicted_offsets=None,
        start_times=None,
        title=None,
    ):
        self.traces = traces
        self.sampling_rate = sampling_rate
        self.offsets = offsets
        self.names = names
        self.picks = picks
        self.predicted_offsets = predicted_offsets
        self.start_times = start_times
        self.title = title

    @classmethod
    def from_events(
        cls,
        events,
        *,
        row=0,
        component=0,
        sampling_rate=100.0,
        offsets=None,
        names=None,
        picks=None,
        predicted_offsets=None,
        start_times=None,
        title=None,
        ax=None,
        **plot_params,
    ):
        """Draw one of several events.

        Parameters
        ----------
        events : NetworkEvents or array-like of shape (n_events, n_stations, n_components, \
                n_samples) or (n_events, n_traces, n_samples)
            Waveforms.
        row : int, default=0
            Which event.
        component : int, default=0
            Which component of a station.
        sampling_rate : float, default=100.0
            In Hz.
        offsets : array-like of shape (n_events, n_traces) or (n_traces,), optional
            Distances in km. Default: those of NetworkEvents, where it has some.
        names : sequence of str, optional
            Names of the stations.
        picks : dict of str to array-like of shape (n_events, n_traces) or (n_traces,), optional
            Times in seconds after the first sample of each trace, by the name of the phase; NaN
            where there is none.
        predicted_offsets : array-like of shape (n_events, n_traces) or (n_traces,), optional
            Distances in km to show next to the true ones.
        start_times : array-like of shape (n_events, n_traces) or (n_traces,), optional
            Seconds at which each trace begins, where not all begin together.
        title : str, optional
            Title of the picture.
        ax : matplotlib Axes, optional
            Where to draw. Default: a new figure.
        **plot_params
            Further parameters of :meth:`plot`.

        Returns
        -------
        display : RecordSectionDisplay
            The picture.

        Raises
        ------
        ValueError
            If shapes do not fit together.
        """
        known = events.offsets if isinstance(events, NetworkEvents) else None
        waveforms = np.asarray(events[row])
        if waveforms.ndim == 3:
            number = isinstance(component, numbers.Integral) and not isinstance(component, bool)
            if not number or not 0 <= component < waveforms.shape[1]:
                raise ValueError(
                    f"component must be an index below {waveforms.shape[1]}, the number of "
                    f"components of X; got {component!r}"
                )
            waveforms = waveforms[:, component]
        if waveforms.ndim != 2:
            raise ValueError(
                f"events must have the shape (n_events, n_stations, n_components, n_samples) or "
                f"(n_events, n_traces, n_samples); one event has {np.shape(events[row])}"
            )

        def of_row(values, name):
            if values is None:
                return None
            try:
                values = np.asarray(values, dtype=np.float64)
            except (TypeError, ValueError) as error:
                raise ValueError(f"{name} must be numbers; got {values!r:.60}") from error
            values = values[row] if values.ndim == 2 else values
            if values.shape != waveforms.shape[:1]:
                raise ValueError(
                    f"{name} must have one value for each of {len(waveforms)} traces, or for each "
                    f"trace of each event; got shape {values.shape} for an event"
                )
            return values

        if names is not None and len(names) != len(waveforms):
            raise ValueError(
                f"names must hold one name for each of {len(waveforms)} traces; got {len(names)}"
            )
        if not isinstance(picks, (dict, type(None))):
            raise ValueError(
                f"picks must be a dict from the name of a phase to times, such as {{'P': times}}; "
                f"got {picks!r:.60}"
            )
        display = cls(
            waveforms,
            sampling_rate=sampling_rate,
            offsets=of_row(known if offsets is None else offsets, "offsets"),
            names=None if names is None else list(names),
            picks={key: of_row(times, f"picks[{key!r}]") for key, times in (picks or {}).items()},
            predicted_offsets=of_row(predicted_offsets, "predicted_offsets"),
            start_times=of_row(start_times, "start_times"),
            title=title,
        )
        return display.plot(ax=ax, **plot_params)

    def plot(
        self,
        ax=None,
        *,
        orientation="vertical",
        time_down=False,
        scale="trace",
        gain=1.0,
        fill=None,
        linewidth=0.6,
    ):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw. Default: a new figure.
        orientation : {"vertical", "horizontal"}, default="vertical"
            Direction of the axis of time.
        time_down : bool, default=False
            Whether time goes from the top to the bottom of a vertical section.
        scale : {"trace", "section"}, default="trace"
            Traces that share one scale of amplitude.
        gain : float, default=1.0
            Factor of the deflections, as in :class:`RecordSection`.
        fill : {None, "positive", "negative", "both"}, default=None
            Side on which wiggles are filled.
        linewidth : float, default=0.6
            Width of a line in points.

        Returns
        -------
        self : RecordSectionDisplay
            Fitted with ``ax_``, ``figure_`` and ``not_drawn_``.

        Raises
        ------
        ValueError
            If a parameter is unknown, or no trace can be drawn.
        """
        import matplotlib.pyplot as plt

        for name, value, allowed in (
            ("orientation", orientation, ("vertical", "horizontal")),
            ("scale", scale, SCALES),
            ("fill", fill, FILLS),
        ):
            if value not in allowed:
                raise ValueError(f"{name} must be one of {allowed}, got {value!r}")
        for name, value in (("gain", gain), ("sampling_rate", self.sampling_rate)):
            if not isinstance(value, numbers.Real) or not 0 < value < np.inf:
                raise ValueError(f"{name} must be positive and finite, got {value!r}")
        if self.predicted_offsets is not None and self.offsets is None:
            raise ValueError(
                "predicted_offsets are shown next to the true ones: give offsets as well, or "
                "draw the traces where they are predicted, offsets=predicted_offsets"
            )
        vertical = orientation == "vertical"
        places, curves, limits = self._laid_out(scale, gain)
        self._check_starts(places)
        if ax is None:
            size = (7.2, 6.0) if vertical else (8.4, 5.2)
            ax = plt.subplots(figsize=size, layout="constrained")[1]
        end = self._draw_traces(ax, vertical, places, curves, fill, linewidth)
        self._draw_picks(ax, vertical, places, limits)
        if self.predicted_offsets is not None:
            limits = self._draw_predictions(ax, vertical, places, limits)
        known = self.offsets is not None
        labels = ("offset (km)" if known else "trace, in the order given", "time (s)")
        first = 0.0 if self.start_times is None else float(np.nanmin(self.start_times))
        ends = ((first, end)[::-1], (first, end))[not (vertical and time_down)]
        (ax.set_xlim if vertical else ax.set_ylim)(*limits)
        (ax.set_ylim if vertical else ax.set_xlim)(*ends)
        ax.set_xlabel(labels[0 if vertical else 1])
        ax.set_ylabel(labels[1 if vertical else 0])
        self._draw_names(ax, vertical, places, limits)
        if self.title is not None:
            ax.set_title(self.title, loc="left", fontsize="medium")
        if ax.get_legend_handles_labels()[1]:
            ax.legend(loc="best", fontsize="small", framealpha=0.9)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _laid_out(self, scale, gain):
        """Offset of each trace, its curve in km, and the ends of the axis."""
        traces = np.asarray(self.traces, dtype=np.float64)
        offsets = np.arange(len(traces), dtype=float) if self.offsets is None else self.offsets
        measures = (np.mean(traces, -1), np.min(traces, -1), np.max(traces, -1))
        layout = lay_out(
            *(values.reshape(1, 1, -1) for values in measures),
            np.asarray(offsets)[np.newaxis],
            n_pixels=1,
            offset_range=None,
            scale=scale,
            gain=gain,
            strips=False,
        )
        status = layout.status[0, 0]
        self.not_drawn_ = [(int(k), REASONS[status[k] - 1]) for k in np.flatnonzero(status)]
        if status.all():
            raise ValueError(
                f"no trace can be drawn: {', '.join(f'{k} {why}' for k, why in self.not_drawn_)}"
            )
        low, high = layout.limits[0]
        deflections = layout.factor[0, 0, :, np.newaxis] * (traces - measures[0][:, np.newaxis])
        places = np.where(status == 0, offsets, np.nan)
        return places, places[:, np.newaxis] + deflections * (high - low), (low, high)

    def _check_starts(self, places):
        if self.start_times is None:
            return
        unknown = np.flatnonzero(np.isfinite(places) & ~np.isfinite(self.start_times))
        if len(unknown):
            raise ValueError(
                f"start_times are not known of the traces {unknown.tolist()}, which have "
                f"waveforms: give them, or NaN for these waveforms as well"
            )

    def _start(self, k):
        return 0.0 if self.start_times is None else self.start_times[k]

    def _draw_traces(self, ax, vertical, places, curves, fill, linewidth):
        seconds = np.arange(curves.shape[1]) / self.sampling_rate
        end = 0.0
        for k in np.flatnonzero(np.isfinite(places)):
            times, curve, place = seconds + self._start(k), curves[k], places[k]
            end = max(end, times[-1])
            ax.plot(*_xy(vertical, curve, times), color=_TRACE, linewidth=linewidth)
            shade = ax.fill_betweenx if vertical else ax.fill_between
            for side, beyond in (("positive", curve > place), ("negative", curve < place)):
                if fill in (side, "both"):
                    shade(times, place, curve, where=beyond, color=_TRACE, linewidth=0)
        return end

    def _draw_picks(self, ax, vertical, places, limits):
        half = 0.2 * (limits[1] - limits[0]) / max(len(places), 3)
        for number, (name, times) in enumerate((self.picks or {}).items()):
            label, color = name, _PICKS[number % len(_PICKS)]
            for k in np.flatnonzero(np.isfinite(places) & np.isfinite(times)):
                across, at = [places[k] - half, places[k] + half], [times[k] + self._start(k)] * 2
                ax.plot(*_xy(vertical, across, at), color=color, linewidth=1.8, label=label)
                label = None

    def _draw_predictions(self, ax, vertical, places, limits):
        """Arrows from the true to the predicted offset, at the late end; returns the limits."""
        transform = ax.get_xaxis_transform() if vertical else ax.get_yaxis_transform()
        shown = np.flatnonzero(np.isfinite(places) & np.isfinite(self.predicted_offsets))
        for i, k in enumerate(np.argsort(places[shown])):
            k = shown[k]
            # Neighbours on two levels, so that arrows do not lie on each other.
            height = (0.97, 0.93, 0.89)[i % 3]
            line = _xy(vertical, [places[k], self.predicted_offsets[k]], [height] * 2)
            ax.plot(*line, color=_PREDICTED, linewidth=1.2, transform=transform, zorder=4)
            for at, face, label in (
                (places[k], "white", "offset"),
                (self.predicted_offsets[k], _PREDICTED, "predicted offset"),
            ):
                ax.plot(
                    *_xy(vertical, [at], [height]),
                    marker="o",
                    markersize=5,
                    color=_PREDICTED,
                    markerfacecolor=face,
                    linestyle="none",
                    transform=transform,
                    label=None if i else label,
                    zorder=5,
                )
        reach = np.concatenate([self.predicted_offsets[shown], limits])
        margin = 0.03 * (reach.max() - reach.min())
        low = min(limits[0], self.predicted_offsets[shown].min(initial=np.inf) - margin)
        return low, max(limits[1], self.predicted_offsets[shown].max(initial=-np.inf) + margin)

    def _draw_names(self, ax, vertical, places, limits):
        if self.names is None:
            return
        near = _SAME_PLACE * (limits[1] - limits[0])
        groups: list[list] = []
        for k in np.argsort(places, kind="stable")[: np.isfinite(places).sum()]:
            if groups and places[k] - places[groups[-1][0]] < near:
                groups[-1].append(k)
            else:
                groups.append([k])
        groups.sort(key=min)
        other = ax.secondary_xaxis("top") if vertical else ax.secondary_yaxis("right")
        at = [places[group].mean() for group in groups]
        if vertical:
            names = ["\n".join(str(self.names[k]) for k in group) for group in groups]
            other.set_xticks(at, names, rotation=90, fontsize="small")
        else:
            names = [", ".join(str(self.names[k]) for k in group) for group in groups]
            other.set_yticks(at, names, fontsize="small")


def _xy(vertical, offset, time):
    return (offset, time) if vertical else (time, offset)
