"""Downloads from a data center: a small server of FDSN web services on this machine."""

import gzip
import io
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest
from obspy import Stream, Trace, UTCDateTime, read
from obspy.clients.fdsn import Client
from obspy.core.inventory import Channel, Inventory, Network, Response, Site, Station

from seisclf.io import ArchiveIndex, Limits, download_waveforms, read_archive, remove_sensitivity
from seisclf.io._download import _sds_name
from seisclf.io._miniseed_headers import parse_records

T0 = UTCDateTime("2023-06-01")
DAY = 86_400
RATE = 1.0
_SERVICES = {
    "dataselect": ("starttime", "endtime", "network", "station", "location", "channel"),
    "station": (
        *("starttime", "endtime", "network", "station", "location", "channel", "level"),
        *("format", "minlatitude", "maxlatitude", "minlongitude", "maxlongitude"),
    ),
}


class Center:
    """What a data center holds, what it was asked, and how it misbehaves."""

    def __init__(self):
        self.traces = Stream()
        self.channels = []  # (network, station, location, channel)
        self.asked = []
        self.trouble = []  # status codes to give first
        self.extra = b""
        self.inventory = None
        self.packed = False

    def add(self, code, n_days=2, start=T0, seed=0):
        network, station, location, channel = code.split(".")
        data = np.cumsum(np.random.default_rng(seed).integers(-9, 10, int(n_days * DAY * RATE)))
        header = {"network": network, "station": station, "location": location}
        header |= {"channel": channel, "sampling_rate": RATE, "starttime": start}
        self.traces.append(Trace(data.astype(np.int32), header))
        self.channels.append((network, station, location, channel))
        # Records as they lie in its archive: they pass midnight.
        self.records = {}
        for trace in self.traces:
            content = io.BytesIO()
            trace.write(content, format="MSEED", reclen=512)
            self.records[trace.id] = content.getvalue()

    def stationxml(self):
        if self.inventory is not None:
            return self.inventory
        response = Response.from_paz([0j, 0j], [-4 + 4j, -4 - 4j], stage_gain=1e8)
        networks = {}
        for network, station, location, channel in self.channels:
            stations = networks.setdefault(network, {})
            stations.setdefault(station, []).append(
                Channel(
                    channel, location, 46.0, 7.0, 0.0, 0.0,
                    start_date=T0 - 10 * DAY, response=response,
                )
            )  # fmt: skip
        content = io.BytesIO()
        Inventory(
            [
                Network(
                    code,
                    stations=[
                        Station(s, 46.0, 7.0, 0.0, channels=own, site=Site("x"))
                        for s, own in stations.items()
                    ],
                )
                for code, stations in networks.items()
            ],
            source="test",
        ).write(content, format="STATIONXML")
        return content.getvalue()

    def dataselect(self, question):
        location = question.get("location", "").replace("--", "")
        codes = [question.get(k, "") for k in ("network", "station", "location", "channel")]
        codes[2] = location
        content = self.records.get(".".join(codes), b"")
        chosen = []
        if not content:
            return b""
        a, b = UTCDateTime(question["starttime"]), UTCDateTime(question["endtime"])
        for record in parse_records(content)[0]:
            start = UTCDateTime(ns=int(record["start_ns"]))
            if start < b and start + (record["samples"] - 1) / RATE >= a:
                chosen.append(content[record["offset"] : record["offset"] + 512])
        return b"".join(chosen) + (self.extra if chosen else b"")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        url = urlparse(self.path)
        question = {k: v[0] for k, v in parse_qs(url.query, keep_blank_values=True).items()}
        _, _, service, _, method = url.path.split("/")[:5]
        if method == "version":
            return self.answer(200, b"1.1.0", "text/plain")
        if method == "application.wadl":
            names = _SERVICES.get(service)
            return self.answer(200, wadl(service, names)) if names else self.answer(404)
        center = self.server.center
        center.asked.append((service, question))
        if center.trouble and service == "dataselect":
            return self.answer(center.trouble.pop(0), b"trouble")
        if service == "station":
            content = center.stationxml()
        else:
            content = center.dataselect(question)
        packed = content and center.packed
        content = gzip.compress(content) if packed else content
        return self.answer(200 if content else 204, content, packed=packed)

    def answer(self, status, content=b"", kind="application/octet-stream", packed=False):
        self.send_response(status)
        if packed:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """Be quiet."""


def wadl(service, names):
    parameters = "".join(f'<param name="{n}" style="query" type="xs:string"/>' for n in names)
    return (
        '<?xml version="1.0"?><application xmlns="http://wadl.dev.java.net/2009/02" '
        'xmlns:xs="http://www.w3.org/2001/XMLSchema"><resources base="http://localhost/'
        f'{service}/"><resource path="query"><method name="GET"><request>{parameters}</request>'
        "</method></resource></resources></application>"
    ).encode()


@pytest.fixture
def center():
    return Center()


@pytest.fixture
def address(center):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.center = center
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def fetch(address, folder, **changes):
    options = {"networks": "XX", "start": T0, "end": T0 + 2 * DAY, "wait": 0.01}
    return download_waveforms(address, folder, **(options | changes))


def asked_for_data(center):
    return [question for service, question in center.asked if service == "dataselect"]


def test_an_archive_comes_down_and_can_be_used(center, address, tmp_path):
    center.add("XX.A..LHZ")
    center.add("XX.B.00.LHZ", seed=1)
    outcomes = fetch(address, tmp_path)
    assert outcomes["status"].tolist() == ["downloaded"] * 4
    assert outcomes["trace"].tolist() == ["XX.A..LHZ"] * 2 + ["XX.B.00.LHZ"] * 2
    assert outcomes["file"][0] == "2023/XX/A/LHZ.D/XX.A..LHZ.D.2023.152"
    # No record is twice, none is missing.
    assert outcomes["samples"].sum() == 4 * DAY
    index = ArchiveIndex.open_or_build(tmp_path)
    for original in center.traces:
        found = index.read(T0, T0 + 2 * DAY, channels=original.id)
        assert np.concatenate([t.data for t in found]).tolist() == original.data.tolist()
    station = tmp_path / "stations" / "XX.A.xml"
    scaled, table = remove_sensitivity(index.read(T0, T0 + 10, stations="A"), station)
    assert table["status"].tolist() == ["removed"]


@pytest.mark.parametrize("packed", [False, True])
def test_answers_that_are_too_large_are_not_read(center, address, tmp_path, packed):
    center.add("XX.A..LHZ", n_days=1)
    center.packed = packed
    client = Client(address)
    opener = client._url_opener
    size = len(center.records["XX.A..LHZ"])
    for limits, status in ((Limits(max_file_bytes=size - 1), "failed"),
                           (Limits(max_file_bytes=size), "downloaded")):  # fmt: skip
        row = fetch(client, tmp_path, end=T0 + DAY, limits=limits).iloc[0]
        assert (row["status"], row["tries"]) == (status, 1)
        assert f"larger than {size - 1} bytes" in row["reason"] or status != "failed"
    assert client._url_opener is opener
    row = fetch(address, tmp_path, limits=Limits(max_xml_bytes=500)).iloc[0]
    assert row["status"] == "failed" and "larger than 500 bytes" in row["reason"]


def test_it_goes_on_where_it_stopped(center, address, tmp_path):
    center.add("XX.A..LHZ")
    center.trouble = [200, 400]  # the second day is refused
    first = fetch(address, tmp_path)
    center.asked.clear()
    second = fetch(address, tmp_path)
    assert first["status"].tolist() != second["status"].tolist()
    assert second["status"].tolist().count("present") + len(asked_for_data(center)) == 2
    center.asked.clear()
    third = fetch(address, tmp_path)
    assert third["status"].tolist() == ["present", "present"]
    assert asked_for_data(center) == []
    # Also without its notes: what the files hold is known.
    (tmp_path / ".seisclf-downloads.jsonl").unlink()
    os.remove(tmp_path / third["file"][0])
    center.asked.clear()
    fourth = fetch(address, tmp_path)
    assert fourth["status"].tolist()[0] == "downloaded"
    assert fetch(address, tmp_path)["status"].tolist() == ["present", "present"]


def test_a_longer_span_adds_to_files(center, address, tmp_path):
    center.add("XX.A..LHZ")
    fetch(address, tmp_path, end=T0 + 3600)
    outcomes = fetch(address, tmp_path)
    assert outcomes["status"].tolist() == ["downloaded", "downloaded"]
    recordings = read_archive(tmp_path / "2023")
    assert recordings["XX.A..LHZ"].valid.all()
    assert len(recordings["XX.A..LHZ"].data) == 2 * DAY
    assert "duplicate" not in recordings.report.findings["kind"].tolist()


def test_no_data_is_a_row(center, address, tmp_path):
    center.add("XX.A..LHZ", n_days=1)
    outcomes = fetch(address, tmp_path, stations=["A", "NONE"])
    assert outcomes["status"].tolist() == ["no data", "downloaded", "no data"]
    assert outcomes["trace"].tolist() == ["XX.NONE", "XX.A..LHZ", "XX.A..LHZ"]
    assert "knows no such channel" in outcomes["reason"][0]
    center.asked.clear()
    # Old days without data are not asked for again.
    fetch(address, tmp_path, stations=["A"])
    assert asked_for_data(center) == []


def test_errors_that_may_pass_are_asked_again(center, address, tmp_path):
    center.add("XX.A..LHZ", n_days=1)
    center.trouble = [503, 500]
    outcomes = fetch(address, tmp_path, end=T0 + DAY)
    assert outcomes["status"].tolist() == ["downloaded"]
    assert outcomes["tries"].tolist() == [3]


@pytest.mark.parametrize(("status", "tries"), [(403, 1), (413, 1), (503, 3)])
def test_errors_that_stay_are_rows(center, address, tmp_path, status, tries):
    center.add("XX.A..LHZ", n_days=1)
    center.trouble = [status] * 9
    outcomes = fetch(address, tmp_path, end=T0 + DAY, retries=2)
    assert outcomes["status"].tolist() == ["failed"]
    assert outcomes["tries"].tolist() == [tries]
    assert outcomes["reason"].str.contains("FDSN").all()
    center.trouble = []
    assert fetch(address, tmp_path, end=T0 + DAY)["status"].tolist() == ["downloaded"]


def test_answers_that_are_no_data_are_reported(center, address, tmp_path):
    center.add("XX.A..LHZ", n_days=1)
    other = io.BytesIO()
    Trace(np.zeros(9, np.int32), {"network": "YY", "station": "Q"}).write(
        other, format="MSEED", reclen=512
    )
    center.extra = other.getvalue() + b"<html>Service overloaded</html>" * 10
    outcomes = fetch(address, tmp_path, end=T0 + DAY)
    assert outcomes["status"].tolist() == ["downloaded"]
    assert "310 bytes were no record" in outcomes["reason"][0]
    assert "1 records of other channels" in outcomes["reason"][0]
    assert len(read(str(tmp_path / outcomes["file"][0]))[0]) == DAY
    center.records["XX.A..LHZ"] = b""
    center.extra = b""


def test_codes_from_the_net_stay_in_the_folder(center, address, tmp_path):
    folder = tmp_path / "in"
    center.add("XX.A..LHZ", n_days=1)
    content = center.stationxml().decode()
    center.inventory = content.replace('Network code="XX"', 'Network code="../../../X"').encode()
    outcomes = fetch(address, folder, networks="*", end=T0 + DAY)
    assert outcomes["status"].tolist() == ["failed"]
    assert "is no code" in outcomes["reason"][0]
    outside = [p for p in tmp_path.rglob("*") if p.is_file() and folder not in p.parents]
    assert outside == []
    for code in ("/root.A..HHZ", "XX./root..HHZ", "XX.A..a/b", "con.A..nul", "XX.\\..C:"):
        name = _sds_name(code if code.count(".") == 3 else "X.A..H", T0.ns)
        assert ".." not in name.split("/")
        assert not name.startswith("/")
        assert len(name.split("/")) == 5
        assert "\\" not in name


def test_hostile_stationxml_is_refused(center, address, tmp_path):
    center.add("XX.A..LHZ", n_days=1)
    content = center.stationxml().decode()
    head, rest = content.split("?>", 1)
    center.inventory = (head + "?><!DOCTYPE x [<!ENTITY a 'b'>]>" + rest).encode()
    outcomes = fetch(address, tmp_path)
    assert outcomes["status"].tolist() == ["failed"]
    assert "DOCTYPE" in outcomes["reason"][0]


def test_wrong_parameters_are_named(address, tmp_path):
    for changes, word in (
        ({"end": T0}, "must be after start"),
        ({"networks": []}, "networks must name"),
        ({"stations": "../A"}, "is no code or pattern"),
        ({"retries": -1}, "must not be negative"),
        ({"start": "soon"}, "is no time"),
    ):
        with pytest.raises(ValueError, match=word):
            fetch(address, tmp_path, **changes)
    with pytest.raises(TypeError, match="client must be"):
        fetch(5, tmp_path)


def test_a_center_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match="cannot be reached"):
        fetch("http://127.0.0.1:9", tmp_path)
