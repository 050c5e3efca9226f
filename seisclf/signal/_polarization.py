"""Polarization of three-component records."""

from typing import NamedTuple

import numpy as np

from ._arrays import as_float


class Polarization(NamedTuple):
    """Result of :func:`polarization`; every field has the leading axes of the record.

    Parameters
    ----------
    eigenvalues : ndarray of shape (..., 3)
        Eigenvalues of the covariance matrix, ascending, never negative.
    direction : ndarray of shape (..., 3)
        Unit vector (Z, N, E) of the largest one, pointing up.
    rectilinearity : ndarray of shape (...)
        ``1 - (l1 + l2) / (2 l3)``: 1 for motion along a line, 0 for motion without a direction.
    planarity : ndarray of shape (...)
        ``1 - 2 l1 / (l2 + l3)``: 1 for motion in a plane.
    azimuth : ndarray of shape (...)
        Direction of the horizontal motion in degrees clockwise from north, in [0, 180): the
        covariance cannot tell a direction from its opposite.
    dip : ndarray of shape (...)
        Angle of the motion above the horizontal in degrees, in [0, 90].
    """

    eigenvalues: np.ndarray
    direction: np.ndarray
    rectilinearity: np.ndarray
    planarity: np.ndarray
    azimuth: np.ndarray
    dip: np.ndarray


def polarization(x, *, components="ZNE", mask=None):
    """Describe the particle motion by the eigenvalues of its covariance matrix.

    Parameters
    ----------
    x : array-like of shape (..., 3, n_samples)
        Three-component records.
    components : str, default="ZNE"
        Order of the components, a permutation of ``"ZNE"``.
    mask : array-like of bool, shape broadcastable to (..., n_samples), optional
        Samples to use, for example the time before the largest amplitude. All by default.

    Returns
    -------
    polarization : Polarization
        Named tuple; see its fields. What is undefined is NaN: everything but the eigenvalues for
        a record without motion, the planarity and dip of nothing, and all of a record that
        contains NaN or whose mask is empty.

    Raises
    ------
    ValueError
        If the record has not three components, or `components` does not name them.

    References
    ----------
    .. [1] Jurkevics (1988), "Polarization analysis of three-component array data", Bulletin of
       the Seismological Society of America 78(5), 1725-1743.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.signal import polarization
    >>> motion = np.sin(np.arange(100.0))
    >>> north_east = np.stack([0 * motion, motion, motion])
    >>> result = polarization(north_east)
    >>> print(f"{result.azimuth:.1f} {result.dip:.1f} {result.rectilinearity:.1f}")
    45.0 0.0 1.0
    """
    x = as_float(x)
    if x.ndim < 2 or x.shape[-2] != 3:
        raise ValueError(f"x must have three components, (..., 3, n_samples); got shape {x.shape}")
    if sorted(components) != sorted("ZNE"):
        raise ValueError(f'components must be a permutation of "ZNE", got {components!r}')
    covariance, peak = _covariance(x, mask)
    undefined = ~np.isfinite(covariance).all(axis=(-2, -1))
    values, vectors = np.linalg.eigh(np.where(undefined[..., None, None], 0.0, covariance))
    values = np.maximum(values, 0.0)
    still = undefined | (values[..., 2] <= 0)
    order = [components.index(c) for c in "ZNE"]
    direction = _upwards(vectors[..., order, 2])
    eigenvalues = np.where(undefined[..., None], np.nan, values * peak**2)
    described = (direction, *_attributes(values, direction))
    defined = (np.where(_like(still, field), np.nan, field) for field in described)
    return Polarization(*(field.astype(x.dtype)[()] for field in (eigenvalues, *defined)))


def _like(mask, field):
    """The mask with as many axes as the field."""
    return mask[..., np.newaxis] if field.ndim > mask.ndim else mask


def _covariance(x, mask):
    """Covariance over time of the record divided by its peak, and that peak (..., 1)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        if mask is None:
            n_used = np.float64(x.shape[-1])
            centred = x - x.mean(axis=-1, keepdims=True, dtype=np.float64).astype(x.dtype)
        else:
            mask = np.broadcast_to(mask, x.shape[:-2] + x.shape[-1:])[..., np.newaxis, :]
            n_used = mask.sum(axis=-1, keepdims=True).astype(np.float64)
            kept = np.where(mask, x, 0)
            mean = kept.sum(axis=-1, keepdims=True, dtype=np.float64) / n_used
            centred = np.where(mask, kept - mean.astype(x.dtype), 0)
        # Dividing by the peak keeps squares of very large or small counts representable.
        peak = np.abs(centred).max(axis=(-2, -1), keepdims=True)
        centred = np.divide(centred, peak, out=np.zeros_like(centred), where=peak != 0)
        covariance = (centred @ np.swapaxes(centred, -2, -1)).astype(np.float64) / n_used
        empty = n_used == 0
        covariance = np.where(empty, np.nan, covariance)
    return covariance, peak[..., 0].astype(np.float64)


def _upwards(vector):
    """Of a direction and its opposite, the one that points up (north, then east, if level)."""
    z, n, e = np.moveaxis(vector, -1, 0)
    level, along_east = np.abs(z) < 1e-12, np.abs(n) < 1e-12
    lead = np.where(level, np.where(along_east, e, n), z)
    return vector * np.where(lead < 0, -1.0, 1.0)[..., np.newaxis]


def _attributes(values, direction):
    small, middle, large = np.moveaxis(values, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        rectilinearity = 1 - (small + middle) / (2 * large)
        planarity = 1 - 2 * small / (middle + large)
    z, n, e = np.moveaxis(direction, -1, 0)
    azimuth = np.degrees(np.arctan2(e, n)) % 180.0
    azimuth = np.where(azimuth >= 180.0, 0.0, azimuth)  # the remainder of a tiny negative angle
    dip = np.degrees(np.arctan2(z, np.hypot(n, e)))
    return rectilinearity, planarity, azimuth, np.abs(dip)
