"""From a fitted classifier to a catalogue: scanning records, stacking, picking events."""

from ._detections import Detections
from ._detector import EventDetector
from ._display import DetectionDisplay
from ._functions import ProbabilityFunction, ProbabilityFunctions

__all__ = [
    "DetectionDisplay",
    "Detections",
    "EventDetector",
    "ProbabilityFunction",
    "ProbabilityFunctions",
]
