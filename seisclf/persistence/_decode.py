"""A JSON tree back into objects; builds trusted classes only."""

import re
from math import prod
from pathlib import Path

import numpy as np

from ..base import WaveformEstimator
from ._requests import with_requests
from ._trust import LIBRARIES, find_class, trusted_types

# What `Writer` keeps as bytes: numbers, strings, dates, plain bytes; never objects.
_DTYPE = re.compile(r"[<>|=]?[biufcSUVMm]\d{0,9}(\[\d{0,9}[A-Za-z]{1,7}\])?")
_GENERATORS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")
_PLAIN = ("float", "path", "tuple", "set", "range", "dict", "dtype")
_KINDS = frozenset((*_PLAIN, "array", "tensor", "generator", "estimator", "object", "skops"))


class Reader:
    """Inverse of `Writer`."""

    def __init__(self, archive, trusted):
        from safetensors.numpy import load as from_bytes

        self._archive = archive
        self._arrays = dict(from_bytes(archive.read("arrays.safetensors")))
        self._packages = ("seisclf", *LIBRARIES, *trusted)

    def decode(self, node):
        if isinstance(node, list):
            return [self.decode(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$" not in node:
            return {key: self.decode(value) for key, value in node.items()}
        if node["$"] not in _KINDS:
            raise ValueError(f"the model holds a {node['$']!r}, which is unknown here")
        return getattr(self, f"_decode_{node['$']}")(node)

    def _decode_float(self, node):
        return float(node["value"])

    def _decode_path(self, node):
        return Path(node["value"])

    def _decode_tuple(self, node):
        return tuple(self.decode(node["items"]))

    def _decode_set(self, node):
        return set(self.decode(node["items"]))

    def _decode_range(self, node):
        return range(*node["ends"])

    def _decode_dict(self, node):
        return {self.decode(key): self.decode(value) for key, value in node["items"]}

    def _decode_array(self, node):
        shape = tuple(node["shape"])
        if "items" in node:
            array = np.empty(len(node["items"]), dtype=object)
            for i, item in enumerate(node["items"]):
                array[i] = self.decode(item)
        else:
            # Each array is used once, so that a small file cannot make a thousand copies of it.
            array = self._arrays.pop(node["key"])
            if "dtype" in node:
                array = np.frombuffer(array.tobytes(), dtype=_dtype(node["dtype"])).copy()
        if not all(type(n) is int and n >= 0 for n in shape) or prod(shape) != array.size:
            raise ValueError(f"an array of {array.size} values is said to be of shape {shape}")
        array = array.reshape(shape)
        return array[()] if node.get("scalar") else array

    def _decode_tensor(self, node):
        import torch

        return torch.from_numpy(self.decode(node["data"]).copy())

    def _decode_dtype(self, node):
        dtype = np.dtype(object) if node["name"] == "|O" else _dtype(node["name"])
        return dtype.type if node["type"] else dtype

    def _decode_generator(self, node):
        state = self.decode(node["state"])
        if state["bit_generator"] not in _GENERATORS:
            raise ValueError(f"the model holds a generator {state['bit_generator']!r}")
        if not 0 <= int(state["state"].get("pos", 0)) <= 624:
            raise ValueError("the model holds a generator in a state that it cannot have")
        if node["legacy"]:
            generator = np.random.RandomState()
            generator.set_state(state)
            return generator
        bits = getattr(np.random, state["bit_generator"])()
        bits.state = state
        return np.random.Generator(bits)

    def _decode_estimator(self, node):
        cls = self._class(node["class"])
        if not issubclass(cls, WaveformEstimator):
            # The constructor of another class may do more than keep its parameters.
            raise ValueError(f"the model holds a {cls.__qualname__}, which is no estimator")
        estimator = cls(**self.decode(node["params"]))
        estimator._set_fitted_state(self.decode(node["state"]))
        return with_requests(estimator, node["requests"])

    def _decode_object(self, node):
        cls = self._class(node["class"])
        instance = cls.__new__(cls)
        vars(instance).update(self.decode(node["state"]))
        return with_requests(instance, node["requests"])

    def _decode_skops(self, node):
        import skops.io

        data = self._archive.read(node["name"])
        value = skops.io.loads(data, trusted=trusted_types(data))
        return with_requests(value, node["requests"])

    def _class(self, path):
        module, _, name = path.partition(":")
        package = module.partition(".")[0]
        if package not in self._packages:
            raise ValueError(
                f"the model holds a {path.replace(':', '.')}: if you trust it, "
                f"load(path, trusted=[{package!r}])"
            )
        cls = find_class(module, name)
        if cls is None:
            raise ValueError(f"the model holds a {path.replace(':', '.')}, which is not there")
        return cls


def _dtype(text):
    if not isinstance(text, str) or not _DTYPE.fullmatch(text):
        raise ValueError(f"the model holds an array of dtype {str(text)[:40]!r}")
    return np.dtype(text)
