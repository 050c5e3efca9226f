"""Tables and settings as JSON that reads back exactly."""

import json
from numbers import Integral, Real

import numpy as np

# A dict with this key alone is not a dict of the user's: it says what JSON has no word for.
_TAG = "__seisclf__"


def dumps(value):
    """JSON of settings: one line of ASCII, the same for the same value.

    Parameters
    ----------
    value : object
        None, bool, numbers, text, times, and lists, tuples, dicts and arrays of these. Of
        anything else its ``repr`` is written, and text is read back.

    Returns
    -------
    text : str
        Strict JSON, without NaN and Infinity.
    """
    return json.dumps(encoded(value), allow_nan=False, separators=(", ", ": "))


def loads(text):
    """What :func:`dumps` was given.

    Parameters
    ----------
    text : str or bytes
        JSON.

    Returns
    -------
    value : object
        Arrays come back as arrays, tuples as tuples.

    Raises
    ------
    ValueError
        If `text` is not JSON, or nested too deeply.

    Examples
    --------
    >>> loads(dumps({"threshold": {3: 0.1}, "size": (2, float("inf"))}))
    {'threshold': {3: 0.1}, 'size': (2, inf)}
    """
    try:
        return decoded(json.loads(text))
    except RecursionError as error:
        raise ValueError("JSON that is nested too deeply") from error


def encoded(value):
    """`value` in terms that JSON has."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, np.ndarray):
        return _tagged("array", [str(value.dtype), [encoded(v) for v in value.tolist()]])
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, np.generic) and not hasattr(value, "isoformat"):
        return encoded(value.item())
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value) if np.isfinite(value) else _tagged("float", repr(float(value)))
    if isinstance(value, tuple):
        return _tagged("tuple", [encoded(v) for v in value])
    if isinstance(value, list):
        return [encoded(v) for v in value]
    if isinstance(value, dict):
        if all(isinstance(key, str) for key in value) and _TAG not in value:
            return {key: encoded(v) for key, v in value.items()}
        return _tagged("items", [[encoded(key), encoded(v)] for key, v in value.items()])
    if hasattr(value, "isoformat"):
        return _tagged("time", value.isoformat())
    return repr(value)


def decoded(value):
    """The opposite of :func:`encoded`."""
    if isinstance(value, list):
        return [decoded(v) for v in value]
    if not isinstance(value, dict):
        return value
    if set(value) != {_TAG, "value"}:
        return {key: decoded(v) for key, v in value.items()}
    kind, inside = value[_TAG], value["value"]
    if kind == "float":
        return float(inside)
    if kind == "tuple":
        return tuple(decoded(inside))
    if kind == "items":
        return {decoded(key): decoded(v) for key, v in inside}
    if kind == "array":
        # Never an array of objects but of what JSON itself holds.
        return np.array(decoded(inside[1]), dtype=_plain_dtype(inside[0]))
    if kind == "time":
        import pandas as pd

        return pd.Timestamp(inside)
    raise ValueError(f"JSON of a newer version: it holds a {kind!r}, which is not known here")


def frame_to_json(frame):
    """A table as a dict that JSON can hold: ``columns`` with their types, and ``rows``."""
    return {
        "columns": [[str(name), str(dtype)] for name, dtype in frame.dtypes.items()],
        "rows": rows_of(frame),
    }


def frame_from_json(content):
    """The table that :func:`frame_to_json` was given."""
    names = [name for name, _ in content["columns"]]
    return typed_frame(content["rows"], names, dict(content["columns"]))


def rows_of(frame):
    """Rows of a table as lists; times as ISO 8601, what is missing as None."""
    return [list(row) for row in zip(*(_cells(frame[name]) for name in frame), strict=True)]


def typed_frame(rows, names, dtypes):
    """A table of given types.

    Parameters
    ----------
    rows : list of list
        As :func:`rows_of` gives them.
    names : list of str
        Columns.
    dtypes : dict of str to str
        Type of each column; one that is absent stays as it is.

    Returns
    -------
    frame : pandas.DataFrame
        With a RangeIndex.
    """
    import pandas as pd

    frame = pd.DataFrame(rows, columns=names, dtype=object)
    for name in names:
        frame[name] = typed(frame[name], dtypes.get(name, "object"))
    return frame


def typed(column, dtype):
    """A column of JSON values, or of text, as a column of a type given by its name."""
    import pandas as pd

    if dtype.startswith("datetime64"):
        times = pd.to_datetime(column.astype(object), utc=True, format="ISO8601")
        # The zone is always UTC; only the resolution is taken from the name.
        unit = dtype.removeprefix("datetime64[").split(",")[0].rstrip("]")
        return times.dt.as_unit(unit if unit in ("s", "ms", "us", "ns") else "ns")
    if dtype.startswith("timedelta64"):
        return pd.to_timedelta(column)
    if dtype.startswith("float"):
        values = [np.nan if value in (None, "") else float(value) for value in column]
        return pd.Series(values, index=column.index, dtype=_plain_dtype(dtype))
    if dtype.startswith(("int", "uint")):
        return pd.Series([int(v) for v in column], index=column.index, dtype=_plain_dtype(dtype))
    if dtype == "bool":
        values = [value in (True, "True", "true") for value in column]
        return pd.Series(values, index=column.index, dtype=bool)
    return column.astype("str" if dtype == "str" else object)


def _cells(column):
    import pandas as pd

    if str(column.dtype).startswith("datetime64"):
        return [None if time is pd.NaT else time.isoformat() for time in column]
    missing = column.isna()
    return [None if lost else _cell(v) for v, lost in zip(column, missing, strict=True)]


def _cell(value):
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return repr(value)
    return value if isinstance(value, bool | int | float | str) else str(value)


def _plain_dtype(name):
    """Numbers and text only: a type of a file must not ask for more."""
    dtype = np.dtype(name)
    if dtype.kind not in "biufUO" or dtype.names:
        raise ValueError(f"type {name!r}: not one of numbers and text")
    # How long text is, the text itself says.
    return np.dtype(str) if dtype.kind == "U" else dtype


def _tagged(kind, value):
    return {_TAG: kind, "value": value}
