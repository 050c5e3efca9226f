"""The index of an archive: what it says is what the files hold, and windows are their slices."""

import gzip
import multiprocessing
import os
import pickle
import shutil
import sqlite3
import struct
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from obspy import Stream, Trace, UTCDateTime, read

from seisclf.datasets import make_archive
from seisclf.io import ArchiveIndex, ReadReport, read_records, read_waveform_file
from seisclf.io import _index as index_module
from seisclf.io import _index_whole as index_whole
from seisclf.io._index_store import APPLICATION_ID, VERSION
from seisclf.io._miniseed_headers import parse_records, scan_file, trace_ids
from seisclf.utils import LostWorkerError

T0 = UTCDateTime("2023-06-01T00:00:00")


def make_trace(n, *, start=T0, code="XX.A..HHZ", rate=100.0, seed=0, dtype=np.int32):
    rng = np.random.default_rng(seed)
    data = np.cumsum(rng.integers(-40, 41, n)).astype(dtype)
    network, station, location, channel = code.split(".")
    header = {
        "network": network,
        "station": station,
        "location": location,
        "channel": channel,
        "sampling_rate": rate,
        "starttime": start,
    }
    return Trace(data, header)


def write(path, *traces, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Stream(traces).write(str(path), format="MSEED", **{"reclen": 512, **options})
    return path


@pytest.fixture
def archive(tmp_path):
    """Two stations, two hours in files of an hour, one gap of a minute."""
    folder = tmp_path / "archive"
    for station in "AB":
        for hour in range(2):
            trace = make_trace(
                36_000, start=T0 + 3600 * hour, code=f"XX.{station}..HHZ", rate=10.0, seed=hour
            )
            pieces = [trace.slice(T0, T0 + 3600 * hour + 1799.9)]
            pieces.append(trace.slice(T0 + 3600 * hour + 1860, T0 + 9999))
            if station == "A" or hour:
                pieces = [trace]
            write(folder / station / f"{hour}.mseed", *pieces)
    return folder


def samples_in(trace, start_ns, end_ns):
    """Times (ns) and values of the samples of a window, by the definition of `read`."""
    step = 1e9 / trace.stats.sampling_rate
    times = trace.stats.starttime.ns - start_ns + np.arange(trace.stats.npts) * step
    # A nanosecond is the rounding of times.
    inside = (times + 1 >= -step / 2) & (times + 1 < end_ns - start_ns - step / 2)
    return times[inside], trace.data[inside]


def assert_same_samples(found, expected, start_ns, end_ns):
    """Both streams hold the same samples of each trace in the window."""
    parts = {}
    for name, stream in (("found", found), ("expected", expected)):
        for trace in stream:
            times, values = samples_in(trace, start_ns, end_ns)
            if name == "found":
                assert len(values) == trace.stats.npts, "samples outside of the window"
            if len(values):
                parts.setdefault((trace.id, name), []).append((times[0], times, values))
    ids = {id for id, _ in parts}
    for id in ids:
        one, other = (
            sorted(parts.get((id, n), []), key=lambda p: p[0]) for n in ("found", "expected")
        )
        assert (
            np.concatenate([p[2] for p in one]).tolist()
            == np.concatenate([p[2] for p in other]).tolist()
        )
        times = [np.concatenate([p[1] for p in part]) for part in (one, other)]
        # Nanoseconds of rounding per piece.
        np.testing.assert_allclose(*times, rtol=0, atol=1000)


# What it says ------------------------------------------------------------------------------------


def test_tables_say_what_the_files_hold(archive):
    index = ArchiveIndex(archive)
    changes = index.update()
    assert changes["change"].tolist() == ["new"] * 4
    assert changes["pieces"].tolist() == [1, 1, 2, 1]
    channels = index.channels.set_index("trace")
    assert channels.index.tolist() == ["XX.A..HHZ", "XX.B..HHZ"]
    assert channels["pieces"].tolist() == [2, 3]
    assert channels["files"].tolist() == [2, 2]
    assert channels["sampling_rate"].tolist() == [10.0, 10.0]
    assert str(channels.loc["XX.A..HHZ", "start"]) == "2023-06-01 00:00:00+00:00"
    assert str(channels.loc["XX.B..HHZ", "end"]) == "2023-06-01 02:00:00+00:00"
    assert index.stations == ["XX.A", "XX.B"]
    assert [str(t) for t in index.span("XX.B")] == [
        "2023-06-01 00:00:00+00:00",
        "2023-06-01 02:00:00+00:00",
    ]
    assert "2 traces of 2 stations, 4 files" in repr(index)
    report = index.report
    assert report.files["status"].tolist() == ["read"] * 4
    assert len(report.traces) == 5
    assert report.traces["samples"].sum() == 4 * 36_000 - 600


def test_availability_and_gaps(archive):
    index = ArchiveIndex.open_or_build(archive)
    gaps = index.gaps()
    assert gaps["trace"].tolist() == ["XX.B..HHZ"]
    assert str(gaps["start"][0]) == "2023-06-01 00:30:00+00:00"
    assert gaps["duration"][0] == pytest.approx(60.0)
    table = index.availability().set_index("trace")
    assert table.loc["XX.A..HHZ", "share"] == 1.0
    assert table.loc["XX.B..HHZ", "share"] == pytest.approx(1 - 60 / 7200)
    assert table.loc["XX.B..HHZ", "longest_gap"] == pytest.approx(60.0)
    before = index.availability(T0 - 3600, T0, stations="B")
    assert before["share"].tolist() == [0.0]
    assert before["gaps"].tolist() == [1]


def test_codes_and_patterns_choose_traces(archive):
    index = ArchiveIndex.open_or_build(archive)
    for wanted in ("B", "XX.B", ["?.B", "*.B"]):
        found = index.read(T0, T0 + 10, stations=wanted)
        assert {t.id for t in found} == {"XX.B..HHZ"}
    assert len(index.read(T0, T0 + 10, channels=["HH?"])) == 2
    assert len(index.read(T0, T0 + 10, channels="XX.A..HHZ")) == 1
    assert len(index.read(T0, T0 + 10, channels="HHN")) == 0
    with pytest.raises(TypeError, match="stations must be a list of codes"):
        index.read(T0, T0 + 10, stations=[1])
    with pytest.raises(ValueError, match="has no traces of stations"):
        index.span("C")


@pytest.mark.parametrize("time", [None, "yesterday", 1.5, True, float("nan")])
def test_what_is_no_time_is_refused(archive, time):
    index = ArchiveIndex.open_or_build(archive)
    with pytest.raises(ValueError, match="is no time"):
        index.read(time, T0)


def test_an_end_before_the_start_is_refused(archive):
    with pytest.raises(ValueError, match="is before start"):
        ArchiveIndex.open_or_build(archive).read(T0, T0 - 1)


def test_an_index_that_is_not_built_says_how_to_build_it(tmp_path):
    index = ArchiveIndex(tmp_path)
    assert "call update()" in repr(index)
    with pytest.raises(ValueError, match="open_or_build"):
        index.read(T0, T0 + 1)
    with pytest.raises(NotADirectoryError, match="is no folder"):
        ArchiveIndex(tmp_path / "nothing")


def test_an_empty_archive_has_nothing(tmp_path):
    index = ArchiveIndex.open_or_build(tmp_path)
    assert index.stations == []
    assert len(index.channels) == 0
    assert len(index.availability()) == 0
    assert len(index.read(T0, T0 + 1)) == 0
    assert repr(index) == "ArchiveIndex: 0 traces of 0 stations, 0 files"


# Windows -----------------------------------------------------------------------------------------

pieces = st.lists(
    st.tuples(
        st.sampled_from(["XX.A..HHZ", "XX.A..HHN", "XX.B.00.HHZ"]),
        st.sampled_from([10.0, 31.7, 100.0]),
        st.integers(1, 3000),  # samples
        st.integers(0, 4_000_000),  # microseconds after the last piece
    ),
    min_size=1,
    max_size=6,
)
windows = st.lists(
    st.tuples(st.integers(-5_000_000, 200_000_000), st.integers(0, 60_000_000)), max_size=5
)


@settings(max_examples=20, deadline=None)
@given(pieces, windows, st.sampled_from([256, 512, 4096]), st.sampled_from("<>"), st.booleans())
def test_a_window_is_the_slice_of_the_whole(tmp_path_factory, pieces, windows, reclen, order, one):
    folder = tmp_path_factory.mktemp("archive")
    traces, ends = [], {}
    for seed, (code, rate, n, gap) in enumerate(pieces):
        # Pieces less than half a sample apart ObsPy joins, and moves the second one.
        start = ends.get(code, T0) + (gap / 1e6 if gap / 1e6 * rate > 0.5 else 0)
        traces.append(make_trace(n, start=start, code=code, rate=rate, seed=seed))
        ends[code] = start + n / rate
    # In one file with the traces in turns, or in two.
    parts = [traces] if one else [traces[::2], traces[1::2]]
    for i, part in enumerate(parts):
        if part:
            write(folder / f"{i}.mseed", *part, reclen=reclen, byteorder=order)
    whole = Stream()
    for file in sorted(folder.iterdir()):
        whole += read(str(file))
    index = ArchiveIndex.open_or_build(folder)
    for begin, length in windows:
        start_ns = T0.ns + begin * 1000
        end_ns = start_ns + length * 1000
        assert_same_samples(index.read(start_ns, end_ns), whole, start_ns, end_ns)


def test_windows_that_touch_share_nothing_and_miss_nothing(archive):
    index = ArchiveIndex.open_or_build(archive)
    rng = np.random.default_rng(1)
    cuts = np.sort(rng.integers(T0.ns, T0.ns + 7200 * 10**9, 12)).tolist()
    cuts = [T0.ns - 10**9, *cuts, T0.ns + 7201 * 10**9]
    parts = [index.read(a, b) for a, b in zip(cuts[:-1], cuts[1:], strict=True)]
    joined = np.concatenate([t.data for p in parts for t in p.select(station="A")])
    whole = np.concatenate([read(str(archive / "A" / f"{i}.mseed"))[0].data for i in range(2)])
    assert joined.tolist() == whole.tolist()


def test_only_the_bytes_of_the_window_are_read(tmp_path):
    trace = make_trace(500_000)
    file = write(tmp_path / "day.mseed", trace)
    index = ArchiveIndex.open_or_build(tmp_path)
    before = os.stat(file)
    content = bytearray(file.read_bytes())
    assert len(content) > 500_000
    # All but the part around the window becomes nonsense that the index does not know of.
    middle = len(content) // 2
    content[: middle - 150_000] = bytes(middle - 150_000)
    content[middle + 150_000 :] = b"\xff" * len(content[middle + 150_000 :])
    file.write_bytes(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    start = T0 + 2500
    found = index.read(start, start + 10)
    assert found[0].data.tolist() == trace.data[250_000:251_000].tolist()


def test_channels_in_turns_in_one_file(tmp_path):
    """Multiplexed records, as a digitizer writes them."""
    files = [
        write(tmp_path / "one", make_trace(20_000, code=f"XX.A..HH{c}", seed=i))
        for i, c in enumerate("ZNE")
    ]
    records = [
        [f.read_bytes()[i : i + 512] for i in range(0, f.stat().st_size, 512)] for f in [files[0]]
    ]
    records = []
    for i, c in enumerate("ZNE"):
        content = write(
            tmp_path / "one", make_trace(20_000, code=f"XX.A..HH{c}", seed=i)
        ).read_bytes()
        records.append([content[k : k + 512] for k in range(0, len(content), 512)])
    (tmp_path / "one").unlink()
    n = min(map(len, records))
    (tmp_path / "all.mseed").write_bytes(
        b"".join(b"".join(r) for r in zip(*(r[:n] for r in records)))
    )
    index = ArchiveIndex.open_or_build(tmp_path)
    assert index.channels["pieces"].tolist() == [1, 1, 1]
    found = index.read(T0 + 50, T0 + 60)
    assert [t.id[-1] for t in found] == ["E", "N", "Z"]
    for i, c in enumerate("ZNE"):
        expected = make_trace(20_000, seed=i).data[5000:6000]
        assert found.select(component=c)[0].data.tolist() == expected.tolist()


def test_thousands_of_pieces_in_one_file(tmp_path):
    traces = [make_trace(20, start=T0 + 2 * i, seed=i) for i in range(2000)]
    write(tmp_path / "pieces.mseed", *traces, reclen=256)
    index = ArchiveIndex.open_or_build(tmp_path)
    assert index.channels["pieces"].tolist() == [2000]
    found = index.read(T0 + 1000, T0 + 1010)
    assert [t.stats.npts for t in found] == [20] * 5
    assert found[0].data.tolist() == traces[500].data.tolist()
    assert index.availability()["gaps"].tolist() == [1999]


@pytest.mark.parametrize("format", ["SAC", "GSE2", "SLIST"])
def test_other_formats_are_read_whole(tmp_path, format):
    trace = make_trace(2000, rate=50.0)
    trace.write(str(tmp_path / "file"), format=format)
    index = ArchiveIndex.open_or_build(tmp_path)
    assert index.report.files["format"].tolist() == [format]
    found = index.read(T0 + 10, T0 + 20)
    assert found[0].data.tolist() == trace.data[500:1000].tolist()
    assert found[0].stats.starttime == T0 + 10


def test_files_that_are_read_whole_are_read_once_for_windows_that_follow(tmp_path, monkeypatch):
    traces = [make_trace(2000, code=f"XX.{name}..HHZ", seed=k) for k, name in enumerate("AB")]
    for trace in traces:
        trace.write(str(tmp_path / f"{trace.stats.station}.sac"), format="SAC")
    index = ArchiveIndex.open_or_build(tmp_path)
    opened = []
    original = index_whole.read_waveform_file
    monkeypatch.setattr(
        index_whole,
        "read_waveform_file",
        lambda path, **how: opened.append(path.name) or original(path, **how),
    )
    for _ in range(2):
        for first in range(0, 20, 5):
            for trace, found in zip(traces, index.read(T0 + first, T0 + first + 5), strict=True):
                own = trace.data[first * 100 : first * 100 + 500]
                assert found.data.tolist() == own.tolist()
                found.data[:] = 0  # what others get is not touched by it
                found.stats.sac.kstnm = "none"
    assert sorted(opened) == ["A.sac", "B.sac"]
    # Another file of that name is another file.
    traces[0].data[:] = 7
    traces[0].write(str(tmp_path / "A.sac"), format="SAC")
    os.utime(tmp_path / "A.sac", ns=(10**18, 10**18))
    assert set(index.read(T0, T0 + 1, stations="A")[0].data.tolist()) == {7}
    # Never more than the limit.
    whole = index._whole = index_whole.WholeFiles(max_bytes=4 * 2000)
    for station in "ABAB":
        index.read(T0, T0 + 1, stations=station)
        assert whole.n_bytes == 4 * 2000
    index._whole = index_whole.WholeFiles(max_bytes=100)
    assert len(index.read(T0, T0 + 1)) == 2 and index._whole.n_bytes == 0
    index.close()
    assert pickle.loads(pickle.dumps(whole)).n_bytes == 0


def test_a_compressed_file_is_read_whole(tmp_path):
    content = write(tmp_path / "a.mseed", make_trace(2000)).read_bytes()
    (tmp_path / "a.mseed").unlink()
    (tmp_path / "a.mseed.gz").write_bytes(gzip.compress(content))
    index = ArchiveIndex.open_or_build(tmp_path)
    assert index.read(T0 + 1, T0 + 2)[0].data.tolist() == make_trace(2000).data[100:200].tolist()


def test_on_one_grid_windows_are_slices_of_the_archive_whatever_is_wrong_with_it(tmp_path):
    """Gaps, overlaps, drifting clocks, shifted pieces, corrupt and foreign files, all at once."""
    folder = tmp_path / "archive"
    options = {"duration": 4800.0, "file_length": 1200.0, "sampling_rate": 20.0}
    make_archive(folder, random_state=1, **options)
    index = ArchiveIndex.open_or_build(folder)
    files = sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))
    stream = Stream()
    for file in files:
        stream += read_waveform_file(file, report=ReadReport())

    def on_grid(stream):
        return read_records(stream, anchor_ns=T0.ns, report=ReadReport())

    whole = on_grid(stream)
    assert len(whole) >= 9
    edges = [T0.ns + 10**9 * second for second in (0, 311, 1100, 1399, 3600, 4801)]
    for start, end in zip(edges[:-1], edges[1:], strict=True):
        for id, part in on_grid(index.read(start, end, report=ReadReport())).items():
            record = whole[id]
            if part.sampling_rate != record.sampling_rate:
                continue  # a piece at another rate, alone in its window
            first = round((part.start_ns - record.start_ns) * record.sampling_rate / 1e9)
            same = slice(first, first + len(part.data))
            np.testing.assert_array_equal(part.valid, record.valid[same], err_msg=id)
            np.testing.assert_array_equal(part.data, record.data[same], err_msg=id)


# Files that change -------------------------------------------------------------------------------


def test_only_what_changed_is_looked_at_again(archive, monkeypatch):
    index = ArchiveIndex.open_or_build(archive)
    looked = []
    original = index_module.look_at
    monkeypatch.setattr(
        index_module, "look_at", lambda root, path: looked.append(path) or original(root, path)
    )
    assert len(index.update()) == 0
    write(archive / "A" / "2.mseed", make_trace(100, start=T0 + 7200, rate=10.0))
    write(archive / "A" / "0.mseed", make_trace(200, rate=10.0))
    (archive / "B" / "0.mseed").unlink()
    changes = index.update().set_index("file")["change"].to_dict()
    assert changes == {"A/0.mseed": "changed", "A/2.mseed": "new", "B/0.mseed": "removed"}
    assert sorted(looked) == ["A/0.mseed", "A/2.mseed"]
    assert index.channels["files"].tolist() == [3, 1]


def test_a_file_that_grows(tmp_path):
    file = write(tmp_path / "day.mseed", make_trace(60_000))
    whole = file.read_bytes()
    file.write_bytes(whole[: 40 * 512 + 100])  # the last record is not complete
    index = ArchiveIndex(tmp_path)
    changes = index.update()
    assert changes["status"].tolist() == ["partly"]
    assert "no sound record" in changes["reason"][0]
    end = index.span()[1]
    with open(file, "ab") as out:
        out.write(whole[40 * 512 + 100 : 80 * 512])
    # Also before the index is told.
    late = index.read(end.value - 10**9, end.value + 10**9)
    index.update()
    assert index.span()[1] > end
    assert index.report.files["status"].tolist() == ["read"]
    again = index.read(end.value - 10**9, end.value + 10**9)
    assert again[0].data.tolist() == late[0].data.tolist()
    at = round((end.value - T0.ns) / 1e7)
    assert again[0].data.tolist() == make_trace(60_000).data[at - 100 : at + 100].tolist()


def test_windows_after_files_came_and_went(archive):
    index = ArchiveIndex.open_or_build(archive)
    (archive / "A" / "0.mseed").unlink()
    shutil.move(archive / "B" / "1.mseed", archive / "moved")
    write(archive / "deep" / "er" / "x", make_trace(500, start=T0 + 100, code="XX.C..HHZ"))
    index.update()
    whole = Stream()
    for file in ("A/1.mseed", "B/0.mseed", "moved", "deep/er/x"):
        whole += read(str(archive / file))
    for begin, end in ((0, 7200), (99.995, 104.2), (3599.95, 3600.05)):
        window = (T0 + begin).ns, (T0 + end).ns
        assert_same_samples(index.read(*window), whole, *window)


def test_a_file_that_is_gone_is_reported(archive):
    index = ArchiveIndex.open_or_build(archive)
    (archive / "A" / "0.mseed").unlink()
    report = ReadReport()
    found = index.read(T0, T0 + 10, report=report)
    assert {t.id for t in found} == {"XX.B..HHZ"}
    assert report.findings["kind"].tolist() == ["unreadable"]
    assert report.findings["file"].tolist() == ["A/0.mseed"]
    with pytest.warns(UserWarning, match="A/0.mseed.*the file is gone"):
        index.read(T0, T0 + 10)


def test_a_file_that_was_replaced_is_read_as_it_is_now(archive):
    index = ArchiveIndex.open_or_build(archive)
    other = make_trace(50_000, rate=20.0, seed=9)
    write(archive / "A" / "0.mseed", other, reclen=4096)
    found = index.read(T0 + 100, T0 + 110, stations="A")
    assert found[0].data.tolist() == other.data[2000:2200].tolist()


# Files that are not what they should be ----------------------------------------------------------


def test_files_that_cannot_be_read_are_rows(archive):
    (archive / "empty").touch()
    (archive / "text.txt").write_text("Battery changed.")
    (archive / "noise").write_bytes(np.random.default_rng(0).bytes(5000))
    (archive / "short.mseed").write_bytes((archive / "A" / "0.mseed").read_bytes()[:100])
    (archive / "code.pkl").write_bytes(pickle.dumps([1, 2, 3]))
    (archive / "lost").symlink_to(archive / "nowhere")
    (archive / "loop").symlink_to(archive)
    index = ArchiveIndex(archive)
    changes = index.update()
    failed = changes[changes["change"] == "failed"].set_index("file")["reason"]
    assert set(failed.index) == {"empty", "text.txt", "noise", "short.mseed", "code.pkl", "lost"}
    assert "text" in failed["text.txt"]
    assert "pickle" in failed["code.pkl"]
    files = index.report.files.set_index("file")["status"]
    assert (files == "skipped").sum() == 5
    assert len(index.read(T0, T0 + 1)) == 2
    assert "empty" in index.report.findings["kind"].tolist()


def test_a_corrupt_record_loses_only_itself(tmp_path):
    trace = make_trace(30_000)
    file = write(tmp_path / "a.mseed", trace)
    content = bytearray(file.read_bytes())
    records, _, _ = parse_records(bytes(content))
    content[10 * 512 : 10 * 512 + 30] = b"\xff" * 30
    file.write_bytes(content)
    index = ArchiveIndex.open_or_build(tmp_path)
    assert index.report.findings["kind"].tolist() == ["corrupt records"]
    assert index.channels["pieces"].tolist() == [2]
    found = index.read(T0, T0 + 300)
    lost = int(records["samples"][10])
    assert sum(t.stats.npts for t in found) == 30_000 - lost
    begin = int(records["samples"][:10].sum())
    expected = np.delete(trace.data, slice(begin, begin + lost))
    assert np.concatenate([t.data for t in found]).tolist() == expected.tolist()


def test_data_that_cannot_be_decoded_are_reported_and_the_rest_kept(tmp_path):
    trace = make_trace(30_000)
    file = write(tmp_path / "a.mseed", trace, encoding="STEIM2")
    content = bytearray(file.read_bytes())
    content[10 * 512 + 80 : 11 * 512] = b"\x55" * (512 - 80)
    file.write_bytes(content)
    records, _, _ = parse_records(bytes(content))
    index = ArchiveIndex.open_or_build(tmp_path)
    report = ReadReport()
    found = index.read(T0, T0 + 300, report=report)
    assert report.findings["kind"].tolist() == ["corrupt records"]
    ends = np.cumsum(records["samples"])
    assert sum(t.stats.npts for t in found) == 30_000 - records["samples"][10]
    assert found[1].data.tolist() == trace.data[ends[10] :].tolist()
    assert found[1].stats.starttime == T0 + ends[10] / 100


def test_headers_that_claim_too_much_are_refused(tmp_path):
    file = write(tmp_path / "a.mseed", make_trace(3000), reclen=256)
    content = bytearray(file.read_bytes())
    for at in range(0, len(content), 256):
        content[at + 54] = 7  # records of 128 bytes
        content[at + 128 : at + 128 + 56] = content[at : at + 56]
        content[at + 30 : at + 32] = content[at + 158 : at + 160] = b"\xff\xff"
    file.write_bytes(content)
    index = ArchiveIndex.open_or_build(tmp_path)
    assert "more samples than fit into it" in index.report.findings["what"][0]
    assert index.report.files["status"].tolist() == ["skipped"]


def test_a_clock_that_drifts_keeps_its_times(tmp_path):
    file = write(tmp_path / "a.mseed", make_trace(30_000))
    content = bytearray(file.read_bytes())
    for at in range(0, len(content), 512):
        # One ten-thousandth of a second later with each record.
        content[at + 28 : at + 30] = struct.pack(
            ">H", struct.unpack_from(">H", content, at + 28)[0] + at // 512
        )
    file.write_bytes(content)
    index = ArchiveIndex.open_or_build(tmp_path)
    finding = index.report.findings.iloc[0]
    assert finding["kind"] == "off grid"
    assert "records off the grid" in finding["what"]
    # On a grid, windows are the slices of the file read whole.
    whole = read_records(read_waveform_file(file), anchor_ns=T0.ns)["XX.A..HHZ"]
    for begin, end in ((20, 40), (123, 250), (0, 299)):
        a, b = T0.ns + begin * 10**9, T0.ns + end * 10**9
        found = index.read(a, b)
        part = read_records(found, anchor_ns=T0.ns)["XX.A..HHZ"]
        first = round((part.start_ns - whole.start_ns) / 1e7)
        inside = slice(1, len(part.data) - 1)
        assert len(part.data) >= (end - begin) * 100 - 1
        assert part.valid[inside].all()
        same = whole.data[first : first + len(part.data)]
        assert part.data[inside].tolist() == same[inside].tolist()


# The SQLite file ---------------------------------------------------------------------------------


def connect(index):
    """A connection of a stranger to the file of an index, all of it in one file."""
    index.close()
    connection = sqlite3.connect(index.path)
    connection.execute("PRAGMA journal_mode = DELETE")
    return connection


def test_a_foreign_file_is_refused_and_left(archive):
    path = archive / "notes.sqlite"
    path.write_text("not a database at all" * 20)
    with pytest.raises(ValueError, match="not an index of seisclf.*left as it is"):
        ArchiveIndex(archive, path=path).update()
    assert path.read_text().startswith("not a database")
    other = archive / "other.sqlite"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE files (id, path)")
    connection.commit()
    connection.close()
    with pytest.raises(ValueError, match="another program's"):
        ArchiveIndex(archive, path=other).update()


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER INSERT ON files BEGIN DELETE FROM pieces; END",
        "CREATE VIEW v AS SELECT * FROM files",
        "CREATE TABLE more (x)",
        "DROP INDEX pieces_by_file",
        "CREATE INDEX strange ON files (length(path))",
    ],
)
def test_a_hostile_schema_is_refused(archive, statement):
    connection = connect(ArchiveIndex.open_or_build(archive))
    try:
        connection.execute(statement)
    except sqlite3.DatabaseError:
        pytest.skip("SQLite refuses it itself")
    connection.commit()
    connection.close()
    with pytest.raises(ValueError, match="not an index of seisclf"):
        ArchiveIndex(archive).read(T0, T0 + 1)


def test_a_view_in_place_of_a_table_is_never_run(archive):
    path = archive / "hostile.sqlite"
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c"
    connection.execute(f"CREATE VIEW traces AS SELECT * FROM ({endless})")
    connection.commit()
    connection.close()
    with pytest.raises(ValueError, match="its tables are not those of an index"):
        _ = ArchiveIndex(archive, path=path).stations


def test_another_schema_version_is_named(archive):
    connection = connect(ArchiveIndex.open_or_build(archive))
    connection.execute("PRAGMA user_version = 7")
    connection.close()
    with pytest.raises(ValueError, match=f"has schema 7.*reads schema {VERSION}.*delete the file"):
        ArchiveIndex(archive).update()


def test_an_index_of_an_older_version_is_built_anew(archive, caplog):
    index = ArchiveIndex.open_or_build(archive)
    right = index.read(T0 + 50, T0 + 60)
    connection = connect(index)
    connection.execute("DROP TABLE pieces")
    connection.execute(f"PRAGMA user_version = {VERSION - 1}")
    connection.close()
    # What a process that was killed leaves beside it must not get into the new one.
    beside = [index.path.with_name(index.path.name + ending) for ending in ("-wal", "-shm")]
    for path in beside:
        path.write_bytes(b"of the old one")
    old = ArchiveIndex(archive)
    with pytest.raises(ValueError, match=f"has schema {VERSION - 1}.*update.. builds it anew"):
        old.read(T0, T0 + 1)
    with caplog.at_level("INFO", logger="seisclf"):
        assert set(old.update()["change"]) == {"new"}
    assert "is of an older version: it is built anew" in caplog.text
    assert old.read(T0 + 50, T0 + 60) == right
    assert len(old.update()) == 0  # and once only
    assert not list(archive.glob(".*.old")) + list(archive.glob(".*.new"))


def test_a_file_with_which_workers_die_loses_no_other(archive, monkeypatch):
    """`spread` does again what was under way when a worker died, and gives up what kills all."""

    def spread(function, tasks, *, n_jobs, give_up):
        assert (n_jobs, give_up) == (2, "yield")
        for number, (root, paths) in enumerate(tasks):
            if "A/1.mseed" in paths:
                yield number, LostWorkerError("died", [number])
            else:
                yield number, function(root, paths)

    monkeypatch.setattr(index_module, "spread", spread)
    index = ArchiveIndex(archive)  # all four files are one batch
    changes = index.update(n_jobs=2).set_index("file")
    assert changes.index[changes["change"] == "failed"].tolist() == ["A/1.mseed"]
    assert changes.loc["A/1.mseed", "reason"] == "processes died while they read it"
    assert index.report.files["status"].tolist().count("read") == 3
    assert len(index.update(n_jobs=2)) == 0  # not looked at again before it changes


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE pieces SET start_ns = 'soon'",
        "UPDATE pieces SET points = x'00ff'",
        "UPDATE pieces SET rate = 'fast'",
        "UPDATE pieces SET offset = -5",
        "UPDATE pieces SET length = 4000000000000000000, samples = 9000000000000000000",
        "UPDATE files SET path = '../../../../etc/passwd' WHERE id = 1",
        "UPDATE files SET path = '/etc/passwd' WHERE id = 1",
        "UPDATE files SET size = 'big'",
        "UPDATE traces SET longest_ns = 'long'",
    ],
)
def test_hostile_values_do_no_harm(archive, statement):
    index = ArchiveIndex.open_or_build(archive)
    connection = connect(index)
    connection.execute(statement)
    connection.commit()
    connection.close()
    report = ReadReport()
    try:
        found = ArchiveIndex(archive).read(T0, T0 + 10, report=report)
    except ValueError as error:
        assert "damaged" in str(error)
    else:
        # A file is looked at again, or left out with a row; never anything outside.
        assert all(t.id in ("XX.A..HHZ", "XX.B..HHZ") for t in found)
        assert not report.findings["file"].str.contains("passwd").any() or len(report) == 1


def test_bytes_flipped_in_the_index_give_an_error_or_the_right_samples(archive):
    index = ArchiveIndex.open_or_build(archive)
    right, path = index.read(T0 + 100, T0 + 110), index.path
    connect(index).close()
    content = path.read_bytes()
    rng = np.random.default_rng(3)
    for i in range(40):
        broken = bytearray(content)
        for at in rng.integers(0, len(content), 20):
            broken[at] = rng.integers(256)
        other = path.with_name(f"{i}.sqlite")
        other.write_bytes(broken)
        try:
            found = ArchiveIndex(archive, path=other).read(T0 + 100, T0 + 110, report=ReadReport())
        except (ValueError, OSError):
            continue
        for trace in found:
            known = right.select(id=trace.id)
            if known and trace.stats.npts == known[0].stats.npts:
                assert trace.data.tolist() == known[0].data.tolist()


def test_an_archive_that_cannot_be_written_has_its_index_in_the_cache(
    archive, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and access(path, mode))
    index = ArchiveIndex(archive)
    assert archive not in index.path.parents
    monkeypatch.setattr(os, "access", access)
    index.update()
    # And an index that nobody may write is read.
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and access(path, mode))
    assert len(ArchiveIndex(archive).read(T0, T0 + 1)) == 2


# Several at once ---------------------------------------------------------------------------------


def test_an_index_pickles_to_its_paths(archive):
    index = ArchiveIndex.open_or_build(archive)
    text = pickle.dumps(index)
    assert len(text) < 1000
    again = pickle.loads(text)
    assert again.read(T0, T0 + 5)[0].data.tolist() == index.read(T0, T0 + 5)[0].data.tolist()


def _update(archive, said):
    index = ArchiveIndex(archive)
    for _ in range(3):
        index.update()
    said.put((len(index.channels), int(index.channels["pieces"].sum())))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_two_processes_update_at_once(archive):
    for i in range(40):
        write(archive / "C" / f"{i}.mseed", make_trace(300, start=T0 + 10 * i, code="XX.C..HHZ"))
    context = multiprocessing.get_context("fork")
    said = context.Queue()
    both = [context.Process(target=_update, args=(archive, said)) for _ in range(2)]
    for process in both:
        process.start()
    assert [said.get(timeout=60) for _ in both] == [(3, 45), (3, 45)]
    for process in both:
        process.join()
    assert sorted(p.name for p in archive.iterdir() if p.name.endswith(".new")) == []


def test_threads_read_while_another_updates(archive):
    index = ArchiveIndex.open_or_build(archive)
    right = index.read(T0 + 50, T0 + 60)[0].data.tolist()
    wrong, stop = [], threading.Event()

    def look():
        while not stop.is_set():
            try:
                if index.read(T0 + 50, T0 + 60)[0].data.tolist() != right:
                    wrong.append("other samples")
            except Exception as error:
                wrong.append(repr(error))

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for i in range(15):
        write(archive / "C" / f"{i}.mseed", make_trace(300, code="XX.C..HHZ"))
        index.update()
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert index.channels["files"].tolist() == [2, 2, 15]


def _stations(index):
    return index.stations, len(index.read(T0, T0 + 1))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_has_its_own_connection(archive):
    index = ArchiveIndex.open_or_build(archive)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply(_stations, (index,)) == (["XX.A", "XX.B"], 2)
    assert _stations(index) == (["XX.A", "XX.B"], 2)


# The headers of records --------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("reclen", [256, 512, 4096])
def test_headers_agree_with_obspy(tmp_path, order, reclen):
    traces = [
        make_trace(5000, code="N.STATN.10.BHZ", rate=97.3, start=T0 + 0.123457),
        make_trace(5000, code="NN.S..LHE", rate=0.05, start=UTCDateTime(2020, 2, 29, 23, 59, 59)),
    ]
    file = write(tmp_path / "a", *traces, reclen=reclen, byteorder=order)
    records = scan_file(file).records
    assert (records["length"] == reclen).all()
    ids = trace_ids(records["code"])
    for trace in read(str(file)):
        own = records[ids == trace.id]
        assert own["samples"].sum() == trace.stats.npts
        assert own["start_ns"][0] == trace.stats.starttime.ns
        assert own["rate"][0] == pytest.approx(trace.stats.sampling_rate, rel=1e-12)


def test_headers_in_small_blocks_are_the_same(tmp_path, monkeypatch):
    from seisclf.io import _miniseed_headers as headers

    file = write(tmp_path / "a", make_trace(50_000), reclen=512)
    content = file.read_bytes()
    file.write_bytes(content[:5120] + b"xyz" * 100 + content[5120:-77])
    whole = scan_file(file)
    for block in (700, 5_000, 40_001):
        monkeypatch.setattr(headers, "_BLOCK", block)
        parts = scan_file(file)
        assert parts.records.tolist() == whole.records.tolist()
        assert parts.bad == whole.bad
    assert whole.bad == [
        (5120, 300, "no record"),
        (len(content) + 300 - 512, 435, "incomplete record"),
    ]


def test_time_corrections_and_rates_without_blockettes():
    """A header by hand: factors, a correction of the clock, no blockette 1000."""
    head = struct.pack(
        ">6scc5s2s3s2sHHBBBBHHhhBBBBiHH",
        b"000001", b"D", b" ", b"ABC  ", b"00", b"BHZ", b"XX",
        2023, 152, 1, 2, 3, 0, 5000, 10, -10, 1, 0, 0, 0, 0, 25_000, 64, 0,
    )  # fmt: skip
    content = (head + bytes(512 - 48)) * 2
    records, bad, used = parse_records(content)
    assert bad == []
    assert used == 1024
    assert records["length"].tolist() == [512, 512]
    assert records["rate"].tolist() == [0.1, 0.1]
    assert UTCDateTime(ns=int(records["start_ns"][0])) == UTCDateTime(2023, 6, 1, 1, 2, 3) + 3.0
    corrected = bytearray(content)
    corrected[36] = corrected[512 + 36] = 0x02  # the correction is in the time already
    records, _, _ = parse_records(bytes(corrected))
    assert UTCDateTime(ns=int(records["start_ns"][0])) == UTCDateTime(2023, 6, 1, 1, 2, 3) + 0.5


def test_headers_of_real_files_agree_with_obspy(data_dir):
    files = sorted(Path(data_dir, "esec", "waveforms").glob("*/*.mseed"))[::60]
    assert files
    for file in files:
        scan = scan_file(file)
        headers = read(str(file), headonly=True)
        assert scan.bad == []
        assert scan.records["samples"].sum() == sum(t.stats.npts for t in headers)
        assert set(trace_ids(scan.records["code"])) == {t.id for t in headers}
        assert scan.records["start_ns"][0] == headers[0].stats.starttime.ns
