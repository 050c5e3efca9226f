"""Scan continuous records with a classifier of windows."""

import numpy as np

from ._chain import check_postprocessing, describe, processed
from ._classifier import (
    background_labels,
    check_classifier,
    expected_components,
    expected_sampling_rate,
    expected_window,
    find_attribute,
    function_predictor,
    threshold_vector,
)
from ._detections import Detections, detections_table, function_detections
from ._function_picking import PickSettings
from ._functions import ProbabilityFunctions
from ._parameters import check_parameters, check_scan
from ._picking import pick_classes, pick_events
from ._records import RecordSettings
from ._scan import ScanSettings
from ._scanner import scan_stream
from ._time_functions import FunctionsOverTime

# What a result says of how it was made.
_COMMON_SETTINGS = (
    "window",
    "step",
    "sampling_rate",
    "components",
    "threshold",
    "background",
    "stack",
)
_WINDOW_SETTINGS = ("pick_by", "refine")
# In place of a threshold of 0: a share of it can be taken, and nothing real lies below.
_ANYTHING = 1e-12
_FUNCTION_SETTINGS = (
    "stations", "padding", "persistence", "mask_threshold", "pick_threshold", "min_distance",
    "min_duration", "merge_gap", "lead",
)  # fmt: skip


class EventDetector:
    """Find events in continuous records with a fitted classifier of windows.

    The record of each station is cut into overlapping windows, the classifier gives each its
    class probabilities, and these are combined to class probabilities over time, from which
    stretches above a threshold become events. Every sample that holds data is looked at: the last
    window is right-aligned, and so are the windows before and after a gap. Where there is no data
    the probabilities are NaN, and the share of time that was scanned is part of the result.

    A classifier that has ``predict_functions``, such as
    :class:`~seisclf.neural_network.RockNetClassifier`, is asked for functions over time instead:
    P, S and the mask of each class, sample by sample. One that was fitted on a network, such as
    :class:`~seisclf.neural_network.RockNetAssociator`, gets all stations at once and says when
    events occurred. Parameters for these are marked *functions*.

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
        Seconds between windows, and the resolution of the result. Default: a tenth of a window;
        of functions, whose resolution is the sample, a twelfth.
    sampling_rate : float, optional
        Hertz that the classifier expects. Default: its own ``sampling_rate``.
    components : str, optional
        Letters in the order of the classifier's channels. Default: ``"Z"`` for one channel and
        ``"ZNE"`` for three. Components ``1`` and ``2`` stand in for ``N`` and ``E``.
    threshold : float or dict, optional
        Probability from which on there is an event, see `pick_by`. A dict gives one for each
        class (classes that are absent from it: 0.5). Default: 0.5; with `postprocessing` 0, which
        means all that it leaves above zero. *Functions*: height of a peak of occurrence
        in a network, of the mask at a single station.
    pick_by : {"event", "class"}, optional
        "event": there is an event where the probabilities of all classes but the background
        together reach the threshold; its class is the likeliest on average over its duration.
        "class": where one class by itself reaches its threshold. Default: "event", but "class"
        where `threshold` is a dict, there is no background, or with `postprocessing`. Not for
        functions.
    background : str, list or None, default="noise"
        Class or classes that are no events. None: every class is an event. *Functions*: those
        that the classifier itself calls background are none in any case.
    min_duration : float, optional
        Seconds; shorter detections are dropped. Default: one step. *Functions*: shortest mask of
        an event at a single station, 0.5 s.
    merge_gap : float, optional
        Seconds; detections of one class that are so close become one. Default: one step.
        *Functions*: gap that a mask may have, 1 s.
    stack : {"median", "mean", "center", "max", "window"}, optional
        How overlapping windows are combined. "mean": average over the windows that contain a
        sample. "center": the same, but a window counts most in its middle (a triangle from 0.05
        at the edges to 1). "max": the largest probability of each class, divided by the sum over
        classes. The result sums to one in any case. "window": not at all, each window stands for
        the one step in its middle; half a window at each end of a record, and beside gaps, has no
        value then (NaN). Default: "mean", with `postprocessing` "window". *Functions*: the same
        for each sample of each function ("max" is not divided, "window" there is not), and
        "median", the default: it removes what only few windows see.
    postprocessing : transformer or Pipeline, optional
        What is made of the probabilities over time before events are picked, such as
        :func:`stft_cnn_postprocessing`: anything with ``fit_transform`` that keeps the shape
        (1, n_classes, n_frames) of the series of a station. It gets the classes that are events;
        the background is left as it is. A copy is fitted to each station. Not for functions.
    refine : bool, default=True
        Move onset and end of a detection to where, within it, the energy of the record rises most
        and falls back. Windows alone tell the time only to about half their length. Functions
        tell it to the sample and are not refined.
    max_gap_fraction : float, default=0.1
        Windows that miss a larger share of their samples are "no data". Up to that, gaps are
        bridged by straight lines. A record that is shorter than a window is padded by the same
        rule: 0.5 accepts records of half a window.
    constant_gap : float or None, default=5.0
        Seconds; longer stretches of one and the same value are gaps: a dead channel. None: they
        are data.
    resample : bool, default=False
        Whether records of another sampling rate are resampled (and the result says so) or
        refused.
    batch_size : int, optional
        Windows that are given to the classifier at once. Default: 256; of functions 64.
    stations : list of str, optional
        Stations to scan, ``"STA"`` or ``"NET.STA"``; others are left alone. For the functions of
        a network they stand in the order of training, which the weights depend on, and None or a
        station that is not in the record leaves its place empty. Default: all, sorted by code.
    padding : {"auto", "edge", None}, default="auto"
        *Functions*: "edge" lays windows on a regular grid that begins before the record and ends
        after it, so that each sample lies in equally many windows; there they hold the first or
        last value, as RockNet's authors do it. None: windows inside the record only, the last
        right-aligned. "auto": "edge" for functions, None for other classifiers.
    persistence : int, optional
        *Functions*: consecutive windows that must each reach the threshold within 0.5 s of a
        detection. The RockNet paper [1]_ asks for four windows at a step of 15 s.
    mask_threshold : float, default=0.5
        *Functions* of a network: height from which on the mask of a station tells that it sees
        an event, and how long.
    pick_threshold : float, default=0.3
        *Functions*: lowest peaks of P and S. A class whose mask runs from P to S is detected at
        a single station only where both stand within 1 s around its mask.
    min_distance : float, default=3.0
        *Functions* of a network: seconds between events; of closer peaks of occurrence, also of
        different classes, the highest stays.
    lead : float, default=0.5
        *Functions* of a network: seconds from the peak of occurrence to the first onset. RockNet
        is trained to mark events half a second before it.
    progress : bool, default=False
        Whether there is a progress bar (on a terminal or in a notebook).

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        Labels of the classifier.
    n_stations : int or None
        Places of the network that the classifier was fitted on; None if it scans one station at
        a time.

    Raises
    ------
    TypeError
        If `classifier` gives no probabilities, `stations` is no list, or `postprocessing` no
        transformer.
    ValueError
        If `classifier` is not fitted, a parameter is out of range, or `window`, `sampling_rate`
        or `components` cannot be read from the classifier and are not given.
    sklearn.exceptions.NotFittedError
        If `classifier` is not fitted.

    See Also
    --------
    Detections : What comes out.
    rocknet_record : Preparation of records for the published weights of RockNet.
    stft_cnn_postprocessing : Threshold, median, Gaussian and highest peak, as published.

    References
    ----------
    .. [1] Liao, W.-Y. et al. (2023). RockNet: Rockfall and Earthquake Detection and Association
       via Multitask Learning and Transfer Learning. IEEE Transactions on Geoscience and Remote
       Sensing, 61, 1-12. doi:10.1109/TGRS.2023.3284008 (median over windows, persistence)

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
        threshold=None,
        pick_by=None,
        background="noise",
        min_duration=None,
        merge_gap=None,
        stack=None,
        postprocessing=None,
        refine=True,
        max_gap_fraction=0.1,
        constant_gap=5.0,
        resample=False,
        batch_size=None,
        stations=None,
        padding="auto",
        persistence=None,
        mask_threshold=0.5,
        pick_threshold=0.3,
        min_distance=3.0,
        lead=0.5,
        progress=False,
    ):
        check_classifier(classifier)
        self.classifier = classifier
        self.classes = np.asarray(classifier.classes_)
        self._predictor = function_predictor(classifier)
        functions = self.gives_functions
        self.n_stations = find_attribute(classifier, "n_stations_in_") if functions else None
        self.sampling_rate = expected_sampling_rate(classifier, sampling_rate)
        self.components = expected_components(classifier, components)
        self.window = expected_window(classifier, window, self.sampling_rate)
        self.step = self.window / (12 if functions else 10) if step is None else float(step)
        check_postprocessing(postprocessing)
        self.postprocessing = postprocessing
        chained = postprocessing is not None
        if threshold is None:
            threshold = 0.0 if chained else 0.5
        self.threshold = threshold
        self.background = background_labels(classifier, background)
        shortest, closest = (0.5, 1.0) if functions else (self.step, self.step)
        self.min_duration = shortest if min_duration is None else float(min_duration)
        self.merge_gap = closest if merge_gap is None else float(merge_gap)
        self.stack = stack or ("median" if functions else "window" if chained else "mean")
        self.refine = refine
        self.max_gap_fraction = max_gap_fraction
        self.constant_gap = constant_gap
        self.resample = resample
        self.batch_size = (64 if functions else 256) if batch_size is None else batch_size
        if isinstance(stations, str):
            raise TypeError(f"stations must be a list of codes, got the str {stations!r}")
        self.stations = None if stations is None else list(stations)
        self.padding = padding
        self.persistence = persistence
        self.mask_threshold = mask_threshold
        self.pick_threshold = pick_threshold
        self.min_distance = min_distance
        self.lead = lead
        self.progress = progress
        by_class = isinstance(threshold, dict) or not self.background or chained
        self.pick_by = pick_by or ("class" if by_class else "event")
        check_parameters(self, pick_by)
        lowest = _ANYTHING if chained and np.isscalar(threshold) and threshold == 0 else threshold
        self._thresholds = threshold_vector(self.classes, lowest, self.background)

    def __repr__(self):
        kind = f"pick_by={self.pick_by!r}" if self._predictor is None else f"stack={self.stack!r}"
        return (
            f"EventDetector({type(self.classifier).__name__}, window={self.window:g} s, "
            f"step={self.step:g} s, sampling_rate={self.sampling_rate:g} Hz, "
            f"components={self.components!r}, threshold={self.threshold}, {kind}, "
            f"background={self.background})"
        )

    @property
    def gives_functions(self):
        """Whether the classifier answers with functions over time, not one class a window."""
        return self._predictor is not None

    @property
    def events(self):
        """Labels of the classes that are events, a list."""
        return [label for label in self.classes.tolist() if label not in self.background]

    @property
    def codes(self):
        """What the traces of :meth:`annotate` are: a dict.

        ``"<station>.<channel>"`` (functions of a network) or ``"<channel>"`` (at a station) to
        the name of the function, such as ``"RF.occ": "occurrence_rockfall"``,
        ``"eqM": "earthquake"``.
        """
        from ._annotations import class_codes, function_codes

        if self._predictor is None:
            labels = class_codes(self.classes.tolist())
            return {f"{code}P": str(label) for label, code in labels.items()}
        return function_codes(self.events, network=self.n_stations is not None)

    def predict_functions(self, stream):
        """Class probabilities over time.

        Parameters
        ----------
        stream : obspy.Stream
            Continuous records of one or more stations; left unchanged.

        Returns
        -------
        functions : ProbabilityFunctions or FunctionsOverTime
            One :class:`ProbabilityFunction` for each station, with its coverage; with
            `postprocessing` as it leaves them, and the classifier's own as ``raw``. Of a
            classifier with ``predict_functions``, one :class:`StationFunctions` for each station
            and one for the network.

        Raises
        ------
        TypeError
            If `stream` is not a Stream.
        ValueError
            If the sampling rates do not fit, or no station can be scanned; the message says why
            for each of them. If there are more stations than a network has places, and `stations`
            does not choose.

        Warns
        -----
        UserWarning
            For each station that cannot be scanned, if others can.
        """
        return self._processed(scan_stream(self, stream))

    def annotate(self, stream):
        """Functions over time as an ObsPy Stream.

        Parameters
        ----------
        stream : obspy.Stream
            Continuous records of one or more stations; left unchanged.

        Returns
        -------
        annotations : obspy.Stream
            float32 traces. Of functions, at the record's rate, with network, station and location
            of the record: channels ``P``, ``S``, ``eqM`` and ``rfM`` (masks of earthquakes and
            rockfalls); of a network also the channel ``occ`` of the stations ``EQ`` and ``RF``.
            These are the codes that RockNet's authors use; see :attr:`codes` for other classes.
            Of other classifiers, one trace for each class and station, a sample for each step,
            after `postprocessing`. Where there is no data a trace ends, and another one begins
            after it.

        Raises
        ------
        TypeError, ValueError
            See :meth:`predict_functions`.
        """
        return self.predict_functions(stream).to_stream()

    def detect(self, stream):
        """Events in a continuous record.

        Parameters
        ----------
        stream : obspy.Stream
            Continuous records of one or more stations; left unchanged. Each station is scanned
            for itself, but those of a network together.

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

    def scan(
        self,
        archive,
        *,
        output=None,
        start=None,
        end=None,
        chunk=None,
        n_jobs=None,
        prepare=None,
        progress=None,
        resume=True,
    ):
        """Events in an archive of any length.

        Memory does not grow with the length of the archive, and the events are those that
        :meth:`detect` finds in all of it at once, however it is cut into files, in whatever order
        it is scanned, and by however many workers. What is done is kept: a scan that was ended,
        by whatever, goes on where it was when it is called again with the same `output`.

        Parameters
        ----------
        archive : path, glob pattern, list of these, obspy.Stream or ArchiveIndex
            What to scan. A folder is indexed first.
        output : str or pathlib.Path, optional
            Folder for the results: ``catalogue.sqlite`` holds everything, see :func:`read_scan`;
            ``detections/<YYYY-MM-DD>.parquet`` the events of each day that is complete;
            ``settings.json`` what the scan was told. Default: nothing is kept.
        start, end : datetime-like, optional
            Scan [start, end) only: text, `obspy.UTCDateTime`, timestamps, in UTC.
        chunk : float, optional
            Seconds of a task. Default: six hours; of functions two.
        n_jobs : int, optional
            Workers, as in :class:`joblib.Parallel` and under its backends: processes, threads, or
            a cluster. Default: one, or as ``joblib.parallel_config`` says.
        prepare : callable, "rocknet" or None
            What is done to a record before it is scanned: takes and returns a Stream, whose traces
            are unbroken, and keeps their codes and rates. With an attribute ``warm_up`` (seconds),
            it gets so much more on either side. It must pickle to be used by several processes.
            "rocknet": the band-pass of :class:`RockNetClassifier`'s published weights.
        progress : bool, optional
            Whether there is a progress bar. Default: that of the detector.
        resume : bool, default=True
            Whether to go on with what `output` holds. Only a scan with the same settings and a
            model that gives the same answers goes on. False: it is thrown away.

        Returns
        -------
        detections : Detections
            Without functions over time, and with these attributes more: ``complete`` (whether all
            tasks are done), ``tasks`` (DataFrame: stations, start, end, status, error, note,
            seconds of data and of work), ``findings`` (DataFrame of what was found amiss in the
            data). Their :meth:`~Detections.coverage_report` has a row for each station.

        Raises
        ------
        TypeError, ValueError, FileNotFoundError
            If nothing can be scanned, or `output` holds a scan with other settings.
        RuntimeError
            If another process is writing to `output`.

        Warns
        -----
        UserWarning
            For stations that cannot be scanned. For tasks that failed: the others go on, and the
            same call tries them again.

        Notes
        -----
        A task reads its part of the time and a margin on either side. Its events are those from
        the first quiet moment at or after its begin to the first at or after its end, at which
        the record may be divided without changing any event. Where there is none for an hour, the
        record is divided there, and the task says so.

        Examples
        --------
        >>> import tempfile
        >>> import numpy as np
        >>> from obspy import Stream, Trace
        >>> from seisclf.detection import EventDetector
        >>> class Loudness:
        ...     classes_ = np.array(["noise", "rockfall"])
        ...     def predict_proba(self, X):
        ...         loud = np.clip(X.std(axis=-1), 0.0, 1.0)
        ...         return np.column_stack([1 - loud, loud])
        >>> x = np.random.default_rng(0).normal(size=60000) * 0.01
        >>> x[20000:21000] *= 200
        >>> header = {"sampling_rate": 100.0, "network": "XX", "station": "A", "channel": "HHZ"}
        >>> detector = EventDetector(Loudness(), window=4.0, step=1.0, sampling_rate=100.0,
        ...                          components="Z")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Stream([Trace(x, header)]).write(f"{folder}/a.mseed", format="MSEED")
        ...     detections = detector.scan(folder, chunk=120.0)
        >>> detections.to_frame()[["class", "onset"]]
              class                     onset
        0  rockfall 1970-01-01 00:03:20+00:00
        >>> len(detections.tasks), detections.complete
        (5, True)
        """
        from ._archive_scan import scan_archive

        check_scan(chunk=chunk, n_jobs=n_jobs, output=output)
        return scan_archive(
            self,
            archive,
            output=output,
            start=start,
            end=end,
            chunk=chunk,
            n_jobs=n_jobs,
            prepare=prepare,
            progress=progress,
            resume=resume,
        )

    def pick(self, functions):
        """Events from class probabilities over time, for other thresholds without a new scan.

        Parameters
        ----------
        functions : ProbabilityFunctions or FunctionsOverTime
            What :meth:`predict_functions` returned, of this detector or one with other
            thresholds or another `postprocessing`, which starts anew from the classifier's
            probabilities.

        Returns
        -------
        detections : Detections
            A table of events.

        Raises
        ------
        ValueError
            If `persistence` is not that with which `functions` were scanned.
        """
        if isinstance(functions, FunctionsOverTime):
            return function_detections(
                functions, self._pick_settings(), described=self._settings(_FUNCTION_SETTINGS)
            )
        functions = self._processed(functions)
        spans = {station: self._spans(function) for station, function in functions.items()}
        is_event = np.isfinite(self._thresholds)
        ahead = self.window / 15 if self.refine else None
        table = detections_table(functions, spans, is_event, refine=ahead)
        settings = self._settings(_WINDOW_SETTINGS)
        if self.postprocessing is not None:
            settings["postprocessing"] = describe(self.postprocessing)
        return Detections(table, functions, settings=settings)

    def _processed(self, functions):
        """Functions through the chain of this detector, whatever was done to them before."""
        if isinstance(functions, FunctionsOverTime):
            return functions
        if self.postprocessing is None and all(f.raw is None for f in functions.values()):
            return functions
        is_event = np.isfinite(self._thresholds)
        chained = (processed(f, self.postprocessing, is_event) for f in functions.values())
        return ProbabilityFunctions(chained, skipped=functions.skipped)

    def _settings(self, names):
        return {name: getattr(self, name) for name in (*_COMMON_SETTINGS, *names)}

    def _pick_settings(self):
        thresholds = zip(self.classes.tolist(), self._thresholds, strict=True)
        return PickSettings(
            thresholds={label: value for label, value in thresholds if np.isfinite(value)},
            mask_threshold=self.mask_threshold,
            pick_threshold=self.pick_threshold,
            min_distance=self.min_distance,
            min_duration=self.min_duration,
            merge_gap=self.merge_gap,
            lead=self.lead,
            persistence=self.persistence or 1,
        )

    def _spans(self, function):
        durations = {
            "min_frames": self.min_duration / function.step - 1e-9,
            "merge_frames": self.merge_gap / function.step + 1e-9,
        }
        probabilities = function.probabilities
        if self.pick_by == "class":
            return pick_classes(probabilities, self._thresholds, **durations)
        is_event = np.isfinite(self._thresholds)
        lowest = self._thresholds[is_event][0]  # one for all
        return pick_events(probabilities, is_event, lowest, **durations)

    def _predict_station(self, X):
        if X.shape[1] == 1 and find_attribute(self.classifier, "n_channels_in_") is None:
            X = X[:, 0]
        return self._predictor(X)

    def _record_settings(self):
        return RecordSettings(
            components=self.components,
            sampling_rate=self.sampling_rate,
            resample=self.resample,
            constant_gap=self.constant_gap,
            longest_gap=self._longest_gap,
        )

    @property
    def _longest_gap(self):
        """Samples that a window may miss."""
        length = round(self.window * self.sampling_rate)
        return int(length * self.max_gap_fraction + 1e-6)

    def _scan_settings(self):
        rate = self.sampling_rate
        return ScanSettings(
            length=round(self.window * rate),
            step=max(1, round(self.step * rate)),
            min_fraction=1 - self.max_gap_fraction,
            stack=self.stack,
            batch_size=self.batch_size,
            sampling_rate=rate,
            progress=self.progress,
            padded=self.gives_functions and self.padding is not None,
            persistence=self.persistence or 1,
            spread=round(0.5 * rate),
        )
