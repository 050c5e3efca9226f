"""Record sections: all traces of an event on one picture, each at its distance."""

import numbers
import warnings

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from ..io._lazy_array import LazyArray
from ..io._network_events import NetworkEvents
from ..signal._arrays import for_each_chunk
from ..signal._raster import FILLS, RowCells, draw_strips, draw_wiggles
from ._base import _BATCH, WaveformTransformer, check_missing_traces
from ._section_layout import REASONS, SCALES, lay_out

STYLES = ("wiggle", "density")
ORIENTATIONS = ("vertical", "horizontal")


class RecordSection(WaveformTransformer):
    """Pictures of all traces of an event, each drawn at its distance from the source.

    The layout is that of ObsPy's section plot: offset in km from left to right, time from the
    bottom to the top, every trace a line about its offset. There are no axes and no labels, only
    ink, 1, on 0. Nothing is learned from other events, unless `offsets` is a regressor.

    Parameters
    ----------
    sampling_rate : float, default=100.0
        Samples per second (Hz). It sets the unit of ``times_``.
    size : int or tuple of int (height, width), default=(224, 224)
        Size of a picture in pixels.
    component : str, int or "all", default="Z"
        Component of a station to draw: a letter of `components`, or an index. "all" makes one
        channel of each. Where stations have one component it is that one, and where X has no axis
        of stations each channel is a trace.
    components : str, default="ZNE"
        Letters of the components in X.
    offsets : None, array-like of shape (n_traces,), or regressor, default=None
        Distances from the source in km:

        - None: those of :class:`~seisclf.io.NetworkEvents`. Of an X that knows no distances the
          traces are drawn evenly spaced, in the order of the axis;
        - an array, for stations that are equally far from all sources;
        - a regressor that predicts the distance of a trace from an array (n_traces, n_components,
          n_samples). A clone is fitted in ``fit`` on the traces of which X knows the distance,
          and all are then drawn where it says, these too. In a
          :class:`~sklearn.frozen.FrozenEstimator` it is used as it is.
    offset_range : tuple of float (low, high), optional
        Ends of the axis of offsets in km; traces outside are not drawn. None: the axis begins and
        ends with the ink of each event, but for a margin of 5 %.
    scale : {"trace", "section"}, default="trace"
        "trace": the largest deflection is the same for all traces. "section": all traces of an
        event share one scale, which keeps how amplitudes fall off with distance. Absolute
        amplitude never shows.
    style : {"wiggle", "density"}, default="wiggle"
        "wiggle": a line. "density": a strip, as dark as the largest amplitude at the time.
    fill : {None, "positive", "negative", "both"}, default=None
        Side of a wiggle on which it is filled.
    gain : float, default=1.0
        Factor of the deflections. With 1 the largest one, and the width of a strip, is two thirds
        of the range of offsets over the number of traces.
    linewidth : float, default=1.0
        Width of a line in pixels.
    orientation : {"vertical", "horizontal"}, default="vertical"
        Direction of the axis of time. "horizontal": time goes from left to right, and offset from
        the bottom to the top.
    time_down : bool, default=False
        Whether time goes from the top to the bottom of a vertical section.
    n_threads : int, optional
        Threads; default: what ``OMP_NUM_THREADS`` allows, at most one per core.

    Attributes
    ----------
    times_ : ndarray
        Seconds after the first sample of the rows (columns of a horizontal section), in the order
        of the picture.
    offsets_from_ : {"events", "array", "regressor", "order"}
        Where the offsets come from.
    offset_regressor_ : estimator
        What predicts them, if `offsets` is a regressor.
    n_channels_in_, n_samples_in_, n_features_in_ : int
        Shape of the events seen in ``fit``.
    n_stations_in_ : int
        Stations seen in ``fit``, where X has an axis of stations. It may change.

    Warns
    -----
    UserWarning
        If traces are not drawn because they are constant, because their offset is not known, or
        because it lies outside `offset_range`; and if a picture stays blank. Stations that are
        missing (NaN) are no reason for a warning. :meth:`report` lists all.

    See Also
    --------
    AmplitudePicture : A picture of each trace by itself.
    RecordSectionDisplay : A record section for people, with axes.
    seisclf.io.NetworkEvents : Events over a network with their offsets.
    seisclf.neural_network.CNNClassifier : Takes the pictures, with ``representation="picture"``.

    Notes
    -----
    A line is drawn by its extremes: in each row it leaves its ink evenly from the smallest to the
    largest value of the trace at that time, half a line width beyond, and at most one on any spot.
    No sample is skipped, and edges are smooth. Ink of several traces on one pixel adds up and
    saturates at 1. The mean of a trace is taken off before it is drawn.

    All traces of an event are taken to begin at the same time. Recordings that were cut around the
    arrival at each station have no move-out left to show;
    :func:`seisclf.datasets.to_network_events` restores it with ``common_time=True``.

    A regressor that was fitted on the traces that it then predicts is nearer to the truth there
    than on new events. Where that matters, give one that was fitted on other events, frozen.

    References
    ----------
    .. [1] Cheng, J. and Zhang, T., "Seismic atlas analysis based on computer vision method", who
       classify such pictures.
    .. [2] Beyreuther, M. et al. (2010). ObsPy: a Python toolbox for seismology. Seismological
       Research Letters 81, of which ``Stream.plot(type="section")`` is the layout.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.io import NetworkEvents
    >>> from seisclf.preprocessing import RecordSection
    >>> waveforms = np.random.default_rng(0).normal(size=(8, 5, 3, 3000)).astype(np.float32)
    >>> events = NetworkEvents(waveforms, offsets=[12.0, 30.0, 41.0, 66.0, 90.0])
    >>> pictures = RecordSection(size=64).fit_transform(events)
    >>> pictures.shape, pictures.dtype
    ((8, 1, 64, 64), dtype('float32'))
    """

    # In (n_events, n_channels, n_samples) each channel is a trace, and may be missing.
    _missing_ndim = (3, 4)
    _keeps_shape = False
    _free_axes = ("stations",)

    def __init__(
        self,
        *,
        sampling_rate=100.0,
        size=(224, 224),
        component="Z",
        components="ZNE",
        offsets=None,
        offset_range=None,
        scale="trace",
        style="wiggle",
        fill=None,
        gain=1.0,
        linewidth=1.0,
        orientation="vertical",
        time_down=False,
        n_threads=None,
    ):
        self.sampling_rate = sampling_rate
        self.size = size
        self.component = component
        self.components = components
        self.offsets = offsets
        self.offset_range = offset_range
        self.scale = scale
        self.style = style
        self.fill = fill
        self.gain = gain
        self.linewidth = linewidth
        self.orientation = orientation
        self.time_down = time_down
        self.n_threads = n_threads

    def fit(self, X, y=None):
        """Check the parameters, learn the shape of X, and fit a regressor of offsets.

        Parameters
        ----------
        X : array-like of shape (n_events, n_samples), (n_events, n_channels, n_samples) or \
                (n_events, n_stations, n_components, n_samples), or NetworkEvents
            Waveforms; a missing station is NaN.
        y : None
            Ignored; there for the sake of pipelines.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        ValueError
            If a parameter or X cannot be used.
        """
        self._check_parameters()
        X = self._validate(X, reset=True)
        self._components_of(X)
        self.offsets_from_ = self._origin_of_offsets(X)
        if self.offsets_from_ == "array":
            self._array_of_offsets(X)
        if hasattr(self, "offset_regressor_"):
            del self.offset_regressor_
        if self.offsets_from_ == "regressor":
            self.offset_regressor_ = self._fitted_regressor(X)
        n_rows = self._axes()[0]
        times = (np.arange(n_rows) + 0.5) * ((X.shape[-1] - 1) / n_rows / self.sampling_rate)
        self.times_ = times[::-1].copy() if self._time_goes_up() else times
        return self

    def transform(self, X):
        """Draw the record sections of events.

        Parameters
        ----------
        X : array-like of shape (n_events, n_samples), (n_events, n_channels, n_samples) or \
                (n_events, n_stations, n_components, n_samples), or NetworkEvents
            Waveforms. The number of stations may differ from that seen by ``fit``.

        Returns
        -------
        pictures : ndarray of shape (n_events, 1, height, width), float32
            Ink in [0, 1]; with ``component="all"`` one channel for each component.

        Raises
        ------
        ValueError
            If X does not have the shape seen by ``fit``, or lost its offsets.
        """
        X = self._checked(X)
        n_channels = len(self._components_of(X))
        pictures = np.empty((len(X), n_channels, *self._size()), dtype=np.float32)
        status = []
        for start, traces, offsets in self._batches(X):
            status.append(self._draw(traces, offsets, pictures[start : start + len(traces)]))
        self._warn(np.concatenate(status))
        return pictures

    def report(self, X):
        """List the traces that are not drawn.

        Parameters
        ----------
        X : array-like or NetworkEvents
            As in :meth:`transform`.

        Returns
        -------
        report : pandas.DataFrame
            A row for each trace, with ``event`` (row of X), ``trace`` (index of the station or
            channel), ``channel`` (of the picture) and ``reason``: "missing" (NaN throughout),
            "dead" (constant), "no offset" or "outside offset_range".

        Examples
        --------
        >>> import numpy as np
        >>> from seisclf.preprocessing import RecordSection
        >>> X = np.random.default_rng(0).normal(size=(2, 3, 400))
        >>> X[1, 2] = np.nan
        >>> RecordSection().fit(X).report(X)
           event  trace  channel   reason
        0      1      2        0  missing
        """
        import pandas as pd

        status = self._layouts(X, "status")
        event, channel, trace = np.nonzero(status)
        reason = np.array(REASONS, dtype=object)[status[event, channel, trace] - 1]
        return pd.DataFrame({"event": event, "trace": trace, "channel": channel, "reason": reason})

    def offset_limits(self, X):
        """Offsets at the edges of each picture.

        Parameters
        ----------
        X : array-like or NetworkEvents
            As in :meth:`transform`.

        Returns
        -------
        limits : ndarray of shape (n_events, 2)
            In km (without known offsets: in traces), at the left and the right edge, or at the
            bottom and the top of a horizontal section; NaN for a blank picture.
        """
        return self._layouts(X, "limits")

    def _layouts(self, X, name):
        X = self._checked(X)
        batches = self._batches(X)
        return np.concatenate([getattr(self._layout(*batch[1:]), name) for batch in batches])

    def _checked(self, X):
        check_is_fitted(self)
        X = self._validate(X, reset=False)
        found = self._origin_of_offsets(X)
        if found != self.offsets_from_:
            known = {"events": "with offsets", "order": "without offsets"}
            raise ValueError(
                f"RecordSection was fitted on events {known[self.offsets_from_]} and now got "
                f"events {known[found]}, which makes other pictures: give "
                f"NetworkEvents(X, offsets=...) in both, or set offsets"
            )
        return X

    def _validate(self, X, *, reset):
        waveforms = super()._validate(X, reset=reset)
        # The waveforms alone would have lost their distances.
        return X if isinstance(X, NetworkEvents) else waveforms

    def _origin_of_offsets(self, X):
        if self.offsets is not None:
            return "regressor" if isinstance(self.offsets, BaseEstimator) else "array"
        known = isinstance(X, NetworkEvents) and X.offsets is not None
        return "events" if known else "order"

    def _array_of_offsets(self, X):
        try:
            offsets = np.asarray(self.offsets, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"offsets must be None, one distance in km for each trace, or a regressor (an "
                f"instance of it); got {self.offsets!r}"
            ) from error
        if np.nanmin(offsets, initial=0.0) < 0 or np.isinf(offsets).any():
            raise ValueError(
                "offsets must be distances in km, not negative and not infinite: give NaN where "
                "a distance is not known"
            )
        if offsets.shape != (X.shape[1],):
            raise ValueError(
                f"offsets must hold one distance in km for each of the {X.shape[1]} traces of an "
                f"event; got shape {offsets.shape}. Distances that differ from event to event "
                f"belong to the events: NetworkEvents(X, offsets=...)"
            )
        return offsets

    def _fitted_regressor(self, X):
        if isinstance(self.offsets, FrozenEstimator):
            return self.offsets
        if not (isinstance(X, NetworkEvents) and X.offsets is not None):
            raise ValueError(
                "a regressor in offsets is fitted on the distances of NetworkEvents(X, "
                "offsets=...): give those, or a fitted one, offsets=FrozenEstimator(regressor)"
            )
        # As in `transform`: of a station that lacks a component nothing is predicted.
        complete = [np.isfinite(part.read()[..., 0]).all(axis=2) for part in X._batches()]
        known = np.concatenate(complete) & np.isfinite(X.offsets)
        if not known.any():
            raise ValueError("offsets is a regressor, but X knows the distance of no trace")
        rows, traces = np.nonzero(known)
        events, where = np.unique(rows, return_inverse=True)
        return clone(self.offsets).fit(X.read(events)[where, traces], X.offsets[rows, traces])

    def _batches(self, X):
        """First row, traces (n, n_channels, n_traces, n_samples) and offsets of each batch."""
        picked = self._components_of(X)
        for start in range(0, len(X), _BATCH):
            rows = X[start : start + _BATCH]
            waveforms = np.asarray(rows)
            if isinstance(X, LazyArray):
                check_missing_traces(waveforms, start)
            if waveforms.ndim < 4:
                waveforms = waveforms.reshape(len(waveforms), -1, 1, waveforms.shape[-1])
            yield start, np.moveaxis(waveforms, 2, 1)[:, picked], self._offsets_of(rows, waveforms)

    def _offsets_of(self, rows, waveforms):
        shape = waveforms.shape[:2]
        if self.offsets_from_ == "events":
            return rows.offsets
        if self.offsets_from_ == "regressor":
            offsets = np.full(shape, np.nan)
            recorded = np.isfinite(waveforms[..., 0]).all(axis=2)
            if recorded.any():
                predicted = self.offset_regressor_.predict(waveforms[recorded])
                offsets[recorded] = np.asarray(predicted, dtype=np.float64).reshape(-1)
            return offsets
        array = self.offsets_from_ == "array"
        offsets = self._array_of_offsets(waveforms) if array else np.arange(shape[1], dtype=float)
        return np.broadcast_to(offsets, shape)

    def _components_of(self, X):
        """Indices of the components to draw."""
        n_components = X.shape[2] if X.ndim == 4 else 1
        if n_components == 1:
            return [0]
        if isinstance(self.component, str) and self.component == "all":
            return list(range(n_components))
        if not isinstance(self.component, str):
            if not -n_components <= self.component < n_components:
                raise ValueError(
                    f"component={self.component} is out of range for {n_components} components"
                )
            return [int(self.component)]
        if len(self.components) != n_components:
            raise ValueError(
                f"components={self.components!r} names {len(self.components)} components, but X "
                f"has {n_components}: name them all, in their order"
            )
        return [self.components.index(self.component)]

    def _layout(self, traces, offsets, extremes=None):
        if extremes is None:
            extremes = traces.min(axis=-1), traces.max(axis=-1)
        return lay_out(
            traces.mean(axis=-1, dtype=np.float64),
            *extremes,
            offsets,
            n_pixels=self._axes()[1],
            offset_range=self.offset_range,
            scale=self.scale,
            gain=self.gain,
            strips=self.style == "density",
        )

    def _draw(self, traces, offsets, out):
        """Draw a batch, and return the status of each trace."""
        n_rows, n_columns = self._axes()
        n_channels, n_traces, n_samples = traces.shape[1:]
        cells = RowCells(n_samples, n_rows)
        curves = np.empty((3, *traces.shape[:3], n_rows), dtype=traces.dtype)

        def measure(start, stop):
            part = traces[start:stop].reshape(-1, n_samples)
            for curve, values in zip(curves, cells.extremes(part), strict=True):
                curve[start:stop] = values.reshape(curve[start:stop].shape)

        def draw(start, stop):
            drawn = layout.status[start:stop] == 0
            canvas = {
                "picture": np.flatnonzero(drawn) // n_traces,
                "n_pictures": (stop - start) * n_channels,
                "n_columns": n_columns,
            }
            values = (curve[start:stop][drawn] for curve in curves)
            place = (column[start:stop][drawn][:, np.newaxis] for column in columns)
            pictures = self._turned(to_pictures(*values, *place, canvas))
            pictures = pictures.reshape(out[start:stop].shape)
            np.copyto(out[start:stop], pictures, casting="same_kind")
            np.minimum(out[start:stop], 1, out=out[start:stop])

        work = {"n_rows": len(traces), "workers": self.n_threads}
        sample_bytes = 3 * n_channels * n_traces * n_samples * traces.itemsize
        for_each_chunk(lambda size: measure, bytes_per_row=sample_bytes, **work)
        layout = self._layout(traces, offsets, (curves[0].min(axis=-1), curves[1].max(axis=-1)))
        strips = self.style == "density"
        to_pictures = self._strips if strips else self._wiggles
        names = ("base", "mean", "peak", "width") if strips else ("base", "mean", "factor")
        columns = [np.broadcast_to(getattr(layout, name), layout.status.shape) for name in names]
        # Ends of strokes and pixels are counted in float64, in two arrays.
        pixel_bytes = 16 * n_channels * n_rows * n_columns
        for_each_chunk(lambda size: draw, bytes_per_row=pixel_bytes, **work)
        return layout.status

    def _wiggles(self, low, high, travel, base, mean, factor, canvas):
        low, high = ((values - mean) * factor + base for values in (low, high))
        look = {"linewidth": self.linewidth, "fill": self.fill}
        return draw_wiggles(low, high, travel * factor, base=base[:, 0], **look, **canvas)

    def _strips(self, low, high, travel, base, mean, peak, width, canvas):
        values = np.clip(np.maximum(high - mean, mean - low) / peak, 0, 1)
        start, stop = ((base + side * width)[:, 0] for side in (-0.5, 0.5))
        return draw_strips(values, start, stop, **canvas)

    def _turned(self, pictures):
        """From time going down the rows to the orientation that was asked for."""
        if self.orientation == "horizontal":
            return pictures.swapaxes(1, 2)[:, ::-1]
        return pictures[:, ::-1] if self._time_goes_up() else pictures

    def _time_goes_up(self):
        return self.orientation == "vertical" and not self.time_down

    def _size(self):
        return (self.size, self.size) if isinstance(self.size, numbers.Integral) else self.size

    def _axes(self):
        """Pixels along the axis of time, and along that of offsets."""
        height, width = self._size()
        return (height, width) if self.orientation == "vertical" else (width, height)

    def _warn(self, status):
        found = [
            f"{(status == code).sum()} {reason}"
            for code, reason in enumerate(REASONS, start=1)
            if reason != "missing" and (status == code).any()
        ]
        if found:
            events = np.flatnonzero((status > 1).any(axis=(1, 2)))
            warnings.warn(
                f"traces that are not drawn: {', '.join(found)}, in {_listed(events)}; "
                f"report(X) lists them",
                UserWarning,
                stacklevel=4,
            )
        blank = np.flatnonzero((status != 0).all(axis=(1, 2)))
        if len(blank):
            warnings.warn(
                f"no trace can be drawn of {_listed(blank)}: blank pictures. Leave these events "
                f"out; report(X) says why",
                UserWarning,
                stacklevel=4,
            )

    def _check_parameters(self):
        for name, allowed in (
            ("scale", SCALES),
            ("style", STYLES),
            ("fill", FILLS),
            ("orientation", ORIENTATIONS),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {allowed}, got {getattr(self, name)!r}")
        check_canvas(self, "sampling_rate", "gain", "linewidth")
        self._check_components()
        if self.offset_range is not None and not _is_range(self.offset_range):
            raise ValueError(
                f"offset_range must be None or (low, high) in km, two finite numbers, got "
                f"{self.offset_range!r}"
            )

    def _check_components(self):
        letters = self.components
        if not isinstance(letters, (str, list, tuple)) or len(set(letters)) < len(letters):
            raise ValueError(
                f"components must hold a letter for each component of X, such as 'ZNE', none of "
                f"them twice; got {letters!r}"
            )
        known = (*letters, "all")
        index = isinstance(self.component, numbers.Integral)
        if isinstance(self.component, bool) or not (index or self.component in known):
            raise ValueError(
                f"component must be one of {known} or an index, got {self.component!r}"
            )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # Pictures are float32, of whatever they are made.
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    @classmethod
    def _get_test_params(cls):
        return [
            {"size": 8},
            {"size": (8, 6), "scale": "section", "fill": "positive", "component": "all"},
            {"size": (6, 8), "style": "density", "orientation": "horizontal"},
        ]


def check_canvas(transformer, *positive):
    """Refuse impossible values of ``size``, ``n_threads`` and of the parameters named."""
    for name in positive:
        value = getattr(transformer, name)
        if not _is_number(value) or not 0 < value < np.inf:
            raise ValueError(f"{name} must be positive and finite, got {value!r}")
    size, n_threads = transformer.size, transformer.n_threads
    pair = size if isinstance(size, (tuple, list)) else (size, size)
    if len(pair) != 2 or not all(_is_positive_int(n) for n in pair):
        raise ValueError(f"size must be an int or (height, width) in pixels, got {size!r}")
    if n_threads is not None and not _is_positive_int(n_threads):
        raise ValueError(f"n_threads must be None or an int of at least 1, got {n_threads!r}")


def _is_number(value):
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _is_positive_int(value):
    return _is_number(value) and isinstance(value, numbers.Integral) and value > 0


def _is_range(value):
    pair = isinstance(value, (tuple, list, np.ndarray)) and len(value) == 2
    return pair and all(map(_is_number, value)) and -np.inf < value[0] < value[1] < np.inf


def _listed(events):
    shown = ", ".join(map(str, events[:5])) + (", …" if len(events) > 5 else "")
    return f"{len(events)} event{'s' if len(events) > 1 else ''} (row {shown})"
