"""Recordings in: waveforms that stay on disk, ObsPy streams with their gaps."""

from ._lazy import LazyWaveforms
from ._random_channels import RandomChannels
from ._streams import Record, gaps_of, read_records

__all__ = ["LazyWaveforms", "RandomChannels", "Record", "gaps_of", "read_records"]
