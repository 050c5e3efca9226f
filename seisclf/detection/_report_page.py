"""A catalogue as a web page that a person can read, and files beside it."""

from pathlib import Path

import numpy as np

from seisclf.utils._document import Document, literal

from . import _report_pictures as pictures
from ._detections import Detections
from ._report_gallery import gallery, ranked_rows, with_record
from ._report_record import coverage_section, findings_section, map_section
from ._report_scores import scores_section
from ._report_words import (
    MOST_LINES,
    between,
    count,
    cut_off,
    cut_off_classes,
    length_of,
    short,
)

# QuakeML is slow to write; larger catalogues have CSV and Parquet.
_MOST_QUAKEML = 5000


class DetectionReport:
    """One page on a catalogue: when, how many, how sure, what they look like, what was recorded.

    Parameters
    ----------
    detections : Detections
        The catalogue.
    catalogue : DataFrame or Detections, optional
        Known events, ``onset`` and ``class``, to score the detections by.
    waveforms : obspy.Stream, ArchiveIndex or path, optional
        The record, for pictures of single events. A path is an archive that is indexed.
    stations : pandas.DataFrame, obspy.Inventory or dict, optional
        Where stations are, for the map, see :meth:`Detections.associate`.
    findings : ReadReport or pandas.DataFrame, optional
        What was found while reading. Default: what a scan of an archive says of it.
    tolerance : float, default=5.0
        Seconds between the onsets of a detection and of the known event that it is.
    title : str, default="Detections"
        Heading of the page.
    n_gallery : int, default=3
        Clearest, and least certain, events of each class in pictures.
    band : tuple of float, optional
        Lowest and highest frequency (Hz) in pictures of waveforms. Default: as recorded.
    random_state : int, default=0
        Fixes the intervals of scores.

    Examples
    --------
    >>> import pandas as pd, tempfile
    >>> from seisclf.detection import DetectionReport, Detections
    >>> onset = pd.Timestamp("2020-03-28T13:05:00Z")
    >>> table = pd.DataFrame({"class": ["rockfall"], "onset": [onset],
    ...                       "end": [onset + pd.Timedelta(seconds=20)], "probability": [0.9],
    ...                       "event_probability": [0.95],
    ...                       "stations": ["TW.LH01"], "coverage": [1.0]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = DetectionReport(Detections(table)).save(folder)
    ...     "rockfall" in page.read_text()
    True
    """

    def __init__(
        self,
        detections,
        *,
        catalogue=None,
        waveforms=None,
        stations=None,
        findings=None,
        tolerance=5.0,
        title="Detections",
        n_gallery=3,
        band=None,
        random_state=0,
    ):
        _check(detections, catalogue, waveforms)
        self.detections = detections
        self.catalogue = catalogue
        self.waveforms = waveforms
        self.stations = stations
        self.findings = findings
        self.tolerance = tolerance
        self.title = title
        self.n_gallery = n_gallery
        self.band = band
        self.random_state = random_state

    def save(self, folder):
        """Write the page, its pictures, and the catalogue as files.

        Parameters
        ----------
        folder : str or pathlib.Path
            Made if it is not there. Files of the same names are overwritten.

        Returns
        -------
        path : pathlib.Path
            ``index.html``. Nothing in it comes from elsewhere, so that the folder can be sent or
            put on a server as it is. Beside it ``report.md`` with the same words.
        """
        import warnings

        import matplotlib

        data = pictures.Catalogue(self.detections)
        # Without a window, whatever the session draws in.
        with matplotlib.rc_context(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            document = Document(folder, str(self.title), self._lead(data))
            self._summary(document, data)
            if self.catalogue is not None:
                scores_section(
                    document, self.detections, self.catalogue, tolerance=self.tolerance,
                    random_state=self.random_state,
                )  # fmt: skip
            self._time(document, data)
            self._kinds(document, data)
            self._gallery(document, data)
            map_section(document, data, self.stations)
            coverage_section(document, data, self.detections.coverage_report())
            found = getattr(self.detections, "findings", None)
            findings_section(document, found if self.findings is None else self.findings)
            self._settings(document)
            self._files(document)
            return document.write()

    def _lead(self, data):
        if not data.seconds or (not len(data.onset) and not len(data.spans)):
            return "Nothing was detected, and it is not known what was scanned."
        n_stations = data.spans["station"].nunique()
        where = f" at {n_stations} station{'' if n_stations == 1 else 's'}" if n_stations else ""
        return (
            f"{count(len(data.onset), 'detection')}{where}, {data.first:%Y-%m-%d %H:%M} to "
            f"{data.last:%Y-%m-%d %H:%M} UTC ({length_of(data.seconds)})."
        )

    def _summary(self, document, data):
        import pandas as pd

        document.section("Classes")
        if getattr(self.detections, "complete", True) is False:
            document.key("**The scan is not complete**: parts of the archive are still to come.")
        if not len(data.onset):
            document.key(
                "**Nothing was detected.** Whether there was a record is said under Coverage; "
                "which thresholds were used, under Settings."
            )
            return
        station_days = data.spans["covered"] @ (data.spans["end"] - data.spans["start"]).dt \
            .total_seconds() / 86400 if len(data.spans) else np.nan  # fmt: skip
        size, unit = (86400, "day") if data.seconds >= 86400 else (3600, "hour")
        rows = []
        for label in data.counts:
            own = data.of(label)
            rows.append(
                {
                    "class": literal(label),
                    "events": data.counts[label],
                    f"per {unit}": data.counts[label] / (data.seconds / size),
                    "median duration (s)": float(np.median(data.duration[own])),
                    "median probability": float(data.table["probability"][own].median()),
                }
            )
        told = "" if np.isnan(station_days) else f" {station_days:.3g} station-days were scanned."
        document.table(
            pd.DataFrame(rows[:MOST_LINES]),
            caption=f"`per {unit}`: of the time from the first to the last record.{told}"
            + cut_off(len(rows)),
        )

    def _time(self, document, data):
        document.section("Time")
        if not len(data.onset) and not len(data.spans):
            document.text("No time is known.")
            return
        more = cut_off_classes(data)
        document.figure(
            pictures.timeline(data), "timeline",
            f"Detections of each class over time; above, how many stations recorded. Hatched: "
            f"nobody did.{more}",
        )  # fmt: skip
        if not len(data.onset):
            return
        for seconds in pictures.rate_bins(data.seconds):
            name = pictures.bin_name(seconds)
            document.figure(
                pictures.rates(data, seconds), f"rates_{name.replace(' ', '_')}",
                f"Detections per {name}. Hatched: nothing was recorded.",
            )  # fmt: skip
        if data.seconds >= 86400:
            document.figure(
                pictures.hours_of_day(data), "hours",
                "Detections per recorded hour in each hour of the day (UTC). A class that keeps "
                "working hours is made by people, or taken for what they make.",
            )  # fmt: skip
        else:
            document.text("The record is shorter than a day: no hours of the day are shown.")

    def _kinds(self, document, data):
        if not len(data.onset):
            return
        document.section("Durations and probabilities")
        document.figure(
            pictures.distributions(data), "distributions",
            "Durations of detections, and probabilities of their classes. Many that are hardly "
            "above the threshold are a reason to raise it, or to look at them in the gallery.",
        )  # fmt: skip

    def _gallery(self, document, data):
        if not len(data.onset):
            return
        document.section("Gallery")
        waveforms, why_not = self._record()
        if waveforms is None:
            document.text(f"{why_not} The clearest detections are:")
            self._gallery_table(document, data)
            return
        document.text(
            "Waveform (coloured where the event was detected) and spectrogram, in decibels below "
            "the loudest, at the station that saw it first. The least certain are where mistakes "
            "are most likely. `#` is the row of the table."
        )
        for number, label in enumerate(data.labels):
            document.heading(literal(label))
            ranked, drawn = ranked_rows(data.table, label), {}
            for kind, rows in (("clearest", ranked), ("least certain", ranked[::-1])):
                rows = [row for row in rows if row not in drawn]
                if not rows:
                    continue
                try:
                    cuts = with_record(data.table, rows, waveforms, self.n_gallery, band=self.band)
                except (ValueError, OSError, RuntimeError) as error:
                    document.text(f"{kind.capitalize()}: cannot be drawn: {literal(error)}")
                    continue
                if not cuts:
                    document.text(f"{kind.capitalize()}: there is no record of them here.")
                    continue
                drawn |= cuts
                likely = data.table["probability"][list(cuts)]
                skipped = list(cuts) != rows[: len(cuts)]
                document.figure(
                    gallery(data.table, cuts, data.colors[label]),
                    f"gallery_{number:02d}_{kind.split()[0]}",
                    f"{literal(label)}, {kind}: {count(len(cuts), 'event')} with "
                    + between(likely.min(), likely.max())
                    + (", of those that there is a record of." if skipped else "."),
                )

    def _gallery_table(self, document, data):
        import pandas as pd

        rows = [
            row
            for label in data.labels
            for row in ranked_rows(data.table, label)[: self.n_gallery]
        ]
        table = data.table.loc[rows]
        document.table(
            pd.DataFrame(
                {
                    "#": rows,
                    "class": table["class"].map(literal),
                    "onset (UTC)": table["onset"],
                    "duration (s)": data.duration[rows],
                    "probability": table["probability"],
                    "stations": table["stations"].map(literal),
                }
            )
        )

    def _record(self):
        waveforms = self.waveforms
        if waveforms is None:
            return None, "No waveforms were given for pictures of events."
        if isinstance(waveforms, str | Path):
            from seisclf.io import ArchiveIndex

            waveforms = ArchiveIndex.open_or_build(waveforms)
        return waveforms, ""

    def _settings(self, document):
        import pandas as pd

        document.section("Settings")
        settings = self.detections.settings
        if not settings:
            document.text("None are known.")
            return
        rows = [(literal(name), literal(short(value))) for name, value in settings.items()]
        document.table(pd.DataFrame(rows, columns=["setting", "value"]))

    def _files(self, document):
        document.section("Files")
        names = [
            "[detections.csv](detections.csv), and beside it `detections.csv.json` with settings, "
            "picks and coverage",
            "[detections.parquet](detections.parquet): the same in one file",
        ]
        self.detections.to_csv(document.folder / "detections.csv")
        self.detections.to_parquet(document.folder / "detections.parquet")
        if len(self.detections) <= _MOST_QUAKEML:
            self.detections.to_quakeml(document.folder / "detections.xml")
            names.append("[detections.xml](detections.xml): QuakeML")
        else:
            names.append(
                f"No QuakeML: of more than {_MOST_QUAKEML:,} events it is large and slow to "
                f"write. `read_detections('detections.parquet').to_quakeml('detections.xml')` "
                f"does it."
            )
        document.bullets(names)
        document.text(
            "`seisclf.detection.read_detections` reads each of them. Times are UTC throughout."
        )


def _check(detections, catalogue, waveforms):
    """Refuse at once what would only be found out in the middle of the page."""
    import pandas as pd

    if not isinstance(detections, Detections):
        raise TypeError(
            f"detections must be Detections, got {type(detections).__name__}: what detect and "
            f"scan return, read_scan(folder), read_detections(file), or Detections(table)"
        )
    if catalogue is not None and not isinstance(catalogue, Detections | pd.DataFrame):
        raise TypeError(
            f"catalogue must be a DataFrame with onset and class, or Detections; got "
            f"{type(catalogue).__name__}: pandas.read_csv(path), or read_detections(path)"
        )
    if isinstance(catalogue, pd.DataFrame):
        missing = [name for name in ("onset", "class") if name not in catalogue]
        if missing:
            raise ValueError(
                f"catalogue has no column {' and '.join(missing)}, it has "
                f"{', '.join(map(str, catalogue.columns))}: catalogue.rename(columns={{...}})"
            )
    if isinstance(waveforms, str | Path) and not Path(waveforms).is_dir():
        raise ValueError(
            f"waveforms={str(waveforms)!r} is no folder of an archive: give one, an ArchiveIndex, "
            f"or obspy.read(path)"
        )
