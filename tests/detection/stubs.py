"""Classifiers whose functions over time are known, and records for them."""

import numpy as np
from obspy import Stream, Trace, UTCDateTime

from seisclf.detection import EventDetector

RATE = 20.0
START = UTCDateTime(2020, 3, 28, 12, 59)
# Seconds of the windows of all stubs.
WINDOW = 12.0


class StationStub:
    """P, S and masks are read off the channels; remembers what it was given.

    Z above 1 is the earthquake's mask, N above 1 the rockfall's; E of 5 is P, of -5 is S.
    """

    classes_ = np.array(["earthquake", "noise", "rockfall"])
    sampling_rate = RATE
    n_channels_in_ = 3
    n_samples_in_ = round(WINDOW * RATE)

    def __init__(self):
        self.seen = []

    def predict_proba(self, X):
        raise AssertionError("functions over time are asked for")

    def predict_functions(self, X):
        self.seen.append(X.copy())
        return self.functions(X)

    def functions(self, X):
        z, n, e = np.moveaxis(X, -2, 0)
        functions = {
            "P": 0.9 * (e == 5),
            "S": 0.8 * (e == -5),
            "earthquake": np.clip(z - 1, 0, 1),
            "rockfall": np.clip(n - 1, 0, 1),
        }
        return {name: values.astype(np.float32) for name, values in functions.items()}


class NetworkStub(StationStub):
    """Occurrence is the mean over stations of a spike that stands half a second early."""

    def __init__(self, n_stations=2):
        super().__init__()
        self.n_stations_in_ = n_stations

    def predict_functions(self, X):
        self.seen.append(X.copy())
        with np.errstate(invalid="ignore"):
            present = ~np.isnan(X[:, :, 0, 0])
            own = {name: np.nan_to_num(f) for name, f in self.functions(X).items()}
            marks = {
                label: (np.nan_to_num(X[:, :, c]) == 7).sum(1) / present.sum(1)[:, None]
                for label, c in (("rockfall", 1), ("earthquake", 0))
            }
        occurrence = {f"occurrence_{k}": (0.9 * v).astype(np.float32) for k, v in marks.items()}
        return occurrence | own


class Loudness:
    """Loud windows are events, those that jump much are quakes; remembers what it was given."""

    classes_ = np.array(["noise", "quake", "rockfall"])

    def __init__(self):
        self.seen = []

    def predict_proba(self, X):
        self.seen += [x.tobytes() for x in X]
        X = X.reshape(len(X), -1, X.shape[-1]).astype(float)
        loud = np.clip(X.std(axis=-1).mean(axis=-1), 0, 1)
        jumps = np.clip(np.abs(np.diff(X, axis=-1)).mean(axis=(1, 2)), 0, 1)
        return np.column_stack([1 - loud, loud * jumps, loud * (1 - jumps)])


def window_detector(classifier=None, **options):
    fixed = {"window": 6.0, "step": 1.0, "sampling_rate": RATE, "components": "ZN"}
    return EventDetector(classifier or Loudness(), **(fixed | options))


def station(code="A", n=1200, seed=0, network="XX", location="10", start=START):
    """Quiet noise of three components, E N Z."""
    rng = np.random.default_rng([seed, len(code)])
    return Stream(
        Trace(
            rng.normal(0, 0.1, n),
            {
                "network": network, "station": code, "location": location, "channel": "EH" + c,
                "sampling_rate": RATE, "starttime": start,
            },
        )
        for c in "ENZ"
    )  # fmt: skip


def put(stream, component, first, last, value):
    """Write a value between two seconds of a component."""
    data = stream.select(component=component)[0].data
    data[round(first * RATE) : round(last * RATE)] = value
    return stream


def earthquake(stream, at, s_minus_p=3.0):
    """P, S and mask of an earthquake, and its mark for the network."""
    put(stream, "Z", at, at + s_minus_p, 2.0)
    put(stream, "E", at, at + 1 / RATE, 5)
    put(stream, "E", at + s_minus_p, at + s_minus_p + 1 / RATE, -5)
    return put(stream, "Z", at - 0.5, at - 0.5 + 1 / RATE, 7)


def rockfall(stream, at, duration=6.0):
    """Mask of a rockfall, and its mark for the network."""
    put(stream, "N", at, at + duration, 2.0)
    return put(stream, "N", at - 0.5, at - 0.5 + 1 / RATE, 7)


def remove(stream, component, first, last):
    """Cut a gap, in seconds, into one component."""
    out = Stream()
    for trace in stream:
        if trace.stats.channel[-1] != component:
            out += trace
            continue
        t = trace.stats.starttime
        out += trace.slice(endtime=t + first - 1 / RATE)
        out += trace.slice(starttime=t + last)
    return out
