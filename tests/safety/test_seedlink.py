"""SeedLink servers that send what is no packet: no crash, no hang, no memory, and words."""

import socketserver
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from obspy import Stream, Trace

from seisclf.io import seedlink_packets
from seisclf.io._seedlink import _unpacked

from ..io.test_seedlink import server_packets

HELLO = b"SeedLink v3.1 (small) :: SLPROTO:3.1\r\nTests\r\n"


class HostileServer(socketserver.ThreadingTCPServer):
    """Answers what is asked, and then sends what it likes: pieces of bytes, with a pause."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, pieces, *, hello=HELLO, pause=0.0, stays=True):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pieces, self.hello, self.pause, self.stays = pieces, hello, pause, stays
        self.n_connections, self.quiet = 0, threading.Event()
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
        server, received = self.server, b""
        server.n_connections += 1
        try:
            while b"END\r" not in received:
                more = self.request.recv(1024)
                if not more:
                    return  # the client has gone
                received += more
                if received.startswith(b"HELLO\r"):
                    received = received[6:]
                    self.request.sendall(server.hello)
                elif received.endswith(b"\r") and not received.endswith(b"END\r"):
                    self.request.sendall(b"OK\r\n")
            for piece in server.pieces() if callable(server.pieces) else server.pieces:
                if server.quiet.wait(server.pause):
                    return
                self.request.sendall(piece)
            if server.stays:
                server.quiet.wait(10)
        except OSError:
            pass  # it has gone while it was sent something


def packets():
    data = np.arange(300, dtype=np.int32) % 37
    header = {"network": "XX", "station": "A", "channel": "HHZ", "sampling_rate": 50.0}
    return [record for _, _, record in server_packets(Stream([Trace(data, header)]))]


def endless(piece):
    def pieces():
        while True:
            yield piece

    return pieces


@pytest.mark.parametrize(
    "piece", [b"E" * 65536, b"S" * 65536, b"END of all days" * 4000, b"\0" * 65536, b"OK\r\n" * 9]
)
def test_an_endless_line_is_no_packet(piece, caplog):
    with HostileServer(endless(piece)) as server:
        found = list(seedlink_packets(server.address, ["XX.A"], timeout=0.6, reconnect_delay=0.1))
    assert found == []
    if not piece.startswith(b"END"):  # which is the word of the end
        assert "no SeedLink packet" in caplog.text and server.n_connections > 1


def test_a_byte_now_and_then_is_no_sign_of_life(caplog):
    drip = [bytes([byte]) for byte in b"SL000001" + packets()[0]]
    begin = time.monotonic()
    with HostileServer(drip, pause=0.05) as server:
        options = {"timeout": 1.0, "network_timeout": 0.3, "reconnect_delay": 0.0}
        assert list(seedlink_packets(server.address, ["XX.A"], **options)) == []
    assert time.monotonic() - begin < 8
    assert "no whole packet for 0.3 s" in caplog.text and server.n_connections > 1


def test_what_is_no_record_is_left_out_and_not_told_a_thousand_times(caplog):
    sound = packets()
    strange = [
        b"SLXXXXXX" + sound[0],  # no number
        b"SL+1_2 3" + sound[0],
        b"SL000001" + b"\x80\x04\x95" + bytes(509),  # a pickle
        b"SL000001" + bytes(512),
        b"SL000001" + sound[0][:8] + b"OTHER" + sound[0][13:],  # a station not asked for
        b"SLINFO  " + sound[0],
    ]
    pieces = [*strange, *[strange[3]] * 200, b"SL00000A" + sound[1], b"END"]
    with HostileServer(pieces, stays=False) as server:
        (found,) = seedlink_packets(server.address, ["XX.A"])
    assert found.id == "XX.A..HHZ"
    assert 0 < caplog.text.count("left out") <= 12
    assert "was not asked for" in caplog.text


@pytest.mark.parametrize("hello", [b"\xff\xfe" * 40, b"SeedLink v", b"A" * 100_000, b"\r\n"])
def test_a_greeting_that_is_none_is_an_error(hello):
    with HostileServer([], hello=hello) as server:
        words = server.address
        with pytest.raises(ConnectionError, match=words):
            next(seedlink_packets(server.address, ["XX.A"], network_timeout=1.0))


class _Station:
    net, station = "XX", "A"


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_flipped_bytes_give_a_packet_or_a_sentence(data):
    packet = bytearray(b"SL00000A" + packets()[0])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, 100) | st.integers(0, len(packet) - 1))
        packet[at] = data.draw(st.integers(0, 255))
    try:
        _, number, trace = _unpacked(bytes(packet), [_Station])
    except ValueError as error:
        assert str(error)
    else:
        assert 0 <= number < 2**24 and 0 < len(trace) < 4000


@pytest.mark.parametrize(
    "text",
    ["[", "{}", '{"server": 1, "stations": {"a": [Infinity, 1]}}', "[" * 100_000,
     '{"server": "s", "stations": {"XX.A": [1e30, 5]}}',
     '{"server": "s", "stations": {"XX.A": [1, 99999999999999999999]}}'],
)  # fmt: skip
def test_a_state_that_is_none_is_refused(text, tmp_path):
    path = tmp_path / "packets.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="remove it"):
        next(seedlink_packets("localhost:1", ["XX.A"], state=path))
