"""Scores of predicted numbers: angles, tolerances, and whether standard deviations are true."""

import numbers

import numpy as np
from scipy.stats import norm
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import _check_sample_weight


def circular_mean_absolute_error(y_true, y_pred, *, period=360.0, sample_weight=None):
    """Mean distance on a circle.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_events,) or (n_events, n_targets)
        Angles, such as back-azimuths. 359 and -1 degrees are the same.
    period : float, default=360.0
        Circumference, in the unit of the angles.
    sample_weight : array-like of shape (n_events,), optional
        How much each event counts.

    Returns
    -------
    error : float
        In the unit of the angles, from 0 to ``period / 2``; a quarter of `period` is what
        guessing gives. Mean over targets, if there are several.

    Raises
    ------
    ValueError
        If the angles have not the same shape or are not finite.

    Examples
    --------
    >>> from seisclf.metrics import circular_mean_absolute_error
    >>> circular_mean_absolute_error([350.0, 90.0], [10.0, 100.0])
    15.0

    In a search: ``make_scorer(circular_mean_absolute_error, greater_is_better=False)``.
    """
    y_true, y_pred, weight = _checked(y_true, y_pred, period, sample_weight)
    distance = np.abs(difference(y_true, y_pred, period))
    return float(np.average(distance.mean(axis=1), weights=weight))


def accuracy_within(y_true, y_pred, *, tolerance, relative=False, period=None, sample_weight=None):
    """Part of the predictions that are off by no more than a tolerance.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_events,) or (n_events, n_targets)
        Numbers, such as distances in km.
    tolerance : float
        Largest error that counts as right, in the unit of the numbers.
    relative : bool, default=False
        Whether `tolerance` is a part of the true number: 0.1 for ten per cent of the distance.
    period : float, optional
        Circumference, if the numbers are angles: 360.0 for degrees.
    sample_weight : array-like of shape (n_events,), optional
        How much each event counts.

    Returns
    -------
    accuracy : float
        Between 0 and 1. An error of just the tolerance is right, also where rounding makes it a
        little larger: 0.4 is within 0.1 of 0.3. Mean over targets, if there are several.

    Raises
    ------
    ValueError
        If the numbers have not the same shape or are not finite, or the tolerance is negative.

    Examples
    --------
    >>> from seisclf.metrics import accuracy_within
    >>> accuracy_within([100.0, 20.0, 50.0, 80.0], [104.0, 31.0, 50.0, 89.0], tolerance=10.0)
    0.75
    >>> accuracy_within([100.0, 20.0], [104.0, 31.0], tolerance=0.1, relative=True)
    0.5
    """
    if not isinstance(tolerance, numbers.Real) or not tolerance >= 0:
        raise ValueError(f"tolerance must be a number >= 0; got {tolerance!r}")
    if relative and period is not None:
        raise ValueError(
            "relative=True has no meaning for angles, of which none is larger than another: give "
            "tolerance in their unit, with relative=False"
        )
    y_true, y_pred, weight = _checked(y_true, y_pred, period, sample_weight)
    largest = tolerance * np.abs(y_true) if relative else tolerance
    rounding = 4 * np.finfo(np.float64).eps * np.maximum(np.abs(y_true), np.abs(y_pred))
    right = np.abs(difference(y_true, y_pred, period)) <= largest + rounding
    return float(np.average(right.mean(axis=1), weights=weight))


def interval_coverage(y_true, y_pred, std, *, level=0.9, period=None, sample_weight=None):
    """Part of the true numbers that lie in the interval a predicted normal distribution says.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_events,) or (n_events, n_targets)
        What is true, and the means of the distributions.
    std : array-like of the same shape
        Their standard deviations, such as ``predict(X, return_std=True)`` gives.
    level : float, default=0.9
        Part of a normal distribution that its central interval holds: 0.9 reaches 1.645 standard
        deviations to either side.
    period : float, optional
        Circumference, if the numbers are angles: 360.0 for degrees.
    sample_weight : array-like of shape (n_events,), optional
        How much each event counts.

    Returns
    -------
    coverage : float
        Near `level` if the standard deviations are true, below it if they are too small. Mean
        over targets, if there are several.

    Raises
    ------
    ValueError
        If the numbers have not the same shape or are not finite, a standard deviation is
        negative, or `level` does not lie between 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.metrics import interval_coverage
    >>> y = np.random.default_rng(0).normal(size=10_000)
    >>> round(interval_coverage(y, 0 * y, np.ones(10_000), level=0.9), 2)
    0.9
    >>> round(interval_coverage(y, 0 * y, np.full(10_000, 0.5), level=0.9), 2)
    0.59
    """
    if not isinstance(level, numbers.Real) or not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1; got {level!r}")
    y_true, y_pred, weight = _checked(y_true, y_pred, period, sample_weight)
    std = _columns("std", std)
    if std.shape != y_true.shape:
        raise ValueError(
            f"std must have one number for each prediction, {y_true.shape}; got {std.shape}"
        )
    if (std < 0).any():
        raise ValueError(f"std must not be negative; the smallest is {std.min():g}")
    reach = norm.ppf((1 + level) / 2) * std
    inside = np.abs(difference(y_true, y_pred, period)) <= reach
    return float(np.average(inside.mean(axis=1), weights=weight))


def difference(y_true, y_pred, period=None):
    """Predicted minus true, on a circle the shorter way round."""
    error = np.subtract(y_pred, y_true)
    if period is None:
        return error
    return np.mod(error + period / 2, period) - period / 2


def _checked(y_true, y_pred, period, sample_weight):
    """Numbers of shape (n_events, n_targets), and weights."""
    if period is not None and (not isinstance(period, numbers.Real) or not 0 < period < np.inf):
        raise ValueError(f"period must be a number > 0, 360.0 for degrees; got {period!r}")
    y_true, y_pred = _columns("y_true", y_true), _columns("y_pred", y_pred)
    check_consistent_length(y_true, y_pred)
    if y_true.shape != y_pred.shape:
        raise ValueError(
            f"y_true and y_pred must have the same number of targets; got {y_true.shape[1]} and "
            f"{y_pred.shape[1]}"
        )
    return y_true, y_pred, _check_sample_weight(sample_weight, y_true)


def _columns(name, values):
    values = check_array(values, ensure_2d=False, dtype=np.float64, input_name=name)
    return values.reshape(len(values), -1)
