"""Pictures of events: waveforms, picks, extent, spectrograms."""

import numpy as np

from seisclf.signal import stft

from ._bunch import row_numbers, take_rows

_TRACE, _P, _S, _EVENT = "0.15", "#c1272d", "#0b5fa5", "#e8a33d"
_DYNAMIC_RANGE = 45.0  # dB of a spectrogram that are drawn


class WaveformDisplay:
    """Waveforms of events, one panel each, with picks and the time an event takes.

    Make one with :meth:`from_bunch`.

    Parameters
    ----------
    data : ndarray of shape (n_events, n_traces, n_samples)
        What to draw; each trace is scaled by the largest value of its event.
    sampling_rate : float
        In Hz.
    trace_names : list of str, or list of list of str
        Names of the traces, of all events or event by event.
    titles : list of str, optional
        Titles of the panels.
    picks : dict of str to ndarray of shape (n_events, n_traces), optional
        Times in seconds after the first sample, under the names ``"P"`` and ``"S"``.
    spans : ndarray of shape (n_events, n_traces, 2), optional
        Start and end of the event in seconds; NaN where there is none.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        Axes of the panels, of waveforms and spectrograms in turn.
    figure_ : matplotlib Figure
        Figure of the picture.

    See Also
    --------
    make_seismic_events : Events to draw.

    Examples
    --------
    >>> from seisclf.datasets import WaveformDisplay, make_seismic_events
    >>> events = make_seismic_events(4, n_samples=1000, random_state=0)
    >>> display = WaveformDisplay.from_bunch(events, rows=[0, 1])
    >>> len(display.axes_)
    2
    """

    def __init__(self, data, *, sampling_rate, trace_names, titles=None, picks=None, spans=None):
        self.data = data
        self.sampling_rate = sampling_rate
        self.trace_names = trace_names
        self.titles = titles
        self.picks = picks
        self.spans = spans

    @classmethod
    def from_bunch(cls, bunch, rows=None, *, component=None, ax=None, **plot_params):
        """Draw events of a data set.

        Parameters
        ----------
        bunch : :class:`~sklearn.utils.Bunch`
            As the functions of :mod:`seisclf.datasets` return it.
        rows : slice, array of int or mask, optional
            Which events. Default: the first of each class.
        component : str, optional
            The component to draw of a network's stations, a letter of ``bunch.components``.
            Default: the first. Events of one station show all components.
        ax : matplotlib Axes or array of Axes, optional
            Where to draw, see :meth:`plot`.
        **plot_params
            Further parameters of :meth:`plot`.

        Returns
        -------
        display : WaveformDisplay
            The picture.

        Raises
        ------
        ValueError
            If there is no such component.
        """
        rows = _first_of_each_class(bunch) if rows is None else rows
        events = take_rows(bunch, row_numbers(rows, len(bunch.data)))
        data = np.asarray(events.data)
        names = list(events.components)
        if component is not None and component not in names:
            raise ValueError(f"component must be one of {names}; got {component!r}")
        if data.ndim == 4:
            data = data[:, :, names.index(component) if component else 0]
            names = _station_names(events, data.shape[1])
        elif component is not None:
            data, names = data[:, [names.index(component)]], [component]
        picks, spans = _picks_and_spans(events, data.shape[:2])
        display = cls(
            data,
            sampling_rate=events.sampling_rate,
            trace_names=names,
            titles=_titles(events),
            picks=picks,
            spans=spans,
        )
        return display.plot(ax=ax, **plot_params)

    def plot(self, ax=None, *, n_columns=2, spectrogram=False, window_length=0.64):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes or array of Axes, optional
            One for each event, two with spectrograms. Default: a new figure.
        n_columns : int, default=2
            Panels beside each other in a new figure.
        spectrogram : bool, default=False
            Whether to draw the spectrogram of the strongest trace below the waveforms.
        window_length : float, default=0.64
            Length of the spectrogram's window in seconds.

        Returns
        -------
        self : WaveformDisplay
            Fitted with ``axes_`` and ``figure_``.

        Raises
        ------
        ValueError
            If the number of axes is not the number of panels.
        """
        n_panels = len(self.data) * (2 if spectrogram else 1)
        axes = self._new_axes(n_columns, spectrogram) if ax is None else np.ravel(ax)
        if len(axes) != n_panels:
            raise ValueError(f"ax must hold {n_panels} axes, one for each panel; got {len(axes)}")
        for k in range(len(self.data)):
            panel = axes[2 * k] if spectrogram else axes[k]
            self._draw_traces(panel, k)
            if spectrogram:
                self._draw_spectrogram(axes[2 * k + 1], k, window_length)
                panel.tick_params(labelbottom=False)
                panel.set_xlabel("")
        self._draw_legend(axes[0])
        self.axes_, self.figure_ = axes, axes[0].figure
        return self

    def _new_axes(self, n_columns, spectrogram):
        import matplotlib.pyplot as plt

        n_columns = min(n_columns, len(self.data))
        n_rows = -(-len(self.data) // n_columns)
        height = 0.45 * self.data.shape[1] + 0.75 + 1.1 * spectrogram
        figure = plt.figure(figsize=(6.2 * n_columns, height * n_rows), layout="constrained")
        outer = figure.add_gridspec(n_rows, n_columns)
        axes = []
        for k in range(len(self.data)):
            cell = outer[k // n_columns, k % n_columns]
            if spectrogram:
                upper, lower = cell.subgridspec(2, 1, height_ratios=(3, 2), hspace=0.03)
                axes.append(figure.add_subplot(upper))
                axes.append(figure.add_subplot(lower, sharex=axes[-1]))
            else:
                axes.append(figure.add_subplot(cell))
        return np.array(axes, dtype=object)

    def _draw_traces(self, ax, event):
        traces = self.data[event] - self.data[event].mean(axis=-1, keepdims=True)
        times = np.arange(traces.shape[-1]) / self.sampling_rate
        largest = np.nanmax(np.abs(traces), initial=0) or 1.0
        for k, trace in enumerate(traces):
            if np.isnan(trace).all():
                ax.text(times[-1] / 2, -k, "not recorded", color="0.5", ha="center", va="center")
                continue
            ax.plot(times, 0.55 * trace / largest - k, color=_TRACE, linewidth=0.5)
            self._draw_truth(ax, event, k)
        n_traces = len(traces)
        ax.set_xlim(0, times[-1])
        ax.set_ylim(0.65 - n_traces, 0.65)
        ax.set_yticks(-np.arange(n_traces), self._names(event))
        ax.tick_params(axis="y", length=0)
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.set_xlabel("time (s)")
        if self.titles is not None:
            ax.set_title(self.titles[event], loc="left", fontsize="medium")

    def _draw_truth(self, ax, event, k):
        low, high = -k - 0.42, -k + 0.42
        if self.spans is not None and not np.isnan(self.spans[event, k]).any():
            start, end = self.spans[event, k]
            ax.fill_between([start, end], low, high, color=_EVENT, alpha=0.3, linewidth=0)
        for name, color in (("P", _P), ("S", _S)):
            if self.picks is not None and not np.isnan(self.picks[name][event, k]):
                ax.vlines(self.picks[name][event, k], low, high, color=color, linewidth=1.2)

    def _draw_spectrogram(self, ax, event, window_length):
        trace, name = self._strongest(event)
        window = min(window_length, len(trace) / self.sampling_rate)
        frequencies, times, values = stft(
            trace - trace.mean(),
            sampling_rate=self.sampling_rate,
            window_length=window,
            hop=window / 8,
        )
        level = 20 * np.log10(np.abs(values) + 1e-12)
        top = np.percentile(level, 99.8)
        ax.pcolormesh(
            times,
            frequencies,
            level,
            vmin=top - _DYNAMIC_RANGE,
            vmax=top,
            cmap="magma",
            shading="nearest",
            rasterized=True,
        )
        ax.set_xlim(0, (len(trace) - 1) / self.sampling_rate)
        ax.set_ylim(frequencies[0], frequencies[-1])
        ax.set_xlabel("time (s)")
        ax.set_ylabel(f"{name} (Hz)")

    def _strongest(self, event):
        traces = np.nan_to_num(self.data[event])
        k = np.argmax(np.ptp(traces, axis=-1))
        return traces[k], self._names(event)[k]

    def _names(self, event):
        nested = len(self.trace_names) > 0 and not isinstance(self.trace_names[0], str)
        return self.trace_names[event] if nested else self.trace_names

    def _draw_legend(self, ax):
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch

        handles = []
        if self.picks is not None:
            handles = [
                Line2D([], [], color=color, label=name)
                for name, color in (("P", _P), ("S", _S))
                if not np.isnan(self.picks[name]).all()
            ]
        if self.spans is not None and not np.isnan(self.spans).all():
            handles.append(Patch(color=_EVENT, alpha=0.3, label="event"))
        if handles:
            ax.legend(
                handles=handles,
                ncols=len(handles),
                loc="lower right",
                bbox_to_anchor=(1.0, 1.0),
                frameon=False,
                fontsize="small",
                borderaxespad=0.1,
            )


def _first_of_each_class(bunch):
    if bunch.get("target") is None:
        return np.arange(min(4, len(bunch.data)))
    classes = bunch.get("target_names") or sorted(set(bunch.target.tolist()))
    found = [np.flatnonzero(bunch.target == name) for name in classes]
    return np.array([rows[0] for rows in found if len(rows)])


def _station_names(events, n_stations):
    arrivals = events.get("arrivals")
    if arrivals is None or arrivals.index.nlevels == 1:
        return [f"station {k}" for k in range(n_stations)]
    return np.reshape(arrivals.index.get_level_values(1), (-1, n_stations)).tolist()


def _picks_and_spans(events, shape):
    """Picks and spans of every trace, (n_events, n_traces); traces of a station share them."""
    arrivals = events.get("arrivals")
    if arrivals is None:
        return None, None

    def of_traces(name):
        each = arrivals[name].to_numpy(dtype=float).reshape(shape[0], -1)
        return np.broadcast_to(each, shape)

    picks = {name: of_traces(name) for name in ("P", "S")}
    return picks, np.stack([of_traces("start"), of_traces("end")], axis=-1)


def _titles(events):
    metadata, titles = events.metadata, []
    for k in range(len(metadata)):
        parts = [] if events.get("target") is None else [str(events.target[k])]
        for name, form in (("magnitude", "M {:z.1f}"), ("distance", "{:.2f} km")):
            if name in metadata and not np.isnan(metadata[name].iloc[k]):
                parts.append(form.format(metadata[name].iloc[k]))
        place = metadata.get("station", metadata.get("site"))
        if place is not None:
            parts.append(str(place.iloc[k]))
        titles.append(", ".join(parts))
    return titles
