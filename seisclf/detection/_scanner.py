"""From the traces of a stream to functions over time: what a detector does before it picks."""

import warnings

from ._classifier import labels_of_functions
from ._function_scan import scan_network, scan_station
from ._functions import ProbabilityFunctions
from ._network_record import choose_stations, fill_slots, join_records, reasons_asked_for
from ._records import (
    as_stream,
    check_rates,
    instruments_of,
    station_record,
    stream_channels,
)
from ._time_functions import FunctionsOverTime
from ._window_scan import scan_windows


def scan_stream(detector, stream):
    """Functions of all stations of a stream, before post-processing.

    Parameters
    ----------
    detector : EventDetector
        How to scan.
    stream : obspy.Stream
        Left unchanged.

    Returns
    -------
    functions : ProbabilityFunctions or FunctionsOverTime
        See :meth:`EventDetector.predict_functions`.
    """
    stream = as_stream(stream)
    settings = detector._record_settings()
    channels = stream_channels(stream)
    if not detector.resample:
        check_rates(channels, detector.sampling_rate)
    instruments, skipped = instruments_of(channels, detector.components)
    skipped = reasons_asked_for(detector.stations, instruments, skipped)

    def record_of(instrument, anchor_ns):
        record, notes = station_record(instrument, stream, settings, anchor_ns=anchor_ns)
        if record is None:
            skipped[instrument.station] = "; ".join(notes) or "no data"
        return record

    network = None
    if detector.n_stations is not None:
        slots = fill_slots(instruments, detector.stations, detector.n_stations)
        anchor_ns = min((slot.start_ns for slot in slots if slot), default=0)
        network, scanned = functions_of_network(
            detector, [slot and record_of(slot, anchor_ns) for slot in slots], skipped
        )
    else:
        chosen = [one for one in choose_stations(instruments, detector.stations) if one]
        records = (record_of(instrument, instrument.start_ns) for instrument in chosen)
        scanned = [function_of(detector, record) for record in records if record]
    functions = []
    for function in scanned:
        if function.n_windows:
            functions.append(function)
        else:
            skipped[function.station] = "; ".join(function.notes) or "no data"
    if not functions:
        raise ValueError(f"no station can be scanned. {_listed(skipped)}")
    if skipped:
        warnings.warn(
            f"stations that were not scanned: {_listed(skipped)}", UserWarning, stacklevel=3
        )
    return collected(detector, functions, network=network, skipped=skipped)


def collected(detector, functions, *, network=None, skipped=None):
    """Functions of stations as one object, of the kind that the classifier gives."""
    if not detector.gives_functions:
        return ProbabilityFunctions(functions, skipped=skipped)
    return FunctionsOverTime(
        functions,
        classes=detector.events,
        network=network,
        picked=labels_of_functions(detector.classifier, "picked", ("earthquake",)),
        skipped=skipped,
        persistence=detector.persistence or 1,
    )


def function_of(detector, record):
    """Functions of one station: a ProbabilityFunction or StationFunctions."""
    if detector.gives_functions:
        return scan_station(record, detector._predict_station, detector._scan_settings())
    return scan_windows(record, detector.classifier, detector._scan_settings())


def functions_of_network(detector, records, skipped):
    """Functions of a network and of its stations; records by slot, None for an empty one."""
    if not any(records):
        raise ValueError(f"no station can be scanned. {_listed(skipped) or 'The record has none'}")
    network = join_records(records, sampling_rate=detector.sampling_rate, wanted=detector.stations)
    return scan_network(network, detector._predictor, detector._scan_settings())


def _listed(skipped):
    return "; ".join(f"{station}: {reason}" for station, reason in skipped.items())
