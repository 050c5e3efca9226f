"""What the networks that predict functions over time share: labels, tasks, rule, predictions."""

import warnings
import weakref
from abc import abstractmethod

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from ..nets.layers import fold_batch_norms
from ..nets.losses import MultiTaskCrossEntropy
from ..utils import EventLabels, check_seed
from ._classifier import NeuralClassifier
from ._device import private_generator
from ._multitask import MultiTaskNet, task_callbacks, task_weights
from ._rocknet_rules import class_probabilities
from ._weighted_norms import RunningStatistics

PICKS = "P_S"
_TAKEN = ("P", "S", PICKS)


class FunctionClassifier(NeuralClassifier):
    """Parent of the networks whose outputs are probabilities over time.

    A child says which functions there are (`_tasks`) and how they name the class of an event
    (`_evidence`); the labels over time come as `arrivals` beside y.

    Parameters
    ----------
    task_weighting : {"dwa", "equal"} or dict, default="dwa"
        How much each task counts in the loss.
    dwa_temperature : float, default=2.0
        Of dynamic weight averaging.
    inference_dtype : None or "bfloat16", default=None
        Precision of products in predictions; None: that of training.
    **training : dict
        The parameters of `NeuralClassifier`.
    """

    _is_base = True
    _net_class = MultiTaskNet

    def __init__(
        self, *, task_weighting="dwa", dwa_temperature=2.0, inference_dtype=None, **training
    ):
        self.task_weighting = task_weighting
        self.dwa_temperature = dwa_temperature
        self.inference_dtype = inference_dtype
        super().__init__(**training)

    # What a child says --------------------------------------------------------------------------

    @abstractmethod
    def _class_settings(self):
        """Labels that are picked, and labels that are background, as two sequences."""

    @abstractmethod
    def _tasks(self):
        """Tasks as `MultiTaskCrossEntropy` takes them."""

    @abstractmethod
    def _fill_arrivals(self, X, codes, arrivals):
        """Complete array of arrivals; `arrivals` is a table, an array or None."""

    @abstractmethod
    def _evidence(self, functions):
        """Evidence of shape (n, n_event_classes) in the outputs for one batch."""

    @abstractmethod
    def _named(self, functions):
        """Dictionary of the outputs for one batch."""

    # Labels -------------------------------------------------------------------------------------

    def _learn_target(self, y):
        super()._learn_target(y)
        _, background = self._class_settings()
        labels = self.classes_.tolist()
        events = [code for code, label in enumerate(labels) if label not in background]
        if not events:
            raise ValueError(
                f"{type(self).__name__} needs a class of events, but all classes, {labels}, are "
                f"background: name only labels of windows without events in background"
            )
        self.event_classes_ = self.classes_[events]

    def _codes(self):
        """For each class the number of its mask or -1, and whether it is picked."""
        picked, _ = self._class_settings()
        number = {code: i for i, code in enumerate(self._event_codes())}
        masks = tuple(number.get(code, -1) for code in range(len(self.classes_)))
        return masks, tuple(
            mask >= 0 and label in picked
            for mask, label in zip(masks, self.classes_.tolist(), strict=True)
        )

    def _event_codes(self):
        return np.searchsorted(self.classes_, self.event_classes_).tolist()

    def _background_code(self):
        _, background = self._class_settings()
        labels = self.classes_.tolist()
        return next((labels.index(label) for label in background if label in labels), None)

    def _event_names(self):
        """Names of the event classes among the functions over time."""
        names = map(str, self.event_classes_.tolist())
        return [f"mask_{name}" if name in _TAKEN else name for name in names]

    def _targets(self, X, y, arrivals=None):
        codes = self._encode_target(y)
        return codes, self._fill_arrivals(X, codes, arrivals)

    def _target_weights(self, target, weights):
        return super()._target_weights(target[0], weights)

    def _split_labels(self, target):
        return target[0]

    def _criterion(self):
        tasks = self._tasks()
        weight = task_weights(self.task_weighting, [name for name, *_ in tasks])
        return MultiTaskCrossEntropy, {"tasks": tasks, "weight": weight}

    def _more_callbacks(self):
        weighting = task_callbacks(self.task_weighting, self.dwa_temperature)
        return [("running_statistics", RunningStatistics()), *weighting]

    # Training and prediction --------------------------------------------------------------------

    def fit(self, X, y, sample_weight=None, groups=None, arrivals=None):
        """Train the network; see the children for the shapes."""
        self._check_settings()
        y, arrivals = labels_and_arrivals(y, arrivals)
        return self._fit(X, y, sample_weight, groups, arrivals=arrivals)

    def partial_fit(self, X, y, classes=None, sample_weight=None, arrivals=None, *, epochs=1):
        """Go on training, with a constant learning rate and without validation.

        Parameters
        ----------
        X, y, sample_weight, arrivals
            As of :meth:`fit`.
        classes : array-like of shape (n_classes,), optional
            All labels that will ever come. By default those of the first call.
        epochs : int, default=1
            Passes over these events.

        Returns
        -------
        self : object
            The fitted classifier.

        Raises
        ------
        ValueError
            If X, y, arrivals or a parameter cannot be used, or the loss is not finite.
        """
        self._check_settings()
        self._check_classes(classes)
        y, arrivals = labels_and_arrivals(y, arrivals)
        return self._partial_fit(
            X, y, sample_weight, epochs, learn_from=classes, arrivals=arrivals
        )

    def predict_functions(self, X):
        """Probabilities over time.

        Parameters
        ----------
        X : array-like or LazyWaveforms
            Waveforms, of the shape that was seen in ``fit``.

        Returns
        -------
        functions : dict of str to ndarray of float32
            One array for each function, the last axis time.
        """
        check_is_fitted(self)
        batches = [self._named(batch) for batch in self._forward_batches(X)]
        return {
            name: np.concatenate([batch[name] for batch in batches]).astype(np.float32, copy=False)
            for name in batches[0]
        }

    def _logits(self, X):
        """Logarithms of the probabilities, whose softmax gives them back."""
        check_is_fitted(self)
        columns, n_classes = self._event_codes(), len(self.classes_)
        background = self._background_code()
        probabilities = [
            class_probabilities(self._evidence(batch), columns, n_classes, background)
            for batch in self._forward_batches(X)
        ]
        return np.log(np.maximum(np.concatenate(probabilities), 1e-12))

    def _inference_module(self, module):
        self._check_inference_dtype()
        at_once = max(1, self._samples_at_once // self.n_samples_in_)
        return Probabilities(folded(module), at_once, bfloat16=self.inference_dtype is not None)

    def _check_settings(self):
        self._check_inference_dtype()
        rate = getattr(self.augmenter, "sampling_rate", self.sampling_rate)
        if rate != self.sampling_rate:
            raise ValueError(
                f"augmenter has sampling_rate={rate}, {type(self).__name__} has "
                f"sampling_rate={self.sampling_rate}: arrivals would move by other times than "
                f"the waveforms. Set both to that of the waveforms"
            )

    def _check_inference_dtype(self):
        if self.inference_dtype not in (None, "bfloat16"):
            raise ValueError(
                f"inference_dtype must be None or 'bfloat16'; got {self.inference_dtype!r}"
            )
        if self.inference_dtype is not None and self.dtype != "float32":
            raise ValueError(
                f"inference_dtype='bfloat16' needs dtype='float32'; got dtype={self.dtype!r}"
            )

    def _adopt(self, module, classes, event_classes):
        """Become fitted with the weights of a published network."""
        self.classes_, self.event_classes_ = classes, event_classes
        self.history_, self.n_iter_, self.best_epoch_ = [], 0, 0
        self._seed = 0 if self.random_state is None else check_seed(self.random_state)
        self.n_estimated_ = self.n_whole_window_ = 0
        cpu = torch.device("cpu")
        with private_generator(0, cpu):
            self.net_ = self._new_net(cpu)
        self.net_.module_.load_state_dict(module.state_dict())
        return self

    #: What a processor works on at once: enough to keep all threads busy with short maps.
    _samples_at_once = 384_000


class Probabilities(torch.nn.Module):
    """Probabilities of all classes but the last, instead of logits.

    Parameters
    ----------
    module : torch.nn.Module
        Returns a tuple of logits of shape (n, ..., n_classes, n_samples).
    at_once : int or None
        Rows that go through it together, except on a GPU; None for all.
    bfloat16 : bool, default=False
        Whether products are taken in bfloat16; logits become float32 before the softmax.
    """

    def __init__(self, module, at_once, *, bfloat16=False):
        super().__init__()
        self.module = module
        self.at_once = at_once
        self.in_bfloat16 = bfloat16

    def forward(self, x):
        """Run the module on parts of the batch."""
        whole = self.at_once is None or x.is_cuda
        parts = [self._part(part) for part in ([x] if whole else x.split(self.at_once))]
        return tuple(map(torch.cat, zip(*parts, strict=True)))

    def _part(self, x):
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.in_bfloat16):
            outputs = self.module(x)
        if self.in_bfloat16:
            outputs = [out.float() for out in outputs]
        return [out.softmax(dim=-2)[..., :-1, :] for out in outputs]


_FOLDED: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def folded(module):
    """`fold_batch_norms`, kept as long as the module and its weights stay the same.

    Parameters
    ----------
    module : torch.nn.Module
        Left as it is.

    Returns
    -------
    folded : torch.nn.Module
        For prediction.
    """
    with torch.no_grad():
        state = list(module.state_dict().values())
        # Sums too: what is changed through ``.data`` leaves the version as it is.
        sums = torch.stack([tensor.sum(dtype=torch.float64) for tensor in state]).tolist()
    key = [(t.data_ptr(), t._version) for t in state], sums
    if module not in _FOLDED or _FOLDED[module][0] != key:
        with private_generator(0, torch.device("cpu")):  # new layers draw, and are overwritten
            _FOLDED[module] = key, fold_batch_norms(module)
    return _FOLDED[module][1]


def labels_and_arrivals(y, arrivals):
    """Take the arrivals from labels that carry them, unless they came by themselves."""
    if not isinstance(y, EventLabels):
        return y, arrivals
    if arrivals is None:
        arrivals = y.arrivals
        if arrivals is None:
            warnings.warn(
                "y is an EventLabels array that has lost its arrivals: they are estimated from "
                "the waveforms. Take rows of y by indexing, or pass arrivals=...",
                UserWarning,
                stacklevel=4,
            )
    return np.asarray(y), arrivals


def as_labels(labels):
    """A parameter that holds one label, several or None, as a list."""
    if labels is None:
        return []
    if isinstance(labels, (list, tuple, set, np.ndarray)):
        return list(labels)
    return [labels]
