"""Scan a record with a classifier that answers with one class for a window."""

from fractions import Fraction

import numpy as np

from ..io._stretches import constant_runs
from ._classifier import predict_windows
from ._functions import ProbabilityFunction
from ._onsets import energy_of
from ._scan import remarks
from ._windows import Stacker, window_starts

# Of energy, by which onsets are refined.
_BINS_OF_A_FRAME = 20


def scan_windows(record, classifier, settings):
    """Class probabilities over time of one station.

    Parameters
    ----------
    record : StationRecord
        Its data.
    classifier : object
        Fitted, with ``predict_proba``.
    settings : ScanSettings
        How to scan.

    Returns
    -------
    function : ProbabilityFunction
        With ``n_windows=0`` if the record is too short or nowhere usable.
    """
    scan = WindowScan(classifier, settings)
    scan.advance(record.data, record.valid)
    return scan.function(record)


class WindowScan:
    """A scan of one station that goes on as its record grows.

    Each window is predicted once. Numbers of samples and frames count from the record's begin.

    Parameters
    ----------
    classifier : object
        Fitted, with ``predict_proba``.
    settings : ScanSettings
        How to scan.

    Attributes
    ----------
    n_samples : int
        Length of the record so far.
    first : int
        Sample before which nothing is kept, the begin of a frame.
    """

    def __init__(self, classifier, settings):
        self.classifier, self.settings = classifier, settings
        self.classes = np.asarray(classifier.classes_)
        # Bins that end where frames end.
        self.bin = Fraction(settings.step, min(settings.step, _BINS_OF_A_FRAME))
        self.n_windows = self.n_kept = self.n_short = self.n_dead = 0
        self.ended = False
        self._begin(0)

    def _begin(self, first):
        settings = self.settings
        self.first = self.n_samples = first
        self.valid = self.reached = np.zeros(0, dtype=bool)
        self.energy = np.zeros(0)
        self.starts = np.zeros(0, dtype=int)  # of windows that may be found again
        self.stacker = Stacker(
            first,
            len(self.classes),
            length=settings.length,
            step=settings.step,
            stack=settings.stack,
            first_frame=first // settings.step,
        )

    @property
    def n_settled(self):
        """Frames, counted from `first`, that no later window reaches."""
        settings = self.settings
        if self.ended:
            return -(-(self.n_samples - self.first) // settings.step)
        return max(0, (self.n_samples - settings.length) - self.first) // settings.step

    def advance(self, data, valid, *, begin=0, ends=True):
        """Take more of the record, and predict the windows that are complete.

        Parameters
        ----------
        data : ndarray of float, shape (n_components, n)
            The last part of the record: what is new, and before it two windows of what is known.
        valid : ndarray of bool, shape (n,)
            Where there is data.
        begin : int, default=0
            Sample of the record at which this part begins, the begin of a frame.
        ends : bool, default=True
            Whether the record ends here.
        """
        length, step = self.settings.length, self.settings.step
        earliest = self.n_samples - length
        self._extend(data, valid, begin, ends)
        if ends:
            data, valid = _pad(data, valid, length)
        min_valid = int(np.ceil(length * self.settings.min_fraction - 1e-9))
        starts = window_starts(
            valid,
            length=length,
            step=step,
            min_valid=min_valid,
            open_begin=begin > 0,
            open_end=not ends,
        )
        # Of those that lie in what was known before, none is new that begins earlier.
        starts = starts[starts + begin >= earliest]
        starts = starts[~np.isin(starts + begin, self.starts)]
        usable = _samples_in(valid, starts, length) >= max(1, min_valid)
        alive = _moving(data, starts, length)
        kept = starts[usable & alive]
        windows = (
            np.lib.stride_tricks.sliding_window_view(data, length, axis=1) if len(kept) else ()
        )
        for first in self.settings.batches(len(kept)):
            batch = kept[first : first + self.settings.batch_size]
            # A strided view of the record becomes an array only here, one batch at a time.
            X = np.ascontiguousarray(windows[:, batch].swapaxes(0, 1))
            self.stacker.add(batch + begin, predict_windows(self.classifier, X))
        reached = _reached(kept, length, len(valid))[max(self.first - begin, 0) :]
        at = max(begin - self.first, 0)
        self.reached[at:] |= reached[: len(self.reached) - at]
        self.n_windows += len(starts)
        self.n_kept += len(kept)
        self.n_short += int((~usable).sum())
        self.n_dead += int((usable & ~alive).sum())
        known = np.concatenate([self.starts, starts + begin])
        self.starts = known[known >= self.n_samples - length]
        self.ended = ends

    def _extend(self, data, valid, begin, ends):
        new = valid[self.n_samples - begin :]
        self.n_samples = begin + len(valid)
        self.valid = np.concatenate([self.valid, new])
        self.reached = np.concatenate([self.reached, np.zeros(len(new), dtype=bool)])
        self.stacker.extend(self.n_samples)
        # Whole frames only, until the record ends; the last one known gives the step to the next.
        bins, step = min(self.settings.step, _BINS_OF_A_FRAME), self.settings.step
        done = self.first // step + len(self.energy) // bins
        before = max(done - 1, begin // step)
        last = None if ends else self.n_samples // step * step - begin
        part = slice(before * step - begin, last)
        energy = energy_of(data[:, part], valid[part], self.bin)
        self.energy = np.concatenate([self.energy, energy[(done - before) * bins :]])

    def function(self, record):
        """Class probabilities over time, from `first` on.

        Parameters
        ----------
        record : StationRecord
            Its name, begin and notes count.

        Returns
        -------
        function : ProbabilityFunction
            What is not settled is what is known so far.
        """
        settings, rate = self.settings, self.settings.sampling_rate
        coverage = _frame_means(self.reached & self.valid, settings.step)
        probabilities = self.stacker.result()
        probabilities[coverage == 0] = np.nan
        counts = {"n_windows": self.n_windows, "n_short": self.n_short, "n_dead": self.n_dead}
        return ProbabilityFunction(
            station=record.station,
            seed_id=record.seed_id,
            start_time=record.start_time + _seconds(self.first / rate),
            end_time=record.start_time + _seconds(self.n_samples / rate),
            step=settings.step / rate,
            classes=self.classes,
            probabilities=probabilities,
            coverage=coverage,
            n_windows=self.n_kept,
            n_empty=self.n_windows - self.n_kept,
            padded=self.n_samples < settings.length,
            energy=self.energy,
            energy_step=float(self.bin) / rate,
            notes=(*record.notes, *remarks(self.n_samples, settings, **counts)),
        )

    def forget(self, n_frames):
        """Drop frames from `first` on."""
        step = self.settings.step
        self.first += n_frames * step
        self.valid = self.valid[n_frames * step :].copy()
        self.reached = self.reached[n_frames * step :].copy()
        self.energy = self.energy[n_frames * min(step, _BINS_OF_A_FRAME) :].copy()
        self.stacker.forget(self.first // step)

    def skip(self, first):
        """Leave out the record up to sample `first`, the begin of a frame: there is no data."""
        self._begin(first)


def _pad(data, valid, length):
    short = length - data.shape[1]
    if short <= 0:
        return data, valid
    return np.pad(data, ((0, 0), (0, short)), mode="edge"), np.pad(valid, (0, short))


def _samples_in(valid, starts, length):
    """Number of valid samples in each window."""
    if valid.all():
        return np.full(len(starts), length)
    total = np.concatenate(([0], np.cumsum(valid, dtype=np.int32)))
    return total[starts + length] - total[starts]


def _moving(data, starts, length):
    """Whether in each window every component takes more than one value."""
    moving, everywhere = np.ones(len(starts), dtype=bool), np.ones(data.shape[1], dtype=bool)
    for row in data:
        for first, last in constant_runs(row, everywhere, length):
            moving[(starts >= first) & (starts + length <= last)] = False
    return moving


def _reached(starts, length, n_samples):
    """Which samples lie in some window; `starts` ascend."""
    reached = np.zeros(n_samples, dtype=bool)
    if len(starts):
        # Windows without a hole between them are one stretch.
        last = np.flatnonzero(np.append(np.diff(starts) > length, True))
        first = np.append(0, last[:-1] + 1)
        for begin, end in zip(starts[first], starts[last] + length, strict=True):
            reached[begin:end] = True
    return reached


def _frame_means(mask, step):
    """Mean of a mask over each frame, the last of which may be shorter."""
    edges = np.arange(0, len(mask), step)
    sizes = np.minimum(step, len(mask) - edges)
    return np.add.reduceat(mask.astype(float), edges) / sizes if len(mask) else np.zeros(0)


def _seconds(value):
    import pandas as pd

    return pd.Timedelta(value, unit="s")
