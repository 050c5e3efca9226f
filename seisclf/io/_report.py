"""What was found in recordings, and what was done about it."""

import logging

logger = logging.getLogger("seisclf")

REPORT_COLUMNS = ("event", "trace", "what", "action")


class Report:
    """Findings, one per row: which event, which trace, what, and what was done.

    Every finding is also logged, at level INFO of the logger ``"seisclf"``.

    Examples
    --------
    >>> from seisclf.io._report import Report
    >>> report = Report()
    >>> report.add("7", "SR.SUR.00.BHZ", "gap of 1.5 s", "filled with zeros")
    >>> report.to_frame().shape
    (1, 4)
    """

    # Of what is worth a row only in a table of an archive, such as gaps, it is told nothing.
    detailed = False

    def __init__(self):
        self.rows = []

    def __len__(self):
        return len(self.rows)

    def add(self, event, trace, what, action, **details):
        """Add one finding, all four as text; kind, times and samples are for a ReadReport."""
        self.rows.append((str(event), str(trace), what, action))
        logger.info("event %s, %s: %s: %s", event, trace, what, action)

    def extend(self, other, *, event):
        """Take over the findings of a part, this or a ReadReport, as those of this event."""
        self.rows += [(str(event), *row[1:]) for row in other.rows]

    def to_frame(self):
        """Return the findings as a DataFrame."""
        import pandas as pd

        return pd.DataFrame(self.rows, columns=list(REPORT_COLUMNS), dtype=str)
