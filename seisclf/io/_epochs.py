"""Which response of an inventory holds for which part of a trace."""

import hashlib
import io
from collections.abc import Iterable
from pathlib import Path

from ._xml import read_stationxml


def read_inventories(inventory, name="inventory"):
    """Return an `obspy.Inventory` of what was given.

    Parameters
    ----------
    inventory : obspy.Inventory, path, or list of these
        StationXML files are read without document types and entities.
    name : str, default="inventory"
        What messages call it.

    Returns
    -------
    inventory : obspy.Inventory

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TypeError
        If it is something else.
    ValueError
        If a file is no StationXML.
    """
    from obspy import Inventory

    if isinstance(inventory, Inventory):
        return inventory
    if isinstance(inventory, str | Path):
        return read_stationxml(inventory)
    if isinstance(inventory, Iterable):
        parts = [read_inventories(part, name) for part in inventory]
        networks = [network for part in parts for network in part.networks]
        return Inventory(networks=networks, source="seisclf")
    raise TypeError(
        f"{name} must be an obspy.Inventory, a StationXML file or a list of these, got "
        f"{type(inventory).__name__}"
    )


def epochs_of(inventory, trace_id):
    """Channels of an inventory with this identifier.

    Parameters
    ----------
    inventory : obspy.Inventory
        With responses or without.
    trace_id : str
        ``"NET.STA.LOC.CHA"``.

    Returns
    -------
    epochs : list of (int, int, obspy.core.inventory.Response or None)
        Begin and end in nanoseconds since 1970, and what holds between them.
    """
    network_code, station_code, location, code = trace_id.split(".")
    epochs = []
    for network in inventory:
        if network.code != network_code:
            continue
        for station in network:
            if station.code != station_code:
                continue
            for channel in station:
                if channel.code == code and (channel.location_code or "") == location:
                    begin = _ns(channel.start_date or station.start_date, -(2**62))
                    end = _ns(channel.end_date or station.end_date, 2**62)
                    epochs.append((begin, end, channel.response))
    return epochs


def parts_of(epochs, start_ns, end_ns):
    """Divide a span where epochs begin or end.

    Parameters
    ----------
    epochs : list of (int, int, Response or None)
        Of one trace.
    start_ns, end_ns : int
        Span.

    Returns
    -------
    parts : list of (int, int, Response or None, str)
        Begin, end, the one response that holds; without one, why.
    """
    cuts = {start_ns, end_ns}
    for begin, end, _ in epochs:
        cuts |= {t for t in (begin, end) if start_ns < t < end_ns}
    cuts = sorted(cuts)
    parts = []
    for first, last in zip(cuts[:-1], cuts[1:], strict=True):
        holding = [response for begin, end, response in epochs if begin <= first < end]
        response, reason = _the_one(holding, bool(epochs))
        if parts and parts[-1][2] is response and parts[-1][3] == reason:
            parts[-1] = (parts[-1][0], last, response, reason)
        else:
            parts.append((first, last, response, reason))
    return parts


def sum_of(inventory):
    """Sum of the content of an inventory, for what must change when it does."""
    content = io.BytesIO()
    inventory.write(content, format="STATIONXML")
    # Without the time of writing.
    text = b"".join(
        line for line in content.getvalue().splitlines(True) if b"<Created>" not in line
    )
    return hashlib.sha256(text).hexdigest()[:16]


def _the_one(holding, known):
    if not holding:
        reason = "no epoch of the inventory holds then" if known else "not in the inventory"
        return None, reason
    with_response = [r for r in holding if r is not None and _says_something(r)]
    if not with_response:
        return None, "the inventory has the channel without a response (level='response'?)"
    first = with_response[0]
    if any(repr(other) != repr(first) or other != first for other in with_response[1:]):
        return None, f"{len(with_response)} epochs with different responses hold at once"
    return first, ""


def _says_something(response):
    return bool(
        response.response_stages
        or response.instrument_sensitivity
        or response.instrument_polynomial
    )


def _ns(time, default):
    return default if time is None else time.ns
