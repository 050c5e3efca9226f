"""How energy in each band moves from P to S to the coda: the group "phases"."""

from functools import cached_property

import numpy as np

from ._kernels import boxcar

# Edges of the first arrivals, of what follows them and of the coda, as shares of the window after
# the onset: 0.3 s before it, 1.9, 5.6 and 11.3 s after it in a window of 15 s.
DEFAULT_SEGMENTS = (-0.02, 0.125, 0.375, 0.75)
_PEAK_SMOOTHING = 0.3  # s
_MARGIN = 0.02  # share of the window, at either end, in which no onset is looked for


class PhaseEnergies:
    """Energies of bands in the segments of each trace, counted from an onset per station.

    Parameters
    ----------
    traces : Traces
        Prepared traces.
    station : ndarray of int of shape (n_traces,)
        Number of the event and station a trace belongs to, ascending; its traces share an onset.
    """

    def __init__(self, traces, station):
        self.traces = traces
        self.settings = traces.settings
        self.station = station

    @cached_property
    def _energy(self):
        """Squared envelope in each band that the sampling rate allows, by number of the band."""
        energies = {}
        for k, response in enumerate(self.settings.band_responses, start=1):
            if response is not None:
                band = self.traces.analytic(response)
                energies[k] = band.real**2 + band.imag**2
        return energies

    @cached_property
    def onset(self):
        """Sample of the onset of each trace, the same for all traces of a station.

        Minimum of the Akaike information criterion of a step in energy. Bands and channels are
        summed after division by their means: a weak P at high frequencies counts as much as
        strong microseism.
        """
        total = np.zeros((len(self.station), self.settings.n_samples))
        for energy in self._energy.values():
            mean = energy.mean(axis=-1, keepdims=True)
            total += np.divide(energy, mean, out=np.ones_like(energy), where=mean > 0)
        first = np.flatnonzero(np.diff(self.station, prepend=-1))
        by_station = np.add.reduceat(total, first, axis=0)
        onset = _energy_step(by_station)
        return np.repeat(onset, np.diff(first, append=len(self.station)))

    @cached_property
    def _edges(self):
        """First samples of the segments, and the end of the last, of shape (n_traces, 5)."""
        settings = self.settings
        n = settings.n_samples
        if settings.phase_segments is None:
            offsets = np.array(DEFAULT_SEGMENTS) * n
        else:
            offsets = np.array(settings.phase_segments) * settings.sampling_rate
        edges = self.onset[:, np.newaxis] + np.round(offsets).astype(int)
        start = np.zeros((len(edges), 1), dtype=int)
        return np.clip(np.concatenate([start, edges], axis=1), 0, n)

    @cached_property
    def means(self):
        """Mean energy of each segment, (n_traces, 4) for each band; NaN for an empty segment."""
        edges = self._edges
        length = np.diff(edges, axis=1)
        found = {}
        for k, energy in self._energy.items():
            running = np.zeros((len(energy), energy.shape[1] + 1))
            np.cumsum(energy, axis=1, out=running[:, 1:])
            sums = np.diff(np.take_along_axis(running, edges, axis=1), axis=1)
            found[k] = np.where(length > 0, sums, np.nan) / np.maximum(length, 1)
        return found

    @cached_property
    def peaks(self):
        """Largest smoothed energy of each segment, as `means`."""
        edges = self._edges
        length = 2 * int(round(_PEAK_SMOOTHING * self.settings.sampling_rate / 2)) + 1
        time = np.arange(self.settings.n_samples)
        found = {}
        for k, energy in self._energy.items():
            smooth = boxcar(energy, min(length, energy.shape[1] // 2 * 2 + 1))
            columns = []
            for start, stop in zip(edges.T[:-1], edges.T[1:], strict=True):
                inside = (time >= start[:, np.newaxis]) & (time < stop[:, np.newaxis])
                largest = np.where(inside, smooth, 0).max(axis=-1)
                columns.append(np.where(stop > start, largest, np.nan))
            found[k] = np.stack(columns, axis=-1).astype(np.float64)
        return found


def phase_features(energies, wanted):
    """Ratios between the segments of each trace.

    Parameters
    ----------
    energies : PhaseEnergies
        Of a block of traces.
    wanted : set of str
        Names of the features that are needed.

    Returns
    -------
    features : dict of str to ndarray of shape (n_traces,)
        The wanted ones that belong here.
    """
    features = {}
    for statistic, pairs in _PAIRS.items():
        names = [f"seg_{statistic}_{late}_{early}_{{}}" for late, early in pairs]
        for k in range(1, len(energies.settings.bands) + 1):
            if not wanted & {name.format(k) for name in names}:
                continue
            levels = _log10(getattr(energies, f"{statistic}s").get(k), len(energies.station), 4)
            for name, (late, early) in zip(names, pairs, strict=True):
                features[name.format(k)] = levels[:, late] - levels[:, early]
    return features


def station_phase_features(energies, rows, scale):
    """Ratios between horizontal and vertical motion.

    Parameters
    ----------
    energies : PhaseEnergies
        Of a block of traces.
    rows : ndarray of int of shape (n_events, 3)
        Rows of Z, N and E in that block.
    scale : ndarray of shape (n_events, 3)
        What the traces must be multiplied by to have one unit.

    Returns
    -------
    features : dict of str to ndarray of shape (n_events,)
        Horizontal over vertical in each segment, and horizontal of the second over vertical of
        the first, for each band.
    """
    features = {}
    for k in range(1, len(energies.settings.bands) + 1):
        means = energies.means.get(k)
        if means is not None:
            means = means[rows] * scale[:, :, np.newaxis].astype(np.float64) ** 2
            vertical, horizontal = means[:, 0], means[:, 1] + means[:, 2]
        else:
            vertical = horizontal = None
        z, h = (_log10(level, len(rows), 4) for level in (vertical, horizontal))
        for segment in (1, 2, 3):
            features[f"seg_hv_{segment}_{k}"] = h[:, segment] - z[:, segment]
        features[f"seg_h2_z1_{k}"] = h[:, 2] - z[:, 1]
    return features


# Segments: 0 before the onset, 1 after it, 2 and 3 later; (numerator, denominator).
_PAIRS = {
    "mean": ((1, 0), (2, 1), (3, 1), (3, 2)),
    "peak": ((2, 1), (3, 1), (3, 2)),
}


def _log10(levels, n_rows, n_columns):
    if levels is None:  # a band above the Nyquist frequency
        return np.full((n_rows, n_columns), np.nan)
    return np.log10(np.where(levels > 0, levels, np.nan))


def _energy_step(energy):
    """Sample that parts each row best into little and much energy, both constant."""
    n = energy.shape[-1]
    margin = max(1, round(_MARGIN * n))
    if n < 2 * margin + 1:
        return np.zeros(len(energy), dtype=int)
    running = np.cumsum(energy, axis=-1)
    before = np.arange(1, n)
    after = n - before
    left = running[:, :-1] / before
    right = (running[:, -1:] - running[:, :-1]) / after
    tiny = np.finfo(float).tiny
    criterion = before * np.log(np.maximum(left, tiny))
    criterion += after * np.log(np.maximum(right, tiny))
    criterion[right <= left] = np.inf  # an end, not an onset
    return margin + criterion[:, margin - 1 : n - margin].argmin(axis=-1)
