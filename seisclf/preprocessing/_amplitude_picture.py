"""Pictures of traces: amplitude against time."""

import numbers

import numpy as np

from ..signal._arrays import for_each_chunk
from ..signal._raster import RowCells, draw_strips, draw_wiggles
from ._base import WaveformTransformer
from ._record_section import check_canvas

STYLES = ("wiggle", "fill", "density")
SCALES = ("trace", "event", None)
# Part of the height that a trace takes at its largest deflection.
_TAKEN = 0.9


class AmplitudePicture(WaveformTransformer):
    """Pictures of single traces, amplitude against time, as on paper.

    Time goes from left to right and amplitude from the bottom to the top, with the mean of the
    trace half way up. Ink is 1, on 0, without axes. Nothing is learned from other events.

    Parameters
    ----------
    sampling_rate : float, default=100.0
        Samples per second (Hz). It sets the unit of ``times_``.
    size : int or tuple of int (height, width), default=(128, 128)
        Size of a picture in pixels.
    style : {"wiggle", "fill", "density"}, default="wiggle"
        "wiggle": a line. "fill": the space between the line and the mean is ink. "density": no
        line, but columns as dark as the amplitude at the time.
    scale : {"trace", "event", None}, default="trace"
        "trace": the largest deflection of each trace takes nine tenths of the height. "event": of
        all traces of an event together, which keeps the ratio of components and stations. None:
        `limit` does in all events, which keeps absolute amplitude.
    limit : float, default=1.0
        Amplitude that takes nine tenths of the height with ``scale=None``; what is larger is cut
        off at the edge.
    linewidth : float, default=1.0
        Width of the line in pixels.
    n_threads : int, optional
        Threads; default: what ``OMP_NUM_THREADS`` allows, at most one per core.

    Attributes
    ----------
    times_ : ndarray of shape (width,)
        Seconds after the first sample of the columns.
    n_channels_in_, n_samples_in_, n_features_in_ : int
        Shape of the events seen in ``fit``.
    n_stations_in_ : int
        Stations seen in ``fit``, of events over a network.

    See Also
    --------
    RecordSection : All traces of an event on one picture.
    seisclf.neural_network.CNNClassifier : Takes the pictures, with ``representation="picture"``.

    Notes
    -----
    X of shape (n_events, n_samples) or (n_events, n_channels, n_samples) becomes (n_events,
    n_channels, height, width), always float32. Events over a network become (n_events,
    n_stations, n_components, height, width); the pictures of a missing station are NaN. A constant
    trace is a straight line.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.preprocessing import AmplitudePicture
    >>> X = np.random.default_rng(0).normal(size=(4, 3, 3000))
    >>> AmplitudePicture(size=(64, 96)).fit_transform(X).shape
    (4, 3, 64, 96)
    """

    _keeps_shape = False

    def __init__(
        self,
        *,
        sampling_rate=100.0,
        size=(128, 128),
        style="wiggle",
        scale="trace",
        limit=1.0,
        linewidth=1.0,
        n_threads=None,
    ):
        self.sampling_rate = sampling_rate
        self.size = size
        self.style = style
        self.scale = scale
        self.limit = limit
        self.linewidth = linewidth
        self.n_threads = n_threads

    @classmethod
    def _get_test_params(cls):
        return [
            {"size": 8},
            {"size": (8, 6), "style": "fill", "scale": "event"},
            {"size": (6, 8), "style": "density", "scale": None},
        ]

    def _prepare(self, n_samples):
        for name, allowed in (("style", STYLES), ("scale", SCALES)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {allowed}, got {getattr(self, name)!r}")
        check_canvas(self, "sampling_rate", "limit", "linewidth")
        width = self._size()[1]
        self.times_ = (np.arange(width) + 0.5) * ((n_samples - 1) / width / self.sampling_rate)

    def _apply(self, X):
        height, width = self._size()
        lead, n_samples = X.shape[1:-1], X.shape[-1]
        n_traces = int(np.prod(lead))
        cells = RowCells(n_samples, width)
        out = np.empty((len(X), n_traces, height, width), dtype=np.float32)

        def run(start, stop):
            traces = X[start:stop].reshape(-1, n_samples)
            low, high, travel = cells.extremes(traces)
            mean = traces.mean(axis=1, dtype=np.float64)[:, np.newaxis]
            # The rounded mean of equal numbers is not quite one of them, and is all there would
            # be to enlarge.
            mean = np.clip(mean, low.min(axis=1, keepdims=True), high.max(axis=1, keepdims=True))
            low, high = low - mean, high - mean
            missing = np.isnan(mean[:, 0])
            for values in (low, high, travel):
                values[missing] = 0
            peak = self._peak(low, high, stop - start)
            pictures = self._draw(low / peak, high / peak, travel / peak)
            # From time going down the rows to time going right, amplitude up.
            pictures = pictures.swapaxes(1, 2)[:, ::-1].reshape(out[start:stop].shape)
            np.copyto(out[start:stop], pictures, casting="same_kind")
            np.minimum(out[start:stop], 1, out=out[start:stop])
            out[start:stop][missing.reshape(stop - start, n_traces)] = np.nan

        per_event = n_traces * (16 * height * width + 3 * n_samples * X.itemsize)
        for_each_chunk(lambda size: run, len(X), per_event, workers=self.n_threads)
        return out.reshape(len(X), *lead, height, width)

    def _peak(self, low, high, n_events):
        """Amplitude of the largest deflection, (n_traces of these events, 1)."""
        if self.scale is None:
            return self.limit
        peak = np.maximum(high, -low).max(axis=1)
        if self.scale == "event":
            largest = peak.reshape(n_events, -1).max(axis=1)
            peak = np.repeat(largest, len(peak) // n_events)
        return np.where(peak > 0, peak, 1.0)[:, np.newaxis]

    def _draw(self, low, high, travel):
        """Pictures (n_traces, width, height) of curves in units of the largest deflection."""
        height = self._size()[0]
        n_traces = len(low)
        canvas = {
            "picture": np.arange(n_traces),
            "n_pictures": n_traces,
            "n_columns": height,
        }
        if self.style == "density":
            edge = np.full(n_traces, float(height))
            values = np.clip(np.maximum(high, -low), 0, 1)
            return draw_strips(values, 0 * edge, edge, **canvas)
        factor, middle = _TAKEN * height / 2, height / 2
        return draw_wiggles(
            middle + factor * low,
            middle + factor * high,
            factor * travel,
            base=np.full(n_traces, middle),
            fill="both" if self.style == "fill" else None,
            linewidth=self.linewidth,
            **canvas,
        )

    def _size(self):
        return (self.size, self.size) if isinstance(self.size, numbers.Integral) else self.size

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # Pictures are float32, of whatever they are made.
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
