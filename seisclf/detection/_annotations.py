"""Functions over time as ObsPy traces, under the codes that RockNet's authors use."""

import numpy as np

from ._time_functions import OCCURRENCE
from ._windows import runs

# Where the authors have a code of their own.
_KNOWN = {"earthquake": "eq", "rockfall": "rf"}


def class_codes(classes):
    """Two letters for each class, by which traces of functions are named.

    ``eq`` for earthquakes and ``rf`` for rockfalls, as RockNet's authors write; for other classes
    the initials of their first two words, or the first two letters of their only one. A code that
    is taken already keeps its first letter and gets a digit.

    Parameters
    ----------
    classes : iterable
        Labels.

    Returns
    -------
    codes : dict
        Label to code, in the order of `classes`.

    Examples
    --------
    >>> class_codes(["earthquake", "rockfall", "quake", "snow_avalanche", "quarry blast", "quad"])
    {'earthquake': 'eq', 'rockfall': 'rf', 'quake': 'qu', 'snow_avalanche': 'sa', \
'quarry blast': 'qb', 'quad': 'q2'}
    """
    codes = {}
    for label in classes:
        words = "".join(c if c.isalnum() else " " for c in str(label).lower()).split() or ["x"]
        code = words[0][0] + words[1][0] if len(words) > 1 else words[0][:2].ljust(2, "x")
        code = _KNOWN.get(str(label), code)
        digit = 2
        while code in codes.values():
            code, digit = code[0] + (str(digit) if digit < 10 else chr(55 + digit)), digit + 1
        codes[label] = code
    return codes


def function_codes(classes, *, network=True):
    """Names of functions by the codes of their traces.

    Parameters
    ----------
    classes : iterable
        Labels of the classes that are events.
    network : bool, default=True
        Whether there are functions of occurrence.

    Returns
    -------
    codes : dict of str to str
        ``"<station>.<channel>"`` for the network, ``"<channel>"`` at a station.

    Examples
    --------
    >>> function_codes(["earthquake", "rockfall"])
    {'EQ.occ': 'occurrence_earthquake', 'RF.occ': 'occurrence_rockfall', 'P': 'P', 'S': 'S', \
'eqM': 'earthquake', 'rfM': 'rockfall'}
    """
    codes = class_codes(classes)
    named = {}
    if network:
        named = {f"{code.upper()}.occ": f"{OCCURRENCE}{label}" for label, code in codes.items()}
    named |= {"P": "P", "S": "S"}
    return named | {f"{code}M": str(label) for label, code in codes.items()}


def function_stream(functions):
    """ObsPy Stream of :class:`FunctionsOverTime`."""
    from obspy import Stream

    codes = {name: code for code, name in function_codes(functions.classes).items()}
    stream = Stream()
    if functions.network is not None:
        of_network = functions.network
        network, _, location, _ = _seed_parts(of_network.seed_id)
        for name, values in of_network.functions.items():
            station, channel = codes.get(name, f"{name[:5].upper()}.occ").split(".")
            ids = (network, station, location, channel)
            stream += _traces(values, ids, of_network, 1 / of_network.step, name)
    for function in functions.values():
        network, station, location, _ = _seed_parts(function.seed_id)
        for name, values in function.functions.items():
            ids = (network, station, location, codes.get(name, name))
            stream += _traces(values, ids, function, 1 / function.step, name)
    return stream


def probability_stream(functions):
    """ObsPy Stream of :class:`ProbabilityFunctions`: one sample per frame, at its middle."""
    import pandas as pd
    from obspy import Stream

    stream = Stream()
    for function in functions.values():
        network, station, location, _ = _seed_parts(function.seed_id)
        codes = class_codes(function.classes)
        middle = pd.Timedelta(function.step / 2, unit="s")
        for label, values in zip(function.classes, function.probabilities.T, strict=True):
            ids = (network, station, location, f"{codes[label]}P")
            stream += _traces(values, ids, function, 1 / function.step, str(label), middle)
    return stream


def _traces(values, ids, function, rate, name, delay=None):
    """One trace for each stretch that is not NaN."""
    from obspy import Stream, Trace, UTCDateTime

    start = function.start_time if delay is None else function.start_time + delay
    start_ns = start.value
    pieces = Stream()
    for first, last in runs(~np.isnan(values)):
        header = dict(zip(("network", "station", "location", "channel"), ids, strict=True))
        header |= {
            "sampling_rate": rate,
            "starttime": UTCDateTime(ns=start_ns + round(first / rate * 1e9)),
        }
        trace = Trace(np.array(values[first:last], dtype=np.float32), header)
        # Kept in memory only; in files the codes tell, see EventDetector.codes.
        trace.stats["seisclf"] = {"function": name}
        pieces.append(trace)
    return pieces


def _seed_parts(seed_id):
    return (seed_id.split(".") + [""] * 4)[:4]
