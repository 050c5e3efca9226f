"""Records of many events, with gaps and missing traces, to one array."""

from dataclasses import dataclass, field

import numpy as np

from ..io import gaps_of
from ._channels import choose_channels, full_name

GAPS = ("raise", "interpolate", "zero", "nan")
MISSING = ("raise", "nan", "zero")
_LISTED_GAPS = 4


class EventProblem(ValueError):
    """One event cannot be cut; the others can."""


@dataclass
class EventRecords:
    """What was recorded of one event.

    Parameters
    ----------
    id : str
        Event.
    records : dict of str to Record
        Its channels.
    start_ns : int or None
        First sample wanted; None takes the earliest there is.
    station : str or None
        The only station wanted, for events that are known by station.
    row : int
        Position in what the caller gave.
    """

    id: str
    records: dict
    start_ns: int | None = None
    station: str | None = None
    row: int = 0
    groups: dict = field(default_factory=dict)


@dataclass
class Assembled:
    """Arrays, and for each of their rows where it comes from."""

    data: np.ndarray
    valid: np.ndarray
    sampling_rate: float
    stations: list
    rows: list
    problems: list


@dataclass
class Assembler:
    """Puts events on one grid of components, stations and samples; see `from_streams`."""

    components: str
    sampling_rate: float | None
    duration: float | None
    stations: object
    as_rows: bool
    missing: str
    gaps: str
    resample: bool
    dtype: np.dtype
    report: object

    def __post_init__(self):
        for name, allowed in (("missing", MISSING), ("gaps", GAPS)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {allowed}, got {getattr(self, name)!r}")
        for name in ("sampling_rate", "duration"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be positive, got {value!r}")
        if self.resample and self.sampling_rate is None:
            raise ValueError("resample=True needs the sampling_rate to resample to, in Hz")

    def assemble(self, events):
        """Cut all events; what cannot be cut goes to ``problems`` as (event, message)."""
        for event in events:
            event.groups = self._choose(event)
        stations = self._stations(events)
        rate = self.sampling_rate or self._common_rate(events)
        network = self.stations_axis(stations)
        jobs, problems = [], []
        for event in events:
            try:
                names = self._names(event, stations)
                start_ns = self._start(event, names)
            except EventProblem as problem:
                problems.append((event, str(problem)))
                continue
            jobs += [
                (event, row, start_ns) for row in ([names] if network else [[n] for n in names])
            ]
        n_samples = self._n_samples(jobs, rate)
        shape = (len(jobs), len(stations) if network else 1, len(self.components), n_samples)
        data, valid = np.zeros(shape, self.dtype), np.zeros(shape, bool)
        rows, kept = [], []
        for i, (event, names, start_ns) in enumerate(jobs):
            try:
                for s, name in enumerate(names):
                    self._cut_station(event, name, start_ns, rate, data[i, s], valid[i, s])
            except EventProblem as problem:
                problems.append((event, str(problem)))
                continue
            kept.append(i)
            rows.append(self._row(event, names, start_ns, rate, valid[i]))
        if len(kept) < len(jobs):
            data, valid = data[kept], valid[kept]
        if not network:
            data, valid = data[:, 0], valid[:, 0]
        return Assembled(data, valid, float(rate), stations, rows, problems)

    def stations_axis(self, stations):
        """Whether the array gets an axis of stations."""
        if self.as_rows or isinstance(self.stations, str):
            return False
        return self.stations is not None or len(stations) > 1

    # Stations and channels ----------------------------------------------------------------------

    def _choose(self, event):
        """For each station the wanted components: a list of Record or None."""
        by_station = {}
        for record in event.records.values():
            by_station.setdefault(record.station, []).append(record)
        return {
            name: choose_channels(
                records,
                self.components,
                sampling_rate=self.sampling_rate,
                report=self.report,
                event=event.id,
            )
            for name, records in by_station.items()
        }

    def _stations(self, events):
        """Names of the stations wanted, in order."""
        there = sorted({name for event in events for name in event.groups})
        if self.stations is None:
            return there
        wanted = [self.stations] if isinstance(self.stations, str) else list(self.stations)
        return [full_name(name, there) for name in wanted]

    def _names(self, event, stations):
        if event.station is not None:
            return [full_name(event.station, list(event.groups))]
        if self.as_rows:
            names = [name for name in stations if name in event.groups]
            if not names:
                raise EventProblem(
                    f"none of the stations recorded it (there: {_list(event.groups)})"
                )
            return names
        return stations

    # Rates and times ----------------------------------------------------------------------------

    def _common_rate(self, events):
        rates = {}
        for event in events:
            for group in event.groups.values():
                for record in group:
                    if record is not None:
                        rates.setdefault(record.sampling_rate, []).append(record.id)
        if len(rates) > 1:
            found = ", ".join(
                f"{len(v)} traces at {k:g} Hz (e.g. {v[0]})" for k, v in rates.items()
            )
            raise ValueError(
                f"traces have different sampling rates: {found}. Give the one to resample to, "
                f"sampling_rate={max(rates, key=lambda k: len(rates[k])):g}, resample=True"
            )
        return next(iter(rates), 1.0)

    def _start(self, event, names):
        if event.start_ns is not None:
            return event.start_ns
        starts = [r.start_ns for r in self._records(event, names)]
        if not starts:
            wanted = f"components {self.components} of {', '.join(names)}"
            raise EventProblem(f"none of the {wanted} is there (there: {_list(event.records)})")
        return min(starts)

    def _n_samples(self, jobs, rate):
        if self.duration is not None:
            return round(self.duration * rate)
        spans = {}
        for event, names, start_ns in jobs:
            ends = [r.end_ns for r in self._records(event, names)]
            span = round((max(ends) - start_ns) * rate / 1e9) if ends else 0
            spans.setdefault(span, []).append(event.id)
        if not spans:
            return 0
        shortest, longest = min(spans), max(spans)
        if longest - shortest > 1:
            raise ValueError(
                f"events are {shortest / rate:g} s (event {spans[shortest][0]}) to "
                f"{longest / rate:g} s long (event {spans[longest][0]}): give the duration to cut "
                f"in seconds, e.g. duration={shortest / rate:g}"
            )
        for id in spans[longest] if longest > shortest else ():
            self.report.add(id, "all", "one sample longer than the shortest event", "cut off")
        return shortest

    @staticmethod
    def _records(event, names):
        return [r for name in names for r in event.groups.get(name, ()) if r is not None]

    # Cutting ------------------------------------------------------------------------------------

    def _cut_station(self, event, name, start_ns, rate, data, valid):
        group = event.groups.get(name)
        if group is None:
            self._miss(event, name, "station missing", f"there: {_list(event.groups)}", data)
            return
        for c, (component, record) in enumerate(zip(self.components, group, strict=True)):
            if record is not None and self._cut(event, record, start_ns, rate, data[c], valid[c]):
                continue
            there = [r.id for r in event.records.values() if r.station == name]
            what = f"component {component} missing"
            if record is not None:
                what = f"component {component} has no sample in the window"
            self._miss(event, name, what, f"there: {_list(there)}", data[c])

    def _miss(self, event, name, what, there, data):
        if self.missing == "raise":
            raise EventProblem(
                f"{name}: {what} ({there}); give missing='nan' or 'zero' to keep it"
            )
        data[:] = np.nan if self.missing == "nan" else 0.0
        self.report.add(event.id, name, what, "NaN" if self.missing == "nan" else "zeros")

    def _cut(self, event, record, start_ns, rate, data, valid):
        """Copy the window; False if nothing of it was recorded."""
        source, mask, origin = record.data, record.valid, record.start_ns
        if record.sampling_rate != rate:
            source, mask, origin = self._resampled(event, record, start_ns, rate, len(data))
        position = (start_ns - origin) * rate / 1e9
        at = round(position)
        begin, end = max(at, 0), min(at + len(data), len(source))
        if end <= begin or not mask[begin:end].any():
            return False
        if abs(position - at) > 0.01:
            what = f"samples lie {at - position:.2f} samples off the window's"
            self.report.add(event.id, record.id, what, "time axis shifted, data kept")
        data[begin - at : end - at] = source[begin:end]
        valid[begin - at : end - at] = mask[begin:end]
        self._fill(event, record, rate, data, valid)
        return True

    def _resampled(self, event, record, start_ns, rate, n_samples):
        from ..signal import resample

        old = record.sampling_rate
        if not self.resample:
            raise EventProblem(
                f"{record.id} is recorded at {old:g} Hz, not {rate:g}: give resample=True"
            )
        # A margin keeps the filter's edge effects outside the window.
        margin = round(64 * max(1.0, old / rate))
        at = round((start_ns - record.start_ns) * old / 1e9)
        begin = max(at - margin, 0)
        end = min(at + round(n_samples * old / rate) + margin, len(record.data))
        if end <= begin or not record.valid[begin:end].any():
            return record.data[:0], record.valid[:0], record.start_ns
        source, mask = _interpolated(record.data[begin:end], record.valid[begin:end])
        new = resample(source.astype(np.float64), old_rate=old, new_rate=rate)
        nearest = np.minimum(np.round(np.arange(len(new)) * old / rate).astype(int), len(mask) - 1)
        self.report.add(
            event.id, record.id, f"recorded at {old:g} Hz", f"resampled to {rate:g} Hz"
        )
        return new, mask[nearest], record.start_ns + round(begin / old * 1e9)

    def _fill(self, event, record, rate, data, valid):
        runs = gaps_of(valid)
        if not len(runs):
            return
        lengths = runs[:, 1] - runs[:, 0]
        edge = (lengths == 1) & ((runs[:, 0] == 0) | (runs[:, 1] == len(data)))
        if edge.all():
            # Windows that begin between samples end one short; that is no gap.
            what, action = "window ends one sample outside the record", "neighbour repeated"
            data[~valid] = _interpolated(data, valid)[0][~valid]
        else:
            what = _describe_gaps(runs, rate)
            if self.gaps == "raise":
                raise EventProblem(
                    f"{record.id} has {what}; give gaps='interpolate', 'zero' or 'nan' to keep it"
                )
            if self.gaps == "interpolate":
                data[~valid] = _interpolated(data, valid)[0][~valid]
            else:
                data[~valid] = np.nan if self.gaps == "nan" else 0.0
            action = {"interpolate": "interpolated", "zero": "zeros", "nan": "NaN"}[self.gaps]
        self.report.add(event.id, record.id, what, action)

    def _row(self, event, names, start_ns, rate, valid):
        recorded = valid.any(axis=-1)
        row = {
            "row": event.row,
            "event_id": event.id,
            "start_ns": start_ns,
            "end_ns": start_ns + round(valid.shape[-1] / rate * 1e9),
        }
        if len(valid) == 1 and not self.stations_axis(names):
            channels = [r.id for r in event.groups[names[0]] if r is not None]
            return row | {
                "station": names[0],
                "channels": ",".join(id.split(".")[3] for id in channels),
                "n_components": int(recorded.sum()),
            }
        return row | {"n_stations": int(recorded.any(axis=1).sum())}


def _interpolated(data, valid):
    """Straight lines across what was not recorded; the ends keep their neighbour's value."""
    if valid.all():
        return data, valid
    known = np.flatnonzero(valid)
    return np.interp(np.arange(len(data)), known, data[known]), valid


def _describe_gaps(runs, rate):
    lengths = (runs[:, 1] - runs[:, 0]) / rate
    if len(runs) > _LISTED_GAPS:
        return f"{len(runs)} gaps, {lengths.sum():g} s in all"
    each = [f"{n:g} s at {b / rate:g} s" for n, (b, _) in zip(lengths, runs, strict=True)]
    return f"{'a gap' if len(runs) == 1 else 'gaps'} of {', '.join(each)}"


def _list(names):
    names = sorted(names)
    return ", ".join(names[:6]) + (", …" if len(names) > 6 else "") if names else "nothing"
