"""cut_windows, noise_windows, add_noise_class, take_rows: nothing gets out of step."""

import warnings

import numpy as np
import pandas as pd
import pytest

from seisclf.datasets import (
    add_noise_class,
    cut_windows,
    make_seismic_events,
    noise_windows,
    read_seisbench,
    take_rows,
    write_seisbench,
)


@pytest.fixture(scope="module")
def events():
    return make_seismic_events(
        18, classes=["earthquake", "quake", "rockfall"], n_samples=2000, random_state=0
    )


@pytest.fixture(scope="module")
def waves(events):
    return take_rows(events, events.target != "rockfall")


@pytest.fixture(scope="module")
def network():
    return make_seismic_events(
        10, classes=["quake"], n_stations=3, missing_station_probability=0.3, n_samples=1500,
        random_state=0,
    )  # fmt: skip


@pytest.fixture
def lazy(waves, tmp_path):
    write_seisbench(tmp_path, waves.data, waves.metadata, sampling_rate=100.0, target=waves.target)
    bunch = read_seisbench(tmp_path, lazy=True)
    yield bunch
    bunch.data.close()


def test_window_holds_the_samples_around_the_onset(waves):
    cut = cut_windows(waves, start=-1, end=2)
    assert cut.data.shape == (12, 3, 300)
    for row in range(12):
        first = round((waves.arrivals["P"][row] - 1) * 100)
        np.testing.assert_array_equal(cut.data[row], waves.data[row, :, first : first + 300])
        np.testing.assert_array_equal(cut.masks[row], waves.masks[row, first : first + 300])


def test_onsets_and_times_move_along(waves):
    cut = cut_windows(waves, start=-1, end=2)
    np.testing.assert_allclose(cut.arrivals["P"], 1.0, atol=0.0051)
    for ours, theirs in (("p_onset", "P"), ("s_onset", "S"), ("event_end", "end")):
        np.testing.assert_allclose(cut.metadata[ours], cut.arrivals[theirs])
    for bunch in (waves, cut):  # the same instants on the clock
        onset = pd.to_timedelta(bunch.metadata["s_onset"], unit="s")
        bunch.clock = (bunch.metadata["start_time"] + onset).dt.round("us")
    pd.testing.assert_series_equal(cut.clock, waves.clock)
    length = (cut.metadata["end_time"] - cut.metadata["start_time"]).dt.total_seconds()
    np.testing.assert_allclose(length, 3.0)


def test_input_is_left_as_it_was(waves):
    before = waves.data.copy(), waves.metadata.copy(), waves.arrivals.copy(), waves.masks.copy()
    add_noise_class(waves, start=-0.2, end=0.5)
    np.testing.assert_array_equal(waves.data, before[0])
    pd.testing.assert_frame_equal(waves.metadata, before[1])
    pd.testing.assert_frame_equal(waves.arrivals, before[2])
    np.testing.assert_array_equal(waves.masks, before[3])


def test_leaving_the_record_is_refused_with_what_mends_it(waves):
    with pytest.raises(
        ValueError, match=r"12 of 12 \(rows 0, 1, 2, 3, 4, \.\.\.\).*outside='drop'"
    ):
        cut_windows(waves, start=-30, end=2)


def test_dropped_windows_are_named(waves):
    limit = np.sort(waves.arrivals["P"])[6]
    with pytest.warns(
        UserWarning, match=r"windows from .* around P leave the recording: left out"
    ):
        cut = cut_windows(waves, start=-limit, end=1, outside="drop")
    kept = waves.arrivals["P"] >= limit - 0.005
    assert list(cut.metadata["event_id"]) == list(waves.metadata["event_id"][kept])
    lost = waves.metadata["event_id"][~kept]
    assert set(cut.report["event"]) == set(lost)
    assert (cut.report["action"] == "left out").all()


def test_padding_is_zero_and_counted(waves):
    with pytest.warns(UserWarning, match="12 of 12 .*padded with zeros"):
        cut = cut_windows(waves, start=-30, end=1, outside="pad")
    for row in range(12):
        end = round((waves.arrivals["P"][row] - 30) * 100) + 3100
        assert cut.metadata["n_valid"][row] == end
        assert not cut.data[row, :, : 3100 - end].any()
        np.testing.assert_array_equal(cut.data[row, :, 3100 - end :], waves.data[row, :, :end])


def test_rows_without_the_onset_are_refused_or_dropped_or_given_another(events):
    with pytest.raises(ValueError, match=r"6 of 18 .* no onset P \(6 rockfall\)"):
        cut_windows(events, start=-1, end=1)
    with pytest.warns(UserWarning, match="no onset P .*left out"):
        assert len(cut_windows(events, start=-1, end=1, outside="drop").data) == 12
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cut = cut_windows(events, start=-1, end=1, relative_to=("P", "start"))
    np.testing.assert_allclose(cut.arrivals["start"], 1.0, atol=0.0051)
    fixed = cut_windows(events, start=0, end=1, relative_to=2.5)
    np.testing.assert_array_equal(fixed.data, events.data[:, :, 250:350])


def test_nothing_left_is_an_error(waves):
    with pytest.raises(ValueError, match="no row is left"):
        cut_windows(waves, start=-30, end=1, outside="drop")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"relative_to": "Pn"}, "relative_to='Pn' is no onset"),
        ({"end": -1}, "end must lie at least one sample after start"),
        ({"outside": "wrap"}, "outside must be one of"),
    ],
)
def test_wrong_parameters_are_named(waves, params, message):
    with pytest.raises(ValueError, match=message):
        cut_windows(waves, **{"start": -1, "end": 1, **params})


def test_noise_ends_before_the_onset_and_keeps_event_and_station(waves):
    noise = noise_windows(waves, duration=1.5, end_before_onset=0.5)
    assert set(noise.target) == {"noise"}
    for column in ("event_id", "station", "site"):
        assert list(noise.metadata[column]) == list(waves.metadata[column])
    onset = waves.metadata["start_time"] + pd.to_timedelta(waves.metadata["p_onset"], unit="s")
    ahead = (onset - noise.metadata["end_time"]).dt.total_seconds()
    np.testing.assert_allclose(ahead, 0.5, atol=0.0051)
    for column in ("magnitude", "distance", "p_onset", "source_latitude", "snr_db"):
        assert noise.metadata[column].isna().all()
    assert noise.arrivals.isna().all(axis=None)
    assert not noise.masks.any()
    with pytest.raises(ValueError, match="end_before_onset must not be negative"):
        noise_windows(waves, duration=1, end_before_onset=-1)


def test_add_noise_class_is_events_then_noise(waves):
    both = add_noise_class(waves, start=-0.3, end=0.9, label="before")
    events, noise = cut_windows(waves, start=-0.3, end=0.9), noise_windows(waves, duration=1.2)
    np.testing.assert_array_equal(both.data, np.concatenate([events.data, noise.data]))
    np.testing.assert_array_equal(both.target, [*events.target, *["before"] * 12])
    np.testing.assert_array_equal(both.metadata["event_id"][:12], both.metadata["event_id"][12:])
    assert both.metadata["p_onset"].notna().sum() == 12
    assert both.target_names[-1] == "before"
    assert not both.masks[12:].any() and both.masks[:12].any()


def test_noise_never_overlaps_the_window_of_its_event(waves):
    both = add_noise_class(waves, start=-1.15, end=0.05)
    start = both.metadata["start_time"][:12].reset_index(drop=True)
    end = both.metadata["end_time"][12:].reset_index(drop=True)
    assert ((start - end).dt.total_seconds() >= -1e-6).all()


def test_what_was_recorded_is_cut_along(waves):
    gappy = take_rows(waves, slice(None))
    gappy.valid = np.ones(waves.data.shape, dtype=bool)
    gappy.valid[:, 0, 300:330] = False
    with pytest.warns(UserWarning, match="padded"):
        cut = cut_windows(gappy, start=-10, end=4, outside="pad")
    assert cut.valid.shape == cut.data.shape
    for row in range(12):
        first = round((waves.arrivals["P"][row] - 10) * 100)
        wanted = np.zeros(1400, dtype=bool)
        wanted[-first:] = gappy.valid[row, 0, : 1400 + first]
        np.testing.assert_array_equal(cut.valid[row, 0], wanted)


def test_a_set_without_classes_gets_no_noise_class(waves):
    bare = take_rows(waves, slice(None))
    bare.target = None
    assert cut_windows(bare, start=-1, end=1).target is None
    with pytest.raises(ValueError, match="no target"):
        add_noise_class(bare, start=-1, end=1)


def test_waveforms_on_disk_stay_there_and_are_cut_alike(waves, lazy):
    for cut in (
        lambda b: cut_windows(b, start=-1, end=2),
        lambda b: add_noise_class(b, start=-0.2, end=0.8),
        lambda b: noise_windows(b, duration=1),
    ):
        memory, disk = cut(waves), cut(lazy)
        assert type(disk.data) is type(lazy.data)
        np.testing.assert_array_equal(disk.data.read(), memory.data)
        np.testing.assert_array_equal(disk.target, memory.target)
        np.testing.assert_allclose(disk.metadata["p_onset"], memory.metadata["p_onset"], atol=1e-6)
    with pytest.warns(UserWarning, match="padded"):
        memory = cut_windows(waves, start=-30, end=1, outside="pad")
    with pytest.warns(UserWarning, match="padded"):
        disk = cut_windows(lazy, start=-30, end=1, outside="pad")
    np.testing.assert_array_equal(disk.data.read(), memory.data)
    np.testing.assert_array_equal(disk.metadata["n_valid"], memory.metadata["n_valid"])


def test_padding_of_short_rows_does_not_count_as_recording(waves, tmp_path):
    lengths = np.where(np.arange(12) % 2, 2000, 600)
    metadata = waves.metadata
    write_seisbench(
        tmp_path, [x[:, :n] for x, n in zip(waves.data, lengths, strict=True)], metadata,
        sampling_rate=100.0, target=waves.target,
    )  # fmt: skip
    for lazy in (False, True):
        bunch = read_seisbench(tmp_path, lazy=lazy)
        leaves = np.round((metadata["p_onset"] + 3) * 100) > lengths
        assert leaves.any() and not leaves.all()
        with pytest.raises(ValueError, match=f"{leaves.sum()} of 12"):
            cut_windows(bunch, start=-1, end=3)


def test_seisbench_columns_move_along_and_survive_writing(waves, lazy, tmp_path):
    cut = cut_windows(lazy, start=-1, end=2)
    np.testing.assert_allclose(cut.metadata["trace_p_arrival_sample"], 100, atol=0.51)
    assert (cut.metadata["trace_npts"] == 300).all()
    folder = tmp_path / "again"
    write_seisbench(folder, cut.data, cut.metadata, sampling_rate=100.0, target=cut.target)
    again = read_seisbench(folder)
    np.testing.assert_array_equal(again.data, cut.data.read())
    np.testing.assert_allclose(again.metadata["p_onset"], cut.metadata["p_onset"], atol=1e-6)
    pd.testing.assert_series_equal(
        again.metadata["start_time"], cut.metadata["start_time"], check_dtype=False
    )


def test_stations_of_a_network_are_cut_alike(network):
    both = add_noise_class(network, start=-0.2, end=0.8)
    assert both.data.shape == (20, 3, 3, 100)
    assert both.masks.shape == (20, 3, 100)
    first = network.arrivals["P"].groupby(level=0).min()
    for row in range(10):
        begin = round((first[row] - 0.2) * 100)
        np.testing.assert_array_equal(both.data[row], network.data[row, ..., begin : begin + 100])
    assert list(both.arrivals.index.get_level_values(0)[::3]) == list(range(20))
    apart = network.arrivals["S"] - network.arrivals["P"]
    np.testing.assert_allclose((both.arrivals["S"] - both.arrivals["P"])[:30], apart)
    assert both.arrivals["distance"][30:].isna().all()


def test_padding_leaves_missing_stations_missing(network):
    with pytest.warns(UserWarning, match="padded"):
        cut = cut_windows(network, start=-20, end=1, outside="pad")
    np.testing.assert_array_equal(
        np.isnan(cut.data).all(axis=(2, 3)), np.isnan(network.data).all(axis=(2, 3))
    )
    assert np.isnan(cut.data).any() and (cut.data == 0).any()


@pytest.mark.parametrize("rows", [[5, 0, 0], slice(3, 9, 2), np.arange(12) % 3 == 0, []])
def test_take_rows_keeps_everything_together(waves, rows):
    taken = take_rows(waves, rows)
    index = np.arange(12)[rows] if not isinstance(rows, list) else np.array(rows, dtype=int)
    np.testing.assert_array_equal(taken.data, waves.data[index])
    np.testing.assert_array_equal(taken.target, waves.target[index])
    np.testing.assert_array_equal(taken.masks, waves.masks[index])
    assert list(taken.metadata["event_id"]) == list(waves.metadata["event_id"].iloc[index])
    assert list(taken.metadata.index) == list(taken.arrivals.index) == list(range(len(index)))


def test_take_rows_of_a_network_takes_all_stations_arrivals(network):
    taken = take_rows(network, [4, 1])
    assert len(taken.arrivals) == 6
    np.testing.assert_array_equal(
        taken.arrivals.loc[0].to_numpy(), network.arrivals.loc[4].to_numpy()
    )
    with pytest.raises(ValueError, match="mask"):
        take_rows(network, np.ones(3, dtype=bool))


def test_real_events_and_their_noise(data_dir):
    from seisclf.datasets import load_gujarat

    both = add_noise_class(load_gujarat(data_dir), start=-2, end=13)
    assert both.data.shape == (1330, 3, 750)
    assert dict(zip(*np.unique(both.target, return_counts=True), strict=True)) == {
        "blast": 327, "earthquake": 338, "noise": 665
    }  # fmt: skip

    def power(data):
        x = data - data.mean(axis=-1, keepdims=True, dtype=float)
        return (x**2).mean(axis=(1, 2))

    assert np.median(power(both.data[:665]) / power(both.data[665:])) > 3
