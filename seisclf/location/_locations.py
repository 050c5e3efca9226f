"""What was found: epicentres, how certain they are, and what each station says of them."""

import numpy as np
from scipy.stats import chi2

from ._geodesy import check_places, local_kilometres

__all__ = ["Locations"]


class Locations:
    """Epicentres of events, with ellipses, second solutions and residuals.

    It is the array (n_events, 2) of latitudes and longitudes to whoever asks for an array:
    ``np.asarray(locations)``, metrics, cross-validation.

    Parameters
    ----------
    table : pandas.DataFrame
        One row for each event: ``latitude``, ``longitude`` (degrees); ``semi_major_km``,
        ``semi_minor_km`` and ``ellipse_azimuth`` (of the major axis, degrees clockwise from north)
        of the ellipse of probability ``level``; ``rms_km`` of the distances' residuals;
        ``n_stations`` with a distance; ``status``; for "ambiguous" the same columns of the second
        solution, beginning with ``second_``, and ``second_likelihood``, over that of the first.
        Statuses: "ok"; "ambiguous"; "inconsistent", if distances cannot meet within their
        standard deviations (probability below 0.001); "one station", from a distance and a
        back-azimuth; "too few stations", all NaN.
    residuals : pandas.DataFrame
        One row for each distance and direction: ``event`` (row of `table`), ``station`` (its
        number), ``kind`` ("offset", "S-P", "back-azimuth"), ``station_latitude``,
        ``station_longitude``, ``predicted`` (what came), ``fitted`` (from the epicentre),
        ``std``, ``residual`` (predicted minus fitted), all in km or degrees, and ``weight``, from
        1 to 0 for what the robust loss takes for an outlier.

    See Also
    --------
    locate_source, SourceLocator : Make them.
    LocationDisplay : Draws one of them.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.location import locate_source
    >>> stations = [[23.0, 70.0], [23.0, 71.0], [24.0, 70.5]]
    >>> found = locate_source([[75.5, 75.5, 55.4]], stations, std=2.0)
    >>> np.asarray(found).round(1)
    array([[23.5, 70.5]])
    >>> found.residuals[["station", "predicted", "fitted"]].round(1)
       station  predicted  fitted
    0        0       75.5    75.4
    1        1       75.5    75.4
    2        2       55.4    55.3
    >>> found.covers([[23.51, 70.49]])
    array([ True])
    """

    def __init__(self, table, residuals):
        self.table = table
        self.residuals = residuals

    def __array__(self, dtype=None, copy=None):
        array = self.table[["latitude", "longitude"]].to_numpy(dtype=np.float64)
        return array if dtype is None else array.astype(dtype)

    def __len__(self):
        return len(self.table)

    @property
    def shape(self):
        """(n_events, 2)."""
        return (len(self), 2)

    def __getitem__(self, rows):
        """Entries of the array (n_events, 2)."""
        return np.asarray(self)[rows]

    def covers(self, y):
        """Whether the stated regions contain known epicentres.

        Parameters
        ----------
        y : array-like of shape (n_events, 2)
            Latitude and longitude of the known epicentres in degrees.

        Returns
        -------
        covered : ndarray of bool of shape (n_events,)
            True if the epicentre lies in the ellipse, or in that of the second solution where
            there is one. False for events that were not located.

        Raises
        ------
        ValueError
            If `y` has another number of events.
        """
        return self.relative_errors(y) <= 1

    def relative_errors(self, y):
        """How far known epicentres are, over the reach of the ellipse in their direction.

        Parameters
        ----------
        y : array-like of shape (n_events, 2)
            Latitude and longitude of the known epicentres in degrees.

        Returns
        -------
        errors : ndarray of float64 of shape (n_events,)
            1 on the edge of the ellipse; of two solutions the smaller one. Infinite for events
            that were not located.

        Raises
        ------
        ValueError
            If `y` has another number of events.
        """
        y = np.atleast_2d(check_places(y, "y"))
        if y.shape != self.shape:
            raise ValueError(f"y must have the shape {self.shape}; got {y.shape}")
        return np.minimum(self._relative(y, ""), self._relative(y, "second_"))

    def _relative(self, y, prefix):
        names = ("latitude", "longitude", "semi_major_km", "semi_minor_km", "ellipse_azimuth")
        columns = self.table[[prefix + name for name in names]].to_numpy()
        errors = np.full(len(y), np.inf)
        for i, (latitude, longitude, major, minor, azimuth) in enumerate(columns):
            if np.isfinite([latitude, *y[i]]).all():
                east, north = local_kilometres((latitude, longitude), y[i])
                along, across = _turned(east, north, azimuth)
                errors[i] = np.hypot(along / major, across / minor)
        return errors

    def standard_errors(self):
        """Standard deviation along each axis of the ellipses.

        Returns
        -------
        errors : ndarray of float64 of shape (n_events, 2)
            Along the major and along the minor axis, in km.
        """
        axes = self.table[["semi_major_km", "semi_minor_km"]].to_numpy()
        return axes / np.sqrt(chi2.ppf(self.table["level"].to_numpy(), 2))[:, np.newaxis]

    def plot(self, event=0, *, y_true=None, ax=None):
        """Draw a map of one event.

        Parameters
        ----------
        event : int, default=0
            Row of the table.
        y_true : array-like of shape (2,) or (n_events, 2), optional
            Known epicentre.
        ax : matplotlib.axes.Axes, optional
            By default a new figure.

        Returns
        -------
        display : LocationDisplay
            The picture.
        """
        from ._display import LocationDisplay

        return LocationDisplay.from_locations(self, event=event, y_true=y_true).plot(ax=ax)

    def __repr__(self):
        counts = self.table["status"].value_counts()
        words = ", ".join(f"{n} {status}" for status, n in counts.items())
        return f"Locations({len(self)} events: {words})"


def _turned(east, north, azimuth):
    """Coordinates along and across a direction in degrees from north."""
    angle = np.radians(azimuth)
    along = east * np.sin(angle) + north * np.cos(angle)
    return along, east * np.cos(angle) - north * np.sin(angle)
