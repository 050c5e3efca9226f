"""Calculators of tsfresh on plain arrays, and its tests of relevance."""

import difflib
import warnings
from collections.abc import Mapping

import numpy as np
from sklearn.utils.multiclass import type_of_target

from ..utils import import_optional, limit_threads

_PRESETS = {
    "minimal": "MinimalFCParameters",
    "efficient": "EfficientFCParameters",
    "comprehensive": "ComprehensiveFCParameters",
}


def _tsfresh(module):
    return import_optional(f"tsfresh.{module}", extra="tsfresh", purpose="TsfreshFeatures")


def resolve_settings(settings):
    """Plain dictionary: name of a calculator -> list of its parameters, or None."""
    module = _tsfresh("feature_extraction.settings")
    if isinstance(settings, str):
        if settings not in _PRESETS:
            raise ValueError(
                f"settings must be one of {sorted(_PRESETS)}, a list of names of calculators or "
                f"a dictionary; got {settings!r}"
            )
        return _without_times(getattr(module, _PRESETS[settings])())
    known = _without_times(module.ComprehensiveFCParameters())
    calculators = _tsfresh("feature_extraction.feature_calculators")
    for name in settings:
        calculate = getattr(calculators, str(name), None)
        if not hasattr(calculate, "fctype") or hasattr(calculate, "index_type"):
            near = difflib.get_close_matches(str(name), known, n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else f"it has {sorted(known)}"
            raise ValueError(f"settings: tsfresh has no calculator {name!r}: {hint}")
    chosen = (
        dict(settings)
        if isinstance(settings, Mapping)
        else {name: known.get(name) for name in settings}
    )
    if not chosen:
        raise ValueError('settings names no calculator: give e.g. "efficient"')
    return chosen


def _without_times(settings):
    """Leave out calculators that need dates as an index: a regular rate gives them nothing new."""
    calculators = _tsfresh("feature_extraction.feature_calculators")
    return {
        name: parameters
        for name, parameters in settings.items()
        if not hasattr(getattr(calculators, name), "index_type")
    }


def apply(calculators, trace):
    """Values of all calculators for one trace, by the names that tsfresh gives."""
    module = _tsfresh("feature_extraction.feature_calculators")
    format_parameters = _tsfresh("utilities.string_manipulation").convert_to_output_format
    found = {}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # calculators warn of traces for which they give NaN
        for name, parameters in calculators.items():
            calculate = getattr(module, name)
            x = _as_series(trace) if getattr(calculate, "input", None) == "pd.Series" else trace
            if getattr(calculate, "fctype", None) == "combiner":
                results = calculate(x, param=parameters)
            elif parameters:
                results = ((format_parameters(p), calculate(x, **p)) for p in parameters)
            else:
                results = [("", calculate(x))]
            for key, value in results:
                found[f"{name}__{key}" if key else name] = value
    return found


def _as_series(trace):
    import pandas as pd

    return pd.Series(trace)


def only(columns, channel, calculators):
    """The calculators of a channel that are needed for some columns."""
    settings = _tsfresh("feature_extraction.settings")
    start = f"{channel}_"
    names = [column[len(start) :] for column in columns if column.startswith(start)]
    needed = settings.from_columns([f"x__{name}" for name in names]).get("x", {})
    # In the order of the full set: fit and transform then do the same sums in the same order.
    return {name: needed[name] for name in calculators if name in needed}


def relevant_columns(table, y, fdr_level):
    """Indices of the columns that depend on y, in order."""
    import pandas as pd

    relevance = _tsfresh("feature_selection.relevance")
    continuous = type_of_target(y).startswith("continuous")
    labels, codes = np.unique(y, return_inverse=True)
    if len(labels) < 2:
        raise ValueError(
            "select=True needs at least two classes in y; got 1 class: give more, or select=False"
        )
    # The tests know no NaN: the middle of the others says nothing about y.
    defined = np.isfinite(table).any(axis=0)
    filled = table[:, defined]
    filled = np.where(np.isfinite(filled), filled, np.nan)
    filled = np.where(np.isnan(filled), np.nanmedian(filled, axis=0), filled)
    varying = np.flatnonzero(defined)[np.ptp(filled, axis=0) > 0]
    if not len(varying):
        return varying
    frame = pd.DataFrame(filled[:, np.ptp(filled, axis=0) > 0], columns=varying)
    with warnings.catch_warnings(), limit_threads(1):
        warnings.simplefilter("ignore")
        result = relevance.calculate_relevance_table(
            frame,
            pd.Series(y if continuous else codes),
            ml_task="regression" if continuous else "classification",
            fdr_level=fdr_level,
            n_jobs=0,
        )
    return np.sort(result.index[result["relevant"]].to_numpy(dtype=int))
