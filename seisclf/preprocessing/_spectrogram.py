"""Spectrograms as a step of a pipeline."""

import warnings

from ..signal._frames import frame_settings
from ..signal._resize import interpolation_matrix, resized_shape
from ..signal._stft import OUTPUTS, stft_bytes, stft_of_rows
from ._base import WaveformTransformer
from ._pictures import check_picture_settings, make_pictures

#: Settings of published spectrograms, by name; see :meth:`Spectrogram.from_preset`.
SPECTROGRAM_PRESETS = {
    "rocknet": {
        "sampling_rate": 100.0,
        "window": "hann",
        "window_length": 0.2,
        "hop": 0.1,
        "n_fft": 100,
        "output": "complex",
        "scaling": "std",
    },
    "stft_cnn": {
        "sampling_rate": 250.0,
        "window": "boxcar",
        "window_length": 0.512,
        "hop": 0.16,
        "output": "magnitude",
    },
    "aknes": {
        "sampling_rate": 1000.0,
        "window": ("tukey", 0.25),
        "window_length": 0.08,
        "overlap": 0.125,
        "padding": "none",
        "detrend": "constant",
        "output": "psd",
        "log": "log10p1",
        "scaling": "min_max",
        "size": 128,
    },
}


class Spectrogram(WaveformTransformer):
    """Pictures of frequency against time, by short-time Fourier transform.

    One trace of (n_samples,) becomes (n_frequencies, n_frames); an event (n_channels, n_samples)
    becomes (n_channels, n_frequencies, n_frames), and so on for networks.

    Parameters
    ----------
    sampling_rate : float, default=100.0
        Samples per second (Hz).
    window_length : float, default=1.28
        Length of a frame in seconds. May be None if `window` is an array.
    hop : float, optional
        Seconds from one frame to the next. Give this or `overlap`; by default half a window.
    overlap : float, optional
        Part of the window that neighbouring frames share, in [0, 1).
    window : str, tuple or array-like, default="hann"
        Window, by SciPy's name or as an array.
    n_fft : int, optional
        Samples of the Fourier transform, at least those of the window.
    padding : {"zeros", "none"}, default="zeros"
        "zeros": half a window of zeros before and after each trace, so that frame ``k`` is
        centred on ``k * hop`` seconds and every sample counts. "none": only complete frames.
    detrend : {"constant", None}, default=None
        "constant" removes the mean of each frame.
    output : {"magnitude", "power", "psd", "complex"}, default="magnitude"
        What a cell holds, as for :func:`seisclf.signal.stft`. "complex" makes two channels of
        each, the real part and then the imaginary part.
    log : {"db", "log1p", "log10p1", None}, default=None
        Decibels (20 log10 of magnitudes, 10 log10 of power and density; cells more than 120 dB
        below the loudest of their channel are raised to that level), ``ln(1 + S)`` or
        ``log10(1 + S)``.
    scaling : {"zscore", "min_max", "max_abs", "robust", "std", None}, default=None
        Scaling of each picture by its own cells, after the logarithm; as in
        :class:`WaveformScaler`. "std" divides by the standard deviation and subtracts nothing;
        of complex pictures by that of the complex numbers.
    scope : {"channel", "station", "event"}, default="channel"
        Which pictures share one scale.
    size : int or tuple of int (height, width), optional
        Resize the picture, last of all. One number is the height; the width keeps its ratio.
    n_threads : int, optional
        Threads; by default what ``OMP_NUM_THREADS`` allows, at most one per core.

    Attributes
    ----------
    frequencies_ : ndarray of shape (n_frequencies,)
        Frequency of each row (Hz), ascending.
    times_ : ndarray of shape (n_frames,)
        Centre of each column, in seconds after the first sample.
    n_features_in_, n_channels_in_, n_samples_in_ : int
        Shape seen by ``fit``; ``n_stations_in_`` for events over a network.

    See Also
    --------
    Scalogram : The same with wavelets.
    seisclf.signal.stft : The transform behind it.

    Notes
    -----
    A window longer than the traces is shortened to them, and the hop with it, with a warning.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.preprocessing import Spectrogram
    >>> X = np.random.default_rng(0).normal(size=(2, 3, 3750)).astype("float32")
    >>> spectrogram = Spectrogram.from_preset("stft_cnn")
    >>> spectrogram.fit_transform(X).shape
    (2, 3, 65, 95)
    >>> spectrogram.frequencies_[-1], spectrogram.times_[1]
    (np.float64(125.0), np.float64(0.16))
    """

    _keeps_shape = False

    def __init__(
        self,
        *,
        sampling_rate=100.0,
        window_length=1.28,
        hop=None,
        overlap=None,
        window="hann",
        n_fft=None,
        padding="zeros",
        detrend=None,
        output="magnitude",
        log=None,
        scaling=None,
        scope="channel",
        size=None,
        n_threads=None,
    ):
        self.sampling_rate = sampling_rate
        self.window_length = window_length
        self.hop = hop
        self.overlap = overlap
        self.window = window
        self.n_fft = n_fft
        self.padding = padding
        self.detrend = detrend
        self.output = output
        self.log = log
        self.scaling = scaling
        self.scope = scope
        self.size = size
        self.n_threads = n_threads

    @classmethod
    def from_preset(cls, name, **changes):
        """Make the spectrogram of a published method.

        Parameters
        ----------
        name : {"rocknet", "stft_cnn", "aknes"}
            - "rocknet" [1]_: real and imaginary part, 51 x 601 for 60 s at 100 Hz. The authors
              take it of the vertical component after ``WaveformScaler()`` and
              ``Bandpass(low=0.1, zero_phase=False)``; their paper prints the squared modulus,
              their code and weights use the complex parts.
            - "stft_cnn" [2]_: magnitude, 65 x 95 for 15 s at 250 Hz. The printed overlap of 70 %
              would not give 95 frames; a hop of 40 samples does.
            - "aknes" [3]_: logarithm of the power spectral density, scaled to [0, 1], 128 x 711
              for 16 s at 1000 Hz.
        **changes : dict
            Parameters to change.

        Returns
        -------
        spectrogram : Spectrogram
            An unfitted transformer with the settings of the preset.

        Raises
        ------
        ValueError
            If there is no preset of that name.

        References
        ----------
        .. [1] Liao et al. (2023), "RockNet: Rockfall and earthquake detection and association via
           multitask learning and transfer learning", IEEE Transactions on Geoscience and Remote
           Sensing 61.
        .. [2] Jiang et al. (2024), "Explainable AI for transparent seismic signal
           classification".
        .. [3] Lee et al. (2022), "Exploring an ensemble of CNNs and self-supervised learning for
           the classification of micro-seismic events on a slope at Aknes".

        Examples
        --------
        >>> from seisclf.preprocessing import Spectrogram
        >>> Spectrogram.from_preset("rocknet", scaling=None)
        Spectrogram(hop=0.1, n_fft=100, output='complex', window_length=0.2)
        """
        if name not in SPECTROGRAM_PRESETS:
            raise ValueError(f"name must be one of {sorted(SPECTROGRAM_PRESETS)}, got {name!r}")
        return cls(**{**SPECTROGRAM_PRESETS[name], **changes})

    @classmethod
    def _get_test_params(cls):
        return [
            {"window_length": 0.08},
            {"window_length": 0.08, "output": "complex", "scaling": "std"},
            {
                "window_length": 0.08,
                "padding": "none",
                "output": "psd",
                "log": "db",
                "scaling": "zscore",
                "size": 8,
            },
        ]

    def _prepare(self, n_samples):
        if self.output not in OUTPUTS:
            raise ValueError(f"output must be one of {OUTPUTS}, got {self.output!r}")
        check_picture_settings(self.log, self.scaling, self.scope, parts=self._n_parts())
        settings = self._frames(n_samples, warn=True)
        frequencies, times = settings.frequencies(), settings.times(n_samples)
        if self.size is not None:
            height, width = resized_shape((len(frequencies), len(times)), self.size)
            frequencies = interpolation_matrix(len(frequencies), height) @ frequencies
            times = interpolation_matrix(len(times), width) @ times
        self.frequencies_, self.times_ = frequencies, times

    def _apply(self, X):
        n_samples = X.shape[-1]
        settings = self._frames(n_samples)
        return make_pictures(
            X,
            stft_of_rows(settings, n_samples, X.dtype, detrend=self.detrend, output=self.output),
            (settings.n_frequencies, settings.n_frames(n_samples)),
            parts=self._n_parts(),
            row_bytes=stft_bytes(settings, n_samples, X.itemsize),
            log=self.log,
            amplitude=self.output == "magnitude",
            scaling=self.scaling,
            scope=self.scope,
            size=self.size,
            workers=self.n_threads,
        )

    def _n_parts(self):
        return 2 if self.output == "complex" else 1

    def _frames(self, n_samples, *, warn=False):
        given = {
            "sampling_rate": self.sampling_rate,
            "window": self.window,
            "n_fft": self.n_fft,
            "padding": self.padding,
        }
        settings = frame_settings(
            window_length=self.window_length, hop=self.hop, overlap=self.overlap, **given
        )
        if settings.length <= n_samples or not isinstance(self.window, (str, tuple)):
            settings.n_frames(n_samples)  # an array that is too long cannot be shortened
            return settings
        hop = max(1, settings.hop * n_samples // settings.length)
        if warn:
            warnings.warn(
                f"window_length={self.window_length} s is {settings.length} samples at "
                f"{self.sampling_rate:g} Hz, longer than the traces: shortened to their "
                f"{n_samples} samples, with a hop of {hop}",
                UserWarning,
                stacklevel=4,
            )
        return frame_settings(
            window_length=n_samples / self.sampling_rate, hop=hop / self.sampling_rate, **given
        )
