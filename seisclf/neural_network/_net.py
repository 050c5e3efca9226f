"""The skorch net inside every network estimator."""

from contextlib import contextmanager
from copy import deepcopy

import torch
from skorch import NeuralNet
from skorch.utils import to_tensor

from ..nets.layers import picture_layout
from ._batches import BatchIterator, EventDataset


class EventNet(NeuralNet):
    """skorch's net with weighted rows, its own batches and a given validation set.

    Two things differ from a plain :class:`skorch.NeuralNet`. The loop is handed its training and
    validation sets ready made, because the split must know groups and classes. And each batch
    carries the weight of its rows beside the waveforms, so that callbacks still see ``(X, y)``.

    Parameters
    ----------
    *args, **kwargs
        As of :class:`skorch.NeuralNet`.
    dtype : {"float32", "float64"}, default="float32"
        Of parameters and waveforms.
    """

    def __init__(self, *args, dtype="float32", **kwargs):
        self.dtype = dtype
        super().__init__(*args, **kwargs)

    def __deepcopy__(self, memo):
        # skorch has no copy but by pickle, which makes a file of each tensor and reads it again.
        copied = memo[id(self)] = object.__new__(type(self))
        copied.__dict__.update(deepcopy(self.__dict__, memo))
        return copied

    @property
    def _default_callbacks(self):
        return []  # NeuralEstimator lists all of them

    def initialize_module(self):
        """Build the module in the wanted precision."""
        super().initialize_module()
        # Not `to`: it would make real numbers of complex ones.
        if self.dtype == "float32":
            self.module_ = self.module_.float()
        else:
            layout = picture_layout(torch.float64)
            self.module_ = self.module_.double().to(memory_format=layout)
        return self

    def train_on(self, train, valid=None, epochs=1):
        """Train for some epochs.

        Parameters
        ----------
        train, valid : EventDataset
            What to learn from and what to look at; `valid` may be None.
        epochs : int
            How many passes over `train`.

        Returns
        -------
        finished : bool
            False if somebody interrupted an epoch.
        """
        if not self.initialized_:
            self.initialize()
        self._stopping = False
        self.notify("on_train_begin", X=train, y=train.y)
        finished = True
        try:
            finished = self._epochs(train, valid, epochs)
        finally:
            self.notify("on_train_end", X=train, y=train.y)
        return finished

    def stop_training(self):
        """Ask for the present epoch to be the last one."""
        self._stopping = True

    def _epochs(self, train, valid, epochs):
        batches = self.get_iterator(train, training=True)
        valid_batches = None if valid is None else self.get_iterator(valid, training=False)
        datasets = {"dataset_train": train, "dataset_valid": valid}
        for _ in range(epochs):
            self.notify("on_epoch_begin", **datasets)
            try:
                self.run_single_epoch(batches, True, "train", self.train_step)
                self.run_single_epoch(valid_batches, False, "valid", self.validation_step)
            except BaseException as error:
                del self.history[-1]  # an epoch that has no loss is no epoch
                if isinstance(error, KeyboardInterrupt):
                    return False
                raise
            try:
                self.notify("on_epoch_end", **datasets)
            except KeyboardInterrupt:
                self._stopping = True  # how skorch's callbacks ask to stop
            if self._stopping:
                return True
        return True

    @contextmanager
    def running(self, module):
        """For the length of a ``with``, let `infer` run this module instead of its own."""
        # In a tuple: skorch makes every module that is set as an attribute a part of the net.
        self._running = (module,)
        try:
            yield self
        finally:
            self._running = None

    def _set_training(self, training=True):
        # skorch walks through all modules for every batch; once per change is enough.
        if self.module_.training != training or self.criterion_.training != training:
            super()._set_training(training)

    def infer(self, x, **fit_params):
        """Run the module on the waveforms of a batch."""
        x = to_tensor(x["x"] if isinstance(x, dict) else x, device=self.device)
        (module,) = getattr(self, "_running", None) or (self.module_,)
        return module(x, **fit_params)

    def get_loss(self, y_pred, y_true, X=None, training=False):
        """Weighted mean of the loss of each row."""
        losses = super().get_loss(y_pred, y_true, X=X, training=training)
        if losses.ndim == 0:
            raise ValueError(
                f"the criterion {type(self.criterion_).__name__} returned one number for a batch, "
                f"but one loss per row is needed for sample_weight and class_weight: set "
                f"net_params={{'criterion__reduction': 'none'}}"
            )
        losses = losses.reshape(len(losses), -1).mean(dim=1)
        if "weight" in X:
            losses = losses * X["weight"].to(losses.device)
        return losses.mean()

    def get_dataset(self, X, y=None):
        """Wrap waveforms for `forward` and its kin."""
        return X if isinstance(X, EventDataset) else EventDataset(X, y)


class ClassifierNet(EventNet):
    """`EventNet` that also records the accuracy on the validation set.

    skorch's ``EpochScoring`` works with it; it sees encoded labels, indices into ``classes_``.
    """

    _estimator_type = "classifier"

    def validation_step(self, batch, **fit_params):
        """Loss and accuracy of a validation batch."""
        step = super().validation_step(batch, **fit_params)
        hits = step["y_pred"].argmax(1).cpu() == batch[1]
        self.history.record_batch("valid_acc", hits.double().mean().item())
        return step

    def predict(self, X):
        """Indices of the most probable classes."""
        return self.forward(X).argmax(1).numpy()


def build_net(net_class, module, module_params, *, net_params, callbacks, **settings):
    """Make a skorch net from a module's class and an estimator's parameters.

    Parameters
    ----------
    net_class : type
        `EventNet` or a child of it.
    module : type
        Class of the torch module.
    module_params : dict
        Its constructor's parameters.
    net_params : dict or None
        What the user gave; it has the last word.
    callbacks : list of tuple (str, Callback)
        In the order in which they run.
    **settings
        Further parameters of the net.

    Returns
    -------
    net : EventNet
        Initialised, with random weights.

    Raises
    ------
    ValueError
        If `net_params` names something skorch does not know.
    """
    params = {
        "iterator_train": BatchIterator,
        "iterator_train__shuffle": True,
        "iterator_valid": BatchIterator,
        "train_split": None,
        "verbose": 0,
        **settings,
        **{f"module__{name}": value for name, value in module_params.items()},
        **(net_params or {}),
    }
    try:
        return net_class(module, callbacks=callbacks, **params).initialize()
    except (TypeError, ValueError) as error:
        if not net_params:
            raise
        raise ValueError(f"net_params={net_params!r} cannot be used: {error}") from error
