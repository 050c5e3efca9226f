"""Recordings in: waveforms that stay on disk, ObsPy streams with their gaps."""

from ._index import ArchiveIndex
from ._lazy import LazyWaveforms
from ._limits import Limits
from ._network_events import NetworkEvents
from ._random_channels import RandomChannels
from ._streams import Record, gaps_of, read_records

__all__ = [
    "ArchiveIndex",
    "LazyWaveforms",
    "Limits",
    "NetworkEvents",
    "RandomChannels",
    "Record",
    "gaps_of",
    "read_records",
]
