"""make_continuous_record: the catalogue says what is in the waveforms."""

import numpy as np
import pandas as pd
import pytest

from seisclf.datasets import make_continuous_record, make_seismic_events


@pytest.fixture(scope="module")
def record():
    return make_continuous_record(
        duration=1200, n_stations=3, event_rate=40, gaps=3, snr_db=15, random_state=0
    )


def trace_at(record, station, onset):
    """The vertical trace that holds a time, and the sample of it."""
    network, code = station.split(".")
    for trace in record.stream.select(network=network, station=code, component="Z"):
        sample = (onset - pd.Timestamp(str(trace.stats.starttime))).total_seconds() * 100
        if 0 <= sample < len(trace):
            return trace, round(sample)
    return None, None


def test_traces_have_codes_times_and_coordinates(record):
    assert {trace.id.split(".")[3][-1] for trace in record.stream} == set("ZNE")
    assert {f"{t.stats.network}.{t.stats.station}" for t in record.stream} == set(
        record.stations["station"]
    )
    for trace in record.stream:
        assert trace.data.dtype == np.float32
        row = record.stations.set_index("station").loc[
            f"{trace.stats.network}.{trace.stats.station}"
        ]
        assert trace.stats.coordinates["latitude"] == row["latitude"]
    merged = record.stream.copy().merge()
    assert len(merged) == 9
    assert all(str(trace.stats.starttime).startswith("2023-06-01T00:00:00") for trace in merged)
    assert all(trace.stats.npts == 120_000 for trace in merged)


def test_gaps_are_where_the_table_says(record):
    assert len(record.gaps) == 9
    for station, own in record.gaps.groupby("station"):
        code = station.split(".")[1]
        found = record.stream.select(station=code, component="Z").get_gaps()
        assert len(found) == 3
        for gap, (_, row) in zip(found, own.iterrows(), strict=True):
            end = pd.Timestamp(str(gap[5]))
            assert abs((end - row["end"]).total_seconds()) < 0.011
            missing = (row["end"] - row["start"]).total_seconds()
            assert gap[6] == pytest.approx(missing, abs=0.021)


def test_no_gaps_unless_asked():
    record = make_continuous_record(duration=120, n_stations=2, event_rate=1, random_state=0)
    assert len(record.stream) == 6
    assert len(record.gaps) == 0
    assert not record.stream.get_gaps()


def test_catalog_is_in_order_and_inside_the_record(record):
    catalog = record.catalog
    assert set(catalog["class"]) <= {"earthquake", "quake", "rockfall"}
    assert str(catalog["onset"].dtype) == "datetime64[ns, UTC]"
    assert catalog["onset"].is_monotonic_increasing
    assert (catalog["end"] > catalog["onset"]).all()
    assert (catalog["onset"].to_numpy()[1:] >= catalog["end"].to_numpy()[:-1]).all()
    begin = pd.Timestamp("2023-06-01", tz="UTC")
    assert catalog["onset"].min() >= begin
    assert catalog["end"].max() <= begin + pd.Timedelta("1200s")
    assert catalog["event_id"].is_unique


def test_energy_rises_at_the_picks(record):
    ratios = []
    for _, event in record.catalog.iterrows():
        for station in record.stations["station"]:
            onset = event[f"P_{station}"]
            if event["class"] == "rockfall":
                assert pd.isna(onset) and pd.isna(event[f"S_{station}"])
                continue
            assert onset >= event["onset"]
            assert event[f"S_{station}"] > onset
            trace, sample = trace_at(record, station, onset)
            last = int((event["end"] - onset).total_seconds() * 100)
            if trace is None or sample < 300 or sample + last > len(trace):
                continue  # a gap is there
            x = np.diff(trace.data.astype(float))
            before, after = x[sample - 300 : sample - 5], x[sample : sample + last]
            ratios.append((after**2).mean() / (before**2).mean())
    # 15 dB is the mean of the stations: the farthest may see little.
    assert len(ratios) >= 10
    assert np.mean(np.array(ratios) > 1) > 0.85
    assert np.median(ratios) > 3


def test_rockfalls_are_in_the_waveforms_too(record):
    ratios = []
    for _, event in record.catalog[record.catalog["class"] == "rockfall"].iterrows():
        for station in record.stations["station"]:
            trace, a = trace_at(record, station, event["onset"])
            length = int((event["end"] - event["onset"]).total_seconds() * 100)
            if trace is None or a < 500 or a + length > len(trace):
                continue
            x = np.diff(trace.data.astype(float))
            ratios.append((x[a : a + length] ** 2).mean() / (x[a - 500 : a] ** 2).mean())
    assert np.median(ratios) > 3


def test_noise_between_pieces_has_no_seams():
    quiet = make_continuous_record(
        duration=600, n_stations=1, event_rate=0, classes=["spike"], random_state=1
    )
    x = quiet.stream[0].data.astype(float)
    jumps = np.abs(np.diff(x)) / np.diff(x).std()
    seams = np.arange(3000, 60_000 - 10, 3000)[:, None] + np.arange(-5, 5)
    assert np.median(jumps[seams].max(axis=1)) < 6


def test_same_seed_same_record_and_the_ground_of_the_events():
    params = dict(duration=120, n_stations=2, random_state=3)
    a, b = make_continuous_record(**params), make_continuous_record(**params)
    for one, other in zip(a.stream, b.stream, strict=True):
        np.testing.assert_array_equal(one.data, other.data)
    pd.testing.assert_frame_equal(a.catalog, b.catalog)
    events = make_seismic_events(4, n_stations=2, n_samples=200, random_state=3)
    pd.testing.assert_frame_equal(a.stations, events.stations.iloc[:2])
    second = make_continuous_record(**params, site=1)
    assert list(second.stations["site"]) == ["site_02"] * 2


def test_record_survives_miniseed(record, tmp_path):
    from obspy import read

    record.stream.write(tmp_path / "record.mseed", format="MSEED")
    again = read(tmp_path / "record.mseed").sort()
    assert len(again) == len(record.stream)
    for one, other in zip(again, record.stream.copy().sort(), strict=True):
        assert one.id == other.id
        np.testing.assert_array_equal(one.data, other.data)


def test_one_component_and_other_classes():
    record = make_continuous_record(
        duration=900, n_stations=1, n_components=1, sampling_rate=50, event_rate=30,
        classes=["car", "tremor", "spike", "machinery"], random_state=0,
    )  # fmt: skip
    assert len(record.stream) == 1
    assert record.stream[0].stats.channel[0] in "BS"
    assert record.stream[0].stats.npts == 45_000


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"classes": ["noise"]}, "must not hold 'noise'"),
        ({"site": 3}, "site must be in"),
        ({"gaps": 100}, "gaps must be"),
        ({"event_rate": -1}, "event_rate"),
        ({"event_rate": 500}, "do not fit .* lower event_rate=500"),
        ({"n_components": 2}, "n_components"),
    ],
)
def test_wrong_parameters_are_named(params, message):
    with pytest.raises(ValueError, match=message):
        make_continuous_record(**{"duration": 120, "random_state": 0, **params})
