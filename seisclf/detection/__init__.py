"""From a fitted classifier to a catalogue: scanning records, stacking, picking events."""

from ._detections import Detections
from ._detector import EventDetector
from ._display import DetectionDisplay
from ._functions import ProbabilityFunction, ProbabilityFunctions
from ._rocknet_record import rocknet_record
from ._time_functions import FunctionsOverTime, StationFunctions

__all__ = [
    "DetectionDisplay",
    "Detections",
    "EventDetector",
    "FunctionsOverTime",
    "ProbabilityFunction",
    "ProbabilityFunctions",
    "StationFunctions",
    "rocknet_record",
]
