"""How the score grows with the number of labels."""

import warnings

import numpy as np
import pandas as pd
import sklearn

from seisclf.utils import check_seed
from seisclf.utils._unlabelled import is_unlabelled

from ._base import number_of_rows
from ._compare import _available, _check_estimators, _check_target, _scorers
from ._inputs import resolve_folds
from ._label_fraction_curve import LabelFractionCurve
from ._label_fraction_subsets import (
    draw_subsets,
    number_of_labelled_events,
    number_of_test_events,
)
from ._plan import FoldPlan
from ._routing import all_classifiers, prepare
from ._rows import blocks, read_rows
from ._tasks import Task, run_tasks


def label_fraction_curve(
    estimators,
    X,
    y,
    *,
    fractions=(0.05, 0.1, 0.8),
    test_size=0.2,
    n_repeats=3,
    groups=None,
    metadata=None,
    scoring=None,
    mark_unlabelled=(),
    n_jobs=None,
    store=None,
    allow_leakage=(),
    allow_missing_class=(),
    random_state=None,
    progress=None,
):
    """Score classifiers that know the labels of few events, of more, and of all.

    Each repeat sets aside events to test on. Of the others some keep their label: those of a
    small fraction are among those of a larger one, and each class has its share, but at least one
    event as long as there are as many as classes. All estimators see the same events and are
    tested on the same ones, whatever the fraction.

    Read more in the :ref:`User Guide <model_selection>`.

    Parameters
    ----------
    estimators : dict of {str: estimator}
        Classifiers to compare; copied, never changed.
    X : array-like of n_events rows
        Waveforms, features, or waveforms on disk.
    y : array-like of shape (n_events,)
        Classes. With `mark_unlabelled`, rows whose label is -1 (or "-1") have none: they are never
        tested, and only the estimators named there see them.
    fractions : sequence of float or int, default=(0.05, 0.1, 0.8)
        Labels that are known: a float is a share of *all* events with a label, those of the test
        included, as in the literature on self-supervision, so that 0.8 with a `test_size` of 0.2
        is the whole training part; an int is a number of events.
    test_size : float or int, default=0.2
        Share or number of the events to test on.
    n_repeats : int, default=3
        Divisions into test and training, each with subsets and seeds of its own.
    groups : str or array-like of shape (n_events,), optional
        What must stay together; a str names a column of `metadata`. Default: the events.
    metadata : DataFrame of n_events rows, optional
        ``event_id``, ``station``, ``start_time``, ``end_time``: rows of one event and windows
        that overlap at one station stay together, and count as one event.
    scoring : str, callable, list or dict, optional
        As in :func:`compare_estimators`.
    mark_unlabelled : sequence of str, default=()
        Names of estimators that learn from events without a label too. They get all rows of the
        training part, with -1 in the place of labels that are not known (in an array of integers
        if the labels are integers, of objects otherwise), but never a row of the test.
    n_jobs : int, optional
        Fits at a time; see :func:`compare_estimators`.
    store : str or Path, optional
        Folder for finished fits: a run that was stopped continues. It takes a `random_state`.
    allow_leakage : tuple of {"event", "overlap"}, default=()
        What train and test may share.
    allow_missing_class : tuple of {"train", "test"}, default=()
        Where a class may be missing from a repeat.
    random_state : int, RandomState, Generator or None, default=None
        Fixes the draws and, with a seed for each repeat, every `random_state` that the estimators
        leave None.
    progress : bool, optional
        Show a bar; None only on a terminal or in a notebook.

    Returns
    -------
    curve : LabelFractionCurve
        Tables and a picture.

    Raises
    ------
    LeakageError
        If train and test of a repeat share something.
    ValueError
        If there are too few events, or parameters do not fit together.

    Warns
    -----
    UserWarning
        If nobody says which rows belong together, or a subset lacks a class.

    See Also
    --------
    compare_estimators : The same guard, with all labels.
    sklearn.model_selection.learning_curve : Without groups of events, and not nested by class.

    Notes
    -----
    An estimator in `mark_unlabelled` that trains an encoder first does so again for every
    fraction. Where that takes too long, train the encoder once, on rows that are never tested, and
    give the result to the estimators.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from seisclf.model_selection import label_fraction_curve
    >>> rng = np.random.default_rng(0)
    >>> y = np.array(["noise", "rockfall"] * 50)
    >>> X = rng.normal(size=(100, 3)) + (y == "rockfall")[:, None]
    >>> curve = label_fraction_curve(
    ...     {"bayes": GaussianNB()}, X, y, groups=np.arange(100), random_state=0
    ... )
    >>> curve
    f1_macro by labels known, mean ± standard deviation over 3 repeats, 20 rows tested
              5 % (5 events) 10 % (10 events) 80 % (80 events)
    estimator
    bayes      0.421 ± 0.096    0.677 ± 0.159    0.799 ± 0.050
    Note: metadata have no start_time and end_time: overlapping windows cannot be recognised.
    """
    estimators = _check_estimators(estimators)
    marked = _check_marked(mark_unlabelled, estimators)
    n_repeats = _check_repeats(n_repeats)
    if not all_classifiers(estimators):
        raise ValueError("label_fraction_curve compares classifiers; the estimators are not.")
    y, classes, labelled = _known_labels(y, number_of_rows(X), bool(marked))
    folds = resolve_folds(2, len(y), y, groups=groups, metadata=metadata)
    block = _blocks(folds, allow_leakage)
    n_events = len(np.unique(block[labelled]))
    n_test = number_of_test_events(test_size, n_events)
    fractions, sizes = number_of_labelled_events(fractions, n_events, n_events - n_test)
    seed = check_seed(random_state)
    codes = np.searchsorted(classes, y)
    subsets = [
        draw_subsets(
            block,
            codes,
            labelled,
            sizes=sizes,
            n_test=n_test,
            rng=np.random.default_rng([seed, repeat]),
        )
        for repeat in range(n_repeats)
    ]
    notes = _check_plan(folds, subsets, y, labelled, allow_leakage, allow_missing_class)
    notes += _missing_classes(subsets, fractions, codes, classes)
    scorers = _scorers(scoring, estimators, True)
    available = _available(folds, None, len(y))
    with sklearn.config_context(enable_metadata_routing=True):
        prepared = {name: prepare(est, available) for name, est in estimators.items()}
    tasks, cells = _tasks(
        prepared, available, subsets, fractions, marked, None if random_state is None else seed
    )
    results, n_resumed = run_tasks(
        tasks,
        X,
        y,
        scorers=scorers,
        classes=classes,
        n_jobs=n_jobs,
        store=store,
        progress=progress,
        title="labels",
    )
    if n_resumed:
        notes.append(f"{n_resumed} of {len(tasks)} fits were read from {str(store)!r}")
    return LabelFractionCurve(
        cells, results, metrics=list(scorers), subsets=subsets, classes=classes, notes=notes
    )


def _tasks(prepared, available, subsets, fractions, marked, seed):
    """A fit for each estimator, repeat and fraction, and what the table says of it."""
    tasks, cells = [], []
    for name, (estimator, used) in prepared.items():
        params = {key: available[key] for key in used}
        for repeat, own in enumerate(subsets):
            for fraction, shown, n_events in zip(fractions, own.labelled, own.n_events):
                train = own.train if name in marked else shown
                tasks.append(
                    Task(
                        name,
                        repeat,
                        estimator,
                        params,
                        train,
                        own.test,
                        seed,
                        hidden=~np.isin(train, shown) if name in marked else None,
                        place=f"repeat {repeat} with {len(shown)} labels",
                    )
                )
                cells.append(
                    {
                        "estimator": name,
                        "repeat": repeat,
                        "fraction": fraction,
                        "n_labelled": len(shown),
                        "n_labelled_events": n_events,
                    }
                )
    return tasks, cells


def _check_marked(names, estimators):
    names = (names,) if isinstance(names, str) else tuple(names)
    unknown = [name for name in names if name not in estimators]
    if unknown:
        raise ValueError(
            f"mark_unlabelled names {unknown}, which are not among the estimators "
            f"{list(estimators)}"
        )
    return set(names)


def _check_repeats(n_repeats):
    if not isinstance(n_repeats, (int, np.integer)) or isinstance(n_repeats, bool):
        raise TypeError(f"n_repeats must be an integer >= 1; got {n_repeats!r}")
    if n_repeats < 1:
        raise ValueError(f"n_repeats must be an integer >= 1; got {n_repeats}")
    return int(n_repeats)


def _known_labels(y, n, marked):
    """Labels, classes, and which rows have a label; the others get any class."""
    y = np.asarray(y)
    unknown = is_unlabelled(y) if marked else np.zeros(len(y), dtype=bool)
    if unknown.all():
        raise ValueError("y is -1 in every row: there is no label to learn from")
    known, classes = _check_target(y[~unknown], n - int(unknown.sum()), True)
    if len(classes) < 2:
        raise ValueError(f"y has labels of one class only, {classes.tolist()}; it takes two")
    filled = np.full(len(y), classes[0], dtype=known.dtype)
    filled[~unknown] = known
    return filled, classes, ~unknown


def _blocks(folds, allow_leakage):
    """What stays together: events, or the groups given, and windows that overlap."""
    frame = folds.metadata if folds.split_groups is None else folds.split_groups
    if frame is None:
        warnings.warn(
            "label_fraction_curve cannot see which rows belong together, so train and test may "
            "share an event: pass metadata with event_id (and station, start_time, end_time), or "
            "groups.",
            UserWarning,
            stacklevel=3,
        )
        return np.arange(len(folds.events))
    if not isinstance(frame, pd.DataFrame):
        frame = pd.DataFrame({"event_id": frame})
    allowed = (allow_leakage,) if isinstance(allow_leakage, str) else tuple(allow_leakage)
    return blocks(read_rows(frame), keep_overlaps="overlap" not in allowed)


def _check_plan(folds, subsets, y, labelled, allow_leakage, allow_missing_class):
    """Refuse what compare_estimators refuses: leakage, and classes that are missing."""
    settings = {
        "metadata": folds.metadata,
        "groups": folds.labels,
        "group_name": folds.label_name,
        "cv_name": f"{len(subsets)} random divisions",
        "n_rows": len(y),
    }
    plan = FoldPlan([(own.train, own.test) for own in subsets], y, **settings)
    notes = plan.check_leakage(allow_leakage=allow_leakage)
    known = [(own.train[labelled[own.train]], own.test) for own in subsets]
    problems = FoldPlan(known, y, **settings).problems(allow_missing_class=allow_missing_class)
    if problems:
        shown = "; ".join(problems[:6]).replace("fold ", "repeat ")
        text = " ".join(problems)
        lacking = tuple(part for part in ("train", "test") if f"no {part} rows" in text)
        larger = "Take a larger test_size, join" if lacking == ("test",) else "Join"
        raise ValueError(
            f"The score would mean something else: {shown}{'; ...' if problems[6:] else ''}. "
            f"{larger} or leave out rare classes, or allow it by name: "
            f"allow_missing_class={lacking!r}"
        )
    return notes


def _missing_classes(subsets, fractions, codes, classes):
    """Say which subsets lack a class."""
    notes = []
    for repeat, own in enumerate(subsets):
        for fraction, rows in zip(fractions, own.labelled):
            missing = np.delete(classes, np.unique(codes[rows])).tolist()
            if len(missing) == len(classes) - 1:
                raise ValueError(
                    f"fraction {fraction!r} leaves labels of one class only in repeat {repeat}: "
                    f"take at least {len(classes)} events, one of each class"
                )
            if missing:
                notes.append(f"fraction {fraction!r} of repeat {repeat} has no {missing}")
    if notes:
        warnings.warn(
            f"Some subsets lack a class: {'; '.join(notes[:3])}{'; ...' if notes[3:] else ''}.",
            UserWarning,
            stacklevel=3,
        )
    return notes
