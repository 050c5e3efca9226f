"""from_streams: what comes out of tidy streams, and what is said about untidy ones."""

import numpy as np
import pytest
from obspy import Stream, Trace, UTCDateTime, read

from seisclf.datasets import from_streams

START = UTCDateTime("2020-01-01T00:00:00")


def station(name="XX.STA", channels=("HHZ", "HHN", "HHE"), *, n=500, rate=100.0, offset=0.0):
    """Three components that count up, each from another hundred thousand."""
    network, code = name.split(".")
    traces = []
    for k, channel in enumerate(channels):
        header = {
            "network": network,
            "station": code,
            "channel": channel,
            "sampling_rate": rate,
            "starttime": START + offset,
        }
        traces.append(Trace(np.arange(n) + 1e5 * k, header))
    return Stream(traces)


def cut_hole(stream, begin, end):
    stream = stream.copy()
    return stream.cutout(START + begin, START + end)


def test_events_with_labels():
    streams = {"a": station(), "b": station(offset=60.0)}
    events = from_streams(streams, target=["rockfall", "noise"])
    assert events.data.shape == (2, 3, 500)
    assert events.data.dtype == np.float32
    np.testing.assert_array_equal(events.data[1, 2], np.arange(500) + 2e5)
    assert events.valid.all()
    table = events.metadata
    assert table["event_id"].tolist() == ["a", "b"]
    assert table["channels"].tolist() == ["HHZ,HHN,HHE"] * 2
    assert (table["end_time"] - table["start_time"]).dt.total_seconds().tolist() == [5.0, 5.0]
    assert events.report.empty
    X, y = from_streams(streams, target=["rockfall", "noise"], return_X_y=True)
    assert X.shape == (2, 3, 500)
    assert y.tolist() == ["rockfall", "noise"]


@pytest.mark.parametrize(
    "channels", [("EW", "NS", "UD"), ("hhe", "hhn", "hhz"), ("HH2", "HH1", "HHZ")]
)
def test_channels_are_sorted_by_component(channels):
    events = from_streams([station(channels=channels)])
    np.testing.assert_array_equal(events.data[0, :, 0], [2e5, 1e5, 0])
    rotated = events.report["what"].str.contains("not rotated").sum()
    assert rotated == (2 if "HH2" in channels else 0)


def test_input_is_not_changed():
    stream = cut_hole(station(), 1, 2)
    before = stream.copy()
    from_streams([stream], gaps="zero")
    assert stream == before


def test_one_stream_is_refused():
    with pytest.raises(TypeError, match=r"\[stream\]"):
        from_streams(read())


@pytest.mark.parametrize(
    ("gaps", "expected"), [("zero", 0.0), ("nan", np.nan), ("interpolate", 150.0)]
)
def test_gaps(gaps, expected):
    stream = cut_hole(station(), 1, 2)
    with pytest.raises(ValueError, match="gap of 0.99 s at 1.01 s.*gaps='interpolate'"):
        from_streams([station(), stream])
    events = from_streams([station(), stream], gaps=gaps)
    np.testing.assert_array_equal(events.data[1, 0, 150], expected)
    assert events.valid[1, 0, 101:200].sum() == 0
    assert events.valid.sum() == events.valid.size - 3 * 99
    assert events.report["event"].tolist() == ["1"] * 3


def test_missing_components():
    streams = [station(), station(channels=["HHZ", "HHN"])]
    with pytest.raises(ValueError, match=r"event 1: XX.STA: component E missing \(there"):
        from_streams(streams)
    nan = from_streams(streams, missing="nan")
    assert np.isnan(nan.data[1, 2]).all()
    assert not nan.valid[1, 2].any()
    assert nan.metadata["n_components"].tolist() == [3, 2]
    assert not from_streams(streams, missing="zero").data[1, 2].any()
    assert from_streams(streams, components="ZN").data.shape == (2, 2, 500)


def test_rates_differ():
    streams = [station(), station(rate=50.0, n=250)]
    with pytest.raises(ValueError, match="3 traces at 100 Hz.*3 traces at 50 Hz.*resample=True"):
        from_streams(streams)
    with pytest.raises(ValueError, match="recorded at 50 Hz, not 100: give resample=True"):
        from_streams(streams, sampling_rate=100.0)
    events = from_streams(streams, sampling_rate=100.0, resample=True)
    assert events.data.shape == (2, 3, 500)
    # A ramp stays a ramp, half as steep, away from the ends.
    np.testing.assert_allclose(events.data[1, 0, 50:450], np.arange(50, 450) / 2, atol=0.05)
    assert (events.report["action"] == "resampled to 100 Hz").sum() == 3
    with pytest.raises(ValueError, match="sampling_rate to resample to"):
        from_streams(streams, resample=True)


def test_clock_errors_are_no_other_rate():
    events = from_streams([station(), station(rate=99.999992)])
    assert events.sampling_rate == 100.0
    assert (events.report["action"] == "taken as 100 Hz").all()


def test_lengths_differ():
    streams = [station(), station(n=700)]
    with pytest.raises(ValueError, match="5 s .* 7 s .*duration=5"):
        from_streams(streams)
    assert from_streams(streams, duration=5.0).data.shape == (2, 3, 500)
    # One sample more is what data centres send.
    events = from_streams([station(), station(n=501)])
    assert events.data.shape == (2, 3, 500)
    assert events.report["action"].tolist() == ["cut off"]


def test_windows():
    events = from_streams(
        [station(), station(offset=1.0)],
        starttime=[START + 2, "2020-01-01T00:00:03"],
        duration=1.5,
    )
    np.testing.assert_array_equal(events.data[:, 0, 0], [200, 200])
    assert events.data.shape == (2, 3, 150)
    with pytest.raises(ValueError, match="a gap of 1 s at 0 s"):
        from_streams([station()], starttime=START - 1, duration=3.0)


def test_windows_between_samples():
    events = from_streams([station()], starttime=START + 1.004, duration=1.0)
    np.testing.assert_array_equal(events.data[0, 0], np.arange(100, 200))
    assert events.report["what"].tolist() == ["samples lie -0.40 samples off the window's"] * 3
    # A record that begins a fraction late lacks the first sample: repeated, and said.
    late = station(offset=0.006)
    events = from_streams([late], starttime=START, duration=1.0)
    assert events.data[0, 0, :2].tolist() == [0.0, 0.0]
    assert "neighbour repeated" in events.report["action"].tolist()
    assert not events.valid[0, 0, 0]


def test_several_stations():
    streams = [
        station("XX.A") + station("XX.B"),
        station("XX.B"),
    ]
    with pytest.raises(ValueError, match="XX.A: station missing"):
        from_streams(streams)
    events = from_streams(streams, missing="nan")
    assert events.data.shape == (2, 2, 3, 500)
    assert np.isnan(events.data[1, 0]).all()
    assert events.metadata["n_stations"].tolist() == [2, 1]
    assert events.stations["station"].tolist() == ["XX.A", "XX.B"]
    one = from_streams(streams, stations="B")
    assert one.data.shape == (2, 3, 500)
    assert one.metadata["station"].tolist() == ["XX.B", "XX.B"]
    swapped = from_streams(streams, stations=["B", "A"], missing="zero")
    assert swapped.stations["station"].tolist() == ["XX.B", "XX.A"]
    assert not swapped.data[1, 1].any()


def test_rows_of_event_and_station():
    streams = {"e": station("XX.A") + station("XX.B"), "f": station("YY.B")}
    events = from_streams(streams, target=["quake", "noise"], as_rows=True)
    assert events.data.shape == (3, 3, 500)
    assert events.metadata["event_id"].tolist() == ["e", "e", "f"]
    assert events.target.tolist() == ["quake", "quake", "noise"]
    with pytest.raises(ValueError, match="ambiguous: XX.B, YY.B"):
        from_streams(streams, stations="B")


def test_two_instruments_are_never_mixed():
    """A complete one is taken; half of each would not be one sensor."""
    both = station(channels=("BHZ", "BHN", "BHE"), rate=50.0, n=250) + station(channels=["HHZ"])
    events = from_streams([both])
    assert events.sampling_rate == 50.0
    assert "also recorded as XX.STA..HHZ" in events.report["what"].tolist()
    mixed = station(channels=["BHZ"]) + station(channels=["HHN", "HHE"])
    with pytest.raises(ValueError, match="component Z missing"):
        from_streams([mixed])
    # Of two complete ones that with the rate asked for.
    two = station(channels=("BHZ", "BHN", "BHE"), rate=50.0, n=250) + station()
    assert from_streams([two], sampling_rate=50.0).metadata["channels"][0] == "BHZ,BHN,BHE"


def test_metadata_is_kept():
    import pandas as pd

    given = pd.DataFrame({"event_id": ["x"], "magnitude": [1.5], "p_onset": [2.0], "note": ["n"]})
    events = from_streams([station()], metadata=given)
    assert events.metadata["event_id"].tolist() == ["x"]
    assert events.arrivals["P"].tolist() == [2.0]
    assert events.metadata["note"].tolist() == ["n"]
    with pytest.raises(ValueError, match="metadata has 1 rows for 2 streams"):
        from_streams([station(), station()], metadata=given)


def test_all_failing_events_are_told_at_once():
    streams = [station(channels=["HHZ"])] * 7 + [station()]
    with pytest.raises(ValueError, match="7 of 8 events cannot be cut") as error:
        from_streams(streams)
    assert str(error.value).count("- event") == 5
    assert "and 2 more" in str(error.value)


@pytest.mark.parametrize(
    "params",
    [
        {"gaps": "skip"},
        {"missing": "pad"},
        {"duration": 0},
        {"components": "ZZ"},
        {"sampling_rate": -1.0},
    ],
)
def test_bad_parameters_are_named(params):
    with pytest.raises(ValueError, match=next(iter(params))):
        from_streams([station()], **params)


def test_four_stations_from_obspy():
    """BW.UH1 to UH4: verticals for four minutes, one station at another rate."""
    from obspy.core.util.base import get_example_file

    stream = Stream()
    for name in ("UH1._.SHZ", "UH2._.SHZ", "UH3._.SHZ", "UH4._.EHZ"):
        code, _, channel = name.partition("._.")
        stream += read(get_example_file(f"BW.{code}._.{channel}.D.2010.147.cut.slist.gz"))
    start = UTCDateTime("2010-05-27T16:24:33")
    events = from_streams(
        [stream],
        starttime=start - 2,
        duration=10.0,
        components="Z",
        sampling_rate=100.0,
        resample=True,
    )
    assert events.data.shape == (1, 4, 1, 1000)
    assert events.stations["station"].tolist() == ["BW.UH1", "BW.UH2", "BW.UH3", "BW.UH4"]
    assert events.valid.all()
