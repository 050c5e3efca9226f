"""Names of events and picks that depend on nothing but what they name."""

from collections import Counter
from hashlib import blake2b

_PUNCTUATION = str.maketrans("", "", "-:.")


def event_ids(table):
    """An id for each detection: its onset, and a short hash of onset, stations and class.

    The onset counts to the millisecond and stations in any order, so that an event that is found
    again, by another scan or on another machine, has the same id.

    Parameters
    ----------
    table : pandas.DataFrame
        With the columns ``class``, ``onset`` and ``stations``.

    Returns
    -------
    ids : list of str
        Letters, digits and hyphens. Rows that agree in all three get ``-2``, ``-3``, … in order.

    Examples
    --------
    >>> import pandas as pd
    >>> event_ids(pd.DataFrame({"class": ["rockfall"], "stations": ["TW.LH01"],
    ...                         "onset": [pd.Timestamp("2020-03-28T13:05:00.123Z")]}))
    ['20200328T130500123Z-892486e770ef']
    """
    names = []
    columns = (times_to_ms(table["onset"]), table["class"], table["stations"])
    for time, label, stations in zip(*columns, strict=True):
        seen = " ".join(sorted(str(stations).split()))
        names.append(f"{time}-{_hash(time, seen, str(label))}")
    return _distinct(names)


def pick_ids(event, picks):
    """Ids of the picks of an event: that of the event, phase, and a hash of station and time.

    Parameters
    ----------
    event : str
        Id of the event.
    picks : iterable of (str, str, pandas.Timestamp)
        Station, phase and time.

    Returns
    -------
    ids : list of str
        In the same order, each different from all others.
    """
    names = [
        f"{event}-{''.join(c for c in phase if c.isascii() and c.isalnum())}-"
        f"{_hash(station, phase, time.round('ms').isoformat())[:8]}"
        for station, phase, time in picks
    ]
    return _distinct(names)


def times_to_ms(times):
    """Times as text such as 20200328T130500123Z, list of str."""
    import numpy as np

    unix = times.dt.as_unit("ns").astype("int64").to_numpy()
    text = np.datetime_as_string(((unix + 500_000) // 1_000_000).astype("datetime64[ms]"))
    return [name.translate(_PUNCTUATION) + "Z" for name in text.tolist()]


def content_id(texts):
    """One id for many texts."""
    return _hash(*texts)


def _hash(*texts):
    # Lengths keep ("ab", "c") and ("a", "bc") apart.
    joined = "".join(f"{len(text)}:{text}" for text in texts)
    return blake2b(joined.encode("utf-8", "backslashreplace"), digest_size=6).hexdigest()


def _distinct(names):
    count = Counter()
    result = []
    for name in names:
        count[name] += 1
        result.append(name if count[name] == 1 else f"{name}-{count[name]}")
    return result
