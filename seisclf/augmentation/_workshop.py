"""One mosaic after another: draw its pieces, add them up, control it, cut its windows."""

from collections import Counter

import numpy as np

from ..signal import detrend, scale
from ._quality import filtered_for_control, step_ratios
from ._sources import Sources
from ._superpose import draw_begins, shift_arrivals, superpose

# For one event of a batch: a network waits meanwhile.
_TRIES = 10


class Workshop:
    """Makes mosaics of the rows of one X and keeps count of what was rejected, and why."""

    def __init__(self, settings, X, arrivals, sources: Sources, rng):
        self.settings = settings
        self.X = X
        self.arrivals = arrivals
        self.sources = sources
        self.rng = rng
        self.tried = 0
        self.rejected: Counter[str] = Counter()

    def windows(self, pool, wanted):
        """Yield up to `wanted` windows with rows of `pool`: members, waveforms, arrivals."""
        left, failed = wanted, 0
        low, high = self.settings._number_of_events()
        while left and len(pool) and failed < self.settings.max_attempts:
            k = int(self.rng.integers(low, high + 1))
            members = self.rng.choice(pool, size=k, replace=k > len(pool))
            windows = self._compose(members)[:left]
            left -= len(windows)
            failed = 0 if windows else failed + 1
            for window, times in windows:
                yield members, window, times

    def windows_with(self, row, others):
        """Windows of a mosaic of one row and some others: a list, empty if it was rejected."""
        low, high = self.settings._number_of_events()
        for _ in range(min(_TRIES, int(self.settings.max_attempts))):
            k = int(self.rng.integers(low, high + 1))
            partners = self.rng.choice(others, size=min(k - 1, len(others)), replace=False)
            windows = self._compose(self.rng.permutation([row, *partners]))
            if windows:
                return windows
        return []

    def _compose(self, members):
        """One mosaic: its windows and their arrivals, or nothing."""
        self.tried += 1
        settings, rate, n_samples = self.settings, self.settings.sampling_rate, self.X.shape[-1]
        onset, end = self.sources.onset[members], self.sources.end[members]
        lengths = np.round((settings.lead + end - onset) * rate).astype(int)
        if lengths.sum() >= n_samples:
            return self._reject("events longer than the window")
        begins = draw_begins(lengths, n_samples, self.rng)
        lead = round(settings.lead * rate)
        # Whole samples: picks keep their place in the waveform to the last bit.
        offsets = begins + lead - np.round(onset * rate).astype(int)
        times = self.arrivals[members, 0] + (offsets / rate)[:, np.newaxis]
        starts = settings._draw_starts(times, n_samples, self.rng)
        if not starts:
            return self._reject("S too soon after P")
        span = min(0, *starts), max(0, *starts) + n_samples
        noise_length = round((onset[0] - settings.lead) * rate)
        inside = offsets[0] <= span[0] and span[1] <= offsets[0] + n_samples
        if not inside and noise_length < max(4, settings.min_noise * rate):
            return self._reject("too little noise before the first onset")
        mosaic = superpose(
            self._records(members),
            offsets.tolist(),
            begins[1:].tolist(),
            span,
            noise_length=noise_length,
            lead=lead,
            fade=round(settings.fade * rate),
            rng=self.rng,
        )
        onsets = begins[1:] + lead
        if not self._passes_control(mosaic[:, -span[0] :][:, :n_samples], begins[1:], onsets):
            return []
        return self._cut(mosaic, span[0], starts, times)

    def _records(self, members):
        """The waveforms without their means, all but the first times a random factor."""
        records = detrend(self.X[members], kind="constant")
        if self.settings.amplitude is not None:
            per_event = self.settings.amplitude_per == "event"
            shape = (len(members) - 1, 1 if per_event else records.shape[1], 1)
            records[1:] *= self.rng.uniform(*self.settings.amplitude, shape)
        return records

    def _passes_control(self, centred, joints, onsets):
        settings, rate = self.settings, self.settings.sampling_rate
        if len(joints) == 0:
            return True
        traces = filtered_for_control(
            centred, sampling_rate=rate, corner=settings.highpass, taper=settings.taper
        )
        if settings.max_joint_ratio is not None:
            ratios = step_ratios(traces, joints, round(settings.joint_window * rate))
            if (ratios > settings.max_joint_ratio).any():
                self._reject("step at a joint")
                return False
        if settings.min_p_snr is not None:
            vertical = traces[[settings._vertical(self.X)]]
            ratios = step_ratios(vertical, onsets, round(settings.snr_window * rate))
            if (ratios < settings.min_p_snr).any():
                self._reject("onset lost in what lies under it")
                return False
        return True

    def _cut(self, mosaic, first, starts, times):
        n_samples, rate = self.X.shape[-1], self.settings.sampling_rate
        windows = []
        for start in starts:
            shifted = shift_arrivals(times, -start / rate, (n_samples - 1) / rate)
            inside = ~np.isnan(shifted).all(axis=-1)
            if not inside.any():
                self._reject("no event in the window")
                continue
            window = mosaic[:, start - first :][:, :n_samples]
            if self.settings.normalize:
                window = scale(window, "zscore", -1)
            windows.append((window, shifted[inside]))
        return windows

    def _reject(self, reason):
        self.rejected[reason] += 1
        return []
