"""From a chunk of events to its rows of the feature table."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ._network import network_features
from ._polarity import polarity_features
from ._spectral import spectral_features
from ._spectrogram import spectrogram_features
from ._time_frequency import PhaseEnergies, phase_features, station_phase_features
from ._traces import Traces, prepare
from ._waveform import waveform_features

_CHUNK_BYTES = 3 << 19  # of one array of traces: smaller pays for calls, larger for memory


@dataclass(frozen=True)
class Plan:
    """Which features to compute: of every trace, of every station, of the network."""

    trace: tuple
    station: tuple
    network: tuple
    trace_groups: frozenset
    station_groups: frozenset
    polarity_order: tuple | None
    network_channel: int

    def n_columns(self, n_stations, n_channels):
        per_station = n_channels * len(self.trace) + len(self.station)
        return n_stations * per_station + len(self.network)


@dataclass
class Report:
    """How many traces gave no features, and why."""

    constant: int = 0
    gappy: int = 0
    total: int = 0

    def __add__(self, other):
        return Report(
            self.constant + other.constant, self.gappy + other.gappy, self.total + other.total
        )


def events_per_chunk(event_shape, itemsize):
    """Number of events whose traces fit the cache."""
    return max(1, _CHUNK_BYTES // (int(np.prod(event_shape)) * itemsize))


def compute_chunk(x, plan, settings):
    """Features of a few events.

    Parameters
    ----------
    x : ndarray of shape (n_events, n_stations, n_channels, n_samples)
        Waveforms; traces with NaN, and constant ones, give NaN.
    plan : Plan
        What to compute.
    settings : Settings
        Parameters of the formulas.

    Returns
    -------
    features : ndarray of shape (n_events, n_columns)
        In the dtype of `x`.
    report : Report
        Traces without features, for the warning.
    """
    # Undefined results are NaN on purpose; NumPy's warnings would say it once per formula.
    with np.errstate(all="ignore"):
        return _Chunk(x, plan, settings).compute()


class _Chunk:
    def __init__(self, x, plan, settings):
        self.shape = x.shape[:3]
        self.plan = plan
        self.settings = settings
        self.x = x.reshape(-1, x.shape[-1])
        signal, scale, self.alive = prepare(self.x, settings.detrend)
        if not self.alive.all():
            signal, scale = signal[self.alive], scale[self.alive]
        self.traces = Traces(signal, scale, settings)
        # Row of `traces` for each trace of the chunk; that of a dead one is never used.
        self.row = np.where(self.alive, np.cumsum(self.alive) - 1, 0).reshape(self.shape)
        self.alive = self.alive.reshape(self.shape)

    def compute(self):
        n_events, n_stations, _ = self.shape
        parts = []
        if self.plan.network and self.alive.any():
            _ = self.traces.padded_spectrum  # before the plain spectrum, which is a part of it
        if self.plan.trace:
            parts.append(self._trace_features().reshape(n_events, n_stations, -1))
        if self.plan.station:
            parts.append(self._station_features())
        columns = []
        if parts:
            columns.append(np.concatenate(parts, axis=-1).reshape(n_events, -1))
        if self.plan.network:
            columns.append(self._network_features())
        features = np.concatenate(columns, axis=-1)
        features[np.isinf(features)] = np.nan  # a division by zero: undefined
        return features.astype(self.x.dtype, copy=False), self._report()

    def _trace_features(self):
        wanted = frozenset(self.plan.trace)
        table = np.full((*self.shape, len(self.plan.trace)), np.nan)
        if not self.alive.any():
            return table
        groups = self.plan.trace_groups
        found = {}
        if groups & {"waveform", "extra"}:
            found |= waveform_features(self.traces, wanted)
        if "spectral" in groups:
            found |= spectral_features(self.traces, wanted)
        if "spectrogram" in groups:
            found |= spectrogram_features(self.traces, wanted)
        if "phases" in groups:
            found |= phase_features(self._phase_energies, wanted)
        table[self.alive] = np.stack([found[name] for name in self.plan.trace], axis=-1)
        return table

    def _station_features(self):
        table = np.full((*self.shape[:2], len(self.plan.station)), np.nan)
        whole = self.alive.all(axis=-1)
        if not whole.any():
            return table
        rows = self.row[whole][:, list(self.plan.polarity_order)]
        scale = self.traces.scale[rows]
        scale = (scale / scale.max(axis=-1, keepdims=True))[..., np.newaxis]
        found = {}
        if self.plan.station_groups & {"polarity", "extra"}:
            envelope = None
            if self.settings.polarity_window is None:
                envelope = self.traces.envelope[rows] * scale
            found |= polarity_features(self.traces.signal[rows] * scale, envelope, self.settings)
        if "phases" in self.plan.station_groups:
            found |= station_phase_features(self._phase_energies, rows, scale[..., 0])
        table[whole] = np.stack([found[name] for name in self.plan.station], axis=-1)
        return table

    @cached_property
    def _phase_energies(self):
        n_channels = self.shape[2]
        return PhaseEnergies(self.traces, np.flatnonzero(self.alive) // n_channels)

    def _network_features(self):
        table = np.full((self.shape[0], len(self.plan.network)), np.nan)
        channel = self.plan.network_channel
        present = self.alive[:, :, channel]
        if not present.any():
            return table
        rows = self.row[:, :, channel]
        found = network_features(
            self.traces.signal[rows],
            self.traces.scale[rows].astype(np.float64),
            self.traces.padded_spectrum[rows],
            present,
            self.settings,
        )
        return np.stack([found[name] for name in self.plan.network], axis=-1)

    def _report(self):
        dead = self.x[~self.alive.ravel()]
        gaps = np.isnan(dead)
        missing, gappy = gaps.all(axis=-1), gaps.any(axis=-1)
        return Report(
            constant=int(np.count_nonzero(~gappy)),
            gappy=int(np.count_nonzero(gappy & ~missing)),
            total=len(self.x),
        )
