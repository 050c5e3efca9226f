"""From a fitted classifier to a catalogue: scanning records, stacking, picking events."""

from ._detections import Detections
from ._detector import EventDetector
from ._display import DetectionDisplay
from ._functions import ProbabilityFunction, ProbabilityFunctions
from ._merging import merge_detections
from ._postprocessing import (
    GaussianSmoother,
    MedianFilter,
    PeakSelector,
    ThresholdFilter,
    stft_cnn_postprocessing,
)
from ._read_detections import read_detections
from ._rocknet_record import rocknet_record
from ._streaming import StreamingDetector
from ._time_functions import FunctionsOverTime, StationFunctions

__all__ = [
    "DetectionDisplay",
    "Detections",
    "EventDetector",
    "FunctionsOverTime",
    "GaussianSmoother",
    "MedianFilter",
    "PeakSelector",
    "ProbabilityFunction",
    "ProbabilityFunctions",
    "StationFunctions",
    "StreamingDetector",
    "ThresholdFilter",
    "merge_detections",
    "read_detections",
    "rocknet_record",
    "stft_cnn_postprocessing",
]
