"""Recordings in: waveforms that stay on disk, ObsPy streams with their gaps."""

from ._lazy import LazyWaveforms
from ._network_events import NetworkEvents
from ._random_channels import RandomChannels
from ._streams import Record, gaps_of, read_records

__all__ = ["LazyWaveforms", "NetworkEvents", "RandomChannels", "Record", "gaps_of", "read_records"]
