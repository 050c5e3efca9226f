"""Scan a record with a classifier that answers with functions over time."""

import numpy as np

from ._network_record import join_records
from ._overlap import OverlapStack
from ._scan import remarks
from ._time_functions import StationFunctions
from ._windows import padded_window_starts, window_starts


def scan_station(record, predict, settings):
    """Functions of one station.

    Parameters
    ----------
    record : StationRecord
        Its data.
    predict : callable
        ``X (n_windows, n_components, n_samples) -> dict`` of arrays (n_windows, n_samples).
    settings : ScanSettings
        How to scan.

    Returns
    -------
    functions : StationFunctions
        With ``n_windows=0`` if the record is too short or nowhere usable.
    """
    joined = join_records([record], sampling_rate=settings.sampling_rate)
    scan = _Scan(joined, lambda X: predict(X[:, 0]), settings, of_network=False)
    return scan.run()[1][0]


def scan_network(network, predict, settings):
    """Functions of a network and of its stations.

    Parameters
    ----------
    network : NetworkRecord
        Stations in the order of training.
    predict : callable
        ``X (n_windows, n_stations, n_components, n_samples) -> dict`` of arrays
        (n_windows, n_samples) for the network, (n_windows, n_stations, n_samples) for stations.
        A station without data in a window is NaN.
    settings : ScanSettings
        How to scan.

    Returns
    -------
    network : StationFunctions
        When events of each class occurred.
    stations : list of StationFunctions
        One for each slot that a station stands in.
    """
    return _Scan(network, predict, settings, of_network=True).run()


class _Scan:
    def __init__(self, record, predict, settings, *, of_network):
        self.record, self.predict, self.settings = record, predict, settings
        self.of_network = of_network
        self.n_stations, _, self.n_samples = record.data.shape
        self.names = None  # known after the first batch
        self.stacked = None

    def run(self):
        settings, valid = self.settings, self.record.valid
        starts = self._starts()
        share = _shares(valid, starts, settings.length)
        enough = share >= max(settings.min_fraction - 1e-9, 1e-9)
        if not settings.padded or self.n_samples < settings.length * settings.min_fraction:
            inside = _samples_inside(starts, settings.length, self.n_samples)
            enough &= (inside >= settings.length * settings.min_fraction - 1e-9)[:, np.newaxis]
        alive = np.array([self._alive(start) for start in starts])
        usable = enough & alive
        rows = np.flatnonzero(usable.any(axis=1))
        for first in settings.batches(len(rows)):
            batch = rows[first : first + settings.batch_size]
            self._predict(starts[batch], usable[batch])
        if self.stacked is None:
            self._begin({})
        self.stacked.close()
        return self._functions(usable, enough)

    def _starts(self):
        options = {"length": self.settings.length, "step": self.settings.step}
        options["min_valid"] = int(np.ceil(self.settings.length * self.settings.min_fraction))
        if self.settings.padded:
            return padded_window_starts(self.record.valid, **options)
        each = [window_starts(row, **options) for row in self.record.valid]
        return np.unique(np.concatenate(each))

    def _alive(self, start):
        """Stations all components of which move in the window."""
        part = self.record.data[:, :, max(start, 0) : start + self.settings.length]
        return (part.max(axis=-1) > part.min(axis=-1)).all(axis=1)

    def _predict(self, starts, usable):
        X = np.stack([self._window(start) for start in starts])
        X[~usable] = np.nan
        functions = self.predict(X)
        if self.stacked is None:
            self._begin(functions)
        rows = self._rows(functions, len(X))
        for start, window, known in zip(starts, rows, usable, strict=True):
            if not known.all():
                window[self._station_of_row(~known)] = np.nan
            self.stacked.add(int(start), window)

    def _window(self, start):
        """A window, beyond the ends of the record its first and last value."""
        end = start + self.settings.length
        if start >= 0 and end <= self.n_samples:
            return self.record.data[:, :, start:end]
        return self.record.data[:, :, np.clip(np.arange(start, end), 0, self.n_samples - 1)]

    def _begin(self, functions):
        """Learn from the first answer which functions there are."""
        shapes = {name: np.ndim(values) for name, values in functions.items()}
        common = [name for name, n in shapes.items() if self.of_network and n == 2]
        self.names = common, [name for name in functions if name not in common]
        events = [n for n in self.names[1] if n not in ("P", "S")]
        if common:
            followed = range(len(common))
        else:
            followed = [self.names[1].index(name) * self.n_stations for name in events]
        self.followed = common or events
        self.stacked = OverlapStack(
            len(common) + len(self.names[1]) * self.n_stations,
            self.n_samples,
            length=self.settings.length,
            stack=self.settings.stack,
            persistence=self.settings.persistence,
            followed=list(followed),
            spread=self.settings.spread,
        )

    def _rows(self, functions, n_windows):
        """All functions of each window below one another: (n_windows, n_rows, n_samples)."""
        length = self.settings.length
        blocks = []
        for names, shape in (
            (self.names[0], (n_windows, length)),
            (self.names[1], (n_windows, self.n_stations, length)),
        ):
            if not self.of_network:
                shape = (n_windows, length)
            for name in names:
                values = np.asarray(functions[name], dtype=np.float32)
                if values.shape != shape:
                    raise ValueError(
                        f"predict_functions gave {name!r} in shape {values.shape}, {shape} is "
                        f"needed for {n_windows} windows of {length} samples"
                    )
                blocks.append(values.reshape(n_windows, -1, length))
        return np.concatenate(blocks, axis=1)

    def _station_of_row(self, stations):
        """Mask of the rows that belong to some stations (n_stations,)."""
        common, own = self.names
        return np.concatenate([np.zeros(len(common), bool), np.tile(stations, len(own))])

    def _functions(self, usable, enough):
        common, own = self.names
        values = self.stacked.result
        each = values[len(common) :].reshape(len(own), self.n_stations, self.n_samples)
        # Without functions of its own, a station is covered where the network is.
        reached = ~np.isnan(each[0]) if own else ~np.isnan(values[:1])
        coverage = self.record.valid & (reached if len(values) else False)
        each[:, ~coverage] = np.nan
        anywhere = coverage.any(axis=0)
        values[: len(common), ~anywhere] = np.nan
        persistent = dict(zip(self.followed, self.stacked.persistent, strict=True)) if (
            self.stacked.persistent is not None
        ) else {}  # fmt: skip
        stations = [
            self._of_station(i, dict(zip(own, each[:, i], strict=True)), coverage[i], usable[:, i],
                             enough[:, i], {} if common else persistent)
            for i in range(self.n_stations)
            if self.record.seed_ids[i]
        ]  # fmt: skip
        if not self.of_network:
            return None, stations
        n_windows = int(usable.any(axis=1).sum())
        network = StationFunctions(
            station="",
            start_time=self.record.start_time,
            sampling_rate=self.settings.sampling_rate,
            functions=dict(zip(common, values, strict=False)),
            coverage=anywhere,
            n_windows=n_windows,
            n_empty=len(usable) - n_windows,
            seed_id=next(seed_id for seed_id in self.record.seed_ids if seed_id),
            persistent=persistent if common else {},
        )
        return network, stations

    def _of_station(self, i, functions, coverage, usable, enough, persistent):
        said = remarks(self.n_samples, self.settings, enough, usable | ~enough)
        return StationFunctions(
            station=self.record.stations[i],
            start_time=self.record.start_time,
            sampling_rate=self.settings.sampling_rate,
            functions=functions,
            coverage=coverage,
            n_windows=int(usable.sum()),
            n_empty=int((~usable).sum()),
            seed_id=self.record.seed_ids[i],
            notes=(*self.record.notes[i], *said),
            persistent=persistent,
        )


def _shares(valid, starts, length):
    """Of each window's samples inside the record, the share that is valid at each station."""
    n_samples = valid.shape[1]
    total = np.concatenate([np.zeros((len(valid), 1), int), np.cumsum(valid, axis=1)], axis=1)
    first = np.clip(starts, 0, n_samples)
    last = np.clip(starts + length, 0, n_samples)
    inside = np.maximum(last - first, 1)
    return ((total[:, last] - total[:, first]) / inside).T


def _samples_inside(starts, length, n_samples):
    return np.clip(starts + length, 0, n_samples) - np.clip(starts, 0, n_samples)
