"""Slides and avalanches: long, emergent, low, seen far away."""

import numpy as np

from ._synthetic_propagation import brune_spectrum, log_attenuation, rayleigh_dispersion
from ._synthetic_sources import Wavefield, log_uniform, place_sources, surface_wave

# Rayleigh waves through the upper crust, as part of its S velocity.
_CRUSTAL_RAYLEIGH = 0.75


def slides(site, grid, onset, wanted_rms, rng):
    """A mass that sets off, flows and runs out: noise under a spindle, richest about 1 Hz.

    What moves is large and shakes the ground at low frequencies, so that its surface waves run
    through the crust, fast and with little loss; single impacts are not told apart.
    """
    n = len(onset)
    distance = log_uniform(rng, 1.0, 12.0, n)
    place = place_sources(site, rng.uniform(0, 360, n), distance, np.zeros(n))
    longest = min(60.0, 0.65 * grid.duration)
    length = log_uniform(rng, 0.5 * longest, longest, n)
    velocity = _CRUSTAL_RAYLEIGH * site.vs
    delay = place.distance / velocity
    origin = onset - delay.min(axis=1)

    f = grid.frequencies
    flow = rng.standard_normal((n, grid.n_samples), dtype=np.float32)
    flow = grid.to_spectrum(flow * _spindle(grid.times, onset, length, rng))
    corner = log_uniform(rng, 0.7, 2.5, n)
    colour = np.abs(brune_spectrum(f, corner)) * f / np.sqrt(f**2 + 0.4**2)
    lag = np.exp(-2j * np.pi * f * (delay - delay.min(axis=1, keepdims=True))[..., None])
    loss = log_attenuation(f, site.q0, site.q_exponent) / velocity
    dispersion = 1j * rayleigh_dispersion(f, velocity, turn=1.5, slow=0.8)
    path = np.exp(place.distance[..., None] * (loss + dispersion)) * lag
    path /= np.sqrt(np.maximum(place.distance, 0.3))[..., None]
    green = surface_wave(velocity, grid, place, rng)
    response = site.response(f, grid.sampling_rate)[:, [0, 1, 1]]
    ground = ((flow * colour)[:, None] * path).astype(np.complex64)[:, :, None] * green
    signal = grid.to_signal(ground * response.astype(np.complex64))
    none = np.full(delay.shape, np.nan)
    return Wavefield(signal, place, none, none, origin, np.full(n, np.nan))


def _spindle(times, onset, length, rng):
    """Envelopes (n, n_samples) that swell from zero and run out, each of its own shape."""
    n = len(onset)
    part = np.clip((times - onset[:, None]) / length[:, None], 0, 1)
    grow, die = rng.uniform(1.0, 2.5, (n, 1)), rng.uniform(1.0, 2.5, (n, 1))
    surge = 1 + 0.5 * np.sin(2 * np.pi * (rng.uniform(1, 3, (n, 1)) * part + rng.random((n, 1))))
    return (part**grow * (1 - part) ** die * surge).astype(np.float32)
