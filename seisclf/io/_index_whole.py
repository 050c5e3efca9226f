"""Files that can only be read as a whole: those that were read last are kept, up to a limit."""

import threading
from collections import OrderedDict

from ._index_files import findings_of
from ._read_file import read_waveform_file
from ._read_report import ReadReport

KEPT_BYTES = 2**28


class WholeFiles:
    """Traces of the files that were read last.

    Windows follow one another, and each takes a part of a file that must be read as a whole: it
    is read once for all of them. May be used by several threads; copies and pickles are empty.

    Parameters
    ----------
    max_bytes : int, default=256 MiB
        Bytes of samples that are kept, of all files together.
    """

    def __init__(self, max_bytes=KEPT_BYTES):
        self.max_bytes, self.n_bytes = max_bytes, 0
        self._lock = threading.Lock()
        self._files = OrderedDict()

    def __reduce__(self):
        return type(self), (self.max_bytes,)

    def read(self, path, stamp):
        """Read a file, or give what was read before.

        Parameters
        ----------
        path : pathlib.Path
            The file.
        stamp : tuple of int
            Size and time of modification: another stamp is another file.

        Returns
        -------
        traces : list of obspy.Trace
            Not to be changed.
        findings : list of Finding
        """
        key = (str(path), stamp)
        with self._lock:
            if key in self._files:
                self._files.move_to_end(key)
                return self._files[key]
        report = ReadReport()
        traces = list(read_waveform_file(path, report=report))
        found = traces, findings_of(report)
        self._keep(key, found)
        return found

    def _keep(self, key, found):
        n_bytes = _n_bytes(found)
        if n_bytes > self.max_bytes:
            return
        with self._lock:
            if key in self._files:  # another thread was first
                return
            self._files[key] = found
            self.n_bytes += n_bytes
            while self.n_bytes > self.max_bytes:
                _, oldest = self._files.popitem(last=False)
                self.n_bytes -= _n_bytes(oldest)

    def clear(self):
        """Forget all files."""
        with self._lock:
            self._files.clear()
            self.n_bytes = 0


def _n_bytes(found):
    return sum(trace.data.nbytes for trace in found[0])
