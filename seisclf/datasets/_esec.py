"""Mass movements of the Exotic Seismic Events Catalog, at several stations each."""

import numbers

import numpy as np
from sklearn.utils import Bunch

from ..io._components import check_components
from ..io._times import to_utc
from ._esec_events import Options, keep_stations, read_event
from ._real import find_set
from ._seisbench import class_counts

CATALOG = "IRISExoticEventCatalog.txt"
CLASSES = {
    "Rock/ice/debris avalanches and slides": "avalanche",
    "Rock/debris falls": "fall",
    "Lahar/debris flow/outburst flood": "flow",
    "Snow avalanches": "snow avalanche",
    "mine collapse": "collapse",
}
ORDERS = ("snr", "name")
_SAME_SITE = 10.0  # km
_EARTH = 6371.0  # km
_DESCR = """\
Mass movements of the Exotic Seismic Events Catalog (ESEC)
==========================================================

Up to 30 stations an event (median 4), raw counts (velocity, not restituted) at {rate:g} Hz,
components {components}, the first sample {start:g} s after the origin time of the catalogue.
Missing stations and components are NaN.

Classes are confounded with where they were recorded: of 15 snow avalanches 9 have their best
station in one network (CC), of 31 flows 10 are from another (AV), and many events are of one slope
(`site`). Positions of stations are not in the set, so distances are not known. Compare with folds
grouped by `event_id`, and with folds grouped by `site` to see what another slope would give.

Catalogue: Collins, E.A., Allstadt, K.E., Groult, C., Hibert, C., Malet, J.-P., Toney, L.D., and
Bessette-Kirton, E. (2022). Seismogenic Landslides and other Mass Movements. U.S. Geological
Survey data release, doi:10.5066/P90VGCSK. Waveforms by way of
Akashkharita/PNW_Seismic_Event_Classification (MIT licence).

{shape}
{counts}
"""


def load_esec(
    data_home=None,
    *,
    n_stations=8,
    components="ZNE",
    sampling_rate=20.0,
    start=-70.0,
    duration=180.0,
    station_order="snr",
    max_gap=1.0,
    min_class_size=1,
    n_jobs=None,
    return_X_y=False,
):
    """Load avalanches, falls, flows and snow avalanches, recorded at several stations each.

    The recordings of the Exotic Seismic Events Catalog [1]_ must be on disk; they are not
    downloaded. One row is one event; every channel is cut to the same window around the origin
    time and, with an anti-alias filter, brought to the same rate.

    Parameters
    ----------
    data_home : str or pathlib.Path, optional
        Folder that holds ``esec/IRISExoticEventCatalog.txt`` and ``esec/waveforms/<eventid>/``
        with miniSEED files. Default: the environment variable ``SEISCLF_DATA``.
    n_stations : int or None, default=8
        Stations of an event at most; None takes all. Events with fewer are filled with NaN.
    components : str, default="ZNE"
        Components wanted. Horizontals 1 and 2 stand for N and E, not rotated.
    sampling_rate : float, default=20.0
        In Hz. The files have 20 to 200 Hz.
    start : float, default=-70.0
        First sample, in seconds after the origin time. The files begin 70 s before it.
    duration : float, default=180.0
        Length of the window in seconds.
    station_order : {"snr", "name"}, default="snr"
        Which stations come first, and which are kept. "snr": those with all components, then by
        signal-to-noise ratio; "name": by network and station code.
    max_gap : float, default=1.0
        Longest gap in seconds that is closed by a straight line. A channel with a longer one is
        missing.
    min_class_size : int, default=1
        Leave out classes with fewer events: there is one "collapse" only.
    n_jobs : int, optional
        Processes that read, see :class:`joblib.Parallel`.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        With the attributes

        data : ndarray of shape (n_events, n_stations, n_components, n_samples)
            float32, raw counts. Missing channels and stations are NaN, whole traces of it.
        target : ndarray of str of shape (n_events,)
            "avalanche" (of rock, ice or debris, and slides), "fall", "flow" (lahars, debris flows
            and outburst floods), "snow avalanche", "collapse".
        metadata : DataFrame
            ``event_id``, ``site`` (events within 10 km of each other have the same),
            ``start_time``, ``end_time``, ``origin_time``, ``source_latitude``,
            ``source_longitude``, ``event_start`` and ``event_end`` (of the signal in the
            catalogue, s after the first sample), ``snr_db`` (mean of the stations),
            ``n_stations``, ``network`` (of the first station), then the columns of the
            catalogue, among them ``name``, ``type``, ``subtype``, ``volume`` (cubic metres),
            ``mass`` (kg), ``h`` and ``l`` (drop and run-out, m).
        stations : DataFrame
            One row for each event and station: ``row``, ``position`` (on the second axis of
            data), ``event_id``, ``station``, ``channels``, ``sampling_rate`` (as recorded),
            ``n_components``, ``snr_db``.
        report : DataFrame
            One row for each file: ``event_id``, ``file``, ``trace``, ``station``,
            ``sampling_rate``, ``fate`` ("used" or why not), ``notes``.
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
    FileNotFoundError
        If the folder is not found; the message says what to set.
    ValueError
        If a parameter is out of range, or nothing was recorded in the window.

    Notes
    -----
    The signal-to-noise ratio of a station is that of the power above 1 Hz in windows of 10 s: the
    90th percentile after the origin over the median before it, median of the components. It
    looks at no label.

    Of a station with several instruments the most complete is taken, then that with the rate asked
    for, then the first by name. Of a channel the recorded sample next to the first one wanted
    becomes the first: at most half a sample off.

    References
    ----------
    .. [1] Collins, E.A., Allstadt, K.E., Groult, C., Hibert, C., Malet, J.-P., Toney, L.D., and
       Bessette-Kirton, E. (2022). Seismogenic Landslides and other Mass Movements. U.S. Geological
       Survey data release. doi:10.5066/P90VGCSK

    Examples
    --------
    >>> from seisclf.datasets import load_esec
    >>> events = load_esec(min_class_size=10)  # doctest: +SKIP
    >>> events.data.shape  # doctest: +SKIP
    (172, 8, 3, 3600)
    >>> events.report["fate"].value_counts()  # doctest: +SKIP
    """
    options = _options(
        n_stations, components, sampling_rate, start, duration, station_order, max_gap
    )
    if not isinstance(min_class_size, numbers.Integral) or min_class_size < 1:
        raise ValueError(f"min_class_size must be a positive integer, got {min_class_size!r}")
    folder = find_set("esec", data_home, (CATALOG, "waveforms"))
    catalog = _read_catalog(folder / CATALOG)
    events, strangers = _files_of_events(folder / "waveforms", catalog)
    small = _small_classes(catalog.loc[list(events), "class"], min_class_size)
    wanted = [event for event in events if catalog.at[event, "class"] not in small]
    waveforms = _read_all(catalog, {event: events[event] for event in wanted}, options, n_jobs)
    rows = [event for event in wanted if len(waveforms[event].data)]
    if not rows:
        raise ValueError(
            f"nothing was recorded from {start:g} to {start + duration:g} s after the origin time "
            f"of any of {len(wanted)} events; the files cover -70 to 110 s"
        )
    report = _report(waveforms, events, small, catalog, strangers)
    data = _stack([waveforms[event] for event in rows], options)
    target = catalog.loc[rows, "class"].to_numpy().astype(str)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        metadata=_metadata(catalog.loc[rows], [waveforms[event] for event in rows], options),
        stations=_stations(waveforms, rows),
        report=report,
        sampling_rate=options.sampling_rate,
        components=options.components,
        DESCR=_DESCR.format(
            rate=options.sampling_rate,
            components=options.components,
            start=options.start,
            shape=f"Shape {data.shape}; {_summary(report)}",
            counts=class_counts(target),
        ),
    )


def _options(n_stations, components, sampling_rate, start, duration, station_order, max_gap):
    if n_stations is not None and (not isinstance(n_stations, numbers.Integral) or n_stations < 1):
        raise ValueError(f"n_stations must be a positive integer or None, got {n_stations!r}")
    for name, value in (("sampling_rate", sampling_rate), ("duration", duration)):
        if not value > 0:
            raise ValueError(f"{name} must be positive, got {value!r}")
    if round(duration * sampling_rate) < 1:
        raise ValueError(f"duration={duration!r} s is less than one sample at {sampling_rate} Hz")
    if not np.isfinite(start):
        raise ValueError(f"start must be a number of seconds, got {start!r}")
    if not max_gap >= 0:
        raise ValueError(f"max_gap must be a number of seconds, not negative; got {max_gap!r}")
    if station_order not in ORDERS:
        raise ValueError(f"station_order must be one of {ORDERS}, got {station_order!r}")
    return Options(
        n_stations,
        check_components(components),
        float(sampling_rate),
        float(start),
        float(duration),
        station_order,
        float(max_gap),
    )


def _read_catalog(path):
    """The catalogue by event, with its times in UTC and our class names."""
    import pandas as pd

    table = pd.read_csv(path, sep="|")
    needed = ["eventid", "starttime", "endtime", "latitude", "longitude", "subtype"]
    lost = [name for name in needed if name not in table]
    if lost:
        raise ValueError(f"{path} is not the catalogue: it has no column {', '.join(lost)}")
    table.index = table["eventid"].astype(str)
    if not table.index.is_unique:
        twice = table.index[table.index.duplicated()].unique()
        raise ValueError(f"{path} has events twice: {', '.join(twice[:5])}")
    for name in ("starttime", "endtime"):
        table[name] = to_utc(pd.to_datetime(table[name], format="%Y_%m_%d %H%M%S", utc=True))
    # Types that we have no short name for keep their own.
    table["class"] = table["subtype"].map(lambda kind: CLASSES.get(kind, str(kind).lower()))
    return table


def _files_of_events(folder, catalog):
    """Files by event, in the order of time; and files of folders that are no event."""
    events, strangers = {}, []
    for place in sorted(path for path in folder.iterdir() if path.is_dir()):
        files = sorted(file for file in place.iterdir() if not file.name.startswith("."))
        if place.name in catalog.index:
            events[place.name] = files
        else:
            strangers += [(place.name, file) for file in files]
    if not events:
        raise FileNotFoundError(f"load_esec: no folder of {folder} is an event of the catalogue")
    order = catalog.loc[list(events), "starttime"].sort_values(kind="stable").index
    return {event: events[event] for event in order}, strangers


def _small_classes(classes, min_class_size):
    counts = classes.value_counts()
    return set(counts.index[counts < min_class_size])


def _read_all(catalog, events, options, n_jobs):
    from joblib import Parallel, delayed

    origins = {event: catalog.at[event, "starttime"].value for event in events}
    read = Parallel(n_jobs=n_jobs)(
        delayed(_read_one)(event, origins[event], files, options)
        for event, files in events.items()
    )
    return dict(zip(events, read, strict=True))


def _read_one(event, origin_ns, files, options):
    waveforms = read_event(event, origin_ns, files, options)
    return keep_stations(waveforms, options.n_stations) if options.n_stations else waveforms


def _stack(waveforms, options):
    n_stations = options.n_stations or max(len(event.data) for event in waveforms)
    shape = (len(waveforms), n_stations, len(options.components), options.n_samples)
    data = np.full(shape, np.nan, dtype=np.float32)
    for row, event in enumerate(waveforms):
        data[row, : len(event.data)] = event.data
    return data


def _report(waveforms, events, small, catalog, strangers):
    import pandas as pd

    rows = []
    for event, files in events.items():
        if event in waveforms:
            rows += waveforms[event].files
        else:
            why = f"left out: class {catalog.at[event, 'class']!r} has fewer than min_class_size"
            rows += [{"event_id": event, "file": f.name, "fate": f"{why} events"} for f in files]
    rows += [
        {"event_id": name, "file": file.name, "fate": "left out: no such event in the catalogue"}
        for name, file in strangers
    ]
    columns = ["event_id", "file", "trace", "station", "sampling_rate", "fate", "notes"]
    table = pd.DataFrame(rows, columns=columns)
    text = [name for name in columns if name != "sampling_rate"]
    return table.fillna(dict.fromkeys(text, ""))


def _summary(report):
    used = int(report["fate"].str.startswith("used").sum())
    return f"{used} of {len(report)} files used, see report."


def _stations(waveforms, rows):
    import pandas as pd

    return pd.DataFrame(
        [
            {"row": row, "position": position} | station
            for row, event in enumerate(rows)
            for position, station in enumerate(waveforms[event].stations)
        ]
    )


def _metadata(catalog, waveforms, options):
    import pandas as pd

    catalog = catalog.reset_index(drop=True)
    begin = pd.Timedelta(seconds=options.start)
    first = catalog["starttime"] + begin
    latitude, longitude = catalog["latitude"].astype(float), catalog["longitude"].astype(float)
    snr = [_mean([station["snr_db"] for station in event.stations]) for event in waveforms]
    ours = pd.DataFrame(
        {
            "event_id": catalog["eventid"].astype(str),
            "site": site_names(latitude.to_numpy(), longitude.to_numpy()),
            "start_time": first,
            "end_time": first + pd.Timedelta(seconds=options.duration),
            "origin_time": catalog["starttime"],
            "source_latitude": latitude,
            "source_longitude": longitude,
            "event_start": -options.start,
            "event_end": (catalog["endtime"] - first).dt.total_seconds(),
            "snr_db": snr,
            "n_stations": [len(event.stations) for event in waveforms],
            "network": [event.stations[0]["station"].split(".")[0] for event in waveforms],
        }
    )
    named = ["eventid", "starttime", "endtime", "latitude", "longitude", "class"]
    return pd.concat([ours, catalog.drop(columns=named)], axis=1)


def _mean(values):
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else np.nan


def site_names(latitude, longitude):
    """Name places: events that are within 10 km of each other, also by way of others, share one.

    Parameters
    ----------
    latitude, longitude : ndarray of shape (n_events,)
        In degrees.

    Returns
    -------
    names : list of str
        "site 1" and so on, in the order of the first event of each.
    """
    from scipy.sparse.csgraph import connected_components

    lat, lon = np.radians(latitude), np.radians(longitude)
    half = np.sin((lat[:, None] - lat) / 2) ** 2
    half += np.cos(lat[:, None]) * np.cos(lat) * np.sin((lon[:, None] - lon) / 2) ** 2
    distance = 2 * _EARTH * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
    _, label = connected_components(distance <= _SAME_SITE, directed=False)
    number = {old: new for new, old in enumerate(dict.fromkeys(label.tolist()), 1)}
    return [f"site {number[old]}" for old in label.tolist()]
