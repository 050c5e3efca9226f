"""Records of a day: those that are there, and those that came."""

import os

import numpy as np

from ._miniseed_headers import RECORD_DTYPE, parse_records


def add_records(file, content, records):
    """Write new records together with those that are there; returns the bytes of the new ones."""
    parts = {}
    if file.exists():
        there = file.read_bytes()
        old, _ = records_of(file)
        parts = {_key(r): there[r["offset"] : r["offset"] + r["length"]] for r in old}
    new = {_key(r): content[r["offset"] : r["offset"] + r["length"]] for r in records}
    added = [part for key, part in new.items() if key not in parts]
    parts = new | parts
    file.parent.mkdir(parents=True, exist_ok=True)
    replace_file(file, b"".join(part for _, part in sorted(parts.items())))
    return sum(map(len, added))


def _key(record):
    return (
        int(record["start_ns"]),
        int(record["samples"]),
        bytes(record["code"]),
        bytes(record["quality"]),
    )


def records_of(file):
    """Records of a file that may not be there, and what in it is no record."""
    if not file.exists():
        return np.zeros(0, dtype=RECORD_DTYPE), []
    records, bad, _ = parse_records(file.read_bytes())
    return records, bad


def covers(records, begin, end):
    """Whether records leave no gap in a span."""
    records = np.sort(records[(records["samples"] > 0) & (records["rate"] > 0)], order="start_ns")
    if not len(records):
        return False
    step = 1e9 / records["rate"]
    starts, ends = records["start_ns"], records["start_ns"] + records["samples"] * step
    reached = np.maximum.accumulate(ends)
    whole = (starts[1:] <= reached[:-1] + step[1:] / 2).all()
    return bool(whole and starts[0] <= begin + step[0] and reached[-1] >= end - step[-1])


def replace_file(file, content):
    """Write a file so that it is there as a whole or not at all."""
    made = file.with_name(f".{file.name}.{os.getpid()}.part")
    made.write_bytes(content)
    os.replace(made, file)
