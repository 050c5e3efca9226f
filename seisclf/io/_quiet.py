"""ObsPy without its warnings."""

import warnings
from contextlib import contextmanager


@contextmanager
def obspy_quiet():
    """No warnings of ObsPy: what they say is found by checks of ours.

    Unlike `warnings.catch_warnings` this can be used in threads.
    """
    import re

    entry = ("ignore", None, Warning, re.compile(r"obspy\."), 0)
    filters = warnings.filters
    filters.insert(0, entry)
    try:
        yield
    finally:
        filters.remove(entry)
