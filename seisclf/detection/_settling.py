"""Where a record may be divided without changing any event on either side."""

from dataclasses import replace
from functools import singledispatch

import numpy as np

from ._chain import steps_of
from ._function_picking import AROUND, SEEN_AFTER, SEEN_BEFORE, UNKNOWN_DURATION
from ._time_functions import OCCURRENCE, FunctionsOverTime

# Farther than any frame.
_FAR = np.iinfo(np.int64).max // 4


def cut_frames(function, detector, *, alone=True):
    """Boundaries between frames at which a record may be divided.

    What :meth:`EventDetector.pick` finds in the part before such a boundary, together with what
    it finds in the part after it, is what it finds in the whole. Whether a boundary is a cut
    depends on no more than :func:`cut_reach` frames on either side, so that it can be told from
    any record that holds these.

    Parameters
    ----------
    function : ProbabilityFunction or FunctionsOverTime
        Of one station, or of stations on one time axis. Frames are those of the probabilities;
        of functions over time each sample is one.
    detector : EventDetector
        Whose parameters and `postprocessing` count; it is not asked to predict.
    alone : bool, default=True
        Whether post-processing sees nothing of the other part, as after :func:`part_of`. With
        False, filters may reach across a cut: for records that overlap by their margins.

    Returns
    -------
    cuts : ndarray of bool, shape (n_frames + 1,)
        Number k is the boundary before frame k. Both ends of the record are cuts.

    Raises
    ------
    ValueError
        If a step of `postprocessing` does not say how far it reaches.
    """
    cuts = _cuts(function, detector, alone)
    cuts[[0, -1]] = True
    return cuts


def cut_reach(detector):
    """Frames on either side of a boundary that decide whether it is a cut.

    Events that begin or end at a cut depend on no more than these either, nor do the values of a
    frame after post-processing.

    Parameters
    ----------
    detector : EventDetector
        See :func:`cut_frames`.

    Returns
    -------
    reach : int
        Frames; of functions over time samples.
    """
    rate = detector.sampling_rate
    if detector.gives_functions:
        step = 1 / rate
        seconds = max(SEEN_AFTER + detector.lead, detector.min_distance) + AROUND
        quiet = np.ceil(max(seconds, detector.merge_gap + AROUND) / step)
    else:
        step = max(1, round(detector.step * rate)) / rate
        ahead = detector.window / 15 if detector.refine else 0.0
        quiet = max(np.ceil(2 * ahead / step), detector.merge_gap / step)
    chain = sum(_reach_of(transformer) for transformer in steps_of(detector.postprocessing))
    return int(quiet) + 2 + chain


def part_of(function, first, last):
    """Some frames of a record, as an object of the same kind.

    Parameters
    ----------
    function : ProbabilityFunction, StationFunctions or FunctionsOverTime
        See :func:`cut_frames`.
    first, last : int
        Frames ``first`` up to but not including ``last``.

    Returns
    -------
    part : object like `function`
        Arrays are views. The numbers of windows and the notes stay those of the whole.
    """
    n_frames = _n_frames(function)
    if not 0 <= first <= last <= n_frames:
        raise ValueError(f"part_of needs 0 <= first <= last <= {n_frames}; got {first}, {last}")
    return _part(function, first, last)


def divided_at(mask, breaks, *, tail, head, gap):
    """Boundaries with quiet around them.

    Parameters
    ----------
    mask : ndarray of bool, shape (n_frames,)
        Where something happens.
    breaks : ndarray of bool, shape (n_frames,)
        Where there is no data: nothing is joined across.
    tail, head : float
        Quiet frames that are needed before the boundary, and after it.
    gap : float
        What happens on both sides is joined if no more frames than these lie between.

    Returns
    -------
    divided : ndarray of bool, shape (n_frames + 1,)
        Number k is the boundary before frame k.

    Examples
    --------
    >>> import numpy as np
    >>> mask = np.array([True, False, False, True, False, True])
    >>> divided_at(mask, ~mask & False, tail=0, head=0, gap=1).tolist()
    [True, True, True, True, False, False, True]
    """
    since, until = _since(mask), _until(mask)
    broken = (_since(breaks) < since) | (_until(breaks) < until)
    return (since >= tail) & (until >= head) & ((since + until > gap) | broken)


def zeros_reach(X, reach):
    """Boundaries of a series around which a filter of some reach meets zeros only.

    Parameters
    ----------
    X : ndarray of float, shape (n_series, n_classes, n_frames)
        NaN where there is no data, which filters do not reach across.
    reach : int
        Frames.

    Returns
    -------
    divided : ndarray of bool, shape (n_frames + 1,)
        Number k is the boundary before frame k.
    """
    missing = np.isnan(X).all(axis=(0, 1))
    loud = (np.isnan(X) | (X != 0)).any(axis=(0, 1)) & ~missing
    if not reach:
        return np.ones(X.shape[-1] + 1, dtype=bool)
    beside = (_since(missing) == 0) | (_until(missing) == 0)
    return beside | ((_since(loud) >= reach) & (_until(loud) >= reach))


@singledispatch
def _cuts(function, detector, alone):
    """Cuts of a :class:`ProbabilityFunction`."""
    is_event = np.isfinite(detector._thresholds)
    raw = function.probabilities if function.raw is None else function.raw
    divided = np.ones(len(raw) + 1, dtype=bool)
    values = raw
    if detector.postprocessing is not None:
        series = np.ascontiguousarray(raw[:, is_event].T)[np.newaxis]
        for transformer in steps_of(detector.postprocessing):
            divided &= _cuts_of_step(transformer, series, alone)
            series = np.asarray(transformer.fit_transform(series), dtype=float)
        values = raw.copy()
        values[:, is_event] = series[0].T
        values[np.isnan(raw)] = np.nan
    # Both ways of picking find nothing where this is False.
    if detector.pick_by == "class":
        with np.errstate(invalid="ignore"):
            active = np.nan_to_num(values / detector._thresholds, nan=0.0).max(axis=1) >= 1
    else:
        lowest = detector._thresholds[is_event][0]
        active = np.nan_to_num(values[:, is_event].sum(axis=1), nan=0.0) >= lowest
    tail = head = 0
    if detector.refine and function.energy_step:
        bins = max(1, round(function.step / function.energy_step))
        ahead = max(1, round(detector.window / 15 / function.energy_step))
        # The level before an onset is the mean over twice as many bins as that after it.
        tail, head = ahead / bins, 2 * ahead / bins
    missing = np.isnan(values).all(axis=1)
    gap = detector.merge_gap / function.step + 1e-9
    return divided & divided_at(active, missing, tail=tail, head=head, gap=gap)


@_cuts.register
def _(functions: FunctionsOverTime, detector, alone):
    n_frames = _n_frames(functions)
    settings = detector._pick_settings()
    divided = np.ones(n_frames + 1, dtype=bool)
    if functions.network is not None and functions.network.functions:
        divided &= _between_occurrences(functions.network, settings)
        for function in functions.values():
            for label in settings.thresholds:
                if str(label) in function.functions:
                    divided &= _beside_masks(function, str(label), settings)
        return divided
    for function in functions.values():
        divided &= _beside_spans(function, functions.classes, settings)
    return divided


def _between_occurrences(network, settings):
    """Cuts between peaks of occurrence, of which the highest takes it all."""
    active = np.zeros(len(network.coverage), dtype=bool)
    for label, threshold in settings.thresholds.items():
        values = network.functions.get(OCCURRENCE + str(label))
        if values is not None:
            active |= np.nan_to_num(values) >= threshold
    # An event takes the masks that begin within some seconds of its onset.
    tail = (
        round(settings.lead / network.step)
        + round(max(SEEN_AFTER, UNKNOWN_DURATION) / network.step)
        + 1
    )
    head = max(0, round(SEEN_BEFORE / network.step) - round(settings.lead / network.step))
    distance = max(1, round(settings.min_distance / network.step))
    nothing = np.zeros_like(active)
    return divided_at(active, nothing, tail=tail, head=head, gap=distance - 1)


def _beside_masks(function, name, settings):
    active = np.nan_to_num(function.functions[name]) >= settings.mask_threshold
    margin = round(AROUND / function.step)
    gap = round(settings.merge_gap / function.step)
    return divided_at(active, ~function.coverage, tail=margin, head=margin, gap=gap)


def _beside_spans(function, classes, settings):
    """Cuts between the masks of a station, and the P and S around them."""
    pairs = [
        (function.functions[str(label)], settings.thresholds[label])
        for label in classes
        if label in settings.thresholds and str(label) in function.functions
    ]
    n_frames = len(function.coverage)
    active, missing = np.zeros(n_frames, dtype=bool), np.ones(n_frames, dtype=bool)
    for values, threshold in pairs:
        active |= np.nan_to_num(values) / threshold >= 1
        missing &= np.isnan(values)
    margin = round(AROUND / function.step)
    gap = settings.merge_gap / function.step + 1e-9
    return divided_at(active, missing, tail=margin, head=margin, gap=gap)


def _cuts_of_step(transformer, series, alone):
    if hasattr(transformer, "divides"):
        return transformer.divides(series)
    reach = _reach_of(transformer)
    return zeros_reach(series, reach if alone else 0)


def _reach_of(transformer):
    if transformer in (None, "passthrough"):
        return 0
    reach = getattr(transformer, "reach_frames", None)
    if reach is None:
        name = type(transformer).__name__
        raise ValueError(
            f"postprocessing has the step {name}, which does not say how far it looks, so that a "
            f"record cannot be scanned in parts: give {name} an attribute reach_frames, the "
            f"number of frames on either side that a value may depend on, or use detect()"
        )
    return int(reach)


def _since(mask):
    """Of each boundary, the frames since the last one that is True."""
    position = np.where(mask, np.arange(len(mask)), -_FAR)
    last = np.maximum.accumulate(np.concatenate([[-_FAR], position]))
    return np.arange(len(mask) + 1) - 1 - last


def _until(mask):
    return _since(mask[::-1])[::-1]


def _axes(functions):
    each = list(functions.values())
    return each if functions.network is None else [functions.network, *each]


def _n_frames(function):
    if not isinstance(function, FunctionsOverTime):
        return len(function.coverage)
    axes = {(each.start_time, len(each.coverage)) for each in _axes(function)}
    if len(axes) != 1:
        raise ValueError(
            "functions over time of several stations must begin and end together to be divided; "
            "divide those of one station at a time"
        )
    return axes.pop()[1]


@singledispatch
def _part(function, first, last):
    """Part of a :class:`ProbabilityFunction` or :class:`StationFunctions`."""
    import pandas as pd

    frames = slice(first, last)
    if not hasattr(function, "probabilities"):
        return replace(
            function,
            start_time=function.time_of(first),
            functions={name: values[frames] for name, values in function.functions.items()},
            persistent={name: values[frames] for name, values in function.persistent.items()},
            coverage=function.coverage[frames],
        )
    energy = function.energy
    if energy is not None:
        bins = round(function.step / function.energy_step)
        energy = energy[first * bins : last * bins]
    begin = function.start_time + pd.Timedelta(first * function.step, unit="s")
    end = function.start_time + pd.Timedelta(last * function.step, unit="s")
    return replace(
        function,
        start_time=begin,
        end_time=min(end, function.end_time),
        probabilities=function.probabilities[frames],
        coverage=function.coverage[frames],
        raw=None if function.raw is None else function.raw[frames],
        energy=energy,
    )


@_part.register
def _(functions: FunctionsOverTime, first, last):
    network = functions.network
    return FunctionsOverTime(
        [_part(function, first, last) for function in functions.values()],
        classes=functions.classes,
        network=None if network is None else _part(network, first, last),
        picked=functions.picked,
        skipped=functions.skipped,
        persistence=functions.persistence,
    )
