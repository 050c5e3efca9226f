"""Detections of several scans become one catalogue."""

import numpy as np

from ._detections import Detections


def merge_detections(parts, *, gap=0.0):
    """One catalogue of detections that were made in parts: by day, by group of stations, twice.

    Detections of one class at the same stations that overlap, or lie no more than `gap` apart,
    become one: that is how an event comes out that was under way at midnight. What is in several
    parts is in the result once. The order of the parts makes no difference.

    Parameters
    ----------
    parts : iterable of Detections
        Scans with the same model and settings.
    gap : float, default=0.0
        Seconds between the end of a detection and the onset of the next that may be one.

    Returns
    -------
    detections : Detections
        In order of onset. Of detections that become one, the first onset, the last end and the
        largest probabilities; ``coverage`` and ``p_<class>`` are means by duration, other columns
        those of the first. Picks are kept. There are no functions over time, but the coverage of
        all parts. Settings are those that all parts agree in; where they differ, a list of the
        values.

    Raises
    ------
    TypeError
        If there is something else among the parts.
    ValueError
        If there are no parts, or `gap` is negative.

    See Also
    --------
    EventDetector.scan : Scans an archive without parts that need merging.

    Examples
    --------
    >>> import pandas as pd
    >>> from seisclf.detection import Detections, merge_detections
    >>> def day(onset, end):
    ...     return Detections(pd.DataFrame({
    ...         "class": ["slide"], "onset": [pd.Timestamp(onset)], "end": [pd.Timestamp(end)],
    ...         "probability": 0.9, "event_probability": 0.9, "stations": "XX.A", "coverage": 1.0,
    ...     }))
    >>> merged = merge_detections([day("2020-03-28T23:59Z", "2020-03-29T00:00Z"),
    ...                            day("2020-03-29T00:00Z", "2020-03-29T00:03Z")])
    >>> merged.to_frame()[["onset", "end"]]
                          onset                       end
    0 2020-03-28 23:59:00+00:00 2020-03-29 00:03:00+00:00
    """
    import pandas as pd

    parts = list(parts)
    if not parts:
        raise ValueError("parts is empty: there is nothing to merge")
    wrong = [type(part).__name__ for part in parts if not isinstance(part, Detections)]
    if wrong:
        raise TypeError(f"parts must be Detections; there is {wrong[0]}")
    if not gap >= 0:
        raise ValueError(f"gap must not be negative; got {gap:g} s")
    tables = [part.to_frame() for part in parts]
    offsets = np.cumsum([0, *map(len, tables)])
    table = pd.concat([t for t in tables if len(t)] or tables[:1], ignore_index=True)
    table = table[_columns(tables)]
    picks = pd.concat(
        [
            part.picks.assign(detection=part.picks["detection"] + offset)
            for part, offset in zip(parts, offsets, strict=False)
            if len(part.picks)
        ]
        or [parts[0].picks],
        ignore_index=True,
    )
    merged, number = _merged(table, gap)
    picks = picks.assign(detection=number[picks["detection"].to_numpy(dtype=int)])
    picks = picks.sort_values(list(picks), ignore_index=True)
    picks = picks.drop_duplicates(["detection", "station", "phase", "time"], ignore_index=True)
    reports = [part.coverage_report() for part in parts]
    reports = [report for report in reports if len(report)]
    coverage = None
    if reports:
        coverage = pd.concat(reports, ignore_index=True).drop_duplicates(ignore_index=True)
        by = [name for name in ("station", "start", "end", "notes") if name in coverage]
        coverage = coverage.sort_values(by, ignore_index=True)
    spans = pd.concat([part.coverage_spans() for part in parts], ignore_index=True)
    return Detections(
        merged,
        settings=_common_settings([part.settings for part in parts]),
        picks=picks,
        coverage=coverage,
        spans=spans.drop_duplicates(ignore_index=True) if len(spans) else None,
    )


def _columns(tables):
    """Columns of all tables, with the probabilities of classes at the end."""
    names = list({name: None for table in tables for name in table})
    last = sorted(name for name in names if str(name).startswith("p_"))
    return [name for name in names if name not in last] + last


def _merged(table, gap):
    """The table, and the new row of each old one."""
    import pandas as pd

    keys = ["stations", "class", "onset", "end", "probability", "event_probability"]
    text = table.assign(**{"class": table["class"].map(repr)})
    order = text.sort_values(keys, kind="stable").index
    ordered = table.loc[order]
    onset, end = (
        ordered[name].dt.as_unit("ns").astype("int64").to_numpy() for name in ("onset", "end")
    )
    group = text.loc[order].groupby(["stations", "class"], sort=False).ngroup().to_numpy()
    begins = np.ones(len(ordered), dtype=bool)
    latest = 0
    for i in range(len(ordered)):
        if i and group[i] == group[i - 1]:
            begins[i] = onset[i] > latest + round(gap * 1e9)
            latest = end[i] if begins[i] else max(latest, end[i])
        else:
            latest = end[i]
    event = np.cumsum(begins) - 1
    rows = [_one(own) for _, own in ordered.groupby(event, sort=True)]
    merged = pd.DataFrame(rows, columns=table.columns).astype(table.dtypes.to_dict())
    by_time = merged.sort_values(["onset", "stations", "end"], kind="stable").index.to_numpy()
    place = np.empty(len(by_time), dtype=int)
    place[by_time] = np.arange(len(by_time))
    number = np.empty(len(table), dtype=int)
    number[order.to_numpy()] = place[event]
    return merged.loc[by_time].reset_index(drop=True), number


def _one(own):
    first = own.iloc[0].to_dict()
    if len(own) == 1:
        return first
    first["end"] = own["end"].max()
    for name in ("probability", "event_probability"):
        first[name] = own[name].max()
    # The same detection twice must not count twice.
    parts = own.drop_duplicates(["onset", "end"])
    seconds = np.maximum((parts["end"] - parts["onset"]).dt.total_seconds().to_numpy(), 1e-9)
    for name in own:
        if name == "coverage" or str(name).startswith("p_"):
            first[name] = float(np.average(parts[name], weights=seconds))
    return first


def _common_settings(settings):
    names = {name: None for one in settings for name in one}
    common = {}
    for name in names:
        values = []
        for one in settings:
            if one.get(name) not in values:
                values.append(one.get(name))
        common[name] = values[0] if len(values) == 1 else sorted(values, key=repr)
    return common
