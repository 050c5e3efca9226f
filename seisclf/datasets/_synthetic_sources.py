"""Sources in rock and on slopes: earthquakes, quakes, rockfalls, tremor."""

from dataclasses import dataclass

import numpy as np

from ._synthetic_propagation import (
    brune_spectrum,
    corner_frequency,
    destination,
    distance_and_back_azimuth,
    free_surface_motion,
    log_attenuation,
    rayleigh_dispersion,
    rotate_to_zne,
    seismic_moment,
)
from ._synthetic_sites import GAIN

_DENSITY = 2700.0  # kg/m3
_CODA_CORNERS = (3.0, 9.0)  # Hz: the coda decays on its own in each of three bands
_SURFACE_VP = 0.8  # of the S velocity at depth: slow ground bends rays upright
_SURFACE_RATIO = 2.0  # P over S velocity of that ground


@dataclass
class Place:
    """Where n events lie: degrees, km, and (n, n_stations) distances and back-azimuths."""

    latitude: np.ndarray
    longitude: np.ndarray
    depth: np.ndarray
    distance: np.ndarray
    back_azimuth: np.ndarray

    @property
    def hypocentral(self):
        return np.hypot(self.distance, self.depth[:, None])


@dataclass
class Wavefield:
    """Ground as recorded without noise: counts up to a factor, and what is true about it."""

    signal: np.ndarray  # (n, n_stations, 3, n_samples)
    place: Place
    p: np.ndarray  # (n, n_stations), s after the first sample, NaN where there is none
    s: np.ndarray
    origin: np.ndarray  # (n,)
    magnitude: np.ndarray  # (n,)


def place_sources(site, azimuth, distance, depth):
    """Put sources at `azimuth` (deg) and `distance` (km) from the middle of a site."""
    latitude, longitude = destination(site.latitude, site.longitude, azimuth, distance)
    to_stations = distance_and_back_azimuth(
        site.station_latitude, site.station_longitude, latitude[:, None], longitude[:, None]
    )
    return Place(latitude, longitude, np.asarray(depth, dtype=float), *to_stations)


def log_uniform(rng, low, high, size):
    return low * (high / low) ** rng.uniform(size=size)


def earthquakes(site, grid, onset, wanted_rms, rng):
    """Tectonic earthquakes at several to tens of km, so that S - P fits into the window."""
    n = len(onset)
    farthest = min(90.0, 0.35 * grid.duration / (1 / site.vs - 1 / site.vp))
    hypocentral = log_uniform(rng, min(9.0, 0.5 * farthest), farthest, n)
    depth = np.minimum(hypocentral * rng.uniform(0.1, 0.7, n), rng.uniform(5, 18, n))
    place = place_sources(site, rng.uniform(0, 360, n), np.sqrt(hypocentral**2 - depth**2), depth)
    rock = {"vp": site.vp, "vs": site.vs, "q0": site.q0, "q_exponent": site.q_exponent}
    coda = 0.4 * place.hypocentral / site.vs
    return _body_waves(site, grid, place, onset, wanted_rms, rng, coda=coda, **rock)


def quakes(site, grid, onset, wanted_rms, rng):
    """Micro-earthquakes inside the slope: close, short, rich in high frequencies."""
    n = len(onset)
    distance = log_uniform(rng, 0.1, 2.0, n)
    place = place_sources(
        site, rng.uniform(0, 360, n), distance, np.maximum(0.02, rng.uniform(0.05, 0.4, n))
    )
    rock = {"vp": site.slope_vp, "vs": site.slope_vs, "q0": site.slope_q, "q_exponent": 0.15}
    coda = log_uniform(rng, 0.1, 0.6, (n, 1)) + 0.4 * place.hypocentral / site.slope_vs
    return _body_waves(site, grid, place, onset, wanted_rms, rng, coda=coda, **rock)


def _body_waves(site, grid, place, onset, wanted_rms, rng, *, coda, vp, vs, q0, q_exponent):
    """P and S with their codas at every station; `coda` (s) is how long scattering lasts."""
    travel_p, travel_s = place.hypocentral / vp, place.hypocentral / vs
    origin = onset - travel_p.min(axis=1)
    p, s = origin[:, None] + travel_p, origin[:, None] + travel_s
    source = _Source(site, grid, place, vp, vs, q0, q_exponent, travel_p, travel_s, rng)
    magnitude = source.magnitude_for(wanted_rms, duration=(s - p).mean(axis=1) + 3 * coda[:, 0])
    spectrum_p, spectrum_s = source.spectra(magnitude)

    motion_p, motion_s = _polarisation(place, rng)
    scattered = rng.standard_normal((*p.shape, 3, grid.n_samples), dtype=np.float32)
    sideways = np.array([0.6, 1.0, 1.0])
    wave_p = _excitation(
        grid, p, motion_p, scattered * _column(1 / (1 + sideways)), 0.4 * coda, 0.8, q0, q_exponent
    )
    wave_s = _excitation(
        grid, s, motion_s, scattered * _column(sideways), coda, 2.5, q0, q_exponent
    )
    ground = wave_p * spectrum_p[:, :, None] + wave_s * spectrum_s[:, :, None]
    response = site.response(grid.frequencies, grid.sampling_rate)[:, [0, 1, 1]]
    signal = grid.to_signal(ground * response.astype(np.complex64))
    return Wavefield(signal, place, p, s, origin, magnitude)


def _column(values):
    return np.asarray(values, dtype=np.float32)[:, None]


def _excitation(grid, arrival, motion, scattered, length, coda_energy, q0, q_exponent):
    """Spectrum (n, s, 3, f) of an arrival and its coda, before source, path and site.

    The coda is noise under ``(1 + t / length)**-1.5 exp(-pi f t / Q(f))``, in three bands,
    so that it loses its high frequencies first.
    """
    after = grid.times - arrival[..., None].astype(np.float32)
    started = after >= 0
    after = np.where(started, after, 0)
    length = np.broadcast_to(length, arrival.shape)[..., None].astype(np.float32)
    height = np.sqrt(coda_energy / (0.5 * length * grid.sampling_rate))
    spreading = height * started * (1 + after / length) ** np.float32(-1.5)
    direct = grid.impulses(arrival[..., None], np.ones(1))[:, :, None] * motion[..., None].astype(
        np.float32
    )
    total = 0
    for frequency, weight in zip((1.5, 5.0, 15.0), _band_weights(grid.frequencies), strict=True):
        rate = np.float32(np.pi * frequency ** (1 - q_exponent) / q0)
        envelope = spreading * np.exp(-rate * after)
        total = total + weight * grid.to_spectrum(direct + scattered * envelope[:, :, None])
    return total


def _band_weights(frequencies):
    """Three smooth bands over log frequency that add up to one."""
    f = np.maximum(frequencies, frequencies[1] / 2)
    low, high = (1 / (1 + (f / corner) ** 6) for corner in _CODA_CORNERS)
    return np.stack([low, high - low, 1 - high]).astype(np.float32)


def _polarisation(place, rng):
    """Motion (n, s, 3) in Z N E of direct P and S, with free surface and a radiation pattern."""
    n = len(place.depth)
    steep = np.sin(np.arctan2(place.distance, place.depth[:, None])) * _SURFACE_VP
    strike, sign = rng.uniform(0, 360, (n, 1)), rng.choice([-1.0, 1.0], (n, 1))
    angle = 2 * np.radians(place.back_azimuth + 180 - strike)
    # Scattering fills the nodes of the pattern: it never falls to zero.
    lobe_p = sign * _filled(np.sin(angle))
    lobe_sh, lobe_sv = _filled(np.cos(angle)), sign * _filled(np.sin(angle))
    up_p, away_p = free_surface_motion(np.arcsin(steep / 1.75), _SURFACE_RATIO, "P")
    up_s, away_s = free_surface_motion(np.arcsin(steep / _SURFACE_RATIO), _SURFACE_RATIO, "SV")
    nothing = np.zeros_like(up_p)
    motion_p = rotate_to_zne(lobe_p * up_p, lobe_p * away_p, nothing, place.back_azimuth)
    motion_s = rotate_to_zne(lobe_sv * up_s, lobe_sv * away_s, 2 * lobe_sh, place.back_azimuth)
    return 0.5 * motion_p, 0.5 * motion_s


def _filled(lobe):
    return np.where(lobe < 0, -1.0, 1.0) * (0.35 + 0.65 * np.abs(lobe))


class _Source:
    """Far-field velocity spectra of P and S for events of any magnitude."""

    def __init__(self, site, grid, place, vp, vs, q0, q_exponent, travel_p, travel_s, rng):
        self.site, self.grid, self.place, self.vp, self.vs = site, grid, place, vp, vs
        self.stress_drop = log_uniform(rng, 3e5, 1e7, len(place.depth))
        path = log_attenuation(grid.frequencies, q0, q_exponent)
        self.path_p = np.exp((travel_p[..., None] * path).astype(np.complex64))
        self.path_s = np.exp((travel_s[..., None] * path).astype(np.complex64))

    def spectra(self, magnitude):
        """Complex (n, s, f), per unit-sample impulse, in m/s."""
        corner = corner_frequency(magnitude, self.vs, self.stress_drop)
        omega = 2j * np.pi * self.grid.frequencies * self.grid.sampling_rate
        level = seismic_moment(magnitude)[:, None] / (
            4 * np.pi * _DENSITY * 1e3 * self.place.hypocentral
        )
        shape_p = (brune_spectrum(self.grid.frequencies, 1.5 * corner) * omega)[:, None]
        shape_s = (brune_spectrum(self.grid.frequencies, corner) * omega)[:, None]
        p = (level / (1e3 * self.vp) ** 3)[..., None] * shape_p * self.path_p
        s = (level / (1e3 * self.vs) ** 3)[..., None] * shape_s * self.path_s
        return p.astype(np.complex64), s.astype(np.complex64)

    def magnitude_for(self, wanted_rms, duration):
        """Magnitude that gives about `wanted_rms` counts over `duration` (s) of S and coda."""
        trial = np.arange(-4.0, 6.1, 0.5)
        some = np.linspace(1, len(self.grid.frequencies) - 1, 48).astype(int)
        f = self.grid.frequencies[some]
        path = np.abs(self.path_s[..., some]).mean(axis=1) * GAIN
        corner = corner_frequency(trial, self.vs, self.stress_drop[:, None])
        shape = np.abs(brune_spectrum(f, corner)) * 2 * np.pi * f * path[:, None]
        distance = self.place.hypocentral.mean(axis=1)[:, None]
        level = seismic_moment(trial) / (4 * np.pi * _DENSITY * 1e3 * distance)
        level *= self.grid.sampling_rate / (1e3 * self.vs) ** 3
        samples = duration[:, None] * self.grid.sampling_rate
        rms = level * np.sqrt(3.5 * np.mean(shape**2, axis=-1) / samples)
        return np.array(
            [np.interp(np.log(w), np.log(r), trial) for w, r in zip(wanted_rms, rms, strict=True)]
        )


def rockfalls(site, grid, onset, wanted_rms, rng):
    """Trains of impacts that grow and die away, each a dispersed surface-wave pulse."""
    n = len(onset)
    azimuth = site.cliff_azimuth + rng.uniform(-40, 40, n)
    place = place_sources(site, azimuth, log_uniform(rng, 0.15, 2.5, n), np.zeros(n))
    longest = min(22.0, 0.6 * grid.duration)
    length = log_uniform(rng, min(3.5, 0.4 * longest), longest, n)
    delay = place.distance / site.surface_velocity
    origin = onset - delay.min(axis=1)
    times, heights = _impacts(length, rng)
    arrivals = (origin[:, None] + delay)[..., None] + times[:, None]
    train = grid.to_spectrum(grid.impulses(arrivals, heights[:, None]))

    f = grid.frequencies
    contact = log_uniform(rng, 5.0, 20.0, n)  # corner frequency of one impact, Hz
    pulse = (brune_spectrum(f, contact) * 1j * f)[:, None]
    loss = log_attenuation(f, site.slope_q, 0.0) / site.surface_velocity
    dispersion = 1j * rayleigh_dispersion(f, site.surface_velocity)
    path = np.exp(place.distance[..., None] * (loss + dispersion))
    path /= np.sqrt(np.maximum(place.distance, 0.05))[..., None]
    green = surface_wave(site.surface_velocity, grid, place, rng)
    response = site.response(f, grid.sampling_rate)[:, [0, 1, 1]]
    ground = (train * pulse * path).astype(np.complex64)[:, :, None] * green
    signal = grid.to_signal(ground * response.astype(np.complex64))
    none = np.full(arrivals.shape[:2], np.nan)
    return Wavefield(signal, place, none, none, origin, np.full(n, np.nan))


def _impacts(length, rng, most=240):
    """Times (s) and heights (n, k) of the impacts of falls that last `length` seconds."""
    n = len(length)
    rate = log_uniform(rng, 2.5, 12.0, n)
    count = np.clip(rng.poisson(rate * length), 2, most)
    part = np.sort(rng.uniform(size=(n, most)) + (np.arange(most) >= count[:, None]), axis=1)
    part = np.minimum(part, 1.0)
    part = (part - part[:, :1]) / np.maximum(
        np.take_along_axis(part, count[:, None] - 1, axis=1) - part[:, :1], 1e-9
    )
    part = np.clip(part, 0, 1)
    # Boulders gather way, break and run out: a cigar, steeper or flatter, sooner or later.
    grow, die = rng.uniform(0.6, 1.8, (n, 1)), rng.uniform(0.5, 2.0, (n, 1))
    cigar = (part + 0.02) ** grow * (1.02 - part) ** die
    heights = cigar * np.exp(rng.normal(0, 0.7, (n, most))) * rng.choice([-1, 1], (n, most))
    heights[np.arange(most) >= count[:, None]] = 0
    return part * length[:, None], heights


def surface_wave(velocity, grid, place, rng):
    """Rayleigh ellipse, some Love, and scattering after every impact: (n, s, 3, f)."""
    n, s = place.distance.shape
    ellipse, love = rng.uniform(0.5, 1.0, (n, 1)), rng.normal(0, 0.5, (n, 1))
    quarter = -1j  # a quarter period apart: retrograde at the surface
    motion = rotate_to_zne(1.0, ellipse * quarter, love, place.back_azimuth)[..., None]
    longest = min(3.0, grid.duration)
    t = np.arange(int(longest * grid.sampling_rate)) / grid.sampling_rate
    fade = 0.15 + 0.25 * place.distance / velocity
    decay = np.exp(-t / fade[..., None]) / np.sqrt(0.5 * fade[..., None] * grid.sampling_rate)
    coda = rng.standard_normal((n, s, 3, len(t)), dtype=np.float32) * decay[:, :, None]
    return (motion + 0.9 * grid.to_spectrum(coda)).astype(np.complex64)


def tremors(site, grid, onset, wanted_rms, rng):
    """Volcanic-like tremor: narrow harmonics that wax and wane, without an onset."""
    n, s = len(onset), site.n_stations
    place = place_sources(
        site, rng.uniform(0, 360, n), log_uniform(rng, 0.5, 5.0, n), rng.uniform(0.3, 2.0, n)
    )
    f = grid.frequencies
    first, width = log_uniform(rng, 0.7, 2.5, n), rng.uniform(0.04, 0.15, n)
    overtones = np.arange(1, 7)
    height = overtones ** -rng.uniform(0.5, 2.0, (n, 1)) * rng.uniform(0.3, 1, (n, 6))
    away = (f - first[:, None, None] * overtones[:, None]) / width[:, None, None]
    lines = np.einsum("nk,nkf->nf", height, np.exp(-0.5 * np.minimum(away**2, 80)))
    source = rng.standard_normal((n, 1, 1, len(f))) + 1j * rng.standard_normal((n, 1, 1, len(f)))
    lag = np.exp(-2j * np.pi * f * (place.hypocentral / site.slope_vs)[..., None])
    motion = rng.normal(size=(n, s, 3, 1))
    response = site.response(f, grid.sampling_rate)[:, [0, 1, 1]]
    ground = source * lines[:, None, None] * lag[:, :, None] * motion * response
    signal = grid.to_signal(ground) * wax_and_wane(grid, n, rng, depth=0.6)[:, None, None]
    spreading = 1 / np.sqrt(np.maximum(place.distance, 0.1))
    none = np.full((n, s), np.nan)
    signal = signal * spreading[..., None, None].astype(np.float32)
    return Wavefield(signal, place, none, none, np.full(n, np.nan), np.full(n, np.nan))


def wax_and_wane(grid, n, rng, *, depth, every=4.0):
    """Slow positive modulation (n, n_samples), about one; log-normal of width `depth`."""
    knots = np.arange(0, grid.duration + 2 * every, every)
    position = grid.times / every
    left = position.astype(int)
    part = 0.5 - 0.5 * np.cos(np.pi * (position - left))
    values = rng.normal(0, depth, (n, len(knots)))
    smooth = values[:, left] * (1 - part) + values[:, left + 1] * part
    return np.exp(smooth).astype(np.float32)
