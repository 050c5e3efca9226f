"""Metadata requests (`set_fit_request` and its like), which point back to their owner."""

import sklearn
from sklearn.utils._metadata_requests import SIMPLE_METHODS

REQUESTS = "_metadata_request"


def without_requests(state):
    return {name: value for name, value in state.items() if name != REQUESTS}


def read_requests(value):
    """What `set_fit_request` and its like were told, by method and parameter."""
    found = {}
    if (asked := getattr(value, REQUESTS, None)) is not None:
        for method in SIMPLE_METHODS:
            # A request may be older than a library that added methods of its own.
            if requests := dict(getattr(getattr(asked, method, None), "requests", {})):
                found[method] = requests
    return found


def with_requests(value, requests):
    """Tell an object again what it was told, as :func:`read_requests` found it."""
    for method, asked in requests.items():
        plain = all(v is None or isinstance(v, bool | str) for v in asked.values())
        if method not in SIMPLE_METHODS or not plain:
            raise ValueError(f"the model holds a request for {method!r} that cannot be")
    with sklearn.config_context(enable_metadata_routing=True):
        for method, asked in requests.items():
            getattr(value, f"set_{method}_request")(**asked)
    return value
