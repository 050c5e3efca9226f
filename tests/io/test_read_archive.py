"""Archives: each fault is planted, told by its kind, and dealt with as the guide says."""

import shutil

import numpy as np
import obspy
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from obspy import Stream, Trace, UTCDateTime

from seisclf.datasets import make_archive
from seisclf.io import (
    READ_KINDS,
    Limits,
    ReadReport,
    gaps_of,
    read_archive,
    read_records,
)
from seisclf.io._grid import first_sample, sample_index, sample_time
from seisclf.io._selection import matches
from seisclf.io._stretches import clipped_runs, constant_runs

START = UTCDateTime("2023-06-01T00:00:00")
ID = "XX.STA..HHZ"


def trace(data, offset=0.0, *, rate=100.0, id=ID):
    network, station, location, channel = id.split(".")
    header = {"network": network, "station": station, "location": location, "channel": channel}
    return Trace(
        np.asanyarray(data), header | {"sampling_rate": rate, "starttime": START + offset}
    )


def noise(n, seed=0):
    return np.random.default_rng(seed).normal(0, 300, n).astype(np.int32)


def read(*traces, **options):
    recordings = read_archive(Stream(list(traces)), **options)
    return recordings, recordings.report.findings


def only(recordings, findings, kind):
    assert findings["kind"].tolist() == [kind]
    return recordings[ID], findings.iloc[0]


# ---------------------------------------------------------------- faults, one by one


def test_near_equal_rates_are_one_rate():
    rates = (0.9999958, 0.9999956, 0.9999957)
    recordings, findings = read(
        *[trace(noise(100, k), 100.0 * k, rate=rate) for k, rate in enumerate(rates)]
    )
    record = recordings[ID]
    assert record.sampling_rate == 1.0 and record.valid.all()
    np.testing.assert_array_equal(record.data, np.concatenate([noise(100, k) for k in range(3)]))
    assert findings["kind"].tolist() == ["rate snapped"] * 3
    record, _ = only(*read(trace(noise(1000), rate=99.999992)), "rate snapped")
    assert record.sampling_rate == 100.0


@pytest.mark.parametrize("rate", [99.995, 100.005])
def test_a_drifting_clock_keeps_its_samples_at_their_times(rate):
    """Over 20 minutes the clock is off by six samples; none is off by more than a half."""
    n = 120_000
    x = np.sin(2 * np.pi * np.arange(n) / rate / 8.0) * 1000
    recordings, findings = read(trace(x, rate=rate))
    record = recordings[ID]
    assert record.valid.all()
    expected = np.sin(2 * np.pi * np.arange(len(record.data)) / 100.0 / 8.0) * 1000
    # Half a sample is 0.005 s of a period of 8 s.
    assert np.abs(record.data - expected).max() < 1000 * 2 * np.pi / 8 * 0.0052
    assert set(findings["kind"]) == {"rate snapped"}


def test_another_rate_is_a_gap():
    recordings, findings = read(
        trace(noise(300)), trace(noise(50), 3.0, rate=50.0), trace(noise(100), 4.0)
    )
    assert gaps_of(recordings[ID].valid).tolist() == [[300, 400]]
    assert findings["kind"].tolist() == ["rate differs", "gap"]
    row = findings.iloc[0]
    assert (row.start.value, row.end.value, row.samples) == ((START + 3).ns, (START + 4).ns, 50)


def test_dtypes_are_joined():
    x = noise(200)
    record, _ = only(*read(trace(x[:100]), trace(x[100:].astype(float), 1.0)), "dtypes")
    np.testing.assert_array_equal(record.data, x)


def test_pieces_between_samples_go_to_the_grid():
    record, row = only(*read(trace(noise(100)), trace(noise(100, 1), 1.003)), "off grid")
    assert record.valid.all() and len(record.data) == 200
    assert row.start.value == (START + 1).ns


def test_overlaps_and_duplicates():
    x = noise(300)
    record, row = only(*read(trace(x[:200]), trace(x[100:], 1.0)), "overlap")
    np.testing.assert_array_equal(record.data, x)
    assert (row.start.value, row.end.value, row.samples) == ((START + 1).ns, (START + 2).ns, 100)
    record, row = only(*read(trace(x[:200]), trace(x[100:] + 1, 1.0)), "overlap")
    np.testing.assert_array_equal(record.data, np.concatenate([x[:200], x[200:] + 1]))
    assert "100 of them differ" in row.what
    record, row = only(*read(trace(x), trace(x[50:80], 0.5)), "duplicate")
    np.testing.assert_array_equal(record.data, x)


def test_gaps_masks_sentinels_and_not_finite_samples_are_gaps():
    x = noise(1000).astype(float)
    broken = x.copy()
    broken[300:310] = np.nan
    broken[310] = np.inf
    broken[320] = 1e300
    broken[400:405] = -(2.0**31)
    masked = np.ma.masked_array(broken, mask=np.zeros(1000, bool))
    masked[500:510] = np.ma.masked
    recordings, findings = read(trace(masked[:700]), trace(masked[800:], 8.0))
    record = recordings[ID]
    lost = [[300, 311], [320, 321], [400, 405], [500, 510], [700, 800]]
    assert gaps_of(record.valid).tolist() == lost
    assert np.isfinite(record.data).all() and not record.data[~record.valid].any()
    np.testing.assert_array_equal(record.data[record.valid], x[record.valid].astype(np.float32))
    assert findings["kind"].tolist() == ["sentinel", "not finite", "not finite", "gap"]
    assert findings["samples"].tolist() == [5, 11, 1, 100]


def test_constant_stretches_are_gaps():
    x = noise(3000)
    x[1000:1600] = 7  # 6 s
    x[2000:2400] = 7  # 4 s
    recordings, findings = read(trace(x))
    assert gaps_of(recordings[ID].valid).tolist() == [[1000, 1600]]
    assert findings["kind"].tolist() == ["constant"]
    assert read(trace(x), constant_gap=None)[0][ID].valid.all()
    dead, findings = read(trace(np.zeros(3000, np.int32)))
    assert not dead and findings["kind"].tolist() == ["constant", "empty"]
    # Where samples are rare, a few equal ones are no fault.
    slow = np.repeat(noise(100), 7)
    assert read(trace(slow, rate=1.0))[0][ID].valid.all()


def test_clipped_traces_are_told_and_kept():
    x = noise(6000)
    record, row = only(*read(trace(x.clip(-9999, 700))), "clipped")
    np.testing.assert_array_equal(record.data, x.clip(-9999, 700))
    assert "at 700" in row.what and row.action == "data kept"
    assert read(trace(x))[1].empty
    smooth = (np.sin(np.arange(6000) / 200) * 1000).astype(np.int32)
    assert read(trace(smooth))[1].empty
    quiet = np.random.default_rng(0).integers(-2, 3, 6000)
    assert read(trace(quiet))[1].empty


def test_other_names_of_components_are_told():
    names = {"hhz": "Z", "HH1": "N", "EW": "E", "UD": "Z", "HHZ": "", "": "no"}
    for name, meant in names.items():
        recordings, findings = read(trace(noise(100), id=f"XX.STA..{name}"))
        assert list(recordings) == [f"XX.STA..{name}"]
        assert findings["kind"].tolist() == (["component"] if meant else [])
        if meant:
            assert meant in findings["action"][0]


def test_a_channel_that_cannot_be_merged_harms_no_other():
    text = trace(np.array([b"a", b"b"]), id="XX.BAD..LOG")
    recordings, findings = read(text, trace(noise(100)))
    assert list(recordings) == [ID]
    assert findings[["trace", "kind"]].values.tolist() == [["XX.BAD..LOG", "unreadable"]]


def test_pieces_years_apart_take_no_memory_until_they_are_joined():
    year = 365 * 86_400.0
    recordings, findings = read(
        trace(noise(100)), trace(noise(100, 1), year), limits=Limits(max_samples=10**6)
    )
    assert [p.start_ns for p in recordings.pieces(ID)] == [START.ns, (START + year).ns]
    assert findings[["kind", "action"]].values.tolist() == [["gap", "recordings kept apart"]]
    with pytest.raises(ValueError, match="max_samples=1000000.*pieces"):
        recordings[ID]
    recordings, _ = read(trace(noise(100)), trace(noise(100, 1), 86_400.0))
    assert len(recordings.pieces(ID)) == 2
    record = recordings[ID]
    assert gaps_of(record.valid).tolist() == [[100, 8_640_000]]
    np.testing.assert_array_equal(record.data[-100:], noise(100, 1))
    # Within one array, the limit is kept too.
    recordings, findings = read(
        trace(noise(100)), trace(noise(100, 1), 200.0), limits=Limits(max_samples=1000)
    )
    assert not recordings and findings["kind"].tolist() == ["limit"]


# ---------------------------------------------------------------- files


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    return make_archive(
        tmp_path_factory.mktemp("faulty"),
        duration=3 * 1800, file_length=1800, sampling_rate=50.0, event_rate=20, random_state=3,
    )  # fmt: skip


def test_every_planted_fault_is_found_at_its_place(faulty):
    recordings = read_archive(faulty.folder)
    report = recordings.report
    findings = report.findings
    for fault in faulty.faults.itertuples():
        found = findings[findings["kind"] == fault.kind]
        if fault.kind in ("empty", "unknown format"):
            found = found[found["file"].str.endswith(fault.file)]
        elif fault.kind and fault.kind != "component":
            found = found[found["trace"].isin([fault.trace, ""])]
            near = (found["start"] < fault.end) & (found["end"] > fault.start)
            found = found[near | found["start"].isna()]
        elif fault.kind:
            found = found[found["trace"] == fault.trace]
        assert len(found) or not fault.kind, fault
        if fault.hides and fault.trace in recordings:
            record = recordings[fault.trace]
            middle = (fault.start.value + fault.end.value) // 2
            at = sample_index(middle - record.start_ns, record.sampling_rate)
            assert at < 0 or at >= len(record.valid) or not record.valid[at], fault
    files = [path for path in faulty.folder.rglob("*") if path.is_file()]
    assert sorted(report.files["file"]) == sorted(map(str, files))
    # What was planted at midnight has left no trace.
    late = faulty.faults[faulty.faults["fault"] == "past midnight"].iloc[0]
    around = findings[(findings["trace"] == late.trace) & (findings["start"] < late.end)]
    assert not (around["end"] > late.start).any()


def test_days_join_without_a_seam(tmp_path):
    made = make_archive(
        tmp_path / "a", duration=1500, file_length=600, sampling_rate=50.0, n_stations=2,
        start="2023-06-01T23:52", event_rate=20, faults=None, random_state=0,
    )  # fmt: skip
    recordings = read_archive(made.folder)
    assert len(recordings) == 6 and recordings.report.findings.empty
    assert all(r.valid.all() and len(r.data) == 75_000 for r in recordings.values())
    # The same as one file with everything, and as a window across midnight.
    whole = recordings.to_stream()
    for id, record in read_archive(whole).items():
        np.testing.assert_array_equal(record.data, recordings[id].data)
    window = read_archive(
        made.folder, start="2023-06-01T23:59:50", end="2023-06-02T00:00:10", channels="??Z"
    )
    assert len(window) == 2
    for id, record in window.items():
        np.testing.assert_array_equal(record.data, recordings[id].data[23_500:24_500])


def test_which_files_and_channels_are_read(tmp_path):
    made = make_archive(
        tmp_path / "a", duration=120, file_length=60, sampling_rate=50.0, n_stations=2,
        faults=None, event_rate=0, random_state=0,
    )  # fmt: skip
    stations = sorted(made.stations["station"]) if "station" in made.stations else None
    every = read_archive(str(made.folder))
    names = sorted({record.station for record in every.values()})
    assert stations is None or len(names) == 2
    pattern = read_archive(f"{made.folder}/**/*Z.D.*", stations=[names[0]])
    assert [record.station for record in pattern.values()] == [names[0]]
    assert set(pattern.report.traces["status"]) == {"read", "left out"}
    one = next(made.folder.rglob("*Z.D.*"))
    twice = read_archive([one, str(one)])
    assert twice.report.findings["kind"].tolist() == ["duplicate"]
    assert twice.report.files["status"].tolist() == ["skipped", "read"]
    shutil.copy(one, one.with_name("copy"))
    copied = read_archive([one, one.with_name("copy")])
    assert copied.report.findings["kind"].tolist() == ["duplicate"]
    for wrong, error in (("nothing/here", FileNotFoundError), (7, TypeError)):
        with pytest.raises(error):
            read_archive(wrong)
    for wrong in ({"stations": 5}, {"channels": [b"HHZ"]}):
        with pytest.raises(TypeError, match="must be a list of codes or patterns"):
            read_archive(obspy.read(), **wrong)
    for name, wrong in (("rate_tolerance", -1.0), ("dtype", "int8"), ("constant_gap", 0)):
        with pytest.raises(ValueError, match=f"{name} must be"):
            read_archive(obspy.read(), **{name: wrong})
    with pytest.raises(FileNotFoundError, match="source: nowhere does not exist"):
        read_archive("nowhere")
    with pytest.warns(UserWarning, match="nothing matches.*HHZ.*there are BW.RJOB..EHE"):
        assert len(read_archive(obspy.read(), channels="HHZ")) == 0
    with pytest.raises(ValueError, match="is not after"):
        read_archive(one, start="2023-06-02", end="2023-06-01")


def test_names_of_days_spare_files(tmp_path):
    """Of SDS names only the days asked for are opened, and one on both sides of them."""
    folder = tmp_path / "2023" / "XX" / "STA" / "HHZ.D"
    folder.mkdir(parents=True)
    for day in range(150, 157):
        one = trace(noise(100))
        one.stats.starttime = UTCDateTime(year=2023, julday=day)
        one.write(str(folder / f"XX.STA..HHZ.D.2023.{day}"), format="MSEED")
    recordings = read_archive(tmp_path, start="2023-06-02", end="2023-06-02T12:00")
    files = recordings.report.files.sort_values("file")
    assert files["status"].tolist() == ["skipped"] * 2 + ["read"] * 3 + ["skipped"] * 2
    assert len(recordings[ID].data) == 100
    elsewhere = read_archive(tmp_path, stations=["XX.OTHER"])
    assert not elsewhere and set(elsewhere.report.files["status"]) == {"skipped"}


def test_streams_of_recordings():
    x = noise(500)
    recordings, _ = read(trace(x[:200]), trace(x[300:], 3.0))
    (masked,) = recordings.to_stream()
    assert masked.data.mask.sum() == 100
    first, second = recordings.to_stream(gaps="split")
    assert second.stats.starttime == START + 3 and second.id == ID
    np.testing.assert_array_equal(second.data, x[300:])
    with pytest.raises(ValueError, match="'mask' or 'split'"):
        recordings.to_stream(gaps="zero")


def test_all_recorded_events_are_read_by_one_call(data_dir):
    folder = data_dir / "esec" / "waveforms"
    some = sorted(folder.iterdir())[:20]
    recordings = read_archive(list(map(str, some)))
    report = recordings.report
    files = [path for event in some for path in event.rglob("*.mseed")]
    assert report.files["status"].tolist() == ["read"] * len(files)
    kept = report.traces[report.traces["status"] == "read"]
    assert set(kept["trace"]) == set(recordings)
    assert (
        report.traces["samples"].sum()
        == sum(int(record.valid.sum()) for id in recordings for record in recordings.pieces(id))
        + report.findings.loc[
            report.findings["kind"].isin(["constant", "overlap"]), "samples"
        ].sum()
    )


@pytest.mark.slow
def test_all_2418_files_of_events_have_their_row(data_dir):
    report = read_archive(data_dir / "esec" / "waveforms").report
    assert len(report.files) == 2418
    assert set(report.files["status"]) == {"read"}
    assert set(report.traces["file"]) == set(report.files["file"])


# ---------------------------------------------------------------- the grid


@settings(max_examples=25, deadline=None)
@given(
    rate=st.sampled_from([1.0, 20.0, 40.0, 50.0, 62.5, 100.0, 125.0, 200.0, 250.0, 500.0]),
    offset=st.integers(-(10**9), 10**9),
    cuts=st.lists(st.integers(1, 399), unique=True, max_size=5),
    order=st.randoms(use_true_random=False),
)
def test_cutting_a_piece_never_moves_a_sample(rate, offset, cuts, order):
    x = noise(400)
    period = round(1e9 / rate)

    def piece(a, b):
        one = trace(x[a:b], rate=rate)
        one.stats.starttime = UTCDateTime(ns=START.ns + offset + a * period)
        return one

    edges = [0, *sorted(cuts), 400]
    pieces = [piece(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True)]
    order.shuffle(pieces)
    whole = read_records(Stream([piece(0, 400)]), anchor_ns=START.ns)[ID]
    cut = read_records(Stream(pieces), anchor_ns=START.ns)[ID]
    assert whole.start_ns == cut.start_ns
    assert (whole.start_ns - START.ns) % period == 0
    assert abs(whole.start_ns - START.ns - offset) * 2 <= period + 2  # times are whole ns
    np.testing.assert_array_equal(whole.data, x)
    np.testing.assert_array_equal(cut.data, x)
    assert cut.valid.all()


@settings(max_examples=25, deadline=None)
@given(
    rate=st.sampled_from([99.9961, 100.0042, 49.9975]),
    cut=st.integers(1, 49_999),
    offset=st.integers(0, 10**7),
)
def test_nor_does_it_where_the_clock_drifts(rate, cut, offset):
    x = noise(50_000)
    one = trace(x, rate=rate)
    one.stats.starttime += offset / 1e9
    begin = one.stats.starttime
    two = [one.copy(), one.copy()]
    two[0].data, two[1].data = x[:cut], x[cut:]
    two[1].stats.starttime = UTCDateTime(ns=begin.ns + round(cut * 1e9 / rate))
    whole = read_records(Stream([one]), anchor_ns=START.ns)[ID]
    joined = read_records(Stream(two), anchor_ns=START.ns)[ID]
    assert whole.valid.all() and joined.valid.all()
    assert joined.start_ns == whole.start_ns
    differ = np.flatnonzero(joined.data != whole.data)
    # A sample just between two of the grid may go to either, where the clocks pass each other.
    passes = abs(round(rate) / rate - 1) * 50_000 + 1
    assert len(joined.data) == len(whole.data) and len(differ) <= 2 * passes


@settings(max_examples=25, deadline=None)
@given(
    index=st.integers(-(10**12), 10**12),
    rate=st.sampled_from([0.1, 1.0, 18.2, 62.5, 100.0, 1000.0, 4000.0, 3.0]),
)
def test_samples_and_times_are_inverse(index, rate):
    time = sample_time(index, rate)
    assert sample_index(time, rate) == index
    assert first_sample(time, rate) == index


@settings(max_examples=25, deadline=None)
@given(
    runs=st.lists(st.tuples(st.integers(1, 60), st.integers(0, 2)), min_size=1, max_size=40),
    holes=st.lists(st.integers(0, 600), max_size=4),
    least=st.integers(2, 40),
)
def test_constant_runs_are_those_of_a_plain_loop(runs, holes, least):
    data = np.concatenate([np.full(n, value) for n, value in runs])
    valid = np.ones(len(data), bool)
    valid[[h for h in holes if h < len(data)]] = False
    expected, begin = [], 0
    for i in range(1, len(data) + 1):
        ends = i == len(data) or data[i] != data[begin] or valid[i] != valid[begin]
        if ends:
            if i - begin >= least and valid[begin]:
                expected.append([begin, i])
            begin = i
    assert constant_runs(data, valid, least).tolist() == expected


def test_clipped_runs_count_no_gaps():
    valid = np.ones(3000, bool)
    valid[1000:2000] = False
    data = np.where(valid, noise(3000).clip(-500, 500) + 5000, 0)
    runs = clipped_runs(data, valid)
    assert len(runs) and all(valid[a:b].all() for a, b in runs)


# ---------------------------------------------------------------- the report


def test_a_report_survives_json_and_counts(tmp_path, faulty):
    report = read_archive(faulty.folder).report
    path = tmp_path / "report.json"
    text = report.to_json(path)
    for again in (ReadReport.from_json(path), ReadReport.from_json(text)):
        for name in ("files", "traces", "findings"):
            pd.testing.assert_frame_equal(getattr(again, name), getattr(report, name))
    summary = report.summary().set_index(["of", "name"])["count"]
    assert summary["files"].sum() == len(report.files)
    assert summary["findings"].sum() == len(report) == len(report.to_frame())
    assert set(report.findings["kind"]) <= set(READ_KINDS)
    assert "<script>" not in report._repr_html_()


def test_reports_refuse_what_they_are_not():
    with pytest.raises(ValueError, match="none of unreadable"):
        ReadReport().add("a", "b", "what", "action", kind="strange")
    for text in ("{}", "{", '{"format": "seisclf ReadReport", "version": 1}', "{" * 5000):
        with pytest.raises(ValueError, match="no JSON of a ReadReport"):
            ReadReport.from_json(text)


def test_thousands_of_findings_end_with_a_sum():
    pieces = [trace(noise(10, k), 0.2 * k) for k in range(1500)]
    recordings, findings = read(*pieces)
    gaps = findings[findings["kind"] == "gap"]
    assert len(gaps) == 1000 and gaps["samples"].sum() == 1499 * 10
    assert "500 more" in gaps["what"].iloc[-1]


@pytest.mark.parametrize(
    ("id", "stations", "channels", "wanted"),
    [
        ("TW.LH01.00.HHZ", None, None, True),
        ("TW.LH01.00.HHZ", ["TW.LH01"], None, True),
        ("TW.LH01.00.HHZ", ["LH0?"], ["HH?"], True),
        ("TW.LH01.00.HHZ", ["TW"], None, False),
        ("TW.LH01.00.HHZ", None, ["00.HHZ"], True),
        ("TW.LH01.00.HHZ", None, ["*.LH0?.*.HHZ"], True),
        ("TW.LH01.00.HHZ", None, ["HHN", "BH?"], False),
    ],
)
def test_patterns(id, stations, channels, wanted):
    assert matches(id, stations, channels) == wanted
