"""A list of everything that can be fitted."""

import inspect
import pkgutil
from importlib import import_module


def all_estimators(type_filter=None):
    """List the public estimators, as :func:`sklearn.utils.all_estimators` does.

    Parameters
    ----------
    type_filter : str or list of str, optional
        Only estimators of these kinds: "classifier", "regressor", "cluster", "transformer",
        "sampler".

    Returns
    -------
    estimators : list of tuple (str, type)
        Names and classes, sorted by name. Abstract and private classes are left out.

    Raises
    ------
    ValueError
        If `type_filter` names a kind that does not exist.

    Examples
    --------
    >>> from seisclf.utils import all_estimators
    >>> "STFTCNNClassifier" in dict(all_estimators("classifier"))
    True
    """
    parent = import_module("seisclf.base").WaveformEstimator
    wanted = [type_filter] if isinstance(type_filter, str) else list(type_filter or [])
    unknown = set(wanted) - set(_KINDS)
    if unknown:
        raise ValueError(
            f"type_filter must be among {sorted(_KINDS)} or None; got {sorted(unknown)}"
        )
    found = {
        name: cls
        for module in _public_subpackages()
        for name in getattr(module, "__all__", ())
        if inspect.isclass(cls := getattr(module, name))
        and issubclass(cls, parent)
        and _is_concrete(cls)
    }
    return sorted(
        (name, cls)
        for name, cls in found.items()
        if not wanted or any(_KINDS[kind](cls) for kind in wanted)
    )


_KINDS = {
    "classifier": lambda cls: _estimator_type(cls) == "classifier",
    "regressor": lambda cls: _estimator_type(cls) == "regressor",
    "cluster": lambda cls: _estimator_type(cls) == "clusterer",
    "transformer": lambda cls: hasattr(cls, "transform"),
    "sampler": lambda cls: hasattr(cls, "fit_resample"),
}


def _estimator_type(cls):
    return cls(**cls._get_test_params()[0]).__sklearn_tags__().estimator_type


def _is_concrete(cls):
    """Bases meant for subclassing say so with ``_is_base = True`` in their own body."""
    return not vars(cls).get("_is_base", False)


def _public_subpackages():
    # By name, not by import: this floor lies below the packages it looks into.
    for info in pkgutil.iter_modules(import_module("seisclf").__path__):
        if info.ispkg and not info.name.startswith("_") and info.name != "cli":
            yield import_module(f"seisclf.{info.name}")
