"""Tables of what was picked in functions over time."""

import numpy as np

from ._onsets import refine as refine_bins

TABLE_COLUMNS = (
    "class",
    "onset",
    "end",
    "probability",
    "event_probability",
    "stations",
    "coverage",
)


def detections_table(functions, spans, is_event, *, refine=None):
    """Table of the spans (station to list of Span) that were picked in `functions`.

    `is_event` (n_classes,) tells classes from background.
    `refine` is the length (s) of the short average by which onset and end are refined, or None.
    """
    import pandas as pd

    rows = []
    for station, found in spans.items():
        function = functions[station]
        for span in found:
            part = slice(span.first, span.last)
            onset, end = span.first * function.step, span.last * function.step
            if refine:
                onset, end = _refined(function, onset, end, refine)
            end = function.start_time + pd.Timedelta(end, unit="s")
            rows.append(
                {
                    "class": function.classes[span.label],
                    "onset": function.start_time + pd.Timedelta(onset, unit="s"),
                    "end": min(end, function.end_time),
                    "probability": np.nanmax(function.probabilities[part, span.label]),
                    "event_probability": np.nanmax(
                        function.probabilities[part][:, is_event].sum(axis=1)
                    ),
                    "stations": station,
                    "coverage": function.coverage[part].mean(),
                }
                | _mean_probabilities(function, part)
            )
    labels = {label: None for function in functions.values() for label in function.classes}
    columns = [*TABLE_COLUMNS, *(f"p_{label}" for label in labels)]
    rows.sort(key=lambda row: (row["onset"], row["stations"]))
    return table_of(rows, columns)


def table_of(rows, columns):
    """Rows as a table whose times are times even if there are none."""
    import pandas as pd

    # Whole columns: a scan makes a table for each of its tasks, most of them empty.
    table = {}
    for name in columns:
        values = [row.get(name, np.nan) for row in rows]
        if name in ("onset", "end", "time"):
            values = pd.to_datetime(values, utc=True).as_unit("ns")
        elif name.endswith(("probability", "coverage")) or name.startswith("p_"):
            values = np.array(values, dtype=float)
        elif name == "detection":
            values = np.array(values, dtype=np.int64)
        elif not rows:
            values = np.array(values, dtype=object)
        table[name] = values
    return pd.DataFrame(table, columns=list(columns))


def _mean_probabilities(function, part):
    """What the classifier itself gave each class over a stretch of frames."""
    given = function.probabilities if function.raw is None else function.raw
    seen = given[part][~np.isnan(given[part]).any(axis=1)]
    mean = seen.mean(axis=0) if len(seen) else np.full(given.shape[1], np.nan)
    return {f"p_{label}": value for label, value in zip(function.classes, mean, strict=True)}


def _refined(function, onset, end, ahead):
    """Seconds of onset and end of motion within a span."""
    step = function.energy_step
    first, last = round(onset / step), min(round(end / step), len(function.energy))
    first, last = refine_bins(function.energy, first, last, ahead=max(1, round(ahead / step)))
    return first * step, last * step
