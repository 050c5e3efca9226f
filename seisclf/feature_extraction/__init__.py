"""From seismograms to numbers a classifier without a network can use."""

from ._seismic_features import SeismicFeatures

__all__ = ["SeismicFeatures", "TsfreshFeatures"]


def __getattr__(name):
    if name == "TsfreshFeatures":
        from ._tsfresh import TsfreshFeatures

        return TsfreshFeatures
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
