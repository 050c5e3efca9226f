"""The station model of an associator: taken over with its weights, or trained first."""

from copy import deepcopy

import numpy as np
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from ._function_classifier import FunctionClassifier
from ._params import check_training_params
from ._rocknet import RockNetClassifier
from ._stations import StationRows

#: What a station model that is made here takes over from its parent.
_HANDED_DOWN = (
    "sampling_rate",
    "class_weight",
    "max_epochs",
    "batch_size",
    "optimizer",
    "weight_decay",
    "lr_schedule",
    "lr_schedule_params",
    "early_stopping",
    "validation_fraction",
    "dtype",
    "inference_dtype",
    "device",
    "random_state",
    "verbose",
)


class StationModelClassifier(FunctionClassifier):
    """Parent of networks that build on a station model, which is fitted before them.

    A child has the parameters `station_model` and `sampling_rate`.
    """

    _is_base = True

    def _given_station(self):
        """The station model as it was given, unpacked, or a new one."""
        model = self.station_model
        if model is None:
            return RockNetClassifier(**{name: getattr(self, name) for name in _HANDED_DOWN})
        if isinstance(model, FrozenEstimator):
            model = model.estimator
        if not isinstance(model, RockNetClassifier):
            raise TypeError(
                f"station_model must be a RockNetClassifier, a FrozenEstimator of one, or None; "
                f"got {type(model).__name__}"
            )
        if model.sampling_rate != self.sampling_rate:
            raise ValueError(
                f"sampling_rate={self.sampling_rate}, but station_model has "
                f"sampling_rate={model.sampling_rate}: set both to that of the waveforms"
            )
        return model

    def _learn_station(self, X, y, sample_weight, arrivals, train):
        """Copy the station model, or train it on rows of single stations."""
        model = self._given_station()
        if is_fitted(model):
            self.station_model_ = deepcopy(model)
            return
        if isinstance(self.station_model, FrozenEstimator):
            raise ValueError(
                "station_model is a FrozenEstimator of a RockNetClassifier that is not fitted: "
                "fit it first, or pass it without FrozenEstimator"
            )
        check_training_params(self)
        X, y = self._validate(X, y, reset=True)
        n_stations = X.shape[1] if X.ndim == 4 else 1
        rows = StationRows(self._event_dataset(X), n_stations)
        table = None
        if arrivals is not None:
            table = self._arrivals_array(arrivals, len(y))[rows.event, rows.station]
        if sample_weight is not None:
            sample_weight = np.asarray(sample_weight)[rows.event]
        model = clone(model)
        train(model, rows, rows.waveforms(), y[rows.event], sample_weight, table)
        self.station_model_ = model

    def _fit(self, X, y, sample_weight, groups, arrivals=None):
        if not (self.warm_start and self.__sklearn_is_fitted__()):

            def train(model, rows, waveforms, labels, weight, table):
                # Recordings of one event are not divided between training and validation.
                of_row = rows.event if groups is None else np.asarray(groups)[rows.event]
                model.fit(waveforms, labels, weight, of_row, table)

            self._learn_station(X, y, sample_weight, arrivals, train)
        return super()._fit(X, y, sample_weight, groups, arrivals=arrivals)

    def _partial_fit(self, X, y, sample_weight, epochs, *, learn_from=None, arrivals=None):
        if not self.__sklearn_is_fitted__():

            def train(model, rows, waveforms, labels, weight, table):
                model.partial_fit(waveforms, labels, learn_from, weight, table, epochs=epochs)

            self._learn_station(X, y, sample_weight, arrivals, train)
        return super()._partial_fit(
            X, y, sample_weight, epochs, learn_from=learn_from, arrivals=arrivals
        )

    def __sklearn_clone__(self):
        copy = super().__sklearn_clone__()
        # An unfitted copy of a fitted station model would be trained anew, unasked.
        if is_fitted(self.station_model):
            copy.station_model = deepcopy(self.station_model)
        return copy


def is_fitted(model):
    """Whether a station model, frozen or not, has weights."""
    model = model.estimator if isinstance(model, FrozenEstimator) else model
    return isinstance(model, RockNetClassifier) and model.__sklearn_is_fitted__()
