"""From the answers of single windows to one class over time, as published for STFT-CNN."""

import math
import numbers

import numpy as np

from ._peaks import overlapping, runs_of_rows, without_beaten
from ._series import SeriesTransformer, filter_stretches

# What the paper says, and what its authors' scripts do.
_VARIANTS = {
    "paper": {"threshold": 0.5, "size": 5, "length": 15, "std": 5.0, "min_height": 0.0},
    "code": {"threshold": 0.7, "size": 5, "length": 15, "std": 4.0, "min_height": 0.18},
}


class ThresholdFilter(SeriesTransformer):
    """Set to zero what lies below a threshold.

    Parameters
    ----------
    threshold : float, default=0.5
        Lowest value that stays as it is.

    Attributes
    ----------
    n_features_in_, n_channels_in_, n_samples_in_ : int
        Shape seen by ``fit``: frames, classes, frames.

    See Also
    --------
    stft_cnn_postprocessing : The chain that this is the first step of.

    Examples
    --------
    >>> from seisclf.detection import ThresholdFilter
    >>> ThresholdFilter(threshold=0.5).fit_transform([[[0.4, 0.5, 0.9], [0.6, 0.5, 0.1]]])
    array([[[0. , 0.5, 0.9],
            [0.6, 0.5, 0. ]]])
    """

    def __init__(self, *, threshold=0.5):
        self.threshold = threshold

    def _check(self):
        _check_number(self.threshold, "threshold", least=None)

    @property
    def reach_frames(self):
        """Frames on either side that a value depends on."""
        return 0

    def _apply(self, X):
        low = np.less(X, self.threshold)  # NaN is not below anything
        return np.where(low, X.dtype.type(0), X)

    @classmethod
    def _get_test_params(cls):
        return [{}]


class MedianFilter(SeriesTransformer):
    """Replace each value by the median of those around it, class by class.

    What lasts for less than half of `size` frames disappears, and gaps as short are closed.
    Where a series ends, or data is missing, zeros stand in.

    Parameters
    ----------
    size : int, default=5
        Frames, an odd number.

    Attributes
    ----------
    n_features_in_, n_channels_in_, n_samples_in_ : int
        Shape seen by ``fit``: frames, classes, frames.

    See Also
    --------
    stft_cnn_postprocessing : The chain that this is the second step of.

    Examples
    --------
    >>> from seisclf.detection import MedianFilter
    >>> MedianFilter(size=3).fit_transform([[0.9, 0.0, 0.0, 0.8, 0.9, 0.0, 0.7, 0.0]])
    array([[0. , 0. , 0. , 0.8, 0.8, 0.7, 0. , 0. ]])
    """

    def __init__(self, *, size=5):
        self.size = size

    def _check(self):
        _check_odd(self.size, "size")

    @property
    def reach_frames(self):
        """Frames on either side that a value depends on."""
        return self.size // 2

    def _apply(self, X):
        from scipy.ndimage import median_filter

        # A wider one sees no more of the series, and zeros have the majority in either.
        reach = min(self.size // 2, X.shape[-1])
        return filter_stretches(
            X, lambda values: median_filter(values, 2 * reach + 1, mode="constant"), reach
        )

    @classmethod
    def _get_test_params(cls):
        return [{}, {"size": 3}]


class GaussianSmoother(SeriesTransformer):
    """Smooth each class by a Gaussian kernel whose weights sum to one.

    A peak of few frames becomes low: after smoothing, the highest of several peaks is the one
    that lasts longest. Where a series ends, or data is missing, zeros stand in, because what was
    not recorded does not make an event longer.

    Parameters
    ----------
    length : int, default=15
        Frames of the kernel, an odd number.
    std : float, default=5.0
        Standard deviation in frames; the paper's 5, while its authors' scripts have 4.

    Attributes
    ----------
    n_features_in_, n_channels_in_, n_samples_in_ : int
        Shape seen by ``fit``: frames, classes, frames.

    See Also
    --------
    stft_cnn_postprocessing : The chain that this is the third step of.

    Examples
    --------
    >>> from seisclf.detection import GaussianSmoother
    >>> smoother = GaussianSmoother(length=3, std=1.0)
    >>> smoother.fit_transform([[0.0, 0.0, 1.0, 0.0, 0.0], [1.0, 1.0, 1.0, 0.0, 0.0]]).round(3)
    array([[0.   , 0.274, 0.452, 0.274, 0.   ],
           [0.726, 1.   , 0.726, 0.274, 0.   ]])
    """

    def __init__(self, *, length=15, std=5.0):
        self.length = length
        self.std = std

    def _check(self):
        _check_odd(self.length, "length")
        _check_number(self.std, "std", least=None)
        if not self.std > 0:
            raise ValueError(f"std must be positive, in frames; got {self.std!r}")

    @property
    def kernel(self):
        """Weights, an ndarray of shape (length,) that sums to one."""
        offset = np.arange(self.length) - self.length // 2
        weights = np.exp(-0.5 * (offset / self.std) ** 2)
        return weights / weights.sum()

    @property
    def reach_frames(self):
        """Frames on either side that a value depends on."""
        return self.length // 2

    def _apply(self, X):
        from scipy.ndimage import correlate1d

        middle = self.length // 2
        reach = min(middle, X.shape[-1])  # what lies beyond meets zeros only
        kernel = self.kernel[middle - reach : middle + reach + 1]
        return filter_stretches(
            X, lambda values: correlate1d(values, kernel, mode="constant"), reach
        )

    @classmethod
    def _get_test_params(cls):
        return [{}, {"length": 5, "std": 1.0}]


class PeakSelector(SeriesTransformer):
    """Keep, of peaks of several classes at one time, the highest, and nothing else.

    A peak is an unbroken stretch of frames in which a class reaches `min_height`, as high as its
    highest value. Of peaks that overlap in time the highest stays as it is; those that overlap
    with it become zero, and so on with the highest of the others. Two peaks that do not overlap
    with each other may both stay, although both overlap with a third that is lower. Of equally
    high peaks the longer stays, then the earlier, then that of the first class.

    Parameters
    ----------
    min_height : float, default=0.18
        Lowest value that belongs to a peak. With 0, all that is above zero does.
    min_overlap : float, default=0.0
        Part of the shorter of two peaks, in frames, beyond which both must last together for the
        lower one to go. 0: any frame is enough. Peaks that overlap less both stay as they are.

    Attributes
    ----------
    n_features_in_, n_channels_in_, n_samples_in_ : int
        Shape seen by ``fit``: frames, classes, frames.

    See Also
    --------
    stft_cnn_postprocessing : The chain that this is the last step of.

    Examples
    --------
    A quake that is lower than the rockfall beside it, and one that is alone:

    >>> from seisclf.detection import PeakSelector
    >>> quake = [0.3, 0.4, 0.2, 0.0, 0.1, 0.3]
    >>> rockfall = [0.0, 0.2, 0.6, 0.3, 0.1, 0.0]
    >>> PeakSelector(min_height=0.18).fit_transform([[quake, rockfall]])
    array([[[0. , 0. , 0. , 0. , 0. , 0.3],
            [0. , 0.2, 0.6, 0.3, 0. , 0. ]]])
    """

    def __init__(self, *, min_height=0.18, min_overlap=0.0):
        self.min_height = min_height
        self.min_overlap = min_overlap

    def _check(self):
        _check_number(self.min_height, "min_height", least=0)
        _check_number(self.min_overlap, "min_overlap", least=0)
        if self.min_overlap >= 1:
            raise ValueError(f"min_overlap must be below 1; got {self.min_overlap!r}")

    @property
    def reach_frames(self):
        """Frames on either side that a value depends on, where nothing stands out; see
        :meth:`divides`."""
        return 1

    def divides(self, X):
        """Boundaries at which series may be divided: those that no peak goes across.

        Parameters
        ----------
        X : ndarray of float, shape (n_series, n_classes, n_frames)
            Series. NaN where there is no data.

        Returns
        -------
        divides : ndarray of bool, shape (n_frames + 1,)
            Number k is the boundary before frame k.
        """
        stands_out = self._stands_out(X)
        divides = np.ones(X.shape[-1] + 1, dtype=bool)
        divides[1:-1] = ~(stands_out[..., 1:] & stands_out[..., :-1]).any(axis=(0, 1))
        return divides

    def _stands_out(self, X):
        return np.greater_equal(X, self.min_height) & (X > 0)

    def _apply(self, X):
        n_series, n_classes, n_frames = X.shape
        stands_out = self._stands_out(X)
        row, first, last = runs_of_rows(stands_out.reshape(-1, n_frames))
        height = np.array([])
        if len(row):
            edges = np.stack([row * n_frames + first, row * n_frames + last], axis=1).ravel()
            # One value more, since the last stretch may end where the array does.
            values = np.append(X.ravel(), 0)
            height = np.maximum.reduceat(values, edges)[::2]
        # Highest first, then longest, earliest, and first class.
        order = np.lexsort((row % n_classes, first, first - last, -height))
        row, first, last = row[order], first[order], last[order]
        better, worse = overlapping(row // n_classes, first, last, min_share=self.min_overlap)
        kept = without_beaten(len(row), better, worse)
        change = np.zeros((n_series * n_classes, n_frames + 1), dtype=np.int8)
        change[row[kept], first[kept]] = 1
        change[row[kept], last[kept]] = -1  # no stretch of a row begins where another ends
        stays = np.cumsum(change, axis=1, dtype=np.int8)[:, :-1].reshape(X.shape) > 0
        return np.where(stays | np.isnan(X), X, X.dtype.type(0))

    @classmethod
    def _get_test_params(cls):
        return [{}, {"min_height": 0.0, "min_overlap": 0.5}]


def stft_cnn_postprocessing(variant="paper"):
    """The published chain: threshold, median, Gaussian, highest peak.

    Its lengths are frames, of 1 s each in the paper: windows of 15 s every second, one value for
    each window. Use it with :class:`EventDetector`, ``step=1.0``, or on any series.

    Parameters
    ----------
    variant : {"paper", "code"}, default="paper"
        "paper": threshold 0.5, median over 5 frames, kernel of 15 frames with a standard
        deviation of 5; every peak that is left counts. "code", as in the authors' scripts:
        threshold 0.7, standard deviation 4, and what is lower than 0.18 is no event.

    Returns
    -------
    chain : sklearn.pipeline.Pipeline
        Steps ``threshold``, ``median``, ``smooth`` and ``select``; their parameters can be set
        and searched, ``chain.set_params(select__min_height=0.3)``.

    Raises
    ------
    ValueError
        If `variant` is unknown.

    References
    ----------
    .. [1] Jiang, J., Murray, D., Stankovic, V., Stankovic, L., Hibert, C., Pytharouli, S. and
       Malet, J.-P. (2025). A human-on-the-loop approach for labelling seismic recordings from
       landslide site via a multi-class deep-learning based classification model. Science of
       Remote Sensing. https://doi.org/10.1016/j.srs.2024.100189 (section 4.4)

    Examples
    --------
    Seven seconds of a quake within twelve of a rockfall, and a spike:

    >>> import numpy as np
    >>> from seisclf.detection import stft_cnn_postprocessing
    >>> quake, rockfall = np.zeros((2, 60))
    >>> quake[20:27], rockfall[27:39], rockfall[50] = 0.8, 0.9, 1.0
    >>> chain = stft_cnn_postprocessing("code")
    >>> quake, rockfall = chain.fit_transform([[quake, rockfall]])[0]
    >>> quake.max().item(), np.flatnonzero(rockfall)[[0, -1]].tolist()
    (0.0, [24, 41])
    """
    from sklearn.pipeline import Pipeline

    if variant not in _VARIANTS:
        raise ValueError(f"variant must be one of {', '.join(_VARIANTS)}; got {variant!r}")
    chosen = _VARIANTS[variant]
    return Pipeline(
        [
            ("threshold", ThresholdFilter(threshold=chosen["threshold"])),
            ("median", MedianFilter(size=chosen["size"])),
            ("smooth", GaussianSmoother(length=chosen["length"], std=chosen["std"])),
            ("select", PeakSelector(min_height=chosen["min_height"])),
        ]
    )


def _check_number(value, name, *, least):
    if not isinstance(value, numbers.Real) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number; got {value!r}")
    if least is not None and value < least:
        raise ValueError(f"{name} must be at least {least}; got {value!r}")


def _check_odd(value, name):
    if (
        not isinstance(value, numbers.Integral)
        or isinstance(value, bool)
        or value < 1
        or value % 2 == 0
    ):
        raise ValueError(
            f"{name} must be an odd number of frames, so that it has a middle; got {value!r}"
        )
