"""Scores for seismic events: by event, by threshold, with intervals, against a catalogue."""

from ._bootstrap import Interval, bootstrap_interval
from ._catalogue import catalogue_confusion_matrix
from ._catalogue_scores import catalogue_scores
from ._events import (
    aggregate_by_event,
    event_confusion_matrix,
    event_predictions,
    event_report,
)
from ._matching import detection_scores, match_events
from ._regression import accuracy_within, circular_mean_absolute_error, interval_coverage
from ._rocknet import rocknet_association_score, rocknet_station_score
from ._thresholds import (
    ThresholdScan,
    classification_table,
    threshold_predictions,
    threshold_scan,
)

__all__ = [
    "Interval",
    "ThresholdScan",
    "accuracy_within",
    "aggregate_by_event",
    "bootstrap_interval",
    "catalogue_confusion_matrix",
    "catalogue_scores",
    "circular_mean_absolute_error",
    "classification_table",
    "detection_scores",
    "event_confusion_matrix",
    "event_predictions",
    "event_report",
    "interval_coverage",
    "match_events",
    "rocknet_association_score",
    "rocknet_station_score",
    "threshold_predictions",
    "threshold_scan",
]
