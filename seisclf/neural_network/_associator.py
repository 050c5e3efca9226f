"""RockNet over a network of stations: whether an event occurred, and which."""

import warnings
from copy import deepcopy

import numpy as np
from sklearn.frozen import FrozenEstimator

from ..base import validate_waveforms
from ..io import LazyWaveforms
from ..nets import RockNetAssociation
from ..utils import arrivals_to_array
from ._batches import EventDataset
from ._function_classifier import PICKS
from ._rocknet import RockNetClassifier
from ._rocknet_rules import halved_evidence
from ._rocknet_targets import ArrivalFiller, EventTargets, check_order, warn_outside
from ._station_model import StationModelClassifier
from ._stations import StationRows, check_stations

_MERGES = {"random": "published", "masked": "masked"}


class RockNetAssociator(StationModelClassifier):
    """RockNet over a network: the stations' networks joined to say which event occurred.

    The maps of one network per station, all with the same weights, are merged by a weight for
    each station and decoded into a function of occurrence for each class of events [1]_. The
    order of the stations matters.

    Parameters
    ----------
    station_model : RockNetClassifier, FrozenEstimator or None, default=None
        The network of a station. A fitted one (or one in a
        :class:`sklearn.frozen.FrozenEstimator`) gives a copy of its weights, and is neither
        trained nor changed; it stays fitted when this estimator is cloned. One that is not
        fitted is cloned and trained first, on the recordings of the single stations, each with
        the label of its event. None makes one with the training parameters of this estimator,
        its own `lr` apart.
    sampling_rate : float, default=100.0
        Sampling rate of the waveforms in Hz, the same as that of `station_model`.
    freeze : bool, default=True
        Whether the station network stays as it is, and only what joins the stations is trained.
    missing : {"random", "masked"}, default="random"
        What a missing station (NaN throughout) is to the network: random numbers, the same each
        time, as in the paper; or nothing at all, the other stations counting for more.
    occurrence_threshold : float, default=0.5
        Probability that an occurrence must reach for an event.
    task_weighting : {"dwa", "equal"} or dict, default="dwa"
        How much each task counts in the loss: by dynamic weight averaging, all alike, or as said
        for ``"occurrence_<class>"`` and, if not `freeze`, ``"P_S"`` and the classes of events.
    dwa_temperature : float, default=2.0
        Of dynamic weight averaging; larger is more alike.
    class_weight : None, "balanced", dict or ("balanced", dict), default=None
        Factor of each class in the loss. "balanced" gives all classes the same total weight;
        ``("balanced", {"noise": 0.0})`` all but the classes named, which get their factor.
    max_epochs : int, default=100
        Passes over the training events; fewer with `early_stopping`.
    lr : float, default=1e-3
        Learning rate at the beginning.
    batch_size : int, default=16
        Events in one step of the optimizer, and in one step of a prediction.
    optimizer : {"adam", "adamw", "sgd"} or torch.optim.Optimizer class, default="adam"
        What makes the steps.
    weight_decay : float, default=0.0
        L2 penalty of "adam" and "sgd"; decoupled decay of "adamw".
    lr_schedule : {"constant", "plateau", "cosine"}, default="constant"
        How the learning rate falls, see `NeuralEstimator`.
    lr_schedule_params : dict, optional
        Of the schedule.
    early_stopping : bool or int, default=False
        Epochs without a better validation loss after which to stop (True: 10).
    validation_fraction : float, optional
        Part of the events set aside; None: 0.1 with `early_stopping`, else nothing.
    augmenter : object, optional
        With a method ``augment(X, y, rng)`` for training batches; y is the tuple of classes
        (n,), as indices into ``classes_``, and arrivals (n, n_stations, n_in_window, 4), in
        seconds. A station model that is trained along does without.
    callbacks : list of skorch callbacks, optional
        Copied before use.
    net_params : dict, optional
        Further parameters of skorch's net, with double underscores.
    dtype : {"float32", "float64"}, default="float32"
        Precision of weights and arithmetic.
    inference_dtype : None or "bfloat16", default=None
        "bfloat16" lets predictions multiply with 8 bits of precision, which pays where the
        hardware does (GPUs since Ampere, some CPUs); probabilities then differ by some hundredths
        where a function is steep. Weights, training and outputs stay float32. Not with
        ``dtype="float64"``. None: `dtype`.
    device : str, default="auto"
        "auto" takes the GPU where there is one.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the last one, or from published weights.
    random_state : int, RandomState, Generator or None, default=None
        Fixes the whole training, and what stands for missing stations.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, in the order of the columns of ``predict_proba``; those of the station model.
    event_classes_ : ndarray of shape (n_event_classes,)
        Those that have a mask and an occurrence.
    station_model_ : RockNetClassifier
        The fitted station model, a copy. With ``freeze=False`` the weights in ``net_`` moved on
        from it.
    n_estimated_ : int
        Recordings of the last ``fit`` or ``partial_fit`` whose arrivals were, in part or whole,
        estimated by :func:`seisclf.signal.estimate_arrivals`.
    n_whole_window_ : int
        Those among them in which no onset stood out, nor at other stations: their mask is the
        whole window. If the event stands out at others, it has no mask where it does not.
    net_ : skorch.NeuralNet
        The trained net; ``net_.module_`` is the torch module.
    history_ : list of dict
        For each epoch ``epoch, train_loss, lr, dur`` (s), the loss of each task as
        ``train_occurrence_<class>_loss``, …, their weights with "dwa", and with validation the
        same losses as ``valid_*``.
    n_iter_ : int
        Epochs trained.
    best_epoch_ : int
        Epoch whose weights are kept: with early stopping the best one, otherwise the last.
    n_features_in_, n_channels_in_, n_samples_in_ : int
        Shape of the events seen in ``fit``.
    n_stations_in_ : int
        Number of stations, if X had an axis for them.

    See Also
    --------
    RockNetClassifier : The network of one station.

    Notes
    -----
    The target of an occurrence is a truncated Gaussian 1 s wide, half a second before the first
    arrival at any station (at the first sample, if that is earlier). With `freeze` the loss is
    that of the occurrences; without, picks and masks of all stations are tasks as well.

    References
    ----------
    .. [1] Liao, W.-Y., Lee, E.-J., Wang, C.-C., Chen, P., Provost, F., Hibert, C., Malet, J.-P.,
       Chu, C.-R. and Lin, G.-W. (2023). RockNet: rockfall and earthquake detection and
       association via multitask learning and transfer learning. IEEE Transactions on Geoscience
       and Remote Sensing, 61. https://doi.org/10.1109/TGRS.2023.3284008

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.neural_network import RockNetAssociator, RockNetClassifier
    >>> X = np.random.default_rng(0).normal(size=(6, 2, 3, 200))
    >>> X[0, 1] = np.nan  # a missing station
    >>> y = np.array(["rockfall", "noise"] * 3)
    >>> station = RockNetClassifier(
    ...     sampling_rate=20.0, filters=(4, 4), max_epochs=1, random_state=0, device="cpu"
    ... )
    >>> net = RockNetAssociator(
    ...     station_model=station, sampling_rate=20.0, max_epochs=1, random_state=0, device="cpu"
    ... ).fit(X, y)
    >>> {name: f.shape for name, f in net.predict_functions(X).items()}
    {'occurrence_rockfall': (6, 200), 'P': (6, 2, 200), 'S': (6, 2, 200), 'rockfall': (6, 2, 200)}
    """

    _ndim = (2, 3, 4)

    def __init__(
        self,
        *,
        station_model=None,
        sampling_rate=100.0,
        freeze=True,
        missing="random",
        occurrence_threshold=0.5,
        task_weighting="dwa",
        dwa_temperature=2.0,
        class_weight=None,
        max_epochs=100,
        lr=1e-3,
        batch_size=16,
        optimizer="adam",
        weight_decay=0.0,
        lr_schedule="constant",
        lr_schedule_params=None,
        early_stopping=False,
        validation_fraction=None,
        augmenter=None,
        callbacks=None,
        net_params=None,
        dtype="float32",
        inference_dtype=None,
        device="auto",
        warm_start=False,
        random_state=None,
        verbose=0,
    ):
        self.station_model = station_model
        self.sampling_rate = sampling_rate
        self.freeze = freeze
        self.missing = missing
        self.occurrence_threshold = occurrence_threshold
        super().__init__(
            task_weighting=task_weighting,
            dwa_temperature=dwa_temperature,
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
            inference_dtype=inference_dtype,
            device=device,
            warm_start=warm_start,
            random_state=random_state,
            verbose=verbose,
        )

    def fit(self, X, y, sample_weight=None, groups=None, arrivals=None):
        """Train the network, and before it the station model where that is not fitted.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_stations, n_channels, n_samples)
            Waveforms, filtered but not normalised; NaN throughout where a station is missing.
            (n_events, n_channels, n_samples) and (n_events, n_samples) are read as one station.
        y : array-like of shape (n_events,)
            Labels of any type. A :class:`seisclf.utils.EventLabels` brings its arrivals along.
        sample_weight : array-like of shape (n_events,), optional
            How much each event counts in the loss, besides `class_weight`.
        groups : array-like of shape (n_events,), optional
            Events of one group are not divided between training and validation.
        arrivals : pandas.DataFrame with n_events rows, optional
            Columns with two levels, station and ``P``, ``S``, ``start``, ``end`` in seconds after
            the first sample, see :func:`seisclf.utils.arrivals_to_array` and
            :func:`seisclf.utils.array_to_arrivals`. What is NaN is estimated.

        Returns
        -------
        self : object
            The fitted classifier.

        Raises
        ------
        ValueError
            If X, y, arrivals, the station model or a parameter cannot be used, or the loss is
            not finite.
        """
        return super().fit(X, y, sample_weight, groups, arrivals)

    def predict_functions(self, X):
        """Probabilities over time.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_stations, n_channels, n_samples)
            Waveforms.

        Returns
        -------
        functions : dict of str to ndarray of float32
            First ``"occurrence_<class>"``, last class first, of shape (n_events, n_samples); then
            "P", "S" and the mask of each class under its name, of shape (n_events, n_stations,
            n_samples). At missing stations they say nothing.
        """
        return super().predict_functions(X)

    def predict_proba(self, X):
        """Probabilities of the classes, from the occurrences.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_stations, n_channels, n_samples)
            Waveforms.

        Returns
        -------
        probabilities : ndarray of float64 of shape (n_events, n_classes)
            Each row sums to one; columns in the order of ``classes_``.

        Notes
        -----
        The largest probability is that of the class which the association's rule names: the one
        whose occurrence has the largest maximum over time, if that is not below
        `occurrence_threshold`; else background. The evidence ``e`` of a class is its maximum,
        stretched so that `occurrence_threshold` becomes 0.5; background gets ``1 - max(e)``, and
        all are divided by their sum.
        """
        return super().predict_proba(X)

    def pick(self, X, *, threshold=None):
        """List what was found at the stations: a row for each run of a mask.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_stations, n_channels, n_samples)
            Waveforms.
        threshold : float, optional
            For P and S, instead of the station model's `pick_threshold`.

        Returns
        -------
        picks : pandas.DataFrame
            As of :meth:`RockNetClassifier.pick`, with a column ``station``, the number of the
            station; missing stations are left out.
        """
        missing = []

        def functions():
            for (_, picks, masks), there in zip(
                self._forward_batches(X), self._presence(X), strict=True
            ):
                missing.append(~there.ravel())
                yield picks.reshape(-1, *picks.shape[2:]), masks.reshape(-1, *masks.shape[2:])

        table = self.station_model_._pick_table(functions(), threshold)
        n_stations = getattr(self, "n_stations_in_", 1)
        flat = table["row"].to_numpy()
        table.insert(1, "station", flat % n_stations)
        table["row"] = flat // n_stations
        table = table[~np.concatenate(missing)[flat]]
        return table.sort_values(["row", "start"], kind="stable", ignore_index=True)

    def _presence(self, X):
        dataset = self._event_dataset(self._validate_input(X))
        for start in range(0, len(dataset), self.batch_size):
            part = dataset.batch(slice(start, min(start + self.batch_size, len(dataset))))[0]
            yield ~np.isnan(part[:, :, 0, 0])

    # Waveforms ----------------------------------------------------------------------------------

    def _validate(self, X, y, *, reset):
        X, y = validate_waveforms(self, X, y, reset=reset, ndim=self._ndim, allow_nan=True)
        return _as_network(X), y

    def _validate_input(self, X):
        X = validate_waveforms(self, X, reset=False, ndim=self._ndim, allow_nan=True)
        return _as_network(X)

    def _event_dataset(self, X, y=None, weight=None):
        return EventDataset(X, y, weight, n_axes=4, check=check_stations)

    # What is trained ----------------------------------------------------------------------------

    def _class_settings(self):
        return self.station_model_._class_settings()

    def _learn_target(self, y):
        super()._learn_target(y)
        known = self.station_model_.classes_
        unknown = np.setdiff1d(self.classes_, known)
        if len(unknown):
            raise ValueError(
                f"y has the labels {unknown.tolist()}, but station_model was fitted with the "
                f"classes {known.tolist()}: fit it with all classes, or leave it unfitted, and it "
                f"is trained here"
            )
        super()._learn_target(known)

    def _tasks(self):
        names = self._event_names()
        tasks: list[tuple] = [
            (f"occurrence_{name}", 0, i) for i, name in enumerate(reversed(names))
        ]
        if not self.freeze:
            tasks += [(PICKS, 1, None), *((name, 2, i) for i, name in enumerate(names))]
        return tuple(tasks)

    def _expand(self):
        masks, picked = self._codes()
        last = len(self.event_classes_) - 1
        occurrences = tuple(-1 if mask < 0 else last - mask for mask in masks)
        return EventTargets(self.n_samples_in_, self.sampling_rate, masks, picked, occurrences)

    def _arrivals_array(self, arrivals, n):
        n_stations = getattr(self, "n_stations_in_", None)
        if n_stations is None:
            return arrivals_to_array(arrivals, n)[:, np.newaxis]
        return arrivals_to_array(arrivals, n, n_stations=n_stations)

    def _fill_arrivals(self, X, codes, arrivals):
        rows = StationRows(self._event_dataset(X), getattr(self, "n_stations_in_", 1))
        filled = np.full((len(codes), getattr(self, "n_stations_in_", 1), 1, 4), np.nan)
        if arrivals is not None:
            filled = self._arrivals_array(arrivals, len(codes))
        masks, picked = self._codes()
        filler = ArrivalFiller(
            picked=picked,
            masks=masks,
            sampling_rate=self.sampling_rate,
            vertical=self.station_model_._vertical(),
        )
        given, filled = filled, np.full_like(filled, np.nan)
        at = (rows.event, rows.station)
        filled[at] = filler.fill(rows.waveforms, codes[rows.event], given[at])
        # Where nothing stands out of an event that other stations have seen, nothing is to see:
        # distant stations, and random numbers in the place of missing ones.
        whole = np.zeros(filled.shape[:2], dtype=bool)
        whole[at] = filler.whole_
        seen = ~np.isnan(filled).all(axis=(2, 3)) & ~whole
        unseen = whole & seen.any(axis=1, keepdims=True) & np.isnan(given[:, :, 0]).all(axis=-1)
        filled[unseen, 0] = np.nan
        whole &= ~unseen
        check_order(filled, codes, self.classes_, picked)
        duration = self.n_samples_in_ / self.sampling_rate
        warn_outside(filled, codes, self.classes_, picked, duration)
        self.n_estimated_, self.n_whole_window_ = filler.n_estimated_, int(whole.sum())
        return filled

    def _module(self):
        if self.missing not in _MERGES:
            raise ValueError(f"missing must be 'random' or 'masked'; got {self.missing!r}")
        station = self.station_model_
        wanted = (self.n_channels_in_, self.n_samples_in_)
        if (station.n_channels_in_, station.n_samples_in_) != wanted:
            raise ValueError(
                f"station_model was fitted to {station.n_channels_in_} channels and "
                f"{station.n_samples_in_} samples; X has {wanted[0]} and {wanted[1]}: cut or "
                f"resample X to the same, or fit the station model again"
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it was said when the station model was made
            station_class, station_params = station._module()
        return association_network, {
            "station_class": station_class,
            "station_params": station_params,
            "n_stations": getattr(self, "n_stations_in_", 1),
            "n_occurrences": len(self.event_classes_),
            "merge": _MERGES[self.missing],
            "freeze": bool(self.freeze),
            "seed": self._seed % (2**32),
        }

    def _new_net(self, device, callbacks=(), seed=0):
        net = super()._new_net(device, callbacks, seed)
        net.module_.station.load_state_dict(self.station_model_.net_.module_.state_dict())
        return net

    # Prediction ---------------------------------------------------------------------------------

    def _inference_module(self, module):
        probabilities = super()._inference_module(module)
        probabilities.module.n_at_once = probabilities.at_once
        probabilities.at_once = None  # the module divides the batch itself, where that is faster
        return probabilities

    def _evidence(self, functions):
        if not 0 < self.occurrence_threshold < 1:
            raise ValueError(
                f"occurrence_threshold must lie between 0 and 1; got {self.occurrence_threshold!r}"
            )
        highest = functions[0][:, ::-1, 0].max(axis=-1)
        return halved_evidence(highest, self.occurrence_threshold)

    def _named(self, functions):
        occurrence, picks, masks = functions
        names = self._event_names()
        named = {f"occurrence_{name}": occurrence[:, -1 - i, 0] for i, name in enumerate(names)}
        named = dict(reversed(named.items())) | {"P": picks[:, :, 0], "S": picks[:, :, 1]}
        return named | {name: masks[:, :, i, 0] for i, name in enumerate(names)}

    # Published weights --------------------------------------------------------------------------

    @classmethod
    def from_published(cls, path, *, components="ZNE", **params):
        """Associator with the weights that RockNet's authors published.

        Parameters
        ----------
        path : str or pathlib.Path
            HDF5 file of an association network, see
            :func:`seisclf.datasets.fetch_rocknet_weights`.
        components : str, default="ZNE"
            Order in which the components will come.
        **params : dict
            Further parameters of the constructor, e.g. ``missing="masked"``.

        Returns
        -------
        associator : RockNetAssociator
            Fitted, for windows of 6000 samples at 100 Hz, filtered to 5 to 45 Hz, of the
            stations LH01 to LH04 in this order, and the classes "earthquake", "noise" and
            "rockfall".

        Raises
        ------
        ValueError
            If the file holds something else.
        """
        from ..nets._rocknet_published import load_published_association

        module = load_published_association(path, components=components)
        station = RockNetClassifier.from_published(
            path, components=components, device=params.get("device", "auto")
        )
        estimator = cls(station_model=FrozenEstimator(station), **params)
        estimator.station_model_ = deepcopy(station)
        estimator.n_features_in_, estimator.n_channels_in_ = module.n_stations, 3
        estimator.n_stations_in_, estimator.n_samples_in_ = module.n_stations, 6000
        return estimator._adopt(module, station.classes_, station.event_classes_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        model = self.station_model
        model = model.estimator if isinstance(model, FrozenEstimator) else model
        # See RockNetClassifier: the z-score of two samples is a sign.
        tags.classifier_tags.poor_score = bool(getattr(model, "normalize", True))
        return tags

    @classmethod
    def _get_test_params(cls):
        # Biases before a batch normalisation have no gradient but rounding, which Adam would turn
        # into steps of a visible size: two fits that should be the same would differ.
        station = RockNetClassifier._get_test_params()[0] | {"optimizer": "sgd"}
        shared = (
            "sampling_rate",
            "max_epochs",
            "optimizer",
            "lr",
            "batch_size",
            "dtype",
            "device",
        )
        return [
            {
                "station_model": RockNetClassifier(**station, random_state=0),
                **{name: station[name] for name in shared},
            }
        ]


def association_network(station_class, station_params, n_stations, **params):
    """Association network around a new station network."""
    return RockNetAssociation(station_class(**station_params), n_stations, **params)


def _as_network(X):
    """Give X a station axis, and look at what is missing; lazy waveforms pass unread."""
    if isinstance(X, LazyWaveforms):
        return X
    X = X if X.ndim == 4 else X[:, np.newaxis]
    check_stations(X)
    return X
