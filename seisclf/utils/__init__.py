"""Small helpers: seeds, threads, optional imports, arrivals, a list of all estimators."""

from ._arrivals import EventLabels, array_to_arrivals, arrivals_to_array
from ._discovery import all_estimators
from ._file_names import safe_name
from ._imports import import_optional
from ._progress import progress_bar
from ._random import check_seed
from ._spread import LostWorkerError, active_workers, spread
from ._threads import limit_threads, threads_per_worker

__all__ = [
    "EventLabels",
    "LostWorkerError",
    "active_workers",
    "all_estimators",
    "array_to_arrivals",
    "arrivals_to_array",
    "check_seed",
    "import_optional",
    "limit_threads",
    "progress_bar",
    "safe_name",
    "spread",
    "threads_per_worker",
]
