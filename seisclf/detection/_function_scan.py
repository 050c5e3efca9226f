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
    scan = FunctionScan(lambda X: predict(X[:, 0]), settings, n_stations=1, of_network=False)
    scan.advance(joined.data, joined.valid)
    return scan.functions(joined)[1][0]


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
    scan = FunctionScan(predict, settings, n_stations=len(network.data), of_network=True)
    scan.advance(network.data, network.valid)
    return scan.functions(network)


class FunctionScan:
    """A scan of one station or of a network that goes on as the record grows.

    Each window is predicted once. Numbers of samples count from the record's begin.

    Parameters
    ----------
    predict : callable
        See :func:`scan_network`.
    settings : ScanSettings
        How to scan.
    n_stations : int
        Places of the network.
    of_network : bool
        Whether stations are scanned together. If not, there is one.

    Attributes
    ----------
    n_samples : int
        Length of the record so far.
    first : int
        Sample before which nothing is kept.
    """

    def __init__(self, predict, settings, *, n_stations, of_network):
        self.predict, self.settings = predict, settings
        self.n_stations, self.of_network = n_stations, of_network
        self.names = [], []  # of functions, known after the first answer
        self.followed = []
        self.ended = False
        self.n_windows = self.n_kept = 0
        # Of each station: windows that it has data in and moves in, has no data in, is dead in.
        self.counts = np.zeros((3, n_stations), dtype=int)
        self._begin(0)

    def _begin(self, first):
        self.first = self.n_samples = self.n_scanned = first
        self.valid = np.zeros((self.n_stations, 0), dtype=bool)
        self.starts = np.zeros(0, dtype=int)  # of windows that may be found again
        self.stacked = self._stack()

    @property
    def n_settled(self):
        """Samples, counted from `first`, that no later window reaches."""
        open_ = 0 if self.ended else self.settings.length
        return max(0, self.n_samples - open_ - self.first)

    def advance(self, data, valid, *, begin=0, ends=True):
        """Take more of the record, and predict the windows that are complete.

        Parameters
        ----------
        data : ndarray of float, shape (n_stations, n_components, n)
            The last part of the record: what is new, and before it two windows of what is known.
        valid : ndarray of bool, shape (n_stations, n)
            Where there is data.
        begin : int, default=0
            Sample of the record at which this part begins, a multiple of the step.
        ends : bool, default=True
            Whether the record ends here.
        """
        settings = self.settings
        self.valid = np.concatenate([self.valid, valid[:, self.n_samples - begin :]], axis=1)
        self.n_samples = begin + valid.shape[1]
        self.stacked.extend(self.n_samples)
        self.ended = ends
        short = self.n_samples < settings.length * settings.min_fraction
        if ends or not short:
            self._scan(data, valid, begin, short)
        if ends:
            self.stacked.close()
        else:
            self.stacked.finish(self.n_samples - settings.length)

    def _scan(self, data, valid, begin, short):
        settings = self.settings
        starts = self._starts(valid, begin)
        # Of those that lie in what was known before, none is new that begins earlier.
        starts = starts[starts + begin >= self.n_scanned - settings.length]
        starts = starts[~np.isin(starts + begin, self.starts)]
        share = _shares(valid, starts, settings.length)
        enough = share >= max(settings.min_fraction - 1e-9, 1e-9)
        if not settings.padded or short:
            inside = _samples_inside(starts, settings.length, valid.shape[1])
            enough &= (inside >= settings.length * settings.min_fraction - 1e-9)[:, np.newaxis]
        alive = np.array([_alive(data, start, settings.length) for start in starts], dtype=bool)
        usable = enough & alive.reshape(enough.shape)
        rows = np.flatnonzero(usable.any(axis=1))
        for first in settings.batches(len(rows)):
            batch = rows[first : first + settings.batch_size]
            self._predict(data, starts[batch], usable[batch], begin)
        self.n_windows += len(starts)
        self.n_kept += len(rows)
        self.counts += [usable.sum(axis=0), (~enough).sum(axis=0), (enough & ~usable).sum(axis=0)]
        known = np.concatenate([self.starts, starts + begin])
        self.starts = known[known >= self.n_samples - settings.length]
        self.n_scanned = self.n_samples

    def _starts(self, valid, begin):
        options = {"length": self.settings.length, "step": self.settings.step}
        options["min_valid"] = int(np.ceil(self.settings.length * self.settings.min_fraction))
        options |= {"open_begin": begin > 0, "open_end": not self.ended}
        if self.settings.padded:
            return padded_window_starts(valid, **options)
        return np.unique(np.concatenate([window_starts(row, **options) for row in valid]))

    def _predict(self, data, starts, usable, begin):
        X = np.stack([_window(data, start, self.settings.length) for start in starts])
        X[~usable] = np.nan
        functions = self.predict(X)
        if not any(self.names):
            self._learn(functions)
        rows = self._rows(functions, len(X))
        for start, window, known in zip(starts, rows, usable, strict=True):
            if not known.all():
                window[self._station_of_row(~known)] = np.nan
            self.stacked.add(int(start) + begin, window)

    def _learn(self, functions):
        """Learn from the first answer which functions there are."""
        shapes = {name: np.ndim(values) for name, values in functions.items()}
        common = [name for name, n in shapes.items() if self.of_network and n == 2]
        self.names = common, [name for name in functions if name not in common]
        events = [n for n in self.names[1] if n not in ("P", "S")]
        self.followed = common or events
        self.stacked = self._stack()

    def _stack(self):
        common, own = self.names
        if common:
            followed = range(len(common))
        else:
            followed = [own.index(name) * self.n_stations for name in self.followed]
        return OverlapStack(
            len(common) + len(own) * self.n_stations,
            self.n_samples,
            length=self.settings.length,
            stack=self.settings.stack,
            persistence=self.settings.persistence,
            followed=list(followed),
            spread=self.settings.spread,
            first=self.first,
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

    def functions(self, record, *, known=True):
        """Functions over time, from `first` on.

        Parameters
        ----------
        record : NetworkRecord
            Its names, begin and notes count.
        known : bool, default=True
            Whether what is not settled is there too, as far as it is known.

        Returns
        -------
        network : StationFunctions or None
            None if there is no network.
        stations : list of StationFunctions
            One for each slot that a station stands in.
        """
        common, own = self.names
        stacked = self.stacked.closed() if known and not self.ended else self.stacked
        values = stacked.result
        each = values[len(common) :].reshape(len(own), self.n_stations, values.shape[1])
        # Without functions of its own, a station is covered where the network is.
        reached = ~np.isnan(each[0]) if own else ~np.isnan(values[:1])
        coverage = self.valid & (reached if len(values) else False)
        each[:, ~coverage] = np.nan
        anywhere = coverage.any(axis=0)
        values[: len(common), ~anywhere] = np.nan
        persistent = {}
        if stacked.persistent is not None:
            persistent = dict(zip(self.followed, stacked.persistent, strict=True))
        start_time = record.start_time + _seconds(self.first / self.settings.sampling_rate)
        stations = [
            self._of_station(
                record,
                i,
                start_time=start_time,
                functions=dict(zip(own, each[:, i], strict=True)),
                coverage=coverage[i],
                persistent={} if common else persistent,
            )
            for i in range(self.n_stations)
            if record.seed_ids[i]
        ]
        if not self.of_network:
            return None, stations
        network = StationFunctions(
            station="",
            start_time=start_time,
            sampling_rate=self.settings.sampling_rate,
            functions=dict(zip(common, values, strict=False)),
            coverage=anywhere,
            n_windows=self.n_kept,
            n_empty=self.n_windows - self.n_kept,
            seed_id=next(seed_id for seed_id in record.seed_ids if seed_id),
            persistent=persistent if common else {},
        )
        return network, stations

    def _of_station(self, record, i, **parts):
        usable, n_short, n_dead = (int(count[i]) for count in self.counts)
        counts = {"n_windows": self.n_windows, "n_short": n_short, "n_dead": n_dead}
        said = remarks(self.n_samples, self.settings, **counts)
        return StationFunctions(
            station=record.stations[i],
            sampling_rate=self.settings.sampling_rate,
            n_windows=usable,
            n_empty=self.n_windows - usable,
            seed_id=record.seed_ids[i],
            notes=(*record.notes[i], *said),
            **parts,
        )

    def forget(self, n_samples):
        """Drop settled samples from `first` on."""
        self.first += n_samples
        self.valid = self.valid[:, n_samples:].copy()
        self.stacked.forget(self.first)

    def skip(self, first):
        """Leave out the record up to sample `first`: there is no data."""
        self._begin(first)


def _alive(data, start, length):
    """Stations all components of which move in the window."""
    part = data[:, :, max(start, 0) : start + length]
    return (part.max(axis=-1) > part.min(axis=-1)).all(axis=1)


def _window(data, start, length):
    """A window, beyond the ends of the record its first and last value."""
    n_samples = data.shape[-1]
    if start >= 0 and start + length <= n_samples:
        return data[:, :, start : start + length]
    return data[:, :, np.clip(np.arange(start, start + length), 0, n_samples - 1)]


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


def _seconds(value):
    import pandas as pd

    return pd.Timedelta(value, unit="s")
