"""A progress bar whose estimate of the time left is measured, not hoped for."""

import time
from collections import deque

from ..utils import progress_bar


class Pace:
    """Time left, from how fast the last tasks went.

    Only what this run has done counts, and tasks count by the data they hold: what an earlier run
    has done, or a gap of a month, says nothing about speed.

    Parameters
    ----------
    total : float
        Data that is to be scanned in this run, in any unit.
    memory : int, default=32
        Tasks that the speed is measured over.
    clock : callable, optional
        Seconds.

    Examples
    --------
    >>> from seisclf.detection._scan_progress import Pace
    >>> times = iter([0.0, 10.0, 20.0])
    >>> pace = Pace(100.0, clock=lambda: next(times))
    >>> pace.left is None
    True
    >>> pace.add(5.0)
    >>> pace.add(5.0)
    >>> pace.left
    180.0
    """

    def __init__(self, total, *, memory=32, clock=time.monotonic):
        self.total, self.done = total, 0.0
        self._clock = clock
        self._marks = deque([(clock(), 0.0)], maxlen=memory + 1)

    def add(self, amount):
        """A task with so much data is done."""
        self.done += amount
        self._marks.append((self._clock(), self.done))

    @property
    def left(self):
        """Seconds that are left; None before anything is known."""
        (since, before), (now, done) = self._marks[0], self._marks[-1]
        if done <= before or now <= since:
            return None
        return max(self.total - self.done, 0.0) * (now - since) / (done - before)


class ScanProgress:
    """The bar of a scan, in station-days of data.

    Parameters
    ----------
    tasks : Chosen
        Those of this run.
    n_skipped : int
        Tasks that were done before.
    show : bool or None
        None: on a terminal or in a notebook.
    """

    def __init__(self, tasks, *, n_skipped, show):
        days = tasks.recorded / 86400
        self.pace = Pace(days)
        desc = "scan" if not n_skipped else f"scan ({n_skipped} tasks were done before)"
        disable = None if show is None else not show
        self._bar = progress_bar(total=round(days, 3), desc=desc, disable=disable)
        counts = "{n:.3g}/{total:.3g} station-days, {elapsed}{postfix}"
        self._bar.bar_format = "{desc}: {percentage:3.0f}%|{bar}| " + counts
        self.found = self.failed = 0

    def add(self, result):
        """A task is done."""
        days = result.task.recorded / 86400
        self.pace.add(days)
        self.found += len(result.detections)
        self.failed += bool(result.error)
        words = [f"{self.found} found"]
        if self.failed:
            words.append(f"{self.failed} tasks failed")
        if self.pace.left is not None:
            words.insert(0, f"{_duration(self.pace.left)} left")
        self._bar.set_postfix_str(", ".join(words), refresh=False)
        self._bar.update(days)

    def close(self):
        """Take the bar away."""
        self._bar.close()


def _duration(seconds):
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours / 24:.1f} days"
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
