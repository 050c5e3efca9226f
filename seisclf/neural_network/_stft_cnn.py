"""A convolutional network on spectrogram, waveform or scalogram."""

import numbers
import warnings

from ..nets import STFTCNN
from ..nets.stft_cnn import REPRESENTATIONS
from ._classifier import NeuralClassifier


class STFTCNNClassifier(NeuralClassifier):
    """VGG-like network on spectrogram, waveform or scalogram, computed from raw waveforms inside.

    Each event is reduced by its mean and divided by its largest absolute value, transformed to
    the `representation` and passed through blocks of convolution and max-pooling, then dense
    layers. At 250 Hz, 15 s and the default frames, the spectrogram has 65 x 95 points per
    component, as published [1]_. Band-pass filtering comes before, in a Pipeline
    (:class:`seisclf.preprocessing.Bandpass`), or by `freq_min` and `freq_max`.

    Parameters
    ----------
    sampling_rate : float, default=100.0
        Rate of X in Hz.
    representation : {"stft", "waveform", "cwt"}, default="stft"
        What the first convolution sees: the magnitudes of the short-time Fourier transform; the
        waveform itself, with convolutions along time; or a scalogram, the magnitudes of the
        wavelet transform of :func:`seisclf.signal.cwt`, averaged in frames. Parameters that a
        representation has no use for are ignored, as each of them says.
    window_length : float, default=0.512
        Length of a frame of the STFT in seconds. If X is shorter, one frame has the length of X,
        and a warning says so. Only for "stft".
    hop : float, default=0.16
        Seconds from one frame to the next, of "stft" and "cwt".
    window : str, default="boxcar"
        Window, by SciPy's name. Only for "stft".
    freq_min, freq_max : float, optional
        Frequencies outside this range (Hz) are hidden from the network; of "cwt" the lowest and
        the highest. By default "stft" shows all, and "cwt" goes from the frequency whose wavelet
        is as long as a quarter of the event (1 Hz for 15 s) to 0.8 of the Nyquist frequency.
        Ignored for "waveform": filter before.
    n_frequencies : int, default=64
        Rows of "cwt", in equal ratios. Only there.
    w0 : float, default=6.0
        Oscillations in a wavelet: more resolve frequency better and time worse. Only for "cwt".
    normalization : {"event", "channel"} or None, default="event"
        Whether all channels of an event are divided by one maximum, which keeps the ratios of the
        components, or each by its own. None leaves the amplitudes as they are.
    scaling : {"magnitude", "log"}, default="magnitude"
        "magnitude" shows the network magnitudes divided by their root mean square over the event;
        "log" decibels, standardised over the event. Ignored for "waveform".
    n_filters : tuple of int, default=(16, 32, 64, 64)
        Filters of each block.
    convs_per_block : int, default=1
        Convolutions between two poolings.
    kernel_size : int, optional
        Size of the convolutions along each axis, odd. By default 3, for "waveform" 11 samples.
    pool_size : int, optional
        Size of the poolings along each axis. By default 2, for "waveform" 4.
    n_hidden : int, default=128
        Units of the dense layer.
    pooling : {"flatten", "time", "average"}, default="flatten"
        What the dense layer sees of what the convolutions found: with "flatten" when and at
        which frequency it was, with "time" the mean over time, at which frequency but not when,
        with "average" neither. A waveform has no axis of frequencies, so that "time" and
        "average" are the same.
    batch_norm : bool, default=False
        Batch normalisation after each convolution. Faster, but with a few hundred events and
        large batches its running means come late.
    dropout : float, default=0.3
        Part of the units dropped before and after the dense layer while training.
    spectrogram_dropout : float, default=0.0
        While training, blank a random band and span of at most this part of the spectrogram or
        scalogram. Ignored for "waveform".
    max_shift : float, default=0.0
        While training, shift each event by up to this many seconds to either side.
    class_weight : None, "balanced", dict or ("balanced", dict), default="balanced"
        Factor of each class in the loss. "balanced" gives all classes the same total weight;
        ``("balanced", {"noise": 0.0})`` all but the classes named, which get their factor.
    max_epochs : int, default=100
        Passes over the training events; fewer with `early_stopping`.
    lr : float, default=7e-4
        Learning rate at the beginning.
    batch_size : int, default=128
        Events in one step of the optimizer, and in one step of a prediction.
    optimizer : {"adam", "adamw", "sgd"} or torch.optim.Optimizer class, default="adam"
        What makes the steps.
    weight_decay : float, default=0.0
        L2 penalty of "adam" and "sgd"; decoupled decay of "adamw".
    lr_schedule : {"constant", "plateau", "cosine"}, default="plateau"
        How the learning rate falls, see `NeuralEstimator`.
    lr_schedule_params : dict, optional
        By default times 0.9 after 5 epochs on a plateau.
    early_stopping : bool or int, default=False
        Epochs without a better validation loss after which to stop (True: 10).
    validation_fraction : float, optional
        Part of the events set aside; None: 0.1 with `early_stopping`, else nothing.
    augmenter : object, optional
        With a method ``augment(X, y, rng)`` for training batches.
    callbacks : list of skorch callbacks, optional
        Copied before use.
    net_params : dict, optional
        Further parameters of skorch's net, with double underscores.
    dtype : {"float32", "float64"}, default="float32"
        Precision of weights and arithmetic.
    device : str, default="auto"
        "auto" takes the GPU where there is one.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the last one.
    random_state : int, RandomState, Generator or None, default=None
        Fixes the whole training; global generators are not touched.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, in the order of the columns of ``predict_proba``.
    net_ : skorch.NeuralNet
        The trained net; ``net_.module_`` is the torch module.
    history_ : list of dict
        For each epoch ``epoch, train_loss, lr, dur`` (s), with validation ``valid_loss,
        valid_acc``, and in sessions of `continue_fit` ``train_acc``.
    n_iter_ : int
        Epochs trained.
    best_epoch_ : int
        Epoch whose weights are kept: with early stopping the best one, otherwise the last.
    n_features_in_, n_channels_in_, n_samples_in_ : int
        Shape of the events seen in ``fit``.

    See Also
    --------
    TrainingDisplay : Loss and accuracy over the epochs.
    seisclf.ensemble.FeatureForestClassifier : The baseline to beat.

    Notes
    -----
    The numbers of filters and kernels of the paper are lost, and its siblings on waveforms and
    scalograms are not described in it. The choice here is one design for all: four blocks of one
    convolution and one max-pooling with 16, 32, 64 and 64 filters, a dense layer of 128 units.
    Pictures have kernels of 3 x 3 and poolings of 2 x 2; waveforms kernels of 11 samples and
    poolings of 4, so that a unit of the last block sees 1106 samples, 4.4 s at 250 Hz, and the
    four poolings leave as many points as those of a picture. With three channels, 15 s at 250 Hz
    and four classes these are 224,996 weights on the spectrogram (65 x 95), as many on the
    scalogram (64 x 94) and 189,252 on the waveform.

    The training of the paper is the default: cross-entropy, Adam with 7e-4, times 0.9 on a plateau
    of 5 epochs, 100 epochs, batches of 128. Dropout is not in the paper. With a few hundred events
    a smaller `batch_size` trains further in as many epochs, and longer frames help where the
    sampling rate is low: 128 samples are 0.512 s at the paper's rate but 2.56 s at 50 Hz.

    With dropout, batch normalisation or several batches per epoch, an event of weight zero is
    not quite the same as one that is left out.

    References
    ----------
    .. [1] Jiang, J., Murray, D., Stankovic, V., Stankovic, L., Hibert, C., Pytharouli, S. and
       Malet, J.-P. (2025). A human-on-the-loop approach for labelling seismic recordings from
       landslide site via a multi-class deep-learning based classification model. Science of
       Remote Sensing. https://doi.org/10.1016/j.srs.2024.100189

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.neural_network import STFTCNNClassifier
    >>> rng = np.random.default_rng(0)
    >>> t = np.arange(400) / 100
    >>> X = rng.normal(size=(40, 3, 400))
    >>> y = np.repeat(["low", "high"], 20)
    >>> X[:20] += 5 * np.sin(2 * np.pi * 4 * t)
    >>> X[20:] += 5 * np.sin(2 * np.pi * 20 * t)
    >>> net = STFTCNNClassifier(n_filters=(4, 8), max_epochs=8, lr=0.01, random_state=0)
    >>> net.fit(X, y).score(X, y)
    1.0
    """

    def __init__(
        self,
        *,
        sampling_rate=100.0,
        representation="stft",
        window_length=0.512,
        hop=0.16,
        window="boxcar",
        freq_min=None,
        freq_max=None,
        n_frequencies=64,
        w0=6.0,
        normalization="event",
        scaling="magnitude",
        n_filters=(16, 32, 64, 64),
        convs_per_block=1,
        kernel_size=None,
        pool_size=None,
        n_hidden=128,
        pooling="flatten",
        batch_norm=False,
        dropout=0.3,
        spectrogram_dropout=0.0,
        max_shift=0.0,
        class_weight="balanced",
        max_epochs=100,
        lr=7e-4,
        batch_size=128,
        optimizer="adam",
        weight_decay=0.0,
        lr_schedule="plateau",
        lr_schedule_params=None,
        early_stopping=False,
        validation_fraction=None,
        augmenter=None,
        callbacks=None,
        net_params=None,
        dtype="float32",
        device="auto",
        warm_start=False,
        random_state=None,
        verbose=0,
    ):
        self.sampling_rate = sampling_rate
        self.representation = representation
        self.window_length = window_length
        self.hop = hop
        self.window = window
        self.freq_min = freq_min
        self.freq_max = freq_max
        self.n_frequencies = n_frequencies
        self.w0 = w0
        self.normalization = normalization
        self.scaling = scaling
        self.n_filters = n_filters
        self.convs_per_block = convs_per_block
        self.kernel_size = kernel_size
        self.pool_size = pool_size
        self.n_hidden = n_hidden
        self.pooling = pooling
        self.batch_norm = batch_norm
        self.dropout = dropout
        self.spectrogram_dropout = spectrogram_dropout
        self.max_shift = max_shift
        super().__init__(
            class_weight=class_weight,
            max_epochs=max_epochs,
            lr=lr,
            batch_size=batch_size,
            optimizer=optimizer,
            weight_decay=weight_decay,
            lr_schedule=lr_schedule,
            lr_schedule_params=lr_schedule_params,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            augmenter=augmenter,
            callbacks=callbacks,
            net_params=net_params,
            dtype=dtype,
            device=device,
            warm_start=warm_start,
            random_state=random_state,
            verbose=verbose,
        )

    def spectrogram(self, X):
        """Show what the network sees.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Waveforms.

        Returns
        -------
        frequencies : ndarray of shape (n_frequencies,) or None
            Hz; None if the network sees waveforms.
        times : ndarray of shape (n_frames,) or (n_samples,)
            Centres of the frames, or the samples, in seconds after the first sample.
        S : ndarray of shape (n_events, n_channels, n_frequencies, n_frames)
            The input of the first convolution; of waveforms (n_events, n_channels, n_samples).
        """
        outputs = self._forward(X, part="spectrogram")
        return *self.net_.module_.map_axes(), outputs

    def _module(self):
        self._check_architecture()
        window_length, hop = self._frames()
        return STFTCNN, {
            "n_channels": self.n_channels_in_,
            "n_samples": self.n_samples_in_,
            "n_outputs": len(self.classes_),
            "sampling_rate": self.sampling_rate,
            "representation": self.representation,
            "window_length": window_length,
            "hop": hop,
            "window": self.window,
            "freq_min": self.freq_min,
            "freq_max": self.freq_max,
            "n_frequencies": self.n_frequencies,
            "w0": self.w0,
            "normalization": self.normalization,
            "scaling": self.scaling,
            "n_filters": tuple(self.n_filters),
            "convs_per_block": self.convs_per_block,
            "kernel_size": self.kernel_size,
            "pool_size": self.pool_size,
            "n_hidden": self.n_hidden,
            "pooling": self.pooling,
            "batch_norm": self.batch_norm,
            "dropout": self.dropout,
            "spectrogram_dropout": self.spectrogram_dropout,
            "max_shift": round(self.max_shift * self.sampling_rate),
        }

    def _frames(self):
        duration = self.n_samples_in_ / self.sampling_rate
        if self.representation != "stft":
            return self.window_length, self.hop
        if round(self.window_length * self.sampling_rate) <= self.n_samples_in_:
            return self.window_length, self.hop
        warnings.warn(
            f"window_length={self.window_length} s is longer than the events, {duration:g} s "
            f"({self.n_samples_in_} samples at {self.sampling_rate:g} Hz): the spectrogram uses "
            f"frames of {duration:g} s",
            UserWarning,
            stacklevel=7,
        )
        return duration, min(self.hop, duration)

    def _check_architecture(self):
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {allowed}; got {getattr(self, name)!r}")
        for name in ("dropout", "spectrogram_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must lie in [0, 1); got {getattr(self, name)!r}")
        for name, odd in (("kernel_size", True), ("pool_size", False)):
            _check_size(name, getattr(self, name), odd)
        if self.max_shift < 0:
            raise ValueError(f"max_shift must be >= 0 seconds; got {self.max_shift!r}")
        if not len(self.n_filters) or min(self.n_filters) < 1:
            raise ValueError(
                f"n_filters must hold a positive number for each block; got {self.n_filters!r}"
            )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # Events are normalised and reduced to magnitudes: of scikit-learn's blobs, points with
        # two coordinates whose sign and size make the class, nothing is left to learn from.
        tags.classifier_tags.poor_score = True
        return tags

    @classmethod
    def _get_test_params(cls):
        cheap = {
            "n_filters": (2, 2),
            "n_hidden": 4,
            "batch_norm": False,
            "dropout": 0.0,
            "hop": 0.01,
            "max_epochs": 3,
            "lr": 0.01,
            "dtype": "float64",
            "device": "cpu",
        }
        return [
            {**cheap, "window_length": 0.02},
            {**cheap, "representation": "waveform", "kernel_size": 5},
            {**cheap, "representation": "cwt", "n_frequencies": 4},
        ]


def _check_size(name, value, odd):
    if value is None:
        return
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not whole or value < 1 or (odd and value % 2 == 0):
        kind = "an odd integer" if odd else "an integer"
        raise ValueError(f"{name} must be {kind} >= 1, or None for the default; got {value!r}")


_CHOICES = {
    "representation": REPRESENTATIONS,
    "normalization": ("event", "channel", None),
    "scaling": ("log", "magnitude"),
    "pooling": ("flatten", "time", "average"),
}
