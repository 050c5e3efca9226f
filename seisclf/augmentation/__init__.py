"""Samplers and on-the-fly augmenters that change waveforms and arrivals together."""

from ._early_warning import EarlyWarningAugmenter
from ._missing import MissingStationFill
from ._mosaic import MosaicAugmenter
from ._stations import StationShuffler

__all__ = [
    "EarlyWarningAugmenter",
    "MissingStationFill",
    "MosaicAugmenter",
    "StationShuffler",
]
