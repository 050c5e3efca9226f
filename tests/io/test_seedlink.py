"""Packets of a SeedLink server that drops connections, as one drops them."""

import io
import socket
import socketserver
import threading

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from obspy import Stream, Trace, UTCDateTime

from seisclf.io import seedlink_packets

START = UTCDateTime(2024, 5, 6, 7, 8, 9)


def records(trace, start_number=0):
    """miniSEED records of 512 bytes of an int32 trace, as bytes."""
    with io.BytesIO() as buffer:
        trace.write(buffer, format="MSEED", reclen=512, encoding="STEIM2")
        data = buffer.getvalue()
    return [data[i : i + 512] for i in range(0, len(data), 512)]


class SeedLinkServer(socketserver.ThreadingTCPServer):
    """Serves packets, numbered from 1 on, and drops connections after so many packets.

    `packets`: list of (NET.STA, channel, record). `drops`: packets after which the first, second,
    ... connection is closed; later ones are kept.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, packets, drops=(), ends=False):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.packets, self.drops, self.ends = packets, list(drops), ends
        self.commands, self.n_connections = [], 0
        self.quiet = threading.Event()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.server_address[1]}"

    def __exit__(self, *args):
        self.quiet.set()
        self.shutdown()
        super().__exit__(*args)


class _Handler(socketserver.BaseRequestHandler):
    def handle(self):
        server = self.server
        drop = (
            server.drops[server.n_connections]
            if server.n_connections < len(server.drops)
            else None
        )
        server.n_connections += 1
        wanted, station, received = {}, None, b""
        while True:
            more = self.request.recv(1024)
            if not more:
                return
            received += more
            while b"\r" in received:
                line, received = received.split(b"\r", 1)
                words = line.decode().strip().split()
                server.commands.append(" ".join(words))
                match words:
                    case ["HELLO"]:
                        self.request.sendall(b"SeedLink v3.1 (small) :: SLPROTO:3.1\r\nTests\r\n")
                    case ["STATION", code, network]:
                        station = f"{network}.{code}"
                        known = any(name == station for name, _, _ in server.packets)
                        if known:
                            wanted[station] = [None, []]
                        self.request.sendall(b"OK\r\n" if known else b"ERROR\r\n")
                    case ["SELECT", pattern]:
                        wanted[station][1].append(pattern[-3:])
                        self.request.sendall(b"OK\r\n")
                    case ["DATA" | "FETCH" | "TIME" as action, *rest]:
                        first = int(rest[0], 16) if rest and action != "TIME" else 1
                        wanted[station][0] = first
                        self.request.sendall(b"OK\r\n")
                    case ["END"]:
                        self.stream(wanted, drop)
                        return
                    case ["BYE"]:
                        return

    def stream(self, wanted, drop):
        server, sent = self.server, 0
        for number, (station, channel, record) in enumerate(server.packets, start=1):
            first, patterns = wanted.get(station, (None, []))
            fits = any(
                all(p in ("?", c) for p, c in zip(pattern, channel, strict=True))
                for pattern in patterns
            )
            if first is None or number < first or not fits:
                continue
            if drop is not None and sent == drop:
                return
            # In two pieces, as networks like to have it.
            packet = b"SL%06X" % number + record
            self.request.sendall(packet[:300])
            self.request.sendall(packet[300:])
            sent += 1
        if server.ends:
            self.request.sendall(b"END")
            return
        server.quiet.wait(30)


def server_packets(stream, samples=100):
    """Packets of a Stream in order of time: (NET.STA, channel, record)."""
    pieces = []
    for trace in stream:
        for at in range(0, len(trace), samples):
            header = {
                key: trace.stats[key]
                for key in ("network", "station", "location", "channel", "sampling_rate")
            }
            header["starttime"] = trace.stats.starttime + at / trace.stats.sampling_rate
            pieces.append(Trace(trace.data[at : at + samples].astype("int32"), header))
    pieces.sort(key=lambda piece: piece.stats.endtime.ns)
    return [
        (f"{p.stats.network}.{p.stats.station}", p.stats.channel, record)
        for p in pieces
        for record in records(p)
    ]


@pytest.fixture(scope="module")
def stream():
    rng = np.random.default_rng(0)
    return Stream(
        Trace(
            rng.integers(-1000, 1000, 800).astype(np.int32),
            {
                "network": "XX", "station": station, "channel": channel, "sampling_rate": 50.0,
                "starttime": START,
            },
        )
        for station in "AB"
        for channel in ("HHZ", "HHN")
    )  # fmt: skip


def merged(packets):
    """Samples of each channel; fails if one is missing or comes twice."""
    found = {}
    for packet in packets:
        found.setdefault(packet.id, []).append(packet)
    for id, pieces in found.items():
        for before, after in zip(pieces[:-1], pieces[1:], strict=True):
            assert abs(after.stats.starttime - before.stats.endtime - 0.02) < 1e-4
        found[id] = np.concatenate([piece.data for piece in pieces])
    return found


def test_packets_come_once_and_in_order_although_the_connection_is_lost(stream):
    with SeedLinkServer(server_packets(stream), drops=[5, 0, 9], ends=True) as server:
        packets = seedlink_packets(
            server.address, ["XX.A", "XX.B..HHZ"], begin=START, reconnect_delay=0.0
        )
        found = merged(packets)
    assert sorted(found) == ["XX.A..HHN", "XX.A..HHZ", "XX.B..HHZ"]
    for id, data in found.items():
        assert_array_equal(data, stream.select(id=id)[0].data)
    assert server.n_connections == 4
    asked = [command for command in server.commands if command.startswith(("TIME", "DATA"))]
    # From a time to begin with, then after the last packet of each station.
    assert asked[0] == "TIME 2024,5,6,7,8,9"
    assert asked[-1].startswith("DATA 0")
    assert server.commands[-1] == "BYE" or server.ends


def test_a_new_process_goes_on_where_the_state_was_written(stream, tmp_path):
    state = tmp_path / "packets.json"
    options = {"state": state, "reconnect_delay": 0.0}
    with SeedLinkServer(server_packets(stream), ends=True) as server:
        first = seedlink_packets(server.address, ["XX.A"], **options)
        used = [next(first) for _ in range(6)]
        first.close()
        rest = list(seedlink_packets(server.address, ["XX.A"], **options))
        found = merged(used + rest)
        assert_array_equal(found["XX.A..HHZ"], stream.select(id="XX.A..HHZ")[0].data)
        state.write_text(state.read_text().replace("127.0.0.1", "elsewhere"))
        with pytest.raises(ValueError, match="of the server 'elsewhere"):
            list(seedlink_packets(server.address, ["XX.A"], **options))
        state.write_text("[")
        with pytest.raises(ValueError, match="remove it"):
            list(seedlink_packets(server.address, ["XX.A"], **options))


def test_it_stops_when_asked_to_or_when_nothing_comes(stream):
    stop = threading.Event()
    with SeedLinkServer(server_packets(stream)) as server:
        n = 0
        for _ in seedlink_packets(server.address, ["XX.A"], stop=stop):
            n += 1
            if n == 3:
                stop.set()
        assert n == 3
        assert len(list(seedlink_packets(server.address, ["XX.A"], timeout=0.6))) == 16


def test_damaged_packets_are_left_out(stream, caplog):
    packets = server_packets(stream)
    packets[2] = (*packets[2][:2], b"\xff" * 512)
    with SeedLinkServer(packets, ends=True) as server:
        found = list(seedlink_packets(server.address, ["XX.A", "XX.B"]))
    assert len(found) == len(packets) - 1
    assert "cannot be read" in caplog.text


def test_what_cannot_be_followed_is_refused(stream):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(ConnectionError, match=address):
            next(seedlink_packets(address, ["XX.A"]))
    with SeedLinkServer(server_packets(stream)) as server:
        with pytest.raises(ConnectionError, match="no stations accepted"):
            next(seedlink_packets(server.address, ["XX.NOWHERE"]))
        with pytest.raises(ValueError, match="begin must be a time"):
            next(seedlink_packets(server.address, ["XX.A"], begin="soon"))
    for streams in ([], ["A"], ["XX.*"], ["XX.A.00"]):
        with pytest.raises(ValueError, match="streams"):
            seedlink_packets("localhost", streams)
    with pytest.raises(ValueError, match="server"):
        seedlink_packets("", ["XX.A"])
