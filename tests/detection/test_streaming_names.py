"""Components that change their names while packets come."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from obspy import Stream

from seisclf.detection import EventDetector, StreamingDetector

from .stubs import RATE, START, NetworkStub, rockfall, station, window_detector
from .test_streaming import (
    DEEP,
    assert_same,
    messed,
    packets_of,
    part,
    record,
    repeated,
    shuffled,
    streamed,
    with_gaps,
)


def renamed(stream, rng, letters="N1Y"):
    """The last channel under names that change some times, mostly without a hole between them."""
    *others, last = stream
    left, first = Stream(others), 0
    cuts = np.sort(rng.integers(0, len(last), rng.integers(1, 4)))
    before = ""
    for cut in [*cuts.tolist(), len(last)]:
        piece = part(last, first, max(cut, first))
        before = str(rng.choice([letter for letter in letters if letter != before]))
        piece.stats.channel = piece.stats.channel[:-1] + before
        left += piece
        first = max(cut + int(rng.choice([0, 0, 3, 12, 30, 200])), first)
    return Stream(trace for trace in left if len(trace))


def assert_names_change_nothing(seed, size, options, mess):
    rng = np.random.default_rng(seed)
    whole = renamed(record(seed), rng)
    whole = mess(whole, rng) if seed % 3 else whole
    detector = window_detector(**options)
    delay = float(rng.choice([0.0, 8.0]))
    packets = shuffled(packets_of(whole, rng, max(size // 2, 2), size), rng, delay)
    if mess is messed:
        packets = repeated(packets, rng)
    table, picks, streaming = streamed(detector, packets, max_delay=delay + size / RATE)
    assert_same(table, picks, detector.detect(whole))
    if mess is not messed:
        assert "late" not in set(streaming.report["kind"])


@settings(max_examples=6, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    size=st.sampled_from([20, 100, 700]),
    most=st.sampled_from([0.0, 0.1, 0.4]),
)
def test_names_that_change_give_the_events_of_the_whole(seed, size, most):
    def gaps(stream, rng):
        return with_gaps(stream, rng) if min(map(len, stream)) > 250 else stream

    assert_names_change_nothing(seed, size, {"max_gap_fraction": most}, gaps)


@pytest.mark.slow  # the same with all that may happen to packets
@pytest.mark.filterwarnings("ignore:stations that were not scanned")
@pytest.mark.parametrize("name", DEEP)
def test_whatever_happens_to_names_and_packets_changes_nothing(name):
    compared = 0
    for seed in range(12):
        try:
            options = DEEP[name] | {"max_gap_fraction": [0.0, 0.1, 0.4][seed % 3]}
            assert_names_change_nothing(seed, [20, 100, 700][seed // 3 % 3], options, messed)
        except ValueError as error:
            assert "can be scanned" in str(error)
        else:
            compared += 1
    assert compared > 5


def test_of_two_names_at_once_the_preferred_counts_and_the_other_fills_its_gaps():
    whole = record(3)
    other = record(5)[1]
    other.stats.channel = "HH1"
    vertical, own = whole
    packets = packets_of(Stream([vertical, own, other]), np.random.default_rng(0), 50, 100)
    gap = [p for p in packets if p.id != own.id or not 600 < p.stats.starttime - START < 1000]
    detector = window_detector()
    for order in (packets, gap, packets[1::2] + packets[::2]):
        table, picks, streaming = streamed(detector, order, max_delay=100.0)
        assert_same(table, picks, detector.detect(Stream(order)))
        assert streaming.report["action"].str.contains("stands in").sum() == 1


def test_what_one_name_has_taken_is_not_changed_by_another_that_begins_later():
    vertical, own = record(3)
    other = record(5)[1]
    other.stats.channel = "HH1"
    later = part(own, 800, 1600)
    packets = packets_of(Stream([vertical, other, later]), np.random.default_rng(0), 100, 101)
    packets.sort(key=lambda p: (p.stats.starttime.ns, p.stats.channel == "HHN"))
    detector = window_detector()
    table, picks, streaming = streamed(detector, packets, max_delay=10.0)
    report = streaming.report.set_index(["trace", "kind"])
    taken = int(report.loc[("XX.A..HHN", "component"), "samples"])
    assert 0 < taken <= 100
    kept = Stream([vertical, other, part(own, 800 + taken, 1600)])
    assert_same(table, picks, detector.detect(kept))


def test_another_band_or_location_is_another_instrument():
    old, new = record(2, n=1000), record(4, n=1000, start=START + 50)
    later = record(5, n=1000, start=START + 100)
    for trace in old:
        trace.stats.channel = "E" + trace.stats.channel[1:]
    for trace in later:
        trace.stats.location = "10"
    whole = old + new + later
    detector = window_detector()
    packets = shuffled(packets_of(whole, np.random.default_rng(1)), np.random.default_rng(2), 5.0)
    table, picks, streaming = streamed(detector, packets)
    # A stream does not know yet that there will be others, and keeps the name.
    assert set(table["stations"]) == {"XX.A", "XX.A..HH", "XX.A.10.HH"}
    table["stations"] = table["stations"].replace("XX.A", "XX.A..EH")
    table = table.sort_values(["onset", "stations"], ignore_index=True)
    assert_same(table, picks, detector.detect(whole))
    told = streaming.report[streaming.report["kind"] == "component"]
    assert told["action"].str.contains("for itself, as XX.A").sum() == 2


def test_a_place_in_a_network_keeps_its_instrument():
    a, b = station("A", n=1000), station("B", n=1000, seed=1)
    rockfall(a, 15.0, 4.0), rockfall(b, 15.0, 4.0)
    strange = station("B", n=1000, location="20", seed=2)
    packets = packets_of(a + b, np.random.default_rng(0))
    others = packets_of(strange, np.random.default_rng(1))
    detector = EventDetector(NetworkStub(2), step=3.0, stations=["A", "B"])
    table, picks, streaming = streamed(detector, [*packets[:20], *others, *packets[20:]])
    assert_same(table, picks, detector.detect(a + b))
    assert len(table)
    told = streaming.report[streaming.report["kind"] == "component"]
    assert set(told["trace"]) == {trace.id for trace in strange}
    assert told["action"].str.contains("XX.B.20.EH").all()


def test_names_survive_a_restart(tmp_path):
    whole = renamed(record(2), np.random.default_rng(1))
    assert len({trace.id for trace in whole}) == 3
    rng = np.random.default_rng(3)
    packets = shuffled(packets_of(whole, rng, 50, 150), rng, 10.0)
    expected, _, once = streamed(window_detector(), packets)
    path = tmp_path / "stream.state"
    streaming, found = StreamingDetector(window_detector(), state=path), []
    for packet in packets:
        found.append(streaming.push(packet).to_frame())
        streaming.save()
        streaming = StreamingDetector(window_detector(), state=path)
    found.append(streaming.flush().to_frame())
    table = pd.concat([frame for frame in found if len(frame)], ignore_index=True)
    assert len(table) > 1
    pd.testing.assert_frame_equal(table, expected)
    pd.testing.assert_frame_equal(streaming.report, once.report)


def test_names_without_number_and_codes_with_dots_are_left_out():
    whole = record(2)
    for trace in whole:
        trace.stats.channel = trace.stats.channel[-1]  # words have no band
    detector = window_detector()
    packets = packets_of(whole, np.random.default_rng(0))
    strange = [packets[3].copy() for _ in range(12)]
    for k, packet in enumerate(strange):
        packet.stats.channel = f"{'ABCDEFGHIJKL'[k]}N"
    dotted = packets[3].copy()
    dotted.stats.station = "A.B"
    table, picks, streaming = streamed(detector, [*packets[:9], dotted, *strange, *packets[9:]])
    assert_same(table, picks, detector.detect(whole))
    report = streaming.report
    assert report["what"].str.contains("one name too many").sum() == 5
    assert (report["kind"] == "unreadable").sum() == 1
