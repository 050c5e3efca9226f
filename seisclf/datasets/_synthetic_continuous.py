"""A synthetic continuous record of one site, with the catalogue of what is in it."""

import numpy as np
from sklearn.utils import Bunch

from seisclf.utils import check_seed

from ._synthetic_checks import (
    check_balance,
    check_classes,
    check_counts,
    check_grid,
    check_snr,
    first_time,
)
from ._synthetic_events import record_events
from ._synthetic_noise import background
from ._synthetic_propagation import TimeGrid
from ._synthetic_sites import make_sites, stations_frame

_PIECE, _FADE = 40.0, 10.0  # s of noise drawn at once, and of the fade between pieces
_LONGEST = 60.0  # s an event may take, with its coda
_LEAD = 5.0  # s between the start of an event's window and its first arrival


def make_continuous_record(
    *,
    duration=3600.0,
    n_stations=4,
    n_components=3,
    sampling_rate=100.0,
    classes=("earthquake", "quake", "rockfall"),
    event_rate=20.0,
    class_balance=None,
    snr_db=(5.0, 20.0),
    gaps=0,
    start="2023-06-01",
    n_sites=3,
    site=0,
    random_state=None,
):
    """Make a continuous record of a small network, and the catalogue of its events.

    Sources, paths, noise and sites are those of :func:`make_seismic_events`; with the same
    `random_state` and `n_sites`, the ground is the same, but no event is.

    Parameters
    ----------
    duration : float, default=3600.0
        Length in seconds.
    n_stations : int, default=4
        Number of stations.
    n_components : {1, 3}, default=3
        3 for Z, N, E; 1 for Z only.
    sampling_rate : float, default=100.0
        In Hz.
    classes : sequence of str, default=("earthquake", "quake", "rockfall")
        Classes of events, see :func:`make_seismic_events`.
    event_rate : float, default=20.0
        Mean number of events per hour; events of a Poisson process that do not overlap. There
        is at least one.
    class_balance : dict or sequence of float, optional
        Relative number of events of each class; None gives equal numbers.
    snr_db : float or tuple of (low, high), default=(5.0, 20.0)
        Signal-to-noise ratio in dB, mean of the stations, as in :func:`make_seismic_events`.
    gaps : int, default=0
        Number of gaps of each station, each of 1 to 30 s and on all its components. They may
        hit events.
    start : str or datetime, default="2023-06-01"
        Time (UTC) of the first sample.
    n_sites : int, default=3
        Number of sites invented, of which one is recorded.
    site : int, default=0
        Which of them.
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None, default=None
        Fixes everything.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        With the attributes

        stream : obspy.core.stream.Stream
            Traces of float32 counts, one for each channel and stretch between gaps, with
            network, station and channel codes and ``stats.coordinates``.
        catalog : DataFrame
            One row per event in order of time: ``event_id``, ``class``, ``onset`` and ``end``
            (UTC, earliest start and latest end over the stations), ``origin_time``,
            ``source_latitude``, ``source_longitude``, ``source_depth`` (km), ``magnitude``,
            ``snr_db``, and for each station ``P_<NET.STA>`` and ``S_<NET.STA>`` (UTC, NaT where
            there is no such wave).
        gaps : DataFrame
            ``station``, ``start``, ``end`` (UTC) of every gap.
        stations : DataFrame
            Coordinates.
        sampling_rate : float
            Hz.
        components : str
            Components of the channels, in order.
        DESCR : str
            What the set is.

    Raises
    ------
    ValueError
        If a parameter is out of range, or the events do not fit into the record.

    Examples
    --------
    >>> from seisclf.datasets import make_continuous_record
    >>> record = make_continuous_record(duration=300, n_stations=2, random_state=0)
    >>> len(record.stream)
    6
    >>> record.catalog.columns[:4].tolist()
    ['event_id', 'class', 'onset', 'end']
    """
    classes = check_classes(classes)
    if "noise" in classes:
        raise ValueError(f"classes must not hold 'noise', it is everywhere else; got {classes}")
    grid = check_grid(3000, duration, sampling_rate)
    check_counts(1, n_sites, n_stations, n_components, 0)
    if not 0 <= site < n_sites:
        raise ValueError(f"site must be in [0, n_sites={n_sites}); got {site!r}")
    if gaps < 0 or gaps * 60 > duration:
        raise ValueError(f"gaps must be at least 0 and at most one a minute; got {gaps!r}")
    if not event_rate >= 0:
        raise ValueError(f"event_rate must not be negative; got {event_rate!r}")
    balance = check_balance(class_balance, classes)
    seed = check_seed(random_state)
    place = make_sites(n_sites, n_stations, np.random.default_rng([seed, 0]))[site]
    rng = np.random.default_rng([seed, 3, site])

    window = TimeGrid(int(min(_LONGEST, duration) * sampling_rate), float(sampling_rate))
    begins = draw_begins(event_rate, grid, window, rng)
    label = rng.choice(len(classes), len(begins), p=balance)
    snr = rng.uniform(*check_snr(snr_db), len(begins))
    data = long_noise(place, grid, n_components, rng)
    truth = add_events(data, classes, label, place, window, begins, snr, rng)

    first = first_time(start)
    holes = _draw_gaps(gaps, place, grid, rng)
    return Bunch(
        stream=_to_stream(data, place, grid, first, holes),
        catalog=catalog_of(truth, place, first),
        gaps=_gap_table(holes, place, grid, first),
        stations=stations_frame([place]),
        sampling_rate=grid.sampling_rate,
        components="ZNE"[:n_components],
        DESCR=(
            f"{grid.duration:g} s of synthetic record at {place.name}, {n_stations} station(s), "
            f"with {len(begins)} events. No real recording is in it."
        ),
    )


def draw_begins(event_rate, grid, window, rng, *, crowded=False):
    """First samples of the events' windows, in order and apart; if `crowded`, as many as fit."""
    n_samples, longest = grid.n_samples, window.n_samples
    n = max(1, rng.poisson(event_rate * grid.duration / 3600))
    if crowded:
        n = min(n, n_samples // longest)
    if n * longest > n_samples:
        raise ValueError(
            f"{n} events of up to {window.duration:g} s do not fit into {grid.duration:g} s: "
            f"lower event_rate={event_rate:g} (per hour)"
        )
    return np.sort(rng.integers(n_samples - n * longest + 1, size=n)) + np.arange(n) * longest


def long_noise(site, grid, n_components, rng):
    """Noise (n_stations, n_components, n_samples) from pieces that fade into each other."""
    piece = TimeGrid(round(_PIECE * grid.sampling_rate), grid.sampling_rate)
    overlap = round(_FADE * grid.sampling_rate)
    hop = piece.n_samples - overlap
    n_pieces = -(-grid.n_samples // hop) + 1
    # Sine and cosine: powers of independent pieces add up to one.
    ramp = np.sin(0.5 * np.pi * (np.arange(overlap) + 0.5) / overlap).astype(np.float32)
    fade = np.ones(piece.n_samples, dtype=np.float32)
    fade[:overlap], fade[-overlap:] = ramp, ramp[::-1]
    data = np.zeros((site.n_stations, n_components, n_pieces * hop + overlap), dtype=np.float32)
    for k in range(n_pieces):
        noise = background(site, piece, 1, rng, n_components=n_components)[0]
        data[..., k * hop : k * hop + piece.n_samples] += noise * fade
    return data[..., overlap : overlap + grid.n_samples]


def add_events(data, classes, label, site, window, begins, snr, rng):
    """Add events to the record in place; return what is true of each."""
    onset = np.full(1, min(_LEAD, 0.2 * window.duration))
    taper = _taper(window)
    truth = []
    for k, begin, wanted in zip(label, begins, snr, strict=True):
        part = data[None, ..., begin : begin + window.n_samples]
        recorded = record_events(
            classes[k], site, window, onset, np.array([wanted]), rng,
            n_components=data.shape[1], noise=part, taper=taper,
        )  # fmt: skip
        part += recorded.clean
        truth.append((classes[k], begin / window.sampling_rate, recorded))
    return truth


def _taper(window):
    """Let what fills its window, or rings on, begin and end softly."""
    soft = max(1, round(0.08 * window.n_samples))
    taper = np.ones(window.n_samples, dtype=np.float32)
    taper[-soft:] = 0.5 + 0.5 * np.cos(np.pi * np.arange(soft) / soft)
    lead = max(1, round(0.5 * min(_LEAD, 0.2 * window.duration) * window.sampling_rate))
    taper[:lead] = 0.5 - 0.5 * np.cos(np.pi * np.arange(lead) / lead)
    return taper


def catalog_of(truth, site, first):
    import pandas as pd

    def utc(seconds):
        return _utc(first, seconds)

    begin = np.array([seconds for _, seconds, _ in truth])

    def of_events(get):
        return np.array([get(recorded) for _, _, recorded in truth])

    table = {"event_id": [f"ev{k:06d}" for k in range(len(truth))], "class": [t[0] for t in truth]}
    table["onset"] = utc(begin + of_events(lambda r: np.nanmin(r.start)))
    table["end"] = utc(begin + of_events(lambda r: np.nanmax(r.end)))
    table["origin_time"] = utc(begin + of_events(lambda r: r.origin[0]))
    for name in ("latitude", "longitude", "depth"):
        table[f"source_{name}"] = of_events(lambda r, name=name: getattr(r.place, name)[0])
    table["magnitude"] = np.round(of_events(lambda r: r.magnitude[0]), 2)
    table["snr_db"] = of_events(lambda r: np.nanmean(r.snr_db))
    for k, code in enumerate(site.station_codes):
        for phase, name in (("P", "p"), ("S", "s")):
            seconds = begin + of_events(lambda r, name=name, k=k: getattr(r, name)[0, k])
            table[f"{phase}_{site.network}.{code}"] = utc(seconds)
    return pd.DataFrame(table)


def _utc(first, seconds):
    import pandas as pd

    nanoseconds = pd.to_timedelta(np.round(np.asarray(seconds, dtype=float) * 1e9), unit="ns")
    return (pd.Timestamp(first) + nanoseconds).tz_localize("UTC")


def _draw_gaps(gaps, site, grid, rng):
    """First and last sample of the gaps of each station, apart and inside the record."""
    slot = grid.n_samples / max(gaps, 1)
    holes = []
    for _ in site.station_codes:
        length = np.exp(rng.uniform(0, np.log(30), gaps)) * grid.sampling_rate
        begin = np.arange(gaps) * slot + rng.uniform(0.1, 0.9, gaps) * (slot - 1.2 * length)
        begin = np.maximum(begin, grid.sampling_rate)
        holes.append(np.stack([begin, begin + length], axis=1).astype(int))
    return holes


def _gap_table(holes, site, grid, first):
    import pandas as pd

    edges = np.concatenate(holes) / grid.sampling_rate
    station = [f"{site.network}.{code}" for code in site.station_codes]
    return pd.DataFrame(
        {
            "station": np.repeat(np.array(station, dtype=object), [len(own) for own in holes]),
            "start": _utc(first, edges[:, 0]),
            "end": _utc(first, edges[:, 1]),
        }
    )


def _to_stream(data, site, grid, first, holes):
    from obspy import Stream, Trace, UTCDateTime

    start = UTCDateTime(ns=int(first.astype("int64")))
    traces = []
    for k, code in enumerate(site.station_codes):
        coordinates = {
            name: float(getattr(site, f"station_{name}")[k])
            for name in ("latitude", "longitude", "elevation")
        }
        edges = [0, *holes[k].ravel(), grid.n_samples]
        for c, component in enumerate("ZNE"[: data.shape[1]]):
            for begin, end in zip(edges[::2], edges[1::2], strict=True):
                header = {
                    "network": site.network,
                    "station": code,
                    "channel": channel_code(site, grid) + component,
                    "sampling_rate": grid.sampling_rate,
                    "starttime": start + begin / grid.sampling_rate,
                    "coordinates": dict(coordinates),
                }
                traces.append(Trace(np.ascontiguousarray(data[k, c, begin:end]), header))
    return Stream(traces)


def channel_code(site, grid):
    """Band and instrument code by SEED's table: sampling rate, and corner of the sensor."""
    broadband = site.sensor_corner < 0.5
    for rate, codes in ((1000, "FG"), (250, "CD"), (80, "HE"), (10, "BS")):
        if grid.sampling_rate >= rate:
            return codes[0 if broadband else 1] + "H"
    return "LH"
