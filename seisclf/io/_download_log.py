"""What a download has fetched already, so that it can go on after a break."""

import json
import time

_NAME = ".seisclf-downloads.jsonl"
_SETTLED_NS = 7 * 86_400 * 10**9  # after its end, nothing more is expected of a day


class DownloadLog:
    """Requests that were answered, one JSON object a line, in a hidden file of the archive.

    Parameters
    ----------
    folder : pathlib.Path
        Root of the archive.
    """

    def __init__(self, folder):
        self.path = folder / _NAME
        self._done = {}
        if self.path.exists():
            for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
                self._read(line)

    def has(self, trace, begin, end, file):
        """Whether a span was fetched and its file is still there."""
        for first, last, status, size, asked in self._done.get(trace, ()):
            if first > begin or last < end or asked < end:
                continue
            if status == "downloaded" and file.exists() and file.stat().st_size >= size:
                return True
            if status == "no data" and asked > end + _SETTLED_NS:
                return True
        return False

    def add(self, trace, begin, end, status, size=0):
        """Note an answer."""
        row = [trace, begin, end, status, size, time.time_ns()]
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        self._done.setdefault(trace, []).append(tuple(row[1:]))

    def _read(self, line):
        """Take over a line; one that was cut off by a break says nothing."""
        try:
            trace, *row = json.loads(line)
            begin, end, status, size, asked = row
        except (ValueError, TypeError, RecursionError):
            return
        numbers = (begin, end, size, asked)
        if isinstance(trace, str) and all(isinstance(n, int) for n in numbers):
            self._done.setdefault(trace, []).append((begin, end, status, size, asked))
