"""An ObsPy Stream as one array with a mask per station, ready to be cut into windows."""

from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np

from ..io import read_records
from ..io._components import RATE_TOLERANCE, match_components
from ..io._report import Report
from ..signal import resample as resample_signal
from ._windows import runs


@dataclass
class StationRecord:
    """Continuous data of one station.

    Attributes
    ----------
    station, seed_id : str
        ``"NET.STA"`` and the full code of the first component.
    start_time : pandas.Timestamp
        UTC time of the first sample.
    data : ndarray of float, shape (n_components, n_samples)
        Gaps are bridged by straight lines, so that nothing jumps; see `valid`.
    valid : ndarray of bool, shape (n_samples,)
        Where all components have data.
    notes : list of str
        Everything that was done to the record.
    """

    station: str
    seed_id: str
    start_time: object
    data: np.ndarray
    valid: np.ndarray
    notes: list


def station_records(stream, *, components, sampling_rate, resample, longest_gap=None):
    """Sort a Stream by station and put each on one time axis.

    Parameters
    ----------
    stream : obspy.Stream or obspy.Trace
        Left unchanged.
    components : str
        Letters in the order of the rows, such as ``"ZNE"``. ``1`` and ``2`` are taken for ``N``
        and ``E`` where those are absent.
    sampling_rate : float
        Hertz that the classifier expects.
    resample : bool
        Whether traces of another rate are resampled, or refused.
    longest_gap : int, optional
        See :func:`bridge`.

    Returns
    -------
    records : list of StationRecord
        Stations that have all components, sorted by name.
    skipped : dict of str to str
        Stations that cannot be scanned, and why.

    Raises
    ------
    TypeError
        If `stream` is neither a Stream nor a Trace.
    ValueError
        If `stream` is empty, or rates differ from `sampling_rate` and `resample` is False.
    """
    report = Report()
    channels = _channels(stream, report)
    if not resample:
        _check_rates(channels, sampling_rate)
    found = report.to_frame()
    records, skipped = [], {}
    for name, group in sorted(_by_instrument(channels).items()):
        codes = [channel.channel for channel in group]
        index, notes = match_components(codes, components)
        missing = [letter for letter, i in zip(components, index, strict=True) if i < 0]
        if missing:
            skipped[name] = (
                f"no component {', '.join(missing)} (channels {', '.join(sorted(codes))}; "
                f"components={components!r} are needed)"
            )
            continue
        chosen = [group[i] for i in index]
        own = found[found["trace"].isin([channel.id for channel in chosen])]
        notes += [f"{row.trace}: {row.what}, {row.action}" for row in own.itertuples()]
        record = _record(name, chosen, sampling_rate, notes, longest_gap)
        if record is None:
            skipped[name] = "; ".join(notes) or "no data"
        else:
            records.append(record)
    return records, skipped


def _channels(stream, report):
    """Merged channels of a Stream, through the one door for ObsPy."""
    from obspy import Stream, Trace

    if isinstance(stream, Trace):
        stream = Stream([stream])
    if not isinstance(stream, Stream):
        raise TypeError(
            f"stream must be an ObsPy Stream, got {type(stream).__name__}: read files with "
            f"obspy.read(path)"
        )
    # float32 holds counts of up to 24 bits exactly.
    exact = all(np.can_cast(trace.data.dtype, np.float32) for trace in stream)
    channels = read_records(stream, dtype=np.float32 if exact else np.float64, report=report)
    if not channels:
        reasons = "; ".join(f"{row.trace}: {row.what}" for row in report.to_frame().itertuples())
        raise ValueError(f"stream holds no data. {reasons or 'It is empty'}")
    return list(channels.values())


def _check_rates(channels, sampling_rate):
    others = defaultdict(set)
    for channel in channels:
        if not _same_rate(channel, sampling_rate):
            others[channel.sampling_rate].add(channel.station)
    if others:
        found = "; ".join(
            f"{rate:g} Hz at {', '.join(sorted(stations))}"
            for rate, stations in sorted(others.items())
        )
        raise ValueError(
            f"the classifier expects {sampling_rate:g} Hz, but the record has {found}: use "
            f"EventDetector(classifier, resample=True), or stream.resample({sampling_rate:g}) "
            f"before the scan"
        )


def _same_rate(channel, sampling_rate):
    return abs(channel.sampling_rate - sampling_rate) <= RATE_TOLERANCE * sampling_rate


def _by_instrument(channels):
    """Channels by station; a station with several instruments has one entry for each."""
    instruments = defaultdict(list)
    for channel in channels:
        location = channel.id.split(".")[2]
        # The last letter of a SEED code is the component; words such as "NS" are nothing else.
        kind = channel.channel[:-1] if len(channel.channel) == 3 else ""
        instruments[channel.station, f"{location}.{kind}"].append(channel)
    several = Counter(station for station, _ in instruments)
    return {
        station if several[station] == 1 else f"{station}.{instrument}": group
        for (station, instrument), group in instruments.items()
    }


def _record(name, channels, sampling_rate, notes, longest_gap):
    import pandas as pd

    pieces = [_pieces(channel, sampling_rate, notes) for channel in channels]
    everything = [piece for row in pieces for piece in row]
    if not everything:
        return None
    start_ns = min(begin for begin, _ in everything)

    def index(begin):
        return round((begin - start_ns) * sampling_rate / 1e9)

    n_samples = max(index(begin) + len(values) for begin, values in everything)
    data = np.zeros((len(channels), n_samples), dtype=channels[0].data.dtype)
    valid = np.ones(n_samples, dtype=bool)
    for row, own in zip(data, pieces, strict=True):
        present = np.zeros(n_samples, dtype=bool)
        for begin, values in own:
            span = slice(index(begin), index(begin) + len(values))
            row[span], present[span] = values, True
        bridge(row, present, longest_gap)
        valid &= present
    if not valid.all():
        notes.append(f"{(~valid).sum() / sampling_rate:.2f} s without data")
    return StationRecord(
        station=name,
        seed_id=channels[0].id,
        start_time=pd.Timestamp(start_ns, unit="ns", tz="UTC"),
        data=data,
        valid=valid,
        notes=list(dict.fromkeys(notes)),
    )


def _pieces(channel, sampling_rate, notes):
    """Start (nanoseconds) and samples of each unbroken stretch, at `sampling_rate`."""
    pieces = [
        (channel.start_ns + round(first / channel.sampling_rate * 1e9), channel.data[first:last])
        for first, last in runs(channel.valid)
    ]
    if _same_rate(channel, sampling_rate):
        return pieces
    notes.append(f"resampled from {channel.sampling_rate:g} to {sampling_rate:g} Hz")
    # Stretch by stretch: a filter across a gap would ring.
    rates = {"old_rate": channel.sampling_rate, "new_rate": sampling_rate}
    return [(begin, resample_signal(values, **rates)) for begin, values in pieces]


def bridge(row, present, longest=None):
    """Fill what is missing in a row, in place, by values that do not jump.

    Parameters
    ----------
    row : ndarray of float, shape (n_samples,)
        Changed where nothing is present.
    present : ndarray of bool, shape (n_samples,)
        Where there is data.
    longest : int, optional
        Samples of a gap that is bridged by a straight line. Longer ones, of which no window sees
        both sides, hold the value before them, and in their last `longest` samples that after
        them if they are more than twice as long: so what a window sees does not depend on when
        data comes back. Default: all are bridged by lines.

    Examples
    --------
    >>> import numpy as np
    >>> row = np.array([1.0, 0, 0, 4, 0, 0, 0, 0, 0, 8])
    >>> bridge(row, row > 0, longest=2)
    >>> row.tolist()
    [1.0, 2.0, 3.0, 4.0, 4.0, 4.0, 4.0, 8.0, 8.0, 8.0]
    """
    if not present.any() or present.all():
        return
    where = np.flatnonzero(present)
    gaps = np.flatnonzero(~present)
    row[gaps] = np.interp(gaps, where, row[where])
    if longest is None:
        return
    for first, last in runs(~present):
        if last - first > longest and first > 0 and last < len(row):
            change = last - longest if last - first > 2 * longest else last
            row[first:change], row[change:last] = row[first - 1], row[last]
