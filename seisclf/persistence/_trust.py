"""Whose classes may be built on loading."""

from importlib import import_module

LIBRARIES = ("sklearn", "imblearn")
# A description of a number format, which SimpleImputer keeps: nothing in it can run.
_HARMLESS = ("numpy.dtype",)


def is_from(value, packages):
    return type(value).__module__.partition(".")[0] in packages


def trusted_types(data):
    """Of the types that skops wants named, the classes (never functions) of scikit-learn."""
    import skops.io

    return [
        path
        for path in skops.io.get_untrusted_types(data=data)
        if path in _HARMLESS
        or (path.partition(".")[0] in LIBRARIES and isinstance(_resolve(path), type))
    ]


def _resolve(path):
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name, None)
