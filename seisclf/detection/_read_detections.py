"""Detections from the files that they were written to."""

from pathlib import Path

from ._detections import Detections


def read_detections(path):
    """Read detections that were written as CSV, Parquet, QuakeML or for SeisComP.

    Parameters
    ----------
    path : str or pathlib.Path
        File that :meth:`Detections.to_csv`, :meth:`~Detections.to_parquet`,
        :meth:`~Detections.to_quakeml` or :meth:`~Detections.to_seiscomp` wrote; known by its
        ending: ``.csv``, ``.parquet``, ``.xml``.

    Returns
    -------
    detections : Detections
        Table, picks, settings and coverage are those that were written, to the last digit;
        functions over time are in none of these files. A CSV file whose ``.csv.json`` is gone
        has its table alone, whose classes are text; a SeisComP file has no coverage.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it has another ending, is damaged, or was not written by seisclf.

    Warns
    -----
    UserWarning
        If an XML file also holds events that are not of seisclf: they are left out.

    Examples
    --------
    >>> import pandas as pd, tempfile
    >>> from pathlib import Path
    >>> from seisclf.detection import Detections, read_detections
    >>> onset = pd.Timestamp("2020-03-28T13:05:00Z")
    >>> table = pd.DataFrame({"class": ["rockfall"], "onset": [onset],
    ...                       "end": [onset + pd.Timedelta(seconds=20)], "probability": [0.9],
    ...                       "event_probability": [0.95],
    ...                       "stations": ["TW.LH01"], "coverage": [1.0]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Detections(table).to_quakeml(Path(folder) / "events.xml")
    ...     back = read_detections(path)
    >>> back.to_frame().equals(table)
    True
    """
    path = Path(path)
    if path.is_dir() or path.suffix == ".sqlite":
        raise ValueError(
            f"{path} is not a file of detections: read_scan reads the output of a scan, "
            f"read_detections one of {', '.join(_ENDINGS)}"
        )
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not a file")
    try:
        found = Detections(**_reader(path)(path))
        repr(found)  # looks at times, classes and coverage: a damaged one is found out here
        return found
    except (KeyError, TypeError, IndexError, AttributeError, OverflowError) as error:
        raise ValueError(f"{path}: damaged, or not written by seisclf: {error!r}") from error


_ENDINGS = (".csv", ".parquet", ".xml", ".quakeml", ".scml", ".sc3ml")


def _reader(path):
    from ._catalogue_xml import read_catalogue_xml
    from ._detections_files import read_csv, read_parquet

    readers = {
        ".csv": read_csv,
        ".parquet": read_parquet,
        ".xml": read_catalogue_xml,
        ".quakeml": read_catalogue_xml,
        ".scml": read_catalogue_xml,
        ".sc3ml": read_catalogue_xml,
    }
    if path.suffix.lower() not in readers:
        raise ValueError(f"{path}: the ending must be one of {', '.join(readers)}")
    return readers[path.suffix.lower()]
