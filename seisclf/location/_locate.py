"""Epicentres from distances at stations."""

import numbers

import numpy as np
import pandas as pd
from scipy.stats import chi2

from ._geodesy import LARGEST_DISTANCE, check_places, wrapped
from ._locations import Locations
from ._observations import KINDS, Observations
from ._solve import LOSSES, Settings, solve

_UNLIKELY = 0.001
_RESIDUAL_COLUMNS = (
    "event",
    "station",
    "kind",
    "station_latitude",
    "station_longitude",
    "predicted",
    "fitted",
    "std",
    "residual",
    "weight",
)


def locate_source(
    distances,
    stations,
    *,
    std=None,
    back_azimuths=None,
    back_azimuth_std=10.0,
    correlation=0.0,
    loss="soft_l1",
    f_scale=1.5,
    level=0.9,
    n_starts=6,
    too_few="raise",
):
    r"""Find epicentres from distances at stations, by robust non-linear least squares.

    Parameters
    ----------
    distances : array-like of shape (n_events, n_stations) or (n_stations,)
        Epicentral distances in km; NaN where there is none.
    stations : array-like of shape (n_stations, 2) or (n_events, n_stations, 2)
        Latitude and longitude of each station in degrees.
    std : float or array-like of the shape of `distances`, optional
        Standard deviation of each distance in km. None: 1 km and a tenth of the distance, added;
        the ellipses are as good as this guess.
    back_azimuths : array-like of the shape of `distances`, optional
        Direction from each station to the source in degrees, clockwise from north; NaN where
        there is none. One of them and a distance are enough for a location.
    back_azimuth_std : float or array-like of the shape of `distances`, default=10.0
        Their standard deviation in degrees.
    correlation : float, default=0.0
        Correlation, in [0, 1), between the errors (over their standard deviations) of any two
        distances of one event. Errors that the stations share, an event that is taken for a
        farther one everywhere, make independent ellipses too small.
    loss : {"soft_l1", "huber", "cauchy", "linear"}, default="soft_l1"
        Loss of a residual over its standard deviation, as in
        :func:`scipy.optimize.least_squares`. "linear" is plain least squares.
    f_scale : float, default=1.5
        Standard deviations from which on a residual counts less.
    level : float, default=0.9
        Probability that the ellipse is to contain the epicentre, in (0, 1).
    n_starts : int, default=6
        Places from which the search begins; see Notes.
    too_few : {"raise", "nan"}, default="raise"
        What becomes of an event with a distance at fewer than two stations, unless the one has a
        back-azimuth: an error, or a row of NaN with the status "too few stations".

    Returns
    -------
    locations : Locations
        One row for each event: epicentres, ellipses, second solutions, residuals.

    Raises
    ------
    ValueError
        If shapes do not fit together, a value is impossible, or (by default) an event has too few
        stations; the message names the event.

    See Also
    --------
    SourceLocator : The same from waveforms.

    Notes
    -----
    Starts are the best of the intersections of any two circles, of points on each circle, of
    the ends of back-azimuths, and the middle of the stations, as long as they are not neighbours.
    Damped Gauss-Newton steps tell which valleys they lie in, and
    :func:`scipy.optimize.least_squares` goes to the bottom of each on the sphere. There the ratios
    of geodesics [1]_ on the WGS 84 ellipsoid to great circles are taken, and the search repeated
    until it stands still within a metre. Everything is computed with unit vectors, so that
    neither the antimeridian nor a pole is special.

    The covariance is :math:`(J^T W J)^{-1}` with the derivatives J of the residuals, over their
    standard deviations and with the correlation taken out, and W the weights that the robust loss
    gives them. Along an axis where circles only touch, so that J says nothing, the second
    derivative of the distances bounds it. The ellipse is that of a normal distribution in two
    dimensions: :math:`\chi^2` with two degrees of freedom at `level`.

    Another minimum, outside this ellipse, is a second solution if its likelihood is at least
    ``1 - level`` times that of the best one: by the likelihood ratio it then belongs to the region
    of this level. With two stations, or stations on a line, it is the mirror image.

    References
    ----------
    .. [1] Karney, C. F. F. (2013). Algorithms for geodesics. Journal of Geodesy, 87, 43-55.
       https://doi.org/10.1007/s00190-012-0578-z

    Examples
    --------
    >>> from seisclf.location import locate_source
    >>> stations = [[23.0, 70.0], [23.0, 71.0], [24.0, 70.5]]
    >>> found = locate_source([75.5, 75.5, 55.4], stations, std=2.0)
    >>> found.table[["latitude", "longitude", "status"]].round(2)
           latitude  longitude status
    event
    0          23.5       70.5     ok
    >>> locate_source([60.0, 70.0], stations[:2], std=2.0).table["status"].tolist()
    ['ambiguous']
    """
    settings = checked_settings(loss, f_scale, level, n_starts, correlation, too_few)
    distances = np.atleast_2d(np.asarray(distances, dtype=np.float64))
    if distances.ndim != 2:
        raise ValueError(
            f"distances must have the shape (n_events, n_stations) or (n_stations,); got "
            f"{distances.shape}"
        )
    stations = check_stations(stations, distances.shape, "distances")
    check_distances(distances)
    guess = 1.0 + 0.1 * distances
    std = _check_std(guess if std is None else std, distances, "std", "km")
    tables = [Measured(0, distances, std)]
    if back_azimuths is not None:
        azimuths = _like(back_azimuths, distances, "back_azimuths")
        if np.isinf(azimuths).any():
            raise ValueError("back_azimuths must be degrees, or NaN where there is none")
        azimuth_std = _check_std(back_azimuth_std, azimuths, "back_azimuth_std", "degrees")
        tables.append(Measured(2, azimuths, azimuth_std))
    return locate_all(tables, stations, settings, correlation=correlation, too_few=too_few)


class Measured:
    """Values of one kind at all stations of all events, (n_events, n_stations), NaN for none."""

    def __init__(self, kind, values, std):
        self.kind, self.values, self.std = kind, values, std


def locate_all(tables, stations, settings, *, correlation, too_few):
    """Locate each event from all that was measured.

    Parameters
    ----------
    tables : list of Measured
        Distances, S-P distances, back-azimuths.
    stations : ndarray of shape (n_events, n_stations, 2)
        Latitudes and longitudes.
    settings : Settings
        How the search goes.
    correlation : float
        Between the errors of offsets.
    too_few : {"raise", "nan"}
        As in `locate_source`.

    Returns
    -------
    locations : Locations
        One row for each event.
    """
    rows, residuals = [], []
    for event in range(len(stations)):
        observations = _observations_of(tables, stations, event, correlation)
        problem = _what_lacks(observations)
        if problem and too_few == "raise":
            raise ValueError(
                f"event {event} cannot be located: {problem}. Leave it out, add back-azimuths, or "
                f'let its row be NaN with too_few="nan"'
            )
        solutions = [] if problem else solve(observations, settings)
        rows.append(_row(observations, solutions, settings))
        if solutions:
            residuals.append(_residual_table(event, observations, solutions[0]))
    table = pd.DataFrame(rows or [_row_of_nothing(settings)]).iloc[: len(rows)]
    table.index.name = "event"
    found = [_no_residuals(), *residuals][bool(residuals) :]
    return Locations(table, pd.concat(found, ignore_index=True))


def _row_of_nothing(settings):
    """What a row would look like, for tables without any."""
    nothing = np.empty((0, 2)), *np.empty((2, 0)), *np.empty((2, 0), dtype=int)
    return _row(Observations(*nothing), [], settings)


def _no_residuals():
    """Table of residuals without rows, of the usual types."""
    types = {"event": int, "station": int, "kind": object}
    return pd.DataFrame({c: np.empty(0, dtype=types.get(c, float)) for c in _RESIDUAL_COLUMNS})


def checked_settings(loss, f_scale, level, n_starts, correlation=0.0, too_few="raise"):
    """Settings of a search, refused where they make no sense."""
    if loss not in LOSSES:
        raise ValueError(f"loss must be one of {LOSSES}; got {loss!r}")
    if not isinstance(f_scale, numbers.Real) or not 0 < float(f_scale) < np.inf:
        raise ValueError(
            f"f_scale must be a positive, finite number of standard deviations (loss='linear' "
            f"makes no difference between residuals); got {f_scale!r}"
        )
    if not isinstance(level, numbers.Real) or not 0 < float(level) < 1:
        raise ValueError(f"level must lie between 0 and 1, e.g. 0.9; got {level!r}")
    if not isinstance(n_starts, numbers.Integral) or n_starts < 1:
        raise ValueError(f"n_starts must be a positive integer; got {n_starts!r}")
    if not isinstance(correlation, numbers.Real) or not 0 <= float(correlation) < 1:
        raise ValueError(f"correlation must lie in [0, 1); got {correlation!r}")
    if too_few not in ("raise", "nan"):
        raise ValueError(f'too_few must be "raise" or "nan"; got {too_few!r}')
    return Settings(loss, float(f_scale), float(level), int(n_starts))


def check_stations(stations, shape, of):
    """Places of stations, (n_events, n_stations, 2)."""
    stations = check_places(stations, "stations")
    if stations.shape not in ((*shape, 2), (*shape[1:], 2)):
        raise ValueError(
            f"stations must have the shape {(*shape[1:], 2)} or {(*shape, 2)}, to fit {of} of "
            f"{shape[0]} events at {shape[1]} stations; got {stations.shape}"
        )
    return np.broadcast_to(stations, (*shape, 2))


def check_distances(distances):
    """Refuse what cannot be a distance in km."""
    if np.nanmin(distances, initial=0.0) < 0 or np.isinf(distances).any():
        raise ValueError("distances must be km, not negative and not infinite; NaN for none")
    if (largest := np.nanmax(distances, initial=0.0)) > LARGEST_DISTANCE:
        raise ValueError(
            f"distances must be km; {largest:g} came, and no place on the Earth is farther away "
            f"than {LARGEST_DISTANCE:.0f} km. Are they metres?"
        )


def _like(values, distances, name):
    values = np.asarray(values, dtype=np.float64)
    if values.shape not in ((), distances.shape, distances.shape[1:]):
        raise ValueError(
            f"{name} must be a number or have the shape of distances, {distances.shape}; got "
            f"{values.shape}"
        )
    return np.broadcast_to(values, distances.shape)


def _check_std(std, values, name, unit):
    std = _like(std, values, name)
    wrong = np.isfinite(values) & ~(np.isfinite(std) & (std > 0))
    if wrong.any():
        raise ValueError(
            f"{name} must be positive, in {unit}, wherever there is a value; got "
            f"{std[wrong].flat[0]} for event {np.argwhere(wrong)[0][0]}"
        )
    return std


def _observations_of(tables, stations, event, correlation):
    """What is known of one event; a station without a place tells nothing."""
    placed = np.isfinite(stations[event]).all(axis=-1)
    parts = [(t, np.flatnonzero(np.isfinite(t.values[event]) & placed)) for t in tables]
    numbers = np.concatenate([where for _, where in parts])
    return Observations(
        stations=stations[event][numbers],
        values=np.concatenate([t.values[event][where] for t, where in parts]),
        std=np.concatenate([t.std[event][where] for t, where in parts]),
        kinds=np.concatenate([np.full(len(where), t.kind) for t, where in parts]),
        numbers=numbers,
        correlation=correlation,
    )


def _what_lacks(observations):
    """Why an event cannot be located, or nothing."""
    n = _n_stations(observations)
    if n == 0:
        return "it has no distance at any station"
    if n == 1 and not observations.is_angle.any():
        return "it has a distance at one station only, where two are needed, or a back-azimuth"
    return ""


def _n_stations(observations):
    """Stations that have a distance, counted by where they stand."""
    return len(np.unique(observations.stations[~observations.is_angle], axis=0))


def _row(observations, solutions, settings):
    """One row of the table of locations."""
    names = ("latitude", "longitude", "semi_major_km", "semi_minor_km", "ellipse_azimuth")
    row = dict.fromkeys(names, np.nan) | {"level": settings.level, "rms_km": np.nan}
    row |= {"n_stations": _n_stations(observations), "status": "too few stations"}
    second = {f"second_{name}": np.nan for name in (*names, "likelihood")}
    if not solutions:
        return row | second
    best = solutions[0]
    row |= dict(zip(names, (*best.place, *best.ellipse(settings.level)), strict=True))
    misfit = (best.fitted - observations.values)[~observations.is_angle]
    row["rms_km"] = float(np.sqrt(np.mean(misfit**2)))
    row["status"] = _status(observations, best, row["n_stations"])
    if len(solutions) > 1:
        other = solutions[1]
        likelihood = float(np.exp(best.cost - other.cost))
        if likelihood >= 1 - settings.level:
            row["status"] = "ambiguous"
            values = (*other.place, *other.ellipse(settings.level), likelihood)
            second = dict(zip(second, values, strict=True))
    return row | second


def _status(observations, solution, n_stations):
    residuals = (solution.fitted - observations.values) / observations.std
    residuals = residuals[~observations.is_angle]
    freedom = max(len(residuals) - 2, 1)
    if chi2.sf(np.sum(residuals**2), freedom) < _UNLIKELY:
        return "inconsistent"
    return "one station" if n_stations == 1 else "ok"


def _residual_table(event, observations, solution):
    residual = observations.values - solution.fitted
    residual = np.where(observations.is_angle, wrapped(residual), residual)
    columns = (
        np.full(len(residual), event),
        observations.numbers,
        np.array(KINDS, dtype=object)[observations.kinds],
        *observations.stations.T,
        observations.values,
        np.where(observations.is_angle, solution.fitted % 360, solution.fitted),
        observations.std,
        residual,
        solution.weights,
    )
    return pd.DataFrame(dict(zip(_RESIDUAL_COLUMNS, columns, strict=True)))
