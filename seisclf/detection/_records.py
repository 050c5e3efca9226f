"""An ObsPy Stream as one array with a mask per station, ready to be cut into windows."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

# Rates this close (relative) are one rate written down with rounding errors.
_SAME_RATE = 1e-4
_ALIASES = {"Z": "Z3U", "N": "N1", "E": "E2"}


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


def station_records(stream, *, components, sampling_rate, resample):
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
    traces = _traces(stream)
    if not resample:
        _check_rates(traces, sampling_rate)
    records, skipped = [], {}
    for name, group in sorted(_by_instrument(traces).items()):
        chosen = _choose_components(group, components)
        missing = [letter for letter, found in zip(components, chosen, strict=True) if not found]
        if missing:
            channels = sorted({trace.stats.channel for trace in group})
            skipped[name] = (
                f"no component {', '.join(missing)} (channels {', '.join(channels)}; "
                f"components={components!r} are needed)"
            )
            continue
        records.append(_record(name, chosen, sampling_rate))
    return records, skipped


def _traces(stream):
    from obspy import Stream, Trace

    if isinstance(stream, Trace):
        stream = Stream([stream])
    if not isinstance(stream, Stream):
        raise TypeError(
            f"stream must be an ObsPy Stream, got {type(stream).__name__}: read files with "
            f"obspy.read(path)"
        )
    traces = [part for trace in stream for part in trace.split() if len(part)]
    if not traces:
        raise ValueError("stream holds no data: every trace is empty")
    return traces


def _check_rates(traces, sampling_rate):
    others = defaultdict(set)
    for trace in traces:
        rate = trace.stats.sampling_rate
        if abs(rate - sampling_rate) > _SAME_RATE * sampling_rate:
            others[rate].add(_station(trace))
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


def _station(trace):
    return f"{trace.stats.network}.{trace.stats.station}"


def _by_instrument(traces):
    """Traces by station; a station with several instruments has one entry for each."""
    instruments = defaultdict(list)
    for trace in traces:
        stats = trace.stats
        key = (_station(trace), f"{stats.location}.{stats.channel[:-1]}")
        instruments[key].append(trace)
    per_station = defaultdict(int)
    for station, _ in instruments:
        per_station[station] += 1
    return {
        station if per_station[station] == 1 else f"{station}.{instrument}": group
        for (station, instrument), group in instruments.items()
    }


def _choose_components(traces, components):
    by_letter = defaultdict(list)
    for trace in traces:
        by_letter[trace.stats.channel[-1:].upper()].append(trace)
    return [
        next((by_letter[a] for a in _ALIASES.get(letter, letter) if a in by_letter), [])
        for letter in components.upper()
    ]


def _record(name, chosen, sampling_rate):
    import pandas as pd

    notes = []
    pieces = [[_at_rate(trace, sampling_rate, notes) for trace in traces] for traces in chosen]
    everything = [piece for row in pieces for piece in row]
    start = min(begin for begin, _ in everything)
    end = max(begin + len(values) / sampling_rate for begin, values in everything)
    n_samples = round((end - start) * sampling_rate)
    data = np.zeros((len(chosen), n_samples), dtype=_float_type(chosen))
    valid = np.ones(n_samples, dtype=bool)
    for row, traces in zip(data, pieces, strict=True):
        present = np.zeros(n_samples, dtype=bool)
        for begin, values in traces:
            first = round((begin - start) * sampling_rate)
            values = values[: n_samples - first]
            span = slice(first, first + len(values))
            # Where two pieces overlap the first one stays.
            row[span] = np.where(present[span], row[span], values)
            present[span] = True
        present &= np.isfinite(row)
        _bridge(row, present)
        valid &= present
    if not valid.all():
        notes.append(f"{(~valid).sum() / sampling_rate:.2f} s without data")
    first = chosen[0][0]
    return StationRecord(
        station=name,
        seed_id=first.id,
        start_time=pd.Timestamp(start, unit="s", tz="UTC"),
        data=data,
        valid=valid,
        notes=list(dict.fromkeys(notes)),
    )


def _float_type(chosen):
    """float32 where it holds every value exactly: counts of 24 bits and more need float64."""
    dtypes = {trace.data.dtype for traces in chosen for trace in traces}
    exact = all(np.can_cast(dtype, np.float32) for dtype in dtypes)
    return np.float32 if exact else np.float64


def _at_rate(trace, sampling_rate, notes):
    """Start (seconds since 1970) and samples of one trace at `sampling_rate`."""
    rate = trace.stats.sampling_rate
    values = np.asarray(trace.data, dtype=float)
    if abs(rate - sampling_rate) > _SAME_RATE * sampling_rate:
        from ..signal import resample

        values = resample(values, old_rate=rate, new_rate=sampling_rate)
        notes.append(f"resampled from {rate:g} to {sampling_rate:g} Hz")
    return trace.stats.starttime.timestamp, values


def _bridge(row, present):
    if present.any() and not present.all():
        where = np.flatnonzero(present)
        gaps = np.flatnonzero(~present)
        row[gaps] = np.interp(gaps, where, row[where])
