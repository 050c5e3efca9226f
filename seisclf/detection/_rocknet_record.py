"""Waveforms as RockNet's published weights expect them."""

import warnings

import numpy as np

from ..io import read_records
from ..io._components import RATE_TOLERANCE, nominal_rate
from ..io._report import Report
from ..signal import bandpass
from ._network_record import is_station
from ._windows import runs


def rocknet_record(
    stream,
    *,
    starttime=None,
    endtime=None,
    stations=None,
    freq_min=5.0,
    freq_max=45.0,
    corners=4,
):
    """Prepare a record as RockNet's authors prepare the hours that they publish.

    Each trace is cut, its mean is subtracted, and it is filtered by a causal Butterworth
    band-pass from a state of rest. There is no taper: the filter's transient at the beginning is
    the authors' too, and the median over windows removes what it causes.

    Parameters
    ----------
    stream : obspy.Stream
        Raw counts; left unchanged.
    starttime, endtime : obspy.UTCDateTime or anything ``pandas.Timestamp`` reads, optional
        First sample, and the time of the first sample that is not taken. Default: those of the
        stream. The authors take an hour and a minute on either side.
    stations : list of str, optional
        ``"STA"`` or ``"NET.STA"``. Default: all.
    freq_min, freq_max : float, default=5.0, 45.0
        Corners of the filter in Hz.
    corners : int, default=4
        Order of the Butterworth prototype; the band-pass has twice as many poles.

    Returns
    -------
    prepared : obspy.Stream
        One float64 trace for each channel, sorted by code, all of the length that was asked for.
        Where nothing was recorded they are masked, and :class:`EventDetector` takes that for "no
        data".

    Raises
    ------
    TypeError
        If `stream` is no Stream.
    ValueError
        If no data is left, or a corner does not fit the sampling rate.

    Warns
    -----
    UserWarning
        For a station that was asked for and is not there, for traces with gaps or that are
        shorter than what was asked for, and for whatever had to be mended.

    Notes
    -----
    With all data there, the result equals the authors' to rounding. Where data is missing, it
    differs on purpose from what their script does:

    - A station that is not there stays missing. The script lets it pass with the data that the
      queue still holds from the hour before, or fills it with random numbers that are different
      in each run.
    - A trace that is too short is masked to its full length. The script doubles it as often as
      samples are missing.
    - Stretches between gaps are filtered one by one, so that no gap rings.

    The mean is that of the cut trace including the sample at `endtime`, in single precision, as
    the script has it; the filter runs in double precision.

    References
    ----------
    .. [1] Liao, W.-Y. et al. (2023). RockNet: Rockfall and earthquake detection and association
       via multitask learning and transfer learning. IEEE Transactions on Geoscience and Remote
       Sensing, 61.

    Examples
    --------
    >>> from obspy import read
    >>> from seisclf.detection import rocknet_record
    >>> prepared = rocknet_record(read())
    >>> prepared[0].id, prepared[0].stats.npts, prepared[0].data.dtype
    ('BW.RJOB..EHE', 3000, dtype('float64'))
    """
    from obspy import Stream

    if not isinstance(stream, Stream):
        raise TypeError(
            f"stream must be an ObsPy Stream, got {type(stream).__name__}: read files with "
            f"obspy.read(path)"
        )
    chosen, said = _chosen(stream, stations)
    if not chosen:
        raise ValueError(
            f"stream holds none of the stations {', '.join(stations)}" if stations else
            "stream holds no data"
        )  # fmt: skip
    span = _span(chosen, starttime, endtime)
    _check_band(chosen, freq_min, freq_max)
    report = Report()
    # One more sample than is kept: the authors cut with both ends, and the mean is that of all.
    rates = {nominal_rate(trace.stats.sampling_rate, RATE_TOLERANCE) for trace in chosen}
    extra = round(1e9 / min(rates))
    records = read_records(chosen, start_ns=span[0], end_ns=span[1] + extra, report=report)
    absent = sorted({trace.id for trace in chosen} - set(records))
    said += [f"{id}: no data between starttime and endtime, left out" for id in absent]
    prepared = Stream()
    for record in records.values():
        n_samples = round((span[1] - span[0]) * record.sampling_rate / 1e9)
        trace, missing = _prepared(record, span[0], n_samples, (freq_min, freq_max, corners))
        if missing:
            said.append(f"{record.id}: {missing / record.sampling_rate:g} s without data, masked")
        prepared.append(trace)
    said += [f"{row.trace}: {row.what}, {row.action}" for row in report.to_frame().itertuples()]
    if not prepared:
        raise ValueError(f"no data between starttime and endtime. {'; '.join(said)}")
    if said:
        warnings.warn("; ".join(said), UserWarning, stacklevel=2)
    return prepared


def _chosen(stream, stations):
    """Traces of the stations that are wanted, and what is to be said of the others."""
    from obspy import Stream

    if stations is None:
        return stream, []
    if isinstance(stations, str):
        raise TypeError(f"stations must be a list of codes, got the str {stations!r}")
    codes = [f"{trace.stats.network}.{trace.stats.station}" for trace in stream]
    said = [
        f"station {name} is not in the stream and stays missing"
        for name in stations
        if name and not any(is_station(code, name) for code in codes)
    ]
    kept = [
        trace
        for trace, code in zip(stream, codes, strict=True)
        if any(name and is_station(code, name) for name in stations)
    ]
    return Stream(kept), said


def _check_band(stream, freq_min, freq_max):
    if not 0 < freq_min < freq_max:
        raise ValueError(
            f"freq_min and freq_max must rise from above zero; got {freq_min:g} and "
            f"{freq_max:g} Hz"
        )
    rates = {trace.id: trace.stats.sampling_rate for trace in stream}
    slow = {id: rate for id, rate in rates.items() if rate / 2 <= freq_max}
    if slow:
        raise ValueError(
            f"freq_max={freq_max:g} Hz is not below half the sampling rate of {', '.join(slow)} "
            f"({min(slow.values()):g} Hz). RockNet's published weights need 100 Hz and what lies "
            f"between 5 and 45 Hz: take a lower freq_max for weights of your own"
        )


def _span(stream, starttime, endtime):
    """First sample, and end, in nanoseconds since 1970."""
    first, last = _nanoseconds(starttime), _nanoseconds(endtime)
    if first is None:
        first = min(trace.stats.starttime.ns for trace in stream)
    if last is None:
        last = max(
            trace.stats.starttime.ns
            + round(
                trace.stats.npts / nominal_rate(trace.stats.sampling_rate, RATE_TOLERANCE) * 1e9
            )
            for trace in stream
        )
    if last <= first:
        raise ValueError("endtime must lie after starttime")
    return first, last


def _nanoseconds(time):
    import pandas as pd

    if time is None or hasattr(time, "ns"):
        return time and time.ns
    time = pd.Timestamp(time)
    return (time.tz_localize("UTC") if time.tzinfo is None else time).value


def _prepared(record, start_ns, n_samples, band):
    """A trace of `n_samples` from `start_ns` on, and how many of them are missing."""
    from obspy import Trace, UTCDateTime

    low, high, order = band
    rate = record.sampling_rate
    data = record.data - record.data[record.valid].mean()
    at = round((record.start_ns - start_ns) * rate / 1e9)
    filtered, masked = np.zeros(n_samples), np.ones(n_samples, dtype=bool)
    for first, last in runs(record.valid):
        piece = bandpass(
            data[first:last].astype(np.float64), sampling_rate=rate, low=low, high=high,
            order=order, zero_phase=False,
        )  # fmt: skip
        begin, end = max(first + at, 0), min(last + at, n_samples)
        if end > begin:
            filtered[begin:end] = piece[begin - first - at : end - first - at]
            masked[begin:end] = False
    network, station, location, channel = record.id.split(".")
    begins = UTCDateTime(ns=record.start_ns - round(at / rate * 1e9))
    header = {
        "network": network, "station": station, "location": location, "channel": channel,
        "sampling_rate": rate, "starttime": begins,
    }  # fmt: skip
    missing = int(masked.sum())
    return Trace(np.ma.array(filtered, mask=masked) if missing else filtered, header), missing
