"""``seisclf info``."""

import zipfile

import numpy as np

from ._data import components_of, describe_events, is_dataset
from ._errors import BadInput
from ._terminal import console, show_table


def run_info(path):
    """Describe a model, a set, or the registry; see ``seisclf info --help``."""
    if path is None:
        _show_registry()
    elif not path.exists():
        raise BadInput(f"no such file or folder: {path}")
    elif path.is_dir():
        if not is_dataset(path):
            raise BadInput(
                f"{path} holds no set in SeisBench's format (metadata.csv and waveforms.hdf5)"
            )
        _show_events(path)
    else:
        _show_model(path)


def _show_registry():
    import pandas as pd

    from ._estimators import REGISTRY

    rows = [{"estimator": name, "what": entry.words} for name, entry in REGISTRY.items()]
    show_table(pd.DataFrame(rows))


def _show_events(path):
    import pandas as pd

    from ..datasets import read_seisbench

    bunch = read_seisbench(path, lazy=True, **components_of(path))
    if bunch.target is None:
        bunch.target = np.full(len(bunch.data), "(no label)")
    console.print(describe_events(bunch))
    columns = [c for c in ("station", "site") if c in bunch.metadata]
    if "start_time" in bunch.metadata:
        bunch.metadata["year"] = bunch.metadata["start_time"].dt.year.astype("Int64").astype(str)
        columns.append("year")
    for column in columns:
        counts = pd.crosstab(bunch.metadata[column], bunch.target)
        counts["all"] = counts.sum(axis=1)
        show_table(counts.reset_index(), title=f"\nRows by {column} and class")
    if bunch.report is not None and len(bunch.report):
        show_table(bunch.report.head(20), title="\nWhat reading reports")


def _show_model(path):
    import pandas as pd

    from ..persistence import describe

    if not zipfile.is_zipfile(path):
        raise BadInput(f"{path} is no model file of seisclf, and no folder")
    rows = [
        {"what": name.replace("_", " "), "value": _plain(value)}
        for name, value in describe(path).items()
        if name != "estimator" and value not in (None, [], {})
    ]
    show_table(pd.DataFrame(rows))


def _plain(value):
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)
