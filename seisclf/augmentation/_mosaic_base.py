"""The loop that makes mosaics until there are enough, whatever their windows are."""

import numbers
import warnings
from abc import abstractmethod

import numpy as np
from sklearn.utils.multiclass import check_classification_targets

from ._base import WaveformAugmenter, check_number, check_range
from ._sources import REASONS, find_sources
from ._strategy import wanted_rows
from ._target import GIVE_ARRIVALS, widen
from ._workshop import Workshop


class MosaicBase(WaveformAugmenter):
    """Parent of the augmenters that superpose events: a child writes `_draw_starts`."""

    _is_base = True
    _ndim = (2, 3)
    _needs_s = False

    def _resample(self, X, labels, arrivals, rng):
        check_classification_targets(labels)
        classes, wanted = wanted_rows(self.sampling_strategy, labels)
        if arrivals is None and wanted.any():
            arrivals = self._estimated_arrivals(X)
        if arrivals is None:
            arrivals = np.full((len(X), 1, 4), np.nan)
        sources = self._find_sources(X, arrivals)
        workshop = Workshop(self, X, arrivals, sources, rng)
        origins = np.full((int(wanted.sum()), self._largest_number()), -1)
        made = np.zeros_like(wanted)
        resampled = np.empty((len(X) + len(origins), *X.shape[1:]), X.dtype)
        resampled[: len(X)] = X
        times: list[np.ndarray] = []
        for i, label in enumerate(classes):
            pool = np.flatnonzero(sources.usable & (labels == label))
            for members, window, window_times in workshop.windows(pool, int(wanted[i])):
                resampled[len(X) + len(times)] = window
                origins[len(times), : len(members)] = members
                times.append(window_times)
                made[i] += 1

        self.sources_ = origins[: len(times)]
        self._report(classes, wanted, made, labels, sources, workshop)
        n_in_window = max([arrivals.shape[1], *(len(window) for window in times)])
        arrivals = np.concatenate(
            [widen(part, n_in_window) for part in (arrivals, *(t[np.newaxis] for t in times))]
        )
        rows = np.concatenate([np.arange(len(X)), self.sources_[:, 0]])
        return resampled[: len(rows)], rows, arrivals

    def _augment(self, X, labels, arrivals, rng):
        if arrivals is None:
            raise ValueError(
                f"{type(self).__name__}.augment needs arrivals, and y carries none: train a "
                f"network that knows arrivals, fit(X, y, arrivals=...), or let y carry them, "
                f"seisclf.utils.EventLabels(y, arrivals)"
            )
        sources = self._find_sources(X, arrivals)
        workshop = Workshop(self, X, arrivals, sources, rng)
        chosen = np.flatnonzero((rng.random(len(X)) < self.probability) & sources.usable)
        augmented = X.copy()
        arrivals = widen(arrivals, self._largest_number()).copy()
        for row in chosen:
            pool = np.flatnonzero(sources.usable & (labels == labels[row]))
            windows = workshop.windows_with(row, pool[pool != row])
            if windows:
                window, times = windows[rng.integers(len(windows))]
                augmented[row] = window
                arrivals[row] = np.nan
                arrivals[row, : len(times)] = times
        return augmented, arrivals

    @abstractmethod
    def _draw_starts(self, times, centred_samples, rng):
        """Draw where the windows of a mosaic begin.

        Parameters
        ----------
        times : ndarray of shape (n_events, 4)
            P, S, start, end of the pieces in seconds on the time line of the mosaic.
        centred_samples : int
            Samples of a window.
        rng : numpy.random.Generator
            Draws.

        Returns
        -------
        starts : list of int
            First samples on the time line of the mosaic; empty if no window can be cut.
        """

    def _check_params(self):
        low, high = self._number_of_events()
        if not 1 <= low <= high:
            raise ValueError(
                f"n_events must be an integer of at least 1, or a pair (smallest, largest) of "
                f"such; got {self.n_events!r}"
            )
        if self.mode not in ("ps_res", "envelope"):
            raise ValueError(f'mode must be "ps_res" or "envelope", got {self.mode!r}')
        if self.amplitude_per not in ("component", "event"):
            raise ValueError(
                f'amplitude_per must be "component" or "event", got {self.amplitude_per!r}'
            )
        if self.amplitude is not None:
            check_range("amplitude", self.amplitude, 0)
        check_number("sampling_rate", self.sampling_rate, np.finfo(float).tiny)
        check_number("ps_residual", self.ps_residual, 1)
        for name in ("lead", "fade", "min_noise"):
            check_number(name, getattr(self, name), 0)
        for name in ("highpass", "max_joint_ratio", "min_p_snr"):
            check_number(name, getattr(self, name), 0, optional=True)
        for name in ("joint_window", "snr_window"):
            check_number(name, getattr(self, name), np.finfo(float).tiny)
        check_number("taper", self.taper, 0, 1)
        check_number("probability", self.probability, 0, 1)
        check_number("max_attempts", self.max_attempts, 1)

    def _number_of_events(self):
        value = self.n_events
        if isinstance(value, numbers.Integral):
            return int(value), int(value)
        if isinstance(value, (tuple, list)) and all(
            isinstance(number, numbers.Integral) for number in value
        ):
            return (*map(int, value),) if len(value) == 2 else (0, 0)
        return 0, 0

    def _largest_number(self):
        return self._number_of_events()[1]

    def _find_sources(self, X, arrivals):
        return find_sources(
            X,
            arrivals,
            sampling_rate=self.sampling_rate,
            mode=self.mode,
            ps_residual=self.ps_residual,
            lead=self.lead,
            needs_s=self._needs_s,
        )

    def _estimated_arrivals(self, X):
        from .. import signal

        warnings.warn(
            f"{type(self).__name__} got no arrivals and estimates them from the waveforms, with "
            f"seisclf.signal.estimate_arrivals: if you know better ones, {GIVE_ARRIVALS}",
            UserWarning,
            stacklevel=4,
        )
        times = signal.estimate_arrivals(
            X, sampling_rate=self.sampling_rate, vertical=self._vertical(X)
        )
        return times[:, np.newaxis]

    def _vertical(self, X):
        return min(self.vertical, X.shape[1] - 1)

    def _report(self, classes, wanted, made, labels, sources, workshop):
        names = [str(label) for label in classes.tolist()]
        left_out = sources.reason[np.isin(labels, classes[wanted > 0])]
        counts = np.bincount(left_out[left_out >= 0], minlength=len(REASONS))
        self.report_ = {
            "wanted": dict(zip(names, wanted.tolist(), strict=True)),
            "made": dict(zip(names, made.tolist(), strict=True)),
            "rows_left_out": {
                reason: int(n) for reason, n in zip(REASONS, counts, strict=True) if n
            },
            "mosaics_tried": workshop.tried,
            "mosaics_rejected": dict(workshop.rejected),
        }
        short = np.flatnonzero(made < wanted)
        if len(short):
            lines = [
                f"{made[i]} of {wanted[i]} rows of class {names[i]!r}, in which "
                f"{(sources.usable & (labels == classes[i])).sum()} of "
                f"{(labels == classes[i]).sum()} rows can be used"
                for i in short
            ]
            message = (
                f"{type(self).__name__} made {'; '.join(lines)}. Rows left out: "
                f"{_counts(self.report_['rows_left_out'])}; mosaics rejected: "
                f"{_counts(workshop.rejected)}. {self._advice(workshop.rejected)}"
            )
            warnings.warn(message, UserWarning, stacklevel=4)

    def _advice(self, rejected):
        advice = ["Name the classes to augment, sampling_strategy={class: total}"]
        if "no P and S" in self.report_["rows_left_out"] and not self._needs_s:
            advice.append('take events with a start but no P and S by mode="envelope"')
        if rejected:
            advice.append("loosen the rule that rejects most or raise max_attempts")
        return ", or ".join(advice) + "."


def _counts(reasons):
    return ", ".join(f"{n} {reason!r}" for reason, n in reasons.items()) or "none"
