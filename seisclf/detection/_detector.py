"""Scan continuous records with a classifier of windows."""

import warnings

import numpy as np

from ._classifier import (
    background_labels,
    check_classifier,
    expected_components,
    expected_sampling_rate,
    expected_window,
    predict_windows,
    threshold_vector,
)
from ._detections import Detections, detections_table
from ._functions import ProbabilityFunction, ProbabilityFunctions
from ._onsets import energy_of
from ._picking import pick_classes, pick_events
from ._records import station_records
from ._windows import STACKS, Stacker, window_starts


class EventDetector:
    """Find events in continuous records with a fitted classifier of windows.

    The record of each station is cut into overlapping windows, the classifier gives each its
    class probabilities, and these are combined to class probabilities over time, from which
    stretches above a threshold become events. Every sample that holds data is looked at: the last
    window is right-aligned, and so are the windows before and after a gap. Where there is no data
    the probabilities are NaN, and the share of time that was scanned is part of the result.

    This is not an estimator: it has nothing to fit, and uses the classifier as it is. Filters and
    scaling belong into the classifier's Pipeline, so that windows of a scan are treated exactly
    as those it was trained on.

    Parameters
    ----------
    classifier : object
        A fitted classifier, Pipeline or search with ``classes_`` and ``predict_proba``. Windows
        are given as (n_windows, n_components, n_samples); as (n_windows, n_samples) if there is
        one component and the classifier does not know of channels.
    window : float, optional
        Seconds of a window. Default: what the classifier was fitted on.
    step : float, optional
        Seconds between windows, and the resolution of the result. Default: a tenth of a window.
    sampling_rate : float, optional
        Hertz that the classifier expects. Default: its own ``sampling_rate``.
    components : str, optional
        Letters in the order of the classifier's channels. Default: ``"Z"`` for one channel and
        ``"ZNE"`` for three. Components ``1`` and ``2`` stand in for ``N`` and ``E``.
    threshold : float or dict, default=0.5
        Probability from which on there is an event, see `pick_by`. A dict gives one for each
        class (classes that are absent from it: 0.5).
    pick_by : {"event", "class"}, optional
        "event": there is an event where the probabilities of all classes but the background
        together reach the threshold; its class is the likeliest on average over its duration.
        "class": where one class by itself reaches its threshold. Default: "event", but "class"
        where `threshold` is a dict or there is no background.
    background : str, list or None, default="noise"
        Class or classes that are no events. None: every class is an event.
    min_duration : float, optional
        Seconds; shorter detections are dropped. Default: one step.
    merge_gap : float, optional
        Seconds; detections of one class that are so close become one. Default: one step.
    stack : {"mean", "center", "max"}, default="mean"
        How overlapping windows are combined. "mean": average over the windows that contain a
        sample. "center": the same, but a window counts most in its middle (a triangle from 0.05
        at the edges to 1). "max": the largest probability of each class, divided by the sum over
        classes. The result sums to one in any case.
    refine : bool, default=True
        Move onset and end of a detection to where, within it, the energy of the record rises most
        and falls back. Windows alone tell the time only to about half their length.
    max_gap_fraction : float, default=0.1
        Windows that miss a larger share of their samples are "no data". Up to that, gaps are
        bridged by straight lines. A record that is shorter than a window is padded by the same
        rule: 0.5 accepts records of half a window.
    resample : bool, default=False
        Whether records of another sampling rate are resampled (and the result says so) or
        refused.
    batch_size : int, default=256
        Windows that are given to the classifier at once.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        Labels of the classifier.

    Raises
    ------
    TypeError
        If `classifier` gives no probabilities.
    ValueError
        If `classifier` is not fitted, a parameter is out of range, or `window`, `sampling_rate`
        or `components` cannot be read from the classifier and are not given.
    sklearn.exceptions.NotFittedError
        If `classifier` is not fitted.

    See Also
    --------
    Detections : What comes out.

    Examples
    --------
    A classifier that calls loud windows an event, on a minute of silence with 10 s of sound:

    >>> import numpy as np
    >>> from obspy import Stream, Trace
    >>> from seisclf.detection import EventDetector
    >>> class Loudness:
    ...     classes_ = np.array(["noise", "rockfall"])
    ...     def predict_proba(self, X):
    ...         loud = np.clip(X.std(axis=-1), 0.0, 1.0)
    ...         return np.column_stack([1 - loud, loud])
    >>> x = np.random.default_rng(0).normal(size=6000) * 0.01
    >>> x[2000:3000] *= 200
    >>> stream = Stream([Trace(x, {"sampling_rate": 100.0, "network": "XX",
    ...                            "station": "A", "channel": "HHZ"})])
    >>> detector = EventDetector(Loudness(), window=4.0, step=1.0, sampling_rate=100.0,
    ...                          components="Z")
    >>> detections = detector.detect(stream)
    >>> detections.to_frame()[["class", "onset", "end"]]
          class                     onset                           end
    0  rockfall 1970-01-01 00:00:20+00:00 1970-01-01 00:00:30.050+00:00
    """

    def __init__(
        self,
        classifier,
        *,
        window=None,
        step=None,
        sampling_rate=None,
        components=None,
        threshold=0.5,
        pick_by=None,
        background="noise",
        min_duration=None,
        merge_gap=None,
        stack="mean",
        refine=True,
        max_gap_fraction=0.1,
        resample=False,
        batch_size=256,
    ):
        check_classifier(classifier)
        self.classifier = classifier
        self.classes = np.asarray(classifier.classes_)
        self.sampling_rate = expected_sampling_rate(classifier, sampling_rate)
        self.components = expected_components(classifier, components)
        self.window = expected_window(classifier, window, self.sampling_rate)
        self.step = self.window / 10 if step is None else float(step)
        self.threshold = threshold
        self.background = background_labels(self.classes, background)
        self.min_duration = self.step if min_duration is None else float(min_duration)
        self.merge_gap = self.step if merge_gap is None else float(merge_gap)
        self.stack = stack
        self.refine = refine
        self.max_gap_fraction = max_gap_fraction
        self.resample = resample
        self.batch_size = batch_size
        by_class = isinstance(threshold, dict) or not self.background
        self.pick_by = pick_by or ("class" if by_class else "event")
        self._check_parameters()
        self._thresholds = threshold_vector(self.classes, threshold, self.background)

    def __repr__(self):
        return (
            f"EventDetector({type(self.classifier).__name__}, window={self.window:g} s, "
            f"step={self.step:g} s, sampling_rate={self.sampling_rate:g} Hz, "
            f"components={self.components!r}, threshold={self.threshold}, "
            f"pick_by={self.pick_by!r}, background={self.background})"
        )

    def predict_functions(self, stream):
        """Class probabilities over time.

        Parameters
        ----------
        stream : obspy.Stream
            Continuous records of one or more stations; left unchanged.

        Returns
        -------
        functions : ProbabilityFunctions
            One :class:`ProbabilityFunction` for each station, with its coverage.

        Raises
        ------
        TypeError
            If `stream` is not a Stream.
        ValueError
            If the sampling rates do not fit, or no station can be scanned; the message says why
            for each of them.

        Warns
        -----
        UserWarning
            For each station that cannot be scanned, if others can.
        """
        records, skipped = station_records(
            stream,
            components=self.components,
            sampling_rate=self.sampling_rate,
            resample=self.resample,
        )
        functions = []
        for record in records:
            function = self._scan(record)
            if function.n_windows:
                functions.append(function)
            else:
                skipped[record.station] = "; ".join(function.notes) or "no data"
        reasons = "; ".join(f"{station}: {reason}" for station, reason in skipped.items())
        if not functions:
            raise ValueError(f"no station can be scanned. {reasons}")
        if skipped:
            warnings.warn(f"stations that were not scanned: {reasons}", UserWarning, stacklevel=2)
        return ProbabilityFunctions(functions, skipped=skipped)

    def detect(self, stream):
        """Events in a continuous record.

        Parameters
        ----------
        stream : obspy.Stream
            Continuous records of one or more stations; left unchanged. Each station is scanned
            for itself.

        Returns
        -------
        detections : Detections
            A table of events, with the probabilities over time and the coverage they come from.
            A scan without events gives an empty table that still carries both.

        Raises
        ------
        TypeError, ValueError
            See :meth:`predict_functions`.
        """
        return self.pick(self.predict_functions(stream))

    def pick(self, functions):
        """Events from class probabilities over time, for other thresholds without a new scan.

        Parameters
        ----------
        functions : ProbabilityFunctions
            What :meth:`predict_functions` returned.

        Returns
        -------
        detections : Detections
            A table of events.
        """
        spans = {station: self._spans(function) for station, function in functions.items()}
        settings = {
            name: getattr(self, name)
            for name in (
                "window",
                "step",
                "sampling_rate",
                "components",
                "threshold",
                "pick_by",
                "background",
                "stack",
                "refine",
            )
        }
        is_event = np.isfinite(self._thresholds)
        ahead = self.window / 15 if self.refine else None
        table = detections_table(functions, spans, is_event, refine=ahead)
        return Detections(table, functions, settings=settings)

    def _spans(self, function):
        durations = {
            "min_frames": self.min_duration / function.step - 1e-9,
            "merge_frames": self.merge_gap / function.step + 1e-9,
        }
        probabilities = function.probabilities
        if self.pick_by == "class":
            return pick_classes(probabilities, self._thresholds, **durations)
        is_event = np.isfinite(self._thresholds)
        return pick_events(probabilities, is_event, self.threshold, **durations)

    def _check_parameters(self):
        if self.pick_by not in ("event", "class"):
            raise ValueError(f"pick_by must be 'event' or 'class'; got {self.pick_by!r}")
        if self.pick_by == "event" and (isinstance(self.threshold, dict) or not self.background):
            raise ValueError(
                "pick_by='event' needs a background class and one threshold: leave pick_by out, "
                "or give a number as threshold and a class of the classifier as background"
            )
        if self.stack not in STACKS:
            raise ValueError(f"stack must be one of {', '.join(STACKS)}; got {self.stack!r}")
        if not 1 / self.sampling_rate <= self.step <= self.window:
            raise ValueError(
                f"step must lie between one sample ({1 / self.sampling_rate:g} s) and the window "
                f"({self.window:g} s), so that no data is jumped over; got {self.step:g} s"
            )
        if not 0 <= self.max_gap_fraction < 1:
            raise ValueError(
                f"max_gap_fraction must be at least 0 and below 1; got {self.max_gap_fraction}"
            )
        for name in ("min_duration", "merge_gap"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative; got {getattr(self, name):g} s")
        if self.batch_size < 1:
            raise ValueError(f"batch_size must be at least 1; got {self.batch_size}")

    def _scan(self, record):
        length = round(self.window * self.sampling_rate)
        step = max(1, round(self.step * self.sampling_rate))
        n_samples = record.data.shape[1]
        data, valid = _pad(record.data, record.valid, length)
        min_valid = int(np.ceil(length * (1 - self.max_gap_fraction) - 1e-9))
        starts = window_starts(valid, length=length, step=step, min_valid=min_valid)
        usable = _samples_in(valid, starts, length) >= max(1, min_valid)
        alive = np.array([(np.ptp(data[:, s : s + length], axis=1) > 0).all() for s in starts])
        kept = starts[usable & alive]

        stacker = Stacker(n_samples, len(self.classes), length=length, step=step, stack=self.stack)
        scanned = np.zeros(len(valid), dtype=bool)
        windows = np.lib.stride_tricks.sliding_window_view(data, length, axis=1)
        for first in range(0, len(kept), self.batch_size):
            batch = kept[first : first + self.batch_size]
            # A strided view of the record becomes an array only here, one batch at a time.
            X = np.ascontiguousarray(windows[:, batch].swapaxes(0, 1))
            stacker.add(batch, predict_windows(self.classifier, X))
            for start in batch:
                scanned[start : start + length] = True
        coverage = _frame_means((scanned & valid)[:n_samples], step)
        probabilities = stacker.result()
        probabilities[coverage == 0] = np.nan
        size = max(1, step // 20)
        return ProbabilityFunction(
            station=record.station,
            seed_id=record.seed_id,
            start_time=record.start_time,
            end_time=record.start_time + _seconds(n_samples / self.sampling_rate),
            step=step / self.sampling_rate,
            classes=self.classes,
            probabilities=probabilities,
            coverage=coverage,
            n_windows=len(kept),
            n_empty=len(starts) - len(kept),
            padded=n_samples < length,
            energy=energy_of(record.data, record.valid, size),
            energy_step=size / self.sampling_rate,
            notes=tuple(record.notes + self._remarks(n_samples, length, usable, alive)),
        )

    def _remarks(self, n_samples, length, usable, alive):
        remarks = []
        if n_samples < length:
            missing = 1 - n_samples / length
            remark = f"{n_samples / self.sampling_rate:g} s, shorter than a window"
            if usable.all():
                remarks.append(f"{remark}: padded")
            else:
                remarks.append(
                    f"{remark}: not scanned; EventDetector(..., max_gap_fraction={missing:.2f}) "
                    f"or more pads it"
                )
        elif not usable.all():
            remarks.append(f"{(~usable).sum()} windows over gaps left out")
        dead = usable & ~alive
        if dead.any():
            remarks.append(f"{dead.sum()} windows with a constant (dead) component left out")
        return remarks


def _pad(data, valid, length):
    short = length - data.shape[1]
    if short <= 0:
        return data, valid
    return np.pad(data, ((0, 0), (0, short)), mode="edge"), np.pad(valid, (0, short))


def _samples_in(valid, starts, length):
    """Number of valid samples in each window."""
    total = np.concatenate(([0], np.cumsum(valid)))
    return total[starts + length] - total[starts]


def _frame_means(mask, step):
    """Mean of a mask over each frame, the last of which may be shorter."""
    edges = np.arange(0, len(mask), step)
    sizes = np.minimum(step, len(mask) - edges)
    return np.add.reduceat(mask.astype(float), edges) / sizes


def _seconds(value):
    import pandas as pd

    return pd.Timedelta(value, unit="s")
