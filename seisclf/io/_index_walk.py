"""The files of an archive, with what tells whether they changed."""

import os
from pathlib import Path


def walk(archive):
    """Look for files below a folder, through links, without those whose names begin with a dot.

    Parameters
    ----------
    archive : pathlib.Path
        The folder.

    Returns
    -------
    found : dict of str to (int, int)
        Path below the folder to bytes and time of modification in ns.
    odd : list of (str, str)
        Name and reason of what cannot be looked at.
    """
    found, odd, seen, folders = {}, [], set(), [archive]
    while folders:
        folder = folders.pop()
        try:
            stat = os.stat(folder)
            if (stat.st_dev, stat.st_ino) in seen:
                continue  # a link that leads back
            seen.add((stat.st_dev, stat.st_ino))
            items = sorted(os.scandir(folder), key=lambda item: item.name)
        except OSError as error:
            odd.append((_below_name(folder, archive), f"folder: {error.strerror}"))
            continue
        for item in items:
            if item.name.startswith("."):
                continue
            name = _below_name(item.path, archive)
            try:
                name.encode()
                if item.is_dir():
                    folders.append(Path(item.path))
                elif item.is_file():
                    stat = item.stat()
                    found[name] = (stat.st_size, stat.st_mtime_ns)
                elif item.is_symlink():
                    odd.append((name, "a link that leads nowhere"))
            except UnicodeEncodeError:
                odd.append((repr(name), "its name is no text in UTF-8"))
            except OSError as error:
                odd.append((name, f"{error.strerror}"))
    return found, odd


def _below_name(path, archive):
    return Path(path).relative_to(archive).as_posix()
