"""Clean files take a short way through the checks; it must give what the general way gives."""

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from obspy import Stream, Trace, UTCDateTime

from seisclf.io import _libmseed, _miniseed, _miniseed_clean
from seisclf.io._filling import fill
from seisclf.io._libmseed import DecodeError, decode_records, decode_run
from seisclf.io._miniseed_headers import parse_records

START = UTCDateTime("2023-06-01T00:00:00")
ENCODINGS = {
    "STEIM1": np.int32, "STEIM2": np.int32, "INT16": np.int16, "INT32": np.int32,
    "FLOAT32": np.float32, "FLOAT64": np.float64,
}  # fmt: skip


def content(n=3000, *, encoding="STEIM2", reclen=512, byteorder=">", rate=100.0, offset=0.0):
    data = np.random.default_rng(n).normal(0, 300, n).astype(ENCODINGS[encoding])
    header = {"network": "XX", "station": "STA", "channel": "HHZ", "sampling_rate": rate}
    file, stream = io.BytesIO(), Stream([Trace(data, header | {"starttime": START + offset})])
    stream.write(file, "MSEED", encoding=encoding, reclen=reclen, byteorder=byteorder)
    return file.getvalue()


def assert_same(one, other):
    assert one[1:] == other[1:]
    assert list(one[0]) == list(other[0])  # headers and samples


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(1, 4000),
    encoding=st.sampled_from(sorted(ENCODINGS)),
    reclen=st.sampled_from([256, 512, 4096]),
    byteorder=st.sampled_from("<>"),
    rate=st.sampled_from([100.0, 62.5, 0.1, 250.0]),
    offset=st.integers(0, 2 * 10**6).map(lambda us: us / 1e6),
    window=st.tuples(st.floats(-0.1, 1.1), st.floats(-0.1, 1.1)),
    at_once=st.sampled_from([600, 2**13, 2**20]),
)
def test_clean_files_are_taken_and_read_as_in_general(n, offset, window, at_once, **how):
    file = content(n, offset=offset, **how)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_libmseed, "_RUN_BYTES", at_once)
        patch.setattr(_miniseed_clean, "_BLOCK", 3)
        check_clean(file, n / how["rate"], window)


def check_clean(file, seconds, window):
    clean = _miniseed._clean(file, None, None, False)
    assert clean is not None
    assert_same(clean, _miniseed._with_faults([(0, file)], None, None, False))
    span = sorted(START.ns + int(share * seconds * 1e9) for share in window)
    clean = _miniseed._clean(file, *span, False)
    assert_same(clean, _miniseed._with_faults([(0, file)], *span, False))


@settings(max_examples=30, deadline=None)
@given(
    byteorder=st.sampled_from("<>"),
    changes=st.lists(
        st.tuples(st.integers(0, 20), st.integers(0, 80), st.integers(0, 255)),
        min_size=1,
        max_size=3,
    ),  # fmt: skip
)
def test_what_is_not_clean_is_left_to_the_general_way(byteorder, changes):
    """Any byte of any header: the short way gives the same, or nothing."""
    file = bytearray(content(byteorder=byteorder))
    for record, at, value in changes:
        file[(record * 512 + at) % len(file)] = value
    clean = _miniseed._clean(bytes(file), None, None, False)
    if clean is not None:
        assert_same(clean, _miniseed._with_faults([(0, bytes(file))], None, None, False))


def test_faults_are_not_clean():
    file = content()
    assert _miniseed._clean(file, None, None, False) is not None
    gap = file[:512] + file[1024:]
    twice = file[:512] + file
    wrong = bytearray(file)
    wrong[600] ^= 255  # a sample
    for odd in (gap, twice, bytes(wrong), file[:-100], file + bytes(512), b"", file[:60]):
        assert _miniseed._clean(odd, None, None, False) is None


def test_threads_that_decode_are_told_of_their_own_errors_only():
    good = np.frombuffer(content(20_000), dtype=np.int8)
    bad = good.copy()
    bad[512 + 64 : 512 + 128] = 0  # a frame without samples

    def decode(k):
        if k % 2:
            with pytest.raises(DecodeError, match="XX_STA"):
                decode_records(bad)
            return True
        return np.array_equal(decode_records(good)[0].data, want)

    want = decode_records(good)[0].data
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(decode, range(100)))


def test_records_that_are_not_one_trace_are_not_decoded_as_one():
    length, file = 512, content(3000)
    gap = np.frombuffer(file[:1024] + file[2048:], dtype=np.int8)
    other = np.frombuffer(file[:1024] + content(3000, rate=50.0)[1024:], dtype=np.int8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_libmseed, "_RUN_BYTES", 3 * length)
        for odd in (gap, other):
            own = parse_records(odd.tobytes())[0]["samples"].astype(np.int64)
            with pytest.raises(DecodeError, match="not one trace"):
                decode_run(odd, length, own)
            with pytest.raises(DecodeError):
                decode_run(odd, length, own + 1)


def test_another_library_than_the_known_one_is_left_to_obspy(monkeypatch):
    file = np.frombuffer(content(), dtype=np.int8)
    known = decode_records(file), decode_records(file, headonly=True)
    monkeypatch.setattr(_libmseed, "_library", lambda: None)
    assert (decode_records(file), decode_records(file, headonly=True)) == known


@settings(max_examples=25, deadline=None)
@given(
    values=st.lists(st.integers(-3, 3), min_size=1, max_size=40),
    block=st.integers(1, 8),
    dtype=st.sampled_from([np.int32, np.float64]),
)
def test_filling_finds_the_extremes_and_counts_them(values, block, dtype):
    values = np.array(values, dtype=dtype)
    out = np.zeros(len(values), dtype=np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seisclf.io._filling._BLOCK", block)
        found = fill(values, out)
    np.testing.assert_array_equal(out, values)
    low, high = values.min(), values.max()
    assert found == (low, high, (values == low).sum(), (values == high).sum())
    half = len(values) // 2
    if half:
        rest = [fill(part, out[: len(part)]) for part in (values[:half], values[half:])]
        assert rest[0].joined(rest[1], np.dtype(np.float32)) == found


def test_filling_stops_to_count_where_samples_are_no_numbers():
    values = np.array([1.0, np.nan, 1e300, 2.0])
    out = np.zeros(4, dtype=np.float32)
    assert not fill(values, out).low <= 2
    np.testing.assert_array_equal(out, [1, np.nan, np.inf, 2])
