"""What is done with a broken file: every public door that takes its format."""

import shutil
import warnings
from pathlib import Path

from benchmarks._fuzz_seeds import WAVEFORMS, example_record
from benchmarks._fuzz_streams import DOORS as STREAMS

# What a door may raise: a sentence for the user. Anything else is an error of ours.
ALLOWED = (ValueError, OSError)
_MEMORY = ("MemoryError", "Unable to allocate", "can't allocate", "not enough memory")


class Overrun(Exception):
    """A reader that ran out of memory, and went on."""


def open_file(kind, path, folder):
    """Do with a file what a user would do.

    Parameters
    ----------
    kind : str
        Format.
    path : pathlib.Path
        The file, or the folder of a set.
    folder : pathlib.Path
        Scratch; the file is the only one in it.

    Returns
    -------
    outcome : str
        ``"read"``, or ``"skipped"`` where a report says that it is not.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if kind in WAVEFORMS:
            try:
                return _waveforms(path, folder)
            except ALLOWED as error:  # these doors report, they do not raise
                raise RuntimeError(f"{type(error).__name__}: {error}") from error
        return _DOORS[kind](path, folder) or "read"


def _waveforms(path, folder):
    from seisclf.io import ArchiveIndex, read_archive, read_waveform_file

    read_waveform_file(path, headonly=True)
    recordings = read_archive(path)
    for id in recordings:
        for record in recordings.pieces(id):
            record.data.sum()
    recordings.to_stream(gaps="mask")
    status = recordings.report.files["status"].iloc[0]
    _check_reasons(recordings.report)
    with_index = ArchiveIndex(folder, path=folder / ".x.sqlite")
    with_index.update()
    if len(with_index.channels):
        start, _ = with_index.span()
        with_index.read(start, start + _seconds(10))
    with_index.availability()
    _check_reasons(with_index.report)
    with_index.close()
    return "read" if status in ("read", "partly") else "skipped"


def _seconds(n):
    import pandas as pd

    return pd.Timedelta(n, unit="s")


def _check_reasons(report):
    """A skip for want of memory is an overrun that went well by chance."""
    for table in (report.files, report.traces):
        for reason in table["reason"]:
            if any(word in str(reason) for word in _MEMORY):
                raise Overrun(reason)
    for what in report.findings["what"]:
        if any(word in str(what) for word in _MEMORY):
            raise Overrun(what)


def _catalog(path, folder):
    from seisclf.datasets import events_from_catalog

    events_from_catalog(path, example_record(), before=1.0, after=3.0)


def _detections(path, folder):
    from seisclf.detection import read_detections

    repr(read_detections(path))


def _detections_json(path, folder):
    table = "class,onset,end,probability,event_probability,stations,coverage\n"
    table += "a,2020-01-01T00:00:00Z,2020-01-01T00:00:09Z,0.5,0.5,X.Y,1.0\n"
    (folder / "detections.csv").write_text(table)
    path.rename(folder / "detections.csv.json")
    _detections(folder / "detections.csv", folder)


def _quakeml(path, folder):
    from seisclf.io._catalog import read_events

    read_events(path)
    try:
        _catalog(path, folder)
    except ValueError as error:
        if "can be cut" not in str(error):  # these events are of other days than the record
            raise


def _stationxml(path, folder):
    from seisclf.io._xml import read_stationxml

    try:
        from seisclf.io import remove_response
    except ImportError:
        read_stationxml(path)
        return
    remove_response(example_record(), path)


def _decisions(path, folder):
    from seisclf.inspection import read_decisions

    read_decisions(path)


def _model(path, folder):
    import numpy as np

    import seisclf
    from seisclf.persistence import describe

    describe(path)
    model = seisclf.load(path)
    repr(model)
    try:
        model.predict(np.random.default_rng(0).normal(size=(2, 400)))
    except MemoryError:
        raise
    except Exception:  # a model that makes no sense may say so as it likes, but must live
        return "read"


def _seisbench(path, folder):
    import numpy as np

    from seisclf.datasets import read_seisbench

    lazy = read_seisbench(path, lazy=True)
    try:
        if lazy.data.nbytes < 2**28:
            np.asarray(lazy.data)
    finally:
        lazy.data.close()
    read_seisbench(path)


def _sqlite_index(path, folder):
    from seisclf.io import ArchiveIndex

    archive = folder / "archive"
    archive.mkdir()
    example_record().write(str(archive / "a.mseed"), format="MSEED")
    shutil.move(path, archive / "index.sqlite")
    index = ArchiveIndex(archive, path=archive / "index.sqlite")
    try:
        channels = index.channels
        repr(index)
        if len(channels):
            start, _ = index.span()
            index.read(start, start + _seconds(10))
        index.availability()
        _check_reasons(index.report)
        index.update()
    finally:
        index.close()


_DOORS = {
    "csv": _catalog,
    "quakeml": _quakeml,
    "stationxml": _stationxml,
    "detections csv": _detections,
    "detections json": _detections_json,
    "detections parquet": _detections,
    "detections xml": _detections,
    "decisions": _decisions,
    "decisions sqlite": _decisions,
    "model": _model,
    "seisbench": _seisbench,
    "sqlite index": _sqlite_index,
    **STREAMS,
}


def broken_copy(kind, seed, others, folder, rng):
    """Write a broken version of a seed.

    Parameters
    ----------
    kind : str
        Format.
    seed : pathlib.Path
        File, or folder of a set.
    others : list of pathlib.Path
        All seeds of the format.
    folder : pathlib.Path
        Empty; takes the copy.
    rng : numpy.random.Generator
        Decides.

    Returns
    -------
    path : pathlib.Path
        Of the copy.
    """
    from benchmarks._fuzz_mutations import mutate
    from benchmarks._fuzz_seeds import KINDS

    path = folder / Path(seed).name
    if seed.is_dir():
        shutil.copytree(seed, path)
        files = sorted(path.iterdir())
        target = files[rng.integers(len(files))]
        text = "text" if target.suffix == ".csv" else "bytes"
        target.write_bytes(mutate(target.read_bytes(), rng, (), kind=text))
        return path
    pool = [o.read_bytes() for o in others[:8] if o.is_file()]
    kind = "json" if kind == "detections json" else KINDS.get(kind, "bytes")
    path.write_bytes(mutate(seed.read_bytes(), rng, pool, kind=kind))
    return path
