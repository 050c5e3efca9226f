"""Where stations are, from whatever tells it."""

import numpy as np

_NEEDED = "a table with the columns station, latitude and longitude"


def station_places(stations, *, name="stations"):
    """One table of places from a table, an Inventory or a dict.

    Parameters
    ----------
    stations : pandas.DataFrame, obspy.Inventory, Bunch or dict
        A table with the columns ``station`` (``"NET.STA"``; or the index), ``latitude`` and
        ``longitude`` (also ``station_latitude`` and ``station_longitude``), in degrees, and
        perhaps ``elevation`` (m); or a dict of station to (latitude, longitude).
    name : str, default="stations"
        Of the parameter, for messages.

    Returns
    -------
    places : pandas.DataFrame
        Index ``station``; columns ``latitude``, ``longitude``, ``elevation`` (m, NaN if
        unknown).

    Raises
    ------
    TypeError
        If it is none of these.
    ValueError
        If columns are missing, a station stands at two places, or a place is not on the Earth.

    Examples
    --------
    >>> station_places({"TW.LH01": (23.9, 121.5)})
             latitude  longitude  elevation
    station
    TW.LH01      23.9      121.5        NaN
    """
    import pandas as pd

    if hasattr(stations, "networks"):
        rows = [
            (f"{network.code}.{station.code}", station.latitude, station.longitude,
             station.elevation)
            for network in stations
            for station in network
        ]  # fmt: skip
        table = pd.DataFrame(rows, columns=["station", "latitude", "longitude", "elevation"])
    elif isinstance(stations, pd.DataFrame):
        table = _of_table(stations, name)
    elif isinstance(stations, dict):
        rows = [(code, *_place(code, place, name)) for code, place in stations.items()]
        table = pd.DataFrame(rows).reindex(columns=range(4))
        table.columns = ["station", "latitude", "longitude", "elevation"]
    else:
        raise TypeError(
            f"{name} must be {_NEEDED}, an obspy Inventory or a dict of station to (latitude, "
            f"longitude); got {type(stations).__name__}"
        )
    return _checked(table, name)


def _place(code, place, name):
    """Latitude, longitude and perhaps elevation."""
    try:
        values = np.asarray(place, dtype=float)
    except (TypeError, ValueError):
        values = np.zeros(0)
    if values.ndim != 1 or len(values) not in (2, 3):
        raise ValueError(
            f"{name}[{code!r}] must be (latitude, longitude) or (latitude, longitude, elevation); "
            f"got {place!r}"
        )
    return values


def _of_table(stations, name):
    import pandas as pd

    table = stations.reset_index() if "station" not in stations else stations
    if "station" not in table and len(table.columns):
        table = table.rename(columns={table.columns[0]: "station"})
    new = {}
    for column in ("station", "latitude", "longitude", "elevation"):
        found = next((c for c in (column, f"station_{column}") if c in table), None)
        if found is None and column != "elevation":
            raise ValueError(
                f"{name} has no column {column!r}; it has {list(stations.columns)}. Needed is "
                f"{_NEEDED}"
            )
        new[column] = table[found].to_numpy() if found else np.nan
    return pd.DataFrame(new, index=range(len(table)))


def _checked(table, name):
    table["station"] = table["station"].astype(str)
    columns = ["latitude", "longitude", "elevation"]
    table[columns] = table[columns].astype(float)
    table = table[table[["latitude", "longitude"]].notna().all(axis=1)]
    table = table.drop_duplicates(["station", "latitude", "longitude"])
    twice = table["station"][table["station"].duplicated()].unique()
    if len(twice):
        raise ValueError(f"{name}: {', '.join(twice)} stands at more than one place")
    far = table[(table["latitude"].abs() > 90) | (table["longitude"].abs() > 360)]
    if len(far):
        raise ValueError(
            f"{name}: {far['station'].iloc[0]} at latitude {far['latitude'].iloc[0]:g}, longitude "
            f"{far['longitude'].iloc[0]:g} is not on the Earth; degrees are needed"
        )
    return table.set_index("station")
