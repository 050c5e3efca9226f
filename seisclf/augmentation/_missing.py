"""Stations that are missing from an event, or are made so for training."""

import numpy as np

from ._base import WaveformAugmenter, check_number, missing_stations
from ._stations import warn_no_stations


class MissingStationFill(WaveformAugmenter):
    """Fill missing stations with random numbers, and take some stations away for training.

    A station that did not record an event is NaN throughout. The authors of RockNet [1]_ put
    uniform random numbers in its place, without arrivals; a network that was trained so learns
    to pay no attention to stations that show noise. Stations that are there stay as they are.

    The number of rows does not change, in ``augment`` as in ``fit_resample``. As a step of a
    Pipeline it acts in training only, as every sampler: a network must know by itself what to do
    with a missing station in prediction.

    Parameters
    ----------
    drop_probability : float, default=0.0
        Probability with which each station that is there is taken away as if it were missing.
        One always stays.
    fill : {"uniform", "nan"}, default="uniform"
        What stands in a station that is missing: random numbers from [0, 1), or NaN for networks
        that leave missing stations out by themselves.
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None, default=None
        Fixes what ``fit_resample`` draws. (The authors' numbers are not seeded.)

    Attributes
    ----------
    missing_ : ndarray of bool, shape (n_events, n_stations)
        Stations that were missing or taken away; no columns without stations.
    n_features_in_, n_channels_in_, n_samples_in_ : int
        Shape of X; ``n_stations_in_`` for events over a network.

    Warns
    -----
    UserWarning
        If X has no axis of stations: it is then returned as it is.

    See Also
    --------
    StationShuffler : Put stations in a random order.

    Notes
    -----
    Arrivals at missing stations become NaN. The numbers do not depend on the scale of the data:
    they are meant for networks that normalize each trace.

    References
    ----------
    .. [1] Liao, W.-Y. et al. (2023). RockNet: Rockfall and Earthquake Detection and Association
       via Multitask Learning and Transfer Learning. IEEE Transactions on Geoscience and Remote
       Sensing, 61, 1-12, section III-E. doi:10.1109/TGRS.2023.3284008

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.augmentation import MissingStationFill
    >>> X = np.full((1, 2, 1, 3), 5.0)
    >>> X[0, 1] = np.nan
    >>> filled, y = MissingStationFill(random_state=0).fit_resample(X, ["rockfall"])
    >>> filled.round(2)
    array([[[[5.  , 5.  , 5.  ]],
    <BLANKLINE>
            [[0.31, 0.04, 0.08]]]])
    """

    def __init__(self, *, drop_probability=0.0, fill="uniform", random_state=None):
        self.drop_probability = drop_probability
        self.fill = fill
        self.random_state = random_state

    @classmethod
    def _get_test_params(cls):
        return [{}, {"drop_probability": 0.5}]

    def _check_params(self):
        check_number("drop_probability", self.drop_probability, 0, 1)
        if self.fill not in ("uniform", "nan"):
            raise ValueError(f'fill must be "uniform" or "nan", got {self.fill!r}')

    def _resample(self, X, labels, arrivals, rng):
        rows = np.arange(len(X))
        if X.ndim < 4:
            warn_no_stations(self, X)
            self.missing_ = np.zeros((len(X), 0), dtype=bool)
            return X.copy(), rows, arrivals
        X, arrivals, self.missing_ = self._fill(X, arrivals, rng)
        return X, rows, arrivals

    def _augment(self, X, labels, arrivals, rng):
        if X.ndim < 4:
            return X.copy(), arrivals
        return self._fill(X, arrivals, rng)[:2]

    def _fill(self, X, arrivals, rng):
        missing = missing_stations(X)
        missing |= draw_dropped(~missing, self.drop_probability, rng)
        X = X.copy()
        # float32 numbers for both precisions: the same seed then gives the same numbers.
        shape = (int(missing.sum()), *X.shape[2:])
        X[missing] = np.nan if self.fill == "nan" else rng.random(shape, dtype=np.float32)
        if arrivals is not None:
            arrivals = np.where(missing[..., np.newaxis, np.newaxis], np.nan, arrivals)
        return X, arrivals, missing


def draw_dropped(present, probability, rng):
    """Stations to take away, never the last one that is there.

    Parameters
    ----------
    present : ndarray of bool, shape (n_events, n_stations)
        Stations that recorded the event.
    probability : float
        Of taking a station away.
    rng : numpy.random.Generator
        Draws.

    Returns
    -------
    dropped : ndarray of bool, shape (n_events, n_stations)
        True only where `present` is.
    """
    draw = rng.random(present.shape)
    dropped = present & (draw < probability)
    # Of an event that would lose all, the station with the highest draw stays.
    keep = np.where(present, draw, -1.0).argmax(axis=1)
    lost = (present.any(axis=1)) & (present == dropped).all(axis=1)
    dropped[np.flatnonzero(lost), keep[lost]] = False
    return dropped
