"""Small helpers that know neither seismograms nor networks."""

from ._discovery import all_estimators
from ._imports import import_optional
from ._progress import progress_bar
from ._random import check_seed

__all__ = ["all_estimators", "check_seed", "import_optional", "progress_bar"]
