"""Small archives with events, gaps and dead channels, and classifiers that hear them."""

import numpy as np
from obspy import Stream, Trace, UTCDateTime

RATE = 20.0
START = UTCDateTime(2021, 3, 4, 23, 40, 0, 123456)
WINDOW, STEP = 6.0, 1.0


class Loudness:
    """Rockfalls are loud, quakes louder."""

    classes_ = np.array(["noise", "quake", "rockfall"])
    n_channels_in_ = 3

    def predict_proba(self, X):
        level = np.log10(X.std(axis=-1).mean(axis=-1) + 1e-9)
        quake = np.clip(level - 1.5, 0, 1)
        rockfall = np.clip(level, 0, 1) * (1 - quake)
        return np.column_stack([1 - quake - rockfall, quake, rockfall])


class Functions:
    """P, S and masks from running means of the amplitude, and occurrence of a network."""

    classes_ = np.array(["earthquake", "noise", "rockfall"])
    sampling_rate = RATE
    n_channels_in_ = 3
    n_samples_in_ = round(WINDOW * RATE)

    def predict_proba(self, X):
        raise AssertionError("functions over time are asked for")

    def predict_functions(self, X):
        # The mean of a window makes each of its answers depend on all of it.
        smooth = np.abs(X).mean(axis=-2) + 0.05 * np.abs(X).mean(axis=(-1, -2))[..., None]
        level = np.clip(np.log10(smooth + 1e-9), 0, 2).astype(np.float32)
        rise = np.clip(np.diff(level, axis=-1, prepend=level[..., :1]), 0, 1)
        return {
            "P": rise, "S": np.roll(rise, 7, axis=-1) * 0.8,
            "earthquake": np.clip(level - 0.8, 0, 1), "rockfall": np.clip(level / 2, 0, 1),
        }  # fmt: skip


class Network(Functions):
    n_stations_in_ = 2

    def predict_functions(self, X):
        own = super().predict_functions(X)
        with np.errstate(invalid="ignore"):
            common = {
                f"occurrence_{label}": np.nan_to_num(np.nanmax(
                    np.where(np.isnan(own[label]), 0, own[label]), axis=1
                )).astype(np.float32)
                for label in ("earthquake", "rockfall")
            }  # fmt: skip
        return common | own


def channel(rng, n, events, gain):
    x = rng.normal(size=n).astype(np.float32) * 0.3
    for first, last, amplitude in events:
        x[first:last] *= amplitude * gain
    return x


def recording(seed, *, minutes=30, stations="AB", faults=True):
    """Stations of three components with events, in unbroken traces between gaps."""
    rng = np.random.default_rng(seed)
    n = round(minutes * 60 * RATE)
    events = []
    for _ in range(rng.integers(6, 14)):
        first = int(rng.integers(0, max(n - 2400, 1)))
        events.append((first, first + int(rng.integers(10, 1800)), rng.uniform(5, 300)))
    stream = Stream()
    for number, code in enumerate(stations):
        late = int(rng.integers(0, n // 2)) if faults and number else 0
        gain = rng.uniform(0.5, 1.5)
        for letter in "ZNE":
            x = channel(rng, n, events, gain)
            if faults and rng.random() < 0.4:
                first = int(rng.integers(0, n))
                x[first : first + int(rng.integers(50, 3000))] = 7.0  # dead
            keep = np.ones(n, dtype=bool)
            keep[:late] = False
            for _ in range(rng.integers(0, 4) if faults else 0):
                first = int(rng.integers(0, n))
                keep[first : first + int(rng.choice([1, 5, 30, 400, 6000]))] = False
            edges = np.flatnonzero(np.diff(np.r_[0, keep.astype(np.int8), 0])).reshape(-1, 2)
            for first, last in edges:
                stream.append(trace(code, letter, x[first:last], first, number * 0.013))
    return stream


def trace(code, letter, data, first, shift=0.0):
    header = {
        "network": "XX", "station": code, "location": "10", "channel": f"HH{letter}",
        "sampling_rate": RATE, "starttime": START + shift + first / RATE,
    }  # fmt: skip
    return Trace(np.ascontiguousarray(data), header)


def in_pieces(stream, rng, most=6):
    """The same data in more traces, in another order."""
    pieces = []
    for trace_ in stream:
        n = trace_.stats.npts
        edges = np.unique(np.r_[0, rng.integers(0, n + 1, rng.integers(0, most)), n])
        code, letter = trace_.stats.station, trace_.stats.channel[-1]
        for first, last in zip(edges[:-1], edges[1:], strict=True):
            piece = trace(code, letter, trace_.data[first:last], 0)
            piece.stats.starttime = trace_.stats.starttime + first / RATE
            pieces.append(piece)
    rng.shuffle(pieces)
    return Stream(pieces)


def write_files(stream, folder, rng, n_files):
    """Spread traces over miniSEED files, some of them in folders."""
    number = rng.integers(0, n_files, len(stream))
    for k in np.unique(number):
        path = folder / ("deep/er" if k % 2 else ".") / f"{k}.mseed"
        path.parent.mkdir(parents=True, exist_ok=True)
        part = Stream([t for t, own in zip(stream, number, strict=True) if own == k])
        part.write(str(path), format="MSEED")
    return folder
