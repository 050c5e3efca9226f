"""The door for ObsPy streams: each channel becomes one array and a mask of what was recorded."""

from dataclasses import dataclass

import numpy as np

from ._components import RATE_TOLERANCE, nominal_rate
from ._report import Report

# Values that acquisition systems write where nothing was recorded.
SENTINELS = (-(2**31),)
_REPORTED_SHIFT = 0.01  # samples


@dataclass(frozen=True)
class Record:
    """One channel without gaps in its array: `valid` says which samples were recorded.

    Parameters
    ----------
    id : str
        SEED identifier, ``"NET.STA.LOC.CHA"``.
    start_ns : int
        UTC time of the first sample in nanoseconds since 1970.
    sampling_rate : float
        Nominal rate in Hz.
    data : ndarray of shape (n_samples,)
        Waveform, zero where nothing was recorded.
    valid : ndarray of bool of shape (n_samples,)
        True where a sample was recorded.
    """

    id: str
    start_ns: int
    sampling_rate: float
    data: np.ndarray
    valid: np.ndarray

    @property
    def station(self):
        """Network and station, ``"NET.STA"``; without a network the station alone."""
        network, station = self.id.split(".")[:2]
        return f"{network}.{station}" if network else station

    @property
    def channel(self):
        """Channel code."""
        return self.id.split(".")[3]

    @property
    def end_ns(self):
        """UTC time after the last sample in nanoseconds since 1970."""
        return self.start_ns + round(len(self.data) / self.sampling_rate * 1e9)


def read_records(
    stream,
    *,
    start_ns=None,
    end_ns=None,
    rate_tolerance=RATE_TOLERANCE,
    sentinels=SENTINELS,
    dtype=np.float32,
    report=None,
    event="",
):
    """Merge the traces of a stream, channel by channel.

    Rates that differ by clock error are taken for one, dtypes are joined, pieces are put on one
    sample grid, overlaps and gaps, masked and not finite samples are found. A channel that cannot
    be merged is left out and reported; the others are not touched by it. The stream is not
    changed.

    Parameters
    ----------
    stream : obspy.Stream
        Traces in any order.
    start_ns, end_ns : int, optional
        Only samples in [start_ns, end_ns) are taken; UTC nanoseconds since 1970.
    rate_tolerance : float, default=1e-4
        Largest relative difference of rates that is taken for clock error.
    sentinels : tuple of int, default=(-2147483648,)
        Values that stand for "not recorded".
    dtype : dtype, default=numpy.float32
        dtype of the arrays.
    report : Report, optional
        Takes the findings.
    event : str, default=""
        What to call this stream in the report.

    Returns
    -------
    records : dict of str to Record
        By SEED identifier, sorted.

    Examples
    --------
    >>> from obspy import read
    >>> from seisclf.io import read_records
    >>> records = read_records(read())
    >>> list(records)
    ['BW.RJOB..EHE', 'BW.RJOB..EHN', 'BW.RJOB..EHZ']
    >>> records["BW.RJOB..EHZ"].data.shape, records["BW.RJOB..EHZ"].valid.all()
    ((3000,), np.True_)
    """
    report = Report() if report is None else report
    by_id = {}
    for trace in stream:
        by_id.setdefault(trace.id, []).append(trace)
    records = {}
    for id, traces in sorted(by_id.items()):
        door = _Door(id, rate_tolerance, sentinels, np.dtype(dtype), report, event)
        try:
            record = door.merge(traces, start_ns, end_ns)
        except (ValueError, TypeError, MemoryError, ArithmeticError) as error:
            report.add(event, id, f"cannot be merged: {error}", "channel left out")
            continue
        if record is not None:
            records[id] = record
    return records


@dataclass
class _Door:
    id: str
    rate_tolerance: float
    sentinels: tuple
    dtype: np.dtype
    report: Report
    event: str

    def merge(self, traces, start_ns, end_ns):
        traces = self._of_one_rate([t for t in traces if t.stats.npts])
        if not traces:
            self._found("no samples", "channel left out")
            return None
        rate = nominal_rate(traces[0].stats.sampling_rate, self.rate_tolerance)
        traces.sort(key=lambda t: (t.stats.starttime.ns, -t.stats.npts))
        if len({t.data.dtype for t in traces}) > 1:
            names = ", ".join(sorted({str(t.data.dtype) for t in traces}))
            self._found(f"dtypes {names}", f"joined as {self.dtype}")
        origin = traces[0].stats.starttime.ns
        pieces = [self._placed(t, origin, rate) for t in traces]
        # The window, on the grid of the first piece.
        first = 0 if start_ns is None else _index(start_ns - origin, rate, up=True)
        last = max(at + t.stats.npts for at, t in pieces)
        if end_ns is not None:
            last = min(last, _index(end_ns - origin, rate, up=True))
        first = max(first, min(at for at, _ in pieces))
        if last <= first:
            return None
        data = np.zeros(last - first, dtype=self.dtype)
        valid = np.zeros(last - first, dtype=bool)
        for at, trace in pieces:
            self._put(trace, at - first, data, valid)
        if not valid.any():
            if any(at < last and at + t.stats.npts > first for at, t in pieces):
                self._found("nothing recorded in the window", "channel left out")
            return None
        return Record(self.id, origin + round(first / rate * 1e9), rate, data, valid)

    def _of_one_rate(self, traces):
        """Traces whose rate is the one that most samples have."""
        samples = {}
        for trace in traces:
            rate = trace.stats.sampling_rate
            nominal = nominal_rate(rate, self.rate_tolerance)
            samples[nominal] = samples.get(nominal, 0) + trace.stats.npts
            if nominal != rate:
                drift = abs(rate / nominal - 1.0) * trace.stats.npts
                text = f", drifts by {drift:.1f} samples" if drift > 0.5 else ""
                self._found(f"rate {rate!r} Hz{text}", f"taken as {nominal:g} Hz")
        if len(samples) <= 1:
            return traces
        main = max(samples, key=samples.get)
        for rate, n in samples.items():
            if rate != main:
                self._found(f"{n} samples at {rate:g} Hz among {main:g} Hz", "left out as a gap")
        return [
            t for t in traces if nominal_rate(t.stats.sampling_rate, self.rate_tolerance) == main
        ]

    def _placed(self, trace, origin, rate):
        position = (trace.stats.starttime.ns - origin) * rate / 1e9
        at = round(position)
        if abs(position - at) > _REPORTED_SHIFT:
            self._found(f"piece off the grid by {position - at:.2f} samples", "moved to the grid")
        return at, trace

    def _put(self, trace, at, data, valid):
        """Copy a piece into what is still free."""
        begin, end = max(at, 0), min(at + trace.stats.npts, len(data))
        if end <= begin:
            return
        piece = trace.data[begin - at : end - at]
        good = self._recorded(piece)
        piece = np.where(good, np.ma.getdata(piece), 0).astype(self.dtype)
        data, valid = data[begin:end], valid[begin:end]
        both = valid & good
        if both.any():
            differ = int((data[both] != piece[both]).sum())
            what = f"overlap of {both.sum()} samples, "
            if differ:
                self._found(f"{what}{differ} of them differ", "the earlier trace kept")
            else:
                self._found(f"{what}identical", "joined")
        new = good & ~valid
        data[new] = piece[new]
        valid |= good

    def _recorded(self, piece):
        good = ~np.ma.getmaskarray(piece)
        values = np.ma.getdata(piece)
        for sentinel in self.sentinels:
            hit = good & (values == sentinel)
            if hit.any():
                self._found(f"{hit.sum()} samples are {sentinel}", "taken as a gap")
                good &= ~hit
        if values.dtype.kind == "f":
            bad = good & ~np.isfinite(values)
            if bad.any():
                self._found(f"{bad.sum()} samples are not finite", "taken as a gap")
                good &= ~bad
        return good

    def _found(self, what, action):
        self.report.add(self.event, self.id, what, action)


def _index(offset_ns, rate, *, up):
    """Sample at or after an offset; a hair before one counts as that one."""
    position = offset_ns * rate / 1e9
    nearest = round(position)
    if abs(position - nearest) < 1e-3:
        return nearest
    return int(np.ceil(position)) if up else int(np.floor(position))


def gaps_of(valid):
    """First and last-plus-one sample of each run that was not recorded.

    Parameters
    ----------
    valid : ndarray of bool of shape (n_samples,)
        True where a sample was recorded.

    Returns
    -------
    runs : ndarray of int of shape (n_gaps, 2)
        Half-open intervals.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.io import gaps_of
    >>> gaps_of(np.array([0, 1, 1, 0, 0, 1], dtype=bool)).tolist()
    [[0, 1], [3, 5]]
    """
    edges = np.diff(np.concatenate([[True], valid, [True]]).astype(np.int8))
    return np.column_stack([np.flatnonzero(edges < 0), np.flatnonzero(edges > 0)])
