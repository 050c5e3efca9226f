"""Files of the Åknes set: on disk, in a zip archive, or downloaded from figshare."""

import os
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

# figshare names the files of an article, their sums and addresses here.
API = "https://api.figshare.com/v2/articles/21340101/versions/1"
# Its other address asks for a browser at times, and sends an empty file to programs.
DOWNLOAD = "https://api.figshare.com/v2/file/download/{id}"
DOI = "10.6084/m9.figshare.21340101"
LIST = "data_dir.csv"
N_PUBLISHED = 3429
CLASSES = (
    "Noise",
    "Regional",
    "Rockfall",
    "Slope_HF",
    "Slope_LF",
    "Slope_Multi",
    "Slope_Tremor",
    "Spike",
)
UNLABELLED = "Unlabeled"
_LARGEST = 100_000_000  # bytes; an event has 1.6 million
_TIMEOUT = 60  # s


@dataclass(frozen=True)
class EventFile:
    """One event's file, in a folder or in an archive; it is never unpacked.

    Parameters
    ----------
    event_id : str
        The file name without its ending.
    label : str
        Class as published, "Unlabeled" among them; empty if nothing tells.
    name : str
        Path below the folder, or in the archive.
    place : str
        The folder or the archive.
    size : int
        In bytes.
    """

    event_id: str
    label: str
    name: str
    place: str
    size: int

    def read(self):
        """Return the content as bytes."""
        if self.size > _LARGEST:
            raise ValueError(f"{self.size} bytes are too many for an event")
        place = Path(self.place)
        if place.is_dir():
            return (place / self.name).read_bytes()
        with zipfile.ZipFile(place) as archive:
            return archive.read(self.name)


@dataclass
class Source:
    """Files of a set, sorted, and what does not fit among them and their list."""

    files: list
    missing: list
    findings: list

    @property
    def is_complete(self):
        return bool(self.files) and (len(self.files) >= N_PUBLISHED or not self.missing)


def find_folder(home):
    """Folder of the set in `home`, which may be the set's own."""
    home = Path(home).expanduser()
    return home / "aknes" if (home / "aknes").is_dir() else home


def find_source(folder):
    """All events below a folder, in files ending in ``.dat`` or in archives of such files.

    The class is that of the list ``data_dir.csv`` if it is there and has the file, else the name
    of the folder that holds it.

    Parameters
    ----------
    folder : pathlib.Path
        Searched to any depth.

    Returns
    -------
    source : Source
        Labelled events first, then by name.

    Raises
    ------
    ValueError
        If an event is there twice, with different classes, or an archive is damaged.
    """
    if not folder.is_dir():
        return Source([], [], [])
    archives = sorted(folder.glob("*.zip"))
    found = [
        (str(folder), path.relative_to(folder).as_posix(), path.stat().st_size)
        for path in sorted(folder.rglob("*.dat"))
        if path.is_file()
    ]
    for archive in archives:
        found += [(str(archive), name, size) for name, size in _members(archive)]
    listed = _read_list(folder, archives)
    findings, events = [], {}
    for place, name, size in found:
        path = _path(name)
        label = _label(path, listed, findings)
        event = EventFile(path.stem, label, name, place, size)
        first = events.setdefault(path.stem, event)
        if first.label != label:
            raise ValueError(
                f"event {path.stem} is there twice, as {first.label} ({first.name}) and as "
                f"{label} ({name}): remove one"
            )
        if first is not event:
            findings.append((path.stem, name, "the event is there twice", "the first one used"))
    missing = sorted(set(listed) - set(events))
    order = sorted(events.values(), key=lambda e: (e.label in ("", UNLABELLED), e.event_id))
    return Source(order, missing, findings)


def _members(archive):
    try:
        with zipfile.ZipFile(archive) as opened:
            members = opened.infolist()
    except zipfile.BadZipFile as error:
        raise ValueError(
            f"{archive} is no zip archive ({error}): remove it to have it downloaded again"
        ) from error
    return [
        (member.filename, member.file_size)
        for member in members
        if not member.is_dir() and _is_event(_path(member.filename))
    ]


def _is_event(path):
    # A Mac puts a second "._name" for each file into its archives.
    return path.suffix.lower() == ".dat" and not path.name.startswith(".")


def _path(name):
    """The list, and archives made under Windows, have backslashes."""
    return PurePosixPath(name.replace("\\", "/"))


def _label(path, listed, findings):
    """Class of a file by the list, else by its folder."""
    folder = path.parent.name
    if path.stem not in listed:
        if folder in (*CLASSES, UNLABELLED):
            return folder
        findings.append((path.stem, str(path), "neither list nor folder tells a class", "none"))
        return ""
    label = listed[path.stem]
    if folder in (*CLASSES, UNLABELLED) and folder != label:
        what = f"in folder {folder}, listed as {label}"
        findings.append((path.stem, str(path), what, "taken as listed"))
    return label


def _read_list(folder, archives):
    """Event to class, from the list beside the files or in an archive; empty if there is none."""
    import pandas as pd

    beside = sorted(folder.rglob(LIST))
    if beside:
        table = pd.read_csv(beside[0])
    else:
        table = next(filter(lambda t: t is not None, map(_list_in, archives)), None)
    if table is None:
        return {}
    if not {"fname", "event"} <= set(table):
        raise ValueError(
            f"{LIST} in {folder} must have the columns fname and event; it has {list(table)}"
        )
    return _classes_of(table, folder)


def _classes_of(table, folder):
    """Event to class from the table of the list, where each event has one."""
    table = table[["fname", "event"]].astype("string").apply(lambda column: column.str.strip())
    empty = (table.isna() | (table == "")).any(axis=1).to_numpy(dtype=bool)
    if empty.any():
        raise ValueError(
            f"{LIST} in {folder} has {empty.sum()} lines without fname or event, first line "
            f"{empty.argmax() + 2}: fill them in or remove them"
        )
    listed: dict[str, str] = {}
    for name, label in zip(table.fname, table.event, strict=True):
        if listed.setdefault(_path(name).stem, label) != label:
            raise ValueError(
                f"{LIST} in {folder} has event {_path(name).stem} twice, as "
                f"{listed[_path(name).stem]} and as {label}: remove one"
            )
    return listed


def _list_in(archive):
    import pandas as pd

    with zipfile.ZipFile(archive) as opened:
        for name in opened.namelist():
            if _path(name).name == LIST:
                with opened.open(name) as file:
                    return pd.read_csv(file)
    return None


def download(folder, *, progress=None):
    """Download the files of the published article; what is there with its sum is not.

    Parameters
    ----------
    folder : pathlib.Path
        Where to.
    progress : bool, optional
        Show a bar; None does so on a terminal.

    Raises
    ------
    OSError
        If there is no connection, or no address gives the published file; says what to do.
    """
    help = (
        f"Without a connection, or if figshare wants a browser, get the files of "
        f"https://doi.org/{DOI} yourself, put them into {folder} as they are and call again"
    )
    for file in _article(help):
        # A name from elsewhere must not lead out of the folder.
        name = _path(file["name"]).name
        if name.endswith((".zip", ".csv")):
            _download_one(file, name, folder, progress, help)


def _article(help):
    import requests

    try:
        answer = requests.get(API, timeout=_TIMEOUT)
        answer.raise_for_status()
        files = answer.json()["files"]
    except (requests.RequestException, ValueError, KeyError) as error:
        raise OSError(f"cannot ask {API} for the files: {error}. {help}") from error
    if not any(file["name"].endswith(".zip") for file in files):
        names = ", ".join(file["name"] for file in files)
        raise OSError(f"the article has no zip archive any more, but {names}. {help}")
    return files


def _download_one(file, name, folder, progress, help):
    import pooch

    md5 = file.get("computed_md5") or file.get("supplied_md5")
    if not md5:
        raise OSError(f"figshare gives no sum for {name}: its content cannot be checked. {help}")
    problems = []
    for url in (DOWNLOAD.format(id=file["id"]), file["download_url"]):
        try:
            pooch.retrieve(
                url,
                known_hash=f"md5:{md5}",
                fname=name,
                path=folder,
                downloader=pooch.HTTPDownloader(
                    progressbar=_shows(progress), chunk_size=1 << 20, timeout=_TIMEOUT
                ),
            )
        except (OSError, ValueError) as error:
            problems.append(f"{url}: {error}")
        else:
            return
    raise OSError(f"cannot download {name}. {'; '.join(problems)}. {help}")


def _shows(progress):
    from ..utils import progress_bar

    with progress_bar(total=1, disable=None if progress is None else not progress) as bar:
        return not bar.disable


def shared_folder():
    """Folder of the set in the one that SEISCLF_DATA names, or None."""
    home = os.environ.get("SEISCLF_DATA")
    return find_folder(home) if home else None
