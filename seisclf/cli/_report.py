"""``seisclf report``."""

from pathlib import Path

from ._errors import BadInput
from ._terminal import console

# What `seisclf detect` writes, the fullest first.
_NAMES = ("catalogue.xml", "catalogue.csv")


def run_report(catalogue, *, out, waveforms, known, stations, tolerance, title):
    """Write a page on a catalogue; see ``seisclf report --help``."""
    from ..detection import DetectionReport

    detections = _catalogue(catalogue)
    page = DetectionReport(
        detections,
        catalogue=None if known is None else _known(known),
        waveforms=None if waveforms is None else _waveforms(waveforms),
        stations=None if stations is None else _places(stations),
        tolerance=tolerance,
        title=title or f"Detections: {Path(catalogue).resolve().name}",
    ).save(out)
    console.print(repr(detections).splitlines()[0], markup=False, soft_wrap=True)
    console.print(str(page), markup=False, soft_wrap=True)


def _catalogue(path):
    """Detections of a file, of a scan, or of what ``seisclf detect`` wrote to a folder."""
    from ..detection import read_detections, read_scan

    if not path.exists():
        raise BadInput(f"no such file or folder: {path}")
    if path.is_file():
        if path.suffix == ".sqlite":
            return read_scan(path.parent)
        return read_detections(path)
    if (path / "catalogue.sqlite").is_file():
        return read_scan(path)
    for name in _NAMES:
        if (path / name).is_file():
            return read_detections(path / name)
    raise BadInput(
        f"{path} holds no catalogue.sqlite, {' or '.join(_NAMES)}: give a folder that `seisclf "
        f"detect --output` wrote, or a catalogue itself (.csv, .parquet, .xml)"
    )


def _known(path):
    """Known events: detections of ours, or any table with onset and class."""
    from ..io._tables import read_table
    from ..utils._cells import from_cells

    if not path.exists():
        raise BadInput(f"--known: no such file: {path}")
    if path.suffix.lower() != ".csv":
        return _catalogue(path)
    table = from_cells(read_table(path))
    missing = [name for name in ("onset", "class") if name not in table]
    if missing:
        raise BadInput(
            f"--known: {path} has no column {' and '.join(missing)} (it has "
            f"{', '.join(map(str, table.columns))}); needed are onset (UTC) and class"
        )
    return table


def _waveforms(path):
    """An archive, or a file as a stream."""
    from ._predict import read_waveforms

    if not path.exists():
        raise BadInput(f"--waveforms: no such file or folder: {path}")
    return path if path.is_dir() else read_waveforms([path])


def _places(path):
    """Where stations are: StationXML, or a CSV table."""
    from ..io._tables import read_table

    if not path.exists():
        raise BadInput(f"--stations: no such file: {path}")
    if path.suffix.lower() == ".csv":
        return read_table(path)
    from ..io._xml import read_stationxml

    return read_stationxml(path)
