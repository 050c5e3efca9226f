"""What makes two scans the same: the model, by what it answers, and the settings."""

import logging

import numpy as np

from ._chain import describe
from ._classifier import function_predictor, predict_windows

logger = logging.getLogger("seisclf")

_VERSION = 1
_SETTINGS = (
    "window", "step", "sampling_rate", "components", "threshold", "background", "min_duration",
    "merge_gap", "stack", "pick_by", "refine", "max_gap_fraction", "constant_gap", "resample",
    "stations", "padding", "persistence", "mask_threshold", "pick_threshold", "min_distance",
    "lead",
)  # fmt: skip
# Answers of one model differ by less between machines and numbers of threads.
_TOLERANCE = 1e-3


def describe_run(detector, *, prepare, chunk, start_ns):
    """What a scan is told, as JSON can hold it.

    Parameters
    ----------
    detector : EventDetector
        How to scan.
    prepare : callable or None
        Stream to Stream.
    chunk : float
        Seconds of a task.
    start_ns : int or None
        UTC nanoseconds.

    Returns
    -------
    told : dict
        ``settings``, ``classes``, ``model`` and others.
    """
    settings = {name: _plain(getattr(detector, name)) for name in _SETTINGS}
    if detector.postprocessing is not None:
        settings["postprocessing"] = describe(detector.postprocessing)
    return {
        "version": _VERSION,
        "settings": settings,
        "classes": [_plain(label) for label in detector.classes.tolist()],
        "chunk": chunk,
        "start_ns": start_ns,
        "prepare": None if prepare is None else _name(prepare),
        "model": type(detector.classifier).__name__,
        "answers": _answers_or_none(detector),
    }


def differences(before, told):
    """In what a scan that was begun differs from one that is to go on, a list of str."""
    names = ("version", "classes", "chunk", "start_ns", "prepare", "model")
    others = [
        f"{name.removesuffix('_ns')} was {_shown(name, before)}, is {_shown(name, told)}"
        for name in names
        if before.get(name) != told[name]
    ]
    old, new = before.get("settings", {}), told["settings"]
    others += [
        f"{name} was {old.get(name)!r}, is {new.get(name)!r}"
        for name in sorted(set(old) | set(new))
        if old.get(name) != new.get(name)
    ]
    if not others and not _agree(before.get("answers"), told["answers"]):
        others.append("the model gives other answers")
    return others


def _shown(name, told):
    """A value for people: times as such."""
    value = told.get(name)
    return f"{np.datetime64(value, 'ns')}" if name.endswith("_ns") and value else repr(value)


def _agree(old, new):
    if old is None or new is None:
        return True
    old, new = np.array(old), np.array(new)
    return old.shape == new.shape and bool((np.abs(old - new) <= _TOLERANCE).all())


def _answers_or_none(detector):
    import joblib

    try:
        # A few windows are not worth starting workers, which would stop those of the scan.
        with joblib.parallel_config(backend="sequential"):
            return _answers(detector)
    except Exception as error:
        # A model that fails on these windows may still scan; its tasks tell what is wrong.
        logger.warning(
            "the model cannot be compared with that of an earlier scan: on windows of noise it "
            "raises %s: %s",
            type(error).__name__,
            error,
        )
        return None


def _answers(detector):
    """What the model says of some windows that are always the same."""
    settings = detector._scan_settings()
    shape = (len(detector.components), settings.length)
    if detector.n_stations is not None:
        shape = (detector.n_stations, *shape)
    X = _windows(shape)
    predict = function_predictor(detector.classifier)
    if predict is None:
        answers = predict_windows(detector.classifier, X)
    else:
        predict = detector._predictor if detector.n_stations else detector._predict_station
        functions = predict(X)
        answers = [
            np.asarray(functions[name], dtype=float).reshape(len(X), -1)[
                :, :: settings.length // 7
            ]
            for name in sorted(functions)
        ]
        answers = np.concatenate(answers, axis=1)
    return np.nan_to_num(answers).round(6).tolist()


def _windows(shape):
    """Noise, a tone, a sweep, a burst and a spike, in counts."""
    rng = np.random.default_rng(7)
    t = np.linspace(0, 1, shape[-1])
    noise = rng.normal(size=(5, *shape))
    shapes = [
        np.zeros_like(t), np.sin(40 * np.pi * t), np.sin(200 * np.pi * t**2),
        5 * rng.normal(size=len(t)) * np.exp(-20 * (t - 0.4) ** 2), 50.0 * (t == t[len(t) // 3]),
    ]  # fmt: skip
    gains = np.array([100.0, 1.0, 1000.0, 300.0, 10.0]).reshape(-1, *[1] * len(shape))
    together = np.stack(shapes).reshape(5, *[1] * (len(shape) - 1), len(t))
    return ((noise + together) * gains).astype(np.float32)


def _name(function):
    text = repr(function)
    if " at 0x" in text:
        return (
            f"{function.__module__}.{getattr(function, '__qualname__', type(function).__name__)}"
        )
    return text


def _plain(value):
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value
