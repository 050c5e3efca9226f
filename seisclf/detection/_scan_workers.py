"""Tasks of a scan on one process or many, results in the order in which they are ready."""

from concurrent.futures import ThreadPoolExecutor

from ..utils import LostWorkerError, active_workers, spread
from ._task_run import TaskResult, load_task, run_task


def results_of(context, tasks, *, n_jobs):
    """Run tasks under whatever joblib is told to use.

    Tasks go to workers as a few numbers. What they have in common, the classifier above all, goes
    to each worker once.

    Parameters
    ----------
    context : ScanContext
        What tasks have in common.
    tasks : sequence of Task
        What to do.
    n_jobs : int or None
        As in :class:`joblib.Parallel`.

    Yields
    ------
    result : TaskResult
        In any order.
    """
    if active_workers(n_jobs).here:
        yield from _one_after_another(context, tasks)
        return
    calls = ((task,) for task in tasks)
    for number, result in spread(run_task, calls, shared=context, n_jobs=n_jobs, give_up="yield"):
        if isinstance(result, LostWorkerError):
            result = TaskResult(tasks[number], error=str(result))
        yield result


def _one_after_another(context, tasks):
    """In this process, while a thread reads what the next task needs."""
    with ThreadPoolExecutor(1) as reader:
        task, ahead = None, None
        for after in (*tasks, None):
            reading = None if after is None else reader.submit(load_task, context, after)
            if task is not None:
                yield run_task(context, task, _loaded(ahead))
            task, ahead = after, reading


def _loaded(future):
    try:
        return future.result()
    except Exception:
        return None  # it is read again, and fails as a task
