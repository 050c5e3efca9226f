"""Scan a record with a classifier that answers with one class for a window."""

import numpy as np

from ._classifier import predict_windows
from ._functions import ProbabilityFunction
from ._onsets import energy_of
from ._scan import remarks
from ._windows import Stacker, window_starts


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
    length, step, rate = settings.length, settings.step, settings.sampling_rate
    n_samples = record.data.shape[1]
    data, valid = _pad(record.data, record.valid, length)
    min_valid = int(np.ceil(length * settings.min_fraction - 1e-9))
    starts = window_starts(valid, length=length, step=step, min_valid=min_valid)
    usable = _samples_in(valid, starts, length) >= max(1, min_valid)
    alive = _moving(data, starts, length)
    kept = starts[usable & alive]

    classes = np.asarray(classifier.classes_)
    stacker = Stacker(n_samples, len(classes), length=length, step=step, stack=settings.stack)
    windows = np.lib.stride_tricks.sliding_window_view(data, length, axis=1)
    for first in settings.batches(len(kept)):
        batch = kept[first : first + settings.batch_size]
        # A strided view of the record becomes an array only here, one batch at a time.
        X = np.ascontiguousarray(windows[:, batch].swapaxes(0, 1))
        stacker.add(batch, predict_windows(classifier, X))
    scanned = _reached(kept, length, len(valid))
    coverage = _frame_means((scanned & valid)[:n_samples], step)
    probabilities = stacker.result()
    probabilities[coverage == 0] = np.nan
    size = max(1, step // 20)
    return ProbabilityFunction(
        station=record.station,
        seed_id=record.seed_id,
        start_time=record.start_time,
        end_time=record.start_time + _seconds(n_samples / rate),
        step=step / rate,
        classes=classes,
        probabilities=probabilities,
        coverage=coverage,
        n_windows=len(kept),
        n_empty=len(starts) - len(kept),
        padded=n_samples < length,
        energy=energy_of(record.data, record.valid, size),
        energy_step=size / rate,
        notes=(*record.notes, *remarks(n_samples, settings, usable, alive)),
    )


def _pad(data, valid, length):
    short = length - data.shape[1]
    if short <= 0:
        return data, valid
    return np.pad(data, ((0, 0), (0, short)), mode="edge"), np.pad(valid, (0, short))


def _samples_in(valid, starts, length):
    """Number of valid samples in each window."""
    total = np.concatenate(([0], np.cumsum(valid)))
    return total[starts + length] - total[starts]


def _moving(data, starts, length):
    """Whether in each window every component takes more than one value."""
    changes = np.zeros(data.shape, dtype=np.int64)
    np.cumsum(data[:, 1:] != data[:, :-1], axis=1, out=changes[:, 1:])
    return (changes[:, starts + length - 1] > changes[:, starts]).all(axis=0)


def _reached(starts, length, n_samples):
    """Which samples lie in some window."""
    change = np.zeros(n_samples + 1, dtype=np.int64)
    np.add.at(change, starts, 1)
    np.add.at(change, starts + length, -1)
    return np.cumsum(change)[:-1] > 0


def _frame_means(mask, step):
    """Mean of a mask over each frame, the last of which may be shorter."""
    edges = np.arange(0, len(mask), step)
    sizes = np.minimum(step, len(mask) - edges)
    return np.add.reduceat(mask.astype(float), edges) / sizes


def _seconds(value):
    import pandas as pd

    return pd.Timedelta(value, unit="s")
