"""Events in packets: seconds until they are seen and final, and time that a packet takes."""

import time

import numpy as np

RATE, WINDOW, STEP = 100.0, 12.0, 1.0
PACKET_S = 1.0
CLASSES = ("earthquake", "noise", "quake", "rockfall")


def run(quick=False):
    """Follow stations of three components in packets of a second.

    How late events are seen counts in seconds of data, and so does not depend on the machine: a
    classifier that hears loudness is given bangs at random times. How long a packet takes is
    measured with STFT-CNN, trained for an epoch on noise: what it says does not matter, and how
    long it takes does not depend on it.

    Parameters
    ----------
    quick : bool, default=False
        Two stations for a minute and a half instead of twenty for five, and fewer bangs.

    Returns
    -------
    figures : dict
        For each way to stack: ``pending_s`` (seconds from an onset until ``pending()`` shows the
        event, the largest and the median), ``stated_s`` (the detector's ``latency`` and the
        length of a packet), and ``final_s`` (from the end of an event until ``push`` returns it).
        ``packet_ms`` and ``packet_ms_99``: computing time of a packet of one channel, mean and
        99th percentile. ``predict_share``: part of it that the network takes.
        ``stations_in_real_time``: stations that one core can follow. ``state_kb`` and ``save_ms``
        of a state of all stations.
    """
    n_bangs = 4 if quick else 40
    figures = {
        stack: _latency(stack, n_bangs, chain=chain)
        for stack, chain in (("mean", False), ("window", False), ("chain", True))
    }
    return figures | _cost(2 if quick else 20, 90 if quick else 300)


class _Loudness:
    classes_ = np.array(["noise", "rockfall"])

    def predict_proba(self, X):
        loud = np.clip(X.std(axis=-1).mean(axis=-1), 0.0, 1.0)
        return np.column_stack([1 - loud, loud])


def _latency(stack, n_bangs, *, chain):
    import pandas as pd

    from seisclf.detection import EventDetector, StreamingDetector, stft_cnn_postprocessing

    rng = np.random.default_rng(0)
    data = 0.01 * rng.normal(size=(3, round((n_bangs + 1) * 90 * RATE)))
    for k in range(n_bangs):
        first = round((60 + 90 * k + rng.uniform(0, 20)) * RATE)
        data[:, first : first + round(rng.uniform(8, 20) * RATE)] *= 100
    options = {"stack": stack, "refine": False}
    if chain:
        options = {"postprocessing": stft_cnn_postprocessing(), "refine": False}
    detector = EventDetector(
        _Loudness(), window=WINDOW, step=STEP, sampling_rate=RATE, components="ZNE", **options
    )
    packets = _packets(data, "A")
    events = detector.detect(_whole(packets)).to_frame()
    streaming = StreamingDetector(detector, max_ahead=None)
    seen, final = {}, {}
    for packet in packets:
        now = pd.Timestamp(packet.stats.endtime.ns, unit="ns", tz="UTC")
        for event in streaming.push(packet).to_frame().itertuples():
            final[event.onset] = (now - event.end).total_seconds()
        for event in streaming.pending().to_frame().itertuples():
            seen.setdefault(event.onset, (now - event.onset).total_seconds())
    if set(final) != set(events["onset"]):
        raise RuntimeError(f"{len(final)} events of the stream, {len(events)} of the whole")
    waits = [seen[onset] for onset in events["onset"] if onset in seen]
    return {
        "pending_s": [round(max(waits), 2), round(float(np.median(waits)), 2)],
        "stated_s": round(streaming.latency + PACKET_S, 2),
        "final_s": [
            round(max(final.values()), 2),
            round(float(np.median(list(final.values()))), 2),
        ],
        "events": len(events),
    }


def _cost(n_stations, seconds):
    import tempfile
    from pathlib import Path

    from seisclf.detection import EventDetector, StreamingDetector

    classifier = _Timed(_network())
    detector = EventDetector(classifier, window=WINDOW, step=STEP, sampling_rate=RATE)
    rng = np.random.default_rng(1)
    streaming = StreamingDetector(detector, max_ahead=None)
    shape = (3, round(seconds * RATE))
    each = [_packets(rng.normal(size=shape), f"S{i}") for i in range(n_stations)]
    packets = sorted((p for own in each for p in own), key=lambda p: p.stats.endtime.ns)
    times = []
    for packet in packets:
        begin = time.perf_counter()
        streaming.push(packet)
        times.append(time.perf_counter() - begin)
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        path = streaming.save(Path(folder) / "stream.state")
        save = time.perf_counter() - begin
        size = path.stat().st_size
    total = sum(times)
    return {
        "packet_ms": round(1e3 * float(np.mean(times)), 3),
        "packet_ms_99": round(1e3 * float(np.quantile(times, 0.99)), 2),
        "predict_share": round(classifier.seconds / total, 3),
        "stations_in_real_time": round(n_stations * seconds / total, 1),
        "stations": n_stations,
        "seconds": seconds,
        "packets": len(packets),
        "state_kb": round(size / 1024, 1),
        "save_ms": round(1e3 * save, 1),
    }


class _Timed:
    """A classifier that knows how long it took."""

    def __init__(self, classifier):
        self.classifier, self.seconds = classifier, 0.0
        self.classes_ = classifier.classes_
        self.sampling_rate, self.n_channels_in_ = RATE, 3

    def predict_proba(self, X):
        begin = time.perf_counter()
        probabilities = self.classifier.predict_proba(X)
        self.seconds += time.perf_counter() - begin
        return probabilities


def _network():
    from seisclf.neural_network import STFTCNNClassifier

    X = np.random.default_rng(0).normal(size=(32, 3, round(WINDOW * RATE))).astype(np.float32)
    return STFTCNNClassifier(
        sampling_rate=RATE, max_epochs=1, batch_size=32, random_state=0, device="cpu"
    ).fit(X, np.resize(CLASSES, 32))


def _packets(data, code):
    """Packets of a second, in order of time."""
    from obspy import Trace, UTCDateTime

    n = round(PACKET_S * RATE)
    header = {"network": "XX", "station": code, "sampling_rate": RATE}
    return [
        Trace(
            row[first : first + n].astype(np.float32),
            {
                **header,
                "channel": f"HH{letter}",
                "starttime": UTCDateTime(2024, 1, 1) + first / RATE,
            },
        )
        for first in range(0, data.shape[1], n)
        for row, letter in zip(data, "ZNE", strict=True)
    ]


def _whole(packets):
    from obspy import Stream

    return Stream(packets)
