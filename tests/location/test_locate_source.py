"""Epicentres from distances: exact, noisy, ambiguous, impossible."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import binom

from seisclf.location import epicentral_error, locate_source
from seisclf.location._geodesy import direct, inverse_many

ANYWHERE = ((23.5, 70.5), (0.0, 179.9), (-16.8, -179.95), (89.6, 10.0), (-90.0, 0.0), (60.0, 0.0))


def network(centre, n, rng, reach=(10.0, 150.0)):
    azimuths = rng.permutation(n) * 360 / n + rng.uniform(0, 60, n)
    return np.array([direct(centre, a, rng.uniform(*reach)) for a in azimuths])


def distances_to(stations, source):
    return inverse_many(stations, source)[0]


@pytest.mark.parametrize("centre", ANYWHERE)
@pytest.mark.parametrize("loss", ["linear", "soft_l1", "huber", "cauchy"])
def test_exact_distances_give_the_epicentre_to_metres(centre, loss):
    rng = np.random.default_rng(3)
    stations = network(centre, 4, rng)
    for away in (0.0, 60.0, 400.0):
        source = direct(centre, rng.uniform(0, 360), away)
        found = locate_source(distances_to(stations, source), stations, std=1.0, loss=loss)
        assert epicentral_error(source, found)[0] < 0.005
        assert found.table["rms_km"][0] < 0.005


def test_teleseismic_distances():
    stations = [[35.0, 139.0], [-33.0, 18.0], [60.0, 25.0], [40.0, -120.0]]
    source = (-6.0, 155.0)
    found = locate_source(distances_to(stations, source), stations, std=5.0)
    assert epicentral_error(source, found)[0] < 0.01


def test_a_source_at_a_station():
    stations = [[23.0, 70.0], [23.4, 70.9], [23.9, 70.2]]
    found = locate_source(distances_to(stations, stations[0]), stations, std=1.0)
    assert epicentral_error(stations[0], found)[0] < 0.02
    # A distance of 0 with a standard deviation of 1 km leaves a kilometre in each direction.
    axes = found.standard_errors()[0]
    assert 0.5 < axes[1] < axes[0] < 1.1
    found = locate_source([0.0], [[23.0, 70.0]], std=1.0, back_azimuths=[60.0])
    axes = found.standard_errors()[0]
    assert 0.1 < axes[1] < axes[0] < 1.1  # ten degrees, a kilometre away


@pytest.mark.parametrize("centre", [(23.5, 70.5), (10.0, 180.0)])
def test_equal_to_a_grid_search_on_a_spherical_cap(centre):
    rng = np.random.default_rng(8)
    stations = network(centre, 5, rng)
    source = direct(centre, 50.0, 40.0)
    distances = distances_to(stations, source)
    std = 1 + 0.05 * distances
    observed = distances + std * rng.normal(size=5)
    found = locate_source(observed, stations, std=std, loss="linear")

    middle, reach = centre, 120.0
    for _ in range(5):  # finer and finer caps around the best point
        grid = [
            direct(middle, azimuth, radius)
            for radius in np.linspace(0, reach, 8)
            for azimuth in np.arange(0, 360, 30)
        ]
        misfit = [np.sum(((distances_to(stations, g) - observed) / std) ** 2) for g in grid]
        middle, reach = grid[int(np.argmin(misfit))], reach / 3
    assert epicentral_error(middle, found)[0] < 0.6


@pytest.mark.parametrize("correlation", [0.0, 0.5])
def test_ellipses_hold_the_epicentre_as_often_as_they_say(correlation):
    rng = np.random.default_rng(0)
    n_events, n_stations = 80, 6
    stations = network((23.5, 70.5), n_stations, rng, reach=(70.0, 120.0))
    sources = [direct((23.5, 70.5), rng.uniform(0, 360), rng.uniform(0, 40)) for _ in range(80)]
    exact = np.array([distances_to(stations, source) for source in sources])
    common = rng.normal(size=(n_events, 1)) * np.sqrt(correlation)
    own = rng.normal(size=exact.shape) * np.sqrt(1 - correlation)
    found = locate_source(
        exact + 2.0 * (common + own), stations, std=2.0, loss="linear", correlation=correlation
    )
    n_covered = found.covers(sources).sum()
    low, high = binom.ppf([0.0005, 0.9995], n_events, 0.9)
    assert low <= n_covered <= high
    # Twice the errors are not covered, so the test can tell.
    found = locate_source(
        exact + 4.0 * (common + own), stations, std=2.0, loss="linear", correlation=correlation
    )
    assert found.covers(sources).sum() < low


def test_one_wild_distance_does_little():
    rng = np.random.default_rng(5)
    stations = network((23.5, 70.5), 6, rng)
    source = direct((23.5, 70.5), 10.0, 30.0)
    distances = distances_to(stations, source)
    distances[2] += 150.0
    plain = locate_source(distances, stations, std=2.0, loss="linear")
    robust = locate_source(distances, stations, std=2.0)
    assert epicentral_error(source, plain)[0] > 20
    assert epicentral_error(source, robust)[0] < 4
    weights = robust.residuals["weight"]
    assert weights.idxmin() == 2
    assert weights[2] < 0.05
    assert robust.table["status"][0] == "inconsistent"


def test_two_stations_have_two_solutions():
    stations = [[23.0, 70.0], [23.0, 71.0]]
    source = (23.5, 70.4)
    found = locate_source(distances_to(stations, source), stations, std=1.0)
    table = found.table.loc[0]
    assert table["status"] == "ambiguous"
    assert_allclose(table["second_likelihood"], 1.0, atol=1e-6)
    second = table[["second_latitude", "second_longitude"]].to_numpy(dtype=float)
    both = np.array([np.asarray(found)[0], second])
    assert min(epicentral_error([source, source], both)) < 0.01
    assert_allclose(both[:, 1], 70.4, atol=0.01)
    assert found.covers([source])[0]


def test_stations_on_a_line_have_a_mirror_image():
    stations = np.array([[0.0, 69.0], [0.0, 70.0], [0.0, 71.5], [0.0, 72.0]])  # the equator
    found = locate_source(distances_to(stations, (0.8, 70.4)), stations, std=1.0)
    table = found.table.loc[0]
    assert table["status"] == "ambiguous"
    assert_allclose(table["latitude"], -table["second_latitude"], atol=1e-4)
    # One station off the line decides.
    off = np.vstack([stations, [0.7, 70.0]])
    found = locate_source(distances_to(off, (0.8, 70.4)), off, std=1.0)
    assert found.table["status"][0] == "ok"
    assert np.isnan(found.table["second_latitude"][0])


def test_distances_that_cannot_meet_give_the_point_between():
    stations = [[0.0, 70.0], [0.0, 72.0]]  # 222.6 km apart
    found = locate_source([50.0, 70.0], stations, std=1.0)
    table = found.table.loc[0]
    assert table["status"] == "inconsistent"
    assert_allclose(table["latitude"], 0.0, atol=0.01)
    assert 30 < table["rms_km"] < 70
    assert np.isfinite(table["semi_major_km"])
    # A little too short is no contradiction: circles touch, and the ellipse lies across.
    found = locate_source([110.0, 112.0], stations, std=1.0)
    assert found.table["status"][0] == "ok"
    assert found.table["semi_major_km"][0] > 5 * found.table["semi_minor_km"][0]
    assert_allclose(found.table["ellipse_azimuth"][0] % 180, 0.0, atol=1.0)


def test_one_station_needs_a_direction():
    station = [[23.0, 70.0]]
    with pytest.raises(ValueError, match=r"event 1 cannot be located: it has a distance at one"):
        locate_source([[30.0, 50.0], [np.nan, 40.0]], [*station, [23.0, 71.0]])
    found = locate_source([100.0], station, std=3.0, back_azimuths=[60.0], back_azimuth_std=5.0)
    assert found.table["status"][0] == "one station"
    assert epicentral_error(direct(station[0], 60.0, 100.0), found)[0] < 0.01
    # 5 degrees at 100 km are 8.7 km across, 3 km along.
    major, minor = found.standard_errors()[0]
    assert_allclose([major, minor], [8.72, 3.0], rtol=0.03)
    assert_allclose(found.table["ellipse_azimuth"][0], 150.0, atol=2.0)


def test_a_direction_decides_between_mirror_images():
    stations = [[23.0, 70.0], [23.0, 71.0]]
    source = (23.5, 70.4)
    distance, azimuth, _, _ = inverse_many(stations, source)
    found = locate_source(
        distance, stations, std=1.0, back_azimuths=azimuth + 5.0, back_azimuth_std=15.0
    )
    assert found.table["status"][0] == "ok"
    assert epicentral_error(source, found)[0] < 3
    kinds = found.residuals["kind"].tolist()
    assert kinds == ["offset", "offset", "back-azimuth", "back-azimuth"]


def test_too_few_stations_may_be_rows_of_nan():
    stations = [[23.0, 70.0], [23.0, 71.0], [23.6, 70.2]]
    exact = distances_to(stations, (23.3, 70.5))
    distances = [[np.nan] * 3, exact, [np.nan, 50.0, np.nan]]
    found = locate_source(distances, stations, too_few="nan")
    assert found.table["status"].tolist()[::2] == ["too few stations"] * 2
    assert np.isnan(np.asarray(found)).all(axis=1).tolist() == [True, False, True]
    assert found.residuals["event"].unique().tolist() == [1]
    assert found.covers([(23.3, 70.5)] * 3).tolist() == [False, True, False]
    nothing = locate_source([[np.nan] * 3], stations, too_few="nan")
    assert len(nothing.residuals) == 0


def test_two_stations_at_one_place_are_one():
    stations = [[23.0, 70.0], [23.0, 70.0]]
    with pytest.raises(ValueError, match="at one station only"):
        locate_source([30.0, 31.0], stations)


def test_errors_that_stations_share_widen_the_ellipse_away_from_the_network():
    stations = network((23.5, 70.5), 5, np.random.default_rng(1), reach=(5.0, 20.0))
    source = direct((23.5, 70.5), 0.0, 150.0)
    distances = distances_to(stations, source)
    alone = locate_source(distances, stations, std=3.0)
    shared = locate_source(distances, stations, std=3.0, correlation=0.6)
    # Towards the network it is the mean of the distances that counts, across it differences.
    north = [found.standard_errors()[0].min() for found in (alone, shared)]
    assert north[1] > 1.3 * north[0]


def test_distances_must_be_kilometres():
    with pytest.raises(ValueError, match="Are they metres"):
        locate_source([75_500.0, 75_500.0], [[23.0, 70.0], [23.0, 71.0]])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stations": [[70.0, 23.0], [170.0, 23.0]]}, "Are the columns exchanged"),
        ({"stations": [[70.0, 23.0]] * 3}, r"stations must have the shape \(2, 2\)"),
        ({"distances": [-1.0, 3.0]}, "not negative"),
        ({"std": 0.0}, "std must be positive"),
        ({"std": [1.0, 2.0, 3.0]}, "shape of distances"),
        ({"loss": "l1"}, "loss must be one of"),
        ({"level": 90}, "level must lie between 0 and 1"),
        ({"correlation": 1.0}, r"correlation must lie in \[0, 1\)"),
        ({"n_starts": 0}, "n_starts"),
        ({"f_scale": -1.0}, "f_scale"),
        ({"f_scale": np.inf}, "f_scale"),
        ({"stations": pd.DataFrame({"latitude": [1, 2], "lon": [1, 2]})}, "stations has the col"),
        ({"too_few": "drop"}, "too_few"),
        ({"back_azimuths": [np.inf, 3.0]}, "back_azimuths must be degrees"),
        ({"back_azimuths": 30.0, "back_azimuth_std": -1.0}, "back_azimuth_std must be positive"),
    ],
)
def test_messages(change, words):
    given = {"distances": [50.0, 60.0], "stations": [[23.0, 70.0], [23.0, 71.0]]} | change
    with pytest.raises(ValueError, match=words):
        locate_source(given.pop("distances"), given.pop("stations"), **given)


def test_columns_of_tables_are_found_by_name():
    places = [[23.0, 70.0], [23.0, 71.0], [24.0, 70.2]]
    table = pd.DataFrame(places, columns=["latitude", "longitude"])
    found = locate_source([50.0, 60.0, 80.0], places)
    for stations in (
        table,
        table[["longitude", "latitude"]],
        table.add_prefix("station_").assign(site="a")[::1],
        pd.DataFrame(places),
    ):
        again = locate_source([50.0, 60.0, 80.0], stations)
        assert_allclose(np.asarray(again), np.asarray(found), rtol=0)
    exchanged = found.table[["longitude", "latitude"]]
    assert epicentral_error(exchanged, found.table)[0] == 0


def test_no_events_and_no_residuals_keep_their_types():
    stations = [[23.0, 70.0], [23.0, 71.0], [24.0, 70.2]]
    some = locate_source([50.0, 60.0, 80.0], stations)
    none = locate_source(np.empty((0, 3)), stations)
    assert np.asarray(none).shape == none.shape == (0, 2)
    lost = locate_source([np.nan] * 3, stations, too_few="nan")
    for found in (none, lost):
        assert len(found.residuals) == 0
        assert list(found.table.columns) == list(some.table.columns)
        assert found.residuals["residual"].dtype == some.residuals["residual"].dtype
        assert found.residuals["event"].dtype == some.residuals["event"].dtype


def test_inputs_stay_as_they_are_and_results_repeat():
    stations = np.array([[23.0, 70.0], [23.0, 71.0], [24.0, 70.2]])
    distances = np.array([[50.0, np.nan, 70.0], [60.0, 70.0, 80.0]])
    before = stations.copy(), distances.copy()
    first = locate_source(distances, stations)
    assert_allclose(np.asarray(first), np.asarray(locate_source(distances, stations)), rtol=0)
    assert_allclose(stations, before[0], rtol=0)
    assert_allclose(distances, before[1], rtol=0)
    assert repr(first) == "Locations(2 events: 1 ambiguous, 1 ok)" or "2 events" in repr(first)


def test_epicentral_error():
    assert_allclose(epicentral_error([0, 0], [1, 0]), [110.574], atol=1e-3)  # WGS 84
    assert np.isnan(epicentral_error([[0, 0]], [[np.nan, 0]])[0])
    with pytest.raises(ValueError, match="columns exchanged"):
        epicentral_error([[0, 0]], [[100.0, 0]])
    with pytest.raises(ValueError, match="both have the shape"):
        epicentral_error([[0, 0]], [[1, 0], [2, 0]])
