"""The parts of a scan: stations that are scanned together, and what a task needs of them."""

from dataclasses import dataclass

import numpy as np

from ..io._grid import first_sample, sample_index, sample_time
from ._network_record import choose_stations, fill_slots, reasons_asked_for
from ._records import instruments_of, is_rate
from ._settling import cut_reach

# Seconds without a cut after which a record is divided all the same.
FORCED_AFTER = 3600.0


@dataclass(frozen=True)
class Group:
    """Stations that are scanned together, on one grid of samples.

    Attributes
    ----------
    name : str
        Of the station; those of a network joined by blanks.
    instruments : tuple of Instrument or None
        One for each place; None for an empty one.
    anchor_ns : int
        UTC time of sample 0 in nanoseconds: windows, frames and samples count from it.
    n_samples : int
        Length of the record.
    """

    name: str
    instruments: tuple
    anchor_ns: int
    n_samples: int

    @property
    def present(self):
        """Instruments that are there."""
        return [instrument for instrument in self.instruments if instrument is not None]


@dataclass(frozen=True)
class Task:
    """Samples ``first`` up to but not including ``last`` of a group.

    `recorded` is the seconds of data that they hold, as far as is known before they are read; an
    `empty` one has none, also not as far around as its windows reach, and is not read.
    """

    group: int
    first: int
    last: int
    recorded: float
    empty: bool = False


@dataclass(frozen=True)
class Margins:
    """Samples that a task needs beside its own.

    Attributes
    ----------
    frame : int
        Samples of a frame.
    inner : int
        Beside the end of what was read, so many samples may give other events than the whole
        record.
    outer : int
        What is read on either side, a multiple of the step.
    forced : int
        Samples without a cut after which there is one all the same.
    """

    frame: int
    inner: int
    outer: int
    forced: int

    @property
    def more(self):
        """Samples that are read beyond the margin where no cut is found, longer and longer."""
        return 0, self.outer, min(6 * self.outer, self.forced), self.forced


def margins_of(detector):
    """Margins of a detector's tasks.

    Parameters
    ----------
    detector : EventDetector
        How to scan.

    Returns
    -------
    margins : Margins
        See there.
    """
    rate = detector.sampling_rate
    settings = detector._scan_settings()
    frame = 1 if detector.gives_functions else settings.step
    # Windows at an end of what was read stand elsewhere than in the whole record, a gap that is
    # cut there is filled otherwise, and a dead stretch may be too short to be called one.
    edge = 3 * settings.length + int(np.ceil((detector.constant_gap or 0) * rate))
    inner = edge + cut_reach(detector) * frame + detector._record_settings().resampling_reach
    step = settings.step
    outer = -(-(inner + 2 * settings.length) // step) * step
    return Margins(frame, inner, outer, -(-round(FORCED_AFTER * rate) // step) * step)


def plan_groups(detector, channels, *, start_ns=None, end_ns=None):
    """What there is to scan.

    Parameters
    ----------
    detector : EventDetector
        How to scan.
    channels : list of Channel
        All that the archive has.
    start_ns, end_ns : int, optional
        UTC nanoseconds; only samples in [start_ns, end_ns) are scanned.

    Returns
    -------
    groups : list of Group
        One for each station, or the network.
    skipped : dict of str to str
        Stations that cannot be scanned, and why.
    """
    rate = detector.sampling_rate
    instruments, skipped = instruments_of(channels, detector.components)
    if not detector.resample:
        for instrument in list(instruments):
            others = {c.rate for c in instrument.channels if not is_rate(c.rate, rate)}
            if others:
                found = ", ".join(f"{other:g}" for other in sorted(others))
                skipped[instrument.station] = (
                    f"{found} Hz, but the classifier expects {rate:g} Hz: "
                    f"EventDetector(classifier, resample=True)"
                )
                instruments.remove(instrument)
    skipped = reasons_asked_for(detector.stations, instruments, skipped)
    if detector.n_stations is not None:
        slots = fill_slots(instruments, detector.stations, detector.n_stations)
        sets = [tuple(slots)] if any(slots) else []
    else:
        chosen = choose_stations(instruments, detector.stations)
        sets = [(instrument,) for instrument in chosen if instrument]
    groups = []
    for members in sets:
        present = [member for member in members if member]
        group = _group(present, members, rate, start_ns, end_ns)
        if group is None:
            skipped |= {m.station: "nothing recorded between start and end" for m in present}
        else:
            groups.append(group)
    return groups, skipped


def _group(present, members, rate, start_ns, end_ns):
    anchor_ns = min(member.start_ns for member in present)
    if start_ns is not None and start_ns > anchor_ns:
        anchor_ns += sample_time(first_sample(start_ns - anchor_ns, rate), rate)
    last_ns = max(member.end_ns for member in present)
    # Samples between those of the grid are moved to the nearest; resampled, they are their own.
    moved = all(is_rate(c.rate, rate) for member in present for c in member.channels)
    n_samples = (sample_index if moved else first_sample)(last_ns - anchor_ns, rate)
    if end_ns is not None:
        n_samples = min(n_samples, first_sample(end_ns - anchor_ns, rate))
    if n_samples <= 0:
        return None
    name = " ".join(member.station for member in present)
    return Group(name, tuple(members), anchor_ns, n_samples)
