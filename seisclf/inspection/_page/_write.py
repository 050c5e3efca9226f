"""Write a review page, one event at a time."""

import html
import json
import secrets
import shutil
from importlib.resources import files
from pathlib import Path

import numpy as np

from ...utils import progress_bar
from ._arrays import pack_thumbnail
from ._scripts import event_record, script, shown_waveform

# The file by which a folder of ours is known, and what it says.
_MARKER, _FORMAT, _VERSION = "review.json", "seisclf review page", 1
_SCRIPTS = (
    "base", "arrays", "loader", "decisions", "server", "colours", "plot", "thumbnails", "list",
    "view", "transfer", "keys", "main",
)  # fmt: skip


def write_page(
    review, folder, *, rows=None, which="suspects", title=None, relevance=True, bandpass="auto",
    progress=None,
):  # fmt: skip
    """Write a folder that an expert opens in a browser to decide about labels.

    Nothing is fetched from anywhere: ``index.html`` opens by double click. Events are read one
    after the other, and the page loads them likewise. Writing a page again keeps the decisions
    made on it.

    Parameters
    ----------
    review : LabelReview
        Fitted.
    folder : str or path-like
        A new or empty folder, or a review page written earlier.
    rows : array-like of int, optional
        Events to show. Default: as `which` says.
    which : {"suspects", "all"}, default="suspects"
        Events with doubtful labels, or all.
    title : str, optional
        Heading of the page.
    relevance : bool, default=True
        Whether to show what the network looked at.
    bandpass : tuple of float, None or "auto", default="auto"
        Corner frequencies (Hz) of the filter for the waveforms that are shown; "auto" is 1 Hz to
        0.4 times the sampling rate, or nothing more where the review has a `bandpass` of its own.
    progress : bool, optional
        True shows a bar, False does not; by default only on a terminal.

    Returns
    -------
    path : pathlib.Path
        Of ``index.html``.

    Raises
    ------
    FileExistsError
        If `folder` holds something else than a review page, or one of other events that have no
        ``event_id``: its decisions, by row, would be taken for these.
    ValueError
        If there is no event to show, or `bandpass` is no band.
    """
    folder = Path(folder)
    marker = _open_folder(folder)
    _check_same_events(folder, marker, review)
    classes = [str(name) for name in review.classes_]
    bandpass, words = _resolve_bandpass(bandpass, getattr(review, "bandpass", None))
    fresh = folder / "events.new"
    if fresh.exists():
        shutil.rmtree(fresh)
    fresh.mkdir()
    try:
        index = _write_events(
            review, fresh, classes, rows=rows, which=which, relevance=relevance,
            bandpass=bandpass, progress=progress,
        )  # fmt: skip
        if not index:
            raise ValueError(
                "no label is doubted, so there is nothing to review; which='all' shows every event"
            )
    except BaseException:
        shutil.rmtree(fresh)
        raise
    marker |= {"title": title or marker.get("title") or "Label review", "classes": classes}
    page = marker | {"events": index, "band": words}
    # From here on the old page gives way to the new one.
    if (folder / "events").exists():
        shutil.rmtree(folder / "events")
    fresh.rename(folder / "events")
    _write_assets(folder, marker["title"])
    (folder / "page.js").write_text(script("page", page), encoding="ascii")
    _write_marker(folder, marker)
    return folder / "index.html"


def is_review_page(folder):
    """Whether a folder is a review page.

    Parameters
    ----------
    folder : str or path-like
        Any path.

    Returns
    -------
    answer : bool
        True if :func:`write_page` has written it.
    """
    return read_marker(folder) is not None


def read_marker(folder):
    """What a review page says of itself.

    Parameters
    ----------
    folder : str or path-like
        Any path.

    Returns
    -------
    marker : dict or None
        ``id``, ``title`` and ``classes``; None if this is no review page.
    """
    try:
        marker = json.loads((Path(folder) / _MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    known = isinstance(marker, dict) and marker.get("format") == _FORMAT
    return marker if known and isinstance(marker.get("id"), str) else None


def _open_folder(folder):
    """Make the folder, or take over what an earlier page says of itself."""
    marker = read_marker(folder)
    if marker is not None:
        return marker
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(
            f"folder={str(folder)!r} exists and is no review page; give a new or an empty folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    marker = {"format": _FORMAT, "version": _VERSION, "id": secrets.token_hex(8)}
    # Before all else, so that a run that was stopped can be started again.
    _write_marker(folder, marker)
    return marker


def _check_same_events(folder, marker, review):
    """Remember whose rows these are, and refuse those of other events."""
    known = review.fingerprint() if hasattr(review, "fingerprint") else ""
    if marker.setdefault("rows_of", known) != known:
        raise FileExistsError(
            f"folder={str(folder)!r} holds the review of other events, whose decisions go by row "
            f"number as these have no event_id: give a new folder, or metadata with event_id"
        )


def _write_events(review, folder, classes, *, rows, which, relevance, bandpass, progress):
    """One script per event; returns the list of events for the page."""
    if rows is None:
        total = review.n_events_ if which == "all" else len(review.suspects_)
    else:
        rows = np.ravel(rows)
        total = int(rows.sum()) if rows.dtype == np.bool_ else len(rows)
    events = review.events(rows=rows, which=which, relevance=relevance)
    bar = progress_bar(
        events, total=total, desc="events", disable=None if progress is None else not progress
    )
    index, neighbors, thumbnails, band = [], {}, {}, None
    for event in bar:
        band = _band(bandpass, float(event.sampling_rate))
        shown = shown_waveform(event, band)
        record = event_record(event, classes, shown)
        path = folder / event_file(record["row"])
        path.write_text(script("event", record), encoding="ascii")
        thumbnails[record["row"]] = pack_thumbnail(shown[0])
        neighbors[record["row"]] = list(event.neighbors or ())
        keys = ("row", "event_id", "label", "predicted", "doubt", "suspect", "start_time")
        index.append([record[key] for key in keys])
    _add_neighbors(review, folder, neighbors, thumbnails, band)
    return index


def _add_neighbors(review, folder, neighbors, thumbnails, band):
    """Add to each event's script its neighbors, which may be events that are not shown."""
    wanted = {int(other["row"]) for each in neighbors.values() for other in each}
    missing = sorted(wanted - set(thumbnails))
    if missing:
        for event in review.events(rows=missing, relevance=False):
            thumbnails[int(event.row)] = pack_thumbnail(shown_waveform(event, band)[0])
    for row, each in neighbors.items():
        shown = [
            {
                "row": int(other["row"]),
                "event_id": str(other["event_id"]),
                "label": str(other["label"]),
                "distance": float(f"{float(other['distance']):.4g}"),
                "waveform": thumbnails.get(int(other["row"]), ""),
            }
            for other in each
        ]
        with open(folder / event_file(row), "a", encoding="ascii") as file:
            file.write(script("neighbors", row, shown))


def event_file(row):
    """Name of the script of an event.

    Parameters
    ----------
    row : int
        Of the data.

    Returns
    -------
    name : str
        Such as ``"000123.js"``.
    """
    return f"{row:06d}.js"


def _resolve_bandpass(bandpass, own):
    """The filter still to be applied, and what the page says about it."""
    if bandpass is None or isinstance(bandpass, str):
        if bandpass not in (None, "auto"):
            raise ValueError(f"bandpass={bandpass!r}: give (low, high) in Hz, None or 'auto'")
        if own is not None:
            return None, f"{own[0]:g} to {own[1]:g} Hz"
        return bandpass, "above 1 Hz" if bandpass == "auto" else "unfiltered"
    low, high = (float(corner) for corner in bandpass)
    return (low, high), f"{low:g} to {high:g} Hz"


def _band(bandpass, rate):
    """Corner frequencies for waveforms of this sampling rate."""
    if bandpass == "auto":
        return (1.0, 0.4 * rate) if rate > 5 else None
    if bandpass is not None and not 0 < bandpass[0] < bandpass[1] < rate / 2:
        raise ValueError(
            f"bandpass=({bandpass[0]:g}, {bandpass[1]:g}): needs 0 < low < high < {rate / 2:g} "
            f"Hz, half the sampling rate"
        )
    return bandpass


def _write_assets(folder, title):
    assets = files(__package__) / "assets"
    nonce = secrets.token_urlsafe(12)
    tags = "\n".join(
        f'    <script nonce="{nonce}" src="js/{name}.js" defer></script>' for name in _SCRIPTS
    )
    tags += f'\n    <script nonce="{nonce}" src="page.js" defer></script>'
    page = (assets / "index.html").read_text(encoding="utf-8")
    for mark, text in (("NONCE", nonce), ("SCRIPTS", tags), ("TITLE", html.escape(title))):
        page = page.replace(f"@@{mark}@@", text)
    (folder / "js").mkdir(exist_ok=True)
    for name in _SCRIPTS:
        text = (assets / "js" / f"{name}.js").read_text(encoding="utf-8")
        (folder / "js" / f"{name}.js").write_text(text, encoding="utf-8")
    style = (assets / "review.css").read_text(encoding="utf-8")
    (folder / "review.css").write_text(style, encoding="utf-8")
    (folder / "index.html").write_text(page, encoding="utf-8")


def _write_marker(folder, marker):
    text = json.dumps(marker, indent=1) + "\n"
    path = folder / (_MARKER + ".new")
    path.write_text(text, encoding="utf-8")
    path.replace(folder / _MARKER)
