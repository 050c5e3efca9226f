"""From functions over time to the class of an event, and to a table of picks and masks."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter1d

_MARGIN = 1e-6


@dataclass(frozen=True)
class EventRule:
    """What counts as an event: the benchmark's rule, without labels.

    Parameters
    ----------
    sampling_rate : float
        Hz.
    mask_threshold, pick_threshold : float
        Probabilities that a mask, and a pick, must reach.
    min_duration : float, default=0.5
        Seconds that a mask must stay at its threshold.
    tolerance : float, default=1.0
        Seconds around the mask within which the picks must lie, and within which a higher peak
        hides a lower one.
    """

    sampling_rate: float
    mask_threshold: float = 0.5
    pick_threshold: float = 0.3
    min_duration: float = 0.5
    tolerance: float = 1.0

    @property
    def _reach(self):
        return max(1, round(self.tolerance * self.sampling_rate))

    @property
    def _shortest(self):
        return max(1, round(self.min_duration * self.sampling_rate))

    def runs(self, mask):
        """Stretches where a mask is long enough at its threshold.

        Parameters
        ----------
        mask : ndarray of shape (n, n_samples)
            Probabilities over time.

        Returns
        -------
        rows, first, last : ndarray of int of shape (n_runs,)
            Row, first and last sample of each run, in order.
        means : ndarray of float64 of shape (n_runs,)
            Mean of the mask over the run.
        """
        n_samples = mask.shape[1]
        above = np.zeros((len(mask), n_samples + 2), dtype=np.int8)
        above[:, 1:-1] = mask >= self.mask_threshold
        change = np.diff(above, axis=1)
        rows, first = np.nonzero(change == 1)
        last = np.nonzero(change == -1)[1] - 1
        # Windows shorter than the shortest run count if they are above throughout.
        kept = last - first + 1 >= min(self._shortest, n_samples)
        rows, first, last = rows[kept], first[kept], last[kept]
        total = np.zeros((len(mask), n_samples + 1))
        np.cumsum(mask, axis=1, dtype=np.float64, out=total[:, 1:])
        means = (total[rows, last + 1] - total[rows, first]) / (last - first + 1)
        return rows, first, last, means

    def peaks(self, function, threshold=None):
        """Samples that reach the threshold of picks and have nothing higher within the tolerance.

        Parameters
        ----------
        function : ndarray of shape (n, n_samples)
            Probability of a pick.
        threshold : float, optional
            Instead of `pick_threshold`.

        Returns
        -------
        peaks : ndarray of bool of shape (n, n_samples)
            True at the peaks.
        """
        threshold = self.pick_threshold if threshold is None else threshold
        highest = maximum_filter1d(function, 2 * self._reach + 1, axis=1, mode="nearest")
        return (function >= threshold) & (function == highest)

    def picked(self, peaks, rows, first, last):
        """Whether a peak lies in or near each run."""
        n_samples = peaks.shape[1]
        count = np.zeros((len(peaks), n_samples + 1), dtype=np.int64)
        np.cumsum(peaks, axis=1, out=count[:, 1:])
        stop = np.minimum(last + self._reach + 1, n_samples)
        return count[rows, stop] > count[rows, np.maximum(first - self._reach, 0)]

    def evidence(self, mask, p=None, s=None):
        """How strongly a mask, with its picks, speaks for an event.

        Parameters
        ----------
        mask : ndarray of shape (n, n_samples)
            Probabilities over time.
        p, s : ndarray of shape (n, n_samples), optional
            Probabilities of picks, for a class that must have both.

        Returns
        -------
        evidence : ndarray of float64 of shape (n,)
            At least 0.5 where the rule finds the event, see `RockNetClassifier.predict_proba`.
        """
        rows, first, last, means = self.runs(mask)
        if p is not None:
            found = self.picked(self.peaks(p), rows, first, last)
            found &= self.picked(self.peaks(s), rows, first, last)
            rows, means = rows[found], means[found]
        best = np.full(len(mask), -1.0)
        np.maximum.at(best, rows, means)
        weak = best_mean(mask, min(self._shortest, mask.shape[1]))
        weak = np.minimum(weak / self.mask_threshold, 1.0)
        if p is not None:
            for function in (p, s):
                weak *= np.minimum(function.max(axis=1) / self.pick_threshold, 1.0)
        strong = np.maximum(halved(best, self.mask_threshold), 0.5 + _MARGIN)
        return np.where(best >= 0, strong, np.minimum(0.5 * weak, 0.5 - _MARGIN))

    def table(self, mask, p=None, s=None, threshold=None):
        """Columns of the runs of one class.

        Parameters
        ----------
        mask : ndarray of shape (n, n_samples)
            Probabilities over time.
        p, s : ndarray of shape (n, n_samples), optional
            Probabilities of picks, for a class that has them.
        threshold : float, optional
            Instead of `pick_threshold`.

        Returns
        -------
        columns : dict of ndarray
            ``row, P, P_probability, S, S_probability, start, end, probability``; times in
            seconds, NaN without a pick.
        """
        rows, first, last, means = self.runs(mask)
        columns = {"row": rows}
        for name, function in (("P", p), ("S", s)):
            times, heights = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
            if function is not None:
                times, heights = self._strongest(function, threshold, rows, first, last)
            columns[name], columns[f"{name}_probability"] = times, heights
        columns["start"] = first / self.sampling_rate
        columns["end"] = last / self.sampling_rate
        columns["probability"] = means
        return columns

    def _strongest(self, function, threshold, rows, first, last):
        heights = np.where(self.peaks(function, threshold), function, -1.0)
        times, values = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
        for i, (row, start, stop) in enumerate(zip(rows, first, last, strict=True)):
            begin = max(start - self._reach, 0)
            near = heights[row, begin : stop + self._reach + 1]
            if near.max() >= 0:
                times[i] = (begin + near.argmax()) / self.sampling_rate
                values[i] = near.max()
        return times, values


def best_mean(mask, length):
    """Largest mean of each row over `length` samples in a row."""
    total = np.zeros((len(mask), mask.shape[1] + 1))
    np.cumsum(mask, axis=1, dtype=np.float64, out=total[:, 1:])
    return np.clip((total[:, length:] - total[:, :-length]).max(axis=1) / length, 0, 1)


def halved(values, threshold):
    """Stretch [0, threshold] to [0, 0.5] and [threshold, 1] to [0.5, 1]."""
    values = np.asarray(values, dtype=np.float64)
    above = 0.5 + 0.5 * (values - threshold) / max(1 - threshold, 1e-12)
    return np.where(values < threshold, 0.5 * values / threshold, np.clip(above, 0.5, 1.0))


def halved_evidence(values, threshold):
    """`halved`, with what is at the threshold on the side of the event."""
    strong = np.maximum(halved(values, threshold), 0.5 + _MARGIN)
    return np.where(
        values >= threshold, strong, np.minimum(halved(values, threshold), 0.5 - _MARGIN)
    )


def class_probabilities(evidence, event_columns, n_classes, background=None):
    """Probabilities of the classes whose largest is the class that the rule names.

    Parameters
    ----------
    evidence : ndarray of shape (n, n_events)
        0.5 or more where an event was found.
    event_columns : list of int
        Class of each column of `evidence`.
    n_classes : int
        Number of classes.
    background : int, optional
        The class of windows without an event.

    Returns
    -------
    probabilities : ndarray of float64 of shape (n, n_classes)
        Each row sums to one.
    """
    scores = np.zeros((len(evidence), n_classes))
    scores[:, event_columns] = evidence
    if background is not None:
        scores[:, background] = 1 - evidence.max(axis=1)
    else:
        scores[:, event_columns] += 1e-12  # somebody must be it
    return scores / scores.sum(axis=1, keepdims=True)
