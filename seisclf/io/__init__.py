"""Recordings in: waveforms that stay on disk, ObsPy streams with their gaps."""

from ._archive import read_archive
from ._download import download_waveforms
from ._index import ArchiveIndex
from ._lazy import LazyWaveforms
from ._limits import Limits
from ._network_events import NetworkEvents
from ._random_channels import RandomChannels
from ._read_file import read_waveform_file
from ._read_report import READ_KINDS, ReadReport
from ._recordings import Recordings
from ._response import remove_response, remove_sensitivity
from ._response_removal import ResponseRemoval
from ._seedlink import seedlink_packets
from ._streams import Record, gaps_of, read_records

__all__ = [
    "READ_KINDS",
    "ArchiveIndex",
    "LazyWaveforms",
    "Limits",
    "NetworkEvents",
    "RandomChannels",
    "ReadReport",
    "Record",
    "Recordings",
    "ResponseRemoval",
    "download_waveforms",
    "gaps_of",
    "read_archive",
    "read_records",
    "read_waveform_file",
    "remove_response",
    "remove_sensitivity",
    "seedlink_packets",
]
