"""Small helpers shared by the signal functions: dtypes and work spread over threads."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

# What a chunk touches should stay in the caches next to a core, yet be enough work to make the
# cost of a call negligible. Measured: flat from 1 to 4 MiB, slower on either side.
_CHUNK_BYTES = 1 << 21


def as_float(x, *, name="x"):
    """Array of float32 (if `x` is) or float64, without copying where none is needed."""
    x = np.asarray(x)
    if x.dtype.kind not in "biuf":
        raise TypeError(
            f"{name} must hold real numbers, got dtype {x.dtype}: pass float32 or float64"
        )
    if x.ndim == 0:
        raise ValueError(f"{name} must have at least one axis, (..., n_samples); got a scalar")
    if x.shape[-1] == 0:
        raise ValueError(f"{name} of shape {x.shape} has no samples: pass at least one per trace")
    return x if x.dtype in (np.float32, np.float64) else x.astype(np.float64)


def check_positive(value, name):
    """The value as a float, if it is finite and above zero."""
    value = float(value)
    if not 0 < value < np.inf:
        raise ValueError(f"{name} must be positive and finite, got {value}")
    return value


def default_workers():
    """Threads to use: what OMP_NUM_THREADS allows, at most one per usable core.

    joblib sets OMP_NUM_THREADS in its worker processes, so nested parallelism does not
    oversubscribe the machine.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    n_cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    try:
        allowed = int(os.environ.get("OMP_NUM_THREADS", ""))
    except ValueError:
        return n_cores
    return max(1, min(allowed, n_cores))


def for_each_chunk(make_worker, n_rows, bytes_per_row, *, workers=None):
    """Work through rows in chunks that fit in cache, on several threads.

    Parameters
    ----------
    make_worker : callable
        Called with the largest number of rows in a chunk, once per thread, to set up buffers;
        returns a function ``(start, stop)`` that handles these rows.
    n_rows : int
        Number of rows.
    bytes_per_row : int
        Memory touched per row, input and buffers and output.
    workers : int, optional
        Threads; see :func:`default_workers`.
    """
    workers = default_workers() if workers is None else max(1, int(workers))
    fitting = max(1, int(_CHUNK_BYTES // max(1, bytes_per_row)))
    # A quarter of the cache at least: less work than that is not worth a thread.
    size = min(fitting, max(-(-n_rows // workers), fitting // 4, 1))
    starts = iter(range(0, n_rows, size))
    workers = min(workers, -(-n_rows // size))

    def work(_):
        run = make_worker(size)
        # Advancing a range iterator is one step of the interpreter, so threads may share it.
        for start in starts:
            run(start, min(start + size, n_rows))

    if workers < 2:
        work(0)
        return
    with ThreadPoolExecutor(workers) as pool, one_blas_thread():
        list(pool.map(work, range(workers)))  # list() re-raises what a thread raised


def map_traces(function, x, *, n_out=None, workers=None, cost=4):
    """Apply ``function((rows, n_samples)) -> (rows, n_out)`` to all traces, chunk by chunk."""
    rows = x.reshape(-1, x.shape[-1])
    n_out = x.shape[-1] if n_out is None else n_out
    out = np.empty((len(rows), n_out), dtype=x.dtype)

    def run(start, stop):
        out[start:stop] = function(rows[start:stop])

    cost = cost * max(n_out, x.shape[-1]) * x.itemsize
    for_each_chunk(lambda size: run, len(rows), cost, workers=workers)
    return out.reshape(x.shape[:-1] + (n_out,))


class _OneBlasThread:
    """Context in which BLAS uses one thread, because the caller already uses them all.

    Contexts may overlap in time, in any order: the old limit comes back when the last one ends.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._depth = 0
        self._controller: Any = None
        self._limit: Any = None

    def __enter__(self):
        with self._lock:
            if self._depth == 0:
                if self._controller is None:
                    self._controller = ThreadpoolController().select(user_api="blas")
                self._limit = self._controller.limit(limits=1)
            self._depth += 1

    def __exit__(self, *exception):
        with self._lock:
            self._depth -= 1
            if self._depth == 0:
                self._limit.restore_original_limits()


_ONE_BLAS_THREAD = _OneBlasThread()


def one_blas_thread():
    """The process-wide context that keeps BLAS to one thread."""
    return _ONE_BLAS_THREAD
