"""Packets of a SeedLink server, through ObsPy's client."""

import json
import logging
import numbers
import os
import re
import time
from pathlib import Path

logger = logging.getLogger("seisclf")

# Bytes of a packet: eight of SeedLink, and a record of miniSEED.
_HEADER, _PACKET = 8, 520
_NUMBER = re.compile(rb"SL[0-9A-Fa-f]{6}")
_LARGEST = 0xFFFFFF
# Packets that cannot be used, of which each is told; of more only how many.
_TOLD = 10
_MOST_STATE = 10**7
# Seconds between looks at the clock, and between writings of the state.
_POLL, _SAVE = 0.25, 1.0


def seedlink_packets(
    server,
    streams,
    *,
    begin=None,
    state=None,
    timeout=None,
    reconnect_delay=5.0,
    network_timeout=120.0,
    stop=None,
):
    """Follow a SeedLink server.

    If the connection is lost, it is made again, and every station goes on after the last packet
    that came from it, as long as the server still has what follows. So the packets of a station
    come in order and once each; after a restart with `state` some may come again, which
    :class:`~seisclf.detection.StreamingDetector` recognizes.

    Parameters
    ----------
    server : str
        ``"host"`` or ``"host:port"``; port 18000 by default.
    streams : list of str
        ``"NET.STA"`` for all channels of a station, or ``"NET.STA.LOC.CHA"``, where ``?`` stands
        for any character of LOC and CHA, and an empty or ``*`` LOC for any location.
    begin : datetime-like, optional
        Time from which on packets are asked for where there is no `state`: text,
        `obspy.UTCDateTime`, timestamps, in UTC. Default: the next packets.
    state : str or pathlib.Path, optional
        File of the packet that came last from each station. It is written about once a second
        and when the iterator is closed, always after the packet has been used.
    timeout : float, optional
        Seconds without a packet after which the iterator ends. Default: it does not end.
    reconnect_delay : float, default=5.0
        Seconds before a lost connection is made again.
    network_timeout : float, default=120.0
        Seconds without a byte after which a connection counts as lost.
    stop : object, optional
        With ``is_set()``, such as a :class:`threading.Event`: the iterator ends once it is set.

    Returns
    -------
    packets : iterator of obspy.Trace
        The samples of one packet after another.

    Raises
    ------
    ValueError
        If `streams` cannot be read, or `state` is of another server.
    ConnectionError
        If the server cannot be reached to begin with, or accepts none of the stations.

    Examples
    --------
    Events of a station, as they become final (this needs a server, so it is not run here)::

        streaming = StreamingDetector(detector, state="stream.state")
        for packet in seedlink_packets("localhost", ["XX.A.00.HH?"], state="packets.json"):
            for event in streaming.push(packet).to_frame().itertuples():
                print(event.onset, event.stations)
    """
    wanted = _parse(streams)
    if not isinstance(server, str) or not server.strip():
        raise ValueError(f"server must be a str such as 'host:18000'; got {server!r}")
    for name, value in (
        ("timeout", timeout), ("reconnect_delay", reconnect_delay),
        ("network_timeout", network_timeout),
    ):  # fmt: skip
        if value is None and name == "timeout":
            continue
        if not isinstance(value, numbers.Real) or not value >= 0:
            raise ValueError(f"{name} must be a number of seconds; got {value!r}")
    return _follow(
        server.strip().removeprefix("seedlink://"), wanted, begin, state, timeout,
        reconnect_delay, network_timeout, stop,
    )  # fmt: skip


def _follow(server, wanted, begin, state, timeout, delay, network_timeout, stop):
    connection = _connection(server, wanted, begin, _read_state(state, server), network_timeout)
    clock = _Clock(timeout, stop)
    saved = time.monotonic()
    first = True
    try:
        while not clock.is_over():
            try:
                _connect(connection)
                first = False
                for station, number, trace in _packets(connection, clock, network_timeout):
                    station.seqnum, station.btime = number, trace.stats.starttime
                    yield trace
                    if time.monotonic() - saved > _SAVE:
                        _write_state(state, server, connection)
                        saved = time.monotonic()
                    if clock.is_over():
                        break
                else:
                    return
            except ConnectionError as error:
                if first:
                    raise
                logger.warning("%s: %s; again in %g s", server, error, delay)
                connection.disconnect()
                clock.wait(delay)
    finally:
        _write_state(state, server, connection)
        _say_bye(connection)


class _Clock:
    """When to stop waiting."""

    def __init__(self, timeout, stop):
        self.timeout, self.stop = timeout, stop
        self.restart()

    def restart(self):
        self.last = time.monotonic()

    def is_over(self):
        if self.stop is not None and self.stop.is_set():
            return True
        return self.timeout is not None and time.monotonic() - self.last > self.timeout

    def wait(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.is_over():
            time.sleep(min(_POLL, max(end - time.monotonic(), 0)))


def _parse(streams):
    """Network, station and selectors of each station."""
    if isinstance(streams, str):
        streams = [streams]
    wanted = {}
    for stream in streams:
        parts = str(stream).strip().upper().split(".")
        if len(parts) not in (2, 4) or not all(parts[:2]) or set("*?") & set("".join(parts[:2])):
            raise ValueError(
                f"streams has {stream!r}; needed is 'NET.STA' or 'NET.STA.LOC.CHA' with the codes "
                f"of one station, such as 'XX.ABC.00.HH?'"
            )
        location, channel = (parts[2:] + ["", ""])[:2]
        channel = channel.replace("*", "???")[:3] or "???"
        location = "" if location in ("", "*", "--") else location
        wanted.setdefault(tuple(parts[:2]), []).append(f"{location}{channel}")
    if not wanted:
        raise ValueError("streams is empty: name stations, such as ['XX.ABC.00.HH?']")
    return wanted


def _connection(server, wanted, begin, known, network_timeout):
    import pandas as pd
    from obspy import UTCDateTime
    from obspy.clients.seedlink.client.seedlinkconnection import SeedLinkConnection

    from ._times import to_utc

    connection = SeedLinkConnection(timeout=30.0)
    connection.set_net_timeout(network_timeout)
    connection.set_sl_address(server)
    for (network, station), selectors in wanted.items():
        number, at = known.get(f"{network}.{station}", (-1, None))
        at = None if at is None else UTCDateTime(ns=at)
        connection.add_stream(network, station, " ".join(selectors), number, at)
    if begin is not None:
        at = to_utc([begin])[0]
        if pd.isna(at):
            raise ValueError(f"begin must be a time; got {begin!r}")
        connection.begin_time = UTCDateTime(ns=at.value)
    return connection


def _connect(connection):
    """Open the connection, and ask for what is wanted."""
    from obspy.clients.seedlink.seedlinkexception import SeedLinkException

    try:
        connection.connect()
        connection.config_link()
        connection.socket.settimeout(_POLL)
    except (SeedLinkException, OSError) as error:
        connection.disconnect()
        reason = getattr(error, "value", error)
        raise ConnectionError(f"SeedLink server {connection.sladdr}: {reason}") from error


def _packets(connection, clock, network_timeout):
    """Station, number and samples of packets until the server says END or the time is over.

    Nothing that a server sends is believed: what is no packet ends the connection, what is no
    record of a station that was asked for is left out, and no more than one packet is kept.
    """
    received, heard, refused = b"", time.monotonic(), _Refused()
    while not clock.is_over():
        if time.monotonic() - heard > network_timeout:
            what = "no whole packet" if received else "nothing heard"
            raise ConnectionError(f"{what} for {network_timeout:g} s")
        try:
            more = connection.socket.recv(1 << 16)
        except TimeoutError:
            continue
        if not more:
            raise ConnectionError("the server has closed the connection")
        # One byte now and then is no sign of life: the clock runs until a packet is whole.
        heard = heard if received else time.monotonic()
        received += more
        while len(received) >= _PACKET and received[:2] == b"SL" and not clock.is_over():
            raw, received = received[:_PACKET], received[_PACKET:]
            heard = time.monotonic()
            if raw[:6] == b"SLINFO":
                continue
            try:
                packet = _unpacked(raw, connection.streams)
            except ValueError as error:
                refused.tell(raw, error)
                continue
            clock.restart()
            yield packet
        if received[:3] == b"END":
            return
        if received[:5] == b"ERROR":
            raise ConnectionError("the server reports an error")
        if not any(word.startswith(received[: len(word)]) for word in (b"SL", b"END", b"ERROR")):
            raise ConnectionError(f"no SeedLink packet: {received[:16]!r}")


class _Refused:
    """Packets that cannot be used: a server that sends nothing else does not fill the log."""

    def __init__(self):
        self.n = 0

    def tell(self, raw, reason):
        self.n += 1
        if self.n <= _TOLD:
            logger.warning("packet %r cannot be read (%s), left out", raw[:_HEADER], reason)
        elif self.n % 1000 == 0:
            logger.warning("%d packets could not be read and were left out", self.n)


def _unpacked(raw, stations):
    """Station, number and samples of a packet.

    Raises
    ------
    ValueError
        If it is none, or of a station that was not asked for.
    """
    from ._read_file import read_waveform_bytes
    from ._read_report import ReadReport

    if not _NUMBER.match(raw):
        raise ValueError("it has no number")
    report = ReadReport()
    stream = read_waveform_bytes(raw[_HEADER:], name="packet", report=report)
    file = report.files.iloc[0]
    if file["format"] != "MSEED":
        raise ValueError(file["reason"] or "no record of miniSEED")
    if len(stream) != 1 or not len(stream[0]):
        raise ValueError(file["reason"] or f"{len(stream)} traces in one record")
    codes = stream[0].stats.network, stream[0].stats.station
    for station in stations:
        if (station.net, station.station) == codes:
            return station, int(raw[2:_HEADER], 16), stream[0]
    raise ValueError(f"of {'.'.join(codes)}, which was not asked for")


def _say_bye(connection):
    try:
        if connection.socket is not None:
            connection.socket.sendall(b"BYE\r")
    except OSError:
        pass
    connection.disconnect()


def _read_state(path, server):
    """Number and time of the last packet of each station."""
    if path is None or not os.path.exists(path):
        return {}
    try:
        if os.path.getsize(path) > _MOST_STATE:
            raise ValueError("it is too large")
        state = json.loads(Path(path).read_text(encoding="utf-8"))
        known = {str(k): _place(number, at) for k, (number, at) in state["stations"].items()}
        of = str(state["server"])
    except (
        OSError,
        ArithmeticError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        raise ValueError(
            f"state={str(path)!r} is no file of seedlink_packets, or is damaged ({error}): remove "
            f"it to begin with the next packets"
        ) from error
    if of != server:
        raise ValueError(
            f"state={str(path)!r} is of the server {of!r}, whose packets have other numbers than "
            f"those of {server!r}: give another file"
        )
    return known


def _place(number, at):
    """Number and time of a packet, in their ranges."""
    number, at = int(number), int(at)
    if not 0 <= number <= _LARGEST or not abs(at) < 2**63:
        raise ValueError(f"number {number} and time {at} are of no packet")
    return number, at


def _write_state(path, server, connection):
    if path is None:
        return
    stations = {
        f"{s.net}.{s.station}": [s.seqnum, s.btime.ns]
        for s in connection.streams
        if s.seqnum != -1 and s.btime is not None
    }
    path = Path(path)
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    beside.write_text(json.dumps({"server": server, "stations": stations}), encoding="utf-8")
    os.replace(beside, path)
