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
from ._report_page import DetectionReport
from ._rocknet_record import rocknet_record
from ._scan_catalogue import read_scan
from ._streaming import StreamingDetector
from ._time_functions import FunctionsOverTime, StationFunctions
from ._tuning import ThresholdTuning, tune_thresholds

__all__ = [
    "DetectionDisplay",
    "DetectionReport",
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
    "ThresholdTuning",
    "merge_detections",
    "read_detections",
    "read_scan",
    "rocknet_record",
    "stft_cnn_postprocessing",
    "tune_thresholds",
]
