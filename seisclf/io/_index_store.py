"""The SQLite file of an index: one schema, checked before anything in it is believed."""

import os
import sqlite3
import threading
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ._index_files import RATES, Finding, Piece
from ._report import logger
from ._sqlite import NotOursError, connect, make, version_of

APPLICATION_ID = 0x53434C49  # "SCLI", in the header of the file
# To be raised whenever an index would hold something else for the same files, even if its tables
# stay as they are: older ones are then built anew.
VERSION = 2
_SCHEMA = (
    "CREATE TABLE files (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, format TEXT NOT NULL, "
    "size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, status TEXT NOT NULL, "
    "reason TEXT NOT NULL)",
    "CREATE TABLE traces (id INTEGER PRIMARY KEY, trace TEXT NOT NULL UNIQUE, "
    "longest_ns INTEGER NOT NULL)",
    "CREATE TABLE pieces (file INTEGER NOT NULL, trace INTEGER NOT NULL, start_ns INTEGER NOT "
    "NULL, end_ns INTEGER NOT NULL, rate REAL NOT NULL, samples INTEGER NOT NULL, "
    "offset INTEGER, length INTEGER, points BLOB, continues INTEGER NOT NULL)",
    "CREATE INDEX pieces_by_time ON pieces (trace, start_ns)",
    "CREATE INDEX pieces_by_file ON pieces (file)",
    "CREATE TABLE findings (file INTEGER NOT NULL, trace TEXT NOT NULL, kind TEXT NOT NULL, "
    "what TEXT NOT NULL, action TEXT NOT NULL, start_ns INTEGER, end_ns INTEGER, "
    "samples INTEGER)",
    "CREATE INDEX findings_by_file ON findings (file)",
)
_MAX_NS = 2**62
# Letters of types: capital ones may be missing.
_TYPES = {
    "t": str,
    "i": int,
    "f": float,
    "I": (int, type(None)),
    "B": (bytes, type(None)),
}


class IndexStore:
    """Files, traces, pieces and findings in one SQLite file.

    A connection belongs to one thread of one process and is opened when it is first needed.

    Parameters
    ----------
    path : path
        The SQLite file.
    """

    def __init__(self, path):
        self.path = Path(path)
        self._local = threading.local()

    def __getstate__(self):
        return {"path": self.path}

    def __setstate__(self, state):
        self.__init__(state["path"])

    @property
    def exists(self):
        """Whether there is an index to read."""
        return self.path.exists()

    def close(self):
        """Close the connection of this thread, if it has one."""
        if getattr(self._local, "owner", None) == os.getpid():
            self._local.connection.close()
        self._local.owner = None

    def create(self):
        """Make an empty index, unless there is one of this version or a later one already."""
        if self._is_old():
            self._discard()
        if self.exists:
            return
        # Made beside and linked: another process sees a whole schema or nothing.
        made = self.path.with_name(f"{self.path.name}.{os.getpid()}-{threading.get_ident()}.new")
        # Readers go on while one writes. Some file systems cannot; then they wait.
        make(made, _SCHEMA, application_id=APPLICATION_ID, version=VERSION, wal=True)
        try:
            os.link(made, self.path)
        except FileExistsError:
            pass
        except OSError:
            if not self.exists:  # a file system without links
                os.replace(made, self.path)
                return
        os.unlink(made)

    def _is_old(self, path=None):
        """Whether the file is an index of an earlier version."""
        try:
            found = version_of(path or self.path, application_id=APPLICATION_ID)
        except (OSError, NotOursError):
            return False
        return found < VERSION

    def _discard(self):
        """Remove the file of an earlier version, unless another process was faster."""
        name = f"{self.path.name}.{os.getpid()}-{threading.get_ident()}.old"
        aside = self.path.with_name(name)
        try:
            os.replace(self.path, aside)
        except FileNotFoundError:
            return
        except OSError as error:
            raise OSError(f"the index {self.path} cannot be written: {error}") from error
        if self._is_old(aside):
            # What SQLite keeps beside a file must not be taken for that of the next.
            for ending in ("-wal", "-shm"):
                self.path.with_name(self.path.name + ending).unlink(missing_ok=True)
            aside.unlink()
            logger.info("the index %s is of an older version: it is built anew", self.path)
        else:
            os.replace(aside, self.path)

    def files(self):
        """Return a dict of path to (size, mtime_ns)."""
        rows = self._rows("SELECT path, size, mtime_ns FROM files", "tii")
        return {path: (size, mtime) for path, size, mtime in rows}

    def file_rows(self):
        """Return rows (path, format, size, status, reason), sorted."""
        query = "SELECT path, format, size, status, reason FROM files ORDER BY path"
        return self._rows(query, "ttitt")

    def traces(self, names=None):
        """Return a dict of SEED identifier to (row number, nanoseconds of its longest piece).

        Of all traces, or of those of `names` that there are.
        """
        query = "SELECT trace, id, longest_ns FROM traces "
        if names is None:
            rows = self._rows(f"{query}ORDER BY trace", "tii")
        else:
            rows = [
                row
                for name in names
                for row in self._rows(f"{query}WHERE trace = ?", "tii", (name,))
            ]
        return {trace: (number, longest) for trace, number, longest in rows}

    def summary(self):
        """Return rows (trace, start_ns, end_ns, files, pieces), sorted."""
        return self._rows(
            "SELECT t.trace, MIN(p.start_ns), MAX(p.end_ns), COUNT(DISTINCT p.file), COUNT(*) "
            "FROM pieces p JOIN traces t ON p.trace = t.id GROUP BY t.id ORDER BY t.trace",
            "tiiii",
        )

    def rates(self):
        """Return rows (trace, rate, samples)."""
        return self._rows(
            "SELECT t.trace, p.rate, SUM(p.samples) FROM pieces p "
            "JOIN traces t ON p.trace = t.id GROUP BY t.id, p.rate",
            "tfi",
        )

    def spans(self, number, start_ns, end_ns, longest_ns):
        """Return rows (rate, start_ns, end_ns) of the pieces of a trace in a span, by start."""
        return self._rows(
            "SELECT rate, start_ns, end_ns FROM pieces WHERE trace = ? AND start_ns < ? "
            "AND start_ns > ? AND end_ns > ? ORDER BY start_ns",
            "fii",
            (number, end_ns, start_ns - longest_ns - 1, start_ns),
        )

    def pieces(self, number, trace, start_ns, end_ns, longest_ns):
        """Return pairs (path, format, size, mtime_ns), Piece of what overlaps a span."""
        rows = self._rows(
            "SELECT f.path, f.format, f.size, f.mtime_ns, p.start_ns, p.end_ns, p.rate, "
            "p.samples, p.offset, p.length, p.points, p.continues "
            "FROM pieces p JOIN files f ON p.file = f.id "
            "WHERE p.trace = ? AND p.start_ns < ? AND p.start_ns > ? AND p.end_ns > ? "
            "ORDER BY p.start_ns, f.path",
            "ttiiiifiIIBi",
            (number, end_ns, start_ns - longest_ns - 1, start_ns),
        )
        return [(row[:4], self._piece(trace, row[4:])) for row in rows]

    def piece_rows(self):
        """Return rows (path, trace, start_ns, end_ns, rate, samples), sorted."""
        return self._rows(
            "SELECT f.path, t.trace, p.start_ns, p.end_ns, p.rate, p.samples FROM pieces p "
            "JOIN files f ON p.file = f.id JOIN traces t ON p.trace = t.id "
            "ORDER BY f.path, t.trace, p.start_ns",
            "ttiifi",
        )

    def findings(self):
        """Return pairs (path, Finding), sorted by path."""
        rows = self._rows(
            "SELECT f.path, n.trace, n.kind, n.what, n.action, n.start_ns, n.end_ns, n.samples "
            "FROM findings n JOIN files f ON n.file = f.id ORDER BY f.path, n.rowid",
            "tttttIII",
        )
        return [(row[0], Finding(*row[1:])) for row in rows]

    def put(self, entries):
        """Store files in one transaction, in place of what was known of them."""
        with self._writing() as connection:
            for entry in entries:
                _delete(connection, entry.path)
                file = connection.execute(
                    "INSERT INTO files (path, format, size, mtime_ns, status, reason) "
                    "VALUES (?, ?, ?, ?, ?, ?)",
                    (
                        entry.path,
                        entry.format,
                        entry.size,
                        entry.mtime_ns,
                        entry.status,
                        entry.reason,
                    ),
                ).lastrowid
                rows = [_piece_row(connection, file, piece) for piece in entry.pieces]
                connection.executemany("INSERT INTO pieces VALUES (?,?,?,?,?,?,?,?,?,?)", rows)
                connection.executemany(
                    "INSERT INTO findings VALUES (?,?,?,?,?,?,?,?)",
                    [(file, *finding) for finding in entry.findings],
                )

    def remove(self, paths):
        """Forget files in one transaction."""
        if paths:
            with self._writing() as connection:
                for path in paths:
                    _delete(connection, path)

    def _piece(self, trace, row):
        start, end, rate, samples, offset, length, points, continues = row
        good = RATES[0] <= rate <= RATES[1] and start < end and samples > 0
        if points is not None:
            good = (
                good
                and offset is not None
                and length is not None
                and 0 <= offset < offset + length
            )
            good = good and len(points) % 16 == 0 and len(points) > 0
        if not good:
            raise ValueError(self._damaged("a piece has values that cannot be"))
        if points is None:
            return Piece(trace, start, end, rate, samples)
        points = np.frombuffer(points, dtype="<i8").reshape(-1, 2)
        place = (offset, length, points, bool(continues))
        return Piece(trace, start, end, rate, samples, *place)

    def _rows(self, query, types, values=()):
        """Rows of a query. SQLite keeps any type in any column, so they are looked at."""
        try:
            rows = self._connection().execute(query, values).fetchall()
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise OSError(f"the index {self.path} is busy: {error}") from error
            raise ValueError(self._damaged(error)) from error
        except (sqlite3.DatabaseError, UnicodeDecodeError, OverflowError) as error:
            raise ValueError(self._damaged(error)) from error
        for column, letter in enumerate(types):
            allowed = _TYPES[letter]
            for row in rows:
                value = row[column]
                if not isinstance(value, allowed) or (
                    isinstance(value, int) and abs(value) >= _MAX_NS
                ):
                    raise ValueError(self._damaged(f"{value!r:.40} in its tables"))
        return rows

    @contextmanager
    def _writing(self):
        connection = self._connection()
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise OSError(f"the index {self.path} cannot be written: {error}") from error
        except sqlite3.DatabaseError as error:
            raise ValueError(self._damaged(error)) from error

    def _connection(self):
        owner = getattr(self._local, "owner", None)
        if owner == os.getpid():
            return self._local.connection
        # A connection must not be used on the other side of a fork.
        self._local.connection = self._open()
        self._local.owner = os.getpid()
        return self._local.connection

    def _open(self):
        self._check_header()
        writable = os.access(self.path, os.W_OK) and os.access(self.path.parent, os.W_OK)
        mode = "rw" if writable else "ro"
        try:
            try:
                connection = connect(self.path, f"mode={mode}", _SCHEMA)
            except sqlite3.OperationalError:
                # A file in WAL mode where nobody may write must be told that it does not change.
                connection = connect(self.path, "mode=ro&immutable=1", _SCHEMA)
        except NotOursError:
            raise ValueError(self._foreign("its tables are not those of an index")) from None
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            raise ValueError(self._damaged(error)) from error
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    def _check_header(self):
        """Look at the first bytes before SQLite does."""
        try:
            version = version_of(self.path, application_id=APPLICATION_ID)
        except FileNotFoundError:
            raise ValueError(
                f"there is no index at {self.path}: build it with ArchiveIndex(...).update(), or "
                "open it with ArchiveIndex.open_or_build(...)"
            ) from None
        except NotOursError as error:
            raise ValueError(self._foreign(error)) from None
        if version != VERSION:
            mend = "delete the file and update(), or give another path="
            if version < VERSION:
                mend = "update() builds it anew"
            raise ValueError(
                f"the index {self.path} has schema {version}, this version of seisclf reads "
                f"schema {VERSION}: {mend}"
            )

    def _foreign(self, why):
        return (
            f"{self.path} is not an index of seisclf ({why}). It is left as it is: give another "
            "path= to ArchiveIndex"
        )

    def _damaged(self, why):
        return f"the index {self.path} is damaged ({why}): delete it and update()"


def _delete(connection, path):
    row = connection.execute("SELECT id FROM files WHERE path = ?", (path,)).fetchone()
    if row is not None:
        connection.execute("DELETE FROM pieces WHERE file = ?", row)
        connection.execute("DELETE FROM findings WHERE file = ?", row)
        connection.execute("DELETE FROM files WHERE id = ?", row)


def _piece_row(connection, file, piece):
    longest = piece.end_ns - piece.start_ns
    connection.execute("INSERT OR IGNORE INTO traces VALUES (NULL, ?, 0)", (piece.trace,))
    number = connection.execute(
        "SELECT id FROM traces WHERE trace = ?", (piece.trace,)
    ).fetchone()[0]
    connection.execute(
        "UPDATE traces SET longest_ns = ? WHERE id = ? AND longest_ns < ?",
        (longest, number, longest),
    )
    points = None if piece.points is None else piece.points.astype("<i8").tobytes()
    return (file, number, *piece[1:7], points, int(piece.continues))
