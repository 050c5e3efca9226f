"""What was found in packets, and what was done about it, in as many rows as there are kinds."""

import logging

logger = logging.getLogger("seisclf")

STREAM_COLUMNS = ("trace", "kind", "what", "action", "packets", "samples", "start", "end")
# Rows; what else comes is counted under one name.
_MOST_ROWS = 2000
_OTHERS = "others"
# Nanoseconds that pandas can tell: from 1677 to 2262.
_MOST_NS = 2**63


class StreamReport:
    """Findings in packets: one row for each trace and kind, with how often and when.

    Its size does not grow with the length of the stream.
    """

    def __init__(self):
        self.rows = {}

    def __len__(self):
        return len(self.rows)

    def add(self, trace, kind, what, action, *, packets=1, samples=0, span=(None, None)):
        """Count a finding.

        Parameters
        ----------
        trace, kind, what, action : str
            Code of the trace, a fixed word, and in words what was found and done, of which the
            latest stays.
        packets, samples : int
            That are concerned.
        span : tuple of int or None
            Begin and end in nanoseconds since 1970.
        """
        key = (str(trace), kind)
        span = [None if t is None or not abs(t) < _MOST_NS else t for t in span]
        if key not in self.rows:
            if len(self.rows) >= _MOST_ROWS:
                key = (_OTHERS, kind)
            logger.info("%s: %s: %s", trace, what, action)
        old = self.rows.get(key, ["", "", 0, 0, None, None])
        first = [t for t in (old[4], span[0]) if t is not None]
        last = [t for t in (old[5], span[1]) if t is not None]
        self.rows[key] = [
            what, action, old[2] + packets, old[3] + int(samples),
            min(first, default=None), max(last, default=None),
        ]  # fmt: skip

    def to_frame(self):
        """The findings as a table, sorted by trace and kind."""
        import pandas as pd

        rows = [(*key, *row) for key, row in sorted(self.rows.items())]
        frame = pd.DataFrame(rows, columns=list(STREAM_COLUMNS))
        for name in ("start", "end"):
            frame[name] = pd.to_datetime(frame[name].astype("Int64"), unit="ns", utc=True)
        return frame

    def to_state(self):
        """All rows as a list that JSON can hold."""
        return [[*key, *row] for key, row in self.rows.items()]

    @classmethod
    def from_state(cls, rows):
        """The report that :meth:`to_state` was called of."""
        report = cls()
        for trace, kind, *row in rows[: 2 * _MOST_ROWS]:
            report.rows[str(trace), str(kind)] = _checked(*row)
        return report


def _checked(what, action, packets, samples, start, end):
    """A row of a report, whose numbers are such."""
    numbers = packets, samples, *(0 if t is None else t for t in (start, end))
    if not all(isinstance(n, int) and abs(n) < _MOST_NS for n in numbers):
        raise ValueError(f"a row of a report with {numbers}")
    return [str(what), str(action), packets, samples, start, end]
