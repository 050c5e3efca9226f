"""The 4 features of particle motion at a three-component station."""

import numpy as np

from ._kernels import boxcar


def polarity_features(signal, envelope, settings):
    """Polarisation of the first part of three-component events.

    The eigenvalues λ1 ≤ λ2 ≤ λ3 and the eigenvector of λ3 are those of the covariance of E, N
    and Z over the first third of the time to the maximum of the envelope √(eZ² + eN² + eE²),
    smoothed as on single traces, or over ``settings.polarity_window``.

    Parameters
    ----------
    signal : ndarray of shape (n_events, 3, n_samples)
        Detrended components in the order Z, N, E and in one common unit.
    envelope : ndarray of shape (n_events, 3, n_samples) or None
        Their envelopes in that unit; not looked at if the window is given.
    settings : Settings
        Parameters of the formulas.

    Returns
    -------
    features : dict of str to ndarray of shape (n_events,)
        All four, and those of the group extra. NaN where the window holds fewer than three
        samples or nothing moves.
    """
    start, stop = _window(envelope, settings, len(signal))
    eigenvalues, vector = _principal_axes(signal, start, stop)
    smallest, middle, largest = np.moveaxis(eigenvalues, -1, 0)

    # An axis of motion has no sign: take the end that points east.
    up, north, east = np.moveaxis(vector, -1, 0)
    flip = np.where((east < 0) | ((east == 0) & (north < 0)), -1, 1)
    up, north, east = up * flip, north * flip, east * flip
    azimuth = np.arctan2(north, east)
    dip = np.arctan2(up, np.hypot(north, east))
    unmoved = ~(largest > 0)
    features = {
        "pol_rectilinearity": 1 - (smallest + middle) / (2 * largest),
        "pol_azimuth_deg": np.degrees(azimuth),
        "pol_dip_deg": np.degrees(dip),
        "pol_planarity": 1 - 2 * smallest / (middle + largest),
        "pol_azimuth_sin2": np.sin(2 * azimuth),
        "pol_azimuth_cos2": np.cos(2 * azimuth),
    }
    return {name: np.where(unmoved, np.nan, value) for name, value in features.items()}


def _window(envelope, settings, n_events):
    """First sample and the one after the last, for each event."""
    n_samples = settings.n_samples
    if settings.polarity_window is not None:
        bounds = np.round(np.multiply(settings.polarity_window, settings.sampling_rate))
        start, stop = np.clip(bounds.astype(int), 0, n_samples)
        return np.full(n_events, start), np.full(n_events, stop)
    total = np.sqrt(np.einsum("ect,ect->et", envelope, envelope))
    maximum = boxcar(total, settings.smoothing_length).argmax(axis=-1)
    return np.zeros(n_events, dtype=int), maximum // 3


def _principal_axes(signal, start, stop):
    """Ascending eigenvalues, and eigenvector of the largest, of the covariance in a window."""
    longest = max(int(stop.max(initial=0)), 1)
    time = np.arange(longest)
    inside = (time >= start[:, np.newaxis]) & (time < stop[:, np.newaxis])
    count = inside.sum(axis=-1)
    inside = inside[:, np.newaxis, :]
    part = signal[..., :longest]
    mean = (part * inside).sum(axis=-1, keepdims=True) / np.maximum(count, 1)[:, None, None]
    part = (part - mean) * inside
    covariance = (part @ part.swapaxes(-1, -2)).astype(np.float64)
    # Only ratios of eigenvalues matter; a trace of one keeps faint onsets clear of underflow.
    trace = np.trace(covariance, axis1=-2, axis2=-1)
    usable = (count >= 3) & (trace > 0)
    covariance = np.where(
        usable[:, None, None], covariance / np.where(usable, trace, 1)[:, None, None], np.eye(3)
    )
    eigenvalues, vectors = np.linalg.eigh(covariance)
    eigenvalues = np.where(usable[:, None], np.maximum(eigenvalues, 0), np.nan)
    return eigenvalues, vectors[..., -1]
