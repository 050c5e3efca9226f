"""What is known of one event, and how well a place agrees with it."""

from dataclasses import dataclass

import numpy as np

from ._geodesy import EARTH_RADIUS, angles, inverse_many, tangents, vectors, wrapped

KINDS = ("offset", "S-P", "back-azimuth")
_TINY = 1e-12


@dataclass
class Observations:
    """Distances to stations and directions at stations, of one event.

    Parameters
    ----------
    stations : ndarray of shape (n, 2)
        Latitude and longitude of the station of each observation; a station may come repeatedly.
    values, std : ndarray of shape (n,)
        Distances and their standard deviations in km, or directions in degrees.
    kinds : ndarray of int of shape (n,)
        Index into `KINDS`.
    numbers : ndarray of int of shape (n,)
        Which station it is, for reports.
    correlation : float
        Between the standardised errors of any two offsets.
    """

    stations: np.ndarray
    values: np.ndarray
    std: np.ndarray
    kinds: np.ndarray
    numbers: np.ndarray
    correlation: float = 0.0

    def __post_init__(self):
        self.points = vectors(self.stations)
        self.axes = tangents(self.points)
        self.is_angle = self.kinds == 2
        self.whitening = _whitening(self.kinds == 0, self.correlation)
        # Sphere to ellipsoid: distances are multiplied, directions turned.
        self.ratio = np.ones(len(self.values))
        self.turn = np.zeros(len(self.values))

    def predicted(self, x):
        """Distances (km) and directions (degrees) that sources at unit vectors (..., 3) have."""
        x = x[..., np.newaxis, :]
        distance = EARTH_RADIUS * self.ratio * angles(x, self.points)
        if not self.is_angle.any():
            return distance
        east, north = self.axes
        azimuth = np.degrees(np.arctan2(np.sum(x * east, -1), np.sum(x * north, -1)))
        return np.where(self.is_angle, azimuth + self.turn, distance)

    def residuals(self, x):
        """Residuals over their standard deviations, with the correlation taken out: (..., n)."""
        difference = self.predicted(x) - self.values
        difference = np.where(self.is_angle, wrapped(difference), difference) / self.std
        return difference @ self.whitening

    def slopes(self, x, plane):
        """Derivative of the residuals by km along tangents: (..., n, 2).

        Parameters
        ----------
        x : ndarray of shape (..., 3)
            Unit vectors of the sources.
        plane : ndarray of shape (..., 2, 3)
            Two tangents at each of them.
        """
        x, along = x[..., np.newaxis, :], np.swapaxes(plane, -1, -2)
        cosine = np.sum(x * self.points, axis=-1, keepdims=True)
        # Its length is the sine, which 1 - cosine² would lose near a station.
        toward = self.points - cosine * x
        toward /= np.maximum(np.linalg.norm(toward, axis=-1, keepdims=True), _TINY)
        slopes = -self.ratio[:, np.newaxis] * (toward @ along)
        if self.is_angle.any():
            east, north = (np.sum(x * axis, axis=-1, keepdims=True) for axis in self.axes)
            d_east, d_north = (axis @ along for axis in self.axes)
            turning = (north * d_east - east * d_north) / EARTH_RADIUS
            turning = np.degrees(turning / np.maximum(east**2 + north**2, _TINY))
            slopes = np.where(self.is_angle[:, np.newaxis], turning, slopes)
        return self.whitening @ (slopes / self.std[:, np.newaxis])

    def curvatures(self, x):
        """Second derivative of each residual across its ray, per km²; directions have none.

        It is taken so that half its product with t² is one standard deviation s where the distance
        is: t² = s² + 2 s d on a plane. Right at a station that is a circle, not a parabola.
        """
        angle = angles(x, self.points)
        # 1 / across is the distance d on a plane; at a quarter of the globe circles are straight.
        across = np.abs(np.cos(angle)) / np.maximum(np.sin(angle), 1e-12) / EARTH_RADIUS
        across = across / (1 + across * self.std / 2)
        return np.where(self.is_angle, 0.0, across / self.std)

    def reach(self, x):
        """Part of each slope at x that holds for as far as x is uncertain, (n,).

        A direction turns fast right at its station. Where the distance to it has the standard
        deviation s, it turns no faster than at s.
        """
        part = np.ones(len(self.values))
        distance = EARTH_RADIUS * angles(x, self.points)
        for i in np.flatnonzero(self.is_angle):
            here = ~self.is_angle & (self.numbers == self.numbers[i])
            if here.any():
                part[i] = distance[i] / np.hypot(distance[i], self.std[here].min())
        return part

    def on_ellipsoid(self, place):
        """Let distances and directions be those of the ellipsoid, near this place."""
        x = vectors(place)
        self.ratio, self.turn = np.ones(len(self.values)), np.zeros(len(self.values))
        on_sphere = self.predicted(x)
        distance, azimuth, _, _ = inverse_many(self.stations, place)
        spherical = EARTH_RADIUS * angles(x, self.points)
        self.ratio = np.where(spherical > 1e-6, distance / np.maximum(spherical, 1e-6), 1.0)
        self.turn = np.where(self.is_angle, wrapped(azimuth - on_sphere), 0.0)


def _whitening(together, correlation):
    """Symmetric matrix that takes equal correlation out of the residuals `together`."""
    matrix = np.eye(len(together))
    n = int(together.sum())
    if n > 1 and correlation > 0:
        common = 1.0 / np.sqrt(1 + (n - 1) * correlation)
        own = 1.0 / np.sqrt(1 - correlation)
        block = np.full((n, n), (common - own) / n) + own * np.eye(n)
        matrix[np.ix_(together, together)] = block
    return matrix
