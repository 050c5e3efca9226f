"""Many channels to one, with little weight for the noisy ones."""

import numpy as np

from ..signal import snr
from ..signal._snr import loud_and_quiet
from ._base import WaveformTransformer

# 60 dB: a channel with a perfectly quiet stretch must not silence all others.
_LARGEST_RATIO = 1e6


class ChannelAggregator(WaveformTransformer):
    """Weighted mean over the channels of waveforms or of their spectrograms.

    Parameters
    ----------
    weights : {"snr", "uniform"}, default="snr"
        "snr": every channel of every event counts in proportion to its own signal-to-noise
        ratio, so noisy channels count less; dead channels do not count. "uniform": the plain mean.
    snr_window : int, optional
        Samples (of spectrograms: frames) of the window in which the ratio looks for the loudest
        and for quiet moments; see :func:`seisclf.signal.snr`.

    Attributes
    ----------
    n_features_in_, n_channels_in_, n_samples_in_ : int
        Shape seen by ``fit``; for spectrograms, ``n_stations_in_`` is the number of channels and
        ``n_channels_in_`` that of frequencies.

    Notes
    -----
    The mean runs over axis 1. Waveforms (n_events, n_channels, n_samples) become
    (n_events, 1, n_samples); spectrograms (n_events, n_channels, n_frequencies, n_frames) become
    (n_events, 1, n_frequencies, n_frames). The level of a spectrogram at a time is the sum over
    its frequencies, so aggregate power or density; after a logarithm the ratios, and with them
    the differences between weights, are smaller. Channels that are all NaN are left out.

    This is the baseline against which the ensemble over channels was compared in [1]_, where the
    weighting is called "inverse signal-to-noise" and read as falling with the noise.

    References
    ----------
    .. [1] Lee et al. (2022), "Exploring an ensemble of CNNs and self-supervised learning for the
       classification of micro-seismic events on a slope at Aknes".

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.preprocessing import ChannelAggregator
    >>> rng = np.random.default_rng(0)
    >>> event = np.where(np.arange(500) > 300, 10.0, 0.1) * rng.normal(size=500)
    >>> X = np.stack([event, rng.normal(size=500)])[np.newaxis]
    >>> aggregator = ChannelAggregator().fit(X)
    >>> aggregator.transform(X).shape
    (1, 1, 500)
    >>> aggregator.channel_weights(X).round(2)
    array([[1., 0.]])
    """

    # A channel of an event that is NaN throughout has no weight.
    _missing_ndim = (3, 4)

    def __init__(self, *, weights="snr", snr_window=None):
        self.weights = weights
        self.snr_window = snr_window

    @classmethod
    def _get_test_params(cls):
        return [{}, {"weights": "uniform"}]

    def channel_weights(self, X):
        """Weights of the channels of each event.

        Parameters
        ----------
        X : array-like of shape (n_events, n_channels, n_samples) or \
                (n_events, n_channels, n_frequencies, n_frames)
            Waveforms or spectrograms.

        Returns
        -------
        weights : ndarray of shape (n_events, n_channels)
            Not negative; they sum to one. NaN where all channels of an event are missing.
        """
        return self._weights(self._validate(X, reset=False))

    def _prepare(self, n_samples):
        if self.weights not in ("snr", "uniform"):
            raise ValueError(f'weights must be "snr" or "uniform", got {self.weights!r}')

    def _weights(self, X):
        missing = np.isnan(X).any(axis=tuple(range(2, X.ndim)))
        if self.weights == "uniform":
            ratios = np.ones(X.shape[:2])
        else:
            ratios = signal_to_noise(X, self.snr_window)
        ratios = np.where(missing, 0.0, ratios)
        dead = ratios.sum(axis=1, keepdims=True) == 0
        ratios = np.where(dead, ~missing, ratios)
        with np.errstate(invalid="ignore"):
            return (ratios / ratios.sum(axis=1, keepdims=True)).astype(X.dtype)

    def _apply(self, X):
        weights = self._weights(X)
        present = np.where(weights.reshape(weights.shape + (1,) * (X.ndim - 2)) > 0, X, 0)
        mean = np.einsum("ec,ec...->e...", weights, present)
        return mean[:, np.newaxis]


def signal_to_noise(X, window=None):
    """Ratio of each channel of each event, between 0 and 60 dB.

    Parameters
    ----------
    X : ndarray of shape (n_events, n_channels, n_samples) or \
            (n_events, n_channels, n_frequencies, n_frames)
        Waveforms or spectrograms.
    window : int, optional
        Samples or frames of the window, see `seisclf.signal.snr`.

    Returns
    -------
    ratios : ndarray of float64 of shape (n_events, n_channels)
        0 for channels without power and for those that are NaN.
    """
    if X.ndim == 3:
        ratios = snr(X, window=window)
    else:
        loud, quiet = loud_and_quiet(np.abs(X).sum(axis=2), window)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = loud / quiet
    ratios = np.nan_to_num(ratios, nan=0.0, posinf=_LARGEST_RATIO).astype(np.float64)
    return np.minimum(ratios, _LARGEST_RATIO)
