"""Windows cut around onsets."""

import warnings

import numpy as np

from ._bunch import PER_SAMPLE, onset_of, take_rows

ONSET_COLUMNS = ("p_onset", "s_onset", "event_start", "event_end")
_OUTSIDE = ("raise", "drop", "pad")


def cut_windows(bunch, *, start, end, relative_to="P", outside="raise"):
    """Cut windows around an onset, and move onsets and times along.

    Parameters
    ----------
    bunch : :class:`~sklearn.utils.Bunch`
        As the functions of :mod:`seisclf.datasets` return it.
    start, end : float
        Start and end of the window in seconds relative to the onset; negative is before. The
        window has ``round((end - start) * sampling_rate)`` samples, and begins at the sample
        nearest to its start.
    relative_to : str, float or sequence of these, default="P"
        The onset: a column of ``bunch.arrivals`` ("P", "S", "start", "end"), a numeric column of
        ``bunch.metadata`` in seconds, or a number of seconds after the first sample. Of a
        sequence each row takes the first that it has: ``("P", "start", 5.0)``. Of a network
        it is the first station's, and all stations are cut alike.
    outside : {"raise", "drop", "pad"}, default="raise"
        What to do about windows that leave the recording: refuse them, leave them out, or put
        zeros where nothing was recorded (``metadata["n_valid"]`` then counts the recorded
        samples). "drop" also leaves out rows without the onset; the others refuse them. What
        was left out or padded is told by a warning and in ``bunch.report``.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        A new one; of waveforms on disk ``data`` stays on disk.

    Raises
    ------
    ValueError
        If windows leave the recording or rows have no such onset, unless `outside` allows it;
        if no row is left; if a parameter is wrong.

    See Also
    --------
    add_noise_class : The same, with noise from before the onset as a class of its own.

    Examples
    --------
    >>> from seisclf.datasets import cut_windows, make_seismic_events
    >>> events = make_seismic_events(6, classes=["earthquake", "quake"], random_state=0)
    >>> cut = cut_windows(events, start=-2, end=13)
    >>> cut.data.shape
    (6, 3, 1500)
    >>> cut.metadata["p_onset"].round(2).tolist()
    [2.0, 2.0, 2.0, 2.0, 2.0, 2.0]
    """
    first, n_samples = place_windows(bunch, start, end, relative_to)
    what = f"from {start:g} s to {end:g} s around {named(relative_to)}"
    return cut_rows(bunch, np.arange(len(first)), first, n_samples, what, relative_to, outside)


def named(relative_to):
    if isinstance(relative_to, (list, tuple)):
        return " or ".join(str(name) for name in relative_to)
    return str(relative_to)


def place_windows(bunch, start, end, relative_to):
    """First sample of every row's window as float (NaN without onset), and its length."""
    n_samples = round((end - start) * bunch.sampling_rate)
    if n_samples < 1:
        raise ValueError(
            f"end must lie at least one sample after start; got start={start!r}, end={end!r} at "
            f"{bunch.sampling_rate:g} Hz"
        )
    names = relative_to if isinstance(relative_to, (list, tuple)) else [relative_to]
    onset = onset_of(bunch, names[0])
    for name in names[1:]:
        onset = np.where(np.isnan(onset), onset_of(bunch, name), onset)
    return np.round((onset + start) * bunch.sampling_rate), n_samples


def cut_rows(bunch, rows, first, n_samples, what, relative_to, outside):
    """Cut windows of n_samples at `first` out of `rows`, of those that may be cut."""
    if outside not in _OUTSIDE:
        raise ValueError(f"outside must be one of {_OUTSIDE}; got {outside!r}")
    unknown = np.isnan(first)
    n_valid = np.zeros(len(rows), dtype=int)
    known = ~unknown
    n_valid[known] = _recorded(bunch, rows[known], first[known].astype(int), n_samples)
    if unknown.any() and outside != "drop":
        raise ValueError(
            f"{_count(rows[unknown], len(rows))} rows have no onset {named(relative_to)}"
            f"{_classes(bunch, rows[unknown])}: give relative_to several onsets to try, such as "
            f"('P', 'start', 5.0), or leave these rows out with outside='drop'"
        )
    leaving = known & (n_valid < n_samples)
    message = f"{_count(rows[leaving], len(rows))} windows {what} leave the recording"
    if leaving.any() and outside == "raise":
        raise ValueError(
            f"{message}: choose a shorter window, or outside='drop' to leave them out, or "
            f"outside='pad' to put zeros there"
        )
    keep = np.ones(len(rows), dtype=bool) if outside == "pad" else ~(unknown | leaving)
    if not keep.any():
        raise ValueError(f"no row is left: all windows {what} leave the recording or lack onsets")
    _tell(bunch, rows, unknown, leaving, message, relative_to, outside)
    cut = take_rows(bunch, rows[keep])
    if "_is_noise" in bunch:
        cut["_is_noise"] = bunch["_is_noise"][keep]
    cut.report = _report(bunch, rows, unknown, leaving, outside)
    return _shift(cut, first[keep].astype(int), n_samples, n_valid[keep])


def _recorded(bunch, rows, first, n_samples):
    """Count the recorded samples that windows of rows hold."""
    if hasattr(bunch.data, "window"):
        n_valid = bunch.data[rows].window(first, n_samples).n_valid()
        if n_valid.ndim > 1:  # a station that is missing altogether leaves nothing
            n_valid = np.where(n_valid > 0, n_valid, n_samples).min(axis=1)
        return n_valid
    length = np.full(len(rows), bunch.data.shape[-1])
    if "n_valid" in bunch.metadata:
        length = np.minimum(length, bunch.metadata["n_valid"].to_numpy()[rows])
    return np.maximum(np.minimum(first + n_samples, length) - np.maximum(first, 0), 0)


def _shift(cut, first, n_samples, n_valid):
    """Cut the arrays of a bunch at `first`, and move all that counts from the first sample."""
    rate = cut.sampling_rate
    if hasattr(cut.data, "window"):
        cut.data = cut.data.window(first, n_samples)
    else:
        cut.data = _slices(cut.data, first, n_samples)
    for key in PER_SAMPLE:
        if cut.get(key) is not None:
            cut[key] = _slices(cut[key], first, n_samples)
    seconds = first / rate
    if cut.get("arrivals") is not None:
        cut.arrivals = cut.arrivals.copy()
        each = len(cut.arrivals) // len(first)
        for name in ("P", "S", "start", "end"):
            if name in cut.arrivals:
                cut.arrivals[name] -= np.repeat(seconds, each)
    cut.metadata = _shifted_metadata(cut.metadata, seconds, n_samples, rate)
    if "n_valid" in cut.metadata or np.any(n_valid < n_samples):
        cut.metadata["n_valid"] = n_valid
    return cut


def _slices(x, first, n_samples):
    """Cut (n, ..., t) at first, with zeros outside and NaN for what is NaN altogether."""
    samples = first[:, None] + np.arange(n_samples)
    outside = (samples < 0) | (samples >= x.shape[-1])
    middle = (1,) * (x.ndim - 2)
    index = np.clip(samples, 0, x.shape[-1] - 1).reshape(len(x), *middle, n_samples)
    cut = np.take_along_axis(x, index, axis=-1)
    if outside.any():
        empty = outside.reshape(index.shape)
        if x.dtype.kind == "f":
            empty = empty & ~np.isnan(x).all(axis=-1, keepdims=True)
        cut[np.broadcast_to(empty, cut.shape)] = 0
    return cut


def _shifted_metadata(metadata, seconds, n_samples, rate):
    import pandas as pd

    metadata = metadata.copy()
    for name in ONSET_COLUMNS:
        if name in metadata:
            metadata[name] = metadata[name] - seconds
    if "start_time" in metadata:
        shift = pd.to_timedelta(np.round(seconds * 1e9), unit="ns")
        metadata["start_time"] = metadata["start_time"] + shift
        metadata["end_time"] = metadata["start_time"] + pd.Timedelta(n_samples / rate, unit="s")
    own_rate = metadata.get("trace_sampling_rate_hz", rate)
    for name in metadata:
        if name.startswith("trace_") and name.endswith("_sample"):
            metadata[name] = pd.to_numeric(metadata[name], errors="coerce") - seconds * own_rate
    if "trace_start_time" in metadata and "start_time" in metadata:
        times = metadata["start_time"].dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        metadata["trace_start_time"] = times
    if "trace_npts" in metadata:
        metadata["trace_npts"] = np.round(n_samples / rate * own_rate).astype(int)
    return metadata


def _tell(bunch, rows, unknown, leaving, message, relative_to, outside):
    if leaving.any():
        done = "left out" if outside == "drop" else "padded with zeros"
        warnings.warn(f"{message}: {done}", UserWarning, stacklevel=4)
    if unknown.any():
        warnings.warn(
            f"{_count(rows[unknown], len(rows))} rows have no onset {named(relative_to)}"
            f"{_classes(bunch, rows[unknown])}: left out",
            UserWarning,
            stacklevel=4,
        )


def _report(bunch, rows, unknown, leaving, outside):
    """Add what was left out or padded to the findings of a data set."""
    import pandas as pd

    action = "padded with zeros" if outside == "pad" else "left out"
    ids = bunch.metadata.get("event_id", pd.Series(np.arange(len(bunch.metadata)).astype(str)))
    found = [
        (str(ids.iloc[row]), f"row {row}", what, action)
        for flags, what in ((unknown, "no onset"), (leaving, "window leaves the recording"))
        for row in rows[flags]
    ]
    new = pd.DataFrame(found, columns=["event", "trace", "what", "action"], dtype=str)
    old = bunch.get("report")
    return new if old is None or len(old) == 0 else pd.concat([old, new], ignore_index=True)


def _count(rows, total):
    """'3 of 20 (rows 1, 4, 7)' with no more than five rows named."""
    some = ", ".join(str(row) for row in rows[:5]) + (", ..." if len(rows) > 5 else "")
    return f"{len(rows)} of {total} (rows {some})"


def _classes(bunch, rows):
    if bunch.get("target") is None:
        return ""
    names, counts = np.unique(bunch.target[rows], return_counts=True)
    return " (" + ", ".join(f"{c} {n}" for n, c in zip(names, counts, strict=True)) + ")"
