"""Clusters that a network finds by learning its own clusters."""

import numbers
import warnings
from copy import copy

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted
from torch.nn.modules.batchnorm import _BatchNorm

from ..nets import EventEncoder
from ..neural_network import NeuralEstimator
from ..neural_network._device import private_generator
from ..neural_network._encoder_network import EncoderNetwork
from ..neural_network._event_arrays import validate_events
from ..neural_network._params import check_positive_integer, check_training_params
from ..neural_network._trained_encoder import TrainedEncoder
from ._alternation import Alternation
from ._assignment import ALGORITHMS
from ._cards import cluster_card
from ._selection import RULES, choose, cluster_silhouette, distances, rate_clusters
from ._whitening import check_n_components, whiten


class DeepCluster(
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
    EncoderNetwork,
    NeuralEstimator,
):
    """Deep clustering: a network that learns to tell its own clusters apart [1]_.

    Two steps alternate. All events go through the encoder, their vectors are reduced to principal
    components, whitened, brought to length one and divided by k-means. Then encoder and a new
    head learn for an epoch to name the cluster of each event, drawn alike from all clusters. What
    the network sees of an event sorts itself so.

    Parameters
    ----------
    n_clusters : int or sequence of int, default=8
        Number of clusters. Of a sequence, such as ``range(2, 10)``, there is a training for each
        number, all from the same start, and `selection` names the one kept.
    selection : {"loss", "silhouette", "gap", "stability"}, default="loss"
        Which rule names the number. "loss": the smallest loss at the end of the training; it is
        used by [2]_. All of them stand in ``selection_``; see the Notes for what they are worth.
    n_components : int, float or None, default=16
        Principal components kept, at most as many as there are; a number below one keeps those
        that hold this part of the variance. None: all. The authors of [1]_ keep 256 for a million
        photographs; of a few hundred events most of these are noise, which whitening makes as
        large as the rest.
    n_init : int, default=5
        Beginnings of k-means, of which the best result counts.
    kmeans : {"auto", "lloyd", "minibatch"}, default="auto"
        scikit-learn's ``KMeans`` or ``MiniBatchKMeans``; "auto" takes the second from 20 000
        events on.
    uniform_sampling : bool, default=True
        Whether an epoch draws alike from all clusters; otherwise it shows each event once, and
        one large cluster can swallow the others.
    reassign_every : int, default=1
        Epochs from one division to the next.
    sampling_rate : float, default=100.0
        Rate of X in Hz.
    representation : {"spectrogram", "picture", "waveform"}, default="spectrogram"
        As of :class:`seisclf.neural_network.CNNClassifier`: X are waveforms of which spectrograms
        are made, pictures, or waveforms that a one-dimensional backbone sees.
    window_length : float, optional
        Frames of the spectrogram in seconds. None: 80 samples.
    overlap : float, default=0.125
        Part of a frame that it shares with the next.
    window : str or tuple, default=("tukey", 0.25)
        Window, by SciPy's name.
    log : {"log10p1", "db", "log1p", None}, default="log10p1"
        Logarithm of the spectrogram; "db" does not depend on the unit of X.
    size : int or tuple of int, default=128
        Height of the spectrogram, with a width in proportion, or (height, width).
    backbone : str, optional
        "resnet18", "resnet34", "resnet50", "resnet101", "resnet152" or "alexnet". None: that of
        the encoder, without one "resnet18".
    width : int, default=64
        Filters of its first convolution, which all others are multiples of.
    encoder : optional
        What the network starts from, as of :class:`seisclf.neural_network.CNNClassifier`: None
        (random weights), a :class:`seisclf.neural_network.TrainedEncoder`, an estimator that
        learns without labels (:class:`seisclf.self_supervised.SelfSupervisedEncoder`; a clone is
        fitted on X), a fitted one in a :class:`sklearn.frozen.FrozenEstimator`, or the path of
        torchvision's weights.
    freeze_encoder : bool, default=False
        Whether the encoder stays as it is. There is nothing to alternate then: events are
        whitened and divided once, as with ``max_epochs=0``.
    freeze_batch_norm : bool, default=False
        Whether batch normalisation in the encoder keeps the statistics it came with; of random
        weights none, mean 0 and variance 1.
    head_lr, encoder_lr : float, optional
        Learning rates of head and encoder at the beginning. None: `lr`; of an encoder that was
        trained before half of it.
    dropout : float, default=0.0
        Part of the vector dropped before the head while training.
    max_epochs : int, default=50
        Passes over the events. 0: k-means on the whitened vectors of the encoder as it is.
    lr : float, default=1e-3
        Learning rate at the beginning.
    batch_size : int, default=64
        Events in one step.
    optimizer : {"adam", "adamw", "sgd"} or torch.optim.Optimizer class, default="adam"
        What makes the steps.
    weight_decay : float, default=1e-5
        L2 penalty of "adam" and "sgd"; decoupled decay of "adamw".
    lr_schedule : {"constant", "plateau", "cosine"}, default="constant"
        How the learning rate falls, see `NeuralEstimator`.
    lr_schedule_params : dict, optional
        Settings of the schedule.
    augmenter : object, optional
        Changes the events of each training batch, see `NeuralEstimator`. Events are divided as
        they are.
    callbacks : list of skorch callbacks, optional
        Copied before use.
    net_params : dict, optional
        Further parameters of skorch's net, with double underscores.
    dtype : {"float32", "float64"}, default="float32"
        Precision of weights and arithmetic.
    device : str, default="auto"
        "auto" takes the GPU where there is one.
    random_state : int, RandomState, Generator or None, default=None
        Fixes training, k-means and figures; global generators are not touched.
    verbose : int, default=0
        1 shows a progress bar for each number of clusters.

    Attributes
    ----------
    labels_ : ndarray of int64 of shape (n_events,)
        Cluster of each event, from 0; their order means nothing.
    cluster_centers_ : ndarray of float64 of shape (n_clusters, n_components)
        Centres in the space of :meth:`embed`.
    n_clusters_ : int
        Number of clusters kept.
    selection_ : DataFrame
        One row for each number tried, see the Notes.
    choices_ : dict of str to int
        Number of clusters that each rule names, None where it has no figures.
    encoder_ : TrainedEncoder
        The encoder as it is after training.
    whitening_ : dict of str to ndarray
        "mean", "components" and "scale" of the principal components.
    history_ : list of dict
        For each epoch ``epoch, train_loss, lr, dur`` (s), and where it begins with a division
        ``n_reassigned`` (empty clusters that got a part of another one), ``changed`` (part of the
        events that changed their cluster since the last division) and ``nmi`` (normalised mutual
        information with it), the last two not in the first epoch.
    histories_ : dict of int to list
        ``history_`` for each number of clusters tried.
    pretraining_ : estimator
        What `encoder` has become, if it was an estimator to be fitted.
    encoder_settings_ : dict
        Parameters of :class:`seisclf.nets.EventEncoder` that are in force.
    net_ : skorch.NeuralNet
        The trained net.
    n_iter_ : int
        Epochs trained.
    n_features_in_, n_channels_in_ : int
        Shape of the events seen in ``fit``.
    n_samples_in_ : int
        Samples of a waveform; of pictures there is ``picture_shape_``, (height, width), instead.

    See Also
    --------
    cluster_card : What is in a cluster.
    seisclf.self_supervised.SelfSupervisedEncoder : An encoder to start from.

    Notes
    -----
    **How many clusters.** The columns of ``selection_`` are

    - ``loss``: cross-entropy of the last epoch, NaN for one cluster. Chance has a loss of log k,
      so the smallest loss tends to the smallest k, whatever the events are; ``relative_loss`` is
      the loss divided by log k, without a rule of its own;
    - ``silhouette``: mean silhouette in the space of :meth:`embed`;
    - ``gap``, ``gap_std``: how much closer the clusters are than those of random vectors of length
      one, the gap statistic; its rule takes the smallest k whose gap is at least that of the next
      k tried minus its standard deviation;
    - ``stability``, ``stability_std``: adjusted Rand index between divisions of random parts of
      the events by k-means of other seeds, with the encoder as it is. That another training would
      find the same is not said by it;
    - ``changed``, ``nmi``: how the last division, after training, differs from the one before.

    For one number there is nothing to choose, and gap and stability are not computed. Figures of
    a network that was trained to make k clusters flatter these k clusters: compare them with each
    other, not with those of other methods.

    **Details.** The head begins anew after each division, because clusters of two divisions have
    nothing in common. k-means leaves no cluster empty unless fewer events differ: an empty one
    gets a part of a populated one, as in [1]_. The first division by random weights goes without
    batch normalisation, whose statistics then are mean 0 and variance 1: normalised layer by
    layer, random weights lose what lies near to what. The paper's Sobel filter has no place here.
    Its 500 epochs of a million photographs are many more steps than a few hundred events make: a
    smaller `batch_size` and a larger `reassign_every` give the network more steps for each
    division.

    An event has no label here, so none can be tried out: settings chosen by an index that needs
    labels, on the events that are scored, are chosen by the answer.

    References
    ----------
    .. [1] Caron, M., Bojanowski, P., Joulin, A. and Douze, M. (2018). Deep clustering for
       unsupervised learning of visual features. ECCV. arXiv:1807.05520
    .. [2] Cheng, J. and Zhang, T. Seismic atlas analysis based on computer vision method.
       Unpublished; record sections of unlabelled events.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.cluster import DeepCluster
    >>> rng = np.random.default_rng(0)
    >>> t = np.arange(400) / 100
    >>> X = rng.normal(size=(40, 400))
    >>> X[:20] += 5 * np.sin(2 * np.pi * 4 * t)
    >>> X[20:] += 5 * np.sin(2 * np.pi * 20 * t)
    >>> clusters = DeepCluster(
    ...     n_clusters=2, n_components=2, window_length=0.16, width=4, size=32, log="db",
    ...     max_epochs=4, batch_size=8, reassign_every=2, random_state=0,
    ... )
    >>> labels = clusters.fit_predict(X)
    >>> len(set(labels[:20])), len(set(labels[20:])), bool(labels[0] == labels[-1])
    (1, 1, False)
    >>> clusters.transform(X).shape, clusters.embed(X).shape[0]
    ((40, 2), 40)
    """

    _is_base = False
    _backbone = "resnet18"
    # What the engine asks of networks that learn from labels.
    early_stopping = False
    validation_fraction = None
    warm_start = False

    def __init__(
        self,
        *,
        n_clusters=8,
        selection="loss",
        n_components=16,
        n_init=5,
        kmeans="auto",
        uniform_sampling=True,
        reassign_every=1,
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
        max_epochs=50,
        lr=1e-3,
        batch_size=64,
        optimizer="adam",
        weight_decay=1e-5,
        lr_schedule="constant",
        lr_schedule_params=None,
        augmenter=None,
        callbacks=None,
        net_params=None,
        dtype="float32",
        device="auto",
        random_state=None,
        verbose=0,
    ):
        self.n_clusters = n_clusters
        self.selection = selection
        self.n_components = n_components
        self.n_init = n_init
        self.kmeans = kmeans
        self.uniform_sampling = uniform_sampling
        self.reassign_every = reassign_every
        self.sampling_rate = sampling_rate
        self.representation = representation
        self.window_length = window_length
        self.overlap = overlap
        self.window = window
        self.log = log
        self.size = size
        self.backbone = backbone
        self.width = width
        self.encoder = encoder
        self.freeze_encoder = freeze_encoder
        self.freeze_batch_norm = freeze_batch_norm
        self.head_lr = head_lr
        self.encoder_lr = encoder_lr
        self.dropout = dropout
        self.max_epochs = max_epochs
        self.lr = lr
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.weight_decay = weight_decay
        self.lr_schedule = lr_schedule
        self.lr_schedule_params = lr_schedule_params
        self.augmenter = augmenter
        self.callbacks = callbacks
        self.net_params = net_params
        self.dtype = dtype
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    # Training -----------------------------------------------------------------------------------

    def fit(self, X, y=None):  # type: ignore[override]
        """Cluster events.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Waveforms; (n_events, n_samples) is read as one channel. With
            ``representation="picture"`` (n_events, n_channels, height, width) or (n_events,
            height, width).
        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted clusterer.

        Raises
        ------
        ValueError
            If X or a parameter cannot be used, or the loss is not finite.
        """
        numbers_tried = self._check_params()
        dataset = self._dataset(X, None, None, fresh=True)
        self._check_enough(dataset, numbers_tried)
        self._start(fresh=True)
        start = self._initial_encoder
        divisions = []
        for n_clusters in numbers_tried:
            divisions.append(self._division(dataset, n_clusters, start))
            if divisions[-1]["interrupted"]:
                break
        self._selection = _table(divisions)
        row = self._chosen(self.selection) if len(divisions) > 1 else 0
        if row is None:
            warnings.warn(
                f"selection={self.selection!r} has no figures for n_clusters="
                f"{self._selection['n_clusters'].tolist()}: the smallest is kept. Try other "
                f"numbers, or another rule",
                UserWarning,
                stacklevel=2,
            )
        self._keep(divisions[0 if row is None else row])
        self.histories_ = {d["row"]["n_clusters"]: d["history"] for d in divisions}
        return self

    def _division(self, dataset, n_clusters, start):
        """Train for one number of clusters, and divide the events at last."""
        self.__dict__.pop("net_", None)
        self.n_clusters_, self.history_, self._initial_encoder = n_clusters, [], start
        alternation = Alternation(
            dataset.fixed(),
            n_clusters,
            n_components=self.n_components,
            kmeans={"n_init": self.n_init, "algorithm": self.kmeans},
            uniform=self.uniform_sampling,
            every=self.reassign_every,
            seed=self._seed,
        )
        epochs = self._epochs()
        self._run(
            copy(dataset),
            None,
            epochs,
            self.lr_schedule,
            None,
            [("alternation", alternation)],
        )
        last = alternation.divide(self.net_, epochs)
        self.net_.optimizer_.state.clear()  # nothing goes on from here
        division = {
            "net": self.net_,
            "history": self.history_,
            "labels": alternation.labels_,
            "centers": alternation.centers_,
            "whitening": alternation.whitening_,
            "row": self._row(alternation, last),
            "interrupted": self.n_iter_ < epochs and not self.net_._stopping,
        }
        alternation.release()
        return division

    def _row(self, alternation, last):
        """What one number of clusters is worth."""
        k, vectors, labels = self.n_clusters_, alternation.vectors_, alternation.labels_
        nan = float("nan")
        # One class is named without learning anything.
        loss = self.history_[-1]["train_loss"] if self.history_ and k > 1 else nan
        row = {"n_clusters": k, "loss": loss, "relative_loss": loss / max(np.log(k), 1e-300)}
        if isinstance(self.n_clusters, numbers.Integral):
            row["silhouette"] = cluster_silhouette(vectors, labels, random_state=self._seed)
        else:
            normalised = vectors.shape[1] > 1
            row |= rate_clusters(
                vectors, labels, n_init=self.n_init, seed=self._seed, normalised=normalised
            )
        return row | {"changed": last.get("changed", nan), "nmi": last.get("nmi", nan)}

    def _keep(self, division):
        self.net_, self.history_ = division["net"], division["history"]
        self.labels_, self.cluster_centers_ = division["labels"], division["centers"]
        self.whitening_ = division["whitening"]
        self.n_clusters_ = division["row"]["n_clusters"]
        self.n_iter_ = self.best_epoch_ = len(self.history_)
        self._n_features_out = self.n_clusters_
        found = len(np.unique(self.labels_))
        if found < self.n_clusters_:
            warnings.warn(
                f"the encoder tells only {found} groups of the {len(self.labels_)} events apart, "
                f"n_clusters={self.n_clusters_}: {self.n_clusters_ - found} clusters are empty",
                ConvergenceWarning,
                stacklevel=3,
            )

    # What was found -----------------------------------------------------------------------------

    @property
    def selection_(self):
        """What each number of clusters is worth, one row for each."""
        import pandas as pd

        if not hasattr(self, "_selection"):
            raise AttributeError(f"this {type(self).__name__} is not fitted: it has no selection_")
        return pd.DataFrame(self._selection)

    @property
    def choices_(self):
        """Number of clusters that each rule names, None where it has no figures."""
        check_is_fitted(self)
        rows = {rule: self._chosen(rule) for rule in RULES}
        tried = self._selection["n_clusters"]
        return {rule: None if row is None else int(tried[row]) for rule, row in rows.items()}

    def _chosen(self, rule):
        return choose(rule, self._selection) if rule in self._selection else None

    def embed(self, X):
        """Vectors of events in the space of the centres.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Events, of the shape that ``fit`` saw.

        Returns
        -------
        embedding : ndarray of float64 of shape (n_events, n_components)
            Whitened principal components of what the encoder says, of length one.
            ``encoder_.transform(X)`` gives that itself.
        """
        check_is_fitted(self)
        return whiten(self._forward(X, part="features"), self.whitening_)

    def transform(self, X):
        """Distances to the centres.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Events, of the shape that ``fit`` saw.

        Returns
        -------
        distances : ndarray of float64 of shape (n_events, n_clusters)
            Euclidean, in the space of :meth:`embed`.
        """
        return distances(self.embed(X), self.cluster_centers_)

    def predict(self, X):
        """Cluster whose centre is nearest.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Events, of the shape that ``fit`` saw.

        Returns
        -------
        labels : ndarray of int64 of shape (n_events,)
            Numbers as in ``labels_``.
        """
        return self.transform(X).argmin(axis=1)

    def cards(self, X, *, labels=None, **settings):
        """Describe the clusters, a card for each.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Events, of the shape that ``fit`` saw.
        labels : array-like of shape (n_events,), optional
            Clusters of X. By default those that :meth:`predict` says; of the events of ``fit``
            that is ``labels_``.
        **settings : dict
            Further parameters of :func:`cluster_card`: `start_times`, `time_zone`, `channel`,
            `n_examples`, `window_length`.

        Returns
        -------
        cards : list of ClusterCard
            In the order of the labels. Who clusters pictures and wants to see the waveforms calls
            ``cluster_card(waveforms, labels, vectors=clusters.embed(pictures))``.
        """
        vectors = self.embed(X)
        if labels is None:
            labels = distances(vectors, self.cluster_centers_).argmin(axis=1)
        picture = self.encoder_settings_["representation"] == "picture"
        return cluster_card(
            X,
            labels,
            vectors=vectors,
            centers=self.cluster_centers_,
            sampling_rate=self.encoder_settings_["sampling_rate"],
            representation="picture" if picture else "waveform",
            **settings,
        )

    @available_if(lambda self: False)
    def partial_fit(self, X, y=None):
        """Not offered: clusters are found among all events at once."""

    # Parameters and what the engine asks --------------------------------------------------------

    def _check_params(self):
        """Refuse what cannot be, and return the numbers of clusters to try, ascending."""
        trained = copy(self)
        if isinstance(self.max_epochs, numbers.Integral) and self.max_epochs == 0:
            trained.max_epochs = 1
        check_training_params(trained)
        for name in ("n_init", "reassign_every"):
            check_positive_integer(name, getattr(self, name))
        check_n_components(self.n_components)
        for name, allowed in (("selection", RULES), ("kmeans", ALGORITHMS)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {allowed}; got {getattr(self, name)!r}")
        tried = _numbers_of_clusters(self.n_clusters)
        if len(tried) > 1 and self.selection == "loss" and self._epochs() == 0:
            raise ValueError(
                "selection='loss' needs a training, and there is none with max_epochs=0 or "
                "freeze_encoder=True: set selection='silhouette', 'gap' or 'stability'"
            )
        return tried

    def _check_enough(self, dataset, tried):
        n, most = len(dataset), max(tried)
        if n < max(2, most):
            raise ValueError(
                f"{type(self).__name__} cannot divide n_samples={n} events into n_clusters={most}:"
                f" give more events, at least 2 and one for each cluster"
            )

    def _epochs(self):
        return 0 if self.freeze_encoder else self.max_epochs

    def _n_outputs(self):
        return self.n_clusters_

    def _criterion(self):
        return torch.nn.CrossEntropyLoss, {"reduction": "none"}

    def _validate(self, X, y, *, reset):
        X = validate_events(self, X, reset=reset, representation=self._representation())
        return X, None

    def _targets(self, X, y, **labels):
        return None  # each epoch brings its own

    @classmethod
    def _get_test_params(cls):
        cheap = {
            "n_clusters": 3,
            "encoder": _straight_encoder(),
            "max_epochs": 1,
            "lr": 1e-4,
            "dtype": "float64",
            "device": "cpu",
        }
        return [{**cheap}, {**cheap, "max_epochs": 0, "n_components": 0.99}]


def _straight_encoder():
    """An encoder of random weights whose rectifiers let nearly everything pass.

    scikit-learn's blobs are waveforms of two samples, each of which counts. Rectifiers of random
    weights fold them; these leave them in their places, as seen from elsewhere.
    """
    with private_generator(0, torch.device("cpu")), torch.no_grad():
        encoder = EventEncoder(in_channels=1, shape=(2,), representation="waveform", width=2)
        encoder.double().train()
        for norm in encoder.modules():
            if isinstance(norm, _BatchNorm):
                norm.momentum = None
                if norm.affine:
                    norm.bias.fill_(4.0)
        encoder(torch.randn(256, 1, 2, dtype=torch.float64))
    return TrainedEncoder.from_module(encoder)


def _numbers_of_clusters(n_clusters):
    """The numbers to try, ascending."""
    one = isinstance(n_clusters, numbers.Integral)
    try:
        tried = [n_clusters] if one else list(n_clusters)
    except TypeError:
        tried = []
    wrong = [
        k for k in tried if not isinstance(k, numbers.Integral) or isinstance(k, bool) or k < 1
    ]
    if wrong or not tried:
        raise ValueError(
            f"n_clusters must be an integer >= 1, or several, such as range(2, 10); got "
            f"{n_clusters!r}"
        )
    return sorted({int(k) for k in tried})


def _table(divisions):
    """Columns of the rows of all divisions."""
    rows = [division["row"] for division in divisions]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}
