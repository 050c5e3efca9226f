"""What the file of a stream may hold: it is data that somebody may have changed."""

import hashlib
import math

import numpy as np

from ._stream_buffer import NOBODY

# Of a packet that is held back.
HEADER = ("network", "station", "location", "channel", "sampling_rate")
# Numbers of samples and windows; beyond, arithmetic with floats is not exact.
_MOST = 2**53
# Nanoseconds since 1970 of the years 1900 and 2200: before and after there is no record.
EARLIEST_NS, LATEST_NS = -2_208_988_800_000_000_000, 7_258_118_400_000_000_000


def checksum(text, arrays):
    """Of all that is in a file, in hexadecimal."""
    total = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        total.update(f"{name} {array.dtype.str} {array.shape}".encode())
        total.update(array.tobytes())
    return total.hexdigest()


def check_group(saved, arrays, group):
    """Refuse what no group can be.

    Parameters
    ----------
    saved : dict
        What the file says of it.
    arrays : dict of str to ndarray
        Of the file.
    group : StreamGroup
        A new one of the same detector.

    Raises
    ------
    ValueError
        With what is wrong.
    KeyError, TypeError, AttributeError
        If something is missing.
    """
    n_stations, n_components = group.buffer.shape
    end = _check_buffer(saved, arrays, n_stations, n_components)
    told = saved["group"]
    zero, origin = told["zero_ns"], told["origin"]
    if zero is not None and not EARLIEST_NS <= _whole(zero, most=LATEST_NS) <= LATEST_NS:
        raise ValueError(f"zero_ns is {zero}")
    for name in ("n_ahead", "n_normal"):
        _whole(told[name], least=0)
    if len(saved["slots"]) != n_stations:
        raise ValueError(f"{len(saved['slots'])} stations")
    n_rows = arrays[f"{saved['name']}.buffer.data"].shape[1]
    for slot in saved["slots"]:
        _check_slot(slot, n_components, n_rows)
    for shift, grid_ns in saved["shifts"].values():
        _whole(shift)
        _whole(grid_ns, least=EARLIEST_NS, most=LATEST_NS)
    for held in saved["held"]:
        _whole(held["start"], least=EARLIEST_NS, most=LATEST_NS)
        *codes, rate = (held["header"][name] for name in HEADER)
        if not all(isinstance(code, str) for code in codes) or not isinstance(rate, float):
            raise ValueError("a packet's header is none")
        station, row = held["row"]
        _whole(station, least=0, most=n_stations - 1)
        _whole(row, least=0, most=n_rows - 1)
    scan = saved["scan"]
    first, n_samples = _whole(scan["first"], least=0), _whole(scan["n_samples"], least=0)
    if first > n_samples:
        raise ValueError(f"a scan from {first} to {n_samples}")
    if origin is not None and _whole(origin) + n_samples != saved["buffer"]["settled"]:
        raise ValueError(f"a scan of {n_samples} samples from {origin} on")
    valid = arrays[f"{saved['name']}.scan.valid"]
    _check_array(valid, "b", (*valid.shape[:-1], n_samples - first))
    if end > _MOST:
        raise ValueError(f"the end is {end}")


def _check_buffer(saved, arrays, n_stations, n_components):
    """Shapes, dtypes and order of what is kept of a record; returns its end."""
    prefix = f"{saved['name']}.buffer."
    buffer = {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
    _, n_rows, n = buffer["data"].shape
    whole, ends = (n_stations, n_rows, n), (n_stations, n_rows)
    for name, kind, shape in (
        ("data", "f", whole), ("there", "b", whole), ("good", "b", whole), ("rough", "b", whole),
        ("source", "i", whole), ("heads", "i", ends), ("latest", "i", ends),
        ("firsts", "i", (n_stations, n_components)),
    ):  # fmt: skip
        _check_array(buffer[name], kind, shape)
    if "used" in buffer or n_rows > n_components:
        _check_array(buffer["used"], "f", (n_stations, n_components, n))
        _check_array(buffer["used_good"], "b", (n_stations, n_components, n))
    numbers = saved["buffer"]
    begin, final, settled, newest = (
        _whole(numbers[name]) for name in ("begin", "final", "settled", "newest")
    )
    end = begin + n
    if not (begin <= final <= end and begin <= settled <= end and newest <= max(end, 0)):
        raise ValueError(f"a record from {begin} to {end} is known to {final} and {settled}")
    for name in ("heads", "latest"):
        if n_rows and not -_MOST < buffer[name].min() <= buffer[name].max() <= max(end, 0):
            raise ValueError(f"{name} lie outside the record")
    firsts = buffer["firsts"]
    if not (((firsts > -_MOST) & (firsts <= end)) | (firsts == NOBODY)).all():
        raise ValueError("firsts lie outside the record")
    names = saved["names"]
    if len(names) != n_stations:
        raise ValueError(f"names of {len(names)} stations")
    for components in names:
        rows = [row for rows in components for row in rows]
        if len(components) != n_components or not all(components):
            raise ValueError(f"names of {len(components)} components")
        if sorted(rows) != list(range(len(rows))) or len(rows) > n_rows:
            raise ValueError(f"rows {rows}")
    return end


def _check_slot(slot, n_components, n_rows):
    texts = [slot["station"], slot["instrument"], *slot["ids"], *slot["notes"], *slot["rows"]]
    if not all(isinstance(text, str) for text in texts) or len(slot["ids"]) != n_components:
        raise ValueError("a station's channels are none")
    if not isinstance(slot["awaited"], bool):
        raise ValueError(f"awaited is {slot['awaited']!r}")
    for component, row in slot["rows"].values():
        _whole(component, least=0, most=n_components - 1)
        _whole(row, least=0, most=n_rows - 1)


def _check_array(array, kind, shape):
    if array.dtype.kind != kind or array.shape != shape:
        raise ValueError(
            f"an array of {array.dtype} of shape {array.shape}, where {shape} is needed"
        )


def _whole(value, *, least=-_MOST, most=_MOST):
    """A whole number in a range."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        shown = (
            value if isinstance(value, float) and math.isfinite(value) else type(value).__name__
        )
        shown = value if isinstance(value, int) and abs(value) < 10**30 else shown
        raise ValueError(f"{shown} is no number from {least} to {most}")
    return value
