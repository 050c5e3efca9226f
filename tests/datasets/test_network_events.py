"""Rows of stations become events over a network, and nothing is lost or mixed up on the way."""

import numpy as np
import pytest

from seisclf.datasets import load_kachchh, make_seismic_events, to_network_events


@pytest.fixture(scope="module")
def rows():
    return make_seismic_events(
        12, n_stations=4, n_sites=1, missing_station_probability=0.4, as_rows=True, n_samples=300,
        classes=["earthquake", "rockfall"], random_state=1,
    )  # fmt: skip


def test_every_row_finds_its_event_and_station(rows):
    network = to_network_events(rows)
    recorded = network.rows >= 0
    assert recorded.sum() == len(rows.data)
    np.testing.assert_array_equal(network.data.recorded, recorded)
    waveforms = network.data.read()
    for event, station in np.argwhere(recorded):
        row = network.rows[event, station]
        np.testing.assert_array_equal(waveforms[event, station], rows.data[row])
        of_row = rows.metadata.iloc[row]
        assert network.data.offsets[event, station] == of_row["distance"]
        assert network.stations["station"][station] == of_row["station"]
        assert network.metadata["event_id"][event] == of_row["event_id"]
        assert network.metadata["source_latitude"][event] == of_row["source_latitude"]
        assert network.target[event] == rows.target[row]
        place = [of_row["station_latitude"], of_row["station_longitude"]]
        np.testing.assert_array_equal(network.data.stations[event, station], place)


def test_missing_stations_have_a_place_but_no_distance(rows):
    network = to_network_events(rows)
    missing = network.rows < 0
    assert missing.any()
    assert np.isnan(network.data.offsets[missing]).all()
    assert np.isfinite(network.data.stations).all()


def test_rows_and_network_of_the_same_events_agree():
    settings = {
        "n_stations": 3, "n_sites": 1, "n_samples": 300, "random_state": 2,
        "classes": ["earthquake", "quake"],
    }  # fmt: skip
    of_rows = to_network_events(make_seismic_events(6, as_rows=True, **settings))
    of_network = to_network_events(make_seismic_events(6, **settings))
    np.testing.assert_array_equal(of_rows.data.read(), of_network.data.read())
    np.testing.assert_allclose(of_rows.data.offsets, of_network.data.offsets)
    np.testing.assert_allclose(of_rows.data.stations, of_network.data.stations)
    assert of_rows.stations.equals(of_network.stations)


def test_networks_of_several_sites_have_stations_of_their_own():
    network = to_network_events(
        make_seismic_events(9, n_stations=2, n_sites=3, n_samples=300, random_state=0)
    )
    assert network.stations is None
    assert len(np.unique(network.data.stations[..., 0])) == 6


def test_stations_are_selected_and_ordered(rows):
    names = np.unique(rows.metadata["station"])[[2, 0]]
    network = to_network_events(rows, stations=names)
    assert network.stations["station"].tolist() == names.tolist()
    kept = rows.metadata["station"].isin(names)
    assert (network.rows >= 0).sum() == kept.sum()
    assert len(network.data) == rows.metadata["event_id"][kept].nunique()


def test_stations_of_network_events_are_selected():
    bunch = make_seismic_events(
        6, n_stations=4, n_sites=1, n_samples=300, missing_station_probability=0.6, random_state=1
    )
    whole = to_network_events(bunch)
    names = whole.stations["station"].to_numpy()[[2, 0]]
    some = to_network_events(bunch, stations=names)
    kept = whole.data.recorded[:, [2, 0]].any(axis=1)
    assert 0 < kept.sum() < 6
    np.testing.assert_array_equal(some.data.offsets, whole.data.offsets[kept][:, [2, 0]])
    np.testing.assert_array_equal(np.asarray(some.data), np.asarray(whole.data)[kept][:, [2, 0]])
    assert some.stations["station"].tolist() == names.tolist()
    assert some.metadata["event_id"].tolist() == whole.metadata["event_id"][kept].tolist()
    assert len(some.target) == len(some.rows) == kept.sum()


@pytest.mark.parametrize("column", ["event_id", "station"])
@pytest.mark.parametrize("nothing", [None, np.nan, ""])
def test_rows_without_an_event_or_a_station_are_no_event_of_their_own(rows, column, nothing):
    values = rows.metadata[column].astype(object).to_numpy(copy=True)
    values[[1, 5]] = nothing
    lacking = type(rows)(**{**rows, "metadata": rows.metadata.assign(**{column: values})})
    with pytest.raises(ValueError, match=f"needs {column} of every row; 2 of .* first row 1"):
        to_network_events(lacking)


@pytest.mark.parametrize("common_time", [False, True])
def test_counts_are_whole_numbers_and_missing_stations_are_not(rows, common_time):
    counts = type(rows)(**{**rows, "data": np.rint(1000 * rows.data).astype(np.int32)})
    network = to_network_events(counts, common_time=common_time)
    missing = network.rows < 0
    assert missing.any() and network.data.dtype == np.float64
    np.testing.assert_array_equal(network.data.recorded, ~missing)
    some = network.rows[~missing]
    np.testing.assert_array_equal(
        np.asarray(network.data)[~missing][..., :300], counts.data[some][..., :300]
    )


def test_what_is_no_set_is_refused(rows):
    with pytest.raises(TypeError, match="ndarray has no metadata.*NetworkEvents"):
        to_network_events(rows.data)
    with pytest.raises(ValueError, match=r"select the same of both"):
        to_network_events(type(rows)(**{**rows, "data": rows.data[1:]}))


def test_numbers_may_be_targets(rows):
    magnitude = rows.metadata["magnitude"].to_numpy()
    assert np.isnan(magnitude).any()
    network = to_network_events(type(rows)(**{**rows, "target": magnitude}))
    np.testing.assert_array_equal(network.target, network.metadata["magnitude"])


@pytest.mark.parametrize("stations", ["X0.ST01", [], ["X0.ST01", "X0.ST01"]])
def test_lists_of_stations_that_are_none(rows, stations):
    with pytest.raises(ValueError, match="stations must be a list of names"):
        to_network_events(rows, stations=stations)


def test_refusals_name_what_is_wrong(rows):
    with pytest.raises(ValueError, match=r"XX\.NO.*recorded nothing"):
        to_network_events(rows, stations=["XX.NO"])
    twice = type(rows)(**rows)
    twice.metadata = rows.metadata.assign(station="X0.ST01")
    with pytest.raises(ValueError, match="two recordings of one station"):
        to_network_events(twice)
    lacking = type(rows)(**rows)
    lacking.metadata = rows.metadata.drop(columns="event_id")
    with pytest.raises(ValueError, match="without event_id"):
        to_network_events(lacking)
    mixed = type(rows)(**rows)
    mixed.target = np.array([f"class {i}" for i in range(len(rows.target))])
    with pytest.raises(ValueError, match="different classes"):
        to_network_events(mixed)


def test_recordings_that_differ_about_their_event_are_told(rows):
    differing = type(rows)(**rows)
    magnitude = rows.metadata["magnitude"].to_numpy(copy=True)
    repeated = rows.metadata["event_id"].duplicated().to_numpy() & ~np.isnan(magnitude)
    magnitude[np.flatnonzero(repeated)[0]] = 9.0
    differing.metadata = rows.metadata.assign(magnitude=magnitude)
    with pytest.warns(UserWarning, match=r"magnitude \(1 events\)"):
        network = to_network_events(differing)
    assert network.metadata["magnitude"].max() < 9


def test_kachchh(data_dir):
    with pytest.warns(UserWarning, match="origin_time"):
        network = to_network_events(load_kachchh(data_dir))
    assert network.data.shape == (383, 5, 3, 3000)
    assert (network.rows >= 0).sum() == 1057
    assert network.metadata["event_id"].is_unique


def test_common_time_restores_the_move_out(rows):
    rng = np.random.default_rng(0)
    late = rng.integers(0, 50, len(rows.data))
    cut = type(rows)(**rows)
    cut.data = np.stack([x[:, k : k + 200] for x, k in zip(rows.data, late, strict=True)])
    delay = late / rows.sampling_rate * np.timedelta64(10**9, "ns")
    cut.metadata = rows.metadata.assign(start_time=rows.metadata["start_time"] + delay)
    moved, whole = to_network_events(cut, common_time=True), to_network_events(rows)
    earliest = np.where(whole.rows >= 0, late[whole.rows], 99).min(axis=1)
    for event, station in np.argwhere(whole.rows >= 0):
        row = whole.rows[event, station]
        first = late[row] - earliest[event]
        found = moved.data[event, station]
        np.testing.assert_array_equal(found[:, first : first + 200], cut.data[row])
        flat = np.delete(found, np.arange(first, first + 200), axis=-1)
        np.testing.assert_allclose(flat - cut.data[row].mean(-1, keepdims=True), 0, atol=1e-2)
    assert moved.data.shape[-1] > 200


def test_common_time_needs_times_and_no_text(rows):
    text = rows.metadata.assign(start_time=rows.metadata["start_time"].astype(str))
    with pytest.raises(ValueError, match="start_time as times.*pandas.to_datetime"):
        to_network_events(type(rows)(**{**rows, "metadata": text}), common_time=True)


def test_common_time_needs_times_that_fit(rows):
    far = type(rows)(**rows)
    far.metadata = rows.metadata.copy()
    far.metadata.loc[1, "start_time"] += np.timedelta64(1, "h")
    with pytest.raises(ValueError, match="one event"):
        to_network_events(far, common_time=True)
    far.metadata = rows.metadata.drop(columns="start_time")
    with pytest.raises(ValueError, match="start_time"):
        to_network_events(far, common_time=True)
