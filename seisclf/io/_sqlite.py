"""SQLite files of our own: made as a whole, and looked at before anything in them is believed."""

import sqlite3

BUSY = 60.0  # s that one process waits for another
_MAGIC = b"SQLite format 3\0"
_MAX_VALUE = 2**26  # bytes of one value; a foreign file may claim anything


class NotOursError(ValueError):
    """The file is something else; the message says how that is seen."""


def make(path, schema, *, application_id, version, wal=False):
    """Write an empty file.

    Parameters
    ----------
    path : pathlib.Path
        Beside the place where it goes: a process that is killed meanwhile leaves a part of it.
    schema : tuple of str
        Statements, as they are compared with later.
    application_id, version : int
        Of the header.
    wal : bool, default=False
        Whether readers go on while one writes, where the file system can do that.
    """
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute(f"PRAGMA application_id = {application_id}")
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute("BEGIN")
        for statement in schema:
            connection.execute(statement)
        connection.execute("COMMIT")
        if wal:
            connection.execute("PRAGMA journal_mode = WAL").fetchall()
    finally:
        connection.close()


def version_of(path, *, application_id):
    """Return the version in the header, before SQLite has seen the file.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    application_id : int
        What the header must have.

    Returns
    -------
    version : int

    Raises
    ------
    NotOursError
        If it is no SQLite file, or another program's.
    FileNotFoundError
        If there is none.
    """
    with open(path, "rb") as file:
        head = file.read(100)
    if len(head) < 100 or head[:16] != _MAGIC:
        raise NotOursError("it is no SQLite file")
    if int.from_bytes(head[68:72], "big") != application_id:
        raise NotOursError("it is another program's SQLite file")
    return int.from_bytes(head[60:64], "big")


def connect(path, options, schema):
    """Open a file that has exactly our tables.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    options : str
        Of its URI, such as ``"mode=ro"``.
    schema : tuple of str
        Statements that it was made with.

    Returns
    -------
    connection : sqlite3.Connection
        Without transactions of its own.

    Raises
    ------
    NotOursError
        If its tables are others.
    sqlite3.DatabaseError
        If it is damaged or cannot be opened.
    """
    uri = f"{path.absolute().as_uri()}?{options}"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY, isolation_level=None)
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        found = connection.execute("SELECT type, sql FROM sqlite_master").fetchall()
        # A view or a trigger would be run by our own queries: exactly our tables, or nothing.
        statements = {sql for _, sql in found if sql is not None}
        if statements != set(schema) or any(k not in ("table", "index") for k, _ in found):
            raise NotOursError("its tables are others")
    except BaseException:
        connection.close()
        raise
    return connection
