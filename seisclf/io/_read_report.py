"""What became of every file and trace that was read, and all that was found amiss in them."""

import html
import json
import math
from pathlib import Path

from ._report import logger

READ_KINDS = (
    "unreadable",
    "unknown format",
    "corrupt records",
    "empty",
    "rate snapped",
    "rate differs",
    "dtypes",
    "off grid",
    "overlap",
    "duplicate",
    "gap",
    "sentinel",
    "not finite",
    "constant",
    "clipped",
    "component",
    "time",
    "limit",
)
_FILE = ("file", "format", "size", "status", "reason")
_TRACE = ("file", "trace", "start", "end", "sampling_rate", "samples", "status", "reason")
_FINDING = ("file", "trace", "kind", "what", "action", "start", "end", "samples")
_TABLES = {"files": _FILE, "traces": _TRACE, "findings": _FINDING}
_VERSION = 1


class ReadReport:
    """Tables of what was read: files, traces and findings. Nothing is dropped without a row.

    Every finding is also logged, at level INFO of the logger ``"seisclf"``.

    Attributes
    ----------
    files : DataFrame
        One row per file: ``file``, ``format``, ``size`` (bytes), ``status`` ("read", "partly" or
        "skipped"), ``reason``.
    traces : DataFrame
        One row per file and trace: ``file``, ``trace`` (``"NET.STA.LOC.CHA"``), ``start``,
        ``end`` (UTC; of the first sample, and after the last one), ``sampling_rate`` (Hz),
        ``samples``, ``status`` ("read" or "left out"), ``reason``.
    findings : DataFrame
        One row per finding: ``file``, ``trace``, ``kind`` (one of
        ``seisclf.io.READ_KINDS``), ``what``, ``action``, ``start``, ``end`` (UTC, NaT where a
        finding has no time), ``samples`` (how many it concerns, 0 where they are not counted).

    Examples
    --------
    >>> from seisclf.io import ReadReport
    >>> report = ReadReport()
    >>> report.add_file("a.mseed", format="MSEED", size=512, status="partly", reason="damaged")
    >>> report.add("a.mseed", "XX.A..HHZ", "byte 512: no record", "a gap", kind="corrupt records")
    >>> report
    ReadReport: 1 file (1 partly), 0 traces, 1 finding (1 corrupt records)
    >>> ReadReport.from_json(report.to_json()).findings.shape
    (1, 8)
    """

    # The door for streams tells such a report also what is worth a row but changes nothing.
    detailed = True

    def __init__(self):
        self._rows = {name: [] for name in _TABLES}

    def __len__(self):
        return len(self._rows["findings"])

    def add(self, file, trace, what, action, *, kind, start_ns=None, end_ns=None, samples=0):
        """Add one finding.

        Parameters
        ----------
        file, trace : str
            Where; empty where it is not one file or trace.
        what, action : str
            What was found, and what was done about it.
        kind : str
            One of ``READ_KINDS``.
        start_ns, end_ns : int, optional
            UTC nanoseconds since 1970.
        samples : int, default=0
            How many samples it concerns.
        """
        if kind not in READ_KINDS:
            raise ValueError(f"kind={kind!r} is none of {', '.join(READ_KINDS)}")
        times = _in_range(start_ns), _in_range(end_ns)
        row = (str(file), str(trace), kind, what, action, *times, int(samples))
        self._rows["findings"].append(row)
        logger.info("%s %s: %s: %s", file, trace, what, action)

    def add_file(self, file, *, format="", size=0, status="read", reason=""):
        """Add the row of a file."""
        self._rows["files"].append((str(file), format or "", int(size), status, reason))

    def add_trace(
        self, file, trace, *, start_ns, end_ns, sampling_rate, samples, status="read", reason=""
    ):
        """Add the row of a trace of a file; times in UTC nanoseconds since 1970."""
        times = _in_range(start_ns), _in_range(end_ns)
        rate = float(sampling_rate) if math.isfinite(sampling_rate) else 0.0
        row = (str(file), str(trace), *times, rate, int(samples), status, reason)
        self._rows["traces"].append(row)

    def mark_traces(self, reason_of):
        """Mark traces as left out, where ``reason_of(trace)`` gives a reason."""
        rows = self._rows["traces"]
        for i, row in enumerate(rows):
            reason = reason_of(row[1]) if row[6] == "read" else ""
            if reason:
                rows[i] = (*row[:6], "left out", reason)

    def extend(self, other, *, event=""):
        """Take over all rows of another report, those of events as findings of `event`."""
        if isinstance(other, ReadReport):
            for name, rows in self._rows.items():
                rows += other._rows[name]
            return
        for file, trace, what, action in other.rows:
            self.add(event or file, trace, what, action, kind="unreadable")

    @property
    def rows(self):
        """Findings as tuples of file, trace, what, action: without the cost of a table."""
        return [(file, trace, what, do) for file, trace, _, what, do, *_ in self._rows["findings"]]

    @property
    def files(self):
        """Table of files."""
        return self._frame("files")

    @property
    def traces(self):
        """Table of traces."""
        return self._frame("traces")

    @property
    def findings(self):
        """Table of findings."""
        return self._frame("findings")

    def to_frame(self):
        """Return the findings, as :attr:`findings`."""
        return self.findings

    def summary(self):
        """Count files and traces by status and findings by kind.

        Returns
        -------
        summary : DataFrame
            Columns ``of`` ("files", "traces", "findings"), ``name`` (the status or kind),
            ``count``, and ``samples`` (of traces and findings).
        """
        import pandas as pd

        rows = []
        for name, column in (("files", "status"), ("traces", "status"), ("findings", "kind")):
            table = self._frame(name)
            if name == "files":
                table = table.assign(samples=0)
            grouped = table.groupby(column)["samples"].agg(["size", "sum"])
            rows += [(name, key, int(n), int(total)) for key, n, total in grouped.itertuples()]
        return pd.DataFrame(rows, columns=["of", "name", "count", "samples"])

    def to_json(self, path=None):
        """Write the report as JSON, times in nanoseconds since 1970.

        Parameters
        ----------
        path : str or pathlib.Path, optional
            File to write.

        Returns
        -------
        text : str
        """
        content = {"format": "seisclf ReadReport", "version": _VERSION}
        for name, columns in _TABLES.items():
            content[name] = {"columns": list(columns), "rows": [list(r) for r in self._rows[name]]}
        text = json.dumps(content, allow_nan=False, default=_plain)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    @classmethod
    def from_json(cls, source):
        """Read what :meth:`to_json` has written.

        Parameters
        ----------
        source : str or pathlib.Path
            The text, or the file.

        Returns
        -------
        report : ReadReport

        Raises
        ------
        ValueError
            If it is no such report.
        """
        text = str(source)
        if isinstance(source, Path) or not text.lstrip().startswith("{"):
            text = Path(source).read_text(encoding="utf-8")
        report = cls()
        try:
            content = json.loads(text)
            if content["format"] != "seisclf ReadReport" or content["version"] != _VERSION:
                raise KeyError("format")
            for name, columns in _TABLES.items():
                if content[name]["columns"] != list(columns):
                    raise KeyError(name)
                rows = [tuple(row) for row in content[name]["rows"]]
                if any(len(row) != len(columns) for row in rows):
                    raise KeyError(name)
                report._rows[name] = rows
            report.findings, report.traces, report.files  # noqa: B018 (times must be readable)
        except (KeyError, TypeError, ValueError, RecursionError, OverflowError) as error:
            raise ValueError(
                f"source is no JSON of a ReadReport of version {_VERSION}: {error}"
            ) from error
        return report

    def _frame(self, name):
        import pandas as pd

        columns = _TABLES[name]
        table = pd.DataFrame(self._rows[name], columns=list(columns), dtype=object)
        types = {"size": "int64", "samples": "int64", "sampling_rate": "float64"}
        for column in columns:
            if column in ("start", "end"):
                table[column] = _times(table[column])
            else:
                table[column] = table[column].astype(types.get(column, "str"))
        return table

    def __repr__(self):
        parts = []
        for name, column in (("files", 3), ("traces", 6), ("findings", 2)):
            rows = self._rows[name]
            counts = {}
            for row in rows:
                counts[row[column]] = counts.get(row[column], 0) + 1
            said = ", ".join(f"{n} {key}" for key, n in counts.items())
            word = name if len(rows) != 1 else name[:-1]
            parts.append(f"{len(rows)} {word}" + (f" ({said})" if said else ""))
        return "ReadReport: " + ", ".join(parts)

    def _repr_html_(self):
        summary = self.summary()
        rest = len(self) - _SHOWN
        more = f"<p>and {rest} more findings</p>" if rest > 0 else ""
        return (
            f"<p>{html.escape(repr(self))}</p>"
            + summary.to_html(index=False, escape=True)
            + self.findings.head(_SHOWN).to_html(index=False, escape=True)
            + more
        )


_SHOWN = 20  # findings in a notebook


def _times(column):
    import pandas as pd

    return pd.to_datetime(pd.Series(column, dtype="Int64"), utc=True, unit="ns").astype(
        "datetime64[ns, UTC]"
    )


def _in_range(ns):
    """A time that 64 bits hold, else none."""
    return int(ns) if ns is not None and abs(int(ns)) < 2**63 - 1 else None


def _plain(value):
    """NumPy's numbers as Python's."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no place in JSON")
