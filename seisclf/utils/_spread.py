"""Tasks spread over the workers of a joblib backend, so that a lost worker loses no result."""

import os
import threading
import warnings
from contextlib import contextmanager
from typing import Any, NamedTuple

from ._shared import Shared
from ._threads import limit_threads, threads_per_worker

#: How often a task may be under way while a worker is lost. Then it is taken for the reason.
_ATTEMPTS = 3
_LOSSES = {"BrokenProcessPool", "CancelledError", "FutureCancelledError", "KilledWorker"}


class Workers(NamedTuple):
    """Who works: name of the joblib backend, how many at a time, and whether anywhere."""

    backend: str
    number: int
    anywhere: bool

    @property
    def here(self):
        """Whether this process does the work itself, one task after another."""
        return self.number == 1 and not self.anywhere

    @property
    def together(self):
        """Whether several work at a time on this machine, and share what it has."""
        return self.number > 1 and not self.anywhere

    @property
    def n_threads(self):
        """Threads that each may use in this machine's processes; None without a limit."""
        if self.here:
            return None
        return 1 if self.anywhere else threads_per_worker(self.number)

    def __str__(self):
        return f"{self.number} workers of the joblib backend {self.backend!r}"


class LostWorkerError(RuntimeError):
    """Workers died again and again while the same tasks were under way.

    Parameters
    ----------
    message : str
        What happened.
    tasks : list of int
        Numbers of these tasks; an attribute too.
    """

    def __init__(self, message, tasks):
        super().__init__(message)
        self.tasks = tasks

    def __reduce__(self):
        return type(self), (self.args[0], self.tasks)


def active_workers(n_jobs=None, *, n_tasks=None):
    """Who would do the work that is spread now.

    Parameters
    ----------
    n_jobs : int, optional
        As in :class:`joblib.Parallel`; None asks :func:`joblib.parallel_config`. With dask the
        cluster decides, and more than it has means that more are to come.
    n_tasks : int, optional
        More workers than tasks are not started on this machine.

    Returns
    -------
    workers : Workers
        ``backend``, ``number``, ``anywhere`` (they may be on other machines), ``together``
        (several on this machine), ``here`` (this process works alone) and ``n_threads`` (that
        each may use, None without a limit).

    Examples
    --------
    >>> import joblib
    >>> from seisclf.utils import active_workers
    >>> with joblib.parallel_config(backend="threading", n_jobs=3):
    ...     print(active_workers())
    3 workers of the joblib backend 'threading'
    """
    import joblib

    backend = joblib.parallel.get_active_backend()[0]
    if _is_dask(backend):
        return Workers("dask", max(1, joblib.effective_n_jobs(n_jobs), n_jobs or 1), True)
    names = {"ThreadingBackend": "threading", "LokyBackend": "loky"}
    kind = type(backend).__name__
    name = names.get(kind, kind.removesuffix("Backend").lower())
    number = joblib.effective_n_jobs(n_jobs)
    return Workers(name, number if n_tasks is None else min(number, max(1, n_tasks)), False)


def spread(function, tasks, *, shared=None, n_jobs=None, give_up="raise"):
    """Do tasks on the workers of the active joblib backend and give what is done as it comes.

    Which backend, :func:`joblib.parallel_config` says: threads, processes (loky), dask. Tasks are
    taken from their iterator as workers become free, two for each worker in advance. The tasks
    that were under way when a process died are done again by others, so nothing is lost; dask
    starts dead workers again by itself (with a nanny), and what they had been sent is sent anew.

    Each worker has its share of the cores: BLAS, OpenMP and torch are held to it, and work that
    a task spreads in its turn stays in its process. Workers of dask have one thread, or as many
    as the variable OMP_NUM_THREADS says on their machine.

    Parameters
    ----------
    function : callable
        Called with the arguments of a task, after `shared` where that is given. It must do no
        harm if it is called twice for the same task.
    tasks : iterable of tuple
        Arguments of each task: names, times and paths rather than arrays. What is large and the
        same in several tasks is to be an argument of its own: joblib sends it once, but does not
        look into dictionaries. Other threads may take from the iterable, one at a time.
    shared : object, optional
        First argument of every call, sent to each worker once, such as a fitted classifier.
    n_jobs : int, optional
        Workers; see :func:`active_workers`.
    give_up : {"raise", "yield"}, default="raise"
        What becomes of tasks that are taken for the reason why workers die: an error that ends
        all, or a :class:`LostWorkerError` as their result.

    Yields
    ------
    number : int
        Of the task, in their order from 0.
    result : object
        What `function` returned.

    Raises
    ------
    LostWorkerError
        If workers die while the same task is under way for the third time (with dask: as often
        as it is set to allow), for instance because it takes more memory than they have.

    Warns
    -----
    UserWarning
        If a worker was lost and tasks are done again.

    Examples
    --------
    >>> import joblib
    >>> from seisclf.utils import spread
    >>> with joblib.parallel_config(backend="threading", n_jobs=2):
    ...     sorted(spread(pow, ((n, 2) for n in range(5))))
    [(0, 0), (1, 1), (2, 4), (3, 9), (4, 16)]
    """
    workers = active_workers(n_jobs)
    if workers.here:
        first = () if shared is None else (shared,)
        for number, arguments in enumerate(tasks):
            yield number, function(*first, *arguments)
        return
    held = None if shared is None else Shared(shared)
    if held is not None and workers.backend != "threading":
        held.pack()
    todo = _Todo(tasks)
    while todo.left:
        todo.take_back()
        try:
            for number, result in _parallel(function, held, todo, n_jobs, workers):
                todo.done(number)
                yield number, result
        except Exception as error:
            if not _is_loss(error):
                raise
            given_up = todo.count_loss(error, workers)
            if given_up is None:
                continue
            if give_up == "raise":
                raise given_up from error
            for number in given_up.tasks:
                todo.done(number)
                yield number, given_up
    if todo.error is not None:
        raise todo.error


class _Todo:
    """Tasks in order; those that were handed out and did not come back are given again."""

    def __init__(self, tasks):
        self._tasks = enumerate(tasks)
        self._lock = threading.Lock()
        self._again: list = []
        self._out: dict = {}
        self._lost: dict = {}
        self._exhausted = False
        self.error = None

    @property
    def left(self):
        """Whether anything is still to be done or to come back."""
        return bool(self._again or self._out) or not self._exhausted

    def __iter__(self):
        while True:
            with self._lock:
                if self._again:
                    number, arguments = self._again.pop()
                else:
                    number, arguments = self._next()
                if number is None:
                    self._exhausted = True
                    return
                self._out[number] = arguments
            yield number, arguments

    def _next(self):
        try:
            return next(self._tasks, (None, None))
        except Exception as error:
            # The thread in which joblib asks for tasks would swallow it and wait for ever.
            self.error = error
            return None, None

    def take_back(self):
        """Hand out again what is out, now that nobody works."""
        with self._lock:
            # The first ones last: the list is taken from its end.
            self._again += sorted(self._out.items(), reverse=True)
            self._out = {}

    def done(self, number):
        with self._lock:
            self._out.pop(number, None)
            self._lost.pop(number, None)

    def count_loss(self, error, workers):
        """Note what was under way; give an error if it was so too often, and else warn."""
        with self._lock:
            for number in self._out:
                self._lost[number] = self._lost.get(number, 0) + 1
            guilty = [n for n, times in self._lost.items() if times >= _ATTEMPTS]
            # dask knows which task it has given up.
            guilty = sorted(getattr(error, "seisclf_tasks", guilty))
            left = len(self._out)
        if guilty:
            return LostWorkerError(
                f"Workers of the joblib backend {workers.backend!r} died again and again while "
                f"the same {len(guilty)} tasks were under way ({' '.join(str(error).split())}). "
                f"Often they need more memory than there is: use fewer workers or smaller tasks, "
                f"and see the log of the workers.",
                guilty,
            )
        warnings.warn(
            f"A worker of the joblib backend {workers.backend!r} was lost "
            f"({type(error).__name__}); {left} tasks are done again.",
            UserWarning,
            stacklevel=3,
        )
        return None


def _parallel(function, held, todo, n_jobs, workers):
    import joblib

    backend = joblib.parallel.get_active_backend()[0]
    # Nothing else that processes are started with: they live on, also for calls of scikit-learn.
    settings = {"n_jobs": n_jobs}
    if workers.anywhere:
        settings["backend"] = _dask_backend(backend, n_jobs)
    unordered = getattr(backend, "supports_return_generator", False)
    n_threads = None if workers.anywhere else workers.n_threads
    return joblib.Parallel(return_as="generator_unordered" if unordered else "list", **settings)(
        joblib.delayed(_call)(function, held, n_threads, number, *arguments)
        for number, arguments in todo
    )


def _call(function, held, n_threads, number, *arguments):
    first = () if held is None else (held.get(),)
    with _alone(int(os.environ.get("OMP_NUM_THREADS") or 1) if n_threads is None else n_threads):
        return number, function(*first, *arguments)


@contextmanager
def _alone(n_threads):
    """Hold what a task starts to its own process and to its share of the cores."""
    import joblib

    inner = "sequential" if n_threads == 1 else "threading"
    with limit_threads(n_threads), joblib.parallel_config(backend=inner, n_jobs=1):
        yield


def _is_loss(error):
    return not _LOSSES.isdisjoint(kind.__name__ for kind in type(error).__mro__)


def _is_dask(backend):
    return type(backend).__name__.endswith("DaskDistributedBackend")


def _dask_backend(backend, n_jobs):
    """joblib's backend for dask, which as it is waits for ever for a task that dask gives up.

    It would also leave a cluster of one worker idle and do the work in this process.
    """

    parent: Any = type(backend)

    class SpreadDaskDistributedBackend(parent):
        def configure(self, *args, **kwargs):
            return max(2, n_jobs or 1, super().configure(*args, **kwargs))

        def submit(self, func, callback=None):
            future = super().submit(func, callback)

            def report(future):
                error = future.exception()
                if error is not None and callback is not None:
                    if type(error).__name__ == "KilledWorker":
                        # Of each call in the batch the number of its task, see _call.
                        error.seisclf_tasks = [args[3] for _, args, _ in func.items]
                    callback(error)

            future.add_done_callback(report)
            return future

    own = SpreadDaskDistributedBackend(
        client=backend.client,
        wait_for_workers_timeout=backend.wait_for_workers_timeout,
        **backend.submit_kwargs,
    )
    # What the user had scattered stays known.
    own.data_futures, own._scatter = backend.data_futures, backend._scatter
    return own
