"""When, within a detection, the ground began and ceased to move."""

import numpy as np

# Energy must rise by this factor to be called an onset.
_CLEAR = 2.0
# Noise hardly ever rises by this factor.
_SURE = 3.0
_BINS_AT_ONCE = 1 << 16


def energy_of(data, valid, size):
    """Power of the first difference in bins: a high-pass that keeps swell from hiding events.

    Parameters
    ----------
    data : ndarray of float, shape (n_components, n_samples)
        Record.
    valid : ndarray of bool, shape (n_samples,)
        Where there is data.
    size : int or fractions.Fraction
        Samples of a bin; with a fraction bins differ by one sample.

    Returns
    -------
    energy : ndarray of float, shape (n_bins,)
        Mean over components and samples; NaN in bins without data.
    """
    n_bins = -(-len(valid) * size.denominator // size.numerator)
    edges = np.minimum(np.arange(n_bins + 1) * size.numerator // size.denominator, len(valid))
    energy = np.empty(n_bins)
    # Some hours at a time: the arrays in between are many times the size of the record.
    for first in range(0, n_bins, _BINS_AT_ONCE):
        part = slice(first, min(first + _BINS_AT_ONCE, n_bins))
        energy[part] = _energy(data, valid, edges[part.start : part.stop + 1])
    return energy


def _energy(data, valid, edges):
    begin, end = edges[0], edges[-1]
    before = max(begin - 1, 0)
    step = np.diff(data[:, before:end], axis=1)
    power = np.einsum("ct,ct->t", step, step, dtype=float)
    # A step across the edge of a gap is no motion.
    usable = valid[before + 1 : end] & valid[before : end - 1]
    if before == begin:
        power, usable = np.insert(power, 0, 0.0), np.insert(usable, 0, False)
    edges = edges[:-1] - begin
    count = np.add.reduceat(usable.astype(float), edges)
    with np.errstate(invalid="ignore"):
        return np.add.reduceat(np.where(usable, power, 0.0), edges) / np.where(
            count > 0, count, np.nan
        )


def refine(energy, first, last, *, ahead):
    """Bins of onset and end of motion between two bins.

    The onset is the first place at which mean energy over the next `ahead` bins exceeds that over
    the 2 `ahead` bins before by a factor that is clear and locally the largest. The end is the
    last bin from which on the mean over `ahead` bins is still four times the level before the
    onset (or, for weak events, half-way in decibels between that level and the peak). Where
    energy does not double, both stay as they are.

    Parameters
    ----------
    energy : ndarray of float, shape (n_bins,)
        See :func:`energy_of`.
    first, last : int
        Search in bins ``first`` up to but not including ``last``.
    ahead : int
        Bins of the short average.

    Returns
    -------
    onset, end : int
        Bins, ``first <= onset < end <= last``.

    Examples
    --------
    >>> import numpy as np
    >>> energy = np.ones(60)
    >>> energy[25:40] = 50.0
    >>> refine(energy, 10, 55, ahead=4)
    (25, 40)
    """
    # Sums over nothing but what is looked at: the same bins give the same to the last bit,
    # whatever else the record holds.
    origin = max(first - 2 * ahead, 0)
    energy = energy[origin : last + ahead]
    onset, end = _refine(energy, first - origin, last - origin, ahead)
    return onset + origin, end + origin


def _refine(energy, first, last, ahead):
    total = _cumulative(energy)
    seconds = _cumulative(np.isfinite(energy))
    bins = np.arange(first, max(last - ahead, first) + 1)
    after = _mean(total, seconds, bins, bins + ahead)
    before = _mean(total, seconds, bins - 2 * ahead, bins)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.nan_to_num(after / before, nan=0.0, posinf=0.0)
    highest = ratio.max()
    if highest < _CLEAR:
        return first, last
    # The first clear rise, not the greatest: S often rises above P by more than P above noise.
    rise = int(np.argmax(ratio >= max(min(highest, _SURE), np.sqrt(highest))))
    best = rise + int(ratio[rise : rise + ahead].argmax())
    onset, level = int(bins[best]), before[best]
    later = np.arange(onset, last)
    power = np.nan_to_num(_mean(total, seconds, later, later + ahead))
    # Twice the amplitude of the noise, or half-way up (in dB) to the peak of a weak event.
    loud = power >= min(4 * level, np.sqrt(level * power.max()))
    return onset, int(later[loud][-1]) + 1


def _cumulative(values):
    return np.concatenate(([0.0], np.cumsum(np.nan_to_num(values.astype(float)))))


def _mean(total, count, begin, end):
    begin, end = (np.clip(edge, 0, len(total) - 1) for edge in (begin, end))
    number = count[end] - count[begin]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(number > 0, (total[end] - total[begin]) / number, np.nan)
