"""The door for streams: every known way in which records are broken, one test each."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from obspy import Stream, Trace, UTCDateTime, read

from seisclf.io import gaps_of, read_records
from seisclf.io._components import component_letter, match_components, nominal_rate
from seisclf.io._report import Report

START = UTCDateTime("2020-01-01T00:00:00")


def trace(data, offset=0.0, *, rate=100.0, id="XX.STA..HHZ"):
    network, station, location, channel = id.split(".")
    header = {
        "network": network,
        "station": station,
        "location": location,
        "channel": channel,
        "sampling_rate": rate,
        "starttime": START + offset,
    }
    return Trace(np.asanyarray(data), header)


def merge(*traces, **params):
    report = Report()
    records = read_records(Stream(list(traces)), report=report, event="e", **params)
    return records, report.to_frame()


def test_one_array_per_channel():
    records, report = merge(*read())
    assert [r.channel for r in records.values()] == ["EHE", "EHN", "EHZ"]
    assert all(r.data.dtype == np.float32 and r.valid.all() for r in records.values())
    assert records["BW.RJOB..EHZ"].station == "BW.RJOB"
    assert report.empty


def test_nearly_equal_rates_merge():
    """Fragments at 0.9999958, 0.9999956 and 0.9999957 Hz, as a user of pysep had them."""
    rates = (0.9999958, 0.9999956, 0.9999957)
    pieces = [trace(np.full(100, i), 100.0 * i, rate=r) for i, r in enumerate(rates)]
    records, report = merge(*pieces)
    record = records["XX.STA..HHZ"]
    assert record.sampling_rate == 1.0
    np.testing.assert_array_equal(record.data, np.repeat([0, 1, 2], 100))
    assert (report["action"] == "taken as 1 Hz").sum() == 3


def test_another_rate_within_a_channel_becomes_a_reported_gap():
    records, report = merge(
        trace(np.ones(300)), trace(np.ones(50), 3.0, rate=50.0), trace(np.ones(100), 4.0)
    )
    record = records["XX.STA..HHZ"]
    assert gaps_of(record.valid).tolist() == [[300, 400]]
    assert "left out as a gap" in report["action"].tolist()


def test_dtypes_join_and_a_bad_channel_harms_no_other():
    text = trace(np.array(["a", "b"]), id="XX.BAD..HHZ")
    records, report = merge(
        trace(np.ones(100, np.int32)), trace(np.ones(100, np.float64), 1.0), text
    )
    assert list(records) == ["XX.STA..HHZ"]
    assert records["XX.STA..HHZ"].data.tolist() == [1.0] * 200
    assert "joined as float32" in report["action"].tolist()
    assert report[report["trace"] == "XX.BAD..HHZ"]["action"].tolist() == ["channel left out"]


def test_gaps_masks_sentinels_and_nan_are_not_recorded():
    masked = np.ma.masked_greater(np.arange(100), 94)
    broken = np.arange(100.0)
    broken[:2] = np.nan, np.inf
    sentinel = np.arange(100)
    sentinel[50:53] = -(2**31)
    records, report = merge(trace(masked), trace(broken, 1.0), trace(sentinel, 2.5))
    record = records["XX.STA..HHZ"]
    assert gaps_of(record.valid).tolist() == [[95, 102], [200, 250], [300, 303]]
    assert not record.data[~record.valid].any()
    assert report["what"].tolist()[-2:] == [
        "2 samples are not finite",
        "3 samples are -2147483648",
    ]


def test_overlaps():
    data = np.arange(200.0)
    same, report = merge(trace(data[:120]), trace(data[100:], 1.0))
    np.testing.assert_array_equal(same["XX.STA..HHZ"].data, data)
    assert report["what"].tolist() == ["overlap of 20 samples, identical"]
    other, report = merge(trace(data[:120]), trace(data[100:] + 1, 1.0))
    np.testing.assert_array_equal(other["XX.STA..HHZ"].data[100:120], data[100:120])
    assert "20 of them differ" in report["what"][0]


def test_pieces_between_samples_go_to_the_grid():
    records, report = merge(trace(np.ones(100)), trace(np.full(100, 2.0), 1.003))
    np.testing.assert_array_equal(records["XX.STA..HHZ"].data, np.repeat([1, 2], 100))
    assert report["what"].tolist() == ["piece off the grid by 0.30 samples"]


def test_a_window_takes_only_what_lies_in_it():
    """Pieces a year apart do not make an array of a year."""
    pieces = trace(np.arange(1000.0)), trace(np.ones(10), 365 * 86400.0)
    records, _ = merge(*pieces, start_ns=(START + 2).ns, end_ns=(START + 3).ns)
    record = records["XX.STA..HHZ"]
    np.testing.assert_array_equal(record.data, np.arange(200, 300))
    assert record.start_ns == (START + 2).ns
    assert record.end_ns == (START + 3).ns
    assert merge(*pieces, start_ns=(START + 60).ns, end_ns=(START + 70).ns)[0] == {}


def test_the_stream_is_not_changed():
    stream = read()
    before = stream.copy()
    read_records(stream)
    assert stream == before


@settings(max_examples=30, deadline=None)
@given(
    cuts=st.lists(st.integers(1, 499), unique=True, max_size=6),
    order=st.randoms(use_true_random=False),
    dropped=st.integers(0, 3),
)
def test_any_pieces_give_back_the_whole(cuts, order, dropped):
    data = np.random.default_rng(0).normal(size=500)
    edges = [0, *sorted(cuts), 500]
    spans = list(zip(edges[:-1], edges[1:], strict=True))
    order.shuffle(spans)
    kept = spans[: max(1, len(spans) - dropped)]
    pieces = [trace(data[a:b], a / 100) for a, b in kept]
    record = merge(*pieces)[0]["XX.STA..HHZ"]
    first = min(a for a, _ in kept)
    expected = np.zeros(500, bool)
    for a, b in kept:
        expected[a:b] = True
    last = max(b for _, b in kept)
    np.testing.assert_array_equal(record.valid, expected[first:last])
    np.testing.assert_allclose(
        record.data, np.where(expected, data, 0)[first:last], rtol=1e-6, atol=1e-6
    )


@pytest.mark.parametrize(
    ("codes", "wanted", "expected"),
    [
        (["HHE", "HHN", "HHZ"], "ZNE", [2, 1, 0]),
        (["bhz", "bh1", "bh2"], "ZNE", [0, 1, 2]),
        (["UD", "NS", "EW"], "ZNE", [0, 1, 2]),
        (["ew", "ns", "ud"], "ENZ", [0, 1, 2]),
        (["HHZ", "HH1", "HHN", "HHE"], "ZNE", [0, 2, 3]),
        (["HHZ"], "ZNE", [0, -1, -1]),
        (["HHN", "HHE", "HHZ"], "Z12", [2, 0, 1]),
        (["1", "2", "3"], "ZNE", [2, 0, 1]),
        (["", "HDF"], "Z", [-1]),
    ],
)
def test_components(codes, wanted, expected):
    assert match_components(codes, wanted)[0] == expected


def test_only_possibly_rotated_components_are_noted():
    assert match_components(["UD", "NS", "EW"], "ZNE")[1] == []
    assert len(match_components(["Z", "1", "2"], "ZNE")[1]) == 2
    assert component_letter(" hhz ") == "Z"


@pytest.mark.parametrize(
    ("rate", "nominal"),
    [
        (99.999992, 100.0),
        (100.0, 100.0),
        (0.1000001, 0.1),
        (62.5, 62.5),
        (99.9, 99.9),
        (18.2, 18.2),
    ],
)
def test_nominal_rate(rate, nominal):
    assert nominal_rate(rate) == pytest.approx(nominal, rel=1e-12)
