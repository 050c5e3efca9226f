"""Functions over time become events: peaks of occurrence, stretches of masks, picks of P and S."""

from dataclasses import dataclass

import numpy as np

from ._picking import Span, pick_classes
from ._time_functions import OCCURRENCE
from ._windows import runs

# Seconds around the onset in which the mask of a station must begin or last for it to see the
# event: sensors of one slope are less than a kilometre apart, and masks of rockfalls grow slowly.
SEEN_BEFORE, SEEN_AFTER = 1.0, 5.0
# Seconds around a mask in which P and S are looked for; P and S peaks that are closer are one.
AROUND = 1.0
# Seconds of an event whose end no station tells: the width of an occurrence.
UNKNOWN_DURATION = 1.0

PICK_COLUMNS = ("detection", "station", "phase", "time", "probability")


@dataclass(frozen=True)
class PickSettings:
    """When functions are an event.

    Parameters
    ----------
    thresholds : dict
        Label to probability, of occurrence (network) or mask (one station).
    mask_threshold, pick_threshold : float
        Of masks and of P and S.
    min_distance : float
        Seconds between peaks of occurrence.
    min_duration, merge_gap : float
        Seconds of masks, and between pieces of one.
    lead : float
        Seconds by which occurrence goes before the onset.
    persistence : int
        Consecutive windows that must agree.
    """

    thresholds: dict
    mask_threshold: float
    pick_threshold: float
    min_distance: float
    min_duration: float
    merge_gap: float
    lead: float
    persistence: int = 1

    def persists(self, function, name, part, threshold):
        """Whether as many consecutive windows as are asked for reach a level in a stretch."""
        return self.persistence == 1 or function.persistent[name][part].max() >= threshold


def peaks_of(values, *, height, distance):
    """Samples of peaks; also at the ends, and beside stretches without data.

    Parameters
    ----------
    values : ndarray of float, shape (n_samples,)
        NaN where there is no data.
    height : float
        Lowest peak.
    distance : int
        Samples between peaks; of closer ones the lower is left out.

    Returns
    -------
    peaks : ndarray of int
        Ascending.

    Examples
    --------
    >>> import numpy as np
    >>> peaks_of(np.array([0.9, 0.1, np.nan, 0.2, 0.6, 0.3]), height=0.5, distance=1).tolist()
    [0, 4]
    """
    from scipy.signal import find_peaks

    padded = np.concatenate([[-1.0], np.nan_to_num(values, nan=-1.0), [-1.0]])
    peaks = find_peaks(padded, height=height)[0]
    return peaks[_highest(peaks, padded[peaks], distance)] - 1


def _highest(peaks, heights, distance):
    """Which peaks stay; of equally high ones the later, whatever else the record holds."""
    stays = np.ones(len(peaks), dtype=bool)
    # Not find_peaks(distance=...), whose order among equals depends on all the others.
    for i in np.lexsort((-peaks, -heights)):
        if stays[i]:
            first, last = np.searchsorted(peaks, [peaks[i] - distance + 1, peaks[i] + distance])
            stays[first:i] = stays[i + 1 : last] = False
    return stays


def pick_network(functions, settings):
    """Events from the occurrence functions of a network.

    Parameters
    ----------
    functions : FunctionsOverTime
        With a network.
    settings : PickSettings
        When there is an event.

    Returns
    -------
    rows : list of dict
        Rows of the table of detections, in order of onset.
    picks : list of dict
        P and S at the stations; ``detection`` is the number of the row.
    """
    rows, picks = [], []
    network = functions.network
    masks = {
        (function.station, label): _merged_runs(function, str(label), settings)
        for function in functions.values()
        for label in settings.thresholds
        if str(label) in function.functions
    }
    for peak, label in _occurrences(functions, settings):
        onset = min(peak + round(settings.lead / network.step), len(network.coverage) - 1)
        seen = _seen_by(functions, masks, label, onset)
        last = max([run.last for _, run in seen], default=0)
        if last <= onset:
            last = onset + round(UNKNOWN_DURATION / network.step)
        last = min(last, len(network.coverage))
        own = network.functions[OCCURRENCE + str(label)]
        if label in functions.picked:
            picks += _picks_of(functions, seen, len(rows), settings)
        rows.append(
            {
                "class": label,
                "onset": network.time_of(onset),
                "end": network.time_of(last),
                "probability": float(own[peak]),
                "event_probability": float(
                    max(values[peak] for values in network.functions.values())
                ),
                "stations": " ".join(function.station for function, _ in seen),
                "coverage": float(
                    np.mean([f.coverage[onset:last].mean() for f in functions.values()])
                ),
            }
            | {
                f"p_{other}": float(network.functions[OCCURRENCE + str(other)][peak])
                for other in functions.classes
                if OCCURRENCE + str(other) in network.functions
            }
        )
    return rows, picks


def pick_stations(functions, settings):
    """Events from the masks of single stations.

    Parameters
    ----------
    functions : FunctionsOverTime
        Without a network.
    settings : PickSettings
        When there is an event.

    Returns
    -------
    rows, picks : list of dict
        See :func:`pick_network`.
    """
    found = []
    for function in functions.values():
        for span, label in _mask_spans(function, functions.classes, settings):
            values = function.functions[str(label)]
            phases = []
            if label in functions.picked and {"P", "S"} <= set(function.functions):
                phases = _phases(function, span, settings)
                if len(phases) < 2:
                    continue
            onset = phases[0][1] if phases else span.first
            part = slice(span.first, span.last)
            all_classes = [
                function.functions[str(other)][part]
                for other in functions.classes
                if str(other) in function.functions
            ]
            row = {
                "class": label,
                "onset": function.time_of(onset),
                "end": function.time_of(max(span.last, onset + 1)),
                "probability": float(np.nanmax(values[part])),
                "event_probability": float(np.nanmax(all_classes)),
                "stations": function.station,
                "coverage": float(function.coverage[part].mean()),
            }
            row |= {
                f"p_{other}": float(np.nanmean(function.functions[str(other)][part]))
                for other in functions.classes
                if str(other) in function.functions
            }
            found.append((row, [(function, phase) for phase in phases]))
    found.sort(key=lambda pair: (pair[0]["onset"], pair[0]["stations"]))
    picks = [
        _pick(i, function, phase) for i, (_, own) in enumerate(found) for function, phase in own
    ]
    return [row for row, _ in found], picks


def _occurrences(functions, settings):
    """Peaks of occurrence and their classes, in order of time; of close ones the highest."""
    network = functions.network
    distance = round(settings.min_distance / network.step)
    found = []
    for label, threshold in settings.thresholds.items():
        name = OCCURRENCE + str(label)
        if name not in network.functions:
            continue
        values = network.functions[name]
        for peak in peaks_of(values, height=threshold, distance=distance):
            if settings.persists(network, name, slice(peak, peak + 1), threshold):
                found.append((float(values[peak]), int(peak), label))
    kept = []
    for _, peak, label in sorted(found, key=lambda item: -item[0]):
        if all(abs(peak - other) >= max(distance, 1) for other, _ in kept):
            kept.append((peak, label))
    return sorted(kept, key=lambda item: item[0])


def _seen_by(functions, masks, label, onset):
    """Stations whose mask rises near an onset, with the stretch of it, by the mask's start."""
    seen = []
    for function in functions.values():
        first = onset - round(SEEN_BEFORE / function.step)
        last = onset + round(SEEN_AFTER / function.step)
        near = (
            run
            for run in masks.get((function.station, label), [])
            if run.first < last and run.last > first
        )
        run = next(near, None)
        if run is not None:
            seen.append((function, run))
    return sorted(seen, key=lambda pair: pair[1].first)


def _merged_runs(function, name, settings):
    above = np.nan_to_num(function.functions[name]) >= settings.mask_threshold
    gap = round(settings.merge_gap / function.step)
    merged = []
    for first, last in runs(above):
        joins = merged and first - merged[-1].last <= gap
        if joins and function.coverage[merged[-1].last : first].all():
            merged[-1].last = int(last)
        else:
            merged.append(Span(int(first), int(last), 0))
    return merged


def _mask_spans(function, classes, settings):
    """Stretches of one station in which the mask of a class stands out, with the class."""
    labels = [
        label
        for label in classes
        if label in settings.thresholds and str(label) in function.functions
    ]
    if not labels:
        return
    masks = np.column_stack([function.functions[str(label)] for label in labels])
    thresholds = np.array([settings.thresholds[label] for label in labels])
    spans = pick_classes(
        masks,
        thresholds,
        min_frames=settings.min_duration / function.step - 1e-9,
        merge_frames=settings.merge_gap / function.step + 1e-9,
    )
    for span in spans:
        label = labels[span.label]
        part = slice(span.first, span.last)
        if settings.persists(function, str(label), part, thresholds[span.label]):
            yield span, label


def _phases(function, span, settings):
    """The highest P around a mask, and the highest S after it: (phase, sample, probability)."""
    margin = round(AROUND / function.step)
    first, last = max(0, span.first - margin), span.last + margin
    phases = []
    for phase in ("P", "S"):
        values = function.functions[phase][first:last]
        peaks = peaks_of(values, height=settings.pick_threshold, distance=margin)
        if not len(peaks):
            continue
        best = int(peaks[values[peaks].argmax()])
        phases.append((phase, first + best, float(values[best])))
        first += best + 1
    return phases


def _picks_of(functions, seen, number, settings):
    picks = []
    for function, span in seen:
        if {"P", "S"} <= set(function.functions):
            picks += [_pick(number, function, p) for p in _phases(function, span, settings)]
    return picks


def _pick(number, function, phase):
    name, sample, probability = phase
    return {
        "detection": number,
        "station": function.station,
        "phase": name,
        "time": function.time_of(sample),
        "probability": probability,
    }
