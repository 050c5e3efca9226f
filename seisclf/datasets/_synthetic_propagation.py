"""How waves get from a source to a station: geometry, times, spectra, polarisation."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import fft

EARTH_RADIUS_KM = 6371.0
_RING_OUT = 6.0  # seconds kept beyond the window, so that responses do not wrap around


@dataclass(frozen=True)
class TimeGrid:
    """Window of `n_samples` at `sampling_rate`, and the padded grid its spectra live on."""

    n_samples: int
    sampling_rate: float

    @property
    def duration(self):
        return self.n_samples / self.sampling_rate

    @cached_property
    def n_fft(self):
        needed = self.n_samples + int(_RING_OUT * self.sampling_rate)
        return 2 * fft.next_fast_len(-(-needed // 2), real=True)  # even, for `minimum_phase`

    @cached_property
    def frequencies(self):
        return fft.rfftfreq(self.n_fft, 1 / self.sampling_rate)

    @cached_property
    def times(self):
        return (np.arange(self.n_samples) / self.sampling_rate).astype(np.float32)

    def to_spectrum(self, x):
        return fft.rfft(x.astype(np.float32, copy=False), self.n_fft, axis=-1)

    def to_signal(self, spectrum):
        spectrum = spectrum.astype(np.complex64, copy=False)
        return fft.irfft(spectrum, self.n_fft, axis=-1)[..., : self.n_samples]

    def impulses(self, times, amplitudes):
        """Put impulses of unit-sample height at any times, as (..., n_samples).

        `times` and `amplitudes` have shape (..., k). An impulse between two samples is shared
        by both; one outside the window is left out.
        """
        shape = np.broadcast_shapes(times.shape, amplitudes.shape)
        position = np.broadcast_to(times * self.sampling_rate, shape).reshape(-1, shape[-1])
        height = np.broadcast_to(amplitudes, shape).reshape(-1, shape[-1])
        first = np.floor(position).astype(np.intp)
        part = position - first
        rows = np.arange(len(first))[:, None] * self.n_samples
        series = np.zeros(len(first) * self.n_samples)
        for shift, weight in ((0, 1 - part), (1, part)):
            index = first + shift
            inside = (index >= 0) & (index < self.n_samples)
            series += np.bincount(
                (rows + index)[inside], (height * weight)[inside], minlength=series.size
            )
        return series.reshape(*shape[:-1], self.n_samples).astype(np.float32)


def minimum_phase(amplitude):
    """Give an amplitude spectrum the phase of a causal response, by its cepstrum.

    Parameters
    ----------
    amplitude : ndarray of shape (..., n_frequencies)
        One-sided, positive, for an even number of samples.

    Returns
    -------
    spectrum : complex ndarray of the same shape
    """
    return np.exp(log_minimum_phase(np.log(amplitude)))


def log_minimum_phase(log_amplitude):
    """As `minimum_phase`, from and to logarithms (so it is linear in its argument)."""
    n = 2 * (log_amplitude.shape[-1] - 1)
    cepstrum = fft.irfft(log_amplitude, n, axis=-1)
    cepstrum[..., 1 : n // 2] *= 2
    cepstrum[..., n // 2 + 1 :] = 0
    return fft.rfft(cepstrum, n, axis=-1)


def log_attenuation(frequencies, q0, q_exponent):
    """Log spectrum of a path with unit travel time, exp(-pi f t / Q(f)), causal."""
    f = np.maximum(frequencies, frequencies[1] / 2)
    return log_minimum_phase(-np.pi * f ** (1 - q_exponent) / q0)


def brune_spectrum(frequencies, corner):
    """Causal omega-square source spectrum, unit low-frequency level [1]_.

    `corner` (Hz) of any shape; returns ``corner.shape + (n_frequencies,)``.

    References
    ----------
    .. [1] Brune, J. N. (1970). Tectonic stress and the spectra of seismic shear waves from
       earthquakes. Journal of Geophysical Research, 75, 4997-5009.
    """
    return 1 / (1 + 1j * frequencies / np.asarray(corner)[..., None]) ** 2


def corner_frequency(magnitude, vs, stress_drop, k=0.37):
    """Brune's corner frequency in Hz; `vs` in km/s, `stress_drop` in Pa."""
    moment = seismic_moment(magnitude)
    return k * 1e3 * vs * (16 / 7 * stress_drop / moment) ** (1 / 3)


def seismic_moment(magnitude):
    """Seismic moment in N m of a moment magnitude."""
    return 10 ** (1.5 * np.asarray(magnitude, dtype=float) + 9.1)


def rayleigh_dispersion(frequencies, velocity, turn=4.0, slow=0.55):
    """Phase (rad) that one kilometre of slope adds; low frequencies run ahead at `velocity`.

    Delays are counted from the fastest wave, so the phase never makes a wave come early.
    """
    speed = velocity * (slow + (1 - slow) / (1 + (frequencies / turn) ** 2))
    delay = 1 / speed - 1 / velocity
    return -2 * np.pi * np.cumsum(delay) * (frequencies[1] - frequencies[0])


def destination(latitude, longitude, azimuth, distance):
    """Point at `distance` (km) along `azimuth` (deg) on a sphere; degrees."""
    lat, azi, arc = np.radians(latitude), np.radians(azimuth), distance / EARTH_RADIUS_KM
    lat2 = np.arcsin(np.sin(lat) * np.cos(arc) + np.cos(lat) * np.sin(arc) * np.cos(azi))
    dlon = np.arctan2(
        np.sin(azi) * np.sin(arc) * np.cos(lat), np.cos(arc) - np.sin(lat) * np.sin(lat2)
    )
    return np.degrees(lat2), longitude + np.degrees(dlon)


def distance_and_back_azimuth(latitude, longitude, source_latitude, source_longitude):
    """Great-circle distance (km) and azimuth (deg) from station to source, on a sphere."""
    lat1, lat2 = np.radians(latitude), np.radians(source_latitude)
    dlon = np.radians(source_longitude - longitude)
    chord = np.sin((lat2 - lat1) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin(dlon / 2) ** 2
    y = np.sin(dlon) * np.cos(lat2)
    x = np.cos(lat1) * np.sin(lat2) - np.sin(lat1) * np.cos(lat2) * np.cos(dlon)
    distance = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(chord))
    return distance, np.degrees(np.arctan2(y, x)) % 360


def free_surface_motion(incidence, velocity_ratio, wave):
    """Motion (up, away from the source) of the free surface under a unit plane wave.

    Parameters
    ----------
    incidence : ndarray
        Angle from the vertical just below the surface, rad.
    velocity_ratio : float
        P over S velocity at the surface.
    wave : {"P", "SV"}
        Kind of wave; SV below its critical angle.

    References
    ----------
    .. [1] Kennett, B. L. N. (1991). The removal of free surface interactions from
       three-component seismograms. Geophysical Journal International, 104, 153-163.
    """
    alpha, beta = velocity_ratio, 1.0
    slowness = np.sin(incidence) / (alpha if wave == "P" else beta)
    q_alpha = np.sqrt(np.maximum(1 / alpha**2 - slowness**2, 0))
    q_beta = np.sqrt(1 / beta**2 - slowness**2)
    rest = 1 / beta**2 - 2 * slowness**2
    rayleigh = beta**2 * (rest**2 + 4 * slowness**2 * q_alpha * q_beta)
    if wave == "P":
        return 2 * alpha * q_alpha * rest / rayleigh, 4 * alpha * slowness * q_alpha * q_beta / (
            rayleigh
        )
    return -4 * beta * slowness * q_alpha * q_beta / rayleigh, 2 * beta * q_beta * rest / rayleigh


def rotate_to_zne(up, away, left, back_azimuth):
    """Stack (up, away from the source, transverse) as Z, N, E on a new axis -1.

    `back_azimuth` in degrees; motion away from the source points to back_azimuth + 180.
    """
    angle = np.radians(back_azimuth + 180)
    north = away * np.cos(angle) - left * np.sin(angle)
    east = away * np.sin(angle) + left * np.cos(angle)
    return np.stack(np.broadcast_arrays(up, north, east), axis=-1)
