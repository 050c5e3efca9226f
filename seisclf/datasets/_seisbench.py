"""Read sets in SeisBench's format, whole or lazily."""

from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from ..io import LazyWaveforms
from ..io._components import check_components
from ..io._limits import check_limits
from ..io._report import Report
from ..io._seisbench import MISSING_COMPONENTS, open_seisbench
from ._metadata import arrivals_of, standard_metadata, stations_of

LABEL_COLUMNS = ("source_type", "trace_category")


def read_seisbench(
    path,
    *,
    lazy=False,
    component_order="ZNE",
    sampling_rate=None,
    n_samples=None,
    label=LABEL_COLUMNS,
    missing_components="raise",
    dtype="float32",
    return_X_y=False,
    limits=None,
):
    """Read labelled waveforms in SeisBench's format.

    That is a folder with ``metadata.csv`` and ``waveforms.hdf5``, or a set of chunks
    ``metadata<chunk>.csv`` and ``waveforms<chunk>.hdf5``. The `seisbench` package is not needed.

    Parameters
    ----------
    path : str or pathlib.Path
        The folder.
    lazy : bool, default=False
        Leave the waveforms on disk: ``data`` is then a :class:`seisclf.io.LazyWaveforms`, which
        scikit-learn splits like an array and our estimators read batch by batch.
    component_order : str, default="ZNE"
        Components wanted, one letter each. Rows stored in another order are put into this one.
        Horizontals ``1`` and ``2`` are taken for N and E as they are, which the report says.
    sampling_rate : float, optional
        Rate in Hz to resample to. Default: the set's own; if rows differ by more than clock error
        (1e-4), that is an error.
    n_samples : int, optional
        Length in samples to which every row is cut or, at the end, padded with zeros. Default:
        the longest row. ``metadata["n_valid"]`` counts the recorded samples.
    label : str, tuple of str or None, default=("source_type", "trace_category")
        Column of the class; of several the first that is filled, row by row. None: no target.
    missing_components : {"raise", "pad", "nan", "copy"}, default="raise"
        What to do about rows that lack a component: refuse, or put zeros, NaN or a copy of the
        first component there. ``metadata["n_components"]`` counts the recorded ones.
    dtype : {"float32", "float64"}, default="float32"
        dtype of the waveforms.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    limits : seisclf.io.Limits, optional
        Sizes above which a file is refused.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        With the attributes

        data : ndarray or LazyWaveforms of shape (n_events, n_components, n_samples)
            Waveforms.
        target : ndarray of str of shape (n_events,), or None
            Class of each event, if known.
        metadata : DataFrame
            One row per event: the standard columns that are known, then SeisBench's own.
        arrivals : DataFrame
            ``P``, ``S``, ``start``, ``end`` in seconds after the first sample.
        stations : DataFrame or None
            One row per station.
        report : DataFrame
            What was found and done: event, trace, what, action.
        sampling_rate : float
            Hz.
        components : str
            Components of the channels, in order.
        DESCR : str
            What the set is.

    (data, target) : tuple
        If `return_X_y` is true.

    Raises
    ------
    FileNotFoundError
        If the folder holds no such set.
    ValueError
        If rows have different rates, no label, or lack a component or their waveform; if a file
        is damaged, leads to other files, or is over a limit.

    See Also
    --------
    write_seisbench : Write such a set.

    References
    ----------
    Woollam, J., et al., "SeisBench: A toolbox for machine learning in seismology", Seismological
    Research Letters 93(3), 2022, doi:10.1785/0220210324.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import pandas as pd
    >>> from seisclf.datasets import read_seisbench, write_seisbench
    >>> folder = tempfile.TemporaryDirectory()
    >>> rows = pd.DataFrame({"event_id": ["a", "b"], "p_onset": [0.5, 0.7]})
    >>> _ = write_seisbench(folder.name, np.ones((2, 3, 200)), rows, sampling_rate=100.0,
    ...                     target=["rockfall", "noise"])
    >>> events = read_seisbench(folder.name)
    >>> events.data.shape, events.target.tolist(), events.metadata["p_onset"].tolist()
    ((2, 3, 200), ['rockfall', 'noise'], [0.5, 0.7])
    >>> folder.cleanup()
    """
    if missing_components not in MISSING_COMPONENTS:
        raise ValueError(
            f"missing_components must be one of {MISSING_COMPONENTS}, got {missing_components!r}"
        )
    components = check_components(component_order, "component_order")
    report = Report()
    raw, table = open_seisbench(
        path, component_order=components, missing_components=missing_components, report=report,
        limits=limits,
    )  # fmt: skip
    rate = _common_rate(table.rate, sampling_rate, report)
    data = LazyWaveforms(table, sampling_rate=rate, n_samples=n_samples, dtype=dtype)
    if not lazy:
        check_limits(limits).check_expansion(
            data.nbytes, table.n_bytes_on_disk(), f"{path}, waveforms in memory"
        )
    target = _labels(raw, label)
    metadata = standard_metadata(
        raw, rate=table.rate, n_samples=data.shape[-1], sampling_rate=data.sampling_rate
    )
    metadata["n_valid"] = data.n_valid()
    recorded = np.array([len(set(picks[picks >= 0].tolist())) for picks in table.layouts])
    metadata["n_components"] = recorded[table.layout]
    _report_lengths(metadata["n_valid"], data, n_samples, report)
    bunch = Bunch(
        data=data if lazy else data.read(),
        target=target,
        metadata=metadata,
        arrivals=arrivals_of(metadata),
        stations=stations_of(metadata),
        report=report.to_frame(),
        sampling_rate=data.sampling_rate,
        components=components,
        DESCR=_describe(path, data, target, components),
    )
    if not lazy:
        data.close()
    return (bunch.data, bunch.target) if return_X_y else bunch


def _common_rate(rates, sampling_rate, report):
    values, counts = np.unique(rates, return_counts=True)
    if sampling_rate is None:
        if len(values) > 1:
            found = ", ".join(f"{n} at {v:g}" for v, n in zip(values, counts, strict=True))
            raise ValueError(
                f"rows have different sampling rates ({found} Hz): give the one to resample to, "
                f"e.g. sampling_rate={values[counts.argmax()]:g}"
            )
        return float(values[0]) if len(values) else np.nan
    if not sampling_rate > 0:
        raise ValueError(f"sampling_rate must be positive, in Hz; got {sampling_rate!r}")
    for value, count in zip(values, counts, strict=True):
        if value != sampling_rate:
            what = f"recorded at {value:g} Hz"
            report.add("all", f"{count} rows", what, f"resampled to {sampling_rate:g} Hz")
    return float(sampling_rate)


def _labels(metadata, label):
    if label is None:
        return None
    names = (label,) if isinstance(label, str) else tuple(label)
    found = [name for name in names if name in metadata]
    if not found:
        raise ValueError(
            f"label={label!r}: metadata.csv has no such column; it has {list(metadata)}. Name "
            f"the one that holds the class, or give label=None for a set without classes"
        )
    target = metadata[found[0]].astype(object)
    for name in found[1:]:
        target = target.where(target.notna(), metadata[name].astype(object))
    missing = np.flatnonzero(target.isna())
    if len(missing):
        raise ValueError(
            f"{len(missing)} of {len(target)} rows (first: row {missing[0]}) have no class in "
            f"{found}: fill them in metadata.csv, name another column with label=..., or give "
            f"label=None"
        )
    return target.to_numpy().astype(str)


def _report_lengths(n_valid, data, n_samples, report):
    short = int((n_valid < data.shape[-1]).sum())
    if short:
        what = f"shorter than {data.shape[-1]} samples"
        report.add("all", f"{short} rows", what, "zeros at the end, see n_valid")
    if n_samples is not None:
        long = int((data.recorded_lengths() > n_samples).sum())
        if long:
            report.add("all", f"{long} rows", f"longer than {n_samples} samples", "end cut off")


def _describe(path, data, target, components):
    lines = [
        f"Read from {Path(path).name}, in SeisBench's format.",
        f"{len(data)} events of {data.shape[-1]} samples at {data.sampling_rate:g} Hz, components "
        f"{components}.",
    ]
    if target is not None:
        lines.append(class_counts(target))
    return "\n".join(lines)


def class_counts(target):
    """One line that says how many events each class has."""
    names, counts = np.unique(target, return_counts=True)
    each = ", ".join(f"{n} {name}" for name, n in zip(names, counts, strict=True))
    return f"Classes: {each}."
