"""The Åknes set: downloaded, read once, mapped from disk; damage is said."""

import hashlib
import json
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from seisclf.datasets import _aknes_convert, _aknes_files, fetch_aknes


class _Figshare(SimpleHTTPRequestHandler):
    """Two addresses for each file; the first is closed if `blocked`."""

    asked: list[str] = []
    blocked = False

    def do_GET(self):
        self.asked.append(self.path)
        if self.path.startswith("/api/") and self.blocked:
            self.send_response(202)  # what a program gets that should show it is a browser
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.path = self.path.replace("/api/", "/files/")
        super().do_GET()

    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Figshare, here; the folder of its files and what it was asked."""
    remote = tmp_path / "remote"
    (remote / "files").mkdir(parents=True)
    _Figshare.asked, _Figshare.blocked = [], False
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Figshare, directory=str(remote)))
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    url = f"http://127.0.0.1:{httpd.server_port}"
    monkeypatch.setattr(_aknes_files, "API", f"{url}/article.json")
    monkeypatch.setattr(_aknes_files, "DOWNLOAD", url + "/api/{id}")
    monkeypatch.delenv("SEISCLF_DATA", raising=False)
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / "cache" / project)

    def publish(path, name="aknes_DataSamples.zip", **changes):
        shutil.copy(path, remote / "files" / "77")
        file = {"id": 77, "name": name, "download_url": f"{url}/files/77"}
        file["computed_md5"] = hashlib.md5(path.read_bytes()).hexdigest()
        article = {"files": [file | changes]}
        (remote / "article.json").write_text(json.dumps(article))

    yield publish
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def _channel_means(bunch):
    return bunch.data.mean(axis=-1)


def test_labelled_events_first_mapped_from_disk(aknes):
    events = fetch_aknes(aknes.home)
    assert isinstance(events.data, np.memmap)
    assert events.data.shape == (4, 24, 16_000)
    assert events.data.dtype == np.float32
    assert not events.data.flags.writeable
    assert events.target.tolist() == ["Regional", "Slope_HF", "Noise", "-1"]
    table = events.metadata
    assert table["event_id"].tolist() == [
        "2007_034_45_1",
        "2010_027_54_2",
        "2016_060_36_3",
        "2021_001_01_4",
    ]
    assert table["year"].tolist() == [2007, 2010, 2016, 2021]
    assert table["start_time"][0].isoformat() == "2007-02-03T06:22:35+00:00"
    assert table["end_time"][0].isoformat() == "2007-02-03T06:22:51+00:00"
    assert table["delay"].tolist() == [-3.0] * 4
    assert table["published_class"].tolist()[-1] == "Unlabeled"
    assert np.allclose(_channel_means(events), np.arange(1, 25), atol=0.01)
    assert events.sampling_rate == 1000.0
    assert len(events.report) == 0
    assert "MIT" in events.DESCR and "1 Slope_HF" in events.DESCR


def test_unlabelled_events(aknes):
    assert fetch_aknes(aknes.home, unlabelled="name").target.tolist()[-1] == "Unlabeled"
    X, y = fetch_aknes(aknes.home, unlabelled="drop", return_X_y=True)
    assert isinstance(X, np.memmap) and X.base is not None  # nothing was copied
    assert y.tolist() == ["Regional", "Slope_HF", "Noise"]


def test_files_are_read_once(aknes, monkeypatch):
    first = fetch_aknes(aknes.home)
    monkeypatch.setattr(_aknes_convert, "read_event", None)
    again = fetch_aknes(aknes.home)
    assert np.array_equal(first.data, again.data)
    assert again.metadata.equals(first.metadata)
    # Another file is another set.
    monkeypatch.undo()
    aknes.write("2011_001_00_5", "Spike")
    assert len(fetch_aknes(aknes.home).data) == 5


def test_an_interrupted_reading_goes_on(aknes, monkeypatch):
    monkeypatch.setattr(_aknes_convert, "_BATCH", 1)
    read, calls = _aknes_convert.read_event, []

    def interrupted(file):
        calls.append(file.event_id)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return read(file)

    monkeypatch.setattr(_aknes_convert, "read_event", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch_aknes(aknes.home)
    (journal,) = (aknes.home / "aknes").glob("*.jsonl.part")
    with journal.open("a") as file:
        file.write('{"event_id": "torn')  # the machine went down in the middle of a line
    assert not list((aknes.home / "aknes").glob("*.npy"))
    events = fetch_aknes(aknes.home)
    assert calls[3:] == ["2016_060_36_3", "2021_001_01_4"]
    assert np.allclose(_channel_means(events), np.arange(1, 25), atol=0.01)
    assert events.metadata["event_id"].tolist() == [*calls[:2], *calls[3:]]
    left = [path.name for path in (aknes.home / "aknes").glob("*.part")]
    assert left == []


def test_in_parallel_and_elsewhere(aknes, tmp_path):
    events = fetch_aknes(aknes.home, n_jobs=2, cache=tmp_path / "elsewhere")
    assert np.allclose(_channel_means(events), np.arange(1, 25), atol=0.01)
    assert len(list((tmp_path / "elsewhere").glob("*.npy"))) == 1
    assert not list((aknes.home / "aknes").glob("*.npy"))


def test_no_room_and_no_permission(aknes, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage._replace(free=1_000_000))
    with pytest.raises(OSError, match="Give another folder as cache"):
        fetch_aknes(aknes.home, cache=tmp_path / "full")
    (tmp_path / "a file").write_text("")
    with pytest.raises(OSError, match="Give another folder as cache"):
        fetch_aknes(aknes.home, cache=tmp_path / "a file")


def test_the_zip_as_published_is_read_without_unpacking(aknes, tmp_path):
    home = tmp_path / "zipped"
    (home / "aknes").mkdir(parents=True)
    # Made under Windows; no name can lead out of the folder, for nothing is unpacked.
    aknes.zip(home / "aknes" / "any.zip", lambda name: "../../" + name.replace("/", "\\"))
    before = sorted(tmp_path.rglob("*.dat"))
    events = fetch_aknes(home)
    assert events.target.tolist() == ["Regional", "Slope_HF", "Noise", "-1"]
    assert np.allclose(_channel_means(events), np.arange(1, 25), atol=0.01)
    assert sorted(tmp_path.rglob("*.dat")) == before


def test_download_once(aknes, server, tmp_path):
    server(aknes.zip(tmp_path / "published.zip"))
    events = fetch_aknes()
    cache = tmp_path / "cache" / "seisclf" / "aknes"
    assert (cache / "aknes_DataSamples.zip").is_file()
    assert events.data.filename.parent == cache
    assert len(fetch_aknes().data) == 4
    assert _Figshare.asked == ["/article.json", "/api/77"]


def test_download_into_the_folder_given(aknes, server, tmp_path):
    server(aknes.zip(tmp_path / "published.zip"), name="../evil/DataSamples.zip")
    home = tmp_path / "empty"
    home.mkdir()
    assert len(fetch_aknes(home).data) == 4
    assert (home / "aknes" / "DataSamples.zip").is_file()
    assert not (tmp_path / "cache").exists()


def test_the_second_address_where_the_first_wants_a_browser(aknes, server, tmp_path):
    server(aknes.zip(tmp_path / "published.zip"))
    _Figshare.blocked = True
    assert len(fetch_aknes(tmp_path / "empty").data) == 4
    assert _Figshare.asked == ["/article.json", "/api/77", "/files/77"]


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"computed_md5": "0" * 32}, "hash"),
        ({"computed_md5": ""}, "no sum"),
        ({"name": "README.txt"}, "no zip archive any more, but README.txt"),
    ],
)
def test_something_else_is_refused(aknes, server, tmp_path, changes, match):
    server(aknes.zip(tmp_path / "published.zip"), **changes)
    with pytest.raises(OSError, match=match) as error:
        fetch_aknes(tmp_path / "empty")
    assert "https://doi.org/10.6084/m9.figshare.21340101" in str(error.value)
    assert not list((tmp_path / "empty").rglob("*.zip"))


def test_without_a_connection_the_error_says_what_to_do(server, tmp_path, monkeypatch):
    monkeypatch.setattr(_aknes_files, "API", "http://127.0.0.1:9/nobody")
    with pytest.raises(OSError, match="put them into"):
        fetch_aknes(tmp_path)


def test_the_array_outlives_the_archive(aknes, server, tmp_path, monkeypatch):
    monkeypatch.setattr("seisclf.datasets._aknes.N_PUBLISHED", 4)
    server(aknes.zip(tmp_path / "published.zip"))
    fetch_aknes()
    (tmp_path / "cache" / "seisclf" / "aknes" / "aknes_DataSamples.zip").unlink()
    assert fetch_aknes().target.tolist() == ["Regional", "Slope_HF", "Noise", "-1"]
    assert len(_Figshare.asked) == 2


def test_the_shared_folder_is_used_if_it_is_complete(aknes, server, tmp_path, monkeypatch):
    monkeypatch.setenv("SEISCLF_DATA", str(aknes.home))
    aknes.write_list()
    assert len(fetch_aknes().data) == 4
    assert list((tmp_path / "cache").rglob("*.npy"))  # it need not be ours to write to
    assert _Figshare.asked == []
    # An event of the list is not there: the set is somewhere else.
    server(aknes.zip(tmp_path / "published.zip"))
    aknes.write_list(extra=[("Spike/2007_001_00_9.dat", "Spike")])
    assert len(fetch_aknes().data) == 4
    assert _Figshare.asked == ["/article.json", "/api/77"]


def test_files_of_the_list_that_are_not_there(aknes):
    aknes.write_list(extra=[("Spike/2007_001_00_9.dat", "Spike")])
    with pytest.raises(ValueError, match=r"1 of 5 events .*2007_001_00_9 \(no file\).*bad_files"):
        fetch_aknes(aknes.home)
    events = fetch_aknes(aknes.home, bad_files="nan")
    assert len(events.data) == 4
    assert events.report["event"].tolist() == ["2007_001_00_9"]


def test_the_list_goes_before_the_folder_and_it_is_said(aknes):
    aknes.write_list(labels={"2010_027_54_2": "Slope_LF"})
    events = fetch_aknes(aknes.home)
    assert events.target.tolist() == ["Regional", "Slope_LF", "Noise", "-1"]
    assert events.report["what"].tolist() == ["in folder Slope_HF, listed as Slope_LF"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a.dat,Noise", "b.dat,"], "1 lines without fname or event, first line 3"),
        (["a.dat,Noise", ",Spike"], "1 lines without fname or event, first line 3"),
        (["Noise/a.dat,Noise", "Spike/a.dat,Spike"], "event a twice, as Noise and as Spike"),
    ],
)
def test_a_list_that_leaves_a_class_open_is_refused(tmp_path, lines, message):
    (tmp_path / "Noise").mkdir()
    (tmp_path / "Noise" / "a.dat").write_bytes(b"")
    (tmp_path / "data_dir.csv").write_text("\n".join(["fname,event", *lines]))
    with pytest.raises(ValueError, match=message):
        fetch_aknes(tmp_path, bad_files="nan")


def test_blanks_in_the_list_are_no_part_of_a_class(tmp_path):
    (tmp_path / "a.dat").write_bytes(b"")
    (tmp_path / "data_dir.csv").write_text("fname,event\n a.dat, Noise \n")
    assert fetch_aknes(tmp_path, bad_files="nan").target.tolist() == ["Noise"]


def test_damaged_files_are_named_and_the_rest_can_be_used(aknes):
    def some(n_traces=24, n_samples=16_000):
        return np.ones((n_traces, n_samples)) * np.arange(1, n_traces + 1)[:, None]

    short = list(some())
    short[4] = short[4][:12_000]
    aknes.write("2012_001_00_5", "Spike", short)
    aknes.write("2012_002_00_6", "Spike", some(22), numbers=[*range(1, 12), *range(14, 25)])
    aknes.write("2012_003_00_7", "Spike", some(), interval=0.002)
    path = aknes.write("2012_004_00_8", "Spike", some())
    path.write_bytes(path.read_bytes()[:1000])
    broken = some()
    broken[7, 100] = np.inf
    aknes.write("2012_005_00_9", "Spike", broken)
    with pytest.raises(ValueError, match=r"5 of 9 events .*2012_001_00_5 \(channel 5: 12000 samp"):
        fetch_aknes(aknes.home)
    events = fetch_aknes(aknes.home, bad_files="nan")
    row = {event: i for i, event in enumerate(events.metadata["event_id"])}
    missing = np.isnan(events.data)
    assert np.array_equal(missing.any(axis=-1), missing.all(axis=-1))
    missing = missing.all(axis=-1)
    assert np.flatnonzero(missing[row["2012_001_00_5"]]).tolist() == [4]
    assert np.flatnonzero(missing[row["2012_002_00_6"]]).tolist() == [11, 12]
    assert events.data[row["2012_002_00_6"], 13, 0] == 12  # at the place of its number
    assert missing[row["2012_003_00_7"]].all()
    assert missing[row["2012_004_00_8"]].all()
    assert np.flatnonzero(missing[row["2012_005_00_9"]]).tolist() == [7]
    assert not missing[[row["2007_034_45_1"], row["2021_001_01_4"]]].any()
    assert set(events.report["event"]) == {f"2012_00{k}_00_{k + 4}" for k in range(1, 6)}


def test_channel_numbers_in_another_order(aknes):
    data = np.arange(1, 25)[:, None] + np.zeros((24, 16_000))
    aknes.write("2012_001_00_5", "Spike", data, numbers=range(24, 0, -1))
    aknes.write("2012_002_00_6", "Spike", data, numbers=[1] * 24)
    events = fetch_aknes(aknes.home)
    row = {event: i for i, event in enumerate(events.metadata["event_id"])}
    assert events.data[row["2012_001_00_5"], :, 0].tolist() == list(range(24, 0, -1))
    assert events.data[row["2012_002_00_6"], :, 0].tolist() == list(range(1, 25))


def test_times_that_are_not_known_or_do_not_fit(aknes):
    aknes.write("2012_001_00_5", "Spike", date=None)
    aknes.write("2012_002_00_6", "Spike", date="03/Jan/2012")
    events = fetch_aknes(aknes.home)
    times = events.metadata.set_index("event_id")["start_time"]
    assert times.isna().tolist() == [e == "2012_001_00_5" for e in times.index]
    assert set(events.report["event"]) == {"2012_001_00_5", "2012_002_00_6"}
    assert "the file name's 2012_002" in " ".join(events.report["what"])


def test_one_event_twice(aknes):
    shutil.copytree(aknes.samples, aknes.home / "aknes" / "copy")
    events = fetch_aknes(aknes.home)
    assert len(events.data) == 4
    assert events.report["what"].tolist() == ["the event is there twice"] * 4
    shutil.move(
        aknes.home / "aknes" / "copy" / "Noise" / "2016_060_36_3.dat",
        aknes.home / "aknes" / "copy" / "Regional",
    )
    with pytest.raises(ValueError, match="2016_060_36_3 is there twice, as"):
        fetch_aknes(aknes.home)


def test_parameters(aknes):
    with pytest.raises(ValueError, match="unlabelled must be one of"):
        fetch_aknes(aknes.home, unlabelled=True)
    with pytest.raises(ValueError, match="bad_files must be one of"):
        fetch_aknes(aknes.home, bad_files="drop")
    (aknes.home / "aknes" / "torn.zip").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"torn.zip is no zip archive"):
        fetch_aknes(aknes.home)


def test_the_event_that_is_published_alone(data_dir, tmp_path):
    folder = data_dir / "aknes"
    if not (folder / "2007_034_45_117472.dat").is_file():
        pytest.skip("SEISCLF_DATA has no Åknes event")
    table = _aknes_files._read_list(folder, [])
    assert len(table) == 3429
    counts = dict(zip(*np.unique(list(table.values()), return_counts=True), strict=True))
    assert counts["Noise"] == 8 and counts["Unlabeled"] == 1611
    events = fetch_aknes(data_dir, cache=tmp_path, bad_files="nan")
    assert events.data.shape == (1, 24, 16_000)
    assert events.target.tolist() == ["Regional"]
    assert events.metadata["start_time"][0].isoformat() == "2007-02-03T06:22:35+00:00"
    assert events.metadata["shot"][0] == "117472"
    assert (events.report["what"] == "in the list, but there is no file").sum() == 3428
    assert np.allclose(events.data[0, 0, :3], [12.38434, 5.1043596, -1.628075])
