"""The authors' preparation of an hour: their numbers, and none of their mistakes."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from obspy import Stream, Trace, UTCDateTime, read

from seisclf.detection import rocknet_record

START = UTCDateTime(2020, 3, 28, 12, 59)
STATIONS = ["LH01", "LH02", "LH03", "LH04"]


def raw(code="LH01", n=6001, seed=0, start=START):
    rng = np.random.default_rng([seed, int(code[-1])])
    return Stream(
        Trace(
            (60_000 + rng.normal(0, 100, n)).round().astype(np.float32),
            {
                "network": "GG", "station": code, "location": "10", "channel": "EH" + c,
                "sampling_rate": 100.0, "starttime": start,
            },
        )
        for c in "ENZ"
    )  # fmt: skip


def test_golden_windows(data_dir):
    stream = Stream()
    for path in sorted((data_dir / "luhu" / "sac_2020.088.13").glob("*.sac")):
        stream += read(str(path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prepared = rocknet_record(stream, starttime=START, endtime=START + 3720, stations=STATIONS)
    assert all(t.stats.npts == 372_000 and t.stats.starttime == START for t in prepared)
    golden = np.load(data_dir / "rocknet" / "golden" / "filtered_segments.npz")
    data = np.array(
        [[prepared.select(station=s, component=c)[0].data for c in "ENZ"] for s in STATIONS]
    )
    for k, segment in zip(golden["window_index"], golden["segments"], strict=True):
        samples = np.clip(np.arange(6000) + 500 * k - 5500, 0, 371_999)
        window = data[:, :, samples].swapaxes(1, 2)
        assert_allclose(window, segment, rtol=1e-9, atol=1e-9 * np.abs(segment).max())


def test_it_is_demeaned_and_filtered_causally_from_rest():
    from scipy.signal import butter, sosfilt

    stream = raw()
    before = stream.copy()
    prepared = rocknet_record(stream, starttime=START, endtime=START + 60)
    assert stream == before
    data = stream[0].data - stream[0].data.mean()  # of 6001 samples, both ends included
    sos = butter(4, [5, 45], btype="band", fs=100, output="sos")
    expected = sosfilt(sos, data.astype(float))[:6000]
    assert prepared[0].data.dtype == np.float64
    assert_allclose(prepared[0].data, expected, atol=1e-9)


def test_a_station_that_fails_in_an_hour_does_not_reuse_the_hour_before():
    first, second = START, START + 60
    stream = raw("LH01", 12_000) + raw("LH02", 6000)
    options = {"stations": ["LH01", "LH02"]}
    assert len(rocknet_record(stream, starttime=first, endtime=first + 60, **options)) == 6
    with pytest.warns(UserWarning, match="LH02.10.EHE: no data between"):
        late = rocknet_record(stream, starttime=second + 1, endtime=second + 59, **options)
    assert {trace.stats.station for trace in late} == {"LH01"}


def test_a_missing_station_is_not_filled_with_random_numbers():
    with pytest.warns(UserWarning, match="station LH03 is not in the stream and stays missing"):
        prepared = rocknet_record(raw("LH01") + raw("LH02"), stations=["LH01", "LH02", "LH03"])
    assert {trace.stats.station for trace in prepared} == {"LH01", "LH02"}
    # Nor is the hour skipped because there is only one.
    assert len(rocknet_record(raw("LH01"), stations=["LH01"])) == 3


@pytest.mark.parametrize("missing", [1, 2, 500])
def test_a_short_trace_is_masked_to_its_length_and_not_doubled(missing):
    stream = raw(n=6000)
    stream[1].data = stream[1].data[:-missing]
    with pytest.warns(UserWarning, match=rf"EHN: {missing / 100:g} s without data, masked"):
        prepared = rocknet_record(stream, starttime=START, endtime=START + 60)
    assert [trace.stats.npts for trace in prepared] == [6000] * 3
    short = prepared.select(channel="EHN")[0].data
    assert_array_equal(np.ma.getmaskarray(short), np.arange(6000) >= 6000 - missing)
    assert not np.ma.is_masked(prepared[0].data)


def test_a_late_beginning_is_masked_too():
    stream = raw(n=5000, start=START + 10)
    with pytest.warns(UserWarning, match="10 s without data"):
        prepared = rocknet_record(stream, starttime=START, endtime=START + 60)
    assert prepared[0].stats.starttime == START
    assert_array_equal(np.ma.getmaskarray(prepared[0].data), np.arange(6000) < 1000)


def test_a_gap_does_not_ring():
    stream = raw()
    cut = stream.slice(START, START + 19.99) + stream.slice(START + 30, None)
    with pytest.warns(UserWarning, match="10 s without data"):
        prepared = rocknet_record(cut)
    after = prepared[0].data[3000:]
    assert np.ma.getmaskarray(prepared[0].data).sum() == 1000
    # From rest: no more than the noise itself.
    assert np.abs(after[:100]).max() < 1.5 * np.abs(stream[0].data - 60_000).max()


def test_a_long_trace_is_cut_and_the_default_is_all_there_is():
    stream = raw()
    prepared = rocknet_record(stream, starttime="2020-03-28T12:59:10", endtime=START + 20)
    assert [trace.stats.npts for trace in prepared] == [1000] * 3
    assert [trace.stats.npts for trace in rocknet_record(stream)] == [6001] * 3


def test_what_cannot_be_prepared_is_refused():
    with pytest.raises(TypeError, match="obspy.read"):
        rocknet_record("day.mseed")
    with pytest.raises(TypeError, match="list of codes"):
        rocknet_record(raw(), stations="LH01")
    with pytest.raises(ValueError, match="none of the stations LH09"):
        rocknet_record(raw(), stations=["LH09"])
    with pytest.raises(ValueError, match="endtime"):
        rocknet_record(raw(), starttime=START + 5, endtime=START)
    with pytest.raises(ValueError, match="no data"):
        rocknet_record(raw(), starttime=START + 500, endtime=START + 600)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"freq_max": 50.0},
            "freq_max=50 Hz is not below half the sampling rate of GG.LH01.10.EH",
        ),
        ({"freq_min": 20.0, "freq_max": 10.0}, "freq_min and freq_max must rise"),
    ],
)
def test_corners_that_do_not_fit_are_named(params, message):
    with pytest.raises(ValueError, match=message):
        rocknet_record(raw(), **params)
