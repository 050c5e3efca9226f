"""Samples of miniSEED 2: records are checked one by one, ObsPy decodes the sound ones."""

import numpy as np

from ._libmseed import decode_records
from ._miniseed_checks import (
    REASONS,
    by_channel,
    check_times,
    data_begins,
    end_times,
    unsound_records,
)
from ._miniseed_clean import clean_records
from ._miniseed_headers import RECORD_DTYPE, parse_records, trace_ids
from ._miniseed_pieces import repeated_records, timed_pieces

_STEIM = (10, 11)
_MOST_FAILURES = 2000


def read_miniseed(parts, *, start_ns=None, end_ns=None, headonly=False):
    """Decode the sound records of a file.

    Parameters
    ----------
    parts : list of (int, bytes)
        Stretches of the file, each with the byte it begins at.
    start_ns, end_ns : int, optional
        Only records that overlap [start_ns, end_ns) are decoded; UTC nanoseconds since 1970.
    headonly : bool, default=False
        Traces without samples.

    Returns
    -------
    stream : obspy.Stream
        Traces of those records.
    found : list of dict
        What is amiss: ``trace``, ``what``, ``start_ns``, ``end_ns``, ``samples``; ``kind`` and
        ``action`` where it is not corrupt records that are left out.
    n_records : int
        Records that look sound from outside, in the window or not.
    """
    if len(parts) == 1 and (clean := _clean(parts[0][1], start_ns, end_ns, headonly)) is not None:
        return clean
    return _with_faults(parts, start_ns, end_ns, headonly)


def _clean(content, start_ns, end_ns, headonly):
    """What `read_miniseed` returns, for a file in which nothing is amiss; else None."""
    from obspy import Stream

    records = clean_records(content)
    if records is None:
        return None
    n_records = len(records.samples)
    first, last = records.between(start_ns, end_ns)
    if last <= first:
        return Stream(), [], n_records
    try:
        stream = records.decode(first, last, headonly)
    except Exception:
        return None  # the general way finds the record
    if len(stream) != 1 or not records.fits(stream[0], first, last, headonly):
        return None
    return stream, [], n_records


def _with_faults(parts, start_ns, end_ns, headonly):
    """Check and decode any file."""
    from obspy import Stream

    content = parts[0][1] if len(parts) == 1 else b"".join(part for _, part in parts)
    records, at, found = _all_records(parts)
    data = np.frombuffer(content, dtype=np.uint8)
    begins = data_begins(data, at)
    reasons = unsound_records(data, at, begins, records)
    ends = end_times(records)
    check_times(records, ends, reasons)
    sound = reasons == 0
    found += [
        _finding(records, ends, i, REASONS[reasons[i]]) for i in np.flatnonzero(~sound).tolist()
    ]
    found = _joined(found)
    n_records = int(sound.sum())
    wanted = sound & (records["samples"] > 0)
    if start_ns is not None:
        wanted &= ends > start_ns
    if end_ns is not None:
        wanted &= records["start_ns"] < end_ns
    rows = np.flatnonzero(wanted)
    if len(rows) > 1:
        again = repeated_records(data, at, records, rows)
        found += _joined([_finding(records, ends, i, "there before", "duplicate") for i in again])
        rows = np.setdiff1d(rows, again) if len(again) else rows
    if not len(rows):
        return Stream(), found, n_records
    decoder = _Decoder(content, data, records, at, begins, ends, headonly)
    stream = decoder.decode(rows)
    return stream, found + _joined(decoder.found), n_records


def _all_records(parts):
    """Records of all stretches, where each begins in their joined bytes, and what is none."""
    records, at, found, joined = [], [], [], 0
    for base, content in parts:
        own, bad, _ = parse_records(content, base=base)
        records.append(own)
        at.append(own["offset"] - base + joined)
        ends = end_times(own)
        found += [_no_record(own, ends, content, base, *row) for row in bad]
        joined += len(content)
    if not records:
        return np.zeros(0, dtype=RECORD_DTYPE), np.zeros(0, dtype=np.int64), found
    return np.concatenate(records), np.concatenate(at), found


def _no_record(records, ends, content, base, offset, length, reason):
    """Finding of bytes that are no record: they leave the time between their neighbours."""
    after = int(np.searchsorted(records["offset"], offset))
    start = int(ends[after - 1]) if after else None
    end = int(records["start_ns"][after]) if after < len(records) else None
    codes = {bytes(records["code"][i]) for i in (after - 1, after) if 0 <= i < len(records)}
    what = f"byte {offset}: {length} bytes are no record"
    if reason == "incomplete record":
        what = f"byte {offset}: the last record is incomplete, {length} bytes of it are there"
        own = _cut_record(content[offset - base :])
        if own is not None:
            codes, start, end = (
                {bytes(own["code"][0])},
                int(own["start_ns"][0]),
                int(end_times(own)[0]),
            )
    if len(codes) > 1 or (start is not None and end is not None and end < start):
        start = end = None  # of several channels, or not in order: nobody knows what was here
    trace = str(trace_ids(np.array(list(codes)))[0]) if len(codes) == 1 else ""
    return {"trace": trace, "what": what, "start_ns": start, "end_ns": end, "samples": 0}


def _cut_record(rest):
    """Header of a record that ends too early."""
    for length in (512, 4096, 1024, 256):
        if len(rest) < length:
            padded = bytes(rest) + bytes(length - len(rest))
            records = parse_records(padded)[0]
            if len(records) == 1:
                return records
    return None


def _finding(records, ends, i, reason, kind="corrupt records"):
    record = records[i]
    return {
        "kind": kind,
        "trace": str(trace_ids(records["code"][i : i + 1])[0]),
        "what": f"byte {record['offset']}: {reason}",
        "start_ns": int(record["start_ns"]),
        "end_ns": int(ends[i]),
        "samples": int(record["samples"]),
        "bytes": (int(record["offset"]), int(record["offset"] + record["length"])),
        "reason": reason,
    }


def _joined(found):
    """Records one after another that are corrupt for one reason, as one finding."""
    joined = []
    for row in found:
        last = joined[-1] if joined else {}
        if (
            "bytes" in row
            and last.get("bytes", (0, -1))[1] == row["bytes"][0]
            and last["reason"] == row["reason"]
            and last["trace"] == row["trace"]
        ):
            begin, end = last["bytes"][0], row["bytes"][1]
            last |= {
                "bytes": (begin, end),
                "what": f"bytes {begin} to {end}: {row['reason']}",
                "start_ns": min(last["start_ns"], row["start_ns"]),
                "end_ns": max(last["end_ns"], row["end_ns"]),
                "samples": last["samples"] + row["samples"],
            }
        else:
            joined.append(dict(row))
    return joined


class _Decoder:
    """Hands records to ObsPy, and leaves out those that it cannot decode or decodes wrongly."""

    def __init__(self, content, data, records, at, begins, ends, headonly):
        self.content, self.data, self.headonly = content, data, headonly
        self.records, self.at, self.begins, self.ends = records, at, begins, ends
        self.found, self.failures = [], 0

    def decode(self, rows):
        """Traces of these records; halves of them where all cannot be decoded."""
        from obspy import Stream

        try:
            stream = self._obspy(rows)
            wrong = self._wrong(stream, rows)
        except Exception as error:
            # Whatever the decoder stumbles over, only the record that it stumbles over is lost.
            self.failures += 1
            reason = " ".join(str(error).split())[:120] or type(error).__name__
            if len(rows) == 1 or self.failures > _MOST_FAILURES:
                self._leave_out(rows, f"cannot be decoded: {reason}")
                return Stream()
            half = len(rows) // 2
            first, second = self.decode(rows[:half]), self.decode(rows[half:])
            return Stream([*first, *second])
        if len(wrong):
            self._leave_out(wrong, "fails its own check of the last sample")
            rows = np.setdiff1d(rows, wrong)
            stream = self._obspy(rows) if len(rows) else Stream()
        return stream if self.headonly or not len(rows) else self._timed(stream, rows)

    def _timed(self, stream, rows):
        """Traces cut where the times of their records say so."""
        from obspy import Stream

        own, ends, pieces = self.records[rows], self.ends[rows], []
        traces = _traces_by_channel(stream)
        for key, mine in by_channel(own):
            timed, found = timed_pieces(traces.get(key, []), own[mine], ends[mine])
            pieces += timed
            self.found += found
        return Stream(pieces)

    def _leave_out(self, rows, reason):
        self.found += [_finding(self.records, self.ends, i, reason) for i in rows.tolist()]

    def _obspy(self, rows):
        content = np.frombuffer(self._bytes(rows), dtype=np.int8)
        return decode_records(content, headonly=self.headonly)

    def _bytes(self, rows):
        """The records one after another, copied only where others lie between them."""
        begins, ends = self.at[rows], self.at[rows] + self.records["length"][rows]
        breaks = np.flatnonzero(begins[1:] != ends[:-1]) + 1
        firsts = begins[np.concatenate([[0], breaks])]
        lasts = ends[np.concatenate([breaks - 1, [len(rows) - 1]])]
        if len(firsts) == 1 and firsts[0] == 0 and lasts[0] == len(self.content):
            return self.content
        view = memoryview(self.content)
        return b"".join(view[a:b] for a, b in zip(firsts.tolist(), lasts.tolist(), strict=True))

    def _wrong(self, stream, rows):
        """Records whose samples are not those that were written.

        Steim-compressed records end with a known value. Where most records of a channel do not,
        their writer has never kept to that, and nothing can be told.
        """
        own = self.records[rows]
        pieces = _traces_by_channel(stream)
        wrong = []
        for key, mine in by_channel(own):
            n_samples = own["samples"][mine].astype(np.int64)
            traces = pieces.get(key, [])
            total = sum(trace.stats.npts for trace in traces)
            if total != n_samples.sum():
                raise ValueError(f"{total} samples instead of {n_samples.sum()}")
            steim = np.isin(own["encoding"][mine], _STEIM)
            if not self.headonly and steim.any():
                last = _values_at(traces, np.cumsum(n_samples) - 1)
                bad = steim & ~self._ends_with(rows[mine], last)
                if 0 < bad.sum() <= len(bad) / 2:
                    wrong.append(rows[mine[bad]])
        return np.sort(np.concatenate(wrong)) if wrong else np.zeros(0, dtype=np.int64)

    def _ends_with(self, rows, last):
        at = self.at[rows]
        where = at + self.begins[rows] + 8
        inside = where + 4 <= at + self.records["length"][rows]
        where = np.where(inside, where, at)
        raw = np.ascontiguousarray(self.data[where[:, np.newaxis] + np.arange(4)])
        big, little = raw.view(">i4")[:, 0], raw.view("<i4")[:, 0]
        return inside & ((big == last) | (little == last))


def _traces_by_channel(stream):
    traces = {}
    for trace in stream:
        key = trace.id, trace.stats.mseed.get("dataquality", "D")
        traces.setdefault(key, []).append(trace)
    return traces


def _values_at(traces, index):
    """Samples of traces one after another."""
    ends = np.cumsum([trace.stats.npts for trace in traces])
    which = np.searchsorted(ends, index, side="right")
    values = np.empty(len(index), dtype=np.float64)
    for k in np.unique(which):
        own = which == k
        values[own] = traces[k].data[index[own] - (ends[k - 1] if k else 0)]
    return values
