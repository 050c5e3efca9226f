"""Findings of an index into reports."""

import warnings

from ._report import Report

# What takes data away that the index has promised.
_LOSSES = ("unreadable", "unknown format", "corrupt records", "empty", "limit")


def tell(rows, report):
    """Hand findings of a read over; where nobody takes them, a warning says what was lost.

    Parameters
    ----------
    rows : list of (str, Finding)
        File and finding.
    report : ReadReport, Report or None
        Takes them.
    """
    lost = [row for row in rows if row[1].kind in _LOSSES]
    if report is None and lost:
        path, finding = lost[0]
        warnings.warn(
            f"findings while reading: {len(lost)}, the first: {path} {finding.trace}: "
            f"{finding.what}: {finding.action}. Give report=ReadReport() to read() for all",
            stacklevel=4,  # who called ArchiveIndex.read
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
