"""An encoder trained on events that nobody has labelled."""

import numbers
import warnings

from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ..nets import BACKBONES, SpectrogramPicture
from ..nets.crops import LARGEST_NEIGHBORING_CROP
from ..nets.encoder import PICTURES
from ..nets.views import (
    CROPS,
    DIAGONALS,
    OBJECTIVES,
    WITH_NEIGHBORS,
    SelfSupervisedLoss,
    ViewsNet,
)
from ..neural_network import NeuralEstimator
from ..neural_network._callbacks import schedule_params
from ..neural_network._event_arrays import validate_events, warn_if_log_is_linear
from ..neural_network._params import (
    check_not_negative,
    check_positive_integer,
    check_training_params,
)
from ..neural_network._trained_encoder import TrainedEncoder
from ._checkpoint import Checkpoint, WriteCheckpoint
from ._net import ResumedLearningRate, ResumedProgress, ViewsDataset, ViewsEventNet

_SETTINGS = (
    "representation",
    "sampling_rate",
    "window_length",
    "overlap",
    "window",
    "log",
    "size",
    "backbone",
    "width",
)
#: Features that the published projector whitens together.
_GROUP_SIZE = 64
_LOSS = (
    "invariance_weight",
    "variance_weight",
    "covariance_weight",
    "tnc_weight",
    "diagonal",
    "redundancy_weight",
)


class SelfSupervisedEncoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, NeuralEstimator):
    """Encoder that learns without labels which views belong to the same event [1]_ [2]_.

    In each epoch it sees two crops of the spectrograms of two random channels of an event, and
    learns to give them alike embeddings, while each feature keeps its variance and no two tell the
    same. "vnibcreg" also learns to tell neighboring crops from crops further away, so that the
    embedding knows how a signal changes with time. What is learned, ``encoder_``, is handed to a
    classifier: :class:`seisclf.neural_network.CNNClassifier` trains it further on a few labels,
    and in a Pipeline any classifier works on the embeddings.

    Parameters
    ----------
    objective : {"vnibcreg", "vibcreg", "vicreg", "tnc", "barlow_twins"}, default="vnibcreg"
        What is minimised, see the Notes.
    crop : {"neighboring", "random"}, default="neighboring"
        Whether the two crops lie next to each other or anywhere in the event. "vnibcreg" and "tnc"
        need neighbors.
    crop_width : float, default=0.1
        Length of a crop as part of the event; with neighbors at most 0.25.
    sensor_invariance : bool, default=True
        Whether the two crops come from two channels of the event, else from one. Channels must
        then be interchangeable: traces of the same event on several sensors. With one channel
        there is no second one, and a warning says so.
    invariance_weight, variance_weight, covariance_weight : float, optional
        Weights in the loss. By default the published ones: 10 each for "vnibcreg" and "vibcreg";
        25, 25 and 1 for "vicreg". Ignored for "tnc" and "barlow_twins".
    tnc_weight : float, default=13.0
        Weight of the discriminator's loss and of the diagonal term; only for "vnibcreg".
    diagonal : {"paper", "code"} or None, default="paper"
        Diagonal term: correlations of each feature over the events, as printed; cosines for each
        event, as in the published code; or none. Only for "vnibcreg".
    redundancy_weight : float, default=0.0051
        Weight of the correlations between features; only for "barlow_twins".
    n_projector : int, default=4096
        Units in each of the three layers of the projector. "tnc" has none.
    n_groups : int, optional
        Groups of iterative normalisation, which ends the projector of "vnibcreg" and "vibcreg".
        None: as many as give groups of 64 features, like the published 64 of 4096.
    n_iterations : int, default=5
        Newton's iterations in it.
    sampling_rate : float, default=100.0
        Rate of X in Hz.
    representation : {"spectrogram", "picture"}, default="spectrogram"
        Whether X are waveforms, of which spectrograms are made inside, or pictures already.
    window_length : float, optional
        Frames of the spectrogram in seconds. None: 80 samples, 0.08 s at the published 1000 Hz.
    overlap : float, default=0.125
        Part of a frame that it shares with the next.
    window : str or tuple, default=("tukey", 0.25)
        Window, by SciPy's name.
    log : {"log10p1", "db", "log1p", None}, default="log10p1"
        Logarithm of the spectrogram; "db" does not depend on the unit of X.
    size : int or tuple of int, default=128
        Height of the spectrogram, with a width in proportion, or (height, width).
    backbone : str, default="resnet34"
        "resnet18", "resnet34", "resnet50", "resnet101", "resnet152" or "alexnet".
    width : int, default=64
        Filters of its first convolution, which all others are multiples of.
    max_epochs : int, default=300
        Passes over the events.
    lr : float, default=1e-3
        Learning rate at the beginning.
    batch_size : int, default=128
        Events in one step, at least 2. The loss compares the events of a batch: small batches
        make its variances and correlations noisy.
    optimizer : {"adam", "adamw", "sgd"} or torch.optim.Optimizer class, default="adam"
        What makes the steps.
    weight_decay : float, default=0.0
        L2 penalty of "adam" and "sgd"; decoupled decay of "adamw".
    lr_schedule : {"constant", "plateau", "cosine"}, default="cosine"
        How the learning rate falls, see `NeuralEstimator`.
    lr_schedule_params : dict, optional
        Settings of the schedule.
    checkpoint : str or pathlib.Path, optional
        File that ``fit`` writes its state to, and goes on from if it is there: see the Notes.
    checkpoint_every : int, default=10
        Epochs from one writing to the next.
    callbacks : list of skorch callbacks, optional
        Copied before use.
    net_params : dict, optional
        Further parameters of skorch's net, with double underscores.
    dtype : {"float32", "float64"}, default="float32"
        Precision of weights and arithmetic.
    device : str, default="auto"
        "auto" takes the GPU where there is one.
    random_state : int, RandomState, Generator or None, default=None
        Fixes the whole training; global generators are not touched.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    encoder_ : TrainedEncoder
        What was learned; it takes one channel, and of several averages the embeddings. Projector
        and discriminator are thrown away.
    history_ : list of dict
        For each epoch ``epoch, train_loss, lr, dur`` (s) and the terms of the loss before they are
        weighted: ``train_invariance, train_variance, train_covariance`` (the last two summed over
        the two views), ``train_tnc, train_diagonal`` or ``train_redundancy``; and of the
        discriminator ``train_near_accuracy, train_far_accuracy``.
    n_iter_ : int
        Epochs trained.
    n_channels_in_ : int
        Channels of the events seen in ``fit``.
    n_samples_in_ : int
        Samples of a waveform.
    picture_shape_ : tuple of int
        Height and width, instead of `n_samples_in_`, of pictures.

    See Also
    --------
    EmbeddingDisplay : Embeddings as a picture.
    seisclf.neural_network.CNNClassifier : Takes this estimator as its `encoder`.
    seisclf.neural_network.TrainedEncoder : The class of ``encoder_``.

    Notes
    -----
    **Objectives.** "vicreg" [3]_ and "vibcreg" [4]_ minimise a weighted sum of invariance,
    variance and covariance, "vibcreg" with correlations instead of covariances and an iterative
    normalisation; "barlow_twins" [5]_ the distance of the correlations between the views from the
    identity; "tnc" [6]_ the cross-entropy of a discriminator of neighboring crops; "vnibcreg" [1]_
    the sum of "vibcreg" and "tnc" with a diagonal term. ``seisclf.nets.self_supervised_losses``
    has the equations.

    **Channels.** A channel that is NaN throughout is missing and never shown; an event without
    any channel, and one with NaN in a part of a channel, are refused. Each event of a batch shows
    two channels, different ones where it has two.

    **Checkpoints.** With `checkpoint`, ``fit`` writes weights, optimizer, history and seed every
    `checkpoint_every` epochs. After an interruption, the same ``fit`` with the same parameters and
    the same X goes on from there, and gives bit for bit what it would have given at once (on a GPU
    to the precision of its sums). A finished checkpoint is returned without training. If
    parameters or X differ, ``fit`` refuses and names what does. `callbacks` begin anew.

    The published training is the default: ResNet34 on 24 channels of 16 s at 1000 Hz, 300 epochs,
    batches of 128. On a CPU choose ``backbone="resnet18"``, a `width` of 8 or 16, a `n_projector`
    of 256 and a smaller `size`.

    References
    ----------
    .. [1] Lee, D., Aune, E., Langet, N. and Eidsvik, J. (2022). VNIbCReg: VICReg with
       neighboring-invariance and better-covariance evaluated on non-stationary seismic signal
       time series. arXiv:2204.02697
    .. [2] Lee, D., Aune, E., Langet, N. and Eidsvik, J. (2022). Ensemble and self-supervised
       learning for improved classification of seismic signals from the Åknes rockslope.
       Mathematical Geosciences.
    .. [3] Bardes, A., Ponce, J. and LeCun, Y. (2021). VICReg: variance-invariance-covariance
       regularization for self-supervised learning. arXiv:2105.04906
    .. [4] Lee, D. and Aune, E. (2021). VIbCReg: variance-invariance-better-covariance
       regularization for self-supervised learning on time series. arXiv:2109.00783
    .. [5] Zbontar, J. et al. (2021). Barlow Twins: self-supervised learning via redundancy
       reduction. arXiv:2103.03230
    .. [6] Tonekaboni, S., Eytan, D. and Goldenberg, A. (2021). Unsupervised representation
       learning for time series with temporal neighborhood coding. arXiv:2106.00750

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.self_supervised import SelfSupervisedEncoder
    >>> X = np.random.default_rng(0).normal(size=(12, 4, 1000))
    >>> encoder = SelfSupervisedEncoder(
    ...     backbone="resnet18", width=2, size=16, n_projector=16, log="db", max_epochs=2,
    ...     random_state=0,
    ... )
    >>> encoder.fit_transform(X).shape
    (12, 16)
    >>> [name for name in encoder.history_[0] if name.startswith("train_")][:4]
    ['train_loss', 'train_covariance', 'train_diagonal', 'train_far_accuracy']
    """

    _is_base = False
    _net_class = ViewsEventNet
    # What the engine asks of networks that learn from labels.
    augmenter = None
    early_stopping = False
    validation_fraction = None
    warm_start = False

    def __init__(
        self,
        *,
        objective="vnibcreg",
        crop="neighboring",
        crop_width=0.1,
        sensor_invariance=True,
        invariance_weight=None,
        variance_weight=None,
        covariance_weight=None,
        tnc_weight=13.0,
        diagonal="paper",
        redundancy_weight=0.0051,
        n_projector=4096,
        n_groups=None,
        n_iterations=5,
        sampling_rate=100.0,
        representation="spectrogram",
        window_length=None,
        overlap=0.125,
        window=("tukey", 0.25),
        log="log10p1",
        size=128,
        backbone="resnet34",
        width=64,
        max_epochs=300,
        lr=1e-3,
        batch_size=128,
        optimizer="adam",
        weight_decay=0.0,
        lr_schedule="cosine",
        lr_schedule_params=None,
        checkpoint=None,
        checkpoint_every=10,
        callbacks=None,
        net_params=None,
        dtype="float32",
        device="auto",
        random_state=None,
        verbose=0,
    ):
        self.objective = objective
        self.crop = crop
        self.crop_width = crop_width
        self.sensor_invariance = sensor_invariance
        self.invariance_weight = invariance_weight
        self.variance_weight = variance_weight
        self.covariance_weight = covariance_weight
        self.tnc_weight = tnc_weight
        self.diagonal = diagonal
        self.redundancy_weight = redundancy_weight
        self.n_projector = n_projector
        self.n_groups = n_groups
        self.n_iterations = n_iterations
        self.sampling_rate = sampling_rate
        self.representation = representation
        self.window_length = window_length
        self.overlap = overlap
        self.window = window
        self.log = log
        self.size = size
        self.backbone = backbone
        self.width = width
        self.max_epochs = max_epochs
        self.lr = lr
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.weight_decay = weight_decay
        self.lr_schedule = lr_schedule
        self.lr_schedule_params = lr_schedule_params
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.callbacks = callbacks
        self.net_params = net_params
        self.dtype = dtype
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y=None):  # type: ignore[override]
        """Train the encoder.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Waveforms, labelled or not; (n_events, n_samples) is read as one channel. With
            ``representation="picture"`` (n_events, n_channels, height, width) or (n_events,
            height, width). Of a memory map only what a batch shows is read.
        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted encoder.

        Raises
        ------
        ValueError
            If X or a parameter cannot be used, the loss is not finite, or `checkpoint` belongs to
            another training.
        """
        self._check_params()
        for name in ("net_", "encoder_", "_origin"):
            self.__dict__.pop(name, None)  # of an earlier fit, perhaps an interrupted one
        X = self._validated(X, reset=True)
        if len(X) < 2:
            raise ValueError(
                f"{type(self).__name__} compares events with each other: n_samples=1 event is not "
                f"enough, give at least 2"
            )
        dataset = ViewsDataset(X, self._n_views())
        checkpoint = self.checkpoint and Checkpoint(self.checkpoint, self, X)
        if not (checkpoint and self._adopt(checkpoint)):
            self._start(fresh=True)
            self._warn(X)
        if not hasattr(self, "encoder_"):
            self._train(dataset, checkpoint)
        return self

    def _train(self, dataset, checkpoint):
        writer = WriteCheckpoint(checkpoint, self, self.checkpoint_every)
        writers = []
        if checkpoint:
            checkpoint.check_writing(self)
            writers = [("checkpoint", writer)]
        epochs = self.max_epochs - len(self.history_)
        self._run(dataset, None, epochs, self.lr_schedule, None, writers)
        net = self.net_
        stopped = net._stopping and not writer.interrupted
        finished = self.n_iter_ == self.max_epochs or stopped
        self.encoder_ = TrainedEncoder.from_module(net.module_.encoder)
        self._n_features_out = net.module_.encoder.n_features
        del self.net_  # projector, discriminator and the optimizer's memory have done their work
        if checkpoint and finished:
            checkpoint.write(self)

    def transform(self, X):
        """Embed events.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Waveforms or pictures, of the shape that ``fit`` saw. ``encoder_.transform`` takes any
            number of channels, and any length.

        Returns
        -------
        embedding : ndarray of float32 of shape (n_events, n_features)
            Mean over the channels without NaN.

        Raises
        ------
        ValueError
            If X cannot be used, or an event has no channel without NaN.
        """
        check_is_fitted(self)
        return self.encoder_.transform(self._validated(X, reset=False))

    @available_if(lambda self: False)
    def partial_fit(self, X, y=None):
        """Not offered: a cosine needs its end, and goes on by `checkpoint`."""

    # Parameters and data ------------------------------------------------------------------------

    def _check_params(self):
        check_training_params(self)
        for name, allowed in (
            ("objective", OBJECTIVES),
            ("crop", CROPS),
            ("representation", PICTURES),
            ("backbone", BACKBONES),
            ("diagonal", (*DIAGONALS, None)),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {allowed}; got {getattr(self, name)!r}")
        for name in ("n_projector", "n_iterations", "checkpoint_every", "width"):
            check_positive_integer(name, getattr(self, name))
        if self.n_groups is not None:
            check_positive_integer("n_groups", self.n_groups)
        for name in _LOSS:
            value = getattr(self, name)
            if name != "diagonal" and value is not None:
                check_not_negative(name, value)
        if self.batch_size < 2:
            raise ValueError(
                f"batch_size must be at least 2, because the loss compares the events of a batch; "
                f"got {self.batch_size!r}"
            )
        self._check_crop()

    def _check_crop(self):
        number = isinstance(self.crop_width, numbers.Real)
        if not number or not 0 < self.crop_width <= 1:
            raise ValueError(f"crop_width must lie in (0, 1]; got {self.crop_width!r}")
        if self.crop == "random" and self.objective in WITH_NEIGHBORS:
            raise ValueError(
                f"objective={self.objective!r} tells neighboring crops from others and cannot use "
                f"crop='random': set crop='neighboring', or objective='vibcreg'"
            )
        if self.crop == "neighboring" and self.crop_width > LARGEST_NEIGHBORING_CROP:
            raise ValueError(
                f"crop_width must be at most {LARGEST_NEIGHBORING_CROP} with crop='neighboring', "
                f"so that a distant crop finds room beside the neighborhood; got "
                f"{self.crop_width!r}"
            )

    def _validated(self, X, *, reset):
        return validate_events(
            self, X, reset=reset, representation=self.representation, allow_nan=True
        )

    def _n_views(self):
        if self.sensor_invariance and self.n_channels_in_ == 1:
            warnings.warn(
                "sensor_invariance=True needs events of several channels, X has one: both crops "
                "are taken from it, as with sensor_invariance=False",
                UserWarning,
                stacklevel=3,
            )
        return 2 if self.sensor_invariance and self.n_channels_in_ > 1 else 1

    def _warn(self, X):
        settings = self._settings()
        warn_if_log_is_linear(X, settings, stacklevel=4)
        if self.representation == "picture":
            width = self.picture_shape_[1]
        else:
            frames = ("sampling_rate", "window_length", "overlap", "window", "log", "size")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # the encoder says the same
                picture = SpectrogramPicture(
                    self.n_samples_in_, **{name: settings[name] for name in frames}
                )
            width = picture.shape[1]
        if self.crop == "neighboring" and width < 4:
            warnings.warn(
                f"the pictures of the events have {width} columns, too few for neighboring crops: "
                f"these overlap. Give longer events, or a shorter window_length or larger size",
                UserWarning,
                stacklevel=3,
            )

    def _adopt(self, checkpoint):
        """Take over the training in a file; whether there is one."""
        found = checkpoint.read(type(self))
        if found is None:
            return False
        learned = set(vars(found)) - set(self.get_params(deep=False))
        self.__dict__.update({name: vars(found)[name] for name in learned})
        return True

    # What the engine asks -----------------------------------------------------------------------

    def _settings(self):
        pictures = self.representation == "picture"
        shape = self.picture_shape_ if pictures else (self.n_samples_in_,)
        return {"shape": shape, **{name: getattr(self, name) for name in _SETTINGS}}

    def _module(self):
        return ViewsNet, {
            "objective": self.objective,
            "crop": self.crop,
            "crop_width": self.crop_width,
            "n_projector": self.n_projector,
            "n_groups": self.n_groups or max(1, self.n_projector // _GROUP_SIZE),
            "n_iterations": self.n_iterations,
            **self._settings(),
        }

    def _criterion(self):
        weights = {name: getattr(self, name) for name in _LOSS}
        return SelfSupervisedLoss, {"objective": self.objective, **weights}

    def _prepared_net(self, device, callbacks, seed):
        net = super()._prepared_net(device, callbacks, seed)
        net.seed = self._seed
        return net

    def _session_callbacks(self, epochs, schedule, patience, more):
        params = schedule_params(schedule, self.lr_schedule_params)
        resumed = {
            "learning_rate": ResumedLearningRate(schedule, self.lr, self.max_epochs, params),
            "progress": ResumedProgress(self.max_epochs, type(self).__name__),
        }
        callbacks = super()._session_callbacks(epochs, schedule, patience, more)
        names = [item[0] if isinstance(item, tuple) else None for item in callbacks]
        return [
            (name, resumed[name]) if name in resumed else item
            for name, item in zip(names, callbacks, strict=True)
        ]

    def __sklearn_is_fitted__(self):
        return hasattr(self, "encoder_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags

    @classmethod
    def _get_test_params(cls):
        cheap = {
            "backbone": "resnet18",
            "width": 2,
            "size": 8,
            "n_projector": 4,
            "log": "db",
            "max_epochs": 1,
            "dtype": "float64",
            "device": "cpu",
        }
        return [
            {**cheap},
            {**cheap, "objective": "vicreg", "crop": "random", "sensor_invariance": False},
        ]
