"""What is not a source in the rock: coloured noise, glitches, cars, machines."""

import numpy as np
from scipy import fft

from ._synthetic_sources import Wavefield, log_uniform, place_sources, wax_and_wane


def background(site, grid, n, rng, *, n_components=3, disturbances=0.35):
    """Coloured noise of a site in counts, shape (n, n_stations, n_components, n_samples).

    The level changes from window to window (day and night) and within a window (wind);
    a share `disturbances` of the windows has a short local disturbance in it.
    """
    shape = (n, site.n_stations, n_components)
    frequencies = fft.rfftfreq(grid.n_samples, 1 / grid.sampling_rate)
    amplitude = site.noise_amplitude(frequencies, grid.sampling_rate)
    kinds = [0, 1, 1][:n_components]
    spectrum = rng.standard_normal((*shape, 2 * len(frequencies)), dtype=np.float32)
    spectrum = spectrum.view(np.complex64)
    scale = site.noise_rms[:, None, None] * amplitude[kinds] * np.sqrt(grid.n_samples / 2)
    spectrum *= scale.astype(np.float32)
    noise = fft.irfft(spectrum, grid.n_samples, axis=-1, overwrite_x=True)
    level = np.exp(rng.normal(0, 0.3, (n, 1))).astype(np.float32)
    noise *= (level * wax_and_wane(grid, n, rng, depth=0.15))[:, None, None]
    _disturb(noise, site, grid, disturbances, rng)
    return noise


def _disturb(noise, site, grid, share, rng):
    """Add a burst of local noise (steps, gusts, animals) to some windows, in place."""
    rows = np.flatnonzero(rng.uniform(size=len(noise)) < share)
    if rows.size == 0:
        return
    n = len(rows)
    centre = rng.uniform(0.2, 0.8, (n, 1)) * grid.duration
    length = log_uniform(rng, 0.05, min(2.0, 0.07 * grid.duration), (n, 1))
    envelope = np.exp(-0.5 * ((grid.times - centre) / length) ** 2)
    tone = log_uniform(rng, 3.0, min(30.0, 0.4 * grid.sampling_rate), (n, 1))
    rough = np.cumsum(rng.normal(0, 0.25, (n, grid.n_samples)), axis=1)
    wave = envelope * np.sin(2 * np.pi * tone * grid.times + rough)
    height = log_uniform(rng, 0.4, 2.5, n)
    motion = rng.normal(0, 1, (n, *noise.shape[1:3]))
    burst = (motion * height[:, None, None] * site.noise_rms[:, None])[..., None]
    noise[rows] += (burst * wave[:, None, None]).astype(np.float32)


def spikes(site, grid, onset, wanted_rms, rng):
    """Instrument glitches at one station: single samples, steps that decay, ringing."""
    n, s = len(onset), site.n_stations
    station = rng.integers(s, size=n)
    count = rng.choice([1, 1, 1, 2, 3], size=n)
    gaps = np.cumsum(np.abs(rng.normal(0, 0.1 * grid.duration, (n, 3))), axis=1)
    times = onset[:, None] + gaps - gaps[:, :1]
    heights = rng.choice([-1.0, 1.0], (n, 3)) * rng.uniform(0.3, 1, (n, 3))
    heights *= np.arange(3) < count[:, None]
    train = grid.to_spectrum(grid.impulses(times, heights))
    f = grid.frequencies
    fade = log_uniform(rng, 0.005, 0.4, n)[:, None]  # s; short ones are single samples
    step = fade * grid.sampling_rate / (1 + 2j * np.pi * f * fade)
    step[fade[:, 0] < 0.015] = 1.0
    wave = grid.to_signal(train * step)
    # What one channel suffers leaks into the others, faintly.
    share = np.where(rng.uniform(size=(n, 3)) < 0.6, 1.0, 0.1)
    motion = share * rng.uniform(0.4, 1.0, (n, 3)) * rng.choice([-1.0, 1.0], (n, 3))
    signal = np.zeros((n, s, 3, grid.n_samples), dtype=np.float32)
    signal[np.arange(n), station] = motion[..., None] * wave[:, None]
    # A glitch comes from nowhere: no source, hence no coordinates.
    return Wavefield(signal, _nowhere(n, s), *_nothing_known(n, s))


def cars(site, grid, onset, wanted_rms, rng):
    """Vehicles that pass: rumble of 5 to 20 Hz that swells and fades, with Doppler lines."""
    n = len(onset)
    nearest = log_uniform(rng, 0.02, 0.2, n)
    side = rng.choice([-90.0, 90.0], n)
    place = place_sources(site, site.road_azimuth + side, nearest, np.zeros(n))
    speed = rng.uniform(8, 25, n) * rng.choice([-1, 1], n) / 1e3  # km/s
    middle = onset + rng.uniform(0.15, 0.35, n) * grid.duration
    along = _along_road(site, place)
    ahead = speed[:, None, None] * (grid.times - middle[:, None, None])
    ahead = ahead - (along - along[:, :1])[..., None]  # the first station is passed at `middle`
    across = np.maximum(np.sqrt(np.maximum(place.distance**2 - along**2, 0)), 0.015)
    distance = np.hypot(ahead, across[..., None])

    rumble, engine = _rumble(grid, n, rng), log_uniform(rng, 8.0, 16.0, (n, 1, 1))
    velocity = 0.5 * site.surface_velocity
    phase = 2 * np.pi * engine * (grid.times - distance / velocity)
    height = rng.uniform(0.3, 1.5, (n, 1, 1))
    wave = height * (np.sin(phase) + 0.5 * np.sin(2 * phase))
    for centre, band in zip((7.0, 15.0), rumble, strict=True):
        loss = np.exp(-np.pi * centre * distance / (site.slope_q * velocity))
        wave = wave + band[:, None] * loss
    wave = wave / distance**1.2
    motion = rng.normal(0, 1, (n, site.n_stations, 3))
    signal = _through_ground(site, grid, wave, motion)
    return Wavefield(signal, place, *_nothing_known(n, site.n_stations))


def _along_road(site, place):
    """How far along the road each station lies from the point of nearest approach, km."""
    from_station = np.radians(place.back_azimuth - site.road_azimuth)
    return -place.distance * np.cos(from_station)


def _rumble(grid, n, rng):
    """Two bands of noise, 5-10 and 10-20 Hz, each (n, n_samples) of unit power."""
    spectrum = grid.to_spectrum(rng.standard_normal((n, grid.n_samples), dtype=np.float32))
    f = np.maximum(grid.frequencies, grid.frequencies[1] / 2)
    for centre in (7.0, 15.0):
        band = grid.to_signal(spectrum * np.exp(-0.5 * (np.log(f / centre) / 0.25) ** 2))
        yield band / band.std(axis=-1, keepdims=True)


def machines(site, grid, onset, wanted_rms, rng):
    """A pump or fan that runs all the time: sharp harmonics, beating slowly."""
    n, s = len(onset), site.n_stations
    place = place_sources(site, np.full(n, site.road_azimuth), np.full(n, 0.4), np.zeros(n))
    tone = site.machine_frequency * np.exp(rng.normal(0, 0.1, (n, 1, 1)))
    harmonics = np.array([0.5, 1, 2, 3])[:, None]
    height = rng.uniform(0.1, 1, (n, 4, 1)) / np.maximum(harmonics, 1)
    phase = 2 * np.pi * (tone * harmonics * grid.times + rng.uniform(size=(n, 4, 1)))
    beat = 2 * np.pi * (rng.uniform(0.1, 1.0, (n, 1)) * grid.times + rng.uniform(size=(n, 1)))
    wave = np.sum(height * np.sin(phase), axis=1) * (
        1 + rng.uniform(0, 0.8, (n, 1)) * np.sin(beat)
    )
    wave = wave[:, None] / np.sqrt(place.distance)[..., None]
    signal = _through_ground(site, grid, wave, rng.normal(0, 1, (n, s, 3)))
    return Wavefield(signal, place, *_nothing_known(n, s))


def _through_ground(site, grid, wave, motion):
    """Record one wave (n, s, t) on three components of a site's stations."""
    response = site.response(grid.frequencies, grid.sampling_rate)[:, [0, 1, 1]]
    spectrum = grid.to_spectrum(wave)[:, :, None] * (motion[..., None] * response)
    return grid.to_signal(spectrum)


def _nothing_known(n, s):
    """P, S, origin, magnitude of what has none of them."""
    none = np.full((n, s), np.nan)
    return none, none, np.full(n, np.nan), np.full(n, np.nan)


def _nowhere(n, s):
    from ._synthetic_sources import Place

    none, grid = np.full(n, np.nan), np.full((n, s), np.nan)
    return Place(none, none, none, grid, grid)
