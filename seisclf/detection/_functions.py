"""Class probabilities over time, as a scan leaves them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class ProbabilityFunction:
    """Class probabilities of one station on a regular grid of frames.

    Parameters
    ----------
    station : str
        ``"NET.STA"``.
    start_time : pandas.Timestamp
        UTC time of the record's first sample, which begins the first frame.
    end_time : pandas.Timestamp
        UTC time of the end of the record's last sample.
    step : float
        Seconds of a frame.
    classes : ndarray of shape (n_classes,)
        Labels, as the classifier has them.
    probabilities : ndarray of float, shape (n_frames, n_classes)
        Rows sum to one, or are NaN where there was no data. After post-processing, what it made
        of the classes that are events; the background stays as it was, so that rows need not sum
        to one.
    coverage : ndarray of float, shape (n_frames,)
        Share of the frame's samples that hold data and were scanned.
    n_windows, n_empty : int
        Windows that were predicted, and windows left out as "no data".
    padded : bool, default=False
        Whether the record is shorter than a window and was padded.
    seed_id : str, default=""
        ``"NET.STA.LOC.CHA"`` of the first component.
    notes : tuple of str, default=()
        What happened on the way: resampling, gaps, dead stretches.
    energy : ndarray of float, shape (n_bins,), optional
        Power of the record's first difference, in bins of `energy_step` seconds, by which onsets
        are refined; NaN where there was no data.
    energy_step : float, default=0.0
        Seconds of a bin.
    raw : ndarray of float, shape (n_frames, n_classes), optional
        The probabilities before post-processing; None if there was none.
    """

    station: str
    start_time: object
    end_time: object
    step: float
    classes: np.ndarray
    probabilities: np.ndarray
    coverage: np.ndarray
    n_windows: int
    n_empty: int
    padded: bool = False
    seed_id: str = ""
    notes: tuple = field(default=())
    energy: np.ndarray | None = None
    energy_step: float = 0.0
    raw: np.ndarray | None = None

    @property
    def times(self):
        """UTC times of the middle of each frame, a pandas.DatetimeIndex."""
        import pandas as pd

        middle = (np.arange(len(self.coverage)) + 0.5) * self.step
        return self.start_time + pd.to_timedelta(middle, unit="s")

    @property
    def covered(self):
        """Share of the record's time that holds data and was scanned, 0 to 1."""
        if (self.coverage == 1).all():
            return 1.0
        duration = (self.end_time - self.start_time).total_seconds()
        seconds = np.full(len(self.coverage), self.step)
        # The last frame is cut where the record ends.
        seconds[-1] = duration - self.step * (len(seconds) - 1)
        return float(self.coverage @ seconds / duration)

    def to_frame(self):
        """One row per frame: ``time``, ``station``, one column per class, ``coverage``.

        Returns
        -------
        frame : pandas.DataFrame
            Probabilities over time, as post-processing left them.
        """
        import pandas as pd

        frame = pd.DataFrame({"time": self.times, "station": self.station})
        for label, column in zip(self.classes, self.probabilities.T, strict=True):
            frame[label] = column
        return frame.assign(coverage=self.coverage)


class ProbabilityFunctions(Mapping):
    """Class probabilities over time of all stations of a scan: a mapping from station to
    :class:`ProbabilityFunction`.

    Parameters
    ----------
    functions : iterable of ProbabilityFunction
        One for each station.
    skipped : dict of str to str, optional
        Stations that could not be scanned, and why.
    """

    def __init__(self, functions=(), *, skipped=None):
        self._functions = {function.station: function for function in functions}
        self.skipped = dict(skipped or {})

    def __getitem__(self, station):
        if station not in self._functions:
            known = ", ".join(self._functions) or "none"
            raise KeyError(f"no station {station!r} was scanned; scanned: {known}")
        return self._functions[station]

    def __iter__(self):
        return iter(self._functions)

    def __len__(self):
        return len(self._functions)

    def __repr__(self):
        stations = ", ".join(self._functions)
        return f"<ProbabilityFunctions of {len(self)} stations: {stations}>"

    def to_frame(self):
        """All stations below one another.

        Returns
        -------
        frame : pandas.DataFrame
            One row per station and frame, see :meth:`ProbabilityFunction.to_frame`.
        """
        import pandas as pd

        return pd.concat([function.to_frame() for function in self.values()], ignore_index=True)

    def to_stream(self):
        """The probabilities as an ObsPy Stream, see :meth:`EventDetector.annotate`.

        Returns
        -------
        stream : obspy.Stream
            float32; a sample for each frame, at its middle. A trace ends where there is no data,
            and another begins after it.
        """
        from ._annotations import probability_stream

        return probability_stream(self)

    def coverage_report(self):
        """How much of each record was scanned.

        Returns
        -------
        report : pandas.DataFrame
            One row per station: ``station``, ``start``, ``end``, ``covered`` (0 to 1),
            ``windows``, ``windows_without_data``, ``notes``. Stations that could not be scanned
            have a row too, with 0 windows and the reason.
        """
        import pandas as pd

        rows = [
            {
                "station": function.station,
                "start": function.start_time,
                "end": function.end_time,
                "covered": function.covered,
                "windows": function.n_windows,
                "windows_without_data": function.n_empty,
                "notes": "; ".join(function.notes),
            }
            for function in self.values()
        ]
        rows += [
            {
                "station": station,
                "covered": 0.0,
                "windows": 0,
                "windows_without_data": 0,
                "notes": f"not scanned: {reason}",
            }
            for station, reason in self.skipped.items()
        ]
        return pd.DataFrame(rows)
