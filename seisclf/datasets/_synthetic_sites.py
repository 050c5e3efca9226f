"""Invented monitoring sites: where they stand, what rock, what ground, what noise."""

from dataclasses import dataclass

import numpy as np

from ._synthetic_propagation import EARTH_RADIUS_KM, minimum_phase

GAIN = 4.0e8  # counts per (m/s): a common digitizer behind a common seismometer
_CODES = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Site:
    """One small seismic network and the ground it stands on.

    Scalars are of the whole site, arrays of its stations. Velocities in km/s, frequencies in
    Hz, `kappa` in s, `noise_rms` in counts, coordinates in degrees, `elevation` in m.
    """

    name: str
    network: str
    latitude: float
    longitude: float
    station_codes: tuple
    station_latitude: np.ndarray
    station_longitude: np.ndarray
    station_elevation: np.ndarray
    vp: float  # crust, for earthquakes
    vs: float
    slope_vp: float  # fractured rock of the slope, for quakes
    slope_vs: float
    surface_velocity: float  # Rayleigh waves, low-frequency limit
    q0: float  # Q(f) = q0 * f**q_exponent along crustal paths
    q_exponent: float
    slope_q: float
    kappa: float
    resonance: np.ndarray
    resonance_gain: np.ndarray
    sensor_corner: float
    noise_rms: np.ndarray
    noise_slope: float
    microseism: float
    cultural: float
    cultural_frequency: float
    line: float
    line_frequency: float
    cliff_azimuth: float
    road_azimuth: float
    machine_frequency: float

    @property
    def n_stations(self):
        return len(self.station_codes)

    def response(self, frequencies, sampling_rate):
        """Minimum-phase response, counts per m/s, shape (n_stations, 2, n_frequencies).

        Axis 1 is vertical, horizontal: soft ground shakes sideways more than up and down.
        """
        f = np.maximum(frequencies, frequencies[1] / 2)
        ratio = f / self.resonance[:, None]
        peak = 1 / (1 + ((ratio - 1 / ratio) / 0.6) ** 2)
        gain = (self.resonance_gain - 1)[:, None]
        amplification = np.stack([1 + 0.3 * gain * peak, 1 + gain * peak], axis=1)
        ground = np.exp(-np.pi * self.kappa * f)
        sensor = 1 / np.sqrt(1 + (self.sensor_corner / f) ** 4)
        digitizer = 1 / np.sqrt(1 + (f / (0.42 * sampling_rate)) ** 16)
        return minimum_phase(GAIN * amplification * ground * sensor * digitizer)

    def noise_amplitude(self, frequencies, sampling_rate):
        """Shape of the noise's amplitude spectrum, root mean square 1 over the band.

        Returns (2, n_frequencies): vertical, horizontal.
        """
        f = np.maximum(frequencies, frequencies[1] / 2)
        power = f**-self.noise_slope + self.microseism * _bump(f, 0.2, 0.35)
        power = power + self.cultural * _bump(f, self.cultural_frequency, 0.45)
        power = power + self.line * _bump(f, self.line_frequency, 0.01)
        power /= 1 + (self.sensor_corner / f) ** 4
        power /= 1 + (f / (0.42 * sampling_rate)) ** 16
        amplitude = np.sqrt(np.stack([power, 1.4 * power]))
        amplitude[:, 0] = 0
        return amplitude / np.sqrt(np.mean(amplitude**2))


def _bump(f, centre, width):
    return np.exp(-0.5 * (np.log(f / centre) / width) ** 2)


def make_sites(n_sites, n_stations, rng, radius=1.0):
    """Draw sites that differ by more than chance: each property is spread over its range.

    Every property takes its values from equal parts of its range, in an order of its own, so
    that even three sites cover hard rock and soft ground, quiet valleys and busy ones. `radius`
    (km) is how far from its middle a network reaches.
    """

    def spread(low, high, log=False):
        parts = (rng.permutation(n_sites) + rng.uniform(0.25, 0.75, n_sites)) / n_sites
        if log:
            return low * (high / low) ** parts
        return low + (high - low) * parts

    table = {
        "latitude": spread(44.0, 47.0),
        "longitude": spread(6.0, 13.0),
        "vs": spread(3.1, 3.6),
        "slope_vs": spread(0.8, 1.8),
        "q0": spread(60, 180, log=True),
        "q_exponent": spread(0.3, 0.7),
        "slope_q": spread(18, 50, log=True),
        "kappa": spread(0.008, 0.035, log=True),
        "resonance": spread(2.5, 14.0, log=True),
        "resonance_gain": spread(1.8, 5.0),
        "sensor_corner": rng.permutation(np.resize([1.0, 0.2, 4.5], n_sites)),
        "noise_rms": spread(120, 1500, log=True),
        "noise_slope": spread(0.3, 1.3),
        "microseism": spread(0.5, 20, log=True),
        "cultural": spread(0.03, 1.5, log=True),
        "cultural_frequency": spread(4, 18, log=True),
        "line": spread(0.3, 30, log=True),
        "line_frequency": spread(7, 25),
        "cliff_azimuth": rng.uniform(0, 360, n_sites),
        "road_azimuth": rng.uniform(0, 360, n_sites),
        "machine_frequency": spread(6, 16),
    }
    # A generator for each site: more stations change neither its rock nor other sites.
    return [
        _make_site(
            k, {name: float(values[k]) for name, values in table.items()}, n_stations, own, radius
        )
        for k, own in enumerate(rng.spawn(n_sites))
    ]


def _make_site(index, drawn, n_stations, rng, reach):
    ratio, slope_ratio, base = rng.uniform([1.70, 1.7, 800], [1.78, 1.9, 1800])
    # Stations at a tenth of the radius to the whole, the first near the middle.
    radius = 0.25 + 0.75 * np.sqrt(rng.uniform(size=n_stations))
    radius[0] = 0.1
    radius *= reach
    angle = 2 * np.pi * (np.arange(n_stations) / max(n_stations - 1, 1) + rng.uniform())
    kilometre = np.degrees(1 / EARTH_RADIUS_KM)
    latitude = drawn["latitude"] + radius * np.cos(angle) * kilometre
    longitude = drawn["longitude"] + radius * np.sin(angle) * kilometre / np.cos(
        np.radians(drawn["latitude"])
    )
    scatter = rng.standard_normal((3, n_stations))
    drawn["resonance"] = drawn["resonance"] * np.exp(0.12 * scatter[0])
    drawn["resonance_gain"] = 1 + (drawn["resonance_gain"] - 1) * np.exp(0.2 * scatter[1])
    drawn["noise_rms"] = drawn["noise_rms"] * np.exp(0.25 * scatter[2])
    return Site(
        name=f"site_{index + 1:02d}",
        network=network_code(index),
        station_codes=tuple(f"ST{k + 1:02d}" for k in range(n_stations)),
        station_latitude=latitude,
        station_longitude=longitude,
        station_elevation=np.round(base + rng.uniform(-150, 150, n_stations)),
        vp=drawn["vs"] * ratio,
        slope_vp=drawn["slope_vs"] * slope_ratio,
        surface_velocity=0.92 * drawn["slope_vs"],
        **drawn,
    )


def network_code(index):
    """Two letters or digits, as FDSN wants them; X and Y are for temporary networks."""
    return "XYZ"[index // len(_CODES)] + _CODES[index % len(_CODES)]


MAX_SITES = 3 * len(_CODES)


def stations_frame(sites):
    """Station table: one row a station, ``station`` is ``"NET.STA"``."""
    import pandas as pd

    rows = [
        (f"{site.network}.{code}", site.name, *place)
        for site in sites
        for code, *place in zip(
            site.station_codes,
            site.station_latitude,
            site.station_longitude,
            site.station_elevation,
            strict=True,
        )
    ]
    columns = ["station", "site", "latitude", "longitude", "elevation"]
    return pd.DataFrame(rows, columns=columns)


def sites_frame(sites):
    """Site table, the truth behind the ground: one row a site, index its name."""
    import pandas as pd

    scalars = [name for name, kind in Site.__annotations__.items() if kind is float]
    averaged = ["resonance", "resonance_gain", "noise_rms"]
    rows = {
        site.name: {name: getattr(site, name) for name in scalars}
        | {name: float(np.mean(getattr(site, name))) for name in averaged}
        for site in sites
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("site")
