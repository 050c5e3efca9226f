"""Values of tables as text, missing ones as none."""

import numpy as np
import pandas as pd


def as_text(value):
    """A value as text; "" for None, NaN, NaT and NA."""
    return "" if is_missing(value) else str(value)


def is_missing(value):
    """Whether a cell of a table is empty."""
    unknown = value is None or value is pd.NaT or value is pd.NA
    return unknown or (isinstance(value, (float, np.floating)) and bool(np.isnan(value)))


def as_columns(frame):
    """What a file can hold of a table: numbers, naive datetimes, and text for the rest."""
    columns = {}
    for name, column in frame.items():
        values = column.to_numpy()
        if values.dtype.kind not in "biufM":
            values = np.array([_iso(value) for value in values], dtype=str)
        columns[str(name)] = values
    return columns


def _iso(value):
    return value.isoformat() if isinstance(value, pd.Timestamp) else as_text(value)
