"""Networks that name the class of an event."""

import numpy as np
import torch
from scipy.special import log_softmax, softmax
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from seisclf.utils._class_weight import class_factors

from ._base import NeuralEstimator
from ._callbacks import StopOnTrainAccuracy
from ._net import ClassifierNet
from ._params import check_not_negative, check_positive_integer, check_training_params
from ._weights import mean_one


def _names_classes(estimator):
    """Whether the outputs are logits of classes, so that training events can be counted."""
    if issubclass(estimator._net_class, ClassifierNet):
        return True
    raise AttributeError(
        f"{type(estimator).__name__} learns functions over time and has no accuracy while it "
        f"trains: go on with set_params(warm_start=True, max_epochs=...).fit(X, y, ...)"
    )


def _has_features(estimator):
    """Whether the module says what its last layer sees; nobody knows before it is built."""
    if not hasattr(estimator, "net_") or hasattr(estimator.net_.module_, "features"):
        return True
    raise AttributeError(
        f"{type(estimator).__name__} has no embedding, because its module "
        f"{type(estimator.net_.module_).__name__} has no method features(x) that returns what its "
        f"last layer sees, (n, n_embedding)"
    )


class NeuralClassifier(ClassifierMixin, NeuralEstimator):
    """Parent of the classifying networks: one logit per class, cross-entropy.

    The module returns logits of shape (n, n_classes); the softmax is taken once, in double
    precision, after the network. If the module has a method ``features(x)`` that returns what
    its last layer sees, (n, n_embedding), the classifier has an embedding (`embed`).

    Parameters
    ----------
    class_weight : None, "balanced", dict or ("balanced", dict), default=None
        Factor of each class in the loss. "balanced" gives all classes the same total weight;
        ``("balanced", {"noise": 0.0})`` all but the classes named, which get their factor.
    **training : dict
        The parameters of `NeuralEstimator`. A child names them all in its own constructor.
    """

    _is_base = True
    _net_class = ClassifierNet

    def __init__(self, *, class_weight=None, **training):
        self.class_weight = class_weight
        super().__init__(**training)

    def _criterion(self):
        return torch.nn.CrossEntropyLoss, {"reduction": "none"}

    def _learn_target(self, y):
        try:
            check_classification_targets(y)
            self.classes_ = np.unique(y)
        except TypeError as error:
            raise ValueError(
                f"y has labels of several types, which have no order ({error}): give all as text "
                f"or all as numbers. If -1 marks events without a label, leave these out, or let "
                f"an encoder learn from them, CNNClassifier(encoder=SelfSupervisedEncoder(...))"
            ) from error
        if len(self.classes_) < 2:
            raise ValueError(
                f"{type(self).__name__} needs events of at least 2 classes; y has 1 class, "
                f"{self.classes_.tolist()}"
            )

    def _encode_target(self, y):
        y = np.asarray(y)
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(
                f"y has the labels {unknown.tolist()}, which are not among the classes "
                f"{self.classes_.tolist()} seen first: call fit with warm_start=False, or name "
                f"all classes in the first call, partial_fit(X, y, classes=...)"
            )
        return np.searchsorted(self.classes_, y).astype(np.int64)

    def _target_weights(self, target, weights):
        if len(np.unique(target)) > 1 and len(np.unique(target[weights > 0])) < 2:
            raise ValueError(
                f"{type(self).__name__} needs events of at least 2 classes; sample_weight is zero "
                f"for all but 1 class"
            )
        totals = np.bincount(target, weights=weights, minlength=len(self.classes_))
        factors = class_factors(self.class_weight, self.classes_, totals)
        return weights * factors[target]

    def _split_labels(self, target):
        return target

    def fit(self, X, y, sample_weight=None, groups=None):
        """Train the network.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Waveforms; (n_events, n_samples) is read as one channel. A lazy X is read batch by
            batch in each epoch.
        y : array-like of shape (n_events,)
            Labels of any type.
        sample_weight : array-like of shape (n_events,), optional
            How much each event counts in the loss, besides `class_weight`.
        groups : array-like of shape (n_events,), optional
            Events of one group are not divided between training and validation. scikit-learn's
            searches pass it on after ``set_fit_request(groups=True)``.

        Returns
        -------
        self : object
            The fitted classifier.

        Raises
        ------
        ValueError
            If X, y or a parameter cannot be used, or the loss is not finite.
        """
        return super().fit(X, y, sample_weight=sample_weight, groups=groups)

    def partial_fit(self, X, y, classes=None, sample_weight=None, *, epochs=1):
        """Go on training, with a constant learning rate and without validation.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Waveforms, of the shape that was seen first.
        y : array-like of shape (n_events,)
            Labels. "balanced" class weights are those of these events.
        classes : array-like of shape (n_classes,), optional
            All labels that will ever come. By default those of the first call.
        sample_weight : array-like of shape (n_events,), optional
            How much each event counts in the loss.
        epochs : int, default=1
            Passes over these events.

        Returns
        -------
        self : object
            The fitted classifier.

        Raises
        ------
        ValueError
            If X, y or a parameter cannot be used, or the loss is not finite.
        """
        self._check_classes(classes)
        return self._partial_fit(X, y, sample_weight, epochs, learn_from=classes)

    @available_if(_names_classes)
    def continue_fit(self, X, y, sample_weight=None, *, max_epochs=50, patience=5, min_delta=0.0):
        """Train a second session on other events, such as those an expert has verified.

        It goes on from the weights and the optimizer's memory of the last session, and stops when
        the accuracy on these events has not risen for some epochs, as published [1]_.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Waveforms, of the shape that was seen first. All are learned from, none is set aside,
            whatever `early_stopping` and `validation_fraction` say. If the old events are not
            among them, the network may forget what these do not show.
        y : array-like of shape (n_events,)
            Labels, all among ``classes_``; not every class need occur. "balanced" class weights
            are those of these events.
        sample_weight : array-like of shape (n_events,), optional
            How much each event counts in the loss. An event of weight zero does not count in the
            accuracy either.
        max_epochs : int, default=50
            Passes over these events at most.
        patience : int, default=5
            Epochs without a rise of the training accuracy after which to stop.
        min_delta : float, default=0.0
            A rise by no more than this does not count as one.

        Returns
        -------
        self : object
            The fitted classifier, with the weights of the last epoch. ``history_`` goes on; the
            epochs of this session have ``train_acc``, the part of the events that got their class
            while training (with dropout, augmented, and while the weights changed).

        Raises
        ------
        NotFittedError
            If there was no first session.
        ValueError
            If X, y or a parameter cannot be used, a label is not among ``classes_``, or the loss
            is not finite.

        Notes
        -----
        The learning rate begins anew at `lr` and follows `lr_schedule` from its beginning
        ("cosine" falls over `max_epochs` of this session): a plateau of the old events says
        nothing about the new ones. To begin lower, call ``set_params(lr=...)`` before.

        References
        ----------
        .. [1] Jiang, J., Murray, D., Stankovic, V., Stankovic, L., Hibert, C., Pytharouli, S. and
           Malet, J.-P. (2025). A human-on-the-loop approach for labelling seismic recordings from
           landslide site via a multi-class deep-learning based classification model. Science of
           Remote Sensing. https://doi.org/10.1016/j.srs.2024.100189
        """
        check_is_fitted(
            self,
            msg="This %(name)s has had no first session, or is an unfitted clone of one that had: "
            "call fit before continue_fit.",
        )
        check_training_params(self)
        check_positive_integer("max_epochs", max_epochs)
        check_positive_integer("patience", patience)
        check_not_negative("min_delta", min_delta)
        dataset = self._dataset(X, y, sample_weight, fresh=False)
        dataset.count, dataset.weight = dataset.weight, mean_one(dataset.weight)
        stop = ("stop_on_train_accuracy", StopOnTrainAccuracy(patience, min_delta))
        self._run(dataset, None, max_epochs, self.lr_schedule, None, [stop])
        return self

    @available_if(_has_features)
    def embed(self, X):
        """What the last layer sees of each event: near each other is what looks alike to it.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Waveforms.

        Returns
        -------
        embedding : ndarray of float32 of shape (n_events, n_embedding)
            The module's ``features(x)``, for instance the activations of the last hidden layer.
            A network whose module has no such method has no embedding.
        """
        return self._forward(X, part="features").astype(np.float32)

    def _check_classes(self, classes):
        if classes is None or not self.__sklearn_is_fitted__():
            return
        classes = np.unique(classes)
        if not np.array_equal(classes, self.classes_):
            raise ValueError(
                f"classes={classes.tolist()} differ from those of the first call, "
                f"{self.classes_.tolist()}: leave them out, or call fit to start anew"
            )

    def decision_function(self, X):
        """Logits of the network.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Waveforms.

        Returns
        -------
        scores : ndarray of float64 of shape (n_events, n_classes) or (n_events,)
            With two classes, the logit of the second minus that of the first.
        """
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict_proba(self, X):
        """Probabilities of the classes.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Waveforms.

        Returns
        -------
        probabilities : ndarray of float64 of shape (n_events, n_classes)
            Each row sums to one; columns in the order of ``classes_``.
        """
        return softmax(self._logits(X), axis=1)

    def predict_log_proba(self, X):
        """Logarithms of the probabilities, finite also where those are too small for a number.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Waveforms.

        Returns
        -------
        log_probabilities : ndarray of float64 of shape (n_events, n_classes)
            Natural logarithms; columns in the order of ``classes_``.
        """
        return log_softmax(self._logits(X), axis=1)

    def predict(self, X):
        """Most probable classes.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Waveforms.

        Returns
        -------
        labels : ndarray of shape (n_events,)
            Of the type that ``fit`` was given.
        """
        best = self._logits(X).argmax(axis=1)
        return self.classes_[best]

    def _logits(self, X):
        return self._forward(X).astype(np.float64)
