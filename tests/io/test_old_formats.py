"""WIN, AH, SEISAN and Q: read where they are sound, and told where they are not."""

import struct
from pathlib import Path

import numpy as np
import obspy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from obspy import Stream, Trace, UTCDateTime, read

from seisclf.io import Limits, ReadReport, read_waveform_file
from seisclf.io._read_file import read_waveform_bytes
from seisclf.io._win import is_win, read_win

START = UTCDateTime("2023-06-01T00:00:00")


def of_obspy(module, pattern):
    """Files of ObsPy's own tests, where they are installed with it."""
    files = sorted((Path(obspy.__file__).parent / "io" / module / "tests" / "data").glob(pattern))
    if not files:
        pytest.skip(f"this ObsPy has no {module} files")
    return files


def opened(path, **options):
    report = ReadReport()
    stream = read_waveform_file(path, report=report, **options)
    return stream, report.files.iloc[0], report.findings


@pytest.mark.parametrize(
    "module, pattern, format",
    [
        ("win", "*[0-9s]", "WIN"),
        ("ah", "ah[12].f", "AH"),
        ("seisan", "*S.*_[0-9]*[0-9]", "SEISAN"),
        ("seisan", "*.1320J90", "SEISAN"),
    ],
)
def test_what_obspy_reads_is_read(module, pattern, format):
    for path in of_obspy(module, pattern)[:5]:
        stream, file, _ = opened(path)
        assert file[["format", "status"]].tolist() == [format, "read"]
        for trace, other in zip(stream, read(str(path), format=format), strict=True):
            np.testing.assert_array_equal(trace.data, other.data)
            assert (trace.id, trace.stats.sampling_rate) == (other.id, other.stats.sampling_rate)
            assert trace.stats.starttime == other.stats.starttime
        heads, _, _ = opened(path, headonly=True)
        assert [t.stats.npts for t in heads] == [t.stats.npts for t in stream]


def digits(*numbers):
    """Numbers below 100, a byte for two decimal digits."""
    return bytes(int(str(number), 16) for number in numbers)


def win(second, channels):
    """One second of WIN: channels are (number, width, samples)."""
    blocks = b""
    for number, width, x in channels:
        steps = np.diff(x)
        if width == 0:
            steps = np.concatenate([steps, np.zeros(1 - len(x) % 2, dtype=int)]) & 15
            coded = bytes((steps[::2] << 4 | steps[1::2]).tolist())
        else:
            coded = b"".join(int(step).to_bytes(width, "big", signed=True) for step in steps)
        blocks += struct.pack(">HH", number, width << 12 | len(x)) + struct.pack(">i", x[0])
        blocks += coded
    start = START + second
    time = digits(start.year - 2000, start.month, start.day, start.hour, start.minute)
    return struct.pack(">i", len(blocks) + 10) + time + digits(start.second) + blocks


@settings(max_examples=25, deadline=None)
@given(
    width=st.integers(0, 4),
    rate=st.integers(1, 40),
    seconds=st.lists(st.integers(0, 59), min_size=1, max_size=5, unique=True).map(sorted),
    seed=st.integers(0, 99),
)
def test_win_seconds_of_any_width_and_their_gaps(width, rate, seconds, seed):
    most = 8 if width == 0 else min(2 ** (8 * width - 1), 2**20)
    steps = np.random.default_rng(seed).integers(-most, most, (len(seconds), rate))
    x = np.cumsum(steps, axis=1)
    content = b"".join(
        win(second, [(0x12A0, width, row), (7, 4, row[::-1])])
        for second, row in zip(seconds, x, strict=True)
    )
    assert is_win(content, len(content))
    stream, fault = read_win(content)
    assert fault == ""
    assert {trace.id for trace in stream} == {"...12a0", "...0007"}
    runs = np.split(np.arange(len(seconds)), np.flatnonzero(np.diff(seconds) > 1) + 1)
    for k, run in enumerate(runs):
        trace = stream[k]
        assert trace.stats.starttime == START + seconds[run[0]]
        assert trace.stats.sampling_rate == rate
        np.testing.assert_array_equal(trace.data, x[run].reshape(-1))
    heads = read_win(content, headonly=True)[0]
    assert [t.stats.npts for t in heads] == [t.stats.npts for t in stream]


def test_win_that_is_cut_off_keeps_its_whole_seconds(tmp_path):
    x = np.arange(100)
    content = b"".join(win(second, [(1, 1, x)]) for second in range(3))
    path = tmp_path / "a.win"
    path.write_bytes(content[:-20])
    stream, file, findings = opened(path)
    assert stream[0].stats.npts == 200
    assert file["status"] == "partly"
    assert findings["what"][0].startswith(f"byte {2 * len(content) // 3}: no whole second")
    _, file, _ = opened(path, limits=Limits(max_samples=150))
    assert "200 samples" in file["reason"]


def test_text_and_noise_are_not_win():
    for content in (b"", bytes(100), b"a text " * 20, bytes(range(256)) * 9):
        assert not is_win(content, len(content)) if len(content) > 20 else True


def test_ah_that_is_cut_off_is_not_read_in_part_without_a_word(tmp_path):
    path = tmp_path / "a.ah"
    traces = [Trace(np.arange(50, dtype=np.float32), {"station": "A"}) for _ in range(2)]
    Stream(traces).write(str(path), format="AH")
    content = path.read_bytes()
    assert len(opened(path)[0]) == 2
    path.write_bytes(content[:-8])
    assert len(read(str(path), format="AH")) == 1  # as ObsPy has it
    stream, file, findings = opened(path)
    assert not stream and findings["kind"].tolist() == ["corrupt records"]
    assert file["reason"] == f"byte {len(content) // 2}: the trace is cut off"


def test_q_needs_its_samples_and_the_order_of_their_bytes(tmp_path):
    path = tmp_path / "a.QHD"
    data = np.random.default_rng(0).normal(size=500).astype(np.float32)
    Trace(data, {"station": "A", "channel": "BHZ"}).write(str(path), format="Q")
    header = path.read_text().replace("C000:Z", "C003:<~ C000:Z")
    assert "in what order the bytes are" in opened(path)[1]["reason"]  # ObsPy does not write it
    path.write_text(header)
    stream, file, _ = opened(path)
    assert file[["format", "status"]].tolist() == ["Q", "read"]
    np.testing.assert_array_equal(stream[0].data, data)
    path.write_text(header.replace("L001:500", "L001:50000"))
    assert opened(path)[1]["reason"] == "50000 samples claimed, 500 are possible"
    path.write_text(header)
    (tmp_path / "a.QBN").unlink()
    assert "its samples are not there" in opened(path)[1]["reason"]


@settings(max_examples=30, deadline=None)
@given(
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=5),
    cut=st.floats(0.2, 1),
    which=st.integers(0, 1),
)
def test_broken_files_are_told(changes, cut, which):
    x = np.arange(40)
    content = bytearray(win(0, [(1, 1, x), (2, 3, x)]) + win(1, [(1, 0, x % 3), (2, 4, x)]))
    if which:
        content = bytearray(of_obspy("ah", "ah2.f")[0].read_bytes())
    for where, value in changes:
        content[int(where * (len(content) - 1))] = value
    report = ReadReport()
    content = bytes(content[: int(cut * len(content))])
    stream = read_waveform_bytes(content, name="broken", report=report)
    status = report.files["status"].tolist()
    assert status in (["read"], ["partly"], ["skipped"])
    assert bool(stream) == (status != ["skipped"])
    assert status == ["read"] or report.files["reason"][0]
