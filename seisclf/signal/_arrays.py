"""Small helpers shared by the signal functions: dtypes and work spread over threads."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

# A chunk's input, frames and result should stay in a core's second-level cache.
_CHUNK_BYTES = 1 << 19


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


def for_each_chunk(function, n_rows, bytes_per_row, *, workers=None):
    """Call ``function(start, stop)`` over chunks of rows that fit in cache, on several threads."""
    size = max(1, int(_CHUNK_BYTES // max(1, bytes_per_row)))
    bounds = [(start, min(start + size, n_rows)) for start in range(0, n_rows, size)]
    workers = min(default_workers() if workers is None else int(workers), len(bounds))
    if workers < 2:
        for start, stop in bounds:
            function(start, stop)
        return
    with ThreadPoolExecutor(workers) as pool:
        # list() re-raises what a thread raised.
        list(pool.map(lambda bound: function(*bound), bounds))


def map_traces(function, x, *, n_out=None, dtype=None, workers=None, cost=4):
    """Apply ``function((rows, n_samples)) -> (rows, n_out)`` to all traces, chunk by chunk."""
    rows = x.reshape(-1, x.shape[-1])
    n_out = x.shape[-1] if n_out is None else n_out
    out = np.empty((len(rows), n_out), dtype=x.dtype if dtype is None else dtype)

    def run(start, stop):
        out[start:stop] = function(rows[start:stop])

    for_each_chunk(run, len(rows), cost * rows.shape[-1] * x.itemsize, workers=workers)
    return out.reshape(x.shape[:-1] + (n_out,))
