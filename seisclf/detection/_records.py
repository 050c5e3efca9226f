"""An ObsPy Stream as one array with a mask per station, ready to be cut into windows."""

import os
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..io import read_records
from ..io._components import RATE_TOLERANCE, match_components, nominal_rate
from ..io._grid import sample_time
from ..io._report import Report
from ..signal import resample as resample_signal
from ..signal._resample import resampling_ratio
from ._stand_ins import stand_in
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
        Gaps are bridged, so that nothing jumps; see `valid` and :func:`bridge`.
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


class Channel(NamedTuple):
    """What is known of a trace before it is read: SEED identifier, Hz, and UTC nanoseconds."""

    id: str
    rate: float
    start_ns: int
    end_ns: int

    @property
    def station(self):
        """``"NET.STA"``; without a network the station alone."""
        network, station = self.id.split(".")[:2]
        return f"{network}.{station}" if network else station


@dataclass(frozen=True)
class Instrument:
    """The channels of a station that a classifier sees, in the order of its components.

    Attributes
    ----------
    station : str
        ``"NET.STA"``; ``"NET.STA.LOC.HH"`` where a station has several instruments.
    channels : tuple of Channel
        One for each component.
    notes : tuple of str
        Which letters stand for others.
    others : tuple of tuple of Channel
        For each component, channels that stand in where its own has nothing: a station whose
        components changed their names.
    """

    station: str
    channels: tuple
    notes: tuple = ()
    others: tuple = ()

    @property
    def all_channels(self):
        """Those of the components, and those that stand in for them."""
        return [*self.channels, *(channel for own in self.others for channel in own)]

    @property
    def start_ns(self):
        """UTC time of the first sample in nanoseconds."""
        return min(channel.start_ns for channel in self.all_channels)

    @property
    def end_ns(self):
        """UTC time after the last sample in nanoseconds."""
        return max(channel.end_ns for channel in self.all_channels)

    @property
    def traces(self):
        """SEED identifiers."""
        return [channel.id for channel in self.all_channels]


@dataclass(frozen=True)
class RecordSettings:
    """How records are made.

    Attributes
    ----------
    components : str
        Letters in the order of the rows, such as ``"ZNE"``. ``1`` and ``2`` are taken for ``N``
        and ``E`` where those are absent.
    sampling_rate : float
        Hertz that the classifier expects.
    resample : bool
        Whether traces of another rate are resampled.
    constant_gap : float or None
        Seconds of one value that are taken for a gap.
    longest_gap : int
        Samples; longer gaps are not bridged by a line, see :func:`bridge`.
    """

    components: str
    sampling_rate: float
    resample: bool
    constant_gap: float | None
    longest_gap: int

    @property
    def resampling_reach(self):
        """Samples at the end of a stretch that depend on where it ends."""
        return 200 if self.resample else 0


def as_stream(stream):
    """A Stream of what was given.

    Raises
    ------
    TypeError
        If it is neither a Stream nor a Trace.
    """
    from obspy import Stream, Trace

    if isinstance(stream, Trace):
        stream = Stream([stream])
    if not isinstance(stream, Stream):
        mend = "read files with obspy.read(path)"
        if hasattr(stream, "to_stream"):
            mend = f"{type(stream).__name__}.to_stream() gives one"
        elif isinstance(stream, str | os.PathLike):
            mend += ", or scan an archive with EventDetector.scan(path)"
        raise TypeError(f"stream must be an ObsPy Stream, got {type(stream).__name__}: {mend}")
    return stream


def stream_channels(stream):
    """Channels of a Stream, each at the rate that most of its samples have.

    Raises
    ------
    ValueError
        If there are none.
    """
    samples = defaultdict(Counter)
    for trace in stream:
        if trace.stats.npts:
            samples[trace.id][nominal_rate(trace.stats.sampling_rate)] += trace.stats.npts
    rates = {id: max(counts, key=counts.get) for id, counts in samples.items()}
    spans = {}
    for trace in stream:
        rate = rates.get(trace.id)
        if rate and nominal_rate(trace.stats.sampling_rate) == rate:
            begin = trace.stats.starttime.ns
            first, last = spans.get(trace.id, (begin, begin))
            end = begin + sample_time(trace.stats.npts, rate)
            spans[trace.id] = min(first, begin), max(last, end)
    if not spans:
        raise ValueError("stream holds no data. It is empty")
    return [Channel(id, rates[id], *span) for id, span in sorted(spans.items())]


def instruments_of(channels, components):
    """Sort channels by station and instrument.

    Parameters
    ----------
    channels : list of Channel
        Of any number of stations.
    components : str
        See :class:`RecordSettings`.

    Returns
    -------
    instruments : list of Instrument
        Those that have all components, sorted by name.
    skipped : dict of str to str
        Stations that cannot be scanned, and why.
    """
    instruments, skipped = [], {}
    for name, group in sorted(_by_instrument(channels).items()):
        codes = [channel.id.split(".")[3] for channel in group]
        index, notes = match_components(codes, components)
        missing = [letter for letter, i in zip(components, index, strict=True) if i < 0]
        if missing:
            skipped[name] = (
                f"no component {', '.join(missing)} (channels {', '.join(sorted(codes))}; "
                f"components={components!r} are needed)"
            )
        else:
            chosen = tuple(group[i] for i in index)
            others = _standing_in(group, index, components)
            instruments.append(Instrument(name, chosen, tuple(notes), others))
    return instruments, skipped


def _standing_in(group, index, components):
    """For each component the channels that are other names of it, at its rate."""
    rest = [i for i in range(len(group)) if i not in index]
    if not rest:
        return ()
    others = []
    for letter, own in zip(components, index, strict=True):
        alike = [i for i in rest if is_rate(group[i].rate, group[own].rate)]
        names = [group[i].id.split(".")[3] for i in alike]
        found = []
        while (k := match_components(names, letter)[0][0]) >= 0:
            found.append(group[alike.pop(k)])
            names.pop(k)
        others.append(tuple(found))
    return tuple(others) if any(others) else ()


def _by_instrument(channels):
    """Channels by station; a station with several instruments has one entry for each."""
    instruments = defaultdict(list)
    for channel in channels:
        _, _, location, code = channel.id.split(".")
        # The last letter of a SEED code is the component; words such as "NS" are nothing else.
        kind = code[:-1] if len(code) == 3 else ""
        instruments[channel.station, f"{location}.{kind}"].append(channel)
    several = Counter(station for station, _ in instruments)
    return {
        station if several[station] == 1 else f"{station}.{instrument}": group
        for (station, instrument), group in instruments.items()
    }


def check_rates(channels, sampling_rate):
    """Refuse channels of another rate.

    Raises
    ------
    ValueError
        With all rates and their stations.
    """
    others = defaultdict(set)
    for channel in channels:
        if not is_rate(channel.rate, sampling_rate):
            others[channel.rate].add(channel.station)
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


def is_rate(rate, sampling_rate):
    """Whether two rates are one but for the error of a clock."""
    return abs(rate - sampling_rate) <= RATE_TOLERANCE * sampling_rate


def station_record(instrument, stream, settings, *, anchor_ns, first=0, last=None, report=None):
    """One station on a grid of samples.

    Parameters
    ----------
    instrument : Instrument
        What to take.
    stream : obspy.Stream
        Holds its traces, and perhaps others; left unchanged.
    settings : RecordSettings
        How.
    anchor_ns : int
        UTC time of sample 0 of the grid in nanoseconds.
    first, last : int, optional
        Samples that the record begins with and ends before. Default: 0, and where the data ends.
    report : ReadReport, optional
        Takes the findings. Default: they become notes.

    Returns
    -------
    record : StationRecord or None
        None if no component has any data.
    notes : list of str
        What was found.
    """
    import pandas as pd

    own_report = Report() if report is None else report
    rate = settings.sampling_rate
    own, notes = _of_instrument(instrument, stream, own_report), list(instrument.notes)
    # float32 holds counts of up to 24 bits exactly.
    exact = all(np.can_cast(trace.data.dtype, np.float32) for trace in own)
    records = read_records(
        own,
        dtype=np.float32 if exact else np.float64,
        report=own_report,
        anchor_ns=anchor_ns,
        constant_gap=settings.constant_gap,
    )
    pieces = {
        id: _pieces(records[id], anchor_ns, settings, notes) if id in records else []
        for id in instrument.traces
    }
    if report is None:
        found = own_report.to_frame()
        notes += [f"{row.trace}: {row.what}, {row.action}" for row in found.itertuples()]
    notes = list(dict.fromkeys(notes))
    if not any(pieces.values()):
        return None, notes
    if last is None:
        last = max(at + len(values) for row in pieces.values() for at, values in row)
    n_components = len(instrument.channels)
    data = np.zeros((n_components, last - first), dtype=np.float32 if exact else np.float64)
    valid = np.ones(last - first, dtype=bool)
    start_ns = anchor_ns + sample_time(first, rate)
    others = instrument.others or ((),) * n_components
    for row, channel, own_others in zip(data, instrument.channels, others, strict=True):
        present = _put(row, pieces[channel.id], first)
        for other in own_others:
            filled = _fill(row, present, pieces[other.id], first, settings.longest_gap)
            for begin, end in filled:
                what = f"{other.id} in place of {channel.id} for {(end - begin) / rate:g} s"
                times = [start_ns + sample_time(k, rate) for k in (begin, end)]
                own_report.add(
                    "", other.id, what, "taken; no window holds both", kind="component",
                    start_ns=times[0], end_ns=times[1], samples=end - begin,
                )  # fmt: skip
                if report is None:
                    notes.append(f"{what}, taken; no window holds both")
        bridge(row, present, settings.longest_gap)
        valid &= present
    if report is None and not valid.all():
        notes.append(missing_note((~valid).sum() / rate, len(runs(~valid))))
    return StationRecord(
        station=instrument.station,
        seed_id=instrument.traces[0],
        start_time=pd.Timestamp(start_ns, unit="ns", tz="UTC"),
        data=data,
        valid=valid,
        notes=notes,
    ), notes


def missing_note(seconds, n_gaps):
    """What is said of a station that did not record all the time."""
    return f"{seconds:.2f} s without data in {n_gaps} gap{'' if n_gaps == 1 else 's'}"


def _put(row, pieces, first):
    """Copy pieces into a row that begins with sample `first`; returns where there is data."""
    present = np.zeros(len(row), dtype=bool)
    for at, values in pieces:
        begin, end = max(at - first, 0), min(at - first + len(values), len(row))
        if end > begin:
            row[begin:end] = values[begin + first - at : end + first - at]
            present[begin:end] = True
    return present


def _fill(row, present, pieces, first, longest_gap):
    """Fill gaps of a row, in place, from another channel; returns the filled runs."""
    if not pieces:
        return []
    other = np.zeros_like(row)
    filled, _ = stand_in(present, _put(other, pieces, first), longest_gap)
    for begin, end in filled:
        row[begin:end] = other[begin:end]
    return filled


def _of_instrument(instrument, stream, report):
    """Traces of an instrument that have the rate of their channel."""
    from obspy import Stream

    rates = {channel.id: channel.rate for channel in instrument.all_channels}
    own = Stream()
    for trace in stream:
        if trace.id not in rates:
            continue
        stats = trace.stats
        rate = nominal_rate(stats.sampling_rate)
        # A part of the record must not take for its rate what in the whole is the exception.
        if stats.npts and rate != rates[trace.id]:
            begin = stats.starttime.ns
            report.add(
                "",
                trace.id,
                f"{stats.npts} samples at {rate:g} Hz among {rates[trace.id]:g} Hz",
                "left out as a gap",
                kind="rate differs",
                start_ns=begin,
                end_ns=begin + sample_time(stats.npts, rate),
                samples=stats.npts,
            )
        elif stats.npts:
            own.append(trace)
    return own


def _pieces(record, anchor_ns, settings, notes):
    """First sample on the grid, and samples, of each unbroken stretch."""
    rate = record.sampling_rate
    origin = round((record.start_ns - anchor_ns) * rate / 1e9)
    stretches = [
        (origin + int(first), record.data[first:last]) for first, last in runs(record.valid)
    ]
    if is_rate(rate, settings.sampling_rate):
        return stretches
    notes.append(f"resampled from {rate:g} to {settings.sampling_rate:g} Hz")
    # Stretch by stretch: a filter across a gap would ring.
    return [_resampled(at, values, rate, settings.sampling_rate) for at, values in stretches]


def _resampled(at, values, old_rate, new_rate):
    """A stretch at another rate, on the grid through the same anchor."""
    up, down = resampling_ratio(old_rate, new_rate)
    # Both grids have a sample there, wherever the stretch begins.
    early = at % down
    values = np.concatenate([np.full(early, values[0]), values])
    values = resample_signal(values, old_rate=old_rate, new_rate=new_rate)
    drop = -(-early * up // down)
    return (at - early) // down * up + drop, values[drop:]


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
