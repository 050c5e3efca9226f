"""The door for ObsPy streams: each channel becomes one array and a mask of what was recorded."""

from dataclasses import dataclass

import numpy as np

from ._components import RATE_TOLERANCE
from ._door import Merging, merge_channel
from ._grid import sample_time
from ._limits import DEFAULT_LIMITS
from ._report import Report
from ._stretches import constant_runs

__all__ = ["SENTINELS", "Record", "constant_runs", "gaps_of", "read_records"]

# Values that acquisition systems write where nothing was recorded.
SENTINELS = (-(2**31),)


@dataclass(frozen=True)
class Record:
    """One channel without gaps in its array: `valid` says which samples were recorded.

    Parameters
    ----------
    id : str
        SEED identifier, ``"NET.STA.LOC.CHA"``.
    start_ns : int
        UTC time of the first sample in nanoseconds since 1970.
    sampling_rate : float
        Nominal rate in Hz.
    data : ndarray of shape (n_samples,)
        Waveform, zero where nothing was recorded.
    valid : ndarray of bool of shape (n_samples,)
        True where a sample was recorded.
    """

    id: str
    start_ns: int
    sampling_rate: float
    data: np.ndarray
    valid: np.ndarray

    @property
    def station(self):
        """Network and station, ``"NET.STA"``; without a network the station alone."""
        network, station = self.id.split(".")[:2]
        return f"{network}.{station}" if network else station

    @property
    def channel(self):
        """Channel code."""
        return self.id.split(".")[3]

    @property
    def end_ns(self):
        """UTC time after the last sample in nanoseconds since 1970."""
        return self.start_ns + sample_time(len(self.data), self.sampling_rate)


def read_records(
    stream,
    *,
    start_ns=None,
    end_ns=None,
    rate_tolerance=RATE_TOLERANCE,
    sentinels=SENTINELS,
    dtype=np.float32,
    report=None,
    event="",
    anchor_ns=None,
    constant_gap=None,
    max_samples=DEFAULT_LIMITS.max_samples,
):
    """Merge the traces of a stream, channel by channel.

    Rates that differ by clock error are taken for one, dtypes are joined, pieces are put on one
    sample grid (each sample at the nearest of the grid; one halfway between two at the later),
    overlaps and gaps, masked and not finite samples are found. A channel that cannot be merged is
    left out and reported; the others are not touched by it. The stream is not changed.

    Parameters
    ----------
    stream : obspy.Stream
        Traces in any order.
    start_ns, end_ns : int, optional
        Only samples in [start_ns, end_ns) are taken; UTC nanoseconds since 1970.
    rate_tolerance : float, default=1e-4
        Largest relative difference of rates that is taken for clock error.
    sentinels : tuple of int, default=(-2147483648,)
        Values that stand for "not recorded".
    dtype : dtype, default=numpy.float32
        dtype of the arrays.
    report : Report or ReadReport, optional
        Takes the findings; a :class:`ReadReport` also gaps and clipped traces.
    event : str, default=""
        What to call this stream in the report.
    anchor_ns : int, optional
        A time that is a sample of the grid, in UTC nanoseconds since 1970. With the same anchor
        a recording gives the same samples however it is cut into pieces. Default: the first
        sample of each channel.
    constant_gap : float, optional
        Stretches of one value longer than so many seconds (and than ten samples) count as gaps.
        By default they are data.
    max_samples : int, default=2**30
        Most samples of one channel, gaps included; a channel with more is left out and reported.

    Returns
    -------
    records : dict of str to Record
        By SEED identifier, sorted.

    Examples
    --------
    >>> from obspy import read
    >>> from seisclf.io import read_records
    >>> records = read_records(read())
    >>> list(records)
    ['BW.RJOB..EHE', 'BW.RJOB..EHN', 'BW.RJOB..EHZ']
    >>> records["BW.RJOB..EHZ"].data.shape, records["BW.RJOB..EHZ"].valid.all()
    ((3000,), np.True_)
    """
    report = Report() if report is None else report
    merging = Merging(
        start_ns, end_ns, rate_tolerance, sentinels, np.dtype(dtype), anchor_ns, constant_gap,
        max_samples,
    )  # fmt: skip
    by_id = {}
    for trace in stream:
        by_id.setdefault(trace.id, []).append(trace)
    return merge_traces(by_id, merging, report, event)


def merge_traces(by_id, merging, report, event=""):
    """Merge traces by channel, each on its own.

    Parameters
    ----------
    by_id : dict of str to list of obspy.Trace
        By SEED identifier.
    merging : Merging
        How.
    report : Report or ReadReport
        Takes the findings.
    event : str, default=""
        What they are findings of.

    Returns
    -------
    records : dict of str to Record
    """
    records = {}
    for id, traces in sorted(by_id.items()):
        try:
            merged = merge_channel(id, traces, merging, report, event)
        except (ValueError, TypeError, MemoryError, ArithmeticError) as error:
            what = f"cannot be merged: {error}"
            report.add(event, id, what, "channel left out", kind="unreadable")
            continue
        if merged is not None:
            records[id] = Record(id, *merged)
    return records


def gaps_of(valid):
    """First and last-plus-one sample of each run that was not recorded.

    Parameters
    ----------
    valid : ndarray of bool of shape (n_samples,)
        True where a sample was recorded.

    Returns
    -------
    runs : ndarray of int of shape (n_gaps, 2)
        Half-open intervals.

    Examples
    --------
    >>> import numpy as np
    >>> from seisclf.io import gaps_of
    >>> gaps_of(np.array([0, 1, 1, 0, 0, 1], dtype=bool)).tolist()
    [[0, 1], [3, 5]]
    """
    edges = np.diff(np.concatenate([[True], valid, [True]]).astype(np.int8))
    return np.column_stack([np.flatnonzero(edges < 0), np.flatnonzero(edges > 0)])
