"""Samples of stations that are scanned together, on one grid, as packets bring them."""

import numpy as np

from ..io._stretches import constant_runs
from ._records import bridge

# A place that no piece has filled.
NOBODY = np.iinfo(np.int64).max // 2


class StreamBuffer:
    """The end of a record that grows, and how far it can no longer change.

    Samples are counted from the first that ever came. Those before `settled` have been used and
    stay as they are; what is missing before `final` stays missing.

    Parameters
    ----------
    n_stations, n_components : int
        Rows.
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
        First sample of each row that is data; `NOBODY` where there is none so far.
    newest : int
        End of the newest packet.
    awaited : ndarray of bool, shape (n_stations,)
        Stations whose missing samples are waited for.
    """

    def __init__(self, n_stations, n_components, *, max_delay, constant, longest_gap, keep):
        self.shape = n_stations, n_components
        self.max_delay, self.constant = max_delay, constant
        self.longest_gap, self.keep = longest_gap, keep + (constant or 0)
        # Packets that come late may be older than the first that came.
        self.begin = self.final = self.settled = -max_delay
        self.newest = 0
        self.awaited = np.ones(n_stations, dtype=bool)
        self.heads = np.full(self.shape, self.begin)
        self.firsts = np.full(self.shape, NOBODY)
        self._empty(np.float32)

    def _empty(self, dtype):
        self.data = np.zeros((*self.shape, 0), dtype=dtype)
        self.there = np.zeros((*self.shape, 0), dtype=bool)
        self.good = np.zeros((*self.shape, 0), dtype=bool)  # decided before `settled`
        self.rough = np.zeros((*self.shape, 0), dtype=bool)
        self.source = np.full((*self.shape, 0), NOBODY)

    @property
    def end(self):
        return self.begin + self.data.shape[-1]

    def _resize(self, begin, end):
        """Keep what lies in an interval, with nothing where there was none."""
        old = slice(max(begin, self.begin) - self.begin, max(min(end, self.end) - self.begin, 0))
        at = max(self.begin - begin, 0)
        for name, nothing in (
            ("data", 0), ("there", False), ("good", False), ("rough", False), ("source", NOBODY),
        ):  # fmt: skip
            array = getattr(self, name)
            part = array[..., old]
            new = np.full((*self.shape, end - begin), nothing, dtype=array.dtype)
            new[..., at : at + part.shape[-1]] = part
            setattr(self, name, new)
        self.begin = begin

    def place(self, row, at, values, good, *, rough):
        """Enter a piece of a packet.

        Parameters
        ----------
        row : tuple of int
            Station and component.
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
        late, twice, differ : int
            Recorded samples that came too late, that were there already, and those of them that
            had another value.
        """
        good = np.ones(len(values), dtype=bool) if good is None else good
        late = 0
        earliest = max(self.begin, min(self.final, self.settled))
        if at < earliest:
            cut = min(earliest - at, len(values))
            late = int(good[:cut].sum())
            at, values, good = at + cut, values[cut:], good[cut:]
        if not len(values):
            return late, 0, 0
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
        free = (good & ~there & ~gone) | (differ & (at < source) & (index >= self.settled))
        data[free] = values[free]
        source[free] = at
        self.rough[part][free] = rough
        there |= free
        if free.any():
            self._bridge_clock(row, at, at + len(values))
        self.newest = max(self.newest, at + len(values))
        return late, int(both.sum()), int(differ.sum())

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
        heads = self.heads[self.awaited]
        return int(heads.min()) if heads.size else self.final

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
        if ends:
            settled = max(self._last(good), self.settled)
        else:
            settled = max(min([end, *self._gap_begins(good)]), self.settled)
        data = self.data[..., :n].copy()
        for row in np.ndindex(*self.shape):
            bridge(data[row], good[row], self.longest_gap)
        n = settled - self.begin
        self.good[..., decided:n] = good[..., decided:n]
        for row in np.argwhere(self.firsts == NOBODY):
            found = np.flatnonzero(good[tuple(row)][:n])
            if len(found):
                self.firsts[tuple(row)] = self.begin + found[0]
        self.settled = settled
        return settled, data[..., :n], good[..., :n]

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
        for row in np.ndindex(*self.shape):
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
