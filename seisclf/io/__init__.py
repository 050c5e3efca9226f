"""Recordings in: waveforms that stay on disk, ObsPy streams with their gaps."""

from ._lazy import LazyWaveforms
from ._streams import Record, gaps_of, read_records

__all__ = ["LazyWaveforms", "Record", "gaps_of", "read_records"]
