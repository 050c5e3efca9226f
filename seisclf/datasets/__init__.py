"""Data: synthetic events and records, readers of real ones, windows cut from either."""

from ._aknes import fetch_aknes
from ._archive_faults import FAULTS
from ._bunch import take_rows
from ._catalog import events_from_catalog
from ._display import WaveformDisplay
from ._esec import load_esec
from ._network_events import to_network_events
from ._noise_windows import add_noise_class, noise_windows
from ._real import load_gujarat, load_kachchh
from ._rocknet import fetch_rocknet_weights, load_luhu_hour, load_rocknet_scores
from ._seisbench import read_seisbench
from ._seisbench_write import write_seisbench
from ._streams import from_streams
from ._synthetic import make_seismic_events
from ._synthetic_archive import make_archive
from ._synthetic_continuous import make_continuous_record
from ._windows import cut_windows

__all__ = [
    "make_seismic_events",
    "make_continuous_record",
    "make_archive",
    "FAULTS",
    "read_seisbench",
    "write_seisbench",
    "from_streams",
    "events_from_catalog",
    "load_gujarat",
    "load_kachchh",
    "load_esec",
    "fetch_aknes",
    "fetch_rocknet_weights",
    "load_luhu_hour",
    "load_rocknet_scores",
    "cut_windows",
    "to_network_events",
    "noise_windows",
    "add_noise_class",
    "take_rows",
    "WaveformDisplay",
]
