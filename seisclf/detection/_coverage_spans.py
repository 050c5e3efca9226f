"""When stations recorded and were scanned."""

import numpy as np

from ._windows import runs

SPAN_COLUMNS = ("station", "start", "end", "covered")


def coverage_spans(detections):
    """Stretches of time that were scanned, see :meth:`Detections.coverage_spans`."""
    import pandas as pd

    functions = detections.functions
    rows = []
    if detections._spans is not None:
        rows = detections._spans[list(SPAN_COLUMNS)].to_dict("records")
    elif len(functions):
        for function in functions.values():
            rows += _of_function(function)
    else:
        report = detections.coverage_report()
        if {"station", "start", "end", "covered"} <= set(report):
            usable = report[report["start"].notna() & (report["covered"] > 0)]
            rows = usable[list(SPAN_COLUMNS)].to_dict("records")
    spans = pd.DataFrame(rows, columns=list(SPAN_COLUMNS))
    for name in ("start", "end"):
        spans[name] = pd.to_datetime(spans[name], utc=True).dt.as_unit("ns")
    spans["covered"] = spans["covered"].astype(float)
    return spans.sort_values(["station", "start", "end"], ignore_index=True)


def _of_function(function):
    import pandas as pd

    # What holds any data counts: frames at the edge of a gap are covered in part.
    coverage = np.asarray(function.coverage, dtype=float)
    seconds = np.full(len(coverage), float(function.step))
    if len(seconds):  # the last frame is cut where the record ends
        length = (function.end_time - function.start_time).total_seconds()
        seconds[-1] = max(length - function.step * (len(seconds) - 1), 1e-9)
    for first, last in runs(coverage > 0):
        start, end = (
            function.start_time + pd.Timedelta(round(edge * function.step * 1e9), unit="ns")
            for edge in (first, last)
        )
        yield {
            "station": function.station,
            "start": start,
            "end": min(end, function.end_time),
            "covered": float(np.average(coverage[first:last], weights=seconds[first:last])),
        }


class CoverageIndex:
    """How many stations recorded at a time.

    Parameters
    ----------
    detections : Detections
        With functions over time, or a table of coverage.

    Attributes
    ----------
    known : bool
        Whether anything is known of it.
    """

    def __init__(self, detections):
        spans = coverage_spans(detections)
        self.known = bool(len(spans))
        self._spans = {
            station: (_ns(own["start"]), np.maximum.accumulate(_ns(own["end"])))
            for station, own in spans.groupby("station", sort=True)
        }

    def recording(self, start, end):
        """Number of stations that have data between two times."""
        first, last = start.value, max(end.value, start.value + 1)
        count = 0
        for starts, ends in self._spans.values():
            before = int(np.searchsorted(starts, last, side="left"))
            count += before > 0 and bool(ends[before - 1] > first)
        return count


def _ns(times):
    return times.dt.as_unit("ns").astype("int64").to_numpy()
