"""Samples of stations that are scanned together, on one grid, as packets bring them."""

import numpy as np

from ..io._stretches import constant_runs
from ._records import bridge
from ._stand_ins import stand_in

# A place that no piece has filled.
NOBODY = np.iinfo(np.int64).max // 2


class StreamBuffer:
    """The end of a record that grows, and how far it can no longer change.

    Samples are counted from the first that ever came. Those before `settled` have been used and
    stay as they are; what is missing before `final` stays missing. A component has one row, and
    further ones for channels that are other names of it, see :func:`stand_in`.

    Parameters
    ----------
    n_stations, n_components : int
        Of the record.
    max_delay : int
        Samples that are waited for what is missing, counted from the end of the newest packet.
    constant : int or None
        Samples of one value from which on they are no signal.
    longest_gap : int
        Samples of a gap that a window may have; longer ones are not bridged by a line.
    keep : int
        Samples before `settled` that are kept.

    Attributes
    ----------
    begin, end : int
        What is kept of the record.
    firsts : ndarray of int, shape (n_stations, n_components)
        First sample of each component that is data; `NOBODY` where there is none so far.
    names : list of list of list of int
        For each component of each station its rows, the preferred first.
    newest : int
        End of the newest packet.
    awaited : ndarray of bool, shape (n_stations,)
        Stations whose missing samples are waited for.
    """

    def __init__(self, n_stations, n_components, *, max_delay, constant, longest_gap, keep):
        self.shape = n_stations, n_components  # of rows
        self.n_components = n_components
        self.names = [[[j] for j in range(n_components)] for _ in range(n_stations)]
        self.max_delay, self.constant = max_delay, constant
        self.longest_gap, self.keep = longest_gap, keep + (constant or 0)
        # Packets that come late may be older than the first that came.
        self.begin = self.final = self.settled = -max_delay
        self.newest = 0
        self.awaited = np.ones(n_stations, dtype=bool)
        self.heads = np.full(self.shape, self.begin)
        self.latest = np.full(self.shape, self.begin)  # end of the newest packet of each row
        self.firsts = np.full(self.shape, NOBODY)
        self._empty(np.float32)

    def _empty(self, dtype):
        self.data = np.zeros((*self.shape, 0), dtype=dtype)
        self.there = np.zeros((*self.shape, 0), dtype=bool)
        self.good = np.zeros((*self.shape, 0), dtype=bool)  # decided before `settled`
        self.rough = np.zeros((*self.shape, 0), dtype=bool)
        self.source = np.full((*self.shape, 0), NOBODY)
        self.used = self.used_good = None  # of components, before `settled`; where names change

    @property
    def end(self):
        return self.begin + self.data.shape[-1]

    def _resize(self, begin, end):
        """Keep what lies in an interval, with nothing where there was none."""
        old = slice(max(begin, self.begin) - self.begin, max(min(end, self.end) - self.begin, 0))
        at = max(self.begin - begin, 0)
        for name, nothing in (
            ("data", 0), ("there", False), ("good", False), ("rough", False), ("source", NOBODY),
            ("used", 0), ("used_good", False),
        ):  # fmt: skip
            array = getattr(self, name)
            if array is None:
                continue
            part = array[..., old]
            new = np.full((*array.shape[:2], end - begin), nothing, dtype=array.dtype)
            new[..., at : at + part.shape[-1]] = part
            setattr(self, name, new)
        self.begin = begin

    def add_row(self, station, component, rank):
        """Room for another name of a component.

        Parameters
        ----------
        station, component : int
            Whose.
        rank : int
            How many names are preferred to it.

        Returns
        -------
        row : int
            That belongs to it from now on.
        """
        if self.used is None:
            self.used, self.used_good = self.data.copy(), self.good.copy()
        rows = sum(map(len, self.names[station]))
        if rows == self.shape[1]:
            self.shape = self.shape[0], rows + 1
            for name, nothing in (
                ("data", 0), ("there", False), ("good", False), ("rough", False),
                ("source", NOBODY), ("heads", self.begin), ("latest", self.begin),
            ):  # fmt: skip
                array = getattr(self, name)
                new = np.full((len(array), 1, *array.shape[2:]), nothing, dtype=array.dtype)
                setattr(self, name, np.concatenate([array, new], axis=1))
        self.names[station][component].insert(rank, rows)
        return rows

    def _has_other_names(self, row):
        return any(row[1] in rows and len(rows) > 1 for rows in self.names[row[0]])

    def place(self, row, at, values, good, *, rough):
        """Enter a piece of a packet.

        Parameters
        ----------
        row : tuple of int
            Station and row.
        at : int
            Sample at which it begins.
        values : ndarray of shape (n,)
            Samples.
        good : ndarray of bool, shape (n,), or None
            Which of them were recorded; None: all.
        rough : bool
            Whether the piece has another rate than the grid by its clock's error, so that single
            samples of the grid may be left out between two pieces.

        Returns
        -------
        late, twice, differ, taken : int
            Recorded samples that came too late, that were there already, those of them that had
            another value, and those whose place another name of the component has taken.
        """
        good = np.ones(len(values), dtype=bool) if good is None else good
        late = taken = 0
        self.latest[row] = max(self.latest[row], at + len(values))
        earliest = max(self.begin, min(self.final, self.settled))
        if at < earliest:
            cut = min(earliest - at, len(values))
            late = int(good[:cut].sum())
            at, values, good = at + cut, values[cut:], good[cut:]
        if not len(values):
            return late, 0, 0, 0
        if at + len(values) > self.end:
            # More than is needed, so that not every packet makes new arrays.
            self._resize(self.begin, at + len(values) + self.keep // 4)
        if not np.can_cast(values.dtype, self.data.dtype):
            self.data = self.data.astype(np.float64)
        part = (*row, slice(at - self.begin, at - self.begin + len(values)))
        there, data, source = self.there[part], self.data[part], self.source[part]
        index = np.arange(at, at + len(values))
        both = there & good
        differ = both & (data != values)
        # What was settled as missing stays missing; of two values that of the earlier piece stays.
        gone = good & ~there & (index < self.final)
        late += int(gone.sum())
        if at < self.settled and self._has_other_names(row):
            used = good & ~there & ~gone & (index < self.settled)
            taken, gone = int(used.sum()), gone | used
        free = (good & ~there & ~gone) | (differ & (at < source) & (index >= self.settled))
        data[free] = values[free]
        source[free] = at
        self.rough[part][free] = rough
        there |= free
        if free.any():
            self._bridge_clock(row, at, at + len(values))
        self.newest = max(self.newest, at + len(values))
        return late, int(both.sum()), int(differ.sum()), taken

    def _bridge_clock(self, row, first, last):
        """Fill single samples that a slow clock skips between two pieces."""
        for hole, beyond in ((first - 1, first - 2), (last, last + 1)):
            i, j, k = hole - 1 - self.begin, hole - self.begin, hole + 1 - self.begin
            if i < 0 or k >= self.data.shape[-1] or hole < self.final or beyond < 0:
                continue
            there, rough = self.there[row], self.rough[row]
            if there[i] and there[k] and not there[j] and (rough[i] or rough[k]):
                data = self.data[row]
                data[j] = data[i] / 2 + data[k] / 2
                there[j] = rough[j] = True
                self.source[row][j] = hole

    def advance(self, *, ends=False, until=None):
        """Move `final` with the newest packet, or to a sample, and the heads over what came."""
        newest = self.newest if ends else self.newest - self.max_delay
        self.final = max(self.final, newest if until is None else until)
        if self.end < self.final:
            self._resize(self.begin, self.final)
        for row in np.ndindex(*self.shape):
            head = max(int(self.heads[row]), self.final, self.begin)
            missing = ~self.there[row][head - self.begin :]
            self.heads[row] = head + (int(missing.argmax()) if missing.any() else len(missing))

    @property
    def reached(self):
        """First sample that is missing at some station that is waited for."""
        heads = [
            self._head(i, rows) for i in np.flatnonzero(self.awaited) for rows in self.names[i]
        ]
        return min(heads, default=self.final)

    def _head(self, station, rows):
        """First sample of a component that is missing and may still come.

        Of several names the first counts of which there was anything since `final`.
        """
        heads = self.heads[station]
        alive = [row for row in rows if self.latest[station, row] > self.final]
        return int(heads[alive[0]] if alive else heads[rows].max())

    def settle(self, *, ends=False):
        """How far the record is known for good, and what it is there.

        Parameters
        ----------
        ends : bool, default=False
            Whether nothing more will come.

        Returns
        -------
        settled : int
            See the class.
        data : ndarray of float, shape (n_stations, n_components, settled - begin)
            Gaps are bridged.
        good : ndarray of bool, shape (n_stations, n_components, settled - begin)
            Where there is data.
        """
        end = max(self.newest if ends else self.reached, self.settled)
        if not ends:
            end = max(min([end, *self._constant_begins(end)]), self.settled)
        n = end - self.begin
        decided = self.settled - self.begin
        good = self.there[..., :n].copy()
        good[..., :decided] = self.good[..., :decided]
        for row in np.ndindex(*self.shape):
            if self.constant is not None:
                known = slice(max(n, int(self.heads[row]) - self.begin))
                data, there = self.data[row][known], self.there[row][known]
                for a, b in constant_runs(data, there, self.constant):
                    good[row][max(a, decided) : b] = False
        own_good, open_at = good, []
        data, good = self.data[..., :n].copy(), good.copy()
        if self.used is not None:
            data, good, open_at = self._join_names(data, good, decided)
        if ends:
            settled = max(self._last(good), self.settled)
        else:
            settled = max(min([end, *open_at, *self._gap_begins(good)]), self.settled)
        new = slice(decided, settled - self.begin)
        self.good[..., new] = own_good[..., new]
        if self.used is not None:
            self.used = self.used.astype(data.dtype, copy=False)
            self.used[..., new], self.used_good[..., new] = data[..., new], good[..., new]
        n = settled - self.begin
        for row in np.ndindex(*good.shape[:2]):
            bridge(data[row], good[row], self.longest_gap)
        for row in np.argwhere(self.firsts == NOBODY):
            found = np.flatnonzero(good[tuple(row)][:n])
            if len(found):
                self.firsts[tuple(row)] = self.begin + found[0]
        self.settled = settled
        return settled, data[..., :n], good[..., :n]

    def _join_names(self, data, good, decided):
        """One row for each component, and the samples at which it is not known what counts."""
        open_at = []
        for i, components in enumerate(self.names):
            for first, *others in components:
                for row in others:
                    taken, at = stand_in(good[i, first], good[i, row], self.longest_gap)
                    for a, b in taken:
                        data[i, first, a:b] = data[i, row, a:b]
                    open_at += [] if at is None else [self.begin + at]
        order = [[rows[0] for rows in components] for components in self.names]
        each = np.arange(len(order))[:, np.newaxis]
        data, good = data[each, order], good[each, order]
        data[..., :decided] = self.used[..., :decided]
        good[..., :decided] = self.used_good[..., :decided]
        return data, good, open_at

    def _constant_begins(self, end):
        """Begins of stretches of one value that may go on, and are not long enough yet."""
        if self.constant is None:
            return
        for row in np.ndindex(*self.shape):
            head = int(self.heads[row])
            if not self.awaited[row[0]]:
                continue
            values, there = self.data[row][: head - self.begin], self.there[row]
            if not len(values) or not there[len(values) - 1]:
                continue
            tail = slice(max(len(values) - self.constant, 0), len(values))
            same = (values[tail] == values[-1]) & there[tail]
            length = len(same) if same.all() else int(same[::-1].argmin())
            if length < self.constant:
                yield min(head - length, end)

    def _gap_begins(self, good):
        """Begins of gaps that may still be short ones, which are bridged by lines."""
        n = good.shape[-1]
        for row in np.ndindex(*good.shape[:2]):
            if n and not good[row][-1]:
                any_ = good[row].any()
                first = n - int(good[row][::-1].argmax()) if any_ else 0
                if any_ and n - first <= self.longest_gap:
                    yield self.begin + first

    def _last(self, good):
        """End of the last sample that is there."""
        anywhere = np.flatnonzero(good.any(axis=(0, 1)))
        return self.begin + int(anywhere[-1]) + 1 if len(anywhere) else self.begin

    def forget(self, before):
        """Drop samples before one."""
        if before > self.begin:
            self._resize(before, max(before, self.end))
            self.settled, self.final = max(self.settled, before), max(self.final, before)
