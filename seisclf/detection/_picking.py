"""Class probabilities over time become events with an onset, an end and a class."""

from dataclasses import dataclass

import numpy as np

from ._windows import runs


@dataclass
class Span:
    """Frames ``first`` up to but not including ``last`` belong to class number ``label``."""

    first: int
    last: int
    label: int


def pick_classes(probabilities, thresholds, *, min_frames, merge_frames):
    """Find stretches in which a class exceeds its threshold.

    In each frame the class that exceeds its threshold by the largest factor wins. Stretches of
    one class that are at most `merge_frames` apart become one. Within an unbroken stretch of
    several classes, pieces shorter than `min_frames` take the class of their longer neighbour;
    what is shorter than `min_frames` then is dropped.

    Parameters
    ----------
    probabilities : ndarray of float, shape (n_frames, n_classes)
        NaN where there was no data.
    thresholds : ndarray of float, shape (n_classes,)
        infinity for classes that are never reported.
    min_frames, merge_frames : float
        Durations in frames.

    Returns
    -------
    spans : list of Span
        In order of time.

    Examples
    --------
    >>> import numpy as np
    >>> p = np.array([[0.1], [0.8], [0.9], [0.2]])
    >>> pick_classes(p, np.array([0.5]), min_frames=0, merge_frames=0)
    [Span(first=1, last=3, label=0)]
    """
    with np.errstate(invalid="ignore"):
        excess = np.nan_to_num(probabilities / thresholds, nan=0.0)
    winner = excess.argmax(axis=1)
    active = excess.max(axis=1) >= 1
    spans = [
        Span(int(first), int(last), int(label))
        for label in np.unique(winner[active])
        for first, last in runs(active & (winner == label))
    ]
    spans.sort(key=lambda span: span.first)
    missing = np.isnan(probabilities).all(axis=1)
    spans = _merge(spans, merge_frames, missing)
    spans = _absorb(spans, min_frames)
    spans = _merge(spans, merge_frames, missing)
    return [span for span in spans if span.last - span.first >= min_frames]


def pick_events(probabilities, is_event, threshold, *, min_frames, merge_frames):
    """Find stretches in which there is some event, then say which.

    A stretch is an event where the probabilities of all event classes together reach the
    threshold; its class is the one with the highest mean probability over the stretch. A
    classifier that is sure that something happened, and not what, is heard this way.

    Parameters
    ----------
    probabilities : ndarray of float, shape (n_frames, n_classes)
        NaN where there was no data.
    is_event : ndarray of bool, shape (n_classes,)
        False for the background.
    threshold : float
        Of the sum over event classes.
    min_frames, merge_frames : float
        Durations in frames.

    Returns
    -------
    spans : list of Span
        In order of time.

    Examples
    --------
    >>> import numpy as np
    >>> p = np.array([[0.9, 0.1, 0.0], [0.2, 0.45, 0.35], [1.0, 0.0, 0.0]])
    >>> pick_events(p, np.array([False, True, True]), 0.5, min_frames=0, merge_frames=0)
    [Span(first=1, last=2, label=1)]
    """
    total = np.nan_to_num(probabilities[:, is_event].sum(axis=1), nan=0.0)
    spans = [Span(int(first), int(last), 0) for first, last in runs(total >= threshold)]
    spans = _merge(spans, merge_frames, np.isnan(probabilities).all(axis=1))
    for span in spans:
        mean = np.nanmean(probabilities[span.first : span.last], axis=0)
        span.label = int(np.where(is_event, mean, -1.0).argmax())
    return [span for span in spans if span.last - span.first >= min_frames]


def _merge(spans, gap, missing):
    """Join neighbours of one class, unless no data lies between them."""
    merged = []
    for span in spans:
        before = merged[-1] if merged else None
        if (
            before
            and before.label == span.label
            and span.first - before.last <= gap
            and not missing[before.last : span.first].any()
        ):
            before.last = span.last
        else:
            merged.append(Span(span.first, span.last, span.label))
    return merged


def _absorb(spans, min_frames):
    """Give pieces that are too short to the longer of the neighbours they touch."""
    spans = list(spans)
    for i, span in enumerate(spans):
        length = span.last - span.first
        if length >= min_frames:
            continue
        touching = []
        if i and spans[i - 1].last == span.first:
            touching.append(spans[i - 1])
        if i + 1 < len(spans) and spans[i + 1].first == span.last:
            touching.append(spans[i + 1])
        if touching:
            longest = max(touching, key=lambda other: other.last - other.first)
            if longest.last - longest.first > length:
                span.label = longest.label
    return spans
