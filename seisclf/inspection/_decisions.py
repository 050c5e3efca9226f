"""Read what experts decided on review pages."""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd

from ..io._tables import read_table
from ..io._times import to_utc
from ..utils._cells import from_cells
from ._texts import as_text

COLUMNS = [
    "event_id",
    "row",
    "old_label",
    "new_label",
    "confidence",
    "note",
    "expert",
    "time",
    "seconds",
    "action",
]
ACTIONS = ("keep", "change", "unsure", "drop")
_WITHDRAWN = "undo"
_TABLE = "decisions"
_PLAIN_TABLE = re.compile(r"(?is)\s*CREATE\s+TABLE\b(?!.*\bAS\s*\()")
_LONGEST_CELL = 2**20
_LAST_ROW = 2**53


def read_decisions(paths, *, history=False):
    """Read the decisions that experts made on a review page.

    An expert who decided on an event several times counts with the last decision (by ``time``;
    of equal times the one read last).

    Parameters
    ----------
    paths : str, Path or list of them
        Files that the page exports (``.csv``, ``.json``) or the server writes (``.sqlite``,
        ``.sqlite3``, ``.db``), of one or several experts.
    history : bool, default=False
        True returns all decisions, with a column ``superseded`` that is True for those an expert
        has replaced or taken back.

    Returns
    -------
    decisions : DataFrame
        One line per expert and event: ``event_id``, ``row`` (integer or missing), ``old_label``,
        ``new_label``, ``confidence`` (0 to 1; 1 where none was given), ``note``, ``expert``,
        ``time`` (UTC), ``seconds`` (that the decision took), ``action`` ("keep", "change",
        "unsure" or "drop").

    Raises
    ------
    FileNotFoundError
        If a file does not exist.
    ValueError
        If a file is of another kind, lacks columns, or a decision cannot be understood.

    See Also
    --------
    apply_decisions : What follows from them.
    label_agreement : How far experts agree.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from seisclf.inspection import read_decisions
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "decisions.csv"
    >>> _ = file.write_text(
    ...     "event_id,row,old_label,new_label,expert,time,action\\n"
    ...     "e1,0,quake,rockfall,ada,2024-01-01T10:00:00Z,change\\n"
    ...     "e1,0,quake,quake,ada,2024-01-01T10:05:00Z,keep\\n"
    ... )
    >>> read_decisions(file)[["event_id", "new_label", "action"]]
      event_id new_label action
    0       e1     quake   keep
    """
    paths = [paths] if isinstance(paths, (str, Path)) else list(paths)
    if not paths:
        raise ValueError("paths names no file: give the files that review pages exported")
    frames = [_checked(_read(Path(path)), path) for path in paths]
    return _last_of_each(pd.concat(frames, ignore_index=True), history)


def check_decisions(decisions):
    """Decisions from wherever they come (a DataFrame, a list of dict, paths), as a clean frame."""
    if isinstance(decisions, (str, Path)):
        return read_decisions(decisions)
    if (
        isinstance(decisions, (list, tuple))
        and decisions
        and isinstance(decisions[0], (str, Path))
    ):
        return read_decisions(decisions)
    frame = decisions if isinstance(decisions, pd.DataFrame) else pd.DataFrame(list(decisions))
    if "superseded" in frame:
        frame = frame[~frame["superseded"].astype(bool)]
    return _last_of_each(_checked(frame, "decisions"), history=False)


def _read(path):
    if not path.exists():
        raise FileNotFoundError(f"no such file of decisions: {path}")
    kind = path.suffix.lower()
    if kind == ".csv":
        return _read_csv(path)
    if kind == ".json":
        try:
            content = json.loads(path.read_text(encoding="utf-8-sig"))
        except (ValueError, RecursionError) as error:
            raise ValueError(
                f"{path} is not JSON: {error}; export the decisions again from the page"
            ) from error
        records = content.get(_TABLE) if isinstance(content, dict) else content
        if not isinstance(records, list) or not all(isinstance(r, dict) for r in records):
            raise ValueError(f"{path} must hold a list of decisions, or one under {_TABLE!r}")
        return pd.DataFrame(records, dtype=object)
    if kind in (".sqlite", ".sqlite3", ".db"):
        return _read_sqlite(path)
    raise ValueError(f"{path}: decisions are read from .csv, .json, .sqlite, .sqlite3 or .db")


def _read_csv(path):
    # Text as it stands: an event may be called "007", a label "NA". Spreadsheets of some
    # countries write semicolons or tabs.
    try:
        head = path.read_text(encoding="utf-8-sig").partition("\n")[0]
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not UTF-8 text: {error}; save it again as 'CSV UTF-8', or use what the "
            f"page exported"
        ) from error
    separator = max(",;\t", key=head.count)
    try:
        frame = read_table(path, separator=separator, dtype=str, keep_default_na=False)
    except ValueError as error:
        raise ValueError(
            f"{path} cannot be read as CSV: {error}; use what the page exported"
        ) from error
    return from_cells(frame)


def _read_sqlite(path):
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
        try:
            database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_CELL)
            database.execute("PRAGMA trusted_schema = OFF")
            database.execute("PRAGMA cell_size_check = ON")
            known = dict(database.execute("SELECT name, sql FROM sqlite_master").fetchall())
            # The server keeps everything in the one and shows the latest in the other.
            name = "history" if "history" in known else _TABLE
            if not _PLAIN_TABLE.match(known.get(name) or ""):
                # A view or a computed column would be run, and need not end.
                raise ValueError(f"{path} has no table of decisions: {name} is none")
            order = " ORDER BY id" if name == "history" else ""
            rows = database.execute(f"SELECT * FROM {name}{order}")
            names = [column[0] for column in rows.description]
            return pd.DataFrame(rows.fetchall(), columns=names, dtype=object)
        except (sqlite3.Error, OverflowError, UnicodeDecodeError) as error:
            raise ValueError(f"{path} has no table of decisions: {error}") from error


def _checked(frame, source):
    """The columns of COLUMNS, each of its type; all problems in one message."""
    if not len(frame.columns):
        frame = pd.DataFrame(columns=COLUMNS)
    missing = {"new_label", "old_label"} - set(frame)
    if missing or not {"event_id", "row"} & set(frame):
        raise ValueError(
            f"{source} lacks the columns {sorted(missing) or ['event_id (or row)']}; decisions "
            f"have the columns {COLUMNS}"
        )
    frame = frame.reindex(columns=COLUMNS).reset_index(drop=True)
    problems: list[str] = []
    for name in ("event_id", "old_label", "new_label", "note", "expert", "action"):
        frame[name] = [as_text(value) for value in frame[name]]
    rows = _numbers(frame["row"], "row", problems).round()
    beyond = rows.abs() > _LAST_ROW
    _note(problems, beyond, "row is no row")
    frame["row"] = rows.mask(beyond | ~np.isfinite(rows)).astype("Int64")
    frame["seconds"] = _numbers(frame["seconds"], "seconds", problems)
    frame["confidence"] = _numbers(frame["confidence"], "confidence", problems).fillna(1.0)
    _note(problems, ~frame["confidence"].between(0, 1), "confidence must lie between 0 and 1")
    frame["time"] = _times(frame["time"], problems)
    frame["action"] = _actions(frame, problems)
    nameless = (frame["event_id"] == "") & frame["row"].isna()
    _note(problems, nameless, "neither event_id nor row is given")
    if problems:
        raise ValueError(
            f"{source} cannot be used, lines counted from 0:\n- " + "\n- ".join(problems)
        )
    return frame


def _numbers(column, name, problems):
    texts = pd.Series([as_text(value).strip() for value in column], dtype=object)
    numbers = pd.to_numeric(texts.where(texts != ""), errors="coerce").astype(float)
    _note(problems, (texts != "") & ~np.isfinite(numbers), f"{name} is not a number")
    return numbers


def _times(column, problems):
    texts = pd.Series([as_text(value).strip() for value in column], dtype=object)
    times = to_utc(texts.where(texts != "", None))
    _note(problems, (texts != "") & times.isna(), "time is not ISO 8601")
    return times


def _actions(frame, problems):
    implied = np.where(frame["old_label"] == frame["new_label"], "keep", "change")
    action = frame["action"].where(frame["action"] != "", pd.Series(implied, index=frame.index))
    known = [*ACTIONS, _WITHDRAWN]
    _note(problems, ~action.isin(known), f"action must be one of {', '.join(ACTIONS)}")
    empty = (action == "change") & (frame["new_label"] == "")
    _note(problems, empty, "a change needs a new_label")
    return action


def _note(problems, mask, text):
    lines = np.flatnonzero(np.asarray(mask, dtype=bool))
    if len(lines):
        more = ", …" if len(lines) > 5 else ""
        problems.append(f"{text} (line {', '.join(map(str, lines[:5]))}{more})")


def _last_of_each(frame, history):
    """Sort by time (unknown times first), mark what a later decision replaces."""
    frame = frame.sort_values("time", kind="stable", na_position="first", ignore_index=True)
    # By name where there is one: another page may number its rows otherwise. Two stations of one
    # event are two decisions.
    key = ["expert", "event_id", "row"]
    superseded = frame.duplicated(key, keep="last") | (frame["action"] == _WITHDRAWN)
    if history:
        return frame.assign(superseded=superseded)
    return frame[~superseded].reset_index(drop=True)
