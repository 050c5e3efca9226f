"""Published files: found on disk where the user keeps them, or downloaded and checked."""

import os
from pathlib import Path


def find_published(names, *, base_url, folders, sha256, data_home=None):
    """Paths of published files; what is not on disk is downloaded.

    Each file is looked for in `data_home`, or without it in the folder that the environment
    variable ``SEISCLF_DATA`` names and in the cache of the system. Downloads go to `data_home`,
    or to the cache.

    Parameters
    ----------
    names : list of str
        Files, as ``folder/name``.
    base_url : str
        Where `folders` are, with a slash at its end.
    folders : dict
        Folder of `names` to folder below `base_url`.
    sha256 : dict
        File to its sum.
    data_home : str or pathlib.Path, optional
        Folder to look in and to download to.

    Returns
    -------
    paths : list of pathlib.Path
        In the order of `names`.

    Raises
    ------
    ValueError
        If a file in ``SEISCLF_DATA`` or a download does not have the published sum.
    OSError
        If the download fails.
    """
    import pooch

    cache = Path(data_home).expanduser() if data_home is not None else pooch.os_cache("seisclf")
    shared = os.environ.get("SEISCLF_DATA") if data_home is None else None
    store = pooch.create(path=cache, base_url=base_url, registry=sha256, retry_if_failed=1)
    store.urls = {name: base_url + _remote(name, folders) for name in names}
    paths = []
    for name in names:
        at_hand = Path(shared).expanduser() / name if shared else None
        if at_hand is not None and at_hand.is_file():
            _check_sum(at_hand, sha256[name])
            paths.append(at_hand)
        else:
            paths.append(Path(_download(store, name)))
    return paths


def _download(store, name):
    try:
        return store.fetch(name)
    except OSError as error:
        raise OSError(
            f"cannot download {store.get_url(name)}: {error}. Without a connection, put it under "
            f"{name} in a folder and give this folder as data_home, or set SEISCLF_DATA to it"
        ) from error


def _remote(name, folders):
    folder, _, file = name.rpartition("/")
    return f"{folders[folder]}/{file}"


def _check_sum(path, sha256):
    import pooch

    found = pooch.file_hash(str(path), alg="sha256")
    if found != sha256:
        raise ValueError(
            f"{path} is not the published file: its SHA-256 sum is {found}, published was "
            f"{sha256}. Remove it to have it downloaded"
        )
