"""Events over a network that know where each station stood."""

import numbers
import sys

import numpy as np

from ._lazy_array import LazyArray


class NetworkEvents(LazyArray):
    """Events over a network, with the distance and the place of each station.

    It looks like an array (n_events, n_stations, n_components, n_samples) in which a missing
    station is NaN, and selects rows like one. Distances and places follow the rows, so that
    cross-validation, searches and Pipelines keep them together. They follow several stations as
    well, ``events[:, [0, 2]]``, which reads these; any other index gives an array.

    Parameters
    ----------
    waveforms : array-like, LazyWaveforms or list
        (n_events, n_stations, n_components, n_samples); or (n_events, n_channels, n_samples), in
        which each channel is a station of one component. Events of different numbers of stations
        are given as a list of arrays (n_stations, n_components, n_samples), and are filled up
        with missing stations.
    offsets : array-like of shape (n_events, n_stations) or (n_stations,), optional
        Distance from the source to each station in km; NaN where it is not known. As a list of
        arrays where `waveforms` is one.
    stations : array-like of shape (n_events, n_stations, 2) or (n_stations, 2), optional
        Latitude and longitude of each station in degrees; NaN where not known. As a list of
        arrays where `waveforms` is one.

    Raises
    ------
    ValueError
        If shapes do not fit together, a place is not on the Earth, or a distance is negative.

    See Also
    --------
    seisclf.datasets.to_network_events : Makes them of rows that are one station of one event.
    seisclf.preprocessing.RecordSection : Draws them.
    seisclf.location.SourceLocator : Finds their sources.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.io import NetworkEvents
    >>> two, three = np.ones((2, 3, 500)), np.ones((3, 3, 500))
    >>> events = NetworkEvents([two, three], offsets=[[12.0, 30.0], [8.0, 9.0, 21.0]])
    >>> events
    NetworkEvents(shape=(2, 3, 3, 500), dtype=float64, with offsets)
    >>> events.recorded
    array([[ True,  True, False],
           [ True,  True,  True]])
    >>> events[1:].offsets
    array([[ 8.,  9., 21.]])
    """

    def __init__(self, waveforms, *, offsets=None, stations=None):
        if isinstance(waveforms, (list, tuple)) and _is_ragged(waveforms):
            lengths = [len(event) for event in waveforms]
            offsets = _filled(offsets, lengths, "offsets")
            stations = _filled(stations, lengths, "stations")
            waveforms = _filled(waveforms, lengths, "waveforms")
        if not isinstance(waveforms, (np.ndarray, LazyArray)):
            waveforms = np.asarray(waveforms)
        if waveforms.ndim not in (3, 4):
            raise ValueError(
                f"waveforms must have the shape (n_events, n_stations, n_components, n_samples), "
                f"or (n_events, n_channels, n_samples) of one component; got "
                f"{tuple(waveforms.shape)}"
            )
        self._waveforms = waveforms
        self._offsets = self._per_station(offsets, "offsets", ())
        self._stations = self._per_station(stations, "stations", (2,))
        _check_values(self._offsets, self._stations)

    def _per_station(self, values, name, rest):
        if values is None:
            return None
        try:
            values = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"{name} must be numbers, for each station of each event; got {values!r:.60}"
            ) from error
        lead = tuple(self._waveforms.shape[:2])
        if values.shape not in (lead + rest, lead[1:] + rest):
            raise ValueError(
                f"{name} must have the shape {lead + rest} or {lead[1:] + rest}, to fit waveforms "
                f"of shape {tuple(self._waveforms.shape)}; got {values.shape}"
            )
        return np.broadcast_to(values, lead + rest)

    def __sizeof__(self):
        places = (part.nbytes for part in (self._offsets, self._stations) if part is not None)
        held = self._waveforms
        own = sys.getsizeof(held) if isinstance(held, LazyArray) else held.nbytes
        return object.__sizeof__(self) + own + sum(places)

    @property
    def shape(self):
        """(n_events, n_stations, n_components, n_samples)."""
        lead = tuple(self._waveforms.shape)
        return lead if len(lead) == 4 else (*lead[:2], 1, lead[2])

    @property
    def dtype(self):
        """dtype of the waveforms."""
        dtype = self._waveforms.dtype
        return dtype if dtype.kind == "f" else np.dtype(np.float64)

    @property
    def waveforms(self):
        """The waveforms alone, as they were given; of one component with its axis."""
        lazy = isinstance(self._waveforms, LazyArray)
        return self._waveforms if lazy else self._waveforms.reshape(self.shape)

    @property
    def offsets(self):
        """Distances in km, (n_events, n_stations), or None."""
        return self._offsets

    @property
    def stations(self):
        """Latitudes and longitudes in degrees, (n_events, n_stations, 2), or None."""
        return self._stations

    @property
    def recorded(self):
        """Which stations have waveforms, bool (n_events, n_stations); it reads all of them."""
        parts = [~np.isnan(part.read()).all(axis=(2, 3)) for part in self._batches()]
        return np.concatenate(parts) if parts else np.zeros(self.shape[:2], dtype=bool)

    def read(self, rows=None):
        """Bring waveforms to memory.

        Parameters
        ----------
        rows : slice, array of int or mask of shape (n_events,), optional
            Which events, in this order; default all.

        Returns
        -------
        waveforms : ndarray of shape (n, n_stations, n_components, n_samples)
            A new array; a missing station is NaN.
        """
        rows = slice(None) if rows is None else rows
        rows = rows if isinstance(rows, slice) else self._row_index(rows)
        lazy = isinstance(self._waveforms, LazyArray)
        waveforms = self._waveforms.read(rows) if lazy else self._waveforms[rows]
        return np.array(waveforms, dtype=self.dtype).reshape(-1, *self.shape[1:])

    def __getitem__(self, key):
        selected = super().__getitem__(key)
        if not isinstance(key, tuple) or isinstance(selected, NetworkEvents):
            return selected
        rows, which, *rest = key
        several = np.ndim(which) == 1 or isinstance(which, slice)
        if isinstance(rows, numbers.Integral) or rest or not several:
            return selected
        view = self[rows]
        lists = (None if of is None else of[:, which] for of in (view.offsets, view.stations))
        return type(self)(selected, **dict(zip(("offsets", "stations"), lists)))

    def _view(self, index):
        new = object.__new__(type(self))
        new._waveforms = self._waveforms[index]
        new._offsets = None if self._offsets is None else self._offsets[index]
        new._stations = None if self._stations is None else self._stations[index]
        return new

    def __repr__(self):
        known = [name for name in ("offsets", "stations") if getattr(self, name) is not None]
        ending = f", with {' and '.join(known)}" if known else ""
        return f"NetworkEvents(shape={self.shape}, dtype={self.dtype}{ending})"


def _is_ragged(events):
    # Also where the lengths of the traces differ, which `_filled` refuses.
    return len(events) > 0 and len({np.shape(event) for event in events}) > 1


def _filled(values, lengths, name):
    """One array of events of different numbers of stations, the missing ones NaN."""
    if values is None:
        return None
    values = [np.asarray(value) for value in values]
    if any(value.ndim == 0 for value in values):
        raise ValueError(
            f"{name} must be a list with one array for each event, as waveforms is, because "
            f"events have different numbers of stations"
        )
    found = [len(value) for value in values]
    if found != lengths:
        wrong = next((i for i, pair in enumerate(zip(found, lengths)) if pair[0] != pair[1]), None)
        where = (
            f"{len(found)} events where waveforms has {len(lengths)}"
            if wrong is None
            else f"{found[wrong]} stations in event {wrong} where waveforms has {lengths[wrong]}"
        )
        raise ValueError(f"{name} has {where}: give one entry for each station of each event")
    rest = {value.shape[1:] for value in values}
    if len(rest) > 1:
        raise ValueError(
            f"{name} must have events of equal shape but for the number of stations; got "
            f"{sorted(rest)}: cut or resample them to one length first"
        )
    dtype = np.result_type(*values, np.float32 if name == "waveforms" else np.float64)
    out = np.full((len(values), max(lengths), *rest.pop()), np.nan, dtype=dtype)
    for row, value in zip(out, values, strict=True):
        row[: len(value)] = value
    return out


def _check_values(offsets, stations):
    if offsets is not None and (np.nanmin(offsets, initial=0.0) < 0 or np.isinf(offsets).any()):
        raise ValueError(
            "offsets must be distances in km, not negative and not infinite: give NaN where a "
            "distance is not known"
        )
    if stations is None or not stations.size:
        return
    latitude, longitude = np.moveaxis(stations, -1, 0)
    if np.nanmax(np.abs(latitude), initial=0.0) > 90:
        raise ValueError(
            f"stations must be (latitude, longitude) in degrees; a latitude of "
            f"{latitude.flat[np.nanargmax(np.abs(latitude))]:g} came. Are the columns exchanged?"
        )
    if np.nanmax(np.abs(longitude), initial=0.0) > 360:
        raise ValueError("stations must be (latitude, longitude) in degrees, longitude up to 360")
