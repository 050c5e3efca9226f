"""Detections as CSV and Parquet, and back again."""

import csv
import json
import re
from pathlib import Path

import numpy as np

from ._exact_json import decoded, frame_from_json, frame_to_json, rows_of, typed
from ._quakeml import scan_of

# Of the JSON beside a CSV file and within a Parquet file.
FORMAT_VERSION = 1
# What spreadsheets take for a formula. Leading apostrophes are escaped too, so that taking one
# away restores every text.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_ESCAPED = re.compile(r"'+[=+\-@\t\r]")
_TEXT = ("class", "stations")
_TIMES = ("onset", "end")
_PARQUET_KEY = b"seisclf"


def write_csv(detections, path):
    """Write the table, and beside it ``<name>.csv.json`` with all that CSV has no place for."""
    path = Path(path)
    frame, quoting = detections.to_frame(), csv.QUOTE_MINIMAL
    for name in frame:
        if str(frame[name].dtype).startswith("datetime64"):
            frame[name] = _times_as_text(frame[name])
        elif frame[name].dtype.kind in "OUT" or str(frame[name].dtype) == "str":
            # Few classes and stations, many rows: each text is looked at once.
            safe = {value: guard(value) for value in frame[name].unique()}
            frame[name] = frame[name].map(safe)
            if any("\r" in str(value) for value in safe):
                quoting = csv.QUOTE_NONNUMERIC  # Python quotes other ends of lines by itself
    frame.columns = [guard(str(name)) for name in frame]
    frame.to_csv(path, index=False, quoting=quoting)
    head = _head() | scan_of(detections) | {"picks": frame_to_json(detections.picks)}
    text = json.dumps(head, allow_nan=False, indent=1)
    sidecar(path).write_text(text + "\n", encoding="utf-8")
    return path


def read_csv(path):
    """What :func:`write_csv` wrote, as parameters of Detections; also without the JSON."""
    from seisclf.io._tables import read_table

    # Everything as text: "NA" may be a class, and digits a code.
    frame = read_table(path, separator=",", dtype=str, keep_default_na=False, na_filter=False)
    frame.columns = [unguard(name) for name in frame]
    for name in frame:
        frame[name] = [unguard(value) for value in frame[name]]
    if not sidecar(path).is_file():
        return {"table": _guessed(frame)}
    head = _checked(sidecar(path).read_text(encoding="utf-8"), sidecar(path))
    for name, dtype in head["columns"]:
        if name not in frame:
            raise ValueError(f"{path} has no column {name!r}, unlike {sidecar(path).name} says")
        frame[name] = typed(frame[name], dtype)
    return {"table": frame} | _parts(head)


def sidecar(path):
    """The JSON beside a CSV file."""
    path = Path(path)
    return path.with_name(f"{path.name}.json")


def write_parquet(detections, path):
    """Write one Parquet file: the table, a column ``picks`` of lists, the rest as metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = detections.to_frame()
    if "picks" in table:
        raise ValueError("a column 'picks' cannot be written: that is where the picks go")
    columns = pa.Table.from_pandas(table, preserve_index=False)
    columns = columns.append_column("picks", _nested(detections.picks, len(table)))
    head = json.dumps(_head() | scan_of(detections), allow_nan=False)
    metadata = (columns.schema.metadata or {}) | {_PARQUET_KEY: head.encode("utf-8")}
    path = Path(path)
    pq.write_table(columns.replace_schema_metadata(metadata), path)
    return path


def read_parquet(path):
    """What :func:`write_parquet` wrote, as parameters of Detections."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        columns = pq.ParquetFile(path).read()
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path}: not a Parquet file that can be read: {error}") from error
    head = (columns.schema.metadata or {}).get(_PARQUET_KEY)
    if head is None:
        return {"table": columns.to_pandas()}
    head = _checked(head, path)
    nested = columns.column("picks").to_pylist()
    frame = columns.drop_columns(["picks"]).to_pandas()
    for name, dtype in head["columns"]:
        if str(frame[name].dtype) != dtype:
            frame[name] = frame[name].astype(dtype)
    head["picks"] = {
        "columns": head["pick_columns"],
        "rows": [
            [number if name == "detection" else pick[name] for name, _ in head["pick_columns"]]
            for number, own in enumerate(nested)
            for pick in own
        ],
    }
    return {"table": frame} | _parts(head)


def guard(value):
    """Text that a spreadsheet does not take for a formula."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def unguard(value):
    """The text that :func:`guard` was given."""
    return value[1:] if _ESCAPED.match(value) else value


def _head():
    from seisclf import __version__

    return {"format": "seisclf detections", "version": FORMAT_VERSION, "software": __version__}


def _checked(text, path):
    try:
        head = json.loads(text)
        version = int(head["version"])
        kind = head["format"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{path}: not what seisclf writes beside detections") from error
    if kind != "seisclf detections":
        raise ValueError(f"{path}: {kind!r} is not what seisclf writes beside detections")
    if version > FORMAT_VERSION:
        raise ValueError(
            f"{path}: written in version {version} by seisclf {head.get('software')}, which is "
            f"newer than this one: pip install --upgrade seisclf"
        )
    return head


def _parts(head):
    return {
        "settings": decoded(head["settings"]),
        "picks": frame_from_json(head["picks"]),
    } | coverage_of(head)


def coverage_of(head):
    """``coverage`` and ``spans``, where they are known."""
    return {name: frame_from_json(head[name]) for name in ("coverage", "spans") if name in head}


def _nested(picks, n_rows):
    """One list of picks for each row of the table."""
    import pyarrow as pa

    names = [name for name in picks if name != "detection"]
    rows = [[] for _ in range(n_rows)]
    for number, pick in zip(picks["detection"], rows_of(picks[names]), strict=True):
        rows[int(number)].append(dict(zip(names, pick, strict=True)))
    kinds = {
        name: pa.from_numpy_dtype(picks[name].dtype)
        if isinstance(picks[name].dtype, np.dtype) and picks[name].dtype.kind in "biuf"
        else pa.string()
        for name in names
    }
    return pa.array(rows, type=pa.list_(pa.struct(list(kinds.items()))))


def _times_as_text(times):
    """ISO 8601 in UTC, with as many digits as the finest time of the column needs."""
    known = times.notna().to_numpy()
    unix = times.dt.as_unit("ns").astype("int64").to_numpy()
    step = np.gcd.reduce(unix[known], initial=10**6)
    unit = "ms" if step % 10**6 == 0 else "us" if step % 10**3 == 0 else "ns"
    text = np.datetime_as_string(unix.astype("datetime64[ns]"), unit=unit)
    return [f"{time}Z" if there else "" for time, there in zip(text, known, strict=True)]


def _guessed(frame):
    """Types of a table that came without them."""
    import pandas as pd

    for name in frame:
        if name in _TIMES:
            frame[name] = typed(frame[name], "datetime64[ns, UTC]")
        elif len(frame) and set(frame[name]) <= {"True", "False"}:
            frame[name] = typed(frame[name], "bool")
        elif name not in _TEXT:
            try:
                frame[name] = pd.to_numeric(frame[name])
            except (ValueError, TypeError):
                continue
    return frame
