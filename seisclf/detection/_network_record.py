"""Records of several stations on one time axis, in the order of a network's slots."""

import warnings
from dataclasses import dataclass

import numpy as np

_REPORTED_SHIFT = 0.01  # samples


@dataclass
class NetworkRecord:
    """Continuous data of stations on a common time axis.

    Attributes
    ----------
    stations, seed_ids : list of str
        Of each slot; ``""`` where no station stands.
    start_time : pandas.Timestamp
        UTC time of the first sample.
    data : ndarray of float, shape (n_stations, n_components, n_samples)
        Zero for an empty slot; before and after a station's record its first and last value.
    valid : ndarray of bool, shape (n_stations, n_samples)
        Where all components of a station have data.
    notes : list of list of str
        What was done to each station.
    """

    stations: list
    seed_ids: list
    start_time: object
    data: np.ndarray
    valid: np.ndarray
    notes: list


def choose_stations(records, wanted):
    """Records by the names of their stations, None for one that is not there.

    Parameters
    ----------
    records : list of StationRecord
        Sorted by name.
    wanted : list of str or None
        ``"NET.STA"`` or ``"STA"``; None or ``""`` leaves a place empty. None: all records.

    Returns
    -------
    chosen : list of StationRecord or None
        One for each of `wanted`.
    """
    if wanted is None:
        return list(records)
    chosen = []
    for name in wanted:
        fitting = [record for record in records if name and is_station(record.station, name)]
        if len(fitting) > 1:
            raise ValueError(
                f"stations names {name!r}, which several records fit: "
                f"{', '.join(record.station for record in fitting)}; write one of these"
            )
        if fitting and any(fitting[0] is other for other in chosen):
            raise ValueError(
                f"stations names {fitting[0].station} twice, the second time as {name!r}: name "
                f"each station once"
            )
        chosen.append(fitting[0] if fitting else None)
    return chosen


def is_station(full, name):
    """Whether a record's ``"NET.STA"`` (or ``"NET.STA.LOC.INSTRUMENT"``) is meant by a name."""
    parts = full.split(".")
    return name in (full, ".".join(parts[:2]), *parts[1:2])


def reasons_asked_for(wanted, records, skipped):
    """Why stations cannot be scanned: those that were asked for, and all that are not there.

    Parameters
    ----------
    wanted : list of str or None
        None: all stations.
    records : list of StationRecord
        What can be scanned.
    skipped : dict of str to str
        What cannot, and why.

    Returns
    -------
    reasons : dict of str to str
        Station to reason.
    """
    if wanted is None:
        return skipped
    wanted = [name for name in wanted if name]
    reasons = {
        station: reason
        for station, reason in skipped.items()
        if any(is_station(station, name) for name in wanted)
    }
    present = [record.station for record in records] + list(reasons)
    for name in wanted:
        if not any(is_station(station, name) for station in present):
            reasons[name] = "not in the record"
    return reasons


def fill_slots(records, wanted, n_slots):
    """Stations for the slots of a network, in order.

    Raises
    ------
    ValueError
        If there are more stations than slots, and nobody said which to take.
    """
    chosen = choose_stations(records, wanted)
    names = ", ".join(record.station for record in records)
    if len(chosen) > n_slots:
        raise ValueError(
            f"the stream has {len(chosen)} stations ({names}), but the classifier was fitted on "
            f"a network of {n_slots}: name those, in the order of training, "
            f"EventDetector(classifier, stations=[...])"
        )
    if wanted is None and len(chosen) < n_slots:
        warnings.warn(
            f"the classifier was fitted on a network of {n_slots} stations, the stream has "
            f"{len(chosen)} ({names}): they take the first places. Name all stations in the "
            f"order of training, EventDetector(classifier, stations=[...])",
            UserWarning,
            stacklevel=5,
        )
    return chosen + [None] * (n_slots - len(chosen))


def join_records(chosen, *, sampling_rate, wanted=None):
    """Put records on one time axis.

    Parameters
    ----------
    chosen : list of StationRecord or None
        One for each slot; at least one is not None.
    sampling_rate : float
        Hertz.
    wanted : list of str, optional
        What the slots are called where no station stands.

    Returns
    -------
    network : NetworkRecord
        All stations.
    """
    import pandas as pd

    present = [record for record in chosen if record is not None]
    start_ns = min(record.start_time.value for record in present)
    first = {
        record.station: (record.start_time.value - start_ns) * sampling_rate / 1e9
        for record in present
    }
    n_samples = max(round(first[r.station]) + r.data.shape[1] for r in present)
    shape = (len(chosen), present[0].data.shape[0], n_samples)
    data = np.zeros(shape, dtype=np.result_type(*[record.data for record in present]))
    valid = np.zeros((len(chosen), n_samples), dtype=bool)
    notes = []
    for i, record in enumerate(chosen):
        notes.append([] if record is None else list(record.notes))
        if record is None:
            continue
        at = round(first[record.station])
        shift = first[record.station] - at
        if abs(shift) > _REPORTED_SHIFT:
            notes[i].append(f"moved by {-shift:.2f} samples to the common time axis")
        end = at + record.data.shape[1]
        data[i, :, at:end], valid[i, at:end] = record.data, record.valid
        data[i, :, :at] = record.data[:, :1]
        data[i, :, end:] = record.data[:, -1:]
    names = list(wanted or [])[: len(chosen)]
    names += [None] * (len(chosen) - len(names))
    return NetworkRecord(
        stations=[r.station if r else (n or "") for r, n in zip(chosen, names, strict=True)],
        seed_ids=[record.seed_id if record else "" for record in chosen],
        start_time=pd.Timestamp(start_ns, unit="ns", tz="UTC"),
        data=data,
        valid=valid,
        notes=notes,
    )
