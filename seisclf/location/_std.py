"""Predictions of somebody else's regressor, with standard deviations where it states them."""

import inspect

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline


def predict_with_std(regressor, X):
    """Predictions of a fitted regressor, one number for each row.

    Parameters
    ----------
    regressor : estimator
        Fitted.
    X : ndarray of shape (n_rows, n_components, n_samples)
        Waveforms.

    Returns
    -------
    predicted : ndarray of float64 of shape (n_rows,)
        Predictions.
    std : ndarray of float64 of shape (n_rows,) or None
        None if the regressor states none.

    Raises
    ------
    ValueError
        If it predicts several numbers, or none that is finite, or a negative standard deviation.
    """
    if _may_state_std(regressor):
        try:
            predicted, std = regressor.predict(X, return_std=True)
        except (TypeError, ValueError):
            # A loss without a standard deviation; anything else is said again below.
            predicted, std = regressor.predict(X), None
    else:
        predicted, std = regressor.predict(X), None
    predicted = _one_number(predicted, len(X), regressor)
    if std is None:
        return predicted, None
    std = _one_number(std, len(X), regressor, "standard deviation")
    if (std < 0).any():
        raise ValueError(
            f"{type(regressor).__name__} states negative standard deviations, such as "
            f"{std.min():g}: are they logarithms?"
        )
    return predicted, std


def _may_state_std(regressor):
    if isinstance(regressor, FrozenEstimator):
        return _may_state_std(regressor.estimator)
    if isinstance(regressor, Pipeline):
        return _may_state_std(regressor.steps[-1][1])
    return "return_std" in inspect.signature(regressor.predict).parameters


def _one_number(values, n, regressor, what="number"):
    values = np.asarray(values, dtype=np.float64)
    if values.shape == (n, 1):
        values = values[:, 0]
    if values.shape != (n,):
        raise ValueError(
            f"{type(regressor).__name__} must predict one {what} for each trace; got shape "
            f"{values.shape} for {n} traces"
        )
    if not np.isfinite(values).all():
        raise ValueError(
            f"{type(regressor).__name__} must predict a finite {what} for each trace; "
            f"{np.sum(~np.isfinite(values))} of {n} are NaN or infinite"
        )
    return values
