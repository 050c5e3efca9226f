"""Threads inside processes, kept to the number of cores."""

import sys
import threading
from contextlib import contextmanager

# Limits that are in force, and what there was before the first of them. BLAS and torch count
# their threads for the whole process: what one of several workers that are threads found on
# entering is the limit of another, and must not be what is left behind.
_lock = threading.Lock()
_limits: list = []
_before: dict = {}


@contextmanager
def limit_threads(n):
    """Hold BLAS, OpenMP and torch to a number of threads, for the length of a ``with``.

    torch is limited only if something has imported it already: importing it here would
    cost seconds for work that may not need it. What was set before is restored on leaving,
    also after an error; where several threads limit at the same time the smallest number holds,
    until the last has left.

    Parameters
    ----------
    n : int or None
        Threads each library may use, at least 1. None changes nothing.

    Yields
    ------
    n : int or None
        The limit.

    Raises
    ------
    ValueError
        If `n` is below 1.

    See Also
    --------
    threads_per_worker : The limit that keeps workers from crowding the cores.

    Examples
    --------
    >>> from threadpoolctl import threadpool_info
    >>> from seisclf.utils import limit_threads
    >>> with limit_threads(1):
    ...     max([pool["num_threads"] for pool in threadpool_info()], default=1)
    1
    """
    if n is None:
        yield None
        return
    if n < 1:
        raise ValueError(f"n must be at least 1 thread; got {n!r}. Pass None for no limit.")
    from threadpoolctl import threadpool_limits

    smallest = _enter(int(n))
    try:
        # OpenMP counts for each thread by itself.
        with threadpool_limits(limits=smallest, user_api="openmp"):
            yield n
    finally:
        _leave(int(n))


def _enter(n):
    """Put a limit in force and give the smallest of all."""
    from threadpoolctl import ThreadpoolController

    torch = sys.modules.get("torch")
    with _lock:
        if not _limits:
            _before["blas"] = ThreadpoolController().select(user_api="blas").lib_controllers
            _before["blas"] = [(pool, pool.num_threads) for pool in _before["blas"]]
        if torch is not None and "torch" not in _before:
            _before["torch"] = torch.get_num_threads()
        _limits.append(n)
        _set(min(_limits))
        return min(_limits)


def _leave(n):
    with _lock:
        _limits.remove(n)
        if _limits:
            _set(min(_limits))
            return
        for pool, number in _before.pop("blas"):
            pool.set_num_threads(number)
        if "torch" in _before:
            sys.modules["torch"].set_num_threads(_before.pop("torch"))


def _set(n):
    for pool, _ in _before["blas"]:
        pool.set_num_threads(n)
    if "torch" in _before:
        sys.modules["torch"].set_num_threads(n)


def threads_per_worker(n_jobs, *, n_cores=None):
    """Threads each of several workers may use so that together they fill the cores.

    Parameters
    ----------
    n_jobs : int or None
        Workers, as scikit-learn counts them: None is 1 (or what
        :func:`joblib.parallel_config` says), -1 one for each core.
    n_cores : int, optional
        Cores to share; by default those this process may use (affinity and container
        limits count).

    Returns
    -------
    n_threads : int
        At least 1.

    Raises
    ------
    ValueError
        If `n_jobs` is 0.

    Examples
    --------
    >>> from seisclf.utils import threads_per_worker
    >>> threads_per_worker(2, n_cores=8), threads_per_worker(3, n_cores=8)
    (4, 2)
    >>> threads_per_worker(16, n_cores=8)
    1
    """
    import joblib

    if n_jobs == 0:
        raise ValueError("n_jobs must not be 0; use 1 for one worker or -1 for one a core.")
    cores = joblib.cpu_count() if n_cores is None else int(n_cores)
    if n_jobs is not None and n_jobs < 0:
        workers = max(1, cores + 1 + n_jobs)
    else:
        workers = n_jobs if n_jobs is not None else joblib.effective_n_jobs(None)
    return max(1, cores // workers)
