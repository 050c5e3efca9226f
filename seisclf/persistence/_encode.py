"""Objects into a JSON tree, with arrays and scikit-learn's parts put aside."""

from copy import copy
from pathlib import PurePath

import numpy as np

from ..base import WaveformEstimator
from ._requests import REQUESTS, read_requests, without_requests
from ._trust import LIBRARIES, is_from, trusted_types

_NATIVE_DTYPES = frozenset(
    ("bool", "int8", "int16", "int32", "int64", "uint8", "float16", "float32", "float64")
)


class Writer:
    """Turns objects into a JSON tree, and puts aside what JSON can't hold."""

    def __init__(self):
        self.arrays = {}
        self.parts = {}

    def encode(self, value, where):
        if isinstance(value, np.generic):
            return self._encode_array(np.asarray(value), where) | {"scalar": True}
        if value is None or isinstance(value, (bool, str)):
            return value
        if type(value) is int:
            return value
        if type(value) is float:
            return value if np.isfinite(value) else {"$": "float", "value": repr(value)}
        if isinstance(value, np.ma.MaskedArray):
            return self._encode_with_skops(value, where)
        if isinstance(value, np.ndarray):
            return self._encode_array(value, where)
        if type(value) in (list, tuple, set):
            items = sorted(value, key=repr) if isinstance(value, set) else value
            encoded = [self.encode(item, f"{where}[{i}]") for i, item in enumerate(items)]
            return (
                encoded if type(value) is list else {"$": type(value).__name__, "items": encoded}
            )
        if isinstance(value, range):
            return {"$": "range", "ends": [value.start, value.stop, value.step]}
        if isinstance(value, dict) and not is_from(value, LIBRARIES):
            return self._encode_dict(value, where)
        if isinstance(value, PurePath):
            return {"$": "path", "value": str(value)}
        if isinstance(value, np.dtype) or (
            isinstance(value, type) and issubclass(value, np.generic)
        ):
            return {"$": "dtype", "name": np.dtype(value).str, "type": isinstance(value, type)}
        if isinstance(value, (np.random.RandomState, np.random.Generator)):
            return self._encode_generator(value, where)
        if is_from(value, ("torch",)) and hasattr(value, "detach"):
            return {"$": "tensor", "data": self._encode_array(value.detach().cpu().numpy(), where)}
        return self._encode_object(value, where)

    def arrays_as_bytes(self):
        from safetensors.numpy import save as to_bytes

        return to_bytes(self.arrays)

    def _encode_array(self, array, where):
        node = {"$": "array", "shape": list(array.shape)}
        if array.dtype == object:
            items = [self.encode(item, f"{where}[{i}]") for i, item in enumerate(array.flat)]
            return node | {"items": items}
        key = f"{len(self.arrays)}:{where}"
        flat = np.ascontiguousarray(array).reshape(-1)
        if array.dtype.name not in _NATIVE_DTYPES or not array.dtype.isnative:
            node["dtype"] = array.dtype.str  # strings, dates, complex: kept as bytes
            flat = np.frombuffer(flat.tobytes(), dtype=np.uint8)
        self.arrays[key] = flat
        return node | {"key": key}

    def _encode_dict(self, value, where):
        items = [
            [self.encode(key, f"{where} (a key)"), self.encode(item, f"{where}[{key!r}]")]
            for key, item in value.items()
        ]
        if all(isinstance(key, str) and key != "$" for key in value):
            return dict(items)
        return {"$": "dict", "items": items}

    def _encode_generator(self, value, where):
        legacy = isinstance(value, np.random.RandomState)
        state = value.get_state(legacy=False) if legacy else value.bit_generator.state
        return {"$": "generator", "legacy": legacy, "state": self.encode(dict(state), where)}

    def _encode_object(self, value, where):
        if isinstance(value, WaveformEstimator):
            return {
                "$": "estimator",
                "class": _class_path(value),
                "params": self._encode_named(value.get_params(deep=False), where),
                "state": self._encode_named(without_requests(value._get_fitted_state()), where),
                "requests": read_requests(value),
            }
        if is_from(value, ("seisclf",)) or (is_from(value, LIBRARIES) and _holds_ours(value)):
            return {
                "$": "object",
                "class": _class_path(value),
                "state": self._encode_named(without_requests(vars(value)), where),
                "requests": read_requests(value),
            }
        if is_from(value, LIBRARIES):
            return self._encode_with_skops(value, where)
        raise TypeError(
            f"can't save {where}: a {_class_path(value)} has no form outside pickle. Set it to "
            f"something plain (e.g. set_params(callbacks=None) once training is over), or use "
            f"joblib.dump for files that stay with you"
        )

    def _encode_named(self, values, where):
        return {name: self.encode(value, f"{where}.{name}") for name, value in values.items()}

    def _encode_with_skops(self, value, where):
        import skops.io

        original = value
        if hasattr(value, REQUESTS):
            value = copy(value)
            delattr(value, REQUESTS)
        data = skops.io.dumps(value)
        if unknown := set(skops.io.get_untrusted_types(data=data)) - set(trusted_types(data)):
            raise TypeError(
                f"can't save {where}: it holds {', '.join(sorted(unknown))}, which seisclf.load "
                f"would not trust"
            )
        name = f"part{len(self.parts)}.skops"
        self.parts[name] = data
        return {
            "$": "skops",
            "name": name,
            "class": _class_path(value),
            "requests": read_requests(original),
        }


def _class_path(value):
    return f"{type(value).__module__}:{type(value).__qualname__}"


def _holds_ours(value, _seen=None):
    """Whether an object of scikit-learn has one of ours somewhere inside."""
    seen = _seen if _seen is not None else set()
    if id(value) in seen:
        return False
    seen.add(id(value))
    if isinstance(value, WaveformEstimator) or is_from(value, ("seisclf",)):
        return True
    if isinstance(value, dict):
        inside = list(value.values())
    elif isinstance(value, (list, tuple)):
        inside = list(value)
    elif is_from(value, LIBRARIES) and hasattr(value, "__dict__"):
        inside = list(vars(value).values())
    else:
        return False
    return any(_holds_ours(item, seen) for item in inside)
