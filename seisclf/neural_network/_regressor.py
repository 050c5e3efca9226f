"""Networks that predict numbers, and how far off these may be."""

import numbers

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from ..base import validate_waveforms
from ..metrics._regression import difference
from ._base import NeuralEstimator
from ._regression_targets import (
    LOSSES,
    SCALINGS,
    CircularCoding,
    LinearCoding,
    weighted_scale,
)


class NeuralRegressor(RegressorMixin, NeuralEstimator):
    """Parent of the networks that predict numbers: scaling, losses, angles, standard deviations.

    The module returns ``_coding().n_outputs`` numbers for each event.

    Parameters
    ----------
    loss : {"huber", "squared_error", "gaussian"}, default="huber"
        As of :class:`CNNRegressor`.
    target_scaling : {"standard", "log"} or None, default="standard"
        As of :class:`CNNRegressor`.
    period : float, optional
        As of :class:`CNNRegressor`.
    **training : dict
        The parameters of `NeuralEstimator`. A child names them all in its own constructor.
    """

    _is_base = True

    def __init__(self, *, loss="huber", target_scaling="standard", period=None, **training):
        self.loss = loss
        self.target_scaling = target_scaling
        self.period = period
        super().__init__(**training)

    def fit(self, X, y, sample_weight=None, groups=None):
        """Train the network.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Waveforms; (n_events, n_samples) is read as one channel. A lazy X is read batch by
            batch in each epoch.
        y : array-like of shape (n_events,) or (n_events, n_targets)
            Numbers to be predicted.
        sample_weight : array-like of shape (n_events,), optional
            How much each event counts in the loss, and in the scale of the targets.
        groups : array-like of shape (n_events,), optional
            Events of one group are not divided between training and validation: give the
            earthquake of each recording. scikit-learn's searches pass it on after
            ``set_fit_request(groups=True)``.

        Returns
        -------
        self : object
            The fitted regressor.

        Raises
        ------
        ValueError
            If X, y or a parameter cannot be used, or the loss is not finite.
        """
        return super().fit(X, y, sample_weight=sample_weight, groups=groups)

    def partial_fit(self, X, y, sample_weight=None, *, epochs=1):
        """Go on training, with a constant learning rate and without validation.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Waveforms, of the shape that was seen first.
        y : array-like of shape (n_events,) or (n_events, n_targets)
            Numbers to be predicted. They are scaled as those of the first call: let that one see
            typical events.
        sample_weight : array-like of shape (n_events,), optional
            How much each event counts in the loss.
        epochs : int, default=1
            Passes over these events.

        Returns
        -------
        self : object
            The fitted regressor.

        Raises
        ------
        ValueError
            If X, y or a parameter cannot be used, or the loss is not finite.
        """
        return super().partial_fit(X, y, sample_weight, epochs=epochs)

    def predict(self, X, return_std=False):
        """Predict the numbers.

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Waveforms.
        return_std : bool, default=False
            Whether to return standard deviations as well; only with ``loss="gaussian"``. A
            Pipeline passes it on, ``pipeline.predict(X, return_std=True)``.

        Returns
        -------
        y : ndarray of float64 of the shape of y in ``fit``
            In its unit. With `period`, in [0, period).
        std : ndarray of float64 of the same shape
            Only with `return_std`: how far off the network expects to be, in the unit of y. With
            ``target_scaling="log"`` the distribution is not symmetric: half of the interval that
            holds the middle 68 %. With `period`, the circular standard deviation, at most that of
            angles of which nothing is known, ``period / sqrt(12)``.

        Raises
        ------
        ValueError
            If X cannot be used, or the network has not learned standard deviations.
        """
        check_is_fitted(self)
        if return_std and self.target_settings_["loss"] != "gaussian":
            raise ValueError(
                f"return_std=True needs a {type(self).__name__} that has learned how far off it "
                f"is; this one was trained with loss={self.target_settings_['loss']!r}: set "
                f"loss='gaussian' and fit again"
            )
        mean, std = self._coding().decode(self._forward(X).astype(np.float64))
        if self._target_ndim == 1:
            mean, std = mean[:, 0], None if std is None else std[:, 0]
        return (mean, std) if return_std else mean

    def score(self, X, y, sample_weight=None):
        """Coefficient of determination, R².

        Parameters
        ----------
        X : array-like or LazyWaveforms of shape (n_events, n_channels, n_samples)
            Waveforms.
        y : array-like of shape (n_events,) or (n_events, n_targets)
            What is true.
        sample_weight : array-like of shape (n_events,), optional
            How much each event counts.

        Returns
        -------
        score : float
            1 is perfect, 0 no better than the mean. With `period`, differences are those on the
            circle: 1 minus their mean square over that of the differences from the mean
            direction, averaged over the targets. scikit-learn's ``scoring="r2"`` knows no circle.
        """
        check_is_fitted(self)
        period = self.target_settings_["period"]
        if period is None:
            return super().score(X, y, sample_weight=sample_weight)
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        predicted = self.predict(X)
        check_consistent_length(y, predicted)
        y, predicted = (array.reshape(len(array), -1) for array in (y, predicted))
        if y.shape != predicted.shape:
            raise ValueError(
                f"y has {y.shape[1]} targets per event, fit saw {predicted.shape[1]}: give as many"
            )
        weight = _check_sample_weight(sample_weight, y)
        angle = np.exp(2j * np.pi * y / period)
        middle = np.angle(np.average(angle, axis=0, weights=weight)) * period / (2 * np.pi)
        unexplained, spread = (
            np.average(difference(y, other, period) ** 2, axis=0, weights=weight)
            for other in (predicted, middle)
        )
        varies = spread > 0
        explained = 1 - unexplained / np.where(varies, spread, 1.0)
        # As in scikit-learn: what does not vary is predicted, or it is not.
        return float(np.where(varies, explained, unexplained == 0).mean())

    # Targets ------------------------------------------------------------------------------------

    def _validate(self, X, y, *, reset):
        X = validate_waveforms(self, X, reset=reset, ndim=self._ndim)
        return X, self._numbers(X, y, reset=reset)

    def _numbers(self, X, y, *, reset):
        """Check y, of shape (n_events,) or (n_events, n_targets)."""
        name = type(self).__name__
        if y is None:
            raise ValueError(
                f"{name} requires y to be passed, but the target y is None: give one number (or "
                f"several) per event, fit(X, y)"
            )
        y = check_array(
            y,
            ensure_2d=False,
            allow_nd=True,
            dtype=np.float64,
            ensure_all_finite="allow-nan",
            ensure_min_samples=2 if reset else 1,
            estimator=self,
            input_name="y",
        )
        missing = np.isnan(y).reshape(len(y), -1).any(axis=1)
        if missing.any():
            raise ValueError(
                f"Input y contains NaN for {missing.sum()} of {len(y)} events: leave these out, "
                f"rows = ~np.isnan(y); fit(X[rows], y[rows]). Only an encoder that learns without "
                f"targets can use them, {name}(encoder=SelfSupervisedEncoder(...))"
            )
        if y.ndim not in (1, 2):
            raise ValueError(
                f"{name} needs y of shape (n_events,) or (n_events, n_targets); got {y.shape}"
            )
        check_consistent_length(X, y)
        return y

    def _learn_target(self, y):
        self.target_settings_ = self._target_settings()
        self._target_ndim = y.ndim
        self.n_targets_ = 1 if y.ndim == 1 else y.shape[1]
        self._check_range(y)

    def _learn_scale(self, y, weights):
        # What is not scaled has a mean of zero and a scale of one.
        self.target_mean_, self.target_scale_ = np.zeros(self.n_targets_), np.ones(self.n_targets_)
        settings = self.target_settings_
        if settings["period"] is None and settings["target_scaling"] is not None:
            y = y.reshape(len(y), -1)
            y = np.log1p(y) if settings["target_scaling"] == "log" else y
            self.target_mean_, self.target_scale_ = weighted_scale(y, weights)

    def _encode_target(self, y):
        n_targets = 1 if y.ndim == 1 else y.shape[1]
        if n_targets != self.n_targets_:
            raise ValueError(
                f"y has {n_targets} targets per event, fit saw {self.n_targets_}: give the same, "
                f"or call fit with warm_start=False"
            )
        self._check_range(y)
        encoded = self._coding().encode(y.reshape(len(y), -1))
        return np.ascontiguousarray(encoded, dtype=self.dtype)

    def _check_range(self, y):
        if self.target_settings_["target_scaling"] == "log" and (low := np.min(y)) < 0:
            raise ValueError(
                f"target_scaling='log' is for targets that are not negative, such as distances; "
                f"the smallest y is {low:g}: set target_scaling='standard'"
            )

    def _coding(self):
        settings = self.target_settings_
        gaussian = settings["loss"] == "gaussian"
        if settings["period"] is not None:
            return CircularCoding(self.n_targets_, settings["period"], gaussian=gaussian)
        log = settings["target_scaling"] == "log"
        return LinearCoding(self.target_mean_, self.target_scale_, log=log, gaussian=gaussian)

    def _criterion(self):
        return self._coding().criterion(self.target_settings_["loss"])

    def _target_settings(self):
        period = None if self.period is None else float(self.period)
        return {"loss": self.loss, "target_scaling": self.target_scaling, "period": period}

    def _check_target_params(self, fresh):
        """Refuse impossible settings of the targets, and other ones than training began with."""
        for name, allowed in (("loss", LOSSES), ("target_scaling", SCALINGS)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {allowed}; got {getattr(self, name)!r}")
        period = self.period
        if period is not None and (
            not isinstance(period, numbers.Real)
            or isinstance(period, bool)
            or not 0 < period < np.inf
        ):
            raise ValueError(
                f"period must be a number > 0 (360.0 for degrees) or None; got {period!r}"
            )
        if period is not None and self.target_scaling == "log":
            raise ValueError(
                f"target_scaling='log' and period={period!r} exclude each other: an angle is "
                f"learned as sine and cosine, leave target_scaling at 'standard'"
            )
        if not fresh and (begun := self.target_settings_) != self._target_settings():
            raise ValueError(
                f"training began with {begun} and cannot go on with {self._target_settings()}: "
                f"set these back, or call fit with warm_start=False"
            )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
