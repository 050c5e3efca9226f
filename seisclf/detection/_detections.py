"""The table of detected events, and what it can be turned into."""

import numpy as np

from ._function_picking import PICK_COLUMNS, pick_network, pick_stations
from ._functions import ProbabilityFunctions
from ._onsets import refine as refine_bins

_COLUMNS = ("class", "onset", "end", "probability", "event_probability", "stations", "coverage")


class Detections:
    """Events that were found, with the evidence they come from.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per detection, with the columns ``class``; ``onset`` and ``end`` (UTC);
        ``probability`` (of the class: its largest value over the detection's duration);
        ``event_probability`` (the same of all classes but the background together); ``stations``
        (``"NET.STA"``, several separated by blanks); ``coverage`` (share of its duration that
        holds data and was scanned).
    functions : ProbabilityFunctions or FunctionsOverTime, optional
        What the events were found in: class probabilities, or functions, over time. A scan of an
        archive does not keep them.
    settings : dict, optional
        How the scan was made.
    picks : pandas.DataFrame, optional
        P and S at the stations, where functions over time tell them: ``detection`` (row of the
        table), ``station``, ``phase``, ``time`` (UTC), ``probability``.
    coverage : pandas.DataFrame, optional
        What was scanned and what was not, as :meth:`coverage_report` returns it. Default: what
        `functions` say.

    Attributes
    ----------
    functions : ProbabilityFunctions or FunctionsOverTime
        As given.
    settings : dict
        As given.
    picks : pandas.DataFrame
        As given; empty if there are none.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from seisclf.detection import Detections, ProbabilityFunctions
    >>> onset = pd.Timestamp("2020-03-28T13:05:00Z")
    >>> table = pd.DataFrame({"class": ["rockfall"], "onset": [onset],
    ...                       "end": [onset + pd.Timedelta(seconds=20)], "probability": [0.9],
    ...                       "event_probability": [0.95],
    ...                       "stations": ["TW.LH01"], "coverage": [1.0]})
    >>> detections = Detections(table, ProbabilityFunctions())
    >>> len(detections)
    1
    >>> detections.to_catalog()[0].event_descriptions[0].text
    'rockfall'
    """

    def __init__(self, table, functions=None, *, settings=None, picks=None, coverage=None):
        absent = [name for name in _COLUMNS if name not in table]
        if absent:
            raise ValueError(
                f"table lacks the columns {', '.join(absent)}; needed are {', '.join(_COLUMNS)}"
            )
        self._table = table.reset_index(drop=True)
        self.functions = ProbabilityFunctions() if functions is None else functions
        self._coverage = coverage
        self.settings = dict(settings or {})
        self.picks = _table_of([], PICK_COLUMNS) if picks is None else picks

    def __len__(self):
        return len(self._table)

    def to_frame(self):
        """The table, as a copy.

        Returns
        -------
        frame : pandas.DataFrame
            One row per detection, in order of onset.
        """
        return self._table.copy()

    def coverage_report(self):
        """What was scanned and what was not, see :meth:`ProbabilityFunctions.coverage_report`.

        Returns
        -------
        report : pandas.DataFrame
            One row per station.
        """
        if self._coverage is not None:
            return self._coverage.copy()
        return self.functions.coverage_report()

    def associate(self, *, min_stations=2, max_delay=5.0):
        """Events of the network: detections of several stations whose onsets lie close together.

        Parameters
        ----------
        min_stations : int, default=2
            Events seen by fewer stations are left out: most false alarms are.
        max_delay : float, default=5.0
            Seconds between the first and the last onset of an event; take the time that a wave
            needs to cross the network, and the uncertainty of the onsets.

        Returns
        -------
        events : Detections
            Onset of the first station, latest end, the class with the largest sum of
            probabilities, and ``stations`` separated by blanks in the order of their onsets.
            ``probability`` is the mean over these stations; those that saw another class count
            as zero.
        """
        from ._association import associate_table

        table, rows = associate_table(self._table, min_stations=min_stations, max_delay=max_delay)
        number = {row: i for i, members in enumerate(rows) for row in members}
        picks = self.picks[self.picks["detection"].isin(list(number))]
        picks = picks.assign(detection=picks["detection"].map(number))
        picks = picks.sort_values(["detection", "time"], ignore_index=True)
        return Detections(
            table, self.functions, settings=self.settings, picks=picks, coverage=self._coverage
        )

    def to_csv(self, path):
        """Write the table; times in ISO 8601, UTC, to the millisecond.

        Parameters
        ----------
        path : str or pathlib.Path
            File to write. It has a header even if nothing was detected.

        Returns
        -------
        path : pathlib.Path
            The file written.
        """
        from pathlib import Path

        frame = self.to_frame()
        for column in ("onset", "end"):
            frame[column] = [_iso(time) for time in frame[column]]
        path = Path(path)
        frame.to_csv(path, index=False, float_format="%.4f")
        return path

    def to_catalog(self, *, event_types=None):
        """An ObsPy Catalog with one event per detection, a pick of its onset, and P and S.

        Parameters
        ----------
        event_types : dict, optional
            QuakeML event type of classes, in addition to the usual ones, such as
            ``{"rockfall": "rockslide"}``.

        Returns
        -------
        catalog : obspy.core.event.Catalog
            Classes that QuakeML has no event type for become "other event"; the class itself
            stands in the event's description in every case, probability, end and coverage in a
            comment.
        """
        from ._quakeml import catalog_of

        return catalog_of(self._table, self.functions, picks=self.picks, event_types=event_types)

    def to_quakeml(self, path, *, event_types=None):
        """Write a QuakeML file, see :meth:`to_catalog`.

        Parameters
        ----------
        path : str or pathlib.Path
            File to write.
        event_types : dict, optional
            See :meth:`to_catalog`.

        Returns
        -------
        path : pathlib.Path
            The file written.
        """
        from pathlib import Path

        path = Path(path)
        self.to_catalog(event_types=event_types).write(str(path), format="QUAKEML")
        return path

    def plot(self, stream=None, *, station=None, detection=None, span=None, figure=None):
        """Draw the waveforms with the detections, and what they were found in beneath.

        Parameters
        ----------
        stream : obspy.Stream, optional
            The record that was scanned. None: probabilities only.
        station : str or list of str, optional
            Stations to draw. Default: all.
        detection : int, optional
            Row of the table to draw, with what is around it. Default: the whole record.
        span : tuple of two times, optional
            First and last time to draw, in place of `detection`: anything that
            ``pandas.Timestamp`` reads, or ``obspy.UTCDateTime``.
        figure : matplotlib.figure.Figure, optional
            Figure to draw into.

        Returns
        -------
        display : DetectionDisplay
            With the axes in ``axes_``.
        """
        from ._display import DetectionDisplay

        return DetectionDisplay(self, stream=stream).plot(
            station=station, detection=detection, span=span, figure=figure
        )

    def __repr__(self):
        lines = [self._headline()]
        if len(self):
            shown = self._table.head(20).copy()
            shown["onset"] = [_iso(time) for time in shown["onset"]]
            shown["end"] = [_iso(time) for time in shown["end"]]
            lines.append(shown.to_string(float_format=lambda value: f"{value:.2f}"))
            if len(self) > 20:
                lines.append(f"... and {len(self) - 20} more")
        return "\n".join(lines)

    def _repr_html_(self):
        from html import escape

        shown = self._table.head(20)
        more = f"<p>... and {len(self) - 20} more</p>" if len(self) > 20 else ""
        table = shown.to_html(float_format="%.2f", border=0) if len(self) else ""
        return f"<p>{escape(self._headline())}</p>{table}{more}"

    def _headline(self):
        counts = self._table["class"].value_counts()
        found = ", ".join(f"{count} {label}" for label, count in counts.items()) or "none"
        n_stations = len(self.functions)
        hours = sum(
            (function.end_time - function.start_time).total_seconds() / 3600
            for function in self.functions.values()
        )
        covered = [function.covered for function in self.functions.values()]
        coverage = f", {100 * np.mean(covered):.1f} % covered" if covered else ""
        skipped = len(self.functions.skipped)
        note = f", {skipped} not scanned" if skipped else ""
        return (
            f"{len(self)} detections ({found}) in {hours:.3g} station-hours at {n_stations} "
            f"station{'' if n_stations == 1 else 's'}{coverage}{note}"
        )


def detections_table(functions, spans, is_event, *, refine=None):
    """Table of the spans (station to list of Span) that were picked in `functions`.

    `is_event` (n_classes,) tells classes from background.
    `refine` is the length (s) of the short average by which onset and end are refined, or None.
    """
    import pandas as pd

    rows = []
    for station, found in spans.items():
        function = functions[station]
        for span in found:
            part = slice(span.first, span.last)
            onset, end = span.first * function.step, span.last * function.step
            if refine:
                onset, end = _refined(function, onset, end, refine)
            end = function.start_time + pd.Timedelta(end, unit="s")
            rows.append(
                {
                    "class": function.classes[span.label],
                    "onset": function.start_time + pd.Timedelta(onset, unit="s"),
                    "end": min(end, function.end_time),
                    "probability": np.nanmax(function.probabilities[part, span.label]),
                    "event_probability": np.nanmax(
                        function.probabilities[part][:, is_event].sum(axis=1)
                    ),
                    "stations": station,
                    "coverage": function.coverage[part].mean(),
                }
            )
    return _table_of(rows, _COLUMNS).sort_values(["onset", "stations"], ignore_index=True)


def function_detections(functions, settings, *, described):
    """Events picked in functions over time, see :mod:`._function_picking`."""
    if settings.persistence not in (1, functions.persistence):
        raise ValueError(
            f"persistence={settings.persistence}, but the functions were scanned with "
            f"{functions.persistence}: scan again, detector.detect(stream)"
        )
    by_occurrence = functions.network is not None and functions.network.functions
    pick = pick_network if by_occurrence else pick_stations
    rows, picks = pick(functions, settings)
    return Detections(
        _table_of(rows, _COLUMNS),
        functions,
        settings=described,
        picks=_table_of(picks, PICK_COLUMNS),
    )


def _table_of(rows, columns):
    """Rows as a table whose times are times even if there are none."""
    import pandas as pd

    table = pd.DataFrame(rows, columns=list(columns))
    for name in {"onset", "end", "time"} & set(columns):
        table[name] = pd.to_datetime(table[name], utc=True)
    return table


def _refined(function, onset, end, ahead):
    """Seconds of onset and end of motion within a span."""
    step = function.energy_step
    first, last = round(onset / step), min(round(end / step), len(function.energy))
    first, last = refine_bins(function.energy, first, last, ahead=max(1, round(ahead / step)))
    return first * step, last * step


def _iso(time):
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"
