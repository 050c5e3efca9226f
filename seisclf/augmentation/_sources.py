"""Which rows can be pieces of a mosaic, and where their events begin and end."""

from dataclasses import dataclass

import numpy as np

from ..signal import moving_average

P, S, START, END = range(4)

# A row is left out for the first reason that holds.
REASONS = (
    "several events in the window",
    "no P and S",
    "S not after P",
    "no onset",
    "no end",
    "begins too early in its window",
    "ends after its window",
)


@dataclass(frozen=True)
class Sources:
    """Rows that may be used, and the seconds of their events after their first samples.

    Attributes
    ----------
    onset, end : ndarray of shape (n_events,)
        Where the event begins, and where the piece of the mosaic may end; NaN in unusable rows.
    usable : ndarray of bool, shape (n_events,)
        Whether the row may be used.
    reason : ndarray of int, shape (n_events,)
        Index into `REASONS` of what is wrong with the row, -1 if nothing is.
    """

    onset: np.ndarray
    end: np.ndarray
    usable: np.ndarray
    reason: np.ndarray


def find_sources(X, arrivals, *, sampling_rate, mode, ps_residual, lead, needs_s):
    """Look for rows with one event that lies whole inside its window.

    Parameters
    ----------
    X : ndarray of shape (n_events, n_channels, n_samples)
        Waveforms; read only where an end has to be measured.
    arrivals : ndarray of shape (n_events, n_in_window, 4)
        P, S, start, end in seconds.
    sampling_rate : float
        Hz.
    mode : {"ps_res", "envelope"}
        Where an event ends: `ps_residual` times (S - P) after P; or at its ``end``, measured
        from the envelope where none is given.
    ps_residual : float
        See `mode`.
    lead : float
        Seconds before the onset that belong to the event.
    needs_s : bool
        Whether P and S are needed in any mode.

    Returns
    -------
    sources : Sources
        All rows, usable or not.
    """
    first = arrivals[:, 0]
    gap = first[:, S] - first[:, P]
    with_phases = mode == "ps_res" or needs_s
    onset = np.where(np.isnan(first[:, P]), first[:, START], first[:, P])
    if mode == "ps_res":
        end = first[:, P] + ps_residual * gap
    else:
        end = np.where(first[:, END] > onset, first[:, END], np.nan)
        unknown = np.flatnonzero(np.isnan(end) & (onset > 0))
        end[unknown] = envelope_ends(X[unknown], onset[unknown], sampling_rate=sampling_rate)

    tests = (
        (~np.isnan(arrivals).all(axis=-1)).sum(axis=1) > 1,
        with_phases & np.isnan(gap),
        with_phases & ~(gap > 0),
        np.isnan(onset),
        np.isnan(end),
        # Half a sample: times on the edge are inside.
        onset - lead < -0.5 / sampling_rate,
        end > (X.shape[-1] - 0.5) / sampling_rate,
    )
    reason = np.select(tests, range(len(tests)), default=-1)
    usable = reason < 0
    return Sources(np.where(usable, onset, np.nan), np.where(usable, end, np.nan), usable, reason)


def envelope_ends(X, onsets, *, sampling_rate, smoothing=3.0, level=2.0):
    """Measure where events sink back into the noise before them.

    Parameters
    ----------
    X : ndarray of shape (n_events, n_channels, n_samples)
        Waveforms.
    onsets : ndarray of shape (n_events,)
        Seconds; the noise lies before.
    sampling_rate : float
        Hz.
    smoothing : float, default=3.0
        Seconds over which the energy is averaged, at most a tenth of the window.
    level : float, default=2.0
        An event lasts while the smoothed amplitude is above so many times the noise.

    Returns
    -------
    ends : ndarray of shape (n_events,)
        Seconds; NaN if the event never stands out.
    """
    n_samples = X.shape[-1]
    if len(X) == 0:
        return np.empty(0)
    energy = np.square(X - X.mean(axis=-1, keepdims=True), dtype=np.float64).sum(axis=1)
    samples = np.arange(n_samples)
    before = samples < (onsets * sampling_rate)[:, np.newaxis]
    noise = (energy * before).sum(axis=1) / np.maximum(before.sum(axis=1), 1)
    width = max(1, min(round(smoothing * sampling_rate), n_samples // 10))
    smooth = moving_average(energy, width)
    loud = ~before & (smooth > level**2 * noise[:, np.newaxis])
    last = n_samples - 1 - loud[:, ::-1].argmax(axis=1)
    return np.where(loud.any(axis=1), last / sampling_rate, np.nan)
