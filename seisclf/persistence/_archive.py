"""The zip of a model file: which parts it may have, and how large they may be."""

import io
import json
import re
import zipfile
import zlib
from math import prod

import numpy as np

from ..io._limits import check_limits

_DESCRIPTION = "model.json"
_PART = re.compile(r"model\.json|arrays\.safetensors|part\d{1,6}\.skops")
_INNER_PART = re.compile(r"schema\.json|[A-Za-z0-9-]{1,40}\.(?:npy|npz|bin)")
_MOST_PARTS = 100_000
_ENCRYPTED = 0x1
_HEADER_BYTES = 10_240  # of an array; NumPy reads no longer header
_SPARSE_PARTS = 16


class ModelArchive:
    """A model file, each part of which can be read once.

    Names, number and sizes of the parts are checked before anything is read; sizes are those
    after decompression, so that a small file cannot fill the memory.

    Parameters
    ----------
    path : pathlib.Path
        File to read.
    limits : Limits, optional
        Default: those of :class:`seisclf.io.Limits`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no model file, is damaged or over a limit.
    """

    def __init__(self, path, limits=None):
        self.path, self.limits = path, check_limits(limits)
        if not path.exists():
            raise FileNotFoundError(f"no model file {str(path)!r}")
        if not path.is_file() or not zipfile.is_zipfile(path):
            raise ValueError(f"{path} is no model file of seisclf: write one with seisclf.save")
        try:
            with zipfile.ZipFile(path) as archive:
                members = archive.infolist()
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
            raise ValueError(f"{path} is damaged: {error}") from error
        self._budget = _Budget(str(path), path.stat().st_size, self.limits)
        self._sizes = _check_members(members, _PART, self._budget)
        if _DESCRIPTION not in self._sizes:
            raise ValueError(f"{path} is no model file of seisclf: it lacks {_DESCRIPTION}")

    def description(self):
        """Return the JSON document, a dict."""
        most = self._sizes[_DESCRIPTION]
        self.limits.check("max_model_json_bytes", most, f"{self.path}, bytes of {_DESCRIPTION}")
        document = _parse_json(self._bytes(_DESCRIPTION), self.path)
        if not isinstance(document, dict) or not isinstance(document.get("format"), int):
            raise ValueError(f"{self.path} is no model file of seisclf: {_DESCRIPTION} is another")
        return document

    def read(self, name):
        """Bytes of a part; a second time there is no such part."""
        if self._sizes.pop(name, None) is None:
            raise ValueError(f"{self.path} lacks its part {name!r}, or holds it twice")
        data = self._bytes(name)
        if name.endswith(".skops"):
            self._check_skops(data, name)
        return data

    def _bytes(self, name):
        try:
            with zipfile.ZipFile(self.path) as archive:
                return archive.read(name)
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            KeyError,
            NotImplementedError,
            RuntimeError,
            OSError,
        ) as error:
            raise ValueError(f"{self.path} is damaged in {name}: {error}") from error

    def _check_skops(self, data, name):
        """A part is a zip of arrays itself: what they claim is compared with what is there."""
        what = f"{self.path}, {name}"
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                sizes = _check_members(archive.infolist(), _INNER_PART, self._budget)
                schema = archive.read("schema.json")
                for array in sizes:
                    if array.endswith((".npy", ".npz")):
                        _check_arrays(archive, array, f"{what}, {array}", self._budget)
        except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, RuntimeError) as error:
            raise ValueError(f"{what} is damaged: {error}") from error
        self.limits.check("max_model_json_bytes", len(schema), f"{what}, bytes of schema.json")
        # One array that is named a million times is a million arrays in memory.
        seen = set()
        for used in _values_of(_parse_json(schema, what), "file"):
            if isinstance(used, str):
                self._budget.spend(sizes.get(used, 0) if used in seen else 0)
                seen.add(used)


class _Budget:
    """Bytes that a file may still take in memory."""

    def __init__(self, what, stored, limits):
        self.what, self.stored, self.limits, self.spent = what, stored, limits, 0

    def spend(self, n_bytes):
        self.spent += n_bytes
        self.limits.check("max_model_bytes", self.spent, f"{self.what}, bytes in memory")
        self.limits.check_expansion(self.spent, self.stored, f"{self.what}, growth in memory")


def _check_members(members, allowed, budget):
    """Sizes of the parts by name; refuses odd names, the same name twice, and encryption."""
    if len(members) > _MOST_PARTS:
        raise ValueError(f"{budget.what} has {len(members)} parts, no model has so many")
    sizes = {}
    for member in members:
        if not allowed.fullmatch(member.filename) or member.filename in sizes:
            raise ValueError(
                f"{budget.what} is no model file of seisclf: it holds {member.filename[:80]!r}"
                f"{' twice' if member.filename in sizes else ''}"
            )
        if member.flag_bits & _ENCRYPTED:
            raise ValueError(f"{budget.what} is encrypted: decrypt it first")
        budget.spend(member.file_size)
        sizes[member.filename] = member.file_size
    return sizes


def _check_arrays(archive, name, what, budget):
    """Refuse an array whose header claims more than there is; NumPy would make room for it."""
    with archive.open(name) as file:
        head = file.read(_HEADER_BYTES)
    if name.endswith(".npy"):
        return _check_header(head, archive.getinfo(name).file_size, what)
    with zipfile.ZipFile(io.BytesIO(archive.read(name))) as inner:
        members = inner.infolist()
        if len(members) > _SPARSE_PARTS:
            raise ValueError(f"{what} holds {len(members)} arrays, a sparse one has five")
        for member in members:
            budget.spend(member.file_size)
            with inner.open(member) as file:
                _check_header(file.read(_HEADER_BYTES), member.file_size, what)


def _check_header(head, n_bytes, what):
    file = io.BytesIO(head)
    try:
        first = np.lib.format.read_magic(file) < (2, 0)
        read = (
            np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read(file)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise ValueError(f"{what} is no array: {error}") from error
    there = n_bytes - file.tell()
    if dtype.hasobject or any(n < 0 for n in shape) or prod(shape) * dtype.itemsize > there:
        raise ValueError(f"{what} claims shape {shape} of {dtype}, and has {there} bytes")


def _parse_json(content, what):
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{what} is damaged: its JSON cannot be read ({error})") from error


def _values_of(document, key):
    """All values under a key, at any depth."""
    waiting = [document]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if key in item:
                yield item[key]
            waiting.extend(v for v in item.values() if isinstance(v, dict | list))
        elif isinstance(item, list):
            waiting.extend(v for v in item if isinstance(v, dict | list))
