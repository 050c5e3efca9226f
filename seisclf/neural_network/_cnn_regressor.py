"""A ResNet or AlexNet that predicts numbers, such as distances, and how far off they may be."""

import numpy as np

from ._encoder_network import EncoderNetwork
from ._event_arrays import validate_events
from ._regressor import NeuralRegressor
from ._trained_encoder import TrainedEncoder


class CNNRegressor(EncoderNetwork, NeuralRegressor):
    """ResNet or AlexNet that predicts numbers of an event, from its spectrograms or waveforms.

    The network is that of :class:`CNNClassifier`, an encoder and a linear layer, which here
    predicts a distance, a depth, a magnitude or an angle, or several of them, and if it is asked
    to (``loss="gaussian"``) how far off each of them may be.

    Parameters
    ----------
    sampling_rate : float, default=100.0
        Rate of X in Hz.
    representation : {"spectrogram", "picture", "waveform"}, default="spectrogram"
        "spectrogram": a picture is made of each channel. "picture": X are pictures already.
        "waveform": the one-dimensional form of the ResNet sees the samples; scale each event
        before, ``make_pipeline(WaveformScaler(scope="event"), CNNRegressor(
        representation="waveform"))``.
    window_length : float, optional
        Length of a frame in seconds; None: 80 samples.
    overlap : float, default=0.125
        Part of a frame that it shares with the next, in [0, 1).
    window : str or tuple, default=("tukey", 0.25)
        Window, by SciPy's name.
    log : {"log10p1", "db", "log1p", None}, default="log10p1"
        Logarithm of the power spectral density, see :class:`CNNClassifier`; "db" does not depend
        on the unit of X.
    size : int, tuple of int (height, width), or None, default=128
        Size of the pictures.
    backbone : str, optional
        "resnet18", "resnet34", "resnet50", "resnet101", "resnet152" or, of pictures, "alexnet".
        None: that of the encoder, without one "resnet34".
    width : int, default=64
        Filters of the first convolution.
    encoder : optional
        What the network starts from, as of :class:`CNNClassifier`: None, a
        :class:`TrainedEncoder`, an estimator that learns one without targets, a fitted one in a
        :class:`sklearn.frozen.FrozenEstimator`, or the path of a file of weights. If it is an
        estimator to be fitted, rows whose y is NaN take part in the fit of it alone.
    freeze_encoder : bool, default=False
        Whether only the head learns.
    freeze_batch_norm : bool, default=False
        Whether batch normalisation in the encoder keeps the statistics it came with.
    head_lr : float, optional
        Learning rate of the head at the beginning; None: `lr`.
    encoder_lr : float, optional
        Learning rate of the encoder at the beginning. None: `lr`, or half of it if the encoder
        was trained before.
    dropout : float, default=0.0
        Part of the vector dropped before the head while training.
    loss : {"huber", "squared_error", "gaussian"}, default="huber"
        "huber": squared up to an error of one scale of the targets, then linear, so that single
        wrong targets do not pull. "gaussian": the network predicts a standard deviation beside
        the mean, both learned by their likelihood, and ``predict(X, return_std=True)`` works.
    target_scaling : {"standard", "log"} or None, default="standard"
        "standard": the network learns targets of mean zero and standard deviation one, each
        column of y by itself. "log": the same of ``log(1 + y)``, for targets that are not
        negative and of which the ratio counts, such as distances; far below 1, in the unit of
        y, it is no logarithm. None: as they are; then they must be of the size of one.
    period : float, optional
        Circumference, if the targets are angles: 360.0 for degrees. They are learned as cosine
        and sine, `target_scaling` has no part in it, and predictions lie in [0, period).
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
        With a method ``augment(X, y, rng)`` for training batches; y are scaled targets,
        (n, n_targets), of angles the cosines and then the sines.
    callbacks : list of skorch callbacks, optional
        Copied before use.
    net_params : dict, optional
        Further parameters of skorch's net, with double underscores: ``{"criterion__delta": 0.5}``
        for "huber", ``{"criterion__beta": 0.0}`` for "gaussian".
    dtype : {"float32", "float64"}, default="float32"
        Precision of weights and arithmetic.
    device : str, default="auto"
        "auto" takes the GPU where there is one.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the last one, with the same loss and scale of the targets.
    random_state : int, RandomState, Generator or None, default=None
        Fixes the whole training; global generators are not touched.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    target_mean_, target_scale_ : ndarray of shape (n_targets,)
        What the targets (their logarithms) are shifted and divided by: weighted mean and standard
        deviation of the training events, 0 and 1 where nothing is scaled.
    target_settings_ : dict
        ``loss``, ``target_scaling`` and ``period`` in force.
    n_targets_ : int
        Columns of y.
    encoder_ : TrainedEncoder
        The encoder as it is after training, made when it is asked for.
    pretraining_ : estimator
        What `encoder` has become, if it was an estimator to be fitted.
    encoder_settings_ : dict
        Parameters of :class:`seisclf.nets.EventEncoder` that are in force.
    net_ : skorch.NeuralNet
        The trained net; ``net_.module_`` is the torch module.
    history_ : list of dict
        For each epoch ``epoch, train_loss, lr, dur`` (s), with validation ``valid_loss``; losses
        are those of scaled targets.
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
    CNNClassifier : The same network for classes.
    seisclf.ensemble.FeatureForestRegressor : What to compare it with.
    seisclf.metrics.interval_coverage : Whether the standard deviations are true.

    Notes
    -----
    All networks begin at the mean of the targets (of angles: at no direction), and with
    "gaussian" at their spread, because the head starts at zero. The likelihood is that of [1]_
    with ``beta=0.5``: by itself it lets a network explain hard events by a large variance, and
    then hardly learn from them; here their errors count more while training. The validation loss
    is the plain likelihood. No standard deviation falls below a hundredth of the spread.

    For angles "gaussian" is the von Mises distribution, the normal distribution of the circle.
    Its standard deviation is ``sqrt(-2 ln R)``, of the mean resultant length R.

    A network that is trained to the last epoch learns its training events by heart, and then
    believes its errors to be small elsewhere too. Compare
    :func:`seisclf.metrics.interval_coverage` on events it has not seen, and stop early.

    With ``target_scaling="log"`` the prediction is the median of the distribution, not its mean:
    the number that is too large as often as too small. An event of weight zero is not quite the
    same as one that is left out, because batch normalisation sees it.

    References
    ----------
    .. [1] Seitzer, M., Tavakoli, A., Antic, D. and Martius, G. (2022). On the pitfalls of
       heteroscedastic uncertainty estimation with probabilistic neural networks. ICLR.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.neural_network import CNNRegressor
    >>> rng = np.random.default_rng(0)
    >>> seconds = rng.uniform(0.5, 3.0, size=60)  # from the P to the S wave
    >>> t = np.arange(400) / 100
    >>> X = 0.1 * rng.normal(size=(60, 400))
    >>> X += (t > 0.5) * rng.normal(size=(60, 400))
    >>> X += 4 * (t > 0.5 + seconds[:, None]) * rng.normal(size=(60, 400))
    >>> net = CNNRegressor(
    ...     backbone="resnet18", width=4, size=32, log="db", max_epochs=15, lr=0.01,
    ...     loss="gaussian", random_state=0,
    ... )
    >>> distance, std = net.fit(X, 8 * seconds).predict(X, return_std=True)
    >>> distance.shape, bool(np.corrcoef(distance, 8 * seconds)[0, 1] > 0.9)
    ((60,), True)
    """

    _no_target = "missing (NaN)"

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
        loss="huber",
        target_scaling="standard",
        period=None,
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
            loss=loss,
            target_scaling=target_scaling,
            period=period,
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
        return self._coding().n_outputs

    def _module(self):
        module, params = super()._module()
        return module, {**params, "zero_head": True}

    def _has_target(self, y):
        y = np.asarray(y, dtype=np.float64)
        return ~np.isnan(y).reshape(len(y), -1).any(axis=1)

    def _checked_target(self, y):
        return self._numbers(y, y, reset=False)

    def _check_architecture(self, fresh):
        super()._check_architecture(fresh)
        self._check_target_params(fresh)

    def _validate(self, X, y, *, reset):
        X = validate_events(self, X, reset=reset, representation=self._representation())
        return X, self._numbers(X, y, reset=reset)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # Pictures of a few samples, scaled to [0, 1], do not show the sums of them that
        # scikit-learn's targets are.
        tags.regressor_tags.poor_score = True
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
            {**cheap, **tiny, "loss": "gaussian"},
            {**cheap, **tiny, "representation": "waveform"},
            {**cheap, "encoder": encoder, "freeze_encoder": True, "period": 360.0},
        ]
