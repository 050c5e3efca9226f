"""Real, messy events of several stations: what is cut, what is left out, and that it is said."""

import numpy as np
import pytest
from obspy import Trace, UTCDateTime

from seisclf.datasets import load_esec
from seisclf.datasets._esec import site_names

ORIGIN = UTCDateTime(2015, 6, 1, 12)
COLUMNS = "eventid|starttime|endtime|latitude|longitude|name|type|subtype|volume"
LINES = (
    "7|2015_06_01 120000|2015_06_01 120100|46.0|7.0|First|rock slide|"
    "Rock/ice/debris avalanches and slides|1000",
    "8|2015_06_02 120000|2015_06_02 120030|46.05|7.0|Second|rock fall|Rock/debris falls|",
    "9|2015_06_01 110000|2015_06_01 110100|60.0|-140.0|Mine|collapse|mine collapse|",
    "11|2016_01_01 000000|2016_01_01 000100|0.0|0.0|No files|rock fall|Rock/debris falls|",
)


class _Folder:
    """Writes channels into a folder of the form of the published one."""

    def __init__(self, path):
        self.home = path
        self.folder = path / "esec"
        (self.folder / "waveforms").mkdir(parents=True)
        text = "\n".join([COLUMNS, *LINES]) + "\n"
        (self.folder / "IRISExoticEventCatalog.txt").write_text(text, encoding="utf-8")

    def write(self, event, id, function, *, rate=40.0, first=-70.0, last=110.0, origin=ORIGIN):
        """One channel; `function` of the seconds after the origin time."""
        t = np.arange(first, last, 1 / rate)
        network, station, location, channel = id.split(".")
        header = {"network": network, "station": station, "location": location}
        header |= {"channel": channel, "sampling_rate": rate, "starttime": origin + first}
        place = self.folder / "waveforms" / str(event)
        place.mkdir(exist_ok=True)
        data = np.round(function(t)).astype(np.int32)
        path = place / f"{id}.{first:g}.mseed"
        Trace(data, header).write(str(path), format="MSEED")
        return path

    def station(self, event, name, amplitude, *, codes=("BHZ", "BHN", "BHE"), **kwargs):
        rng = np.random.default_rng(len(name))
        for code in codes:

            def signal(t):
                return rng.normal(0, np.where(t > 0, 100 * amplitude, 100), len(t))

            self.write(event, f"{name}..{code}", signal, **kwargs)


@pytest.fixture
def folder(tmp_path):
    return _Folder(tmp_path)


def _fate(bunch, trace):
    (fate,) = bunch.report.loc[bunch.report["trace"] == trace, "fate"]
    return fate


def test_stations_by_signal_to_noise_and_what_is_left_out_is_said(folder):
    folder.station(7, "AA.WEAK", 2)
    folder.station(7, "AA.LOUD", 50)
    folder.station(7, "AA.FAIR", 10)
    events = load_esec(folder.home, n_stations=2)
    assert events.data.shape == (1, 2, 3, 3600)
    assert events.data.dtype == np.float32
    assert events.stations["station"].tolist() == ["AA.LOUD", "AA.FAIR"]
    assert events.stations["snr_db"][0] == pytest.approx(20 * np.log10(50), abs=1)
    assert len(events.report) == 9
    assert _fate(events, "AA.WEAK..BHZ") == "left out: the event has n_stations others"
    assert _fate(events, "AA.LOUD..BHE") == "used"
    by_name = load_esec(folder.home, n_stations=None, station_order="name")
    assert by_name.data.shape == (1, 3, 3, 3600)
    assert by_name.stations["station"].tolist() == ["AA.FAIR", "AA.LOUD", "AA.WEAK"]


def test_a_complete_station_goes_before_a_loud_one(folder):
    folder.station(7, "AA.LOUD", 50, codes=("BHZ",))
    folder.station(7, "AA.FAIR", 10, codes=("BHZ", "BH1", "BH2"))
    events = load_esec(folder.home, n_stations=3)
    assert events.stations["station"].tolist() == ["AA.FAIR", "AA.LOUD"]
    assert events.stations["channels"].tolist() == [".BHZ,.BH1,.BH2", ".BHZ"]
    missing = np.isnan(events.data).all(axis=-1)
    assert missing.tolist() == [[[False] * 3, [False, True, True], [True] * 3]]
    assert np.array_equal(np.isnan(events.data).any(axis=-1), missing)
    horizontal = events.report.set_index("trace").loc["AA.FAIR..BH1", "notes"]
    assert "1 stands for N, not rotated" in horizontal


def test_one_window_around_the_origin_at_one_rate(folder):
    def wave(t):
        return 1e6 * np.sin(2 * np.pi * 1.5 * t) + 1e6 * (np.abs(t - 3) < 1)

    # Records that begin at other times and have other rates give the same samples.
    folder.write(7, "AA.A..BHZ", wave, rate=20, first=-70)
    folder.write(7, "AA.B..HHZ", wave, rate=100, first=-260)
    folder.write(7, "AA.C..HHZ", wave, rate=50, first=-90.5)
    events = load_esec(
        folder.home, n_stations=3, components="Z", start=-20, duration=60, station_order="name"
    )
    assert events.data.shape == (1, 3, 1, 1200)
    t = np.arange(1200) / 20 - 20
    smooth = np.abs(np.abs(t - 3) - 1) > 1  # away from the steps, which the filter rounds
    for trace in events.data[0, :, 0]:
        assert np.abs(trace - wave(t))[smooth].max() < 2e4
    assert events.metadata["start_time"][0].isoformat() == "2015-06-01T11:59:40+00:00"
    assert events.metadata["end_time"][0].isoformat() == "2015-06-01T12:00:40+00:00"
    assert events.metadata["event_start"][0] == 20
    assert events.metadata["event_end"][0] == 80  # the catalogue's end, after the window's


def test_frequencies_above_the_new_rate_do_not_fold_back(folder):
    folder.write(
        7, "AA.A..HHZ", lambda t: 1e5 * np.sin(2 * np.pi * 17 * t), rate=100.0, first=-90, last=130
    )
    events = load_esec(folder.home, components="Z")
    assert np.abs(events.data[0, 0]).max() < 1e3


def test_gaps_dead_and_broken_files(folder):
    noise = np.random.default_rng(0)

    def draw(t):
        return noise.normal(0, 100, len(t))

    folder.write(7, "AA.A..BHZ", draw, last=10.0)
    folder.write(7, "AA.A..BHZ", draw, first=10.5)  # half a second is closed
    folder.write(7, "AA.A..BHN", draw, last=10.0)
    folder.write(7, "AA.A..BHN", draw, first=13.0)  # three seconds are not
    folder.write(7, "AA.A..BHE", lambda t: np.full(len(t), 5.0))
    folder.write(7, "AA.B..BHZ", draw, first=-40)  # begins too late
    (folder.folder / "waveforms" / "7" / "torn.mseed").write_bytes(b"nothing")
    (folder.folder / "waveforms" / "stranger").mkdir()
    (folder.folder / "waveforms" / "stranger" / "a.mseed").write_bytes(b"nothing")
    events = load_esec(folder.home, n_stations=1)
    fates = events.report.drop_duplicates("trace").set_index("trace")["fate"]
    assert fates["AA.A..BHZ"] == "used, 0.5 s interpolated"
    assert fates["AA.A..BHN"] == "left out: 3 s of the window are not recorded"
    assert fates["AA.A..BHE"] == "left out: constant"
    assert fates["AA.B..BHZ"] == "left out: 30 s of the window are not recorded"
    assert len(events.report) == 8
    broken = events.report[events.report["trace"] == ""].set_index("file")["fate"]
    assert broken["torn.mseed"].startswith("left out: cannot be read")
    assert broken["a.mseed"] == "left out: no such event in the catalogue"
    assert np.isnan(events.data[0, 0]).all(axis=-1).tolist() == [False, True, True]
    assert load_esec(folder.home, max_gap=3.0).stations["n_components"][0] == 2


def test_of_two_instruments_the_one_with_the_rate_is_taken(folder):
    folder.station(7, "AA.A", 10, codes=("BHZ", "BHN", "BHE"), rate=20.0)
    folder.station(7, "AA.A", 10, codes=("HHZ", "HHN", "HHE"), rate=100.0)
    events = load_esec(folder.home)
    assert events.stations["channels"].tolist() == [".BHZ,.BHN,.BHE"]
    assert _fate(events, "AA.A..HHZ") == "left out: another channel of the station is used"
    fast = load_esec(folder.home, sampling_rate=100.0)
    assert fast.stations["channels"].tolist() == [".HHZ,.HHN,.HHE"]
    folder.station(7, "AA.SLOW", 10, rate=20.0)
    fast = load_esec(folder.home, sampling_rate=100.0)
    assert _fate(fast, "AA.SLOW..BHZ") == "used, recorded at 20 Hz only"


def test_classes_order_of_time_and_small_classes(folder):
    folder.station(7, "AA.A", 10)
    folder.station(8, "AA.A", 10, origin=ORIGIN + 86400)
    folder.station(9, "AA.A", 10, origin=ORIGIN - 3600)
    events = load_esec(folder.home)
    assert events.target.tolist() == ["collapse", "avalanche", "fall"]
    assert events.metadata["event_id"].tolist() == ["9", "7", "8"]
    assert events.metadata["site"].tolist() == ["site 1", "site 2", "site 2"]
    assert events.metadata["name"].tolist() == ["Mine", "First", "Second"]
    assert events.metadata["volume"][1] == 1000
    with pytest.raises(ValueError, match="nothing was recorded"):
        load_esec(folder.home, min_class_size=2)
    folder.station(11, "AA.A", 10, origin=UTCDateTime(2016, 1, 1))
    two = load_esec(folder.home, min_class_size=2)
    assert two.target.tolist() == ["fall", "fall"]
    assert len(two.report) == 12
    gone = two.report[two.report["event_id"] == "9"]["fate"]
    assert gone.str.contains("'collapse' has fewer").all()
    X, y = load_esec(folder.home, return_X_y=True)
    assert X.shape == (4, 8, 3, 3600) and len(y) == 4


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"n_stations": 0}, "n_stations"),
        ({"sampling_rate": 0}, "sampling_rate"),
        ({"duration": -1}, "duration"),
        ({"duration": 0.01}, "less than one sample"),
        ({"station_order": "distance"}, "station_order"),
        ({"max_gap": -1}, "max_gap"),
        ({"min_class_size": 0}, "min_class_size"),
        ({"start": 500}, "nothing was recorded"),
        ({"start": np.nan}, "start"),
    ],
)
def test_parameters(folder, parameters, match):
    folder.station(7, "AA.A", 10)
    with pytest.raises(ValueError, match=match):
        load_esec(folder.home, **parameters)


def test_error_says_what_to_set(tmp_path, monkeypatch):
    monkeypatch.delenv("SEISCLF_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match="SEISCLF_DATA"):
        load_esec()
    with pytest.raises(FileNotFoundError, match=r"there is no .*IRISExoticEventCatalog.txt"):
        load_esec(tmp_path)


def test_places_that_touch_are_one():
    # 9 km apart each: the first and the third are one by way of the second.
    latitude = np.array([46.0, 46.081, 46.162, 47.0])
    assert site_names(latitude, np.full(4, 7.0)) == ["site 1", "site 1", "site 1", "site 2"]
    # A degree of longitude is short near the pole, and -180 is 180.
    assert site_names(np.array([89.9, 89.9]), np.array([0.0, 20.0])) == ["site 1", "site 1"]
    assert site_names(np.zeros(2), np.array([-179.99, 179.99])) == ["site 1", "site 1"]


def test_the_published_set(data_dir):
    if not (data_dir / "esec").is_dir():
        pytest.skip("SEISCLF_DATA has no folder esec")
    events = load_esec(data_dir, min_class_size=5)
    assert events.data.shape == (172, 8, 3, 3600)
    names, counts = np.unique(events.target, return_counts=True)
    assert dict(zip(names, counts, strict=True)) == {
        "avalanche": 92,
        "fall": 34,
        "flow": 31,
        "snow avalanche": 15,
    }
    assert len(events.report) == 2418
    assert (events.report["fate"] == "used").sum() == (~np.isnan(events.data[..., 0])).sum()
    missing = np.isnan(events.data)
    assert np.array_equal(missing.any(axis=-1), missing.all(axis=-1))
    assert not missing.all(axis=(1, 2, 3)).any()
    assert events.metadata["start_time"].is_monotonic_increasing
    assert events.metadata["n_stations"].between(1, 8).all()
    assert len(events.stations) == events.metadata["n_stations"].sum()
    # Most events are louder after their origin time than before it.
    assert events.metadata["snr_db"].median() > 6
