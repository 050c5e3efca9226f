"""What is in a cluster: how many events, typical ones, their spectrogram, their hours."""

import numbers
from dataclasses import dataclass, field

import numpy as np
from sklearn.metrics import silhouette_samples
from sklearn.utils import check_array
from sklearn.utils.validation import check_consistent_length, column_or_1d

from ..io._lazy_array import LazyArray
from ..neural_network._params import check_positive_integer
from ..signal import stft

#: Label of events that belong to no cluster, as scikit-learn's HDBSCAN has it.
NOISE = -1
_ROWS_AT_ONCE = 64
#: Spectrograms below this are the same silence (dB below the loudest cell of the event).
_FLOOR = -60.0
_FRAMES = 60
_LARGEST_SILHOUETTE = 5000


@dataclass(frozen=True)
class ClusterCard:
    """One cluster, as :func:`cluster_card` describes it.

    Parameters
    ----------
    label : int or str
        As in the labels; -1 are events that belong to no cluster.
    size : int
        Events.
    share : float
        Part of all events.
    silhouette : float
        Mean silhouette of its events: near 1, they lie close together and far from others; below
        0, nearer to others. NaN where there is none.
    examples : ndarray of int of shape (n_examples,)
        Row numbers of the events nearest to the centre, the nearest first.
    waveforms : ndarray of shape (n_examples, n_samples) or (n_examples, height, width)
        One channel of these events, or of pictures one picture.
    spectrogram : ndarray of shape (n_frequencies, n_frames)
        Mean over the events, in dB below the loudest cell of each event; of pictures their mean.
    frequencies : ndarray of shape (n_frequencies,)
        Hz; of pictures numbers of the rows.
    times : ndarray of shape (n_frames,)
        Seconds after the first sample; of pictures numbers of the columns.
    hours : ndarray of int of shape (24,), or None
        Events that begin in each hour of the day. None without times.
    time_zone : str
        Of the hours.
    sampling_rate : float or None
        Of the waveforms in Hz; None for pictures.
    """

    label: object
    size: int
    share: float
    silhouette: float
    examples: np.ndarray = field(repr=False)
    waveforms: np.ndarray = field(repr=False)
    spectrogram: np.ndarray = field(repr=False)
    frequencies: np.ndarray = field(repr=False)
    times: np.ndarray = field(repr=False)
    hours: np.ndarray | None = field(repr=False)
    time_zone: str = field(repr=False)
    sampling_rate: float | None = field(repr=False)

    @property
    def title(self):
        """One line that says what it is."""
        name = "in no cluster" if self.label in (NOISE, str(NOISE)) else f"cluster {self.label}"
        events = "1 event" if self.size == 1 else f"{self.size} events"
        quality = "" if np.isnan(self.silhouette) else f", silhouette {self.silhouette:.2f}"
        return f"{name}: {events} ({self.share:.0%}){quality}"


def cluster_card(
    X,
    labels,
    *,
    vectors=None,
    centers=None,
    sampling_rate=100.0,
    representation="waveform",
    channel=0,
    start_times=None,
    time_zone="UTC",
    n_examples=3,
    window_length=None,
):
    """Describe the clusters that any clusterer has found, a card for each.

    Parameters
    ----------
    X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
        Waveforms; (n_events, n_samples) is read as one channel. Channels that are NaN are
        missing. Pictures (n_events, n_channels, height, width) or (n_events, height, width) with
        ``representation="picture"``.
    labels : array-like of shape (n_events,)
        Clusters. Events of -1 belong to none, as of :class:`sklearn.cluster.HDBSCAN`; they get a
        card of their own, the last.
    vectors : array-like of shape (n_events, n_features), optional
        The space in which the clusters were found, such as ``DeepCluster.embed(X)`` or scaled
        features: who is near to a centre, and the silhouettes, depend on it. By default the
        spectrograms in dB (or the pictures), which is seldom where the clusters were found.
    centers : array-like of shape (n_clusters, n_features), optional
        Centres in the order of the labels, without -1. By default the means.
    sampling_rate : float, default=100.0
        Rate of X in Hz.
    representation : {"waveform", "picture"}, default="waveform"
        What X is.
    channel : int, default=0
        Which channel the examples show. The spectrogram is of the power of all channels.
    start_times : array-like of shape (n_events,), optional
        When the events begin: whatever :func:`pandas.to_datetime` reads but numbers, or ObsPy's
        ``UTCDateTime``; without a zone in UTC. For instance ``bunch.metadata["start_time"]``.
    time_zone : str, default="UTC"
        Of the hours of the day, such as "Asia/Kolkata": people work by their own clock.
    n_examples : int, default=3
        Examples, at most as many as the cluster has.
    window_length : float, optional
        Frames of the spectrogram in seconds. None: a sixtieth of the event, at least 32 samples.

    Returns
    -------
    cards : list of ClusterCard
        In the order of the labels.

    Raises
    ------
    ValueError
        If lengths differ or a parameter cannot be used.

    See Also
    --------
    ClusterCardDisplay : The cards as a picture.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from seisclf.cluster import cluster_card
    >>> from seisclf.datasets import make_seismic_events
    >>> from seisclf.feature_extraction import SeismicFeatures
    >>> events = make_seismic_events(
    ...     30, classes=["earthquake", "noise"], n_samples=1000, random_state=0
    ... )
    >>> vectors = SeismicFeatures(groups=("spectral",)).fit_transform(events.data)
    >>> labels = KMeans(2, n_init=5, random_state=0).fit_predict(vectors)
    >>> cards = cluster_card(
    ...     events.data, labels, vectors=vectors, start_times=events.metadata["start_time"]
    ... )
    >>> sum(card.size for card in cards), cards[0].hours.shape, len(cards[0].examples)
    (30, (24,), 3)
    """
    if representation not in ("waveform", "picture"):
        raise ValueError(f"representation must be 'waveform' or 'picture'; got {representation!r}")
    check_positive_integer("n_examples", n_examples)
    labels = _checked_labels(labels)
    X = _Events(X, representation, sampling_rate, window_length)
    check_consistent_length(X, labels)
    if not -X.n_channels <= channel < X.n_channels:
        raise ValueError(f"channel={channel} is none of the {X.n_channels} channels of X")
    if vectors is None:
        vectors = X.maps().reshape(len(X), -1)
    vectors = check_array(vectors, dtype=np.float64, input_name="vectors")
    check_consistent_length(X, vectors)
    hours = None if start_times is None else _hours(start_times, time_zone, len(X))
    silhouettes = _silhouettes(vectors, labels)
    names = _in_order(labels)
    centers = _centers(vectors, labels, names, centers)
    cards = []
    for name, center in zip(names, centers, strict=True):
        rows = np.flatnonzero(labels == name)
        nearest = rows[np.argsort(((vectors[rows] - center) ** 2).sum(axis=1), kind="stable")]
        examples = nearest[:n_examples]
        cards.append(
            ClusterCard(
                label=name,
                size=len(rows),
                share=len(rows) / len(X),
                silhouette=_mean(silhouettes[rows]),
                examples=examples,
                waveforms=X.read(examples)[:, channel],
                spectrogram=X.mean_map(rows),
                frequencies=X.frequencies,
                times=X.times,
                hours=None if hours is None else np.bincount(hours[rows], minlength=24),
                time_zone=time_zone,
                sampling_rate=None if representation == "picture" else sampling_rate,
            )
        )
    return cards


class _Events:
    """Waveforms or pictures, of which batches become maps."""

    def __init__(self, X, representation, sampling_rate, window_length):
        self.X = X if isinstance(X, LazyArray) else np.asarray(X)
        self.picture = representation == "picture"
        lowest = 3 if self.picture else 2
        if self.X.ndim not in (lowest, lowest + 1):
            needed = "(n_events, n_channels, " + (
                "height, width)" if self.picture else "n_samples)"
            )
            raise ValueError(
                f"X must be {needed} or without the axis of channels for "
                f"representation={representation!r}; got shape {tuple(self.X.shape)}"
            )
        if len(self.X) == 0:
            raise ValueError("X has no events: give at least one")
        if not (isinstance(sampling_rate, numbers.Real) and float(sampling_rate) > 0):
            raise ValueError(f"sampling_rate must be positive, in Hz; got {sampling_rate!r}")
        self.lift = self.X.ndim == lowest
        self.n_channels = 1 if self.lift else self.X.shape[1]
        self.sampling_rate = sampling_rate
        n_samples = self.X.shape[-1]
        if window_length is None:
            window_length = max(32, n_samples // _FRAMES) / sampling_rate
        self.window_length = min(window_length, n_samples / sampling_rate)
        self.frequencies, self.times, _ = self._maps(self.read(np.arange(1)))

    def __len__(self):
        return len(self.X)

    def read(self, rows):
        X = self.X.read(rows) if isinstance(self.X, LazyArray) else self.X[rows]
        return X[:, np.newaxis] if self.lift else X

    def _maps(self, X):
        if np.isinf(X).any():
            raise ValueError("X contains infinity: mend these events or leave them out")
        if self.picture:
            height, width = X.shape[-2:]
            return np.arange(height), np.arange(width), np.nan_to_num(X).mean(axis=1)
        frequencies, times, power = stft(
            np.nan_to_num(np.asarray(X, dtype=float)),
            sampling_rate=self.sampling_rate,
            window_length=self.window_length,
            overlap=0.75,
            # An offset or a slow wave would end at zeros in a jump, the loudest of the event.
            padding="none",
            detrend="constant",
            output="psd",
        )
        power = power.sum(axis=1)
        loudest = power.max(axis=(1, 2), keepdims=True)
        relative = power / np.where(loudest > 0, loudest, 1)
        return frequencies, times, 10 * np.log10(np.maximum(relative, 10 ** (_FLOOR / 10)))

    def _batches(self, rows):
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            yield self._maps(self.read(rows[start : start + _ROWS_AT_ONCE]))[2]

    def maps(self):
        """Maps of all events."""
        return np.concatenate(list(self._batches(np.arange(len(self)))))

    def mean_map(self, rows):
        """Mean map of some events."""
        return sum(maps.sum(axis=0) for maps in self._batches(rows)) / len(rows)


def _checked_labels(labels):
    """Labels of which each has one value; whole numbers that came as floats as such."""
    labels = column_or_1d(np.asarray(labels), input_name="labels")
    if labels.dtype.kind == "f":
        if not np.equal(labels, np.round(labels)).all():
            raise ValueError(
                "labels must be whole numbers or names, without NaN: give -1 to events that "
                "belong to no cluster"
            )
        return labels.astype(np.int64)
    return labels


def _in_order(labels):
    """Names of the clusters; what belongs to none comes last."""
    names = np.unique(labels)
    noise = np.array([str(name) == str(NOISE) for name in names], dtype=bool)
    return [*names[~noise].tolist(), *names[noise].tolist()]


def _centers(vectors, labels, names, centers):
    """Centre of each name; of events in no cluster their mean."""
    means = [vectors[labels == name].mean(axis=0) for name in names]
    if centers is None:
        return means
    centers = check_array(centers, dtype=np.float64, input_name="centers")
    if centers.shape[1] != vectors.shape[1]:
        raise ValueError(
            f"centers has {centers.shape[1]} columns, and vectors has {vectors.shape[1]}: give "
            f"the centres in the space of vectors"
        )
    found = [i for i, name in enumerate(names) if str(name) != str(NOISE)]
    # Labels are numbers of centres where an empty cluster may have no event.
    numbered = all(isinstance(names[i], int) and 0 <= names[i] < len(centers) for i in found)
    if not numbered and len(centers) != len(found):
        raise ValueError(f"centers has {len(centers)} rows, but labels name {len(found)} clusters")
    for position, i in enumerate(found):
        means[i] = centers[names[i] if numbered else position]
    return means


def _silhouettes(vectors, labels):
    """Silhouette of each event among those in clusters; NaN where there is none."""
    values = np.full(len(labels), np.nan)
    inside = np.flatnonzero([str(label) != str(NOISE) for label in labels])
    if len(inside) > _LARGEST_SILHOUETTE:  # distances of all to all
        inside = np.random.default_rng(0).permutation(inside)[:_LARGEST_SILHOUETTE]
    if 2 <= len(np.unique(labels[inside])) < len(inside):
        values[inside] = silhouette_samples(vectors[inside], labels[inside])
    return values


def _mean(values):
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def _hours(start_times, time_zone, n_events):
    import pandas as pd

    start_times = np.asarray(start_times)
    if start_times.dtype.kind in "iuf":
        raise ValueError(
            "start_times must be times, not numbers, whose unit nobody knows: give "
            'pandas.to_datetime(start_times, unit="s") where they are seconds since 1970'
        )
    if start_times.dtype == object:  # ObsPy's UTCDateTime has its time in UTC as .datetime
        start_times = [getattr(time, "datetime", time) for time in start_times]
    try:
        times = pd.DatetimeIndex(pd.to_datetime(start_times, utc=True))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"start_times cannot be read as times, read them with pandas.to_datetime: {error}"
        ) from error
    missing = np.flatnonzero(np.asarray(times.isna()))
    if len(times) != n_events or len(missing):
        row = f" (row {missing[0]}{', …' if len(missing) > 1 else ''})" if len(missing) else ""
        raise ValueError(
            f"start_times must have a time for each of the {n_events} events; got {len(times)}, "
            f"{len(missing)} of them missing{row}: leave these events out, or start_times"
        )
    try:
        if not isinstance(time_zone, str):
            raise ValueError("not a name")
        return np.asarray(times.tz_convert(time_zone).hour)
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"time_zone must be a name such as 'UTC' or 'Asia/Kolkata'; got {time_zone!r}"
        ) from error
