"""The table of detected events, and what it can be turned into."""

from ._function_picking import PICK_COLUMNS, pick_network, pick_stations
from ._functions import ProbabilityFunctions
from ._picked_tables import TABLE_COLUMNS, table_of
from ._picked_tables import detections_table as detections_table


class Detections:
    """Events that were found, with the evidence they come from.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per detection, with the columns ``class``; ``onset`` and ``end`` (UTC);
        ``probability`` (of the class: its largest value over the detection's duration);
        ``event_probability`` (the same of all classes but the background together); ``stations``
        (``"NET.STA"``, several separated by blanks); ``coverage`` (share of its duration that
        holds data and was scanned). Where they are known, ``p_<class>`` follow: what the
        classifier gave each class on average over the detection's duration (of the functions of
        a network: where its occurrence peaks), before any post-processing.
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
    spans : pandas.DataFrame, optional
        When stations recorded, as :meth:`coverage_spans` returns it. Default: what `functions`
        say, or else the lines of `coverage`.

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

    def __init__(
        self, table, functions=None, *, settings=None, picks=None, coverage=None, spans=None
    ):
        absent = [name for name in TABLE_COLUMNS if name not in table]
        if absent:
            raise ValueError(
                f"table lacks the columns {', '.join(absent)}; needed are "
                f"{', '.join(TABLE_COLUMNS)}"
            )
        self._table = table.reset_index(drop=True)
        self.functions = ProbabilityFunctions() if functions is None else functions
        self._coverage, self._spans = coverage, spans
        self.settings = dict(settings or {})
        self.picks = table_of([], PICK_COLUMNS) if picks is None else picks

    def __len__(self):
        return len(self._table)

    @property
    def ids(self):
        """An id for each detection, a list of str.

        Made of its onset (to the millisecond) and a short hash of onset, stations and class: an
        event that is found again has the same id, on any machine. Detections that agree in all
        three get ``-2``, ``-3``, … in the order of the table.
        """
        from ._identifiers import event_ids

        return event_ids(self._table)

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

    def coverage_spans(self):
        """Stretches of time in which stations recorded and were scanned.

        Returns
        -------
        spans : pandas.DataFrame
            ``station``, ``start`` and ``end`` (UTC), and ``covered`` (0 to 1): the share of the
            stretch that holds data. With functions over time there is a stretch between each two
            gaps; otherwise there is one for each line of :meth:`coverage_report`.
        """
        from ._coverage_spans import coverage_spans

        return coverage_spans(self)

    def associate(
        self, *, min_stations=2, max_delay=None, stations=None, velocity=None, onset_error=1.0
    ):
        """Events of the network: detections of several stations whose onsets agree.

        Two onsets agree if they differ by at most `max_delay`; or, with `stations` and
        `velocity`, by the time that the slowest wave needs between the two stations, and
        `onset_error`. Wherever an event is, a wave of one velocity reaches two stations at times
        that differ by no more than that. An event is a set of detections, one a station, of which
        each two agree. Of all such sets the largest is taken first (of equally large ones that of
        the highest probabilities, then the earliest); its detections belong to no other event, and
        so on. Further detections at the same stations that agree with the others belong to the
        event too: its codas, or S after P. The order of rows makes no difference.

        Parameters
        ----------
        min_stations : int or float, default=2
            Events seen by fewer stations are left out: most false alarms are. A number below 1 is
            a share of the stations that were recording at the time, but at least two stations.
        max_delay : float, optional
            Seconds between the first and the last onset of an event; take the time that a wave
            needs to cross the network, and the uncertainty of the onsets. Default: 5 s, or what
            travel times allow. With both, the shorter time counts.
        stations : pandas.DataFrame, obspy.Inventory or dict, optional
            Where stations are: columns ``station`` (``"NET.STA"``), ``latitude`` and
            ``longitude`` (degrees), and perhaps ``elevation`` (m), or a dict of station to
            (latitude, longitude).
        velocity : float, optional
            Kilometres a second of the slowest wave that onsets may be of: of P in the rock of a
            slope 1 or 2, of the crust 5; of S or surface waves less.
        onset_error : float, default=1.0
            Seconds by which the difference of two onsets may be wrong. Windows of a few seconds
            tell onsets to about a tenth of their length. Where one station may show P and another
            S, their difference belongs here.

        Returns
        -------
        events : Detections
            Onset of the first station, latest end, the class with the largest sum of
            probabilities, and ``stations`` separated by blanks in the order of their onsets.
            ``probability`` is the mean over these stations; those that saw another class count
            as zero. ``p_<class>`` are means too. ``recording``: how many stations were, where
            the coverage is known; 3 of 3 are more than 3 of 12.

        Raises
        ------
        ValueError
            If a parameter is out of range, `stations` lacks one that detected something, or
            detections are of several stations already.

        Examples
        --------
        Two stations 5 km apart, an event, and a detection 20 s later:

        >>> import pandas as pd
        >>> from seisclf.detection import Detections
        >>> onset = pd.Timestamp("2020-03-28T13:05:00Z") + pd.to_timedelta([0, 2, 20], unit="s")
        >>> table = pd.DataFrame({"class": "quake", "onset": onset,
        ...                       "end": onset + pd.Timedelta(seconds=4), "probability": 0.9,
        ...                       "event_probability": 0.9, "coverage": 1.0,
        ...                       "stations": ["XX.A", "XX.B", "XX.A"]})
        >>> places = {"XX.A": (46.0, 8.0), "XX.B": (46.045, 8.0)}
        >>> events = Detections(table).associate(stations=places, velocity=3.0)
        >>> events.to_frame()[["onset", "stations"]]
                              onset   stations
        0 2020-03-28 13:05:00+00:00  XX.A XX.B
        """
        from ._association import associate_table

        table, rows = associate_table(
            self, min_stations=min_stations, max_delay=max_delay, stations=stations,
            velocity=velocity, onset_error=onset_error,
        )  # fmt: skip
        number = {row: i for i, members in enumerate(rows) for row in members}
        picks = self.picks[self.picks["detection"].isin(list(number))]
        picks = picks.assign(detection=picks["detection"].map(number).astype("int64"))
        picks = picks.sort_values(["detection", "time"], ignore_index=True)
        return Detections(
            table, self.functions, settings=self.settings, picks=picks, coverage=self._coverage,
            spans=self._spans,
        )  # fmt: skip

    def to_csv(self, path):
        """Write the table; times in ISO 8601, UTC, numbers with all digits.

        What a table has no place for (settings, picks, coverage, types of columns) is written
        beside it, as ``<name>.csv.json``. Text that a spreadsheet would take for a formula,
        because it begins with ``=``, ``+``, ``-`` or ``@``, gets an apostrophe in front.

        Parameters
        ----------
        path : str or pathlib.Path
            File to write. It has a header even if nothing was detected.

        Returns
        -------
        path : pathlib.Path
            The file written.

        See Also
        --------
        read_detections : Read it back.
        """
        from ._detections_files import write_csv

        return write_csv(self, path)

    def to_parquet(self, path):
        """Write one Parquet file with everything but the functions over time.

        The table is the file's table. Its column ``picks`` holds a list for each detection;
        settings and coverage are JSON in the metadata, under the key ``seisclf``.

        Parameters
        ----------
        path : str or pathlib.Path
            File to write.

        Returns
        -------
        path : pathlib.Path
            The file written.

        See Also
        --------
        read_detections : Read it back.
        """
        from ._detections_files import write_parquet

        return write_parquet(self, path)

    def to_catalog(self, *, event_types=None, agency="local"):
        """An ObsPy Catalog with one event per detection, a pick of its onset, and P and S.

        Parameters
        ----------
        event_types : dict, optional
            QuakeML event type of classes, in addition to the usual ones, such as
            ``{"rockfall": "rockslide"}``.
        agency : str, default="local"
            ``agencyID`` of events and picks: who says so.

        Returns
        -------
        catalog : obspy.core.event.Catalog
            Classes that QuakeML has no event type for become "other event"; the class itself
            stands in the event's description in every case. Everything else that is known of an
            event is one line of JSON in its comment, see :ref:`quakeml_comments`. Public ids are
            made of :attr:`ids`, so that the same event has the same one in every file.
        """
        from ._quakeml import catalog_of

        return catalog_of(self, event_types=event_types, agency=agency)

    def to_quakeml(self, path, *, event_types=None, agency="local"):
        """Write a QuakeML file, see :meth:`to_catalog`.

        Parameters
        ----------
        path : str or pathlib.Path
            File to write.
        event_types, agency
            See :meth:`to_catalog`.

        Returns
        -------
        path : pathlib.Path
            The file written. The same detections give the same file.

        See Also
        --------
        read_detections : Read it back.
        """
        from pathlib import Path

        path = Path(path)
        self.to_catalog(event_types=event_types, agency=agency).write(str(path), format="QUAKEML")
        return path

    def to_seiscomp(
        self, path, *, stations=None, event_types=None, agency="local", version="0.12"
    ):
        """Write a file of SeisComP (SCML), for ``scdb``, ``scdispatch`` or ``scesv``.

        SeisComP ties picks to an event by the arrivals of an origin, and its windows show
        nothing without one. Where the table has ``latitude`` and ``longitude`` (and ``depth`` in
        km), the origin is there. Otherwise, with `stations`, each event gets a preliminary
        origin at the station that saw it first, with a comment that says that it was not
        located. Without either there are events and picks, which can be imported, but SeisComP
        does not know which picks belong to which event (the comments do).

        Parameters
        ----------
        path : str or pathlib.Path
            File to write.
        stations : pandas.DataFrame, obspy.Inventory or dict, optional
            Where stations are: columns ``station`` (``"NET.STA"``), ``latitude`` and
            ``longitude``, or a dict of station to (latitude, longitude), in degrees.
        event_types, agency
            See :meth:`to_catalog`.
        version : str, default="0.12"
            Of the schema. SeisComP reads all that are not newer than itself: 0.12 since 5.0.

        Returns
        -------
        path : pathlib.Path
            The file written.

        See Also
        --------
        read_detections : Read it back; coverage is not in the file.
        """
        from ._seiscomp import write_seiscomp

        return write_seiscomp(
            self, path, stations=stations, event_types=event_types, agency=agency, version=version
        )

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
            shown = self._shown()
            shown["onset"] = [_iso(time) for time in shown["onset"]]
            shown["end"] = [_iso(time) for time in shown["end"]]
            lines.append(shown.to_string(float_format=lambda value: f"{value:.2f}"))
            if len(self) > 20:
                lines.append(f"... and {len(self) - 20} more")
        return "\n".join(lines)

    def _repr_html_(self):
        from html import escape

        shown = self._shown()
        more = f"<p>... and {len(self) - 20} more</p>" if len(self) > 20 else ""
        table = shown.to_html(float_format="%.2f", border=0) if len(self) else ""
        return f"<p>{escape(self._headline())}</p>{table}{more}"

    def _shown(self):
        """The first rows, without the probabilities of each class, which make them too wide."""
        shown = self._table.head(20)
        return shown[[name for name in shown if not str(name).startswith("p_")]].copy()

    def _headline(self):
        counts = self._table["class"].value_counts()
        found = ", ".join(f"{count} {label}" for label, count in counts.items()) or "none"
        n_stations, hours, covered, skipped = self._scanned()
        # Rounded twice: shares that differ in their last bit print the same.
        coverage = f", {round(100 * covered, 9):.1f} % covered" if n_stations else ""
        note = f", {skipped} not scanned" if skipped else ""
        return (
            f"{len(self)} detections ({found}) in {hours:.3g} station-hours at {n_stations} "
            f"station{'' if n_stations == 1 else 's'}{coverage}{note}"
        )

    def _scanned(self):
        """Number of stations, hours of their records, the share covered, stations skipped."""
        report = self.coverage_report()
        if not {"station", "start", "end", "covered"} <= set(report):
            report = self.coverage_spans()
        known = report[report["start"].notna()]
        lasts = (known["end"] - known["start"]).dt.total_seconds() / 3600
        hours = lasts.sum()
        covered = float(lasts @ known["covered"].astype(float)) / max(hours, 1e-12)
        return known["station"].nunique(), hours, covered, int(report["start"].isna().sum())


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
        table_of(rows, [*TABLE_COLUMNS, *(f"p_{label}" for label in functions.classes)]),
        functions,
        settings=described,
        picks=table_of(picks, PICK_COLUMNS),
    )


def _iso(time):
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"
