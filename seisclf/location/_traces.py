"""Recordings of single stations out of events over a network."""

import warnings
from dataclasses import dataclass

import numpy as np

from ..io._lazy_array import LazyArray
from ._geodesy import inverse


@dataclass
class Traces:
    """Usable recordings, one row for each.

    Parameters
    ----------
    waveforms : ndarray of shape (n_traces, n_components, n_samples)
        What was recorded.
    event, station : ndarray of int of shape (n_traces,)
        Indices of the event and of the station.
    shape : tuple of int
        (n_events, n_stations).
    """

    waveforms: np.ndarray
    event: np.ndarray
    station: np.ndarray
    shape: tuple

    def table(self, values):
        """Values of the traces, (n_events, n_stations), NaN where there is none."""
        table = np.full(self.shape, np.nan)
        table[self.event, self.station] = values
        return table


def recorded_traces(X, stations):
    """All complete recordings at stations whose place is known; a warning tells of the others.

    Parameters
    ----------
    X : ndarray or LazyArray of shape (n_events, n_stations, n_components, n_samples)
        Waveforms; a missing station is NaN.
    stations : ndarray of shape (n_events, n_stations, 2)
        Latitudes and longitudes.

    Returns
    -------
    traces : Traces
        What is left.
    """
    waveforms = X.read() if isinstance(X, LazyArray) else X
    finite = np.isfinite(waveforms)
    complete = finite.all(axis=(2, 3))
    _warn("with gaps (NaN)", finite.any(axis=(2, 3)) & ~complete, "fill the gaps when reading")
    placed = np.isfinite(stations).all(axis=-1)
    _warn("at stations without a place", complete & ~placed, "give stations")
    event, station = np.nonzero(complete & placed)
    return Traces(waveforms[event, station], event, station, complete.shape)


def geodesics_to(stations, traces, y):
    """Distances (km) and back-azimuths (degrees in [0, 360)) of the traces' known sources."""
    lines = [
        inverse(stations[event, station], y[event])[:2]
        for event, station in zip(traces.event, traces.station, strict=True)
    ]
    distance, azimuth = np.array(lines).reshape(-1, 2).T
    return distance, azimuth % 360.0


def _warn(what, where, mend):
    if not where.any():
        return
    shown = ", ".join(f"event {e} at station {s}" for e, s in np.argwhere(where)[:3])
    warnings.warn(
        f"recordings are left out, {where.sum()} {what} ({shown}"
        f"{', …' if where.sum() > 3 else ''}): {mend} to use them",
        UserWarning,
        stacklevel=4,
    )
