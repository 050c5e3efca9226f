"""Noise cut from before onsets, as a class of its own."""

import numpy as np
from sklearn.utils import Bunch

from ._windows import ONSET_COLUMNS, cut_rows, cut_windows, named, place_windows

_SEEN_IN_NOISE = ("event_id", "source_id")  # what noise keeps of its event: its group


def noise_windows(
    bunch, *, duration, end_before_onset=1.0, relative_to="P", label="noise", outside="raise"
):
    """Cut noise from before an onset.

    Parameters
    ----------
    bunch : :class:`~sklearn.utils.Bunch`
        As the functions of :mod:`seisclf.datasets` return it.
    duration : float
        Length of the noise in seconds.
    end_before_onset : float, default=1.0
        Seconds between the end of the noise and the onset; more than picks are uncertain.
    relative_to : str, float or sequence of these, default="P"
        The onset, as in :func:`cut_windows`.
    label : str, default="noise"
        Class of the windows.
    outside : {"raise", "drop", "pad"}, default="raise"
        What to do about windows that leave the recording, as in :func:`cut_windows`.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        A new one. Each window keeps the ``event_id`` of the event it precedes, so that the two
        stay together in a split by event, its station and its own time; source, picks and masks
        are those of noise: none.

    Raises
    ------
    ValueError
        As in :func:`cut_windows`.

    Examples
    --------
    >>> from seisclf.datasets import make_seismic_events, noise_windows
    >>> events = make_seismic_events(6, classes=["earthquake", "quake"], random_state=0)
    >>> noise = noise_windows(events, duration=2)
    >>> noise.data.shape, set(noise.target.tolist())
    ((6, 3, 200), {'noise'})
    """
    if not end_before_onset >= 0:
        raise ValueError(
            f"end_before_onset must not be negative, or the event is in the noise; got "
            f"{end_before_onset!r}"
        )
    noise = cut_windows(
        bunch,
        start=-end_before_onset - duration,
        end=-end_before_onset,
        relative_to=relative_to,
        outside=outside,
    )
    return _as_noise(noise, np.ones(len(noise.data), dtype=bool), label)


def add_noise_class(
    bunch,
    *,
    start,
    end,
    relative_to="P",
    end_before_onset=None,
    label="noise",
    outside="raise",
):
    """Cut windows around an onset, and as many of noise from before it as a class of its own.

    Parameters
    ----------
    bunch : :class:`~sklearn.utils.Bunch`
        As the functions of :mod:`seisclf.datasets` return it.
    start, end : float
        Window of the events in seconds relative to the onset, as in :func:`cut_windows`. Noise
        windows have the same length.
    relative_to : str, float or sequence of these, default="P"
        The onset, as in :func:`cut_windows`.
    end_before_onset : float, optional
        Seconds between the end of the noise and the onset. Default: the noise ends where the
        event's window starts, but at least one second before the onset.
    label : str, default="noise"
        Class of the noise.
    outside : {"raise", "drop", "pad"}, default="raise"
        What to do about windows that leave the recording, as in :func:`cut_windows`. An event
        may be left out and its noise kept, or the other way round.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        A new one: first the events, then the noise. The noise of an event has its ``event_id``:
        split by it (``groups=bunch.metadata["event_id"]``), for the two were recorded within
        seconds of each other.

    Raises
    ------
    ValueError
        As in :func:`cut_windows`, and if the data set has no classes.

    See Also
    --------
    noise_windows : The noise alone.

    Examples
    --------
    >>> from collections import Counter
    >>> from seisclf.datasets import add_noise_class, make_seismic_events
    >>> events = make_seismic_events(6, classes=["earthquake", "quake"], random_state=0)
    >>> both = add_noise_class(events, start=-0.5, end=2)
    >>> both.data.shape
    (12, 3, 250)
    >>> sorted(Counter(both.target.tolist()).items())
    [('earthquake', 3), ('noise', 6), ('quake', 3)]
    """
    if bunch.get("target") is None:
        raise ValueError("add_noise_class needs a data set with classes; this one has no target")
    if end_before_onset is None:
        end_before_onset = max(1.0, -start)
    first, n_samples = place_windows(bunch, start, end, relative_to)
    shift = round((start + end_before_onset) * bunch.sampling_rate) + n_samples
    rows = np.tile(np.arange(len(first)), 2)
    is_noise = np.repeat([False, True], len(first))
    what = f"from {start:g} s to {end:g} s around {named(relative_to)}, or of noise before it,"
    marked = Bunch(**bunch, _is_noise=is_noise)
    cut = cut_rows(
        marked, rows, first[rows] - is_noise * shift, n_samples, what, relative_to, outside
    )
    return _as_noise(cut, cut.pop("_is_noise"), label)


def _as_noise(bunch, is_noise, label):
    """Make windows forget source, picks and class; in a bunch that is ours."""
    target = np.array(bunch.target if bunch.get("target") is not None else [""] * len(is_noise))
    bunch.target = np.where(is_noise, label, target)
    metadata = bunch.metadata
    for name in list(metadata):
        if name in ("source_type", "trace_category"):
            metadata[name] = metadata[name].where(~is_noise, label)
        elif _tells_of_source(name):
            metadata[name] = metadata[name].where(~is_noise)
    if bunch.get("arrivals") is not None:
        each = len(bunch.arrivals) // len(is_noise)
        bunch.arrivals = bunch.arrivals.copy()
        bunch.arrivals.loc[np.repeat(is_noise, each)] = np.nan
    if bunch.get("masks") is not None:
        bunch.masks[is_noise] = 0
    if "target_names" in bunch and label not in bunch.target_names:
        bunch.target_names = [*bunch.target_names, label]
    return bunch


def _tells_of_source(name):
    ours = ("magnitude", "distance", "back_azimuth", "origin_time", "snr_db", *ONSET_COLUMNS)
    of_seisbench = name.startswith(("source_", "path_")) or (
        name.startswith("trace_") and name.endswith(("_sample", "_snr_db"))
    )
    return (name in ours or of_seisbench) and name not in _SEEN_IN_NOISE
