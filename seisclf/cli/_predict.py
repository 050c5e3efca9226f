"""``seisclf predict``."""

import sys
import warnings
from pathlib import Path

import numpy as np

from ._data import is_dataset
from ._errors import BadInput
from ._terminal import Console, show_table


def run_predict(model, waveforms, *, out, window, step, threshold, resample, plot, quakeml):
    """Classify events or scan waveforms; see ``seisclf predict --help``."""
    from .. import load

    classifier = load(model)
    if not hasattr(classifier, "predict_proba"):
        raise BadInput(f"{model} holds a {type(classifier).__name__}, which is no classifier")
    if len(waveforms) == 1 and is_dataset(waveforms[0]):
        table = _predict_events(classifier, waveforms[0], window)
    else:
        if window:
            raise BadInput("--window is for DATA folders; a scan uses the model's own window")
        table = _scan(
            classifier, waveforms, step=step, threshold=threshold, resample=resample,
            plot=plot, quakeml=quakeml, out=out,
        )  # fmt: skip
    from ..utils._cells import to_cells

    table = to_cells(table)
    if out is None:
        table.to_csv(sys.stdout, index=False, float_format="%.4f")
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(out, index=False, float_format="%.4f")
        _note(f"{len(table)} rows: {out}")


def _predict_events(classifier, folder, window):
    import pandas as pd

    from ..datasets import cut_windows, read_seisbench
    from ._data import components_of

    bunch = read_seisbench(folder, **components_of(folder))
    if window:
        bunch = cut_windows(bunch, start=window[0], end=window[1])
    probabilities = classifier.predict_proba(bunch.data)
    columns = [c for c in ("event_id", "station", "start_time") if c in bunch.metadata]
    table = bunch.metadata[columns].reset_index(drop=True)
    table["class"] = np.asarray(classifier.classes_)[probabilities.argmax(axis=1)]
    table["probability"] = probabilities.max(axis=1)
    if bunch.target is not None:
        table["labelled"] = bunch.target
        _note(f"{(table['class'] == bunch.target).mean():.1%} agree with their label")
    each = pd.DataFrame(probabilities, columns=[f"p_{name}" for name in classifier.classes_])
    return pd.concat([table, each], axis=1)


def _scan(classifier, paths, *, step, threshold, resample, plot, quakeml, out):
    from ..detection import EventDetector

    stream = read_waveforms(paths)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        detector = EventDetector(classifier, step=step, threshold=threshold, resample=resample)
        detections = detector.detect(stream)
    for warning in caught:
        _note(str(warning.message))
    if out is not None:
        report = detections.coverage_report().drop(columns=["start", "end"], errors="ignore")
        show_table(report.rename(columns={"windows_without_data": "without data"}), "Coverage")
    _note(repr(detections).splitlines()[0])
    if plot is not None:
        detections.plot(stream).figure_.savefig(plot, dpi=130)
        _note(f"picture: {plot}")
    if quakeml is not None:
        _note(f"QuakeML: {detections.to_quakeml(quakeml)}")
    table = detections.to_frame()
    for column in ("onset", "end"):
        table[column] = table[column].dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return table


def read_waveforms(paths):
    """Read files and folders of continuous waveforms into one Stream.

    Parameters
    ----------
    paths : list of pathlib.Path
        Files, or folders that are searched through.

    Returns
    -------
    stream : obspy.Stream
        Everything that could be read. Files of a folder that cannot be are named on the
        terminal; a file that was named itself must be readable.
    """
    from obspy import Stream

    from ..io import ReadReport, read_waveform_file
    from ..io._files import list_files

    stream = Stream()
    for path in map(Path, paths):
        if not path.exists():
            raise BadInput(f"no such file or folder: {path}")
        try:
            files = list_files(path)
        except FileNotFoundError:
            files = []
        for file in files:
            part = read_waveform_file(file, report=(report := ReadReport()))
            stream += part
            reason = report.files["reason"][0]
            if not part and file == path:
                raise BadInput(f"{file} is no waveform file that ObsPy reads: {reason}")
            if not part:
                _note(f"left out {file}: {reason}")
                continue
            for row in report.findings.itertuples():
                _note(f"{file}: {row.what}: {row.action}")
    if not stream:
        raise BadInput(f"no waveforms in {', '.join(map(str, paths))}")
    return stream


def _note(words):
    # To standard error, so that a table on standard output stays a table; never broken inside a
    # path, so that it can be copied.
    Console(stderr=True, highlight=False).print(words, markup=False, soft_wrap=True)
