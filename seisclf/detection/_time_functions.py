"""Functions over time, sample by sample, as a scan with networks like RockNet leaves them."""

from dataclasses import dataclass, field

import numpy as np

from ._functions import ProbabilityFunctions

OCCURRENCE = "occurrence_"


@dataclass(frozen=True)
class StationFunctions:
    """Functions over time of one station, or of the network as a whole.

    Parameters
    ----------
    station : str
        ``"NET.STA"``; ``""`` for the network.
    start_time : pandas.Timestamp
        UTC time of the first sample.
    sampling_rate : float
        Hertz.
    functions : dict of str to ndarray of float32, shape (n_samples,)
        By name: ``"P"``, ``"S"`` and one for each class of events; ``"occurrence_<class>"`` for
        the network. NaN where there is no data.
    coverage : ndarray of bool, shape (n_samples,)
        Where there is data that was scanned.
    n_windows, n_empty : int
        Windows that were predicted, and windows left out as "no data".
    seed_id : str, default=""
        ``"NET.STA.LOC.CHA"`` of the first component.
    notes : tuple of str, default=()
        What happened on the way: gaps, dead stretches.
    persistent : dict of str to ndarray of float32, shape (n_samples,), default={}
        The highest level that consecutive windows agree on; empty if that was not asked for.
    """

    station: str
    start_time: object
    sampling_rate: float
    functions: dict
    coverage: np.ndarray
    n_windows: int
    n_empty: int
    seed_id: str = ""
    notes: tuple = ()
    persistent: dict = field(default_factory=dict)

    @property
    def step(self):
        """Seconds between samples."""
        return 1.0 / self.sampling_rate

    @property
    def end_time(self):
        """UTC time of the end of the last sample."""
        return self.time_of(len(self.coverage))

    @property
    def times(self):
        """UTC times of the samples, a pandas.DatetimeIndex."""
        import pandas as pd

        seconds = np.arange(len(self.coverage)) / self.sampling_rate
        return self.start_time + pd.to_timedelta(seconds, unit="s")

    @property
    def covered(self):
        """Share of the record's time that holds data and was scanned, 0 to 1."""
        return float(self.coverage.mean())

    def time_of(self, sample):
        """UTC time of a sample, a pandas.Timestamp."""
        import pandas as pd

        return self.start_time + pd.Timedelta(round(sample * 1e9 / self.sampling_rate), unit="ns")

    def to_frame(self):
        """One row per sample: ``time``, ``station``, one column per function, ``coverage``.

        Returns
        -------
        frame : pandas.DataFrame
            Functions over time.
        """
        import pandas as pd

        columns = {"time": self.times, "station": self.station} | self.functions
        return pd.DataFrame(columns).assign(coverage=self.coverage)


class FunctionsOverTime(ProbabilityFunctions):
    """Functions over time of all stations of a scan: a mapping from station to
    :class:`StationFunctions`.

    Parameters
    ----------
    functions : iterable of StationFunctions
        One for each station.
    classes : iterable
        Labels of the classes that are events.
    network : StationFunctions, optional
        Functions that the stations have in common: when events of each class occurred.
    picked : iterable of str, default=("earthquake",)
        Classes whose function runs from P to S.
    skipped : dict of str to str, optional
        Stations that could not be scanned, and why.
    persistence : int, default=1
        Consecutive windows that the functions' `persistent` stands for; 1: there is none.

    Attributes
    ----------
    classes, network, picked, skipped, persistence
        As given; of `classes` and `picked` those that there are functions for.
    """

    def __init__(
        self,
        functions=(),
        *,
        classes,
        network=None,
        picked=("earthquake",),
        skipped=None,
        persistence=1,
    ):
        super().__init__(functions, skipped=skipped)
        self.network, self.persistence = network, persistence
        # A classifier may know classes that it has no function for.
        known = {name for function in self.values() for name in function.functions}
        known |= {name.removeprefix(OCCURRENCE) for name in (network.functions if network else ())}
        self.classes = [label for label in classes if str(label) in known]
        self.picked = [label for label in self.classes if label in list(picked)]

    def __repr__(self):
        kind = "of a network of" if self.network else "of"
        stations = ", ".join(self)
        return f"<FunctionsOverTime {kind} {len(self)} stations: {stations}>"

    def to_stream(self):
        """The functions as an ObsPy Stream, see :meth:`EventDetector.annotate`.

        Returns
        -------
        stream : obspy.Stream
            float32; a trace ends where there is no data, and another begins after it.
        """
        from ._annotations import function_stream

        return function_stream(self)
