"""A ResNet or AlexNet that classifies, with an encoder that may have been trained before."""

import numpy as np
from sklearn.utils import column_or_1d

from ..utils._unlabelled import is_unlabelled
from ._classifier import NeuralClassifier
from ._encoder_network import EncoderNetwork
from ._trained_encoder import TrainedEncoder


class CNNClassifier(EncoderNetwork, NeuralClassifier):
    """ResNet or AlexNet on spectrograms or waveforms, from the start or a pre-trained encoder.

    Of each channel a picture is made: power spectral density, logarithm, scaled to [0, 1] and
    resized (:class:`seisclf.nets.SpectrogramPicture`). An image network, the backbone, turns the
    pictures of an event into a vector, and a linear layer, the head, names the class. Backbone and
    picture together are the encoder; it may come from elsewhere (`encoder`), pre-trained without
    labels or on other data, and be trained further or kept as it is.

    Parameters
    ----------
    sampling_rate : float, default=100.0
        Rate of X in Hz.
    representation : {"spectrogram", "picture", "waveform"}, default="spectrogram"
        "spectrogram": X are waveforms. "picture": X are pictures already, (n_events, n_channels,
        height, width) or (n_events, height, width), for instance those of
        :class:`seisclf.preprocessing.Spectrogram`, computed once instead of in every epoch.
        "waveform": the one-dimensional form of the ResNet sees the waveforms themselves, see the
        Notes. In the last two the parameters of the frames are ignored, from `window_length` to
        `size`.
    window_length : float, optional
        Length of a frame in seconds. None: 80 samples, which are 0.08 s at the published 1000 Hz.
        If X is shorter, one frame has the length of X, and of a given length a warning says so.
    overlap : float, default=0.125
        Part of a frame that it shares with the next, in [0, 1).
    window : str or tuple, default=("tukey", 0.25)
        Window, by SciPy's name.
    log : {"log10p1", "db", "log1p", None}, default="log10p1"
        Logarithm of the density S: ``log10(1 + S)``, as published, for waveforms in counts;
        decibels, which do not depend on the unit, down to 120 below the loudest cell; ``ln(1 +
        S)``; or none. A warning says when S is so small that the first and third are linear.
    size : int, tuple of int (height, width), or None, default=128
        Size of the pictures. One number is the height; the width keeps its ratio to it. None
        leaves one cell for each frequency and frame.
    backbone : str, optional
        "resnet18", "resnet34", "resnet50", "resnet101", "resnet152" or "alexnet". None: that of
        the encoder, without one "resnet34".
    width : int, default=64
        Filters of the first convolution. All others grow with it; 16 has a sixteenth of the
        weights.
    encoder : optional
        What the network starts from:

        - None: random weights;
        - a :class:`TrainedEncoder`, such as ``encoder_`` of an estimator that was fitted before;
        - an estimator that learns without labels, such as
          :class:`seisclf.self_supervised.SelfSupervisedEncoder`. A clone is fitted on all rows of
          X, kept as ``pretraining_``, and its ``encoder_`` is trained further with the labels.
          Rows of which the label is -1 (in an array of text "-1") are unlabelled: they take part
          in the first and not in the second. Its parameters are searched as ``encoder__...``;
        - a fitted estimator in a :class:`sklearn.frozen.FrozenEstimator`, which is not fitted
          again;
        - path of a file of torchvision's weights, see :meth:`TrainedEncoder.from_weights_file`.

        What the encoder settles, from `representation` to `width`, then stays at its default here
        (or agrees with it), and `sampling_rate` must be the encoder's; only for a file of weights
        these parameters are needed. An encoder of another number of channels is adapted: its first
        convolution is summed over its channels and shared out evenly over those of X.
    freeze_encoder : bool, default=False
        Whether only the head learns (linear evaluation). Weights and statistics of the encoder
        stay as they are.
    freeze_batch_norm : bool, default=False
        Whether batch normalisation in the encoder keeps the statistics it came with. The authors
        do so when they fine-tune with 5 or 10 % of the labels.
    head_lr : float, optional
        Learning rate of the head at the beginning; None: `lr`.
    encoder_lr : float, optional
        Learning rate of the encoder at the beginning. None: `lr`, or half of it if the encoder
        was trained before. All rates follow `lr_schedule`.
    dropout : float, default=0.0
        Part of the vector dropped before the head while training. (AlexNet drops half of the
        units of its own dense layers besides.)
    class_weight : None, "balanced", dict or tuple, default="balanced"
        Factor of each class in the loss. "balanced" gives all classes the same total weight;
        ``("balanced", {"noise": 0.0})`` those that are not named, as the authors do with their
        noise class of eight events.
    max_epochs : int, default=100
        Passes over the training events; fewer with `early_stopping`.
    lr : float, default=1e-3
        Learning rate at the beginning.
    batch_size : int, default=64
        Events in one step of the optimizer, and in one step of a prediction.
    optimizer : {"adam", "adamw", "sgd"} or torch.optim.Optimizer class, default="adam"
        What makes the steps.
    weight_decay : float, default=0.0
        L2 penalty of "adam" and "sgd"; decoupled decay of "adamw".
    lr_schedule : {"constant", "plateau", "cosine"}, default="cosine"
        How the learning rates fall, see `NeuralEstimator`.
    lr_schedule_params : dict, optional
        By default half a cosine down to zero over `max_epochs`.
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
        Whether ``fit`` goes on from the last one. `freeze_encoder`, `freeze_batch_norm` and the
        learning rates may have changed in between; `encoder` is not looked at again, but its
        unlabelled rows are still left out.
    random_state : int, RandomState, Generator or None, default=None
        Fixes the whole training; global generators are not touched. An estimator in `encoder` has
        a ``random_state`` of its own.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, in the order of the columns of ``predict_proba``.
    encoder_ : TrainedEncoder
        The encoder as it is after training, made when it is asked for.
    pretraining_ : estimator
        What `encoder` has become, if it was an estimator to be fitted.
    encoder_settings_ : dict
        Parameters of :class:`seisclf.nets.EventEncoder` that are in force.
    net_ : skorch.NeuralNet
        The trained net; ``net_.module_`` is the torch module.
    history_ : list of dict
        For each epoch ``epoch, train_loss, lr, dur`` (s), with validation ``valid_loss,
        valid_acc``, and in sessions of `continue_fit` ``train_acc``.
    n_iter_ : int
        Epochs trained.
    best_epoch_ : int
        Epoch whose weights are kept: with early stopping the best one, otherwise the last.
    n_features_in_, n_channels_in_ : int
        Shape of the events seen in ``fit``.
    n_samples_in_ : int
        Samples of a waveform; of pictures there is ``picture_shape_``, (height, width), instead.

    See Also
    --------
    TrainedEncoder : The encoder as a transformer before any other classifier.
    seisclf.self_supervised.SelfSupervisedEncoder : Learns an encoder without labels.
    seisclf.ensemble.ChannelEnsembleClassifier : Trains on one channel, lets all channels vote.
    STFTCNNClassifier : A network of a hundredth of the weights.

    Notes
    -----
    The training of the paper is the default [1]_: cross-entropy with balanced classes, Adam with
    1e-3 along half a cosine, 100 epochs, batches of 64; fine-tuning with 1e-3 for the head and
    5e-4 for the encoder. For the network that sees all channels in one picture the authors train
    50 epochs with a weight decay of 1e-4.

    Their code and this one differ in this. There the cosine falls with every step, here with every
    epoch. There the networks of the purely supervised experiments end in the largest value of each
    filter's map, and only the encoders of the self-supervised ones in its mean; here it is always
    the mean, as in [2]_. There the running statistics of batch normalisation go over the last ten
    batches or so, here over the batches of about one epoch, and the first ones count alike: with
    few batches in an epoch, a network that has just begun would otherwise predict with statistics
    of nothing.

    A network of waveforms divides them all by one number, the standard deviation in the training
    events, so that the unit does not matter. Events of very different amplitudes are scaled each
    by itself before, ``make_pipeline(WaveformScaler(scope="event"), CNNClassifier(
    representation="waveform", ...))``.

    A ResNet34 has 21 million weights, of which a few hundred events can fix few. Smaller `width`
    and `size` train many times faster on a CPU: 16 and 64 are a good beginning. An event of weight
    zero is not quite the same as one that is left out, because batch normalisation sees it.

    References
    ----------
    .. [1] Lee, D., Aune, E., Langet, N. and Eidsvik, J. (2022). Ensemble and self-supervised
       learning for improved classification of seismic signals from the Åknes rockslope.
       Mathematical Geosciences.
    .. [2] He, K., Zhang, X., Ren, S. and Sun, J. (2016). Deep residual learning for image
       recognition. CVPR.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.neural_network import CNNClassifier
    >>> rng = np.random.default_rng(0)
    >>> t = np.arange(400) / 100
    >>> X = rng.normal(size=(40, 400))
    >>> y = np.repeat(["low", "high"], 20)
    >>> X[:20] += 5 * np.sin(2 * np.pi * 4 * t)
    >>> X[20:] += 5 * np.sin(2 * np.pi * 20 * t)
    >>> net = CNNClassifier(
    ...     backbone="resnet18", width=4, size=32, log="db", max_epochs=6, lr=0.01, random_state=0
    ... )
    >>> net.fit(X, y).score(X, y)
    1.0

    Starting from what it has learned, with a new head:

    >>> linear = CNNClassifier(encoder=net.encoder_, freeze_encoder=True, max_epochs=2, lr=0.1)
    >>> linear.fit(X[::4], y[::4]).predict(X[[0, -1]])
    array(['low', 'high'], dtype='<U4')
    """

    def __init__(
        self,
        *,
        sampling_rate=100.0,
        representation="spectrogram",
        window_length=None,
        overlap=0.125,
        window=("tukey", 0.25),
        log="log10p1",
        size=128,
        backbone=None,
        width=64,
        encoder=None,
        freeze_encoder=False,
        freeze_batch_norm=False,
        head_lr=None,
        encoder_lr=None,
        dropout=0.0,
        class_weight="balanced",
        max_epochs=100,
        lr=1e-3,
        batch_size=64,
        optimizer="adam",
        weight_decay=0.0,
        lr_schedule="cosine",
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
        super().__init__(
            sampling_rate=sampling_rate,
            representation=representation,
            window_length=window_length,
            overlap=overlap,
            window=window,
            log=log,
            size=size,
            backbone=backbone,
            width=width,
            encoder=encoder,
            freeze_encoder=freeze_encoder,
            freeze_batch_norm=freeze_batch_norm,
            head_lr=head_lr,
            encoder_lr=encoder_lr,
            dropout=dropout,
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

    def _n_outputs(self):
        return len(self.classes_)

    def _has_target(self, y):
        return ~is_unlabelled(y)

    def _checked_target(self, y):
        y = np.asarray(y)
        # Labels of one type, now that -1 is gone.
        return column_or_1d(np.array(list(y)) if y.dtype == object else y)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # Pictures of two frequencies, scaled to [0, 1], of scikit-learn's blobs: points whose sign
        # and size make the class.
        tags.classifier_tags.poor_score = True
        return tags

    @classmethod
    def _get_test_params(cls):
        cheap = {
            "max_epochs": 1,
            "lr": 0.01,
            "dtype": "float64",
            "device": "cpu",
            # An event of weight zero is like one that is not there only as long as no batch
            # normalisation has seen it.
            "freeze_batch_norm": True,
        }
        tiny = {"backbone": "resnet18", "width": 2, "size": 8, "log": "db"}
        encoder = TrainedEncoder(**TrainedEncoder._get_test_params()[0])
        return [
            {**cheap, **tiny},
            {**cheap, "encoder": encoder, "freeze_encoder": True},
        ]
