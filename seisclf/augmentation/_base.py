"""What the augmenters share: one engine behind ``fit_resample`` and ``augment``."""

from abc import abstractmethod

# Importing imbalanced-learn makes `fit_resample` known to scikit-learn's metadata routing. It has
# to come before the classes below are made, which get their `set_fit_resample_request` from it.
import imblearn.base  # noqa: F401
import numpy as np

from ..base import WaveformEstimator, validate_waveforms
from ..io import LazyWaveforms
from ..utils import check_seed
from ._target import attach_arrivals, read_arrivals, split_target


class WaveformAugmenter(WaveformEstimator):
    """Parent of the augmenters: a child writes `_check_params`, `_resample` and `_augment`.

    An augmenter is a sampler of imbalanced-learn, for a step of its Pipeline, and can be given to
    a network as ``augmenter``, which then changes each batch of each epoch anew.
    """

    _is_base = True
    _estimator_type = "sampler"
    _ndim: tuple[int, ...] = (2, 3, 4)

    def fit(self, X, y):
        """Check the parameters and learn the shape of the waveforms; nothing is resampled.

        Parameters
        ----------
        X : array-like of shape (n_events, n_samples), (n_events, n_channels, n_samples) or \
                (n_events, n_stations, n_components, n_samples)
            Waveforms.
        y : array-like of shape (n_events,)
            Labels.

        Returns
        -------
        self : object
            The fitted augmenter.

        Raises
        ------
        ValueError
            If a parameter, X or y cannot be used.
        """
        self._check_params()
        self._validate(X, y)
        return self

    def fit_resample(self, X, y, arrivals=None):
        """Augment a training set.

        Parameters
        ----------
        X : array-like of shape (n_events, n_samples), (n_events, n_channels, n_samples) or \
                (n_events, n_stations, n_components, n_samples)
            Waveforms. They are not changed; `seisclf.io.LazyWaveforms` are read.
        y : array-like of shape (n_events,)
            Labels; `seisclf.utils.EventLabels` carry their arrivals.
        arrivals : DataFrame or ndarray, optional
            Arrivals of each event, see `seisclf.utils.arrivals_to_array`; they go before those
            that y carries.

        Returns
        -------
        X_resampled : ndarray
            Waveforms, with as many axes and of the same dtype as X.
        y_resampled : ndarray or seisclf.utils.EventLabels of shape (n_resampled,)
            Labels, which carry their arrivals if there are any.

        Raises
        ------
        ValueError
            If a parameter, X, y or `arrivals` cannot be used.
        """
        self._check_params()
        waveforms, labels = self._validate(X, y)
        times = read_arrivals(y, arrivals, waveforms.shape)
        rng = np.random.default_rng(check_seed(self.random_state))
        resampled, rows, times = self._resample(waveforms, labels, times, rng)
        n_axes = X.ndim if hasattr(X, "ndim") else np.ndim(X)
        return (
            resampled[:, 0] if n_axes == 2 else resampled,
            attach_arrivals(labels[rows], times),
        )

    def augment(self, X, y, rng=None):
        """Augment a batch, keeping its number of rows; needs no ``fit``.

        Parameters
        ----------
        X : ndarray of shape (n_events, n_samples), (n_events, n_channels, n_samples) or \
                (n_events, n_stations, n_components, n_samples)
            Waveforms. They are not changed.
        y : ndarray, seisclf.utils.EventLabels or tuple (labels, arrivals)
            Labels of shape (n_events,), with or without arrivals of shape (n_events, n_in_window,
            4), for a network (n_events, n_stations, n_in_window, 4): P, S, start, end in seconds.
        rng : numpy.random.Generator, int or None, default=None
            Draws what is done; ``random_state`` plays no part here.

        Returns
        -------
        X_augmented : ndarray
            Waveforms of the shape and dtype of X.
        y_augmented : object
            Labels and arrivals in the form in which y came. There may be more events in a window.

        Raises
        ------
        ValueError
            If a parameter or the shape of X cannot be used, or arrivals are missing that are
            needed.
        """
        self._check_params()
        X = np.asarray(X)
        if X.ndim not in self._ndim:
            raise ValueError(
                f"{type(self).__name__}.augment takes X with {' or '.join(map(str, self._ndim))} "
                f"axes; got X of shape {X.shape}"
            )
        waveforms = X[:, np.newaxis] if X.ndim == 2 else X
        labels, times, join = split_target(y, waveforms.shape)
        augmented, times = self._augment(waveforms, labels, times, np.random.default_rng(rng))
        return augmented[:, 0] if X.ndim == 2 else augmented, join(labels, times)

    def _validate(self, X, y):
        X = X.read() if isinstance(X, LazyWaveforms) else X
        network = np.ndim(X) == 4
        waveforms, labels = validate_waveforms(
            self, X, y, reset=True, ndim=self._ndim, allow_nan=network
        )
        if network:
            missing_stations(waveforms)
        return waveforms, labels

    def _check_params(self):
        """Refuse parameters that cannot be used."""

    @abstractmethod
    def _resample(self, X, labels, arrivals, rng):
        """Waveforms, the row of the label of each, and their arrivals or None."""

    @abstractmethod
    def _augment(self, X, labels, arrivals, rng):
        """Waveforms and their arrivals or None, as many as there are in X."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.estimator_type = "sampler"
        tags.target_tags.required = True
        return tags


def missing_stations(X):
    """Which stations are missing, i.e. NaN throughout; NaN in parts of a station is refused.

    Parameters
    ----------
    X : ndarray of shape (n_events, n_stations, n_components, n_samples)
        Waveforms of a network.

    Returns
    -------
    missing : ndarray of bool, shape (n_events, n_stations)
        True for missing stations.
    """
    # A sum is NaN if any term is: one pass without a boolean copy of the array.
    with np.errstate(over="ignore", invalid="ignore"):
        suspicious = ~np.isfinite(X.sum(axis=(2, 3)))
    missing = np.zeros(X.shape[:2], dtype=bool)
    for event, station in zip(*np.nonzero(suspicious), strict=True):
        nan = np.isnan(X[event, station])
        missing[event, station] = nan.all()
        if nan.any() and not nan.all():
            raise ValueError(
                f"station {station} of event {event} is NaN in parts: a missing station must be "
                f"NaN throughout. Fill gaps when reading, seisclf.datasets.from_streams(..., "
                f"gaps='interpolate'), or set the whole station to NaN"
            )
    return missing


def check_number(name, value, low, high=np.inf, *, optional=False):
    """Refuse a parameter that is no number in [low, high]."""
    if optional and value is None:
        return
    if not isinstance(value, (int, float, np.number)) or not low <= value <= high:
        limits = f"at least {low:g}" if high == np.inf else f"between {low:g} and {high:g}"
        raise ValueError(
            f"{name} must be a number {limits}{', or None' * optional}; got {value!r}"
        )


def check_range(name, value, low):
    """Refuse a parameter that is no pair (smallest, largest) of numbers from `low` on."""
    try:
        smallest, largest = value
        fits = low <= smallest <= largest < np.inf
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise ValueError(
            f"{name} must be a pair (smallest, largest) of numbers of at least {low:g}; got "
            f"{value!r}"
        )
