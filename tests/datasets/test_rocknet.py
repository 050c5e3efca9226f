"""What RockNet's authors published: found on disk, downloaded with a check, read."""

import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from seisclf.datasets import (
    _rocknet,
    fetch_rocknet_weights,
    load_luhu_hour,
    load_rocknet_scores,
)
from seisclf.datasets._rocknet_files import BASE_URL, FOLDERS, SHA256

WEIGHTS = "rocknet/net_fusion_RF_60s/train.hdf5"


class _Counting(SimpleHTTPRequestHandler):
    asked: list[str] = []

    def do_GET(self):
        self.asked.append(self.path)
        super().do_GET()

    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """The authors' repository, here, with other content."""
    remote = tmp_path / "remote"
    file = remote / "trained_model" / "net_fusion_RF_60s" / "train.hdf5"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"weights")
    _Counting.asked = []
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Counting, directory=str(remote)))
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    monkeypatch.setattr(_rocknet, "BASE_URL", f"http://127.0.0.1:{httpd.server_port}/")
    monkeypatch.delenv("SEISCLF_DATA", raising=False)
    yield _Counting.asked
    httpd.shutdown()
    thread.join()
    httpd.server_close()


@pytest.fixture
def known_sum(monkeypatch):
    monkeypatch.setitem(_rocknet.SHA256, WEIGHTS, hashlib.sha256(b"weights").hexdigest())


def test_download_once_into_the_folder_given(server, known_sum, tmp_path):
    home = tmp_path / "home"
    path = fetch_rocknet_weights(data_home=home)
    assert path == home / WEIGHTS
    assert path.read_bytes() == b"weights"
    assert fetch_rocknet_weights("association", data_home=home) == path
    assert server == ["/trained_model/net_fusion_RF_60s/train.hdf5"]


def test_download_into_the_cache_without_a_folder(server, known_sum, tmp_path, monkeypatch):
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / "cache" / project)
    assert fetch_rocknet_weights() == tmp_path / "cache" / "seisclf" / WEIGHTS


def test_a_damaged_file_is_downloaded_again(server, known_sum, tmp_path):
    path = fetch_rocknet_weights(data_home=tmp_path)
    path.write_bytes(b"damaged")
    assert fetch_rocknet_weights(data_home=tmp_path).read_bytes() == b"weights"
    assert len(server) == 2


def test_something_else_under_the_url_is_refused(server, tmp_path):
    with pytest.raises(ValueError, match="hash"):
        fetch_rocknet_weights(data_home=tmp_path)
    assert not (tmp_path / WEIGHTS).exists()


def test_without_a_connection_the_error_says_where_to_put_the_file(server, tmp_path, monkeypatch):
    monkeypatch.setattr(_rocknet, "BASE_URL", _rocknet.BASE_URL + "elsewhere/")
    with pytest.raises(OSError, match=r"put it under rocknet/.*SEISCLF_DATA"):
        fetch_rocknet_weights(data_home=tmp_path)


def test_the_shared_folder_comes_first_but_not_with_another_file(
    server, known_sum, tmp_path, monkeypatch
):
    monkeypatch.setenv("SEISCLF_DATA", str(tmp_path))
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / "cache" / project)
    assert fetch_rocknet_weights() == tmp_path / "cache" / "seisclf" / WEIGHTS  # not there yet
    shared = tmp_path / WEIGHTS
    shared.parent.mkdir(parents=True)
    shared.write_bytes(b"weights")
    assert fetch_rocknet_weights() == shared
    shared.write_bytes(b"retrained")
    with pytest.raises(ValueError, match="not the published file"):
        fetch_rocknet_weights()
    assert len(server) == 1


def test_unknown_weights():
    with pytest.raises(ValueError, match="association_luhu"):
        fetch_rocknet_weights("fusion")


def test_every_file_has_a_url_at_a_fixed_commit():
    assert "4195a0728448465fedf9ffcb31a4cc7864dd3637" in BASE_URL
    assert len(SHA256) == 3 + 15 + 18 + 16
    assert {name.rpartition("/")[0] for name in SHA256} <= set(FOLDERS)
    assert all(len(value) == 64 for value in SHA256.values())


@pytest.mark.parametrize("name", ["association", "association_luhu", "waveform"])
def test_published_weights(data_dir, name):
    import h5py

    path = fetch_rocknet_weights(name)
    assert path.is_relative_to(data_dir)
    with h5py.File(path) as file:
        assert "model_weights" in file


def test_luhu_hour(data_dir):
    hour = load_luhu_hour()
    assert len(hour.stream) == len(hour.metadata) == 15
    assert [trace.id for trace in hour.stream[:3]] == [f"GG.LH01.10.EH{c}" for c in "ZNE"]
    assert all(trace.stats.npts == 480001 for trace in hour.stream)
    first = min(trace.stats.starttime for trace in hour.stream)
    assert hour.start_time - first == 600
    assert len(hour.functions) == 18
    assert len({trace.id for trace in hour.functions}) == 18
    assert all(trace.stats.npts == 372000 for trace in hour.functions)
    assert hour.functions[0].stats.starttime == hour.start_time - 60
    rockfall = hour.functions.select(station="RF", channel="occ")[0].data
    assert rockfall.max() > 0.75 and rockfall.dtype == np.float32
    channels = {t.stats.channel for t in hour.functions.select(station="LH03")}
    assert channels == {"P", "S", "eqM", "rfM"}
    assert "MIT" in hour.DESCR


def test_published_scores(data_dir):
    scores = load_rocknet_scores()
    for model in ("fusion", "waveform"):
        table = scores[model]
        counts = table["y_true"].value_counts().to_dict()
        assert counts == {"earthquake": 1581, "noise": 980, "rockfall": 218}
        assert table["station"].str.fullmatch(r"LH0\d").all()
        assert table["kind"].value_counts()[["car", "engineering"]].tolist() == [152, 828]
        known = table[table["kind"] == "earthquake"]
        assert (known["s_onset"] > known["p_onset"]).all()
        assert (known["p_pick"] - known["p_onset"]).abs().median() < 0.1
    for model in ("association", "association_luhu"):
        table = scores[model]
        counts = table["y_true"].value_counts().to_dict()
        assert counts == {"earthquake": 551, "noise": 346, "rockfall": 100}
        assert table.loc[table["y_true"] == "noise", "occurrence"].isna().all()
        late = table["occurrence_pick"] - table["occurrence"]
        assert late.abs().median() < 1
    for model in ("fusion", "waveform", "association", "association_luhu"):
        assert scores[model][["earthquake", "rockfall"]].to_numpy().min() >= 0
        assert scores[model][["earthquake", "rockfall"]].to_numpy().max() <= 1
