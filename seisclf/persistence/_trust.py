"""Whose classes may be built on loading."""

from importlib import import_module

LIBRARIES = ("sklearn", "imblearn")
# A description of a number format, which SimpleImputer keeps: nothing in it can run.
_HARMLESS = ("numpy.dtype",)
# Modules within a package that do something when they are imported, and hold no estimator.
_NEVER = frozenset(("tests", "conftest", "__main__", "setup", "_build_utils"))


def is_from(value, packages):
    return type(value).__module__.partition(".")[0] in packages


def trusted_types(data):
    """Of the types that skops wants named, the classes (never functions) of scikit-learn."""
    import skops.io

    return [
        path
        for path in skops.io.get_untrusted_types(data=data)
        if path in _HARMLESS
        or (
            path.partition(".")[0] in LIBRARIES
            and find_class(*path.rpartition(".")[::2]) is not None
        )
    ]


def find_class(module, name):
    """A class of a package, or None.

    Parameters
    ----------
    module, name : str
        Where a file says that it is.

    Returns
    -------
    cls : type or None
        None if there is no such class, or if the module has it from elsewhere: a name that a
        module of scikit-learn imported from Python's library would open files and more.
    """
    parts = module.split(".")
    if not all(part.isidentifier() for part in parts) or _NEVER & set(parts[1:]):
        return None
    try:
        cls = getattr(import_module(module), name, None)
    except ImportError:
        return None
    if not isinstance(cls, type) or cls.__module__.partition(".")[0] != parts[0]:
        return None
    return cls
