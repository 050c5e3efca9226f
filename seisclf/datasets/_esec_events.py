"""One event of the Exotic Seismic Events Catalog: its files to stations on one grid of samples."""

from dataclasses import dataclass, field
from math import ceil

import numpy as np

from ..io import ReadReport, gaps_of, read_records, read_waveform_file
from ..io._report import Report
from ..signal import bandpass, resample, resampling_ratio
from ._assemble import _interpolated
from ._channels import choose_channels

_SNR_WINDOW = 10.0  # s
_MARGIN = 64  # samples of the slower rate that keep the filter's ends outside the window


@dataclass
class Options:
    """What the user asked for, see `load_esec`; times in seconds."""

    n_stations: int | None
    components: str
    sampling_rate: float
    start: float
    duration: float
    station_order: str
    max_gap: float

    @property
    def n_samples(self):
        return round(self.duration * self.sampling_rate)


@dataclass
class EventWaveforms:
    """Stations of one event, best first, and what became of each of its files."""

    data: np.ndarray  # (n_stations, n_components, n_samples), NaN where missing
    stations: list = field(default_factory=list)
    files: list = field(default_factory=list)


def read_event(event, origin_ns, files, options):
    """Read the files of one event.

    Parameters
    ----------
    event : str
        Its name, for the report.
    origin_ns : int
        Its time in UTC nanoseconds since 1970.
    files : list of pathlib.Path
        MiniSEED, any number of channels each.
    options : Options
        What is wanted.

    Returns
    -------
    waveforms : EventWaveforms
        Not yet cut to ``options.n_stations``: see `keep_stations`.
    """
    start_ns = origin_ns + round(options.start * 1e9)
    found = Report()
    stream, rows = _read_files(event, files, found)
    records = read_records(stream, report=found, event=event)
    fates = {trace.id: "left out: cannot be merged" for trace in stream}
    by_station = {}
    for record in records.values():
        by_station.setdefault(record.station, []).append(record)
    kept = []
    for name, members in by_station.items():
        chosen = choose_channels(
            members,
            options.components,
            sampling_rate=options.sampling_rate,
            report=found,
            event=event,
        )
        fates |= {
            record.id: "left out: another channel of the station is used" for record in members
        }
        data = np.full((len(options.components), options.n_samples), np.nan, np.float32)
        for c, record in enumerate(chosen):
            if record is not None:
                fates[record.id] = cut_record(record, start_ns, options, data[c])
        known = ~np.isnan(data[:, 0])
        if known.any():
            used = [r for r, ok in zip(chosen, known, strict=True) if ok]
            kept.append((data, _station_row(event, name, used, data[known], options)))
    kept.sort(key=lambda pair: _order(pair[1], options.station_order))
    data = np.stack([pair[0] for pair in kept]) if kept else _no_station(options)
    _note(rows, fates, found)
    return EventWaveforms(data, [pair[1] for pair in kept], rows)


def keep_stations(waveforms, n_stations):
    """Keep the first stations; the files of the others say so."""
    waveforms.data = waveforms.data[:n_stations]
    for rank, row in enumerate(waveforms.stations[n_stations:], n_stations + 1):
        for file in waveforms.files:
            if file["station"] == row["station"] and file["fate"].startswith("used"):
                file["fate"] = "left out: the event has n_stations others"
                note = f"number {rank} in station_order"
                file["notes"] = "; ".join(filter(None, [file["notes"], note]))
    waveforms.stations = waveforms.stations[:n_stations]
    return waveforms


def _read_files(event, files, found):
    """All traces, and for each channel of each file one row of the report."""
    from obspy import Stream

    stream, rows = Stream(), []
    for file in files:
        row = {"event_id": event, "file": file.name, "trace": "", "station": ""}
        row |= {"sampling_rate": np.nan, "fate": "", "notes": ""}
        part = read_waveform_file(file, report=(report := ReadReport()))
        if not len(part):
            row["fate"] = f"left out: cannot be read ({report.files['reason'][0]})"
            rows.append(row)
            continue
        stream += part
        found.extend(report, event=event)
        for id in dict.fromkeys(trace.id for trace in part):
            rate = next(t.stats.sampling_rate for t in part if t.id == id)
            station = ".".join(id.split(".")[:2])
            rows.append(row | {"trace": id, "station": station, "sampling_rate": float(rate)})
    return stream, rows


def _note(rows, fates, found):
    """Write to each file what became of its channel, and what was found in it."""
    notes = {}
    for _, trace, what, action in found.rows:
        notes.setdefault(trace, []).append(f"{what}: {action}")
    for row in rows:
        row["fate"] = row["fate"] or fates[row["trace"]]
        row["notes"] = "; ".join(notes.get(row["trace"], []) + notes.get(row["station"], []))


def cut_record(record, start_ns, options, out):
    """Cut the window out of one channel, at the wanted rate.

    Parameters
    ----------
    record : Record
        One channel.
    start_ns : int
        First sample wanted, in UTC nanoseconds since 1970; the nearest recorded one is taken.
    options : Options
        Rate and length.
    out : ndarray of shape (n_samples,)
        Takes the samples; is not touched if the channel cannot be used.

    Returns
    -------
    fate : str
        "used", perhaps with a remark, or why not.
    """
    old, new = record.sampling_rate, options.sampling_rate
    first = round((start_ns - record.start_ns) * old / 1e9)
    last = first + ceil(options.n_samples * old / new)
    begin, end = max(first, 0), min(last, len(record.data))
    if end <= begin or not record.valid[begin:end].any():
        return "left out: nothing recorded in the window"
    gaps = _lengths_of_gaps(record.valid, first, last)
    seconds = gaps / old
    if seconds.size and seconds.max() > options.max_gap:
        return f"left out: {seconds.sum():g} s of the window are not recorded"
    known = record.data[begin:end][record.valid[begin:end]]
    if known.min() == known.max():
        return "left out: constant"
    up, down = resampling_ratio(old, new)
    # So that the window's first sample is a sample at both rates.
    before = min(ceil(_MARGIN * max(1, old / new) / down), max(first, 0) // down) * down
    after = last + _MARGIN * ceil(max(1, old / new))
    padded, valid = _span(record, first - before, max(after, last))
    filled, _ = _interpolated(padded.astype(np.float64), valid)
    there = resample(filled, old_rate=old, new_rate=new) if up != down else filled
    at = before * up // down
    out[:] = there[at : at + options.n_samples]
    inside = int((gaps > 1).sum())
    remark = f", {seconds[gaps > 1].sum():g} s interpolated" if inside else ""
    raised = f", recorded at {old:g} Hz only" if old < new else ""
    return f"used{remark}{raised}"


def _lengths_of_gaps(valid, first, last):
    """Runs of samples of [first, last) that were not recorded, by their length."""
    there = np.zeros(last - first, dtype=bool)
    begin, end = max(first, 0), min(last, len(valid))
    there[begin - first : end - first] = valid[begin:end]
    runs = gaps_of(there)
    return runs[:, 1] - runs[:, 0]


def _span(record, first, last):
    """Samples [first, last) of a record, and which of them were recorded."""
    data, valid = np.zeros(last - first, np.float32), np.zeros(last - first, bool)
    begin, end = max(first, 0), min(last, len(record.data))
    data[begin - first : end - first] = record.data[begin:end]
    valid[begin - first : end - first] = record.valid[begin:end]
    return data, valid


def _station_row(event, name, records, data, options):
    return {
        "event_id": event,
        "station": name,
        "channels": ",".join(record.id.split(".", 2)[2] for record in records),
        "sampling_rate": records[0].sampling_rate,
        "n_components": len(records),
        "snr_db": signal_to_noise(data, options.sampling_rate, -options.start),
    }


def signal_to_noise(data, sampling_rate, origin):
    """Signal-to-noise ratio of a station, the same for all that was recorded of it.

    The power above 1 Hz in windows of 10 s: the 90th percentile of those after the origin over
    the median of those before it; of the components the median.

    Parameters
    ----------
    data : ndarray of shape (n_components, n_samples)
        Without NaN.
    sampling_rate : float
        In Hz.
    origin : float
        Seconds after the first sample.

    Returns
    -------
    snr_db : float
        In dB; NaN if nothing was recorded before or after the origin.
    """
    width = round(_SNR_WINDOW * sampling_rate)
    split = min(max(round(origin * sampling_rate), 0), data.shape[-1])
    if split < width or data.shape[-1] - split < width:
        return np.nan
    x = bandpass(
        data - data.mean(axis=-1, keepdims=True),
        sampling_rate=sampling_rate,
        low=min(1.0, 0.1 * sampling_rate),
        high=None,
    )
    noise = np.median(_power(x[:, :split], width), axis=-1)
    signal = np.quantile(_power(x[:, split:], width), 0.9, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.median(10 * np.log10(signal / noise)))


def _power(x, width):
    n = x.shape[-1] // width
    pieces = x[:, : n * width].reshape(len(x), n, width)
    return np.mean(np.square(pieces, dtype=np.float64), axis=-1)


def _order(row, station_order):
    """Complete stations first, then by the rule; equal ones by name."""
    if station_order == "name":
        return (row["station"],)
    snr = row["snr_db"]
    return (-row["n_components"], np.inf if np.isnan(snr) else -snr, row["station"])


def _no_station(options):
    return np.empty((0, len(options.components), options.n_samples), np.float32)
