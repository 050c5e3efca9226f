"""Data: synthetic events and records, readers of real ones, windows cut from either."""

from ._synthetic import make_seismic_events

__all__ = [
    "make_seismic_events",
]
