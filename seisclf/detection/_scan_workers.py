"""Tasks of a scan on one process or many, results in the order in which they are ready."""

import uuid
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ._tasks import load_task, run_task

# Workers that are lost one after another before a scan gives up.
_RESTARTS = 3
# What workers were sent last, by a name that no other scan has.
_KEPT = {}


def results_of(context, tasks, *, n_jobs):
    """Run tasks under whatever joblib is told to use.

    Tasks go to workers as a few numbers. What they have in common, the classifier above all, goes
    there once: as an array of bytes, which joblib maps into memory and dask scatters.

    Parameters
    ----------
    context : ScanContext
        What tasks have in common.
    tasks : list of Task
        What to do.
    n_jobs : int or None
        As in :class:`joblib.Parallel`.

    Yields
    ------
    result : TaskResult
        In any order.
    """
    from joblib import effective_n_jobs
    from joblib.parallel import get_active_backend

    backend, _ = get_active_backend()
    local = type(backend).__name__ in ("LokyBackend", "ThreadingBackend", "SequentialBackend")
    if local and effective_n_jobs(n_jobs) == 1:
        yield from _one_after_another(context, tasks)
    else:
        yield from _in_parallel(
            context, tasks, n_jobs, shared=getattr(backend, "supports_sharedmem", False)
        )


def _one_after_another(context, tasks):
    """In this process, while a thread reads what the next task needs."""
    with ThreadPoolExecutor(1) as reader:
        ahead = reader.submit(load_task, context, tasks[0]) if tasks else None
        for task, after in zip(tasks, [*tasks[1:], None], strict=False):
            try:
                loaded = ahead.result()
            except Exception:
                loaded = None  # it is read again, and fails as a task
            ahead = None if after is None else reader.submit(load_task, context, after)
            yield run_task(context, task, loaded)
            del loaded


def _in_parallel(context, tasks, n_jobs, *, shared):
    from joblib import Parallel, delayed

    if shared:
        calls = {task: delayed(run_task)(context, task) for task in tasks}
    else:
        name = uuid.uuid4().hex
        packed = np.frombuffer(_cloudpickle().dumps(context), dtype=np.uint8)
        calls = {task: delayed(_run_packed)(name, packed, task) for task in tasks}
    for attempt in range(_RESTARTS + 1):
        parallel = Parallel(n_jobs=n_jobs, return_as="generator_unordered", batch_size=1)
        try:
            for result in parallel(list(calls.values())):
                calls.pop(result.task)
                yield result
            return
        except Exception as error:
            # Errors of tasks come as results: this is a worker that was lost.
            if attempt == _RESTARTS or not _lost(error):
                raise
            warnings.warn(
                f"a worker was lost ({type(error).__name__}): {len(calls)} tasks are sent again",
                UserWarning,
                stacklevel=2,
            )


def _lost(error):
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & {"BrokenProcessPool", "BrokenExecutor", "KilledWorker"})


def _run_packed(name, packed, task):
    if name not in _KEPT:
        _KEPT.clear()
        _KEPT[name] = _cloudpickle().loads(np.asarray(packed).tobytes())
    return run_task(_KEPT[name], task)


def _cloudpickle():
    """What joblib pickles with: it takes classes of a notebook along."""
    try:
        import cloudpickle
    except ImportError:  # older versions of joblib bring their own
        from joblib.externals import cloudpickle
    return cloudpickle
