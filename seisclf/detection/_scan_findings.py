"""What was found amiss in an archive: once each, however many tasks have seen it."""

import re

from ..io._grid import sample_index

# What tells two findings of a kind apart, beside their trace; what is not here is compared whole.
_SAME = {
    "gap": lambda what: "",
    "clipped": lambda what: "",
    "duplicate": lambda what: "",
    "constant": lambda what: what.split(" for ")[0],
    "component": lambda what: what.split(" for ")[0],
    "rate snapped": lambda what: what.split(",")[0],
    "sentinel": lambda what: what.partition(" ")[2],
    "not finite": lambda what: what.partition(" ")[2],
    "rate differs": lambda what: what.partition(" ")[2],
    "overlap": lambda what: "differ" in what,
}
_LASTING = ("gap", "constant", "component")
_HALF = 0.5  # samples; pieces closer than that are not apart


def known_findings(source, groups, *, start_ns=None, end_ns=None):
    """What is known of an archive before it is scanned.

    Parameters
    ----------
    source : object
        See :func:`source_of`.
    groups : list of Group
        What is scanned.
    start_ns, end_ns : int, optional
        UTC nanoseconds; what lies elsewhere is left out.

    Returns
    -------
    rows : iterator of tuple
        ``file, trace, kind, what, action, start_ns, end_ns, samples``.
    """
    first = -(2**62) if start_ns is None else start_ns
    last = 2**62 if end_ns is None else end_ns
    for row in _all_findings(source, groups):
        if row[5] is None or (row[5] < last and (row[6] or row[5]) > first):
            yield row


def _all_findings(source, groups):
    yield from source.findings()
    for group in groups:
        for member in group.present:
            for channel in member.channels:
                yield from _gaps(channel, source.spans(channel.id), member)


def _gaps(channel, spans, member):
    """Gaps of a channel while others of its station may have recorded."""
    least = _HALF * 1e9 / channel.rate
    at = member.start_ns
    for begin, end in [*spans.tolist(), (member.end_ns, member.end_ns)]:
        if begin - at > least:
            what = f"gap of {(begin - at) / 1e9:g} s"
            samples = sample_index(begin - at, channel.rate)
            yield "", channel.id, "gap", what, "masked", at, begin, samples
        at = max(at, end)


def merged(rows):
    """Findings of many tasks as if one had seen all.

    Parameters
    ----------
    rows : list of tuple
        As :func:`known_findings` returns them.

    Returns
    -------
    rows : list of tuple
        In order of time, then trace; what has no time comes last.
    """
    untimed = [row for row in dict.fromkeys(rows) if row[5] is None]
    alike = {}
    for row in rows:
        if row[5] is not None:
            key = row[1], row[2], row[4], _SAME.get(row[2], str)(row[3])
            alike.setdefault(key, []).append(row)
    timed = [one for own in alike.values() for one in _joined(own)]
    twice = [row for row in timed if row[2] == "duplicate"]
    timed = [row for row in timed if not _is_duplicate(row, twice)]
    return sorted(timed, key=lambda row: (row[5], row[1], row[2])) + untimed


def _joined(rows):
    """Rows that overlap or touch as one."""
    parts, end = [], None
    for row in sorted(rows, key=lambda row: (row[5], -row[6])):
        if end is None or row[5] > end + 1:
            if parts:
                yield _one(parts)
            parts, end = [], row[6]
        parts.append(row)
        end = max(end, row[6])
    yield _one(parts)


def _one(parts):
    file, trace, kind, what, action, start, end, samples = parts[0]
    parts = list(dict.fromkeys(parts))
    if len(parts) == 1:
        return parts[0]
    end = max(row[6] for row in parts)
    names = {row[0] for row in parts} - {""}
    file = names.pop() if len(names) == 1 else ""
    if kind in _LASTING:
        # The same stretch, seen from the index and from tasks.
        longest = max(parts, key=lambda row: row[6] - row[5])
        rate = longest[7] / max(longest[6] - longest[5], 1)
        samples = round((end - start) * rate)
    else:
        samples = sum(row[7] for row in parts)
    return (
        file,
        trace,
        kind,
        _retold(kind, parts, samples, end - start),
        action,
        start,
        end,
        samples,
    )


def _retold(kind, parts, samples, length_ns):
    """The words of several findings, with the numbers of all."""
    what = max(parts, key=lambda row: row[6] - row[5])[3]
    if kind in _LASTING:
        return re.sub(r"(of|for) [^ ]+ s$", rf"\g<1> {length_ns / 1e9:g} s", what)
    if kind == "clipped":
        times = sum(int(re.match(r"\d+|", row[3]).group() or 0) for row in parts)
        return re.sub(r"^\d+", str(times), what)
    return re.sub(r"^(overlap of )?\d+(?= samples)", rf"\g<1>{samples}", what)


def _is_duplicate(row, twice):
    """Whether an overlap is one of records that are there twice, and said to be."""
    slack = 10**8
    return row[2] == "overlap" and "identical" in row[3] and any(
        other[1] == row[1] and other[5] - slack <= row[5] and row[6] <= other[6] + slack
        for other in twice
    )  # fmt: skip
