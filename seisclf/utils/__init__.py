"""Small helpers that know neither seismograms nor networks."""

from ._discovery import all_estimators
from ._imports import import_optional
from ._progress import progress_bar
from ._random import check_seed
from ._threads import limit_threads, threads_per_worker

__all__ = [
    "all_estimators",
    "check_seed",
    "import_optional",
    "limit_threads",
    "progress_bar",
    "threads_per_worker",
]
