"""The physics behind the synthetic events: times, spectra, polarisation, distance."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from seisclf.datasets import make_seismic_events
from seisclf.datasets._synthetic_events import SIMULATORS, record_events
from seisclf.datasets._synthetic_noise import background
from seisclf.datasets._synthetic_propagation import (
    TimeGrid,
    corner_frequency,
    destination,
    distance_and_back_azimuth,
    free_surface_motion,
    minimum_phase,
)
from seisclf.datasets._synthetic_sites import make_sites

GRID = TimeGrid(3000, 100.0)
SOURCES = sorted(name for name, simulator in SIMULATORS.items() if simulator)


@pytest.fixture(scope="module")
def site():
    return make_sites(3, 3, np.random.default_rng(0))[0]


def record(label, site, n=12, seed=0, snr_db=10.0, grid=GRID):
    onset = np.full(n, 0.2 * grid.duration)
    rng = np.random.default_rng(seed)
    return record_events(label, site, grid, onset, np.full(n, snr_db), rng)


def centroid(x, rate=100.0, axis=-1):
    power = np.abs(np.fft.rfft(x, axis=axis)) ** 2
    f = np.fft.rfftfreq(x.shape[axis], 1 / rate)
    return (power * f).sum(axis=axis) / power.sum(axis=axis)


@settings(max_examples=25, deadline=None)
@given(
    label=st.sampled_from(SOURCES),
    snr_db=st.floats(-10, 30),
    seed=st.integers(0, 10_000),
    n_samples=st.integers(300, 2000),
)
def test_snr_is_signal_power_over_noise_power_from_start_to_end(label, snr_db, seed, n_samples):
    site = make_sites(2, 2, np.random.default_rng(seed))[1]
    made = record(label, site, n=2, seed=seed, snr_db=snr_db, grid=TimeGrid(n_samples, 100.0))
    noise = made.data.astype(float) - made.clean
    for event in range(2):
        ratios = []
        for station in range(2):
            start, end = made.start[event, station], made.end[event, station]
            if np.isnan(start):
                assert not made.clean[event, station].any()
                continue
            inside = slice(int(np.ceil(start * 100 - 1e-6)), int(end * 100 + 1e-6) + 1)
            signal = (made.clean[event, station, :, inside].astype(float) ** 2).mean()
            ratio = 10 * np.log10(signal / (noise[event, station, :, inside] ** 2).mean())
            assert ratio == pytest.approx(made.snr_db[event, station], abs=0.05)
            ratios.append(ratio)
        assert np.mean(ratios) == pytest.approx(snr_db, abs=0.05)


def test_moveout_follows_distance_and_velocity():
    from obspy.geodetics import gps2dist_azimuth

    events = make_seismic_events(
        24, classes=["earthquake", "quake"], n_stations=4, random_state=2, n_samples=2000
    )
    stations = events.stations.set_index("station")
    origin = (events.metadata["origin_time"] - events.metadata["start_time"]).dt.total_seconds()
    for (row, station), arrival in events.arrivals.iterrows():
        meta, ground = events.metadata.loc[row], events.sites.loc[events.metadata["site"][row]]
        metres, _, back = gps2dist_azimuth(
            meta.source_latitude, meta.source_longitude,
            stations.latitude[station], stations.longitude[station],
        )  # fmt: skip
        # ObsPy's earth is an ellipsoid, ours a sphere.
        assert arrival.distance == pytest.approx(metres / 1e3, rel=5e-3)
        assert abs((arrival.back_azimuth - back + 180) % 360 - 180) < 0.5
        vp, vs = (
            (ground.vp, ground.vs)
            if events.target[row] == "earthquake"
            else (ground.slope_vp, ground.slope_vs)
        )
        path = np.hypot(arrival.distance, meta.source_depth)
        assert arrival.P - origin[row] == pytest.approx(path / vp, abs=1e-5)
        assert arrival.S - origin[row] == pytest.approx(path / vs, abs=1e-5)


@pytest.mark.parametrize("label", ["earthquake", "quake"])
def test_nothing_moves_before_p_and_s_is_the_stronger(label, site):
    made = record(label, site)
    energy = (made.clean.astype(float) ** 2).sum(axis=2)
    for event in range(12):
        for station in range(3):
            p, s = (int(np.floor(t[event, station] * 100)) for t in (made.p, made.s))
            total = energy[event, station].sum()
            assert energy[event, station, : p - 1].sum() < 1e-3 * total
            if s - p > 50:
                after_p = energy[event, station, p : p + 50].mean()
                after_s = energy[event, station, s : s + 50].mean()
                assert after_s > after_p > energy[event, station, : p - 1].mean()


def test_quakes_are_shorter_and_higher_than_earthquakes(site):
    quake, earthquake = record("quake", site), record("earthquake", site)
    assert np.median(quake.end - quake.start) < 0.5 * np.median(earthquake.end - earthquake.start)
    assert (quake.s - quake.p).max() < (earthquake.s - earthquake.p).min() + 1.0
    # Of equal magnitude, farther is lower: compare by distance, not by label.
    distance = np.r_[quake.place.distance[:, 0], earthquake.place.distance[:, 0]]
    high = np.r_[centroid(quake.clean[:, 0, 0]), centroid(earthquake.clean[:, 0, 0])]
    assert spearmanr(distance, high).statistic < -0.3


def test_coda_loses_high_frequencies_first():
    # Where Q grows least with frequency, and long enough to see it.
    site = min(make_sites(3, 1, np.random.default_rng(0)), key=lambda s: s.q_exponent)
    made = record("earthquake", site, n=30, grid=TimeGrid(6000, 100.0))
    falls = 0
    for event in range(30):
        s = int(made.s[event, 0] * 100)
        coda = made.clean[event, 0, :, s + 100 : s + 2500].reshape(3, 2, 1200)
        early, late = centroid(coda).mean(axis=0)
        falls += late < early
    assert falls >= 25


def test_p_points_away_from_the_source(site):
    made = record("earthquake", site, n=40)
    error = []
    for event in range(40):
        p = int(made.p[event, 0] * 100)
        _, north, east = made.clean[event, 0, :, p : p + 8].astype(float)
        values, vectors = np.linalg.eigh(np.cov(np.stack([north, east])))
        azimuth = np.degrees(np.arctan2(vectors[1, -1], vectors[0, -1]))
        # The axis has no sign: modulo 180 degrees.
        error.append(abs((azimuth - made.place.back_azimuth[event, 0] + 90) % 180 - 90))
    assert np.median(error) < 10


def test_rockfalls_lose_high_frequencies_with_distance(site):
    made = record("rockfall", site, n=60)
    assert spearmanr(made.place.distance[:, 0], centroid(made.clean[:, 0, 0])).statistic < -0.5


def test_rockfalls_begin_softly_and_have_many_impacts(site):
    made = record("rockfall", site, n=40)
    envelope = np.abs(made.clean[:, 0, 0])
    strongest = envelope.argmax(axis=-1) / 100
    rise = (strongest - made.start[:, 0]) / (made.end[:, 0] - made.start[:, 0])
    assert np.median(rise) > 0.2
    quake = record("quake", site, n=40)
    sharp = np.abs(quake.clean[:, 0, 0]).argmax(axis=-1) / 100 - quake.start[:, 0]
    assert np.median(strongest - made.start[:, 0]) > 3 * np.median(sharp)


def test_slides_are_longer_lower_and_smoother_than_rockfalls(site):
    slide, fall = record("slide", site, n=40), record("rockfall", site, n=40)
    f = np.fft.rfftfreq(3000, 0.01)

    def centroid(made):
        power = np.abs(np.fft.rfft(made.clean[:, 0, 0])) ** 2
        return (power * f).sum(axis=-1) / power.sum(axis=-1)

    def peaks(made):
        envelope = np.abs(made.clean[:, 0, 0])
        return envelope.max(axis=-1) / np.sqrt((envelope**2).mean(axis=-1))

    assert np.median(centroid(slide)) < 0.6 * np.median(centroid(fall))
    assert np.median((slide.end - slide.start)[:, 0]) > np.median((fall.end - fall.start)[:, 0])
    assert np.median(peaks(slide)) < np.median(peaks(fall))
    assert np.isnan(slide.p).all()


def test_larger_magnitude_has_lower_corner_and_is_needed_for_more_signal(site):
    low, high = corner_frequency(np.array([1.0, 3.0]), 3.4, 3e6)
    assert low / high == pytest.approx(10.0)
    small, large = (record("earthquake", site, snr_db=snr).magnitude for snr in (0.0, 30.0))
    assert np.all(large > small + 0.5)


def test_glitches_are_of_one_instrument(site):
    made = record("spike", site, n=30)
    shaken = made.clean.any(axis=(2, 3))
    assert (shaken.sum(axis=1) == 1).all()
    np.testing.assert_array_equal(np.isnan(made.start), ~shaken)
    assert np.isnan(made.place.latitude).all()


def test_tremor_and_machinery_are_narrow_and_fill_the_window(site):
    for label in ("tremor", "machinery"):
        made = record(label, site, n=20)
        power = np.sort(np.abs(np.fft.rfft(made.clean[:, 0, 0])) ** 2, axis=-1)[:, ::-1]
        assert np.median(power[:, :75].sum(axis=-1) / power.sum(axis=-1)) > 0.8, label
        assert np.median(made.end[:, 0] - made.start[:, 0]) > 20, label


def test_cars_swell_and_fade_between_5_and_20_hz(site):
    made = record("car", site, n=30)
    x = made.clean[:, 0, 0]
    power = np.abs(np.fft.rfft(x)) ** 2
    f = np.fft.rfftfreq(x.shape[-1], 0.01)
    share = power[:, (f > 3) & (f < 35)].sum(axis=-1) / power.sum(axis=-1)
    assert np.median(share) > 0.9
    level = (x.reshape(30, 10, 300).astype(float) ** 2).mean(axis=-1)
    assert np.isin(level.argmax(axis=1), [0, 9]).sum() == 0
    assert np.median(level.max(axis=1) / level[:, [0, -1]].max(axis=1)) > 4


def test_noise_has_the_colour_and_level_of_its_site():
    for site in make_sites(3, 2, np.random.default_rng(1)):
        noise = background(site, GRID, 60, np.random.default_rng(0), disturbances=0)
        rms = np.sqrt((noise.astype(float) ** 2).mean(axis=(0, 2, 3)))
        # Levels vary from window to window, log-normally: the mean power lies a little higher.
        assert np.all((rms / site.noise_rms > 0.85) & (rms / site.noise_rms < 1.6))
        frequencies = np.fft.rfftfreq(3000, 0.01)
        wanted = site.noise_amplitude(frequencies, 100.0)[0] ** 2
        found = (np.abs(np.fft.rfft(noise[:, 0, 0])) ** 2).mean(axis=0)
        bands = [(f0, 2 * f0) for f0 in (1, 2, 4, 8, 16)]
        for low, high in bands:
            inside = (frequencies >= low) & (frequencies < high)
            ratio = found[inside].sum() / found.sum() / (wanted[inside].sum() / wanted.sum())
            assert 0.6 < ratio < 1.6


def test_minimum_phase_keeps_the_amplitude_and_is_causal():
    f = np.fft.rfftfreq(2048, 0.01)
    amplitude = 1 / np.sqrt(1 + (f / 10) ** 4)
    spectrum = minimum_phase(amplitude)
    np.testing.assert_allclose(np.abs(spectrum), amplitude, rtol=1e-3)
    response = np.fft.irfft(spectrum)
    assert (response[1024:] ** 2).sum() < 1e-6 * (response**2).sum()


def test_free_surface_doubles_vertical_incidence():
    for wave, motion in (("P", (2, 0)), ("SV", (0, 2))):
        np.testing.assert_allclose(free_surface_motion(0.0, 2.0, wave), motion, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.floats(-60, 60), st.floats(0, 359.9), st.floats(0.1, 100))
def test_destination_and_distance_are_inverse(latitude, azimuth, distance):
    there = destination(latitude, 10.0, azimuth, distance)
    back, angle = distance_and_back_azimuth(latitude, 10.0, *there)
    assert back == pytest.approx(distance, rel=1e-6)
    assert abs((angle - azimuth + 180) % 360 - 180) < 1e-3
