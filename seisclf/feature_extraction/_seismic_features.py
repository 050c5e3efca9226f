"""The transformer from seismograms to the features of Provost and others (2017)."""

import warnings

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ..base import WaveformEstimator, validate_waveforms
from ..io import LazyWaveforms
from ._engine import Report, compute_chunk, events_per_chunk
from ._layout import Layout, channel_names, station_names
from ._parameters import check_feature_set, check_names, check_parameters, resolved_bands
from ._registry import all_features
from ._spectrogram import frame_lengths
from ._traces import Settings

_LAZY_BATCH_BYTES = 32 << 20


class SeismicFeatures(TransformerMixin, WaveformEstimator):
    """Waveform, spectral, spectrogram, polarity and network features of seismic events.

    The feature family of Provost et al. [1]_, Hibert et al. [2]_ and Maggi et al. [3]_, from
    which their random forests tell rockfalls, quakes, earthquakes and noise apart: 23 features of
    the waveform, 17 of the spectrum and 17 of the spectrogram of every channel, 4 of the particle
    motion at every three-component station, and 10 that compare the stations of a network. The
    user guide lists the formula of each, and so does :meth:`feature_table`.

    Features that are not defined, such as those of a dead channel, are NaN, never zero. All
    traces are computed together; there is no loop over traces.

    Parameters
    ----------
    sampling_rate : float, default=100.0
        Sampling rate of X in Hz.
    groups : sequence of str, optional
        Groups to compute, of ``"waveform"``, ``"spectral"``, ``"spectrogram"``, ``"polarity"``
        (three components), ``"network"`` (four-dimensional X), ``"extra"`` (amplitudes,
        differences of band energies and others outside the published set) and ``"phases"``
        (ratios of energy between first arrivals, S and coda in each band, for windows that hold
        one event from P to coda). Default: all but "extra" and "phases" that X allows.
    features : sequence of str, optional
        Names from :meth:`feature_table`, to compute just these; `groups` must then be None.
    feature_set : {"provost2017.v1"}, default="provost2017.v1"
        Version of names and formulas. A later release that changes a formula will offer it under
        another version.
    components : str or sequence of str, default="ZNE"
        Letters of the channels, in order. They name the columns if there are as many as channels
        (otherwise "ch0", "ch1", …), and tell Z, N (or 1) and E (or 2) for polarity.
    stations : sequence of str, optional
        Names of the stations of a four-dimensional X. Default: "st0", "st1", …
    bands : sequence of (float, float), optional
        Corner frequencies in Hz of the band energies and kurtoses. A band that ends above the
        Nyquist frequency gives NaN, with a warning in ``fit``. Default: 0.1–1, 1–3, 3–10, 10–20
        and 20–50 Hz [3]_, the last one ending at the Nyquist frequency if that is lower.
    detrend : {"linear", "constant"} or None, default="linear"
        What is subtracted from each trace first.
    smoothing : float, default=1.0
        Length in seconds of the running mean over envelopes, for the time of the maximum and for
        the autocorrelation.
    envelope_smoothing : float, default=0.03
        Length in seconds of the running mean over the envelope whose mean, median, skewness and
        kurtosis are taken.
    spectrum_smoothing : float, default=0.5
        Length in Hz of the running mean that goes twice over the amplitude spectrum.
    spectrum_peak_distance : float, default=1.0
        Smallest distance in Hz between two peaks of the spectrum.
    spectrogram_window : float, default=1.0
        Length in seconds of the Hann window of the spectrogram.
    spectrogram_overlap : float, default=0.8
        Part of the window that neighbours share, from 0 to less than 1.
    spectrogram_smoothing : float, default=0.5
        Length in seconds of the running mean over time in the spectrogram.
    polarity_window : (float, float), optional
        Start and end in seconds, from the first sample, of what polarity looks at. Default: from
        the start over the first third of the time to the maximum of the envelope.
    phase_segments : (float, float, float, float), optional
        Edges, in seconds after the onset, of the three segments of "phases": first arrivals, S,
        coda. The onset is found in each window. Default: -0.02, 0.125, 0.375 and 0.75 of the
        length of the window.
    station_ids : bool, default=False
        Whether "network" contains the positions of the stations with the largest and smallest
        root mean square. They are labels, not quantities, and mean nothing in another network.
    keep_constant : bool, default=False
        Whether groups contain features that are the same for all windows of one length
        (``duration_s``). Named in `features` they are always computed.
    undefined : "nan" or float, default="nan"
        What stands for a feature that is not defined.
    n_jobs : int, optional
        Number of threads. Default: one, or as ``joblib.parallel_config`` says.

    Attributes
    ----------
    feature_names_ : list of str
        Names of the columns, as from :meth:`get_feature_names_out`.
    bands_ : ndarray of shape (n_bands, 2)
        Bands that are used, in Hz.
    n_features_in_ : int
        Size of the second axis of the X that ``fit`` saw.
    n_channels_in_, n_samples_in_, n_stations_in_ : int
        Its channels, samples and, in four dimensions, stations.

    See Also
    --------
    TsfreshFeatures : Hundreds of generic time series features, much slower.
    seisclf.ensemble.FeatureForestClassifier : These features and a random forest in one.

    Notes
    -----
    *Envelope* is the modulus of the analytic signal. *Smoothing* is always a centred running mean
    over an odd number of points, so nothing is shifted. *Bands* are cut by the magnitude response
    of an analogue Butterworth filter of order 2 applied to the spectrum: no phase, the same
    filter at every sampling rate. *Spectra* have all samples of the trace, whatever its length,
    and are amplitude densities, \\|FFT\\|·dt. The spectrogram has frames inside the trace only.

    Each trace is divided by its largest absolute value before anything is computed; what depends
    on the unit is multiplied again. Features not marked ``unit_dependent`` are therefore the same
    for counts and for m/s, in float32 as well.

    A missing station (all NaN), a trace with a gap (some NaN) and a constant trace give NaN; the
    last two are counted in a warning. Memory beyond input and output does not grow with the
    number of events, and a :class:`~seisclf.io.LazyWaveforms` is read batch by batch.

    References
    ----------
    .. [1] Provost, F., Hibert, C., Malet, J.-P. (2017). Automatic classification of endogenous
       landslide seismicity using the Random Forest supervised classifier. Geophysical Research
       Letters, 44, 113–120. https://doi.org/10.1002/2016GL070709
    .. [2] Hibert, C., Provost, F., Malet, J.-P., Maggi, A., Stumpf, A., Ferrazzini, V. (2017).
       Automatic identification of rockfalls and volcano-tectonic earthquakes at the Piton de la
       Fournaise volcano using a Random Forest algorithm. Journal of Volcanology and Geothermal
       Research, 340, 130–142. https://doi.org/10.1016/j.jvolgeores.2017.04.015
    .. [3] Maggi, A., Ferrazzini, V., Hibert, C., Beauducel, F., Boissier, P., Amemoutou, A.
       (2017). Implementation of a multistation approach for automated event classification at
       Piton de la Fournaise volcano. Seismological Research Letters, 88, 878–891.
       https://doi.org/10.1785/0220160189

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.feature_extraction import SeismicFeatures
    >>> time = np.arange(3000) / 100.0
    >>> X = np.sin(2 * np.pi * 5.0 * time)[np.newaxis] + np.zeros((4, 1))
    >>> features = SeismicFeatures(sampling_rate=100.0, features=["fft_freq_max", "gamma1"])
    >>> features.fit_transform(X).round(1)[0].tolist()
    [5.0, 5.0]
    >>> features.get_feature_names_out()
    array(['ch0_fft_freq_max', 'ch0_gamma1'], dtype=object)
    """

    def __init__(
        self,
        *,
        sampling_rate=100.0,
        groups=None,
        features=None,
        feature_set="provost2017.v1",
        components="ZNE",
        stations=None,
        bands=None,
        detrend="linear",
        smoothing=1.0,
        envelope_smoothing=0.03,
        spectrum_smoothing=0.5,
        spectrum_peak_distance=1.0,
        spectrogram_window=1.0,
        spectrogram_overlap=0.8,
        spectrogram_smoothing=0.5,
        polarity_window=None,
        phase_segments=None,
        station_ids=False,
        keep_constant=False,
        undefined="nan",
        n_jobs=None,
    ):
        self.sampling_rate = sampling_rate
        self.groups = groups
        self.features = features
        self.feature_set = feature_set
        self.components = components
        self.stations = stations
        self.bands = bands
        self.detrend = detrend
        self.smoothing = smoothing
        self.envelope_smoothing = envelope_smoothing
        self.spectrum_smoothing = spectrum_smoothing
        self.spectrum_peak_distance = spectrum_peak_distance
        self.spectrogram_window = spectrogram_window
        self.spectrogram_overlap = spectrogram_overlap
        self.spectrogram_smoothing = spectrogram_smoothing
        self.polarity_window = polarity_window
        self.phase_segments = phase_segments
        self.station_ids = station_ids
        self.keep_constant = keep_constant
        self.undefined = undefined
        self.n_jobs = n_jobs

    def fit(self, X, y=None):
        """Check the parameters and learn the shape of X; no values are learned.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_samples), \
                (n_events, n_channels, n_samples) or \
                (n_events, n_stations, n_components, n_samples)
            Waveforms. Only whole traces should be NaN.
        y : object, optional
            Not used.

        Returns
        -------
        self : SeismicFeatures
            The fitted transformer.

        Raises
        ------
        ValueError
            If X or a parameter cannot be used.
        """
        check_parameters(self.get_params(deep=False))
        validate_waveforms(self, X, reset=True, ndim=(2, 3, 4), allow_nan=True)
        columns, settings = self._layout.columns, self._settings()
        self.bands_ = np.array(settings.bands, dtype=float).reshape(-1, 2)
        self.feature_names_ = [column["column"] for column in columns]
        self._warn_of_adaptations(settings, columns)
        return self

    def transform(self, X):
        """Compute the features.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_samples), \
                (n_events, n_channels, n_samples) or \
                (n_events, n_stations, n_components, n_samples)
            Waveforms of the shape that ``fit`` saw.

        Returns
        -------
        features : ndarray of shape (n_events, n_output_features)
            In the dtype of X (float32 or float64).

        Raises
        ------
        ValueError
            If X has another shape than in ``fit``, or contains infinity.
        """
        check_is_fitted(self)
        X = validate_waveforms(self, X, reset=False, ndim=(2, 3, 4), allow_nan=True)
        settings, plan = self._settings(), self._layout.plan
        tables, report = [], Report()
        for batch in self._batches(X):
            table, part = self._transform_batch(batch, plan, settings)
            tables.append(table)
            report += part
        self._warn_of_dead_traces(report)
        return tables[0] if len(tables) == 1 else np.concatenate(tables)

    def get_feature_names_out(self, input_features=None):
        """Names of the columns.

        Parameters
        ----------
        input_features : array-like of str, optional
            Only checked against the column names that ``fit`` saw.

        Returns
        -------
        names : ndarray of str objects of shape (n_output_features,)
            ``"<channel>_<feature>"``; in four dimensions ``"<station>_<channel>_<feature>"``.
            Polarity has no channel, and network features have "network" for the station.
        """
        check_is_fitted(self)
        if input_features is not None:
            self._check_input_names(np.asarray(input_features, dtype=object))
        return np.array(self.feature_names_, dtype=object)

    @classmethod
    def feature_table(cls, *, feature_set="provost2017.v1", n_bands=5):
        """List all features with their meaning.

        Parameters
        ----------
        feature_set : {"provost2017.v1"}, default="provost2017.v1"
            Version of names and formulas.
        n_bands : int, default=5
            Number of frequency bands.

        Returns
        -------
        table : pandas.DataFrame
            Columns ``name``, ``group``, ``family``, ``number`` (in Provost's list), ``unit``,
            ``description`` and the tags ``unit_dependent``, ``needs_3c``, ``needs_network`` and
            ``constant_for_fixed_window``.

        Examples
        --------
        >>> from seisclf.feature_extraction import SeismicFeatures
        >>> table = SeismicFeatures.feature_table()
        >>> table["group"].value_counts(sort=False).tolist()
        [23, 17, 17, 4, 10, 23, 55]
        >>> table.query("unit_dependent and group != 'extra'")["name"].tolist()[5:]
        ['fft_max', 'spg_dist_max_mean', 'spg_dist_max_median']
        """
        import pandas as pd

        check_feature_set(feature_set)
        return pd.DataFrame(feature.as_row() for feature in all_features(n_bands))

    def output_table(self):
        """Say what each output column is.

        Returns
        -------
        table : pandas.DataFrame
            One row per column of the output: ``column``, ``station``, ``channel`` (empty where
            there is none), then the columns of :meth:`feature_table`.
        """
        import pandas as pd

        check_is_fitted(self)
        return pd.DataFrame(self._layout.columns)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @classmethod
    def _get_test_params(cls):
        return [
            {},
            {"groups": ("waveform", "extra"), "undefined": 0.0},
            {"features": ["fft_centroid", "band_energy_2", "spg_kurt_max"], "n_jobs": 2},
        ]

    @property
    def _layout(self):
        bands = resolved_bands(self.bands, self.sampling_rate)
        known = tuple(all_features(len(bands), bands))
        if self.features is not None:
            check_names(self.features, [feature.name for feature in known], "features")
        return Layout(
            known=known,
            channels=channel_names(self.components, self.n_channels_in_),
            stations=station_names(self.stations, getattr(self, "n_stations_in_", None)),
            groups=None if self.groups is None else tuple(self.groups),
            features=None if self.features is None else tuple(self.features),
            station_ids=self.station_ids,
            keep_constant=self.keep_constant,
        )

    def _settings(self):
        return Settings(
            sampling_rate=float(self.sampling_rate),
            n_samples=self.n_samples_in_,
            bands=resolved_bands(self.bands, self.sampling_rate),
            detrend=self.detrend,
            smoothing=self.smoothing,
            envelope_smoothing=self.envelope_smoothing,
            spectrum_smoothing=self.spectrum_smoothing,
            spectrum_peak_distance=self.spectrum_peak_distance,
            spectrogram_window=self.spectrogram_window,
            spectrogram_overlap=self.spectrogram_overlap,
            spectrogram_smoothing=self.spectrogram_smoothing,
            polarity_window=self.polarity_window,
            phase_segments=self.phase_segments,
        )

    def _check_input_names(self, names):
        seen = getattr(self, "feature_names_in_", None)
        if seen is not None and not np.array_equal(seen, names):
            raise ValueError("input_features is not equal to feature_names_in_")
        if len(names) != self.n_features_in_:
            raise ValueError(
                f"input_features should have length equal to number of features "
                f"({self.n_features_in_}), got {len(names)}"
            )

    def _warn_of_adaptations(self, settings, columns):
        duration = settings.n_samples * settings.dt
        if self.spectrogram_window > duration * (1 + 1e-9) and any(
            column["group"] == "spectrogram" for column in columns
        ):
            length = frame_lengths(settings)[0]
            warnings.warn(
                f"spectrogram_window={self.spectrogram_window:g} s is longer than the traces "
                f"({duration:g} s): one frame of {length} samples is used, and spectrogram "
                f"features say little. Give spectrogram_window={duration / 10:.2g} or so.",
                UserWarning,
                stacklevel=3,
            )
        unusable = [
            f"{low:g}–{high:g} Hz"
            for (low, high), response in zip(settings.bands, settings.band_responses, strict=True)
            if response is None
        ]
        if unusable and any(column["name"].startswith(("band_", "seg_")) for column in columns):
            warnings.warn(
                f"bands above the Nyquist frequency of {settings.nyquist:g} Hz give NaN: "
                f"{', '.join(unusable)}. Give bands=[...] that end at or below it.",
                UserWarning,
                stacklevel=3,
            )

    # Batches

    def _batches(self, X):
        if not isinstance(X, LazyWaveforms):
            yield X
            return
        event_bytes = int(np.prod(X.shape[1:])) * np.dtype(X.dtype).itemsize
        size = max(1, _LAZY_BATCH_BYTES // event_bytes)
        for start in range(0, X.shape[0], size):
            batch = np.asarray(X[start : start + size])
            if np.isinf(batch).any():
                raise ValueError(
                    f"X contains infinity among events {start} to {start + len(batch) - 1}: mend "
                    f"or leave out these events"
                )
            yield batch

    def _transform_batch(self, X, plan, settings):
        X = X[:, np.newaxis] if X.ndim == 3 else X  # one station
        size = events_per_chunk(X.shape[1:], X.itemsize)
        chunks = [X[start : start + size] for start in range(0, len(X), size)]
        # Threads whatever backend is active: NumPy leaves them the cores, and nothing is copied.
        results = Parallel(n_jobs=self.n_jobs, require="sharedmem")(
            delayed(compute_chunk)(chunk, plan, settings) for chunk in chunks
        )
        features = np.concatenate([table for table, _ in results])
        if self.undefined != "nan":
            features[np.isnan(features)] = self.undefined
        return features, sum((report for _, report in results), Report())

    def _warn_of_dead_traces(self, report):
        reasons = [
            f"{count} {what}"
            for count, what in (
                (report.constant, "constant"),
                (report.gappy, "with gaps (some samples NaN)"),
            )
            if count
        ]
        if reasons:
            warnings.warn(
                f"{' and '.join(reasons)} of {report.total} traces have no features "
                f"({self.undefined}).",
                UserWarning,
                stacklevel=3,
            )
