"""Which of a station's channels are the components wanted."""

from ..io._components import component_letter, match_components


def choose_channels(records, components, *, sampling_rate, report, event):
    """Choose one instrument of a station: components of two are never put together.

    The most complete one is taken; of equal ones that with the rate asked for, then that with
    more data, then the first by name. The others are reported.

    Parameters
    ----------
    records : list of Record
        All channels of one station.
    components : str
        Components wanted, such as ``"ZNE"``.
    sampling_rate : float or None
        Rate asked for, in Hz.
    report : Report
        Takes the findings.
    event : str
        What to call the event in the report.

    Returns
    -------
    chosen : list of Record or None
        For each component its record, None where there is none.
    """
    instruments = {}
    for record in records:
        instruments.setdefault(_instrument(record), []).append(record)
    found = {}
    for key, members in instruments.items():
        index, notes = match_components([r.channel for r in members], components)
        found[key] = [members[i] if i >= 0 else None for i in index], notes

    def merit(key):
        chosen = [r for r in found[key][0] if r is not None]
        fits = all(r.sampling_rate == sampling_rate for r in chosen)
        return -len(chosen), not fits, -sum(int(r.valid.sum()) for r in chosen), key

    first, *others = sorted(found, key=merit)
    station = records[0].station
    for key in others:
        channels = ", ".join(sorted(r.id for r in instruments[key]))
        report.add(event, station, f"also recorded as {channels}", "not used")
    chosen, notes = found[first]
    for note in notes:
        report.add(event, station, note, "taken as it is")
    return chosen


def _instrument(record):
    """Location, and band and instrument code; a word such as UD has none."""
    _, _, location, channel = record.id.split(".")
    is_word = component_letter(channel) != channel[-1:].upper()
    return location, "" if is_word else channel[:-1].upper()


def full_name(name, there):
    """Find the station that is meant, given with or without its network.

    Parameters
    ----------
    name : str
        ``"NET.STA"`` or ``"STA"``.
    there : list of str
        Stations that recorded something, ``"NET.STA"``.

    Returns
    -------
    name : str
        As it stands in `there`; unchanged if it does not.

    Raises
    ------
    ValueError
        If several networks have such a station.

    Examples
    --------
    >>> from seisclf.datasets._channels import full_name
    >>> full_name("SUR", ["SR.KAV", "SR.SUR"])
    'SR.SUR'
    """
    name = str(name)
    if name in there:
        return name
    found = [t for t in there if t.rpartition(".")[2] == name]
    if len(found) > 1:
        raise ValueError(f"station {name!r} is ambiguous: {', '.join(found)}")
    return found[0] if found else name
