"""The door for HDF5: nothing of another file, no claims beyond what is stored."""

from math import prod
from pathlib import Path

from ._limits import check_limits

_FEW = 1000  # values of an entry that describes the data


def open_hdf5(path):
    """Open a file for reading.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.

    Returns
    -------
    file : h5py.File
        To be closed.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no HDF5 file, or a damaged one.
    """
    import h5py

    if not Path(path).is_file():
        raise FileNotFoundError(f"no such file: {path}")
    try:
        return h5py.File(path, "r")
    except (OSError, RuntimeError) as error:
        raise ValueError(f"{path} cannot be opened as HDF5: {_short(error)}") from error


def find(file, name):
    """A group or dataset of the file itself, or None.

    Parameters
    ----------
    file : h5py.File or h5py.Group
        Where to look.
    name : str
        With ``/`` between groups.

    Returns
    -------
    found : h5py.Group, h5py.Dataset or None
        None if there is none.

    Raises
    ------
    ValueError
        If the way leads over a link, which may lead to another file, or is damaged.
    """
    import h5py

    found = file
    try:
        for part in filter(None, name.split("/")):
            link = found.get(part, getlink=True) if isinstance(found, h5py.Group) else None
            if link is None:
                return None
            if not isinstance(link, h5py.HardLink):
                raise ValueError(
                    f"{file.file.filename}: {name!r} is a link, which may lead to another file: "
                    f"copy the data into this one"
                )
            found = found[part]
    except (KeyError, OSError, RuntimeError, UnicodeError, TypeError) as error:
        raise ValueError(
            f"{file.file.filename} is damaged at {name!r}: {_short(error)}"
        ) from error
    return found


def find_group(file, name):
    """A group of the file itself, or None.

    Parameters
    ----------
    file : h5py.File
        Where to look.
    name : str
        With ``/`` between groups.

    Returns
    -------
    group : h5py.Group or None
        None if there is none, or a dataset of this name.
    """
    import h5py

    group = find(file, name)
    return group if isinstance(group, h5py.Group) else None


def names_in(group):
    """Names in a group.

    Parameters
    ----------
    group : h5py.Group or None
        Of an open file.

    Returns
    -------
    names : list of str
        Empty for None.

    Raises
    ------
    ValueError
        If the group is damaged.
    """
    try:
        return [] if group is None else list(group)
    except (OSError, RuntimeError, KeyError, UnicodeError) as error:
        raise ValueError(f"{group.file.filename} is damaged: {_short(error)}") from error


def small_value(group, key):
    """What a small dataset holds.

    Parameters
    ----------
    group : h5py.Group
        Where it is.
    key : str
        Its name.

    Returns
    -------
    value : object
        Number, bytes or a small array.

    Raises
    ------
    ValueError
        If it is none, or is large.
    """
    found = find(group, key)
    where = f"{group.file.filename}: {group.name}/{key}"
    shape = _own_shape(found, where)
    if shape is None or prod(shape) > _FEW:
        raise ValueError(f"{where} must be one value or a few, its shape is {shape}")
    try:
        return found[()]
    except (OSError, RuntimeError, ValueError, TypeError, UnicodeError, MemoryError) as error:
        raise ValueError(f"{where} cannot be read: {_short(error)}") from error


def checked_shape(file, name, limits=None):
    """Shape of a dataset of numbers that may be read.

    Parameters
    ----------
    file : h5py.File
        Where it is.
    name : str
        With ``/`` between groups.
    limits : Limits, optional
        Default: those of :class:`seisclf.io.Limits`.

    Returns
    -------
    shape : tuple of int or None
        None if there is no such dataset.

    Raises
    ------
    ValueError
        If its values lie in another file, are no numbers, or if it claims a shape out of all
        proportion to what is stored.
    """
    found = find(file, name)
    where = f"{file.filename}: {name}"
    shape = _own_shape(found, where)
    if shape is None:
        return None
    if found.dtype.kind not in "iufb":
        raise ValueError(f"{where} holds {found.dtype}, where numbers are needed")
    n_bytes = prod(shape) * found.dtype.itemsize
    if n_bytes >= 2**62:
        raise ValueError(f"{where} is said to be of shape {shape}, which cannot be")
    check_limits(limits).check_expansion(n_bytes, found.id.get_storage_size(), where)
    return shape


def _own_shape(found, where):
    """Shape of a dataset whose values lie in its own file; None if it is no dataset."""
    import h5py

    if not isinstance(found, h5py.Dataset):
        return None
    try:
        elsewhere = found.is_virtual or bool(found.external)
        found.dtype  # noqa: B018  a damaged type is found out here
        shape = found.shape
    except (OSError, RuntimeError, ValueError, TypeError, KeyError, UnicodeError) as error:
        raise ValueError(f"{where} is damaged: {_short(error)}") from error
    if elsewhere:
        raise ValueError(f"{where} has its values in another file: copy them into this one")
    return shape


def _short(error):
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__
