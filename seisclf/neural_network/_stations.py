"""Events of a network: which stations are there, and rows of single stations."""

import numpy as np


def check_stations(X, rows=None):
    """Refuse gaps within a station, infinity, and events that no station recorded.

    Parameters
    ----------
    X : ndarray of shape (n, n_stations, n_channels, n_samples)
        Waveforms; a missing station is NaN throughout.
    rows : ndarray of int of shape (n,), optional
        Row numbers for the message. By default they count from 0.

    Raises
    ------
    ValueError
        That names the rows and what mends them.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(np.sum(X)):
            return
    if np.isinf(X).any():
        bad = np.isinf(X).any(axis=(1, 2, 3))
        raise ValueError(f"X contains infinity (inf) in {_named(bad, rows)}: mend or leave out")
    gaps = np.isnan(X)
    missing = gaps.all(axis=(2, 3))
    broken = gaps.any(axis=(2, 3)) & ~missing
    if broken.any():
        bad = broken.any(axis=1)
        raise ValueError(
            f"X contains NaN in parts of a station in {_named(bad, rows)}: a station must be "
            f"complete, or missing (NaN throughout). Fill the gaps when reading, "
            f"seisclf.datasets.from_streams(..., gaps='interpolate'), or give the station up, "
            f"X[np.isnan(X).any(axis=(2, 3))] = np.nan"
        )
    if missing.all(axis=1).any():
        bad = missing.all(axis=1)
        raise ValueError(
            f"X contains only NaN, no station at all, in {_named(bad, rows)}: leave them out, "
            f"X[~np.isnan(X).all(axis=(1, 2, 3))]"
        )


def _named(bad, rows):
    rows = np.flatnonzero(bad) if rows is None else np.asarray(rows)[bad]
    shown = ", ".join(map(str, rows[:5])) + (", …" if len(rows) > 5 else "")
    return f"{len(rows)} event{'s' if len(rows) > 1 else ''} (row {shown})"


class StationRows:
    """The recordings of single stations in events of a network, without the missing ones.

    Parameters
    ----------
    dataset : EventDataset
        Events of shape (n_stations, n_channels, n_samples), in memory or on disk.
    n_stations : int
        Number of stations.

    Attributes
    ----------
    event, station : ndarray of int of shape (n_rows,)
        Where each recording comes from.
    """

    #: Events that are looked through at once.
    _at_once = 256

    def __init__(self, dataset, n_stations):
        self.dataset = dataset
        present = np.ones((len(dataset), n_stations), dtype=bool)
        for start in range(0, len(dataset), self._at_once):
            part = slice(start, start + self._at_once)
            present[part] = ~np.isnan(self._read(part)[:, :, 0, 0])
        self.event, self.station = np.nonzero(present)

    def __len__(self):
        return len(self.event)

    def _read(self, rows):
        if isinstance(self.dataset.X, np.ndarray):
            return self.dataset.X[rows]  # no copy of a slice
        return self.dataset.batch(rows)[0]

    def waveforms(self, rows=slice(None)):
        """Waveforms of some recordings, of shape (n, n_channels, n_samples)."""
        events, own = np.unique(self.event[rows], return_inverse=True)
        return self._read(events)[own, self.station[rows]]
