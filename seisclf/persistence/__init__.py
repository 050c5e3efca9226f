"""Model files without pickle: one zip of JSON, safetensors and, for scikit-learn's own, skops."""

from ._files import describe, load, save

__all__ = ["describe", "load", "save"]
