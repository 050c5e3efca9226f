"""The epicentre that agrees best with distances, by robust least squares from several starts."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares
from scipy.stats import chi2

from ._geodesy import EARTH_RADIUS, angles, places_of, tangents, vectors
from ._starts import candidates, spread_out

_BARRIER = 0.01  # of the logarithm of the likelihood
LOSSES = ("linear", "soft_l1", "huber", "cauchy")


@dataclass(frozen=True)
class Settings:
    """How events are located; see `locate_source`."""

    loss: str = "soft_l1"
    f_scale: float = 1.5
    level: float = 0.9
    n_starts: int = 6


@dataclass
class Solution:
    """A local minimum of the misfit.

    Parameters
    ----------
    place : ndarray of shape (2,)
        Latitude and longitude.
    cost : float
        Half the sum of the losses: minus the logarithm of the likelihood.
    fitted, azimuths : ndarray of shape (n,)
        Distances (km) or directions (degrees) from the place, and azimuths of the rays there.
    weights : ndarray of shape (n,)
        How much each residual counts, 1 for those that agree.
    covariance : ndarray of shape (2, 2)
        Of east and north, in km².
    """

    place: np.ndarray
    cost: float
    fitted: np.ndarray
    weights: np.ndarray
    covariance: np.ndarray

    def ellipse(self, level):
        """Semi-axes in km and azimuth of the major one in degrees, in [0, 180)."""
        values, axes = np.linalg.eigh(self.covariance)
        minor, major = np.sqrt(np.maximum(values, 0) * chi2.ppf(level, 2))
        azimuth = np.degrees(np.arctan2(axes[0, 1], axes[1, 1])) % 180.0
        return float(major), float(minor), float(azimuth)


def solve(observations, settings):
    """Distinct local minima of the misfit of one event, the best one first.

    Parameters
    ----------
    observations : Observations
        At least two distances at two stations, or a distance and a direction.
    settings : Settings
        Loss, level and number of starts.

    Returns
    -------
    solutions : list of Solution
        A second one lies outside the ellipse of the first.
    """
    places = candidates(observations)
    costs = _losses(observations.residuals(places), settings)[0].sum(axis=-1)
    starts = spread_out(places, costs, settings.n_starts)
    found = sorted(zip(*_roll_down(observations, starts, settings)), key=lambda pair: pair[0])
    # What lies far above the best can not become a second solution: -ln(1 - level) is the limit.
    limit = found[0][0] - 2 * np.log(1 - settings.level) + 1
    solutions: list[Solution] = []
    for cost, x in found:
        if cost > limit or any(_same(x, known, settings) for known in solutions):
            continue
        solutions.append(_on_ellipsoid(observations, x, settings))
    solutions.sort(key=lambda solution: solution.cost)
    best = solutions[0]
    others = [s for s in solutions[1:] if not _same(vectors(s.place), best, settings)]
    return [best] + [s for s in others if not _joined(observations, best, s, settings)]


def _roll_down(observations, x, settings, n_steps=12):
    """Damped, reweighted Gauss-Newton steps from all starts at once: costs and unit vectors.

    That tells which valleys the starts lie in; SciPy's optimiser goes to the bottom of each.
    """
    losses = _losses(observations.residuals(x), settings)[0].sum(axis=-1)
    damping = np.full(len(x), 1e-2)
    for _ in range(n_steps):
        plane = np.stack(tangents(x), axis=-2)
        residuals, slopes = observations.residuals(x), observations.slopes(x, plane)
        weighted = slopes * _losses(residuals, settings)[1][..., np.newaxis]
        normal = np.swapaxes(weighted, -1, -2) @ slopes
        size = np.trace(normal, axis1=-2, axis2=-1) + 1e-12
        normal = normal + (damping * size)[:, np.newaxis, np.newaxis] * np.eye(2)
        gradient = np.swapaxes(weighted, -1, -2) @ residuals[..., np.newaxis]
        step = -np.linalg.solve(normal, gradient)[..., 0] / EARTH_RADIUS
        tried = x + np.einsum("si,sij->sj", step, plane)
        tried /= np.linalg.norm(tried, axis=-1, keepdims=True)
        reached = _losses(observations.residuals(tried), settings)[0].sum(axis=-1)
        better = reached < losses
        x = np.where(better[:, np.newaxis], tried, x)
        losses = np.where(better, reached, losses)
        damping = np.clip(np.where(better, damping / 10, damping * 10), 1e-6, 1e3)
    return losses, x


def _descend(observations, start, settings):
    """SciPy's least squares on the sphere: cost and unit vector of the minimum near a start."""
    plane = np.stack(tangents(start))

    def moved(km):
        x = start + km @ plane / EARTH_RADIUS
        length = math.sqrt(x @ x)
        return x / length, length

    def slopes(km):
        x, length = moved(km)
        # The step leaves the sphere, and comes back by scaling.
        return observations.slopes(x, (plane - np.outer(plane @ x, x)) / length)

    found = least_squares(
        lambda km: observations.residuals(moved(km)[0]),
        np.zeros(2),
        jac=slopes,
        loss=settings.loss,
        f_scale=settings.f_scale,
        xtol=1e-9,
        ftol=1e-9,
        gtol=1e-9,
        max_nfev=50,
    )
    return float(found.cost), moved(found.x)[0]


def _on_ellipsoid(observations, x, settings):
    """A minimum on the sphere, moved to that on the ellipsoid."""
    for _ in range(6):
        observations.on_ellipsoid(places_of(x))
        before, (cost, x) = x, _descend(observations, x, settings)
        # Where circles only touch, the misfit is flat, and a metre is good enough.
        if angles(before, x) * EARTH_RADIUS < 1e-3:
            break
    solution = _described(observations, x, cost, settings)
    observations.ratio[:], observations.turn[:] = 1.0, 0.0
    return solution


def _described(observations, x, cost, settings):
    weights = _losses(observations.residuals(x), settings)[1]
    slopes = observations.slopes(x, np.stack(tangents(x))) * observations.reach(x)[:, np.newaxis]
    return Solution(
        place=places_of(x),
        cost=cost,
        fitted=observations.predicted(x),
        weights=weights,
        covariance=_covariance(slopes, observations.curvatures(x), weights),
    )


def _covariance(slopes, curvatures, weights):
    """Covariance of east and north in km².

    Along each axis of the weighted normal equations, the half width d at which the misfit has
    grown by a half: 1 = a d² + b d⁴. The second term, by which distances grow off a tangent, is
    what bounds an axis where circles only touch.
    """
    values, axes = np.linalg.eigh((slopes * weights[:, np.newaxis]).T @ slopes)
    quartic = np.sum(weights * (curvatures / 2) ** 2)
    values = np.maximum(values, 0)
    widths = 2 / (values + np.sqrt(values**2 + 4 * quartic))
    return (axes * widths) @ axes.T


def _losses(residuals, settings):
    """Half the loss of each residual, and its weight, SciPy's definitions."""
    scale = settings.f_scale
    z = (residuals / scale) ** 2
    if settings.loss == "linear":
        return residuals**2 / 2, np.ones_like(z)
    if settings.loss == "soft_l1":
        root = np.sqrt(1 + z)
        return scale**2 * (root - 1), 1 / root
    if settings.loss == "huber":
        outside = z > 1
        root = np.sqrt(np.where(outside, z, 1.0))
        return scale**2 * np.where(outside, 2 * root - 1, z) / 2, 1 / root
    return scale**2 * np.log1p(z) / 2, 1 / (1 + z)


def _same(x, solution, settings):
    """Whether a place lies within the ellipse of a solution, or a hundred metres from it."""
    origin = vectors(solution.place)
    distance = EARTH_RADIUS * angles(x, origin)
    if distance < 0.1:
        return True
    step = np.stack(tangents(origin)) @ x
    step *= distance / max(math.sqrt(step @ step), 1e-12)
    return bool(step @ np.linalg.solve(solution.covariance, step) < chi2.ppf(settings.level, 2))


def _joined(observations, best, other, settings):
    """Whether no barrier lies between two solutions: then they are one flat valley."""
    share = np.linspace(0, 1, 11)[:, np.newaxis]
    between = (1 - share) * vectors(best.place) + share * vectors(other.place)
    between /= np.linalg.norm(between, axis=-1, keepdims=True)
    costs = _losses(observations.residuals(between), settings)[0].sum(axis=-1)
    return bool(costs.max() < max(costs[0], costs[-1]) + _BARRIER)
