"""Fit several estimators on the same folds, without leakage, and keep what they predicted."""

import warnings

import numpy as np
import sklearn
from sklearn.metrics import check_scoring, get_scorer

from seisclf.utils import check_seed

from ._base import number_of_rows
from ._comparison import Comparison
from ._inputs import resolve_folds
from ._plan import FoldPlan
from ._routing import (
    METADATA,
    all_classifiers,
    check_weights_used,
    prepare,
    seed_unset,
)
from ._tasks import Task, run_tasks

_CLASSIFICATION = ("f1_macro", "accuracy", "balanced_accuracy")
_REGRESSION = ("r2", "neg_mean_absolute_error", "neg_root_mean_squared_error")


def compare_estimators(
    estimators,
    X,
    y,
    *,
    cv=5,
    groups=None,
    metadata=None,
    scoring=None,
    sample_weight=None,
    n_jobs=None,
    store=None,
    refit=None,
    allow_leakage=(),
    allow_missing_class=(),
    random_state=None,
    progress=None,
):
    """Compare estimators on the same folds, with proof that the folds do not leak.

    Before anything is trained the folds are planned and checked: none may be empty or lack a
    class, and train and test may share neither an event nor a stretch of record of one station.

    Read more in the :ref:`User Guide <model_selection>`.

    Parameters
    ----------
    estimators : dict of {str: estimator}
        What to compare; copied, never changed.
    X : array-like of n_events rows
        Waveforms, features, or waveforms on disk.
    y : array-like of shape (n_events,)
        Classes (or values, for regressors).
    cv : int, splitter or iterable of (train, test), default=5
        A number makes that many folds by `groups` or else by event (:class:`EventKFold`);
        where neither is known, stratified folds of rows, with a warning.
    groups : str or array-like of shape (n_events,), optional
        What must stay together; a str names a column of `metadata`. Also handed to estimators
        whose ``fit`` takes groups and to inner searches, which otherwise get the event ids.
    metadata : DataFrame of n_events rows, optional
        ``event_id``, ``station``, ``start_time``, ``end_time``, ...: read by the splitters of this
        module and by the check for leakage.
    scoring : str, callable, list or dict, optional
        As in :func:`sklearn.model_selection.cross_validate`. The first one decides which
        estimator is best. Default: macro F1, accuracy, balanced accuracy; for regressors R2,
        mean absolute and root mean squared error.
    sample_weight : array-like of shape (n_events,), optional
        Weights for training; scores are not weighted.
    n_jobs : int, optional
        Fits at a time. BLAS, OpenMP, torch and the `n_jobs` of the estimators are held to their
        share of the cores. Refused with a GPU, which processes cannot share.
    store : str or Path, optional
        Folder for finished fits: a run that was stopped continues, and a changed one fits only
        what changed.
    refit : {"best"} or str, optional
        Fit the best estimator (or the one of this name) on all rows, as ``best_estimator_``.
    allow_leakage : tuple of {"event", "overlap"}, default=()
        What train and test may share.
    allow_missing_class : tuple of {"train", "test"}, default=()
        Where a class may be missing from a fold.
    random_state : int, RandomState, Generator or None, default=None
        Fixes the folds made from a number and every `random_state` that the estimators leave
        None (with a seed for each fold).
    progress : bool, optional
        Show a bar; None only on a terminal or in a notebook.

    Returns
    -------
    comparison : Comparison
        Scores, predictions, statistics and pictures.

    Raises
    ------
    LeakageError
        If train and test of a fold share something.
    ValueError
        If folds are empty or lack a class, or parameters do not fit together.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.dummy import DummyClassifier
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from seisclf.model_selection import compare_estimators
    >>> rng = np.random.default_rng(0)
    >>> y = np.array(["noise", "rockfall"] * 20)
    >>> X = rng.normal(size=(40, 3)) + (y == "rockfall")[:, None]
    >>> comparison = compare_estimators(
    ...     {"bayes": GaussianNB(), "chance": DummyClassifier()}, X, y, groups=np.arange(40)
    ... )
    >>> comparison.best_name_
    'bayes'
    >>> comparison.summary()["f1_macro"].round(2)
               mean   std
    estimator
    bayes      0.87  0.13
    chance     0.33  0.00
    """
    estimators = _check_estimators(estimators)
    y, classes = _check_target(y, number_of_rows(X), all_classifiers(estimators))
    folds = resolve_folds(
        cv, len(y), y, groups=groups, metadata=metadata, random_state=random_state
    )
    plan = FoldPlan(
        folds.splits(X, y),
        y if classes is not None else None,
        metadata=folds.metadata,
        groups=folds.labels,
        group_name=folds.label_name,
        cv_name=folds.name,
        n_rows=len(y),
    )
    notes = plan.check_leakage(allow_leakage=allow_leakage)
    plan.check(allow_missing_class=allow_missing_class)
    if folds.metadata is None:
        warnings.warn(
            "compare_estimators cannot see which rows belong together, so folds may leak: pass "
            "metadata with event_id (and station, start_time, end_time), or groups.",
            UserWarning,
            stacklevel=2,
        )
    scorers = _scorers(scoring, estimators, classes is not None)
    available = _available(folds, sample_weight, len(y))
    with sklearn.config_context(enable_metadata_routing=True):
        prepared = {name: prepare(est, available) for name, est in estimators.items()}
    check_weights_used(prepared, sample_weight)
    refit_name = _check_refit(refit, estimators)
    seed = None if random_state is None else check_seed(random_state)
    tasks = [
        Task(name, k, estimator, {key: available[key] for key in used}, train, test, seed)
        for name, (estimator, used) in prepared.items()
        for k, (train, test) in enumerate(plan.splits)
    ]
    found, n_resumed = run_tasks(
        tasks,
        X,
        y,
        scorers=scorers,
        classes=classes,
        n_jobs=n_jobs,
        store=store,
        progress=progress,
    )
    results = [(task.name, task.fold, task.test, result) for task, result in zip(tasks, found)]
    if n_resumed:
        notes.append(f"{n_resumed} of {len(tasks)} fits were read from {str(store)!r}")
    comparison = Comparison(
        results,
        y=y,
        classes=classes,
        scorers=scorers,
        plan=plan,
        events=folds.events,
        events_known=folds.events_known,
        notes=notes,
        estimators=estimators,
    )
    if refit_name is not None:
        name = comparison.best_name_ if refit_name == "best" else refit_name
        comparison.best_estimator_ = _refit(prepared[name], available, X, y, seed)
        comparison.refit_name_ = name
    return comparison


def _refit(prepared, available, X, y, seed):
    estimator, used = prepared
    copy = sklearn.clone(estimator)
    if seed is not None:
        seed_unset(copy, seed)
    routing = bool(used) or sklearn.get_config()["enable_metadata_routing"]
    with sklearn.config_context(enable_metadata_routing=routing):
        return copy.fit(X, y, **{key: available[key] for key in used})


def _check_estimators(estimators):
    if not isinstance(estimators, dict) or not estimators:
        raise TypeError(
            f"estimators must be a dictionary of names and estimators, such as "
            f"{{'forest': FeatureForestClassifier()}}; got {estimators!r}."
        )
    for name, estimator in estimators.items():
        if not isinstance(name, str):
            raise TypeError(f"names of estimators must be str; got {name!r}.")
        if isinstance(estimator, type) or not hasattr(estimator, "fit"):
            raise TypeError(
                f"{name!r} must be an estimator with a fit method (an instance, not a class); got "
                f"{estimator!r}."
            )
    return estimators


def _check_target(y, n, classification):
    y = np.asarray(y)
    if len(y) != n:
        raise ValueError(f"X has {n} rows and y has {len(y)}.")
    if not classification:
        return y, None
    if y.dtype == object:
        y = _strings(y)
    return y, np.unique(y)


def _strings(y):
    """Labels kept as objects, as plain strings, which files and sorting need."""
    wrong = [value for value in y if not isinstance(value, str)]
    if wrong:
        raise ValueError(
            f"y holds {len(wrong)} labels that are not strings, such as {wrong[0]!r}. Fill them "
            f"in or leave these rows out."
        )
    return y.astype(str)


def _scorers(scoring, estimators, classification):
    if scoring is None:
        scoring = _CLASSIFICATION if classification else _REGRESSION
    if isinstance(scoring, str):
        scoring = {scoring: scoring}
    elif callable(scoring):
        scoring = {getattr(scoring, "__name__", "score"): scoring}
    elif not isinstance(scoring, dict):
        scoring = {name: name for name in scoring}
    some = next(iter(estimators.values()))
    return {
        name: get_scorer(score) if isinstance(score, str) else check_scoring(some, scoring=score)
        for name, score in scoring.items()
    }


def _available(folds, sample_weight, n):
    available = {}
    if folds.fit_groups is not None:
        available["groups"] = folds.fit_groups
    if folds.metadata is not None:
        available[METADATA] = folds.metadata
    if sample_weight is not None:
        weights = np.asarray(sample_weight, dtype=float)
        if weights.shape != (n,):
            raise ValueError(f"sample_weight must have shape ({n},); got {weights.shape}.")
        available["sample_weight"] = weights
    return available


def _check_refit(refit, estimators):
    if refit is None or refit is False:
        return None
    if refit is True:
        return "best"
    if refit != "best" and refit not in estimators:
        raise ValueError(f"refit must be 'best' or one of {list(estimators)}; got {refit!r}.")
    return refit
