"""Times of any kind to UTC."""

import numpy as np


def to_utc(times):
    """Convert to a Series of UTC times in nanoseconds; what cannot be read or held becomes NaT.

    Parameters
    ----------
    times : Series or list
        Text (ISO 8601), datetimes, `obspy.UTCDateTime`, or nanoseconds since 1970. Times
        without a zone are UTC.

    Returns
    -------
    times : Series of datetime64[ns, UTC]
        With the index of `times`.

    Examples
    --------
    >>> from seisclf.io._times import to_utc
    >>> to_utc(["2020-01-01T00:00:00.5Z", "no time"]).tolist()
    [Timestamp('2020-01-01 00:00:00.500000+0000', tz='UTC'), NaT]
    """
    import pandas as pd

    series = pd.Series(times)
    if series.dtype.kind == "O" or pd.api.types.is_string_dtype(series.dtype):
        series = series.astype(object).map(_plain)
        utc = pd.to_datetime(series, utc=True, errors="coerce", format="ISO8601")
    else:
        with np.errstate(invalid="ignore"):  # numbers that are no times
            utc = pd.to_datetime(series, utc=True, errors="coerce")
    # Nanoseconds reach from 1677 to 2262.
    known = (utc >= pd.Timestamp.min.tz_localize("UTC")) & (
        utc <= pd.Timestamp.max.tz_localize("UTC")
    )
    return utc.where(known).dt.as_unit("ns")


def _plain(time):
    """UTCDateTime to Timestamp; everything else as it is."""
    import pandas as pd

    return pd.Timestamp(time.ns, tz="UTC") if hasattr(time, "ns") else time
