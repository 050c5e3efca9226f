"""A digest of anything a fit depends on, so that a stored fit is reused only for the same."""

import hashlib
import json
import types
from pathlib import Path

import numpy as np
import pandas as pd

from seisclf.io import NetworkEvents

#: Parameters that change how long a fit takes, or what it prints, not what it learns.
_IRRELEVANT = {"n_jobs", "verbose", "pre_dispatch", "memory"}
_BLOCK = 16 << 20


def digest(value):
    """Hexadecimal digest of a description, an array, an estimator or a nest of these."""
    text = json.dumps(describe(value), sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def describe(value):
    """Plain data that are equal only if the values are."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (float, complex)):
        return repr(value)
    if isinstance(value, np.generic):
        return describe(value.item())
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, (pd.Series, pd.Index)):
        return ["pandas", _array(pd.util.hash_pandas_object(value, index=False).to_numpy())]
    if isinstance(value, pd.DataFrame):
        return ["frame", {str(name): describe(value[name]) for name in value.columns}]
    if isinstance(value, dict):
        return ["dict", sorted(([str(k), describe(v)] for k, v in value.items()), key=str)]
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, [describe(item) for item in value]]
    if isinstance(value, (set, frozenset)):
        return ["set", sorted((describe(item) for item in value), key=str)]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, (types.FunctionType, types.BuiltinFunctionType, np.ufunc)):
        return _function(value)
    return _object(value)


def _object(value):
    name = describe(type(value))
    if hasattr(value, "get_params"):
        params = value.get_params(deep=False)
        return [name, {k: describe(v) for k, v in sorted(params.items()) if k not in _IRRELEVANT}]
    if isinstance(value, np.random.RandomState):
        return [name, describe(list(value.get_state(legacy=True)))]
    if isinstance(value, np.random.Generator):
        return [name, describe(value.bit_generator.state)]
    if isinstance(value, NetworkEvents):
        return [
            name,
            *(describe(part) for part in (value.waveforms, value.offsets, value.stations)),
        ]
    if hasattr(value, "read") and hasattr(value, "shape"):
        return [name, _lazy(value)]
    if hasattr(value, "func") and hasattr(value, "keywords"):  # functools.partial
        return [name, describe([value.func, list(value.args), value.keywords])]
    state = getattr(value, "__dict__", None)
    if state is not None:
        return [name, {k: describe(v) for k, v in sorted(state.items())}]
    text = repr(value)
    if " at 0x" in text:
        raise TypeError(
            f"store= needs to recognise every parameter again, and {text} has nothing to be "
            f"recognised by. Give it attributes or a repr, or compare without store."
        )
    return [name, text]


def _function(function):
    name = f"{getattr(function, '__module__', '')}.{function.__name__}"
    code = getattr(function, "__code__", None)
    # Two lambdas share a name; their code tells them apart.
    if code is None:
        return name
    constants = [c for c in code.co_consts if not isinstance(c, types.CodeType)]
    return [name, code.co_code.hex(), describe(constants), list(code.co_names)]


def _array(array):
    if array.dtype == object:
        return ["objects", list(array.shape), [describe(item) for item in array.ravel()]]
    state = hashlib.blake2b(digest_size=16)
    rows = max(1, _BLOCK // max(1, array[:1].nbytes)) if array.ndim else 1
    for start in range(0, len(array) if array.ndim else 1, rows):
        part = array[start : start + rows] if array.ndim else array
        state.update(np.ascontiguousarray(part).tobytes())
    return [str(array.dtype), list(array.shape), state.hexdigest()]


def _lazy(waveforms):
    """Waveforms on disk: read in blocks, so that a file that changed is seen."""
    state = hashlib.blake2b(digest_size=16)
    rows = max(1, _BLOCK // max(1, waveforms.nbytes // max(1, len(waveforms))))
    for start in range(0, len(waveforms), rows):
        state.update(np.ascontiguousarray(waveforms[start : start + rows].read()).tobytes())
    return [str(waveforms.dtype), list(waveforms.shape), state.hexdigest()]
