"""Model files without pickle: one zip of JSON, safetensors and, for scikit-learn's own, skops."""

import datetime
import json
import os
import platform
import zipfile
from copy import copy
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from warnings import warn

import numpy as np
import sklearn
from sklearn.utils._metadata_requests import SIMPLE_METHODS

import seisclf

from .base import WaveformEstimator

__all__ = ["describe", "load", "save"]

_FORMAT = 1
_NATIVE_DTYPES = frozenset("bool int8 int16 int32 int64 uint8 float16 float32 float64".split())
_LIBRARIES = ("sklearn", "imblearn")
# Where scikit-learn keeps metadata requests: an object that points back to its owner.
_REQUESTS = "_metadata_request"
_RECORDED_VERSIONS = ("numpy", "scipy", "scikit-learn", "torch", "skorch", "obspy")


def save(estimator, path):
    """Write an estimator, a pipeline or a search to one file, without pickle.

    Parameters
    ----------
    estimator : estimator
        Anything of seisclf, and scikit-learn's or imbalanced-learn's estimators, alone or around
        ours. Fitted or not.
    path : str or pathlib.Path
        File to write; the suffix ``.seisclf`` is customary. An existing file is replaced only
        when the new one is complete.

    Returns
    -------
    path : pathlib.Path
        The file written: a zip of ``model.json`` (class, parameters, labels, versions; made to be
        read), ``arrays.safetensors`` and one ``*.skops`` for each scikit-learn part.

    Raises
    ------
    TypeError
        If a parameter or learned attribute can't be stored; the message names it.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import numpy as np, seisclf
    >>> from seisclf.preprocessing import WaveformScaler
    >>> scaler = WaveformScaler().fit(np.ones((4, 100)))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = seisclf.save(scaler, pathlib.Path(folder) / "scaler.seisclf")
    ...     seisclf.load(path).n_samples_in_
    100
    """
    writer = _Writer()
    tree = writer.encode(estimator, type(estimator).__name__)
    document = {
        "format": _FORMAT,
        "seisclf": seisclf.__version__,
        "saved": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "versions": _versions(),
        "summary": _summary(estimator),
        "estimator": tree,
    }
    path = Path(path)
    partial = path.with_name(path.name + ".part")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.json", json.dumps(document, indent=1))
        archive.writestr("arrays.safetensors", writer.arrays_as_bytes())
        for name, data in writer.parts.items():
            archive.writestr(name, data)
    os.replace(partial, path)
    return path


def load(path, *, trusted=()):
    """Read what :func:`save` wrote; runs no code from the file.

    Parameters
    ----------
    path : str or pathlib.Path
        File to read.
    trusted : iterable of str, default=()
        Top-level packages whose classes may be built besides those of seisclf, scikit-learn and
        imbalanced-learn, for estimators of your own. They are imported: name only what you wrote
        or have read.

    Returns
    -------
    estimator : estimator
        As it was saved, on the CPU. Predictions are the same to the last bit on the same machine.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is no model of seisclf, was written by a newer version, or holds a class from
        a package that is not trusted.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"no model file {str(path)!r}")
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is no model file of seisclf: write one with seisclf.save")
    with zipfile.ZipFile(path) as archive:
        if "model.json" not in archive.namelist():
            raise ValueError(f"{path} is no model file of seisclf: it lacks model.json")
        document = json.loads(archive.read("model.json"))
        _check_versions(document, path)
        return _Reader(archive, trusted).decode(document["estimator"])


def describe(path):
    """Read a model file's summary without building the model.

    Parameters
    ----------
    path : str or pathlib.Path
        File to read.

    Returns
    -------
    summary : dict
        Class, parameters, labels, sampling rate, versions, and when it was saved.
    """
    with zipfile.ZipFile(path) as archive:
        document = json.loads(archive.read("model.json"))
    return {key: value for key, value in document.items() if key != "estimator"}


class _Writer:
    """Turns objects into a JSON tree, and puts aside what JSON can't hold."""

    def __init__(self):
        self.arrays = {}
        self.parts = {}

    def encode(self, value, where):
        if value is None or isinstance(value, (bool, str)):
            return value
        if type(value) is int:
            return value
        if type(value) is float:
            return value if np.isfinite(value) else {"$": "float", "value": repr(value)}
        if isinstance(value, np.generic):
            return self._encode_array(np.asarray(value), where) | {"scalar": True}
        if isinstance(value, np.ma.MaskedArray):
            return self._encode_with_skops(value, where)
        if isinstance(value, np.ndarray):
            return self._encode_array(value, where)
        if type(value) in (list, tuple, set):
            items = sorted(value, key=repr) if isinstance(value, set) else value
            encoded = [self.encode(item, f"{where}[{i}]") for i, item in enumerate(items)]
            return encoded if type(value) is list else {"$": type(value).__name__, "items": encoded}
        if isinstance(value, dict) and not _is_from(value, _LIBRARIES):
            return self._encode_dict(value, where)
        if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
            return {"$": "dtype", "name": np.dtype(value).str, "type": isinstance(value, type)}
        if isinstance(value, (np.random.RandomState, np.random.Generator)):
            return self._encode_generator(value, where)
        if _is_from(value, ("torch",)) and hasattr(value, "detach"):
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
                "state": self._encode_named(_without_requests(value._get_fitted_state()), where),
                "requests": _requests(value),
            }
        if _is_from(value, ("seisclf",)) or (_is_from(value, _LIBRARIES) and _holds_ours(value)):
            return {
                "$": "object",
                "class": _class_path(value),
                "state": self._encode_named(_without_requests(vars(value)), where),
                "requests": _requests(value),
            }
        if _is_from(value, _LIBRARIES):
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
        if hasattr(value, _REQUESTS):
            value = copy(value)
            delattr(value, _REQUESTS)
        data = skops.io.dumps(value)
        if unknown := set(skops.io.get_untrusted_types(data=data)) - set(_trusted_types(data)):
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
            "requests": _requests(original),
        }


class _Reader:
    """Inverse of `_Writer`."""

    def __init__(self, archive, trusted):
        from safetensors.numpy import load as from_bytes

        self._archive = archive
        self._arrays = from_bytes(archive.read("arrays.safetensors"))
        self._packages = ("seisclf", *_LIBRARIES, *trusted)

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

    def _decode_tuple(self, node):
        return tuple(self.decode(node["items"]))

    def _decode_set(self, node):
        return set(self.decode(node["items"]))

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
        return _with_requests(estimator, node["requests"])

    def _decode_object(self, node):
        cls = self._class(node["class"])
        instance = cls.__new__(cls)
        vars(instance).update(self.decode(node["state"]))
        return _with_requests(instance, node["requests"])

    def _decode_skops(self, node):
        import skops.io

        data = self._archive.read(node["name"])
        value = skops.io.loads(data, trusted=_trusted_types(data))
        return _with_requests(value, node["requests"])

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


def _trusted_types(data):
    """Of the types that skops wants named, the classes (never functions) of scikit-learn."""
    import skops.io

    return [
        path
        for path in skops.io.get_untrusted_types(data=data)
        if path.partition(".")[0] in _LIBRARIES and isinstance(_resolve(path), type)
    ]


def _resolve(path):
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name, None)


def _is_from(value, packages):
    return type(value).__module__.partition(".")[0] in packages


def _class_path(value):
    return f"{type(value).__module__}:{type(value).__qualname__}"


def _holds_ours(value, _seen=None):
    """Whether an object of scikit-learn has one of ours somewhere inside."""
    seen = _seen if _seen is not None else set()
    if id(value) in seen:
        return False
    seen.add(id(value))
    if isinstance(value, WaveformEstimator) or _is_from(value, ("seisclf",)):
        return True
    if isinstance(value, dict):
        inside = value.values()
    elif isinstance(value, (list, tuple)):
        inside = value
    elif _is_from(value, _LIBRARIES) and hasattr(value, "__dict__"):
        inside = vars(value).values()
    else:
        return False
    return any(_holds_ours(item, seen) for item in inside)


def _without_requests(state):
    return {name: value for name, value in state.items() if name != _REQUESTS}


def _requests(value):
    """What `set_fit_request` and its like were told, by method and parameter."""
    found = {}
    if (asked := getattr(value, _REQUESTS, None)) is not None:
        for method in SIMPLE_METHODS:
            if requests := dict(getattr(asked, method).requests):
                found[method] = requests
    return found


def _with_requests(value, requests):
    with sklearn.config_context(enable_metadata_routing=True):
        for method, asked in requests.items():
            getattr(value, f"set_{method}_request")(**asked)
    return value


def _versions():
    found = {}
    for name in _RECORDED_VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _check_versions(document, path):
    if document["format"] > _FORMAT:
        raise ValueError(
            f"{path} was written by seisclf {document['seisclf']}, in a format that this version, "
            f"{seisclf.__version__}, can't read: pip install --upgrade seisclf"
        )
    written, here = document["versions"].get("scikit-learn"), version("scikit-learn")
    if written and written.split(".")[:2] != here.split(".")[:2] and '"$": "skops"' in json.dumps(
        document["estimator"]
    ):
        warn(
            f"{path} holds parts written by scikit-learn {written}, here is {here}: compare a few "
            f"predictions, or fit again",
            stacklevel=3,
        )


def _summary(estimator):
    """What a person wants to know of a model file before loading it."""
    last = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    last = getattr(last, "best_estimator_", last)
    facts = {
        "class": type(estimator).__name__,
        "parameters": {
            name: repr(value) for name, value in sorted(estimator.get_params(deep=False).items())
        },
    }
    if hasattr(estimator, "classes_"):
        facts["classes"] = [str(label) for label in estimator.classes_]
    for name in ("sampling_rate", "components", "n_channels_in_", "n_samples_in_", "n_stations_in_"):
        if (value := getattr(last, name, None)) is not None:
            facts[name.rstrip("_")] = value if isinstance(value, str) else float(value)
    if history := getattr(last, "history_", None):
        facts["training"] = {"epochs": len(history), "last_epoch": _plain(history[-1])}
    return facts


def _plain(row):
    return {key: value for key, value in row.items() if isinstance(value, (int, float, str))}
