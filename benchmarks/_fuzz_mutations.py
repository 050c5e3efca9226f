"""Ways to break a file: bits, lengths, numbers, text, the insides of zips and databases."""

import io
import json
import re
import sqlite3
import struct
import tempfile
import zipfile
from pathlib import Path

_INTEGERS = (0, 1, -1, 2, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**31 - 1, -(2**31),
    2**32 - 1, 2**53, 2**63 - 1, -(2**63))  # fmt: skip
_WORDS = (
    b"", b"0", b"-1", b"99999999999", b"1e308", b"-1e-308", b"nan", b"inf", b"\0", b"../../x",
    b"9" * 400, b"%s%n", b"\xff\xfe", b"2262-04-12T00:00:00", b"0001-01-01T00:00:00Z",
    b"9999-99-99", b"=1+1", b"'", b'"', b"<", b"&lt;", b"]]>", b"\n\n", b",,,,,,,,",
)  # fmt: skip
_VALUES = (
    None, True, -1, 0, 10**30, 1.5, 1e308, float("nan"), "", "../../x", "x" * 1000, [], {}, [[]],
    {"$": "range", "ends": [0, 10**18, 1]}, {"$": "path", "value": "/x"}, "numpy:ndarray",
    "sklearn.datasets._openml:GzipFile", {"$": "array", "key": "0:x", "shape": [10**12]},
)  # fmt: skip
_XML = (
    b'<!DOCTYPE q [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
    b'<!DOCTYPE q SYSTEM "file:///etc/passwd">',
    b'<!DOCTYPE q [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x"> %x;]>',
    b"<?xml version='1.0' encoding='UTF-7'?>",
    b"<a>" * 5000,
    b"<![CDATA[" + b"x" * 100,
    b"&b;",
)


def mutate(content, rng, others=(), *, kind="bytes"):
    """One broken version of a file.

    Parameters
    ----------
    content : bytes
        The sound file.
    rng : numpy.random.Generator
        Decides.
    others : sequence of bytes, default=()
        Other files, for splices.
    kind : {"bytes", "text", "xml", "zip", "json", "sqlite", "state"}, default="bytes"
        What the content is: its own structure is broken at times.

    Returns
    -------
    content : bytes
        Broken.
    """
    inside = {
        "text": _text, "xml": _xml, "zip": _zip, "json": _json, "sqlite": _sqlite, "state": _state,
    }.get(kind)  # fmt: skip
    if inside is not None and rng.random() < 0.7:
        try:
            return inside(content, rng, others)
        except (ValueError, sqlite3.Error, zipfile.BadZipFile, UnicodeError, KeyError):
            pass
    data = bytearray(content)
    for _ in range(int(rng.choice([1, 1, 1, 2, 8]))):
        data = _BYTES[rng.integers(len(_BYTES))](data, rng, others)
    return bytes(data)


def _flip(data, rng, others):
    for _ in range(int(rng.choice([1, 2, 8, 64]))):
        if data:
            data[_place(data, rng)] ^= 1 << int(rng.integers(8))
    return data


def _byte(data, rng, others):
    if data:
        data[_place(data, rng)] = int(rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.integers(256)]))
    return data


def _run(data, rng, others):
    first = _place(data, rng)
    n = int(rng.choice([4, 16, 64, 512, 4096]))
    data[first : first + n] = bytes([int(rng.choice([0, 0xFF, 0x20, 0x41]))]) * n
    return data


def _truncate(data, rng, others):
    return data[: _place(data, rng)]


def _delete(data, rng, others):
    first = _place(data, rng)
    del data[first : first + int(rng.choice([1, 2, 4, 48, 512]))]
    return data


def _insert(data, rng, others):
    first = _place(data, rng)
    data[first:first] = rng.bytes(int(rng.choice([1, 2, 4, 64, 512])))
    return data


def _double(data, rng, others):
    first, n = _place(data, rng), int(rng.choice([8, 48, 512, 4096]))
    data[first:first] = data[first : first + n] * int(rng.choice([1, 3]))
    return data


def _splice(data, rng, others):
    other = others[rng.integers(len(others))] if len(others) else bytes(data)
    first, begin = _place(data, rng), _place(other, rng)
    n = int(rng.choice([16, 256, 4096, 10**6]))
    data[first : first + (n if rng.random() < 0.5 else 0)] = other[begin : begin + n]
    return data


def _integer(data, rng, others):
    form = str(rng.choice(["b", "<h", ">h", "<i", ">i", "<q", ">q"]))
    n = struct.calcsize(form)
    first = _place(data, rng) // n * n
    value = int(rng.choice(len(_INTEGERS)))
    bits = _INTEGERS[value] & (2 ** (8 * n) - 1)
    data[first : first + n] = bits.to_bytes(n, "little" if form[0] == "<" else "big")
    return data


_BYTES = (_flip, _flip, _byte, _byte, _run, _truncate, _delete, _insert, _double, _splice,
    _integer, _integer, _integer)  # fmt: skip


def _place(data, rng):
    """Somewhere; half of the time near the beginning, where headers are."""
    if not len(data):
        return 0
    most = len(data) if rng.random() < 0.5 else min(len(data), int(rng.choice([64, 512, 4096])))
    return int(rng.integers(most))


def _text(content, rng, others):
    """Numbers and words of a text replaced by extreme ones."""
    spans = [m.span() for m in re.finditer(rb"[-+.\w:]+", content[:200_000])]
    data = bytearray(content)
    for k in sorted(rng.integers(0, len(spans), int(rng.choice([1, 1, 1, 3])))[::-1].tolist())[
        ::-1
    ]:
        first, last = spans[k]
        data[first:last] = _WORDS[rng.integers(len(_WORDS))]
    return bytes(data)


def _xml(content, rng, others):
    if rng.random() < 0.5:
        return _text(content, rng, others)
    at = int(rng.choice([0, content.find(b">") + 1, rng.integers(len(content))]))
    return content[:at] + _XML[rng.integers(len(_XML))] + content[at:]


def _zip(content, rng, others):
    """One member of a zip broken, with a sum that fits."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = list(members)[rng.integers(len(members))]
    kind = {"json": "json", "skops": "zip"}.get(name.rpartition(".")[2], "bytes")
    members[name] = mutate(members[name], rng, list(members.values()), kind=kind)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, value in members.items():
            archive.writestr("../../x" if rng.random() < 0.01 else key, value)
    return out.getvalue()


def _json(content, rng, others):
    document = json.loads(content)
    for _ in range(int(rng.choice([1, 1, 3]))):
        parents = []
        waiting = [document]
        while waiting:
            item = waiting.pop()
            if isinstance(item, dict | list) and item:
                parents.append(item)
                waiting.extend(item.values() if isinstance(item, dict) else item)
        if not parents:
            break
        parent = parents[rng.integers(len(parents))]
        keys = list(parent) if isinstance(parent, dict) else list(range(len(parent)))
        key = keys[rng.integers(len(keys))]
        choice = rng.random()
        if choice < 0.6:
            parent[key] = _VALUES[rng.integers(len(_VALUES))]
        elif choice < 0.8:
            del parent[key]
        else:  # a copy, so that nothing holds itself
            other = parents[rng.integers(len(parents))]
            parent[key] = json.loads(json.dumps(other))
    return json.dumps(document).encode()


def _state(content, rng, others):
    """The insides of a stream's state broken, with a sum that fits."""
    from benchmarks._fuzz_streams import broken_state

    return broken_state(content, rng, mutate, _json)


def _sqlite(content, rng, others):
    """Cells of a database replaced, the database itself sound."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.sqlite")
        path.write_bytes(content)
        database = sqlite3.connect(path)
        try:
            tables = [
                n for (n,) in database.execute("SELECT name FROM sqlite_master WHERE type='table'")
            ]
            for _ in range(int(rng.choice([1, 3, 10]))):
                table = tables[rng.integers(len(tables))]
                columns = [row[1] for row in database.execute(f'PRAGMA table_info("{table}")')]
                column = columns[rng.integers(len(columns))]
                value = [None, -1, 2**62, 1e308, "../../x", b"\xff" * 20, "", 10**9][
                    rng.integers(8)
                ]
                limit = int(rng.choice([1, 1000]))
                database.execute(
                    f'UPDATE OR IGNORE "{table}" SET "{column}" = ? WHERE rowid IN '
                    f'(SELECT rowid FROM "{table}" ORDER BY random() LIMIT {limit})',
                    (value,),
                )
            database.commit()
        finally:
            database.close()
        return path.read_bytes()
