"""From counts to ground motion, piece by piece, with a row for what became of each."""

import numpy as np

from ._epochs import epochs_of, parts_of, read_inventories
from ._grid import sample_index, sample_time
from ._streams import gaps_of

OUTPUTS = {"DISP": "M", "VEL": "M/S", "ACC": "M/S**2", "DEF": None}
LOWEST = 0.02  # Hz; below it "auto" lets nothing pass whole
PERIODS = 4.0  # of the lowest frequency in a piece
_MIN_SAMPLES = 16
_COLUMNS = (
    "trace", "start", "end", "samples", "status", "reason", "units_in", "units_out", "low", "high",
)  # fmt: skip


# The units of motion that ObsPy converts; with any others it would leave `output` out.
_MOTION = {
    f"{length}{per}"
    for length in ("M", "CM", "MM", "NM")
    for per in ("", "/S", "/SEC", "/S**2", "/(S**2)", "/SEC**2", "/(SEC**2)")
} | {"M/S/S"}


class _Failed(Exception):
    """Why a piece has no result."""


def auto_pre_filt(sampling_rate, duration):
    """Corners of the band in which a response is removed, from what a piece can hold.

    The band opens between f1 and f2, with f2 the larger of 0.02 Hz and four periods in the piece
    and f1 half of it, and closes between 80 % and 95 % of half the sampling rate.

    Parameters
    ----------
    sampling_rate : float
        Hertz.
    duration : float
        Seconds.

    Returns
    -------
    corners : tuple of four float
        Hertz, as ObsPy's ``pre_filt``.

    Examples
    --------
    >>> from seisclf.io._response import auto_pre_filt
    >>> auto_pre_filt(100.0, 3600.0)
    (0.01, 0.02, 40.0, 47.5)
    >>> auto_pre_filt(100.0, 20.0)
    (0.1, 0.2, 40.0, 47.5)
    """
    low = max(LOWEST, PERIODS / duration)
    half = sampling_rate / 2
    return (low / 2, low, 0.8 * half, 0.95 * half)


def remove_response(
    stream, inventory, *, output="VEL", pre_filt="auto", water_level=60.0, missing="report"
):
    """Remove the response of the instrument, by ObsPy, from each unbroken piece by itself.

    Masked and not finite samples are gaps. A piece over a change of the instrument is divided
    there. Ends of pieces are tapered over one period of the lower corner, at most 5 % of the
    piece, after its mean is taken off. What has no response, or fails, is not in the result and
    has a row that says why: its units would be others. The stream is not changed.

    Parameters
    ----------
    stream : obspy.Stream
        Counts.
    inventory : obspy.Inventory, path, or list of these
        Responses; StationXML files.
    output : {"VEL", "DISP", "ACC", "DEF"}, default="VEL"
        Velocity (m/s), displacement (m), acceleration (m/s²), or what the instrument measures.
        The first three are refused for a channel that does not measure motion.
    pre_filt : "auto", tuple of four float or None, default="auto"
        Corners in Hz of the band that is kept. "auto": from 0.02 Hz, or four periods in the
        piece if that is higher, up to 80 % of half the sampling rate, with tapers down to half
        of the lower and up to 95 %. None: all frequencies, which makes the longest periods grow.
    water_level : float or None, default=60.0
        Decibels below its maximum at which the response is held; None: no water level.
    missing : {"report", "raise"}, default="report"
        Whether a piece without a response is a row or an error.

    Returns
    -------
    removed : obspy.Stream
        Unbroken traces in the units of ``units_out``, float32 if they were, else float64.
    outcomes : DataFrame
        A row per piece: ``trace``, ``start``, ``end`` (UTC), ``samples``, ``status`` ("removed",
        "no response", "too short" or "failed"), ``reason``, ``units_in`` (of the stream),
        ``units_out``, ``low`` and ``high`` (Hz; the band that is kept whole).

    Raises
    ------
    ValueError
        If a parameter is wrong, or with ``missing="raise"`` a response is missing.

    See Also
    --------
    ResponseRemoval : The same for ``prepare=`` of a scan.

    Examples
    --------
    >>> from obspy import read, read_inventory
    >>> from seisclf.io import remove_response
    >>> removed, outcomes = remove_response(read(), read_inventory())
    >>> outcomes[["trace", "status", "units_out", "low"]].head(1).values.tolist()
    [['BW.RJOB..EHZ', 'removed', 'M/S', 0.1333...]]
    """
    check_choice(output, OUTPUTS, "output")
    check_pre_filt(pre_filt)

    def step(trace, response):
        return _remove(trace, response, output, pre_filt, water_level)

    return _each_piece(stream, inventory, missing, step)


def remove_sensitivity(stream, inventory, *, missing="report"):
    """Divide each unbroken piece by the overall sensitivity of its instrument.

    Parameters
    ----------
    stream : obspy.Stream
        Counts; it is not changed.
    inventory : obspy.Inventory, path, or list of these
        Responses, or their sensitivities alone; StationXML files.
    missing : {"report", "raise"}, default="report"
        Whether a piece without a sensitivity is a row or an error.

    Returns
    -------
    scaled : obspy.Stream
        Unbroken traces in the units that the instrument measures.
    outcomes : DataFrame
        As of :func:`remove_response`; ``low`` and ``high`` are the frequency at which the
        sensitivity holds.

    Examples
    --------
    >>> from obspy import read, read_inventory
    >>> from seisclf.io import remove_sensitivity
    >>> scaled, outcomes = remove_sensitivity(read(), read_inventory())
    >>> outcomes["units_out"].tolist()
    ['M/S', 'M/S', 'M/S']
    """
    return _each_piece(stream, inventory, missing, _scale)


def _each_piece(stream, inventory, missing, step):
    """Apply a step to each piece of a stream: (Stream, table of outcomes)."""
    import pandas as pd
    from obspy import Stream

    check_choice(missing, ("report", "raise"), "missing")
    inventory = read_inventories(inventory)
    done, rows, known = [], [], {}
    for trace in stream:
        if trace.id not in known:
            known[trace.id] = epochs_of(inventory, trace.id)
        for piece in _pieces(trace):
            for part, response, reason in _parts(piece, known[trace.id]):
                result, row = _outcome(part, response, reason, missing, step)
                rows.append(row)
                if result is not None:
                    done.append(result)
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    for column in ("start", "end"):
        ns = table[column].to_numpy(dtype=np.int64)
        table[column] = pd.to_datetime(ns, utc=True, unit="ns").astype("datetime64[ns, UTC]")
    return Stream(done), table


def _pieces(trace):
    """Unbroken pieces of a trace, without masked and not finite samples."""
    values = np.ma.getdata(trace.data)
    valid = ~np.ma.getmaskarray(trace.data)
    if values.dtype.kind == "f":
        valid &= np.isfinite(values)
    if valid.all():
        return [_part(trace, 0, len(values))]
    edges = np.concatenate([[0], gaps_of(valid).ravel(), [len(values)]]).reshape(-1, 2)
    return [_part(trace, a, b) for a, b in edges.tolist() if b > a]


def _parts(piece, epochs):
    """Divide a piece where the instrument changes: (Trace, response, reason)."""
    stats = piece.stats
    start_ns, rate = stats.starttime.ns, stats.sampling_rate
    end_ns = start_ns + sample_time(stats.npts, rate)
    at = 0
    for _, end, response, reason in parts_of(epochs, start_ns, end_ns):
        stop = stats.npts if end == end_ns else sample_index(end - start_ns, rate)
        if stop > at:
            yield _part(piece, at, stop), response, reason
        at = max(at, stop)


def _part(trace, begin, end):
    """Samples [begin, end) as a trace of its own."""
    from obspy import Trace, UTCDateTime

    stats = trace.stats.copy()
    stats.starttime = UTCDateTime(
        ns=trace.stats.starttime.ns + sample_time(begin, stats.sampling_rate)
    )
    data = np.ma.getdata(trace.data)[begin:end]
    stats.npts = len(data)
    return Trace(data, stats)


def _outcome(part, response, reason, missing, step):
    stats = part.stats
    start_ns = stats.starttime.ns
    span = (start_ns, start_ns + sample_time(stats.npts, stats.sampling_rate), stats.npts)
    if response is None:
        if missing == "raise":
            raise ValueError(f"no response for {part.id} at {stats.starttime}: {reason}")
        return None, (part.id, *span, "no response", reason, "", "", np.nan, np.nan)
    units = _units(response)
    try:
        with np.errstate(all="ignore"):
            result, units_out, low, high = step(part, response)
        if not np.isfinite(result.data).all():
            n = int((~np.isfinite(result.data)).sum())
            raise _Failed(f"{n} of {stats.npts} samples are not finite afterwards")
    except _Failed as failed:
        status = "too short" if "too short" in str(failed) else "failed"
        return None, (part.id, *span, status, str(failed), units[1], "", np.nan, np.nan)
    except Exception as error:
        # What evalresp and ObsPy raise about broken stages is of any type.
        text = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        return None, (part.id, *span, "failed", text, units[1], "", np.nan, np.nan)
    return result, (part.id, *span, "removed", "", units[1], units_out, low, high)


def _remove(trace, response, output, pre_filt, water_level):
    measured, _ = _units(response)
    if output != "DEF" and measured not in _MOTION:
        raise _Failed(
            f"the channel measures {measured or 'nothing that is named'}, not motion as far as "
            f"ObsPy knows: output={output!r} has no meaning, output='DEF' keeps its units"
        )
    if not response.response_stages:
        raise _Failed("the response has no stages; remove_sensitivity() needs none")
    if type(response.response_stages[0]).__name__ == "PolynomialResponseStage":
        raise _Failed("the response is a polynomial, which is no filter of motion")
    rate, n_samples = trace.stats.sampling_rate, trace.stats.npts
    if n_samples < _MIN_SAMPLES:
        raise _Failed(f"too short: {n_samples} samples")
    corners = auto_pre_filt(rate, n_samples / rate) if pre_filt == "auto" else pre_filt
    if corners is not None and not corners[1] < corners[2] <= corners[3] <= rate / 2:
        raise _Failed(
            f"pre_filt={tuple(round(f, 4) for f in corners)} Hz does not fit {rate:g} Hz and "
            f"{n_samples / rate:g} s"
        )
    dtype = trace.data.dtype if trace.data.dtype == np.float32 else np.float64
    data = trace.data.astype(np.float64)
    trace.data = _tapered(data - data.mean(), rate, corners)
    trace.stats.response = response
    trace.remove_response(
        output=output,
        pre_filt=corners,
        water_level=water_level,
        zero_mean=False,
        taper=False,
    )
    del trace.stats.response
    trace.data = trace.data.astype(dtype)
    low, high = (0.0, rate / 2) if corners is None else corners[1:3]
    return trace, OUTPUTS[output] or measured, low, high


def _tapered(data, rate, corners):
    """Cosine tapers of one period of the lower corner, at most 5 % of the piece each."""
    longest = 0.05 * len(data)
    n = int(longest if corners is None else min(longest, rate / corners[0]))
    if n:
        ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / n)
        data[:n] *= ramp
        data[-n:] *= ramp[::-1]
    return data


def _scale(trace, response):
    sensitivity = response.instrument_sensitivity
    value = None if sensitivity is None else sensitivity.value
    if not value or not np.isfinite(value):
        raise _Failed(f"the sensitivity is {value}")
    dtype = trace.data.dtype if trace.data.dtype == np.float32 else np.float64
    trace.data = (trace.data.astype(np.float64) / value).astype(dtype)
    frequency = sensitivity.frequency
    frequency = np.nan if frequency is None else float(frequency)
    return trace, _units(response)[0], frequency, frequency


def _units(response):
    """What the instrument measures, and what it writes, in capitals."""
    sensitivity = response.instrument_sensitivity
    stages = response.response_stages
    first = getattr(sensitivity, "input_units", None) or (
        stages[0].input_units if stages else None
    )
    last = getattr(sensitivity, "output_units", None) or (
        stages[-1].output_units if stages else None
    )
    return str(first or "").upper(), str(last or "").upper()


def check_choice(value, choices, name):
    if value not in tuple(choices):
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")


def check_pre_filt(pre_filt):
    if pre_filt is None or (isinstance(pre_filt, str) and pre_filt == "auto"):
        return
    try:
        corners = [float(f) for f in pre_filt]
        good = len(corners) == 4 and corners == sorted(corners) and corners[0] >= 0
        good = good and corners[0] < corners[1] and corners[2] < corners[3]
    except (TypeError, ValueError):
        good = False
    if not good:
        raise ValueError(
            f"pre_filt must be 'auto', None or four rising corners in Hz, got {pre_filt!r}"
        )
