"""Parameters of an EventDetector that are out of range, or do not fit its classifier."""

import numbers
from pathlib import Path

import numpy as np

from ._overlap import FUNCTION_STACKS
from ._windows import STACKS

# What concerns functions over time, with the value that says nothing was asked for.
_OF_FUNCTIONS = {"padding": "auto", "persistence": None}


def check_parameters(detector, pick_by):
    """Refuse parameters of an EventDetector that are out of range or do not fit its classifier.

    Parameters
    ----------
    detector : EventDetector
        With all parameters set.
    pick_by : str or None
        As the user gave it.

    Raises
    ------
    ValueError
        That names the parameter.
    """
    if detector.gives_functions:
        _check_of_functions(detector, pick_by)
    else:
        _check_of_windows(detector)
    _check_choices(detector)
    _check_numbers(detector)


def _check_of_functions(detector, pick_by):
    if detector.postprocessing is not None:
        raise ValueError(
            f"postprocessing is for classifiers of windows; "
            f"{type(detector.classifier).__name__} gives functions over time, sample by sample: "
            f"leave it out"
        )
    if detector.stack not in FUNCTION_STACKS:
        raise ValueError(
            f"stack must be one of {', '.join(FUNCTION_STACKS)}; got {detector.stack!r}"
        )
    if pick_by is not None:
        raise ValueError(
            f"pick_by={pick_by!r} is for classifiers of windows; functions over time are picked "
            f"by class: leave pick_by out"
        )


def _check_of_windows(detector):
    kind = type(detector.classifier).__name__
    if detector.stack not in STACKS:
        hint = " ('median' needs functions over time)" if detector.stack == "median" else ""
        raise ValueError(
            f"stack must be one of {', '.join(STACKS)} for {kind}{hint}; got {detector.stack!r}"
        )
    for name, nothing in _OF_FUNCTIONS.items():
        if getattr(detector, name) not in (nothing, None):
            raise ValueError(
                f"{name} needs functions over time, and {kind} has no predict_functions: leave "
                f"it out"
            )


def _check_choices(detector):
    if detector.pick_by not in ("event", "class"):
        raise ValueError(f"pick_by must be 'event' or 'class'; got {detector.pick_by!r}")
    if detector.pick_by == "event" and (
        isinstance(detector.threshold, dict) or not detector.background
    ):
        raise ValueError(
            "pick_by='event' needs a background class and one threshold: leave pick_by out, "
            "or give a number as threshold and a class of the classifier as background"
        )
    if detector.padding not in ("auto", "edge", None):
        raise ValueError(f"padding must be 'auto', 'edge' or None; got {detector.padding!r}")
    if detector.stations is not None:
        named = [name for name in detector.stations if name]
        if len(set(named)) < len(named) or not named:
            raise ValueError(f"stations must name each station once; got {detector.stations}")
        if detector.n_stations is not None and len(detector.stations) > detector.n_stations:
            raise ValueError(
                f"stations names {len(detector.stations)}, but the classifier was fitted on a "
                f"network of {detector.n_stations}"
            )


def _check_numbers(detector):
    if not 1 / detector.sampling_rate <= detector.step <= detector.window:
        raise ValueError(
            f"step must lie between one sample ({1 / detector.sampling_rate:g} s) and the window "
            f"({detector.window:g} s), so that no data is jumped over; got {detector.step:g} s"
        )
    if not 0 <= detector.max_gap_fraction < 1:
        raise ValueError(
            f"max_gap_fraction must be at least 0 and below 1; got {detector.max_gap_fraction}"
        )
    if detector.constant_gap is not None and not detector.constant_gap > 0:
        raise ValueError(
            f"constant_gap must be positive, or None; got {detector.constant_gap:g} s"
        )
    for name in ("min_duration", "merge_gap", "min_distance", "lead"):
        if getattr(detector, name) < 0:
            raise ValueError(f"{name} must not be negative; got {getattr(detector, name):g} s")
    for name in ("mask_threshold", "pick_threshold"):
        if not 0 < getattr(detector, name) <= 1:
            raise ValueError(
                f"{name} must lie above 0 and not above 1; got {getattr(detector, name)}"
            )
    if detector.batch_size < 1:
        raise ValueError(f"batch_size must be at least 1; got {detector.batch_size}")
    if detector.persistence is not None:
        most = int(np.floor(detector.window / detector.step + 1e-9))
        if not 1 <= detector.persistence <= most:
            raise ValueError(
                f"persistence must lie between 1 and {most}, the windows of {detector.window:g} s "
                f"that hold a sample at a step of {detector.step:g} s; got {detector.persistence}"
            )


def check_scan(*, chunk, n_jobs, output):
    """Refuse what :meth:`EventDetector.scan` cannot be told, before anything is read."""
    if chunk is not None and (not isinstance(chunk, numbers.Real) or not 0 < chunk < np.inf):
        raise ValueError(f"chunk must be a positive number of seconds; got {chunk!r}")
    if n_jobs is not None and (not isinstance(n_jobs, numbers.Integral) or n_jobs == 0):
        raise ValueError(
            f"n_jobs must be a number of workers, -1 for as many as there are cores, or None; got "
            f"{n_jobs!r}"
        )
    if output is not None and Path(output).exists() and not Path(output).is_dir():
        raise ValueError(f"output must be a folder, {str(output)!r} is a file: give another one")
