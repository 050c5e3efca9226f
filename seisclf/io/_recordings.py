"""What was read of an archive: one array and mask per channel, and the report of all of it."""

from collections.abc import Mapping

import numpy as np

from ._grid import sample_index, sample_time
from ._limits import check_limits
from ._streams import Record


class Recordings(Mapping):
    """Channels of an archive: ``"NET.STA.LOC.CHA"`` to :class:`Record`.

    Recordings of one channel that lie far apart, such as those of events, are kept apart in
    memory; asking for the channel joins them into one array, if that is within the limits.

    Parameters
    ----------
    parts : dict of str to list of Record
        In order of time, on one grid of samples for each channel.
    report : ReadReport
        What was read and found.
    limits : Limits, optional
        Bound of what is joined.

    Attributes
    ----------
    report : ReadReport
        One row for every file, trace and finding.
    """

    def __init__(self, parts, report, limits=None):
        self.report = report
        self._parts = parts
        self._limits = check_limits(limits)

    def __getitem__(self, id):
        parts = self._parts[id]
        if len(parts) == 1:
            return parts[0]
        n_samples = self._n_samples(id)
        if n_samples > self._limits.max_samples:
            raise ValueError(
                f"{id} spans {n_samples} samples, over the limit "
                f"max_samples={self._limits.max_samples}: use .pieces({id!r}) for its "
                f"{len(parts)} parts, or read less at once with start and end"
            )
        joined = _joined(parts, n_samples)
        self._parts[id] = [joined]
        return joined

    def __iter__(self):
        return iter(self._parts)

    def __len__(self):
        return len(self._parts)

    def pieces(self, id):
        """Return the recordings of a channel that lie far apart, as a list of Record."""
        return list(self._parts[id])

    def _n_samples(self, id):
        parts = self._parts[id]
        rate = parts[0].sampling_rate
        return sample_index(parts[-1].end_ns - parts[0].start_ns, rate)

    def to_stream(self, gaps="mask"):
        """Return an ObsPy Stream.

        Parameters
        ----------
        gaps : {"mask", "split"}, default="mask"
            Masked arrays where there are gaps, or one trace for each piece without.

        Returns
        -------
        stream : obspy.Stream
            Sorted by identifier and time. Recordings that lie far apart are traces of their own.
        """
        from obspy import Stream

        if gaps not in ("mask", "split"):
            raise ValueError(f"gaps must be 'mask' or 'split', got {gaps!r}")
        return Stream(
            [
                trace
                for id in sorted(self._parts)
                for record in self._parts[id]
                for trace in _as_traces(record, gaps)
            ]
        )

    def __repr__(self):
        stations = len({".".join(id.split(".")[:2]) for id in self._parts})
        files = self.report.files
        counts = files["status"].value_counts(sort=False)
        said = ", ".join(f"{n} {status}" for status, n in counts.items())
        parts = [
            f"Recordings of {_number(len(self), 'channel')} of {_number(stations, 'station')}"
        ]
        if len(files):
            parts.append(f"{_number(len(files), 'file')} ({said})")
        parts.append(_number(len(self.report), "finding"))
        return ", ".join(parts)


def _number(n, word):
    return f"{n} {word}" if n == 1 else f"{n} {word}s"


def _joined(parts, n_samples):
    first = parts[0]
    data = np.zeros(n_samples, dtype=first.data.dtype)
    valid = np.zeros(n_samples, dtype=bool)
    for part in parts:
        at = sample_index(part.start_ns - first.start_ns, first.sampling_rate)
        data[at : at + len(part.data)] = part.data
        valid[at : at + len(part.data)] = part.valid
    return Record(first.id, first.start_ns, first.sampling_rate, data, valid)


def _as_traces(record, gaps):
    from obspy import Trace, UTCDateTime

    header = dict(zip(("network", "station", "location", "channel"), record.id.split("."),
                      strict=True))  # fmt: skip
    header["sampling_rate"] = record.sampling_rate

    def trace(data, at):
        start = record.start_ns + sample_time(at, record.sampling_rate)
        return Trace(data, header | {"starttime": UTCDateTime(ns=start)})

    if record.valid.all():
        return [trace(record.data, 0)]
    if gaps == "mask":
        return [trace(np.ma.masked_array(record.data, ~record.valid), 0)]
    edges = np.diff(np.concatenate([[False], record.valid, [False]]).astype(np.int8))
    begins, ends = np.flatnonzero(edges > 0), np.flatnonzero(edges < 0)
    return [trace(record.data[a:b], int(a)) for a, b in zip(begins, ends, strict=True)]
