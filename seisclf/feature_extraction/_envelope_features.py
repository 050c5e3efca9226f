"""Envelopes in bands over time after the onset, for distances of earthquakes."""

import numbers

import numpy as np
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ..base import WaveformEstimator, validate_waveforms
from ._envelopes import (
    QUANTILES,
    STEPS,
    band_power,
    binned,
    cell_length,
    energy_times,
    log_power,
    signal_to_noise,
    step_onset,
    steps,
)
from ._layout import channel_names

_GROUPS = ("bins", "times", "steps")
_HORIZONTALS = ("joined", "separate", "both")
_RATIO_STEP = 2.0  # seconds
_CHUNK_BYTES = 64 << 20


class EnvelopeFeatures(TransformerMixin, WaveformEstimator):
    """How the power in frequency bands goes on after the onset of an earthquake.

    What says how far an earthquake is, is the time between its P and its S wave, about 8 km for
    each second [1]_; then how power is spread over frequencies and how long the coda lasts.
    These features hold that for a regressor, without a picker of phases:

    - "bins": logarithm of the power of each channel and band in bins of time around the onset,
      minus their mean over the event, so that its size and the unit do not matter;
    - "times": when 5, 10, 25, 50, 75 and 90 % of the energy above noise have arrived, and when
      power is largest, in seconds after the onset;
    - "steps": when the logarithm of the power has its largest step upwards after the first half
      second, as at an S wave, and how high it is, between averages over 1, 3 and 6 s; the same
      for the ratio of horizontal to vertical power (2 s); and the signal-to-noise ratio of the
      first two seconds.

    Parameters
    ----------
    sampling_rate : float, default=100.0
        In Hz.
    components : str, default="ZNE"
        Letters of the channels.
    bands : sequence of (float, float), optional
        Bands in Hz. Default: 1-3, 3-8, 8-20 and 1-20 Hz, as far as they lie below the Nyquist
        frequency, at which the last ones end if they must.
    onset : "step" or float, default="step"
        Where time begins. "step": where the logarithm of the power of the vertical component
        (the first channel, if none is called Z), between the lowest and highest frequency of the
        bands, has its largest step upwards between averages over 2 s. A number: so many seconds
        after the first sample, in all events.
    onset_range : (float, float), optional
        Earliest and latest time, in seconds after the first sample, at which "step" seeks the
        onset. Default: the first half of the window.
    lead : float, default=3.0
        Seconds of "bins" before the onset.
    duration : float, optional
        Seconds after the onset that are looked at. Default: to the end of the window, of bins as
        many as the earliest possible onset leaves room for.
    bin_length : float, default=1.0
        Of "bins", in seconds.
    groups : sequence of {"bins", "times", "steps"}, default=("bins", "times", "steps")
        What is computed.
    horizontals : {"joined", "separate", "both"}, default="joined"
        Where X has the components Z, N, E: "joined" takes the sum of power on the two
        horizontal ones as one channel H, which does not depend on where the earthquake is,
        "separate" each as it is, "both" all of them.

    Attributes
    ----------
    feature_names_ : list of str
        Names of the columns, as from :meth:`get_feature_names_out`.
    bands_ : ndarray of shape (n_bands, 2)
        Bands that are used, in Hz.
    bin_edges_ : ndarray of shape (n_bins + 1,)
        Edges of the bins, in seconds after the onset.
    n_features_in_ : int
        Size of the second axis of the X that ``fit`` saw.
    n_channels_in_, n_samples_in_ : int
        Its channels and samples.

    See Also
    --------
    SeismicFeatures : Features that do not depend on when the event begins.
    seisclf.signal.estimate_arrivals : Picks of P and S.

    Notes
    -----
    Power is the squared modulus of the analytic signal in a band
    (:func:`seisclf.signal.bandpass`, both ways), averaged over 0.05 s and then over a running
    0.5 s. Times are multiples of 0.05 s.
    Noise is that from 18 to 1 s before the onset, as far as the window holds it. A bin that lies
    before or after the window has the power at that end. A constant channel has
    1e-13 of the largest power of the event.

    The onset is sought where the recording is expected to begin, so give `onset_range` when
    windows are cut by a detector: a wrong onset moves everything.

    References
    ----------
    .. [1] Lay, T. and Wallace, T. C. (1995). Modern Global Seismology. Academic Press, section
       6.2 (distance from the S minus P time).

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.feature_extraction import EnvelopeFeatures
    >>> x = np.random.default_rng(0).normal(size=(1, 3, 3000))
    >>> x[:, 0, 1000:] *= 5  # P on the vertical
    >>> x[:, 1:, 1800:] *= 20  # S on the horizontals, 8 s later
    >>> features = EnvelopeFeatures(groups=("steps",)).set_output(transform="pandas")
    >>> table = features.fit_transform(x)
    >>> table.shape
    (1, 64)
    >>> float(table["H_1-20Hz_step_3s_time"].round(0).iloc[0])
    8.0
    """

    def __init__(
        self,
        *,
        sampling_rate=100.0,
        components="ZNE",
        bands=None,
        onset="step",
        onset_range=None,
        lead=3.0,
        duration=None,
        bin_length=1.0,
        groups=("bins", "times", "steps"),
        horizontals="joined",
    ):
        self.sampling_rate = sampling_rate
        self.components = components
        self.bands = bands
        self.onset = onset
        self.onset_range = onset_range
        self.lead = lead
        self.duration = duration
        self.bin_length = bin_length
        self.groups = groups
        self.horizontals = horizontals

    def fit(self, X, y=None):
        """Check the parameters and learn the shape of X; no values are learned.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_samples) or \
                (n_events, n_channels, n_samples)
            Waveforms.
        y : object, optional
            Not used.

        Returns
        -------
        self : EnvelopeFeatures
            The fitted transformer.

        Raises
        ------
        ValueError
            If X or a parameter cannot be used.
        """
        self._check_parameters()
        validate_waveforms(self, X, reset=True)
        self.bands_ = _resolved_bands(self.bands, self.sampling_rate)
        lead, after = round(self.lead / self.bin_length), self._duration() / self.bin_length
        n_after = max(1, int(after + 1e-9))
        self.bin_edges_ = np.arange(-lead, n_after + 1) * float(self.bin_length)
        self.feature_names_ = list(self._names())
        return self

    def transform(self, X):
        """Compute the features.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_samples) or \
                (n_events, n_channels, n_samples)
            Waveforms of the shape that ``fit`` saw.

        Returns
        -------
        features : ndarray of shape (n_events, n_output_features)
            In the dtype of X (float32 or float64).

        Raises
        ------
        ValueError
            If X has another shape than in ``fit``, or values that are not finite.
        """
        check_is_fitted(self)
        X = validate_waveforms(self, X, reset=False)
        parts = [self._features(power, onset) for power, onset in self._power_and_onset(X)]
        return np.concatenate(parts).astype(X.dtype)

    def find_onset(self, X):
        """When events begin, as the features take it.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_samples) or \
                (n_events, n_channels, n_samples)
            Waveforms of the shape that ``fit`` saw.

        Returns
        -------
        onset : ndarray of float64, shape (n_events,)
            In seconds after the first sample.

        Raises
        ------
        ValueError
            If X has another shape than in ``fit``, or values that are not finite.
        """
        check_is_fitted(self)
        X = validate_waveforms(self, X, reset=False)
        onsets = [onset for _, onset in self._power_and_onset(X)]
        return np.concatenate(onsets) / self._rate

    def get_feature_names_out(self, input_features=None):
        """Names of the columns.

        Parameters
        ----------
        input_features : array-like of str, optional
            Only checked against the column names that ``fit`` saw.

        Returns
        -------
        names : ndarray of str objects of shape (n_output_features,)
            ``"<channel>_<band>_power_<seconds>s"`` (where the bin begins),
            ``"<channel>_<band>_time_<percent>"``, ``"<channel>_<band>_step_<length>_time"``, …
        """
        check_is_fitted(self)
        if input_features is not None:
            seen = getattr(self, "feature_names_in_", None)
            if seen is not None and not np.array_equal(seen, input_features):
                raise ValueError("input_features is not equal to feature_names_in_")
            if len(input_features) != self.n_features_in_:
                raise ValueError(
                    f"input_features should have length equal to number of features "
                    f"({self.n_features_in_}), got {len(input_features)}"
                )
        return np.array(self.feature_names_, dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @classmethod
    def _get_test_params(cls):
        return [
            {},
            {"onset": 0.0, "groups": ("bins",), "bin_length": 0.1, "horizontals": "both"},
        ]

    @property
    def _rate(self):
        """Cells in a second."""
        return self.sampling_rate / cell_length(self.sampling_rate, self.n_samples_in_)

    def _onset_limits(self):
        """Earliest and latest onset in seconds."""
        if self.onset != "step":
            return float(self.onset), float(self.onset)
        if self.onset_range is None:
            return 0.0, self.n_samples_in_ / self.sampling_rate / 2
        return tuple(float(t) for t in self.onset_range)

    def _duration(self):
        window = self.n_samples_in_ / self.sampling_rate
        earliest, latest = self._onset_limits()
        if latest >= window:
            name = "onset" if self.onset != "step" else "onset_range"
            raise ValueError(
                f"{name} reaches {latest:g} s, but windows last {window:g} s: give "
                f"one that lies in the window"
            )
        return window - earliest if self.duration is None else float(self.duration)

    @property
    def _has_horizontals(self):
        return self.n_channels_in_ == len(self.components) and {"Z", "N", "E"} <= set(
            self.components
        )

    def _power_and_onset(self, X):
        """Power (n, channels, bands, cells) and cell of the onset, for some events at a time."""
        bands = [*self.bands_, (self.bands_[:, 0].min(), self.bands_[:, 1].max())]
        event_bytes = 16 * 4 * X.shape[-1] * self.n_channels_in_
        size = max(1, _CHUNK_BYTES // event_bytes)
        for begin in range(0, X.shape[0], size):
            chunk = np.asarray(X[begin : begin + size])
            if not np.isfinite(chunk).all():
                raise ValueError(
                    f"X contains NaN or infinity among events {begin} to "
                    f"{begin + len(chunk) - 1}: mend or leave out these events"
                )
            chunk = chunk.reshape(len(chunk), self.n_channels_in_, -1)
            power = band_power(chunk, sampling_rate=self.sampling_rate, bands=bands)
            yield self._channels(power[:, :, :-1]), self._onset(power[:, :, -1])

    def _onset(self, power):
        """Cell of the onset, from the power of the channels over all bands."""
        if self.onset != "step":
            return np.full(len(power), int(float(self.onset) * self._rate))
        letters = channel_names(self.components, self.n_channels_in_)
        vertical = letters.index("Z") if "Z" in letters else 0
        first, last = (round(t * self._rate) for t in self._onset_limits())
        return step_onset(log_power(power[:, vertical]), rate=self._rate, first=first, last=last)

    def _channels(self, power):
        if not self._has_horizontals or self.horizontals == "separate":
            return power
        n, e = (self.components.index(letter) for letter in "NE")
        joined = power[:, n : n + 1] + power[:, e : e + 1]
        kept = power if self.horizontals == "both" else np.delete(power, [n, e], axis=1)
        return np.concatenate([kept, joined], axis=1)

    def _channel_letters(self):
        letters = list(channel_names(self.components, self.n_channels_in_))
        if not self._has_horizontals or self.horizontals == "separate":
            return letters
        kept = letters if self.horizontals == "both" else [a for a in letters if a not in "NE"]
        return [*kept, "H"]

    def _features(self, power, onset):
        n, rate = len(power), self._rate
        n_after = max(1, round(self._duration() * rate))
        columns = []
        if "bins" in self.groups:
            edges = np.round(self.bin_edges_ * rate).astype(int)
            bins = log_power(binned(power, onset, edges))
            columns.append(bins - bins.mean(axis=(1, 2, 3), keepdims=True))
        if "times" in self.groups:
            columns.append(energy_times(power, onset, n_after, rate))
        if "steps" in self.groups:
            logs = log_power(power)
            columns += [*steps(logs, onset, n_after, rate, STEPS)]
            columns.append(signal_to_noise(power, onset, rate))
            letters = self._channel_letters()
            if "H" in letters:
                ratio = logs[:, letters.index("H")] - logs[:, letters.index("Z")]
                columns += [*steps(ratio, onset, n_after, rate, (_RATIO_STEP,))]
        return np.concatenate([column.reshape(n, -1) for column in columns], axis=1)

    def _names(self):
        letters = self._channel_letters()
        bands = [f"{low:g}-{high:g}Hz" for low, high in self.bands_]
        each = [f"{letter}_{band}" for letter in letters for band in bands]
        if "bins" in self.groups:
            begins = self.bin_edges_[:-1]
            yield from (f"{name}_power_{t:+.4g}s" for name in each for t in begins)
        if "times" in self.groups:
            ends = [*(f"time_{q:.0%}" for q in QUANTILES), "peak_time"]
            yield from (f"{name}_{end}" for name in each for end in ends)
        if "steps" in self.groups:
            for what in ("time", "height"):
                yield from (f"{name}_step_{length:g}s_{what}" for name in each for length in STEPS)
            yield from (f"{name}_snr" for name in each)
            if "H" in letters:
                for what in ("time", "height"):
                    yield from (f"HZ_{band}_step_{_RATIO_STEP:g}s_{what}" for band in bands)

    def _check_parameters(self):
        for name in ("sampling_rate", "bin_length"):
            _check_number(getattr(self, name), name, above=0)
        _check_number(self.lead, "lead", least=0)
        if self.duration is not None:
            _check_number(self.duration, "duration", above=0)
        if self.onset != "step":
            _check_number(self.onset, 'onset (or "step")', least=0)
        if self.onset_range is not None and not (
            len(self.onset_range) == 2 and 0 <= self.onset_range[0] < self.onset_range[1]
        ):
            raise ValueError(
                f"onset_range must be (earliest, latest) in seconds, got {self.onset_range!r}"
            )
        if self.horizontals not in _HORIZONTALS:
            raise ValueError(
                f"horizontals must be one of {_HORIZONTALS}, got {self.horizontals!r}"
            )
        unknown = [group for group in self.groups if group not in _GROUPS]
        if isinstance(self.groups, str) or unknown or not len(self.groups):
            raise ValueError(f"groups must be a sequence of {_GROUPS}, got {self.groups!r}")


def _check_number(value, name, *, above=None, least=None):
    fits = isinstance(value, numbers.Real) and np.isfinite(value)
    if not fits or (above is not None and value <= above) or (least is not None and value < least):
        needed = f"above {above}" if above is not None else f"{least} or more"
        raise ValueError(f"{name} must be a finite number {needed}, got {value!r}")


def _resolved_bands(bands, sampling_rate):
    """Bands in Hz (n_bands, 2); the default ones end at the Nyquist frequency if they must."""
    nyquist = sampling_rate / 2
    if bands is None:
        usual = ((1.0, 3.0), (3.0, 8.0), (8.0, 20.0), (1.0, 20.0))
        usable = [(low, min(high, nyquist)) for low, high in usual if low < 0.9 * nyquist]
        # Below 2 Hz none of them is left.
        return np.array(usable or [(0.0, nyquist)])
    resolved = np.array(bands, dtype=float)
    if resolved.ndim != 2 or resolved.shape[1] != 2 or not len(resolved):
        raise ValueError(f"bands must be pairs (low, high) in Hz, got {bands!r}")
    for low, high in resolved:
        if not 0 <= low < high <= nyquist * (1 + 1e-9):
            raise ValueError(
                f"bands must have 0 <= low < high <= {nyquist:g} Hz, the Nyquist frequency of "
                f"sampling_rate={sampling_rate:g}; got ({low:g}, {high:g})"
            )
    return resolved
