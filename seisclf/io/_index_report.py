"""Findings of an index into reports."""

import warnings

from ._report import Report


def tell(rows, report):
    """Hand findings of a read over; where nobody takes them, a warning says that there are some.

    Parameters
    ----------
    rows : list of (str, Finding)
        File and finding.
    report : ReadReport, Report or None
        Takes them.
    """
    if report is None and rows:
        path, finding = rows[0]
        warnings.warn(
            f"findings while reading: {len(rows)}, the first: {path} {finding.trace}: "
            f"{finding.what}: {finding.action}. Give report=ReadReport() to read() for all",
            stacklevel=3,
        )
    for path, finding in rows:
        add_finding(report, path, finding)


def add_finding(report, path, finding):
    """Add a finding about a file to a report of either kind."""
    if report is None:
        return
    if isinstance(report, Report):
        report.add(path, finding.trace, finding.what, finding.action)
        return
    report.add(
        path,
        finding.trace,
        finding.what,
        finding.action,
        kind=finding.kind,
        start_ns=finding.start_ns,
        end_ns=finding.end_ns,
        samples=finding.samples or 0,
    )
