"""Where the search for an epicentre begins."""

import numpy as np

from ._geodesy import EARTH_RADIUS, angles

_RING = np.radians(np.arange(0, 360, 15.0))
_MOST_STATIONS = 12


def candidates(observations):
    """Unit vectors (n, 3) that may lie near a minimum.

    They are the intersections of any two circles (the point between, where they do not meet), a
    ring of points on each circle, the ends of given directions, and the middle of the stations.
    """
    use = np.flatnonzero(~observations.is_angle)
    # The most certain circles; more of them than these bring nothing new.
    use = use[np.argsort(observations.std[use], kind="stable")[:_MOST_STATIONS]]
    points, radii = observations.points[use], observations.values[use] / EARTH_RADIUS
    middle = observations.points.sum(axis=0)
    parts = [
        _intersections(points, radii),
        _ends(points, [axis[use] for axis in observations.axes], radii, _RING),
        _directions(observations),
        middle[np.newaxis] / max(np.linalg.norm(middle), 1e-12),
    ]
    places = np.concatenate(parts)
    return places[np.isfinite(places).all(axis=1)]


def spread_out(places, costs, n_starts):
    """The best candidates that are not neighbours of a better one."""
    order = np.argsort(costs, kind="stable")
    places = places[order]
    size = np.median(angles(places, places[0]))
    kept = [places[0]]
    for place in places[1:]:
        if len(kept) == n_starts:
            break
        if angles(np.array(kept), place).min() > 0.2 * size:
            kept.append(place)
    return np.array(kept)


def _intersections(points, radii):
    first, second = np.triu_indices(len(points), 1)
    a, b = points[first], points[second]
    cosine = np.sum(a * b, axis=1)
    apart = 1 - cosine**2 > 1e-14
    a, b, cosine, first, second = (v[apart] for v in (a, b, cosine, first, second))
    # x = alpha a + beta b + gamma (a x b), with x.a and x.b the cosines of the radii
    to_a, to_b = np.cos(radii[first]), np.cos(radii[second])
    alpha = (to_a - cosine * to_b) / (1 - cosine**2)
    beta = (to_b - cosine * to_a) / (1 - cosine**2)
    flat = alpha[:, np.newaxis] * a + beta[:, np.newaxis] * b
    normal = np.cross(a, b)
    height = (1 - np.sum(flat**2, axis=1)) / np.sum(normal**2, axis=1)
    up = np.sqrt(np.maximum(height, 0))[:, np.newaxis] * normal
    both = np.concatenate([flat + up, flat - up])
    return both / np.maximum(np.linalg.norm(both, axis=1, keepdims=True), 1e-12)


def _ends(points, axes, radii, azimuths):
    """Points at distances `radii` from each place along each azimuth."""
    east, north = axes
    ways = (
        np.sin(azimuths)[:, np.newaxis, np.newaxis] * east
        + np.cos(azimuths)[:, np.newaxis, np.newaxis] * north
    )
    radii = radii[:, np.newaxis]
    return (np.cos(radii) * points + np.sin(radii) * ways).reshape(-1, 3)


def _directions(observations):
    """Ends of each given direction at each distance of its own station."""
    ends = [np.empty((0, 3))]
    for i in np.flatnonzero(observations.is_angle):
        for j in np.flatnonzero(~observations.is_angle):
            if observations.numbers[i] == observations.numbers[j]:
                axes = [axis[i : i + 1] for axis in observations.axes]
                radius = observations.values[j : j + 1] / EARTH_RADIUS
                azimuth = np.radians(observations.values[i : i + 1])
                ends.append(_ends(observations.points[i : i + 1], axes, radius, azimuth))
    return np.concatenate(ends)
