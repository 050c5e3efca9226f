"""The file around a model: what stands in it, and which files are refused."""

import datetime
import json
import os
import platform
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from warnings import warn

import seisclf

from ._archive import ModelArchive
from ._decode import Reader
from ._encode import Writer
from ._trees import check_trees

_FORMAT = 1
_RECORDED_VERSIONS = ("numpy", "scipy", "scikit-learn", "torch", "skorch", "obspy")


def save(estimator, path):
    """Write an estimator, a pipeline or a search to one file, without pickle.

    Parameters
    ----------
    estimator : estimator
        Anything of seisclf, and scikit-learn's or imbalanced-learn's estimators, alone or around
        ours. Fitted or not.
    path : str or pathlib.Path
        File to write; the suffix ``.seisclf`` is customary. An existing file is replaced only
        when the new one is complete.

    Returns
    -------
    path : pathlib.Path
        The file written: a zip of ``model.json`` (class, parameters, labels, versions; made to be
        read), ``arrays.safetensors`` and one ``*.skops`` for each scikit-learn part.

    Raises
    ------
    TypeError
        If a parameter or learned attribute can't be stored; the message names it.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import numpy as np, seisclf
    >>> from seisclf.preprocessing import WaveformScaler
    >>> scaler = WaveformScaler().fit(np.ones((4, 100)))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = seisclf.save(scaler, pathlib.Path(folder) / "scaler.seisclf")
    ...     seisclf.load(path).n_samples_in_
    100
    """
    writer = Writer()
    tree = writer.encode(estimator, type(estimator).__name__)
    document = {
        "format": _FORMAT,
        "seisclf": seisclf.__version__,
        "saved": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "versions": _versions(),
        "summary": _summary(estimator),
        "estimator": tree,
    }
    path = Path(path)
    partial = path.with_name(path.name + ".part")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.json", json.dumps(document, indent=1))
        archive.writestr("arrays.safetensors", writer.arrays_as_bytes())
        for name, data in writer.parts.items():
            archive.writestr(name, data)
    os.replace(partial, path)
    return path


def load(path, *, trusted=(), limits=None):
    """Read what :func:`save` wrote; runs no code from the file.

    Parameters
    ----------
    path : str or pathlib.Path
        File to read.
    trusted : iterable of str, default=()
        Top-level packages whose classes may be built besides those of seisclf, scikit-learn and
        imbalanced-learn, for estimators of your own. They are imported: name only what you wrote
        or have read.
    limits : seisclf.io.Limits, optional
        Sizes above which a file is refused.

    Returns
    -------
    estimator : estimator
        As it was saved, on the CPU. Predictions are the same to the last bit on the same machine.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is no model of seisclf, is damaged, was written by a newer version, is over a
        limit, or holds a class from a package that is not trusted.
    """
    path = Path(path)
    archive = ModelArchive(path, limits)
    document = archive.description()
    try:
        _check_versions(document, path)
        estimator = Reader(archive, trusted).decode(document["estimator"])
        check_trees(estimator)
    except Exception as error:
        # A file that was changed makes anything stumble: NumPy, skops, a constructor.
        raise ValueError(f"{path} cannot be loaded: {_short(error)}") from error
    return estimator


def describe(path):
    """Read a model file's summary without building the model.

    Parameters
    ----------
    path : str or pathlib.Path
        File to read.

    Returns
    -------
    summary : dict
        Class, parameters, labels, sampling rate, versions, and when it was saved.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is no model of seisclf, or is damaged.
    """
    document = ModelArchive(Path(path)).description()
    return {key: value for key, value in document.items() if key != "estimator"}


def _short(error):
    text = " ".join(str(error).split())
    return text[:500] if isinstance(error, ValueError) else f"{type(error).__name__}: {text[:300]}"


def _versions():
    found = {}
    for name in _RECORDED_VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _check_versions(document, path):
    if document["format"] > _FORMAT:
        raise ValueError(
            f"{path} was written by seisclf {document['seisclf']}, in a format that this version, "
            f"{seisclf.__version__}, can't read: pip install --upgrade seisclf"
        )
    written, here = document["versions"].get("scikit-learn"), version("scikit-learn")
    if (
        written
        and written.split(".")[:2] != here.split(".")[:2]
        and '"$": "skops"' in json.dumps(document["estimator"])
    ):
        warn(
            f"{path} holds parts written by scikit-learn {written}, here is {here}: compare a few "
            f"predictions, or fit again",
            stacklevel=3,
        )


def _summary(estimator):
    """What a person wants to know of a model file before loading it."""
    last = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    last = getattr(last, "best_estimator_", last)
    facts: dict = {
        "class": type(estimator).__name__,
        "parameters": {
            name: repr(value) for name, value in sorted(estimator.get_params(deep=False).items())
        },
    }
    if hasattr(estimator, "classes_"):
        facts["classes"] = [str(label) for label in estimator.classes_]
    for name in (
        "sampling_rate",
        "components",
        "n_channels_in_",
        "n_samples_in_",
        "n_stations_in_",
    ):
        if (value := getattr(last, name, None)) is not None:
            facts[name.rstrip("_")] = value if isinstance(value, str) else float(value)
    if history := getattr(last, "history_", None):
        facts["training"] = {"epochs": len(history), "last_epoch": _plain(history[-1])}
    return facts


def _plain(row):
    return {key: value for key, value in row.items() if isinstance(value, (int, float, str))}
