"""Networks whose stations come in any order."""

import warnings

import numpy as np

from ._base import WaveformAugmenter, check_number


class StationShuffler(WaveformAugmenter):
    """Put the stations of each event in a random order, so that a network can't learn one.

    Traces and arrivals move together; class labels do not change. In ``fit_resample`` the rows
    of X come first, in their order, then `n_copies` of each in random orders [1]_; ``augment``
    shuffles every event.

    Parameters
    ----------
    n_copies : int, default=1
        Shuffled copies of each event that ``fit_resample`` adds. The authors add one.
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None, default=None
        Fixes what ``fit_resample`` draws.

    Attributes
    ----------
    orders_ : ndarray of int, shape (n_added, n_stations)
        Station of X that stands at each place of each added row; no columns without stations.
    n_features_in_, n_channels_in_, n_samples_in_ : int
        Shape of X; ``n_stations_in_`` for events over a network.

    Warns
    -----
    UserWarning
        If X has no axis of stations: it is then returned as it is.

    See Also
    --------
    MissingStationFill : Fill stations that are missing.

    Notes
    -----
    Labels that come back number the stations by their place: names of stations in the columns of
    arrivals would be wrong after shuffling.

    References
    ----------
    .. [1] Liao, W.-Y. et al. (2023). RockNet: Rockfall and Earthquake Detection and Association
       via Multitask Learning and Transfer Learning. IEEE Transactions on Geoscience and Remote
       Sensing, 61, 1-12, section III-E. doi:10.1109/TGRS.2023.3284008

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.augmentation import StationShuffler
    >>> X = np.arange(4.0).reshape(1, 4, 1, 1) * np.ones(5)
    >>> shuffled, y = StationShuffler(random_state=0).fit_resample(X, ["rockfall"])
    >>> shuffled[:, :, 0, 0]
    array([[0., 1., 2., 3.],
           [2., 0., 1., 3.]])
    """

    def __init__(self, *, n_copies=1, random_state=None):
        self.n_copies = n_copies
        self.random_state = random_state

    def _check_params(self):
        check_number("n_copies", self.n_copies, 0)

    def _resample(self, X, labels, arrivals, rng):
        rows = np.arange(len(X))
        if X.ndim < 4:
            warn_no_stations(self, X)
            self.orders_ = np.empty((0, 0), dtype=int)
            return X.copy(), rows, arrivals
        copied = np.tile(rows, int(self.n_copies))
        self.orders_ = random_orders(len(copied), X.shape[1], rng)
        new = take_stations(X, copied, self.orders_)
        if arrivals is not None:
            arrivals = np.concatenate([arrivals, take_stations(arrivals, copied, self.orders_)])
        return np.concatenate([X, new]), np.concatenate([rows, copied]), arrivals

    def _augment(self, X, labels, arrivals, rng):
        if X.ndim < 4:
            return X.copy(), arrivals
        rows, orders = np.arange(len(X)), random_orders(len(X), X.shape[1], rng)
        if arrivals is not None:
            arrivals = take_stations(arrivals, rows, orders)
        return take_stations(X, rows, orders), arrivals


def random_orders(n_events, n_stations, rng):
    """Independent permutations, one for each event, of shape (n_events, n_stations)."""
    return rng.permuted(np.tile(np.arange(n_stations), (n_events, 1)), axis=1)


def take_stations(array, rows, orders):
    """Rows of an array of shape (n_events, n_stations, ...) with the stations in given orders."""
    return array[np.asarray(rows)[:, np.newaxis], orders]


def warn_no_stations(estimator, X):
    """Say that there is nothing to do."""
    warnings.warn(
        f"{type(estimator).__name__} works on X of shape (n_events, n_stations, n_components, "
        f"n_samples); X of shape {X.shape} has no axis of stations and is returned as it is",
        UserWarning,
        stacklevel=4,
    )
