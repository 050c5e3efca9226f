"""The plan of a scan: the tasks that the time of its stations is cut into, millions if need be."""

from collections.abc import Sequence

import numpy as np

from ..io._grid import sample_time, sample_times
from ._archive_source import recorded_seconds
from ._tasks import FORCED_AFTER, Task, margins_of

_NS = 1_000_000_000
_DAY_NS = 86_400 * _NS


def plan_tasks(detector, source, groups, *, chunk):
    """Cut the time of each group into tasks.

    Parameters
    ----------
    detector : EventDetector
        How to scan.
    source : object
        See :func:`source_of`.
    groups : list of Group
        What there is to scan.
    chunk : float
        Seconds of a task.

    Returns
    -------
    tasks : ScanPlan
        Time without data, however long, is one task.
    """
    rate, outer = detector.sampling_rate, margins_of(detector).outer
    step = detector._scan_settings().step
    size = max(1, round(chunk * rate / step)) * step
    parts = []
    for group in groups:
        traces = {id for member in group.present for id in member.traces}
        spans = [source.spans(id) for id in sorted(traces)]
        near = _chunks_near(np.concatenate(spans), group, size, outer, rate)
        begins = np.flatnonzero(near | np.concatenate([[True], near[:-1]]))
        edges = np.append(begins * size, group.n_samples)
        edges_ns = group.anchor_ns + sample_times(edges, rate)
        # As much of a station as its best component has.
        seconds = np.max([recorded_seconds(own, edges_ns) for own in spans], axis=0)
        parts.append((edges[:-1], seconds, ~near[begins]))
    return ScanPlan(groups, rate, parts, longest=size)


def _chunks_near(spans, group, size, outer, rate):
    """Whether each chunk of a group has data within its margins."""
    n_chunks = -(-group.n_samples // size)
    samples = (spans - group.anchor_ns) * (rate / _NS)
    # A sample more on either side: times are rounded, and samples moved to the grid.
    first = np.floor((samples[:, 0] - outer - 2) / size).astype(np.int64)
    last = np.floor((samples[:, 1] + outer + 2) / size).astype(np.int64)
    inside = (last >= 0) & (first < n_chunks)
    count = np.zeros(n_chunks + 1, dtype=np.int64)
    np.add.at(count, np.maximum(first[inside], 0), 1)
    np.add.at(count, np.minimum(last[inside], n_chunks - 1) + 1, -1)
    return np.cumsum(count[:-1]) > 0


class ScanPlan(Sequence):
    """Tasks of a scan, group by group in order of time.

    What is kept of a task are 17 bytes in three arrays: an archive of many stations and years has
    millions of them. A :class:`Task` is made when it is asked for.

    Parameters
    ----------
    groups : sequence of Group
        What there is to scan.
    rate : float
        Hertz.
    parts : list of tuple
        For each group three arrays: the first samples of its tasks, seconds of data, and whether
        they are empty.
    longest : int
        No task that holds data has more samples.
    """

    def __init__(self, groups, rate, parts, *, longest):
        self.groups, self.rate, self.longest = tuple(groups), rate, longest
        counts = [len(part[0]) for part in parts]
        self.offsets = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        kinds = (np.int64, np.float64, np.bool_)
        self.first, self.recorded, self.empty = (
            np.concatenate([np.zeros(0, dtype=kind), *column], dtype=kind)
            for kind, column in zip(kinds, zip(*parts, strict=True) if parts else ((), (), ()),
                                    strict=True)
        )  # fmt: skip

    def __len__(self):
        return len(self.first)

    def __getitem__(self, number):
        if not 0 <= number < len(self):
            raise IndexError(number)
        group = int(np.searchsorted(self.offsets, number, side="right")) - 1
        after = number + 1
        last = self.first[after] if after < self.offsets[group + 1] else None
        return Task(
            group,
            int(self.first[number]),
            self.groups[group].n_samples if last is None else int(last),
            float(self.recorded[number]),
            bool(self.empty[number]),
        )

    def part(self, group):
        """Numbers of the tasks of a group, a slice."""
        return slice(int(self.offsets[group]), int(self.offsets[group + 1]))

    def last(self, group):
        """Samples after the last ones of the tasks of a group, an array."""
        return np.append(self.first[self.part(group)][1:], self.groups[group].n_samples)

    def times(self, task):
        """Begin and end of a task, UTC nanoseconds."""
        anchor_ns = self.groups[task.group].anchor_ns
        return tuple(anchor_ns + sample_time(k, self.rate) for k in (task.first, task.last))

    def days(self, task):
        """Days since 1970 that events of a task may begin on, a range."""
        if task.empty:
            return range(0)
        first, last = _days(*self.times(task))
        return range(first, last + 1)

    def count_days(self, wanted):
        """Of each day, how many of the tasks have it among their :meth:`days`.

        Parameters
        ----------
        wanted : ndarray of bool, shape (n_tasks,)
            Tasks that count, if they are not empty.

        Returns
        -------
        counts : dict of int to int
            Days without any are left out.
        """
        counts: dict[int, int] = {}
        for number, group in enumerate(self.groups):
            part = self.part(number)
            own = wanted[part] & ~self.empty[part]
            if not own.any():
                continue
            samples = np.stack([self.first[part][own], self.last(number)[own]])
            first, last = _days(*(group.anchor_ns + sample_times(samples, self.rate)))
            origin, end = int(first.min()), int(last.max()) + 1
            change = np.zeros(end - origin + 1, dtype=np.int64)
            np.add.at(change, first - origin, 1)
            np.add.at(change, last + 1 - origin, -1)
            for day, count in enumerate(np.cumsum(change).tolist(), start=origin):
                if count:
                    counts[day] = counts.get(day, 0) + count
        return counts


class Chosen(Sequence):
    """Some tasks of a plan.

    Parameters
    ----------
    plan : ScanPlan
        All tasks.
    numbers : ndarray of int
        Which.
    """

    def __init__(self, plan, numbers):
        self.plan, self.numbers = plan, numbers

    def __len__(self):
        return len(self.numbers)

    def __getitem__(self, number):
        return self.plan[int(self.numbers[number])]

    @property
    def recorded(self):
        """Seconds of data in all of them."""
        return float(self.plan.recorded[self.numbers].sum())


def _days(begin_ns, end_ns):
    # An event may begin after its task's end, where there is no quiet moment before.
    return begin_ns // _DAY_NS, (end_ns + round(FORCED_AFTER * _NS)) // _DAY_NS
