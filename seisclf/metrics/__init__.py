"""Scores for seismic events: by event, with intervals, and against a catalogue."""

from ._bootstrap import Interval, bootstrap_interval
from ._events import (
    aggregate_by_event,
    event_confusion_matrix,
    event_predictions,
    event_report,
)
from ._matching import detection_scores, match_events

__all__ = [
    "Interval",
    "aggregate_by_event",
    "bootstrap_interval",
    "detection_scores",
    "event_confusion_matrix",
    "event_predictions",
    "event_report",
    "match_events",
]
