"""One fit on one fold: train, predict once, score from these predictions."""

import time

import numpy as np
import sklearn
from sklearn.utils import _safe_indexing

from seisclf.utils._unlabelled import UNLABELLED


class Predictions:
    """Stands in for a fitted estimator at scoring, so that it predicts once for all scorers.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    """

    def __init__(self, estimator):
        self._estimator = estimator
        self._known = {}

    def __getattr__(self, name):
        # Only reached for what is not defined here; private state must not recurse in copies.
        if name.startswith("_") and not name.startswith("__sklearn"):
            raise AttributeError(name)
        value = getattr(self._estimator, name)
        if name not in ("predict", "predict_proba", "decision_function"):
            return value

        def once(X):
            key = (name, id(X))
            if key not in self._known:
                self._known[key] = value(X)
            return self._known[key]

        once.__name__ = name  # scikit-learn asks methods for their names
        return once


def fit_and_score(
    name,
    place,
    estimator,
    X,
    y,
    train,
    test,
    hidden,
    scorers,
    classes,
    routing,
    param_names,
    *param_values,
):
    """Fit on the rows of train and predict and score those of test.

    Where `hidden`, one bool for each row of train, is given, ``fit`` sees the label -1 there.
    Parameters of ``fit``, with a value for each row of X, come as their names and their values.

    Returns
    -------
    result : dict
        scores, fit_time and score_time in seconds, n_train, n_test, y_pred, proba (columns in
        the order of `classes`) or None, inner (best score and parameters of a search) or None.
    """
    fit_params = dict(zip(param_names, param_values))
    with sklearn.config_context(enable_metadata_routing=routing):
        try:
            y_train = y[train] if hidden is None else hide(y[train], hidden)
            return _fit_and_score(
                estimator, X, y, y_train, train, test, scorers, fit_params, classes
            )
        except Exception as error:
            error.add_note(f"while fitting or scoring {name!r} on {place}")
            raise


def hide(y, hidden):
    """Labels with -1 where they are hidden; anything but integers becomes objects."""
    y = y.astype(np.int64 if y.dtype.kind in "iu" else object)
    y[hidden] = UNLABELLED
    return y


def _fit_and_score(estimator, X, y, y_train, train, test, scorers, fit_params, classes):
    params = {key: _safe_indexing(value, train) for key, value in fit_params.items()}
    started = time.perf_counter()
    estimator.fit(_safe_indexing(X, train), y_train, **params)
    fitted = time.perf_counter()
    X_test, stand_in = _safe_indexing(X, test), Predictions(estimator)
    proba = stand_in.predict_proba(X_test) if hasattr(estimator, "predict_proba") else None
    y_pred = np.asarray(stand_in.predict(X_test))
    scores = {key: float(score(stand_in, X_test, y[test])) for key, score in scorers.items()}
    scored = time.perf_counter()
    return {
        "scores": scores,
        "fit_time": fitted - started,
        "score_time": scored - fitted,
        "n_train": len(train),
        "n_test": len(test),
        "y_pred": y_pred,
        "proba": _align(proba, estimator, classes),
        "inner": _inner(estimator),
    }


def _align(proba, estimator, classes):
    """Columns in the order of all classes; a class not trained on gets probability 0."""
    if proba is None or classes is None:
        return None
    proba = np.asarray(proba)
    aligned = np.zeros((len(proba), len(classes)), dtype=proba.dtype)
    aligned[:, np.searchsorted(classes, estimator.classes_)] = proba
    return aligned


def _inner(estimator):
    """What a search inside chose; its score is not the test score, and is kept apart."""
    if not hasattr(estimator, "best_params_"):
        return None
    return {
        "best_score": float(getattr(estimator, "best_score_", np.nan)),
        "best_params": {key: repr(value) for key, value in estimator.best_params_.items()},
    }
