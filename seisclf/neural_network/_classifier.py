"""Networks that name the class of an event."""

import numpy as np
import torch
from scipy.special import log_softmax, softmax
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets

from ._base import NeuralEstimator
from ._net import ClassifierNet
from ._weights import class_factors


class NeuralClassifier(ClassifierMixin, NeuralEstimator):
    """Parent of the classifying networks: one logit per class, cross-entropy.

    The module returns logits of shape (n, n_classes); the softmax is taken once, in double
    precision, after the network.

    Parameters
    ----------
    class_weight : None, "balanced" or dict, default=None
        Factor of each class in the loss. "balanced" gives all classes the same total weight.
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
        check_classification_targets(y)
        self.classes_ = np.unique(y)
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
        factors = class_factors(self.class_weight, self.classes_, target, weights)
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
