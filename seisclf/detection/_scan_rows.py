"""What the SQLite file of a scan can be asked."""

from array import array

import numpy as np


class ScanRows:
    """Questions to an open file; answers come as they are read where there may be millions."""

    _connection = None

    def groups(self):
        """Names of the groups that there are tasks of."""
        return [row[0] for row in self._connection.execute("SELECT DISTINCT stations FROM tasks")]

    def tasks_of(self, stations):
        """What decides whether tasks of a group are to be done again, arrays by name.

        ``id``, ``first``, ``last``, ``anchor_ns``, ``n_samples``, ``read_to``, ``recorded`` and
        ``done`` (0 or 1), in order of ``first``.
        """
        names = ("id", "first", "last", "anchor_ns", "n_samples", "read_to", "recorded")
        rows = self._connection.execute(
            f"SELECT {', '.join(names)}, status = 'done' FROM tasks WHERE stations = ? "
            f"ORDER BY first",
            (stations,),
        )
        return _columns(rows, (*names, "done"), "qqqqqqdq")

    def task_columns(self):
        """All tasks, by group and time: arrays by name, texts as (numbers, words)."""
        texts = ("stations", "status", "error", "note")
        names = (
            "stations",
            "start_ns",
            "end_ns",
            "status",
            "error",
            "note",
            "recorded",
            "seconds",
        )
        rows = self._connection.execute(
            f"SELECT {', '.join(names)} FROM tasks ORDER BY stations, first"
        )
        words = {name: {} for name in texts}
        numbered = (
            [
                words[name].setdefault(value, len(words[name])) if name in words else value
                for name, value in zip(names, row, strict=True)
            ]
            for row in rows
        )
        columns = _columns(numbered, names, "iqqiiidd")
        return columns | {name: (columns[name], list(words[name])) for name in texts}

    def n_done(self):
        """Number of tasks that are done."""
        query = "SELECT COUNT(*) FROM tasks WHERE status = 'done'"
        return self._connection.execute(query).fetchone()[0]

    def detections(self, *, start_ns=None, end_ns=None):
        """Rows (id, class, onset_ns, end_ns, ..., more) with onsets in a span, by onset."""
        return self._connection.execute(
            "SELECT id, class, onset_ns, end_ns, probability, event_probability, stations, "
            "coverage, more FROM detections WHERE onset_ns >= ? AND onset_ns < ? "
            "ORDER BY onset_ns, stations, id",
            (-(2**62) if start_ns is None else start_ns, 2**62 if end_ns is None else end_ns),
        ).fetchall()

    def picks(self, *, start_ns=None, end_ns=None):
        """Rows (detection, station, phase, time_ns, probability) of detections of a span."""
        return self._connection.execute(
            "SELECT detection, picks.station, phase, time_ns, picks.probability FROM picks "
            "JOIN detections ON picks.detection = detections.id "
            "WHERE onset_ns >= ? AND onset_ns < ? ORDER BY picks.rowid",
            (-(2**62) if start_ns is None else start_ns, 2**62 if end_ns is None else end_ns),
        ).fetchall()

    def coverage(self, days=None):
        """Sums over tasks: rows (station, tasks, start_ns, end_ns, length_ns, seconds, windows,
        windows_without_data), by station.

        Parameters
        ----------
        days : tuple of int, optional
            Begin and end, and the longest task that holds data, all in nanoseconds: only tasks
            with data that overlap this span count.
        """
        where, values = _within(days)
        return self._connection.execute(
            "SELECT station, COUNT(*), MIN(start_ns), MAX(end_ns), SUM(end_ns - start_ns), "
            "SUM(coverage.seconds), SUM(windows), SUM(windows_without_data) "
            f"FROM tasks JOIN coverage ON coverage.task = tasks.id {where}"
            "GROUP BY station ORDER BY station",
            values,
        )

    def notes(self, days=None):
        """Rows (station, note, number of tasks that say so), see :meth:`coverage`."""
        where, values = _within(days)
        return self._connection.execute(
            "SELECT station, coverage.note, COUNT(*) "
            f"FROM tasks JOIN coverage ON coverage.task = tasks.id {where or 'WHERE '}"
            f"{'AND ' if where else ''}coverage.note != '' "
            "GROUP BY station, coverage.note ORDER BY station, MIN(start_ns)",
            values,
        )

    def spans(self, kind, days=None):
        """Rows (station, start_ns, end_ns, seconds) by station and time, see :meth:`coverage`."""
        where, values = _within(days)
        return self._connection.execute(
            "SELECT station, spans.start_ns, spans.end_ns, spans.seconds "
            f"FROM tasks JOIN spans ON spans.task = tasks.id {where or 'WHERE '}"
            f"{'AND ' if where else ''}kind = ? ORDER BY station, spans.start_ns, spans.rowid",
            (*values, kind),
        )

    def findings(self):
        """Rows (file, trace, kind, what, action, start_ns, end_ns, samples), by time."""
        return self._connection.execute(
            "SELECT DISTINCT file, trace, kind, what, action, start_ns, end_ns, samples "
            "FROM findings ORDER BY start_ns, trace, rowid"
        ).fetchall()


def _columns(rows, names, kinds):
    """Columns of rows, without keeping the rows."""
    columns = [array(kind) for kind in kinds]
    try:
        for row in rows:
            for column, value in zip(columns, row, strict=True):
                column.append(value)
    except (TypeError, OverflowError) as error:
        # SQLite keeps any type in any column.
        raise ValueError(f"the catalogue of the scan is damaged: {error}") from None
    return {
        name: np.frombuffer(column, dtype=column.typecode) if column else np.zeros(0, kind)
        for name, column, kind in zip(names, columns, kinds, strict=True)
    }


def _within(days):
    if days is None:
        return "", ()
    first, last, longest = days
    where = "WHERE tasks.start_ns > ? AND tasks.start_ns < ? AND tasks.end_ns > ? "
    return f"{where}AND recorded > 0 ", (first - longest, last, first)
