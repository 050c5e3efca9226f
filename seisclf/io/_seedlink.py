"""Packets of a SeedLink server, through ObsPy's client."""

import json
import logging
import os
import time
from pathlib import Path

logger = logging.getLogger("seisclf")

# Bytes of a packet: eight of SeedLink, and a record of miniSEED.
_HEADER, _PACKET = 8, 520
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
    return _follow(
        server.strip().removeprefix("seedlink://"), wanted, begin, state, timeout,
        reconnect_delay, network_timeout, stop,
    )  # fmt: skip


def _follow(server, wanted, begin, state, timeout, delay, network_timeout, stop):
    connection = _connection(server, wanted, begin, _read_state(state, server))
    clock = _Clock(timeout, stop)
    saved = time.monotonic()
    first = True
    try:
        while not clock.is_over():
            try:
                _connect(connection)
                first = False
                for packet in _packets(connection, clock, network_timeout):
                    connection.update_stream(packet)
                    yield packet.get_trace()
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


def _connection(server, wanted, begin, known):
    import pandas as pd
    from obspy import UTCDateTime
    from obspy.clients.seedlink.client.seedlinkconnection import SeedLinkConnection

    from ._times import to_utc

    connection = SeedLinkConnection(timeout=30.0)
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
    """Packets until the server says END or the time is over."""
    from obspy.clients.seedlink.seedlinkexception import SeedLinkException
    from obspy.clients.seedlink.slpacket import SLPacket

    received, heard = b"", time.monotonic()
    while not clock.is_over():
        try:
            more = connection.socket.recv(1 << 16)
        except TimeoutError:
            if time.monotonic() - heard > network_timeout:
                raise ConnectionError(f"nothing heard for {network_timeout:g} s") from None
            continue
        if not more:
            raise ConnectionError("the server has closed the connection")
        received, heard = received + more, time.monotonic()
        while len(received) >= _PACKET and received[:2] == b"SL":
            raw, received = received[:_PACKET], received[_PACKET:]
            if raw[:6] == b"SLINFO":
                continue
            packet = SLPacket(bytearray(raw), 0)
            try:
                packet.get_trace()
            except (SeedLinkException, ValueError, KeyError, TypeError, AttributeError) as error:
                logger.warning("packet %r cannot be read (%s), left out", raw[:_HEADER], error)
                continue
            clock.restart()
            yield packet
        if received[:3] == b"END":
            return
        if received and not b"SL".startswith(received[:2]) and received[:1] not in (b"E", b"S"):
            raise ConnectionError(f"no SeedLink packet: {received[:16]!r}")
        if received[:5] == b"ERROR":
            raise ConnectionError("the server reports an error")


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
        state = json.loads(Path(path).read_text(encoding="utf-8"))
        known = {str(k): (int(number), int(at)) for k, (number, at) in state["stations"].items()}
        of = str(state["server"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
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
