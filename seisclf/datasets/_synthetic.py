"""Labelled synthetic events, made from sources, paths, sites and noise."""

import numpy as np
from sklearn.utils import Bunch

from seisclf.utils import check_seed

from ._synthetic_checks import (
    check_balance,
    check_classes,
    check_counts,
    check_grid,
    check_radius,
    check_snr,
    check_spread,
    first_time,
)
from ._synthetic_events import SIMULATORS, record_events, samples_between
from ._synthetic_sites import make_sites, sites_frame, stations_frame

_CHUNK = 1_500_000  # values simulated at once: bounds memory, and stays near the cache
_EVENT_COLUMNS = ("latitude", "longitude", "depth", "origin", "magnitude")
_STATION_COLUMNS = ("p", "s", "start", "end", "snr_db", "distance", "back_azimuth")


def make_seismic_events(
    n_events=200,
    *,
    classes=("earthquake", "quake", "rockfall", "noise"),
    n_sites=3,
    n_stations=1,
    network_radius=1.0,
    n_components=3,
    n_samples=3000,
    duration=None,
    sampling_rate=100.0,
    snr_db=(5.0, 20.0),
    channel_snr_spread_db=0.0,
    class_balance=None,
    missing_station_probability=0.0,
    as_rows=False,
    start="2023-01-01",
    days=365.0,
    random_state=None,
    return_X_y=False,
):
    """Make labelled seismic events of several sites, with the truth about them.

    Earthquakes and quakes have P and S waves with codas, an omega-square source spectrum for
    their magnitude, attenuation along the path, move-out over the stations and the
    polarisation of their direction; rockfalls are trains of impacts that arrive as dispersed
    surface waves, slides are long, smooth and low; each site has a resonance, rock and noise
    of its own. How is said in :ref:`the user guide <synthetic_events>`.

    Parameters
    ----------
    n_events : int, default=200
        Number of events (with ``as_rows=True`` there are more rows).
    classes : sequence of str, default=("earthquake", "quake", "rockfall", "noise")
        Any of "earthquake", "quake", "rockfall", "slide", "tremor", "noise", "spike", "car" and
        "machinery".
    n_sites : int, default=3
        Number of sites. The same `random_state` and `n_sites` give the same ground, whatever
        the other parameters are.
    n_stations : int, default=1
        Stations a site has. With one, an event is (n_components, n_samples).
    network_radius : float, default=1.0
        How far from its middle a site's network reaches, in km. The place of the sources does
        not change with it: rockfalls and quakes are within about 2 km of the middle, slides
        within 12, earthquakes mostly farther away.
    n_components : {1, 3}, default=3
        3 for Z, N, E; 1 for Z only.
    n_samples : int, default=3000
        Length of the window in samples.
    duration : float, optional
        Length of the window in seconds, instead of `n_samples`. Earthquakes are placed so
        near, and rockfalls are so short, that they fit.
    sampling_rate : float, default=100.0
        In Hz.
    snr_db : float or tuple of (low, high), default=(5.0, 20.0)
        Signal-to-noise ratio in dB, or the range from which each event draws its own:
        ten times the logarithm of mean signal power over mean noise power, both over all
        components and over the time from the event's start to its end. With several stations
        the mean over the stations has this value. No class but "noise" goes without.
    channel_snr_spread_db : float, default=0.0
        Standard deviation in dB of the noise level from channel to channel of one event, as of
        geophones that stand well or badly: each event and channel draws its own. `snr_db` holds
        over all components as before, single channels are better or worse.
    class_balance : dict or sequence of float, optional
        Relative number of events of each class; None gives equal numbers.
    missing_station_probability : float, default=0.0
        Probability that a station did not record an event; at least one always did.
        In the array a missing station is NaN, in rows it is left out.
    as_rows : bool, default=False
        With several stations, return one row for each station that recorded the event, with
        the event's ``event_id``, instead of a fourth dimension. A naive split of such rows
        puts the same event into training and test.
    start : str or datetime, default="2023-01-01"
        The time (UTC) before which nothing happened.
    days : float, default=365.0
        Events are spread over so many days (more, if they need more time), in order of time.
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None, default=None
        Fixes everything.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        With the attributes

        data : ndarray
            Of shape (n_events, n_components, n_samples), (n_events, n_stations, n_components,
            n_samples) or (n_rows, n_components, n_samples); float32, counts of a digitizer
            (ground velocity times 4e8 counts per m/s).
        target : ndarray of shape (n_rows,)
            Class names.
        metadata : DataFrame
            One row for each row of data: ``event_id``, ``site``, ``start_time``,
            ``end_time``, ``origin_time``, ``source_latitude``, ``source_longitude``,
            ``source_depth`` (km below the surface), ``magnitude``, ``distance`` (epicentral,
            km), ``back_azimuth``, ``p_onset``, ``s_onset``, ``event_start``, ``event_end``
            (s after the first sample), ``snr_db``, and of one station's rows ``station`` and
            its coordinates. Of a network's rows, onsets, start and distance are the smallest
            of the stations', the end is the latest, back-azimuth is the nearest station's.
        arrivals : DataFrame
            ``P``, ``S``, ``start``, ``end`` in s after the first sample, NaN where absent;
            indexed as `metadata`, or by (row, station) for a network, then with
            ``distance``, ``back_azimuth`` and ``snr_db`` of each station.
        masks : ndarray of shape (n_rows, n_samples) or (n_events, n_stations, n_samples)
            int8; 0 where nothing happens, ``1 + k`` from start to end of class
            ``target_names[k]``.
        target_names : list of str
            The classes, as given.
        stations, sites : DataFrame
            Coordinates of stations; ground, velocities and noise of sites.
        sampling_rate : float
            Hz.
        components : str
            Components of the channels, in order.
        DESCR : str
            What the set is.

    (data, target) : tuple
        If `return_X_y` is true.

    Raises
    ------
    ValueError
        If a parameter is out of range; the message names it.

    See Also
    --------
    make_continuous_record : A continuous record of several stations with a catalogue.
    cut_windows : Cut windows around onsets.

    Examples
    --------
    >>> from seisclf.datasets import make_seismic_events
    >>> events = make_seismic_events(8, n_samples=1000, random_state=0)
    >>> events.data.shape
    (8, 3, 1000)
    >>> sorted(set(events.target.tolist()))
    ['earthquake', 'noise', 'quake', 'rockfall']
    """
    classes = check_classes(classes)
    grid = check_grid(n_samples, duration, sampling_rate)
    check_counts(n_events, n_sites, n_stations, n_components, missing_station_probability)
    radius = check_radius(network_radius)
    seed = check_seed(random_state)
    rng = np.random.default_rng([seed, 1])
    sites = make_sites(n_sites, n_stations, np.random.default_rng([seed, 0]), radius)

    label = _draw_labels(n_events, len(classes), check_balance(class_balance, classes), rng)
    site = _draw_sites(label, n_sites, rng)
    low, high = check_snr(snr_db)
    spread = check_spread(channel_snr_spread_db)
    snr = rng.uniform(low, high, n_events)
    onset = rng.uniform(0.12, 0.3, n_events) * grid.duration
    times = _draw_times(n_events, start, days, grid.duration, rng)
    missing = _draw_missing(n_events, n_stations, missing_station_probability, rng)

    # With a generator of its own: without spread all is as it was.
    gain = np.random.default_rng([seed, 3]).normal(0, spread, (n_events, n_stations, n_components))
    gain = 10 ** (gain / 20) if spread else None

    data, truth = _simulate(
        classes, sites, grid, n_components, label, site, onset, snr, gain, seed
    )
    data[missing] = np.nan
    for name in _STATION_COLUMNS:
        truth[name][missing] = np.nan
    event = {
        "label": label, "site": site, "times": times, "missing": missing, "truth": truth
    }  # fmt: skip
    bunch = _assemble(data, event, classes, sites, grid, as_rows)
    return (bunch.data, bunch.target) if return_X_y else bunch


def _simulate(classes, sites, grid, n_components, label, site, onset, snr, gain, seed):
    """Fill data (n, s, c, t) and truth, class by class and site by site, in chunks."""
    n, s = len(label), sites[0].n_stations
    data = np.empty((n, s, n_components, grid.n_samples), dtype=np.float32)
    truth = {name: np.full(n, np.nan) for name in _EVENT_COLUMNS}
    truth |= {name: np.full((n, s), np.nan) for name in _STATION_COLUMNS}
    size = max(1, _CHUNK // (s * 3 * grid.n_fft))
    for k, name in enumerate(classes):
        for j, place in enumerate(sites):
            members = np.flatnonzero((label == k) & (site == j))
            rng = np.random.default_rng([seed, 2, k, j])
            for first in range(0, len(members), size):
                rows = members[first : first + size]
                recorded = record_events(
                    name,
                    place,
                    grid,
                    onset[rows],
                    snr[rows],
                    rng,
                    n_components=n_components,
                    noise_gain=None if gain is None else gain[rows],
                )
                data[rows] = recorded.data
                for column in truth:
                    source = recorded if hasattr(recorded, column) else recorded.place
                    truth[column][rows] = getattr(source, column)
    return data, truth


def _assemble(data, event, classes, sites, grid, as_rows):
    """Lay out rows, their metadata, arrivals and masks."""
    truth, names = event["truth"], np.array(classes)
    network = data.shape[1] > 1 and not as_rows
    masks = _masks(truth, event["label"], grid)
    if network:
        rows, target = np.arange(len(data)), names[event["label"]]
        metadata = _metadata(event, sites, grid, rows, station=None)
        arrivals = _network_arrivals(truth, sites, event["site"])
    else:
        # A row is a station that has something to show: of a glitch, only its own station.
        quiet = np.array([SIMULATORS[name] is None for name in classes])[event["label"]]
        kept = ~event["missing"] & (quiet[:, None] | ~np.isnan(truth["start"]))
        rows, station = np.nonzero(kept)
        data, masks, target = (
            data[rows, station],
            masks[rows, station],
            names[event["label"]][rows],
        )
        metadata = _metadata(event, sites, grid, rows, station)
        arrivals = metadata[["p_onset", "s_onset", "event_start", "event_end"]].copy()
        arrivals.columns = ["P", "S", "start", "end"]
    return Bunch(
        data=data,
        target=target,
        metadata=metadata,
        arrivals=arrivals,
        masks=masks,
        target_names=list(classes),
        stations=stations_frame(sites),
        sites=sites_frame(sites),
        sampling_rate=grid.sampling_rate,
        components="ZNE"[: data.shape[-2]],
        DESCR=_describe(classes, sites, grid, len(event["label"])),
    )


def _metadata(event, sites, grid, rows, station):
    """Metadata of `rows`; `station` is an index for each row, or None for whole networks."""
    import pandas as pd

    truth = event["truth"]

    def of_stations(name, reduce):
        if station is not None:
            return truth[name][rows, station]
        known = ~np.isnan(truth[name])
        return np.where(known.any(axis=1), reduce(truth[name]), np.nan)

    def smallest(x):
        return np.min(np.where(np.isnan(x), np.inf, x), axis=1)

    def largest(x):
        return np.max(np.where(np.isnan(x), -np.inf, x), axis=1)

    def mean(x):
        return np.nansum(x, axis=1) / np.maximum(np.sum(~np.isnan(x), axis=1), 1)

    def of_nearest(x):
        nearest = np.argmin(np.nan_to_num(truth["distance"], nan=np.inf), axis=1)
        return x[np.arange(len(x)), nearest]

    start = pd.DatetimeIndex(event["times"][rows]).tz_localize("UTC")
    site = [sites[k] for k in event["site"][rows]]
    frame = {"event_id": [f"ev{row:06d}" for row in rows], "site": [s.name for s in site]}
    if station is not None:
        pairs = list(zip(site, station, strict=True))
        frame["station"] = [f"{s.network}.{s.station_codes[k]}" for s, k in pairs]
        for name in ("latitude", "longitude", "elevation"):
            frame[f"station_{name}"] = [float(getattr(s, f"station_{name}")[k]) for s, k in pairs]
    frame["start_time"] = start
    frame["end_time"] = start + pd.Timedelta(seconds=grid.duration)
    origin = pd.to_timedelta(np.round(truth["origin"][rows], 6), unit="s")
    frame["origin_time"] = start + origin
    frame |= {f"source_{k}": truth[k][rows] for k in ("latitude", "longitude", "depth")}
    frame["magnitude"] = np.round(truth["magnitude"][rows], 2)
    frame["distance"] = of_stations("distance", smallest)
    frame["back_azimuth"] = of_stations("back_azimuth", of_nearest)
    frame["p_onset"] = of_stations("p", smallest)
    frame["s_onset"] = of_stations("s", smallest)
    frame["event_start"] = of_stations("start", smallest)
    frame["event_end"] = of_stations("end", largest)
    frame["snr_db"] = of_stations("snr_db", mean)
    return pd.DataFrame(frame)


def _network_arrivals(truth, sites, site):
    import pandas as pd

    codes = [f"{sites[k].network}.{code}" for k in site for code in sites[k].station_codes]
    rows = np.repeat(np.arange(len(site)), sites[0].n_stations)
    index = pd.MultiIndex.from_arrays([rows, codes], names=["row", "station"])
    columns = {"P": "p", "S": "s", "start": "start", "end": "end"}
    columns |= {name: name for name in ("distance", "back_azimuth", "snr_db")}
    return pd.DataFrame({new: truth[old].ravel() for new, old in columns.items()}, index=index)


def _masks(truth, label, grid):
    samples = np.arange(grid.n_samples)
    first, last = samples_between(truth["start"], truth["end"], grid)
    inside = (samples >= first[..., None]) & (samples <= last[..., None])
    return inside * (label + 1).astype(np.int8)[:, None, None]


def _describe(classes, sites, grid, n_events):
    return (
        f"{n_events} synthetic seismic events of the classes {', '.join(classes)} at "
        f"{len(sites)} invented sites with {sites[0].n_stations} station(s) each, "
        f"{grid.duration:g} s at {grid.sampling_rate:g} Hz. No real recording is in them. "
        "The Alpine coordinates are invented, too."
    )


def _draw_labels(n_events, n_classes, balance, rng):
    """Class numbers in random order, in the asked proportions to within one event."""
    edges = np.round(np.cumsum(balance) * n_events).astype(int)
    counts = np.diff(edges, prepend=0)
    return rng.permutation(np.repeat(np.arange(n_classes), counts))


def _draw_sites(label, n_sites, rng):
    """Sites for events, each class spread evenly over all of them."""
    site = np.empty(len(label), dtype=int)
    for k in np.unique(label):
        members = np.flatnonzero(label == k)
        site[members] = rng.permutation(np.resize(rng.permutation(n_sites), len(members)))
    return site


def _draw_times(n_events, start, days, duration, rng):
    """First samples, in order and without overlap; one event in each equal part of the time."""
    part = max(86400.0 * days / n_events, 1.5 * duration)
    seconds = np.arange(n_events) * part + rng.uniform(0, part - 1.01 * duration, n_events)
    offset = np.round(seconds * 1000).astype("timedelta64[ms]")
    return first_time(start) + offset.astype("timedelta64[ns]")


def _draw_missing(n_events, n_stations, probability, rng):
    missing = rng.uniform(size=(n_events, n_stations)) < probability
    missing[np.arange(n_events), rng.integers(n_stations, size=n_events)] = False
    return missing
