"""Decisions in a SQLite file: every one is kept, the latest counts."""

import contextlib
import json
import os
import secrets
import sqlite3
from pathlib import Path

_COLUMNS = (
    "event_id", "row", "old_label", "new_label", "confidence", "note", "expert", "time",
    "seconds", "action",
)  # fmt: skip
_ACTIONS = ("keep", "change", "unsure", "drop", "undo")
_TEXT_LIMITS = {
    "event_id": 1000, "old_label": 1000, "new_label": 1000, "note": 4000, "expert": 200,
    "time": 40,
}  # fmt: skip
_SCHEMA = """
CREATE TABLE IF NOT EXISTS decisions (
    id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, received TEXT NOT NULL,
    event_id TEXT NOT NULL, row INTEGER NOT NULL, old_label TEXT NOT NULL,
    new_label TEXT NOT NULL, confidence REAL NOT NULL, note TEXT NOT NULL, expert TEXT NOT NULL,
    time TEXT NOT NULL, seconds REAL NOT NULL, action TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS by_event ON decisions (expert, row, event_id, id);
CREATE VIEW IF NOT EXISTS latest AS
    SELECT * FROM decisions WHERE id IN
        (SELECT max(id) FROM decisions GROUP BY expert, row, event_id);
"""


class DecisionStore:
    """A SQLite file with a history of decisions.

    The table ``decisions`` holds everything that ever came, also that a decision was taken back
    (action "undo"); the view ``latest`` the last word of each expert on each event.

    Parameters
    ----------
    path : str or path-like
        Made where there is none.
    """

    def __init__(self, path):
        self.path = Path(path)
        # Only its owner needs to read it: it holds the token of the page.
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        with self._connect() as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(_SCHEMA)

    @contextlib.contextmanager
    def _connect(self):
        """A connection of this thread alone; what is done inside is one transaction."""
        connection = sqlite3.connect(self.path, timeout=20)
        try:
            connection.row_factory = sqlite3.Row
            # Also after a power cut, what was confirmed is there.
            connection.execute("PRAGMA synchronous=FULL")
            with connection:
                yield connection
        finally:
            connection.close()

    def add(self, entries):
        """Store decisions, each in a transaction of its own.

        Parameters
        ----------
        entries : list of dict
            ``uid`` and ``decision`` each. One that is known by its uid is not stored again.

        Returns
        -------
        stored : list of str
            Names (uid) of those that are in the file now.
        refused : dict of str to str
            Of the others, and why.
        """
        stored, refused = [], {}
        names = ", ".join(_COLUMNS)
        marks = ", ".join("?" for _ in _COLUMNS)
        for entry in entries:
            uid, values, wrong = _checked(entry)
            if wrong:
                refused[uid] = wrong
                continue
            with self._connect() as connection:
                connection.execute(
                    f"INSERT OR IGNORE INTO decisions (uid, received, {names}) "
                    f"VALUES (?, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), {marks})",
                    (uid, *values),
                )
            stored.append(uid)
        return stored, refused

    def latest(self, expert=None):
        """The latest decision of each expert on each event, also those taken back.

        Parameters
        ----------
        expert : str, optional
            Only of this one.

        Returns
        -------
        decisions : list of dict
            With the columns of :func:`read_decisions`.
        """
        query = f"SELECT {', '.join(_COLUMNS)} FROM latest"
        with self._connect() as connection:
            if expert is None:
                rows = connection.execute(query + " ORDER BY id").fetchall()
            else:
                rows = connection.execute(
                    query + " WHERE expert = ? ORDER BY id", (expert,)
                ).fetchall()
        return [dict(row) for row in rows]

    def setting(self, name, default=None):
        """A value that outlives the server, stored as it is first asked for.

        Parameters
        ----------
        name : str
            Of the setting.
        default : object, optional
            Stored if there is none; None stores nothing.

        Returns
        -------
        value : object
            As JSON holds it.
        """
        with self._connect() as connection:
            if default is not None:
                connection.execute(
                    "INSERT OR IGNORE INTO settings VALUES (?, ?)", (name, json.dumps(default))
                )
            found = connection.execute(
                "SELECT value FROM settings WHERE name = ?", (name,)
            ).fetchone()
        return None if found is None else json.loads(found[0])

    def set_setting(self, name, value):
        """Store a value.

        Parameters
        ----------
        name : str
            Of the setting.
        value : object
            As JSON holds it.
        """
        with self._connect() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, json.dumps(value))
            )

    def token(self):
        """The word by which the page proves itself; the same after a restart.

        Returns
        -------
        token : str
            Random.
        """
        return self.setting("token", secrets.token_urlsafe(24))


def _checked(entry):
    """(uid, values in the order of the columns, what is wrong)."""
    uid = entry.get("uid") if isinstance(entry, dict) else None
    if not isinstance(uid, str) or not 8 <= len(uid) <= 64 or uid != _storable(uid):
        return str(uid), (), "no uid"
    decision = entry.get("decision")
    if not isinstance(decision, dict):
        return uid, (), "no decision"
    for name, limit in _TEXT_LIMITS.items():
        value = decision.get(name)
        if not isinstance(value, str) or len(value) > limit:
            return uid, (), f"{name} must be text of at most {limit} characters"
    # One that `read_decisions` refuses would make all the others unreadable.
    if decision["time"] and not _is_time(decision["time"]):
        return uid, (), "time must be ISO 8601, such as 2024-01-01T10:00:00Z"
    if decision.get("action") == "change" and not decision["new_label"]:
        return uid, (), "a change needs a new_label"
    row, action = decision.get("row"), decision.get("action")
    if not isinstance(row, int) or isinstance(row, bool) or not 0 <= row < 2**53:
        return uid, (), "row must be an integer from 0 on"
    if action not in _ACTIONS:
        return uid, (), f"action must be one of {', '.join(_ACTIONS)}"
    for name, high in (("confidence", 1.0), ("seconds", 1e9)):
        value = decision.get(name)
        if (
            not isinstance(value, (int, float))
            or isinstance(value, bool)
            or not 0 <= value <= high
        ):
            return uid, (), f"{name} must be a number from 0 to {high:g}"
    values = (decision[name] for name in _COLUMNS)
    return uid, tuple(_storable(v) if isinstance(v, str) else v for v in values), ""


def _storable(text):
    """Half a character, such as what a cut through an emoji leaves, becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _is_time(text):
    import pandas as pd

    # As `read_decisions` will read it.
    return not pd.isna(pd.to_datetime(text, utc=True, format="ISO8601", errors="coerce"))
