"""What goes wrong in archives, planted into files of a synthetic one."""

from typing import NamedTuple

import numpy as np

# Name to the kind that a report of reading should give it, and whether samples are lost.
FAULTS = {
    "gap": ("gap", True),
    "overlap": ("overlap", False),
    "different overlap": ("overlap", False),
    "duplicate records": ("duplicate", False),
    "duplicate file": ("duplicate", False),
    "sentinel": ("sentinel", True),
    "not finite": ("not finite", True),
    "zero-filled gap": ("constant", True),
    "rate of a drifting clock": ("rate snapped", False),
    "wrong rate": ("rate differs", True),
    "off grid": ("off grid", False),
    "corrupt records": ("corrupt records", True),
    "truncated file": ("corrupt records", True),
    "past midnight": ("", False),
    "clipped": ("clipped", False),
    "other component names": ("component", False),
    "missing file": ("", True),
    "empty file": ("empty", True),
    "foreign file": ("unknown format", False),
}
# These concern a file as a whole; the others a stretch of it.
_WHOLE = (
    "clipped",
    "other component names",
    "missing file",
    "empty file",
    "past midnight",
    "truncated file",
)
# These put other pieces in place of the samples.
_CUTTING = (
    "gap",
    "duplicate records",
    "sentinel",
    "not finite",
    "rate of a drifting clock",
    "wrong rate",
    "off grid",
)
# With these, samples are written twice.
_OVERLAPPING = ("overlap", "different overlap")
_SLOT = 300.0  # s; no two faults of a file lie in one
_LATE = 7.0  # s that come into the file of the day before
_RECORD = 512  # bytes


class Fault(NamedTuple):
    """A fault to be planted: its name, and the samples of the file that it concerns."""

    name: str
    begin: int
    end: int


def plan_faults(names, codes, edges, sampling_rate, rng):
    """Choose a file and a place for each fault.

    Parameters
    ----------
    names : list of str
        Faults, of :data:`FAULTS`.
    codes : list of list of str
        Traces of each station.
    edges : list of int
        First samples of files, and the end of the last.
    sampling_rate : float
        Hertz.
    rng : numpy.random.Generator
        Chooses.

    Returns
    -------
    plan : dict of (str, int) to list of Fault
        By trace and first sample of the file.
    """
    slot = round(_SLOT * sampling_rate)
    size = np.diff(edges)
    files = [(code, k) for own in codes for code in own for k in range(len(size))]
    slots = {file: list(rng.permutation(size[file[1]] // slot)) for file in files}
    plan = {}
    # First those that leave no room for others in their file.
    for name in sorted(names, key=lambda name: name not in _WHOLE):
        fitting = [file for file in slots if slots[file] and _fits(name, file)]
        if not fitting:
            raise ValueError(_too_short(len(names), len(files)))
        file = fitting[rng.integers(len(fitting))]
        if name in _WHOLE:
            begin, end = 0, int(size[file[1]])
            del slots[file]
        else:
            begin = int(slots[file].pop()) * slot + slot // 5
            end = begin + _length(name, sampling_rate, rng)
        plan.setdefault((file[0], edges[file[1]]), []).append(Fault(name, begin, end))
    return plan


def write_file(folder, code, x, at_ns, sampling_rate, file_length, faults):
    """Write one file with its faults.

    Parameters
    ----------
    folder : pathlib.Path
        The archive.
    code : str
        ``"NET.STA.LOC.CHA"``.
    x : ndarray of int32, shape (n_samples,)
        Counts; they are written to.
    at_ns : int
        Time of the first sample, nanoseconds since 1970.
    sampling_rate : float
        Hertz.
    file_length : float
        Seconds of files.
    faults : sequence of Fault
        What to plant.

    Returns
    -------
    planted : list of tuple
        ``fault, kind, station, trace, file, start, end, hides``; times in nanoseconds.
    """
    names = {fault.name for fault in faults}
    if "other component names" in names:
        code = code[:-1] + {"Z": "z", "N": "1", "E": "2"}[code[-1]]
    path = folder / _name(code, at_ns, file_length)
    path.parent.mkdir(parents=True, exist_ok=True)
    file = _File(code, x, at_ns, sampling_rate)
    spans = {fault.name: (file.time(fault.begin), file.time(fault.end)) for fault in faults}
    if "empty file" in names:
        path.touch()
    elif "missing file" not in names:
        file.write(path, faults)
    if "past midnight" in names:
        before = folder / _name(code, at_ns - round(file_length * 1e9), file_length)
        spans["past midnight"] = file.move_beginning(path, before)
    if "corrupt records" in names:
        spans["corrupt records"] = _corrupt(path, spans["corrupt records"], code)
    if "truncated file" in names:
        spans["truncated file"] = _truncate(path)
    where = {}
    if "duplicate file" in names:
        where["duplicate file"] = copy = folder / "copies" / path.name
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(path.read_bytes())
    if "foreign file" in names:
        where["foreign file"] = notes = path.parent / "notes.txt"
        notes.write_text("Battery changed, snow cleared.\n")
    station = ".".join(code.split(".")[:2])
    return [
        (
            fault.name,
            FAULTS[fault.name][0],
            station,
            code,
            where.get(fault.name, path).relative_to(folder).as_posix(),
            *spans[fault.name],
            FAULTS[fault.name][1],
        )
        for fault in faults
    ]


def _length(name, sampling_rate, rng):
    seconds = {
        "overlap": 3.0,
        "different overlap": 2.0,
        "sentinel": 10.0,
        "not finite": 5.0,
        "zero-filled gap": 60.0,
        "wrong rate": 120.0,
        "off grid": 60.0,
        "rate of a drifting clock": 120.0,
        "gap": rng.uniform(20.0, 100.0),
    }
    return round(seconds.get(name, 30.0) * sampling_rate)


def _fits(name, file):
    # There must be a file before for what came too late.
    return name != "past midnight" or file[1] > 0


def _too_short(n_faults, n_files):
    return (
        f"{n_faults} faults do not fit into {n_files} files: make duration longer, file_length "
        f"shorter, or name fewer faults"
    )


def _name(code, at_ns, file_length):
    from datetime import UTC, datetime

    network, station, _, channel = code.split(".")
    time = datetime.fromtimestamp(at_ns // 10**9, tz=UTC)
    name = f"{code}.D.{time:%Y.%j}"
    if file_length < 86400:
        name += f".{time:%H%M%S}"
    return f"{time:%Y}/{network}/{station}/{channel}.D/{name}"


class _File:
    """Samples of one file, written as one piece or, around faults, as several."""

    def __init__(self, code, x, at_ns, rate):
        self.code, self.x, self.at_ns, self.rate = code, x, at_ns, rate

    def time(self, sample):
        """Time of a sample in nanoseconds since 1970."""
        return self.at_ns + round(sample / self.rate * 1e9)

    def write(self, path, faults):
        """Write all pieces in order of time."""
        traces, at = [], 0
        for fault in sorted(faults, key=lambda fault: fault.begin):
            if fault.name == "zero-filled gap":
                self.x[fault.begin : fault.end] = 0
            elif fault.name == "clipped":
                # The digitizer's range ends at what one sample in ten thousand exceeds.
                limit = int(np.quantile(np.abs(self.x), 0.9999))
                np.clip(self.x, -limit, limit, out=self.x)
            elif fault.name in _OVERLAPPING:
                before = self.x[at : fault.end].copy()
                if fault.name == "different overlap":
                    before[fault.begin - at :] //= 2
                traces.append(self._trace(before, at))
                at = fault.begin  # and once more
            elif fault.name in _CUTTING:
                traces += [self._trace(self.x[at : fault.begin], at), *self._instead(fault)]
                at = fault.end
        traces.append(self._trace(self.x[at:], at))
        with path.open("wb") as file:
            _append(file, traces)

    def move_beginning(self, path, before):
        """Take the first seconds out of this file and put them at the end of the one before."""
        n = round(_LATE * self.rate)
        with path.open("wb") as file:
            _append(file, [self._trace(self.x[n:], n)])
        with before.open("ab") as file:
            _append(file, [self._trace(self.x[:n], 0)])
        return self.time(0), self.time(n)

    def _instead(self, fault):
        """Pieces in place of the samples of a fault."""
        a, n = fault.begin, fault.end - fault.begin
        x = self.x[a : a + n]
        if fault.name == "duplicate records":
            return [self._trace(x, a), self._trace(x, a)]
        if fault.name == "sentinel":
            return [self._trace(np.full(n, -(2**31), dtype=np.int32), a)]
        if fault.name == "not finite":
            return [self._trace(np.full(n, np.nan, dtype=np.float32), a)]
        if fault.name == "rate of a drifting clock":
            return [self._trace(x, a, rate=self.rate * (1 - 8e-8))]
        if fault.name == "wrong rate":
            return [self._trace(x[::2], a, rate=self.rate / 2)]
        if fault.name == "off grid":
            return [self._trace(x, a + 0.3)]
        return []  # a gap

    def _trace(self, values, at, rate=None):
        from obspy import Trace, UTCDateTime

        network, station, location, channel = self.code.split(".")
        header = {
            "network": network,
            "station": station,
            "location": location,
            "channel": channel,
            "sampling_rate": rate or self.rate,
            "starttime": UTCDateTime(ns=self.time(at)),
        }
        return Trace(np.ascontiguousarray(values), header)


def _append(file, traces):
    for trace in traces:
        if trace.stats.npts:
            trace.write(file, format="MSEED", reclen=_RECORD, encoding=_encoding(trace.data))


def _encoding(values):
    if values.dtype.kind == "f":
        return "FLOAT32"
    # Steim-2 holds differences of 30 bits, and a constant of the lowest value has none.
    return "INT32" if values.min() == -(2**31) else "STEIM2"


def _corrupt(path, span, code):
    """Overwrite the records that begin in a span; returns the time that is lost with them."""
    records = np.fromfile(path, dtype=np.uint8).reshape(-1, _RECORD)
    starts = _start_times(records)
    hit = np.flatnonzero((starts >= span[0]) & (starts < span[1]))
    noise = np.random.default_rng(sum(code.encode())).integers(0, 256, (len(hit), _RECORD))
    records[hit] = noise.astype(np.uint8)
    path.write_bytes(records.tobytes())
    return int(starts[hit[0]]), int(starts[hit[-1] + 1])


def _truncate(path):
    """Cut the last record in half."""
    records = np.fromfile(path, dtype=np.uint8).reshape(-1, _RECORD)
    starts = _start_times(records[-2:])
    with path.open("r+b") as file:
        file.truncate(records.size - _RECORD // 2)
    n_samples = int.from_bytes(records[-1, 30:32].tobytes(), "big")
    per_record = (starts[1] - starts[0]) / int.from_bytes(records[-2, 30:32].tobytes(), "big")
    return int(starts[1]), int(starts[1] + round(n_samples * per_record))


def _start_times(records):
    """Start of each miniSEED record in nanoseconds since 1970, from its fixed header."""
    year, day = (records[:, i : i + 2].copy().view(">u2")[:, 0].astype(int) for i in (20, 22))
    hour, minute, second = (records[:, i].astype(int) for i in (24, 25, 26))
    fraction = records[:, 28:30].copy().view(">u2")[:, 0].astype(int)
    days = (year - 1970).astype("datetime64[Y]").astype("datetime64[D]").astype(int) + day - 1
    seconds = ((days * 24 + hour) * 60 + minute) * 60 + second
    return seconds * 10**9 + fraction * 10**5
