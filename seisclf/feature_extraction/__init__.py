"""From seismograms to numbers a classifier without a network can use."""

from ._envelope_features import EnvelopeFeatures
from ._seismic_features import SeismicFeatures

__all__ = ["EnvelopeFeatures", "SeismicFeatures", "TsfreshFeatures"]


def __getattr__(name):
    if name == "TsfreshFeatures":
        from ._tsfresh import TsfreshFeatures

        return TsfreshFeatures
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
