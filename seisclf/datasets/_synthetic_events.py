"""One class at one site: source, path, noise, and the scale that gives the wanted SNR."""

from dataclasses import dataclass

import numpy as np

from ._synthetic_noise import background, cars, machines, spikes
from ._synthetic_slides import slides
from ._synthetic_sources import Place, earthquakes, quakes, rockfalls, tremors

SIMULATORS = {
    "earthquake": earthquakes,
    "quake": quakes,
    "rockfall": rockfalls,
    "slide": slides,
    "tremor": tremors,
    "noise": None,
    "spike": spikes,
    "car": cars,
    "machinery": machines,
}
_FIRST, _LAST = 0.005, 0.99  # share of the energy that has passed at start and end


@dataclass
class Recorded:
    """n events of one class as a site records them, with the truth; arrays (n, n_stations)."""

    data: np.ndarray  # (n, n_stations, n_components, n_samples), counts
    clean: np.ndarray  # the same without noise
    place: Place
    p: np.ndarray
    s: np.ndarray
    start: np.ndarray
    end: np.ndarray
    snr_db: np.ndarray
    origin: np.ndarray  # (n,)
    magnitude: np.ndarray  # (n,)


def record_events(
    label,
    site,
    grid,
    onset,
    snr_db,
    rng,
    *,
    n_components=3,
    noise=None,
    noise_gain=None,
    taper=None,
):
    """Simulate events of class `label` and add them to noise at the wanted SNR.

    `onset` (s) and `snr_db` have shape (n,); `noise` is drawn unless given; `noise_gain`
    (n, n_stations, n_components) multiplies it, `taper` (n_samples,) the events, before anything
    is measured.
    """
    n, s = len(onset), site.n_stations
    if noise is None:
        noise = background(site, grid, n, rng, n_components=n_components)
    if noise_gain is not None:
        noise = noise * noise_gain[..., None].astype(np.float32)
    if SIMULATORS[label] is None:
        none, of_event = np.full((n, s), np.nan), np.full(n, np.nan)
        place = Place(of_event, of_event, of_event, none, none)
        clean = np.zeros_like(noise)
        return Recorded(noise, clean, place, none, none, none, none, none, of_event, of_event)
    wanted_rms = site.noise_rms.mean() * 10 ** (snr_db / 20)
    wave = SIMULATORS[label](site, grid, onset, wanted_rms, rng)
    clean = wave.signal[:, :, :n_components]
    if taper is not None:
        clean = clean * taper
    energy = _passed(clean)
    start, end = _extent(energy, wave.p, grid)
    ratio = _power(energy, start, end, grid) / _power(_passed(noise), start, end, grid)
    with np.errstate(divide="ignore"):
        measured = 10 * np.log10(np.where(ratio > 0, ratio, np.nan))
    correction = snr_db - _mean_known(measured)
    clean = clean * (10 ** (correction / 20)).astype(np.float32)[:, None, None, None]
    magnitude = wave.magnitude + correction / 30  # two thirds of the logarithm of amplitude
    return Recorded(
        noise + clean, clean, wave.place, wave.p, wave.s, start, end,
        measured + correction[:, None], wave.origin, magnitude,
    )  # fmt: skip


def _passed(x):
    """Energy of all components up to each sample, (n, s, n_samples)."""
    return np.cumsum(np.einsum("nsct,nsct->nst", x, x, dtype=np.float64), axis=-1)


def _extent(energy, p, grid):
    """Start and end (s) of each event at each station; NaN where nothing was recorded.

    An event starts with its P wave if it has one, else when half a percent of its energy has
    passed; it ends when 99 percent have.
    """
    total = energy[..., -1:]
    first = np.argmax(energy >= _FIRST * total, axis=-1) / grid.sampling_rate
    last = np.argmax(energy >= _LAST * total, axis=-1) / grid.sampling_rate
    start = np.where(np.isnan(p), first, p)
    end = np.maximum(last, start + 2 / grid.sampling_rate)
    known = total[..., 0] > 0
    return np.where(known, start, np.nan), np.where(known, end, np.nan)


def samples_between(start, end, grid):
    """First and last sample of a stretch given in seconds; an empty one (0, -1) for NaN."""
    slack = 1e-6  # 3.1 s are sample 310, not 311, whatever 3.1 * 100 is
    first = np.ceil(start * grid.sampling_rate - slack)
    last = np.floor(end * grid.sampling_rate + slack)
    return np.nan_to_num(first, nan=0).astype(int), np.nan_to_num(last, nan=-1).astype(int)


def _power(energy, start, end, grid):
    """Mean power between start and end, both included."""
    a, b = samples_between(start, end, grid)
    a = np.clip(a, 0, grid.n_samples - 1)
    b = np.clip(b, a, grid.n_samples - 1)
    before = np.take_along_axis(energy, np.maximum(a - 1, 0)[..., None], axis=-1)[..., 0]
    until = np.take_along_axis(energy, b[..., None], axis=-1)[..., 0]
    return (until - np.where(a > 0, before, 0)) / (b - a + 1)


def _mean_known(x):
    known = ~np.isnan(x)
    return np.where(known, x, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
