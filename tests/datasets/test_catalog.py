"""events_from_catalog: catalogues and recordings of every kind that users have."""

import numpy as np
import pandas as pd
import pytest
from obspy import Stream, Trace, UTCDateTime, read
from obspy.clients.filesystem.sds import Client
from obspy.core.event import (
    Catalog,
    Event,
    Magnitude,
    Origin,
    Pick,
    ResourceIdentifier,
    WaveformStreamID,
)

from seisclf.datasets import events_from_catalog
from seisclf.io import Limits

START = UTCDateTime("2020-03-31T23:59:00")  # records that cross midnight and a month
WINDOW = {"before": 2.0, "after": 8.0}


@pytest.fixture
def record():
    """Two minutes at two stations; the value is the number of the sample."""
    stream = Stream()
    for station in ("A", "B"):
        for channel in ("HHZ", "HHN", "HHE"):
            header = {
                "network": "XX",
                "station": station,
                "channel": channel,
                "sampling_rate": 100.0,
                "starttime": START,
            }
            stream += Trace(np.arange(12000, dtype=np.int32), header)
    return stream


@pytest.fixture
def catalog():
    times = [START + 10, START + 55, START + 100, START + 9999]
    return pd.DataFrame(
        {
            "time": [str(t) for t in times],
            "class": ["rockfall", "earthquake", "noise", "noise"],
            "event_id": ["a", "b", "c", "d"],
            "remark": ["x", "y", "z", "-"],
        }
    )


def check(events):
    """The first three of the catalogue above, at two stations; the fourth lies outside."""
    assert events.data.shape == (3, 2, 3, 1000)
    np.testing.assert_array_equal(events.data[:, 0, 0, 0], [800, 5300, 9800])
    assert events.target.tolist() == ["rockfall", "earthquake", "noise"]
    assert events.metadata["event_id"].tolist() == ["a", "b", "c"]
    left_out = events.report[events.report["action"] == "event left out"]
    assert left_out["event"].tolist() == ["d"]
    assert "no waveforms" in left_out["what"].iloc[0]


def test_table_and_stream(record, catalog):
    events = events_from_catalog(catalog, record, **WINDOW)
    check(events)
    assert events.metadata["remark"].tolist() == ["x", "y", "z"]
    assert events.metadata["origin_time"][0] == pd.Timestamp("2020-03-31T23:59:10", tz="UTC")
    assert events.metadata["start_time"][0] == pd.Timestamp("2020-03-31T23:59:08", tz="UTC")
    X, y = events_from_catalog(catalog, record, return_X_y=True, **WINDOW)
    assert (len(X), y.tolist()) == (3, events.target.tolist())


def test_csv_and_folder_with_a_broken_file(record, catalog, tmp_path):
    (tmp_path / "data" / "deep").mkdir(parents=True)
    middle = START + 60
    for trace in record:
        for part, span in (("1", (START, middle - 0.01)), ("2", (middle, middle + 60))):
            name = f"{trace.id}.{part}.mseed"
            trace.slice(*span).write(str(tmp_path / "data" / "deep" / name), "MSEED")
    (tmp_path / "data" / "broken.mseed").write_bytes(b"not a waveform")
    catalog.to_csv(tmp_path / "events.csv", index=False)
    events = events_from_catalog(tmp_path / "events.csv", tmp_path / "data", **WINDOW)
    check(events)
    assert events.report["trace"].tolist()[0] == "broken.mseed"
    assert events.report["action"].tolist()[0] == "file left out"
    check(events_from_catalog(catalog, str(tmp_path / "data" / "*" / "XX.*.mseed"), **WINDOW))
    check(events_from_catalog(catalog, sorted((tmp_path / "data").rglob("XX*")), **WINDOW))
    with pytest.raises(ValueError, match="max_table_bytes=10"):
        small = Limits(max_table_bytes=10)
        events_from_catalog(tmp_path / "events.csv", record, limits=small, **WINDOW)
    with pytest.raises(FileNotFoundError, match="none of 13 files can be read"):
        small = Limits(max_file_bytes=100)
        events_from_catalog(catalog, tmp_path / "data", limits=small, **WINDOW)


def test_sds_archive_across_midnight(record, catalog, tmp_path):
    for trace in record:
        midnight = UTCDateTime("2020-04-01")
        for part in (trace.slice(endtime=midnight - 0.005), trace.slice(midnight)):
            s = part.stats
            folder = tmp_path / f"{s.starttime.year}" / s.network / s.station / f"{s.channel}.D"
            folder.mkdir(parents=True, exist_ok=True)
            day = f"{trace.id}.D.{s.starttime.year}.{s.starttime.julday:03d}"
            part.write(str(folder / day), "MSEED")
    check(events_from_catalog(catalog, Client(str(tmp_path)), **WINDOW))
    one = events_from_catalog(catalog, Client(str(tmp_path)), stations="XX.B", **WINDOW)
    assert one.data.shape == (3, 3, 1000)
    assert one.metadata["station"].tolist() == ["XX.B"] * 3


def test_a_failing_client_fails_event_by_event(record, catalog):
    class Moody:
        def get_waveforms(self, network, station, location, channel, starttime, endtime):
            if starttime < START + 30:
                raise ConnectionError("server is asleep")
            return record.slice(starttime, endtime)

    events = events_from_catalog(catalog, Moody(), **WINDOW)
    assert events.metadata["event_id"].tolist() == ["b", "c"]
    assert "server is asleep" in events.report["what"].iloc[0]


def test_a_source_for_each_event(record, catalog):
    sources = {"a": record, "b": record.select(station="A")}
    events = events_from_catalog(catalog, sources, as_rows=True, **WINDOW)
    assert events.metadata["event_id"].tolist() == ["a", "a", "b"]
    assert events.metadata["station"].tolist() == ["XX.A", "XX.B", "XX.A"]
    assert events.report["event"].tolist() == ["c", "d"]


def test_station_column_makes_rows(record, catalog):
    catalog["station"] = ["XX.A", "B", "XX.C", "A"]
    events = events_from_catalog(catalog, record, **WINDOW)
    assert events.data.shape == (2, 3, 1000)
    assert events.metadata["station"].tolist() == ["XX.A", "XX.B"]
    assert events.report["event"].tolist() == ["c", "d"]


def test_events_without_class_or_time_are_reported(record, catalog):
    catalog.loc[0, "class"] = None
    catalog.loc[1, "time"] = "yesterday"
    events = events_from_catalog(catalog, record, **WINDOW)
    assert events.metadata["event_id"].tolist() == ["c"]
    assert set(events.report["what"]) >= {"no class", "no time"}
    unlabelled = events_from_catalog(catalog.drop(columns="class"), record, **WINDOW)
    assert unlabelled.target is None
    assert len(unlabelled.data) == 2


def test_gaps_leave_the_event_out_or_are_filled(record, catalog):
    gappy = record.copy().cutout(START + 56, START + 57)
    events = events_from_catalog(catalog, gappy, **WINDOW)
    assert events.metadata["event_id"].tolist() == ["a", "c"]
    assert "gap of 0.99 s at 3.01 s" in events.report["what"].iloc[-1]
    filled = events_from_catalog(catalog, gappy, gaps="zero", **WINDOW)
    assert filled.metadata["event_id"].tolist() == ["a", "b", "c"]
    assert (~filled.valid[1]).sum() == 6 * 99


def test_nothing_at_all_raises_with_the_reasons(record, catalog):
    catalog["time"] = "1999-01-01T00:00:00"
    with pytest.raises(ValueError, match="none of the 4 events.*\n.*no waveforms"):
        events_from_catalog(catalog, record, **WINDOW)


def test_a_catalogue_without_events_says_so(record, catalog):
    with pytest.raises(ValueError, match="catalog has no events"):
        events_from_catalog(catalog.iloc[:0], record, **WINDOW)


def obspy_catalog():
    def event(name, time, kind, picks=()):
        return Event(
            resource_id=ResourceIdentifier(f"smi:local/{name}"),
            event_type=kind,
            origins=[Origin(time=time, latitude=46.0, longitude=7.0, depth=2000.0)],
            magnitudes=[Magnitude(mag=1.2)],
            picks=[
                Pick(
                    time=time + after,
                    phase_hint=phase,
                    waveform_id=WaveformStreamID(seed_string=f"XX.{station}..HHZ"),
                )
                for station, phase, after in picks
            ],
        )

    picks = [("A", "Pg", 0.5), ("A", "P", 0.7), ("B", "P", 0.9), ("A", "S", 1.5)]
    return Catalog(
        [
            event("one", START + 10, "earthquake", picks),
            event("two", START + 60, "landslide"),
        ]
    )


@pytest.mark.parametrize("as_file", [False, True])
def test_obspy_catalog_and_quakeml(record, tmp_path, as_file):
    catalog = obspy_catalog()
    for trace in record:
        trace.stats.coordinates = {"latitude": 46.1, "longitude": 7.0, "elevation": 900.0}
    if as_file:
        catalog.write(str(tmp_path / "events.xml"), "QUAKEML")
        catalog = tmp_path / "events.xml"
    events = events_from_catalog(catalog, record, as_rows=True, **WINDOW)
    assert events.target.tolist() == ["earthquake"] * 2 + ["landslide"] * 2
    table = events.metadata
    assert table["event_id"].tolist() == ["one", "one", "two", "two"]
    np.testing.assert_allclose(table["p_onset"], [2.5, 2.9, np.nan, np.nan])
    np.testing.assert_allclose(events.arrivals["S"], [3.5, np.nan, np.nan, np.nan])
    assert table["source_depth"].tolist() == [2.0] * 4
    assert table["magnitude"].tolist() == [1.2] * 4
    np.testing.assert_allclose(table["distance"], 11.1, atol=0.1)
    np.testing.assert_allclose(table["back_azimuth"], 180.0, atol=0.1)
    assert events.stations["elevation"].tolist() == [900.0, 900.0]
    named = events_from_catalog(obspy_catalog(), record, label=lambda e: "x", **WINDOW)
    assert set(named.target) == {"x"}


def test_bad_input_is_named(record, catalog, tmp_path):
    with pytest.raises(ValueError, match="no column of times"):
        events_from_catalog(catalog.drop(columns="time"), record, **WINDOW)
    with pytest.raises(ValueError, match="label='kind'"):
        events_from_catalog(catalog, record, label="kind", **WINDOW)
    with pytest.raises(TypeError, match="waveforms must be"):
        events_from_catalog(catalog, 7, **WINDOW)
    with pytest.raises(TypeError, match="catalog must be"):
        events_from_catalog(7, record, **WINDOW)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        events_from_catalog(catalog, tmp_path / "nowhere", **WINDOW)
    with pytest.raises(FileNotFoundError, match="no files match"):
        events_from_catalog(catalog, str(tmp_path / "*.sac"), **WINDOW)
    with pytest.raises(ValueError, match="before \\+ after"):
        events_from_catalog(catalog, record, before=1.0, after=-1.0)


def test_inventory_gives_coordinates():
    from obspy import read_inventory

    stream = read()
    catalog = pd.DataFrame({"time": [str(stream[0].stats.starttime + 5)], "class": ["quake"]})
    events = events_from_catalog(
        catalog, stream, before=1.0, after=5.0, inventory=read_inventory()
    )
    assert events.metadata["station_latitude"][0] == pytest.approx(47.737, abs=0.01)


# Real and messy ----------------------------------------------------------------------------------


def test_esec(data_dir):
    """Mass movements at any number of stations, 20 to 200 Hz, traces missing here and there."""
    table = pd.read_csv(
        data_dir / "esec" / "IRISExoticEventCatalog.txt", sep="|", dtype={"eventid": str}
    )
    table["time"] = pd.to_datetime(table["starttime"], format="%Y_%m_%d %H%M%S", utc=True)
    there = {f.name for f in (data_dir / "esec" / "waveforms").iterdir()}
    table = table[table["eventid"].isin(there)].head(12)
    events = events_from_catalog(
        table[["eventid", "time", "subtype", "latitude", "longitude"]],
        {name: data_dir / "esec" / "waveforms" / name for name in table["eventid"]},
        label="subtype",
        before=60.0,
        after=100.0,
        sampling_rate=40.0,
        resample=True,
        as_rows=True,
        missing="nan",
        gaps="interpolate",
    )
    assert events.metadata["event_id"].nunique() == 12
    assert len(events.data) > 30
    missing = np.isnan(events.data).all(axis=2)
    np.testing.assert_array_equal(3 - missing.sum(axis=1), events.metadata["n_components"])
    assert np.isfinite(events.data[~missing]).all()


def test_luhu_hour(data_dir):
    """SAC files of five stations; the minutes overlap whole hours."""
    folder = data_dir / "luhu" / "sac_2020.088.13"
    start = read(str(folder / "TW.LH01.EHZ.00.2020.088.13.sac"), headonly=True)[0].stats.starttime
    catalog = pd.DataFrame({"time": [start + 700, start + 1500], "class": ["a", "b"]})
    events = events_from_catalog(catalog, folder, before=10.0, after=50.0, missing="nan")
    assert events.data.shape == (2, 5, 3, 6000)
    assert events.sampling_rate == 100.0
    assert events.stations["station"].str.endswith(("LH01", "LH02", "LH03", "LH04", "LH05")).all()
    trace = read(str(folder / "TW.LH02.EHN.00.2020.088.13.sac"))[0]
    at = round((start + 690 - trace.stats.starttime) * 100)
    np.testing.assert_array_equal(events.data[0, 1, 1], trace.data[at : at + 6000])
