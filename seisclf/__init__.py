"""scikit-learn-compatible classification of seismic events.

Subpackages load on first use: ``import seisclf`` itself imports neither torch,
nor obspy, nor pandas, and takes milliseconds.
"""

from importlib import import_module

__version__ = "0.1.0.dev0"

_SUBPACKAGES = (
    "augmentation",
    "base",
    "cli",
    "cluster",
    "datasets",
    "detection",
    "ensemble",
    "feature_extraction",
    "inspection",
    "io",
    "location",
    "metrics",
    "model_selection",
    "nets",
    "neural_network",
    "persistence",
    "preprocessing",
    "self_supervised",
    "signal",
    "utils",
)
_FUNCTIONS = {"load": "persistence", "save": "persistence"}

__all__ = ["__version__", *_FUNCTIONS, *_SUBPACKAGES]


def __getattr__(name):
    if name in _SUBPACKAGES:
        return import_module(f"{__name__}.{name}")
    if name in _FUNCTIONS:
        return getattr(import_module(f"{__name__}.{_FUNCTIONS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
