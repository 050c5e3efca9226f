"""Waveforms and responses from FDSN web services into an SDS archive, day by day."""

import io
import time
from pathlib import Path

import numpy as np

from seisclf.utils import progress_bar, safe_name

from ._bounded_answers import bounded_client
from ._download_log import DownloadLog
from ._download_records import add_records, covers, records_of, replace_file
from ._epochs import epochs_of
from ._limits import check_limits
from ._miniseed_headers import parse_records, trace_ids
from ._selection import check_patterns, matches, time_ns
from ._xml import read_stationxml

_DAY_NS = 86_400 * 10**9
_COLUMNS = ("trace", "start", "end", "status", "samples", "bytes", "file", "tries", "reason")
# Answers that the same question gets again.
_FINAL = (
    "FDSNBadRequestException",
    "FDSNUnauthorizedException",
    "FDSNForbiddenException",
    "FDSNRequestTooLargeException",
    "FDSNNotImplementedException",
    "FDSNNoServiceException",
    "FDSNNoAuthenticationServiceException",
    "AnswerTooLargeError",
)
# Which limit holds for what a method gets.
_LIMITS = {"get_stations": "max_xml_bytes", "get_waveforms": "max_file_bytes"}


def download_waveforms(
    client,
    folder,
    *,
    networks,
    stations="*",
    locations="*",
    channels="*",
    start,
    end,
    region=None,
    retries=3,
    wait=2.0,
    limits=None,
    progress=False,
):
    """Download recordings and responses from a data center into an SDS archive.

    The station service is asked which channels there are, and their responses are written as
    StationXML, one file a station, into ``stations`` in the folder. Then each channel and day is
    one request. Records are written as they came, each to the day in which it begins, into
    ``YEAR/NET/STA/CHA.D/NET.STA.LOC.CHA.D.YEAR.DAY``. What was fetched whole before is not asked
    for again, so that the same call goes on after a break; a file that is there is added to, never
    cut. Days without data are asked for again until a week after their end.

    Parameters
    ----------
    client : str or obspy.clients.fdsn.Client
        Name of a data center that ObsPy knows, an address, or a client.
    folder : str or pathlib.Path
        Root of the archive.
    networks, stations, locations, channels : str or list of str
        Codes or patterns with ``*`` and ``?``. An empty location code is ``""`` or ``"--"``.
    start, end : str, datetime, pandas.Timestamp, obspy.UTCDateTime or int
        UTC; an int is nanoseconds since 1970.
    region : dict, optional
        Limits that the station service knows: ``minlatitude``, ``maxlatitude``, ``minlongitude``,
        ``maxlongitude``, or ``latitude``, ``longitude``, ``minradius``, ``maxradius`` (degrees).
    retries : int, default=3
        How often a request is repeated after an error that may pass.
    wait : float, default=2.0
        Seconds before the first repetition; doubled before each further one.
    limits : Limits, optional
        Sizes above which an answer is not read: ``max_file_bytes`` for recordings,
        ``max_xml_bytes`` for stations.
    progress : bool, default=False
        Show a bar.

    Returns
    -------
    outcomes : DataFrame
        A row per channel and day: ``trace``, ``start``, ``end`` (UTC; what was asked for),
        ``status`` ("downloaded", "present", "no data" or "failed"), ``samples`` and ``bytes`` that
        came, ``file`` (below the folder), ``tries``, ``reason``. A code that no channel matches
        has a row too.

    Raises
    ------
    ValueError
        If a parameter is wrong, or the data center has no such service.
    OSError
        If the folder cannot be written.

    Notes
    -----
    Requests follow one another, as data centers wish. To gather from many centers at once, use
    ObsPy's ``MassDownloader`` and index what it wrote.
    """
    start_ns, end_ns = time_ns(start, "start"), time_ns(end, "end")
    if end_ns <= start_ns:
        raise ValueError(f"end={end} must be after start={start}")
    if retries < 0 or wait < 0:
        raise ValueError(f"retries={retries} and wait={wait} must not be negative")
    codes = {
        "network": _codes(networks, "networks"),
        "station": _codes(stations, "stations"),
        "location": ["--" if c == "" else c for c in _codes(locations, "locations")],
        "channel": _codes(channels, "channels"),
    }
    folder = Path(folder).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    asker = _Asker(_client(client), retries, wait, check_limits(limits))
    rows, inventory = _stations(asker, folder, codes, start_ns, end_ns, region)
    log = DownloadLog(folder)
    tasks = _tasks(inventory, start_ns, end_ns)
    for task in progress_bar(tasks, total=len(tasks), desc="download", disable=not progress):
        rows.append(_day(asker, folder, log, *task))
    return _table(rows)


class _Asker:
    """Asks a client, and asks again after errors that may pass."""

    def __init__(self, client, retries, wait, limits):
        self.retries, self.wait, self.limits = retries, wait, limits
        self.clients = {
            method: bounded_client(client, getattr(limits, name))
            for method, name in _LIMITS.items()
        }

    def __call__(self, method, **question):
        """Bytes of the answer (None: no data), how often it was asked, and what went wrong."""
        reason = ""
        for i in range(self.retries + 1):
            if i:
                time.sleep(self.wait * 2 ** (i - 1))
            answer = io.BytesIO()
            try:
                getattr(self.clients[method], method)(filename=answer, **question)
                return answer.getvalue() or None, i + 1, ""
            except Exception as error:
                # ObsPy's client passes on whatever the network makes of a request.
                name = type(error).__name__
                if name == "FDSNNoDataException":
                    return None, i + 1, ""
                text = " ".join(f"{name}: {error}".split())[:200]
                reason = text
                if name in _FINAL:
                    return None, i + 1, reason
        return None, self.retries + 1, reason


def _client(client):
    if not isinstance(client, str):
        if not hasattr(client, "get_waveforms") or not hasattr(client, "get_stations"):
            raise TypeError(
                f"client must be the name or address of an FDSN data center or an "
                f"obspy.clients.fdsn.Client, got {type(client).__name__}"
            )
        return client
    from obspy.clients.fdsn import Client

    try:
        return Client(client)
    except Exception as error:
        text = " ".join(str(error).split())[:200]
        raise ValueError(f"client={client!r} cannot be reached: {text}") from error


def _stations(asker, folder, codes, start_ns, end_ns, region):
    """Write responses: rows of what is missing, and the inventory."""
    from obspy import Inventory, UTCDateTime

    span = {"starttime": UTCDateTime(ns=start_ns), "endtime": UTCDateTime(ns=end_ns)}
    question = {name: ",".join(values) for name, values in codes.items()}
    content, tries, reason = asker(
        "get_stations", level="response", **span, **question, **(region or {})
    )
    inventory = Inventory(networks=[], source="seisclf")
    if content is not None:
        try:
            inventory = read_stationxml(content, limits=asker.limits)
        except ValueError as error:
            reason = str(error)
    if reason:
        return [
            ("", start_ns, end_ns, "failed", 0, 0, "", tries, f"stations: {reason}")
        ], inventory
    for network in inventory:
        for station in network:
            _write_station(folder, network, station)
    found, odd = _channels(inventory)
    rows = [
        (name, start_ns, end_ns, "failed", 0, 0, "", tries, f"{name!r} is no code of a channel")
        for name in odd
    ]
    for network in codes["network"]:
        for station in codes["station"]:
            pattern = f"{network}.{station}"
            if not odd and not any(matches(trace, pattern) for trace in found):
                reason = "the station service knows no such channel"
                name = f"{network}.{station}"
                rows.append((name, start_ns, end_ns, "no data", 0, 0, "", tries, reason))
    return rows, inventory


def _write_station(folder, network, station):
    from obspy import Inventory

    one = network.copy()
    one.stations = [station]
    file = folder / "stations" / f"{safe_name(f'{network.code}.{station.code}')}.xml"
    file.parent.mkdir(exist_ok=True)
    content = io.BytesIO()
    Inventory([one], source="seisclf").write(content, format="STATIONXML")
    replace_file(file, content.getvalue())


def _channels(inventory):
    """Identifiers of the channels of an inventory with their epochs, and those that are none."""
    names = {
        (network.code, station.code, channel.location_code or "", channel.code)
        for network in inventory
        for station in network
        for channel in station
    }
    odd = {name for name in names if not all(map(_is_code, name))}
    found = {".".join(name) for name in names - odd}
    return {name: epochs_of(inventory, name) for name in sorted(found)}, [
        ".".join(name) for name in sorted(odd)
    ]


def _is_code(code):
    return len(code) <= 8 and all(c.isascii() and (c.isalnum() or c in "-_") for c in code)


def _tasks(inventory, start_ns, end_ns):
    """Channels and days while they were open: (trace, begin, end, whether the first one)."""
    tasks = []
    for trace, epochs in _channels(inventory)[0].items():
        for day in range(start_ns // _DAY_NS, -(-end_ns // _DAY_NS)):
            begin, end = max(start_ns, day * _DAY_NS), min(end_ns, (day + 1) * _DAY_NS)
            if any(first < end and last > begin for first, last, _ in epochs):
                tasks.append((trace, begin, end, begin == start_ns))
    return tasks


def _day(asker, folder, log, trace, begin, end, first):
    """Row of one channel and day."""
    from obspy import UTCDateTime

    name = _sds_name(trace, begin)
    file = folder / name
    if log.has(trace, begin, end, file):
        return (trace, begin, end, "present", 0, 0, name, 0, "")
    known, bad = records_of(file)
    if not bad and covers(known, begin, end):
        return (trace, begin, end, "present", 0, 0, name, 0, "")
    network, station, location, channel = trace.split(".")
    content, tries, reason = asker(
        "get_waveforms",
        network=network,
        station=station,
        location=location or "--",
        channel=channel,
        starttime=UTCDateTime(ns=begin),
        endtime=UTCDateTime(ns=end),
    )
    if reason:
        return (trace, begin, end, "failed", 0, 0, "", tries, reason)
    if content is None:
        log.add(trace, begin, end, "no data")
        return (trace, begin, end, "no data", 0, 0, "", tries, "")
    records, wrong, _ = parse_records(content)
    own = trace_ids(records["code"]) == trace if len(records) else np.zeros(0, dtype=bool)
    inside = (records["start_ns"] < end) & (first | (records["start_ns"] >= begin))
    reasons = []
    if wrong:
        reasons.append(f"{sum(length for _, length, _ in wrong)} bytes were no record")
    if not own.all():
        reasons.append(f"{(~own).sum()} records of other channels came and were left out")
    chosen = records[own & inside]
    if not len(chosen):
        status = "failed" if wrong or not own.all() else "no data"
        return (trace, begin, end, status, 0, 0, "", tries, "; ".join(reasons))
    n_bytes = add_records(file, content, chosen)
    if not reasons:
        log.add(trace, begin, end, "downloaded", file.stat().st_size)
    samples = int(chosen["samples"].sum(dtype=np.int64))
    return (trace, begin, end, "downloaded", samples, n_bytes, name, tries, "; ".join(reasons))


def _sds_name(trace, begin):
    """Place of a day in the archive; codes come from the net and must stay in their folder."""
    network, station, _, channel = trace.split(".")
    day = np.datetime64(begin // _DAY_NS, "D")
    year = day.astype("M8[Y]")
    number = int((day - year.astype("M8[D]")).astype(int)) + 1
    file = safe_name(f"{trace}.D.{year}.{number:03d}")
    return "/".join((str(year), safe_name(network), safe_name(station),
                     safe_name(f"{channel}.D"), file))  # fmt: skip


def _codes(codes, name):
    codes = check_patterns(codes, name)
    if not codes:
        raise ValueError(f"{name} must name one code or pattern at least; '*' is all")
    wrong = [c for c in codes if not all(x.isalnum() or x in "*?-" for x in c)]
    if wrong:
        raise ValueError(f"{name}: {wrong[0]!r} is no code or pattern")
    return codes


def _table(rows):
    import pandas as pd

    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    for column in ("start", "end"):
        ns = table[column].to_numpy(dtype=np.int64)
        table[column] = pd.to_datetime(ns, utc=True, unit="ns").astype("datetime64[ns, UTC]")
    return table
