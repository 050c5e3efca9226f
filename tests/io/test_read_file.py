"""One file in any condition: what can be read is read, what cannot is told."""

import bz2
import gzip
import io
import os
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from obspy import Stream, Trace, UTCDateTime, read

from seisclf.io import ArchiveIndex, Limits, ReadReport, read_records, read_waveform_file
from seisclf.io._report import Report

START = UTCDateTime("2023-06-01T00:00:00")
N = 6000


def trace(data, offset=0.0, *, rate=100.0, channel="HHZ", station="STA"):
    header = {"network": "XX", "station": station, "channel": channel, "sampling_rate": rate}
    return Trace(np.asanyarray(data), header | {"starttime": START + offset})


def noise(n=N, seed=0):
    return np.random.default_rng(seed).normal(0, 300, n).astype(np.int32)


def miniseed(*traces, encoding="STEIM2", reclen=512, byteorder=">"):
    file = io.BytesIO()
    for one in traces:
        one.write(file, "MSEED", encoding=encoding, reclen=reclen, byteorder=byteorder)
    return file.getvalue()


def open_file(path, content=None, **options):
    if content is not None:
        path.write_bytes(content)
    report = ReadReport()
    stream = read_waveform_file(path, report=report, **options)
    assert len(report.files) == 1 and report.files["file"][0] == str(path)
    assert set(report.traces["trace"]) == {t.id for t in stream}
    return stream, report


@pytest.mark.filterwarnings("ignore:CREATING TRACE HEADER")
@pytest.mark.parametrize(
    "format, options",
    [
        ("MSEED", {"byteorder": "<"}),
        ("MSEED", {"reclen": 4096, "encoding": "INT32"}),
        ("SAC", {"byteorder": "<"}),
        ("SAC", {"byteorder": ">"}),
        ("SACXY", {}),
        ("GSE2", {}),
        ("SLIST", {}),
        ("TSPAIR", {}),
        ("SH_ASC", {}),
        ("SEGY", {}),
        ("SU", {}),
    ],
)
def test_formats_are_told_from_their_bytes(tmp_path, format, options):
    data = noise(1000)
    kept = data if format in ("MSEED", "GSE2", "SLIST", "TSPAIR") else data.astype(np.float32)
    path = tmp_path / "data"
    trace(kept).write(str(path), format=format, **options)
    path = path if path.exists() else next(tmp_path.iterdir())
    stream, report = open_file(path)
    assert report.files[["format", "status"]].values.tolist() == [[format, "read"]]
    np.testing.assert_allclose(stream[0].data, data)
    if format not in ("SEGY", "SU", "SH_ASC"):
        assert stream[0].id == "XX.STA..HHZ"
    assert stream[0].stats.source_file == str(path)


def test_seg2_is_read(data_dir):
    path = data_dir / "aknes" / "2007_034_45_117472.dat"
    stream, report = open_file(path)
    assert report.files["format"][0] == "SEG2" and len(stream) == 24


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_one_compressed_file_is_unpacked_up_to_a_limit(tmp_path, pack):
    data = noise()
    stream, report = open_file(tmp_path / "a.gz", pack(miniseed(trace(data))))
    np.testing.assert_array_equal(stream[0].data, data)
    # A bomb: 3 MB of blanks in a few kB.
    bomb = pack(miniseed(trace(data)) + b" " * 3_000_000)
    stream, report = open_file(tmp_path / "b.gz", bomb, limits=Limits(max_file_bytes=10**6))
    assert not stream and report.findings["kind"].tolist() == ["limit"]
    stream, report = open_file(tmp_path / "c.gz", pack(pack(miniseed(trace(data)))))
    assert not stream and report.files["reason"][0] == "compressed twice"
    half = pack(miniseed(trace(noise(200_000))))
    stream, _ = open_file(tmp_path / "d.gz", half[: len(half) // 2])
    assert len(stream) <= 1  # what came out before the cut


class _Trap:
    def __reduce__(self):
        return os.mkdir, ("trap",)


def test_what_is_no_waveform_file_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.mseed", miniseed(trace(noise())))
    contents = {
        "pickle": pickle.dumps(_Trap()),
        "zip archive": archive.getvalue(),
        "text": b"Battery changed, snow cleared.\n",
        "XML": b"<?xml version='1.0'?><a/>",
        "miniSEED 3, which ObsPy does not read": b"MS\x03" + bytes(200),
        "no format": bytes(range(256)) * 20,
    }
    for words, content in contents.items():
        stream, report = open_file(tmp_path / "data.mseed", content)
        assert not stream
        assert report.files["status"].tolist() == ["skipped"]
        assert words in report.files["reason"][0]
        assert report.findings["kind"].tolist() == ["unknown format"]
    assert not (tmp_path / "trap").exists()


def test_names_with_magic_are_names(tmp_path):
    """ObsPy takes [ab] for a pattern, and a://b for an address."""
    (tmp_path / "a").write_bytes(miniseed(trace(noise(seed=1))))
    stream, _ = open_file(tmp_path / "[ab]", miniseed(trace(noise())))
    np.testing.assert_array_equal(stream[0].data, noise())


def test_empty_files_pipes_and_missing_files(tmp_path):
    _, report = open_file(tmp_path / "empty", b"")
    assert report.findings["kind"].tolist() == ["empty"]
    _, report = open_file(tmp_path / "none")
    assert report.findings["kind"].tolist() == ["unreadable"]
    os.mkfifo(tmp_path / "pipe")
    _, report = open_file(tmp_path / "pipe")
    assert report.files["reason"][0] == "not a regular file"
    _, report = open_file(tmp_path)
    assert report.findings["kind"].tolist() == ["unreadable"]


def test_limits_are_named(tmp_path):
    content = miniseed(trace(noise()))
    for limits in (Limits(max_file_bytes=1000), Limits(max_samples=100)):
        stream, report = open_file(tmp_path / "a", content, limits=limits)
        assert not stream and report.findings["kind"].tolist() == ["limit"]
        assert "max_" in report.files["reason"][0]


def test_a_header_that_claims_too_much_is_refused_before_it_fills_the_memory(tmp_path):
    path = tmp_path / "a.gse2"
    trace(noise(1000)).write(str(path), format="GSE2")
    content = path.read_bytes().replace(b"     1000 ", b"999999999 ", 1)
    _, report = open_file(path, content)
    assert report.files["status"].tolist() == ["skipped"]


def test_corrupt_records_leave_a_gap_and_all_others_are_kept(tmp_path):
    data = noise(60_000)
    content = bytearray(miniseed(trace(data)))
    content[512 * 10 : 512 * 12] = np.random.default_rng(0).bytes(1024)  # no records at all
    content[512 * 20 + 21] = 255  # the year
    content[512 * 30 + 44 : 512 * 30 + 46] = b"\xff\xff"  # where data begin
    content[512 * 40 + 30 : 512 * 40 + 32] = b"\xff\xff"  # number of samples
    content[512 * 50 + 52] = 77  # encoding
    content[512 * 60 + 200] ^= 0x10  # a difference
    content[512 * 70 + 8 : 512 * 70 + 13] = b"\x01\x02\x03\x04\x05"  # the code
    stream, report = open_file(tmp_path / "a", bytes(content))
    assert report.files["status"][0] == "partly"
    found = report.findings
    assert set(found["kind"]) == {"corrupt records"}
    said = " ".join(found["what"])
    for offset in (10, 20, 30, 40, 50, 60, 70):
        assert f"byte {512 * offset}:" in said
    lost = np.ones(len(data), dtype=bool)
    for piece in stream:
        at = round((piece.stats.starttime - START) * 100)
        np.testing.assert_array_equal(piece.data, data[at : at + len(piece.data)])
        lost[at : at + len(piece.data)] = False
    assert 0 < lost.sum() < 9 * 512  # eight records of some four hundred samples
    # The report says which time that is.
    times = [(row.start, row.end) for row in found.itertuples() if row.start is not row.end]
    first = UTCDateTime(ns=min(t[0].value for t in times)) - START
    assert first == pytest.approx(np.flatnonzero(lost)[0] / 100, abs=0.02)


def test_a_file_that_is_being_written_gives_its_whole_records(tmp_path):
    data = noise()
    content = miniseed(trace(data))
    stream, report = open_file(tmp_path / "a", content[:-200])
    n = len(stream[0].data)
    np.testing.assert_array_equal(stream[0].data, data[:n])
    (row,) = report.findings.itertuples()
    assert row.kind == "corrupt records" and "incomplete" in row.what
    assert row.trace == "XX.STA..HHZ"
    assert row.start.value == (START + n / 100).ns and row.end.value == (START + N / 100).ns


def test_a_writer_that_never_keeps_to_the_check_is_believed(tmp_path):
    data = noise()
    content = bytearray(miniseed(trace(data)))
    for at in range(0, len(content), 512):
        content[at + 64 + 8 : at + 64 + 12] = bytes(4)
    stream, report = open_file(tmp_path / "a", bytes(content))
    np.testing.assert_array_equal(stream[0].data, data)
    assert report.files["status"][0] == "read"


def test_channels_of_one_file_are_checked_each_on_its_own(tmp_path):
    parts = [[miniseed(trace(noise(400, seed=k), 4.0 * k, channel=c)) for k in range(5)]
             for c in ("HHZ", "HHN")]  # fmt: skip
    mixed = bytearray(b"".join(part for pair in zip(*parts, strict=True) for part in pair))
    mixed[len(parts[0][0]) + len(parts[1][0]) + 200] ^= 0x10  # in the second part of HHZ
    stream, report = open_file(tmp_path / "a", bytes(mixed))
    assert report.findings["trace"].tolist() == ["XX.STA..HHZ"]
    assert sum(t.stats.npts for t in stream.select(channel="HHN")) == 2000
    assert 0 < sum(t.stats.npts for t in stream.select(channel="HHZ")) < 2000


def _drifting(n_records, n=400, rate=100.0, error=2e-5):
    """Records of a clock that is off, each stamped with its true time; and that of each sample."""
    step = (1 + error) / rate
    x = noise(n_records * n)
    parts = [miniseed(trace(x[k * n : (k + 1) * n], k * n * step), encoding="INT32", reclen=2048)
             for k in range(n_records)]  # fmt: skip
    return x, np.arange(len(x)) * step, parts


@pytest.mark.parametrize("error", [2e-5, -2e-5])
def test_records_stamped_by_a_true_clock_keep_their_times(tmp_path, error):
    """Rates say 100 Hz, times say otherwise: over 200 records the drift is 1.6 samples."""
    x, times, parts = _drifting(200, error=error)
    stream, report = open_file(tmp_path / "a", b"".join(parts))
    assert set(report.findings["kind"]) == {"off grid"}
    record = read_records(stream, anchor_ns=START.ns)["XX.STA..HHZ"]
    assert record.valid.all() and len(record.data) == round((times[-1]) * 100) + 1
    for k in (0, 30_000, 50_000, 79_999):
        near = record.data[max(0, round(times[k] * 100) - 1) :][:3]
        assert x[k] in near
    # However the records are cut into files.
    again = Stream()
    for i, (a, b) in enumerate([(0, 7), (7, 120), (120, 121), (121, 200)]):
        part, _ = open_file(tmp_path / str(i), b"".join(parts[a:b]))
        again += part
    cut = read_records(again, anchor_ns=START.ns)["XX.STA..HHZ"]
    assert cut.valid.all() and cut.start_ns == record.start_ns
    assert len(cut.data) == len(record.data)
    assert (cut.data != record.data).mean() < 0.02


def test_records_between_the_samples_are_told_with_their_time(tmp_path):
    x = noise(1200)
    parts = [trace(x[:400]), trace(x[400:800], 4.003), trace(x[800:], 8.0)]
    stream, report = open_file(
        tmp_path / "a", b"".join(miniseed(p, encoding="INT32", reclen=2048) for p in parts)
    )
    (row,) = report.findings.itertuples()
    assert row.kind == "off grid" and "0.30 samples" in row.what
    assert (row.start.value, row.end.value) == ((START + 4.003).ns, (START + 8.003).ns)
    np.testing.assert_array_equal(read_records(stream)["XX.STA..HHZ"].data, x)


def test_records_that_are_there_twice_are_read_once(tmp_path):
    x = noise(1200)
    parts = [miniseed(trace(x[k : k + 400], k / 100), encoding="INT32", reclen=2048)
             for k in (0, 400, 800)]  # fmt: skip
    stream, report = open_file(tmp_path / "a", b"".join([*parts, parts[1], parts[0]]))
    assert report.findings[["kind", "samples"]].values.tolist() == [["duplicate", 800]]
    assert report.files["status"].tolist() == ["read"]
    np.testing.assert_array_equal(stream[0].data, x)


def test_windows_and_byte_ranges_read_only_what_they_must(tmp_path):
    data = noise(60_000)
    path = tmp_path / "a"
    path.write_bytes(miniseed(trace(data)))
    span = {"start_ns": (START + 123.45).ns, "end_ns": (START + 200).ns}
    stream, report = open_file(path, **span)
    np.testing.assert_array_equal(stream[0].data, data[12345:20000])
    assert stream[0].stats.starttime == START + 123.45
    two = [(512 * 5, 512 * 6), (512 * 90, 512 * 91)]
    stream, _ = open_file(path, byte_range=two)
    whole = read(io.BytesIO(b"".join(path.read_bytes()[a:b] for a, b in two)), format="MSEED")
    assert [t.stats.starttime for t in stream] == [t.stats.starttime for t in whole]
    np.testing.assert_array_equal(stream[0].data, whole[0].data)
    stream, _ = open_file(path, headonly=True)
    assert stream[0].stats.npts == 60_000 and len(stream[0].data) == 0
    _, report = open_file(path, start_ns=(START + 10_000).ns)
    assert report.files["reason"][0] == "nothing in the time that was asked for"


def test_no_time_in_the_header_is_told(tmp_path):
    path = tmp_path / "a.sac"
    own = trace(noise(100).astype(np.float32))
    own.stats.starttime = UTCDateTime(0)
    own.write(str(path), format="SAC")
    _, report = open_file(path)
    assert report.findings["kind"].tolist() == ["time"]


def test_the_report_of_events_takes_findings_too(tmp_path):
    report = Report()
    read_waveform_file(tmp_path / "none", report=report)
    assert report.rows[0][1] == "none" and report.rows[0][3] == "file left out"


@settings(max_examples=15, deadline=None)
@given(
    flips=st.lists(st.tuples(st.integers(0, 12_000), st.integers(0, 255)), max_size=12),
    cut=st.integers(0, 12_000),
    junk=st.integers(0, 700),
)
def test_no_bytes_make_it_raise_and_sound_samples_survive(tmp_path_factory, flips, cut, junk):
    data = noise(3000)
    content = bytearray(miniseed(trace(data)))
    for at, value in flips:
        content[at % len(content)] = value
    content[cut:cut] = bytes(junk)
    path = tmp_path_factory.mktemp("fuzz") / "a"
    stream, report = open_file(path, bytes(content))
    assert isinstance(stream, Stream)
    assert report.files["status"][0] in ("read", "partly", "skipped")
    if not flips and (cut % 512 == 0 or cut >= len(content)):
        assert sum(t.stats.npts for t in stream) == 3000


def test_times_that_nanoseconds_cannot_hold_are_left_out(tmp_path):
    path = tmp_path / "a.slist"
    late = trace(noise(50))
    late.write(path, "SLIST")
    text = path.read_bytes()
    # A piece in time keeps the others of its file company.
    both = text.replace(b"2023-06-01", b"2408-01-15") + text
    stream, report = open_file(tmp_path / "b.slist", both)
    assert [t.stats.starttime for t in stream] == [START]
    assert report.findings["kind"].tolist() == ["time"]
    assert "2408" in report.findings["what"][0]
    changes = ArchiveIndex(tmp_path).update()
    assert set(changes["status"]) == {"read"}
