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
        from ..utils import progress_bar

        starts = range(0, n_windows, self.batch_size)
        return progress_bar(starts, desc="windows", disable=None if self.progress else True)


def remarks(n_samples, settings, usable, alive):
    """What happened to the windows of a station, in words.

    Parameters
    ----------
    n_samples : int
        Of the record.
    settings : ScanSettings
        How it was scanned.
    usable, alive : ndarray of bool, shape (n_windows,)
        Which windows hold enough data, and in which all components move.

    Returns
    -------
    remarks : list of str
        Empty if there is nothing to say.
    """
    said = []
    if n_samples < settings.length:
        missing = 1 - n_samples / settings.length
        remark = f"{n_samples / settings.sampling_rate:g} s, shorter than a window"
        if usable.any():
            said.append(f"{remark}: padded")
        else:
            said.append(
                f"{remark}: not scanned; EventDetector(..., max_gap_fraction={missing:.2f}) "
                f"or more pads it"
            )
    elif not usable.all():
        said.append(f"{(~usable).sum()} windows over gaps left out")
    dead = usable & ~alive
    if dead.any():
        said.append(f"{dead.sum()} windows with a constant (dead) component left out")
    return said
