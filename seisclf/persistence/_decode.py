"""A JSON tree back into objects; builds trusted classes only."""

from importlib import import_module
from pathlib import Path

import numpy as np

from ._requests import with_requests
from ._trust import LIBRARIES, trusted_types


class Reader:
    """Inverse of `Writer`."""

    def __init__(self, archive, trusted):
        from safetensors.numpy import load as from_bytes

        self._archive = archive
        self._arrays = from_bytes(archive.read("arrays.safetensors"))
        self._packages = ("seisclf", *LIBRARIES, *trusted)

    def decode(self, node):
        if isinstance(node, list):
            return [self.decode(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$" not in node:
            return {key: self.decode(value) for key, value in node.items()}
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
            array = self._arrays[node["key"]]
            if "dtype" in node:
                array = np.frombuffer(array.tobytes(), dtype=node["dtype"]).copy()
        array = array.reshape(shape)
        return array[()] if node.get("scalar") else array

    def _decode_tensor(self, node):
        import torch

        return torch.from_numpy(self.decode(node["data"]).copy())

    def _decode_dtype(self, node):
        dtype = np.dtype(node["name"])
        return dtype.type if node["type"] else dtype

    def _decode_generator(self, node):
        state = self.decode(node["state"])
        if node["legacy"]:
            generator = np.random.RandomState()
            generator.set_state(state)
            return generator
        bits = getattr(np.random, state["bit_generator"])()
        bits.state = state
        return np.random.Generator(bits)

    def _decode_estimator(self, node):
        estimator = self._class(node["class"])(**self.decode(node["params"]))
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
        cls = getattr(import_module(module), name, None)
        if not isinstance(cls, type):
            raise ValueError(f"the model holds a {path.replace(':', '.')}, which is not there")
        return cls
