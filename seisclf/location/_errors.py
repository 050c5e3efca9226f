"""How large the errors of a regressor are: out-of-fold residuals, and what they say."""

from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed
from scipy.optimize import nnls
from scipy.stats import norm
from sklearn.base import clone
from sklearn.model_selection import GroupKFold

from ..ensemble._fit_arguments import fit_arguments
from ._geodesy import wrapped
from ._std import predict_with_std

_OUTLIER = 3.0
_FLOOR = 0.05  # of the median standard deviation stated


@dataclass
class Errors:
    """What turns a prediction into a standard deviation.

    Parameters
    ----------
    scale : float
        Factor of the standard deviations, stated or modelled.
    correlation : float
        Between standardised errors within an event.
    constant, slope : float or None
        Model of the standard deviation, ``constant + slope * prediction``, where the regressor
        states none.
    floor : float
        What is stated counts as at least this: nobody knows a distance without an error.
    """

    scale: float = 1.0
    correlation: float = 0.0
    constant: float | None = None
    slope: float | None = None
    floor: float = 0.0

    def std(self, predicted, stated):
        """Standard deviations of predictions."""
        if self.constant is None:
            return self.scale * np.maximum(stated, self.floor)
        return self.scale * (self.constant + self.slope * np.maximum(predicted, 0))


def fitted_clone(regressor, X, y, groups):
    """A copy of a regressor, trained; it is told which rows belong to one event if it can be."""
    regressor = clone(regressor)
    return regressor.fit(X, y, **fit_arguments(regressor, groups=groups))


def out_of_fold(regressor, X, y, groups, *, n_folds, random_state, n_jobs):
    """Predictions of each row by a copy that has not seen its event.

    Returns
    -------
    predicted : ndarray of shape (n_rows,)
        Predictions.
    std : ndarray of shape (n_rows,) or None
        Standard deviations that the regressor states.
    """
    folds = GroupKFold(n_folds, shuffle=True, random_state=random_state)
    splits = list(folds.split(y, y, groups))
    parts = Parallel(n_jobs=n_jobs)(
        delayed(_predict_fold)(regressor, X, y, groups, train, test) for train, test in splits
    )
    predicted = np.empty(len(y))
    stds = np.empty(len(y))
    states = all(std is not None for _, std in parts)
    for (_, test), (values, std) in zip(splits, parts, strict=True):
        predicted[test] = values
        if states:
            stds[test] = std
    return predicted, stds if states else None


def _predict_fold(regressor, X, y, groups, train, test):
    return predict_with_std(fitted_clone(regressor, X[train], y[train], groups[train]), X[test])


def measured_errors(y, predicted, stated, groups, *, level, period=None, grows=True):
    """What residuals out of fold say of the errors.

    Parameters
    ----------
    y, predicted : ndarray of shape (n_rows,)
        True and predicted values.
    stated : ndarray of shape (n_rows,) or None
        Standard deviations that came with the predictions.
    groups : ndarray of shape (n_rows,)
        Event of each row.
    level : float
        Part of the residuals that is to lie within the normal distribution's interval.
    period : float, optional
        360 for directions.
    grows : bool, default=True
        Whether a modelled standard deviation may grow with the prediction.

    Returns
    -------
    errors : Errors
        Scale, correlation, and the model where `stated` is None.
    """
    residual = predicted - y if period is None else wrapped(predicted - y)
    errors = Errors()
    if stated is not None and not stated.any():
        stated = None  # pure leaves everywhere, say
    if stated is not None:
        errors.floor = float(_FLOOR * np.median(stated[stated > 0]))
    else:
        errors.constant, errors.slope = _std_model(np.maximum(predicted, 0), residual, grows)
    standard = residual / errors.std(predicted, stated)
    # A quantile, so that few wild residuals do not widen everything.
    errors.scale = float(
        max(np.quantile(np.abs(standard), level) / norm.ppf((1 + level) / 2), 1e-6)
    )
    errors.correlation = _shared_part(standard / errors.scale, groups)
    return errors


def _std_model(predicted, residual, grows):
    """Constant and slope (not negative) of the mean absolute residual, as standard deviations."""
    size = np.abs(residual) * np.sqrt(np.pi / 2)
    columns = np.column_stack([np.ones(len(size)), predicted])[:, : 1 + grows]
    std = np.full(len(size), max(size.mean(), 1e-6))
    for _ in range(10):
        # Residuals scatter as much as the standard deviation itself, so large ones count less.
        found, _ = nnls(columns / std[:, np.newaxis], size / std)
        std = np.maximum(columns @ found, 1e-3 * max(size.mean(), 1e-6))
    constant = max(float(found[0]), 1e-3 * float(max(size.mean(), 1e-6)))
    return constant, float(found[1]) if grows else 0.0


def _shared_part(standard, groups):
    """Correlation of standardised residuals within events, from all pairs; in [0, 0.95]."""
    standard = np.clip(standard, -_OUTLIER, _OUTLIER)
    _, group = np.unique(groups, return_inverse=True)
    total, squares, n = (
        np.bincount(group, weights=weights)
        for weights in (standard, standard**2, np.ones(len(group)))
    )
    n_pairs = np.sum(n * (n - 1))
    if n_pairs == 0:
        return 0.0
    together = np.sum(total**2 - squares) / n_pairs
    return float(np.clip(together / max(np.mean(standard**2), 1e-12), 0.0, 0.95))
