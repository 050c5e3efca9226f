"""Libraries that only some users have."""

from importlib import import_module


def import_optional(name, *, extra, purpose):
    """Import an optional library, or say how to install it.

    Parameters
    ----------
    name : str
        Module to import.
    extra : str
        Extra of seisclf that installs it.
    purpose : str
        What needs it, as the subject of a sentence ("TsfreshFeatures").

    Returns
    -------
    module : module
        The imported module.

    Raises
    ------
    ImportError
        If the library is not installed; the message gives the command that installs it.

    Examples
    --------
    >>> from seisclf.utils import import_optional
    >>> import_optional("math", extra="maths", purpose="this example").floor(2.5)
    2
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name.split(".")[0]:
            raise  # it is there, but one of its own dependencies is not
        raise ImportError(
            f"{purpose} needs the library {name!r}: pip install 'seisclf[{extra}]'"
        ) from error
