"""The SQLite file of a scan: one transaction for each task, so that a kill loses nothing."""

import json
import sqlite3
from contextlib import contextmanager
from pathlib import Path

from ..io._sqlite import NotOursError, connect, make, version_of
from ._scan_rows import ScanRows

STORE_NAME = "catalogue.sqlite"
_LOCK_NAME = "catalogue.lock"
APPLICATION_ID = 0x53434C44  # "SCLD", in the header of the file
VERSION = 3
_SCHEMA = (
    "CREATE TABLE run (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE tasks (id INTEGER PRIMARY KEY, stations TEXT NOT NULL, anchor_ns INTEGER NOT "
    "NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, start_ns INTEGER NOT NULL, end_ns "
    "INTEGER NOT NULL, read_to INTEGER NOT NULL, n_samples INTEGER NOT NULL, recorded REAL NOT "
    "NULL, status TEXT NOT NULL, error TEXT NOT NULL, note TEXT NOT NULL, seconds REAL NOT NULL, "
    "UNIQUE (stations, first))",
    "CREATE INDEX tasks_by_time ON tasks (start_ns)",
    "CREATE TABLE detections (id INTEGER PRIMARY KEY, task INTEGER NOT NULL, class TEXT NOT NULL, "
    "onset_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL, probability REAL NOT NULL, "
    "event_probability REAL NOT NULL, stations TEXT NOT NULL, coverage REAL NOT NULL, "
    "more TEXT NOT NULL)",
    "CREATE INDEX detections_by_time ON detections (onset_ns)",
    "CREATE INDEX detections_by_task ON detections (task)",
    "CREATE TABLE picks (detection INTEGER NOT NULL, station TEXT NOT NULL, phase TEXT NOT NULL, "
    "time_ns INTEGER NOT NULL, probability REAL NOT NULL)",
    "CREATE INDEX picks_by_detection ON picks (detection)",
    "CREATE TABLE coverage (task INTEGER NOT NULL, station TEXT NOT NULL, seconds REAL NOT NULL, "
    "windows INTEGER NOT NULL, windows_without_data INTEGER NOT NULL, note TEXT NOT NULL)",
    "CREATE INDEX coverage_by_task ON coverage (task)",
    "CREATE TABLE spans (task INTEGER NOT NULL, station TEXT NOT NULL, kind TEXT NOT NULL, "
    "start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL, seconds REAL NOT NULL)",
    "CREATE INDEX spans_by_task ON spans (task)",
    "CREATE TABLE findings (task INTEGER NOT NULL, file TEXT NOT NULL, trace TEXT NOT NULL, "
    "kind TEXT NOT NULL, what TEXT NOT NULL, action TEXT NOT NULL, start_ns INTEGER, "
    "end_ns INTEGER, samples INTEGER NOT NULL)",
    "CREATE INDEX findings_by_task ON findings (task)",
)
_COLUMNS = (
    "class", "onset", "end", "probability", "event_probability", "stations", "coverage",
)  # fmt: skip


class ScanStore(ScanRows):
    """Tasks of a scan and what they found.

    Parameters
    ----------
    folder : path
        Output of the scan.
    write : bool, default=False
        Whether it may be changed; it is made if it is not there, and no other process may write
        to it until it is closed.

    Raises
    ------
    FileNotFoundError
        If there is none to read.
    ValueError
        If the file is something else.
    RuntimeError
        If another process writes to it.
    """

    def __init__(self, folder, *, write=False):
        self.folder = Path(folder)
        self.path = self.folder / STORE_NAME
        self._lock = None
        if write:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(self.folder / _LOCK_NAME)
            if not self.path.exists():
                self._create()
        elif not self.path.exists():
            raise FileNotFoundError(
                f"there is no scan in {self.folder} (no {STORE_NAME}): give the folder that was "
                f"the output of EventDetector.scan"
            )
        self._connection = self._open(write)

    def close(self):
        """Let go of the file."""
        self._connection.close()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def settings(self):
        """What the run was told: a dict, empty before :meth:`begin`."""
        rows = self._connection.execute("SELECT key, value FROM run")
        return {key: json.loads(value) for key, value in rows}

    def begin(self, settings, findings=()):
        """Note what the run is told, and what is known before it, in place of what was known."""
        rows = [(key, json.dumps(value)) for key, value in settings.items()]
        with self._writing() as connection:
            connection.executemany("INSERT OR REPLACE INTO run VALUES (?, ?)", rows)
            connection.execute("DELETE FROM findings WHERE task = 0")
            connection.executemany(
                "INSERT INTO findings VALUES (0, ?, ?, ?, ?, ?, ?, ?, ?)", findings
            )

    def forget(self, numbers):
        """Drop tasks and all that they found."""
        with self._writing() as connection:
            for number in numbers:
                _delete(connection, number)

    def clear(self):
        """Drop all tasks and all that they found."""
        with self._writing() as connection:
            for table in ("tasks", "detections", "picks", "coverage", "spans", "findings"):
                connection.execute(f"DELETE FROM {table}")

    def put(self, row, result):
        """Enter a task in one transaction, in place of what was known of it.

        Parameters
        ----------
        row : dict
            ``stations``, ``anchor_ns``, ``start_ns``, ``end_ns``, ``n_samples``.
        result : TaskResult
            What came of it.
        """
        self.put_all([(row, result)])

    def put_all(self, results):
        """Enter tasks in one transaction: pairs as :meth:`put` takes them, from an iterable."""
        with self._writing() as connection:
            for row, result in results:
                _enter(connection, row, result)

    @contextmanager
    def reading(self):
        """All that is read within is of one moment, also while another process writes."""
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("COMMIT")

    @contextmanager
    def _writing(self):
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def _create(self):
        # Made beside and moved: a process that is killed here leaves a whole file or none.
        made = self.path.with_name(f"{STORE_NAME}.new")
        made.unlink(missing_ok=True)
        make(made, _SCHEMA, application_id=APPLICATION_ID, version=VERSION)
        made.replace(self.path)

    def _open(self, write):
        self._check_header()
        # What a killed process has left half done is rolled back, for which SQLite must write.
        write = write or self.path.with_name(f"{STORE_NAME}-journal").exists()
        try:
            return connect(self.path, f"mode={'rw' if write else 'ro'}", _SCHEMA)
        except NotOursError as error:
            raise ValueError(f"{self.path} is no catalogue of a scan: {error}") from None
        except sqlite3.DatabaseError as error:
            raise ValueError(f"{self.path} is damaged: {error}") from error

    def _check_header(self):
        try:
            version = version_of(self.path, application_id=APPLICATION_ID)
        except NotOursError:
            raise ValueError(
                f"{self.path} is no catalogue of a scan; it is left as it is: give another output"
            ) from None
        if version != VERSION:
            raise ValueError(
                f"{self.path} has schema {version}, this version of seisclf reads {VERSION}: "
                f"scan into another output; read_detections reads the days of this one, "
                f"{self.path.parent / 'detections'}/*.parquet"
            )


def _enter(connection, row, result):
    task = result.task
    old = connection.execute(
        "SELECT id FROM tasks WHERE stations = ? AND first = ?", (row["stations"], task.first)
    ).fetchone()
    if old:
        _delete(connection, old[0])
    values = (
        row["stations"], row["anchor_ns"], task.first, task.last, row["start_ns"],
        row["end_ns"], result.read_to, row["n_samples"], task.recorded,
        "failed" if result.error else "done", result.error, result.note, result.seconds,
    )  # fmt: skip
    number = connection.execute(
        f"INSERT INTO tasks VALUES (NULL{', ?' * len(values)})", values
    ).lastrowid
    rows = []
    for detection in result.detections:
        more = {k: v for k, v in detection.items() if k not in _COLUMNS}
        values = (
            number, str(detection["class"]), int(detection["onset"]),
            int(detection["end"]), float(detection["probability"]),
            float(detection["event_probability"]), detection["stations"],
            float(detection["coverage"]), json.dumps(more, default=float),
        )  # fmt: skip
        rows.append(
            connection.execute(
                "INSERT INTO detections VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values
            ).lastrowid
        )
    connection.executemany(
        "INSERT INTO picks VALUES (?, ?, ?, ?, ?)",
        [(rows[pick[0]], *pick[1:4], float(pick[4])) for pick in result.picks],
    )
    connection.executemany(
        "INSERT INTO coverage VALUES (?, ?, ?, ?, ?, ?)",
        [(number, *values) for values in result.coverage],
    )
    connection.executemany(
        "INSERT INTO spans VALUES (?, ?, ?, ?, ?, ?)",
        [(number, *values) for values in result.spans],
    )
    connection.executemany(
        "INSERT INTO findings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(number, *values) for values in result.findings],
    )


def _delete(connection, number):
    connection.execute(
        "DELETE FROM picks WHERE detection IN (SELECT id FROM detections WHERE task = ?)",
        (number,),
    )
    for table in ("detections", "coverage", "spans", "findings"):
        connection.execute(f"DELETE FROM {table} WHERE task = ?", (number,))
    connection.execute("DELETE FROM tasks WHERE id = ?", (number,))


def _locked(path):
    """Hold a lock that goes with the process, however it ends."""
    connection = sqlite3.connect(path, timeout=0.0, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        connection.close()
        raise RuntimeError(
            f"another process is writing to {path.parent}: wait for it, or give another output"
        ) from error
    return connection
