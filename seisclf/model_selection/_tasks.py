"""Fits that are to be done: in this process or several, each once, kept as they come."""

import numpy as np
import sklearn

from seisclf.utils import LostWorkerError, active_workers, progress_bar, spread

from ._fingerprint import digest
from ._fit import fit_and_score
from ._routing import cap_jobs, refuse_gpu, seed_unset
from ._store import FitStore


class Task:
    """One estimator on one fold.

    `hidden` marks training rows whose labels are not shown; `place` says to people where we are.
    """

    def __init__(
        self, name, fold, estimator, fit_params, train, test, seed, *, hidden=None, place=None
    ):
        self.name, self.fold = name, fold
        self.estimator, self.fit_params = estimator, fit_params
        self.train, self.test = train, test
        self.seed = None if seed is None else _fold_seed(seed, fold)
        self.hidden = hidden
        self.place = f"fold {fold}" if place is None else place

    def ready(self, n_threads):
        """A copy to be fitted, with its seeds and with its jobs held to their share."""
        copy = sklearn.clone(self.estimator)
        if self.seed is not None:
            seed_unset(copy, self.seed)
        return copy if n_threads is None else cap_jobs(copy, n_threads)

    def key(self, data, params):
        """Digest of everything the result depends on; `params` are digests of fit_params."""
        params = [params[name] for name in self.fit_params]
        what = [data, self.estimator, self.seed, self.train, self.test, params]
        if self.hidden is not None:
            what.append(self.hidden)
        return digest([*what, sklearn.__version__])


def _fold_seed(seed, fold):
    return int(np.random.SeedSequence([seed, fold]).generate_state(1)[0] % (2**31 - 1))


def run_tasks(tasks, X, y, *, scorers, classes, n_jobs, store, progress, title="comparing"):
    """Do what is not done and keep it as it comes.

    Returns
    -------
    results : list of dict
        In the order of the tasks; see :func:`fit_and_score`.
    n_resumed : int
        How many of them were read from the store.
    """
    results, keys = {}, {}
    fits = FitStore(store) if store is not None else None
    if fits is not None:
        data = digest([X, y, {name: _plain_scorer(s) for name, s in scorers.items()}])
        shared = {name: value for task in tasks for name, value in task.fit_params.items()}
        params = {name: digest(value) for name, value in shared.items()}
        keys = {id(task): task.key(data, params) for task in tasks}
        results = {i: fits.load(keys[id(task)]) for i, task in enumerate(tasks)}
        results = {i: result for i, result in results.items() if result is not None}
    n_resumed = len(results)
    todo = [i for i in range(len(tasks)) if i not in results]
    bar = progress_bar(
        total=len(tasks),
        desc=title,
        disable=None if progress is None else not progress,
    )
    bar.update(n_resumed)
    with bar:
        for i, result in _results(tasks, todo, X, y, scorers, classes, n_jobs):
            results[i] = result
            if fits is not None:
                fits.save(keys[id(tasks[i])], result)
            bar.set_postfix_str(f"{tasks[i].name}, {tasks[i].place}")
            bar.update(1)
    return [results[i] for i in range(len(tasks))], n_resumed


def _results(tasks, todo, X, y, scorers, classes, n_jobs):
    """Results in the order in which they are finished."""
    workers = active_workers(n_jobs, n_tasks=len(todo))
    if workers.together:
        for task in tasks:
            refuse_gpu(task.name, task.estimator, workers)
    routing = sklearn.get_config()["enable_metadata_routing"]  # other threads may not know
    # X, y and whatever a fit needs for each row are arguments of their own: joblib's backend for
    # dask sends large arguments to each worker once, but does not look into dictionaries.
    calls = (
        (
            tasks[i].name,
            tasks[i].place,
            tasks[i].ready(workers.n_threads),
            X,
            y,
            tasks[i].train,
            tasks[i].test,
            tasks[i].hidden,
            scorers,
            classes,
            bool(tasks[i].fit_params) or routing,
            tuple(tasks[i].fit_params),
            *tasks[i].fit_params.values(),
        )
        for i in todo
    )
    try:
        for number, result in spread(fit_and_score, calls, n_jobs=workers.number):
            yield todo[number], result
    except LostWorkerError as error:
        names = sorted({f"{tasks[todo[n]].name} on {tasks[todo[n]].place}" for n in error.tasks})
        error.add_note(f"These were being fitted: {', '.join(names)}.")
        raise


def _plain_scorer(scorer):
    return scorer if callable(scorer) and not hasattr(scorer, "__dict__") else vars(scorer)
