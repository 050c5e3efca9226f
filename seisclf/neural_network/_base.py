"""The training engine: from a torch module to a scikit-learn estimator."""

import warnings
from abc import abstractmethod
from copy import deepcopy

import numpy as np
import torch
from sklearn.utils.validation import check_consistent_length, check_is_fitted
from skorch.callbacks import EpochTimer

from ..base import WaveformEstimator, validate_waveforms
from ..utils import check_seed
from ._batches import EventDataset
from ._callbacks import (
    EpochMeans,
    FiniteLoss,
    ForgetBatches,
    LearningRate,
    Progress,
    StopEarly,
    schedule_params,
)
from ._device import private_generator, resolve_device
from ._inner_split import inner_split
from ._net import EventNet, build_net
from ._params import (
    check_positive_integer,
    check_training_params,
    patience_of,
    resolve_optimizer,
    validation_part,
)
from ._state import (
    history_of,
    move_net,
    net_from_state,
    net_to_state,
    no_more_weights_than,
)
from ._weights import mean_one, row_weights


class NeuralEstimator(WaveformEstimator):
    """Parent of all networks: trains a torch module through skorch.

    A child says which module it trains (`_module`), with which loss (`_criterion`) and how
    targets become numbers (`_learn_target`, `_encode_target`); training, validation, weights,
    schedules, devices, random numbers and files are done here. The skorch net is held in
    ``net_``, made anew by each ``fit``.

    Parameters
    ----------
    max_epochs : int, default=100
        Passes over the training events; fewer with `early_stopping`.
    lr : float, default=1e-3
        Learning rate at the beginning.
    batch_size : int, default=128
        Events in one step of the optimizer, and in one step of a prediction.
    optimizer : {"adam", "adamw", "sgd"} or torch.optim.Optimizer class, default="adam"
        What makes the steps. Further settings through `net_params`, e.g.
        ``{"optimizer__momentum": 0.9}``.
    weight_decay : float, default=0.0
        L2 penalty of "adam" and "sgd"; decoupled decay of "adamw".
    lr_schedule : {"constant", "plateau", "cosine"}, default="constant"
        "plateau" multiplies the rate by ``factor`` whenever the validation loss (without
        validation: the training loss) has not fallen by ``min_delta`` for ``patience`` epochs.
        "cosine" lets it fall along half a cosine over `max_epochs`, to ``min_lr``, after
        ``warmup`` epochs of linear rise.
    lr_schedule_params : dict, optional
        "plateau": ``factor`` (0.9), ``patience`` (5), ``min_delta`` (1e-4), ``min_lr`` (0).
        "cosine": ``min_lr`` (0), ``warmup`` (0).
    early_stopping : bool or int, default=False
        Stop when the validation loss has not improved for this many epochs (True: 10), and go
        back to the weights of the best epoch.
    validation_fraction : float, optional
        Part of the events set aside from training. None: 0.1 with `early_stopping`, otherwise
        nothing is set aside. Whole groups are set aside if ``fit`` is given `groups`.
    augmenter : object, optional
        Its method ``augment(X, y, rng)`` is called on each training batch with X
        (n, n_channels, n_samples), encoded targets and a :class:`numpy.random.Generator`, and
        returns as many rows of both. X and y are its own copies. Weights stay with their rows.
        Where targets are functions over time, it sees the times they are made from.
    callbacks : list of skorch callbacks, optional
        Instances or tuples (name, instance). They are copied, so that a fit does not change
        what was passed.
    net_params : dict, optional
        Further parameters of skorch's net with its double underscores, for instance
        ``{"criterion__label_smoothing": 0.1}``. They go over everything else.
    dtype : {"float32", "float64"}, default="float32"
        Precision of weights and arithmetic, whatever the dtype of X.
    device : str, default="auto"
        "auto" takes the GPU where there is one. In worker processes (``n_jobs > 1``) a GPU is
        refused unless it is named, as in "cuda:0".
    warm_start : bool, default=False
        Whether ``fit`` goes on from the weights and the optimizer of the last one, with the same
        classes and shape of X, for `max_epochs` more epochs. With other events than before,
        the validation set may hold some that the network has already learned.
    random_state : int, RandomState, Generator or None, default=None
        Fixes initial weights, validation split, order of the events, dropout and augmentation.
        The global generators are not touched. On a GPU, sums may still differ in the last digits.
    verbose : int, default=0
        1 shows a progress bar, one line per fit.
    """

    _is_base = True
    _ndim: tuple[int, ...] = (2, 3)
    _net_class = EventNet
    #: Events are read batch by batch, so that each epoch may see other channels of them.
    _reads_batches = True

    def __init__(
        self,
        *,
        max_epochs=100,
        lr=1e-3,
        batch_size=128,
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
        device="auto",
        warm_start=False,
        random_state=None,
        verbose=0,
    ):
        self.max_epochs = max_epochs
        self.lr = lr
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.weight_decay = weight_decay
        self.lr_schedule = lr_schedule
        self.lr_schedule_params = lr_schedule_params
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.augmenter = augmenter
        self.callbacks = callbacks
        self.net_params = net_params
        self.dtype = dtype
        self.device = device
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    # What a child says --------------------------------------------------------------------------

    @abstractmethod
    def _module(self):
        """Class of the torch module and its parameters, once shapes and targets are known."""

    @abstractmethod
    def _criterion(self):
        """Class of the loss and its parameters; it returns one loss per row (or per output)."""

    def _validate(self, X, y, *, reset):
        """Check X and y; a child whose targets are not one per event overrides it."""
        return validate_waveforms(self, X, y, reset=reset, ndim=self._ndim)

    def _learn_target(self, y):
        """Learn from `y` what encoding needs, such as ``classes_``."""

    def _learn_scale(self, y, weights):
        """Learn from `y` what encoding needs of weighted events, such as their mean."""

    def _encode_target(self, y):
        """Targets as the criterion takes them, one row per event."""
        return np.asarray(y, dtype=self.dtype)

    def _targets(self, X, y, **labels):
        """Targets of the rows; `labels` is what a child's ``fit`` takes beside y."""
        return self._encode_target(y)

    def _expand(self):
        """What turns a batch of targets into the criterion's, if that is to be done late."""
        return None

    def _event_dataset(self, X, y=None, weight=None):
        """Rows of validated X; a child that takes missing stations overrides it."""
        return EventDataset(X, y, weight)

    def _inference_module(self, module):
        """A module that predicts what `module` does, perhaps faster; `module` stays unchanged."""
        return module

    def _param_groups(self):
        """Parts of the module that learn at another rate: tuples (pattern of names, factor)."""
        return []

    def _target_weights(self, target, weights):
        """Weights of the rows once more, with what depends on the target."""
        return weights

    def _split_labels(self, target):
        """Classes that the inner split keeps in proportion, or None."""
        return None

    # Training -----------------------------------------------------------------------------------

    def fit(self, X, y, sample_weight=None, groups=None):
        """Train the network.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Waveforms; (n_events, n_samples) is read as one channel. A lazy X is read batch by
            batch in each epoch.
        y : array-like of shape (n_events,)
            Targets.
        sample_weight : array-like of shape (n_events,), optional
            How much each event counts in the loss.
        groups : array-like of shape (n_events,), optional
            Events of one group are not divided between training and validation. scikit-learn's
            searches pass it on after ``set_fit_request(groups=True)``.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X, y or a parameter cannot be used, or the loss is not finite.
        """
        return self._fit(X, y, sample_weight, groups)

    def _fit(self, X, y, sample_weight, groups, **labels):
        fresh = not (self.warm_start and self.__sklearn_is_fitted__())
        check_training_params(self)
        dataset = self._dataset(X, y, sample_weight, fresh=fresh, **labels)
        train, valid = self._divide(dataset, groups, fresh)
        patience = patience_of(self.early_stopping)
        self._run(train, valid, self.max_epochs, self.lr_schedule, patience)
        return self

    def partial_fit(self, X, y, sample_weight=None, *, epochs=1):
        """Go on training, with a constant learning rate and without validation.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Waveforms, of the shape that was seen first.
        y : array-like of shape (n_events,)
            Targets.
        sample_weight : array-like of shape (n_events,), optional
            How much each event counts in the loss.
        epochs : int, default=1
            Passes over these events.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X, y or a parameter cannot be used, or the loss is not finite.
        """
        return self._partial_fit(X, y, sample_weight, epochs)

    def _partial_fit(self, X, y, sample_weight, epochs, *, learn_from=None, **labels):
        fresh = not self.__sklearn_is_fitted__()
        check_training_params(self)
        check_positive_integer("epochs", epochs)
        dataset = self._dataset(X, y, sample_weight, fresh=fresh, learn_from=learn_from, **labels)
        self._start(fresh)
        dataset.count, dataset.weight = dataset.weight, mean_one(dataset.weight)
        self._run(dataset, None, epochs, "constant", None)
        return self

    def _dataset(self, X, y, sample_weight, *, fresh, learn_from=None, **labels):
        if fresh and hasattr(self, "net_"):
            del self.net_  # whatever goes wrong now, old weights must not meet new classes
        X, y = self._validate(X, y, reset=fresh)
        if fresh:
            self._learn_target(y if learn_from is None else learn_from)
        weights = row_weights(X, sample_weight)
        if fresh:
            self._learn_scale(y, weights)
        target = self._targets(X, y, **labels)
        weights = self._target_weights(target, weights)
        return self._event_dataset(X, target, weights)

    def _divide(self, dataset, groups, fresh):
        self._start(fresh)
        fraction = validation_part(self)
        if groups is not None:
            check_consistent_length(dataset, groups)
        if fraction is None:
            dataset.count, dataset.weight = dataset.weight, mean_one(dataset.weight)
            return dataset, None
        rows = inner_split(
            len(dataset),
            fraction,
            labels=self._split_labels(dataset.y),
            groups=groups,
            # Not the seed of this session: with warm_start, what was set aside stays aside.
            seed=self._seed % (2**32),
        )
        weight = np.empty_like(dataset.weight)
        for part in rows:
            weight[part] = mean_one(dataset.weight[part])
        dataset.count, dataset.weight = dataset.weight, weight
        train, valid = (dataset.subset(part) for part in rows)
        return train, valid.fixed()

    def _start(self, fresh):
        if fresh:
            self._seed = check_seed(self.random_state)
            self.history_ = []

    def _run(self, train, valid, epochs, schedule, patience, more_callbacks=()):
        device = resolve_device(self.device)
        seeds = np.random.SeedSequence([self._seed, len(self.history_)]).generate_state(2)
        callbacks = self._session_callbacks(epochs, schedule, patience, more_callbacks)
        with private_generator(int(seeds[0]), device):
            net = self._prepared_net(device, callbacks, int(seeds[1]))
            try:
                finished = net.train_on(train, valid, epochs)
            except ValueError as error:
                if "more than 1 value per channel" not in str(error):
                    raise
                raise ValueError(
                    f"{type(self).__name__} cannot learn from a batch of one event, because batch "
                    f"normalisation needs several: give more events ({len(train)} came to train "
                    f"on), and batch_size of at least 2 (it is {self.batch_size})"
                ) from error
            net.optimizer_.zero_grad(set_to_none=True)
        self.net_ = net
        self.history_ = history_of(net)
        self.n_iter_ = len(self.history_)
        best = dict(net.callbacks_)["stop_early"].best_epoch_ if patience else None
        self.best_epoch_ = best or self.n_iter_
        if not finished:
            warnings.warn(
                f"training was interrupted in epoch {self.n_iter_ + 1}; "
                f"{type(self).__name__} keeps the weights it has",
                UserWarning,
                stacklevel=4,
            )

    def _session_callbacks(self, epochs, schedule, patience, more):
        params = self.lr_schedule_params if schedule == self.lr_schedule else None
        params = schedule_params(schedule, params)
        callbacks = [
            ("finite_loss", FiniteLoss()),
            ("forget_batches", ForgetBatches()),
            ("epoch_timer", EpochTimer()),
            ("epoch_means", EpochMeans()),
            ("learning_rate", LearningRate(schedule, self.lr, epochs, params)),
            *self._more_callbacks(),
            *(deepcopy(self.callbacks) or []),
        ]
        if patience:
            callbacks.append(("stop_early", StopEarly(patience)))
        callbacks.extend(more)
        if self.verbose:
            callbacks.append(("progress", Progress(epochs, type(self).__name__)))
        return callbacks

    def _more_callbacks(self):
        """Callbacks that belong to a child, as tuples (name, callback)."""
        return []

    def _prepared_net(self, device, callbacks, seed):
        """The net of the last session with new settings, or a new one."""
        if not hasattr(self, "net_"):
            return self._new_net(device, callbacks, seed)
        net = move_net(self.net_, device)
        net.callbacks = callbacks
        net.initialize_callbacks()
        net.batch_size = self.batch_size
        net.iterator_train__seed = seed
        net.iterator_train__augmenter = self.augmenter
        factors = dict(self._param_groups())
        for group in net.optimizer_.param_groups:
            group["weight_decay"] = self.weight_decay
            if group.get("names") in factors:
                group["lr_factor"] = factors[group["names"]]
        return net

    def _new_net(self, device, callbacks=(), seed=0):
        module, module_params = self._module()
        criterion, criterion_params = self._criterion()
        return build_net(
            self._net_class,
            module,
            module_params,
            net_params=self.net_params,
            callbacks=list(callbacks),
            criterion=criterion,
            **{f"criterion__{name}": value for name, value in criterion_params.items()},
            optimizer=resolve_optimizer(self.optimizer),
            optimizer__weight_decay=self.weight_decay,
            optimizer__param_groups=[
                (names, {"names": names, "lr_factor": factor})
                for names, factor in self._param_groups()
            ],
            lr=self.lr,
            max_epochs=self.max_epochs,
            batch_size=self.batch_size,
            device=str(device),
            dtype=self.dtype,
            iterator_train__seed=seed,
            iterator_train__augmenter=self.augmenter,
            iterator_train__dtype=self.dtype,
            iterator_valid__dtype=self.dtype,
            iterator_train__expand=self._expand(),
            iterator_valid__expand=self._expand(),
        )

    # Prediction and state -----------------------------------------------------------------------

    def _forward(self, X, *, part=None):
        """Outputs for X, one array or one for each head; of the module or one of its parts."""
        batches = list(self._forward_batches(X, part=part))
        if isinstance(batches[0], tuple):
            return tuple(map(np.concatenate, zip(*batches, strict=True)))
        return np.concatenate(batches)

    def _forward_batches(self, X, *, part=None):
        """Yield the outputs batch by batch, so that not all of them are held at once."""
        check_is_fitted(self)
        dataset = self._event_dataset(self._validate_input(X))
        net = move_net(self.net_, self._inference_device())
        if part is None:
            module = self._inference_module(net.module_)
        else:
            module = getattr(net.module_, part)
        with net.running(module):
            for out in net.forward_iter(dataset):
                many = isinstance(out, tuple)
                yield tuple(head.numpy() for head in out) if many else out.numpy()

    def _validate_input(self, X):
        """Check X before a prediction."""
        return validate_waveforms(self, X, reset=False, ndim=self._ndim)

    def _inference_device(self):
        try:
            return resolve_device(self.device)
        except ValueError:
            # Trained on a GPU that this machine lacks: the CPU gives the same answer.
            if str(self.device).startswith("cuda") and not torch.cuda.is_available():
                return torch.device("cpu")
            raise

    def __sklearn_is_fitted__(self):
        return hasattr(self, "net_")

    def _get_fitted_state(self):
        state = super()._get_fitted_state()
        if "net_" in state:
            state["net_"] = net_to_state(state["net_"])
        return state

    def _set_fitted_state(self, state):
        state = dict(state)
        saved = state.pop("net_", None)
        super()._set_fitted_state(state)
        if saved is not None:
            cpu = torch.device("cpu")
            with private_generator(0, cpu), no_more_weights_than(saved):
                self.net_ = net_from_state(self._new_net(cpu), saved)
            self.net_.history.extend({**epoch, "batches": []} for epoch in self.history_)
