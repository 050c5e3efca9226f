"""Places on the Earth: unit vectors for quick work, geodesics on the ellipsoid for the rest."""

import numpy as np
from geographiclib.geodesic import Geodesic

EARTH_RADIUS = 6371.0088  # km, mean radius of WGS 84
LARGEST_DISTANCE = 20037.6  # km, half of the equator: nothing on the Earth is farther away

_WGS84 = Geodesic.WGS84
_LINE = Geodesic.STANDARD | Geodesic.REDUCEDLENGTH


def epicentral_error(y_true, y_pred):
    """Distance between known and predicted epicentres, on the ellipsoid.

    Parameters
    ----------
    y_true : array-like of shape (n_events, 2)
        Latitude and longitude in degrees; of one event also (2,).
    y_pred : array-like of shape (n_events, 2) or Locations
        The same, as :meth:`SourceLocator.predict` returns it. NaN where there is none.

    Returns
    -------
    error : ndarray of float64 of shape (n_events,)
        Length of the geodesic on WGS 84 [1]_ in km; NaN where either is NaN.

    Raises
    ------
    ValueError
        If the shapes do not fit together, or a place is not on the Earth.

    References
    ----------
    .. [1] Karney, C. F. F. (2013). Algorithms for geodesics. Journal of Geodesy, 87, 43-55.
       https://doi.org/10.1007/s00190-012-0578-z

    Examples
    --------
    >>> from seisclf.location import epicentral_error
    >>> epicentral_error([[23.0, 70.0], [0.0, 179.9]], [[23.1, 70.0], [0.0, -179.9]]).round(2)
    array([11.07, 22.26])
    """
    y_true, y_pred = (
        np.atleast_2d(check_places(y, name))
        for y, name in ((y_true, "y_true"), (y_pred, "y_pred"))
    )
    if y_true.shape != y_pred.shape or y_true.ndim != 2:
        raise ValueError(
            f"y_true and y_pred must both have the shape (n_events, 2); got {y_true.shape} and "
            f"{y_pred.shape}"
        )
    return np.array(
        [
            inverse(a, b)[0] if np.isfinite([*a, *b]).all() else np.nan
            for a, b in zip(y_true, y_pred)
        ]
    )


def check_places(places, name):
    """Latitudes and longitudes as float64 (..., 2), refused where they are not on the Earth."""
    places = np.asarray(_by_name(places, name), dtype=np.float64)
    if places.ndim == 0 or places.shape[-1] != 2:
        raise ValueError(
            f"{name} must hold latitude and longitude in degrees, in a last axis of length 2; got "
            f"shape {places.shape}"
        )
    latitude, longitude = np.abs(places[..., 0]), np.abs(places[..., 1])
    if np.nanmax(latitude, initial=0.0) > 90:
        worst = places[..., 0].flat[np.nanargmax(latitude)]
        raise ValueError(
            f"{name} must hold (latitude, longitude) in degrees; a latitude of {worst:g} came. "
            f"Are the columns exchanged?"
        )
    if np.nanmax(longitude, initial=0.0) > 360:
        raise ValueError(f"{name} must hold (latitude, longitude) in degrees, longitude up to 360")
    return places


def _by_name(places, name):
    """Of a table, the columns of latitude and longitude, whatever their order."""
    if not hasattr(places, "columns"):
        return places
    columns = list(places.columns)
    found = []
    for word in ("latitude", "longitude"):
        ending = [c for c in columns if str(c).endswith(f"_{word}")]
        found.append([c for c in columns if c == word] or ending)
    if all(len(named) == 1 for named in found):
        return places[[found[0][0], found[1][0]]]
    if any(found) or len(columns) != 2:
        raise ValueError(
            f"{name} has the columns {columns}, of which one latitude and one longitude are "
            f"needed: select them, {name}[[latitude, longitude]].to_numpy()"
        )
    return places


def inverse(start, end):
    """Distance (km), azimuths at both ends (degrees) and reduced length (km) of a geodesic."""
    line = _WGS84.Inverse(*map(float, start), *map(float, end), _LINE)
    return line["s12"] / 1e3, line["azi1"], line["azi2"], line["m12"] / 1e3


def inverse_many(starts, end):
    """`inverse` from several places to one: ndarray of shape (4, n_places)."""
    return np.array([inverse(start, end) for start in starts]).reshape(-1, 4).T


def direct(start, azimuth, distance):
    """Latitude and longitude (degrees) that lie `distance` km from `start` along `azimuth`."""
    line = _WGS84.Direct(float(start[0]), float(start[1]), float(azimuth), float(distance) * 1e3)
    return line["lat2"], line["lon2"]


def vectors(places):
    """Unit vectors (..., 3) of latitudes and longitudes (..., 2) in degrees."""
    latitude, longitude = np.moveaxis(np.radians(places), -1, 0)
    return np.stack(
        [
            np.cos(latitude) * np.cos(longitude),
            np.cos(latitude) * np.sin(longitude),
            np.sin(latitude),
        ],
        axis=-1,
    )


def places_of(x):
    """Inverse of `vectors`; longitudes in [-180, 180]."""
    latitude = np.arctan2(x[..., 2], np.hypot(x[..., 0], x[..., 1]))
    return np.degrees(np.stack([latitude, np.arctan2(x[..., 1], x[..., 0])], axis=-1))


def tangents(x):
    """Unit vectors to the east and to the north, both (..., 3); at a pole, along longitude 0."""
    longitude = np.arctan2(x[..., 1], x[..., 0])
    zero = np.zeros_like(longitude)
    east = np.stack([-np.sin(longitude), np.cos(longitude), zero], axis=-1)
    return east, np.cross(x, east)


def angles(x, y):
    """Angles (radians) between unit vectors, exact for small and for large ones."""
    apart, together = x - y, x + y
    return 2 * np.arctan2(
        np.sqrt(np.einsum("...i,...i", apart, apart)),
        np.sqrt(np.einsum("...i,...i", together, together)),
    )


def wrapped(degrees):
    """Differences of directions, in [-180, 180)."""
    return (np.asarray(degrees) + 180.0) % 360.0 - 180.0


def local_kilometres(origin, places):
    """East and north (..., 2) in km of places around an origin: azimuthal equidistant, exact."""
    places = np.asarray(places, dtype=np.float64)
    flat = []
    for place in places.reshape(-1, 2):
        if not np.isfinite(place).all():
            flat.append((np.nan, np.nan))
            continue
        distance, azimuth, _, _ = inverse(origin, place)
        azimuth = np.radians(azimuth)
        flat.append((distance * np.sin(azimuth), distance * np.cos(azimuth)))
    return np.array(flat).reshape(places.shape)
