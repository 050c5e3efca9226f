"""Samples of a trace on the grid of its channel, also where its clock runs slower or faster."""

from dataclasses import dataclass

import numpy as np

from ._grid import exact_rate


@dataclass
class Piece:
    """Samples that lie one after another on the grid, the first at `at`.

    Attributes
    ----------
    at : int
        Sample of the grid.
    data : ndarray
        Perhaps masked.
    file : str
        Where it comes from.
    exact : bool
        Whether its own clock is the grid's; single samples at its ends may be missing or twice
        if not.
    """

    at: int
    data: np.ndarray
    file: str
    exact: bool

    @property
    def end(self):
        """Sample of the grid after the last one."""
        return self.at + len(self.data)


def drifting_pieces(at, late, data, file, rate, own):
    """Put each sample at the nearest of the grid where the clocks of the two differ.

    Parameters
    ----------
    at : int
        Sample of the grid nearest to the first one.
    late : float
        How many samples after that it lies, in [-0.5, 0.5].
    data : ndarray
        Samples of the trace.
    file : str
        Where they come from.
    rate, own : float
        Rates of the grid and of the trace in Hz, nearly the same.

    Returns
    -------
    pieces : list of Piece
        Several where the clock drifts over a sample or more: between two of them the grid has
        one sample more (slow clock), or one of the trace is left out (fast clock).
    """
    # So many samples of the grid lie between two of the trace.
    ratio = float(exact_rate(rate)) / own
    if abs(ratio - 1.0) < 1e-12:
        return [Piece(at, data, file, True)]
    drift = (ratio - 1.0) * (len(data) - 1)
    steps = int(np.floor(late + drift + 0.5))
    if steps == 0:
        return [Piece(at, data, file, False)]
    # Sample k lies at late + k * ratio after `at`; here that passes the middle between two.
    sign = 1 if steps > 0 else -1
    levels = sign * (np.arange(1, abs(steps) + 1) - 0.5)
    cuts = np.ceil((levels - late) / (ratio - 1.0)).astype(np.int64)
    edges = np.concatenate([[0], cuts.clip(0, len(data)), [len(data)]])
    pieces = []
    for k, (a, b) in enumerate(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)):
        # Of two samples for one place the earlier one stays.
        a = a + 1 if sign < 0 and k else a
        if b > a:
            pieces.append(Piece(at + a + sign * k, data[a:b], file, False))
    return pieces
