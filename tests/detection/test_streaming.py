"""A stream in packets gives what the whole record gives."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from obspy import Stream, Trace

from seisclf.detection import EventDetector, StreamingDetector, stft_cnn_postprocessing
from seisclf.detection._windows import runs

from .stubs import (
    RATE,
    START,
    Loudness,
    NetworkStub,
    StationStub,
    earthquake,
    put,
    rockfall,
    station,
    window_detector,
)

COLUMNS = ["onset", "end", "class", "stations", "probability", "event_probability", "coverage"]
OPTIONS = {
    "mean": {},
    "by class": {"stack": "center", "threshold": {"quake": 0.2, "rockfall": 0.3}},
    "chain": {"postprocessing": stft_cnn_postprocessing("code")},
    "max": {"stack": "max", "step": 0.7, "refine": False, "merge_gap": 5.0},
}
DEEP = OPTIONS | {
    "window": {"stack": "window"},
    "window chain": {"stack": "window", "postprocessing": stft_cnn_postprocessing()},
    "soon dead": {"constant_gap": 1.0, "step": 2.0},
    "never dead": {"constant_gap": None},
    "merged": {"merge_gap": 4.0, "min_duration": 2.0, "threshold": 0.3},
}


def record(seed, n=1600, code="A", start=START, components="ZN"):
    """Noise with stretches that are louder."""
    rng = np.random.default_rng(seed)
    level = np.full(n, 0.02)
    for _ in range(5):
        first = rng.integers(0, n)
        level[first : first + rng.integers(20, 200)] = rng.uniform(0.3, 1.5)
    x = rng.normal(size=(len(components), n)) * level
    x = np.cumsum(x, axis=1) * 0.2 if seed % 2 else x
    return Stream(
        Trace(
            row.astype(np.float32),
            {
                "network": "XX", "station": code, "channel": f"HH{letter}",
                "sampling_rate": RATE, "starttime": start,
            },
        )
        for row, letter in zip(x, components, strict=True)
    )  # fmt: skip


def part(trace, first, last):
    names = ("network", "station", "location", "channel", "sampling_rate")
    header = {name: trace.stats[name] for name in names}
    header["starttime"] = trace.stats.starttime + first / trace.stats.sampling_rate
    return Trace(trace.data[first:last].copy(), header)


def with_gaps(stream, rng, longest=300):
    """Without one stretch of each channel, mostly, and one channel dead for longer."""
    left = Stream()
    for trace in stream:
        first = int(rng.integers(100, len(trace) - 100))
        last = min(first + int(rng.integers(1, longest)), len(trace) - 10)
        left += part(trace, 0, first)
        left += part(trace, last, len(trace))
    dead = left[-1].data
    dead[len(dead) // 3 : len(dead) // 3 + 180] = dead[len(dead) // 3]
    return left


def packets_of(stream, rng, shortest=5, longest=150):
    """Packets in order of their ends."""
    packets = []
    for trace in stream:
        first = 0
        while first < len(trace):
            last = first + int(rng.integers(shortest, longest))
            packets.append(part(trace, first, last))
            first = last
    return sorted(packets, key=lambda packet: packet.stats.endtime.ns)


def shuffled(packets, rng, delay):
    return sorted(packets, key=lambda p: p.stats.endtime.ns + rng.uniform(0, delay * 1e9))


def streamed(detector, packets, **options):
    """All that a stream gives: table and picks in order of time, and the detector."""
    streaming = StreamingDetector(detector, **options)
    found = [streaming.push(packet) for packet in packets] + [streaming.flush()]
    tables = [detections.to_frame() for detections in found]
    picks = [detections.picks.drop(columns="detection") for detections in found]
    table = pd.concat([t for t in tables if len(t)] or tables[:1], ignore_index=True)
    picks = pd.concat([p for p in picks if len(p)] or picks[:1], ignore_index=True)
    return table.sort_values(["onset", "stations"], ignore_index=True), picks, streaming


def assert_same(table, picks, detections):
    whole = detections.to_frame()
    assert len(table) == len(whole), f"{table[COLUMNS]}\n{whole[COLUMNS]}"
    pd.testing.assert_frame_equal(table[COLUMNS], whole[COLUMNS], rtol=0, atol=1e-6)
    theirs = detections.picks.drop(columns="detection")
    if len(picks) or len(theirs):
        by = ["time", "station", "phase"]
        pd.testing.assert_frame_equal(
            picks.sort_values(by, ignore_index=True), theirs.sort_values(by, ignore_index=True)
        )


def assert_packets_change_nothing(name, seed, size):
    """Packets of up to `size` samples, in order and shuffled by up to 20 s."""
    rng = np.random.default_rng(seed)
    whole = record(seed)
    if seed % 3:
        whole = with_gaps(whole, rng)
    detector = window_detector(**OPTIONS[name])
    detections = detector.detect(whole)
    packets = packets_of(whole, rng, size // 2, size)
    for order, delay in ((packets, 0.0), (shuffled(packets, rng, 20.0), 20.0)):
        # A packet is as late as its first sample.
        wait = delay + size / RATE
        table, picks, streaming = streamed(detector, order, max_delay=wait)
        assert "late" not in set(streaming.report["kind"])
        assert_same(table, picks, detections)


# Few examples, each of which is two streams: many runs try many seeds. The long search is below.
@pytest.mark.parametrize("name", OPTIONS)
@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 10**6), size=st.sampled_from([60, 150, 900]))
def test_packets_of_any_size_and_order_give_the_events_of_the_whole(name, seed, size):
    assert_packets_change_nothing(name, seed, size)


# Found by the test above when it waited for less than the length of the packets.
@pytest.mark.parametrize(
    "name, seed", [("chain", 216392), ("chain", 72), ("max", 16), ("max", 2), ("mean", 108)]
)
def test_long_packets_lose_nothing_if_the_stream_waits_for_their_length(name, seed):
    assert_packets_change_nothing(name, seed, 900)


def without_late(packets, wait):
    """What a stream that waits for so many seconds keeps of packets in this order."""
    left, newest = Stream(), {}
    for packet in packets:
        station, last = packet.stats.station, packet.stats.endtime.ns + round(1e9 / RATE)
        limit = newest.get(station, packet.stats.starttime.ns) - round(wait * RATE) / RATE * 1e9
        drop = max(round((limit - packet.stats.starttime.ns) * RATE / 1e9), 0)
        if drop < len(packet):
            left += part(packet, drop, len(packet))
        newest[station] = max(newest.get(station, last), last)
    return left


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10**6), wait=st.sampled_from([0.0, 3.0, 20.0]))
def test_what_is_late_is_reported_and_nothing_else_is_lost(seed, wait):
    rng = np.random.default_rng(seed)
    packets = shuffled(packets_of(record(seed), rng, 60, 300), rng, 10.0)
    detector = window_detector()
    kept = without_late(packets, wait)
    lost = sum(map(len, packets)) - sum(map(len, kept))
    table, picks, streaming = streamed(detector, packets, max_delay=wait)
    report = streaming.report
    assert report.loc[report["kind"] == "late", "samples"].sum() == lost
    try:
        detections = detector.detect(kept)
    except ValueError:  # nothing of what is kept is usable
        assert not len(table)
    else:
        assert_same(table, picks, detections)


def messed(stream, rng):
    """With gaps of all lengths anywhere, also at the ends, and stretches of one value."""
    left = Stream()
    for trace in stream:
        there = np.ones(len(trace), dtype=bool)
        for _ in range(rng.integers(0, 3)):
            first = int(rng.integers(-50, len(trace)))
            length = int(rng.choice([1, 3, 20, 100, 130, 250, 500]) * rng.uniform(0.5, 1.5)) + 1
            there[max(first, 0) : max(first + length, 0)] = False
        for _ in range(rng.integers(0, 3)):
            first = int(rng.integers(0, len(trace)))
            length = int(rng.choice([5, 95, 100, 101, 110, 150, 300]))
            trace.data[first : first + length] = trace.data[first]
        for first, last in runs(there):
            left += part(trace, int(first), int(last))
    return left


def repeated(packets, rng):
    """Some of the packets twice, and parts of some."""
    more = list(packets)
    for packet in packets:
        if rng.random() < 0.1:
            more.append(packet.copy())
        if rng.random() < 0.1 and len(packet) > 6:
            first = int(rng.integers(0, len(packet) - 3))
            more.append(part(packet, first, int(rng.integers(first + 1, len(packet) + 1))))
    return more


@pytest.mark.slow  # the same with all that may happen to packets, 270 times in about two minutes
@pytest.mark.filterwarnings("ignore:stations that were not scanned")
@pytest.mark.parametrize("name", DEEP)
def test_whatever_happens_to_packets_changes_nothing(name):
    compared = 0
    for seed in range(30):
        rng = np.random.default_rng([seed, len(name)])
        whole = record(seed, n=int(rng.choice([121, 200, 900, 1600, 1600, 2400])))
        if rng.random() < 0.3:
            start = START + float(rng.uniform(-30, 60))
            whole += record(seed + 1, n=int(rng.integers(200, 900)), code="B", start=start)
        if rng.random() < 0.85:
            whole = messed(whole, rng)
        detector = window_detector(**DEEP[name])
        size, delay = int(rng.choice([8, 60, 150, 900])), float(rng.choice([0, 5, 20]))
        packets = repeated(packets_of(whole, rng, max(size // 2, 3), size), rng)
        order = shuffled(packets, rng, delay)
        wait = float(rng.choice([0.0, 5.0, delay + size / RATE, 80.0]))
        try:
            detections = detector.detect(without_late(order, wait))
        except ValueError:  # nothing of the record is usable
            continue
        table, picks, streaming = streamed(detector, order, max_delay=wait)
        assert "overlap" not in set(streaming.report["kind"])
        assert_same(table, picks, detections)
        compared += 1
    assert compared > 12


@pytest.mark.filterwarnings("ignore:stations that were not scanned")
@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 10**6), of_network=st.booleans(), padded=st.booleans())
def test_functions_of_packets_are_those_of_the_whole(seed, of_network, padded):
    rng = np.random.default_rng(seed)
    options = {"step": 3.0, "padding": "auto" if padded else None}
    codes = "AB" if of_network else "A"
    if of_network:
        # One station more than there are.
        detector = EventDetector(NetworkStub(3), stations=[*codes, "C"], **options)
    else:
        detector = EventDetector(StationStub(), persistence=2, **options)
    whole = Stream()
    for i, code in enumerate(codes):
        late = 1.5 * i
        own = station(code, n=1200 - 100 * i, seed=seed % 1000 + i, start=START + late)
        for k in range(2):
            mark = earthquake if k % 2 else rockfall
            mark(own, 18.0 + 20 * k - late + seed % 7, 4.0)
        whole += own if i == 1 else with_gaps(own, rng, 60)
    detections = detector.detect(whole)
    packets = packets_of(whole, rng, 40, 120)
    # Before a station has come it does not count; here all do before the first event.
    table, picks, streaming = streamed(detector, shuffled(packets, rng, 8.0), max_delay=15.0)
    assert_same(table, picks, detections)
    assert "late" not in set(streaming.report["kind"])


def test_long_pieces_of_all_channels_come_together():
    whole = record(2)
    detector = window_detector()
    streaming = StreamingDetector(detector)
    found = [streaming.push(whole).to_frame(), streaming.flush().to_frame()]
    table = pd.concat([frame for frame in found if len(frame)], ignore_index=True)
    assert_same(table, [], detector.detect(whole))
    assert not len(streaming.report)


def test_each_window_is_predicted_once_and_the_same_as_in_the_whole():
    whole, streamed_one = Loudness(), Loudness()
    data = with_gaps(record(4), np.random.default_rng(1))
    window_detector(whole).detect(data)
    packets = packets_of(data, np.random.default_rng(2))
    streamed(window_detector(streamed_one), packets)
    assert sorted(whole.seen) == sorted(streamed_one.seen)


def test_events_without_end_are_divided_at_the_same_places_whatever_the_packets(monkeypatch):
    monkeypatch.setattr("seisclf.detection._stream_group.FORCED_AFTER", 15.0)
    loud = record(4, n=2400)
    for trace in loud:
        trace.data[300:1700] = np.random.default_rng(0).normal(size=1400)
    detector = window_detector(refine=False)
    tables = []
    for size in (40, 200, 1100, 2400):
        packets = packets_of(loud, np.random.default_rng(size), size // 2, size + 1)
        table, _, streaming = streamed(detector, packets, max_delay=size / RATE)
        assert "limit" in set(streaming.report["kind"])
        tables.append(table)
    assert (tables[0]["end"] - tables[0]["onset"]).dt.total_seconds().max() <= 15.0
    # The time is the same: nothing is lost between the parts.
    whole = detector.detect(loud).to_frame()
    assert len(tables[0]) > len(whole)
    covered = [(t["end"] - t["onset"]).sum() for t in (tables[0], whole)]
    assert abs((covered[0] - covered[1]).total_seconds()) < 0.01
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table[COLUMNS], tables[0][COLUMNS])


def test_several_stations_at_once_and_one_that_starts_late():
    rng = np.random.default_rng(0)
    whole = record(2) + record(5, n=900, code="B", start=START + 47.3)
    detector = window_detector()
    table, _, streaming = streamed(detector, shuffled(packets_of(whole, rng), rng, 25.0))
    assert_same(table, [], detector.detect(whole))
    assert set(table["stations"]) == {"XX.A", "XX.B"}
    assert not set(streaming.report["kind"]) & {"late", "overlap", "component"}


def test_an_event_is_pending_within_the_latency_and_final_soon_after():
    quiet = record(0, n=1400)
    for trace in quiet:
        trace.data *= 0.02 / max(trace.data.std(), 1e-9)
    loud = np.random.default_rng(1).normal(size=200).astype(np.float32)
    for trace in quiet:
        trace.data[300:500] += loud
    for options in ({}, {"stack": "window"}, {"postprocessing": stft_cnn_postprocessing()}):
        detector = window_detector(refine=False, **options)
        (event,) = detector.detect(quiet).to_frame().itertuples()
        streaming = StreamingDetector(detector, max_delay=5.0)
        pending = final = None
        for first in range(0, 1400, 10):
            packet = Stream(part(trace, first, first + 10) for trace in quiet)
            now = pd.Timestamp(packet[0].stats.endtime.ns, unit="ns", tz="UTC")
            if len(streaming.push(packet)):
                final = now
                break
            if pending is None and len(streaming.pending()):
                pending = now
        assert (pending - event.onset).total_seconds() <= streaming.latency + 0.5
        # And not before there is anything to see.
        assert pending > event.onset
        assert final > event.end


def test_nothing_is_dropped_without_a_row():
    detector = window_detector()
    whole = record(3)
    packets = packets_of(whole, np.random.default_rng(0), 60, 61)
    wrong_rate = packets[4].copy()
    wrong_rate.stats.sampling_rate = 2 * RATE
    horizontal = packets[6].copy()
    horizontal.stats.channel = "HHE"
    text = packets[6].copy()
    text.data = np.array(["a"] * 10)
    differing = packets[20].copy()
    differing.data = differing.data + 1
    far = packets[30].copy()
    far.stats.starttime += 86400 * 365
    nan = packets[0].copy()
    nan.data[3:5] = np.nan
    extra = [wrong_rate, horizontal, text, packets[24], differing, far, nan]
    order = [*packets[1:31], *extra, *packets[31:], packets[0]]
    table, picks, streaming = streamed(detector, order)
    report = streaming.report.set_index(["trace", "kind"])
    name = "XX.A..HH{}".format
    first, last = (packets[k].stats.channel[-1] for k in (4, 20))
    assert report.loc[(name(first), "rate differs"), "samples"] == 60
    assert "E" in name("E") and (name("E"), "component") in report.index
    assert (text.id, "unreadable") in report.index
    assert report.loc[(packets[24].id, "duplicate"), "samples"] >= 60
    assert report.loc[(name(last), "overlap"), "samples"] == 60
    assert report.loc[(far.id, "time"), "packets"] == 1
    assert report.loc[(packets[0].id, "late"), "samples"] >= 60
    assert report.loc[(nan.id, "not finite"), "samples"] == 2
    # And none of that has changed an event: those after the lost first packet are all there.
    sound = detector.detect(Stream(packets[1:])).to_frame()
    assert_same(table, picks, detector.detect(Stream(packets[1:])))
    assert len(sound)


def test_wrong_times_do_not_fill_the_memory_and_outages_are_passed_over():
    detector = window_detector()
    before = record(6)
    after = record(7, start=START + 86400 * 400.5)
    streaming = StreamingDetector(detector)
    largest = 0
    packets = packets_of(before, np.random.default_rng(0), 60, 61)
    garbage = packets[3].copy()
    found = []
    for i, packet in enumerate(packets):
        found.append(streaming.push(packet))
        if i % 4 == 3:  # one channel with times that jump about
            garbage.stats.starttime = START + 86400 * (i + 2)
            found.append(streaming.push(garbage))
        largest = max(largest, *(g.buffer.data.nbytes for g in streaming._intake.groups.values()))
    assert (streaming.report["kind"] == "time").sum() == 1
    for packet in packets_of(after, np.random.default_rng(0), 60, 61):
        found.append(streaming.push(packet))
        largest = max(largest, *(g.buffer.data.nbytes for g in streaming._intake.groups.values()))
    found.append(streaming.flush())
    assert largest < 200_000
    tables = [f.to_frame() for f in found if len(f)]
    each = [detector.detect(stream).to_frame() for stream in (before, after)]
    whole = pd.concat(each, ignore_index=True)
    assert_same(pd.concat(tables, ignore_index=True), [], _Table(whole))


class _Table:
    """A table that can stand for detections."""

    def __init__(self, table):
        self.table, self.picks = table, pd.DataFrame({"detection": []})

    def to_frame(self):
        return self.table


def test_a_clock_in_the_future_is_not_believed():
    from obspy import UTCDateTime

    streaming = StreamingDetector(window_detector())
    ahead = record(0, start=UTCDateTime() + 3600)
    assert len(streaming.push(ahead)) == 0
    assert (streaming.report["kind"] == "time").all() and len(streaming.report) == 2
    assert not len(streaming._intake.groups) or streaming.flush() is not None


def test_a_dead_component_is_no_data_from_its_last_change_on():
    whole = record(8)
    put(whole, "N", 40, 120, 0.0)
    detector = window_detector()
    packets = packets_of(whole, np.random.default_rng(0))
    assert_same(*streamed(detector, packets)[:2], detector.detect(whole))


def test_what_cannot_be_streamed_is_refused():
    with pytest.raises(TypeError, match="EventDetector"):
        StreamingDetector(Loudness())
    with pytest.raises(ValueError, match="stations="):
        StreamingDetector(EventDetector(NetworkStub(2)))
    with pytest.raises(ValueError, match="max_delay"):
        StreamingDetector(window_detector(), max_delay=-1.0)
    with pytest.raises(ValueError, match="max_jump"):
        StreamingDetector(window_detector(), max_jump=5.0)
    streaming = StreamingDetector(window_detector())
    with pytest.raises(TypeError, match="Trace or Stream"):
        streaming.push("packet")
    with pytest.raises(ValueError, match="needs a path"):
        streaming.save()


def test_what_would_fail_later_is_refused_at_once(tmp_path):
    with pytest.raises(FileNotFoundError, match="its folder does not exist"):
        StreamingDetector(window_detector(), state=tmp_path / "gone" / "stream.state")
    with pytest.raises(ValueError, match="resample=False"):
        StreamingDetector(window_detector(resample=True))
    streaming = StreamingDetector(window_detector())
    with pytest.raises(TypeError, match=r"got ndarray: .* obspy.Trace\(samples, header\)"):
        streaming.push([np.zeros(100)])
    with pytest.raises(FileNotFoundError, match="its folder does not exist"):
        streaming.save(tmp_path / "gone" / "stream.state")
    early = record(0, start=START - 86400 * 366 * 150)
    assert not len(streaming.push(early)) and (streaming.report["kind"] == "time").all()
