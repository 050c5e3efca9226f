"""A stream's state in one file: arrays as safetensors, everything else as JSON in its header."""

import json
import os
from collections import deque
from pathlib import Path

import numpy as np

from ._chain import describe
from ._overlap import Window
from ._stream_checks import HEADER, check_group, checksum
from ._stream_group import StreamGroup
from ._stream_report import StreamReport
from ._stream_slot import Slot
from ._windows import Stacker

_FORMAT = "seisclf stream 2"
# Answers of the same model on another machine differ by less.
_SAME = 1e-3
_PROBES = 3
_PARAMETERS = ("max_delay", "max_jump", "max_ahead")
_BUFFER = ("begin", "newest", "final", "settled")
_BUFFER_ARRAYS = ("data", "there", "good", "rough", "source", "heads", "latest", "firsts")
_BUFFER_USED = ("used", "used_good")  # only where components have several names
_GROUP = ("zero_ns", "origin", "n_ahead", "n_normal")
_WINDOWS = ("first", "n_samples", "n_windows", "n_kept", "n_short", "n_dead")
_WINDOWS_ARRAYS = ("valid", "reached", "energy", "starts")
_FUNCTIONS = ("first", "n_samples", "n_scanned", "n_windows", "n_kept", "names", "followed")
_FUNCTIONS_ARRAYS = ("valid", "starts", "counts")


def save(streaming, path):
    """Write the state of a StreamingDetector; see its :meth:`save`."""
    from safetensors.numpy import save as to_bytes

    arrays = {"probe": _probe(streaming.detector)}
    groups = [
        _group_state(key, group, f"group{i}", arrays)
        for i, (key, group) in enumerate(streaming._intake.groups.items())
    ]
    state = {
        "format": _FORMAT,
        "settings": _settings(streaming.detector),
        "parameters": {name: getattr(streaming, name) for name in _PARAMETERS},
        "report": streaming._report.to_state(),
        "groups": groups,
    }
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    text = json.dumps(state)
    metadata = {"state": text, "checksum": checksum(text, arrays)}
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"path={str(path)!r}: its folder does not exist. Make it, or give another file"
        )
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    with open(beside, "wb") as file:
        file.write(to_bytes(arrays, metadata=metadata))
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
    return path


def settings_of(path):
    """Parameters of the StreamingDetector that wrote a file."""
    return _read(path)[0]["parameters"]


def restore(streaming, path):
    """Bring a new StreamingDetector into the state of a file."""
    state, arrays = _read(path)
    _check_same(streaming.detector, state["settings"], arrays["probe"], path)
    for name, value in state["parameters"].items():
        if getattr(streaming, name) != value:
            raise ValueError(
                f"{path} was saved with {name}={value}, got {getattr(streaming, name)}: give the "
                f"same, or StreamingDetector.load(path, detector), or another file as state"
            )
    try:
        report = StreamReport.from_state(state["report"])
        groups = {}
        for saved in state["groups"]:
            group = StreamGroup(
                streaming.detector,
                streaming.detector.n_stations or 1,
                max_delay=streaming.max_delay,
                report=report,
            )
            check_group(saved, arrays, group)
            _restore_group(group, saved, arrays)
            groups[str(saved["key"])] = group
    except (
        KeyError,
        TypeError,
        AttributeError,
        LookupError,
        ValueError,
        ArithmeticError,
    ) as error:
        raise _damaged(path, repr(error)[:300]) from error
    streaming._report = streaming._intake.report = report
    streaming._intake.groups = groups


def _read(path):
    from safetensors import SafetensorError, safe_open

    if not os.path.isfile(path):
        raise _damaged(path, "it is no file")
    try:
        with safe_open(path, framework="numpy") as file:
            told = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        state = json.loads(told.get("state", "null"))
    except (SafetensorError, ValueError, RecursionError, TypeError) as error:
        raise _damaged(path, repr(error)[:300]) from error
    format = state.get("format") if isinstance(state, dict) else None
    if format != _FORMAT and str(format).startswith("seisclf stream"):
        raise ValueError(
            f"{path} was saved by another version of seisclf ({format!r}, {_FORMAT!r} is needed): "
            f"remove it to begin anew, or go on with the version that saved it"
        )
    if format != _FORMAT:
        raise _damaged(path, f"format {_FORMAT!r} is needed")
    if told.get("checksum") != checksum(told["state"], arrays):
        raise _damaged(path, "its checksum does not fit")
    for name, kind in (("settings", dict), ("parameters", dict), ("groups", list)):
        if not isinstance(state.get(name), kind):
            raise _damaged(path, f"{name} is missing")
    if sorted(state["parameters"]) != sorted(_PARAMETERS) or "probe" not in arrays:
        raise _damaged(path, "parameters or answers of the model are missing")
    return state, arrays


def _damaged(path, reason):
    return ValueError(
        f"{path} is no state of a StreamingDetector, or is damaged ({reason}): give another file "
        f"as state, or remove it to begin anew"
    )


def _settings(detector):
    """Everything in a detector that its windows and events depend on, as text."""
    names = [
        "window", "step", "sampling_rate", "components", "threshold", "pick_by", "background",
        "min_duration", "merge_gap", "stack", "refine", "max_gap_fraction", "stations", "padding",
        "persistence", "mask_threshold", "pick_threshold", "min_distance", "lead", "constant_gap",
    ]  # fmt: skip
    settings = {name: repr(getattr(detector, name, None)) for name in names}
    settings["classes"] = repr(detector.classes.tolist())
    chain = detector.postprocessing
    settings["postprocessing"] = "None" if chain is None else describe(chain)
    return settings


def _check_same(detector, settings, probe, path):
    ours = _settings(detector)
    differ = [name for name in ours if ours[name] != settings.get(name)]
    if differ:
        text = ", ".join(f"{n}={ours[n]} (there {settings.get(n)})" for n in differ)
        raise ValueError(
            f"{path} was saved with another detector: {text}. Give the one it was saved with, or "
            f"another file as state"
        )
    answer = _probe(detector)
    if (
        probe.dtype.kind != "f"
        or answer.shape != probe.shape
        or not np.allclose(answer, probe, atol=_SAME, equal_nan=True)
    ):
        raise ValueError(
            f"{path} was saved with another model: it gives other answers to the same windows. "
            f"Give the model it was saved with, or another file as state"
        )


def _probe(detector):
    """What the model answers to some windows of noise: two models are one if that is the same."""
    from ._classifier import predict_windows

    length = round(detector.window * detector.sampling_rate)
    rng = np.random.default_rng(0)
    n_stations = detector.n_stations or 1
    shape = (_PROBES, n_stations, len(detector.components), length)
    X = rng.normal(size=shape).astype(np.float32)
    # Noise alone, with a bang in the middle, and growing.
    X[1, ..., length // 2 : length // 2 + max(length // 10, 1)] *= 50
    X[2] *= np.linspace(0, 3, length, dtype=np.float32)
    if detector.n_stations is None:
        X = X[:, 0]
    if not detector.gives_functions:
        return predict_windows(detector.classifier, X)
    predict = detector._predict_station if detector.n_stations is None else detector._predictor
    functions = predict(X)
    blocks = np.array_split(np.arange(length), min(20, length))
    values = [np.asarray(functions[name], dtype=float) for name in sorted(functions)]
    means = [np.stack([v[..., block].mean(axis=-1) for block in blocks], axis=-1) for v in values]
    return np.concatenate([mean.ravel() for mean in means])


def _group_state(key, group, name, arrays):
    buffer, scan = group.buffer, group.scan
    of_functions = group.detector.gives_functions
    names, kept = (_FUNCTIONS, _FUNCTIONS_ARRAYS) if of_functions else (_WINDOWS, _WINDOWS_ARRAYS)
    of_buffer = _BUFFER_ARRAYS if buffer.used is None else _BUFFER_ARRAYS + _BUFFER_USED
    arrays |= {f"{name}.buffer.{n}": getattr(buffer, n) for n in of_buffer}
    arrays |= {f"{name}.scan.{n}": getattr(scan, n) for n in kept}
    stack = _overlap_state if of_functions else _stacker_state
    held = []
    for i, (trace, row) in enumerate(group.held):
        arrays[f"{name}.held{i}"] = np.ma.filled(trace.data.astype(float), np.nan)
        header = {key: trace.stats[key] for key in HEADER}
        held.append({"header": header, "start": trace.stats.starttime.ns, "row": list(row)})
    return {
        "key": key,
        "name": name,
        "group": {n: getattr(group, n) for n in _GROUP},
        "slots": [vars(slot) for slot in group.slots],
        "shifts": group.shifts,
        "buffer": {n: int(getattr(buffer, n)) for n in _BUFFER},
        "names": buffer.names,
        "scan": {n: getattr(scan, n) for n in names},
        "stack": stack(scan, f"{name}.stack", arrays),
        "held": held,
    }


def _restore_group(group, saved, arrays):
    from obspy import Trace, UTCDateTime

    name = saved["name"]
    for n in _GROUP:
        setattr(group, n, saved["group"][n])
    group.slots = [Slot(**slot) for slot in saved["slots"]]
    group.shifts = {id: tuple(shift) for id, shift in saved["shifts"].items()}
    for n in _BUFFER:
        setattr(group.buffer, n, saved["buffer"][n])
    for n in (*_BUFFER_ARRAYS, *_BUFFER_USED):
        setattr(group.buffer, n, arrays.get(f"{name}.buffer.{n}"))
    group.buffer.names, group.buffer.shape = saved["names"], group.buffer.there.shape[:2]
    scan = group.scan
    of_functions = group.detector.gives_functions
    names, kept = (_FUNCTIONS, _FUNCTIONS_ARRAYS) if of_functions else (_WINDOWS, _WINDOWS_ARRAYS)
    for n in names:
        setattr(scan, n, saved["scan"][n])
    for n in kept:
        setattr(scan, n, arrays[f"{name}.scan.{n}"])
    restore_stack = _restore_overlap if of_functions else _restore_stacker
    restore_stack(scan, saved["stack"], f"{name}.stack", arrays)
    for i, held in enumerate(saved["held"]):
        data = np.ma.masked_invalid(arrays[f"{name}.held{i}"])
        data = data if np.ma.is_masked(data) else np.ma.getdata(data)
        header = {**held["header"], "starttime": UTCDateTime(ns=held["start"])}
        group.held.append((Trace(data, header), tuple(held["row"])))


def _stacker_state(scan, name, arrays):
    arrays[f"{name}.sum"], arrays[f"{name}.weight"] = scan.stacker._sum, scan.stacker._weight
    return {"first_frame": scan.stacker.first_frame}


def _restore_stacker(scan, saved, name, arrays):
    stacker = scan.stacker
    scan.stacker = Stacker(
        0, len(scan.classes), length=stacker.length, step=stacker.step, stack=stacker.stack,
        first_frame=saved["first_frame"],
    )  # fmt: skip
    scan.stacker._sum, scan.stacker._weight = arrays[f"{name}.sum"], arrays[f"{name}.weight"]


def _overlap_state(scan, name, arrays):
    stack = scan.stacked
    arrays[f"{name}.result"] = stack.result
    if stack.persistent is not None:
        arrays[f"{name}.persistent"] = stack.persistent
    for i, window in enumerate(stack._open):
        arrays[f"{name}.window{i}"] = window.rows
    return {"done": stack._done, "starts": [int(window.start) for window in stack._open]}


def _restore_overlap(scan, saved, name, arrays):
    scan.names = tuple(scan.names)
    scan.stacked = stack = scan._stack()
    stack.result = arrays[f"{name}.result"]
    if stack.persistent is not None:
        stack.persistent = arrays[f"{name}.persistent"]
    stack._done = saved["done"]
    stack._open = deque()
    for i, start in enumerate(saved["starts"]):
        rows = arrays[f"{name}.window{i}"]
        complete = not np.isnan(rows).any()
        stack._open.append(Window(start, rows, complete, stack._widened(rows)))
