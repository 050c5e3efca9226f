"""Labels over time: from a class and a few arrival times to what RockNet is to learn."""

import warnings
from dataclasses import dataclass

import numpy as np

from ..signal import gaussian_function, mask_function

# Seconds, as published.
P_WIDTH, S_WIDTH, OCCURRENCE_WIDTH, OCCURRENCE_LEAD = 0.2, 0.3, 1.0, 0.5
_PICKED_SLOPES, _OTHER_SLOPES = (P_WIDTH, S_WIDTH), (1.0, 1.0)
_P, _S, _START, _END = range(4)
_AT_ONCE = 256
_SHORTEST = 50  # samples below which nobody could pick an arrival


@dataclass(frozen=True)
class EventTargets:
    """Turns classes and arrivals into functions over time, a batch at a time.

    Parameters
    ----------
    n_samples : int
        Length of a window.
    sampling_rate : float
        Hz.
    masks : tuple of int
        For each class the number of its mask, -1 for a class without.
    picked : tuple of bool
        For each class whether its mask goes from P to S, and these are picked.
    occurrences : tuple of int, optional
        For each class the number of its function of occurrence; events are then those of a
        network.
    """

    n_samples: int
    sampling_rate: float
    masks: tuple
    picked: tuple
    occurrences: tuple = ()

    def __call__(self, target):
        """Expand targets.

        Parameters
        ----------
        target : tuple (codes, arrivals)
            Of shape (n,) and (n, n_in_window, 4) or (n, n_stations, n_in_window, 4).

        Returns
        -------
        functions : tuple of ndarray of float32
            Picks (n, 2, n_samples), P and S; masks (n, n_masks, 1, n_samples). For a network
            first the occurrence (n, n_occurrences, 1, n_samples), and a station axis in the
            others.
        """
        codes, arrivals = target
        arrivals = np.asarray(arrivals, dtype=np.float64)
        codes = np.asarray(codes)
        lead = arrivals.shape[:-2]
        of_row = np.broadcast_to(codes.reshape(-1, *(1,) * (len(lead) - 1)), lead)
        functions = self.picks(of_row, arrivals), self.station_masks(of_row, arrivals)
        if self.occurrences:
            return self.occurrence(codes, arrivals), *functions
        return functions

    def picks(self, codes, arrivals):
        """P and S functions of (...,) classes and (..., n_in_window, 4) arrivals."""
        picked = np.asarray(self.picked)[codes][..., np.newaxis]
        functions = [
            self._gaussian(np.where(picked, arrivals[..., phase], np.nan), width)
            for phase, width in ((_P, P_WIDTH), (_S, S_WIDTH))
        ]
        both = np.stack(functions, axis=-2)
        # Where P and S nearly coincide, they share the probability.
        return both / np.maximum(both.sum(axis=-2, keepdims=True), 1)

    def station_masks(self, codes, arrivals):
        """Masks of (...,) classes and (..., n_in_window, 4) arrivals."""
        shape = (*codes.shape, max(self.masks) + 1, 1, self.n_samples)
        masks = np.zeros(shape, dtype=np.float32)
        for code, mask in enumerate(self.masks):
            rows = codes == code
            if mask < 0 or not rows.any():
                continue
            starts, ends = stretches(arrivals[rows], self.picked[code])
            rise, fall = _PICKED_SLOPES if self.picked[code] else _OTHER_SLOPES
            masks[rows, mask, 0] = mask_function(
                starts,
                ends,
                self.n_samples,
                sampling_rate=self.sampling_rate,
                rise=rise,
                fall=fall,
            )
        return masks

    def occurrence(self, codes, arrivals):
        """Occurrence of (n,) classes and (n, n_stations, n_in_window, 4) arrivals."""
        shape = (len(codes), max(self.occurrences) + 1, 1, self.n_samples)
        functions = np.zeros(shape, dtype=np.float32)
        for code, number in enumerate(self.occurrences):
            rows = codes == code
            if number < 0 or not rows.any():
                continue
            starts, _ = stretches(arrivals[rows], self.picked[code])
            times = earliest(starts)
            # An event that begins with the window has its mark at the first sample.
            early = np.where((times >= 0) & (times < OCCURRENCE_LEAD), OCCURRENCE_LEAD, times)
            functions[rows, number, 0] = self._gaussian(early - OCCURRENCE_LEAD, OCCURRENCE_WIDTH)
        return functions

    def _gaussian(self, times, width):
        rate = self.sampling_rate
        return gaussian_function(times, self.n_samples, sampling_rate=rate, width=width)


def stretches(arrivals, picked):
    """Where the masks of one class begin and end.

    Parameters
    ----------
    arrivals : ndarray of shape (..., 4)
        P, S, start, end.
    picked : bool
        From P to S, with start and end for what is unknown; or from start to end.

    Returns
    -------
    starts, ends : ndarray of shape (...,)
        Seconds.
    """
    starts, ends = arrivals[..., _START], arrivals[..., _END]
    if picked:
        p, s = arrivals[..., _P], arrivals[..., _S]
        starts, ends = np.where(np.isnan(p), starts, p), np.where(np.isnan(s), ends, s)
    return starts, ends


def earliest(starts):
    """First of (n, n_stations, k) starts over the stations, (n, k); NaN where there is none."""
    first = np.where(np.isnan(starts), np.inf, starts).min(axis=1)
    return np.where(np.isinf(first), np.nan, first)


def check_order(arrivals, codes, classes, picked):
    """Refuse events that end before they begin.

    Parameters
    ----------
    arrivals : ndarray of shape (n, ..., 4)
        P, S, start, end.
    codes : ndarray of int of shape (n,)
        Classes.
    classes : ndarray
        Their labels, for the message.
    picked : tuple of bool
        For each class, whether P and S are what counts.

    Raises
    ------
    ValueError
        That names the first rows.
    """
    for code, label in enumerate(classes.tolist()):
        starts, ends = stretches(arrivals, picked[code])
        wrong = (ends < starts).any(axis=tuple(range(1, starts.ndim))) & (codes == code)
        if wrong.any():
            first, last = ("P", "S") if picked[code] else ("start", "end")
            rows = ", ".join(map(str, np.flatnonzero(wrong)[:5]))
            raise ValueError(
                f"arrivals has {last} before {first} in {wrong.sum()} events of class {label!r} "
                f"(row {rows}): both are in seconds after the first sample; give NaN for what is "
                f"unknown, and it is estimated"
            )


def warn_outside(arrivals, codes, classes, picked, duration):
    """Say which events lie outside their windows, so that nothing of them will be learned.

    Parameters
    ----------
    arrivals : ndarray of shape (n, ..., 4)
        P, S, start, end.
    codes, classes, picked
        See `check_order`.
    duration : float
        Seconds of a window.
    """
    outside = np.zeros(len(codes), dtype=bool)
    for code, is_picked in enumerate(picked):
        starts, ends = stretches(arrivals, is_picked)
        known = ~(np.isnan(starts) & np.isnan(ends))
        inside = known & ~((starts > duration) | (ends < 0))
        axes = tuple(range(1, starts.ndim))
        outside |= (codes == code) & known.any(axis=axes) & ~inside.any(axis=axes)
    if outside.any():
        rows = np.flatnonzero(outside)
        labels = sorted(set(map(str, classes[codes[rows]])))
        warnings.warn(
            f"arrivals lie outside the window of {duration:g} s in {len(rows)} events "
            f"({', '.join(labels)}; row {', '.join(map(str, rows[:5]))}), which are learned as if "
            f"nothing happened there: arrivals are in seconds after the first sample",
            UserWarning,
            stacklevel=7,
        )


class ArrivalFiller:
    """Estimates the arrivals that a table leaves open.

    Parameters
    ----------
    picked : tuple of bool
        For each class, whether P and S are needed; otherwise start and end are.
    masks : tuple of int
        For each class the number of its mask; -1 needs no arrivals.
    sampling_rate : float
        Hz.
    vertical : int
        Channel of the vertical component.

    Attributes
    ----------
    n_estimated_ : int
        Recordings for which something was estimated.
    whole_ : ndarray of bool, shape (n,)
        Those among them in which nothing stood out, so that the whole window is the event.
    """

    def __init__(self, *, picked, masks, sampling_rate, vertical):
        self.picked = np.asarray(picked)
        self.masks = np.asarray(masks)
        self.sampling_rate = sampling_rate
        self.vertical = vertical
        self.n_estimated_, self.whole_ = 0, np.zeros(0, dtype=bool)

    def fill(self, read, codes, arrivals):
        """Complete the first event of each window.

        Parameters
        ----------
        read : callable
            ``read(rows)`` gives the waveforms of some rows, (n, n_channels, n_samples).
        codes : ndarray of int of shape (n,)
            Classes.
        arrivals : ndarray of shape (n, n_in_window, 4)
            P, S, start, end; not changed.

        Returns
        -------
        arrivals : ndarray of float64 of the same shape
            A picked class has P, S or, where only the whole window is known, start and end;
            others have start and end.
        """
        arrivals = np.array(arrivals, dtype=np.float64)
        wanted = np.where(self.picked[codes, np.newaxis], [[_P, _S]], [[_START, _END]])
        known = ~np.isnan(np.take_along_axis(arrivals[:, 0], wanted, axis=1))
        rows = np.flatnonzero((self.masks[codes] >= 0) & ~known.all(axis=1))
        self.n_estimated_, self.whole_ = len(rows), np.zeros(len(codes), dtype=bool)
        for start in range(0, len(rows), _AT_ONCE):
            some = rows[start : start + _AT_ONCE]
            completed = self._completed(read(some), arrivals[some, 0], wanted[some])
            arrivals[some, 0], self.whole_[some] = completed
        return arrivals

    def _completed(self, X, given, wanted):
        n, n_samples = len(X), X.shape[-1]
        guess = np.full((n, 4), np.nan)
        if n_samples >= _SHORTEST:
            guess = self._estimated(X)
        # Picks outside the given stretch are those of something else.
        outside = (guess < given[:, [_START]]) | (guess > given[:, [_END]])
        missing = np.isnan(given)
        filled = np.where(missing, np.where(outside, np.nan, guess), given)
        # A guess that contradicts what was given is none.
        for first, last in ((_P, _S), (_START, _END)):
            wrong = filled[:, last] < filled[:, first]
            for phase in (first, last):
                filled[wrong & missing[:, phase], phase] = np.nan
        first, last = np.take_along_axis(filled, wanted, axis=1).T
        whole = np.isnan(first) & np.isnan(last)
        # What is still open reaches to the edge of the window.
        duration = (n_samples - 1) / self.sampling_rate
        open_start = np.isnan(first) & np.isnan(given[:, _START])
        open_end = np.isnan(last) & np.isnan(given[:, _END])
        filled[open_start, _START] = np.minimum(0.0, np.nan_to_num(last[open_start]))
        filled[open_end, _END] = np.maximum(duration, np.nan_to_num(first[open_end]))
        return filled, whole

    def _estimated(self, X):
        from ..signal import estimate_arrivals

        vertical = min(self.vertical, X.shape[1] - 1)
        return estimate_arrivals(X, sampling_rate=self.sampling_rate, vertical=vertical)
