"""How a record is scanned, and what is said about it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ScanSettings:
    """How windows are laid and combined; lengths in samples.

    Parameters
    ----------
    length, step : int
        Of a window, and between windows.
    min_fraction : float
        Share of its samples that a window must have.
    stack : str
        How overlapping windows are combined.
    batch_size : int
        Windows that are predicted at once.
    sampling_rate : float
        Hertz.
    progress : bool
        Whether there is a progress bar.
    padded : bool, default=False
        Whether windows reach beyond the ends of the record.
    persistence, spread : int
        See :class:`OverlapStack`.
    """

    length: int
    step: int
    min_fraction: float
    stack: str
    batch_size: int
    sampling_rate: float
    progress: bool = False
    padded: bool = False
    persistence: int = 1
    spread: int = 0

    def batches(self, n_windows):
        """First window of each batch, behind a progress bar where one is wanted."""
        starts = range(0, n_windows, self.batch_size)
        if not self.progress:
            return starts
        from ..utils import progress_bar

        return progress_bar(starts, desc="windows", disable=None)


def remarks(n_samples, settings, *, n_windows, n_short, n_dead):
    """What happened to the windows of a station, in words.

    Parameters
    ----------
    n_samples : int
        Of the record.
    settings : ScanSettings
        How it was scanned.
    n_windows, n_short, n_dead : int
        Windows in all, those that hold too little data, and of the others those in which a
        component does not move.

    Returns
    -------
    remarks : list of str
        Empty if there is nothing to say.
    """
    said = []
    if n_samples < settings.length:
        missing = 1 - n_samples / settings.length
        remark = f"{n_samples / settings.sampling_rate:g} s, shorter than a window"
        if n_short < n_windows:
            said.append(f"{remark}: padded")
        else:
            said.append(
                f"{remark}: not scanned; EventDetector(..., max_gap_fraction={missing:.2f}) "
                f"or more pads it"
            )
    elif n_short:
        said.append(f"{n_short} windows over gaps left out")
    if n_dead:
        said.append(f"{n_dead} windows with a constant (dead) component left out")
    return said
