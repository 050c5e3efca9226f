"""SeisBench's format: what others wrote is read, what we write others read."""

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisclf.datasets import read_seisbench, write_seisbench
from seisclf.io import LazyWaveforms

FIXTURES = Path(__file__).parent / "fixtures"


def write_raw(folder, rows, datasets, *, chunk="", **data_format):
    """A set as the format's description has it, written without our writer."""
    folder.mkdir(exist_ok=True)
    pd.DataFrame(rows).to_csv(folder / f"metadata{chunk}.csv", index=False)
    with h5py.File(folder / f"waveforms{chunk}.hdf5", "w") as file:
        for name, array in datasets.items():
            file[f"data/{name}"] = array
        data_format = {"dimension_order": "CW", "component_order": "ZNE"} | data_format
        for key, value in data_format.items():
            if value is not None:
                file[f"data_format/{key}"] = value
    return folder


def rows_of(names, **columns):
    return {"trace_name": names, "trace_category": ["noise"] * len(names), **columns}


@pytest.fixture
def block():
    return np.arange(4 * 3 * 50, dtype=np.int32).reshape(4, 3, 50)


# Files by others ---------------------------------------------------------------------------------


@pytest.mark.parametrize("lazy", [False, True])
def test_file_written_by_seisbench(lazy):
    """Blocks, single traces and a `$` in a name, as seisbench 0.12 wrote them."""
    events = read_seisbench(FIXTURES / "seisbench_0_12", lazy=lazy)
    data = np.asarray(events.data)
    table = events.metadata
    assert data.shape == (6, 3, 208)
    assert data.dtype == np.float32
    assert isinstance(events.data, LazyWaveforms) == lazy
    n_valid = table["n_valid"].to_numpy()
    assert n_valid.tolist() == [200, 205, 208, 150, 203, 206]
    last = data[np.arange(6), 2, n_valid - 1]
    np.testing.assert_array_equal(data[:, 0, 0], table["trace_first_value"])
    np.testing.assert_array_equal(last, table["trace_last_value"])
    assert not data[3, :, 150:].any()
    assert events.target.tolist() == ["earthquake", "noise"] * 3
    assert table["event_id"].tolist() == ["000", "000", "001", "001", "002", "002"]
    assert set(table["station"]) == {"NA.ABC"}
    assert events.arrivals["P"].tolist()[::2] == [0.5, 0.52, 0.54]
    assert events.arrivals["P"].isna().tolist() == [False, True] * 3
    assert table["start_time"][0] == pd.Timestamp("2020-01-01T00:00:00.5", tz="UTC")
    assert table["end_time"][0] == pd.Timestamp("2020-01-01T00:00:02.58", tz="UTC")
    assert "zeros at the end" in events.report["action"][0]


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("2,:3,:40", np.s_[2, :, :40]),
        ("-1, :, 5:25", np.s_[-1, :, 5:25]),
        ("1", np.s_[1]),
        ("0,:3", np.s_[0]),
        ("3,:3,10:40:3", np.s_[3, :, 10:40:3]),
        ("2:3,:,:-5", np.s_[2, :, :-5]),
    ],
)
def test_locations(tmp_path, block, location, expected):
    path = write_raw(tmp_path, rows_of([f"b/c${location}"]), {"b/c": block}, sampling_rate=10.0)
    np.testing.assert_array_equal(read_seisbench(path).data[0], block[expected])


@pytest.mark.parametrize("location", ["0,:3,:a", "0:2,:3,:5", "0,:3,::-1", "0,:3,:5,1", "9"])
def test_bad_locations_name_the_row(tmp_path, block, location):
    path = write_raw(tmp_path, rows_of([f"b${location}"]), {"b": block}, sampling_rate=10.0)
    with pytest.raises(ValueError, match=r"b\$"):
        read_seisbench(path)


def test_plain_traces_and_other_dimension_order(tmp_path, block):
    path = write_raw(
        tmp_path,
        rows_of(["a", "b$1"]),
        {"a": block[0].T, "b": block.swapaxes(1, 2)},
        dimension_order="WC",
        sampling_rate=10.0,
    )
    np.testing.assert_array_equal(read_seisbench(path).data, block[:2])


def test_chunks(tmp_path, block):
    for chunk, rows in (("_b", slice(2, 4)), ("_a", slice(0, 2))):
        # The same block name holds another number of rows in each file.
        rows = block[rows][: 1 if chunk == "_a" else 2]
        names = [f"x${i}" for i in range(len(rows))]
        write_raw(tmp_path, rows_of(names), {"x": rows}, chunk=chunk, sampling_rate=10.0)
    events = read_seisbench(tmp_path)
    assert events.metadata["trace_chunk"].tolist() == ["_a", "_b", "_b"]
    np.testing.assert_array_equal(events.data, block[[0, 2, 3]])
    (tmp_path / "chunks").write_text("_b\n")
    np.testing.assert_array_equal(read_seisbench(tmp_path).data, block[2:])
    with h5py.File(tmp_path / "waveforms_a.hdf5", "a") as file:
        file["data_format/sampling_rate"][...] = 20.0
    (tmp_path / "chunks").unlink()
    with pytest.raises(ValueError, match="data_format"):
        read_seisbench(tmp_path)


def test_missing_dimension_order_warns(tmp_path, block):
    path = write_raw(
        tmp_path, rows_of(["b$0"]), {"b": block}, dimension_order=None, sampling_rate=10.0
    )
    with pytest.warns(UserWarning, match="dimension_order"):
        read_seisbench(path)


# Components --------------------------------------------------------------------------------------


def test_component_orders_per_row(tmp_path, block):
    rows = rows_of(["b$0", "b$1", "b$2"], trace_component_order=["ENZ", "Z12", None])
    path = write_raw(tmp_path, rows, {"b": block}, sampling_rate=10.0)
    events = read_seisbench(path)
    np.testing.assert_array_equal(events.data[0], block[0, ::-1])
    np.testing.assert_array_equal(events.data[1:], block[1:3])
    assert events.report["what"].str.contains("1 stands for N, not rotated").any()
    np.testing.assert_array_equal(
        read_seisbench(path, component_order="EZ").data[2], block[2, [2, 0]]
    )


@pytest.mark.parametrize(("missing", "value"), [("pad", 0.0), ("nan", np.nan), ("copy", None)])
@pytest.mark.parametrize("lazy", [False, True])
def test_missing_components(tmp_path, block, missing, value, lazy):
    rows = rows_of(["z", "b$1"], trace_component_order=["Z", "ZNE"])
    path = write_raw(tmp_path, rows, {"z": block[0, :1], "b": block}, sampling_rate=10.0)
    with pytest.raises(ValueError, match="1 rows with 'Z' lack NE"):
        read_seisbench(path)
    events = read_seisbench(path, missing_components=missing, lazy=lazy)
    data = np.asarray(events.data)
    np.testing.assert_array_equal(data[0, 0], block[0, 0])
    np.testing.assert_array_equal(
        data[0, 1:], np.broadcast_to(block[0, 0] if value is None else value, (2, 50))
    )
    np.testing.assert_array_equal(data[1], block[1])
    assert events.report["what"].tolist() == ["NE missing"]
    np.testing.assert_array_equal(
        read_seisbench(path, component_order="Z").data[:, 0], block[:2, 0]
    )


def test_n_components(tmp_path, block):
    rows = rows_of(["z", "b$1"], trace_component_order=["Z", "ZNE"])
    path = write_raw(tmp_path, rows, {"z": block[0, :1], "b": block}, sampling_rate=10.0)
    pad = read_seisbench(path, missing_components="pad").metadata
    copy = read_seisbench(path, missing_components="copy").metadata
    assert pad["n_components"].tolist() == copy["n_components"].tolist() == [1, 3]


# Rates and lengths -------------------------------------------------------------------------------


def test_clock_errors_are_snapped_and_reported(tmp_path, block):
    rows = rows_of(["b$0", "b$1"], trace_sampling_rate_hz=[99.999992, 100.000008])
    events = read_seisbench(write_raw(tmp_path, rows, {"b": block}))
    assert events.sampling_rate == 100.0
    assert len(events.report) == 2


def test_different_rates_need_a_decision(tmp_path):
    time = np.arange(200) / 50.0
    slow = np.tile(np.sin(2 * np.pi * 2.0 * time), (3, 1))
    fast = np.tile(np.sin(2 * np.pi * 2.0 * np.arange(400) / 100.0), (3, 1))
    rows = rows_of(["slow", "fast"], trace_dt_s=[0.02, 0.01], trace_p_arrival_sample=[100, 200])
    path = write_raw(tmp_path, rows, {"slow": slow, "fast": fast})
    with pytest.raises(ValueError, match=r"1 at 50, 1 at 100 Hz.*sampling_rate="):
        read_seisbench(path)
    for lazy in (False, True):
        events = read_seisbench(path, sampling_rate=100.0, lazy=lazy)
        data = np.asarray(events.data)
        assert data.shape == (2, 3, 400)
        np.testing.assert_allclose(data[0, :, 50:350], data[1, :, 50:350], atol=0.01)
        assert events.arrivals["P"].tolist() == [2.0, 2.0]
        assert events.report["action"].tolist() == ["resampled to 100 Hz"]


def test_csv_rate_wins_over_the_files(tmp_path, block):
    rows = rows_of(["b$0"], trace_sampling_rate_hz=[20.0])
    events = read_seisbench(write_raw(tmp_path, rows, {"b": block}, sampling_rate=10.0))
    assert events.sampling_rate == 20.0
    assert "metadata.csv wins" in events.report["action"].tolist()


def test_no_rate_raises(tmp_path, block):
    rows = rows_of(["b$0", "b$1"], trace_sampling_rate_hz=[20.0, None])
    with pytest.raises(ValueError, match=r"1 rows have no sampling rate .*b\$1"):
        read_seisbench(write_raw(tmp_path, rows, {"b": block}))


def test_n_samples_cuts_and_pads(tmp_path, block):
    path = write_raw(tmp_path, rows_of(["b$0", "b$1,:,:30"]), {"b": block}, sampling_rate=10.0)
    events = read_seisbench(path, n_samples=40)
    np.testing.assert_array_equal(events.data[0], block[0, :, :40])
    np.testing.assert_array_equal(events.data[1, :, :30], block[1, :, :30])
    assert not events.data[1, :, 30:].any()
    assert events.metadata["n_valid"].tolist() == [40, 30]
    assert events.report["action"].tolist() == ["zeros at the end, see n_valid", "end cut off"]


# Labels and metadata -----------------------------------------------------------------------------


def test_label_falls_back_row_by_row(tmp_path, block):
    rows = rows_of(["b$0", "b$1"], source_type=["lp", None])
    path = write_raw(tmp_path, rows, {"b": block}, sampling_rate=10.0)
    assert read_seisbench(path).target.tolist() == ["lp", "noise"]
    with pytest.raises(ValueError, match="1 of 2 rows.*row 1"):
        read_seisbench(path, label="source_type")
    with pytest.raises(ValueError, match="no such column"):
        read_seisbench(path, label="kind")
    assert read_seisbench(path, label=None).target is None
    X, y = read_seisbench(path, return_X_y=True)
    assert (X.shape, len(y)) == ((2, 3, 50), 2)


def test_noise_without_source_is_an_event_of_its_own(tmp_path, block):
    rows = rows_of(["b$0", "b$1", "b$2"], source_id=["7", None, None])
    events = read_seisbench(write_raw(tmp_path, rows, {"b": block}, sampling_rate=10.0))
    assert events.metadata["event_id"].tolist() == ["7", "b$1", "b$2"]


def test_first_phase_is_the_onset(tmp_path, block):
    rows = rows_of(["b$0"], trace_Pn_arrival_sample=[12], trace_Pg_arrival_sample=[20])
    events = read_seisbench(write_raw(tmp_path, rows, {"b": block}, sampling_rate=10.0))
    assert events.metadata["p_onset"].tolist() == [1.2]


def test_absent_files_are_named(tmp_path, block):
    with pytest.raises(FileNotFoundError, match="metadata.csv"):
        read_seisbench(tmp_path)
    path = write_raw(tmp_path, rows_of(["b$0", "gone$1"]), {"b": block}, sampling_rate=10.0)
    with pytest.raises(ValueError, match="1 rows name waveforms.*gone"):
        read_seisbench(path)
    (path / "waveforms.hdf5").unlink()
    with pytest.raises(FileNotFoundError, match="waveforms.hdf5"):
        read_seisbench(path)
    with pytest.raises(ValueError, match="missing_components"):
        read_seisbench(path, missing_components="guess")


# Writing -----------------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(
    lengths=st.lists(st.integers(5, 40), min_size=1, max_size=8),
    blocks=st.sampled_from([True, False, 2, 3]),
    dtype=st.sampled_from(["int32", "float32", "float64"]),
)
def test_round_trip_of_any_lengths(tmp_path_factory, lengths, blocks, dtype):
    rng = np.random.default_rng(len(lengths))
    data = [rng.integers(-9999, 9999, (3, n)).astype(dtype) for n in lengths]
    path = tmp_path_factory.mktemp("set")
    write_seisbench(path, data, sampling_rate=50.0, target=["noise"] * len(data), blocks=blocks)
    events = read_seisbench(path, dtype="float64")
    assert events.metadata["n_valid"].tolist() == lengths
    for event, expected in zip(events.data, data, strict=True):
        np.testing.assert_array_equal(event[:, : expected.shape[1]], expected)


@pytest.fixture
def metadata():
    return pd.DataFrame(
        {
            "event_id": ["a", "a", "b", "c"],
            "station": ["SR.SUR", "SR.KAV", "SR.SUR", "LH01"],
            "site": ["north", "south", "north", "south"],
            "start_time": pd.to_datetime(
                ["2020-01-01T00:00:00.123456Z"] * 3 + [None], utc=True
            ).as_unit("ns"),
            "p_onset": [0.5, 0.7, np.nan, 1.0],
            "event_end": [3.0, 3.1, 3.2, np.nan],
            "magnitude": [1.0, 1.0, np.nan, 2.0],
            "back_azimuth": [10.0, 20.0, 30.0, np.nan],
            "split": ["train", "train", "train", "test"],
            "remark": ["x, y", "", "ok", "$"],
        }
    )


def test_metadata_round_trip(tmp_path, metadata, block):
    target = ["rockfall", "rockfall", "quake", "noise"]
    write_seisbench(tmp_path, block, metadata, sampling_rate=10.0, target=target)
    raw = pd.read_csv(tmp_path / "metadata.csv")
    assert {"source_id", "trace_p_arrival_sample", "trace_start_time", "station_code"} <= set(raw)
    assert not {"event_id", "p_onset", "start_time"} & set(raw)
    # A block does not cross from one split to the next.
    assert raw["trace_name"].str.split("$").str[0].tolist() == ["bucket0"] * 3 + ["bucket1"]
    events = read_seisbench(tmp_path)
    np.testing.assert_array_equal(events.data, block)
    assert events.target.tolist() == target
    back = events.metadata
    for name in ("event_id", "site", "start_time", "p_onset", "event_end", "magnitude", "split"):
        pd.testing.assert_series_equal(back[name], metadata[name], check_dtype=name != "site")
    assert back["station"].tolist() == ["SR.SUR", "SR.KAV", "SR.SUR", ".LH01"]
    # A second trip changes nothing more.
    write_seisbench(tmp_path / "2", events.data, back, sampling_rate=10.0, target=events.target)
    again = read_seisbench(tmp_path / "2").metadata
    pd.testing.assert_frame_equal(again[list(back)], back)


def test_cut_windows_do_not_inherit_old_picks(tmp_path, block):
    metadata = pd.DataFrame({"p_onset": [0.4] * 4, "trace_Pg_arrival_sample": [20.0] * 4})
    with pytest.warns(UserWarning, match="trace_Pg_arrival_sample"):
        write_seisbench(tmp_path, block, metadata, sampling_rate=10.0, target=["noise"] * 4)
    assert read_seisbench(tmp_path).metadata["p_onset"].tolist() == [0.4] * 4


def test_lazy_data_and_padding_are_written(tmp_path, block):
    target = ["noise"] * 4
    write_seisbench(
        tmp_path / "1", block, sampling_rate=10.0, target=target, n_valid=[50, 20, 1, 50]
    )
    lazy = read_seisbench(tmp_path / "1", lazy=True)
    assert lazy.metadata["n_valid"].tolist() == [50, 20, 1, 50]
    write_seisbench(tmp_path / "2", lazy.data[1:], sampling_rate=10.0, target=target[1:], blocks=1)
    np.testing.assert_array_equal(read_seisbench(tmp_path / "2").data, lazy.data.read()[1:])


def test_chunks_are_registered(tmp_path, block):
    for chunk, part in (("_2019", block[:1]), ("_2020", block[1:])):
        write_seisbench(tmp_path, part, sampling_rate=10.0, target=["x"] * len(part), chunk=chunk)
    assert (tmp_path / "chunks").read_text().split() == ["_2019", "_2020"]
    np.testing.assert_array_equal(read_seisbench(tmp_path).data, block)


def test_writing_refuses(tmp_path, block):
    write_seisbench(tmp_path, block, sampling_rate=10.0)
    with pytest.raises(FileExistsError, match="overwrite=True"):
        write_seisbench(tmp_path, block, sampling_rate=10.0)
    write_seisbench(tmp_path, block[:2], sampling_rate=10.0, overwrite=True)
    with pytest.raises(ValueError, match="target has 3 rows, data has 4"):
        write_seisbench(tmp_path / "n", block, sampling_rate=10.0, target=["a"] * 3)
    with pytest.raises(ValueError, match="one row per station"):
        write_seisbench(tmp_path / "n", block[np.newaxis], sampling_rate=10.0)
    # A failed write leaves no half-written set behind.
    assert not list((tmp_path / "n").glob("*"))


# With the package itself -------------------------------------------------------------------------


@pytest.fixture
def seisbench_data(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("SEISBENCH_CACHE_ROOT", str(tmp_path_factory.mktemp("cache")))
    reason = "seisbench is an optional extra: pip install 'seisclf[seisbench]'"
    return pytest.importorskip("seisbench.data", reason=reason)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("blocks", [True, False])
def test_seisbench_reads_ours(tmp_path, metadata, block, seisbench_data, blocks):
    data = [block[0, :, :30], block[1], block[2, :, :45], block[3]]
    write_seisbench(
        tmp_path, data, metadata, sampling_rate=10.0, target=["quake"] * 4, blocks=blocks
    )
    theirs = seisbench_data.WaveformDataset(tmp_path, component_order="ZNE", sampling_rate=10)
    assert len(theirs) == 4
    for i, expected in enumerate(data):
        waveforms, row = theirs.get_sample(i)
        np.testing.assert_array_equal(waveforms, expected)
        assert row["source_type"] == "quake"
    assert theirs.metadata["trace_p_arrival_sample"].tolist()[:2] == [5.0, 7.0]


@pytest.mark.filterwarnings("ignore")
def test_we_read_theirs(tmp_path, block, seisbench_data):
    rng = np.random.default_rng(0)
    data = [rng.normal(size=(3, n)).astype(np.float32) for n in rng.integers(50, 400, 40)]
    with seisbench_data.WaveformDataWriter(
        tmp_path / "metadata.csv", tmp_path / "waveforms.hdf5"
    ) as writer:
        writer.data_format = {
            "dimension_order": "CW",
            "component_order": "ENZ",
            "sampling_rate": 100,
        }
        writer.bucket_size = 8
        for i, event in enumerate(data):
            writer.add_trace({"trace_name": f"t{i}", "trace_category": "noise", "n": i}, event)
    events = read_seisbench(tmp_path)
    assert sorted(events.metadata["n"]) == list(range(40))
    for event, row in zip(events.data, events.metadata.itertuples(), strict=True):
        expected = data[row.n][::-1]
        assert row.n_valid == expected.shape[1]
        np.testing.assert_array_equal(event[:, : row.n_valid], expected)


# Real sets ---------------------------------------------------------------------------------------


def test_gujarat_whole_and_lazy_agree(data_dir):
    whole = read_seisbench(data_dir / "gujarat")
    lazy = read_seisbench(data_dir / "gujarat", lazy=True)
    rows = np.random.default_rng(0).permutation(665)[:100]
    np.testing.assert_array_equal(lazy.data[rows].read(), whole.data[rows])
    assert whole.data.shape == (665, 3, 3000)
    assert np.isfinite(whole.data).all()
    assert abs(whole.arrivals["P"].median() - 20) < 1
