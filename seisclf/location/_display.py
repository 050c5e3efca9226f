"""A map of one located event."""

import numpy as np

from ._geodesy import check_places, direct, inverse, local_kilometres

__all__ = ["LocationDisplay"]

_PREDICTED, _KNOWN, _SECOND = "#d55e00", "#000000", "#cc79a7"
_COLORS = {"offset": "#0072b2", "S-P": "#009e73"}
_AZIMUTHS = np.arange(0, 361, 3.0)


class LocationDisplay:
    """Map of an event: stations, circles of the distances, epicentre with its ellipse.

    North is up, and kilometres are kilometres in both directions: the map is the azimuthal
    equidistant one around the middle of what is shown. Circles are geodesic ones; the band around
    each is one standard deviation.

    Parameters
    ----------
    row : pandas.Series
        Of the table of :class:`Locations`.
    residuals : pandas.DataFrame
        Its residuals of this event.
    y_true : array-like of shape (2,), optional
        Latitude and longitude of the known epicentre.
    name : str, optional
        Title.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axis, after :meth:`plot`.
    figure_ : matplotlib.figure.Figure
        The figure, after :meth:`plot`.

    See Also
    --------
    Locations : What is drawn.

    Examples
    --------
    >>> from seisclf.location import LocationDisplay, locate_source
    >>> stations = [[23.0, 70.0], [23.0, 71.0], [24.0, 70.5]]
    >>> found = locate_source([75.5, 73.0, 58.0], stations, std=3.0)
    >>> display = LocationDisplay.from_locations(found, y_true=[23.5, 70.5]).plot()
    >>> display.ax_.get_xlabel()
    'east (km)'
    """

    def __init__(self, row, residuals, *, y_true=None, name=None):
        self.row = row
        self.residuals = residuals
        self.y_true = y_true
        self.name = name

    @classmethod
    def from_locations(cls, locations, *, event=0, y_true=None, name=None):
        """Take one event out of many.

        Parameters
        ----------
        locations : Locations
            What :meth:`SourceLocator.predict` or :func:`locate_source` returned.
        event : int, default=0
            Row of the table.
        y_true : array-like of shape (2,) or (n_events, 2), optional
            Known epicentre, or those of all events; NaN where there is none.
        name : str, optional
            Title. By default the number of the event.

        Returns
        -------
        display : LocationDisplay
            Not yet drawn; call :meth:`plot`.

        Raises
        ------
        ValueError
            If there is no such event, or it was not located.
        """
        if not 0 <= event < len(locations):
            raise ValueError(f"event must be a row of the {len(locations)} located; got {event}")
        row = locations.table.iloc[event]
        if not np.isfinite(row["latitude"]):
            raise ValueError(f"event {event} was not located: {row['status']}")
        if y_true is not None:
            y_true = check_places(y_true, "y_true")
            if y_true.shape not in ((2,), locations.shape):
                raise ValueError(
                    f"y_true must hold one epicentre, shape (2,), or those of all events, shape "
                    f"{locations.shape}; got {y_true.shape}"
                )
            y_true = y_true[event] if y_true.ndim == 2 else y_true
            y_true = y_true if np.isfinite(y_true).all() else None
        residuals = locations.residuals
        name = f"event {event}" if name is None else name
        return cls(row, residuals[residuals["event"] == event], y_true=y_true, name=name)

    @classmethod
    def from_estimator(cls, estimator, X, y=None, *, event=0, stations=None, name=None):
        """Locate one event and show it.

        Parameters
        ----------
        estimator : SourceLocator
            Fitted.
        X : NetworkEvents or array-like of shape (n_events, n_stations, n_components, n_samples)
            Waveforms.
        y : array-like of shape (n_events, 2), optional
            Known epicentres.
        event : int, default=0
            Row of X.
        stations : array-like of shape (n_stations, 2) or (n_events, n_stations, 2), optional
            As for :meth:`SourceLocator.predict`.
        name : str, optional
            Title. By default the number of the event.

        Returns
        -------
        display : LocationDisplay
            Not yet drawn; call :meth:`plot`.
        """
        if not 0 <= event < len(X):
            raise ValueError(f"event must be a row of the {len(X)} events of X; got {event}")
        rows = slice(event, event + 1)
        if stations is not None and np.ndim(stations) == 3:
            stations = np.asarray(stations)[rows]
        y_true = None if y is None else check_places(y, "y")[event]
        name = f"event {event}" if name is None else name
        return cls.from_locations(estimator.predict(X[rows], stations), y_true=y_true, name=name)

    def plot(self, ax=None):
        """Draw the map.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            By default a new figure.

        Returns
        -------
        display : LocationDisplay
            This object, with ``ax_`` and ``figure_``.
        """
        import matplotlib.pyplot as plt

        if ax is None:
            _, ax = plt.subplots(figsize=(6.4, 7.2), layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        origin, limits = self._frame()
        self._draw_circles(ax, origin)
        self._draw_stations(ax, origin)
        self._draw_directions(ax, origin)
        self._draw_places(ax, origin)
        ax.set(xlim=limits[0], ylim=limits[1], xlabel="east (km)", ylabel="north (km)")
        ax.set_aspect("equal", adjustable="box")
        ax.grid(alpha=0.25, linewidth=0.6)
        ax.set_title(self._title(), loc="left", fontsize="medium")
        # Below: beside a square map a legend would be cut off.
        ax.legend(
            loc="upper center",
            bbox_to_anchor=(0.5, -0.1),
            ncols=2,
            frameon=False,
            fontsize="small",
        )
        return self

    def _frame(self):
        """Middle of the map, and its edges in km: everything but the circles is inside."""
        first = self._ellipse("")
        parts = [self._stations(), first]
        if np.isfinite(self.row["second_latitude"]):
            parts.append(self._ellipse("second_"))
        if self.y_true is not None:
            parts.append(np.atleast_2d(self.y_true))
        shown = np.concatenate(parts)
        start = tuple(self.row[["latitude", "longitude"]])
        flat = local_kilometres(start, shown)
        middle = (flat.min(axis=0) + flat.max(axis=0)) / 2
        azimuth = np.degrees(np.arctan2(*middle))
        origin = direct(start, azimuth, np.hypot(*middle))
        flat = local_kilometres(origin, shown)
        # A square, so that a network on a line does not become a slit.
        half = max(1.0, 0.56 * np.ptp(flat, axis=0).max())
        middle = (flat.min(axis=0) + flat.max(axis=0)) / 2
        return origin, [(m - half, m + half) for m in middle]

    def _stations(self):
        places = self.residuals[["station_latitude", "station_longitude"]]
        return places.drop_duplicates().to_numpy(dtype=float)

    def _ellipse(self, prefix):
        """Places on the ellipse of a solution, (n, 2)."""
        names = ("latitude", "longitude", "semi_major_km", "semi_minor_km", "ellipse_azimuth")
        latitude, longitude, major, minor, azimuth = (self.row[prefix + name] for name in names)
        turn = np.radians(_AZIMUTHS)
        reach = np.hypot(major * np.cos(turn), minor * np.sin(turn))
        ways = azimuth + np.degrees(np.arctan2(minor * np.sin(turn), major * np.cos(turn)))
        start = (latitude, longitude)
        return np.array([direct(start, w, r) for w, r in zip(ways, reach, strict=True)])

    def _draw_circles(self, ax, origin):
        named = set()
        for part in self.residuals[self.residuals["kind"] != "back-azimuth"].itertuples():
            station = (part.station_latitude, part.station_longitude)
            color = _COLORS[part.kind]
            inner, middle, outer = (
                _circle(origin, station, max(radius, 0.0))
                for radius in (
                    part.predicted - part.std,
                    part.predicted,
                    part.predicted + part.std,
                )
            )
            label = None if part.kind in named else f"distance ({part.kind}) and its std"
            named.add(part.kind)
            style = "-" if part.kind == "offset" else "--"
            ax.plot(*middle.T, style, color=color, linewidth=1.1, label=label, zorder=2)
            ring = np.concatenate([outer, inner[::-1]])
            ax.fill(*ring.T, color=color, alpha=0.05, linewidth=0, zorder=1)

    def _draw_stations(self, ax, origin):
        import matplotlib.patheffects as effects

        stations = local_kilometres(origin, self._stations())
        ax.plot(*stations.T, "^", color="0.25", markersize=8, label="station", zorder=4)
        numbers = self.residuals.drop_duplicates(["station_latitude", "station_longitude"])
        middle = stations.mean(axis=0)
        for place, number in zip(stations, numbers["station"], strict=True):
            # Away from the other stations, so that numbers of neighbours do not meet.
            away = place - middle
            away = away / length if (length := np.hypot(*away)) > 0 else np.array([0.0, 1.0])
            text = ax.annotate(
                str(number),
                place,
                xytext=12 * away,
                textcoords="offset points",
                ha="center",
                va="center",
                fontsize="small",
                annotation_clip=True,
                zorder=6,
            )
            text.set_path_effects([effects.withStroke(linewidth=2.5, foreground="white")])

    def _draw_directions(self, ax, origin):
        label: str | None = "back-azimuth"
        for part in self.residuals[self.residuals["kind"] == "back-azimuth"].itertuples():
            station = (part.station_latitude, part.station_longitude)
            away = 1.5 * max(inverse(station, tuple(self.row[["latitude", "longitude"]]))[0], 1.0)
            ends = np.array([station, direct(station, part.predicted, away)])
            line = local_kilometres(origin, ends)
            ax.plot(*line.T, "--", color="0.4", linewidth=1.0, label=label, zorder=2)
            label = None

    def _draw_places(self, ax, origin):
        percent = f"{self.row['level']:.0%}"
        self._draw_solution(ax, origin, "", _PREDICTED, "located", percent)
        if np.isfinite(self.row["second_latitude"]):
            ratio = self.row["second_likelihood"]
            label = f"second solution (likelihood {ratio:.2f})"
            self._draw_solution(ax, origin, "second_", _SECOND, label, percent)
        if self.y_true is not None:
            known = local_kilometres(origin, self.y_true)
            ax.plot(*known, "*", color=_KNOWN, markersize=13, mec="white", label="known", zorder=6)

    def _draw_solution(self, ax, origin, prefix, color, label, percent):
        place = local_kilometres(origin, [self.row[f"{prefix}{n}"] for n in _PLACE])
        ax.plot(*place, "o", color=color, markersize=7, mec="white", label=label, zorder=5)
        ellipse = local_kilometres(origin, self._ellipse(prefix))
        style = "-" if not prefix else "--"
        label = f"ellipse, {percent}" if not prefix else None
        ax.plot(*ellipse.T, style, color=color, linewidth=1.8, label=label, zorder=5)

    def _title(self):
        latitude, longitude = self.row["latitude"], self.row["longitude"]
        words = [f"{latitude:.2f}°, {longitude:.2f}°", self.row["status"]]
        if self.y_true is not None:
            words.append(f"{inverse(self.y_true, (latitude, longitude))[0]:.1f} km off")
        return f"{self.name}: " + ", ".join(words) if self.name else ", ".join(words)


_PLACE = ("latitude", "longitude")


def _circle(origin, station, radius):
    """A geodesic circle on the map, (n, 2) in km."""
    return local_kilometres(origin, [direct(station, a, radius) for a in _AZIMUTHS])
